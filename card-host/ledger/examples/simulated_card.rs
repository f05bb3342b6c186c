//! A test against the simulated card, as you would write it: issue, load, tap, assert. No reader, no service, no files.
//! `cargo run -q -p card-ledger --example simulated_card`, and with `#[test]` it is a test of yours.
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

use card_host::card_core::id::{Channel, MeterId, State};
use card_host::card_core::key::KeyLength;
use card_host::card_core::terminal::load::LoadOutcome;
use card_host::card_core::units::{Balance, Piastres};
use card_host::card_work::CardChoice;
use card_host::keystore::SoftwareKeyStore;
use card_host::operate::read_public;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::transport::Card;
use card_ledger::Development;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A company with new keys and books in memory, a blank card in a reader, and a meter from its maker.
    let company = Development::new(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?)?;
    let Development { office, who, keys, .. } = &company;
    let mut card = Card::simulated()?;
    let (scope, number) = (office.scope(), MeterId::from(17));
    let mut meter =
        SimulatedMeter::in_memory(number, scope, keys.meter_keys(scope, number)?, &from_the_maker())?;

    let choice = CardChoice::default();
    let issued = office.issue(who, &company.id(), &mut card, number, 4711, choice, None)?;
    assert_eq!(read_public(&mut card)?.status.state, Some(State::Personalised));

    let voucher = company.sell(issued.account.card.id, Piastres(5_000), Channel::Branch)?;
    assert_eq!(office.load(who, &mut card, &voucher)?.outcome, LoadOutcome::Loaded);
    assert_eq!(office.load(who, &mut card, &voucher)?.outcome, LoadOutcome::AlreadyLoaded);

    for visit in ["the first", "and once more"] {
        let tap = meter.tap(&mut card, office.now()?)?;
        assert!(tap.settled);
        assert_eq!(meter.state()?.balance, Balance(5_000), "credit is applied once");
        println!("{visit}: {:?}", tap.verdict);
    }

    // What a command costs is counted, and power can be cut in the middle of one: see `applet_sim`.
    let cost = card.link().card().cost();
    println!("{} exchanges, {} bytes, {} us", cost.exchanges, cost.bytes, cost.time());
    Ok(())
}
