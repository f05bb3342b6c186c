//! Personalisation of a simulated card: in one go, torn anywhere, and of cards that must be refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::chip::FlashModel;
use card_core::access_number::AccessNumber;
use card_core::id::*;
use card_core::key::KeyLength;
use card_core::platform::Random;
use card_core::role::{KeyVersion, Role};
use card_core::scp03::Mode;
use card_core::terminal::load::{LoadOutcome, load_voucher};
use card_core::terminal::read;
use card_core::units::{CardTime, Piastres};
use std::sync::Arc;

use card_host::card::{self, CardError};
use card_host::channel::SecureChannel;
use card_host::issuer::{BindingAccount, Clock, Issuer};
use card_host::keystore::{CardKey, KeyStore, KeyStoreError, SoftwareKeyStore};
use card_host::personalise::*;
use card_host::random::OsRandom;
use card_host::transport::{Card, Count, Link, Replay, Trace, TransportError};

const SCOPE: Scope = Scope { company: Company(7), environment: Environment::Test };
const CARD: CardId = CardId([0xC1; 8]);
const METER: MeterId = MeterId([0x3E; 8]);

/// A simulated card that loses its connection after some commands, before or after the card has executed the last.
struct Torn {
    card: SimulatedCard<FlashModel>,
    left: usize,
    executes: bool,
}

impl Torn {
    fn new(length: KeyLength, profile: Profile) -> Self {
        let card = SimulatedCard::blank(CARD, Environment::Test, length, profile).unwrap();
        Self { card, left: usize::MAX, executes: false }
    }

    fn again(&mut self, left: usize, executes: bool) {
        self.card.power_down();
        self.card.power_up();
        (self.left, self.executes) = (left, executes);
    }
}

impl Link for Torn {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, TransportError> {
        let torn = TransportError::Simulator("torn".into());
        if self.left == 0 {
            return Err(torn);
        }
        self.left -= 1;
        if self.left > 0 {
            return Ok(self.card.answer(command).unwrap());
        }
        if self.executes {
            self.card.answer(command).unwrap();
        }
        Err(torn)
    }
    fn description(&self) -> String {
        "torn".into()
    }
}

struct Now;
impl Clock for Now {
    fn now(&self) -> Option<CardTime> {
        Some(CardTime(1000))
    }
}

fn account() -> BindingAccount {
    let account = BindingAccount {
        scope: SCOPE,
        binding: Binding { meter: METER, number: 1 },
        account: 4711,
        card: CardRef { id: CARD, generation: 1 },
        load_key: KeyVersion::from_byte(0x51),
        credit_key: KeyVersion::from_byte(0x71),
        parameter_keys: KeyVersion::from_byte(0x81),
        sequence: 0,
        total_credit: Piastres(0),
        total_debited: Piastres(0),
        opening_time: CardTime(900),
        applied_credit: Piastres::ZERO,
        applied_debited: Piastres::ZERO,
        moved: false,
    };
    account.refresh().unwrap()
}

fn issuer(length: KeyLength) -> Issuer<SoftwareKeyStore> {
    let store = Arc::new(SoftwareKeyStore::generate(length, &mut OsRandom).unwrap());
    Issuer::new(store, Now).with_earliest_time(CardTime(1))
}

fn order<'a>(issuer: &Issuer<SoftwareKeyStore>, access: &'a AccessNumber, mode: Mode) -> Order<'a> {
    let account = account();
    Order {
        scope: SCOPE,
        card: account.card,
        mode,
        flags: 0,
        issue_time: CardTime(1000),
        expiry_time: CardTime::UNSET,
        profile: [0; 96],
        binding: issuer.binding_certificate(&account).unwrap(),
        certificate: issuer.certificate(&account).unwrap(),
        access,
        versions: Versions::current(issuer.keys()).unwrap(),
    }
}

