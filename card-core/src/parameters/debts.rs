//! Debt plan, slot 04 (docs/meter.md, 7.3).

use super::{ParameterError, formatted};
use crate::bytes::Buffer;
use crate::message::{FORMAT, Month, written};
use crate::units::Piastres;

/// Most debts in a plan.
pub const MAX_DEBTS: usize = 4;

/// What a debt is for (docs/meter.md, 7.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DebtKind {
    /// A purchase paid in instalments.
    Instalment = 1,
    /// Rescheduled arrears.
    Arrears = 2,
    /// Anything else.
    Other = 3,
}

impl DebtKind {
    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Instalment),
            2 => Some(Self::Arrears),
            3 => Some(Self::Other),
            _ => None,
        }
    }
}

/// A debt that is paid in monthly instalments (docs/meter.md, 7.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Debt {
    /// Not 0; stays with the debt from plan to plan, and is never used again in a binding.
    pub id: u32,
    /// What it is for.
    pub kind: DebtKind,
    /// Month index from which instalments are taken, not FFFF.
    pub first_month: u16,
    /// Number of instalments, not 0.
    pub count: u16,
    /// Each instalment but the last, piastres.
    pub amount: u32,
    /// The last instalment, piastres.
    pub last: u32,
}

impl Debt {
    /// Bytes on the wire.
    const SIZE: usize = 17;

    /// What stands where a plan has no debt.
    const UNUSED: Self = Self { id: 0, kind: DebtKind::Other, first_month: 0, count: 0, amount: 0, last: 0 };

    /// The instalment after `number` others; `None` at and beyond [`Self::count`].
    pub fn instalment(&self, number: u16) -> Option<Piastres> {
        let after = self.count.checked_sub(number)?.checked_sub(1)?;
        Some(Piastres(if after == 0 { self.last } else { self.amount }.into()))
    }

    /// The instalment after `taken` others that the month with this index takes as it begins.
    pub fn due(&self, month: u16, taken: u16) -> Option<Piastres> {
        if month >= self.first_month { self.instalment(taken) } else { None }
    }

    /// What is still to pay after `taken` instalments; nothing at and beyond [`Self::count`].
    pub fn remaining(&self, taken: u16) -> Piastres {
        let after = self.count.checked_sub(taken).and_then(|left| left.checked_sub(1));
        // At most 65535 amounts of 32 bits: this fits 64.
        Piastres(after.map_or(0, |after| u64::from(after) * u64::from(self.amount) + u64::from(self.last)))
    }
}

/// The debts that are paid through the meter, at most [`MAX_DEBTS`] (docs/meter.md, 7.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DebtPlan {
    debts: [Debt; MAX_DEBTS],
    count: u8,
}

impl DebtPlan {
    /// No debts: before the first mail.
    pub const NONE: Self = Self { debts: [Debt::UNUSED; MAX_DEBTS], count: 0 };

    /// Bytes of the longest one: 70.
    pub const MAX: usize = 2 + MAX_DEBTS * Debt::SIZE;

    /// A plan of these debts, in this order.
    pub fn new(debts: &[Debt]) -> Result<Self, ParameterError> {
        let mut plan = Self::NONE;
        let places = plan.debts.get_mut(..debts.len()).ok_or(ParameterError::DebtCount)?;
        places.copy_from_slice(debts);
        plan.count = u8::try_from(debts.len()).map_err(|_| ParameterError::DebtCount)?;

        for (number, (debt, index)) in (1..).zip(debts.iter().zip(0..)) {
            let again = debts.iter().take(index).any(|before| before.id == debt.id);
            if debt.id == 0 || again {
                return Err(ParameterError::DebtId(number));
            }
            if debt.first_month == Month::NO_INDEX {
                return Err(ParameterError::DebtMonth(number));
            }
            if debt.count == 0 {
                return Err(ParameterError::DebtInstalments(number));
            }
        }
        Ok(plan)
    }

    /// The debts, in the order of the mail.
    pub fn debts(&self) -> &[Debt] {
        self.debts.get(..self.count.into()).unwrap_or_default()
    }

    /// From 2 to 70 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let count = usize::from(reader.u8()?);
        let mut debts = [Debt::UNUSED; MAX_DEBTS];
        let debts = debts.get_mut(..count).ok_or(ParameterError::DebtCount)?;
        for (number, debt) in (1..).zip(debts.iter_mut()) {
            let id = reader.u32()?;
            let kind = reader.u8()?;
            *debt = Debt {
                id,
                kind: DebtKind::from_code(kind).ok_or(ParameterError::DebtKind(number))?,
                first_month: reader.u16()?,
                count: reader.u16()?,
                amount: reader.u32()?,
                last: reader.u32()?,
            };
        }
        reader.end()?;
        Self::new(debts)
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> Buffer<{ Self::MAX }> {
        written(|out| {
            out.u8(FORMAT)?.u8(self.count)?;
            for debt in self.debts() {
                out.u32(debt.id)?.u8(debt.kind.code())?.u16(debt.first_month)?.u16(debt.count)?;
                out.u32(debt.amount)?.u32(debt.last)?;
            }
            Ok(())
        })
    }
}

impl Default for DebtPlan {
    fn default() -> Self {
        Self::NONE
    }
}
