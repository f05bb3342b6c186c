//! Months and events: what a meter keeps for whoever brings a card, and what an update is about to add (docs/meter.md, sections 1
//! and 13).

pub use super::happening::{Class, Happening, code, fault, loan_end};

use super::charge::Charge;
use super::memory_map::{self, CHARGES, KEPT_MONTHS, MONTHS, MOST_FRESH};

use crate::bytes::{Buffer, Reader};
use crate::message::{Event, FormatError, Month};
use crate::platform::Memory;
use crate::store::{Ring, StoreError};
use crate::units::CardTime;

/// How many events the state has counted, and what the next update writes before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    last: u32,
    /// Events of all bindings, of each class: the places of one binding's come before those of the next one's, so that opening a binding
    /// overwrites none that count until it is open.
    places: Places,
    told: Told,
    fresh: [Fresh; MOST_FRESH],
    /// How many of these are to be written.
    added: u8,
    closed: Option<Month>,
    /// Charges of all bindings.
    charges: u32,
    charge: Option<Charge>,
}

/// A number for each class.
pub(super) type Places = [u32; Class::ALL.len()];

/// An event that is to be written. Its number follows from those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Fresh {
    time: CardTime,
    code: u16,
    data: [u8; 6],
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
    /// Events that are kept, of all classes.
    pub const EVENTS: u16 = {
        let [money, supply, tampering, state] = Class::ALL;
        money.kept() + supply.kept() + tampering.kept() + state.kept()
    };
    /// Months that are kept for cards.
    pub const MONTHS: u16 = KEPT_MONTHS;

    /// One that goes on after event number `last`, with what was `told`, and the `places` of the last events.
    pub(super) fn after(last: u32, told: Told, places: Places, charges: u32) -> Self {
        Self { last, told, places, charges, ..Self::default() }
    }

    /// That of the binding that follows.
    pub(super) fn of_next_binding(&self) -> Self {
        Self::after(0, Told::default(), self.places, self.charges)
    }

    /// The place of the last event of each class.
    pub(super) const fn places(&self) -> Places {
        self.places
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
        self.closed.is_some() || self.charge.is_some() || self.added != 0
    }

    /// Adds an event. After number FFFFFFFF there are no more (specification, section 14).
    pub(super) fn add(&mut self, time: CardTime, what: Happening) {
        let (code, data) = what.emit();
        let free = self.fresh.get_mut(usize::from(self.added));
        let last = self.places.get_mut(Class::of(code) as usize);
        if let (Some(number), Some(place), Some(last)) = (self.last.checked_add(1), free, last) {
            *place = Fresh { time, code, data };
            self.added = self.added.saturating_add(1);
            self.last = number;
            *last = last.wrapping_add(1);
        }
    }

    /// What is to be written, each with its class and the place in it: the newest first.
    fn fresh(&self) -> impl Iterator<Item = (Class, u32, Event)> {
        let (mut number, mut places) = (self.last, self.places);
        self.fresh.iter().take(self.added.into()).rev().filter_map(move |fresh| {
            let Fresh { time, code, data } = *fresh;
            let class = Class::of(code);
            let event = Event { number, time, code, data };
            number = number.saturating_sub(1);
            let place = places.get_mut(class as usize)?;
            let of_this = *place;
            *place = of_this.wrapping_sub(1);
            Some((class, of_this, event))
        })
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
            Happening::PowerOff => (&mut told.faults, fault::POWER),
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

    /// A charge was applied.
    pub(super) const fn charge(&mut self, charge: Charge) {
        self.charges = self.charges.wrapping_add(1);
        self.charge = Some(charge);
    }

    /// How many charges there were, of all bindings.
    pub const fn charges(&self) -> u32 {
        self.charges
    }

    /// The month was closed.
    pub(super) const fn close(&mut self, month: Month) {
        self.closed = Some(month);
    }

    /// What is fresh has been written.
    pub(super) fn written(&mut self) {
        *self = Self::after(self.last, self.told, self.places, self.charges);
    }
}

/// Writes what is fresh, as records of `binding`. They do not count before the state does.
pub(super) fn write(memory: &mut impl Memory, binding: u32, history: &History) -> Result<(), StoreError> {
    for (class, place, event) in history.fresh() {
        memory_map::events(class).write(memory, place, record(binding, &event.emit()).as_slice())?;
    }
    if let Some(charge) = &history.charge {
        let bytes = charge.emit().map_err(FormatError::from)?;
        CHARGES.write(memory, history.charges, record(binding, bytes.as_slice()).as_slice())?;
    }
    match &history.closed {
        Some(month) => MONTHS.write(memory, month.index.into(), record(binding, &month.emit()).as_slice()),
        None => Ok(()),
    }
}

