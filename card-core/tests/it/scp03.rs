//! SCP03: both sides against each other at every level, mode and key length, and against sessions of other implementations.
// Long: both sides at every level, and sessions of others.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use card_core::apdu::{Command, Le, Response, StatusWord};
use card_core::bytes::Buffer;
use card_core::kdf::{Counter, counter_mode};
use card_core::key::AesKey;
use card_core::platform::{Block, Engine};
use card_core::role::KeyVersion;
use card_core::scp03::card::{AuthenticationError, SecureMessagingError};
use card_core::scp03::host::{Challenge, HandshakeError, Reply, SessionError};
use card_core::scp03::{
    CardHandshake, CardSession, HostHandshake, HostSession, KeySet, Mode, SecurityLevel, key_check_value,
    max_data, max_response,
};
use card_core::soft::SoftEngine;
use proptest::prelude::*;
use serde_json::Value;

const HOST_CHALLENGE: Block = [0x48; 16];
const CARD_CHALLENGE: Block = [0x43; 16];
const DIVERSIFICATION: [u8; 10] = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0];
const VERSION: u8 = 0x21;

fn key(bytes: &[u8]) -> AesKey {
    AesKey::new(bytes).unwrap()
}

fn key_set(length: usize) -> KeySet {
    KeySet::new(
        KeyVersion::from_byte(VERSION),
        key(&vec![1; length]),
        key(&vec![2; length]),
        key(&vec![3; length]),
    )
    .unwrap()
}

/// Every combination of mode, key length and level.
fn combinations() -> impl Iterator<Item = (Mode, usize, SecurityLevel)> {
    [Mode::S8, Mode::S16].into_iter().flat_map(|mode| {
        [16, 24, 32]
            .into_iter()
            .flat_map(move |length| SecurityLevel::ALL.map(move |level| (mode, length, level)))
    })
}

fn card_initialize(mode: Mode, length: usize) -> (CardHandshake, Vec<u8>) {
    let host = &HOST_CHALLENGE[..mode.bytes()];
    let (card, answer) = CardHandshake::initialize_update(
        &mut SoftEngine,
        &key_set(length),
        mode,
        host,
        &CARD_CHALLENGE,
        &DIVERSIFICATION,
    )
    .unwrap();
    (card, [answer.as_slice(), &[0x90, 0]].concat())
}

fn host_challenge(mode: Mode, response: &[u8]) -> Result<Challenge, HandshakeError> {
    HostHandshake::new(mode, KeyVersion::from_byte(VERSION), HOST_CHALLENGE).challenge(response)
}

fn authenticate(card: CardHandshake, apdu: &[u8]) -> Result<CardSession, AuthenticationError> {
    let command = Command::parse(apdu).unwrap();
    card.external_authenticate(&mut SoftEngine, command.header(), command.data)
}

fn open(mode: Mode, length: usize, level: SecurityLevel) -> (HostSession, CardSession) {
    let (card, response) = card_initialize(mode, length);
    let challenge = host_challenge(mode, &response).unwrap();
    let (pending, apdu) = challenge.authenticate(&mut SoftEngine, &key_set(length), level).unwrap();
    let card = authenticate(card, apdu.as_slice()).unwrap();
    (pending.finish(&[0x90, 0]).unwrap(), card)
}

fn command(data: &[u8]) -> Command<'_> {
    Command { cla: 0x80, ins: 0x10, p1: 1, p2: 2, data, le: None }
}

fn card_unwrap(card: &mut CardSession, apdu: &[u8]) -> Result<Vec<u8>, SecureMessagingError> {
    let command = Command::parse(apdu).unwrap();
    let mut data = command.data.to_vec();
    let length = card.unwrap(&mut SoftEngine, command.header(), &mut data)?;
    Ok(data[..length].to_vec())
}

fn card_wrap(
    card: &mut CardSession,
    data: &[u8],
    status: StatusWord,
) -> Result<Vec<u8>, SecureMessagingError> {
    let mut buffer = Buffer::<256>::new();
    buffer.put(data).unwrap();
    card.wrap(&mut SoftEngine, &mut buffer, status)?;
    Ok([buffer.as_slice(), &status.to_bytes()].concat())
}

