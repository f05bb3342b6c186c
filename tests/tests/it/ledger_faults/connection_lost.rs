//! A connection to the database that is lost in COMMIT: before it reaches the server, and after the server has answered.

use card_host::card_core::id::CardId;
use card_host::card_core::units::Piastres;
use card_host::card_work::development_scope;
use card_ledger::{Payee, PointLimits, PostgresLedger, SaleOrder};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use system_tests::cut_proxy::{Cut, CutProxy};
use system_tests::postgres::Postgres;
use system_tests::world::{World, who};

#[test]
fn in_commit() {
    let server = Postgres::shared();
    let direct = server.create_database("world_lost_in_commit").unwrap();
    drop(PostgresLedger::connect(&direct, development_scope(), 1).unwrap());
    let proxy = CutProxy::start(server.address()).unwrap();
    let url = server.url_at(proxy.address(), "world_lost_in_commit");
    let ledger = PostgresLedger::connect(&url, development_scope(), 8).unwrap();
    let world = World::over(Arc::new(ledger));
    let (clients, rounds) = (4_u64, 12_u64);
    for client in 0..clients {
        world.add_point(&format!("kiosk-{client}"), "fawry", PointLimits::default());
        world.customer(client + 1);
    }
    let repeated = AtomicU64::new(0);
    for (number, cut) in [Cut::BeforeCommit, Cut::AfterCommit].into_iter().enumerate() {
        proxy.arm_every(cut, 3);
        std::thread::scope(|scope| {
            for client in 0..clients {
                let (world, repeated) = (&world, &repeated);
                scope.spawn(move || {
                    for round in 0..rounds {
                        let order = SaleOrder {
                            who: who("fawry", &format!("kiosk-{client}"), "till"),
                            id: format!("{number}.{client}.{round}").parse().unwrap(),
                            payee: Payee::Card(CardId::from(client % 2 + 1)),
                            amount: Piastres(10_000),
                        };
                        let sale = loop {
                            match world.office.sell(&order) {
                                Ok(sale) => break sale,
                                Err(error) => assert!(error.is_passing(), "{error}"),
                            }
                            repeated.fetch_add(1, Ordering::Relaxed);
                        };
                        assert!(sale.certified.is_some());
                    }
                });
            }
        });
        proxy.disarm();
    }
    assert!(proxy.cuts() >= 20, "{} cuts only", proxy.cuts());
    let sequences: u32 = (1..=2).map(|card| world.record(card).held.sequence).sum();
    assert_eq!(u64::from(sequences), 2 + 2 * clients * rounds, "each sale once");
    world.check();
    println!("{} commits, {} cut, {} asked for again", proxy.commits(), proxy.cuts(), repeated.into_inner());
}
