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

/// Announces a sale that needs a second person.
fn large(branch: &Branch, id: &'static str) -> [&'static str; 6] {
    let sale = ["--actor", "first", "--request", id, "top-up", "15000"];
    branch.refused(&sale, &["second person"]);
    sale
}

#[test]
fn what_is_paid_without_a_voucher_is_finished_or_given_back() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "10"]);
    let approve = |id: &str| cardctl.json(&["--actor", "second", "ledger", "approve", id]);
    let block = |what: &str| cardctl.json(&["ledger", what, "--meter", "1", "--reason", "lost"]);
    let cash = || cardctl.json(&["ledger", "status"])["points"][0]["cash"].clone();

    // Announced, and not paid.
    let _ = large(&branch, "s-0");
    let no_money = ["ledger", "refund", "s-0", "--reason", "changed her mind"];
    branch.refused(&no_money, &["nothing was paid", "ledger cancel s-0"]);
    for _ in 0..2 {
        assert_eq!(cardctl.json(&["ledger", "cancel", "s-0"])["state"], "cancelled");
    }
    branch.refused(&["--request", "s-0", "top-up", "15000"], &["was cancelled"]);

    // Paid, and then given back: once.
    let sale = large(&branch, "s-1");
    let _ = approve("s-1");
    let _ = block("block");
    for _ in 0..2 {
        let words = ["15000.00 EGP are booked as paid under request s-1", "is blocked", "ledger refund s-1"];
        branch.refused(&sale, &words);
        assert_eq!(cash(), 1_501_000);
    }
    branch.refused(&["ledger", "cancel", "s-1"], &["is paid", "ledger refund s-1"]);
    for _ in 0..2 {
        let refund = ["ledger", "refund", "s-1", "--reason", "the card is lost"];
        let given = cardctl.json(&refund);
        assert_eq!((&given["state"], &given["amount"]), (&"refunded".into(), &1_500_000.into()));
        assert_eq!((&given["point"], cash()), (&"office".into(), 1_000.into()));
    }
    branch.refused(&sale, &["has been given back"]);
    let _ = block("unblock");

    // Paid for a card that is replaced meanwhile: certified for the new one.
    let sale = large(&branch, "s-2");
    let _ = approve("s-2");
    let _ = block("block");
    branch.refused(&sale, &["booked as paid under request s-2"]);
    let replaced = cardctl.json(&["issue", "--meter", "1", "--account", "7"]);
    assert_eq!(replaced["replaces"], branch.card.as_str());
    branch.refused(&["--request", "s-2", "top-up", "15001"], &["used for something else"]);
    let sold = cardctl.json(&sale);
    assert_eq!((&sold["outcome"], &sold["card"]), (&"Loaded".into(), &replaced["card"]));
    assert_eq!(branch.statement()["total_credit"], 1_501_000);
    // A third card gets by `refresh` what was sold to the second one.
    let _ = cardctl.json(&["issue", "--meter", "1", "--account", "7"]);
    branch.refused(&sale, &["sold already", "cardctl refresh"]);
    assert_eq!(cardctl.json(&["refresh"])["total_credit"], 1_501_000);
    branch.refused(&["ledger", "refund", "s-2", "--reason", "twice"], &["take it back with a correction"]);
    branch.in_order();
}

#[test]
fn exceptions_say_what_they_are_about_and_what_to_do() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "10"]);
    let _ = cardctl.json(&["ledger", "restored", "--reason", "the disk died"]);
    let text = cardctl.run(&["reconcile"]);
    assert!(text.out.contains("evidence-needed: binding 1 of meter 1, account 7, "), "{text}");
    assert!(text.out.contains("to do: read the card, or hand in"), "{text}");
    let found = cardctl.run(&["--format", "json", "reconcile"]);
    let found: serde_json::Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!(found["summary"]["evidence-needed"]["count"], 1, "{found}");
    let list = found["exceptions"].as_array().unwrap();
    assert!(!list.is_empty());
    for item in list {
        assert!(item["since"].is_u64() || item["since"].is_null(), "{item}");
        assert!(!item["to_do"].as_str().unwrap().is_empty() && item.get("party").is_some(), "{item}");
    }
}

#[test]
fn a_new_master_is_drawn_once_for_a_request() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "10"]);
    let keys = || fs::read(branch.path("data/development-keys.json")).unwrap();
    let change = |id: &str| cardctl.json(&["--request", id, "mail", "keys", "credit", "--new-master"]);
    let first = change("k-1");
    assert_eq!(first["restart"], "cardctl serve");
    let stored = keys();
    let again = change("k-1");
    assert_eq!((&again["says"], &again["version"]), (&first["says"], &first["version"]));
    assert!(keys() == stored, "the same keys as before");
    let _ = cardctl.json(&["meter", "tap"]);
    let _ = cardctl.json(&["collect"]);
    assert_ne!(change("k-2")["says"], first["says"]);
    assert!(keys() != stored);
}
