//! What the tests of terminal and meter share: a small memory, an issuer, and a card that does what section 11 says and no more.
// Long: what all modules here share, in one place.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

pub mod paper;

use std::cell::RefCell;
use std::rc::Rc;

use card_core::apdu::{Command, StatusWord};
use card_core::bytes::Buffer;
use card_core::calendar::Calendar;
use card_core::id::{
    Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Reference, Scope, State,
};
use card_core::key::{AesKey, KeyLength};
use card_core::layout::{CardSummary, CertificateAnswer, status};
use card_core::message::{
    BindingCertificate, Certificate, Envelope, Event, MailKeys, MeterReceipt, Month, Receipt, Slot, Voucher,
};
use card_core::meter::{
    History, MailRefusal, Meter, MeterError, MeterIdentity, MeterKeys, MeterState, Pair, Reading, Received,
    ReportKeys, Verdict, VersionedKey, Visit, VisitError,
};
use card_core::parameters::{KeyChange, NewKeys};
use card_core::platform::{Block, Engine, Memory, MemoryError, PAGE, PartialBlock, Random, RandomError};
use card_core::role::{Derivation, KeyVersion, Role};
use card_core::scp03::{CardHandshake, CardSession, KeySet, Mode};
use card_core::soft::SoftEngine;
use card_core::tariff::{EGYPT_2024_08, Head, Kind, Price, Slab, Tariff};
use card_core::terminal::exchange::Stored;
use card_core::units::{CardTime, Energy, Piastres};

pub const SCOPE: Scope = Scope { company: Company(0x0102), environment: Environment::Test };
pub const METER: MeterId = MeterId(*b"METER--1");
pub const CARD: CardRef = CardRef { id: card_core::id::CardId(*b"CARD---1"), generation: 1 };
pub const NOW: CardTime = CardTime(0x0C20_0000);

pub fn identity() -> MeterIdentity {
    MeterIdentity { id: METER, scope: SCOPE }
}

pub fn master(seed: u8) -> AesKey {
    AesKey::new(&[seed; 32]).unwrap()
}

/// Keys of versions 2 (current) and 1 (previous), by derivation from masters that the tests know.
pub fn meter_keys() -> MeterKeys {
    let e = &mut SoftEngine;
    let of = |version| Derivation::for_meter(SCOPE, version, METER, KeyLength::Aes256);
    let base = |v: u8| VersionedKey {
        version: KeyVersion::new(Role::MeterBase, v),
        key: of(KeyVersion::from_byte(0xA0 | v)).single(&mut SoftEngine, &master(v)).unwrap(),
    };
    let report = master(0x90);
    MeterKeys::new(
        Pair { current: base(2), previous: Some(base(1)) },
        Pair { current: credit_key(2), previous: Some(credit_key(1)) },
        Pair { current: parameter_keys(2), previous: Some(parameter_keys(1)) },
        ReportKeys {
            mail: of(KeyVersion::from_byte(0x91)).mail_keys(e, &report).unwrap(),
            receipt: of(KeyVersion::from_byte(0x91)).report_receipt_key(e, &report),
        },
        transport_key(),
    )
    .unwrap()
}

pub fn transport_key() -> VersionedKey {
    VersionedKey { version: KeyVersion::from_byte(0xB1), key: master(0xB1) }
}

pub fn credit_key(v: u8) -> VersionedKey {
    let version = 0x70 | v;
    let key = Derivation::for_meter(SCOPE, KeyVersion::from_byte(version), METER, KeyLength::Aes256);
    VersionedKey {
        version: KeyVersion::from_byte(version),
        key: key.single(&mut SoftEngine, &master(0x70 + v)).unwrap(),
    }
}

pub fn parameter_keys(v: u8) -> MailKeys {
    Derivation::for_meter(SCOPE, KeyVersion::from_byte(0x80 | v), METER, KeyLength::Aes256)
        .mail_keys(&mut SoftEngine, &master(0x80))
        .unwrap()
}

