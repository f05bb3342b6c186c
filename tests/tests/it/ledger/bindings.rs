//! Bindings and their cards, moves, and what comes back.

use card_host::card_core::id::{Binding, CardId, CardRef, MeterId};
use card_host::card_core::message::{MeterFlags, MeterReceipt};
use card_host::card_core::soft::SoftEngine;
use card_host::card_core::units::{Balance, CardTime, Energy, Piastres};
use card_host::issuer::{AccountError, BindingAccount, IssuerError};
use card_ledger::{
    Approved, BindingRecord, Evidence, Finding, LedgerError, MoveOrder, OpenOrder, Payee, Refusal,
    RequestKey, Status,
};
use system_tests::world::{World, kiosk, load, refused, who};

pub(crate) fn opened_replaced_blocked(world: &World) {
    let order = world.opening(1, 1, 1);
    let opened = world.office.open(&order).unwrap();
    assert_eq!(world.office.open(&order).unwrap(), opened);
    assert_eq!((opened.held.sequence, opened.status), (1, Status::Open));
    let other = OpenOrder { account: 2, ..order.clone() };
    assert_eq!(refused(world.office.open(&other)), Refusal::OtherRequest(order.id.clone()));
    let others = world.opening(1, 2, 2);
    assert!(matches!(refused(world.office.open(&others)), Refusal::MeterInUse { .. }));
    let taken = world.opening(2, 2, 1);
    assert_eq!(refused(world.office.open(&taken)), Refusal::CardInUse(CardId::from(1)));
    world.sell(1, 10_000);
    let id = world.id();
    let payee = Payee::Meter(MeterId::from(1));
    let replace = || world.office.replace_card(&world.boss(), &id, payee, CardId::from(5), "lost");
    let replaced = replace().unwrap();
    assert_eq!(replace().unwrap(), replaced);
    assert_eq!(replaced.held.card, CardRef { id: CardId::from(5), generation: 2 });
    let again = world.office.replace_card(&world.boss(), &world.id(), payee, CardId::from(1), "found");
    assert_eq!(refused(again), Refusal::CardInUse(CardId::from(1)));
    // What was sold and never loaded comes with the new card.
    let waiting = world.office.collect(CardId::from(5)).unwrap().voucher.unwrap();
    assert_eq!(waiting, replaced.voucher);
    assert_eq!(
        refused(world.office.collect(CardId::from(1))),
        Refusal::Replaced(CardId::from(1), CardId::from(5))
    );
    let certified = world.office.refresh(&world.boss(), &world.id(), Payee::Card(CardId::from(5))).unwrap();
    assert_eq!(certified.sequence, replaced.held.sequence + 1);
    world.check();
}

pub(crate) fn the_same_id_for_another_card_is_refused(world: &World) {
    world.customer(1);
    world.customer(2);
    let (one, two) = (Payee::Card(CardId::from(1)), Payee::Card(CardId::from(2)));
    let (blocked, fresh, replaced) = (world.id(), world.id(), world.id());
    let block = |payee| world.office.block(&world.boss(), &blocked, payee, true, "lost");
    assert!(block(one).unwrap().blocked && block(one).unwrap().blocked);
    assert_eq!(refused(block(two)), Refusal::OtherRequest(blocked.clone()));
    assert!(!world.record(2).blocked);
    world.office.block(&world.boss(), &world.id(), one, false, "found").unwrap();
    let refresh = |payee| world.office.refresh(&world.boss(), &fresh, payee);
    assert_eq!(refresh(one).unwrap(), refresh(one).unwrap());
    assert_eq!(refused(refresh(two)), Refusal::OtherRequest(fresh.clone()));
    let replace = |payee| world.office.replace_card(&world.boss(), &replaced, payee, CardId::from(9), "lost");
    assert_eq!(replace(one).unwrap(), replace(one).unwrap());
    assert_eq!(refused(replace(two)), Refusal::OtherRequest(replaced.clone()));
    world.check();
}

