//! What a command to our card costs through PC/SC, beside one to a card in the same virtual reader that only says 9000.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::vpcd::{DEFAULT_ADDRESS, VirtualCard, VirtualSlot, atr_contact_t1};
use card_core::id::{CardId, Channel, MeterId};
use card_core::key::KeyLength;
use card_core::units::Piastres;
use card_host::card_work::CardChoice;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::transport::Simulator;
use card_ledger::Development;
use pcsc::{Card, Context, Disposition, Protocol, Protocols, Scope, ShareMode};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use system_tests::pcscd::Pcscd;
use system_tests::programs::{CardProcess, programs};

const ROUNDS: usize = 2000;
/// The goal: at most so many times as much.
const GOAL: u128 = 2;

const GET_DATA: [u8; 5] = [0x00, 0xCA, 0xDF, 0x21, 0x00];
const SELECT: [u8; 14] = [0x00, 0xA4, 0x04, 0x00, 0x08, 0xF0, 0x45, 0x47, 0x45, 0x4C, 0x45, 0x43, 0x01, 0x00];

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
        Some(vec![0x90, 0x00])
    }
}

/// A customer's card in an image file: charged and settled, so that its public status has something to say.
fn used_card(image: &std::path::Path) {
    let card = SimulatedCard::create(image, CardId([0xC5; 8]), KeyLength::Aes256, Profile::T1).unwrap();
    let mut card = card_host::Card::open(Simulator::new(card));
    let keys = SoftwareKeyStore::generate(KeyLength::Aes256, &mut OsRandom).unwrap();
    let company = Development::new(keys).unwrap();
    let Development { office, who, .. } = &company;
    let (meter, scope) = (MeterId::from(17), office.scope());
    let choice = CardChoice::default();
    let issued = office.issue(who, &company.id(), &mut card, meter, 4711, choice, None).unwrap();
    let charge = |card: &mut _| {
        let voucher = company.sell(issued.account.card.id, Piastres(5_000), Channel::Branch).unwrap();
        office.load(who, card, &voucher).unwrap();
    };
    charge(&mut card);
    let keys = company.keys.meter_keys(scope, meter).unwrap();
    let mut meter = SimulatedMeter::in_memory(meter, scope, keys, &from_the_maker()).unwrap();
    assert!(meter.tap(&mut card, office.now().unwrap()).unwrap().settled);
    charge(&mut card);
}

fn connect(context: &Context, reader: &str) -> Card {
    let name = CString::new(reader).unwrap();
    let card = context.connect(&name, ShareMode::Shared, Protocols::ANY).unwrap();
    assert_eq!(card.status2_owned().unwrap().protocol2(), Some(Protocol::T1));
    card
}

/// Sends a command, checks that the answer has so many bytes and ends in 9000, and gives its time.
fn timed(card: &Card, command: &[u8], length: usize) -> Duration {
    let mut buffer = [0; 258];
    let begun = Instant::now();
    let answer = card.transmit(command, &mut buffer).unwrap();
    let took = begun.elapsed();
    assert!(answer.len() == length && answer.ends_with(&[0x90, 0x00]), "{answer:02X?}");
    took
}

/// Whatever this thread starts from now on runs on the same processor as it: otherwise where the scheduler happens to put whom is
/// most of what is measured.
fn stay_on_one_processor() {
    let allowed = sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|processor| allowed.is_set(*processor)).unwrap();
    let mut only = CpuSet::new();
    only.set(first);
    sched_setaffinity(None, &only).unwrap();
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_command_to_our_card_beside_one_to_a_card_that_does_nothing() {
    stay_on_one_processor();
    let pcscd = Pcscd::start();
    let directory = tempfile::tempdir().unwrap();
    let image = directory.path().join("my.card");
    used_card(&image);

    // Both past the tests' relay, so that it hides nothing: ours, the real program in a process of its own, in the reader's network
    // namespace.
    let namespace = format!("--net=/proc/{}/ns/net", pcscd.process_id().unwrap());
    let through = ["nsenter".to_owned(), namespace];
    let address = DEFAULT_ADDRESS.parse().unwrap();
    let ours = CardProcess::start(&programs().applet_sim, &through, address, &image, "t1");
    let mut slot = VirtualSlot::from_stream(pcscd.connect_directly(1).unwrap()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let plain = thread::spawn(move || {
        let mut card = PlainCard { atr: atr_contact_t1(b"plain").unwrap() };
        slot.serve(&mut card, &flag).unwrap();
    });
    for slot in 0..2 {
        pcscd.wait_for_card_in(slot, true);
    }

    let context = Context::establish(Scope::System).unwrap();
    let [our_card, plain_card] = [0, 1].map(|slot| connect(&context, &pcscd.slot_reader_name(slot)));
    for (name, command, length) in [("GET DATA DF21", &GET_DATA[..], 3 + 32 + 2), ("SELECT", &SELECT, 35 + 2)]
    {
        let (mut our_times, mut plain_times) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS + 100 {
            // In turns, each before the other as often as after it.
            let pair = if round % 2 == 0 {
                let ours = timed(&our_card, command, length);
                (ours, timed(&plain_card, command, 2))
            } else {
                let plain = timed(&plain_card, command, 2);
                (timed(&our_card, command, length), plain)
            };
            if round >= 100 {
                our_times.push(pair.0);
                plain_times.push(pair.1);
            }
        }
        let (ours, plain) = (median(&mut our_times), median(&mut plain_times));
        let hundredths = ours.as_nanos() * 100 / plain.as_nanos();
        println!(
            "{name}, median of {ROUNDS}: our card {ours:?}, a card that only says 9000 {plain:?}: {}.{:02} times as much; goal: at most {GOAL}",
            hundredths / 100,
            hundredths % 100
        );
    }
    for card in [our_card, plain_card] {
        card.disconnect(Disposition::LeaveCard).map_err(|(_, error)| error).unwrap();
    }
    ours.take_out();
    stop.store(true, Ordering::Release);
    plain.join().unwrap();
}
