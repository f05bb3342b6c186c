//! Key derivation: NIST SP 800-108 (revision 1), counter mode (4.1), with AES-CMAC as the pseudo-random function.

use zeroize::{Zeroize, Zeroizing};

use crate::key::{AesKey, KeyLength};
use crate::platform::{Block, Engine};

/// Derives a key from `key` (SP 800-108, 4.1). Each iteration is over
/// `[i]32 || label || 00 || context || [L]32`, where i counts from 1, L is the new key's length in bits, and both are
/// big-endian. Label and context have fixed lengths, so that no two pairs of them give the same input.
pub fn derive<E: Engine + ?Sized>(
    engine: &mut E,
    key: &AesKey,
    label: &[u8; 8],
    context: &[u8; 14],
    length: KeyLength,
) -> AesKey {
    let bits: u32 = match length {
        KeyLength::Aes128 => 128,
        KeyLength::Aes192 => 192,
        KeyLength::Aes256 => 256,
    };
    // The input is 31 bytes. It is cut where AES cuts it, which spares an engine in software the joining of short parts.
    let [c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13] = *context;
    let [l0, l1, l2, l3] = bits.to_be_bytes();
    let front =
        u128::from(u64::from_be_bytes(*label)) << 32 | u128::from(u32::from_be_bytes([0, c0, c1, c2]));
    let [first, second] = [1, 2].map(|i: u128| (i << 96 | front).to_be_bytes());
    let rest = [c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, l0, l1, l2, l3];

    let mut out = [0; 32];
    let (halves, _) = out.as_chunks_mut();
    let mut macs = if blocks(length) == 1 {
        [engine.cmac(key, &[&first, &rest]), [0; 16]]
    } else {
        engine.cmac_both(key, [&[&first, &rest], &[&second, &rest]])
    };
    for (half, mac) in halves.iter_mut().zip(&macs) {
        *half = *mac;
    }
    let key = AesKey::from_front(&out, length);
    // Slices are wiped in few instructions, arrays byte by byte.
    out.as_mut_slice().zeroize();
    macs.as_flattened_mut().zeroize();
    key
}

/// Width of the counter of [`counter_mode`] (SP 800-108, 4.1: r).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counter {
    /// r = 8: at most 255 blocks of output.
    Bits8,
    /// r = 32.
    Bits32,
}

impl Counter {
    /// Its highest value.
    const fn most(self) -> u32 {
        match self {
            Self::Bits8 => 0xFF,
            Self::Bits32 => u32::MAX,
        }
    }
}

/// More output was asked for than the counter can count (SP 800-108, 4.1, step 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the counter of the key derivation is too short for this length")]
pub struct TooLong;

/// SP 800-108, 4.1, with the counter between two parts of the fixed input, either of which may be empty. Fills `out`.
///
/// Fails, writing nothing, where `out` takes more blocks than `counter` can count. SCP03 is one user of it, with an 8-bit
/// counter in the middle; [`derive()`] is the form for all other keys.
pub fn counter_mode<E: Engine + ?Sized>(
    engine: &mut E,
    key: &AesKey,
    counter: Counter,
    before: &[u8],
    after: &[u8],
    out: &mut [u8],
) -> Result<(), TooLong> {
    let needed = u32::try_from(out.len().div_ceil(size_of::<Block>())).map_err(|_| TooLong)?;
    if needed > counter.most() {
        return Err(TooLong);
    }
    fill(engine, key, counter, before, after, out);
    Ok(())
}

/// [`counter_mode`], for a caller that asks for no more than the counter can count. What exceeds that stays as it is.
pub(crate) fn fill<E: Engine + ?Sized>(
    engine: &mut E,
    key: &AesKey,
    counter: Counter,
    before: &[u8],
    after: &[u8],
    out: &mut [u8],
) {
    for (i, block) in (1..=counter.most()).zip(out.chunks_mut(size_of::<Block>())) {
        let [.., low] = i.to_be_bytes();
        let mac = Zeroizing::new(match counter {
            Counter::Bits8 => engine.cmac(key, &[before, &[low], after]),
            Counter::Bits32 => engine.cmac(key, &[before, &i.to_be_bytes(), after]),
        });
        copy(block, &*mac);
    }
}

/// How many blocks of output a key of `length` takes.
const fn blocks(length: KeyLength) -> usize {
    length.bytes().div_ceil(size_of::<Block>())
}

/// As much of `from` as `to` has room for.
fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// A second holder of the same key.
pub(crate) fn duplicate(key: &AesKey) -> AesKey {
    let mut bytes = Zeroizing::new([0; 32]);
    copy(bytes.as_mut_slice(), key.expose());
    AesKey::from_front(&bytes, key.length())
}
