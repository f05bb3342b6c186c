//! Month so far, slot 0B (docs/meter.md, 7.5).

use super::{ParameterError, formatted};
use crate::message::{FORMAT, Month, fixed};
use crate::units::{Energy, Piastres};

/// What a customer's calendar month has had in other contracts: consumed, and paid for that (docs/meter.md, 7.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MonthSoFar {
    /// Index of the month, not FFFF.
    pub month: u16,
    /// What was consumed.
    pub energy: Energy,
    /// Energy charge, and fees where they were taken: at most [`Self::MOST`].
    pub paid: Piastres,
}

impl MonthSoFar {
    /// Bytes on the wire.
    pub const SIZE: usize = 15;
    /// The most that can have been paid.
    pub const MOST: Piastres = Piastres(1 << 62);

    /// From 15 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let month = reader.u16()?;
        let (energy, paid) = (Energy(reader.u32()?), Piastres(reader.u64()?));
        reader.end()?;
        if month == Month::NO_INDEX {
            return Err(ParameterError::Month);
        }
        if paid > Self::MOST {
            return Err(ParameterError::Paid);
        }
        Ok(Self { month, energy, paid })
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 15] {
        fixed(|out| out.u8(FORMAT)?.u16(self.month)?.u32(self.energy.0)?.u64(self.paid.0).map(|_| ()))
    }
}
