//! `cardctl conformance` as a program, against a simulated card.

use serde_json::Value;
use std::process::Command;

fn cardctl(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_cardctl")).args(arguments).output().unwrap()
}

#[test]
fn the_report_is_a_file_to_sign() {
    let output = cardctl(&["--format", "json", "conformance"]);
    assert!(output.status.success());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["conforms"], true);
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    assert!(report["valid_until"].as_u64().unwrap() > report["made"].as_u64().unwrap());
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.len() > 200);
    assert!(findings.iter().all(|finding| finding["result"] == "passed"));
}

#[test]
fn people_read_sections_and_times() {
    let output = cardctl(&["conformance"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("The card conforms.") && text.contains("LOAD VOUCHER"), "{text}");
    assert!(!text.contains("VIOLATED") && !text.contains("not examined  "), "{text}");
}
