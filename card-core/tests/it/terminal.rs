//! The terminal's side: what a card may answer, and what is made of it.
// Long: each answer of a card, and what is made of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::apdu::{Command, StatusWord};
use card_core::bytes::Buffer;
use card_core::id::{AID, CardId, CardRef, Channel, Company, Environment, Reference, Scope, State};
use card_core::layout::{CardSummary, Identity, PublicStatus, PurseFile, status};
use card_core::message::{
    Delivery, Envelope, Event, LoadRecord, MeterFlags, MeterReceipt, Receipt, Slot, Voucher,
};
use card_core::role::{KeyVersion, Role};
use card_core::scp03::host::{HandshakeError, SessionError};
use card_core::scp03::{CardHandshake, CardSession, KeySet, Mode, SecurityLevel};
use card_core::soft::SoftEngine;
use card_core::terminal::exchange::{ExchangeError, History, Settlement, Stored, WrongCount, meter_session};
use card_core::terminal::load::{self, LoadOutcome, Misfit, fits, mail_fits};
use card_core::terminal::select::{SelectError, select, selected};
use card_core::terminal::session::{OpenError, Opening, Session};
use card_core::terminal::{Request, RequestError};
use card_core::terminal::{issue, read};
use card_core::units::{Balance, CardTime, Energy, Piastres};
use hex_literal::hex;
use proptest::prelude::*;

const OK: [u8; 2] = [0x90, 0];

fn answer(data: &[u8]) -> Vec<u8> {
    [data, &OK].concat()
}

fn command<T>(request: &Request<'_, T>) -> Vec<u8> {
    request.command().emit().unwrap().as_slice().to_vec()
}

// ---- SELECT

fn fci(summary: &[u8]) -> Vec<u8> {
    let head = [&hex!("6F21 8408")[..], &AID, &hex!("A515 9F6501FF C10F")].concat();
    [&head, summary, &OK].concat()
}

#[test]
fn select_tells_which_card_it_is() {
    assert_eq!(select().emit().unwrap().as_slice(), hex!("00A40400 08 F04547454C454301 00"));
    let summary = CardSummary { state: Some(State::Active), scope: SCOPE, card: CARD };
    assert_eq!(selected(&fci(&summary.emit())), Ok(summary));
}

#[test]
fn what_is_no_card_of_ours() {
    let summary = CardSummary { state: Some(State::Active), scope: SCOPE, card: CARD }.emit();
    for word in [0x6A82_u16, 0x6D00, 0x6E00, 0x6A81, 0x6A86] {
        assert_eq!(selected(&word.to_be_bytes()), Err(SelectError::NotOurs));
    }
    assert_eq!(selected(&[0x65, 0x81]), Err(SelectError::Refused(StatusWord::MEMORY_FAILURE)));
    let mut other = fci(&summary);
    other[11] ^= 1;
    assert_eq!(selected(&other), Err(SelectError::NotOurs));
    let mut layout = summary;
    layout[0] = 2;
    assert_eq!(selected(&fci(&layout)), Err(SelectError::UnknownLayout(2)));
    let mut failed = summary;
    failed[1] = 0;
    assert_eq!(selected(&fci(&failed)), Err(SelectError::MemoryFailed { card: CARD.id }));
    let mut state = summary;
    state[1] = 6;
    assert_eq!(selected(&fci(&state)), Err(SelectError::Malformed));
    assert_eq!(selected(&[]), Err(SelectError::Malformed));
    assert_eq!(selected(&OK), Err(SelectError::NotOurs));
    let whole = fci(&summary);
    for cut in 1..whole.len() - 2 {
        assert!(selected(&answer(&whole[..cut])).is_err(), "{cut}");
    }
    let behind = [&whole[..whole.len() - 2], &[0x6F], &OK].concat();
    assert_eq!(selected(&behind), Err(SelectError::Malformed));
}

// ---- reading

