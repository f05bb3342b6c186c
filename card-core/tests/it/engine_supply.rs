//! When the supply is cut and when it is on (docs/meter.md, sections 5 and 6): credit, friendly times, loan, overload, tampering.
// Long: one subject, section by section of the document.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::calendar::{Calendar, Holiday};
use card_core::message::{Certificate, MeterFlags};
use card_core::meter::events::code;
use card_core::meter::{MailRefusal, Meter, MeterState, Tampering, reason};
use card_core::parameters::{Limits, command::kind};
use card_core::tariff::EGYPT_2024_08;
use card_core::units::{Balance, CardTime, Energy};

const SATURDAY: u32 = FRIDAY + 1;
const SUNDAY: u32 = FRIDAY + 2;

/// A meter with a binding since Saturday noon, which is no friendly time.
fn at_noon(chip: &Chip, credit: u64) -> Meter<Chip> {
    let fresh = MeterState::new(EGYPT_2024_08, Energy(1_000), local(SATURDAY, 12, 0));
    bound_from(chip, &fresh, credit)
}

fn limits(meter: &mut Meter<Chip>, limits: Limits) {
    let at = meter.state().clock.time;
    give(meter, at, 2, &limits.emit());
}

fn cut(meter: &Meter<Chip>) -> u8 {
    let state = meter.state();
    assert_eq!(state.flags.has(MeterFlags::SUPPLY_CUT), state.supply.cut != 0);
    assert_eq!(state.supply.is_on(), state.supply.cut == 0);
    state.supply.cut
}

const CUT: fn(u8) -> (u16, [u8; 6]) = |reasons| (code::SUPPLY_CUT, [reasons, 0, 0, 0, 0, 0]);
const RESTORED: (u16, [u8; 6]) = (code::SUPPLY_RESTORED, [0; 6]);

const CREDIT: fn(u16) -> (u16, [u8; 6]) = |amount| {
    let [high, low] = amount.to_be_bytes();
    (code::CREDIT, [0, 0, 0, high, low, 0])
};

fn loan(until: CardTime) -> (u16, [u8; 6]) {
    let [a, b, c, d] = until.0.to_be_bytes();
    (code::LOAN_GIVEN, [a, b, c, d, 0, 0])
}

// ---- credit

#[test]
fn without_credit_the_supply_is_cut_and_credit_restores_it_at_once() {
    let noon = local(SATURDAY, 12, 0);
    let mut meter = at_noon(&Chip::new(), 69);
    assert_eq!(told(&mut meter, 0)[1..], [CREDIT(69), RESTORED]);
    meter.consume(shows(noon), Energy(100)).unwrap();
    // One piastre is credit.
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(1), 0));
    let before = last_event(&meter);
    meter.consume(shows(noon), Energy(1)).unwrap();
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(0), reason::NO_CREDIT));
    meter.tick(shows(noon)).unwrap();
    certify(&mut meter, noon, 70, 0);
    assert_eq!(cut(&meter), 0);
    assert_eq!(told(&mut meter, before), [CUT(reason::NO_CREDIT), CREDIT(1), RESTORED]);
    // A correction takes it again.
    certify(&mut meter, noon, 70, 1);
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(0), reason::NO_CREDIT));
}

#[test]
fn fees_and_instalments_can_take_what_is_left() {
    // The first of July is a Wednesday: with its first minutes a friendly time.
    let mut meter = at_noon(&Chip::new(), 2_100);
    meter.consume(shows(local(SATURDAY, 12, 0)), Energy(1)).unwrap();
    let end = begin_of(JUNE + 1);
    meter.tick(shows(end)).unwrap();
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(2_100 - 1 - 2_100), 0));
    meter.tick(shows(CardTime(end.0 + 10 * 3600))).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
    adds_up(&mut meter);
}

