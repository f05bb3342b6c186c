//! `cardctl mail`: what the desk tells a meter, carried by its card or by the network.

use card_core::calendar::{Calendar, CalendarError};
use card_core::id::{Binding, CardId, MeterId};
use card_core::message::Slot;
use card_core::meter::MailRefusal;
use card_core::parameters::Action;
use card_core::parameters::command::kind;
use card_core::parameters::{DebtPlan, Limits, Notices, ParameterError};
use card_core::role::{KeyVersion, Role};
use card_core::text::{Language, isolate};
use card_core::units::{CardTime, Piastres};
use card_host::card;
use card_host::card_work::{Mail, Order, deliver};
use card_host::tariff_file;
use card_ledger::{Evidence, Note};
use std::path::PathBuf;

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::{self, Books};
use crate::context::workplace::Workplace;
use crate::view::events::command as command_in_words;
use crate::view::mail::{Sent, Way};
use crate::view::verdict::{TAKEN, Taken};
use crate::words::{Both, both};

/// What is told to a meter.
pub(crate) enum Content {
    /// The tariff of this file.
    Tariff(PathBuf),
    Limits(Limits),
    Calendar(Calendar),
    Debts(DebtPlan),
    Notices(Notices),
    Keys {
        role: Role,
        /// Draws a new master first.
        new_master: bool,
    },
    /// What the month has had in another contract.
    Month(Binding),
    Command {
        kind: u8,
        /// The only card that may bring it: its digits, or "this".
        technician: Option<String>,
        /// In hours.
        expires: Option<u32>,
        value: Option<u64>,
    },
}

/// What is told to which meter.
pub(crate) struct Options {
    /// Over the network to this meter, and not on the card in the reader.
    pub(crate) network: Option<MeterId>,
    pub(crate) content: Content,
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContentError {
    #[error("{0}: no meter would take this; nothing was sent")]
    Parameters(#[from] ParameterError),
    #[error("{0}: no meter would take this; nothing was sent")]
    Calendar(#[from] CalendarError),
    #[error("an amount is above 42949672.95 EGP: give a smaller one")]
    Amount,
    #[error(
        "each debt has an --id, an --amount, a --count and a --first-month, and all or none have a --last: name as many of each"
    )]
    Debts,
    #[error("this command names the card that may bring it: add --technician CARD")]
    NoTechnician,
    #[error(
        "a card has 16 hexadecimal digits: `cardctl info` shows those of the card in the reader; or write \"this\""
    )]
    Card,
    #[error("the time is not one from 2020 to 2156: give --value in POSIX seconds, or leave it out for now")]
    Time,
    #[error("the lowest generation is 1 to 65535: give it with --value")]
    Generation,
    #[error("this command has no value: leave --value out")]
    NoValue,
    #[error(
        "the command would have expired at the time that it sets: give more --expires hours, or an earlier --value"
    )]
    ClockExpiry,
}

/// A card's number from its digits.
pub(crate) fn card_of(text: &str) -> Result<CardId, ContentError> {
    let mut bytes = [0; 8];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| ContentError::Card)?;
    Ok(CardId(bytes))
}

pub(crate) fn run(context: &Context, options: &Options) -> Result<Sent, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    if let Some(meter) = options.network {
        let customer = books.office.serving(meter)?.held.card.id;
        let made = make(&workplace, &books, customer, None, &options.content)?;
        let way = over_network(&workplace, &books, meter, &made)?;
        return Ok(sent(options, made, meter, way));
    }
    context.with_card(Some(&workplace), |transport| {
        let card = card::select(transport)?.card.id;
        let made = make(&workplace, &books, card, Some(card), &options.content)?;
        let answer = deliver(transport, &made.mail.delivery)?;
        let way = Way::card(card, answer.slot.number(), answer.version, answer.stored);
        let meter = made.mail.envelope.binding.meter;
        Ok(sent(options, made, meter, way))
    })
}

fn sent(options: &Options, made: Made, meter: MeterId, way: Way) -> Sent {
    let new_master = matches!(options.content, Content::Keys { new_master: true, .. });
    Sent::new(made.says, meter, way, new_master)
}

/// Mail, and what it is.
struct Made {
    mail: Mail,
    says: Both,
    /// Key version number of new keys.
    keys: Option<KeyVersion>,
}

