//! Records that are written and read piece by piece, so that nobody needs room for the whole of one.

use crate::bytes::{Buffer, WrongLength};
use crate::message::FormatError;

/// The longest small part of a state in a [`Journal`](super::Journal), in bytes: a page without what is put before it.
pub const INCREMENT: usize = 51;

/// What has bytes, the same whenever it is asked for them.
pub trait Emit {
    /// Writes them out, from the first on.
    fn emit(&self, out: &mut Writer<'_>) -> Result<(), WrongLength>;
}

/// What a [`Log`](super::Log) keeps.
pub trait Kept: Emit {
    /// Takes what [`Emit::emit`] wrote. Where it is not that, this has no meaning any more.
    fn restore(&mut self, from: &mut Fields<'_>) -> Result<(), FormatError>;
}

/// What a [`Journal`](super::Journal) keeps: a state of which a small part changes often.
pub trait Grows: Kept {
    /// The small part, which [`Emit::emit`] leaves out: always as many bytes.
    fn increment(&self) -> Increment;
    /// Takes a small part, also before [`Kept::restore`] has taken the rest.
    fn apply(&mut self, increment: &[u8]) -> Result<(), FormatError>;
}

/// The bytes of the small part.
pub type Increment = Buffer<INCREMENT>;

impl Emit for &[u8] {
    fn emit(&self, out: &mut Writer<'_>) -> Result<(), WrongLength> {
        out.put(self).map(|_| ())
    }
}

/// Where bytes go, one field after the other, big-endian.
pub struct Writer<'a>(&'a mut dyn FnMut(&[u8]) -> Result<(), WrongLength>);

impl<'a> Writer<'a> {
    /// One that gives all bytes to `put`.
    pub fn new(put: &'a mut dyn FnMut(&[u8]) -> Result<(), WrongLength>) -> Self {
        Self(put)
    }

    /// Appends `bytes`.
    #[inline(never)]
    pub fn put(&mut self, bytes: &[u8]) -> Result<&mut Self, WrongLength> {
        (self.0)(bytes)?;
        Ok(self)
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> Result<&mut Self, WrongLength> {
        self.put(&[value])
    }

    /// Appends two bytes.
    #[inline(never)]
    pub fn u16(&mut self, value: u16) -> Result<&mut Self, WrongLength> {
        self.put(&value.to_be_bytes())
    }

    /// Appends four bytes.
    #[inline(never)]
    pub fn u32(&mut self, value: u32) -> Result<&mut Self, WrongLength> {
        self.put(&value.to_be_bytes())
    }

    /// Appends eight bytes.
    #[inline(never)]
    pub fn u64(&mut self, value: u64) -> Result<&mut Self, WrongLength> {
        self.put(&value.to_be_bytes())
    }

    /// Appends a part of at most 255 bytes, its length before it.
    pub fn part(&mut self, bytes: &[u8]) -> Result<&mut Self, WrongLength> {
        self.u8(u8::try_from(bytes.len()).map_err(|_| WrongLength)?)?.put(bytes)
    }
}

/// Where bytes come from, one field after the other, big-endian.
pub struct Fields<'a> {
    take: &'a mut dyn FnMut(&mut [u8]) -> Result<(), WrongLength>,
    left: usize,
}

impl<'a> Fields<'a> {
    /// `left` bytes that `take` gives.
    pub fn new(take: &'a mut dyn FnMut(&mut [u8]) -> Result<(), WrongLength>, left: usize) -> Self {
        Self { take, left }
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Fills `out` with the next bytes.
    #[inline(never)]
    pub fn fill(&mut self, out: &mut [u8]) -> Result<(), WrongLength> {
        self.left = self.left.checked_sub(out.len()).ok_or(WrongLength)?;
        (self.take)(out)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WrongLength> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// One byte.
    #[inline(never)]
    pub fn u8(&mut self) -> Result<u8, WrongLength> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes.
    #[inline(never)]
    pub fn u16(&mut self) -> Result<u16, WrongLength> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes.
    #[inline(never)]
    pub fn u32(&mut self) -> Result<u32, WrongLength> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes.
    #[inline(never)]
    pub fn u64(&mut self) -> Result<u64, WrongLength> {
        self.array().map(u64::from_be_bytes)
    }

    /// 00 or 01.
    pub fn flag(&mut self) -> Result<bool, FormatError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FormatError::Field),
        }
    }

    /// A part, its length before it, into `room`.
    pub fn part<'b>(&mut self, room: &'b mut [u8]) -> Result<&'b [u8], WrongLength> {
        let part = room.get_mut(..usize::from(self.u8()?)).ok_or(WrongLength)?;
        self.fill(part)?;
        Ok(part)
    }
}

/// A caller's room for the bytes of a record.
pub(super) struct Room<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) len: usize,
}

impl Emit for Room<'_> {
    fn emit(&self, out: &mut Writer<'_>) -> Result<(), WrongLength> {
        out.put(self.bytes.get(..self.len).ok_or(WrongLength)?).map(|_| ())
    }
}

impl Kept for Room<'_> {
    fn restore(&mut self, from: &mut Fields<'_>) -> Result<(), FormatError> {
        self.len = from.left();
        from.fill(self.bytes.get_mut(..self.len).ok_or(WrongLength)?)?;
        Ok(())
    }
}
