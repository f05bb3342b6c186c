//! What a month costs beside its energy: service fee and charges, in the order of the tariff (`docs/tariff.md`, section 4).

use super::rate::{Exact, PER_CENT, PIASTRE, round};
use super::{MAX_CHARGES, Price, Tariff, UNITS_PER_KWH};
use crate::calendar::{days_of_month, month_of_year};
use crate::message::Month;
use crate::units::{Balance, Energy, Piastres};
use core::fmt;

/// How a charge beside the energy is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Basis 1: the same each month, in piastres.
    Fixed(u32),
    /// Basis 2: by the month's energy.
    PerKwh(Price),
    /// Basis 3: by the days of the calendar month, in piastres a day.
    PerDay(u32),
    /// Basis 4: of the lines that the charge names, in hundredths of a per cent, at most 10000.
    PerCent(u32),
    /// Basis 5: what the lines that the charge names are below this, in piastres.
    Minimum(u32),
}

/// What a charge is for: a code that the bill repeats. 00 is not allowed; several charges can have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChargeCode(pub u8);

impl ChargeCode {
    /// 01: cleaning fee of the governorate.
    pub const CLEANING: Self = Self(1);
    /// 02: stamp duty.
    pub const STAMP_DUTY: Self = Self(2);
    /// 03: any other levy of the state.
    pub const LEVY: Self = Self(3);
    /// 04: the fee for radio.
    pub const RADIO_FEE: Self = Self(4);
    /// 05: value added tax.
    pub const VAT: Self = Self(5);
    /// 06: a standing charge.
    pub const STANDING_CHARGE: Self = Self(6);
    /// 07: what a bill is at least.
    pub const MINIMUM_BILL: Self = Self(7);
    /// 08: a rebate.
    pub const REBATE: Self = Self(8);
    /// The first code that a company may use for its own purposes, up to FF.
    pub const FIRST_OWN: Self = Self(0x80);

    /// All codes that have a name, and the name.
    pub const NAMED: [(Self, &str); 8] = [
        (Self::CLEANING, "cleaning"),
        (Self::STAMP_DUTY, "stamp duty"),
        (Self::LEVY, "levy"),
        (Self::RADIO_FEE, "radio fee"),
        (Self::VAT, "VAT"),
        (Self::STANDING_CHARGE, "standing charge"),
        (Self::MINIMUM_BILL, "minimum bill"),
        (Self::REBATE, "rebate"),
    ];
}

impl fmt::Display for ChargeCode {
    /// Its name, or `charge` and its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Self::NAMED.into_iter().find(|(code, _)| code == self) {
            Some((_, name)) => f.pad(name),
            None => write!(f, "charge {}", self.0),
        }
    }
}

/// Lines of a bill that a charge names: the energy charge, the service fee, and charges before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lines(pub u16);

impl Lines {
    /// None.
    pub const NONE: Self = Self(0);
    /// Bit 0: the energy charge.
    pub const ENERGY: Self = Self(1);
    /// Bit 1: the service fee.
    pub const SERVICE_FEE: Self = Self(2);

    /// Bits 2 to 13: the charge with this number, from 1 to 12; others are none.
    pub const fn charge(number: u8) -> Self {
        if number == 0 || number as usize > MAX_CHARGES { Self::NONE } else { Self(2 << number) }
    }

    /// Energy charge, service fee and all charges before the one with this number.
    pub const fn before(number: u8) -> Self {
        Self(Self::charge(number).0.saturating_sub(1))
    }

    /// These and others.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A charge, taken when the month ends, or given where it is a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Charge {
    /// What it is for.
    pub code: ChargeCode,
    /// How much it is.
    pub basis: Basis,
    /// Of which lines it is a share or a minimum; none for the other bases.
    pub of: Lines,
    /// Whether it is given, not taken.
    pub credit: bool,
    /// Per kWh: how many kWh of the month count; without it all.
    pub first: Option<u32>,
    /// Due only in the bill of this month of the year: 1 January to 12 December.
    pub month: Option<u8>,
    /// Due only where the month's total is above so many kWh; 0: whatever it is.
    pub above: u32,
    /// Due only where the month's total is not above so many kWh.
    pub up_to: Option<u32>,
    /// Per kWh and per cent: at most so many piastres, whether taken or given.
    pub most: Option<u32>,
}

impl Charge {
    /// A charge of every month; a share of the energy charge, a minimum of energy charge and service fee.
    pub const fn new(code: ChargeCode, basis: Basis) -> Self {
        let of = match basis {
            Basis::PerCent(_) => Lines::ENERGY,
            Basis::Minimum(_) => Lines::ENERGY.and(Lines::SERVICE_FEE),
            _ => Lines::NONE,
        };
        Self { code, basis, of, credit: false, first: None, month: None, above: 0, up_to: None, most: None }
    }

    fn is_due(&self, total: Energy, index: u16) -> bool {
        let kwh = |kwh: u32| Energy(kwh.saturating_mul(UNITS_PER_KWH));
        self.month.is_none_or(|month| month == month_of_year(index))
            && (self.above == 0 || total > kwh(self.above))
            && self.up_to.is_none_or(|end| total <= kwh(end))
    }

    /// What it comes to in a month of `total`, where the lines that it names come to `base`. Below zero it is given.
    fn amount(&self, total: Energy, index: u16, base: i64) -> i64 {
        // How much, and how many of it make a piastre.
        let (exact, unit) = match self.basis {
            Basis::Fixed(piastres) => (u64::from(piastres), 1),
            Basis::PerKwh(price) => {
                let first = self.first.map_or(total.0, |kwh| kwh.saturating_mul(UNITS_PER_KWH));
                (Exact::of(Energy(total.0.min(first)), price).0, PIASTRE)
            }
            Basis::PerDay(piastres) => (u64::from(piastres).saturating_mul(days_of_month(index).into()), 1),
            Basis::PerCent(share) => return self.limited(self.share(base, share)),
            Basis::Minimum(least) => (u64::try_from(i64::from(least).saturating_sub(base)).unwrap_or(0), 1),
        };
        self.limited(round(exact, unit, self.credit))
    }

