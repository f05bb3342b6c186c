//! Limits and alarm thresholds, slot 02 (docs/meter.md, 7.1).

use super::{ParameterError, formatted};
use crate::message::{FORMAT, fixed};

/// Limits and alarm thresholds of a meter (docs/meter.md, 7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// First threshold of low credit, piastres: flag 0001 below it (5.1).
    pub first_threshold: u32,
    /// Second threshold of low credit, piastres, not above the first: flag 0002 below it (5.1).
    pub second_threshold: u32,
    /// Contracted power, W; 0 is unlimited (5.3).
    pub contracted_power: u32,
    /// Pause of the supply after an overload, seconds, not 0 (5.3).
    pub overload_pause: u16,
    /// Pauses before an overload locks (5.3).
    pub overload_pauses: u8,
    /// Minutes without an overload after which they are no longer counted (5.3).
    pub overload_reset: u16,
    /// Hours of supply on emergency loan; 0 is none (5.2).
    pub loan_hours: u16,
    /// Greatest step of the clock while power is on, seconds, 60 to 3600 (section 2).
    pub clock_step: u32,
    /// Kinds of tampering that cut the supply, bits of section 6.
    pub tamper_cuts: u8,
}

impl Limits {
    /// Bytes on the wire.
    pub const SIZE: usize = 25;

    /// Before the first mail.
    pub const DEFAULT: Self = Self {
        first_threshold: 1000,
        second_threshold: 500,
        contracted_power: 0,
        overload_pause: 300,
        overload_pauses: 3,
        overload_reset: 1440,
        loan_hours: 48,
        clock_step: 600,
        tamper_cuts: Self::TAMPERING,
    };

    /// Least and most that [`Self::clock_step`] can be, seconds.
    const STEP: [u32; 2] = [60, 3600];
    /// All kinds of tampering (section 6).
    const TAMPERING: u8 = 0x1F;

    /// From 25 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let limits = Self {
            first_threshold: reader.u32()?,
            second_threshold: reader.u32()?,
            contracted_power: reader.u32()?,
            overload_pause: reader.u16()?,
            overload_pauses: reader.u8()?,
            overload_reset: reader.u16()?,
            loan_hours: reader.u16()?,
            clock_step: reader.u32()?,
            tamper_cuts: reader.u8()?,
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
        Ok(())
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 25] {
        fixed(|out| {
            out.u8(FORMAT)?.u32(self.first_threshold)?.u32(self.second_threshold)?;
            out.u32(self.contracted_power)?.u16(self.overload_pause)?.u8(self.overload_pauses)?;
            out.u16(self.overload_reset)?.u16(self.loan_hours)?.u32(self.clock_step)?;
            out.u8(self.tamper_cuts).map(|_| ())
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
