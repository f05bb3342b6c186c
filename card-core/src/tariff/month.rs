//! One calendar month at the meter: consumption in, deductions out, a bill at the end.

use super::rate::Exact;
use super::{Bill, Tariff};
use crate::units::{Balance, Energy, Piastres};

/// Most tariffs that can be in force one after the other within a month.
pub const MAX_SEGMENTS: usize = 4;
const MAX_ENDED: usize = MAX_SEGMENTS - 1;

/// A part of the month under a tariff that is no longer in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The tariff.
    pub tariff: Tariff,
    /// The month's total when the next tariff came into force.
    pub end: Energy,
}

/// The month so far. Every 10 Wh is rated by the tariff that was in force when it was consumed, at the slab that its position
/// in the month has there, in the group that the total of the month has reached there. Slabs are those of the whole month: a switch
/// of tariff does not begin them again.
///
/// Between power cuts a meter keeps the segments, written at a switch, and the total: nothing else is state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthMeter {
    ended: [Option<Segment>; MAX_ENDED],
    tariff: Tariff,
    total: Energy,
    partial: bool,
}

/// What one pulse, or any other amount of consumption, takes from the balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deduction {
    /// What this consumption costs itself, at the prices of the group that the month is in after it.
    pub energy_cost: Piastres,
    /// What was consumed before in this month costs something else now.
    pub adjustment: Option<Adjustment>,
    /// Number from 1 of the slab that the month has reached.
    pub slab: u8,
}

impl Deduction {
    /// All that is to be taken from the balance; below zero where a restart makes the month cheaper by more than this costs.
    pub fn total(&self) -> Balance {
        let adjustment = self.adjustment.map_or(0, |adjustment| adjustment.amount.0);
        // Both are below 2^48.
        Balance(signed(self.energy_cost).saturating_add(adjustment))
    }
}

/// The month has reached another group, and all that was consumed before is rated again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adjustment {
    /// What the month had consumed before.
    pub energy: Energy,
    /// What that costs now, less what was taken for it.
    pub amount: Balance,
}

/// The energy does not fit the month, which holds 42 949 672.95 kWh. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the month's energy does not fit its register")]
pub struct MonthFull;

/// The month has seen four tariffs; the next one has to wait for its end. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this month has seen {MAX_SEGMENTS} tariffs; another one comes into force when it ends")]
pub struct TooManySwitches;

/// Segments that no month can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month has at most {MAX_SEGMENTS} segments, each with energy in it, and none ends after its total")]
pub struct RestoreError;

impl MonthMeter {
    /// A month that begins now under `tariff`. `partial` where the meter was installed in the course of it.
    pub const fn begin(tariff: Tariff, partial: bool) -> Self {
        Self { ended: [None; MAX_ENDED], tariff, total: Energy(0), partial }
    }

    /// The month as it was when its parts were written down.
    pub fn restore(
        ended: &[Segment],
        tariff: Tariff,
        total: Energy,
        partial: bool,
    ) -> Result<Self, RestoreError> {
        let mut month = Self { total, ..Self::begin(tariff, partial) };
        for segment in ended {
            month.add_ended(*segment)?;
        }
        Ok(month)
    }

    /// The next part that was written down, of a month that is restored piece by piece: its total is there.
    pub(crate) fn add_ended(&mut self, segment: Segment) -> Result<(), RestoreError> {
        let below = self.ended().last().map_or(Energy(0), |last| last.end);
        if segment.end <= below || segment.end > self.total {
            return Err(RestoreError);
        }
        *self.ended.iter_mut().find(|place| place.is_none()).ok_or(RestoreError)? = Some(segment);
        Ok(())
    }

    /// What was consumed in the month.
    pub const fn total(&self) -> Energy {
        self.total
    }

    /// What was consumed in it is known from elsewhere: it is not below what its ended parts have.
    pub(crate) const fn set_total(&mut self, total: Energy) {
        self.total = total;
    }

    /// Whether the month began within a calendar month.
    pub const fn is_partial(&self) -> bool {
        self.partial
    }

    /// The tariff in force.
    pub const fn tariff(&self) -> &Tariff {
        &self.tariff
    }

    /// Tariffs that were in force before it in this month, and up to which total.
    pub fn ended(&self) -> impl Iterator<Item = &Segment> {
        self.ended.iter().flatten()
    }

    /// The energy charge of the month so far: the sum of all deductions.
    pub fn energy_charge(&self) -> Piastres {
        self.charge_at(self.total)
    }

    /// That of the month once its total is `total`, which is not below the present one.
    pub(super) fn charge_at(&self, total: Energy) -> Piastres {
        self.rate(total, total).round()
    }

