//! How often something was done, and how long that took in all: for those who watch.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So often, and so long in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// How often.
    pub count: u64,
    /// How long, in all.
    pub time: Duration,
}

/// Adds it up, from many threads.
#[derive(Debug, Default)]
pub(super) struct Spending {
    count: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Spending {
    /// Does it, and counts it.
    pub(super) fn on<T>(&self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        let took = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(took, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        done
    }

    pub(super) fn so_far(&self) -> Spent {
        let time = Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed));
        Spent { count: self.count.load(Ordering::Relaxed), time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_counted() {
        let spending = Spending::default();
        assert_eq!(spending.so_far(), Spent::default());
        assert_eq!(spending.on(|| 7), 7);
        assert_eq!(spending.on(|| 8), 8);
        assert_eq!(spending.so_far().count, 2);
    }
}
