//! Over the ledger, what is torn is repeated, what was left is moved once, and mail goes on in order.

use card_core::id::MeterId;
use card_core::message::Slot;
use card_core::meter::Verdict;
use card_core::parameters::Action;
use card_core::parameters::Limits;
use card_core::role::{KeyVersion, Role};
use card_core::terminal::load::LoadOutcome;
use card_core::units::{CardTime, Piastres};
use card_host::card_work::{CardChoice, CardWorkError, Order, deliver};
use card_host::operate;
use card_host::random::OsRandom;
use card_host::stage::Stage;
use card_ledger::{
    BranchError, CardUse, Finding, Found, LedgerError, Payee, Refusal, ReplaceReason, SaleOrder, Status,
    binding_of, read,
};

use crate::bench::{Bench, CHOICE, Torn, closed_contract};

#[test]
fn a_card_is_issued_replaced_and_never_given_to_two() {
    let mut bench = Bench::new();
    let first = bench.issue(1, 7, CHOICE).unwrap().account.card;
    assert_eq!(bench.sell(first.id, 5_000).unwrap(), LoadOutcome::Loaded);
    let refused = bench.issue_it(2, 8, CHOICE);
    assert!(matches!(refused, Err(BranchError::Card(CardWorkError::AlreadyIssued { .. }))), "{refused:?}");
    let refused = bench.issue(1, 8, CHOICE);
    let in_use = |error: &BranchError| {
        matches!(error, BranchError::Ledger(LedgerError::Refused(Refusal::MeterInUse { .. })))
    };
    assert!(refused.as_ref().is_err_and(in_use), "{refused:?}");
    // Issuing twice replaces nothing, and says what does.
    let entries = bench.entries();
    let refused = bench.issue(1, 7, CHOICE).unwrap_err();
    let words = refused.to_string();
    assert!(
        matches!(&refused, BranchError::Ledger(LedgerError::Refused(Refusal::HasCard { card, .. })) if *card == first.id),
        "{refused:?}"
    );
    assert!(words.contains("cardctl replace --meter 1") && bench.entries() == entries, "{words}");
    let second = bench.replace_by_it(1, ReplaceReason::Lost).unwrap();
    assert_eq!((second.replaces, second.account.card.generation), (Some(first), 2));
    assert_eq!(second.account.total_credit, Piastres(5_000));
    let refused = bench.sell(first.id, 100);
    assert!(
        matches!(refused, Err(BranchError::Ledger(LedgerError::Refused(Refusal::Replaced(..))))),
        "{refused:?}"
    );
    assert_eq!(bench.company.office.meter_of(first.id).unwrap(), MeterId::from(1));
    let closing = CardChoice { closes_former: true, ..CHOICE };
    let next = bench.issue(1, 8, closing).unwrap().account;
    assert_eq!((next.binding.number, next.card.generation), (2, 1));
    let refused = bench.sell(second.account.card.id, 100);
    assert!(
        matches!(refused, Err(BranchError::Ledger(LedgerError::Refused(Refusal::Closed(_))))),
        "{refused:?}"
    );
}

#[test]
fn what_was_torn_is_finished_by_repeating_it_with_the_same_card() {
    let mut bench = Bench::new();
    let former = bench.issue(1, 7, CHOICE).unwrap().account.card;
    bench.new_card();
    let meter = MeterId::from(1);
    let before = bench.entries();
    // A replacement, torn at the first and the last PUT KEY, then at SET STATUS.
    for (instruction, left) in [(0xD8, 1), (0xD8, 5), (0xF0, 1)] {
        let id = bench.company.id();
        let mut torn = Torn::open(bench.stage.card().unwrap(), instruction, left);
        let reason = ReplaceReason::Damaged;
        let issued =
            bench.company.office.replace(&bench.company.who, &id, &mut torn, meter, reason, CHOICE, None);
        assert!(issued.is_err(), "{issued:?}");
    }
    let issued = bench.replace_by_it(1, ReplaceReason::Damaged).unwrap();
    assert_eq!(bench.entries(), before + 1, "one entry, whatever was torn");
    assert_eq!((issued.replaces, issued.account.card.generation), (Some(former), 2));
    assert_eq!(bench.sell(issued.account.card.id, 100).unwrap(), LoadOutcome::Loaded);
    assert!(operate::holder_session(&mut bench.card(), &issued.access.unwrap(), &mut OsRandom).is_ok());
    let refused = bench.issue_it(1, 7, CHOICE);
    assert!(matches!(refused, Err(BranchError::Card(CardWorkError::AlreadyIssued { .. }))), "{refused:?}");

    // An engineering card, with one id: nothing is written twice. The last tear is after it has been activated.
    bench.new_card();
    let before = bench.entries();
    let id = bench.company.id();
    for (instruction, left) in [(0xD8, 2), (0xF0, 1), (0x40, 1)] {
        let mut torn = Torn::open(bench.stage.card().unwrap(), instruction, left);
        let made =
            bench.company.office.issue_engineering(&bench.company.who, &id, &mut torn, meter, CHOICE, None);
        assert!(made.is_err(), "{made:?}");
    }
    assert_eq!(bench.entries(), before + 1);
    let made = operate::read_public(&mut bench.card()).unwrap();
    assert_eq!(made.status.state, Some(card_core::id::State::Active));
}

