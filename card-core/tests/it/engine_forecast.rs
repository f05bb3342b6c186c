//! What the display foretells (docs/meter.md, section 14): what credit buys, how long it lasts, and the next bracket.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::calendar::Calendar;
use card_core::message::MeterFlags;
use card_core::meter::events::code;
use card_core::meter::{Meter, MeterState};
use card_core::parameters::Limits;
use card_core::tariff::{
    Bracket, EGYPT_2024_08, EGYPT_2024_08_CODED, Head, Kind, MonthMeter, Price, Slab, Tariff,
};
use card_core::text::Language;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use proptest::prelude::*;

const SATURDAY: u32 = FRIDAY + 1;

// ---- a shop before a restart

/// A shop that uses 28 kWh a day, has used so many kWh until noon of the 22nd of June, and has 350 EGP then.
fn shop(kwh: u32) -> Meter<Chip> {
    let first = local(FRIDAY - 11, 0, 0);
    let mut meter = bound_from(&Chip::new(), &MeterState::new(EGYPT_2024_08, Energy(0), first), 100);
    let mut left = kwh * 100;
    for hour in 0..21 * 24 + 12 {
        let used = left.min(2800 / 24);
        meter.consume(shows(CardTime(first.0 + hour * 3600)), Energy(used)).unwrap();
        left -= used;
    }
    let now = meter.state().clock.time;
    meter.consume(shows(now), Energy(left)).unwrap();
    let (credit, balance) = (meter.state().applied_credit.0 as i64, meter.state().balance.0);
    certify(&mut meter, now, (credit - balance + 35_000) as u64, 0);
    assert_eq!((meter.state().balance, meter.state().running.total()), (Balance(35_000), Energy(kwh * 100)));
    meter
}

/// At the price of the slab that would be 179 kWh, and 6 days: but crossing 650 kWh takes 357.50 EGP.
#[test]
fn a_shop_before_a_restart_is_shown_what_the_restart_leaves_it() {
    for (kwh, left) in [(637, 13), (649, 1)] {
        let mut meter = shop(kwh);
        let status = meter.state().status();
        assert_eq!((status.energy_left, status.days_left), (Some(Energy(left * 100)), Some(1)));
        let bracket =
            Bracket { energy: Energy(left * 100), crossing: Balance(35_750), price: Price(210_000) };
        assert_eq!((status.price, status.bracket), (Price(195_000), Some(bracket)));
        assert!(status.restart_near);
        // It is what happens.
        let now = meter.state().clock.time;
        meter.consume(shows(now), Energy(left * 100)).unwrap();
        assert!(meter.state().balance > Balance(0));
        let deduction = meter.consume(shows(now), Energy(1)).unwrap().unwrap();
        assert_eq!(deduction.adjustment.unwrap().amount, bracket.crossing);
        assert!(meter.state().balance < Balance(0));
    }
}

// ---- the recent rate

#[test]
fn the_first_day_counts_as_the_part_that_it_is() {
    // Installed at 18:40; 2 kWh until midnight are 9 a day, and 1205 EGP are 540.36 kWh at 2.23.
    let fresh = MeterState::new(EGYPT_2024_08_CODED, Energy(0), local(SATURDAY, 18, 40));
    let mut meter = bound_from(&Chip::new(), &fresh, 120_500 + 446);
    meter.consume(shows(local(SATURDAY, 19, 39)), Energy(200)).unwrap();
    assert_eq!(meter.state().status().days_left, None, "59 minutes are no rate");
    meter.tick(shows(local(SATURDAY, 19, 40))).unwrap();
    assert_eq!(meter.state().status().days_left, Some(540 / 48));
    meter.tick(shows(local(SATURDAY + 1, 0, 0))).unwrap();
    let status = meter.state().status();
    assert_eq!((status.energy_left, status.days_left), (Some(Energy(54_036)), Some(60)));
    // The present day counts too: without consumption the rate falls with each minute.
    meter.tick(shows(local(SATURDAY + 1, 5, 20))).unwrap();
    assert_eq!(meter.state().status().days_left, Some(120));
    // Nothing used is no rate.
    meter.tick(shows(local(SATURDAY + 20, 0, 0))).unwrap();
    assert_eq!(meter.state().status().days_left, None);
}

