//! `cardctl meter events`, `cardctl meter charges` and `cardctl meter months`.

use card_core::calendar::Calendar;
use card_core::id::MeterId;
use card_core::message::{Event, Month};
use card_core::meter::Charge;
use card_core::text::Language;
use card_core::units::Balance;
use serde::Serialize;
use std::fmt::Write as _;

use crate::local;
use crate::view::events::{EventView, in_words};
use crate::view::months::{self, MonthView};
use crate::view::{View, customer};
use crate::words::{say, words};

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

/// The last charges that a meter has applied.
#[derive(Serialize)]
pub(crate) struct Charges {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    charges: Vec<ChargeView>,
    #[serde(skip)]
    calendar: Calendar,
}

#[derive(Serialize)]
struct ChargeView {
    time: u64,
    credit: u64,
    debt_paid: u64,
    correction: u64,
    balance: i64,
    #[serde(skip)]
    charge: Charge,
}

impl Charges {
    pub(crate) fn new(meter: MeterId, list: &[Charge], calendar: Calendar) -> Self {
        let view = |charge: &Charge| ChargeView {
            time: charge.time.to_unix(),
            credit: charge.credit.0,
            debt_paid: charge.debt.0,
            correction: charge.correction.0,
            balance: charge.balance.0,
            charge: *charge,
        };
        Self { meter: meter.number(), charges: list.iter().map(view).collect(), calendar }
    }
}

impl View for Charges {
    fn text(&self, language: Language) -> String {
        if self.charges.is_empty() {
            let english = "the meter has applied no charge in this contract yet";
            return say(language, english, "لم يضف العداد أي شحنة في هذا التعاقد بعد");
        }
        let [time, credit, debt, correction, balance] = match language {
            Language::English => ["local time", "credit EGP", "of it debt", "correction", "balance"],
            Language::Arabic => ["الوقت المحلي", "الشحنة ج", "منها مديونية", "تصحيح", "الرصيد"],
        };
        let mut text = format!("{time:<16} {credit:>12} {debt:>12} {correction:>12} {balance:>12}");
        for ChargeView { charge, .. } in &self.charges {
            let Charge { time, credit, debt, correction, balance } = charge;
            let when = local::time(&self.calendar, *time);
            let amounts = [credit, debt, correction].map(ToString::to_string);
            let [credit, debt, correction] = &amounts;
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\n{when:<16} {credit:>12} {debt:>12} {correction:>12} {:>12}",
                balance.to_string()
            );
        }
        text
    }
}

/// The months that a meter keeps, and the one that runs.
#[derive(Serialize)]
pub(crate) struct Months {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: MeterId,
    months: Vec<MonthView>,
    running: MonthView,
    #[serde(skip)]
    bound: bool,
}

impl Months {
    /// `bound` is whether the meter has a contract.
    pub(crate) fn new(meter: MeterId, closed: &[Month], running: &Month, bound: bool) -> Self {
        Self {
            meter,
            months: closed.iter().map(|month| MonthView::new(month, true)).collect(),
            running: MonthView::new(running, false),
            bound,
        }
    }

    fn all(&self) -> impl Iterator<Item = &MonthView> + Clone {
        self.months.iter().chain([&self.running])
    }
}

impl View for Months {
    fn text(&self, language: Language) -> String {
        let mut text = months::table(self.all(), language);
        let sum = self.all().fold(0_i64, |sum, month| sum.saturating_add(month.total().0));
        let sum = customer::amount(Balance(sum), language);
        let all = say(language, format_args!("all of them {sum}"), format_args!("الإجمالي {sum}"));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{all}");
        if !self.bound {
            let english = "the meter has no contract: it closes no months, and nobody is charged";
            let arabic = "لا يوجد تعاقد على العداد: لا تُغلق شهور ولا يُحاسب أحد";
            let _ = write!(text, "\n{}", say(language, english, arabic));
        }
        text
    }
}
