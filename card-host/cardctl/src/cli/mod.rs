//! What cardctl understands. Nothing else knows the parser: commands get plain values.

pub(crate) mod alerts;
pub(crate) mod audit;
pub(crate) mod batch;
mod contents;
mod corrections;
mod examples;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod life;
pub(crate) mod mail;
pub(crate) mod meter;
pub(crate) mod papers;
pub(crate) mod parse;
pub(crate) mod policy;
pub(crate) mod sellers;
pub(crate) mod serve;
mod settings;
pub(crate) mod signer;
pub(crate) mod sim;
pub(crate) mod staff;
pub(crate) mod tariff;
pub(crate) mod trace;
mod values;

use applet_sim::card::Profile;
use card_core::id::{CardId, Channel, MeterId};
use card_core::key::KeyLength;
use card_core::text::Language;
use card_core::units::Piastres;
use card_ledger::{PointCode, ReplaceReason, RequestId, StaffName};
use card_paper::Digits;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::alerts::AlertsCommand;
use self::audit::AuditCommand;
use self::batch::BatchCommand;
use self::corrections::Reasoned;
use self::keys::KeysCommand;
use self::ledger::LedgerCommand;
use self::life::{LifeCommand, Making};
use self::mail::MailArguments;
use self::meter::MeterCommand;
use self::policy::{PolicyCommand, Shown};
use self::signer::SignerCommand;
use self::sim::SimCommand;
use self::staff::StaffCommand;
use self::tariff::TariffCommand;
use self::trace::TraceCommand;
use self::values::{
    Secret, access_number, account, card, channel, digits, key_length, language, meter_number, paper,
    replace_reason,
};
use crate::context::books::{NoBooks, new_id};
use crate::context::office_keys::KeysAt;
use crate::context::{Context, Error, Request};
use crate::view::Format;
use crate::view::config::Setting;

/// Issues, charges, reads and taps prepaid electricity cards: simulated ones, and real ones in a PC/SC reader.
///
/// A development tool: its keys are in a file, for test cards only.
///
/// `cardctl help COMMAND` explains each command with examples, `cardctl help options` what every command takes.
#[derive(Parser)]
#[command(name = "cardctl", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// The reader, by its name or a part of it; of several, the one that has a card. "any" is any reader, "sim" the simulated card of the data
    /// directory, tcp://ADDRESS:PORT one of `applet-sim serve`, trace:FILE a card that answers as it once did.
    #[arg(long, global = true, help_heading = "Where", value_name = "NAME", default_value = "sim")]
    reader: String,
    /// Waits so many seconds for a card, where there is none in the reader yet.
    #[arg(long, global = true, help_heading = "Where", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=86_400))]
    wait: Option<u64>,
    /// Where development keys, the ledger, the simulated card and the simulated meters are kept. By default in the user's data directory.
    #[arg(long, global = true, help_heading = "Where", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The settings file. By default cardctl.toml in the user's configuration directory, else /etc/cardctl/cardctl.toml.
    #[arg(long, global = true, help_heading = "Where", value_name = "FILE")]
    #[allow(dead_code, reason = "it is read before anything else is")]
    config: Option<PathBuf>,
    /// How to print.
    #[arg(long, global = true, help_heading = "How it is said", value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// en or ar; by default that of the environment (LC_ALL, LC_MESSAGES, LANG). JSON is the same in both.
    #[arg(long, global = true, help_heading = "How it is said", default_value = "en", value_parser = language)]
    pub(crate) language: Language,
    /// No remarks and no progress: the answer, what went wrong, and the id of a request that was not given.
    #[arg(long, short, global = true, help_heading = "How it is said")]
    pub(crate) quiet: bool,
    /// Appends every command to the card and its response to this file, with its name, time, and status in words; "-" is standard error. What
    /// would bring keys to a card is left out. `cardctl trace` reads it.
    #[arg(long, global = true, help_heading = "How it is said", value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The ledger in a PostgreSQL database (postgres://...), instead of the file ledger.sqlite in the data directory. The place for a URL with a
    /// password is the environment: arguments are seen by every program of the computer.
    #[arg(long, global = true, help_heading = "Ledger", value_name = "URL")]
    database: Option<OsString>,
    /// The masters in a PKCS#11 token, by its URI (RFC 7512), such as pkcs11:token=LABEL?module-path=FILE&pin-source=FILE; without pin-source the PIN is
    /// asked for. Or with a signer in a process of its own: signer:SOCKET. By default they are in a file of the data directory.
    #[arg(long, global = true, help_heading = "Ledger", value_name = "URI")]
    keys: Option<KeysAt>,
    /// Who does it, as it is written in the ledger. By default the user of the operating system; where the ledger has staff, the one of the secret.
    #[arg(long, global = true, help_heading = "Ledger", value_name = "NAME")]
    actor: Option<StaffName>,
    /// Your secret, where the ledger has staff: a file that only you can read, as `staff add --out` writes it, or a descriptor (/dev/fd/3). Without it
    /// the secret is asked for.
    #[arg(long, global = true, help_heading = "Ledger", value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The company's vending point where it is done. By default its office.
    #[arg(long, global = true, help_heading = "Ledger", value_name = "CODE")]
    point: Option<PointCode>,
    /// The id of what is asked for. Asked again with the same id, it is done once, and gives the same answer. By default a new one.
    #[arg(long, global = true, help_heading = "Ledger", value_name = "ID")]
    request: Option<RequestId>,
    /// What the options of every command are, and where that came from.
    #[arg(skip)]
    pub(crate) settings: Vec<Setting>,
    /// The settings file that was read.
    #[arg(skip)]
    pub(crate) file: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Where and for whom the command works.
    pub(crate) fn context(&mut self) -> Result<Context, Error> {
        let database = self.database.take().filter(|url| !url.is_empty());
        let database = database.map(OsString::into_string).transpose().map_err(|_| NoBooks::Address)?;
        let (id, repeats) = match self.request.take() {
            Some(id) => (id, true),
            None => (new_id()?, false),
        };
        Ok(Context {
            data: self.data.take(),
            reader: std::mem::take(&mut self.reader),
            wait: self.wait.map(Duration::from_secs),
            trace: self.trace.take(),
            keys: self.keys.take(),
            database,
            actor: self.actor.take(),
            secret_file: self.secret_file.take(),
            credential: None,
            point: self.point.take(),
            request: Arc::new(Request::new(id, repeats, self.format == Format::Json)),
        })
    }
}