pub fn report_keys() -> ReportKeys {
    let of = Derivation::for_meter(SCOPE, KeyVersion::from_byte(0x91), METER, KeyLength::Aes256);
    ReportKeys {
        mail: of.mail_keys(&mut SoftEngine, &master(0x90)).unwrap(),
        receipt: of.report_receipt_key(&mut SoftEngine, &master(0x90)),
    }
}

/// The meter key set of a card, as the issuer derives it.
pub fn card_keys(version: u8, card: CardRef) -> KeySet {
    let v = version & 0x0F;
    let base = Derivation::for_meter(SCOPE, KeyVersion::from_byte(0xA0 | v), METER, KeyLength::Aes256);
    let base = base.single(&mut SoftEngine, &master(v)).unwrap();
    Derivation::for_card(SCOPE, KeyVersion::from_byte(version), card, KeyLength::Aes256)
        .key_set(&mut SoftEngine, &base)
        .unwrap()
}

/// A meter without a binding, with the published tariff, on a Friday: its supply is not cut for want of credit.
pub fn fresh() -> MeterState {
    MeterState::new(EGYPT_2024_08, Energy(1000), NOW)
}

/// A certificate of binding 1, generation 1, under the current credit key.
pub fn certificate(sequence: u32, credit: u64, debited: u64) -> Certificate {
    certificate_of(1, 1, sequence, credit, debited)
}

pub fn certificate_of(
    binding: u32,
    generation: u16,
    sequence: u32,
    credit: u64,
    debited: u64,
) -> Certificate {
    signed(Certificate {
        key_version: KeyVersion::from_byte(0x72),
        binding: Binding { meter: METER, number: binding },
        generation,
        sequence,
        total_credit: Piastres(credit),
        total_debited: Piastres(debited),
        known_credit: Piastres(0),
        known_debited: Piastres(0),
        issue_time: CardTime(0x0C00_0000 + sequence),
        mac: [0; 16],
    })
}

pub fn signed(certificate: Certificate) -> Certificate {
    let key = credit_key(certificate.key_version.master()).key;
    certificate.sign(&mut SoftEngine, &key, SCOPE)
}

pub fn binding_certificate(number: u32) -> BindingCertificate {
    binding_certificate_of(number, 7_000_000 + u64::from(number))
}

pub fn binding_certificate_of(number: u32, account: u64) -> BindingCertificate {
    BindingCertificate {
        key_version: KeyVersion::from_byte(0x72),
        binding: Binding { meter: METER, number },
        account,
        opening_time: CardTime(0x0B00_0000),
        mac: [0; 16],
    }
    .sign(&mut SoftEngine, &credit_key(2).key, SCOPE)
}

pub fn month(index: u16) -> Month {
    Month {
        index,
        flags: 0,
        slab: 1,
        energy: Energy(5),
        energy_charge: Piastres(9),
        re_rating: 0,
        service_fee: 0,
        levies: 0,
        others: 0,
        instalments: 0,
        doubt_cost: 0,
        tariff: 1,
        peak: 0,
    }
}

/// A voucher with a certificate, for [`CARD`].
pub fn voucher(certificate: Certificate) -> Voucher {
    Voucher {
        key_version: KeyVersion::from_byte(0x51),
        scope: SCOPE,
        card: CARD.id,
        channel: Channel::Network,
        reference: Reference(*b"REFERENC"),
        certificate,
        mac: [0; 16],
    }
    .sign(&mut SoftEngine, &master(0x51))
}

/// A memory that can lose power, with an engine and numbers that are not random. Clones are the same memory.
#[derive(Clone, Debug)]
pub struct Chip(Rc<RefCell<Ram>>);

#[derive(Debug)]
struct Ram {
    pages: Vec<[u8; PAGE]>,
    doubtful: Vec<bool>,
    /// Erases and programs until power fails, in the middle of one.
    left: Option<u32>,
    dead: bool,
    writes: u32,
    random: u8,
}

