//! Tariffs: the published bills, exactness under any chopping against a computation of its own, and the bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::message::MAX_PLAINTEXT;
use card_core::tariff::*;
use card_core::units::{Balance, CardTime, Energy, Piastres};

/// Whole kWh.
fn kwh(kwh: u32) -> Energy {
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

fn tariff(version: u32, slabs: &[Slab], charges: &[Charge]) -> Tariff {
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
    assert_eq!((record.energy, record.energy_charge, record.fees), (kwh(101), Piastres(9595), 2600));
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
    tables.offer(at(3, 200)).unwrap();
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
    assert_eq!(bill.month(0, 0, false).fees, i32::MAX);
}

#[test]
fn the_shipped_tariffs_are_valid_and_travel() {
    for tariff in [EGYPT_2024_08, EGYPT_2024_08_CODED] {
        assert_eq!(again(&tariff), Ok(tariff));
        assert_eq!(Tariff::parse(tariff.as_bytes()), Ok(tariff));
    }
    assert_eq!(EGYPT_2024_08.as_bytes().len(), 61);
    assert_eq!(EGYPT_2024_08.slabs().count(), 7);
    let restarts: Vec<_> = EGYPT_2024_08.slabs().map(|slab| slab.restart).collect();
    assert_eq!(restarts, [false, false, true, false, false, true, true]);
    // 2024-08-01T00:00:00+03:00.
    assert_eq!(EGYPT_2024_08.start().to_unix(), 1_722_459_600);
    let charges: Vec<_> = EGYPT_2024_08.charges().collect();
    assert_eq!(charges, [Charge::new(ChargeCode::CLEANING, Basis::Fixed(2000))]);
}

/// The tariff, made anew of what it says.
fn again(tariff: &Tariff) -> Result<Tariff, TariffError> {
    let head = Head {
        version: tariff.version(),
        start: tariff.start(),
        kind: tariff.kind(),
        zero_fee: tariff.zero_fee(),
    };
    Tariff::new(head, &tariff.slabs().collect::<Vec<_>>(), &tariff.charges().collect::<Vec<_>>())
}

#[test]
fn the_bytes_are_those_of_the_documentation() {
    let text = include_str!("../../../docs/tariff.md");
    let bytes = |before: &str, after: &str| {
        let shown = text.split_once(before).unwrap().1.split_once(after).unwrap().0;
        shown.split_whitespace().collect::<String>()
    };
    let published = bytes("The published tariff (61 bytes):\n\n```", "```");
    assert_eq!(hex::encode_upper(EGYPT_2024_08.as_bytes()), published);
    let flat = bytes("coded meters (13 bytes): `", "`");
    assert_eq!(hex::encode_upper(EGYPT_2024_08_CODED.as_bytes()), flat);
}

/// Sixteen slabs, each with a price and a fee of its own, as large as section 6 says that they fit; and so many charges.
fn sixteen(charges: usize) -> Result<Tariff, TariffError> {
    let head = Head { version: 1, start: CardTime(1), kind: Kind::Residential, zero_fee: 0 };
    let slab = |n: u32| Slab {
        bound: (n < 16).then_some(4095 * n),
        price: Price((1 << 21) - n),
        restart: n.is_multiple_of(3),
        fee: (1 << 14) - n,
    };
    let slabs: Vec<_> = (1..=16).map(slab).collect();
    let all = [
        Charge::new(ChargeCode::CLEANING, Basis::Fixed(2000)),
        Charge { first: Some(45), ..Charge::new(ChargeCode::RADIO_FEE, Basis::PerKwh(Price(200))) },
        Charge { of: Lines(3), ..Charge::new(ChargeCode::VAT, Basis::PerCent(1400)) },
        Charge { month: Some(7), ..Charge::new(ChargeCode::LEVY, Basis::Fixed(300)) },
        Charge::new(ChargeCode::STAMP_DUTY, Basis::PerKwh(Price(3000))),
        Charge::new(ChargeCode::STANDING_CHARGE, Basis::PerDay(120)),
    ];
    Tariff::new(head, &slabs, &all[..charges])
}

#[test]
fn what_fits_a_mail_and_what_does_not() {
    for charges in 0..=4 {
        let tariff = sixteen(charges).unwrap();
        assert!(tariff.as_bytes().len() <= MAX_PLAINTEXT);
        assert_eq!(Tariff::parse(tariff.as_bytes()), Ok(tariff));
        assert_eq!((tariff.slabs().count(), tariff.charges().count()), (16, charges));
    }
    assert_eq!(sixteen(6), Err(TariffError::TooLong));
    assert!(TariffError::TooLong.to_string().contains("145 bytes"));
    // What is right but for its length: twelve charges of the largest amount in one month.
    let charge = [9, 0x11, 0x8F, 0xFF, 0xFF, 0xFF, 0x7F, 1];
    for (count, result) in [(11, Ok(145)), (12, Err(TariffError::Length))] {
        let bytes = [&EGYPT_2024_08.as_bytes()[..56], &[count], &charge.repeat(count.into())].concat();
        assert_eq!(Tariff::parse(&bytes).map(|tariff| tariff.as_bytes().len()), result, "{}", bytes.len());
    }
    // And a tariff is not larger in memory than in a mail, but for its length.
    assert_eq!(size_of::<Tariff>(), MAX_PLAINTEXT + 1);
    assert!(size_of::<MonthMeter>() <= 4 * 156);
}

#[test]
fn what_breaks_the_rules_is_refused_by_the_name_of_its_field() {
    let head = Head { version: 1, start: CardTime(1), kind: Kind::Residential, zero_fee: 0 };
    let slab = |bound| Slab { bound, price: Price(1), restart: false, fee: 0 };
    let good = [slab(Some(1)), slab(None)];
    let new = Tariff::new;
    assert_eq!(new(Head { version: 0, ..head }, &good, &[]), Err(TariffError::Version));
    assert_eq!(new(Head { start: CardTime::UNSET, ..head }, &good, &[]), Err(TariffError::Start));
    assert_eq!(new(head, &[], &[]), Err(TariffError::SlabCount));
    assert_eq!(new(head, &[slab(None); 17], &[]), Err(TariffError::SlabCount));
    for (bounds, number) in [
        (&[Some(1)][..], 1),
        (&[None, None], 1),
        (&[Some(0), None], 1),
        (&[Some(5), Some(5), None], 2),
        (&[Some(5), Some(4), None], 2),
        (&[Some(MAX_BOUND + 1), None], 1),
        (&[Some(MAX_BOUND), Some(MAX_BOUND + 1), None], 2),
        (&[Some(u32::MAX), None], 1),
        (&[Some(1), Some(2)], 2),
    ] {
        let slabs: Vec<_> = bounds.iter().copied().map(slab).collect();
        assert_eq!(new(head, &slabs, &[]), Err(TariffError::SlabBound(number)), "{bounds:?}");
    }
    assert!(new(head, &[slab(Some(MAX_BOUND)), slab(None)], &[]).is_ok());
    let first = [Slab { restart: true, ..slab(Some(1)) }, slab(None)];
    assert_eq!(new(head, &first, &[]), Err(TariffError::FirstRestart));

    let charge = |code, basis| Charge::new(ChargeCode(code), basis);
    let fixed = |code| charge(code, Basis::Fixed(1));
    let charges = |charges: &[Charge]| Tariff::new(head, &good, charges).err();
    assert_eq!(charges(&[fixed(1); 13]), Some(TariffError::ChargeCount));
    assert_eq!(charges(&[fixed(1); 12]), None);
    assert_eq!(charges(&[fixed(1), fixed(0)]), Some(TariffError::ChargeCode(2)));
    let share = |share| charge(1, Basis::PerCent(share));
    assert_eq!(charges(&[fixed(2), share(10_001)]), Some(TariffError::ChargeValue(2)));
    assert_eq!(charges(&[share(10_000)]), None);

    let (per_kwh, minimum) = (charge(1, Basis::PerKwh(Price(1))), charge(1, Basis::Minimum(1)));
    let per_day = charge(1, Basis::PerDay(1));
    let second = |second| charges(&[fixed(1), second]);
    for wrong in [
        Charge { credit: true, ..minimum },
        Charge { first: Some(1), ..fixed(1) },
        Charge { first: Some(1), ..per_day },
        Charge { first: Some(1), ..share(1) },
        Charge { most: Some(1), ..fixed(1) },
        Charge { most: Some(1), ..per_day },
        Charge { most: Some(1), ..minimum },
        Charge { of: Lines::ENERGY, ..fixed(1) },
        Charge { of: Lines::ENERGY, ..per_kwh },
    ] {
        assert_eq!(second(wrong), Some(TariffError::ChargeForm(2)), "{wrong:?}");
    }
    for of in [
        Lines::NONE,
        Lines::charge(2),
        Lines::charge(12),
        Lines(u16::MAX),
        Lines::ENERGY.and(Lines::charge(2)),
    ] {
        assert_eq!(second(Charge { of, ..share(1) }), Some(TariffError::ChargeLines(2)), "{of:?}");
        assert_eq!(second(Charge { of, ..minimum }), Some(TariffError::ChargeLines(2)), "{of:?}");
    }
    for of in [Lines::ENERGY, Lines::SERVICE_FEE, Lines::charge(1), Lines::before(2)] {
        assert_eq!(second(Charge { of, ..share(1) }), None, "{of:?}");
    }
    for kwh in [0, MAX_BOUND + 1] {
        assert_eq!(second(Charge { first: Some(kwh), ..per_kwh }), Some(TariffError::ChargeFirst(2)));
    }
    for month in [0, 13, 255] {
        assert_eq!(second(Charge { month: Some(month), ..fixed(1) }), Some(TariffError::ChargeMonth(2)));
    }
    for (above, up_to) in
        [(0, Some(0)), (5, Some(5)), (6, Some(5)), (0, Some(MAX_BOUND + 1)), (MAX_BOUND + 1, None)]
    {
        let wrong = Charge { above, up_to, ..fixed(1) };
        assert_eq!(second(wrong), Some(TariffError::ChargeRange(2)), "{wrong:?}");
    }
    assert_eq!(second(Charge { most: Some(0), ..per_kwh }), Some(TariffError::ChargeMost(2)));
    assert_eq!(
        second(Charge { most: Some(1), first: Some(MAX_BOUND), above: 5, up_to: Some(6), ..per_kwh }),
        None
    );
}

#[test]
fn bytes_that_break_the_rules_are_refused_by_the_name_of_their_field() {
    let bytes = EGYPT_2024_08.as_bytes();
    let with = |at: usize, value: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] = value;
        Tariff::parse(&bytes)
    };
    for (at, value, error) in [
        (0, 1, TariffError::Format),
        (1, 0, TariffError::Version),
        (1, 0x80, TariffError::Number),
        (6, 0, TariffError::Kind),
        (6, 4, TariffError::Kind),
        // The first slab: a restart; and the fee of a month without consumption, 900.
        (10, 0x4B, TariffError::FirstRestart),
        (56, 13, TariffError::ChargeCount),
        (57, 0, TariffError::ChargeCode(1)),
        (58, 0, TariffError::ChargeBasis(1)),
        (58, 6, TariffError::ChargeBasis(1)),
        (58, 0x85, TariffError::ChargeForm(1)),
    ] {
        assert_eq!(with(at, value), Err(error), "byte {at}");
    }
    for length in 0..bytes.len() {
        assert_eq!(Tariff::parse(&bytes[..length]), Err(TariffError::Length), "{length} bytes");
    }
    let longer = [bytes, &[0]].concat();
    assert_eq!(Tariff::parse(&longer), Err(TariffError::Length));
}

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
        (bill.fees(), bill.total(), bill.month(0, 0, false).fees),
        (Balance(-150), Balance(-150), -150)
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
        assert_eq!(bill.month(0, 0, false).fees, if credit { i32::MIN } else { i32::MAX });
    }
}

#[test]
fn prices_are_shown_in_piastres() {
    for (price, text) in [(68_000, "68"), (68_500, "68.5"), (68_120, "68.12"), (68_005, "68.005"), (0, "0")] {
        assert_eq!(Price(price).to_string(), text);
    }
}
