//! `cardctl info` and `cardctl show`.

use card_core::id::State;
use card_core::message::{LoadRecord, MeterFlags};
use card_core::terminal::read::MeterFile;
use card_core::text::{Language, Situation};
use card_core::units::{CardTime, Piastres};
use card_host::operate::{Public, Reading};
use serde::Serialize;
use std::fmt::Write as _;

use super::View;
use super::customer;
use super::events::{self, EventView};
use super::months::{self, MonthView};
use super::standing::StandingView;
use super::table::{Table, egp, time};

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
        let mut table = Table::default();
        table.line("reader", reader);
        table.line("card", &self.card);
        table.line("state", &self.state);
        if let Some(standing) = &self.in_the_ledger {
            table.line("in the ledger", standing.text(language));
        }
        table.line("generation", self.generation);
        table.line("company", format!("{} ({})", self.company, self.environment));
        table.line("issued", time(public.identity.issue_time));
        if public.identity.expiry_time != CardTime::UNSET {
            table.line("expires", time(public.identity.expiry_time));
        }
        match &public.status.balances {
            None => {
                table.line("balance", "private: see `cardctl show`");
            }
            Some(balances) => {
                table.line("waiting on the card", egp(balances.pending_credit));
                if balances.pending_debit != Piastres::ZERO {
                    table.line("corrections waiting", egp(balances.pending_debit));
                }
                if let Some(at_meter) = balances.at_meter {
                    let when = time(at_meter.time);
                    table.line(
                        "in the meter",
                        format!("{} (on {when}{})", egp(at_meter.balance), low(at_meter.flags)),
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

fn low(flags: MeterFlags) -> &'static str {
    if flags.has(MeterFlags::VERY_LOW_CREDIT) {
        ", very low"
    } else if flags.has(MeterFlags::LOW_CREDIT) {
        ", low"
    } else {
        ""
    }
}

/// Everything that is on a card.
#[derive(Serialize)]
pub(crate) struct Content {
    card: String,
    generation: u16,
    state: String,
    /// How it stands in the ledger, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_the_ledger: Option<StandingView>,
    #[serde(serialize_with = "crate::view::as_text")]
    account: u64,
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    binding: u32,
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    settled_credit: u64,
    settled_debited: u64,
    loads: Vec<Load>,
    meter_receipt: Option<Settled>,
    months: Vec<MonthView>,
    events: Vec<EventView>,
    mail_versions: Vec<u32>,
    #[serde(skip)]
    reading: Reading,
}

#[derive(Serialize)]
struct Load {
    number: u32,
    time: u64,
    channel: String,
    reference: String,
    sequence: u32,
    credited: u64,
    debited: u64,
    total_credit: u64,
}

/// What the meter last settled.
#[derive(Serialize)]
struct Settled {
    report: u32,
    time: u64,
    balance: i64,
    energy_10wh: u32,
    flags: u16,
}

impl From<&LoadRecord> for Load {
    fn from(load: &LoadRecord) -> Self {
        Self {
            number: load.number,
            time: load.time.to_unix(),
            channel: load.channel.to_string(),
            reference: load.reference.to_string(),
            sequence: load.sequence,
            credited: load.credited.0,
            debited: load.debited.0,
            total_credit: load.total_credit.0,
        }
    }
}

impl From<&MeterFile> for Settled {
    fn from(MeterFile { receipt, .. }: &MeterFile) -> Self {
        Self {
            report: receipt.number,
            time: receipt.time.to_unix(),
            balance: receipt.balance.0,
            energy_10wh: receipt.energy.0,
            flags: receipt.flags.0,
        }
    }
}

impl Content {
    pub(crate) fn new(reading: Reading, in_the_ledger: Option<StandingView>) -> Self {
        let certificate = &reading.purse.certificate;
        let binding = reading.binding.binding;
        Self {
            card: reading.card.id.to_string(),
            generation: reading.card.generation,
            state: reading.purse.state.to_string(),
            in_the_ledger,
            account: reading.binding.account,
            meter: binding.meter.number(),
            binding: binding.number,
            sequence: certificate.sequence,
            total_credit: certificate.total_credit.0,
            total_debited: certificate.total_debited.0,
            settled_credit: reading.purse.settled_credit.0,
            settled_debited: reading.purse.settled_debited.0,
            loads: reading.loads.iter().map(Load::from).collect(),
            meter_receipt: reading.meter.as_ref().map(Settled::from),
            months: months_of(&reading),
            events: reading.events.iter().map(EventView::from).collect(),
            mail_versions: reading.mail.to_vec(),
            reading,
        }
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
        let mut table = Table::default();
        let purse = &reading.purse;
        let certificate = &purse.certificate;
        table.line("card", reading.card.id);
        table.line("state", purse.state);
        if let Some(standing) = &self.in_the_ledger {
            table.line("in the ledger", standing.text(language));
        }
        table.line("generation", reading.card.generation);
        table.line("account", reading.binding.account);
        let binding = reading.binding.binding;
        table.line("meter", format!("{} (binding {})", binding.meter.number(), binding.number));
        table.line(
            "certificate",
            format!("number {} of {}", certificate.sequence, time(certificate.issue_time)),
        );
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
            let debited =
                if *debited == Piastres::ZERO { String::new() } else { format!("  less {debited}") };
            let credited = credited.to_string();
            let when = time(*when);
            let _ =
                write!(text, "\n  {number:>4}  {when}  {channel:<8} {credited:>12}{debited}  {reference}");
        }
        if !self.months.is_empty() {
            let _ = write!(text, "\n\n{}", months::table(self.months.iter()));
        }
        if !reading.events.is_empty() {
            let _ = write!(text, "\n\n event  time                  what happened at the meter");
        }
        for event in &reading.events {
            let _ = write!(
                text,
                "\n  {:>4}  {}  {}",
                event.number,
                time(event.time),
                events::in_words(event, None)
            );
        }
        text
    }
}
