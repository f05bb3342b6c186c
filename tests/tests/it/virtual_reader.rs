//! A card in software, seen through a real pcscd: its driver, its protocol, its pace, and the usual tools on top.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use std::ffi::CString;
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use applet_sim::vpcd::{
    Ended, VirtualCard, VirtualSlot, VpcdError, atr_contact_t0, atr_contact_t1, atr_contactless_a,
};
use pcsc::{Context, Disposition, Protocol, Protocols, Scope, ShareMode};
use system_tests::pcscd::{Pcscd, obstacle};

const SELECT: [u8; 5] = [0x00, 0xA4, 0x04, 0x00, 0x00];
const OK: [u8; 2] = [0x90, 0x00];

/// A card that agrees to everything.
struct PlainCard {
    atr: Vec<u8>,
}

impl VirtualCard for PlainCard {
    fn atr(&self) -> &[u8] {
        &self.atr
    }
    fn power_on(&mut self) {}
    fn power_off(&mut self) {}
    fn reset(&mut self) {}
    fn transmit(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        Some(OK.to_vec())
    }
}

/// A plain card in a thread. Dropping it takes it out of the reader.
struct Inserted {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Ended, VpcdError>>>,
}

impl Inserted {
    fn new(address: SocketAddr, atr: Vec<u8>) -> Self {
        Self::on(VirtualSlot::connect(address).unwrap(), atr)
    }

    fn on(mut slot: VirtualSlot, atr: Vec<u8>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = thread::spawn(move || slot.serve(&mut PlainCard { atr }, &flag));
        Self { stop, thread: Some(thread) }
    }

    /// Waits until the card notices by itself that the reader is gone.
    fn outcome(mut self) -> Result<Ended, VpcdError> {
        self.thread.take().unwrap().join().unwrap()
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

fn connect(context: &Context, reader: &str) -> pcsc::Card {
    let name = CString::new(reader).unwrap();
    context.connect(&name, ShareMode::Shared, Protocols::T0 | Protocols::T1).unwrap()
}

fn transmit(card: &pcsc::Card, apdu: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 258];
    card.transmit(apdu, &mut buffer).unwrap().to_vec()
}

/// The median time of a command.
fn round_trip(reader: &str, count: usize) -> Duration {
    let context = Context::establish(Scope::System).unwrap();
    let card = connect(&context, reader);
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(transmit(&card, &SELECT), OK);
            begun.elapsed()
        })
        .collect();
    card.disconnect(Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
    times.sort();
    times[times.len() / 2]
}

/// What a card does that does not ask for immediate acknowledgement.
fn answer_slowly(mut stream: TcpStream, atr: &[u8]) {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut message).is_err() {
            return;
        }
        let answer = match message[..] {
            [4] => atr,
            [_] => continue,
            _ => &OK,
        };
        let mut frame = u16::try_from(answer.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(answer);
        if stream.write_all(&frame).is_err() {
            return;
        }
    }
}

#[test]
fn commands_are_answered_with_and_without_the_relay() {
    let pcscd = Pcscd::start();
    let atr = atr_contact_t1(b"plain").unwrap();

    let slot = VirtualSlot::from_stream(pcscd.connect_directly(0).unwrap()).unwrap();
    let card = Inserted::on(slot, atr.clone());
    pcscd.wait_for_card(true);
    let direct = round_trip(&pcscd.reader_name(), 200);
    drop(card);
    pcscd.wait_for_card(false);

    let card = Inserted::new(pcscd.vpcd_address(), atr.clone());
    pcscd.wait_for_card(true);
    let relayed = round_trip(&pcscd.reader_name(), 200);
    drop(card);
    pcscd.wait_for_card(false);

    let stream = pcscd.connect_directly(0).unwrap();
    let far_end = stream.try_clone().unwrap();
    let card = thread::spawn(move || answer_slowly(stream, &atr));
    pcscd.wait_for_card(true);
    let delayed = round_trip(&pcscd.reader_name(), 20);
    far_end.shutdown(std::net::Shutdown::Both).unwrap();
    card.join().unwrap();

    println!("one command through pcscd, median of 200: {direct:?}; through the tests' relay: {relayed:?};");
    println!("without immediate acknowledgement: {delayed:?}");
    println!("goal: less than 5 ms");
}