#[test]
fn a_blank_card_becomes_a_customers_card() {
    for (initial, issued, mode, profile) in [
        (KeyLength::Aes256, KeyLength::Aes256, Mode::S8, Profile::T1),
        (KeyLength::Aes128, KeyLength::Aes256, Mode::S16, Profile::T0),
        (KeyLength::Aes256, KeyLength::Aes128, Mode::S16, Profile::Contactless),
    ] {
        let issuer = issuer(issued);
        let access = new_access_number(&mut OsRandom).unwrap();
        let order = order(&issuer, &access, mode);
        let mut transport = Count::new(Card::open(Torn::new(initial, profile)));
        let mut steps = Vec::new();
        let outcome = personalise(
            &mut transport,
            issuer.keys(),
            &order,
            &mut OsRandom,
            Some(&mut |step| steps.push(step)),
        );
        assert_eq!(outcome.unwrap(), Outcome::Done);
        assert_eq!(steps, Step::ALL);
        println!("{profile:?}, {mode:?}: {:?}", transport.usage());

        let again =
            personalise(&mut transport, issuer.keys(), &order, &mut OsRandom, Some(&mut |_| panic!()));
        assert_eq!(again.unwrap(), Outcome::AlreadyDone);

        // Each key set opens a session, and the receipt key signs.
        for version in [0x11, 0x21] {
            let key = CardKey {
                scope: SCOPE,
                version: KeyVersion::from_byte(version),
                card: order.card,
                meter: Some(METER),
                initial_length: None,
            };
            let keys = issuer.keys();
            SecureChannel::open(
                &mut transport,
                KeyVersion::from_byte(version),
                &mut OsRandom,
                |challenge, level| keys.authenticate(&key, challenge, level).map_err(PersonaliseError::from),
            )
            .unwrap();
        }
        let receipt = card::ask(&mut transport, &read::receipt()).unwrap();
        let receipt = issuer.keys().verify_receipt(SCOPE, receipt).unwrap();
        assert_eq!((receipt.card, receipt.binding), (order.card, order.binding.binding));

        // The first voucher activates it.
        let paid = account().credit(Piastres(5000)).unwrap();
        let voucher = issuer.voucher(&paid, Channel::Branch, Reference([1; 8])).unwrap().emit();
        let answer = card::ask(&mut transport, &load_voucher(&voucher)).unwrap();
        assert_eq!(answer.outcome, LoadOutcome::Loaded);
        let receipt = issuer.keys().verify_receipt(SCOPE, answer.receipt).unwrap();
        assert_eq!((receipt.total_credit, receipt.state), (Piastres(5000), State::Active));
        let error = personalise(&mut transport, issuer.keys(), &order, &mut OsRandom, None);
        assert!(matches!(error, Err(PersonaliseError::NotBlank(State::Active))));
    }
}

#[test]
fn a_run_that_was_torn_anywhere_is_completed_by_the_next() {
    let issuer = issuer(KeyLength::Aes256);
    let access = new_access_number(&mut OsRandom).unwrap();
    let order = order(&issuer, &access, Mode::S16);
    let mut torn = 0;
    for executes in [false, true] {
        for left in 1.. {
            let mut card = Torn::new(KeyLength::Aes256, Profile::T1);
            card.again(left, executes);
            let first = personalise(&mut Card::open(&mut card), issuer.keys(), &order, &mut OsRandom, None);
            if first.is_ok() {
                break;
            }
            torn += 1;
            // Torn a second time two commands further on, then left alone.
            card.again(left + 2, executes);
            let _ = personalise(&mut Card::open(&mut card), issuer.keys(), &order, &mut OsRandom, None);
            card.again(usize::MAX, false);
            let outcome = personalise(&mut Card::open(&mut card), issuer.keys(), &order, &mut OsRandom, None);
            outcome.unwrap_or_else(|error| panic!("after {left}, {executes}: {error}"));
            let summary = card::select(&mut Card::open(&mut card)).unwrap();
            assert_eq!((summary.state, summary.card), (Some(State::Personalised), order.card));
        }
    }
    println!("torn at {torn} places");
    assert!(torn > 20, "{torn}");
}

