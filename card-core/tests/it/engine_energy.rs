//! Consumption, months, tariffs and instalments (docs/meter.md, sections 1, 4 and 7.3), and what a power cut leaves of them.
// Long: one subject, section by section of the document.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::*;
use card_core::message::Month;
use card_core::meter::events::{Class, code};
use card_core::meter::{Meter, MeterState, Reading, Tampering, UNWRITTEN, doubt, reason};
use card_core::parameters::{Debt, DebtKind, DebtPlan};
use card_core::tariff::EGYPT_2024_08;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use proptest::prelude::*;

fn debt(id: u32, first_month: u16, count: u16, amount: u32, last: u32) -> Debt {
    Debt { id, kind: DebtKind::Arrears, first_month, count, amount, last }
}

fn plan(meter: &mut Meter<Chip>, debts: &[Debt]) {
    let at = meter.state().clock.time;
    give(meter, at, 4, DebtPlan::new(debts).unwrap().emit().as_slice());
}

fn tariff(meter: &mut Meter<Chip>, version: u32, start: CardTime, piastres: u32, fee: u32) {
    let at = meter.state().clock.time;
    give(meter, at, 0, flat(version, start, piastres, fee).as_bytes());
}

fn after(seconds: u32) -> CardTime {
    CardTime(NOW.0 + seconds)
}

// ---- consumption

fn fees(amount: u16, kind: u8) -> (u16, [u8; 6]) {
    let [high, low] = amount.to_be_bytes();
    (code::FEES, [0, 0, 0, high, low, kind])
}

#[test]
fn what_is_consumed_is_taken_at_once() {
    let mut meter = bound(&Chip::new(), 50_000);
    let taken = meter.consume(shows(NOW), Energy(5_000)).unwrap().unwrap();
    assert_eq!((taken.total(), taken.slab), (Balance(3_400), 1));
    assert_eq!(meter.state().balance, Balance(46_600));
    assert_eq!((meter.state().energy, meter.state().running.total()), (Energy(6_000), Energy(5_000)));
    assert_eq!(meter.state().days.today, Energy(5_000));
    adds_up(&mut meter);
    // The group that the month enters costs something else for all that was before: that is foretold and is an event, and only that.
    let before = last_event(&meter);
    meter.consume(shows(NOW), Energy(5_000)).unwrap();
    let [a, b, c, d] = 2_200_i32.to_be_bytes();
    let foretold = (code::RESTART_NEAR, [a, b, c, d, 0, 0]);
    assert_eq!(told(&mut meter, before), [foretold]);
    meter.consume(shows(NOW), Energy(1)).unwrap();
    assert_eq!(told(&mut meter, before), [foretold, (code::RE_RATED, [a, b, c, d, 3, 0])]);
    assert_eq!(meter.state().balance, Balance(50_000 - 9_501));
    adds_up(&mut meter);
}

#[test]
fn without_a_binding_only_the_register_counts() {
    let chip = Chip::new();
    let mut meter = Meter::install(chip.clone(), identity(), meter_keys(), &fresh()).unwrap();
    assert_eq!(meter.state().supply.cut, reason::NO_BINDING);
    assert_eq!(meter.consume(shows(NOW), Energy(700)), Ok(None));
    let state = meter.state();
    assert_eq!((state.energy, state.running.total(), state.balance), (Energy(1_700), Energy(0), Balance(0)));
    assert_eq!(last_event(&meter), 0);
    // No month is closed; the index follows the time, and a binding begins with a partial month.
    pass(&mut meter, begin_of(JUNE + 2));
    assert_eq!((meter.state().month_index, meter.state().inbox.readings), (JUNE + 2, 0));
    assert_eq!(months(&mut meter), []);
    let at = meter.state().clock.time;
    let first = signed(card_core::message::Certificate { issue_time: at, ..certificate(1, 1_000, 0) });
    let _ = meter.take_certificate(shows(at), &first, Some(&binding_certificate(1))).unwrap();
    assert_eq!((meter.state().month().index, meter.state().month().flags), (JUNE + 2, 1));
    assert_eq!(meter.state().balance, Balance(1_000));
}

