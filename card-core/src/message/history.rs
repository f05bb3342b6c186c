//! Records of the histories: loads, months and events (specification, 5.8 and section 6).

use super::{FormatError, fixed};
use crate::bytes::Reader;
use crate::id::{Channel, Reference};
use crate::units::{Balance, CardTime, Energy, Piastres};

/// The highest amount in a record: 48 bits.
const MOST_AMOUNT: Piastres = Piastres((1 << 48) - 1);

fn amount(reader: &mut Reader<'_>) -> Result<Piastres, FormatError> {
    Ok(Piastres(u64::from(reader.u16()?) << 32 | u64::from(reader.u32()?)))
}

fn of_amount(amount: Piastres) -> [u8; 6] {
    let [_, _, bytes @ ..] = amount.min(MOST_AMOUNT).0.to_be_bytes();
    bytes
}

/// A value of 24 bits, saturating.
fn of_24_bits(value: u32) -> [u8; 3] {
    let [_, bytes @ ..] = value.min(Month::MOST_24).to_be_bytes();
    bytes
}

fn bits_24(reader: &mut Reader<'_>) -> Result<u32, FormatError> {
    Ok(u32::from(reader.u8()?) << 16 | u32::from(reader.u16()?))
}

/// One accepted load, as the card logs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadRecord {
    /// From 1, only grows for a card.
    pub number: u32,
    /// Issue time of the certificate.
    pub time: CardTime,
    /// How it was sold.
    pub channel: Channel,
    /// The seller's reference.
    pub reference: Reference,
    /// Sequence of the certificate.
    pub sequence: u32,
    /// What total credit rose by; as all three, saturating at 2^48 - 1 piastres.
    pub credited: Piastres,
    /// What total debited rose by.
    pub debited: Piastres,
    /// Total credit after it.
    pub total_credit: Piastres,
}

impl LoadRecord {
    /// Bytes on the wire and in memory.
    pub const SIZE: usize = 39;

    /// From 39 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let number = reader.u32()?;
        let time = CardTime(reader.u32()?);
        let channel = Channel::from_code(reader.u8()?).ok_or(FormatError::Field)?;
        let record = Self {
            number,
            time,
            channel,
            reference: Reference(reader.array()?),
            sequence: reader.u32()?,
            credited: amount(&mut reader)?,
            debited: amount(&mut reader)?,
            total_credit: amount(&mut reader)?,
        };
        reader.end()?;
        Ok(record)
    }

    /// The bytes on the wire and in memory.
    pub fn emit(&self) -> [u8; Self::SIZE] {
        fixed(|out| {
            out.u32(self.number)?.u32(self.time.0)?.u8(self.channel.code())?.put(&self.reference.0)?;
            out.u32(self.sequence)?.put(&of_amount(self.credited))?.put(&of_amount(self.debited))?;
            out.put(&of_amount(self.total_credit)).map(|_| ())
        })
    }
}

/// Consumption and cost of one calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    /// Months since January 2020, in the meter's local time.
    pub index: u16,
    /// 01 partial, 02 re-rated, 04 clock doubtful.
    pub flags: u8,
    /// Slab reached.
    pub slab: u8,
    /// Energy of the month.
    pub energy: Energy,
    /// Charge for that energy: below 2^48.
    pub energy_charge: Piastres,
    /// What of it restarts have brought, saturating; below zero it was given.
    pub re_rating: i32,
    /// Service fee, saturating.
    pub service_fee: u32,
    /// Charges of the state and the governorate, and taxes, saturating; below zero they were given.
    pub levies: i32,
    /// All other charges, saturating; below zero they were given.
    pub others: i32,
    /// What the debt plan took as the month began, saturating.
    pub instalments: u32,
    /// What of the energy charge a doubtful clock has brought, saturating at [`Self::MOST_24`].
    pub doubt_cost: u32,
    /// Version of the tariff in force, at its end.
    pub tariff: u32,
    /// Peak demand in W, saturating at [`Self::MOST_24`].
    pub peak: u32,
}

impl Month {
    /// Bytes on the wire and in memory.
    pub const SIZE: usize = 44;
    /// "None" where an index is wanted.
    pub const NO_INDEX: u16 = u16::MAX;
    /// The highest peak, and cost of doubt, that a record holds.
    pub const MOST_24: u32 = (1 << 24) - 1;

    /// One whose fees are not due yet.
    #[must_use]
    pub const fn without_fees(self) -> Self {
        Self { service_fee: 0, levies: 0, others: 0, ..self }
    }

    /// Fees and charges in one sum.
    pub fn fees(&self) -> Balance {
        Balance(
            i64::from(self.service_fee).saturating_add(self.levies.into()).saturating_add(self.others.into()),
        )
    }

    /// From 44 bytes. Index FFFF is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let month = Self {
            index: reader.u16()?,
            flags: reader.u8()?,
            slab: reader.u8()?,
            energy: Energy(reader.u32()?),
            energy_charge: amount(&mut reader)?,
            re_rating: reader.u32()?.cast_signed(),
            service_fee: reader.u32()?,
            levies: reader.u32()?.cast_signed(),
            others: reader.u32()?.cast_signed(),
            instalments: reader.u32()?,
            doubt_cost: bits_24(&mut reader)?,
            tariff: reader.u32()?,
            peak: bits_24(&mut reader)?,
        };
        reader.end()?;
        if month.index == Self::NO_INDEX { Err(FormatError::Field) } else { Ok(month) }
    }

    /// The bytes on the wire and in memory.
    pub fn emit(&self) -> [u8; Self::SIZE] {
        fixed(|out| {
            out.u16(self.index)?
                .u8(self.flags)?
                .u8(self.slab)?
                .u32(self.energy.0)?
                .put(&of_amount(self.energy_charge))?;
            out.u32(self.re_rating.cast_unsigned())?
                .u32(self.service_fee)?
                .u32(self.levies.cast_unsigned())?;
            out.u32(self.others.cast_unsigned())?
                .u32(self.instalments)?
                .put(&of_24_bits(self.doubt_cost))?
                .u32(self.tariff)?
                .put(&of_24_bits(self.peak))
                .map(|_| ())
        })
    }
}

/// Something that happened at the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// From 1, only grows in a binding.
    pub number: u32,
    /// When.
    pub time: CardTime,
    /// What; the codes belong to the meter.
    pub code: u16,
    /// Details by code.
    pub data: [u8; 6],
}

impl Event {
    /// Bytes on the wire and in memory.
    pub const SIZE: usize = 16;

    /// From 16 bytes. Number 0 is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let event = Self {
            number: reader.u32()?,
            time: CardTime(reader.u32()?),
            code: reader.u16()?,
            data: reader.array()?,
        };
        reader.end()?;
        if event.number == 0 { Err(FormatError::Field) } else { Ok(event) }
    }

    /// The bytes on the wire and in memory.
    pub fn emit(&self) -> [u8; 16] {
        fixed(|out| out.u32(self.number)?.u32(self.time.0)?.u16(self.code)?.put(&self.data).map(|_| ()))
    }
}