#[test]
fn an_engineering_card_carries_mail_and_nothing_else() {
    let mut bench = Bench::new();
    let mut meter = bench.meter(1);
    let customer = bench.issue(1, 7, CHOICE).unwrap().account.card;
    let _ = bench.sell(customer.id, 100).unwrap();
    let engineer = bench.new_card();
    let made = bench.issue_engineering(1).unwrap().account;
    assert_eq!((made.card.generation, made.binding.number), (1, 1));
    let known = read(bench.company.office.ledger(), |t| t.card(made.card.id)).unwrap().unwrap();
    assert_eq!(known.used, CardUse::Engineering);
    let verdict = bench.tap(&mut meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(100), .. })), "{verdict:?}");
    let refused = bench.sell(made.card.id, 100);
    assert!(
        matches!(refused, Err(BranchError::Ledger(LedgerError::Refused(Refusal::Engineering(_))))),
        "{refused:?}"
    );
    // Bound to another meter, it carries mail there.
    bench.issue(2, 8, CHOICE).unwrap();
    bench.stage.insert(engineer).unwrap();
    let id = bench.company.id();
    let mut card = bench.stage.card().unwrap();
    let bound = bench
        .company
        .office
        .rebind_engineering(&bench.company.who, &id, &mut card, MeterId::from(2))
        .unwrap();
    let again = bench
        .company
        .office
        .rebind_engineering(&bench.company.who, &id, &mut card, MeterId::from(2))
        .unwrap();
    assert_eq!((bound.binding, bound.sequence), (again.binding, again.sequence));
    assert_eq!(bench.company.office.carrier(made.card.id).unwrap().binding.meter, MeterId::from(2));
    // The customer's card is still sold to.
    drop(card);
    bench.stage.insert(0).unwrap();
    assert_eq!(bench.sell(customer.id, 100).unwrap(), LoadOutcome::Loaded);
}

