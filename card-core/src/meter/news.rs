//! News of the balance and the prices (docs/meter.md, section 14).

use crate::units::CardTime;

/// So long after the newest, news are shown, in seconds.
const SHOWN: u32 = 24 * 3600;

/// What has happened to the balance and the prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct News {
    /// Bits of what is below.
    pub(super) bits: u8,
    /// When the newest happened.
    pub(super) at: CardTime,
}

impl News {
    /// The month was rated again, and something was taken (B01).
    pub const RE_RATED: u8 = 0x01;
    /// The month was rated again, and something was given back (B02).
    pub const RATED_LOWER: u8 = 0x02;
    /// An instalment was taken (B03).
    pub const INSTALMENT: u8 = 0x04;
    /// Fees were taken (B04).
    pub const FEES: u8 = 0x08;
    /// A tariff is in force (B05).
    pub const TARIFF: u8 = 0x10;

    /// Those that are shown at a time, as bits.
    pub const fn shown(self, now: CardTime) -> u8 {
        if now.0.saturating_sub(self.at.0) < SHOWN { self.bits } else { 0 }
    }

    /// Something has happened.
    pub(super) const fn add(&mut self, what: u8, now: CardTime) {
        *self = Self { bits: self.shown(now) | what, at: now };
    }
}
