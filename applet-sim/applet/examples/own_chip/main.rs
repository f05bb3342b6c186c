//! The card application on a chip of one's own, hosted as an `apdu_app::App`: a card maker's firmware, with arrays for its memory.
//! `cargo run -q -p card-applet --features apdu-app --example own_chip`
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

mod pages;

use apdu_app::{App, CommandView, Interface};
use card_applet::{CardApplication, PAGES, Protocol, manufacture};
use card_core::id::{CardId, Environment};
use card_core::key::{AesKey, KeyLength};
use card_core::platform::{Delay, PAGE, Parts, Random, RandomError};
use card_core::role::TEST_INITIAL_MASTER;
use card_core::soft::SoftEngine;

/// No source of random numbers: the card opens no session, and answers all that is public. And no timer.
struct Nothing;

impl Random for Nothing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

impl Delay for Nothing {
    fn wait(&mut self, _: u16) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let memory = pages::Pages([[0xFF; PAGE]; PAGES as usize]);
    let mut chip = Parts { engine: SoftEngine, random: Nothing, memory, delay: Nothing };
    // At the factory, once; then at each power-up.
    let master = AesKey::new(&TEST_INITIAL_MASTER).ok_or("no key")?;
    manufacture(&mut chip, CardId([0xC1; 8]), Environment::Test, &master, KeyLength::Aes256)?;
    let mut card = CardApplication::power_up(chip, Protocol::Block);

    // READ BINARY of the identity file, as the runner hands it over.
    let command =
        CommandView::try_from([0x00, 0xB0, 0x81, 0x00, 0x00].as_slice()).map_err(|_| "no command")?;
    let mut reply = heapless::Vec::<u8, 256>::new();
    card.call(Interface::Contact, command, &mut reply).map_err(|_| "refused")?;
    println!("identity: {reply:02X?}");
    Ok(())
}
