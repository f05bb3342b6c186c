//! `kill -9` of a seller between any two steps.

use super::script::{ACTIONS, act, settle};
use super::stepwise::Stepwise;
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::CardTime;
use card_host::card_work::development_scope;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{Ledger, Office, PostgresLedger, SqliteLedger};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use system_tests::postgres::Postgres;
use system_tests::world::{TestClock, World};

/// Where the seller finds things: environment variables of its process.
const PLACE: &str = "LEDGER_TEST_PLACE";

fn open(place: &str) -> Arc<dyn Ledger> {
    if place.starts_with("postgres") {
        Arc::new(PostgresLedger::connect(place, development_scope(), 2).unwrap())
    } else {
        Arc::new(SqliteLedger::open_or_create(Path::new(place), development_scope()).unwrap())
    }
}

/// The seller: a process of its own, which the tests below start. By itself it does nothing.
#[test]
fn the_seller() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let variable = |name: &str| std::env::var(format!("LEDGER_TEST_{name}")).unwrap();
    let kill_at: u64 = variable("KILL_AT").parse().unwrap();
    let clock = TestClock::new();
    clock.set(CardTime(variable("TIME").parse().unwrap()));
    let keys = SoftwareKeyStore::open(Path::new(&variable("KEYS"))).unwrap();
    let stepwise = Stepwise::new(open(&place), move |step| {
        if step == kill_at {
            let this = rustix::process::getpid();
            rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
            // It takes the process at the latest at its next system call.
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
    });
    let office = Office::new(Arc::new(stepwise), Arc::new(keys), clock).unwrap();
    for action in ACTIONS {
        let answer = act(&office, action, &variable("ROUND")).unwrap();
        println!("\nacknowledged\t{action}\t{answer}");
    }
    println!("\nfinished\t\t");
}

fn killed_between_any_two_steps(place: &str) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
    keys.create(&path).unwrap();
    let world = World::with_keys(open(place), keys);
    world.customer(1);
    world.customer(2);
    let mut killed = 0;
    for step in 1.. {
        let round = format!("k{step}");
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ledger_faults::seller_killed::the_seller", "--nocapture"])
            .env(PLACE, place)
            .env("LEDGER_TEST_KILL_AT", step.to_string())
            .env("LEDGER_TEST_TIME", world.office.now().unwrap().0.to_string())
            .env("LEDGER_TEST_KEYS", &path)
            .env("LEDGER_TEST_ROUND", &round)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        let acknowledged: BTreeMap<String, String> = lines
            .iter()
            .filter(|line| line[0] == "acknowledged" && line.len() == 3)
            .map(|line| (line[1].to_owned(), line[2].to_owned()))
            .collect();
        let finished = lines.iter().any(|line| line[0] == "finished");
        world.clock.pass(1);
        settle(&world.office, &round, &acknowledged);
        world.check();
        if finished {
            assert_eq!(acknowledged.len(), ACTIONS.len());
            break;
        }
        assert!(!output.status.success(), "{text}");
        killed += 1;
    }
    // Each of the seven transactions has at least: before, around reading, around writing, after.
    assert!(killed >= 7 * 6, "killed {killed} times only");
    let sold = world.record(1).held;
    assert_eq!(sold.sequence, 1 + 2 * (killed + 1), "one sale and one debit in each round");
}

#[test]
fn over_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    killed_between_any_two_steps(directory.path().join("ledger.sqlite").to_str().unwrap());
}

#[test]
fn over_postgres() {
    killed_between_any_two_steps(&Postgres::shared().create_database("seller_killed").unwrap());
}
