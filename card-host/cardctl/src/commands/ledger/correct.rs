//! Corrections, and the second person.

use card_core::units::Piastres;
use card_ledger::{
    Approved, Certified, DebitOrder, DebitTo, LedgerError, Payee, PointCode, Refusal, RequestId, RequestKey,
    Sale, SaleState, Who,
};
use std::path::{Path, PathBuf};

use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::context::voucher_file::Taken;
use crate::view::ledger::correct::{Agreed, CertifiedView, Debt, Ended, Proposed, ProposedTime, Withdrawn};
use crate::view::ledger::give_back::Given;
use crate::view::table::egp;

/// What is taken back.
pub(crate) struct Debit {
    pub(crate) payee: Payee,
    pub(crate) amount: Piastres,
    pub(crate) to: DebitTo,
    pub(crate) reason: String,
    /// Writes the voucher to this file, which must not exist.
    pub(crate) out: Option<PathBuf>,
}

fn order(books: &Books, debit: &Debit) -> Result<DebitOrder, Error> {
    Ok(DebitOrder {
        who: books.who.clone(),
        id: books.id()?.clone(),
        payee: debit.payee,
        amount: debit.amount,
        to: debit.to,
        reason: debit.reason.clone(),
    })
}

pub(crate) fn debit(books: &Books, debit: &Debit) -> Result<CertifiedView, Error> {
    let taken = debit.out.as_deref().map(|path| Taken::create(path, books.repeats())).transpose()?;
    match books.office.debit(&order(books, debit)?) {
        Ok(certified) => certified_view(books, &certified, taken, debit.out.as_deref()),
        Err(LedgerError::Refused(Refusal::ApprovalNeeded { amount })) => Err(given(format!(
            "{} need a second person: the same with `ledger propose` instead of `ledger debit`, and another one approves it",
            egp(amount)
        ))),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn propose(books: &Books, debit: &Debit) -> Result<Proposed, Error> {
    books.office.propose(&order(books, debit)?)?;
    Ok(Proposed::new(books.id()?.clone(), debit.amount))
}

pub(crate) fn clock(books: &Books, of: &PointCode, reason: &str) -> Result<ProposedTime, Error> {
    let time = books.office.propose_time(&books.who, books.id()?, of, reason)?;
    Ok(ProposedTime { request: books.id()?.clone(), point: of.clone(), time: time.to_unix() })
}

pub(crate) fn approve(books: &Books, request: &RequestKey, out: Option<&Path>) -> Result<Agreed, Error> {
    let taken = out.map(|path| Taken::create(path, true)).transpose()?;
    match books.office.approve(&books.who, request)? {
        Approved::Sale => Ok(Agreed::sale(request.id.clone())),
        Approved::Asked => Ok(Agreed::asked(request.id.clone())),
        Approved::Certified(certified) => {
            Ok(Agreed::Certified(certified_view(books, &certified, taken, out)?))
        }
        Approved::GivenBack(given) => Ok(Agreed::GivenBack(Given::new(&request.id, &given))),
        Approved::Time(point) => Ok(Agreed::Time { request: request.id.clone(), approved: "time", point }),
    }
}

/// A correction or a move that was certified; its voucher goes to the card.
pub(crate) fn certified_view(
    books: &Books,
    certified: &Certified,
    taken: Option<Taken>,
    out: Option<&Path>,
) -> Result<CertifiedView, Error> {
    let voucher = certified.parsed()?;
    if let Some(taken) = taken {
        taken.write(&voucher)?;
    }
    let file = out.map(|path| path.display().to_string());
    Ok(CertifiedView::new(books.id()?.clone(), voucher.card, certified, file))
}

pub(crate) fn withdraw(books: &Books, id: &RequestId) -> Result<Withdrawn, Error> {
    books.office.withdraw(&books.who, id)?;
    Ok(id.clone().into())
}

/// A sale, and its seller at the vending point where it was announced.
fn announced(books: &Books, request: &RequestKey) -> Result<(Sale, Who), Error> {
    let sale = books.office.status(request)?;
    let (party, point) = (request.party.clone(), sale.entry.point.clone());
    Ok((sale, Who { party, point, ..books.who.clone() }))
}

pub(crate) fn cancel(books: &Books, request: &RequestKey) -> Result<Ended, Error> {
    let (before, who) = announced(books, request)?;
    let RequestKey { party, id } = request;
    if before.state == SaleState::Paid {
        return Err(given(format!(
            "request {id} is paid: give the money back with `cardctl ledger refund {id} --party {party} --reason TEXT`"
        )));
    }
    Ok(Ended::new(books.office.cancel(&who, id)?, false))
}

pub(crate) fn refund(books: &Books, request: &RequestKey, reason: &str) -> Result<Ended, Error> {
    let (before, who) = announced(books, request)?;
    let RequestKey { party, id } = request;
    if matches!(before.state, SaleState::Reserved | SaleState::Cancelled) {
        return Err(given(format!(
            "nothing was paid under request {id}: end it with `cardctl ledger cancel {id} --party {party}`"
        )));
    }
    Ok(Ended::new(books.office.refund(&who, id, reason)?, true))
}

pub(crate) fn debt(books: &Books, account: u64, amount: Piastres, reason: &str) -> Result<Debt, Error> {
    books.office.debt(&books.who, books.id()?, account, amount, reason)?;
    let owes = card_ledger::read(books.office.ledger(), |t| t.customer(account))?.unwrap_or_default();
    Ok(Debt { request: books.id()?.clone(), account, debt: owes.debt.0 })
}
