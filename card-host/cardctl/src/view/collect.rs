//! `cardctl collect`: what meters have put on the card for the desk.

use card_core::message::{MeterReceipt, Receipt};
use card_core::parameters::{AuditRecords, Readings};
use card_core::text::{Language, Situation};
use card_core::units::CardTime;
use card_host::card_work::Report;
use card_ledger::{Brought, Finding, Found, HandedIn};
use serde_json::{Value, json};

use crate::commands::mail::command;
use crate::local;
use crate::view::events::outcome;
use crate::view::{Output, Table, egp, time};

fn posix(time: CardTime) -> Option<u64> {
    (time != CardTime::UNSET).then(|| time.to_unix())
}

pub(crate) fn output(brought: &[Brought], keys: &[u8]) -> Output {
    let mut parts = Vec::new();
    let mut list = Vec::new();
    let mut receipts = Vec::new();
    for Brought { found, handed } in brought {
        let item = match found {
            Found::Mail(item) => item,
            Found::Card(receipt) => {
                parts.push(format!("receipt of card {}\n{}", receipt.card.id, card_text(receipt, handed)));
                receipts.push(card_json(receipt, handed));
                continue;
            }
            Found::Meter(receipt) => {
                let meter = receipt.binding.meter;
                let text = with_finding(receipt_text(receipt), handed);
                parts.push(format!("receipt of meter {meter} (binding {})\n{text}", receipt.binding.number));
                let mut json = receipt_json(receipt);
                add(&mut json, [("meter", meter.number().into()), ("finding", handed.finding.code().into())]);
                receipts.push(json);
                continue;
            }
        };
        let (title, text, mut json) = match &item.report {
            Report::Final(receipt) => ("final report", receipt_text(receipt), receipt_json(receipt)),
            Report::Regression(receipt) => {
                ("report of a memory that has gone back", receipt_text(receipt), receipt_json(receipt))
            }
            Report::Readings(readings) => ("readings", readings_text(readings), readings_json(readings)),
            Report::Audit(records) => ("commands", audit_text(records), audit_json(records)),
        };
        let meter = item.binding.meter;
        let number = item.binding.number;
        let text = with_finding(text, handed);
        parts.push(format!("{title} of meter {meter} (binding {number}), version {}\n{text}", item.version));
        let head = [
            ("report", Value::from(title)),
            ("slot", item.slot.number().into()),
            ("meter", meter.number().into()),
            ("binding", number.into()),
            ("version", item.version.into()),
            ("finding", handed.finding.code().into()),
        ];
        add(&mut json, head);
        list.push(json);
    }
    if list.is_empty() {
        parts.push("there is no mail of a meter on the card: present it to the meter first".to_owned());
    }
    for version in keys {
        parts.push(format!("the meter has keys {version:02X}: they are used from now on"));
    }
    Output::new(parts.join("\n\n"), json!({ "mail": list, "receipts": receipts, "new_keys": keys }))
}

