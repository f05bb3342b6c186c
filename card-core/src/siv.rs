//! Deterministic authenticated encryption: AES-SIV (RFC 5297), always with exactly one string of associated data.
//!
//! The two halves of RFC 5297's key are two keys here: `k1` authenticates (S2V), `k2` encrypts (CTR). No nonce is needed: equal
//! inputs give equal outputs, and that is all that is revealed. Associated data that should vary must contain what varies.

use subtle::ConstantTimeEq;

use crate::key::AesKey;
use crate::platform::{Block, Engine};

/// The tag is not that of these data: forged, damaged, or for another key or other associated data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the data are not authentic")]
pub struct AuthenticationFailed;

/// Encrypts `data` in place, and returns the synthetic IV, which is also the tag (RFC 5297, 2.6).
///
/// `aad` is one string in parts: how it is cut makes no difference.
pub fn seal<E: Engine + ?Sized>(
    engine: &mut E,
    k1: &AesKey,
    k2: &AesKey,
    aad: &[&[u8]],
    data: &mut [u8],
) -> Block {
    let tag = s2v(engine, k1, aad, data);
    ctr(engine, k2, &tag, data);
    tag
}

/// Decrypts `data` in place and checks it against `tag`, in constant time (RFC 5297, 2.7). Wipes `data` where the check fails.
pub fn open<E: Engine + ?Sized>(
    engine: &mut E,
    k1: &AesKey,
    k2: &AesKey,
    aad: &[&[u8]],
    data: &mut [u8],
    tag: &Block,
) -> Result<(), AuthenticationFailed> {
    ctr(engine, k2, tag, data);
    let expected = s2v(engine, k1, aad, data);
    if bool::from(expected.ct_eq(tag)) {
        Ok(())
    } else {
        data.fill(0);
        Err(AuthenticationFailed)
    }
}

/// S2V over one string of associated data and the plaintext (RFC 5297, 2.4).
fn s2v<E: Engine + ?Sized>(engine: &mut E, k1: &AesKey, aad: &[&[u8]], plaintext: &[u8]) -> Block {
    let mut d = doubled(engine.cmac(k1, &[&[0; 16]]));
    xor(&mut d, &engine.cmac(k1, aad));
    if let Some((head, last)) = plaintext.split_last_chunk() {
        xor(&mut d, last);
        engine.cmac(k1, &[head, &d])
    } else {
        let mut d = doubled(d);
        let padded = plaintext.iter().chain(&[0x80]);
        for (to, from) in d.iter_mut().zip(padded) {
            *to ^= from;
        }
        engine.cmac(k1, &[&d])
    }
}

/// CTR with the 31st and 63rd bit of the counter's start cleared (RFC 5297, 2.5).
fn ctr<E: Engine + ?Sized>(engine: &mut E, k2: &AesKey, tag: &Block, data: &mut [u8]) {
    const CLEAR: u128 = !((1 << 63) | (1 << 31));
    let mut counter = u128::from_be_bytes(*tag) & CLEAR;
    for chunk in data.chunks_mut(size_of::<Block>()) {
        let mut stream = counter.to_be_bytes();
        engine.encrypt_block(k2, &mut stream);
        for (to, from) in chunk.iter_mut().zip(stream) {
            *to ^= from;
        }
        counter = counter.wrapping_add(1);
    }
}

fn xor(block: &mut Block, with: &Block) {
    for (to, from) in block.iter_mut().zip(with) {
        *to ^= from;
    }
}

/// Multiplication by x in GF(2^128), without a branch (RFC 5297, 2.3).
fn doubled(block: Block) -> Block {
    let value = u128::from_be_bytes(block);
    let carry = value >> 127;
    ((value << 1) ^ (carry.wrapping_mul(0x87))).to_be_bytes()
}
