//! What the issuer's mail does to a meter, what is refused, commands, change of keys, and mail to the issuer (docs/meter.md,
//! sections 7 to 10).
// Long: one case for each kind of mail and each refusal.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::calendar::Calendar;
use card_core::id::{Binding, CardId, MeterId, Scope};
use card_core::key::AesKey;
use card_core::message::{Certificate, Envelope, MailKeys, Slot};
use card_core::meter::events::code;
use card_core::meter::{MailRefusal, Meter, MeterError, MeterState, Received, Tampering, reason};
use card_core::parameters::{
    AuditRecord, AuditRecords, Command, Debt, DebtKind, DebtPlan, KeyChange, Limits, NewKeys, Notice,
    Notices, Readings, command::kind,
};
use card_core::role::KeyVersion;
use card_core::soft::SoftEngine;
use card_core::units::{Balance, CardTime, Energy, Piastres};

fn after(seconds: u32) -> CardTime {
    CardTime(NOW.0 + seconds)
}

fn receive(meter: &mut Meter<Chip>, mail: &Envelope) -> Result<(), MailRefusal> {
    let received = meter.receive(shows(NOW), Some(CARD.id), mail).unwrap();
    assert_eq!((received.slot, received.version), (mail.slot, mail.version));
    received.result
}

fn version(meter: &Meter<Chip>, number: u8) -> u32 {
    meter.state().inbox.version(slot(number))
}

fn refused(number: u8, refusal: MailRefusal, version: u8) -> (u16, [u8; 6]) {
    (code::MAIL_REFUSED, [number, refusal.code(), 0, 0, 0, version])
}

/// One mail of each kind that a meter takes, with keys last.
fn of_each_kind() -> Vec<(u8, Vec<u8>)> {
    let debt = Debt { id: 5, kind: DebtKind::Other, first_month: 0, count: 3, amount: 10, last: 4 };
    let notice = Notice { template: 3, until: after(100), value: 9 };
    let calendar = Calendar::new(*Calendar::EGYPT.zone(), 1, 2, 3, &[]).unwrap();
    let orders = (0..4).map(|n| (5 + n, command(1 + u32::from(n), kind::READ_OUT, 0).emit().to_vec()));
    let mut all = vec![
        (0, flat(2, after(1_000), 50, 0).as_bytes().to_vec()),
        (1, flat(3, after(2_000), 60, 0).as_bytes().to_vec()),
        (2, Limits { loan_hours: 7, ..Limits::DEFAULT }.emit().to_vec()),
        (3, calendar.emit().as_slice().to_vec()),
        (4, DebtPlan::new(&[debt]).unwrap().emit().as_slice().to_vec()),
    ];
    all.extend(orders);
    all.push((9, Notices::new(&[notice]).unwrap().emit().as_slice().to_vec()));
    all.push((0x0A, change(0xB1, &master(0xB1), SCOPE, single(0x73, 0x44))));
    all
}

// ---- taking

#[test]
fn each_slot_says_what_it_says() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    for (number, plaintext) in of_each_kind() {
        give_by(&mut meter, NOW, Some(CARD.id), number, &plaintext).unwrap();
        assert_eq!(version(&meter, number), 1);
    }
    let state = meter.state();
    // Slots 00 and 01 are alike: the later one has taken the place of the one that waited.
    assert_eq!(state.tables.standby().unwrap().version(), 3);
    assert_eq!((state.limits.loan_hours, state.calendar.rest_days()), (7, 3));
    assert_eq!((state.debts.plan.debts().len(), state.debts.left()), (1, Piastres(24)));
    assert_eq!((state.inbox.executed.newest(), state.inbox.readings, state.inbox.audit_count), (4, 5, 4));
    assert_eq!(state.inbox.notices.notices().len(), 1);
    assert!(meter.keys().credit(KeyVersion::from_byte(0x73)).is_some());
    let mut found = again(&chip);
    assert_eq!(found.state(), meter.state());
    assert!(found.keys().credit(KeyVersion::from_byte(0x73)).is_some());
    assert_eq!(events(&mut found, 0), events(&mut meter, 0));
}

#[test]
fn notices_are_shown_until_their_end() {
    let mut meter = bound(&Chip::new(), 50_000);
    let notice = |template, until| Notice { template, until, value: 9 };
    let all = [notice(1, after(100)), notice(2, CardTime::UNSET), notice(3, after(50))];
    give(&mut meter, NOW, 9, Notices::new(&all).unwrap().emit().as_slice());
    let shown = |meter: &mut Meter<Chip>, at| {
        meter.tick(shows(at)).unwrap();
        meter.state().notices().map(|notice| notice.template).collect::<Vec<_>>()
    };
    assert_eq!(shown(&mut meter, after(49)), [1, 2, 3]);
    assert_eq!(shown(&mut meter, after(50)), [1, 2]);
    assert_eq!(shown(&mut meter, after(100)), [2]);
    let other = [notice(7, CardTime::UNSET)];
    give(&mut meter, after(100), 9, Notices::new(&other).unwrap().emit().as_slice());
    assert_eq!(shown(&mut meter, after(100)), [7]);
    give(&mut meter, after(100), 9, Notices::NONE.emit().as_slice());
    assert!(shown(&mut meter, after(100)).is_empty());
}

#[test]
fn power_cut_at_every_write_of_each_kind_of_mail() {
    for (number, plaintext) in of_each_kind() {
        let mail = letter(number, 1, &plaintext);
        // Repeated where it was taken it is stale, and changes nothing.
        cut_everywhere(
            2,
            |chip| bound(chip, 50_000),
            |meter| {
                let received = meter.receive(shows(NOW), Some(CARD.id), &mail)?;
                assert!(
                    matches!(received.result, Ok(()) | Err(MailRefusal::Stale)),
                    "slot {number:02X}: {received:?}"
                );
                Ok(())
            },
        );
    }
    // Refusals too are one update, also of the version.
    for plaintext in [&b"nonsense"[..], &command(1, 99, 0).emit()] {
        let mail = letter(5, 1, plaintext);
        cut_everywhere(
            2,
            |chip| bound(chip, 50_000),
            |meter| meter.receive(shows(NOW), None, &mail).map(drop),
        );
    }
}