#[test]
fn consumption_is_written_by_a_tenth_of_a_kilowatt_hour() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    let (writes, start) = (chip.writes(), meter.state().clone());
    for _ in 0..9 {
        meter.consume(shows(NOW), Energy(1)).unwrap();
    }
    assert_eq!(chip.writes(), writes);
    assert_eq!(again(&chip).state(), &start);
    meter.consume(shows(NOW), Energy(1)).unwrap();
    assert_eq!(again(&chip).state(), meter.state());
    // One page is programmed for it, and the next one erased, once all pages that take turns have been used.
    for _ in 0..60 {
        meter.consume(shows(NOW), UNWRITTEN).unwrap();
    }
    let writes = chip.writes();
    meter.consume(shows(NOW), UNWRITTEN).unwrap();
    assert_eq!(chip.writes(), writes + 2);
}

#[test]
fn whatever_is_written_writes_consumption_with_it() {
    type Change = fn(&mut Meter<Chip>);
    let changes: [Change; 6] = [
        |meter| meter.save().unwrap(),
        |meter| meter.tamper(shows(NOW), card_core::meter::Tampering::Cover).unwrap(),
        |meter| meter.demand(shows(NOW), 4_000).unwrap(),
        |meter| certify(meter, NOW, 50_000, 0),
        |meter| tariff(meter, 2, after(10), 100, 0),
        |meter| meter.tick(shows(CardTime(NOW.0 - 1000))).unwrap(),
    ];
    for (number, change) in changes.iter().enumerate() {
        let chip = Chip::new();
        let mut meter = bound(&chip, 50_000);
        meter.consume(shows(NOW), Energy(9)).unwrap();
        change(&mut meter);
        let mut kept = meter.state().clone();
        if kept.clock.doubt & doubt::CLOCK != 0 {
            // That of a clock that jumps is not kept.
            kept.clock.offset = 0;
        }
        assert_eq!(again(&chip).state(), &kept, "change {number}");
        assert_eq!(meter.state().energy, Energy(1_009));
    }
}

#[test]
fn the_highest_demand_of_the_month_survives_a_power_cut() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 50_000);
    for watts in [3_000, 7_000, 5_000] {
        meter.demand(shows(NOW), watts).unwrap();
    }
    let mut meter = again(&chip);
    assert_eq!(meter.state().month().peak, 7_000);
    pass(&mut meter, begin_of(JUNE + 1));
    assert_eq!((months(&mut meter)[0].peak, meter.state().month().peak), (7_000, 0));
}

#[derive(Debug, Clone)]
enum Act {
    Pulse(u32),
    Later(u32),
    Credit(u64),
    Save,
    Cut(u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0_u32..30).prop_map(Act::Pulse),
        1 => (0_u32..4_000).prop_map(Act::Pulse),
        2 => (0_u32..10 * 86_400).prop_map(Act::Later),
        1 => (1_u64..5_000).prop_map(Act::Credit),
        1 => Just(Act::Save),
        2 => (0_u32..40).prop_map(Act::Cut),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn money_adds_up_and_a_cut_loses_little_and_from_all_alike(acts in prop::collection::vec(act(), 1..60)) {
        let chip = Chip::new();
        let mut meter = bound(&chip, 50_000);
        let mut time = NOW;
        plan(&mut meter, &[debt(1, JUNE, 5, 700, 300), debt(2, JUNE + 1, 1, 1, 55)]);
        tariff(&mut meter, 2, after(45 * 86_400), 100, 1_000);
        let mut used = 0_u64;
        // What was written, as far as this knows.
        let mut known = meter.state().clone();
        for act in acts {
            let before = meter.state().clone();
            let result = match act {
                Act::Pulse(energy) => {
                    let result = meter.consume(shows(time), Energy(energy)).map(drop);
                    used += u64::from(if result.is_ok() { energy } else { 0 });
                    result
                }
                Act::Later(seconds) => {
                    time.0 += seconds;
                    meter.tick(shows(time))
                }
                Act::Credit(credit) => {
                    let total = before.applied_credit.0 + credit;
                    let certificate = certificate(before.sequence + 1, total, 0);
                    meter.take_certificate(shows(time), &certificate, None).map(drop)
                }
                Act::Save => meter.save(),
                Act::Cut(writes) => {
                    chip.cut_after(writes);
                    Ok(())
                }
            };
            if result.is_ok() && matches!(act, Act::Save | Act::Credit(_)) {
                known = meter.state().clone();
            }
            if result.is_err() {
                meter = again(&chip);
                let now = meter.state();
                // Less than 0.1 kWh, or the pulse that was not acknowledged.
                let pulse = if let Act::Pulse(energy) = act { energy } else { 0 };
                let most = u64::from(UNWRITTEN.0 + pulse);
                prop_assert!(u64::from(now.energy.0) + most > 1_000 + used);
                prop_assert!(now.energy >= known.energy);
                used = u64::from(now.energy.0) - 1_000;
                known = now.clone();
            }
            adds_up(&mut meter);
            let closed: u64 = months(&mut meter).iter().map(|month| u64::from(month.energy.0)).sum();
            prop_assert_eq!(closed + u64::from(meter.state().running.total().0), used);
            prop_assert_eq!(u64::from(meter.state().energy.0), 1_000 + used);
        }
    }
}

