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
        Charge { code: ChargeCode::CLEANING, basis: Basis::Fixed(2000) },
        Charge { code: ChargeCode::STAMP_DUTY, basis: Basis::PerKwh(Price(1500)) },
        Charge { code: ChargeCode(200), basis: Basis::PerCent(125) },
    ];
    assert_eq!(tariff.charges(), expected);
    assert_eq!(with("2024-08-01T00:00:00+03:00", "2024-07-31T21:00:00Z"), parse(EGYPT_2024_08));
    assert_eq!(with("\"155\"", "\"155.125\"").unwrap().slabs()[3].price, Price(155_125));
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
        ("\"20\"", "\"20\"\n[[charge]]\nwhat = \"cleaning\"\nper_cent = \"1\"", 48, "code of charge 2"),
        ("\"20\"", "\"20", 46, ""),
        ("\"20\"", "\"20\"\nfixed_egp = \"20\"", 47, "duplicate"),
    ] {
        let mistake = with(from, to).unwrap_err();
        assert!(mistake.problem.contains(says), "{to}: {mistake}");
        assert_eq!(mistake.line, line, "{to}: {mistake}");
    }
    let slabs = "\n[[slab]]\nup_to_kwh = 9\nprice_piastre = \"1\"\nfee_egp = \"1\"";
    let long = format!("{EGYPT_2024_08}{}", slabs.repeat(2));
    assert_eq!(parse(&long).unwrap_err().line, 52, "the ninth");
    let charge = "[[charge]]\nwhat = 200\nfixed_egp = \"1\"\n";
    let long = format!("{EGYPT_2024_08}{}", charge.repeat(5));
    assert_eq!(parse(&long).unwrap_err().line, 59, "the sixth");
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
    ] {
        assert_eq!(decimal(text, places), Ok(value), "{text}");
    }
    for text in ["", ".", "5.", ".5", "-5", "+5", "5,0", "1e3", "1_000", " 5", "٥"] {
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
    assert_eq!((tariff.slabs().len(), tariff.charges().len()), (2, 3));
    assert_eq!(tariff.slabs()[0].price, Price(78_125));
}
