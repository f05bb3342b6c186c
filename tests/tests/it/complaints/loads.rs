//! Complaints 1, 2 and 4: loads that block each other, replacement cards, and waiting at the meter.

use applet_sim::card::Profile;
use applet_sim::chip::Cut;
use card_core::id::Channel;
use card_core::meter::Tampering;
use card_core::terminal::load::LoadOutcome;
use card_core::units::{Energy, Piastres};

use super::household::{Household, MONDAY, egp, kwh};

#[test]
fn any_number_of_loads_may_be_pending_and_none_blocks_the_next() {
    // Given a card with a load that was never taken to the meter,
    let mut home = Household::new(MONDAY);
    home.charge(egp(10));
    // when the customer buys again and again, and one load is lost on the way,
    let channels = [Channel::Kiosk, Channel::Bank, Channel::Wallet, Channel::Branch];
    for (channel, amount) in channels.into_iter().zip([20, 30, 40, 50]) {
        let voucher = home.buy(egp(amount), channel);
        if channel != Channel::Bank {
            assert_eq!(home.load(&voucher), Ok(LoadOutcome::Loaded));
        }
    }
    // then all of it waits on the card, and one visit brings it to the meter, once.
    assert_eq!(home.pending(), egp(150));
    assert_eq!((home.tap(), home.balance()), ("T01", 15_000));
    assert_eq!((home.tap(), home.balance(), home.pending()), ("T02", 15_000, Piastres::ZERO));
    // And a load that is unspent in the meter does not block the next one.
    home.charge(egp(5));
    assert_eq!((home.tap(), home.balance()), ("T01", 15_500));
}

/// A customer with 60 EGP in the meter, who loses a card with 40 more on it.
fn a_card_is_lost() -> (Household, usize) {
    let mut home = Household::with_credit(MONDAY, egp(60));
    home.charge(egp(40));
    let lost = home.card;
    home.replace_card();
    (home, lost)
}

#[test]
fn a_replacement_card_may_visit_the_meter_empty_before_its_first_load() {
    let (mut home, lost) = a_card_is_lost();
    // It is activated where it is issued, without a sale: the first visit brings what was on the lost one.
    home.activate();
    assert_eq!((home.tap(), home.balance()), ("T01", 10_000));
    home.charge(egp(25));
    assert_eq!((home.tap(), home.balance()), ("T01", 12_500));
    assert_eq!((home.tap_card(lost), home.balance()), ("M0C", 12_500));
}

#[test]
fn a_replacement_card_may_be_loaded_before_its_first_visit() {
    let (mut home, lost) = a_card_is_lost();
    home.charge(egp(25));
    assert_eq!((home.tap(), home.balance()), ("T01", 12_500));
    assert_eq!((home.tap_card(lost), home.balance()), ("M0C", 12_500));
}

#[test]
fn a_replacement_card_that_nobody_activated_says_so_and_loses_nothing() {
    let (mut home, _) = a_card_is_lost();
    assert_eq!((home.tap(), home.balance()), ("940D", 6_000));
    // A kiosk cannot do it, and says so before anything is paid.
    let voucher = home.buy(egp(25), Channel::Kiosk);
    assert_eq!(home.load(&voucher), Err("940D"));
    // The branch can: the next charge contains the one that could not be loaded.
    home.charge(egp(1));
    assert_eq!((home.tap(), home.balance()), ("T01", 12_600));
}

/// What a customer waits for at most, in microseconds.
const LIMIT: u64 = 200_000;

#[test]
fn a_visit_takes_less_than_a_fifth_of_a_second() {
    for profile in [Profile::T1, Profile::Contactless] {
        let mut home = Household::with(MONDAY, profile, |_| {});
        let visit = |home: &mut Household, what: &str, code: &str| {
            let before = home.cost();
            assert_eq!(home.tap(), code);
            let cost = home.cost().since(&before);
            println!("{profile:?}, {what}: {} us, {} exchanges", cost.time(), cost.exchanges);
            assert!(cost.time() < LIMIT, "{profile:?}, {what}: {} us", cost.time());
        };
        home.charge(egp(100));
        visit(&mut home, "the first visit of all", "T01");
        // Often enough that every write has something to erase.
        for _ in 0..12 {
            home.consume(Energy(10));
            visit(&mut home, "an ordinary visit", "T02");
        }
        home.charge(egp(50));
        visit(&mut home, "with credit", "T01");
        // With credit, and events that the card does not have yet: the month was rated again, and the cover opened.
        home.consume(kwh(101));
        home.meter.tamper(home.reading(), Tampering::Cover).unwrap();
        home.charge(egp(50));
        visit(&mut home, "with credit and events", "T01");
    }
}

#[test]
fn a_meter_that_loses_power_in_a_visit_credits_once() {
    let mut home = Household::with_credit(MONDAY, egp(60));
    home.charge(egp(40));
    home.meter.cut_power_after(0, Cut::Partly { seed: 1 });
    // The meter was off before the credit counted: it comes with the next visit, and once.
    home.tap();
    home.meter.power_up().unwrap();
    assert_eq!(home.balance(), 6_000);
    assert_eq!((home.tap(), home.balance()), ("T01", 10_000));
    assert_eq!((home.tap(), home.balance()), ("T02", 10_000));
}
