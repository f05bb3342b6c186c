//! Audit records of commands, slot 13 (docs/meter.md, sections 8 and 10).

use super::{NO_CARD, ParameterError, formatted, named};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::id::CardId;
use crate::message::{FORMAT, fixed, written};
use crate::units::CardTime;

/// What became of a command (docs/meter.md, section 8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditRecord {
    /// Counter of the command.
    pub counter: u32,
    /// When it was handled, by the meter's time.
    pub time: CardTime,
    /// Its kind, see [`super::command::kind`].
    pub kind: u8,
    /// 01 executed, else the refusal: 0A expired, 0C wrong in kind or value.
    pub outcome: u8,
    /// The card that brought it; `None` (all 00 on the wire) is the network.
    pub card: Option<CardId>,
}

impl AuditRecord {
    /// Bytes on the wire.
    pub const SIZE: usize = 18;

    /// Outcome of a command that was executed.
    pub const EXECUTED: u8 = 1;

    /// What stands where there is no record.
    const UNUSED: Self = Self { counter: 0, time: CardTime::UNSET, kind: 0, outcome: 0, card: None };

    fn read(reader: &mut Reader<'_>) -> Result<Self, WrongLength> {
        Ok(Self {
            counter: reader.u32()?,
            time: CardTime(reader.u32()?),
            kind: reader.u8()?,
            outcome: reader.u8()?,
            card: named(CardId(reader.array()?)),
        })
    }

    fn emit(&self) -> [u8; Self::SIZE] {
        fixed(|out| {
            out.u32(self.counter)?.u32(self.time.0)?.u8(self.kind)?.u8(self.outcome)?;
            out.put(&self.card.unwrap_or(NO_CARD).0).map(|_| ())
        })
    }
}

/// The newest audit records, at most [`AuditRecords::KEPT`] (docs/meter.md, sections 8 and 10).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditRecords {
    records: [AuditRecord; Self::KEPT],
    count: u8,
}

impl AuditRecords {
    /// No records yet.
    pub const NONE: Self = Self { records: [AuditRecord::UNUSED; Self::KEPT], count: 0 };

    /// How many are kept.
    pub const KEPT: usize = 8;

    /// Bytes of the longest mail: 145.
    pub const MAX: usize = 1 + Self::KEPT * AuditRecord::SIZE;

    /// Adds the newest one, and forgets the oldest where there are [`Self::KEPT`] already.
    pub fn push(&mut self, record: AuditRecord) {
        if let Some(place) = self.records.get_mut(usize::from(self.count)) {
            *place = record;
            self.count = self.count.saturating_add(1);
        } else {
            self.records.rotate_left(1);
            if let Some(last) = self.records.last_mut() {
                *last = record;
            }
        }
    }

    /// The records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &AuditRecord> {
        self.records.iter().take(self.count.into())
    }

    /// From 1 to 145 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let mut records = Self::NONE;
        while reader.left() > 0 {
            let record = AuditRecord::read(&mut reader)?;
            if usize::from(records.count) == Self::KEPT {
                return Err(ParameterError::AuditCount);
            }
            records.push(record);
        }
        Ok(records)
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> Buffer<{ Self::MAX }> {
        written(|out| {
            out.u8(FORMAT)?;
            for record in self.records() {
                out.put(&record.emit())?;
            }
            Ok(())
        })
    }
}

impl Default for AuditRecords {
    fn default() -> Self {
        Self::NONE
    }
}
