//! Complaint 7: no counter wraps in a century, and what happens at the last value of each.

use applet_sim::chip::{Entropy, ImageMemory, chip};
use card_core::id::{CardId, Channel, MeterId};
use card_core::meter::Tampering;
use card_core::parameters::{Action, Command, Limits, command::kind};
use card_core::store::Log;
use card_core::terminal::load::LoadOutcome;
use card_core::units::{Balance, CardTime, Energy};
use card_host::card_work::development_scope;
use card_host::issuer::AccountError;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::transport::Card;

use super::household::{DAY, HOUR, Household, METER, MONDAY, at_the_meter, egp, kwh, winter};
use applet_sim::card::Profile;

const LAST: u32 = u32::MAX;

#[test]
fn a_meter_bills_in_a_hundred_years_as_it_does_today() {
    let mut home = Household::with_credit(winter(2126, 3, 3, 12, 0), egp(600));
    home.consume(kwh(101));
    home.until(winter(2126, 4, 1, 0, 0));
    assert_eq!(home.balance(), 60_000 - 9_595 - 600 - 2_000);
    assert_eq!((home.tap(), home.meter.months().unwrap()[0].index), ("T02", 106 * 12 + 2));
    // In February 2156 card time ends. A meter that gets there goes on in its last month, and still supplies.
    let mut home = Household::with_credit(CardTime(LAST - HOUR), egp(600));
    let month = home.state().month_index;
    home.until(CardTime(LAST));
    home.consume(kwh(1));
    assert_eq!((home.balance(), home.state().month_index), (60_000 - 68, month));
    home.charge(egp(1));
    assert_eq!((home.tap(), home.balance(), home.is_on()), ("T01", 60_000 - 68 + 100, true));
}

#[test]
fn the_last_report_number_is_used_and_credit_still_comes_after_it() {
    let mut home = Household::with(MONDAY, Profile::T1, |fresh| {
        (fresh.binding, fresh.report_number) = (1, LAST - 1);
    });
    home.charge(egp(10));
    // The last report is settled like any;
    assert_eq!((home.tap(), home.state().report_number), ("T01", LAST));
    // from then on the card refuses the settlement, and the meter still applies what was paid.
    home.pass(60);
    home.charge(egp(5));
    assert_eq!((home.tap(), home.balance(), home.state().report_number), ("940A", 1_500, LAST));
    assert_eq!((home.tap(), home.balance()), ("940A", 1_500));
    // A new contract of the same meter counts from 1.
    home.account = home.account.open_binding(MeterId::from(METER), 2, home.now()).unwrap();
    home.account.card.id = CardId::from(9);
    home.account = home.account.refresh().unwrap();
    home.issue(home.account, CardTime::UNSET);
    home.charge(egp(3));
    assert_eq!((home.tap(), home.balance(), home.state().report_number), ("T01", 300, 1));
}

#[test]
fn the_last_sequence_is_accepted_and_no_certificate_follows_it() {
    let mut home = Household::with_credit(MONDAY, egp(1));
    home.account.sequence = LAST - 2;
    let early = home.buy(egp(2), Channel::Kiosk);
    let last = home.buy(egp(3), Channel::Kiosk);
    assert_eq!(last.certificate.sequence, LAST);
    assert_eq!(home.load(&last), Ok(LoadOutcome::Loaded));
    assert_eq!(home.load(&early), Ok(LoadOutcome::Older));
    assert_eq!((home.tap(), home.balance()), ("T01", 600));
    // No certificate of this binding is made any more; what there is stays good, and adds nothing.
    assert_eq!(home.account.credit(egp(1)), Err(AccountError::SequenceExhausted));
    assert_eq!(home.load(&last), Ok(LoadOutcome::AlreadyLoaded));
    assert_eq!((home.tap(), home.balance()), ("T02", 600));
}

#[test]
fn the_last_version_of_mail_is_taken_and_none_follows_it() {
    let mut home = Household::with_credit(MONDAY, egp(1));
    let limits = |first_threshold| Limits { first_threshold, ..Limits::DEFAULT }.emit();
    home.mails = LAST - 1;
    home.send(0x02, &limits(2_000));
    home.mails = 0;
    let first = home.mail(0x02, &limits(3_000));
    assert_eq!(home.put(home.card, &first).unwrap_err(), "940A");
    assert_eq!(home.receive(&first), "P04");
    home.mails = LAST - 1;
    let again = home.mail(0x02, &limits(4_000));
    assert!(!home.put(home.card, &again).unwrap().stored);
    assert_eq!((home.receive(&again), home.state().limits.first_threshold), ("P04", 2_000));
    // Other slots are not concerned.
    home.mails = 0;
    home.send(0x03, card_core::calendar::Calendar::EGYPT.emit().as_slice());
}

