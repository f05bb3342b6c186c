//! `cardctl meter events`, `cardctl meter charges` and `cardctl meter months`: what the meter keeps.

use card_core::id::MeterId;

use super::Bench;
use crate::commands::Error;
use crate::context::Context;
use crate::view::meter::history::{Charges, Events, Months};

pub(crate) fn events(context: &Context, meter: Option<MeterId>) -> Result<Events, Error> {
    let mut bench = Bench::open(context, meter)?;
    let list = bench.meter.events()?;
    Ok(Events::new(bench.id, list, bench.meter.state()?.calendar))
}

pub(crate) fn charges(context: &Context, meter: Option<MeterId>) -> Result<Charges, Error> {
    let mut bench = Bench::open(context, meter)?;
    let list = bench.meter.charges()?;
    Ok(Charges::new(bench.id, &list, bench.meter.state()?.calendar))
}

pub(crate) fn months(context: &Context, meter: Option<MeterId>) -> Result<Months, Error> {
    let mut bench = Bench::open(context, meter)?;
    let closed = bench.meter.months()?;
    let state = bench.meter.state()?;
    Ok(Months::new(bench.id, &closed, &state.month(), state.binding != 0))
}
