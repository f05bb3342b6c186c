//! The ledger's own secret: 32 random bytes that were made with its tables, and that every copy of it has. No key of the issuer follows
//! from it.

use aes_siv::KeyInit;
use aes_siv::siv::Aes128Siv;
use card_core::message::Voucher;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

use super::error::{LedgerError, StoreError};

/// The secret. What it is used for are keys that follow from it.
pub struct Secret(Zeroizing<[u8; Secret::SIZE]>);

impl Secret {
    /// So many bytes.
    pub const SIZE: usize = 32;
    /// So many bytes has a voucher that the company alone can open.
    pub const KEPT: usize = Voucher::SIZE + 16;

    /// As it is stored.
    pub fn parse(bytes: &[u8]) -> Result<Self, StoreError> {
        let bytes: [u8; Self::SIZE] =
            bytes.try_into().map_err(|_| StoreError::Corrupt("the ledger's secret".to_owned()))?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// A voucher as its seller keeps it, where the seller needs to know nothing of card and contract: sealed with AES-SIV (RFC 5297). The same
    /// voucher gives the same bytes.
    pub(super) fn seal(&self, voucher: &[u8]) -> Result<Vec<u8>, LedgerError> {
        let sealed = self.siv().encrypt([KEPT], voucher);
        sealed.map_err(|_| StoreError::Corrupt("a voucher".to_owned()).into())
    }

    /// The voucher; `None` where this ledger has not sealed it.
    pub(super) fn open(&self, kept: &[u8]) -> Option<Vec<u8>> {
        self.siv().decrypt([KEPT], kept).ok()
    }

    fn siv(&self) -> Aes128Siv {
        Aes128Siv::new((&*self.key(KEPT)).into())
    }

    /// A key for one use.
    fn key(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.mac().chain_update(label).finalize().into_bytes().into())
    }

    fn mac(&self) -> Hmac<Sha256> {
        // HMAC fills a shorter key up with zeros.
        let mut block = Zeroizing::new([0; 64]);
        for (to, from) in block.iter_mut().zip(self.0.iter()) {
            *to = *from;
        }
        <Hmac<Sha256> as KeyInit>::new((&*block).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The label of the key that seals kept vouchers, also bound into each of them.
const KEPT: &[u8] = b"EGLEDGER kept v1";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

    use super::*;

    #[test]
    fn only_the_ledger_opens_what_it_has_sealed() {
        let (ours, others) = (Secret::parse(&[1; 32]).unwrap(), Secret::parse(&[2; 32]).unwrap());
        let voucher = [0xA5; Voucher::SIZE];
        let kept = ours.seal(&voucher).unwrap();
        assert_eq!((kept.len(), &kept), (Secret::KEPT, &ours.seal(&voucher).unwrap()));
        assert_eq!(ours.open(&kept).unwrap(), voucher);
        assert_eq!(others.open(&kept), None);
        for index in 0..kept.len() {
            let mut changed = kept.clone();
            changed[index] ^= 1;
            assert_eq!(ours.open(&changed), None);
        }
        assert_eq!(ours.open(&[]), None);
        assert!(!format!("{ours:?}").contains('1'));
        assert!(Secret::parse(&[1; 31]).is_err());
    }
}
