//! Identifiers as people write them.

use card_core::id::MeterId;

#[test]
fn a_meter_is_read_and_printed_as_its_number() {
    for number in [0, 17, u64::MAX] {
        let meter = MeterId::from(number);
        assert_eq!((meter.number(), meter.to_string()), (number, number.to_string()));
        assert_eq!(meter.to_string().parse(), Ok(meter));
        assert_eq!(format!("{meter:X}"), format!("{number:016X}"));
        assert_eq!(format!("{meter:?}"), format!("MeterId({number})"));
    }
    assert!("18446744073709551616".parse::<MeterId>().is_err());
}
