//! What the tests across crates share.

use std::time::Duration;

/// After so long a test hangs, on any machine and beside any other work. A watchdog, and no measure: what a test says about
/// speed it prints.
pub const HANG: Duration = Duration::from_secs(600);

/// Prints a line of a benchmark. Where nobody reads any more it goes on: how it ends says what it found.
#[macro_export]
macro_rules! say {
    ($($line:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($line)*);
    }};
}

#[cfg(target_os = "linux")]
pub mod cut_proxy;
#[cfg(target_os = "linux")]
pub mod pcscd;
#[cfg(target_os = "linux")]
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod programs;
#[cfg(target_os = "linux")]
pub mod scripted_pcsc;
#[cfg(target_os = "linux")]
pub mod stage;
#[cfg(target_os = "linux")]
pub mod watched_keys;
#[cfg(target_os = "linux")]
pub mod wear;
#[cfg(target_os = "linux")]
pub mod world;
#[cfg(target_os = "linux")]
pub mod year;
