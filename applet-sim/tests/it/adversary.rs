//! What a card answers to input that is wrong, forged, replayed, or random: always clearly, and never by writing.
// Long: one adversary; its moves, and what is checked after each of them, belong together.
// Helpers of tests, which clippy does not take for tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use crate::common;
use crate::common::*;
use applet_sim::card::{Profile, SimulatedCard};
use card_core::id::{CardId, Channel, Company, Environment, Scope, State};
use card_core::message::Voucher;
use card_core::role::{KeyVersion, Role};
use card_core::scp03::SecurityLevel;
use card_core::scp03::host::HandshakeError;
use card_core::soft::SoftEngine;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const LOAD: [u8; 4] = [0x80, 0x40, 0, 0];
const PUT_MAIL: [u8; 4] = [0x80, 0x42, 0, 0];
const STATES: [State; 5] =
    [State::Blank, State::Personalised, State::Active, State::Blocked, State::Terminated];

fn operations(card: &Card) -> u64 {
    card.chip().unwrap().memory.counters().operations()
}

/// Runs `attack` on an active card and expects that it changes and writes nothing.
fn unmoved(attack: impl FnOnce(&mut Card)) {
    unmoved_in(State::Active, attack);
}

fn unmoved_in(state: State, attack: impl FnOnce(&mut Card)) {
    let mut card = card(state);
    let before = (snapshot(&card, Depth::All), operations(&card));
    attack(&mut card);
    assert_eq!(operations(&card), before.1, "something was written");
    let after = snapshot(&card, Depth::All);
    assert!(after == before.0, "something changed{}", before.0.difference(&after));
}

fn altered(change: impl FnOnce(&mut Voucher)) -> Vec<u8> {
    let mut voucher = voucher(9, 90_000, 0);
    change(&mut voucher);
    sign_voucher(voucher).emit().to_vec()
}

fn other_scope(change: impl FnOnce(&mut Scope)) -> Scope {
    let mut scope = SCOPE;
    change(&mut scope);
    scope
}

#[test]
fn a_voucher_for_something_else() {
    let cases: [(&str, Vec<u8>, u16); 12] = [
        ("card", altered(|v| v.card = CardId([9; 8])), 0x9401),
        ("company", altered(|v| v.scope.company = Company(0x0103)), 0x9402),
        ("environment", altered(|v| v.scope.environment = Environment::Production), 0x9403),
        ("company before card", altered(|v| (v.scope.company, v.card) = (Company(9), CARD)), 0x9402),
        ("meter", altered(|v| v.certificate.binding.meter = OTHER_METER), 0x9404),
        ("later binding", altered(|v| v.certificate.binding.number = 4), 0x9405),
        ("earlier binding", altered(|v| v.certificate.binding.number = 2), 0x9405),
        ("generation", altered(|v| v.certificate.generation = 2), 0x9406),
        ("key version", altered(|v| v.key_version = KeyVersion::from_byte(0x52)), 0x9409),
        ("credit falls", altered(|v| v.certificate.total_credit.0 = 29_999), 0x9407),
        ("sequence 0", altered(|v| v.certificate.sequence = 0), 0x6A80),
        ("issue time 0", altered(|v| v.certificate.issue_time.0 = 0), 0x6A80),
    ];
    unmoved(|card| {
        for (name, voucher, expected) in &cases {
            assert_eq!(status(card, LOAD, voucher), *expected, "{name}");
        }
    });
    // A debit that falls needs one to begin with.
    let mut card = card(State::Active);
    assert_eq!(status(&mut card, LOAD, &voucher(5, 40_000, 10).emit()), 0x9000);
    assert_eq!(status(&mut card, LOAD, &voucher(6, 50_000, 9).emit()), 0x9407);
    unmoved_in(State::Personalised, |card| {
        for channel in [Channel::Kiosk, Channel::Bank, Channel::Wallet, Channel::Network] {
            for credit in [0, 500] {
                let voucher = voucher_with(certificate(2, credit, 0), channel);
                assert_eq!(status(card, LOAD, &voucher.emit()), 0x940D);
            }
        }
    });
}

#[test]
fn a_voucher_made_with_another_key() {
    unmoved(|card| {
        for change in [
            |v: &mut Voucher| v.scope.company = Company(0x0103),
            |v: &mut Voucher| v.scope.environment = Environment::Production,
            |v: &mut Voucher| v.key_version = KeyVersion::from_byte(0x52),
            |v: &mut Voucher| v.card = CardId([1; 8]),
        ] {
            // Signed for something else, and only then renamed.
            let mut forged = voucher(9, 90_000, 0);
            change(&mut forged);
            let signed = sign_voucher(forged);
            let forged = Voucher { mac: signed.mac, ..voucher(9, 90_000, 0) };
            assert_eq!(status(card, LOAD, &forged.emit()), 0x9408);
        }
    });
}

#[test]
fn replayed_and_stale() {
    unmoved(|card| {
        for (sequence, outcome) in [(4, 2), (3, 3), (2, 3), (1, 3)] {
            // Totals are not looked at.
            for credit in [0, 30_000, u64::MAX] {
                let (data, status) = plain(card, LOAD, &voucher(sequence, credit, 0).emit());
                assert_eq!((data[0], status), (outcome, 0x9000));
                let held = receipt(&data);
                assert_eq!((held.sequence, held.total_credit.0, held.loads), (4, 30_000, 3));
            }
        }
        let mail = |version| delivery(&envelope_of(BINDING, 5, version, b"mail"));
        assert_eq!(plain(card, PUT_MAIL, &mail(9)).0, [2, 5, 0, 0, 0, 9]);
        for version in [8, 1] {
            assert_eq!(status(card, PUT_MAIL, &mail(version)), 0x940A);
        }
        let meter_mail = envelope_of(BINDING, 0x11, 3, b"old");
        assert_eq!(Step::meter([0x80, 0x4E, 0, 0], meter_mail.as_bytes().to_vec()).run(card).1, 0x940A);
        let settle = |receipt, month, events: &[u32]| {
            Step::meter([0x80, 0x48, 0, 0], settle_data(&receipt, month, events))
        };
        assert_eq!(settle(meter_receipt(1, 20_000, 0), 70, &[1, 2, 4]).run(card).1, 0x9000);
        assert_eq!(settle(meter_receipt(1, 20_001, 0), 70, &[]).run(card).1, 0x940A);
        assert_eq!(settle(meter_receipt(2, 19_999, 0), 70, &[]).run(card).1, 0x940C);
        for events in [&[6][..], &[8, 7], &[7, 7]] {
            assert_eq!(settle(meter_receipt(2, 20_000, 0), 70, events).run(card).1, 0x6A80);
        }
        let other = meter_receipt_of(binding(METER, 4), 2, 20_000, 0);
        assert_eq!(settle(other, 70, &[]).run(card).1, 0x9405);
        let other = meter_receipt_of(binding(OTHER_METER, 3), 2, 20_000, 0);
        assert_eq!(settle(other, 70, &[]).run(card).1, 0x9404);
    });
}

