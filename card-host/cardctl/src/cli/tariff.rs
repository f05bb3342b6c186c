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
        /// Which month of the year it is, from 1 (January) to 12: some charges are due in one month only, or by the day.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=12))]
        month: u8,
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
