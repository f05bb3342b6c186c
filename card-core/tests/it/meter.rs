//! The meter's credit application: every reason for a refusal, whole visits, power cuts, and what must stay true over anything.
// Long: one case for each reason of a refusal, and the random histories that meet them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::calendar::Calendar;
use card_core::id::{CardRef, Company, Environment, MeterId, Scope, State};
use card_core::layout::CertificateAnswer;
use card_core::message::{Certificate, Envelope, FinalReport, MailKeys, MeterFlags, MeterReceipt, Slot};
use card_core::meter::decide::decide;
use card_core::meter::events::code;
use card_core::meter::{
    Decision, MailRefusal, Meter, MeterError, MeterIdentity, MeterKeys, MeterState, Pair, Reading, Reason,
    Received, ReportKeys, Tampering, UNWRITTEN, Verdict, VersionedKey, Visit, VisitError, WrongRole, doubt,
    reason,
};
use card_core::role::{KeyVersion, Role};
use card_core::scp03::Mode;
use card_core::scp03::host::HandshakeError;
use card_core::soft::SoftEngine;
use card_core::store::StoreError;
use card_core::tariff::{EGYPT_2024_08, MonthMeter};
use card_core::terminal::exchange::{Presented, Stored};
use card_core::terminal::session::OpenError;
use card_core::text::{Language, Situation};
use card_core::units::{Balance, CardTime, Energy, Piastres};
use proptest::prelude::*;

fn advice(reason: Reason) -> &'static str {
    Situation::from(reason).text(Language::English).to_do
}

fn install(chip: &Chip) -> Meter<Chip> {
    Meter::install(chip.clone(), identity(), meter_keys(), &fresh()).unwrap()
}

fn power_up(chip: &Chip) -> Result<Meter<Chip>, MeterError> {
    chip.power_up();
    Meter::power_up(chip.clone())
}

/// A meter with binding 1 open and certificate 5 applied: 50000 credit, 300 debited.
fn running(chip: &Chip) -> Meter<Chip> {
    let mut meter = install(chip);
    let visit = visit(&mut meter, &mut FakeCard::new(certificate(5, 50_000, 300))).unwrap();
    assert!(matches!(visit.verdict(), Some(Verdict::Apply { .. })));
    meter
}

fn visit(meter: &mut Meter<Chip>, card: &mut FakeCard) -> Result<Visit, VisitError> {
    visit_torn(meter, card, NOW, None).0
}

/// A visit in which, from exchange number `torn` on, the command arrives but no response comes back.
fn visit_torn(
    meter: &mut Meter<Chip>,
    card: &mut FakeCard,
    reading: impl Into<Reading>,
    torn: Option<usize>,
) -> (Result<Visit, VisitError>, Vec<Received>) {
    let mut mail = vec![];
    let (mut visit, mut command) = Visit::begin(reading.into()).unwrap();
    for exchange in 0..80 {
        let response = card.transmit(command.as_slice());
        if torn == Some(exchange) {
            return (Ok(visit), mail);
        }
        let step = visit.respond(meter, &response);
        mail.extend(visit.take_received());
        match step {
            Ok(Some(next)) => command = next,
            Ok(None) => return (Ok(visit), mail),
            Err(error) => return (Err(error), mail),
        }
    }
    panic!("the visit does not end")
}

/// Time passes up to the first instant of the month with this index, by steps that are believed.
fn pass_to(meter: &mut Meter<Chip>, index: u16) {
    let (time, end) = (meter.state().clock.time, begin_of(index));
    for time in (time.0..end.0).step_by(20 * 86_400).chain([end.0]) {
        meter.tick(shows(CardTime(time))).unwrap();
    }
    assert_eq!((meter.state().clock.time, meter.state().month_index), (end, index));
}

fn refused(verdict: Option<Verdict>) -> Option<Reason> {
    match verdict {
        Some(Verdict::Refuse(reason)) => Some(reason),
        _ => None,
    }
}

// ---- decisions

/// A state with binding 7, generation 2, sequence 5, 50000 credit and 300 debited applied.
fn state() -> MeterState {
    let mut state = fresh();
    state.binding = 7;
    state.generation = 2;
    state.sequence = 5;
    state.applied_credit = Piastres(50_000);
    state.applied_debited = Piastres(300);
    state.balance = Balance(1_000);
    state.clock.floor = CardTime(0x0C00_0005);
    state
}

/// A card that this state would take 100 from.
fn good() -> (CardRef, CertificateAnswer) {
    let card = CardRef { generation: 2, ..CARD };
    let mut answer = FakeCard::of(card, certificate_of(7, 2, 6, 50_100, 300)).answer;
    answer.settled_credit = Piastres(50_000);
    answer.settled_debited = Piastres(300);
    (card, answer)
}

fn decided(state: &MeterState, presented: &Presented) -> Decision {
    decide(&mut SoftEngine, &identity(), &meter_keys(), state, presented)
}

fn reason_for(change: impl FnOnce(&mut MeterState, &mut CertificateAnswer)) -> Option<Reason> {
    let (mut state, (card, mut answer)) = (state(), good());
    change(&mut state, &mut answer);
    let decision = decided(&state, &Presented::from_parts(card, KeyVersion::from_byte(0x32), answer));
    if decision.opens.is_some() {
        assert!(refused(Some(decision.verdict)).is_none());
    }
    refused(Some(decision.verdict))
}

fn with(answer: &mut CertificateAnswer, change: impl FnOnce(&mut Certificate)) {
    change(&mut answer.certificate);
    answer.certificate = signed(answer.certificate);
}

