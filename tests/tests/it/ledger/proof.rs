//! What evidence proves after a restore, and what it does not.

use super::bindings::numbered;
use card_host::card_core::id::CardId;
use card_host::card_core::units::Piastres;
use card_host::issuer::BindingAccount;
use card_ledger::{BindingRecord, Evidence, Finding, Kind, Office, Payee, Refusal, SEQUENCE_GAP, Who};
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