#[test]
fn in_a_friendly_time_the_supply_is_not_cut_and_what_is_consumed_is_a_debt() {
    let mut meter = at_noon(&Chip::new(), 68);
    meter.tick(shows(local(SATURDAY, 16, 59))).unwrap();
    let evening = local(SATURDAY, 17, 0);
    let before = last_event(&meter);
    meter.consume(shows(evening), Energy(1_000)).unwrap();
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(68 - 680), 0));
    assert!(meter.state().status().friendly);
    // Through midnight, up to ten.
    meter.tick(shows(CardTime(local(SUNDAY, 10, 0).0 - 1))).unwrap();
    assert_eq!(cut(&meter), 0);
    meter.tick(shows(local(SUNDAY, 10, 0))).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
    // Once cut it stays cut when a friendly time begins.
    meter.tick(shows(local(SUNDAY, 18, 0))).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
    // The next credit pays the debt first.
    certify(&mut meter, local(SUNDAY, 18, 0), 680, 0);
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(0), reason::NO_CREDIT));
    certify(&mut meter, local(SUNDAY, 18, 0), 681, 0);
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(1), 0));
    assert_eq!(told(&mut meter, before), [CUT(reason::NO_CREDIT), CREDIT(612), CREDIT(1), RESTORED]);
}

#[test]
fn just_before_a_friendly_time_it_is_cut() {
    let mut meter = at_noon(&Chip::new(), 68);
    meter.consume(shows(CardTime(local(SATURDAY, 17, 0).0 - 1)), Energy(100)).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
}

#[test]
fn fridays_and_holidays_are_friendly_as_a_whole() {
    // The meter of these tests begins on a Friday, in the early afternoon.
    let mut meter = bound(&Chip::new(), 68);
    meter.consume(shows(local(FRIDAY, 14, 0)), Energy(200)).unwrap();
    assert_eq!(cut(&meter), 0);
    meter.tick(shows(CardTime(local(SATURDAY, 10, 0).0 - 1))).unwrap();
    assert_eq!(cut(&meter), 0);

    // With these days as holidays it goes on.
    let egypt = Calendar::EGYPT;
    let holidays = [Holiday { first: SATURDAY as u16, days: 2 }];
    let calendar = Calendar::new(*egypt.zone(), 1020, 600, 0x20, &holidays).unwrap();
    give(&mut meter, local(SATURDAY, 9, 59), 3, calendar.emit().as_slice());
    meter.tick(shows(local(SUNDAY, 16, 0))).unwrap();
    assert_eq!(cut(&meter), 0);
    meter.tick(shows(local(SUNDAY + 1, 9, 59))).unwrap();
    assert_eq!(cut(&meter), 0);
    meter.tick(shows(local(SUNDAY + 1, 10, 0))).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
}

#[test]
fn a_calendar_without_friendly_times_has_effect_at_once() {
    let mut meter = bound(&Chip::new(), 68);
    meter.consume(shows(NOW), Energy(200)).unwrap();
    assert_eq!(cut(&meter), 0);
    let calendar = Calendar::new(*Calendar::EGYPT.zone(), 600, 600, 0, &[]).unwrap();
    give(&mut meter, NOW, 3, calendar.emit().as_slice());
    assert_eq!(cut(&meter), reason::NO_CREDIT);
}

#[test]
fn low_credit_is_flagged_below_each_threshold() {
    let mut meter = at_noon(&Chip::new(), 1_068);
    limits(&mut meter, Limits { first_threshold: 1_000, second_threshold: 932, ..Limits::DEFAULT });
    let noon = local(SATURDAY, 12, 0);
    let low = |meter: &Meter<Chip>| {
        let flags = meter.state().flags;
        (flags.has(MeterFlags::LOW_CREDIT), flags.has(MeterFlags::VERY_LOW_CREDIT))
    };
    meter.consume(shows(noon), Energy(100)).unwrap();
    assert_eq!((meter.state().balance, low(&meter)), (Balance(1_000), (false, false)));
    meter.consume(shows(noon), Energy(100)).unwrap();
    assert_eq!((meter.state().balance, low(&meter)), (Balance(932), (true, false)));
    meter.consume(shows(noon), Energy(1)).unwrap();
    assert_eq!((meter.state().balance, low(&meter)), (Balance(931), (true, true)));
    certify(&mut meter, noon, 2_000, 0);
    assert_eq!(low(&meter), (false, false));
    // Without a binding there is nobody to be warned.
    let meter = Meter::install(Chip::new(), identity(), meter_keys(), &fresh()).unwrap();
    assert_eq!(low(&meter), (false, false));
}