pub(crate) fn adopted_from_other_books(world: &World) {
    let opened = world.customer(1);
    let held = BindingAccount {
        binding: Binding { meter: MeterId::from(7), number: 3 },
        account: 7,
        card: CardRef { id: CardId::from(7), generation: 4 },
        sequence: 19,
        total_credit: Piastres(100_000),
        total_debited: Piastres(2_500),
        ..opened.held
    };
    let id = world.id();
    let adopt = || world.office.adopt(&world.boss(), &id, &held, "old books");
    let adopted = world.two(&id, adopt).unwrap();
    assert_eq!(adopted.held, held);
    assert_eq!(adopt().unwrap(), adopted);
    let other = BindingAccount { total_credit: Piastres(1), ..held };
    assert!(matches!(refused(world.office.adopt(&world.boss(), &id, &other, "")), Refusal::OtherRequest(_)));
    assert!(matches!(
        refused(world.office.adopt(&world.boss(), &world.id(), &held, "")),
        Refusal::Invalid(_)
    ));
    assert_eq!(world.balance("opening"), 97_500);
    let sale = world.sell(7, 10_000).certified.unwrap();
    assert_eq!((sale.sequence, sale.total_debited), (20, Piastres(2_500)));
    world.check();
}

/// The final report of a meter, signed with its key.
fn report(world: &World, record: &BindingRecord, balance: i64, flags: u16) -> Vec<u8> {
    numbered(world, record, 9, balance, flags)
}

/// A report with this number.
pub(super) fn numbered(
    world: &World,
    record: &BindingRecord,
    number: u32,
    balance: i64,
    flags: u16,
) -> Vec<u8> {
    let scope = world.scope();
    let meter = record.binding().meter;
    let keys = world.keys.meter_keys(scope, meter).unwrap();
    let receipt = MeterReceipt {
        key_version: keys.report.version,
        binding: record.binding(),
        number,
        time: world.office.now().unwrap(),
        applied_credit: record.held.total_credit,
        applied_debited: record.held.total_debited,
        balance: Balance(balance),
        energy: Energy(500),
        flags: MeterFlags(flags),
        mac: [0; 16],
    };
    receipt.sign(&mut SoftEngine, &keys.receipt, scope).emit().to_vec()
}

pub(super) fn verified(world: &World, bytes: &[u8]) -> card_host::card_core::message::Verified<MeterReceipt> {
    use card_host::keystore::KeyStore;
    let scope = world.scope();
    let receipt = MeterReceipt::parse(bytes).unwrap();
    world.keys.verify_meter_receipt(scope, receipt).unwrap()
}

pub(crate) fn what_was_left_is_moved_once(world: &World) {
    for (number, balance) in [(1_u64, 4_000_i64), (2, 0), (3, -700)] {
        world.customer(number);
        world.sell(number, 10_000);
        let old = world.record(number);
        let to = world.opening(number + 10, number, number + 10);
        let to = world.office.open(&to).unwrap();
        let not_final = verified(world, &report(world, &old, balance, 0));
        let result = world.office.move_credit(&world.boss(), &world.id(), to.binding(), &not_final);
        assert!(matches!(result, Err(LedgerError::Issuer(IssuerError::Account(AccountError::NotFinal)))));
        let last = verified(world, &report(world, &old, balance, MeterFlags::CLOSED.0));
        let id = world.id();
        let moved = world.office.move_credit(&world.boss(), &id, to.binding(), &last).unwrap();
        assert_eq!(world.office.move_credit(&world.boss(), &id, to.binding(), &last).unwrap(), moved);
        let twice = world.office.move_credit(&world.boss(), &world.id(), to.binding(), &last);
        assert_eq!(refused(twice), Refusal::Closed(old.binding()));
        let held = world.binding(to.binding()).held;
        let certified = i128::from(held.total_credit.0) - i128::from(held.total_debited.0);
        assert_eq!(certified, i128::from(balance));
        assert_eq!(world.binding(old.binding()).status, Status::Closed);
        world.check();
    }
}

