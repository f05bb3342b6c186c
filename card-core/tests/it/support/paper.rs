//! What a tariff costs on paper: read off its table with 128-bit integers. Nothing here rates by the library.

use card_core::tariff::*;
use card_core::units::CardTime;
use proptest::prelude::*;

/// One row of a table on paper: kWh after which it begins, in piastre thousandths, whether it rates the month again.
pub struct Row {
    pub above: u128,
    pub price: u128,
    pub restart: bool,
    pub fee: u128,
}

pub fn rows(tariff: &Tariff) -> Vec<Row> {
    let mut above = 0;
    let mut rows = Vec::new();
    for slab in tariff.slabs() {
        rows.push(Row {
            above,
            price: u128::from(slab.price.0),
            restart: slab.restart,
            fee: u128::from(slab.fee),
        });
        above = u128::from(slab.bound.unwrap_or(0)) * 100;
    }
    rows
}

/// The price of the 10 Wh number `position` (from 1) of a month of `total`: look for the highest row that rates the month
/// again and that the total has passed; from there on, the highest row that the position has passed.
pub fn unit_price(rows: &[Row], position: u128, total: u128) -> u128 {
    let mut group = 0;
    let mut end = rows.len();
    for (index, row) in rows.iter().enumerate() {
        if row.restart && total > row.above {
            group = index;
        }
        if row.restart && total <= row.above {
            end = end.min(index);
        }
    }
    let mut price = rows[group].price;
    for row in &rows[group..end] {
        if position > row.above {
            price = row.price;
        }
    }
    price
}

pub fn half_up(amount: u128, unit: u128) -> u128 {
    let (whole, rest) = (amount / unit, amount % unit);
    if rest * 2 >= unit { whole + 1 } else { whole }
}

/// To the nearest whole number, and of two that are equally near to the higher one.
fn half_up_signed(amount: i128, unit: i128) -> i128 {
    let (whole, rest) = (amount.div_euclid(unit), amount.rem_euclid(unit));
    if rest * 2 >= unit { whole + 1 } else { whole }
}

/// Days of a calendar month, counted from January 2020.
fn days(index: u16) -> i128 {
    let year = 2020 + u32::from(index) / 12;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][usize::from(index % 12)]
}

/// Code and amount of each charge that is due.
pub fn charges_on_paper(
    tariff: &Tariff,
    total: u128,
    energy_charge: u128,
    partial: bool,
    index: u16,
) -> Vec<(u8, i128)> {
    if total == 0 && partial {
        return Vec::new();
    }
    // The bill as a column of amounts, from the energy charge down; what is not due stands there as 0.
    let mut column = vec![energy_charge as i128, service_on_paper(tariff, total) as i128];
    let mut due = Vec::new();
    for charge in tariff.charges() {
        let named = column.iter().enumerate().filter(|(place, _)| u32::from(charge.of.0) & 1 << place != 0);
        let base: i128 = named.map(|(_, amount)| amount).sum();
        let sign = if charge.credit { -1 } else { 1 };
        let mut amount = match charge.basis {
            Basis::Fixed(piastres) => sign * i128::from(piastres),
            Basis::PerKwh(price) => {
                let counted = charge.first.map_or(total, |kwh| total.min(u128::from(kwh) * 100));
                half_up_signed(sign * i128::from(price.0) * counted as i128, 100_000)
            }
            Basis::PerDay(piastres) => sign * i128::from(piastres) * days(index),
            Basis::PerCent(share) => half_up_signed(sign * i128::from(share) * base, 10_000),
            Basis::Minimum(least) => (i128::from(least) - base).max(0),
        };
        if let Some(most) = charge.most.map(i128::from) {
            amount = amount.min(most).max(-most);
        }
        let outside = charge.month.is_some_and(|month| u16::from(month) != index % 12 + 1)
            || charge.above > 0 && total <= u128::from(charge.above) * 100
            || charge.up_to.is_some_and(|end| total > u128::from(end) * 100);
        if outside {
            column.push(0);
        } else {
            column.push(amount);
            due.push((charge.code.0, amount));
        }
    }
    due
}

pub fn service_on_paper(tariff: &Tariff, total: u128) -> u128 {
    match rows(tariff).iter().rev().find(|row| total > row.above) {
        Some(row) => row.fee,
        None => u128::from(tariff.zero_fee()),
    }
}

/// Service fee and charges of a month with this index; below zero they are given.
pub fn fees_on_paper(tariff: &Tariff, total: u128, energy_charge: u128, partial: bool, index: u16) -> i128 {
    if total == 0 && partial {
        return 0;
    }
    let charges = charges_on_paper(tariff, total, energy_charge, partial, index);
    service_on_paper(tariff, total) as i128 + charges.iter().map(|(_, amount)| amount).sum::<i128>()
}

