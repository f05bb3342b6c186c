//! A card's whole visit with everything that the engine has for it, and the same without a card (docs/meter.md, sections 8, 11 and
//! 12).
// Long: one visit, and everything that it can bring.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::calendar::Calendar;
use card_core::id::{CardId, CardRef};
use card_core::message::{Certificate, Envelope, MeterFlags, Slot, Voucher};
use card_core::meter::events::code;
use card_core::meter::{MailRefusal, Meter, Reason, Verdict, reason};
use card_core::parameters::{
    AuditRecords, Command, Debt, DebtKind, DebtPlan, KeyChange, Limits, NewKeys, Notices, Readings,
    command::kind,
};
use card_core::role::KeyVersion;
use card_core::scp03::Mode;
use card_core::soft::SoftEngine;
use card_core::units::{Balance, CardTime, Energy, Piastres};

const SELECT: u8 = 0xA4;
const FIVE: [u8; 5] = [SELECT, 0x50, 0x82, 0x46, 0x48];

/// A visit that is expected to settle.
fn visit(meter: &mut Meter<Chip>, card: &mut FakeCard, at: CardTime) -> Vec<Result<(), MailRefusal>> {
    card.trace.clear();
    let (visit, mail) = visit_at(meter, card, at);
    assert!(visit.unwrap().is_settled());
    mail.iter().map(|received| received.result).collect()
}

/// The card as it comes back: what it says of itself is what it was told.
fn card_of(meter: &Meter<Chip>) -> FakeCard {
    let state = meter.state();
    FakeCard::new(certificate(state.sequence, state.applied_credit.0, state.applied_debited.0))
}

fn put(card: &mut FakeCard, mail: Envelope) {
    card.answer.mail[mail.slot.index()] = mail.version;
    card.letters.retain(|letter| letter.slot != mail.slot);
    card.letters.push(mail);
}

// ---- visits

#[test]
fn without_news_five_exchanges_are_enough_whatever_has_happened() {
    let mut meter = bound(&Chip::new(), 50_000);
    let mut card = card_of(&meter);
    visit(&mut meter, &mut card, NOW);
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace, FIVE);
    // A month's end, commands, mail, tampering, and credit by the network.
    put(&mut card, letter(5, 1, &command(1, kind::READ_OUT, 0).emit()));
    put(&mut card, letter(2, 1, &Limits::DEFAULT.emit()));
    pass(&mut meter, begin_of(JUNE + 1));
    meter.tamper(shows(begin_of(JUNE + 1)), card_core::meter::Tampering::Cover).unwrap();
    certify(&mut meter, begin_of(JUNE + 1), 60_000, 0);
    visit(&mut meter, &mut card, begin_of(JUNE + 1));
    // The month and the events; two mails; readings, audit records, and the event of the command.
    assert_eq!(card.trace[5..], [0x4A, 0x44, 0x44, 0x4E, 0x4E, 0x4A]);
    for _ in 0..3 {
        visit(&mut meter, &mut card, begin_of(JUNE + 1));
        assert_eq!(card.trace, FIVE);
    }
    // Consumption is no news for a sixth one.
    meter.consume(shows(begin_of(JUNE + 1)), Energy(3_000)).unwrap();
    visit(&mut meter, &mut card, begin_of(JUNE + 1));
    assert_eq!(card.trace, FIVE);
    assert_eq!(card.present, Some(meter.state().month()));
}

#[test]
fn the_mode_of_the_last_card_is_tried_first() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let mut card = card_of(&meter);
    card.mode = Mode::S16;
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace, [&FIVE[..2], &[0x50], &FIVE[2..]].concat());
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace, FIVE);
    let mut meter = again(&chip);
    visit(&mut meter, &mut card, NOW);
    assert_eq!((&card.trace[..], meter.state().mode), (&FIVE[..], Mode::S16));
    card.mode = Mode::S8;
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace.len(), 6);
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace, FIVE);
}

