//! A key store that asks a memory before it signs.

use std::fmt;
use std::sync::Arc;

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Environment, MeterId, Scope};
use card_core::message::{
    BindingCertificate, Certificate, Envelope, MeterReceipt, Opened, Receipt, Slot, Verified, Voucher,
};
use card_core::parameters::KeyChange;
use card_core::role::{KeyVersion, Role};
use card_core::scp03::host::Challenge;
use card_core::scp03::{HostSession, KeySet, SecurityLevel};
use card_core::units::CardTime;
use card_host::channel::Authentication;
use card_host::issuer::Clock;
use card_host::keystore::{
    CardKey, DeliveryBytes, Forbidden, KeyStore, KeyStoreError, Memory as Remembers, MemoryError, Totals,
    WrappedKeys,
};
use card_host::national_id::{NationalId, PersonRef};

use crate::memory::Memory;

/// A key store with a memory. It signs for one company.
pub struct Signer<K> {
    keys: Arc<K>,
    memory: Memory,
    clock: Box<dyn Clock>,
}

impl<K: KeyStore> Signer<K> {
    /// With this memory, by this clock.
    pub fn new(keys: Arc<K>, memory: Memory, clock: impl Clock + 'static) -> Self {
        Self { keys, memory, clock: Box::new(clock) }
    }

    /// The keys, which sign whatever they are asked for.
    pub const fn keys(&self) -> &Arc<K> {
        &self.keys
    }

    /// The memory.
    pub const fn remembers(&self) -> &Memory {
        &self.memory
    }

    fn now(&self, scope: Scope) -> Result<CardTime, KeyStoreError> {
        if scope != self.memory.scope() {
            return Err(MemoryError::Other("the signer's memory".to_owned()).into());
        }
        self.clock.now().filter(|now| *now != CardTime::UNSET).ok_or_else(|| Forbidden::NoTime.into())
    }

    fn valid(&self, scope: Scope, version: KeyVersion) -> Result<(), KeyStoreError> {
        self.memory.valid(version, self.now(scope)?)
    }
}

macro_rules! passes_on {
    ($($name:ident($($argument:ident: $of:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($argument: $of),*) -> Result<$out, KeyStoreError> {
            self.keys.$name($($argument),*)
        })*
    };
}

impl<K: KeyStore> KeyStore for Signer<K> {
    fn environment(&self) -> Environment {
        self.keys.environment()
    }

    fn warning(&self) -> Option<&str> {
        self.keys.warning()
    }

    fn memory(&self) -> Option<&dyn Remembers> {
        Some(&self.memory)
    }

    fn sign_certificate(&self, scope: Scope, certificate: Certificate) -> Result<Certificate, KeyStoreError> {
        let now = self.now(scope)?;
        let totals = Totals {
            binding: certificate.binding,
            generation: certificate.generation,
            sequence: certificate.sequence,
            credit: certificate.total_credit,
            debited: certificate.total_debited,
        };
        self.memory.admit(totals, certificate.key_version, now)?;
        self.keys.sign_certificate(scope, certificate)
    }

    fn sign_binding(
        &self,
        scope: Scope,
        certificate: BindingCertificate,
    ) -> Result<BindingCertificate, KeyStoreError> {
        self.valid(scope, certificate.key_version)?;
        self.keys.sign_binding(scope, certificate)
    }

    fn sign_voucher(&self, voucher: Voucher) -> Result<Voucher, KeyStoreError> {
        self.valid(voucher.scope, voucher.key_version)?;
        self.keys.sign_voucher(voucher)
    }

    fn seal_mail(
        &self,
        scope: Scope,
        key: KeyVersion,
        binding: Binding,
        slot: Slot,
        version: u32,
        plaintext: &[u8],
    ) -> Result<Envelope, KeyStoreError> {
        self.valid(scope, key)?;
        self.keys.seal_mail(scope, key, binding, slot, version, plaintext)
    }

    passes_on! {
        current(role: Role) -> KeyVersion;
        check_value(scope: Scope, version: KeyVersion) -> [u8; 8];
        person(scope: Scope, version: KeyVersion, national_id: &NationalId) -> PersonRef;
        card_key_set(key: &CardKey) -> KeySet;
        authenticate(key: &CardKey, challenge: Challenge, level: SecurityLevel) -> Authentication;
        wrapped_keys(key: &CardKey, session: &HostSession) -> WrappedKeys;
        wrapped_holder_keys(scope: Scope, card: CardRef, access: &AccessNumber, session: &HostSession) -> WrappedKeys;
        verify_certificate(scope: Scope, certificate: &Certificate) -> ();
        verify_binding(scope: Scope, certificate: &BindingCertificate) -> ();
        verify_voucher(voucher: Voucher) -> Verified<Voucher>;
        sign_delivery(scope: Scope, card: CardId, version: KeyVersion, envelope: &Envelope) -> DeliveryBytes;
        verify_receipt(scope: Scope, receipt: Receipt) -> Verified<Receipt>;
        verify_meter_receipt(scope: Scope, receipt: MeterReceipt) -> Verified<MeterReceipt>;
        wrapped_meter_keys(scope: Scope, meter: MeterId, version: KeyVersion, transport: KeyVersion) -> KeyChange;
        open_mail(scope: Scope, envelope: &Envelope) -> Opened;
    }
}

impl<K> fmt::Debug for Signer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("memory", &self.memory).finish_non_exhaustive()
    }
}
