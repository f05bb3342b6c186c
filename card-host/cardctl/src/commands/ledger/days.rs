//! Cash, days, and what leaves the ledger: exports and copies.

use card_core::calendar::Calendar;
use card_core::units::{CardTime, Piastres};
use card_ledger::{ExportOrder, LedgerError, PointCode, Power, trial_balance as add_up, trial_balance_at};
use std::path::Path;

use crate::commands::audit;
use crate::commands::progress::progress;
use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::context::workplace::Workplace;
use crate::local;
use crate::view::ledger::days::{Closed, Copied, Deposit, Exported, Restored, Trial};

pub(crate) fn deposit(
    books: &Books,
    of: &PointCode,
    amount: Piastres,
    reason: &str,
) -> Result<Deposit, Error> {
    let entry = books.office.deposit(&books.who, books.id()?, of, amount, reason)?;
    let request = books.id()?.clone();
    Ok(Deposit { request, amount: amount.0, point: entry.point, number: entry.number, of: of.clone() })
}

pub(crate) fn close(
    books: &Books,
    workplace: &Workplace,
    of: &PointCode,
    counted: Piastres,
    reason: &str,
) -> Result<Closed, Error> {
    let key = audit::secret(workplace)?;
    let day = books.office.close_day(&books.who, books.id()?, of, counted, reason, key.as_ref())?;
    Ok(Closed { request: books.id()?.clone(), signed: key.is_some(), day })
}

pub(crate) fn trial_balance(books: &Books, at: Option<&str>) -> Result<Trial, Error> {
    let ledger = books.office.ledger();
    Ok(match at {
        Some(at) => trial_balance_at(ledger, local::end_of_day(&Calendar::EGYPT, day(at)?))?.into(),
        None => add_up(ledger)?.into(),
    })
}

fn day(text: &str) -> Result<u16, Error> {
    local::day_number(text).ok_or_else(|| given(format!("{text:?} is no day: write it 2026-11-22")))
}

pub(crate) fn export(
    books: &Books,
    workplace: &Workplace,
    folder: &Path,
    from: Option<&str>,
    to: Option<&str>,
    points: &[PointCode],
    bom: bool,
) -> Result<Exported, Error> {
    books.who.must(Power::Audit).map_err(LedgerError::from)?;
    let key = audit::secret(workplace)?;
    let now = books.office.now()?;
    let calendar = Calendar::EGYPT;
    let order = ExportOrder {
        points: points.to_vec(),
        from: match from {
            Some(text) => {
                day(text)?.checked_sub(1).map_or(CardTime(1), |before| local::end_of_day(&calendar, before))
            }
            None => CardTime(1),
        },
        until: match to {
            Some(text) => local::end_of_day(&calendar, day(text)?),
            None => CardTime(now.0.saturating_add(1)),
        },
        now,
        bom,
    };
    let manifest = card_ledger::export(books.office.ledger(), key.as_ref(), &order, folder, &mut progress())?;
    Ok(Exported { manifest, signed: key.is_some() })
}

pub(crate) fn backup(books: &Books, file: &Path) -> Result<Copied, Error> {
    books.who.must(Power::Audit).map_err(LedgerError::from)?;
    let Some(ledger) = &books.sqlite else {
        return Err(given("a database is copied by its own tools: pg_basebackup or pg_dump"));
    };
    ledger.backup(file)?;
    Ok(Copied { file: file.display().to_string() })
}

pub(crate) fn restored(books: &Books, reason: &str) -> Result<Restored, Error> {
    let restored = books.office.declare_restored(&books.who, books.id()?, reason)?;
    Ok(Restored { request: books.id()?.clone(), epoch: restored.epoch, marked: restored.marked })
}
