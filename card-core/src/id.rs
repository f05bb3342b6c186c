//! Identifiers (specification, section 2).

use core::fmt;

/// The application's identifier: category F of ISO/IEC 7816-4, proprietary, unregistered.
pub const AID: [u8; 8] = [0xF0, 0x45, 0x47, 0x45, 0x4C, 0x45, 0x43, 0x01];

/// Version of the card's layout that this code implements.
pub const LAYOUT: u8 = 1;

macro_rules! eight_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 8]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(number.to_be_bytes())
            }
        }
    };
}

macro_rules! sixteen_digits {
    ($name:ident, $form:ident) => {
        impl fmt::$form for $name {
            /// Sixteen hexadecimal digits.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:016X}", u64::from_be_bytes(self.0))
            }
        }
    };
}

sixteen_digits!(CardId, Display);
sixteen_digits!(Reference, Display);
// How ledgers and files spell a meter; people read and type its number.
sixteen_digits!(MeterId, UpperHex);

eight_bytes! {
    /// The chip's identifier, set by its maker, unique, never changed.
    CardId
}
eight_bytes! {
    /// The meter's identifier, set by its maker, unique.
    MeterId
}
eight_bytes! {
    /// The seller's reference of a payment; opaque to card and meter.
    Reference
}

impl MeterId {
    /// The number that people read and type.
    pub const fn number(self) -> u64 {
        u64::from_be_bytes(self.0)
    }
}

impl fmt::Display for MeterId {
    /// The number in decimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

impl core::str::FromStr for MeterId {
    type Err = crate::numerals::NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::numerals::whole(text).map(Self::from)
    }
}

/// Distribution company. 0 is none (a blank card), FFFF is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Company(pub u16);

impl Company {
    /// No company yet: a blank card.
    pub const NONE: Self = Self(0);

    /// Whether a card may be issued by it.
    pub const fn is_valid(self) -> bool {
        self.0 != 0 && self.0 != 0xFFFF
    }
}

/// Test or production; nothing of one works with the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Environment {
    /// Code 54, "T".
    Test = b'T',
    /// Code 50, "P".
    Production = b'P',
}

impl Environment {
    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The environment with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            b'T' => Some(Self::Test),
            b'P' => Some(Self::Production),
            _ => None,
        }
    }
}

impl core::str::FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, UnknownEnvironment> {
        match text {
            "test" => Ok(Self::Test),
            "production" => Ok(Self::Production),
            _ => Err(UnknownEnvironment),
        }
    }
}

/// A text that names no environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownEnvironment;

impl fmt::Display for UnknownEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the environment is test or production")
    }
}

impl core::error::Error for UnknownEnvironment {}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Test => "test",
            Self::Production => "production",
        })
    }
}

/// Company and environment: every derivation and every authentication names both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Distribution company.
    pub company: Company,
    /// Test or production.
    pub environment: Environment,
}

/// A binding: one customer's account on one meter, for as long as it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Binding {
    /// The meter.
    pub meter: MeterId,
    /// Its number: from 1, only grows for a meter.
    pub number: u32,
}

/// A card as key derivation names it: the ten bytes of key diversification data of SCP03.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CardRef {
    /// The chip.
    pub id: CardId,
    /// The generation of the customer's card; 0 on a blank card.
    pub generation: u16,
}

impl CardRef {
    /// As key diversification data.
    pub fn emit(&self) -> [u8; 10] {
        let mut out = [0; 10];
        for (to, from) in out.iter_mut().zip(self.id.0.iter().chain(&self.generation.to_be_bytes())) {
            *to = *from;
        }
        out
    }

    /// From key diversification data.
    pub const fn parse(data: &[u8; 10]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j] = *data;
        Self { id: CardId([a, b, c, d, e, f, g, h]), generation: u16::from_be_bytes([i, j]) }
    }
}

/// How a voucher was sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Channel {
    /// A branch of the company.
    Branch = 1,
    /// A kiosk with cash (Fawry, Aman).
    Kiosk = 2,
    /// A bank's application.
    Bank = 3,
    /// A mobile wallet.
    Wallet = 4,
    /// Sent over the network to a connected meter.
    Network = 5,
}

impl Channel {
    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The channel with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Branch),
            2 => Some(Self::Kiosk),
            3 => Some(Self::Bank),
            4 => Some(Self::Wallet),
            5 => Some(Self::Network),
            _ => None,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Branch => "branch",
            Self::Kiosk => "kiosk",
            Self::Bank => "bank",
            Self::Wallet => "wallet",
            Self::Network => "network",
        })
    }
}

/// Life-cycle state of the card (specification, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// From the maker.
    Blank = 1,
    /// Issued; waits for its first charge at a branch.
    Personalised = 2,
    /// In use.
    Active = 3,
    /// Lost, stolen or disputed.
    Blocked = 4,
    /// For ever.
    Terminated = 5,
}

impl State {
    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The state with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Blank),
            2 => Some(Self::Personalised),
            3 => Some(Self::Active),
            4 => Some(Self::Blocked),
            5 => Some(Self::Terminated),
            _ => None,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Blank => "blank",
            Self::Personalised => "personalised",
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Terminated => "terminated",
        })
    }
}