#[test]
fn every_reason() {
    assert_eq!(reason_for(|_, _| ()), None);
    type Change = fn(&mut MeterState, &mut CertificateAnswer);
    let reasons: &[(Reason, Change)] = &[
        (Reason::WrongCompany, |_, a| a.summary.scope.company = Company(0x0103)),
        (Reason::WrongEnvironment, |_, a| a.summary.scope.environment = Environment::Production),
        (Reason::CardFailed, |_, a| a.summary.state = None),
        (Reason::CardNotActive(State::Blank), |_, a| a.summary.state = Some(State::Blank)),
        (Reason::CardNotActive(State::Personalised), |_, a| a.summary.state = Some(State::Personalised)),
        (Reason::CardNotActive(State::Blocked), |_, a| a.summary.state = Some(State::Blocked)),
        (Reason::CardNotActive(State::Terminated), |_, a| a.summary.state = Some(State::Terminated)),
        (Reason::Expired, |_, a| a.expiry_time = NOW),
        (Reason::Expired, |s, a| {
            s.clock.time = CardTime(NOW.0 + 10);
            a.expiry_time = CardTime(NOW.0 + 10);
        }),
        (Reason::Expired, |_, a| {
            with(a, |c| c.issue_time = CardTime(NOW.0 + 10));
            a.expiry_time = CardTime(NOW.0 + 10);
        }),
        (Reason::UnknownKeyVersion, |_, a| a.certificate.key_version = KeyVersion::from_byte(0x73)),
        (Reason::NotAuthentic, |_, a| a.certificate.total_credit.0 += 1),
        (Reason::NotAuthentic, |_, a| a.certificate.mac[15] ^= 1),
        (Reason::NotAuthentic, |_, a| a.certificate.key_version = KeyVersion::from_byte(0x71)),
        (Reason::WrongMeter, |_, a| with(a, |c| c.binding.meter = MeterId(*b"METER--2"))),
        (Reason::GenerationMismatch, |_, a| with(a, |c| c.generation = 3)),
        (Reason::OldBinding, |_, a| with(a, |c| c.binding.number = 6)),
        (Reason::BindingNotProven, |_, a| with(a, |c| c.binding.number = 8)),
        (Reason::ReplacedCard, |s, _| s.generation = 3),
        (Reason::Regressed, |_, a| a.settled_credit.0 += 1),
        (Reason::Regressed, |_, a| a.settled_debited.0 += 1),
        (Reason::Regressed, |s, a| a.report_number = s.report_number + 1),
        (Reason::Regressed, |s, _| s.flags = MeterFlags::REGRESSED),
        (Reason::Inconsistent, |_, a| with(a, |c| c.total_credit.0 = 49_999)),
        (Reason::Inconsistent, |_, a| with(a, |c| c.total_debited.0 = 299)),
        (Reason::BalanceOverflow, |s, _| s.balance = Balance(i64::MAX - 99)),
        (Reason::BalanceOverflow, |s, a| {
            s.balance = Balance(i64::MIN + 4);
            with(a, |c| (c.total_credit, c.total_debited) = (Piastres(50_000), Piastres(305)));
        }),
    ];
    for (i, (reason, change)) in reasons.iter().enumerate() {
        assert_eq!(reason_for(change), Some(*reason), "number {i}");
    }
    // Each has words, advice and a code of its own.
    let all: std::collections::BTreeMap<u8, String> =
        reasons.iter().map(|(reason, _)| (reason.code(), format!("{reason}: {}", advice(*reason)))).collect();
    assert_eq!(all.len(), 15);
}

#[test]
fn the_earlier_step_answers() {
    // Everything wrong at once, mended in the order of the specification's steps.
    let (mut s, (card, mut a)) = (state(), good());
    let good_one = a;
    a.summary.scope = Scope { company: Company(9), environment: Environment::Production };
    a.summary.state = Some(State::Blocked);
    a.expiry_time = CardTime(1);
    a.certificate = Certificate { key_version: KeyVersion::from_byte(0x73), mac: [0; 16], ..a.certificate };
    a.settled_credit = Piastres(60_000);
    let mut seen = vec![
        refused(Some(decided(&s, &Presented::from_parts(card, KeyVersion::from_byte(0x33), a)).verdict))
            .unwrap(),
    ];
    for step in 0..12 {
        match step {
            1 => a.summary.scope.company = good_one.summary.scope.company,
            2 => a.summary.scope = good_one.summary.scope,
            3 => a.summary.state = Some(State::Active),
            4 => a.expiry_time = CardTime::UNSET,
            5 => a.certificate.key_version = KeyVersion::from_byte(0x72),
            6 => {
                with(&mut a, |c| {
                    c.binding = card_core::id::Binding { meter: MeterId(*b"METER--2"), number: 6 };
                    (c.generation, c.total_credit) = (1, Piastres(1));
                });
            }
            7 => with(&mut a, |c| c.binding.meter = METER),
            8 => {
                with(&mut a, |c| c.generation = 2);
                s.generation = 3;
            }
            9 => with(&mut a, |c| c.binding.number = 7),
            10 => s.generation = 2,
            11 => a.settled_credit = Piastres(50_000),
            _ => {}
        }
        seen.push(
            refused(Some(decided(&s, &Presented::from_parts(card, KeyVersion::from_byte(0x32), a)).verdict))
                .unwrap(),
        );
    }
    use Reason::*;
    let expected = [
        UnknownKeyVersion,
        WrongCompany,
        WrongEnvironment,
        CardNotActive(State::Blocked),
        Expired,
        UnknownKeyVersion,
        NotAuthentic,
        WrongMeter,
        GenerationMismatch,
        OldBinding,
        ReplacedCard,
        Regressed,
        Inconsistent,
    ];
    assert_eq!(seen, expected);
}

#[test]
fn base_keys_current_previous_and_none() {
    let (card, answer) = good();
    for (version, ok) in [(0x32, true), (0x31, true), (0x33, false), (0x30, false), (0x22, false)] {
        let verdict =
            decided(&state(), &Presented::from_parts(card, KeyVersion::from_byte(version), answer)).verdict;
        assert_eq!(refused(Some(verdict)), (!ok).then_some(Reason::UnknownKeyVersion), "{version:02X}");
    }
}

#[test]
fn not_expired_yet_is_not_expired() {
    assert_eq!(reason_for(|_, a| a.expiry_time = CardTime(NOW.0 + 1)), None);
}

#[test]
fn a_binding_is_opened_only_by_its_certificate() {
    let (card, mut answer) = good();
    with(&mut answer, |c| c.binding.number = 8);
    (answer.settled_credit, answer.settled_debited) = (Piastres::ZERO, Piastres::ZERO);
    let presented = Presented::from_parts(card, KeyVersion::from_byte(0x32), answer);
    let proven = decided(&state(), &presented.with_binding(binding_certificate(8)));
    assert_eq!(proven.opens.unwrap().account, 7_000_008);
    assert_eq!(
        proven.verdict,
        Verdict::Apply { credit: Piastres(50_100), debit: Piastres(300), balance: Balance(49_800) }
    );
    let mut altered = binding_certificate(8);
    altered.account += 1;
    let mut elsewhere = binding_certificate(8);
    elsewhere.binding.meter = MeterId(*b"METER--2");
    let elsewhere = elsewhere.sign(&mut SoftEngine, &credit_key(2).key, SCOPE);
    let mut unknown = binding_certificate(8);
    unknown.key_version = KeyVersion::from_byte(0x73);
    for wrong in [binding_certificate(9), altered, elsewhere, unknown] {
        let decision = decided(&state(), &presented.with_binding(wrong));
        assert_eq!(decision.opens, None);
        assert_eq!(refused(Some(decision.verdict)), Some(Reason::BindingNotProven));
    }
}

