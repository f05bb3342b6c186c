//! What happens at the readers, as a stream of events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use ::pcsc::{Context, Error, PNP_NOTIFICATION, ReaderState, State};

use super::names::ReaderName;
use super::{establish, list, service_error, spawn};
use crate::reader_error::ReaderError;

/// The longest time between two looks at the list of readers: the notice of a new reader is missing on some systems, and can
/// come too early on others.
const SLICE: Duration = Duration::from_millis(500);
/// A card that is powered but silent for so long is not just being inserted.
const MUTE: Duration = Duration::from_secs(3);
/// Pause before the next look where the service is gone or has nothing to wait on.
const PAUSE: Duration = Duration::from_millis(100);

/// Something that happened at a reader, or that was so when the watch began.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The PC/SC service answers.
    ServiceRuns,
    /// It does not, or no longer. Before this, its readers are told to be gone.
    ServiceLost(ReaderError),
    /// A reader is there.
    ReaderAttached {
        /// Its whole name.
        reader: String,
    },
    /// It is gone. Before this, its card is told to be removed.
    ReaderDetached {
        /// Its whole name.
        reader: String,
    },
    /// A card is in it, and answers.
    CardInserted {
        /// The reader's whole name.
        reader: String,
        /// The card's answer to reset.
        atr: Vec<u8>,
    },
    /// Something is in it that has not answered for three seconds.
    CardMute {
        /// The reader's whole name.
        reader: String,
    },
    /// The card, or what was mute, is out of it.
    CardRemoved {
        /// The reader's whole name.
        reader: String,
    },
    /// All before this was so when the watch began; all after it has happened since. Told once.
    Watching,
}

/// A watch over all readers. It outlives restarts of the service, and asks nothing of a card: a program that hangs in a reader does
/// not stop it. Dropped, it ends.
#[derive(Debug)]
pub struct Watch {
    events: Receiver<Event>,
    ended: Arc<AtomicBool>,
}

/// Begins to watch.
pub fn watch() -> Result<Watch, ReaderError> {
    let (sender, events) = mpsc::channel();
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    spawn("watching the readers", move || run(&sender, &seen))?;
    Ok(Watch { events, ended })
}

impl Watch {
    /// The next event, at most after `limit`; `None` where nothing has happened until then.
    pub fn next_within(&self, limit: Duration) -> Result<Option<Event>, ReaderError> {
        match self.events.recv_timeout(limit) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(ReaderError::Ended),
        }
    }
}

/// Waits for each event, as long as it takes.
impl Iterator for Watch {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.events.recv().ok()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
    }
}

/// What is in a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Inside {
    Nothing,
    /// Silent since then, and whether that was told.
    Silent(Instant, bool),
    Card(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    inside: Inside,
    /// How often something was put in or taken out, as the service counts.
    count: u32,
}

/// Readers by their names.
type Readers = BTreeMap<String, Seen>;

/// Nobody listens any more.
struct Over;

fn run(sender: &Sender<Event>, ended: &AtomicBool) {
    let tell = |event| sender.send(event).map_err(|_| Over);
    // Nothing known; the service does not answer; its readers.
    let mut known: Option<Option<Readers>> = None;
    let mut context = None;
    let mut begun = false;
    while !ended.load(Ordering::Acquire) {
        let mut states = Vec::new();
        let told = match look(&mut context) {
            Ok((readers, now)) => {
                states = now;
                let runs = matches!(known, None | Some(None)).then_some(Event::ServiceRuns);
                runs.map_or(Ok(()), tell).and_then(|()| differences(&mut known, readers, &tell))
            }
            Err(error) => lost(&mut known, &error, &tell),
        };
        let first = (!std::mem::replace(&mut begun, true)).then_some(Event::Watching);
        if told.and_then(|()| first.map_or(Ok(()), tell)).is_err() {
            return;
        }
        match &context {
            Some(context) if states.len() > 1 => wait(context, &mut states),
            _ => std::thread::sleep(PAUSE),
        }
    }
}

/// Until something changes; at most a slice. What has changed is seen by the next look.
fn wait(context: &Context, states: &mut [ReaderState]) {
    for state in &mut *states {
        state.sync_current_state();
    }
    match context.get_status_change(SLICE, states) {
        Ok(()) | Err(Error::Timeout) => {}
        Err(_) => std::thread::sleep(PAUSE),
    }
}