fn add<const N: usize>(json: &mut Value, more: [(&str, Value); N]) {
    if let Some(fields) = json.as_object_mut() {
        fields.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
}

/// What the ledger has made of it, where that is more than that it agrees.
fn with_finding(text: String, handed: &HandedIn) -> String {
    let said = match handed.finding {
        Finding::Agrees => return text,
        Finding::Behind => "the ledger has certified more since",
        Finding::Recovered => "the ledger had lost some of it, which is entered again",
        Finding::Above => "this is MORE than the ledger has ever certified: see `cardctl reconcile`",
        _ => handed.finding.code(),
    };
    format!("{text}\n  {said}")
}

fn card_text(receipt: &Receipt, handed: &HandedIn) -> String {
    let mut table = Table::default();
    table.line("certificate", receipt.sequence);
    table.line("total credit", egp(receipt.total_credit));
    table.line("total debited", egp(receipt.total_debited));
    with_finding(indented(&table), handed)
}

fn card_json(receipt: &Receipt, handed: &HandedIn) -> Value {
    json!({
        "card": receipt.card.id.to_string(),
        "sequence": receipt.sequence,
        "total_credit": receipt.total_credit.0,
        "total_debited": receipt.total_debited.0,
        "finding": handed.finding.code(),
    })
}

fn indented(table: &Table) -> String {
    let text = table.finish();
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn receipt_text(receipt: &MeterReceipt) -> String {
    let mut table = Table::default();
    table.line("time", time(receipt.time));
    table.line("report", receipt.number);
    table.line("applied credit", egp(receipt.applied_credit));
    table.line("applied debited", egp(receipt.applied_debited));
    table.line("balance", egp(receipt.balance));
    table.line("register", receipt.energy);
    indented(&table)
}

fn receipt_json(receipt: &MeterReceipt) -> Value {
    json!({
        "time": posix(receipt.time),
        "number": receipt.number,
        "applied_credit": receipt.applied_credit.0,
        "applied_debited": receipt.applied_debited.0,
        "balance": receipt.balance.0,
        "register_10wh": receipt.energy.0,
        "flags": receipt.flags.0,
    })
}

fn readings_text(readings: &Readings) -> String {
    let mut table = Table::default();
    table.line("time", time(readings.time));
    table.line("report", readings.report_number);
    table.line("applied credit", egp(readings.applied_credit));
    table.line("applied debited", egp(readings.applied_debited));
    table.line("balance", egp(readings.balance));
    table.line("register", readings.energy);
    let month = &readings.month;
    let so_far = format!("{} so far, {}", month.energy, egp(month.energy_charge));
    table.line(format!("month {}", local::month(month.index)), so_far);
    let supply: Vec<_> =
        Situation::in_cut(readings.cut).map(|situation| situation.text(Language::English).what).collect();
    table.line("supply", supply.join("; "));
    if readings.tampering != 0 {
        table.line("tampering", format!("{:02X}", readings.tampering));
    }
    if readings.loan_until != CardTime::UNSET {
        table.line("emergency loan until", time(readings.loan_until));
    }
    table.line(
        "instalments",
        format!("{} taken, {} to take", egp(readings.debts_paid), egp(readings.debts_left)),
    );
    let waiting = match readings.waiting_tariff {
        0 => String::new(),
        version => format!(", {version} waits"),
    };
    table.line("tariff", format!("version {}{waiting}", readings.tariff));
    table.line("refused cards", readings.refused_cards);
    table.line("last event", readings.last_event);
    table.line("last command", readings.last_command);
    table.line("offset of the clock", format!("{} s", readings.clock_offset));
    table.line("firmware", readings.firmware);
    indented(&table)
}

fn readings_json(readings: &Readings) -> Value {
    json!({
        "time": posix(readings.time),
        "number": readings.report_number,
        "applied_credit": readings.applied_credit.0,
        "applied_debited": readings.applied_debited.0,
        "balance": readings.balance.0,
        "register_10wh": readings.energy.0,
        "month": readings.month.index,
        "month_energy_10wh": readings.month.energy.0,
        "month_energy_charge": readings.month.energy_charge.0,
        "flags": readings.flags.0,
        "cut": readings.cut,
        "tampering": readings.tampering,
        "loan_until": posix(readings.loan_until),
        "debts_left": readings.debts_left.0,
        "debts_paid": readings.debts_paid.0,
        "tariff": readings.tariff,
        "waiting_tariff": readings.waiting_tariff,
        "refused_cards": readings.refused_cards,
        "last_event": readings.last_event,
        "last_command": readings.last_command,
        "clock_offset": readings.clock_offset,
        "firmware": readings.firmware,
    })
}

fn audit_text(records: &AuditRecords) -> String {
    let lines = records.records().map(|record| {
        let by = record.card.map_or_else(|| "the network".to_owned(), |card| format!("card {card}"));
        format!(
            "  {:>4}  {}  {}: {}; brought by {by}",
            record.counter,
            time(record.time),
            command(record.kind),
            outcome(record.outcome)
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn audit_json(records: &AuditRecords) -> Value {
    let list: Vec<_> = records
        .records()
        .map(|record| {
            json!({
                "counter": record.counter,
                "time": posix(record.time),
                "kind": record.kind,
                "outcome": record.outcome,
                "card": record.card.map(|card| card.to_string()),
            })
        })
        .collect();
    json!({ "records": list })
}
