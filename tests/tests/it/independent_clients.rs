//! Other people's programs against a personalised card in the virtual reader: what they read is what our library reads.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod jdk;

use std::path::{Path, PathBuf};
use std::time::Instant;

use card_core::id::{CardRef, Channel, MeterId, State};
use card_core::key::KeyLength;
use card_core::layout::{Instruction, tag};
use card_core::message::Voucher;
use card_core::meter::Verdict;
use card_core::role::Role;
use card_core::scp03::KeySet;
use card_core::units::Piastres;
use card_host::card::{ask, raw};
use card_host::card_core::terminal::Request;
use card_host::card_core::terminal::load::LoadOutcome;
use card_host::card_work::{CardChoice, load};
use card_host::keystore::{CardKey, SoftwareKeyStore};
use card_host::operate;
use card_host::pcsc::{self, Protocol};
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::transport::{Card, Transport};
use card_ledger::Development;
use serde_json::Value;
use system_tests::pcscd::Pcscd;
use system_tests::programs::{CardProcess, Said, programs, run};
use tempfile::TempDir;

const METER: u64 = 0xC0FFEE;
const SELECT: &str = "00A4040008F04547454C454301";

/// A customer's card in the reader, and what our library reads of it.
struct Customer {
    inserted: CardProcess,
    company: Development,
    card: CardRef,
    protocol: Protocol,
    atr: String,
    /// The last one that was loaded.
    voucher: Voucher,
    ours: Ours,
    _directory: TempDir,
}

/// Our own reading, in hexadecimal digits.
#[derive(Debug, PartialEq, Eq)]
struct Ours {
    select: String,
    identity: String,
    recognition: String,
    keys: String,
    status: String,
    profile: String,
    purse: String,
    load: String,
    receipt: String,
}

fn hex(bytes: &[u8]) -> String {
    hex::encode_upper(bytes)
}

fn our_reading(reader: &str, company: &Development) -> (Ours, Protocol, String) {
    let mut card = pcsc::open(reader).unwrap();
    let (protocol, atr) = (card.link().protocol(), hex(card.link().atr()));
    (reading(&mut card, company), protocol, atr)
}

/// What our library reads, over any transport.
fn reading(mut card: &mut impl Transport, company: &Development) -> Ours {
    let aid = hex::decode(&SELECT[10..]).unwrap();
    let mut public = |request: Request<'_, Vec<u8>>| hex(&ask(&mut card, &request).unwrap());
    let select = public(raw(Instruction::Select, 4, 0, &aid));
    let identity = public(raw(Instruction::ReadBinary, 0x81, 0, &[]));
    let [recognition, keys, status] = [tag::CARD_RECOGNITION, tag::KEY_INFORMATION, tag::PUBLIC_STATUS]
        .map(|tag: u16| tag.to_be_bytes())
        .map(|[p1, p2]| public(raw(Instruction::GetData, p1, p2, &[])));
    let public = operate::read_public(&mut card).unwrap();
    assert_eq!(public.status.state, Some(State::Active));

    let mut session =
        operate::session(&mut card, company.office.keys(), Role::Vending, &mut OsRandom).unwrap();
    let mut private = |instruction, p1, p2| hex(&session.ask(&raw(instruction, p1, p2, &[])).unwrap());
    let profile = private(Instruction::ReadBinary, 0x82, 0);
    let purse = private(Instruction::ReadBinary, 0x84, 0);
    let load = private(Instruction::ReadRecord, 1, 0x2C);
    let receipt = private(Instruction::GetData, 0xDF, 0x22);
    // Not empty, and of the sizes of the specification.
    let sizes = [&identity, &status, &profile, &purse, &load, &receipt].map(|hex| hex.len() / 2);
    assert_eq!(sizes, [32, 3 + 32, 96, 94, 39, 3 + 81]);
    Ours { select, identity, recognition, keys, status, profile, purse, load, receipt }
}

