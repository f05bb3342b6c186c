//! What somebody may do (docs/ledger.md, section 5): of staff and of channels' tokens alike.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use super::entry::codes;

codes! {
    /// One thing that somebody may do.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    Power {
        /// Sell, serve a card at a desk, and hand in what comes back.
        Sell = "sell",
        /// Take credit back, enter debts, take contracts from elsewhere.
        Correct = "correct",
        /// Agree as second person.
        Approve = "approve",
        /// Draw the next master.
        Keys = "keys",
        /// Sign heads, export, and copy the ledger.
        Audit = "audit",
        /// Enter who sells, by which rules, who works here, and what meters do.
        Settings = "settings",
    }
}

impl Power {
    const fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// All that somebody may do. As text the codes, with commas between them: `sell,approve`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Powers(u8);

/// A text names no powers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("name what may be done, with commas between: sell, correct, approve, keys, audit, settings")]
pub struct NoPowers;

impl Powers {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything: of whoever works alone.
    pub const ALL: Self = Self(0x3F);

    /// With one more.
    #[must_use]
    pub const fn with(self, power: Power) -> Self {
        Self(self.0 | power.bit())
    }

    /// Whether this one is among them.
    pub const fn has(self, power: Power) -> bool {
        self.0 & power.bit() != 0
    }

    /// Whether it is nothing at all.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What a channel's token may do by its own power: whoever approves there sells, too.
    pub const fn of_token(power: Power) -> Self {
        Self::NONE.with(Power::Sell).with(power)
    }
}

impl fmt::Display for Powers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut held = Power::ALL.iter().filter(|power| self.has(**power));
        if let Some(first) = held.next() {
            f.write_str(first.code())?;
        }
        held.try_for_each(|power| write!(f, ",{power}"))
    }
}

impl FromStr for Powers {
    type Err = NoPowers;

    fn from_str(text: &str) -> Result<Self, NoPowers> {
        text.split(',').try_fold(Self::NONE, |powers, code| {
            Ok(powers.with(Power::from_code(code.trim()).ok_or(NoPowers)?))
        })
    }
}

impl TryFrom<String> for Powers {
    type Error = NoPowers;

    fn try_from(text: String) -> Result<Self, NoPowers> {
        text.parse()
    }
}

impl From<Powers> for String {
    fn from(powers: Powers) -> Self {
        powers.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_written_as_they_are_read() {
        assert_eq!(Powers::ALL.to_string(), "sell,correct,approve,keys,audit,settings");
        assert_eq!(Powers::ALL.to_string().parse(), Ok(Powers::ALL));
        assert_eq!("approve, sell".parse(), Ok(Powers::of_token(Power::Approve)));
        for text in ["", "sell,", "all", "Sell", "sell;approve"] {
            assert_eq!(text.parse::<Powers>(), Err(NoPowers), "{text:?}");
        }
    }
}
