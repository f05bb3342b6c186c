//! `cardctl` on a machine whose clock is wrong.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use system_tests::programs::{Said, programs, run};
use tempfile::TempDir;

const DAY: i64 = 86_400;

/// A machine whose clock can be put wrong, and which knows no time server.
struct Machine {
    directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let source = directory.path().join("clock.c");
        fs::write(&source, include_str!("clock.c")).unwrap();
        let library = directory.path().join("clock.so");
        let [source, library] = [&source, &library].map(|path| path.to_str().unwrap());
        let _ = run("cc", &["-shared", "-fPIC", "-o", library, source, "-ldl"], "").text();
        let asked = directory.path().join("timedatectl");
        fs::write(&asked, "#!/bin/sh\necho no\n").unwrap();
        fs::set_permissions(&asked, fs::Permissions::from_mode(0o755)).unwrap();
        Self { directory }
    }

    /// Runs it with the clock so many seconds from the right time.
    fn at(&self, offset: i64, arguments: &[&str]) -> Said {
        let folder = self.directory.path().to_str().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut words = vec![
            format!("LD_PRELOAD={folder}/clock.so"),
            format!("CLOCK_OFFSET={offset}"),
            format!("PATH={folder}:{path}"),
            programs().cardctl.to_str().unwrap().to_owned(),
            format!("--data={folder}/data"),
        ];
        words.extend(arguments.iter().map(|&word| word.to_owned()));
        run("env", &words, "")
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    fn refused(&self, offset: i64, arguments: &[&str], words: &str) {
        let said = self.at(offset, arguments);
        assert!(said.failed() && said.out.is_empty() && said.err.contains(words), "{said}");
    }
}

#[test]
fn the_first_start_with_a_wrong_clock_leaves_nothing() {
    let machine = Machine::new();
    let issue = ["issue", "--meter", "1", "--account", "7"];
    machine.refused(-5 * 365 * DAY, &issue, "before this program was made");
    let left: Vec<_> =
        fs::read_dir(machine.data()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name == "lock" || name == "lock-holder.json"), "{left:?}");
    let _ = machine.at(0, &issue).text();
}

#[test]
fn a_clock_that_was_ahead_stops_nobody_for_long() {
    let machine = Machine::new();
    let _ = machine.at(0, &["issue", "--meter", "1", "--account", "7"]).text();
    // Once and a little: nobody notices.
    let _ = machine.at(20, &["top-up", "1.00"]).text();
    let _ = machine.at(0, &["top-up", "1.00"]).text();
    let _ = machine.at(0, &["ledger", "status"]).text();
    // Far ahead: refused before anything is signed.
    machine.refused(3_650 * DAY, &["top-up", "1.00"], "no time server");
    let said = machine.at(0, &["--format", "json", "ledger", "statement", "--meter", "1"]).json();
    assert_eq!(said["total_credit"], 200);
    // In between it is believed, and two people bring the vending point back.
    let _ = machine.at(2 * DAY, &["top-up", "1.00"]).text();
    machine.refused(0, &["top-up", "1.00"], "cardctl ledger clock office");
    let reason = "the clock was set by hand";
    let proposed =
        machine.at(0, &["--format", "json", "ledger", "clock", "office", "--reason", reason]).json();
    let id = proposed["request"].as_str().unwrap();
    machine.refused(0, &["ledger", "approve", id], "second person");
    let _ = machine.at(0, &["--actor", "ali", "ledger", "approve", id]).text();
    let _ = machine.at(0, &["top-up", "1.00"]).text();
    let _ = machine.at(0, &["audit", "key"]).text();
    let _ = machine.at(0, &["audit", "verify"]).text();
}

#[test]
fn the_file_alone_is_the_whole_ledger_once_the_program_has_ended() {
    let machine = Machine::new();
    let _ = machine.at(0, &["issue", "--meter", "1", "--account", "7"]).text();
    let _ = machine.at(0, &["top-up", "100"]).text();
    for name in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
        assert!(!machine.data().join(name).exists(), "{name} is left");
    }
}