// ---- refusals

#[test]
fn mail_for_others_is_refused_and_leaves_nothing() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let limits = Limits::DEFAULT.emit();
    let to = |meter: &[u8; 8], number| Binding { meter: MeterId(*meter), number };
    let sealed = |binding| {
        Envelope::seal(&mut SoftEngine, &parameter_keys(2), SCOPE, binding, slot(2), 1, &limits).unwrap()
    };
    let (old, writes) = (meter.state().clone(), chip.writes());
    for (binding, refusal) in [
        (to(b"METER--2", 1), MailRefusal::OtherMeter),
        (to(b"METER--1", 2), MailRefusal::OtherBinding),
        // Both: the meter comes first.
        (to(b"METER--2", 2), MailRefusal::OtherMeter),
    ] {
        assert_eq!(receive(&mut meter, &sealed(binding)), Err(refusal));
    }
    assert!(meter.state() == &old && chip.writes() == writes);
    assert_eq!(receive(&mut meter, &sealed(to(b"METER--1", 1))), Ok(()));
    // A meter without a binding takes none.
    let mut meter = Meter::install(Chip::new(), identity(), meter_keys(), &fresh()).unwrap();
    assert_eq!(receive(&mut meter, &sealed(to(b"METER--1", 1))), Err(MailRefusal::OtherBinding));
}

#[test]
fn a_version_is_taken_once_and_never_falls() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let mail = |version| letter(2, version, &Limits { loan_hours: version as u16, ..Limits::DEFAULT }.emit());
    assert_eq!(receive(&mut meter, &mail(5)), Ok(()));
    let (old, writes) = (meter.state().clone(), chip.writes());
    for stale in [5, 4, 1] {
        assert_eq!(receive(&mut meter, &mail(stale)), Err(MailRefusal::Stale));
    }
    assert!(meter.state() == &old && chip.writes() == writes);
    // Slots count by themselves.
    assert_eq!(receive(&mut meter, &letter(9, 1, Notices::NONE.emit().as_slice())), Ok(()));
    assert_eq!(receive(&mut meter, &mail(6)), Ok(()));
    assert_eq!((version(&meter, 2), version(&meter, 9), meter.state().limits.loan_hours), (6, 1, 6));
}

#[test]
fn unknown_keys_and_altered_mail_leave_an_event_and_the_true_mail_can_still_come() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let limits = Limits::DEFAULT.emit();
    let true_one = letter(2, 3, &limits);
    let binding = true_one.binding;
    let by = |keys: &MailKeys, scope| {
        Envelope::seal(&mut SoftEngine, keys, scope, binding, slot(2), 3, &limits).unwrap()
    };
    let before = last_event(&meter);
    let unknown = by(&parameter_keys(3), SCOPE);
    assert_eq!(receive(&mut meter, &unknown), Err(MailRefusal::UnknownKeyVersion));
    let writes = chip.writes();
    assert_eq!(receive(&mut meter, &unknown), Err(MailRefusal::UnknownKeyVersion));
    assert_eq!(chip.writes(), writes, "the same again is not an event again");
    let mut altered = true_one.as_bytes().to_vec();
    altered[25] ^= 1;
    assert_eq!(receive(&mut meter, &Envelope::parse(&altered).unwrap()), Err(MailRefusal::Altered));
    let mut renamed = true_one.as_bytes().to_vec();
    renamed[14] = 9;
    assert_eq!(receive(&mut meter, &Envelope::parse(&renamed).unwrap()), Err(MailRefusal::Altered));
    let elsewhere = Scope { company: card_core::id::Company(9), ..SCOPE };
    assert_eq!(receive(&mut meter, &by(&parameter_keys(2), elsewhere)), Err(MailRefusal::Altered));
    let expected = [refused(2, MailRefusal::UnknownKeyVersion, 3), refused(2, MailRefusal::Altered, 3)];
    assert_eq!(told(&mut meter, before), expected);
    assert_eq!(version(&meter, 2), 0);
    // The previous key version is as good as the current one.
    assert_eq!(receive(&mut meter, &by(&parameter_keys(1), SCOPE)), Ok(()));
    assert_eq!(version(&meter, 2), 3);
}

#[test]
fn what_has_not_the_form_of_its_slot_is_refused_for_good() {
    let mut meter = bound(&Chip::new(), 50_000);
    let old = meter.state().clone();
    let before = last_event(&meter);
    let try_one = |meter: &mut Meter<Chip>, number: u8, plaintext: &[u8]| {
        let next = version(meter, number) + 1;
        let mail = letter(number, next, plaintext);
        assert_eq!(receive(meter, &mail), Err(MailRefusal::Malformed), "slot {number:02X}");
        assert_eq!(version(meter, number), next);
        assert_eq!(receive(meter, &mail), Err(MailRefusal::Stale));
    };
    for (number, plaintext) in of_each_kind() {
        try_one(&mut meter, number, &plaintext[..plaintext.len() - 1]);
        try_one(&mut meter, number, &[&plaintext[..], &[0]].concat());
        try_one(&mut meter, number, &[&[plaintext[0] ^ 3], &plaintext[1..]].concat());
        try_one(&mut meter, number, &[]);
    }
    // Nothing is for slot 0B.
    for (_, plaintext) in of_each_kind() {
        try_one(&mut meter, 0x0B, &plaintext);
    }
    assert_eq!(told(&mut meter, before), [refused(0, MailRefusal::Malformed, 1)]);
    let unchanged = MeterState { inbox: old.inbox, history: old.history, ..meter.state().clone() };
    assert!(unchanged == old);
}

