//! The simulated chip as the card application sees it: software AES that counts its blocks, random numbers, a memory that
//! can lose power, and a wait that only moves virtual time.

use super::cost::Usage;
use super::image::ImageMemory;
use super::memory::FlashModel;
use card_core::key::AesKey;
use card_core::platform::{
    Block, Delay, Engine, Memory, MemoryError, PAGE, PartialBlock, Random, RandomError,
};
use card_core::soft::SoftEngine;
use std::collections::VecDeque;

/// A memory of the simulator: it has a [`FlashModel`] to look at and to plan faults in.
pub trait SimulatedMemory: Memory {
    /// The model.
    fn flash(&self) -> &FlashModel;
    /// The model, to plan faults and to give power again.
    fn flash_mut(&mut self) -> &mut FlashModel;
}

impl SimulatedMemory for FlashModel {
    fn flash(&self) -> &FlashModel {
        self
    }

    fn flash_mut(&mut self) -> &mut FlashModel {
        self
    }
}

impl SimulatedMemory for ImageMemory {
    fn flash(&self) -> &FlashModel {
        Self::flash(self)
    }

    fn flash_mut(&mut self) -> &mut FlashModel {
        Self::flash_mut(self)
    }
}

/// Where a simulated chip gets its random numbers from.
#[derive(Debug, Clone)]
pub enum Entropy {
    /// From the operating system.
    System,
    /// These bytes, in order, for known answers; then the source has failed.
    Fixed(VecDeque<u8>),
}

/// The simulated chip.
#[derive(Debug, Clone)]
pub struct Chip<M> {
    memory: M,
    entropy: Entropy,
    aes_blocks: u64,
    waited: u64,
}

impl<M: SimulatedMemory> Chip<M> {
    /// A chip with this memory.
    pub const fn new(memory: M, entropy: Entropy) -> Self {
        Self { memory, entropy, aes_blocks: 0, waited: 0 }
    }

    /// The memory.
    pub const fn memory(&self) -> &M {
        &self.memory
    }

    /// The memory, to plan faults.
    pub const fn memory_mut(&mut self) -> &mut M {
        &mut self.memory
    }

    /// Replaces the source of random numbers.
    pub fn set_entropy(&mut self, entropy: Entropy) {
        self.entropy = entropy;
    }

    /// What was asked of the chip so far. Commands are counted by who sends them.
    pub fn usage(&self) -> Usage {
        let counters = self.memory.flash().counters();
        Usage {
            aes_blocks: self.aes_blocks,
            pages_programmed: counters.programs,
            pages_erased: counters.erases,
            pages_read: counters.reads,
            commands: 0,
        }
    }

    /// Virtual time spent so far, in microseconds: work and waits, without links and command overhead.
    pub fn time(&self) -> u64 {
        self.usage().chip_time() + self.waited
    }

    fn count(&mut self, bytes: usize) {
        self.aes_blocks += bytes.div_ceil(size_of::<Block>()) as u64;
    }
}

impl<M: SimulatedMemory> Engine for Chip<M> {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        self.count(block.len());
        SoftEngine.encrypt_block(key, block);
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.count(data.len());
        SoftEngine.encrypt_cbc(key, iv, data)
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.count(data.len());
        SoftEngine.decrypt_cbc(key, iv, data)
    }

    /// Counts the blocks of the message, and one for the subkey.
    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        let length: usize = message.iter().map(|part| part.len()).sum();
        self.count(length.max(1));
        self.count(size_of::<Block>());
        SoftEngine.cmac(key, message)
    }
}

impl<M> Random for Chip<M> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        match &mut self.entropy {
            Entropy::System => getrandom::fill(out).map_err(|_| RandomError),
            Entropy::Fixed(bytes) => {
                for byte in out {
                    *byte = bytes.pop_front().ok_or(RandomError)?;
                }
                Ok(())
            }
        }
    }
}

impl<M: SimulatedMemory> Memory for Chip<M> {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        self.memory.read(page, offset, out)
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.memory.erase(page)
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        self.memory.program(page, data)
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.memory.margin(page)
    }
}

impl<M> Delay for Chip<M> {
    fn wait(&mut self, milliseconds: u16) {
        self.waited += u64::from(milliseconds) * 1000;
    }
}