fn make(
    workplace: &Workplace,
    books: &Books,
    of: CardId,
    present: Option<CardId>,
    content: &Content,
) -> Result<Made, Error> {
    let (Books { office, who, .. }, id) = (books, books.id()?);
    let (slot, plaintext, says) = match content {
        Content::Tariff(file) => {
            let tariff = tariff_file::read(file)?;
            let says =
                both!("tariff version {version}", "التعريفة رقم {version}", version = tariff.version());
            (Slot::TARIFF, tariff.as_bytes().to_vec(), says)
        }
        Content::Limits(limits) => (Slot::LIMITS, limits.emit().to_vec(), both!("limits", "الحدود")),
        Content::Calendar(calendar) => {
            let says = both!(
                "calendar, holidays: {holidays}",
                "تقويم الوقت الصديق، عدد العطلات {holidays}",
                holidays = calendar.holidays().len(),
            );
            (Slot::CALENDAR, calendar.emit().as_slice().to_vec(), says)
        }
        Content::Debts(plan) => {
            let says =
                both!("plan of debts: {debts}", "خطة الأقساط، عددها {debts}", debts = plan.debts().len());
            (Slot::DEBT_PLAN, plan.emit().as_slice().to_vec(), says)
        }
        Content::Notices(notices) => {
            let says =
                both!("notices: {notices}", "إعلانات، عددها {notices}", notices = notices.notices().len(),);
            (Slot::NOTICES, notices.emit().as_slice().to_vec(), says)
        }
        Content::Keys { role, new_master } => {
            if *new_master {
                // What this request has done before is not done again, wherever it was interrupted: its master has the version that was
                // entered before it was drawn.
                let version = office.next_master(who, None, id, *role)?;
                workplace.master(&books.keys, *role, version)?;
                office.master_drawn(who, version)?;
            }
            let (version, mail) = office.change_keys(who, id, of, *role)?;
            let says = both!("keys {version}", "بيانات التشفير {version}", version);
            return Ok(Made { mail, says, keys: Some(version) });
        }
        Content::Month(from) => {
            let (so_far, mail) = office.mail_month(who, id, of, *from)?;
            let says = both!(
                "month so far: {energy} kWh, {paid} EGP paid",
                "الشهر حتى الآن: {energy} ك.و.س، المدفوع {paid} جنيه",
                energy = Piastres(so_far.energy.0.into()),
                paid = so_far.paid,
            );
            return Ok(Made { mail, says, keys: None });
        }
        Content::Command { kind, technician, expires, value } => {
            let at = |now| order(now, *kind, technician.as_deref(), present, *expires, *value);
            // Behind certificates, what counts is what time it is, and not what a meter that lives ahead believes.
            let now = if *kind == kind::CLOCK_BACK { books::now() } else { now(workplace, books, of)? };
            let mut order = at(now)?;
            if order.expiry != CardTime::UNSET {
                // Its hours count from when it was asked for first.
                let first = office.note(who, id, Note::Time, now.to_unix())?;
                order = at(CardTime::from_unix(first).unwrap_or(now))?;
            }
            let (sent, mail) = office.command(who, id, of, &order)?;
            let kind = sent.action.kind();
            let says = Both(
                format!("command {}, {}", sent.counter, command_in_words(kind, Language::English)),
                format!("الأمر {}، {}", isolate(sent.counter), command_in_words(kind, Language::Arabic)),
            );
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
    kind: u8,
    technician: Option<&str>,
    present: Option<CardId>,
    expires: Option<u32>,
    value: Option<u64>,
) -> Result<Order, ContentError> {
    let technician = match (technician, present) {
        (None, _) => None,
        (Some("this"), Some(card)) => Some(card),
        (Some(text), _) => Some(card_of(text)?),
    };
    let clock = matches!(kind, kind::CLOCK | kind::CLOCK_BACK);
    if (clock || kind == kind::CLEAR_TAMPER) && technician.is_none() {
        return Err(ContentError::NoTechnician);
    }
    let value = match (kind, value) {
        (_, None) if clock => now.0,
        (_, Some(posix)) if clock => CardTime::from_unix(posix).ok_or(ContentError::Time)?.0,
        (kind::LOWEST_GENERATION, Some(value)) => {
            u16::try_from(value).ok().filter(|value| *value != 0).ok_or(ContentError::Generation)?.into()
        }
        (kind::LOWEST_GENERATION, None) => return Err(ContentError::Generation),
        (_, Some(_)) => return Err(ContentError::NoValue),
        (_, None) => 0,
    };
    // A clock that is wrong must not be believed for ever.
    let expires = expires.or(clock.then_some(CLOCK_HOURS));
    let expiry = expires
        .map_or(CardTime::UNSET, |hours| CardTime(now.0.saturating_add(hours.saturating_mul(3600)).max(1)));
    if clock && value >= expiry.0 {
        return Err(ContentError::ClockExpiry);
    }
    Ok(Order { action: Action::of(kind, value), expiry, technician })
}

fn over_network(workplace: &Workplace, books: &Books, id: MeterId, made: &Made) -> Result<Way, Error> {
    let (Books { office, who, .. }, envelope) = (books, &made.mail.envelope);
    // What it has answered before holds: it would say now that it has this mail already.
    let code = match office.noted(who, books.id()?, Note::Heard)? {
        Some(code) => code,
        None => {
            let mut meter = workplace.meter(id)?;
            let reading = meter.clock(books::now())?;
            let received = meter.receive(reading, None, envelope)?;
            // What it answers over a network is not sealed; its readings are, and say which keys it has.
            if made.keys.is_some()
                && let Some(readings) = meter.readings(0)?
            {
                office.hand_in(who, &Evidence::MeterMail(readings.as_bytes().to_vec()))?;
            }
            let code = received.result.map_or_else(MailRefusal::code, |()| TAKEN);
            office.note(who, books.id()?, Note::Heard, code.into())?
        }
    };
    let code = u8::try_from(code).unwrap_or(MailRefusal::Malformed.code());
    Ok(Way::Network(Taken::new(envelope.slot, envelope.version, code)))
}
