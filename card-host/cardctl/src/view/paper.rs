//! `cardctl receipt` and `cardctl statement`.

use card_core::text::Language;
use serde::Serialize;
use std::path::Path;

use super::View;

/// A page was written.
#[derive(Serialize)]
pub(crate) struct Written {
    file: String,
}

impl Written {
    pub(crate) fn new(file: &Path) -> Self {
        Self { file: file.display().to_string() }
    }
}

impl View for Written {
    fn text(&self, language: Language) -> String {
        let Self { file } = self;
        match language {
            Language::English => format!("written: {file}; open it, or print it"),
            Language::Arabic => format!("تم حفظ الصفحة: {file}"),
        }
    }
}
