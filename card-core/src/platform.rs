//! What the code here asks of the hardware below it: four small traits, so that a chip's own engines can stand in.
//!
//! [`Parts`] puts them together. [`crate::soft`] is AES in software; the simulated chip counts what is asked of it.

use crate::key::AesKey;

/// One AES block, 16 bytes.
pub type Block = [u8; 16];

/// Bytes in one page of [`Memory`]: the unit that is erased and programmed.
pub const PAGE: usize = 64;

/// AES in the modes that the protocols here use (FIPS 197, NIST SP 800-38A, SP 800-38B).
///
/// A key arrives with every call; an engine that loads keys into registers may cache by identity.
pub trait Engine {
    /// Encrypts one block in place (ECB).
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block);
    /// Encrypts `data` in place (CBC). Fails, changing nothing, where `data` is not whole blocks.
    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock>;
    /// Decrypts `data` in place (CBC). Fails, changing nothing, where `data` is not whole blocks.
    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock>;
    /// AES-CMAC (SP 800-38B) over the concatenation of `message`'s parts; all 16 bytes of it.
    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block;
    /// AES-CMAC of two messages with one key, for an engine that computes the two together faster than one after the other.
    fn cmac_both(&mut self, key: &AesKey, messages: [&[&[u8]]; 2]) -> [Block; 2] {
        messages.map(|message| self.cmac(key, message))
    }
}

/// The data given to a block mode is not a whole number of 16-byte blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data is not a whole number of 16-byte blocks")]
pub struct PartialBlock;

/// Random numbers fit for challenges and keys.
pub trait Random {
    /// Fills `out`, or fails and leaves nothing of use in it.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError>;
}

/// The random number source failed its own tests or is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no random numbers are available")]
pub struct RandomError;

/// Non-volatile memory in pages of [`PAGE`] bytes. An erased byte reads FF; programming clears bits and never sets one.
///
/// Power may fail inside [`Memory::erase`] and [`Memory::program`]: the page then holds anything between old and new, and a bit
/// in it may read differently from one time to the next until it is erased or programmed again.
pub trait Memory {
    /// Reads `out.len()` bytes of `page` from `offset`.
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError>;
    /// Erases one page to FF.
    fn erase(&mut self, page: u16) -> Result<(), MemoryError>;
    /// Programs one page: clears every bit that is 0 in `data`. Also legal where the bits are already clear: it refreshes them.
    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError>;
    /// Whether every bit of `page` reads the same under a raised and a lowered threshold. `false` where in doubt.
    fn margin(&mut self, page: u16) -> Result<bool, MemoryError>;
}

/// Why a memory operation did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Power was lost; nothing further will run before the next power-up.
    #[error("power was lost")]
    PowerLost,
    /// The page, or the range in it, does not exist.
    #[error("no such page or range in this memory")]
    OutOfRange,
    /// The page can no longer be written.
    #[error("the memory is worn out")]
    WornOut,
}

/// Waiting, for the delay after a failed authentication.
pub trait Delay {
    /// Waits `milliseconds`.
    fn wait(&mut self, milliseconds: u16);
}

/// Everything that the card application needs of its chip, best put together of [`Parts`].
pub trait Platform: Engine + Random + Memory + Delay {}
impl<T: Engine + Random + Memory + Delay> Platform for T {}

/// Hardware of parts that know nothing of each other: a chip's own AES engine, say, beside a library's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<E, R, M, D = ()> {
    /// AES.
    pub engine: E,
    /// Random numbers.
    pub random: R,
    /// Memory.
    pub memory: M,
    /// Waiting, which only a card does.
    pub delay: D,
}

impl<E, R, M> Parts<E, R, M> {
    /// Those that a meter has.
    pub const fn new(engine: E, random: R, memory: M) -> Self {
        Self { engine, random, memory, delay: () }
    }
}

impl<E: Engine, R, M, D> Engine for Parts<E, R, M, D> {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        self.engine.encrypt_block(key, block);
    }
    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.engine.encrypt_cbc(key, iv, data)
    }
    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.engine.decrypt_cbc(key, iv, data)
    }
    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        self.engine.cmac(key, message)
    }
    fn cmac_both(&mut self, key: &AesKey, messages: [&[&[u8]]; 2]) -> [Block; 2] {
        self.engine.cmac_both(key, messages)
    }
}

impl<E, R: Random, M, D> Random for Parts<E, R, M, D> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.random.fill(out)
    }
}

impl<E, R, M: Memory, D> Memory for Parts<E, R, M, D> {
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

impl<E, R, M, D: Delay> Delay for Parts<E, R, M, D> {
    fn wait(&mut self, milliseconds: u16) {
        self.delay.wait(milliseconds);
    }
}