#[test]
fn every_bit_of_a_voucher() {
    let right = voucher(9, 90_000, 0).emit();
    unmoved(|card| {
        for bit in 0..8 * right.len() {
            let mut flipped = right;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (data, status) = plain(card, LOAD, &flipped);
            assert!(data.is_empty() && matches!(status, 0x6A80 | 0x9401..=0x9403 | 0x9408 | 0x9409), "{bit}");
            // Behind the card id everything is told by the code alone.
            assert!(
                bit < 13 * 8 || status == 0x9408 || (bit < 14 * 8 && status == 0x6A80),
                "{bit}: {status:04X}"
            );
        }
    });
    assert_eq!(status(&mut card(State::Active), LOAD, &right), 0x9000);
}

#[test]
fn every_bit_of_a_mail() {
    let right = delivery(&envelope_of(BINDING, 2, 9, b"limits"));
    unmoved(|card| {
        for bit in 0..8 * right.len() {
            let mut flipped = right.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (data, status) = plain(card, PUT_MAIL, &flipped);
            assert!(data.is_empty() && matches!(status, 0x6A80 | 0x9401..=0x9403 | 0x9408 | 0x9409), "{bit}");
            assert!(bit < 13 * 8 || status == 0x9408, "{bit}: {status:04X}");
        }
    });
    assert_eq!(status(&mut card(State::Active), PUT_MAIL, &right), 0x9000);
}

#[test]
fn a_mail_for_something_else() {
    let mail = |slot, binding| envelope_of(binding, slot, 20, b"mail");
    let right = mail(1, BINDING);
    let cases = [
        ("card", delivery_of(&right, KeyVersion::from_byte(0x51), SCOPE, CardId([9; 8])), 0x9401),
        (
            "company",
            delivery_of(&right, KeyVersion::from_byte(0x51), other_scope(|s| s.company.0 += 1), CARD),
            0x9402,
        ),
        (
            "environment",
            delivery_of(
                &right,
                KeyVersion::from_byte(0x51),
                other_scope(|s| s.environment = Environment::Production),
                CARD,
            ),
            0x9403,
        ),
        ("key version", delivery_of(&right, KeyVersion::from_byte(0x52), SCOPE, CARD), 0x9409),
        ("meter", delivery(&mail(1, binding(OTHER_METER, 3))), 0x9404),
        ("later binding", delivery(&mail(1, binding(METER, 4))), 0x9405),
        ("earlier binding", delivery(&mail(1, binding(METER, 2))), 0x9405),
        ("slot of the meter", delivery(&mail(0x11, BINDING)), 0x6A80),
        ("version 0", delivery(&envelope_of(BINDING, 1, 0, b"")), 0x6A80),
    ];
    unmoved(|card| {
        for (name, data, expected) in &cases {
            assert_eq!(status(card, PUT_MAIL, data), *expected, "{name}");
        }
        for slot in [0x0C, 0x0F, 0x14, 0x80, 0xFF] {
            assert_eq!(status(card, [0x80, 0x44, slot, 0], &[]), 0x6A88);
        }
        for (name, envelope, expected) in [
            ("slot to the meter", mail(1, BINDING), 0x6A80),
            ("meter", mail(0x12, binding(OTHER_METER, 3)), 0x9404),
            ("earlier binding", mail(0x12, binding(METER, 2)), 0x9405),
            ("later binding", mail(0x10, binding(METER, 4)), 0x9405),
        ] {
            let step = Step::meter([0x80, 0x4E, 0, 0], envelope.as_bytes().to_vec());
            assert_eq!(step.run(card).1, expected, "{name}");
        }
    });
}

#[test]
fn truncated_and_oversized() {
    unmoved(|card| {
        let whole = apdu(LOAD, &voucher(9, 90_000, 0).emit());
        for length in 0..whole.len() {
            assert_eq!(card.answer(&whole[..length]).unwrap(), [0x67, 0x00], "{length}");
        }
        for more in 2..200 {
            let mut long = whole.clone();
            long.resize(whole.len() + more, 0);
            assert_eq!(card.answer(&long).unwrap(), [0x67, 0x00]);
        }
        let mut extended = LOAD.to_vec();
        extended.extend([0, 0, 110]);
        extended.extend(&whole[5..]);
        assert_eq!(card.answer(&extended).unwrap(), [0x67, 0x00]);
        // Right APDUs whose data are of any other length.
        for length in 0..=255 {
            let (voucher, mail) = (length != 110, !(64..=209).contains(&length));
            let data = vec![1; length];
            assert_eq!(status(card, LOAD, &data) == 0x6700, voucher, "{length}");
            assert_eq!(status(card, PUT_MAIL, &data) == 0x6700, mail, "{length}");
        }
        for huge in [300, 1000, 70_000] {
            assert_eq!(card.answer(&vec![0x80; huge]).unwrap(), [0x67, 0x00]);
        }
    });
    // In a session, too.
    for (ins, right) in [(0x48, (114..=210).step_by(16)), (0x4A, (17..=209).step_by(16))] {
        let right: Vec<usize> = right.collect();
        unmoved(|card| {
            let mut session = Session::open(card, key_set(0x31), SecurityLevel::CMacCEncRMac);
            for length in (0..=239).filter(|length| !right.contains(length)) {
                let answer = session.send(card, [0x80, ins, 0, 0], &vec![0; length]);
                assert_eq!(answer, (vec![], 0x6700), "{ins:02X} {length}");
            }
        });
    }
}