#[test]
fn public_reading() {
    let identity = Identity {
        card: CARD,
        scope: SCOPE,
        scp_i: 0x60,
        flags: 0,
        issue_time: CardTime(5),
        expiry_time: CardTime::UNSET,
    };
    assert_eq!(command(&read::identity()), hex!("00B08100 00"));
    assert_eq!(read::identity().response(&answer(&identity.emit())), Ok(identity));
    let shown = PublicStatus { state: Some(State::Blocked), balances: None };
    assert_eq!(command(&read::public_status()), hex!("00CADF21 00"));
    let object = [&hex!("DF2120")[..], &shown.emit()].concat();
    assert_eq!(read::public_status().response(&answer(&object)), Ok(shown));
    assert_eq!(read::public_status().response(&answer(&shown.emit())), Err(RequestError::Malformed));
}

#[test]
fn files_and_records() {
    let purse = PurseFile {
        certificate: certificate(5, 100, 2),
        settled_credit: Piastres(50),
        settled_debited: Piastres(1),
        loads: 3,
        state: State::Active,
        activated: true,
    };
    assert_eq!(command(&read::purse()), hex!("00B08400 00"));
    assert_eq!(read::purse().response(&answer(&purse.emit())), Ok(purse));
    assert_eq!(command(&read::profile()), hex!("00B08200 00"));
    assert_eq!(read::profile().response(&answer(&[7; 96])), Ok([7; 96]));
    assert_eq!(read::profile().response(&answer(&[7; 97])), Err(RequestError::Malformed));
    assert_eq!(read::binding().response(&answer(&binding_certificate(4).emit())), Ok(binding_certificate(4)));
    let mut directory = [0; 64];
    directory[63] = 9;
    let account = [&binding_certificate(4).emit()[..], &purse.emit(), &directory].concat();
    assert_eq!(command(&read::account()), hex!("00B08A00 00"));
    let read = read::account().response(&answer(&account)).unwrap();
    assert_eq!((read.binding, read.purse, read.mail[15]), (binding_certificate(4), purse, 9));
    for wrong in [&account[..199], &[&account[..], &[0]].concat()] {
        assert_eq!(read::account().response(&answer(wrong)), Err(RequestError::Malformed));
    }
    assert_eq!(read::meter().response(&answer(&[0; 112])), Ok(None));
    assert_eq!(read::meter().response(&answer(&[0; 111])), Err(RequestError::Malformed));
    let file = [&receipt_of_meter().emit()[..], &month(7).emit()].concat();
    let meter = read::meter().response(&answer(&file)).unwrap().unwrap();
    assert_eq!((meter.receipt, meter.month), (receipt_of_meter(), month(7)));

    let record = LoadRecord {
        number: 9,
        time: CardTime(1),
        channel: Channel::Kiosk,
        reference: Reference([3; 8]),
        sequence: 5,
        credited: Piastres(1),
        debited: Piastres(2),
        total_credit: Piastres(3),
    };
    assert_eq!(command(&read::loads(2)), hex!("00B2022D 00"));
    let two = [record.emit(), LoadRecord { number: 8, ..record }.emit()].concat();
    let loads = read::loads(2).response(&answer(&two)).unwrap().map(|load| load.map(|load| load.number));
    assert_eq!(loads, [Some(9), Some(8), None, None, None, None]);
    for wrong in [&two[..77], &[], &[&two[..]; 4].concat()] {
        assert_eq!(read::loads(2).response(&answer(wrong)), Err(RequestError::Malformed));
    }
    assert_eq!(command(&read::months(1)), hex!("00B2013D 00"));
    let months = read::months(1).response(&answer(&[month(7).emit(); 5].concat()));
    assert_eq!(months, Ok([Some(month(7)); 5]));
    assert_eq!(command(&read::events(64)), hex!("00B24045 00"));
    let absent = read::months(36).response(&[0x6A, 0x83]).unwrap_err();
    assert!(absent.is_absent());
    assert!(!RequestError::Refused(StatusWord::SECURITY_STATUS).is_absent());
}

fn receipt_of_meter() -> MeterReceipt {
    MeterReceipt {
        key_version: KeyVersion::from_byte(0x91),
        binding: binding_certificate(1).binding,
        number: 2,
        time: NOW,
        applied_credit: Piastres(7),
        applied_debited: Piastres(8),
        balance: Balance(-1),
        energy: Energy(4),
        flags: MeterFlags::LOW_CREDIT,
        mac: [1; 16],
    }
}

// ---- loading

