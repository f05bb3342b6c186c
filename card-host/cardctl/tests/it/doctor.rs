//! `cardctl doctor` where no reader is needed: what an office works with, each failure provoked; and the report for others.

use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::run::cardctl;

/// What it found, with its exit code.
fn doctor(data: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    // Nobody listens at port 1.
    let server = if arguments.contains(&"--server") { &[][..] } else { &["--server", "http://127.0.0.1:1"] };
    let output = cardctl(data, &[&["doctor"], server, arguments].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = serde_json::from_str(&said);
    (
        value.unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr))),
        output.status.code(),
    )
}

fn cause(told: &Value, check: &str) -> String {
    let lines = told["checks"].as_array().unwrap();
    let line = lines.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("{check}: {told}"));
    line["cause"].as_str().unwrap().to_owned()
}

fn issued(data: &Path) {
    let output = cardctl(data, &["issue", "--meter", "1", "--account", "7"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn with_the_simulated_card_nothing_is_a_problem() {
    let folder = tempfile::tempdir().unwrap();
    let (told, code) = doctor(folder.path(), &[]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(cause(&told, "card"), "no_simulated_card");
    assert_eq!([cause(&told, "keys"), cause(&told, "ledger")], ["no_keys", "no_ledger"]);
    issued(folder.path());
    let (told, code) = doctor(folder.path(), &[]);
    assert_eq!(code, Some(0), "{told}");
    for (check, expected) in [
        ("card", "good"),
        ("atr", "good"),
        ("application", "good"),
        ("state", "not_activated"),
        ("wear", "good"),
        ("payload", "good"),
        ("keys", "development_keys"),
        ("ledger", "good"),
        ("server", "not_needed"),
    ] {
        assert_eq!(cause(&told, check), expected, "{check}: {told}");
    }
    assert_eq!(
        told["checks"].as_array().unwrap().len(),
        17 - 1,
        "who holds a reader is not asked then: {told}"
    );
}

#[test]
fn keys_ledger_and_image_that_are_damaged_are_named_and_end_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    issued(data);
    let keys = data.join("development-keys.json");
    let kept = fs::read(&keys).unwrap();
    fs::write(&keys, "{}").unwrap();
    let (told, code) = doctor(data, &[]);
    assert_eq!((code, cause(&told, "keys").as_str()), (Some(4), "keys_unusable"), "{told}");
    assert_eq!(cause(&told, "ledger"), "ledger_unusable");
    assert_eq!(cause(&told, "state"), "not_activated", "the card says what it is all the same");
    fs::write(&keys, kept).unwrap();

    let ledger = data.join("ledger.sqlite");
    let kept = fs::read(&ledger).unwrap();
    fs::write(&ledger, "no ledger").unwrap();
    let (told, _) = doctor(data, &[]);
    assert_eq!(cause(&told, "ledger"), "ledger_unusable", "{told}");
    fs::write(&ledger, kept).unwrap();

    let (_, card) = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "card"))
        .map(|path| ((), path))
        .unwrap();
    fs::write(&card, "no card").unwrap();
    let (told, code) = doctor(data, &[]);
    assert_eq!((code, cause(&told, "card").as_str()), (Some(4), "other"), "{told}");
    assert!(told.to_string().contains("not a card image"), "{told}");
}

#[test]
fn a_directory_that_is_in_use_and_a_port_where_nobody_is_are_named() {
    let folder = tempfile::tempdir().unwrap();
    issued(folder.path());
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let (told, code) = doctor(folder.path(), &[]);
    assert_eq!((code, cause(&told, "card").as_str()), (Some(4), "in_use"), "{told}");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (told, code) = doctor(folder.path(), &["--reader", &format!("tcp://{free}")]);
    assert_eq!((code, cause(&told, "card").as_str()), (Some(4), "unreachable"), "{told}");
}

/// Something that answers each request with these bytes.
fn answering(body: &'static str, status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn a_server_whose_store_or_clock_is_wrong_and_something_else_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (body, status, check, expected) in [
        (r#"{"protocol":1,"version":"9","time":null,"store":false}"#, "200 OK", "server", "server_store"),
        (
            r#"{"protocol":1,"version":"9","time":1600000000,"store":true}"#,
            "200 OK",
            "clock",
            "clock_differs",
        ),
        ("<html>", "200 OK", "server", "server_other"),
        ("{}", "404 Not Found", "server", "server_other"),
    ] {
        let (told, code) = doctor(folder.path(), &["--server", &answering(body, status)]);
        assert_eq!((code, cause(&told, check).as_str()), (Some(4), expected), "{told}");
    }
    let good = answering(r#"{"protocol":1,"version":"9","time":null,"store":true}"#, "200 OK");
    let (told, code) = doctor(folder.path(), &["--server", &good]);
    assert_eq!((code, cause(&told, "server").as_str()), (Some(0), "good"), "{told}");
}

#[test]
fn the_report_says_the_same_without_numbers_of_cards() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    issued(&data);
    let report = folder.path().join("report.json");
    let (told, _) = doctor(&data, &["--bundle", report.to_str().unwrap()]);
    let text = fs::read_to_string(&report).unwrap();
    let kept: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(kept["checks"].as_array().unwrap().len(), told["checks"].as_array().unwrap().len());
    assert_eq!(kept["program"], "cardctl");
    let info: Value = serde_json::from_slice(&cardctl(&data, &["info"]).stdout).unwrap();
    let card = info["card"].as_str().unwrap();
    assert!(told.to_string().contains(card) && !text.contains(card), "{text}");
    assert!(text.contains(&format!("{}************", &card[..4])), "{text}");
    let again = cardctl(&data, &["doctor", "--bundle", report.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("must not exist"));
    // In Arabic, for who reads it.
    let arabic = Command::new(env!("CARGO_BIN_EXE_cardctl"))
        .args(["--language", "ar", "--data"])
        .arg(&data)
        .args(["doctor", "--server", "http://127.0.0.1:1"])
        .output()
        .unwrap();
    let said = String::from_utf8(arabic.stdout).unwrap();
    assert!(said.contains("بيانات التشفير") && said.contains("لا تصدر بها كارتًا حقيقيًا"), "{said}");
}
