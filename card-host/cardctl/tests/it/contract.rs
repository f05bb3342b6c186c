//! The JSON of cardctl as a program of somebody else has it: types, and no field that they do not know.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::process::Command;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it can be read is what is tested")]
struct Issued {
    access_number: Option<String>,
    account: String,
    binding: u32,
    card: String,
    generation: u16,
    meter: String,
    replaces: Option<String>,
    total_credit: u64,
    total_debited: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it can be read is what is tested")]
struct Loaded {
    amount: Option<u64>,
    card: String,
    charges: Vec<serde_json::Value>,
    code: String,
    credit: u64,
    debt: u64,
    outcome: String,
    request: String,
    sequence: u32,
    state: String,
    total_credit: u64,
    total_debited: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it can be read is what is tested")]
struct Tapped {
    balance: i64,
    code: String,
    credit: u64,
    debit: u64,
    mail: Vec<Mail>,
    outcome: String,
    settled: bool,
    time: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it can be read is what is tested")]
struct Mail {
    code: String,
    slot: u8,
    taken: bool,
    version: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "that it can be read is what is tested")]
struct Problem {
    code: String,
    error: String,
    happened: String,
    request: Option<String>,
    schema_version: u32,
    situation_code: Option<String>,
}

fn run<T: DeserializeOwned>(data: &Path, arguments: &[&str], good: bool) -> T {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cardctl"));
    let output = command.args(["--format", "json", "--data"]).arg(data).args(arguments).output().unwrap();
    assert_eq!(output.status.success(), good, "{arguments:?}: {output:?}");
    let text = String::from_utf8(if good { output.stdout } else { output.stderr }).unwrap();
    assert!(!good || text.lines().count() == 1, "one object on one line: {text}");
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn programs_know_every_field() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let issued: Issued = run(data, &["issue", "--meter", "5", "--account", "7"], true);
    assert_eq!((issued.meter.as_str(), issued.account.as_str(), issued.replaces), ("5", "7", None));
    let loaded: Loaded = run(data, &["top-up", "50.25"], true);
    assert_eq!((loaded.amount, loaded.total_credit), (Some(5_025), 5_025));
    let _: serde_json::Value = run(data, &["mail", "limits"], true);
    let tapped: Tapped = run(data, &["meter", "tap"], true);
    assert_eq!((tapped.credit, tapped.balance, tapped.mail.len()), (5_025, 5_025, 1));
    let problem: Problem = run(&data.join("other"), &["--reader", "no such reader", "info"], false);
    assert!(problem.error.contains("reader"), "{}", problem.error);
    assert_eq!((problem.schema_version, problem.happened.as_str()), (1, "nothing"));
}
