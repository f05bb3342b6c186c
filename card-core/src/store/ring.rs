//! History: numbered records of one page each.

use core::num::NonZeroU32;

use super::StoreError;
use super::page::{CRC, page_of, put, read};
use crate::bytes::Reader;
use crate::platform::{Memory, PAGE};

/// Before the payload: number (4), length (1), CRC-32 over number, length and payload (4).
const HEADER: usize = 9;

/// A ring of one-page records; the record with number `n` lies in slot `n` modulo the number of slots.
///
/// A record counts only once a state in a [`Log`](super::Log) says so, and is written before that state. Writing number
/// `n` destroys number `n - slots`, also where power is lost and `n` never comes to count: whoever must always be able
/// to show `k` records takes `k + 1` slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    first: u16,
    slots: NonZeroU32,
}

impl Ring {
    /// The longest payload, in bytes.
    pub const CAPACITY: usize = PAGE - HEADER;

    /// A ring of `slots` pages from `first_page` on. To be called in a constant: what is wrong is then found by the
    /// compiler.
    ///
    /// # Panics
    /// Where there is no slot, or the pages would be numbered past `u16::MAX`.
    pub const fn new(first_page: u16, slots: u16) -> Self {
        assert!(slots >= 1, "a ring needs a slot");
        assert!(first_page.checked_add(slots).is_some(), "page numbers end at 65535");
        Self { first: first_page, slots: NonZeroU32::MIN.saturating_add(slots as u32 - 1) }
    }

    /// How many pages it takes, which is how many records it holds.
    pub const fn pages(&self) -> u16 {
        self.slots.get() as u16
    }

    /// The first page after it.
    pub const fn end(&self) -> u16 {
        self.first.saturating_add(self.pages())
    }

    /// Writes record `number`, over whatever its slot held. Writing the same again costs nothing.
    pub fn write(&self, memory: &mut impl Memory, number: u32, payload: &[u8]) -> Result<(), StoreError> {
        let len = u8::try_from(payload.len()).map_err(|_| StoreError::TooLong)?;
        if payload.len() > Self::CAPACITY {
            return Err(StoreError::TooLong);
        }
        let [n0, n1, n2, n3] = number.to_be_bytes();
        let [c0, c1, c2, c3] = check(number, len, payload).to_be_bytes();
        let header: [u8; HEADER] = [n0, n1, n2, n3, len, c0, c1, c2, c3];
        put(memory, self.page(number), &page_of(&header, &payload, 0))
    }

    /// Reads record `number` into `out` and says how long it is; `None` where its slot does not hold exactly that
    /// record, intact.
    pub fn read(
        &self,
        memory: &mut impl Memory,
        number: u32,
        out: &mut [u8],
    ) -> Result<Option<usize>, StoreError> {
        let page = read(memory, self.page(number))?;
        let Some((len, payload)) = parse(&page, number) else { return Ok(None) };
        out.get_mut(..payload.len()).ok_or(StoreError::BufferTooSmall)?.copy_from_slice(payload);
        Ok(Some(len))
    }

    /// Whatever intact record lies in the slot of `number`: its own number, and its payload in `out`.
    pub(super) fn at(
        &self,
        memory: &mut impl Memory,
        number: u32,
        out: &mut [u8; Self::CAPACITY],
    ) -> Result<Option<(u32, usize)>, StoreError> {
        let page = read(memory, self.page(number))?;
        let Ok(found) = Reader::new(&page[..]).u32() else { return Ok(None) };
        let Some((len, payload)) = parse(&page, found) else { return Ok(None) };
        for (to, from) in out.iter_mut().zip(payload) {
            *to = *from;
        }
        // One from another slot is none of this one's.
        Ok((found % self.slots == number % self.slots).then_some((found, len)))
    }

    /// The page of record `number`.
    pub(super) fn page(&self, number: u32) -> u16 {
        self.first.saturating_add((number % self.slots) as u16)
    }
}

fn check(number: u32, len: u8, payload: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    digest.update(&number.to_be_bytes());
    digest.update(&[len]);
    digest.update(payload);
    digest.finalize()
}

/// The payload in `page`, if that is record `number`.
fn parse(page: &[u8; PAGE], number: u32) -> Option<(usize, &[u8])> {
    let mut reader = Reader::new(page);
    let found = reader.u32().ok()?;
    let len = reader.u8().ok()?;
    let stored = reader.u32().ok()?;
    let payload = reader.take(usize::from(len)).ok()?;
    (found == number && stored == check(number, len, payload)).then_some((usize::from(len), payload))
}
