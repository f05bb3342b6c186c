//! Masters in a PKCS#11 token (PKCS #11 version 2.40): drawn inside it, sensitive, never extractable.
//!
//! [`TokenMasters`] is where a [`DerivingKeyStore`](card_host::keystore::DerivingKeyStore) has its masters. Derivation (NIST SP 800-108, counter
//! mode) is made of CMACs that the token computes (CKM_AES_CMAC), since many tokens have no such derivation of their own; derived keys are
//! in this process for the time of one operation, and wiped. [`warning`](card_host::keystore::KeyStore::warning) says so.

mod masters;
mod token;
mod uri;

pub use masters::{TokenMaster, TokenMasters};
pub use token::{Location, Pin, TokenError};
pub use uri::{TokenUri, UriError};