/// All readers as they are now, and their states to wait for a change of. A context that is lost is dropped.
fn look(context: &mut Option<Context>) -> Result<(Readers, Vec<ReaderState>), ReaderError> {
    let present = match context.take() {
        Some(present) => present,
        None => establish()?,
    };
    let outcome = look_with(&present);
    if outcome.is_ok() {
        *context = Some(present);
    }
    outcome
}

fn look_with(context: &Context) -> Result<(Readers, Vec<ReaderState>), ReaderError> {
    let names = list(context)?;
    let mut readers = Readers::new();
    let mut states = vec![ReaderState::new(PNP_NOTIFICATION(), State::UNAWARE)];
    for name in &names {
        // Each by itself: one that leaves meanwhile hides no other.
        if let Some((seen, state)) = ask(context, name)? {
            readers.insert(name.to_string(), seen);
            states.push(state);
        }
    }
    Ok((readers, states))
}

fn ask(context: &Context, name: &ReaderName) -> Result<Option<(Seen, ReaderState)>, ReaderError> {
    let mut states = [ReaderState::new(name.bytes(), State::UNAWARE)];
    match context.get_status_change(Duration::ZERO, &mut states) {
        Ok(()) | Err(Error::Timeout) => {}
        Err(Error::UnknownReader | Error::ReaderUnavailable) => return Ok(None),
        Err(Error::InvalidHandle | Error::Cancelled) => return Err(ReaderError::ServiceNotRunning),
        Err(error) => return Err(service_error(error, "asking the readers for their cards")),
    }
    let [state] = states;
    let now = state.event_state();
    if now.intersects(State::UNKNOWN | State::UNAVAILABLE) {
        return Ok(None);
    }
    let inside = match state.atr() {
        _ if !now.contains(State::PRESENT) => Inside::Nothing,
        // Mute is also what a card is for the moment between its insertion and its first answer.
        atr if atr.is_empty() || now.contains(State::MUTE) => Inside::Silent(Instant::now(), false),
        atr => Inside::Card(atr.to_vec()),
    };
    Ok(Some((Seen { inside, count: state.event_count() }, state)))
}

/// Tells that all is gone, once.
fn lost(
    known: &mut Option<Option<Readers>>,
    error: &ReaderError,
    tell: &impl Fn(Event) -> Result<(), Over>,
) -> Result<(), Over> {
    if matches!(known, Some(None)) {
        return Ok(());
    }
    for (reader, seen) in known.take().flatten().unwrap_or_default() {
        gone(reader, &seen, tell)?;
    }
    *known = Some(None);
    tell(Event::ServiceLost(error.clone()))
}

fn gone(reader: String, seen: &Seen, tell: &impl Fn(Event) -> Result<(), Over>) -> Result<(), Over> {
    removed(&reader, seen, tell)?;
    tell(Event::ReaderDetached { reader })
}

fn removed(reader: &str, seen: &Seen, tell: &impl Fn(Event) -> Result<(), Over>) -> Result<(), Over> {
    match seen.inside {
        Inside::Card(_) | Inside::Silent(_, true) => tell(Event::CardRemoved { reader: reader.to_owned() }),
        Inside::Nothing | Inside::Silent(_, false) => Ok(()),
    }
}

/// Tells what differs from what was known, and knows it then.
fn differences(
    known: &mut Option<Option<Readers>>,
    readers: Readers,
    tell: &impl Fn(Event) -> Result<(), Over>,
) -> Result<(), Over> {
    let mut former = known.take().flatten().unwrap_or_default();
    let mut now = Readers::new();
    let mut found = Vec::new();
    for (reader, seen) in readers {
        found.push((former.remove(&reader), reader, seen));
    }
    for (reader, seen) in former {
        gone(reader, &seen, tell)?;
    }
    for (before, reader, mut seen) in found {
        if before.is_none() {
            tell(Event::ReaderAttached { reader: reader.clone() })?;
        }
        change(before.as_ref(), &reader, &mut seen, tell)?;
        now.insert(reader, seen);
    }
    *known = Some(Some(now));
    Ok(())
}

