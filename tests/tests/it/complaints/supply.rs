//! The supply rules: when it is cut and when it is not, how it comes back, and what a household lives through meanwhile.

use card_core::calendar::{Calendar, Holiday};
use card_core::id::{CardId, CardRef, MeterId};
use card_core::meter::Tampering;
use card_core::parameters::{Limits, command::kind};
use card_core::role::Role;
use card_core::text::Situation;
use card_core::units::{CardTime, Energy};
use card_host::issuer::{AccountError, BindingAccount};
use card_host::keystore::KeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::transport::Card;

use super::household::{DAY, HOUR, Household, METER, MINUTE, MONDAY, egp, kwh, told, winter};

#[test]
fn the_supply_is_cut_at_zero_and_comes_back_at_once_on_charging() {
    // 68 piastres: the first kWh of the month, exactly.
    let mut home = Household::with_credit(MONDAY, card_core::units::Piastres(68));
    home.consume(Energy(98));
    assert_eq!((home.balance(), home.cut()), (1, vec!["U00"]));
    home.consume(Energy(2));
    assert_eq!((home.balance(), home.cut()), (0, vec!["U01"]));
    assert!(home.shown().contains(&"F04"));
    home.pass(HOUR);
    assert!(!home.is_on());
    home.charge(egp(1));
    assert_eq!((home.tap(), home.balance(), home.cut()), ("T01", 100, vec!["U00"]));
}

/// From a Monday's noon: until when the supply goes on for a customer whose credit is used up at `used_up`.
fn cut_after(used_up: CardTime, calendar: Calendar) -> CardTime {
    let mut home = Household::with_credit(MONDAY, egp(1));
    home.send(0x03, calendar.emit().as_slice());
    home.until(used_up);
    home.consume(kwh(5));
    assert_eq!(home.balance(), 100 - 340);
    while home.is_on() {
        home.pass(MINUTE);
    }
    // What was used meanwhile is a debt, which the next charge pays first.
    home.charge(egp(1));
    assert_eq!((home.tap(), home.is_on()), ("T03", false));
    home.charge(egp(3));
    assert_eq!((home.tap(), home.balance(), home.is_on()), ("T01", 160, true));
    home.now()
}

#[test]
fn no_cut_from_five_to_ten_on_fridays_and_on_holidays() {
    let egypt = Calendar::EGYPT;
    let zone = *egypt.zone();
    // Tuesday and Wednesday, 3 and 4 March 2026, are holidays.
    let tuesday = egypt.local(winter(2026, 3, 3, 12, 0)).day;
    let holidays = [Holiday { first: tuesday, days: 2 }];
    let with_holidays = Calendar::new(zone, 17 * 60, 10 * 60, 0x20, &holidays).unwrap();
    for (used_up, calendar, cut) in [
        (winter(2026, 3, 2, 16, 59), egypt, winter(2026, 3, 2, 16, 59)),
        (winter(2026, 3, 2, 17, 0), egypt, winter(2026, 3, 3, 10, 0)),
        (winter(2026, 3, 3, 3, 0), egypt, winter(2026, 3, 3, 10, 0)),
        (winter(2026, 3, 3, 10, 0), egypt, winter(2026, 3, 3, 10, 0)),
        // From Thursday evening to Saturday morning.
        (winter(2026, 3, 5, 18, 0), egypt, winter(2026, 3, 7, 10, 0)),
        (winter(2026, 3, 6, 12, 0), egypt, winter(2026, 3, 7, 10, 0)),
        (winter(2026, 3, 3, 12, 0), with_holidays, winter(2026, 3, 5, 10, 0)),
    ] {
        assert_eq!(cut_after(used_up, calendar), cut, "used up at {used_up:?}");
    }
}

#[test]
fn a_supply_that_is_cut_stays_cut_when_a_friendly_time_begins() {
    let mut home = Household::with_credit(MONDAY, egp(1));
    home.consume(kwh(5));
    home.until(winter(2026, 3, 2, 20, 0));
    assert_eq!(home.cut(), ["U01"]);
    // The card brings no credit; inserted twice, it asks for the emergency loan.
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U01"]));
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U00"]));
}

