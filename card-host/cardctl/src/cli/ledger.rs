//! `cardctl ledger`.

use card_core::id::{CardId, MeterId};
use card_core::units::Piastres;
use card_ledger::{By, EntryId, PartyCode, Payee, PointCode, RequestId, StaffName};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

use super::corrections::{Debit, GiveBackArguments, Move, Of, Request};
use super::sellers::{PartyArguments, PointArguments, TokenCommand};
use super::values::{account, card, meter_number, receipt};
use crate::commands::ledger::lists::Wanted;

/// Which sales are listed: one of the four.
#[derive(Args)]
pub(crate) struct SalesArguments {
    /// Of this vending point.
    #[arg(long, requires = "day", required_unless_present_any = ["card", "meter", "account", "receipt"])]
    at: Option<PointCode>,
    /// On this day: 2026-11-22, in Cairo's time.
    #[arg(long, requires = "at")]
    day: Option<String>,
    /// After this number of the vending point: the `next` of the page before.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// To the contract of this card.
    #[arg(long, conflicts_with_all = ["at", "meter", "account", "receipt"], value_parser = card)]
    card: Option<CardId>,
    /// To the present contract of this meter.
    #[arg(long, conflicts_with_all = ["at", "account", "receipt"], value_parser = meter_number)]
    meter: Option<MeterId>,
    /// To all contracts of this customer.
    #[arg(long, conflicts_with_all = ["at", "receipt"], value_parser = account)]
    account: Option<u64>,
    /// The one with this number on its receipt: POINT/NUMBER.
    #[arg(long, value_name = "POINT/NUMBER", conflicts_with = "at", value_parser = receipt)]
    receipt: Option<EntryId>,
}

impl SalesArguments {
    pub(crate) fn wanted(self) -> Wanted {
        let of_day = self.at.zip(self.day).map(|(point, day)| Wanted::Day(point, day, self.after));
        let to = self.card.map(Payee::Card).or(self.meter.map(Payee::Meter)).map(Wanted::To);
        let found = of_day.or(to).or(self.receipt.map(Wanted::Receipt));
        // One of them is there: the parser sees to that.
        found.unwrap_or(Wanted::Account(self.account.unwrap_or_default()))
    }
}

/// By what sales are added up.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ByWhat {
    Day,
    Channel,
    Point,
    Party,
    Company,
}

impl From<ByWhat> for By {
    fn from(by: ByWhat) -> Self {
        match by {
            ByWhat::Day => Self::Day,
            ByWhat::Channel => Self::Channel,
            ByWhat::Point => Self::Point,
            ByWhat::Party => Self::Party,
            ByWhat::Company => Self::Company,
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum LedgerCommand {
    /// Founds a ledger here, with rules for development: empty, also where the keys of a former one are. Where there is one, it changes
    /// nothing. `issue` and what enters parties, points and rules found one where there is nothing at all yet.
    ///
    /// It is a single user's, who is believed to be who they say; with --staff, nobody acts in it without a secret.
    Begin {
        /// For a single user, as it is without --staff.
        #[arg(long, conflicts_with = "staff")]
        single_user: bool,
        /// The first member of staff, who may do everything and gets a secret.
        #[arg(long, value_name = "NAME")]
        staff: Option<StaffName>,
        /// Writes name and secret of that one to this file, which must not exist and which only its owner can read.
        #[arg(long, value_name = "FILE", requires = "staff")]
        out: Option<PathBuf>,
    },
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
    /// Lists sales: of a vending point on a day, to a contract, of a customer, or the one of a receipt.
    Sales(SalesArguments),
    /// Adds up what was sold.
    Report {
        /// From this day on: 2026-11-22, in Cairo's time.
        #[arg(long, value_name = "DAY")]
        from: String,
        /// Up to this day, and with it; else of that one day.
        #[arg(long, value_name = "DAY")]
        to: Option<String>,
        /// By what.
        #[arg(long, value_enum, default_value_t = ByWhat::Party)]
        by: ByWhat,
    },
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
    /// Proposes that this computer's clock is right, where a vending point refuses it: its last entry is later, since a clock ran ahead, or all
    /// entries are long ago. A second person approves it; then the vending point goes on with this time.
    Clock {
        /// The vending point.
        of: PointCode,
        /// What happened.
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Withdraws what was proposed.
    Withdraw {
        /// The id under which it was proposed.
        id: RequestId,
    },
    /// Moves what was left in a contract that has ended to another contract of the same customer, once: by the meter's final report, which
    /// `cardctl collect` has brought; or, where there is none, by an estimate, which a second person approves.
    Move(Move),
    /// Gives back what was left in a contract that has ended (`move-out`, `terminate`, `move-in`), once: by the meter's final report, which `cardctl collect`
    /// has brought; or, where there is none, by an estimate. What the customer owes is kept. What is large, and each estimate, a second person approves.
    GiveBack(GiveBackArguments),
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
        /// Why cash is missing, where it is.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Shows what a party has taken in a day, what it keeps and what it hands over; writes that as a file for it, and compares its own file
    /// with the books, both ways. Ends with status 4 where they differ.
    Settlement {
        /// Whose day.
        party: PartyCode,
        /// The day: 2026-11-22, in Cairo's time.
        day: String,
        /// Writes a line for each request that moved money to this file, which must not exist.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Compares this file of the party's with the books.
        #[arg(long = "match", value_name = "FILE")]
        theirs: Option<PathBuf>,
        /// Which columns that file has, as JSON (docs/ledger.md, section 14); without it, those of ours.
        #[arg(long, value_name = "FILE", requires = "theirs")]
        columns: Option<PathBuf>,
    },
    /// Books what a bank or a wallet has handed over of what it took, and what it has kept as its commission.
    Settle {
        /// Who.
        party: PartyCode,
        /// What has come, in EGP.
        #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
        received: Piastres,
        /// What it has kept, in EGP.
        #[arg(long, value_name = "EGP", default_value = "0", value_parser = Piastres::from_egp)]
        kept: Piastres,
        /// What tells it apart: the day, the number of the transfer.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// A bank or a wallet has taken back what its customer paid for a sale: the customer owes it from now on. Once for each sale.
    ChargeBack {
        #[command(flatten)]
        request: Request,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
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
        /// Begins the tables with a byte order mark, by which spreadsheets know Arabic.
        #[arg(long)]
        bom: bool,
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
    /// first. Ends with status 4 where something is lost or contradicts the ledger; with --hand-in, where something contradicts it or is
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
    Party(PartyArguments),
    /// Enters a vending point, or changes what is named of it; shows and lists them.
    Point(PointArguments),
    /// Makes, lists and revokes the tokens with which programs of a party come to `cardctl serve`.
    Token {
        #[command(subcommand)]
        command: TokenCommand,
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
