//! What the tests across crates share.

#[cfg(target_os = "linux")]
pub mod pcscd;
