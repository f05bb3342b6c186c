//! Zones: the offset of local time from UTC, and when summer changes it.
//!
//! All instants here are minutes of card time, `i32`: every rule counts in minutes, card time has 71 million of them, and 32 bits are
//! cheap for a small processor.

use super::CalendarError;
use super::civil::{self, MINUTES_PER_DAY, MONTHS_PER_YEAR};
use core::fmt;

/// The last minute of card time.
const LAST_MINUTE: i32 = (u32::MAX / 60).cast_signed();

const MAX_STANDARD: u16 = 1440;
const MAX_SUMMER: u8 = 120;
/// Seven days. More than 24:00 says "the day after the second Friday", which need not be the second Saturday.
const MAX_MINUTE: u16 = 10_080;
/// The week that means the last one.
const LAST_WEEK: u8 = 5;

/// How local time follows from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone {
    /// Standard offset in minutes, -1440 to 1440; east of Greenwich it is above 0.
    pub standard: i16,
    /// What summer adds to it in minutes, 0 to 120; 0: there is no summer.
    pub summer: u8,
    /// When summer begins, in standard time; [`Change::NONE`] without a summer.
    pub begin: Change,
    /// When summer ends, in summer time; [`Change::NONE`] without a summer.
    pub end: Change,
}

/// When local time changes, each year: on a weekday of a month, in the local time in force just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Change {
    /// 1 to 12.
    pub month: u8,
    /// Which such weekday of the month: 1 to 4 the first to the fourth, 5 the last.
    pub week: u8,
    /// 0 Sunday to 6 Saturday.
    pub weekday: u8,
    /// Minutes after the midnight with which that day begins, 0 to 10080: 1440 is 24:00, more is a later day.
    pub minute: u16,
}

/// Which of the two changes of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// From standard to summer time.
    Begin,
    /// From summer to standard time.
    End,
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Begin => "beginning of summer",
            Self::End => "end of summer",
        })
    }
}

impl Change {
    /// What stands for both changes where there is no summer.
    pub const NONE: Self = Self { month: 0, week: 0, weekday: 0, minute: 0 };

    fn check(&self, edge: Edge) -> Result<(), CalendarError> {
        if !(1..=12).contains(&self.month) {
            return Err(CalendarError::Month(edge));
        }
        if !(1..=LAST_WEEK).contains(&self.week) {
            return Err(CalendarError::Week(edge));
        }
        if self.weekday > 6 {
            return Err(CalendarError::Weekday(edge));
        }
        if self.minute > MAX_MINUTE {
            return Err(CalendarError::Minute(edge));
        }
        Ok(())
    }

    /// The local time, in minutes, of the change that belongs to a year; years count from 2020.
    fn local(&self, year: i32) -> i32 {
        let month = year * MONTHS_PER_YEAR + i32::from(self.month) - 1;
        let (first, next) = (civil::first_day(month), civil::first_day(month + 1));
        let to_weekday = (i32::from(self.weekday) - i32::from(civil::weekday(first))).rem_euclid(7);
        let nth = |week: u8| first + to_weekday + 7 * (i32::from(week) - 1);
        // A month has four or five of each weekday: the last one is the fifth where that is still in the month.
        let day = if self.week == LAST_WEEK && nth(LAST_WEEK) >= next { nth(4) } else { nth(self.week) };
        day * MINUTES_PER_DAY + i32::from(self.minute)
    }
}

impl Zone {
    /// Whether all fields keep the rules.
    pub(super) fn check(&self) -> Result<(), CalendarError> {
        if self.standard.unsigned_abs() > MAX_STANDARD {
            return Err(CalendarError::Standard);
        }
        if self.summer > MAX_SUMMER {
            return Err(CalendarError::Summer);
        }
        if self.summer == 0 {
            for (change, edge) in [(self.begin, Edge::Begin), (self.end, Edge::End)] {
                if change != Change::NONE {
                    return Err(CalendarError::WithoutSummer(edge));
                }
            }
            return Ok(());
        }
        self.begin.check(Edge::Begin)?;
        self.end.check(Edge::End)?;
        if self.begin == self.end { Err(CalendarError::SameChange) } else { Ok(()) }
    }

    /// What is added to UTC at `utc` to give local time.
    pub(super) fn offset(&self, utc: i32) -> i32 {
        if self.is_summer(utc) { self.summer_offset() } else { self.standard_offset() }
    }

    /// The first minute at which local time is `local` or later; any value above [`LAST_MINUTE`] where card time has none.
    pub(super) fn first_at(&self, local: i32) -> i32 {
        // Local time is never ahead of summer time, and never behind standard time: the minute is one of these or between them.
        let (earliest, latest) = (local - self.summer_offset(), local - self.standard_offset());
        if earliest > LAST_MINUTE || self.is_summer(earliest) {
            return earliest;
        }
        match self.last_change(Edge::Begin, latest) {
            // Summer begins on the way and skips `local`. (Without a summer there is no way: both are the same minute.)
            Some(begin) if begin > earliest => begin,
            _ => latest,
        }
    }

    fn standard_offset(&self) -> i32 {
        i32::from(self.standard)
    }

    fn summer_offset(&self) -> i32 {
        i32::from(self.standard) + i32::from(self.summer)
    }

    /// Whether the last change was a beginning, wherever in the year it was; of two at the same instant the beginning counts.
    fn is_summer(&self, utc: i32) -> bool {
        self.summer != 0 && self.last_change(Edge::Begin, utc) >= self.last_change(Edge::End, utc)
    }

    /// The last beginning, or end, of summer that is not after `utc`.
    fn last_change(&self, edge: Edge, utc: i32) -> Option<i32> {
        let (change, offset_before) = match edge {
            Edge::Begin => (self.begin, self.standard_offset()),
            Edge::End => (self.end, self.summer_offset()),
        };
        // In summer time no change of the next year can have come. That of this year need not have come, nor, where it is some days
        // after the last weekday of December, that of the year before.
        let day = (utc + self.summer_offset()).div_euclid(MINUTES_PER_DAY);
        let year = civil::month_of(day).div_euclid(MONTHS_PER_YEAR);
        [year, year - 1, year - 2]
            .into_iter()
            .map(|year| change.local(year) - offset_before)
            .find(|instant| *instant <= utc)
    }
}
