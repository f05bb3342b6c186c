//! Mail delivery: issuer's mail on its way to one card (specification, 5.6).

use super::{Envelope, FORMAT, FormatError, MAX_ENVELOPE, NotAuthentic, check, code};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::id::{CardId, Company, Environment, Scope};
use crate::key::AesKey;
use crate::platform::{Block, Engine};
use crate::role::KeyVersion;

const TAG: &[u8; 8] = b"EGDELIVR";

/// A mail envelope addressed to one card, authenticated under its load key.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// Key version number of the load key, 5v.
    pub key_version: KeyVersion,
    /// Company and environment.
    pub scope: Scope,
    /// The card it is for.
    pub card: CardId,
    envelope: &'a [u8],
    body: &'a [u8],
    mac: Block,
}

impl<'a> Delivery<'a> {
    /// Longest delivery.
    pub const MAX: usize = 29 + MAX_ENVELOPE;

    /// From 64 to 209 bytes. Neither code nor envelope is looked at here.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FormatError> {
        let (body, mac) = bytes.split_last_chunk::<16>().ok_or(FormatError::Length)?;
        let mut reader = Reader::new(body);
        let format = reader.u8()?;
        let key_version = KeyVersion::from_byte(reader.u8()?);
        let company = Company(reader.u16()?);
        let environment = Environment::from_code(reader.u8()?);
        let card = CardId(reader.array()?);
        let envelope = reader.rest();
        let (FORMAT, Some(environment)) = (format, environment) else { return Err(FormatError::Field) };
        Ok(Self { key_version, scope: Scope { company, environment }, card, envelope, body, mac: *mac })
    }

    /// Checks the code under the load key.
    pub fn verify(&self, engine: &mut impl Engine, key: &AesKey) -> Result<(), NotAuthentic> {
        check(&code(engine, key, TAG, self.scope, self.key_version, self.body), &self.mac)
    }

    /// What it carries, where that is right in form.
    pub fn envelope(&self) -> Result<Envelope, FormatError> {
        Envelope::parse(self.envelope)
    }

    /// Makes the bytes on the wire.
    pub fn make(
        engine: &mut impl Engine,
        key: &AesKey,
        key_version: KeyVersion,
        scope: Scope,
        card: CardId,
        envelope: &Envelope,
    ) -> Result<Buffer<{ Delivery::MAX }>, WrongLength> {
        let mut out = Buffer::new();
        out.u8(FORMAT)?.u8(key_version.byte())?.u16(scope.company.0)?.u8(scope.environment.code())?;
        out.put(&card.0)?.put(envelope.as_bytes())?;
        let mac = code(engine, key, TAG, scope, key_version, out.as_slice());
        out.put(&mac)?;
        Ok(out)
    }
}
