//! A small issuer, host and meter for tests that drive a simulated card in process: fixed masters, sessions, messages, and a
//! snapshot of everything persistent that a card shows.
// Long: what all modules here share, in one place.
// Every test crate uses another part of it, and clippy does not take helpers of tests for tests.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::chip::{Chip, Entropy, FlashModel};
use card_applet::{PAGES, manufacture};
use card_core::id::{
    Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Reference, Scope, State,
};
use card_core::key::{AesKey, KeyLength};
use card_core::message::{
    BindingCertificate, Certificate, Delivery, Envelope, Event, MailKeys, MeterFlags, MeterReceipt, Month,
    Receipt, Slot, Voucher,
};
use card_core::role::{Derivation, KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::scp03::host::{HandshakeError, HostHandshake, HostSession, PendingSession};
use card_core::scp03::{KeySet, Mode, SecurityLevel, key_check_value};
use card_core::soft::SoftEngine;
use card_core::store::Log;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, OnceLock};

pub type Card = SimulatedCard<FlashModel>;
pub type TestChip = Chip<FlashModel>;

pub const CARD: CardId = CardId([0x0C, 0x4C, 0xE6, 0xD0, 0x4B, 0x27, 0x45, 0x7A]);
pub const SCOPE: Scope = Scope { company: Company(0x0102), environment: Environment::Test };
pub const GENERATION: u16 = 1;
pub const METER: MeterId = MeterId([0x71, 0x76, 0x6C, 0x83, 0x38, 0x4A, 0xE9, 0xFD]);
pub const OTHER_METER: MeterId = MeterId([0x71, 0x76, 0x6C, 0x83, 0x38, 0x4A, 0xE9, 0xFE]);
pub const LENGTH: KeyLength = KeyLength::Aes256;
pub const FULL: SecurityLevel = SecurityLevel::Full;

/// Where the logs lie in memory: what a test has to know to look below the card, and no more.
pub mod map {
    use super::Log;
    pub const PURSE: Log = Log::new(6, 2, 8);
    pub const SETTLEMENT: Log = Log::new(PURSE.end(), 3, 8);
    pub const FAILURES: Log = Log::new(SETTLEMENT.end(), 1, 8);
    /// Offset of the binding's marker in the purse record, and of the number of loads.
    pub const PURSE_MARKER: usize = 3;
    pub const PURSE_LOADS: usize = 5;
}

/// Whether the longer variants were asked for: `CARD_TESTS=long`.
pub fn long() -> bool {
    std::env::var("CARD_TESTS").is_ok_and(|value| value == "long")
}

/// Sixteen bytes that differ at every call, and are the same in every run of a test.
fn challenge() -> [u8; 16] {
    thread_local!(static CALLS: Cell<u64> = const { Cell::new(0) });
    let calls = CALLS.get() + 1;
    CALLS.set(calls);
    let mut challenge = [0; 16];
    fastrand::Rng::with_seed(calls).fill(&mut challenge);
    challenge
}

// ---- Keys ----

fn master(role: Role) -> AesKey {
    let bytes: Vec<u8> = (0..32).map(|i| (role as u8) << 4 ^ i).collect();
    AesKey::new(&bytes).unwrap()
}

pub const fn card_ref(generation: u16) -> CardRef {
    CardRef { id: CARD, generation }
}

/// The key set with this version number, of this card's generation and meter.
pub fn key_set_of(version: u8, generation: u16, meter: MeterId) -> &'static KeySet {
    type Cache = Mutex<HashMap<(u8, u16, MeterId), &'static KeySet>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let cache = CACHE.get_or_init(Mutex::default);
    let mut cache = cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    cache.entry((version, generation, meter)).or_insert_with(|| {
        let role = KeyVersion::from_byte(version).role().unwrap();
        let parent = match role {
            Role::Meter => {
                Derivation::for_meter(SCOPE, KeyVersion::from_byte(0xA0 | (version & 0x0F)), meter, LENGTH)
                    .single(&mut SoftEngine, &master(Role::MeterBase))
                    .unwrap()
            }
            Role::Holder => AesKey::new(&[7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0, 0, 0, 0, 0]).unwrap(),
            _ => master(role),
        };
        let derivation = match version {
            0x10 => Derivation::initial(SCOPE.environment, CARD, LENGTH),
            _ => Derivation::for_card(SCOPE, KeyVersion::from_byte(version), card_ref(generation), LENGTH),
        };
        let parent = if version == 0x10 { AesKey::new(&TEST_INITIAL_MASTER).unwrap() } else { parent };
        Box::leak(Box::new(derivation.key_set(&mut SoftEngine, &parent).unwrap()))
    })
}

