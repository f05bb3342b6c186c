//! Selling, step by step.

use card_host::card_core::id::{Binding, CardId, MeterId};
use card_host::card_core::message::Voucher;
use card_host::card_core::units::Piastres;
use card_host::issuer::IssuerError;
use card_host::keystore::{KeyStore, KeyStoreError};
use card_ledger::{
    Approved, Division, LedgerError, Office, Payee, PointLimits, Refusal, RequestKey, SaleOrder, SaleState,
};
use std::sync::Arc;
use system_tests::watched_keys::WatchedKeys;
use system_tests::world::{World, bank, kiosk, refused, wallet, who};

pub(crate) fn a_repetition_gives_the_same_answer(world: &World) {
    world.customer(1);
    let order = world.order(kiosk(), 1, 10_000);
    let first = world.office.sell(&order).unwrap();
    world.clock.pass(60);
    assert_eq!(world.office.sell(&order).unwrap(), first, "byte by byte: the voucher with its time is in it");
    // By meter instead of card is the same thing.
    let by_meter = SaleOrder { payee: Payee::Meter(MeterId::from(1)), ..order.clone() };
    assert_eq!(world.office.sell(&by_meter).unwrap(), first);
    assert_eq!(world.office.status(&first.request).unwrap(), first);
    // Also once more has been sold.
    let second = world.sell(1, 5_000);
    assert_eq!(world.office.sell(&order).unwrap(), first);
    let [first, second] = [first, second].map(|sale| sale.certified.unwrap());
    assert_eq!(second.sequence, first.sequence + 1);
    world.check();
}

pub(crate) fn the_same_id_for_something_else_is_refused(world: &World) {
    world.customer(1);
    world.customer(2);
    let order = world.order(kiosk(), 1, 10_000);
    world.office.sell(&order).unwrap();
    let others = [
        SaleOrder { amount: Piastres(10_001), ..order.clone() },
        SaleOrder { payee: Payee::Card(CardId::from(2)), ..order.clone() },
        SaleOrder { payee: Payee::Meter(MeterId::from(2)), ..order.clone() },
        SaleOrder { payee: Payee::Card(CardId::from(99)), ..order.clone() },
        SaleOrder { who: who("fawry", "fawry-2", "till 1"), ..order.clone() },
    ];
    for other in others {
        assert_eq!(refused(world.office.sell(&other)), Refusal::OtherRequest(order.id.clone()), "{other:?}");
        assert_eq!(refused(world.office.reserve(&other)), Refusal::OtherRequest(order.id.clone()));
    }
    assert_eq!(refused(world.office.reserve(&order)), Refusal::OtherRequest(order.id.clone()));
    // Another party's ids are its own.
    let sale = world.office.sell(&SaleOrder { who: wallet(), ..order.clone() }).unwrap();
    assert_eq!(sale.request.party.as_str(), "vodafone");
    world.check();
}

pub(crate) fn announced_confirmed_certified(world: &World) {
    world.customer(1);
    let order = world.order(kiosk(), 1, 10_000);
    let announced = world.office.reserve(&order).unwrap();
    assert_eq!((announced.state, &announced.certified), (SaleState::Reserved, &None));
    assert_eq!(world.office.reserve(&order).unwrap(), announced);
    assert_eq!(world.balance("cash:fawry-1"), 0, "nothing is paid yet");
    assert_eq!(refused(world.office.sell(&order)), Refusal::OtherRequest(order.id.clone()));
    assert_eq!(
        refused(world.office.confirm(&wallet(), &order.id, None)),
        Refusal::NoRequest(order.id.clone())
    );
    let elsewhere = who("fawry", "fawry-2", "till 2");
    assert_eq!(
        refused(world.office.confirm(&elsewhere, &order.id, None)),
        Refusal::WrongStep(order.id.clone())
    );
    let (sale, reason) = world.office.confirm(&kiosk(), &order.id, None).unwrap();
    assert!(reason.is_none());
    assert_eq!((sale.state, &sale.division), (SaleState::Certified, &announced.division));
    world.clock.pass(10);
    assert_eq!(world.office.confirm(&kiosk(), &order.id, None).unwrap().0, sale);
    assert_eq!(refused(world.office.cancel(&kiosk(), &order.id)), Refusal::AlreadyConfirmed);
    assert_eq!(refused(world.office.refund(&kiosk(), &order.id, "")), Refusal::AlreadyConfirmed);
    assert_eq!(world.balance("paid:fawry-1"), 0);
    assert_eq!(world.balance("cash:fawry-1"), 10_000);
    world.check();
}

