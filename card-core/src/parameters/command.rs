//! Commands to a meter, slots 05 to 08 (docs/meter.md, section 8).

use super::{NO_CARD, ParameterError, formatted, named};
use crate::id::CardId;
use crate::message::{FORMAT, fixed};
use crate::units::CardTime;

/// The kinds of commands, and what their value is (docs/meter.md, section 8).
pub mod kind {
    /// Cut the supply; value 0.
    pub const CUT: u8 = 1;
    /// End [`CUT`]; value 0.
    pub const END_CUT: u8 = 2;
    /// Clear all tampering; value 0. Must name a card.
    pub const CLEAR_TAMPER: u8 = 3;
    /// Set the clock; value is the card time that it is at least. Must name a card.
    pub const CLOCK: u8 = 4;
    /// Read out: the version of readings rises; value 0.
    pub const READ_OUT: u8 = 5;
    /// End overload and forget those that were counted; value 0.
    pub const END_OVERLOAD: u8 = 6;
    /// Cards of a lower generation are refused as replaced; value is the generation.
    pub const LOWEST_GENERATION: u8 = 7;
}

/// A command (docs/meter.md, section 8). Kind and value are checked where it is executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Command {
    /// Each command of a binding has its own; from 1.
    pub counter: u32,
    /// Not executed from then on; 0 is never.
    pub expiry: CardTime,
    /// The card that must bring it; `None` (all 00 on the wire) is any card, or the network.
    pub card: Option<CardId>,
    /// What to do, see [`kind`].
    pub kind: u8,
    /// By kind, see [`kind`].
    pub value: u32,
}

impl Command {
    /// Bytes on the wire.
    pub const SIZE: usize = 22;

    /// From 22 bytes. Counter 0 is refused; kind and value are not looked at.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParameterError> {
        let mut reader = formatted(bytes)?;
        let command = Self {
            counter: reader.u32()?,
            expiry: CardTime(reader.u32()?),
            card: named(CardId(reader.array()?)),
            kind: reader.u8()?,
            value: reader.u32()?,
        };
        reader.end()?;
        if command.counter == 0 { Err(ParameterError::Counter) } else { Ok(command) }
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 22] {
        fixed(|out| {
            out.u8(FORMAT)?.u32(self.counter)?.u32(self.expiry.0)?.put(&self.card.unwrap_or(NO_CARD).0)?;
            out.u8(self.kind)?.u32(self.value).map(|_| ())
        })
    }
}