pub fn key_set(version: u8) -> &'static KeySet {
    key_set_of(version, GENERATION, METER)
}

/// Load key or receipt key with this version number.
pub fn single_key(version: u8) -> AesKey {
    let version = KeyVersion::from_byte(version);
    let role = version.role().unwrap();
    Derivation::for_chip(SCOPE, version, CARD, LENGTH).single(&mut SoftEngine, &master(role)).unwrap()
}

pub fn credit_key(meter: MeterId) -> AesKey {
    Derivation::for_meter(SCOPE, KeyVersion::from_byte(0x71), meter, LENGTH)
        .single(&mut SoftEngine, &master(Role::Credit))
        .unwrap()
}

pub fn mail_keys(version: u8, meter: MeterId) -> MailKeys {
    let version = KeyVersion::from_byte(version);
    let role = version.role().unwrap();
    Derivation::for_meter(SCOPE, version, meter, LENGTH).mail_keys(&mut SoftEngine, &master(role)).unwrap()
}

// ---- Messages ----

pub const fn binding(meter: MeterId, number: u32) -> Binding {
    Binding { meter, number }
}

/// The present binding of the cards below.
pub const BINDING: Binding = binding(METER, 3);

pub fn certificate_of(
    binding: Binding,
    generation: u16,
    sequence: u32,
    credit: u64,
    debited: u64,
) -> Certificate {
    let certificate = Certificate {
        key_version: KeyVersion::from_byte(0x71),
        binding,
        generation,
        sequence,
        total_credit: Piastres(credit),
        total_debited: Piastres(debited),
        known_credit: Piastres(0),
        known_debited: Piastres(0),
        issue_time: CardTime(0x0C00_0000 ^ sequence),
        mac: [0; 16],
    };
    certificate.sign(&mut SoftEngine, &credit_key(binding.meter), SCOPE)
}

pub fn certificate(sequence: u32, credit: u64, debited: u64) -> Certificate {
    certificate_of(BINDING, GENERATION, sequence, credit, debited)
}

pub fn binding_certificate(binding: Binding) -> BindingCertificate {
    let certificate = BindingCertificate {
        key_version: KeyVersion::from_byte(0x71),
        binding,
        account: 77,
        opening_time: CardTime(0x0B00_0000),
        mac: [0; 16],
    };
    certificate.sign(&mut SoftEngine, &credit_key(binding.meter), SCOPE)
}

pub fn voucher_with(certificate: Certificate, channel: Channel) -> Voucher {
    let [a, b, c, d] = certificate.sequence.to_be_bytes();
    let voucher = Voucher {
        key_version: KeyVersion::from_byte(0x51),
        scope: SCOPE,
        card: CARD,
        channel,
        reference: Reference([b'R', b'E', b'F', 0, a, b, c, d]),
        certificate,
        mac: [0; 16],
    };
    sign_voucher(voucher)
}

/// Signs with the right key for whatever the voucher says.
pub fn sign_voucher(voucher: Voucher) -> Voucher {
    voucher.sign(&mut SoftEngine, &single_key(voucher.key_version.byte()))
}

pub fn voucher(sequence: u32, credit: u64, debited: u64) -> Voucher {
    voucher_with(certificate(sequence, credit, debited), Channel::Branch)
}

pub fn envelope_of(binding: Binding, slot: u8, version: u32, text: &[u8]) -> Envelope {
    let keys = mail_keys(if slot < 0x10 { 0x81 } else { 0x91 }, binding.meter);
    let slot = Slot::new(slot).unwrap();
    Envelope::seal(&mut SoftEngine, &keys, SCOPE, binding, slot, version, text).unwrap()
}

