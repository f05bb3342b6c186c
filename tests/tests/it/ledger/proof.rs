//! What evidence proves after a restore, and what it does not.

use super::bindings::{numbered, verified};
use card_host::card_core::id::{Binding, CardId, CardRef, MeterId};
use card_host::card_core::message::MeterFlags;
use card_host::card_core::units::Piastres;
use card_host::issuer::BindingAccount;
use card_ledger::{
    BindingRecord, Evidence, Finding, Kind, Office, OpenOrder, Payee, Refusal, SEQUENCE_GAP, Who,
};
use system_tests::world::{World, kiosk, load, refused, wallet};

fn restored(world: &World) {
    world.restored("fire");
}

fn hand(world: &World, who: &Who, evidence: &Evidence) -> Finding {
    world.office.hand_in(who, evidence).unwrap().finding
}

/// What selling to customer 1 is refused for.
fn locked(world: &World) -> Refusal {
    refused(world.office.sell(&world.order(kiosk(), 1, 1_000)))
}

fn meter(world: &World, record: &BindingRecord, number: u32) -> Evidence {
    Evidence::MeterReceipt(numbered(world, record, number, 0, 0))
}

/// What the lost ledger has certified: more of it.
fn lost(known: &BindingRecord, more: u64) -> BindingRecord {
    let held = BindingAccount {
        sequence: known.held.sequence + 1,
        total_credit: Piastres(known.held.total_credit.0 + more),
        ..known.held
    };
    BindingRecord { held, ..known.clone() }
}

fn certificate(office: &Office, record: &BindingRecord) -> Evidence {
    let (_, certificate) = office.certificates(record).unwrap();
    Evidence::Certificate(certificate.emit().to_vec())
}

/// A broken meter signs what it likes, and any channel hands it in: it unlocks, and is an alarm.
pub(crate) fn no_meter_makes_credit(world: &World) {
    world.customer(1);
    world.customer(2);
    world.sell(1, 10_000);
    let known = world.record(1);
    let broken = lost(&known, 1 << 40);
    restored(world);
    assert_eq!(hand(world, &kiosk(), &meter(world, &broken, 1)), Finding::Above);
    let seen = world.record(1);
    let sequence = known.held.sequence + SEQUENCE_GAP;
    let applied_credit = broken.held.total_credit;
    assert_eq!(seen.held, BindingAccount { sequence, applied_credit, ..known.held });
    assert_eq!((seen.epoch, seen.held.applied_credit), (1, broken.held.total_credit));
    assert_eq!(world.balance("recovered"), 0);
    assert_eq!(locked(world), Refusal::BooksBehind(known.binding()));
    // Another one has applied what was lost. Its certificate brings that back.
    let known = world.record(2);
    let lost = lost(&known, 9_000);
    assert_eq!(hand(world, &kiosk(), &meter(world, &lost, 1)), Finding::Above);
    let sale = || world.office.sell(&world.order(kiosk(), 2, 10_000));
    assert_eq!(refused(sale()), Refusal::BooksBehind(known.binding()));
    assert_eq!(hand(world, &kiosk(), &certificate(&world.office, &lost)), Finding::Recovered);
    assert_eq!((world.record(2).held.total_credit, world.balance("recovered")), (Piastres(9_000), 9_000));
    sale().unwrap();
    world.check();
}

pub(crate) fn receipts_that_the_copy_knew_unlock_nothing(world: &World) {
    let opened = world.customer(1);
    let mut card = world.card(&opened);
    let activates = world.office.refresh(&world.boss(), &world.id(), Payee::Card(CardId::from(1))).unwrap();
    let old = load(&mut card, &activates.voucher);
    let sold = world.sell(1, 10_000).certified.unwrap();
    let known = load(&mut card, &sold.voucher);
    hand(world, &kiosk(), &known);
    let binding = opened.binding();
    restored(world);
    // Also not by a channel that never handed it in, nor an older one.
    for who in [kiosk(), wallet()] {
        for evidence in [&old, &known] {
            hand(world, &who, evidence);
            assert_eq!(locked(world), Refusal::EvidenceNeeded(binding));
        }
    }
    // The card is there: what it shows is so now.
    world.office.take_from_card(&world.boss(), &mut card).unwrap();
    assert_eq!(world.record(1).epoch, 1);
    let sold = world.sell(1, 1_000).certified.unwrap();
    let receipt = load(&mut card, &sold.voucher);
    // A card that was replaced tells nothing about the present one, though this receipt was never handed in.
    let payee = Payee::Card(CardId::from(1));
    world.office.replace_card(&world.boss(), &world.id(), payee, CardId::from(9), "lost").unwrap();
    restored(world);
    hand(world, &kiosk(), &receipt);
    world.office.take_from_card(&world.boss(), &mut card).unwrap();
    let refusal = refused(world.office.sell(&world.order(kiosk(), 9, 1_000)));
    assert_eq!(refusal, Refusal::EvidenceNeeded(binding));
    world.check();
}

pub(crate) fn reports_that_are_not_newer_unlock_nothing(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let record = world.record(1);
    hand(world, &kiosk(), &meter(world, &record, 5));
    restored(world);
    for (number, who) in [(5, kiosk()), (5, wallet()), (4, kiosk()), (1, wallet())] {
        hand(world, &who, &meter(world, &record, number));
        assert_eq!(locked(world), Refusal::EvidenceNeeded(record.binding()));
    }
    hand(world, &wallet(), &meter(world, &record, 6));
    world.sell(1, 1_000);
    world.check();
}

