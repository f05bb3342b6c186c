//! Consumption, and what time brings: months, tariffs, instalments, days (docs/meter.md, section 4).

use super::clock::{Expected, Reading, doubt};
use super::events::Happening;
use super::news::News;
use super::state::{MeterState, OutOfRange};
use crate::calendar::LocalTime;
use crate::message::Month;
use crate::parameters::{DebtPlan, MAX_DEBTS, MonthSoFar};
use crate::tariff::{Bill, Deduction};
use crate::units::{Balance, CardTime, Energy, Piastres};

/// So many seconds without power are worth an event.
const SHORT: u32 = 60;

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

    /// What the month with this index takes as it begins, where so many were `taken` before; which go on.
    pub(super) fn due(&self, month: u16, taken: &mut [u16; MAX_DEBTS]) -> Piastres {
        let mut sum = Piastres::ZERO;
        for (debt, taken) in self.plan.debts().iter().zip(taken) {
            if let Some(amount) = debt.due(month, *taken) {
                *taken = taken.saturating_add(1);
                sum = Piastres(sum.0.saturating_add(amount.0));
            }
        }
        sum
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

/// Energy of the present and the last seven days, for the recent rate.
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
    /// The minute in which the first day began, as long as that day is among them; else 0.
    pub begun: u16,
}

impl DailyProfile {
    /// Days that are kept.
    pub const KEPT: usize = 7;

    /// Begins anew, in the course of a day.
    pub(super) fn begin(&mut self, now: LocalTime) {
        *self = Self { day: now.day, begun: now.minute, ..Self::default() };
    }

    /// It is `day` now. Days without power were days without consumption.
    pub(super) fn pass(&mut self, day: u16) {
        let days = usize::from(day.saturating_sub(self.day));
        let passed = days.min(Self::KEPT);
        if passed == 0 {
            return;
        }
        if usize::from(self.known).saturating_add(days) > Self::KEPT {
            self.begun = 0;
        }
        self.past.rotate_right(passed);
        let (new, _) = self.past.split_at_mut(passed);
        new.fill(0);
        if let Some(last) = new.last_mut() {
            // Where more days have passed than are kept, this one is no longer among them.
            let gone = days > Self::KEPT;
            *last = if gone { 0 } else { u16::try_from(self.today.0).unwrap_or(u16::MAX) };
        }
        self.known = self.known.saturating_add(passed as u8).min(Self::KEPT as u8);
        self.day = day;
        self.today = Energy(0);
    }

    /// Energy of the days that are known, the present one among them, and how many minutes they have had `now`.
    pub fn seen(&self, now: LocalTime) -> (Energy, u32) {
        let past: u32 = self.past.iter().take(self.known.into()).map(|day| u32::from(*day)).sum();
        // Where the clock was set back, nothing of the present day has passed.
        let minute = if now.day == self.day { now.minute } else { 0 };
        let minutes = u32::from(self.known).saturating_mul(1440).saturating_add(minute.into());
        let energy = past.saturating_add(self.today.0.min(u16::MAX.into()));
        (Energy(energy), minutes.saturating_sub(self.begun.into()))
    }
}

impl MeterState {
    /// Takes what firmware says of time.
    pub(super) fn read_clock(&mut self, expected: &mut Option<Expected>, reading: Reading) {
        let before = self.clock.time;
        let was_set = before != CardTime::UNSET;
        let powered_up = was_set && expected.is_none();
        let doubts = self.clock.read(expected, reading, self.limits.clock_step);
        if !was_set && self.clock.time != CardTime::UNSET {
            self.month_index = self.calendar.month_index(self.clock.time);
            self.days.begin(self.calendar.local(self.clock.time));
        }
        for doubt in [doubt::STOOD, doubt::CLOCK] {
            if doubts & doubt != 0 {
                self.doubt(doubt, reading.clock);
            }
        }
        if powered_up && self.binding != 0 {
            self.power_was_away(before, doubts == 0);
        }
    }

    /// Power is back (section 5.5). `known`: for how long it was away.
    fn power_was_away(&mut self, before: CardTime, known: bool) {
        let time = self.clock.time;
        let away = time.0.saturating_sub(before.0);
        let away = if known {
            if away < SHORT {
                return;
            }
            self.history.add(before, Happening::PowerOff);
            Some(away)
        } else {
            if !self.history.add_daily(self.today(), before, Happening::PowerOff) {
                return;
            }
            None
        };
        self.history.add(time, Happening::PowerOn { away });
    }

    /// A doubt begins. Told once a month: a clock that comes and goes must not push everything else out of the history.
    pub(super) fn doubt(&mut self, doubt: u8, reading: CardTime) {
        if self.month_doubt & doubt == 0 {
            self.history.add(self.clock.time, Happening::ClockDoubtful { reading, doubt });
        }
        if self.clock.doubt == 0 {
            self.month_break = self.running.total();
        }
        self.clock.doubt |= doubt;
        self.month_doubt |= doubt;
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
        self.news.add(News::TARIFF, self.clock.time);
    }

