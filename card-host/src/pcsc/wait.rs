//! Waiting until a card is in a reader.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ::pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, State};

use super::names::ReaderName;
use super::{SERVICE_LIMIT, choose, establish, list, service_error, watched};
use crate::reader_error::ReaderError;

/// A card that was found by waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardPresent {
    /// The reader's whole name.
    pub reader: String,
    /// The card's answer to reset.
    pub atr: Vec<u8>,
}

/// The longest time between two looks at the list of readers: the notice of a new reader is missing on some systems, and can
/// come too early on others.
const SLICE: Duration = Duration::from_millis(500);
/// A card that is powered but silent for so long is not just being inserted.
const MUTE: Duration = Duration::from_secs(3);
/// Pause before the next look where the service is gone or has nothing to wait on.
const PAUSE: Duration = Duration::from_millis(100);

/// Waits until a reader with `name` in its name (empty: any reader) holds a card that answers, at most for `timeout`. A card that
/// is there already is found at once. Readers may come and go meanwhile, and the service be restarted.
///
/// Fails at once where the service does not run to begin with. At the end of the time, the error says what was missing: the service,
/// a reader, or the card.
pub fn wait_for_card(name: &str, timeout: Duration) -> Result<CardPresent, ReaderError> {
    let name = name.to_owned();
    watched("waiting for a card", timeout.saturating_add(SERVICE_LIMIT), move || wait(&name, timeout))
}

fn wait(name: &str, timeout: Duration) -> Result<CardPresent, ReaderError> {
    let deadline = Instant::now() + timeout;
    let mut context = Some(establish()?);
    let mut mute_since = BTreeMap::new();
    loop {
        // Without a context the service was lost; it is waited for like a card.
        let outcome = match context.take() {
            Some(present) => {
                let outcome = look(&present, name, deadline, &mut mute_since);
                if !matches!(outcome, Err(ReaderError::ServiceNotRunning)) {
                    context = Some(present);
                }
                outcome
            }
            None => establish().map(|fresh| context = Some(fresh)).and(Err(ReaderError::ServiceNotRunning)),
        };
        let missing = match outcome {
            Ok(card) => return Ok(card),
            Err(
                missing @ (ReaderError::ServiceNotRunning
                | ReaderError::NoReader
                | ReaderError::UnknownReader { .. }
                | ReaderError::ReaderGone { .. }
                | ReaderError::NoCard { .. }),
            ) => missing,
            Err(error) => return Err(error),
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(missing);
        }
        if !matches!(missing, ReaderError::NoCard { .. }) {
            std::thread::sleep(PAUSE.min(left));
        }
    }
}

/// Looks at all readers that fit once, and waits for a change for a slice of time.
fn look(
    context: &Context,
    name: &str,
    deadline: Instant,
    mute_since: &mut BTreeMap<String, Instant>,
) -> Result<CardPresent, ReaderError> {
    let present = list(context)?;
    let watched = match choose(name, &present) {
        Ok(reader) => vec![reader],
        Err(ReaderError::AmbiguousReader { matching, .. }) => {
            present.into_iter().filter(|reader| matching.iter().any(|name| name == reader.text())).collect()
        }
        Err(error) => return Err(error),
    };
    let mut states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
    for reader in &watched {
        states.push(ReaderState::new(reader.bytes(), State::UNAWARE));
    }
    // The first call answers at once with how things are, the second waits for a change of that.
    for limit in [Duration::ZERO, SLICE.min(deadline.saturating_duration_since(Instant::now()))] {
        match context.get_status_change(limit, &mut states) {
            Ok(()) | Err(Error::Timeout) => {}
            // A reader went between the list and now: all are looked at anew.
            Err(Error::UnknownReader | Error::ReaderUnavailable) => {
                return Err(ReaderError::ReaderGone { reader: first(&watched) });
            }
            Err(Error::InvalidHandle | Error::Cancelled) => return Err(ReaderError::ServiceNotRunning),
            Err(error) => return Err(service_error(error, "waiting for a card")),
        }
        for (reader, state) in watched.iter().zip(states.iter_mut().skip(1)) {
            if let Some(card) = judge(reader.text(), state, mute_since)? {
                return Ok(card);
            }
        }
        for state in &mut states {
            state.sync_current_state();
        }
    }
    Err(ReaderError::NoCard { reader: first(&watched) })
}

fn first(readers: &[ReaderName]) -> String {
    readers.first().map(ToString::to_string).unwrap_or_default()
}

fn judge(
    reader: &str,
    state: &ReaderState,
    mute_since: &mut BTreeMap<String, Instant>,
) -> Result<Option<CardPresent>, ReaderError> {
    let seen = state.event_state();
    if !seen.contains(State::PRESENT) {
        mute_since.remove(reader);
        return Ok(None);
    }
    // Mute is also what a card is for the moment between its insertion and its first answer.
    if seen.contains(State::MUTE) || state.atr().is_empty() {
        let since = *mute_since.entry(reader.to_owned()).or_insert_with(Instant::now);
        return if since.elapsed() < MUTE {
            Ok(None)
        } else {
            Err(ReaderError::UnresponsiveCard { reader: reader.to_owned() })
        };
    }
    Ok(Some(CardPresent { reader: reader.to_owned(), atr: state.atr().to_vec() }))
}