impl Chip {
    pub fn new() -> Self {
        let pages = usize::from(card_core::meter::MEMORY_PAGES);
        Self(Rc::new(RefCell::new(Ram {
            pages: vec![[0xFF; PAGE]; pages],
            doubtful: vec![false; pages],
            left: None,
            dead: false,
            writes: 0,
            random: 0,
        })))
    }

    /// Power fails in the middle of this many-th write from now on, counted from 0.
    pub fn cut_after(&self, writes: u32) {
        self.0.borrow_mut().left = Some(writes);
    }

    pub fn power_up(&self) {
        let mut ram = self.0.borrow_mut();
        ram.left = None;
        ram.dead = false;
    }

    pub fn is_dead(&self) -> bool {
        self.0.borrow().dead
    }

    pub fn writes(&self) -> u32 {
        self.0.borrow().writes
    }

    pub fn snapshot(&self) -> Vec<[u8; PAGE]> {
        self.0.borrow().pages.clone()
    }

    /// Memory as it was: what no power cut can do.
    pub fn restore(&self, pages: Vec<[u8; PAGE]>) {
        self.0.borrow_mut().pages = pages;
    }

    fn write(&self, page: u16, new: [u8; PAGE]) -> Result<(), MemoryError> {
        let mut ram = self.0.borrow_mut();
        let page = usize::from(page);
        if ram.dead {
            return Err(MemoryError::PowerLost);
        }
        if page >= ram.pages.len() {
            return Err(MemoryError::OutOfRange);
        }
        if ram.left == Some(0) {
            ram.dead = true;
            // Every other byte has changed.
            for (i, byte) in new.iter().enumerate().filter(|(i, _)| i % 2 == 0) {
                ram.pages[page][i] = *byte;
            }
            ram.doubtful[page] = true;
            return Err(MemoryError::PowerLost);
        }
        ram.left = ram.left.map(|left| left - 1);
        ram.writes += 1;
        ram.pages[page] = new;
        ram.doubtful[page] = false;
        Ok(())
    }
}

impl Memory for Chip {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        let ram = self.0.borrow();
        if ram.dead {
            return Err(MemoryError::PowerLost);
        }
        let bytes = ram.pages.get(usize::from(page)).ok_or(MemoryError::OutOfRange)?;
        out.copy_from_slice(bytes.get(offset..offset + out.len()).ok_or(MemoryError::OutOfRange)?);
        Ok(())
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.write(page, [0xFF; PAGE])
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        let old = *self.0.borrow().pages.get(usize::from(page)).ok_or(MemoryError::OutOfRange)?;
        self.write(page, std::array::from_fn(|i| old[i] & data[i]))
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        Ok(!*self.0.borrow().doubtful.get(usize::from(page)).ok_or(MemoryError::OutOfRange)?)
    }
}

impl Random for Chip {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        let mut ram = self.0.borrow_mut();
        ram.random = ram.random.wrapping_add(1);
        out.fill(ram.random);
        Ok(())
    }
}

impl Engine for Chip {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        SoftEngine.encrypt_block(key, block);
    }
    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.encrypt_cbc(key, iv, data)
    }
    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.decrypt_cbc(key, iv, data)
    }
    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        SoftEngine.cmac(key, message)
    }
}

/// A card at the meter. Its fields are for the tests to falsify.
pub struct FakeCard {
    pub answer: CertificateAnswer,
    pub binding: BindingCertificate,
    pub keys: KeySet,
    pub diversification: CardRef,
    pub mode: Mode,
    pub receipt: Option<MeterReceipt>,
    pub present: Option<Month>,
    pub months: Vec<Month>,
    pub events: Vec<Event>,
    pub letters: Vec<Envelope>,
    pub vouchers: Vec<Voucher>,
    /// Instruction bytes as they came in, of wrapped commands too.
    pub trace: Vec<u8>,
    /// Instructions that it refuses, but for those that open a session.
    pub refuses: Vec<u8>,
    /// What it answers to PUT HISTORY in place of the truth, keeping nothing.
    pub history_answer: Option<Stored>,
    /// How many months, and events, of each PUT HISTORY it keeps.
    pub keeps: usize,
    handshake: Option<CardHandshake>,
    session: Option<CardSession>,
}

