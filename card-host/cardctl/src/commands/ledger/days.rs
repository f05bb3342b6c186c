//! Cash, days, and what leaves the ledger: exports and copies.

use card_core::calendar::Calendar;
use card_core::units::{Balance, CardTime, Piastres};
use card_ledger::{ExportOrder, PointCode, Progress, trial_balance as add_up};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use super::given;
use crate::commands::Error;
use crate::commands::audit;
use crate::context::books::Books;
use crate::context::workplace::Workplace;
use crate::local;
use crate::view::{Output, Table, egp};

pub(super) fn deposit(
    books: &Books,
    of: &PointCode,
    amount: Piastres,
    reason: &str,
) -> Result<Output, Error> {
    let entry = books.office.deposit(&books.who, &books.id, of, amount, reason)?;
    let text = format!("{} of {of} handed over: entry {}/{}", egp(amount), entry.point, entry.number);
    let json = json!({
        "request": books.id, "amount": amount.0, "point": entry.point, "number": entry.number,
    });
    Ok(Output::new(text, json))
}

pub(super) fn close(
    books: &Books,
    workplace: &Workplace,
    of: &PointCode,
    counted: Piastres,
) -> Result<Output, Error> {
    let key = audit::secret(workplace)?;
    let day = books.office.close_day(&books.who, &books.id, of, counted, key.as_ref())?;
    let mut table = Table::default();
    table.line("vending point", &day.point);
    table.line("entries", format!("{} to {}", day.first, day.last));
    for (kind, sums) in &day.kinds {
        table.line(kind, format!("{} times, {}", sums.count, egp(Piastres(sums.amount))));
    }
    table.line("cash before", egp(Balance(day.opening_cash)));
    table.line("cash by the books", egp(Balance(day.booked_cash)));
    table.line("cash as counted", egp(Piastres(day.counted_cash)));
    table.line("difference", egp(Balance(day.difference)));
    table.line("waiting", day.waiting.len() as u64 + day.more_waiting);
    let signed = if key.is_some() { "yes" } else { "no: make an audit key with `cardctl audit key`" };
    table.line("signed", signed);
    let mut json = serde_json::to_value(&day).unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        let _ = fields.insert("request".to_owned(), json!(books.id));
        let _ = fields.insert("signed".to_owned(), key.is_some().into());
    }
    Ok(Output::new(table.finish(), json))
}

pub(super) fn trial_balance(books: &Books) -> Result<Output, Error> {
    let balance = add_up(books.office.ledger())?;
    let mut text = format!("{:<28} {:<10} {:>18} {:>18}", "account", "class", "debits", "credits");
    let mut list = Vec::new();
    for line in &balance.lines {
        let class = format!("{:?}", line.class).to_lowercase();
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{:<28} {class:<10} {:>18} {:>18}",
            line.account,
            wide(line.debits),
            wide(line.credits)
        );
        list.push(json!({
            "account": line.account, "class": class,
            "debits": number(line.debits), "credits": number(line.credits),
        }));
    }
    let _ = write!(text, "\n{:<39} {:>18} {:>18}", "sum", wide(balance.debits), wide(balance.credits));
    let json = json!({
        "accounts": list, "debits": number(balance.debits), "credits": number(balance.credits),
    });
    Ok(Output::new(text, json))
}

/// A sum in EGP, however large.
fn wide(amount: u128) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn number(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX)
}

pub(super) fn export(
    books: &Books,
    workplace: &Workplace,
    folder: &Path,
    from: Option<&str>,
    to: Option<&str>,
    points: &[PointCode],
) -> Result<Output, Error> {
    let key = audit::secret(workplace)?;
    let now = books.office.now()?;
    let calendar = Calendar::EGYPT;
    let day = |text: &str| {
        local::day_number(text).ok_or_else(|| given(format!("{text:?} is no day: write it 2026-11-22")))
    };
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
    };
    let manifest = card_ledger::export(books.office.ledger(), key.as_ref(), &order, folder, &mut progress())?;
    let mut table = Table::default();
    for (name, file) in &manifest.files {
        table.line(name, format!("{} records, {} bytes", file.records, file.bytes));
    }
    let signed = if key.is_some() { "yes" } else { "no: make an audit key with `cardctl audit key`" };
    table.line("signed", signed);
    Ok(Output::new(table.finish(), serde_json::to_value(&manifest).unwrap_or_default()))
}

/// Says on standard error how far something long is, now and then.
pub(crate) fn progress() -> impl FnMut(Progress) + Send {
    let mut said = 0;
    move |progress| {
        if progress.done >= said + 100_000 {
            said = progress.done;
            let _ = writeln!(std::io::stderr(), "  {} {}", progress.done, progress.what);
        }
    }
}

pub(super) fn backup(books: &Books, file: &Path) -> Result<Output, Error> {
    let Some(ledger) = &books.sqlite else {
        return Err(given("a database is copied by its own tools: pg_basebackup or pg_dump"));
    };
    ledger.backup(file)?;
    let text = format!("{} is a copy of the ledger as it is now", file.display());
    Ok(Output::new(text, json!({ "file": file.display().to_string() })))
}

pub(super) fn restored(books: &Books, reason: &str) -> Result<Output, Error> {
    if !books.repeated {
        // It goes over all chains: whoever is interrupted must go on with it, and not declare another restore.
        let _ = writeln!(
            std::io::stderr(),
            "cardctl: this is request {id}: where it is interrupted, repeat it with --request {id}",
            id = books.id
        );
    }
    let restored = books.office.declare_restored(&books.who, &books.id, reason)?;
    let text = format!(
        "restore {} is marked in {} chains; contracts sell again once their card or meter has been read: cardctl collect",
        restored.epoch, restored.marked
    );
    let json = json!({ "request": books.id, "epoch": restored.epoch, "marked": restored.marked });
    Ok(Output::new(text, json))
}