// ---- visits

#[test]
fn five_exchanges_without_news() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let mut card = FakeCard::new(certificate(6, 60_000, 400));
    // The opening of the binding is on the card already.
    card.answer.last_event = meter.state().history.last_event();
    let visit = visit(&mut meter, &mut card).unwrap();
    assert_eq!(card.trace, [0xA4, 0x50, 0x82, 0x46, 0x48]);
    assert_eq!(
        visit.verdict(),
        Some(Verdict::Apply { credit: Piastres(10_000), debit: Piastres(100), balance: Balance(59_600) })
    );
    assert!(visit.is_settled());
    let receipt = card.receipt.unwrap();
    assert!(receipt.verify(&mut SoftEngine, &report_keys().receipt, SCOPE).is_ok());
    assert_eq!(receipt.key_version, KeyVersion::from_byte(0x91));
    assert_eq!((receipt.number, receipt.time, receipt.balance), (2, NOW, Balance(59_600)));
    assert_eq!((receipt.applied_credit, receipt.applied_debited), (Piastres(60_000), Piastres(400)));
    assert_eq!(card.present, Some(meter.state().month()));
    assert_eq!((meter.state().clock.time, meter.state().clock.floor), (NOW, CardTime(0x0C00_0006)));
}

#[test]
fn the_first_card_opens_the_first_binding() {
    let chip = Chip::new();
    let mut meter = install(&chip);
    let mut card = FakeCard::new(certificate(1, 0, 0));
    let visit = visit(&mut meter, &mut card).unwrap();
    assert_eq!(card.trace, [0xA4, 0x50, 0x82, 0x46, 0x46, 0x48]);
    assert!(matches!(visit.verdict(), Some(Verdict::Apply { .. })));
    assert_eq!((meter.state().binding, meter.state().account), (1, 7_000_001));
    assert_eq!(meter.state().final_report, None);
    let codes: Vec<_> = card.events.iter().map(|event| event.code).collect();
    assert_eq!(codes, [code::BINDING_OPENED, code::SUPPLY_RESTORED]);
}

#[test]
fn a_card_in_the_other_mode_costs_one_exchange() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    card.mode = Mode::S16;
    assert!(visit(&mut meter, &mut card).unwrap().is_settled());
    assert_eq!(card.trace[..4], [0xA4, 0x50, 0x50, 0x82]);
}

#[test]
fn the_same_card_again_gives_nothing() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    for round in 0..3 {
        let visit = visit(&mut meter, &mut card).unwrap();
        assert_eq!(visit.verdict() == Some(Verdict::Nothing), round > 0);
        assert_eq!(visit.ratified(), Some(round > 0));
        assert!(visit.is_settled());
        assert_eq!(meter.state().balance, Balance(59_700));
    }
    // An older one of the same binding, from a copy of the card.
    let visit = visit(&mut meter, &mut FakeCard::new(certificate(5, 50_000, 300))).unwrap();
    assert_eq!(refused(visit.verdict()), None);
    assert_eq!(visit.verdict(), Some(Verdict::Nothing));
    assert_eq!(meter.state().balance, Balance(59_700));
}

#[test]
fn a_replaced_card_is_refused_once_the_new_one_was_there() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let second = CardRef { id: card_core::id::CardId(*b"CARD---2"), generation: 2 };
    // The sequence has been applied before: nothing to apply, but the generation counts.
    let mut new = FakeCard::of(second, certificate_of(1, 2, 5, 50_000, 300));
    assert_eq!(visit(&mut meter, &mut new).unwrap().verdict(), Some(Verdict::Nothing));
    assert_eq!(meter.state().generation, 2);
    let mut old = FakeCard::new(certificate(6, 60_000, 300));
    let visit = visit(&mut meter, &mut old).unwrap();
    assert_eq!(refused(visit.verdict()), Some(Reason::ReplacedCard));
    assert_eq!(old.trace, [0xA4, 0x50, 0x82, 0x46]);
    assert_eq!(meter.state().balance, Balance(49_700));
}

#[test]
fn a_refusal_changes_nothing_but_the_event_and_that_once() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let before = meter.state().clone();
    let mut card = FakeCard::new(Certificate { mac: [0; 16], ..certificate(6, 1_000_000, 300) });
    let _ = visit(&mut meter, &mut card).unwrap();
    let writes = chip.writes();
    for _ in 0..5 {
        let visit = visit(&mut meter, &mut card).unwrap();
        assert_eq!(refused(visit.verdict()), Some(Reason::NotAuthentic));
    }
    assert_eq!(chip.writes(), writes);
    assert_eq!(meter.state().history.last_event(), before.history.last_event() + 1);
    let data = [Reason::NotAuthentic.code(), 0, 0, 1, 0, 0];
    let event = *events(&mut meter, before.history.last_event()).first().unwrap();
    assert_eq!((event.code, event.data, event.time), (code::CARD_REFUSED, data, NOW));
    assert_eq!(meter.state().refused_cards, before.refused_cards + 1);
    let but_the_event = MeterState { history: before.history, refused_cards: 0, ..meter.state().clone() };
    assert_eq!(but_the_event, before);
    assert_eq!(card.receipt, None);
}

/// Two old certificates over the network and a forged card, in turns: one event a day for each reason.
#[test]
fn refusals_in_turns_wear_nothing() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let lower = [certificate(6, 1, 0), certificate(7, 2, 0)];
    let mut forged = FakeCard::new(Certificate { mac: [0; 16], ..certificate(6, 1_000_000, 300) });
    let before = meter.state().history.last_event();
    let mut writes = 0;
    for turn in 0..100 {
        for certificate in &lower {
            let verdict = meter.take_certificate(shows(NOW), certificate, None).unwrap().verdict;
            assert_eq!(verdict, Verdict::Refuse(Reason::Inconsistent));
        }
        let visit = visit(&mut meter, &mut forged).unwrap();
        assert_eq!(refused(visit.verdict()), Some(Reason::NotAuthentic));
        writes = if turn == 0 { chip.writes() } else { writes };
    }
    assert_eq!((chip.writes(), meter.state().history.last_event()), (writes, before + 2));
}

