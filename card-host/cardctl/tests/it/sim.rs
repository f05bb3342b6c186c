//! Several simulated cards in one data directory, put in and taken out; and power cuts.

use serde_json::Value;
use std::path::Path;

use crate::run::{cardctl, json};

fn refused(data: &Path, arguments: &[&str], why: &str) {
    let output = cardctl(data, arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains(why), "{arguments:?}: {said}");
}

fn card(said: &Value) -> String {
    said["card"].as_str().unwrap().to_owned()
}

#[test]
fn cards_are_put_in_and_taken_out_and_none_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    assert_eq!(json(data, &["sim", "list"])["cards"], serde_json::json!([]));
    refused(data, &["sim", "eject"], "no simulated card in the simulated reader");
    refused(data, &["sim", "insert", "A"], "0 simulated cards have a number that begins with");

    // A blank card that is in the reader is the one that is issued.
    let first = card(&json(data, &["sim", "new"]));
    assert_eq!(card(&json(data, &["issue", "--meter", "1", "--account", "7"])), first);
    let second = card(&json(data, &["sim", "new"]));
    assert_eq!(card(&json(data, &["issue", "--meter", "2", "--account", "8"])), second);
    let third = card(&json(data, &["issue", "--meter", "3", "--account", "9"]));
    let cards = json(data, &["sim", "list"]);
    let in_reader: Vec<_> =
        cards["cards"].as_array().unwrap().iter().filter(|card| card["in_reader"] == true).collect();
    assert_eq!(cards["cards"].as_array().unwrap().len(), 3);
    assert!(in_reader.len() == 1 && in_reader[0]["card"] == third.as_str(), "{cards}");

    assert_eq!(card(&json(data, &["sim", "insert", &first[..6]])), first);
    assert_eq!(card(&json(data, &["info"])), first);
    assert_eq!(card(&json(data, &["sim", "insert", &second.to_lowercase()])), second);
    assert_eq!(card(&json(data, &["info"])), second);
    assert_eq!(card(&json(data, &["sim", "eject"])), second);
    refused(data, &["info"], "no simulated card in the simulated reader");
    refused(data, &["sim", "insert", ""], "3 simulated cards have a number");
}

#[test]
fn a_load_torn_anywhere_is_finished_under_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let _ = json(data, &["issue", "--meter", "1", "--account", "7"]);
    let mut torn = 0;
    let mut expected = 0;
    for after in 0..12 {
        let id = format!("sale-{after}");
        let after = after.to_string();
        let _ = json(data, &["sim", "power-cut", "--after", &after]);
        let sale = ["--request", &id, "top-up", "10"];
        if !cardctl(data, &sale).status.success() {
            torn += 1;
        }
        expected += 1_000;
        assert_eq!(json(data, &sale)["total_credit"], expected, "after {after}");
    }
    assert!(torn >= 3, "{torn}");
}
