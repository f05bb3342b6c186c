//! What was left in a contract that has ended goes to another one of the same customer.

use card_core::id::Binding;
use card_core::units::{Balance, Piastres};
use card_ledger::{Entry, Kind, LedgerError, MoveOrder, Refusal};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

use super::correct::certified_output;
use super::given;
use crate::cli::meter_number;
use crate::commands::Error;
use crate::context::books::Books;
use crate::context::voucher_file::Taken;
use crate::view::{Output, egp};

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

fn binding(text: &str) -> Result<Binding, String> {
    let wrong =
        || "a contract is the meter's number and the binding's, in decimal digits, such as 17/1".to_owned();
    let (meter, number) = text.split_once('/').ok_or_else(wrong)?;
    let number = number.parse().ok().filter(|number| *number != 0);
    Ok(Binding { meter: meter_number(meter)?, number: number.ok_or_else(wrong)? })
}

fn estimate(text: &str) -> Result<i64, String> {
    let (sign, amount) = text.strip_prefix('-').map_or((1, text), |amount| (-1, amount));
    let amount = Piastres::from_egp(amount).map_err(|error| error.to_string())?;
    let amount = i64::try_from(amount.0).map_err(|_| "the amount is too large".to_owned())?;
    Ok(amount.saturating_mul(sign))
}

pub(super) fn run(books: &Books, order: &Move) -> Result<Output, Error> {
    let done = match (order.estimate, &order.reason) {
        (Some(left), Some(reason)) => propose(books, order, left, reason),
        _ => by_report(books, order),
    };
    done.map_err(|error| match error {
        Error::Ledger(LedgerError::Refused(Refusal::Closed(closed))) if closed == order.from => {
            let contract = said(closed);
            given(format!(
                "what was left in {contract} has been moved already: look at the contract's number"
            ))
        }
        error => error,
    })
}

fn by_report(books: &Books, order: &Move) -> Result<Output, Error> {
    let report = books.office.final_report(order.from)?.ok_or_else(|| {
        given(format!(
            "the ledger has no final report of {}: take the card of the meter's new contract to the meter, then `cardctl collect`; where the \
             meter can report no more, propose an estimate with --estimate EGP --reason TEXT",
            said(order.from)
        ))
    })?;
    let taken = order.out.as_deref().map(Taken::create).transpose()?;
    let certified = books.office.move_credit(&books.who, &books.id, order.to, &report)?;
    certified_output(books, &certified, taken, order.out.as_deref())
}

fn propose(books: &Books, order: &Move, left: i64, reason: &str) -> Result<Output, Error> {
    let estimated = MoveOrder::estimated(order.from, order.to, left);
    books.office.propose_move(&books.who, &books.id, &estimated, reason)?;
    let id = &books.id;
    let text = format!(
        "proposed: {}; another one agrees with `cardctl --actor NAME ledger approve {id}`",
        in_words(&estimated)
    );
    let mut json = in_json(&estimated);
    if let Some(fields) = json.as_object_mut() {
        let _ = fields.insert("request".to_owned(), json!(id));
    }
    Ok(Output::new(text, json))
}

/// The move that an entry proposes, in words and for programs.
pub(super) fn proposed(entry: &Entry) -> Option<(String, Value)> {
    let mut document: Value = serde_json::from_slice(&entry.payload).ok()?;
    let order = document.get_mut("move").filter(|_| entry.kind == Kind::Propose)?.take();
    let order: MoveOrder = serde_json::from_value(order).ok()?;
    Some((in_words(&order), in_json(&order)))
}

fn in_words(order: &MoveOrder) -> String {
    let left = egp(Balance(order.left().unwrap_or_default()));
    format!("{left} go from {} to {}", said(order.from()), said(order.to()))
}

fn in_json(order: &MoveOrder) -> Value {
    json!({ "from": named(order.from()), "to": named(order.to()), "left": order.left() })
}

fn said(Binding { meter, number }: Binding) -> String {
    format!("contract {meter}/{number}")
}

fn named(Binding { meter, number }: Binding) -> Value {
    json!({ "meter": meter.number(), "binding": number })
}
