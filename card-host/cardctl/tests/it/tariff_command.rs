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