    /// What the energy of the month costs more in it than the energy before a `place` and that after it, each rated by itself as of a
    /// month that has no other; below zero where it costs less.
    pub fn cost_over(&self, place: Energy) -> Balance {
        let parts =
            [(Energy(0), place), (place, self.total)].map(|(from, to)| signed(self.by_itself(from, to)));
        Balance(parts.into_iter().fold(signed(self.energy_charge()), i64::saturating_sub))
    }

    /// What the energy between two places of the month costs as that of a month that has no other, each part of it at the prices of
    /// the tariff that was in force.
    fn by_itself(&self, from: Energy, to: Energy) -> Piastres {
        let shifted = |place: Energy| Energy(place.min(to).0.saturating_sub(from.0));
        let parts = self.parts(self.total);
        let sum = parts.fold(Exact::default(), |sum, (tariff, first, last)| {
            sum.plus(tariff.rate(shifted(to), shifted(first), shifted(last)))
        });
        sum.round()
    }

    /// The adjustment where the total goes from `before` to `after`; 0 where it enters no group.
    pub(super) fn crossing(&self, before: Energy, after: Energy) -> Balance {
        let re_rated = self.rate(after, before).round();
        Balance(signed(re_rated).saturating_sub(signed(self.charge_at(before))))
    }

    /// The month as it is once its total is `total`, which is not below the present one.
    #[must_use]
    pub const fn at(&self, total: Energy) -> Self {
        Self { total, ..*self }
    }

    /// Counts consumption under the tariff in force.
    pub fn consume(&mut self, energy: Energy) -> Result<Deduction, MonthFull> {
        let before = self.total;
        let after = Energy(before.0.checked_add(energy.0).ok_or(MonthFull)?);
        let taken = self.rate(before, before).round();
        let re_rated = self.rate(after, before).round();
        let owed = self.rate(after, after).round();
        let adjustment = self.enters_group(before, after).then(|| Adjustment {
            energy: before,
            amount: Balance(signed(re_rated).saturating_sub(signed(taken))),
        });
        self.total = after;
        // Prices are not below zero, so what more energy costs in the same group is not either.
        let energy_cost = owed.saturating_sub(re_rated);
        Ok(Deduction { energy_cost, adjustment, slab: self.tariff.slab_reached(after) })
    }

    /// Brings another tariff into force, from here on. A tariff under which nothing was consumed leaves no segment.
    pub fn switch(&mut self, tariff: Tariff) -> Result<(), TooManySwitches> {
        let from = self.ended().last().map_or(Energy(0), |segment| segment.end);
        if from < self.total {
            let free = self.ended.iter_mut().find(|place| place.is_none()).ok_or(TooManySwitches)?;
            *free = Some(Segment { tariff: self.tariff, end: self.total });
        }
        self.tariff = tariff;
        Ok(())
    }

    /// The month with this index (since January 2020) ends; `partial` where the meter is taken down or the binding closed before
    /// its last day.
    ///
    /// Service fee and charges are those of the tariff in force at the end, on all energy of the month. A partial month pays them
    /// in full, like a whole one, except that nothing at all is due where nothing was consumed.
    pub fn close(&self, index: u16, partial: bool) -> Bill {
        let partial = self.partial || partial;
        let slab = self.tariff.slab_reached(self.total);
        let re_rated =
            self.parts(self.total).any(|(tariff, from, to)| from < to && tariff.is_re_rated(self.total));
        let version = self.tariff.version();
        let mut bill = Bill::of_energy(self.total, slab, re_rated, partial, self.energy_charge(), version);
        if !partial || self.total.0 != 0 {
            bill.charge(&self.tariff, index);
        }
        bill
    }

    /// Whether what was consumed up to `before` belongs to other groups once the total is `after`.
    fn enters_group(&self, before: Energy, after: Energy) -> bool {
        self.parts(before)
            .any(|(tariff, from, to)| from < to && tariff.group_start(before) != tariff.group_start(after))
    }

    /// What the first `consumed` of a month of `total` costs; it is not less than the total so far.
    fn rate(&self, total: Energy, consumed: Energy) -> Exact {
        self.parts(consumed)
            .fold(Exact::default(), |sum, (tariff, from, to)| sum.plus(tariff.rate(total, from, to)))
    }

    /// The tariffs of the month up to `end`, each with the totals from and to which it was in force.
    fn parts(&self, end: Energy) -> impl Iterator<Item = (&Tariff, Energy, Energy)> {
        let ended = self.ended().map(|segment| (&segment.tariff, segment.end));
        ended.chain(core::iter::once((&self.tariff, end))).scan(Energy(0), |below, (tariff, to)| {
            let from = core::mem::replace(below, to);
            Some((tariff, from, to))
        })
    }
}

/// An energy charge, which is below 2^48, with a sign.
fn signed(amount: Piastres) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}
