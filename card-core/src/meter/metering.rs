//! Consumption, and what time brings: months, tariffs, instalments, days (docs/meter.md, section 4).

use super::clock::{Reading, Tick};
use super::events::Happening;
use super::state::{MeterState, OutOfRange};
use crate::message::Month;
use crate::parameters::{DebtPlan, MAX_DEBTS, MonthSoFar};
use crate::tariff::Deduction;
use crate::units::{Balance, CardTime, Energy, Piastres};

/// Debts, and how far they are paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debts {
    /// The plan in force.
    pub plan: DebtPlan,
    /// Instalments taken, in the order of the plan.
    pub taken: [u16; MAX_DEBTS],
    /// All instalments taken in this binding.
    pub paid: Piastres,
}

impl Default for Debts {
    fn default() -> Self {
        Self { plan: DebtPlan::NONE, taken: [0; MAX_DEBTS], paid: Piastres::ZERO }
    }
}

impl Debts {
    /// A new plan: a debt that was in the old one goes on where it was.
    pub(super) fn replace(&mut self, plan: DebtPlan) {
        let mut taken = [0; MAX_DEBTS];
        for (taken, debt) in taken.iter_mut().zip(plan.debts()) {
            let known = self.plan.debts().iter().zip(self.taken).find(|(old, _)| old.id == debt.id);
            *taken = known.map_or(0, |(_, count)| count);
        }
        self.plan = plan;
        self.taken = taken;
    }

    /// What is still to be taken.
    pub fn left(&self) -> Piastres {
        let each = self.plan.debts().iter().zip(self.taken).map(|(debt, taken)| debt.remaining(taken));
        // At most four amounts below 2^48.
        each.fold(Piastres::ZERO, |sum, amount| Piastres(sum.0.saturating_add(amount.0)))
    }
}

/// What was brought into the month that runs from other contracts of the customer (docs/meter.md, 7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Brought {
    /// What had been consumed.
    pub energy: Energy,
    /// What had been paid for that.
    pub paid: Piastres,
}

/// Energy of the present and the last seven days, for the estimate of days remaining.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DailyProfile {
    /// The local day that runs.
    pub day: u16,
    /// What was consumed in it.
    pub today: Energy,
    /// The days before it, the newest first, in 10 Wh, at most FFFF.
    pub past: [u16; Self::KEPT],
    /// How many of them are known.
    pub known: u8,
}

impl DailyProfile {
    /// Days that are kept.
    pub const KEPT: usize = 7;

    /// Begins anew, in the course of `day`.
    pub(super) fn begin(&mut self, day: u16) {
        *self = Self { day, ..Self::default() };
    }

    /// It is `day` now. Days without power were days without consumption.
    pub(super) fn pass(&mut self, day: u16) {
        let passed = usize::from(day.saturating_sub(self.day)).min(Self::KEPT);
        if passed == 0 {
            return;
        }
        self.past.rotate_right(passed);
        let (new, _) = self.past.split_at_mut(passed);
        new.fill(0);
        if let Some(last) = new.last_mut() {
            // Where more days have passed than are kept, this one is no longer among them.
            let gone = usize::from(day.saturating_sub(self.day)) > Self::KEPT;
            *last = if gone { 0 } else { u16::try_from(self.today.0).unwrap_or(u16::MAX) };
        }
        self.known = self.known.saturating_add(passed as u8).min(Self::KEPT as u8);
        self.day = day;
        self.today = Energy(0);
    }

    /// Energy of the days that are known, and how many they are.
    pub fn sum(&self) -> (u32, u8) {
        (self.past.iter().take(self.known.into()).map(|day| u32::from(*day)).sum(), self.known)
    }
}

impl MeterState {
    /// Takes a reading of firmware's clock.
    pub(super) fn read_clock(&mut self, reading: Reading) {
        match self.clock.read(reading.clock, self.limits.clock_step) {
            Tick::Usual => {}
            Tick::First => {
                self.month_index = self.calendar.month_index(self.clock.time);
                self.days.begin(self.calendar.local(self.clock.time).day);
            }
            Tick::Doubtful => {
                // Once a month: a clock that comes and goes must not push everything else out of the history.
                if !self.doubtful_month {
                    self.history.add(self.clock.time, Happening::ClockDoubtful { reading: reading.clock });
                }
            }
        }
        self.doubtful_month |= self.clock.doubtful;
    }

