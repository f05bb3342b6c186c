//! The month of an entry: tables of entries are cut by it (docs/ledger.md, section 4).

use card_core::units::CardTime;

/// Seconds of a day.
const DAY: u32 = 86_400;
/// Days from 0000-03-01 to 2020-01-01. Years that begin in March have their leap day at the end.
const TO_2020: u32 = 737_730;
/// Days of 400, 100 and 4 years, and of one.
const ERA: u32 = 146_097;

/// Months since January 2020, UTC, in the calendar of Gregory. January 2020 is 0.
pub(super) const fn month_of(time: CardTime) -> u32 {
    let days = TO_2020 + time.0 / DAY;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Of the year that begins in March: five months have 153 days, as often as one needs.
    let month = (5 * day + 2) / 153;
    let months = (era * 400 + year) * 12 + month;
    // March of year 0 is month 2 of it.
    months + 2 - 2020 * 12
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    fn at(unix: u64) -> u32 {
        month_of(CardTime::from_unix(unix).unwrap())
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
        assert_eq!(month_of(CardTime(u32::MAX)), 136 * 12 + 1);
    }

    #[test]
    fn every_day_counted_one_by_one() {
        let (mut year, mut month, mut day) = (2020_u32, 0_u32, 0_u32);
        for days in 0..=u32::MAX / DAY {
            assert_eq!(month_of(CardTime(days * DAY)), (year - 2020) * 12 + month, "{days}");
            let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
            let length = match month {
                1 => 28 + u32::from(leap),
                3 | 5 | 8 | 10 => 30,
                _ => 31,
            };
            day += 1;
            if day == length {
                (day, month) = (0, month + 1);
            }
            if month == 12 {
                (month, year) = (0, year + 1);
            }
        }
    }
}
