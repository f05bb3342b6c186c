//! `cardctl tariff`: what energy costs, and whether a tariff file is right.

use card_core::tariff::{EGYPT_2024_08, MonthMeter};
use card_core::units::Energy;
use card_host::tariff_file::{self, TariffFileError};
use std::path::Path;

use crate::view::tariff::{Checked, Prices};

/// What a month of each consumption costs, by the tariff in this file; without it, by Egypt's residential tariff since August 2024.
pub(crate) fn price(consumptions: &[Energy], file: Option<&Path>) -> Result<Prices, TariffFileError> {
    let tariff = file.map_or(Ok(EGYPT_2024_08), tariff_file::read)?;
    let mut bills = Vec::new();
    for energy in consumptions {
        // The whole month at once: a single amount always fits an empty month.
        let mut month = MonthMeter::begin(tariff, false);
        let Ok(_) = month.consume(*energy) else { continue };
        bills.push((*energy, month.close(false)));
    }
    Ok(Prices::new(&tariff, &bills))
}

pub(crate) fn check(file: &Path) -> Result<Checked, TariffFileError> {
    Ok(tariff_file::read(file)?.into())
}
