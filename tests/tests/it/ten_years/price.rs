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
    pub charges: Vec<Charge>,
}

/// A charge. What it does not say is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charge {
    pub code: u8,
    /// 1 fixed, 2 per kWh, 3 per day, 4 per cent, 5 minimum.
    pub basis: u8,
    pub value: u32,
    /// Bits of the lines that it is of.
    pub of: u32,
    pub credit: bool,
    pub first: u32,
    pub month: u32,
    pub above: u32,
    pub up_to: u32,
    pub most: u32,
}

/// Energy of a month in 10 Wh, by the tariffs under which it was consumed, in their order. The last one is in force.
pub type Parts = Vec<(Rc<Tariff>, u32)>;

fn half_up(amount: i128, unit: i128) -> i128 {
    (amount * 2 + unit).div_euclid(unit * 2)
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
            charges: vec![Charge { code: 1, basis: 1, value: 2000, ..Charge::default() }],
        }
    }

    /// Any other, with everything that a tariff can have.
    pub fn random(dice: &mut Dice, version: u32, start: u32) -> Self {
        let count = dice.between(1, 16);
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
        let charges = (0..dice.between(0, 6)).map(|number| Charge::random(dice, number)).collect();
        let mut tariff = Self { version, start, zero_fee: dice.between(0, 1500), slabs, charges };
        while tariff.bytes().len() > 145 {
            tariff.charges.pop();
        }
        tariff
    }

    /// Section 6.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = [vec![2], number(self.version), self.start.to_be_bytes().to_vec(), vec![1]].concat();
        out.extend(number(self.zero_fee));
        let (mut below, mut fee) = (0, self.zero_fee);
        for slab in &self.slabs {
            let step = slab.bound.map_or(0, |bound| bound - below);
            out.extend(number(step * 4 + u32::from(slab.restart) * 2 + u32::from(slab.fee != fee)));
            out.extend(number(slab.price));
            if slab.fee != fee {
                out.extend(number(slab.fee));
            }
            (below, fee) = (below + step, slab.fee);
        }
        out.push(self.charges.len() as u8);
        out.extend(self.charges.iter().flat_map(Charge::bytes));
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

/// Section 6: 7 bits a byte, the highest first.
fn number(value: u32) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7F) as u8];
    let mut rest = value >> 7;
    while rest > 0 {
        bytes.insert(0, (rest & 0x7F | 0x80) as u8);
        rest >>= 7;
    }
    bytes
}

impl Charge {
    /// Anything that it can say, with so many charges before it.
    fn random(dice: &mut Dice, before: u32) -> Self {
        let basis = dice.between(1, 5) as u8;
        let sometimes = |dice: &mut Dice, last| if dice.one_in(3) { dice.between(1, last) } else { 0 };
        let value = match basis {
            1 | 5 => dice.between(0, 3000),
            2 => dice.between(0, 9999),
            3 => dice.between(0, 150),
            _ => dice.between(0, 2000),
        };
        let above = sometimes(dice, 300);
        let up_to = sometimes(dice, 300);
        Self {
            code: dice.pick(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 0x80, 0xFF]),
            basis,
            value,
            of: if basis > 3 { dice.between(1, (4 << before) - 1) } else { 0 },
            credit: basis < 5 && dice.one_in(4),
            first: if basis == 2 { sometimes(dice, 500) } else { 0 },
            month: sometimes(dice, 12),
            above,
            up_to: if up_to > 0 { above + up_to } else { 0 },
            most: if basis == 2 || basis == 4 { sometimes(dice, 3000) } else { 0 },
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let ranged = self.above > 0 || self.up_to > 0;
        let bits = [
            (self.first > 0, 8),
            (self.month > 0, 16),
            (ranged, 32),
            (self.most > 0, 64),
            (self.credit, 128),
        ];
        let form = self.basis + bits.iter().filter(|(set, _)| *set).map(|(_, bit)| *bit).sum::<u8>();
        let mut out = vec![self.code, form];
        out.extend(number(self.value));
        let fields = [
            (self.basis > 3, self.of),
            (self.first > 0, self.first),
            (self.month > 0, self.month),
            (ranged, self.above),
            (ranged, self.up_to.saturating_sub(self.above)),
            (self.most > 0, self.most),
        ];
        out.extend(fields.into_iter().filter(|(there, _)| *there).flat_map(|(_, value)| number(value)));
        out
    }

    /// Section 4: what it comes to, where these are the lines before it.
    fn amount(&self, total: u32, index: u16, lines: &[i128]) -> i128 {
        let (total, index) = (i128::from(total), u32::from(index));
        let kwh = |kwh: u32| i128::from(kwh) * 100;
        let due = (self.month == 0 || self.month == index % 12 + 1)
            && (self.above == 0 || total > kwh(self.above))
            && (self.up_to == 0 || total <= kwh(self.up_to));
        if !due {
            return 0;
        }
        let (year, month) = (2020 + index / 12, index % 12);
        let february = if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) { 29 } else { 28 };
        let days = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize];
        let of: i128 =
            (0..).zip(lines).filter(|(bit, _)| self.of >> bit & 1 == 1).map(|(_, line)| line).sum();
        let counted = if self.first == 0 { total } else { total.min(kwh(self.first)) };
        let value = i128::from(self.value);
        let (exact, unit) = match self.basis {
            1 => (value, 1),
            2 => (value * counted, 100_000),
            3 => (value * days, 1),
            4 => (value * of, 10_000),
            _ => ((value - of).max(0), 1),
        };
        let amount = half_up(if self.credit { -exact } else { exact }, unit);
        if self.most == 0 { amount } else { amount.clamp(-i128::from(self.most), self.most.into()) }
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
    half_up(sum as i128, 100_000)
}

/// Service fee and charges of a month that ends, in piastres; below zero they are given. `index` is months since January 2020.
pub fn fees(parts: &Parts, partial: bool, index: u16) -> i128 {
    fee_lines(parts, partial, index).iter().map(|(_, amount)| amount).sum()
}

/// Each of them: the service fee (code 0), then the charges by their codes.
pub fn fee_lines(parts: &Parts, partial: bool, index: u16) -> Vec<(u8, i128)> {
    let total = total(parts);
    let (tariff, _) = parts.last().expect("a tariff is in force");
    if partial && total == 0 {
        return Vec::new();
    }
    let service = if total == 0 { tariff.zero_fee } else { tariff.slabs[tariff.reached(total)].fee };
    let mut lines = vec![energy_charge(parts), i128::from(service)];
    for charge in &tariff.charges {
        lines.push(charge.amount(total, index, &lines));
    }
    let codes = std::iter::once(0).chain(tariff.charges.iter().map(|charge| charge.code));
    codes.zip(lines[1..].iter().copied()).collect()
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