// ---- loan

#[test]
fn an_empty_card_inserted_twice_brings_a_loan_once() {
    let (noon, chip) = (local(SATURDAY, 12, 0), Chip::new());
    let mut meter = at_noon(&chip, 68);
    // With credit there is none.
    ask_for_loan(&mut meter, noon);
    assert_eq!(meter.state().supply.loan_until, CardTime::UNSET);
    meter.consume(shows(noon), Energy(200)).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
    let before = last_event(&meter);
    ask_for_loan(&mut meter, noon);
    let end = local(SATURDAY + 2, 12, 0);
    assert_eq!((meter.state().supply.loan_until, cut(&meter)), (end, 0));
    assert!(meter.state().flags.has(MeterFlags::LOAN));
    assert_eq!(told(&mut meter, before), [loan(end), RESTORED]);
    assert_eq!(again(&chip).state(), meter.state());
    // Not again, and not longer.
    ask_for_loan(&mut meter, local(SUNDAY, 12, 0));
    assert_eq!(meter.state().supply.loan_until, end);
    meter.consume(shows(CardTime(end.0 - 1)), Energy(300)).unwrap();
    assert_eq!((meter.state().balance, cut(&meter)), (Balance(68 - 340), 0));
    meter.tick(shows(end)).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
    // Its end is still shown, and no other is given, until it is repaid.
    ask_for_loan(&mut meter, end);
    assert_eq!((cut(&meter), meter.state().supply.loan_until), (reason::NO_CREDIT, end));
    certify(&mut meter, end, 68 + 340, 0);
    assert_eq!((meter.state().balance, meter.state().supply.loan_until), (Balance(68), CardTime::UNSET));
    assert!(!meter.state().flags.has(MeterFlags::LOAN));
    meter.consume(shows(end), Energy(100)).unwrap();
    ask_for_loan(&mut meter, end);
    assert_eq!(meter.state().supply.loan_until, local(SATURDAY + 4, 12, 0));
}

#[test]
fn a_loan_that_ends_in_a_friendly_time_is_followed_by_it() {
    let mut meter = at_noon(&Chip::new(), 68);
    limits(&mut meter, Limits { loan_hours: 7, ..Limits::DEFAULT });
    let noon = local(SATURDAY, 12, 0);
    meter.consume(shows(noon), Energy(200)).unwrap();
    ask_for_loan(&mut meter, noon);
    let end = local(SATURDAY, 19, 0);
    assert_eq!(meter.state().supply.loan_until, end);
    for time in [end, CardTime(local(SUNDAY, 10, 0).0 - 1)] {
        meter.tick(shows(time)).unwrap();
        assert_eq!(cut(&meter), 0);
    }
    meter.tick(shows(local(SUNDAY, 10, 0))).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
}

#[test]
fn credit_that_leaves_a_debt_ends_no_loan() {
    let mut meter = at_noon(&Chip::new(), 68);
    let noon = local(SATURDAY, 12, 0);
    meter.consume(shows(noon), Energy(1_000)).unwrap();
    ask_for_loan(&mut meter, noon);
    let end = meter.state().supply.loan_until;
    certify(&mut meter, noon, 100, 0);
    assert_eq!((meter.state().supply.loan_until, cut(&meter)), (end, 0));
    // Who is at 0 has nothing either.
    certify(&mut meter, noon, 680, 0);
    assert_eq!((meter.state().balance, meter.state().supply.loan_until), (Balance(0), end));
}

