//! Tariffs: what energy costs, as data with a version and a start, and the exact charge of a calendar month.
//!
//! **Slabs.** A tariff has one to sixteen slabs. A slab reaches from the bound of the one before (or 0) up to and including its own
//! bound; the last has none. *Slab reached* is the first one whose bound is not below the month's total.
//!
//! **Restart.** A slab with the restart flag begins a new *group*; the first slab begins the first. A month is rated by one group only:
//! that of the slab reached. Inside it the first slab reaches down to zero. So as soon as the total is 10 Wh over the bound
//! below a restart slab, every kWh of the month is rated again by the slabs of the new group.
//!
//! **Exactness.** A price in 1e-5 EGP per kWh times energy in units of 10 Wh is an integer number of 1e-5 piastres, and the sum for a
//! month fits 64 bits whatever the prices. Amounts are rounded, half up (also below zero), in two places and nowhere else:
//!
//! 1. the energy charge of the month so far, once, as a whole;
//! 2. each [`Charge`], once, at the end of the month.
//!
//! What a pulse costs is the difference between the rounded charge after and before it, so what has been taken is always
//! what is owed, however consumption was chopped.
//!
//! **Bytes.** A [`Tariff`] is kept as its bytes, as they came in a mail: a meter holds up to six of them. Slabs and charges are read
//! from there, one by one, wherever they are needed.
//!
//! [`MonthMeter`] is the state of one month, [`Tables`] the tariff in force and the one that waits for its time.

mod charge;
mod forecast;
mod month;
mod rate;
mod shipped;
mod tables;
mod wire;

pub use charge::{Basis, Bill, BillLine, Charge, ChargeCode, Lines};
pub use forecast::Bracket;
pub use month::{
    Adjustment, Deduction, MAX_SEGMENTS, MonthFull, MonthMeter, RestoreError, Segment, TooManySwitches,
};
pub use shipped::{EGYPT_2024_08, EGYPT_2024_08_CODED};
pub use tables::{NotNewer, Tables};
pub use wire::{Charges, Slabs};

use crate::units::{CardTime, Energy};
use core::fmt;

/// Most slabs of a tariff.
pub const MAX_SLABS: usize = 16;
/// Most charges of a tariff.
pub const MAX_CHARGES: usize = 12;
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

/// A tariff that keeps the rules of this module: it can only be made by [`Tariff::new`] and [`Tariff::parse`]. It is its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tariff {
    /// Zeros behind what is used.
    bytes: [u8; Tariff::MAX_SIZE],
    length: u8,
}

impl fmt::Debug for Tariff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tariff").field("head", &self.head()).finish_non_exhaustive()
    }
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

impl Tariff {
    /// From 1; a later tariff of the same meter has a higher one.
    pub fn version(&self) -> u32 {
        self.head().version
    }

    /// When it comes into force.
    pub fn start(&self) -> CardTime {
        self.head().start
    }

    /// Whom it is for.
    pub fn kind(&self) -> Kind {
        self.head().kind
    }

    /// Customer service fee in piastres of a month without consumption.
    pub fn zero_fee(&self) -> u32 {
        self.head().zero_fee
    }
}

/// A field of a tariff breaks the rules (`docs/tariff.md`, section 6). Slabs and charges count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// The bytes end too early, or some are left over.
    #[error("the tariff has the wrong length")]
    Length,
    /// It would take more bytes than a mail holds.
    #[error(
        "too long: the tariff does not fit a mail, which holds {} bytes; give slabs the same fee, or leave charges out",
        Tariff::MAX_SIZE
    )]
    TooLong,
    /// A number is not written in its fewest bytes, or has more than 32 bits.
    #[error("a number of the tariff is not written in its only way")]
    Number,
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
    /// No slab or more than sixteen.
    #[error("slabs: a tariff has one to {MAX_SLABS}")]
    SlabCount,
    /// The bound does not rise, is too high, is missing, or is there in the last slab.
    #[error(
        "bound of slab {0}: bounds rise from slab to slab, up to {MAX_BOUND} kWh, and only the last slab has none"
    )]
    SlabBound(u8),
    /// The fee of the slab before, written again.
    #[error("fee of slab {0}: it is written only where it differs from the one before")]
    SlabFee(u8),
    /// The first slab has the restart flag.
    #[error("restart of slab 1: there is nothing below the first slab that could be rated again")]
    FirstRestart,
    /// More than twelve charges.
    #[error("charges: a tariff has at most {MAX_CHARGES}")]
    ChargeCount,
    /// Code 0.
    #[error("code of charge {0}: it is not 0")]
    ChargeCode(u8),
    /// A basis that is not known.
    #[error("basis of charge {0}: it is not known here")]
    ChargeBasis(u8),
    /// It says something that a charge of its basis cannot say.
    #[error(
        "form of charge {0}: the first kWh can be counted of a charge per kWh only, an amount that it is at most \
         is for a charge per kWh or per cent, a minimum is no credit, and only per cent and minimum name lines"
    )]
    ChargeForm(u8),
    /// More than 100 %.
    #[error("value of charge {0}: a share is at most 100 %")]
    ChargeValue(u8),
    /// It names no line, or itself, or one after it.
    #[error(
        "lines of charge {0}: it names energy, service fee or charges before it, and at least one of them"
    )]
    ChargeLines(u8),
    /// How many kWh of it count: 0, or more than a month holds.
    #[error("first kWh of charge {0}: from 1 to {MAX_BOUND}")]
    ChargeFirst(u8),
    /// No such month.
    #[error("month of charge {0}: from 1 (January) to 12")]
    ChargeMonth(u8),
    /// A range without a beginning and an end, one that ends before it begins, or beyond what a month holds.
    #[error("range of charge {0}: it begins below its end, and both are at most {MAX_BOUND} kWh")]
    ChargeRange(u8),
    /// At most nothing.
    #[error("what charge {0} is at most: not 0")]
    ChargeMost(u8),
}

impl From<crate::bytes::WrongLength> for TariffError {
    fn from(_: crate::bytes::WrongLength) -> Self {
        Self::Length
    }
}
