//! That what was done is never told as failed: what is printed goes to a full disk, or to nobody.

use serde_json::Value;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// All was done, and could not be printed.
const DONE_NOT_PRINTED: Option<i32> = Some(3);

fn cardctl(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
    command.args(["--format", "json", "--data"]).arg(data).args(arguments).stdin(Stdio::null());
    command
}

fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

fn done(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The objects that were printed on standard error, one on a line; what is for people is left out.
fn said(output: &Output) -> Vec<Value> {
    String::from_utf8(output.stderr.clone())
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn credit(data: &Path) -> u64 {
    done(&cardctl(data, &["show"]).output().unwrap())["total_credit"].as_u64().unwrap()
}

/// Each command, with its output on a full disk: it ends as done, its id was shown before, and the same again is done once.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_the_answer_and_not_its_id() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let unseen = |arguments: &[&str]| {
        let output = cardctl(data, arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), DONE_NOT_PRINTED, "{arguments:?}: {output:?}");
        let said = said(&output);
        let id = said.first().unwrap()["request"].as_str().unwrap().to_owned();
        assert_eq!(said.last().unwrap()["request"], *id, "{output:?}");
        let again = cardctl(data, &[&["--request", &id], arguments].concat()).output().unwrap();
        (id, done(&again))
    };
    let (_, issued) = unseen(&["issue", "--meter", "5", "--account", "7"]);
    assert_eq!((&issued["generation"], issued["access_number"].is_string()), (&1.into(), true));
    assert_eq!(done(&cardctl(data, &["info"]).output().unwrap())["card"], issued["card"]);

    let (id, sold) = unseen(&["top-up", "10"]);
    assert_eq!((&sold["request"], &sold["amount"]), (&id.as_str().into(), &1_000.into()));
    assert_eq!(credit(data), 1_000, "sold once");
    let file = directory.path().join("voucher.json");
    unseen(&["top-up", "5", "--out", file.to_str().unwrap()]);
    done(&cardctl(data, &["load", file.to_str().unwrap()]).output().unwrap());
    assert_eq!(credit(data), 1_500, "sold once");
    let (_, debt) = unseen(&["ledger", "debt", "7", "3", "--reason", "old"]);
    assert_eq!(debt["debt"], 300, "owed once");
    unseen(&["mail", "limits"]);
    unseen(&["block", "--meter", "5", "--reason", "lost"]);
    // The card under the id of its replacement, though it is in use: what was answered then, without what is kept nowhere.
    let replace = ["replace", "--meter", "5", "--reason", "damaged"];
    let (id, again) = unseen(&replace);
    assert_eq!(again["generation"], 2);
    done(&cardctl(data, &["refresh"]).output().unwrap());
    let later = done(&cardctl(data, &[&["--request", &id], &replace[..]].concat()).output().unwrap());
    assert_eq!((&later["card"], &later["replaces"]), (&again["card"], &issued["card"]));
    assert!(later["access_number"].is_null());
}