#[test]
fn the_last_command_is_executed_once_and_an_older_one_never_again() {
    let mut home = Household::with_credit(MONDAY, egp(1));
    let order = |home: &mut Household, counter, kind| {
        let (expiry, card) = (CardTime::UNSET, None);
        let mail = home.mail(0x05, &Command { counter, expiry, card, action: Action::of(kind, 0) }.emit());
        home.receive(&mail)
    };
    assert_eq!((order(&mut home, LAST, kind::CUT), home.cut()), ("P01", vec!["U10"]));
    assert_eq!(order(&mut home, LAST, kind::END_CUT), "P09");
    // The 32 before it may still come, each once, but the relay stays as the last one says; all others are over.
    assert_eq!((order(&mut home, LAST - 32, kind::READ_OUT), home.is_on()), ("P01", false));
    assert_eq!((order(&mut home, LAST - 31, kind::END_CUT), home.is_on()), ("P0E", false));
    assert_eq!((order(&mut home, LAST - 32, kind::END_CUT), home.is_on()), ("P09", false));
    for counter in [1, 2, LAST - 33] {
        assert_eq!((order(&mut home, counter, kind::END_CUT), home.is_on()), ("P09", false));
    }
}

#[test]
fn the_last_event_is_kept_and_the_meter_works_on_without_more() {
    let mut home = Household::new(MONDAY);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("meter");
    let scope = development_scope();
    let keys = home.issuer.keys().meter_keys(scope, MeterId::from(METER)).unwrap();
    let mut meter =
        SimulatedMeter::create(&path, MeterId::from(METER), scope, keys, &from_the_maker()).unwrap();
    home.charge(egp(10));
    let reading = home.reading();
    let tap = meter.tap(&mut Card::open(&mut home.cards[0]), reading);
    assert_eq!(at_the_meter(&tap), "T01");
    let events = meter.events().unwrap();
    assert_eq!(events.len() as u32, meter.state().unwrap().history.last_event());
    drop(meter);
    // Four billion events later: the number in the meter's memory is set to the last but one.
    set_last_event(&path, events.len() as u32, LAST - 1);
    let mut meter = SimulatedMeter::open(&path).unwrap();
    assert_eq!(meter.state().unwrap().history.last_event(), LAST - 1);
    meter.tamper(reading, Tampering::Magnet).unwrap();
    // Two events arise, tampering and the cut: the first one has the last number, the second is not kept.
    assert_eq!(meter.events().unwrap().last().unwrap().number, LAST);
    assert_eq!(meter.state().unwrap().supply.cut, 0x02);
    // Credit, consumption and the visit are as ever.
    home.charge(egp(5));
    let tap = meter.tap(&mut Card::open(&mut home.cards[0]), reading);
    assert_eq!(at_the_meter(&tap), "T01");
    meter.consume(reading, kwh(1)).unwrap();
    assert_eq!(meter.state().unwrap().balance, Balance(1_500 - 68));
    let tap = meter.tap(&mut Card::open(&mut home.cards[0]), reading);
    assert_eq!(at_the_meter(&tap), "T02");
    meter.tamper(reading, Tampering::Bypass).unwrap();
    assert_eq!(meter.state().unwrap().history.last_event(), LAST);
}

/// Where the meter keeps its state, and the number of the last event in it.
const STATE: Log = Log::new(66, 28, 2);
const LAST_EVENT: usize = 38;

fn set_last_event(path: &std::path::Path, old: u32, new: u32) {
    let mut chip = chip(ImageMemory::open(path, 1).unwrap(), Entropy::System);
    let mut bytes = [0; STATE.capacity()];
    let record = STATE.recover(&mut chip, &mut bytes).unwrap().unwrap();
    let number = &mut bytes[LAST_EVENT..LAST_EVENT + 4];
    assert_eq!(number, old.to_be_bytes(), "the number of the last event has moved in the state's bytes");
    number.copy_from_slice(&new.to_be_bytes());
    STATE.commit(&mut chip, Some(record.epoch), &bytes[..record.len]).unwrap();
}

#[test]
fn the_last_generation_is_the_last_card_and_the_lowest_generation_never_falls() {
    let mut home = Household::with_credit(MONDAY, egp(1));
    let order = home.command(kind::LOWEST_GENERATION, u16::MAX.into(), None, CardTime::UNSET);
    assert_eq!((home.receive(&order), home.tap()), ("P01", "M0C"));
    let order = home.command(kind::LOWEST_GENERATION, 1, None, CardTime::UNSET);
    assert_eq!((home.receive(&order), home.tap()), ("P01", "M0C"));
    home.account.card.generation = u16::MAX - 1;
    home.replace_card();
    home.charge(egp(2));
    assert_eq!((home.tap(), home.balance()), ("T01", 300));
    let next = home.account.replace_card(CardId::from(99));
    assert_eq!(next, Err(AccountError::GenerationExhausted));
}

#[test]
fn the_energy_register_may_wrap_and_the_bill_does_not_notice() {
    let mut home = Household::with(MONDAY, Profile::T1, |fresh| fresh.energy = Energy(LAST - 99));
    home.charge(egp(10));
    assert_eq!(home.tap(), "T01");
    home.consume(kwh(2));
    // It is a display register, modulo 2^32, as the specification says.
    assert_eq!((home.state().energy, home.balance()), (Energy(100), 1_000 - 136));
    home.pass(DAY);
    assert_eq!((home.tap(), home.balance()), ("T02", 1_000 - 136));
}
