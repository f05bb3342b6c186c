//! `cardctl sim`.

use card_core::id::CardId;
use card_core::text::Language;
use serde::Serialize;

use super::View;
use super::table::{Table, in_language};
use crate::context::simulated_reader::Known;
use crate::words::{Both, said};

/// What was done to a card.
#[derive(Serialize)]
pub(crate) struct Changed {
    card: String,
    #[serde(skip)]
    now: Both,
}

impl Changed {
    pub(crate) fn new(card: CardId, now: Both) -> Self {
        Self { card: card.to_string(), now }
    }
}

impl View for Changed {
    fn text(&self, language: Language) -> String {
        let now = self.now.of(language);
        said!(language, "card {card} {now}", "الكارت {card} {now}", card = self.card, now)
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
    fn text(&self, language: Language) -> String {
        if self.cards.is_empty() {
            return said!(
                language,
                "no simulated card yet: {command}",
                "لا يوجد كارت محاكاة بعد: {command}",
                command = "cardctl sim new"
            );
        }
        let mut table = Table::new(language);
        for card in &self.cards {
            let state =
                in_language(language, card.state.clone().unwrap_or_else(|| "cannot be read".to_owned()));
            let value = match card.in_reader {
                true => said!(language, "{state}, in the reader", "{state}، في القارئ", state),
                false => state,
            };
            table.line(card.card.as_str(), value);
        }
        table.finish()
    }
}
