//! GlobalPlatform Secure Channel Protocol '03' (Card Specification, Amendment D, version 1.1.2 and later), both sides, sans-IO.
//!
//! [`card`] answers, [`host`] asks; neither sends anything. What is here has random card challenges, modes S8 and S16, and
//! static keys of any AES length.
//!
//! # What a host may believe
//!
//! Responses at levels without R-MAC, and error statuses at *every* level, carry no MAC: [`host::Reply`] says which of the two a
//! reply is. An unverified error never proves that the command was not executed.

pub mod card;
mod derive;
pub mod host;
mod session;

use core::fmt;

use crate::apdu::{ClassByte, SecureMessaging, StatusWord};
use crate::key::{AesKey, KeyLength};
use crate::platform::{Block, Engine};
use crate::role::KeyVersion;

pub use card::{CardHandshake, CardSession};
pub use host::{HostHandshake, HostSession};

/// INS of INITIALIZE UPDATE (Amendment D, 7.1.1).
pub const INITIALIZE_UPDATE: u8 = 0x50;

/// INS of EXTERNAL AUTHENTICATE (Amendment D, 7.1.2).
pub const EXTERNAL_AUTHENTICATE: u8 = 0x82;

/// Identifier of this protocol in the key information and in card recognition data (Amendment D, 5.1 and 7.1.1.7).
pub const PROTOCOL: u8 = 0x03;

/// Key diversification data in the answer to INITIALIZE UPDATE (Amendment D, 7.1.1.7).
pub type Diversification = [u8; 10];

/// Length of challenges, cryptograms and MACs (Amendment D 1.2, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// 8 bytes.
    S8,
    /// 16 bytes.
    S16,
}

impl Mode {
    /// Bytes in a challenge, a cryptogram and a MAC.
    pub const fn bytes(self) -> usize {
        match self {
            Self::S8 => 8,
            Self::S16 => 16,
        }
    }

    /// The implementation parameter "i" of a card with this mode, random challenge, R-MAC and R-ENCRYPTION (Amendment D, 5.1,
    /// table 5-1): 60 or 61.
    pub const fn i(self) -> u8 {
        match self {
            Self::S8 => 0x60,
            Self::S16 => 0x61,
        }
    }

    /// The front of a block that has this mode's length.
    fn front(self, block: &Block) -> &[u8] {
        block.get(..self.bytes()).unwrap_or(block)
    }
}

/// What protects commands and responses (Amendment D, 7.1.2.1, P1 of EXTERNAL AUTHENTICATE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SecurityLevel {
    /// 01: C-MAC.
    CMac = 0x01,
    /// 03: C-MAC and C-DECRYPTION.
    CMacCEnc = 0x03,
    /// 11: C-MAC and R-MAC.
    CMacRMac = 0x11,
    /// 13: C-MAC, C-DECRYPTION and R-MAC.
    CMacCEncRMac = 0x13,
    /// 33: C-MAC, C-DECRYPTION, R-MAC and R-ENCRYPTION.
    Full = 0x33,
}

impl SecurityLevel {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::CMac, Self::CMacCEnc, Self::CMacRMac, Self::CMacCEncRMac, Self::Full];

    /// Whether this level protects everything that `minimum` does. The levels are not a line: 03 and 11 include neither the
    /// other.
    pub const fn includes(self, minimum: Self) -> bool {
        self as u8 & minimum as u8 == minimum as u8
    }

    /// Whether command data are encrypted.
    pub const fn encrypts_commands(self) -> bool {
        self as u8 & 0x02 != 0
    }

    /// Whether responses carry a MAC.
    pub const fn authenticates_responses(self) -> bool {
        self as u8 & 0x10 != 0
    }

    /// Whether response data are encrypted.
    pub const fn encrypts_responses(self) -> bool {
        self as u8 & 0x20 != 0
    }
}

/// The byte is no security level with at least C-MAC (Amendment D, 7.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a security level of SCP03")]
pub struct UnknownLevel;

impl TryFrom<u8> for SecurityLevel {
    type Error = UnknownLevel;

    fn try_from(byte: u8) -> Result<Self, UnknownLevel> {
        Self::ALL.into_iter().find(|level| *level as u8 == byte).ok_or(UnknownLevel)
    }
}

