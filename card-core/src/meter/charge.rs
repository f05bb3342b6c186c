//! The last charges, as the meter applied them (docs/meter.md, section 14).

use super::memory_map::KEPT_CHARGES;
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::message::FormatError;
use crate::units::{Balance, CardTime, Piastres};

/// A certificate that raised a total, as the meter applied it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// When.
    pub time: CardTime,
    /// What was credited.
    pub credit: Piastres,
    /// What of the credit paid a debt.
    pub debt: Piastres,
    /// What was taken as a correction.
    pub correction: Piastres,
    /// The balance after it.
    pub balance: Balance,
}

impl Charge {
    /// How many are kept.
    pub const KEPT: u16 = KEPT_CHARGES;
    /// Bytes in memory.
    pub(super) const SIZE: usize = 4 + 4 * 8;

    pub(super) fn emit(&self) -> Result<Buffer<{ Self::SIZE }>, WrongLength> {
        let mut out = Buffer::new();
        out.u32(self.time.0)?.u64(self.credit.0)?.u64(self.debt.0)?.u64(self.correction.0)?;
        out.put(&self.balance.0.to_be_bytes())?;
        Ok(out)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let charge = Self {
            time: CardTime(reader.u32()?),
            credit: Piastres(reader.u64()?),
            debt: Piastres(reader.u64()?),
            correction: Piastres(reader.u64()?),
            balance: Balance(i64::from_be_bytes(reader.array()?)),
        };
        reader.end()?;
        Ok(charge)
    }
}
