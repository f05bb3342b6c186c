//! An older copy that nobody has declared is noticed before it sells.

use super::books::Books;
use card_host::card_core::id::Scope;
use card_host::card_core::units::Piastres;
use card_host::card_work::development_scope;
use card_ledger::{
    AnchorError, ExceptionKind, Ledger, LedgerError, Office, Point, PointCode, PointLimits, ReconcileOptions,
    Refusal, SqliteLedger, Who, Work, read, reconcile,
};
use card_signer::rules::Ceilings;
use card_signer::{Durability, Memory, Signer};
use std::sync::{Arc, Mutex};
use system_tests::world::{kiosk, refused, wallet};

fn anchored(books: &mut Books) {
    let (ledger, clock) = (Arc::clone(&books.world.ledger), books.world.clock.clone());
    let memory = Memory::open_or_create(
        &books.path("signer.sqlite"),
        development_scope(),
        Durability::Late,
        &Ceilings::DEVELOPMENT,
    );
    let keys = Signer::new(books.world.keys.clone(), memory.unwrap(), clock.clone());
    books.world.office = Office::new(ledger, Arc::new(keys), clock).unwrap();
}

/// The vending point and the entry that are missed.
fn behind<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> (PointCode, u64) {
    match result {
        Err(LedgerError::Anchor(AnchorError::Behind { point, number, .. })) => (point, number),
        other => panic!("{other:?}"),
    }
}

fn kiosks(books: &Books) -> Point {
    read(&*books.world.ledger, |t| t.point(&kiosk().point)).unwrap().unwrap()
}

#[test]
fn an_older_copy_sells_nothing_until_it_is_declared() {
    let mut books = Books::busy();
    anchored(&mut books);
    books.world.sell(1, 1_000);
    books.back_up("copy.sqlite");
    books.world.sell(1, 2_000);
    let lost = kiosks(&books);
    books.restore("copy.sqlite");
    anchored(&mut books);
    let world = &books.world;
    let entries = world.entries().len();
    // Whichever vending point: the customers are the same.
    for who in [kiosk(), wallet()] {
        let order = world.order(who, 1, 4_000);
        assert_eq!(behind(world.office.sell(&order)), (lost.code.clone(), lost.number));
        assert_eq!(behind(world.office.reserve(&order)), (lost.code.clone(), lost.number));
    }
    behind(world.office.open(&world.opening(9, 9, 9)));
    assert_eq!(world.entries().len(), entries);
    // Also with other entries under the numbers of the lost ones.
    let other = Office::new(Arc::clone(&world.ledger), world.keys.clone(), world.clock.clone()).unwrap();
    for _ in 0..3 {
        other.sell(&world.order(kiosk(), 2, 1_000)).unwrap();
    }
    assert_eq!(behind(world.office.sell(&world.order(kiosk(), 1, 4_000))), (lost.code.clone(), lost.number));
    world.restored("the disk died");
    assert!(matches!(
        refused(world.office.sell(&world.order(wallet(), 1, 4_000))),
        Refusal::EvidenceNeeded(_)
    ));
    let opened = world.office.open(&world.opening(9, 9, 9)).unwrap();
    anchored(&mut books);
    books.world.office.sell(&books.world.order(kiosk(), 9, 1_000)).unwrap();
    assert_eq!(books.world.binding(opened.binding()).held.total_credit, Piastres(690), "less fee and levy");
}

#[test]
fn what_others_write_is_no_older_copy() {
    let mut books = Books::busy();
    anchored(&mut books);
    books.world.sell(1, 1_000);
    let world = &books.world;
    let other = Office::new(Arc::clone(&world.ledger), world.keys.clone(), world.clock.clone()).unwrap();
    other.sell(&world.order(kiosk(), 2, 1_000)).unwrap();
    world.sell(1, 1_000);
    anchored(&mut books);
    books.world.sell(1, 1_000);
    // Also to a vending point that had written nothing when it was learnt.
    let (world, point) = (&books.world, Who { point: "kiosk-9".parse().unwrap(), ..kiosk() });
    let limits = PointLimits::default();
    world.office.add_point(&world.boss(), &world.id(), &point.point, &point.party, limits).unwrap();
    anchored(&mut books);
    let world = &books.world;
    world.sell(1, 1_000);
    let other = Office::new(Arc::clone(&world.ledger), world.keys.clone(), world.clock.clone()).unwrap();
    other.sell(&world.order(point, 2, 1_000)).unwrap();
    anchored(&mut books);
    books.world.sell(1, 1_000);
    // A file that says nothing is not taken for one that says: all is well.
    std::fs::write(books.path("nothing.sqlite"), "{}").unwrap();
    Memory::open(&books.path("nothing.sqlite"), Durability::Late).unwrap_err();
}

/// A ledger that goes on elsewhere, as when a standby is promoted.
struct Moved(Mutex<(Arc<dyn Ledger>, &'static str)>);

impl Moved {
    fn inner(&self) -> Arc<dyn Ledger> {
        Arc::clone(&self.0.lock().unwrap().0)
    }
}

impl Ledger for Moved {
    fn scope(&self) -> Scope {
        self.inner().scope()
    }

    fn place(&self) -> Option<String> {
        Some(self.0.lock().unwrap().1.to_owned())
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.inner().transact(work)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.inner().read(work)
    }

    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.inner().look(work)
    }
}

/// A copy of the first ledger, as it is now.
fn standby(books: &Books, name: &str) -> Arc<dyn Ledger> {
    books.back_up(name);
    Arc::new(SqliteLedger::open(&books.path(name), development_scope()).unwrap())
}

#[test]
fn a_standby_without_the_last_sales_is_noticed_while_the_program_runs() {
    let mut books = Books::busy();
    let moved = Arc::new(Moved(Mutex::new((Arc::clone(&books.world.ledger), "timeline 1"))));
    books.world.ledger = moved.clone();
    anchored(&mut books);
    books.world.sell(1, 1_000);
    // One with all sales takes over, and nobody notices.
    *moved.0.lock().unwrap() = (standby(&books, "whole.sqlite"), "timeline 2");
    books.world.sell(1, 2_000);
    anchored(&mut books);
    books.world.sell(1, 3_000);
    // Then one without the last.
    *moved.0.lock().unwrap() = (standby(&books, "short.sqlite"), "timeline 3");
    let order = books.world.order(wallet(), 1, 4_000);
    let error = books.world.office.sell(&order).unwrap_err();
    assert!(error.to_string().contains("it is in timeline 3 now, and was in timeline 2"), "{error}");
}

/// Each of them signs before it has the binding to itself, so most are overtaken: their numbers are left out, and all are sold.
#[test]
fn many_sell_to_one_customer_at_once() {
    let mut books = Books::busy();
    anchored(&mut books);
    let (world, before) = (&books.world, books.world.record(1).held);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..5 {
                    world.office.sell(&world.order(wallet(), 1, 1_000)).unwrap();
                }
            });
        }
    });
    let after = world.record(1).held;
    assert_eq!(after.total_credit.0 - before.total_credit.0, 30_000);
    assert!(after.sequence >= before.sequence + 30);
    world.check();
    assert!(books.findings(&[]).is_empty());
    let memory = world.office.keys().memory().unwrap();
    let now = world.office.now().unwrap();
    let found = reconcile(&*world.ledger, Some(memory), &ReconcileOptions::at(now), &mut |_| {}).unwrap();
    assert!(found.exceptions.iter().all(|found| found.kind != ExceptionKind::SignedAbove), "{found:?}");
}
