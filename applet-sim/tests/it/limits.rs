//! The last value of each counter that the card keeps (specification, section 14).
// Helpers of tests, which clippy does not take for tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use crate::common::*;
use card_core::id::State;
use card_core::store::Log;

const LOAD: [u8; 4] = [0x80, 0x40, 0, 0];
const LAST: u32 = u32::MAX;

/// The card after something in a record of its memory was changed, as many years of use would.
fn aged(card: &Card, log: Log, change: impl FnOnce(&mut [u8])) -> Card {
    let mut chip = chip_of(card);
    let memory = &mut chip.memory;
    let mut payload = vec![0; log.capacity()];
    let record = log.peek(memory, &mut payload).unwrap().unwrap();
    payload.truncate(record.len);
    change(&mut payload);
    log.commit(memory, Some(record.epoch), &payload).unwrap();
    powered(&chip)
}

fn operations(card: &Card) -> u64 {
    card.chip().unwrap().memory.counters().operations()
}

/// Sends and expects; nothing may be written but where the answer begins with `written`.
fn load(card: &mut Card, sequence: u32, credit: u64) -> Answer {
    plain(card, LOAD, &voucher(sequence, credit, 0).emit())
}

fn meter(card: &mut Card, ins: u8, data: &[u8]) -> Answer {
    Step::meter([0x80, ins, 0, 0], data.to_vec()).run(card)
}

#[test]
fn the_last_sequence() {
    let mut card = card(State::Active);
    assert_eq!(load(&mut card, LAST, u64::MAX).0[0], 1);
    let before = operations(&card);
    assert_eq!(load(&mut card, LAST, u64::MAX).0[0], 2);
    assert_eq!(load(&mut card, LAST - 1, u64::MAX).0[0], 3);
    assert_eq!(load(&mut card, 1, u64::MAX).0[0], 3);
    assert_eq!(operations(&card), before);
    let held = receipt(&load(&mut card, LAST, 0).0);
    assert_eq!((held.sequence, held.total_credit.0), (LAST, u64::MAX));
}

#[test]
fn the_last_load() {
    let card = card(State::Active);
    let set = |record: &mut [u8]| {
        record[map::PURSE_LOADS..][..4].copy_from_slice(&(LAST - 1).to_be_bytes());
    };
    let mut card = aged(&card, map::PURSE, set);
    let (data, status) = load(&mut card, 10, 100_000);
    assert_eq!((data[0], status), (1, 0x9000));
    assert_eq!(receipt(&data).loads, LAST);
    let mut session = Session::open(&mut card, key_set(0x11), FULL);
    let (record, status) = session.send(&mut card, [0, 0xB2, 1, 0x2C], &[]);
    assert_eq!((&record[..4], status), (&[0xFF; 4][..], 0x9000));
    for number in [2, 32] {
        assert_eq!(session.send(&mut card, [0, 0xB2, number, 0x2C], &[]).1, 0x6A83);
    }
    let before = snapshot(&card, Depth::All);
    let written = operations(&card);
    assert_eq!(load(&mut card, 11, 100_001).1, 0x940B);
    assert_eq!(load(&mut card, 10, 100_000).0[0], 2);
    assert_eq!(operations(&card), written);
    assert_eq!(snapshot(&card, Depth::All), before);
    let (data, status) = load(&mut card, 12, 100_000);
    assert_eq!((data[0], status), (4, 0x9000));
    assert_eq!((receipt(&data).loads, receipt(&data).sequence), (LAST, 12));
    assert_eq!(load(&mut card, 13, 100_001).1, 0x940B);
}