#[test]
fn the_emergency_loan_is_given_once_for_48_hours_and_repaid() {
    // Given a customer whose credit is used up on Monday at noon,
    let mut home = Household::with_credit(MONDAY, egp(1));
    home.consume(kwh(5));
    assert_eq!(home.cut(), ["U01"]);
    // when the empty card is inserted twice, there is supply for 48 hours, which is a debt,
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U01"]));
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U00"]));
    assert!(home.shown().contains(&"F80"));
    home.until(CardTime(MONDAY.0 + 48 * HOUR - 1));
    home.consume(kwh(5));
    assert_eq!((home.balance(), home.is_on()), (100 - 680, true));
    home.until(CardTime(MONDAY.0 + 48 * HOUR));
    assert_eq!(home.cut(), ["U01"]);
    // and the card brings no second one, also not after a charge that is too small;
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U01"]));
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U01"]));
    home.charge(egp(5));
    assert_eq!((home.tap(), home.balance()), ("T03", -80));
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U01"]));
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U01"]));
    // then a charge repays it, and the next time there is one again.
    home.charge(egp(1));
    assert_eq!((home.tap(), home.balance(), home.cut()), ("T01", 20, vec!["U00"]));
    assert!(!home.shown().contains(&"F80"));
    home.consume(kwh(1));
    assert_eq!(home.cut(), ["U01"]);
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U01"]));
    assert_eq!((home.tap(), home.cut()), ("T02", vec!["U00"]));
}

#[test]
fn two_warnings_come_before_the_credit_runs_out() {
    let mut home = Household::with_credit(MONDAY, egp(40));
    let limits = Limits { first_threshold: 2_000, second_threshold: 600, ..Limits::DEFAULT };
    home.send(0x02, &limits.emit());
    // 34.00 EGP for 50 kWh, step by step: first nothing, then the red lamp, then the last warning, then the cut.
    for (energy, balance, shown) in [
        (2_941, 2_000, vec![]),
        (2, 1_999, vec!["F01"]),
        (2_057, 600, vec!["F01"]),
        (2, 598, vec!["F02"]),
        (765, 2, vec!["F02"]),
        (2, 0, vec!["F04", "F02"]),
    ] {
        home.consume(Energy(energy));
        assert_eq!((home.balance(), home.shown()), (balance, shown));
        assert_eq!(home.is_on(), balance > 0);
    }
    // The card takes the warning home: a phone shows it.
    home.tap();
    let public = operate::read_public(&mut home.transport()).unwrap();
    let flags = public.status.balances.unwrap().at_meter.unwrap().flags;
    assert_eq!(Situation::in_flags(flags).map(told).collect::<Vec<_>>(), ["F02"]);
}

#[test]
fn overload_pauses_three_times_and_then_locks_until_the_company_acts() {
    let mut home = Household::with_credit(MONDAY, egp(100));
    home.send(0x02, &Limits { contracted_power: 3_500, ..Limits::DEFAULT }.emit());
    home.meter.demand(home.reading(), 3_500).unwrap();
    assert!(home.is_on(), "as much as was contracted is no overload");
    for _ in 0..3 {
        home.meter.demand(home.reading(), 3_501).unwrap();
        assert_eq!(home.cut(), ["U04"]);
        home.pass(5 * MINUTE - 1);
        assert!(!home.is_on());
        home.pass(1);
        assert!(home.is_on(), "it comes back by itself");
    }
    home.meter.demand(home.reading(), 4_000).unwrap();
    assert_eq!(home.cut(), ["U08"]);
    // Neither time nor money ends it.
    home.pass(2 * DAY);
    home.charge(egp(50));
    assert_eq!((home.tap(), home.cut()), ("T01", vec!["U08"]));
    let order = home.command(kind::END_OVERLOAD, 0, None, CardTime::UNSET);
    assert_eq!((home.receive(&order), home.cut()), ("P01", vec!["U00"]));
}