/// Whoever has the keys of one meter can say what it likes. The ledger knows what was certified, and what the meter has reported before.
pub(crate) fn a_meter_says_no_more_than_the_ledger_knows(world: &World) {
    for (number, seen) in [(1_u64, None), (2, Some(4_000))] {
        world.customer(number);
        world.sell(number, 10_000);
        let old = world.record(number);
        let certified = i64::try_from(old.held.total_credit.0).unwrap();
        if let Some(balance) = seen {
            // What came later and says more does not take the place of what was accepted.
            for balance in [balance, certified, 1 << 40] {
                let evidence = Evidence::MeterReceipt(report(world, &old, balance, 0));
                world.office.hand_in(&kiosk(), &evidence).unwrap();
            }
        }
        let to = world.office.open(&world.opening(number + 10, number, number + 10)).unwrap().binding();
        let before = world.entries().len();
        let move_by = |balance| {
            let last = verified(world, &report(world, &old, balance, MeterFlags::CLOSED.0));
            world.office.move_credit(&world.boss(), &world.id(), to, &last)
        };
        let applied = AccountError::MoreThanApplied;
        for balance in [certified + 1, 1_000_000_000_000, i64::MAX] {
            let result = move_by(balance);
            assert!(
                matches!(&result, Err(LedgerError::Issuer(IssuerError::Account(error))) if *error == applied),
                "{balance}: {result:?}"
            );
        }
        // Nor do two people move more than was certified.
        let order = MoveOrder::estimated(old.binding(), to, certified + 1);
        let proposed = world.office.propose_move(&world.boss(), &world.id(), &order, "by the bills");
        let most = AccountError::MoreThanCertified;
        assert!(
            matches!(&proposed, Err(LedgerError::Issuer(IssuerError::Account(error))) if *error == most),
            "{proposed:?}"
        );
        let left = seen.unwrap_or(certified);
        if seen.is_some() {
            let from = old.binding();
            let above = Refusal::AboveExpectation { from, left: Balance(left + 1), expected: Balance(left) };
            assert_eq!(refused(move_by(left + 1)), above);
        }
        assert_eq!(world.entries().len(), before);
        assert_eq!(move_by(left).unwrap().total_credit.0, u64::try_from(left).unwrap());
        world.check();
    }
}

/// A meter whose memory went back has lost what was used since: its final report is no proof of what was left.
pub(crate) fn what_a_lost_memory_says_is_not_moved(world: &World) {
    for (number, flags, applied_earlier) in [(1_u64, 0x20, false), (2, 0, true)] {
        world.customer(number);
        world.sell(number, 10_000);
        let old = world.record(number);
        if applied_earlier {
            let seen = report(world, &old, 1_000, 0);
            world.office.hand_in(&kiosk(), &Evidence::MeterReceipt(seen)).unwrap();
        }
        let to = world.office.open(&world.opening(number + 10, number, number + 10)).unwrap().binding();
        let less = Piastres(old.held.total_credit.0 - u64::from(applied_earlier));
        let lost = BindingAccount { total_credit: less, ..old.held };
        let lost = BindingRecord { held: lost, ..old.clone() };
        let last = report(world, &lost, 4_000, MeterFlags::CLOSED.0 | flags);
        let before = world.entries().len();
        let moved = world.office.move_credit(&world.boss(), &world.id(), to, &verified(world, &last));
        assert_eq!(refused(moved), Refusal::WentBack(old.binding()));
        assert_eq!(world.entries().len(), before);
        // Two people may.
        let id = world.id();
        let order = MoveOrder::estimated(old.binding(), to, 500);
        world.office.propose_move(&world.boss(), &id, &order, "by the bills").unwrap();
        let request = RequestKey { party: world.boss().party, id };
        world.office.approve(&who("company", "office", "tarek"), &request).unwrap();
        world.check();
    }
}

