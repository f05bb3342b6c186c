//! Tariffs: their bytes, what fits a mail, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::message::MAX_PLAINTEXT;
use card_core::tariff::*;
use card_core::units::CardTime;

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