#[test]
fn opening_the_cover_cuts_and_only_the_named_technicians_card_restores() {
    let mut home = Household::with_credit(MONDAY, egp(100));
    home.meter.tamper(home.reading(), Tampering::Cover).unwrap();
    assert_eq!((home.cut(), home.shown()), (vec!["U02"], vec!["F04", "F08"]));
    assert_eq!(told(Situation::of_tampering(home.state().supply.tampering).unwrap()), "X01");
    // Neither time, nor money, nor a technician's card without an order.
    home.pass(2 * DAY);
    home.charge(egp(50));
    assert_eq!((home.tap(), home.cut()), ("T01", vec!["U02"]));
    let (technician, another) = (home.technician(), home.technician());
    assert_eq!((home.tap_card(technician), home.cut()), ("T02", vec!["U02"]));
    // The same order on the customer's card, on another technician's, and over the network does nothing.
    let order = home.command(kind::CLEAR_TAMPER, 0, Some(technician), CardTime(home.now().0 + DAY));
    for card in [home.card, another] {
        home.put(card, &order).unwrap();
        assert_eq!((home.deliver(card), home.cut()), (vec!["P0B"], vec!["U02"]));
    }
    assert_eq!((home.receive(&order), home.cut()), ("P0B", vec!["U02"]));
    // On the card that it names it is executed, once.
    home.put(technician, &order).unwrap();
    assert_eq!((home.deliver(technician), home.cut()), (vec!["P01"], vec!["U00"]));
    home.meter.tamper(home.reading(), Tampering::Cover).unwrap();
    assert!(home.deliver(technician).is_empty());
    assert_eq!(home.cut(), ["U02"]);
}

#[test]
fn a_card_that_was_away_for_months_takes_all_of_them_home() {
    let mut home = Household::with_credit(winter(2026, 1, 5, 12, 0), egp(5_000));
    // Fourteen months, each with more consumption than the one before; in the fourth, nobody is at home.
    for month in 1..=14 {
        if month != 4 {
            home.consume(kwh(10 * month));
        }
        let midnight = home.state().calendar.month_begins(home.state().month_index + 1).unwrap();
        home.until(midnight);
    }
    let kept = home.meter.months().unwrap();
    assert_eq!(kept.iter().map(|month| month.index).collect::<Vec<_>>(), (72..86).collect::<Vec<_>>());
    assert_eq!((kept[3].energy, kept[3].fees().0), (Energy(0), 900 + 2_000));
    // One visit later all of it is on the card, and the month that runs.
    assert_eq!(home.tap(), "T02");
    let mut card = Card::open(&mut home.cards[0]);
    let mut session = operate::session(&mut card, home.issuer.keys(), Role::Vending, &mut OsRandom).unwrap();
    let reading = operate::read_private(&mut session).unwrap();
    assert_eq!(reading.months.iter().rev().copied().collect::<Vec<_>>(), kept);
    assert_eq!(reading.meter.unwrap().receipt.balance.0, home.balance());
    // Nothing was lost on the way: what was paid is in the meter, or in these months.
    let billed = kept.iter().map(|month| month.energy_charge.0 as i64 + month.fees().0).sum::<i64>();
    assert_eq!(home.balance(), 500_000 - billed);
}

#[test]
fn a_meter_without_power_for_months_closes_each_of_them() {
    let mut home = Household::with_credit(winter(2026, 1, 5, 12, 0), egp(100));
    home.consume(kwh(60));
    home.meter.save().unwrap();
    home.pass_without_power(90 * DAY);
    home.meter.power_up().unwrap();
    assert_eq!(home.tap(), "T02");
    let fees: Vec<_> = home.meter.months().unwrap().iter().map(|month| month.fees().0).collect();
    assert_eq!(fees, [200 + 2_000, 900 + 2_000, 900 + 2_000]);
    assert_eq!(home.balance(), 10_000 - (50 * 68 + 10 * 78) - 2_200 - 2 * 2_900);
}

