//! `cardctl conformance`: a card held against the specification.

use applet_sim::card::{Profile, SimulatedCard};
use card_conformance::{Finding, PcscReader, Report, Result as Outcome, examine};
use card_host::card::CardError;
use card_host::transport::{Simulator, TransportError};

use super::Error;
use crate::context::{self, books::now};
use crate::say;
use crate::view::conformance::Examined;
use crate::words::said;

/// Examines the card in this reader; of "sim", another simulated card, of which nothing is kept.
pub(crate) fn run(reader: &str) -> Result<Examined, Error> {
    let report = match reader {
        "sim" => {
            let card = SimulatedCard::fresh(Profile::Contactless);
            let card = card.map_err(|error| CardError::from(TransportError::Simulator(error.to_string())))?;
            watched(|watch| examine(&mut Simulator::new(card), watch))
        }
        name => {
            let mut reader = PcscReader::open(name).map_err(context::Error::from)?;
            watched(|watch| examine(&mut reader, watch))
        }
    };
    Ok(Examined::new(report, now()))
}

/// Shows on a terminal how far it is.
fn watched(examine: impl FnOnce(&mut dyn FnMut(&Finding)) -> Report) -> Report {
    let (bar, mut failed) = (say::progress(0), 0_u32);
    examine(&mut |finding| {
        failed += u32::from(matches!(finding.result, Outcome::Failed { .. }));
        bar.set_message(said!(
            say::language(),
            "rules examined, {failed} violated",
            "قاعدة فُحصت، مخالف منها {failed}",
            failed
        ));
        bar.inc(1);
    })
}
