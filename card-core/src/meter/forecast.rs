//! What the credit buys, how long it lasts, and whom a restart is near (docs/meter.md, sections 4.1 and 14).

use super::events::Happening;
use super::state::MeterState;
use crate::tariff::{Bracket, MonthMeter};
use crate::units::{Balance, Energy, Piastres};

/// Ends of months up to which is foretold.
const MONTHS: u8 = 24;
/// A rate is known after so many minutes.
const LEAST_MINUTES: u32 = 60;
const DAY: u64 = 24 * 60 * 60;

/// What the credit buys, and how long it lasts; `None` where that is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forecast {
    pub(super) energy: Option<Energy>,
    pub(super) days: Option<u32>,
}

/// So much was used in so many seconds; neither is 0, and both are below 2^20.
#[derive(Clone, Copy)]
struct Rate {
    energy: u64,
    seconds: u64,
}

impl Rate {
    /// Energy used in so many seconds, in 10 Wh.
    const fn used(self, seconds: u32) -> u32 {
        let used = (self.energy.saturating_mul(seconds as u64)).checked_div(self.seconds);
        // More than 32 bits hold is more than a month does.
        match used {
            Some(used) if used < u32::MAX as u64 => used as u32,
            _ => u32::MAX,
        }
    }

    /// Seconds that energy lasts.
    fn lasts(self, energy: Energy) -> u64 {
        u64::from(energy.0).saturating_mul(self.seconds).checked_div(self.energy).unwrap_or(u64::MAX)
    }
}

impl MeterState {
    pub(super) fn foretell(&self) -> Forecast {
        let rate = self.recent_rate();
        let Some(credit) = positive(self.balance) else {
            return Forecast { energy: Some(Energy(0)), days: rate.map(|_| 0) };
        };
        let (energy, days) = match rate {
            Some(rate) => {
                let (energy, seconds) = self.month_by_month(credit, rate);
                (energy, Some(u32::try_from(seconds / DAY).unwrap_or(u32::MAX).max(1)))
            }
            None => (self.running.affordable(credit), None),
        };
        // All that the month still holds is no answer.
        let most = u32::MAX.saturating_sub(self.running.total().0);
        Forecast { energy: (energy.0 < most).then_some(energy), days }
    }

    /// What the balance, which is above 0, buys in this month, and the seconds until it is used up.
    fn month_by_month(&self, credit: Piastres, rate: Rate) -> (Energy, u64) {
        let mut affordable = self.running.affordable(credit);
        let (mut balance, mut bought) = (self.balance, affordable);
        let (mut index, mut now, mut seconds) = (self.month_index, self.clock.time, 0_u64);
        let mut taken = self.debts.taken;
        let mut later: Option<MonthMeter> = None;
        for ends in 0..MONTHS {
            let month = later.as_ref().unwrap_or(&self.running);
            let next = index.checked_add(1);
            let end = next.and_then(|next| self.calendar.month_begins(next));
            let until = end.map_or(u32::MAX, |end| end.0).saturating_sub(now.0);
            let used = Energy(rate.used(until));
            let (Some(next), Some(end), true) = (next, end, affordable > used) else {
                return (bought, seconds.saturating_add(rate.lasts(affordable)));
            };
            seconds = seconds.saturating_add(until.into());
            // The month still holds what is affordable, and that is more.
            let closed = month.at(Energy(month.total().0.saturating_add(used.0)));
            let instalments = self.debts.due(next, &mut taken);
            let Balance(fees) = closed.close(index, false).fees();
            let due = fees.saturating_add(signed(instalments));
            let spent = signed(closed.energy_charge()).saturating_sub(signed(month.energy_charge()));
            let left = |taken: i64| Balance(balance.0.saturating_sub(taken));
            if ends == 0 {
                // What is given at the end buys nothing before it.
                let rest = positive(left(due.max(0))).map_or(Energy(0), |rest| month.affordable(rest));
                bought = rest.max(used);
            }
            balance = left(due.saturating_add(spent));
            let Some(credit) = positive(balance) else { break };
            let waiting = self.tables.standby().filter(|tariff| tariff.start() <= end);
            let begun = MonthMeter::begin(*waiting.unwrap_or_else(|| month.tariff()), false);
            affordable = begun.affordable(credit);
            (index, now, later) = (next, end, Some(begun));
        }
        (bought, seconds)
    }

    /// The recent rate; `None` before an hour is known, and where nothing was used.
    fn recent_rate(&self) -> Option<Rate> {
        let (energy, minutes) = self.days.seen(self.calendar.local(self.clock.time));
        let known = minutes >= LEAST_MINUTES && energy != Energy(0);
        known.then_some(Rate { energy: energy.0.into(), seconds: u64::from(minutes) * 60 })
    }

    /// The next bracket, where it is a restart that is near.
    pub fn restart_near(&self) -> Option<Bracket> {
        let notice = self.limits.restart_notice;
        if self.binding == 0 || notice == Energy(0) {
            return None;
        }
        self.running.bracket().filter(|bracket| bracket.crossing > Balance(0) && bracket.energy <= notice)
    }

    /// Leaves the event of a restart that is near, once before each in a month.
    pub(super) fn tell_of_restart(&mut self) {
        let Some(Bracket { energy, crossing, .. }) = self.restart_near() else { return };
        let at = Energy(self.running.total().0.saturating_add(energy.0));
        if at <= self.restart_told {
            return;
        }
        self.restart_told = at;
        let crossing = i32::try_from(crossing.0).unwrap_or(i32::MAX);
        let energy = u16::try_from(energy.0).unwrap_or(u16::MAX);
        self.history.add(self.clock.time, Happening::RestartNear { crossing, energy });
    }
}

/// An amount with a sign; beyond 63 bits none is.
fn signed(amount: Piastres) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}

/// A balance above 0.
fn positive(balance: Balance) -> Option<Piastres> {
    u64::try_from(balance.0).ok().filter(|credit| *credit != 0).map(Piastres)
}
