//! Keys in the form of PUT KEY's data field (GP 11.8, Amendment D 7.2; specification, section 12).

use card_core::access_number::AccessNumber;
use card_core::id::{CardRef, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::platform::Engine;
use card_core::role::{Derivation, HOLDER, KeyVersion};
use card_core::scp03::{HostSession, key_check_value};
use card_core::soft::SoftEngine;
use zeroize::Zeroizing;

use super::KeyStoreError;

/// Keys for one card, encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKeys {
    /// The data field of PUT KEY; of it BIND takes keys and check values.
    pub data: Vec<u8>,
    /// What the card answers to PUT KEY: the key version number and the check values.
    pub answer: Vec<u8>,
}

/// Type of an AES key (GP table 11-16).
const AES: u8 = 0x88;

/// Wraps the holder's key set, which takes no master: it derives from the access number that is printed on the card.
pub fn wrap_holder_keys(
    session: &HostSession,
    scope: Scope,
    card: CardRef,
    access: &AccessNumber,
    length: KeyLength,
) -> Result<WrappedKeys, KeyStoreError> {
    let wrong = || KeyStoreError::WrongRole(HOLDER);
    let parent = access.key().ok_or_else(wrong)?;
    let derivation = Derivation::for_card(scope, HOLDER, card, length);
    let set = derivation.key_set(&mut SoftEngine, &parent).ok_or_else(wrong)?;
    wrap(&mut SoftEngine, session, HOLDER, &[set.enc(), set.mac(), set.dek()])
}

/// Wraps the keys of a role with the data encryption key of `session`.
pub fn wrap(
    engine: &mut impl Engine,
    session: &HostSession,
    version: KeyVersion,
    keys: &[&AesKey],
) -> Result<WrappedKeys, KeyStoreError> {
    let mut data = vec![version.byte()];
    let mut answer = vec![version.byte()];
    for key in keys {
        // A key of 24 bytes is padded to 32.
        let mut block = Zeroizing::new([0; 32]);
        for (to, from) in block.iter_mut().zip(key.expose()) {
            *to = *from;
        }
        let padded = key.length().bytes().next_multiple_of(16);
        let (encrypted, _) = block.split_at_mut_checked(padded).ok_or(KeyStoreError::SessionEnded)?;
        session.encrypt_keys(engine, encrypted).map_err(|_| KeyStoreError::SessionEnded)?;
        let check = key_check_value(engine, key);
        let [.., after] = (padded + 1).to_be_bytes();
        let [.., length] = key.length().bytes().to_be_bytes();
        data.extend([AES, after, length]);
        data.extend_from_slice(encrypted);
        data.push(3);
        data.extend(check);
        answer.extend(check);
    }
    Ok(WrappedKeys { data, answer })
}
