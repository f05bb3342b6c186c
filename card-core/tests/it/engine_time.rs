//! Time at a meter (docs/meter.md, section 2), with the figures that a household would see: outages, false clocks, none, an issuer's
//! server in another year.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use crate::support::*;
use card_core::message::Certificate;
use card_core::meter::{Meter, Reading, Verdict};
use card_core::units::{Balance, CardTime, Energy};

const DAY: u32 = 86_400;
const KWH: u32 = 100;

/// A meter that is bound at `time`, with that much credit, certified long before.
fn begun(chip: &Chip, time: CardTime, credit: u64) -> Meter<Chip> {
    let mut meter = bound(chip, credit);
    meter.tick(shows(time)).unwrap();
    meter
}

fn issued(meter: &Meter<Chip>, credit: u64, time: CardTime) -> Certificate {
    let state = meter.state();
    let total = state.applied_credit.0 + credit;
    let certificate = certificate(state.sequence + 1, total, state.applied_debited.0);
    signed(Certificate { issue_time: time, ..certificate })
}

#[test]
fn after_45_days_without_power_a_good_clock_is_right_at_once() {
    // Given a meter that loses power on 20 August, late in the evening,
    let (august, october) = (local(2423, 21, 0), local(2468, 21, 0));
    let chip = Chip::new();
    let mut meter = begun(&chip, august, 100_000);
    let index = meter.state().month_index;
    meter.save().unwrap();
    // when power is back 45 days later, at 21:00 on a Sunday, and the credit is used up then,
    let mut meter = again(&chip);
    let left = meter.state().balance.0;
    meter.consume(shows(october), Energy(1_300 * KWH)).unwrap();
    assert!(left > 0 && meter.state().balance < Balance(0));
    // then it is October's energy, and nobody is cut in a friendly time.
    assert_eq!((meter.state().clock.time, meter.state().month_index), (october, index + 2));
    assert_eq!(meter.state().running.total(), Energy(1_300 * KWH));
    assert_eq!(meter.state().supply.cut, 0);
}

#[test]
fn a_false_reading_20_days_ahead_ends_no_month() {
    let chip = Chip::new();
    let june = CardTime(begin_of(JUNE + 1).0 - 10 * DAY);
    let mut meter = begun(&chip, june, 100_000);
    meter.consume(shows(june), Energy(90 * KWH)).unwrap();
    let balance = meter.state().balance;
    // One minute later the clock is 20 days ahead, for once.
    let uptime = june.0 + 60;
    meter.tick(Reading { uptime, ..shows(CardTime(uptime + 20 * DAY)) }).unwrap();
    assert_eq!((meter.state().month_index, meter.state().balance), (JUNE, balance));
    meter.tick(shows(CardTime(uptime + 60))).unwrap();
    assert_eq!(meter.state().clock.time, CardTime(uptime + 60));
    assert!(months(&mut meter).is_empty());
}

#[test]
fn three_months_without_a_clock_are_three_months() {
    let chip = Chip::new();
    let begin = begin_of(JUNE + 1);
    let mut meter = begun(&chip, begin, 1_000_000);
    let before = meter.state().balance.0;
    // 260 kWh a month, and no clock any more.
    let mut uptime = begin.0;
    for month in [31, 31, 30] {
        for day in 0..month {
            let energy = 260 * KWH * (day + 1) / month - 260 * KWH * day / month;
            uptime += DAY - 60;
            meter.consume(without_clock(uptime), Energy(energy)).unwrap();
            uptime += 60;
            meter.tick(without_clock(uptime)).unwrap();
        }
    }
    assert_eq!(meter.state().month_index, JUNE + 4);
    let closed = months(&mut meter);
    let energies: Vec<_> = closed.iter().rev().take(3).map(|month| month.energy).collect();
    assert_eq!(energies, [Energy(260 * KWH); 3]);
    // By the published tariff, fees among it; as one month of 780 kWh it would be 831 EGP more.
    assert_eq!(before - meter.state().balance.0, 3 * cost_of_260());
    assert!(closed.iter().rev().take(3).all(|month| month.flags & 4 == 4));
}

const fn without_clock(uptime: u32) -> Reading {
    Reading { clock: CardTime::UNSET, uptime, never_stopped: false }
}

/// Of a month of 260 kWh, with its fees: what a meter with a clock takes.
fn cost_of_260() -> i64 {
    let mut meter = begun(&Chip::new(), begin_of(JUNE + 1), 1_000_000);
    let before = meter.state().balance.0;
    meter.consume(shows(CardTime(begin_of(JUNE + 1).0 + 60)), Energy(260 * KWH)).unwrap();
    meter.tick(shows(begin_of(JUNE + 2))).unwrap();
    before - meter.state().balance.0
}

#[test]
fn an_issuers_server_in_2036_gives_credit_and_no_time() {
    let chip = Chip::new();
    let mut meter = begun(&chip, NOW, 50_000);
    let wrong = CardTime(NOW.0 + 3_650 * DAY);
    let certificate = issued(&meter, 700, wrong);
    let decision = meter.take_certificate(shows(NOW), &certificate, None).unwrap();
    assert!(matches!(decision.verdict, Verdict::Apply { .. }));
    assert_eq!((meter.state().balance, meter.state().clock.time), (Balance(50_700), NOW));
    assert!(months(&mut meter).is_empty());
}