// ---- months

#[test]
fn a_month_ends_with_its_fees_and_a_record() {
    let mut meter = bound(&Chip::new(), 500_000);
    meter.consume(shows(NOW), Energy(15_000)).unwrap();
    meter.demand(shows(NOW), 4_321).unwrap();
    meter.tick(shows(CardTime(begin_of(JUNE + 1).0 - 1))).unwrap();
    assert_eq!((meter.state().month_index, meter.state().inbox.readings), (JUNE, 0));
    meter.tick(shows(begin_of(JUNE + 1))).unwrap();
    // 150 kWh at 95, the service fee of slab 3 and the cleaning fee.
    let june = Month {
        index: JUNE,
        flags: 1 | 2,
        slab: 3,
        energy: Energy(15_000),
        energy_charge: Piastres(14_250),
        re_rating: 0,
        service_fee: 600,
        levies: 2_000,
        others: 0,
        instalments: 0,
        doubt_cost: 0,
        tariff: 1,
        peak: 4_321,
    };
    assert_eq!(months(&mut meter), [june]);
    assert_eq!(meter.state().balance, Balance(500_000 - 14_250 - 2_600));
    assert_eq!((meter.state().month_index, meter.state().inbox.readings), (JUNE + 1, 1));
    let empty = Month {
        index: JUNE + 1,
        flags: 0,
        slab: 1,
        energy: Energy(0),
        energy_charge: Piastres(0),
        re_rating: 0,
        service_fee: 0,
        levies: 0,
        others: 0,
        instalments: 0,
        doubt_cost: 0,
        tariff: 1,
        peak: 0,
    };
    assert_eq!(meter.state().month(), empty);
    adds_up(&mut meter);
}

#[test]
fn months_without_power_are_closed_one_by_one_each_by_its_own_tariff() {
    let chip = Chip::new();
    let mut meter = bound(&chip, 500_000);
    meter.consume(shows(NOW), Energy(100)).unwrap();
    // July passes under the old tariff; the new one begins within August.
    let middle = CardTime(begin_of(JUNE + 2).0 + 86_400);
    tariff(&mut meter, 2, middle, 100, 5_000);
    plan(&mut meter, &[debt(9, JUNE, 3, 100, 40)]);
    let before = last_event(&meter);
    // Power is away, and the clock never stops.
    meter.save().unwrap();
    let mut meter = again(&chip);
    meter.tick(shows(begin_of(JUNE + 4))).unwrap();
    let taken: Vec<_> =
        months(&mut meter).iter().map(|month| (month.index, month.flags, month.fees().0)).collect();
    assert_eq!(taken, [(JUNE, 1, 2_100), (JUNE + 1, 0, 2_900), (JUNE + 2, 0, 5_000), (JUNE + 3, 0, 5_000)]);
    assert_eq!(meter.state().inbox.readings, 4);
    adds_up(&mut meter);
    let instalment = |amount: u8| (code::INSTALMENT, [0, 0, 0, amount, 0, 9]);
    let [_, a, b, c] = (begin_of(JUNE + 4).0 - NOW.0).to_be_bytes();
    let expected = [
        (code::POWER_OFF, [0; 6]),
        (code::POWER_ON, [0, a, b, c, 0, 0]),
        fees(100, 0),
        fees(2_000, 1),
        instalment(100),
        fees(900, 0),
        fees(2_000, 1),
        instalment(100),
        (code::TARIFF, [0, 0, 0, 2, 0, 0]),
        fees(5_000, 0),
        instalment(40),
        fees(5_000, 0),
    ];
    assert_eq!(told(&mut meter, before), expected);
}

