//! What a meter's word may move: books that somebody made to say more are found.

use super::books::{Books, Report};
use card_host::card_core::id::Binding;
use card_host::card_core::units::Piastres;
use card_ledger::{
    AuditFinding, BindingRecord, Entry, EntryId, ExceptionKind, Head, Kind, LedgerAccount, MoveOrder,
    ReconcileOptions, RequestKey, Status, Step, Transfer, reconcile, transact,
};
use system_tests::world::who;

/// What the last report before the final one says is left.
const LEFT: i64 = 4_000;

/// A contract that was reported about, and the one that took its place.
fn superseded() -> (Books, Binding, Binding) {
    let books = Books::new();
    let world = &books.world;
    let from = world.customer(1).binding();
    world.sell(1, 10_000);
    report(&books, from, 1, LEFT, 0);
    let to = world.office.open(&world.opening(11, 1, 11)).unwrap().binding();
    (books, from, to)
}

fn report(books: &Books, from: Binding, number: u32, balance: i64, flags: u16) {
    let record = books.world.binding(from);
    let applied = record.held.total_credit.0;
    books.report(&record, &Report { number, applied, balance, energy: 500, flags });
}

/// Moves `left` as somebody does who has the store, and knows how entries are chained, but asks nobody.
fn moved_by_hand(books: &Books, from: Binding, to: Binding, left: u64) {
    let world = &books.world;
    let (old, new) = (world.binding(from), world.binding(to));
    let consumed = i128::from(old.held.total_credit.0) - i128::from(left);
    let (gone, come) = (LedgerAccount::Credit(from), LedgerAccount::Credit(to));
    let transfer = |debit: &LedgerAccount, credit: &LedgerAccount, amount: u64| Transfer {
        debit: debit.clone(),
        credit: credit.clone(),
        amount: Piastres(amount),
    };
    let (moves, used) = (LedgerAccount::Moves, LedgerAccount::Consumed);
    let mut transfers = vec![transfer(&gone, &moves, left), transfer(&moves, &come, left)];
    let amount = u64::try_from(consumed.unsigned_abs()).unwrap();
    transfers.push(if consumed < 0 {
        transfer(&used, &gone, amount)
    } else {
        transfer(&gone, &used, amount)
    });
    let mut held = new.held;
    held.sequence += 1;
    held.total_credit = Piastres(left);
    let mut closed = old.held;
    closed.moved = true;
    let heads = [
        Head::Binding(Box::new(BindingRecord { held: closed, status: Status::Closed, ..old })),
        Head::Binding(Box::new(BindingRecord { held, ..new })),
    ];
    let template = world.entries().pop().unwrap();
    transact(&*world.ledger, |t| {
        let mut point = t.point(&world.boss().point)?.unwrap();
        let entry = Entry {
            id: EntryId { point: point.code.clone(), number: point.number + 1 },
            time: point.time,
            kind: Kind::Move,
            request: RequestKey { party: world.boss().party, id: "by-hand".parse().unwrap() },
            step: Step::First,
            actor: "mona".to_owned(),
            reason: "by hand".to_owned(),
            binding: Some(to),
            card: Some(held.card.id),
            account: held.account,
            amount: Piastres(left),
            sequence: held.sequence,
            total_credit: held.total_credit,
            total_debited: held.total_debited,
            payload: Vec::new(),
            transfers: transfers.clone(),
            references: None,
            previous: point.head,
            ..template.clone()
        }
        .sealed();
        (point.number, point.head) = (entry.id.number, entry.hash);
        t.write(&entry, &point, &heads)
    })
    .unwrap();
}

fn alarms(books: &Books) -> Vec<ExceptionKind> {
    let options = ReconcileOptions::at(books.world.office.now().unwrap());
    let found = reconcile(&*books.world.ledger, None, &options, &mut |_| {}).unwrap();
    found.exceptions.iter().map(|exception| exception.kind).collect()
}

#[test]
fn more_than_was_certified_is_found() {
    let (books, from, to) = superseded();
    report(&books, from, 2, 1_000_000_000_000, 0x40);
    assert_eq!(alarms(&books), [ExceptionKind::BalanceAbove]);
    moved_by_hand(&books, from, to, 1_000_000_000_000);
    let findings = books.findings(&[]);
    let misfit = |finding: &AuditFinding| matches!(finding, AuditFinding::Misfit { kind: Kind::Move, .. });
    assert!(findings.iter().any(misfit), "{findings:?}");
    assert_eq!(alarms(&books), [ExceptionKind::BalanceAbove], "also when it has been moved");
}

#[test]
fn more_than_the_reports_before_allow_is_found() {
    for (balance, more) in [(LEFT, 0), (LEFT + 1, 1)] {
        let (books, from, to) = superseded();
        report(&books, from, 2, balance, 0x40);
        moved_by_hand(&books, from, to, u64::try_from(balance).unwrap());
        let (most, moved) = (i128::from(LEFT), i128::from(balance));
        let above = AuditFinding::MovedAbove { from, moved, most };
        let (found, alarm) =
            if more == 0 { (vec![], vec![]) } else { (vec![above], vec![ExceptionKind::BalanceAbove]) };
        assert_eq!((books.findings(&[]), alarms(&books)), (found, alarm));
    }
}

#[test]
fn what_two_people_have_moved_is_theirs() {
    let (books, from, to) = superseded();
    let (world, id) = (&books.world, books.world.id());
    let order = MoveOrder::estimated(from, to, LEFT + 500);
    world.office.propose_move(&world.boss(), &id, &order, "the meter was read at the workshop").unwrap();
    let request = RequestKey { party: world.boss().party, id };
    world.office.approve(&who("company", "office", "tarek"), &request).unwrap();
    assert_eq!(books.findings(&[]), []);
}
