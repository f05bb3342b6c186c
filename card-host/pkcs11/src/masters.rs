//! The masters of an issuer in a token.

use card_core::id::Environment;
use card_core::key::{AesKey, KeyLength};
use card_core::platform::{Block, Engine, PartialBlock};
use card_core::role::{KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::soft::SoftEngine;
use card_host::keystore::{KeyStoreError, MASTERS, Master, Masters};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

use crate::token::{Location, Pin, Token, TokenError};

const WARNING: &str = "WARNING: the masters are in a token, but what derives from them is in this program's memory while it is used. For \
                       development and tests";
const ENVIRONMENTS: [Environment; 2] = [Environment::Test, Environment::Production];
/// So old may be what is known of the newest versions.
const FRESH: Duration = Duration::from_secs(1);
/// Versions of a master.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=15;

/// Masters in a token, of one environment. Keys that derive from them have 32 bytes.
pub struct TokenMasters {
    inner: Arc<Inner>,
}

struct Inner {
    token: Token,
    environment: Environment,
    /// The newest version of each role, and when it was looked for a newer one.
    current: RwLock<BTreeMap<u8, (u8, Instant)>>,
    /// What an engine is given in the place of a master. No other key is equal to it.
    placeholder: AesKey,
}

impl TokenMasters {
    /// Draws version 1 of all masters of an environment, in a token that has none of any. Blank cards of the test environment have a master
    /// that everybody knows, which is put beside them; that of production comes from their maker, see [`take_initial`](Self::take_initial).
    ///
    /// # Errors
    /// [`TokenError::Founded`] where there are some; others where the token refuses: what was drawn by then stays, and the token is to be
    /// emptied by its custodians.
    pub fn found(location: &Location, pin: Pin, environment: Environment) -> Result<Self, KeyStoreError> {
        let token = Token::open(location, pin).map_err(failed)?;
        for (environment, role) in ENVIRONMENTS.into_iter().flat_map(|e| MASTERS.map(|role| (e, role))) {
            let label = label(environment, role, 1);
            if token.holds(&label).map_err(failed)? {
                return Err(failed(TokenError::Founded(label)));
            }
        }
        if environment == Environment::Test {
            token.put(&label(environment, Role::Admin, 0), &TEST_INITIAL_MASTER).map_err(failed)?;
        }
        for role in MASTERS {
            token.draw(&label(environment, role, 1)).map_err(failed)?;
        }
        Self::over(token, environment)
    }

    /// Finds them again.
    ///
    /// # Errors
    /// [`TokenError::Missing`] where one is not there; others where the token cannot be used.
    pub fn open(location: &Location, pin: Pin) -> Result<Self, KeyStoreError> {
        let missing = || failed(TokenError::Missing(label(Environment::Test, Role::Admin, 1)));
        Self::find(location, pin)?.ok_or_else(missing)
    }

    /// Finds them again, or says that the token has none of them.
    ///
    /// # Errors
    /// As [`open`](Self::open), also where it has some of them only.
    pub fn find(location: &Location, pin: Pin) -> Result<Option<Self>, KeyStoreError> {
        let token = Token::open(location, pin).map_err(failed)?;
        for (environment, role) in ENVIRONMENTS.into_iter().flat_map(|e| MASTERS.map(|role| (e, role))) {
            if token.holds(&label(environment, role, 1)).map_err(failed)? {
                return Self::over(token, environment).map(Some);
            }
        }
        Ok(None)
    }

    /// The token's label, and what it says of itself.
    pub fn place(&self) -> String {
        self.inner.token.place.clone()
    }

    /// Takes the master of a maker's blank cards into the token, in the place of one that is there.
    ///
    /// # Errors
    /// Where the token refuses: then it has none, and the same is asked again.
    pub fn take_initial(&self, key: &AesKey) -> Result<(), KeyStoreError> {
        let label = label(self.inner.environment, Role::Admin, 0);
        self.inner.token.replace(&label, key.expose()).map_err(failed)
    }

    fn over(token: Token, environment: Environment) -> Result<Self, KeyStoreError> {
        let mut current = BTreeMap::new();
        for role in MASTERS {
            let mut newest = None;
            for version in VERSIONS {
                if token.holds(&label(environment, role, version)).map_err(failed)? {
                    newest = Some(version);
                }
            }
            let newest = newest.ok_or_else(|| failed(TokenError::Missing(label(environment, role, 1))))?;
            current.insert(role as u8, (newest, Instant::now()));
        }
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| card_core::platform::RandomError)?;
        let placeholder = AesKey::new(&*bytes).ok_or(card_core::platform::RandomError)?;
        Ok(Self { inner: Arc::new(Inner { token, environment, current: RwLock::new(current), placeholder }) })
    }

    /// Draws the next master of `role`, which becomes the current one, and gives back its key version number.
    ///
    /// # Errors
    /// [`KeyStoreError::VersionsExhausted`] after version 15.
    pub fn rotate(&self, role: Role) -> Result<KeyVersion, KeyStoreError> {
        let mut current = self.inner.current.write().unwrap_or_else(PoisonError::into_inner);
        let none = KeyStoreError::NoMaster { role, version: 1 };
        let (before, _) = current.get(&(role as u8)).copied().ok_or(none)?;
        let next = before.saturating_add(1);
        if !VERSIONS.contains(&next) {
            return Err(KeyStoreError::VersionsExhausted(role));
        }
        self.inner.token.draw(&label(self.inner.environment, role, next)).map_err(failed)?;
        current.insert(role as u8, (next, Instant::now()));
        Ok(KeyVersion::new(role, next))
    }
}

