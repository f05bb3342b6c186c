//! `cardctl meter tap`: a card at its meter.

use card_core::id::MeterId;
use card_core::meter::{MeterState, Verdict};
use card_core::text::Situation;
use card_core::units::{Balance, CardTime};
use card_host::operate;

use crate::commands::Error;
use crate::context::{Context, books};
use crate::view::meter::tap::Tapped;

pub(crate) fn run(context: &Context, meter: Option<MeterId>) -> Result<Tapped, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    context.with_card(Some(&workplace), |card| {
        let meter = match meter {
            Some(meter) => meter,
            None => books.office.meter_of(operate::present(card)?.id)?,
        };
        let mut meter = workplace.meter(meter)?;
        let reading = meter.clock(books::now())?;
        let lent = meter.state()?.supply.loan_until;
        let tap = meter.tap(card, reading)?;
        let state = meter.state()?;
        Ok(Tapped::new(&tap, state, loan(tap.verdict, lent, state)))
    })
}

/// What to say of an emergency loan, where there was nothing to apply and there is no credit. Where it can still be had, the card has
/// asked for it once, or has brought something.
fn loan(verdict: Option<Verdict>, before: CardTime, state: &MeterState) -> Option<Situation> {
    let asked =
        verdict == Some(Verdict::Nothing) && state.balance <= Balance(0) && state.limits.loan_hours != 0;
    let until = state.supply.loan_until;
    let given = until != CardTime::UNSET && before == CardTime::UNSET;
    asked.then_some(match given {
        true => Situation::LoanGiven,
        false if state.loan_can_be_had() => Situation::LoanOffered,
        false if until > state.clock.time => Situation::LoanInUse,
        false => Situation::LoanNotAgain,
    })
}
