//! `cardctl tour`: the main job on fresh simulated cards.

use applet_sim::card::{Cost, Profile};
use card_core::key::KeyLength;
use card_host::stage::Table;
use cardctl::tour;

use super::Error;
use crate::view::Printer;
use crate::view::tour::{Money, Step};

pub(crate) fn run(profile: Profile, printer: Printer) -> Result<Money, Error> {
    let mut failed = None;
    let mut total = Cost::default();
    let money = tour::play(&mut Table::new(profile), KeyLength::Aes256, &mut |line| {
        total = total + line.cost;
        if let Err(error) = printer.print(&Step::new(line.number, line.title, &line.outcome, line.cost)) {
            failed.get_or_insert(error);
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    Ok(Money {
        paid: money.paid.0,
        reversed: money.reversed.0,
        consumed: money.consumed.0,
        fees: money.fees.0,
        in_meter: money.in_meter.0,
        difference: i64::try_from(money.difference()).unwrap_or(i64::MAX),
        cost: total,
        profile,
    })
}
