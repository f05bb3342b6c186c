//! Counts what goes over a transport.

use std::time::{Duration, Instant};

use super::sealed::Complete;
use super::{Link, TransportError};

/// What went over a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Commands sent.
    pub exchanges: u64,
    /// Bytes to the card.
    pub bytes_out: u64,
    /// Bytes from the card, status words included.
    pub bytes_in: u64,
    /// Time between command and response, in total.
    pub time: Duration,
}

/// Counts exchanges and bytes.
#[derive(Debug)]
pub struct Count<T> {
    inner: T,
    usage: Usage,
}

impl<T> Count<T> {
    /// A layer around `inner`, from zero.
    pub fn new(inner: T) -> Self {
        Self { inner, usage: Usage::default() }
    }

    /// What has gone over it so far.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// What is inside.
    pub const fn inner(&self) -> &T {
        &self.inner
    }

    /// What was inside.
    pub fn into_inner(self) -> T {
        self.inner
    }
}

impl<T: Link> Link for Count<T> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let begun = Instant::now();
        let outcome = self.inner.transmit(command);
        let usage = &mut self.usage;
        usage.time = usage.time.saturating_add(begun.elapsed());
        usage.exchanges = usage.exchanges.saturating_add(1);
        usage.bytes_out = usage.bytes_out.saturating_add(command.len() as u64);
        usage.bytes_in = usage.bytes_in.saturating_add(outcome.as_ref().map_or(0, Vec::len) as u64);
        outcome
    }

    fn description(&self) -> String {
        self.inner.description()
    }
}

impl<T: Complete> Complete for Count<T> {}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    #[test]
    fn both_ways_are_counted() {
        let mut layer = Count::new(Script::new(&[&[1, 2, 0x90, 0], &[0x69, 0x82]]));
        layer.transmit(&[0, 0xA4, 4, 0]).unwrap();
        layer.transmit(&[0, 0xB0, 0, 0, 0]).unwrap();
        let Usage { exchanges, bytes_out, bytes_in, .. } = layer.usage();
        assert_eq!((exchanges, bytes_out, bytes_in), (2, 9, 6));
    }
}