impl Customer {
    fn new(pcscd: &Pcscd, profile: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let image: PathBuf = directory.path().join("my.card");
        let arguments = ["new", "--card-id", "00C0FFEE00C0FFEE", "--image", image.to_str().unwrap()];
        let _ = run(&programs().applet_sim, &arguments, "").text();
        let inserted = CardProcess::insert(pcscd, &image, profile);
        let reader = pcscd.reader_name();

        let keys = SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap();
        let company = Development::new(keys).unwrap();
        let Development { office, who, .. } = &company;
        let meter = MeterId::from(METER);
        let mut card = pcsc::open(&reader).unwrap();
        let choice = CardChoice::default();
        let issued = office.issue(who, &company.id(), &mut card, meter, 4711, choice, None).unwrap();
        let [_, voucher] = [(Channel::Branch, 5_000), (Channel::Kiosk, 2_525)].map(|(channel, amount)| {
            let voucher = company.sell(issued.account.card.id, Piastres(amount), channel).unwrap();
            office.load(who, &mut card, &voucher).unwrap();
            voucher
        });
        let scope = office.scope();
        let meter_keys = company.keys.meter_keys(scope, meter).unwrap();
        let mut meter = SimulatedMeter::in_memory(meter, scope, meter_keys, &from_the_maker()).unwrap();
        let tap = meter.tap(&mut card, office.now().unwrap()).unwrap();
        assert!(matches!(tap.verdict, Some(Verdict::Apply { credit: Piastres(7_525), .. })), "{tap:?}");
        drop(card);

        let (ours, protocol, atr) = our_reading(&reader, &company);
        assert_eq!(protocol, if profile == "t0" { Protocol::T0 } else { Protocol::T1 });
        let card = issued.account.card;
        Self { inserted, company, card, protocol, atr, voucher, ours, _directory: directory }
    }

    fn keys(&self, role: Role) -> KeySet {
        let Development { office, .. } = &self.company;
        let (scope, keys) = (office.scope(), office.keys());
        let version = keys.current(role).unwrap();
        let key = CardKey { scope, version, card: self.card, meter: None, initial_length: None };
        keys.card_key_set(&key).unwrap()
    }
}

/// Hexadecimal digits in groups.
fn grouped(hex: &str, separator: &str) -> String {
    let pairs: Vec<&str> = (0..hex.len() / 2).map(|at| &hex[2 * at..2 * at + 2]).collect();
    pairs.join(separator)
}

/// The responses that opensc-tool printed: status words and data.
fn responses_of_opensc(said: &Said) -> Vec<(String, String)> {
    let mut responses: Vec<(String, String)> = Vec::new();
    for line in said.text().lines() {
        if let Some(status) = line.strip_prefix("Received (SW1=0x") {
            let (sw1, sw2) = (&status[..2], status.split("SW2=0x").nth(1).unwrap());
            responses.push((format!("{sw1}{}", &sw2[..2]), String::new()));
        } else if line.starts_with("Sending: ") {
            continue;
        } else if let Some((_, data)) = responses.last_mut() {
            // Sixteen bytes of three characters, then the same as text.
            data.extend(line.chars().take(48).filter(|c| !c.is_whitespace()));
        }
    }
    responses
}

fn opensc_tool(customer: &Customer, reader: &str) {
    let said = run("opensc-tool", &["--list-readers"], "");
    assert!(said.text().lines().any(|line| line.starts_with("0    Yes") && line.ends_with(reader)), "{said}");
    let said = run("opensc-tool", &["--reader", "0", "--atr"], "");
    assert_eq!(said.text().trim().to_uppercase(), grouped(&customer.atr, ":"));

    let apdus =
        [&format!("{SELECT}00"), "00B0810000", "00CA006600", "00CA00E000", "00CADF2100", "00B0840000"];
    let mut arguments = vec!["--reader", "0", "--card-driver", "default"];
    for apdu in apdus {
        arguments.extend(["--send-apdu", apdu]);
    }
    let said = run("opensc-tool", &arguments, "");
    let responses = responses_of_opensc(&said);
    let Ours { select, identity, recognition, keys, status, .. } = &customer.ours;
    let expected =
        [select, identity, recognition, keys, status].map(|data| ("9000".to_owned(), data.clone()));
    assert_eq!(responses[..5], expected);
    assert_eq!(responses[5..], [("6982".to_owned(), String::new())], "the purse is private");
}

fn pcsc_scan(customer: &Customer, reader: &str) {
    let said = run("pcsc_scan", &["-r"], "");
    assert!(said.text().contains(&format!("0: {reader}")), "{said}");
    let said = run("pcsc_scan", &["-n", "-t", "1"], "");
    assert!(said.text().contains(&format!("ATR: {}\n", grouped(&customer.atr, " "))), "{said}");
}