#[test]
fn no_loan_where_the_limits_have_none_and_none_without_a_card() {
    let mut meter = at_noon(&Chip::new(), 68);
    let noon = local(SATURDAY, 12, 0);
    meter.consume(shows(noon), Energy(100)).unwrap();
    // The same certificate over the network is no card.
    let same = certificate(1, 68, 0);
    let _ = meter.take_certificate(shows(noon), &same, None).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
    limits(&mut meter, Limits { loan_hours: 0, ..Limits::DEFAULT });
    ask_for_loan(&mut meter, noon);
    assert_eq!((meter.state().supply.loan_until, cut(&meter)), (CardTime::UNSET, reason::NO_CREDIT));
    // A card that brings something, though not enough, is not an empty one; nor is one that is refused.
    limits(&mut meter, Limits::DEFAULT);
    meter.consume(shows(noon), Energy(1_000)).unwrap();
    let mut card = FakeCard::new(certificate(2, 70, 0));
    visit_at(&mut meter, &mut card, noon).0.unwrap();
    assert_eq!(meter.state().supply.loan_until, CardTime::UNSET);
    let mut card = FakeCard::new(Certificate { mac: [0; 16], ..certificate(2, 70, 0) });
    visit_at(&mut meter, &mut card, noon).0.unwrap();
    assert_eq!(meter.state().supply.loan_until, CardTime::UNSET);
}

#[test]
fn a_new_binding_has_neither_the_loan_nor_the_cut_of_the_old_one() {
    let noon = local(SATURDAY, 12, 0);
    let open = |meter: &mut Meter<Chip>, at| {
        let _ = meter
            .take_certificate(shows(at), &certificate_of(2, 1, 1, 0, 0), Some(&binding_certificate(2)))
            .unwrap();
        assert_eq!((meter.state().balance, meter.state().supply.loan_until), (Balance(0), CardTime::UNSET));
        assert!(!meter.state().flags.has(MeterFlags::LOAN));
        cut(meter)
    };
    let mut meter = at_noon(&Chip::new(), 68);
    meter.consume(shows(noon), Energy(200)).unwrap();
    ask_for_loan(&mut meter, noon);
    assert_eq!(cut(&meter), 0);
    assert_eq!(open(&mut meter, noon), reason::NO_CREDIT);

    let mut meter = at_noon(&Chip::new(), 68);
    meter.consume(shows(noon), Energy(200)).unwrap();
    let evening = local(SATURDAY, 18, 0);
    meter.tick(shows(evening)).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT);
    assert_eq!(open(&mut meter, evening), 0);
}

#[test]
fn power_cut_at_every_write_of_a_loan() {
    let noon = local(SATURDAY, 12, 0);
    let empty = |chip: &Chip| {
        let mut meter = at_noon(chip, 68);
        meter.consume(shows(noon), Energy(200)).unwrap();
        meter
    };
    for writes in 0.. {
        let chip = Chip::new();
        let mut meter = empty(&chip);
        let old = meter.state().clone();
        chip.cut_after(writes);
        let mut card = FakeCard::new(certificate(1, 68, 0));
        let result = visit_at(&mut meter, &mut card, noon).0;
        if !chip.is_dead() {
            result.unwrap();
            assert!(writes > 2);
            break;
        }
        let mut meter = again(&chip);
        if meter.state() != &old {
            assert_eq!((meter.state().supply.loan_until, cut(&meter)), (local(SATURDAY + 2, 12, 0), 0));
        }
        ask_for_loan(&mut meter, noon);
        assert_eq!(meter.state().supply.loan_until, local(SATURDAY + 2, 12, 0));
        let loans = told(&mut meter, 0).into_iter().filter(|(code, _)| *code == code::LOAN_GIVEN);
        assert_eq!(loans.count(), 1);
    }
}

