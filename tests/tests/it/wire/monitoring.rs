//! What `packaging/monitoring` asks for is there, by Prometheus' own programs and by the server.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::served::{Served, sale, wide};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/monitoring")
}

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let word = |letter: char| letter.is_ascii_lowercase() || letter == '_';
    let words = text.split(|letter| !word(letter)).filter(|name| name.starts_with("card_"));
    words.map(str::to_owned).collect()
}

#[test]
fn rules_are_right_and_wake_when_they_should() {
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
        ["check", "config", "prometheus.yml"],
    ] {
        let output = Command::new("promtool").args(arguments).current_dir(folder()).output();
        let output = output.expect("promtool (package prometheus) is installed by tests/setup.sh");
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn what_is_watched_is_there() {
    let readers = || Some(card_server::Readers { there: 1, with_card: 0 });
    let served = Served::with(card_server::Options { readers, ..wide() });
    served.world.customer(7);
    served.ask("POST", "/v1/sales", &served.fawry, Some("a"), &sale("fawry-1", 7, 5000, "received"));
    served.ask("POST", "/v1/sales", "none", Some("b"), &sale("fawry-1", 7, 5000, "received"));
    let told = served.raw(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(told.status, 200);
    let there = names(std::str::from_utf8(&told.body).unwrap());
    for file in ["alerts.yml", "dashboard.json"] {
        let text = std::fs::read_to_string(folder().join(file)).unwrap();
        let missing: Vec<_> = names(&text).difference(&there).cloned().collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}");
    }
    let dashboard = std::fs::read_to_string(folder().join("dashboard.json")).unwrap();
    let dashboard: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() > 5));
}
