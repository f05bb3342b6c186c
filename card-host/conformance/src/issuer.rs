//! The issuer of an examination: masters that everybody knows, and messages signed with what derives from them.

use card_core::access_number::AccessNumber;
use card_core::id::{Binding, CardId, CardRef, Channel, Company, Environment, MeterId, Reference, Scope};
use card_core::key::{AesKey, KeyLength};
use card_core::message::{
    BindingCertificate, Certificate, Envelope, Event, MeterFlags, MeterReceipt, Month, Slot, Voucher,
};
use card_core::role::{Derivation, HOLDER, INITIAL_ADMIN, KeyVersion, Role, TEST_INITIAL_MASTER};
use card_core::scp03::{HostSession, KeySet};
use card_core::soft::{ExpandedKey, SoftEngine};
use card_core::terminal::issue::BindData;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use card_host::keystore::{CardKey, DerivingKeyStore, KeyStore, KeyStoreError, Masters};
use std::sync::Arc;

/// Company of the examination: that of the specification's vectors.
pub(crate) const SCOPE: Scope = Scope { company: Company(0x0102), environment: Environment::Test };
/// Generation of the card.
pub(crate) const GENERATION: u16 = 1;
pub(crate) const METER: MeterId = MeterId([0x71, 0x76, 0x6C, 0x83, 0x38, 0x4A, 0xE9, 0xFD]);
pub(crate) const OTHER_METER: MeterId = MeterId([0x71, 0x76, 0x6C, 0x83, 0x38, 0x4A, 0xE9, 0xFE]);
/// The binding of the card.
pub(crate) const BINDING: Binding = Binding { meter: METER, number: 3 };

/// The masters of the specification's vectors: of version 1, byte i is 10 times the role, xor i; of others, xor the version less 1, too.
struct PublicMasters;

impl Masters for PublicMasters {
    type Master = Arc<ExpandedKey>;

    fn environment(&self) -> Environment {
        Environment::Test
    }

    fn warning(&self) -> Option<&str> {
        None
    }

    fn length(&self) -> KeyLength {
        KeyLength::Aes256
    }

    fn current(&self, _: Role) -> Option<u8> {
        Some(1)
    }

    fn master(&self, role: Role, version: u8) -> Result<Self::Master, KeyStoreError> {
        let mut bytes = TEST_INITIAL_MASTER;
        if (role, version) != (Role::Admin, 0) {
            for (i, byte) in (0..).zip(&mut bytes) {
                *byte = (role as u8) << 4 ^ i ^ version.wrapping_sub(1);
            }
        }
        let key = AesKey::new(&bytes).ok_or(KeyStoreError::NoMaster { role, version })?;
        Ok(Arc::new(ExpandedKey::new(key)))
    }
}

/// Signs for one card.
pub(crate) struct Issuer {
    store: DerivingKeyStore<PublicMasters>,
    pub(crate) card: CardId,
    /// Length of the initial key set.
    pub(crate) initial_length: KeyLength,
    access: AccessNumber,
}

impl Issuer {
    pub(crate) const fn new(card: CardId, initial_length: KeyLength) -> Self {
        Self {
            store: DerivingKeyStore::new(PublicMasters),
            card,
            initial_length,
            access: AccessNumber::new([7; 10]),
        }
    }

    const fn key(&self, version: KeyVersion, meter: MeterId) -> CardKey {
        let initial = version.byte() == INITIAL_ADMIN.byte();
        CardKey {
            scope: SCOPE,
            version,
            card: CardRef { id: self.card, generation: GENERATION },
            meter: Some(meter),
            initial_length: if initial { Some(self.initial_length) } else { None },
        }
    }

    /// The key set with this key version number.
    pub(crate) fn key_set(&self, version: u8) -> Result<KeySet, KeyStoreError> {
        let version = KeyVersion::from_byte(version);
        if version == HOLDER {
            let parent = self.access.key().ok_or(KeyStoreError::WrongRole(HOLDER))?;
            let card = CardRef { id: self.card, generation: GENERATION };
            let derivation = Derivation::for_card(SCOPE, HOLDER, card, KeyLength::Aes256);
            return derivation.key_set(&mut SoftEngine, &parent).ok_or(KeyStoreError::WrongRole(HOLDER));
        }
        self.store.card_key_set(&self.key(version, METER))
    }