// ---- overload

const POWER: Limits = Limits {
    contracted_power: 5_000,
    overload_pause: 100,
    overload_pauses: 2,
    overload_reset: 60,
    ..Limits::DEFAULT
};

fn overload(count: u8) -> (u16, [u8; 6]) {
    let [a, b, c, d] = 5_001_u32.to_be_bytes();
    (code::OVERLOAD, [a, b, c, d, count, 0])
}

fn after(seconds: u32) -> CardTime {
    CardTime(NOW.0 + seconds)
}

#[test]
fn an_overload_pauses_and_after_the_last_pause_locks() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    meter.demand(shows(NOW), u32::MAX).unwrap();
    assert_eq!(cut(&meter), 0);
    limits(&mut meter, POWER);
    meter.demand(shows(NOW), 5_000).unwrap();
    assert_eq!(cut(&meter), 0);
    let before = last_event(&meter);
    meter.demand(shows(NOW), 5_001).unwrap();
    assert_eq!(cut(&meter), reason::OVERLOAD_PAUSE);
    // While it is cut nothing counts.
    meter.demand(shows(after(50)), 9_000).unwrap();
    meter.tick(shows(after(99))).unwrap();
    assert_eq!((cut(&meter), meter.state().supply.overloads), (reason::OVERLOAD_PAUSE, 1));
    meter.tick(shows(after(100))).unwrap();
    assert_eq!(cut(&meter), 0);
    assert_eq!(again(&chip).state().supply, meter.state().supply);
    // Whoever is still above it is cut again by the same call that would have restored.
    meter.demand(shows(after(200)), 5_001).unwrap();
    meter.demand(shows(after(300)), 5_001).unwrap();
    assert_eq!(cut(&meter), reason::OVERLOAD_LOCK);
    let pause = [CUT(reason::OVERLOAD_PAUSE), RESTORED];
    let expected = [
        &[overload(1)][..],
        &pause,
        &[overload(2), pause[0], pause[1], overload(3), CUT(reason::OVERLOAD_LOCK)],
    ]
    .concat();
    assert_eq!(told(&mut meter, before), expected);
    // It does not end by itself, nor by credit.
    meter.tick(shows(after(86_400))).unwrap();
    certify(&mut meter, after(86_400), 60_000, 0);
    assert_eq!(cut(&meter), reason::OVERLOAD_LOCK);
    assert_eq!(order(&mut meter, after(86_400), &command(1, kind::END_OVERLOAD, 0)), Ok(()));
    assert_eq!((cut(&meter), meter.state().supply.overloads), (0, 0));
}

#[test]
fn the_count_of_overloads_is_forgotten_after_a_time_without() {
    let mut meter = bound(&Chip::new(), 50_000);
    limits(&mut meter, POWER);
    meter.demand(shows(NOW), 5_001).unwrap();
    // It counts from the last one.
    meter.demand(shows(after(3_599)), 5_001).unwrap();
    assert_eq!(meter.state().supply.overloads, 2);
    meter.tick(shows(after(3_599 + 3_599))).unwrap();
    assert_eq!(meter.state().supply.overloads, 2);
    meter.tick(shows(after(3_599 + 3_600))).unwrap();
    assert_eq!(meter.state().supply.overloads, 0);
    meter.demand(shows(after(7_300)), 5_001).unwrap();
    assert_eq!((cut(&meter), meter.state().supply.overloads), (reason::OVERLOAD_PAUSE, 1));
}

#[test]
fn the_command_ends_a_pause_too_and_forgets() {
    let mut meter = bound(&Chip::new(), 50_000);
    limits(&mut meter, POWER);
    meter.demand(shows(NOW), 5_001).unwrap();
    assert_eq!(order(&mut meter, after(1), &command(1, kind::END_OVERLOAD, 0)), Ok(()));
    assert_eq!((cut(&meter), meter.state().supply.overloads), (0, 0));
}

