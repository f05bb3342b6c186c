//! `cardctl serve`.

use card_core::text::Language;
use serde::Serialize;

use super::View;

/// That it listens, and where.
#[derive(Serialize)]
pub(crate) struct Listening {
    pub(crate) listening: String,
}

impl View for Listening {
    fn text(&self, _: Language) -> String {
        let address = &self.listening;
        format!("listening at http://{address}; tokens: cardctl ledger token add PARTY NAME; end with Ctrl-C")
    }
}