#[test]
fn mail_of_a_meter_is_no_mail_to_one() {
    let mut meter = bound(&Chip::new(), 50_000);
    give_by(&mut meter, NOW, None, 5, &Command { card: None, ..command(1, kind::READ_OUT, 0) }.emit())
        .unwrap();
    let own = meter.readings(0).unwrap().unwrap();
    let before = last_event(&meter);
    assert_eq!(receive(&mut meter, &own), Err(MailRefusal::UnknownKeyVersion));
    assert_eq!(told(&mut meter, before), [refused(0x11, MailRefusal::UnknownKeyVersion, 1)]);
    assert_eq!(meter.readings(0).unwrap().unwrap().version, 1);
}

#[test]
fn a_tariff_that_is_not_newer_is_refused_for_good() {
    let mut meter = bound(&Chip::new(), 50_000);
    give(&mut meter, NOW, 0, flat(7, CardTime(1), 50, 0).as_bytes());
    give(&mut meter, NOW, 1, flat(9, after(500), 50, 0).as_bytes());
    let before = last_event(&meter);
    // The last two are newer than the one in force, but not than the one that waits.
    for (number, old) in [(0, 7), (1, 6), (0, 8), (1, 9)] {
        let next = version(&meter, number) + 1;
        let mail = letter(number, next, flat(old, CardTime(1), 60, 0).as_bytes());
        assert_eq!(receive(&mut meter, &mail), Err(MailRefusal::TariffNotNewer));
        assert_eq!(version(&meter, number), next);
    }
    assert_eq!(told(&mut meter, before), [refused(0, MailRefusal::TariffNotNewer, 2)]);
    assert_eq!(meter.state().tables.standby(), Some(&flat(9, after(500), 50, 0)));
    // A newer one takes the place of the one that waits.
    let before = last_event(&meter);
    give(&mut meter, NOW, 0, flat(10, after(600), 50, 0).as_bytes());
    assert_eq!(meter.state().tables.standby().unwrap().version(), 10);
    assert_eq!(told(&mut meter, before), [(code::TARIFF_REPLACED, [0, 0, 0, 9, 0, 0])]);
}

#[test]
fn refusals_have_codes_and_words_of_their_own() {
    let all: Vec<_> = MailRefusal::ALL.iter().map(|refusal| refusal.code()).collect();
    assert_eq!(all, (0x02..=0x0E).collect::<Vec<_>>());
    let words: std::collections::BTreeSet<_> = MailRefusal::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), 13);
}

// ---- commands

fn done(counter: u8, kind: u8, outcome: u8) -> (u16, [u8; 6]) {
    (code::COMMAND, [0, 0, 0, counter, kind, outcome])
}

#[test]
fn commands_do_what_they_are_for() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let before = last_event(&meter);
    meter.tamper(shows(NOW), Tampering::Cover).unwrap();
    let run = |meter: &mut Meter<Chip>, counter, kind, value| {
        assert_eq!(order(meter, NOW, &command(counter, kind, value)), Ok(()));
        assert_eq!(again(&chip).state(), meter.state());
    };
    run(&mut meter, 1, kind::CUT, 0);
    assert_eq!(meter.state().supply.cut, reason::COMMAND | reason::TAMPERING);
    run(&mut meter, 2, kind::CLEAR_TAMPER, 0);
    assert_eq!(meter.state().supply.cut, reason::COMMAND);
    run(&mut meter, 3, kind::END_CUT, 0);
    assert_eq!(meter.state().supply.cut, 0);
    run(&mut meter, 4, kind::READ_OUT, 0);
    assert_eq!(meter.state().inbox.readings, 1);
    run(&mut meter, 5, kind::LOWEST_GENERATION, 6);
    assert_eq!(meter.state().generation, 6);
    run(&mut meter, 6, kind::LOWEST_GENERATION, 4);
    assert_eq!(meter.state().generation, 6, "it never falls");
    run(&mut meter, 7, kind::LOWEST_GENERATION, 0xFFFF);
    assert_eq!(meter.state().generation, u16::MAX);
    let card = FakeCard::new(certificate(2, 60_000, 0));
    let decision = meter.take_certificate(shows(NOW), &card.answer.certificate, None).unwrap();
    assert_eq!(decision.verdict, card_core::meter::Verdict::Refuse(card_core::meter::Reason::ReplacedCard));
    let commands: Vec<_> =
        told(&mut meter, before).into_iter().filter(|(code, _)| *code == code::COMMAND).collect();
    let kinds = [kind::CUT, kind::CLEAR_TAMPER, kind::END_CUT, kind::READ_OUT, 7, 7, 7];
    let expected: Vec<_> = (1..).zip(kinds).map(|(counter, kind)| done(counter, kind, 1)).collect();
    assert_eq!(commands, expected);
}

#[test]
fn a_command_that_is_unknown_or_out_of_range_counts_as_executed() {
    let any = |kind, value| Command { card: None, ..command(1, kind, value) };
    let wrong = [
        command(1, 0, 0),
        command(1, 8, 0),
        command(1, 0xFF, 0),
        any(kind::CLEAR_TAMPER, 0),
        Command { expiry: after(60), ..any(kind::CLOCK, NOW.0) },
        command(1, kind::CUT, 1),
        command(1, kind::END_CUT, 1),
        command(1, kind::CLEAR_TAMPER, 1),
        Command { expiry: after(60), ..command(1, kind::CLOCK, 0) },
        // Without an expiry.
        command(1, kind::CLOCK, NOW.0),
        Command { expiry: NOW, ..command(1, kind::CLOCK, NOW.0) },
        Command { expiry: NOW, ..command(1, kind::CLOCK, NOW.0 + 1) },
        command(1, kind::READ_OUT, 1),
        command(1, kind::END_OVERLOAD, 1),
        command(1, kind::LOWEST_GENERATION, 0),
        command(1, kind::LOWEST_GENERATION, 0x1_0000),
        // Both unknown and expired: it is unknown.
        Command { expiry: CardTime(1), ..command(1, 9, 0) },
    ];
    for wrong in wrong {
        let mut meter = bound(&Chip::new(), 50_000);
        let (old, before) = (meter.state().clone(), last_event(&meter));
        assert_eq!(order(&mut meter, NOW, &wrong), Err(MailRefusal::UnknownCommand), "{wrong:?}");
        assert_eq!(version(&meter, 5), 1);
        assert_eq!(told(&mut meter, before), [done(1, wrong.action.kind(), 0x0C)]);
        let record = AuditRecord {
            counter: 1,
            time: NOW,
            kind: wrong.action.kind(),
            outcome: 0x0C,
            card: Some(CARD.id),
        };
        assert_eq!(meter.state().inbox.audits.records().collect::<Vec<_>>(), [&record]);
        let unchanged = MeterState { inbox: old.inbox, history: old.history, ..meter.state().clone() };
        assert!(unchanged == old);
        assert_eq!(order(&mut meter, NOW, &command(1, kind::CUT, 0)), Err(MailRefusal::ExecutedBefore));
    }
}