#[test]
fn without_pauses_the_first_overload_locks_and_with_most_pauses_the_last_one_does() {
    let mut meter = bound(&Chip::new(), 50_000);
    limits(&mut meter, Limits { overload_pauses: 0, ..POWER });
    meter.demand(shows(NOW), 5_001).unwrap();
    assert_eq!(cut(&meter), reason::OVERLOAD_LOCK);

    let mut meter = bound(&Chip::new(), 50_000);
    limits(&mut meter, Limits { overload_pauses: 255, overload_pause: 1, ..POWER });
    for n in 0..255 {
        meter.demand(shows(after(n)), 5_001).unwrap();
        assert_eq!(cut(&meter), reason::OVERLOAD_PAUSE);
    }
    meter.demand(shows(after(255)), 5_001).unwrap();
    assert_eq!(cut(&meter), reason::OVERLOAD_LOCK);
}

// ---- tampering

#[test]
fn tampering_is_kept_flagged_and_cuts_until_a_command_ends_it() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let before = last_event(&meter);
    for kind in Tampering::ALL {
        meter.tamper(shows(NOW), kind).unwrap();
        // Again it changes nothing.
        let writes = chip.writes();
        meter.tamper(shows(NOW), kind).unwrap();
        assert_eq!(chip.writes(), writes);
    }
    assert_eq!((cut(&meter), meter.state().supply.tampering), (reason::TAMPERING, 0x1F));
    assert!(meter.state().flags.has(MeterFlags::TAMPER));
    let event = |bit| (code::TAMPERING, [bit, 0, 0, 0, 0, 0]);
    let expected = [event(1), CUT(reason::TAMPERING), event(2), event(4), event(8), event(0x10)];
    assert_eq!(told(&mut meter, before), expected);
    assert_eq!(again(&chip).state(), meter.state());
    certify(&mut meter, NOW, 60_000, 0);
    assert_eq!(cut(&meter), reason::TAMPERING);
    assert_eq!(order(&mut meter, NOW, &command(1, kind::CLEAR_TAMPER, 0)), Ok(()));
    assert_eq!((cut(&meter), meter.state().supply.tampering), (0, 0));
    assert!(!meter.state().flags.has(MeterFlags::TAMPER));
    // What is seen once more is new.
    meter.tamper(shows(NOW), Tampering::Cover).unwrap();
    assert_eq!(cut(&meter), reason::TAMPERING);
}

#[test]
fn the_limits_in_force_say_which_tampering_cuts() {
    let mut meter = bound(&Chip::new(), 50_000);
    limits(&mut meter, Limits { tamper_cuts: 0x14, ..Limits::DEFAULT });
    meter.tamper(shows(NOW), Tampering::Cover).unwrap();
    assert_eq!(cut(&meter), 0);
    assert!(meter.state().flags.has(MeterFlags::TAMPER));
    // Later limits make no cut of it, and end none.
    limits(&mut meter, Limits::DEFAULT);
    assert_eq!(cut(&meter), 0);
    meter.tamper(shows(NOW), Tampering::Cover).unwrap();
    assert_eq!(cut(&meter), 0);
    meter.tamper(shows(NOW), Tampering::Magnet).unwrap();
    limits(&mut meter, Limits { tamper_cuts: 0, ..Limits::DEFAULT });
    assert_eq!(cut(&meter), reason::TAMPERING);
}

#[test]
fn power_cut_at_every_write_of_tampering() {
    cut_everywhere(2, |chip| bound(chip, 50_000), |meter| meter.tamper(shows(NOW), Tampering::Bypass));
}

