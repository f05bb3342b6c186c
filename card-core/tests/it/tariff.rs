//! Tariffs: the published bills, restarts, months and their tariffs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::tariff::*;
use card_core::units::{Balance, CardTime, Energy, Piastres};

/// Whole kWh.
pub(super) fn kwh(kwh: u32) -> Energy {
    Energy(kwh * 100)
}

/// One month under one tariff, consumed at once.
fn month(tariff: Tariff, energy: Energy) -> (Deduction, Bill) {
    let mut month = MonthMeter::begin(tariff, false);
    let deduction = month.consume(energy).unwrap();
    (deduction, month.close(0, false))
}

#[test]
fn published_energy_charges() {
    for (energy, egp) in [
        (50, "34.00"),
        (100, "73.00"),
        (101, "95.95"),
        (200, "190.00"),
        (350, "422.50"),
        (650, "1007.50"),
        (651, "1367.10"),
        (1000, "2100.00"),
        (1001, "2232.23"),
    ] {
        assert_eq!(EGYPT_2024_08.charge(kwh(energy)).to_string(), egp, "{energy} kWh");
        let (deduction, bill) = month(EGYPT_2024_08, kwh(energy));
        assert_eq!(bill.energy_charge.to_string(), egp, "{energy} kWh");
        assert_eq!(deduction.total().to_string(), egp, "{energy} kWh");
        assert_eq!(bill.re_rated, energy > 100);
    }
}

#[test]
fn published_fees_by_slab() {
    for (energy, slab, fee) in [
        (0, 1, 9),
        (1, 1, 1),
        (50, 1, 1),
        (51, 2, 2),
        (100, 2, 2),
        (101, 3, 6),
        (200, 3, 6),
        (201, 4, 11),
        (350, 4, 11),
        (351, 5, 15),
        (650, 5, 15),
        (651, 6, 25),
        (1000, 6, 25),
        (1001, 7, 40),
        (40_000_000, 7, 40),
    ] {
        let (deduction, bill) = month(EGYPT_2024_08, kwh(energy));
        assert_eq!((bill.slab, deduction.slab), (slab, slab), "{energy} kWh");
        assert_eq!(bill.service_fee, Piastres(fee * 100), "{energy} kWh");
        let lines: Vec<_> = bill.charges().collect();
        assert_eq!(lines, [BillLine { code: ChargeCode::CLEANING, amount: Balance(2000) }]);
        let fees = fee as i64 * 100 + 2000;
        assert_eq!(bill.fees(), Balance(fees));
        assert_eq!(bill.total(), Balance(bill.energy_charge.0 as i64 + fees));
    }
    let bill = month(EGYPT_2024_08, kwh(651)).1;
    assert_eq!(bill.total().to_string(), "1412.10");
}

#[test]
fn coded_meters_pay_a_flat_price() {
    for (energy, egp) in [(0, "0.00"), (1, "2.23"), (101, "225.23"), (1001, "2232.23")] {
        let bill = month(EGYPT_2024_08_CODED, kwh(energy)).1;
        assert_eq!(bill.total().to_string(), egp);
        assert!(!bill.re_rated);
    }
}

#[test]
fn a_bound_is_inside_its_slab_and_the_next_10_wh_are_not() {
    for (energy, slab, piastres) in [
        (5_000, 1, 3400),
        (5_001, 2, 3401),
        (10_000, 2, 7300),
        (10_001, 3, 9501),
        (20_000, 3, 19_000),
        (20_001, 4, 19_002),
        (65_000, 5, 100_750),
        (65_001, 6, 136_502),
        (100_000, 6, 210_000),
        (100_001, 7, 223_002),
    ] {
        assert_eq!(EGYPT_2024_08.slab_reached(Energy(energy)), slab, "{}", Energy(energy));
        assert_eq!(EGYPT_2024_08.charge(Energy(energy)), Piastres(piastres), "{}", Energy(energy));
    }
}

