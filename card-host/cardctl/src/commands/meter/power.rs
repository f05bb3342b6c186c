//! `cardctl meter cut-power`: nothing that was written is lost.

use applet_sim::chip::Cut;
use card_core::id::MeterId;
use card_core::meter::{MeterError, MeterState};
use card_core::units::Energy;
use card_host::simulated_meter::SimulatedMeterError;

use super::Bench;
use crate::commands::Error;
use crate::context::Context;
use crate::view::meter::power::{Account, PowerCut};

/// What is consumed meanwhile: 1 kWh.
const CONSUMED: Energy = Energy(100);

pub(crate) fn run(context: &Context, meter: Option<MeterId>, after: u64) -> Result<PowerCut, Error> {
    let Bench { mut meter, reading, id, .. } = Bench::open(context, meter)?;
    // What is unwritten could be lost, as with a real meter; here it is to be seen that nothing else is.
    meter.save()?;
    let before = meter.state()?.clone();
    meter.cut_power_after(after, Cut::Partly { seed: after });
    let torn = meter.consume(reading, CONSUMED).is_err();
    meter.power_up()?;
    let (old, new) = (account(&before), consumed(&before)?);
    let found = account(meter.state()?);
    // Whole again: it works, and what it does now is stored.
    meter.tick(reading)?;
    meter.save()?;
    Ok(PowerCut {
        meter: id.number(),
        torn,
        before: old,
        after: found,
        written: found == new,
        nothing_lost: found == old || found == new,
        consumed: CONSUMED,
        operations: after,
    })
}

fn account(state: &MeterState) -> Account {
    Account { balance: state.balance.0, register_10wh: state.energy.0, month_10wh: state.running.total().0 }
}

/// What is to be there after the consumption.
fn consumed(before: &MeterState) -> Result<Account, SimulatedMeterError> {
    let register_10wh = before.energy.0.wrapping_add(CONSUMED.0);
    let mut month = before.running;
    if before.binding == 0 {
        return Ok(Account { register_10wh, ..account(before) });
    }
    let deduction = month.consume(CONSUMED).map_err(|_| MeterError::OutOfRange)?;
    let balance = before.balance.0.saturating_sub(deduction.total().0);
    Ok(Account { balance, register_10wh, month_10wh: month.total().0 })
}