/// What was moved after the copy that the ledger was restored from is in what the new contract recovers.
pub(crate) fn after_a_restore_nothing_is_moved_twice(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let old = world.record(1);
    let to = world.office.open(&world.opening(11, 1, 11)).unwrap();
    let last = report(world, &old, 4_000, MeterFlags::CLOSED.0);
    let evidence = Evidence::MeterReceipt(last.clone());
    world.office.hand_in(&kiosk(), &evidence).unwrap();
    world.restored("fire");
    let again = || {
        let report = verified(world, &last);
        refused(world.office.move_credit(&world.boss(), &world.id(), to.binding(), &report))
    };
    // The new contract's certificate, with what was moved to it in the lost ledger.
    assert_eq!(again(), Refusal::EvidenceNeeded(to.binding()));
    let mut held = to.held;
    (held.sequence, held.total_credit) = (held.sequence + 1, Piastres(4_000));
    let (_, certificate) = world.office.certificates(&BindingRecord { held, ..to.clone() }).unwrap();
    let shown = Evidence::Certificate(certificate.emit().to_vec());
    world.office.hand_in(&kiosk(), &shown).unwrap();
    // The old one has not been seen; and where it has, what was recovered speaks.
    let moved = Refusal::MayBeMoved { from: old.binding(), to: to.binding() };
    assert_eq!(again(), moved);
    // The copy knew this report.
    world.office.hand_in(&kiosk(), &evidence).unwrap();
    assert_eq!((again(), world.binding(old.binding()).epoch), (moved.clone(), 0));
    let newer = Evidence::MeterReceipt(numbered(world, &old, 10, 4_000, MeterFlags::CLOSED.0));
    world.office.hand_in(&kiosk(), &newer).unwrap();
    assert_eq!((again(), world.binding(old.binding()).epoch), (moved, 1));
    assert_ne!(world.binding(old.binding()).status, Status::Closed);
    assert_eq!(world.binding(to.binding()).held.total_credit, Piastres(4_000));
    world.check();
}

/// In what was lost, it was moved to a contract that the copy does not know. Its card is at home; the customer takes a third meter.
pub(crate) fn what_was_moved_in_the_lost_tail_is_not_moved_again(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let old = world.record(1);
    world.restored("fire");
    let to = world.office.open(&world.opening(12, 1, 12)).unwrap().binding();
    // Newer than all that the copy knew, and true: the meter says what was left when its contract was closed.
    let last = numbered(world, &old, 10, 4_000, MeterFlags::CLOSED.0);
    world.office.hand_in(&kiosk(), &Evidence::MeterReceipt(last.clone())).unwrap();
    let moved = world.office.move_credit(&world.boss(), &world.id(), to, &verified(world, &last));
    assert_eq!(refused(moved), Refusal::MayBeMoved { from: old.binding(), to });
    assert_eq!(world.binding(to).held.total_credit, Piastres::ZERO);
    // Two people have looked at what was paid.
    let id = world.id();
    let order = MoveOrder::estimated(old.binding(), to, 4_000);
    world.office.propose_move(&world.boss(), &id, &order, "never moved").unwrap();
    world.office.approve(&world.second(), &world.boss().request(&id)).unwrap();
    assert_eq!(world.binding(to).held.total_credit, Piastres(4_000));
    // A contract that was opened since is moved by one again.
    let next = world.office.open(&world.opening(13, 1, 13)).unwrap().binding();
    let last = report(world, &world.binding(to), 4_000, MeterFlags::CLOSED.0);
    world.office.move_credit(&world.boss(), &world.id(), next, &verified(world, &last)).unwrap();
    assert_eq!(world.binding(next).held.total_credit, Piastres(4_000));
    world.check();
}

