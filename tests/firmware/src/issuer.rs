//! An issuer with masters that everybody knows: keys, certificates, vouchers and mail for one card and one meter.

use card_core::id::{Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Reference, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::message::{BindingCertificate, Certificate, Envelope, MailKeys, Slot, Voucher};
use card_core::role::{Derivation, KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::scp03::KeySet;
use card_core::soft::SoftEngine;
use card_core::units::{CardTime, Piastres};

/// Company and environment.
pub const SCOPE: Scope = Scope { company: Company(0x0102), environment: Environment::Test };
/// The meter.
pub const METER: MeterId = MeterId(*b"METER--1");
/// The card.
pub const CARD: CardRef = CardRef { id: CardId(*b"CARD---1"), generation: 1 };
/// The longest keys: the deepest stack.
pub const LENGTH: KeyLength = KeyLength::Aes256;

/// `None` never comes: what is asked for here exists.
pub fn master(seed: u8) -> Option<AesKey> {
    AesKey::new(&[seed; 32])
}

fn of_meter(version: u8) -> Derivation {
    Derivation::for_meter(SCOPE, KeyVersion::from_byte(version), METER, LENGTH)
}

/// A single key of the meter.
pub fn meter_key(version: u8) -> Option<AesKey> {
    of_meter(version).single(&mut SoftEngine, &master(version)?)
}

/// Parameter or report keys.
pub fn mail_keys(version: u8) -> Option<MailKeys> {
    of_meter(version).mail_keys(&mut SoftEngine, &master(version)?)
}

/// The key of meter receipts.
pub fn receipt_key(version: u8) -> Option<AesKey> {
    Some(of_meter(version).report_receipt_key(&mut SoftEngine, &master(version)?))
}

/// A key set of the card.
pub fn key_set(version: u8) -> Option<KeySet> {
    let initial = Derivation::initial(SCOPE.environment, CARD.id, LENGTH);
    let own = Derivation::for_card(SCOPE, KeyVersion::from_byte(version), CARD, LENGTH);
    match (version, KeyVersion::from_byte(version).role()?) {
        (0x10, _) => initial.key_set(&mut SoftEngine, &AesKey::new(&TEST_INITIAL_MASTER)?),
        (_, Role::Meter) => own.key_set(&mut SoftEngine, &meter_key(0xA0 | version & 0x0F)?),
        (_, Role::Holder) => own.key_set(&mut SoftEngine, &AesKey::new(&[7; 16])?),
        _ => own.key_set(&mut SoftEngine, &master(version)?),
    }
}

/// Load key or receipt key of the card.
pub fn card_key(version: u8) -> Option<AesKey> {
    Derivation::for_chip(SCOPE, KeyVersion::from_byte(version), CARD.id, LENGTH)
        .single(&mut SoftEngine, &master(version)?)
}

const fn binding(number: u32) -> Binding {
    Binding { meter: METER, number }
}

/// Certificate of a binding: all credit ever sold, in piastres.
pub fn certificate(number: u32, sequence: u32, credit: u64) -> Option<Certificate> {
    let certificate = Certificate {
        key_version: KeyVersion::new(Role::Credit, 1),
        binding: binding(number),
        generation: CARD.generation,
        sequence,
        total_credit: Piastres(credit),
        total_debited: Piastres(0),
        known_credit: Piastres(0),
        known_debited: Piastres(0),
        issue_time: CardTime(0x0C00_0000 + sequence),
        mac: [0; 16],
    };
    Some(certificate.sign(&mut SoftEngine, &meter_key(0x71)?, SCOPE))
}

/// Binding certificate.
pub fn binding_certificate(number: u32) -> Option<BindingCertificate> {
    let certificate = BindingCertificate {
        key_version: KeyVersion::new(Role::Credit, 1),
        binding: binding(number),
        account: 7_000_000 + u64::from(number),
        opening_time: CardTime(0x0B00_0000),
        mac: [0; 16],
    };
    Some(certificate.sign(&mut SoftEngine, &meter_key(0x71)?, SCOPE))
}

/// A voucher with a certificate.
pub fn voucher(number: u32, sequence: u32, credit: u64) -> Option<Voucher> {
    let voucher = Voucher {
        key_version: KeyVersion::new(Role::Load, 1),
        scope: SCOPE,
        card: CARD.id,
        channel: Channel::Branch,
        reference: Reference(*b"REFERENC"),
        certificate: certificate(number, sequence, credit)?,
        mac: [0; 16],
    };
    Some(voucher.sign(&mut SoftEngine, &card_key(0x51)?))
}

/// Sealed mail.
pub fn mail(number: u32, slot: u8, version: u32, plaintext: &[u8]) -> Option<Envelope> {
    let (keys, slot) = (mail_keys(0x81)?, Slot::new(slot)?);
    Envelope::seal(&mut SoftEngine, &keys, SCOPE, binding(number), slot, version, plaintext).ok()
}