    /// The month that runs ends at `end`, and the next one begins.
    fn close_month(&mut self, end: CardTime) -> Result<(), OutOfRange> {
        let index =
            self.month_index.checked_add(1).filter(|index| *index != Month::NO_INDEX).ok_or(OutOfRange)?;
        let bound = self.binding != 0;
        if bound {
            let bill = self.running.close(self.month_index, false);
            self.take(bill.fees())?;
            self.tell_of_fees(&bill);
            self.history.close(self.closed_month(&bill));
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
        (self.re_rating, self.instalments) = (Balance(0), Piastres::ZERO);
        self.month_doubt = self.clock.doubt;
        (self.month_break, self.restart_told) = (Energy(0), Energy(0));
        if bound { self.take_instalments() } else { Ok(()) }
    }

    /// What the lines of a bill have taken, each by itself.
    fn tell_of_fees(&mut self, bill: &Bill) {
        let service = i64::try_from(bill.service_fee.0).unwrap_or(i64::MAX);
        let charges = bill.charges().map(|line| (line.code.0, line.amount.0));
        for (kind, amount) in core::iter::once((0, service)).chain(charges) {
            if amount != 0 {
                self.history.add(self.clock.time, Happening::Fees { amount, kind });
            }
        }
        if bill.fees() > Balance(0) {
            self.news.add(News::FEES, self.clock.time);
        }
    }

    fn take_instalments(&mut self) -> Result<(), OutOfRange> {
        let Debts { plan, mut taken, .. } = self.debts;
        for (debt, taken) in plan.debts().iter().zip(&mut taken) {
            let Some(amount) = debt.due(self.month_index, *taken) else { continue };
            // An instalment has 32 bits on the wire.
            let taken_now = amount.0 as u32;
            self.take(Balance(taken_now.into()))?;
            *taken = taken.saturating_add(1);
            self.debts.paid = self.debts.paid.checked_add(amount).ok_or(OutOfRange)?;
            self.instalments = Piastres(self.instalments.0.saturating_add(amount.0));
            let instalment = Happening::Instalment { amount: taken_now, debt: debt.id as u16 };
            self.history.add(self.clock.time, instalment);
            self.news.add(News::INSTALMENT, self.clock.time);
        }
        self.debts.taken = taken;
        Ok(())
    }

    /// Local days pass, and the supply is decided: what follows once [`Self::step`] has nothing more.
    pub(super) fn arrive(&mut self) {
        if self.clock.time != CardTime::UNSET {
            self.days.pass(self.calendar.local(self.clock.time).day);
        }
        self.conclude();
    }

    /// What follows from whatever has changed: the supply is decided, and a restart that is near is told of.
    pub(super) fn conclude(&mut self) {
        self.decide_supply();
        self.tell_of_restart();
    }

    /// What the month has had in other contracts, where that is more than what is known of it (section 7.5).
    pub(super) fn bring_in(&mut self, so_far: &MonthSoFar) -> Result<(), OutOfRange> {
        let MonthSoFar { month, energy, paid } = *so_far;
        if month != self.month_index || energy <= self.brought.energy {
            return Ok(());
        }
        let mut running = self.running;
        let more = Energy(energy.0.saturating_sub(self.brought.energy.0));
        let deduction = running.consume(more).map_err(|_| OutOfRange)?;
        let Balance(charge) = deduction.total();
        // Both are at most 2^62.
        let [paid_now, paid_before] =
            [paid, self.brought.paid].map(|paid| i64::try_from(paid.0).map_err(|_| OutOfRange));
        let taken = charge.checked_sub(paid_now?.saturating_sub(paid_before?)).ok_or(OutOfRange)?;
        self.balance = Balance(self.balance.0.checked_sub(taken).ok_or(OutOfRange)?);
        self.running = running;
        self.count_re_rating(&deduction);
        self.brought = Brought { energy, paid };
        self.history.add(self.clock.time, Happening::MonthBrought { taken });
        Ok(())
    }

    /// What a restart has brought counts for the month's record.
    fn count_re_rating(&mut self, deduction: &Deduction) {
        let more = deduction.adjustment.map_or(0, |adjustment| adjustment.amount.0);
        self.re_rating = Balance(self.re_rating.0.saturating_add(more));
    }

    /// Consumption was measured. `None` without a binding: nobody pays for it.
    pub(super) fn consumed(&mut self, energy: Energy) -> Result<Option<Deduction>, OutOfRange> {
        self.energy = Energy(self.energy.0.wrapping_add(energy.0));
        if self.binding == 0 {
            return Ok(None);
        }
        let deduction = self.running.consume(energy).map_err(|_| OutOfRange)?;
        self.take(deduction.total())?;
        self.days.today = Energy(self.days.today.0.saturating_add(energy.0));
        self.count_re_rating(&deduction);
        if let Some(adjustment) = deduction.adjustment.filter(|adjustment| adjustment.amount.0 != 0) {
            let adjustment = adjustment.amount.0.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
            self.history.add(self.clock.time, Happening::ReRated { adjustment, slab: deduction.slab });
            let news = if adjustment > 0 { News::RE_RATED } else { News::RATED_LOWER };
            self.news.add(news, self.clock.time);
        }
        Ok(Some(deduction))
    }
}