#[test]
fn without_credit_nothing_is_left() {
    let mut meter = bound(&Chip::new(), 68);
    meter.consume(shows(NOW), Energy(200)).unwrap();
    meter.tick(shows(CardTime(NOW.0 + 7200))).unwrap();
    let status = meter.state().status();
    assert_eq!((status.energy_left, status.days_left), (Some(Energy(0)), Some(0)));
}

#[test]
fn energy_that_costs_nothing_has_no_end_to_show() {
    let free = flat(2, CardTime(1), 0, 0);
    let mut meter = bound_from(&Chip::new(), &MeterState::new(free, Energy(0), local(FRIDAY, 14, 0)), 100);
    meter.consume(shows(local(FRIDAY, 16, 0)), Energy(100)).unwrap();
    let status = meter.state().status();
    // 24 ends of months: from the 12th of June 2026, 16:00, to the end of May 2028.
    assert_eq!((status.energy_left, status.days_left, status.bracket), (None, Some(719), None));
}

// ---- what is foretold is what happens

/// A meter that never has a friendly time, uses `hourly` each hour, and is looked at after ten days.
fn household(credit: u64, hourly: Energy) -> (Meter<Chip>, CardTime) {
    let begun = local(FRIDAY, 0, 0);
    let mut meter = bound_from(&Chip::new(), &MeterState::new(EGYPT_2024_08, Energy(0), begun), credit);
    let calendar = Calendar::new(*Calendar::EGYPT.zone(), 0, 0, 0, &[]).unwrap();
    give(&mut meter, begun, 3, calendar.emit().as_slice());
    plan(&mut meter, begun);
    let now = CardTime(begun.0 + 240 * 3600);
    for hour in 0..240 {
        meter.consume(shows(CardTime(begun.0 + hour * 3600 + 1)), hourly).unwrap();
    }
    meter.tick(shows(now)).unwrap();
    (meter, now)
}

fn plan(meter: &mut Meter<Chip>, at: CardTime) {
    use card_core::parameters::{Debt, DebtKind, DebtPlan};
    let debt = |id, first_month, count, amount, last| Debt {
        id,
        kind: DebtKind::Instalment,
        first_month,
        count,
        amount,
        last,
    };
    let plan = DebtPlan::new(&[debt(1, JUNE + 1, 3, 2_000, 700), debt(2, JUNE + 2, 20, 1_111, 1)]).unwrap();
    give(meter, at, 4, plan.emit().as_slice());
}

#[test]
fn days_remaining_are_lived_through_month_ends_fees_and_instalments() {
    let mut months_ahead = 0;
    for (credit, hourly) in [
        (6_000, 5),
        (9_000, 5),
        (20_000, 12),
        (22_000, 25),
        (60_000, 25),
        (200_000, 25),
        (300_000, 97),
        (700_000, 140),
    ] {
        let (mut meter, now) = household(credit, Energy(hourly));
        let foretold = meter.state().status().days_left.unwrap();
        let month = meter.state().month_index;
        let mut lived = now;
        while meter.state().balance > Balance(0) {
            lived = CardTime(lived.0 + 3600);
            meter.consume(shows(lived), Energy(hourly)).unwrap();
        }
        // Consumption comes by the hour here, in the foretold it flows.
        let days = (lived.0 - now.0) / 86_400;
        let hours = |days: u32| days * 24;
        let passed = (lived.0 - now.0) / 3600;
        assert!(
            hours(foretold) <= passed + 1 && passed <= hours(foretold + 1) + 1,
            "{credit} {hourly}: foretold {foretold}, lived {days}"
        );
        months_ahead = months_ahead.max(meter.state().month_index - month);
    }
    assert!(months_ahead > 4);
}

#[test]
fn what_falls_due_at_the_end_of_the_month_is_set_aside() {
    let (meter, _) = household(30_000, Energy(25));
    // 6 kWh a day: 60 kWh used, 48 more until the end of June in 8 days and some; 21 days are enough to see it.
    let state = meter.state();
    let (total, status) = (state.running.total(), state.status());
    let until = begin_of(JUNE + 1).0 - state.clock.time.0;
    let used = 240 * 25 * u64::from(until) / (240 * 3600);
    let end = Energy(total.0 + used as u32);
    let due = state.running.at(end).close(state.month_index, false).fees().0 + 2_000;
    let rest = Piastres((state.balance.0 - due) as u64);
    assert!(status.energy_left > Some(Energy(used as u32)));
    assert_eq!(status.energy_left, Some(state.running.affordable(rest)));
    assert!(state.running.affordable(rest) < state.running.affordable(Piastres(state.balance.0 as u64)));
}

