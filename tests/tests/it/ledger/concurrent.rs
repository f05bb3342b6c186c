//! Many at once.

use card_host::card_core::id::CardId;
use card_host::card_core::units::Piastres;
use card_ledger::{
    DebitOrder, DebitTo, LedgerError, Office, Payee, PointLimits, Refusal, RequestKey, SaleOrder, SaleState,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use system_tests::HANG;
use system_tests::watched_keys::WatchedKeys;
use system_tests::world::{World, kiosk, who};

const CLIENTS: usize = 8;

fn points(world: &World) {
    for client in 0..CLIENTS {
        world.add_point(&format!("kiosk-{client}"), "fawry", PointLimits::default());
    }
}

fn seller(client: usize) -> card_ledger::Who {
    who("fawry", &format!("kiosk-{client}"), "till")
}

pub(crate) fn hot_and_cold_bindings(world: &World) {
    points(world);
    // Card 1 is everybody's; the others are one client's each.
    for card in 1..=CLIENTS as u64 + 1 {
        world.customer(card);
    }
    let sold: Mutex<BTreeMap<u64, u64>> = Mutex::default();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let sold = &sold;
            scope.spawn(move || {
                for round in 0..20_u64 {
                    let card = if round % 2 == 0 { 1 } else { client as u64 + 2 };
                    let order = SaleOrder {
                        who: seller(client),
                        id: format!("c{client}-{round}").parse().unwrap(),
                        payee: Payee::Card(CardId::from(card)),
                        amount: Piastres(10_000 + round),
                    };
                    let sale = world.office.sell(&order).unwrap();
                    assert_eq!(world.office.sell(&order).unwrap(), sale);
                    *sold.lock().unwrap().entry(card).or_default() += sale.division.credit;
                }
            });
        }
    });
    for (card, credit) in sold.into_inner().unwrap() {
        let held = world.record(card).held;
        assert_eq!(held.total_credit, Piastres(credit), "card {card}");
        let sales = if card == 1 { 10 * CLIENTS as u32 } else { 10 };
        assert_eq!(held.sequence, 1 + sales);
    }
    world.check();
}

/// Sellers at several vending points, of each at several threads: whoever reads meanwhile misses nothing and gets nothing twice.
pub(crate) fn events_come_once_while_many_sell(world: &World) {
    points(world);
    world.customer(1);
    const EACH: usize = 10;
    let read = |point: usize, next: &mut u64, found: &mut Vec<String>| {
        let code = format!("kiosk-{point}").parse().unwrap();
        let page = card_ledger::events(&*world.ledger, &"fawry".parse().unwrap(), &code, *next, 3).unwrap();
        assert!(
            page.events.iter().all(|event| event.entry.number > *next && event.entry.number <= page.next)
        );
        found.extend(page.events.into_iter().map(|event| event.request.id.to_string()));
        *next = page.next;
    };
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for round in 0..EACH {
                    let who = seller(client % 2);
                    let id = format!("e{client}-{round}").parse().unwrap();
                    let order = SaleOrder { who, id, ..world.order(kiosk(), 1, 10_000) };
                    world.office.sell(&order).unwrap();
                }
            });
        }
        for point in 0..2 {
            let read = &read;
            scope.spawn(move || {
                let (mut next, mut found) = (0, Vec::new());
                while found.len() < EACH * CLIENTS / 2 {
                    read(point, &mut next, &mut found);
                }
                read(point, &mut next, &mut found);
                let entries = world
                    .entries()
                    .into_iter()
                    .filter(|entry| entry.id.point.as_str() == format!("kiosk-{point}"));
                assert_eq!(found, entries.map(|entry| entry.request.id.to_string()).collect::<Vec<_>>());
            });
        }
    });
    world.check();
}

/// Round, amount, and the voucher where it was sold.
type Answer = (u64, u64, Option<Vec<u8>>);

/// All clients ask for the same things at the same time, some of them with another amount.
pub(crate) fn the_same_requests_from_all_sides(world: &World) {
    world.customer(1);
    world.customer(2);
    let answers: Mutex<Vec<Answer>> = Mutex::default();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS as u64 {
            let answers = &answers;
            scope.spawn(move || {
                for round in 0..15_u64 {
                    let amount = 10_000 + client % 2;
                    let order = SaleOrder {
                        who: kiosk(),
                        id: format!("same-{round}").parse().unwrap(),
                        payee: Payee::Card(CardId::from(1 + round % 2)),
                        amount: Piastres(amount),
                    };
                    let answer = match world.office.sell(&order) {
                        Ok(sale) => Some(sale.certified.unwrap().voucher),
                        Err(LedgerError::Refused(Refusal::OtherRequest(_))) => None,
                        Err(other) => panic!("{other}"),
                    };
                    answers.lock().unwrap().push((round, amount, answer));
                }
            });
        }
    });
    let answers = answers.into_inner().unwrap();
    for round in 0..15 {
        let sold: Vec<_> =
            answers.iter().filter(|(of, _, answer)| *of == round && answer.is_some()).collect();
        assert_eq!(sold.len(), CLIENTS / 2, "those who asked for what was asked first");
        assert!(sold.windows(2).all(|pair| pair[0] == pair[1]), "and all got the same");
    }
    assert_eq!(world.record(1).held.sequence + world.record(2).held.sequence, 2 + 15);
    world.check();
}