/// The responses that scriptor printed.
fn responses_of_scriptor(said: &Said) -> Vec<String> {
    let mut responses: Vec<String> = Vec::new();
    let mut within = false;
    for line in said.text().lines() {
        if let Some(first) = line.strip_prefix("< ") {
            responses.push(String::new());
            within = true;
            take_hex(first, &mut responses, &mut within);
        } else if within {
            take_hex(line, &mut responses, &mut within);
        }
    }
    responses
}

fn take_hex(line: &str, responses: &mut [String], within: &mut bool) {
    let (hex, end) = line.split_once(':').map_or((line, false), |(hex, _)| (hex, true));
    responses.last_mut().unwrap().extend(hex.chars().filter(|c| !c.is_whitespace()));
    *within = !end;
}

fn scriptor(customer: &Customer, reader: &str) {
    let Ours { select, identity, status, .. } = &customer.ours;
    let length = |hex: &str| format!("{:02X}", hex.len() / 2);
    let (protocol, script, expected) = match customer.protocol {
        Protocol::T1 => (
            "T=1",
            vec![format!("{SELECT}00"), "00B0810000".to_owned(), "00CADF2100".to_owned()],
            vec![format!("{select}9000"), format!("{identity}9000"), format!("{status}9000")],
        ),
        // Character by character: what a command answers is fetched, and lengths are told.
        Protocol::T0 => (
            "T=0",
            vec![
                SELECT.to_owned(),
                "00C0000001".to_owned(),
                format!("00C00000{}", length(select)),
                "00B0810000".to_owned(),
                format!("00B08100{}", length(identity)),
                "00CADF2100".to_owned(),
                format!("00CADF21{}", length(status)),
            ],
            vec![
                format!("61{}", length(select)),
                format!("6C{}", length(select)),
                format!("{select}9000"),
                format!("6C{}", length(identity)),
                format!("{identity}9000"),
                format!("6C{}", length(status)),
                format!("{status}9000"),
            ],
        ),
    };
    let script: Vec<String> = script.iter().map(|apdu| grouped(apdu, " ")).collect();
    let said = run("scriptor", &["-r", reader, "-p", protocol], &(script.join("\n") + "\n"));
    assert_eq!(responses_of_scriptor(&said), expected);
}

fn script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name);
    path.to_str().unwrap().to_owned()
}

/// The example for Python.
const VIRTUAL_READER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../applet-sim/examples/virtual_reader.py");

fn pyscard(customer: &Customer, reader: &str) {
    let answers = run("/usr/bin/python3", &[VIRTUAL_READER, reader], "").json();
    let Ours { select, identity, recognition, keys, status, .. } = &customer.ours;
    let done = |data: &str| Value::from(format!("{data}9000"));
    assert_eq!(answers["atr"], customer.atr.as_str());
    assert_eq!(answers["select"], done(select));
    assert_eq!(answers["identity"], done(identity));
    assert_eq!(answers["recognition"], done(recognition));
    assert_eq!(answers["keys"], done(keys));
    assert_eq!(answers["status"], done(status));
    assert_eq!(answers["private"], "6982");
    assert_eq!(answers.as_object().unwrap().len(), 7);
}

fn python(host: &str, arguments: &[&str]) -> Said {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python");
    assert!(python.exists(), "{} is missing: run tests/setup.sh test", python.display());
    run(python, &[&[script(host).as_str()], arguments].concat(), "")
}

fn scp03_host(reader: &str, version: u8, keys: [&[u8]; 3]) -> Said {
    let [enc, mac, dek] = keys.map(hex);
    python("scp03_host.py", &[reader, &format!("{version:02X}"), &enc, &mac, &dek])
}

