//! What a month costs, written from docs/tariff.md: slow, with wide integers, from the energy that was consumed under each tariff.

use std::rc::Rc;

use super::dice::Dice;

/// A slab: bound in kWh (`None`: the last one), price in 1e-5 EGP per kWh, restart, service fee in piastres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slab {
    pub bound: Option<u32>,
    pub price: u32,
    pub restart: bool,
    pub fee: u32,
}

/// A tariff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    pub version: u32,
    pub start: u32,
    pub zero_fee: u32,
    pub slabs: Vec<Slab>,
    /// Code, basis (1 fixed, 2 per kWh, 3 per cent), value.
    pub charges: Vec<(u8, u8, u32)>,
}

/// Energy of a month in 10 Wh, by the tariffs under which it was consumed, in their order. The last one is in force.
pub type Parts = Vec<(Rc<Tariff>, u32)>;

fn half_up(amount: u128, unit: u128) -> i128 {
    i128::try_from((amount * 2 + unit) / (unit * 2)).expect("an amount")
}

pub fn total(parts: &Parts) -> u32 {
    parts.iter().map(|(_, energy)| energy).sum()
}

impl Tariff {
    /// The published residential one.
    pub fn published() -> Self {
        let slab = |bound, price: u32, restart, fee: u32| Slab {
            bound,
            price: price * 1000,
            restart,
            fee: fee * 100,
        };
        Self {
            version: 1,
            start: 0x089E_C4D0,
            zero_fee: 900,
            slabs: vec![
                slab(Some(50), 68, false, 1),
                slab(Some(100), 78, false, 2),
                slab(Some(200), 95, true, 6),
                slab(Some(350), 155, false, 11),
                slab(Some(650), 195, false, 15),
                slab(Some(1000), 210, true, 25),
                slab(None, 223, true, 40),
            ],
            charges: vec![(1, 1, 2000)],
        }
    }

    /// Any other, with everything that a tariff can have.
    pub fn random(dice: &mut Dice, version: u32, start: u32) -> Self {
        let count = dice.between(1, 8);
        let mut bound = 0;
        let slabs = (1..=count).map(|number| {
            bound += dice.between(1, 150);
            let whole = dice.between(20, 300) * 1000;
            Slab {
                bound: (number < count).then_some(bound),
                price: if dice.one_in(2) { whole } else { whole + dice.between(0, 999) },
                restart: number > 1 && dice.one_in(3),
                fee: dice.between(0, 4000),
            }
        });
        let slabs = slabs.collect();
        let charges = (0..dice.between(0, 5)).map(|number| {
            let basis = dice.between(1, 3);
            let value = match basis {
                1 => dice.between(0, 3000),
                2 => dice.between(0, 9999),
                _ => dice.between(0, 2000),
            };
            ([1, 2, 3, 0x80, 0x81][number as usize], basis as u8, value)
        });
        let charges = charges.collect();
        Self { version, start, zero_fee: dice.between(0, 1500), slabs, charges }
    }

    /// Section 6.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = vec![1];
        out.extend(self.version.to_be_bytes());
        out.extend(self.start.to_be_bytes());
        let restarts: u32 = (0..).zip(&self.slabs).map(|(n, slab)| u32::from(slab.restart) << n).sum();
        out.extend([1, self.slabs.len() as u8, restarts as u8]);
        out.extend(self.zero_fee.to_be_bytes());
        for slab in &self.slabs {
            for field in [slab.bound.unwrap_or(0), slab.price, slab.fee] {
                out.extend(field.to_be_bytes());
            }
        }
        out.push(self.charges.len() as u8);
        for (code, basis, value) in &self.charges {
            out.extend([*code, *basis]);
            out.extend(value.to_be_bytes());
        }
        out
    }

    /// Number from 0 of the slab that a month of `total` has reached.
    pub fn reached(&self, total: u32) -> usize {
        let inside = |slab: &Slab| slab.bound.is_none_or(|kwh| u64::from(total) <= u64::from(kwh) * 100);
        self.slabs.iter().position(inside).expect("the last slab has no bound")
    }

    /// First slab of the group that a month of `total` is rated by.
    fn group(&self, total: u32) -> usize {
        (0..=self.reached(total)).rev().find(|number| self.slabs[*number].restart).unwrap_or(0)
    }

    /// What the energy from position `from` to position `to` of a month of `total` costs, in 1e-5 piastres.
    fn cost(&self, total: u32, from: u32, to: u32) -> u128 {
        let group = self.group(total);
        let mut lower = 0;
        let mut sum = 0;
        for slab in &self.slabs[group..] {
            let upper = slab.bound.map_or(u64::from(u32::MAX), |kwh| u64::from(kwh) * 100);
            let inside = upper.min(to.into()).saturating_sub(lower.max(from.into()));
            sum += u128::from(inside) * u128::from(slab.price);
            lower = upper;
        }
        sum
    }
}

/// The energy charge of a month, in piastres.
pub fn energy_charge(parts: &Parts) -> i128 {
    let total = total(parts);
    let mut from = 0;
    let mut sum = 0;
    for (tariff, energy) in parts {
        sum += tariff.cost(total, from, from + energy);
        from += energy;
    }
    half_up(sum, 100_000)
}

/// Service fee, charges and levies of a month that ends, in piastres.
pub fn fees(parts: &Parts, partial: bool) -> i128 {
    let total = total(parts);
    let (tariff, _) = parts.last().expect("a tariff is in force");
    if partial && total == 0 {
        return 0;
    }
    let service = if total == 0 { tariff.zero_fee } else { tariff.slabs[tariff.reached(total)].fee };
    let charges = tariff.charges.iter().map(|(_, basis, value)| match basis {
        1 => i128::from(*value),
        2 => half_up(u128::from(total) * u128::from(*value), 100_000),
        _ => half_up(energy_charge(parts).unsigned_abs() * u128::from(*value), 10_000),
    });
    i128::from(service) + charges.sum::<i128>()
}

/// Whether energy of the month was rated by another group than a tariff's first one.
pub fn is_re_rated(parts: &Parts) -> bool {
    parts.iter().any(|(tariff, energy)| *energy > 0 && tariff.group(total(parts)) > 0)
}

#[test]
fn the_table_of_the_text() {
    let month = |units| vec![(Rc::new(Tariff::published()), units)];
    for (units, piastres) in [
        (5000, 3400),
        (10_000, 7300),
        (10_001, 9501),
        (65_000, 100_750),
        (65_100, 136_710),
        (100_100, 223_223),
    ] {
        assert_eq!(energy_charge(&month(units)), piastres);
    }
    let second = Tariff {
        version: 2,
        slabs: vec![
            Slab { bound: Some(100), price: 100_000, restart: false, fee: 0 },
            Slab { bound: None, price: 200_000, restart: true, fee: 0 },
        ],
        ..Tariff::published()
    };
    let month = |units| vec![(Rc::new(Tariff::published()), 6000), (Rc::new(second.clone()), units)];
    assert_eq!((energy_charge(&month(4000)), energy_charge(&month(4100))), (8180, 13_900));
}