/// What was done is asked for again under its id: the first answer, and nothing is changed.
#[test]
fn the_same_again_gives_the_first_answer() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let run = |arguments: &[&str]| done(&cardctl(data, arguments).output().unwrap());
    let arguments = ["--request", "first", "issue", "--meter", "5", "--account", "7"];
    let issued = run(&arguments);
    let number = issued["access_number"].as_str().unwrap();
    // The card is not in use yet: the number is the same again, and stays good.
    let again = run(&arguments);
    assert_eq!((&again["card"], &again["access_number"]), (&issued["card"], &issued["access_number"]));
    assert_eq!(run(&["show", "--access-number", number])["account"], "7");
    run(&["top-up", "10"]);
    run(&["meter", "tap"]);
    let technician = ["--request", "technician", "engineering", "--meter", "5"];
    let made = run(&technician);
    let again = run(&technician);
    assert_eq!((&again["card"], again.get("access_number")), (&made["card"], None));
    // Mail over the network: the meter has it already, and is not asked again.
    for (number, content) in [
        &["limits"][..],
        &["keys", "credit"],
        &["command", "cut"],
        &["command", "read-out", "--expires", "5"],
    ]
    .iter()
    .enumerate()
    {
        // As long as an id can be.
        let id = format!("{number:m>64}");
        let arguments = [&["--request", &id, "mail", "--network", "5"], *content].concat();
        let first = run(&arguments);
        assert_eq!((&first["taken"], &run(&arguments)), (&true.into(), &first), "{content:?}");
    }
    // What a meter has refused stays refused, and says why.
    let refused = |arguments: &[&str]| {
        let output = cardctl(data, arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let named = [
        "--request",
        "named",
        "mail",
        "--network",
        "5",
        "command",
        "clear-tamper",
        "--technician",
        made["card"].as_str().unwrap(),
    ];
    let first = refused(&named);
    assert_eq!((&first["taken"], &refused(&named)), (&false.into(), &first));
    run(&["audit", "key"]);
    run(&["audit", "verify"]);
}

/// A pipe that nobody reads, for standard output and standard error.
#[cfg(unix)]
#[test]
fn nobody_reads_and_nothing_panics() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    done(&cardctl(data, &["issue", "--meter", "5", "--account", "7"]).output().unwrap());
    // Nobody has seen an id: nothing is done.
    let status = cardctl(data, &["top-up", "10"]).stdout(closed()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(credit(data), 0);
    // One that was given needs not be shown.
    let arguments = ["--request", "mine", "top-up", "10"];
    let status = cardctl(data, &arguments).stdout(closed()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), DONE_NOT_PRINTED);
    assert_eq!(done(&cardctl(data, &arguments).output().unwrap())["total_credit"], 1_000);
    // What is read or refused does not panic either.
    for (arguments, code) in [
        (&["show"][..], DONE_NOT_PRINTED),
        (&["ledger", "statement", "--meter", "5"], DONE_NOT_PRINTED),
        (&["tour"], DONE_NOT_PRINTED),
        (&["ledger", "statement", "--meter", "6"], Some(1)),
        (&["no such command"], Some(2)),
        (&["--help"], Some(0)),
    ] {
        let status = cardctl(data, arguments).stdout(closed()).stderr(closed()).status().unwrap();
        assert_eq!(status.code(), code, "{arguments:?}");
    }
}

/// An issue that is refused leaves the simulated reader as it was.
#[test]
fn a_refused_issue_leaves_the_card_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let issued = done(&cardctl(data, &["issue", "--meter", "5", "--account", "7"]).output().unwrap());
    for refused in [&["issue", "--meter", "5", "--account", "8"][..], &["engineering", "--meter", "6"]] {
        let output = cardctl(data, refused).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(done(&cardctl(data, &["info"]).output().unwrap())["card"], issued["card"]);
    }
    let cards = std::fs::read_dir(data).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "card" || end == "new")
    });
    assert_eq!(cards.count(), 1, "no other card is left behind");
    // The reader was empty: it is so again.
    done(&cardctl(data, &["sim", "eject"]).output().unwrap());
    assert_eq!(
        cardctl(data, &["issue", "--meter", "5", "--account", "8"]).output().unwrap().status.code(),
        Some(1)
    );
    let cards = done(&cardctl(data, &["sim", "list"]).output().unwrap());
    assert_eq!(
        (cards["cards"].as_array().unwrap().len(), &cards["cards"][0]["in_reader"]),
        (1, &false.into())
    );
}

/// A meter whose file is lost is not made again as a new one, which would take all credit once more.
#[test]
fn a_meter_that_had_credit_is_not_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let run = |arguments: &[&str]| cardctl(data, arguments).output().unwrap();
    done(&run(&["issue", "--meter", "5", "--account", "7"]));
    let meter = data.join("0000000000000005.meter");
    std::fs::remove_file(&meter).unwrap();
    let replace = ["replace", "--meter", "5", "--reason", "damaged"];
    done(&run(&replace));
    assert!(meter.exists(), "no credit was certified: a new one has nothing to forget");
    done(&run(&["top-up", "100"]));
    done(&run(&["meter", "tap"]));
    std::fs::remove_file(&meter).unwrap();
    let output = run(&replace);
    done(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("put its file back"), "{output:?}");
    assert!(!meter.exists());
    assert_eq!(run(&["meter", "tap"]).status.code(), Some(1));
}

