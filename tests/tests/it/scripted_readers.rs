//! Readers and services as they can be and rarely are: `cardctl` with a PC/SC library that is scripted.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::ffi::OsStringExt;

use applet_sim::card::{Profile, SimulatedCard};
use serde_json::Value;
use system_tests::programs::{CardProcess, Said, programs, run};
use system_tests::scripted_pcsc::{ScriptedCard, ScriptedPcsc};
use tempfile::TempDir;

const GREW: &str = "80100008";
const UNKNOWN_READER: &str = "80100009";
const PROTOCOL_MISMATCH: &str = "8010000F";
const UNPOWERED: &str = "80100067";
const RESET: &str = "80100068";
const READER: &str = "Scripted Reader 00 00";

/// What a doctor says where a call of PC/SC fails in this way.
#[test]
fn each_failure_of_a_reader_has_its_name_for_a_doctor() {
    let desk = Desk::new();
    let with = |call: &'static str, code: &str, cause: &str, check: &str| {
        // A service that runs beside it would be one that refuses.
        let script = [(call, [code; 99].join(",")), ("PCSCLITE_CSOCK_NAME", "/nonexistent".to_owned())];
        let said = desk.run(&script, &["--format", "json", "--reader", READER, "doctor"]);
        assert_eq!(said.status, Some(4), "{said}");
        let told: Value = serde_json::from_str(&said.out).unwrap();
        let lines = told["checks"].as_array().unwrap();
        let line = lines.iter().find(|line| line["check"] == check).unwrap();
        assert_eq!(
            (&line["cause"], &line["verdict"]),
            (&cause.into(), &"failure".into()),
            "{call} {code}: {said}"
        );
        assert!(!line["to_do"].as_str().unwrap().is_empty(), "{said}");
        // The others are told all the same, each once.
        let mut checks: Vec<&str> = lines.iter().map(|line| line["check"].as_str().unwrap()).collect();
        assert_eq!(checks.len(), 17, "{said}");
        checks.dedup();
        assert_eq!(checks.len(), 17, "{said}");
    };
    with("FAKE_ESTABLISH", "8010001D", "service_stopped", "service");
    with("FAKE_LIST", "8010006A", "access_denied", "rights");
    with("FAKE_CONNECT", "8010000C", "no_card", "card");
    with("FAKE_CONNECT", "80100066", "mute", "card");
    with("FAKE_CONNECT", UNPOWERED, "no_power", "card");
    with("FAKE_CONNECT", "8010000B", "in_use", "holder");
    with("FAKE_CONNECT", PROTOCOL_MISMATCH, "other_protocol", "holder");
    with("FAKE_CONNECT", UNKNOWN_READER, "reader_gone", "card");
    with("FAKE_CONNECT", "80100065", "not_understood", "card");
    with("FAKE_CONNECT", "80100001", "other", "card");
    with("FAKE_TRANSMIT", "80100069", "interrupted", "application");
    let none: [(&str, &str); 1] = [("FAKE_NAMES", "")];
    let said = desk.run(&none, &["--format", "json", "--reader", "any", "doctor"]);
    assert!(said.status == Some(4) && said.out.contains("\"cause\":\"no_reader\""), "{said}");
    let said = desk.run::<&str>(&[], &["--reader", "Nobody's", "doctor"]);
    assert!(said.status == Some(4) && said.out.contains("no reader of that name: Nobody's"), "{said}");
    let two = [("FAKE_NAMES", "A 00|B 00")];
    let said = desk.run(&two, &["--reader", "any", "doctor"]);
    assert!(said.status == Some(4) && said.out.contains("several readers have that name"), "{said}");
    let said = desk.run::<&str>(&[], &["--reader", READER, "--language", "ar", "doctor"]);
    assert!(said.status == Some(0) && said.out.contains("سليم  خدمة قارئات الكروت"), "{said}");
}

/// `cardctl` with the library, a data folder, and a blank card.
struct Desk {
    library: ScriptedPcsc,
    data: TempDir,
    card: ScriptedCard,
}

impl Desk {
    fn new() -> Self {
        let card = SimulatedCard::fresh(Profile::T1).unwrap();
        Self {
            library: ScriptedPcsc::compile(),
            data: tempfile::tempdir().unwrap(),
            card: ScriptedCard::new(card),
        }
    }

    fn run<V: AsRef<OsStr>>(&self, script: &[(&str, V)], arguments: &[&str]) -> Said {
        let port = self.card.port();
        let mut all = vec![("FAKE_PORT", OsStr::new(&port))];
        all.extend(script.iter().map(|(name, value)| (*name, value.as_ref())));
        let data = self.data.path().to_str().unwrap();
        self.library.run(&all, &programs().cardctl, &[&["--data", data], arguments].concat())
    }

    fn json<V: AsRef<OsStr>>(&self, script: &[(&str, V)], arguments: &[&str]) -> Value {
        self.run(script, &[&["--format", "json"], arguments].concat()).json()
    }

    /// What everybody may read of the card in the reader.
    fn state(&self, script: &[(&str, &str)]) -> Value {
        self.json(script, &["--reader", READER, "info"])["state"].clone()
    }
}

fn names(said: &Value) -> Vec<&str> {
    said["readers"].as_array().unwrap().iter().map(|reader| reader["name"].as_str().unwrap()).collect()
}

/// The first is "reader" in Arabic, as a Windows computer or an old driver writes it (Windows-1256).
fn named_in_another_code_page() -> OsString {
    OsString::from_vec([b"\xDE\xC7\xD1\xC6 00 00|".as_slice(), b"Plain Reader 01 00"].concat())
}

