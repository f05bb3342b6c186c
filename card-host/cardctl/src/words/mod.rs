//! The words of tables in both languages, and sentences with a version for each. The terms are those of the glossary.

mod table;

#[cfg(test)]
#[path = "../../tests/it/latin.rs"]
mod latin;
#[cfg(test)]
pub(crate) use latin::latin;

use card_core::text::Language;
use std::fmt::Display;

use table::WORDS;

/// A word in Arabic, where it is one of ours.
pub(crate) fn word(english: &str) -> Option<&'static str> {
    WORDS.iter().find(|(known, _)| *known == english).map(|(_, arabic)| *arabic)
}

/// One of our words in the language.
pub(crate) fn words(language: Language, english: &'static str) -> &'static str {
    match language {
        Language::English => english,
        Language::Arabic => word(english).unwrap_or(english),
    }
}

/// What stands between the parts of a list.
pub(crate) const fn comma(language: Language) -> &'static str {
    match language {
        Language::English => ", ",
        Language::Arabic => "، ",
    }
}

/// Whether there are Arabic letters in it.
pub(crate) fn is_arabic(text: &str) -> bool {
    text.chars().any(|letter| matches!(letter, 'ء'..='ي'))
}

/// A sentence in the language, with values: `said!(language, "card {card} is blocked", "الكارت {card} موقوف", card = id)`. In Arabic each value is
/// kept in one piece. A name without a value is that variable.
macro_rules! said {
    ($language:expr, $english:literal, $arabic:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        match $language {
            card_core::text::Language::English => {
                format!($english $(, $name = $crate::words::said!(@ $name $($value)?))*)
            }
            card_core::text::Language::Arabic => {
                format!($arabic $(, $name = card_core::text::isolate(&$crate::words::said!(@ $name $($value)?)))*)
            }
        }
    };
    (@ $name:ident) => { $name };
    (@ $name:ident $value:expr) => { $value };
}
pub(crate) use said;

/// A text in English and in Arabic, where its language is chosen later.
pub(crate) struct Both(pub(crate) String, pub(crate) String);

impl Both {
    pub(crate) fn of(&self, language: Language) -> &str {
        match language {
            Language::English => &self.0,
            Language::Arabic => &self.1,
        }
    }
}

/// Both languages of [`said`].
macro_rules! both {
    ($english:literal, $arabic:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        $crate::words::Both(
            $crate::words::said!(card_core::text::Language::English, $english, $arabic $(, $name $(= $value)?)*),
            $crate::words::said!(card_core::text::Language::Arabic, $english, $arabic $(, $name $(= $value)?)*),
        )
    };
}
pub(crate) use both;

/// A sentence in the language.
pub(crate) fn say(language: Language, english: impl Display, arabic: impl Display) -> String {
    match language {
        Language::English => english.to_string(),
        Language::Arabic => arabic.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_stands_once_and_is_arabic() {
        for (index, (english, arabic)) in WORDS.iter().enumerate() {
            assert!(WORDS.iter().skip(index + 1).all(|(other, _)| other != english), "{english} twice");
            assert!(
                is_arabic(arabic) && !arabic.chars().any(|letter| letter.is_ascii_alphanumeric()),
                "{arabic}"
            );
        }
    }

    /// What the views name in their tables is in the list.
    #[test]
    fn each_name_in_a_table_has_a_word() {
        let sources = [
            include_str!("../view/card.rs"),
            include_str!("../view/collect.rs"),
            include_str!("../view/issue.rs"),
            include_str!("../view/meter/status.rs"),
            include_str!("../view/meter/run.rs"),
            include_str!("../view/meter/power.rs"),
            include_str!("../view/ledger/show.rs"),
            include_str!("../view/ledger/correct.rs"),
            include_str!("../view/ledger/days.rs"),
        ];
        let mut seen = 0;
        for source in sources {
            for call in [".line(", ".egp("] {
                for (_, after) in source.match_indices(call).map(|(at, _)| source.split_at(at + call.len())) {
                    let Some(name) =
                        after.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'))
                    else {
                        continue;
                    };
                    seen += 1;
                    assert!(word(name.0).is_some(), "{:?} has no word in Arabic", name.0);
                }
            }
        }
        assert!(seen > 60, "{seen}");
    }
}
