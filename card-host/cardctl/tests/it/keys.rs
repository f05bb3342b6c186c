//! Keys that are not those of the ledger are named before anything is done with them.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::path::Path;
use std::process::{Command, Output};

const KEYS: &str = "development-keys.json";

fn cardctl(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cardctl")).arg("--data").arg(data).args(arguments).output().unwrap()
}

fn done(data: &Path, arguments: &[&str]) {
    let output = cardctl(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn refused(data: &Path, why: &str) {
    let output = cardctl(data, &["top-up", "10"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains(why), "{said}");
}

#[test]
fn other_keys_older_keys_and_a_changed_digit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| folder.path().join(name));
    for data in [&ours, &theirs] {
        done(data, &["issue", "--meter", "1", "--account", "7"]);
    }
    let former = std::fs::read(ours.join(KEYS)).unwrap();
    std::fs::copy(theirs.join(KEYS), ours.join(KEYS)).unwrap();
    refused(&ours, "is not the one that this ledger works with");

    let at = former.windows(7).position(|seven| seven == b"initial").unwrap() + 20;
    let mut changed = former.clone();
    changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
    std::fs::write(ours.join(KEYS), changed).unwrap();
    refused(&ours, "is not what this program wrote");

    std::fs::write(ours.join(KEYS), &former).unwrap();
    done(&ours, &["top-up", "10"]);
    done(&ours, &["mail", "keys", "credit", "--new-master"]);
    let newest = std::fs::read(ours.join(KEYS)).unwrap();
    std::fs::write(ours.join(KEYS), former).unwrap();
    refused(&ours, "this ledger works with master 72, and the key store is older");
    std::fs::write(ours.join(KEYS), newest).unwrap();
    done(&ours, &["top-up", "10"]);
    done(&ours, &["audit", "key"]);
    done(&ours, &["audit", "verify"]);
}

/// Each master rotates; the card that comes by gets the new keys, and takes those of its meter along.
#[test]
fn what_comes_by_gets_the_keys_of_new_masters() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    done(data, &["issue", "--meter", "1", "--account", "7"]);
    done(data, &["top-up", "10"]);
    done(data, &["meter", "tap"]);
    for role in ["admin", "vending", "load", "receipt", "credit", "parameter", "report", "base", "transport"]
    {
        done(data, &["keys", "rotate", role]);
    }
    // One visit asks for the readings, and each other brings keys of one role; the last hears that the meter has them.
    let mut said = String::new();
    for _ in 0..8 {
        let collected = cardctl(data, &["collect"]);
        assert!(collected.status.success());
        said += &String::from_utf8_lossy(&collected.stderr);
        done(data, &["top-up", "10"]);
        done(data, &["meter", "tap"]);
    }
    for version in ["12", "22", "32", "52", "62"] {
        assert!(said.contains(&format!("the card has new keys, {version}")), "{version}: {said}");
    }
    for version in ["72", "82", "92", "A2", "B2"] {
        assert!(said.contains(&format!("to its meter, {version}")), "{version}: {said}");
    }
    let last = cardctl(data, &["collect"]);
    assert!(!String::from_utf8_lossy(&last.stderr).contains("new keys"));
    done(data, &["keys", "list"]);
    done(data, &["audit", "key"]);
    done(data, &["audit", "verify"]);
}