#[test]
fn an_expired_command_counts_as_executed() {
    let mut meter = bound(&Chip::new(), 50_000);
    let until = |counter, expiry| Command { expiry, ..command(counter, kind::READ_OUT, 0) };
    assert_eq!(order(&mut meter, NOW, &until(1, after(1))), Ok(()));
    let before = last_event(&meter);
    assert_eq!(order(&mut meter, NOW, &until(2, NOW)), Err(MailRefusal::Expired));
    assert_eq!(told(&mut meter, before), [done(2, kind::READ_OUT, 0x0A)]);
    assert_eq!(
        (meter.state().inbox.readings, meter.state().inbox.audit_count, version(&meter, 5)),
        (1, 2, 2)
    );
    assert_eq!(order(&mut meter, NOW, &until(2, after(9))), Err(MailRefusal::ExecutedBefore));
}

#[test]
fn a_command_that_comes_after_a_later_one_of_its_kind_is_superseded() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let mut run = |counter, kind, value, expiry| {
        let result = order(&mut meter, NOW, &Command { expiry, ..command(counter, kind, value) });
        meter = again(&chip);
        let audit = *meter.state().inbox.audits.records().last().unwrap();
        let told = told(&mut meter, 0).last().copied().unwrap();
        if result != Err(MailRefusal::ExecutedBefore) {
            let outcome = result.map_or_else(MailRefusal::code, |()| 1);
            assert_eq!((audit.counter, audit.kind, audit.outcome), (counter, kind, outcome));
            if kind != kind::CUT && kind != kind::END_CUT {
                assert_eq!(told, done(counter as u8, kind, outcome));
            }
        }
        (result, meter.state().supply.cut, meter.state().clock.time)
    };
    let (none, superseded) = (CardTime::UNSET, Err(MailRefusal::Superseded));
    // The supply: cut and end of it are one kind.
    assert_eq!(run(5, kind::CUT, 0, none), (Ok(()), reason::COMMAND, NOW));
    assert_eq!(run(4, kind::END_CUT, 0, none), (superseded, reason::COMMAND, NOW));
    assert_eq!(run(4, kind::END_CUT, 0, none).0, Err(MailRefusal::ExecutedBefore));
    assert_eq!(run(6, kind::END_CUT, 0, none), (Ok(()), 0, NOW));
    assert_eq!(run(3, kind::CUT, 0, none), (superseded, 0, NOW));
    // Other kinds come in any order, and expiry is looked at before that.
    assert_eq!(run(1, kind::READ_OUT, 0, none).0, Ok(()));
    assert_eq!(run(2, kind::CUT, 0, CardTime(1)).0, Err(MailRefusal::Expired));
    // One that was not executed supersedes nothing.
    assert_eq!(run(20, kind::CUT, 0, CardTime(1)).0, Err(MailRefusal::Expired));
    assert_eq!(run(19, kind::CUT, 1, none).0, Err(MailRefusal::UnknownCommand));
    assert_eq!(run(7, kind::CUT, 0, none), (Ok(()), reason::COMMAND, NOW));
    // The clock counts by itself.
    let clock = |seconds| (kind::CLOCK, after(seconds).0, after(seconds + 60));
    let (kind, value, expiry) = clock(1_000);
    assert_eq!(run(15, kind, value, expiry), (Ok(()), reason::COMMAND, after(1_000)));
    let (kind, value, expiry) = clock(5_000);
    assert_eq!(run(14, kind, value, expiry), (superseded, reason::COMMAND, after(1_000)));
    assert_eq!(run(14, kind, value, expiry).0, Err(MailRefusal::ExecutedBefore));
    assert_eq!(run(16, kind, value, expiry), (Ok(()), reason::COMMAND, after(5_000)));
    assert_eq!(run(8, kind::END_CUT, 0, none), (Ok(()), 0, after(5_000)));
    // A command of the company's newest kind does not outlast the binding.
    let next = certificate_of(2, 1, 1, 500, 0);
    let _ = meter.take_certificate(shows(NOW), &next, Some(&binding_certificate(2))).unwrap();
    assert_eq!(meter.state().inbox, card_core::meter::Inbox::default());
}

#[test]
fn a_superseded_command_is_told_and_its_mail_does_not_come_again() {
    let mut meter = bound(&Chip::new(), 50_000);
    assert_eq!(order(&mut meter, NOW, &command(2, kind::CUT, 0)), Ok(()));
    let before = last_event(&meter);
    assert_eq!(order(&mut meter, NOW, &command(1, kind::END_CUT, 0)), Err(MailRefusal::Superseded));
    assert_eq!(told(&mut meter, before), [done(1, kind::END_CUT, 0x0E)]);
    assert_eq!((version(&meter, 5), meter.state().inbox.audit_count), (2, 2));
}

