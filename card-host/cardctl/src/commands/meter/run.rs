//! `cardctl meter run`: days pass.

use card_core::units::{Energy, Piastres};
use card_host::simulated_meter::{Profile, ProfileError};
use serde_json::json;
use std::io::Write as _;
use std::path::Path;

use super::Bench;
use crate::commands::Error;
use crate::local;
use crate::view::{Output, Table, egp};

/// So many days are worth telling how far it has come.
const LONG: u32 = 3660 / 4;

pub(super) fn run(bench: Bench, days: u32, profile: &str, seed: u64) -> Result<Output, Error> {
    let habits = habits(profile)?;
    let Bench { workplace, id, meter, reading, .. } = bench;
    let calendar = meter.state()?.calendar;
    drop(meter);
    let hours = u64::from(days) * 24;
    let mut told = 0;
    let mut progress = |number: u64| {
        let tenth = (number + 1) * 10 / hours;
        if days >= LONG && tenth > told {
            told = tenth;
            let _ = writeln!(std::io::stderr(), "  {} of {days} days", (number + 1) / 24);
        }
    };
    let run = workplace.in_memory(id, |meter| meter.run(reading, hours, &habits, seed, &mut progress))?;

    let mut table = Table::default();
    table.line("meter", id);
    table.line("from", local::time(&calendar, run.from));
    table.line("to", local::time(&calendar, run.to));
    table.line("profile", profile);
    table.line("energy", kwh(run.energy));
    table.line("charged", egp(run.charged));
    table.line("of that, months rated again", egp(run.adjustments));
    table.line("fees", format!("{} in {} months that ended", egp(run.fees), run.months));
    if run.instalments != Piastres::ZERO {
        table.line("instalments", egp(run.instalments));
    }
    table.line("hours without supply", format!("{} of {}", run.hours_off, run.hours));
    table.line("balance before", egp(run.balance_before));
    table.line("balance", egp(run.balance));
    let json = json!({
        "meter": id.number(),
        "from": run.from.to_unix(),
        "to": run.to.to_unix(),
        "hours": run.hours,
        "hours_without_supply": run.hours_off,
        "energy_10wh": run.energy,
        "charged": run.charged.0,
        "adjustments": run.adjustments.0,
        "fees": run.fees.0,
        "instalments": run.instalments.0,
        "months": run.months,
        "balance_before": run.balance_before.0,
        "balance": run.balance.0,
    });
    Ok(Output::new(table.finish(), json))
}

fn habits(name: &str) -> Result<Profile, ProfileError> {
    match name {
        "household" => Ok(Profile::Household),
        "shop" => Ok(Profile::Shop),
        "empty" => Ok(Profile::Empty),
        file => Profile::read(Path::new(file)),
    }
}

fn kwh(units: u64) -> String {
    match u32::try_from(units) {
        Ok(units) => Energy(units).to_string(),
        Err(_) => format!("{}.{:02} kWh", units / 100, units % 100),
    }
}