#[test]
fn power_cut_at_every_write_of_an_overload() {
    let set_up = |chip: &Chip| {
        let mut meter = bound(chip, 50_000);
        limits(&mut meter, POWER);
        meter
    };
    // Cut already where it is repeated: it does not count twice.
    cut_everywhere(2, set_up, |meter| meter.demand(shows(NOW), 5_001));
}

// ---- all together

#[test]
fn each_reason_cuts_by_itself_and_only_the_last_one_that_ends_restores() {
    let noon = local(SATURDAY, 12, 0);
    let mut meter = at_noon(&Chip::new(), 68);
    limits(&mut meter, POWER);
    let before = last_event(&meter);
    meter.demand(shows(noon), 5_001).unwrap();
    meter.tamper(shows(noon), Tampering::Cover).unwrap();
    assert_eq!(order(&mut meter, noon, &command(1, kind::CUT, 0)), Ok(()));
    meter.consume(shows(noon), Energy(200)).unwrap();
    assert_eq!(cut(&meter), reason::NO_CREDIT | reason::TAMPERING | reason::OVERLOAD_PAUSE | reason::COMMAND);
    assert_eq!(order(&mut meter, noon, &command(2, kind::END_CUT, 0)), Ok(()));
    certify(&mut meter, noon, 1_000, 0);
    meter.tick(shows(CardTime(noon.0 + 100))).unwrap();
    assert_eq!(cut(&meter), reason::TAMPERING);
    assert_eq!(order(&mut meter, CardTime(noon.0 + 100), &command(3, kind::CLEAR_TAMPER, 0)), Ok(()));
    assert_eq!(cut(&meter), 0);
    let changes = [code::SUPPLY_CUT, code::SUPPLY_RESTORED];
    let changed: Vec<_> =
        told(&mut meter, before).into_iter().filter(|(code, _)| changes.contains(code)).collect();
    assert_eq!(changed, [CUT(reason::OVERLOAD_PAUSE), RESTORED]);
}

#[test]
fn a_further_reason_to_cut_is_written_though_it_is_no_event() {
    let (noon, chip) = (local(SATURDAY, 12, 0), Chip::new());
    let mut meter = at_noon(&chip, 69);
    meter.consume(shows(noon), Energy(100)).unwrap();
    meter.tamper(shows(noon), Tampering::Cover).unwrap();
    meter.consume(shows(noon), Energy(1)).unwrap();
    assert_eq!(again(&chip).state().supply.cut, reason::TAMPERING | reason::NO_CREDIT);
    // Else it would not be cut any more once a friendly time has begun.
    let mut meter = again(&chip);
    assert_eq!(order(&mut meter, local(SATURDAY, 18, 0), &command(1, kind::CLEAR_TAMPER, 0)), Ok(()));
    assert_eq!(cut(&meter), reason::NO_CREDIT);
}

#[test]
fn without_a_binding_it_is_cut_whatever_else_is() {
    let mut meter = Meter::install(Chip::new(), identity(), meter_keys(), &fresh()).unwrap();
    meter.tick(shows(NOW)).unwrap();
    assert_eq!(cut(&meter), reason::NO_BINDING);
    meter.tamper(shows(NOW), Tampering::Cover).unwrap();
    assert_eq!(cut(&meter), reason::NO_BINDING | reason::TAMPERING);
    let event = (code::TAMPERING, [1, 0, 0, 0, 0, 0]);
    assert_eq!(told(&mut meter, 0), [event]);
    let _ =
        meter.take_certificate(shows(NOW), &certificate(1, 100, 0), Some(&binding_certificate(1))).unwrap();
    assert_eq!(cut(&meter), reason::TAMPERING);
    // Mail is for a binding.
    let refused = give_by(
        &mut meter,
        NOW,
        None,
        5,
        &card_core::parameters::Command { card: None, ..command(1, kind::CLEAR_TAMPER, 0) }.emit(),
    );
    assert_eq!(refused, Err(MailRefusal::UnknownCommand));
}
