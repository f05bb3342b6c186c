//! Waiting until a card is in a reader.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::watch::{Event, watch};
use super::{SERVICE_LIMIT, names};
use crate::reader_error::ReaderError;

/// A card that was found by waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardPresent {
    /// The reader's whole name.
    pub reader: String,
    /// The card's answer to reset.
    pub atr: Vec<u8>,
}

/// Waits until a reader with `name` in its name (empty: any reader) holds a card that answers, at most for `timeout`. A card that
/// is there already is found at once. Readers may come and go meanwhile, and the service be restarted.
///
/// Fails at once where the service does not run to begin with. At the end of the time, the error says what was missing: the service,
/// a reader, or the card.
pub fn wait_for_card(name: &str, timeout: Duration) -> Result<CardPresent, ReaderError> {
    let watch = watch()?;
    let begun = Instant::now();
    let (mut watching, mut service) = (false, Err(ReaderError::ServiceNotRunning));
    let mut readers = BTreeSet::new();
    loop {
        // How things are is told soon, however short the time is.
        let limit = if watching { timeout } else { timeout.max(SERVICE_LIMIT) };
        let left = limit.saturating_sub(begun.elapsed());
        let event = match watch.next_within(left)? {
            Some(event) => event,
            None if !watching => {
                return Err(ReaderError::TimedOut { during: "asking the readers for their cards", limit });
            }
            None => return Err(missing(name, service, &readers)),
        };
        match event {
            Event::ServiceRuns => service = Ok(()),
            Event::ServiceLost(error) => service = Err(error),
            Event::ReaderAttached { reader } => {
                readers.insert(reader);
            }
            Event::ReaderDetached { reader } => {
                readers.remove(&reader);
            }
            Event::CardInserted { reader, atr } if names::fits(name, &reader, &readers) => {
                return Ok(CardPresent { reader, atr });
            }
            Event::CardMute { reader } if names::fits(name, &reader, &readers) => {
                return Err(ReaderError::UnresponsiveCard { reader });
            }
            Event::CardInserted { .. } | Event::CardMute { .. } | Event::CardRemoved { .. } => {}
            Event::Watching => {
                watching = true;
                service.clone()?;
            }
        }
    }
}

/// What was missing until the end.
fn missing(name: &str, service: Result<(), ReaderError>, readers: &BTreeSet<String>) -> ReaderError {
    if let Err(error) = service {
        return error;
    }
    let fitting = readers.iter().find(|reader| names::fits(name, reader, readers));
    match fitting {
        Some(reader) => ReaderError::NoCard { reader: reader.clone() },
        None if readers.is_empty() => ReaderError::NoReader,
        None => ReaderError::UnknownReader { name: name.into(), present: readers.iter().cloned().collect() },
    }
}