pub(crate) fn cancelled_before_it_is_confirmed(world: &World) {
    world.customer(1);
    let order = world.order(kiosk(), 1, 10_000);
    assert_eq!(refused(world.office.cancel(&kiosk(), &order.id)), Refusal::NoRequest(order.id.clone()));
    world.office.reserve(&order).unwrap();
    let cancelled = world.office.cancel(&kiosk(), &order.id).unwrap();
    assert_eq!(cancelled.state, SaleState::Cancelled);
    assert_eq!(world.office.cancel(&kiosk(), &order.id).unwrap(), cancelled);
    assert_eq!(world.office.reserve(&order).unwrap(), cancelled, "asked again, it is what became of it");
    assert_eq!(refused(world.office.confirm(&kiosk(), &order.id, None)), Refusal::Cancelled);
    assert_eq!(refused(world.office.refund(&kiosk(), &order.id, "")), Refusal::WrongStep(order.id.clone()));
    assert_eq!(world.balance("cash:fawry-1"), 0);
    world.check();
}

pub(crate) fn a_second_person_above_the_limit(world: &World) {
    world.customer(1);
    let order = world.order(kiosk(), 1, 1_000_001);
    let needed = Refusal::ApprovalNeeded { amount: order.amount };
    assert_eq!(refused(world.office.sell(&order)), needed);
    world.office.reserve(&order).unwrap();
    assert_eq!(refused(world.office.confirm(&kiosk(), &order.id, None)), needed);
    let request = RequestKey { party: kiosk().party, id: order.id.clone() };
    let same = Refusal::NotSecondPerson { actor: "till 1".to_owned() };
    assert_eq!(refused(world.office.approve(&kiosk(), &request)), same);
    assert_eq!(
        refused(world.office.approve(&wallet(), &request)),
        Refusal::NoRequest(order.id.clone()),
        "another party knows nothing of it"
    );
    let second = who("fawry", "fawry-2", "chief");
    assert_eq!(world.office.approve(&second, &request).unwrap(), Approved::Sale);
    assert_eq!(world.office.approve(&second, &request).unwrap(), Approved::Sale);
    let (sale, _) = world.office.confirm(&kiosk(), &order.id, None).unwrap();
    assert_eq!((sale.state, sale.approved_by.as_deref()), (SaleState::Certified, Some("chief")));
    // The limit itself needs none.
    world.sell(1, 1_000_000);
    world.check();
}

pub(crate) fn what_is_paid_is_booked_even_where_it_cannot_be_certified(world: &World) {
    world.customer(1);
    let [kept, returned] = [(); 2].map(|()| {
        let order = world.order(kiosk(), 1, 10_000);
        world.office.reserve(&order).unwrap();
        order
    });
    let card = Payee::Card(CardId::from(1));
    world.office.block(&world.boss(), &world.id(), card, true, "lost").unwrap();
    for order in [&kept, &returned] {
        let (sale, reason) = world.office.confirm(&kiosk(), &order.id, None).unwrap();
        assert_eq!(sale.state, SaleState::Paid);
        assert!(matches!(reason, Some(LedgerError::Refused(Refusal::Blocked(_)))), "{reason:?}");
    }
    assert_eq!(world.balance("paid:fawry-1"), -20_000);
    world.check();
    let refund = world.office.refund(&kiosk(), &returned.id, "card lost").unwrap();
    assert_eq!(refund.state, SaleState::Refunded);
    assert_eq!(world.office.refund(&kiosk(), &returned.id, "card lost").unwrap(), refund);
    world.office.block(&world.boss(), &world.id(), card, false, "found").unwrap();
    assert_eq!(refused(world.office.confirm(&kiosk(), &returned.id, None)), Refusal::Refunded);
    let (sale, reason) = world.office.confirm(&kiosk(), &kept.id, None).unwrap();
    assert_eq!((sale.state, reason.is_none()), (SaleState::Certified, true));
    assert_eq!(world.balance("cash:fawry-1"), 10_000);
    assert_eq!(world.record(1).held.total_credit, Piastres(sale.division.credit));
    world.check();
}

