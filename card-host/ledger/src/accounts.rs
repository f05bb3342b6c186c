//! The chart of accounts (docs/ledger.md, section 2).

use card_core::id::{Binding, Channel, MeterId};
use std::fmt;
use std::str::FromStr;

use super::names::{ChargeCode, PartyCode, PointCode};
use super::records::{Party, Point};

/// An account of the ledger. Stored and exported as the text that it prints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// `cash:POINT`: money that a vending point has taken and not handed over. An asset.
    Cash(PointCode),
    /// `receivable:PARTY`: money that a bank or a wallet has taken from customers, and not handed over. An asset.
    Receivable(PartyCode),
    /// `bank`: money that vending points have handed over. An asset.
    Bank,
    /// `paid:POINT`: paid by customers there, and not certified yet. A liability.
    Paid(PointCode),
    /// `credit:METER/BINDING`: certified to a binding: total credit less total debited, until the binding is closed. A liability.
    Credit(Binding),
    /// `fee:CODE`: fees of the company or the channel. Income.
    Fee(ChargeCode),
    /// `levy:CODE`: owed to third parties, such as the governorate. A liability.
    Levy(ChargeCode),
    /// `debt:ACCOUNT`: what a customer owes and pays with sales. An asset.
    Debt(u64),
    /// `commission:PARTY`: what a channel has kept of what it took. An expense.
    Commission(PartyCode),
    /// `moves`: between a closed binding and a new one. Zero after each entry.
    Moves,
    /// `consumed`: what was used up in closed bindings. Income.
    Consumed,
    /// `opening`: what came from other books. Equity.
    Opening,
    /// `corrections`: what was certified by mistake, and debited. Expense and income.
    Corrections,
    /// `recovered`: what evidence shows after a restore and the ledger had lost: to be claimed from the channels. An asset.
    Recovered,
    /// `differences:POINT`: counted cash against booked cash. Expense and income.
    Differences(PointCode),
}

/// A text names no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no account of the ledger: see the chart of accounts")]
pub struct UnknownAccount(pub String);

/// What an account is in a balance sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Grows by debits.
    Asset,
    /// Grows by credits.
    Liability,
    /// Grows by credits.
    Equity,
    /// Grows by credits.
    Income,
}

impl LedgerAccount {
    /// Its class.
    pub const fn class(&self) -> Class {
        match self {
            Self::Cash(_) | Self::Receivable(_) | Self::Bank | Self::Debt(_) | Self::Recovered => {
                Class::Asset
            }
            Self::Paid(_) | Self::Credit(_) | Self::Levy(_) | Self::Moves => Class::Liability,
            Self::Opening => Class::Equity,
            Self::Fee(_)
            | Self::Commission(_)
            | Self::Consumed
            | Self::Corrections
            | Self::Differences(_) => Class::Income,
        }
    }
}

impl LedgerAccount {
    /// Where what a vending point takes is booked: as its cash, or as what a bank or wallet owes, which has no cash.
    pub(super) fn taken_at(point: &Point, party: &Party) -> Self {
        match party.channel {
            Channel::Bank | Channel::Wallet => Self::Receivable(party.code.clone()),
            _ => Self::Cash(point.code.clone()),
        }
    }

    /// Whether it holds what sellers have taken from customers.
    pub(super) const fn is_taken(&self) -> bool {
        matches!(self, Self::Cash(_) | Self::Receivable(_))
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cash(point) => write!(f, "cash:{point}"),
            Self::Receivable(party) => write!(f, "receivable:{party}"),
            Self::Commission(party) => write!(f, "commission:{party}"),
            Self::Bank => f.write_str("bank"),
            Self::Paid(point) => write!(f, "paid:{point}"),
            Self::Credit(binding) => write!(f, "credit:{:X}/{}", binding.meter, binding.number),
            Self::Fee(code) => write!(f, "fee:{code}"),
            Self::Levy(code) => write!(f, "levy:{code}"),
            Self::Debt(account) => write!(f, "debt:{account}"),
            Self::Moves => f.write_str("moves"),
            Self::Consumed => f.write_str("consumed"),
            Self::Opening => f.write_str("opening"),
            Self::Corrections => f.write_str("corrections"),
            Self::Recovered => f.write_str("recovered"),
            Self::Differences(point) => write!(f, "differences:{point}"),
        }
    }
}

impl FromStr for LedgerAccount {
    type Err = UnknownAccount;

    fn from_str(text: &str) -> Result<Self, UnknownAccount> {
        let unknown = || UnknownAccount(text.chars().take(80).collect());
        let (kind, of) = text.split_once(':').unwrap_or((text, ""));
        let account = match kind {
            "cash" => Self::Cash(of.parse().map_err(|_| unknown())?),
            "receivable" => Self::Receivable(of.parse().map_err(|_| unknown())?),
            "commission" => Self::Commission(of.parse().map_err(|_| unknown())?),
            "paid" => Self::Paid(of.parse().map_err(|_| unknown())?),
            "differences" => Self::Differences(of.parse().map_err(|_| unknown())?),
            "fee" => Self::Fee(of.parse().map_err(|_| unknown())?),
            "levy" => Self::Levy(of.parse().map_err(|_| unknown())?),
            "debt" => Self::Debt(of.parse().map_err(|_| unknown())?),
            "credit" => {
                let (meter, number) = of.split_once('/').ok_or_else(unknown)?;
                let mut id = [0; 8];
                hex::decode_to_slice(meter, &mut id).map_err(|_| unknown())?;
                Self::Credit(Binding { meter: MeterId(id), number: number.parse().map_err(|_| unknown())? })
            }
            "bank" => Self::Bank,
            "moves" => Self::Moves,
            "consumed" => Self::Consumed,
            "opening" => Self::Opening,
            "corrections" => Self::Corrections,
            "recovered" => Self::Recovered,
            _ => return Err(unknown()),
        };
        // One spelling only: exports are compared as texts.
        if account.to_string() == text { Ok(account) } else { Err(unknown()) }
    }
}