pub fn delivery_of(envelope: &Envelope, key_version: KeyVersion, scope: Scope, card: CardId) -> Vec<u8> {
    let key = single_key(key_version.byte());
    Delivery::make(&mut SoftEngine, &key, key_version, scope, card, envelope).unwrap().as_slice().to_vec()
}

pub fn delivery(envelope: &Envelope) -> Vec<u8> {
    delivery_of(envelope, KeyVersion::from_byte(0x51), SCOPE, CARD)
}

pub fn meter_receipt_of(binding: Binding, number: u32, credit: u64, debited: u64) -> MeterReceipt {
    let receipt = MeterReceipt {
        key_version: KeyVersion::from_byte(0x91),
        binding,
        number,
        time: CardTime(0x0C10_0000),
        applied_credit: Piastres(credit),
        applied_debited: Piastres(debited),
        balance: Balance(credit as i64 - 100),
        energy: Energy(123),
        flags: MeterFlags(0x0005),
        mac: [0; 16],
    };
    let derivation = Derivation::for_meter(SCOPE, KeyVersion::from_byte(0x91), binding.meter, LENGTH);
    let key = derivation.report_receipt_key(&mut SoftEngine, &master(Role::Report));
    receipt.sign(&mut SoftEngine, &key, SCOPE)
}

pub fn meter_receipt(number: u32, credit: u64, debited: u64) -> MeterReceipt {
    meter_receipt_of(BINDING, number, credit, debited)
}

pub const fn month(index: u16) -> Month {
    Month {
        index,
        flags: 0,
        slab: 3,
        energy: Energy(1000 + index as u32),
        energy_charge: Piastres(90_000 + index as u64),
        re_rating: 0,
        service_fee: 700,
        levies: 2000,
        others: -40,
        instalments: 900,
        doubt_cost: 70,
        tariff: 1,
        peak: 4000,
    }
}

pub const fn event(number: u32) -> Event {
    Event {
        number,
        time: CardTime(0x0C20_0000 ^ number),
        code: 9,
        data: [1, 2, 3, 4, 5, (number & 0xFF) as u8],
    }
}

pub fn settle_data(receipt: &MeterReceipt, present: u16, events: &[u32]) -> Vec<u8> {
    let mut data = vec![1];
    data.extend(receipt.emit());
    data.extend(month(present).emit());
    data.push(events.len() as u8);
    events.iter().for_each(|number| data.extend(event(*number).emit()));
    data
}

/// The data of PUT HISTORY.
pub fn history_data(months: &[u16], events: &[u32]) -> Vec<u8> {
    let mut data = vec![months.len() as u8];
    months.iter().for_each(|index| data.extend(month(*index).emit()));
    events.iter().for_each(|number| data.extend(event(*number).emit()));
    data
}

pub fn store_data(generation: u16, mode: u8, flags: u8, profile: u8) -> Vec<u8> {
    let mut data = SCOPE.company.0.to_be_bytes().to_vec();
    data.push(SCOPE.environment.code());
    data.extend(generation.to_be_bytes());
    data.extend([mode, flags]);
    data.extend(0x0BFF_0000_u32.to_be_bytes());
    data.extend(0x3000_0000_u32.to_be_bytes());
    data.extend([profile; 96]);
    data
}

fn put_one_key(data: &mut Vec<u8>, dek: &AesKey, key: &AesKey) {
    use card_core::platform::Engine;
    let mut bytes = key.expose().to_vec();
    bytes.resize(bytes.len().next_multiple_of(16), 0);
    SoftEngine.encrypt_cbc(dek, &[0; 16], &mut bytes).unwrap();
    data.extend([0x88, bytes.len() as u8 + 1, key.expose().len() as u8]);
    data.extend(bytes);
    data.push(3);
    data.extend(key_check_value(&mut SoftEngine, key));
}

/// Data of PUT KEY for a key set, in a session with `admin`.
pub fn put_key_set_data(admin: &KeySet, new: &KeySet) -> Vec<u8> {
    let mut data = vec![new.version().byte()];
    for key in [new.enc(), new.mac(), new.dek()] {
        put_one_key(&mut data, admin.dek(), key);
    }
    data
}

