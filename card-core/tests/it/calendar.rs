//! Calendars: the bytes and each rule of them, friendly times, and months that begin while local time changes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::calendar::*;
use card_core::units::CardTime;
use hex_literal::hex;

/// The defaults of section 7.2, written down from its table.
const EGYPT: [u8; 20] = hex!("01 0078 3C 04 05 05 0000 0A 05 04 05A0 03FC 0258 20 00");

/// An instant, as `2024-01-09T16:59:00+02`.
fn at(text: &str) -> CardTime {
    let stamp: jiff::Timestamp = text.parse().unwrap();
    CardTime::from_unix(stamp.as_second().try_into().unwrap()).unwrap()
}

/// Cairo with other friendly times.
fn friendly(from: u16, until: u16, rest_days: u8, holidays: &[Holiday]) -> Calendar {
    Calendar::new(*Calendar::EGYPT.zone(), from, until, rest_days, holidays).unwrap()
}

/// A zone at UTC with one hour of summer, and no friendly times.
fn summer(begin: Change, end: Change) -> Calendar {
    Calendar::new(Zone { standard: 0, summer: 60, begin, end }, 0, 0, 0, &[]).unwrap()
}

fn change(month: u8, week: u8, weekday: u8, minute: u16) -> Change {
    Change { month, week, weekday, minute }
}

#[test]
fn the_defaults_are_those_of_the_specification() {
    assert_eq!(Calendar::EGYPT.emit().as_slice(), EGYPT);
    assert_eq!(Calendar::parse(&EGYPT), Ok(Calendar::EGYPT));
    let zone = Zone { standard: 120, summer: 60, begin: change(4, 5, 5, 0), end: change(10, 5, 4, 1440) };
    assert_eq!(Calendar::new(zone, 1020, 600, 0x20, &[]), Ok(Calendar::EGYPT));
    let calendar = Calendar::EGYPT;
    assert_eq!((calendar.friendly_from(), calendar.friendly_until()), (1020, 600));
    assert_eq!((calendar.rest_days(), calendar.holidays()), (0x20, &[][..]));
}

#[test]
fn the_longest_calendar_and_a_zone_west_of_greenwich_without_summer() {
    let holidays: Vec<_> = (0..32).map(|n| Holiday { first: 0x0800 + n, days: 255 }).collect();
    let zone = Zone { standard: -210, summer: 0, begin: Change::NONE, end: Change::NONE };
    let calendar = Calendar::new(zone, 0, 1439, 0x7F, &holidays).unwrap();
    let bytes = calendar.emit();
    assert_eq!(bytes.len(), Calendar::MAX);
    assert_eq!(
        bytes.as_slice()[..26],
        hex!("01 FF2E 00 0000000000 0000000000 0000 059F 7F 20 0800FF 0801FF")
    );
    assert_eq!(Calendar::parse(bytes.as_slice()), Ok(calendar));
    assert_eq!(calendar.holidays(), holidays);
}