fn voucher() -> Voucher {
    Voucher {
        key_version: KeyVersion::from_byte(0x51),
        scope: SCOPE,
        card: CARD.id,
        channel: Channel::Wallet,
        reference: Reference([1; 8]),
        certificate: certificate(6, 200, 0),
        mac: [0; 16],
    }
}

fn card_receipt() -> Receipt {
    Receipt {
        key_version: KeyVersion::from_byte(0x61),
        card: CARD,
        binding: binding_certificate(1).binding,
        sequence: 6,
        total_credit: Piastres(200),
        total_debited: Piastres(0),
        settled_credit: Piastres(100),
        settled_debited: Piastres(0),
        loads: 4,
        state: State::Active,
        mac: [2; 16],
    }
}

#[test]
fn a_voucher_is_checked_before_it_is_sent() {
    let there = CardSummary { state: Some(State::Active), scope: SCOPE, card: CARD };
    assert_eq!(fits(&voucher(), &there), Ok(()));
    let production = Scope { environment: Environment::Production, ..SCOPE };
    let other = CardRef { id: CardId(*b"CARD---9"), ..CARD };
    let newer = CardRef { generation: 2, ..CARD };
    for (card, misfit) in [
        (CardSummary { scope: Scope { company: Company(9), ..production }, ..there }, Misfit::OtherCompany),
        (CardSummary { scope: production, card: other, ..there }, Misfit::OtherEnvironment),
        (
            CardSummary { card: other, state: Some(State::Blocked), ..there },
            Misfit::OtherCard { expected: CARD.id, present: other.id },
        ),
        (CardSummary { card: newer, ..there }, Misfit::OtherGeneration { expected: 1, present: 2 }),
        (CardSummary { state: Some(State::Blank), ..there }, Misfit::State(Some(State::Blank))),
        (CardSummary { state: Some(State::Blocked), ..there }, Misfit::State(Some(State::Blocked))),
        (CardSummary { state: Some(State::Terminated), ..there }, Misfit::State(Some(State::Terminated))),
        (CardSummary { state: None, ..there }, Misfit::State(None)),
        (CardSummary { state: Some(State::Personalised), ..there }, Misfit::NotActivated),
    ] {
        assert_eq!(fits(&voucher(), &card), Err(misfit));
        assert!(!misfit.to_string().is_empty());
    }
    let first = Voucher { channel: Channel::Branch, ..voucher() };
    assert_eq!(fits(&first, &CardSummary { state: Some(State::Personalised), ..there }), Ok(()));
}

#[test]
fn outcomes_of_a_load() {
    let bytes = voucher().emit();
    let request = load::load_voucher(&bytes);
    assert_eq!(command(&request)[..5], hex!("80400000 6E"));
    assert_eq!(command(&request).len(), 5 + 110 + 1);
    for (code, outcome) in [
        (1, LoadOutcome::Loaded),
        (2, LoadOutcome::AlreadyLoaded),
        (3, LoadOutcome::Older),
        (4, LoadOutcome::Refreshed),
    ] {
        let data = [&[code][..], &card_receipt().emit()].concat();
        let answer = request.response(&answer(&data)).unwrap();
        assert_eq!((answer.outcome, answer.receipt), (outcome, card_receipt()));
    }
    let unknown = [&[5][..], &card_receipt().emit()].concat();
    assert_eq!(request.response(&answer(&unknown)), Err(RequestError::Malformed));
    assert_eq!(request.response(&OK), Err(RequestError::Malformed));
    let refused = request.response(&[0x94, 0x01]).unwrap_err();
    assert_eq!(refused, RequestError::Refused(status::OTHER_CARD));
    assert!(refused.to_string().contains("use the card that it was issued for"));
}

