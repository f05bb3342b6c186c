//! Sales listed, found, and added up.

use card_core::id::Binding;
use card_ledger::{
    By, EntryId, LedgerError, MOST_SALES, Payee, PointCode, SaleList, binding_of, list_sales, read, report,
    sale_by_receipt, sales_to,
};

use super::settlement::times_of;
use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::local;
use crate::view::ledger::lists::{Reported, Sales};

/// Which sales are meant.
pub(crate) enum Wanted {
    /// Of a vending point on a day, after a number.
    Day(PointCode, String, u64),
    /// To one contract.
    To(Payee),
    /// Of a customer.
    Account(u64),
    /// The one of a receipt.
    Receipt(EntryId),
}

pub(crate) fn sales(books: &Books, wanted: Wanted) -> Result<Sales, Error> {
    let ledger = books.office.ledger();
    match wanted {
        Wanted::Day(point, day, after) => {
            let (from, until) = times_of(&day)?;
            let list = SaleList { point, party: None, from, until, after, most: MOST_SALES };
            let page = list_sales(ledger, &list)?;
            Ok(Sales::new(page.sales, page.next))
        }
        Wanted::To(payee) => {
            let binding = read(ledger, |t| Ok(binding_of(t, payee)?.held.binding))?;
            Ok(Sales::new(sales_to(ledger, binding)?, None))
        }
        Wanted::Account(account) => {
            let bindings = read(ledger, |t| {
                let found = t.bindings_of(account)?;
                Ok::<Vec<Binding>, LedgerError>(found.iter().map(|record| record.held.binding).collect())
            })?;
            let mut found = Vec::new();
            for binding in bindings {
                found.extend(sales_to(ledger, binding)?);
            }
            Ok(Sales::new(found, None))
        }
        Wanted::Receipt(receipt) => {
            let found = sale_by_receipt(ledger, &receipt)?;
            let EntryId { point, number } = receipt;
            let none =
                || given(format!("{point}/{number} is the receipt of no sale: look at its number again"));
            Ok(Sales::new(vec![found.ok_or_else(none)?], None))
        }
    }
}

pub(crate) fn added_up(books: &Books, from: &str, to: Option<&str>, by: By) -> Result<Reported, Error> {
    let (from, end) = times_of(from)?;
    let until = match to {
        Some(to) => times_of(to)?.1,
        None => end,
    };
    let mut lines = Vec::new();
    for (key, sold) in report(books.office.ledger(), from, until, by)? {
        let day = key.parse().ok().filter(|_| by == By::Day).and_then(local::day);
        lines.push((day.map_or(key, |day| day.to_string()), sold));
    }
    Ok(Reported::new(lines))
}
