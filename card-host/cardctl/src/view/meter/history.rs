//! `cardctl meter events` and `cardctl meter months`.

use card_core::calendar::Calendar;
use card_core::id::MeterId;
use card_core::message::{Event, Month};
use card_core::text::Language;
use card_core::units::{Balance, Piastres};
use serde_json::{Value, json};
use std::fmt::Write as _;

use crate::local;
use crate::view::events::{EventView, in_words};
use crate::view::words::{say, words};
use crate::view::{View, customer};

/// The events that a meter keeps.
pub(crate) struct Events {
    meter: MeterId,
    events: Vec<Event>,
    calendar: Calendar,
}

crate::view::json!(Events, events => {
    "meter": events.meter.to_string(),
    "events": events.events.iter().map(EventView::from).collect::<Vec<_>>(),
});

impl Events {
    pub(crate) const fn new(meter: MeterId, events: Vec<Event>, calendar: Calendar) -> Self {
        Self { meter, events, calendar }
    }
}

impl View for Events {
    fn text(&self, language: Language) -> String {
        if self.events.is_empty() {
            return words(language, "the meter has no events in this contract yet").to_owned();
        }
        let mut text = words(language, "event  local time        what happened").to_owned();
        for event in &self.events {
            let when = local::time(&self.calendar, event.time);
            let says = in_words(event, Some(&self.calendar), language);
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{:>5}  {when}  {says}", event.number);
        }
        text
    }
}

/// The months that a meter keeps, and the one that runs.
pub(crate) struct Months {
    meter: MeterId,
    closed: Vec<Month>,
    running: Month,
    bound: bool,
}

crate::view::json!(Months, months => {
    "meter": months.meter.to_string(),
    "months": months.closed.iter().map(|month| of_month(month, true)).collect::<Vec<_>>(),
    "running": of_month(&months.running, false),
});

const PARTIAL: u8 = 0x01;
const RE_RATED: u8 = 0x02;
const DOUBTFUL: u8 = 0x04;

/// Longest bar of the drawing.
const BAR: u64 = 30;

fn of_month(month: &Month, closed: bool) -> Value {
    json!({
        "month": local::month(month.index),
        "index": month.index,
        "closed": closed,
        "energy_10wh": month.energy.0,
        "energy_charge": month.energy_charge.0,
        "fees": month.fees,
        "slab": month.slab,
        "peak_w": month.peak,
        "partial": month.flags & PARTIAL != 0,
        "re_rated": month.flags & RE_RATED != 0,
        "clock_doubtful": month.flags & DOUBTFUL != 0,
    })
}

/// Energy charge and fees.
fn total(month: &Month) -> Balance {
    let charge = i64::try_from(month.energy_charge.0).unwrap_or(i64::MAX);
    Balance(charge.saturating_add(month.fees.into()))
}

/// In one line, with a bar; `most` is the most energy of a month.
fn line(month: &Month, closed: bool, most: u32, language: Language) -> String {
    let fees = Balance(month.fees.into()).to_string();
    let fees = if closed { fees } else { words(language, "not yet").to_owned() };
    let width = u64::from(month.energy.0) * BAR / u64::from(most);
    let bar: String = (0..width).map(|_| '#').collect();
    let text = format!(
        "{:<8} {:>10} {:>12} {fees:>10} {:>12} {:>5} {:>7}  {:<10} {bar}",
        local::month(month.index),
        Piastres(month.energy.0.into()).to_string(),
        month.energy_charge.to_string(),
        total(month).to_string(),
        month.slab,
        month.peak,
        flags(month, closed, language),
    );
    text.trim_end().to_owned()
}

fn flags(month: &Month, closed: bool, language: Language) -> String {
    let named = [
        (!closed, "runs"),
        (month.flags & PARTIAL != 0, "partial"),
        (month.flags & RE_RATED != 0, "re-rated"),
        (month.flags & DOUBTFUL != 0, "clock"),
    ];
    let set: Vec<_> =
        named.into_iter().filter_map(|(set, name)| set.then(|| words(language, name))).collect();
    set.join(" ")
}

impl Months {
    /// `bound` is whether the meter has a contract.
    pub(crate) fn new(meter: MeterId, closed: &[Month], running: &Month, bound: bool) -> Self {
        Self { meter, closed: closed.to_vec(), running: running.clone(), bound }
    }

    /// Each, with whether it is closed.
    fn all(&self) -> impl Iterator<Item = (&Month, bool)> {
        self.closed.iter().map(|month| (month, true)).chain([(&self.running, false)])
    }
}

impl View for Months {
    fn text(&self, language: Language) -> String {
        let most = self.all().map(|(month, _)| month.energy.0).max().unwrap_or(0).max(1);
        let names = match language {
            Language::English => {
                ["month", "kWh", "energy EGP", "fees EGP", "total EGP", "slab", "peak W", "flags"]
            }
            Language::Arabic => {
                ["الشهر", "ك.و.س", "الاستهلاك ج", "الرسوم ج", "الإجمالي ج", "شريحة", "أقصى و", "ملاحظات"]
            }
        };
        let [month, kwh, energy, fees, all, slab, peak, flags] = names;
        let mut text =
            format!("{month:<8} {kwh:>10} {energy:>12} {fees:>10} {all:>12} {slab:>5} {peak:>7}  {flags}");
        for (month, closed) in self.all() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", line(month, closed, most, language));
        }
        let sum = self.all().fold(0_i64, |sum, (month, _)| sum.saturating_add(total(month).0));
        let sum = customer::amount(Balance(sum), language);
        let _ = write!(
            text,
            "\n{}",
            say(language, format_args!("all of them {sum}"), format_args!("الإجمالي {sum}"))
        );
        if !self.bound {
            let english = "the meter has no contract: it closes no months, and nobody is charged";
            let arabic = "لا يوجد تعاقد على العداد: لا تُغلق شهور ولا يُحاسب أحد";
            let _ = write!(text, "\n{}", say(language, english, arabic));
        }
        text
    }
}
