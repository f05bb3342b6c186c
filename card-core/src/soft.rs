//! [`Engine`] in software, for hosts and for chips without an AES engine of their own.

use aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt,
    BlockSizeUser, KeyInit, consts::U16, typenum::Unsigned,
};
use aes::{Aes128Dec, Aes128Enc, Aes192Dec, Aes192Enc, Aes256Dec, Aes256Enc};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::key::{AesKey, KeyLength};
use crate::modes::{self, xor};
use crate::platform::{Block, Engine, PartialBlock};

/// AES in software (FIPS 197, SP 800-38A, SP 800-38B). The key schedule is computed anew with every call and then wiped.
///
/// It is what a small chip without AES has: its code is small, and works on block after block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoftEngine;

impl Engine for SoftEngine {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        Schedule::new(key).encrypt(block);
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        let schedule = Schedule::new(key);
        modes::encrypt_cbc(&|block| schedule.encrypt(block), iv, data)
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        let schedule = Reverse::new(key);
        modes::decrypt_cbc(&|block| schedule.decrypt(block), iv, data)
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        let schedule = Schedule::new(key);
        modes::cmac(&|block| schedule.encrypt(block), message)
    }
}

/// `C` with `key`, which the caller has chosen `C` for by its length.
fn scheduled<C: KeyInit>(key: &AesKey) -> C {
    debug_assert_eq!(key.expose().len(), C::KeySize::USIZE);
    let mut bytes = Array::<u8, C::KeySize>::default();
    for (to, from) in bytes.iter_mut().zip(key.expose()) {
        *to = *from;
    }
    let cipher = C::new(&bytes);
    bytes.as_mut_slice().zeroize();
    cipher
}

/// A key schedule to decrypt. It wipes itself when dropped.
enum Reverse {
    Aes128(Aes128Dec),
    Aes192(Aes192Dec),
    Aes256(Aes256Dec),
}

impl Reverse {
    #[inline(never)]
    fn new(key: &AesKey) -> Self {
        match key.length() {
            KeyLength::Aes128 => Self::Aes128(scheduled(key)),
            KeyLength::Aes192 => Self::Aes192(scheduled(key)),
            KeyLength::Aes256 => Self::Aes256(scheduled(key)),
        }
    }

    fn decrypt(&self, block: &mut Block) {
        match self {
            Self::Aes128(cipher) => cipher.decrypt_block(block.into()),
            Self::Aes192(cipher) => cipher.decrypt_block(block.into()),
            Self::Aes256(cipher) => cipher.decrypt_block(block.into()),
        }
    }
}

/// A key with its schedule and the subkeys of CMAC, for a host that derives many keys from it. As an [`Engine`] it computes CMACs
/// with its own key from these, and with any other, such as a derived one, from a schedule for encryption only; all else it leaves
/// to [`SoftEngine`]. Its own key is [`key`](Self::key), known by its place in memory: no other key can be at that place as long
/// as this one is borrowed.
///
/// Wiped when dropped; not `Clone`; its `Debug` shows the length only.
#[derive(ZeroizeOnDrop)]
pub struct ExpandedKey {
    key: AesKey,
    // These wipe themselves when dropped.
    #[zeroize(skip)]
    schedule: Schedule,
    // Little-endian, as the blocks are.
    subkeys: [u128; 2],
}

/// A key schedule to encrypt. It wipes itself when dropped.
enum Schedule {
    Aes128(Aes128Enc),
    Aes192(Aes192Enc),
    Aes256(Aes256Enc),
}

impl Schedule {
    #[inline(never)]
    fn new(key: &AesKey) -> Self {
        match key.length() {
            KeyLength::Aes128 => Self::Aes128(scheduled(key)),
            KeyLength::Aes192 => Self::Aes192(scheduled(key)),
            KeyLength::Aes256 => Self::Aes256(scheduled(key)),
        }
    }

    #[inline(never)]
    fn encrypt(&self, block: &mut Block) {
        match self {
            Self::Aes128(cipher) => cipher.encrypt_block(block.into()),
            Self::Aes192(cipher) => cipher.encrypt_block(block.into()),
            Self::Aes256(cipher) => cipher.encrypt_block(block.into()),
        }
    }
}

impl ExpandedKey {
    /// Expands a key.
    pub fn new(key: AesKey) -> Self {
        let schedule = Schedule::new(&key);
        let mut l = [0; 16];
        schedule.encrypt(&mut l);
        let subkeys = subkeys(&l);
        l.as_mut_slice().zeroize();
        Self { key, schedule, subkeys }
    }

    /// The key itself.
    pub const fn key(&self) -> &AesKey {
        &self.key
    }

