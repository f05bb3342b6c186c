//! The simulated chip as the card application sees it, in parts: software AES that counts its blocks, random numbers, a memory that
//! can lose power, and a wait that only moves virtual time.

use super::cost::Usage;
use super::image::ImageMemory;
use super::memory::FlashModel;
use card_core::key::AesKey;
use card_core::platform::{
    Block, Delay, Engine, Memory, MemoryError, PAGE, PartialBlock, Parts, Random, RandomError,
};
use card_core::soft::SoftEngine;
use std::cell::{Ref, RefCell, RefMut};
use std::collections::VecDeque;
use std::rc::Rc;

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

impl Random for Entropy {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        match self {
            Self::System => getrandom::fill(out).map_err(|_| RandomError),
            Self::Fixed(bytes) => {
                for byte in out {
                    *byte = bytes.pop_front().ok_or(RandomError)?;
                }
                Ok(())
            }
        }
    }
}

/// AES in software that counts its blocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingEngine {
    blocks: u64,
}

impl CountingEngine {
    fn count(&mut self, bytes: usize) {
        self.blocks += bytes.div_ceil(size_of::<Block>()) as u64;
    }
}

impl Engine for CountingEngine {
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

/// Waits, of which only virtual time passes: microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct VirtualTime(u64);

impl Delay for VirtualTime {
    fn wait(&mut self, milliseconds: u16) {
        self.0 += u64::from(milliseconds) * 1000;
    }
}

/// The simulated chip.
pub type Chip<M> = Parts<CountingEngine, Entropy, M, VirtualTime>;

/// A chip with this memory.
pub fn chip<M: SimulatedMemory>(memory: M, random: Entropy) -> Chip<M> {
    Parts { engine: CountingEngine::default(), random, memory, delay: VirtualTime::default() }
}

/// What was asked of a chip so far. Commands are counted by who sends them.
pub fn usage<M: SimulatedMemory>(chip: &Chip<M>) -> Usage {
    let counters = chip.memory.flash().counters();
    Usage {
        aes_blocks: chip.engine.blocks,
        pages_programmed: counters.programs,
        pages_erased: counters.erases,
        pages_read: counters.reads,
        commands: 0,
    }
}

/// Virtual time that a chip has spent so far, in microseconds: work and waits, without links and command overhead.
pub fn time<M: SimulatedMemory>(chip: &Chip<M>) -> u64 {
    usage(chip).chip_time() + chip.delay.0
}

/// A memory whose owner keeps hold of it while something runs on it: to look at it, and to plan faults.
#[derive(Debug)]
pub struct Shared<M>(Rc<RefCell<M>>);

impl<M> Shared<M> {
    /// The first handle.
    pub fn new(memory: M) -> Self {
        Self(Rc::new(RefCell::new(memory)))
    }

    /// The memory, to look at.
    pub fn get(&self) -> Ref<'_, M> {
        self.0.borrow()
    }

    /// The memory, to plan faults.
    pub fn get_mut(&self) -> RefMut<'_, M> {
        self.0.borrow_mut()
    }
}

impl<M> Clone for Shared<M> {
    /// Another handle of the same memory.
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<M: Memory> Memory for Shared<M> {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        self.get_mut().read(page, offset, out)
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.get_mut().erase(page)
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        self.get_mut().program(page, data)
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.get_mut().margin(page)
    }
}
