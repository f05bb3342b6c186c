//! The host's side of PC/SC through a real pcscd: every failure by its typed error, and a card that works.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use std::ffi::CString;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use applet_sim::vpcd::{Ended, VirtualCard, VirtualSlot, VpcdError, atr_contact_t0, atr_contact_t1};
use card_host::doctor::{Cause, Check, Finding, Verdict, examine_readers};
use card_host::pcsc::{CardAfter, Limits, Protocol};
use card_host::transport::{Card, Link};
use card_host::{ReaderError, TransportError};
use system_tests::HANG;
use system_tests::pcscd::Pcscd;

const SELECT: [u8; 5] = [0x00, 0xA4, 0x04, 0x00, 0x00];
const AUTHENTICATE: [u8; 6] = [0x84, 0x82, 0x33, 0x00, 0x01, 0x00];
const OK: [u8; 2] = [0x90, 0x00];

/// A card that agrees to everything, but for as long as it is held, and counts its resets and commands.
#[derive(Clone)]
pub(super) struct PlainCard {
    atr: Vec<u8>,
    held: Arc<AtomicBool>,
    resets: Arc<AtomicUsize>,
    commands: Arc<AtomicUsize>,
}

impl PlainCard {
    pub(super) fn new() -> Self {
        Self {
            atr: atr_contact_t1(b"plain").unwrap(),
            held: Arc::default(),
            resets: Arc::default(),
            commands: Arc::default(),
        }
    }

    pub(super) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
    }

    pub(super) fn commands(&self) -> usize {
        self.commands.load(Ordering::Acquire)
    }

    fn resets(&self) -> usize {
        self.resets.load(Ordering::Acquire)
    }
}

impl VirtualCard for PlainCard {
    fn atr(&self) -> &[u8] {
        &self.atr
    }
    fn power_on(&mut self) {}
    fn power_off(&mut self) {}
    fn reset(&mut self) {
        self.resets.fetch_add(1, Ordering::AcqRel);
    }
    fn transmit(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        self.commands.fetch_add(1, Ordering::AcqRel);
        until("the card is let go", || !self.held.load(Ordering::Acquire));
        Some(OK.to_vec())
    }
}

/// A card in a thread. Dropping it takes it out of the reader.
pub(super) struct Inserted {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Ended, VpcdError>>>,
}

