//! Records of keys in memory, on their way there and back: wiped when dropped.

use crate::persistent::Failed;
use card_core::bytes::{Buffer, Reader};
use card_core::key::AesKey;
use card_core::message::BindingCertificate;
use card_core::role::KeyVersion;
use card_core::scp03::KeySet;
use zeroize::Zeroize;

/// Binding certificate, key version number, key length and three keys.
const BINDING_SIZE: usize = BindingCertificate::SIZE + 2 + 3 * LONGEST_KEY;
/// AES-256.
const LONGEST_KEY: usize = 32;

/// What overwrites a binding that does not count any more.
pub(crate) const NO_BINDING: [u8; BINDING_SIZE] = [0; BINDING_SIZE];

/// The same while another slot may still hold keys.
pub(crate) const WIPING: [u8; BINDING_SIZE] = {
    let mut wiping = NO_BINDING;
    wiping[0] = 0xFF;
    wiping
};

/// Keys on their way to memory: wiped when dropped. All are padded for the longest keys, so that a shorter key set overwrites every
/// byte of a longer one.
pub(crate) struct KeyPayload(Buffer<BINDING_SIZE>);

impl KeyPayload {
    const fn new() -> Self {
        Self(Buffer::new())
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl Drop for KeyPayload {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

pub(crate) fn emit_key_set(keys: &KeySet) -> Result<KeyPayload, Failed> {
    let mut out = KeyPayload::new();
    put_key_set(&mut out, keys)?;
    Ok(out)
}

fn put_key_set(out: &mut KeyPayload, keys: &KeySet) -> Result<(), Failed> {
    out.0.u8(keys.version().byte())?.u8(keys.length().bytes() as u8)?;
    for key in [keys.enc(), keys.mac(), keys.dek()] {
        out.0.put(key.expose())?;
    }
    for key in [keys.enc(), keys.mac(), keys.dek()] {
        pad(out, key)?;
    }
    Ok(())
}

/// What a key is shorter than the longest.
fn pad(out: &mut KeyPayload, key: &AesKey) -> Result<(), Failed> {
    let padding = [0; LONGEST_KEY];
    out.0.put(padding.get(key.length().bytes()..).unwrap_or_default())?;
    Ok(())
}

pub(crate) fn emit_binding(binding: &BindingCertificate, keys: &KeySet) -> Result<KeyPayload, Failed> {
    let mut out = KeyPayload::new();
    out.0.put(&binding.emit())?;
    put_key_set(&mut out, keys)?;
    Ok(out)
}

pub(crate) fn parse_key_set(bytes: &[u8]) -> Option<KeySet> {
    let mut reader = Reader::new(bytes);
    let version = KeyVersion::from_byte(reader.u8().ok()?);
    let length = usize::from(reader.u8().ok()?);
    let mut key = || AesKey::new(reader.take(length).ok()?);
    KeySet::new(version, key()?, key()?, key()?).ok()
}

pub(crate) fn parse_single_key(bytes: &[u8]) -> Option<(KeyVersion, AesKey)> {
    let mut reader = Reader::new(bytes);
    let version = KeyVersion::from_byte(reader.u8().ok()?);
    let length = usize::from(reader.u8().ok()?);
    Some((version, AesKey::new(reader.take(length).ok()?)?))
}

/// The record of a single key.
pub(crate) fn emit_single_key(version: KeyVersion, key: &AesKey) -> Result<KeyPayload, Failed> {
    let mut out = KeyPayload::new();
    out.0.u8(version.byte())?.u8(key.length().bytes() as u8)?.put(key.expose())?;
    pad(&mut out, key)?;
    Ok(out)
}
