//! `cardctl sim`.

use card_core::id::CardId;
use card_core::text::Language;
use serde::Serialize;

use super::View;
use super::table::Table;
use crate::context::simulated_reader::Known;

/// What was done to a card.
#[derive(Serialize)]
pub(crate) struct Changed {
    card: String,
    #[serde(skip)]
    now: &'static str,
}

impl Changed {
    pub(crate) fn new(card: CardId, now: &'static str) -> Self {
        Self { card: card.to_string(), now }
    }
}

impl View for Changed {
    fn text(&self, _: Language) -> String {
        format!("card {} {}", self.card, self.now)
    }
}

/// The simulated cards of the data directory.
#[derive(Serialize)]
pub(crate) struct SimulatedCards {
    cards: Vec<SimulatedCard>,
}

#[derive(Serialize)]
struct SimulatedCard {
    card: String,
    /// Nothing where it cannot be read.
    state: Option<String>,
    in_reader: bool,
}

impl SimulatedCards {
    pub(crate) fn new(cards: &[Known]) -> Self {
        let cards = cards.iter().map(|card| SimulatedCard {
            card: card.id.to_string(),
            state: card.state.map(|state| state.to_string()),
            in_reader: card.in_reader,
        });
        Self { cards: cards.collect() }
    }
}

impl View for SimulatedCards {
    fn text(&self, _: Language) -> String {
        if self.cards.is_empty() {
            return "no simulated card yet: cardctl sim new".to_owned();
        }
        let mut table = Table::default();
        for card in &self.cards {
            let state = card.state.as_deref().unwrap_or("cannot be read");
            let place = if card.in_reader { ", in the reader" } else { "" };
            table.line(card.card.as_str(), format!("{state}{place}"));
        }
        table.finish()
    }
}
