//! Tariffs: what energy costs, as data with a version and a start, and the exact charge of a calendar month.
//!
//! **Slabs.** A tariff has one to eight slabs. A slab reaches from the bound of the one before (or 0) up to and including its own
//! bound; the last has none. *Slab reached* is the first one whose bound is not below the month's total.
//!
//! **Restart.** A slab with the restart flag begins a new *group*; the first slab begins the first. A month is rated by one group only:
//! that of the slab reached. Inside it the first slab reaches down to zero. So as soon as the total is 10 Wh over the bound
//! below a restart slab, every kWh of the month is rated again by the slabs of the new group.
//!
//! **Exactness.** A price in 1e-5 EGP per kWh times energy in units of 10 Wh is an integer number of 1e-5 piastres, and the sum for a
//! month fits 64 bits whatever the prices. Amounts are rounded, half up, in two places and nowhere else:
//!
//! 1. the energy charge of the month so far, once, as a whole;
//! 2. each [`Charge`] per kWh or per cent, once, at the end of the month.
//!
//! What a pulse costs is the difference between the rounded charge after and before it, so what has been taken is always
//! what is owed, however consumption was chopped.
//!
//! [`MonthMeter`] is the state of one month, [`Tables`] the tariff in force and the one that waits for its time.

mod forecast;
mod month;
mod rate;
mod shipped;
mod tables;
mod wire;

pub use forecast::Bracket;
pub use month::{
    Adjustment, Bill, BillLine, Deduction, MAX_SEGMENTS, MonthFull, MonthMeter, RestoreError, Segment,
    TooManySwitches,
};
pub use shipped::{EGYPT_2024_08, EGYPT_2024_08_CODED};
pub use tables::{NotNewer, Tables};

use crate::units::{CardTime, Energy};
use core::fmt;

/// Most slabs of a tariff.
pub const MAX_SLABS: usize = 8;
/// Most charges of a tariff.
pub const MAX_CHARGES: usize = 5;
/// Highest bound of a slab in kWh: what a month's energy (32 bits, 10 Wh) can reach.
pub const MAX_BOUND: u32 = u32::MAX / UNITS_PER_KWH;
/// Highest percentage of a charge: 100.00 %.
pub const MAX_PER_CENT: u32 = 10_000;

/// Units of energy (10 Wh) in a kWh.
const UNITS_PER_KWH: u32 = 100;

/// A price in 1e-5 EGP per kWh, which is a thousandth of a piastre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Price(pub u32);

impl fmt::Display for Price {
    /// In piastres, with the decimals that it has: `68`, `68.5`, `68.125`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, thousandths) = (self.0 / 1000, self.0 % 1000);
        if thousandths == 0 {
            write!(f, "{whole}")
        } else if thousandths % 100 == 0 {
            write!(f, "{whole}.{}", thousandths / 100)
        } else if thousandths % 10 == 0 {
            write!(f, "{whole}.{:02}", thousandths / 10)
        } else {
            write!(f, "{whole}.{thousandths:03}")
        }
    }
}

/// Whom a tariff is for. It is information: the slabs say what is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Code 01: households.
    Residential = 1,
    /// Code 02: shops and offices.
    Commercial = 2,
    /// Code 03: coded (unlicensed) meters, at a flat price: one slab.
    Coded = 3,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Residential, Self::Commercial, Self::Coded];

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Residential => "residential",
            Self::Commercial => "commercial",
            Self::Coded => "coded",
        })
    }
}

/// One step of a tariff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Slab {
    /// Upper bound in kWh of the month's total; the bound itself is inside. `None` for the last slab.
    pub bound: Option<u32>,
    /// What its energy costs.
    pub price: Price,
    /// Begins a new group: reaching it rates the whole month again, from zero, by its group.
    pub restart: bool,
    /// Customer service fee in piastres of a month that reaches it and no higher one.
    pub fee: u32,
}

impl Slab {
    /// The bound as energy; without one, all that a month can hold.
    pub(crate) fn limit(&self) -> Energy {
        Energy(self.bound.map_or(u32::MAX, |kwh| kwh.saturating_mul(UNITS_PER_KWH)))
    }
}

/// How a charge beside the energy is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Code 01: the same each month, in piastres.
    Fixed(u32),
    /// Code 02: by the month's energy.
    PerKwh(Price),
    /// Code 03: by the month's rounded energy charge, in hundredths of a per cent, at most 10000.
    PerCent(u32),
}

/// What a charge is for: a code that the bill repeats. 00 is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChargeCode(pub u8);

impl ChargeCode {
    /// 01: cleaning fee of the governorate.
    pub const CLEANING: Self = Self(1);
    /// 02: stamp duty.
    pub const STAMP_DUTY: Self = Self(2);
    /// 03: any other levy of the state.
    pub const LEVY: Self = Self(3);
    /// The first code that a company may use for its own purposes, up to FF.
    pub const FIRST_OWN: Self = Self(0x80);
}

impl fmt::Display for ChargeCode {
    /// Its name, or `charge` and its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::CLEANING => f.pad("cleaning"),
            Self::STAMP_DUTY => f.pad("stamp duty"),
            Self::LEVY => f.pad("levy"),
            Self(code) => write!(f, "charge {code}"),
        }
    }
}

/// A fixed monthly charge or a levy, taken when the month ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Charge {
    /// What it is for; at most one charge of a tariff has it.
    pub code: ChargeCode,
    /// How much it is.
    pub basis: Basis,
}

impl Charge {
    const UNUSED: Self = Self { code: ChargeCode(0), basis: Basis::Fixed(0) };
}