    /// Does the next thing that time has brought; it is to be stored before the one after it. `false`: there was none.
    pub(super) fn step(&mut self) -> Result<bool, OutOfRange> {
        let time = self.clock.time;
        let end = self.month_index.checked_add(1).and_then(|next| self.calendar.month_begins(next));
        let due = self.tables.standby().map(|tariff| tariff.start());
        let in_month = due.is_some_and(|start| start <= time && end.is_none_or(|end| start < end));
        if in_month && self.tables.switch(time, &mut self.running) == Ok(true) {
            self.tariff_in_force();
            return Ok(true);
        }
        match end {
            Some(end) if end <= time => self.close_month(end).map(|()| true),
            _ => Ok(false),
        }
    }

    fn tariff_in_force(&mut self) {
        let version = self.tables.active().version();
        self.history.add(self.clock.time, Happening::Tariff { version });
    }

    /// The month that runs ends at `end`, and the next one begins.
    fn close_month(&mut self, end: CardTime) -> Result<(), OutOfRange> {
        let index =
            self.month_index.checked_add(1).filter(|index| *index != Month::NO_INDEX).ok_or(OutOfRange)?;
        let bound = self.binding != 0;
        if bound {
            let bill = self.running.close(false);
            self.take(bill.fees())?;
            self.history.close(bill.month(self.month_index, self.peak, self.doubtful_month));
            self.inbox.readings = self.inbox.readings.saturating_add(1);
        }
        let version = self.tables.active().version();
        self.running = self.tables.begin_month(end, !bound);
        if self.tables.active().version() != version {
            self.tariff_in_force();
        }
        self.month_index = index;
        self.peak = 0;
        self.brought = Brought::default();
        self.doubtful_month = self.clock.doubtful;
        if bound { self.take_instalments() } else { Ok(()) }
    }

    fn take_instalments(&mut self) -> Result<(), OutOfRange> {
        let Debts { plan, mut taken, .. } = self.debts;
        for (debt, taken) in plan.debts().iter().zip(&mut taken) {
            let due = if self.month_index >= debt.first_month { debt.instalment(*taken) } else { None };
            let Some(amount) = due else { continue };
            self.take(amount)?;
            *taken = taken.saturating_add(1);
            self.debts.paid = self.debts.paid.checked_add(amount).ok_or(OutOfRange)?;
            // An instalment has 32 bits on the wire.
            let (amount, debt) = (amount.0 as u32, debt.id as u16);
            self.history.add(self.clock.time, Happening::Instalment { amount, debt });
        }
        self.debts.taken = taken;
        Ok(())
    }

    /// Local days pass, and the supply is decided: what follows once [`Self::step`] has nothing more.
    pub(super) fn arrive(&mut self) {
        if self.clock.time != CardTime::UNSET {
            self.days.pass(self.calendar.local(self.clock.time).day);
        }
        self.decide_supply();
    }

    /// What the month has had in other contracts, where that is more than what is known of it (section 7.5).
    pub(super) fn bring_in(&mut self, so_far: &MonthSoFar) -> Result<(), OutOfRange> {
        let MonthSoFar { month, energy, paid } = *so_far;
        if month != self.month_index || energy <= self.brought.energy {
            return Ok(());
        }
        let mut running = self.running;
        let more = Energy(energy.0.saturating_sub(self.brought.energy.0));
        let Balance(charge) = running.consume(more).map_err(|_| OutOfRange)?.total();
        // Both are at most 2^62.
        let [paid_now, paid_before] = [paid, self.brought.paid].map(|paid| i64::try_from(paid.0).map_err(|_| OutOfRange));
        let taken = charge.checked_sub(paid_now?.saturating_sub(paid_before?)).ok_or(OutOfRange)?;
        self.balance = Balance(self.balance.0.checked_sub(taken).ok_or(OutOfRange)?);
        self.running = running;
        self.brought = Brought { energy, paid };
        self.history.add(self.clock.time, Happening::MonthBrought { taken });
        Ok(())
    }

    /// Consumption was measured. `None` without a binding: nobody pays for it.
    pub(super) fn consumed(&mut self, energy: Energy) -> Result<Option<Deduction>, OutOfRange> {
        self.energy = Energy(self.energy.0.wrapping_add(energy.0));
        if self.binding == 0 {
            return Ok(None);
        }
        let deduction = self.running.consume(energy).map_err(|_| OutOfRange)?;
        let Balance(total) = deduction.total();
        self.balance = Balance(self.balance.0.checked_sub(total).ok_or(OutOfRange)?);
        self.days.today = Energy(self.days.today.0.saturating_add(energy.0));
        if let Some(adjustment) = deduction.adjustment.filter(|adjustment| adjustment.amount.0 != 0) {
            let adjustment = adjustment.amount.0.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
            self.history.add(self.clock.time, Happening::ReRated { adjustment, slab: deduction.slab });
        }
        Ok(Some(deduction))
    }
}