pub fn put_key_data(admin: &KeySet, version: u8, key: &AesKey) -> Vec<u8> {
    let mut data = vec![version];
    put_one_key(&mut data, admin.dek(), key);
    data
}

pub fn bind_data(admin: &KeySet, certificate: Certificate, keys: &KeySet) -> Vec<u8> {
    let mut data = binding_certificate(certificate.binding).emit().to_vec();
    data.extend(certificate.emit());
    data.push(keys.version().byte());
    for key in [keys.enc(), keys.mac(), keys.dek()] {
        let mut one = Vec::new();
        put_one_key(&mut one, admin.dek(), key);
        // Without type and lengths.
        let check = one.split_off(one.len() - 3);
        data.extend(&one[3..one.len() - 1]);
        data.extend(check);
    }
    data
}

// ---- Sessions and commands ----

/// A command without secure messaging.
pub fn apdu(header: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut apdu = header.to_vec();
    if !data.is_empty() {
        apdu.push(u8::try_from(data.len()).unwrap());
        apdu.extend(data);
    }
    apdu
}

/// Data and status word.
pub type Answer = (Vec<u8>, u16);

pub fn split(reply: &[u8]) -> Answer {
    let (data, status) = reply.split_last_chunk().expect("at least a status word");
    (data.to_vec(), u16::from_be_bytes(*status))
}

/// Sends a command without secure messaging to a card that keeps its power.
pub fn plain(card: &mut Card, header: [u8; 4], data: &[u8]) -> Answer {
    split(&card.answer(&apdu(header, data)).expect("power"))
}

pub fn status(card: &mut Card, header: [u8; 4], data: &[u8]) -> u16 {
    plain(card, header, data).1
}

pub fn mode(card: &mut Card) -> Mode {
    match plain(card, [0x00, 0xCA, 0x00, 0x66], &[]).0.last() {
        Some(0x61) => Mode::S16,
        _ => Mode::S8,
    }
}

/// INITIALIZE UPDATE, and what EXTERNAL AUTHENTICATE has to be.
pub fn handshake(
    card: &mut Card,
    p1: u8,
    keys: &KeySet,
    level: SecurityLevel,
) -> Result<(PendingSession, Vec<u8>), HandshakeError> {
    card.chip_mut().unwrap().random = Entropy::Fixed(challenge().to_vec().into());
    let host = HostHandshake::new(mode(card), KeyVersion::from_byte(p1), challenge());
    let command = host.command().emit().unwrap();
    let answer = card.answer(command.as_slice()).expect("power");
    let (pending, command) = host.challenge(&answer)?.authenticate(&mut SoftEngine, keys, level)?;
    Ok((pending, command.as_slice().to_vec()))
}

pub struct Session(pub HostSession);

impl Session {
    pub fn try_open(card: &mut Card, keys: &KeySet, level: SecurityLevel) -> Result<Self, HandshakeError> {
        let (pending, command) = handshake(card, keys.version().byte(), keys, level)?;
        Ok(Self(pending.finish(&card.answer(&command).expect("power"))?))
    }

    pub fn open(card: &mut Card, keys: &KeySet, level: SecurityLevel) -> Self {
        Self::try_open(card, keys, level).unwrap()
    }

    pub fn wrap(&mut self, [cla, ins, p1, p2]: [u8; 4], data: &[u8]) -> Vec<u8> {
        let command = card_core::apdu::Command { cla, ins, p1, p2, data, le: None };
        self.0.wrap(&mut SoftEngine, &command).unwrap().as_slice().to_vec()
    }

    pub fn unwrap(&mut self, response: &[u8]) -> Answer {
        let reply = self.0.unwrap(&mut SoftEngine, response).expect("a right response");
        (reply.data().to_vec(), reply.status().0)
    }

    pub fn send(&mut self, card: &mut Card, header: [u8; 4], data: &[u8]) -> Answer {
        let command = self.wrap(header, data);
        let response = card.answer(&command).expect("power");
        self.unwrap(&response)
    }
}

