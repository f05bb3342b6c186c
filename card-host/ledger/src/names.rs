//! Names in the ledger: of parties and vending points, and of what a channel asks for.

use card_core::text::Language;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The party that the company itself is.
pub const COMPANY: &str = "company";
/// The vending point of the company's own work.
pub const OFFICE: &str = "office";

/// A text is not a name of this kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: {rule}")]
pub struct NameError {
    what: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $most:literal, $allowed:expr, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest, in characters.
            pub const MAX: usize = $most;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                let allowed: fn(u8) -> bool = $allowed;
                if text.is_empty() || text.len() > Self::MAX || !text.bytes().all(allowed) {
                    let text = text.chars().take(80).collect();
                    return Err(NameError { what: $what, text, rule: $rule });
                }
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

/// Whether a text is some words on one line that people can see, at most so many characters.
pub(crate) fn is_words(text: &str, most: usize) -> bool {
    let visible = |c: char| !c.is_whitespace() && !is_invisible(c);
    text.chars().any(visible) && text.chars().count() <= most && !text.chars().any(is_deceiving)
}

/// Ends a line, commands a terminal, or changes the order in which others are shown: never in a name or a reason.
fn is_deceiving(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Shows nothing by itself: what joins letters, marks a direction, or fills a place.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}'
    )
}

const fn is_code(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_')
}

const fn is_id(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':')
}

name!(
    /// Who sells or works with the ledger: the company itself, Fawry, a bank, a wallet. `fawry`.
    PartyCode, "code of a party", 24, is_code, "it has 1 to 24 characters of a-z, 0-9, '-', '.' and '_'"
);
name!(
    /// A till, a machine, a front server: one place where one sale is made at a time. `fawry-00017`.
    PointCode, "code of a vending point", 32, is_code, "it has 1 to 32 characters of a-z, 0-9, '-', '.' and '_'"
);
name!(
    /// What a channel calls one thing that it asks for. The channel makes it, stores it, and only then asks; it repeats with the same.
    RequestId, "id of a request", 64, is_id, "it has 1 to 64 characters of A-Z, a-z, 0-9, '-', '.', '_' and ':'"
);
impl From<u64> for RequestId {
    fn from(number: u64) -> Self {
        Self(number.to_string())
    }
}

impl RequestId {
    /// The id of what is entered beside this request: with `.what` behind it, or where that is too long, behind its hash.
    pub(super) fn beside(&self, what: &str) -> Result<Self, NameError> {
        let digest: [u8; 32] = Sha256::digest(&self.0).into();
        let hashed = || format!("{}.{what}", hex::encode(digest.get(..16).unwrap_or_default()));
        format!("{self}.{what}").parse().or_else(|_| hashed().parse())
    }
}

name!(
    /// What a fee or levy is called in the accounts: `service`, `cleaning`.
    ChargeCode, "code of a charge", 24, is_code, "it has 1 to 24 characters of a-z, 0-9, '-', '.' and '_'"
);

/// What customers read of a charge, at most [`ChargeName::MOST`] characters in each language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargeName {
    /// In Arabic.
    pub ar: String,
    /// In English.
    pub en: String,
}

impl ChargeName {
    /// The most characters, so that it fits a roll of 80 mm.
    pub const MOST: usize = 40;

    /// In a language.
    pub fn of(&self, language: Language) -> &str {
        match language {
            Language::Arabic => &self.ar,
            Language::English => &self.en,
        }
    }
}
