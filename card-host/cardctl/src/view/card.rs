//! `cardctl info` and `cardctl show`.

use card_core::id::{Binding, State};
use card_core::message::{LoadRecord, MeterFlags};
use card_core::terminal::read::MeterFile;
use card_core::text::{Language, Situation, isolate};
use card_core::units::{CardTime, Energy, Piastres};
use card_host::operate::{Public, Reading};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

use super::View;
use super::customer::{self, kwh};
use super::events::{self, EventView};
use super::months::{self, MonthView};
use super::standing::StandingView;
use super::table::{Table, in_language, time};
use crate::words::{said, say, words};

/// What everybody may see of a card.
#[derive(Serialize)]
pub(crate) struct Info {
    card: String,
    state: String,
    generation: u16,
    company: u16,
    environment: String,
    issued: u64,
    /// Nothing where they are private.
    #[serde(flatten)]
    balances: Option<Balances>,
    code: &'static str,
    notices: Vec<&'static str>,
    /// How it stands in the ledger, where there is one here.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_the_ledger: Option<StandingView>,
    #[serde(skip)]
    public: Public,
    #[serde(skip)]
    reader: String,
}

#[derive(Serialize)]
struct Balances {
    pending_credit: u64,
    pending_debit: u64,
    #[serde(flatten)]
    meter: Option<AtMeter>,
}

#[derive(Serialize)]
struct AtMeter {
    meter_balance: i64,
    meter_time: u64,
}

impl Info {
    pub(crate) fn new(public: Public, reader: String, in_the_ledger: Option<StandingView>) -> Self {
        let scope = public.identity.scope;
        let balances = public.status.balances.map(|balances| Balances {
            pending_credit: balances.pending_credit.0,
            pending_debit: balances.pending_debit.0,
            meter: balances
                .at_meter
                .map(|meter| AtMeter { meter_balance: meter.balance.0, meter_time: meter.time.to_unix() }),
        });
        Self {
            card: public.summary.card.id.to_string(),
            state: state(public.status.state),
            in_the_ledger,
            generation: public.summary.card.generation,
            company: scope.company.0,
            environment: scope.environment.to_string(),
            issued: public.identity.issue_time.to_unix(),
            balances,
            code: customer::code(situation(&public)),
            notices: notices(&public).map(customer::code).collect(),
            public,
            reader,
        }
    }
}

impl View for Info {
    fn text(&self, language: Language) -> String {
        let Self { public, reader, .. } = self;
        let mut table = Table::new(language);
        table.line("reader", reader);
        table.line("card", &self.card);
        table.line("state", &self.state);
        if let Some(standing) = &self.in_the_ledger {
            table.line("in the ledger", standing.text(language));
        }
        table.line("generation", self.generation);
        let company = said!(
            language,
            "{company} ({environment})",
            "{company} ({environment})",
            company = self.company,
            environment = in_language(language, self.environment.clone()),
        );
        table.line("company", company);
        table.line("issued", time(public.identity.issue_time));
        if public.identity.expiry_time != CardTime::UNSET {
            table.line("expires", time(public.identity.expiry_time));
        }
        match &public.status.balances {
            None => {
                table.line("balance", "private: see `cardctl show`");
            }
            Some(balances) => {
                table.egp("waiting on the card", balances.pending_credit);
                if balances.pending_debit != Piastres::ZERO {
                    table.egp("corrections waiting", balances.pending_debit);
                }
                if let Some(at_meter) = balances.at_meter {
                    let (amount, when) = (customer::amount(at_meter.balance, language), time(at_meter.time));
                    let (low, arabic) = low(at_meter.flags);
                    let english = format_args!("{amount} (on {when}{low})");
                    table.line(
                        "in the meter",
                        say(language, english, format_args!("{amount} ({}{arabic})", isolate(&when))),
                    );
                }
            }
        }
        let mut text = table.finish();
        for situation in [situation(public)].into_iter().chain(notices(public)) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{}", situation.text(language));
        }
        text
    }
}

pub(crate) fn situation(public: &Public) -> Situation {
    public.status.state.map_or(Situation::MemoryFailed, Situation::from)
}

pub(crate) fn notices(public: &Public) -> impl Iterator<Item = Situation> {
    let flags = public.status.balances.and_then(|balances| balances.at_meter).map(|meter| meter.flags);
    Situation::in_flags(flags.unwrap_or_default())
}

fn state(state: Option<State>) -> String {
    state.map_or_else(|| "memory failed".to_owned(), |state| state.to_string())
}

const fn low(flags: MeterFlags) -> (&'static str, &'static str) {
    if flags.has(MeterFlags::VERY_LOW_CREDIT) {
        (", very low", "، أوشك على النفاد جدًا")
    } else if flags.has(MeterFlags::LOW_CREDIT) {
        (", low", "، أوشك على النفاد")
    } else {
        ("", "")
    }
}

/// Everything that is on a card.
pub(crate) struct Content {
    /// How it stands in the ledger, where that was asked.
    in_the_ledger: Option<StandingView>,
    reading: Reading,
}

