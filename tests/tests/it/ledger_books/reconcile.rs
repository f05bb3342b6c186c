//! Each exception is made, and found; a world in which all is well gives none.

use super::books::{Books, Report};
use card_host::card_core::id::{Binding, CardId};
use card_host::card_core::units::Piastres;
use card_ledger::{
    DebitOrder, DebitTo, ExceptionKind, OpenOrder, Payee, PointLimits, ReconcileOptions, Reconciliation,
    Severity, reconcile,
};
use system_tests::world::{kiosk, wallet};

fn run(books: &Books) -> Reconciliation {
    let options = ReconcileOptions::at(books.world.office.now().unwrap());
    reconcile(&*books.world.ledger, None, &options, &mut |_| {}).unwrap()
}

/// The kinds that are found, each once.
fn kinds(books: &Books) -> Vec<ExceptionKind> {
    let found = run(books);
    assert!(found.exceptions.iter().all(|exception| !exception.to_string().is_empty()));
    found.summary.keys().copied().collect()
}

/// One customer, a sale, and reports of a month: all is well.
fn well() -> Books {
    let books = Books::new();
    books.world.customer(1);
    books.world.sell(1, 100_000);
    let applied = books.world.record(1).held.total_credit.0;
    for (number, balance) in [(1, 90_000), (2, 60_000), (3, 30_000)] {
        books.days(10);
        let energy = 100 * number * number;
        let record = books.world.record(1);
        books.report(&record, &Report { number, applied, balance, energy, flags: 0 });
    }
    let point = "fawry-1".parse().unwrap();
    books.world.office.close_day(&kiosk(), &books.world.id(), &point, Piastres(100_000), "", None).unwrap();
    books
}

fn report(books: &Books, change: Report) {
    books.report(&books.world.record(1), &change);
}

const LAST: Report = Report { number: 4, applied: 99_400, balance: 20_000, energy: 1_600, flags: 0 };

#[test]
fn what_is_to_do_names_the_command() {
    let to_do = card_ledger::ExceptionKind::NotMoved.to_do();
    assert!(to_do.contains("cardctl ledger move --from") && to_do.contains("--estimate"), "{to_do}");
}

#[test]
fn where_all_is_well_nothing_is_found() {
    let books = well();
    assert_eq!(run(&books).exceptions, []);
    assert_eq!(books.world.record(1).held.total_credit.0, LAST.applied);
    report(&books, LAST);
    let found = run(&books);
    assert_eq!((found.exceptions, found.bindings, found.points), (Vec::new(), 1, 5));
}

#[test]
fn what_meters_show() {
    for (kind, change) in [
        (ExceptionKind::MeterAbove, Report { applied: LAST.applied + 1, ..LAST }),
        (ExceptionKind::WentBack, Report { applied: LAST.applied - 1, ..LAST }),
        (ExceptionKind::WentBack, Report { energy: 899, ..LAST }),
        (ExceptionKind::Regressed, Report { flags: 0x20, ..LAST }),
        (ExceptionKind::FreeEnergy, Report { energy: 1_901, balance: 30_000, ..LAST }),
        (ExceptionKind::Tampering, Report { flags: 0x08, ..LAST }),
        (ExceptionKind::Debt, Report { balance: -50_001, ..LAST }),
    ] {
        let books = well();
        report(&books, change);
        assert_eq!(kinds(&books), [kind]);
        assert_eq!(run(&books).exceptions[0].account, 1);
    }
    // Just not: a debt at the limit, energy within what a meter may count before it takes money.
    for change in [Report { balance: -50_000, ..LAST }, Report { energy: 1_900, balance: 30_000, ..LAST }] {
        let books = well();
        report(&books, change);
        assert_eq!(kinds(&books), []);
    }
}

/// A meter whose memory went back reports under numbers that it has used before, and with the clock that it had then.
#[test]
fn a_memory_that_went_back() {
    let books = well();
    report(&books, Report { number: 2, applied: LAST.applied, balance: 60_000, energy: 400, flags: 0x20 });
    assert_eq!(kinds(&books), [ExceptionKind::WentBack, ExceptionKind::Regressed]);
    // It goes on, and its numbers pass those from before.
    for (number, energy) in [(3, 900), (4, 1_600)] {
        books.days(10);
        report(&books, Report { number, applied: LAST.applied, balance: 20_000, energy, flags: 0x20 });
    }
    assert_eq!(kinds(&books), [ExceptionKind::WentBack, ExceptionKind::Regressed]);
}

#[test]
fn each_meters_reports_are_its_own() {
    let books = Books::new();
    for customer in 1..=4 {
        books.world.customer(customer);
    }
    let tampered = Report { number: 1, applied: 0, balance: 0, energy: 10, flags: 0x08 };
    books.report(&books.world.record(2), &Report { flags: 0, ..tampered });
    books.report(&books.world.record(4), &tampered);
    let found = run(&books).exceptions;
    let found: Vec<_> = found.iter().map(|exception| (exception.kind, exception.account)).collect();
    assert_eq!(found, [(ExceptionKind::Tampering, 4)]);
}

#[test]
fn a_card_above_the_ledger() {
    let books = well();
    books.tamper("UPDATE binding SET card_sequence = sequence + 1");
    assert_eq!(kinds(&books), [ExceptionKind::CardAbove]);
    assert_eq!(run(&books).exceptions[0].severity, Severity::Alarm);
}

