//! Who owns the whole ledger and its database, and may ask the signer for anything, gets the signer's ceilings and no more, and is seen.

use super::books::Books;
use card_host::card_core::id::MeterId;
use card_host::card_core::message::Voucher;
use card_host::card_core::units::Piastres;
use card_host::card_work::development_scope;
use card_host::issuer::{BindingAccount, Clock, Issuer};
use card_host::keystore::{KeyStore, SoftwareKeyStore};
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_ledger::{
    BindingRecord, Exception, ExceptionKind, LedgerError, Office, Payee, ReconcileOptions, reconcile,
};
use card_signer::rules::Ceilings;
use card_signer::{Durability, Memory, Signer};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use system_tests::world::{TestClock, kiosk};

const CUSTOMERS: std::ops::RangeInclusive<u64> = 1..=3;
const FEW: Ceilings = Ceilings {
    certificate: Piastres(40_000),
    binding_day: Piastres(90_000),
    hour: Piastres(100_000),
    day: Piastres(250_000),
};

struct Insider {
    books: Books,
    signer: Arc<Signer<SoftwareKeyStore>>,
    meters: BTreeMap<u64, SimulatedMeter<applet_sim::chip::FlashModel>>,
    /// What the customers' meters had applied before.
    honest: u64,
}

impl Insider {
    /// Some customers who have bought something, on a day that begins; and the ceilings of the day are whole again.
    fn new() -> Self {
        let mut books = Books::new();
        let clock = books.world.clock.clone();
        let memory =
            Memory::open_or_create(&books.path("signer.sqlite"), development_scope(), Durability::Late, &FEW)
                .unwrap();
        let signer = Arc::new(Signer::new(books.world.keys.clone(), memory, clock));
        books.world.office = office(&books, &signer);
        let mut insider = Self { books, signer, meters: BTreeMap::new(), honest: 0 };
        for number in CUSTOMERS {
            let opened = insider.books.world.customer(number);
            let scope = development_scope();
            let keys = insider.books.world.keys.meter_keys(scope, MeterId::from(number)).unwrap();
            let mut meter =
                SimulatedMeter::in_memory(MeterId::from(number), scope, keys, &from_the_maker()).unwrap();
            let (binding, certificate) = insider.books.world.office.certificates(&opened).unwrap();
            let now = insider.books.world.clock.now().unwrap();
            meter.take_certificate(now, &certificate, Some(&binding)).unwrap();
            insider.meters.insert(number, meter);
            insider.books.world.sell(number, 5_000);
            insider.carry(number);
        }
        insider.honest = insider.applied();
        assert!(insider.honest > 10_000);
        // So that all that follows is on one day (UTC).
        let now = insider.now().to_unix();
        insider.books.world.clock.pass(u32::try_from(86_400 - now % 86_400).unwrap());
        insider
    }

    fn now(&self) -> card_host::card_core::units::CardTime {
        self.books.world.clock.now().unwrap()
    }

    /// The newest voucher of the books goes to the meter.
    fn carry(&mut self, number: u64) {
        let voucher = self.books.world.record(number).voucher;
        self.apply(number, &Voucher::parse(&voucher).unwrap());
    }

    fn apply(&mut self, number: u64, voucher: &Voucher) {
        let now = self.now();
        let _ = self.meters.get_mut(&number).unwrap().take_voucher(now, voucher);
    }

    fn applied(&self) -> u64 {
        self.meters.values().map(|meter| meter.state().unwrap().applied_credit.0).sum()
    }

    /// Opens the office over what the database is now.
    fn again(&mut self) {
        self.books.world.office = office(&self.books, &self.signer);
    }

    /// Has this certified, if the signer does it, and takes it to the meter.
    fn mint(&mut self, record: &BindingRecord, change: impl Fn(BindingAccount) -> BindingAccount) -> bool {
        let keys: Arc<dyn KeyStore> = self.signer.clone();
        let issuer = Issuer::new(keys, self.books.world.clock.clone());
        let held = change(record.held);
        let reference = card_host::card_core::id::Reference([7; 8]);
        let made = issuer.voucher(&held, card_host::card_core::id::Channel::Branch, reference);
        let number = held.binding.meter.number();
        made.is_ok_and(|voucher| {
            self.apply(number, &voucher);
            true
        })
    }

    fn found(&self, kind: ExceptionKind) -> Vec<Exception> {
        let ledger = &*self.books.world.ledger;
        let options = ReconcileOptions::at(self.now());
        let found = reconcile(ledger, self.signer.memory(), &options, &mut |_| {}).unwrap();
        found.exceptions.into_iter().filter(|exception| exception.kind == kind).collect()
    }

    /// What was minted is below the ceiling of the day, and the difference is listed to the piastre.
    fn is_bounded_and_seen(&self, what: &str) {
        let minted = self.applied() - self.honest;
        assert!(minted > 0, "{what}: something was to be had");
        assert!(minted <= FEW.day.0, "{what}: {minted}");
        let listed: i128 =
            self.found(ExceptionKind::SignedAbove).iter().map(|exception| exception.amount).sum();
        assert_eq!(listed, i128::from(minted), "{what}");
        assert!(!self.found(ExceptionKind::Signer).is_empty(), "{what}: the ceilings are an alarm");
    }
}

fn office(books: &Books, signer: &Arc<Signer<SoftwareKeyStore>>) -> Office {
    let clock: TestClock = books.world.clock.clone();
    Office::new(Arc::clone(&books.world.ledger), signer.clone(), clock).unwrap()
}

