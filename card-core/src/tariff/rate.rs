//! The exact cost of energy under one tariff.

use super::{MAX_PER_CENT, Price, Slab, Tariff};
use crate::units::{Energy, Piastres};

/// 1e-5 piastres in a piastre.
const PARTS: u64 = 100_000;

/// Money before rounding, in 1e-5 piastres. A month's energy times the highest price is below 2^64 by 2^33, so neither sums
/// over the parts of a month nor rounding overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Exact(u64);

impl Exact {
    pub(super) fn of(energy: Energy, price: Price) -> Self {
        Self(u64::from(energy.0).saturating_mul(u64::from(price.0)))
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Half up.
    pub(super) const fn round(self) -> Piastres {
        Piastres(self.0.saturating_add(PARTS / 2) / PARTS)
    }
}

/// A share in hundredths of a per cent (at most 100 %) of an amount, rounded half up. The amount is an energy charge, below
/// 2^48, so the product fits.
pub(super) fn share(amount: Piastres, hundredths: u32) -> Piastres {
    let whole = u64::from(MAX_PER_CENT);
    Piastres(amount.0.saturating_mul(u64::from(hundredths)).saturating_add(whole / 2) / whole)
}

impl Tariff {
    /// Number from 1 of the slab that a month of `total` has reached: also where nothing was consumed.
    pub fn slab_reached(&self, total: Energy) -> u8 {
        (1..).zip(self.slabs()).find(|(_, slab)| total <= slab.limit()).map_or(self.slab_count, |(n, _)| n)
    }

    /// The slabs from which a month of `total` is rated: the first slab of the group that it has reached, and all above.
    fn group(&self, total: Energy) -> &[Slab] {
        self.slabs().get(self.group_start(total)..).unwrap_or_default()
    }

    /// Where in the slabs the group begins that a month of `total` has reached; 0 is the first.
    pub(super) fn group_start(&self, total: Energy) -> usize {
        let reached = usize::from(self.slab_reached(total));
        self.slabs().iter().take(reached).rposition(|slab| slab.restart).unwrap_or(0)
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
        for slab in self.group(total) {
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
        let fee = if total.0 == 0 { self.zero_fee } else { self.reached(total).map_or(0, |slab| slab.fee) };
        Piastres(u64::from(fee))
    }

    fn reached(&self, total: Energy) -> Option<&Slab> {
        self.slabs().get(usize::from(self.slab_reached(total)).saturating_sub(1))
    }

    /// Price of the last 10 Wh of a month of `total`; of the first, where nothing was consumed.
    pub fn price_at(&self, total: Energy) -> Price {
        self.reached(total).map_or(Price(0), |slab| slab.price)
    }
}
