//! What the tests across crates share.

#[cfg(target_os = "linux")]
pub mod cut_proxy;
#[cfg(target_os = "linux")]
pub mod pcscd;
#[cfg(target_os = "linux")]
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod programs;
#[cfg(target_os = "linux")]
pub mod stage;
#[cfg(target_os = "linux")]
pub mod watched_keys;
