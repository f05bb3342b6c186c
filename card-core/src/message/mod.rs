//! The messages between issuer, card and meter (specification, section 5).
//!
//! A message is parsed into a plain value whose fields are right in form. What its code protects is known only once
//! `verify` has returned a [`Verified`], which cannot be made in any other way.

mod certificate;
mod delivery;
mod final_report;
mod history;
mod mail;
mod meter_receipt;
mod receipt;
mod voucher;

pub use certificate::{BindingCertificate, Certificate};
pub use delivery::Delivery;
pub use final_report::FinalReport;
pub use history::{Event, LoadRecord, Month};
pub use mail::{Direction, Envelope, MAX_ENVELOPE, MAX_PLAINTEXT, Opened, Slot};
pub use meter_receipt::{MeterFlags, MeterReceipt};
pub use receipt::Receipt;
pub use voucher::Voucher;

pub use crate::key::MailKeys;

use crate::bytes::WrongLength;
use crate::id::Scope;
use crate::key::AesKey;
use crate::platform::{Block, Engine};
use crate::role::KeyVersion;
use subtle::ConstantTimeEq;

/// The only format of messages so far.
pub const FORMAT: u8 = 1;

/// A message whose authentication code was checked under the key that was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// What was verified.
    pub const fn get(&self) -> &T {
        &self.0
    }
}

impl<T> core::ops::Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// The bytes are not a message of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The length is not that of this type.
    #[error("the message has the wrong length")]
    Length,
    /// A format, slot, channel or state that this version does not know, or a number that may not be 0.
    #[error("the message has a field with a value that is not allowed")]
    Field,
}

impl From<WrongLength> for FormatError {
    fn from(_: WrongLength) -> Self {
        Self::Length
    }
}

/// An authentication code is wrong: the message was altered, or made with another key, company or environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the authentication code is wrong: the message was altered or made with another key, company or environment"
)]
pub struct NotAuthentic;

/// The 16 bytes that begin every CMAC input (specification, section 5).
pub(crate) fn header_block(tag: &[u8; 8], scope: Scope, key_version: KeyVersion, length: usize) -> Block {
    let [c, d] = scope.company.0.to_be_bytes();
    // Every message fits a short APDU, so its length fits two bytes.
    let [l, m] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let [t0, t1, t2, t3, t4, t5, t6, t7] = *tag;
    [t0, t1, t2, t3, t4, t5, t6, t7, FORMAT, scope.environment.code(), c, d, key_version.byte(), 0, l, m]
}

/// CMAC over header block and `body`.
pub(crate) fn code(
    engine: &mut impl Engine,
    key: &AesKey,
    tag: &[u8; 8],
    scope: Scope,
    key_version: KeyVersion,
    body: &[u8],
) -> Block {
    engine.cmac(key, &[&header_block(tag, scope, key_version, body.len()), body])
}

/// Compares two codes in constant time.
pub fn check(expected: &Block, given: &Block) -> Result<(), NotAuthentic> {
    if bool::from(expected.ct_eq(given)) { Ok(()) } else { Err(NotAuthentic) }
}

/// What a writer wrote, of sizes that fit: what does not is a mistake in this crate that the round-trip tests would show.
pub(crate) fn written<const N: usize>(
    write: impl FnOnce(&mut crate::bytes::Buffer<N>) -> Result<(), WrongLength>,
) -> crate::bytes::Buffer<N> {
    let mut buffer = crate::bytes::Buffer::new();
    let written = write(&mut buffer);
    debug_assert!(written.is_ok());
    buffer
}

/// The same where it is exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(
    write: impl FnOnce(&mut crate::bytes::Buffer<N>) -> Result<(), WrongLength>,
) -> [u8; N] {
    let buffer = written(write);
    debug_assert!(buffer.len() == N);
    buffer.into_array()
}

/// Message authentication that all fixed-size messages share: a body of `BODY` bytes and 16 bytes of code behind it.
macro_rules! authenticated {
    ($name:ident, $tag:literal, body $body:literal, size $size:literal) => {
        impl $name {
            /// Bytes on the wire.
            pub const SIZE: usize = $size;

            fn expected(
                &self,
                engine: &mut impl $crate::platform::Engine,
                key: &$crate::key::AesKey,
                scope: $crate::id::Scope,
            ) -> $crate::platform::Block {
                super::code(engine, key, $tag, scope, self.key_version, &self.body())
            }

            /// Sets the code under `key`, whose version the message names.
            pub fn sign(
                mut self,
                engine: &mut impl $crate::platform::Engine,
                key: &$crate::key::AesKey,
                scope: $crate::id::Scope,
            ) -> Self {
                self.mac = self.expected(engine, key, scope);
                self
            }

            /// Checks the code under `key`, for `scope`.
            pub fn verify(
                self,
                engine: &mut impl $crate::platform::Engine,
                key: &$crate::key::AesKey,
                scope: $crate::id::Scope,
            ) -> Result<super::Verified<Self>, super::NotAuthentic> {
                super::check(&self.expected(engine, key, scope), &self.mac)?;
                Ok(super::Verified(self))
            }

            /// The bytes on the wire.
            pub fn emit(&self) -> [u8; $size] {
                super::fixed(|out| out.put(&self.body())?.put(&self.mac).map(|_| ()))
            }
        }
    };
}
pub(crate) use authenticated;
