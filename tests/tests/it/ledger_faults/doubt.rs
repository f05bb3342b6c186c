//! A commit without an answer: nothing that comes after it makes a "no" of it.

use card_host::card_core::id::Scope;
use card_ledger::{Ledger, LedgerError, Refusal, SqliteLedger, StoreError, Work};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use system_tests::world::{World, kiosk, refused};

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It is done, and the answer is lost.
    Unheard,
    /// It is lost, and nobody knows.
    Lost,
    /// The store is not there.
    Gone,
    /// Nothing happens to it.
    Fine,
}
use Fate::{Fine, Gone, Lost, Unheard};

/// A ledger with what becomes of its next transactions; then nothing happens to them.
struct Doubtful {
    ledger: SqliteLedger,
    fates: Mutex<VecDeque<Fate>>,
}

impl Ledger for Doubtful {
    fn scope(&self) -> Scope {
        self.ledger.scope()
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let fate = self.fates.lock().unwrap().pop_front();
        let unknown = || StoreError::OutcomeUnknown("no answer".to_owned()).into();
        match fate.unwrap_or(Fine) {
            Fine => self.ledger.transact(work),
            Unheard => self.ledger.transact(work).and_then(|()| Err(unknown())),
            Lost => Err(unknown()),
            Gone => Err(StoreError::Unavailable("gone".to_owned()).into()),
        }
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.ledger.read(work)
    }

    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.ledger.look(work)
    }
}

#[test]
fn what_was_unknown_stays_so_until_the_books_show_it() {
    let scope = card_host::card_work::development_scope();
    let ledger = SqliteLedger::in_memory(scope).unwrap();
    let ledger = Arc::new(Doubtful { ledger, fates: Mutex::default() });
    let world = World::over(Arc::clone(&ledger) as Arc<_>);
    world.customer(1);
    let fates = |fates: &[Fate]| *ledger.fates.lock().unwrap() = fates.to_vec().into();
    let unavailable = |error: &LedgerError| matches!(error, LedgerError::Store(StoreError::Unavailable(_)));

    // Done or not: who is told "unknown" finds out by asking again, and it is sold once.
    for first in [Unheard, Lost] {
        for rest in [&[Gone, Gone, Gone][..], &[Lost, Gone, Gone], &[Gone, Lost, Lost], &[Lost, Lost, Lost]] {
            fates(&[&[first], rest].concat());
            let order = world.order(kiosk(), 1, 10_000);
            let error = world.office.sell(&order).unwrap_err();
            assert!(error.is_unknown(), "{first:?}, {rest:?}: {error}");
            assert_eq!(ledger.fates.lock().unwrap().len(), 0);
            let before = world.entries().len();
            let sale = world.office.sell(&order).unwrap();
            let more = if matches!(first, Unheard) { 0 } else { 1 };
            assert_eq!(world.entries().len(), before + more, "{first:?}, {rest:?}");
            assert_eq!(world.office.sell(&order).unwrap(), sale);
        }
        // As soon as the store answers, it is known.
        for rest in [&[Fine][..], &[Gone, Fine], &[Gone, Lost, Fine]] {
            fates(&[&[first], rest].concat());
            let order = world.order(kiosk(), 1, 10_000);
            let sale = world.office.sell(&order).unwrap();
            assert_eq!(world.office.status(&sale.request).unwrap(), sale);
        }
    }
    // A refusal is one where the books have been looked at.
    let dear = world.order(kiosk(), 1, 1_000_000_000);
    fates(&[Lost, Gone, Fine]);
    assert!(matches!(refused(world.office.sell(&dear)), Refusal::TooMuch { .. }));
    // Nothing of it was begun: then nothing is unknown.
    let order = world.order(kiosk(), 1, 10_000);
    let before = world.entries().len();
    fates(&[Gone]);
    assert!(unavailable(&world.office.sell(&order).unwrap_err()));
    assert_eq!(world.entries().len(), before);
    // What is not in the books is said to be so by a transaction that could have written it.
    let request = order.who.request(&order.id);
    fates(&[Gone]);
    assert!(unavailable(&world.office.status(&request).unwrap_err()));
    fates(&[Lost]);
    assert!(world.office.status(&request).unwrap_err().is_unknown());
    assert!(matches!(refused(world.office.status(&request)), Refusal::NoRequest(_)));
    world.check();
}
