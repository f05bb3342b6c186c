//! `cardctl collect`: what meters have put on the card for the desk.

use card_core::message::MeterReceipt;
use card_core::parameters::{AuditRecord, AuditRecords, Readings};
use card_core::role::KeyVersion;
use card_core::text::{Language, Situation, isolate};
use card_core::units::CardTime;
use card_host::card_work::Report;
use card_ledger::{Anew, Brought, Finding, Found, HandedIn};
use serde_json::{Value, json};

use super::View;
use super::card::contract;
use super::customer::{self, kwh};
use super::events::{command, outcome};
use super::months::{self, MonthView};
use super::table::{Table, in_language, posix, time};
use crate::local;
use crate::words::say;

/// What was found, and what the ledger made of it.
pub(crate) struct Collected {
    brought: Vec<Brought>,
}

crate::view::json!(Collected, collected => {
    "mail": collected.brought.iter().filter_map(mail).collect::<Vec<_>>(),
    "receipts": collected.brought.iter().filter_map(receipt).collect::<Vec<_>>(),
    // Key version numbers that the meter has now.
    "new_keys": collected.new_keys().collect::<Vec<_>>(),
});

impl Collected {
    pub(crate) const fn new(brought: Vec<Brought>) -> Self {
        Self { brought }
    }

    fn new_keys(&self) -> impl Iterator<Item = u8> {
        self.brought.iter().flat_map(|brought| brought.handed.keys).flatten().map(KeyVersion::byte)
    }
}

/// What is said of each report, for programs and in Arabic.
const fn names(report: &Report) -> (&'static str, &'static str) {
    match report {
        Report::Final { .. } => ("final report", "تقرير أخير"),
        Report::Regression(_) => ("report of a memory that has gone back", "تقرير عن ذاكرة رجعت إلى الوراء"),
        Report::Readings(_) => ("readings", "قراءات"),
        Report::Audit(_) => ("commands", "أوامر"),
    }
}

/// Mail of a meter; nothing where it is a receipt.
fn mail(Brought { found, handed }: &Brought) -> Option<Value> {
    let Found::Mail(item) = found else { return None };
    let says = match &item.report {
        Report::Final { receipt, month, instalments } => {
            let last = json!({ "month": MonthView::new(month, true), "instalments_taken": instalments.0 });
            joined([of_meter(receipt), last, json!({})])
        }
        Report::Regression(receipt) => of_meter(receipt),
        Report::Readings(readings) => of_readings(readings),
        Report::Audit(records) => json!({ "records": records.records().map(executed).collect::<Vec<_>>() }),
    };
    let head = json!({
        "report": names(&item.report).0,
        "slot": item.slot.number(),
        "meter": item.binding.meter.to_string(),
        "binding": item.binding.number,
        "version": item.version,
        "finding": handed.finding.code(),
    });
    Some(joined([head, anew(handed), says]))
}

/// A receipt; nothing where it is mail.
fn receipt(Brought { found, handed }: &Brought) -> Option<Value> {
    let finding = handed.finding.code();
    match found {
        Found::Mail(_) => None,
        Found::Card(receipt) => Some(json!({
            "card": receipt.card.id.to_string(),
            "sequence": receipt.sequence,
            "total_credit": receipt.total_credit.0,
            "total_debited": receipt.total_debited.0,
            "finding": finding,
        })),
        Found::Meter(receipt) => {
            let head = json!({ "meter": receipt.binding.meter.to_string(), "finding": finding });
            Some(joined([head, anew(handed), of_meter(receipt)]))
        }
    }
}

/// What the meter began anew with, where it did.
fn anew(handed: &HandedIn) -> Value {
    handed.anew.map_or_else(|| json!({}), |anew| json!({ "anew": anew.code() }))
}

/// The names of all, in one object.
fn joined(parts: [Value; 3]) -> Value {
    let objects = parts.into_iter().filter_map(|part| match part {
        Value::Object(names) => Some(names),
        _ => None,
    });
    Value::Object(objects.flatten().collect())
}