pub(crate) fn approved_and_withdrawn_at_once(world: &World) {
    world.customer(1);
    world.sell(1, 900_000);
    world.add_point("branch-7", "company", PointLimits::default());
    for _ in 0..60 {
        let payee = Payee::Card(CardId::from(1));
        let (amount, to, reason) = (Piastres(100), DebitTo::Correction, "wrong".to_owned());
        let order = DebitOrder { who: world.boss(), id: world.id(), payee, amount, to, reason };
        world.office.propose(&order).unwrap();
        let request = RequestKey { party: order.who.party.clone(), id: order.id.clone() };
        let before = world.record(1).held.total_debited;
        let second = who("company", "branch-7", "tarek");
        let start = Barrier::new(2);
        let (approved, withdrawn) = std::thread::scope(|scope| {
            let approved = scope.spawn(|| {
                start.wait();
                world.office.approve(&second, &request).is_ok()
            });
            let withdrawn = scope.spawn(|| {
                start.wait();
                world.office.withdraw(&world.boss(), &order.id).is_ok()
            });
            (approved.join().unwrap(), withdrawn.join().unwrap())
        });
        assert!(approved != withdrawn, "one of them: {approved} {withdrawn}");
        assert_eq!(world.record(1).held.total_debited > before, approved);
    }
    world.check();
}

pub(crate) fn confirmed_and_cancelled_at_once(world: &World) {
    world.customer(1);
    let orders: Vec<_> = (0..12).map(|_| world.order(kiosk(), 1, 10_000)).collect();
    for order in &orders {
        world.office.reserve(order).unwrap();
    }
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let orders = &orders;
            scope.spawn(move || {
                for order in orders {
                    let result = if client % 2 == 0 {
                        world.office.confirm(&kiosk(), &order.id, None).map(|(sale, _)| sale)
                    } else {
                        world.office.cancel(&kiosk(), &order.id)
                    };
                    match result {
                        Ok(sale) if client % 2 == 0 => assert_eq!(sale.state, SaleState::Certified),
                        Ok(sale) => assert_eq!(sale.state, SaleState::Cancelled),
                        Err(LedgerError::Refused(Refusal::Cancelled | Refusal::AlreadyConfirmed)) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    let party = kiosk().party;
    let certified = orders.iter().filter(|order| {
        let request = RequestKey { party: party.clone(), id: order.id.clone() };
        world.office.status(&request).unwrap().state == SaleState::Certified
    });
    assert_eq!(world.record(1).held.sequence, 1 + u32::try_from(certified.count()).unwrap());
    world.check();
}

/// What one office does while another one, whose key store takes its time, signs a sale to card 1. Gives how much was signed for that sale.
fn while_a_sale_is_signed(world: &World, meanwhile: impl FnOnce()) -> (card_ledger::Sale, u64) {
    let signed = Arc::new(AtomicU64::new(0));
    let (begun, begins) = mpsc::channel();
    let (end, ends) = mpsc::channel();
    let (ends, count) = (Mutex::new(ends), Arc::clone(&signed));
    let keys = WatchedKeys::new(Arc::clone(&world.keys), move || {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            begun.send(()).unwrap();
            // It ends only where it keeps the others waiting.
            let _ = ends.lock().unwrap().recv_timeout(HANG / 2);
        }
        Ok(())
    });
    let slow = Office::new(Arc::clone(&world.ledger), Arc::new(keys), world.clock.clone()).unwrap();
    let order = world.order(kiosk(), 1, 10_000);
    let sale = std::thread::scope(|scope| {
        let sale = scope.spawn(|| slow.sell(&order).unwrap());
        begins.recv().unwrap();
        meanwhile();
        let _ = end.send(());
        sale.join().unwrap()
    });
    assert_eq!(slow.sell(&order).unwrap(), sale, "the same again");
    (sale, signed.load(Ordering::SeqCst))
}

pub(crate) fn who_signs_keeps_nobody_waiting(world: &World) {
    world.customer(1);
    world.customer(2);
    // At the same vending point.
    let (sale, signed) = while_a_sale_is_signed(world, || {
        world.sell(2, 10_000);
    });
    assert_eq!(signed, 2, "a certificate, and the voucher around it");
    assert_eq!(sale.certified.unwrap().sequence, 2);
    world.check();
}

pub(crate) fn signed_in_vain_and_signed_again(world: &World) {
    world.customer(1);
    // To the same card: what was signed first stands for nothing any more.
    let (sale, signed) = while_a_sale_is_signed(world, || {
        world.sell(1, 20_000);
    });
    assert_eq!(signed, 4);
    let certified = sale.certified.unwrap();
    assert_eq!(certified.sequence, 3);
    assert_eq!(world.record(1).voucher, certified.voucher, "the newest contains both");
    world.check();
}
