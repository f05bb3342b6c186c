//! What was given without a payment, and cash that was missing: each entry of the last weeks is shown (docs/ledger.md, sections 6 and 8).

use card_core::units::{CardTime, Piastres};

use super::{Exception, ExceptionKind as About, ReconcileOptions, Severity};
use crate::accounts::LedgerAccount;
use crate::close::covers_from;
use crate::entry::{Entry, Kind, Step};
use crate::error::LedgerError;
use crate::export::first_at;
use crate::give_back::{GivenBack, pays_out};
use crate::names::COMPANY;
use crate::records::Point;
use crate::store::Transaction;

const PAGE: u32 = 500;

/// What was recovered in the last weeks, at whatever vending point: a channel hands in evidence, too.
pub(super) fn recovered(
    t: &mut dyn Transaction,
    options: &ReconcileOptions,
    add: &mut dyn FnMut(Exception),
) -> Result<(), LedgerError> {
    let since = since(options);
    let mut after = None;
    loop {
        let page = t.recovered(after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        page.iter().filter(|entry| entry.time >= since).filter_map(shown).for_each(&mut *add);
    }
}

fn since(options: &ReconcileOptions) -> CardTime {
    CardTime(options.now.0.saturating_sub(options.carry_days.saturating_mul(86_400)))
}

/// The exceptions of a vending point, beside what was recovered there.
pub(super) fn of(
    t: &mut dyn Transaction,
    point: &Point,
    options: &ReconcileOptions,
) -> Result<Vec<Exception>, LedgerError> {
    let first = first_at(t, &point.code, since(options))?;
    let mut found = Vec::new();
    if point.party.as_str() == COMPANY {
        let mut after = first.saturating_sub(1);
        loop {
            let page = t.chain(&point.code, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = last.id.number;
            found.extend(page.iter().filter(|entry| entry.kind != Kind::Recover).filter_map(shown));
        }
        return Ok(found);
    }
    // Others sell much: from their last close it goes back to the one before, and so on.
    let (mut end, mut closed) = (point.number, false);
    while end >= first && end > 0 {
        let start = if closed { end.saturating_sub(1) } else { end.saturating_sub(PAGE.into()) };
        let length = u32::try_from(end.saturating_sub(start)).unwrap_or(PAGE);
        let page = t.chain(&point.code, start, length)?;
        let close = page.iter().rev().find_map(|entry| Some((entry, covers_from(entry)?)));
        found.extend(close.and_then(|(entry, _)| shown(entry)));
        (end, closed) = match close {
            Some((_, covers)) => (covers.saturating_sub(1), true),
            None => (start, false),
        };
    }
    Ok(found)
}

/// What an entry gave without a payment, or how much was missing.
fn shown(entry: &Entry) -> Option<Exception> {
    let (kind, severity, what) = match entry.kind {
        Kind::Adopt => (About::WithoutPayment, Severity::Warning, "was adopted from other books"),
        Kind::Move if entry.step == Step::Settled => {
            (About::WithoutPayment, Severity::Warning, "was moved by an estimate")
        }
        Kind::GiveBack if entry.step == Step::Settled => {
            (About::WithoutPayment, Severity::Warning, "was given back by two people at a contract's end")
        }
        Kind::GiveBack if entry.transfers.iter().any(pays_out) => {
            (About::WithoutPayment, Severity::Notice, "was given back at a contract's end")
        }
        Kind::Recover => (About::WithoutPayment, Severity::Warning, "was recovered after a restore"),
        Kind::Restore => (About::WithoutPayment, Severity::Warning, "of credit: a restore was declared"),
        Kind::Debit if gave_cash(entry) => {
            (About::WithoutPayment, Severity::Notice, "was given back in cash for credit")
        }
        Kind::Close if short(entry) => {
            (About::CashShort, Severity::Warning, "was missing when the day was closed")
        }
        _ => return None,
    };
    let recovered = entry.transfers.iter().filter(|transfer| transfer.debit == LedgerAccount::Recovered);
    let amount = match entry.kind {
        Kind::Recover => Piastres(recovered.fold(0, |sum, transfer| transfer.amount.0.saturating_add(sum))),
        _ => GivenBack::of_entry(entry).map_or(entry.amount, |given| given.paid),
    };
    let what = format!("{amount} EGP {what}, by {}: {:?}", entry.actor, entry.reason);
    Some(Exception {
        severity,
        kind,
        binding: entry.binding,
        point: Some(entry.id.point.clone()),
        request: Some(entry.request.clone()),
        account: entry.account,
        amount: amount.0.into(),
        since: entry.time,
        what,
    })
}

fn gave_cash(entry: &Entry) -> bool {
    entry.transfers.iter().any(|transfer| transfer.credit.is_taken())
}

fn short(entry: &Entry) -> bool {
    entry.transfers.iter().any(|transfer| matches!(transfer.debit, LedgerAccount::Differences(_)))
}
