use super::*;

#[test]
fn the_shipped_files_are_the_constants() {
    assert_eq!(parse(EGYPT_2024_08), Ok(card_core::tariff::EGYPT_2024_08));
    let coded = include_str!("../../tariffs/egypt-2024-08-coded.toml");
    assert_eq!(parse(coded), Ok(card_core::tariff::EGYPT_2024_08_CODED));
}

/// The shipped file with one piece of text replaced.
fn with(from: &str, to: &str) -> Result<Tariff, Mistake> {
    assert_eq!(EGYPT_2024_08.matches(from).count(), 1, "{from}");
    parse(&EGYPT_2024_08.replace(from, to))
}

#[test]
fn everything_that_a_tariff_can_say() {
    let charges = "\"20\"\n[[charge]]\nwhat = \"stamp duty\"\nper_kwh_piastre = \"1.5\"\n\
        [[charge]]\nwhat = 200\nper_cent = \"1.25\"";
    let tariff = with("\"20\"", charges).unwrap();
    let expected = [
        Charge::new(ChargeCode::CLEANING, Basis::Fixed(2000)),
        Charge::new(ChargeCode::STAMP_DUTY, Basis::PerKwh(Price(1500))),
        Charge::new(ChargeCode(200), Basis::PerCent(125)),
    ];
    assert_eq!(tariff.charges().collect::<Vec<_>>(), expected);
    assert_eq!(with("2024-08-01T00:00:00+03:00", "2024-07-31T21:00:00Z"), parse(EGYPT_2024_08));
    assert_eq!(with("\"155\"", "\"155.125\"").unwrap().slabs().nth(3).unwrap().price, Price(155_125));
}

#[test]
fn a_mistake_is_shown_with_its_line_and_what_to_do() {
    for (from, to, line, says) in [
        ("version = 1", "version = 0", 2, "version: it counts from 1"),
        ("version = 1", "version = -1", 2, "-1"),
        ("version = 1", "version = 1\nvers = 2", 3, "unknown field `vers`"),
        ("2024-08-01T00:00:00+03:00", "2024-08-01T00:00:00", 3, "offset from UTC"),
        ("2024-08-01T00:00:00+03:00", "2019-08-01T00:00:00Z", 3, "2020"),
        ("2024-08-01T00:00:00+03:00", "2020-01-01T00:00:00Z", 3, "start: the time"),
        ("2024-08-01T00:00:00+03:00", "2024-08-01T00:00:00.5Z", 3, "start"),
        ("\"residential\"", "\"royal\"", 4, "\"residential\", \"commercial\", \"coded\""),
        ("\"9\"", "9", 5, "amounts are written in quotes: \"9\""),
        ("\"9\"", "9.5", 5, "amounts are written in quotes"),
        ("\"9\"", "true", 5, "an amount in quotes"),
        ("\"9\"", "\"nine\"", 5, "zero_consumption_fee_egp: write digits"),
        ("\"9\"", "\"-9\"", 5, "write digits"),
        ("\"9\"", "\"9.005\"", 5, "at most 2 decimals, in EGP"),
        ("\"9\"", "\"42949672.96\"", 5, "too large"),
        ("\"78\"", "\"78.1234\"", 14, "price_piastre: write at most 3 decimals, in piastres per kWh"),
        ("up_to_kwh = 100\n", "up_to_kwh = 50\n", 13, "bound of slab 2"),
        ("up_to_kwh = 100\n", "up_to_kwh = 50.5\n", 13, "50.5"),
        ("up_to_kwh = 100\n", "", 12, "bound of slab 2"),
        ("up_to_kwh = 100\n", "up_to = 100\n", 13, "unknown field `up_to`"),
        ("price_piastre = \"78\"\n", "", 12, "missing field `price_piastre`"),
        ("[[slab]] # 0-50", "[[slab]]\nrestart = true", 8, "restart of slab 1"),
        ("\"223\"", "\"223\"\nup_to_kwh = 2000", 42, "bound of slab 7"),
        ("\"cleaning\"", "\"sweeping\"", 45, "\"cleaning\", \"stamp duty\""),
        ("\"cleaning\"", "5", 45, "128 to 255"),
        ("\"cleaning\"", "true", 45, "128 to 255"),
        ("fixed_egp = \"20\"", "per_cent = \"100.01\"", 46, "at most 100 %"),
        ("fixed_egp = \"20\"", "", 44, "exactly one of"),
        ("\"20\"", "\"20\"\nper_cent = \"1\"", 44, "exactly one of"),
        ("\"20\"", "\"20", 46, ""),
        ("\"20\"", "\"20\"\nfixed_egp = \"20\"", 47, "duplicate"),
    ] {
        let mistake = with(from, to).unwrap_err();
        assert!(mistake.problem.contains(says), "{to}: {mistake}");
        assert_eq!(mistake.line, line, "{to}: {mistake}");
    }
    let slabs = "\n[[slab]]\nup_to_kwh = 9\nprice_piastre = \"1\"\nfee_egp = \"1\"";
    let long = format!("{EGYPT_2024_08}{}", slabs.repeat(10));
    let mistake = parse(&long).unwrap_err();
    assert_eq!(
        (mistake.line, mistake.problem.as_str()),
        (48 + 9 * 4, "slabs: a tariff has one to 16"),
        "the 17th"
    );
    let charge = "[[charge]]\nwhat = 200\nfixed_egp = \"1\"\n";
    let long = format!("{EGYPT_2024_08}{}", charge.repeat(12));
    let mistake = parse(&long).unwrap_err();
    assert_eq!(
        (mistake.line, mistake.problem.as_str()),
        (47 + 11 * 3, "charges: a tariff has at most 12"),
        "the 13th"
    );
    assert_eq!(parse("").unwrap_err().line, 1);
}