/// A tariff that keeps the rules of this module: it can only be made by [`Tariff::new`] and [`Tariff::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tariff {
    version: u32,
    start: CardTime,
    kind: Kind,
    zero_fee: u32,
    slabs: [Slab; MAX_SLABS],
    slab_count: u8,
    charges: [Charge; MAX_CHARGES],
    charge_count: u8,
}

/// What a tariff says beside its slabs and charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Head {
    /// From 1; a later tariff of the same meter has a higher one.
    pub version: u32,
    /// When it comes into force; never unset.
    pub start: CardTime,
    /// Whom it is for.
    pub kind: Kind,
    /// Customer service fee in piastres of a month without consumption.
    pub zero_fee: u32,
}

impl Slab {
    const UNUSED: Self = Self { bound: None, price: Price(0), restart: false, fee: 0 };
}

impl Tariff {
    /// A tariff, where it keeps the rules; otherwise the first field that does not.
    pub fn new(head: Head, slabs: &[Slab], charges: &[Charge]) -> Result<Self, TariffError> {
        let Head { version, start, kind, zero_fee } = head;
        if version == 0 {
            return Err(TariffError::Version);
        }
        if start == CardTime::UNSET {
            return Err(TariffError::Start);
        }
        let (slab_count, slabs) = filled(slabs, Slab::UNUSED).ok_or(TariffError::SlabCount)?;
        let (charge_count, charges) = filled(charges, Charge::UNUSED).ok_or(TariffError::ChargeCount)?;
        let tariff = Self { version, start, kind, zero_fee, slabs, slab_count, charges, charge_count };
        tariff.check_slabs()?;
        tariff.check_charges()?;
        Ok(tariff)
    }

    fn check_slabs(&self) -> Result<(), TariffError> {
        let (last, lower) = self.slabs().split_last().ok_or(TariffError::SlabCount)?;
        let mut below = 0;
        for (number, slab) in (1..).zip(lower) {
            match slab.bound {
                Some(bound) if bound > below && bound <= MAX_BOUND => below = bound,
                _ => return Err(TariffError::SlabBound(number)),
            }
        }
        if last.bound.is_some() {
            return Err(TariffError::SlabBound(self.slab_count));
        }
        match self.slabs().first() {
            Some(first) if first.restart => Err(TariffError::FirstRestart),
            _ => Ok(()),
        }
    }

    fn check_charges(&self) -> Result<(), TariffError> {
        for (number, charge) in (1_u8..).zip(self.charges()) {
            let mut before = self.charges().iter().take(usize::from(number) - 1);
            if charge.code.0 == 0 || before.any(|other| other.code == charge.code) {
                return Err(TariffError::ChargeCode(number));
            }
            if matches!(charge.basis, Basis::PerCent(share) if share > MAX_PER_CENT) {
                return Err(TariffError::ChargeValue(number));
            }
        }
        Ok(())
    }

    /// From 1; a later tariff of the same meter has a higher one.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// When it comes into force.
    pub const fn start(&self) -> CardTime {
        self.start
    }

    /// Whom it is for.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Customer service fee in piastres of a month without consumption.
    pub const fn zero_fee(&self) -> u32 {
        self.zero_fee
    }

    /// Its slabs, from the lowest: one to eight.
    pub fn slabs(&self) -> &[Slab] {
        self.slabs.get(..usize::from(self.slab_count)).unwrap_or_default()
    }

    /// Its fixed charges and levies: none to five.
    pub fn charges(&self) -> &[Charge] {
        self.charges.get(..usize::from(self.charge_count)).unwrap_or_default()
    }
}

/// `items` at the front of an array, and how many they are; `None` where there are too many.
fn filled<T: Copy, const N: usize>(items: &[T], unused: T) -> Option<(u8, [T; N])> {
    let mut array = [unused; N];
    array.get_mut(..items.len())?.copy_from_slice(items);
    Some((u8::try_from(items.len()).ok()?, array))
}

/// A field of a tariff breaks the rules. Slabs and charges count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// The bytes end too early, or some are left over.
    #[error("the tariff has the wrong length")]
    Length,
    /// The first byte.
    #[error("format: this tariff is of a format that is not known here")]
    Format,
    /// Version 0.
    #[error("version: it counts from 1")]
    Version,
    /// No start.
    #[error("start: the time at which the tariff comes into force must be set")]
    Start,
    /// A code that is not known.
    #[error("kind: this kind of tariff is not known here")]
    Kind,
    /// No slab or more than eight.
    #[error("slabs: a tariff has one to eight")]
    SlabCount,
    /// The bound does not rise, is too high, is missing, or is there in the last slab.
    #[error(
        "bound of slab {0}: bounds rise from slab to slab, up to {MAX_BOUND} kWh, and only the last slab has none"
    )]
    SlabBound(u8),
    /// The first slab has the restart flag.
    #[error("restart of slab 1: there is nothing below the first slab that could be rated again")]
    FirstRestart,
    /// A restart flag beyond the last slab.
    #[error("restarts: a flag is set for a slab that does not exist")]
    Restarts,
    /// More than five charges.
    #[error("charges: a tariff has at most five")]
    ChargeCount,
    /// Code 0, or that of a charge before.
    #[error("code of charge {0}: it is not 0, and no other charge has the same")]
    ChargeCode(u8),
    /// A basis that is not known.
    #[error("basis of charge {0}: it is not known here")]
    ChargeBasis(u8),
    /// More than 100 %.
    #[error("value of charge {0}: a share is at most 100 %")]
    ChargeValue(u8),
}

impl From<crate::bytes::WrongLength> for TariffError {
    fn from(_: crate::bytes::WrongLength) -> Self {
        Self::Length
    }
}