    /// The data of PUT KEY for the keys of this key version number, and what the card answers.
    pub(crate) fn wrapped(
        &self,
        version: u8,
        session: &HostSession,
    ) -> Result<(Vec<u8>, Vec<u8>), KeyStoreError> {
        let version = KeyVersion::from_byte(version);
        let wrapped = match version {
            HOLDER => {
                let card = CardRef { id: self.card, generation: GENERATION };
                self.store.wrapped_holder_keys(SCOPE, card, &self.access, session)?
            }
            _ => self.store.wrapped_keys(&self.key(version, METER), session)?,
        };
        Ok((wrapped.data, wrapped.answer))
    }

    /// The data of BIND for this certificate.
    pub(crate) fn bind(
        &self,
        certificate: Certificate,
        session: &HostSession,
    ) -> Result<Vec<u8>, KeyStoreError> {
        self.bind_with(self.binding_certificate(certificate.binding)?, certificate, session)
    }

    /// The data of BIND with two certificates that may disagree.
    pub(crate) fn bind_with(
        &self,
        binding: BindingCertificate,
        certificate: Certificate,
        session: &HostSession,
    ) -> Result<Vec<u8>, KeyStoreError> {
        let meter = certificate.binding.meter;
        let version = KeyVersion::from_byte(0x31);
        let keys = self.store.wrapped_keys(&self.key(version, meter), session)?;
        let data = BindData::new(&binding, &certificate, &keys.data);
        let data = data.map_err(|_| KeyStoreError::WrongRole(version))?;
        Ok(data.request().command().data.to_vec())
    }

    pub(crate) fn binding_certificate(&self, binding: Binding) -> Result<BindingCertificate, KeyStoreError> {
        let certificate = BindingCertificate {
            key_version: KeyVersion::from_byte(0x71),
            binding,
            account: 77,
            opening_time: CardTime(0x0B00_0000),
            mac: [0; 16],
        };
        self.store.sign_binding(SCOPE, certificate)
    }

    pub(crate) fn certificate(
        &self,
        sequence: u32,
        credit: u64,
        debited: u64,
    ) -> Result<Certificate, KeyStoreError> {
        self.certificate_of(BINDING, GENERATION, sequence, credit, debited)
    }

    pub(crate) fn certificate_of(
        &self,
        binding: Binding,
        generation: u16,
        sequence: u32,
        credit: u64,
        debited: u64,
    ) -> Result<Certificate, KeyStoreError> {
        let certificate = Certificate {
            key_version: KeyVersion::from_byte(0x71),
            binding,
            generation,
            sequence,
            total_credit: Piastres(credit),
            total_debited: Piastres(debited),
            known_credit: Piastres(0),
            known_debited: Piastres(0),
            issue_time: CardTime(0x0C00_0000 ^ sequence),
            mac: [0; 16],
        };
        self.store.sign_certificate(SCOPE, certificate)
    }

    /// A voucher with this certificate, signed whatever it says.
    pub(crate) fn voucher(
        &self,
        certificate: Certificate,
        channel: Channel,
    ) -> Result<Voucher, KeyStoreError> {
        let [a, b, c, d] = certificate.sequence.to_be_bytes();
        self.store.sign_voucher(Voucher {
            key_version: KeyVersion::from_byte(0x51),
            scope: SCOPE,
            card: self.card,
            channel,
            reference: Reference([b'C', b'O', b'N', b'F', a, b, c, d]),
            certificate,
            mac: [0; 16],
        })
    }

    /// A branch's voucher.
    pub(crate) fn branch(&self, sequence: u32, credit: u64, debited: u64) -> Result<Vec<u8>, KeyStoreError> {
        Ok(self.voucher(self.certificate(sequence, credit, debited)?, Channel::Branch)?.emit().to_vec())
    }

