//! `cardctl meter events` and `cardctl meter months`.

use card_core::calendar::Calendar;
use card_core::id::MeterId;
use card_core::message::{Event, Month};
use card_core::text::Language;
use card_core::units::{Balance, Piastres};
use serde::Serialize;
use std::fmt::Write as _;

use crate::local;
use crate::view::View;
use crate::view::events::{EventView, in_words};
use crate::view::table::egp;

/// The events that a meter keeps.
#[derive(Serialize)]
pub(crate) struct Events {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    events: Vec<EventView>,
    #[serde(skip)]
    list: Vec<Event>,
    #[serde(skip)]
    calendar: Calendar,
}

impl Events {
    pub(crate) fn new(meter: MeterId, list: Vec<Event>, calendar: Calendar) -> Self {
        let events = list.iter().map(EventView::from).collect();
        Self { meter: meter.number(), events, list, calendar }
    }
}

impl View for Events {
    fn text(&self, _: Language) -> String {
        if self.list.is_empty() {
            return "the meter has no events in this contract yet".to_owned();
        }
        let mut text = String::from("event  local time        what happened");
        for event in &self.list {
            let when = local::time(&self.calendar, event.time);
            let says = in_words(event, Some(&self.calendar));
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{:>5}  {when}  {says}", event.number);
        }
        text
    }
}

/// The months that a meter keeps, and the one that runs.
#[derive(Serialize)]
pub(crate) struct Months {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    months: Vec<MonthView>,
    running: MonthView,
    #[serde(skip)]
    bound: bool,
}

#[derive(Serialize)]
struct MonthView {
    month: String,
    index: u16,
    closed: bool,
    energy_10wh: u32,
    energy_charge: u64,
    fees: i32,
    slab: u8,
    peak_w: u32,
    partial: bool,
    re_rated: bool,
    clock_doubtful: bool,
}

const PARTIAL: u8 = 0x01;
const RE_RATED: u8 = 0x02;
const DOUBTFUL: u8 = 0x04;

/// Longest bar of the drawing.
const BAR: u64 = 30;

impl MonthView {
    fn new(month: &Month, closed: bool) -> Self {
        Self {
            month: local::month(month.index),
            index: month.index,
            closed,
            energy_10wh: month.energy.0,
            energy_charge: month.energy_charge.0,
            fees: month.fees,
            slab: month.slab,
            peak_w: month.peak,
            partial: month.flags & PARTIAL != 0,
            re_rated: month.flags & RE_RATED != 0,
            clock_doubtful: month.flags & DOUBTFUL != 0,
        }
    }

    /// Energy charge and fees.
    fn total(&self) -> Balance {
        let charge = i64::try_from(self.energy_charge).unwrap_or(i64::MAX);
        Balance(charge.saturating_add(self.fees.into()))
    }

    /// In one line, with a bar; `most` is the most energy of a month.
    fn text(&self, most: u32) -> String {
        let (charge, fees) = (Piastres(self.energy_charge), Balance(self.fees.into()));
        let total = self.total();
        let width = u64::from(self.energy_10wh) * BAR / u64::from(most);
        let bar: String = (0..width).map(|_| '#').collect();
        let mut text = format!(
            "{:<8} {:>10} {:>12} {:>10} {:>12} {:>5} {:>7}  {:<10} {bar}",
            self.month,
            Piastres(self.energy_10wh.into()).to_string(),
            charge.to_string(),
            if self.closed { fees.to_string() } else { "not yet".to_owned() },
            total.to_string(),
            self.slab,
            self.peak_w,
            self.flags(),
        );
        text.truncate(text.trim_end().len());
        text
    }

    fn flags(&self) -> String {
        let named = [
            (!self.closed, "runs"),
            (self.partial, "partial"),
            (self.re_rated, "re-rated"),
            (self.clock_doubtful, "clock"),
        ];
        let set: Vec<_> = named.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
        set.join(" ")
    }
}

impl Months {
    /// `bound` is whether the meter has a contract.
    pub(crate) fn new(meter: MeterId, closed: &[Month], running: &Month, bound: bool) -> Self {
        Self {
            meter: meter.number(),
            months: closed.iter().map(|month| MonthView::new(month, true)).collect(),
            running: MonthView::new(running, false),
            bound,
        }
    }

    fn all(&self) -> impl Iterator<Item = &MonthView> {
        self.months.iter().chain([&self.running])
    }
}

impl View for Months {
    fn text(&self, _: Language) -> String {
        let most = self.all().map(|month| month.energy_10wh).max().unwrap_or(0).max(1);
        let mut text = format!(
            "{:<8} {:>10} {:>12} {:>10} {:>12} {:>5} {:>7}  flags",
            "month", "kWh", "energy EGP", "fees EGP", "total EGP", "slab", "peak W"
        );
        for month in self.all() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", month.text(most));
        }
        let sum = self.all().fold(0_i64, |sum, month| sum.saturating_add(month.total().0));
        let _ = write!(text, "\nall of them {}", egp(Balance(sum)));
        if !self.bound {
            text.push_str("\nthe meter has no contract: it closes no months, and nobody is charged");
        }
        text
    }
}
