//! `cardctl policy`, and the documents of a step at a desk.

use card_core::calendar::Date;
use card_core::id::MeterId;
use card_ledger::{Documents, EntryId};
use clap::{Args, Subcommand};
use std::path::PathBuf;

use super::values::{day, meter_number, receipt};
use crate::context::Error;

#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// Shows what is asked for at a desk: documents, fees, who may, and how many persons, by step.
    Show {
        /// As it was in this version of the rules; without it, what holds now.
        #[arg(long, value_name = "N")]
        version: Option<u32>,
    },
    /// Enters what is asked for at a desk from now on, from a file as `policy example` writes it. Rules of selling stay as they are.
    Set {
        /// The file (TOML).
        file: PathBuf,
    },
    /// Prints an example for a company in Egypt, to be changed and entered.
    Example,
    /// Lists the accounts for which a person has been at a desk.
    Accounts {
        /// The national ID: a file that has it, or "-" for standard input, where no other program sees it.
        #[arg(long, value_name = "FILE")]
        national_id: PathBuf,
    },
}

/// What the customer shows, where the company's policy asks for it.
#[derive(Args, Default)]
pub(crate) struct Shown {
    /// The national ID: a file that has its 14 digits, or "-" for standard input, where no other program sees it.
    #[arg(long, value_name = "FILE", help_heading = "What the customer shows", requires = "valid_until")]
    national_id: Option<PathBuf>,
    /// The day until which it is valid.
    #[arg(long, value_name = "YYYY-MM-DD", help_heading = "What the customer shows", value_parser = day, requires = "national_id")]
    valid_until: Option<Date>,
    /// The number of the meter, as the customer has it.
    #[arg(long, value_name = "METER", help_heading = "What the customer shows", value_parser = meter_number)]
    shown_meter: Option<MeterId>,
    /// The number of a recent receipt, such as kiosk-17/512.
    #[arg(long, value_name = "NUMBER", help_heading = "What the customer shows", value_parser = receipt)]
    shown_receipt: Option<EntryId>,
    /// The number of a police report.
    #[arg(long, value_name = "NUMBER", help_heading = "What the customer shows")]
    police_report: Option<String>,
}

impl Shown {
    pub(crate) fn documents(self) -> Result<Documents, Error> {
        let Self { national_id, valid_until, shown_meter, shown_receipt, police_report } = self;
        Ok(Documents {
            national_id: national_id.map(|from| crate::context::national_id::read(&from)).transpose()?,
            valid_until,
            meter: shown_meter,
            receipt: shown_receipt,
            police_report,
        })
    }
}
