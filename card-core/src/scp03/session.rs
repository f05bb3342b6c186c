//! What both sides of an open session share: keys, MAC chaining value, encryption counter (Amendment D, 6.2.3 to 6.2.7).

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use super::derive::SessionKeys;
use super::{Mode, SecurityLevel};
use crate::apdu::StatusWord;
use crate::key::AesKey;
use crate::platform::{Block, Engine, PartialBlock};

/// A session that has not ended. Dropping it wipes it.
pub(super) struct Live {
    keys: SessionKeys,
    dek: AesKey,
    chain: Block,
    counter: u64,
    pub(super) mode: Mode,
    pub(super) level: SecurityLevel,
    /// A command was processed and its response was not.
    pub(super) in_command: bool,
}

/// Whose encryption counter block it is (Amendment D, 6.2.6 and 6.2.7).
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Command,
    Response,
}

impl Live {
    pub(super) const fn new(keys: SessionKeys, dek: AesKey, mode: Mode, level: SecurityLevel) -> Self {
        Self { keys, dek, chain: [0; 16], counter: 0, mode, level, in_command: false }
    }

    /// C-MAC over the chaining value and the command: all 16 bytes, which are the next chaining value (Amendment D, 6.2.4).
    pub(super) fn command_mac<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        header: &[u8],
        data: &[u8],
    ) -> Block {
        engine.cmac(&self.keys.mac, &[&self.chain, header, data])
    }

    /// Whether `mac` is the front of `full`, in constant time; no where the length differs.
    pub(super) fn mac_matches(&self, full: &Block, mac: &[u8]) -> Choice {
        self.mode.front(full).ct_eq(mac)
    }

    /// Goes on to the next command: the encryption counter rises, also where nothing is encrypted (Amendment D, 6.2.6).
    /// EXTERNAL AUTHENTICATE does not count. `None` where the counter has no next value.
    pub(super) fn begin_command(&mut self) -> Option<()> {
        self.counter = self.counter.checked_add(1)?;
        self.in_command = true;
        Some(())
    }

    /// A command's whole MAC is the next chaining value, that of EXTERNAL AUTHENTICATE the first (Amendment D, 6.2.4).
    pub(super) const fn chain_on(&mut self, full_mac: Block) {
        self.chain = full_mac;
    }

    /// R-MAC over the chaining value of the command, data and status (Amendment D, 6.2.5).
    pub(super) fn response_mac<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        data: &[u8],
        status: StatusWord,
    ) -> Block {
        engine.cmac(&self.keys.rmac, &[&self.chain, data, &status.to_bytes()])
    }

    /// Encrypts padded data of the present command or its response (Amendment D, 6.2.6 and 6.2.7).
    pub(super) fn encrypt<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        direction: Direction,
        data: &mut [u8],
    ) -> Result<(), PartialBlock> {
        let iv = self.iv(engine, direction);
        engine.encrypt_cbc(&self.keys.enc, &iv, data)
    }

    /// Decrypts data of the present command or its response, and finds out how long it is without the padding.
    pub(super) fn decrypt<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        direction: Direction,
        data: &mut [u8],
    ) -> Result<usize, BadPadding> {
        let iv = self.iv(engine, direction);
        engine.decrypt_cbc(&self.keys.enc, &iv, data).map_err(|PartialBlock| BadPadding)?;
        unpadded(data)
    }

    /// Decrypts keys with Key-DEK: CBC, zero IV (Amendment D, 6.2.8).
    pub(super) fn decrypt_keys<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        data: &mut [u8],
    ) -> Result<(), PartialBlock> {
        engine.decrypt_cbc(&self.dek, &[0; 16], data)
    }

    /// Encrypts keys with Key-DEK: CBC, zero IV (Amendment D, 6.2.8).
    pub(super) fn encrypt_keys<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        data: &mut [u8],
    ) -> Result<(), PartialBlock> {
        engine.encrypt_cbc(&self.dek, &[0; 16], data)
    }

    /// The encryption counter as a block, encrypted; its first bit tells the responses (Amendment D, 6.2.6 and 6.2.7).
    fn iv<E: Engine + ?Sized>(&self, engine: &mut E, direction: Direction) -> Block {
        let flag = match direction {
            Direction::Command => 0,
            Direction::Response => 1 << 127,
        };
        let mut block = (flag | u128::from(self.counter)).to_be_bytes();
        engine.encrypt_block(&self.keys.enc, &mut block);
        block
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // The keys wipe themselves.
        self.chain.zeroize();
        self.counter.zeroize();
    }
}

/// Encrypted data are not whole blocks, or not padded (Amendment D, 4.1.4).
pub(super) struct BadPadding;

/// The bytes of padding for `length` bytes of data: an 80, and zeros up to a whole block (Amendment D, 4.1.4).
pub(super) fn padding(length: usize) -> &'static [u8] {
    const PADDING: Block = [0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    PADDING.get(..PADDING.len() - length % PADDING.len()).unwrap_or(&PADDING)
}

/// How many bytes of `data` stand before the padding. At most one block may be padding.
fn unpadded(data: &[u8]) -> Result<usize, BadPadding> {
    let end = data.iter().rposition(|byte| *byte != 0).ok_or(BadPadding)?;
    if data.get(end) == Some(&0x80) && data.len() - end <= size_of::<Block>() {
        Ok(end)
    } else {
        Err(BadPadding)
    }
}