/// A total above 2^62 is refused: it would leave no room for what comes after.
#[test]
fn totals_above_the_limit_are_a_decision() {
    let most = 1_u64 << 62;
    for (credit, debited, applied) in
        [(most, most, true), (most + 1, most, false), (most, most + 1, false), (u64::MAX, u64::MAX, false)]
    {
        let mut meter = running(&Chip::new());
        let verdict =
            meter.take_certificate(shows(NOW), &certificate(6, credit, debited), None).unwrap().verdict;
        assert_eq!(matches!(verdict, Verdict::Apply { .. }), applied, "{credit} {debited}");
        assert_eq!(verdict == Verdict::Refuse(Reason::BalanceOverflow), !applied);
        meter.tick(shows(CardTime(NOW.0 + 400 * 86_400))).unwrap();
    }
}

#[test]
fn a_foreign_card_is_known_by_select() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let writes = chip.writes();
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    card.answer.summary.scope.company = Company(0x0103);
    let visit = visit(&mut meter, &mut card).unwrap();
    assert_eq!(refused(visit.verdict()), Some(Reason::WrongCompany));
    assert_eq!((card.trace.as_slice(), chip.writes()), (&[0xA4][..], writes));
}

#[test]
fn what_counts_is_what_the_session_says() {
    // SELECT is not authenticated: here the state changes behind it.
    let chip = Chip::new();
    let mut meter = running(&chip);
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    let (mut visit, command) = Visit::begin(shows(NOW)).unwrap();
    let mut command = visit.respond(&mut meter, &card.transmit(command.as_slice())).unwrap().unwrap();
    card.answer.summary.state = Some(State::Blocked);
    while let Some(next) = visit.respond(&mut meter, &card.transmit(command.as_slice())).unwrap() {
        command = next;
    }
    assert_eq!(refused(visit.verdict()), Some(Reason::CardNotActive(State::Blocked)));
    assert_eq!(meter.state().sequence, 5);
}

#[test]
fn a_card_with_wrong_keys_gets_no_session() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    // Another card's keys under this card's name.
    card.keys = card_keys(0x32, CardRef { generation: 9, ..CARD });
    let error = visit(&mut meter, &mut card).unwrap_err();
    assert_eq!(error, VisitError::Open(OpenError::Handshake(HandshakeError::WrongCryptogram)));
    // A version of the base key that the meter does not have.
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    card.keys = card_keys(0x33, CARD);
    let seen = visit(&mut meter, &mut card).unwrap();
    assert_eq!(refused(seen.verdict()), Some(Reason::UnknownKeyVersion));
    // The previous version.
    card.keys = card_keys(0x31, CARD);
    assert!(visit(&mut meter, &mut card).unwrap().is_settled());
}

#[test]
fn a_card_may_not_name_itself_otherwise_than_its_keys() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let mut card = FakeCard::new(certificate_of(1, 9, 6, 60_000, 300));
    card.answer.summary.card.generation = 9;
    assert!(matches!(visit(&mut meter, &mut card), Err(VisitError::Exchange(_))));
    assert_eq!(meter.state().sequence, 5);
}

#[test]
fn a_new_binding_closes_the_old_one_and_its_report_travels() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    // 400 kWh cost 520 EGP, and the service fee of their slab with the cleaning fee is 35 EGP.
    meter.consume(shows(NOW), Energy(40_000)).unwrap();
    meter.tamper(shows(NOW), Tampering::Magnet).unwrap();
    assert!(meter.state().flags.has(MeterFlags::TAMPER.with(MeterFlags::LOW_CREDIT)));
    let mut card = FakeCard::of(CARD, certificate_of(2, 1, 1, 2_000, 0));
    let (result, _) = visit_torn(&mut meter, &mut card, NOW, None);
    assert!(result.unwrap().is_settled());
    let state = meter.state().clone();
    assert_eq!((state.binding, state.balance, state.sequence), (2, Balance(2_000), 1));
    assert_eq!((state.applied_credit, state.report_number), (Piastres(2_000), 1));
    assert_eq!(state.flags, MeterFlags::TAMPER.with(MeterFlags::SUPPLY_CUT));
    assert_eq!(state.supply.cut, reason::TAMPERING);
    assert_eq!(state.energy, Energy(41_000));
    assert_eq!((state.month().energy, state.month().flags), (Energy(0), 1));

    let letter = card.letters.iter().find(|letter| letter.slot == Slot::FINAL_REPORT).unwrap();
    assert_eq!((letter.binding.number, letter.version), (1, 1));
    let opened = letter.open(&mut SoftEngine, &report_keys().mail, SCOPE).unwrap();
    let report = FinalReport::parse(opened.as_slice()).unwrap().receipt;
    let report = report.verify(&mut SoftEngine, &report_keys().receipt, SCOPE).unwrap();
    assert!(report.flags.has(MeterFlags::CLOSED.with(MeterFlags::TAMPER)));
    assert!(report.flags.has(MeterFlags::LOW_CREDIT.with(MeterFlags::SUPPLY_CUT)));
    assert_eq!((report.balance, report.number), (Balance(49_700 - 52_000 - 3_500), 2));
    assert_eq!((report.applied_credit, report.applied_debited), (Piastres(50_000), Piastres(300)));

    // The card has it now; another card of the binding gets it too.
    card.trace.clear();
    let _ = visit(&mut meter, &mut card).unwrap();
    assert!(!card.trace.contains(&0x4E));
    let second = CardRef { id: card_core::id::CardId(*b"CARD---2"), generation: 2 };
    let mut new = FakeCard::of(second, certificate_of(2, 2, 2, 2_000, 0));
    let _ = visit(&mut meter, &mut new).unwrap();
    assert_eq!(new.letters.len(), 1);
    // The old binding is closed for ever.
    let visit = visit(&mut meter, &mut FakeCard::new(certificate(9, 90_000, 300))).unwrap();
    assert_eq!(refused(visit.verdict()), Some(Reason::OldBinding));
}

#[test]
fn memory_that_went_back_gives_no_credit_until_a_new_binding() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let old = chip.snapshot();
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    assert!(visit(&mut meter, &mut card).unwrap().is_settled());
    chip.restore(old);
    let mut meter = power_up(&chip).unwrap();
    assert_eq!(meter.state().sequence, 5);
    // The card has settled more than this memory knows of.
    card.answer.certificate = certificate(7, 70_000, 300);
    card.trace.clear();
    let seen = visit(&mut meter, &mut card).unwrap();
    assert_eq!(refused(seen.verdict()), Some(Reason::Regressed));
    assert_eq!(card.trace, [0xA4, 0x50, 0x82, 0x46, 0x4E]);
    assert_eq!((meter.state().balance, meter.state().sequence), (Balance(49_700), 5));
    assert!(meter.state().regressed());
    let letter = card.letters.last().unwrap();
    assert_eq!((letter.slot.number(), letter.version), (0x12, 1));
    let opened = letter.open(&mut SoftEngine, &report_keys().mail, SCOPE).unwrap();
    let receipt = MeterReceipt::parse(opened.as_slice()).unwrap();
    assert!(receipt.verify(&mut SoftEngine, &report_keys().receipt, SCOPE).is_ok());
    assert!(receipt.flags.has(MeterFlags::REGRESSED));
    // Nor with another card, which has settled nothing.
    let mut meter = power_up(&chip).unwrap();
    let seen = visit(&mut meter, &mut FakeCard::new(certificate(8, 80_000, 300))).unwrap();
    assert_eq!(refused(seen.verdict()), Some(Reason::Regressed));
    // A new binding repairs it.
    let seen = visit(&mut meter, &mut FakeCard::new(certificate_of(2, 1, 1, 500, 0))).unwrap();
    assert!(seen.is_settled() && !meter.state().regressed());
    let report = meter.state().final_report.unwrap().receipt;
    assert!(report.flags.has(MeterFlags::REGRESSED.with(MeterFlags::CLOSED)));
}