    /// Signs a voucher again after it was changed.
    pub(crate) fn sign(&self, voucher: Voucher) -> Result<Vec<u8>, KeyStoreError> {
        Ok(self.store.sign_voucher(voucher)?.emit().to_vec())
    }

    /// Mail to the meter, or from it, by the slot.
    pub(crate) fn envelope(
        &self,
        binding: Binding,
        slot: u8,
        version: u32,
    ) -> Result<Envelope, KeyStoreError> {
        let (Some(slot), text) = (Slot::new(slot), b"conformance") else {
            return Err(KeyStoreError::MailTooLong);
        };
        if slot.number() < 0x10 {
            return self.store.seal_mail(SCOPE, KeyVersion::from_byte(0x81), binding, slot, version, text);
        }
        let keys = self.store.meter_keys(SCOPE, binding.meter)?;
        Ok(Envelope::seal(&mut SoftEngine, &keys.report, SCOPE, binding, slot, version, text)?)
    }

    pub(crate) fn delivery(&self, envelope: &Envelope) -> Result<Vec<u8>, KeyStoreError> {
        self.delivery_of(envelope, SCOPE, self.card, 0x51)
    }

    pub(crate) fn delivery_of(
        &self,
        envelope: &Envelope,
        scope: Scope,
        card: CardId,
        version: u8,
    ) -> Result<Vec<u8>, KeyStoreError> {
        let delivery = self.store.sign_delivery(scope, card, KeyVersion::from_byte(version), envelope)?;
        Ok(delivery.as_slice().to_vec())
    }

    pub(crate) fn meter_receipt(
        &self,
        binding: Binding,
        number: u32,
        credit: u64,
        debited: u64,
    ) -> Result<MeterReceipt, KeyStoreError> {
        let receipt = MeterReceipt {
            key_version: KeyVersion::from_byte(0x91),
            binding,
            number,
            time: CardTime(0x0C10_0000),
            applied_credit: Piastres(credit),
            applied_debited: Piastres(debited),
            balance: Balance(-100),
            energy: Energy(123),
            flags: MeterFlags(0x0005),
            mac: [0; 16],
        };
        let keys = self.store.meter_keys(SCOPE, binding.meter)?;
        Ok(receipt.sign(&mut SoftEngine, &keys.receipt, SCOPE))
    }

    /// Checks a receipt of the card.
    pub(crate) fn receipt(&self, receipt: card_core::message::Receipt) -> Result<(), KeyStoreError> {
        self.store.verify_receipt(SCOPE, receipt).map(drop)
    }
}

/// The data of SETTLE.
pub(crate) fn settle(receipt: &MeterReceipt, present: u16, events: &[u32]) -> Vec<u8> {
    let mut data = vec![1];
    data.extend(receipt.emit());
    data.extend(month(present).emit());
    data.push(count(events));
    data.extend(events.iter().flat_map(|number| event(*number).emit()));
    data
}

/// The data of PUT HISTORY.
pub(crate) fn history(months: &[u16], events: &[u32]) -> Vec<u8> {
    let mut data = vec![count(months)];
    data.extend(months.iter().flat_map(|index| month(*index).emit()));
    data.extend(events.iter().flat_map(|number| event(*number).emit()));
    data
}

const fn count<T>(items: &[T]) -> u8 {
    let [.., count] = items.len().to_be_bytes();
    count
}

pub(crate) const fn month(index: u16) -> Month {
    Month {
        index,
        flags: 0,
        slab: 3,
        energy: Energy(1000),
        energy_charge: Piastres(90_000),
        re_rating: 0,
        service_fee: 700,
        levies: 2000,
        others: -40,
        instalments: 0,
        doubt_cost: 0,
        tariff: 1,
        peak: 4000,
    }
}

pub(crate) const fn event(number: u32) -> Event {
    Event { number, time: CardTime(0x0C20_0000), code: 9, data: [1, 2, 3, 4, 5, 6] }
}
