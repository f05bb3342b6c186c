//! Modes of AES over a function for one block (SP 800-38A, SP 800-38B): the same code for AES in software and for a chip's engine.

use zeroize::Zeroize;

use crate::platform::{Block, PartialBlock};

/// SP 800-38A, 6.2, encryption in place. Fails, changing nothing, where `data` is not whole blocks.
#[inline(never)]
pub fn encrypt_cbc(encrypt: &dyn Fn(&mut Block), iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
    let (blocks, []) = data.as_chunks_mut() else { return Err(PartialBlock) };
    let mut previous = *iv;
    for block in blocks {
        xor(block, &previous);
        encrypt(block);
        previous = *block;
    }
    Ok(())
}

/// SP 800-38A, 6.2, decryption in place. Fails, changing nothing, where `data` is not whole blocks.
#[inline(never)]
pub fn decrypt_cbc(decrypt: &dyn Fn(&mut Block), iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
    let (blocks, []) = data.as_chunks_mut() else { return Err(PartialBlock) };
    let mut previous = *iv;
    for block in blocks {
        let ciphertext = *block;
        decrypt(block);
        xor(block, &previous);
        previous = ciphertext;
    }
    Ok(())
}

/// SP 800-38B, 6.2.
#[inline(never)]
pub fn cmac(encrypt: &dyn Fn(&mut Block), message: &[&[u8]]) -> Block {
    let (mut state, mut filled) = ([0; 16], 0);
    for byte in message.iter().copied().flatten() {
        if filled == state.len() {
            encrypt(&mut state);
            filled = 0;
        }
        if let Some(place) = state.get_mut(filled) {
            *place ^= byte;
        }
        filled += 1;
    }
    let mut subkey = [0; 16];
    encrypt(&mut subkey);
    double(&mut subkey);
    if let Some(place) = state.get_mut(filled) {
        *place ^= 0x80;
        double(&mut subkey);
    }
    xor(&mut state, &subkey);
    subkey.as_mut_slice().zeroize();
    encrypt(&mut state);
    state
}

/// Adds a block.
#[inline(never)]
pub(crate) fn xor(block: &mut Block, with: &Block) {
    for (to, from) in block.iter_mut().zip(with) {
        *to ^= from;
    }
}

/// Multiplication by x in GF(2^128), without a branch (SP 800-38B, 6.1; RFC 5297, 2.3). Byte by byte: that is the shortest.
#[inline(never)]
pub(crate) fn double(block: &mut Block) {
    let mut carry = 0;
    for byte in block.iter_mut().rev() {
        let out = *byte >> 7;
        *byte = *byte << 1 | carry;
        carry = out;
    }
    let [.., last] = block;
    *last ^= carry * 0x87;
}
