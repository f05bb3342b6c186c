//! A household in Cairo: its meter, its cards, and the company that issues and sells, in a world whose time the test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use applet_sim::card::{Cost, Profile, SimulatedCard};
use applet_sim::chip::{Entropy, FlashModel, chip};
use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Channel, Environment, MeterId, Reference};
use card_core::key::KeyLength;
use card_core::layout::PROFILE_SIZE;
use card_core::message::{Envelope, Slot, Voucher};
use card_core::meter::{MailRefusal, MeterState, Reading};
use card_core::parameters::{Action, Command};
use card_core::role::Role;
use card_core::scp03::Mode;
use card_core::terminal::load::{LoadOutcome, MailAnswer, put_mail};
use card_core::text::{Language, Situation};
use card_core::units::{CardTime, Energy, Piastres};
use card_host::TransportError;
use card_host::card::{self, CardError};
use card_host::card_work::{CardWorkError, development_scope, load};
use card_host::issuer::{BindingAccount, Clock, Issuer};
use card_host::keystore::{KeyStore, SoftwareKeyStore};
use card_host::operate;
use card_host::personalise::{Order, Versions, personalise};
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, SimulatedMeterError, from_the_maker};
use card_host::tap::{Tap, TapCause};
use card_host::transport::{Card, Simulator, Transport};

pub type Meter = SimulatedMeter<FlashModel>;

pub const METER: u64 = 4711;
const ACCOUNT: u64 = 1001;

pub const MINUTE: u32 = 60;
pub const HOUR: u32 = 60 * MINUTE;
pub const DAY: u32 = 24 * HOUR;

