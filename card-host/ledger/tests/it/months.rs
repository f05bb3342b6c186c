//! The month goes on in a new contract of the same customer, whoever brings it there: the office, by itself.

use applet_sim::chip::FlashModel;
use card_core::parameters::Action;
use card_core::units::{Balance, CardTime, Energy};
use card_host::card_work::{CardChoice, Order, deliver};
use card_host::operate;
use card_host::simulated_meter::SimulatedMeter;
use card_host::stage::Stage;

use super::bench::{Bench, CHOICE};

/// Energy before and after the change of contract in kWh, and what the month costs with its fees: what it costs in one contract.
const MONTHS: [(u32, u32, i64); 3] = [(130, 100, 26_750), (20, 20, 4_820), (0, 50, 5_500)];
const CREDIT: u64 = 60_000;

fn consume(bench: &Bench, meter: &mut SimulatedMeter<FlashModel>, kwh: u32) {
    meter.consume(bench.company.office.now().unwrap(), Energy(kwh * 100)).unwrap();
}

/// What is left in a meter once its month has ended.
fn left(meter: &SimulatedMeter<FlashModel>) -> i64 {
    let state = meter.state().unwrap();
    let Balance(fees) = state.running.close(state.month_index, false).fees();
    state.balance.0 - fees
}

/// Customer 100 has used meter 1, and another customer has its contract now: card 1, which has brought the final report to the desk. Gives
/// what the first contract had left.
fn begun(before: u32) -> (Bench, i64) {
    let mut bench = Bench::new();
    let mut meter = bench.meter(1);
    for (account, closes_former) in [(100, false), (200, true)] {
        let issued = bench.issue(1, account, CardChoice { closes_former, ..CHOICE }).unwrap();
        bench.sell(issued.account.card.id, CREDIT).unwrap();
        let _ = bench.tap(&mut meter);
        if account == 100 {
            consume(&bench, &mut meter, before);
        }
    }
    let left = meter.state().unwrap().final_report.unwrap().receipt.balance.0;
    let who = bench.company.who.clone();
    bench.company.office.take_from_card(&who, &mut bench.stage.card().unwrap()).unwrap();
    (bench, left)
}

#[test]
fn a_new_contract_goes_on_with_the_month_of_the_one_that_is_over() {
    for (before, after, bill) in MONTHS {
        let (mut bench, left_before) = begun(before);
        let issued = bench.issue(2, 100, CHOICE).unwrap();
        bench.sell(issued.account.card.id, CREDIT).unwrap();
        let mut meter = bench.meter(2);
        let _ = bench.tap(&mut meter);
        consume(&bench, &mut meter, after);
        assert_eq!(meter.state().unwrap().running.total(), Energy(100 * (before + after)));
        let paid = 2 * CREDIT as i64 - left_before - left(&meter);
        assert_eq!(paid, bill, "{before} + {after} kWh");
    }
}

#[test]
fn a_moved_contract_goes_on_with_its_month() {
    for (before, after, bill) in MONTHS {
        let (mut bench, left_before) = begun(before);
        let keys = bench.company.office.keys();
        let report = operate::final_report(&mut bench.stage.card().unwrap(), keys).unwrap().unwrap();
        bench.stage.insert(0).unwrap();
        let moved = bench.move_to(2, &report).unwrap();
        assert_eq!(i64::try_from(moved.total_credit.0), Ok(left_before));
        let mut meter = bench.meter(2);
        let _ = bench.tap(&mut meter);
        consume(&bench, &mut meter, after);
        assert_eq!(CREDIT as i64 - left(&meter), bill, "{before} + {after} kWh");
    }
}

#[test]
fn another_home_of_the_same_account_has_a_month_of_its_own() {
    let mut bench = Bench::new();
    for number in [1, 2] {
        let mut meter = bench.meter(number);
        let issued = bench.issue(number, 100, CHOICE).unwrap();
        bench.sell(issued.account.card.id, CREDIT).unwrap();
        let _ = bench.tap(&mut meter);
        consume(&bench, &mut meter, 130);
        assert_eq!(meter.state().unwrap().running.total(), Energy(13_000), "meter {number}");
        // What it has had is known to the office.
        let order = Order { action: Action::ReadOut, expiry: CardTime::UNSET, technician: None };
        let (_, mail) = bench.command(issued.account.card.id, &order);
        deliver(&mut bench.card(), &mail.delivery).unwrap();
        let _ = bench.tap(&mut meter);
        let who = bench.company.who.clone();
        bench.company.office.take_from_card(&who, &mut bench.stage.card().unwrap()).unwrap();
        let known = bench.company.office.month_so_far(issued.account.binding).unwrap();
        assert_eq!(known.map(|month| month.energy), Some(Energy(13_000)));
    }
}
