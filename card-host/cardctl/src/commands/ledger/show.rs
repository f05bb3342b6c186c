//! How things stand in the ledger.

use card_ledger::{LedgerError, Payee, RequestKey, binding_of, read};

use std::path::Path;

use super::moves;
use crate::commands::Error;
use crate::context::books::Books;
use crate::view::ledger::show::{Begun, PointStanding, SaleView, Standing, Statement, Waiting};

/// The most that waits and is counted.
const MOST_WAITING: u32 = 1000;

pub(crate) fn begun(books: &Books, out: Option<&Path>) -> Begun {
    let secret = books.first.as_ref().filter(|_| out.is_none());
    Begun {
        begun: books.begun,
        company: books.office.scope().company.0,
        environment: books.office.scope().environment.to_string(),
        name: books.first.as_ref().map(|_| books.who.actor.clone()),
        secret: secret.map(|secret| secret.as_str().to_owned()),
        file: out.filter(|_| books.first.is_some()).map(|out| out.display().to_string()),
    }
}

pub(crate) fn status(books: &Books) -> Result<Standing, Error> {
    let points = books.points()?;
    let (epoch, waiting) =
        read(books.office.ledger(), |t| Ok((t.epoch()?, t.waiting(None, None, MOST_WAITING)?)))?;
    let (rules, _) = books.office.policy()?;
    let today = books.office.day(books.office.now()?);
    let waiting = waiting.into_iter().map(|entry| {
        let order = moves::proposed(&entry);
        Waiting::new(entry, order)
    });
    Ok(Standing {
        single_user: books.office.is_single_user()?,
        points: points.into_iter().map(|point| PointStanding::new(point, today)).collect(),
        rules,
        epoch,
        waiting: waiting.collect(),
    })
}

pub(crate) fn statement(books: &Books, payee: Payee, entries: u32) -> Result<Statement, Error> {
    let (record, history, customer) = read(books.office.ledger(), |t| {
        let record = binding_of(t, payee)?;
        let history = t.history(record.binding(), entries)?;
        let customer = t.customer(record.held.account)?.unwrap_or_default();
        Ok((record, history, customer))
    })?;
    Ok(Statement::new(&record, history, customer.debt))
}

pub(crate) fn sale(books: &Books, request: &RequestKey) -> Result<SaleView, LedgerError> {
    Ok(books.office.status(request)?.into())
}
