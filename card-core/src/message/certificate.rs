//! Credit certificate and binding certificate, from the issuer to one meter (specification, 5.1 and 5.2).

use super::{FORMAT, FormatError, authenticated, fixed};
use crate::bytes::Reader;
use crate::id::{Binding, MeterId};
use crate::platform::Block;
use crate::role::{KeyVersion, Role};
use crate::units::{CardTime, Piastres};

/// The totals of a binding, certified by the issuer: all credit and all corrections up to its sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate {
    /// Key version number of the credit key, 7v.
    pub key_version: KeyVersion,
    /// Meter and number of the binding.
    pub binding: Binding,
    /// Generation of the customer's card.
    pub generation: u16,
    /// Number of the certificate in its binding, from 1, only grows.
    pub sequence: u32,
    /// All credit ever certified to the binding.
    pub total_credit: Piastres,
    /// All corrections ever certified to the binding.
    pub total_debited: Piastres,
    /// Credit that the issuer knows the meter to have applied, by what the meter signed.
    pub known_credit: Piastres,
    /// Corrections that the issuer knows the meter to have applied.
    pub known_debited: Piastres,
    /// When it was issued; a lower bound for the meter's clock.
    pub issue_time: CardTime,
    /// Authentication code under the credit key.
    pub mac: Block,
}

authenticated!(Certificate, b"EGCREDIT", body 56, size 72);

impl Certificate {
    /// From 72 bytes. The code is not checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let certificate = Self {
            key_version: KeyVersion::from_byte(reader.u8()?),
            binding: Binding { meter: MeterId(reader.array()?), number: reader.u32()? },
            generation: reader.u16()?,
            sequence: reader.u32()?,
            total_credit: Piastres(reader.u64()?),
            total_debited: Piastres(reader.u64()?),
            known_credit: Piastres(reader.u64()?),
            known_debited: Piastres(reader.u64()?),
            issue_time: CardTime(reader.u32()?),
            mac: reader.array()?,
        };
        reader.end()?;
        let wrong = format != FORMAT
            || !certificate.key_version.is_of(Role::Credit)
            || certificate.binding.number == 0
            || certificate.generation == 0
            || certificate.sequence == 0
            || certificate.issue_time == CardTime::UNSET;
        if wrong { Err(FormatError::Field) } else { Ok(certificate) }
    }

    fn body(&self) -> [u8; 56] {
        fixed(|out| {
            out.u8(FORMAT)?
                .u8(self.key_version.byte())?
                .put(&self.binding.meter.0)?
                .u32(self.binding.number)?;
            out.u16(self.generation)?
                .u32(self.sequence)?
                .u64(self.total_credit.0)?
                .u64(self.total_debited.0)?
                .u64(self.known_credit.0)?
                .u64(self.known_debited.0)?;
            out.u32(self.issue_time.0).map(|_| ())
        })
    }
}

/// Opens a binding on a meter, which closes the meter's former binding for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindingCertificate {
    /// Key version number of the credit key, 7v.
    pub key_version: KeyVersion,
    /// Meter and number of the binding.
    pub binding: Binding,
    /// The customer's account.
    pub account: u64,
    /// When the binding was opened.
    pub opening_time: CardTime,
    /// Authentication code under the credit key.
    pub mac: Block,
}

authenticated!(BindingCertificate, b"EGBINDNG", body 26, size 42);

impl BindingCertificate {
    /// From 42 bytes. The code is not checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let certificate = Self {
            key_version: KeyVersion::from_byte(reader.u8()?),
            binding: Binding { meter: MeterId(reader.array()?), number: reader.u32()? },
            account: reader.u64()?,
            opening_time: CardTime(reader.u32()?),
            mac: reader.array()?,
        };
        reader.end()?;
        let wrong = format != FORMAT
            || !certificate.key_version.is_of(Role::Credit)
            || certificate.binding.number == 0;
        if wrong { Err(FormatError::Field) } else { Ok(certificate) }
    }

    fn body(&self) -> [u8; 26] {
        fixed(|out| {
            out.u8(FORMAT)?
                .u8(self.key_version.byte())?
                .put(&self.binding.meter.0)?
                .u32(self.binding.number)?;
            out.u64(self.account)?.u32(self.opening_time.0).map(|_| ())
        })
    }
}
