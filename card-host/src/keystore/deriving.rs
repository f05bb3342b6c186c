//! A key store whose keys are derived in this process: what derives from masters, wherever those are.

use core::fmt;

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Environment, MeterId, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::message::{
    BindingCertificate, Certificate, Delivery, Envelope, MailKeys, MeterReceipt, Opened, Receipt, Slot,
    Verified, Voucher,
};
use card_core::meter::{self, Pair, ReportKeys, VersionedKey, WrongRole};
use card_core::parameters::{KeyChange, NewKeys};
use card_core::platform::Engine;
use card_core::role::{Derivation, HOLDER, INITIAL_ADMIN, KeyVersion, Role};
use card_core::scp03::{HostSession, KeySet};
use card_core::soft::SoftEngine;

use crate::national_id::{NationalId, PersonRef};

use super::{CardKey, DeliveryBytes, KeyStore, KeyStoreError, WrappedKeys, wrap, wrap_holder_keys};

/// Where masters are: in memory, or in a token that never gives them out.
///
/// What derives from them is in this process for as long as one operation takes, and wiped after it.
pub trait Masters: Send + Sync {
    /// One master.
    type Master: Master;

    /// The only environment that they serve.
    fn environment(&self) -> Environment;

    /// What must be shown to whoever uses them, see [`KeyStore::warning`].
    fn warning(&self) -> Option<&str>;

    /// Length of the keys that derive from them.
    fn length(&self) -> KeyLength;

    /// The current version, 1 to 15, of a role that has a master.
    fn current(&self, role: Role) -> Option<u8>;

    /// The master of a role and version; version 0 of the admin role is that of blank cards.
    ///
    /// # Errors
    /// [`KeyStoreError::NoMaster`] where there is none.
    fn master(&self, role: Role, version: u8) -> Result<Self::Master, KeyStoreError>;
}

/// A master that keys derive from.
pub trait Master {
    /// Computes with it.
    type Engine<'a>: Engine
    where
        Self: 'a;