#[test]
fn a_command_for_a_card_waits_for_that_card() {
    let mut meter = bound(&Chip::new(), 50_000);
    let other = CardId(*b"CARD---2");
    let mail = letter(6, 4, &command(3, kind::CUT, 0).emit());
    let before = last_event(&meter);
    for carrier in [Some(other), None, None] {
        let received = meter.receive(shows(NOW), carrier, &mail).unwrap();
        assert_eq!(received, Received { slot: slot(6), version: 4, result: Err(MailRefusal::OtherCard) });
    }
    assert_eq!(told(&mut meter, before), [refused(6, MailRefusal::OtherCard, 4)]);
    assert_eq!((version(&meter, 6), meter.state().inbox.audit_count), (0, 0));
    assert_eq!(meter.receive(shows(NOW), Some(CARD.id), &mail).unwrap().result, Ok(()));
    assert_eq!(meter.state().supply.cut, reason::COMMAND);
    // One that names none is for whoever brings it.
    for (counter, carrier) in [(4, Some(other)), (5, None)] {
        let any = Command { card: None, ..command(counter, kind::READ_OUT, 0) };
        assert_eq!(give_by(&mut meter, NOW, carrier, 5, &any.emit()), Ok(()));
        assert_eq!(meter.state().inbox.audits.records().last().unwrap().card, carrier);
    }
}

#[test]
fn executed_before_is_known_before_anything_else() {
    let mut meter = bound(&Chip::new(), 50_000);
    assert_eq!(order(&mut meter, NOW, &command(1, kind::READ_OUT, 0)), Ok(()));
    let (before, count) = (last_event(&meter), meter.state().inbox.audit_count);
    // By the wrong card, of an unknown kind, expired.
    let again = Command { expiry: CardTime(1), card: Some(CardId(*b"CARD---2")), ..command(1, 77, 3) };
    assert_eq!(order(&mut meter, NOW, &again), Err(MailRefusal::ExecutedBefore));
    assert_eq!((version(&meter, 5), last_event(&meter), meter.state().inbox.audit_count), (2, before, count));
}

#[test]
fn commands_come_in_any_order_within_a_window() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let mut run = |counter| {
        let result = order(&mut meter, NOW, &command(counter, kind::READ_OUT, 0));
        meter = again(&chip);
        result
    };
    let before = Err(MailRefusal::ExecutedBefore);
    assert_eq!(run(100), Ok(()));
    assert_eq!((run(67), run(68)), (before, Ok(())));
    for counter in 69..100 {
        assert_eq!((run(counter), run(counter)), (Ok(()), before), "{counter}");
    }
    assert_eq!(run(100), before);
    // The window moves on, with what is known in it.
    assert_eq!(run(104), Ok(()));
    assert_eq!((run(99), run(102), run(102), run(71)), (before, Ok(()), before, before));
    assert_eq!((run(136), run(104), run(103), run(135)), (Ok(()), before, before, Ok(())));
    assert_eq!((run(105), run(106)), (Ok(()), Ok(())));
    // Beyond the window nothing is known, and all is taken as executed.
    assert_eq!((run(169), run(136), run(137), run(138)), (Ok(()), before, Ok(()), Ok(())));
    assert_eq!(
        (run(u32::MAX), run(u32::MAX), run(u32::MAX - 32), run(u32::MAX - 33)),
        (Ok(()), before, Ok(()), before)
    );
    assert_eq!(meter.state().inbox.executed.newest(), u32::MAX);
}

#[test]
fn the_very_first_command_may_have_any_counter() {
    for first in [1, 2, 32, 33, 34, 1000] {
        let mut meter = bound(&Chip::new(), 50_000);
        assert_eq!(order(&mut meter, NOW, &command(first, kind::READ_OUT, 0)), Ok(()));
        for below in 1..first.min(33) {
            assert_eq!(
                order(&mut meter, NOW, &command(first - below, kind::READ_OUT, 0)),
                Ok(()),
                "{first} {below}"
            );
        }
    }
}

// ---- change of keys

fn single(version: u8, seed: u8) -> NewKeys {
    NewKeys::new(KeyVersion::from_byte(version), [Some(master(seed)), None, None]).unwrap()
}

fn change(version: u8, transport: &AesKey, scope: Scope, new: NewKeys) -> Vec<u8> {
    KeyChange::seal(&mut SoftEngine, KeyVersion::from_byte(version), transport, scope, &new)
        .unwrap()
        .emit()
        .as_slice()
        .to_vec()
}

/// A change under the transport key that the meter has.
fn rotate(meter: &mut Meter<Chip>, version: u8, seeds: &[u8]) -> Result<(), MailRefusal> {
    let mut keys = [None, None, None];
    for (key, seed) in keys.iter_mut().zip(seeds) {
        *key = Some(master(*seed));
    }
    let transport = meter.keys().transport();
    let plaintext = change(
        transport.version.byte(),
        &transport.key,
        SCOPE,
        NewKeys::new(KeyVersion::from_byte(version), keys).unwrap(),
    );
    give_by(meter, NOW, None, 0x0A, &plaintext)
}

