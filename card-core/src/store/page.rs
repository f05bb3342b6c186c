//! What log and ring do to single pages.

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use zeroize::Zeroizing;

use super::StoreError;
use super::kept::{Emit, Writer};
use crate::platform::{Memory, PAGE};

/// A page on its way from or to memory. Records may hold keys, so it is wiped.
pub(super) type Page = Zeroizing<[u8; PAGE]>;

/// What an erased byte reads as.
pub(super) const ERASED: u8 = 0xFF;

/// Computed bit by bit: a table would cost more room than the time is worth, next to 2 ms for programming a page.
pub(super) const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// A page of erased bytes.
pub(super) fn blank_page() -> Page {
    Zeroizing::new([ERASED; PAGE])
}

/// The page with number `index` of what a header and a record make when put together; erased bytes after their end.
#[inline(never)]
pub(super) fn page_of(header: &[u8], record: &dyn Emit, index: usize) -> Page {
    let mut page = blank_page();
    let (start, mut at) = (index.saturating_mul(PAGE), 0_usize);
    let mut put = |bytes: &[u8]| {
        let bytes_here = bytes.get(start.saturating_sub(at)..).unwrap_or_default();
        let free = page.get_mut(at.saturating_sub(start)..).unwrap_or_default();
        for (to, from) in free.iter_mut().zip(bytes_here) {
            *to = *from;
        }
        at = at.saturating_add(bytes.len());
        Ok(())
    };
    // Nothing here fails, and what the record itself can fail by, its check sum has found before.
    let mut out = Writer::new(&mut put);
    record.emit(out.put(header));
    page
}

/// Reads a whole page.
pub(super) fn read(memory: &mut impl Memory, page: u16) -> Result<Page, StoreError> {
    let mut bytes = blank_page();
    memory.read(page, 0, &mut bytes[..])?;
    Ok(bytes)
}

/// Whether a page holds `bytes`, and no bit of it is in doubt.
pub(super) fn holds(memory: &mut impl Memory, page: u16, bytes: &Page) -> Result<bool, StoreError> {
    Ok(*read(memory, page)? == **bytes && memory.margin(page)?)
}

/// Makes sure that a page is erased. A page that only looks erased may look otherwise tomorrow: it is erased again.
pub(super) fn blank(memory: &mut impl Memory, page: u16) -> Result<(), StoreError> {
    if !holds(memory, page, &blank_page())? {
        memory.erase(page)?;
    }
    Ok(())
}

/// Makes sure that a page holds `bytes`, with as few operations as that takes.
pub(super) fn put(memory: &mut impl Memory, page: u16, bytes: &Page) -> Result<(), StoreError> {
    if holds(memory, page, bytes)? {
        return Ok(());
    }
    blank(memory, page)?;
    memory.program(page, bytes)?;
    if holds(memory, page, bytes)? { Ok(()) } else { Err(StoreError::Unverified { page }) }
}