#[test]
fn a_file_that_is_not_there_or_too_long_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tariff.toml");
    assert!(matches!(read(&path), Err(TariffFileError::Io { .. })));
    std::fs::write(&path, EGYPT_2024_08).unwrap();
    assert_eq!(read(&path).unwrap(), card_core::tariff::EGYPT_2024_08);
    std::fs::write(&path, EGYPT_2024_08.replace("\"78\"", "78")).unwrap();
    let said = read(&path).unwrap_err().to_string();
    assert!(said.ends_with("tariff.toml: line 14: amounts are written in quotes: \"78\""), "{said}");
    std::fs::write(&path, "#".repeat(70_000)).unwrap();
    assert!(matches!(read(&path), Err(TariffFileError::TooLong(_))));
}

#[test]
fn decimals_are_read_without_a_binary_fraction() {
    for (text, places, value) in [
        ("0", 2, 0),
        ("68", 3, 68_000),
        ("68.5", 3, 68_500),
        ("0.001", 3, 1),
        ("1.500", 2, 150),
        ("42949672.95", 2, u32::MAX),
        ("٥", 2, 500),
        ("١٬٠٠٠٫٥٠٠", 2, 100_050),
    ] {
        assert_eq!(decimal(text, places), Ok(value), "{text}");
    }
    for text in ["", ".", "5.", ".5", "-5", "+5", "5,0", "1e3", "1_000", " 5"] {
        assert_eq!(decimal(text, 2), Err(DecimalError::NotANumber), "{text}");
    }
    assert_eq!(decimal("1.005", 2), Err(DecimalError::TooManyDecimals(2)));
    assert_eq!(decimal("42949672.96", 2), Err(DecimalError::TooLarge));
}

#[test]
fn the_example_of_the_documentation_is_a_tariff() {
    let text = include_str!("../../../docs/tariff.md");
    let example = text.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let tariff = parse(example).unwrap();
    assert_eq!(tariff.slabs().next().unwrap().price, Price(78_125));
    let charge = Charge::new;
    let expected = [
        charge(ChargeCode::CLEANING, Basis::Fixed(2000)),
        Charge { first: Some(45), ..charge(ChargeCode::RADIO_FEE, Basis::PerKwh(Price(200))) },
        charge(ChargeCode::STANDING_CHARGE, Basis::PerDay(120)),
        Charge { of: Lines(7), most: Some(5000), ..charge(ChargeCode::VAT, Basis::PerCent(1400)) },
        Charge { month: Some(7), ..charge(ChargeCode(200), Basis::Fixed(300)) },
        Charge { credit: true, above: 50, up_to: Some(200), ..charge(ChargeCode::REBATE, Basis::Fixed(250)) },
        Charge { of: Lines(0xFF), ..charge(ChargeCode::MINIMUM_BILL, Basis::Minimum(3000)) },
    ];
    assert_eq!(tariff.charges().collect::<Vec<_>>(), expected);
}

