//! `cardctl meter`: the simulated meters.

pub(crate) mod button;
pub(crate) mod history;
pub(crate) mod network;
pub(crate) mod power;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod tap;

use applet_sim::chip::ImageMemory;
use card_core::id::MeterId;
use card_core::units::CardTime;
use card_host::operate;
use card_host::simulated_meter::SimulatedMeter;

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::{self, Books};
use crate::context::workplace::Workplace;

/// A meter at work: where it is, and what its clock shows.
struct Bench {
    workplace: Workplace,
    books: Books,
    id: MeterId,
    meter: SimulatedMeter<ImageMemory>,
    reading: CardTime,
}

impl Bench {
    /// The meter that is meant, at the time that it is there.
    fn open(context: &Context, meter: Option<MeterId>) -> Result<Self, Error> {
        let workplace = context.alone()?;
        let books = context.books(&workplace)?;
        let id = match (meter, workplace.meters()?.as_slice()) {
            (Some(meter), _) => meter,
            (None, [only]) => *only,
            (None, _) => {
                let card =
                    context.with_card(Some(&workplace), |card| Ok::<_, Error>(operate::present(card)?.id))?;
                books.office.meter_of(card)?
            }
        };
        let mut meter = workplace.meter(id)?;
        let reading = meter.clock(books::now())?;
        meter.tick(reading)?;
        Ok(Self { workplace, books, id, meter, reading })
    }
}
