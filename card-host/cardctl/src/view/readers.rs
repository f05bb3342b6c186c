//! `cardctl readers`.

use card_core::text::Language;
use card_host::reader_error::ReaderError;
use serde::Serialize;

use super::View;
use super::table::Table;
use crate::words::{said, say};

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
    fn text(&self, language: Language) -> String {
        if self.readers.is_empty() {
            let english = ReaderError::NoReader;
            return say(language, english, "لا يوجد قارئ كروت متصل: يرجى توصيله");
        }
        let mut table = Table::new(language);
        for Reader { name, card } in &self.readers {
            table.line(
                name,
                if *card {
                    said!(language, "card", "به كارت")
                } else {
                    said!(language, "empty", "لا كارت فيه")
                },
            );
        }
        table.finish()
    }
}