#[test]
fn each_rule_names_its_field() {
    use CalendarError as E;
    use Edge::{Begin, End};
    for (offset, bytes, error) in [
        (0, &hex!("00")[..], E::Format),
        (0, &hex!("02"), E::Format),
        (1, &hex!("05A1"), E::Standard),
        (1, &hex!("FA5F"), E::Standard),
        (1, &hex!("8000"), E::Standard),
        (3, &hex!("79"), E::Summer),
        (3, &hex!("00"), E::WithoutSummer(Begin)),
        (3, &hex!("00 0000000000"), E::WithoutSummer(End)),
        (4, &hex!("00"), E::Month(Begin)),
        (4, &hex!("0D"), E::Month(Begin)),
        (5, &hex!("00"), E::Week(Begin)),
        (5, &hex!("06"), E::Week(Begin)),
        (6, &hex!("07"), E::Weekday(Begin)),
        (7, &hex!("2761"), E::Minute(Begin)),
        (9, &hex!("00"), E::Month(End)),
        (9, &hex!("0D"), E::Month(End)),
        (10, &hex!("00"), E::Week(End)),
        (10, &hex!("06"), E::Week(End)),
        (11, &hex!("07"), E::Weekday(End)),
        (12, &hex!("2761"), E::Minute(End)),
        (9, &hex!("0405050000"), E::SameChange),
        (14, &hex!("05A0"), E::FriendlyFrom),
        (16, &hex!("05A0"), E::FriendlyUntil),
        (18, &hex!("A0"), E::RestDays),
        (19, &hex!("21"), E::HolidayCount),
        (19, &hex!("01"), E::Length),
        (19, &hex!("00 00"), E::Length),
        (19, &hex!("01 0900 00"), E::HolidayDays(1)),
        (19, &hex!("02 0900 01 0901 00"), E::HolidayDays(2)),
        (19, &hex!("02 0900 01 0900 02"), E::HolidayFirst(2)),
        (19, &hex!("03 0900 01 0902 01 0901 01"), E::HolidayFirst(3)),
    ] {
        let mut changed = EGYPT.to_vec();
        changed.resize(changed.len().max(offset + bytes.len()), 0);
        changed[offset..offset + bytes.len()].copy_from_slice(bytes);
        assert_eq!(Calendar::parse(&changed), Err(error), "{bytes:02X?} at {offset}");
    }
    for length in 0..EGYPT.len() {
        assert_eq!(Calendar::parse(&EGYPT[..length]), Err(E::Length), "{length}");
    }
    let many = [Holiday { first: 0, days: 1 }; 33];
    assert_eq!(Calendar::new(*Calendar::EGYPT.zone(), 0, 0, 0, &many), Err(E::HolidayCount));
    assert_eq!(E::Week(End).to_string(), "week of the end of summer: it is 1 to 4, or 5 for the last one");
}

/// The last values that are allowed, and no more of them than one differs between beginning and end.
#[test]
fn the_limits_themselves_are_allowed() {
    for (offset, bytes) in [
        (1, &hex!("05A0")[..]),
        (1, &hex!("FA60")),
        (3, &hex!("78")),
        (3, &hex!("00 0000000000 0000000000")),
        (3, &hex!("01")),
        (4, &hex!("01 01 00 2760 0C 05 06 2760")),
        (9, &hex!("0405050001")),
        (9, &hex!("0405040000")),
        (9, &hex!("0404050000")),
        (9, &hex!("0305050000")),
        (14, &hex!("0000 059F")),
        (14, &hex!("059F 0000")),
        (18, &hex!("7F")),
        (18, &hex!("00")),
    ] {
        let mut changed = EGYPT;
        changed[offset..offset + bytes.len()].copy_from_slice(bytes);
        let calendar = Calendar::parse(&changed).unwrap();
        assert_eq!(calendar.emit().as_slice(), changed);
    }
}

#[test]
fn local_time_of_cairo() {
    let local = |text| {
        let LocalTime { day, minute, weekday } = Calendar::EGYPT.local(at(text));
        (day, minute, weekday)
    };
    assert_eq!(local("2020-01-01T00:00:59Z"), (0, 120, 3));
    // 2024-04-26 and 2024-10-31, days 1577 and 1765.
    assert_eq!(local("2024-04-25T21:59:59Z"), (1576, 1439, 4));
    assert_eq!(local("2024-04-25T22:00:00Z"), (1577, 60, 5));
    assert_eq!(local("2024-10-31T20:59:59Z"), (1765, 1439, 4));
    assert_eq!(local("2024-10-31T21:00:00Z"), (1765, 1380, 4));
    assert_eq!(Calendar::EGYPT.local(CardTime(u32::MAX)).day, 49_710);
}

#[test]
fn local_time_begins_with_2020() {
    let zone = Zone { standard: -300, summer: 0, begin: Change::NONE, end: Change::NONE };
    let calendar = Calendar::new(zone, 0, 0, 0, &[]).unwrap();
    let first = LocalTime { day: 0, minute: 0, weekday: 3 };
    for seconds in [0, 1, 299 * 60, 300 * 60 + 59] {
        assert_eq!(calendar.local(CardTime(seconds)), first);
        assert_eq!(calendar.month_index(CardTime(seconds)), 0);
    }
    assert_eq!(calendar.local(CardTime(301 * 60)), LocalTime { minute: 1, ..first });
    assert_eq!(calendar.month_begins(0), Some(CardTime(0)));
}