#[test]
fn mail_to_and_from_the_card() {
    let slot = Slot::new(3).unwrap();
    let binding = binding_certificate(1).binding;
    let letter = Envelope::seal(&mut SoftEngine, &parameter_keys(2), SCOPE, binding, slot, 4, b"x").unwrap();
    let delivery =
        Delivery::make(&mut SoftEngine, &master(9), KeyVersion::from_byte(0x51), SCOPE, CARD.id, &letter)
            .unwrap();
    let request = load::put_mail(delivery.as_slice());
    assert_eq!(command(&request)[..4], hex!("80420000"));
    let stored = request.response(&answer(&hex!("01 03 00000004"))).unwrap();
    assert_eq!((stored.stored, stored.slot, stored.version), (true, slot, 4));
    assert!(!request.response(&answer(&hex!("02 03 00000004"))).unwrap().stored);
    for wrong in [
        &hex!("03 03 00000004")[..],
        &hex!("01 0C 00000004"),
        &hex!("01 03 000004"),
        &hex!("01 03 0000000400"),
    ] {
        assert_eq!(request.response(&answer(wrong)), Err(RequestError::Malformed));
    }
    assert_eq!(request.response(&[0x94, 0x0A]).map(drop), Err(RequestError::Refused(status::STALE)));

    let request = load::get_mail(slot);
    assert_eq!(command(&request), hex!("80440300 00"));
    assert_eq!(request.response(&answer(letter.as_bytes())).unwrap().as_bytes(), letter.as_bytes());
    assert!(request.response(&[0x6A, 0x88]).unwrap_err().is_absent());

    let there = CardSummary { state: Some(State::Active), scope: SCOPE, card: CARD };
    let parsed = Delivery::parse(delivery.as_slice()).unwrap();
    assert_eq!(mail_fits(&parsed, &there), Ok(()));
    // Mail, unlike credit, is for the chip in every generation, and may come before the first charge.
    let newer = CardRef { generation: 2, ..CARD };
    assert_eq!(
        mail_fits(&parsed, &CardSummary { state: Some(State::Personalised), card: newer, ..there }),
        Ok(())
    );
    let blocked = CardSummary { state: Some(State::Blocked), ..there };
    assert_eq!(mail_fits(&parsed, &blocked), Err(Misfit::State(Some(State::Blocked))));
}

// ---- sessions

fn keys(version: u8) -> KeySet {
    KeySet::new(KeyVersion::from_byte(version), master(1), master(2), master(3)).unwrap()
}

fn card_side(opening: &Opening, version: u8, mode: Mode) -> (CardHandshake, Vec<u8>) {
    let data = opening.command().data.to_vec();
    let (card, out) = CardHandshake::initialize_update(
        &mut SoftEngine,
        &keys(version),
        mode,
        &data,
        &[0x77; 16],
        &CARD.emit(),
    )
    .unwrap();
    (card, answer(out.as_slice()))
}

fn open(version: u8, level: SecurityLevel) -> (Session, CardSession) {
    let opening =
        Opening::new(&mut Chip::new(), Mode::S8, KeyVersion::from_byte(version & 0xF0), level).unwrap();
    let (card, response) = card_side(&opening, version, Mode::S8);
    let challenged = opening.challenged(&response).unwrap();
    assert_eq!((challenged.card(), challenged.key_version().byte()), (CARD, version));
    let (pending, command) = challenged.authenticate(&mut SoftEngine, &keys(version)).unwrap();
    let command = Command::parse(command.as_slice()).unwrap();
    let card = card.external_authenticate(&mut SoftEngine, command.header(), command.data).unwrap();
    (pending.opened(&OK).unwrap(), card)
}

/// Lets the card answer `data` and `word`.
fn respond(card: &mut CardSession, command: &[u8], data: &[u8], word: StatusWord) -> Vec<u8> {
    let command = Command::parse(command).unwrap();
    let mut received = command.data.to_vec();
    card.unwrap(&mut SoftEngine, command.header(), &mut received).unwrap();
    let mut out = Buffer::<256>::new();
    out.put(data).unwrap();
    card.wrap(&mut SoftEngine, &mut out, word).unwrap();
    [out.as_slice(), &word.to_bytes()].concat()
}

