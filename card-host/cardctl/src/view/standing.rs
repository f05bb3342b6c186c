//! How a card stands by the ledger, which the card itself does not know.

use card_core::text::{Language, isolate};
use card_ledger::{CardStanding, ReplaceReason, Standing};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct StandingView {
    standing: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    #[serde(skip)]
    of: Standing,
}

impl From<CardStanding> for StandingView {
    fn from(CardStanding { standing, reason, by }: CardStanding) -> Self {
        let replaced_by = by.map(|by| by.to_string());
        Self { standing: standing.code(), reason, replaced_by, of: standing }
    }
}

impl StandingView {
    pub(crate) fn text(&self, language: Language) -> String {
        let (english, arabic) = words(self.of);
        let text = match language {
            Language::English => english,
            Language::Arabic => arabic,
        };
        let reason = self.reason_in(language);
        match &self.replaced_by {
            Some(by) => {
                let meaning = match language {
                    Language::English => {
                        "nothing is sold to it; at its meter it works until the new one has been there"
                    }
                    Language::Arabic => "لا يمكن شحنه، ويعمل في العداد حتى يوضع فيه الكارت الجديد",
                };
                format!("{text} {} ({reason}): {meaning}", isolate(by))
            }
            None if reason.is_empty() => text.to_owned(),
            None => format!("{text} ({reason})"),
        }
    }

    fn reason_in(&self, language: Language) -> String {
        match (language, ReplaceReason::from_code(&self.reason)) {
            (Language::Arabic, Some(reason)) => in_arabic(reason).to_owned(),
            (Language::Arabic, None) if !self.reason.is_empty() => isolate(&self.reason).to_string(),
            _ => self.reason.clone(),
        }
    }
}

const fn words(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::InUse => ("in use", "ساري"),
        Standing::Blocked => (
            "blocked: nothing is sold to it; at its meter it works with what is on it",
            "موقوف: لا يمكن شحنه، ويعمل في العداد بما عليه من رصيد",
        ),
        Standing::Replaced => ("replaced by card", "تم استبداله بالكارت"),
        Standing::Ended => (
            "its contract has ended: nothing is sold to it, and a newer contract of the meter refuses it",
            "انتهى التعاقد: لا يمكن شحنه، ويرفضه العداد بعد تعاقد جديد",
        ),
        Standing::Engineering => ("a technician's card", "كارت فني"),
        _ => ("not known to this ledger", "غير مسجل هنا"),
    }
}

/// Why a card is replaced, in words.
pub(crate) const fn reason_in(reason: ReplaceReason, language: Language) -> &'static str {
    match language {
        Language::English => reason.code(),
        Language::Arabic => in_arabic(reason),
    }
}

const fn in_arabic(reason: ReplaceReason) -> &'static str {
    match reason {
        ReplaceReason::Lost => "مفقود",
        ReplaceReason::Damaged => "تالف",
        ReplaceReason::Upgrade => "تحديث",
        _ => "مرتجع",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever adds a state or a reason says it in both languages.
    #[test]
    fn each_state_has_words_of_its_own() {
        let mut said = std::collections::BTreeSet::new();
        for standing in Standing::ALL {
            let (english, arabic) = words(*standing);
            assert!(english.is_ascii() && !arabic.is_ascii(), "{standing:?}");
            assert!(said.insert(english) && said.insert(arabic), "{standing:?}");
        }
        for reason in ReplaceReason::ALL {
            assert!(said.insert(in_arabic(*reason)), "{reason:?}");
        }
    }
}