/// Summer that ends at midnight puts the first of November 2024 off; the one that ends half an hour later does not.
#[test]
fn a_month_begins_once_though_its_midnight_comes_twice() {
    let egypt = Calendar::EGYPT;
    let november = 4 * 12 + 10;
    assert_eq!(egypt.month_begins(november), Some(at("2024-11-01T00:00:00+02")));
    assert_eq!(egypt.month_index(at("2024-10-31T23:59:59+03")), november - 1);

    let later = summer(change(4, 5, 5, 0), change(10, 5, 4, 1470));
    assert_eq!(later.month_begins(november), Some(at("2024-11-01T00:00:00+01")));
    assert_eq!(later.month_index(at("2024-11-01T00:29:59+01")), november);
    // From here the last half hour of October comes back, for the clock on the wall but not for the bill.
    assert_eq!(later.local(at("2024-11-01T00:30:00+01")), LocalTime { day: 1765, minute: 1410, weekday: 4 });
    assert_eq!(later.month_index(at("2024-11-01T00:30:00+01")), november);
    assert_eq!(later.month_index(at("2024-10-31T23:59:59+00")), november);
    assert_eq!(later.month_index(at("2024-11-01T00:00:00+00")), november);
}

#[test]
fn a_month_begins_though_its_midnight_never_comes() {
    let march = 4 * 12 + 2;
    // At midnight, and half an hour before it: February 2024 ends on a Thursday.
    let at_midnight = summer(change(2, 5, 4, 1440), change(10, 5, 4, 0));
    assert_eq!(at_midnight.month_begins(march), Some(at("2024-03-01T00:00:00Z")));
    assert_eq!(at_midnight.local(at("2024-03-01T00:00:00Z")).minute, 60);
    let before = summer(change(2, 5, 4, 1410), change(10, 5, 4, 0));
    assert_eq!(before.month_begins(march), Some(at("2024-02-29T23:30:00Z")));
    assert_eq!(before.local(at("2024-02-29T23:30:00Z")).minute, 30);
}

#[test]
fn changes_may_be_days_after_their_weekday() {
    // From the week after the last Sunday of December (2023: the 31st) to the last Sunday of June, 02:00.
    let calendar = summer(change(12, 5, 0, 10_080), change(6, 5, 0, 120));
    let minute = |text| calendar.local(at(text)).minute;
    assert_eq!(minute("2023-12-31T12:00:00Z"), 720);
    assert_eq!(minute("2024-01-06T23:59:00Z"), 1439);
    assert_eq!(minute("2024-01-07T00:00:00Z"), 60);
    assert_eq!(minute("2024-06-30T00:59:00Z"), 119);
    assert_eq!(minute("2024-06-30T01:00:00Z"), 60);
}

/// Summer that ends as 2024 begins does so in the last hour of 2023: it falls in the year that it sends local time back from.
#[test]
fn a_change_at_the_turn_of_the_year() {
    let calendar = summer(change(6, 1, 0, 0), change(1, 1, 1, 0));
    let minute = |text| calendar.local(at(text)).minute;
    assert_eq!(minute("2023-12-31T22:59:00Z"), 1439);
    assert_eq!(minute("2023-12-31T23:00:00Z"), 1380);
    assert_eq!(minute("2024-01-01T00:00:00Z"), 0);
}

/// An end that waits for the next year, after that year's beginning: the last end is then the one of two years before.
#[test]
fn a_summer_of_a_few_days_or_of_more_than_a_year() {
    let calendar = summer(change(1, 1, 3, 0), change(12, 5, 6, 10_080));
    let minute = |text| calendar.local(at(text)).minute;
    // From 2022-01-05 to 2023-01-07, and from 2024-01-03 to 2024-01-06.
    assert_eq!(minute("2022-01-04T12:00:00Z"), 720);
    assert_eq!(minute("2022-01-05T12:00:00Z"), 780);
    assert_eq!(minute("2023-01-06T12:00:00Z"), 780);
    assert_eq!(minute("2023-01-07T12:00:00Z"), 720);
    assert_eq!(minute("2024-01-02T12:00:00Z"), 720);
    assert_eq!(minute("2024-01-03T12:00:00Z"), 780);
    assert_eq!(minute("2024-01-06T12:00:00Z"), 720);
}

/// From 00:00 in standard time to 01:00 in summer time is nothing: it is summer until the next end, which is none.
#[test]
fn of_two_changes_at_once_the_beginning_counts() {
    let calendar = summer(change(4, 5, 5, 0), change(4, 5, 5, 60));
    for text in ["2024-04-26T00:00:00Z", "2024-07-01T00:00:00Z", "2025-01-01T00:00:00Z"] {
        assert_eq!(calendar.local(at(text)).minute, 60, "{text}");
    }
}