#[test]
fn the_version_is_the_cards_choice_where_it_is_left_to_it() {
    let ask = |p1, reported| {
        let opening = Opening::new(&mut Chip::new(), Mode::S8, p1, SecurityLevel::Full).unwrap();
        let (_, response) = card_side(&opening, reported, Mode::S8);
        opening.challenged(&response).map(|challenged| challenged.key_version().byte())
    };
    assert_eq!(ask(KeyVersion::from_byte(0x30), 0x3A), Ok(0x3A));
    assert_eq!(ask(KeyVersion::from_byte(0x00), 0x21), Ok(0x21));
    assert_eq!(ask(KeyVersion::from_byte(0x31), 0x31), Ok(0x31));
    for (p1, reported) in [(0x31, 0x32), (0x30, 0x21), (0x30, 0x03), (0x01, 0x02)] {
        let wrong = HandshakeError::WrongKeyVersion {
            expected: KeyVersion::from_byte(p1),
            reported: KeyVersion::from_byte(reported),
        };
        assert_eq!(ask(KeyVersion::from_byte(p1), reported), Err(OpenError::Handshake(wrong)), "{p1:02X}");
    }
}

#[test]
fn why_a_session_is_not_opened() {
    let refused = |word: u16| {
        let opening =
            Opening::new(&mut Chip::new(), Mode::S16, KeyVersion::from_byte(0x40), SecurityLevel::Full)
                .unwrap();
        assert_eq!(opening.command().data.len(), 16);
        opening.challenged(&word.to_be_bytes()).unwrap_err()
    };
    for word in [0x6700, 0x6A88, 0x6985, 0x6F00] {
        assert_eq!(refused(word).status(), Some(StatusWord(word)));
    }
    assert_eq!(refused(0x6700), OpenError::OtherMode(Mode::S8));
    assert_eq!(refused(0x6A88), OpenError::NoSuchKeys);
    assert_eq!(refused(0x6985), OpenError::NotInThisState);
    assert_eq!(refused(0x6F00), OpenError::Handshake(HandshakeError::Refused(StatusWord::UNKNOWN)));

    let opening =
        Opening::new(&mut Chip::new(), Mode::S8, KeyVersion::from_byte(0x41), SecurityLevel::Full).unwrap();
    let (_, response) = card_side(&opening, 0x41, Mode::S8);
    let wrong = KeySet::new(KeyVersion::from_byte(0x41), master(1), master(4), master(3)).unwrap();
    let error = opening.challenged(&response).unwrap().authenticate(&mut SoftEngine, &wrong).map(drop);
    assert_eq!(error, Err(OpenError::Handshake(HandshakeError::WrongCryptogram)));
    assert_eq!(error.unwrap_err().status(), None);

    let opening =
        Opening::new(&mut Chip::new(), Mode::S8, KeyVersion::from_byte(0x41), SecurityLevel::Full).unwrap();
    let (_, response) = card_side(&opening, 0x41, Mode::S8);
    let (pending, _) =
        opening.challenged(&response).unwrap().authenticate(&mut SoftEngine, &keys(0x41)).unwrap();
    let error = pending.opened(&[0x63, 0]).unwrap_err();
    assert_eq!((error, error.status()), (OpenError::HostRefused, Some(StatusWord(0x6300))));
}

#[test]
fn keys_that_are_elsewhere() {
    let begin = || {
        let opening =
            Opening::new(&mut Chip::new(), Mode::S8, KeyVersion::from_byte(0x11), SecurityLevel::Full)
                .unwrap();
        let (card, response) = card_side(&opening, 0x11, Mode::S8);
        (opening.challenged(&response).unwrap(), card)
    };
    let (challenged, card) = begin();
    let answered = challenged.authenticate_by(|challenge, level| {
        assert_eq!(challenge.key_version(), KeyVersion::from_byte(0x11));
        challenge.authenticate(&mut SoftEngine, &keys(0x11), level)
    });
    let (pending, command) = answered.unwrap();
    let command = Command::parse(command.as_slice()).unwrap();
    card.external_authenticate(&mut SoftEngine, command.header(), command.data).unwrap();
    let mut session = pending.opened(&OK).unwrap();
    assert_eq!((session.role(), session.host().level()), (Some(Role::Admin), Some(SecurityLevel::Full)));
    session.end();
    assert_eq!(session.level(), None);
    assert_eq!(begin().0.authenticate_by(|_, _| Err("no such card")).map(drop), Err("no such card"));
}

