//! A disk under SQLite that fails, is full, or loses power, at each of its operations.

use super::script::{ACTIONS, act, settle};
use card_host::card_core::key::KeyLength;
use card_host::card_core::units::CardTime;
use card_host::card_work::development_scope;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{LedgerError, SqliteLedger, StoreError};
use faulty_files::{Fault, FaultyFiles};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use system_tests::world::World;

fn keys() -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys");
    SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap().create(&path).unwrap();
    (directory, path)
}

fn through(files: &FaultyFiles, path: &Path) -> SqliteLedger {
    SqliteLedger::open_with_vfs(path, development_scope(), files.name().to_str().unwrap()).unwrap()
}

/// Plays a round until something fails; what was acknowledged before.
fn play(world: &World, round: &str) -> BTreeMap<String, String> {
    let mut acknowledged = BTreeMap::new();
    for action in ACTIONS {
        match act(&world.office, action, round) {
            Ok(answer) => {
                acknowledged.insert(action.to_owned(), answer);
            }
            Err(LedgerError::Store(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_))) => break,
            Err(error) => panic!("{round}.{action}: {error}"),
        }
    }
    acknowledged
}

#[test]
fn fails_and_is_full() {
    let (_keep, path) = keys();
    for fault in [Fault::Broken, Fault::Full, Fault::ShortWrite, Fault::Sync] {
        for more in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let files = FaultyFiles::register(&format!("fails-{fault:?}-{more}")).unwrap();
            let ledger = through(&files, &directory.path().join("ledger.sqlite"));
            let world = World::with_keys(Arc::new(ledger), SoftwareKeyStore::open(&path).unwrap());
            world.customer(1);
            world.customer(2);
            let (mut n, mut struck) = (1, 0);
            loop {
                let round = format!("f{n}");
                if more {
                    files.fail_from(n, fault);
                } else {
                    files.fail_first_from(n, fault);
                }
                let before = files.operations();
                let acknowledged = play(&world, &round);
                let (faults, beyond) = (files.faults(), files.operations() - before < n);
                files.heal();
                settle(&world.office, &round, &acknowledged);
                if faults > 0 {
                    struck += 1;
                }
                if beyond {
                    break;
                }
                n += 1;
            }
            assert!(struck >= 7, "{fault:?} struck {struck} times only");
            world.check();
        }
    }
}

#[test]
fn loses_power() {
    let (_keep, path) = keys();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ledger.sqlite");
    let mut time = CardTime::UNSET;
    let long = std::env::var("CARD_TESTS").is_ok_and(|tests| tests == "long");
    let seeds = if long { 12 } else { 3 };
    {
        let ledger = SqliteLedger::create(&file, development_scope()).unwrap();
        let world = World::with_keys(Arc::new(ledger), SoftwareKeyStore::open(&path).unwrap());
        world.customer(1);
        world.customer(2);
        time = time.max(world.office.now().unwrap());
    }
    let mut cuts = 0;
    for seed in 0..seeds {
        for n in 1.. {
            let round = format!("p{seed}.{n}");
            let files = FaultyFiles::register(&round).unwrap();
            let clock = system_tests::world::TestClock::new();
            clock.set(CardTime(time.0 + 1));
            let reopen = |ledger: SqliteLedger| {
                let keys = Arc::new(SoftwareKeyStore::open(&path).unwrap());
                World::again(Arc::new(ledger), keys, clock.clone())
            };
            let world = reopen(through(&files, &file));
            let before = files.operations();
            files.cut_at(n);
            let acknowledged = play(&world, &round);
            let beyond = files.operations() - before < n;
            drop(world);
            files.after_power_cut(seed).unwrap();
            let world = reopen(SqliteLedger::open(&file, development_scope()).unwrap());
            settle(&world.office, &round, &acknowledged);
            time = CardTime(time.0 + 2);
            if beyond {
                world.check();
                break;
            }
            cuts += 1;
        }
    }
    assert!(cuts > 7 * seeds, "{cuts} cuts only");
}