/// A report of the meter has unlocked, and then comes the card with what was lost: what is sold now would be swallowed by that.
pub(crate) fn what_the_card_has_locks_again(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let known = world.record(1);
    let lost = lost(&known, 9_000);
    restored(world);
    hand(world, &kiosk(), &meter(world, &known, 1));
    let receipt = Evidence::CardReceipt(world.receipt(&mut world.card(&lost)));
    assert_eq!(hand(world, &kiosk(), &receipt), Finding::Above);
    assert_eq!(locked(world), Refusal::EvidenceNeeded(known.binding()));
    assert_eq!(hand(world, &kiosk(), &certificate(&world.office, &lost)), Finding::Recovered);
    let sold = world.sell(1, 10_000);
    let total = lost.held.total_credit.0 + sold.division.credit;
    assert_eq!(world.record(1).held.total_credit.0, total);
    world.check();
}

/// Whoever takes the id under which evidence will be stored would have it said that it is known.
pub(crate) fn ids_of_evidence_are_not_for_sales(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    let record = world.record(1);
    // Each party has it under the same id.
    let evidence = meter(world, &record, 1);
    hand(world, &kiosk(), &evidence);
    let entries = world.entries();
    let stored = entries.iter().rfind(|entry| entry.kind == Kind::Evidence).unwrap().request.id.to_string();
    let before = entries.len();
    for id in [stored, "restored-1-fawry-1".into(), "keys-1-1-114".into()] {
        let mut order = world.order(wallet(), 1, 1_000);
        order.id = id.parse().unwrap();
        assert!(matches!(refused(world.office.sell(&order)), Refusal::Invalid(_)), "{id}");
        assert!(matches!(refused(world.office.reserve(&order)), Refusal::Invalid(_)), "{id}");
    }
    assert_eq!(world.entries().len(), before);
    assert!(!world.office.hand_in(&wallet(), &evidence).unwrap().known);
    assert_eq!(world.entries().len(), before + 1);
    world.check();
}

/// A broken meter has the key that checks its certificates, and so can make them. A contract that was opened since the restore has lost nothing.
pub(crate) fn what_was_opened_since_has_lost_nothing(world: &World) {
    world.customer(1);
    restored(world);
    let binding = world.office.open(&world.opening(2, 2, 2)).unwrap().binding();
    world.sell(2, 10_000);
    let known = world.binding(binding);
    let held = BindingAccount { sequence: 1, total_credit: Piastres(50_000), ..known.held };
    let forged = BindingRecord { held, ..known.clone() };
    assert_eq!(hand(world, &kiosk(), &certificate(&world.office, &forged)), Finding::Above);
    // Nor can its card unlock that.
    let receipt = Evidence::CardReceipt(world.receipt(&mut world.card(&forged)));
    assert_eq!(hand(world, &kiosk(), &receipt), Finding::Above);
    assert_eq!(hand(world, &wallet(), &certificate(&world.office, &forged)), Finding::Above);
    let after = world.binding(binding);
    assert_eq!((after.held, after.epoch, world.balance("recovered")), (known.held, 1, 0));
    world.check();
}

/// What a broken meter makes of a copy is no more than the rules allow for each contract, in all.
pub(crate) fn what_is_recovered_has_a_bound(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    restored(world);
    let most = world.office.policy().unwrap().1.without_payment.recover_most;
    let give = |more: u64| {
        let certificate = certificate(&world.office, &lost(&world.record(1), more));
        world.office.hand_in(&kiosk(), &certificate)
    };
    let above = |more: u64| Refusal::MoreThanAllowed { amount: Piastres(more), most: Piastres(most) };
    for more in [most + 1, 1 << 50] {
        assert_eq!(refused(give(more)), above(more));
        assert!(matches!(locked(world), Refusal::EvidenceNeeded(_)));
    }
    assert_eq!(give(most - 1).unwrap().finding, Finding::Recovered);
    assert_eq!(world.balance("recovered"), i128::from(most - 1));
    // Another disaster begins no other bound.
    restored(world);
    assert_eq!(refused(give(2)), above(most + 1));
    assert_eq!(give(1).unwrap().finding, Finding::Recovered);
    world.sell(1, 1_000);
    world.check();
}

/// What was recovered stays at its meter, unless two people move it: also where the number of the contract, which comes from other books,
/// does not tell that it is an old one.
pub(crate) fn what_was_recovered_is_moved_by_two(world: &World) {
    let known = world.customer(1);
    let held = BindingAccount {
        binding: Binding { meter: MeterId::from(7), number: 5_000_000 },
        account: 1,
        card: CardRef { id: CardId::from(7), generation: 1 },
        sequence: 3,
        ..known.held
    };
    let (binding, id) = (held.binding, world.id());
    world.two(&id, || world.office.adopt(&world.boss(), &id, &held, "old books")).unwrap();
    restored(world);
    let forged = certificate(&world.office, &lost(&world.binding(binding), 50_000));
    assert_eq!(hand(world, &kiosk(), &forged), Finding::Recovered);
    let to =
        world.office.open(&OpenOrder { closes_former: true, ..world.opening(8, 1, 8) }).unwrap().binding();
    world.office.open(&OpenOrder { closes_former: true, ..world.opening(7, 1, 9) }).unwrap();
    let record = world.binding(binding);
    let last = numbered(world, &record, 9, 50_000, MeterFlags::CLOSED.0);
    let last = verified(world, &last);
    let moved = world.office.move_credit(&world.boss(), &world.id(), to, &last);
    assert_eq!(refused(moved), Refusal::MayBeMoved { from: binding, to });
    world.check();
}
