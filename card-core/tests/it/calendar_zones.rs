//! Local time and months against two others: the time zone database, for zones as they are; and a list of all changes, searched
//! minute by minute, for any zone that the bytes can say.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::calendar::*;
use card_core::units::CardTime;
use jiff::Timestamp;
use jiff::civil::{Date, Weekday, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use proptest::prelude::*;

const DAY: i32 = 1440;

fn change((month, week, weekday, minute): (u8, u8, u8, u16)) -> Change {
    Change { month, week, weekday, minute }
}

fn with_summer(standard: i16, summer: u8, begin: (u8, u8, u8, u16), end: (u8, u8, u8, u16)) -> Calendar {
    let zone = Zone { standard, summer, begin: change(begin), end: change(end) };
    Calendar::new(zone, 0, 0, 0, &[]).unwrap()
}

fn without_summer(standard: i16) -> Calendar {
    let zone = Zone { standard, summer: 0, begin: Change::NONE, end: Change::NONE };
    Calendar::new(zone, 0, 0, 0, &[]).unwrap()
}

/// Zones of the database that `Cargo.lock` names, as data: each as it is from 2024 on.
fn zones() -> Vec<(TimeZone, Calendar)> {
    [
        ("Africa/Cairo", Calendar::EGYPT),
        ("Europe/London", with_summer(0, 60, (3, 5, 0, 60), (10, 5, 0, 120))),
        ("America/New_York", with_summer(-300, 60, (3, 2, 0, 120), (11, 1, 0, 120))),
        // Summer spans the new year.
        ("America/Santiago", with_summer(-240, 60, (9, 1, 6, 1440), (4, 1, 6, 1440))),
        ("Australia/Sydney", with_summer(600, 60, (10, 1, 0, 120), (4, 1, 0, 180))),
        // Half an hour, and two hours.
        ("Australia/Lord_Howe", with_summer(630, 30, (10, 1, 0, 120), (4, 1, 0, 120))),
        ("Antarctica/Troll", with_summer(0, 120, (3, 5, 0, 60), (10, 5, 0, 180))),
        // 02:00 on the day after a Thursday.
        ("Asia/Jerusalem", with_summer(120, 60, (3, 4, 4, 1560), (10, 5, 0, 120))),
        // Midnight is skipped in spring, and comes twice in autumn.
        ("Asia/Beirut", with_summer(120, 60, (3, 5, 0, 0), (10, 5, 0, 0))),
        ("Asia/Kolkata", without_summer(330)),
    ]
    .map(|(name, calendar)| (TimeZoneDatabase::bundled().get(name).unwrap(), calendar))
    .into()
}

fn day_number(date: Date) -> i32 {
    Date::constant(2020, 1, 1).until(date).unwrap().get_days()
}

/// Card time of an instant, at most two days away from another one.
fn card_time(stamp: Timestamp, seconds: i64) -> CardTime {
    CardTime::from_unix((stamp.as_second() + seconds).try_into().unwrap()).unwrap()
}

fn agrees(zone: &TimeZone, calendar: &Calendar, time: CardTime) {
    let theirs = zone.to_datetime(Timestamp::from_second(time.to_unix().try_into().unwrap()).unwrap());
    let ours = calendar.local(time);
    let at = format!("{} {theirs}", zone.iana_name().unwrap());
    assert_eq!(i32::from(ours.day), day_number(theirs.date()), "{at}");
    assert_eq!(i32::from(ours.minute), i32::from(theirs.hour()) * 60 + i32::from(theirs.minute()), "{at}");
    assert_eq!(i32::from(ours.weekday), i32::from(theirs.weekday().to_sunday_zero_offset()), "{at}");
    let month = (i32::from(theirs.year()) - 2020) * 12 + i32::from(theirs.month()) - 1;
    assert_eq!(i32::from(calendar.month_index(time)), month, "{at}");
}

/// Whole days around, hours, a minute and a second.
const AROUND: [i64; 11] = [-172_800, -86_400, -7200, -3600, -60, -1, 0, 1, 3600, 7200, 86_400];

#[test]
fn every_transition_from_2024_to_2099() {
    let begin: Timestamp = "2024-01-01T00:00:00Z".parse().unwrap();
    let end: Timestamp = "2100-01-01T00:00:00Z".parse().unwrap();
    for (zone, calendar) in zones() {
        let transitions: Vec<_> =
            zone.following(begin).map(|t| t.timestamp()).take_while(|stamp| *stamp < end).collect();
        let expected = if calendar.zone().summer == 0 { 0 } else { 2 * 76 };
        assert_eq!(transitions.len(), expected, "{zone:?}");
        for stamp in transitions {
            for seconds in AROUND {
                agrees(&zone, &calendar, card_time(stamp, seconds));
            }
        }
    }
}

#[test]
fn every_month_from_2024_to_2099() {
    for (zone, calendar) in zones() {
        for index in 4 * 12..80 * 12 {
            let first = date(2020 + index / 12, i8::try_from(1 + index % 12).unwrap(), 1);
            let stamp = first.to_zoned(zone.clone()).unwrap().start_of_day().unwrap().timestamp();
            let index = index.try_into().unwrap();
            assert_eq!(calendar.month_begins(index), Some(card_time(stamp, 0)), "{zone:?} {first}");
            for seconds in AROUND {
                agrees(&zone, &calendar, card_time(stamp, seconds));
            }
        }
    }
}

/// Any zone: offsets of all kinds; changes that are often at a midnight, and often at the turn of a month or of the year.
fn any_zone() -> impl Strategy<Value = Zone> {
    fn any_change() -> impl Strategy<Value = Change> {
        let minute = prop_oneof![
            0..=10_080_u16,
            (0..=7_u16, 0..=240_u16)
                .prop_map(|(days, around)| { (days * 1440 + around).saturating_sub(120).min(10_080) }),
            (0..=7_u16).prop_map(|days| days * 1440),
        ];
        let month = prop_oneof![2 => 1..=12_u8, 1 => Just(1), 1 => Just(12)];
        (month, prop_oneof![1..=5_u8, Just(1), Just(5)], 0..=6_u8, minute)
            .prop_map(|(month, week, weekday, minute)| Change { month, week, weekday, minute })
    }
    let standard = prop_oneof![-1440..=1440_i16, (-24..=24_i16).prop_map(|hours| hours * 60)];
    let summer = prop_oneof![4 => 1..=120_u8, 4 => Just(60), 1 => Just(0)];
    (standard, summer, any_change(), any_change())
        .prop_map(|(standard, summer, begin, end)| match summer {
            0 => Zone { standard, summer, begin: Change::NONE, end: Change::NONE },
            _ => Zone { standard, summer, begin, end },
        })
        .prop_filter("a beginning that is the end", |zone| zone.summer == 0 || zone.begin != zone.end)
}

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let holidays = prop::collection::btree_map(any::<u16>(), 1..=u8::MAX, 0..=32);
    (any_zone(), 0..1440_u16, 0..1440_u16, 0..=0x7F_u8, holidays).prop_map(
        |(zone, from, until, rest, days)| {
            let holidays: Vec<_> = days.into_iter().map(|(first, days)| Holiday { first, days }).collect();
            Calendar::new(zone, from, until, rest, &holidays).unwrap()
        },
    )
}

