//! `cardctl` and its books: found on purpose only, finished or given back, set without losing what was set before.
// Long: one case for each command on the books.

use std::fs;

use serde_json::json;
use system_tests::postgres::Postgres;
use system_tests::programs::Cardctl;
use tempfile::TempDir;

use super::ledger::{Branch, voucher_in};

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
    assert!(
        left.iter().all(|name| name == "lock" || name == "lock-holder.json"),
        "nothing was made: {left:?}"
    );

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
    let block = |what: &str| cardctl.json(&[what, "--meter", "1", "--reason", "lost"]);
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
    let said = cardctl.run(&[&["--format", "json"], &sale[..]].concat());
    assert!(said.err.contains("\"request\":\"s-1\""), "{said}");
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
    let replaced = cardctl.json(&["replace", "--meter", "1", "--reason", "lost"]);
    assert_eq!(replaced["replaces"], branch.card.as_str());
    branch.refused(&["--request", "s-2", "top-up", "15001"], &["used for something else"]);
    let sold = cardctl.json(&sale);
    assert_eq!((&sold["outcome"], &sold["card"]), (&"Loaded".into(), &replaced["card"]));
    assert_eq!(branch.statement()["total_credit"], 1_501_000);
    // A third card gets by `refresh` what was sold to the second one.
    let _ = cardctl.json(&["replace", "--meter", "1", "--reason", "lost"]);
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
    let _ = cardctl.two("fire-1", &["ledger", "restored", "--reason", "the disk died"]);
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

#[test]
fn a_master_that_was_drawn_is_the_one_of_its_request() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "10"]);
    let keys = || fs::read(branch.path("data/development-keys.json")).unwrap();
    let before = keys();
    let change = ["--request", "k-1", "mail", "keys", "credit", "--new-master"];
    // Interrupted between the drawing and the mail: here, since nothing is sent to a contract that has not been seen since a restore.
    let _ = cardctl.two("fire-1", &["ledger", "restored", "--reason", "a drill"]);
    branch.refused(&change, &["restored from a copy"]);
    let drawn = keys();
    assert!(drawn != before);
    branch.refused(&change, &["restored from a copy"]);
    assert!(keys() == drawn, "the same keys as before");
    let _ = cardctl.json(&["collect"]);
    assert!(cardctl.json(&change)["says"].as_str().unwrap().ends_with("keys 72"));
    assert!(keys() == drawn, "the same keys as before");
    branch.in_order();
}

#[test]
fn rules_asked_for_again_are_the_same_version() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let (path, other) = (branch.name("rules"), branch.name("other"));
    let mut rules = cardctl.json(&["ledger", "rules"])["rules"].clone();
    rules["correction_approval_above"] = 8.into();
    fs::write(&path, rules.to_string()).unwrap();
    rules["correction_approval_above"] = 7.into();
    fs::write(&other, rules.to_string()).unwrap();
    let first = cardctl.json(&["--request", "r-1", "ledger", "rules", &path]);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(cardctl.json(&["--request", "r-2", "ledger", "rules", &other])["version"], 3);
    assert_eq!(cardctl.json(&["--request", "r-1", "ledger", "rules", &path]), first, "the first answer");
    assert_eq!(cardctl.json(&["ledger", "rules"])["version"], 3);
    branch.refused(&["--request", "r-1", "ledger", "rules", &other], &["used for something else"]);
    branch.in_order();
}