#[test]
fn a_name_in_another_code_page_is_a_reader_like_others_and_hides_none() {
    let desk = Desk::new();
    let script = [("FAKE_NAMES", named_in_another_code_page())];
    let said = desk.json(&script, &["readers"]);
    assert_eq!(names(&said), ["\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD} 00 00", "Plain Reader 01 00"]);
    assert!(said["readers"].as_array().unwrap().iter().all(|reader| reader["card"] == true), "{said}");
    // A part of the name is enough, and so is all of it as it is shown.
    for reader in ["00 00", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD} 00 00", "plain"] {
        assert_eq!(desk.json(&script, &["--reader", reader, "info"])["state"], "blank");
    }
    for reader in ["00 00", "plain"] {
        let said = desk.run(&script, &["--reader", reader, "doctor"]);
        assert!(said.text().contains("T=1, contacts, up to 115200 bit/s"), "{said}");
    }
}

#[test]
fn a_list_of_readers_that_grows_meanwhile_is_read_again() {
    let desk = Desk::new();
    for call in ["FAKE_LIST", "FAKE_LISTLEN"] {
        for codes in [GREW.to_owned(), [GREW; 3].join(",")] {
            assert_eq!(names(&desk.json(&[(call, &codes)], &["readers"])), [READER]);
        }
    }
    assert_eq!(desk.state(&[("FAKE_LIST", GREW)]), "blank");
    // One that never ends is named, and not read for ever.
    let said = desk.run(&[("FAKE_LIST", [GREW; 99].join(","))], &["readers"]);
    assert!(said.status == Some(7) && said.err.contains("listing the readers failed"), "{said}");
}

#[test]
fn a_reader_that_leaves_hides_no_other_and_is_named() {
    let desk = Desk::new();
    let two = "Plain Reader 00 00|Plain Reader 01 00";
    let said = desk.json(&[("FAKE_NAMES", two), ("FAKE_CHANGE", UNKNOWN_READER)], &["readers"]);
    assert_eq!(names(&said), ["Plain Reader 00 00", "Plain Reader 01 00"]);
    // Listed, and never there when it is asked for: it is left out.
    let said = desk.json(&[("FAKE_NAMES", two), ("FAKE_GONE", "Plain Reader 00 00")], &["readers"]);
    assert_eq!(names(&said), ["Plain Reader 01 00"]);
    let said = desk.run(&[("FAKE_CONNECT", UNKNOWN_READER)], &["--reader", READER, "info"]);
    assert!(said.status == Some(7) && said.err.contains("is gone: attach it again"), "{said}");
}

#[test]
fn a_card_that_another_program_has_just_reset_or_switched_off_is_connected_again() {
    let desk = Desk::new();
    for code in [UNPOWERED, RESET, PROTOCOL_MISMATCH] {
        for call in ["FAKE_CONNECT", "FAKE_BEGIN", "FAKE_STATUS", "FAKE_TRANSMIT"] {
            assert_eq!(desk.state(&[(call, code)]), "blank", "{call}");
        }
        // Also where connecting again has to be done twice.
        assert_eq!(desk.state(&[("FAKE_BEGIN", code), ("FAKE_RECONNECT", code)]), "blank");
        assert_eq!(desk.state(&[("FAKE_TRANSMIT", code), ("FAKE_RECONNECT", code)]), "blank");
    }
}

/// The card is not what is wrong: nobody is asked whether it is a prepaid card.
#[test]
fn one_that_stays_so_is_named() {
    let desk = Desk::new();
    for (code, words) in [
        (UNPOWERED, "has no power"),
        (RESET, "was reset by another program"),
        (PROTOCOL_MISMATCH, "another program has set the card"),
    ] {
        for call in ["FAKE_CONNECT", "FAKE_BEGIN", "FAKE_STATUS", "FAKE_TRANSMIT"] {
            let said = desk.run(&[(call, [code; 99].join(","))], &["--reader", READER, "info"]);
            assert!(said.status == Some(7) && said.err.contains(words), "{said}");
            assert!(!said.err.contains("prepaid"), "{said}");
        }
    }
}

/// After the first exchange a session may be on the card: it is never connected again.
#[test]
fn in_a_session_the_same_ends_it() {
    let desk = Desk::new();
    for code in [UNPOWERED, RESET, PROTOCOL_MISMATCH] {
        let said = desk.run(&[("FAKE_TRANSMIT", format!("0,{code}"))], &["--reader", READER, "info"]);
        let words = "was reset by another program or the reader, and the session has ended";
        assert!(said.status == Some(7) && said.err.contains(words), "{said}");
    }
}

/// A reader that is a test, and switches the card off before it has asked for anything.
#[test]
fn a_command_to_a_card_without_power_does_not_end_the_simulator() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("card");
    let made = run(&programs().applet_sim, &["new", "--image", image.to_str().unwrap()], "");
    assert!(made.text().contains("blank"), "{made}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let inserted = CardProcess::start(&programs().applet_sim, &[], address, &image, "t1");
    let mut reader = listener.accept().unwrap().0;
    let mut ask = |message: &[u8], answered: bool| {
        reader.write_all(&[&[0, message.len() as u8], message].concat()).unwrap();
        let mut answer = vec![];
        if answered {
            let mut length = [0; 2];
            reader.read_exact(&mut length).unwrap();
            answer = vec![0; usize::from(u16::from_be_bytes(length))];
            reader.read_exact(&mut answer).unwrap();
        }
        answer
    };
    const READ_NOTHING: [u8; 5] = [0x00, 0xB0, 0x00, 0x00, 0x00];
    ask(&[0x00], false);
    assert_eq!(ask(&READ_NOTHING, true), [0x6F, 0x00]);
    ask(&[0x01], false);
    let with_power = ask(&READ_NOTHING, true);
    assert_ne!(with_power, [0x6F, 0x00], "the card itself answers");
    inserted.take_out();
}
