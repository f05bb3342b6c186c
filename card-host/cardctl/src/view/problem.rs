//! What went wrong.

use card_core::id::CardId;
use card_core::text::{Language, Situation, isolate};
use card_ledger::RequestId;
use serde::Serialize;

use super::View;

/// What went wrong, and what of it the customer can do something about.
#[derive(Serialize)]
pub(crate) struct Problem {
    pub(crate) error: String,
    /// To be named where the same again may succeed, or goes on with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<RequestId>,
    /// The customer's part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    #[serde(skip)]
    pub(crate) situation: Option<Situation>,
    /// Whether the request is to be repeated as it is.
    #[serde(skip)]
    pub(crate) repeats: bool,
    /// Whether all of it must be said, whoever reads it.
    #[serde(skip)]
    pub(crate) all: bool,
    /// The card that it should have been.
    #[serde(skip)]
    pub(crate) expected: Option<CardId>,
}

impl View for Problem {
    /// In English all that is known; in other languages what the customer can do something about. What concerns whoever runs this
    /// program is in English.
    fn text(&self, language: Language) -> String {
        let said = self.told(language);
        match &self.request {
            Some(id) if self.repeats => format!("{said} (repeat with --request {id})"),
            _ => said,
        }
    }
}

impl Problem {
    fn told(&self, language: Language) -> String {
        let error = &self.error;
        match (language, self.situation) {
            (Language::English, _) | (_, None) => format!("cardctl: {error}"),
            (_, Some(situation)) => {
                let text = situation.text(language);
                let code = isolate(text.code);
                match self.expected {
                    // Where the voucher is must be said.
                    _ if self.all => format!("{text} ({code})\ncardctl: {error}"),
                    Some(expected) => format!("{text} {} ({code})", isolate(expected)),
                    None => format!("{text} ({code})"),
                }
            }
        }
    }
}
