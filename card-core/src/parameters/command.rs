//! Commands to a meter, slots 05 to 08 (docs/meter.md, section 8).

use core::num::NonZeroU16;

use super::{NO_CARD, ParameterError, formatted, named};
use crate::id::CardId;
use crate::message::{FORMAT, fixed};
use crate::units::CardTime;

/// The kinds of commands, as they stand on the wire and in audit records (docs/meter.md, section 8).
pub mod kind {
    /// [`Action::Cut`](super::Action::Cut).
    pub const CUT: u8 = 1;
    /// [`Action::EndCut`](super::Action::EndCut).
    pub const END_CUT: u8 = 2;
    /// [`Action::ClearTamper`](super::Action::ClearTamper).
    pub const CLEAR_TAMPER: u8 = 3;
    /// [`Action::SetClock`](super::Action::SetClock).
    pub const CLOCK: u8 = 4;
    /// [`Action::ReadOut`](super::Action::ReadOut).
    pub const READ_OUT: u8 = 5;
    /// [`Action::EndOverload`](super::Action::EndOverload).
    pub const END_OVERLOAD: u8 = 6;
    /// [`Action::LowestGeneration`](super::Action::LowestGeneration).
    pub const LOWEST_GENERATION: u8 = 7;
    /// [`Action::SetClockBack`](super::Action::SetClockBack).
    pub const CLOCK_BACK: u8 = 8;
}

/// What a command does, with its value (docs/meter.md, section 8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Cut the supply.
    Cut,
    /// End [`Self::Cut`].
    EndCut,
    /// Clear all tampering. Must name a card.
    ClearTamper,
    /// Set the clock: it is at least this, and not yet the expiry. Must name a card.
    SetClock(CardTime),
    /// Read out: the version of readings rises.
    ReadOut,
    /// End overload and forget those that were counted.
    EndOverload,
    /// Cards of a lower generation are refused as replaced.
    LowestGeneration(NonZeroU16),
    /// As [`Self::SetClock`], also below the issue times of certificates. Must name a card.
    SetClockBack(CardTime),
    /// A kind that this program does not know, or a value that the kind cannot have.
    Unknown(Unknown),
}

/// Kind and value that are none of [`Action`]'s.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unknown {
    kind: u8,
    value: u32,
}

impl Action {
    /// By kind and value, as they stand on the wire.
    pub fn of(kind: u8, value: u32) -> Self {
        let generation = u16::try_from(value).ok().and_then(NonZeroU16::new);
        match (kind, value, generation) {
            (kind::CUT, 0, _) => Self::Cut,
            (kind::END_CUT, 0, _) => Self::EndCut,
            (kind::CLEAR_TAMPER, 0, _) => Self::ClearTamper,
            (kind::CLOCK, 1.., _) => Self::SetClock(CardTime(value)),
            (kind::CLOCK_BACK, 1.., _) => Self::SetClockBack(CardTime(value)),
            (kind::READ_OUT, 0, _) => Self::ReadOut,
            (kind::END_OVERLOAD, 0, _) => Self::EndOverload,
            (kind::LOWEST_GENERATION, _, Some(generation)) => Self::LowestGeneration(generation),
            _ => Self::Unknown(Unknown { kind, value }),
        }
    }

    /// Its kind, see [`kind`].
    pub const fn kind(self) -> u8 {
        match self {
            Self::Cut => kind::CUT,
            Self::EndCut => kind::END_CUT,
            Self::ClearTamper => kind::CLEAR_TAMPER,
            Self::SetClock(_) => kind::CLOCK,
            Self::ReadOut => kind::READ_OUT,
            Self::EndOverload => kind::END_OVERLOAD,
            Self::LowestGeneration(_) => kind::LOWEST_GENERATION,
            Self::SetClockBack(_) => kind::CLOCK_BACK,
            Self::Unknown(Unknown { kind, .. }) => kind,
        }
    }

    /// Its value.
    pub const fn value(self) -> u32 {
        match self {
            Self::Cut | Self::EndCut | Self::ClearTamper | Self::ReadOut | Self::EndOverload => 0,
            Self::SetClock(CardTime(value))
            | Self::SetClockBack(CardTime(value))
            | Self::Unknown(Unknown { value, .. }) => value,
            Self::LowestGeneration(generation) => generation.get() as u32,
        }
    }
}

/// A command (docs/meter.md, section 8). What it does is checked where it is executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    /// Each command of a binding has its own; from 1.
    pub counter: u32,
    /// Not executed from then on; 0 is never.
    pub expiry: CardTime,
    /// The card that must bring it; `None` (all 00 on the wire) is any card, or the network.
    pub card: Option<CardId>,
    /// What to do.
    pub action: Action,
}

impl Command {
    /// Bytes on the wire.
    pub const SIZE: usize = 22;

    /// From 22 bytes. Counter 0 is refused; any kind and value are taken.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let command = Self {
            counter: reader.u32()?,
            expiry: CardTime(reader.u32()?),
            card: named(CardId(reader.array()?)),
            action: Action::of(reader.u8()?, reader.u32()?),
        };
        reader.end()?;
        if command.counter == 0 { Err(ParameterError::Counter) } else { Ok(command) }
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 22] {
        fixed(|out| {
            out.u8(FORMAT)?.u32(self.counter)?.u32(self.expiry.0)?.put(&self.card.unwrap_or(NO_CARD).0)?;
            out.u8(self.action.kind())?.u32(self.action.value()).map(|_| ())
        })
    }
}
