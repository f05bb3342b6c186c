//! One state, in slots that take turns.

use core::num::NonZeroU32;

use super::StoreError;
use super::kept::{Emit, Fields, Kept, Room, Writer};
use super::page::{CRC, ERASED, Page, blank, holds, page_of, put, read};
use crate::bytes::{Reader, WrongLength};
use crate::platform::{Memory, PAGE};

/// Before the payload: epoch inverted (4), length (2), CRC-32 over both and the payload (4).
///
/// It stands in the slot's first page, which is erased first and programmed last: a fixed place to look for it, whatever
/// the payload's length. The epoch is inverted so that a torn first record can be known: see [`Log::check_unused`].
const HEADER: usize = 10;

/// Where the CRC-32 begins in the header.
const CHECKED: usize = 6;

/// The epoch of the very first record.
const FIRST: u32 = 1;

/// Slots that are tried are marked in the bits of a `u64`.
const MOST_SLOTS: u8 = 64;

/// An append log of whole states: the newest intact record is the state.
///
/// Records are numbered by epochs that only grow, and the one of epoch `e` lies in slot `e` modulo the number of slots,
/// so that wear is level. A log of 2 slots keeps its promises; more slots spread the wear further, and keep older
/// records to fall back on when a committed record decays.
///
/// A commit touches only the pages that its payload needs, and of those only the ones that differ from what the slot
/// held before: at most one erase and one program each, and always the first. States are best laid out with what
/// changes often in front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    first: u16,
    pages: u8,
    slots: NonZeroU32,
}

/// Which state the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// Its number. The next commit needs it.
    pub epoch: u32,
    /// How many bytes of the caller's buffer it fills.
    pub len: usize,
}

impl Log {
    /// A log of `slots` slots of `pages_per_slot` pages from `first_page` on. To be called in a constant: what is
    /// wrong is then found by the compiler.
    ///
    /// # Panics
    /// With fewer than 2 or more than 64 slots, with empty slots, or where pages would be numbered past `u16::MAX`.
    pub const fn new(first_page: u16, pages_per_slot: u8, slots: u8) -> Self {
        assert!(slots >= 2, "with one slot there is nothing to fall back on");
        assert!(slots <= MOST_SLOTS, "at most 64 slots");
        assert!(pages_per_slot >= 1, "a slot needs a page");
        assert!(
            first_page.checked_add(pages_per_slot as u16 * slots as u16).is_some(),
            "page numbers end at 65535"
        );
        let slots = NonZeroU32::MIN.saturating_add(slots as u32 - 1);
        Self { first: first_page, pages: pages_per_slot, slots }
    }

    /// The longest payload, in bytes.
    pub const fn capacity(&self) -> usize {
        (self.pages as usize).saturating_mul(PAGE).saturating_sub(HEADER)
    }

    /// How many pages it takes.
    pub const fn pages(&self) -> u16 {
        (self.pages as u16).saturating_mul(self.slots.get() as u16)
    }

    /// The first page after it.
    pub const fn end(&self) -> u16 {
        self.first.saturating_add(self.pages())
    }

    /// Finds the state and puts it into `out`, which must have room for [`capacity`](Self::capacity): see
    /// [`restore`](Self::restore). What follows the record in `out` has no meaning.
    pub fn recover(&self, memory: &mut impl Memory, out: &mut [u8]) -> Result<Option<Record>, StoreError> {
        self.restore(memory, &mut self.room(out)?)
    }

