//! `cardctl readers`.

use card_core::text::Language;
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
