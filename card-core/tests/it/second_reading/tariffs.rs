//! `tariffs.json`: bills of the shipped tariffs, and of random ones (docs/tariff.md).

use card_core::tariff::{MonthMeter, Tariff};
use card_core::units::Energy;
use serde::Deserialize;

use super::vectors::{Hex, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    shipped: Vec<Shipped>,
    bills: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shipped {
    file: String,
    plaintext: Hex,
    /// kWh and piastres of whole bills that were published or computed by hand.
    published: Vec<(u32, i64)>,
    months: Vec<Expected>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    month: u16,
    partial: bool,
    total: u32,
    slab: u8,
    re_rated: bool,
    energy_charge: u64,
    service_fee: u64,
    charges: Vec<(u8, i64)>,
    fees: i64,
}

#[derive(Deserialize)]
struct Case {
    ended: Vec<(Hex, u32)>,
    tariff: Hex,
    /// The total after each pulse, its energy cost, and the adjustment.
    pulses: Vec<(u32, u64, i64)>,
    #[serde(flatten)]
    bill: Bill,
}

/// [`Expected`], which cannot be flattened while it knows all its fields.
#[derive(Deserialize)]
struct Bill {
    month: u16,
    partial: bool,
    total: u32,
    slab: u8,
    re_rated: bool,
    energy_charge: u64,
    service_fee: u64,
    charges: Vec<(u8, i64)>,
    fees: i64,
}

impl From<Bill> for Expected {
    fn from(bill: Bill) -> Self {
        let Bill { month, partial, total, slab, re_rated, energy_charge, service_fee, charges, fees } = bill;
        Self { month, partial, total, slab, re_rated, energy_charge, service_fee, charges, fees }
    }
}

fn tariff(bytes: &Hex) -> Tariff {
    let tariff = Tariff::parse(&bytes.0).unwrap();
    assert_eq!(tariff.as_bytes(), bytes.0);
    tariff
}

/// What the library says of a month that ends now.
fn billed(meter: &MonthMeter, index: u16, partial: bool) -> Expected {
    let bill = meter.close(index, partial);
    assert_eq!(bill.total().0, bill.energy_charge.0 as i64 + bill.fees().0);
    Expected {
        month: index,
        partial: bill.partial,
        total: bill.energy.0,
        slab: bill.slab,
        re_rated: bill.re_rated,
        energy_charge: bill.energy_charge.0,
        service_fee: bill.service_fee.0,
        charges: bill.charges().map(|line| (line.code.0, line.amount.0)).collect(),
        fees: bill.fees().0,
    }
}

#[test]
fn bills_of_the_shipped_tariffs() {
    let shipped = read::<Vectors>("tariffs").shipped;
    for Shipped { file, plaintext, published, months } in &shipped {
        let tariff = tariff(plaintext);
        let consumed = |energy| {
            let mut meter = MonthMeter::begin(tariff, false);
            meter.consume(Energy(energy)).unwrap();
            meter
        };
        for expected in months {
            let bill = billed(&consumed(expected.total), expected.month, false);
            assert_eq!(&bill, expected, "{file}");
        }
        for (kwh, piastres) in published {
            assert_eq!(consumed(kwh * 100).close(61, false).total().0, *piastres, "{file}: {kwh} kWh");
        }
        assert!(months.len() >= 5 && published.len() >= 2, "{file}");
    }
    assert_eq!(shipped.len(), 9);
}

#[test]
fn bills_of_random_tariffs() {
    let bills = read::<Vectors>("tariffs").bills;
    let count = bills.len();
    let mut given = 0;
    for (number, Case { ended, tariff: last, pulses, bill }) in bills.into_iter().enumerate() {
        let mut parts = ended.iter().map(|(bytes, end)| (tariff(bytes), *end));
        let (first, mut until) = parts.next().unwrap_or_else(|| (tariff(&last), 0));
        let mut meter = MonthMeter::begin(first, false);
        for (next, end) in parts.chain([(tariff(&last), 0)]) {
            meter.consume(Energy(until - meter.total().0)).unwrap();
            meter.switch(next).unwrap();
            until = end;
        }
        for (after, cost, adjustment) in pulses {
            let deduction = meter.consume(Energy(after - meter.total().0)).unwrap();
            let adjusted = deduction.adjustment.map_or(0, |adjustment| adjustment.amount.0);
            assert_eq!((deduction.energy_cost.0, adjusted), (cost, adjustment), "{number}: {after}");
        }
        let expected = Expected::from(bill);
        given += usize::from(expected.fees < 0);
        assert_eq!(billed(&meter, expected.month, expected.partial), expected, "{number}");
    }
    assert!(count >= 400 && given >= 10, "{count} {given}");
}