#[test]
fn mail_is_numbered_and_repeated_as_it_was() {
    let mut bench = Bench::new();
    let mut meter = bench.meter(1);
    let card = bench.issue(1, 7, CHOICE).unwrap().account.card.id;
    let _ = bench.sell(card, 100).unwrap();
    let (who, limits) = (bench.company.who.clone(), Slot::new(2).unwrap());
    let plaintext = Limits::DEFAULT.emit();
    let id = bench.company.id();
    let sent = bench.company.office.mail(&who, &id, card, limits, &plaintext).unwrap();
    let again = bench.company.office.mail(&who, &id, card, limits, &plaintext).unwrap();
    assert_eq!((sent.envelope.version, sent.envelope.as_bytes()), (1, again.envelope.as_bytes()));
    for other in [
        bench.company.office.mail(&who, &id, card, limits, &[1]).err(),
        bench.company.office.mail(&who, &id, card, Slot::new(3).unwrap(), &plaintext).err(),
        bench.company.office.mail(&who, &"x".parse().unwrap(), card, Slot::AUDIT, &plaintext).err(),
    ] {
        assert!(other.is_some());
    }
    let order = |value| Order {
        action: Action::of(Action::ReadOut.kind(), value),
        expiry: CardTime::UNSET,
        technician: None,
    };
    for number in 1..=6_u32 {
        let id = bench.company.id();
        let (command, mail) = bench.company.office.command(&who, &id, card, &order(0)).unwrap();
        let (same, repeated) = bench.company.office.command(&who, &id, card, &order(0)).unwrap();
        assert_eq!((command, mail.envelope.as_bytes()), (same, repeated.envelope.as_bytes()));
        assert_eq!(command.counter, number);
        assert_eq!(u32::from(mail.envelope.slot.number()), 5 + (number - 1) % 4);
        assert!(bench.company.office.command(&who, &id, card, &order(1)).is_err());
        deliver(&mut bench.card(), &mail.delivery).unwrap();
    }
    // What waits for the card is that: the newest of each slot.
    assert_eq!(bench.company.office.collect(card).unwrap().mail.len(), 5);
    assert!(bench.tap(&mut meter).is_some());
    let brought = bench.company.office.take_from_card(&who, &mut bench.stage.card().unwrap()).unwrap();
    assert!(
        brought.iter().all(|item| item.handed.finding == Finding::Agrees || item.handed.binding.number == 1)
    );
    assert!(
        brought.iter().any(|item| matches!(&item.found, Found::Mail(mail) if mail.slot == Slot::READINGS))
    );
    let entries = bench.entries();
    let again = bench.company.office.take_from_card(&who, &mut bench.stage.card().unwrap()).unwrap();
    assert!(again.iter().all(|item| item.handed.known) && bench.entries() == entries);
    // New keys are used once the meter has them.
    bench.company.keys.rotate(Role::Credit, &mut OsRandom).unwrap();
    let id = bench.company.id();
    let (version, mail) = bench.company.office.change_keys(&who, &id, card, Role::Credit).unwrap();
    assert_eq!(version, KeyVersion::from_byte(0x72));
    deliver(&mut bench.card(), &mail.delivery).unwrap();
    let learnt = |bench: &mut Bench| -> Vec<_> {
        let brought = bench.company.office.take_from_card(&who, &mut bench.stage.card().unwrap()).unwrap();
        brought.iter().flat_map(|item| item.handed.keys).flatten().collect()
    };
    assert!(learnt(&mut bench).is_empty());
    let _ = bench.tap(&mut meter);
    assert_eq!(learnt(&mut bench), [KeyVersion::from_byte(0x72)]);
    assert!(learnt(&mut bench).is_empty(), "no news any more");
    assert_eq!(bench.company.office.carrier(card).unwrap().credit_key, KeyVersion::from_byte(0x72));
    let _ = bench.sell(card, 200).unwrap();
    let verdict = bench.tap(&mut meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(200), .. })), "{verdict:?}");
}

#[test]
fn what_was_left_goes_to_its_owners_card_once() {
    let (mut bench, report) = closed_contract();
    let (who, to) = (bench.company.who.clone(), MeterId::from(2));
    let id = bench.company.id();
    let refused =
        bench.company.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report);
    assert!(matches!(refused, Err(BranchError::OtherCard { .. })), "{refused:?}");
    bench.stage.insert(0).unwrap();
    let mut new_meter = bench.meter(2);
    // Torn as the session for BIND begins, after the ledger has done its part; then finished, with another id.
    let mut torn = Torn::open(bench.stage.card().unwrap(), 0x50, 1);
    let cut = bench.company.office.move_to_meter(&who, &id, &mut torn, to, &report);
    assert!(cut.is_err(), "{cut:?}");
    drop(torn);
    let entries = bench.entries();
    let id = bench.company.id();
    let moved =
        bench.company.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report).unwrap();
    assert_eq!((moved.total_credit, moved.binding.meter), (Piastres(100), to));
    let again =
        bench.company.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report).unwrap();
    assert_eq!((again, bench.entries()), (moved, entries));
    let verdict = bench.tap(&mut new_meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(100), .. })), "{verdict:?}");
    let closed =
        read(bench.company.office.ledger(), |t| binding_of(t, Payee::Binding(report.binding))).unwrap();
    assert_eq!(closed.status, Status::Closed);
    assert_eq!(bench.sell(moved.card.id, 300).unwrap(), LoadOutcome::Loaded);
}

#[test]
fn nobody_is_moved_to_a_meter_that_serves_somebody() {
    let (mut bench, report) = closed_contract();
    let taken = bench.issue(2, 300, CHOICE).unwrap().account.card.id;
    bench.stage.insert(0).unwrap();
    let (who, id) = (bench.company.who.clone(), bench.company.id());
    let to = MeterId::from(2);
    let refused =
        bench.company.office.move_to_meter(&who, &id, &mut bench.stage.card().unwrap(), to, &report);
    assert!(
        matches!(
            refused,
            Err(BranchError::Ledger(LedgerError::Refused(Refusal::MeterInUse { card, .. }))) if card == taken
        ),
        "{refused:?}"
    );
    let order = SaleOrder { who, id: bench.company.id(), payee: Payee::Card(taken), amount: Piastres(100) };
    assert!(bench.company.office.sell(&order).is_ok());
}
