//! `cardctl meter run`.

use card_core::calendar::Calendar;
use card_core::id::MeterId;
use card_core::text::{Language, isolate};
use card_core::units::Piastres;
use card_host::simulated_meter::Summary;

use crate::local;
use crate::view::table::Table;
use crate::view::{View, customer};
use crate::words::say;

/// Days that have passed.
pub(crate) struct Passed {
    meter: MeterId,
    run: Summary,
    profile: String,
    calendar: Calendar,
}

crate::view::json!(Passed, passed => {
    "meter": passed.meter.to_string(),
    "from": passed.run.from.to_unix(),
    "to": passed.run.to.to_unix(),
    "hours": passed.run.hours,
    "hours_without_supply": passed.run.hours_off,
    "energy_10wh": passed.run.energy,
    "charged": passed.run.charged.0,
    "adjustments": passed.run.adjustments.0,
    "fees": passed.run.fees.0,
    "instalments": passed.run.instalments.0,
    "months": passed.run.months,
    "balance_before": passed.run.balance_before.0,
    "balance": passed.run.balance.0,
});

impl Passed {
    pub(crate) fn new(meter: MeterId, run: Summary, profile: &str, calendar: Calendar) -> Self {
        Self { meter, run, profile: profile.to_owned(), calendar }
    }
}

impl View for Passed {
    fn text(&self, language: Language) -> String {
        let Self { run, calendar, .. } = self;
        let mut table = Table::new(language);
        table.line("meter", self.meter);
        table.line("from", local::time(calendar, run.from));
        table.line("to", local::time(calendar, run.to));
        table.line("profile", &self.profile);
        table.line("energy", customer::units(run.energy, language));
        table.egp("charged", run.charged);
        table.egp("of that, months rated again", run.adjustments);
        let (fees, months) = (customer::amount(run.fees, language), run.months);
        table.line(
            "fees",
            say(
                language,
                format_args!("{fees} in {months} months that ended"),
                format_args!("{fees} عن الشهور المنتهية وعددها {}", isolate(months)),
            ),
        );
        if run.instalments != Piastres::ZERO {
            table.egp("instalments", run.instalments);
        }
        let (off, hours) = (run.hours_off, run.hours);
        table.line(
            "hours without supply",
            say(
                language,
                format_args!("{off} of {hours}"),
                format_args!("{} من {}", isolate(off), isolate(hours)),
            ),
        );
        table.egp("balance before", run.balance_before);
        table.egp("balance", run.balance);
        table.finish()
    }
}
