//! `cardctl ledger`.

use card_core::units::Piastres;
use card_ledger::{PartyCode, PointCode, RequestId, StaffName};
use clap::Subcommand;
use std::path::PathBuf;

use super::corrections::{Debit, Move, Of, Reasoned, Request};
use super::sellers::{PartyArguments, PointArguments, TokenCommand};
use super::values::account;

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
        /// Why cash is missing, where it is.
        #[arg(long, value_name = "TEXT", default_value = "")]
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