#[test]
fn a_tariff_comes_into_force_at_its_start_within_the_month() {
    let mut meter = bound(&Chip::new(), 500_000);
    meter.consume(shows(NOW), Energy(6_000)).unwrap();
    tariff(&mut meter, 2, after(1_000), 200, 70);
    assert_eq!(meter.state().tables.standby().unwrap().version(), 2);
    meter.consume(shows(after(999)), Energy(0)).unwrap();
    assert_eq!(meter.state().tables.active().version(), 1);
    let before = last_event(&meter);
    // A pulse at that moment is rated by it already.
    let taken = meter.consume(shows(after(1_000)), Energy(100)).unwrap().unwrap();
    assert_eq!((taken.total(), meter.state().tables.active().version()), (Balance(200), 2));
    assert_eq!(told(&mut meter, before), [(code::TARIFF, [0, 0, 0, 2, 0, 0])]);
    assert_eq!(meter.state().tables.standby(), None);
    // One whose start is past is in force at once, by the mail itself.
    tariff(&mut meter, 3, CardTime(5), 300, 70);
    assert_eq!(meter.state().tables.active().version(), 3);
    adds_up(&mut meter);
}

#[test]
fn a_tariff_that_begins_with_the_month_does_not_rate_the_one_before() {
    let mut meter = bound(&Chip::new(), 500_000);
    meter.consume(shows(NOW), Energy(100)).unwrap();
    let start = begin_of(JUNE + 1);
    tariff(&mut meter, 2, start, 100, 5_000);
    let before = last_event(&meter);
    meter.tick(shows(start)).unwrap();
    assert_eq!(months(&mut meter)[0].fees(), Balance(2_100));
    assert_eq!(meter.state().running.tariff().version(), 2);
    assert_eq!(told(&mut meter, before), [fees(100, 0), fees(2_000, 1), (code::TARIFF, [0, 0, 0, 2, 0, 0])]);
}

#[test]
fn a_fifth_tariff_in_a_month_waits_for_its_end() {
    let mut meter = bound(&Chip::new(), 500_000);
    for version in 2..=5 {
        meter.consume(shows(NOW), Energy(100)).unwrap();
        tariff(&mut meter, version, CardTime(version), 100, 5_000);
    }
    let of = |meter: &Meter<Chip>| {
        (meter.state().tables.active().version(), meter.state().tables.standby().map(|t| t.version()))
    };
    assert_eq!(of(&meter), (4, Some(5)));
    meter.tick(shows(after(86_400))).unwrap();
    assert_eq!(of(&meter), (4, Some(5)));
    meter.tick(shows(begin_of(JUNE + 1))).unwrap();
    assert_eq!(of(&meter), (5, None));
    assert_eq!(meter.state().running.ended().count(), 0);
    adds_up(&mut meter);
}

#[test]
fn without_a_binding_tariffs_come_into_force_all_the_same() {
    let mut state = fresh();
    state.tables.offer(flat(2, after(100), 50, 0)).unwrap();
    let mut meter = Meter::install(Chip::new(), identity(), meter_keys(), &state).unwrap();
    meter.tick(shows(after(100))).unwrap();
    assert_eq!((meter.state().tables.active().version(), meter.state().running.tariff().version()), (2, 2));
}

#[test]
fn local_days_move_into_the_profile() {
    let mut meter = bound(&Chip::new(), 5_000_000);
    let day = |number: u32| local(FRIDAY + number, 23, 0);
    assert_eq!((meter.state().days.past, meter.state().days.known), ([0; 7], 0));
    for number in 0..3 {
        meter.consume(shows(day(number)), Energy(100 * (number + 1))).unwrap();
    }
    assert_eq!(meter.state().days.past[..3], [200, 100, 0]);
    assert_eq!((meter.state().days.known, meter.state().days.today), (2, Energy(300)));
    // A day begins at local midnight.
    meter.tick(shows(CardTime(local(FRIDAY + 3, 0, 0).0 - 1))).unwrap();
    assert_eq!(meter.state().days.known, 2);
    meter.tick(shows(local(FRIDAY + 3, 0, 0))).unwrap();
    assert_eq!(meter.state().days.past[..4], [300, 200, 100, 0]);
    // Without power nothing is consumed, and seven days are remembered.
    meter.consume(shows(day(3)), Energy(100_000)).unwrap();
    meter.tick(shows(day(6))).unwrap();
    assert_eq!((meter.state().days.past, meter.state().days.known), ([0, 0, 65_535, 300, 200, 100, 0], 6));
    meter.consume(shows(day(6)), Energy(50)).unwrap();
    meter.tick(shows(day(13))).unwrap();
    assert_eq!(meter.state().days.past, [0, 0, 0, 0, 0, 0, 50]);
    meter.consume(shows(day(13)), Energy(60)).unwrap();
    meter.tick(shows(day(21))).unwrap();
    assert_eq!((meter.state().days.past, meter.state().days.known), ([0; 7], 7));
    assert_eq!(meter.state().days.today, Energy(0));
}

