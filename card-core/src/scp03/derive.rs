//! Session keys and cryptograms (Amendment D, 4.1.5, 6.2.1 to 6.2.3).

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::{KeySet, Mode};
use crate::kdf::{Counter, fill};
use crate::key::AesKey;
use crate::platform::{Block, Engine};

/// Data derivation constants (Amendment D, 4.1.5, table 4-1).
#[derive(Clone, Copy)]
#[repr(u8)]
enum Constant {
    CardCryptogram = 0x00,
    HostCryptogram = 0x01,
    SEnc = 0x04,
    SMac = 0x06,
    SRMac = 0x07,
}

/// Host challenge and card challenge: the context of all derivations (Amendment D, 6.2.1).
#[derive(Debug)]
pub(super) struct Context {
    bytes: [u8; 32],
    mode: Mode,
}

impl Context {
    /// In S8 the first 8 bytes of each count.
    pub(super) fn new(mode: Mode, host_challenge: &Block, card_challenge: &Block) -> Self {
        let mut bytes = [0; 32];
        let both = mode.front(host_challenge).iter().chain(mode.front(card_challenge));
        for (to, from) in bytes.iter_mut().zip(both) {
            *to = *from;
        }
        Self { bytes, mode }
    }

    pub(super) const fn mode(&self) -> Mode {
        self.mode
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..2 * self.mode.bytes()).unwrap_or(&self.bytes)
    }
}

/// Amendment D, 4.1.5: label (11 x 00 and the constant), 00, L, counter, context. `bytes`, at most 32, are L, and what is filled.
fn derive<E: Engine + ?Sized>(
    engine: &mut E,
    key: &AesKey,
    constant: Constant,
    context: &Context,
    bytes: usize,
) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    if let Some(out) = out.get_mut(..bytes) {
        let [.., high, low] = (8 * bytes).to_be_bytes();
        let before = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, constant as u8, 0, high, low];
        fill(engine, key, Counter::Bits8, &before, context.as_slice(), out);
    }
    out
}

/// S-ENC, S-MAC and S-RMAC (Amendment D, 6.2.1). Each wipes itself when dropped.
pub(super) struct SessionKeys {
    pub(super) enc: AesKey,
    pub(super) mac: AesKey,
    pub(super) rmac: AesKey,
}

impl SessionKeys {
    pub(super) fn new<E: Engine + ?Sized>(engine: &mut E, keys: &KeySet, context: &Context) -> Self {
        let length = keys.length();
        let mut session_key = |key, constant| {
            let bytes = derive(engine, key, constant, context, length.bytes());
            AesKey::from_front(&bytes, length)
        };
        Self {
            enc: session_key(keys.enc(), Constant::SEnc),
            mac: session_key(keys.mac(), Constant::SMac),
            rmac: session_key(keys.mac(), Constant::SRMac),
        }
    }

    /// Amendment D, 6.2.2.2.
    pub(super) fn card_cryptogram<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        context: &Context,
    ) -> Cryptogram {
        Cryptogram::new(engine, &self.mac, Constant::CardCryptogram, context)
    }

    /// Amendment D, 6.2.2.3.
    pub(super) fn host_cryptogram<E: Engine + ?Sized>(
        &self,
        engine: &mut E,
        context: &Context,
    ) -> Cryptogram {
        Cryptogram::new(engine, &self.mac, Constant::HostCryptogram, context)
    }
}

/// An authentication cryptogram of the mode's length (Amendment D, 6.2.2).
pub(super) struct Cryptogram {
    bytes: Zeroizing<[u8; 32]>,
    mode: Mode,
}

impl Cryptogram {
    fn new<E: Engine + ?Sized>(engine: &mut E, key: &AesKey, constant: Constant, context: &Context) -> Self {
        let mode = context.mode();
        Self { bytes: derive(engine, key, constant, context, mode.bytes()), mode }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.mode.bytes()).unwrap_or_default()
    }

    /// In constant time; no where the length differs.
    pub(super) fn matches(&self, other: &[u8]) -> Choice {
        self.as_slice().ct_eq(other)
    }
}