/// The most command data that fits one short command at this level (Amendment D, 6.2.4 and 6.2.6; ISO/IEC 7816-3, 12.1.3).
pub const fn max_data(level: SecurityLevel, mode: Mode) -> usize {
    longest(255 - mode.bytes(), level.encrypts_commands())
}

/// The most response data that fits one short response at this level (Amendment D, 6.2.5 and 6.2.7).
pub const fn max_response(level: SecurityLevel, mode: Mode) -> usize {
    let room = if level.authenticates_responses() { 256 - mode.bytes() } else { 256 };
    longest(room, level.encrypts_responses())
}

/// Padding adds at least one byte, and fills a block.
const fn longest(room: usize, encrypted: bool) -> usize {
    if encrypted { room / size_of::<Block>() * size_of::<Block>() - 1 } else { room }
}

/// A static key set (Amendment D, 6.1): three keys of one length. Wiped when dropped, not `Clone`, redacted in `Debug`.
pub struct KeySet {
    version: KeyVersion,
    enc: AesKey,
    mac: AesKey,
    dek: AesKey,
}

impl KeySet {
    /// Key-ENC, Key-MAC and Key-DEK with their key version number. Fails where they are not of one length (Amendment D, 6.1).
    pub fn new(version: KeyVersion, enc: AesKey, mac: AesKey, dek: AesKey) -> Result<Self, MixedLengths> {
        if enc.length() == mac.length() && mac.length() == dek.length() {
            Ok(Self { version, enc, mac, dek })
        } else {
            Err(MixedLengths)
        }
    }

    /// Key version number.
    pub const fn version(&self) -> KeyVersion {
        self.version
    }

    /// Key-ENC.
    pub const fn enc(&self) -> &AesKey {
        &self.enc
    }

    /// Key-MAC.
    pub const fn mac(&self) -> &AesKey {
        &self.mac
    }

    /// Key-DEK.
    pub const fn dek(&self) -> &AesKey {
        &self.dek
    }

    /// Length of the three.
    pub const fn length(&self) -> KeyLength {
        self.enc.length()
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySet({}, {:?}, redacted)", self.version, self.length())
    }
}

/// The keys of a set are not all of one length (Amendment D, 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keys of a set have different lengths")]
pub struct MixedLengths;

/// Key check value of an AES key: the first three bytes of 16 bytes 01 encrypted with it (Amendment D, 7.2, PUT KEY; Card
/// Specification 2.3, B.6).
pub fn key_check_value<E: Engine + ?Sized>(engine: &mut E, key: &AesKey) -> [u8; 3] {
    let mut block = [0x01; 16];
    engine.encrypt_block(key, &mut block);
    let [a, b, c, ..] = block;
    [a, b, c]
}

/// Whether a response with this status word is protected (Amendment D, 6.2.5): success and warnings are, errors are not.
pub const fn is_protected(status: StatusWord) -> bool {
    status.is_ok() || status.is_warning()
}

/// The class byte of a command with secure messaging, from that of the command without (Card Specification 2.3, 11.1.4).
/// `None` where the class cannot have it, or indicates another secure messaging already.
fn secured_class(cla: u8) -> Option<u8> {
    match ClassByte::of(cla).ok()?.bits()?.secure_messaging {
        SecureMessaging::None if cla & 0x40 == 0 => Some(cla | 0x04),
        SecureMessaging::None => Some(cla | 0x20),
        SecureMessaging::Proprietary | SecureMessaging::Unspecified => Some(cla),
        SecureMessaging::HeaderOpen | SecureMessaging::HeaderAuthenticated => None,
    }
}

/// The class byte as the C-MAC covers it (Amendment D, 6.2.4): with secure messaging, without the logical channel's number.
/// `None` where secure messaging is not indicated.
fn authenticated_class(cla: u8) -> Option<u8> {
    match ClassByte::of(cla).ok()?.bits()?.secure_messaging {
        SecureMessaging::Proprietary => Some(cla & !0x03),
        SecureMessaging::Unspecified => Some(cla & !0x0F),
        SecureMessaging::None | SecureMessaging::HeaderOpen | SecureMessaging::HeaderAuthenticated => None,
    }
}
