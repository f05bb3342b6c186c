//! What a key is for, and which one of that role: a key version number (specification, section 4).

use core::fmt;

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
