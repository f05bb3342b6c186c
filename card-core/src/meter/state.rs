//! What a meter remembers of its binding: one record, changed as a whole.

use super::decide::{Decision, Verdict};
use super::events::{Events, code};
use super::keys::{MeterIdentity, ReportKeys};
use crate::bytes::{Buffer, Reader, WrongLength};
use crate::id::Binding;
use crate::message::{FORMAT, FormatError, MeterFlags, MeterReceipt, Month};
use crate::platform::Engine;
use crate::terminal::exchange::Presented;
use crate::units::{Balance, CardTime, Energy, Piastres};

/// The persistent state of a meter's credit application. A plain value: nothing here writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterState {
    /// Applied credit - applied debited - what was consumed and charged, in piastres.
    pub balance: Balance,
    /// Energy register in units of 10 Wh; wraps. It belongs to the meter and outlives bindings.
    pub energy: Energy,
    /// The month that runs.
    pub month: Month,
    /// Number of the last report in this binding; 0: none yet.
    pub report_number: u32,
    /// Lower bound of the clock: the latest issue time of an applied certificate.
    pub clock: CardTime,
    /// How the meter stands; [`MeterFlags::CLOSED`] never is here.
    pub flags: MeterFlags,
    /// Credit applied in this binding.
    pub applied_credit: Piastres,
    /// Corrections applied in this binding.
    pub applied_debited: Piastres,
    /// Sequence of the newest certificate applied in this binding; 0: none yet.
    pub sequence: u32,
    /// The highest generation of a card that completed an exchange in this binding.
    pub generation: u16,
    /// Number of the binding; 0: none yet.
    pub binding: u32,
    /// The customer's account.
    pub account: u64,
    /// The newest events of this binding.
    pub events: Events,
    /// Final report of the binding that was closed last. It is kept until the next one closes: whichever card comes takes it.
    pub final_report: Option<MeterReceipt>,
}

/// The month began with another customer, or before the meter did.
const PARTIAL: u8 = 0x01;

impl MeterState {
    /// The longest that [`Self::emit`] writes, in bytes.
    pub(super) const MOST: usize =
        1 + 8 + 4 + Month::SIZE + 4 + 4 + 2 + 8 + 8 + 4 + 2 + 4 + 8 + Events::MOST + 1 + MeterReceipt::SIZE;

    /// A meter without a binding, with its energy register, in a month.
    pub fn new(energy: Energy, month_index: u16) -> Self {
        Self {
            balance: Balance(0),
            energy,
            month: new_month(month_index, PARTIAL),
            report_number: 0,
            clock: CardTime::UNSET,
            flags: MeterFlags::default(),
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            sequence: 0,
            generation: 0,
            binding: 0,
            account: 0,
            events: Events::default(),
            final_report: None,
        }
    }

    /// Whether the meter's memory is known to have gone back in this binding.
    pub const fn regressed(&self) -> bool {
        self.flags.has(MeterFlags::REGRESSED)
    }

    /// The clock, not before its lower bound.
    pub fn time(&self, now: CardTime) -> CardTime {
        now.max(self.clock)
    }

    /// The state after consumption of `energy` that costs `amount`; `None` where a number would not fit.
    pub fn charged(&self, amount: Piastres, energy: Energy) -> Option<Self> {
        let mut next = self.clone();
        next.balance = self.balance.apply(Piastres::ZERO, amount)?;
        next.energy = Energy(self.energy.0.wrapping_add(energy.0));
        next.month.energy = Energy(self.month.energy.0.checked_add(energy.0)?);
        next.month.energy_charge = self.month.energy_charge.checked_add(amount)?;
        Some(next)
    }

    /// The state in which month `index` has begun; `None` where it is not later than the one that runs.
    pub fn in_month(&self, index: u16) -> Option<Self> {
        let later = index > self.month.index && index != Month::NO_INDEX;
        later.then(|| Self { month: new_month(index, 0), ..self.clone() })
    }

    /// The receipt of the next report, without its code; with `flags` in addition.
    pub(super) fn receipt(
        &self,
        identity: &MeterIdentity,
        number: u32,
        now: CardTime,
        flags: MeterFlags,
    ) -> MeterReceipt {
        MeterReceipt {
            key_version: 0,
            binding: Binding { meter: identity.id, number: self.binding },
            number,
            time: self.time(now),
            applied_credit: self.applied_credit,
            applied_debited: self.applied_debited,
            balance: self.balance,
            energy: self.energy,
            flags: self.flags.with(flags),
            mac: [0; 16],
        }
    }