/// With a debt and a fee, what reaches the card is less than what is paid: all of it is told, in both languages.
#[test]
fn a_sale_tells_what_became_of_the_payment() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
        let output = command.arg("--data").arg(data).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["issue", "--meter", "1", "--account", "1"]);
    run(&["ledger", "debt", "1", "100", "--reason", "old"]);
    let rules = directory.path().join("rules.json");
    let text = r#"{"channels":{"branch":{"least":500,"most":2000000,"approval_above":1000000,"most_daily":null,"most_cash":null,
        "charges":[{"code":"service","kind":"fee","fixed":200,"permille":10,"most":500}],"debt_permille":250}},
        "correction_approval_above":100000}"#;
    // As an editor of Windows writes it.
    let utf_16 = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes);
    std::fs::write(&rules, utf_16.collect::<Vec<u8>>()).unwrap();
    run(&["ledger", "rules", rules.to_str().unwrap()]);
    assert_eq!(
        run(&["top-up", "40"]),
        "Paid: 40.00 EGP. Fees: 2.40 EGP. Instalment of a debt: 9.40 EGP. Credit: 28.20 EGP.\nloaded\n"
    );
    let said = run(&["--language", "ar", "top-up", "40"]);
    for part in [
        "المدفوع: \u{2068}40.00",
        "الرسوم: \u{2068}2.40",
        "قسط المديونية: \u{2068}9.40",
        "الرصيد المضاف: \u{2068}28.20",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let sold = done(&cardctl(data, &["top-up", "40"]).output().unwrap());
    assert_eq!(
        (&sold["amount"], &sold["credit"], &sold["debt"]),
        (&4_000.into(), &2_820.into(), &940.into())
    );
    assert_eq!(sold["charges"][0]["amount"], 240);
    assert_eq!(credit(data), 3 * 2_820);
}

/// What is said of cards, days and entries is so.
#[test]
fn what_is_said_is_so() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
        let output = command.arg("--data").arg(data).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["issue", "--meter", "5", "--account", "7"]);
    run(&["top-up", "10"]);
    run(&["meter", "tap"]);
    run(&["mail", "command", "read-out"]);
    run(&["meter", "tap"]);
    let collected = run(&["collect"]);
    assert!(
        collected.contains("commands of meter 5") && !collected.contains("certified more"),
        "{collected}"
    );

    run(&["block", "--meter", "5", "--reason", "lost"]);
    let in_the_ledger = || {
        let shown = run(&["show"]);
        shown.lines().find_map(|line| line.strip_prefix("in the ledger")).unwrap().trim().to_owned()
    };
    assert!(in_the_ledger().starts_with("blocked: nothing is sold to it"), "{}", in_the_ledger());
    assert!(
        run(&["info"])
            .contains("blocked: nothing is sold to it; at its meter it works with what is on it (lost)")
    );
    assert!(run(&["--language", "ar", "info"]).contains("موقوف: لا يمكن شحنه"));
    run(&["unblock", "--meter", "5", "--reason", "found"]);
    assert_eq!(in_the_ledger(), "in use");
    let statement = run(&["ledger", "statement", "--meter", "5"]);
    assert!(statement.contains(" block (lost)") && statement.contains(" unblock (found)"), "{statement}");
    let numbers: Vec<u64> = statement
        .lines()
        .filter_map(|line| line.split("office/").nth(1)?.split(' ').next()?.parse().ok())
        .collect();
    assert!(numbers.len() > 5 && numbers.is_sorted_by(|a, b| a > b), "newest first: {statement}");

    run(&["ledger", "close-day", "office", "--counted", "10"]);
    let again = run(&["ledger", "close-day", "office", "--counted", "10"]);
    assert!(again.contains("none since it was closed before"), "{again}");
}

