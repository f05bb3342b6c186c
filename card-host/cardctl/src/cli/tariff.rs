//! `cardctl tariff`.

use card_core::units::Energy;
use card_host::tariff_file::decimal;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum TariffCommand {
    /// Prints what a month of each consumption costs.
    Price {
        /// Consumption of a month in kWh, with at most two decimals.
        #[arg(required = true, value_parser = kwh)]
        kwh: Vec<Energy>,
        /// A tariff file; without it, Egypt's residential tariff since August 2024.
        #[arg(long, value_name = "FILE")]
        tariff: Option<PathBuf>,
    },
    /// Says whether a tariff file is right, and draws it.
    Check {
        /// A tariff file, such as card-host/tariffs/egypt-2024-08.toml.
        file: PathBuf,
    },
}

fn kwh(text: &str) -> Result<Energy, String> {
    decimal(text, 2).map(Energy).map_err(|error| format!("{error}: kWh, such as 100 or 100.01"))
}