#[test]
fn what_an_issuer_does_to_a_card() {
    let data = issue::CardData {
        scope: SCOPE,
        generation: 2,
        mode: Mode::S16,
        flags: 1,
        issue_time: CardTime(0x0102_0304),
        expiry_time: CardTime::UNSET,
        profile: [7; 96],
    };
    let head =
        [&SCOPE.company.0.to_be_bytes()[..], &[SCOPE.environment.code()], &hex!("0002 10 01 01020304")];
    let head = [&head.concat()[..], &CardTime::UNSET.0.to_be_bytes()].concat();
    assert_eq!(data.emit().to_vec(), [&head[..], &[7; 96]].concat());
    let emitted = data.emit();
    let request = issue::store_data(&emitted);
    assert_eq!(command(&request), [&hex!("80E20000 6F")[..], &emitted, &[0]].concat());
    assert_eq!(request.response(&OK), Ok(()));
    assert_eq!(request.response(&answer(&[1])), Err(RequestError::Malformed));

    let request = issue::put_key(KeyVersion::from_byte(0x11), Role::Admin, &[9; 3]);
    assert_eq!(command(&request), hex!("80D81181 03 090909 00"));
    assert_eq!(request.response(&answer(&[5; 10])).unwrap().as_slice(), [5; 10]);
    assert_eq!(request.response(&answer(&[5; 11])).unwrap_err(), RequestError::Malformed);
    for role in [Role::Load, Role::Receipt] {
        assert_eq!(command(&issue::put_key(KeyVersion::from_byte(0), role, &[9])), hex!("80D80001 01 09 00"));
    }

    let (binding, certificate) = (binding_certificate(4), certificate(5, 100, 2));
    // Of PUT KEY's data without types and lengths.
    let set = |length: usize| {
        let one =
            |n: u8| [&[0x88, length as u8 + 1, length as u8][..], &vec![n; length], &[3, n, n, n]].concat();
        [&[0x31][..], &one(7), &one(8), &one(9)].concat()
    };
    let plain = |length: usize| {
        [&[0x31][..], &vec![7; length + 3], &vec![8; length + 3], &vec![9; length + 3]].concat()
    };
    assert_eq!(set(32).len(), issue::MAX_KEY_SET);
    for (length, head) in [(16, hex!("80520000 AC")), (32, hex!("80520000 DC"))] {
        let bound = issue::BindData::new(&binding, &certificate, &set(length)).unwrap();
        let parts = [&head[..], &binding.emit(), &certificate.emit(), &plain(length), &[0]];
        assert_eq!(command(&bound.request()), parts.concat());
    }
    for wrong in [&set(32)[..117], &[&set(32)[..], &[0]].concat(), &[]] {
        assert!(issue::BindData::new(&binding, &certificate, wrong).is_err());
    }

    assert_eq!(command(&issue::set_status(State::Blocked)), hex!("80F00004 00"));
    let own = Command { cla: 0x80, ins: 0xCA, p1: 0, p2: 0xE0, data: &[], le: None };
    assert_eq!(Request::of(own, |data| Ok(data.len())).response(&answer(&[1, 2])), Ok(2));
}

#[test]
fn asking_in_a_session() {
    let (mut session, mut card) = open(0x41, SecurityLevel::Full);
    let profile = read::profile();
    let wrapped = session.ask(&mut SoftEngine, &profile).unwrap();
    let response = respond(&mut card, wrapped.as_slice(), &[4; 96], StatusWord::OK);
    assert_eq!(session.answer(&mut SoftEngine, &profile, &response), Ok([4; 96]));
    // An error leaves the session open.
    let month = read::months(3);
    let wrapped = session.ask(&mut SoftEngine, &month).unwrap();
    let response = respond(&mut card, wrapped.as_slice(), &[], StatusWord::RECORD_NOT_FOUND);
    assert!(session.answer(&mut SoftEngine, &month, &response).unwrap_err().is_absent());
    assert_eq!(session.level(), Some(SecurityLevel::Full));
    // A changed response ends it.
    let wrapped = session.ask(&mut SoftEngine, &profile).unwrap();
    let mut response = respond(&mut card, wrapped.as_slice(), &[4; 96], StatusWord::OK);
    response[5] ^= 1;
    let error = session.answer(&mut SoftEngine, &profile, &response).unwrap_err();
    assert_eq!(error, RequestError::Session(SessionError::WrongMac));
    assert_eq!(session.level(), None);
}

