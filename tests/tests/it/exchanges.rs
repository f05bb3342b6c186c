//! How many exchanges it takes to read a card, and to bring it a year.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use applet_sim::card::Profile;
use card_core::id::{Channel, MeterId};
use card_core::key::KeyLength;
use card_core::role::Role;
use card_core::scp03::Mode;
use card_core::units::Piastres;
use card_host::card_work::{CardChoice, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::stage::{Stage, Table};
use card_ledger::Development;
use system_tests::year;

/// A desk reads a full card: three exchanges to the session, two files, and records in as many as they fit. A card of S16 first
/// refuses the other mode.
#[test]
fn a_full_card_is_read_in_few_exchanges_and_a_year_brought_in_few() {
    for (mode, most) in [(Mode::S8, 24), (Mode::S16, 25)] {
        let mut stage = Table::new(Profile::Contactless);
        let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
        let company = Development::new(keys).unwrap();
        let Development { office, who, .. } = &company;
        let id = MeterId::from(1);
        let card = stage.new_card().unwrap();
        stage.insert(card).unwrap();
        let choice = CardChoice { mode, ..CardChoice::default() };
        let issued =
            office.issue(who, &company.id(), &mut stage.card().unwrap(), id, 1, choice, None).unwrap();
        for _ in 0..40 {
            let voucher = company.sell(issued.account.card.id, Piastres(50_000), Channel::Branch).unwrap();
            load(&mut stage.card().unwrap(), &voucher).unwrap();
        }
        let keys = company.keys.meter_keys(office.scope(), id).unwrap();
        let mut meter = SimulatedMeter::in_memory(id, office.scope(), keys, &from_the_maker()).unwrap();
        meter.tap(&mut stage.card().unwrap(), office.now().unwrap()).unwrap();
        meter.tap(&mut stage.card().unwrap(), office.now().unwrap()).unwrap();
        for _ in 0..3 {
            year::pass(&mut meter);
            let (before, reading) = (stage.cost(), year::reading(&meter));
            let tap = meter.tap(&mut stage.card().unwrap(), reading).unwrap();
            assert!(tap.settled);
            assert_eq!(stage.cost().since(&before).exchanges, 11, "{mode:?}: a year's backlog");
        }
        let before = stage.cost();
        let mut transport = stage.card().unwrap();
        let mut session =
            operate::session(&mut transport, office.keys(), Role::Vending, &mut OsRandom).unwrap();
        let read = operate::read_private(&mut session).unwrap();
        drop(transport);
        // Of the last 64 events those that the meter still had when the card came: in a year it keeps the last 32 about money.
        assert_eq!((read.loads.len(), read.months.len(), read.events.len()), (32, 36, 60));
        assert_eq!(stage.cost().since(&before).exchanges, most, "{mode:?}: a full card");
        assert!(read.loads.is_sorted_by(|newer, older| newer.number == older.number + 1));
        assert_eq!(read.months, meter.months().unwrap().into_iter().rev().collect::<Vec<_>>());
        // Whatever the meter keeps of each class, it has brought all of it that is not older than what the card keeps.
        let oldest = read.events.last().unwrap().number;
        let kept = meter.events().unwrap().into_iter().filter(|event| event.number >= oldest);
        assert!(kept.into_iter().all(|event| read.events.contains(&event)));
    }
}