impl FakeCard {
    pub fn new(certificate: Certificate) -> Self {
        Self::of(CARD, certificate)
    }

    pub fn of(card: CardRef, certificate: Certificate) -> Self {
        let summary = CardSummary { state: Some(State::Active), scope: SCOPE, card };
        Self {
            answer: CertificateAnswer {
                summary,
                expiry_time: CardTime::UNSET,
                certificate,
                settled_credit: Piastres::ZERO,
                settled_debited: Piastres::ZERO,
                report_number: 0,
                mail: [0; Slot::COUNT],
                last_month: Month::NO_INDEX,
                last_event: 0,
            },
            binding: binding_certificate(certificate.binding.number),
            keys: card_keys(0x32, card),
            diversification: card,
            mode: Mode::S8,
            receipt: None,
            present: None,
            months: Vec::new(),
            events: Vec::new(),
            letters: Vec::new(),
            vouchers: Vec::new(),
            trace: Vec::new(),
            refuses: Vec::new(),
            history_answer: None,
            keeps: usize::MAX,
            handshake: None,
            session: None,
        }
    }

    /// Takes a command and gives the response with its status word.
    pub fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let command = Command::parse(command).unwrap();
        self.trace.push(command.ins);
        let mut data = command.data.to_vec();
        let (out, word) =
            match command.ins {
                0xA4 => {
                    let fci = [
                        &[0x6F, 0x21, 0x84, 8][..],
                        &card_core::id::AID,
                        &[0xA5, 0x15, 0x9F, 0x65, 1, 0xFF, 0xC1, 0x0F],
                        &self.answer.summary.emit(),
                    ];
                    (fci.concat(), StatusWord::OK)
                }
                0x50 => self.initialize(&command),
                0x40 => match self.load(&data) {
                    Ok(out) => (out, StatusWord::OK),
                    Err(word) => (vec![], word),
                },
                0x82 => match self.handshake.take().map(|handshake| {
                    handshake.external_authenticate(&mut SoftEngine, command.header(), &data)
                }) {
                    Some(Ok(session)) => {
                        self.session = Some(session);
                        (vec![], StatusWord::OK)
                    }
                    Some(Err(error)) => (vec![], error.status()),
                    None => (vec![], StatusWord::CONDITIONS_OF_USE),
                },
                _ => {
                    let Some(mut session) = self.session.take() else {
                        return StatusWord::CONDITIONS_OF_USE.to_bytes().to_vec();
                    };
                    let length = session.unwrap(&mut SoftEngine, command.header(), &mut data).unwrap();
                    let (out, word) = self.inside(command.ins, command.p1, &data[..length]);
                    let mut buffer = Buffer::<256>::new();
                    buffer.put(&out).unwrap();
                    session.wrap(&mut SoftEngine, &mut buffer, word).unwrap();
                    self.session = Some(session);
                    (buffer.as_slice().to_vec(), word)
                }
            };
        [out, word.to_bytes().to_vec()].concat()
    }

    fn initialize(&mut self, command: &Command<'_>) -> (Vec<u8>, StatusWord) {
        assert_eq!(command.p1, 0x30);
        let made = CardHandshake::initialize_update(
            &mut SoftEngine,
            &self.keys,
            self.mode,
            command.data,
            &[0x5C; 16],
            &self.diversification.emit(),
        );
        match made {
            Ok((handshake, answer)) => {
                self.handshake = Some(handshake);
                (answer.as_slice().to_vec(), StatusWord::OK)
            }
            Err(_) => (vec![], StatusWord::WRONG_LENGTH),
        }
    }

    fn inside(&mut self, ins: u8, p1: u8, data: &[u8]) -> (Vec<u8>, StatusWord) {
        match self.obey(ins, p1, data) {
            Ok(out) => (out, StatusWord::OK),
            Err(word) => (vec![], word),
        }
    }

    fn obey(&mut self, ins: u8, p1: u8, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        if self.refuses.contains(&ins) {
            return Err(StatusWord::MEMORY_FAILURE);
        }
        match ins {
            0x4A if self.history_answer.is_some() => {
                let Stored { last_month, last_event } = self.history_answer.unwrap();
                Ok([&last_month.to_be_bytes()[..], &last_event.to_be_bytes()].concat())
            }
            0x46 if p1 == 1 => Ok(self.binding.emit().to_vec()),
            0x46 => Ok(self.answer.emit().to_vec()),
            0x48 => self.settle(data),
            0x4A => {
                let (months, events) = data[1..].split_at(Month::SIZE * usize::from(data[0]));
                let months = months.chunks(Month::SIZE).map(|bytes| Month::parse(bytes).unwrap());
                for month in months.take(self.keeps) {
                    if self.answer.last_month == Month::NO_INDEX || month.index > self.answer.last_month {
                        self.answer.last_month = month.index;
                        self.months.push(month);
                    }
                }
                self.take_events(events, self.keeps);
                let (month, event) = (self.answer.last_month, self.answer.last_event);
                Ok([&month.to_be_bytes()[..], &event.to_be_bytes()].concat())
            }
            0x4E => {
                let envelope = Envelope::parse(data).map_err(|_| StatusWord::WRONG_DATA)?;
                let version = &mut self.answer.mail[envelope.slot.index()];
                let outcome = match envelope.version.cmp(version) {
                    std::cmp::Ordering::Less => return Err(status::STALE),
                    std::cmp::Ordering::Equal => 2,
                    std::cmp::Ordering::Greater => 1,
                };
                *version = envelope.version;
                let answer = [&[outcome, envelope.slot.number()][..], &version.to_be_bytes()].concat();
                self.letters.push(envelope);
                Ok(answer)
            }
            0x44 => {
                let letter = self.letters.iter().find(|letter| letter.slot.number() == p1);
                Ok(letter.ok_or(StatusWord::DATA_NOT_FOUND)?.as_bytes().to_vec())
            }
            _ => Err(StatusWord::INSTRUCTION_NOT_SUPPORTED),
        }
    }

    /// LOAD VOUCHER, for which the code of the load key is not looked at here.
    fn load(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        if self.refuses.contains(&0x40) {
            return Err(StatusWord::MEMORY_FAILURE);
        }
        let voucher = Voucher::parse(data).map_err(|_| StatusWord::WRONG_DATA)?;
        let card = self.answer.summary.card;
        if voucher.card != card.id {
            return Err(status::OTHER_CARD);
        }
        let held = self.answer.certificate;
        if voucher.certificate.binding != held.binding {
            return Err(status::OTHER_BINDING);
        }
        let outcome = match voucher.certificate.sequence.cmp(&held.sequence) {
            std::cmp::Ordering::Less => 3,
            std::cmp::Ordering::Equal => 2,
            std::cmp::Ordering::Greater => {
                self.answer.certificate = voucher.certificate;
                self.vouchers.push(voucher);
                1
            }
        };
        let now = self.answer.certificate;
        let receipt = Receipt {
            key_version: KeyVersion::from_byte(0x61),
            card,
            binding: now.binding,
            sequence: now.sequence,
            total_credit: now.total_credit,
            total_debited: now.total_debited,
            settled_credit: self.answer.settled_credit,
            settled_debited: self.answer.settled_debited,
            loads: self.vouchers.len() as u32,
            state: State::Active,
            mac: [0; 16],
        };
        Ok([&[outcome][..], &receipt.emit()].concat())
    }

    fn take_events(&mut self, bytes: &[u8], at_most: usize) {
        for event in bytes.chunks(16).map(|bytes| Event::parse(bytes).unwrap()).take(at_most) {
            if event.number > self.answer.last_event {
                self.answer.last_event = event.number;
                self.events.push(event);
            }
        }
    }

    fn settle(&mut self, data: &[u8]) -> Result<Vec<u8>, StatusWord> {
        assert_eq!(data[0], 1);
        let receipt = MeterReceipt::parse(&data[1..69]).map_err(|_| StatusWord::WRONG_DATA)?;
        assert_eq!(data.len(), 114 + 16 * usize::from(data[113]));
        if receipt.binding != self.answer.binding() {
            return Err(status::OTHER_BINDING);
        }
        if receipt.number <= self.answer.report_number {
            return Err(status::STALE);
        }
        if receipt.applied_credit < self.answer.settled_credit
            || receipt.applied_debited < self.answer.settled_debited
        {
            return Err(status::BELOW_SETTLED);
        }
        self.answer.settled_credit = receipt.applied_credit;
        self.answer.settled_debited = receipt.applied_debited;
        self.answer.report_number = receipt.number;
        self.receipt = Some(receipt);
        self.present = Some(Month::parse(&data[69..113]).unwrap());
        self.take_events(&data[114..], usize::MAX);
        let (month, event) = (self.answer.last_month.to_be_bytes(), self.answer.last_event.to_be_bytes());
        Ok([&month[..], &event].concat())
    }
}

