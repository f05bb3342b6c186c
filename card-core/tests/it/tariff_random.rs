//! Random months under random tariffs against a bill that is computed another way: 10 Wh by 10 Wh, each with the tariff that
//! was in force for it, from the table as it is written on paper.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::paper::*;
use card_core::tariff::*;
use card_core::units::Energy;
use proptest::prelude::*;

/// The energy charge in piastres of a month whose 10 Wh number n were consumed under tariff `units[n - 1]`.
fn charge_by_units(tables: &[Vec<Row>], units: &[usize]) -> u128 {
    let total = units.len() as u128;
    let exact: u128 =
        units.iter().zip(1..).map(|(table, position)| unit_price(&tables[*table], position, total)).sum();
    half_up(exact, 100_000)
}

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "a few of them, in a test")]
enum Step {
    Consume(u32),
    Switch(Tariff),
}

fn any_month() -> impl Strategy<Value = (Tariff, Vec<Step>)> {
    let one = || prop_oneof![any_tariff(1..=6, 300_000), any_tariff(1..=3, u32::MAX)];
    let step = prop_oneof![
        4 => (0..=3_u32).prop_map(Step::Consume),
        // To a bound, mostly: whole kWh.
        4 => (0..=8_u32).prop_map(|kwh| Step::Consume(kwh * 100)),
        2 => (0..=600_u32).prop_map(Step::Consume),
        3 => one().prop_map(Step::Switch),
    ];
    (one(), prop::collection::vec(step, 0..16))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The sum of the deductions, the charge and the bill are what paper says, at every step and at the end.
    #[test]
    fn a_month_is_what_paper_says((first, steps) in any_month(), begun in any::<bool>(), ended in any::<bool>(), index in 0..=300_u16) {
        let mut month = MonthMeter::begin(first, begun);
        let mut in_force = first;
        let mut tables = vec![rows(&first)];
        let mut units: Vec<usize> = Vec::new();
        let mut taken = 0_i128;
        // In how many tariffs, one after the other, energy was consumed.
        let mut used = 0;
        for step in steps {
            match step {
                Step::Consume(energy) => {
                    let before = units.clone();
                    let deduction = month.consume(Energy(energy)).unwrap();
                    if energy > 0 && before.last() != Some(&(tables.len() - 1)) {
                        used += 1;
                    }
                    units.extend(std::iter::repeat_n(tables.len() - 1, energy as usize));
                    taken += i128::from(deduction.total().0);
                    let on_paper = charge_by_units(&tables, &units);
                    prop_assert_eq!(u128::try_from(taken).unwrap(), on_paper);
                    prop_assert_eq!(u128::from(month.energy_charge().0), on_paper);
                    // The adjustment is what the energy before costs now, less what it cost; and no other group, no adjustment.
                    let total = units.len() as u128;
                    let again: u128 = before
                        .iter()
                        .zip(1..)
                        .map(|(table, position)| unit_price(&tables[*table], position, total))
                        .sum();
                    let paid = charge_by_units(&tables, &before);
                    let difference = i128::try_from(half_up(again, 100_000)).unwrap() - i128::try_from(paid).unwrap();
                    match deduction.adjustment {
                        Some(adjustment) => {
                            prop_assert_eq!(i128::from(adjustment.amount.0), difference);
                            prop_assert_eq!(adjustment.energy.0 as usize, before.len());
                        }
                        None => prop_assert_eq!(difference, 0),
                    }
                }
                Step::Switch(next) => {
                    let fresh = units.last() != Some(&(tables.len() - 1));
                    let room = used < MAX_SEGMENTS || fresh;
                    prop_assert_eq!(month.switch(next).is_ok(), room);
                    if room {
                        tables.push(rows(&next));
                        in_force = next;
                    }
                }
            }
        }
        let total = units.len() as u128;
        let bill = month.close(index, ended);
        let energy_charge = charge_by_units(&tables, &units);
        prop_assert_eq!(u128::from(bill.energy.0), total);
        prop_assert_eq!(u128::from(bill.energy_charge.0), energy_charge);
        let partial = begun || ended;
        let fees = fees_on_paper(&in_force, total, energy_charge, partial, index);
        prop_assert_eq!(i128::from(bill.fees().0), fees);
        prop_assert_eq!(i128::from(bill.total().0), energy_charge as i128 + fees);
        let lines: Vec<_> = bill.charges().map(|line| (line.code.0, i128::from(line.amount.0))).collect();
        prop_assert_eq!(lines, charges_on_paper(&in_force, total, energy_charge, partial, index));
        let re_rated = units.iter().any(|table| tables[*table].iter().any(|row| row.restart && total > row.above));
        prop_assert_eq!(bill.re_rated, re_rated);
    }

    /// A month written down after each step goes on as if it had not been.
    #[test]
    fn a_month_survives_being_written_down((first, steps) in any_month()) {
        let mut month = MonthMeter::begin(first, false);
        for step in steps {
            let ended: Vec<_> = month.ended().copied().collect();
            let mut other = MonthMeter::restore(&ended, *month.tariff(), month.total(), false).unwrap();
            match step {
                Step::Consume(energy) => {
                    prop_assert_eq!(month.consume(Energy(energy)), other.consume(Energy(energy)));
                }
                Step::Switch(next) => {
                    prop_assert_eq!(month.switch(next), other.switch(next));
                }
            }
            prop_assert_eq!(other, month);
        }
    }

    /// The published tariff, switched once to a random one, in months of up to 1300 kWh.
    #[test]
    fn the_published_tariff_is_what_paper_says(
        next in any_tariff(1..=300, 300_000),
        before in 0..=65_000_u32,
        after in prop::collection::vec(0..=22_000_u32, 0..=3),
    ) {
        let mut month = MonthMeter::begin(EGYPT_2024_08, false);
        let mut taken = month.consume(Energy(before)).unwrap().total().0;
        month.switch(next).unwrap();
        for energy in &after {
            taken += month.consume(Energy(*energy)).unwrap().total().0;
        }
        let mut units = vec![0; before as usize];
        units.resize(month.total().0 as usize, 1);
        let on_paper = charge_by_units(&[rows(&EGYPT_2024_08), rows(&next)], &units);
        prop_assert_eq!(u128::try_from(taken).unwrap(), on_paper);
        prop_assert_eq!(u128::from(month.close(0, false).energy_charge.0), on_paper);
    }

    /// However far a month goes, and at whatever prices: pulses of any size add up to the charge of the whole.
    #[test]
    fn any_chopping_adds_up(
        tariff in any_tariff(1..=MAX_BOUND / 16, u32::MAX),
        mut cuts in prop::collection::vec(any::<u32>(), 0..20),
    ) {
        cuts.sort_unstable();
        let mut month = MonthMeter::begin(tariff, false);
        let mut taken = 0_i128;
        for cut in cuts {
            taken += i128::from(month.consume(Energy(cut - month.total().0)).unwrap().total().0);
            prop_assert_eq!(taken, i128::from(tariff.charge(Energy(cut)).0));
        }
        prop_assert_eq!(taken, i128::from(month.close(0, false).energy_charge.0));
    }

    #[test]
    fn a_tariff_travels(tariff in any_tariff(1..=MAX_BOUND / 16, u32::MAX)) {
        prop_assert_eq!(Tariff::parse(tariff.as_bytes()), Ok(tariff));
        let head = Head { version: tariff.version(), start: tariff.start(), kind: tariff.kind(), zero_fee: tariff.zero_fee() };
        let (slabs, charges): (Vec<_>, Vec<_>) = (tariff.slabs().collect(), tariff.charges().collect());
        prop_assert_eq!(Tariff::new(head, &slabs, &charges), Ok(tariff));
    }

    /// What is accepted has one encoding, also near the edge of what is; nothing panics.
    #[test]
    fn an_accepted_tariff_has_one_encoding(
        tariff in any_tariff(1..=20, u32::MAX),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        noise in prop::collection::vec(any::<u8>(), 0..160),
    ) {
        let mut bytes = tariff.as_bytes().to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        for bytes in [bytes, noise] {
            if let Ok(tariff) = Tariff::parse(&bytes) {
                let head =
                    Head { version: tariff.version(), start: tariff.start(), kind: tariff.kind(), zero_fee: tariff.zero_fee() };
                let (slabs, charges): (Vec<_>, Vec<_>) = (tariff.slabs().collect(), tariff.charges().collect());
                let again = Tariff::new(head, &slabs, &charges).unwrap();
                prop_assert_eq!(again.as_bytes(), bytes.as_slice());
            }
        }
    }
}