#[test]
fn keys_of_each_role_are_changed_and_the_previous_ones_still_serve() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let before = last_event(&meter);
    // Credit.
    assert_eq!(rotate(&mut meter, 0x73, &[0x11]), Ok(()));
    let credit = |version| meter.keys().credit(version).map(|key| key.expose().to_vec());
    assert_eq!(credit(KeyVersion::from_byte(0x73)), Some(vec![0x11; 32]));
    assert_eq!(credit(KeyVersion::from_byte(0x72)), Some(credit_key(2).key.expose().to_vec()));
    assert_eq!(credit(KeyVersion::from_byte(0x71)), None, "only one before the current one");
    let new = Certificate { key_version: KeyVersion::from_byte(0x73), ..certificate(2, 60_000, 0) };
    let new = new.sign(&mut SoftEngine, &master(0x11), SCOPE);
    let _ = meter.take_certificate(shows(NOW), &new, None).unwrap();
    certify(&mut meter, NOW, 70_000, 0);
    assert_eq!(meter.state().balance, Balance(70_000));
    // Base.
    assert_eq!(rotate(&mut meter, 0xA3, &[0x12]), Ok(()));
    assert_eq!(meter.keys().base_for(KeyVersion::from_byte(0x33)).unwrap().expose(), [0x12; 32]);
    assert!(
        meter.keys().base_for(KeyVersion::from_byte(0x32)).is_some()
            && meter.keys().base_for(KeyVersion::from_byte(0x31)).is_none()
    );
    // Parameter: mail under the previous keys is still taken, under the ones before them no longer.
    assert_eq!(rotate(&mut meter, 0x83, &[0x13, 0x14]), Ok(()));
    let sealed = |version: u8, mac: AesKey, enc: AesKey, mail_version| {
        let keys = MailKeys { version: KeyVersion::from_byte(version), mac, enc };
        let binding = Binding { meter: METER, number: 1 };
        Envelope::seal(&mut SoftEngine, &keys, SCOPE, binding, slot(2), mail_version, &Limits::DEFAULT.emit())
            .unwrap()
    };
    assert_eq!(receive(&mut meter, &sealed(0x83, master(0x13), master(0x14), 1)), Ok(()));
    assert_eq!(receive(&mut meter, &letter(2, 2, &Limits::DEFAULT.emit())), Ok(()));
    let MailKeys { version, mac, enc } = parameter_keys(1);
    assert_eq!(
        receive(&mut meter, &sealed(version.byte(), mac, enc, 3)),
        Err(MailRefusal::UnknownKeyVersion)
    );
    // Report: at once, with no previous ones.
    assert_eq!(rotate(&mut meter, 0x92, &[0x15, 0x16, 0x17]), Ok(()));
    let receipt = meter.report();
    assert!(
        receipt.key_version == KeyVersion::from_byte(0x92)
            && receipt.verify(&mut SoftEngine, &master(0x17), SCOPE).is_ok()
    );
    order(&mut meter, NOW, &command(1, kind::READ_OUT, 0)).unwrap();
    let mail = meter.readings(0).unwrap().unwrap();
    let report = MailKeys { version: KeyVersion::from_byte(0x92), mac: master(0x15), enc: master(0x16) };
    assert!(mail.open(&mut SoftEngine, &report, SCOPE).is_ok());
    // Transport: the old one is of no use any more.
    assert_eq!(rotate(&mut meter, 0xB2, &[0x18]), Ok(()));
    let old = change(0xB1, &master(0xB1), SCOPE, single(0x74, 1));
    assert_eq!(give_by(&mut meter, NOW, None, 0x0A, &old), Err(MailRefusal::UnusableKeys));
    assert_eq!(rotate(&mut meter, 0x74, &[0x19]), Ok(()));
    assert!(meter.keys().credit(KeyVersion::from_byte(0x74)).is_some());
    // Never back.
    assert_eq!(rotate(&mut meter, 0x71, &[0x1A]), Err(MailRefusal::UnusableKeys));
    assert!(
        meter.keys().credit(KeyVersion::from_byte(0x74)).is_some()
            && meter.keys().credit(KeyVersion::from_byte(0x71)).is_none()
    );
    assert_eq!(rotate(&mut meter, 0x7B, &[0x1B]), Ok(()));
    assert!(
        meter.keys().credit(KeyVersion::from_byte(0x74)).is_some()
            && meter.keys().credit(KeyVersion::from_byte(0x73)).is_none()
    );
    for version in [0x71, 0x74, 0x7A] {
        assert_eq!(rotate(&mut meter, version, &[0x1A]), Err(MailRefusal::UnusableKeys));
    }

    let changes = told(&mut meter, before).into_iter().filter(|(code, _)| *code == code::KEYS_CHANGED);
    let versions: Vec<_> = changes.map(|(_, data)| data[0]).collect();
    assert_eq!(versions, [0x73, 0xA3, 0x83, 0x92, 0xB2, 0x74, 0x7B]);
    // All of it is there after a power cut.
    let found = again(&chip);
    assert_eq!(
        (found.keys().transport().version, found.keys().transport().key.expose()),
        (KeyVersion::from_byte(0xB2), &[0x18; 32][..])
    );
    assert_eq!(found.keys().report().receipt.expose(), [0x17; 32]);
    assert_eq!(found.keys().parameter(KeyVersion::from_byte(0x83)).unwrap().enc.expose(), [0x14; 32]);
}

#[test]
fn short_keys_serve_too() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let short = NewKeys::new(KeyVersion::from_byte(0xA7), [AesKey::new(&[7; 16]), None, None]).unwrap();
    give(&mut meter, NOW, 0x0A, &change(0xB1, &master(0xB1), SCOPE, short));
    assert_eq!(again(&chip).keys().base_for(KeyVersion::from_byte(0x37)).unwrap().expose(), [7; 16]);
}

#[test]
fn the_current_keys_again_change_nothing_and_others_of_that_version_are_refused() {
    let chip = Chip::new();
    for (version, seeds) in
        [(0x73, &[1][..]), (0xA3, &[1]), (0x83, &[1, 2]), (0x92, &[1, 2, 3]), (0xB2, &[1])]
    {
        let mut meter = bound(&chip.clone(), 50_000);
        assert_eq!(rotate(&mut meter, version, seeds), Ok(()));
        let before = last_event(&meter);
        let pages = chip.snapshot()[..14].to_vec();
        assert_eq!(rotate(&mut meter, version, seeds), Ok(()));
        // The issuer is told that they are in use.
        assert_eq!(told(&mut meter, before), [(code::KEYS_CHANGED, [version, 0, 0, 0, 0, 0])]);
        let before = last_event(&meter);
        assert_eq!(self::version(&meter, 0x0A), 2);
        for wrong in 0..seeds.len() {
            let mut other = seeds.to_vec();
            other[wrong] = 9;
            assert_eq!(rotate(&mut meter, version, &other), Err(MailRefusal::UnusableKeys), "{version:02X}");
        }
        assert_eq!(told(&mut meter, before)[0], refused(0x0A, MailRefusal::UnusableKeys, 3));
        assert!(chip.snapshot()[..14] == pages, "keys are where they were");
        chip.restore(vec![[0xFF; 64]; card_core::meter::MEMORY_PAGES.into()]);
    }
}

