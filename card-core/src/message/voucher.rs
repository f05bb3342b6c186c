//! Voucher, from the issuer to one card (specification, 5.3).

use super::{Certificate, FORMAT, FormatError, NotAuthentic, Verified, check, code, fixed};
use crate::bytes::Reader;
use crate::id::{CardId, Channel, Company, Environment, Reference, Scope};
use crate::key::AesKey;
use crate::platform::{Block, Engine};
use crate::role::KeyVersion;

/// Carries a credit certificate to one card. It is no money: the certificate holds totals, and only the meter believes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Voucher {
    /// Key version number of the load key, 5v.
    pub key_version: KeyVersion,
    /// Company and environment, in clear so that a mistake can be named.
    pub scope: Scope,
    /// The card it is for.
    pub card: CardId,
    /// How it was sold.
    pub channel: Channel,
    /// The seller's reference.
    pub reference: Reference,
    /// What it carries.
    pub certificate: Certificate,
    /// Authentication code under the load key.
    pub mac: Block,
}

const TAG: &[u8; 8] = b"EGVOUCHR";

impl Voucher {
    /// Bytes on the wire.
    pub const SIZE: usize = 110;

    /// Sets the code under the load key, whose version the voucher names, for the company and environment that it names.
    pub fn sign(mut self, engine: &mut impl Engine, key: &AesKey) -> Self {
        self.mac = code(engine, key, TAG, self.scope, self.key_version, &self.body());
        self
    }

    /// Checks the code under the load key.
    pub fn verify(self, engine: &mut impl Engine, key: &AesKey) -> Result<Verified<Self>, NotAuthentic> {
        check(&code(engine, key, TAG, self.scope, self.key_version, &self.body()), &self.mac)?;
        Ok(Verified(self))
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 110] {
        fixed(|out| out.put(&self.body())?.put(&self.mac).map(|_| ()))
    }

    /// From 110 bytes. The code is not checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        Self::parse_outer(bytes)?.certificate()
    }

    /// Everything but the certificate, which the card looks at only once the voucher is authentic.
    pub fn parse_outer(bytes: &[u8]) -> Result<OuterVoucher<'_>, FormatError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let key_version = KeyVersion::from_byte(reader.u8()?);
        let company = Company(reader.u16()?);
        let environment = Environment::from_code(reader.u8()?);
        let card = CardId(reader.array()?);
        let channel = Channel::from_code(reader.u8()?);
        let reference = Reference(reader.array()?);
        let certificate = reader.array()?;
        let mac = reader.array()?;
        reader.end()?;
        let (FORMAT, Some(environment), Some(channel)) = (format, environment, channel) else {
            return Err(FormatError::Field);
        };
        let scope = Scope { company, environment };
        let (body, _) = bytes.split_last_chunk::<16>().ok_or(FormatError::Length)?;
        Ok(OuterVoucher { key_version, scope, card, channel, reference, certificate, mac, body })
    }

    fn body(&self) -> [u8; 94] {
        fixed(|out| {
            out.u8(FORMAT)?
                .u8(self.key_version.byte())?
                .u16(self.scope.company.0)?
                .u8(self.scope.environment.code())?;
            out.put(&self.card.0)?.u8(self.channel.code())?.put(&self.reference.0)?;
            out.put(&self.certificate.emit()).map(|_| ())
        })
    }
}

/// A voucher whose certificate has not been looked at.
#[derive(Debug, Clone, Copy)]
pub struct OuterVoucher<'a> {
    /// Key version number of the load key, 5v.
    pub key_version: KeyVersion,
    /// Company and environment.
    pub scope: Scope,
    /// The card it is for.
    pub card: CardId,
    /// How it was sold.
    pub channel: Channel,
    /// The seller's reference.
    pub reference: Reference,
    certificate: [u8; Certificate::SIZE],
    mac: Block,
    body: &'a [u8],
}

impl OuterVoucher<'_> {
    /// Checks the code under the load key.
    pub fn verify(&self, engine: &mut impl Engine, key: &AesKey) -> Result<(), NotAuthentic> {
        check(&code(engine, key, TAG, self.scope, self.key_version, self.body), &self.mac)
    }

    /// The whole voucher, where the certificate is right in form.
    pub fn certificate(self) -> Result<Voucher, FormatError> {
        Ok(Voucher {
            key_version: self.key_version,
            scope: self.scope,
            card: self.card,
            channel: self.channel,
            reference: self.reference,
            certificate: Certificate::parse(&self.certificate)?,
            mac: self.mac,
        })
    }
}
