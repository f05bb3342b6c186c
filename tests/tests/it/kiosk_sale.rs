//! A sale at a kiosk, end to end: a card in a reader of a real pcscd, the light client with its journal, the server, the ledger in
//! PostgreSQL, the voucher, the card; pulled out in the middle, repeated, and sold once.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use applet_sim::card::Profile;
use card_channel::client::{Buyer, Client, Journal, Progress};
use card_channel::wire::{self, EvidenceRequest};
use card_host::card;
use card_host::card_core::id::{Channel, MeterId};
use card_host::card_core::message::Voucher;
use card_host::card_core::terminal::load::LoadOutcome;
use card_host::card_core::units::{Balance, Piastres};
use card_host::card_work::{development_scope, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::stage::Stage;
use card_ledger::{Kind, Ledger, Office, OpenOrder, Payee, PostgresLedger, Power};
use card_server::{Options, Stop, serve};
use std::sync::{Arc, mpsc};
use system_tests::pcscd::Pcscd;
use system_tests::postgres::Postgres;
use system_tests::stage::ReaderStage;
use system_tests::world::{self, World};

/// What a server process has: the same ledger and keys, opened anew.
fn server(
    world: &World,
    url: &str,
    keys: SoftwareKeyStore,
) -> (std::net::SocketAddr, Stop, std::thread::JoinHandle<()>) {
    let ledger: Arc<dyn Ledger> = Arc::new(PostgresLedger::connect(url, development_scope(), 8).unwrap());
    let office = Arc::new(Office::new(ledger, Arc::new(keys), world.clock.clone()).unwrap());
    let stop = Stop::default();
    let address = "127.0.0.1:0".parse().unwrap();
    let options = Options { address, signals: false, stop: stop.clone(), ..Options::default() };
    let (ready, listening) = mpsc::channel();
    let thread = std::thread::spawn(move || serve(office, options, |at| ready.send(at).unwrap()).unwrap());
    (listening.recv().unwrap(), stop, thread)
}

#[test]
fn pulled_out_repeated_and_sold_once() {
    let pcscd = Pcscd::start();
    let url = Postgres::shared().create_database("kiosk_sale").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let keys_path = directory.path().join("keys");
    let keys = || SoftwareKeyStore::open(&keys_path).unwrap();
    let length = card_host::card_core::key::KeyLength::Aes256;
    SoftwareKeyStore::generate(length, &mut card_host::random::OsRandom).unwrap().create(&keys_path).unwrap();
    let world =
        World::with_keys(Arc::new(PostgresLedger::connect(&url, development_scope(), 4).unwrap()), keys());

    // A branch issues a card and charges it the first time.
    let mut stage = ReaderStage::new(&pcscd, Profile::T1);
    let blank = stage.new_card().unwrap();
    stage.insert(blank).unwrap();
    let blank_id = card::select(&mut stage.card().unwrap()).unwrap().card.id;
    let meter = MeterId::from(77);
    let order = OpenOrder {
        who: world.boss(),
        id: world.id(),
        meter,
        account: 4711,
        card: card_host::card_core::id::CardRef { id: blank_id, generation: 1 },
        closes_former: false,
    };
    let record = world.office.open(&order).unwrap();
    world.personalise(&mut stage.card().unwrap(), &record);
    let first = world.office.refresh(&world.boss(), &world.id(), Payee::Card(blank_id)).unwrap();
    load(&mut stage.card().unwrap(), &Voucher::parse(&first.voucher).unwrap()).unwrap();

    // The kiosk has a reader, a journal and a token.
    let party = world::kiosk().party;
    let secret =
        world.office.add_token(&world.boss(), &world.id(), &party, "machine 17", Power::Sell).unwrap();
    let (address, stop, thread) = server(&world, &url, keys());
    let client = Client::new(&format!("http://{address}"), &secret).unwrap();
    let folder = directory.path().join("journal");
    let mut journal = Journal::open(&folder, "machine-17").unwrap();
    let buyer = Buyer::in_reader(&mut stage.card().unwrap()).unwrap();
    assert_eq!(buyer.payee, wire::Payee::from(blank_id));
    assert_eq!(buyer.receipt.as_ref().map(|receipt| receipt.card.id), Some(blank_id));
    let progress = journal.reserve(&client, "fawry-1", &buyer, 20_000).unwrap();
    let Progress::Reserved(announced) = progress else { panic!("{progress:?}") };
    let id = announced.id;
    // The customer pays; the kiosk loses its power before it can say so.
    journal.paid(&id, buyer.receipt.as_ref()).unwrap();
    drop(journal);
    let mut journal = Journal::open(&folder, "machine-17").unwrap();
    let Progress::Sold(sale) = journal.go_on(&client, &id).unwrap() else { panic!("not sold") };
    let voucher = sale.voucher().unwrap();
    assert_eq!((voucher.card, voucher.channel), (blank_id, Channel::Kiosk));

    // The card is pulled out in the middle of the load, at one moment after the other, until it holds.
    let mut torn = 0;
    for operation in 0.. {
        // The reader may have let the card sleep meanwhile; powering it up would forget what is planned.
        card::select(&mut stage.card().unwrap()).unwrap();
        stage.tear(operation).unwrap();
        let answer = load(&mut stage.card().unwrap(), &voucher);
        stage.insert(blank).unwrap();
        // Meanwhile the kiosk asks what became of its request: the same sale, and no other.
        let Progress::Sold(again) = journal.go_on(&client, &id).unwrap() else { panic!("not sold") };
        assert_eq!(again, sale);
        match answer {
            Ok(_) => break,
            Err(_) => torn += 1,
        }
        assert!(operation < 100);
    }
    assert!(torn >= 1, "never torn");
    println!("torn {torn} times");
    let answer = load(&mut stage.card().unwrap(), &voucher).unwrap();
    assert_eq!(answer.outcome, LoadOutcome::AlreadyLoaded, "once more changes nothing");
    journal.loaded(&id).unwrap();
    assert!(journal.records().unwrap().is_empty());

    // The receipt goes back, and nothing waits for the card any more.
    let evidence = EvidenceRequest::card_receipt("fawry-1", &answer.receipt);
    client.hand_in(&evidence).unwrap();
    assert_eq!(client.pending(&blank_id.to_string()).unwrap().voucher, None);

    // The meter believes it, once.
    let meter_keys = world.keys.meter_keys(development_scope(), meter).unwrap();
    let mut meter =
        SimulatedMeter::in_memory(meter, development_scope(), meter_keys, &from_the_maker()).unwrap();
    let now = world.office.now().unwrap();
    for _ in 0..2 {
        meter.tap(&mut stage.card().unwrap(), now).unwrap();
        let credit = i64::try_from(sale.credit_piastres).unwrap();
        assert_eq!(meter.state().unwrap().balance, Balance(credit));
    }
    drop(stage);
    stop.stop();
    thread.join().unwrap();
    let certified: Vec<_> = world.entries().into_iter().filter(|entry| entry.kind == Kind::Certify).collect();
    assert_eq!(certified.len(), 1, "sold once");
    assert_eq!(world.binding(record.binding()).held.total_credit, Piastres(sale.credit_piastres));
    assert_eq!(world.balance("cash:fawry-1"), 20_000);
    world.check();
}
