//! `cardctl serve`.

use card_core::text::Language;
use serde::Serialize;

use super::View;
use crate::words::said;

/// That it listens, and where.
#[derive(Serialize)]
pub(crate) struct Listening {
    pub(crate) listening: String,
}

impl View for Listening {
    fn text(&self, language: Language) -> String {
        said!(
            language,
            "listening at http://{address}; tokens: {tokens}; end with {keys}",
            "الخادم يعمل على http://{address}؛ رموز الدخول: {tokens}؛ الإنهاء: {keys}",
            address = self.listening,
            tokens = "cardctl ledger token add PARTY NAME",
            keys = "Ctrl-C",
        )
    }
}

/// Where the desk is open, with its key.
#[derive(Serialize)]
pub(crate) struct DeskOpen {
    pub(crate) url: String,
}

impl View for DeskOpen {
    fn text(&self, language: Language) -> String {
        let url = &self.url;
        match language {
            Language::English => format!("open {url} in a browser of this computer; end with Ctrl-C"),
            Language::Arabic => format!("يرجى فتح {url} في متصفح هذا الجهاز؛ الإنهاء: Ctrl-C"),
        }
    }
}
