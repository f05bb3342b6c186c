//! Deposits, and days closed.

use super::books::Books;
use card_host::card_core::units::{Balance, Piastres};
use card_ledger::{Kind, PointCode, Refusal, read};
use system_tests::world::{kiosk, refused, wallet};

fn point(code: &str) -> PointCode {
    code.parse().unwrap()
}

#[test]
fn a_day_is_closed_once_with_what_was_counted() {
    let books = Books::busy();
    let world = &books.world;
    let fawry = point("fawry-1");
    let (deposit, close) = (world.id(), world.id());
    let hand_over = |amount| world.office.deposit(&kiosk(), &deposit, &fawry, Piastres(amount), "bag 17");
    let booked = hand_over(50_000).unwrap();
    assert_eq!(hand_over(50_000).unwrap(), booked);
    assert_eq!(refused(hand_over(60_000)), Refusal::OtherRequest(deposit.clone()));
    // 80,000 were sold; 30,000 must be there, and 200 are missing.
    let day = |counted| {
        world.office.close_day(
            &kiosk(),
            &close,
            &fawry,
            Piastres(counted),
            "a note is missing",
            Some(&books.auditor),
        )
    };
    let statement = day(29_800).unwrap();
    assert_eq!(day(29_800).unwrap(), statement);
    assert_eq!(refused(day(29_900)), Refusal::OtherRequest(close.clone()));
    assert_eq!((statement.first, statement.opening_cash, statement.since), (1, 0, 0));
    assert_eq!((statement.booked_cash, statement.counted_cash, statement.difference), (30_000, 29_800, -200));
    let sales = statement.of(Kind::Sale);
    assert_eq!((sales.count, sales.amount, sales.cash), (4, 80_000, 80_000));
    assert_eq!(statement.of(Kind::Deposit).cash, -50_000);
    assert_eq!(world.balance("differences:fawry-1"), 200);
    let held = read(&*world.ledger, |t| t.point(&fawry)).unwrap().unwrap();
    assert_eq!(held.cash, Balance(29_800));
    // The head after the close is signed.
    let signed = read(&*world.ledger, |t| t.signed_head(&fawry, u64::MAX)).unwrap().unwrap();
    assert_eq!((signed.id.number, signed.head), (statement.last + 1, held.head));
    assert!(books.auditor.public().signed_head(world.scope(), &signed));
    assert!(books.audit(&[]).is_clean());

    // The next day begins where this one ended. Too much is counted this time.
    world.sell(1, 1_000);
    let next = world.office.close_day(&kiosk(), &world.id(), &fawry, Piastres(31_000), "", None).unwrap();
    assert_eq!((next.first, next.opening_cash, next.booked_cash), (statement.last + 2, 29_800, 30_800));
    assert_eq!((next.difference, next.since, next.kinds.len()), (200, statement.time, 1));
    assert_eq!(world.balance("differences:fawry-1"), 0);
    // A day on which nothing happened.
    let nothing = world.office.close_day(&kiosk(), &world.id(), &fawry, Piastres(31_000), "", None).unwrap();
    assert!(nothing.last < nothing.first && nothing.kinds.is_empty() && nothing.difference == 0);
    assert!(books.audit(&[]).is_clean());
}

#[test]
fn its_own_party_closes_it_or_the_company() {
    let books = Books::busy();
    let world = &books.world;
    let fawry = point("fawry-1");
    let unknown = Refusal::UnknownPoint(fawry.clone());
    let close = |who| world.office.close_day(&who, &world.id(), &fawry, Piastres(80_000), "", None);
    let deposit = |who, amount| world.office.deposit(&who, &world.id(), &fawry, Piastres(amount), "");
    assert_eq!(refused(close(wallet())), unknown);
    assert_eq!(refused(deposit(wallet(), 100)), unknown);
    assert!(matches!(refused(deposit(kiosk(), 0)), Refusal::Invalid(_)));
    assert!(matches!(refused(deposit(kiosk(), 80_001)), Refusal::Invalid(_)));
    deposit(world.boss(), 80_000).unwrap();
    assert!(refused(deposit(kiosk(), 1).map(drop)).to_string().contains("close the day"));
    assert_eq!(world.balance("bank"), 80_000);
    let statement =
        world.office.close_day(&world.boss(), &world.id(), &fawry, Piastres(0), "", None).unwrap();
    assert_eq!((statement.booked_cash, statement.difference), (0, 0));
    assert!(books.audit(&[]).is_clean());
}

#[test]
fn what_waits_for_a_day_is_listed_and_left_alone() {
    let books = Books::busy();
    let world = &books.world;
    let order = world.order(kiosk(), 1, 3_000);
    world.office.reserve(&order).unwrap();
    let close = |counted| {
        let point = point("fawry-1");
        world.office.close_day(&kiosk(), &world.id(), &point, Piastres(counted), "", None).unwrap()
    };
    assert!(close(80_000).waiting.is_empty());
    books.days(1);
    let statement = close(80_000);
    assert_eq!(statement.waiting.len(), 1);
    let waits = &statement.waiting[0];
    assert_eq!((&waits.request, waits.amount, waits.paid), (&order.id, 3_000, false));
    // It can be confirmed all the same.
    world.office.confirm(&kiosk(), &order.id, None).unwrap();
    assert!(close(83_000).waiting.is_empty());
}

#[test]
fn a_long_day_is_added_up_to_the_last_entry() {
    let books = Books::new();
    let world = &books.world;
    world.customer(1);
    let close = |counted| {
        world.office.close_day(&kiosk(), &world.id(), &point("fawry-1"), Piastres(counted), "", None)
    };
    close(0).unwrap();
    // More than a page of entries.
    for _ in 0..1_100 {
        world.sell(1, 1_000);
    }
    let statement = close(1_100_000).unwrap();
    assert_eq!((statement.first, statement.last, statement.of(Kind::Sale).count), (2, 1_101, 1_100));
    assert_eq!((statement.opening_cash, statement.difference), (0, 0));
}