// ---- debts

#[test]
fn one_instalment_is_taken_as_each_month_begins_and_the_last_one_is_another() {
    let mut meter = bound(&Chip::new(), 500_000);
    plan(&mut meter, &[debt(0x1_0007, JUNE + 2, 3, 1_000, 150), debt(8, 0, 1, 9, 77)]);
    assert_eq!(meter.state().debts.left(), Piastres(2_150 + 77));
    let before = last_event(&meter);
    assert_eq!(meter.state().debts.paid, Piastres(0));
    let mut paid = vec![];
    for month in 1..=6 {
        pass(&mut meter, begin_of(JUNE + month));
        paid.push(meter.state().debts.paid.0);
        adds_up(&mut meter);
    }
    assert_eq!(paid, [77, 1_077, 2_077, 2_227, 2_227, 2_227]);
    assert_eq!(meter.state().debts.left(), Piastres(0));
    let instalment = |amount: u32, id: u8| {
        let [a, b, c, d] = amount.to_be_bytes();
        (code::INSTALMENT, [a, b, c, d, 0, id])
    };
    let expected = [instalment(77, 8), instalment(1_000, 7), instalment(1_000, 7), instalment(150, 7)];
    let taken = told(&mut meter, before).into_iter().filter(|(code, _)| *code == code::INSTALMENT);
    assert_eq!(taken.collect::<Vec<_>>(), expected);
    // Beside the fees of the month's record.
    assert!(months(&mut meter).iter().skip(1).all(|month| month.fees() == Balance(2_900)));
    let taken: Vec<_> = months(&mut meter).iter().map(|month| month.instalments).collect();
    assert_eq!(taken, [0, 77, 1_000, 1_000, 150, 0]);
}

#[test]
fn a_plan_that_comes_late_is_paid_later_and_not_faster() {
    let mut meter = bound(&Chip::new(), 500_000);
    plan(&mut meter, &[debt(1, JUNE - 10, 2, 100, 100)]);
    pass(&mut meter, begin_of(JUNE + 1));
    assert_eq!(meter.state().debts.paid, Piastres(100));
    pass(&mut meter, begin_of(JUNE + 3));
    assert_eq!(meter.state().debts.paid, Piastres(200));
}

#[test]
fn a_new_plan_goes_on_where_the_old_one_was() {
    let mut meter = bound(&Chip::new(), 500_000);
    plan(&mut meter, &[debt(1, 0, 4, 100, 40), debt(2, 0, 4, 7, 7), debt(3, 0, 9, 1, 1)]);
    pass(&mut meter, begin_of(JUNE + 2));
    assert_eq!(meter.state().debts.taken, [2, 2, 2, 0]);
    let paid = meter.state().debts.paid;
    // Other amounts, another order, one missing, one new, one that is over by now.
    plan(&mut meter, &[debt(4, 0, 2, 10, 11), debt(2, 0, 3, 7, 500), debt(1, 0, 2, 5, 5)]);
    assert_eq!(meter.state().debts.taken, [0, 2, 2, 0]);
    assert_eq!((meter.state().debts.left(), meter.state().debts.paid), (Piastres(21 + 500), paid));
    pass(&mut meter, begin_of(JUNE + 3));
    assert_eq!(meter.state().debts.paid, Piastres(paid.0 + 10 + 500));
    pass(&mut meter, begin_of(JUNE + 5));
    assert_eq!(meter.state().debts.paid, Piastres(paid.0 + 10 + 500 + 11));
    // An empty plan forgets all of them.
    plan(&mut meter, &[]);
    assert_eq!((meter.state().debts.taken, meter.state().debts.left()), ([0; 4], Piastres(0)));
    adds_up(&mut meter);
}

// ---- power cuts