    /// Finds the state and puts it into `state`; `None` where nothing was ever committed, and then `state` has no meaning.
    ///
    /// To be called at every power-up, before the state is used. What it answers stays the answer at every later call
    /// until something is committed: a record whose bits are in doubt is firmed up in place, and a record that a cut
    /// left unfinished is erased before it could come to read as finished.
    ///
    /// # Errors
    /// [`StoreError::Format`] where the newest intact record is none of `state`'s.
    pub fn restore(
        &self,
        memory: &mut impl Memory,
        state: &mut dyn Kept,
    ) -> Result<Option<Record>, StoreError> {
        let Some(record) = self.newest(memory, state)? else {
            self.check_unused(memory)?;
            blank(memory, self.head(FIRST))?;
            return Ok(None);
        };
        let firm = self.refresh(memory, record.epoch, state)?;
        let Some(next) = record.epoch.checked_add(1) else { return Ok(Some(record)) };
        // A record that cannot be firmed up where it is, is copied. So is the very first: see `commit`.
        if !firm || record.epoch == FIRST {
            self.write(memory, next, state)?;
            return Ok(Some(Record { epoch: next, ..record }));
        }
        self.disarm(memory, next)?;
        Ok(Some(record))
    }

    /// Finds the state as [`recover`](Self::recover) does, but changes nothing: for diagnosis. After a power cut its
    /// answer can differ from one time to the next, and from what `recover` will say.
    pub fn peek(&self, memory: &mut impl Memory, out: &mut [u8]) -> Result<Option<Record>, StoreError> {
        let found = self.newest(memory, &mut self.room(out)?)?;
        if found.is_none() {
            self.check_unused(memory)?;
        }
        Ok(found)
    }

    /// Makes `payload` the state and returns its epoch: see [`keep`](Self::keep).
    pub fn commit(
        &self,
        memory: &mut impl Memory,
        newest: Option<u32>,
        payload: &[u8],
    ) -> Result<u32, StoreError> {
        self.keep(memory, newest, &payload)
    }

    /// Makes `state` the state and returns its epoch. `newest` is the epoch that `restore` or the last `keep`
    /// returned, `None` if the log is empty. On success the state has been read back and no bit of it is in doubt.
    ///
    /// The very first record is written twice, so the first epoch returned is 2. From then on more than one slot has been
    /// used, and a log that has decayed cannot be mistaken for one whose first commit was cut short.
    pub fn keep(
        &self,
        memory: &mut impl Memory,
        newest: Option<u32>,
        state: &dyn Emit,
    ) -> Result<u32, StoreError> {
        let newest = match newest {
            Some(epoch) => epoch,
            None => {
                self.write(memory, FIRST, state)?;
                FIRST
            }
        };
        let epoch = newest.checked_add(1).ok_or(StoreError::Exhausted)?;
        self.write(memory, epoch, state)?;
        Ok(epoch)
    }

    /// Whether the record of `epoch` is what `state` emits, but for the first `skip` bytes.
    pub(super) fn is(
        &self,
        memory: &mut impl Memory,
        epoch: u32,
        state: &dyn Emit,
        skip: usize,
    ) -> Result<bool, StoreError> {
        let mut number = self.head(epoch);
        let mut page = read(memory, number)?;
        let Some((record, _)) = self.parse(&page[..], epoch % self.slots) else { return Ok(false) };
        let (mut at, mut done, mut failed) = (HEADER, 0_usize, None);
        let mut check = |bytes: &[u8]| {
            for byte in bytes {
                if at == PAGE {
                    number = number.saturating_add(1);
                    page = read(memory, number).map_err(|error| {
                        failed = Some(error);
                        WrongLength
                    })?;
                    at = 0;
                }
                if done >= skip && page.get(at) != Some(byte) {
                    return Err(WrongLength);
                }
                at = at.saturating_add(1);
                done = done.saturating_add(1);
            }
            Ok(())
        };
        let mut out = Writer::new(&mut check);
        state.emit(&mut out);
        let same = out.end().is_ok();
        match failed {
            Some(error) => Err(error),
            None => Ok(same && record.epoch == epoch && record.len == done),
        }
    }