    /// Its own CMACs, or those of another key.
    fn macs<const N: usize>(&self, key: &AesKey, messages: [&[&[u8]]; N]) -> [Block; N] {
        if !core::ptr::eq(key, self.key()) {
            return match key.length() {
                KeyLength::Aes128 => chained(&scheduled::<Aes128Enc>(key), None, messages),
                KeyLength::Aes192 => chained(&scheduled::<Aes192Enc>(key), None, messages),
                KeyLength::Aes256 => chained(&scheduled::<Aes256Enc>(key), None, messages),
            };
        }
        let subkeys = Some(&self.subkeys);
        match &self.schedule {
            Schedule::Aes128(cipher) => chained(cipher, subkeys, messages),
            Schedule::Aes192(cipher) => chained(cipher, subkeys, messages),
            Schedule::Aes256(cipher) => chained(cipher, subkeys, messages),
        }
    }
}

impl core::fmt::Debug for ExpandedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ExpandedKey({:?}, redacted)", self.key.length())
    }
}

impl Engine for &ExpandedKey {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        SoftEngine.encrypt_block(key, block);
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.encrypt_cbc(key, iv, data)
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.decrypt_cbc(key, iv, data)
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        let [mac] = self.macs(key, [message]);
        mac
    }

    fn cmac_both(&mut self, key: &AesKey, messages: [&[&[u8]]; 2]) -> [Block; 2] {
        self.macs(key, messages)
    }
}

/// SP 800-38B, 6.1, from the encrypted block of zeros.
fn subkeys(l: &Block) -> [u128; 2] {
    let doubled = |value: u128| (value << 1) ^ ((value >> 127) * 0x87);
    let k1 = doubled(u128::from_be_bytes(*l));
    [k1, doubled(k1)].map(u128::swap_bytes)
}

/// CMACs of several messages with one key.
fn chained<const N: usize>(
    cipher: &impl BlockCipherEncrypt<BlockSize = U16>,
    subkeys: Option<&[u128; 2]>,
    messages: [&[&[u8]]; N],
) -> [Block; N] {
    let mut macs = [[0; 16]; N];
    cipher.encrypt_with_backend(Chains { messages, subkeys, macs: &mut macs });
    macs
}

/// CMACs of several messages with one key (SP 800-38B, 6.2). They do not depend on each other, so that a processor works on them
/// at the same time where they follow each other closely.
struct Chains<'a, const N: usize> {
    messages: [&'a [&'a [u8]]; N],
    subkeys: Option<&'a [u128; 2]>,
    macs: &'a mut [Block; N],
}

impl<const N: usize> BlockSizeUser for Chains<'_, N> {
    type BlockSize = U16;
}

impl<const N: usize> BlockCipherEncClosure for Chains<'_, N> {
    // The processor's AES instructions are to be had only inside of what `aes` calls this from.
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        let Self { messages, subkeys: known, macs } = self;
        let mut own = [0; 2];
        let [k1, k2] = known.unwrap_or_else(|| {
            let mut l = Array::from([0; 16]);
            backend.encrypt_block((&mut l).into());
            own = subkeys(&l.0);
            l.as_mut_slice().zeroize();
            &own
        });
        for (message, mac) in messages.into_iter().zip(macs) {
            let length: usize = message.iter().map(|part| part.len()).sum();
            let mut before_last = length.saturating_sub(1) / size_of::<Block>();
            let mut state = Array::from([0; 16]);
            let mut absorb = |block: &Block| {
                xor(&mut state.0, block);
                if before_last > 0 {
                    before_last -= 1;
                    backend.encrypt_block((&mut state).into());
                }
            };
            // A block that is begun; it may go on in the next part.
            let (mut begun, mut filled) = (0, 0);
            for part in message {
                let mut rest = *part;
                if filled > 0 {
                    let (head, tail) = rest.split_at_checked(16 - filled).unwrap_or((rest, &[]));
                    begun |= value(head) << (8 * filled);
                    (filled, rest) = (filled + head.len(), tail);
                    if filled < 16 {
                        continue;
                    }
                    absorb(&begun.to_le_bytes());
                    (begun, filled) = (0, 0);
                }
                let (blocks, tail) = rest.as_chunks();
                blocks.iter().for_each(&mut absorb);
                if !tail.is_empty() {
                    (begun, filled) = (value(tail), tail.len());
                }
            }
            let whole = filled == 0 && length > 0;
            let end = if whole { *k1 } else { begun ^ (0x80 << (8 * filled)) ^ k2 };
            state.0 = (u128::from_le_bytes(state.0) ^ end).to_le_bytes();
            backend.encrypt_block((&mut state).into());
            *mac = state.0;
        }
        own.as_mut_slice().zeroize();
    }
}

/// At most 16 bytes as a number, little-endian. In registers: a block that is read right after it was written byte by byte makes a
/// processor wait.
fn value(bytes: &[u8]) -> u128 {
    let (words, rest) = bytes.as_chunks();
    let value = rest.iter().rev().fold(0, |value, byte| value << 8 | u128::from(*byte));
    words.iter().rev().fold(value, |value, word| value << 32 | u128::from(u32::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests;
