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

pub fn fees_on_paper(tariff: &Tariff, total: u128, energy_charge: u128, partial: bool) -> u128 {
    if total == 0 && partial {
        return 0;
    }
    let service = match rows(tariff).iter().rev().find(|row| total > row.above) {
        Some(row) => row.fee,
        None => u128::from(tariff.zero_fee()),
    };
    let charges: u128 = tariff
        .charges()
        .iter()
        .map(|charge| match charge.basis {
            Basis::Fixed(piastres) => u128::from(piastres),
            Basis::PerKwh(price) => half_up(u128::from(price.0) * total, 100_000),
            Basis::PerCent(share) => half_up(u128::from(share) * energy_charge, 10_000),
        })
        .sum();
    service + charges
}

prop_compose! {
    fn any_charges()(
        codes in prop::sample::subsequence((1..=255_u8).collect::<Vec<_>>(), 0..=MAX_CHARGES),
        bases in prop::collection::vec(prop_oneof![
            any::<u32>().prop_map(Basis::Fixed),
            any::<u32>().prop_map(|price| Basis::PerKwh(Price(price))),
            (0..=MAX_PER_CENT).prop_map(Basis::PerCent),
        ], MAX_CHARGES),
    ) -> Vec<Charge> {
        codes.into_iter().zip(bases).map(|(code, basis)| Charge { code: ChargeCode(code), basis }).collect()
    }
}

pub fn any_slabs(steps: std::ops::RangeInclusive<u32>, price: u32) -> impl Strategy<Value = Vec<Slab>> {
    let rest = (steps, 0..=price, any::<bool>(), any::<u32>());
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

pub fn any_tariff(steps: std::ops::RangeInclusive<u32>, price: u32) -> impl Strategy<Value = Tariff> {
    let head = (1..=u32::MAX, 1..=u32::MAX, prop::sample::select(Kind::ALL.to_vec()), any::<u32>());
    (head, any_slabs(steps, price), any_charges()).prop_map(
        |((version, start, kind, zero_fee), slabs, charges)| {
            let head = Head { version, start: CardTime(start), kind, zero_fee };
            Tariff::new(head, &slabs, &charges).unwrap()
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