    /// The state after an exchange with this decision: all of steps 4 to 7 of section 11 in one, to be stored in one.
    pub(super) fn after(
        &self,
        engine: &mut impl Engine,
        identity: &MeterIdentity,
        keys: &ReportKeys,
        now: CardTime,
        presented: &Presented,
        decision: &Decision,
    ) -> Self {
        let card = presented.card();
        if let Verdict::Refuse(reason) = decision.verdict {
            let mut next = self.clone();
            if reason.is_recorded() {
                next.events.add_refusal(self.time(now), reason, card.generation);
            }
            if reason.is_regression() {
                next.flags = next.flags.with(MeterFlags::REGRESSED);
            }
            return next;
        }
        let mut next = match &decision.opens {
            None => self.clone(),
            Some(opened) => {
                let mut next = self.reopened(engine, identity, keys, now, opened.binding.number);
                next.account = opened.account;
                next
            }
        };
        if let Verdict::Apply { balance, .. } = decision.verdict {
            let certificate = &presented.answer().certificate;
            next.balance = balance;
            next.applied_credit = certificate.total_credit;
            next.applied_debited = certificate.total_debited;
            next.sequence = certificate.sequence;
            next.clock = next.clock.max(certificate.issue_time);
        }
        next.generation = next.generation.max(card.generation);
        next.report_number = next.report_number.saturating_add(1);
        next
    }

    /// The old binding closed for ever, and a new one opened with all totals 0.
    fn reopened(
        &self,
        engine: &mut impl Engine,
        identity: &MeterIdentity,
        keys: &ReportKeys,
        now: CardTime,
        binding: u32,
    ) -> Self {
        let final_report = (self.binding != 0).then(|| {
            let number = self.report_number.saturating_add(1);
            sign(engine, identity, keys, self.receipt(identity, number, now, MeterFlags::CLOSED))
        });
        // What is true of the meter stays; what was true of the customer's credit, and the lost memory, does not.
        let of_the_meter = MeterFlags::SUPPLY_CUT.with(MeterFlags::TAMPER).with(MeterFlags::CLOCK_DOUBTFUL);
        let mut next = Self {
            month: new_month(self.month.index, PARTIAL),
            clock: self.clock,
            flags: MeterFlags(self.flags.0 & of_the_meter.0),
            binding,
            final_report,
            ..Self::new(self.energy, self.month.index)
        };
        let [a, b, c, d] = binding.to_be_bytes();
        next.events.add(self.time(now), code::BINDING_OPENED, [a, b, c, d, 0, 0]);
        next
    }

    /// The bytes in memory. What changes with every charge stands in front, on one page.
    pub(super) fn emit<const N: usize>(&self) -> Result<Buffer<N>, WrongLength> {
        let mut out = Buffer::new();
        out.u8(FORMAT)?.put(&self.balance.0.to_be_bytes())?.u32(self.energy.0)?.put(&self.month.emit())?;
        out.u32(self.report_number)?.u32(self.clock.0)?.u16(self.flags.0)?;
        out.u64(self.applied_credit.0)?.u64(self.applied_debited.0)?.u32(self.sequence)?;
        out.u16(self.generation)?.u32(self.binding)?.u64(self.account)?;
        self.events.emit(&mut out)?;
        match &self.final_report {
            None => out.u8(0)?,
            Some(report) => out.u8(1)?.put(&report.emit())?,
        };
        Ok(out)
    }

    /// What [`Self::emit`] wrote.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(FormatError::Field);
        }
        let state = Self {
            balance: Balance(i64::from_be_bytes(reader.array()?)),
            energy: Energy(reader.u32()?),
            month: Month::parse(reader.take(Month::SIZE)?)?,
            report_number: reader.u32()?,
            clock: CardTime(reader.u32()?),
            flags: MeterFlags(reader.u16()?),
            applied_credit: Piastres(reader.u64()?),
            applied_debited: Piastres(reader.u64()?),
            sequence: reader.u32()?,
            generation: reader.u16()?,
            binding: reader.u32()?,
            account: reader.u64()?,
            events: Events::parse(&mut reader)?,
            final_report: match reader.u8()? {
                0 => None,
                1 => Some(MeterReceipt::parse(reader.take(MeterReceipt::SIZE)?)?),
                _ => return Err(FormatError::Field),
            },
        };
        reader.end()?;
        Ok(state)
    }
}

/// Sets version and code of a receipt.
pub(super) fn sign(
    engine: &mut impl Engine,
    identity: &MeterIdentity,
    keys: &ReportKeys,
    receipt: MeterReceipt,
) -> MeterReceipt {
    MeterReceipt { key_version: keys.mail.version, ..receipt }.sign(engine, &keys.receipt, identity.scope)
}

const fn new_month(index: u16, flags: u8) -> Month {
    Month { index, flags, slab: 0, energy: Energy(0), energy_charge: Piastres::ZERO, fees: 0, peak: 0 }
}