/// The first events of a binding with a number above `number`, of those that are kept: as many as `found` has places.
#[inline(never)]
pub(super) fn events(
    memory: &mut impl Memory,
    binding: u32,
    history: &History,
    number: u32,
    found: &mut [Option<Event>],
) -> Result<(), StoreError> {
    if number >= history.last {
        return Ok(());
    }
    let mut classes = [None; Class::ALL.len()];
    for (class, (reader, last)) in Class::ALL.into_iter().zip(classes.iter_mut().zip(history.places)) {
        *reader = InClass::after(memory, binding, (class, last), number)?;
    }
    for place in found {
        let heads = classes.iter_mut().filter(|head| head.is_some());
        let Some(first) = heads.min_by_key(|head| head.map_or(u32::MAX, |head| head.event.number)) else {
            break;
        };
        let Some(head) = *first else { break };
        *place = Some(head.event);
        *first = head.next(memory, binding)?;
    }
    Ok(())
}

/// An event that was found in its class, on the way from older ones to newer ones.
#[derive(Clone, Copy)]
struct InClass {
    class: Class,
    event: Event,
    /// How many come after it.
    newer: u16,
    last: u32,
}

impl InClass {
    /// The oldest of a class with a number above `number`, of those that are kept: looked for from the newest one on.
    fn after(
        memory: &mut impl Memory,
        binding: u32,
        (class, last): (Class, u32),
        number: u32,
    ) -> Result<Option<Self>, StoreError> {
        let mut oldest = None;
        for newer in 0..class.kept() {
            match event(memory, binding, class, last.wrapping_sub(newer.into()))? {
                Some(event) if event.number > number => oldest = Some(Self { class, event, newer, last }),
                // Nothing older is above it. One that cannot be read says nothing of those before it.
                Some(_) => break,
                None => {}
            }
        }
        Ok(oldest)
    }

    /// The one after it.
    fn next(self, memory: &mut impl Memory, binding: u32) -> Result<Option<Self>, StoreError> {
        for newer in (0..self.newer).rev() {
            if let Some(event) = event(memory, binding, self.class, self.last.wrapping_sub(newer.into()))? {
                return Ok(Some(Self { event, newer, ..self }));
            }
        }
        Ok(None)
    }
}

fn event(
    memory: &mut impl Memory,
    binding: u32,
    class: Class,
    place: u32,
) -> Result<Option<Event>, StoreError> {
    let found = find(&memory_map::events(class), memory, binding, place)?;
    Ok(found.and_then(|bytes: [u8; Event::SIZE]| Event::parse(&bytes).ok()))
}

/// The first closed months of a binding with an index from `first` on and below `running`, of those that are kept: as many as `found`
/// has places.
#[inline(never)]
pub(super) fn months(
    memory: &mut impl Memory,
    binding: u32,
    running: u16,
    first: u16,
    found: &mut [Option<Month>],
) -> Result<(), StoreError> {
    let mut indices = first.max(running.saturating_sub(History::MONTHS))..running;
    for place in found {
        while place.is_none() {
            let Some(index) = indices.next() else { return Ok(()) };
            let bytes: Option<[u8; Month::SIZE]> = find(&MONTHS, memory, binding, index.into())?;
            *place = bytes.and_then(|bytes| Month::parse(&bytes).ok());
        }
    }
    Ok(())
}

/// The last charges of a binding, the newest first.
#[inline(never)]
pub(super) fn charges(
    memory: &mut impl Memory,
    binding: u32,
    history: &History,
    found: &mut [Option<Charge>],
) -> Result<(), StoreError> {
    let mut backs = 0..Charge::KEPT;
    for place in found {
        while place.is_none() {
            let Some(back) = backs.next() else { return Ok(()) };
            let number = history.charges.wrapping_sub(back.into());
            let bytes: Option<[u8; Charge::SIZE]> = find(&CHARGES, memory, binding, number)?;
            *place = bytes.and_then(|bytes| Charge::parse(&bytes).ok());
        }
    }
    Ok(())
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
