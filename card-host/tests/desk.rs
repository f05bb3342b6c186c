//! The development desk: what it refuses to sell, and what it remembers.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use applet_sim::card::Profile;
use card_core::id::{CardId, Channel, MeterId};
use card_core::key::KeyLength;
use card_core::scp03::Mode;
use card_core::terminal::load::{LoadOutcome, Misfit, can_load};
use card_core::units::Piastres;
use card_host::desk::{CardChoice, Desk, DeskError, Issued, development_scope, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::tour::{Stage, Table};

const CHOICE: CardChoice = CardChoice { mode: Mode::S8, private_balance: false, closes_former: false };

fn keys() -> SoftwareKeyStore {
    SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap()
}

struct Bench {
    desk: Desk,
    stage: Table,
}

impl Bench {
    fn new() -> Self {
        Self { desk: Desk::new(keys(), development_scope()), stage: Table::new(Profile::T1) }
    }

    fn issue(&mut self, meter: u64, account: u64, choice: CardChoice) -> Result<(usize, Issued), DeskError> {
        let card = self.stage.new_card().unwrap();
        self.stage.insert(card).unwrap();
        let mut transport = self.stage.card().unwrap();
        let issued = self.desk.issue(&mut transport, MeterId::from(meter), account, choice, &mut |_| {})?;
        Ok((card, issued))
    }

    fn sell(&mut self, card: CardId) -> Result<LoadOutcome, DeskError> {
        let voucher = self.desk.sell(card, Piastres(100), Channel::Branch)?;
        Ok(load(&mut self.stage.card().unwrap(), &voucher)?.outcome)
    }
}

#[test]
fn a_meter_serves_one_customer_until_that_contract_is_closed() {
    let mut bench = Bench::new();
    let (_, first) = bench.issue(1, 7, CHOICE).unwrap();
    let card = first.account.card.id;
    assert_eq!(bench.sell(card).unwrap(), LoadOutcome::Loaded);
    let refused = bench.issue(1, 8, CHOICE);
    assert!(matches!(refused, Err(DeskError::MeterInUse { account: 7, .. })), "{refused:?}");
    // Nothing has changed: the customer can still be sold to.
    assert_eq!(bench.desk.accounts().len(), 1);
    bench.desk.sell(card, Piastres(1), Channel::Kiosk).unwrap();
    let (_, second) = bench.issue(1, 8, CardChoice { closes_former: true, ..CHOICE }).unwrap();
    assert_eq!(second.account.binding.number, 2);
    // From now on the first customer's card takes no money.
    let refused = bench.desk.sell(card, Piastres(1), Channel::Kiosk);
    assert!(matches!(refused, Err(DeskError::Superseded(id)) if id == card), "{refused:?}");
    // And comes back as a new customer, with a new binding, not with the closed one.
    let third = bench.issue(1, 7, CardChoice { closes_former: true, ..CHOICE }).unwrap().1;
    assert_eq!((third.account.binding.number, third.account.card.generation, third.replaces), (3, 1, None));
}

#[test]
fn a_replaced_card_is_known_as_such() {
    let mut bench = Bench::new();
    let old = bench.issue(1, 7, CHOICE).unwrap().1.account.card.id;
    let issued = bench.issue(1, 7, CHOICE).unwrap().1;
    let new = issued.account.card.id;
    assert_eq!(issued.replaces.unwrap().id, old);
    let refused = bench.desk.sell(old, Piastres(1), Channel::Branch);
    assert!(matches!(refused, Err(DeskError::Replaced(a, b)) if (a, b) == (old, new)), "{refused:?}");
    assert_eq!(bench.desk.meter_of(old).unwrap(), MeterId::from(1));
    assert!(matches!(bench.desk.meter_of(CardId::from(99)), Err(DeskError::UnknownCard(_))));
}

#[test]
fn a_sale_can_be_refused_before_it_is_made() {
    let mut bench = Bench::new();
    bench.issue(1, 7, CHOICE).unwrap();
    let summary = |bench: &mut Bench| operate::read_public(&mut bench.stage.card().unwrap()).unwrap().summary;
    let fresh = summary(&mut bench);
    assert_eq!(can_load(Channel::Kiosk, &fresh), Err(Misfit::NotActivated));
    assert_eq!(can_load(Channel::Branch, &fresh), Ok(()));
    bench.sell(fresh.card.id).unwrap();
    assert_eq!(can_load(Channel::Kiosk, &summary(&mut bench)), Ok(()));
}

#[test]
fn the_file_keeps_bindings_and_replaced_cards() {
    let directory = tempfile::tempdir().unwrap();
    let (key_path, path) = (directory.path().join("keys"), directory.path().join("bindings"));
    keys().create(&key_path).unwrap();
    let open = || Desk::open(SoftwareKeyStore::open(&key_path).unwrap(), development_scope(), &path);
    let mut bench = Bench { desk: open().unwrap(), stage: Table::new(Profile::T1) };
    let old = bench.issue(1, 7, CHOICE).unwrap().1.account.card.id;
    let new = bench.issue(1, 7, CHOICE).unwrap().1.account;
    bench.sell(new.card.id).unwrap();
    let held = bench.desk.accounts().to_vec();
    drop(bench);
    let mut again = open().unwrap();
    assert_eq!(again.accounts(), held);
    assert!(matches!(again.sell(old, Piastres(1), Channel::Branch), Err(DeskError::Replaced(..))));
    std::fs::write(&path, "{}").unwrap();
    let Err(error) = open() else { panic!("a broken file was read") };
    assert!(error.to_string().contains("is not a list of bindings"), "{error}");
}