#[test]
fn a_binding_that_the_memory_has_lost_is_not_opened_again() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    let mut card = FakeCard::of(CARD, certificate_of(2, 1, 2, 2_000, 0));
    card.answer.settled_credit = Piastres(1_500);
    let seen = visit(&mut meter, &mut card).unwrap();
    assert_eq!(refused(seen.verdict()), Some(Reason::Regressed));
    assert_eq!((meter.state().binding, meter.state().balance), (1, Balance(49_700)));
    let letter = card.letters.last().unwrap();
    assert_eq!(letter.binding.number, 2);
    let opened = letter.open(&mut SoftEngine, &report_keys().mail, SCOPE).unwrap();
    let report = MeterReceipt::parse(opened.as_slice()).unwrap();
    assert_eq!((report.binding.number, report.number), (2, 1));
    assert_eq!((report.applied_credit, report.balance), (Piastres(0), Balance(0)));
    assert!(report.flags.has(MeterFlags::REGRESSED));
}

#[test]
fn what_the_card_refuses_after_settle_is_left_for_another_time() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    // News of every kind: a final report, events beyond those in SETTLE, a month, mail.
    let mut card = FakeCard::new(certificate_of(2, 1, 1, 2_000, 0));
    let slot = Slot::new(0).unwrap();
    let binding = card.answer.binding();
    let letter = Envelope::seal(&mut SoftEngine, &parameter_keys(2), SCOPE, binding, slot, 1, b"").unwrap();
    card.letters.push(letter);
    card.answer.mail[0] = 1;
    card.refuses = vec![0x4E, 0x4A, 0x44];
    let _ = visit(&mut meter, &mut card).unwrap();
    make_events(&mut meter, NOW, 8);
    let later = begin_of(78);
    card.trace.clear();
    let (result, mail) = visit_torn(&mut meter, &mut card, later, None);
    assert!(result.unwrap().is_settled());
    // Final report, history, mail, readings, history once more.
    assert_eq!(card.trace, [0xA4, 0x50, 0x82, 0x46, 0x48, 0x4E, 0x4A, 0x44, 0x4E, 0x4A]);
    assert_eq!((mail.len(), card.events.len(), card.months.len()), (0, 8, 0));
    card.refuses.clear();
    let (result, mail) = visit_torn(&mut meter, &mut card, later, None);
    assert!(result.unwrap().is_settled());
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].result, Err(MailRefusal::Malformed));
    // All of them, the one of the refused mail too.
    assert_eq!(card.events, events(&mut meter, 0));
    let refused = [0x00, MailRefusal::Malformed.code(), 0, 0, 0, 1];
    assert_eq!(card.events.last().map(|event| (event.code, event.data)), Some((code::MAIL_REFUSED, refused)));
    assert_eq!(card.months.iter().map(|month| month.index).collect::<Vec<_>>(), [77]);
    let slots: Vec<_> = card.letters.iter().map(|letter| letter.slot.number()).collect();
    assert_eq!(slots, [0x00, 0x10, 0x11]);
}

#[test]
fn a_card_cannot_make_a_visit_endless() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    pass_to(&mut meter, 97);
    assert_eq!(meter.months::<36>(0).unwrap().into_iter().flatten().count(), 20);
    for (last_month, last_event) in
        [(0, 0), (59, u32::MAX), (97, 0), (97, u32::MAX), (u16::MAX, 3), (u16::MAX, u32::MAX)]
    {
        let mut card = FakeCard::new(certificate(6, 60_000, 300));
        card.history_answer = Some(Stored { last_month, last_event });
        assert!(visit_torn(&mut meter, &mut card, begin_of(97), None).0.unwrap().is_settled());
        assert!(card.trace.iter().filter(|ins| **ins == 0x4A).count() <= 2);
    }
}

#[test]
fn a_card_that_keeps_only_part_of_what_was_sent_is_not_sent_more_in_that_visit() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    make_events(&mut meter, NOW, 40);
    pass_to(&mut meter, 97);
    // The loan that an empty card asks for is given, so that nothing more arises.
    ask_for_loan(&mut meter, begin_of(97));
    let (all_events, all_months) = (events(&mut meter, 0), months(&mut meter));
    for keeps in [1, 4] {
        let mut card = FakeCard::new(certificate(5, 50_000, 300));
        card.keeps = keeps;
        assert!(visit_torn(&mut meter, &mut card, begin_of(97), None).0.unwrap().is_settled());
        let count = |card: &FakeCard, ins| card.trace.iter().filter(|seen| **seen == ins).count();
        // Once more at the end, where what arose meanwhile goes: from where the card was before.
        assert_eq!(count(&card, 0x4A), 2, "{keeps}");
        assert_eq!((card.events.len(), card.months.len()), (6, keeps));
        // What it has not kept is not lost.
        card.keeps = usize::MAX;
        assert!(visit_torn(&mut meter, &mut card, begin_of(97), None).0.unwrap().is_settled());
        assert_eq!((card.months.len(), card.events.len()), (all_months.len(), all_events.len()));
        assert!(card.months == all_months && card.events == all_events);
    }
    // Just all of them is enough.
    let mut card = FakeCard::new(certificate(5, 50_000, 300));
    card.keeps = 13;
    assert!(visit_torn(&mut meter, &mut card, begin_of(97), None).0.unwrap().is_settled());
    assert!(card.months == all_months && card.events == all_events);
}