// ---- the meter's engine

/// A clock that never stopped, and counts the seconds as well, shows this.
pub fn shows(clock: CardTime) -> Reading {
    clock.into()
}

/// A moment of local time in Cairo's summer; days count from 2020-01-01.
pub const fn local(day: u32, hour: u32, minute: u32) -> CardTime {
    CardTime(day * 86_400 + hour * 3_600 + minute * 60 - 3 * 3_600)
}

/// Friday, 2026-06-12: the day of [`NOW`].
pub const FRIDAY: u32 = 2354;

/// The month of [`NOW`], June 2026.
pub const JUNE: u16 = 77;

/// The first instant of the month with this index.
pub fn begin_of(index: u16) -> CardTime {
    Calendar::EGYPT.month_begins(index).unwrap()
}

/// A meter with binding 1 open since [`NOW`], where that much credit was applied.
pub fn bound(chip: &Chip, credit: u64) -> Meter<Chip> {
    bound_from(chip, &fresh(), credit)
}

pub fn bound_from(chip: &Chip, fresh: &MeterState, credit: u64) -> Meter<Chip> {
    let mut meter = Meter::install(chip.clone(), identity(), meter_keys(), fresh).unwrap();
    let binding = binding_certificate(1);
    let first = certificate(1, credit, 0);
    let decision = meter.take_certificate(shows(fresh.clock.time), &first, Some(&binding)).unwrap();
    assert!(matches!(decision.verdict, Verdict::Apply { .. }));
    meter
}