impl Inserted {
    pub(super) fn new(address: SocketAddr, mut card: impl VirtualCard + Send + 'static) -> Self {
        let mut slot = VirtualSlot::connect(address).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = thread::spawn(move || slot.serve(&mut card, &flag));
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Inserted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Limits that nothing meets.
const WIDE: Limits = Limits { connect: HANG, transaction: HANG, command: HANG };

fn connect(reader: &str) -> Result<card_host::pcsc::Connection, ReaderError> {
    card_host::pcsc::connect_with(reader, WIDE)
}

fn causes(findings: &[Finding]) -> Vec<(Check, Cause)> {
    findings.iter().map(|finding| (finding.check, finding.cause)).collect()
}

/// Waits until something has happened.
pub(super) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < HANG, "{what}: not yet");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn without_a_service_everything_says_so() {
    let mut pcscd = Pcscd::start();
    for kill in [false, true] {
        if kill {
            pcscd.kill()
        } else {
            pcscd.stop()
        }
        assert_eq!(card_host::pcsc::readers(), Err(ReaderError::ServiceNotRunning));
        assert_eq!(connect("").unwrap_err(), ReaderError::ServiceNotRunning);
        let begun = Instant::now();
        let waited = card_host::pcsc::wait_for_card("", 2 * HANG);
        assert_eq!(waited, Err(ReaderError::ServiceNotRunning));
        println!("said after {:?}", begun.elapsed());
        assert!(begun.elapsed() < HANG, "it is not waited for");
        let findings = examine_readers(Some(""));
        let causes = causes(&findings);
        assert_eq!(causes[0], (Check::Service, Cause::ServiceStopped), "{findings:?}");
        assert!(causes[1..].iter().all(|(_, cause)| *cause == Cause::Before), "{findings:?}");
        // For the simulated reader none is needed.
        let findings = examine_readers(None);
        assert!(findings.iter().all(|finding| finding.verdict() < Verdict::Warning), "{findings:?}");
        pcscd.restart();
    }
}

/// What pcscd does to a user whom polkit refuses: it ends the connection. Played by a socket of its own, which only a program of
/// its own can be told to use: this test, run once more.
#[test]
fn a_user_who_is_refused_is_told_so() {
    const SOCKET: &str = "PCSCLITE_CSOCK_NAME";
    if std::env::var_os(SOCKET).is_some() {
        assert_eq!(card_host::pcsc::readers(), Err(ReaderError::AccessDenied));
        let findings = examine_readers(Some(""));
        assert!(causes(&findings).contains(&(Check::Rights, Cause::AccessDenied)), "{findings:?}");
        return;
    }
    let path = std::env::temp_dir().join(format!("refusing-{}.sock", std::process::id()));
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host_pcsc::a_user_who_is_refused_is_told_so"])
        .env(SOCKET, &path)
        .status();
    std::fs::remove_file(&path).unwrap();
    assert!(status.unwrap().success());
}

#[test]
fn readers_are_found_by_name_and_an_empty_one_says_so() {
    let pcscd = Pcscd::start();
    let (first, second) = (pcscd.slot_reader_name(0), pcscd.slot_reader_name(1));
    assert_eq!(card_host::pcsc::readers().unwrap(), [first.clone(), second.clone()]);
    assert_eq!(card_host::pcsc::find("00 01").unwrap(), second);
    let error = connect("Nobody's").unwrap_err();
    println!("{error}");
    assert_eq!(
        error,
        ReaderError::UnknownReader { name: "Nobody's".into(), present: vec![first.clone(), second.clone()] }
    );
    let error = connect("virtual").unwrap_err();
    println!("{error}");
    assert!(matches!(error, ReaderError::AmbiguousReader { .. }), "{error:?}");
    assert_eq!(connect(&first).unwrap_err(), ReaderError::NoCard { reader: first.clone() });
    let begun = Instant::now();
    let waited = card_host::pcsc::wait_for_card(&first, Duration::from_millis(700));
    assert_eq!(waited, Err(ReaderError::NoCard { reader: first }));
    println!("no card after {:?}, of 700 ms", begun.elapsed());
    assert!(begun.elapsed().as_millis() >= 700 && begun.elapsed() < HANG);
}

#[test]
fn a_card_is_waited_for_and_left_as_it_was_or_reset() {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    for (protocol, atr) in
        [(Protocol::T1, atr_contact_t1(b"plain").unwrap()), (Protocol::T0, atr_contact_t0(b"plain").unwrap())]
    {
        pcscd.wait_for_card(false);
        let card = PlainCard { atr: atr.clone(), ..PlainCard::new() };
        let address = pcscd.vpcd_address();
        let resets = card.clone();
        let inserting = thread::spawn(move || {
            // As a rule it is waited for by then; nothing depends on it.
            thread::sleep(Duration::from_millis(300));
            Inserted::new(address, card)
        });
        let found = card_host::pcsc::wait_for_card("", HANG).unwrap();
        assert_eq!((found.reader.as_str(), &found.atr), (reader.as_str(), &atr));
        let inserted = inserting.join().unwrap();
        let before = resets.resets();

        let mut connection = connect("00 00").unwrap();
        assert_eq!((connection.reader(), connection.atr()), (reader.as_str(), atr.as_slice()));
        assert_eq!(connection.protocol(), protocol);
        assert_eq!(connection.transmit(&SELECT).unwrap(), OK);
        drop(connection);
        assert_eq!(resets.resets(), before, "a card without a session is left as it is");

        let mut connection = connect("00 00").unwrap();
        assert_eq!(connection.transmit(&AUTHENTICATE).unwrap(), OK);
        assert!(connection.authenticated());
        drop(connection);
        assert_eq!(resets.resets(), before + 1, "a session does not stay on the card");

        let mut connection = connect("00 00").unwrap();
        assert_eq!(connection.transmit(&AUTHENTICATE).unwrap(), OK);
        connection.end(CardAfter::Leave).unwrap();
        assert_eq!(resets.resets(), before + 1, "the choice is the caller's");
        drop(inserted);
    }
}

#[test]
fn a_card_that_is_pulled_out_ends_the_session() {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    let inserted = Inserted::new(pcscd.vpcd_address(), PlainCard::new());
    pcscd.wait_for_card(true);
    let mut connection = connect(&reader).unwrap();
    assert_eq!(connection.transmit(&SELECT).unwrap(), OK);
    drop(inserted);
    pcscd.wait_for_card(false);
    // Also where another card is there meanwhile.
    let _other = Inserted::new(pcscd.vpcd_address(), PlainCard::new());
    pcscd.wait_for_card(true);
    let error = connection.transmit(&SELECT).unwrap_err();
    println!("{error}");
    assert_eq!(error, TransportError::Reader(ReaderError::CardRemoved { reader: reader.clone() }));
    assert_eq!(connection.transmit(&SELECT), Err(ReaderError::Ended.into()), "never reconnected");
    drop(connection);
    assert_eq!(connect(&reader).unwrap().transmit(&SELECT).unwrap(), OK);
}

#[test]
fn a_card_that_is_pulled_out_while_it_works_is_named() {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    let card = PlainCard::new();
    let inserted = Inserted::new(pcscd.vpcd_address(), card.clone());
    pcscd.wait_for_card(true);
    let mut connection = connect(&reader).unwrap();
    card.hold(true);
    let working = thread::spawn(move || {
        loop {
            if let Err(error) = connection.transmit(&SELECT) {
                return error;
            }
        }
    });
    until("a command is at the card", || card.commands.load(Ordering::Acquire) > 0);
    inserted.stop.store(true, Ordering::Release);
    card.hold(false);
    drop(inserted);
    let error = working.join().unwrap();
    println!("{error}");
    let TransportError::Reader(error) = error else { panic!("{error:?}") };
    assert!(
        matches!(error, ReaderError::CardRemoved { .. } | ReaderError::UnresponsiveCard { .. }),
        "{error:?}"
    );
}

#[test]
fn the_service_ending_in_a_session_is_an_error_of_its_own() {
    let mut pcscd = Pcscd::start();
    for kill in [false, true] {
        let inserted = Inserted::new(pcscd.vpcd_address(), PlainCard::new());
        pcscd.wait_for_card(true);
        let mut connection = connect(&pcscd.reader_name()).unwrap();
        if kill {
            pcscd.kill()
        } else {
            pcscd.stop()
        }
        let error = connection.transmit(&SELECT).unwrap_err();
        println!("{error}");
        assert_eq!(error, TransportError::Reader(ReaderError::ServiceNotRunning));
        drop(inserted);
        drop(connection);
        pcscd.restart();
    }
}

#[test]
fn waiting_survives_a_restart_of_the_service() {
    let mut pcscd = Pcscd::start();
    let waiting = thread::spawn(|| card_host::pcsc::wait_for_card("Virtual", HANG));
    until("a client waits in the service", || pcscd.is_waited_on());
    pcscd.kill();
    pcscd.restart();
    let _inserted = Inserted::new(pcscd.slot_address(1), PlainCard::new());
    assert_eq!(waiting.join().unwrap().unwrap().reader, pcscd.slot_reader_name(1));
}

/// A program of its own that holds the reader for itself until it is ended.
fn hold(reader: &str) -> std::process::Child {
    let script = "
import sys, time
from smartcard.scard import *
_, context = SCardEstablishContext(SCARD_SCOPE_SYSTEM)
code, card, _ = SCardConnect(context, sys.argv[1], SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1)
print(code, flush=True)
time.sleep(3600)
";
    let mut child = std::process::Command::new("/usr/bin/python3")
        .args(["-c", script, reader])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line.trim(), "0", "the other program has the card");
    child
}