#[test]
fn events_months_and_mail_follow() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    make_events(&mut meter, NOW, 70);
    pass_to(&mut meter, 97);
    let mut card = FakeCard::new(certificate(6, 60_000, 300));
    card.answer.last_month = 79;
    let slot = Slot::new(3).unwrap();
    let letter =
        Envelope::seal(&mut SoftEngine, &parameter_keys(2), SCOPE, card.answer.binding(), slot, 4, b"news")
            .unwrap();
    card.letters.push(letter);
    card.answer.mail[3] = 4;
    card.answer.mail[5] = 9;
    let (result, mail) = visit_torn(&mut meter, &mut card, begin_of(97), None);
    assert!(result.unwrap().is_settled());
    // All that are kept, six of them with SETTLE; the last one is that of the mail.
    let refused = [0x03, MailRefusal::Malformed.code(), 0, 0, 0, 4];
    assert_eq!(card.events.last().map(|event| (event.code, event.data)), Some((code::MAIL_REFUSED, refused)));
    assert_eq!(card.events.last(), events(&mut meter, 0).last());
    assert!(card.events.len() > 48 && card.events.is_sorted_by_key(|event| event.number));
    assert_eq!(card.months.iter().map(|m| m.index).collect::<Vec<_>>(), (80..97).collect::<Vec<_>>());
    let refused = Received { slot, version: 4, result: Err(MailRefusal::Malformed) };
    assert_eq!(mail, [refused]);
    let tail = [&[0x4A; 7][..], &[0x44, 0x44, 0x4E, 0x4A]].concat();
    assert_eq!(card.trace, [&[0xA4, 0x50, 0x82, 0x46, 0x48], &tail[..]].concat());
}

#[test]
fn a_response_that_was_changed_ends_the_visit_without_credit() {
    for exchange in 0..5 {
        for bit in 0..3 {
            let chip = Chip::new();
            let mut meter = running(&chip);
            let mut card = FakeCard::new(certificate(6, 60_000, 300));
            let (mut visit, mut command) = Visit::begin(shows(NOW)).unwrap();
            let mut failed = false;
            for n in 0.. {
                let mut response = card.transmit(command.as_slice());
                if n == exchange {
                    let place = (response.len() - 1) * bit / 2;
                    response[place] ^= 1;
                }
                match visit.respond(&mut meter, &response) {
                    Ok(Some(next)) => command = next,
                    Ok(None) => break,
                    Err(_) => {
                        failed = true;
                        assert_eq!(visit.respond(&mut meter, &[0x90, 0]).unwrap_err(), VisitError::Over);
                        break;
                    }
                }
            }
            assert!(failed, "exchange {exchange}, {bit}");
            assert_eq!(meter.state().sequence == 6, exchange == 4, "exchange {exchange}");
            // Once more, undisturbed.
            let _ = self::visit(&mut meter, &mut card).unwrap();
            assert_eq!(meter.state().balance, Balance(59_700));
        }
    }
}

// ---- memory

#[test]
fn installed_once_and_found_again() {
    let chip = Chip::new();
    assert_eq!(power_up(&chip).unwrap_err(), MeterError::NotInstalled);
    let meter = install(&chip);
    let state = meter.state().clone();
    let again = Meter::install(chip.clone(), identity(), meter_keys(), &fresh());
    assert_eq!(again.unwrap_err(), MeterError::Installed);
    let meter = power_up(&chip).unwrap();
    assert_eq!((meter.state(), meter.identity()), (&state, &MeterIdentity { id: METER, scope: SCOPE }));
    assert_eq!(
        meter.keys().credit(KeyVersion::from_byte(0x71)).unwrap().expose(),
        credit_key(1).key.expose()
    );
    assert!(meter.keys().credit(KeyVersion::from_byte(0x73)).is_none());
    assert_eq!(
        meter.keys().parameter(KeyVersion::from_byte(0x81)).unwrap().enc.expose(),
        parameter_keys(1).enc.expose()
    );
    assert_eq!(meter.keys().report().receipt.expose(), report_keys().receipt.expose());
}

#[test]
fn keys_have_their_roles() {
    let single = |version| VersionedKey { version, key: master(1) };
    let mail = |version| MailKeys { version, mac: master(1), enc: master(2) };
    let make = |[base, credit, parameter, report, transport]: [u8; 5]| {
        let report = ReportKeys { mail: mail(KeyVersion::from_byte(report)), receipt: master(3) };
        let previous = Some(single(KeyVersion::from_byte(credit)));
        let credit = Pair { current: single(KeyVersion::from_byte(0x7F)), previous };
        let (base, parameter) = (
            Pair::only(single(KeyVersion::from_byte(base))),
            Pair::only(mail(KeyVersion::from_byte(parameter))),
        );
        MeterKeys::new(base, credit, parameter, report, single(KeyVersion::from_byte(transport))).map(drop)
    };
    assert_eq!(make([0xA1, 0x71, 0x81, 0x91, 0xB1]), Ok(()));
    for (versions, version, role) in [
        ([0xA0, 0x71, 0x81, 0x91, 0xB1], 0xA0, Role::MeterBase),
        ([0x31, 0x71, 0x81, 0x91, 0xB1], 0x31, Role::MeterBase),
        ([0xA1, 0x51, 0x81, 0x91, 0xB1], 0x51, Role::Credit),
        ([0xA1, 0x71, 0x91, 0x91, 0xB1], 0x91, Role::Parameter),
        ([0xA1, 0x71, 0x81, 0x80, 0xB1], 0x80, Role::Report),
        ([0xA1, 0x71, 0x81, 0x91, 0xB0], 0xB0, Role::Transport),
        ([0xA1, 0x71, 0x81, 0x91, 0xA2], 0xA2, Role::Transport),
    ] {
        assert_eq!(make(versions), Err(WrongRole { version: KeyVersion::from_byte(version), role }));
    }
    let shown = format!("{:?}", meter_keys());
    assert!(shown.contains("redacted") && !shown.contains("bytes"));
}

#[test]
fn a_factory_reset_does_not_bring_a_binding_back() {
    let chip = Chip::new();
    let state = running(&chip).state().clone();
    // Identity and keys are erased; the state is what survives.
    let mut pages = chip.snapshot();
    pages[..14].fill([0xFF; 64]);
    chip.restore(pages);
    assert_eq!(power_up(&chip).unwrap_err(), MeterError::NotInstalled);
    assert_eq!(install(&chip).state(), &state);
}

#[test]
fn decayed_memory_is_no_new_meter() {
    let chip = Chip::new();
    drop(running(&chip));
    let mut pages = chip.snapshot();
    pages[14..].fill([0; 64]);
    chip.restore(pages.clone());
    assert_eq!(power_up(&chip).unwrap_err(), MeterError::Store(StoreError::Corrupt));
    pages[14..].fill([0xFF; 64]);
    chip.restore(pages);
    assert_eq!(power_up(&chip).unwrap_err(), MeterError::Store(StoreError::Corrupt));
}