/// All changes of a zone that card time can see, in their order: the minute, and whether it is summer from then on. Of two at
/// the same minute the beginning is the later one.
struct Changes {
    zone: Zone,
    changes: Vec<(i32, bool)>,
}

impl Changes {
    fn of(zone: Zone) -> Self {
        let minute = |year, change: Change| {
            let month = date(year, change.month.try_into().unwrap(), 1);
            let nth = if change.week == 5 { -1 } else { change.week.try_into().unwrap() };
            let weekday = Weekday::from_sunday_zero_offset(change.weekday.try_into().unwrap()).unwrap();
            day_number(month.nth_weekday_of_month(nth, weekday).unwrap()) * DAY + i32::from(change.minute)
                - i32::from(zone.standard)
        };
        let mut changes = Vec::new();
        if zone.summer != 0 {
            for year in 2017..2159 {
                changes.push((minute(year, zone.begin), true));
                changes.push((minute(year, zone.end) - i32::from(zone.summer), false));
            }
        }
        changes.sort();
        Self { zone, changes }
    }

    fn local(&self, utc: i32) -> i32 {
        let before = self.changes.partition_point(|(minute, _)| *minute <= utc);
        let summer = before > 0 && self.changes[before - 1].1;
        utc + i32::from(self.zone.standard) + if summer { i32::from(self.zone.summer) } else { 0 }
    }
}

