//! A contract ends, and what was left in it is given back, once (docs/ledger.md, section 7).

use card_host::card_core::id::{Binding, CardId, MeterId};
use card_host::card_core::units::Piastres;
use card_ledger::{
    Approved, AuditKey, EndReason, Ended, ExceptionKind, GiveBack, GiveTo, GivenBack, LedgerError, Payee,
    ReconcileOptions, Refusal, Status, reconcile, verify,
};
use system_tests::world::{World, refused};

use crate::ledger_books::books::{Report, receipt};

const WHY: &str = "moved out";

fn end(world: &World, meter: u64) -> Ended {
    let meter = MeterId::from(meter);
    world.office.end(&world.boss(), &world.id(), meter, EndReason::MovedOut, "").unwrap()
}

/// The final report of a contract's meter is handed in: so much of what was applied is left.
fn reported(world: &World, of: Binding, balance: i64) {
    let record = world.binding(of);
    let applied = record.held.total_credit.0;
    let report = Report { number: 1, applied, balance, energy: 100, flags: 0x40 };
    world.office.hand_in(&world.boss(), &receipt(world, &record, &report)).unwrap();
}

fn give(world: &World, of: Binding, to: GiveTo) -> Result<GivenBack, LedgerError> {
    world.office.give_back(&world.boss(), &world.id(), &GiveBack::new(of, to, None), WHY)
}

/// Nobody has anything to look into but what was given without a payment, and the proof finds nothing.
fn sound(world: &World, given: usize) {
    let (key, mut progress) = (AuditKey::generate().unwrap(), |_| {});
    let report = verify(&*world.ledger, &key.public(), &[], &mut progress).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let options = ReconcileOptions::at(world.office.now().unwrap());
    let found = reconcile(&*world.ledger, None, &options, &mut |_| {}).unwrap();
    let kinds: Vec<_> = found.exceptions.iter().map(|exception| exception.kind).collect();
    assert_eq!(kinds, vec![ExceptionKind::WithoutPayment; given]);
}

/// What was left goes to what the customer owes first; the rest is given back, as cash or from the bank.
pub(crate) fn what_was_left_is_given_back(world: &World) {
    for (number, to, account) in [(1, GiveTo::Cash, "cash:office"), (2, GiveTo::Transfer, "bank")] {
        let of = world.customer(number).binding();
        world.sell(number, 10_000);
        let certified = world.record(number).held.total_credit;
        world.office.debt(&world.boss(), &world.id(), number, Piastres(1_500), "old books").unwrap();
        let ended = end(world, number);
        assert_eq!((ended.of, ended.account, ended.nobodys.status), (of, number, Status::Superseded));
        assert!(matches!(
            refused(world.office.sell(&world.order(world.boss(), number, 500))),
            Refusal::Closed(_)
        ));
        reported(world, of, 4_000);
        let before = world.balance(account);
        let given = give(world, of, to).unwrap();
        let expected = GivenBack {
            of,
            account: number,
            paid: Piastres(2_500),
            debt: Piastres(1_500),
            owed: Piastres(0),
        };
        assert_eq!(given, expected);
        assert_eq!(world.balance(account), before - 2_500);
        assert_eq!(
            (world.record(number).status, world.record(number).held.total_credit),
            (Status::Closed, certified)
        );
        assert!(matches!(refused(give(world, of, to)), Refusal::Closed(_)));
    }
    assert_eq!(world.balance("debt:1"), 0);
    sound(world, 2);
}

/// Under the same id it is the same, and something else is refused.
pub(crate) fn a_repetition_ends_and_gives_once(world: &World) {
    let of = world.customer(1).binding();
    world.sell(1, 10_000);
    let (id, meter) = (world.id(), MeterId::from(1));
    let end = |reason, words| world.office.end(&world.boss(), &id, meter, reason, words);
    let ended = end(EndReason::MovedOut, "to Aswan").unwrap();
    assert_eq!(end(EndReason::MovedOut, "to Aswan").unwrap(), ended);
    for other in [end(EndReason::MovedOut, ""), end(EndReason::Terminated, "to Aswan")] {
        assert!(matches!(refused(other), Refusal::OtherRequest(_)));
    }
    let again = world.office.end(&world.boss(), &world.id(), meter, EndReason::MovedOut, "");
    assert!(matches!(refused(again), Refusal::UnknownMeter(_)), "it is nobody's");
    reported(world, of, 4_000);
    let id = world.id();
    let give = |to, why| world.office.give_back(&world.boss(), &id, &GiveBack::new(of, to, None), why);
    let given = give(GiveTo::Cash, WHY).unwrap();
    let entries = world.entries().len();
    assert_eq!(give(GiveTo::Cash, WHY).unwrap(), given);
    for other in [give(GiveTo::Transfer, WHY), give(GiveTo::Cash, "else")] {
        assert!(matches!(refused(other), Refusal::OtherRequest(_)));
    }
    assert_eq!((world.entries().len(), ended.nobodys.binding().number), (entries, 2));
    sound(world, 1);
}

