//! What a hardware security module (HSM) does for an issuer.
//!
//! Masters never leave a store. It is asked for results: a signed certificate, a verified receipt, an authenticated session, a
//! key set wrapped for one card. Each can be done inside an HSM over PKCS#11: derivation is SP 800-108 with AES-CMAC
//! (`CKM_SP800_108_COUNTER_KDF`), the rest is AES-CMAC, AES-CBC and AES-CTR.

mod deriving;
mod file;
mod memory;
mod software;
mod wrap;

pub use deriving::{DerivingKeyStore, MASTERS, Master, Masters, MeterKeys};
pub use file::FileError;
pub use memory::{Alarm, Ceiling, ChainEnd, Extent, Forbidden, Memory, MemoryError, Totals};
pub use software::{SoftwareKeyStore, SoftwareMasters};
pub use wrap::{WrappedKeys, wrap, wrap_holder_keys};

use card_core::access_number::AccessNumber;
use card_core::bytes::{Buffer, WrongLength};
use card_core::id::{Binding, CardId, CardRef, Environment, MeterId, Scope};
use card_core::key::KeyLength;
use card_core::message::{
    BindingCertificate, Certificate, Delivery, Envelope, MeterReceipt, NotAuthentic, Opened, Receipt, Slot,
    Verified, Voucher, check,
};
use card_core::parameters::KeyChange;
use card_core::platform::RandomError;
use card_core::role::{Derivation, KeyVersion, Role};
use card_core::scp03::host::{Challenge, HandshakeError};
use card_core::scp03::{HostSession, KeySet, SecurityLevel};
use card_core::soft::SoftEngine;

use crate::channel::Authentication;
use crate::national_id::{NationalId, PersonRef};

/// Bytes of a mail delivery.
pub type DeliveryBytes = Buffer<{ Delivery::MAX }>;

/// A key set or key on a card that a store can derive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardKey {
    /// Company and environment. The initial admin key set has its own company, none.
    pub scope: Scope,
    /// Key version number: role and version of the master.
    pub version: KeyVersion,
    /// Card and generation.
    pub card: CardRef,
    /// The meter, for the meter key set.
    pub meter: Option<MeterId>,
    /// Length of the initial admin key set, which is its maker's choice (GET DATA 00E0 shows it); `None` for all other keys,
    /// which have the store's length.
    pub initial_length: Option<KeyLength>,
}

/// Operations with an issuer's masters. All take the scope: company and environment are part of every derivation and message.
///
/// Many ask at once, each in a thread of its own: a store that can do one thing at a time queues them itself.
pub trait KeyStore: Send + Sync {
    /// The only environment that the store serves.
    fn environment(&self) -> Environment;

    /// What a program must show whoever uses the store, before it is used: that it is not for real cards.
    fn warning(&self) -> Option<&str>;

    /// The key version number that is used for new keys of `role`.
    fn current(&self, role: Role) -> Result<KeyVersion, KeyStoreError>;

    /// The check value of the master of this key version number, in the store's length of keys (specification, 4.2).
    fn check_value(&self, scope: Scope, version: KeyVersion) -> Result<[u8; 8], KeyStoreError>;

    /// The static key set of one card, for SCP03 on this host. A store that keeps these to itself answers
    /// [`KeyStoreError::NotExportable`], and brings its own [`authenticate`](Self::authenticate).
    fn card_key_set(&self, key: &CardKey) -> Result<KeySet, KeyStoreError>;

    /// Checks a card's cryptogram and answers it: the session with the key set that `key` names. Only the version and the card of
    /// `key` that the challenge names are accepted.
    fn authenticate(
        &self,
        key: &CardKey,
        challenge: Challenge,
        level: SecurityLevel,
    ) -> Result<Authentication, KeyStoreError> {
        // On a blank card the generation of the challenge changes with STORE DATA, that of the initial keys does not.
        let named = CardRef::parse(challenge.diversification());
        let initial = key.version == card_core::role::INITIAL_ADMIN;
        if named.id != key.card.id || (!initial && named.generation != key.card.generation) {
            return Err(KeyStoreError::OtherCard { expected: key.card, named });
        }
        let keys = self.card_key_set(key)?;
        Ok(challenge.authenticate(&mut SoftEngine, &keys, level)?)
    }

