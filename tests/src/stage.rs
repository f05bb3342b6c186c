//! A stage for the tour over PC/SC: cards in software, one of which is in the virtual reader of a real pcscd. Over T=0 the reader
//! is a strict one.

// A fixture fails the test that uses it, and with a reason.
#![allow(clippy::panic, clippy::expect_used, reason = "a fixture fails the test that uses it, with a reason")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use applet_sim::card::{Cost, Profile, SimulatedCard};
use applet_sim::chip::FlashModel;
use applet_sim::vpcd::{Ended, VirtualCard, VirtualSlot};
use card_host::pcsc;
use card_host::stage::{Stage, StageError, tear};
use card_host::transport::Transport;

use crate::pcscd::Pcscd;

/// A card that the stage keeps while a reader's thread uses it.
#[derive(Clone)]
struct Held {
    card: Arc<Mutex<SimulatedCard<FlashModel>>>,
    atr: Vec<u8>,
}

impl Held {
    fn lock(&self) -> MutexGuard<'_, SimulatedCard<FlashModel>> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VirtualCard for Held {
    fn atr(&self) -> &[u8] {
        &self.atr
    }
    fn power_on(&mut self) {
        self.lock().power_on();
    }
    fn power_off(&mut self) {
        self.lock().power_off();
    }
    fn reset(&mut self) {
        self.lock().reset();
    }
    fn transmit(&mut self, apdu: &[u8]) -> Option<Vec<u8>> {
        let mut card = self.lock();
        if card.profile() == Profile::T0 && !is_tpdu(apdu) {
            return Some(vec![0x67, 0x00]);
        }
        card.transmit(apdu)
    }
}

/// What a strict reader takes over T=0 (ISO/IEC 7816-3, 12.2): five bytes, or five and the data that the fifth counts.
fn is_tpdu(apdu: &[u8]) -> bool {
    match apdu {
        [_, _, _, _, _] => true,
        [_, _, _, _, length, data @ ..] => data.len() == usize::from(*length),
        _ => false,
    }
}

/// The thread that has a card in the reader. Dropping it takes the card out.
struct Inserted {
    card: usize,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Ended>>,
}

impl Inserted {
    fn new(address: SocketAddr, card: usize, mut held: Held) -> Self {
        let mut slot = VirtualSlot::connect(address).expect("the virtual reader takes a card");
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        // The slot ends with the thread: a card that lost its power drops out of the reader.
        let thread = thread::spawn(move || slot.serve(&mut held, &flag).expect("the reader serves the card"));
        Self { card, stop, thread: Some(thread) }
    }

    fn take_out(mut self) -> Ended {
        self.stop.store(true, Ordering::Release);
        let thread = self.thread.take().expect("the card is taken out once");
        thread.join().unwrap_or_else(|_| panic!("the thread of card {} panicked", self.card))
    }
}

impl Drop for Inserted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Cards in software and a virtual reader.
pub struct ReaderStage<'a> {
    pcscd: &'a Pcscd,
    profile: Profile,
    cards: Vec<Held>,
    inserted: Option<Inserted>,
    torn: usize,
    connections: usize,
}

impl<'a> ReaderStage<'a> {
    /// No cards yet.
    #[must_use]
    pub const fn new(pcscd: &'a Pcscd, profile: Profile) -> Self {
        Self { pcscd, profile, cards: Vec::new(), inserted: None, torn: 0, connections: 0 }
    }

    /// How many cards left the reader because they had lost their power in the middle of a command.
    #[must_use]
    pub const fn torn(&self) -> usize {
        self.torn
    }

    /// How many connections were opened to cards over PC/SC.
    #[must_use]
    pub const fn connections(&self) -> usize {
        self.connections
    }
}

impl Stage for ReaderStage<'_> {
    fn new_card(&mut self) -> Result<usize, StageError> {
        let card = SimulatedCard::fresh(self.profile)?;
        let atr = card.atr().to_vec();
        self.cards.push(Held { card: Arc::new(Mutex::new(card)), atr });
        Ok(self.cards.len() - 1)
    }

    fn insert(&mut self, card: usize) -> Result<(), StageError> {
        let held = self.cards.get(card).ok_or(StageError::NoCard)?.clone();
        if let Some(before) = self.inserted.take() {
            self.torn += usize::from(before.take_out() == Ended::PowerLost);
            self.pcscd.wait_for_card(false);
        }
        held.lock().power_up();
        self.inserted = Some(Inserted::new(self.pcscd.vpcd_address(), card, held));
        self.pcscd.wait_for_card(true);
        Ok(())
    }

    fn tear(&mut self, operations: u64) -> Result<(), StageError> {
        let inserted = self.inserted.as_ref().ok_or(StageError::NoCard)?;
        tear(&mut self.cards.get(inserted.card).ok_or(StageError::NoCard)?.lock(), operations);
        Ok(())
    }

    fn card(&mut self) -> Result<Box<dyn Transport + '_>, StageError> {
        self.connections += 1;
        Ok(Box::new(pcsc::open(&self.pcscd.reader_name())?))
    }

    fn cost(&mut self) -> Cost {
        self.cards.iter().fold(Cost::default(), |sum, held| sum + held.lock().cost())
    }
}
