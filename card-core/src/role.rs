//! Roles of keys, and how each key is derived from its parent (specification, section 4).

use core::fmt;

use crate::id::{CardId, CardRef, Company, MeterId, Scope};
use crate::kdf;
use crate::key::{AesKey, KeyLength, MailKeys};
use crate::platform::Engine;
use crate::scp03::KeySet;

/// What a key is for: the high nibble of its key version number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Role {
    /// Key set for personalisation and key rotation.
    Admin = 1,
    /// Key set for private reading and operator functions.
    Vending = 2,
    /// Key set for the exchange between card and meter.
    Meter = 3,
    /// Key set for the customer's own reading.
    Holder = 4,
    /// Vouchers and mail to the card.
    Load = 5,
    /// Receipts from the card.
    Receipt = 6,
    /// Totals and bindings, issuer to meter.
    Credit = 7,
    /// Mail from issuer to meter.
    Parameter = 8,
    /// Mail and receipts from meter to issuer.
    Report = 9,
    /// Root of one meter's card key sets.
    MeterBase = 10,
    /// New keys for a meter.
    Transport = 11,
}

impl Role {
    /// Position 0 to 3 of the roles that have an SCP03 key set on the card.
    pub const fn session_index(self) -> Option<usize> {
        match self {
            Self::Admin => Some(0),
            Self::Vending => Some(1),
            Self::Meter => Some(2),
            Self::Holder => Some(3),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::Vending => "vending",
            Self::Meter => "meter",
            Self::Holder => "holder",
            Self::Load => "load",
            Self::Receipt => "receipt",
            Self::Credit => "credit",
            Self::Parameter => "parameter",
            Self::Report => "report",
            Self::MeterBase => "meter base",
            Self::Transport => "transport",
        })
    }
}

/// A key version number: the role in the high nibble, the version of its master in the low one.
///
/// It holds any byte: which keys a card names, or a message, is for the reader to judge. Shown as two hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KeyVersion(u8);

impl KeyVersion {
    /// No key: what a first PUT KEY replaces, and what leaves the choice to the card.
    pub const NONE: Self = Self(0);

    /// That of `role` and version `master` of its master, of which only the low four bits count. With 0 it asks a card for the
    /// role's keys of whatever version it has.
    pub const fn new(role: Role, master: u8) -> Self {
        Self(((role as u8) << 4) | (master & 0x0F))
    }

    /// From its byte on the wire.
    pub const fn from_byte(byte: u8) -> Self {
        Self(byte)
    }

    /// Its byte on the wire.
    pub const fn byte(self) -> u8 {
        self.0
    }

    /// The role that it names.
    pub const fn role(self) -> Option<Role> {
        match self.0 >> 4 {
            1 => Some(Role::Admin),
            2 => Some(Role::Vending),
            3 => Some(Role::Meter),
            4 => Some(Role::Holder),
            5 => Some(Role::Load),
            6 => Some(Role::Receipt),
            7 => Some(Role::Credit),
            8 => Some(Role::Parameter),
            9 => Some(Role::Report),
            10 => Some(Role::MeterBase),
            11 => Some(Role::Transport),
            _ => None,
        }
    }

    /// The version of the master: 1 to 15, or 0.
    pub const fn master(self) -> u8 {
        self.0 & 0x0F
    }

    /// Whether it is one of `role`, of version 1 to 15.
    pub const fn is_of(self, role: Role) -> bool {
        self.0 >> 4 == role as u8 && self.master() != 0
    }

    /// That of the next master; after 15 it is not of the role.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)
    }
}

impl fmt::Debug for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyVersion({self})")
    }
}

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

    /// The key of meter receipts; the key version number is that of the report keys.
    pub fn report_receipt_key(&self, engine: &mut impl Engine, parent: &AesKey) -> AesKey {
        self.key(engine, parent, b"RPRT-RCP")
    }
}
