//! Local time, months and friendly times from zone rules that are data (`docs/meter.md`, sections 3 and 7.2).
//!
//! A [`Calendar`] says how local time follows from card time, and when the supply is not cut for want of credit. It comes in the
//! issuer's mail, so that a country that moves its summer, or its holidays, needs no new firmware; until then
//! [`Calendar::EGYPT`] holds.
//!
//! **Local time is not steady.** Where it is set forward, some of it never comes; where it is set back, some comes twice, and
//! midnight with it. Months are steady all the same: each begins once, at the first instant whose local date is in it, and lasts
//! until the next one begins, also where its last hour comes back.
//!
//! Everything is integer arithmetic on minutes, the same few steps whatever the year: it runs at every metering pulse.

mod civil;
mod wire;
mod zone;

pub use civil::{days_of_month, month_of_year, utc_month};
pub use zone::{Change, Edge, Zone};

use crate::units::CardTime;
use civil::MINUTES_PER_DAY;

/// Most holidays of a calendar.
pub const MAX_HOLIDAYS: usize = 32;
/// All seven bits of the rest days: bit 0 (01) Sunday to bit 6 (40) Saturday.
pub const ALL_DAYS: u8 = 0x7F;

const SECONDS_PER_MINUTE: u32 = 60;

/// One holiday, of one day or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holiday {
    /// Its first day, in local days since 2020-01-01 (day 0).
    pub first: u16,
    /// How many days it lasts, not 0.
    pub days: u8,
}

impl Holiday {
    const UNUSED: Self = Self { first: 0, days: 0 };

    fn contains(&self, day: u16) -> bool {
        day.checked_sub(self.first).is_some_and(|passed| passed < u16::from(self.days))
    }
}

/// A minute in local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LocalTime {
    /// Local days since 2020-01-01 (day 0, a Wednesday).
    pub day: u16,
    /// Minute of the day, 0 to 1439.
    pub minute: u16,
    /// 0 Sunday to 6 Saturday.
    pub weekday: u8,
}

impl LocalTime {
    /// The date of its day.
    pub fn date(&self) -> Date {
        let day = i32::from(self.day);
        let months = civil::month_of(day);
        // Days of card time are from 2020 to 2156.
        Date {
            year: 2020 + (months / civil::MONTHS_PER_YEAR) as u16,
            month: (months % civil::MONTHS_PER_YEAR + 1) as u8,
            day: (day - civil::first_day(months) + 1) as u8,
        }
    }
}

/// A date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Date {
    /// From 2020 on.
    pub year: u16,
    /// 1 January to 12 December.
    pub month: u8,
    /// From 1 on.
    pub day: u8,
}

/// A calendar that keeps the rules of `docs/meter.md`, section 7.2: it can only be made by [`Calendar::new`] and
/// [`Calendar::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    zone: Zone,
    friendly_from: u16,
    friendly_until: u16,
    rest_days: u8,
    holidays: [Holiday; MAX_HOLIDAYS],
    holiday_count: u8,
}

impl Calendar {
    /// What holds before the first mail: Cairo's time, friendly from 17:00 to 10:00 and on Fridays, no holidays.
    pub const EGYPT: Self = Self {
        zone: Zone {
            standard: 120,
            summer: 60,
            begin: Change { month: 4, week: 5, weekday: 5, minute: 0 },
            end: Change { month: 10, week: 5, weekday: 4, minute: 1440 },
        },
        friendly_from: 17 * 60,
        friendly_until: 10 * 60,
        rest_days: 0x20,
        holidays: [Holiday::UNUSED; MAX_HOLIDAYS],
        holiday_count: 0,
    };

    /// A calendar, where it keeps the rules; otherwise the first field that does not.
    pub fn new(
        zone: Zone,
        friendly_from: u16,
        friendly_until: u16,
        rest_days: u8,
        holidays: &[Holiday],
    ) -> Result<Self, CalendarError> {
        zone.check()?;
        if i32::from(friendly_from) >= MINUTES_PER_DAY {
            return Err(CalendarError::FriendlyFrom);
        }
        if i32::from(friendly_until) >= MINUTES_PER_DAY {
            return Err(CalendarError::FriendlyUntil);
        }
        if rest_days & !ALL_DAYS != 0 {
            return Err(CalendarError::RestDays);
        }
        let mut array = [Holiday::UNUSED; MAX_HOLIDAYS];
        let used = array.get_mut(..holidays.len()).ok_or(CalendarError::HolidayCount)?;
        used.copy_from_slice(holidays);
        let holiday_count = u8::try_from(holidays.len()).map_err(|_| CalendarError::HolidayCount)?;

        let mut before = None;
        for (number, holiday) in (1..).zip(holidays) {
            if before.is_some_and(|before| holiday.first <= before) {
                return Err(CalendarError::HolidayFirst(number));
            }
            if holiday.days == 0 {
                return Err(CalendarError::HolidayDays(number));
            }
            before = Some(holiday.first);
        }
        Ok(Self { zone, friendly_from, friendly_until, rest_days, holidays: array, holiday_count })
    }

    /// How local time follows from card time.
    pub const fn zone(&self) -> &Zone {
        &self.zone
    }

    /// First friendly minute of the local day.
    pub const fn friendly_from(&self) -> u16 {
        self.friendly_from
    }

