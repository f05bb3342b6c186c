//! Local time, written from docs/meter.md, section 3: by looking at all changes of the years, and minute by minute.

use card_core::calendar::{Calendar, Change};

const DAY: i64 = 86_400;
const MINUTE: i64 = 60;
/// Months whose beginnings are known: until 2055.
const MONTHS: u16 = 420;

/// Days from 2020-01-01 to the first of a month, months counted from January 2020.
fn first_day(month: i64) -> i64 {
    let length = |month: i64| {
        let year = 2020 + month.div_euclid(12);
        match month.rem_euclid(12) {
            1 => 28 + i64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)),
            3 | 5 | 8 | 10 => 30,
            _ => 31,
        }
    };
    if month < 0 { -(month..0).map(length).sum::<i64>() } else { (0..month).map(length).sum() }
}

/// 0 Sunday; 2020-01-01 was a Wednesday.
const fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Local {
    pub calendar: Calendar,
    /// Instants of change in seconds, and whether summer begins.
    changes: Vec<(i64, bool)>,
    begins: Vec<u32>,
}

fn change(year: i64, change: &Change, offset: i64) -> i64 {
    let month = year * 12 + i64::from(change.month) - 1;
    let days: Vec<_> = (first_day(month)..first_day(month + 1))
        .filter(|day| weekday(*day) == i64::from(change.weekday))
        .collect();
    let day = if change.week == 5 { days[days.len() - 1] } else { days[usize::from(change.week) - 1] };
    day * DAY + i64::from(change.minute) * MINUTE - offset * MINUTE
}

impl Local {
    pub fn new(calendar: Calendar) -> Self {
        let zone = calendar.zone();
        let standard = i64::from(zone.standard);
        let summer = standard + i64::from(zone.summer);
        let mut changes: Vec<_> = (-2..30)
            .filter(|_| zone.summer != 0)
            .flat_map(|year| {
                [(change(year, &zone.begin, standard), true), (change(year, &zone.end, summer), false)]
            })
            .collect();
        // Of two at the same instant the beginning counts: it comes last.
        changes.sort_unstable();
        let mut local = Self { calendar, changes, begins: Vec::new() };
        local.begins = (0..MONTHS).map(|index| local.search(index, standard.max(summer))).collect();
        local
    }

    fn search(&self, index: u16, most: i64) -> u32 {
        let midnight = first_day(i64::from(index)) * DAY;
        let mut instant = midnight - most * MINUTE;
        while self.seconds(instant) < midnight {
            instant += MINUTE;
        }
        u32::try_from(instant.max(0)).expect("card time")
    }

    /// Local time in seconds since 2020-01-01.
    fn seconds(&self, instant: i64) -> i64 {
        let zone = self.calendar.zone();
        let last = self.changes.partition_point(|(at, _)| *at <= instant).checked_sub(1);
        let summer = last.is_some_and(|last| self.changes[last].1);
        let offset = i64::from(zone.standard) + if summer { i64::from(zone.summer) } else { 0 };
        instant + offset * MINUTE
    }

    /// When the month with this index begins.
    pub fn begins(&self, index: u16) -> u32 {
        self.begins[usize::from(index)]
    }

    /// Index of the month that runs.
    pub fn month(&self, time: u32) -> u16 {
        u16::try_from(self.begins.partition_point(|begin| *begin <= time).max(1) - 1).expect("an index")
    }

    /// Local days since 2020-01-01.
    pub fn day(&self, time: u32) -> i64 {
        self.seconds(i64::from(time)) / DAY
    }

    /// Whether the local minute is one from `from` until `until`, not included.
    pub fn is_within(&self, time: u32, from: u16, until: u16) -> bool {
        let minute = self.seconds(i64::from(time)).max(0) % DAY / MINUTE;
        let (from, until) = (i64::from(from), i64::from(until));
        if from > until { minute >= from || minute < until } else { minute >= from && minute < until }
    }

    /// Whether nobody is cut for want of credit.
    pub fn is_friendly(&self, time: u32) -> bool {
        let day = self.seconds(i64::from(time)).max(0) / DAY;
        let calendar = &self.calendar;
        let by_minute = self.is_within(time, calendar.friendly_from(), calendar.friendly_until());
        let holiday = calendar.holidays().iter().any(|holiday| {
            let first = i64::from(holiday.first);
            first <= day && day < first + i64::from(holiday.days)
        });
        by_minute || calendar.rest_days() & (1 << weekday(day)) != 0 || holiday
    }
}