#[test]
fn the_last_mail_version() {
    let mut card = card(State::Active);
    for (slot, ins) in [(0_u8, 0x42_u8), (0x11, 0x4E)] {
        let mut put = |version, binding| {
            let mail = envelope_of(binding, slot, version, b"last");
            match ins {
                0x42 => plain(&mut card, [0x80, ins, 0, 0], &delivery(&mail)),
                _ => meter(&mut card, ins, mail.as_bytes()),
            }
        };
        let answer = put(LAST, BINDING);
        assert_eq!((answer.0[0], answer.1), (1, 0x9000));
        assert_eq!(put(LAST, BINDING).0[0], 2);
        assert_eq!(put(LAST - 1, BINDING).1, 0x940A);
        assert_eq!(put(1, BINDING).1, 0x940A);
    }
    // In the slot of final reports, binding and version are compared as a pair.
    let mut put = |number, version| {
        let mail = envelope_of(binding(METER, number), 0x10, version, b"final");
        let (data, status) = meter(&mut card, 0x4E, mail.as_bytes());
        (data.first().copied(), status)
    };
    assert_eq!(put(2, LAST), (Some(1), 0x9000));
    assert_eq!(put(2, LAST), (Some(2), 0x9000));
    assert_eq!(put(1, LAST), (None, 0x940A));
    assert_eq!(put(3, 1), (Some(1), 0x9000));
    assert_eq!(put(2, LAST), (None, 0x940A));
}

#[test]
fn the_last_report_and_event() {
    let mut card = card(State::Active);
    let settle = |number, events: &[u32]| settle_data(&meter_receipt(number, 30_000, 0), 80, events);
    let (data, status) = meter(&mut card, 0x48, &settle(LAST, &[LAST - 1]));
    assert_eq!((&data[2..], status), (&[0xFF, 0xFF, 0xFF, 0xFE][..], 0x9000));
    assert_eq!(meter(&mut card, 0x48, &settle(LAST, &[LAST - 1])).1, 0x9000);
    for number in [LAST - 1, 1] {
        assert_eq!(meter(&mut card, 0x48, &settle(number, &[])).1, 0x940A);
    }
    let other = settle_data(&meter_receipt(LAST, 30_001, 0), 80, &[]);
    assert_eq!(meter(&mut card, 0x48, &other).1, 0x940A);
    // The event's last number, and what comes then.
    let (data, status) = meter(&mut card, 0x4A, &history_data(&[], &[LAST - 3, LAST - 2, LAST - 1, LAST]));
    assert_eq!((data, status), (vec![0, 69, 0xFF, 0xFF, 0xFF, 0xFF], 0x9000));
    let before = operations(&card);
    let (data, status) = meter(&mut card, 0x4A, &history_data(&[], &[1, LAST]));
    assert_eq!((data, status), (vec![0, 69, 0xFF, 0xFF, 0xFF, 0xFF], 0x9000));
    assert_eq!(operations(&card), before);
    let mut session = Session::open(&mut card, key_set(0x21), FULL);
    for (number, expected) in [(1, Some(LAST)), (2, Some(LAST - 1)), (3, None), (64, None)] {
        let (data, status) = session.send(&mut card, [0, 0xB2, number, 0x44], &[]);
        let found = data.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        assert_eq!((found, status), (expected, if expected.is_some() { 0x9000 } else { 0x6A83 }));
    }
}

#[test]
fn events_end_where_their_numbers_do() {
    let mut card = card(State::Active);
    assert_eq!(meter(&mut card, 0x4A, &history_data(&[], &[LAST])).1, 0x9000);
    let before = snapshot(&card, Depth::All);
    for number in [LAST, 7] {
        let data = settle_data(&meter_receipt(2, 30_000, 0), 80, &[number]);
        assert_eq!(meter(&mut card, 0x48, &data).1, 0x6A80);
    }
    assert_eq!(snapshot(&card, Depth::All), before);
    let data = settle_data(&meter_receipt(2, 30_000, 0), 80, &[]);
    assert_eq!(meter(&mut card, 0x48, &data).1, 0x9000);
}

#[test]
fn the_last_month() {
    let mut card = card(State::Active);
    let (data, status) = meter(&mut card, 0x4A, &history_data(&[0xFFFD, 0xFFFE], &[]));
    assert_eq!((data, status), (vec![0xFF, 0xFE, 0, 0, 0, 6], 0x9000));
    assert_eq!(meter(&mut card, 0x4A, &history_data(&[0xFFFE], &[])).1, 0x9000);
    assert_eq!(meter(&mut card, 0x4A, &history_data(&[0xFFFF], &[])).1, 0x6A80);
    let settle = settle_data(&meter_receipt(2, 30_000, 0), 0xFFFF, &[]);
    assert_eq!(meter(&mut card, 0x48, &settle).1, 0x6A80);
    let settle = settle_data(&meter_receipt(2, 30_000, 0), 0xFFFE, &[]);
    assert_eq!(meter(&mut card, 0x48, &settle).1, 0x9000);
}

