//! `cardctl collect`: what meters have put on the card for the desk.

use card_core::message::{MeterReceipt, Receipt};
use card_core::parameters::{AuditRecord, AuditRecords, Readings};
use card_core::role::KeyVersion;
use card_core::text::{Language, Situation};
use card_core::units::CardTime;
use card_host::card_work::Report;
use card_ledger::{Anew, Brought, Finding, Found, HandedIn};
use serde::Serialize;

use super::View;
use super::events::{command, outcome};
use super::months::{self, MonthView};
use super::table::{Table, egp, posix, time};
use crate::local;

/// What was found, and what the ledger made of it.
#[derive(Serialize)]
pub(crate) struct Collected {
    mail: Vec<Mail>,
    receipts: Vec<ReceiptView>,
    /// Key version numbers that the meter has now.
    new_keys: Vec<u8>,
    #[serde(skip)]
    parts: Vec<String>,
}

#[derive(Serialize)]
struct Mail {
    report: &'static str,
    slot: u8,
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    binding: u32,
    version: u32,
    finding: &'static str,
    /// What the meter began anew with.
    #[serde(skip_serializing_if = "Option::is_none")]
    anew: Option<&'static str>,
    #[serde(flatten)]
    says: Says,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Says {
    Receipt(MeterSays),
    Final {
        #[serde(flatten)]
        receipt: MeterSays,
        month: MonthView,
        instalments_taken: u64,
    },
    Readings(Box<ReadingsView>),
    Audit {
        records: Vec<Executed>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum ReceiptView {
    Card {
        card: String,
        sequence: u32,
        total_credit: u64,
        total_debited: u64,
        finding: &'static str,
    },
    Meter {
        #[serde(serialize_with = "crate::view::as_text")]
        meter: u64,
        finding: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        anew: Option<&'static str>,
        #[serde(flatten)]
        says: MeterSays,
    },
}

#[derive(Serialize)]
struct MeterSays {
    time: Option<u64>,
    number: u32,
    applied_credit: u64,
    applied_debited: u64,
    balance: i64,
    register_10wh: u32,
    flags: u16,
}

#[derive(Serialize)]
struct ReadingsView {
    time: Option<u64>,
    number: u32,
    applied_credit: u64,
    applied_debited: u64,
    balance: i64,
    register_10wh: u32,
    month: u16,
    month_energy_10wh: u32,
    month_energy_charge: u64,
    flags: u16,
    cut: u8,
    tampering: u8,
    loan_until: Option<u64>,
    debts_left: u64,
    debts_paid: u64,
    tariff: u32,
    waiting_tariff: u32,
    refused_cards: u32,
    last_event: u32,
    last_command: u32,
    clock_offset: i64,
    firmware: u32,
}

#[derive(Serialize)]
struct Executed {
    counter: u32,
    time: Option<u64>,
    kind: u8,
    outcome: u8,
    card: Option<String>,
}

impl Collected {
    pub(crate) fn new(brought: &[Brought]) -> Self {
        let new_keys = brought.iter().flat_map(|brought| brought.handed.keys).flatten();
        let new_keys = new_keys.map(KeyVersion::byte).collect();
        let mut found = Self { mail: Vec::new(), receipts: Vec::new(), new_keys, parts: Vec::new() };
        for brought in brought {
            found.add(brought);
        }
        if found.mail.is_empty() {
            found
                .parts
                .push("there is no mail of a meter on the card: present it to the meter first".to_owned());
        }
        for version in &found.new_keys {
            found.parts.push(format!("the meter has keys {version:02X}: they are used from now on"));
        }
        found
    }

    fn add(&mut self, Brought { found, handed }: &Brought) {
        let finding = handed.finding.code();
        let anew = handed.anew.map(Anew::code);
        let item = match found {
            Found::Mail(item) => item,
            Found::Card(receipt) => {
                self.parts.push(format!(
                    "receipt of card {}\n{}",
                    receipt.card.id,
                    card_text(receipt, handed)
                ));
                self.receipts.push(ReceiptView::Card {
                    card: receipt.card.id.to_string(),
                    sequence: receipt.sequence,
                    total_credit: receipt.total_credit.0,
                    total_debited: receipt.total_debited.0,
                    finding,
                });
                return;
            }
            Found::Meter(receipt) => {
                let meter = receipt.binding.meter.number();
                let text = with_anew(with_finding(receipt_text(receipt), handed), handed);
                let number = receipt.binding.number;
                self.parts.push(format!("receipt of meter {meter} (binding {number})\n{text}"));
                let says = MeterSays::from(&**receipt);
                self.receipts.push(ReceiptView::Meter { meter, finding, anew, says });
                return;
            }
        };
        let (report, text, says) = match &item.report {
            Report::Final { receipt, month, instalments } => {
                let last = MonthView::new(month, true);
                let text = format!(
                    "{}\n{}\ninstalments taken in the contract: {}",
                    receipt_text(receipt),
                    months::table([&last].into_iter()),
                    egp(*instalments)
                );
                let receipt = MeterSays::from(&**receipt);
                ("final report", text, Says::Final { receipt, month: last, instalments_taken: instalments.0 })
            }
            Report::Regression(receipt) => (
                "report of a memory that has gone back",
                receipt_text(receipt),
                Says::Receipt(MeterSays::from(&**receipt)),
            ),
            Report::Readings(readings) => (
                "readings",
                readings_text(readings),
                Says::Readings(Box::new(ReadingsView::from(&**readings))),
            ),
            Report::Audit(records) => {
                let says = records.records().map(Executed::from).collect();
                ("commands", audit_text(records), Says::Audit { records: says })
            }
        };
        let (slot, version) = (item.slot.number(), item.version);
        let (meter, binding) = (item.binding.meter.number(), item.binding.number);
        let text = with_anew(with_finding(text, handed), handed);
        self.parts.push(format!("{report} of meter {meter} (binding {binding}), version {version}\n{text}"));
        self.mail.push(Mail { report, slot, meter, binding, version, finding, anew, says });
    }
}

impl View for Collected {
    fn text(&self, _: Language) -> String {
        self.parts.join("\n\n")
    }
}

impl From<&MeterReceipt> for MeterSays {
    fn from(receipt: &MeterReceipt) -> Self {
        Self {
            time: posix(receipt.time),
            number: receipt.number,
            applied_credit: receipt.applied_credit.0,
            applied_debited: receipt.applied_debited.0,
            balance: receipt.balance.0,
            register_10wh: receipt.energy.0,
            flags: receipt.flags.0,
        }
    }
}

impl From<&Readings> for ReadingsView {
    fn from(readings: &Readings) -> Self {
        Self {
            time: posix(readings.time),
            number: readings.report_number,
            applied_credit: readings.applied_credit.0,
            applied_debited: readings.applied_debited.0,
            balance: readings.balance.0,
            register_10wh: readings.energy.0,
            month: readings.month.index,
            month_energy_10wh: readings.month.energy.0,
            month_energy_charge: readings.month.energy_charge.0,
            flags: readings.flags.0,
            cut: readings.cut,
            tampering: readings.tampering,
            loan_until: posix(readings.loan_until),
            debts_left: readings.debts_left.0,
            debts_paid: readings.debts_paid.0,
            tariff: readings.tariff,
            waiting_tariff: readings.waiting_tariff,
            refused_cards: readings.refused_cards,
            last_event: readings.last_event,
            last_command: readings.last_command,
            clock_offset: readings.clock_offset,
            firmware: readings.firmware,
        }
    }
}

impl From<&AuditRecord> for Executed {
    fn from(record: &AuditRecord) -> Self {
        Self {
            counter: record.counter,
            time: posix(record.time),
            kind: record.kind,
            outcome: record.outcome,
            card: record.card.map(|card| card.to_string()),
        }
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

/// What the meter began anew with, in words.
fn with_anew(text: String, handed: &HandedIn) -> String {
    let what = match handed.anew {
        None => return text,
        Some(Anew::Number) => "the number of its report",
        Some(Anew::Register) => "its energy register",
    };
    format!("{text}\n  ALARM: {what} began anew in this contract: see `cardctl reconcile`")
}

fn card_text(receipt: &Receipt, handed: &HandedIn) -> String {
    let mut table = Table::default();
    table.line("certificate", receipt.sequence);
    table.line("total credit", egp(receipt.total_credit));
    table.line("total debited", egp(receipt.total_debited));
    with_finding(indented(&table), handed)
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
