//! Complaint 6: the same electricity costs the same, however it was bought, through however many cards, and however it was used.

use card_core::meter::events::code;
use card_core::text::Situation;
use card_core::units::{CardTime, Energy};

use super::household::{DAY, Household, MONDAY, at_the_meter, egp, kwh, told, winter};

/// What a month of 351 kWh costs: 200 at 0.95, 150 at 1.55, one at 1.95; 15 EGP of service fee; 20 for cleaning.
const BILL: i64 = 19_000 + 23_250 + 195 + 1_500 + 2_000;

fn end_of_march(home: &mut Household) -> i64 {
    home.until(winter(2026, 4, 1, 0, 0));
    home.balance()
}

#[test]
fn buying_in_small_charges_does_not_change_the_price() {
    let mut once = Household::with_credit(MONDAY, egp(600));
    once.consume(kwh(351));
    assert_eq!(end_of_march(&mut once), 60_000 - BILL);
    // 60 charges of 10 EGP, each taken to the meter when a few kWh more were used.
    let mut often = Household::new(MONDAY);
    for _ in 0..60 {
        often.charge(egp(10));
        assert!(["T01", "T03"].contains(&often.tap()));
        often.consume(Energy(585));
    }
    assert_eq!(often.state().running.total(), kwh(351));
    assert_eq!(end_of_march(&mut often), 60_000 - BILL);
}

#[test]
fn buying_through_several_cards_does_not_change_the_price() {
    // The cheap first 50 kWh are the meter's, not a card's: three cards in one month, each with credit for 117 kWh.
    let mut home = Household::new(MONDAY);
    for card in 0..3 {
        if card > 0 {
            home.replace_card();
        }
        home.charge(egp(200));
        assert_eq!(home.tap(), "T01");
        home.consume(kwh(117));
    }
    assert_eq!(end_of_march(&mut home), 60_000 - BILL);
    // And a card of the neighbours, who have used nothing, is of no use here.
    let mut neighbours = home.another_meter(4712);
    let reading = home.reading();
    assert_eq!(at_the_meter(&neighbours.tap(&mut home.transport(), reading)), "M08");
}

#[test]
fn a_new_contract_in_mid_month_does_not_change_the_price() {
    for (before, after, bill) in [(20, 20, 4_820), (130, 100, 26_750)] {
        let mut home = Household::with_credit(MONDAY, egp(600));
        home.consume(kwh(before));
        home.new_contract();
        home.charge(egp(600));
        assert_eq!(home.tap(), "T01");
        home.consume(kwh(after));
        let left = home.state().final_report.unwrap().receipt.balance.0 + end_of_march(&mut home);
        assert_eq!(left, 120_000 - bill, "{before} + {after} kWh");
    }
}

#[test]
fn the_way_in_which_it_is_used_does_not_change_the_price() {
    for pulse in [1, 7, 100, 5_850, 35_100] {
        let mut home = Household::with_credit(MONDAY, egp(600));
        let mut left = 35_100;
        while left > 0 {
            let energy = left.min(pulse);
            home.consume(Energy(energy));
            left -= energy;
        }
        assert_eq!(end_of_march(&mut home), 60_000 - BILL, "pulses of {pulse}");
    }
}

#[test]
fn crossing_a_restart_is_taken_at_once_and_said() {
    // Given 100.00 kWh in the month, which cost 73 EGP,
    let mut home = Household::with_credit(MONDAY, egp(600));
    home.consume(kwh(100));
    assert_eq!(home.balance(), 60_000 - 7_300);
    // when 10 Wh more are used, then they cost a piastre, and the 100 kWh are rated again: 95 EGP.
    home.consume(Energy(1));
    assert_eq!(home.balance(), 60_000 - 9_501);
    let event = *home.meter.events().unwrap().last().unwrap();
    assert_eq!(event.code, code::RE_RATED);
    let adjustment = i32::from_be_bytes([event.data[0], event.data[1], event.data[2], event.data[3]]);
    assert_eq!((adjustment, event.data[4]), (2_200, 3));
    assert_eq!(told(Situation::of_adjustment(adjustment.into()).unwrap()), "B01");
    // The card takes it home, so that a phone can show it.
    assert_eq!(home.tap(), "T02");
    assert_eq!(home.state().status().price.to_string(), "95");
}

#[test]
fn a_new_tariff_in_mid_month_rates_nothing_that_was_used_before_it() {
    let mut home = Household::with_credit(MONDAY, egp(600));
    home.consume(kwh(40));
    let published = card_core::tariff::EGYPT_2024_08;
    let start = CardTime(MONDAY.0 + 10 * DAY);
    let head = card_core::tariff::Head { version: 2, start, kind: published.kind(), zero_fee: 0 };
    let slab = card_core::tariff::Slab {
        bound: None,
        price: card_core::tariff::Price(100_000),
        restart: false,
        fee: 0,
    };
    let dearer = card_core::tariff::Tariff::new(head, &[slab], &[]).unwrap();
    home.send(0x01, dearer.as_bytes());
    home.until(CardTime(start.0 - 1));
    home.consume(kwh(1));
    home.until(start);
    home.consume(kwh(10));
    assert_eq!(home.balance(), 60_000 - 41 * 68 - 10 * 100);
}
