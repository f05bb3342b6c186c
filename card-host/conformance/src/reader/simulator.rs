//! A simulated card, which can be torn at any write.

use applet_sim::chip::{Cut, SimulatedMemory};
use card_host::reader_error::ReaderError;
use card_host::transport::{Link, Simulator, TransportError};
use std::time::Duration;

use super::Reader;

impl<M: SimulatedMemory> Reader for Simulator<M> {
    fn reset(&mut self) -> Result<(), TransportError> {
        let card = self.card_mut();
        card.power_down();
        card.power_up();
        match card.chip() {
            Some(_) => Ok(()),
            None => Err(ReaderError::UnresponsiveCard { reader: self.description() }.into()),
        }
    }

    fn is_t0(&self) -> bool {
        self.card().profile() == applet_sim::card::Profile::T0
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.card().cost().time())
    }

    fn tear(&mut self, write: Option<u64>) -> bool {
        let Some(chip) = self.card_mut().chip_mut() else { return false };
        let memory = chip.memory.flash_mut();
        match write {
            Some(write) => memory.cut_after(write, Cut::Partly { seed: write }),
            // That forgets what was planned.
            None if memory.is_powered() => memory.power_up(),
            None => {}
        }
        true
    }
}
