//! Random numbers of the operating system.

use card_core::platform::{Random, RandomError};

/// The operating system's source, fit for keys and challenges.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(out).map_err(|_| {
            out.fill(0);
            RandomError
        })
    }
}
