//! `cardctl meter status`: what the display shows.

use card_core::id::MeterId;

use super::Bench;
use crate::commands::Error;
use crate::context::Context;
use crate::view::meter::status::MeterStatus;

pub(crate) fn run(context: &Context, meter: Option<MeterId>) -> Result<MeterStatus, Error> {
    let bench = Bench::open(context, meter)?;
    Ok(MeterStatus::new(bench.id, bench.meter.state()?.clone()))
}