/// The last charge of the shipped file, with this in place of its amount.
fn charge_with(lines: &str) -> Result<Charge, Mistake> {
    with("fixed_egp = \"20\"", lines).map(|tariff| tariff.charges().last().unwrap())
}

#[test]
fn a_mistake_in_a_charge_is_shown_with_its_line() {
    let (kwh, share) = ("per_kwh_piastre = \"1\"\n", "per_cent = \"1\"\n");
    let after = |first: &str, second: &str| format!("{first}{second}");
    for (lines, line, says) in [
        (after(kwh, "first_kwh = 0"), 47, "first kWh of charge 1"),
        (after(kwh, "first_kwh = \"45\""), 47, "45"),
        (after(kwh, "month = 13"), 47, "month of charge 1: from 1 (January) to 12"),
        (after(kwh, "above_kwh = 0"), 47, "leave it out"),
        (after(kwh, "above_kwh = 9\nup_to_kwh = 9"), 48, "range of charge 1"),
        (after(kwh, "above_kwh = 42949673"), 47, "range of charge 1"),
        (after(kwh, "at_most_egp = \"0\""), 47, "what charge 1 is at most: not 0"),
        (after(kwh, "at_most_egp = 5"), 47, "in quotes"),
        (after(share, "of = [\"energy\", 1]"), 47, "lines of charge 1"),
        (after(share, "of = []"), 47, "lines of charge 1"),
        (after(share, "of = [\"energy\",\n\"fees\"]"), 48, "of: it names \"energy\", \"service fee\""),
        (after(share, "of = [0]"), 47, "of: it names"),
        (after(share, "first_kwh = 5"), 44, "form of charge 1"),
        (after(share, "credits = true"), 47, "unknown field"),
        (after("minimum_egp = \"5\"\n", "credit = true"), 44, "form of charge 1"),
        (after("fixed_egp = \"5\"\n", "of = [\"energy\"]"), 44, "form of charge 1"),
        (after("fixed_egp = \"5\"\n", "at_most_egp = \"1\""), 44, "form of charge 1"),
        (after("per_day_egp = \"1.234\"", ""), 46, "per_day_egp: write at most 2 decimals"),
        (after(kwh, share), 44, "exactly one of"),
    ] {
        let mistake = charge_with(&lines).unwrap_err();
        assert!(mistake.problem.contains(says), "{lines}: {mistake}");
        assert_eq!(mistake.line, line, "{lines}: {mistake}");
    }
    // What does not fit a mail, at the charge that is too much.
    let charge = "[[charge]]\nwhat = 200\nfixed_egp = \"42949672.95\"\nmonth = 7\nabove_kwh = 4194304\nup_to_kwh = 42949672\n";
    let mistake = parse(&format!("{EGYPT_2024_08}{}", charge.repeat(8))).unwrap_err();
    assert_eq!((mistake.line, mistake.problem.starts_with("too long")), (47 + 7 * 6, true), "{mistake}");
}

/// `tests/vectors/tariffs.json` holds what the second reading makes of each file: the same bytes.
#[test]
fn the_shipped_files_are_what_the_second_reading_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vectors = std::fs::read_to_string(folder.join("../tests/vectors/tariffs.json")).unwrap();
    let vectors: serde_json::Value = serde_json::from_str(&vectors).unwrap();
    let shipped = vectors["shipped"].as_array().unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(folder.join("tariffs")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let said: Vec<_> = shipped.iter().map(|tariff| tariff["file"].as_str().unwrap()).collect();
    assert_eq!(names, {
        let mut said = said.clone();
        said.sort_unstable();
        said
    });
    for (name, tariff) in said.iter().zip(shipped) {
        let read = read(&folder.join("tariffs").join(name)).unwrap();
        assert_eq!(hex::encode_upper(read.as_bytes()), tariff["plaintext"].as_str().unwrap(), "{name}");
    }
}
