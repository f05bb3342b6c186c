//! A ledger's file on media that can only be read: read, audited, and never sold from. The media are a folder that the kernel lets nobody write
//! to, in a name space of mounts of its own; so this needs root.

use card_host::card_core::id::CardId;
use card_host::card_work::development_scope;
use card_ledger::{AuditKey, LedgerError, Payee, SqliteLedger, StoreError, read, transact, verify};
use std::path::Path;
use std::process::Command;
use system_tests::programs::{Cardctl, programs};
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

/// The program in a data directory that it cannot write: what only reads works, and what writes says what is wrong.
#[test]
fn a_data_directory_that_cannot_be_written_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let cardctl = Cardctl::new("sim", directory.path().join("data"));
    let _ = cardctl.json(&["issue", "--meter", "1", "--account", "7"]);
    let _ = cardctl.json(&["top-up", "10"]);
    let _ = cardctl.run(&["audit", "key"]).text();
    let export = directory.path().join("export");
    let read_only = |arguments: &[&str]| {
        let script = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && \
                      folder=$0 && program=$1 && shift && exec \"$program\" --format json --data \"$folder\" \"$@\"";
        let output = Command::new("unshare")
            .args(["-m", "sh", "-c", script])
            .arg(directory.path().join("data"))
            .arg(&programs().cardctl)
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    for arguments in [
        &["ledger", "statement", "--meter", "1"][..],
        &["ledger", "trial-balance"],
        &["ledger", "status"],
        &["ledger", "export", export.to_str().unwrap()],
        &["reconcile"],
        &["audit", "verify"],
        &["policy", "show"],
    ] {
        let (status, out, err) = read_only(arguments);
        assert!(status == Some(0) && out.starts_with('{'), "{arguments:?}: {out}{err}");
    }
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../card-host/policies/egypt.toml");
    for arguments in [&["top-up", "5"][..], &["policy", "set", policy]] {
        let (status, out, err) = read_only(arguments);
        assert_eq!((status, out.as_str()), (Some(1), ""), "{arguments:?}: {err}");
        assert!(
            err.contains("see that the directory can be written") && !err.contains("contradicts"),
            "{arguments:?}: {err}"
        );
    }
    assert_eq!(cardctl.json(&["ledger", "statement", "--meter", "1"])["total_credit"], 1_000);
}
