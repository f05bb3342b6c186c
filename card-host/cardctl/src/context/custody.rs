//! Who keeps the masters: a file of the data directory, or a token.

use crate::words::said;
use card_core::id::Environment;
use card_core::key::{AesKey, KeyLength};
use card_core::platform::{Block, Engine, PartialBlock};
use card_core::role::{KeyVersion, Role};
use card_core::soft::ExpandedKey;
use card_host::keystore::{DerivingKeyStore, KeyStoreError, Master, Masters, SoftwareKeyStore};
use card_host::random::OsRandom;
use card_pkcs11::{Pin, TokenMaster, TokenMasters, TokenUri, UriError};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use zeroize::Zeroizing;

/// The office's keys.
pub(crate) type Keys = DerivingKeyStore<Custody>;

/// Where their masters are.
pub(crate) enum Custody {
    File(InFile),
    Token(TokenMasters),
}

/// Why a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPin {
    #[error(transparent)]
    Uri(#[from] UriError),
    #[error(
        "the PIN cannot be asked for here ({0}): put it into a file that only this user reads, and name that with pin-source in --keys"
    )]
    NoTerminal(std::io::Error),
}

/// Masters in a file, to which another program may add some.
pub(crate) struct InFile {
    store: SoftwareKeyStore,
    /// The file, and when what was read of it was written.
    at: Option<(PathBuf, Mutex<Option<SystemTime>>)>,
}

impl InFile {
    /// A program that runs on takes a new master without being started again.
    fn refresh(&self) {
        let Some((path, seen)) = &self.at else { return };
        let now = written(path);
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that cannot be read now is read when it can.
        if *seen != now && self.store.refresh(path).is_ok() {
            *seen = now;
        }
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Masters that are kept nowhere.
pub(crate) const fn in_memory(store: SoftwareKeyStore) -> Keys {
    Keys::new(Custody::File(InFile { store, at: None }))
}

/// Those in this file.
pub(crate) fn open(file: &Path) -> Result<Keys, KeyStoreError> {
    let seen = Mutex::new(written(file));
    let store = SoftwareKeyStore::open(file)?;
    Ok(Keys::new(Custody::File(InFile { store, at: Some((file.to_owned(), seen)) })))
}

/// The same; where there is none, new ones.
pub(crate) fn open_or_create(file: &Path, length: KeyLength) -> Result<Keys, KeyStoreError> {
    if !file.exists() {
        SoftwareKeyStore::generate(length, &mut OsRandom)?.create(file)?;
    }
    open(file)
}

/// The PIN of a token: from its source, or typed.
pub(crate) fn pin(uri: &TokenUri) -> Result<Pin, NoPin> {
    if let Some(pin) = uri.pin()? {
        return Ok(pin);
    }
    let prompt = said!(
        crate::say::language(),
        "PIN of the token {token}: ",
        "الرقم السري لوحدة التشفير {token}: ",
        token = uri.location.token,
    );
    let typed = rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(NoPin::NoTerminal)?;
    Ok(Pin::new(&typed))
}

impl Custody {
    /// Draws the next master of a role, where it is kept before it is used.
    pub(crate) fn rotate(&self, role: Role, file: &Path) -> Result<KeyVersion, KeyStoreError> {
        match self {
            Self::File(InFile { store, .. }) => {
                let drawn = store.rotate(role, &mut OsRandom)?;
                store.save(file)?;
                Ok(drawn)
            }
            Self::Token(token) => token.rotate(role),
        }
    }

    /// Takes the master of a maker's blank cards, where the others are kept.
    pub(crate) fn take_initial(&self, key: AesKey, file: &Path) -> Result<(), KeyStoreError> {
        match self {
            Self::File(InFile { store, .. }) => {
                store.take_initial(key);
                store.save(file)
            }
            Self::Token(token) => token.take_initial(&key),
        }
    }

    /// Where they are, for a protocol.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::File(InFile { at: Some((file, _)), .. }) => file.display().to_string(),
            Self::File(_) => "memory".to_owned(),
            Self::Token(token) => token.place(),
        }
    }
}

impl Masters for Custody {
    type Master = Held;

    fn environment(&self) -> Environment {
        match self {
            Self::File(held) => held.store.masters().environment(),
            Self::Token(token) => token.environment(),
        }
    }

    fn warning(&self) -> Option<&str> {
        match self {
            Self::File(held) => held.store.masters().warning(),
            Self::Token(token) => token.warning(),
        }
    }

    fn length(&self) -> KeyLength {
        match self {
            Self::File(held) => held.store.masters().length(),
            Self::Token(token) => token.length(),
        }
    }

    fn current(&self, role: Role) -> Option<u8> {
        match self {
            Self::File(held) => {
                held.refresh();
                held.store.masters().current(role)
            }
            Self::Token(token) => token.current(role),
        }
    }

    fn master(&self, role: Role, version: u8) -> Result<Held, KeyStoreError> {
        Ok(match self {
            Self::File(held) => Held::File(held.store.masters().master(role, version)?),
            Self::Token(token) => Held::Token(token.master(role, version)?),
        })
    }
}

/// A master.
pub(crate) enum Held {
    File(Arc<ExpandedKey>),
    Token(TokenMaster),
}

impl Master for Held {
    type Engine<'a> = Either<'a>;

    fn derive<T>(&self, derive: impl FnOnce(&mut Either<'_>, &AesKey) -> T) -> Result<T, KeyStoreError> {
        let begun = Instant::now();
        let derived = match self {
            Self::File(master) => master.derive(|engine, key| derive(&mut Either(engine), key)),
            Self::Token(master) => master.derive(|engine, key| derive(&mut Either(engine), key)),
        };
        SPENT.with(|spent| spent.set(spent.get().saturating_add(begun.elapsed())));
        derived
    }
}

thread_local! {
    static SPENT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// How long this thread has worked with masters so far.
pub(crate) fn time_spent() -> Duration {
    SPENT.with(Cell::get)
}

/// The engine of either.
pub(crate) struct Either<'a>(&'a mut dyn Engine);

impl Engine for Either<'_> {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        self.0.encrypt_block(key, block);
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.0.encrypt_cbc(key, iv, data)
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        self.0.decrypt_cbc(key, iv, data)
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        self.0.cmac(key, message)
    }

    fn cmac_both(&mut self, key: &AesKey, messages: [&[&[u8]]; 2]) -> [Block; 2] {
        self.0.cmac_both(key, messages)
    }
}