#[test]
fn cards_of_each_kind_come_and_go() {
    let pcscd = Pcscd::start();
    let context = Context::establish(Scope::System).unwrap();
    let kinds = [
        (atr_contact_t0(b"plain").unwrap(), Protocol::T0),
        (atr_contact_t1(b"plain").unwrap(), Protocol::T1),
        (atr_contactless_a(b"plain").unwrap(), Protocol::T1),
    ];
    for (atr, protocol) in kinds {
        pcscd.wait_for_card(false);
        let begun = Instant::now();
        let inserted = Inserted::new(pcscd.vpcd_address(), atr.clone());
        pcscd.wait_for_card(true);
        println!("seen after {:?}", begun.elapsed());

        let card = connect(&context, &pcscd.reader_name());
        let status = card.status2_owned().unwrap();
        assert_eq!(status.atr(), atr);
        println!("{atr:02X?}: {:?}", status.protocol2());
        assert_eq!(status.protocol2(), Some(protocol));
        assert_eq!(transmit(&card, &SELECT), OK);

        let begun = Instant::now();
        drop(inserted);
        pcscd.wait_for_card(false);
        println!("removal seen after {:?}", begun.elapsed());
        let mut buffer = [0; 258];
        let error = card.transmit(&SELECT, &mut buffer).unwrap_err();
        println!("a command to the card that left: {error:?}");
        assert!(matches!(error, pcsc::Error::RemovedCard | pcsc::Error::NoSmartcard), "{error:?}");
    }
}

#[test]
fn two_cards_in_two_slots() {
    let pcscd = Pcscd::start();
    let context = Context::establish(Scope::System).unwrap();
    let atrs = [atr_contact_t1(b"one").unwrap(), atr_contactless_a(b"two").unwrap()];
    let _inserted: Vec<Inserted> =
        (0..).zip(&atrs).map(|(slot, atr)| Inserted::new(pcscd.slot_address(slot), atr.clone())).collect();
    for (slot, atr) in (0..).zip(atrs) {
        pcscd.wait_for_card_in(slot, true);
        let card = connect(&context, &pcscd.slot_reader_name(slot));
        assert_eq!(card.status2_owned().unwrap().atr(), atr);
    }
}

#[test]
fn pcscd_goes_and_comes_back() {
    let mut pcscd = Pcscd::start();
    let atr = atr_contact_t1(b"plain").unwrap();
    for kill in [false, true] {
        let inserted = Inserted::new(pcscd.vpcd_address(), atr.clone());
        pcscd.wait_for_card(true);
        let context = Context::establish(Scope::System).unwrap();
        let card = connect(&context, &pcscd.reader_name());

        if kill {
            pcscd.kill();
        } else {
            pcscd.stop();
        }
        let outcome = inserted.outcome();
        assert!(matches!(outcome, Ok(Ended::ReaderClosed)), "{outcome:?}");
        let mut buffer = [0; 258];
        let error = card.transmit(&SELECT, &mut buffer).unwrap_err();
        let listed = context.list_readers_owned().unwrap_err();
        let established = Context::establish(Scope::System).err().unwrap();
        println!("killed: {kill}; transmit: {error:?}; list: {listed:?}; establish: {established:?}");
        assert_eq!(established, pcsc::Error::NoService);
        let refused = VirtualSlot::connect(pcscd.vpcd_address()).unwrap_err();
        assert!(matches!(refused, VpcdError::NoReader { .. }), "{refused}");

        pcscd.restart();
        let inserted = Inserted::new(pcscd.vpcd_address(), atr.clone());
        pcscd.wait_for_card(true);
        let context = Context::establish(Scope::System).unwrap();
        assert_eq!(transmit(&connect(&context, &pcscd.reader_name()), &SELECT), OK);
        drop(inserted);
        pcscd.wait_for_card(false);
    }
}

/// The addresses on which a process listens, in its own network namespace and by its own descriptors.
fn listening(process: u32) -> Vec<SocketAddr> {
    let sockets: Vec<String> = fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_string()))
        .collect();
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).unwrap();
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        // 0A: listening.
        .filter(|fields| fields[3] == "0A" && sockets.iter().any(|socket| socket == fields[9]))
        .map(|fields| {
            let (address, port) = fields[1].split_once(':').unwrap();
            let address = Ipv4Addr::from(u32::from_str_radix(address, 16).unwrap().to_ne_bytes());
            SocketAddr::new(IpAddr::V4(address), u16::from_str_radix(port, 16).unwrap())
        })
        .collect()
}