#[test]
fn crossing_a_restart_shows_what_is_taken_for_what_was_consumed_before() {
    let mut month = MonthMeter::begin(EGYPT_2024_08, false);
    assert_eq!(month.consume(kwh(100)).unwrap().adjustment, None);
    let crossing = month.consume(Energy(1)).unwrap();
    let adjustment = Adjustment { energy: kwh(100), amount: Balance(2200) };
    assert_eq!(crossing, Deduction { energy_cost: Piastres(1), adjustment: Some(adjustment), slab: 3 });
    assert_eq!(crossing.total(), Balance(2201));
    assert_eq!(month.consume(Energy(1)).unwrap().adjustment, None);

    // Two restarts at once: straight from the first group to the third.
    let mut month = MonthMeter::begin(EGYPT_2024_08, false);
    month.consume(kwh(100)).unwrap();
    let crossing = month.consume(kwh(901)).unwrap();
    assert_eq!(crossing.adjustment.unwrap().amount, Balance(22_300 - 7300));
    assert_eq!(crossing.energy_cost, Piastres(901 * 223));

    // Nothing was consumed before: nothing to adjust, although the month is re-rated.
    let (deduction, bill) = self::month(EGYPT_2024_08, kwh(101));
    assert_eq!(deduction.adjustment, None);
    assert!(bill.re_rated);
}

#[test]
fn a_restart_to_lower_prices_gives_back() {
    let slabs = [
        Slab { bound: Some(10), price: Price(100_000), restart: false, fee: 0 },
        Slab { bound: None, price: Price(50_000), restart: true, fee: 0 },
    ];
    let mut month = MonthMeter::begin(tariff(1, &slabs, &[]), false);
    assert_eq!(month.consume(kwh(10)).unwrap().total(), Balance(1000));
    let crossing = month.consume(kwh(1)).unwrap();
    assert_eq!(crossing.energy_cost, Piastres(50));
    assert_eq!(crossing.adjustment.unwrap().amount, Balance(-500));
    assert_eq!(crossing.total(), Balance(-450));
    assert_eq!(month.energy_charge(), Piastres(550));
}

#[test]
fn pulses_of_10_wh_round_nothing_away() {
    let mut month = MonthMeter::begin(EGYPT_2024_08, false);
    let mut taken = 0;
    for unit in 1..=110_000_u32 {
        taken += month.consume(Energy(1)).unwrap().total().0;
        assert_eq!(u64::try_from(taken).unwrap(), EGYPT_2024_08.charge(Energy(unit)).0);
    }
    assert_eq!(month.close(0, false).energy_charge, Piastres(245_300));
}

#[test]
fn rounding_is_half_up() {
    let flat = |price| tariff(1, &[Slab { bound: None, price: Price(price), restart: false, fee: 0 }], &[]);
    // 10 Wh at 50 EGP per 1000 kWh are half a piastre ... 1e-5 less is none.
    assert_eq!(flat(50_000).charge(Energy(1)), Piastres(1));
    assert_eq!(flat(49_999).charge(Energy(1)), Piastres(0));
    assert_eq!(flat(50_000).charge(Energy(2)), Piastres(1));
}

pub(super) fn tariff(version: u32, slabs: &[Slab], charges: &[Charge]) -> Tariff {
    let head = Head { version, start: CardTime(1), kind: Kind::Residential, zero_fee: 900 };
    Tariff::new(head, slabs, charges).unwrap()
}

fn flat(version: u32, piastres: u32) -> Tariff {
    tariff(version, &[Slab { bound: None, price: Price(piastres * 1000), restart: false, fee: 0 }], &[])
}

#[test]
fn levies_are_rounded_once_each() {
    let charges = [
        Charge::new(ChargeCode::STAMP_DUTY, Basis::PerKwh(Price(1500))),
        Charge::new(ChargeCode::LEVY, Basis::PerCent(125)),
        Charge::new(ChargeCode(0x80), Basis::Fixed(1234)),
    ];
    let slabs = [Slab { bound: None, price: Price(68_000), restart: false, fee: 100 }];
    let bill = month(tariff(1, &slabs, &charges), Energy(3333)).1;
    assert_eq!(bill.energy_charge, Piastres(2266));
    // 33.33 kWh at 1.5 piastres: 49.995; 1.25 % of 22.66 EGP: 28.325 piastres.
    assert_eq!(bill.charges().map(|line| line.amount.0).collect::<Vec<_>>(), [50, 28, 1234]);
    assert_eq!(bill.fees(), Balance(100 + 50 + 28 + 1234));
}