    /// A share in hundredths of a per cent, at most all of it: what is whole, and the rest rounded, so that nothing overflows.
    fn share(&self, base: i64, hundredths: u32) -> i64 {
        let (size, below) = (base.unsigned_abs(), (base < 0) != self.credit);
        let whole = (size / PER_CENT).saturating_mul(hundredths.into());
        let whole = i64::try_from(whole).unwrap_or(i64::MAX);
        let rest = round((size % PER_CENT).saturating_mul(hundredths.into()), PER_CENT, below);
        if below { rest.saturating_sub(whole) } else { rest.saturating_add(whole) }
    }

    fn limited(&self, amount: i64) -> i64 {
        self.most.map_or(amount, |most| amount.clamp(-i64::from(most), most.into()))
    }
}

/// One charge of a bill that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BillLine {
    /// What it is for.
    pub code: ChargeCode,
    /// How much is taken; below zero it is given.
    pub amount: Balance,
}

/// What a month costs. The energy charge has been taken with the consumption; the rest is taken when the month ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill {
    /// What was consumed.
    pub energy: Energy,
    /// Number from 1 of the slab that the month reached.
    pub slab: u8,
    /// Whether any of it was rated from zero at the prices of a restart slab.
    pub re_rated: bool,
    /// Whether it began or ended within a calendar month.
    pub partial: bool,
    /// The sum of all deductions.
    pub energy_charge: Piastres,
    /// By the slab reached, or that for no consumption.
    pub service_fee: Piastres,
    /// Version of the tariff in force at the end.
    pub tariff: u32,
    /// Code 0 where a charge is not due.
    codes: [u8; MAX_CHARGES],
    amounts: [i64; MAX_CHARGES],
}

impl Bill {
    /// A bill that has energy charge and service fee so far.
    pub(super) const fn of_energy(
        energy: Energy,
        slab: u8,
        re_rated: bool,
        partial: bool,
        energy_charge: Piastres,
        tariff: u32,
    ) -> Self {
        Self {
            energy,
            slab,
            re_rated,
            partial,
            energy_charge,
            service_fee: Piastres::ZERO,
            tariff,
            codes: [0; MAX_CHARGES],
            amounts: [0; MAX_CHARGES],
        }
    }

    /// With service fee and charges of the tariff, in the month with this index.
    pub(super) fn charge(&mut self, tariff: &Tariff, index: u16) {
        self.service_fee = tariff.service_fee(self.energy);
        for (number, charge) in tariff.charges().enumerate() {
            if !charge.is_due(self.energy, index) {
                continue;
            }
            let amount = charge.amount(self.energy, index, self.sum_of(charge.of));
            if let (Some(place), Some(code)) = (self.amounts.get_mut(number), self.codes.get_mut(number)) {
                (*place, *code) = (amount, charge.code.0);
            }
        }
    }

    /// Charges that are due, in the order of the tariff.
    pub fn charges(&self) -> impl Iterator<Item = BillLine> {
        let lines = self.codes.into_iter().zip(self.amounts);
        let due = lines.filter(|(code, _)| *code != 0);
        due.map(|(code, amount)| BillLine { code: ChargeCode(code), amount: Balance(amount) })
    }

    /// Service fee and charges: what is taken when the month ends. Where rebates are more, it is below zero and given.
    pub fn fees(&self) -> Balance {
        Balance(self.sum_of(Lines(!Lines::ENERGY.0)))
    }

    /// Energy charge and fees.
    pub fn total(&self) -> Balance {
        Balance(self.sum_of(Lines(!0)))
    }

    /// The sum of some lines. All of them together are below 2^60.
    fn sum_of(&self, lines: Lines) -> i64 {
        let first =
            [self.energy_charge, self.service_fee].map(|amount| i64::try_from(amount.0).unwrap_or(i64::MAX));
        let amounts = first.iter().chain(&self.amounts).enumerate();
        let named = amounts.filter(|(bit, _)| lines.0 >> bit & 1 == 1);
        named.fold(0, |sum: i64, (_, amount)| sum.saturating_add(*amount))
    }

    /// The month as the card keeps it, but for re-rating, instalments and the cost of doubt, which are not of the bill. `index` is months since January
    /// 2020 in local time, `peak` in W.
    pub fn month(&self, index: u16, peak: u32, clock_doubtful: bool) -> Month {
        let flags = [(self.partial, 1), (self.re_rated, 2), (clock_doubtful, 4)];
        let (mut levies, mut others) = (0_i64, 0_i64);
        for line in self.charges() {
            let sum = if line.code <= ChargeCode::VAT { &mut levies } else { &mut others };
            *sum = sum.saturating_add(line.amount.0);
        }
        Month {
            index,
            flags: flags.into_iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum(),
            slab: self.slab,
            energy: self.energy,
            energy_charge: self.energy_charge,
            re_rating: 0,
            service_fee: u32::try_from(self.service_fee.0).unwrap_or(u32::MAX),
            levies: saturating(levies),
            others: saturating(others),
            instalments: 0,
            doubt_cost: 0,
            tariff: self.tariff,
            peak: peak.min(Month::MOST_24),
        }
    }
}

/// As a record of 32 bits has it.
fn saturating(amount: i64) -> i32 {
    amount.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}
