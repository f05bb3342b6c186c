//! Reading and writing fixed fields in byte strings, big-endian, without a panic and without a copy.

/// The bytes end before the field does, or the buffer is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data has the wrong length")]
pub struct WrongLength;

/// Takes fields from the front of a byte string.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], WrongLength> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(WrongLength)?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], WrongLength> {
        let (head, tail) = self.rest.split_first_chunk().ok_or(WrongLength)?;
        self.rest = tail;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, WrongLength> {
        self.array().map(u8::from_be_bytes)
    }

    /// Two bytes, big-endian.
    pub fn u16(&mut self) -> Result<u16, WrongLength> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes, big-endian.
    pub fn u32(&mut self) -> Result<u32, WrongLength> {
        self.array().map(u32::from_be_bytes)
    }

    /// Eight bytes, big-endian.
    pub fn u64(&mut self) -> Result<u64, WrongLength> {
        self.array().map(u64::from_be_bytes)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// How many bytes are left.
    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// Succeeds where nothing is left over.
    pub fn end(self) -> Result<(), WrongLength> {
        if self.rest.is_empty() { Ok(()) } else { Err(WrongLength) }
    }
}

/// A byte string of at most `N` bytes that is built by appending. Nothing is appended where it would not fit.
pub type Buffer<const N: usize> = Room<[u8; N]>;

/// A [`Buffer`], or a reference to one of any size: its code is there once, and not for each size.
#[derive(Clone)]
pub struct Room<B: ?Sized> {
    len: usize,
    bytes: B,
}

impl Room<[u8]> {
    /// Appends `bytes`.
    #[inline(never)]
    pub fn put(&mut self, bytes: &[u8]) -> Result<&mut Self, WrongLength> {
        let end = self.len.checked_add(bytes.len()).ok_or(WrongLength)?;
        self.bytes.get_mut(self.len..end).ok_or(WrongLength)?.copy_from_slice(bytes);
        self.len = end;
        Ok(self)
    }

    /// Appends one byte.
    #[inline(never)]
    pub fn u8(&mut self, value: u8) -> Result<&mut Self, WrongLength> {
        self.put(&[value])
    }

    /// Appends two bytes, big-endian.
    #[inline(never)]
    pub fn u16(&mut self, value: u16) -> Result<&mut Self, WrongLength> {
        self.put(&value.to_be_bytes())
    }

    /// Appends four bytes, big-endian.
    #[inline(never)]
    pub fn u32(&mut self, value: u32) -> Result<&mut Self, WrongLength> {
        self.put(&value.to_be_bytes())
    }

    /// Appends eight bytes, big-endian.
    #[inline(never)]
    pub fn u64(&mut self, value: u64) -> Result<&mut Self, WrongLength> {
        self.put(&value.to_be_bytes())
    }

    /// What has been written.
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// What has been written, to change in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(..self.len).unwrap_or_default()
    }

    /// Forgets everything after the first `len` bytes, and wipes it.
    #[inline(never)]
    pub fn truncate(&mut self, len: usize) {
        if let Some(tail) = self.bytes.get_mut(len..) {
            tail.fill(0);
            self.len = self.len.min(len);
        }
    }
}

impl<const N: usize> Buffer<N> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { len: 0, bytes: [0; N] }
    }

    /// Of any size.
    pub const fn any(&mut self) -> &mut Room<[u8]> {
        self
    }

    /// Appends `bytes`.
    pub fn put(&mut self, bytes: &[u8]) -> Result<&mut Room<[u8]>, WrongLength> {
        self.any().put(bytes)
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> Result<&mut Room<[u8]>, WrongLength> {
        self.any().u8(value)
    }

    /// Appends two bytes, big-endian.
    pub fn u16(&mut self, value: u16) -> Result<&mut Room<[u8]>, WrongLength> {
        self.any().u16(value)
    }

    /// Appends four bytes, big-endian.
    pub fn u32(&mut self, value: u32) -> Result<&mut Room<[u8]>, WrongLength> {
        self.any().u32(value)
    }

    /// Appends eight bytes, big-endian.
    pub fn u64(&mut self, value: u64) -> Result<&mut Room<[u8]>, WrongLength> {
        self.any().u64(value)
    }

    /// What has been written.
    pub fn as_slice(&self) -> &[u8] {
        let any: &Room<[u8]> = self;
        any.as_slice()
    }

    /// What has been written, to change in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.any().as_mut_slice()
    }

    /// How many bytes have been written.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing has been written.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The whole buffer, zeros behind what has been written.
    pub const fn into_array(self) -> [u8; N] {
        self.bytes
    }

    /// Forgets everything after the first `len` bytes, and wipes it.
    pub fn truncate(&mut self, len: usize) {
        self.any().truncate(len);
    }

    /// Forgets and wipes everything.
    pub fn clear(&mut self) {
        self.truncate(0);
    }
}

impl<const N: usize> Default for Buffer<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> core::fmt::Debug for Buffer<N> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for byte in self.as_slice() {
            write!(f, "{byte:02X}")?;
        }
        Ok(())
    }
}
