//! What a month foretells, found with its own tariffs (docs/meter.md, section 14).

use super::{MonthMeter, Price, Tariff};
use crate::units::{Balance, Energy, Piastres};

/// The end of the present bracket: where the price changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bracket {
    /// What can be consumed before it; after nothing the next 10 Wh crosses it.
    pub energy: Energy,
    /// What crossing it takes by itself, in piastres: the adjustment of a restart. Below 0 it gives back.
    pub crossing: Balance,
    /// Price of the next 10 Wh behind it.
    pub price: Price,
}

impl Tariff {
    /// The highest total of the slab that a month of `total` has reached; the last one has none.
    pub fn slab_end(&self, total: Energy) -> Option<Energy> {
        let mut bounded = self.slabs().filter(|slab| slab.bound.is_some());
        bounded.find(|slab| total <= slab.limit()).map(|slab| slab.limit())
    }
}

impl MonthMeter {
    /// The next end of a bracket: the next bound of the tariff in force, or one of another tariff of this month before it that brings
    /// an adjustment. Searched in as many steps as the month's tariffs have slabs, at most.
    pub fn bracket(&self) -> Option<Bracket> {
        let total = self.total();
        let own = self.tariff().slab_end(total);
        let mut from = total;
        loop {
            let end = self.slab_end(from)?;
            let behind = Energy(end.0.saturating_add(1));
            let crossing = self.crossing(end, behind);
            if crossing != Balance(0) || Some(end) == own {
                let energy = Energy(end.0.saturating_sub(total.0));
                return Some(Bracket { energy, crossing, price: self.tariff().price_at(behind) });
            }
            from = behind;
        }
    }

    /// The most energy that can be consumed from now on, 10 Wh after 10 Wh, while what that takes is not more than `credit`; all that
    /// the month still holds, where that never happens.
    ///
    /// From the end of one slab to the next one of whichever tariff the charge does not fall, so each is one look, and the last a search
    /// by halves: as many as the month's tariffs have slabs, and 32.
    pub fn affordable(&self, credit: Piastres) -> Energy {
        let total = self.total();
        let most = self.energy_charge().0.saturating_add(credit.0);
        let affords = |total: u32| self.charge_at(Energy(total)).0 <= most;
        let mut paid = total.0;
        while let Some(next) = paid.checked_add(1) {
            let end = self.slab_end(Energy(next)).map_or(u32::MAX, |end| end.0);
            if affords(end) {
                paid = end;
                continue;
            }
            let mut above = end;
            while above.saturating_sub(paid) > 1 {
                let middle = paid.midpoint(above);
                if affords(middle) { paid = middle } else { above = middle }
            }
            break;
        }
        Energy(paid.saturating_sub(total.0))
    }

    /// The least total from `total` on at which a slab of any tariff of the month ends.
    fn slab_end(&self, total: Energy) -> Option<Energy> {
        let tariffs = self.ended().map(|segment| &segment.tariff).chain(core::iter::once(self.tariff()));
        tariffs.filter_map(|tariff| tariff.slab_end(total)).min()
    }
}