#[test]
fn a_backlog_of_all_months_and_events_goes_with_one_visit() {
    let mut meter = bound(&Chip::new(), 50_000_000);
    for index in JUNE..JUNE + 40 {
        let at = meter.state().clock.time;
        meter.consume(shows(at), Energy(u32::from(index))).unwrap();
        pass(&mut meter, begin_of(index + 1));
    }
    let at = meter.state().clock.time;
    make_events(&mut meter, at, 70);
    let (all_months, all_events) = (months(&mut meter), events(&mut meter, 0));
    assert_eq!((all_months.len(), all_events.len()), (36, 32 + 1 + 16));
    let mut card = card_of(&meter);
    visit(&mut meter, &mut card, at);
    assert!(card.months == all_months && card.events == all_events);
    // Six events with SETTLE; five months with each further command, then one with eleven events, then thirteen events; readings, for
    // months were closed.
    assert_eq!(card.trace, [&FIVE[..], &[0x4A; 7 + 1 + 3], &[0x4E]].concat());
    let indexes: Vec<_> = all_months.iter().map(|month| month.index).collect();
    assert_eq!(indexes, (JUNE + 4..JUNE + 40).collect::<Vec<_>>());
    visit(&mut meter, &mut card, at);
    assert_eq!(card.trace, FIVE);
}

/// Mail for all twelve slots.
fn twelve() -> Vec<Envelope> {
    let debt = Debt { id: 5, kind: DebtKind::Instalment, first_month: 0, count: 3, amount: 10, last: 4 };
    let calendar = Calendar::new(*Calendar::EGYPT.zone(), 1, 2, 3, &[]).unwrap();
    let keys = NewKeys::new(KeyVersion::from_byte(0x73), [Some(master(0x44)), None, None]).unwrap();
    let keys =
        KeyChange::seal(&mut SoftEngine, KeyVersion::from_byte(0xB1), &master(0xB1), SCOPE, &keys).unwrap();
    let expired = Command { expiry: CardTime(1), ..command(2, kind::CUT, 0) };
    vec![
        letter(0, 3, flat(2, CardTime(NOW.0 + 1_000), 50, 0).as_bytes()),
        letter(1, 1, flat(3, CardTime(NOW.0 + 2_000), 60, 0).as_bytes()),
        letter(2, 2, &Limits { loan_hours: 7, ..Limits::DEFAULT }.emit()),
        letter(3, 1, calendar.emit().as_slice()),
        letter(4, 1, DebtPlan::new(&[debt]).unwrap().emit().as_slice()),
        letter(5, 1, &command(1, kind::CUT, 0).emit()),
        letter(6, 1, &expired.emit()),
        letter(7, 1, &command(3, kind::READ_OUT, 0).emit()),
        letter(8, 1, &Command { card: Some(CardId(*b"CARD---2")), ..command(4, kind::READ_OUT, 0) }.emit()),
        letter(9, 1, Notices::NONE.emit().as_slice()),
        letter(0x0A, 1, keys.emit().as_slice()),
        letter(0x0B, 1, b"unknown"),
    ]
}

fn outcomes() -> Vec<Result<(), MailRefusal>> {
    let mut outcomes = vec![Ok(()); 12];
    outcomes[6] = Err(MailRefusal::Expired);
    outcomes[8] = Err(MailRefusal::OtherCard);
    outcomes[0x0B] = Err(MailRefusal::Malformed);
    outcomes
}

/// What the twelve lead to, however often they come.
fn taken(meter: &mut Meter<Chip>, since: u32) {
    let state = meter.state().clone();
    let versions: Vec<_> = (0..12).map(|number| state.inbox.version(slot(number))).collect();
    assert_eq!(versions, [3, 1, 2, 1, 1, 1, 1, 1, 0, 1, 1, 1]);
    assert_eq!(state.tables.standby().unwrap().version(), 3);
    assert_eq!(
        (state.limits.loan_hours, state.calendar.rest_days(), state.debts.plan.debts().len()),
        (7, 3, 1)
    );
    assert_eq!((state.supply.cut, state.inbox.readings, state.inbox.audit_count), (reason::COMMAND, 2, 3));
    assert!(meter.keys().credit(KeyVersion::from_byte(0x73)).is_some());
    let mails = [code::COMMAND, code::KEYS_CHANGED, code::MAIL_REFUSED];
    let once: Vec<_> = told(meter, since).into_iter().filter(|event| mails.contains(&event.0)).collect();
    let command = |counter, kind, outcome| (code::COMMAND, [0, 0, 0, counter, kind, outcome]);
    let expected = [
        command(1, kind::CUT, 1),
        command(2, kind::CUT, 0x0A),
        command(3, kind::READ_OUT, 1),
        // It is asked for at every visit, and told once a day.
        (code::MAIL_REFUSED, [8, MailRefusal::OtherCard.code(), 0, 0, 0, 1]),
        (code::KEYS_CHANGED, [0x73, 0, 0, 0, 0, 0]),
        (code::MAIL_REFUSED, [0x0B, MailRefusal::Malformed.code(), 0, 0, 0, 1]),
    ];
    assert_eq!(once, expected);
}

