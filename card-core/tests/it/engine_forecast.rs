//! What the display foretells (docs/meter.md, section 14): what credit buys, how long it lasts, and the next bracket.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::meter::{Meter, MeterState};
use card_core::tariff::EGYPT_2024_08;
use card_core::units::{Balance, CardTime, Energy};

const SATURDAY: u32 = FRIDAY + 1;

/// A shop that has consumed so many kWh in six and a half days of June, and has 350 EGP.
fn shop(kwh: u32) -> Meter<Chip> {
    let monday = local(2343, 0, 0);
    let fresh = MeterState::new(EGYPT_2024_08, Energy(0), monday);
    let mut meter = bound_from(&Chip::new(), &fresh, 100);
    // Three weeks at 28 kWh a day, up to noon of the last one.
    let mut left = Energy(kwh * 100);
    for hour in 0..21 * 24 + 12 {
        let now = CardTime(monday.0 + hour * 3600);
        let hourly = Energy((left.0).min(2800 / 24));
        meter.consume(now, hourly).unwrap();
        left = Energy(left.0 - hourly.0);
    }
    let now = meter.state().clock.time;
    meter.consume(now, left).unwrap();
    let (credit, balance) = (meter.state().applied_credit.0 as i64, meter.state().balance.0);
    certify(&mut meter, now, (credit - balance + 35_000) as u64, 0);
    assert_eq!((meter.state().balance, meter.state().running.total()), (Balance(35_000), Energy(kwh * 100)));
    meter
}

#[test]
fn a_shop_before_a_restart_is_not_shown_what_the_restart_will_take() {
    for kwh in [637, 649] {
        let status = shop(kwh).state().status();
        println!("{kwh} {:?} {:?}", status.energy_left, status.days_left);
    }
}

#[test]
fn the_first_day_after_installation_counts_as_the_part_that_it_is() {
    let evening = CardTime(local(SATURDAY, 18, 40).0);
    let fresh = MeterState::new(EGYPT_2024_08, Energy(0), evening);
    let _ = fresh;
    let fresh = MeterState::new(card_core::tariff::EGYPT_2024_08_CODED, Energy(0), evening);
    let mut meter = bound_from(&Chip::new(), &fresh, 120_500 + 446);
    meter.consume(local(SATURDAY, 23, 0), Energy(200)).unwrap();
    meter.tick(local(SATURDAY + 1, 0, 0)).unwrap();
    println!("{:?}", meter.state().status().days_left);
}