/// An open contract, one without a report, and one whose report says more than can be.
pub(crate) fn what_is_not_given_back(world: &World) {
    let of = world.customer(1).binding();
    world.sell(1, 10_000);
    assert!(matches!(refused(give(world, of, GiveTo::Cash)), Refusal::NotEnded(open) if open == of));
    end(world, 1);
    assert!(give(world, of, GiveTo::Cash).is_err(), "no final report");
    let more = i64::try_from(world.record(1).held.total_credit.0).unwrap() + 1;
    reported(world, of, more);
    assert!(give(world, of, GiveTo::Cash).is_err(), "more than was certified");
    let card = Payee::Card(CardId::from(1));
    let unblocked = world.office.block(&world.boss(), &world.id(), card, false, "please");
    assert!(matches!(refused(unblocked), Refusal::Closed(_)));
    let replaced = world.office.replace_card(&world.boss(), &world.id(), card, CardId::from(9), "lost");
    assert!(matches!(refused(replaced), Refusal::Closed(_)));
    let nobodys = Binding { meter: MeterId::from(1), number: 2 };
    assert!(matches!(refused(give(world, nobodys, GiveTo::Cash)), Refusal::Closed(_)));
}

/// Less than nothing was left: the customer owes it, and whoever moves in does not.
pub(crate) fn a_debt_stays_with_its_customer(world: &World) {
    let of = world.customer(1).binding();
    world.sell(1, 10_000);
    end(world, 1);
    reported(world, of, -700);
    let given = give(world, of, GiveTo::Cash).unwrap();
    assert_eq!((given.paid, given.owed), (Piastres(0), Piastres(700)));
    let next = world.office.open(&world.opening(1, 8, 8)).unwrap();
    assert_eq!((next.binding().number, next.held.account), (3, 8));
    let sale = world.sell(8, 10_000);
    assert_eq!((sale.division.debt, world.balance("debt:1"), world.balance("debt:8")), (0, 700, 0));
    sound(world, 0);
}

/// What is much, and each estimate, takes two people; cash is given out where it was asked for.
pub(crate) fn much_and_estimates_take_two(world: &World) {
    let limit = world.office.policy().unwrap().1.correction_approval_above;
    for (number, estimate) in [(1, None), (2, Some(4_000))] {
        let of = world.customer(number).binding();
        let order = world.order(world.boss(), number, limit + 50_000);
        world.office.sell(&order).unwrap();
        end(world, number);
        let left = limit + 1;
        if estimate.is_none() {
            reported(world, of, left.try_into().unwrap());
            assert!(matches!(refused(give(world, of, GiveTo::Cash)), Refusal::ApprovalNeeded { .. }));
        }
        let (id, order) = (world.id(), GiveBack::new(of, GiveTo::Cash, estimate));
        for _ in 0..2 {
            world.office.propose_give_back(&world.boss(), &id, &order, WHY).unwrap();
        }
        let request = world.boss().request(&id);
        let alone = world.office.approve(&world.boss(), &request);
        assert!(matches!(refused(alone), Refusal::NotSecondPerson { .. }));
        let paid = estimate.map_or(left, |estimate| estimate.try_into().unwrap());
        for _ in 0..2 {
            let Approved::GivenBack(given) = world.office.approve(&world.second(), &request).unwrap() else {
                panic!("nothing was given back");
            };
            assert_eq!((given.paid, given.of), (Piastres(paid), of));
        }
        assert_eq!(world.office.given_back_by(&world.boss(), &id).unwrap().unwrap().paid, Piastres(paid));
    }
    sound(world, 2);
}