#[test]
fn twelve_mails_in_one_visit() {
    let mut meter = bound(&Chip::new(), 50_000);
    let since = last_event(&meter);
    let mut card = card_of(&meter);
    for mail in twelve() {
        put(&mut card, mail);
    }
    assert_eq!(visit(&mut meter, &mut card, NOW), outcomes());
    taken(&mut meter, since);
    // Mail in the order of its slots; readings and audit records; the events that all of it has left.
    assert_eq!(card.trace, [&FIVE[..], &[0x44; 12], &[0x4E, 0x4E, 0x4A]].concat());
    assert_eq!(card.events, events(&mut meter, 0));
    let letters: Vec<_> = card.letters[12..].iter().map(|letter| (letter.slot, letter.version)).collect();
    assert_eq!(letters, [(Slot::READINGS, 2), (Slot::AUDIT, 3)]);
    let open = |letter: &Envelope| letter.open(&mut SoftEngine, &report_keys().mail, SCOPE).unwrap();
    let readings = Readings::parse(open(&card.letters[12]).as_slice()).unwrap();
    assert_eq!((readings.cut, readings.last_command, readings.report_number), (reason::COMMAND, 3, 2));
    let audits = AuditRecords::parse(open(&card.letters[13]).as_slice()).unwrap();
    let audits: Vec<_> =
        audits.records().map(|record| (record.counter, record.outcome, record.card)).collect();
    assert_eq!(audits, [(1, 1, Some(CARD.id)), (2, 0x0A, Some(CARD.id)), (3, 1, Some(CARD.id))]);
    // Only the one for another card is asked for again; its event is there already.
    assert_eq!(visit(&mut meter, &mut card, NOW), [Err(MailRefusal::OtherCard)]);
    assert_eq!(card.trace, [&FIVE[..], &[0x44]].concat());
}

#[test]
fn power_cut_at_every_write_of_a_visit_with_mail_does_everything_once() {
    let mut cuts = 0;
    for writes in 0.. {
        let chip = Chip::new();
        let mut meter = bound(&chip, 50_000);
        let since = last_event(&meter);
        let mut card = FakeCard::new(certificate(2, 60_000, 100));
        for mail in twelve() {
            put(&mut card, mail);
        }
        chip.cut_after(writes);
        let (visit, _) = visit_at(&mut meter, &mut card, NOW);
        if !chip.is_dead() {
            assert!(visit.unwrap().is_settled());
            break;
        }
        assert!(visit.is_err());
        cuts += 1;
        let mut meter = again(&chip);
        assert!(card.answer.settled_credit <= meter.state().applied_credit);
        assert!(visit_at(&mut meter, &mut card, NOW).0.unwrap().is_settled());
        taken(&mut meter, since);
        assert_eq!(meter.state().balance, Balance(59_900));
        adds_up(&mut meter);
    }
    assert!(cuts > 40, "{cuts}");
}

#[test]
fn a_visit_that_is_torn_after_any_exchange_is_repeated() {
    // Five exchanges, twelve mails, three that follow.
    for torn in 0..20 {
        let mut meter = bound(&Chip::new(), 50_000);
        let since = last_event(&meter);
        let mut card = FakeCard::new(certificate(2, 60_000, 100));
        for mail in twelve() {
            put(&mut card, mail);
        }
        let (mut visit, mut command) = card_core::meter::Visit::begin(shows(NOW)).unwrap();
        for _ in 0..torn {
            command = visit.respond(&mut meter, &card.transmit(command.as_slice())).unwrap().unwrap();
        }
        // The command that is on its way arrives, and its answer does not.
        let _ = card.transmit(command.as_slice());
        assert!(visit_at(&mut meter, &mut card, NOW).0.unwrap().is_settled());
        taken(&mut meter, since);
        assert_eq!(card.events, events(&mut meter, 0));
        assert_eq!(meter.state().balance, Balance(59_900));
    }
}