/// One whole exchange that must succeed.
fn exchange(
    host: &mut HostSession,
    card: &mut CardSession,
    data: &[u8],
    answer: &[u8],
    status: StatusWord,
) -> Reply {
    let apdu = host.wrap(&mut SoftEngine, &command(data)).unwrap();
    assert_eq!(card_unwrap(card, apdu.as_slice()).unwrap(), data);
    let response = card_wrap(card, answer, status).unwrap();
    host.unwrap(&mut SoftEngine, &response).unwrap()
}

#[test]
fn whole_sessions() {
    for (mode, length, level) in combinations() {
        let (mut host, mut card) = open(mode, length, level);
        assert_eq!((host.level(), card.level()), (Some(level), Some(level)));
        assert_eq!(host.max_data(), Some(max_data(level, mode)));
        let bytes: Vec<u8> = (0..=255).collect();
        let command_lengths = [0, 1, 15, 0, 16, 17, 31, 32, max_data(level, mode)];
        let answer_lengths = [0, 1, 0, 15, 16, 17, 32, 200, max_response(level, mode)];
        for (data, answer) in command_lengths.into_iter().zip(answer_lengths) {
            for status in [StatusWord::OK, StatusWord(0x6282), StatusWord(0x63C1)] {
                let reply = exchange(&mut host, &mut card, &bytes[..data], &bytes[..answer], status);
                assert_eq!((reply.data(), reply.status()), (&bytes[..answer], status));
                assert_eq!(reply.verified().is_some(), level.authenticates_responses());
            }
            // An error is bare at levels with R-MAC, and never verified; the session goes on.
            let error = exchange(&mut host, &mut card, &bytes[..data], &[], StatusWord::DATA_NOT_FOUND);
            assert!(error.verified().is_none() && error.data().is_empty());
            assert_eq!(error.status(), StatusWord::DATA_NOT_FOUND);
        }
    }
}

#[test]
fn lengths_of_the_answers() {
    let (_, response) = card_initialize(Mode::S8, 16);
    assert_eq!(response.len(), 29 + 2);
    assert_eq!(response[..13], [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, VERSION, 3, 0x60]);
    let (_, response) = card_initialize(Mode::S16, 16);
    assert_eq!(response.len(), 45 + 2);
    assert_eq!(response[12], 0x61);
    let short = CardHandshake::initialize_update(
        &mut SoftEngine,
        &key_set(16),
        Mode::S16,
        &[0; 8],
        &CARD_CHALLENGE,
        &DIVERSIFICATION,
    );
    assert!(short.is_err());
}

#[test]
fn limits() {
    use SecurityLevel::{CMac, CMacCEnc, CMacCEncRMac, CMacRMac, Full};
    assert_eq!(
        [CMac, CMacCEnc, CMacRMac, CMacCEncRMac, Full].map(|l| max_data(l, Mode::S8)),
        [247, 239, 247, 239, 239]
    );
    assert_eq!([CMac, Full].map(|l| max_data(l, Mode::S16)), [239, 223]);
    assert_eq!([CMac, CMacRMac, Full].map(|l| max_response(l, Mode::S8)), [256, 248, 239]);
    assert_eq!([CMac, CMacRMac, Full].map(|l| max_response(l, Mode::S16)), [256, 240, 239]);
    for (mode, length, level) in combinations() {
        let (mut host, mut card) = open(mode, length, level);
        let max = max_data(level, mode);
        let data = vec![0; max + 1];
        assert_eq!(
            host.wrap(&mut SoftEngine, &command(&data)).err(),
            Some(SessionError::TooLong { max: u8::try_from(max).unwrap() })
        );
        // Nothing was sent, and the session goes on.
        let most = vec![5; max_response(level, mode)];
        let _ = exchange(&mut host, &mut card, &data[..max], &most, StatusWord::OK);
        if level.authenticates_responses() {
            let apdu = host.wrap(&mut SoftEngine, &command(&[])).unwrap();
            card_unwrap(&mut card, apdu.as_slice()).unwrap();
            let mut long = Buffer::<258>::new();
            long.put(&most).unwrap().u8(0).unwrap();
            assert_eq!(
                card.wrap(&mut SoftEngine, &mut long, StatusWord::OK),
                Err(SecureMessagingError::TooLong)
            );
            assert!(long.is_empty());
            assert_eq!(card.level(), None);
        }
    }
}

