//! A company with a ledger: some customers, some channels, and a clock that the test sets.

// A fixture fails the test that uses it, and with a reason.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fixture fails the test that uses it, with a reason"
)]

mod clock;

pub use self::clock::TestClock;
use crate::postgres::Postgres;
use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::chip::FlashModel;
use card_host::card_core::id::{Binding, CardId, CardRef, Channel, MeterId, Scope};
use card_host::card_core::key::KeyLength;
use card_host::card_core::layout::PROFILE_SIZE;
use card_host::card_core::message::{BindingCertificate, Certificate, Voucher};
use card_host::card_core::role::Role;
use card_host::card_core::scp03::Mode;
use card_host::card_core::terminal::read as ask;
use card_host::card_core::units::{CardTime, Piastres};
use card_host::card_work::development_scope;
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::personalise::{Order, Versions, new_access_number, personalise};
use card_host::random::OsRandom;
use card_host::transport::{Card, Simulator, Transport};
use card_ledger::{
    BindingRecord, Charge, ChargeKind, ChargeName, Entry, Evidence, Kind, Ledger, LedgerAccount, LedgerError,
    Office, OpenOrder, Party, Payee, PointLimits, Policy, PostgresLedger, Powers, Refusal, Sale, SaleOrder,
    SqliteLedger, StaffSecret, Status, Who, read,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A company: its office, its ledger, its clock.
pub struct World {
    /// Its own office, which may do everything.
    pub office: Office,
    /// The office's keys.
    pub keys: Arc<SoftwareKeyStore>,
    /// What the office keeps its books in.
    pub ledger: Arc<dyn Ledger>,
    /// What time it is there.
    pub clock: TestClock,
    ids: AtomicU64,
    /// Where the file is; it lives as long as the world.
    _directory: Option<tempfile::TempDir>,
}

/// What is sold at kiosks: 2 EGP and 1 % at most 5 EGP of fees, 1 EGP of a levy.
pub fn rules() -> Policy {
    let mut rules = Policy::for_development();
    let kiosk = rules.channels.get_mut("kiosk").unwrap();
    kiosk.charges = vec![
        Charge {
            code: "service".parse().unwrap(),
            name: None,
            kind: ChargeKind::Fee,
            fixed: 200,
            permille: 10,
            most: Some(500),
        },
        Charge {
            code: "cleaning".parse().unwrap(),
            name: Some(ChargeName { ar: "رسم النظافة".to_owned(), en: "Cleaning fee".to_owned() }),
            kind: ChargeKind::Levy,
            fixed: 100,
            permille: 0,
            most: None,
        },
    ];
    rules
}

impl World {
    /// With a new ledger in an SQLite file.
    #[must_use]
    pub fn over_sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ledger =
            SqliteLedger::create(&directory.path().join("ledger.sqlite"), development_scope()).unwrap();
        Self { _directory: Some(directory), ..Self::over(Arc::new(ledger)) }
    }

    /// With a new database on the server that all tests share.
    #[must_use]
    pub fn over_postgres() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let server = Postgres::shared();
        let url = server.create_database(&format!("ledger_{number}")).unwrap();
        let ledger = PostgresLedger::connect(&url, development_scope(), 16).unwrap();
        Self::over(Arc::new(ledger))
    }

    /// With this ledger, which is empty, and new keys.
    pub fn over(ledger: Arc<dyn Ledger>) -> Self {
        let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
        Self::with_keys(ledger, keys)
    }

    /// With this ledger, which is empty, and a member of staff.
    pub fn with_staff(ledger: Arc<dyn Ledger>) -> Self {
        let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
        let (first, secret) = ("founder".parse().unwrap(), StaffSecret::generate().unwrap());
        Self::founded(ledger, keys, |ledger, keys, clock| {
            Office::found_with_staff(ledger, keys, clock, &first, &secret, &rules()).unwrap()
        })
    }

    /// With this ledger, which is empty, and these keys.
    pub fn with_keys(ledger: Arc<dyn Ledger>, keys: SoftwareKeyStore) -> Self {
        Self::founded(ledger, keys, |ledger, keys, clock| {
            Office::found(ledger, keys, clock, "founder", &rules()).unwrap()
        })
    }

    fn founded(
        ledger: Arc<dyn Ledger>,
        keys: SoftwareKeyStore,
        found: impl FnOnce(Arc<dyn Ledger>, Arc<SoftwareKeyStore>, TestClock) -> Office,
    ) -> Self {
        let (clock, keys) = (TestClock::new(), Arc::new(keys));
        let office = found(Arc::clone(&ledger), keys.clone(), clock.clone());
        let world = Self { office, keys, ledger, clock, ids: AtomicU64::new(0), _directory: None };
        let boss = world.boss();
        let parties = [("fawry", Channel::Kiosk), ("cib", Channel::Bank), ("vodafone", Channel::Wallet)];
        for (code, channel) in parties {
            let party = Party { code: code.parse().unwrap(), channel, open: true };
            world.office.set_party(&boss, &world.id(), &party).unwrap();
        }
        for (point, party) in
            [("fawry-1", "fawry"), ("fawry-2", "fawry"), ("cib-1", "cib"), ("vodafone-1", "vodafone")]
        {
            world.add_point(point, party, PointLimits::default());
        }
        world
    }

    /// A company that is there already, opened again.
    pub fn again(ledger: Arc<dyn Ledger>, keys: Arc<SoftwareKeyStore>, clock: TestClock) -> Self {
        let office = Office::new(Arc::clone(&ledger), keys.clone(), clock.clone()).unwrap();
        Self { office, keys, ledger, clock, ids: AtomicU64::new(0), _directory: None }
    }

    /// Enters a vending point.
    pub fn add_point(&self, point: &str, party: &str, limits: PointLimits) {
        let (point, party) = (point.parse().unwrap(), party.parse().unwrap());
        self.office.add_point(&self.boss(), &self.id(), &point, &party, limits).unwrap();
    }

    /// Company and environment.
    pub fn scope(&self) -> Scope {
        self.ledger.scope()
    }

    /// A new id of a request.
    pub fn id(&self) -> card_ledger::RequestId {
        format!("r{}", self.ids.fetch_add(1, Ordering::Relaxed)).parse().unwrap()
    }

    /// The company's own office.
    pub fn boss(&self) -> Who {
        who("company", "office", "mona")
    }

    /// Another one of the company's own office.
    pub fn second(&self) -> Who {
        who("company", "office", "tarek")
    }

    /// Does what takes two people: one asks for it under this id, another one agrees, and the same again does it.
    pub fn two<T>(
        &self,
        id: &card_ledger::RequestId,
        act: impl Fn() -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        match act() {
            Err(LedgerError::Refused(Refusal::SecondPerson(of))) => {
                assert_eq!(of, *id);
                self.office.approve(&self.second(), &self.boss().request(id))?;
                act()
            }
            done => done,
        }
    }

    /// The contract of a card in the reader comes back: one asks for it under this id, another one agrees, and the card is read again.
    pub fn recover_card(
        &self,
        id: &card_ledger::RequestId,
        card: &mut impl Transport,
        reason: &str,
    ) -> Result<card_ledger::RecoveredCard, card_ledger::BranchError> {
        match self.office.recover_card(&self.boss(), id, card, reason) {
            Err(card_ledger::BranchError::Ledger(LedgerError::Refused(Refusal::SecondPerson(_)))) => {
                self.office.approve(&self.second(), &self.boss().request(id))?;
                self.office.recover_card(&self.boss(), id, card, reason)
            }
            done => done,
        }
    }

    /// Two people declare that the ledger was restored from a copy.
    pub fn restored(&self, reason: &str) -> card_ledger::Restored {
        let id = self.id();
        self.two(&id, || self.office.declare_restored(&self.boss(), &id, reason)).unwrap()
    }

    /// A customer with a card and a meter, both with this number; the account is the number, too.
    pub fn customer(&self, number: u64) -> BindingRecord {
        self.office.open(&self.opening(number, number, number)).unwrap()
    }

    /// Opens a binding on a meter for an account, with a new card.
    pub fn opening(&self, meter: u64, account: u64, card: u64) -> OpenOrder {
        OpenOrder {
            who: self.boss(),
            id: self.id(),
            meter: MeterId::from(meter),
            account,
            card: CardRef { id: CardId::from(card), generation: 1 },
            closes_former: false,
        }
    }

    /// Who wants to buy for a card.
    pub fn order(&self, who: Who, card: u64, amount: u64) -> SaleOrder {
        SaleOrder { who, id: self.id(), payee: Payee::Card(CardId::from(card)), amount: Piastres(amount) }
    }

    /// Sells at a kiosk.
    pub fn sell(&self, card: u64, amount: u64) -> Sale {
        self.office.sell(&self.order(kiosk(), card, amount)).unwrap()
    }

    /// The first binding of a meter.
    pub fn record(&self, number: u64) -> BindingRecord {
        self.binding(Binding { meter: MeterId::from(number), number: 1 })
    }

    /// A binding as the ledger has it.
    pub fn binding(&self, binding: Binding) -> BindingRecord {
        read(&*self.ledger, |t| t.binding(Payee::Binding(binding))).unwrap().unwrap()
    }

    /// The card of a binding, from blank to personalised. A branch's voucher activates it.
    pub fn card(&self, record: &BindingRecord) -> Card<Simulator<FlashModel>> {
        self.card_with(record, self.office.certificates(record).unwrap())
    }

    /// The same with these certificates.
    pub fn card_with(
        &self,
        record: &BindingRecord,
        certificates: (BindingCertificate, Certificate),
    ) -> Card<Simulator<FlashModel>> {
        let card = record.held.card;
        let blank =
            SimulatedCard::blank(card.id, self.scope().environment, KeyLength::Aes256, Profile::Contactless);
        let mut card = Card::open(Simulator::new(blank.unwrap()));
        self.personalise_with(&mut card, record, certificates);
        card
    }

    /// The receipt of a card, read as at a branch.
    pub fn receipt(&self, card: &mut impl Transport) -> Vec<u8> {
        let mut session = operate::session(card, self.office.keys(), Role::Vending, &mut OsRandom).unwrap();
        session.ask(&ask::receipt()).unwrap().emit().to_vec()
    }

    /// Makes a blank card the card of a binding.
    pub fn personalise(&self, card: &mut impl Transport, record: &BindingRecord) {
        self.personalise_with(card, record, self.office.certificates(record).unwrap());
    }

    fn personalise_with(
        &self,
        card: &mut impl Transport,
        record: &BindingRecord,
        (binding, certificate): (BindingCertificate, Certificate),
    ) {
        let access = new_access_number(&mut OsRandom).unwrap();
        let mut profile = [0; PROFILE_SIZE];
        profile[..8].copy_from_slice(&record.held.account.to_be_bytes());
        let keys = self.office.keys();
        let order = Order {
            scope: self.ledger.scope(),
            card: record.held.card,
            mode: Mode::S8,
            flags: 0,
            issue_time: certificate.issue_time,
            expiry_time: CardTime::UNSET,
            profile,
            binding,
            certificate,
            access: &access,
            versions: Versions::current(keys).unwrap(),
        };
        personalise(card, keys, &order, &mut OsRandom, None).unwrap();
    }

    /// Debits less credits of an account.
    pub fn balance(&self, account: &str) -> i128 {
        let balances = read(&*self.ledger, |t| t.balances()).unwrap();
        let found = balances.iter().find(|balance| balance.account.to_string() == account);
        found.map_or(0, |found| i128::from(found.debits.0) - i128::from(found.credits.0))
    }

    /// All entries of all vending points.
    pub fn entries(&self) -> Vec<Entry> {
        read(&*self.ledger, |t| {
            let mut all = Vec::new();
            let mut last = None;
            loop {
                let page = t.points(last.as_ref(), 7)?;
                let Some(end) = page.last() else { return Ok(all) };
                for point in &page {
                    let mut after = 0;
                    loop {
                        let entries = t.chain(&point.code, after, 50)?;
                        let Some(end) = entries.last() else { break };
                        after = end.id.number;
                        all.extend(entries);
                    }
                }
                last = Some(end.code.clone());
            }
        })
        .unwrap()
    }

    /// Checks what must hold at every moment, from the entries alone against where things stand.
    pub fn check(&self) {
        let entries = self.entries();
        let mut accounts: BTreeMap<LedgerAccount, i128> = BTreeMap::new();
        let mut ends: BTreeMap<String, (u64, [u8; 32])> = BTreeMap::new();
        let mut received = 0_i128;
        let mut steps = std::collections::BTreeSet::new();
        for entry in &entries {
            let end = ends.entry(entry.id.point.to_string()).or_insert((0, [0; 32]));
            assert_eq!(
                (entry.id.number, entry.previous),
                (end.0 + 1, end.1),
                "the chain of {}",
                entry.id.point
            );
            assert_eq!(entry.hashed(), entry.hash, "{:?}", entry.id);
            *end = (entry.id.number, entry.hash);
            assert!(steps.insert((entry.request.clone(), entry.step)), "{:?} twice", entry.request);
            for transfer in &entry.transfers {
                assert!(transfer.amount > Piastres::ZERO);
                *accounts.entry(transfer.debit.clone()).or_default() += i128::from(transfer.amount.0);
                *accounts.entry(transfer.credit.clone()).or_default() -= i128::from(transfer.amount.0);
            }
            match entry.kind {
                Kind::Sale | Kind::Confirm => received += i128::from(entry.amount.0),
                Kind::Refund => received -= i128::from(entry.amount.0),
                Kind::Fee | Kind::FeeBack => {
                    for transfer in &entry.transfers {
                        let amount = i128::from(transfer.amount.0);
                        match (&transfer.debit, &transfer.credit) {
                            (LedgerAccount::Cash(_), _) => received += amount,
                            (_, LedgerAccount::Cash(_)) => received -= amount,
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        let stored = read(&*self.ledger, |t| t.balances()).unwrap();
        let stored: BTreeMap<_, _> = stored
            .into_iter()
            .map(|held| (held.account, i128::from(held.debits.0) - i128::from(held.credits.0)))
            .collect();
        assert_eq!(stored, accounts, "sums by the store, and by the entries");
        let points = read(&*self.ledger, |t| t.points(None, 1000)).unwrap();
        for point in &points {
            let end = ends.get(point.code.as_str()).copied().unwrap_or((0, [0; 32]));
            assert_eq!((point.number, point.head), end, "the head of {}", point.code);
            let cash = accounts.get(&LedgerAccount::Cash(point.code.clone())).copied().unwrap_or(0);
            assert_eq!(i128::from(point.cash.0), cash, "the cash of {}", point.code);
        }
        let bindings = read(&*self.ledger, |t| t.bindings(None, 100_000)).unwrap();
        let mut newest: BTreeMap<Binding, &Entry> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.sequence > 0) {
            let held = newest.entry(entry.binding.unwrap()).or_insert(entry);
            if entry.sequence > held.sequence {
                *held = entry;
            }
        }
        for record in &bindings {
            let held = &record.held;
            let books = accounts.get(&LedgerAccount::Credit(held.binding)).copied().unwrap_or(0);
            let certified = i128::from(held.total_credit.0) - i128::from(held.total_debited.0);
            let expected = if record.status == Status::Closed { 0 } else { -certified };
            assert_eq!(books, expected, "credit of {:?}", held.binding);
            if let Some(entry) = newest.get(&held.binding) {
                let now = (held.sequence, held.total_credit, held.total_debited);
                assert_eq!(
                    (entry.sequence, entry.total_credit, entry.total_debited),
                    now,
                    "{:?}",
                    held.binding
                );
            }
        }
        self.check_sum(received, &entries, &accounts);
    }

    /// Money received = credit certified - debits + fees + levies + deductions of debts + paid and not certified.
    fn check_sum(&self, received: i128, entries: &[Entry], accounts: &BTreeMap<LedgerAccount, i128>) {
        let (mut certified, mut debited, mut to_debt) = (0, 0, 0);
        for entry in entries {
            for transfer in &entry.transfers {
                let amount = i128::from(transfer.amount.0);
                match (entry.kind, &transfer.debit, &transfer.credit) {
                    (Kind::Sale | Kind::Certify, _, LedgerAccount::Credit(_)) => certified += amount,
                    (Kind::Sale | Kind::Certify, _, LedgerAccount::Debt(_)) => to_debt += amount,
                    (Kind::Debit, LedgerAccount::Credit(_), LedgerAccount::Cash(_)) => debited += amount,
                    (Kind::Debt, _, LedgerAccount::Receivable(_)) => debited += amount,
                    (Kind::Fee, LedgerAccount::Debt(_), _) => to_debt -= amount,
                    (Kind::FeeBack, _, LedgerAccount::Debt(_)) => to_debt += amount,
                    _ => {}
                }
            }
        }
        let sum = |test: fn(&LedgerAccount) -> bool| -> i128 {
            accounts.iter().filter(|(account, _)| test(account)).map(|(_, balance)| -balance).sum()
        };
        let fees = sum(|account| matches!(account, LedgerAccount::Fee(_)));
        let levies = sum(|account| matches!(account, LedgerAccount::Levy(_)));
        let paid = sum(|account| matches!(account, LedgerAccount::Paid(_)));
        assert_eq!(
            received,
            certified + fees + levies + to_debt + paid,
            "what was received, and what became of it"
        );
        let cash = -sum(|account| {
            matches!(
                account,
                LedgerAccount::Cash(_)
                    | LedgerAccount::Receivable(_)
                    | LedgerAccount::Bank
                    | LedgerAccount::Commission(_)
                    | LedgerAccount::Differences(_)
            )
        });
        assert_eq!(cash, received - debited, "what was received, and where it is");
        let moves = sum(|account| matches!(account, LedgerAccount::Moves));
        assert_eq!(moves, 0);
    }
}

/// Loads a voucher, and gives the card's receipt.
pub fn load(card: &mut Card<Simulator<FlashModel>>, voucher: &[u8]) -> Evidence {
    let answer = card_host::card_work::load(card, &Voucher::parse(voucher).unwrap()).unwrap();
    Evidence::CardReceipt(answer.receipt.emit().to_vec())
}

/// Somebody of a party at a vending point.
pub fn who(party: &str, point: &str, actor: &str) -> Who {
    Who {
        party: party.parse().unwrap(),
        point: point.parse().unwrap(),
        actor: actor.to_owned(),
        may: Powers::ALL,
    }
}

/// A kiosk's till.
pub fn kiosk() -> Who {
    who("fawry", "fawry-1", "till 1")
}

/// A wallet, which pays before it is certified.
pub fn wallet() -> Who {
    who("vodafone", "vodafone-1", "front")
}

/// A bank's application.
pub fn bank() -> Who {
    who("cib", "cib-1", "application")
}

/// The refusal in a result.
pub fn refused<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> Refusal {
    match result {
        Err(LedgerError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
