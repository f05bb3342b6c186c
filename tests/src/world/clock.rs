//! A clock that the test sets.

use card_host::card_core::units::CardTime;
use card_host::issuer::{BUILD_TIME, Clock};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A clock that the test sets.
#[derive(Clone)]
pub struct TestClock(Arc<AtomicU32>);

impl TestClock {
    /// Some time after this program was built.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicU32::new(BUILD_TIME.0 + 100_000)))
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: u32) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets it to a time.
    pub fn set(&self, time: CardTime) {
        self.0.store(time.0, Ordering::SeqCst);
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Option<CardTime> {
        Some(CardTime(self.0.load(Ordering::SeqCst)))
    }
}
