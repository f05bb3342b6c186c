//! What was left in a contract that has ended goes to another one of the same customer.

use card_core::id::Binding;
use card_ledger::{Entry, Kind, LedgerError, MoveOrder, Refusal};
use serde::Deserialize;
use std::path::PathBuf;

use super::correct::certified_view;
use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::context::voucher_file::Taken;
use crate::view::ledger::moves::{Contract, MoveView, Moved};

/// What was left in one contract goes to another one.
pub(crate) struct Move {
    pub(crate) from: Binding,
    pub(crate) to: Binding,
    /// Proposes to move so many piastres, and why it is so many, where there is no final report.
    pub(crate) estimate: Option<(i64, String)>,
    /// Writes the voucher to this file, which must not exist.
    pub(crate) out: Option<PathBuf>,
}

pub(crate) fn run(books: &Books, order: &Move) -> Result<Moved, Error> {
    let done = match &order.estimate {
        Some((left, reason)) => propose(books, order, *left, reason),
        None => by_report(books, order),
    };
    done.map_err(|error| match error {
        Error::Ledger(LedgerError::Refused(Refusal::Closed(closed))) if closed == order.from => {
            let contract = Contract::from(closed);
            given(format!(
                "what was left in {contract} has been moved already: look at the contract's number"
            ))
        }
        error => error,
    })
}

fn by_report(books: &Books, order: &Move) -> Result<Moved, Error> {
    let report = books.office.final_report(order.from)?.ok_or_else(|| {
        given(format!(
            "the ledger has no final report of {}: take the card of the meter's new contract to the meter, then `cardctl collect`; where the \
             meter can report no more, propose an estimate with --estimate EGP --reason TEXT",
            Contract::from(order.from)
        ))
    })?;
    let taken = order.out.as_deref().map(|path| Taken::create(path, books.repeats())).transpose()?;
    let certified = books.office.move_credit(&books.who, books.id()?, order.to, &report)?;
    Ok(Moved::Certified(certified_view(books, &certified, taken, order.out.as_deref())?))
}

fn propose(books: &Books, order: &Move, left: i64, reason: &str) -> Result<Moved, Error> {
    let estimated = MoveOrder::estimated(order.from, order.to, left);
    books.office.propose_move(&books.who, books.id()?, &estimated, reason)?;
    Ok(Moved::Proposed { request: books.id()?.clone(), order: (&estimated).into() })
}

/// The move that an entry proposes.
pub(crate) fn proposed(entry: &Entry) -> Option<MoveView> {
    let proposal: Proposal = serde_json::from_slice(&entry.payload).ok()?;
    (entry.kind == Kind::Propose).then(|| MoveView::from(&proposal.order))
}

/// The payload of such an entry.
#[derive(Deserialize)]
struct Proposal {
    #[serde(rename = "move")]
    order: MoveOrder,
}