#[test]
fn a_partial_month_pays_in_full_unless_nothing_was_consumed() {
    let whole = month(EGYPT_2024_08, kwh(0)).1;
    assert_eq!((whole.service_fee, whole.total()), (Piastres(900), Balance(2900)));
    for (first, last) in [(true, false), (false, true)] {
        let mut month = MonthMeter::begin(EGYPT_2024_08, first);
        assert_eq!(month.close(0, last).total(), Balance(0));
        assert_eq!(month.close(0, last).charges().count(), 0);
        month.consume(Energy(1)).unwrap();
        let bill = month.close(0, last);
        assert!(bill.partial);
        assert_eq!(bill.total(), Balance(1 + 100 + 2000));
    }
}

#[test]
fn a_bill_becomes_the_month_of_the_card() {
    let mut month = MonthMeter::begin(EGYPT_2024_08, true);
    month.consume(kwh(101)).unwrap();
    let record = month.close(0, false).month(80, 3500, true);
    assert_eq!((record.index, record.flags, record.slab, record.peak), (80, 0x07, 3, 3500));
    assert_eq!(
        (record.energy, record.energy_charge, record.service_fee, record.levies),
        (kwh(101), Piastres(9595), 600, 2000)
    );
    let flags = |energy, partial, doubtful| {
        let mut month = MonthMeter::begin(EGYPT_2024_08, partial);
        month.consume(kwh(energy)).unwrap();
        month.close(0, false).month(80, 0, doubtful).flags
    };
    assert_eq!((flags(100, false, false), flags(100, true, false)), (0, 0x01));
    assert_eq!((flags(101, false, false), flags(100, false, true)), (0x02, 0x04));
}

#[test]
fn a_switch_does_not_begin_the_slabs_again() {
    let dearer = tariff(
        2,
        &[
            Slab { bound: Some(100), price: Price(100_000), restart: false, fee: 300 },
            Slab { bound: None, price: Price(200_000), restart: true, fee: 700 },
        ],
        &[],
    );
    let mut month = MonthMeter::begin(EGYPT_2024_08, false);
    month.consume(kwh(60)).unwrap();
    month.switch(dearer).unwrap();
    // 50 at 68, 10 at 78, 40 at 100.
    month.consume(kwh(40)).unwrap();
    assert_eq!(month.energy_charge(), Piastres(3400 + 780 + 4000));
    // The total reaches the next group of both: 60 at 95, 41 at 200.
    let crossing = month.consume(kwh(1)).unwrap();
    let adjustment = Adjustment { energy: kwh(100), amount: Balance(5700 + 8000 - 8180) };
    assert_eq!(crossing.adjustment, Some(adjustment));
    assert_eq!(crossing.energy_cost, Piastres(200));
    let bill = month.close(0, false);
    assert_eq!(bill.energy_charge, Piastres(60 * 95 + 41 * 200));
    // Fees are those of the tariff at the end: no cleaning fee there.
    assert_eq!(bill.fees(), Balance(700));
}

#[test]
fn a_month_takes_four_tariffs_and_refuses_a_fifth() {
    let mut month = MonthMeter::begin(flat(1, 1), false);
    for version in 2..=4 {
        // Under the first of these two nothing is consumed: it takes no place.
        month.switch(flat(9, 77)).unwrap();
        month.switch(flat(version, version)).unwrap();
        month.consume(kwh(1)).unwrap();
    }
    assert_eq!(month.ended().count(), 2);
    month.switch(flat(5, 5)).unwrap();
    month.switch(flat(6, 6)).unwrap();
    month.consume(kwh(1)).unwrap();
    let before = month;
    assert_eq!(month.switch(flat(7, 7)), Err(TooManySwitches));
    assert_eq!(month, before);
    assert_eq!(month.close(0, false).energy_charge, Piastres(2 + 3 + 4 + 6));
}

