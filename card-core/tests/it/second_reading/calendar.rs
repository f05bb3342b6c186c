//! `calendar.json`: local time, months and friendly times (docs/meter.md, section 3).

use card_core::calendar::{Calendar, LocalTime};
use card_core::units::CardTime;
use serde::Deserialize;

use super::vectors::{Hex, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    zones: Vec<Zone>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Zone {
    name: String,
    plaintext: Hex,
    month_begins: Vec<Begin>,
    instants: Vec<Instant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    month: u16,
    time: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instant {
    time: u32,
    utc_offset: i64,
    day: u16,
    minute: u16,
    weekday: u8,
    month: u16,
    friendly: bool,
}

/// All zones with their names.
fn zones() -> impl Iterator<Item = (Zone, Calendar)> {
    read::<Vectors>("calendar").zones.into_iter().map(|zone| {
        let calendar = Calendar::parse(&zone.plaintext.0).unwrap();
        (zone, calendar)
    })
}

#[test]
fn months_begin() {
    let mut total = 0;
    for (zone, calendar) in zones() {
        for Begin { month, time } in &zone.month_begins {
            let begins = calendar.month_begins(*month);
            assert_eq!(begins, time.map(CardTime), "{}: month {month}", zone.name);
            let Some(begins) = begins else { continue };
            assert_eq!(calendar.month_index(begins), *month, "{}: month {month}", zone.name);
            if let Some(before) = begins.0.checked_sub(1) {
                assert_eq!(
                    calendar.month_index(CardTime(before)),
                    *month - 1,
                    "{}: month {month}",
                    zone.name
                );
            }
            total += 1;
        }
    }
    assert!(total >= 15 * 60, "{total}");
}

#[test]
fn local_times() {
    let (mut total, mut friendly) = (0, 0);
    for (zone, calendar) in zones() {
        for instant in &zone.instants {
            let name = format!("{} at {}", zone.name, instant.time);
            let time = CardTime(instant.time);
            let local = calendar.local(time);
            let Instant { day, minute, weekday, .. } = *instant;
            assert_eq!(local, LocalTime { day, minute, weekday }, "{name}");
            // What is added to UTC, but where local time is cut off.
            let added = 1440 * i64::from(day) + i64::from(minute) - i64::from(instant.time / 60);
            let cut_off = (day, minute) == (0, 0) && added > instant.utc_offset;
            assert!(cut_off || added == instant.utc_offset, "{name}: {added}");
            assert_eq!(calendar.month_index(time), instant.month, "{name}");
            assert_eq!(calendar.is_friendly(time), instant.friendly, "{name}");
            total += 1;
            friendly += usize::from(instant.friendly);
        }
    }
    assert!(total >= 3000 && friendly >= 1000, "{total} {friendly}");
}

#[test]
fn what_holds_before_the_first_mail() {
    let cairo = zones().find(|(zone, _)| zone.name == "Cairo").unwrap().1;
    assert_eq!(cairo, Calendar::EGYPT);
}
