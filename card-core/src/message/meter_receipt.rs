//! Meter receipt, from the meter to the issuer (specification, 5.7).

use super::{FORMAT, FormatError, authenticated, fixed};
use crate::bytes::Reader;
use crate::id::{Binding, MeterId};
use crate::platform::Block;
use crate::role::{KeyVersion, Role};
use crate::units::{Balance, CardTime, Energy, Piastres};

/// What the meter says it has applied, and how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterReceipt {
    /// Key version number of the report keys, 9v.
    pub key_version: KeyVersion,
    /// Meter and number of the binding.
    pub binding: Binding,
    /// From 1, only grows in a binding.
    pub number: u32,
    /// When the meter wrote it.
    pub time: CardTime,
    /// All credit that the meter has applied.
    pub applied_credit: Piastres,
    /// All corrections that the meter has applied.
    pub applied_debited: Piastres,
    /// What is left; negative is a debt.
    pub balance: Balance,
    /// Energy register; wraps, see the specification.
    pub energy: Energy,
    /// How the meter stands.
    pub flags: MeterFlags,
    /// Authentication code under the report receipt key.
    pub mac: Block,
}

authenticated!(MeterReceipt, b"EGMTRRCP", body 52, size 68);

impl MeterReceipt {
    /// From 68 bytes. The code is not checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let format = reader.u8()?;
        let receipt = Self {
            key_version: KeyVersion::from_byte(reader.u8()?),
            binding: Binding { meter: MeterId(reader.array()?), number: reader.u32()? },
            number: reader.u32()?,
            time: CardTime(reader.u32()?),
            applied_credit: Piastres(reader.u64()?),
            applied_debited: Piastres(reader.u64()?),
            balance: Balance(i64::from_be_bytes(reader.array()?)),
            energy: Energy(reader.u32()?),
            flags: MeterFlags(reader.u16()?),
            mac: reader.array()?,
        };
        reader.end()?;
        let wrong = format != FORMAT
            || !receipt.key_version.is_of(Role::Report)
            || receipt.binding.number == 0
            || receipt.number == 0;
        if wrong { Err(FormatError::Field) } else { Ok(receipt) }
    }

    /// What was used by then: applied credit less applied debits less what is left. Of an honest meter it never falls, and is never below 0.
    pub fn used(&self) -> i128 {
        i128::from(self.applied_credit.0) - i128::from(self.applied_debited.0) - i128::from(self.balance.0)
    }

    fn body(&self) -> [u8; 52] {
        fixed(|out| {
            out.u8(FORMAT)?
                .u8(self.key_version.byte())?
                .put(&self.binding.meter.0)?
                .u32(self.binding.number)?;
            out.u32(self.number)?
                .u32(self.time.0)?
                .u64(self.applied_credit.0)?
                .u64(self.applied_debited.0)?;
            out.put(&self.balance.0.to_be_bytes())?.u32(self.energy.0)?.u16(self.flags.0).map(|_| ())
        })
    }
}

/// How a meter stands, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeterFlags(pub u16);

impl MeterFlags {
    /// Credit is below the first threshold.
    pub const LOW_CREDIT: Self = Self(0x0001);
    /// Credit is below the second threshold.
    pub const VERY_LOW_CREDIT: Self = Self(0x0002);
    /// The supply is cut.
    pub const SUPPLY_CUT: Self = Self(0x0004);
    /// Tampering was seen.
    pub const TAMPER: Self = Self(0x0008);
    /// The clock is doubtful.
    pub const CLOCK_DOUBTFUL: Self = Self(0x0010);
    /// The meter's memory has gone back.
    pub const REGRESSED: Self = Self(0x0020);
    /// The binding is closed: this is the final report.
    pub const CLOSED: Self = Self(0x0040);
    /// The emergency loan is in use.
    pub const LOAN: Self = Self(0x0080);
    /// The meter's battery is low.
    pub const BATTERY_LOW: Self = Self(0x0100);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}