pub(crate) fn an_estimate_is_moved_by_two_people(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let to = world.office.open(&world.opening(11, 1, 11)).unwrap().binding();
    let from = Binding { meter: MeterId::from(1), number: 1 };
    let id = world.id();
    let order = MoveOrder::estimated(from, to, 3_000);
    world.office.propose_move(&world.boss(), &id, &order, "meter burnt").unwrap();
    world.office.propose_move(&world.boss(), &id, &order, "meter burnt").unwrap();
    let other = MoveOrder::estimated(from, to, 3_001);
    assert_eq!(
        refused(world.office.propose_move(&world.boss(), &id, &other, "meter burnt")),
        Refusal::OtherRequest(id.clone())
    );
    let request = RequestKey { party: world.boss().party, id };
    assert!(matches!(
        refused(world.office.approve(&world.boss(), &request)),
        Refusal::NotSecondPerson { .. }
    ));
    let approved = world.office.approve(&who("company", "office", "tarek"), &request).unwrap();
    let Approved::Certified(certified) = approved else { panic!("{approved:?}") };
    assert_eq!(certified.total_credit, Piastres(3_000));
    assert_eq!(world.balance("consumed"), -(i128::from(world.record(1).held.total_credit.0) - 3_000));
    world.check();
}

pub(crate) fn what_can_never_be_moved_is_not_proposed(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    world.customer(2);
    let to = world.office.open(&world.opening(11, 1, 11)).unwrap().binding();
    let from = world.record(1).binding();
    let propose = |from, to, left| {
        let order = MoveOrder::estimated(from, to, left);
        world.office.propose_move(&world.boss(), &world.id(), &order, "meter burnt")
    };
    let none = Binding { number: 2, ..from };
    assert_eq!(refused(propose(none, to, 3_000)), Refusal::UnknownBinding(none));
    for (from, to) in [(from, world.record(2).binding()), (from, from)] {
        let result = propose(from, to, 3_000);
        let other = AccountError::OtherBinding;
        assert!(matches!(result, Err(LedgerError::Issuer(IssuerError::Account(error))) if error == other));
    }
    assert!(propose(from, to, i64::MIN).is_err());
    let before = world.entries().len();
    propose(from, to, -3_000).unwrap();
    let entries = world.entries();
    let proposed = entries.iter().rfind(|entry| entry.reason == "meter burnt").unwrap();
    assert_eq!((entries.len(), proposed.amount), (before + 1, Piastres(3_000)));
    let old = world.record(1);
    let last = verified(world, &report(world, &old, 4_000, MeterFlags::CLOSED.0));
    world.office.move_credit(&world.boss(), &world.id(), to, &last).unwrap();
    assert_eq!(refused(propose(from, to, 3_000)), Refusal::Closed(from));
    world.check();
}

pub(crate) fn the_final_report_is_among_the_evidence(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let (old, none) = (world.record(1), Binding { meter: MeterId::from(9), number: 1 });
    let found = |of| world.office.final_report(of);
    assert_eq!(refused(found(none)), Refusal::UnknownBinding(none));
    let hand_in = |evidence| world.office.hand_in(&world.boss(), &evidence).unwrap();
    hand_in(Evidence::Voucher(old.voucher.clone()));
    hand_in(Evidence::MeterReceipt(report(world, &old, 6_000, 0)));
    assert_eq!(found(old.binding()).unwrap(), None, "that meter still counts");
    let last = report(world, &old, 4_000, MeterFlags::CLOSED.0);
    hand_in(Evidence::MeterReceipt(last.clone()));
    hand_in(Evidence::MeterReceipt(report(world, &old, 5_000, 0)));
    let last = verified(world, &last);
    assert_eq!(found(old.binding()).unwrap().as_deref(), Some(&*last));
    let to = world.office.open(&world.opening(11, 1, 11)).unwrap().binding();
    assert_eq!(found(to).unwrap(), None, "it is another contract's");
    let report = found(old.binding()).unwrap().unwrap();
    let moved = world.office.move_credit(&world.boss(), &world.id(), to, &report).unwrap();
    assert_eq!(moved.total_credit, Piastres(4_000));
    assert_eq!(found(old.binding()).unwrap().as_deref(), Some(&*last), "also when it has been moved");
    world.check();
}

