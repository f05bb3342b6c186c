//! A key store in software, for development and tests only.

use core::fmt;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Environment, MeterId, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::message::{
    BindingCertificate, Certificate, Delivery, Envelope, MailKeys, MeterReceipt, Opened, Receipt, Slot,
    Verified, Voucher,
};
use card_core::meter::{self, Pair, ReportKeys, VersionedKey, WrongRole};
use card_core::parameters::{KeyChange, NewKeys};
use card_core::platform::Random;
use card_core::role::{Derivation, HOLDER, INITIAL_ADMIN, KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::scp03::{HostSession, KeySet};
use card_core::soft::{ExpandedKey, SoftEngine};
use zeroize::Zeroizing;

use super::{CardKey, DeliveryBytes, KeyStore, KeyStoreError, WrappedKeys, file, wrap};

const WARNING: &str = "WARNING: these keys are kept in a file, for development and tests. Whoever reads the file can make credit. Never \
                       issue a real card with them";

/// The masters by role and version.
pub(super) type Masters = BTreeMap<(u8, u8), Arc<ExpandedKey>>;

/// The roles that have a master of their own; the meter key set comes from the meter base key, the holder's from the access
/// number.
pub(super) const MASTERS: [Role; 9] = [
    Role::Admin,
    Role::Vending,
    Role::Load,
    Role::Receipt,
    Role::Credit,
    Role::Parameter,
    Role::Report,
    Role::MeterBase,
    Role::Transport,
];

/// Masters in memory, perhaps from a file. For the test environment only. Masters are wiped when dropped, and never shown.
pub struct SoftwareKeyStore {
    pub(super) length: KeyLength,
    held: RwLock<Held>,
}

/// What a store holds. It is locked to look a master up, and not while one is used.
pub(super) struct Held {
    /// Under (role, version); the initial master of blank cards is (admin, 0).
    pub(super) masters: Masters,
    pub(super) current: BTreeMap<u8, u8>,
}

/// The keys of one meter, as its maker puts them in. They leave the store for simulated meters only.
#[derive(Debug)]
pub struct MeterKeys {
    /// Credit key, with its key version number.
    pub credit: (KeyVersion, AesKey),
    /// Parameter keys.
    pub parameter: MailKeys,
    /// Report keys.
    pub report: MailKeys,
    /// Key of the meter's receipts; its version is that of the report keys.
    pub receipt: AesKey,
    /// Meter base key, with its key version number.
    pub base: (KeyVersion, AesKey),
    /// Transport key, with its key version number.
    pub transport: (KeyVersion, AesKey),
}

impl MeterKeys {
    /// As a meter takes them at its installation.
    pub fn to_install(self) -> Result<meter::MeterKeys, WrongRole> {
        let versioned = |(version, key)| VersionedKey { version, key };
        meter::MeterKeys::new(
            Pair::only(versioned(self.base)),
            Pair::only(versioned(self.credit)),
            Pair::only(self.parameter),
            ReportKeys { mail: self.report, receipt: self.receipt },
            versioned(self.transport),
        )
    }
}

impl SoftwareKeyStore {
    /// New random masters, version 1 of each role, and the public initial master of test cards, for keys of `length`: 16 or 32 bytes; 24 is taken for 32.
    pub fn generate(length: KeyLength, random: &mut dyn Random) -> Result<Self, KeyStoreError> {
        let length = if length == KeyLength::Aes128 { length } else { KeyLength::Aes256 };
        let mut held = Held { masters: Masters::new(), current: BTreeMap::new() };
        if let Some(initial) = AesKey::new(&TEST_INITIAL_MASTER) {
            held.masters.insert((Role::Admin as u8, 0), Arc::new(ExpandedKey::new(initial)));
        }
        for role in MASTERS {
            held.draw(role, 1, random)?;
        }
        Ok(Self::from_parts(length, held))
    }

    pub(super) const fn from_parts(length: KeyLength, held: Held) -> Self {
        Self { length, held: RwLock::new(held) }
    }

    /// What it holds. Changes are whole whatever happens, so a panic elsewhere has spoiled nothing.
    pub(super) fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a new file with `store` in it, readable by its owner only from the first moment on (on Unix). An existing file
    /// is never replaced.
    pub fn create(&self, path: &Path) -> Result<(), KeyStoreError> {
        Ok(file::create(self, path)?)
    }

    /// Replaces the file, whole or not at all, after [`rotate`](Self::rotate).
    pub fn save(&self, path: &Path) -> Result<(), KeyStoreError> {
        Ok(file::replace(self, path)?)
    }

    /// Reads a file. Refuses one that anyone but its owner can read (on Unix), and one of the production environment.
    pub fn open(path: &Path) -> Result<Self, KeyStoreError> {
        file::open(path)
    }

    /// Length of all keys that are derived.
    pub const fn key_length(&self) -> KeyLength {
        self.length
    }

    /// Draws the next master of `role`, which becomes the current one, and gives back its key version number.
    pub fn rotate(&self, role: Role, random: &mut dyn Random) -> Result<KeyVersion, KeyStoreError> {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let next = held.current(role)?.master() + 1;
        if next > 15 {
            return Err(KeyStoreError::VersionsExhausted(role));
        }
        held.draw(role, next, random)?;
        Ok(KeyVersion::new(role, next))
    }

    /// The keys of a meter, of the current versions.
    pub fn meter_keys(&self, scope: Scope, meter: MeterId) -> Result<MeterKeys, KeyStoreError> {
        let versions = [Role::Credit, Role::Parameter, Role::Report, Role::MeterBase, Role::Transport]
            .map(|role| self.current(role));
        let [credit, parameter, report, base, transport] = versions;
        let (credit, parameter, report) = (credit?, parameter?, report?);
        let (base, transport) = (base?, transport?);
        Ok(MeterKeys {
            credit: (credit, self.meter_key(scope, credit, Role::Credit, meter)?),
            parameter: self.mail_keys(scope, parameter, Role::Parameter, meter)?,
            report: self.mail_keys(scope, report, Role::Report, meter)?,
            receipt: self.report_receipt_key(scope, report, meter)?,
            base: (base, self.meter_key(scope, base, Role::MeterBase, meter)?),
            transport: (transport, self.meter_key(scope, transport, Role::Transport, meter)?),
        })
    }

    fn check(&self, scope: Scope) -> Result<(), KeyStoreError> {
        if scope.environment != self.environment() {
            let (store, asked) = (self.environment(), scope.environment);
            return Err(KeyStoreError::OtherEnvironment { store, asked });
        }
        if scope.company.is_valid() { Ok(()) } else { Err(KeyStoreError::Company(scope.company.0)) }
    }

    fn master(&self, version: KeyVersion, role: Role) -> Result<Arc<ExpandedKey>, KeyStoreError> {
        if version.role() != Some(role) {
            return Err(KeyStoreError::WrongRole(version));
        }
        let version = version.master();
        let master = self.held().masters.get(&(role as u8, version)).map(Arc::clone);
        master.ok_or(KeyStoreError::NoMaster { role, version })
    }

    /// The single key of a role, and the engine that derived it and is the quickest to use it.
    fn derived(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        derivation: &Derivation,
    ) -> Result<(Arc<ExpandedKey>, AesKey), KeyStoreError> {
        self.check(scope)?;
        let master = self.master(version, role)?;
        let key = derivation.single(&mut &*master, master.key()).ok_or(KeyStoreError::WrongRole(version))?;
        Ok((master, key))
    }

    fn meter_key(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        meter: MeterId,
    ) -> Result<AesKey, KeyStoreError> {
        let derivation = Derivation::for_meter(scope, version, meter, self.length);
        Ok(self.derived(scope, version, role, &derivation)?.1)
    }

    fn mail_keys(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        meter: MeterId,
    ) -> Result<MailKeys, KeyStoreError> {
        self.check(scope)?;
        let derivation = Derivation::for_meter(scope, version, meter, self.length);
        let master = self.master(version, role)?;
        derivation.mail_keys(&mut &*master, master.key()).ok_or(KeyStoreError::WrongRole(version))
    }

    fn report_receipt_key(
        &self,
        scope: Scope,
        version: KeyVersion,
        meter: MeterId,
    ) -> Result<AesKey, KeyStoreError> {
        self.check(scope)?;
        let derivation = Derivation::for_meter(scope, version, meter, self.length);
        let master = self.master(version, Role::Report)?;
        Ok(derivation.report_receipt_key(&mut &*master, master.key()))
    }

    fn chip_key(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        card: CardId,
    ) -> Result<AesKey, KeyStoreError> {
        let derivation = Derivation::for_chip(scope, version, card, self.length);
        Ok(self.derived(scope, version, role, &derivation)?.1)
    }
}

impl Held {
    /// The current key version number of a role that has a master.
    fn current(&self, role: Role) -> Result<KeyVersion, KeyStoreError> {
        let version = self.current.get(&(role as u8)).copied();
        version
            .map(|version| KeyVersion::new(role, version))
            .ok_or(KeyStoreError::NoMaster { role, version: 1 })
    }

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

impl KeyStore for SoftwareKeyStore {
    fn environment(&self) -> Environment {
        Environment::Test
    }

    fn warning(&self) -> Option<&str> {
        Some(WARNING)
    }

    fn current(&self, role: Role) -> Result<KeyVersion, KeyStoreError> {
        match role {
            Role::Holder => Ok(HOLDER),
            Role::Meter => Ok(KeyVersion::new(role, self.current(Role::MeterBase)?.master())),
            role => self.held().current(role),
        }
    }

    fn card_key_set(&self, key: &CardKey) -> Result<KeySet, KeyStoreError> {
        let CardKey { scope, version, card, meter, initial_length } = *key;
        let wrong = KeyStoreError::WrongRole(version);
        if version == INITIAL_ADMIN {
            if scope.environment != self.environment() {
                self.check(scope)?;
            }
            let master = self.master(version, Role::Admin)?;
            let derivation =
                Derivation::initial(scope.environment, card.id, initial_length.unwrap_or(self.length));
            return derivation.key_set(&mut &*master, master.key()).ok_or(wrong);
        }
        self.check(scope)?;
        let derivation = Derivation::for_card(scope, version, card, self.length);
        let keys = match version.role() {
            Some(role @ (Role::Admin | Role::Vending)) => {
                let master = self.master(version, role)?;
                derivation.key_set(&mut &*master, master.key())
            }
            Some(Role::Meter) => {
                let meter = meter.ok_or(KeyStoreError::NoMeter)?;
                let base = KeyVersion::new(Role::MeterBase, version.master());
                let base = self.meter_key(scope, base, Role::MeterBase, meter)?;
                derivation.key_set(&mut SoftEngine, &base)
            }
            _ => None,
        };
        keys.ok_or(wrong)
    }

    fn wrapped_keys(&self, key: &CardKey, session: &HostSession) -> Result<WrappedKeys, KeyStoreError> {
        match key.version.role() {
            Some(role @ (Role::Load | Role::Receipt)) => {
                let single = self.chip_key(key.scope, key.version, role, key.card.id)?;
                wrap(&mut SoftEngine, session, key.version, &[&single])
            }
            _ => {
                let set = self.card_key_set(key)?;
                wrap(&mut SoftEngine, session, key.version, &[set.enc(), set.mac(), set.dek()])
            }
        }
    }

    fn wrapped_holder_keys(
        &self,
        scope: Scope,
        card: CardRef,
        access: &AccessNumber,
        session: &HostSession,
    ) -> Result<WrappedKeys, KeyStoreError> {
        self.check(scope)?;
        let wrong = || KeyStoreError::WrongRole(HOLDER);
        let parent = access.key().ok_or_else(wrong)?;
        let derivation = Derivation::for_card(scope, HOLDER, card, self.length);
        let set = derivation.key_set(&mut SoftEngine, &parent).ok_or_else(wrong)?;
        wrap(&mut SoftEngine, session, HOLDER, &[set.enc(), set.mac(), set.dek()])
    }

    fn sign_certificate(&self, scope: Scope, certificate: Certificate) -> Result<Certificate, KeyStoreError> {
        let (version, meter) = (certificate.key_version, certificate.binding.meter);
        let derivation = Derivation::for_meter(scope, version, meter, self.length);
        let (master, key) = self.derived(scope, version, Role::Credit, &derivation)?;
        Ok(certificate.sign(&mut &*master, &key, scope))
    }

    fn sign_binding(
        &self,
        scope: Scope,
        certificate: BindingCertificate,
    ) -> Result<BindingCertificate, KeyStoreError> {
        let key = self.meter_key(scope, certificate.key_version, Role::Credit, certificate.binding.meter)?;
        Ok(certificate.sign(&mut SoftEngine, &key, scope))
    }

    fn sign_voucher(&self, voucher: Voucher) -> Result<Voucher, KeyStoreError> {
        let (scope, version) = (voucher.scope, voucher.key_version);
        let derivation = Derivation::for_chip(scope, version, voucher.card, self.length);
        let (master, key) = self.derived(scope, version, Role::Load, &derivation)?;
        Ok(voucher.sign(&mut &*master, &key))
    }

    fn verify_voucher(&self, voucher: Voucher) -> Result<Verified<Voucher>, KeyStoreError> {
        let key = self.chip_key(voucher.scope, voucher.key_version, Role::Load, voucher.card)?;
        Ok(voucher.verify(&mut SoftEngine, &key)?)
    }

    fn sign_delivery(
        &self,
        scope: Scope,
        card: CardId,
        version: KeyVersion,
        envelope: &Envelope,
    ) -> Result<DeliveryBytes, KeyStoreError> {
        let key = self.chip_key(scope, version, Role::Load, card)?;
        Ok(Delivery::make(&mut SoftEngine, &key, version, scope, card, envelope)?)
    }

    fn verify_receipt(&self, scope: Scope, receipt: Receipt) -> Result<Verified<Receipt>, KeyStoreError> {
        let key = self.chip_key(scope, receipt.key_version, Role::Receipt, receipt.card.id)?;
        Ok(receipt.verify(&mut SoftEngine, &key, scope)?)
    }

    fn verify_meter_receipt(
        &self,
        scope: Scope,
        receipt: MeterReceipt,
    ) -> Result<Verified<MeterReceipt>, KeyStoreError> {
        let key = self.report_receipt_key(scope, receipt.key_version, receipt.binding.meter)?;
        Ok(receipt.verify(&mut SoftEngine, &key, scope)?)
    }

    fn seal_mail(
        &self,
        scope: Scope,
        key_version: KeyVersion,
        binding: Binding,
        slot: Slot,
        version: u32,
        plaintext: &[u8],
    ) -> Result<Envelope, KeyStoreError> {
        let keys = self.mail_keys(scope, key_version, Role::Parameter, binding.meter)?;
        Ok(Envelope::seal(&mut SoftEngine, &keys, scope, binding, slot, version, plaintext)?)
    }

    fn wrapped_meter_keys(
        &self,
        scope: Scope,
        meter: MeterId,
        version: KeyVersion,
        transport: KeyVersion,
    ) -> Result<KeyChange, KeyStoreError> {
        let wrong = |_| KeyStoreError::WrongRole(version);
        let keys = match version.role() {
            Some(role @ (Role::Credit | Role::MeterBase | Role::Transport)) => {
                [Some(self.meter_key(scope, version, role, meter)?), None, None]
            }
            Some(Role::Parameter) => {
                let MailKeys { mac, enc, .. } = self.mail_keys(scope, version, Role::Parameter, meter)?;
                [Some(mac), Some(enc), None]
            }
            Some(Role::Report) => {
                let MailKeys { mac, enc, .. } = self.mail_keys(scope, version, Role::Report, meter)?;
                [Some(mac), Some(enc), Some(self.report_receipt_key(scope, version, meter)?)]
            }
            _ => return Err(KeyStoreError::WrongRole(version)),
        };
        let new = NewKeys::new(version, keys).map_err(wrong)?;
        let key = self.meter_key(scope, transport, Role::Transport, meter)?;
        KeyChange::seal(&mut SoftEngine, transport, &key, scope, &new).map_err(wrong)
    }

    fn open_mail(&self, scope: Scope, envelope: &Envelope) -> Result<Opened, KeyStoreError> {
        let keys = self.mail_keys(scope, envelope.key_version, Role::Report, envelope.binding.meter)?;
        Ok(envelope.open(&mut SoftEngine, &keys, scope)?)
    }
}

impl fmt::Debug for SoftwareKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKeyStore({:?}, {} masters, redacted)", self.length, self.held().masters.len())
    }
}

#[cfg(test)]
mod tests;