fn busy(chip: &Chip) -> Meter<Chip> {
    let mut meter = bound(chip, 50_000);
    meter.consume(shows(NOW), Energy(20_000)).unwrap();
    plan(
        &mut meter,
        &[debt(1, 0, 4, 100, 40), debt(2, 0, 4, 7, 7), debt(3, 0, 9, 1, 1), debt(4, 0, 9, 2, 2)],
    );
    tariff(&mut meter, 2, begin_of(JUNE + 1), 100, 2_000);
    meter
}

#[test]
fn power_cut_at_every_write_of_a_pulse() {
    cut_everywhere(2, busy, |meter| {
        // What is repeated is the step to this register, as firmware counts it.
        let missing = 21_500 - meter.state().energy.0;
        meter.consume(shows(NOW), Energy(missing)).map(drop)
    });
}

#[test]
fn power_cut_at_every_write_of_a_months_end() {
    // The month's end, and then the day that has passed.
    cut_everywhere(3, busy, |meter| meter.tick(shows(begin_of(JUNE + 1))));
}

#[test]
fn power_cut_at_every_write_of_several_months_ends() {
    // Each month is an update of its own: none is lost, and none closed twice. Credit ends in the course of it.
    let late = CardTime(begin_of(JUNE + 4).0 + 40_000);
    let certificate =
        signed(card_core::message::Certificate { issue_time: late, ..certificate(2, 50_100, 0) });
    let act = |meter: &mut Meter<Chip>| {
        let _ = meter.take_certificate(shows(NOW), &certificate, None)?;
        meter.tick(shows(NOW))
    };
    let set_up = |chip: &Chip| {
        drop(busy(chip));
        let mut meter = again(chip);
        // The clock stopped: time is the certificate's, so that its first month is closed together with the credit.
        meter.tick(Reading { never_stopped: false, ..shows(after(100)) }).unwrap();
        meter
    };
    let chip = Chip::new();
    let mut meter = set_up(&chip);
    meter.save().unwrap();
    let mut cuts = 0;
    for writes in 0.. {
        let chip = Chip::new();
        let mut meter = set_up(&chip);
        meter.save().unwrap();
        chip.cut_after(writes);
        let result = act(&mut meter);
        if !chip.is_dead() {
            result.unwrap();
            break;
        }
        cuts += 1;
        let mut meter = again(&chip);
        adds_up(&mut meter);
        let closed = months(&mut meter).len();
        assert_eq!(meter.state().month_index, JUNE + closed as u16);
        assert_eq!(meter.state().inbox.readings as usize, closed);
        act(&mut meter).unwrap();
        adds_up(&mut meter);
        assert_eq!((months(&mut meter).len(), meter.state().month_index), (4, JUNE + 4));
        assert_eq!(meter.state().debts.paid, Piastres(100 + 100 + 100 + 40 + 4 * 7 + 4 + 8));
        assert_eq!(meter.state().applied_credit, Piastres(50_100));
    }
    assert!(cuts > 20);
    act(&mut meter).unwrap();
    assert_eq!(months(&mut meter).len(), 4);
}

#[test]
fn months_and_events_that_are_kept_outlast_a_cut_of_an_update_that_adds_many() {
    let full = |chip: &Chip| {
        let mut meter = busy(chip);
        pass(&mut meter, begin_of(JUNE + 40));
        let at = meter.state().clock.time.0;
        make_events(&mut meter, CardTime(at), 80);
        // The next month's end takes four instalments and brings a tariff into force.
        plan(
            &mut meter,
            &[debt(11, 0, 4, 100, 40), debt(12, 0, 4, 7, 7), debt(13, 0, 9, 1, 1), debt(14, 0, 9, 2, 2)],
        );
        let start = begin_of(JUNE + 41);
        tariff(&mut meter, 3, start, 100, 2_000);
        for time in (at..start.0).step_by(20 * 86_400).chain([start.0 - 1000]) {
            meter.tick(shows(CardTime(time))).unwrap();
        }
        assert_eq!((months(&mut meter).len(), events(&mut meter, 0).len()), (36, 32 + 2 + 16));
        meter
    };
    let chip = Chip::new();
    let mut meter = full(&chip);
    let before = last_event(&meter);
    meter.tick(shows(begin_of(JUNE + 41))).unwrap();
    assert!(last_event(&meter) >= before + 5);
    assert_eq!((months(&mut meter).len(), events(&mut meter, 0).len()), (36, 32 + 2 + 16));
    cut_everywhere(3, full, |meter| meter.tick(shows(begin_of(JUNE + 41))));
}