fn check_local(calendar: &Calendar, changes: &Changes, utc: i32) -> Result<(), TestCaseError> {
    for second in [0, 59] {
        let Some(time) = u32::try_from(utc).ok().and_then(|utc| utc.checked_mul(60)?.checked_add(second))
        else {
            continue;
        };
        let ours = calendar.local(CardTime(time));
        let minute = i32::from(ours.day) * DAY + i32::from(ours.minute);
        prop_assert_eq!(minute, changes.local(utc).max(0), "minute {}", utc);
        prop_assert_eq!((i32::from(ours.day) + 3) % 7, i32::from(ours.weekday));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_instant_to_2099(which in 0..10_usize, seconds in prop::collection::vec(126_230_400..2_524_608_000_u32, 20)) {
        let (zone, calendar) = &zones()[which];
        for seconds in seconds {
            agrees(zone, calendar, CardTime(seconds));
        }
    }

    #[test]
    fn any_zone_by_its_list_of_changes(zone in any_zone(), minutes in prop::collection::vec(0..=u32::MAX / 60, 50)) {
        let calendar = Calendar::new(zone, 0, 0, 0, &[]).unwrap();
        let changes = Changes::of(zone);
        for minute in minutes {
            check_local(&calendar, &changes, minute.cast_signed())?;
        }
        for (minute, _) in &changes.changes {
            for around in [-120, -60, -1, 0, 1, 60, 120] {
                check_local(&calendar, &changes, minute + around)?;
            }
        }
    }

    /// The months of one year, each searched for minute by minute in the time in which it can begin.
    #[test]
    fn a_month_begins_with_its_first_minute(zone in any_zone(), year in 0..=136_i16) {
        let calendar = Calendar::new(zone, 0, 0, 0, &[]).unwrap();
        let changes = Changes::of(zone);
        for month in 1..=12 {
            let index = u16::try_from(year * 12 + i16::from(month) - 1).unwrap();
            let midnight = day_number(date(2020 + year, month, 1)) * DAY;
            let first = (midnight - 1600..=midnight + 1440).find(|utc| changes.local(*utc) >= midnight).unwrap();
            let first = if index == 0 { 0 } else { first };
            let expected = u32::try_from(first).unwrap().checked_mul(60).map(CardTime);
            prop_assert_eq!(calendar.month_begins(index), expected, "month {}", index);
            let Some(CardTime(begins)) = expected else { continue };
            prop_assert_eq!(calendar.month_index(CardTime(begins)), index);
            // Also where local time then goes back.
            for after in (0..10_080).step_by(15).filter_map(|minutes| begins.checked_add(minutes * 60)) {
                prop_assert_eq!(calendar.month_index(CardTime(after)), index);
            }
            for before in [1, 60, 3600, 7200, 86_400].into_iter().filter_map(|s| begins.checked_sub(s)) {
                prop_assert!(calendar.month_index(CardTime(before)) < index);
            }
        }
    }

    #[test]
    fn bytes_and_back(calendar in any_calendar()) {
        prop_assert_eq!(Calendar::parse(calendar.emit().as_slice()), Ok(calendar));
    }

    /// One encoding: what is accepted comes back as it was, and no bytes make it panic.
    #[test]
    fn accepted_bytes_come_back(calendar in any_calendar(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = calendar.emit().as_slice().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(changed) = Calendar::parse(&bytes) {
            let emitted = changed.emit();
            prop_assert_eq!(emitted.as_slice(), bytes);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..130), time in any::<u32>(), index in any::<u16>()) {
        if let Ok(calendar) = Calendar::parse(&bytes) {
            let _ = (calendar.is_friendly(CardTime(time)), calendar.month_begins(index));
            let emitted = calendar.emit();
            prop_assert_eq!(emitted.as_slice(), bytes);
        }
    }
}
