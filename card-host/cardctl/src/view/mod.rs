//! What the commands have to say, for people and for programs.

pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod batch;
pub(crate) mod block;
pub(crate) mod card;
pub(crate) mod collect;
pub(crate) mod config;
pub(crate) mod conformance;
pub(crate) mod customer;
pub(crate) mod desk;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod issue;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod life;
pub(crate) mod mail;
pub(crate) mod meter;
pub(crate) mod months;
pub(crate) mod paper;
pub(crate) mod policy;
pub(crate) mod problem;
pub(crate) mod readers;
pub(crate) mod sale;
pub(crate) mod serve;
pub(crate) mod signer;
pub(crate) mod sim;
pub(crate) mod staff;
pub(crate) mod standing;
pub(crate) mod table;
pub(crate) mod tariff;
pub(crate) mod tour;
pub(crate) mod trace;
pub(crate) mod verdict;
pub(crate) mod watch;
pub(crate) mod words;

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

/// The JSON of a view, made of the values that it holds.
macro_rules! json {
    ($view:ty, $this:ident => $($json:tt)+) => {
        impl serde::Serialize for $view {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $this = self;
                serde::Serialize::serialize(&serde_json::json!($($json)+), serializer)
            }
        }
    };
}
pub(crate) use json;

/// A text for a terminal: what would command it, or turn the order of what stands beside it, is written as its number.
fn shown(text: &str) -> String {
    let commands = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}' | '\u{2067}')
    };
    text.chars().map(|c| if commands(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// An identifier, as a text: many programs have no number above 2^53.
pub(crate) fn as_text<S: serde::Serializer>(
    id: &impl std::fmt::Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object on one line; for the tour, one a step.
    Json,
}

/// What was done, or found, could not be printed.
#[derive(Debug, thiserror::Error)]
#[error("{}, and it could not be printed: {cause}", if *.good { "all is done" } else { "something is wrong" })]
pub(crate) struct NotPrinted {
    /// Whether all was well.
    pub(crate) good: bool,
    cause: std::io::Error,
}

impl NotPrinted {
    /// It was done.
    pub(crate) const fn done(cause: std::io::Error) -> Self {
        Self { good: true, cause }
    }
}

/// Where to, and how.
#[derive(Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) format: Format,
    pub(crate) language: Language,
}

impl Printer {
    /// Prints it, and says whether all is well.
    pub(crate) fn print(self, view: &impl View) -> Result<bool, NotPrinted> {
        let good = view.is_good();
        let mut out = std::io::stdout().lock();
        let written = self.format(view).and_then(|text| writeln!(out, "{text}")).and_then(|()| out.flush());
        written.map(|()| good).map_err(|cause| NotPrinted { good, cause })
    }

    /// As it is printed; the names of JSON in the order of the alphabet.
    pub(crate) fn format(self, view: &impl View) -> std::io::Result<String> {
        Ok(match self.format {
            Format::Text => shown(&view.text(self.language)),
            Format::Json => serde_json::to_value(view)?.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Said(&'static str);

    impl View for Said {
        fn text(&self, _: Language) -> String {
            self.0.to_owned()
        }
    }

    /// A name that was stored elsewhere, or a reader's: it is shown, and commands no terminal.
    #[test]
    fn what_commands_a_terminal_is_written_as_its_number() {
        let printed = |format, text| {
            Printer { format, language: Language::English }.format(&Said(text)).unwrap_or_default()
        };
        for (text, said) in [
            ("mo\u{1b}[2Jna", "mo\\u{1b}[2Jna"),
            ("a\rb\tc\u{7}\u{7f}\u{85}", "a\\u{d}b\\u{9}c\\u{7}\\u{7f}\\u{85}"),
            ("\u{202e}anom\u{2066}\u{2067}\u{2028}", "\\u{202e}anom\\u{2066}\\u{2067}\\u{2028}"),
            ("two\nlines", "two\nlines"),
            // Arabic, with the isolates of the texts for customers and their end.
            ("\u{2068}40.00\u{2069} جنيه م\u{200d}نى", "\u{2068}40.00\u{2069} جنيه م\u{200d}نى"),
        ] {
            assert_eq!(printed(Format::Text, text), said, "{text:?}");
        }
        assert_eq!(printed(Format::Json, "a\u{1b}b"), r#""a\u001bb""#);
    }
}