#[test]
fn success_without_a_mac_is_not_believed() {
    let (mut session, mut card) = open(0x21, SecurityLevel::CMacCEnc);
    let profile = read::profile();
    let wrapped = session.ask(&mut SoftEngine, &profile).unwrap();
    let response = respond(&mut card, wrapped.as_slice(), &[4; 96], StatusWord::OK);
    assert_eq!(session.answer(&mut SoftEngine, &profile, &response), Err(RequestError::Unproven));
}

#[test]
fn an_exchange_needs_a_meters_session() {
    for (version, level, ok) in [
        (0x31, SecurityLevel::CMacCEncRMac, true),
        (0x31, SecurityLevel::Full, true),
        (0x31, SecurityLevel::CMacRMac, false),
        (0x31, SecurityLevel::CMacCEnc, false),
        (0x21, SecurityLevel::Full, false),
    ] {
        let (session, _) = open(version, level);
        assert_eq!(meter_session(&session), if ok { Ok(()) } else { Err(ExchangeError::WrongSession) });
    }
}

#[test]
fn how_many_records_a_command_carries() {
    let event = |number| Event { number, time: NOW, code: 1, data: [0; 6] };
    for n in 0..=6 {
        let settlement = Settlement::new(&receipt_of_meter(), &month(7), (1..=n).map(event)).unwrap();
        let request = settlement.request();
        let data = request.command().data;
        assert_eq!((data.len(), data[113]), (114 + 16 * n as usize, n as u8));
        assert_eq!(data[0], 1);
        assert_eq!(data[1..69], receipt_of_meter().emit());
        assert_eq!(data[69..113], month(7).emit());
    }
    assert_eq!(Settlement::new(&receipt_of_meter(), &month(7), (1..=7).map(event)).err(), Some(WrongCount));
    let before = Stored { last_month: u16::MAX, last_event: 0 };
    for (months, events) in [(0, 13), (1, 11), (2, 8), (3, 5), (4, 2), (5, 0)] {
        let mut history = History::after(before);
        assert!(history.is_empty());
        assert!((1..=months).all(|index| history.add_month(&month(index))));
        assert!((1..=events).all(|number| history.add_event(&event(number))));
        let full = history.clone();
        assert!(!history.add_event(&event(99)) && (months < 5 || !history.add_month(&month(99))));
        assert_eq!(full.reaches(), history.reaches());
        assert_eq!(history.request().command().data, full.request().command().data);
        let data = full.request().command().data.to_vec();
        assert_eq!(data.len(), 1 + 44 * usize::from(months) + 16 * events as usize);
        assert_eq!(data[0], months as u8);
        let last_month = if months == 0 { u16::MAX } else { months };
        assert_eq!(history.reaches(), Stored { last_month, last_event: events });
    }
    let history = History::after(before);
    assert_eq!(
        history.request().response(&answer(&[0, 8, 0, 0, 0, 13])),
        Ok(Stored { last_month: 8, last_event: 13 })
    );
    let some = |last_month, last_event| Stored { last_month, last_event };
    assert!(some(7, 3).covers(&some(7, 3)) && some(7, 3).covers(&some(u16::MAX, 0)));
    assert!(
        !some(u16::MAX, 3).covers(&some(7, 3))
            && !some(7, 2).covers(&some(7, 3))
            && !some(6, 9).covers(&some(7, 3))
    );
}

proptest! {
    #[test]
    fn any_response_can_be_read(response: Vec<u8>) {
        let _ = selected(&response);
        let _ = read::identity().response(&response);
        let _ = read::public_status().response(&response);
        let _ = read::receipt().response(&response);
        let _ = read::purse().response(&response);
        let _ = read::meter().response(&response);
        let _ = load::get_mail(Slot::FINAL_REPORT).response(&response);
        let _ = load::put_mail(&[]).response(&response);
        let _ = load::load_voucher(&[0; 110]).response(&response);
    }

    #[test]
    fn no_changed_fci_panics(place in 0_usize..37, value: u8) {
        let summary = CardSummary { state: Some(State::Active), scope: SCOPE, card: CARD };
        let mut response = fci(&summary.emit());
        response[place] = value;
        let _ = selected(&response);
    }
}
