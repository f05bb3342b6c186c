//! The exact cost of energy under one tariff.

use super::{Price, Slab, Tariff};
use crate::units::{Energy, Piastres};

/// 1e-5 piastres in a piastre.
pub(super) const PIASTRE: u64 = 100_000;
/// Hundredths of a per cent in the whole.
pub(super) const PER_CENT: u64 = 10_000;

/// Money before rounding, in 1e-5 piastres. A month's energy times the highest price is below 2^64 by 2^33, so neither sums
/// over the parts of a month nor rounding overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Exact(pub(super) u64);

impl Exact {
    pub(super) fn of(energy: Energy, price: Price) -> Self {
        Self(u64::from(energy.0).saturating_mul(u64::from(price.0)))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Half up.
    pub(super) const fn round(self) -> Piastres {
        Piastres(self.0.saturating_add(PIASTRE / 2) / PIASTRE)
    }
}

/// `size` parts, of which `unit` make a piastre, to the nearest piastre, and of two that are equally near to the higher one: of an
/// amount `below` zero that is the one that is smaller in size.
pub(super) fn round(size: u64, unit: u64, below: bool) -> i64 {
    let half = if below { unit.saturating_sub(1) / 2 } else { unit / 2 };
    let nearest = size.saturating_add(half).checked_div(unit).unwrap_or(0);
    let nearest = i64::try_from(nearest).unwrap_or(i64::MAX);
    if below { nearest.saturating_neg() } else { nearest }
}

impl Tariff {
    /// Number from 1 of the slab that a month of `total` has reached: also where nothing was consumed.
    pub fn slab_reached(&self, total: Energy) -> u8 {
        self.reached(total).map_or(1, |(number, _)| number)
    }

    /// Where in the slabs the group begins that a month of `total` has reached; 0 is the first.
    pub(super) fn group_start(&self, total: Energy) -> usize {
        let reached = usize::from(self.slab_reached(total));
        let restarts = self.slabs().enumerate().take(reached).filter(|(_, slab)| slab.restart);
        restarts.last().map_or(0, |(first, _)| first)
    }

    /// Whether a month of `total` is rated from zero at the prices of a restart slab.
    pub fn is_re_rated(&self, total: Energy) -> bool {
        self.group_start(total) != 0
    }

    /// What the energy between two positions in the month costs, where the month's total is `total`. Neither
    /// position is above the total, so slabs above the one reached count nothing, nor does a later group.
    pub(super) fn rate(&self, total: Energy, from: Energy, to: Energy) -> Exact {
        let mut below = Energy(0);
        let mut sum = Exact::default();
        for slab in self.slabs().skip(self.group_start(total)) {
            let top = slab.limit();
            let energy = top.min(to).0.saturating_sub(below.max(from).0);
            sum = sum.plus(Exact::of(Energy(energy), slab.price));
            below = top;
        }
        sum
    }

    /// Energy charge of a month of `total`, all of it under this tariff; rounded once.
    pub fn charge(&self, total: Energy) -> Piastres {
        self.rate(total, Energy(0), total).round()
    }

    /// Customer service fee in piastres of a month of `total`: that of the slab reached, or that for no consumption.
    pub fn service_fee(&self, total: Energy) -> Piastres {
        let of_slab = || self.reached(total).map_or(0, |(_, slab)| slab.fee);
        Piastres(u64::from(if total.0 == 0 { self.zero_fee() } else { of_slab() }))
    }

    /// Price of the last 10 Wh of a month of `total`; of the first, where nothing was consumed.
    pub fn price_at(&self, total: Energy) -> Price {
        self.reached(total).map_or(Price(0), |(_, slab)| slab.price)
    }

    /// The slab that a month of `total` has reached, and its number from 1. The last one has no bound, so there is one.
    fn reached(&self, total: Energy) -> Option<(u8, Slab)> {
        (1..).zip(self.slabs()).find(|(_, slab)| total <= slab.limit())
    }
}
