//! The chip's memory, here arrays.

use card_applet::PAGES;
use card_core::platform::{Memory, MemoryError, PAGE};

/// Pages that survive a power cut. A chip says in `margin` whether all bits of a page are firm.
pub(crate) struct Pages(pub(crate) [[u8; PAGE]; PAGES as usize]);

impl Pages {
    fn page(&mut self, page: u16) -> Result<&mut [u8; PAGE], MemoryError> {
        self.0.get_mut(usize::from(page)).ok_or(MemoryError::OutOfRange)
    }
}

impl Memory for Pages {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        let bytes = self.page(page)?.get(offset..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(bytes.ok_or(MemoryError::OutOfRange)?);
        Ok(())
    }
    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.page(page).map(|bytes| bytes.fill(0xFF))
    }
    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        self.page(page).map(|bytes| bytes.iter_mut().zip(data).for_each(|(byte, new)| *byte &= new))
    }
    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.page(page).map(|_| true)
    }
}