#[test]
fn another_program_that_holds_the_reader_is_named() {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    let _inserted = Inserted::new(pcscd.vpcd_address(), PlainCard::new());
    pcscd.wait_for_card(true);
    let mut other = hold(&reader);
    let error = connect(&reader).unwrap_err();
    let findings = examine_readers(Some(&reader));
    let id = other.id();
    other.kill().unwrap();
    other.wait().unwrap();
    println!("{error}");
    let ReaderError::InUse { reader: named, holders } = error else { panic!("{error:?}") };
    assert_eq!(named, reader);
    assert!(
        holders.iter().any(|holder| holder.process == id && holder.name.starts_with("python")),
        "{holders:?}"
    );
    let finding = findings.iter().find(|finding| finding.check == Check::Holder).unwrap();
    assert!(finding.cause == Cause::InUse && finding.found.contains(&id.to_string()), "{finding:?}");
    // The service may take a moment to notice that the other has ended.
    let deadline = Instant::now() + HANG;
    let mut connection = loop {
        match connect(&reader) {
            Err(ReaderError::InUse { .. }) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            outcome => break outcome.unwrap(),
        }
    };
    assert_eq!(connection.transmit(&SELECT).unwrap(), OK);
}

#[test]
fn another_programs_transaction_is_waited_for_until_the_limit() {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    let _inserted = Inserted::new(pcscd.vpcd_address(), PlainCard::new());
    pcscd.wait_for_card(true);
    let first = connect(&reader).unwrap();
    let begun = Instant::now();
    let limits = Limits { transaction: Duration::from_millis(500), ..WIDE };
    let error = card_host::pcsc::connect_with(&reader, limits).unwrap_err();
    println!("{error} after {:?}", begun.elapsed());
    assert!(matches!(error, ReaderError::InUse { .. }), "{error:?}");
    assert!(begun.elapsed() < HANG);
    drop(first);
    // The attempt that was given up lets go of the card by itself.
    assert_eq!(connect(&reader).unwrap().transmit(&SELECT).unwrap(), OK);
}

