//! What the tests across crates share.

#[cfg(target_os = "linux")]
pub mod pcscd;
#[cfg(target_os = "linux")]
pub mod programs;
#[cfg(target_os = "linux")]
pub mod stage;