#[test]
fn an_installation_that_was_cut_is_repeated() {
    for writes in 0.. {
        let chip = Chip::new();
        chip.cut_after(writes);
        match Meter::install(chip.clone(), identity(), meter_keys(), &fresh()) {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, MeterError::Store(StoreError::Memory(_)))),
        }
        match power_up(&chip) {
            Ok(_) => {}
            Err(MeterError::NotInstalled) => drop(install(&chip)),
            Err(error) => panic!("{error}"),
        }
        assert_eq!(power_up(&chip).unwrap().state(), &fresh());
        assert!(writes < 60);
    }
}

#[test]
fn power_cut_at_every_write_of_a_visit() {
    let mut cuts = 0;
    for opening in [false, true] {
        for writes in 0.. {
            let chip = Chip::new();
            let mut meter = running(&chip);
            // So that every slot has been used: 0.6 kWh at 68 piastres.
            for _ in 0..6 {
                meter.consume(shows(NOW), UNWRITTEN).unwrap();
            }
            let old = meter.state().clone();
            let mut card = if opening {
                FakeCard::new(certificate_of(2, 1, 1, 2_000, 0))
            } else {
                FakeCard::new(certificate(6, 60_000, 400))
            };
            let after = Balance(if opening { 2_000 } else { 59_600 - 41 });
            chip.cut_after(writes);
            let (result, _) = visit_torn(&mut meter, &mut card, NOW, None);
            if !chip.is_dead() {
                result.unwrap();
                break;
            }
            cuts += 1;
            assert!(matches!(result.unwrap_err(), VisitError::Meter(MeterError::Store(_))));
            assert_eq!(meter.consume(shows(NOW), Energy(1)), Err(MeterError::PowerUpFirst));
            assert_eq!(meter.consume(shows(NOW), UNWRITTEN), Err(MeterError::PowerUpFirst));
            assert_eq!(card.receipt, None, "the card hears of nothing that is not stored");
            let meter = power_up(&chip).unwrap();
            let done = meter.state().clone();
            if done != old {
                assert_eq!(done.balance, after);
                assert_eq!(done.final_report.is_some(), opening);
            }
            // The same after a further power-up, and the visit can be repeated.
            let mut meter = power_up(&chip).unwrap();
            assert_eq!(meter.state(), &done);
            let _ = visit(&mut meter, &mut card).unwrap();
            assert_eq!(meter.state().balance, after);
            assert_eq!(card.letters.len(), usize::from(opening));
        }
    }
    assert!(cuts > 5);
}

#[test]
fn numbers_that_do_not_fit_change_nothing() {
    let mut state = fresh();
    state.binding = 1;
    // What decides on the supply is in order already, so that only consumption could change anything.
    state.supply.cut = 0;
    state.flags = MeterFlags::LOW_CREDIT.with(MeterFlags::VERY_LOW_CREDIT);
    state.balance = Balance(i64::MIN + 68);
    state.energy = Energy(u32::MAX - 99);
    let mut meter = Meter::install(Chip::new(), identity(), meter_keys(), &state).unwrap();
    // 1.01 kWh cost 69 piastres, 1 kWh 68.
    assert_eq!(meter.consume(shows(NOW), Energy(101)), Err(MeterError::OutOfRange));
    assert_eq!(meter.state(), &state);
    meter.consume(shows(NOW), Energy(100)).unwrap();
    assert_eq!((meter.state().balance, meter.state().energy), (Balance(i64::MIN), Energy(0)));

    state.balance = Balance(0);
    state.running = MonthMeter::restore(&[], EGYPT_2024_08, Energy(u32::MAX - 1), true).unwrap();
    let mut meter = Meter::install(Chip::new(), identity(), meter_keys(), &state).unwrap();
    assert_eq!(meter.consume(shows(NOW), Energy(2)), Err(MeterError::OutOfRange));
    assert_eq!(meter.state(), &state);
    meter.consume(shows(NOW), Energy(1)).unwrap();
    assert_eq!(meter.state().month().energy, Energy(u32::MAX));
    meter.tick(shows(begin_of(78))).unwrap();
    assert_eq!((meter.state().month().index, meter.state().month().energy), (78, Energy(0)));
    // A closed month is not opened again.
    meter.tick(shows(NOW)).unwrap();
    assert_eq!(meter.state().month_index, 78);
}

#[test]
fn last_values() {
    let chip = Chip::new();
    let mut state = fresh();
    state.binding = 1;
    state.sequence = u32::MAX - 1;
    state.report_number = u32::MAX - 1;
    let mut meter = Meter::install(chip, identity(), meter_keys(), &state).unwrap();
    let mut card = FakeCard::new(certificate_of(1, u16::MAX, 1, 0, 0));
    card.answer.certificate = signed(Certificate {
        sequence: u32::MAX,
        issue_time: CardTime(u32::MAX),
        total_credit: Piastres(1 << 62),
        generation: 1,
        ..card.answer.certificate
    });
    assert!(visit(&mut meter, &mut card).unwrap().is_settled());
    assert_eq!(card.receipt.unwrap().number, u32::MAX);
    // The report number stays, and the card refuses to hear it again; credit is not touched by that.
    assert!(visit(&mut meter, &mut card).is_err());
    let state = meter.state();
    assert_eq!((state.sequence, state.report_number), (u32::MAX, u32::MAX));
    assert_eq!((state.clock.time, state.clock.floor), (CardTime(u32::MAX), CardTime(u32::MAX)));
    // All months up to the last one that time knows are closed, each with the fees of one without consumption but the first.
    assert_eq!(state.month_index, Calendar::EGYPT.month_index(CardTime(u32::MAX)));
    let fees = 2_900 * (i64::from(state.month_index) - 78);
    assert_eq!(state.balance, Balance((1 << 62) - fees));
}

// ---- what must stay true