/// One command as a test describes it, with the session that it needs.
#[derive(Clone)]
pub enum Step {
    Plain([u8; 4], Vec<u8>),
    Secured(&'static KeySet, SecurityLevel, [u8; 4], Vec<u8>),
    /// EXTERNAL AUTHENTICATE, right or wrong.
    Authenticate(&'static KeySet, bool),
}

/// A command that can be sent now.
pub struct Prepared {
    pub apdu: Vec<u8>,
    session: Option<Session>,
}

impl Step {
    pub fn admin(header: [u8; 4], data: Vec<u8>) -> Self {
        Self::Secured(key_set(0x11), FULL, header, data)
    }

    pub fn meter(header: [u8; 4], data: Vec<u8>) -> Self {
        Self::Secured(key_set(0x31), SecurityLevel::CMacCEncRMac, header, data)
    }

    pub fn load(voucher: &Voucher) -> Self {
        Self::Plain([0x80, 0x40, 0, 0], voucher.emit().to_vec())
    }

    /// Opens the session that the command needs.
    pub fn prepare(&self, card: &mut Card) -> Prepared {
        match self {
            Self::Plain(header, data) => Prepared { apdu: apdu(*header, data), session: None },
            Self::Secured(keys, level, header, data) => {
                let mut session = Session::open(card, keys, *level);
                Prepared { apdu: session.wrap(*header, data), session: Some(session) }
            }
            Self::Authenticate(keys, right) => {
                let (_, mut apdu) = handshake(card, keys.version().byte(), keys, FULL).unwrap();
                if !right {
                    *apdu.last_mut().unwrap() ^= 1;
                }
                Prepared { apdu, session: None }
            }
        }
    }

    pub fn run(&self, card: &mut Card) -> Answer {
        let prepared = self.prepare(card);
        prepared.send(card).expect("power")
    }
}

impl Prepared {
    /// `None` where power was lost.
    pub fn send(self, card: &mut Card) -> Option<Answer> {
        let response = card.answer(&self.apdu)?;
        Some(match self.session {
            Some(mut session) => session.unwrap(&response),
            None => split(&response),
        })
    }
}

// ---- Cards in every state ----

pub fn powered(chip: &TestChip) -> Card {
    SimulatedCard::new(chip.clone(), Profile::T1)
}

pub fn chip_of(card: &Card) -> TestChip {
    card.chip().unwrap().clone()
}

fn make_blank() -> TestChip {
    let mut chip = applet_sim::chip::chip(FlashModel::new(PAGES, 1), Entropy::Fixed(Vec::new().into()));
    let master = AesKey::new(&TEST_INITIAL_MASTER).unwrap();
    manufacture(&mut chip, CARD, SCOPE.environment, &master, LENGTH).unwrap();
    chip
}

/// The commands of personalisation, all for a session with the initial keys.
pub fn personalisation() -> Vec<([u8; 4], Vec<u8>)> {
    personalisation_with(&store_data(GENERATION, 0x08, 0, 0xA5), certificate(1, 0, 0))
}

pub fn personalisation_with(store: &[u8], certificate: Certificate) -> Vec<([u8; 4], Vec<u8>)> {
    let initial = key_set(0x10);
    vec![
        ([0x80, 0xE2, 0, 0], store.to_vec()),
        ([0x80, 0xD8, 0, 0x81], put_key_set_data(initial, key_set(0x21))),
        ([0x80, 0xD8, 0, 0x81], put_key_set_data(initial, key_set(0x41))),
        ([0x80, 0xD8, 0, 0x01], put_key_data(initial, 0x51, &single_key(0x51))),
        ([0x80, 0xD8, 0, 0x01], put_key_data(initial, 0x61, &single_key(0x61))),
        (
            [0x80, 0x52, 0, 0],
            bind_data(initial, certificate, key_set_of(0x31, GENERATION, certificate.binding.meter)),
        ),
        ([0x80, 0xD8, 0x10, 0x81], put_key_set_data(initial, key_set(0x11))),
        ([0x80, 0xF0, 0, 0x02], Vec::new()),
    ]
}

pub fn personalise(card: &mut Card, commands: &[([u8; 4], Vec<u8>)]) {
    let mut session = Session::open(card, key_set(0x10), FULL);
    for (header, data) in commands {
        assert_eq!(session.send(card, *header, data).1, 0x9000, "{header:02X?}");
    }
}

/// A chip with a card in this state. The active one, and what comes after it, has a history.
pub fn chip(state: State) -> &'static TestChip {
    static CHIPS: [OnceLock<TestChip>; 5] = [const { OnceLock::new() }; 5];
    let index = usize::from(state.code() - 1);
    CHIPS[index].get_or_init(|| {
        let before = match state {
            State::Blank => return make_blank(),
            State::Personalised => State::Blank,
            State::Active => State::Personalised,
            State::Blocked | State::Terminated => State::Active,
        };
        let mut card = powered(chip(before));
        match state {
            State::Blank => {}
            State::Personalised => personalise(&mut card, &personalisation()),
            State::Active => {
                for sequence in 2..5 {
                    let credit = u64::from(sequence - 1) * 10_000;
                    assert_eq!(Step::load(&voucher(sequence, credit, 0)).run(&mut card).1, 0x9000);
                }
                for (slot, version) in [(0, 1), (5, 9)] {
                    let mail = delivery(&envelope_of(BINDING, slot, version, b"mail"));
                    assert_eq!(status(&mut card, [0x80, 0x42, 0, 0], &mail), 0x9000);
                }
                let mut meter = Session::open(&mut card, key_set(0x31), SecurityLevel::CMacCEncRMac);
                let mail = envelope_of(BINDING, 0x11, 4, b"readings");
                for (ins, data) in [
                    (0x48, settle_data(&meter_receipt(1, 20_000, 0), 70, &[1, 2, 4])),
                    (0x4A, history_data(&[66, 67, 69], &[5, 6])),
                    (0x4E, mail.as_bytes().to_vec()),
                ] {
                    assert_eq!(meter.send(&mut card, [0x80, ins, 0, 0], &data).1, 0x9000);
                }
            }
            State::Blocked | State::Terminated => {
                let set = Step::admin([0x80, 0xF0, 0, state.code()], Vec::new());
                assert_eq!(set.run(&mut card).1, 0x9000);
            }
        }
        chip_of(&card)
    })
}

pub fn card(state: State) -> Card {
    powered(chip(state))
}

// ---- Everything persistent that a card shows ----

/// Everything persistent that a card shows, by name.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Snapshot(pub BTreeMap<String, Vec<u8>>);

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "  {name}: {}", hex::encode(value)))
    }
}

