//! `cardctl meter cut-power`: nothing that was written is lost.

use applet_sim::chip::Cut;
use card_core::meter::MeterState;
use card_core::units::{Balance, Energy};
use card_host::simulated_meter::SimulatedMeterError;
use serde_json::{Value, json};

use super::Bench;
use crate::commands::Error;
use crate::view::{Output, Table, egp};

/// What is consumed meanwhile: 1 kWh.
const CONSUMED: Energy = Energy(100);

/// What must never disagree.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Account {
    balance: Balance,
    register: Energy,
    month: Energy,
}

pub(super) fn run(bench: Bench, after: u64) -> Result<(Output, bool), Error> {
    let Bench { mut meter, reading, id, .. } = bench;
    // What is unwritten could be lost, as with a real meter; here it is to be seen that nothing else is.
    meter.save()?;
    let before = meter.state()?.clone();
    meter.cut_power_after(after, Cut::Partly { seed: after });
    let torn = meter.consume(reading, CONSUMED).is_err();
    meter.power_up()?;
    let (old, new) = (Account::of(&before), consumed(&before)?);
    let found = Account::of(meter.state()?);
    let good = found == old || found == new;
    // Whole again: it works, and what it does now is stored.
    meter.tick(reading)?;
    meter.save()?;

    let mut table = Table::default();
    table.line("meter", id);
    table.line("consumption meanwhile", CONSUMED);
    let when = if torn {
        format!("in the middle of operation {} on the memory", after.saturating_add(1))
    } else {
        format!("after the consumption was written: that took no more than {after} operations")
    };
    table.line("power failed", when);
    for (name, account) in [("before", &old), ("after, with power again", &found)] {
        let Account { balance, register, month } = account;
        table.line(name, format!("{}, register {register}, this month {month}", egp(balance)));
    }
    let said = match (good, found == new) {
        (true, true) => "the consumption was written, and is there: nothing was lost",
        (true, false) => "nothing that was written is lost; the consumption was not, and is not charged",
        (false, _) => "THE MEMORY IS NEITHER WHAT IT WAS NOR WHAT IT WAS TO BE",
    };
    table.line("so", said);
    let json = json!({
        "meter": id.number(),
        "torn": torn,
        "before": old.json(),
        "after": found.json(),
        "written": found == new,
        "nothing_lost": good,
    });
    Ok((Output::new(table.finish(), json), good))
}

impl Account {
    fn of(state: &MeterState) -> Self {
        Self { balance: state.balance, register: state.energy, month: state.running.total() }
    }

    fn json(&self) -> Value {
        json!({ "balance": self.balance.0, "register_10wh": self.register.0, "month_10wh": self.month.0 })
    }
}

/// What is to be there after the consumption.
fn consumed(before: &MeterState) -> Result<Account, SimulatedMeterError> {
    let register = Energy(before.energy.0.wrapping_add(CONSUMED.0));
    let mut month = before.running;
    if before.binding == 0 {
        return Ok(Account { register, ..Account::of(before) });
    }
    let deduction = month.consume(CONSUMED).map_err(|_| card_core::meter::MeterError::OutOfRange)?;
    let balance = Balance(before.balance.0.saturating_sub(deduction.total().0));
    Ok(Account { balance, register, month: month.total() })
}