#[test]
fn what_was_left_is_moved_by_the_final_report_or_an_estimate() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "50"]);
    let _ = cardctl.json(&["meter", "tap"]);
    // The customer gets meter 2, and somebody else meter 1.
    let _ = cardctl.json(&["issue", "--meter", "2", "--account", "7"]);
    let by_report = ["ledger", "move", "--from", "1/1", "--to", "2/1"];
    branch.refused(
        &by_report,
        &["no final report of contract 1/1", "cardctl collect", "--estimate EGP --reason"],
    );
    let _ = cardctl.json(&["move-in", "--meter", "1", "--account", "8"]);
    let _ = cardctl.json(&["top-up", "10"]);
    let _ = cardctl.json(&["meter", "tap", "--meter", "1"]);
    let collected = cardctl.json(&["collect"]);
    assert_eq!(collected["mail"][0]["report"], "final report", "{collected}");
    branch.refused(&["ledger", "move", "--from", "1/1", "--to", "1/2"], &["two bindings of one customer"]);
    branch.refused(&["ledger", "move", "--from", "1/3", "--to", "2/1"], &["no contract number 3"]);
    let once = [&["--request", "m-1"], &by_report[..]].concat();
    let out = branch.name("voucher");
    let moved = cardctl.json(&[&once[..], &["--out", &out]].concat());
    assert_eq!((&moved["total_credit"], &moved["request"]), (&5_000.into(), &"m-1".into()));
    assert_eq!(voucher_in(&branch.path("voucher")), moved["voucher"].as_str().unwrap());
    assert_eq!(cardctl.json(&once)["voucher"], moved["voucher"], "moved once");
    branch.refused(&by_report, &["contract 1/1 has been moved already"]);

    // Meter 2 burns: what was left is estimated by one, and agreed to by another.
    let _ = cardctl.json(&["issue", "--meter", "3", "--account", "7"]);
    let estimate = |words: &[&'static str]| {
        [&["--actor", "first", "--request", "m-2", "ledger", "move", "--from", "2/1", "--to", "3/1"], words]
            .concat()
    };
    assert_eq!(cardctl.run(&estimate(&["--estimate", "30"])).status, Some(2));
    assert_eq!(cardctl.run(&estimate(&["--reason", "burnt"])).status, Some(2));
    branch.refused(&estimate(&["--estimate", "30", "--reason", " "]), &["say why"]);
    let proposed = cardctl.json(&estimate(&["--estimate", "-30.5", "--reason", "burnt"]));
    let to_move = json!({
        "from": { "meter": "2", "binding": 1 }, "to": { "meter": "3", "binding": 1 }, "left": -3_050,
    });
    assert_eq!((&proposed["from"], &proposed["left"]), (&to_move["from"], &to_move["left"]));
    assert_eq!(cardctl.json(&["ledger", "status"])["waiting"][0]["move"], to_move);
    let said = cardctl.run(&["ledger", "status"]);
    assert!(said.text().contains("-30.50 EGP go from contract 2/1 to contract 3/1"), "{said}");
    branch.refused(&["--actor", "first", "ledger", "approve", "m-2"], &["first cannot be the second person"]);
    let approved = cardctl.json(&["--actor", "second", "ledger", "approve", "m-2"]);
    assert_eq!((&approved["total_credit"], &approved["total_debited"]), (&0.into(), &3_050.into()));
    for (from, words) in [("2", "such as 17/1"), ("2/0", "such as 17/1"), ("x/1", "meter number")] {
        let said = cardctl.run(&["ledger", "move", "--from", from, "--to", "3/1"]);
        assert!(said.status == Some(2) && said.err.contains(words), "{said}");
    }
    branch.in_order();
}

