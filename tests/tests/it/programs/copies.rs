//! An older copy of the ledger that nobody has declared.

use std::fs;

use system_tests::programs::Cardctl;
use tempfile::TempDir;

#[test]
fn books_that_are_behind_the_card_are_noticed() {
    let directory = TempDir::new().unwrap();
    let cardctl = Cardctl::new("sim", directory.path().join("data"));
    let _ = cardctl.json(&["issue", "--meter", "1", "--account", "7"]);
    let _ = cardctl.json(&["top-up", "50"]);
    let copy = directory.path().join("copy");
    let _ = cardctl.json(&["ledger", "backup", copy.to_str().unwrap()]);
    for _ in 0..2 {
        let _ = cardctl.json(&["top-up", "20"]);
    }
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(directory.path().join("data").join(name));
    }
    // Nobody tells the ledger that it is a copy.
    fs::copy(&copy, directory.path().join("data/ledger.sqlite")).unwrap();
    let said = cardctl.run(&["top-up", "20"]);
    assert!(said.failed() && said.out.is_empty(), "{said}");
    assert!(
        said.err.contains("this ledger is an older copy") && said.err.contains("ledger restored"),
        "{said}"
    );
    assert_eq!(cardctl.json(&["ledger", "statement", "--meter", "1"])["total_credit"], 5_000);
    // On a machine that does not know how far it had come:
    for name in ["signer.sqlite", "signer.sqlite-wal", "signer.sqlite-shm"] {
        let _ = fs::remove_file(directory.path().join("data").join(name));
    }
    // The card is looked at before it is sold to: nothing is booked.
    for command in [&["top-up", "20"][..], &["top-up", "20"], &["refresh"]] {
        let said = cardctl.run(command);
        assert!(said.failed() && said.out.is_empty(), "{said}");
        let words = "more than the ledger has certified";
        assert!(said.err.contains(words) && said.err.contains("ledger restored"), "{said}");
        assert_eq!(cardctl.json(&["ledger", "statement", "--meter", "1"])["total_credit"], 5_000);
    }
}
