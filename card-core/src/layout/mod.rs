//! Files, commands and who may do what in which state: the tables of the specification's sections 6 and 7, which the
//! card enforces and terminals read.

mod answers;
mod commands;
mod files;
pub mod status;

pub use answers::{
    AtMeter, CardSummary, CertificateAnswer, Identity, PublicBalances, PublicStatus, PurseFile,
};
pub use commands::{Instruction, session_allowed};
pub use files::{File, Form, PROFILE_SIZE, Readers};

use crate::apdu::StatusWord;
use crate::role::Role;
use crate::scp03::SecurityLevel;

/// What a command with secure messaging carries: the role of its session's keys, and the session's level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority {
    /// Role of the key set that authenticated.
    pub role: Role,
    /// Level of the session.
    pub level: SecurityLevel,
}

/// Roles that may do something, and the least level for it.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    roles: &'static [Role],
    least: Option<SecurityLevel>,
}

impl Grant {
    pub(crate) const fn any(roles: &'static [Role], least: SecurityLevel) -> Self {
        Self { roles, least: Some(least) }
    }

    pub(crate) const PUBLIC: Self = Self { roles: &[], least: None };

    /// Whether `authority` is enough.
    pub fn admits(&self, authority: Option<Authority>) -> bool {
        match (self.least, authority) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(least), Some(given)) => self.roles.contains(&given.role) && given.level.includes(least),
        }
    }
}

/// Tags of GET DATA.
pub mod tag {
    /// Card recognition data (GP appendix H).
    pub const CARD_RECOGNITION: u16 = 0x0066;
    /// Key information (GP 11.3.3.1).
    pub const KEY_INFORMATION: u16 = 0x00E0;
    /// Public status.
    pub const PUBLIC_STATUS: u16 = 0xDF21;
    /// Latest card receipt.
    pub const RECEIPT: u16 = 0xDF22;
}

/// What a status word of the card means, and what to do about it.
pub fn advice(status: StatusWord) -> (&'static str, &'static str) {
    match status.0 {
        0x6300 => (
            "the card did not accept our keys",
            "check that the keys are this card's: company, environment, version",
        ),
        0x6581 => ("the card's memory has failed", "replace the card; its credit is in the ledger"),
        0x6982 => (
            "this needs a session with other keys or a higher security level",
            "open the session that the command needs",
        ),
        0x6985 => ("the card's state does not allow this", "look at the card's state"),
        0x6988 => ("the secured command arrived altered and the session has ended", "authenticate again"),
        0x6A82 => {
            ("the card application or file is not there", "is this a prepaid electricity card, and issued?")
        }
        0x9401 => ("this is for another card", "use the card that it was issued for"),
        0x9402 => ("this is from another distribution company", "go to the company that issued the card"),
        0x9403 => ("test and production do not mix", "use a card and keys of one environment"),
        0x9404 => ("this is for another meter", "use the meter that the card was issued for"),
        0x9405 => (
            "this is for another binding of the meter, or an older one",
            "fetch the present one from the issuer",
        ),
        0x9406 => ("this is for another generation of the card", "use the newest card"),
        0x9407 => ("totals fall although the sequence rises", "report it to the issuer"),
        0x9408 => (
            "the authentication code is wrong: altered, or made with another key",
            "fetch it again from the issuer",
        ),
        0x9409 => {
            ("the card does not have this version of the key", "issue it with the version that the card has")
        }
        0x940A => ("this is older than what the card has", "fetch the newest from the issuer"),
        0x940B => ("a counter of the card is at its last value", "replace the card"),
        0x940C => (
            "the meter's totals are below those that it settled before",
            "the meter's memory has gone back: open a new binding",
        ),
        0x940D => ("the card is not activated yet", "make the first charge at a branch"),
        _ => ("the card refused the command", "see the status word in ISO/IEC 7816-4"),
    }
}
