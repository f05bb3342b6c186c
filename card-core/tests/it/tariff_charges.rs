//! Tariffs: what each kind of charge comes to at the end of a month.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use super::tariff::{kwh, tariff};
use card_core::tariff::*;
use card_core::units::{Balance, Energy};

/// One month under a flat price of 1 EGP per kWh with these charges: what each comes to.
fn charged(charges: &[Charge], energy: Energy, index: u16) -> Vec<(u8, i64)> {
    let slab = Slab { bound: None, price: Price(100_000), restart: false, fee: 300 };
    let mut month = MonthMeter::begin(tariff(1, &[slab], charges), false);
    month.consume(energy).unwrap();
    let bill = month.close(index, false);
    let lines: Vec<_> = bill.charges().map(|line| (line.code.0, line.amount.0)).collect();
    let sum: i64 = lines.iter().map(|(_, amount)| amount).sum();
    assert_eq!(bill.fees().0, bill.service_fee.0 as i64 + sum);
    lines
}

#[test]
fn the_radio_fee_ends_at_45_kwh() {
    let fee = Charge { first: Some(45), ..Charge::new(ChargeCode::RADIO_FEE, Basis::PerKwh(Price(200))) };
    for (units, piastres) in [(1, 0), (1000, 2), (4499, 9), (4500, 9), (4501, 9), (100_000, 9)] {
        assert_eq!(charged(&[fee], Energy(units), 0), [(4, piastres)], "{units}");
    }
    // Capped by amount: 3 piastres a kWh, at most 5 EGP.
    let duty = Charge { most: Some(500), ..Charge::new(ChargeCode::STAMP_DUTY, Basis::PerKwh(Price(3000))) };
    for (kwh, piastres) in [(100, 300), (166, 498), (167, 500), (1000, 500)] {
        assert_eq!(charged(&[duty], self::kwh(kwh), 0), [(2, piastres)], "{kwh}");
        assert_eq!(charged(&[Charge { credit: true, ..duty }], self::kwh(kwh), 0), [(2, -piastres)], "{kwh}");
    }
}

#[test]
fn a_charge_of_one_month_a_year_and_one_of_each_day() {
    let yearly = Charge { month: Some(7), ..Charge::new(ChargeCode::LEVY, Basis::Fixed(300)) };
    let standing = Charge::new(ChargeCode::STANDING_CHARGE, Basis::PerDay(120));
    // January, February (of a leap year and of another), June, July.
    for (index, days, due) in
        [(60, 31, false), (61, 28, false), (49, 29, false), (65, 30, false), (66, 31, true)]
    {
        let expected: Vec<_> = due.then_some((3, 300)).into_iter().chain([(6, days * 120)]).collect();
        assert_eq!(charged(&[yearly, standing], kwh(1), index), expected, "{index}");
    }
}

#[test]
fn vat_on_fees_and_a_bill_of_at_least_so_much() {
    let charges = [
        Charge::new(ChargeCode::CLEANING, Basis::Fixed(2000)),
        // Of energy and service fee, not of cleaning.
        Charge {
            of: Lines::ENERGY.and(Lines::SERVICE_FEE),
            ..Charge::new(ChargeCode::VAT, Basis::PerCent(1400))
        },
        Charge { of: Lines::charge(1), ..Charge::new(ChargeCode(0x80), Basis::PerCent(500)) },
        Charge { of: Lines::before(4), ..Charge::new(ChargeCode::MINIMUM_BILL, Basis::Minimum(5000)) },
    ];
    // 12.34 EGP and 3 EGP of service: 14 % are 214.76 piastres; 5 % of 20 EGP; and 14.51 EGP are missing.
    let missing = 5000 - 1234 - 300 - 2000 - 215 - 100;
    assert_eq!(charged(&charges, Energy(1234), 0), [(1, 2000), (5, 215), (0x80, 100), (7, missing)]);
    // 14 % of 103 EGP; nothing is missing.
    assert_eq!(charged(&charges, kwh(100), 0), [(1, 2000), (5, 1442), (0x80, 100), (7, 0)]);
    // What is not due counts as nothing.
    let never = Charge { above: MAX_BOUND, ..charges[0] };
    assert_eq!(charged(&[never, charges[2]], kwh(1), 0), [(0x80, 0)]);
}

