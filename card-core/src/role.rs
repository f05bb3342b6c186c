//! Roles of keys, and how each key is derived from its parent (specification, section 4).

pub use crate::key_version::{KeyVersion, Role};

use crate::access_number::AccessNumber;
use crate::id::{CardId, CardRef, Company, MeterId, Scope};
use crate::kdf;
use crate::key::{AesKey, KeyLength, MailKeys};
use crate::message::code;
use crate::platform::{Block, Engine};
use crate::scp03::KeySet;

/// Key version number of a blank card's admin key set.
pub const INITIAL_ADMIN: KeyVersion = KeyVersion::new(Role::Admin, 0);
/// Key version number of every holder key set.
pub const HOLDER: KeyVersion = KeyVersion::new(Role::Holder, 1);

/// The initial master of test cards and of the simulator: 40, 41, .. 5F. Public, so it protects nothing.
pub const TEST_INITIAL_MASTER: [u8; 32] = {
    let mut master = [0; 32];
    let mut rest = master.as_mut_slice();
    let mut value = 0x40;
    while let Some((byte, tail)) = rest.split_first_mut() {
        *byte = value;
        value += 1;
        rest = tail;
    }
    master
};

/// One derivation: the fixed context, to which a key adds its label.
#[derive(Debug, Clone, Copy)]
pub struct Derivation {
    context: [u8; 14],
    key_version: KeyVersion,
    length: KeyLength,
}

impl Derivation {
    /// For a key of a card's generation: the four key sets.
    pub fn for_card(scope: Scope, key_version: KeyVersion, card: CardRef, length: KeyLength) -> Self {
        Self::new(scope, key_version, card.id.0, card.generation, length)
    }

    /// For a key of a chip in all its generations: load key and receipt key.
    pub fn for_chip(scope: Scope, key_version: KeyVersion, card: CardId, length: KeyLength) -> Self {
        Self::new(scope, key_version, card.0, 0, length)
    }

    /// For a key of a meter.
    pub fn for_meter(scope: Scope, key_version: KeyVersion, meter: MeterId, length: KeyLength) -> Self {
        Self::new(scope, key_version, meter.0, 0, length)
    }

    /// For the admin key set that a blank card comes with.
    pub fn initial(environment: crate::id::Environment, card: CardId, length: KeyLength) -> Self {
        Self::new(Scope { company: Company::NONE, environment }, INITIAL_ADMIN, card.0, 0, length)
    }

    /// The check value of a master, by which a key store and a ledger know each other (specification, 4.2). It tells nothing of the master.
    pub fn check_value(
        scope: Scope,
        key_version: KeyVersion,
        length: KeyLength,
        engine: &mut impl Engine,
        master: &AesKey,
    ) -> [u8; 8] {
        let key = Self::new(scope, key_version, [0; 8], 0, length).key(engine, master, b"KEYCHECK");
        key.expose().first_chunk().copied().unwrap_or_default()
    }

    /// What stands for a person in the books: the code of the 14 digits of a national ID, in ASCII, under a key of its own (specification, 4.2).
    pub fn person(
        scope: Scope,
        key_version: KeyVersion,
        length: KeyLength,
        engine: &mut impl Engine,
        vending_master: &AesKey,
        digits: &[u8; 14],
    ) -> Block {
        let key = Self::new(scope, key_version, [0; 8], 0, length).key(engine, vending_master, b"PERSONID");
        code(engine, &key, b"EGPERSON", scope, key_version, digits)
    }

    fn new(
        scope: Scope,
        key_version: KeyVersion,
        subject: [u8; 8],
        generation: u16,
        length: KeyLength,
    ) -> Self {
        let [c0, c1] = scope.company.0.to_be_bytes();
        let [s0, s1, s2, s3, s4, s5, s6, s7] = subject;
        let [g0, g1] = generation.to_be_bytes();
        let e = scope.environment.code();
        let context = [c0, c1, e, key_version.byte(), s0, s1, s2, s3, s4, s5, s6, s7, g0, g1];
        Self { context, key_version, length }
    }

    /// The key with this label.
    pub fn key(&self, engine: &mut impl Engine, parent: &AesKey, label: &[u8; 8]) -> AesKey {
        kdf::derive(engine, parent, label, &self.context, self.length)
    }

    /// The single key of the role that the key version number names; `None` for a role of several keys.
    pub fn single(&self, engine: &mut impl Engine, parent: &AesKey) -> Option<AesKey> {
        let label = match self.key_version.role()? {
            Role::Load => b"CARDLOAD",
            Role::Receipt => b"CARDRCPT",
            Role::Credit => b"METRCRED",
            Role::MeterBase => b"METRBASE",
            Role::Transport => b"METRTRSP",
            _ => return None,
        };
        Some(self.key(engine, parent, label))
    }

    /// The SCP03 key set of the role that the key version number names; `None` for a role that has none.
    pub fn key_set(&self, engine: &mut impl Engine, parent: &AesKey) -> Option<KeySet> {
        let [enc, mac, dek] = match self.key_version.role()? {
            Role::Admin => [b"ADMN-ENC", b"ADMN-MAC", b"ADMN-DEK"],
            Role::Vending => [b"VEND-ENC", b"VEND-MAC", b"VEND-DEK"],
            Role::Meter => [b"METR-ENC", b"METR-MAC", b"METR-DEK"],
            Role::Holder => [b"HOLD-ENC", b"HOLD-MAC", b"HOLD-DEK"],
            _ => return None,
        }
        .map(|label| self.key(engine, parent, label));
        KeySet::new(self.key_version, enc, mac, dek).ok()
    }

    /// The two keys that seal mail; `None` for a role that seals none.
    pub fn mail_keys(&self, engine: &mut impl Engine, parent: &AesKey) -> Option<MailKeys> {
        let [mac, enc] = match self.key_version.role()? {
            Role::Parameter => [b"PARM-MAC", b"PARM-ENC"],
            Role::Report => [b"RPRT-MAC", b"RPRT-ENC"],
            _ => return None,
        }
        .map(|label| self.key(engine, parent, label));
        Some(MailKeys { version: self.key_version, mac, enc })
    }

    /// The access number of a card's generation, from the Key-DEK of its vending keys (specification, 4.2). The derivation is that of these keys.
    pub fn access_number(&self, engine: &mut impl Engine, vending_dek: &AesKey) -> AccessNumber {
        let key = kdf::derive(engine, vending_dek, b"ACCESSNO", &self.context, KeyLength::Aes128);
        AccessNumber::new(key.expose().first_chunk().copied().unwrap_or_default())
    }

    /// The key of meter receipts; the key version number is that of the report keys.
    pub fn report_receipt_key(&self, engine: &mut impl Engine, parent: &AesKey) -> AesKey {
        self.key(engine, parent, b"RPRT-RCP")
    }
}