/// How a page is written, and where to.
#[derive(Args)]
pub(crate) struct PageArguments {
    /// The file, which must not exist: a PDF where its name ends in .pdf, else an HTML page that needs nothing else. Its language is that
    /// of --language.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Digits of amounts and dates: western or arabic.
    #[arg(long, default_value = "western", value_parser = digits)]
    pub(crate) digits: Digits,
    /// What a PDF is for: a4, or the roll of a receipt printer (80 mm).
    #[arg(long, default_value = "a4", value_parser = paper)]
    pub(crate) paper: card_paper::Format,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists the readers that are attached, and whether there is a card in them.
    Readers,
    /// Prints what happens at the readers, from how things are on: readers and cards that come and go. Until Ctrl-C; with --format json an object
    /// a line.
    Watch,
    /// Looks at everything between this program and the card in the reader, and at keys, ledger, server and clock: what is wrong, what it means,
    /// and how to mend it. Ends with status 4 where something fails; changes nothing.
    Doctor {
        /// Where the server for channels is, where there is one.
        #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8470")]
        server: String,
        /// Writes a report to this file as well, which must not exist: to be sent to whoever helps. Card numbers are cut.
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
    },
    /// Examines a card by the specification, rule by rule, for who makes cards: a blank one of the test environment in the reader of --reader,
    /// which it uses up; or another simulated one. Ends with status 4 where a rule is violated.
    ///
    /// With --format json all rules, with what became of each: a file to sign and keep.
    Conformance,
    /// Shows what is public of the card, without any key.
    Info,
    /// Makes a blank card a customer's first card for a meter. Where the account has one for that meter, it is refused: `replace` it. Where another
    /// account has, too: that one's `move-out`, and this one's `move-in`.
    Issue {
        /// Number of the meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        meter: MeterId,
        /// The customer's account number, in decimal digits.
        #[arg(long, value_parser = account)]
        account: u64,
        #[command(flatten)]
        making: Making,
        /// Length of all keys in bits, 128 or 256; counts when the data directory is new.
        #[arg(long, default_value = "256", value_parser = key_length)]
        aes: KeyLength,
        #[command(flatten)]
        shown: Shown,
    },
    /// Makes a blank card the replacement of the card that serves a meter: the next generation, with all that was certified. Where the old one was lost,
    /// it is worth nothing once the new one has been at the meter.
    Replace {
        /// Number of the meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        meter: MeterId,
        /// Why: lost, damaged, upgrade or returned.
        #[arg(long, value_parser = replace_reason)]
        reason: ReplaceReason,
        #[command(flatten)]
        making: Making,
        #[command(flatten)]
        shown: Shown,
    },
    /// Blocks the card of a contract that is not here, such as a lost one: nothing is sold to it, and it collects nothing. At its meter it works with
    /// what is on it, until a new one has been there.
    Block(Reasoned),
    /// Ends that.
    Unblock(Reasoned),
    /// Says what becomes of a card that was found again: where it was blocked it is unblocked; where it was replaced, it is worth nothing.
    Found {
        /// The card: 16 hexadecimal digits.
        #[arg(value_parser = card)]
        card: CardId,
        #[command(flatten)]
        shown: Shown,
    },
    /// What the company asks for at a desk, for each step in the life of a card: documents, a fee, who may, how many persons.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    #[command(flatten)]
    Life(LifeCommand),
    /// Many cards at once, from a list.
    Batch {
        #[command(subcommand)]
        command: BatchCommand,
    },
    /// Makes a blank card a technician's card for a meter: bound like the customer's card, and no replacement of it. Commands name it.
    Engineering {
        /// Number of the meter, in decimal digits.
        #[arg(long, value_parser = meter_number)]
        meter: MeterId,
        /// Binds the engineering card that is in the reader anew, for this meter.
        #[arg(long)]
        rebind: bool,
    },
    /// Sells an amount and loads the voucher onto the card; or, with --out, keeps it in a file, to be carried by phone.
    ///
    /// What is large needs a second person: the sale is announced then, another one agrees with `cardctl ledger approve`, and the same command
    /// with the same --request goes on.
    TopUp {
        /// In EGP, such as 50 or 50.25.
        #[arg(value_parser = Piastres::from_egp, allow_negative_numbers = true)]
        amount: Piastres,
        /// Who sells: branch, kiosk, bank or wallet.
        #[arg(long, default_value = "branch", value_parser = channel)]
        channel: Channel,
        /// Writes the voucher to this file, which must not exist, and does not load it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Certifies the card's totals once more and loads them, at a branch: activates a replacement card, or brings what was sold and
    /// never arrived.
    Refresh,
    /// Loads a voucher from a file, as a kiosk or a phone does: without any key.
    Load {
        /// A file that `top-up --out` wrote.
        file: PathBuf,
    },
    /// The simulated cards of the data directory, and which of them is in the simulated reader.
    Sim {
        #[command(subcommand)]
        command: SimCommand,
    },
    /// The simulated meters: a card at one, days that pass, what one shows and keeps.
    ///
    /// The clock of a simulated meter is the later of this computer's and the time that the meter has come to: after `run --days 365` it lives a
    /// year ahead, and goes on from there. A card that is charged now is right for it all the same. Times are printed in the meter's local
    /// time; in JSON as POSIX seconds.
    Meter {
        #[command(subcommand)]
        command: MeterCommand,
    },
    /// Puts what the desk has to tell a meter on the card, sealed: the meter takes it when the card is presented.
    Mail(MailArguments),
    /// Opens and prints what meters have put on the card for the desk: readings, what became of commands, final reports; and hands all
    /// of it in to the ledger, with the card's receipt and its meter's.
    Collect,
    /// Shows everything that is on the card: at a desk, with its keys; or as the holder, with the number printed on the card.
    Show {
        /// The 26 digits printed on the card; "-" reads them from standard input, where no other program sees them.
        #[arg(long, value_name = "DIGITS", value_parser = access_number)]
        access_number: Option<Secret>,
    },
    /// Writes the receipt of a sale as a page: for a screen, A4, or the roll of a receipt printer.
    Receipt {
        /// The id of its request.
        #[arg(value_name = "ID")]
        id: RequestId,
        #[command(flatten)]
        page: PageArguments,
    },
    /// Writes the slip of a step of a card's life as a page: issued, replaced, blocked, unblocked.
    Slip {
        /// The id of its request.
        #[arg(value_name = "ID")]
        id: RequestId,
        #[command(flatten)]
        page: PageArguments,
    },
    /// Writes what the card in the reader tells of balance, months and charges as a page, with a chart.
    Statement {
        #[command(flatten)]
        page: PageArguments,
        /// The tariff whose brackets are drawn; without it, Egypt's residential one since August 2024.
        #[arg(long, value_name = "FILE")]
        tariff: Option<PathBuf>,
    },
    /// Plays the main job on fresh simulated cards, from blank to lost and replaced, and adds up the money.
    Tour {
        /// How the simulated cards are connected, for their cost: t1, t0 or contactless.
        #[arg(long, default_value = "contactless")]
        profile: Profile,
    },
    /// The issuer's ledger: how things stand, corrections, days, and who may sell.
    Ledger {
        #[command(subcommand)]
        command: LedgerCommand,
    },
    /// Who works here, and what each may do.
    Staff {
        #[command(subcommand)]
        command: StaffCommand,
    },
    /// Compares the ledger with what cards and meters have said, and lists what somebody has to look into, the worst first. Ends with status 4
    /// where something is an alarm.
    Reconcile,
    /// Whether the books are what they were: the audit key, signed heads, and the proof.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Who runs out of credit soon, and the queue of messages to them.
    Alerts {
        #[command(subcommand)]
        command: AlertsCommand,
    },
    /// Serves channels over the network, until Ctrl-C: kiosks, banks and wallets sell through it. Other commands can be used meanwhile.
    Serve {
        /// Address and port where it listens. It does no TLS: put a proxy before it that does, and keep it on this computer.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
        /// Serves a clerk's desk instead, for a browser of this computer: open the address that it prints. The card in the reader appears by
        /// itself; to sell, load, print, replace and block.
        #[arg(long)]
        desk: bool,
        /// Digits on the papers of the desk: western or arabic.
        #[arg(long, default_value = "western", value_parser = digits, requires = "desk")]
        digits: Digits,
        #[command(flatten)]
        limits: serve::Limits,
    },
    /// For the holder of a card, at home: serves the statement of the card in the reader to a browser of this computer, which asks for the
    /// number that is printed on the card. Needs no key and no ledger.
    Holder {
        /// Address and port where it listens, of this computer only.
        #[arg(long, value_name = "ADDRESS:PORT")]
        listen: Option<SocketAddr>,
        /// Digits of amounts and dates: western or arabic.
        #[arg(long, default_value = "western", value_parser = digits)]
        digits: Digits,
    },
    /// What a trace says that --trace wrote.
    Trace {
        #[command(subcommand)]
        command: TraceCommand,
    },
    /// The masters: their check values, and new ones.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// The signer in a process of its own, which remembers and has ceilings; and its two custodians.
    Signer {
        #[command(subcommand)]
        command: SignerCommand,
    },
    /// Tariffs: what energy costs, and whether a tariff file is right.
    Tariff {
        #[command(subcommand)]
        command: TariffCommand,
    },
    /// The settings file and what holds.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Prints a script by which a shell completes commands and options.
    Completion {
        /// bash, zsh, fish, elvish or powershell.
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Writes the manual pages of all commands.
    Man {
        /// The folder, which must exist.
        folder: PathBuf,
    },
    /// The options of every command: `cardctl help options`.
    ///
    /// An option is typed, or in the environment (CARDCTL_READER, CARDCTL_DATA, ...),
    /// or in the settings file, in this order:
    ///
    ///     reader = "ACS"
    ///     language = "ar"
    ///     [serve]
    ///     listen = "127.0.0.1:8470"
    ///
    /// Options of one command that have a default can be set as well, such as
    /// CARDCTL_SERVE_LISTEN; what says what is done is typed.
    /// `cardctl config show` tells what holds, and where it came from.
    #[command(verbatim_doc_comment)]
    Options,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Shows the options of every command, their keys and variables, what they are, and where that came from.
    Show,
}
