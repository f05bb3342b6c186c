//! What a command has to say, for people and for programs.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

pub(crate) mod collect;
pub(crate) mod customer;
pub(crate) mod events;

use serde_json::{Value, json};
use std::fmt::Write as _;

use applet_sim::card::Cost;
use card_core::id::State;
use card_core::message::{LoadRecord, MeterFlags};
use card_core::meter::Verdict;
use card_core::terminal::read::MeterFile;
use card_core::text::{Language, Situation};
use card_core::units::{CardTime, Piastres};
use card_host::issuer::BindingAccount;
use card_host::operate::{Public, Reading};

/// One thing to print.
pub(crate) struct Output {
    pub(crate) text: String,
    pub(crate) json: Value,
}

impl Output {
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }
}

/// Lines of a name and a value, the values in one column.
#[derive(Default)]
pub(crate) struct Table {
    lines: Vec<(String, String)>,
}

impl Table {
    pub(crate) fn line(&mut self, name: impl Into<String>, value: impl ToString) -> &mut Self {
        self.lines.push((name.into(), value.to_string()));
        self
    }

    pub(crate) fn finish(&self) -> String {
        let width = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value) in &self.lines {
            let pad = " ".repeat(width - name.chars().count());
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name}{pad}  {value}");
        }
        text.truncate(text.trim_end().len());
        text
    }
}

/// A time as people write it, in UTC.
pub(crate) fn time(time: CardTime) -> String {
    if time == CardTime::UNSET {
        return "not set".to_owned();
    }
    let seconds = i64::try_from(time.to_unix()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).map_or_else(|_| "out of range".to_owned(), |time| time.to_string())
}

pub(crate) fn egp(amount: impl ToString) -> String {
    format!("{} EGP", amount.to_string())
}

fn state(state: Option<State>) -> String {
    state.map_or_else(|| "memory failed".to_owned(), |state| state.to_string())
}

fn low(flags: MeterFlags) -> &'static str {
    if flags.has(MeterFlags::VERY_LOW_CREDIT) {
        ", very low"
    } else if flags.has(MeterFlags::LOW_CREDIT) {
        ", low"
    } else {
        ""
    }
}

pub(crate) fn public(public: &Public, transport: &str, language: Language) -> Output {
    let mut table = Table::default();
    let scope = public.identity.scope;
    table.line("reader", transport);
    table.line("card", public.summary.card.id);
    table.line("state", state(public.status.state));
    table.line("generation", public.summary.card.generation);
    table.line("company", format!("{} ({})", scope.company.0, scope.environment));
    table.line("issued", time(public.identity.issue_time));
    if public.identity.expiry_time != CardTime::UNSET {
        table.line("expires", time(public.identity.expiry_time));
    }
    let mut json = json!({
        "card": public.summary.card.id.to_string(),
        "state": state(public.status.state),
        "generation": public.summary.card.generation,
        "company": scope.company.0,
        "environment": scope.environment.to_string(),
        "issued": public.identity.issue_time.to_unix(),
    });
    match &public.status.balances {
        None => {
            table.line("balance", "private: see `cardctl show`");
        }
        Some(balances) => {
            table.line("waiting on the card", egp(balances.pending_credit));
            if balances.pending_debit != Piastres::ZERO {
                table.line("corrections waiting", egp(balances.pending_debit));
            }
            json["pending_credit"] = balances.pending_credit.0.into();
            json["pending_debit"] = balances.pending_debit.0.into();
            if let Some(at_meter) = balances.at_meter {
                let when = time(at_meter.time);
                table.line(
                    "in the meter",
                    format!("{} (on {when}{})", egp(at_meter.balance), low(at_meter.flags)),
                );
                json["meter_balance"] = at_meter.balance.0.into();
                json["meter_time"] = at_meter.time.to_unix().into();
            }
        }
    }
    let state = public.status.state.map_or(Situation::MemoryFailed, Situation::from);
    let flags = public.status.balances.and_then(|balances| balances.at_meter).map(|meter| meter.flags);
    let notices: Vec<_> = Situation::in_flags(flags.unwrap_or_default()).collect();
    json["code"] = customer::code(state).into();
    json["notices"] = notices.iter().map(|notice| customer::code(*notice)).collect();
    let mut text = table.finish();
    for situation in [state].iter().chain(&notices) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}", situation.text(language));
    }
    Output::new(text, json)
}

