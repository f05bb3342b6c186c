//! What is proposed to a second person, as it is kept in its entry (docs/ledger.md, section 6).

use card_core::id::{Binding, MeterId};
use serde::{Deserialize, Serialize};

use super::clock::TimeOrder;
use super::moves::MoveOrder;

/// Where a debit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DebitTo {
    /// The money is given back at the vending point.
    Cash,
    /// It pays the customer's debt.
    Debt,
    /// It was certified by mistake.
    Correction,
}

/// How it is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GiveTo {
    /// As cash, at the vending point.
    Cash,
    /// From the company's bank.
    Transfer,
}

/// What was left in a contract that has ended, to be given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GiveBack {
    /// Meter and number of the contract.
    of: (u64, u32),
    /// How.
    to: GiveTo,
    /// What is estimated to be left, in piastres; below zero the customer owes it. `None`: by the final report.
    left: Option<i64>,
}

impl GiveBack {
    /// By the final report, or by an estimate in piastres.
    pub fn new(of: Binding, to: GiveTo, left: Option<i64>) -> Self {
        Self { of: (of.meter.number(), of.number), to, left }
    }

    /// The contract.
    pub fn of(&self) -> Binding {
        Binding { meter: MeterId::from(self.of.0), number: self.of.1 }
    }

    /// How.
    pub const fn to(&self) -> GiveTo {
        self.to
    }

    /// What is estimated to be left; `None`: by the final report.
    pub const fn left(&self) -> Option<i64> {
        self.left
    }
}

/// What is proposed to a second person, as it is kept in the entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Proposal {
    Debit {
        to: DebitTo,
        amount: u64,
    },
    Move(MoveOrder),
    GiveBack(GiveBack),
    Time(TimeOrder),
    /// What is done by whoever asked for it, once another one has agreed.
    Ask {
        what: String,
        of: String,
    },
}

impl Proposal {
    /// Whether cash is given out by it.
    pub(super) const fn gives_cash(&self) -> bool {
        match self {
            Self::Debit { to, .. } => matches!(to, DebitTo::Cash),
            Self::GiveBack(order) => matches!(order.to(), GiveTo::Cash),
            _ => false,
        }
    }
}

/// What a proposed move closes, as its entry says.
pub(super) fn moves_from(payload: &[u8]) -> Option<Binding> {
    match serde_json::from_slice(payload).ok()? {
        Proposal::Move(order) => Some(order.from()),
        _ => None,
    }
}
