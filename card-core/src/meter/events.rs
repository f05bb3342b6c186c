//! Months and events: what a meter keeps for whoever brings a card, and what an update is about to add (docs/meter.md, sections 1
//! and 13).

pub use super::happening::{Happening, code, fault};

use super::memory_map::{EVENTS, KEPT_EVENTS, KEPT_MONTHS, MONTHS, MOST_FRESH};

use crate::bytes::{Buffer, Reader};
use crate::message::{Event, Month};
use crate::platform::Memory;
use crate::store::{Ring, StoreError};
use crate::units::CardTime;

/// How many events the state has counted, and what the next update writes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    last: u32,
    /// Events of all bindings before this one: the places of theirs come before those of this one's, so that opening a binding
    /// overwrites none that count until it is open.
    earlier: u32,
    told: Told,
    fresh: [Option<Event>; MOST_FRESH],
    closed: Option<Month>,
}

/// What was refused or did not work on one local day, a bit for each reason, refusal and fault: each leaves one event on it, whatever
/// comes between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Told {
    pub(super) day: u16,
    pub(super) cards: u16,
    pub(super) mail: u16,
    pub(super) faults: u16,
}

impl History {
    /// Events that are kept for cards.
    pub const EVENTS: u32 = KEPT_EVENTS as u32;
    /// Months that are kept for cards.
    pub const MONTHS: u16 = KEPT_MONTHS;

    /// One that goes on after event number `last`, with what was `told`, and after `earlier` events of other bindings.
    pub(super) fn after(last: u32, told: Told, earlier: u32) -> Self {
        Self { last, told, earlier, ..Self::default() }
    }

    /// That of the binding that follows.
    pub(super) fn of_next_binding(&self) -> Self {
        Self::after(0, Told::default(), self.place(self.last))
    }

    /// Events of all bindings before this one.
    pub(super) const fn earlier(&self) -> u32 {
        self.earlier
    }

    /// The place of an event of this binding, among all that there ever were.
    const fn place(&self, number: u32) -> u32 {
        self.earlier.wrapping_add(number)
    }

    /// Number of the newest event; 0: none yet in this binding.
    pub const fn last_event(&self) -> u32 {
        self.last
    }

    /// What was refused today.
    pub(super) const fn told(&self) -> Told {
        self.told
    }

    /// Whether there is something to write.
    pub(super) fn is_fresh(&self) -> bool {
        self.closed.is_some() || self.fresh.iter().any(Option::is_some)
    }

    /// Adds an event. After number FFFFFFFF there are no more (specification, section 14).
    pub(super) fn add(&mut self, time: CardTime, what: Happening) {
        let (code, data) = what.emit();
        let free = self.fresh.iter_mut().find(|place| place.is_none());
        if let (Some(number), Some(place)) = (self.last.checked_add(1), free) {
            *place = Some(Event { number, time, code, data });
            self.last = number;
        }
    }

    /// Adds an event that anybody could cause again and again, by turns of things: each cause once in a local day, so that it neither
    /// wears the memory out nor pushes others out of the history. Says whether it was added.
    pub(super) fn add_daily(&mut self, day: u16, time: CardTime, what: Happening) -> bool {
        let mut told = if self.told.day == day { self.told } else { Told { day, ..Told::default() } };
        let (causes, cause) = match what {
            Happening::CardRefused { reason, .. } => (&mut told.cards, reason),
            Happening::MailRefused { refusal, .. } => (&mut told.mail, refusal),
            Happening::Relay { fault, .. } => (&mut told.faults, fault),
            Happening::BatteryLow => (&mut told.faults, fault::BATTERY),
            _ => return false,
        };
        let before = *causes;
        *causes |= 1_u16.checked_shl(cause.into()).unwrap_or_default();
        let new = *causes != before;
        if new {
            self.told = told;
            self.add(time, what);
        }
        new
    }

    /// The month was closed.
    pub(super) const fn close(&mut self, month: Month) {
        self.closed = Some(month);
    }

    /// What is fresh has been written.
    pub(super) fn written(&mut self) {
        *self = Self::after(self.last, self.told, self.earlier);
    }
}

/// Writes what is fresh, as records of `binding`. They do not count before the state does.
pub(super) fn write(memory: &mut impl Memory, binding: u32, history: &History) -> Result<(), StoreError> {
    for event in history.fresh.iter().flatten() {
        EVENTS.write(memory, history.place(event.number), record(binding, &event.emit()).as_slice())?;
    }
    match &history.closed {
        Some(month) => MONTHS.write(memory, month.index.into(), record(binding, &month.emit()).as_slice()),
        None => Ok(()),
    }
}

/// The first `N` events of a binding with a number above `number`, of those that are kept.
pub(super) fn events<const N: usize>(
    memory: &mut impl Memory,
    binding: u32,
    history: &History,
    number: u32,
) -> Result<[Option<Event>; N], StoreError> {
    let last = history.last;
    // After the last number there is none.
    let first = number.max(last.saturating_sub(History::EVENTS)).checked_add(1);
    collect(first.into_iter().flat_map(|first| first..=last), |number| {
        Ok(find(&EVENTS, memory, binding, history.place(number))?
            .and_then(|bytes: [u8; Event::SIZE]| Event::parse(&bytes).ok()))
    })
}

/// The first `N` closed months of a binding with an index from `first` on and below `running`, of those that are kept.
pub(super) fn months<const N: usize>(
    memory: &mut impl Memory,
    binding: u32,
    running: u16,
    first: u16,
) -> Result<[Option<Month>; N], StoreError> {
    let first = first.max(running.saturating_sub(History::MONTHS));
    collect(first..running, |index| {
        let found = find(&MONTHS, memory, binding, index.into())?;
        Ok(found.and_then(|bytes: [u8; Month::SIZE]| Month::parse(&bytes).ok()))
    })
}

fn collect<T: Copy, I, const N: usize>(
    numbers: impl Iterator<Item = I>,
    mut read: impl FnMut(I) -> Result<Option<T>, StoreError>,
) -> Result<[Option<T>; N], StoreError> {
    let mut found = [None; N];
    let mut places = found.iter_mut();
    for number in numbers {
        if let Some(record) = read(number)? {
            match places.next() {
                Some(place) => *place = Some(record),
                None => break,
            }
            if places.len() == 0 {
                break;
            }
        }
    }
    Ok(found)
}

fn record(binding: u32, bytes: &[u8]) -> Buffer<{ 4 + Month::SIZE }> {
    let mut out = Buffer::new();
    // Both fit: 4 bytes and at most 24.
    let _ = out.u32(binding).and_then(|out| out.put(bytes));
    out
}

fn find<const N: usize>(
    ring: &Ring,
    memory: &mut impl Memory,
    binding: u32,
    number: u32,
) -> Result<Option<[u8; N]>, StoreError> {
    let mut bytes = [0; Ring::CAPACITY];
    let Some(len) = ring.read(memory, number, &mut bytes)? else { return Ok(None) };
    let mut reader = Reader::new(bytes.get(..len).unwrap_or_default());
    let of_binding = reader.u32().is_ok_and(|found| found == binding);
    Ok(reader.array().ok().filter(|_| of_binding))
}