    /// A key set or key for PUT KEY and BIND, encrypted for one card within `session` (its data encryption key). A store that
    /// knows the card's DEK itself does not need the session for it.
    fn wrapped_keys(&self, key: &CardKey, session: &HostSession) -> Result<WrappedKeys, KeyStoreError>;

    /// The access number of a card's generation, by its vending keys of this version: the same whenever it is asked for (specification, 4.2). A store
    /// that keeps key sets to itself brings its own.
    fn access_number(
        &self,
        scope: Scope,
        version: KeyVersion,
        card: CardRef,
    ) -> Result<AccessNumber, KeyStoreError> {
        let keys = self.card_key_set(&CardKey { scope, version, card, meter: None, initial_length: None })?;
        let derivation = Derivation::for_card(scope, version, card, keys.dek().length());
        Ok(derivation.access_number(&mut SoftEngine, keys.dek()))
    }

    /// What stands for the person with this national ID in the books, under the vending master of this version: the same whenever it is asked for
    /// (specification, 4.2).
    fn person(
        &self,
        scope: Scope,
        version: KeyVersion,
        national_id: &NationalId,
    ) -> Result<PersonRef, KeyStoreError>;

    /// The holder's key set, from the access number that is printed on the card, wrapped like [`wrapped_keys`](Self::wrapped_keys).
    fn wrapped_holder_keys(
        &self,
        scope: Scope,
        card: CardRef,
        access: &AccessNumber,
        session: &HostSession,
    ) -> Result<WrappedKeys, KeyStoreError>;

    /// Signs a credit certificate with the credit key that it names.
    fn sign_certificate(&self, scope: Scope, certificate: Certificate) -> Result<Certificate, KeyStoreError>;

    /// Signs a binding certificate with the credit key that it names.
    fn sign_binding(
        &self,
        scope: Scope,
        certificate: BindingCertificate,
    ) -> Result<BindingCertificate, KeyStoreError>;

    /// Checks a credit certificate, with the credit key that it names.
    fn verify_certificate(&self, scope: Scope, certificate: &Certificate) -> Result<(), KeyStoreError> {
        Ok(check(&self.sign_certificate(scope, *certificate)?.mac, &certificate.mac)?)
    }

    /// Checks a binding certificate, with the credit key that it names.
    fn verify_binding(&self, scope: Scope, certificate: &BindingCertificate) -> Result<(), KeyStoreError> {
        Ok(check(&self.sign_binding(scope, *certificate)?.mac, &certificate.mac)?)
    }

    /// What the store remembers of what it signed, where it does.
    fn memory(&self) -> Option<&dyn Memory> {
        None
    }

    /// Signs a voucher with the load key that it names. The scope stands in the voucher.
    fn sign_voucher(&self, voucher: Voucher) -> Result<Voucher, KeyStoreError>;

    /// Checks a voucher, with the load key that it names. The scope stands in the voucher; the certificate in it has a code of its own, which is
    /// not checked here.
    fn verify_voucher(&self, voucher: Voucher) -> Result<Verified<Voucher>, KeyStoreError>;

    /// Signs the delivery of an envelope to a card, with the load key of this key version number.
    fn sign_delivery(
        &self,
        scope: Scope,
        card: CardId,
        version: KeyVersion,
        envelope: &Envelope,
    ) -> Result<DeliveryBytes, KeyStoreError>;

    /// Checks a card's receipt.
    fn verify_receipt(&self, scope: Scope, receipt: Receipt) -> Result<Verified<Receipt>, KeyStoreError>;