/// The meter after a loss of power.
pub fn again(chip: &Chip) -> Meter<Chip> {
    chip.power_up();
    Meter::power_up(chip.clone()).unwrap()
}

/// More credit, over the network.
pub fn certify(meter: &mut Meter<Chip>, at: CardTime, credit: u64, debited: u64) {
    let sequence = meter.state().sequence + 1;
    let certificate = signed(Certificate { issue_time: at, ..certificate(sequence, credit, debited) });
    let decision = meter.take_certificate(shows(at), &certificate, None).unwrap();
    assert!(matches!(decision.verdict, Verdict::Apply { .. }));
}

/// A card of the meter's binding with nothing new on it is inserted.
pub fn insert_again(meter: &mut Meter<Chip>, at: CardTime) {
    let (credit, debited) = (meter.state().applied_credit, meter.state().applied_debited);
    let shown = certificate(meter.state().sequence, credit.0, debited.0);
    let mut card = FakeCard::new(shown);
    let visit = visit_at(meter, &mut card, at).0.unwrap();
    assert_eq!(visit.verdict(), Some(Verdict::Nothing));
}

/// The customer asks for a loan: the card is inserted twice.
pub fn ask_for_loan(meter: &mut Meter<Chip>, at: CardTime) {
    insert_again(meter, at);
    insert_again(meter, at);
}