fn of_meter(receipt: &MeterReceipt) -> Value {
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

fn of_readings(readings: &Readings) -> Value {
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

fn executed(record: &AuditRecord) -> Value {
    json!({
        "counter": record.counter,
        "time": posix(record.time),
        "kind": record.kind,
        "outcome": record.outcome,
        "card": record.card.map(|card| card.to_string()),
    })
}

impl View for Collected {
    fn text(&self, language: Language) -> String {
        let mut parts: Vec<_> = self.brought.iter().map(|brought| part(brought, language)).collect();
        if !self.brought.iter().any(|brought| matches!(brought.found, Found::Mail(_))) {
            let none = "there is no mail of a meter on the card: present it to the meter first";
            parts.push(say(language, none, "لا توجد رسالة من العداد على الكارت: يرجى وضعه في العداد أولًا"));
        }
        parts.extend(self.new_keys().map(|version| {
            let version = format!("{version:02X}");
            say(
                language,
                format_args!("the meter has keys {version}: they are used from now on"),
                format_args!("لدى العداد بيانات التشفير {}، وتُستخدم من الآن", isolate(&version)),
            )
        }));
        parts.join("\n\n")
    }
}

/// What was found, with a heading.
fn part(Brought { found, handed }: &Brought, language: Language) -> String {
    let mut table = Table::new(language);
    let (head, text) = match found {
        Found::Card(receipt) => {
            let card = receipt.card.id;
            table.line("certificate", receipt.sequence);
            table.egp("total credit", receipt.total_credit);
            table.egp("total debited", receipt.total_debited);
            let arabic = format_args!("إيصال الكارت {}", isolate(card));
            (say(language, format_args!("receipt of card {card}"), arabic), indented(&table))
        }
        Found::Meter(receipt) => {
            let meter = contract(receipt.binding, language);
            receipt_lines(&mut table, receipt);
            let arabic = format_args!("إيصال العداد {meter}");
            (say(language, format_args!("receipt of meter {meter}"), arabic), indented(&table))
        }
        Found::Mail(item) => {
            let (meter, version) = (contract(item.binding, language), item.version);
            let (report, arabic) = names(&item.report);
            let text = match &item.report {
                Report::Audit(records) => audit_text(records, language),
                Report::Final { receipt, month, instalments } => {
                    receipt_lines(&mut table, receipt);
                    let last = months::table([&MonthView::new(month, true)].into_iter(), language);
                    let taken = customer::amount(*instalments, language);
                    let taken = say(
                        language,
                        format_args!("instalments taken in the contract: {taken}"),
                        format_args!("الأقساط المسددة في التعاقد: {taken}"),
                    );
                    format!("{}\n{last}\n{taken}", indented(&table))
                }
                Report::Regression(receipt) => {
                    receipt_lines(&mut table, receipt);
                    indented(&table)
                }
                Report::Readings(readings) => {
                    readings_lines(&mut table, readings, language);
                    indented(&table)
                }
            };
            let english = format_args!("{report} of meter {meter}, version {version}");
            (
                say(language, english, format_args!("{arabic} من العداد {meter}، رقم {}", isolate(version))),
                text,
            )
        }
    };
    let remarks = [finding(handed, language), began_anew(handed, language)];
    let remarks: String = remarks.into_iter().flatten().map(|said| format!("\n  {said}")).collect();
    format!("{head}\n{text}{remarks}")
}

/// What the ledger has made of it, where that is more than that it agrees.
fn finding(handed: &HandedIn, language: Language) -> Option<String> {
    let (english, arabic) = match handed.finding {
        Finding::Agrees => return None,
        Finding::Behind => ("the ledger has certified more since", "في الدفاتر شحنات أحدث"),
        Finding::Recovered => (
            "the ledger had lost some of it, which is entered again",
            "كان بعضه مفقودًا من الدفاتر، وسُجل من جديد",
        ),
        Finding::Above => (
            "this is MORE than the ledger has ever certified: see `cardctl reconcile`",
            "هذا أكثر مما في الدفاتر: يرجى المراجعة",
        ),
        _ => return Some(in_language(language, handed.finding.code().to_owned())),
    };
    Some(say(language, english, arabic))
}

/// What the meter began anew with, in words.
fn began_anew(handed: &HandedIn, language: Language) -> Option<String> {
    let (english, arabic) = match handed.anew? {
        Anew::Number => ("the number of its report", "رقم التقرير"),
        Anew::Register => ("its energy register", "قراءة العداد"),
    };
    Some(say(
        language,
        format_args!("ALARM: {english} began anew in this contract: see `cardctl reconcile`"),
        format_args!("إنذار: بدأ {arabic} من جديد في هذا التعاقد: يرجى المراجعة"),
    ))
}

fn indented(table: &Table) -> String {
    let text = table.finish();
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn receipt_lines(table: &mut Table, receipt: &MeterReceipt) {
    table.line("time", time(receipt.time));
    table.line("report", receipt.number);
    table.egp("applied credit", receipt.applied_credit);
    table.egp("applied debited", receipt.applied_debited);
    table.egp("balance", receipt.balance);
    table.energy("register", receipt.energy);
}

fn readings_lines(table: &mut Table, readings: &Readings, language: Language) {
    table.line("time", time(readings.time));
    table.line("report", readings.report_number);
    table.egp("applied credit", readings.applied_credit);
    table.egp("applied debited", readings.applied_debited);
    table.egp("balance", readings.balance);
    table.energy("register", readings.energy);
    let month = &readings.month;
    let (index, energy) = (local::month(month.index), kwh(month.energy, language));
    let charge = customer::amount(month.energy_charge, language);
    table.line(
        say(language, format_args!("month {index}"), format_args!("شهر {}", isolate(&index))),
        say(language, format_args!("{energy} so far, {charge}"), format_args!("{energy} حتى الآن، {charge}")),
    );
    let supply: Vec<_> = Situation::in_cut(readings.cut).map(|cut| cut.text(language).what).collect();
    table.line("supply", supply.join("; "));
    if readings.tampering != 0 {
        table.line("tampering", format!("{:02X}", readings.tampering));
    }
    if readings.loan_until != CardTime::UNSET {
        table.line("emergency loan until", time(readings.loan_until));
    }
    let (paid, left) = (readings.debts_paid, readings.debts_left);
    let (paid, left) = (customer::amount(paid, language), customer::amount(left, language));
    table.line(
        "instalments",
        say(language, format_args!("{paid} taken, {left} to take"), format_args!("سُدد {paid} وتبقى {left}")),
    );
    let (version, waits) = (readings.tariff, readings.waiting_tariff);
    let (waiting, arabic) = match waits {
        0 => (String::new(), String::new()),
        waits => (format!(", {waits} waits"), format!("، وتنتظر {}", isolate(waits))),
    };
    table.line(
        "tariff",
        say(
            language,
            format_args!("version {version}{waiting}"),
            format_args!("رقم {}{arabic}", isolate(version)),
        ),
    );
    table.line("refused cards", readings.refused_cards);
    table.line("last event", readings.last_event);
    table.line("last command", readings.last_command);
    table.line("offset of the clock", format!("{} s", readings.clock_offset));
    table.line("firmware", readings.firmware);
}

fn audit_text(records: &AuditRecords, language: Language) -> String {
    let lines = records.records().map(|record| {
        let (kind, became) = (command(record.kind, language), outcome(record.outcome, language));
        let by = match record.card {
            Some(card) => {
                say(language, format_args!("card {card}"), format_args!("الكارت {}", isolate(card)))
            }
            None => say(language, "the network", "الشبكة"),
        };
        let (at, number) = (time(record.time), record.counter);
        say(
            language,
            format_args!("  {number:>4}  {at}  {kind}: {became}; brought by {by}"),
            format_args!("  {}  {}  {kind}: {became}؛ وصل عن طريق {by}", isolate(number), isolate(&at)),
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}