impl Snapshot {
    /// What differs from `other`, for a message.
    pub fn difference(&self, other: &Self) -> String {
        let mut out = String::new();
        for name in self.0.keys().chain(other.0.keys().filter(|name| !self.0.contains_key(*name))) {
            let (a, b) = (self.0.get(name).map(hex::encode), other.0.get(name).map(hex::encode));
            if a != b {
                out += &format!("\n  {name}:\n    {a:?}\n    {b:?}");
            }
        }
        out
    }

    fn put(&mut self, name: impl Into<String>, (mut data, status): Answer) {
        data.extend(status.to_be_bytes());
        self.0.insert(name.into(), data);
    }
}

/// How much of the histories a snapshot reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Depth {
    /// All of it.
    All,
    /// The records at both ends, where a command could change something.
    Ends,
}

/// The key set that the card has for a role, known by its cryptogram: EXTERNAL AUTHENTICATE would change a counter.
fn which_keys(card: &mut Card, role: u8) -> Result<Option<(u8, MeterId)>, u16> {
    card.chip_mut().unwrap().random = Entropy::Fixed(challenge().to_vec().into());
    let host_challenge = challenge();
    let mode = mode(card);
    let host = || HostHandshake::new(mode, KeyVersion::from_byte(role << 4), host_challenge);
    let answer = card.answer(host().command().emit().unwrap().as_slice()).expect("power");
    for meter in [METER, OTHER_METER] {
        let challenge = match host().challenge(&answer) {
            Ok(challenge) => challenge,
            Err(HandshakeError::Refused(status)) => return Err(status.0),
            Err(error) => panic!("{error}"),
        };
        let version = challenge.key_version();
        let keys = key_set_of(version.byte(), GENERATION, meter);
        if challenge.authenticate(&mut SoftEngine, keys, FULL).is_ok() {
            return Ok(Some((version.byte(), meter)));
        }
    }
    Ok(None)
}