#[test]
fn card_time_has_a_last_month() {
    assert_eq!(Calendar::EGYPT.month_index(CardTime(u32::MAX)), 136 * 12 + 1);
    assert_eq!(Calendar::EGYPT.month_begins(136 * 12 + 1), Some(at("2156-02-01T00:00:00+02")));
    for index in [136 * 12 + 2, 19_000, 40_000, u16::MAX] {
        assert_eq!(Calendar::EGYPT.month_begins(index), None);
    }
}

#[test]
fn friendly_from_the_afternoon_to_the_morning() {
    for (text, friendly) in [
        ("2024-01-09T09:59:59+02", true),
        ("2024-01-09T10:00:00+02", false),
        ("2024-01-09T16:59:59+02", false),
        ("2024-01-09T17:00:00+02", true),
        ("2024-01-10T00:00:00+02", true),
        // Friday begins on Thursday's evening and ends with Saturday's morning, all of it friendly.
        ("2024-01-11T16:59:59+02", false),
        ("2024-01-12T12:00:00+02", true),
        ("2024-01-13T09:59:59+02", true),
        ("2024-01-13T10:00:00+02", false),
        ("2024-07-09T16:59:59+03", false),
        ("2024-07-09T17:00:00+03", true),
    ] {
        assert_eq!(Calendar::EGYPT.is_friendly(at(text)), friendly, "{text}");
    }
}

#[test]
fn friendly_within_a_day_and_never() {
    let noon = friendly(720, 780, 0, &[]);
    for (text, friendly) in [
        ("2024-01-12T00:00:00+02", false),
        ("2024-01-12T11:59:59+02", false),
        ("2024-01-12T12:00:00+02", true),
        ("2024-01-12T12:59:59+02", true),
        ("2024-01-12T13:00:00+02", false),
    ] {
        assert_eq!(noon.is_friendly(at(text)), friendly, "{text}");
    }
    let never = friendly(720, 720, 0, &[]);
    for hour in 0..24 {
        assert!(!never.is_friendly(at(&format!("2024-01-12T{hour:02}:00:00+02"))));
    }
}

#[test]
fn rest_days_and_holidays_are_local_days() {
    // 2024-01-07 is a Sunday.
    for weekday in 0..7 {
        let rest = friendly(0, 0, 1 << weekday, &[]);
        for day in 0..7 {
            let text = format!("2024-01-{:02}T00:00:00+02", 7 + day);
            assert_eq!(rest.is_friendly(at(&text)), day == weekday, "{text}");
        }
    }
    // 2024-01-07 is day 1467, and 2024-04-10 day 1561: the holidays of three days then begin in winter's offset.
    let holidays = [Holiday { first: 1467, days: 1 }, Holiday { first: 1561, days: 3 }];
    let calendar = friendly(0, 0, 0, &holidays);
    for (text, friendly) in [
        ("2024-01-06T23:59:59+02", false),
        ("2024-01-07T00:00:00+02", true),
        ("2024-01-07T23:59:59+02", true),
        ("2024-01-08T00:00:00+02", false),
        ("2024-04-09T23:59:59+02", false),
        ("2024-04-10T00:00:00+02", true),
        ("2024-04-12T23:59:59+02", true),
        ("2024-04-13T00:00:00+02", false),
    ] {
        assert_eq!(calendar.is_friendly(at(text)), friendly, "{text}");
    }
    // Days beyond the last number are not the first ones again.
    let last = friendly(0, 0, 0, &[Holiday { first: u16::MAX, days: 255 }]);
    assert!(!last.is_friendly(CardTime(0)) && !last.is_friendly(CardTime(u32::MAX)));
}

/// Day by day until the last one of card time.
#[test]
fn every_day_has_its_date() {
    let mut date = jiff::civil::date(2020, 1, 1);
    for day in 0..=u16::try_from(u32::MAX / 86_400).unwrap() {
        let of = LocalTime { day, minute: 0, weekday: 0 }.date();
        assert_eq!((of.year as i16, of.month as i8, of.day as i8), (date.year(), date.month(), date.day()));
        date = date.tomorrow().unwrap();
    }
    assert_eq!((date.year(), date.month(), date.day()), (2156, 2, 8));
}
