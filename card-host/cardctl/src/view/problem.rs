//! What went wrong.

use card_core::id::CardId;
use card_core::text::{Language, Situation, isolate};
use card_ledger::RequestId;
use serde::Serialize;

use super::View;
use crate::ending::Ending;

/// What went wrong, and what of it the customer can do something about.
#[derive(Serialize)]
pub(crate) struct Problem {
    /// Version of this form: names are added, and none changes its meaning, without a higher one.
    pub(crate) schema_version: u32,
    pub(crate) error: String,
    /// What went wrong, for programs.
    pub(crate) code: &'static str,
    /// What has happened of what was asked for: nothing, all, part or unknown.
    pub(crate) happened: &'static str,
    /// The id of what was asked for, where whoever asks has seen it.
    pub(crate) request: Option<RequestId>,
    /// The customer's part, by its code in docs/messages.md.
    pub(crate) situation_code: Option<&'static str>,
    /// The same in Arabic.
    #[serde(skip)]
    pub(crate) arabic: Option<String>,
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
    /// The version of its form.
    pub(crate) const SCHEMA: u32 = 1;

    /// The command line or the settings are not understood.
    pub(crate) fn usage(text: &str, arabic: Option<String>) -> Self {
        Self {
            schema_version: Self::SCHEMA,
            error: text.to_owned(),
            code: "usage",
            happened: Ending::Usage.happened(),
            request: None,
            situation_code: None,
            arabic,
            situation: None,
            repeats: false,
            all: false,
            expected: None,
        }
    }

    fn told(&self, language: Language) -> String {
        let error = &self.error;
        match (language, self.situation) {
            (Language::English, _) => format!("cardctl: {error}"),
            (_, None) => format!("cardctl: {}", self.arabic.as_ref().unwrap_or(error)),
            (_, Some(situation)) => {
                let text = situation.text(language);
                let code = isolate(text.code);
                match self.expected {
                    // Where the voucher is must be said.
                    _ if self.all => {
                        format!("{text} ({code})\ncardctl: {}", self.arabic.as_ref().unwrap_or(error))
                    }
                    Some(expected) => format!("{text} {} ({code})", isolate(expected)),
                    None => format!("{text} ({code})"),
                }
            }
        }
    }
}
