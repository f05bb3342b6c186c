//! `cardctl ledger`: the issuer's books.

mod correct;
mod days;
mod lost;
mod moves;
mod recover;
mod settings;
mod show;

pub(crate) use days::progress;

use card_core::id::{CardId, MeterId};
use card_core::key::KeyLength;
use card_core::units::Piastres;
use card_ledger::{DebitTo, LedgerError, PartyCode, Payee, PointCode, RequestId, RequestKey};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

use crate::cli::contents;
use crate::cli::{Arguments, account, meter_number};
use crate::commands::{Error, Print, with_card};
use crate::context::books::{Books, Founding};
use crate::context::workplace::Workplace;

#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Founds a ledger here, with rules for development: empty, also where the keys of a former one are. Where there is one, it changes
    /// nothing. `issue` and what enters parties, points and rules found one where there is nothing at all yet.
    Begin,
    /// Shows the vending points with their cash and sales, what waits for somebody, and which rules hold.
    Status,
    /// Shows how a contract stands, and its newest entries.
    Statement {
        #[command(flatten)]
        of: Of,
        /// How many entries.
        #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        entries: u32,
    },
    /// Shows how far a sale is, and its voucher.
    Sale(Request),
    /// Cancels a sale that was announced and is not paid, at the vending point where it was announced.
    Cancel(Request),
    /// Gives back what was paid for a sale that has no voucher, at the vending point where it was paid. What has a voucher is taken back by
    /// `debit`.
    Refund {
        #[command(flatten)]
        request: Request,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Takes credit back that was certified, by a voucher that the card takes to the meter. What is large is proposed instead.
    Debit(Debit),
    /// Proposes to take credit back: a second person approves it.
    Propose(Debit),
    /// Agrees, as a second person, to a sale that was announced, or a correction or move that was proposed. Not for what the same person asked for.
    Approve {
        #[command(flatten)]
        request: Request,
        /// Writes the voucher of a correction to this file, which must not exist.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Withdraws a correction or move that was proposed.
    Withdraw {
        /// The id under which it was proposed.
        id: RequestId,
    },
    /// Moves what was left in a contract that has ended to another contract of the same customer, once: by the meter's final report, which
    /// `cardctl collect` has brought; or, where there is none, by an estimate, which a second person approves.
    Move(moves::Move),
    /// Enters a debt of a customer, which is paid with sales by the rules of their channel.
    Debt {
        /// The customer's account number.
        #[arg(value_parser = account)]
        account: u64,
        /// In EGP.
        #[arg(value_parser = Piastres::from_egp)]
        amount: Piastres,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Blocks the card of a contract: nothing is sold to it, and it collects nothing.
    Block(Reasoned),
    /// Ends that.
    Unblock(Reasoned),
    /// Books cash that a vending point hands over.
    Deposit {
        /// The vending point.
        of: PointCode,
        /// In EGP.
        #[arg(value_parser = Piastres::from_egp)]
        amount: Piastres,
        /// What tells it apart: the number of the bag, of the transfer.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Closes the day of a vending point with the cash that was counted there, and prints the day's statement. With an audit key, the head of
    /// the chain is signed.
    CloseDay {
        /// The vending point.
        of: PointCode,
        /// What was counted, in EGP.
        #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
        counted: Piastres,
    },
    /// Adds up all accounts. Debits and credits are the same, or the books are wrong.
    TrialBalance,
    /// Writes entries as JSON lines and CSV into a new folder, with a manifest.
    Export {
        /// The folder, which must not exist.
        folder: PathBuf,
        /// From this day on: 2026-11-22, in Cairo's time.
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// Up to this day, and with it.
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
        /// Of these vending points only.
        #[arg(long = "of", value_name = "POINT")]
        points: Vec<PointCode>,
    },
    /// Copies the ledger to a new file, while others work with it.
    Backup {
        /// The file, which must not exist.
        file: PathBuf,
    },
    /// Tells the ledger that it was restored from a copy. From then on a contract sells only after its card, or its meter, has been read:
    /// `cardctl collect`.
    Restored {
        /// What happened.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// After a restore: compares a channel's own list of its sales with the ledger, and says what was lost, newest voucher of a contract
    /// first. Ends with status 1 where something is lost or contradicts the ledger; with --hand-in, where something contradicts it or is
    /// not taken.
    Lost {
        /// Whose list.
        party: PartyCode,
        /// The list: on each line a JSON object with `request`, `amount` (in piastres) and `voucher` (hexadecimal), as the channel got it.
        file: PathBuf,
        /// Hands in all that is lost: the contracts sell again, and the credit is entered.
        #[arg(long)]
        hand_in: bool,
    },
    /// After a restore: enters the contract of the card in the reader, where the copy does not have it: it was opened, or the card replaced
    /// another one, after the copy was made. The card shows its contract, its customer and its totals, as the issuer has signed them. Once it is
    /// entered, hand in the lists of the channels again, before anything is sold: `lost --hand-in`.
    RecoverCard {
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Enters a party that sells, or changes what is named of it; shows and lists them.
    Party(settings::PartyArguments),
    /// Enters a vending point, or changes what is named of it; shows and lists them.
    Point(settings::PointArguments),
    /// Makes, lists and revokes the tokens with which programs of a party come to `cardctl serve`.
    Token {
        #[command(subcommand)]
        command: settings::TokenCommand,
    },
    /// Shows the rules of selling as JSON; with a file, enters new ones, which hold from now on.
    Rules {
        /// A file like what is shown.
        file: Option<PathBuf>,
    },
    /// Enters where messages to a customer go.
    Customer {
        /// The customer's account number.
        #[arg(value_parser = account)]
        account: u64,
        /// The telephone number; empty: no messages.
        #[arg(long, value_name = "NUMBER")]
        phone: String,
        /// Messages are in Arabic.
        #[arg(long)]
        arabic: bool,
    },
}

/// Which contract.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Of {
    /// By the customer's present card: 16 hexadecimal digits.
    #[arg(long, value_name = "CARD", value_parser = card)]
    card: Option<CardId>,
    /// By the meter's number, in decimal digits.
    #[arg(long, value_name = "METER", value_parser = meter_number)]
    meter: Option<MeterId>,
}

impl Of {
    fn payee(&self) -> Payee {
        match (self.card, self.meter) {
            (Some(card), _) => Payee::Card(card),
            (None, meter) => Payee::Meter(meter.unwrap_or(MeterId([0; 8]))),
        }
    }
}

/// Which request of whom.
#[derive(Args)]
pub(crate) struct Request {
    /// The id of the request.
    id: RequestId,
    /// Whose it is.
    #[arg(long, value_name = "PARTY", default_value = "company")]
    party: PartyCode,
}

impl Request {
    fn key(&self) -> RequestKey {
        RequestKey { party: self.party.clone(), id: self.id.clone() }
    }
}

#[derive(Args)]
pub(crate) struct Debit {
    #[command(flatten)]
    of: Of,
    /// In EGP.
    #[arg(value_parser = Piastres::from_egp)]
    amount: Piastres,
    /// Where it goes.
    #[arg(long, value_enum, default_value_t = To::Cash)]
    to: To,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Writes the voucher to this file, which must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum To {
    /// The money is given back here.
    Cash,
    /// It pays the customer's debt.
    Debt,
    /// It was certified by mistake.
    Correction,
}

impl From<To> for DebitTo {
    fn from(to: To) -> Self {
        match to {
            To::Cash => Self::Cash,
            To::Debt => Self::Debt,
            To::Correction => Self::Correction,
        }
    }
}

#[derive(Args)]
pub(crate) struct Reasoned {
    #[command(flatten)]
    of: Of,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

fn card(text: &str) -> Result<CardId, String> {
    contents::card(text).map_err(|error| error.to_string())
}

/// Does what was asked for; `false` where it found something wrong.
pub(crate) fn run(arguments: &Arguments, command: &LedgerCommand, print: Print<'_>) -> Result<bool, Error> {
    let data = arguments.data.as_deref();
    let workplace = match command {
        LedgerCommand::RecoverCard { .. } => Workplace::open(data)?,
        _ => Workplace::shared(data)?,
    };
    let founding = match command {
        LedgerCommand::Begin => Founding::OnPurpose,
        LedgerCommand::Party(party) if party.enters() => Founding::WhereNew(KeyLength::Aes256),
        LedgerCommand::Point(point) if point.enters() => Founding::WhereNew(KeyLength::Aes256),
        LedgerCommand::Rules { .. } => Founding::WhereNew(KeyLength::Aes256),
        _ => Founding::Never,
    };
    let books = Books::open(arguments, &workplace, founding)?;
    let mut good = true;
    let output = match command {
        LedgerCommand::Begin => show::begun(&books),
        LedgerCommand::Status => show::status(&books)?,
        LedgerCommand::Statement { of, entries } => show::statement(&books, of.payee(), *entries)?,
        LedgerCommand::Sale(request) => show::sale(&books.office.status(&request.key())?),
        LedgerCommand::Cancel(request) => correct::cancel(&books, &request.key())?,
        LedgerCommand::Refund { request, reason } => correct::refund(&books, &request.key(), reason)?,
        LedgerCommand::Debit(debit) => correct::debit(&books, debit)?,
        LedgerCommand::Propose(debit) => correct::propose(&books, debit)?,
        LedgerCommand::Approve { request, out } => correct::approve(&books, &request.key(), out.as_deref())?,
        LedgerCommand::Withdraw { id } => correct::withdraw(&books, id)?,
        LedgerCommand::Move(order) => moves::run(&books, order)?,
        LedgerCommand::Debt { account, amount, reason } => correct::debt(&books, *account, *amount, reason)?,
        LedgerCommand::Block(block) => correct::block(&books, block, true)?,
        LedgerCommand::Unblock(block) => correct::block(&books, block, false)?,
        LedgerCommand::Deposit { of, amount, reason } => days::deposit(&books, of, *amount, reason)?,
        LedgerCommand::CloseDay { of, counted } => days::close(&books, &workplace, of, *counted)?,
        LedgerCommand::TrialBalance => days::trial_balance(&books)?,
        LedgerCommand::Export { folder, from, to, points } => {
            days::export(&books, &workplace, folder, from.as_deref(), to.as_deref(), points)?
        }
        LedgerCommand::Backup { file } => days::backup(&books, file)?,
        LedgerCommand::Restored { reason } => days::restored(&books, reason)?,
        LedgerCommand::Lost { party, file, hand_in } => {
            let (output, found_good) = lost::lost(&books, party, file, *hand_in)?;
            good = found_good;
            output
        }
        LedgerCommand::RecoverCard { reason } => {
            with_card(arguments, Some(&workplace), false, |card| recover::card(card, &books, reason))?
        }
        LedgerCommand::Party(party) => settings::party(&books, party)?,
        LedgerCommand::Point(point) => settings::point(&books, point)?,
        LedgerCommand::Token { command } => settings::token(&books, command)?,
        LedgerCommand::Rules { file } => settings::rules(&books, file.as_deref())?,
        LedgerCommand::Customer { account, phone, arabic } => {
            settings::customer(&books, *account, phone, *arabic)?
        }
    };
    print(&output)?;
    Ok(good)
}

/// What is wrong with what was given.
pub(crate) fn given(text: impl Into<String>) -> Error {
    LedgerError::from(card_ledger::Refusal::Invalid(text.into())).into()
}