#[test]
fn a_reset_by_another_program_waits_until_our_session_ends() {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    let card = PlainCard::new();
    let resets = card.clone();
    let _inserted = Inserted::new(pcscd.vpcd_address(), card);
    pcscd.wait_for_card(true);
    let context = pcsc::Context::establish(pcsc::Scope::System).unwrap();
    let name = CString::new(reader.as_str()).unwrap();
    let other = context.connect(&name, pcsc::ShareMode::Shared, pcsc::Protocols::ANY).unwrap();
    let mut connection = connect(&reader).unwrap();
    assert_eq!(connection.transmit(&SELECT).unwrap(), OK);
    let before = resets.resets();
    let resetting = thread::spawn(move || other.disconnect(pcsc::Disposition::ResetCard).is_ok());
    // By then the reset waits, as a rule; where it does not yet, there is even less that could pass.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(connection.transmit(&SELECT).unwrap(), OK);
    assert_eq!(resets.resets(), before, "the transaction holds it off");
    drop(connection);
    let _ = resetting.join().unwrap();
    // What another program did before a session concerns no session.
    assert_eq!(connect(&reader).unwrap().transmit(&SELECT).unwrap(), OK);
}

#[test]
fn a_card_that_takes_too_long_is_given_up() {
    let pcscd = Pcscd::start();
    let reader = pcscd.reader_name();
    let card = PlainCard::new();
    let _inserted = Inserted::new(pcscd.vpcd_address(), card.clone());
    pcscd.wait_for_card(true);
    let limits = Limits { command: Duration::from_millis(300), ..WIDE };
    let mut connection = card_host::pcsc::connect_with(&reader, limits).unwrap();
    card.hold(true);
    let begun = Instant::now();
    let error = connection.transmit(&SELECT).unwrap_err();
    println!("{error} after {:?}", begun.elapsed());
    assert!(matches!(error, TransportError::Reader(ReaderError::TimedOut { .. })), "{error:?}");
    assert_eq!(card.commands.load(Ordering::Acquire), 1, "given up while the card works on it");
    card.hold(false);
    drop(connection);
    let mut next = connect(&reader).unwrap();
    assert_eq!(next.transmit(&SELECT).unwrap(), OK);
}

#[test]
fn our_own_card_is_recognised_and_diagnosed() {
    use applet_sim::card::{Profile, SimulatedCard};
    use card_core::id::{CardId, Environment};
    use card_core::key::KeyLength;
    for profile in [Profile::T1, Profile::T0, Profile::Contactless] {
        let pcscd = Pcscd::start();
        let card =
            SimulatedCard::blank(CardId([0xC5; 8]), Environment::Test, KeyLength::Aes256, profile).unwrap();
        let _inserted = Inserted::new(pcscd.vpcd_address(), card);
        pcscd.wait_for_card(true);
        let mut transport = Card::open(connect(&pcscd.reader_name()).unwrap());
        let found = card_host::card::select(&mut transport).unwrap();
        assert_eq!(found.card.id, CardId([0xC5; 8]));
        drop(transport);
        // The second reader is empty, which concerns nobody.
        let findings = examine_readers(Some(&pcscd.reader_name()));
        let causes = causes(&findings);
        for good in [
            Check::Service,
            Check::Rights,
            Check::Readers,
            Check::Card,
            Check::Atr,
            Check::Protocol,
            Check::Payload,
        ] {
            assert!(causes.contains(&(good, Cause::Good)), "{good:?}: {findings:?}");
        }
        assert!(causes.contains(&(Check::State, Cause::Blank)), "{findings:?}");
    }
}
