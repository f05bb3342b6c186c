//! `cardctl tour`.

use applet_sim::card::{Cost, Profile};
use card_core::text::Language;
use serde::Serialize;

use super::View;

/// A step.
#[derive(Serialize)]
pub(crate) struct Step {
    step: usize,
    title: String,
    outcome: String,
    cost: CostView,
}

#[derive(Serialize)]
struct CostView {
    exchanges: u64,
    bytes: u64,
    records: u64,
    aes_blocks: u64,
    pages_written: u64,
    card_microseconds: u64,
    link_microseconds: u64,
}

impl From<Cost> for CostView {
    fn from(cost: Cost) -> Self {
        Self {
            exchanges: cost.exchanges,
            bytes: cost.bytes,
            records: cost.records,
            aes_blocks: cost.usage.aes_blocks,
            pages_written: cost.usage.pages_programmed,
            card_microseconds: cost.card_time,
            link_microseconds: cost.link_time,
        }
    }
}

impl CostView {
    fn text(&self) -> String {
        format!(
            "{:>3} exchanges {:>5} bytes {:>3} records {:>4}.{} ms card {:>4}.{} ms link",
            self.exchanges,
            self.bytes,
            self.records,
            self.card_microseconds / 1000,
            self.card_microseconds % 1000 / 100,
            self.link_microseconds / 1000,
            self.link_microseconds % 1000 / 100,
        )
    }
}

impl Step {
    pub(crate) fn new(step: usize, title: &str, outcome: &str, cost: Cost) -> Self {
        Self { step, title: title.to_owned(), outcome: outcome.to_owned(), cost: cost.into() }
    }
}

impl View for Step {
    fn text(&self, _: Language) -> String {
        format!("{:>2}  {:<38} {}\n      {}", self.step, self.title, self.cost.text(), self.outcome)
    }
}

/// The money, and the cost of all steps.
#[derive(Serialize)]
pub(crate) struct Money {
    pub(crate) paid: u64,
    pub(crate) reversed: u64,
    pub(crate) consumed: u64,
    pub(crate) fees: i64,
    pub(crate) in_meter: u64,
    pub(crate) difference: i64,
    #[serde(skip)]
    pub(crate) cost: Cost,
    #[serde(skip)]
    pub(crate) profile: Profile,
}

impl View for Money {
    fn text(&self, _: Language) -> String {
        format!(
            "    {:<38} {}\n\nThe money adds up: difference {} piastres.\n\nExchanges are commands with their answers, bytes go both ways, \
             records are writes to the card's memory;\ncard and link are milliseconds of the modelled chip and of its {}.",
            "all steps",
            CostView::from(self.cost).text(),
            self.difference,
            match self.profile {
                Profile::Contactless => "contactless link, 106 kbit/s",
                Profile::T1 | Profile::T0 => "contacts, 115200 baud",
            }
        )
    }
}
