//! Times as a meter's display shows them: in the local time of its calendar.

use card_core::calendar::Calendar;
use card_core::units::CardTime;
pub(crate) use card_ledger::end_of_day;
use jiff::ToSpan;
use jiff::civil::{Date, date};

/// A time in the meter's local time, to the minute.
pub(crate) fn time(calendar: &Calendar, time: CardTime) -> String {
    if time == CardTime::UNSET {
        return "not set".to_owned();
    }
    let local = calendar.local(time);
    match day(local.day) {
        Some(day) => format!("{day} {:02}:{:02}", local.minute / 60, local.minute % 60),
        None => "out of range".to_owned(),
    }
}

/// The last minute before a time: what ends with a day is told by that day, not by the midnight after it.
pub(crate) fn last_minute(calendar: &Calendar, end: CardTime) -> String {
    time(calendar, CardTime(end.0.saturating_sub(1)))
}

/// A month by its index: 2026-11.
pub(crate) fn month(index: u16) -> String {
    format!("{}-{:02}", 2020 + index / 12, index % 12 + 1)
}

/// The index of a month that is written like that.
pub(crate) fn month_index(text: &str) -> Option<u16> {
    let (year, month) = text.split_once('-')?;
    let (year, month) = (year.parse::<u16>().ok()?, month.parse::<u16>().ok()?);
    let years = year.checked_sub(2020).filter(|years| *years < 1000)?;
    (1..=12).contains(&month).then(|| years * 12 + month - 1)
}

/// A date by its local day.
pub(crate) fn day(day: u16) -> Option<Date> {
    date(2020, 1, 1).checked_add(i64::from(day).days()).ok()
}

/// The local day of a date that is written 2026-11-22.
pub(crate) fn day_number(text: &str) -> Option<u16> {
    let found: Date = text.parse().ok()?;
    let days = date(2020, 1, 1).until(found).ok()?.get_days();
    u16::try_from(days).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    #[test]
    fn the_end_of_a_day_is_told_by_that_day() {
        let calendar = Calendar::EGYPT;
        for text in ["2027-02-01", "2027-02-28", "2027-04-29", "2027-04-30", "2027-10-28", "2027-12-31"] {
            let end = end_of_day(&calendar, day_number(text).unwrap());
            assert_eq!(last_minute(&calendar, end), format!("{text} 23:59"));
        }
        assert_eq!(last_minute(&calendar, CardTime::UNSET), "not set");
    }
}
