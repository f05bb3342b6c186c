//! Records that are written and read piece by piece, so that nobody needs room for the whole of one.

use crate::bytes::{Buffer, WrongLength};
use crate::message::FormatError;

/// The longest small part of a state in a [`Journal`](super::Journal), in bytes: a page without what is put before it.
pub const INCREMENT: usize = 51;

/// What has bytes, the same whenever it is asked for them.
pub trait Emit {
    /// Writes them out, from the first on.
    fn emit(&self, out: &mut Writer<'_>);
}

/// What a [`Log`](super::Log) keeps.
pub trait Kept: Emit {
    /// Takes what [`Emit::emit`] wrote. Where it is not that, this has no meaning any more: [`Fields::end`] says so, or an error.
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
    fn emit(&self, out: &mut Writer<'_>) {
        out.put(self);
    }
}

/// Where bytes go, one field after the other, big-endian. What fails is known at the [end](Self::end), and nothing is put after it: so
/// a record of a hundred fields is looked at once.
pub struct Writer<'a> {
    put: &'a mut dyn FnMut(&[u8]) -> Result<(), WrongLength>,
    result: Result<(), WrongLength>,
}

impl<'a> Writer<'a> {
    /// One that gives all bytes to `put`.
    pub fn new(put: &'a mut dyn FnMut(&[u8]) -> Result<(), WrongLength>) -> Self {
        Self { put, result: Ok(()) }
    }

    /// Appends `bytes`.
    #[inline(never)]
    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        if self.result.is_ok() {
            self.result = (self.put)(bytes);
        }
        self
    }

    /// Appends one byte.
    #[inline(never)]
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    /// Appends two bytes.
    #[inline(never)]
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// Appends four bytes.
    #[inline(never)]
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// Appends eight bytes.
    #[inline(never)]
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// Appends eight bytes, with a sign.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.u64(value.cast_unsigned())
    }

    /// Appends a part of at most 255 bytes, its length before it.
    #[inline(never)]
    pub fn part(&mut self, bytes: &[u8]) -> &mut Self {
        match u8::try_from(bytes.len()) {
            Ok(length) => self.u8(length).put(bytes),
            Err(_) => {
                self.result = Err(WrongLength);
                self
            }
        }
    }

    /// Whether all of it was put.
    pub const fn end(self) -> Result<(), WrongLength> {
        self.result
    }
}

/// Where bytes come from, one field after the other, big-endian. Where one is missing it is zeros, and so is all that comes after it; the
/// [end](Self::end) says so.
pub struct Fields<'a> {
    take: &'a mut dyn FnMut(&mut [u8]) -> Result<(), WrongLength>,
    left: usize,
    wrong: Option<FormatError>,
}

impl<'a> Fields<'a> {
    /// `left` bytes that `take` gives.
    pub fn new(take: &'a mut dyn FnMut(&mut [u8]) -> Result<(), WrongLength>, left: usize) -> Self {
        Self { take, left, wrong: None }
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Fills `out` with the next bytes.
    #[inline(never)]
    pub fn fill(&mut self, out: &mut [u8]) {
        if self.wrong.is_none() && self.next(out).is_ok() {
            return;
        }
        self.fail(FormatError::Length);
        out.fill(0);
    }

    fn next(&mut self, out: &mut [u8]) -> Result<(), WrongLength> {
        self.left = self.left.checked_sub(out.len()).ok_or(WrongLength)?;
        (self.take)(out)
    }

    /// This is not the record that it was to be.
    pub const fn fail(&mut self, error: FormatError) {
        if self.wrong.is_none() {
            self.wrong = Some(error);
        }
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// One byte.
    #[inline(never)]
    pub fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    /// Two bytes.
    #[inline(never)]
    pub fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// Four bytes.
    #[inline(never)]
    pub fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// Eight bytes.
    #[inline(never)]
    pub fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// Eight bytes, with a sign.
    pub fn i64(&mut self) -> i64 {
        self.u64().cast_signed()
    }

    /// 00 or 01.
    #[inline(never)]
    pub fn flag(&mut self) -> bool {
        let byte = self.u8();
        if byte > 1 {
            self.fail(FormatError::Field);
        }
        byte == 1
    }

    /// A part, its length before it, into `room`.
    #[inline(never)]
    pub fn part<'b>(&mut self, room: &'b mut [u8]) -> &'b [u8] {
        let length = self.u8();
        let Some(part) = room.get_mut(..length.into()) else {
            self.fail(FormatError::Length);
            return &[];
        };
        self.fill(part);
        part
    }

    /// Whether all of it was there so far, and as it was to be.
    pub const fn end(&self) -> Result<(), FormatError> {
        match self.wrong {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Takes what nobody has asked for.
    pub(super) fn skip(&mut self) {
        while self.left > 0 && self.next(&mut [0]).is_ok() {}
    }
}

/// A caller's room for the bytes of a record.
pub(super) struct Room<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) len: usize,
}

impl Emit for Room<'_> {
    fn emit(&self, out: &mut Writer<'_>) {
        // `restore` has found that it is so long.
        out.put(self.bytes.get(..self.len).unwrap_or_default());
    }
}

impl Kept for Room<'_> {
    fn restore(&mut self, from: &mut Fields<'_>) -> Result<(), FormatError> {
        self.len = from.left();
        from.fill(self.bytes.get_mut(..self.len).ok_or(WrongLength)?);
        from.end()
    }
}
