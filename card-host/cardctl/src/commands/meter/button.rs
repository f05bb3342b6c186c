//! `cardctl meter button`: the one button of a simulated meter.

use card_core::id::MeterId;

use super::Bench;
use crate::commands::Error;
use crate::context::Context;
use crate::view::meter::status::MeterStatus;

pub(crate) fn run(context: &Context, meter: Option<MeterId>) -> Result<MeterStatus, Error> {
    let Bench { mut meter, reading, id, .. } = Bench::open(context, meter)?;
    if !meter.ask_loan(reading)? {
        meter.rearm(reading)?;
    }
    Ok(MeterStatus::new(id, meter.state()?.clone()))
}