#[test]
fn levels() {
    for byte in 0..=255_u8 {
        assert_eq!(SecurityLevel::try_from(byte).is_ok(), [0x01, 0x03, 0x11, 0x13, 0x33].contains(&byte));
    }
    use SecurityLevel::{CMac, CMacCEnc, CMacRMac, Full};
    assert!(SecurityLevel::ALL.into_iter().all(|level| Full.includes(level) && level.includes(CMac)));
    assert!(!CMacCEnc.includes(CMacRMac) && !CMacRMac.includes(CMacCEnc) && !CMac.includes(CMacCEnc));
}

struct Transcript {
    keys: KeySet,
    mode: Mode,
    host_challenge: Vec<u8>,
    card_challenge: Block,
    diversification: [u8; 10],
    steps: Vec<[Vec<u8>; 4]>,
}

fn widened(bytes: &[u8]) -> Block {
    let mut block = [0xEE; 16];
    block[..bytes.len()].copy_from_slice(bytes);
    block
}

fn transcript(text: &str) -> Transcript {
    let document: Value = serde_json::from_str(text).unwrap();
    let field = |value: &Value, name: &str| hex::decode(value[name].as_str().unwrap()).unwrap();
    let get = |name| field(&document, name);
    let version = u8::try_from(document["key_version"].as_u64().unwrap()).unwrap();
    Transcript {
        keys: KeySet::new(
            KeyVersion::from_byte(version),
            key(&get("enc")),
            key(&get("mac")),
            key(&get("dek")),
        )
        .unwrap(),
        mode: if get("host_challenge").len() == 8 { Mode::S8 } else { Mode::S16 },
        host_challenge: get("host_challenge"),
        card_challenge: widened(&get("card_challenge")),
        diversification: get("diversification").try_into().unwrap(),
        steps: document["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| ["command", "response", "plain_command", "plain_data"].map(|name| field(step, name)))
            .collect(),
    }
}

const TRANSCRIPTS: [&str; 5] = [
    include_str!("../../../tests/vectors/generated/scp03_s8_aes128_level33.json"),
    include_str!("../../../tests/vectors/generated/scp03_s8_aes192_level33.json"),
    include_str!("../../../tests/vectors/generated/scp03_s8_aes256_level33.json"),
    include_str!("../../../tests/vectors/generated/scp03_s16_aes128_level33.json"),
    include_str!("../../../tests/vectors/generated/scp03_s16_aes256_level33.json"),
];

/// Our card, byte by byte, against hosts of other implementations.
#[test]
fn card_in_recorded_sessions() {
    for text in TRANSCRIPTS {
        let t = transcript(text);
        let [initialize, authentication, commands @ ..] = t.steps.as_slice() else { panic!("too short") };
        let parsed = Command::parse(&initialize[0]).unwrap();
        assert_eq!(parsed.data, t.host_challenge);
        let (card, answer) = CardHandshake::initialize_update(
            &mut SoftEngine,
            &t.keys,
            t.mode,
            parsed.data,
            &t.card_challenge,
            &t.diversification,
        )
        .unwrap();
        assert_eq!([answer.as_slice(), &[0x90, 0]].concat(), initialize[1]);
        let mut card = authenticate(card, &authentication[0]).unwrap();
        for [secured, response, plain, data] in commands {
            assert_eq!(card_unwrap(&mut card, secured).unwrap(), Command::parse(plain).unwrap().data);
            let status = Response::parse(response).unwrap().status;
            assert_eq!(&card_wrap(&mut card, data, status).unwrap(), response);
        }
    }
}

/// Our host, byte by byte, but for Le, against the same sessions.
#[test]
fn host_in_recorded_sessions() {
    for text in TRANSCRIPTS {
        let t = transcript(text);
        let [initialize, authentication, commands @ ..] = t.steps.as_slice() else { panic!("too short") };
        let handshake = HostHandshake::new(t.mode, t.keys.version(), widened(&t.host_challenge));
        assert_eq!(handshake.command().emit().unwrap().as_slice(), initialize[0]);
        let challenge = handshake.challenge(&initialize[1]).unwrap();
        assert_eq!(challenge.diversification(), &t.diversification);
        let (pending, apdu) = challenge.authenticate(&mut SoftEngine, &t.keys, SecurityLevel::Full).unwrap();
        assert_eq!(apdu.as_slice(), authentication[0]);
        let mut host = pending.finish(&authentication[1]).unwrap();
        for [secured, response, plain, data] in commands {
            let plain = Command::parse(plain).unwrap();
            if plain.data.is_empty() && Command::parse(secured).unwrap().data.len() > t.mode.bytes() {
                // That host sends one block of padding for no data, last in its session; ours sends none.
                break;
            }
            let apdu = host.wrap(&mut SoftEngine, &plain).unwrap();
            assert_eq!(apdu.as_slice(), [secured.as_slice(), &[0]].concat());
            let reply = host.unwrap(&mut SoftEngine, response).unwrap();
            assert_eq!(reply.data(), data);
            assert_eq!(reply.status(), Response::parse(response).unwrap().status);
        }
    }
}

/// Le and the logical channel are not under the MAC, everything else in the command is.
#[test]
fn what_the_mac_covers() {
    for (mode, length, level) in combinations() {
        for [cla, le] in [[0x84, 1], [0x87, 0], [0x85, 77]] {
            let (mut host, mut card) = open(mode, length, level);
            let apdu = host.wrap(&mut SoftEngine, &command(b"data")).unwrap();
            let command = Command::parse(apdu.as_slice()).unwrap();
            let changed = Command { cla, le: Some(Le::from_byte(le)), ..command }.emit().unwrap();
            assert_eq!(card_unwrap(&mut card, changed.as_slice()).unwrap(), b"data");
        }
        let (mut host, _) = open(mode, length, level);
        let apdu = host.wrap(&mut SoftEngine, &command(b"data")).unwrap();
        let covered = 5 + usize::from(apdu.as_slice()[4]);
        for bit in 0..covered * 8 {
            let mut bytes = apdu.as_slice().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if bit < 2 || bit / 8 == 4 {
                continue; // The channel; Lc changes the form of the command, see below.
            }
            let (_, mut card) = open(mode, length, level);
            assert!(card_unwrap(&mut card, &bytes).is_err(), "bit {bit}");
            assert_eq!(card.level(), None);
            assert_eq!(card_unwrap(&mut card, apdu.as_slice()), Err(SecureMessagingError::SessionEnded));
        }
        // Data that were shortened or lengthened.
        let command = Command::parse(apdu.as_slice()).unwrap();
        for data in
            [&command.data[1..], &command.data[..command.data.len() - 1], &[command.data, &[0]].concat(), &[]]
        {
            let (_, mut card) = open(mode, length, level);
            let changed = Command { data, ..command }.emit().unwrap();
            assert!(card_unwrap(&mut card, changed.as_slice()).is_err());
            assert_eq!(card.level(), None);
        }
    }
}

#[test]
fn changed_responses_end_the_session() {
    for (mode, length, level) in combinations().filter(|c| c.2.authenticates_responses()) {
        let fresh = || {
            let (mut host, mut card) = open(mode, length, level);
            let apdu = host.wrap(&mut SoftEngine, &command(b"?")).unwrap();
            card_unwrap(&mut card, apdu.as_slice()).unwrap();
            let response = card_wrap(&mut card, b"answer", StatusWord::OK).unwrap();
            (host, response)
        };
        let bits = fresh().1.len() * 8;
        for bit in 0..bits {
            let (mut host, mut response) = fresh();
            response[bit / 8] ^= 1 << (bit % 8);
            assert!(host.unwrap(&mut SoftEngine, &response).is_err(), "bit {bit}");
            assert_eq!(host.level(), None);
            assert_eq!(host.wrap(&mut SoftEngine, &command(&[])).err(), Some(SessionError::SessionEnded));
        }
        let (mut host, _) = fresh();
        assert_eq!(host.unwrap(&mut SoftEngine, &[0x90, 0]).err(), Some(SessionError::MissingMac));
        let (mut host, _) = fresh();
        assert_eq!(host.unwrap(&mut SoftEngine, &[0x90]).err(), Some(SessionError::Malformed));
        let (mut host, _) = fresh();
        assert_eq!(host.unwrap(&mut SoftEngine, &[1, 0x6A, 0x80]).err(), Some(SessionError::Malformed));
        // An error put in place of the answer is let through, as what it is.
        let (mut host, _) = fresh();
        let reply = host.unwrap(&mut SoftEngine, &[0x6A, 0x80]).unwrap();
        assert!(matches!(reply, Reply::Unverified { status: StatusWord::WRONG_DATA, .. }));
    }
}

#[test]
fn replays_and_turns() {
    for (mode, length, level) in combinations() {
        let (mut host, mut card) = open(mode, length, level);
        let apdu = host.wrap(&mut SoftEngine, &command(&[])).unwrap();
        assert_eq!(host.wrap(&mut SoftEngine, &command(&[])).err(), Some(SessionError::AwaitingResponse));
        card_unwrap(&mut card, apdu.as_slice()).unwrap();
        let response = card_wrap(&mut card, b"1", StatusWord::OK).unwrap();
        let _ = host.unwrap(&mut SoftEngine, &response).unwrap();
        // The same command again.
        assert_eq!(card_unwrap(&mut card, apdu.as_slice()), Err(SecureMessagingError::WrongMac));
        // The same response again: to nothing, and to the next command.
        let (mut other, _) = open(mode, length, level);
        assert_eq!(other.unwrap(&mut SoftEngine, &response).err(), Some(SessionError::NoCommand));
        assert_eq!(other.level(), None);
        host.wrap(&mut SoftEngine, &command(&[])).unwrap();
        if level.authenticates_responses() {
            assert_eq!(host.unwrap(&mut SoftEngine, &response).err(), Some(SessionError::WrongMac));
        }
        // Two answers to one command would repeat an IV.
        let (mut host, mut card) = open(mode, length, level);
        assert_eq!(card_wrap(&mut card, &[], StatusWord::OK), Err(SecureMessagingError::NoCommand));
        assert_eq!(card.level(), None);
        host.end();
        assert_eq!((host.level(), host.mode(), host.max_data()), (None, None, None));
    }
}

#[test]
fn commands_without_secure_messaging_end_the_session() {
    for cla in [0x80, 0x00, 0x88, 0x8C, 0x40, 0xA4, 0x24, 0xFF] {
        let (mut host, mut card) = open(Mode::S8, 16, SecurityLevel::CMac);
        let apdu = host.wrap(&mut SoftEngine, &command(b"x")).unwrap();
        let changed = Command { cla, ..Command::parse(apdu.as_slice()).unwrap() }.emit().unwrap();
        assert_eq!(card_unwrap(&mut card, changed.as_slice()), Err(SecureMessagingError::NotSecured));
        assert_eq!(card.level(), None);
    }
    for cla in [0x88, 0x8C, 0xA0, 0x20, 0xFF] {
        let (mut host, _) = open(Mode::S8, 16, SecurityLevel::CMac);
        let result = host.wrap(&mut SoftEngine, &Command { cla, ..command(&[]) });
        assert_eq!(result.err(), Some(SessionError::InvalidClass));
        assert!(host.level().is_some());
    }
    // Channels 4 to 19, and a host that sets the bit itself.
    for cla in [0x40, 0x4F, 0xC3, 0x84, 0x07] {
        let (mut host, mut card) = open(Mode::S8, 16, SecurityLevel::Full);
        let apdu = host.wrap(&mut SoftEngine, &Command { cla, ..command(b"y") }).unwrap();
        assert_eq!(card_unwrap(&mut card, apdu.as_slice()).unwrap(), b"y");
    }
}

#[test]
fn a_changed_handshake_opens_nothing() {
    for (mode, length) in [(Mode::S8, 16), (Mode::S16, 32)] {
        let (_, response) = card_initialize(mode, length);
        let n = mode.bytes();
        for byte in 0..response.len() - 2 {
            let mut changed = response.clone();
            changed[byte] ^= 1;
            let keys = key_set(length);
            let result = host_challenge(mode, &changed)
                .and_then(|c| c.authenticate(&mut SoftEngine, &keys, SecurityLevel::Full).map(drop));
            match byte {
                // Diversification data choose the keys, and are bound only through them.
                0..10 => assert!(result.is_ok()),
                10 => assert!(matches!(result, Err(HandshakeError::WrongKeyVersion { .. }))),
                11 | 12 => assert!(matches!(result, Err(HandshakeError::UnsupportedProtocol { .. }))),
                _ => assert_eq!(result, Err(HandshakeError::WrongCryptogram)),
            }
        }
        for cut in [0, 2, 13, 13 + n, response.len() - 3] {
            let short = [&response[..cut], &[0x90, 0]].concat();
            assert_eq!(host_challenge(mode, &short).err(), Some(HandshakeError::Malformed));
        }
        let refused = host_challenge(mode, &[0x6A, 0x88]).err();
        assert_eq!(refused, Some(HandshakeError::Refused(StatusWord::DATA_NOT_FOUND)));
        let other = host_challenge(mode, &response).unwrap();
        let wrong =
            KeySet::new(KeyVersion::from_byte(VERSION), key(&[9; 16]), key(&[9; 16]), key(&[9; 16])).unwrap();
        let result = other.authenticate(&mut SoftEngine, &wrong, SecurityLevel::Full).map(drop);
        assert_eq!(result, Err(HandshakeError::WrongCryptogram));

        let make = || {
            let challenge = host_challenge(mode, &response).unwrap();
            challenge.authenticate(&mut SoftEngine, &key_set(length), SecurityLevel::CMac).unwrap()
        };
        let (pending, apdu) = make();
        assert_eq!(apdu.len(), 5 + 2 * n);
        for byte in 5..apdu.len() {
            let mut changed = apdu.as_slice().to_vec();
            changed[byte] ^= 0x80;
            let (card, _) = card_initialize(mode, length);
            assert_eq!(authenticate(card, &changed).err(), Some(AuthenticationError::Failed));
        }
        for (at, value, error) in [
            (0, 0x80, AuthenticationError::Header),
            (1, 0x84, AuthenticationError::Header),
            (2, 0x03, AuthenticationError::Failed),
            (2, 0x00, AuthenticationError::Level),
            (2, 0x23, AuthenticationError::Level),
            (3, 0x01, AuthenticationError::Header),
        ] {
            let mut changed = apdu.as_slice().to_vec();
            changed[at] = value;
            let (card, _) = card_initialize(mode, length);
            assert_eq!(authenticate(card, &changed).err(), Some(error));
        }
        let (card, _) = card_initialize(mode, length);
        let short =
            card.external_authenticate(&mut SoftEngine, [0x84, 0x82, 1, 0], &apdu.as_slice()[5..4 + 2 * n]);
        assert_eq!(short.err(), Some(AuthenticationError::Length));
        assert_eq!(AuthenticationError::Failed.status(), StatusWord::AUTHENTICATION_FAILED);
        let refused = pending.finish(&[0x63, 0]).err();
        assert_eq!(refused, Some(HandshakeError::Refused(StatusWord::AUTHENTICATION_FAILED)));
        assert_eq!(make().0.finish(&[1, 0x90, 0]).err(), Some(HandshakeError::Malformed));
        // With Le, and on another channel.
        let (card, _) = card_initialize(mode, length);
        let mut with_le = [apdu.as_slice(), &[0]].concat();
        with_le[0] = 0x86;
        assert!(authenticate(card, &with_le).is_ok());
    }
}

/// Cards with pseudo-random challenges append their sequence counter, cards without R-MAC say so.
#[test]
fn other_cards() {
    let (_, response) = card_initialize(Mode::S8, 16);
    let mut pseudo_random = [&response[..29], &[0, 0, 7, 0x90, 0]].concat();
    assert_eq!(host_challenge(Mode::S8, &pseudo_random).err(), Some(HandshakeError::Malformed));
    pseudo_random[12] = 0x70;
    let challenge = host_challenge(Mode::S8, &pseudo_random).unwrap();
    assert!(challenge.authenticate(&mut SoftEngine, &key_set(16), SecurityLevel::Full).is_ok());
    let mut plain = response;
    for (i, level, works) in [
        (0x00, SecurityLevel::CMacCEnc, true),
        (0x00, SecurityLevel::CMacRMac, false),
        (0x20, SecurityLevel::CMacCEncRMac, true),
        (0x20, SecurityLevel::Full, false),
    ] {
        plain[12] = i;
        let challenge = host_challenge(Mode::S8, &plain).unwrap();
        assert_eq!(challenge.supports(level), works);
        assert_eq!(challenge.authenticate(&mut SoftEngine, &key_set(16), level).is_ok(), works);
    }
    // The card chooses the key version.
    let any = HostHandshake::new(Mode::S8, KeyVersion::from_byte(0), HOST_CHALLENGE)
        .challenge(&card_initialize(Mode::S8, 16).1)
        .unwrap();
    assert_eq!(any.key_version(), KeyVersion::from_byte(VERSION));
    let others =
        KeySet::new(KeyVersion::from_byte(VERSION + 1), key(&[1; 16]), key(&[2; 16]), key(&[3; 16])).unwrap();
    assert_eq!(
        any.authenticate(&mut SoftEngine, &others, SecurityLevel::Full).map(drop),
        Err(HandshakeError::WrongKeyVersion {
            expected: KeyVersion::from_byte(VERSION + 1),
            reported: KeyVersion::from_byte(VERSION)
        })
    );
}

#[test]
fn keys_under_the_dek() {
    for (mode, length, level) in combinations() {
        let (host, mut card) = open(mode, length, level);
        let mut data = [0x5A; 32];
        host.encrypt_keys(&mut SoftEngine, &mut data).unwrap();
        let mut expected = [0x5A; 32];
        SoftEngine.encrypt_cbc(&key(&vec![3; length]), &[0; 16], &mut expected).unwrap();
        assert_eq!(data, expected);
        card.decrypt_keys(&mut SoftEngine, &mut data).unwrap();
        assert_eq!(data, [0x5A; 32]);
        let odd = card.decrypt_keys(&mut SoftEngine, &mut data[..24]);
        assert_eq!(odd, Err(SecureMessagingError::PartialBlock));
        card.end();
        let ended = card.decrypt_keys(&mut SoftEngine, &mut data);
        assert_eq!(ended, Err(SecureMessagingError::SessionEnded));
    }
    // The default keys 40..4F have the widely printed check value 504A77.
    let default: Vec<u8> = (0x40..0x50).collect();
    assert_eq!(key_check_value(&mut SoftEngine, &key(&default)), [0x50, 0x4A, 0x77]);
}

#[test]
fn sets_of_mixed_lengths_are_refused() {
    assert!(KeySet::new(KeyVersion::from_byte(1), key(&[1; 16]), key(&[2; 16]), key(&[3; 32])).is_err());
    assert!(KeySet::new(KeyVersion::from_byte(1), key(&[1; 16]), key(&[2; 24]), key(&[3; 16])).is_err());
}

#[test]
fn debug_shows_no_key() {
    let (host, card) = open(Mode::S8, 16, SecurityLevel::Full);
    let (handshake, response) = card_initialize(Mode::S8, 16);
    let challenge = host_challenge(Mode::S8, &response).unwrap();
    let (pending, _) = challenge.authenticate(&mut SoftEngine, &key_set(16), SecurityLevel::Full).unwrap();
    for text in [
        format!("{host:?}"),
        format!("{card:?}"),
        format!("{handshake:?}"),
        format!("{pending:?}"),
        format!("{:?}", key_set(16)),
    ] {
        assert!(text.ends_with("redacted)"), "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_to_the_card(
        header in any::<[u8; 4]>(),
        mut data in proptest::collection::vec(any::<u8>(), 0..300),
        which in 0..30_usize,
    ) {
        let (mode, length, level) = combinations().nth(which).unwrap();
        let (_, mut card) = open(mode, length, level);
        let (handshake, _) = card_initialize(mode, length);
        prop_assert!(handshake.external_authenticate(&mut SoftEngine, header, &data).is_err());
        prop_assert!(card.unwrap(&mut SoftEngine, [header[0] | 4, header[1], header[2], header[3]], &mut data).is_err());
        prop_assert!(data.iter().all(|byte| *byte == 0));
        prop_assert_eq!(card.level(), None);
    }

    #[test]
    fn any_bytes_to_the_host(
        response in proptest::collection::vec(any::<u8>(), 0..300),
        which in 0..30_usize,
    ) {
        let (mode, length, level) = combinations().nth(which).unwrap();
        let (mut host, _) = open(mode, length, level);
        host.wrap(&mut SoftEngine, &command(&[])).unwrap();
        if let Ok(reply) = host.unwrap(&mut SoftEngine, &response) {
            prop_assert!(reply.verified().is_none());
        }
        let ok = [response.as_slice(), &[0x90, 0]].concat();
        let _ = host_challenge(mode, &ok).map(|c| c.authenticate(&mut SoftEngine, &key_set(length), level).map(drop));
    }

    #[test]
    fn any_conversation(
        turns in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..=223), proptest::collection::vec(any::<u8>(), 0..=239)),
            1..12,
        ),
        which in 0..30_usize,
    ) {
        let (mode, length, level) = combinations().nth(which).unwrap();
        let (mut host, mut card) = open(mode, length, level);
        for (data, answer) in turns {
            let reply = exchange(&mut host, &mut card, &data, &answer, StatusWord::OK);
            prop_assert_eq!(reply.data(), answer.as_slice());
        }
    }
}