#[test]
fn new_keys_are_of_a_higher_version() {
    for (current, seeds) in
        [(0x72, &[1][..]), (0xA2, &[1]), (0x82, &[1, 2]), (0x91, &[1, 2, 3]), (0xB1, &[1])]
    {
        for version in (current & 0xF0) + 1..=(current & 0xF0) + 15 {
            let mut meter = bound(&Chip::new(), 50_000);
            let before = last_event(&meter);
            let (result, event) = if version > current {
                (Ok(()), (code::KEYS_CHANGED, [version, 0, 0, 0, 0, 0]))
            } else {
                let refusal = MailRefusal::UnusableKeys;
                (Err(refusal), refused(0x0A, refusal, 1))
            };
            assert_eq!(rotate(&mut meter, version, seeds), result, "{current:02X} {version:02X}");
            assert_eq!(told(&mut meter, before), [event], "{current:02X} {version:02X}");
        }
    }
}

/// The window of seven versions in fifteen let keys go round: 3 after 3, 6, 9, 12.
#[test]
fn keys_do_not_go_round() {
    let mut meter = bound(&Chip::new(), 50_000);
    for version in [0x73, 0x76, 0x79, 0x7C] {
        assert_eq!(rotate(&mut meter, version, &[1]), Ok(()));
    }
    assert_eq!(rotate(&mut meter, 0x73, &[1]), Err(MailRefusal::UnusableKeys));
    assert_eq!(rotate(&mut meter, 0x7F, &[1]), Ok(()));
    assert_eq!(rotate(&mut meter, 0x71, &[1]), Err(MailRefusal::UnusableKeys));
}

/// Also where power was cut: the log of keys has two slots.
#[test]
fn replaced_keys_are_nowhere_in_memory() {
    for writes in 0.. {
        let chip = Chip::new();
        let mut meter = bound(&chip, 50_000);
        let mut key = |byte| {
            let new =
                NewKeys::new(KeyVersion::from_byte(byte), [AesKey::new(&[byte; 32]), None, None]).unwrap();
            let mail = letter(0x0A, u32::from(byte), &change(0xB1, &master(0xB1), SCOPE, new));
            meter.receive(shows(NOW), None, &mail)
        };
        assert_eq!(key(0x75).unwrap().result, Ok(()));
        assert_eq!(key(0x76).unwrap().result, Ok(()));
        chip.cut_after(writes);
        let done = key(0x77).is_ok();
        let found = again(&chip);
        let forgotten = found.keys().credit(KeyVersion::from_byte(0x75)).is_none();
        let left = chip.snapshot().concat().windows(8).any(|window| window == [0x75; 8]);
        assert_eq!(left, !forgotten, "cut after {writes}");
        if done {
            assert!(forgotten);
            return;
        }
    }
}

