//! Days and months of the Gregorian calendar as numbers: day 0 is 2020-01-01, month 0 January 2020.
//!
//! Inside, both are counted from March 2000. With it a cycle of 400 years begins; and in years that begin in March the leap day
//! is the last day, so that the lengths of the months before it never change: 153 days in five, 31, 30, 31, 30, 31.

use crate::units::CardTime;

/// Minutes of a day, as everything in local time counts them.
pub(super) const MINUTES_PER_DAY: i32 = 24 * 60;
const SECONDS_PER_DAY: u32 = 86_400;
/// Months of a year.
pub(super) const MONTHS_PER_YEAR: i32 = 12;

/// Months from March 2000 to month 0.
const MONTHS_BEFORE: i32 = 19 * MONTHS_PER_YEAR + 10;
/// Days from 2000-03-01 to day 0: twenty years with five leap days, without January and February 2020.
const DAYS_BEFORE: i32 = 20 * 365 + 5 - 60;
/// 2020-01-01 was a Wednesday.
const FIRST_WEEKDAY: i32 = 3;

/// Days before a year that begins in March, from that of 2000 (number 0) on.
const fn days_before_year(year: i32) -> i32 {
    365 * year + year / 4 - year / 100 + year / 400
}

/// Number of the first day of a month, from March 2000 on.
pub(super) const fn first_day(month: i32) -> i32 {
    let month = month + MONTHS_BEFORE;
    let (year, month) = (month / MONTHS_PER_YEAR, month % MONTHS_PER_YEAR);
    days_before_year(year) + (153 * month + 2) / 5 - DAYS_BEFORE
}

/// Number of the month that a day is in, from 2000-03-01 to the end of February 2400.
pub(super) const fn month_of(day: i32) -> i32 {
    let day = day + DAYS_BEFORE;
    // Without the leap days before it, each year has 365 days: one in 1461 days is taken away, and one in 36525 given back.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - days_before_year(year);
    year * MONTHS_PER_YEAR + (5 * day_of_year + 2) / 153 - MONTHS_BEFORE
}

/// The month of a time in UTC, in months since January 2020 (0).
pub const fn utc_month(time: CardTime) -> u32 {
    month_of((time.0 / SECONDS_PER_DAY).cast_signed()).cast_unsigned()
}

/// Days of the month with this index (January 2020 is 0): 28 to 31.
pub const fn days_of_month(index: u16) -> u8 {
    (first_day(index as i32 + 1) - first_day(index as i32)) as u8
}

/// Which month of the year the one with this index is: 1 January to 12 December.
pub const fn month_of_year(index: u16) -> u8 {
    (index % 12) as u8 + 1
}

/// Weekday of a day: 0 Sunday to 6 Saturday.
pub(super) fn weekday(day: i32) -> u8 {
    u8::try_from((day + FIRST_WEEKDAY).rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Day by day through the 400 years, with the lengths of months as everybody knows them.
    #[test]
    fn every_day_is_in_its_month() {
        let mut day = -DAYS_BEFORE;
        for month in -MONTHS_BEFORE..400 * MONTHS_PER_YEAR - MONTHS_BEFORE {
            let year = 2020 + month.div_euclid(MONTHS_PER_YEAR);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match 1 + month.rem_euclid(MONTHS_PER_YEAR) {
                2 => 28 + i32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            assert_eq!(first_day(month), day, "month {month}");
            for day in day..day + length {
                assert_eq!(month_of(day), month, "day {day}");
            }
            day += length;
        }
        assert_eq!((first_day(0), month_of(0), weekday(0)), (0, 0, 3));
    }

    #[test]
    fn months_of_a_year() {
        for (index, month, days) in
            [(0, 1, 31), (1, 2, 29), (13, 2, 28), (47, 12, 31), (961, 2, 28), (66, 7, 31), (68, 9, 30)]
        {
            assert_eq!((month_of_year(index), days_of_month(index)), (month, days), "{index}");
        }
        // February 7480, a leap year, and the month of the highest index.
        assert_eq!((days_of_month(65_521), days_of_month(u16::MAX)), (29, 30));
    }

    fn at(unix: u64) -> u32 {
        utc_month(CardTime::from_unix(unix).unwrap())
    }

    #[test]
    fn known_dates() {
        for (unix, month) in [
            (1_577_836_800, 0),   // 2020-01-01T00:00:00Z
            (1_580_515_199, 0),   // 2020-01-31T23:59:59Z
            (1_580_515_200, 1),   // 2020-02-01T00:00:00Z
            (1_582_934_400, 1),   // 2020-02-29T00:00:00Z
            (1_583_020_799, 1),   // 2020-02-29T23:59:59Z
            (1_583_020_800, 2),   // 2020-03-01T00:00:00Z
            (1_609_459_199, 11),  // 2020-12-31T23:59:59Z
            (1_609_459_200, 12),  // 2021-01-01T00:00:00Z
            (1_614_556_799, 13),  // 2021-02-28T23:59:59Z
            (1_614_556_800, 14),  // 2021-03-01T00:00:00Z
            (1_709_164_800, 49),  // 2024-02-29T00:00:00Z
            (4_102_444_799, 959), // 2099-12-31T23:59:59Z
            (4_102_444_800, 960), // 2100-01-01T00:00:00Z
            (4_107_542_399, 961), // 2100-02-28T23:59:59Z; 2100 has no 29 February
            (4_107_542_400, 962), // 2100-03-01T00:00:00Z
        ] {
            assert_eq!(at(unix), month, "{unix}");
        }
        // 2156-02-07T06:28:15Z, the last time of all.
        assert_eq!(utc_month(CardTime(u32::MAX)), 136 * 12 + 1);
    }
}
