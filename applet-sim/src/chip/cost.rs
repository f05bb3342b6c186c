//! What the simulated chip's work costs, in microseconds: one set of figures, so that measurements compare.
//!
//! The figures stand for a typical dual-interface chip of the kind. None of them was measured on one.

use core::ops::{Add, AddAssign};

/// What the chip itself takes for its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChipCost {
    /// One AES block, whatever the key.
    pub aes_block: u64,
    /// Receiving, dispatching and answering a command.
    pub command: u64,
    /// Programming a page of 64 bytes.
    pub program: u64,
    /// Erasing a page.
    pub erase: u64,
    /// Reading in one page, any part of it.
    pub read: u64,
}

/// The modelled chip.
pub const CHIP: ChipCost = ChipCost { aes_block: 20, command: 1_000, program: 2_000, erase: 2_000, read: 10 };

/// What was asked of the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// AES blocks, of any mode.
    pub aes_blocks: u64,
    /// Pages programmed.
    pub pages_programmed: u64,
    /// Pages erased.
    pub pages_erased: u64,
    /// Readings in a page, each at most one page long; checking its margin is one.
    pub pages_read: u64,
    /// Commands answered.
    pub commands: u64,
}

impl Usage {
    /// How long the modelled chip takes for it, in microseconds, without the link.
    pub const fn chip_time(&self) -> u64 {
        CHIP.aes_block * self.aes_blocks
            + CHIP.program * self.pages_programmed
            + CHIP.erase * self.pages_erased
            + CHIP.read * self.pages_read
            + CHIP.command * self.commands
    }

    /// What was asked since `earlier`, a reading of the same counters.
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            aes_blocks: self.aes_blocks.saturating_sub(earlier.aes_blocks),
            pages_programmed: self.pages_programmed.saturating_sub(earlier.pages_programmed),
            pages_erased: self.pages_erased.saturating_sub(earlier.pages_erased),
            pages_read: self.pages_read.saturating_sub(earlier.pages_read),
            commands: self.commands.saturating_sub(earlier.commands),
        }
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            aes_blocks: self.aes_blocks + other.aes_blocks,
            pages_programmed: self.pages_programmed + other.pages_programmed,
            pages_erased: self.pages_erased + other.pages_erased,
            pages_read: self.pages_read + other.pages_read,
            commands: self.commands + other.commands,
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// How card and reader are connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// ISO/IEC 14443-4 type A at 106 kbit/s, frames of 64 bytes.
    ContactlessA106,
    /// ISO/IEC 7816-3 T=1 at 115200 baud (TA1 = 18), 12 bit times a byte.
    ContactT1At115200,
    /// The same at 9600 baud.
    ContactT1At9600,
}

/// The figures of one link.
struct LinkCost {
    /// One byte.
    byte: u64,
    /// Bytes around what a frame or block carries.
    framing: u64,
    /// Before the other side answers a frame or block.
    turnaround: u64,
    /// How many bytes of an APDU one frame or block carries.
    carries: u64,
}

impl Link {
    const fn cost(self) -> LinkCost {
        match self {
            // A frame of 64 bytes is 64 with its framing.
            Self::ContactlessA106 => LinkCost { byte: 85, framing: 5, turnaround: 600, carries: 64 - 5 },
            Self::ContactT1At115200 => LinkCost { byte: 104, framing: 4, turnaround: 1_000, carries: 254 },
            Self::ContactT1At9600 => LinkCost { byte: 1_250, framing: 4, turnaround: 1_000, carries: 254 },
        }
    }

    /// How long a command APDU of `command` bytes and its response APDU of `response` bytes take on the link, in
    /// microseconds. An APDU that takes several frames is chained: the other side acknowledges each but the last with an empty
    /// frame.
    pub const fn exchange(self, command: usize, response: usize) -> u64 {
        self.one_way(command as u64) + self.one_way(response as u64)
    }

    const fn one_way(self, bytes: u64) -> u64 {
        let cost = self.cost();
        let carrying = if bytes == 0 { 1 } else { bytes.div_ceil(cost.carries) };
        let frames = carrying + (carrying - 1);
        bytes * cost.byte + frames * (cost.framing * cost.byte + cost.turnaround)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chip_time_adds_up() {
        let usage = Usage { aes_blocks: 3, pages_programmed: 2, pages_erased: 1, pages_read: 7, commands: 1 };
        assert_eq!(usage.chip_time(), 3 * 20 + 2 * 2_000 + 2_000 + 7 * 10 + 1_000);
        assert_eq!((usage + usage).since(&usage), usage);
    }

    #[test]
    fn one_frame_each_way() {
        // 13 + 5 and 31 + 5 bytes, two turnarounds.
        assert_eq!(Link::ContactlessA106.exchange(13, 31), (18 + 36) * 85 + 2 * 600);
        assert_eq!(Link::ContactT1At115200.exchange(13, 31), (17 + 35) * 104 + 2 * 1_000);
        assert_eq!(Link::ContactT1At9600.exchange(5, 2), (9 + 6) * 1_250 + 2 * 1_000);
    }

    #[test]
    fn chaining_costs_frames_and_acknowledgements() {
        let link = Link::ContactlessA106;
        // The 60th byte needs a second frame, and the first one's acknowledgement.
        assert_eq!(link.exchange(60, 2) - link.exchange(59, 2), 85 + 2 * (5 * 85 + 600));
        // The longest short command on T=1: 261 bytes, two blocks.
        let link = Link::ContactT1At115200;
        assert_eq!(link.exchange(261, 2), (261 + 2 + 4 * 4) * 104 + 4 * 1_000);
    }
}