#[test]
fn an_engineering_card_brings_mail_and_its_credit_once() {
    let mut meter = bound(&Chip::new(), 50_000);
    meter.tamper(shows(NOW), card_core::meter::Tampering::Cover).unwrap();
    let technician = CardRef { id: CardId(*b"TECHNIC1"), generation: 1 };
    let mut card = FakeCard::of(technician, certificate(2, 60_000, 0));
    put(
        &mut card,
        letter(5, 1, &Command { card: Some(technician.id), ..command(1, kind::CLEAR_TAMPER, 0) }.emit()),
    );
    assert_eq!(visit(&mut meter, &mut card, NOW), [Ok(())]);
    assert_eq!((meter.state().supply.cut, meter.state().balance), (0, Balance(60_000)));
    let mut own = FakeCard::new(certificate(2, 60_000, 0));
    visit(&mut meter, &mut own, NOW);
    assert_eq!(meter.state().balance, Balance(60_000));
    // Its mail on another card is for the one that it names.
    put(&mut own, letter(6, 1, &Command { card: Some(technician.id), ..command(2, kind::CUT, 0) }.emit()));
    assert_eq!(visit(&mut meter, &mut own, NOW), [Err(MailRefusal::OtherCard)]);
}

#[test]
fn a_card_that_gives_other_mail_than_was_asked_for_gains_nothing() {
    // It answers every GET MAIL with mail of slot 02.
    let mut meter = bound(&Chip::new(), 50_000);
    let mut card = card_of(&meter);
    let mail = letter(2, 1, &Limits::DEFAULT.emit());
    card.answer.mail[..12].fill(9);
    for number in 0..12 {
        card.letters.push(letter(number, 9, b""));
    }
    for letter in &mut card.letters {
        let asked = letter.slot;
        *letter = mail.clone();
        letter.slot = asked;
    }
    let results = visit(&mut meter, &mut card, NOW);
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(results.len(), 12);
    let versions: Vec<_> = (0..12).map(|number| meter.state().inbox.version(slot(number))).collect();
    assert_eq!(versions, [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
}

// ---- network

#[test]
fn a_certificate_over_the_network_is_like_one_on_a_card() {
    let mut meter = Meter::install(Chip::new(), identity(), meter_keys(), &fresh()).unwrap();
    let first = certificate(1, 5_000, 0);
    let refused = |verdict| match verdict {
        Verdict::Refuse(reason) => Some(reason),
        _ => None,
    };
    let take = |meter: &mut Meter<Chip>, certificate: &_, binding: Option<&_>| {
        refused(meter.take_certificate(shows(NOW), certificate, binding).unwrap().verdict)
    };
    assert_eq!(take(&mut meter, &first, None), Some(Reason::BindingNotProven));
    assert_eq!(take(&mut meter, &first, Some(&binding_certificate(2))), Some(Reason::BindingNotProven));
    assert_eq!(take(&mut meter, &first, Some(&binding_certificate(1))), None);
    assert_eq!(
        (meter.state().balance, meter.state().report_number, meter.state().account),
        (Balance(5_000), 1, 7_000_001)
    );
    // Again it is nothing, and no report.
    assert_eq!(meter.take_certificate(shows(NOW), &first, None).unwrap().verdict, Verdict::Nothing);
    assert_eq!((meter.state().balance, meter.report().number), (Balance(5_000), 1));
    let mut altered = certificate(2, 6_000, 0);
    altered.total_credit = Piastres(7_000);
    assert_eq!(take(&mut meter, &altered, None), Some(Reason::NotAuthentic));
    assert_eq!(take(&mut meter, &certificate(2, 4_999, 0), None), Some(Reason::Inconsistent));
    assert_eq!(take(&mut meter, &certificate_of(1, 3, 2, 6_000, 0), None), None);
    assert_eq!(take(&mut meter, &certificate_of(1, 2, 3, 7_000, 0), None), Some(Reason::ReplacedCard));
    assert_eq!(take(&mut meter, &certificate_of(2, 1, 1, 100, 0), Some(&binding_certificate(2))), None);
    assert_eq!(take(&mut meter, &certificate_of(1, 3, 9, 9_000, 0), None), Some(Reason::OldBinding));
    let report = meter.state().final_report.unwrap().receipt;
    assert_eq!((report.binding.number, report.balance, report.number), (1, Balance(6_000), 3));
    assert_eq!((meter.state().binding, meter.state().balance), (2, Balance(100)));
    // A meter that knows of a loss of its memory takes none of this binding here either.
    let mut card = FakeCard::new(certificate_of(2, 1, 2, 200, 0));
    card.answer.settled_credit = Piastres(150);
    let _ = visit_at(&mut meter, &mut card, NOW);
    assert!(meter.state().flags.has(MeterFlags::REGRESSED));
    assert_eq!(take(&mut meter, &certificate_of(2, 1, 3, 300, 0), None), Some(Reason::Regressed));
    assert_eq!(meter.state().balance, Balance(100));
}

#[test]
fn what_the_network_brings_without_news_or_proof_leaves_no_trace() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let (old, writes, report) = (meter.state().clone(), chip.writes(), meter.report());
    let held = certificate(1, 50_000, 0);
    let altered = Certificate { total_credit: Piastres(90_000), ..certificate(2, 60_000, 0) };
    let unknown = Certificate { key_version: KeyVersion::from_byte(0x73), ..certificate(2, 60_000, 0) };
    let mail = |version| {
        let keys = parameter_keys(version);
        let limits = Limits::DEFAULT.emit();
        Envelope::seal(&mut SoftEngine, &keys, SCOPE, held.binding, slot(2), 1, &limits).unwrap()
    };
    let mut garbled = mail(2).as_bytes().to_vec();
    garbled[25] ^= 1;
    let garbled = Envelope::parse(&garbled).unwrap();
    for _ in 0..3 {
        let mut take = |certificate: &_, binding: Option<&_>| {
            meter.take_certificate(shows(NOW), certificate, binding).unwrap().verdict
        };
        assert_eq!(take(&held, None), Verdict::Nothing);
        assert_eq!(take(&held, Some(&binding_certificate(1))), Verdict::Nothing);
        assert_eq!(take(&altered, None), Verdict::Refuse(Reason::NotAuthentic));
        assert_eq!(take(&unknown, None), Verdict::Refuse(Reason::UnknownKeyVersion));
        assert_eq!(meter.take_voucher(shows(NOW), &of(1, 50_000)).unwrap().verdict, Verdict::Nothing);
        for (mail, refusal) in
            [(mail(3), MailRefusal::UnknownKeyVersion), (garbled.clone(), MailRefusal::Altered)]
        {
            assert_eq!(meter.receive(shows(NOW), None, &mail).unwrap().result, Err(refusal));
        }
    }
    assert!(meter.state() == &old && meter.report() == report);
    assert_eq!(chip.writes(), writes);
    // What a card brings leaves an event, and so does mail that is the issuer's.
    let before = last_event(&meter);
    assert!(meter.receive(shows(NOW), Some(CARD.id), &garbled).unwrap().result.is_err());
    assert!(give_by(&mut meter, NOW, None, 9, b"nonsense").is_err());
    let refused = |slot, refusal: MailRefusal| (code::MAIL_REFUSED, [slot, refusal.code(), 0, 0, 0, 1]);
    let expected = [refused(2, MailRefusal::Altered), refused(9, MailRefusal::Malformed)];
    assert_eq!(told(&mut meter, before), expected);
    // A refusal of what the issuer has signed is counted.
    let lower = certificate(2, 49_999, 0);
    let verdict = meter.take_certificate(shows(NOW), &lower, None).unwrap().verdict;
    assert_eq!(verdict, Verdict::Refuse(Reason::Inconsistent));
    assert_eq!(meter.state().refused_cards, old.refused_cards + 1);
    // The same totals on a new card, and a new binding, are news.
    let newer = certificate_of(1, 2, 1, 50_000, 0);
    assert_eq!(meter.take_certificate(shows(NOW), &newer, None).unwrap().verdict, Verdict::Nothing);
    assert_eq!((again(&chip).state().generation, meter.report().number), (2, report.number + 1));
    let empty = certificate_of(2, 1, 1, 0, 0);
    let _ = meter.take_certificate(shows(NOW), &empty, Some(&binding_certificate(2))).unwrap();
    assert_eq!((again(&chip).state().binding, meter.report().number), (2, 1));
}

fn of(sequence: u32, credit: u64) -> Voucher {
    voucher(certificate(sequence, credit, 0))
}

#[test]
fn a_voucher_from_the_network_waits_for_its_card() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let mut card = card_of(&meter);
    visit(&mut meter, &mut card, NOW);
    let decision = meter.take_voucher(shows(NOW), &of(2, 60_000)).unwrap();
    assert!(matches!(decision.verdict, Verdict::Apply { .. }));
    assert_eq!((meter.state().balance, meter.state().voucher), (Balance(60_000), Some(of(2, 60_000))));
    let mut meter = again(&chip);
    // Another card does not get it.
    let other = CardRef { id: CardId(*b"CARD---2"), generation: 1 };
    let mut second = FakeCard::of(other, certificate(1, 50_000, 0));
    second.answer.last_event = last_event(&meter);
    visit(&mut meter, &mut second, NOW);
    assert_eq!((&second.trace[..], second.vouchers.len()), (&FIVE[..], 0));
    // Its own does, before the session.
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.vouchers, [of(2, 60_000)]);
    assert_eq!(card.trace[..3], [SELECT, 0x40, 0x50]);
    assert_eq!(again(&chip).state().voucher, None);
}