#[test]
fn the_last_ten_charges_are_kept_through_a_cut_at_every_write_of_the_next_one() {
    let charged = |meter: &mut Meter<Chip>| -> Vec<_> {
        meter.charges().unwrap().into_iter().flatten().map(|charge| charge.credit.0).collect()
    };
    let full = |chip: &Chip| {
        let mut meter = bound(chip, 100);
        for more in 1..=11 {
            certify(&mut meter, NOW, 100 + more * 1_000, 0);
        }
        meter
    };
    let mut meter = full(&Chip::new());
    assert_eq!(charged(&mut meter), [1_000; 10]);
    certify(&mut meter, NOW, 11_102, 0);
    assert_eq!(charged(&mut meter), [&[2][..], &[1_000; 9]].concat());
    cut_everywhere(2, full, |meter| {
        let next = certificate_of(1, 1, 50, 11_102, 0);
        meter.take_certificate(shows(NOW), &next, None).map(drop)
    });
}

#[test]
fn no_class_of_events_pushes_another_one_out() {
    let mut meter = bound(&Chip::new(), 500_000);
    meter.tamper(shows(NOW), Tampering::Magnet).unwrap();
    let told_of = |meter: &mut Meter<Chip>, class| {
        let events = events(meter, 0).into_iter();
        events.filter(|event| Class::of(event.code) == class).map(|event| event.number).collect::<Vec<_>>()
    };
    let before = Class::ALL.map(|class| told_of(&mut meter, class));
    make_events(&mut meter, NOW, 300);
    for (class, before) in Class::ALL.into_iter().zip(&before) {
        if class != Class::State {
            assert_eq!(told_of(&mut meter, class), *before);
        }
    }
    let last = last_event(&meter);
    assert_eq!(told_of(&mut meter, Class::State), (last - 15..=last).collect::<Vec<_>>());
    pass(&mut meter, begin_of(JUNE + 40));
    let kept = told_of(&mut meter, Class::Money);
    assert!(kept.len() == 32 && kept.is_sorted() && kept.last() == Some(&last_event(&meter)));
    assert_eq!(told_of(&mut meter, Class::Tampering), before[Class::Tampering as usize]);
    assert_eq!(told_of(&mut meter, Class::State).len(), 16);
    // One after the other, as a card gets them.
    let (all, mut found, mut after) = (events(&mut meter, 0), vec![], 0);
    while let [Some(event)] = meter.events::<1>(after).unwrap() {
        after = event.number;
        found.push(event);
    }
    assert_eq!(found, all);
}

#[test]
fn power_cut_at_every_write_of_the_opening_of_a_binding() {
    let open = |meter: &mut Meter<Chip>| {
        let at = meter.state().clock.time;
        let next = certificate_of(2, 1, 1, 500, 0);
        meter.take_certificate(shows(at), &next, Some(&binding_certificate(2))).map(drop)
    };
    // With 64 events in the old binding, wherever in their pages they stand.
    for more in [0_u32, 75, 76, 90, 150] {
        let full = |chip: &Chip| {
            let mut meter = busy(chip);
            make_events(&mut meter, NOW, more);
            meter
        };
        // A repetition after the new state is there is one more report, so it is compared by what it leaves.
        for writes in 0.. {
            let chip = Chip::new();
            let mut meter = full(&chip);
            meter.save().unwrap();
            let (old, old_events) = (meter.state().clone(), events(&mut meter, 0));
            chip.cut_after(writes);
            let result = open(&mut meter);
            if !chip.is_dead() {
                result.unwrap();
                break;
            }
            let mut meter = again(&chip);
            if meter.state().binding == 1 {
                assert!(meter.state() == &old, "{more} events, cut at write {writes}");
                assert_eq!(events(&mut meter, 0), old_events, "{more} events, cut at write {writes}");
                open(&mut meter).unwrap();
            }
            opened(&mut meter, &old);
        }
    }
}

fn opened(meter: &mut Meter<Chip>, old: &MeterState) {
    let state = meter.state().clone();
    assert_eq!((state.binding, state.balance, state.report_number), (2, Balance(500), 1));
    let report = state.final_report.unwrap().receipt;
    let fees = old.running.close(old.month_index, true).fees();
    assert_eq!(report.balance.0, old.balance.0 - fees.0);
    assert_eq!(told(meter, 0)[0], (code::BINDING_OPENED, [0, 0, 0, 2, 0, 0]));
    assert_eq!(months(meter), []);
    adds_up(meter);
}