impl Masters for TokenMasters {
    type Master = TokenMaster;

    fn environment(&self) -> Environment {
        self.inner.environment
    }

    fn warning(&self) -> Option<&str> {
        Some(WARNING)
    }

    fn length(&self) -> KeyLength {
        KeyLength::Aes256
    }

    fn current(&self, role: Role) -> Option<u8> {
        let read = || self.inner.current.read().unwrap_or_else(PoisonError::into_inner);
        let (version, looked) = read().get(&(role as u8)).copied()?;
        if looked.elapsed() < FRESH {
            return Some(version);
        }
        // Another program may have drawn one: this one takes it without being started again. Where the token cannot say so now, it is asked later.
        let newer = version.saturating_add(1);
        let drawn = VERSIONS.contains(&newer)
            && self.inner.token.holds(&label(self.inner.environment, role, newer)).unwrap_or(false);
        let version = if drawn { newer } else { version };
        let mut current = self.inner.current.write().unwrap_or_else(PoisonError::into_inner);
        let held = current.entry(role as u8).or_insert((version, looked));
        *held = (held.0.max(version), Instant::now());
        Some(held.0)
    }

    fn master(&self, role: Role, version: u8) -> Result<TokenMaster, KeyStoreError> {
        Ok(TokenMaster { inner: Arc::clone(&self.inner), role, version })
    }
}

/// A master that is known by its label only.
pub struct TokenMaster {
    inner: Arc<Inner>,
    role: Role,
    version: u8,
}

impl Master for TokenMaster {
    type Engine<'a> = TokenEngine<'a>;

    fn derive<T>(&self, derive: impl FnOnce(&mut TokenEngine<'_>, &AesKey) -> T) -> Result<T, KeyStoreError> {
        let placeholder = &self.inner.placeholder;
        let label = label(self.inner.environment, self.role, self.version);
        let mut engine = TokenEngine { inner: &self.inner, label, failed: None };
        let made = derive(&mut engine, placeholder);
        match engine.failed {
            None => Ok(made),
            Some(TokenError::Missing(_)) if self.version == 0 => Err(KeyStoreError::NoInitial),
            Some(TokenError::Missing(_)) => {
                Err(KeyStoreError::NoMaster { role: self.role, version: self.version })
            }
            Some(error) => Err(failed(error)),
        }
    }
}

/// Computes CMACs under a master in the token, and everything under other keys here.
pub struct TokenEngine<'a> {
    inner: &'a Inner,
    label: String,
    /// What went wrong first: nothing that was computed since is to be used.
    failed: Option<TokenError>,
}

impl Engine for TokenEngine<'_> {
    fn encrypt_block(&mut self, key: &AesKey, block: &mut Block) {
        SoftEngine.encrypt_block(key, block);
    }

    fn encrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.encrypt_cbc(key, iv, data)
    }

    fn decrypt_cbc(&mut self, key: &AesKey, iv: &Block, data: &mut [u8]) -> Result<(), PartialBlock> {
        SoftEngine.decrypt_cbc(key, iv, data)
    }

    fn cmac(&mut self, key: &AesKey, message: &[&[u8]]) -> Block {
        if !std::ptr::eq(key, &raw const self.inner.placeholder) {
            return SoftEngine.cmac(key, message);
        }
        if self.failed.is_some() {
            return Block::default();
        }
        match self.inner.token.cmac(&self.label, &message.concat()) {
            Ok(mac) => mac,
            Err(error) => {
                self.failed = Some(error);
                Block::default()
            }
        }
    }
}

impl fmt::Debug for TokenMasters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenMasters(redacted)")
    }
}

/// How a master is called in the token: environment, role, version.
fn label(environment: Environment, role: Role, version: u8) -> String {
    format!("EGELEC {environment} {role} {version}")
}

fn failed(error: TokenError) -> KeyStoreError {
    KeyStoreError::Token(Box::new(error))
}
