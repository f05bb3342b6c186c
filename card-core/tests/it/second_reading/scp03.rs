//! `scp03.json`: sessions at every level, in both modes, with every key length, from the card's side and from the host's
//! (specification, section 8).

use card_core::role::KeyVersion;
use std::collections::BTreeSet;

use card_core::apdu::{Command, Le, Response};
use card_core::bytes::Buffer;
use card_core::platform::{Block, Engine};
use card_core::scp03::{CardHandshake, HostHandshake, KeySet, Mode, SecurityLevel, is_protected};
use card_core::soft::SoftEngine;
use serde::Deserialize;

use super::vectors::{Hex, Witness, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    sessions: Vec<Session>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Session {
    level: Hex,
    mode: String,
    key_bits: usize,
    static_keys: [Hex; 3],
    host_challenge: Hex,
    card_challenge: Hex,
    diversification_data: Hex,
    key_version: Hex,
    session_keys: SessionKeys,
    initialize_update: Hex,
    initialize_update_response: Hex,
    external_authenticate: Hex,
    external_authenticate_response: Hex,
    commands: Vec<Exchange>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionKeys {
    enc: Hex,
    mac: Hex,
    rmac: Hex,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    command: Hex,
    wrapped_command: Hex,
    response: Hex,
    wrapped_response: Hex,
}

impl Session {
    fn name(&self) -> String {
        format!("level {:?}, {}, AES-{}", self.level, self.mode, self.key_bits)
    }

    fn mode(&self) -> Mode {
        match self.mode.as_str() {
            "S8" => Mode::S8,
            "S16" => Mode::S16,
            other => panic!("{other}"),
        }
    }

    fn level(&self) -> SecurityLevel {
        SecurityLevel::try_from(self.level.u8()).unwrap()
    }

    fn keys(&self) -> KeySet {
        let [enc, mac, dek] = self.static_keys.each_ref().map(Hex::key);
        assert_eq!(8 * enc.expose().len(), self.key_bits);
        KeySet::new(KeyVersion::from_byte(self.key_version.u8()), enc, mac, dek).unwrap()
    }

    /// The session keys that the level needs were used, and no other ones but the static keys.
    fn assert_keys(&self, witness: &Witness) {
        let SessionKeys { enc, mac, rmac } = &self.session_keys;
        let level = self.level();
        let used: BTreeSet<&Vec<u8>> = witness.keys.iter().collect();
        let mut expected = BTreeSet::from([&mac.0]);
        expected.extend(self.static_keys.iter().map(|key| &key.0));
        if level.encrypts_commands() {
            expected.insert(&enc.0);
        }
        if level.authenticates_responses() {
            expected.insert(&rmac.0);
        }
        assert_eq!(used, expected, "{}", self.name());
    }
}

/// A challenge in a block; the rest of it is none of S8's business.
fn block(challenge: &Hex, mode: Mode) -> Block {
    assert_eq!(challenge.0.len(), mode.bytes());
    let mut block = [0xEE; 16];
    block[..mode.bytes()].copy_from_slice(&challenge.0);
    block
}

/// Two blocks for Key-DEK, plain and encrypted.
fn for_dek(session: &Session) -> ([u8; 32], [u8; 32]) {
    let (plain, mut encrypted) = ([0x3C; 32], [0x3C; 32]);
    SoftEngine.encrypt_cbc(&session.static_keys[2].key(), &[0; 16], &mut encrypted).unwrap();
    (plain, encrypted)
}

#[test]
fn the_card_answers_every_session() {
    let sessions = read::<Vectors>("scp03").sessions;
    let mut count = 0;
    for vector in &sessions {
        let (name, mode, engine) = (vector.name(), vector.mode(), &mut Witness::default());
        let command = Command::parse(&vector.initialize_update.0).unwrap();
        assert_eq!(command.header(), [0x80, 0x50, vector.key_version.u8(), 0], "{name}");
        assert_eq!(command.data, vector.host_challenge.0, "{name}");
        let (handshake, answer) = CardHandshake::initialize_update(
            engine,
            &vector.keys(),
            mode,
            command.data,
            &block(&vector.card_challenge, mode),
            &vector.diversification_data.array(),
        )
        .unwrap();
        assert_eq!([answer.as_slice(), &[0x90, 0]].concat(), vector.initialize_update_response.0, "{name}");

        let command = Command::parse(&vector.external_authenticate.0).unwrap();
        let mut card = handshake.external_authenticate(engine, command.header(), command.data).expect(&name);
        assert_eq!(vector.external_authenticate_response.0, [0x90, 0], "{name}");
        assert_eq!(card.level(), Some(vector.level()), "{name}");
        assert_eq!(card.key_version(), KeyVersion::from_byte(vector.key_version.u8()), "{name}");

        for exchange in &vector.commands {
            let name = format!("{name}: {:?}", exchange.command);
            let wrapped = Command::parse(&exchange.wrapped_command.0).unwrap();
            let mut data = wrapped.data.to_vec();
            let length = card.unwrap(engine, wrapped.header(), &mut data).expect(&name);
            let cla = wrapped.cla & !0x04;
            let plain = Command { cla, data: &data[..length], ..wrapped };
            assert_eq!(plain.emit().unwrap().as_slice(), exchange.command.0, "{name}");

            let response = Response::parse(&exchange.response.0).unwrap();
            let mut answer = Buffer::<256>::new();
            answer.put(response.data).unwrap();
            card.wrap(engine, &mut answer, response.status).expect(&name);
            let sent = [answer.as_slice(), &response.status.to_bytes()].concat();
            assert_eq!(sent, exchange.wrapped_response.0, "{name}");
            count += 1;
        }

        let (plain, mut keys) = for_dek(vector);
        card.decrypt_keys(engine, &mut keys).unwrap();
        assert_eq!(keys, plain, "{name}");
        vector.assert_keys(engine);
    }
    enough(&sessions, count);
}

#[test]
fn the_host_asks_in_every_session() {
    let sessions = read::<Vectors>("scp03").sessions;
    let mut count = 0;
    for vector in &sessions {
        let (name, mode, engine) = (vector.name(), vector.mode(), &mut Witness::default());
        let challenge = block(&vector.host_challenge, mode);
        let handshake = HostHandshake::new(mode, KeyVersion::from_byte(vector.key_version.u8()), challenge);
        let command = handshake.command().emit().unwrap();
        assert_eq!(command.as_slice(), vector.initialize_update.0, "{name}");

        let challenge = handshake.challenge(&vector.initialize_update_response.0).expect(&name);
        assert_eq!(challenge.diversification(), &vector.diversification_data.array(), "{name}");
        assert_eq!(challenge.key_version(), KeyVersion::from_byte(vector.key_version.u8()), "{name}");
        let (pending, command) = challenge.authenticate(engine, &vector.keys(), vector.level()).expect(&name);
        assert_eq!(command.as_slice(), vector.external_authenticate.0, "{name}");
        let mut host = pending.finish(&vector.external_authenticate_response.0).expect(&name);
        assert_eq!((host.level(), host.mode()), (Some(vector.level()), Some(mode)), "{name}");

        for exchange in &vector.commands {
            let name = format!("{name}: {:?}", exchange.command);
            let command = Command::parse(&exchange.command.0).unwrap();
            let apdu = host.wrap(engine, &command).expect(&name);
            // The vectors have no Le; the host asks for all of a response that has a MAC.
            let wrapped = Command::parse(apdu.as_slice()).unwrap();
            let le = vector.level().authenticates_responses().then_some(Le::MAX);
            assert_eq!(wrapped.le, le, "{name}");
            let sent = Command { le: None, ..wrapped }.emit().unwrap();
            assert_eq!(sent.as_slice(), exchange.wrapped_command.0, "{name}");

            let reply = host.unwrap(engine, &exchange.wrapped_response.0).expect(&name);
            let response = Response::parse(&exchange.response.0).unwrap();
            assert_eq!((reply.data(), reply.status()), (response.data, response.status), "{name}");
            let proven = vector.level().authenticates_responses() && is_protected(response.status);
            assert_eq!(reply.verified().is_some(), proven, "{name}");
            count += 1;
        }

        let (mut keys, encrypted) = for_dek(vector);
        host.encrypt_keys(engine, &mut keys).unwrap();
        assert_eq!(keys, encrypted, "{name}");
        vector.assert_keys(engine);
    }
    enough(&sessions, count);
}

/// Every level, mode and key length, with commands of all four kinds: with and without data, answered with and without.
fn enough(sessions: &[Session], count: usize) {
    for mode in ["S8", "S16"] {
        for level in SecurityLevel::ALL {
            for bits in [128, 192, 256] {
                let session =
                    sessions.iter().find(|s| s.mode == mode && s.level() == level && s.key_bits == bits);
                let session = session.unwrap_or_else(|| panic!("{level:?}, {mode}, AES-{bits}"));
                for (data, answer) in [(false, false), (false, true), (true, false), (true, true)] {
                    assert!(
                        session.commands.iter().any(|exchange| {
                            (exchange.command.0.len() > 4, exchange.response.0.len() > 2) == (data, answer)
                        }),
                        "{}: {data} {answer}",
                        session.name()
                    );
                }
            }
        }
    }
    assert!(sessions.len() >= 30 && count >= 300, "{} {count}", sessions.len());
}
