//! [`Engine`] in software, for hosts and for chips without an AES engine of their own.

use aes::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit, consts::U16, typenum::Unsigned,
};
use aes::{Aes128, Aes192, Aes256};
use cmac::digest::FixedOutput;
use cmac::{Cmac, Mac};
use zeroize::Zeroize;

use crate::key::{AesKey, KeyLength};
use crate::platform::{Block, Engine, PartialBlock};

/// AES in software (FIPS 197, SP 800-38A, SP 800-38B). The key schedule is computed anew with every call and then wiped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SoftEngine;

impl Engine for SoftEngine {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        match key.length() {
            KeyLength::Aes128 => scheduled::<Aes128>(key).encrypt_block(block.into()),
            KeyLength::Aes192 => scheduled::<Aes192>(key).encrypt_block(block.into()),
            KeyLength::Aes256 => scheduled::<Aes256>(key).encrypt_block(block.into()),
        }
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        let (blocks, []) = data.as_chunks_mut() else { return Err(PartialBlock) };
        match key.length() {
            KeyLength::Aes128 => encrypt_chain::<Aes128>(key, iv, blocks),
            KeyLength::Aes192 => encrypt_chain::<Aes192>(key, iv, blocks),
            KeyLength::Aes256 => encrypt_chain::<Aes256>(key, iv, blocks),
        }
        Ok(())
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        let (blocks, []) = data.as_chunks_mut() else { return Err(PartialBlock) };
        match key.length() {
            KeyLength::Aes128 => decrypt_chain::<Aes128>(key, iv, blocks),
            KeyLength::Aes192 => decrypt_chain::<Aes192>(key, iv, blocks),
            KeyLength::Aes256 => decrypt_chain::<Aes256>(key, iv, blocks),
        }
        Ok(())
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        match key.length() {
            KeyLength::Aes128 => mac::<Cmac<Aes128>>(key, message),
            KeyLength::Aes192 => mac::<Cmac<Aes192>>(key, message),
            KeyLength::Aes256 => mac::<Cmac<Aes256>>(key, message),
        }
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

fn xor(block: &mut Block, with: &Block) {
    for (to, from) in block.iter_mut().zip(with) {
        *to ^= from;
    }
}

/// SP 800-38A, 6.2, encryption.
fn encrypt_chain<C>(key: &AesKey, iv: &Block, blocks: &mut [Block])
where
    C: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    let cipher: C = scheduled(key);
    let mut previous = *iv;
    for block in blocks {
        xor(block, &previous);
        cipher.encrypt_block(block.into());
        previous = *block;
    }
}

/// SP 800-38A, 6.2, decryption.
fn decrypt_chain<C>(key: &AesKey, iv: &Block, blocks: &mut [Block])
where
    C: KeyInit + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>,
{
    let cipher: C = scheduled(key);
    let mut previous = *iv;
    for block in blocks {
        let ciphertext = *block;
        cipher.decrypt_block(block.into());
        xor(block, &previous);
        previous = ciphertext;
    }
}

/// SP 800-38B, 6.2.
fn mac<M: KeyInit + Mac + FixedOutput<OutputSize = U16>>(key: &AesKey, message: &[&[u8]]) -> Block {
    let mut mac: M = scheduled(key);
    for part in message {
        Mac::update(&mut mac, part);
    }
    mac.finalize().into_bytes().into()
}