#[test]
fn what_is_not_named_of_a_party_or_a_point_stays_as_it_is() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let party = |words: &[&str]| cardctl.json(&[&["ledger", "party"], words].concat());
    let point = |words: &[&str]| cardctl.json(&[&["ledger", "point"], words].concat());
    let entries = || cardctl.json(&["ledger", "status"])["points"].clone();
    branch.refused(&["ledger", "party", "fawry"], &["is new", "--channel"]);
    branch.refused(&["ledger", "point", "fawry-1"], &["is new", "--party"]);
    let words = ["--request", "p-1", "ledger", "party", "fawry", "--channel", "kiosk"];
    for _ in 0..2 {
        let entered = cardctl.json(&words);
        assert_eq!((&entered["open"], &entered["channel"]), (&true.into(), &"kiosk".into()));
    }
    let limits = ["fawry-1", "--party", "fawry", "--most-cash", "500", "--most-daily", "900"];
    let _ = point(&limits);
    assert_eq!(point(&["fawry-1", "--closed"])["open"], false);
    assert_eq!(party(&["fawry", "--closed"])["open"], false);

    // A code alone shows, and books nothing; so does what it is already.
    let before = entries();
    let shown = point(&["fawry-1"]);
    assert_eq!((&shown["open"], &shown["most_cash"]), (&false.into(), &50_000.into()));
    assert_eq!(shown["most_daily"], 90_000);
    let shown = party(&["fawry"]);
    assert_eq!((&shown["open"], &shown["channel"]), (&false.into(), &"kiosk".into()));
    let _ = party(&["fawry", "--closed", "--channel", "kiosk"]);
    let _ = point(&["fawry-1", "--party", "fawry", "--closed"]);
    assert_eq!(entries(), before);

    // One thing at a time.
    let changed = point(&["fawry-1", "--no-most-cash"]);
    assert_eq!((&changed["open"], changed["most_cash"].is_null()), (&false.into(), true));
    assert_eq!(changed["most_daily"], 90_000);
    let changed = point(&["fawry-1", "--most-cash", "600"]);
    assert_eq!((&changed["open"], &changed["most_cash"]), (&false.into(), &60_000.into()));
    assert!(point(&["fawry-1", "--no-most-daily"])["most_daily"].is_null());
    let changed = party(&["fawry", "--channel", "wallet"]);
    assert_eq!((&changed["open"], &changed["channel"]), (&false.into(), &"wallet".into()));
    assert_eq!(cardctl.run(&["ledger", "point", "fawry-1", "--open", "--closed"]).status, Some(2));
    assert_eq!(cardctl.run(&["ledger", "point", "--open"]).status, Some(2));

    let list = cardctl.run(&["ledger", "point"]);
    let line = list.text().lines().find(|line| line.starts_with("fawry-1 ")).unwrap();
    assert!(line.contains("closed") && line.contains("600.00 EGP"), "{list}");
    assert_eq!(point(&[])["points"][0]["most_cash"], 60_000);
    let list = party(&[])["parties"].clone();
    let codes: Vec<_> =
        list.as_array().unwrap().iter().map(|party| (&party["party"], &party["open"])).collect();
    assert_eq!(codes, [(&"company".into(), &true.into()), (&"fawry".into(), &false.into())]);
    let _ = party(&["fawry", "--open"]);
    assert_eq!(point(&["fawry-1", "--open"])["open"], true);
    branch.in_order();
}

#[test]
fn tokens_are_listed_and_none_is_revoked_by_a_wrong_name() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["ledger", "party", "fawry", "--channel", "kiosk"]);
    let revoke = |id: &str, name: &str| -> Vec<String> {
        ["--request", id, "ledger", "token", "revoke", "fawry", name].map(str::to_owned).to_vec()
    };
    fn words(words: &[String]) -> Vec<&str> {
        words.iter().map(String::as_str).collect()
    }
    let wrong = revoke("r-0", "machine1");
    branch.refused(&words(&wrong), &["fawry has no valid token at all", "token list fawry"]);
    for (name, may) in [("machine-1", "sell"), ("machine-2", "approve")] {
        let _ = cardctl.json(&["ledger", "token", "add", "fawry", name, "--may", may]);
    }
    branch.refused(
        &words(&wrong),
        &["no valid token of \"machine1\", but of machine-1, machine-2:", "nothing was revoked"],
    );
    let right = revoke("r-1", "machine-1");
    assert_eq!(cardctl.json(&words(&right))["revoked"], 1);
    let again = cardctl.json(&words(&right));
    assert_eq!((&again["request"], &again["revoked"]), (&"r-1".into(), &1.into()), "the first answer");
    let again = revoke("r-2", "machine-1");
    branch.refused(&words(&again), &["but of machine-2:"]);
    let list = cardctl.json(&["ledger", "token", "list", "fawry"])["tokens"].clone();
    let mut list: Vec<_> = list.as_array().unwrap().iter().map(|token| token.to_string()).collect();
    list.sort();
    assert!(list[0].contains("machine-1") && list[0].contains("\"revoked\":true"), "{list:?}");
    assert!(list[1].contains("approve") && list[1].contains("\"revoked\":false"), "{list:?}");
    branch.refused(&["ledger", "token", "list", "fawri"], &["no party fawri", "ledger party"]);
}

