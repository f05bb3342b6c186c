//! What cards bring back, and what it does to the ledger.

use card_host::card_core::id::{Binding, MeterId};
use card_host::card_core::units::Piastres;
use card_host::issuer::BindingAccount;
use card_ledger::{BindingRecord, Evidence, Finding, OpenOrder, Refusal, SaleOrder, Shown};
use system_tests::world::{World, kiosk, refused};

/// The receipt and the certificate of a card that was personalised as if its binding were this one.
fn of_card(world: &World, record: &BindingRecord) -> (Evidence, Evidence) {
    let mut card = world.card(record);
    let (_, certificate) = world.office.certificates(record).unwrap();
    let receipt = Evidence::CardReceipt(world.receipt(&mut card));
    (receipt, Evidence::Certificate(certificate.emit().to_vec()))
}

pub(crate) fn a_card_tells_of_its_own_bindings_only(world: &World) {
    let one = world.customer(1);
    let two = world.customer(2);
    // A card whose keys are known to somebody says that it is the card of another contract.
    let held = BindingAccount { binding: two.binding(), total_credit: Piastres(1_000_000), ..one.held };
    let (receipt, _) = of_card(world, &BindingRecord { held, ..one });
    let hand = || world.office.hand_in(&kiosk(), &receipt);
    assert!(matches!(refused(hand()), Refusal::BadEvidence(_)));
    world.restored("fire");
    assert!(matches!(refused(hand()), Refusal::BadEvidence(_)));
    let sale = world.office.sell(&world.order(kiosk(), 2, 1_000));
    assert!(matches!(refused(sale), Refusal::EvidenceNeeded(_)));
    world.check();
}

pub(crate) fn what_a_card_has_above_the_ledger_stops_sales(world: &World) {
    let opened = world.customer(1);
    world.sell(1, 10_000);
    let known = world.record(1);
    let total = Piastres(known.held.total_credit.0 + 50_000);
    let held = BindingAccount { sequence: known.held.sequence + 4, total_credit: total, ..known.held };
    let (receipt, certificate) = of_card(world, &BindingRecord { held, ..opened });
    let hand = |evidence: &Evidence| world.office.hand_in(&kiosk(), evidence).unwrap().finding;
    assert_eq!(hand(&receipt), Finding::Above);
    // What would be certified now is older than what the card has.
    let sell = || world.office.sell(&world.order(kiosk(), 1, 10_000));
    assert_eq!(refused(sell()), Refusal::BooksBehind(known.binding()));
    let order = world.order(world.boss(), 1, 10_000);
    let announced = world.office.reserve(&order).map(drop);
    assert_eq!(refused(announced), Refusal::BooksBehind(known.binding()));
    // Nobody has said that the ledger was restored: then this is an alarm, and no credit.
    assert_eq!(hand(&certificate), Finding::Above);
    assert_eq!(world.record(1).held, known.held);
    world.restored("fire");
    // A broken card can sign what it likes: its receipt makes no credit, and its certificate must be the issuer's.
    assert_eq!(hand(&receipt), Finding::Above);
    assert!(matches!(refused(sell()), Refusal::EvidenceNeeded(_)));
    let Evidence::Certificate(mut forged) = certificate.clone() else { unreachable!() };
    forged[30] ^= 1;
    let result = world.office.hand_in(&kiosk(), &Evidence::Certificate(forged));
    assert!(matches!(refused(result), Refusal::BadEvidence(_)));
    assert_eq!(hand(&certificate), Finding::Recovered);
    let recovered = world.record(1).held;
    assert_eq!(recovered.total_credit, total);
    assert!(recovered.sequence > known.held.sequence + 4);
    sell().unwrap();
    world.check();
}

pub(crate) fn a_sale_looks_at_the_card_that_is_there(world: &World) {
    let opened = world.customer(1);
    let other = world.customer(2);
    world.sell(1, 10_000);
    let known = world.record(1);
    let total = Piastres(known.held.total_credit.0 + 50_000);
    let held = BindingAccount { sequence: known.held.sequence + 4, total_credit: total, ..known.held };
    let shown = |record: &BindingRecord| match of_card(world, record) {
        (Evidence::CardReceipt(receipt), Evidence::Certificate(certificate)) => {
            Shown { receipt, certificate: Some(certificate) }
        }
        _ => unreachable!(),
    };
    let above = shown(&BindingRecord { held, ..opened });
    let look =
        |order: &SaleOrder, shown: &Shown| world.office.look_at(&order.who, &order.id, order.payee, shown);
    let order = || world.order(kiosk(), 1, 10_000);
    let cash = || world.balance("cash:fawry-1");
    let before = cash();

    // A card that agrees with the books, and one of somebody else.
    let entries = world.entries().len();
    look(&order(), &shown(&known)).unwrap();
    assert!(matches!(refused(look(&order(), &shown(&other))), Refusal::BadEvidence(_)));
    assert_eq!(world.entries().len(), entries, "nothing new was shown");

    // A copy that nobody has spoken of: before any money, and from then on also without the card.
    assert_eq!(refused(look(&order(), &above)), Refusal::BooksBehind(known.binding()));
    assert_eq!(refused(look(&order(), &above)), Refusal::BooksBehind(known.binding()));
    assert_eq!(refused(world.office.sell(&order())), Refusal::BooksBehind(known.binding()));
    assert_eq!(cash(), before);

    // Once it is declared, a receipt alone does not bring back what was lost; the certificate does, and it is sold on top of it.
    world.restored("fire");
    let alone = Shown { certificate: None, ..above.clone() };
    assert_eq!(refused(look(&order(), &alone)), Refusal::BooksBehind(known.binding()));
    let sold = order();
    look(&sold, &above).unwrap();
    let sale = world.office.sell(&sold).unwrap();
    let certified = sale.certified.as_ref().unwrap();
    assert_eq!(certified.total_credit, Piastres(total.0 + sale.division.credit));
    assert!(certified.sequence > held.sequence);
    // What was sold is answered again, whatever the card shows.
    look(&sold, &shown(&other)).unwrap();
    world.check();
}

pub(crate) fn numbers_of_lost_bindings_are_left_out(world: &World) {
    world.customer(1);
    world.restored("fire");
    // Of this meter a later contract may be in the field; it would have taken the next number.
    let opened = world.customer(2);
    assert_eq!(opened.binding(), Binding { meter: MeterId::from(2), number: 1_000_000 });
    world.sell(2, 1_000);
    let next = |number, card| {
        let order = OpenOrder { closes_former: true, ..world.opening(2, number, card) };
        world.office.open(&order).unwrap().binding().number
    };
    assert_eq!(next(3, 30), 1_000_001);
    // Another disaster: what was opened after the first one may be lost now.
    world.restored("flood");
    assert_eq!((next(4, 40), next(5, 50)), (2_000_000, 2_000_001));
    world.check();
}
