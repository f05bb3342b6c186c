//! `kill -9` of the database server between any two steps of a seller.

use super::script::{ACTIONS, act, settle};
use super::stepwise::Stepwise;
use card_host::card_work::development_scope;
use card_ledger::PostgresLedger;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use system_tests::postgres::Postgres;
use system_tests::world::World;

#[test]
fn between_any_two_steps() {
    let server = Postgres::start().unwrap();
    let url = server.create_database("killed").unwrap();
    let ledger = PostgresLedger::connect(&url, development_scope(), 4).unwrap();
    let server = Arc::new(Mutex::new(server));
    let kill_at = Arc::new(AtomicU64::new(u64::MAX));
    let (in_hook, at) = (Arc::clone(&server), Arc::clone(&kill_at));
    let stepwise = Arc::new(Stepwise::new(Arc::new(ledger), move |step| {
        if step == at.load(Ordering::SeqCst) {
            let mut server = in_hook.lock().unwrap();
            server.kill().unwrap();
            server.restart().unwrap();
        }
    }));
    let world = World::over(Arc::clone(&stepwise) as Arc<_>);
    world.customer(1);
    world.customer(2);
    // How many boundaries one round has, undisturbed.
    let before = stepwise.steps.load(Ordering::SeqCst);
    settle(&world.office, "first", &BTreeMap::new());
    let boundaries = stepwise.steps.load(Ordering::SeqCst) - before;
    assert!(boundaries >= 7 * 6);
    let long = std::env::var("CARD_TESTS").is_ok_and(|tests| tests == "long");
    // A start after a crash takes about a second: a share of the boundaries, another one each day.
    let stride = if long { 1 } else { 3 };
    let offset = if long { 0 } else { u64::from(std::process::id()) % stride };
    let mut answered = 0;
    for boundary in (1..=boundaries).filter(|boundary| boundary % stride == offset) {
        let round = format!("d{boundary}");
        kill_at.store(stepwise.steps.load(Ordering::SeqCst) + boundary, Ordering::SeqCst);
        let mut acknowledged = BTreeMap::new();
        for action in ACTIONS {
            match act(&world.office, action, &round) {
                Ok(answer) => {
                    acknowledged.insert(action.to_owned(), answer);
                }
                Err(error) if error.is_passing() => break,
                Err(error) => panic!("{round}.{action}, database killed at boundary {boundary}: {error}"),
            }
        }
        answered += acknowledged.len();
        settle(&world.office, &round, &acknowledged);
    }
    world.check();
    assert!(answered > 0);
}