#[test]
fn silence_and_vouchers_that_do_not_arrive() {
    let books = well();
    books.days(45);
    assert_eq!(kinds(&books), []);
    books.days(1);
    assert_eq!(kinds(&books), [ExceptionKind::Silent]);
    // A customer who never took the first charge anywhere.
    let books = well();
    books.world.customer(2);
    books.world.sell(2, 10_000);
    let point = "fawry-1".parse().unwrap();
    books.world.office.close_day(&kiosk(), &books.world.id(), &point, Piastres(110_000), "", None).unwrap();
    books.days(31);
    assert_eq!(kinds(&books), [ExceptionKind::NotCarried]);
    books.days(15);
    let found = run(&books);
    assert_eq!(found.summary[&ExceptionKind::Silent].count, 2);
    assert_eq!(found.summary[&ExceptionKind::NotCarried].amount, 9_600);
}

#[test]
fn what_waits() {
    let books = well();
    let world = &books.world;
    let order = world.order(wallet(), 1, 4_000);
    world.office.reserve(&order).unwrap();
    let debit = DebitOrder {
        who: world.boss(),
        id: world.id(),
        payee: Payee::Card(CardId::from(1)),
        amount: Piastres(1_000),
        to: DebitTo::Correction,
        reason: "twice".to_owned(),
    };
    world.office.propose(&debit).unwrap();
    world.clock.pass(24 * 3_600);
    assert_eq!(kinds(&books), []);
    world.clock.pass(1);
    assert_eq!(kinds(&books), [ExceptionKind::AnnouncedWaits, ExceptionKind::ProposedWaits]);
    world.office.withdraw(&world.boss(), &debit.id).unwrap();
    // Blocked while it was announced: paid, and not certified.
    world.office.block(&world.boss(), &world.id(), Payee::Card(CardId::from(1)), true, "stolen").unwrap();
    let (_, reason) = world.office.confirm(&wallet(), &order.id, None).unwrap();
    assert!(reason.is_some());
    assert_eq!(kinds(&books), []);
    world.clock.pass(15 * 60 + 1);
    assert_eq!(kinds(&books), [ExceptionKind::PaidWaits]);
    let found = run(&books);
    assert_eq!(
        (found.exceptions[0].amount, found.exceptions[0].request.as_ref()),
        (4_000, Some(&world.office.status(&wallet().request(&order.id)).unwrap().request))
    );
    assert!(books.audit(&[]).is_clean(), "what is paid stands in the books");
    world.office.refund(&wallet(), &order.id, "stolen").unwrap();
    assert_eq!(kinds(&books), []);
}

#[test]
fn superseded_bindings() {
    let books = well();
    let world = &books.world;
    let order = OpenOrder { closes_former: true, ..world.opening(1, 2, 9) };
    world.office.open(&order).unwrap();
    books.days(30);
    let old = world.record(1);
    books.report(&old, &LAST);
    let new = Binding { number: 2, ..old.binding() };
    books.report(&world.binding(new), &Report { number: 1, applied: 0, balance: 0, energy: 1_600, flags: 0 });
    assert_eq!(kinds(&books), []);
    books.days(1);
    let found = run(&books);
    assert_eq!(found.summary[&ExceptionKind::NotMoved].amount, 99_400);
    // The old card is still in use there.
    books.report(&world.record(1), &Report { number: 5, balance: 10_000, energy: 1_700, ..LAST });
    assert_eq!(kinds(&books), [ExceptionKind::SupersededUsed, ExceptionKind::NotMoved]);
    let exceptions = run(&books).exceptions;
    assert_eq!((exceptions[0].kind, exceptions[0].amount), (ExceptionKind::SupersededUsed, 10_000));
}

#[test]
fn cash_and_days() {
    let books = well();
    let world = &books.world;
    world.sell(1, 10_000);
    books.days(2);
    assert_eq!(kinds(&books), []);
    world.clock.pass(1);
    assert_eq!(kinds(&books), [ExceptionKind::NotClosed]);
    // Sales of today do not hide it.
    world.sell(1, 10_000);
    assert_eq!(kinds(&books), [ExceptionKind::NotClosed]);
    let point = "fawry-1".parse().unwrap();
    world.office.close_day(&kiosk(), &world.id(), &point, Piastres(120_000), "", None).unwrap();
    assert_eq!(kinds(&books), []);
    let limits = PointLimits { most_cash: Some(Piastres(119_999)), most_daily: None };
    world.office.change_point(&world.boss(), &world.id(), &point, true, limits).unwrap();
    assert_eq!(kinds(&books), [ExceptionKind::CashAbove]);
    world.office.deposit(&kiosk(), &world.id(), &point, Piastres(1), "").unwrap();
    assert_eq!(kinds(&books), []);
}

#[test]
fn after_a_restore() {
    let books = well();
    let world = &books.world;
    world.restored("fire");
    // The restore itself is shown, for the weeks in which it may matter.
    let declared = ExceptionKind::WithoutPayment;
    assert_eq!(kinds(&books), [declared, ExceptionKind::EvidenceNeeded]);
    report(&books, LAST);
    assert_eq!(kinds(&books), [declared]);
}

#[test]
fn the_worst_come_first_and_all_are_counted() {
    let books = well();
    report(&books, Report { applied: LAST.applied + 1, flags: 0x28, balance: -60_000, ..LAST });
    let options = ReconcileOptions { most: 2, ..ReconcileOptions::at(books.world.office.now().unwrap()) };
    let found = reconcile(&*books.world.ledger, None, &options, &mut |_| {}).unwrap();
    let listed: Vec<_> = found.exceptions.iter().map(|exception| exception.kind).collect();
    assert_eq!(listed, [ExceptionKind::MeterAbove, ExceptionKind::Regressed]);
    assert_eq!(found.summary.len(), 4);
    assert_eq!(found.summary[&ExceptionKind::Debt].amount, -60_000);
}
