//! `cardctl staff`.

use card_ledger::{Powers, StaffChange, StaffName};
use clap::Subcommand;
use std::path::PathBuf;

use crate::commands::staff::Change;

#[derive(Subcommand)]
pub(crate) enum StaffCommand {
    /// Enters a member of staff and gives the secret, once: with --out into a file for its person, else printed. Once another member may approve,
    /// that one has to agree: `cardctl ledger approve`, then the same again with the same --request.
    Add {
        /// The name. Spaces at its ends, case, accents and forms of letters make no other person.
        name: StaffName,
        /// What the person may do: some of sell, correct, approve, keys, audit, settings, with commas between.
        #[arg(long, value_name = "POWERS")]
        may: Powers,
        /// Writes name and secret to this file, which must not exist and which only its owner can read; --secret-file takes it.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Lists the members of staff, what they may do, and who was stopped.
    List,
    /// Changes what a member of staff may do.
    May {
        /// The name.
        name: StaffName,
        /// All that the person may do from now on.
        powers: Powers,
    },
    /// Gives a member of staff a new secret; the former one is worth nothing then. Who was stopped works again.
    Renew {
        /// The name.
        name: StaffName,
        /// Writes name and secret to this file, which must not exist and which only its owner can read.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Stops a member of staff, who may do nothing from now on.
    Stop {
        /// The name.
        name: StaffName,
    },
}

impl StaffCommand {
    /// What is changed; nothing where they are listed.
    pub(crate) fn change(self) -> Option<Change> {
        let (name, change, out) = match self {
            Self::Add { name, may, out } => (name, StaffChange::Add(may), out),
            Self::List => return None,
            Self::May { name, powers } => (name, StaffChange::May(powers), None),
            Self::Renew { name, out } => (name, StaffChange::Renew, out),
            Self::Stop { name } => (name, StaffChange::Stop, None),
        };
        Some(Change { name, change, out })
    }
}