fn yubikey_manager(customer: &mut Customer, reader: &str) {
    let keys = customer.keys(Role::Vending);
    let (version, [enc, mac, dek]) =
        (keys.version().byte(), [keys.enc(), keys.mac(), keys.dek()].map(|key| key.expose()));
    assert_eq!((version, enc.len()), (0x21, 16));
    let right = |customer: &Customer| {
        let answers = scp03_host(reader, version, [enc, mac, dek]).json();
        let same = |name: &str, ours: &str| {
            assert_eq!(answers[name].as_str().unwrap().to_uppercase(), ours, "{name}");
        };
        let Ours { select, profile, purse, load, receipt, .. } = &customer.ours;
        same("select", select);
        same("profile", profile);
        same("purse", purse);
        same("load", load);
        same("receipt", receipt);
        same("certificate", "6982");
        same("again", purse);
        assert_eq!(answers.as_object().unwrap().len(), 7);
    };
    right(customer);

    // Each wrong key by the place where it must show: MAC in the card's cryptogram, ENC in the first command, the number in
    // INITIALIZE UPDATE.
    let wrong = [0xA5; 16];
    for (version, keys, sign) in [
        (version, [enc, &wrong, dek], "Wrong SCP03 key set"),
        (version, [&wrong, &wrong, &wrong], "Wrong SCP03 key set"),
        (version, [&wrong, mac, dek], "6988"),
        (0x22, [enc, mac, dek], "6a88"),
        // A key set of the card, but not the one that these keys are of.
        (0x11, [enc, mac, dek], "Wrong SCP03 key set"),
    ] {
        let said = scp03_host(reader, version, keys);
        assert_eq!(said.status, Some(1), "{said}");
        assert!(
            said.out.is_empty() && said.err.to_lowercase().contains(&sign.to_lowercase()),
            "{sign}: {said}"
        );
    }
    right(customer);
}

/// PUT KEY without the inner length byte, as yubikey-manager sends it: another vending set, then the former one again.
fn keys_put_by_yubikey_manager(customer: &Customer, reader: &str) {
    let [admin, vending] = [Role::Admin, Role::Vending].map(|role| customer.keys(role));
    let bytes = |keys: &KeySet| [keys.enc(), keys.mac(), keys.dek()].map(|key| hex(key.expose()));
    let other = [0x11, 0x22, 0x33].map(|byte| hex(&[byte; 16]));
    for (replaced, new, keys) in [("21", "22", &other), ("22", "21", &bytes(&vending))] {
        let [enc, mac, dek] = bytes(&admin);
        let [new_enc, new_mac, new_dek] = keys;
        let arguments = [reader, "11", &enc, &mac, &dek, replaced, new, new_enc, new_mac, new_dek];
        let _ = python("put_keys.py", &arguments).text();
        let keys = keys.each_ref().map(|key| hex::decode(key).unwrap());
        let version = u8::from_str_radix(new, 16).unwrap();
        let read = scp03_host(reader, version, keys.each_ref().map(Vec::as_slice)).json();
        assert_eq!(read["purse"].as_str().unwrap().to_uppercase(), customer.ours.purse, "version {new}");
    }
}

/// Our own library over the JDK's provider: it reads the same, in sessions too, and a voucher is answered with its receipt.
fn java(customer: &Customer, reader: &str) {
    let protocol = if customer.protocol == Protocol::T0 { "T=0" } else { "T=1" };
    let mut card = Card::open(jdk::Jdk::start(reader, protocol));
    assert_eq!(reading(&mut card, &customer.company), customer.ours);
    let answer = load(&mut card, &customer.voucher).unwrap();
    assert_eq!(answer.outcome, LoadOutcome::AlreadyLoaded);
    assert_eq!(hex(&answer.receipt.emit()), customer.ours.receipt[6..]);
    card.into_link().end();
}

fn clients_read_what_we_read(profile: &str) {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    let mut customer = Customer::new(&pcscd, profile);
    let mut took = Vec::new();
    let mut client = |name: &str, act: &mut dyn FnMut(&mut Customer)| {
        let begun = Instant::now();
        act(&mut customer);
        took.push(format!("{name} {:?}", begun.elapsed()));
    };
    client("opensc-tool", &mut |customer| opensc_tool(customer, &reader));
    client("pcsc_scan", &mut |customer| pcsc_scan(customer, &reader));
    client("scriptor", &mut |customer| scriptor(customer, &reader));
    client("pyscard", &mut |customer| pyscard(customer, &reader));
    client("yubikey-manager", &mut |customer| yubikey_manager(customer, &reader));
    client("its PUT KEY", &mut |customer| keys_put_by_yubikey_manager(customer, &reader));
    client("JDK", &mut |customer| java(customer, &reader));

    // After all these, nothing has changed on the card.
    let (ours, ..) = our_reading(&reader, &customer.company);
    assert_eq!(ours, customer.ours);
    customer.inserted.take_out();
    println!("{profile}: {}", took.join(", "));
}

#[test]
fn over_contacts_in_blocks() {
    clients_read_what_we_read("t1");
}

#[test]
fn over_contacts_by_characters() {
    clients_read_what_we_read("t0");
}

#[test]
fn contactless() {
    clients_read_what_we_read("contactless");
}