    /// First minute of the local day that is not friendly any more. Below [`Calendar::friendly_from`] it is that of the next
    /// day; where both are equal there is no friendly time of day.
    pub const fn friendly_until(&self) -> u16 {
        self.friendly_until
    }

    /// The weekdays that are friendly as a whole: bit 0 (01) Sunday to bit 6 (40) Saturday.
    pub const fn rest_days(&self) -> u8 {
        self.rest_days
    }

    /// The holidays, from the earliest: none to 32.
    pub fn holidays(&self) -> &[Holiday] {
        self.holidays.get(..usize::from(self.holiday_count)).unwrap_or_default()
    }

    /// Local time at `time`. Where it would be before 2020-01-01 it is the first minute of that day.
    pub fn local(&self, time: CardTime) -> LocalTime {
        let utc = (time.0 / SECONDS_PER_MINUTE).cast_signed();
        let local = (utc + self.zone.offset(utc)).max(0);
        let day = local / MINUTES_PER_DAY;
        LocalTime {
            // The last day of card time is number 49710, so all of these fit.
            day: u16::try_from(day).unwrap_or(u16::MAX),
            minute: u16::try_from(local % MINUTES_PER_DAY).unwrap_or(u16::MAX),
            weekday: civil::weekday(day),
        }
    }

    /// Index (months since January 2020) of the month that runs: the last one that has begun. That is the month of the local date,
    /// or the next one where local time was set back from it. It never falls with time.
    pub fn month_index(&self, time: CardTime) -> u16 {
        let of_date = u16::try_from(civil::month_of(i32::from(self.local(time).day))).unwrap_or(0);
        let next = of_date.saturating_add(1);
        if self.month_begins(next).is_some_and(|begins| begins <= time) { next } else { of_date }
    }

    /// The first instant whose local date is in the month with this index or in a later one; `None` where that is beyond the
    /// last value of card time.
    pub fn month_begins(&self, index: u16) -> Option<CardTime> {
        if index == 0 {
            // It began before card time did, or its first hours are those that `local` cuts off.
            return Some(CardTime(0));
        }
        let midnight = civil::first_day(i32::from(index)).checked_mul(MINUTES_PER_DAY)?;
        let utc = u32::try_from(self.zone.first_at(midnight)).ok()?;
        utc.checked_mul(SECONDS_PER_MINUTE).map(CardTime)
    }

    /// Whether the supply is not cut for want of credit at this time.
    pub fn is_friendly(&self, time: CardTime) -> bool {
        let LocalTime { day, minute, weekday } = self.local(time);
        let by_minute = within(self.friendly_from, self.friendly_until, minute);
        let by_weekday = self.rest_days >> weekday & 1 == 1;
        by_minute || by_weekday || self.holidays().iter().any(|holiday| holiday.contains(day))
    }
}

/// Whether a minute of the day is one from `from` until `until`, not included: across midnight where `until` is below `from`; never
/// where they are equal.
pub(crate) const fn within(from: u16, until: u16, minute: u16) -> bool {
    if from <= until { from <= minute && minute < until } else { from <= minute || minute < until }
}

/// A field of a calendar breaks the rules. Holidays count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// The bytes end too early, or some are left over.
    #[error("the calendar has the wrong length")]
    Length,
    /// The first byte.
    #[error("format: this calendar is of a format that is not known here")]
    Format,
    /// More than a day from UTC.
    #[error("standard offset: it is -1440 to 1440 minutes")]
    Standard,
    /// More than two hours.
    #[error("summer offset: it is 0 to 120 minutes")]
    Summer,
    /// Without a summer offset something is set.
    #[error("{0}: where the summer offset is 0 all of it is 0")]
    WithoutSummer(Edge),
    /// Not a month.
    #[error("month of the {0}: it is 1 to 12")]
    Month(Edge),
    /// Not a week.
    #[error("week of the {0}: it is 1 to 4, or 5 for the last one")]
    Week(Edge),
    /// Not a weekday.
    #[error("weekday of the {0}: it is 0 (Sunday) to 6 (Saturday)")]
    Weekday(Edge),
    /// More than a week.
    #[error("minute of the {0}: it is 0 to 10080")]
    Minute(Edge),
    /// Summer ends when it begins.
    #[error("end of summer: it is not the same as the beginning")]
    SameChange,
    /// Not a minute of a day.
    #[error("friendly from: it is a minute of the day, 0 to 1439")]
    FriendlyFrom,
    /// Not a minute of a day.
    #[error("friendly until: it is a minute of the day, 0 to 1439")]
    FriendlyUntil,
    /// An eighth day.
    #[error("rest days: a bit is set that is not a weekday's")]
    RestDays,
    /// More than 32.
    #[error("holidays: a calendar has at most {MAX_HOLIDAYS}")]
    HolidayCount,
    /// Not after that of the holiday before.
    #[error("first day of holiday {0}: first days rise from holiday to holiday")]
    HolidayFirst(u8),
    /// A holiday of no days.
    #[error("days of holiday {0}: a holiday has at least one")]
    HolidayDays(u8),
}

impl From<crate::bytes::WrongLength> for CalendarError {
    fn from(_: crate::bytes::WrongLength) -> Self {
        Self::Length
    }
}
