//! How things stand in the ledger.

use card_core::units::CardTime;
use card_ledger::{BindingRecord, Entry, Payee, Sale, binding_of, read};
use serde_json::{Value, json};
use std::fmt::Write as _;

use super::moves;
use crate::commands::Error;
use crate::context::books::Books;
use crate::view::{self, Output, Table, egp, time};

/// The most that waits and is counted.
const MOST_WAITING: u32 = 1000;

pub(super) fn begun(books: &Books) -> Output {
    let text = match books.begun {
        true => "a ledger is founded; next: cardctl issue --meter NUMBER --account NUMBER",
        false => "there is a ledger already: nothing was changed; see it with `cardctl ledger status`",
    };
    Output::new(text, json!({ "begun": books.begun }))
}

pub(super) fn status(books: &Books) -> Result<Output, Error> {
    let points = books.points()?;
    let (epoch, waiting) =
        read(books.office.ledger(), |t| Ok((t.epoch()?, t.waiting(None, None, MOST_WAITING)?)))?;
    let (version, _) = books.office.policy()?;
    let mut text =
        format!("{:<20} {:<12} {:>10} {:>14} {:>14}", "point", "party", "entries", "cash", "sold today");
    let mut list = Vec::new();
    let today = books.office.day(books.office.now()?);
    for point in &points {
        let sold = if point.day == today { point.sold.0 } else { 0 };
        let closed = if point.open { "" } else { "  closed" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n{:<20} {:<12} {:>10} {:>14} {:>14}{closed}",
            point.code,
            point.party,
            point.number,
            point.cash.to_string(),
            card_core::units::Piastres(sold).to_string(),
        );
        list.push(json!({
            "point": point.code, "party": point.party, "open": point.open, "entries": point.number,
            "head": hex::encode(point.head), "cash": point.cash.0, "sold_today": sold,
            "most_cash": point.most_cash.map(|most| most.0), "most_daily": point.most_daily.map(|most| most.0),
        }));
    }
    let _ = write!(text, "\n\nrules of selling: version {version}; restored from a copy: {epoch} times");
    let mut waits = Vec::new();
    for entry in &waiting {
        let (mut json, moved) = (entry_json(entry), moves::proposed(entry));
        let to_move = moved.as_ref().map_or_else(String::new, |(text, _)| format!(": {text}"));
        let _ = write!(text, "\nwaits: {}{to_move}", in_words(entry));
        if let (Some(fields), Some((_, order))) = (json.as_object_mut(), moved) {
            let _ = fields.insert("move".to_owned(), order);
        }
        waits.push(json);
    }
    Ok(Output::new(text, json!({ "points": list, "rules": version, "epoch": epoch, "waiting": waits })))
}

pub(super) fn statement(books: &Books, payee: Payee, entries: u32) -> Result<Output, Error> {
    let (record, history, customer) = read(books.office.ledger(), |t| {
        let record = binding_of(t, payee)?;
        let history = t.history(record.binding(), entries)?;
        let customer = t.customer(record.held.account)?.unwrap_or_default();
        Ok((record, history, customer))
    })?;
    let mut table = described(&record);
    table.line("debt", egp(customer.debt));
    let mut text = table.finish();
    text.push('\n');
    for entry in &history {
        let _ = write!(text, "\n{}", in_words(entry));
    }
    let mut json = view::account(&record.held);
    if let Some(fields) = json.as_object_mut() {
        let more = [
            ("status", Value::from(record.status.code())),
            ("blocked", record.blocked.into()),
            ("sequence", record.held.sequence.into()),
            ("card_sequence", record.card_sequence.into()),
            ("applied_credit", record.applied_credit.0.into()),
            ("applied_debited", record.applied_debited.0.into()),
            ("debt", customer.debt.0.into()),
            ("voucher", hex::encode_upper(&record.voucher).into()),
            ("entries", history.iter().map(entry_json).collect()),
        ];
        fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(Output::new(text, json))
}

/// How a contract stands.
fn described(record: &BindingRecord) -> Table {
    let held = &record.held;
    let mut table = Table::default();
    let blocked = if record.blocked { ", card blocked" } else { "" };
    table.line("meter", format!("{} (binding {})", held.binding.meter, held.binding.number));
    table.line("account", held.account);
    table.line("card", format!("{} (generation {})", held.card.id, held.card.generation));
    table.line("status", format!("{}{blocked}", record.status.code()));
    table.line("certificate", held.sequence);
    table.line("total credit", egp(held.total_credit));
    table.line("total debited", egp(held.total_debited));
    table.line("seen on the card", record.card_sequence);
    table.line("seen in the meter", egp(record.applied_credit));
    table.line("heard of the meter", heard(record.heard));
    table
}

fn heard(at: CardTime) -> String {
    if at == CardTime::UNSET { "never".to_owned() } else { time(at) }
}

/// An entry in one line.
fn in_words(entry: &Entry) -> String {
    let amount = if entry.amount.0 == 0 { String::new() } else { format!(" {}", egp(entry.amount)) };
    let reason = if entry.reason.is_empty() { String::new() } else { format!(" ({})", entry.reason) };
    format!(
        "{}  {}/{} {}{amount}{reason}, by {} of {}, request {}",
        time(entry.time),
        entry.id.point,
        entry.id.number,
        entry.kind.code(),
        entry.actor,
        entry.request.party,
        entry.request.id,
    )
}

fn entry_json(entry: &Entry) -> Value {
    json!({
        "point": entry.id.point, "number": entry.id.number, "time": entry.time.to_unix(),
        "kind": entry.kind.code(), "step": entry.step.code(), "party": entry.request.party,
        "request": entry.request.id, "actor": entry.actor, "reason": entry.reason, "amount": entry.amount.0,
        "sequence": entry.sequence, "total_credit": entry.total_credit.0,
        "total_debited": entry.total_debited.0, "hash": hex::encode(entry.hash),
    })
}

pub(super) fn sale(sale: &Sale) -> Output {
    let mut table = Table::default();
    table.line("request", format!("{} of {}", sale.request.id, sale.request.party));
    table.line("state", sale.state.code());
    table.line("receipt", format!("{}/{}", sale.entry.point, sale.entry.number));
    table.line("time", time(sale.time));
    table.line("sold by", &sale.actor);
    if let Some(second) = &sale.approved_by {
        table.line("approved by", second);
    }
    table.line("card", sale.card);
    table.line("paid", egp(sale.amount));
    table.line("credit", egp(card_core::units::Piastres(sale.division.credit)));
    for charge in &sale.division.charges {
        table.line(charge.code.to_string(), egp(card_core::units::Piastres(charge.amount)));
    }
    if sale.division.debt > 0 {
        table.line("to the debt", egp(card_core::units::Piastres(sale.division.debt)));
    }
    let voucher = sale.certified.as_ref().map(|certified| hex::encode_upper(&certified.voucher));
    if let Some(voucher) = &voucher {
        table.line("voucher", voucher);
    }
    let json = json!({
        "request": sale.request.id, "party": sale.request.party, "state": sale.state.code(),
        "point": sale.entry.point, "number": sale.entry.number, "time": sale.time.to_unix(),
        "actor": sale.actor, "approved_by": sale.approved_by, "card": sale.card.to_string(),
        "amount": sale.amount.0, "division": sale.division, "voucher": voucher,
    });
    Output::new(table.finish(), json)
}
