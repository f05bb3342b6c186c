//! The office's keys: masters that this program asks itself, or a signer in a process of its own.

use card_core::id::Environment;
use card_core::key::KeyLength;
use card_host::keystore::{KeyStore, KeyStoreError};
use card_pkcs11::{TokenMasters, TokenUri, UriError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use super::custody::{self, Custody, Keys};
use super::workplace::WorkplaceError;

/// Where the keys are, when they are not in a file of the data directory.
#[derive(Clone)]
pub(crate) enum KeysAt {
    /// In a token.
    Token(TokenUri),
    /// With the signer that listens there.
    Signer(PathBuf),
}

impl FromStr for KeysAt {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        match text.strip_prefix("signer:") {
            Some(path) => Ok(Self::Signer(PathBuf::from(path))),
            None => text.parse().map(Self::Token),
        }
    }
}

/// The office's keys.
#[derive(Clone)]
pub(crate) enum OfficeKeys {
    /// Masters that sign whatever they are asked for.
    Own(Arc<Keys>),
    /// A signer that has them.
    Signer(Arc<dyn KeyStore>),
}

impl OfficeKeys {
    /// Those that are there; without a place, those in this file.
    pub(crate) fn find(at: Option<&KeysAt>, file: &Path) -> Result<Option<Self>, WorkplaceError> {
        match at {
            Some(KeysAt::Signer(path)) => connect(path).map(|signer| Some(Self::Signer(signer))),
            at => Ok(own(at, file)?.map(|keys| Self::Own(Arc::new(keys)))),
        }
    }

    /// New ones there.
    pub(crate) fn new(
        at: Option<&KeysAt>,
        file: &Path,
        length: KeyLength,
        environment: Environment,
    ) -> Result<Self, WorkplaceError> {
        match at {
            Some(KeysAt::Signer(path)) => connect(path).map(Self::Signer),
            at => Ok(Self::Own(Arc::new(new_own(at, file, length, environment)?))),
        }
    }

    /// What asks them.
    pub(crate) fn store(&self) -> &dyn KeyStore {
        match self {
            Self::Own(keys) => &**keys,
            Self::Signer(signer) => &**signer,
        }
    }

    /// The masters, where this program may ask them for anything.
    pub(crate) fn own(&self) -> Result<&Keys, WorkplaceError> {
        match self {
            Self::Own(keys) => Ok(keys),
            Self::Signer(_) => Err(WorkplaceError::AtSigner),
        }
    }
}

/// Masters in a token or in this file.
pub(crate) fn own(at: Option<&KeysAt>, file: &Path) -> Result<Option<Keys>, WorkplaceError> {
    match at {
        Some(KeysAt::Token(uri)) => {
            Ok(TokenMasters::find(&uri.location, custody::pin(uri)?)?.map(Custody::Token).map(Keys::new))
        }
        Some(KeysAt::Signer(_)) => Err(WorkplaceError::AtSigner),
        None if file.exists() => Ok(Some(custody::open(file)?)),
        None => Ok(None),
    }
}

/// New masters there. Where another program has made them in the file meanwhile, those.
pub(crate) fn new_own(
    at: Option<&KeysAt>,
    file: &Path,
    length: KeyLength,
    environment: Environment,
) -> Result<Keys, WorkplaceError> {
    match at {
        Some(KeysAt::Token(uri)) => Ok(Keys::new(Custody::Token(TokenMasters::found(
            &uri.location,
            custody::pin(uri)?,
            environment,
        )?))),
        Some(KeysAt::Signer(_)) => Err(WorkplaceError::AtSigner),
        None if environment == Environment::Production => Err(KeyStoreError::Production.into()),
        None => Ok(custody::open_or_create(file, length)?),
    }
}

#[cfg(target_os = "linux")]
fn connect(path: &Path) -> Result<Arc<dyn KeyStore>, WorkplaceError> {
    Ok(Arc::new(card_signer::RemoteSigner::connect(path)?))
}

#[cfg(not(target_os = "linux"))]
fn connect(_: &Path) -> Result<Arc<dyn KeyStore>, WorkplaceError> {
    Err(KeyStoreError::NotExportable.into())
}
