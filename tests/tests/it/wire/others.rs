//! Other people's programs: a client that knows only the documented protocol, and a tester that knows only the description of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use card_ledger::Kind;
use system_tests::programs::run;

use super::served::Served;

fn python(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin").join(program);
    assert!(path.exists(), "{} is missing: run tests/setup.sh test", path.display());
    path
}

fn script(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name).to_str().unwrap().to_owned()
}

#[test]
fn a_client_in_python() {
    let served = Served::start();
    served.world.customer(7);
    let arguments = [script("channel_client.py"), served.base(), served.fawry.clone(), "fawry-1".to_owned()];
    let arguments = [arguments.to_vec(), vec!["0000000000000007".to_owned()]].concat();
    let said = run(python("python"), &arguments, "").json();
    assert_eq!(said["sold"], 3, "{said}");
    assert_eq!(said["repeated"], 5, "{said}");
    served.world.check();
    assert_eq!(said["voucher"], hex::encode_upper(served.world.record(7).voucher));
}

#[test]
fn a_client_that_is_generated_from_the_description() {
    let served = Served::start();
    served.world.customer(7);
    let arguments = [script("generated_client.py"), served.base(), served.fawry.clone()];
    let arguments = [arguments.to_vec(), vec!["fawry-1".to_owned(), "0000000000000007".to_owned()]].concat();
    let said = run(python("python"), &arguments, "").json();
    assert_eq!((&said["sold"], &said["repeated"]), (&1.into(), &2.into()), "{said}");
    assert_eq!(said["voucher"], hex::encode_upper(served.world.record(7).voucher));
    served.world.check();
}

/// No error and no warning of somebody else's rules for descriptions.
#[test]
fn a_linter_finds_nothing_in_the_description() {
    let folder = tempfile::tempdir().unwrap();
    let description = folder.path().join("openapi.json");
    std::fs::write(&description, card_server::openapi()).unwrap();
    let linter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/npm/node_modules/.bin/redocly");
    assert!(linter.exists(), "{} is missing: run tests/setup.sh test", linter.display());
    let output = Command::new(linter)
        .args(["lint", "--extends", "recommended", "--format", "json", "--max-problems", "1000"])
        .arg(&description)
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let found: serde_json::Value =
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!(found["totals"]["errors"], 0, "{said}");
    assert_eq!(found["totals"]["warnings"], 0, "{said}");
}

#[test]
fn all_answers_are_as_described() {
    let served = Served::start();
    served.world.customer(7);
    let long = std::env::var("CARD_TESTS").is_ok_and(|value| value == "long");
    let (examples, seed) = if long { ("300", "0") } else { ("15", "17") };
    let arguments = [
        &script("conformance.py"),
        &served.base(),
        &served.fawry,
        examples,
        seed,
        "fawry-1",
        "0000000000000007",
    ];
    let output = Command::new("timeout")
        .arg(if long { "3600" } else { "1800" })
        .arg(python("python"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    // It has reached what is behind the rules: sales were made, and steps of them.
    let entries = served.world.entries();
    for kind in [Kind::Sale, Kind::Reserve] {
        assert!(entries.iter().any(|entry| entry.kind == kind), "{kind:?} is missing");
    }
    served.world.check();
}