    /// Checks a meter's receipt.
    fn verify_meter_receipt(
        &self,
        scope: Scope,
        receipt: MeterReceipt,
    ) -> Result<Verified<MeterReceipt>, KeyStoreError>;

    /// Seals mail to a meter with the parameter keys of this key version number; `plaintext` has at most 145 bytes.
    fn seal_mail(
        &self,
        scope: Scope,
        key_version: KeyVersion,
        binding: Binding,
        slot: Slot,
        version: u32,
        plaintext: &[u8],
    ) -> Result<Envelope, KeyStoreError>;

    /// New keys for a meter: those of key version number `version` (7v, 8v, 9v, Av or Bv), wrapped under its transport key of key version
    /// number `transport` (docs/meter.md, section 9). It is the plaintext of a mail.
    fn wrapped_meter_keys(
        &self,
        scope: Scope,
        meter: MeterId,
        version: KeyVersion,
        transport: KeyVersion,
    ) -> Result<KeyChange, KeyStoreError>;

    /// Opens mail from a meter with the report keys that it names.
    fn open_mail(&self, scope: Scope, envelope: &Envelope) -> Result<Opened, KeyStoreError>;
}

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyStoreError {
    /// The store serves the other environment.
    #[error(
        "the keys are for the {store} environment and not for {asked}: use the key store of that environment"
    )]
    OtherEnvironment {
        /// What it serves.
        store: Environment,
        /// What was asked for.
        asked: Environment,
    },
    /// Software is no place for production keys.
    #[error("production keys are not kept in a file: use a hardware security module")]
    Production,
    /// The company number cannot issue.
    #[error("{0:04X} is no company that can issue cards: give its number, 0001 to FFFE")]
    Company(u16),
    /// No master of that version.
    #[error(
        "the key store has no {role} master of version {version}: issue with one that it has, or import it"
    )]
    NoMaster {
        /// Role.
        role: Role,
        /// Version, 1 to 15.
        version: u8,
    },
    /// A key version number of another role than the operation's, or without one.
    #[error(
        "key version number {0} is not of the role that this needs: see the key versions of card and meter"
    )]
    WrongRole(KeyVersion),
    /// The meter key set needs a meter.
    #[error(
        "the meter key set is derived for one meter, and none was named: this is a mistake in the program"
    )]
    NoMeter,
    /// The card is not the one that the operation is for.
    #[error(
        "this is card {} of generation {}, not {} of {}: use the card that it is for",
        .named.id, .named.generation, .expected.id, .expected.generation
    )]
    OtherCard {
        /// The card that the operation is for.
        expected: CardRef,
        /// The card that is there.
        named: CardRef,
    },
    /// The store keeps this key to itself.
    #[error("this key never leaves the key store: let the store do the operation")]
    NotExportable,
    /// A message is not authentic.
    #[error("{0}. Treat it as forged")]
    NotAuthentic(#[from] NotAuthentic),
    /// The card is not authentic.
    #[error("{0}: check that the keys are this card's, by company, environment and version")]
    Handshake(#[from] HandshakeError),
    /// The session has ended before keys could be wrapped for it.
    #[error("the session with the card has ended: start again, which is safe")]
    SessionEnded,
    /// Too much plaintext for an envelope.
    #[error("mail has at most 145 bytes: send less, or in several slots")]
    MailTooLong,
    /// All 15 versions are in use.
    #[error(
        "version 15 is the last of the {0} masters: retire version 1 from all cards, then start again there"
    )]
    VersionsExhausted(Role),
    /// No random numbers.
    #[error("{0}: the operating system's random number source must work")]
    Random(#[from] RandomError),
    /// What the store remembers forbids it.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// What the store remembers cannot be asked.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The file of a software store.
    #[error(transparent)]
    File(#[from] FileError),
    /// The token that holds the masters.
    #[error("{0}")]
    Token(Box<dyn std::error::Error + Send + Sync>),
}

impl From<WrongLength> for KeyStoreError {
    fn from(_: WrongLength) -> Self {
        Self::MailTooLong
    }
}