    /// Calls `derive` with an engine, and what that engine takes as the master: a CMAC under it is one under the master, and under any other key what it
    /// is everywhere.
    ///
    /// # Errors
    /// What came of `derive` is lost where the master could not be used.
    fn derive<T>(&self, derive: impl FnOnce(&mut Self::Engine<'_>, &AesKey) -> T)
    -> Result<T, KeyStoreError>;
}

/// The roles that have a master of their own; the meter key set comes from the meter base key, the holder's from the access
/// number.
pub const MASTERS: [Role; 9] = [
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

/// A key store over masters.
pub struct DerivingKeyStore<M> {
    masters: M,
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

impl<M: Masters> DerivingKeyStore<M> {
    /// Over these.
    pub const fn new(masters: M) -> Self {
        Self { masters }
    }

    /// Them.
    pub const fn masters(&self) -> &M {
        &self.masters
    }

    /// Length of all keys that are derived.
    pub fn key_length(&self) -> KeyLength {
        self.masters.length()
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

    fn master(&self, version: KeyVersion, role: Role) -> Result<M::Master, KeyStoreError> {
        if version.role() != Some(role) {
            return Err(KeyStoreError::WrongRole(version));
        }
        self.masters.master(role, version.master())
    }

    /// What `with` makes of the single key of a role, and of the engine that derived it, which is the quickest to use it.
    fn derived<T>(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        derivation: &Derivation,
        with: impl FnOnce(&mut <M::Master as Master>::Engine<'_>, AesKey) -> T,
    ) -> Result<T, KeyStoreError> {
        self.check(scope)?;
        let made = self.master(version, role)?.derive(|engine, master| {
            let key = derivation.single(engine, master)?;
            Some(with(engine, key))
        })?;
        made.ok_or(KeyStoreError::WrongRole(version))
    }

    fn meter_key(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        meter: MeterId,
    ) -> Result<AesKey, KeyStoreError> {
        let derivation = Derivation::for_meter(scope, version, meter, self.key_length());
        self.derived(scope, version, role, &derivation, |_, key| key)
    }

    fn mail_keys(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        meter: MeterId,
    ) -> Result<MailKeys, KeyStoreError> {
        self.check(scope)?;
        let derivation = Derivation::for_meter(scope, version, meter, self.key_length());
        let keys =
            self.master(version, role)?.derive(|engine, master| derivation.mail_keys(engine, master))?;
        keys.ok_or(KeyStoreError::WrongRole(version))
    }

    fn report_receipt_key(
        &self,
        scope: Scope,
        version: KeyVersion,
        meter: MeterId,
    ) -> Result<AesKey, KeyStoreError> {
        self.check(scope)?;
        let derivation = Derivation::for_meter(scope, version, meter, self.key_length());
        let master = self.master(version, Role::Report)?;
        master.derive(|engine, master| derivation.report_receipt_key(engine, master))
    }

    /// The keys by which a meter reports: of its mail, and of its receipts.
    pub fn report_keys(
        &self,
        scope: Scope,
        version: KeyVersion,
        meter: MeterId,
    ) -> Result<(MailKeys, AesKey), KeyStoreError> {
        let mail = self.mail_keys(scope, version, Role::Report, meter)?;
        Ok((mail, self.report_receipt_key(scope, version, meter)?))
    }

    /// The load key or the receipt key of a chip.
    pub fn chip_key(
        &self,
        scope: Scope,
        version: KeyVersion,
        role: Role,
        card: CardId,
    ) -> Result<AesKey, KeyStoreError> {
        let derivation = Derivation::for_chip(scope, version, card, self.key_length());
        self.derived(scope, version, role, &derivation, |_, key| key)
    }
}

impl<M: Masters> KeyStore for DerivingKeyStore<M> {
    fn environment(&self) -> Environment {
        self.masters.environment()
    }

    fn warning(&self) -> Option<&str> {
        self.masters.warning()
    }

    fn current(&self, role: Role) -> Result<KeyVersion, KeyStoreError> {
        match role {
            Role::Holder => Ok(HOLDER),
            Role::Meter => Ok(KeyVersion::new(role, self.current(Role::MeterBase)?.master())),
            role => {
                let version = self.masters.current(role);
                version
                    .map(|version| KeyVersion::new(role, version))
                    .ok_or(KeyStoreError::NoMaster { role, version: 1 })
            }
        }
    }

    fn check_value(&self, scope: Scope, version: KeyVersion) -> Result<[u8; 8], KeyStoreError> {
        self.check(scope)?;
        let role = version.role().ok_or(KeyStoreError::WrongRole(version))?;
        let length = self.key_length();
        self.master(version, role)?
            .derive(|engine, master| Derivation::check_value(scope, version, length, engine, master))
    }

    fn person(
        &self,
        scope: Scope,
        version: KeyVersion,
        national_id: &NationalId,
    ) -> Result<PersonRef, KeyStoreError> {
        self.check(scope)?;
        let (length, digits) = (self.key_length(), national_id.digits());
        let code = self
            .master(version, Role::Vending)?
            .derive(|engine, master| Derivation::person(scope, version, length, engine, master, digits))?;
        Ok(PersonRef { version, code })
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
                Derivation::initial(scope.environment, card.id, initial_length.unwrap_or(self.key_length()));
            return master.derive(|engine, master| derivation.key_set(engine, master))?.ok_or(wrong);
        }
        self.check(scope)?;
        let derivation = Derivation::for_card(scope, version, card, self.key_length());
        let keys = match version.role() {
            Some(role @ (Role::Admin | Role::Vending)) => {
                self.master(version, role)?.derive(|engine, master| derivation.key_set(engine, master))?
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
        wrap_holder_keys(session, scope, card, access, self.key_length())
    }

    fn sign_certificate(&self, scope: Scope, certificate: Certificate) -> Result<Certificate, KeyStoreError> {
        let (version, meter) = (certificate.key_version, certificate.binding.meter);
        let derivation = Derivation::for_meter(scope, version, meter, self.key_length());
        self.derived(scope, version, Role::Credit, &derivation, |engine, key| {
            certificate.sign(engine, &key, scope)
        })
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
        let derivation = Derivation::for_chip(scope, version, voucher.card, self.key_length());
        self.derived(scope, version, Role::Load, &derivation, |engine, key| voucher.sign(engine, &key))
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

impl<M: Masters> fmt::Debug for DerivingKeyStore<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DerivingKeyStore({:?}, masters redacted)", self.key_length())
    }
}