#[test]
fn rebates_by_consumption_raise_the_balance() {
    let rebate = |above, up_to, piastres| Charge {
        credit: true,
        above,
        up_to: Some(up_to),
        ..Charge::new(ChargeCode::REBATE, Basis::Fixed(piastres))
    };
    let charges = [rebate(50, 200, 250), rebate(200, 600, 200)];
    for (units, expected) in [
        (0, &[][..]),
        (5000, &[]),
        (5001, &[(8, -250)]),
        (20_000, &[(8, -250)]),
        (20_001, &[(8, -200)]),
        (60_000, &[(8, -200)]),
        (60_001, &[]),
    ] {
        assert_eq!(charged(&charges, Energy(units), 0), expected, "{units}");
    }
    // More than all fees: the sum is below zero.
    let slab = Slab { bound: None, price: Price(0), restart: false, fee: 100 };
    let mut month = MonthMeter::begin(tariff(1, &[slab], &charges), false);
    month.consume(kwh(60)).unwrap();
    let bill = month.close(0, false);
    assert_eq!(
        (bill.fees(), bill.total(), bill.month(0, 0, false).fees()),
        (Balance(-150), Balance(-150), Balance(-150))
    );
}

#[test]
fn half_up_below_zero() {
    // 10 Wh at half a piastre: 0.5 becomes 1, -0.5 becomes 0, -1.5 becomes -1.
    let per_kwh =
        |price, credit| Charge { credit, ..Charge::new(ChargeCode(9), Basis::PerKwh(Price(price))) };
    for (price, taken, given) in [
        (49_999, 0, 0),
        (50_000, 1, 0),
        (50_001, 1, -1),
        (149_999, 1, -1),
        (150_000, 2, -1),
        (150_001, 2, -2),
    ] {
        assert_eq!(
            charged(&[per_kwh(price, false), per_kwh(price, true)], Energy(1), 0),
            [(9, taken), (9, given)]
        );
    }
    // A share of what is below zero.
    let charges = [
        Charge { credit: true, ..Charge::new(ChargeCode(9), Basis::Fixed(3)) },
        Charge { of: Lines::charge(1), ..Charge::new(ChargeCode(10), Basis::PerCent(5000)) },
        Charge { of: Lines::charge(1), credit: true, ..Charge::new(ChargeCode(11), Basis::PerCent(5000)) },
    ];
    assert_eq!(charged(&charges, Energy(1), 0), [(9, -3), (10, -1), (11, 2)]);
}

#[test]
fn free_energy_costs_nothing_at_once() {
    let slabs = [
        Slab { bound: Some(50), price: Price(0), restart: false, fee: 0 },
        Slab { bound: Some(350), price: Price(190_280), restart: false, fee: 0 },
        Slab { bound: None, price: Price(215_620), restart: false, fee: 0 },
    ];
    let vat = [Charge::new(ChargeCode::VAT, Basis::PerCent(1500))];
    let mut month = MonthMeter::begin(tariff(1, &slabs, &vat), false);
    assert_eq!(month.consume(kwh(50)).unwrap().total(), Balance(0));
    assert_eq!(month.close(0, false).total(), Balance(0));
    assert_eq!(month.consume(Energy(1)).unwrap().total(), Balance(2));
}

#[test]
fn the_dearest_bill_fits() {
    let slab = Slab { bound: None, price: Price(u32::MAX), restart: false, fee: u32::MAX };
    let all =
        |number| Charge { of: Lines::before(number), ..Charge::new(ChargeCode(9), Basis::PerCent(10_000)) };
    for credit in [false, true] {
        let charges: Vec<_> = (1..=12).map(|number| Charge { credit, ..all(number) }).collect();
        let mut month = MonthMeter::begin(tariff(1, &[slab], &charges), false);
        month.consume(Energy(u32::MAX)).unwrap();
        let bill = month.close(0, false);
        let first = bill.energy_charge.0 as i64 + i64::from(u32::MAX);
        // Each charge takes as much again, or gives back all that is there.
        assert_eq!(bill.total(), Balance(if credit { 0 } else { first << 12 }));
        assert_eq!(bill.month(0, 0, false).others, if credit { i32::MIN } else { i32::MAX });
    }
}