#[test]
fn tables_switch_at_their_time() {
    let at = |version, start| {
        let head = Head { version, start: CardTime(start), kind: Kind::Residential, zero_fee: 0 };
        let slab = Slab { bound: None, price: Price(version * 1000), restart: false, fee: 0 };
        Tariff::new(head, &[slab], &[]).unwrap()
    };
    let mut tables = Tables::new(at(1, 10));
    let mut month = tables.begin_month(CardTime(100), false);
    assert_eq!(tables.offer(at(2, 150)), Ok(None));
    assert_eq!(tables.offer(at(3, 200)), Ok(Some(at(2, 150))));
    assert_eq!(tables.offer(at(1, 150)), Err(NotNewer));
    assert_eq!(tables.standby().unwrap().version(), 3);
    assert_eq!(tables.switch(CardTime(199), &mut month), Ok(false));
    month.consume(kwh(10)).unwrap();
    assert_eq!(tables.switch(CardTime(200), &mut month), Ok(true));
    assert_eq!((tables.active().version(), tables.standby()), (3, None));
    month.consume(kwh(10)).unwrap();
    assert_eq!(month.close(0, false).energy_charge, Piastres(10 + 30));

    // What came into force between two months needs no switch; what a month refuses waits for the next.
    tables.offer(at(4, 300)).unwrap();
    let mut month = tables.begin_month(CardTime(300), false);
    assert_eq!((month.tariff().version(), tables.standby()), (4, None));
    for version in 5..=7 {
        month.consume(kwh(1)).unwrap();
        tables.offer(at(version, 1)).unwrap();
        assert_eq!(tables.switch(CardTime(301), &mut month), Ok(true));
    }
    month.consume(kwh(1)).unwrap();
    tables.offer(at(8, 1)).unwrap();
    assert_eq!(tables.switch(CardTime(301), &mut month), Err(TooManySwitches));
    assert_eq!((tables.active().version(), tables.standby().unwrap().version()), (7, 8));
    assert_eq!(tables.begin_month(CardTime(400), false).tariff().version(), 8);
}

#[test]
fn a_month_is_restored_from_its_parts() {
    let mut month = MonthMeter::begin(EGYPT_2024_08, true);
    for (energy, next) in [(30, flat(2, 90)), (40, flat(3, 91))] {
        month.consume(kwh(energy)).unwrap();
        month.switch(next).unwrap();
    }
    month.consume(kwh(40)).unwrap();
    let ended: Vec<_> = month.ended().copied().collect();
    let restored = MonthMeter::restore(&ended, *month.tariff(), month.total(), true);
    assert_eq!(restored, Ok(month));

    let segment = |end| Segment { tariff: EGYPT_2024_08, end: Energy(end) };
    let restore = |ends: &[u32], total| {
        let ended: Vec<_> = ends.iter().copied().map(segment).collect();
        MonthMeter::restore(&ended, EGYPT_2024_08, Energy(total), false)
    };
    assert!(restore(&[1, 2, 3], 3).is_ok());
    for (ends, total) in [(&[0][..], 9), (&[2, 2], 9), (&[3, 2], 9), (&[10], 9), (&[1, 2, 3, 4], 9)] {
        assert_eq!(restore(ends, total), Err(RestoreError), "{ends:?} of {total}");
    }
}

#[test]
fn the_largest_month_fits_and_a_larger_one_is_refused() {
    let dearest = |version| {
        let slabs = [Slab { bound: None, price: Price(u32::MAX), restart: false, fee: u32::MAX }];
        let charges = [
            Charge::new(ChargeCode(1), Basis::PerKwh(Price(u32::MAX))),
            Charge::new(ChargeCode(2), Basis::PerCent(10_000)),
            Charge::new(ChargeCode(3), Basis::Fixed(u32::MAX)),
        ];
        tariff(version, &slabs, &charges)
    };
    let exact = (u128::from(u32::MAX) * u128::from(u32::MAX) + 50_000) / 100_000;
    let exact = u64::try_from(exact).unwrap();
    let mut month = MonthMeter::begin(dearest(1), false);
    for version in 2..=4 {
        month.consume(Energy(u32::MAX / 4)).unwrap();
        month.switch(dearest(version)).unwrap();
    }
    month.consume(Energy(u32::MAX - month.total().0)).unwrap();
    let before = month;
    assert_eq!(month.consume(Energy(1)), Err(MonthFull));
    assert_eq!(month, before);
    assert_eq!(month.consume(Energy(0)).unwrap().total(), Balance(0));
    let bill = month.close(0, false);
    assert_eq!(bill.energy_charge, Piastres(exact));
    assert_eq!(bill.fees(), Balance(2 * exact as i64 + 2 * i64::from(u32::MAX)));
    let record = bill.month(0, 0, false);
    assert_eq!((record.levies, record.others), (i32::MAX, 0));
}

#[test]
fn prices_are_shown_in_piastres() {
    for (price, text) in [(68_000, "68"), (68_500, "68.5"), (68_120, "68.12"), (68_005, "68.005"), (0, "0")] {
        assert_eq!(Price(price).to_string(), text);
    }
}
