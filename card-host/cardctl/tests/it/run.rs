//! The program with JSON, as these tests run it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn cardctl(data: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cardctl"))
        .args(["--format", "json", "--data"])
        .arg(data)
        .args(arguments)
        .output()
        .unwrap()
}

/// What it answers.
pub(crate) fn json(data: &Path, arguments: &[&str]) -> Value {
    let output = cardctl(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
