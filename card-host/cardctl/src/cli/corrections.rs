//! `cardctl ledger`: corrections and moves.

use card_core::id::{Binding, CardId, MeterId};
use card_core::units::Piastres;
use card_ledger::{DebitTo, GiveBack, GiveTo, PartyCode, Payee, RequestId, RequestKey};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

use super::policy::Shown;
use super::values::{binding, card, meter_number};
use crate::commands::ledger::{correct, moves};

/// Which contract.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Of {
    /// By the customer's present card: 16 hexadecimal digits.
    #[arg(long, value_name = "CARD", value_parser = card)]
    card: Option<CardId>,
    /// By the meter's number, in decimal digits.
    #[arg(long, value_name = "METER", value_parser = meter_number)]
    meter: Option<MeterId>,
}

impl Of {
    pub(crate) fn payee(&self) -> Payee {
        match (self.card, self.meter) {
            (Some(card), _) => Payee::Card(card),
            (None, meter) => Payee::Meter(meter.unwrap_or(MeterId([0; 8]))),
        }
    }
}

/// Which request of whom.
#[derive(Args)]
pub(crate) struct Request {
    /// The id of the request.
    id: RequestId,
    /// Whose it is.
    #[arg(long, value_name = "PARTY", default_value = "company")]
    party: PartyCode,
}

impl Request {
    pub(crate) fn key(&self) -> RequestKey {
        RequestKey { party: self.party.clone(), id: self.id.clone() }
    }
}

#[derive(Args)]
pub(crate) struct Debit {
    #[command(flatten)]
    of: Of,
    /// In EGP.
    #[arg(value_parser = Piastres::from_egp)]
    amount: Piastres,
    /// Where it goes.
    #[arg(long, value_enum, default_value_t = To::Cash)]
    to: To,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Writes the voucher to this file, which must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum To {
    /// The money is given back here.
    Cash,
    /// It pays the customer's debt.
    Debt,
    /// It was certified by mistake.
    Correction,
}

impl Debit {
    pub(crate) fn options(self) -> correct::Debit {
        let Self { of, amount, to, reason, out } = self;
        let to = match to {
            To::Cash => DebitTo::Cash,
            To::Debt => DebitTo::Debt,
            To::Correction => DebitTo::Correction,
        };
        correct::Debit { payee: of.payee(), amount, to, reason, out }
    }
}

#[derive(Args)]
pub(crate) struct Reasoned {
    #[command(flatten)]
    pub(crate) of: Of,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) shown: Shown,
}

#[derive(Args)]
pub(crate) struct Move {
    /// The contract that has ended: number of the meter, and of its binding, such as 17/1. `cardctl reconcile` lists those that wait.
    #[arg(long, value_name = "METER/BINDING", value_parser = binding)]
    from: Binding,
    /// The customer's other contract, which is open.
    #[arg(long, value_name = "METER/BINDING", value_parser = binding)]
    to: Binding,
    /// Proposes to move so much, in EGP, where there is no final report; below zero it is a debt.
    #[arg(long, value_name = "EGP", value_parser = estimate, allow_negative_numbers = true, requires = "reason")]
    estimate: Option<i64>,
    /// Why it is estimated, and how.
    #[arg(long, value_name = "TEXT", requires = "estimate")]
    reason: Option<String>,
    /// Writes the voucher to this file, which must not exist.
    #[arg(long, value_name = "FILE", conflicts_with = "estimate")]
    out: Option<PathBuf>,
}

impl Move {
    pub(crate) fn options(self) -> moves::Move {
        let Self { from, to, estimate, reason, out } = self;
        moves::Move { from, to, estimate: estimate.zip(reason), out }
    }
}

#[derive(Args)]
pub(crate) struct GiveBackArguments {
    /// The contract that has ended: number of the meter, and of its binding, such as 17/1.
    #[arg(long, value_name = "METER/BINDING", value_parser = binding)]
    of: Binding,
    /// How: as cash, at this vending point; or by a transfer from the bank.
    #[arg(long, value_enum, default_value_t = By::Cash)]
    by: By,
    /// So much is left, in EGP, where there is no final report; below zero the customer owes it.
    #[arg(long, value_name = "EGP", value_parser = estimate, allow_negative_numbers = true)]
    estimate: Option<i64>,
    /// Why; of an estimate, how it was made.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Cash,
    Transfer,
}

impl GiveBackArguments {
    pub(crate) fn options(self) -> (GiveBack, String) {
        let to = match self.by {
            By::Cash => GiveTo::Cash,
            By::Transfer => GiveTo::Transfer,
        };
        (GiveBack::new(self.of, to, self.estimate), self.reason)
    }
}

fn estimate(text: &str) -> Result<i64, String> {
    let (sign, amount) = text.strip_prefix('-').map_or((1, text), |amount| (-1, amount));
    let amount = Piastres::from_egp(amount).map_err(|error| error.to_string())?;
    let amount = i64::try_from(amount.0).map_err(|_| "the amount is too large".to_owned())?;
    Ok(amount.saturating_mul(sign))
}