#[test]
fn what_a_channel_has_and_the_copy_has_not_is_found_and_handed_in() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "10"]);
    let mut list = String::new();
    let mut sell = |id: &str, amount: u64| {
        let out = branch.name(id);
        let egp = (amount / 100).to_string();
        let _ = cardctl.json(&["--request", id, "top-up", &egp, "--channel", "kiosk", "--out", &out]);
        let voucher = voucher_in(&branch.path(id));
        let line = json!({ "request": id, "amount": amount, "voucher": voucher, "machine": 7 });
        list.push_str(&format!("{line}\n"));
    };
    sell("k-1", 2_000);
    let copy = branch.name("copy");
    let _ = cardctl.json(&["ledger", "backup", &copy]);
    sell("k-2", 3_000);
    sell("k-3", 4_000);
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(branch.path("data").join(name));
    }
    fs::copy(&copy, branch.path("data/ledger.sqlite")).unwrap();
    let said = cardctl.run(&["ledger", "restored", "--reason", "the disk died"]);
    assert!(said.status == Some(9) && said.err.contains("the same again with --request "), "{said}");
    assert!(said.err.contains("another one approves it (`cardctl ledger approve "), "{said}");
    let _ = cardctl.two("fire-1", &["ledger", "restored", "--reason", "the disk died"]);

    let path = branch.name("list");
    fs::write(&path, &list).unwrap();
    let compare = ["ledger", "lost", "kiosk", &path];
    let said = cardctl.run(&compare);
    assert_eq!(said.status, Some(4), "{said}");
    assert!(said.out.contains("1 sales are known, 2 are lost (70.00 EGP), 0 lines contradict"), "{said}");
    let (newest, older) = (said.out.find("line 3: lost: request k-3"), said.out.find("line 2: lost"));
    assert!(newest.is_some() && newest < older && said.out.contains("--hand-in"), "{said}");
    branch.refused(&["top-up", "5"], &["restored from a copy"]);

    let handed = cardctl.json(&[&compare[..], &["--hand-in"]].concat());
    assert_eq!(handed["lost"][0]["finding"], "recovered", "{handed}");
    assert_eq!((&handed["lost"][1]["line"], &handed["known"]), (&2.into(), &1.into()));
    assert_eq!(branch.statement()["total_credit"], 10_000);
    assert_eq!(cardctl.json(&["top-up", "5"])["total_credit"], 10_500);

    fs::write(&path, format!("{}nonsense\n", list.replace("2000", "2001"))).unwrap();
    let said = cardctl.run(&compare);
    assert!(said.status == Some(4) && said.out.contains("line 1: contradicts: the ledger has"), "{said}");
    assert!(said.out.contains("line 4: contradicts: this is no acknowledged sale"), "{said}");
    branch.refused(&["ledger", "lost", "kiosk", &branch.name("none")], &["name the right file"]);
    branch.in_order();
}

