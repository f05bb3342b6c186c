//! A key store that does something before each signature: it counts them, takes its time, or cannot be reached.

use std::fmt;
use std::sync::Arc;

use card_host::card_core::access_number::AccessNumber;
use card_host::card_core::id::{Binding, CardId, CardRef, Environment, MeterId, Scope};
use card_host::card_core::message::{
    BindingCertificate, Certificate, Envelope, MeterReceipt, Opened, Receipt, Slot, Verified, Voucher,
};
use card_host::card_core::parameters::KeyChange;
use card_host::card_core::role::{KeyVersion, Role};
use card_host::card_core::scp03::{HostSession, KeySet};
use card_host::keystore::{CardKey, DeliveryBytes, KeyStore, KeyStoreError, SoftwareKeyStore, WrappedKeys};
use card_host::national_id::{NationalId, PersonRef};

/// The store. Others may use the keys in it at the same time.
pub struct WatchedKeys {
    keys: Arc<SoftwareKeyStore>,
    before: Box<dyn Fn() -> Result<(), KeyStoreError> + Send + Sync>,
}

impl WatchedKeys {
    /// `before` is called before each signature, in the thread that wants it; where it fails, nothing is signed.
    pub fn new(
        keys: Arc<SoftwareKeyStore>,
        before: impl Fn() -> Result<(), KeyStoreError> + Send + Sync + 'static,
    ) -> Self {
        Self { keys, before: Box::new(before) }
    }
}

impl fmt::Debug for WatchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WatchedKeys").field(&self.keys).finish()
    }
}

macro_rules! signs {
    ($($name:ident($($argument:ident: $of:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($argument: $of),*) -> Result<$out, KeyStoreError> {
            (self.before)()?;
            self.keys.$name($($argument),*)
        })*
    };
}

macro_rules! passes_on {
    ($($name:ident($($argument:ident: $of:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($argument: $of),*) -> Result<$out, KeyStoreError> {
            self.keys.$name($($argument),*)
        })*
    };
}

impl KeyStore for WatchedKeys {
    fn environment(&self) -> Environment {
        self.keys.environment()
    }

    fn warning(&self) -> Option<&str> {
        self.keys.warning()
    }

    signs! {
        sign_certificate(scope: Scope, certificate: Certificate) -> Certificate;
        sign_binding(scope: Scope, certificate: BindingCertificate) -> BindingCertificate;
        sign_voucher(voucher: Voucher) -> Voucher;
        sign_delivery(scope: Scope, card: CardId, version: KeyVersion, envelope: &Envelope) -> DeliveryBytes;
        seal_mail(scope: Scope, key: KeyVersion, binding: Binding, slot: Slot, version: u32, plaintext: &[u8]) -> Envelope;
    }

    passes_on! {
        current(role: Role) -> KeyVersion;
        check_value(scope: Scope, version: KeyVersion) -> [u8; 8];
        person(scope: Scope, version: KeyVersion, national_id: &NationalId) -> PersonRef;
        card_key_set(key: &CardKey) -> KeySet;
        wrapped_keys(key: &CardKey, session: &HostSession) -> WrappedKeys;
        wrapped_holder_keys(scope: Scope, card: CardRef, access: &AccessNumber, session: &HostSession) -> WrappedKeys;
        verify_voucher(voucher: Voucher) -> Verified<Voucher>;
        verify_receipt(scope: Scope, receipt: Receipt) -> Verified<Receipt>;
        verify_meter_receipt(scope: Scope, receipt: MeterReceipt) -> Verified<MeterReceipt>;
        wrapped_meter_keys(scope: Scope, meter: MeterId, version: KeyVersion, transport: KeyVersion) -> KeyChange;
        open_mail(scope: Scope, envelope: &Envelope) -> Opened;
    }
}
