//! Limits and alarm thresholds, slot 02 (docs/meter.md, 7.1).

use super::{ParameterError, formatted};
use crate::message::{FORMAT, fixed};
use crate::units::Energy;

/// Limits and alarm thresholds of a meter (docs/meter.md, 7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// First threshold of low credit, piastres: flag 0001 below it (5.1).
    pub first_threshold: u32,
    /// Second threshold of low credit, piastres, not above the first: flag 0002 below it (5.1).
    pub second_threshold: u32,
    /// Contracted power, W; 0 is unlimited (5.3).
    pub contracted_power: u32,
    /// Power from one minute of the local day until another, W, in place of the contracted one; 0 is unlimited (5.3).
    pub second_power: u32,
    /// First minute of the second power, 0 to 1439.
    pub second_from: u16,
    /// Minute that ends it, not included, 0 to 1439; where it is the first one there is no second power.
    pub second_until: u16,
    /// Power on loan, W; 0 is unlimited (5.3).
    pub loan_power: u32,
    /// Pause of the supply after an overload, seconds, not 0 (5.3).
    pub overload_pause: u16,
    /// Pauses before an overload locks (5.3).
    pub overload_pauses: u8,
    /// Minutes without an overload after which they are no longer counted (5.3).
    pub overload_reset: u16,
    /// Hours of supply on emergency loan; 0 is none (5.2).
    pub loan_hours: u16,
    /// Amount of a loan, piastres; 0 is no limit (5.2).
    pub loan_amount: u32,
    /// Seconds in which a card asks twice for a loan; 0: it is given by the button only (5.2).
    pub loan_seconds: u16,
    /// Greatest step of the clock while power is on, seconds, 60 to 3600 (section 2).
    pub clock_step: u32,
    /// Kinds of tampering that cut the supply, bits of section 6.
    pub tamper_cuts: u8,
    /// Bits of [`Self::BUTTON`].
    pub policies: u8,
    /// Demand of a cut supply, W, that shows that the relay does not open; 0: it is not looked at (5.4).
    pub relay_power: u16,
    /// A restart is told of so much before it; 0: it is not (4.1).
    pub restart_notice: Energy,
}

impl Limits {
    /// Bytes on the wire.
    pub const SIZE: usize = 50;
    /// Policy: after a cut for want of credit the supply waits for the button (5.1).
    pub const BUTTON: u8 = 0x01;

    /// Before the first mail.
    pub const DEFAULT: Self = Self {
        first_threshold: 1000,
        second_threshold: 500,
        contracted_power: 0,
        second_power: 0,
        second_from: 0,
        second_until: 0,
        loan_power: 0,
        overload_pause: 300,
        overload_pauses: 3,
        overload_reset: 1440,
        loan_hours: 48,
        loan_amount: 20_000,
        loan_seconds: 60,
        clock_step: 600,
        tamper_cuts: Self::TAMPERING,
        policies: 0,
        relay_power: 100,
        restart_notice: Energy(2_000),
    };

    /// Least and most that [`Self::clock_step`] can be, seconds.
    const STEP: [u32; 2] = [60, 3600];
    /// All kinds of tampering (section 6).
    const TAMPERING: u8 = 0x1F;
    const MINUTES: u16 = 1440;

    /// From 50 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let limits = Self {
            first_threshold: reader.u32()?,
            second_threshold: reader.u32()?,
            contracted_power: reader.u32()?,
            second_power: reader.u32()?,
            second_from: reader.u16()?,
            second_until: reader.u16()?,
            loan_power: reader.u32()?,
            overload_pause: reader.u16()?,
            overload_pauses: reader.u8()?,
            overload_reset: reader.u16()?,
            loan_hours: reader.u16()?,
            loan_amount: reader.u32()?,
            loan_seconds: reader.u16()?,
            clock_step: reader.u32()?,
            tamper_cuts: reader.u8()?,
            policies: reader.u8()?,
            relay_power: reader.u16()?,
            restart_notice: Energy(reader.u32()?),
        };
        reader.end()?;
        limits.check()?;
        Ok(limits)
    }

    /// Whether the fields keep the rules; what does not is refused by every meter.
    pub const fn check(&self) -> Result<(), ParameterError> {
        if self.second_threshold > self.first_threshold {
            return Err(ParameterError::Thresholds);
        }
        if self.second_from >= Self::MINUTES || self.second_until >= Self::MINUTES {
            return Err(ParameterError::SecondPower);
        }
        if self.overload_pause == 0 {
            return Err(ParameterError::OverloadPause);
        }
        let [least, most] = Self::STEP;
        if self.clock_step < least || self.clock_step > most {
            return Err(ParameterError::ClockStep);
        }
        if self.tamper_cuts & !Self::TAMPERING != 0 {
            return Err(ParameterError::TamperCuts);
        }
        if self.policies & !Self::BUTTON != 0 {
            return Err(ParameterError::Policies);
        }
        Ok(())
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; Self::SIZE] {
        fixed(|out| {
            out.u8(FORMAT)?.u32(self.first_threshold)?.u32(self.second_threshold)?;
            out.u32(self.contracted_power)?.u32(self.second_power)?;
            out.u16(self.second_from)?.u16(self.second_until)?.u32(self.loan_power)?;
            out.u16(self.overload_pause)?.u8(self.overload_pauses)?.u16(self.overload_reset)?;
            out.u16(self.loan_hours)?.u32(self.loan_amount)?.u16(self.loan_seconds)?;
            out.u32(self.clock_step)?.u8(self.tamper_cuts)?.u8(self.policies)?;
            out.u16(self.relay_power)?.u32(self.restart_notice.0).map(|_| ())
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
