//! Days pass at a simulated meter: hour by hour, as long as it wants to supply.

use applet_sim::chip::SimulatedMemory;
use card_core::meter::reason;
use card_core::units::{Balance, CardTime, Energy, Piastres};

use super::{Profile, SimulatedMeter, SimulatedMeterError};

const HOUR: u32 = 3600;

/// What came of a simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// The meter's time before.
    pub from: CardTime,
    /// The meter's time after.
    pub to: CardTime,
    /// Hours that passed.
    pub hours: u64,
    /// Those in which the supply was cut when they began, and did not come back by itself.
    pub hours_off: u64,
    /// What was consumed, in 10 Wh.
    pub energy: u64,
    /// What was taken for it, adjustments among it.
    pub charged: Balance,
    /// Of that, for months that were rated again.
    pub adjustments: Balance,
    /// Fees of months that ended.
    pub fees: Balance,
    /// Instalments of debts.
    pub instalments: Piastres,
    /// Months that ended.
    pub months: u16,
    /// The balance before.
    pub balance_before: Balance,
    /// The balance after. It is what it was before, less what was charged, fees and instalments.
    pub balance: Balance,
}

impl<M: SimulatedMemory> SimulatedMeter<M> {
    /// What the clock of a simulated meter shows where the computer's shows `now`: the later of that and the time that the meter has
    /// come to, so that simulated days are not taken back.
    pub fn clock(&self, now: CardTime) -> Result<CardTime, SimulatedMeterError> {
        let clock = self.state()?.clock;
        Ok(now.max(reading(clock.time, clock.offset)))
    }

    /// Lets `hours` pass from the meter's time on, which is `now` or later. At the end of each hour, consumption and demand of the profile
    /// are reported. While the supply is cut nothing is consumed. `progress` is told each hour's number.
    pub fn run(
        &mut self,
        now: CardTime,
        hours: u64,
        profile: &Profile,
        seed: u64,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Summary, SimulatedMeterError> {
        self.tick(self.clock(now)?)?;
        let before = self.state()?.clone();
        let mut summary =
            Summary { from: before.clock.time, hours, balance_before: before.balance, ..Summary::default() };
        for number in 0..hours {
            self.pass_hour(number, profile, seed, &mut summary)?;
            progress(number);
        }
        let after = self.state()?;
        summary.to = after.clock.time;
        summary.balance = after.balance;
        summary.instalments = after.debts.paid.saturating_sub(before.debts.paid);
        summary.months = after.month_index.saturating_sub(before.month_index);
        // What is gone, and is neither energy nor instalments.
        let gone = i128::from(before.balance.0) - i128::from(after.balance.0);
        let fees = gone - i128::from(summary.charged.0) - i128::from(summary.instalments.0);
        summary.fees = Balance(i64::try_from(fees).unwrap_or_default());
        Ok(summary)
    }

    fn pass_hour(
        &mut self,
        number: u64,
        profile: &Profile,
        seed: u64,
        summary: &mut Summary,
    ) -> Result<(), SimulatedMeterError> {
        let state = self.state()?;
        let begin = state.clock.time.0;
        // The last second of a clock hour, so that what is consumed in the last hour of a month is of that month.
        let end = (begin.saturating_add(1) / HOUR).saturating_add(1).saturating_mul(HOUR).saturating_sub(1);
        let hour = profile.hour(seed, state.calendar.local(CardTime(begin.saturating_add(1))), number);
        let (cut, back) = (state.supply.cut, state.supply.pause_until.0);
        let mut on_from = begin;
        if cut == reason::OVERLOAD_PAUSE && back < end {
            self.tick_to(CardTime(back))?;
            on_from = back;
        }
        if !self.state()?.supply.is_on() {
            summary.hours_off += 1;
            return self.tick_to(CardTime(end));
        }
        // The first hour, and one after a pause, are not whole ones.
        let share = u64::from(end.saturating_sub(on_from)).min(HOUR.into());
        let energy = u64::from(hour.energy.0).saturating_mul(share).div_ceil(u64::from(HOUR));
        let energy = Energy(u32::try_from(energy).unwrap_or(u32::MAX));
        let reading = self.reading_at(CardTime(end))?;
        let deduction = self.consume(reading, energy)?;
        summary.energy = summary.energy.saturating_add(energy.0.into());
        if let Some(deduction) = deduction {
            let adjustment = deduction.adjustment.map_or(0, |adjustment| adjustment.amount.0);
            summary.adjustments = Balance(summary.adjustments.0.saturating_add(adjustment));
            summary.charged = Balance(summary.charged.0.saturating_add(deduction.total().0));
        }
        if energy != Energy(0) {
            let reading = self.reading_at(CardTime(end))?;
            self.demand(reading, hour.demand)?;
        }
        Ok(())
    }

    fn tick_to(&mut self, time: CardTime) -> Result<(), SimulatedMeterError> {
        self.tick(self.reading_at(time)?)
    }

    /// What the clock shows when the meter's time is `time`.
    fn reading_at(&self, time: CardTime) -> Result<CardTime, SimulatedMeterError> {
        Ok(reading(time, self.state()?.clock.offset))
    }
}

fn reading(time: CardTime, offset: i64) -> CardTime {
    let reading = i64::from(time.0).saturating_sub(offset);
    CardTime(u32::try_from(reading.max(0)).unwrap_or(u32::MAX))
}