#[test]
fn other_cards_and_orders_are_refused() {
    let issuer = issuer(KeyLength::Aes256);
    let access = new_access_number(&mut OsRandom).unwrap();
    let order = order(&issuer, &access, Mode::S8);
    let mut card = Torn::new(KeyLength::Aes256, Profile::T1);
    let mut run = |order: &Order<'_>, issuer: &Issuer<SoftwareKeyStore>| {
        personalise(&mut Card::open(&mut card), issuer.keys(), order, &mut OsRandom, None).unwrap_err()
    };
    let other = Order { card: CardRef { id: CardId([1; 8]), generation: 1 }, ..order };
    assert!(matches!(run(&other, &issuer), PersonaliseError::OtherCard { .. }));
    let scope = Scope { environment: Environment::Production, ..SCOPE };
    let other = Order { scope, ..order };
    assert!(matches!(run(&other, &issuer), PersonaliseError::OtherEnvironment { .. }));
    let other = Order { card: CardRef { id: CARD, generation: 2 }, ..order };
    assert!(matches!(run(&other, &issuer), PersonaliseError::Order("certificate's generation")));
    let other = Order { versions: Versions { load: KeyVersion::from_byte(0x50), ..order.versions }, ..order };
    assert!(matches!(run(&other, &issuer), PersonaliseError::Order("key versions")));
    let other = Order { versions: Versions { load: KeyVersion::from_byte(0x52), ..order.versions }, ..order };
    let error = run(&other, &issuer);
    assert!(matches!(error, PersonaliseError::Keys(KeyStoreError::NoMaster { .. })), "{error}");
}

#[test]
fn a_card_of_another_maker_is_not_authentic() {
    let issuer = issuer(KeyLength::Aes256);
    let access = new_access_number(&mut OsRandom).unwrap();
    let order = order(&issuer, &access, Mode::S8);
    let mut chip =
        applet_sim::chip::chip(FlashModel::new(card_applet::PAGES, 1), applet_sim::chip::Entropy::System);
    let master = card_core::key::AesKey::new(&[9; 32]).unwrap();
    card_applet::manufacture(&mut chip, CARD, Environment::Test, &master, KeyLength::Aes256).unwrap();
    let card = SimulatedCard::new(chip, Profile::T1);
    let mut card = Torn { card, left: usize::MAX, executes: false };
    let error =
        personalise(&mut Card::open(&mut card), issuer.keys(), &order, &mut OsRandom, None).unwrap_err();
    assert!(matches!(error, PersonaliseError::Keys(KeyStoreError::Handshake(_))), "{error}");
    assert!(error.to_string().contains("check that the keys"), "{error}");
}

/// The same "random" numbers each time.
struct Fixed;
impl Random for Fixed {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), card_core::platform::RandomError> {
        out.fill(5);
        Ok(())
    }
}

#[test]
fn a_recorded_run_replays_and_holds_no_key() {
    let issuer = issuer(KeyLength::Aes256);
    let access = new_access_number(&mut OsRandom).unwrap();
    let order = order(&issuer, &access, Mode::S8);
    let mut traced = Trace::new(Card::open(Torn::new(KeyLength::Aes256, Profile::T1)));
    personalise(&mut traced, issuer.keys(), &order, &mut Fixed, None).unwrap();
    let text = traced.recording().to_string();
    for role in [Role::Admin, Role::Vending, Role::Meter] {
        let version = issuer.keys().current(role).unwrap();
        let key =
            CardKey { scope: SCOPE, version, card: order.card, meter: Some(METER), initial_length: None };
        let set = issuer.keys().card_key_set(&key).unwrap();
        for key in [set.enc(), set.mac(), set.dek()] {
            assert!(!text.contains(&hex::encode_upper(key.expose())));
        }
    }
    assert!(text.contains("# PUT KEY"), "{text}");
    let recording = card_host::transport::Recording::parse(&text).unwrap();
    let mut replay = Replay::new(&recording);
    personalise(&mut Card::open(&mut replay), issuer.keys(), &order, &mut Fixed, None).unwrap();
    replay.finish().unwrap();
    let mut replay = Replay::new(&recording);
    let error =
        personalise(&mut Card::open(&mut replay), issuer.keys(), &order, &mut OsRandom, None).unwrap_err();
    let mismatch = matches!(error, PersonaliseError::Card(CardError::Transport(TransportError::Replay(_))));
    assert!(mismatch, "{error}");
}
