//! `cardctl meter run`.

use card_core::calendar::Calendar;
use card_core::id::MeterId;
use card_core::text::Language;
use card_core::units::{Energy, Piastres};
use card_host::simulated_meter::Summary;
use serde::Serialize;

use crate::local;
use crate::view::View;
use crate::view::table::{Table, egp};

/// Days that have passed.
#[derive(Serialize)]
pub(crate) struct Passed {
    #[serde(serialize_with = "crate::view::as_text")]
    meter: u64,
    from: u64,
    to: u64,
    hours: u64,
    hours_without_supply: u64,
    energy_10wh: u64,
    charged: i64,
    adjustments: i64,
    fees: i64,
    instalments: u64,
    months: u16,
    balance_before: i64,
    balance: i64,
    #[serde(skip)]
    run: Summary,
    #[serde(skip)]
    profile: String,
    #[serde(skip)]
    calendar: Calendar,
}

impl Passed {
    pub(crate) fn new(meter: MeterId, run: Summary, profile: &str, calendar: Calendar) -> Self {
        Self {
            meter: meter.number(),
            from: run.from.to_unix(),
            to: run.to.to_unix(),
            hours: run.hours,
            hours_without_supply: run.hours_off,
            energy_10wh: run.energy,
            charged: run.charged.0,
            adjustments: run.adjustments.0,
            fees: run.fees.0,
            instalments: run.instalments.0,
            months: run.months,
            balance_before: run.balance_before.0,
            balance: run.balance.0,
            run,
            profile: profile.to_owned(),
            calendar,
        }
    }
}

impl View for Passed {
    fn text(&self, _: Language) -> String {
        let Self { run, calendar, .. } = self;
        let mut table = Table::default();
        table.line("meter", self.meter);
        table.line("from", local::time(calendar, run.from));
        table.line("to", local::time(calendar, run.to));
        table.line("profile", &self.profile);
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
        table.finish()
    }
}

fn kwh(units: u64) -> String {
    match u32::try_from(units) {
        Ok(units) => Energy(units).to_string(),
        Err(_) => format!("{}.{:02} kWh", units / 100, units % 100),
    }
}