#[test]
fn a_voucher_is_not_for_a_later_generation_of_its_card() {
    let mut meter = bound(&Chip::new(), 50_000);
    let _ = meter.take_voucher(shows(NOW), &of(2, 60_000)).unwrap();
    let mut later = FakeCard::of(CardRef { generation: 2, ..CARD }, certificate_of(1, 2, 1, 50_000, 0));
    visit(&mut meter, &mut later, NOW);
    assert!(later.vouchers.is_empty() && !later.trace.contains(&0x40));
    assert_eq!(meter.state().voucher, Some(of(2, 60_000)));
}

#[test]
fn a_card_that_has_its_voucher_settles_with_it_and_needs_no_further_exchange() {
    let mut meter = bound(&Chip::new(), 50_000);
    let mut card = card_of(&meter);
    visit(&mut meter, &mut card, NOW);
    let _ = meter.take_voucher(shows(NOW), &of(2, 60_000)).unwrap();
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace, [&[SELECT, 0x40][..], &FIVE[1..]].concat());
    assert_eq!((card.answer.certificate.sequence, card.answer.settled_credit), (2, Piastres(60_000)));
    assert_eq!(meter.state().balance, Balance(60_000));
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace, FIVE);
}

#[test]
fn a_card_that_refuses_its_voucher_is_brought_up_by_settle() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let mut card = card_of(&meter);
    let _ = meter.take_voucher(shows(NOW), &of(2, 60_000)).unwrap();
    card.refuses.push(0x40);
    visit(&mut meter, &mut card, NOW);
    assert_eq!((card.answer.certificate.sequence, card.answer.settled_credit), (1, Piastres(60_000)));
    assert_eq!(again(&chip).state().voucher, None);
    visit(&mut meter, &mut card, NOW);
    assert_eq!(card.trace, FIVE);
}

