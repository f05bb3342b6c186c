//! Memory in RAM for meter and card, and numbers that are not random.
#![allow(unsafe_code, reason = "the board's functions have no argument for what is theirs")]

use core::cell::UnsafeCell;

use card_core::meter::MEMORY_PAGES;
use card_core::platform::{Delay, Memory, MemoryError, PAGE, Parts, Random, RandomError};
use card_core::soft::SoftEngine;
use card_meter::{METER_BOARD_OK, METER_BOARD_OUT_OF_RANGE, MeterBoard};

/// Pages in RAM, inverted, so that RAM of zeros is erased.
pub(crate) struct Pages<const N: usize>([[u8; PAGE]; N]);

impl<const N: usize> Pages<N> {
    pub(crate) const ERASED: Self = Self([[0; PAGE]; N]);

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

struct Alone<T>(UnsafeCell<T>);

// SAFETY: this program has one thread and no interrupts.
unsafe impl<T> Sync for Alone<T> {}

static METER: Alone<Pages<{ MEMORY_PAGES as usize }>> = Alone(UnsafeCell::new(Pages::ERASED));
static CARD: Alone<Pages<{ card_applet::PAGES as usize }>> = Alone(UnsafeCell::new(Pages::ERASED));

fn meter<T>(call: impl FnOnce(&mut Pages<{ MEMORY_PAGES as usize }>) -> Result<T, MemoryError>) -> u8 {
    // SAFETY: none of the functions below calls another one, so this reference is the only one.
    match call(unsafe { &mut *METER.0.get() }) {
        Ok(_) => METER_BOARD_OK,
        Err(_) => METER_BOARD_OUT_OF_RANGE,
    }
}

extern "C" fn read(page: u16, offset: u16, out: *mut u8, len: u16) -> u8 {
    // SAFETY: the meter gives `len` bytes to write to.
    let out = unsafe { core::slice::from_raw_parts_mut(out, len.into()) };
    meter(|pages| pages.read(page, offset.into(), out))
}

extern "C" fn erase(page: u16) -> u8 {
    meter(|pages| pages.erase(page))
}

extern "C" fn program(page: u16, data: *const u8) -> u8 {
    // SAFETY: the meter gives a page to read from.
    let data = unsafe { &*data.cast::<[u8; PAGE]>() };
    meter(|pages| pages.program(page, data))
}

extern "C" fn margin(page: u16) -> u8 {
    meter(|pages| pages.margin(page))
}

extern "C" fn random(out: *mut u8, len: u16) -> u8 {
    // SAFETY: the meter gives `len` bytes to write to.
    unsafe { core::slice::from_raw_parts_mut(out, len.into()) }.fill(0x5C);
    METER_BOARD_OK
}

/// The board of the meter.
pub(crate) const BOARD: MeterBoard = MeterBoard {
    read: Some(read),
    erase: Some(erase),
    program: Some(program),
    margin: Some(margin),
    random: Some(random),
};

/// The chip of the card.
pub(crate) type Chip = Parts<SoftEngine, Five, CardMemory, AtOnce>;

pub(crate) fn chip() -> Chip {
    Parts { engine: SoftEngine, random: Five, memory: CardMemory, delay: AtOnce }
}

/// The memory of the card.
pub(crate) struct CardMemory;

impl CardMemory {
    fn pages(&mut self) -> &mut Pages<{ card_applet::PAGES as usize }> {
        // SAFETY: there is one card, and who calls this holds it alone.
        unsafe { &mut *CARD.0.get() }
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
pub(crate) struct Five;

impl Random for Five {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.fill(0xC5);
        Ok(())
    }
}

/// Waits for nothing.
pub(crate) struct AtOnce;

impl Delay for AtOnce {
    fn wait(&mut self, _: u16) {}
}
