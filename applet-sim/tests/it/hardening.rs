//! What a passer-by cannot do to a card, and what must not stay in its memory.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use crate::common::*;
use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::chip::{Cut, Entropy};
use card_core::id::State;
use card_core::key::AesKey;
use card_core::role::KeyVersion;
use card_core::scp03::{HostHandshake, KeySet, Mode, SecurityLevel};
use card_core::soft::SoftEngine;

/// Wrong EXTERNAL AUTHENTICATE, with the power cut while the failure is being counted: recovery erases the half-written page each time,
/// until it is worn out. The right keys must work all the same.
#[test]
fn a_passer_by_cannot_lock_the_meter_out() {
    const LIMIT: u32 = 300;
    let mut card = powered(chip(State::Active));
    card.chip_mut().unwrap().memory.set_wear_limit(Some(LIMIT));
    let mut attempt = |cut: bool| {
        card.chip_mut().unwrap().random = Entropy::System;
        assert_eq!(status(&mut card, [0x80, 0x50, 0x30, 0], &[1; 8]), 0x9000);
        if cut {
            card.chip_mut().unwrap().memory.cut_after(0, Cut::Partly { seed: 3 });
        }
        let answer = card.answer(&[&[0x84, 0x82, 0x13, 0, 16][..], &[7; 16]].concat());
        card.power_up();
        answer
    };
    assert_eq!(attempt(false), Some(vec![0x63, 0]));
    let mut presentations = 0;
    while attempt(true).is_none() {
        presentations += 1;
        assert!(presentations < 10 * LIMIT, "nothing wears out: the test tests nothing");
    }
    println!("worn out after {presentations} presentations");
    let meter = Session::try_open(&mut card, key_set(0x31), SecurityLevel::CMacCEncRMac);
    assert!(meter.is_ok(), "the meter, with the right keys: {:?}", meter.err());
}

/// PUT KEY with shorter keys, and BIND, leave nothing of the keys before.
#[test]
fn no_copy_of_old_keys_stays() {
    let admin = key_set(0x11);
    let mut card = card(State::Active);
    let key = |byte: u8| AesKey::new(&[byte; 16]).unwrap();
    let shorter = KeySet::new(KeyVersion::from_byte(0x22), key(1), key(2), key(3)).unwrap();
    let mut session = Session::open(&mut card, admin, FULL);
    let sent = session.send(&mut card, [0x80, 0xD8, 0x21, 0x81], &put_key_set_data(admin, &shorter));
    assert_eq!(sent.1, 0x9000);
    let other = certificate_of(binding(OTHER_METER, 1), GENERATION, 1, 5, 0);
    let data = bind_data(admin, other, key_set_of(0x31, 1, OTHER_METER));
    assert_eq!(session.send(&mut card, [0x80, 0x52, 0, 0], &data).1, 0x9000);
    let memory: Vec<u8> = card.chip().unwrap().memory.pages().iter().flat_map(|page| page.data).collect();
    let holds = |part: &[u8]| memory.windows(part.len()).any(|window| window == part);
    // That the search finds what is there: the keys that were not replaced.
    assert!(holds(&key_set(0x41).enc().expose()[..8]));
    for old in [key_set(0x21), key_set(0x31)] {
        for key in [old.enc(), old.mac(), old.dek()] {
            assert!(
                !key.expose().chunks(8).any(holds),
                "a part of old keys {} is still there",
                old.version()
            );
        }
    }
}

/// BIND with the power cut at every operation, then repeated: of the former meter keys nothing is left.
#[test]
fn former_meter_keys_are_wiped_also_after_a_power_cut() {
    let admin = key_set(0x11);
    let other = certificate_of(binding(OTHER_METER, 1), GENERATION, 1, 5, 0);
    let mut torn = 0;
    for operation in 0_u64.. {
        let mut card = card(State::Active);
        let mut session = Session::open(&mut card, admin, FULL);
        let data = bind_data(admin, other, key_set_of(0x31, 1, OTHER_METER));
        card.chip_mut().unwrap().memory.cut_after(operation, Cut::Partly { seed: operation });
        let command = session.wrap([0x80, 0x52, 0, 0], &data);
        if card.answer(&command).is_some() {
            break;
        }
        torn += 1;
        card.power_up();
        card.chip_mut().unwrap().random = Entropy::System;
        let mut session = Session::open(&mut card, admin, FULL);
        assert_eq!(session.send(&mut card, [0x80, 0x52, 0, 0], &data).1, 0x9000, "cut {operation}");
        let memory: Vec<u8> = card.chip().unwrap().memory.pages().iter().flat_map(|page| page.data).collect();
        let former = key_set(0x31);
        for key in [former.enc(), former.mac(), former.dek()] {
            let left = key.expose().chunks(8).any(|part| memory.windows(8).any(|window| window == part));
            assert!(!left, "cut {operation}: former meter keys are still there");
        }
    }
    assert!(torn > 5, "only {torn} cuts hit BIND");
}

/// READ BINARY beyond the end in a session: the R-MAC is over 6282, which must come with the last part also in T=0.
#[test]
fn a_warning_survives_get_response() {
    for profile in [Profile::T1, Profile::T0] {
        let mut card = SimulatedCard::new(chip(State::Active).clone(), profile);
        let whole = |card: &mut Card, command: &[u8]| {
            let mut answer = card.answer(command).unwrap();
            let mut data = Vec::new();
            loop {
                let (part, status) = split(&answer);
                data.extend(part);
                if status >> 8 != 0x61 {
                    return [data, status.to_be_bytes().to_vec()].concat();
                }
                answer = card.answer(&[0, 0xC0, 0, 0, status as u8]).unwrap();
            }
        };
        let handshake = HostHandshake::new(Mode::S8, KeyVersion::from_byte(0x21), [9; 16]);
        let command = handshake.command().emit().unwrap();
        let challenge = handshake.challenge(&whole(&mut card, command.as_slice())).unwrap();
        let (pending, command) = challenge.authenticate(&mut SoftEngine, key_set(0x21), FULL).unwrap();
        let mut session = Session(pending.finish(&whole(&mut card, command.as_slice())).unwrap());
        let mut command = session.wrap([0x00, 0xB0, 0x84, 70], &[]);
        // Le: 64, where 8 bytes are left.
        *command.last_mut().unwrap() = 0x40;
        let reply = session.0.unwrap(&mut SoftEngine, &whole(&mut card, &command));
        assert_eq!(reply.map(|reply| reply.status().0), Ok(0x6282), "{profile:?}");
    }
}