/// S-MAC and S-ENC of S8 sessions with AES-128, made without the code under test.
fn session_keys() -> [AesKey; 2] {
    let context = [&HOST_CHALLENGE[..8], &CARD_CHALLENGE[..8]].concat();
    [(0x06, 2), (0x04, 1)].map(|(constant, key_byte)| {
        let before = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, constant, 0, 0, 0x80];
        let mut out = [0; 16];
        let from = key(&[key_byte; 16]);
        counter_mode(&mut SoftEngine, &from, Counter::Bits8, &before, &context, &mut out).unwrap();
        key(&out)
    })
}

/// A right MAC does not help a host whose cryptogram is wrong.
#[test]
fn a_wrong_host_cryptogram_under_a_right_mac() {
    let [s_mac, _] = session_keys();
    let (_, response) = card_initialize(Mode::S8, 16);
    let challenge = host_challenge(Mode::S8, &response).unwrap();
    let (_, apdu) = challenge.authenticate(&mut SoftEngine, &key_set(16), SecurityLevel::CMac).unwrap();
    for (byte, accepted) in [(5, false), (12, false), (13, true)] {
        let mut forged = apdu.as_slice().to_vec();
        forged[byte] ^= 1;
        let mac = SoftEngine.cmac(&s_mac, &[&[0; 16], &forged[..13]]);
        forged[13..].copy_from_slice(&mac[..8]);
        let (card, _) = card_initialize(Mode::S8, 16);
        assert_eq!(authenticate(card, &forged).is_ok(), accepted);
    }
}

