//! A copy of the card application with deliberate defects. [`DefectiveCard`] has one of them.

use applet_sim::chip::{Chip, Cut, Entropy, FlashModel, chip, time};
use card_conformance::Reader;
use card_core::id::{CardId, Environment};
use card_core::key::{AesKey, KeyLength};
use card_core::role::TEST_INITIAL_MASTER;
use card_host::reader_error::ReaderError;
use card_host::transport::{Link, TransportError};
use std::cell::Cell;
use std::time::Duration;

use application::card::{CardApplication, Protocol, Reply, manufacture};
use application::memory_map::PAGES;

#[allow(
    missing_docs,
    dead_code,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::restriction
)]
mod copy {
    include!(concat!(env!("OUT_DIR"), "/application.rs"));
}
use copy::application;

type Defect = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);
const ALL: &[Defect] = include!("../defects.rs");

thread_local!(static DEFECT: Cell<Option<usize>> = const { Cell::new(None) });

/// Whether this defect is turned on in this thread.
fn is(index: usize) -> bool {
    DEFECT.get() == Some(index)
}

/// The defects: a name, and the section of the specification that it violates.
pub fn defects() -> impl ExactSizeIterator<Item = (&'static str, &'static str)> {
    ALL.iter().map(|(name, section, ..)| (*name, *section))
}

/// A card whose application is the copy.
pub struct DefectiveCard {
    application: CardApplication<Chip<FlashModel>>,
}

impl DefectiveCard {
    /// A blank card with the defect of this number, counted as [`defects`] gives them; with none, a good copy. The defect is that of all
    /// such cards in this thread. `None` where its memory did not take the data of a blank card.
    pub fn new(defect: Option<usize>) -> Option<Self> {
        DEFECT.set(defect);
        let mut chip = chip(FlashModel::new(PAGES, 1), Entropy::System);
        let master = AesKey::new(&TEST_INITIAL_MASTER)?;
        manufacture(&mut chip, CardId([0x0D; 8]), Environment::Test, &master, KeyLength::Aes256).ok()?;
        Some(Self { application: CardApplication::power_up(chip, Protocol::Block) })
    }
}

impl Link for DefectiveCard {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let mut reply = Reply::new();
        self.application.process(command, &mut reply);
        if self.application.platform().memory.is_powered() {
            return Ok(reply.as_slice().to_vec());
        }
        Err(ReaderError::UnresponsiveCard { reader: self.description() }.into())
    }

    fn description(&self) -> String {
        "a copy of the card".into()
    }
}

impl Reader for DefectiveCard {
    fn reset(&mut self) -> Result<(), TransportError> {
        self.application.platform_mut().memory.power_up();
        self.application.reset(Protocol::Block);
        Ok(())
    }

    fn is_t0(&self) -> bool {
        false
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(time(self.application.platform()))
    }

    fn tear(&mut self, write: Option<u64>) -> bool {
        let memory = &mut self.application.platform_mut().memory;
        match write {
            Some(write) => memory.cut_after(write, Cut::Partly { seed: write }),
            None if memory.is_powered() => memory.power_up(),
            None => {}
        }
        true
    }
}