/// UTC.
pub const fn utc(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> CardTime {
    // Days since 2020-03-01; the year begins in March, so that the leap day is its last.
    let (year, month) = if month > 2 { (year - 2020, month - 3) } else { (year - 2021, month + 9) };
    let days =
        365 * year + year.div_euclid(4) - (year + 20).div_euclid(100) + (153 * month + 2) / 5 + day - 1;
    CardTime((((days + 60) * 24 + hour) * 3600 + minute * 60) as u32)
}

/// Cairo's time in winter.
pub const fn winter(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> CardTime {
    CardTime(utc(year, month, day, hour, minute).0 - 2 * HOUR)
}

/// Cairo's time in summer.
pub const fn summer(year: i64, month: i64, day: i64, hour: i64, minute: i64) -> CardTime {
    CardTime(utc(year, month, day, hour, minute).0 - 3 * HOUR)
}

/// Monday, 2 March 2026, noon: no friendly time.
pub const MONDAY: CardTime = winter(2026, 3, 2, 12, 0);

pub const fn egp(amount: u64) -> Piastres {
    Piastres(amount * 100)
}

pub const fn kwh(amount: u32) -> Energy {
    Energy(amount * 100)
}

/// The time of the world: that of the company, and of meters whose clocks are right.
#[derive(Clone, Debug, Default)]
pub struct World(Arc<AtomicU32>);

impl Clock for World {
    fn now(&self) -> Option<CardTime> {
        Some(CardTime(self.0.load(Ordering::Relaxed)))
    }
}

/// The code of what the customer is told. It has something to say in both languages, and something to do.
pub fn told(situation: Situation) -> &'static str {
    let [english, arabic] = Language::ALL.map(|language| situation.text(language));
    assert_eq!(english.code, arabic.code);
    assert!(english.what != arabic.what && english.to_do != arabic.to_do);
    assert!(!english.to_do.is_empty() && arabic.to_do.starts_with("يرجى"));
    english.code
}

pub struct Household {
    world: World,
    pub issuer: Issuer<SoftwareKeyStore>,
    /// The company's books.
    pub account: BindingAccount,
    pub cards: Vec<Simulator<FlashModel>>,
    /// The card in the customer's hand.
    pub card: usize,
    pub meter: Meter,
    /// By how many seconds the meter's own clock is wrong.
    pub clock_error: i64,
    profile: Profile,
    sales: u64,
    pub mails: u32,
    pub commands: u32,
}

impl Household {
    /// A meter from its maker, and the customer's first card, as it is handed out: not charged yet.
    pub fn new(now: CardTime) -> Self {
        Self::with(now, Profile::T1, |_| {})
    }

    /// A customer who has paid so much, and taken it to the meter.
    pub fn with_credit(now: CardTime, credit: Piastres) -> Self {
        let mut home = Self::new(now);
        home.charge(credit);
        assert_eq!(home.tap(), "T01");
        home
    }

    pub fn with(now: CardTime, profile: Profile, change: impl FnOnce(&mut MeterState)) -> Self {
        let world = World::default();
        world.0.store(now.0, Ordering::Relaxed);
        let keys = SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap();
        let issuer = Issuer::new(Arc::new(keys), world.clone()).with_earliest_time(CardTime(1));
        let account = BindingAccount {
            scope: development_scope(),
            binding: Binding { meter: MeterId::from(METER), number: 1 },
            account: ACCOUNT,
            card: CardRef { id: CardId::from(1), generation: 1 },
            load_key: issuer.keys().current(Role::Load).unwrap(),
            credit_key: issuer.keys().current(Role::Credit).unwrap(),
            parameter_keys: issuer.keys().current(Role::Parameter).unwrap(),
            sequence: 0,
            total_credit: Piastres::ZERO,
            total_debited: Piastres::ZERO,
            opening_time: now,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            moved: false,
        };
        let mut fresh = from_the_maker();
        change(&mut fresh);
        let meter = install(&issuer, METER, &fresh);
        let mut home = Self {
            world,
            issuer,
            account: account.refresh().unwrap(),
            cards: vec![],
            card: 0,
            meter,
            clock_error: 0,
            profile,
            sales: 0,
            mails: 0,
            commands: 0,
        };
        home.meter.tick(home.reading()).unwrap();
        home.issue(home.account, CardTime::UNSET);
        home
    }

    /// Another meter of the same company.
    pub fn another_meter(&mut self, id: u64) -> Meter {
        install(&self.issuer, id, &from_the_maker())
    }

    // ---- the branch

    /// Issues a blank card for an account, and puts it into the customer's hand.
    pub fn issue(&mut self, account: BindingAccount, expiry_time: CardTime) -> usize {
        let blank = SimulatedCard::blank(account.card.id, Environment::Test, KeyLength::Aes128, self.profile)
            .unwrap();
        let mut card = Simulator::new(blank);
        let order = Order {
            scope: account.scope,
            card: account.card,
            mode: Mode::S8,
            flags: 0,
            issue_time: self.now(),
            expiry_time,
            profile: [0; PROFILE_SIZE],
            binding: self.issuer.binding_certificate(&account).unwrap(),
            certificate: self.issuer.certificate(&account).unwrap(),
            access: &AccessNumber::new([7; 10]),
            versions: Versions::current(self.issuer.keys()).unwrap(),
        };
        personalise(&mut Card::open(&mut card), self.issuer.keys(), &order, &mut OsRandom, None).unwrap();
        self.cards.push(card);
        self.card = self.cards.len() - 1;
        self.card
    }

    /// The customer's card is replaced; the new one has what was paid, and is not activated yet.
    pub fn replace_card(&mut self) -> usize {
        let id = CardId::from(self.cards.len() as u64 + 1);
        self.account = self.account.replace_card(id).unwrap();
        self.issue(self.account, CardTime::UNSET)
    }

    /// The customer gets another contract for the same meter, and another card.
    pub fn new_contract(&mut self) {
        let card = CardRef { id: CardId::from(self.cards.len() as u64 + 1), generation: 1 };
        let Binding { meter, number } = self.account.binding;
        let opened = self.account.open_binding(meter, number + 1, self.now()).unwrap();
        self.account = BindingAccount { card, ..opened }.refresh().unwrap();
        self.issue(self.account, CardTime::UNSET);
    }

    /// A technician's card for this meter, activated; the customer's stays in the customer's hand.
    pub fn technician(&mut self) -> usize {
        let customers = self.card;
        let id = CardId::from(self.cards.len() as u64 + 1);
        self.account = self.account.refresh().unwrap();
        let own = BindingAccount { card: CardRef { id, ..self.account.card }, ..self.account };
        let card = self.issue(own, CardTime::UNSET);
        self.account = self.account.refresh().unwrap();
        let newest = BindingAccount { card: own.card, ..self.account };
        let voucher = self.voucher(&newest, Channel::Branch);
        assert_eq!(self.load(&voucher), Ok(LoadOutcome::Refreshed));
        self.card = customers;
        card
    }

    /// The customer's card is activated without a sale.
    pub fn activate(&mut self) {
        self.account = self.account.refresh().unwrap();
        let voucher = self.voucher(&self.account.clone(), Channel::Branch);
        assert_eq!(self.load(&voucher), Ok(LoadOutcome::Refreshed));
    }

    // ---- selling and loading

    fn voucher(&mut self, account: &BindingAccount, channel: Channel) -> Voucher {
        self.sales += 1;
        self.issuer.voucher(account, channel, Reference::from(self.sales)).unwrap()
    }

    pub fn buy(&mut self, amount: Piastres, channel: Channel) -> Voucher {
        self.account = self.account.credit(amount).unwrap();
        self.voucher(&self.account.clone(), channel)
    }

    /// Takes back a part of what was sold.
    pub fn reverse(&mut self, amount: Piastres) -> Voucher {
        self.account = self.account.debit(amount).unwrap();
        self.voucher(&self.account.clone(), Channel::Branch)
    }

    /// Loads a voucher onto the card in hand; or the code of what the customer is told.
    pub fn load(&mut self, voucher: &Voucher) -> Result<LoadOutcome, &'static str> {
        match load(&mut self.transport(), voucher) {
            Ok(answer) => Ok(answer.outcome),
            Err(CardWorkError::Misfit(misfit)) => Err(told((&misfit).into())),
            Err(CardWorkError::Card(CardError::Refused { status, .. })) => Err(told(status.into())),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn charge(&mut self, amount: Piastres) {
        let voucher = self.buy(amount, Channel::Branch);
        assert_eq!(self.load(&voucher), Ok(LoadOutcome::Loaded));
    }

    // ---- the card

    pub fn transport(&mut self) -> impl Transport + '_ {
        Card::open(&mut self.cards[self.card])
    }

    /// Another card with the same memory and the same keys: what whoever breaks a chip can make.
    pub fn clone_card(&mut self) -> usize {
        let memory = self.cards[self.card].card().chip().unwrap().memory.clone();
        let copy = SimulatedCard::new(chip(memory, Entropy::System), self.profile);
        self.cards.push(Simulator::new(copy));
        self.cards.len() - 1
    }

    pub fn cost(&self) -> Cost {
        self.cards[self.card].card().cost()
    }

    /// What the card says that the meter has not applied yet.
    pub fn pending(&mut self) -> Piastres {
        let public = operate::read_public(&mut self.transport()).unwrap();
        public.status.balances.unwrap().pending_credit
    }

    // ---- at the meter

    /// The card in hand visits the meter: the code of what the customer is told.
    pub fn tap(&mut self) -> &'static str {
        self.tap_card(self.card)
    }

    pub fn tap_card(&mut self, card: usize) -> &'static str {
        let reading = self.reading();
        at_the_meter(&self.meter.tap(&mut Card::open(&mut self.cards[card]), reading))
    }

    /// A visit in which mail comes: what the meter did with each, by its code.
    pub fn deliver(&mut self, card: usize) -> Vec<&'static str> {
        let reading = self.reading();
        let tap = self.meter.tap(&mut Card::open(&mut self.cards[card]), reading).unwrap();
        assert!(tap.settled);
        tap.received.iter().map(|received| mail_code(received.result)).collect()
    }

    pub fn consume(&mut self, energy: Energy) {
        self.meter.consume(self.reading(), energy).unwrap();
    }

    pub fn state(&self) -> &MeterState {
        self.meter.state().unwrap()
    }

    pub fn balance(&self) -> i64 {
        self.state().balance.0
    }

    pub fn is_on(&self) -> bool {
        self.state().supply.is_on()
    }

    /// Why the supply is cut, by code; `U00` where it is not.
    pub fn cut(&self) -> Vec<&'static str> {
        Situation::in_cut(self.state().supply.cut).map(told).collect()
    }

    /// What a phone shows of how the meter stands.
    pub fn shown(&self) -> Vec<&'static str> {
        Situation::in_flags(self.state().flags).map(told).collect()
    }

    // ---- mail

    /// Mail for the meter, sealed by the company.
    pub fn mail(&mut self, slot: u8, plaintext: &[u8]) -> Envelope {
        self.mails += 1;
        let slot = Slot::new(slot).unwrap();
        self.issuer.mail(&self.account, slot, self.mails, plaintext).unwrap()
    }

    /// A command; it does not expire where that is not set.
    pub fn command(&mut self, kind: u8, value: u32, card: Option<usize>, expiry: CardTime) -> Envelope {
        self.commands += 1;
        let card = card.map(|card| operate::present(&mut Card::open(&mut self.cards[card])).unwrap().id);
        let action = Action::of(kind, value);
        self.mail(0x05, &Command { counter: self.commands, expiry, card, action }.emit())
    }

    /// Puts mail on a card; or the code of what its holder is told.
    pub fn put(&mut self, card: usize, mail: &Envelope) -> Result<MailAnswer, &'static str> {
        let id = operate::present(&mut Card::open(&mut self.cards[card])).unwrap();
        let holder = BindingAccount { card: id, ..self.account };
        let delivery = self.issuer.delivery(&holder, mail).unwrap();
        match card::ask(&mut Card::open(&mut self.cards[card]), &put_mail(delivery.as_slice())) {
            Ok(answer) => Ok(answer),
            Err(CardError::Refused { status, .. }) => Err(told(status.into())),
            Err(error) => panic!("{error}"),
        }
    }

    /// Mail by the customer's card, which the meter takes.
    pub fn send(&mut self, slot: u8, plaintext: &[u8]) {
        let mail = self.mail(slot, plaintext);
        self.put(self.card, &mail).unwrap();
        assert_eq!(self.deliver(self.card), ["P01"]);
    }

    /// Mail over the network, without a card.
    pub fn receive(&mut self, mail: &Envelope) -> &'static str {
        let reading = self.reading();
        mail_code(self.meter.receive(reading, None, mail).unwrap().result)
    }

    // ---- time

    pub fn now(&self) -> CardTime {
        self.world.now().unwrap()
    }

    /// What the meter's firmware says of time.
    pub fn reading(&self) -> Reading {
        let now = self.now();
        Reading { clock: CardTime((i64::from(now.0) + self.clock_error) as u32), ..now.into() }
    }

    /// Time passes; the meter notices at every minute, or, where it is long, at every hour.
    pub fn until(&mut self, time: CardTime) {
        let step = if time.0 - self.now().0 > 3 * DAY { HOUR } else { MINUTE };
        while self.now() < time {
            self.world.0.store((self.now().0 + step).min(time.0), Ordering::Relaxed);
            self.meter.tick(self.reading()).unwrap();
        }
    }

    pub fn pass(&mut self, seconds: u32) {
        self.until(CardTime(self.now().0 + seconds));
    }

    /// Time passes without power: the meter notices nothing.
    pub fn pass_without_power(&mut self, seconds: u32) {
        self.world.0.store(self.now().0 + seconds, Ordering::Relaxed);
    }
}

fn install(issuer: &Issuer<SoftwareKeyStore>, id: u64, fresh: &MeterState) -> Meter {
    let (id, scope) = (MeterId::from(id), development_scope());
    let keys = issuer.keys().meter_keys(scope, id).unwrap();
    Meter::in_memory(id, scope, keys, fresh).unwrap()
}

/// The code of what the customer is told after a visit, also where it broke off.
pub fn at_the_meter(visit: &Result<Tap, SimulatedMeterError>) -> &'static str {
    told(match visit {
        Ok(tap) => tap.verdict.unwrap().into(),
        Err(SimulatedMeterError::Tap(error)) => match &error.cause {
            TapCause::Visit(error) => error.into(),
            TapCause::Transport(TransportError::Reader(error)) => error.situation(),
            TapCause::Transport(_) => Situation::Repeat,
        },
        Err(error) => panic!("{error}"),
    })
}

pub fn mail_code(result: Result<(), MailRefusal>) -> &'static str {
    told(Situation::of_mail(result.map_or_else(MailRefusal::code, |()| 1)).unwrap())
}
