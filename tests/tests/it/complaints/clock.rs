//! Complaint 5: the change of clocks in October 2025, months and friendly hours by local time, and wrong clocks of meters.

use card_core::id::Channel;
use card_core::parameters::command::kind;
use card_core::terminal::load::LoadOutcome;
use card_core::units::{CardTime, Energy};

use super::household::{DAY, HOUR, Household, MINUTE, egp, kwh, summer, utc, winter};

/// Thursday, 30 October 2025, 24:00 in summer: then it is 23:00 once more.
const CHANGE: CardTime = utc(2025, 10, 30, 21, 0);

#[test]
fn sale_and_supply_go_on_over_the_hour_that_comes_twice() {
    let mut home = Household::with_credit(CardTime(CHANGE.0 - 2 * HOUR), egp(10));
    let mut used = 0;
    // From 22:00 until 24:00, and from 23:00 to 24:00 once more, somebody buys every ten minutes.
    for purchase in 1..=18 {
        home.pass(10 * MINUTE);
        let voucher = home.buy(egp(1), Channel::Wallet);
        assert_eq!(home.load(&voucher), Ok(LoadOutcome::Loaded));
        assert_eq!((home.tap(), home.is_on(), home.shown()), ("T01", true, vec![]));
        home.consume(Energy(5));
        used += 5;
        // 68 piastres per kWh.
        assert_eq!(home.balance(), 1_000 + 100 * purchase - (68 * used + 50) / 100);
        assert_eq!(home.state().clock.time, home.now());
    }
    assert_eq!(home.now(), CardTime(CHANGE.0 + HOUR));
    let calendar = home.state().calendar;
    let minute = |time| calendar.local(CardTime(time)).minute;
    assert_eq!([minute(CHANGE.0 - 60), minute(CHANGE.0), minute(CHANGE.0 + HOUR)], [1439, 1380, 0]);
}

#[test]
fn the_month_begins_at_local_midnight_before_and_after_the_change() {
    let mut home = Household::with_credit(summer(2025, 8, 31, 12, 0), egp(1_000));
    // 1 September and October in summer, 1 November and December in winter, 1 May in summer again.
    let midnights = [
        (summer(2025, 9, 1, 0, 0), 68),
        (summer(2025, 10, 1, 0, 0), 69),
        (winter(2025, 11, 1, 0, 0), 70),
        (winter(2025, 12, 1, 0, 0), 71),
    ];
    for (midnight, index) in midnights {
        home.until(CardTime(midnight.0 - 1));
        // The month's last kWh is still the 101st.
        home.consume(kwh(101));
        assert_eq!((home.state().month_index, home.state().month().slab), (index - 1, 3));
        let before = home.balance();
        home.until(midnight);
        assert_eq!((home.state().month_index, home.state().running.total()), (index, Energy(0)));
        // Service fee of the third slab, and the cleaning fee.
        assert_eq!(home.balance(), before - 600 - 2_000);
        // The next month's first kWh costs 0.68 EGP again, and is used up in the rest of this test.
        home.consume(kwh(1));
        assert_eq!(home.balance(), before - 2_600 - 68);
        home.charge(egp(200));
        assert_eq!(home.tap(), "T01");
    }
    let months = home.meter.months().unwrap();
    assert_eq!(months.iter().map(|month| month.index).collect::<Vec<_>>(), [67, 68, 69, 70]);
}

#[test]
fn friendly_hours_are_local_before_and_after_the_change() {
    // Wednesday before it, in summer time, and Sunday to Wednesday after it, in winter time.
    let ends = [summer(2025, 10, 29, 10, 0), winter(2025, 11, 2, 10, 0), winter(2025, 11, 5, 10, 0)];
    for end in ends {
        let mut home = Household::with_credit(CardTime(end.0 - HOUR), egp(1));
        // The credit is used up at nine in the morning, and nobody is cut before ten.
        home.consume(kwh(5));
        assert!(home.balance() < 0);
        home.until(CardTime(end.0 - 1));
        assert!(home.is_on());
        home.until(end);
        assert_eq!(home.cut(), ["U01"]);
        // In the evening, at 17:00 and not before, a credit that is used up does not cut any more.
        home.until(CardTime(end.0 + 7 * HOUR - 1));
        home.charge(egp(10));
        assert_eq!((home.tap(), home.is_on()), ("T01", true));
        home.until(CardTime(end.0 + 7 * HOUR));
        home.consume(kwh(50));
        assert!(home.balance() < 0 && home.is_on());
    }
}

#[test]
fn a_clock_that_is_behind_is_put_right_by_the_time_in_the_next_charge() {
    // Given a meter that believes it is 29 October, when it is noon of Sunday, 2 November,
    let mut home = Household::new(winter(2025, 11, 2, 12, 0));
    home.clock_error = -4 * i64::from(DAY);
    home.meter = home.another_meter(super::household::METER);
    home.meter.tick(home.reading()).unwrap();
    assert_eq!(home.state().month_index, 69);
    // when the customer charges,
    home.charge(egp(1));
    assert_eq!(home.tap(), "T01");
    // then the month is November, and its friendly hours are right: at noon the supply is cut at zero,
    assert_eq!((home.state().month_index, home.state().clock.time), (70, home.now()));
    home.consume(kwh(2));
    assert_eq!(home.cut(), ["U01"]);
    // and what passes from now on is right as well.
    home.charge(egp(500));
    assert_eq!(home.tap(), "T01");
    home.until(winter(2025, 12, 1, 0, 0));
    assert_eq!((home.state().month_index, home.state().clock.time), (71, home.now()));
}

#[test]
fn a_clock_that_jumps_ahead_is_not_believed_and_a_technician_puts_it_right() {
    let mut home = Household::with_credit(winter(2025, 11, 2, 12, 0), egp(100));
    let right = home.state().clock.time;
    // A year ahead: no twelve months end, and the customer is told to report it.
    home.clock_error = 365 * i64::from(DAY);
    home.consume(kwh(1));
    assert_eq!((home.state().clock.time, home.balance()), (right, 9_932));
    assert_eq!(home.shown(), ["F10"]);
    // A technician brings the time, in mail that names the card.
    let technician = home.technician();
    home.pass_without_power(HOUR);
    let (now, until) = (home.now(), CardTime(home.now().0 + DAY));
    let order = home.command(kind::CLOCK, now.0, Some(technician), until);
    home.put(technician, &order).unwrap();
    assert_eq!(home.deliver(technician), ["P01"]);
    assert_eq!((home.state().clock.time, home.shown()), (now, vec![]));
    // A sale never depended on it.
    home.charge(egp(1));
    assert_eq!((home.tap(), home.balance()), ("T01", 10_032));
}
