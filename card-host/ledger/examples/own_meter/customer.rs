//! A customer whose simulated card, of meter 17, has been charged with 50 EGP.

use applet_sim::chip::FlashModel;
use card_host::card_core::id::{Channel, MeterId};
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::Piastres;
use card_host::card_work::CardChoice;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_host::transport::{Card, Simulator};
use card_ledger::Development;

pub(crate) type Customer = (Development, Card<Simulator<FlashModel>>, MeterId);

pub(crate) fn customer() -> Result<Customer, Box<dyn std::error::Error>> {
    let company = Development::new(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?)?;
    let Development { office, who, .. } = &company;
    let (mut card, meter, choice) = (Card::simulated()?, MeterId::from(17), CardChoice::default());
    let issued = office.issue(who, &company.id(), &mut card, meter, 4711, choice, None)?;
    let voucher = company.sell(issued.account.card.id, Piastres(5_000), Channel::Branch)?;
    office.load(who, &mut card, &voucher)?;
    Ok((company, card, meter))
}
