//! Deterministic authenticated encryption: AES-SIV (RFC 5297), always with exactly one string of associated data.
//!
//! The two halves of RFC 5297's key are two keys here: `k1` authenticates (S2V), `k2` encrypts (CTR). No nonce is needed: equal
//! inputs give equal outputs, and that is all that is revealed. Associated data that should vary must contain what varies.

use subtle::ConstantTimeEq;

use crate::key::AesKey;
use crate::modes::{double, xor};
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
    let mut d = engine.cmac(k1, &[&[0; 16]]);
    double(&mut d);
    xor(&mut d, &engine.cmac(k1, aad));
    if let Some((head, last)) = plaintext.split_last_chunk() {
        xor(&mut d, last);
        engine.cmac(k1, &[head, &d])
    } else {
        double(&mut d);
        let padded = plaintext.iter().chain(&[0x80]);
        for (to, from) in d.iter_mut().zip(padded) {
            *to ^= from;
        }
        engine.cmac(k1, &[&d])
    }
}

/// CTR with the 31st and 63rd bit of the counter's start cleared (RFC 5297, 2.5).
fn ctr<E: Engine + ?Sized>(engine: &mut E, k2: &AesKey, tag: &Block, data: &mut [u8]) {
    let mut counter = *tag;
    for cleared in [8, 12] {
        if let Some(byte) = counter.get_mut(cleared) {
            *byte &= 0x7F;
        }
    }
    for chunk in data.chunks_mut(size_of::<Block>()) {
        let mut stream = counter;
        engine.encrypt_block(k2, &mut stream);
        for (to, from) in chunk.iter_mut().zip(stream) {
            *to ^= from;
        }
        for byte in counter.iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
    }
}