fn tariff(version: u32, slabs: &[(u32, u32, bool)]) -> Tariff {
    let count = slabs.len();
    let mut bound = 0;
    let slabs: Vec<_> = (1..)
        .zip(slabs)
        .map(|(number, (step, price, restart))| {
            bound += step;
            let last = number == count;
            Slab {
                bound: (!last).then_some(bound),
                price: Price(*price),
                restart: *restart && number > 1,
                fee: bound * 7,
            }
        })
        .collect();
    let head = Head { version, start: CardTime(1), kind: Kind::Residential, zero_fee: 5 };
    Tariff::new(head, &slabs, &[]).unwrap()
}

fn any_slabs() -> impl Strategy<Value = Vec<(u32, u32, bool)>> {
    let price = prop_oneof![Just(0), Just(1), Just(49_999), 1_000..300_000_u32];
    proptest::collection::vec((1..6_u32, price, any::<bool>()), 1..=8)
}

/// A month under up to three tariffs, in which so much was consumed under each.
fn any_month() -> impl Strategy<Value = MonthMeter> {
    proptest::collection::vec((any_slabs(), 0..700_u32), 1..=3).prop_map(|parts| {
        let mut parts = (1..).zip(parts).map(|(version, (slabs, energy))| (tariff(version, &slabs), energy));
        let (first, energy) = parts.next().unwrap();
        let mut month = MonthMeter::begin(first, false);
        month.consume(Energy(energy)).unwrap();
        for (tariff, energy) in parts {
            month.switch(tariff).unwrap();
            month.consume(Energy(energy)).unwrap();
        }
        month
    })
}

/// In piastres: where another tariff of the month begins another group at prices that hardly differ, what that takes is a rounding.
const ROUNDING: i64 = 1;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Consumed 10 Wh by 10 Wh, with every adjustment, the credit lasts for just what was foretold.
    #[test]
    fn what_credit_buys_is_what_10_wh_after_10_wh_take(month in any_month(), credit in 0..6_000_u64) {
        let foretold = month.affordable(Piastres(credit));
        let (mut lived, mut balance, mut bought) = (month, credit as i64, 0);
        // Beyond all bounds the price stays: where that is 0 there is no end.
        while bought < 20_000 {
            balance -= lived.consume(Energy(1)).unwrap().total().0;
            if balance < 0 {
                break;
            }
            bought += 1;
        }
        if bought < 20_000 {
            prop_assert_eq!(foretold.0, bought);
        } else {
            prop_assert!(foretold.0 >= bought);
        }
    }

    /// The bracket ends where the price, or what was consumed before, changes; not before.
    #[test]
    fn a_bracket_ends_where_the_next_10_wh_changes_the_price(month in any_month()) {
        let mut lived = month;
        let price = |month: &MonthMeter, energy| {
            let mut next = *month;
            next.consume(energy).unwrap();
            next.tariff().price_at(next.total())
        };
        let slab = |month: &MonthMeter| month.tariff().slab_reached(month.total());
        match month.bracket() {
            None => {
                // 10 Wh by 10 Wh, as it is foretold: a step of 100 kWh splits price and adjustment otherwise.
                for _ in 0..10_000 {
                    let deduction = lived.consume(Energy(1)).unwrap();
                    prop_assert_eq!(deduction.adjustment.map_or(0, |adjustment| adjustment.amount.0), 0);
                }
                prop_assert_eq!(slab(&lived), slab(&month));
            }
            Some(Bracket { energy, crossing, price: next }) => {
                for _ in 0..energy.0 {
                    let before = slab(&lived).max(1);
                    let deduction = lived.consume(Energy(1)).unwrap();
                    let amount = deduction.adjustment.map_or(0, |adjustment| adjustment.amount.0);
                    prop_assert!(amount.abs() <= ROUNDING, "{amount}");
                    prop_assert_eq!(slab(&lived), before);
                }
                prop_assert_eq!(price(&lived, Energy(1)), next);
                let end = slab(&lived);
                let deduction = lived.consume(Energy(1)).unwrap();
                let amount = deduction.adjustment.map_or(0, |adjustment| adjustment.amount.0);
                prop_assert_eq!(amount, crossing.0);
                prop_assert!(amount != 0 || slab(&lived) != end);
            }
        }
    }
}