/// The program is asked for vouchers of its own, for as much as the signer gives, at all hours of a day.
#[test]
fn who_asks_the_signer_beside_the_books() {
    let mut insider = Insider::new();
    let mut rng = Rng::with_seed(7);
    for _ in 0..23 {
        for _ in 0..40 {
            let record = insider.books.world.record(rng.u64(CUSTOMERS));
            let (sequence, credit, debited) = (rng.u32(..50), rng.u64(..300_000), rng.u64(..100));
            insider.mint(&record, |held| BindingAccount {
                sequence: held.sequence.saturating_add(sequence),
                total_credit: Piastres(held.total_credit.0 + credit),
                total_debited: Piastres(debited * (debited % 2)),
                ..held
            });
        }
        insider.books.world.clock.pass(3_600);
    }
    let listed: i128 =
        insider.found(ExceptionKind::SignedAbove).iter().map(|exception| exception.amount).sum();
    assert!(listed > 0 && listed <= i128::from(FEW.day.0) + 3 * 100, "{listed}");
    let minted = insider.applied() - insider.honest;
    assert!(minted > 0 && minted <= FEW.day.0, "{minted}");
}

/// As much as there is, in the steps that the ceilings allow.
#[test]
fn who_takes_all_there_is() {
    let mut insider = Insider::new();
    let mut records: Vec<_> = CUSTOMERS.map(|number| insider.books.world.record(number)).collect();
    for _ in 0..24 {
        for record in &mut records {
            while insider.mint(record, |held| BindingAccount {
                sequence: held.sequence + 1,
                total_credit: Piastres(held.total_credit.0 + 10_000),
                ..held
            }) {
                record.held.sequence += 1;
                record.held.total_credit.0 += 10_000;
            }
        }
        if insider.now().to_unix() % 86_400 < 82_000 {
            insider.books.world.clock.pass(3_600);
        }
    }
    insider.is_bounded_and_seen("all there is");
    assert_eq!(insider.applied() - insider.honest, FEW.day.0, "to the piastre");
}

/// The rows of bindings are raised, certified by the company's own commands, and put back.
#[test]
fn who_raises_totals_in_the_database() {
    let mut insider = Insider::new();
    for round in 0..12_u32 {
        for number in CUSTOMERS {
            let meter = hex::encode(MeterId::from(number).0);
            let by = 7_000 * (round + 1);
            insider.books.tamper(&format!(
                "UPDATE binding SET total_credit = total_credit + {by} WHERE meter = x'{meter}'"
            ));
            insider.again();
            let (boss, id) = (insider.books.world.boss(), insider.books.world.id());
            let payee = Payee::Meter(MeterId::from(number));
            if insider.books.world.office.refresh(&boss, &id, payee).is_ok() {
                insider.carry(number);
            }
            let by = insider.books.world.record(number).held.total_credit.0.min(u64::from(by));
            insider.books.tamper(&format!(
                "UPDATE binding SET total_credit = total_credit - {by} WHERE meter = x'{meter}'"
            ));
        }
        insider.books.world.clock.pass(3_600);
    }
    let minted = insider.applied() - insider.honest;
    assert!(minted > 0 && minted <= FEW.day.0, "{minted}");
    assert!(!insider.found(ExceptionKind::SignedAbove).is_empty());
}

/// Payments that nobody made are forged: they are sold like any other, below the ceilings, until those are reached.
#[test]
fn who_forges_payments() {
    let mut insider = Insider::new();
    let mut refused = 0;
    for _ in 0..30 {
        for number in CUSTOMERS {
            match insider.books.world.office.sell(&insider.books.world.order(kiosk(), number, 9_000)) {
                Ok(_) => insider.carry(number),
                Err(LedgerError::Issuer(error)) => {
                    assert!(error.to_string().contains("the ceiling"), "{error}");
                    refused += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert!(refused > 0);
    let minted = insider.applied() - insider.honest;
    assert!(minted <= FEW.hour.0, "{minted}");
    assert!(!insider.found(ExceptionKind::Signer).is_empty());
    // They were sold by the books, which say so.
    assert!(insider.found(ExceptionKind::SignedAbove).is_empty());
    insider.books.world.check();
}

/// Rows are removed, or an older copy is put in the place of the newest: nothing is sold, and nothing is signed in the place of what was.
#[test]
fn who_removes_rows_or_brings_an_older_copy() {
    for (what, sql) in [
        (
            "all entries of a point",
            "DELETE FROM transfer WHERE point = 'fawry-1'; DELETE FROM request WHERE point = 'fawry-1'; \
         DELETE FROM entry WHERE point = 'fawry-1'; UPDATE point SET number = 0, head = zeroblob(32) WHERE code = 'fawry-1'",
        ),
        (
            "the last entry",
            "UPDATE point SET number = number - 1, head = (SELECT previous FROM entry e WHERE e.point = code AND e.number = point.number) \
         WHERE code = 'fawry-1'",
        ),
        ("a point", "DELETE FROM point WHERE code = 'fawry-1'"),
        ("the bindings", "UPDATE binding SET sequence = 1, total_credit = 0, voucher = x''"),
    ] {
        let mut insider = Insider::new();
        // The memory learns at most a second later, and when the program ends.
        insider.again();
        insider.books.tamper(sql);
        insider.again();
        for number in CUSTOMERS {
            let order = insider.books.world.order(kiosk(), number, 1_000);
            let error = insider.books.world.office.sell(&order).unwrap_err();
            let said = error.to_string();
            assert!(said.contains("older copy") || what == "a point", "{what}: {said}");
        }
        assert_eq!(insider.applied(), insider.honest, "{what}");
    }
}
