#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use card_core::id::{Binding, CardId, CardRef, MeterId};
use card_core::message::MeterFlags;
use card_core::role::KeyVersion;
use card_core::units::{Balance, Energy, Piastres};

use super::*;
use card_host::card_work::development_scope;
use card_host::issuer::BindingAccount;

const BINDING: Binding = Binding { meter: MeterId([0, 0, 0, 0, 0, 0, 0, 1]), number: 1 };

fn record(total_credit: u64) -> BindingRecord {
    let held = BindingAccount {
        scope: development_scope(),
        binding: BINDING,
        account: 1,
        card: CardRef { id: CardId::from(1), generation: 1 },
        load_key: KeyVersion::from_byte(0x51),
        credit_key: KeyVersion::from_byte(0x71),
        parameter_keys: KeyVersion::from_byte(0x81),
        sequence: 2,
        total_credit: Piastres(total_credit),
        total_debited: Piastres::ZERO,
        opening_time: CardTime(1),
        applied_credit: Piastres::ZERO,
        applied_debited: Piastres::ZERO,
        moved: false,
    };
    BindingRecord {
        held,
        status: Status::Open,
        blocked: false,
        epoch: 0,
        voucher: Vec::new(),
        card_sequence: 0,
        heard: CardTime::UNSET,
    }
}

fn reading(number: u32, day: u32, applied: u64, balance: i64) -> Reading {
    Reading {
        binding: BINDING,
        number,
        time: CardTime(1_000_000 + day * DAY),
        applied_credit: Piastres(applied),
        applied_debited: Piastres::ZERO,
        balance: Balance(balance),
        energy: Energy(number),
        flags: MeterFlags(0),
        tampering: 0,
    }
}

fn now(day: u32) -> CardTime {
    CardTime(1_000_000 + day * DAY)
}

#[test]
fn at_the_rate_of_the_time_before() {
    // 10 EGP a day over ten days; 5,000 are left in the meter, and 3,000 more wait.
    let readings = [reading(2, 10, 20_000, 5_000), reading(1, 0, 10_000, 5_000)];
    let at = |day| outlook(&record(23_000), &readings, now(day)).unwrap();
    assert_eq!(at(10), Outlook { report: 2, meter: 5, all: 8 });
    // Three days later, three days less; and never below none.
    assert_eq!(at(13), Outlook { report: 2, meter: 2, all: 5 });
    assert_eq!(at(40), Outlook { report: 2, meter: 0, all: 0 });
}

#[test]
fn nobody_can_say_without_a_rate() {
    let record = record(10_000);
    let none = |readings: &[Reading]| assert_eq!(outlook(&record, readings, now(10)), None, "{readings:?}");
    none(&[]);
    none(&[reading(1, 9, 10_000, 100)]);
    // Within a day; nothing used; longer ago than what is recent.
    none(&[reading(2, 9, 10_000, 100), reading(1, 9, 10_000, 900)]);
    none(&[reading(2, 9, 10_000, 100), reading(1, 1, 10_000, 100)]);
    let late = [reading(2, 99, 10_000, 100), reading(1, 1, 10_000, 900)];
    assert_eq!(outlook(&record, &late, now(100)), None);
    // A meter without a clock.
    none(&[Reading { time: CardTime::UNSET, ..reading(2, 9, 10_000, 100) }, reading(1, 1, 10_000, 900)]);
}

#[test]
fn a_debt_in_the_meter_is_used_up_already() {
    let readings = [reading(2, 9, 10_000, -300), reading(1, 1, 10_000, 900)];
    let outlook = outlook(&record(10_000), &readings, now(9)).unwrap();
    assert_eq!((outlook.meter, outlook.all), (0, 0));
}
