//! Memory in RAM for the meter, and numbers that are not random.
#![allow(unsafe_code, reason = "the board's functions have no argument for what is theirs")]

use core::cell::UnsafeCell;

use card_core::meter::MEMORY_PAGES;
use card_core::platform::{Memory, MemoryError, PAGE};
use card_meter::{METER_BOARD_OK, METER_BOARD_OUT_OF_RANGE, MeterBoard};
use meter_firmware::chip::{Alone, Pages};

static METER: Alone<Pages<{ MEMORY_PAGES as usize }>> = Alone(UnsafeCell::new(Pages::ERASED));

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
    aes_encrypt: None,
    aes_decrypt: None,
};