pub(crate) fn what_nothing_is_sold_to(world: &World) {
    world.customer(1);
    let sell = |payee| {
        let order = SaleOrder { who: kiosk(), id: world.id(), payee, amount: Piastres(10_000) };
        let before = world.entries().len();
        let refusal = refused(world.office.sell(&order));
        assert_eq!(refused(world.office.reserve(&order)), refusal);
        assert_eq!(world.entries().len(), before, "nothing was written");
        refusal
    };
    let (card, meter) = (CardId::from(1), MeterId::from(1));
    assert_eq!(sell(Payee::Card(CardId::from(9))), Refusal::UnknownCard(CardId::from(9)));
    assert_eq!(sell(Payee::Meter(MeterId::from(9))), Refusal::UnknownMeter(MeterId::from(9)));
    let binding = Binding { meter, number: 2 };
    assert_eq!(sell(Payee::Binding(binding)), Refusal::UnknownBinding(binding));
    world.office.block(&world.boss(), &world.id(), Payee::Card(card), true, "stolen").unwrap();
    assert_eq!(sell(Payee::Card(card)), Refusal::Blocked(card));
    assert_eq!(sell(Payee::Meter(meter)), Refusal::Blocked(card));
    let new = CardId::from(2);
    world.office.replace_card(&world.boss(), &world.id(), Payee::Meter(meter), new, "stolen").unwrap();
    assert_eq!(sell(Payee::Card(card)), Refusal::Replaced(card, new));
    world.sell(2, 10_000);
    // Another customer moves in.
    let order = card_ledger::OpenOrder { closes_former: true, ..world.opening(1, 3, 3) };
    world.office.open(&order).unwrap();
    let closed = Binding { meter, number: 1 };
    assert_eq!(sell(Payee::Card(new)), Refusal::Closed(closed));
    assert_eq!(sell(Payee::Binding(closed)), Refusal::Closed(closed));
    assert_eq!(world.sell(3, 10_000).binding.number, 2);
    // Channels.
    let order = |who| SaleOrder { who, id: world.id(), payee: Payee::Meter(meter), amount: Piastres(10_000) };
    let unknown = |point: &str| Refusal::UnknownPoint(point.parse().unwrap());
    assert_eq!(refused(world.office.sell(&order(who("fawry", "nowhere", "x")))), unknown("nowhere"));
    assert_eq!(refused(world.office.sell(&order(who("fawry", "vodafone-1", "x")))), unknown("vodafone-1"));
    let point = "fawry-1".parse().unwrap();
    world.office.change_point(&world.boss(), &world.id(), &point, false, PointLimits::default()).unwrap();
    assert_eq!(refused(world.office.sell(&order(kiosk()))), Refusal::PointClosed(point));
    world.check();
}

pub(crate) fn limits_of_channel_and_point(world: &World) {
    world.customer(1);
    let sell = |who: &str, amount| {
        let order =
            SaleOrder { who: system_tests::world::who("fawry", who, "x"), ..world.order(kiosk(), 1, amount) };
        world.office.sell(&order)
    };
    assert!(matches!(refused(sell("fawry-1", 99)), Refusal::TooLittle { .. }));
    assert!(matches!(refused(sell("fawry-1", 0)), Refusal::TooLittle { .. }));
    assert!(matches!(refused(sell("fawry-1", 2_000_001)), Refusal::TooMuch { .. }));
    assert!(matches!(refused(sell("fawry-1", u64::MAX)), Refusal::TooMuch { .. }));
    assert!(
        matches!(refused(sell("fawry-1", 301)), Refusal::NothingLeft(_)),
        "2 % + 2 EGP + 1 EGP of 3.01 EGP"
    );
    let limits = PointLimits { most_cash: Some(Piastres(150_000)), most_daily: Some(Piastres(100_000)) };
    world.add_point("fawry-3", "fawry", limits);
    sell("fawry-3", 100_000).unwrap();
    assert!(matches!(refused(sell("fawry-3", 1_000)), Refusal::DailyLimit { .. }));
    world.clock.pass(86_400);
    assert!(matches!(refused(sell("fawry-3", 50_001)), Refusal::CashLimit { .. }));
    sell("fawry-3", 50_000).unwrap();
    assert!(matches!(refused(sell("fawry-3", 1_000)), Refusal::CashLimit { .. }));
    world.check();
}

