//! A card at a meter: drives the meter's side of the exchange over a transport.

use card_core::meter::{Hardware, Meter, Reading, Received, Verdict, Visit, VisitError};
use card_core::terminal::exchange::Presented;

use crate::transport::{Transport, TransportError};

/// What came of a visit.
#[derive(Debug)]
pub struct Tap {
    /// What the meter decided on the card's certificate, and has stored.
    pub verdict: Option<Verdict>,
    /// What the card presented.
    pub presented: Option<Presented>,
    /// Whether the card has confirmed the settlement.
    pub settled: bool,
    /// Mail of the issuer that the card brought, and how the meter handled it.
    pub received: Vec<Received>,
}

/// A visit broke off. Repeating it is always right.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct TapError {
    /// What the meter had decided and stored before, if it had come so far.
    pub verdict: Option<Verdict>,
    /// Why it broke off.
    pub cause: TapCause,
}

/// Why a visit broke off.
#[derive(Debug, thiserror::Error)]
pub enum TapCause {
    /// The card did not answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Card or meter found something wrong.
    #[error("{0}: present the card again")]
    Visit(#[from] VisitError),
}

/// Lets a card visit a meter, at what the meter's firmware says of time.
pub fn tap<H: Hardware>(
    meter: &mut Meter<H>,
    transport: &mut impl Transport,
    reading: Reading,
) -> Result<Tap, TapError> {
    let begun = Visit::begin(reading);
    let (mut visit, first) = begun.map_err(|error| TapError { verdict: None, cause: error.into() })?;
    let mut received = Vec::new();
    let mut step = Some(first);
    while let Some(command) = step {
        let answered = transport.transmit(command.as_slice()).map_err(TapCause::from);
        let next = answered.and_then(|response| Ok(visit.respond(meter, &response)?));
        received.extend(visit.take_received());
        step = next.map_err(|cause| TapError { verdict: visit.verdict(), cause })?;
    }
    Ok(Tap {
        verdict: visit.verdict(),
        presented: visit.presented().copied(),
        settled: visit.is_settled(),
        received,
    })
}