/// What has changed in one reader.
fn change(
    before: Option<&Seen>,
    reader: &str,
    seen: &mut Seen,
    tell: &impl Fn(Event) -> Result<(), Over>,
) -> Result<(), Over> {
    // Taken out and put in between two looks: another card, even where it looks the same. A count that stands still counts nothing.
    let same_visit = |before: &&Seen| before.count == seen.count;
    let before_here = before.filter(same_visit);
    match (&mut seen.inside, before_here.map(|before| &before.inside)) {
        (Inside::Card(atr), Some(Inside::Card(former))) if atr == former => Ok(()),
        (Inside::Silent(since, told), Some(Inside::Silent(former, was_told))) => {
            (*since, *told) = (*former, *was_told);
            if !*told && since.elapsed() >= MUTE {
                *told = true;
                return tell(Event::CardMute { reader: reader.to_owned() });
            }
            Ok(())
        }
        (inside, _) => {
            if let Some(before) = before {
                removed(reader, before, tell)?;
            }
            match inside {
                Inside::Card(atr) => {
                    tell(Event::CardInserted { reader: reader.to_owned(), atr: atr.clone() })
                }
                Inside::Nothing | Inside::Silent(..) => Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn told(known: &mut Option<Option<Readers>>, readers: &[(&str, Inside, u32)]) -> Vec<Event> {
        let events = RefCell::new(Vec::new());
        let tell = |event| {
            events.borrow_mut().push(event);
            Ok(())
        };
        let seen = |(name, inside, count): &(&str, Inside, u32)| {
            ((*name).to_owned(), Seen { inside: inside.clone(), count: *count })
        };
        assert!(differences(known, readers.iter().map(seen).collect(), &tell).is_ok());
        events.into_inner()
    }

    #[test]
    fn what_differs_is_told_in_an_order_that_makes_sense() {
        let (a, b) = (|| "A".to_owned(), || "B".to_owned());
        let card = || Inside::Card(vec![0x3B]);
        let mut known = None;
        assert_eq!(
            told(&mut known, &[("A", card(), 1)]),
            [Event::ReaderAttached { reader: a() }, Event::CardInserted { reader: a(), atr: vec![0x3B] }]
        );
        assert_eq!(told(&mut known, &[("A", card(), 1)]), []);
        // Out and in between two looks.
        assert_eq!(
            told(&mut known, &[("A", card(), 3)]),
            [Event::CardRemoved { reader: a() }, Event::CardInserted { reader: a(), atr: vec![0x3B] }]
        );
        assert_eq!(
            told(&mut known, &[("B", Inside::Nothing, 0)]),
            [
                Event::CardRemoved { reader: a() },
                Event::ReaderDetached { reader: a() },
                Event::ReaderAttached { reader: b() }
            ]
        );
        // Silent for a moment: a card that is being inserted.
        let now = Instant::now();
        assert_eq!(told(&mut known, &[("B", Inside::Silent(now, false), 1)]), []);
        assert_eq!(
            told(&mut known, &[("B", card(), 1)]),
            [Event::CardInserted { reader: b(), atr: vec![0x3B] }]
        );
    }

    #[test]
    fn what_stays_silent_is_told_once() {
        let Some(long_ago) = Instant::now().checked_sub(2 * MUTE) else { return };
        let mut known = None;
        let silent = |since| [("A", Inside::Silent(since, false), 1)];
        assert_eq!(told(&mut known, &silent(long_ago)).len(), 1);
        let mute = Event::CardMute { reader: "A".into() };
        assert_eq!(told(&mut known, &silent(Instant::now())), [mute]);
        assert_eq!(told(&mut known, &silent(Instant::now())), []);
        let gone = Event::CardRemoved { reader: "A".into() };
        assert_eq!(told(&mut known, &[("A", Inside::Nothing, 2)]), [gone]);
    }

    #[test]
    fn a_lost_service_takes_its_readers_along_and_is_told_once() {
        let mut known = None;
        let _ = told(&mut known, &[("A", Inside::Card(vec![0x3B]), 1)]);
        let events = RefCell::new(Vec::new());
        let tell = |event| {
            events.borrow_mut().push(event);
            Ok(())
        };
        for _ in 0..2 {
            assert!(lost(&mut known, &ReaderError::ServiceNotRunning, &tell).is_ok());
        }
        let reader = || "A".to_owned();
        assert_eq!(
            *events.borrow(),
            [
                Event::CardRemoved { reader: reader() },
                Event::ReaderDetached { reader: reader() },
                Event::ServiceLost(ReaderError::ServiceNotRunning)
            ]
        );
    }
}
