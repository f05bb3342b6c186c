//! AES keys as secrets: wiped when dropped, never copied, never printed, compared in constant time.

use crate::role::KeyVersion;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Length of an AES key (FIPS 197).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyLength {
    /// 16 bytes.
    Aes128,
    /// 24 bytes.
    Aes192,
    /// 32 bytes.
    Aes256,
}

impl KeyLength {
    /// Bytes in a key of this length.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// The key length of `bytes` bytes, if AES has one.
    pub const fn from_bytes(bytes: usize) -> Option<Self> {
        match bytes {
            16 => Some(Self::Aes128),
            24 => Some(Self::Aes192),
            32 => Some(Self::Aes256),
            _ => None,
        }
    }
}

/// An AES key of any length. Wiped when dropped; not `Clone`; its `Debug` shows the length only.
#[derive(ZeroizeOnDrop)]
pub struct AesKey {
    bytes: [u8; 32],
    #[zeroize(skip)]
    length: KeyLength,
}

impl AesKey {
    /// A key of 16, 24 or 32 bytes; `None` for any other length. The caller wipes its own copy.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut key = Self::unset();
        key.set(bytes)?;
        Some(key)
    }

    /// In place of the one that is here: [`Self::new`].
    #[inline(never)]
    pub(crate) fn set(&mut self, bytes: &[u8]) -> Option<()> {
        self.length = KeyLength::from_bytes(bytes.len())?;
        self.bytes.zeroize();
        for (to, from) in self.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        Some(())
    }

    /// No key: what stands where one will be.
    pub(crate) const fn unset() -> Self {
        Self { bytes: [0; 32], length: KeyLength::Aes128 }
    }

    /// A key of `length` from the front of `bytes`. The caller wipes its own copy.
    pub(crate) fn from_front(bytes: &[u8; 32], length: KeyLength) -> Self {
        let mut key = Self::unset();
        // It is so long.
        let _ = bytes.get(..length.bytes()).and_then(|bytes| key.set(bytes));
        key
    }

    /// Which length this key has.
    pub const fn length(&self) -> KeyLength {
        self.length
    }

    /// The key's bytes, for an engine, or for storing it in a protected place.
    pub fn expose(&self) -> &[u8] {
        self.bytes.get(..self.length.bytes()).unwrap_or_default()
    }
}

impl ConstantTimeEq for AesKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.expose().ct_eq(other.expose())
    }
}

impl core::fmt::Debug for AesKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "AesKey({:?}, redacted)", self.length)
    }
}

/// The two keys of a role that seals mail: parameter keys or report keys.
#[derive(Debug)]
pub struct MailKeys {
    /// Key version number, 8v or 9v.
    pub version: KeyVersion,
    /// K1 of AES-SIV.
    pub mac: AesKey,
    /// K2 of AES-SIV.
    pub enc: AesKey,
}
