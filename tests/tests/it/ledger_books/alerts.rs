//! Who runs out is told so once for each report, and a gateway that dies gets it again.

use super::books::{Books, Report};
use card_ledger::{QueuedAlerts, Refusal};
use system_tests::world::{kiosk, refused};

/// Customer 1 uses 10 EGP a day and has 30 left; customer 2 uses nothing; customer 3 has no telephone.
fn world() -> Books {
    let books = Books::new();
    let world = &books.world;
    for number in 1..=3 {
        world.customer(number);
        world.sell(number, 20_000);
        world
            .office
            .set_customer(
                &world.boss(),
                &world.id(),
                number,
                if number == 3 { "" } else { "+201001234567" },
                true,
            )
            .unwrap();
    }
    for (number, balances) in [(1, [13_000, 3_000]), (2, [9_000, 9_000]), (3, [13_000, 3_000])] {
        for (report, balance) in (1..).zip(balances) {
            let applied = world.record(number).held.total_credit.0;
            books.report(
                &world.record(number),
                &Report { number: report, applied, balance, energy: 10 * report, flags: 0 },
            );
            if report == 1 {
                world.clock.pass(10 * 86_400);
            }
        }
        world.clock.set(card_host::card_core::units::CardTime(world.office.now().unwrap().0));
    }
    books
}

#[test]
fn each_situation_is_said_once_and_at_least_once() {
    let books = world();
    let world = &books.world;
    let queue = |days| world.office.queue_alerts(&world.boss(), days).unwrap();
    // Customer 1's report is twenty days old by now: nothing can be left.
    let first = queue(3);
    assert_eq!(first, QueuedAlerts { looked_at: 3, low: 2, without_phone: 1, queued: 1 });
    assert_eq!(queue(3).queued, 0);
    let messages = world.office.messages(10).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].id, "low/0000000000000001/1/2");
    assert_eq!(messages[0].phone, "+201001234567");
    assert!(messages[0].text.contains("رصيد عدادك") && messages[0].text.encode_utf16().count() <= 70);
    // A gateway that died after sending gets it again, with the same id.
    assert_eq!(world.office.messages(10).unwrap(), messages);
    let ids = vec![messages[0].id.clone(), "low/unknown".to_owned()];
    assert_eq!(world.office.taken(&world.boss(), &ids).unwrap(), 1);
    assert_eq!(world.office.taken(&world.boss(), &ids).unwrap(), 0);
    assert_eq!(world.office.messages(10).unwrap(), []);
    assert_eq!(queue(3).queued, 0, "also after it was taken");
    assert_eq!(world.office.messages(10).unwrap(), []);
    // The next report is the next situation.
    let applied = world.record(1).held.total_credit.0;
    books.report(&world.record(1), &Report { number: 3, applied, balance: 1_000, energy: 40, flags: 0 });
    assert_eq!(queue(3).queued, 1);
    // None of it is in the books.
    assert!(books.audit(&[]).is_clean());
    assert!(matches!(refused(world.office.queue_alerts(&kiosk(), 3)), Refusal::Invalid(_)));
    assert!(matches!(refused(world.office.taken(&kiosk(), &ids)), Refusal::Invalid(_)));
}

#[test]
fn a_charge_that_waits_needs_no_other_one() {
    let books = world();
    let world = &books.world;
    world.sell(1, 100_000);
    world.office.set_customer(&world.boss(), &world.id(), 1, "0100", false).unwrap();
    world.office.queue_alerts(&world.boss(), 3).unwrap();
    let messages = world.office.messages(10).unwrap();
    assert!(
        messages[0].text.contains("a charge waits") && messages[0].text.len() <= 160,
        "{}",
        messages[0].text
    );
    // Where that is used up, too, a charge is needed: said once, by the same report.
    world.clock.pass(90 * 86_400);
    for queued in [1, 0] {
        assert_eq!(world.office.queue_alerts(&world.boss(), 3).unwrap().queued, queued);
    }
    let messages = world.office.messages(10).unwrap();
    let ids: Vec<_> = messages.iter().map(|message| message.id.as_str()).collect();
    assert_eq!(ids, ["carry/0000000000000001/1/2", "low/0000000000000001/1/2"]);
}
