//! `cardctl mail`: what the desk tells a meter, carried by its card or by the network.

use card_core::id::{CardId, MeterId};
use card_core::message::Slot;
use card_core::parameters::command::kind;
use card_core::role::Role;
use card_core::text::Language;
use card_core::units::CardTime;
use card_host::card;
use card_host::card_work::{Mail, Order, deliver};
use card_host::tariff_file;
use card_host::transport::Transport;
use clap::{Subcommand, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

use crate::cli::contents::{self, ContentError};
use crate::cli::{Arguments, meter_number};
use crate::commands::meter::{mail_in_words, mail_json};
use crate::commands::{Error, books, with_card};
use crate::context::books::{self, Books};
use crate::context::workplace::Workplace;
use crate::view::Output;

#[derive(clap::Args)]
pub(crate) struct MailArguments {
    /// Sends it over the network to this simulated meter, at once, instead of putting it on the card in the reader.
    #[arg(long, global = true, value_name = "METER", value_parser = meter_number)]
    network: Option<MeterId>,
    #[command(subcommand)]
    command: MailCommand,
}

#[derive(Subcommand)]
pub(crate) enum MailCommand {
    /// A tariff: it comes into force at its start, or at once where that is past.
    Tariff {
        /// A tariff file, with a version above that of the tariff in force; `cardctl tariff check FILE` explains it.
        file: PathBuf,
    },
    /// Limits: thresholds, contracted power, loan. What is not named gets the value that it has before the first such mail.
    Limits(contents::LimitsArguments),
    /// The calendar: friendly times, rest days and holidays, in Cairo's local time. What is not named gets the value that it has before the
    /// first such mail; holidays that are not named are none.
    Calendar(contents::CalendarArguments),
    /// The debts that are paid by instalments: repeat all options for each of up to four. They replace the plan that the meter has; a debt
    /// with the same id goes on where it was.
    Debt(contents::DebtArguments),
    /// Notices on the display: up to eight, which replace those that are there; none takes them away.
    Notice(contents::NoticeArguments),
    /// New keys, wrapped under the meter's transport key. The desk uses them when it has heard that the meter has them: at once over the
    /// network, else by `cardctl collect` after the meter. Until then it sends these again, and no newer ones.
    Keys {
        /// Whose keys.
        #[arg(value_enum)]
        role: Keys,
        /// Draws a new master first; repeated with the same --request, not another one. All meters get keys of it by and by, each by such a
        /// mail. Restart `cardctl serve` after it.
        #[arg(long)]
        new_master: bool,
    },
    /// A command. It is executed once.
    Command {
        /// What to do.
        #[arg(value_enum)]
        kind: Kind,
        /// The only card that may bring it: its 16 digits, or "this" for the card in the reader. clear-tamper and clock need one.
        #[arg(long, value_name = "CARD")]
        technician: Option<String>,
        /// After so many hours it is not executed any more; for clock, 72 where not given: it believes no clock beyond that. The time of the simulated meter counts, where there is one and it lives ahead.
        #[arg(long, value_name = "HOURS")]
        expires: Option<u32>,
        /// For clock, the POSIX time that it is at least (default: now); for lowest-generation, the generation.
        #[arg(long, value_name = "N")]
        value: Option<u64>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keys {
    /// Those that certify totals.
    Credit,
    /// Those that seal mail to the meter.
    Parameter,
    /// Those that seal the meter's mail.
    Report,
}

impl Keys {
    const fn role(self) -> Role {
        match self {
            Self::Credit => Role::Credit,
            Self::Parameter => Role::Parameter,
            Self::Report => Role::Report,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Cuts the supply.
    Cut,
    /// Ends that.
    EndCut,
    /// Clears all tampering; needs --technician.
    ClearTamper,
    /// Sets the clock; needs --technician.
    Clock,
    /// Has readings sent.
    ReadOut,
    /// Ends an overload and forgets those that were counted.
    EndOverload,
    /// Lets cards of a lower generation than --value be refused.
    LowestGeneration,
}

impl Kind {
    const ALL: [(Self, u8, &'static str); 7] = [
        (Self::Cut, kind::CUT, "cut the supply"),
        (Self::EndCut, kind::END_CUT, "end the cut by command"),
        (Self::ClearTamper, kind::CLEAR_TAMPER, "clear tampering"),
        (Self::Clock, kind::CLOCK, "set the clock"),
        (Self::ReadOut, kind::READ_OUT, "read out"),
        (Self::EndOverload, kind::END_OVERLOAD, "end the overload"),
        (Self::LowestGeneration, kind::LOWEST_GENERATION, "set the lowest generation"),
    ];

    fn code(self) -> u8 {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or(0, |(_, code, _)| *code)
    }
}

/// A kind of command in words.
pub(crate) fn command(code: u8) -> String {
    let known = Kind::ALL.iter().find(|(_, known, _)| *known == code);
    known.map_or_else(|| format!("kind {code:02X}"), |(.., name)| (*name).to_owned())
}

pub(crate) fn run(arguments: &Arguments, mail: &MailArguments) -> Result<(Output, bool), Error> {
    let (mut output, taken) = send(arguments, mail)?;
    if matches!(mail.command, MailCommand::Keys { new_master: true, .. }) {
        output.text.push_str("\nrestart `cardctl serve` where it runs: it knows the former keys only");
        if let Some(fields) = output.json.as_object_mut() {
            let _ = fields.insert("restart".to_owned(), "cardctl serve".into());
        }
    }
    Ok((output, taken))
}

fn send(arguments: &Arguments, mail: &MailArguments) -> Result<(Output, bool), Error> {
    let workplace = Workplace::open(arguments.data.as_deref())?;
    let books = books(arguments, &workplace)?;
    if let Some(meter) = mail.network {
        let customer = books.office.serving(meter)?.held.card.id;
        let made = make(&workplace, &books, customer, None, &mail.command)?;
        return over_network(&workplace, &books, meter, &made, arguments.language);
    }
    with_card(arguments, Some(&workplace), false, |transport| {
        let card = card::select(transport)?.card.id;
        let made = make(&workplace, &books, card, Some(card), &mail.command)?;
        Ok((on_card(transport, card, &made)?, true))
    })
}

/// Mail, and what it is.
struct Made {
    mail: Mail,
    says: String,
    /// Key version number of new keys.
    keys: Option<u8>,
}

fn make(
    workplace: &Workplace,
    books: &Books,
    of: CardId,
    present: Option<CardId>,
    command: &MailCommand,
) -> Result<Made, Error> {
    let Books { office, who, id, .. } = books;
    let (slot, plaintext, says) = match command {
        MailCommand::Tariff { file } => {
            let tariff = tariff_file::read(file)?;
            let says = format!("tariff version {}", tariff.version());
            (Slot::TARIFF, tariff.emit().as_slice().to_vec(), says)
        }
        MailCommand::Limits(limits) => (Slot::LIMITS, limits.limits()?.emit().to_vec(), "limits".to_owned()),
        MailCommand::Calendar(calendar) => {
            let calendar = calendar.calendar()?;
            let says = format!("calendar, holidays: {}", calendar.holidays().len());
            (Slot::CALENDAR, calendar.emit().as_slice().to_vec(), says)
        }
        MailCommand::Debt(debts) => {
            let plan = debts.plan()?;
            let says = format!("plan of debts: {}", plan.debts().len());
            (Slot::DEBT_PLAN, plan.emit().as_slice().to_vec(), says)
        }
        MailCommand::Notice(notices) => {
            let notices = notices.notices()?;
            let says = format!("notices: {}", notices.notices().len());
            (Slot::NOTICES, notices.emit().as_slice().to_vec(), says)
        }
        MailCommand::Keys { role, new_master } => {
            if *new_master {
                // What this request has done before is not done again, wherever it was interrupted: its master has the version that was
                // entered before it was drawn.
                let version = office.next_master(who, &books::id(&format!("{id}.master"))?, role.role())?;
                workplace.master(&books.keys, role.role(), version)?;
            }
            let (version, mail) = office.change_keys(who, id, of, role.role())?;
            let says = format!("keys {version:02X}");
            return Ok(Made { mail, says, keys: Some(version) });
        }
        MailCommand::Command { kind, technician, expires, value } => {
            let now = now(workplace, books, of)?;
            let order = order(now, *kind, technician.as_deref(), present, *expires, *value)?;
            let (sent, mail) = office.command(who, id, of, &order)?;
            let says = format!("command {}, {}", sent.counter, self::command(sent.action.kind()));
            return Ok(Made { mail, says, keys: None });
        }
    };
    Ok(Made { mail: office.mail(who, id, of, slot, &plaintext)?, says, keys: None })
}

/// The time by which commands expire: that of the simulated meter, which may live ahead; without one, the computer's.
fn now(workplace: &Workplace, books: &Books, of: CardId) -> Result<CardTime, Error> {
    let meter = books.office.meter_of(of)?;
    if workplace.meters()?.contains(&meter) {
        return Ok(workplace.meter(meter)?.clock(books::now())?);
    }
    Ok(books::now())
}

/// For how long a command that sets the clock is good, where nobody says.
const CLOCK_HOURS: u32 = 72;

fn order(
    now: CardTime,
    kind: Kind,
    technician: Option<&str>,
    present: Option<CardId>,
    expires: Option<u32>,
    value: Option<u64>,
) -> Result<Order, ContentError> {
    let technician = match (technician, present) {
        (None, _) => None,
        (Some("this"), Some(card)) => Some(card),
        (Some(text), _) => Some(contents::card(text)?),
    };
    if matches!(kind, Kind::ClearTamper | Kind::Clock) && technician.is_none() {
        return Err(ContentError::NoTechnician);
    }
    let value = match (kind, value) {
        (Kind::Clock, None) => now.0,
        (Kind::Clock, Some(posix)) => CardTime::from_unix(posix).ok_or(ContentError::Time)?.0,
        (Kind::LowestGeneration, Some(value)) => {
            u16::try_from(value).ok().filter(|value| *value != 0).ok_or(ContentError::Generation)?.into()
        }
        (Kind::LowestGeneration, None) => return Err(ContentError::Generation),
        (_, Some(_)) => return Err(ContentError::NoValue),
        (_, None) => 0,
    };
    // A clock that is wrong must not be believed for ever.
    let expires = expires.or((kind == Kind::Clock).then_some(CLOCK_HOURS));
    let expiry = expires
        .map_or(CardTime::UNSET, |hours| CardTime(now.0.saturating_add(hours.saturating_mul(3600)).max(1)));
    if kind == Kind::Clock && value >= expiry.0 {
        return Err(ContentError::ClockExpiry);
    }
    Ok(Order { kind: kind.code(), value, expiry, technician })
}

fn on_card(transport: &mut Box<dyn Transport + '_>, card: CardId, made: &Made) -> Result<Output, Error> {
    let answer = deliver(transport, &made.mail.delivery)?;
    let (slot, version) = (answer.slot.number(), answer.version);
    let text = format!(
        "on card {card}, for meter {}: {} (slot {slot:02X}, version {version}); take it there: cardctl meter tap",
        made.mail.envelope.binding.meter, made.says,
    );
    let json = json!({
        "says": made.says,
        "meter": made.mail.envelope.binding.meter.number(),
        "card": card.to_string(),
        "slot": slot,
        "version": version,
        "stored": answer.stored,
    });
    Ok(Output::new(text, json))
}

fn over_network(
    workplace: &Workplace,
    books: &Books,
    id: MeterId,
    made: &Made,
    language: Language,
) -> Result<(Output, bool), Error> {
    let mut meter = workplace.meter(id)?;
    let reading = meter.clock(books::now())?;
    let received = meter.receive(reading, None, &made.mail.envelope)?;
    if let (Some(version), Ok(())) = (made.keys, received.result) {
        books.office.keys_changed(&books.who, made.mail.envelope.binding, version)?;
    }
    let text = format!("to meter {id}, {}: {}", made.says, mail_in_words(&received, language));
    let mut json = mail_json(&received);
    if let Some(fields) = json.as_object_mut() {
        let _ = fields.insert("says".to_owned(), made.says.clone().into());
        let _ = fields.insert("meter".to_owned(), id.number().into());
    }
    Ok((Output::new(text, json), received.result.is_ok()))
}