crate::view::json!(Content, content => {
    "card": content.reading.card.id.to_string(),
    "generation": content.reading.card.generation,
    "state": content.reading.purse.state.to_string(),
    "in_the_ledger": content.in_the_ledger,
    "account": content.reading.binding.account.to_string(),
    "meter": content.reading.binding.binding.meter.to_string(),
    "binding": content.reading.binding.binding.number,
    "sequence": content.reading.purse.certificate.sequence,
    "total_credit": content.reading.purse.certificate.total_credit.0,
    "total_debited": content.reading.purse.certificate.total_debited.0,
    "settled_credit": content.reading.purse.settled_credit.0,
    "settled_debited": content.reading.purse.settled_debited.0,
    "loads": content.reading.loads.iter().map(load).collect::<Vec<_>>(),
    "meter_receipt": content.reading.meter.as_ref().map(settled),
    "months": months_of(&content.reading),
    "events": content.reading.events.iter().map(EventView::from).collect::<Vec<_>>(),
    "mail_versions": content.reading.mail.to_vec(),
});

fn load(load: &LoadRecord) -> Value {
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
}

/// What the meter last settled.
fn settled(MeterFile { receipt, .. }: &MeterFile) -> Value {
    json!({
        "report": receipt.number,
        "time": receipt.time.to_unix(),
        "balance": receipt.balance.0,
        "energy_10wh": receipt.energy.0,
        "flags": receipt.flags.0,
    })
}

impl Content {
    pub(crate) const fn new(reading: Reading, in_the_ledger: Option<StandingView>) -> Self {
        Self { in_the_ledger, reading }
    }
}

/// Closed months, oldest first, and the one that ran when the meter settled last.
fn months_of(reading: &Reading) -> Vec<MonthView> {
    let closed = reading.months.iter().rev().map(|month| MonthView::new(month, true));
    let running = reading.meter.as_ref().map(|meter| MonthView::new(&meter.month, false));
    closed.chain(running).collect()
}

impl View for Content {
    fn text(&self, language: Language) -> String {
        let reading = &self.reading;
        let mut table = Table::new(language);
        let purse = &reading.purse;
        let certificate = &purse.certificate;
        table.line("card", reading.card.id);
        table.line("state", purse.state);
        if let Some(standing) = &self.in_the_ledger {
            table.line("in the ledger", standing.text(language));
        }
        table.line("generation", reading.card.generation);
        table.line("account", reading.binding.account);
        table.line("meter", contract(reading.binding.binding, language));
        let (number, issued) = (certificate.sequence, time(certificate.issue_time));
        table.line(
            "certificate",
            say(
                language,
                format_args!("number {number} of {issued}"),
                format_args!("رقم {} في {}", isolate(number), isolate(&issued)),
            ),
        );
        table.egp("total credit", certificate.total_credit);
        table.egp("total debited", certificate.total_debited);
        table.egp("settled credit", purse.settled_credit);
        table.egp("settled debited", purse.settled_debited);
        if let Some(MeterFile { receipt, month }) = &reading.meter {
            let (amount, when) = (customer::amount(receipt.balance, language), time(receipt.time));
            let english = format_args!("{amount} on {when}");
            table.line(
                "meter's balance",
                say(language, english, format_args!("{amount} في {}", isolate(&when))),
            );
            table.line("meter's register", kwh(receipt.energy, language));
            table.line("this month", used(month.energy, month.energy_charge, language));
        }
        table.egp("waiting on the card", certificate.total_credit.saturating_sub(purse.settled_credit));
        table.line("loads", purse.loads);
        let mut text = table.finish();
        let head = |text: &mut String, english: &'static str| {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n\n{}", words(language, english));
        };
        if !reading.loads.is_empty() {
            head(&mut text, "  load  time                  channel           EGP  reference");
        }
        for load in &reading.loads {
            let LoadRecord { number, time: when, channel, reference, credited, debited, .. } = load;
            let less = match debited {
                &Piastres::ZERO => String::new(),
                debited => say(language, format_args!("  less {debited}"), format_args!("  -{debited}")),
            };
            let (when, channel) = (time(*when), in_language(language, channel.to_string()));
            let (credited, reference) = (credited.to_string(), in_language(language, reference.to_string()));
            let _ = write!(text, "\n  {number:>4}  {when}  {channel:<8} {credited:>12}{less}  {reference}");
        }
        let months = months_of(reading);
        if !months.is_empty() {
            let _ = write!(text, "\n\n{}", months::table(months.iter(), language));
        }
        if !reading.events.is_empty() {
            head(&mut text, " event  time                  what happened at the meter");
        }
        for event in &reading.events {
            let says = events::in_words(event, None, language);
            let _ = write!(text, "\n  {:>4}  {}  {says}", event.number, time(event.time));
        }
        text
    }
}

/// A contract: its meter and its number there.
pub(crate) fn contract(binding: Binding, language: Language) -> String {
    let Binding { meter, number } = binding;
    say(
        language,
        format_args!("{meter} (binding {number})"),
        format_args!("{} (التعاقد {})", isolate(meter), isolate(number)),
    )
}

/// What a month has had so far.
pub(crate) fn used(energy: Energy, charge: Piastres, language: Language) -> String {
    let (energy, charge) = (kwh(energy, language), customer::amount(charge, language));
    say(language, format_args!("{energy}, {charge}"), format_args!("{energy}، {charge}"))
}
