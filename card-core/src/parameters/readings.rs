//! Readings of a meter, slot 11 (docs/meter.md, section 10).

use super::{ParameterError, formatted};
use crate::message::{FORMAT, MeterFlags, Month, fixed};
use crate::units::{Balance, CardTime, Energy, Piastres};

/// How a meter and its present binding stand (docs/meter.md, section 10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Readings {
    /// When they were taken; 0 where the clock is not set.
    pub time: CardTime,
    /// Number of the last report; 0 before the first of the binding.
    pub report_number: u32,
    /// All credit that the meter has applied.
    pub applied_credit: Piastres,
    /// All corrections that the meter has applied.
    pub applied_debited: Piastres,
    /// What is left; negative is a debt.
    pub balance: Balance,
    /// Energy register.
    pub energy: Energy,
    /// The month that runs, so far.
    pub month: Month,
    /// How the meter stands (specification, 5.7).
    pub flags: MeterFlags,
    /// Reasons why the supply is cut, bits of section 5.
    pub cut: u8,
    /// Tampering that is known, bits of section 6.
    pub tampering: u8,
    /// End of the emergency loan that runs; 0 is none.
    pub loan_until: CardTime,
    /// Instalments still to take, of all debts of the plan.
    pub debts_left: Piastres,
    /// Instalments taken in this binding.
    pub debts_paid: Piastres,
    /// Version of the tariff in force.
    pub tariff: u32,
    /// Version of the waiting tariff; 0 is none.
    pub waiting_tariff: u32,
    /// How many cards were refused.
    pub refused_cards: u32,
    /// Number of the last event; 0 before the first of the binding.
    pub last_event: u32,
    /// Highest counter of commands; 0 before the first of the binding.
    pub last_command: u32,
    /// Offset of the clock, seconds: time less its reading (section 2).
    pub clock_offset: i64,
    /// Version of the firmware, as its maker counts.
    pub firmware: u32,
    /// Which keys are in use.
    pub keys: KeysInUse,
}

/// Versions of a meter's present keys, 1 to 15 each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeysInUse {
    /// Of the credit key, 7v.
    pub credit: u8,
    /// Of the parameter keys, 8v.
    pub parameter: u8,
    /// Of the report keys, 9v.
    pub report: u8,
    /// Of the base key, Av.
    pub base: u8,
    /// Of the transport key, Bv.
    pub transport: u8,
}

impl KeysInUse {
    fn parse([one, two, three]: [u8; 3]) -> Result<Self, ParameterError> {
        if three & 0x0F != 0 {
            return Err(ParameterError::KeysInUse);
        }
        Ok(Self {
            credit: one >> 4,
            parameter: one & 0x0F,
            report: two >> 4,
            base: two & 0x0F,
            transport: three >> 4,
        })
    }

    /// A nibble each.
    const fn emit(self) -> [u8; 3] {
        let Self { credit, parameter, report, base, transport } = self;
        [credit << 4 | (parameter & 0x0F), report << 4 | (base & 0x0F), transport << 4]
    }
}

impl Readings {
    /// Bytes on the wire.
    pub const SIZE: usize = 140;

    /// From 140 bytes. Month index FFFF is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let time = CardTime(reader.u32()?);
        let report_number = reader.u32()?;
        let applied_credit = Piastres(reader.u64()?);
        let applied_debited = Piastres(reader.u64()?);
        let balance = Balance(i64::from_be_bytes(reader.array()?));
        let energy = Energy(reader.u32()?);
        let month = reader.array::<{ Month::SIZE }>()?;
        let readings = Self {
            time,
            report_number,
            applied_credit,
            applied_debited,
            balance,
            energy,
            month: Month::parse(&month).map_err(|_| ParameterError::Month)?,
            flags: MeterFlags(reader.u16()?),
            cut: reader.u8()?,
            tampering: reader.u8()?,
            loan_until: CardTime(reader.u32()?),
            debts_left: Piastres(reader.u64()?),
            debts_paid: Piastres(reader.u64()?),
            tariff: reader.u32()?,
            waiting_tariff: reader.u32()?,
            refused_cards: reader.u32()?,
            last_event: reader.u32()?,
            last_command: reader.u32()?,
            clock_offset: i64::from_be_bytes(reader.array()?),
            firmware: reader.u32()?,
            keys: KeysInUse::parse(reader.array()?)?,
        };
        reader.end()?;
        Ok(readings)
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; Self::SIZE] {
        fixed(|out| {
            out.u8(FORMAT)?.u32(self.time.0)?.u32(self.report_number)?;
            out.u64(self.applied_credit.0)?.u64(self.applied_debited.0)?;
            out.put(&self.balance.0.to_be_bytes())?.u32(self.energy.0)?.put(&self.month.emit())?;
            out.u16(self.flags.0)?.u8(self.cut)?.u8(self.tampering)?.u32(self.loan_until.0)?;
            out.u64(self.debts_left.0)?.u64(self.debts_paid.0)?;
            out.u32(self.tariff)?.u32(self.waiting_tariff)?.u32(self.refused_cards)?;
            out.u32(self.last_event)?.u32(self.last_command)?;
            out.put(&self.clock_offset.to_be_bytes())?.u32(self.firmware)?.put(&self.keys.emit()).map(|_| ())
        })
    }
}