/// What section 7 says of a class byte, for a command without data in no session; `None`: what comes next decides.
fn class_status(cla: u8) -> Option<u16> {
    Some(match cla {
        0xFF => 0x6E00,
        cla if cla & 0x40 != 0 => 0x6881,
        cla if cla & 0x20 != 0 => 0x6E00,
        cla if cla & 0x03 != 0 => 0x6881,
        cla if cla & 0x08 != 0 => 0x6882,
        cla if cla & 0x10 != 0 => 0x6884,
        _ => return None,
    })
}

#[test]
fn every_class_and_instruction() {
    let interindustry = [0xA4, 0xB0, 0xB2, 0xCA, 0xC0];
    let own = [0xCA, 0xC0, 0x50, 0x40, 0x42, 0x44, 0x46, 0x48, 0x4A, 0x4E, 0x52, 0xE2, 0xD8, 0xF0];
    unmoved(|card| {
        for cla in 0..=0xFF {
            for ins in 0..=0xFF {
                let status = status(card, [cla, ins, 0xFE, 0xFE], &[]);
                let known = match cla {
                    0x00 => interindustry.contains(&ins),
                    0x80 => own.contains(&ins),
                    _ => false,
                };
                match class_status(cla) {
                    Some(expected) => assert_eq!(status, expected, "{cla:02X}{ins:02X}"),
                    None if matches!((cla, ins), (0x04, 0xA4) | (0x84, 0x50)) => {
                        assert_eq!(status, 0x6E00, "{cla:02X}{ins:02X}");
                    }
                    None if matches!((cla, ins), (0x84, 0x82) | (0x04 | 0x84, 0xC0)) => {
                        assert_eq!(status, 0x6A86)
                    }
                    None if cla & 0x04 != 0 => assert_eq!(status, 0x6985, "{cla:02X}{ins:02X}"),
                    None if known => assert!(!matches!(status, 0x6D00 | 0x6E00), "{cla:02X}{ins:02X}"),
                    None => assert_eq!(status, 0x6D00, "{cla:02X}{ins:02X}"),
                }
            }
        }
    });
}

#[test]
fn a_chain_is_refused_and_leaves_the_session() {
    unmoved(|card| {
        let mut session = Session::open(card, key_set(0x11), FULL);
        for cla in [0x90, 0x10, 0x94] {
            assert_eq!(status(card, [cla, 0x40, 0, 0], &[1, 2, 3]), 0x6884);
        }
        assert_eq!(session.send(card, [0, 0xB0, 0x82, 0], &[]).1, 0x9000);
    });
}

const LEVELS: [SecurityLevel; 5] = SecurityLevel::ALL;
const ROLES: [(Role, u8); 4] =
    [(Role::Admin, 0x11), (Role::Vending, 0x21), (Role::Meter, 0x31), (Role::Holder, 0x41)];

#[test]
fn least_level_and_role_of_each_command() {
    use Role::{Admin, Holder, Meter, Vending};
    let commands: [([u8; 4], &[Role], u8); 14] = [
        ([0x80, 0x46, 0, 0], &[Meter], 0x11),
        ([0x80, 0x46, 1, 0], &[Meter], 0x11),
        ([0x80, 0x4E, 0, 0], &[Meter], 0x11),
        ([0x80, 0x48, 0, 0], &[Meter], 0x13),
        ([0x80, 0x4A, 0, 0], &[Meter], 0x13),
        ([0x80, 0x52, 0, 0], &[Admin], 0x33),
        ([0x80, 0xD8, 0x21, 0x81], &[Admin], 0x33),
        ([0x80, 0xE2, 0, 0], &[Admin], 0x33),
        ([0x80, 0xE2, 0, 1], &[Admin, Vending], 0x33),
        ([0x80, 0xF0, 0, 2], &[Admin], 0x11),
        ([0x80, 0xF0, 0, 3], &[Admin], 0x11),
        ([0x80, 0xF0, 0, 4], &[Admin, Vending], 0x11),
        ([0x80, 0xF0, 0, 5], &[Admin], 0x11),
        // GET DATA of a receipt that is not private: everybody.
        ([0x00, 0xCA, 0xDF, 0x22], &[Admin, Vending, Meter, Holder], 0x01),
    ];
    for (header, roles, least) in commands {
        let open_to_all = header[1] == 0xCA;
        unmoved(|card| assert_eq!(status(card, header, &[]) == 0x6982, !open_to_all, "{header:02X?}"));
        for (role, version) in ROLES {
            for level in LEVELS {
                let allowed = roles.contains(&role) && level as u8 & least == least;
                let mut card = card(State::Active);
                let before = snapshot(&card, Depth::Ends);
                let mut session = Session::open(&mut card, key_set(version), level);
                let status = session.send(&mut card, header, &[]).1;
                assert_eq!(status != 0x6982, allowed, "{header:02X?} {role} {level:?}: {status:04X}");
                if !allowed {
                    assert_eq!(snapshot(&card, Depth::Ends), before);
                }
            }
        }
    }
}