/// A whole visit.
pub fn visit_at(
    meter: &mut Meter<Chip>,
    card: &mut FakeCard,
    at: CardTime,
) -> (Result<Visit, VisitError>, Vec<Received>) {
    let mut mail = vec![];
    let (mut visit, mut command) = Visit::begin(shows(at)).unwrap();
    for _ in 0..80 {
        let step = visit.respond(meter, &card.transmit(command.as_slice()));
        mail.extend(visit.take_received());
        match step {
            Ok(Some(next)) => command = next,
            Ok(None) => return (Ok(visit), mail),
            Err(error) => return (Err(error), mail),
        }
    }
    panic!("the visit does not end")
}

pub fn slot(number: u8) -> Slot {
    Slot::new(number).unwrap()
}

/// Mail of the issuer to binding 1.
pub fn letter(number: u8, version: u32, plaintext: &[u8]) -> Envelope {
    letter_of(1, number, version, plaintext)
}

fn letter_of(binding: u32, number: u8, version: u32, plaintext: &[u8]) -> Envelope {
    let binding = Binding { meter: METER, number: binding };
    Envelope::seal(&mut SoftEngine, &parameter_keys(2), SCOPE, binding, slot(number), version, plaintext)
        .unwrap()
}

/// The next mail in a slot arrives, with a card or over the network.
pub fn give_by(
    meter: &mut Meter<Chip>,
    at: CardTime,
    carrier: Option<CardId>,
    number: u8,
    plaintext: &[u8],
) -> Result<(), MailRefusal> {
    let state = meter.state();
    let mail = letter_of(state.binding, number, state.inbox.version(slot(number)) + 1, plaintext);
    meter.receive(shows(at), carrier, &mail).unwrap().result
}

pub fn give(meter: &mut Meter<Chip>, at: CardTime, number: u8, plaintext: &[u8]) {
    assert_eq!(give_by(meter, at, None, number, plaintext), Ok(()));
}

/// A command for [`CARD`], which brings it.
pub fn command(counter: u32, kind: u8, value: u32) -> card_core::parameters::Command {
    let action = card_core::parameters::Action::of(kind, value);
    card_core::parameters::Command { counter, expiry: CardTime::UNSET, card: Some(CARD.id), action }
}

pub fn order(
    meter: &mut Meter<Chip>,
    at: CardTime,
    command: &card_core::parameters::Command,
) -> Result<(), MailRefusal> {
    give_by(meter, at, Some(CARD.id), 5, &command.emit())
}

/// All events that are kept with a number above `after`.
pub fn events(meter: &mut Meter<Chip>, after: u32) -> Vec<Event> {
    meter.events::<{ History::EVENTS as usize }>(after).unwrap().into_iter().flatten().collect()
}

/// Code and data of the events with a number above `after`.
pub fn told(meter: &mut Meter<Chip>, after: u32) -> Vec<(u16, [u8; 6])> {
    events(meter, after).into_iter().map(|event| (event.code, event.data)).collect()
}

pub fn last_event(meter: &Meter<Chip>) -> u32 {
    meter.state().history.last_event()
}

/// Leaves that many events and changes nothing else but the version of slot 0A: keys come that the meter has already.
pub fn make_events(meter: &mut Meter<Chip>, at: CardTime, count: u32) {
    let before = last_event(meter);
    let (VersionedKey { version, key }, transport) = (credit_key(2), transport_key());
    let keys = NewKeys::new(version, [Some(key), None, None]).unwrap();
    let change = KeyChange::seal(&mut SoftEngine, transport.version, &transport.key, SCOPE, &keys).unwrap();
    for _ in 0..count {
        give(meter, at, 0x0A, change.emit().as_slice());
    }
    assert_eq!(last_event(meter), before + count);
}

