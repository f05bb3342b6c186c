//! A ledger's file on media that can only be read: read, audited, and never sold from. The media are a folder that the kernel lets nobody write
//! to, in a name space of mounts of its own; so this needs root.

use card_host::card_core::id::CardId;
use card_host::card_work::development_scope;
use card_ledger::{AuditKey, LedgerError, Payee, SqliteLedger, StoreError, read, transact, verify};
use std::path::Path;
use std::process::Command;
use system_tests::world::World;

/// Where the reader finds the ledger: an environment variable of its process.
const PLACE: &str = "LEDGER_TEST_READ_ONLY";

/// The reader: a process of its own, which the test below starts. By itself it does nothing.
#[test]
fn the_reader() {
    let Ok(place) = std::env::var(PLACE) else { return };
    let ledger = SqliteLedger::open(Path::new(&place), development_scope()).unwrap();
    let record = read(&ledger, |t| t.binding(Payee::Card(CardId::from(1)))).unwrap().unwrap();
    let key = AuditKey::generate().unwrap().public();
    let audit = verify(&ledger, &key, &[], &mut |_| {}).unwrap();
    assert!(audit.findings.is_empty(), "{:?}", audit.findings);
    let refused = transact(&ledger, |t| t.epoch());
    let Err(LedgerError::Store(StoreError::Unfit(text))) = refused else { panic!("{refused:?}") };
    assert!(text.contains("can only be read here"), "{text}");
    println!("\nread {}", record.held.total_credit);
}

#[test]
fn a_ledger_on_read_only_media_is_read() {
    let (whole, with_log) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = whole.path().join("ledger.sqlite");
    let world = World::over(std::sync::Arc::new(SqliteLedger::create(&path, development_scope()).unwrap()));
    world.customer(1);
    let sale = world.sell(1, 10_000);
    let expected = format!("\nread {}\n", sale.certified.unwrap().total_credit);
    // While a program has it open, the newest sales stand in the log beside it.
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        std::fs::copy(whole.path().join(name), with_log.path().join(name)).unwrap();
    }
    drop(world);
    for folder in [whole.path(), with_log.path()] {
        let script = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && \
                      exec \"$1\" --exact read_only::the_reader --nocapture";
        let output = Command::new("unshare")
            .args(["-m", "sh", "-c", script])
            .arg(folder)
            .arg(std::env::current_exe().unwrap())
            .env(PLACE, folder.join("ledger.sqlite"))
            .output()
            .unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && out.contains(&expected), "{}: {out}{err}", folder.display());
    }
}
