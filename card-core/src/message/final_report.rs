//! Final report of a binding, from the meter to the issuer (specification, 5.5, slot 10).

use super::{FormatError, MeterReceipt, Month, fixed};
use crate::bytes::Reader;
use crate::units::Piastres;

/// How a binding ended: what the meter says last of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FinalReport {
    /// The last receipt of the binding, with the flag that it is closed.
    pub receipt: MeterReceipt,
    /// The month that ran then: with its fees, unless it goes on in the next binding.
    pub month: Month,
    /// Instalments taken in the binding.
    pub instalments: Piastres,
}

impl FinalReport {
    /// Bytes on the wire and in memory.
    pub const SIZE: usize = MeterReceipt::SIZE + Month::SIZE + 8;

    /// From 117 bytes. The receipt's code is not checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let report = Self {
            receipt: MeterReceipt::parse(reader.take(MeterReceipt::SIZE)?)?,
            month: Month::parse(reader.take(Month::SIZE)?)?,
            instalments: Piastres(reader.u64()?),
        };
        reader.end()?;
        Ok(report)
    }

    /// The bytes on the wire and in memory.
    pub fn emit(&self) -> [u8; Self::SIZE] {
        fixed(|out| {
            out.put(&self.receipt.emit())?.put(&self.month.emit())?.u64(self.instalments.0).map(|_| ())
        })
    }
}
