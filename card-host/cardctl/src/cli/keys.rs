//! `cardctl keys`.

use card_core::id::{Company, Environment, Scope};
use card_core::role::Role;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

use crate::commands::keys::Together;

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Draws version 1 of all masters, where there are none: in the token of --keys, or for the test environment in a file. Two custodians are there
    /// and sign the protocol.
    Init {
        #[command(flatten)]
        scope: ScopeArguments,
        /// Who is there; two or more.
        #[arg(long, value_name = "NAME", required = true)]
        custodian: Vec<String>,
        /// Writes a protocol to sign, in both languages, to this file, which must not exist.
        #[arg(long, value_name = "FILE")]
        protocol: Option<PathBuf>,
    },
    /// Lists the masters by role and version, with their check values; where there is a ledger, they are compared with those that it knows.
    List,
    /// Compares the masters with those of a ceremony: what `keys init` or `keys list` printed with --format json. Ends with status 4 where one is
    /// missing, or another.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Draws the next master of a role. Cards and meters get its keys as they come by (`collect`); both versions are valid meanwhile, and programs that
    /// run take it without being started again. In a signer's directory it is drawn there.
    Rotate {
        /// Which.
        #[arg(value_enum)]
        role: MasterRole,
        #[command(flatten)]
        together: TogetherArguments,
    },
    /// Makes a recipient, to which a card maker seals keys: its secret in a file that only you can read, and its name, which anybody may know.
    Recipient {
        /// The file, which must not exist. Destroy it when the keys are taken.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Seals the keys of meters for their factory (docs/keys.md).
    Deliver {
        /// A file with the number of a meter in each line, 10,000 at most.
        #[arg(long, value_name = "FILE")]
        meters: PathBuf,
        /// The factory's recipient: age1...
        #[arg(long, value_name = "RECIPIENT")]
        to: String,
        /// The sealed file, which must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        together: TogetherArguments,
    },
    /// Takes the master of a maker's blank cards in (docs/keys.md), in the place of the one that is there.
    Take {
        /// What the maker has sealed.
        file: PathBuf,
        /// The secret of the recipient: what `keys recipient` wrote.
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// The check value of the key, which the maker says by another way: 16 hexadecimal digits.
        #[arg(long, value_name = "DIGITS")]
        check: String,
        #[command(flatten)]
        together: TogetherArguments,
    },
}

/// Company and environment.
#[derive(Args)]
pub(crate) struct ScopeArguments {
    /// The company's number, 1 to 65534.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=65_534))]
    company: u16,
    /// test or production.
    #[arg(long, default_value_t = Environment::Test)]
    environment: Environment,
}

impl From<ScopeArguments> for Scope {
    fn from(ScopeArguments { company, environment }: ScopeArguments) -> Self {
        Self { company: Company(company), environment }
    }
}

/// What two people do.
#[derive(Args)]
pub(crate) struct TogetherArguments {
    /// The secret of the second one, where the ledger has staff, or the signer custodians: a file with the name in its first line and the secret in its
    /// second. The first one's is that of --secret-file.
    #[arg(long, value_name = "FILE")]
    second: Option<PathBuf>,
    /// Writes a protocol to sign, in both languages, to this file, which must not exist.
    #[arg(long, value_name = "FILE")]
    protocol: Option<PathBuf>,
}

impl From<TogetherArguments> for Together {
    fn from(TogetherArguments { second, protocol }: TogetherArguments) -> Self {
        Self { second, protocol }
    }
}

/// A role that has masters.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MasterRole {
    /// Personalisation of cards.
    Admin,
    /// Reading of cards at desks.
    Vending,
    /// Vouchers and mail to a card.
    Load,
    /// Receipts of a card.
    Receipt,
    /// What certifies totals.
    Credit,
    /// Mail to a meter.
    Parameter,
    /// Mail of a meter.
    Report,
    /// Sessions of a meter with cards.
    Base,
    /// What wraps new keys of a meter.
    Transport,
}

impl From<MasterRole> for Role {
    fn from(role: MasterRole) -> Self {
        match role {
            MasterRole::Admin => Self::Admin,
            MasterRole::Vending => Self::Vending,
            MasterRole::Load => Self::Load,
            MasterRole::Receipt => Self::Receipt,
            MasterRole::Credit => Self::Credit,
            MasterRole::Parameter => Self::Parameter,
            MasterRole::Report => Self::Report,
            MasterRole::Base => Self::MeterBase,
            MasterRole::Transport => Self::Transport,
        }
    }
}