#[test]
fn what_a_new_binding_resets_and_what_stays() {
    let chip = Chip::new();
    let mut meter = busy(&chip);
    meter.tamper(shows(NOW), card_core::meter::Tampering::Reverse).unwrap();
    meter.demand(shows(NOW), 9_000).unwrap();
    let limits =
        card_core::parameters::Limits { contracted_power: 5_000, ..card_core::parameters::Limits::DEFAULT };
    give(&mut meter, NOW, 2, &limits.emit());
    let notices = [card_core::parameters::Notice { template: 1, until: CardTime::UNSET, value: 2 }];
    give(&mut meter, NOW, 9, card_core::parameters::Notices::new(&notices).unwrap().emit().as_slice());
    order(&mut meter, NOW, &command(7, card_core::parameters::command::kind::CUT, 0)).unwrap();
    let _ = meter.take_voucher(shows(NOW), &voucher(certificate(2, 50_001, 0))).unwrap();
    meter.tick(shows(CardTime(NOW.0 - 100))).unwrap();
    let old = meter.state().clone();
    assert!(old.voucher.is_some() && old.clock.is_doubtful());

    let next = certificate_of(2, 1, 1, 500, 0);
    let _ =
        meter.take_certificate(shows(CardTime(NOW.0 - 100)), &next, Some(&binding_certificate(2))).unwrap();
    let new = meter.state().clone();
    // What is the customer's.
    assert_eq!(
        (new.sequence, new.generation, new.report_number, new.applied_debited),
        (1, 1, 1, Piastres(0))
    );
    assert_eq!(
        (new.inbox, new.debts),
        (card_core::meter::Inbox::default(), card_core::meter::Debts::default())
    );
    assert_eq!((new.voucher, new.running.total(), new.peak), (None, Energy(0), 0));
    assert_eq!((new.days.past, new.days.known, new.days.today), ([0; 7], 0, Energy(0)));
    assert_eq!(new.account, 7_000_002);
    // What is the meter's.
    assert_eq!((new.limits, new.calendar, &new.tables), (old.limits, old.calendar, &old.tables));
    assert_eq!((new.energy, new.refused_cards, new.mode), (old.energy, old.refused_cards, old.mode));
    assert_eq!(new.clock.offset, old.clock.offset);
    assert!(new.clock.is_doubtful() && new.month_doubt != 0);
    assert_eq!((new.supply.tampering, new.supply.cut), (0x08, reason::TAMPERING | reason::COMMAND));
    assert_eq!(new.running.tariff(), &EGYPT_2024_08);
    assert_eq!((new.month().index, new.month().flags), (JUNE, 1 | 4));
}

#[test]
fn a_new_binding_begins_in_the_month_of_the_time() {
    let open = |meter: &mut Meter<Chip>, at: CardTime, issue_time: CardTime| {
        let next = signed(card_core::message::Certificate { issue_time, ..certificate_of(2, 1, 1, 500, 0) });
        let _ = meter.take_certificate(shows(at), &next, Some(&binding_certificate(2))).unwrap();
        assert_eq!((meter.state().month().flags & 1, months(meter).len()), (1, 0));
        adds_up(meter);
        meter.state().month_index
    };
    // The certificate's time is in a later month: those between are nobody's.
    let chip = Chip::new();
    drop(busy(&chip));
    let mut meter = again(&chip);
    meter.tick(Reading { never_stopped: false, ..shows(NOW) }).unwrap();
    assert_eq!(open(&mut meter, NOW, begin_of(JUNE + 3)), JUNE + 3);
    assert_eq!((meter.state().balance, meter.state().days.known), (Balance(500), 0));
    assert_eq!((meter.state().days.past, meter.state().days.today), ([0; 7], Energy(0)));
    // The clock was set back: the old binding goes on with its month, and the new one begins in that of the time.
    let mut meter = busy(&Chip::new());
    pass(&mut meter, begin_of(JUNE + 2));
    let back = command(1, card_core::parameters::command::kind::CLOCK, NOW.0);
    order(&mut meter, NOW, &card_core::parameters::Command { expiry: after(60), ..back }).unwrap();
    assert_eq!(meter.state().month_index, JUNE + 1);
    assert_eq!(open(&mut meter, NOW, CardTime(1)), JUNE);
}
