//! The commands. Each works on whatever transport leads to the card.
#![allow(clippy::indexing_slicing, reason = "assigning to a key of a JSON object adds it")]

use card_core::id::{Channel, MeterId};
use card_core::key::KeyLength;
use card_core::message::Voucher;
use card_core::role::Role;
use card_core::text::{Language, Situation};
use card_core::units::Piastres;
use card_host::desk::{CardChoice, Desk, DeskError, load};
use card_host::keystore::KeyStoreError;
use card_host::operate::{self, OperateError};
use card_host::pcsc;
use card_host::personalise::Step;
use card_host::random::OsRandom;
use card_host::reader_error::ReaderError;
use card_host::simulated_meter::SimulatedMeterError;
use card_host::tariff_file::TariffFileError;
use card_host::tour::{self, TourError};
use card_host::transport::{Trace, Transport, standard};
use serde_json::json;
use std::path::Path;

use crate::arguments::{Arguments, Command, MeterCommand, Secret};
use crate::customer;
use crate::output::{self, Output, Table, egp};
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
    Desk(#[from] DeskError),
    #[error(transparent)]
    Operate(#[from] OperateError),
    #[error(transparent)]
    Meter(#[from] SimulatedMeterError),
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

type Print<'a> = &'a mut dyn FnMut(&Output) -> std::io::Result<()>;

/// Runs what was asked for; `false` where it found something wrong.
pub(crate) fn run(arguments: &Arguments, print: Print<'_>) -> Result<bool, Error> {
    let open = || Workplace::open(arguments.data.as_deref());
    match &arguments.command {
        Command::Readers => readers(print)?,
        Command::Diagnose => return diagnose(print),
        Command::Tour { profile } => play(*profile, print)?,
        Command::Tariff { command } => print(&tariff::run(command)?)?,
        Command::Info => {
            let workplace = open()?;
            let output = with_card(arguments, &workplace, false, |card| {
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
            let output = with_card(arguments, &workplace, true, |card| {
                issue(card, &mut desk, *meter, *account, choice)
            })?;
            workplace.install_meter(&mut desk, *meter)?;
            print(&output)?;
        }
        Command::TopUp { amount, channel, out } => {
            let workplace = open()?;
            let mut desk = desk(&workplace, KeyLength::Aes256)?;
            let output = with_card(arguments, &workplace, false, |card| {
                top_up(card, &mut desk, *amount, *channel, out.as_deref(), arguments.language)
            })?;
            print(&output)?;
        }
        Command::Load { file } => {
            let voucher = voucher_file::read(file)?;
            let output =
                with_card(arguments, &open()?, false, |card| carry(card, &voucher, arguments.language))?;
            print(&output)?;
        }
        Command::Meter { command: MeterCommand::Tap { meter } } => {
            let workplace = open()?;
            let desk = desk(&workplace, KeyLength::Aes256)?;
            let output = with_card(arguments, &workplace, false, |card| {
                tap(card, &workplace, &desk, *meter, arguments.language)
            })?;
            print(&output)?;
        }
        Command::Show { access_number } => {
            let workplace = open()?;
            let output = with_card(arguments, &workplace, false, |card| {
                show(card, &workplace, access_number.as_ref())
            })?;
            print(&output)?;
        }
    }
    Ok(true)
}

/// Gives the card to `act`: the simulated one, or the one in a reader. `blank` asks for a blank simulated card.
fn with_card<T>(
    arguments: &Arguments,
    workplace: &Workplace,
    blank: bool,
    act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, Error>,
) -> Result<T, Error> {
    if arguments.reader == "sim" {
        let mut card = if blank { workplace.blank_card()? } else { workplace.card()? };
        return traced(arguments.trace, &mut card, act);
    }
    let mut connection = pcsc::connect(&arguments.reader)?;
    let result = traced(arguments.trace, &mut connection, act);
    // What was done is done; how the card is left is the reader's business.
    let _ = connection.end(pcsc::CardAfter::Leave);
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
    eprint!("{recording}");
    result
}

/// The desk, after its warning.
fn desk(workplace: &Workplace, length: KeyLength) -> Result<Desk, Error> {
    let desk = workplace.desk(length)?;
    if let Some(warning) = desk.warning() {
        eprintln!("cardctl: {warning}");
    }
    Ok(desk)
}

fn readers(print: Print<'_>) -> Result<(), Error> {
    let readers = pcsc::readers()?;
    let text = match readers.as_slice() {
        [] => ReaderError::NoReader.to_string(),
        readers => readers.join("\n"),
    };
    Ok(print(&Output::new(text, json!({ "readers": readers })))?)
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
        eprintln!("  {done} of {}: {step:?}", Step::ALL.len());
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
    if issued.was_complete {
        table.line("access number", "as printed when the card was issued");
    } else {
        let digits = issued.access.digits();
        let digits = core::str::from_utf8(&*digits).unwrap_or_default();
        table.line("access number", format!("{digits} (print it on the card; it is kept nowhere)"));
        json["access_number"] = digits.into();
    }
    table.line("next", "the first charge, at a branch: cardctl top-up AMOUNT --channel branch");
    Ok(Output::new(table.finish(), json))
}

fn top_up(
    card: &mut Box<dyn Transport + '_>,
    desk: &mut Desk,
    amount: Piastres,
    channel: Channel,
    out: Option<&Path>,
    language: Language,
) -> Result<Output, Error> {
    let present = operate::present(card)?;
    let voucher = desk.sell(present.id, amount, channel)?;
    if let Some(path) = out {
        voucher_file::write(path, &voucher)?;
        let sold = Situation::PaidNotLoaded.text(language);
        let text = match language {
            Language::English => format!(
                "{} sold to card {}; the voucher is in {}: carry it with `cardctl load`",
                egp(amount),
                present.id,
                path.display()
            ),
            Language::Arabic => customer::with_amount(sold, amount, language),
        };
        let json = json!({
            "card": present.id.to_string(),
            "amount": amount.0,
            "file": path,
            "code": sold.code,
        });
        return Ok(Output::new(text, json));
    }
    let answer = desk.load(card, &voucher)?;
    let text = customer::outcome(answer.outcome, Some(amount), language);
    Ok(Output::new(text, loaded(&answer, Some(amount))))
}

fn carry(card: &mut Box<dyn Transport + '_>, voucher: &Voucher, language: Language) -> Result<Output, Error> {
    let answer = load(card, voucher)?;
    Ok(Output::new(customer::outcome(answer.outcome, None, language), loaded(&answer, None)))
}

fn loaded(answer: &card_core::terminal::load::LoadAnswer, amount: Option<Piastres>) -> serde_json::Value {
    json!({
        "card": answer.receipt.card.id.to_string(),
        "amount": amount.map(|amount| amount.0),
        "outcome": format!("{:?}", answer.outcome),
        "code": customer::code(answer.outcome.into()),
        "sequence": answer.receipt.sequence,
        "total_credit": answer.receipt.total_credit.0,
        "total_debited": answer.receipt.total_debited.0,
        "state": answer.receipt.state.to_string(),
    })
}

fn tap(
    card: &mut Box<dyn Transport + '_>,
    workplace: &Workplace,
    desk: &Desk,
    meter: Option<MeterId>,
    language: Language,
) -> Result<Output, Error> {
    let meter = match meter {
        Some(meter) => meter,
        None => desk.account_of(operate::present(card)?.id)?.binding.meter,
    };
    let mut meter = workplace.meter(meter)?;
    let tap = meter.tap(card, desk.now())?;
    let (said, mut json) = match tap.verdict {
        Some(verdict) => output::verdict(verdict, language),
        None => ("the meter has decided nothing".to_owned(), json!({ "outcome": "none" })),
    };
    let state = meter.state()?;
    json["balance"] = state.balance.0.into();
    json["settled"] = tap.settled.into();
    let balance = customer::amount(state.balance, language);
    let text = format!("{said}\n{}: {balance}", language.balance_in_the_meter());
    Ok(Output::new(text, json))
}

fn show(
    card: &mut Box<dyn Transport + '_>,
    workplace: &Workplace,
    access: Option<&Secret>,
) -> Result<Output, Error> {
    let reading = match access {
        Some(Secret(access)) => {
            operate::read_private(&mut operate::holder_session(card, access, &mut OsRandom)?)?
        }
        None => {
            let mut desk = desk(workplace, KeyLength::Aes256)?;
            let session = operate::session(card, desk.keys_mut(), Role::Vending, &mut OsRandom);
            operate::read_private(&mut session?)?
        }
    };
    Ok(output::reading(&reading))
}

fn play(profile: applet_sim::card::Profile, print: Print<'_>) -> Result<(), Error> {
    let mut failed = None;
    let money = tour::play(&mut tour::Table::new(profile), KeyLength::Aes256, &mut |line| {
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
    let text = format!("\nThe money adds up: difference {} piastres.", money.difference());
    let json = json!({
        "paid": money.paid.0,
        "reversed": money.reversed.0,
        "consumed": money.consumed.0,
        "in_meter": money.in_meter.0,
        "difference": money.difference().to_string(),
    });
    Ok(print(&Output::new(text, json))?)
}
