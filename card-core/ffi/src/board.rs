//! The hardware behind the meter: functions of the firmware, in a table.

use card_core::platform::{Memory, MemoryError, PAGE, Parts, Random, RandomError};

use crate::aes::Aes;

/// Success.
pub const METER_BOARD_OK: u8 = 0;
/// Power is lost; nothing further will run.
pub const METER_BOARD_POWER_LOST: u8 = 1;
/// No such page, or range in it.
pub const METER_BOARD_OUT_OF_RANGE: u8 = 2;
/// The page can no longer be written; the random number source is out of order.
pub const METER_BOARD_FAILED: u8 = 3;
/// Of `margin` only: a bit of the page may read differently another time.
pub const METER_BOARD_DOUBTFUL: u8 = 4;

/// What the firmware does for the meter: five functions that are there, and two for a chip with an AES engine. All stay valid for ever,
/// and use nothing of this interface.
///
/// The memory has pages of 64 bytes with numbers from 0 on, `METER_MEMORY_PAGES` of them, which nobody else writes to. An erased byte reads FF;
/// programming clears bits and never sets one. Each function answers `METER_BOARD_OK`, or why not.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MeterBoard {
    /// Reads `len` bytes of a page, from `offset` on, to `out`.
    pub read: Option<extern "C" fn(page: u16, offset: u16, out: *mut u8, len: u16) -> u8>,
    /// Erases a page to FF.
    pub erase: Option<extern "C" fn(page: u16) -> u8>,
    /// Clears every bit of a page that is 0 in the 64 bytes of `data`. Also where it is 0 already: this refreshes it.
    pub program: Option<extern "C" fn(page: u16, data: *const u8) -> u8>,
    /// Whether every bit of a page reads the same under a raised and a lowered threshold: else, or in doubt, `METER_BOARD_DOUBTFUL`.
    /// A part that cannot tell answers `METER_BOARD_OK` and must read reliably after a power cut.
    pub margin: Option<extern "C" fn(page: u16) -> u8>,
    /// Writes `len` random bytes, fit for keys, to `out`.
    pub random: Option<extern "C" fn(out: *mut u8, len: u16) -> u8>,
    /// Encrypts the 16 bytes of `block` in place by AES (FIPS 197), with a key of `key_length` bytes: 16, 24 or 32. It cannot fail.
    /// 0, and the next one too: AES is in software.
    pub aes_encrypt: Option<extern "C" fn(key: *const u8, key_length: u8, block: *mut u8)>,
    /// Decrypts them likewise.
    pub aes_decrypt: Option<extern "C" fn(key: *const u8, key_length: u8, block: *mut u8)>,
}

/// What a meter runs on.
pub(crate) type Board = Parts<Aes, Source, Pages>;

/// The memory's functions.
pub(crate) struct Pages {
    read: extern "C" fn(u16, u16, *mut u8, u16) -> u8,
    erase: extern "C" fn(u16) -> u8,
    program: extern "C" fn(u16, *const u8) -> u8,
    margin: extern "C" fn(u16) -> u8,
}

/// The function of random numbers.
pub(crate) struct Source(extern "C" fn(*mut u8, u16) -> u8);

/// `None` where a function is missing.
pub(crate) fn board(table: &MeterBoard) -> Option<Board> {
    let MeterBoard { read, erase, program, margin, random, aes_encrypt, aes_decrypt } = *table;
    let pages = Pages { read: read?, erase: erase?, program: program?, margin: margin? };
    Some(Parts::new(Aes::of(aes_encrypt, aes_decrypt)?, Source(random?), pages))
}

const fn result(code: u8) -> Result<(), MemoryError> {
    match code {
        METER_BOARD_OK => Ok(()),
        METER_BOARD_POWER_LOST => Err(MemoryError::PowerLost),
        METER_BOARD_OUT_OF_RANGE => Err(MemoryError::OutOfRange),
        _ => Err(MemoryError::WornOut),
    }
}

impl Memory for Pages {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        let offset = u16::try_from(offset).map_err(|_| MemoryError::OutOfRange)?;
        let len = u16::try_from(out.len()).map_err(|_| MemoryError::OutOfRange)?;
        result((self.read)(page, offset, out.as_mut_ptr(), len))
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        result((self.erase)(page))
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        result((self.program)(page, data.as_ptr()))
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        match (self.margin)(page) {
            METER_BOARD_DOUBTFUL => Ok(false),
            code => result(code).map(|()| true),
        }
    }
}

impl Random for Source {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        let len = u16::try_from(out.len()).map_err(|_| RandomError)?;
        if (self.0)(out.as_mut_ptr(), len) == METER_BOARD_OK { Ok(()) } else { Err(RandomError) }
    }
}