#[derive(Debug, Clone)]
enum Act {
    /// Present one of the issuer's certificates (by position from the newest), torn after an exchange or not, with power cut
    /// at a write or not.
    Present {
        back: usize,
        torn: Option<usize>,
        cut: Option<u32>,
        altered: bool,
    },
    /// The issuer certifies more.
    Certify {
        credit: u64,
        debit: u64,
    },
    /// A new card.
    Replace,
    /// A new binding.
    Rebind,
    Consume {
        energy: u32,
    },
    PowerCycle,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0_usize..6, prop::option::weighted(0.3, 0_usize..8), prop::option::weighted(0.3, 0_u32..12), prop::bool::weighted(0.1))
            .prop_map(|(back, torn, cut, altered)| Act::Present { back, torn, cut, altered }),
        4 => (0_u64..10_000, 0_u64..500).prop_map(|(credit, debit)| Act::Certify { credit, debit }),
        1 => Just(Act::Replace),
        1 => Just(Act::Rebind),
        3 => (0_u32..3_000).prop_map(|energy| Act::Consume { energy }),
        2 => (0_u32..12).prop_map(|energy| Act::Consume { energy }),
        1 => Just(Act::PowerCycle),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn credit_is_applied_once_and_nothing_falls(acts in prop::collection::vec(act(), 1..40)) {
        let chip = Chip::new();
        let mut meter = install(&chip);
        let mut issued = vec![certificate(1, 0, 0)];
        let mut closed = std::collections::BTreeMap::new();
        for act in acts {
            let before = meter.state().clone();
            let newest = *issued.last().unwrap();
            match act {
                Act::Certify { credit, debit } => issued.push(certificate_of(
                    newest.binding.number, newest.generation, newest.sequence + 1,
                    newest.total_credit.0 + credit, newest.total_debited.0 + debit,
                )),
                Act::Replace => issued.push(certificate_of(
                    newest.binding.number, newest.generation + 1, newest.sequence + 1,
                    newest.total_credit.0, newest.total_debited.0,
                )),
                Act::Rebind => issued.push(certificate_of(newest.binding.number + 1, 1, 1, 100, 0)),
                Act::Consume { energy } => {
                    let taken = meter.consume(shows(NOW), Energy(energy)).unwrap().map_or(0, |taken| taken.total().0);
                    prop_assert_eq!(before.balance.0 - taken, meter.state().balance.0);
                    prop_assert_eq!(before.energy.0 + energy, meter.state().energy.0);
                }
                Act::PowerCycle => meter = power_up(&chip).unwrap(),
                Act::Present { back, torn, cut, altered } => {
                    let mut shown = issued[issued.len().saturating_sub(1 + back)];
                    if altered {
                        shown.total_credit.0 += 1;
                    }
                    // A card with no memory of settling: a clone, or one that was rolled back.
                    let mut card = FakeCard::of(CardRef { generation: shown.generation, ..CARD }, shown);
                    if let Some(cut) = cut {
                        chip.cut_after(cut);
                    }
                    let _ = visit_torn(&mut meter, &mut card, NOW, torn);
                    meter = power_up(&chip).unwrap();
                }
            }
            let now = meter.state();
            // I5: within a binding nothing falls, and bindings do not fall.
            prop_assert!(now.binding >= before.binding);
            prop_assert!(now.clock.floor >= before.clock.floor);
            prop_assert_eq!(now.clock.time, NOW);
            // Nothing here is a loss of memory, and a binding that is open is not closed.
            prop_assert!(!now.flags.has(MeterFlags::REGRESSED) && !now.flags.has(MeterFlags::CLOSED));
            // Less than 0.1 kWh is lost without a warning.
            prop_assert!(now.energy.0 + UNWRITTEN.0 > before.energy.0);
            if now.binding == before.binding {
                prop_assert!(now.applied_credit >= before.applied_credit);
                prop_assert!(now.applied_debited >= before.applied_debited);
                prop_assert!(now.sequence >= before.sequence);
                prop_assert!(now.generation >= before.generation);
                prop_assert!(now.report_number >= before.report_number);
                prop_assert!(now.history.last_event() >= before.history.last_event());
                prop_assert!(now.running.total().0 + UNWRITTEN.0 > before.running.total().0);
            } else {
                if before.binding != 0 {
                    let report = now.final_report.unwrap().receipt;
                    prop_assert_eq!(report.binding.number, before.binding);
                    // A partial month's fees; what of it was not written yet went with it.
                    let fees = before.running.close(before.month_index, true).fees().0;
                    prop_assert_eq!(report.balance.0, before.balance.0 - fees);
                    prop_assert!(closed.insert(before.binding, report.balance).is_none());
                }
            }
            // I1: what is applied was certified, whole.
            let certified = issued.iter().any(|c| {
                (c.binding.number, c.sequence, c.total_credit, c.total_debited)
                    == (now.binding, now.sequence, now.applied_credit, now.applied_debited)
            });
            prop_assert!(certified || now.binding == 0);
            // I3: the balance is applied credit - applied debited - what was consumed, whatever was repeated.
            let consumed = now.running.energy_charge().0 as i64;
            let expected = now.applied_credit.0 as i64 - now.applied_debited.0 as i64 - consumed;
            prop_assert_eq!(now.balance, Balance(expected));
        }
        // I2: one undisturbed visit of the newest card brings the meter to the issuer's totals.
        let newest = *issued.last().unwrap();
        let mut card = FakeCard::of(CardRef { generation: newest.generation, ..CARD }, newest);
        let visit = visit(&mut meter, &mut card).unwrap();
        prop_assert!(visit.is_settled());
        prop_assert_eq!(meter.state().applied_credit, newest.total_credit);
        prop_assert_eq!(card.answer.settled_credit, newest.total_credit);
    }

    #[test]
    fn no_response_makes_it_panic(at in 0..6, junk in prop::collection::vec(any::<u8>(), 0..60)) {
        let chip = Chip::new();
        let mut meter = running(&chip);
        let mut card = FakeCard::new(certificate(6, 60_000, 300));
        let (mut visit, mut command) = Visit::begin(shows(NOW)).unwrap();
        for exchange in 0..=at {
            let answer = card.transmit(command.as_slice());
            match visit.respond(&mut meter, if exchange == at { &junk } else { &answer }) {
                Ok(Some(next)) => command = next,
                _ => break,
            }
        }
        // Credit is applied when READ CERTIFICATE, the fourth, was answered well.
        prop_assert_eq!(meter.state().balance, Balance(if at > 3 { 59_700 } else { 49_700 }));
    }
}

#[test]
fn a_visit_sees_a_clock_that_has_gone_back_before_it() {
    let chip = Chip::new();
    let mut meter = running(&chip);
    meter.tick(shows(NOW)).unwrap();
    let mut card = FakeCard::new(certificate(5, 50_000, 300));
    let back = Reading { uptime: NOW.0 + 1, ..shows(CardTime(NOW.0 - 1_000)) };
    assert!(visit_torn(&mut meter, &mut card, back, None).0.unwrap().is_settled());
    let clock = meter.state().clock;
    assert_eq!((clock.time, clock.offset, clock.doubt), (CardTime(NOW.0 + 1), 1_001, doubt::CLOCK));
    assert!(card.receipt.unwrap().flags.has(MeterFlags::CLOCK_DOUBTFUL));
}
