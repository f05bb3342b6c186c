//! A simulated card as a transport in the same process.

use applet_sim::card::{CardError, Profile, SimulatedCard};
use applet_sim::chip::{FlashModel, SimulatedMemory};

use super::{Card, Link, TransportError, over_t0};
use crate::reader_error::ReaderError;

/// A simulated card, as if it lay in a reader.
pub struct Simulator<M: SimulatedMemory> {
    card: SimulatedCard<M>,
}

impl<M: SimulatedMemory> Simulator<M> {
    /// Takes the card in. It has power.
    pub const fn new(card: SimulatedCard<M>) -> Self {
        Self { card }
    }

    /// The card, for its costs.
    pub const fn card(&self) -> &SimulatedCard<M> {
        &self.card
    }

    /// The card, to take its power away or plan faults.
    pub const fn card_mut(&mut self) -> &mut SimulatedCard<M> {
        &mut self.card
    }
}

impl Card<Simulator<FlashModel>> {
    /// Another blank card, contactless and of the test environment: what a test begins with.
    pub fn simulated() -> Result<Self, CardError> {
        Ok(Self::open(Simulator::new(SimulatedCard::fresh(Profile::Contactless)?)))
    }
}

impl<M: SimulatedMemory> Link for Simulator<M> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mute = ReaderError::UnresponsiveCard { reader: self.description() };
        let command = match self.card.profile() {
            Profile::T0 => over_t0(command),
            Profile::T1 | Profile::Contactless => command.into(),
        };
        self.card.answer(&command).ok_or(mute.into())
    }

    fn description(&self) -> String {
        "simulated card".into()
    }
}

impl<M: SimulatedMemory> core::fmt::Debug for Simulator<M> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Simulator({:?})", self.card.profile())
    }
}