#[test]
fn cards_that_the_copy_does_not_know_are_recovered() {
    let branch = Branch::new();
    let cardctl = &branch.cardctl;
    let _ = cardctl.json(&["top-up", "10"]);
    let copy = branch.name("copy");
    let _ = cardctl.json(&["ledger", "backup", &copy]);
    branch.refused(
        &["ledger", "recover-card", "--reason", "to try"],
        &["no restore of this ledger was declared", "ledger restored"],
    );
    let put_in = |number: &str| {
        let _ = cardctl.json(&["sim", "insert", number]);
    };
    let number = |said: &serde_json::Value| said["card"].as_str().unwrap().to_owned();

    // After the copy: the customer gets another card; a new one comes, buys, and has a voucher that is not on the card; a technician.
    let second = number(&cardctl.json(&["replace", "--meter", "1", "--reason", "lost"]));
    let _ = cardctl.json(&["refresh"]);
    let _ = cardctl.json(&["top-up", "30"]);
    let new = number(&cardctl.json(&["issue", "--meter", "2", "--account", "8"]));
    let _ = cardctl.json(&["top-up", "50"]);
    let _ = cardctl.json(&["meter", "tap"]);
    let out = branch.name("voucher");
    let _ = cardctl.json(&["--request", "k-1", "top-up", "20", "--channel", "kiosk", "--out", &out]);
    let voucher = voucher_in(&branch.path("voucher"));
    let technician = number(&cardctl.json(&["engineering", "--meter", "2"]));
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        let _ = fs::remove_file(branch.path("data").join(name));
    }
    fs::copy(&copy, branch.path("data/ledger.sqlite")).unwrap();
    let _ = cardctl.two("fire-1", &["ledger", "restored", "--reason", "the disk died"]);

    let recover = ["--request", "c-1", "ledger", "recover-card", "--reason", "brought by its customer"];
    let list = branch.name("list");
    fs::write(&list, format!("{}\n", json!({ "request": "k-1", "amount": 2_000, "voucher": voucher })))
        .unwrap();
    let hand_in = ["--format", "json", "ledger", "lost", "kiosk", &list, "--hand-in"];
    let said = cardctl.run(&hand_in);
    assert!(said.status == Some(4) && said.out.contains("ledger recover-card"), "{said}");

    // A technician's card is nobody's; the customer's is.
    branch.refused(&["collect"], &[&technician, "ledger recover-card"]);
    branch.refused(&recover, &[&technician, "engineering card"]);
    put_in(&new);
    for told in [&["collect"][..], &["top-up", "5"]] {
        branch.refused(told, &[&new, "restored from a copy", "ledger recover-card"]);
    }
    let recovered = cardctl.two("c-1", &recover[2..]);
    assert_eq!((&recovered["card"], &recovered["account"]), (&new.as_str().into(), &"8".into()));
    assert_eq!((&recovered["request"], &recovered["meter"]), (&"c-1".into(), &"2".into()));
    assert_eq!(recovered["total_credit"], recovered["recovered_credit"]);
    assert_eq!(cardctl.json(&recover), recovered, "the same again");
    branch.refused(&["ledger", "recover-card", "--reason", "again"], &["is known here", "cardctl collect"]);
    let said = cardctl.run(&hand_in);
    assert_eq!(said.json()["lost"][0]["finding"], "recovered", "{said}");
    let statement = || cardctl.json(&["ledger", "statement", "--meter", "2"]);
    assert_eq!(statement()["total_credit"], 7_000);
    assert_eq!(cardctl.json(&["top-up", "5"])["total_credit"], 7_500);
    assert_eq!(cardctl.json(&["meter", "tap"])["credit"], 2_500);

    put_in(&second);
    branch.refused(&recover, &["used for something else"]);
    branch.refused(&["collect"], &[&second, "ledger recover-card"]);
    let again = ["--request", "c-2", "ledger", "recover-card", "--reason", "brought by its customer"];
    let _ = cardctl.two("c-2", &again[2..]);
    let said = cardctl.run(&again);
    let text = said.text();
    assert!(text.contains(&second) && text.contains("40.00 EGP, 30.00 EGP of it entered now"), "{said}");
    assert_eq!(branch.statement()["total_credit"], 4_000);
    assert_eq!(cardctl.json(&["top-up", "10"])["total_credit"], 5_000);
    put_in(&branch.card);
    branch.refused(&["ledger", "recover-card", "--reason", "found"], &["has been replaced", &second]);
    branch.in_order();
}

#[test]
fn the_books_in_a_database() {
    let directory = TempDir::new().unwrap();
    let cardctl = Cardctl::new("sim", directory.path().join("data"));
    let url = Postgres::shared().create_database("cardctl").unwrap();
    let refused = |cardctl: &Cardctl, url: &str, command: &[&str], word: &str| {
        let said = cardctl.run(&[&["--database", url], command].concat());
        assert!(said.failed() && said.out.is_empty() && said.err.contains(word), "{said}");
    };
    let run = |command: &[&str]| cardctl.json(&[&["--database", &url], command].concat());
    refused(&cardctl, &url, &["ledger", "status"], "a ledger in this database does not exist here");
    let issued = run(&["issue", "--meter", "1", "--account", "7"]);
    assert_eq!(issued["account"], "7");
    assert_eq!(run(&["top-up", "50"])["total_credit"], 5_000);
    assert_eq!(run(&["top-up", "20", "--channel", "kiosk"])["total_credit"], 7_000);
    let points = run(&["ledger", "status"])["points"].clone();
    let cash: Vec<_> = points.as_array().unwrap().iter().map(|point| point["cash"].clone()).collect();
    assert_eq!(cash, [2_000, 5_000], "kiosk and office");
    let _ = run(&["audit", "key"]);
    assert_eq!(run(&["audit", "verify"])["clean"], true);
    refused(&cardctl, &url, &["ledger", "backup", "copy"], "pg_basebackup");
    assert_eq!(run(&["ledger", "begin"])["begun"], false);
    assert!(!cardctl.data.join("ledger.sqlite").exists());

    // Neither another empty database, nor other keys, by mistake.
    let other = Postgres::shared().create_database("cardctl_other").unwrap();
    refused(&cardctl, &other, &["top-up", "10"], "the keys of a former ledger do");
    let stranger = Cardctl::new("sim", directory.path().join("stranger"));
    refused(&stranger, &url, &["issue", "--meter", "2", "--account", "8"], "needs its own keys");
    assert_eq!(cardctl.json(&["--database", &other, "ledger", "begin"])["begun"], true);
}