/// Under a right MAC, data that are not whole blocks or not padded are refused too.
#[test]
fn bad_padding_under_a_right_mac() {
    let [s_mac, s_enc] = session_keys();
    let mut one_block = [0; 16];
    let mut zeros = [0; 32];
    let mut two_blocks_of_padding = [0; 32];
    two_blocks_of_padding[0] = 0x80;
    let mut just_padding = [0; 16];
    just_padding[0] = 0x80;
    let mut iv = [0; 16];
    iv[15] = 1;
    SoftEngine.encrypt_block(&s_enc, &mut iv);
    for data in [&mut one_block[..], &mut zeros, &mut two_blocks_of_padding, &mut just_padding] {
        SoftEngine.encrypt_cbc(&s_enc, &iv, data).unwrap();
    }
    for (body, expected) in [
        (&[1, 2, 3][..], Err(SecureMessagingError::Malformed)),
        (&one_block, Err(SecureMessagingError::Malformed)),
        (&zeros, Err(SecureMessagingError::Malformed)),
        (&two_blocks_of_padding, Err(SecureMessagingError::Malformed)),
        (&just_padding, Ok(vec![])),
        (&[], Ok(vec![])),
    ] {
        let (card, response) = card_initialize(Mode::S8, 16);
        let challenge = host_challenge(Mode::S8, &response).unwrap();
        let (_, apdu) = challenge.authenticate(&mut SoftEngine, &key_set(16), SecurityLevel::Full).unwrap();
        let mut card = authenticate(card, apdu.as_slice()).unwrap();
        let chain = SoftEngine.cmac(&s_mac, &[&[0; 16], &apdu.as_slice()[..13]]);
        let lc = u8::try_from(body.len() + 8).unwrap();
        let mac = SoftEngine.cmac(&s_mac, &[&chain, &[0x84, 1, 2, 3, lc], body]);
        let secured = [&[0x84, 1, 2, 3, lc], body, &mac[..8]].concat();
        let result = card_unwrap(&mut card, &secured);
        assert_eq!(card.level().is_some(), result.is_ok());
        assert_eq!(result, expected);
    }
}
