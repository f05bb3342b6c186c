//! The office's keys for work with a card, which takes seconds: the office is locked for one operation at a time, not for all of them.

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Environment, MeterId, Scope};
use card_core::message::{
    BindingCertificate, Certificate, Envelope, MeterReceipt, Opened, Receipt, Slot, Verified, Voucher,
};
use card_core::parameters::KeyChange;
use card_core::role::Role;
use card_core::scp03::host::Challenge;
use card_core::scp03::{HostSession, KeySet, SecurityLevel};
use std::fmt;

use super::super::office::Office;
use card_host::channel::Authentication;
use card_host::issuer::Clock;
use card_host::keystore::{CardKey, DeliveryBytes, KeyStore, KeyStoreError, WrappedKeys};

impl<K: KeyStore, C: Clock> Office<K, C> {
    /// The keys, for work with a card: others go on selling meanwhile.
    pub const fn keys(&self) -> OfficeKeys<'_, K, C> {
        OfficeKeys(self)
    }
}

/// The key store of an office, locked for each operation.
pub struct OfficeKeys<'a, K, C>(&'a Office<K, C>);

impl<K, C> fmt::Debug for OfficeKeys<'_, K, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfficeKeys")
    }
}

impl<K: KeyStore, C: Clock> KeyStore for OfficeKeys<'_, K, C> {
    fn environment(&self) -> Environment {
        self.0.issuer().keys().environment()
    }

    /// None: whoever gave the keys to the office has shown it.
    fn warning(&self) -> Option<&str> {
        None
    }

    fn current(&self, role: Role) -> Result<u8, KeyStoreError> {
        self.0.issuer().keys().current(role)
    }

    fn card_key_set(&mut self, key: &CardKey) -> Result<KeySet, KeyStoreError> {
        self.0.issuer().keys_mut().card_key_set(key)
    }

    fn authenticate(
        &mut self,
        key: &CardKey,
        challenge: Challenge,
        level: SecurityLevel,
    ) -> Result<Authentication, KeyStoreError> {
        self.0.issuer().keys_mut().authenticate(key, challenge, level)
    }

    fn wrapped_keys(&mut self, key: &CardKey, session: &HostSession) -> Result<WrappedKeys, KeyStoreError> {
        self.0.issuer().keys_mut().wrapped_keys(key, session)
    }

    fn wrapped_holder_keys(
        &mut self,
        scope: Scope,
        card: CardRef,
        access: &AccessNumber,
        session: &HostSession,
    ) -> Result<WrappedKeys, KeyStoreError> {
        self.0.issuer().keys_mut().wrapped_holder_keys(scope, card, access, session)
    }

    fn sign_certificate(
        &mut self,
        scope: Scope,
        certificate: Certificate,
    ) -> Result<Certificate, KeyStoreError> {
        self.0.issuer().keys_mut().sign_certificate(scope, certificate)
    }

    fn sign_binding(
        &mut self,
        scope: Scope,
        certificate: BindingCertificate,
    ) -> Result<BindingCertificate, KeyStoreError> {
        self.0.issuer().keys_mut().sign_binding(scope, certificate)
    }

    fn sign_voucher(&mut self, voucher: Voucher) -> Result<Voucher, KeyStoreError> {
        self.0.issuer().keys_mut().sign_voucher(voucher)
    }

    fn verify_voucher(&mut self, voucher: Voucher) -> Result<Verified<Voucher>, KeyStoreError> {
        self.0.issuer().keys_mut().verify_voucher(voucher)
    }

    fn sign_delivery(
        &mut self,
        scope: Scope,
        card: CardId,
        version: u8,
        envelope: &Envelope,
    ) -> Result<DeliveryBytes, KeyStoreError> {
        self.0.issuer().keys_mut().sign_delivery(scope, card, version, envelope)
    }

    fn verify_receipt(&mut self, scope: Scope, receipt: Receipt) -> Result<Verified<Receipt>, KeyStoreError> {
        self.0.issuer().keys_mut().verify_receipt(scope, receipt)
    }

    fn verify_meter_receipt(
        &mut self,
        scope: Scope,
        receipt: MeterReceipt,
    ) -> Result<Verified<MeterReceipt>, KeyStoreError> {
        self.0.issuer().keys_mut().verify_meter_receipt(scope, receipt)
    }

    fn seal_mail(
        &mut self,
        scope: Scope,
        key_version: u8,
        binding: Binding,
        slot: Slot,
        version: u32,
        plaintext: &[u8],
    ) -> Result<Envelope, KeyStoreError> {
        self.0.issuer().keys_mut().seal_mail(scope, key_version, binding, slot, version, plaintext)
    }

    fn wrapped_meter_keys(
        &mut self,
        scope: Scope,
        meter: MeterId,
        version: u8,
        transport: u8,
    ) -> Result<KeyChange, KeyStoreError> {
        self.0.issuer().keys_mut().wrapped_meter_keys(scope, meter, version, transport)
    }

    fn open_mail(&mut self, scope: Scope, envelope: &Envelope) -> Result<Opened, KeyStoreError> {
        self.0.issuer().keys_mut().open_mail(scope, envelope)
    }
}
