//! Corrections, and the second person.

use card_core::units::Piastres;
use card_ledger::{
    Approved, Certified, DebitOrder, LedgerError, Refusal, RequestId, RequestKey, Sale, SaleState, Who,
};
use serde_json::json;
use std::path::Path;

use super::{Debit, Reasoned};
use crate::commands::Error;
use crate::context::books::Books;
use crate::context::voucher_file::Taken;
use crate::view::{Output, Table, egp};

fn order(books: &Books, debit: &Debit) -> DebitOrder {
    DebitOrder {
        who: books.who.clone(),
        id: books.id.clone(),
        payee: debit.of.payee(),
        amount: debit.amount,
        to: debit.to.into(),
        reason: debit.reason.clone(),
    }
}

pub(super) fn debit(books: &Books, debit: &Debit) -> Result<Output, Error> {
    let taken = debit.out.as_deref().map(Taken::create).transpose()?;
    match books.office.debit(&order(books, debit)) {
        Ok(certified) => certified_output(books, &certified, taken, debit.out.as_deref()),
        Err(LedgerError::Refused(Refusal::ApprovalNeeded { amount })) => Err(super::given(format!(
            "{} need a second person: the same with `ledger propose` instead of `ledger debit`, and another one approves it",
            egp(amount)
        ))),
        Err(error) => Err(error.into()),
    }
}

pub(super) fn propose(books: &Books, debit: &Debit) -> Result<Output, Error> {
    books.office.propose(&order(books, debit))?;
    let id = &books.id;
    let text = format!(
        "{} proposed; another one agrees with `cardctl --actor NAME ledger approve {id}`",
        egp(debit.amount)
    );
    Ok(Output::new(text, json!({ "request": id, "amount": debit.amount.0 })))
}

pub(super) fn approve(books: &Books, request: &RequestKey, out: Option<&Path>) -> Result<Output, Error> {
    let taken = out.map(Taken::create).transpose()?;
    match books.office.approve(&books.who, request)? {
        Approved::Sale => {
            let text = format!(
                "approved; whoever announced it goes on with `cardctl --request {} top-up` and what was given then",
                request.id
            );
            Ok(Output::new(text, json!({ "request": request.id, "approved": "sale" })))
        }
        Approved::Certified(certified) => certified_output(books, &certified, taken, out),
    }
}

/// A correction or a move that was certified; its voucher goes to the card.
pub(super) fn certified_output(
    books: &Books,
    certified: &Certified,
    taken: Option<Taken>,
    out: Option<&Path>,
) -> Result<Output, Error> {
    let voucher = certified.parsed()?;
    if let Some(taken) = taken {
        taken.write(&voucher)?;
    }
    let mut table = Table::default();
    table.line("card", voucher.card);
    table.line("certificate", certified.sequence);
    table.line("total credit", egp(certified.total_credit));
    table.line("total debited", egp(certified.total_debited));
    let next = match out {
        Some(path) => format!("carry it to the card: cardctl load {}", path.display()),
        None => "bring it to the card at a branch: cardctl refresh".to_owned(),
    };
    table.line("next", next);
    let json = json!({
        "request": books.id, "card": voucher.card.to_string(), "sequence": certified.sequence,
        "total_credit": certified.total_credit.0, "total_debited": certified.total_debited.0,
        "voucher": hex::encode_upper(&certified.voucher),
    });
    Ok(Output::new(table.finish(), json))
}

pub(super) fn withdraw(books: &Books, id: &RequestId) -> Result<Output, Error> {
    books.office.withdraw(&books.who, id)?;
    Ok(Output::new(format!("{id} is withdrawn"), json!({ "request": id, "withdrawn": true })))
}

/// A sale, and its seller at the vending point where it was announced.
fn announced(books: &Books, request: &RequestKey) -> Result<(Sale, Who), Error> {
    let sale = books.office.status(request)?;
    let (party, point) = (request.party.clone(), sale.entry.point.clone());
    Ok((sale, Who { party, point, actor: books.who.actor.clone() }))
}

pub(super) fn cancel(books: &Books, request: &RequestKey) -> Result<Output, Error> {
    let (before, who) = announced(books, request)?;
    let RequestKey { party, id } = request;
    if before.state == SaleState::Paid {
        return Err(super::given(format!(
            "request {id} is paid: give the money back with `cardctl ledger refund {id} --party {party} --reason TEXT`"
        )));
    }
    let sale = books.office.cancel(&who, id)?;
    let text =
        format!("request {id} is cancelled: {} were announced, and nothing was paid", egp(sale.amount));
    Ok(Output::new(text, ended(&sale)))
}

pub(super) fn refund(books: &Books, request: &RequestKey, reason: &str) -> Result<Output, Error> {
    let (before, who) = announced(books, request)?;
    let RequestKey { party, id } = request;
    if matches!(before.state, SaleState::Reserved | SaleState::Cancelled) {
        return Err(super::given(format!(
            "nothing was paid under request {id}: end it with `cardctl ledger cancel {id} --party {party}`"
        )));
    }
    let sale = books.office.refund(&who, id, reason)?;
    let text =
        format!("{} of request {id} are given back at vending point {}", egp(sale.amount), sale.entry.point);
    Ok(Output::new(text, ended(&sale)))
}

fn ended(sale: &Sale) -> serde_json::Value {
    json!({
        "request": sale.request.id, "party": sale.request.party, "point": sale.entry.point,
        "amount": sale.amount.0, "state": sale.state.code(),
    })
}

pub(super) fn debt(books: &Books, account: u64, amount: Piastres, reason: &str) -> Result<Output, Error> {
    books.office.debt(&books.who, &books.id, account, amount, reason)?;
    let owes = card_ledger::read(books.office.ledger(), |t| t.customer(account))?.unwrap_or_default();
    let text = format!("account {account} owes {} now, and pays with sales", egp(owes.debt));
    Ok(Output::new(text, json!({ "request": books.id, "account": account, "debt": owes.debt.0 })))
}

pub(super) fn block(books: &Books, block: &Reasoned, blocked: bool) -> Result<Output, Error> {
    let record = books.office.block(&books.who, &books.id, block.of.payee(), blocked, &block.reason)?;
    let card = record.held.card.id;
    let text = match blocked {
        true => format!("card {card} is blocked: nothing is sold to it, until it is unblocked or replaced"),
        false => format!("card {card} is not blocked any more"),
    };
    Ok(Output::new(text, json!({ "request": books.id, "card": card.to_string(), "blocked": blocked })))
}