/// Announcing sees what was booked, so that what is paid in the end may pass a limit: it is booked, and waits.
pub(crate) fn announced_sales_hold_to_the_limits(world: &World) {
    world.customer(1);
    let limits = PointLimits { most_cash: Some(Piastres(150_000)), most_daily: Some(Piastres(100_000)) };
    world.add_point("fawry-3", "fawry", limits);
    let till = who("fawry", "fawry-3", "till");
    let orders: Vec<_> = (0..3).map(|_| world.order(till.clone(), 1, 60_000)).collect();
    for order in &orders {
        world.office.reserve(order).unwrap();
    }
    let confirm = |order: &SaleOrder| world.office.confirm(&till, &order.id, None).unwrap();
    assert_eq!(confirm(&orders[0]).0.state, SaleState::Certified);
    let (second, reason) = confirm(&orders[1]);
    assert_eq!(second.state, SaleState::Paid);
    let why = |reason: Option<LedgerError>| refused(reason.map_or(Ok(()), Err));
    assert!(matches!(why(reason), Refusal::DailyLimit { .. }));
    assert_eq!(world.balance("cash:fawry-3"), 120_000, "what was taken is booked");
    world.clock.pass(86_400);
    assert_eq!(confirm(&orders[1]).0.state, SaleState::Certified, "on the next day");
    let (third, reason) = confirm(&orders[2]);
    assert_eq!(third.state, SaleState::Paid);
    assert!(matches!(why(reason), Refusal::CashLimit { .. }));
    assert_eq!(world.record(1).held.sequence, 3);
    world.office.refund(&till, &orders[2].id, "cash limit").unwrap();
    assert_eq!(world.balance("cash:fawry-3"), 120_000);
    world.check();
}

pub(crate) fn rules_that_are_gone_certify_nothing(world: &World) {
    world.customer(1);
    let order = world.order(kiosk(), 1, 10_000);
    world.office.reserve(&order).unwrap();
    let mut rules = system_tests::world::rules();
    rules.channels.remove("kiosk");
    world.office.set_policy(&world.boss(), &world.id(), None, &rules).unwrap();
    let (sale, reason) = world.office.confirm(&kiosk(), &order.id, None).unwrap();
    assert_eq!(sale.state, SaleState::Paid);
    assert_eq!(refused(reason.map_or(Ok(()), Err)), Refusal::NoPolicy);
    world.check();
}

pub(crate) fn fees_levies_and_debts(world: &World) {
    world.customer(1);
    world.office.debt(&world.boss(), &world.id(), 1, Piastres(5_000), "tampering").unwrap();
    let sale = world.sell(1, 10_000);
    // 2 EGP and 1 %, 1 EGP of levy, and 250 thousandths of what that leaves.
    let parts = |division: &Division| {
        let charges: Vec<_> = division.charges.iter().map(|charge| charge.amount).collect();
        (charges, division.debt, division.credit)
    };
    assert_eq!(parts(&sale.division), (vec![300, 100], 2_400, 7_200));
    assert_eq!(world.balance("debt:1"), 2_600);
    assert_eq!(world.balance("fee:service"), -300);
    assert_eq!(world.balance("levy:cleaning"), -100);
    // Announced with a debt that is paid by another sale before: what it does not take is credit.
    let order = world.order(kiosk(), 1, 10_000);
    assert_eq!(parts(&world.office.reserve(&order).unwrap().division), (vec![300, 100], 2_400, 7_200));
    world.sell(1, 10_000);
    assert_eq!(world.balance("debt:1"), 200);
    let (sale, _) = world.office.confirm(&kiosk(), &order.id, None).unwrap();
    assert_eq!(parts(&sale.division), (vec![300, 100], 200, 9_400));
    // The largest fee, no debt left.
    assert_eq!(parts(&world.sell(1, 1_000_000).division), (vec![500, 100], 0, 999_400));
    assert_eq!(world.balance("debt:1"), 0);
    world.check();
}