#[test]
fn least_level_and_role_of_each_file() {
    for sfi in 1..=9_u8 {
        let header =
            if matches!(sfi, 5 | 7 | 8) { [0, 0xB2, 1, (sfi << 3) | 4] } else { [0, 0xB0, 0x80 + sfi, 0] };
        unmoved(|card| {
            assert_eq!(status(card, header, &[]), if sfi == 1 { 0x9000 } else { 0x6982 });
            for (role, version) in ROLES {
                for level in LEVELS {
                    let allowed = match (sfi, role) {
                        (1, _) => true,
                        (3 | 9, Role::Meter) => level as u8 & 0x11 == 0x11,
                        (_, Role::Meter) => false,
                        _ => level == FULL,
                    };
                    let mut session = Session::open(card, key_set(version), level);
                    let (data, status) = session.send(card, header, &[]);
                    assert_eq!(status, if allowed { 0x9000 } else { 0x6982 }, "{sfi} {role} {level:?}");
                    assert_eq!(data.is_empty(), !allowed);
                    // Authority comes with a command's own code, never from the connection.
                    let expected = if sfi == 1 { 0x9000 } else { 0x6982 };
                    assert_eq!(common::status(card, header, &[]), expected);
                }
            }
        });
    }
}

#[test]
fn a_private_balance() {
    let mut card = card(State::Blank);
    let store = store_data(GENERATION, 0x10, 0x01, 1);
    personalise(&mut card, &personalisation_with(&store, certificate(1, 0, 0)));
    assert_eq!(Step::load(&voucher(2, 5_000, 0)).run(&mut card).1, 0x9000);
    let (public, _) = plain(&mut card, [0, 0xCA, 0xDF, 0x21], &[]);
    assert_eq!((public[4], &public[5..]), (3, &[0; 30][..]));
    assert_eq!(status(&mut card, [0, 0xCA, 0xDF, 0x22], &[]), 0x6982);
    for (_, version) in ROLES {
        for level in LEVELS {
            let mut session = Session::open(&mut card, key_set(version), level);
            assert_eq!(session.send(&mut card, [0, 0xCA, 0xDF, 0x22], &[]).1, 0x9000);
        }
    }
}

