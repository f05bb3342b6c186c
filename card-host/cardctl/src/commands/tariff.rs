//! `cardctl tariff`: what energy costs, and whether a tariff file is right.

use card_core::tariff::{Basis, EGYPT_2024_08, MonthMeter, Slab, Tariff};
use card_core::units::{Energy, Piastres};
use card_host::tariff_file::{self, TariffFileError, decimal};
use clap::Subcommand;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::view::{Output, Table, egp, time};

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

pub(crate) fn run(command: &TariffCommand) -> Result<Output, TariffFileError> {
    match command {
        TariffCommand::Price { kwh, tariff } => {
            let tariff = tariff.as_deref().map_or(Ok(EGYPT_2024_08), tariff_file::read)?;
            Ok(price(&tariff, kwh))
        }
        TariffCommand::Check { file } => Ok(check(&tariff_file::read(file)?)),
    }
}

fn price(tariff: &Tariff, consumptions: &[Energy]) -> Output {
    let mut text = format!(
        "{:>14} {:>14} {:>5} {:>9} {:>12} {:>10} {:>14}",
        "kWh", "energy EGP", "slab", "re-rated", "service fee", "charges", "month EGP"
    );
    let mut list = Vec::new();
    for energy in consumptions {
        // The whole month at once: a single amount always fits an empty month.
        let mut month = MonthMeter::begin(*tariff, false);
        let Ok(_) = month.consume(*energy) else { continue };
        let bill = month.close(false);
        let charges = bill.fees().saturating_sub(bill.service_fee);
        let _ = write!(
            text,
            "\n{:>14} {:>14} {:>5} {:>9} {:>12} {:>10} {:>14}",
            Piastres(u64::from(energy.0)).to_string(),
            bill.energy_charge.to_string(),
            bill.slab,
            if bill.re_rated { "yes" } else { "no" },
            bill.service_fee.to_string(),
            charges.to_string(),
            bill.total().to_string(),
        );
        let lines: Vec<_> = bill
            .charges()
            .map(
                |line| json!({ "code": line.code.0, "name": line.code.to_string(), "amount": line.amount.0 }),
            )
            .collect();
        list.push(json!({
            "energy_10wh": energy.0,
            "energy_charge": bill.energy_charge.0,
            "slab": bill.slab,
            "re_rated": bill.re_rated,
            "service_fee": bill.service_fee.0,
            "charges": lines,
            "total": bill.total().0,
        }));
    }
    Output::new(text, json!({ "tariff": tariff.version(), "months": list }))
}

/// Longest bar of the drawing.
const BAR: u64 = 36;

fn check(tariff: &Tariff) -> Output {
    let mut table = Table::default();
    table.line("version", tariff.version());
    table.line("start", time(tariff.start()));
    table.line("kind", tariff.kind());
    table.line("no consumption", egp(piastres(tariff.zero_fee())));
    for charge in tariff.charges() {
        let amount = match charge.basis {
            Basis::Fixed(fixed) => format!("{} a month", egp(piastres(fixed))),
            Basis::PerKwh(price) => format!("{price} piastres per kWh"),
            Basis::PerCent(share) => format!("{} % of the energy charge", piastres(share)),
        };
        table.line(charge.code.to_string(), amount);
    }
    table.line("in a mail", format!("{} bytes", tariff.emit().len()));
    let mut text = table.finish();
    let _ = write!(
        text,
        "\n\n{:>4} {:>9} {:>9} {:>12} {:>9}",
        "slab", "above kWh", "to kWh", "piastre/kWh", "fee EGP"
    );

    let dearest = tariff.slabs().iter().map(|slab| slab.price.0).max().unwrap_or(0).max(1);
    let mut below = 0;
    for (number, slab) in (1..).zip(tariff.slabs()) {
        if slab.restart {
            let _ = write!(text, "\n     above {below} kWh the whole month is rated again, from zero:");
        }
        let from = if slab.restart { 0 } else { below };
        let to = slab.bound.map_or_else(|| "-".to_owned(), |bound| bound.to_string());
        let width = u64::from(slab.price.0) * BAR / u64::from(dearest);
        let bar: String = (0..width).map(|_| '#').collect();
        let fee = piastres(slab.fee).to_string();
        let price = slab.price.to_string();
        let _ = write!(text, "\n{number:>4} {from:>9} {to:>9} {price:>12} {fee:>9}  {bar}");
        below = slab.bound.unwrap_or(below);
    }
    Output::new(text, described(tariff))
}

/// Hundredths as a number with two decimals.
fn piastres(amount: u32) -> Piastres {
    Piastres(u64::from(amount))
}

fn described(tariff: &Tariff) -> Value {
    let slab = |slab: &Slab| {
        json!({
            "up_to_kwh": slab.bound,
            "price_1e5_egp": slab.price.0,
            "restart": slab.restart,
            "fee": slab.fee,
        })
    };
    let charges: Vec<_> = tariff
        .charges()
        .iter()
        .map(|charge| {
            let (basis, value) = match charge.basis {
                Basis::Fixed(fixed) => ("fixed", fixed),
                Basis::PerKwh(price) => ("per_kwh_1e5_egp", price.0),
                Basis::PerCent(share) => ("hundredths_of_per_cent", share),
            };
            json!({ "code": charge.code.0, "name": charge.code.to_string(), basis: value })
        })
        .collect();
    json!({
        "version": tariff.version(),
        "start": tariff.start().to_unix(),
        "kind": tariff.kind().to_string(),
        "zero_consumption_fee": tariff.zero_fee(),
        "slabs": tariff.slabs().iter().map(slab).collect::<Vec<_>>(),
        "charges": charges,
        "bytes": hex::encode_upper(tariff.emit().as_slice()),
    })
}
