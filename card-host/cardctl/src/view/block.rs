//! A card that was blocked, or is not any more.

use card_core::text::{Language, isolate};
use card_ledger::RequestId;
use serde::Serialize;

use super::View;
use super::policy::FeeLine;

#[derive(Serialize)]
pub(crate) struct Blocked {
    pub(crate) request: RequestId,
    pub(crate) card: String,
    pub(crate) blocked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fee: Option<FeeLine>,
}

impl View for Blocked {
    fn text(&self, language: Language) -> String {
        let card = isolate(&self.card);
        let said = match (language, self.blocked) {
            (Language::English, true) => format!(
                "card {card} is blocked: nothing is sold to it, until it is unblocked or replaced\n\
                 at its meter it works with what is on it, until a new card has been there: cardctl replace"
            ),
            (Language::English, false) => format!("card {card} is not blocked any more"),
            (Language::Arabic, true) => format!(
                "تم إيقاف الكارت {card}: لا يمكن شحنه حتى يلغى الإيقاف أو يستبدل\n\
                 ويعمل في العداد بما عليه من رصيد حتى يوضع فيه كارت جديد"
            ),
            (Language::Arabic, false) => format!("تم إلغاء إيقاف الكارت {card}"),
        };
        self.fee.as_ref().map_or(said.clone(), |fee| format!("{said}\n{}", fee.line(language)))
    }
}
