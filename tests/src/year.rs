//! A meter while its card is away.

// A fixture fails the test that uses it.
#![allow(clippy::unwrap_used, reason = "a fixture fails the test that uses it")]

use applet_sim::chip::FlashModel;
use card_host::card_core::id::CardId;
use card_host::card_core::message::Envelope;
use card_host::card_core::units::{CardTime, Energy};
use card_host::simulated_meter::SimulatedMeter;

const DAY: u32 = 86_400;
const MONTHS: u16 = 12;
/// Events of a year at least; those of fees, and of a restart that is near, come by themselves.
const EVENTS: u32 = 38;
const REFUSED: u32 = 4;

/// What the clock of a meter shows at the time that the meter has come to.
#[must_use]
pub fn reading(meter: &SimulatedMeter<FlashModel>) -> CardTime {
    let clock = meter.state().unwrap().clock;
    CardTime(u32::try_from(i64::from(clock.time.0) - clock.offset).unwrap())
}

/// Twelve months and their events.
///
/// # Panics
/// Where fewer events came.
pub fn pass(meter: &mut SimulatedMeter<FlashModel>) {
    let counted = |meter: &SimulatedMeter<FlashModel>| {
        let state = meter.state().unwrap();
        (state.month_index, state.history.last_event())
    };
    let (month, event) = counted(meter);
    while counted(meter).0 < month + MONTHS {
        let next = CardTime(reading(meter).0 + DAY);
        meter.consume(next, Energy(300)).unwrap();
        if counted(meter).1 < event + REFUSED {
            let mail = unknown(meter, counted(meter).1);
            meter.receive(next, Some(CardId([7; 8])), &mail).unwrap();
        }
    }
    assert!(counted(meter).1 >= event + EVENTS);
}

/// Mail under a key that the meter does not have: that it was refused is an event.
fn unknown(meter: &SimulatedMeter<FlashModel>, version: u32) -> Envelope {
    let binding = meter.state().unwrap().binding.to_be_bytes();
    let id = meter.identity().unwrap().id;
    let bytes = [&[0x01, 0x8F], &id.0[..], &binding, &[0x09], &version.to_be_bytes(), &[0; 16]].concat();
    Envelope::parse(&bytes).unwrap()
}
