//! The commands. Each works on whatever transport leads to the card.
pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod issue;
pub(crate) mod ledger;
pub(crate) mod mail;
pub(crate) mod meter;
pub(crate) mod sale;
pub(crate) mod serve;
pub(crate) mod tariff;

use applet_sim::card::{Cost, Profile};
use card_core::key::KeyLength;
use card_core::role::Role;
use card_host::card::CardError;
use card_host::card_work::{CardChoice, CardWorkError};
use card_host::keystore::{KeyStore, KeyStoreError, SoftwareKeyStore};
use card_host::operate::{self, OperateError};
use card_host::pcsc;
use card_host::random::OsRandom;
use card_host::reader_error::ReaderError;
use card_host::simulated_meter::{ProfileError, SimulatedMeterError};
use card_host::tariff_file::TariffFileError;
use card_host::transport::{Card, Link, Trace, Transport};
use card_ledger::{AuditKeyError, BranchError, ExportError, FindLostError, LedgerError};
use card_server::ServerError;
use cardctl::tour::{self, TourError};
use serde_json::json;
use std::io::Write;

use self::sale::{NotLoaded, Sale};
use crate::cli::contents::ContentError;
use crate::cli::{Arguments, Command, Secret};
use crate::context::books::{Books, Founding, NoBooks, new_id};
use crate::context::voucher_file::{self, VoucherFileError};
use crate::context::workplace::{Workplace, WorkplaceError};
use crate::view::collect;
use crate::view::{self, Output, Table};

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
    SecondPerson(#[from] sale::SecondPerson),
    #[error(transparent)]
    PaidOnly(#[from] sale::PaidOnly),
    #[error(transparent)]
    SoldToFormer(#[from] sale::SoldToFormer),
    #[error(transparent)]
    CardWork(#[from] CardWorkError),
    #[error(transparent)]
    Branch(BranchError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    FindLost(#[from] FindLostError),
    #[error(transparent)]
    NoBooks(#[from] NoBooks),
    #[error(transparent)]
    AuditKey(#[from] AuditKeyError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Server(#[from] ServerError),
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

impl From<BranchError> for Error {
    fn from(error: BranchError) -> Self {
        match error {
            BranchError::Ledger(error) => Self::Ledger(error),
            BranchError::Card(error) => Self::CardWork(error),
            error => Self::Branch(error),
        }
    }
}

impl Error {
    /// Whether the same again, with the same id of the request, may succeed.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Ledger(error) if error.is_passing())
    }
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
                Ok(view::public(&operate::read_public(card)?, &name, arguments.language))
            })?;
            print(&output)?;
        }
        Command::Issue { meter, account, private_balance, closes_former, mode, aes } => {
            let workplace = open()?;
            let books = Books::open(arguments, &workplace, Founding::WhereNew(*aes))?;
            let choice =
                CardChoice { mode: *mode, private_balance: *private_balance, closes_former: *closes_former };
            let output = with_card(arguments, Some(&workplace), true, |card| {
                issue::issue(card, &books, *meter, *account, choice)
            })?;
            // First of all the access number must be seen: it is kept nowhere.
            print(&output)?;
            let scope = books.office.scope();
            workplace.install_meter(&books.keys, scope, *meter)?;
        }
        Command::TopUp { amount, channel, out } => {
            let workplace = open()?;
            let books = books(arguments, &workplace)?;
            let sale = Sale {
                amount: *amount,
                channel: *channel,
                out: out.as_deref(),
                language: arguments.language,
            };
            let output = with_card(arguments, Some(&workplace), false, |card| {
                sale::top_up(card, &workplace, &books, &sale)
            })?;
            print(&output)?;
        }
        Command::Refresh => {
            let workplace = open()?;
            let books = books(arguments, &workplace)?;
            let output = with_card(arguments, Some(&workplace), false, |card| {
                sale::refresh(card, &books, arguments.language)
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
            let books = books(arguments, &workplace)?;
            let output = with_card(arguments, Some(&workplace), !rebind, |card| {
                issue::engineering(card, &books, *meter, *rebind)
            })?;
            print(&output)?;
        }
        Command::Ledger { command } => return ledger::run(arguments, command, print),
        Command::Audit { command } => {
            let (output, good) = audit::run(arguments, command)?;
            print(&output)?;
            return Ok(good);
        }
        Command::Reconcile => {
            let (output, good) = audit::reconcile(arguments)?;
            print(&output)?;
            return Ok(good);
        }
        Command::Alerts { command } => print(&alerts::run(arguments, command)?)?,
        Command::Serve { listen } => serve::run(arguments, *listen, print)?,
        Command::Meter { command } => return meter::run(arguments, command, print),
        Command::Mail(command) => {
            let (output, taken) = mail::run(arguments, command)?;
            print(&output)?;
            return Ok(taken);
        }
        Command::Collect => {
            let workplace = open()?;
            let books = books(arguments, &workplace)?;
            let output = with_card(arguments, Some(&workplace), false, |card| {
                let brought = books.office.take_from_card(&books.who, card)?;
                Ok(collect::output(&brought, &books.office.learn_keys(&books.who, card)?))
            })?;
            print(&output)?;
        }
        Command::Show { access_number } => {
            let output = match access_number {
                Some(Secret(access)) => with_card(arguments, None, false, |card| {
                    let session = operate::holder_session(card, access, &mut OsRandom);
                    Ok(view::reading(&operate::read_private(&mut session?)?))
                })?,
                None => {
                    let workplace = open()?;
                    let keys = desk_keys(&workplace)?;
                    with_card(arguments, Some(&workplace), false, |card| {
                        let session = operate::session(card, &keys, Role::Vending, &mut OsRandom);
                        Ok(view::reading(&operate::read_private(&mut session?)?))
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
    link: &mut dyn Link,
    act: impl FnOnce(&mut Box<dyn Transport + '_>) -> Result<T, Error>,
) -> Result<T, Error> {
    if !trace {
        return act(&mut (Box::new(Card::open(link)) as Box<dyn Transport + '_>));
    }
    let mut trace = Trace::new(link);
    let result = act(&mut (Box::new(Card::open(&mut trace)) as Box<dyn Transport + '_>));
    let (_, recording) = trace.into_parts();
    let _ = write!(std::io::stderr(), "{recording}");
    result
}

/// The development keys, after their warning. Where there are none, some that open no card and are kept nowhere: the card says what
/// it is all the same.
fn desk_keys(workplace: &Workplace) -> Result<SoftwareKeyStore, Error> {
    let Some(keys) = workplace.keys()? else {
        return Ok(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?);
    };
    if let Some(warning) = keys.warning() {
        let _ = writeln!(std::io::stderr(), "cardctl: {warning}");
    }
    Ok(keys)
}

/// The ledger that is there.
pub(crate) fn books(arguments: &Arguments, workplace: &Workplace) -> Result<Books, Error> {
    Books::open(arguments, workplace, Founding::Never)
}

/// Gives what is asked for an id, where it has none.
pub(crate) fn named(arguments: &mut Arguments) -> Result<(), Error> {
    if arguments.request.is_none() {
        arguments.request = Some(new_id()?);
    }
    Ok(())
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

fn play(profile: Profile, print: Print<'_>) -> Result<(), Error> {
    let mut failed = None;
    let mut total = Cost::default();
    let money = tour::play(&mut card_host::stage::Table::new(profile), KeyLength::Aes256, &mut |line| {
        total = total + line.cost;
        let (cost, json) = view::cost(&line.cost);
        let text = format!("{:>2}  {:<38} {cost}\n      {}", line.number, line.title, line.outcome);
        let json = json!({ "step": line.number, "title": line.title, "outcome": line.outcome, "cost": json });
        if let Err(error) = print(&Output::new(text, json)) {
            failed.get_or_insert(error);
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let (cost, _) = view::cost(&total);
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