#[test]
fn a_lost_card_is_blocked_at_the_meter_before_its_replacement_comes() {
    // Given a card that is lost with 40 EGP on it,
    let mut home = Household::with_credit(MONDAY, egp(10));
    home.charge(egp(40));
    let lost = home.card;
    // when the customer reports it, and the company tells the meter,
    let order = home.command(kind::LOWEST_GENERATION, 2, None, CardTime::UNSET);
    assert_eq!(home.receive(&order), "P01");
    // then nobody adds its credit with it, and the replacement brings it.
    assert_eq!((home.tap_card(lost), home.balance()), ("M0C", 1_000));
    home.replace_card();
    home.activate();
    assert_eq!((home.tap(), home.balance()), ("T01", 5_000));
    // Where the lost card comes to a branch, it is blocked, and says so.
    operate::set_status(
        &mut Card::open(&mut home.cards[lost]),
        home.issuer.keys(),
        card_core::id::State::Blocked,
        &mut OsRandom,
    )
    .unwrap();
    assert_eq!(home.tap_card(lost), "S04");
}

#[test]
fn what_was_left_in_a_replaced_meter_is_moved_once() {
    // Given a broken meter with 66 EGP in it, and 40 more on the card,
    let mut home = Household::with_credit(MONDAY, egp(100));
    home.consume(kwh(50));
    home.charge(egp(40));
    let (customers, closed) = (home.card, home.account);
    // when the workshop opens a binding of its own on it, the old one's final report comes on the workshop's card,
    let card = CardRef { id: CardId::from(90), generation: 1 };
    let workshop = BindingAccount { account: 9, card, ..closed };
    home.account = workshop.open_binding(MeterId::from(METER), 2, home.now()).unwrap().refresh().unwrap();
    home.issue(home.account, CardTime::UNSET);
    home.activate();
    assert_eq!(home.tap(), "T02");
    let mut workshops = Card::open(&mut home.cards[home.card]);
    let report = operate::final_report(&mut workshops, home.issuer.keys()).unwrap().unwrap();
    // The month that ran pays its fees: 1 EGP of service for 50 kWh, 20 for cleaning.
    assert_eq!(report.balance.0, 10_000 - 3_400 - 100 - 2_000);
    // then it is moved to the new meter with what waits on the card, once,
    let opened = closed.open_binding(MeterId::from(4712), 1, home.now()).unwrap();
    let (opened, closed) = opened.move_from(closed, &report).unwrap();
    assert_eq!(closed.move_again(&report), Err(AccountError::Closed));
    home.meter = home.another_meter(4712);
    home.meter.tick(home.reading()).unwrap();
    (home.account, home.card) = (opened, customers);
    let binding = home.issuer.binding_certificate(&opened).unwrap();
    let certificate = home.issuer.certificate(&opened).unwrap();
    let meter_key = home.issuer.keys().current(Role::Meter).unwrap();
    let mut card = Card::open(&mut home.cards[customers]);
    operate::rebind(&mut card, home.issuer.keys(), meter_key, &binding, &certificate, &mut OsRandom).unwrap();
    // and the customer's card brings it there.
    assert_eq!((home.tap(), home.balance()), ("T01", 4_500 + 4_000));
    assert_eq!((home.tap(), home.balance()), ("T02", 8_500));
    home.charge(egp(1));
    assert_eq!((home.tap(), home.balance()), ("T01", 8_600));
}

trait MoveAgain {
    fn move_again(
        self,
        report: &card_core::message::Verified<card_core::message::MeterReceipt>,
    ) -> Result<(), AccountError>;
}

impl MoveAgain for BindingAccount {
    /// The same once more, to a third meter.
    fn move_again(
        self,
        report: &card_core::message::Verified<card_core::message::MeterReceipt>,
    ) -> Result<(), AccountError> {
        let third = Self { moved: false, ..self }.open_binding(MeterId::from(4713), 1, self.opening_time)?;
        third.move_from(self, report).map(|_| ())
    }
}
