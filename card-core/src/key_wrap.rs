//! AES key wrap (RFC 3394, "KW" in NIST SP 800-38F) with the default initial value, for 16 to 104 bytes.
//!
//! Written here because the crate `aes-kw` wants a cipher type of its own; over [`Engine`], a chip's AES can stand in.

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::key::AesKey;
use crate::platform::{Block, Engine};

/// Bytes that a wrapped string is longer than what is in it.
pub const OVERHEAD: usize = SEMIBLOCK;
/// Shortest string that is wrapped, in bytes.
pub const MIN_PLAIN: usize = 2 * SEMIBLOCK;
/// Longest string that is wrapped, in bytes.
pub const MAX_PLAIN: usize = 13 * SEMIBLOCK;

/// Half a block: what the algorithm moves about.
const SEMIBLOCK: usize = 8;
/// The default initial value (RFC 3394, 2.2.3.1).
const INITIAL: [u8; SEMIBLOCK] = [0xA6; SEMIBLOCK];
/// How often each semiblock is gone through.
const ROUNDS: u64 = 6;

/// Why nothing was wrapped or unwrapped. The output holds zeros then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyWrapError {
    /// The input is too short, too long or not whole semiblocks, or the output has another length than the result.
    #[error("length: 16 to 104 bytes in steps of 8 can be wrapped, and what is wrapped is 8 bytes longer")]
    Length,
    /// The integrity check fails: altered, or wrapped under another key.
    #[error("integrity: the keys were altered, or wrapped under another key")]
    Integrity,
}

/// Wraps `plain` under `kek` into `out`, which is [`OVERHEAD`] bytes longer (RFC 3394, 2.2.1). Wipes `out` where it fails.
pub fn wrap<E: Engine + ?Sized>(
    engine: &mut E,
    kek: &AesKey,
    plain: &[u8],
    out: &mut [u8],
) -> Result<(), KeyWrapError> {
    let done = wrap_into(engine, kek, plain, out);
    wiped_unless(done, out)
}

/// Unwraps `wrapped` under `kek` into `out`, which is [`OVERHEAD`] bytes shorter, and checks the initial value in constant time
/// (RFC 3394, 2.2.2). Wipes `out` where it fails.
pub fn unwrap<E: Engine + ?Sized>(
    engine: &mut E,
    kek: &AesKey,
    wrapped: &[u8],
    out: &mut [u8],
) -> Result<(), KeyWrapError> {
    let done = unwrap_into(engine, kek, wrapped, out);
    wiped_unless(done, out)
}

fn wiped_unless(done: Result<(), KeyWrapError>, out: &mut [u8]) -> Result<(), KeyWrapError> {
    if done.is_err() {
        out.zeroize();
    }
    done
}

fn wrap_into<E: Engine + ?Sized>(
    engine: &mut E,
    kek: &AesKey,
    plain: &[u8],
    out: &mut [u8],
) -> Result<(), KeyWrapError> {
    let (integrity, rest) = out.split_first_chunk_mut().ok_or(KeyWrapError::Length)?;
    let semiblocks = copied(plain, rest)?;
    let mut register = INITIAL;
    let mut block = Zeroizing::new(Block::default());
    let mut step = 0_u64;
    for _ in 0..ROUNDS {
        for semiblock in semiblocks.iter_mut() {
            step = step.wrapping_add(1);
            join(&mut block, &register, semiblock);
            engine.encrypt_block(kek, &mut block);
            split(&block, &mut register, semiblock);
            count(&mut register, step);
        }
    }
    *integrity = register;
    Ok(())
}

fn unwrap_into<E: Engine + ?Sized>(
    engine: &mut E,
    kek: &AesKey,
    wrapped: &[u8],
    out: &mut [u8],
) -> Result<(), KeyWrapError> {
    let (integrity, rest) = wrapped.split_first_chunk().ok_or(KeyWrapError::Length)?;
    let semiblocks = copied(rest, out)?;
    let mut register = *integrity;
    let mut block = Zeroizing::new(Block::default());
    let mut step = semiblocks.iter().fold(0_u64, |sum, _| sum.wrapping_add(ROUNDS));
    for _ in 0..ROUNDS {
        for semiblock in semiblocks.iter_mut().rev() {
            count(&mut register, step);
            join(&mut block, &register, semiblock);
            // One block of CBC with a zero IV is the block decryption.
            engine
                .decrypt_cbc(kek, &Block::default(), block.as_mut_slice())
                .map_err(|_| KeyWrapError::Length)?;
            split(&block, &mut register, semiblock);
            step = step.wrapping_sub(1);
        }
    }
    if bool::from(register.ct_eq(&INITIAL)) { Ok(()) } else { Err(KeyWrapError::Integrity) }
}

/// Copies `from` to `to` where the length is right, and gives it as semiblocks.
fn copied<'a>(from: &[u8], to: &'a mut [u8]) -> Result<&'a mut [[u8; SEMIBLOCK]], KeyWrapError> {
    if !(MIN_PLAIN..=MAX_PLAIN).contains(&from.len()) || from.len() != to.len() {
        return Err(KeyWrapError::Length);
    }
    to.copy_from_slice(from);
    match to.as_chunks_mut() {
        (semiblocks, []) => Ok(semiblocks),
        _ => Err(KeyWrapError::Length),
    }
}

/// block = register || semiblock.
fn join(block: &mut Block, register: &[u8; SEMIBLOCK], semiblock: &[u8; SEMIBLOCK]) {
    for (to, from) in block.iter_mut().zip(register.iter().chain(semiblock)) {
        *to = *from;
    }
}

/// register || semiblock = block.
fn split(block: &Block, register: &mut [u8; SEMIBLOCK], semiblock: &mut [u8; SEMIBLOCK]) {
    for (to, from) in register.iter_mut().chain(semiblock).zip(block) {
        *to = *from;
    }
}

/// register = register XOR step, big-endian.
fn count(register: &mut [u8; SEMIBLOCK], step: u64) {
    for (to, from) in register.iter_mut().zip(step.to_be_bytes()) {
        *to ^= from;
    }
}
