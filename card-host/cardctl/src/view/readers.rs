//! `cardctl readers` and `cardctl diagnose`.

use card_core::text::Language;
use card_host::pcsc::Check;
use card_host::reader_error::ReaderError;
use serde::Serialize;

use super::View;
use super::table::Table;

/// The readers that are attached.
#[derive(Serialize)]
pub(crate) struct Readers {
    readers: Vec<Reader>,
}

#[derive(Serialize)]
struct Reader {
    name: String,
    /// Whether there is one in it.
    card: bool,
}

impl From<Vec<(String, bool)>> for Readers {
    fn from(readers: Vec<(String, bool)>) -> Self {
        Self { readers: readers.into_iter().map(|(name, card)| Reader { name, card }).collect() }
    }
}

impl View for Readers {
    fn text(&self, _: Language) -> String {
        if self.readers.is_empty() {
            return ReaderError::NoReader.to_string();
        }
        let mut table = Table::default();
        for Reader { name, card } in &self.readers {
            table.line(name, if *card { "card" } else { "empty" });
        }
        table.finish()
    }
}

/// What was looked at between this program and a card.
#[derive(Serialize)]
pub(crate) struct Checks {
    checks: Vec<CheckView>,
}

#[derive(Serialize)]
struct CheckView {
    check: String,
    right: bool,
    says: String,
}

impl From<Vec<Check>> for Checks {
    fn from(checks: Vec<Check>) -> Self {
        let checks = checks.into_iter().map(|check| CheckView {
            right: check.is_good(),
            says: check.to_string(),
            check: check.name,
        });
        Self { checks: checks.collect() }
    }
}

impl View for Checks {
    fn text(&self, _: Language) -> String {
        self.checks.iter().map(|check| check.says.as_str()).collect::<Vec<_>>().join("\n")
    }

    fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.right)
    }
}