fn bind_to(card: &mut Card, number: u32) -> u16 {
    let admin = key_set(0x11);
    let certificate = certificate_of(binding(METER, number), GENERATION, 1, 0, 0);
    let data = bind_data(admin, certificate, key_set(0x31));
    Step::admin([0x80, 0x52, 0, 0], data).run(card).1
}

#[test]
fn the_last_binding() {
    let mut card = card(State::Active);
    assert_eq!(bind_to(&mut card, LAST), 0x9000);
    assert_eq!(bind_to(&mut card, LAST), 0x9000);
    assert_eq!(bind_to(&mut card, LAST - 1), 0x9405);
    assert_eq!(bind_to(&mut card, 1), 0x9405);
}

#[test]
fn the_last_marker_of_a_binding() {
    let set = |value: u16| {
        move |record: &mut [u8]| record[map::PURSE_MARKER..][..2].copy_from_slice(&value.to_be_bytes())
    };
    let mut card = aged(&card(State::Active), map::PURSE, set(u16::MAX - 1));
    // What belongs to another marker is gone: mail, months, events, settlement.
    assert_eq!(plain(&mut card, [0x80, 0x44, 0, 0], &[]).1, 0x6A88);
    assert_eq!(bind_to(&mut card, 4), 0x9000);
    assert_eq!(bind_to(&mut card, 4), 0x9000);
    let before = snapshot(&card, Depth::All);
    assert_eq!(bind_to(&mut card, 5), 0x940B);
    assert_eq!(snapshot(&card, Depth::All), before);
    // Everything else goes on.
    let voucher =
        voucher_with(certificate_of(binding(METER, 4), GENERATION, 2, 500, 0), card_core::id::Channel::Kiosk);
    assert_eq!(plain(&mut card, LOAD, &voucher.emit()).0[0], 1);
}

#[test]
fn the_last_failure() {
    let mut failed = card(State::Active);
    assert_eq!(Step::Authenticate(key_set(0x21), false).run(&mut failed).1, 0x6300);
    let set = |record: &mut [u8]| record[2..4].copy_from_slice(&0xFFFE_u16.to_be_bytes());
    let mut card = aged(&failed, map::FAILURES, set);
    for _ in 0..3 {
        assert_eq!(Step::Authenticate(key_set(0x21), false).run(&mut card).1, 0x6300);
        assert_eq!(snapshot(&card, Depth::Ends).0["failures"], [0, 0, 0xFF, 0xFF, 0, 0, 0, 0]);
        card.power_up();
    }
    let before = operations(&card);
    assert_eq!(Step::Authenticate(key_set(0x21), false).run(&mut card).1, 0x6300);
    assert_eq!(operations(&card), before);
    assert_eq!(Step::Authenticate(key_set(0x21), true).run(&mut card).1, 0x9000);
    assert!(snapshot(&card, Depth::Ends).0["failures"].is_empty());
}

#[test]
fn the_last_commit_of_a_record() {
    // The purse's log with its last epoch: what is there stays readable, and a further load answers 6581.
    let before = card(State::Active);
    let mut chip = chip_of(&before);
    let memory = &mut chip.memory;
    let mut payload = vec![0; map::PURSE.capacity()];
    let record = map::PURSE.peek(memory, &mut payload).unwrap().unwrap();
    map::PURSE.commit(memory, Some(LAST - 2), &payload[..record.len]).unwrap();
    let mut card = powered(&chip);
    assert_eq!(snapshot(&card, Depth::All), snapshot(&before, Depth::All));
    assert_eq!(load(&mut card, 10, 100_000).0[0], 1);
    let last = snapshot(&card, Depth::All);
    assert_eq!(load(&mut card, 11, 200_000).1, 0x6581);
    card.power_up();
    assert_eq!(snapshot(&card, Depth::All), last);
    assert_eq!(load(&mut card, 10, 100_000).0[0], 2);
}
