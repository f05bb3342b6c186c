//! The company that the kiosk sells for, beside it for this example: its ledger in memory, its server, and a customer's card.

use applet_sim::chip::FlashModel;
use card_host::card_core::id::{Channel, MeterId};
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::Piastres;
use card_host::card_work::CardChoice;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_host::transport::{Card, Simulator};
use card_ledger::{Development, Power};
use card_server::{Options, serve};
use std::sync::{Arc, mpsc};
use std::thread;

use super::Failure;

/// What it gives to the kiosk.
pub(crate) struct Company {
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) card: Card<Simulator<FlashModel>>,
    pub(crate) stop: Box<dyn FnOnce() -> Result<(), Failure>>,
}

pub(crate) fn begin() -> Result<Company, Failure> {
    let company = Development::new(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?)?;
    let Development { office, who, .. } = &company;

    // A branch issues the card, and its first charge activates it.
    let mut card = Card::simulated()?;
    let (id, meter, choice) = (company.id(), MeterId::from(17), CardChoice::default());
    let issued = office.issue(who, &id, &mut card, meter, 4711, choice, None)?;
    let first = company.sell(issued.account.card.id, Piastres(1_000), Channel::Branch)?;
    office.load(who, &mut card, &first)?;

    // Party and vending point `kiosk` are there; the token is for one machine of theirs.
    let party = "kiosk".parse()?;
    let token = office.add_token(who, &company.id(), &party, "machine-17", Power::Sell)?.to_string();

    let mut options = Options::default();
    options.address.set_port(0);
    let (stop, (said, listening)) = (options.stop.clone(), mpsc::channel());
    let office = Arc::new(company.office);
    let server = thread::spawn(move || serve(office, options, |at| said.send(at).unwrap_or_default()));
    let address = format!("http://{}", listening.recv()?);
    let stop = Box::new(move || {
        stop.stop();
        server.join().map_err(|_| "the server has panicked")??;
        Ok(())
    });
    Ok(Company { address, token, card, stop })
}
