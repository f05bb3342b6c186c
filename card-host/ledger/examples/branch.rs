//! A branch desk over the ledger, here in memory: it issues a card, sells to it, and loads what it has sold.
//! `cargo run -q -p card-ledger --example branch`
#![allow(clippy::print_stdout, reason = "an example shows what comes of it")]

use card_host::card_core::id::MeterId;
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::Piastres;
use card_host::card_work::{CardChoice, development_scope, in_words};
use card_host::issuer::SystemClock;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_host::transport::Card;
use card_ledger::{COMPANY, OFFICE, Office, Payee, Policy, Powers, RequestId, SaleOrder, SqliteLedger, Who};
use std::sync::Arc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The books: `SqliteLedger::open` or `PostgresLedger::connect` where they are to stay.
    let ledger = Arc::new(SqliteLedger::in_memory(development_scope())?);
    // The keys: a hardware security module behind the trait `KeyStore` where cards are real.
    let keys = Arc::new(SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom)?);
    let office = Office::found(ledger, keys, SystemClock, "Amina", &Policy::for_development())?;
    let who =
        Who { party: COMPANY.parse()?, point: OFFICE.parse()?, actor: "Amina".to_owned(), may: Powers::ALL };

    // Each piece of work has an id, which the desk keeps: whatever is torn is done again under it, and happens once.
    let mut card = Card::simulated()?;
    let (id, meter, account): (RequestId, _, _) = ("desk-1".parse()?, MeterId::from(17), 4711);
    let mut show = |step| println!("  {step}");
    let issued =
        office.issue(&who, &id, &mut card, meter, account, CardChoice::default(), Some(&mut show))?;
    println!("issued: card {}", issued.account.card.id);

    // It is in the books before the card gets it, and asked again it is the same sale.
    let payee = Payee::Card(issued.account.card.id);
    let order =
        SaleOrder { who: who.clone(), id: "desk-2".parse()?, payee, amount: Piastres::from_egp("50")? };
    let sale = office.sell(&order)?;
    assert_eq!(office.sell(&order)?, sale);
    println!("sold: {} EGP, receipt {}/{}", sale.amount, sale.entry.point, sale.entry.number);

    let loaded = office.load(&who, &mut card, &sale.voucher()?)?;
    println!("card: {}", in_words(loaded.outcome));
    println!("on the card: {} EGP", loaded.receipt.total_credit);
    Ok(())
}
