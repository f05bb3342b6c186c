//! Masters in memory, perhaps from a file: a key store in software, for development and tests only.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use card_core::id::Environment;
use card_core::key::{AesKey, KeyLength};
use card_core::platform::Random;
use card_core::role::{KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::soft::ExpandedKey;
use zeroize::Zeroizing;

use super::deriving::{DerivingKeyStore, MASTERS, Master, Masters};
use super::{KeyStoreError, file};

const WARNING: &str = "WARNING: these keys are kept in a file, for development and tests. Whoever reads the file can make credit. Never \
                       issue a real card with them";

/// The masters by role and version.
pub(super) type ByVersion = BTreeMap<(u8, u8), Arc<ExpandedKey>>;

/// A key store over masters in memory. For the test environment only.
pub type SoftwareKeyStore = DerivingKeyStore<SoftwareMasters>;

/// Masters in memory, perhaps from a file. They are wiped when dropped, and never shown.
pub struct SoftwareMasters {
    pub(super) length: KeyLength,
    held: RwLock<Held>,
}

/// What is held. It is locked to look a master up, and not while one is used.
pub(super) struct Held {
    /// Under (role, version); the initial master of blank cards is (admin, 0).
    pub(super) masters: ByVersion,
    pub(super) current: BTreeMap<u8, u8>,
}

impl SoftwareMasters {
    /// What it holds. Changes are whole whatever happens, so a panic elsewhere has spoiled nothing.
    pub(super) fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SoftwareKeyStore {
    /// New random masters, version 1 of each role, and the public initial master of test cards, for keys of `length`: 16 or 32 bytes; 24 is taken for 32.
    pub fn generate(length: KeyLength, random: &mut dyn Random) -> Result<Self, KeyStoreError> {
        let length = if length == KeyLength::Aes128 { length } else { KeyLength::Aes256 };
        let mut held = Held { masters: ByVersion::new(), current: BTreeMap::new() };
        if let Some(initial) = AesKey::new(&TEST_INITIAL_MASTER) {
            held.masters.insert((Role::Admin as u8, 0), Arc::new(ExpandedKey::new(initial)));
        }
        for role in MASTERS {
            held.draw(role, 1, random)?;
        }
        Ok(Self::from_parts(length, held))
    }

    pub(super) const fn from_parts(length: KeyLength, held: Held) -> Self {
        Self::new(SoftwareMasters { length, held: RwLock::new(held) })
    }

    /// Makes a new file with `store` in it, readable by its owner only from the first moment on (on Unix). An existing file
    /// is never replaced.
    pub fn create(&self, path: &Path) -> Result<(), KeyStoreError> {
        Ok(file::create(self.masters(), path)?)
    }

    /// Replaces the file, whole or not at all, after [`rotate`](Self::rotate).
    pub fn save(&self, path: &Path) -> Result<(), KeyStoreError> {
        Ok(file::replace(self.masters(), path)?)
    }

    /// Reads a file. Refuses one that anyone but its owner can read (on Unix), and one of the production environment.
    pub fn open(path: &Path) -> Result<Self, KeyStoreError> {
        file::open(path)
    }

    /// Takes the masters that another program has put into the file since. None that is there becomes another, but that of blank cards.
    pub fn refresh(&self, path: &Path) -> Result<(), KeyStoreError> {
        let newer = file::open(path)?;
        let newer = newer.masters().held();
        let mut held = self.masters().held.write().unwrap_or_else(PoisonError::into_inner);
        for (id, key) in &newer.masters {
            // That of blank cards may have become another.
            if *id == (Role::Admin as u8, 0) {
                held.masters.insert(*id, Arc::clone(key));
            }
            held.masters.entry(*id).or_insert_with(|| Arc::clone(key));
        }
        for (role, version) in &newer.current {
            let own = held.current.entry(*role).or_insert(*version);
            *own = (*own).max(*version);
        }
        Ok(())
    }

    /// Takes the master of a maker's blank cards, in the place of the one that it has.
    pub fn take_initial(&self, key: AesKey) {
        let mut held = self.masters().held.write().unwrap_or_else(PoisonError::into_inner);
        held.masters.insert((Role::Admin as u8, 0), Arc::new(ExpandedKey::new(key)));
    }

    /// Draws the next master of `role`, which becomes the current one, and gives back its key version number.
    pub fn rotate(&self, role: Role, random: &mut dyn Random) -> Result<KeyVersion, KeyStoreError> {
        let mut held = self.masters().held.write().unwrap_or_else(PoisonError::into_inner);
        let current = held.current.get(&(role as u8)).copied();
        let next = current.ok_or(KeyStoreError::NoMaster { role, version: 1 })? + 1;
        if next > 15 {
            return Err(KeyStoreError::VersionsExhausted(role));
        }
        held.draw(role, next, random)?;
        Ok(KeyVersion::new(role, next))
    }
}

impl Held {
    /// Draws a master, which becomes the current one.
    fn draw(&mut self, role: Role, version: u8, random: &mut dyn Random) -> Result<(), KeyStoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(&mut *bytes)?;
        if let Some(key) = AesKey::new(&*bytes) {
            self.masters.insert((role as u8, version), Arc::new(ExpandedKey::new(key)));
            self.current.insert(role as u8, version);
        }
        Ok(())
    }
}

impl Masters for SoftwareMasters {
    type Master = Arc<ExpandedKey>;

    fn environment(&self) -> Environment {
        Environment::Test
    }

    fn warning(&self) -> Option<&str> {
        Some(WARNING)
    }

    fn length(&self) -> KeyLength {
        self.length
    }

    fn current(&self, role: Role) -> Option<u8> {
        self.held().current.get(&(role as u8)).copied()
    }

    fn master(&self, role: Role, version: u8) -> Result<Self::Master, KeyStoreError> {
        let master = self.held().masters.get(&(role as u8, version)).map(Arc::clone);
        master.ok_or(KeyStoreError::NoMaster { role, version })
    }
}

impl Master for Arc<ExpandedKey> {
    type Engine<'a> = &'a ExpandedKey;

    fn derive<T>(
        &self,
        derive: impl FnOnce(&mut Self::Engine<'_>, &AesKey) -> T,
    ) -> Result<T, KeyStoreError> {
        Ok(derive(&mut &**self, self.key()))
    }
}

#[cfg(test)]
mod tests;
