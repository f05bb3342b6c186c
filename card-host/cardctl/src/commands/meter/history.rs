//! `cardctl meter events` and `cardctl meter months`: what the meter keeps.

use card_core::message::Month;
use serde_json::json;
use std::fmt::Write as _;

use super::Bench;
use crate::commands::Error;
use crate::local;
use crate::view::events;
use crate::view::{Output, egp};
use card_core::units::Piastres;

pub(super) fn events(mut bench: Bench) -> Result<Output, Error> {
    let list = bench.meter.events()?;
    let calendar = &bench.meter.state()?.calendar;
    let mut text = String::from("event  local time        what happened");
    for event in &list {
        let when = local::time(calendar, event.time);
        let _ = write!(text, "\n{:>5}  {when}  {}", event.number, events::in_words(event, Some(calendar)));
    }
    if list.is_empty() {
        text = "the meter has no events in this contract yet".to_owned();
    }
    let list: Vec<_> = list.iter().map(events::json).collect();
    Ok(Output::new(text, json!({ "meter": bench.id.number(), "events": list })))
}

/// Longest bar of the drawing.
const BAR: u64 = 30;

pub(super) fn months(mut bench: Bench) -> Result<Output, Error> {
    let closed = bench.meter.months()?;
    let state = bench.meter.state()?;
    let running = state.month();
    let most = closed.iter().chain([&running]).map(|month| month.energy.0).max().unwrap_or(0).max(1);
    let mut text = format!(
        "{:<8} {:>10} {:>12} {:>10} {:>12} {:>5} {:>7}  {:<10}",
        "month", "kWh", "energy EGP", "fees EGP", "total EGP", "slab", "peak W", "flags"
    );
    text.truncate(text.trim_end().len());
    for (month, ended) in closed.iter().map(|month| (month, true)).chain([(&running, false)]) {
        let fees = Piastres(month.fees.into());
        let total = month.energy_charge.checked_add(fees).unwrap_or(month.energy_charge);
        let width = u64::from(month.energy.0) * BAR / u64::from(most);
        let bar: String = (0..width).map(|_| '#').collect();
        let _ = write!(
            text,
            "\n{:<8} {:>10} {:>12} {:>10} {:>12} {:>5} {:>7}  {:<10} {bar}",
            local::month(month.index),
            Piastres(month.energy.0.into()).to_string(),
            month.energy_charge.to_string(),
            if ended { fees.to_string() } else { "not yet".to_owned() },
            total.to_string(),
            month.slab,
            month.peak,
            flags(month, ended),
        );
        text.truncate(text.trim_end().len());
    }
    let sum = closed.iter().chain([&running]).fold(Piastres::ZERO, |sum, month| {
        Piastres(sum.0.saturating_add(month.energy_charge.0).saturating_add(month.fees.into()))
    });
    let _ = write!(text, "\nall of them {}", egp(sum));
    if state.binding == 0 {
        text.push_str("\nthe meter has no contract: it closes no months, and nobody is charged");
    }
    let list: Vec<_> = closed.iter().map(|month| described(month, true)).collect();
    Ok(Output::new(
        text,
        json!({ "meter": bench.id.number(), "months": list, "running": described(&running, false) }),
    ))
}

const PARTIAL: u8 = 0x01;
const RE_RATED: u8 = 0x02;
const DOUBTFUL: u8 = 0x04;

fn flags(month: &Month, ended: bool) -> String {
    let named = [
        (!ended, "runs"),
        (month.flags & PARTIAL != 0, "partial"),
        (month.flags & RE_RATED != 0, "re-rated"),
        (month.flags & DOUBTFUL != 0, "clock"),
    ];
    let set: Vec<_> = named.into_iter().filter_map(|(set, name)| set.then_some(name)).collect();
    set.join(" ")
}

fn described(month: &Month, ended: bool) -> serde_json::Value {
    json!({
        "month": local::month(month.index),
        "index": month.index,
        "closed": ended,
        "energy_10wh": month.energy.0,
        "energy_charge": month.energy_charge.0,
        "fees": month.fees,
        "slab": month.slab,
        "peak_w": month.peak,
        "partial": month.flags & PARTIAL != 0,
        "re_rated": month.flags & RE_RATED != 0,
        "clock_doubtful": month.flags & DOUBTFUL != 0,
    })
}