#[test]
fn an_answer_to_a_voucher_that_is_no_answer_ends_the_visit_and_the_voucher_waits() {
    let mut meter = bound(&Chip::new(), 50_000);
    let mut card = card_of(&meter);
    let _ = meter.take_voucher(shows(NOW), &of(2, 60_000)).unwrap();
    let (mut visit, select) = card_core::meter::Visit::begin(shows(NOW)).unwrap();
    let _ = visit.respond(&mut meter, &card.transmit(select.as_slice())).unwrap();
    assert!(visit.respond(&mut meter, &[1, 2, 0x90, 0x00]).is_err());
    assert!(meter.state().voucher.is_some());
}

#[test]
fn only_a_voucher_that_was_applied_waits_and_a_newer_one_takes_its_place() {
    let mut meter = bound(&Chip::new(), 50_000);
    let old = meter.take_voucher(shows(NOW), &of(1, 50_000)).unwrap();
    assert_eq!((old.verdict, meter.state().voucher), (Verdict::Nothing, None));
    let mut altered = of(2, 60_000);
    altered.certificate.total_credit = Piastres(90_000);
    assert_eq!(
        meter.take_voucher(shows(NOW), &altered).unwrap().verdict,
        Verdict::Refuse(Reason::NotAuthentic)
    );
    assert_eq!(meter.state().voucher, None);
    let _ = meter.take_voucher(shows(NOW), &of(2, 60_000)).unwrap();
    let _ = meter.take_voucher(shows(NOW), &of(3, 70_000)).unwrap();
    assert_eq!((meter.state().voucher, meter.state().balance), (Some(of(3, 70_000)), Balance(70_000)));
}

#[test]
fn power_cut_at_every_write_of_a_voucher() {
    for writes in 0.. {
        let chip = Chip::new();
        let mut meter = bound(&chip, 50_000);
        chip.cut_after(writes);
        let result = meter.take_voucher(shows(NOW), &of(2, 60_000));
        if !chip.is_dead() {
            result.unwrap();
            assert!(writes > 3);
            break;
        }
        let mut meter = again(&chip);
        // Its credit and the voucher itself are one.
        let credited = meter.state().balance == Balance(60_000);
        assert_eq!(meter.state().voucher.is_some(), credited, "cut at write {writes}");
        let _ = meter.take_voucher(shows(NOW), &of(2, 60_000)).unwrap();
        assert_eq!((meter.state().balance, meter.state().voucher), (Balance(60_000), Some(of(2, 60_000))));
    }
}
