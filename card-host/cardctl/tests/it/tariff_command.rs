//! `cardctl tariff` as a program: what it prints, and how it ends.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use serde_json::Value;
use std::process::{Command, Output};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tariffs/egypt-2024-08.toml");

fn cardctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cardctl")).arg("tariff").args(arguments).output().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn prices() {
    let output = cardctl(&["price", "100", "100.01", "1001"]);
    assert!(output.status.success());
    let text = printed(&output);
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["100.00", "73.00", "2", "no", "2.00", "20.00", "95.00"]);
    assert_eq!(rows[1], ["100.01", "95.01", "3", "yes", "6.00", "20.00", "121.01"]);
    assert_eq!(rows[2], ["1001.00", "2232.23", "7", "yes", "40.00", "20.00", "2292.23"]);

    let from_file = cardctl(&["price", "351.5", "--tariff", SHIPPED, "--format", "json"]);
    let json: Value = serde_json::from_slice(&from_file.stdout).unwrap();
    assert_eq!(json["months"][0]["energy_10wh"], 35_150);
    assert_eq!(json["months"][0]["energy_charge"], 42_250 + 293);
    for wrong in ["1.234", "-1", "1e3", "42949672.96"] {
        assert!(!cardctl(&["price", "--", wrong]).status.success(), "{wrong}");
    }
}

#[test]
fn checks() {
    let output = cardctl(&["check", SHIPPED]);
    assert!(output.status.success());
    let text = printed(&output);
    assert!(text.contains("above 650 kWh the whole month is rated again, from zero:"), "{text}");

    assert!(text.contains("61 of 145 bytes"), "{text}");

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wrong.toml");
    let wrong = std::fs::read_to_string(SHIPPED).unwrap().replace("up_to_kwh = 350", "up_to_kwh = 150");
    std::fs::write(&path, wrong).unwrap();
    let output = cardctl(&["check", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("line 24: bound of slab 4"), "{said}");
}

/// The example of the documentation, which has everything that a file can say.
#[test]
fn charges_in_words_and_their_month() {
    let text = include_str!("../../../../docs/tariff.md");
    let example = text.split_once("```toml\n").unwrap().1.split_once("```").unwrap().0;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("example.toml");
    std::fs::write(&path, example).unwrap();
    let path = path.to_str().unwrap();
    let text = printed(&cardctl(&["check", path]));
    for line in [
        "cleaning         20.00 EGP a month",
        "radio fee        0.2 piastres per kWh, of the first 45 kWh",
        "standing charge  1.20 EGP a day",
        "VAT              14.00 % of energy, service fee, charge 1, at most 50.00 EGP",
        "charge 200       3.00 EGP a month, in month 7 of the year",
        "rebate           2.50 EGP a month, above 50 kWh, up to 200 kWh, given",
        "minimum bill     what energy, service fee, charge 1, charge 2, charge 3, charge 4, charge 5, charge 6 are below 30.00 EGP",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let json: Value = serde_json::from_slice(&cardctl(&["check", path, "--format", "json"]).stdout).unwrap();
    assert_eq!(json["charges"][5]["credit"], true);
    assert_eq!((&json["charges"][5]["above_kwh"], &json["charges"][5]["fixed"]), (&50.into(), &250.into()));
    assert_eq!(json["charges"][3]["of"][2], "charge 1");

    // 100 kWh: energy 78.125 EGP, service 2, cleaning 20, radio 0.09, standing 31 x 1.20, VAT of 100.13 EGP 14.02, rebate 2.50.
    let row = |arguments: &[&str]| {
        let output = cardctl(&[&["price", "100", "--tariff", path], arguments].concat());
        let text = printed(&output);
        text.lines().nth(1).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row(&[]), ["100.00", "78.13", "1", "no", "2.00", "68.81", "148.94"]);
    // In July the yearly fee in addition; in February three days less.
    assert_eq!(row(&["--month", "7"])[5..], ["71.81", "151.94"]);
    assert_eq!(row(&["--month", "2"])[5..], ["65.21", "145.34"]);
    assert!(!cardctl(&["price", "100", "--month", "13"]).status.success());
}