/// Two things in turns: two sealed commands that name a card, over the network and by a stranger's card.
#[test]
fn refusals_in_turns_leave_one_event_a_day_and_write_no_more() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let named = |slot, counter| letter(slot, 1, &command(counter, kind::CUT, 0).emit());
    let mail = [named(5, 1), named(6, 2)];
    for day in 0..3 {
        let reading = after(day * 86_400);
        meter.tick(shows(reading)).unwrap();
        let (before, writes) = (last_event(&meter), chip.writes());
        let mut first = 0;
        for turn in 0..200 {
            let carrier = (turn % 3 == 0).then_some(CardId(*b"CARD---2"));
            let received = meter.receive(shows(reading), carrier, &mail[turn % 2]).unwrap();
            assert_eq!(received.result, Err(MailRefusal::OtherCard));
            first = if turn == 0 { chip.writes() } else { first };
        }
        assert_eq!(last_event(&meter) - before, 1, "day {day}");
        assert!(first > writes && chip.writes() == first, "day {day}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_refused_for_good() {
    let elsewhere = Scope { company: card_core::id::Company(0x0103), ..SCOPE };
    let production = Scope { environment: card_core::id::Environment::Production, ..SCOPE };
    let good = change(0xB1, &master(0xB1), SCOPE, single(0x73, 1));
    let mut altered = good.clone();
    altered[20] ^= 1;
    let wrong = [
        // Another version of the transport key, or another key under this version.
        change(0xB2, &master(0xB1), SCOPE, single(0x73, 1)),
        change(0xB1, &master(0xB2), SCOPE, single(0x73, 1)),
        change(0xB1, &master(0xB1), elsewhere, single(0x73, 1)),
        change(0xB1, &master(0xB1), production, single(0x73, 1)),
        altered,
    ];
    for wrong in wrong {
        let mut meter = bound(&Chip::new(), 50_000);
        let before = last_event(&meter);
        assert_eq!(give_by(&mut meter, NOW, None, 0x0A, &wrong), Err(MailRefusal::UnusableKeys));
        assert_eq!(told(&mut meter, before), [refused(0x0A, MailRefusal::UnusableKeys, 1)]);
        assert!(version(&meter, 0x0A) == 1 && meter.keys().credit(KeyVersion::from_byte(0x73)).is_none());
        assert_eq!(give_by(&mut meter, NOW, None, 0x0A, &good), Ok(()));
    }
}

#[test]
fn a_change_of_keys_that_was_cut_is_done_or_not_done_with_its_mail() {
    for (version, seeds) in [(0x73, &[1][..]), (0x83, &[1, 2]), (0x92, &[1, 2, 3]), (0xB2, &[1])] {
        let mut outcomes = [0, 0];
        for writes in 0.. {
            let chip = Chip::new();
            let mut meter = bound(&chip, 50_000);
            meter.save().unwrap();
            let (old, mut keys) = (meter.state().clone(), [None, None, None]);
            for (key, seed) in keys.iter_mut().zip(seeds) {
                *key = Some(master(*seed));
            }
            let new = NewKeys::new(KeyVersion::from_byte(version), keys).unwrap();
            let mail = letter(0x0A, 1, &change(0xB1, &master(0xB1), SCOPE, new));
            chip.cut_after(writes);
            let result = meter.receive(shows(NOW), None, &mail);
            if !chip.is_dead() {
                assert_eq!(result.unwrap().result, Ok(()));
                break;
            }
            assert_eq!(meter.tick(shows(NOW)), Err(MeterError::PowerUpFirst));
            // Power can fail again while it is found out.
            for again_after in 0..writes {
                chip.power_up();
                chip.cut_after(again_after);
                if Meter::power_up(chip.clone()).is_ok() {
                    break;
                }
            }
            let mut meter = again(&chip);
            let known = [
                meter.keys().credit(KeyVersion::from_byte(version)).is_some(),
                meter.keys().parameter(KeyVersion::from_byte(version)).is_some(),
                meter.keys().report().mail.version == KeyVersion::from_byte(version),
                meter.keys().transport().version == KeyVersion::from_byte(version),
            ];
            let changed = known.contains(&true);
            outcomes[usize::from(changed)] += 1;
            assert_eq!(
                self::version(&meter, 0x0A),
                u32::from(changed),
                "{version:02X}, cut at write {writes}"
            );
            if !changed {
                assert!(meter.state() == &old);
            }
            // The mail comes again with the next card.
            let repeated = meter.receive(shows(NOW), None, &mail).unwrap().result;
            assert_eq!(repeated, if changed { Err(MailRefusal::Stale) } else { Ok(()) });
            let told = told(&mut meter, old.history.last_event());
            assert_eq!(
                told,
                [(code::KEYS_CHANGED, [version, 0, 0, 0, 0, 0])],
                "{version:02X}, cut at write {writes}"
            );
        }
        assert!(outcomes[0] > 3 && outcomes[1] > 0, "{outcomes:?}");
    }
}

// ---- mail to the issuer

fn opened(mail: &Envelope) -> Vec<u8> {
    assert_eq!(mail.binding, Binding { meter: METER, number: 1 });
    mail.open(&mut SoftEngine, &report_keys().mail, SCOPE).unwrap().as_slice().to_vec()
}

#[test]
fn readings_say_how_the_meter_stands() {
    let fresh = MeterState { firmware: 0x0102_0304, ..fresh() };
    let mut meter = bound_from(&Chip::new(), &fresh, 500_000);
    assert!(meter.readings(0).unwrap().is_none());
    let debt = Debt { id: 5, kind: DebtKind::Other, first_month: 0, count: 3, amount: 10, last: 4 };
    give(&mut meter, NOW, 4, DebtPlan::new(&[debt]).unwrap().emit().as_slice());
    meter.consume(shows(NOW), Energy(12_345)).unwrap();
    pass(&mut meter, begin_of(JUNE + 1));
    let at = meter.state().clock.time;
    give(&mut meter, at, 0, flat(2, CardTime(at.0 + 9_000), 50, 0).as_bytes());
    certify(&mut meter, at, 500_700, 30);
    meter.consume(shows(at), Energy(700)).unwrap();
    meter.demand(shows(at), 3_210).unwrap();
    meter.tamper(shows(at), Tampering::Magnet).unwrap();
    let _ = meter.take_certificate(shows(at), &certificate(9, 1, 0), None).unwrap();
    order(&mut meter, CardTime(at.0 - 100), &command(41, kind::READ_OUT, 0)).unwrap();

    let mail = meter.readings(1).unwrap().unwrap();
    assert_eq!((mail.slot, mail.version, mail.key_version), (Slot::READINGS, 2, KeyVersion::from_byte(0x91)));
    let readings = Readings::parse(&opened(&mail)).unwrap();
    let state = meter.state();
    let expected = Readings {
        time: at,
        report_number: 2,
        applied_credit: Piastres(500_700),
        applied_debited: Piastres(30),
        // 123.45 kWh at 95, fees of slab 3, an instalment, 7 kWh at 68.
        balance: Balance(500_670 - 11_728 - 2_600 - 10 - 476),
        energy: Energy(1_000 + 13_045),
        month: state.month(),
        flags: state.flags,
        cut: reason::TAMPERING,
        tampering: 4,
        loan_until: CardTime::UNSET,
        debts_left: Piastres(14),
        debts_paid: Piastres(10),
        tariff: 1,
        waiting_tariff: 2,
        refused_cards: 1,
        last_event: last_event(&meter),
        last_command: 41,
        clock_offset: 100,
        firmware: 0x0102_0304,
        keys: meter.keys().in_use(),
    };
    assert_eq!(readings, expected);
    assert_eq!(
        (readings.month.fees(), readings.month.peak, readings.month.energy),
        (Balance(0), 3_210, Energy(700))
    );
    // Only for whom it is news.
    assert!(meter.readings(2).unwrap().is_none() && meter.readings(3).unwrap().is_none());
}

#[test]
fn audit_records_of_the_last_eight_commands() {
    let mut meter = bound(&Chip::new(), 50_000);
    assert!(meter.audit(0).unwrap().is_none());
    let parsed = |meter: &mut Meter<Chip>, version: u32| {
        let mail = meter.audit(version - 1).unwrap().unwrap();
        assert_eq!((mail.slot, mail.version), (Slot::AUDIT, version));
        let records = AuditRecords::parse(&opened(&mail)).unwrap();
        assert!(meter.audit(version).unwrap().is_none());
        records.records().copied().collect::<Vec<_>>()
    };
    assert_eq!(order(&mut meter, NOW, &command(1, kind::CUT, 0)), Ok(()));
    let first = AuditRecord {
        counter: 1,
        time: NOW,
        kind: kind::CUT,
        outcome: AuditRecord::EXECUTED,
        card: Some(CARD.id),
    };
    assert_eq!(parsed(&mut meter, 1), [first]);
    let any = Command { card: None, ..command(2, kind::END_CUT, 0) };
    give(&mut meter, after(5), 7, &any.emit());
    let second = AuditRecord { counter: 2, time: after(5), kind: kind::END_CUT, outcome: 1, card: None };
    assert_eq!(parsed(&mut meter, 2), [first, second]);
    for counter in 3..=10 {
        let _ = order(&mut meter, after(6), &command(counter, counter as u8, 0));
    }
    let records = parsed(&mut meter, 10);
    assert_eq!(records.iter().map(|record| record.counter).collect::<Vec<_>>(), (3..=10).collect::<Vec<_>>());
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [1, 0x0C, 1, 1, 0x0C, 0x0C, 0x0C, 0x0C]);
}