fn any_basis() -> impl Strategy<Value = Basis> {
    prop_oneof![
        any::<u32>().prop_map(Basis::Fixed),
        (0..=9_999_u32).prop_map(Basis::Fixed),
        any::<u32>().prop_map(|price| Basis::PerKwh(Price(price))),
        (0..=9_999_u32).prop_map(|price| Basis::PerKwh(Price(price))),
        (0..=9_999_u32).prop_map(Basis::PerDay),
        (0..=MAX_PER_CENT).prop_map(Basis::PerCent),
        (0..=99_999_u32).prop_map(Basis::Minimum),
    ]
}

prop_compose! {
    /// Anything that a charge can say, as far as its basis and its place in the tariff allow it.
    fn any_charge()(
        code in 1..=255_u8,
        basis in any_basis(),
        of in any::<u16>(),
        credit in any::<bool>(),
        first in prop::option::of(prop_oneof![1..=99_u32, 1..=MAX_BOUND]),
        month in prop::option::weighted(0.3, 1..=12_u8),
        (above, up_to) in prop_oneof![
            3 => Just((0, None)),
            1 => (1..=99_u32).prop_map(|above| (above, None)),
            1 => (1..=99_u32).prop_map(|end| (0, Some(end))),
            1 => (1..=99_u32, 1..=99_u32).prop_map(|(above, span)| (above, Some(above + span))),
        ],
        most in prop::option::weighted(0.3, prop_oneof![1..=999_u32, 1..=u32::MAX]),
    ) -> Charge {
        let minimum = matches!(basis, Basis::Minimum(_));
        let share = minimum || matches!(basis, Basis::PerCent(_));
        let per_kwh = matches!(basis, Basis::PerKwh(_));
        Charge {
            code: ChargeCode(code),
            basis,
            of: if share { Lines(of) } else { Lines::NONE },
            credit: credit && !minimum,
            first: first.filter(|_| per_kwh),
            month,
            above,
            up_to,
            most: most.filter(|_| per_kwh || matches!(basis, Basis::PerCent(_))),
        }
    }
}

fn any_charges() -> impl Strategy<Value = Vec<Charge>> {
    let few = prop_oneof![0..=3_usize, 0..=MAX_CHARGES];
    few.prop_flat_map(|count| prop::collection::vec(any_charge(), count)).prop_map(|mut charges| {
        for (number, charge) in (1..).zip(&mut charges) {
            // Lines before it, and not none of them.
            if charge.of != Lines::NONE || matches!(charge.basis, Basis::PerCent(_) | Basis::Minimum(_)) {
                charge.of = Lines(charge.of.0 & Lines::before(number).0).and(Lines(1 << (charge.code.0 & 1)));
            }
        }
        charges
    })
}

pub fn any_slabs(steps: std::ops::RangeInclusive<u32>, price: u32) -> impl Strategy<Value = Vec<Slab>> {
    // Fees that take one byte or five, and often the same one.
    let fee = prop_oneof![3 => Just(7), 3 => 0..=16_383_u32, 1 => any::<u32>()];
    let rest = (steps, 0..=price, any::<bool>(), fee);
    prop::collection::vec(rest, 1..=MAX_SLABS).prop_map(|rest| {
        let count = rest.len();
        let mut bound = 0;
        let slabs = rest.into_iter().enumerate().map(|(index, (step, price, restart, fee))| {
            bound += step;
            let restart = restart && index > 0;
            Slab { bound: (index + 1 < count).then_some(bound), price: Price(price), restart, fee }
        });
        slabs.collect()
    })
}

/// Any that fits a mail: of charges and slabs that are too many, the last ones are left out.
pub fn any_tariff(steps: std::ops::RangeInclusive<u32>, price: u32) -> impl Strategy<Value = Tariff> {
    let head = (1..=u32::MAX, 1..=u32::MAX, prop::sample::select(Kind::ALL.to_vec()), any::<u32>());
    (head, any_slabs(steps, price), any_charges()).prop_map(
        |((version, start, kind, zero_fee), mut slabs, mut charges)| {
            let head = Head { version, start: CardTime(start), kind, zero_fee };
            loop {
                match Tariff::new(head, &slabs, &charges) {
                    Err(TariffError::TooLong) if charges.len() > 1 => _ = charges.pop(),
                    Err(TariffError::TooLong) => {
                        slabs.pop();
                        slabs.last_mut().unwrap().bound = None;
                    }
                    tariff => return tariff.unwrap(),
                }
            }
        },
    )
}

/// The energy charge in piastres of a month in which so much energy (10 Wh) was consumed under tariff number so, in this order. The
/// price is looked up anew after each line of the tables; between two of them all energy costs the same.
pub fn charge_on_paper(tables: &[Vec<Row>], entries: &[(u128, usize)]) -> u128 {
    let total = entries.iter().map(|(energy, _)| energy).sum();
    let (mut position, mut exact) = (0, 0);
    for (energy, table) in entries {
        let rows = &tables[*table];
        let end = position + energy;
        while position < end {
            let line = rows.iter().map(|row| row.above).find(|above| *above > position);
            let next = line.unwrap_or(end).min(end);
            exact += unit_price(rows, position + 1, total) * (next - position);
            position = next;
        }
    }
    half_up(exact, 100_000)
}