/// Reads everything after a power-up, on a copy of the chip: a session may clear a counter.
pub fn snapshot(of: &Card, depth: Depth) -> Snapshot {
    read_all(&mut powered(of.chip().unwrap()), depth)
}

/// Reads everything from the card as it is, without a power-up.
pub fn read_all(card: &mut Card, depth: Depth) -> Snapshot {
    let mut out = Snapshot::default();
    out.put("select", plain(card, [0, 0xA4, 4, 0], &[]));
    for [p1, p2] in [[0x00, 0x66], [0x00, 0xE0], [0xDF, 0x21]] {
        out.put(format!("data {p1:02X}{p2:02X}"), plain(card, [0, 0xCA, p1, p2], &[]));
    }
    for slot in (0..0x0C).chain(0x10..0x14) {
        out.put(format!("mail {slot:02X}"), plain(card, [0x80, 0x44, slot, 0], &[]));
    }
    static PROBES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let probes = PROBES.get_or_init(|| {
        [0x51, 0x52].map(|version| {
            let mut probe = voucher(1, 0, 0);
            probe.key_version = KeyVersion::from_byte(version);
            probe.certificate.binding.meter = MeterId([1; 8]);
            sign_voucher(probe).emit().to_vec()
        })
    });
    for probe in probes {
        // 9404 says that the code was right; nothing is written.
        out.put(format!("load key {:02X}", probe[1]), plain(card, [0x80, 0x40, 0, 0], probe));
    }
    let mut memory = card.chip().unwrap().memory.clone();
    let mut counters = vec![0; map::FAILURES.capacity()];
    let found = map::FAILURES.peek(&mut memory, &mut counters).unwrap();
    counters.truncate(found.map_or(0, |record| record.len));
    if counters.iter().all(|byte| *byte == 0) {
        counters.clear();
    }
    out.0.insert("failures".into(), counters);
    for role in 1..=4 {
        let which = match which_keys(card, role) {
            Ok(Some((version, meter))) => [vec![version], meter.0.to_vec()].concat(),
            Ok(None) => b"unknown".to_vec(),
            Err(status) => status.to_be_bytes().to_vec(),
        };
        out.0.insert(format!("keys {role}"), which);
    }
    if out.0["keys 3"].len() == 9 {
        let meter = MeterId(out.0["keys 3"][1..].try_into().unwrap());
        let keys = key_set_of(out.0["keys 3"][0], GENERATION, meter);
        let mut session = Session::open(card, keys, FULL);
        for p1 in [0, 1] {
            out.put(format!("certificate {p1}"), session.send(card, [0x80, 0x46, p1, 0], &[]));
        }
    }
    let mut session = Session::open(card, key_set(out.0["keys 1"][0]), FULL);
    for sfi in [1, 2, 3, 4, 6, 9] {
        out.put(format!("file {sfi}"), session.send(card, [0x00, 0xB0, 0x80 + sfi, 0], &[]));
    }
    out.put("data DF22", session.send(card, [0, 0xCA, 0xDF, 0x22], &[]));
    for (sfi, count) in [(5, 32_u8), (7, 36), (8, 64)] {
        for number in 1..=count {
            if depth == Depth::All || number <= 4 || number == count {
                let answer = session.send(card, [0x00, 0xB2, number, (sfi << 3) | 4], &[]);
                out.put(format!("record {sfi}.{number}"), answer);
            }
        }
    }
    out
}

/// The receipt in an answer to LOAD VOUCHER, its code checked.
pub fn receipt(answer: &[u8]) -> Receipt {
    let receipt = Receipt::parse(&answer[1..]).unwrap();
    *receipt.verify(&mut SoftEngine, &single_key(receipt.key_version.byte()), SCOPE).unwrap().get()
}
