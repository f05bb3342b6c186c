//! `cardctl` and its books: found on purpose only, finished or given back, set without losing what was set before.

use std::fs;

use system_tests::programs::Cardctl;
use tempfile::TempDir;

use super::ledger::Branch;

#[test]
fn a_ledger_that_is_missed_is_not_founded_anew() {
    let directory = TempDir::new().unwrap();
    let empty = Cardctl::new("sim", directory.path().join("empty"));
    for command in [
        &["ledger", "status"][..],
        &["ledger", "backup", "copy"],
        &["audit", "verify"],
        &["reconcile"],
        &["collect"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let said = empty.run(command);
        assert!(said.status == Some(1) && said.err.contains("ledger.sqlite does not exist here"), "{said}");
        assert!(said.err.contains("--data") && said.err.contains("ledger begin"), "{said}");
    }
    let left: Vec<_> = fs::read_dir(&empty.data).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "lock"), "nothing was made: {left:?}");

    // What enters who sells founds one where nothing is.
    for (name, command) in [
        ("party", &["ledger", "party", "fawry", "--channel", "kiosk"][..]),
        ("point", &["ledger", "point", "till-1", "--party", "company"]),
        ("rules", &["ledger", "rules"]),
    ] {
        let cardctl = Cardctl::new("sim", directory.path().join(name));
        let _ = cardctl.json(command);
        assert_eq!(cardctl.json(&["ledger", "begin"])["begun"], false);
    }

    let branch = Branch::new();
    let _ = branch.cardctl.json(&["top-up", "50"]);
    let copy = branch.name("copy");
    let _ = branch.cardctl.json(&["ledger", "backup", &copy]);
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(branch.path("data").join(name));
    }
    for command in [
        &["ledger", "status"][..],
        &["top-up", "10"],
        &["issue", "--meter", "2", "--account", "8"],
        &["ledger", "party", "fawry", "--channel", "kiosk"],
    ] {
        let words = ["ledger.sqlite does not exist here", "restore its newest copy", "cardctl ledger begin"];
        branch.refused(command, &words);
    }
    assert!(!branch.path("data/ledger.sqlite").exists());
    fs::copy(&copy, branch.path("data/ledger.sqlite")).unwrap();
    assert_eq!(branch.statement()["total_credit"], 5_000);

    // A ledger without its keys certifies nothing that any card or meter believes.
    let keys = branch.path("data/development-keys.json");
    fs::rename(&keys, branch.path("keys")).unwrap();
    branch.refused(&["top-up", "10"], &["development-keys.json does not exist here", "copy that file"]);
    fs::rename(branch.path("keys"), &keys).unwrap();

    fs::remove_file(branch.path("data/ledger.sqlite")).unwrap();
    assert_eq!(branch.cardctl.json(&["ledger", "begin"])["begun"], true);
    branch.refused(&["top-up", "10"], &["was not issued here"]);
    branch.in_order();
}
