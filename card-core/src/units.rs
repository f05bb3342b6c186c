//! Money, energy and time as integers with their unit in the type (specification, section 1).

use core::fmt;

use crate::numerals::{NumberError, decimal};

/// An amount of money in piastres (EGP/100). Arithmetic is checked: there is no wrapping and no rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Piastres(pub u64);

impl Piastres {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, or `None` where it does not fit 64 bits.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The difference, or `None` where it would be negative.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }

    /// The difference, or nothing where it would be negative.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// Reads an amount in EGP as people write it: `123`, `123.4` or `١٢٣٫٤٥` ([`crate::numerals`]), no sign.
    pub fn from_egp(text: &str) -> Result<Self, AmountError> {
        decimal(text, 2).map(Self).map_err(|error| match error {
            NumberError::NotANumber => AmountError::NotANumber,
            NumberError::TooManyDecimals => AmountError::TooManyDecimals,
            NumberError::TooLarge => AmountError::TooLarge,
        })
    }
}

impl fmt::Display for Piastres {
    /// In EGP with two decimals: `123.45`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// A text is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Something other than digits and one point.
    #[error("an amount is written in EGP with digits and at most one point, like 50, 50.25 or ٥٠٫٢٥")]
    NotANumber,
    /// Finer than a piastre.
    #[error("an amount has at most two decimals: a piastre is the smallest unit")]
    TooManyDecimals,
    /// Does not fit.
    #[error("the amount is too large")]
    TooLarge,
}

/// A difference of money, in piastres; below zero it is a debt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Balance(pub i64);

impl Balance {
    /// The balance after `credit` more and `debit` less, or `None` where it does not fit.
    pub fn apply(self, credit: Piastres, debit: Piastres) -> Option<Self> {
        let sum = i128::from(self.0) + i128::from(credit.0) - i128::from(debit.0);
        i64::try_from(sum).ok().map(Self)
    }
}

impl fmt::Display for Balance {
    /// In EGP with two decimals and, where negative, a minus sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", Piastres(self.0.unsigned_abs()))
    }
}

/// An amount of energy in units of 10 Wh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Energy(pub u32);

impl fmt::Display for Energy {
    /// In kWh with two decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} kWh", self.0 / 100, self.0 % 100)
    }
}

/// Card time: seconds since 2020-01-01T00:00:00Z. Zero means "not set"; the last value is in February 2156.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CardTime(pub u32);

impl CardTime {
    /// POSIX seconds of card time 0.
    pub const EPOCH: u64 = 1_577_836_800;
    /// Not set.
    pub const UNSET: Self = Self(0);

    /// From POSIX seconds; `None` before 2020 or after the last value.
    pub fn from_unix(seconds: u64) -> Option<Self> {
        seconds.checked_sub(Self::EPOCH).and_then(|s| u32::try_from(s).ok()).map(Self)
    }

    /// As POSIX seconds.
    pub fn to_unix(self) -> u64 {
        Self::EPOCH + u64::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (text, value) in
            [("0", 0), ("50", 5000), ("50.2", 5020), ("50.25", 5025), ("184467440737095516.15", u64::MAX)]
        {
            assert_eq!(Piastres::from_egp(text), Ok(Piastres(value)), "{text}");
        }
        assert_eq!(Piastres(5025).to_string(), "50.25");
        for text in ["", ".", "5.", ".5", "-5", "+5", "5,0", "1e3"] {
            assert_eq!(Piastres::from_egp(text), Err(AmountError::NotANumber), "{text}");
        }
        assert_eq!(Piastres::from_egp("5.005"), Err(AmountError::TooManyDecimals));
        assert_eq!(Piastres::from_egp("184467440737095516.16"), Err(AmountError::TooLarge));
    }

    #[test]
    fn a_balance_below_zero_shows_its_sign() {
        assert_eq!(Balance(-5).to_string(), "-0.05");
        assert_eq!(Balance(0).apply(Piastres(u64::MAX), Piastres(0)), None);
        assert_eq!(Balance(3).apply(Piastres(4), Piastres(10)), Some(Balance(-3)));
    }
}