pub(crate) fn reading(reading: &Reading) -> Output {
    let mut table = Table::default();
    let purse = &reading.purse;
    let certificate = &purse.certificate;
    table.line("card", reading.identity.card.id);
    table.line("state", purse.state);
    table.line("generation", reading.identity.card.generation);
    table.line("account", reading.binding.account);
    let binding = reading.binding.binding;
    table.line("meter", format!("{} (binding {})", binding.meter, binding.number));
    table.line("certificate", format!("number {} of {}", certificate.sequence, time(certificate.issue_time)));
    table.line("total credit", egp(certificate.total_credit));
    table.line("total debited", egp(certificate.total_debited));
    table.line("settled credit", egp(purse.settled_credit));
    table.line("settled debited", egp(purse.settled_debited));
    if let Some(MeterFile { receipt, month }) = &reading.meter {
        table.line("meter's balance", format!("{} on {}", egp(receipt.balance), time(receipt.time)));
        table.line("meter's register", receipt.energy);
        table.line("this month", format!("{}, {}", month.energy, egp(month.energy_charge)));
    }
    let waiting = certificate.total_credit.saturating_sub(purse.settled_credit);
    table.line("waiting on the card", egp(waiting));
    table.line("loads", purse.loads);
    let mut text = table.finish();
    if !reading.loads.is_empty() {
        let _ = write!(text, "\n\n  load  time                  channel           EGP  reference");
    }
    for load in &reading.loads {
        let LoadRecord { number, time: when, channel, reference, credited, debited, .. } = load;
        let debited = if *debited == Piastres::ZERO { String::new() } else { format!("  less {debited}") };
        let credited = credited.to_string();
        let when = time(*when);
        let _ = write!(text, "\n  {number:>4}  {when}  {channel:<8} {credited:>12}{debited}  {reference}");
    }
    if !reading.events.is_empty() {
        let _ = write!(text, "\n\n event  time                  what happened at the meter");
    }
    for event in &reading.events {
        let _ =
            write!(text, "\n  {:>4}  {}  {}", event.number, time(event.time), events::in_words(event, None));
    }
    let loads: Vec<Value> = reading
        .loads
        .iter()
        .map(|load| {
            json!({
                "number": load.number,
                "time": load.time.to_unix(),
                "channel": load.channel.to_string(),
                "reference": load.reference.to_string(),
                "sequence": load.sequence,
                "credited": load.credited.0,
                "debited": load.debited.0,
                "total_credit": load.total_credit.0,
            })
        })
        .collect();
    let events: Vec<Value> = reading.events.iter().map(events::json).collect();
    let meter = reading.meter.map(|file| {
        json!({
            "report": file.receipt.number,
            "time": file.receipt.time.to_unix(),
            "balance": file.receipt.balance.0,
            "energy_10wh": file.receipt.energy.0,
            "flags": file.receipt.flags.0,
        })
    });
    let json = json!({
        "card": reading.identity.card.id.to_string(),
        "generation": reading.identity.card.generation,
        "state": purse.state.to_string(),
        "account": reading.binding.account,
        "meter": binding.meter.number(),
        "binding": binding.number,
        "sequence": certificate.sequence,
        "total_credit": certificate.total_credit.0,
        "total_debited": certificate.total_debited.0,
        "settled_credit": purse.settled_credit.0,
        "settled_debited": purse.settled_debited.0,
        "loads": loads,
        "meter_receipt": meter,
        "events": events,
        "mail_versions": reading.mail,
    });
    Output::new(text, json)
}

pub(crate) fn account(account: &BindingAccount) -> Value {
    json!({
        "card": account.card.id.to_string(),
        "generation": account.card.generation,
        "account": account.account,
        "meter": account.binding.meter.number(),
        "binding": account.binding.number,
        "total_credit": account.total_credit.0,
        "total_debited": account.total_debited.0,
    })
}

pub(crate) fn verdict(verdict: Verdict, language: Language) -> (String, Value) {
    let (english, mut json) = match verdict {
        Verdict::Apply { credit, debit, balance } if (credit, debit) == (Piastres::ZERO, Piastres::ZERO) => (
            Situation::NothingNew.text(language).what.to_owned(),
            json!({ "outcome": "applied", "credit": 0, "debit": 0, "balance": balance.0 }),
        ),
        Verdict::Apply { credit, debit, balance } => {
            let debited =
                if debit == Piastres::ZERO { String::new() } else { format!(", less {}", egp(debit)) };
            let text = format!("the meter applied {}{debited}; it has {} now", egp(credit), egp(balance));
            (
                text,
                json!({ "outcome": "applied", "credit": credit.0, "debit": debit.0, "balance": balance.0 }),
            )
        }
        Verdict::Nothing => {
            (Situation::NothingNew.text(language).what.to_owned(), json!({ "outcome": "nothing" }))
        }
        Verdict::Refuse(reason) => (
            format!(
                "the meter refuses the card: {reason}; {}",
                Situation::from(reason).text(Language::English).to_do
            ),
            json!({ "outcome": "refused", "reason": reason.to_string() }),
        ),
    };
    json["code"] = customer::code(verdict.into()).into();
    let text = match language {
        Language::English => english,
        Language::Arabic => customer::verdict(verdict, language),
    };
    (text, json)
}

pub(crate) fn cost(cost: &Cost) -> (String, Value) {
    let text = format!(
        "{:>3} exchanges {:>5} bytes {:>3} records {:>4}.{} ms card {:>4}.{} ms link",
        cost.exchanges,
        cost.bytes,
        cost.records,
        cost.card_time / 1000,
        cost.card_time % 1000 / 100,
        cost.link_time / 1000,
        cost.link_time % 1000 / 100,
    );
    let json = json!({
        "exchanges": cost.exchanges,
        "bytes": cost.bytes,
        "records": cost.records,
        "aes_blocks": cost.usage.aes_blocks,
        "pages_written": cost.usage.pages_programmed,
        "card_microseconds": cost.card_time,
        "link_microseconds": cost.link_time,
    });
    (text, json)
}
