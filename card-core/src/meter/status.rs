//! What a meter's display shows (docs/meter.md, section 14).

use super::state::MeterState;
use super::supply::Supply;
use crate::message::MeterFlags;
use crate::parameters::Notice;
use crate::tariff::Price;
use crate::units::{Balance, CardTime, Energy};

/// What a meter's display shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The engine's time; not set where it is not known.
    pub time: CardTime,
    /// Credit; below zero it is a debt.
    pub balance: Balance,
    /// What it is at the price of the present slab; `None` where that is 0. Nothing where the balance is not above 0.
    pub energy_left: Option<Energy>,
    /// Number from 1 of the slab that the month has reached.
    pub slab: u8,
    /// Price of the next 10 Wh in that slab.
    pub price: Price,
    /// Days that the credit lasts at the recent rate; `None` where there is none.
    pub days_left: Option<u32>,
    /// How the meter stands.
    pub flags: MeterFlags,
    /// What decides on the supply.
    pub supply: Supply,
    /// Whether it is a friendly time.
    pub friendly: bool,
}

/// A balance in piastres times this, divided by a price, is energy: 1000 parts of a piastre, 100 units in a kWh.
const UNITS: u64 = 1000 * 100;

impl MeterState {
    /// What the display shows now.
    pub fn status(&self) -> Status {
        let total = self.running.total();
        let tariff = self.running.tariff();
        let price = tariff.price_at(total);
        let credit = u64::try_from(self.balance.0).unwrap_or(0);
        Status {
            time: self.clock.time,
            balance: self.balance,
            energy_left: units(credit, price).map(|units| Energy(u32::try_from(units).unwrap_or(u32::MAX))),
            slab: tariff.slab_reached(total),
            price,
            days_left: self.days_left(credit, price),
            flags: self.flags,
            supply: self.supply,
            friendly: self.calendar.is_friendly(self.clock.time),
        }
    }

    /// What the issuer wants to be shown now.
    pub fn notices(&self) -> impl Iterator<Item = &Notice> {
        let Self { clock, inbox, .. } = self;
        let ended = |notice: &Notice| notice.until != CardTime::UNSET && notice.until <= clock.time;
        inbox.notices.notices().iter().filter(move |notice| !ended(notice))
    }

    /// The balance by what the mean of the known days costs. Sums beyond 64 bits, trillions of EGP, are shown as less.
    fn days_left(&self, credit: u64, price: Price) -> Option<u32> {
        let (sum, days) = self.days.sum();
        let affordable = credit.saturating_mul(UNITS).saturating_mul(days.into());
        let cost = u64::from(sum).saturating_mul(price.0.into());
        affordable.checked_div(cost).map(|left| u32::try_from(left).unwrap_or(u32::MAX))
    }
}

fn units(credit: u64, price: Price) -> Option<u64> {
    credit.saturating_mul(UNITS).checked_div(price.0.into())
}