#[test]
fn each_command_in_each_state() {
    // By state 01 to 05: whether the state allows it (section 3 and the table of section 7).
    let public: [([u8; 4], [bool; 5]); 6] = [
        ([0x00, 0xA4, 4, 0], [true; 5]),
        ([0x00, 0xB0, 0x81, 0], [true; 5]),
        ([0x00, 0xCA, 0xDF, 0x21], [true; 5]),
        (LOAD, [false, true, true, false, false]),
        (PUT_MAIL, [false, true, true, false, false]),
        ([0x80, 0x44, 0, 0], [false, true, true, true, true]),
    ];
    let sessions = [[true; 5], [false, true, true, true, false], [false, false, true, false, false]];
    let admin: [([u8; 4], [bool; 5]); 4] = [
        ([0x80, 0x52, 0, 0], [true, true, true, false, false]),
        ([0x80, 0xE2, 0, 0], [true, false, false, false, false]),
        ([0x80, 0xE2, 0, 1], [false, true, true, true, false]),
        ([0x80, 0xD8, 0, 0x81], [true, true, true, true, false]),
    ];
    for (index, state) in STATES.into_iter().enumerate() {
        unmoved_in(state, |card| {
            for (header, allowed) in public {
                let status = status(card, header, &[]);
                assert_eq!(status != 0x6985, allowed[index], "{header:02X?} {state}: {status:04X}");
            }
            for (version, table) in [(0x21, 1), (0x41, 1), (0x31, 2)] {
                let opened = Session::try_open(card, key_set(version), FULL).map(|_| ());
                match opened {
                    Ok(()) => assert!(sessions[table][index], "{version:02X} {state}"),
                    Err(HandshakeError::Refused(status)) => {
                        assert_eq!(
                            (status.0, sessions[table][index]),
                            (0x6985, false),
                            "{version:02X} {state}"
                        );
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            let keys = key_set(if state == State::Blank { 0x10 } else { 0x11 });
            let mut session = Session::open(card, keys, FULL);
            for (header, allowed) in admin {
                let status = session.send(card, header, &[]).1;
                assert_eq!(status != 0x6985, allowed[index], "{header:02X?} {state}: {status:04X}");
            }
        });
        // SET STATUS, of the card that has been active; the blank one is not complete.
        for to in 2..=5_u8 {
            let allowed = match (state.code(), to) {
                (1, to) => to == 5,
                (from, to) if from == to => true,
                (5, _) => false,
                (_, 5) => true,
                (2 | 3, 4) | (4, 3) => true,
                _ => false,
            };
            let mut card = card(state);
            let keys = key_set(if state == State::Blank { 0x10 } else { 0x11 });
            let (_, status) = Step::Secured(keys, FULL, [0x80, 0xF0, 0, to], vec![]).run(&mut card);
            assert_eq!(status, if allowed { 0x9000 } else { 0x6985 }, "{state} to {to}");
            let after = plain(&mut card, [0, 0xA4, 4, 0], &[]).0[21];
            assert_eq!(after, if allowed { to } else { state.code() });
        }
    }
}

#[test]
fn a_meter_session_ends_with_the_state() {
    // Blocked while a session with the meter is open: its further commands find the new state.
    let mut card = card(State::Active);
    let mut session = Session::open(&mut card, key_set(0x21), FULL);
    assert_eq!(session.send(&mut card, [0x80, 0xF0, 0, 4], &[]).1, 0x9000);
    assert_eq!(status(&mut card, LOAD, &voucher(9, 90_000, 0).emit()), 0x6985);
    assert_eq!(session.send(&mut card, [0x80, 0xE2, 0, 1], &[1; 96]).1, 0x9000);
}

#[test]
fn wrong_personalisation_data() {
    let initial = key_set(0x10);
    let set = |header, data| Step::Secured(initial, FULL, header, data);
    unmoved_in(State::Blank, |card| {
        let right = store_data(1, 8, 0, 1);
        for (offset, value, expected) in
            [(0, [0, 0], 0x6A80), (0, [0xFF, 0xFF], 0x6A80), (3, [0, 0], 0x6A80), (5, [9, 0], 0x6A80)]
        {
            let mut data = right.clone();
            data[offset..offset + 2].copy_from_slice(&value);
            assert_eq!(set([0x80, 0xE2, 0, 0], data).run(card).1, expected, "{offset}");
        }
        for environment in [0x50, 0x00, 0x55] {
            let mut data = right.clone();
            data[2] = environment;
            assert_eq!(set([0x80, 0xE2, 0, 0], data).run(card).1, 0x9403);
        }
        for length in [0, 96, 110, 112] {
            assert_eq!(set([0x80, 0xE2, 0, 0], vec![1; length]).run(card).1, 0x6700);
        }
        // PUT KEY: role, version, P1, P2, and every byte of the data but those of the padding.
        let right = put_key_set_data(initial, key_set(0x21));
        let put = |p1, p2, data: &[u8]| set([0x80, 0xD8, p1, p2], data.to_vec());
        assert_eq!(put(0, 0x01, &right).run(card).1, 0x6A80);
        assert_eq!(put(0, 0x82, &right).run(card).1, 0x6A86);
        assert_eq!(put(0x10, 0x81, &right).run(card).1, 0x6A88);
        assert_eq!(put(0x21, 0x81, &right).run(card).1, 0x6A88);
        assert_eq!(put(0, 0x81, &put_key_set_data(initial, key_set(0x31))).run(card).1, 0x6985);
        assert_eq!(put(0x12, 0x81, &put_key_set_data(initial, key_set(0x11))).run(card).1, 0x6A88);
        for version in [0x00, 0x20, 0x71, 0xF1] {
            let mut data = right.clone();
            data[0] = version;
            assert_eq!(put(0, 0x81, &data).run(card).1, 0x6A80, "{version:02X}");
        }
        for index in 1..right.len() {
            let mut data = right.clone();
            data[index] ^= 0x10;
            assert_eq!(put(0, 0x81, &data).run(card).1, 0x6A80, "{index}");
        }
        for length in 0..right.len() {
            assert_eq!(put(0, 0x81, &right[..length]).run(card).1, 0x6A80, "{length}");
        }
        assert_eq!(set([0x80, 0x52, 0, 0], vec![0; 220]).run(card).1, 0x6985, "BIND before STORE DATA");
        assert_eq!(set([0x80, 0xF0, 0, 2], vec![]).run(card).1, 0x6985, "not complete");
    });
    let admin = key_set(0x11);
    let bind = |certificate| Step::admin([0x80, 0x52, 0, 0], bind_data(admin, certificate, key_set(0x31)));
    unmoved(|card| {
        let next = |number, generation| certificate_of(binding(METER, number), generation, 1, 0, 0);
        assert_eq!(bind(next(2, 1)).run(card).1, 0x9405, "lower binding");
        assert_eq!(bind(next(3, 1)).run(card).1, 0x9405, "same binding, another certificate");
        assert_eq!(bind(next(4, 2)).run(card).1, 0x9406, "generation");
        let mut data = bind_data(admin, next(4, 1), key_set(0x31));
        data[42 + 13] ^= 1;
        assert_eq!(Step::admin([0x80, 0x52, 0, 0], data).run(card).1, 0x9405, "bindings disagree");
        let mut data = bind_data(admin, next(4, 1), key_set(0x31));
        data[42 + 9] ^= 1;
        assert_eq!(Step::admin([0x80, 0x52, 0, 0], data).run(card).1, 0x9404, "meters disagree");
        let data = bind_data(admin, next(4, 1), key_set(0x21));
        assert_eq!(Step::admin([0x80, 0x52, 0, 0], data).run(card).1, 0x6A80, "keys of another role");
    });
}

#[test]
fn not_complete_without_each_part() {
    let commands = personalisation();
    let last = commands.len() - 1;
    for missing in 0..last {
        let mut card = card(State::Blank);
        let mut session = Session::open(&mut card, key_set(0x10), FULL);
        for (index, (header, data)) in commands.iter().enumerate() {
            if index != missing {
                let status = session.send(&mut card, *header, data).1;
                let refused = index == last || (missing == 0 && header[1] == 0x52);
                assert_eq!(status, if refused { 0x6985 } else { 0x9000 }, "{index} without {missing}");
            }
        }
        assert_eq!(plain(&mut card, [0, 0xA4, 4, 0], &[]).0[21], 1);
    }
    // STORE DATA with another generation after BIND.
    let mut card = card(State::Blank);
    personalise(&mut card, &commands[..last]);
    let store = Step::Secured(key_set(0x11), FULL, [0x80, 0xE2, 0, 0], store_data(2, 8, 0, 1));
    assert_eq!(store.run(&mut card).1, 0x9000);
    let set = Step::admin([0x80, 0xF0, 0, 2], vec![]);
    assert_eq!(set.run(&mut card).1, 0x6985);
}

#[test]
fn replaced_keys_are_gone() {
    let admin = key_set(0x11);
    for (old, new) in [(0x21, 0x22), (0x31, 0x32), (0x41, 0x42), (0x51, 0x52), (0x61, 0x62)] {
        let mut card = card(State::Active);
        let holds = |card: &Card, version: u8| {
            let memory: Vec<u8> =
                card.chip().unwrap().memory.pages().iter().flat_map(|page| page.data).collect();
            let key = match version >> 4 {
                5 | 6 => single_key(version).expose()[..16].to_vec(),
                _ => key_set(version).enc().expose()[..16].to_vec(),
            };
            memory.windows(16).any(|window| window == key)
        };
        assert!(holds(&card, old) && !holds(&card, new), "{old:02X}");
        let (p2, data) = match old >> 4 {
            5 | 6 => (0x01, put_key_data(admin, new, &single_key(new))),
            _ => (0x81, put_key_set_data(admin, key_set(new))),
        };
        assert_eq!(Step::admin([0x80, 0xD8, old, p2], data).run(&mut card).1, 0x9000);
        assert!(!holds(&card, old) && holds(&card, new), "{old:02X} is still in memory");
    }
}

/// First page and first page after it, of every log.
fn logs() -> Vec<(&'static str, std::ops::Range<u16>)> {
    let mut logs: Vec<_> = [
        ("identity", 0..6),
        ("purse", 6..22),
        ("settlement", 22..46),
        ("binding", 54..60),
        ("other binding", 60..66),
        ("admin keys", 66..70),
        ("vending keys", 70..74),
        ("holder keys", 74..78),
        ("load key", 78..80),
        ("receipt key", 80..82),
    ]
    .into_iter()
    .collect();
    let mail = 82 + 33 + 41 + 77;
    assert_eq!(card_applet::PAGES, mail + 16 * 6, "the memory has another layout");
    logs.extend((0..16).map(|slot| ("mail", mail + 6 * slot..mail + 6 * slot + 6)));
    logs
}

/// The one log that the card can do without: otherwise who wears it out could lock out whoever has the right keys.
#[test]
fn a_failure_counter_that_has_failed_costs_nothing_but_the_count() {
    let mut chip = chip(State::Active).clone();
    for page in 46..54 {
        chip.memory.corrupt(page, &[0x55; 64]);
    }
    let mut card = powered(&chip);
    let before = operations(&card);
    assert!(Session::try_open(&mut card, key_set(0x41), FULL).is_ok());
    for _ in 0..2 {
        card.chip_mut().unwrap().random = applet_sim::chip::Entropy::System;
        assert_eq!(common::status(&mut card, [0x80, 0x50, 0x41, 0], &[1; 8]), 0x9000);
        assert_eq!(common::status(&mut card, [0x84, 0x82, 0x33, 0], &[7; 16]), 0x6300);
        card.power_up();
    }
    assert!(Session::try_open(&mut card, key_set(0x21), FULL).is_ok());
    assert_eq!(operations(&card), before, "the worn-out log is left alone");
}

#[test]
fn memory_that_has_failed() {
    for (name, pages) in logs() {
        let mut chip = chip(State::Active).clone();
        for page in pages {
            chip.memory.corrupt(page, &[0x55; 64]);
        }
        let before = chip.memory.counters().operations();
        let mut card = powered(&chip);
        let (select, status) = plain(&mut card, [0, 0xA4, 4, 0], &[]);
        assert_eq!((select.len(), select[20], select[21], status), (35, 1, 0, 0x9000), "{name}");
        for header in [
            [0x00, 0xB0, 0x81, 0],
            [0x00, 0xCA, 0xDF, 0x21],
            [0x00, 0xCA, 0x00, 0x66],
            [0x00, 0xCA, 0x00, 0xE0],
            [0x00, 0xC0, 0, 0],
            [0x80, 0x44, 0, 0],
            [0x84, 0x82, 0x33, 0],
        ] {
            assert_eq!(plain(&mut card, header, &[]), (vec![], 0x6581), "{name} {header:02X?}");
        }
        assert_eq!(common::status(&mut card, [0x80, 0x50, 0, 0], &[1; 8]), 0x6581);
        assert_eq!(common::status(&mut card, LOAD, &voucher(9, 90_000, 0).emit()), 0x6581);
        assert_eq!(plain(&mut card, [0, 0xA4, 4, 0], &[]).0, select);
        for _ in 0..3 {
            card.power_up();
            assert_eq!(plain(&mut card, [0, 0xA4, 4, 0], &[]).0, select);
        }
        assert!(operations(&card) <= before + 20, "{name}: writes on and on");
    }
}

#[test]
fn memory_that_fails_while_in_use() {
    let mut card = card(State::Active);
    let memory = &mut card.chip_mut().unwrap().memory;
    for page in 78..80 {
        memory.corrupt(page, &[0x55; 64]);
    }
    assert_eq!(status(&mut card, LOAD, &voucher(9, 90_000, 0).emit()), 0x6581);
    assert_eq!(status(&mut card, [0, 0xCA, 0xDF, 0x21], &[]), 0x6581);
    assert_eq!(plain(&mut card, [0, 0xA4, 4, 0], &[]).0[21], 0);
    // Worn out: the command is refused, and what is there stays, also after the next power-up.
    let mut card = common::card(State::Active);
    let before = snapshot(&card, Depth::All);
    card.chip_mut().unwrap().memory.set_wear_limit(Some(0));
    assert_eq!(status(&mut card, LOAD, &voucher(9, 90_000, 0).emit()), 0x6581);
    card.power_up();
    assert_eq!(snapshot(&card, Depth::All), before);
}

fn waited(card: &Card) -> u64 {
    let chip = card.chip().unwrap();
    (applet_sim::chip::time(chip) - applet_sim::chip::usage(chip).chip_time()) / 1000
}

#[test]
fn failed_authentication() {
    let mut card = card(State::Active);
    let fail = |card: &mut Card, version| {
        let (waits, records) = (waited(card), card.cost().records);
        assert_eq!(Step::Authenticate(key_set(version), false).run(card).1, 0x6300);
        (waited(card) - waits, card.cost().records - records)
    };
    let succeed = |card: &mut Card, version| {
        let (waits, records) = (waited(card), card.cost().records);
        assert_eq!(Step::Authenticate(key_set(version), true).run(card).1, 0x9000);
        assert_eq!(waited(card), waits);
        card.cost().records - records
    };
    for power_up in 1..=3_u8 {
        // Counted once for each role and power-up; waits rise over all roles.
        assert_eq!(fail(&mut card, 0x21), (125, 1));
        assert_eq!(fail(&mut card, 0x21), (250, 0));
        assert_eq!(fail(&mut card, 0x41), (500, 1));
        assert_eq!(fail(&mut card, 0x21), (1000, 0));
        assert_eq!(fail(&mut card, 0x41), (1000, 0));
        for _ in 0..300 {
            assert_eq!(fail(&mut card, 0x21), (1000, 0));
        }
        let counters = snapshot(&card, Depth::Ends).0["failures"].clone();
        assert_eq!(counters, [0, 0, 0, power_up, 0, 0, 0, power_up]);
        // Nothing else is touched by it.
        assert_eq!(succeed(&mut card, 0x11), 0);
        assert_eq!(succeed(&mut card, 0x31), 0);
        let load = voucher(4 + u32::from(power_up), 90_000 + u64::from(power_up), 0);
        assert_eq!(Step::load(&load).run(&mut card).1, 0x9000);
        card.power_up();
    }
    assert_eq!(succeed(&mut card, 0x21), 1);
    assert_eq!(succeed(&mut card, 0x21), 0);
    assert_eq!(snapshot(&card, Depth::Ends).0["failures"], [0, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(succeed(&mut card, 0x41), 1);
    assert!(snapshot(&card, Depth::Ends).0["failures"].is_empty());
}

#[test]
fn initialize_update_writes_nothing() {
    unmoved(|card| {
        for version in [0x00, 0x10, 0x11, 0x20, 0x21, 0x30, 0x31, 0x40, 0x41] {
            for _ in 0..50 {
                card.chip_mut().unwrap().random = applet_sim::chip::Entropy::Fixed(vec![9; 16].into());
                assert_eq!(status(card, [0x80, 0x50, version, 0], &[1; 8]), 0x9000);
            }
        }
        for version in [0x12, 0x22, 0x32, 0x42, 0x50, 0x51, 0xF0, 0x01] {
            assert_eq!(status(card, [0x80, 0x50, version, 0], &[1; 8]), 0x6A88, "{version:02X}");
        }
        for length in [0, 7, 9, 16] {
            assert_eq!(status(card, [0x80, 0x50, 0, 0], &vec![1; length]), 0x6700);
        }
        card.chip_mut().unwrap().random = applet_sim::chip::Entropy::Fixed(Vec::new().into());
        assert_eq!(status(card, [0x80, 0x50, 0, 0], &[1; 8]), 0x6F00, "no random numbers");
    });
}

#[test]
fn sessions_cannot_be_forged() {
    unmoved(|card| {
        // A replayed, reordered or altered command ends the session.
        for attack in 0..4 {
            let mut session = Session::open(card, key_set(0x31), FULL);
            let read = session.wrap([0x80, 0x46, 0, 0], &[]);
            let answer = card.answer(&read).unwrap();
            assert_eq!(session.unwrap(&answer).1, 0x9000);
            let next = session.wrap([0x80, 0x4A, 0, 0], &history_data(&[100], &[]));
            let forged = match attack {
                0 => read,
                1 => {
                    let mut altered = next.clone();
                    altered[10] ^= 1;
                    altered
                }
                2 => {
                    let mut other = next.clone();
                    other[1] = 0x48;
                    other
                }
                _ => {
                    let mut short = next.clone();
                    short[4] = 4;
                    short.truncate(9);
                    short
                }
            };
            assert_eq!(card.answer(&forged).unwrap(), [0x69, 0x88], "{attack}");
            assert_eq!(card.answer(&next).unwrap(), [0x69, 0x85], "{attack}");
        }
        // What was recorded is worth nothing in another session, nor is a handshake.
        let mut old = Session::open(card, key_set(0x31), FULL);
        let recorded = old.wrap([0x80, 0x4A, 0, 0], &history_data(&[100], &[]));
        let _new = Session::open(card, key_set(0x31), FULL);
        assert_eq!(card.answer(&recorded).unwrap(), [0x69, 0x88]);
        assert_eq!(status(card, [0, 0xA4, 4, 0x0C], &[]), 0x9000);
        assert_eq!(card.answer(&recorded).unwrap(), [0x69, 0x85]);
        for header in [[0x84, 0x82, 0x33, 0], [0x84, 0x82, 0x01, 0]] {
            assert_eq!(status(card, header, &[0; 16]), 0x6985);
        }
    });
    // Every bit of the host's proof.
    let mut card = card(State::Active);
    for bit in 0..128 {
        let (_, mut apdu) = handshake(&mut card, 0x41, key_set(0x41), FULL).unwrap();
        apdu[5 + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(card.answer(&apdu).unwrap(), [0x63, 0x00]);
    }
    // A lower level than the one that the code was made for.
    let (_, mut apdu) = handshake(&mut card, 0x41, key_set(0x41), FULL).unwrap();
    apdu[2] = 0x01;
    assert_eq!(card.answer(&apdu).unwrap(), [0x63, 0x00]);
    // Keys of another generation, and of another meter.
    for keys in [key_set_of(0x31, 2, METER), key_set_of(0x31, 1, OTHER_METER), key_set_of(0x41, 2, METER)] {
        let error = Session::try_open(&mut card, keys, FULL).map(|_| ()).unwrap_err();
        assert_eq!(error, HandshakeError::WrongCryptogram);
    }
}

// ---- Random input ----

#[derive(Debug, Clone)]
enum Action {
    Raw(Vec<u8>),
    /// A command that the card knows, with random parameters and data, plain or wrapped where a session is open.
    Known {
        command: usize,
        p: Option<(u8, u8)>,
        data: Vec<u8>,
        le: Option<u8>,
        wrapped: bool,
    },
    /// A right message with some bytes changed.
    Mutated {
        which: usize,
        at: usize,
        xor: u8,
    },
    Open {
        role: usize,
        level: usize,
        right: bool,
    },
    PowerUp,
}

const COMMANDS: [([u8; 4], bool); 19] = [
    ([0x00, 0xA4, 4, 0], false),
    ([0x00, 0xB0, 0x84, 0], false),
    ([0x00, 0xB0, 0, 0], false),
    ([0x00, 0xB2, 1, 0x2C], false),
    ([0x00, 0xCA, 0xDF, 0x22], false),
    ([0x00, 0xC0, 0, 0], false),
    ([0x80, 0x50, 0, 0], false),
    ([0x84, 0x82, 0x33, 0], false),
    (LOAD, true),
    (PUT_MAIL, true),
    ([0x80, 0x44, 0, 0], false),
    ([0x80, 0x46, 0, 0], false),
    ([0x80, 0x48, 0, 0], true),
    ([0x80, 0x4A, 0, 0], true),
    ([0x80, 0x4E, 0, 0], true),
    ([0x80, 0x52, 0, 0], true),
    ([0x80, 0xE2, 0, 1], true),
    ([0x80, 0xD8, 0x21, 0x81], true),
    ([0x80, 0xF0, 0, 4], true),
];

fn action() -> impl Strategy<Value = Action> {
    let data = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..=240),
        Just(history_data(&[90], &[91])),
        Just(history_data(&[], &[90, 91])),
        Just(settle_data(&meter_receipt(5, 30_000, 0), 80, &[80])),
        Just(Vec::new()),
    ];
    let known = (
        0..COMMANDS.len(),
        prop::option::weighted(0.3, any::<(u8, u8)>()),
        data,
        any::<Option<u8>>(),
        any::<bool>(),
    );
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..=270).prop_map(Action::Raw),
        8 => known.prop_map(|(command, p, data, le, wrapped)| Action::Known { command, p, data, le, wrapped }),
        3 => (0..3_usize, any::<usize>(), 1..=255_u8).prop_map(|(which, at, xor)| Action::Mutated { which, at, xor }),
        3 => (0..4_usize, 0..5_usize, any::<bool>()).prop_map(|(role, level, right)| Action::Open { role, level, right }),
        1 => Just(Action::PowerUp),
    ]
}

/// Sends, and checks what is true of every answer.
fn exchange(card: &mut Card, apdu: &[u8]) -> Answer {
    let response = card.answer(apdu).expect("power");
    assert!((2..=258).contains(&response.len()), "{} bytes", response.len());
    let (data, status) = split(&response);
    let may_have_data = status == 0x9000 || status == 0x6282 || status >> 8 == 0x61;
    assert!(data.is_empty() || may_have_data, "data beside {status:04X}");
    assert!(status >> 12 == 6 || status >> 12 == 9, "{status:04X}");
    assert_ne!(status, 0x6581, "the memory is whole");
    (data, status)
}

/// Returns whether a command in a session may have written.
fn act(card: &mut Card, session: &mut Option<Session>, action: &Action, state: State) -> bool {
    match action {
        Action::Raw(bytes) => {
            exchange(card, bytes);
        }
        Action::Known { command, p, data, le, wrapped } => {
            let (mut header, writes) = COMMANDS[*command];
            if let Some((p1, p2)) = p {
                (header[2], header[3]) = (*p1, *p2);
            }
            if header[1] == 0x50 {
                card.chip_mut().unwrap().random = applet_sim::chip::Entropy::Fixed(vec![7; 16].into());
            }
            let may_wrap = !matches!(header[1], 0xA4 | 0xC0 | 0x50 | 0x82);
            if let (Some(session), true, true) = (&mut *session, *wrapped, may_wrap) {
                if session.0.max_data().is_some_and(|max| data.len() <= max) {
                    let command = session.wrap(header, data);
                    let before = operations(card);
                    let response = card.answer(&command).expect("power");
                    let Ok(reply) = session.0.unwrap(&mut SoftEngine, &response) else { return false };
                    let status = reply.status().0;
                    assert!((2..=258).contains(&response.len()));
                    assert!(
                        operations(card) == before || status == 0x9000,
                        "{header:02X?}: {status:04X} wrote"
                    );
                    return writes && status == 0x9000;
                }
                return false;
            }
            let mut bytes = apdu(header, &data[..data.len().min(255)]);
            bytes.extend(le);
            let before = operations(card);
            exchange(card, &bytes);
            assert!(operations(card) == before || header[1] == 0x82, "{header:02X?} wrote");
        }
        Action::Mutated { which, at, xor } => {
            let mut bytes = match which {
                0 => voucher(9, 90_000, 0).emit().to_vec(),
                1 => delivery(&envelope_of(BINDING, 7, 9, b"command")),
                _ => voucher(4, 30_000, 0).emit().to_vec(),
            };
            let at = at % bytes.len();
            bytes[at] ^= xor;
            let before = operations(card);
            let (_, status) = exchange(card, &apdu(if *which == 1 { PUT_MAIL } else { LOAD }, &bytes));
            assert!(status != 0x9000 && operations(card) == before);
        }
        Action::Open { role, level, right } => {
            let version = if state == State::Blank && *role == 0 { 0x10 } else { ROLES[*role].1 };
            let keys = key_set(version);
            *session = None;
            if let Ok((pending, mut apdu)) = handshake(card, version, keys, LEVELS[*level]) {
                if !right {
                    apdu[7] ^= 4;
                }
                let response = card.answer(&apdu).expect("power");
                *session = pending.finish(&response).ok().map(Session);
                assert_eq!(session.is_some(), *right);
            }
        }
        Action::PowerUp => {
            card.power_up();
            *session = None;
        }
    }
    if session.as_ref().is_some_and(|session| session.0.level().is_none()) {
        *session = None;
    }
    false
}

#[test]
fn random_commands() {
    let seed = 0xC0;
    println!("seed {seed:02X}");
    let cases = if long() { 20_000 } else { 700 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let befores = STATES.map(|state| snapshot(&card(state), Depth::Ends));
    let strategy = (0..STATES.len(), any::<bool>(), prop::collection::vec(action(), 1..30));
    runner
        .run(&strategy, |(index, t0, actions)| {
            let state = STATES[index];
            let profile = if t0 { Profile::T0 } else { Profile::T1 };
            let mut card = SimulatedCard::new(chip(state).clone(), profile);
            // T=0 answers data only to GET RESPONSE: no session there, and no helpers that want one.
            let mut session = None;
            let mut touched = false;
            for action in actions.iter().filter(|action| !t0 || !matches!(action, Action::Open { .. })) {
                touched |= act(&mut card, &mut session, action, state);
            }
            if !touched {
                let mut after = snapshot(&powered(card.chip().unwrap()), Depth::Ends);
                let mut before = befores[index].clone();
                before.0.remove("failures");
                after.0.remove("failures");
                prop_assert!(after == before, "changed{}", before.difference(&after));
            }
            prop_assert_eq!(card.chip().unwrap().memory.counters().overwrites, 0);
            Ok(())
        })
        .unwrap();
}
