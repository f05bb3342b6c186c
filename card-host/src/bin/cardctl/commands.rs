//! The commands. Each works on whatever transport leads to the card.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use applet_sim::card::{Cost, Profile};
use card_core::id::MeterId;
use card_core::key::KeyLength;
use card_core::role::Role;
use card_core::scp03::Mode;
use card_host::card::CardError;
use card_host::desk::{CardChoice, Desk, DeskError};
use card_host::keystore::KeyStoreError;
use card_host::operate::{self, OperateError};
use card_host::pcsc;
use card_host::personalise::Step;
use card_host::random::OsRandom;
use card_host::reader_error::ReaderError;
use card_host::simulated_meter::{ProfileError, SimulatedMeterError};
use card_host::tariff_file::TariffFileError;
use card_host::tour::{self, TourError};
use card_host::transport::{Trace, Transport, standard};
use serde_json::json;
use std::io::Write;

use crate::arguments::{Arguments, Command, Secret};
use crate::collect;
use crate::contents::ContentError;
use crate::mail;
use crate::meter;
use crate::output::{self, Output, Table};
use crate::sale::{self, NotLoaded, Sale};
use crate::tariff;
use crate::voucher_file::{self, VoucherFileError};
use crate::workplace::{Workplace, WorkplaceError};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Workplace(#[from] WorkplaceError),
    #[error(transparent)]
    Reader(#[from] ReaderError),
    #[error(transparent)]
    Card(#[from] CardError),
    #[error(transparent)]
    NotLoaded(#[from] NotLoaded),
    #[error(transparent)]
    BooksBehind(#[from] sale::BooksBehind),
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error(transparent)]
    Operate(#[from] OperateError),
    #[error(transparent)]
    Meter(#[from] SimulatedMeterError),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Keys(#[from] KeyStoreError),
    #[error(transparent)]
    Voucher(#[from] VoucherFileError),
    #[error(transparent)]
    Tour(#[from] TourError),
    #[error(transparent)]
    Tariff(#[from] TariffFileError),
    #[error("cannot print: {0}")]
    Output(#[from] std::io::Error),
}

pub(crate) type Print<'a> = &'a mut dyn FnMut(&Output) -> std::io::Result<()>;

/// Runs what was asked for; `false` where it found something wrong.
pub(crate) fn run(arguments: &Arguments, print: Print<'_>) -> Result<bool, Error> {
    let open = || Workplace::open(arguments.data.as_deref());
    match &arguments.command {
        Command::Readers => readers(print)?,
        Command::Diagnose => return diagnose(print),
        Command::Tour { profile } => play(*profile, print)?,
        Command::Tariff { command } => print(&tariff::run(command)?)?,
        Command::Info => {
            let output = with_card(arguments, None, false, |card| {
                let name = card.description();
                Ok(output::public(&operate::read_public(card)?, &name, arguments.language))
            })?;
            print(&output)?;
        }
        Command::Issue { meter, account, private_balance, closes_former, mode, aes } => {
            let workplace = open()?;
            let mut desk = desk(&workplace, *aes)?;
            let choice =
                CardChoice { mode: *mode, private_balance: *private_balance, closes_former: *closes_former };
            let output = with_card(arguments, Some(&workplace), true, |card| {
                issue(card, &mut desk, *meter, *account, choice)
            })?;
            // First of all the access number must be seen: it is kept nowhere.
            print(&output)?;
            workplace.install_meter(&mut desk, *meter)?;
        }
        Command::TopUp { amount, channel, out } => {
            let workplace = open()?;
            let mut desk = desk(&workplace, KeyLength::Aes256)?;
            let sale = Sale {
                amount: *amount,
                channel: *channel,
                out: out.as_deref(),
                language: arguments.language,
            };
            let output = with_card(arguments, Some(&workplace), false, |card| {
                sale::top_up(card, &workplace, &mut desk, &sale)
            })?;
            print(&output)?;
        }
        Command::Refresh => {
            let workplace = open()?;
            let mut desk = desk(&workplace, KeyLength::Aes256)?;
            let output = with_card(arguments, Some(&workplace), false, |card| {
                sale::refresh(card, &mut desk, arguments.language)
            })?;
            print(&output)?;
        }
        Command::Load { file } => {
            let voucher = voucher_file::read(file)?;
            let output =
                with_card(arguments, None, false, |card| sale::carry(card, &voucher, arguments.language))?;
            print(&output)?;
        }
        Command::Engineering { meter, rebind } => {
            let workplace = open()?;
            let mut desk = desk(&workplace, KeyLength::Aes256)?;
            let output = with_card(arguments, Some(&workplace), !rebind, |card| {
                engineering(card, &mut desk, *meter, *rebind)
            })?;
            print(&output)?;
        }
        Command::Meter { command } => return meter::run(arguments, command, print),
        Command::Mail(command) => {
            let (output, taken) = mail::run(arguments, command)?;
            print(&output)?;
            return Ok(taken);
        }
        Command::Collect => {
            let workplace = open()?;
            let mut desk = desk(&workplace, KeyLength::Aes256)?;
            let output = with_card(arguments, Some(&workplace), false, |card| {
                let collected = desk.collect(card)?;
                Ok(collect::output(&collected, &desk.learn_keys(card)?))
            })?;
            print(&output)?;
        }
        Command::Show { access_number } => {
            let output = match access_number {
                Some(Secret(access)) => with_card(arguments, None, false, |card| {
                    let session = operate::holder_session(card, access, &mut OsRandom);
                    Ok(output::reading(&operate::read_private(&mut session?)?))
                })?,
                None => {
                    let workplace = open()?;
                    let mut desk = desk(&workplace, KeyLength::Aes256)?;
                    with_card(arguments, Some(&workplace), false, |card| {
                        let session = operate::session(card, desk.keys_mut(), Role::Vending, &mut OsRandom);
                        Ok(output::reading(&operate::read_private(&mut session?)?))
                    })?
                }
            };
            print(&output)?;
        }
    }
    Ok(true)
}

/// Gives the card to `act`: the simulated one, or the one in a reader. `blank` asks for a blank simulated card. The data directory is
/// opened only where it is needed.
pub(crate) fn with_card<T>(
    arguments: &Arguments,
    workplace: Option<&Workplace>,
    blank: bool,
    act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, Error>,
) -> Result<T, Error> {
    if arguments.reader == "sim" {
        let opened;
        let workplace = match workplace {
            Some(workplace) => workplace,
            None => {
                opened = Workplace::open(arguments.data.as_deref())?;
                &opened
            }
        };
        let mut card = if blank { workplace.blank_card()? } else { workplace.card()? };
        return traced(arguments.trace, &mut card, act);
    }
    let mut connection = pcsc::connect(&arguments.reader)?;
    let result = traced(arguments.trace, &mut connection, act);
    // Dropped, it leaves the card as it is, or resets it where a session was open.
    drop(connection);
    result
}

fn traced<T>(
    trace: bool,
    transport: &mut dyn Transport,
    act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, Error>,
) -> Result<T, Error> {
    if !trace {
        return act(&mut (Box::new(standard(transport)) as Box<dyn Transport + '_>));
    }
    let mut trace = Trace::new(transport);
    let result = act(&mut (Box::new(standard(&mut trace)) as Box<dyn Transport + '_>));
    let (_, recording) = trace.into_parts();
    let _ = write!(std::io::stderr(), "{recording}");
    result
}

/// The desk, after its warning.
pub(crate) fn desk(workplace: &Workplace, length: KeyLength) -> Result<Desk, Error> {
    let desk = workplace.desk(length)?;
    if let Some(warning) = desk.warning() {
        let _ = writeln!(std::io::stderr(), "cardctl: {warning}");
    }
    Ok(desk)
}

fn readers(print: Print<'_>) -> Result<(), Error> {
    let readers = pcsc::readers_and_cards()?;
    let mut table = Table::default();
    for (name, card) in &readers {
        table.line(name, if *card { "card" } else { "empty" });
    }
    let text = if readers.is_empty() { ReaderError::NoReader.to_string() } else { table.finish() };
    let list: Vec<_> = readers.iter().map(|(name, card)| json!({ "name": name, "card": card })).collect();
    Ok(print(&Output::new(text, json!({ "readers": list })))?)
}

fn diagnose(print: Print<'_>) -> Result<bool, Error> {
    let checks = pcsc::diagnose();
    let right = checks.iter().all(|check| check.is_good());
    let text: Vec<String> = checks.iter().map(ToString::to_string).collect();
    let list: Vec<_> = checks
        .iter()
        .map(|check| json!({ "check": check.name, "right": check.is_good(), "says": check.to_string() }))
        .collect();
    print(&Output::new(text.join("\n"), json!({ "checks": list })))?;
    Ok(right)
}

fn issue(
    card: &mut Box<dyn Transport + '_>,
    desk: &mut Desk,
    meter: MeterId,
    account: u64,
    choice: CardChoice,
) -> Result<Output, Error> {
    let mut done = 0;
    let mut progress = |step: Step| {
        done += 1;
        let _ = writeln!(std::io::stderr(), "  {done} of {}: {step}", Step::ALL.len());
    };
    let issued = desk.issue(card, meter, account, choice, &mut progress)?;
    let held = &issued.account;
    let mut table = Table::default();
    table.line("card", held.card.id);
    table.line("generation", held.card.generation);
    if let Some(replaced) = issued.replaces {
        table.line("replaces", format!("{} (generation {})", replaced.id, replaced.generation));
    }
    table.line("account", held.account);
    let number = u64::from_be_bytes(held.binding.meter.0);
    table.line("meter", format!("{number} (binding {})", held.binding.number));
    let mut json = output::account(held);
    let digits = issued.access.digits();
    let digits = core::str::from_utf8(&*digits).unwrap_or_default();
    table.line("access number", format!("{digits} (print it on the card; it is kept nowhere)"));
    json["access_number"] = digits.into();
    json["replaces"] = issued.replaces.map(|replaced| replaced.id.to_string()).into();
    let next = match issued.replaces {
        Some(_) => "activate it at a branch, with the credit that it has: cardctl refresh",
        None => "the first charge, at a branch: cardctl top-up AMOUNT --channel branch",
    };
    table.line("next", next);
    Ok(Output::new(table.finish(), json))
}

fn engineering(
    card: &mut Box<dyn Transport + '_>,
    desk: &mut Desk,
    meter: MeterId,
    rebind: bool,
) -> Result<Output, Error> {
    let mut table = Table::default();
    let number = u64::from_be_bytes(meter.0);
    let (held, access) = if rebind {
        (desk.rebind_engineering(card, meter)?, None)
    } else {
        let choice = CardChoice { mode: Mode::S8, private_balance: true, closes_former: false };
        let mut done = 0;
        let mut progress = |step: Step| {
            done += 1;
            let _ = writeln!(std::io::stderr(), "  {done} of {}: {step}", Step::ALL.len());
        };
        let issued = desk.issue_engineering(card, meter, choice, &mut progress)?;
        (issued.account, Some(issued.access))
    };
    table.line("engineering card", held.card.id);
    table.line("generation", held.card.generation);
    table.line("meter", format!("{number} (binding {})", held.binding.number));
    let mut json = output::account(&held);
    if let Some(access) = access {
        let digits = access.digits();
        let digits = core::str::from_utf8(&*digits).unwrap_or_default();
        table.line("access number", format!("{digits} (print it on the card; it is kept nowhere)"));
        json["access_number"] = digits.into();
    }
    table.line("next", "a command that names it: cardctl mail command clear-tamper --technician this");
    Ok(Output::new(table.finish(), json))
}

fn play(profile: Profile, print: Print<'_>) -> Result<(), Error> {
    let mut failed = None;
    let mut total = Cost::default();
    let money = tour::play(&mut tour::Table::new(profile), KeyLength::Aes256, &mut |line| {
        total = total + line.cost;
        let (cost, json) = output::cost(&line.cost);
        let text = format!("{:>2}  {:<38} {cost}\n      {}", line.number, line.title, line.outcome);
        let json = json!({ "step": line.number, "title": line.title, "outcome": line.outcome, "cost": json });
        if let Err(error) = print(&Output::new(text, json)) {
            failed.get_or_insert(error);
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (cost, _) = output::cost(&total);
    let text = format!(
        "    {:<38} {cost}\n\nThe money adds up: difference {} piastres.\n\nExchanges are commands with their answers, bytes go both ways, \
         records are writes to the card's memory;\ncard and link are milliseconds of the modelled chip and of its {}.",
        "all steps",
        money.difference(),
        match profile {
            Profile::Contactless => "contactless link, 106 kbit/s",
            Profile::T1 | Profile::T0 => "contacts, 115200 baud",
        }
    );
    let json = json!({
        "paid": money.paid.0,
        "reversed": money.reversed.0,
        "consumed": money.consumed.0,
        "fees": money.fees.0,
        "in_meter": money.in_meter.0,
        "difference": i64::try_from(money.difference()).unwrap_or(i64::MAX),
    });
    Ok(print(&Output::new(text, json))?)
}
