//! The chip of the card: its memory is RAM, its random numbers are not random, and it waits for nothing.
#![allow(unsafe_code, reason = "the memory is a static")]

use core::cell::UnsafeCell;

use card_core::platform::{Delay, Memory, MemoryError, PAGE, Parts, Random, RandomError};
use card_core::soft::SoftEngine;

/// Pages in RAM, inverted, so that RAM of zeros is erased.
pub struct Pages<const N: usize>([[u8; PAGE]; N]);

impl<const N: usize> Pages<N> {
    /// All of them erased.
    pub const ERASED: Self = Self([[0; PAGE]; N]);

    fn page(&mut self, page: u16) -> Result<&mut [u8; PAGE], MemoryError> {
        self.0.get_mut(usize::from(page)).ok_or(MemoryError::OutOfRange)
    }
}

impl<const N: usize> Memory for Pages<N> {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        let from = self.page(page)?.get(offset..).unwrap_or_default();
        if from.len() < out.len() {
            return Err(MemoryError::OutOfRange);
        }
        for (to, from) in out.iter_mut().zip(from) {
            *to = !from;
        }
        Ok(())
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        *self.page(page)? = [0; PAGE];
        Ok(())
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        for (to, from) in self.page(page)?.iter_mut().zip(data) {
            *to |= !from;
        }
        Ok(())
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.page(page).map(|_| true)
    }
}

/// A static of a program with one thread and no interrupts.
pub struct Alone<T>(pub UnsafeCell<T>);

// SAFETY: this program has one thread and no interrupts.
unsafe impl<T> Sync for Alone<T> {}

static MEMORY: Alone<Pages<{ card_applet::PAGES as usize }>> = Alone(UnsafeCell::new(Pages::ERASED));

/// The chip of the card.
pub type Chip = Parts<SoftEngine, Five, CardMemory, AtOnce>;

/// It.
pub fn chip() -> Chip {
    Parts { engine: SoftEngine, random: Five, memory: CardMemory, delay: AtOnce }
}

/// The memory of the card.
pub struct CardMemory;

impl CardMemory {
    fn pages(&mut self) -> &mut Pages<{ card_applet::PAGES as usize }> {
        // SAFETY: there is one card, and who calls this holds it alone.
        unsafe { &mut *MEMORY.0.get() }
    }
}

impl Memory for CardMemory {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        self.pages().read(page, offset, out)
    }
    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.pages().erase(page)
    }
    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        self.pages().program(page, data)
    }
    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.pages().margin(page)
    }
}

/// Numbers that are not random.
pub struct Five;

impl Random for Five {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(0xC5);
        Ok(())
    }
}

/// Waits for nothing.
pub struct AtOnce;

impl Delay for AtOnce {
    fn wait(&mut self, _: u16) {}
}