// ---- a restart is told of

#[test]
fn a_restart_is_told_of_once_and_shown_until_it_is_crossed() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 500_000);
    give(&mut meter, NOW, 2, &Limits { restart_notice: Energy(1_500), ..Limits::DEFAULT }.emit());
    let near = |meter: &Meter<Chip>| meter.state().status().restart_near;
    let told = |meter: &mut Meter<Chip>| {
        told(meter, 0).into_iter().filter(|(code, _)| *code == code::RESTART_NEAR).collect::<Vec<_>>()
    };
    meter.consume(shows(NOW), Energy(8_499)).unwrap();
    assert!(!near(&meter));
    assert_eq!(told(&mut meter), []);
    meter.consume(shows(NOW), Energy(1)).unwrap();
    assert!(near(&meter));
    let first = (code::RESTART_NEAR, [0, 0, 0x08, 0x98, 0x05, 0xDC]);
    assert_eq!(told(&mut meter), [first]);
    // Not again, also not after a loss of power.
    let mut meter = again(&chip);
    meter.consume(shows(NOW), Energy(1_500)).unwrap();
    assert!(near(&meter));
    assert_eq!(told(&mut meter), [first]);
    meter.consume(shows(NOW), Energy(1)).unwrap();
    assert!(!near(&meter));
    // The next restart, and the next month.
    meter.consume(shows(NOW), Energy(64_000 - 10_001)).unwrap();
    assert!(near(&meter));
    assert_eq!(told(&mut meter).len(), 2);
    meter.tick(shows(begin_of(JUNE + 1))).unwrap();
    assert!(!near(&meter));
    meter.consume(shows(begin_of(JUNE + 1)), Energy(9_000)).unwrap();
    assert_eq!(told(&mut meter).len(), 3);
}

#[test]
fn power_cut_at_every_write_of_a_restart_that_is_told_of() {
    cut_everywhere(
        2,
        |chip| {
            let mut meter = bound(chip, 500_000);
            meter.consume(shows(NOW), Energy(7_990)).unwrap();
            meter
        },
        |meter| {
            let total = meter.state().running.total().0;
            meter.consume(shows(NOW), Energy(8_100_u32.saturating_sub(total))).map(|_| ())
        },
    );
}

// ---- what is to be said

#[test]
fn what_is_to_be_said_begins_with_what_is_most_urgent() {
    let said = |change: fn(&mut MeterState)| -> Vec<_> {
        let mut state = MeterState::new(EGYPT_2024_08, Energy(0), local(SATURDAY, 12, 0));
        (state.binding, state.limits.loan_hours) = (1, 48);
        (state.balance, state.supply.cut, state.flags) = (Balance(100), 0, MeterFlags::default());
        change(&mut state);
        state.situations().iter().map(|situation| situation.text(Language::English).code).collect()
    };
    assert_eq!(said(|_| ()), ["U00"]);
    assert_eq!(said(|state| state.balance = Balance(0)), ["U00", "V04"]);
    let lent = said(|state| {
        (state.balance, state.supply.loan_until) = (Balance(-5), CardTime(state.clock.time.0 + 60));
        state.flags = MeterFlags::LOAN;
    });
    assert_eq!(lent, ["U00", "F80"]);
    let without_loan = said(|state| {
        (state.balance, state.supply.cut, state.supply.loan_until) = (Balance(-5), 0x01, state.clock.time);
    });
    assert_eq!(without_loan, ["U01", "V03"]);
    let all = said(|state| {
        (state.balance, state.supply.cut, state.supply.tampering) = (Balance(0), 0x03, 0x05);
        state.flags = MeterFlags(MeterFlags::SUPPLY_CUT.0 | MeterFlags::BATTERY_LOW.0);
    });
    assert_eq!(all, ["U02", "U01", "V05", "F100", "X01", "X04"]);
    // A loan does not help there.
    let other = said(|state| (state.balance, state.supply.cut) = (Balance(0), 0x10));
    assert_eq!(other, ["U10"]);
}