pub(crate) fn a_card_goes_with_its_customer_to_another_meter(world: &World) {
    let first = world.customer(1);
    world.sell(1, 10_000);
    let there = OpenOrder { card: first.held.card, ..world.opening(2, 1, 1) };
    let second = world.office.open(&there).unwrap();
    assert_eq!(second.binding().meter, MeterId::from(2));
    assert_eq!(world.record(1).status, Status::Superseded);
    assert_eq!(world.sell(1, 10_000).binding, second.binding(), "the card is sold to where it is now");
    let others = OpenOrder { card: first.held.card, ..world.opening(3, 9, 1) };
    assert_eq!(refused(world.office.open(&others)), Refusal::CardInUse(first.held.card.id));
    // And the same customer opens the same meter anew.
    let anew = world.office.open(&world.opening(2, 1, 8)).unwrap();
    assert_eq!(anew.binding().number, 2);
    world.check();
}

pub(crate) fn evidence_is_stored_once(world: &World) {
    let opened = world.customer(1);
    let mut card = world.card(&opened);
    let first = world.office.refresh(&world.boss(), &world.id(), Payee::Card(opened.held.card.id)).unwrap();
    let before = load(&mut card, &first.voucher);
    let sale = world.sell(1, 10_000).certified.unwrap();
    let record = world.record(1);
    let waiting = world.office.collect(opened.held.card.id).unwrap().voucher.unwrap();
    assert_eq!(waiting, sale.voucher);
    let old = world.office.hand_in(&kiosk(), &before).unwrap();
    assert_eq!((old.known, old.finding), (false, Finding::Behind));
    let now = load(&mut card, &waiting);
    let first = world.office.hand_in(&kiosk(), &now).unwrap();
    assert_eq!((first.known, first.finding), (false, Finding::Agrees));
    let entries = world.entries().len();
    assert!(world.office.hand_in(&kiosk(), &now).unwrap().known);
    assert_eq!(world.entries().len(), entries, "the same again is not stored again");
    assert_eq!(world.office.collect(opened.held.card.id).unwrap().voucher, None, "the card has it");
    let Evidence::CardReceipt(mut forged) = now else { unreachable!() };
    forged[40] ^= 1;
    let result = world.office.hand_in(&kiosk(), &Evidence::CardReceipt(forged));
    assert!(matches!(refused(result), Refusal::BadEvidence(_)));
    // A meter's report.
    let good = Evidence::MeterReceipt(report(world, &record, 9_000, 0));
    assert_eq!(world.office.hand_in(&kiosk(), &good).unwrap().finding, Finding::Agrees);
    let seen = world.record(1);
    assert_eq!((seen.held.applied_credit, seen.heard > CardTime::UNSET), (sale.total_credit, true));
    // One that has applied more than was certified: its key, or the meter, is broken.
    let held = BindingAccount { total_credit: Piastres(1 << 40), ..record.held };
    let above = report(world, &BindingRecord { held, ..record }, 9_000, 0);
    assert_eq!(
        world.office.hand_in(&kiosk(), &Evidence::MeterReceipt(above)).unwrap().finding,
        Finding::Above
    );
    assert_eq!(world.record(1).held.total_credit, sale.total_credit, "evidence alone changes no total");
    for length in 0..100 {
        let junk = vec![1; length];
        let kinds = [Evidence::CardReceipt, Evidence::MeterReceipt, Evidence::MeterMail];
        for kind in kinds {
            assert!(matches!(
                refused(world.office.hand_in(&kiosk(), &kind(junk.clone()))),
                Refusal::BadEvidence(_)
            ));
        }
    }
    world.check();
}
