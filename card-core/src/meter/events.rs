//! The last events of a binding.

use super::decide::Reason;
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::message::{Event, FormatError};
use crate::units::CardTime;

/// Event codes that the credit application uses; others belong to other parts of the meter.
pub mod code {
    /// A binding was opened. Data: its number u32, 00 00.
    pub const BINDING_OPENED: u16 = 0x0101;
    /// A card was refused. Data: [`Reason::code`](super::Reason::code), 00, generation u16 of the card, 00 00.
    pub const CARD_REFUSED: u16 = 0x0102;
}

/// The newest events, oldest first. What a card has of them, the card says: nothing here needs to be marked as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Events {
    /// Those that are there stand in front.
    kept: [Option<Event>; Self::KEPT],
    last: u32,
}

impl Events {
    /// How many are kept; the oldest make room.
    pub const KEPT: usize = 8;
    /// The longest that [`Self::emit`] writes, in bytes.
    pub(super) const MOST: usize = 4 + 1 + Self::KEPT * Event::SIZE;

    /// Number of the newest; 0: none yet in this binding.
    pub const fn last(&self) -> u32 {
        self.last
    }

    /// The newest.
    pub fn newest(&self) -> Option<&Event> {
        self.kept.iter().flatten().last()
    }

    /// Those with a number above `number`, oldest first.
    pub fn after(&self, number: u32) -> impl Iterator<Item = Event> {
        self.kept.into_iter().flatten().filter(move |event| event.number > number)
    }

    /// Adds an event. After number FFFFFFFF there are no more (specification, section 14).
    pub fn add(&mut self, time: CardTime, code: u16, data: [u8; 6]) {
        let Some(number) = self.last.checked_add(1) else { return };
        self.last = number;
        let event = Event { number, time, code, data };
        if let Some(free) = self.kept.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(event);
        } else {
            self.kept.rotate_left(1);
            if let Some(newest) = self.kept.last_mut() {
                *newest = Some(event);
            }
        }
    }

    /// Adds that a card was refused; the same again right after it is not new, so that a card that is presented over and over
    /// does not wear the memory out.
    pub fn add_refusal(&mut self, time: CardTime, reason: Reason, generation: u16) {
        let [high, low] = generation.to_be_bytes();
        let data = [reason.code(), 0, high, low, 0, 0];
        let known = self.newest().is_some_and(|last| last.code == code::CARD_REFUSED && last.data == data);
        if !known {
            self.add(time, code::CARD_REFUSED, data);
        }
    }

    pub(super) fn emit<const N: usize>(&self, out: &mut Buffer<N>) -> Result<(), WrongLength> {
        let count = self.kept.iter().flatten().count();
        out.u32(self.last)?.u8(u8::try_from(count).map_err(|_| WrongLength)?)?;
        for event in self.kept.iter().flatten() {
            out.put(&event.emit())?;
        }
        Ok(())
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        let last = reader.u32()?;
        let count = usize::from(reader.u8()?);
        if count > Self::KEPT {
            return Err(FormatError::Field);
        }
        let mut events = Self { last, ..Self::default() };
        for slot in events.kept.iter_mut().take(count) {
            *slot = Some(Event::parse(reader.take(Event::SIZE)?)?);
        }
        Ok(events)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn the_last_number_is_the_last() {
        let mut events = Events { last: u32::MAX - 1, ..Events::default() };
        events.add(CardTime(1), 1, [0; 6]);
        let full = events;
        assert_eq!(events.newest().map(|event| event.number), Some(u32::MAX));
        events.add(CardTime(2), 2, [0; 6]);
        assert_eq!(events, full);
    }

    #[test]
    fn in_memory_and_back() {
        let mut events = Events::default();
        for n in 0..12 {
            let mut out = Buffer::<{ Events::MOST }>::new();
            events.emit(&mut out).unwrap();
            assert_eq!(Events::parse(&mut Reader::new(out.as_slice())), Ok(events));
            events.add(CardTime(n), 7, [1; 6]);
        }
        assert!(events.after(0).map(|event| event.number).eq(5..=12));
        assert!(events.after(11).map(|event| event.number).eq([12]));
        let nine = [&[0, 0, 0, 9, 9][..], &[1; 16 * 9]].concat();
        assert_eq!(Events::parse(&mut Reader::new(&nine)), Err(FormatError::Field));
    }
}
