//! One state of which a small part changes often.

use super::kept::{Emit, Fields, Grows, INCREMENT, Kept, Writer};
use super::page::blank;
use super::{Log, Ring, StoreError};
use crate::bytes::{Buffer, Reader};
use crate::message::FormatError;
use crate::platform::Memory;

/// A [`Log`] of whole states, and beside it a [`Ring`] of increments: the small part anew, for the whole state whose epoch it
/// names.
///
/// The state is the newest whole one with the newest increment of it. An increment takes one page, and pages take turns: what
/// changes a hundred times as often as all else wears each page of a ring of 50 twice as often.
///
/// - Increments are numbered through, whichever state they belong to. A whole state says which number comes next: only from
///   that one on are increments its own, so that none of a lost state of the same epoch counts.
/// - The page of the next increment is kept erased, so that an increment costs one program when power is failing.
/// - After a cut at any moment the answer is the old state or the new one, and the same ever after, as with a `Log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Journal {
    log: Log,
    ring: Ring,
}

/// Where the next change goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Of the whole state.
    epoch: u32,
    /// Number of the next increment.
    next: u32,
}

impl Journal {
    /// The longest whole state, in bytes, with its small part and the length of that.
    pub const fn capacity(&self) -> usize {
        self.log.capacity().saturating_sub(NUMBER)
    }

    /// To be called in a constant: what is wrong is then found by the compiler.
    ///
    /// # Panics
    /// Where the ring has fewer than two pages.
    pub const fn new(log: Log, ring: Ring) -> Self {
        assert!(ring.pages() >= 2, "the newest increment must outlive the writing of the next one");
        Self { log, ring }
    }

    /// Finds the state and puts it into `state`; `None` where nothing was ever committed, and then `state` has no meaning. To be
    /// called at every power-up: see [`Log::restore`].
    pub fn restore(
        &self,
        memory: &mut impl Memory,
        state: &mut dyn Grows,
    ) -> Result<Option<Place>, StoreError> {
        let mut whole = Restored { first: 0, state };
        let Some(record) = self.log.restore(memory, &mut whole)? else { return Ok(None) };
        let Restored { first, state } = whole;
        let mut place = Place { epoch: record.epoch, next: first };
        let mut newest: Option<(u32, [u8; Ring::CAPACITY], usize)> = None;
        for slot in 0..self.ring.pages() {
            let mut bytes = [0; Ring::CAPACITY];
            let Some((number, len)) = self.ring.at(memory, slot.into(), &mut bytes)? else { continue };
            place.next = place.next.max(number.checked_add(1).ok_or(StoreError::Exhausted)?);
            let own = number >= first && Reader::new(&bytes).u32() == Ok(record.epoch);
            if own && newest.is_none_or(|(newest, ..)| newest < number) {
                newest = Some((number, bytes, len));
            }
        }
        if let Some((number, bytes, len)) = newest {
            // From what passed its check: where bits are in doubt, a second reading may differ.
            state.apply(bytes.get(EPOCH..len).unwrap_or_default())?;
            // One that is in doubt, or that the next one could overwrite, goes into a whole state.
            if number.checked_add(1) != Some(place.next) || !memory.margin(self.ring.page(number))? {
                place = self.keep(memory, Some(place), state)?;
            }
        }
        // An increment that a cut left unfinished must not come to read as finished.
        blank(memory, self.ring.page(place.next))?;
        Ok(Some(place))
    }

    /// Makes `state` the state as a whole. `place` is what was returned last; `None` where there is no state.
    pub fn keep(
        &self,
        memory: &mut impl Memory,
        place: Option<Place>,
        state: &dyn Grows,
    ) -> Result<Place, StoreError> {
        let next = place.map_or(FIRST, |place| place.next);
        let whole = Whole { first: next, state };
        let epoch = self.log.keep(memory, place.map(|place| place.epoch), &whole)?;
        Ok(Place { epoch, next })
    }

    /// Makes `state` the state, where it differs from the one in memory by its small part only.
    pub fn grow(
        &self,
        memory: &mut impl Memory,
        place: Place,
        state: &dyn Grows,
    ) -> Result<Place, StoreError> {
        let mut bytes = Buffer::<{ Ring::CAPACITY }>::new();
        // Both fit.
        let _ = bytes.u32(place.epoch).and_then(|bytes| bytes.put(state.increment().as_slice()));
        let next = place.next.checked_add(1).ok_or(StoreError::Exhausted)?;
        self.ring.write(memory, place.next, bytes.as_slice())?;
        blank(memory, self.ring.page(next))?;
        Ok(Place { next, ..place })
    }

    /// Whether `state` differs from the one in memory by its small part at the most.
    pub fn is_grown(
        &self,
        memory: &mut impl Memory,
        place: Place,
        state: &dyn Grows,
    ) -> Result<bool, StoreError> {
        let small = NUMBER.saturating_add(1).saturating_add(state.increment().len());
        self.log.is(memory, place.epoch, &Whole { first: 0, state }, small)
    }
}

/// Bytes of an increment's epoch in its record.
const EPOCH: usize = 4;

const _: () = assert!(EPOCH + INCREMENT == Ring::CAPACITY, "an increment fills a record of the ring");

/// Bytes of the number that a whole state begins with.
const NUMBER: usize = 4;
/// Number of the first increment.
const FIRST: u32 = 1;

/// A whole state in the log: the number of its first increment, its small part, the rest.
struct Whole<'a> {
    first: u32,
    state: &'a dyn Grows,
}

impl Emit for Whole<'_> {
    fn emit(&self, out: &mut Writer<'_>) {
        self.state.emit(out.u32(self.first).part(self.state.increment().as_slice()));
    }
}

struct Restored<'a> {
    first: u32,
    state: &'a mut dyn Grows,
}

impl Emit for Restored<'_> {
    fn emit(&self, out: &mut Writer<'_>) {
        Whole { first: self.first, state: &*self.state }.emit(out);
    }
}

impl Kept for Restored<'_> {
    fn restore(&mut self, from: &mut Fields<'_>) -> Result<(), FormatError> {
        self.first = from.u32();
        let mut room = [0; INCREMENT];
        self.state.apply(from.part(&mut room))?;
        self.state.restore(from)
    }
}
