//! Cards for a list, killed on the way: each row has one card, each card one row, and results and ledger agree.

use applet_sim::card::{Profile, SimulatedCard};
use card_core::access_number::AccessNumber;
use card_core::id::{CardId, MeterId, State};
use card_host::card_work::development_scope;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::transport::{Card, Simulator};
use card_ledger::{Kind, Payee, SqliteLedger, read};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

struct Office {
    folder: tempfile::TempDir,
}

impl Office {
    fn new() -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        assert!(office.run(&["ledger", "begin"]).status.success());
        office
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
        command.args(["--format", "json", "--data"]).arg(self.path("data")).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn list(&self, rows: &[(u64, u64)]) {
        let mut text = "meter,account\n".to_owned();
        for (meter, account) in rows {
            writeln!(text, "{meter},{account}").unwrap();
        }
        fs::write(self.path("list.csv"), text).unwrap();
    }

    fn batch(&self, more: &[&str]) -> Command {
        let (list, out) = (self.path("list.csv"), self.path("results.csv"));
        let words = ["batch", "issue", "--csv", list.to_str().unwrap(), "--out", out.to_str().unwrap()];
        self.command(&[&words, more].concat())
    }

    fn issue(&self, more: &[&str]) -> (Value, Option<i32>) {
        let output = self.batch(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let value = serde_json::from_slice(&output.stdout);
        (value.unwrap_or_else(|error| panic!("{error}: {said}")), output.status.code())
    }

    fn refused(&self, why: &str) {
        let output = self.batch(&[]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains(why), "{said}");
    }

    fn results(&self) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.path("results.csv")).unwrap();
        reader.deserialize().map(|line| line.unwrap()).collect()
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

#[test]
fn killed_ten_times_each_row_has_one_card_and_each_card_one_row() {
    let long = std::env::var("CARD_TESTS").is_ok_and(|tests| tests == "long");
    let count = if long { 10_000_u64 } else { 110 };
    let office = Office::new();
    let rows: Vec<(u64, u64)> = (1..=count).map(|row| (1_000 + row, 7_000 + row)).collect();
    office.list(&rows);
    let out = office.path("results.csv");
    for kill in 1..=10 {
        let mut running = office.batch(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let until = usize::try_from(count * kill / 11).unwrap();
        while lines(&out) <= until {
            assert_eq!(running.try_wait().unwrap(), None, "it has ended by itself");
            std::thread::sleep(Duration::from_millis(2));
        }
        // Somewhere in the next cards: reading, making, writing.
        std::thread::sleep(Duration::from_micros(kill * 700));
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let (told, code) = office.issue(&[]);
    assert_eq!((code, &told["issued"], &told["refused"]), (Some(0), &count.into(), &0.into()), "{told}");
    println!("{told}");

    let ledger = SqliteLedger::open(&office.path("data/ledger.sqlite"), development_scope()).unwrap();
    let results = office.results();
    assert_eq!(results.len(), rows.len());
    let mut cards = BTreeSet::new();
    for ((number, (meter, account)), line) in (1..).zip(&rows).zip(&results) {
        assert_eq!((&line["row"], &line["outcome"]), (&format!("{number}"), &"issued".to_owned()));
        assert_eq!((&line["meter"], &line["account"]), (&meter.to_string(), &account.to_string()));
        let mut id = [0; 8];
        hex::decode_to_slice(&line["card"], &mut id).unwrap();
        assert!(cards.insert(id), "{line:?}: twice");
        // In the ledger: one contract, opened once, with this card.
        let meter: MeterId = meter.to_string().parse().unwrap();
        let (record, entries) = read(&ledger, |t| {
            let record = t.binding(Payee::Meter(meter))?.unwrap();
            let entries = t.history(record.binding(), 10)?;
            Ok((record, entries))
        })
        .unwrap();
        assert_eq!((record.held.card.id, record.held.card.generation), (CardId(id), 1));
        assert_eq!((record.held.account, record.held.binding.number), (*account, 1));
        assert!(entries.len() == 1 && entries[0].kind == Kind::Open, "{entries:?}");
        // On the card, which opens with the number that is to be printed on it.
        let image = office.path(&format!("data/{}.card", line["card"]));
        let card = SimulatedCard::open(&image, Profile::T1).unwrap();
        let mut card = Card::open(Simulator::new(card));
        let access = AccessNumber::parse(&line["access_number"]).unwrap();
        let mut session = operate::holder_session(&mut card, &access, &mut OsRandom).unwrap();
        let reading = operate::read_private(&mut session).unwrap();
        assert_eq!((reading.binding.account, reading.card.id), (*account, CardId(id)));
        assert_eq!(reading.purse.state, State::Personalised);
    }
    // No other card was made for anybody.
    let listed: Value = serde_json::from_slice(&office.run(&["sim", "list"]).stdout).unwrap();
    let made = listed["cards"].as_array().unwrap().iter().filter(|card| card["state"] != "blank").count();
    assert_eq!(made, rows.len());

    // The same again does nothing; a lost file of results is made anew, with new access numbers for the same cards.
    let (told, code) = office.issue(&[]);
    assert_eq!((code, &told["before"]), (Some(0), &count.into()), "{told}");
    if !long {
        fs::remove_file(&out).unwrap();
        let (told, code) = office.issue(&[]);
        assert_eq!((code, &told["issued"], &told["before"]), (Some(0), &count.into(), &0.into()), "{told}");
        for (then, now) in results.iter().zip(office.results()) {
            assert_eq!(then["card"], now["card"]);
            assert_ne!(then["access_number"], now["access_number"]);
        }
    }
}

#[test]
fn what_is_issued_already_is_refused_and_hides_no_other_row() {
    let office = Office::new();
    assert!(office.run(&["issue", "--meter", "2", "--account", "8"]).status.success());
    office.list(&[(1, 7), (2, 8), (2_000, 9)]);
    let (told, code) = office.issue(&["--parallel", "1"]);
    assert_eq!((code, &told["issued"], &told["refused"]), (Some(4), &2.into(), &1.into()), "{told}");
    let results = office.results();
    assert_eq!(
        [&results[0]["outcome"], &results[1]["outcome"], &results[2]["outcome"]],
        ["issued", "refused", "issued"]
    );
    assert!(results[1]["why"].contains("issued") && results[1]["access_number"].is_empty(), "{results:?}");
    // Another list with the same results.
    office.list(&[(1, 7), (2, 8)]);
    office.refused("the results of another list");
}

#[test]
fn a_list_is_right_before_anything_is_done() {
    let office = Office::new();
    for (text, why) in [
        ("", "no row in this list"),
        ("meter,account\n", "no row in this list"),
        ("meter,account\n1,7\n2\n", "not in form"),
        ("counter,account\n1,7\n", "not in form"),
        ("meter,account\n1,7\nx,8\n", "is no meter number: the digits"),
        ("meter,account\n1,0\n", "is no account number: the digits"),
        ("meter,account\n1,7\n1,8\n", "row 2: row 1 is for the meter 1 too"),
    ] {
        fs::write(office.path("list.csv"), text).unwrap();
        office.refused(why);
        assert!(!office.path("results.csv").exists(), "{text}");
    }
    office.list(&[(1, 7)]);
    fs::write(office.path("results.csv"), "hello\nworld\n").unwrap();
    office.refused("no file of results");
}