#[test]
fn nothing_listens_beyond_this_machine() {
    let pcscd = Pcscd::start();
    let here = listening(std::process::id());
    for slot in 0..2 {
        let address = pcscd.slot_address(slot);
        assert!(address.ip().is_loopback());
        assert!(here.contains(&address), "{address} is not among {here:?}");
    }
    assert!(here.iter().all(|address| address.ip().is_loopback()), "{here:?}");

    // The driver itself listens on all interfaces, but of those it has only one: the loopback of its own namespace.
    let process = pcscd.process_id().unwrap();
    let driver = listening(process);
    assert_eq!(driver.len(), 2, "{driver:?}");
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    assert_ne!(namespace(&process.to_string()), namespace("self"));
    let interfaces = fs::read_to_string(format!("/proc/{process}/net/dev")).unwrap();
    let carrying: Vec<&str> =
        interfaces.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    println!("the driver listens on {driver:?}, where the interfaces are {carrying:?}");
    assert_eq!(carrying, ["lo"]);
}

#[test]
fn a_running_pcscd_is_a_reason_to_refuse() {
    let pcscd = Pcscd::start();
    let reason = obstacle().unwrap();
    assert!(
        reason.contains(&format!("another pcscd is running (process {})", pcscd.process_id().unwrap())),
        "{reason}"
    );
}

/// Runs a program with an input, ends it after ten minutes, and gives its exit code and what it said.
fn run(program: &str, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let mut process = Command::new("timeout")
        .args(["600", program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    println!("$ {program} {arguments:?} -> {}\n{text}", output.status);
    (output.status.code(), text)
}

#[test]
fn the_usual_tools_see_the_card() {
    let pcscd = Pcscd::start();
    let atr = atr_contact_t1(b"plain").unwrap();
    let _inserted = Inserted::new(pcscd.vpcd_address(), atr.clone());
    pcscd.wait_for_card(true);
    let reader = pcscd.reader_name();
    let hex =
        |separator: &str| atr.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(separator);

    let (code, text) = run("opensc-tool", &["--list-readers"], "");
    assert_eq!(code, Some(0));
    assert!(text.lines().any(|line| line.starts_with("0    Yes") && line.ends_with(&reader)), "{text}");

    let (code, text) = run("opensc-tool", &["--reader", "0", "--atr"], "");
    assert_eq!(code, Some(0));
    assert!(text.to_uppercase().contains(&hex(":")), "{text}");

    let select = ["--reader", "0", "--card-driver", "default", "--send-apdu", "00A4040000"];
    let (code, text) = run("opensc-tool", &select, "");
    assert_eq!(code, Some(0));
    assert!(text.contains("Received (SW1=0x90, SW2=0x00)"), "{text}");

    let (code, text) = run("pcsc_scan", &["-r"], "");
    assert_eq!(code, Some(0));
    assert!(text.contains(&format!("0: {reader}")), "{text}");

    let (code, text) = run("pcsc_scan", &["-n", "-t", "1"], "");
    assert_eq!(code, Some(0));
    assert!(text.contains(&format!("ATR: {}", hex(" "))), "{text}");

    let (code, text) = run("scriptor", &["-r", &reader, "-p", "T=1"], "00 A4 04 00 00\n");
    assert_eq!(code, Some(0));
    assert!(text.contains("< 90 00"), "{text}");

    let script = "
import sys
from smartcard.System import readers
from smartcard.CardConnection import CardConnection
from smartcard.util import toHexString
reader = [r for r in readers() if str(r) == sys.argv[1]][0]
connection = reader.createConnection()
connection.connect(CardConnection.T0_protocol | CardConnection.T1_protocol)
print('ATR', toHexString(connection.getATR()))
data, sw1, sw2 = connection.transmit([0x00, 0xA4, 0x04, 0x00, 0x00])
print('SW %02X%02X' % (sw1, sw2), toHexString(data))
connection.disconnect()
";
    let (code, text) = run("/usr/bin/python3", &["-c", script, &reader], "");
    assert_eq!(code, Some(0));
    assert!(text.contains(&format!("ATR {}", hex(" "))) && text.contains("SW 9000"), "{text}");
}
