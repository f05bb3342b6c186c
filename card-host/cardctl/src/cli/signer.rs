//! `cardctl signer`.

use card_core::role::KeyVersion;
use card_core::units::Piastres;
use card_signer::rules::Ceilings;
use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::keys::ScopeArguments;
use crate::commands::signer::Person;

/// What may be certified.
#[derive(Args)]
pub(crate) struct CeilingArguments {
    /// By one certificate, in EGP.
    #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
    certificate: Piastres,
    /// To one contract in a day.
    #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
    binding_day: Piastres,
    /// By the company in an hour.
    #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
    hour: Piastres,
    /// By the company in a day.
    #[arg(long, value_name = "EGP", value_parser = Piastres::from_egp)]
    day: Piastres,
}

impl From<CeilingArguments> for Ceilings {
    fn from(of: CeilingArguments) -> Self {
        let CeilingArguments { certificate, binding_day, hour, day } = of;
        Self { certificate, binding_day, hour, day }
    }
}

/// Which custodian.
#[derive(Args)]
pub(crate) struct PersonArguments {
    /// The custodian's name.
    #[arg(long = "as", value_name = "NAME")]
    name: String,
    /// A file whose first line is the custodian's secret, or /dev/fd/N. By default it is asked for.
    #[arg(long, value_name = "FILE")]
    secret: Option<PathBuf>,
}

impl From<PersonArguments> for Person {
    fn from(PersonArguments { name, secret }: PersonArguments) -> Self {
        Self { name, secret }
    }
}

#[derive(Subcommand)]
pub(crate) enum SignerCommand {
    /// Makes a signer in the directory of --data: its masters, where there are none, its memory, and its custodians, whose secrets are shown once.
    Init {
        #[command(flatten)]
        scope: ScopeArguments,
        /// A custodian's name; two or more.
        #[arg(long, value_name = "NAME", required = true)]
        custodian: Vec<String>,
        #[command(flatten)]
        ceilings: CeilingArguments,
        /// Takes the first ledger that comes as it is: where the memory of a former signer was lost.
        #[arg(long)]
        adopt: bool,
        /// Writes name and secret of each custodian to a file NAME.secret in this folder, which only this user can read, and prints none.
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
    },
    /// Signs for the ledger's programs, which name it with --keys signer:SOCKET, until Ctrl-C.
    Serve {
        /// Where it listens.
        #[arg(long, value_name = "FILE")]
        socket: PathBuf,
        /// A user of the operating system who may ask, by number, besides this one.
        #[arg(long, value_name = "UID")]
        allow: Vec<u32>,
    },
    /// Shows ceilings, what custodians have changed, and alarms.
    Status,
    /// A custodian asks for other ceilings; another one agrees.
    Ceilings {
        #[command(flatten)]
        ceilings: CeilingArguments,
        #[command(flatten)]
        person: PersonArguments,
    },
    /// A custodian asks for a time in which a master may be used; another one agrees.
    Validity {
        /// Key version number of the master, such as 71.
        #[arg(value_name = "VERSION", value_parser = version)]
        version: KeyVersion,
        /// The first day (UTC).
        #[arg(long, value_name = "YYYY-MM-DD")]
        from: jiff::civil::Date,
        /// The day after the last one (UTC).
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: jiff::civil::Date,
        #[command(flatten)]
        person: PersonArguments,
    },
    /// Another custodian agrees to a change, and it is done.
    Agree {
        /// Its number.
        number: u64,
        #[command(flatten)]
        person: PersonArguments,
    },
}

fn version(text: &str) -> Result<KeyVersion, String> {
    let byte = u8::from_str_radix(text, 16).ok().filter(|_| text.len() == 2).map(KeyVersion::from_byte);
    let named = byte.filter(|version| version.role().is_some() && version.master() > 0);
    named.ok_or_else(|| "a key version number is two digits, role and master, such as 71".to_owned())
}