    fn room<'a>(&self, bytes: &'a mut [u8]) -> Result<Room<'a>, StoreError> {
        if bytes.len() < self.capacity() {
            return Err(StoreError::BufferTooSmall);
        }
        Ok(Room { bytes, len: 0 })
    }

    /// Writes a record to its slot: the first page is invalid from the first step on and becomes valid in the last,
    /// when every other page has been found firm.
    fn write(&self, memory: &mut impl Memory, epoch: u32, state: &dyn Emit) -> Result<(), StoreError> {
        let (header, pages) = self.header(epoch, state)?;
        let head = self.head(epoch);
        blank(memory, head)?;
        for index in 1..pages {
            put(memory, head.saturating_add(index), &page_of(&header, state, index.into()))?;
        }
        let bytes = page_of(&header, state, 0);
        memory.program(head, &bytes)?;
        if !holds(memory, head, &bytes)? {
            // The caller will be told that this failed, so it must not come to read as a success later.
            memory.erase(head)?;
            return Err(StoreError::Unverified { page: head });
        }
        Ok(())
    }

    /// Programs again the pages of a record whose bits are in doubt, with the same data: never by way of erasing, for
    /// this may be the only intact record there is. Returns whether all of it is firm now.
    fn refresh(&self, memory: &mut impl Memory, epoch: u32, state: &dyn Emit) -> Result<bool, StoreError> {
        let (header, pages) = self.header(epoch, state)?;
        let mut firm = true;
        for index in 0..pages {
            let page = self.head(epoch).saturating_add(index);
            if !memory.margin(page)? {
                // From what passed its check, not from the page: a second reading of it may differ.
                let bytes = page_of(&header, state, index.into());
                memory.program(page, &bytes)?;
                firm &= holds(memory, page, &bytes)?;
            }
        }
        Ok(firm)
    }

    /// Makes sure that nothing in the slot of epoch `next`, which is not part of the state, becomes part of it later.
    ///
    /// Only this slot can hold an unfinished record, and only its first page can make it a finished one. An intact
    /// older record stays: it is the fallback.
    fn disarm(&self, memory: &mut impl Memory, next: u32) -> Result<(), StoreError> {
        match self.scan(memory, next % self.slots, None)? {
            Some(older) if older.epoch < next => Ok(()),
            _ => blank(memory, self.head(next)),
        }
    }

    /// Puts the newest intact record into `out`.
    fn newest(&self, memory: &mut impl Memory, out: &mut dyn Kept) -> Result<Option<Record>, StoreError> {
        let mut tried = 0_u64;
        loop {
            let mut best = None;
            for slot in 0..self.slots.get() {
                if tried & bit(slot) == 0 {
                    // Equal claims cannot be: an epoch has only one slot.
                    best = best.max(self.claim(memory, slot)?.map(|epoch| (epoch, slot)));
                }
            }
            let Some((epoch, slot)) = best else { return Ok(None) };
            // Where bits are in doubt, what is read now need not be what was claimed a moment ago. The order of trial
            // was by what was claimed, so a record that now says otherwise would be taken out of turn.
            match self.scan(memory, slot, Some(&mut *out))? {
                Some(record) if record.epoch == epoch => return Ok(Some(record)),
                _ => tried |= bit(slot),
            }
        }
    }

    /// Which epoch a slot claims to hold, unchecked; `None` where it cannot be so.
    fn claim(&self, memory: &mut impl Memory, slot: u32) -> Result<Option<u32>, StoreError> {
        let mut bytes = [ERASED; CHECKED];
        memory.read(self.page(slot), 0, &mut bytes)?;
        Ok(self.parse(&bytes, slot).map(|(record, _)| record.epoch))
    }

    /// Reads a slot through, also into `out` where one is given; `None` where it holds no intact record.
    fn scan(
        &self,
        memory: &mut impl Memory,
        slot: u32,
        out: Option<&mut dyn Kept>,
    ) -> Result<Option<Record>, StoreError> {
        let mut number = self.page(slot);
        let mut page: Page = read(memory, number)?;
        let Some((record, mut rest)) = self.parse(&page[..], slot) else { return Ok(None) };
        let Ok(stored) = rest.u32() else { return Ok(None) };
        let mut digest = CRC.digest();
        digest.update(page.get(..CHECKED).unwrap_or_default());
        let (mut at, mut failed) = (HEADER, None);
        let mut take = |out: &mut [u8]| {
            for byte in out.iter_mut() {
                if at == PAGE {
                    number = number.saturating_add(1);
                    page = read(memory, number).map_err(|error| {
                        failed = Some(error);
                        WrongLength
                    })?;
                    at = 0;
                }
                *byte = page.get(at).copied().unwrap_or(ERASED);
                at = at.saturating_add(1);
            }
            digest.update(out);
            Ok(())
        };
        let mut fields = Fields::new(&mut take, record.len);
        let restored = out.map_or(Ok(()), |out| out.restore(&mut fields));
        // What was not asked for is checked all the same.
        fields.skip();
        match failed {
            Some(error) => Err(error),
            None if digest.finalize() != stored => Ok(None),
            None => Ok(restored.map(|()| Some(record))?),
        }
    }

    /// Reads epoch and length, and returns what follows them; `None` where no record of this log has them.
    fn parse<'a>(&self, bytes: &'a [u8], slot: u32) -> Option<(Record, Reader<'a>)> {
        let mut reader = Reader::new(bytes);
        let epoch = !reader.u32().ok()?;
        let len = usize::from(reader.u16().ok()?);
        let possible = epoch >= FIRST && epoch % self.slots == slot && len <= self.capacity();
        possible.then_some((Record { epoch, len }, reader))
    }

    /// Succeeds where the log, in which nothing is intact, was never used, or only for a first commit that was cut
    /// short; otherwise it is corrupt.
    ///
    /// Until the first record is whole, all other slots are erased. And it was being programmed over an erased page, so
    /// bits that are 1 in it are 1 in every torn state: in the inverted epoch 1, all but the lowest. Any other epoch of
    /// this slot has another bit at 0.
    fn check_unused(&self, memory: &mut impl Memory) -> Result<(), StoreError> {
        for slot in 0..self.slots.get() {
            let page = read(memory, self.page(slot))?;
            let unused = if slot == FIRST % self.slots {
                Reader::new(&page[..]).u32().is_ok_and(|inverted| inverted | FIRST == u32::MAX)
            } else {
                page.iter().all(|byte| *byte == ERASED)
            };
            if !unused {
                return Err(StoreError::Corrupt);
            }
        }
        Ok(())
    }

    /// The header of a record, and how many pages it fills.
    #[inline(never)]
    fn header(&self, epoch: u32, state: &dyn Emit) -> Result<([u8; HEADER], u16), StoreError> {
        let mut len = 0_usize;
        let mut count = |bytes: &[u8]| {
            len = len.saturating_add(bytes.len());
            Ok(())
        };
        let mut out = Writer::new(&mut count);
        state.emit(&mut out);
        let emitted = out.end();
        let length = u16::try_from(len).map_err(|_| StoreError::TooLong)?;
        if len > self.capacity() || emitted.is_err() {
            return Err(StoreError::TooLong);
        }
        let [e0, e1, e2, e3] = (!epoch).to_be_bytes();
        let [l0, l1] = length.to_be_bytes();
        let mut digest = CRC.digest();
        digest.update(&[e0, e1, e2, e3, l0, l1]);
        let mut update = |bytes: &[u8]| {
            digest.update(bytes);
            Ok(())
        };
        state.emit(&mut Writer::new(&mut update));
        let [c0, c1, c2, c3] = digest.finalize().to_be_bytes();
        Ok(([e0, e1, e2, e3, l0, l1, c0, c1, c2, c3], pages_for(len)))
    }

    /// The first page of the slot of `epoch`.
    fn head(&self, epoch: u32) -> u16 {
        self.page(epoch % self.slots)
    }

    /// The first page of `slot`. Nothing saturates: `new` has checked the end of the last slot.
    fn page(&self, slot: u32) -> u16 {
        self.first.saturating_add((slot as u16).saturating_mul(self.pages.into()))
    }
}

/// How many pages a record with a payload of `len` bytes fills: at least one, at most 255.
fn pages_for(len: usize) -> u16 {
    len.saturating_add(HEADER).div_ceil(PAGE) as u16
}

/// The mark of a slot.
fn bit(slot: u32) -> u64 {
    1_u64.checked_shl(slot).unwrap_or_default()
}