/// Whoever can sell is named so that others see it, and no name or number is what it is not.
#[test]
fn names_and_numbers_are_what_they_seem() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let refused = |arguments: &[&str]| {
        let output = cardctl(data, arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}: {output:?}");
    };
    refused(&["issue", "--meter", "+17", "--account", "7"]);
    refused(&["issue", "--meter", "17", "--account", "+7"]);
    let far = "18446744073709551615";
    refused(&["issue", "--meter", "17", "--account", far]);
    let last = "9223372036854775807";
    let issued = done(&cardctl(data, &["issue", "--meter", far, "--account", last]).output().unwrap());
    assert_eq!((&issued["meter"], &issued["account"]), (&far.into(), &last.into()));
    for name in ["\u{200b}", "mo\u{1b}[2Jna", "\u{202e}anom", "\u{3164} ", "mo\nna"] {
        refused(&["--actor", name, "top-up", "10"]);
        refused(&["block", "--meter", far, "--reason", name]);
    }
    let file = directory.path().join("voucher.json");
    done(
        &cardctl(data, &["--actor", "م\u{200d}نى", "top-up", "10", "--out", file.to_str().unwrap()])
            .output()
            .unwrap(),
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "a voucher is its owner's only");
    }
    // The access number need not be an argument, which every program sees.
    let mut show = cardctl(data, &["show", "--access-number", "-"]);
    let mut show = show.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(
        &mut show.stdin.take().unwrap(),
        issued["access_number"].as_str().unwrap().as_bytes(),
    )
    .unwrap();
    assert_eq!(done(&show.wait_with_output().unwrap())["account"], last);
}

/// Tables begin with a byte order mark where that is asked for, and only there.
#[test]
fn tables_for_spreadsheets_say_what_they_are_in() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    done(&cardctl(data, &["issue", "--meter", "481", "--account", "7"]).output().unwrap());
    for (folder, options, marked) in [("plain", &[][..], false), ("marked", &["--bom"], true)] {
        let folder = directory.path().join(folder);
        let arguments = [&["ledger", "export", folder.to_str().unwrap()], options].concat();
        done(&cardctl(data, &arguments).output().unwrap());
        let begins =
            |name: &str| std::fs::read(folder.join(name)).unwrap().starts_with("\u{feff}".as_bytes());
        assert_eq!((begins("entries.csv"), begins("transfers.csv")), (marked, marked), "{folder:?}");
        assert!(!begins("entries.jsonl") && !begins("manifest.json"), "{folder:?}");
        let table = std::fs::read_to_string(folder.join("entries.csv")).unwrap();
        let names: Vec<_> = table.trim_start_matches('\u{feff}').split(['"', ',']).collect();
        assert!(names.contains(&"point") && names.contains(&"'00000000000001E1"), "{table}");
    }
}

/// A file in the data directory is nobody's word: what formerly held contracts there makes none, and no credit.
#[test]
fn a_file_beside_the_ledger_makes_no_contract() {
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let run = |arguments: &[&str]| done(&cardctl(data, arguments).output().unwrap());
    run(&["issue", "--meter", "5", "--account", "7"]);
    let before = run(&["ledger", "statement", "--meter", "5"]);
    let total = 1_000_000_000_000_u64;
    let held = serde_json::json!([{
        "meter": 5, "number": 1, "account": 7, "card": "00C0FFEE00C0FFEE", "generation": 1,
        "sequence": 9, "total_credit": total, "total_debited": 0, "moved": false,
    }]);
    for file in ["bindings.json", "ledger.json"] {
        std::fs::write(data.join(file), held.to_string()).unwrap();
    }
    run(&["ledger", "status"]);
    run(&["audit", "key"]);
    run(&["audit", "verify"]);
    assert_eq!(run(&["ledger", "statement", "--meter", "5"]), before);
    let kept = std::fs::read_to_string(data.join("bindings.json")).unwrap();
    assert_eq!(kept, held.to_string(), "it is nobody's file");
    let other = directory.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("bindings.json"), held.to_string()).unwrap();
    let output = cardctl(&other, &["ledger", "status"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "and founds no ledger: {output:?}");
}

/// An address that is no text is refused, and not taken for none.
#[cfg(unix)]
#[test]
fn an_address_of_a_database_is_a_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let directory = tempfile::tempdir().unwrap();
    let data = &directory.path().join("data");
    let address = std::ffi::OsStr::from_bytes(b"postgres://tester:\xe9@127.0.0.1/ledger");
    for arguments in [&["issue", "--meter", "5", "--account", "7"][..], &["ledger", "status"]] {
        let output = cardctl(data, arguments).env("CARDCTL_DATABASE", address).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("CARDCTL_DATABASE"), "{output:?}");
        assert!(!data.join("ledger.sqlite").exists(), "no ledger is founded in its place");
    }
}
