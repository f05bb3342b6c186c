//! What the commands have to say, for people and for programs.

pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod card;
pub(crate) mod collect;
pub(crate) mod customer;
pub(crate) mod events;
pub(crate) mod issue;
pub(crate) mod ledger;
pub(crate) mod mail;
pub(crate) mod meter;
pub(crate) mod problem;
pub(crate) mod readers;
pub(crate) mod sale;
pub(crate) mod serve;
pub(crate) mod table;
pub(crate) mod tariff;
pub(crate) mod tour;
pub(crate) mod verdict;

use card_core::text::Language;
use serde::Serialize;
use std::io::Write as _;

/// What a command found or did: its JSON, and its text.
pub(crate) trait View: Serialize {
    /// For people; what is said to customers, in their language.
    fn text(&self, language: Language) -> String;

    /// Whether all is well; the program ends with status 1 where it is not.
    fn is_good(&self) -> bool {
        true
    }
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object on one line; for the tour, one a step.
    Json,
}

/// Where to, and how.
#[derive(Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    pub(crate) language: Language,
}

impl Printer {
    /// Prints it, and says whether all is well.
    pub(crate) fn print(self, view: &impl View) -> std::io::Result<bool> {
        let text = self.format(view)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(view.is_good())
    }

    /// As it is printed; the names of JSON in the order of the alphabet.
    pub(crate) fn format(self, view: &impl View) -> std::io::Result<String> {
        Ok(match self.format {
            Format::Text => view.text(self.language),
            Format::Json => serde_json::to_value(view)?.to_string(),
        })
    }
}
