//! `cardctl meter`, `mail`, `collect` and `engineering` as a program: what they print, and how they end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

struct Cardctl {
    directory: tempfile::TempDir,
}

impl Cardctl {
    /// A customer's card for meter 5, with 500.00 EGP that the meter has applied.
    fn new() -> Self {
        let new = Self { directory: tempfile::tempdir().unwrap() };
        let _ = new.json(&["issue", "--meter", "5", "--account", "7"]);
        let _ = new.json(&["top-up", "500"]);
        assert_eq!(new.json(&["meter", "tap"])["credit"], 50_000);
        new
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn output(&self, arguments: &[&str]) -> Output {
        let data = self.path("data");
        let cardctl = Path::new(env!("CARGO_BIN_EXE_cardctl"));
        Command::new(cardctl).args(["--data", &data]).args(arguments).output().unwrap()
    }

    /// What it printed; it must have ended well.
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.output(&[&["--format", "json"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What it said where it was refused, or something is wrong.
    fn failure(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert!(matches!(output.status.code(), Some(1 | 4)), "{arguments:?}: {output:?}");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        said
    }
}

#[test]
fn days_pass_and_the_card_takes_them_home() {
    let cardctl = Cardctl::new();
    // Enough for 70 days, whatever the day on which they begin.
    cardctl.text(&["top-up", "500"]);
    cardctl.text(&["meter", "tap"]);
    let ran = cardctl.json(&["meter", "run", "--days", "70", "--profile", "household", "--seed", "3"]);
    let number = |value: &Value, name: &str| value[name].as_i64().unwrap();
    let spent = number(&ran, "charged") + number(&ran, "fees");
    assert_eq!((number(&ran, "balance_before"), number(&ran, "balance")), (100_000, 100_000 - spent));
    assert!(number(&ran, "months") >= 2 && number(&ran, "energy_10wh") > 20_000, "{ran}");

    let months = cardctl.json(&["meter", "months"]);
    let closed = months["months"].as_array().unwrap();
    assert_eq!(closed.len(), usize::try_from(number(&ran, "months")).unwrap());
    let all = || closed.iter().chain([&months["running"]]);
    let sum = |name: &str| all().map(|month| number(month, name)).sum::<i64>();
    assert_eq!(sum("energy_10wh"), number(&ran, "energy_10wh"));
    assert_eq!(sum("energy_charge") + sum("fees"), spent);
    let drawn = cardctl.text(&["meter", "months"]);
    assert!(drawn.lines().nth(2).unwrap().ends_with('#') && drawn.contains("partial"), "{drawn}");

    let status = cardctl.json(&["meter", "status"]);
    assert_eq!((&status["balance"], &status["supply"]), (&ran["balance"], &true.into()));
    assert!(status["time"].as_i64() >= ran["to"].as_i64() && number(&status, "days_left") > 0, "{status}");
    let shown = cardctl.text(&["--language", "ar", "meter", "status"]);
    assert!(shown.contains("التيار متصل"), "{shown}");

    let tap = cardctl.json(&["meter", "tap"]);
    assert_eq!((&tap["outcome"], &tap["balance"]), (&"nothing".into(), &ran["balance"]));
    assert!(tap["time"].as_i64() >= ran["to"].as_i64(), "the meter's time is not taken back: {tap}");
    assert_eq!(cardctl.json(&["info"])["meter_balance"], ran["balance"]);
    // The same customer, the same hours.
    let other = Cardctl::new();
    let file = other.path("hours");
    std::fs::write(&file, "0.5\n0\n").unwrap();
    let half = other.json(&["meter", "run", "--days", "2", "--profile", &file]);
    assert!((1_150..=1_200).contains(&number(&half, "energy_10wh")), "{half}");
    std::fs::write(&file, "0.5\nhalf\n").unwrap();
    let said = other.failure(&["meter", "run", "--days", "2", "--profile", &file]);
    assert!(said.contains("line 2"), "{said}");
    let said = other.failure(&["meter", "run", "--days", "2", "--profile", "mansion"]);
    assert!(said.contains("household, shop, empty"), "{said}");
}

#[test]
fn an_empty_meter_lends_once_and_says_so() {
    let cardctl = Cardctl::new();
    let ran = cardctl.json(&["meter", "run", "--days", "200", "--profile", "shop"]);
    assert!(ran["hours_without_supply"].as_i64() > Some(100), "{ran}");
    let status = cardctl.json(&["meter", "status"]);
    assert_eq!((&status["supply"], &status["cut"]), (&false.into(), &1.into()));
    assert_eq!((&status["codes"][0], &status["codes"][1]), (&"U01".into(), &"V05".into()));
    assert_eq!(cardctl.json(&["meter", "tap"])["loan"], "V05");
    assert_eq!(cardctl.json(&["meter", "tap"])["loan"], "V01");
    assert_eq!(cardctl.json(&["meter", "tap"])["loan"], "F80");
    assert_eq!(cardctl.json(&["meter", "status"])["supply"], true);
    let _ = cardctl.json(&["meter", "run", "--days", "4", "--profile", "shop"]);
    assert_eq!(cardctl.json(&["meter", "tap"])["loan"], "V02");
    let events = cardctl.json(&["meter", "events"]);
    let codes: Vec<_> = events["events"].as_array().unwrap().iter().map(|event| &event["code"]).collect();
    assert!(codes.contains(&&"0201".into()) && codes.contains(&&"0203".into()), "{codes:?}");
    let said = cardctl.text(&["meter", "events"]);
    assert!(said.contains("emergency loan, until 20"), "{said}");
}

#[test]
fn mail_goes_with_the_card_and_its_answer_comes_back() {
    let cardctl = Cardctl::new();
    let shipped = include_str!("../../../tariffs/egypt-2024-08.toml");
    let tariff = cardctl.path("tariff.toml");
    std::fs::write(&tariff, shipped.replace("version = 1", "version = 2")).unwrap();
    for (arguments, slot) in [
        (&["tariff", tariff.as_str()][..], 0),
        (&["limits", "--contracted", "4000", "--first", "50", "--second", "20", "--loan", "24"], 2),
        (&["calendar", "--holiday", "2030-01-07+2", "--holiday", "2029-01-25", "--rest-days", "fri,sat"], 3),
        (
            &[
                "debt",
                "--id",
                "1",
                "--amount",
                "50",
                "--count",
                "3",
                "--first-month",
                "2030-01",
                "--last",
                "20.5",
            ],
            4,
        ),
        (&["notice", "N02", "N05", "--until", "2150-01-01"], 9),
        (&["command", "read-out", "--expires", "24"], 5),
    ] {
        let sent = cardctl.json(&[&["mail"], arguments].concat());
        assert_eq!((&sent["slot"], &sent["version"], &sent["meter"]), (&slot.into(), &1.into(), &"5".into()));
    }
    let tap = cardctl.json(&["meter", "tap"]);
    let received = tap["mail"].as_array().unwrap();
    assert!(received.len() == 6 && received.iter().all(|mail| mail["code"] == "P01"), "{tap}");
    let status = cardctl.json(&["meter", "status"]);
    assert_eq!((&status["tariff"], &status["debts_left"]), (&2.into(), &12_050.into()));
    let shown: Vec<_> = status["notices"].as_array().unwrap().iter().map(|notice| &notice["code"]).collect();
    assert_eq!(shown, ["N02", "N05"]);

    let collected = cardctl.json(&["collect"]);
    let mail = collected["mail"].as_array().unwrap();
    assert_eq!((&mail[0]["report"], &mail[0]["tariff"]), (&"readings".into(), &2.into()));
    assert_eq!((&mail[1]["records"][0]["kind"], &mail[1]["records"][0]["outcome"]), (&5.into(), &1.into()));
    let text = cardctl.text(&["collect"]);
    assert!(text.contains("read out: executed; brought by card"), "{text}");

    // The same tariff is no newer one.
    let _ = cardctl.json(&["mail", "tariff", &tariff]);
    let said = cardctl.text(&["meter", "tap"]);
    assert!(said.contains("not newer than the one in force"), "{said}");
    // What no meter would take does not leave.
    for (arguments, word) in [
        (&["limits", "--first", "1", "--second", "2"][..], "second threshold"),
        (
            &["debt", "--id", "1", "--id", "2", "--amount", "5", "--count", "3", "--first-month", "2030-01"],
            "as many",
        ),
        (&["command", "clear-tamper"], "--technician"),
        (&["command", "lowest-generation"], "--value"),
        (&["command", "clear-tamper", "--technician", "12"], "16 hexadecimal digits"),
    ] {
        let said = cardctl.failure(&[&["mail"], arguments].concat());
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_technician_clears_what_the_network_cannot() {
    let cardctl = Cardctl::new();
    assert_eq!(cardctl.json(&["mail", "--network", "5", "command", "cut"])["taken"], true);
    assert_eq!(cardctl.json(&["meter", "status"])["codes"][0], "U10");
    let customer = cardctl.json(&["info"])["card"].as_str().unwrap().to_owned();
    let named = ["mail", "--network", "5", "command", "clear-tamper", "--technician", customer.as_str()];
    let said = cardctl.failure(&named);
    assert!(said.contains("the command is for another card"), "{said}");

    let issued = cardctl.json(&["engineering", "--meter", "5"]);
    assert_eq!((&issued["generation"], &issued["binding"]), (&1.into(), &1.into()));
    let engineer = issued["card"].as_str().unwrap();
    let _ = cardctl.json(&["mail", "command", "end-cut", "--technician", "this"]);
    assert_eq!(cardctl.json(&["meter", "tap"])["mail"][0]["taken"], true);
    assert_eq!(cardctl.json(&["meter", "status"])["supply"], true);
    let records = &cardctl.json(&["collect"])["mail"][0]["records"];
    assert_eq!((records[0]["card"].is_null(), records[1]["card"].as_str()), (true, Some(engineer)));
    let said = cardctl.failure(&["top-up", "5"]);
    assert!(said.contains("is an engineering card"), "{said}");
    // The customer's card is no replaced one.
    cardctl.json(&["sim", "insert", &customer]);
    assert_eq!(cardctl.json(&["top-up", "5"])["outcome"], "Loaded");
    assert_eq!(cardctl.json(&["meter", "tap"])["credit"], 500);
}

#[test]
fn power_fails_and_nothing_that_was_written_is_lost() {
    let cardctl = Cardctl::new();
    let mut torn = 0;
    for after in 0..12 {
        let said = cardctl.json(&["meter", "cut-power", "--after", &after.to_string()]);
        assert_eq!(said["nothing_lost"], true, "{said}");
        if said["torn"] == false {
            assert_eq!(said["written"], true);
            break;
        }
        torn += 1;
    }
    assert!((1..12).contains(&torn), "{torn}");
    let text = cardctl.text(&["meter", "cut-power"]);
    assert!(text.contains("in the middle of operation 1"), "{text}");
    let status = cardctl.json(&["meter", "status"]);
    let charged = 50_000 - status["balance"].as_i64().unwrap();
    assert_eq!(Some(charged), status["month"]["energy_charge"].as_i64());
    assert_eq!(status["register_10wh"], status["month"]["energy_10wh"]);
}

#[test]
fn a_voucher_comes_by_the_network_and_by_the_card_and_counts_once() {
    let cardctl = Cardctl::new();
    let file = cardctl.path("voucher.json");
    let _ = cardctl.json(&["top-up", "25", "--channel", "wallet", "--out", &file]);
    let sent = cardctl.json(&["meter", "network", &file]);
    assert_eq!((&sent["vouchers"][0]["credit"], &sent["balance"]), (&2_500.into(), &52_500.into()));
    assert_eq!(sent["waits_for_its_card"], true);
    let again = cardctl.json(&["meter", "network", &file]);
    assert_eq!((&again["vouchers"][0]["outcome"], &again["balance"]), (&"nothing".into(), &52_500.into()));
    // The meter has the voucher for its card: it loads it, and there is nothing more to apply.
    let tap = cardctl.json(&["meter", "tap"]);
    assert_eq!((&tap["outcome"], &tap["balance"]), (&"nothing".into(), &52_500.into()));
    let info = cardctl.json(&["info"]);
    assert_eq!((&info["pending_credit"], &info["meter_balance"]), (&0.into(), &52_500.into()));
    assert_eq!(cardctl.json(&["load", &file])["outcome"], "AlreadyLoaded");
    // Without a file, what was sold last to its card.
    let pending = cardctl.json(&["meter", "network", "--meter", "5"]);
    assert_eq!(pending["vouchers"][0]["outcome"], "nothing");
}

#[test]
fn keys_are_changed_and_the_desk_learns_of_it() {
    let cardctl = Cardctl::new();
    let sent = cardctl.json(&["mail", "keys", "credit", "--new-master"]);
    assert_eq!((&sent["says"], &sent["slot"]), (&"keys 72".into(), &10.into()));
    assert_eq!(cardctl.json(&["collect"])["new_keys"], serde_json::json!([]));
    assert_eq!(cardctl.json(&["meter", "tap"])["mail"][0]["taken"], true);
    assert_eq!(cardctl.json(&["collect"])["new_keys"], serde_json::json!([0x72]));
    let _ = cardctl.json(&["top-up", "5"]);
    assert_eq!(cardctl.json(&["meter", "tap"])["credit"], 500);
    let events = cardctl.text(&["meter", "events"]);
    assert!(events.contains("new keys, version number 72"), "{events}");
}