pub(crate) fn a_bank_sells_only_to_linked_cards(world: &World) {
    world.customer(1);
    world.customer(2);
    let card = CardId::from(1);
    let sell = || world.office.sell(&world.order(bank(), 1, 10_000));
    assert_eq!(refused(sell()), Refusal::NotLinked(card));
    let id = world.id();
    let unlinked = world.office.unlink(&bank(), &world.id(), card, "EG17");
    assert_eq!(refused(unlinked), Refusal::NotLinked(card));
    world.office.link(&bank(), &id, card, "EG17", "consent-2").unwrap();
    world.office.link(&bank(), &id, card, "EG17", "consent-2").unwrap();
    let other = world.office.link(&bank(), &id, card, "EG18", "consent-2");
    assert_eq!(refused(other), Refusal::OtherRequest(id));
    let stolen = world.office.link(&bank(), &world.id(), card, "EG18", "consent-2");
    assert_eq!(refused(stolen), Refusal::LinkedToOther(card), "it is another customer's of this bank");
    sell().unwrap();
    assert_eq!(
        refused(world.office.sell(&world.order(bank(), 2, 10_000))),
        Refusal::NotLinked(CardId::from(2))
    );
    world.office.unlink(&bank(), &world.id(), card, "EG17").unwrap();
    assert_eq!(refused(sell()), Refusal::NotLinked(card));
    world.check();
}

pub(crate) fn the_voucher_is_for_the_card_and_its_meter(world: &World) {
    world.customer(1);
    let sale = world.sell(1, 10_000);
    let certified = sale.certified.unwrap();
    let voucher = Voucher::parse(&certified.voucher).unwrap();
    assert_eq!(voucher.card, CardId::from(1));
    assert_eq!(voucher.certificate.binding, Binding { meter: MeterId::from(1), number: 1 });
    assert_eq!(voucher.certificate.total_credit, Piastres(sale.division.credit));
    assert_eq!(voucher.channel, card_host::card_core::id::Channel::Kiosk);
    let again = world.keys.sign_voucher(voucher).unwrap();
    assert_eq!(again.emit().as_slice(), certified.voucher, "signed with the keys of the issuer");
    assert_eq!(world.office.collect(CardId::from(1)).unwrap().voucher, Some(certified.voucher));
    world.check();
}

pub(crate) fn keys_that_cannot_be_reached(world: &World) {
    world.customer(1);
    let keys = WatchedKeys::new(Arc::clone(&world.keys), || Err(KeyStoreError::NotExportable));
    let broken = Office::new(Arc::clone(&world.ledger), Arc::new(keys), world.clock.clone()).unwrap();
    let before = world.entries().len();
    let order = world.order(kiosk(), 1, 10_000);
    assert!(matches!(broken.sell(&order), Err(LedgerError::Issuer(IssuerError::Keys(_)))));
    assert_eq!(world.entries().len(), before, "nothing was sold");
    world.office.sell(&order).unwrap();

    let order = world.order(kiosk(), 1, 20_000);
    broken.reserve(&order).unwrap();
    for _ in 0..2 {
        let (sale, reason) = broken.confirm(&order.who, &order.id, None).unwrap();
        assert_eq!(sale.state, SaleState::Paid, "what was paid is booked");
        assert!(matches!(reason, Some(LedgerError::Issuer(IssuerError::Keys(_)))));
    }
    let (sale, reason) = world.office.confirm(&order.who, &order.id, None).unwrap();
    assert!(sale.state == SaleState::Certified && reason.is_none());
    world.check();
}