/// All closed months that are kept.
pub fn months(meter: &mut Meter<Chip>) -> Vec<Month> {
    meter.months::<36>(0).unwrap().into_iter().flatten().collect()
}

/// Time passes, by steps that are believed.
pub fn pass(meter: &mut Meter<Chip>, to: CardTime) {
    let from = meter.state().clock.time;
    for time in (from.0..to.0).step_by(20 * 86_400).chain([to.0]) {
        meter.tick(shows(CardTime(time))).unwrap();
    }
    assert_eq!(meter.state().clock.time, to);
}

/// Money of the binding adds up (docs/meter.md, section 1). To be asked as long as no month has been forgotten.
pub fn adds_up(meter: &mut Meter<Chip>) {
    let month = |month: &Month| month.energy_charge.0 as i64 + month.fees().0;
    let closed: i64 = months(meter).iter().map(month).sum();
    let state = meter.state();
    let spent = closed + (state.running.energy_charge().0 + state.debts.paid.0) as i64;
    let applied = state.applied_credit.0 as i64 - state.applied_debited.0 as i64;
    assert_eq!(state.balance.0, applied - spent, "money does not add up");
}

/// The one tariff of these tests that is not published: one price in piastres per kWh, a fee each month in piastres.
pub fn flat(version: u32, start: CardTime, piastres: u32, fee: u32) -> Tariff {
    let slab = Slab { bound: None, price: Price(piastres * 1000), restart: false, fee };
    let head = Head { version, start, kind: Kind::Residential, zero_fee: fee };
    Tariff::new(head, &[slab], &[]).unwrap()
}

/// Does `act` with a power cut at every write: what is found again is one of the states that it leads through without one
/// (`stages`, the old one and the new one where it is 2), events and months are those of that state, and `act` can be repeated.
pub fn cut_everywhere(
    stages: usize,
    set_up: impl Fn(&Chip) -> Meter<Chip>,
    act: impl Fn(&mut Meter<Chip>) -> Result<(), MeterError>,
) {
    let begin = || {
        let chip = Chip::new();
        let mut meter = set_up(&chip);
        meter.save().unwrap();
        (chip, meter)
    };
    let whole = |meter: &mut Meter<Chip>| {
        (meter.state().clone(), events(meter, 0), months(meter), meter.charges().unwrap())
    };
    let (chip, mut meter) = begin();
    let old = whole(&mut meter);
    act(&mut meter).unwrap();
    meter.save().unwrap();
    let new = whole(&mut again(&chip));
    assert!(old.0 != new.0);
    let mut seen = vec![old.clone()];
    for writes in 0.. {
        let (chip, mut meter) = begin();
        chip.cut_after(writes);
        let result = act(&mut meter);
        if !chip.is_dead() {
            result.unwrap();
            break;
        }
        assert!(result.is_err());
        assert_eq!(meter.tick(shows(NOW)), Err(MeterError::PowerUpFirst));
        let mut meter = again(&chip);
        let found = whole(&mut meter);
        if seen.last() != Some(&found) {
            seen.push(found.clone());
        }
        assert!(found == whole(&mut again(&chip)), "what was found after a cut at write {writes} stays");
        let mut meter = again(&chip);
        // Power was away for no time.
        meter.tick(shows(meter.state().clock.time)).unwrap();
        act(&mut meter).unwrap();
        meter.save().unwrap();
        assert!(whole(&mut meter) == new, "repeated after a cut at write {writes}");
    }
    // The last write leads to the new state: a cut after it is none of the ones above.
    if seen.last() != Some(&new) {
        seen.push(new);
    }
    assert_eq!(seen.len(), stages);
}
