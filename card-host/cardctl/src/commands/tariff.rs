//! `cardctl tariff`: what energy costs, and whether a tariff file is right.

use card_core::tariff::{EGYPT_2024_08, MonthMeter};
use card_core::units::Energy;
use card_host::tariff_file::{self, TariffFileError};
use std::path::Path;

use crate::view::tariff::{Checked, Prices};

/// January of a year that is no leap year, as an index of months.
const JANUARY_2025: u16 = 60;

/// What a month of each consumption costs, in this month of the year (from 1), by the tariff in this file; without it, by Egypt's residential tariff since August 2024.
pub(crate) fn price(
    consumptions: &[Energy],
    of_year: u8,
    file: Option<&Path>,
) -> Result<Prices, TariffFileError> {
    let tariff = file.map_or(Ok(EGYPT_2024_08), tariff_file::read)?;
    let index = JANUARY_2025 + u16::from(of_year.saturating_sub(1));
    let mut bills = Vec::new();
    for energy in consumptions {
        // The whole month at once: a single amount always fits an empty month.
        let mut month = MonthMeter::begin(tariff, false);
        let Ok(_) = month.consume(*energy) else { continue };
        bills.push((*energy, month.close(index, false)));
    }
    Ok(Prices::new(&tariff, &bills))
}

pub(crate) fn check(file: &Path) -> Result<Checked, TariffFileError> {
    Ok(tariff_file::read(file)?.into())
}
