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
use crate::text::{Language, Situation};

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

/// What a status word of the card means, and what to do about it: what a customer is told, but where a word concerns whoever
/// issues cards or writes programs.
pub fn advice(status: StatusWord) -> (&'static str, &'static str) {
    match status {
        StatusWord::AUTHENTICATION_FAILED => (
            "the card did not accept our keys",
            "check that the keys are this card's: company, environment, version",
        ),
        StatusWord::SECURITY_STATUS => (
            "this needs a session with other keys or a higher security level",
            "open the session that the command needs",
        ),
        StatusWord::SECURE_MESSAGING_DATA => {
            ("the secured command arrived altered and the session has ended", "authenticate again")
        }
        StatusWord::FILE_NOT_FOUND => {
            ("the card application or file is not there", "is this a prepaid electricity card, and issued?")
        }
        status::TOTALS_FALL => ("totals fall although the sequence rises", "report it to the issuer"),
        status::OTHER_KEY_VERSION => {
            ("the card does not have this version of the key", "issue it with the version that the card has")
        }
        status::BELOW_SETTLED => (
            "the meter's totals are below those that it settled before",
            "the meter's memory has gone back: open a new binding",
        ),
        status => match Situation::of_status(status) {
            Situation::Refused => ("the card refused the command", "see the status word in ISO/IEC 7816-4"),
            known => {
                let text = known.text(Language::English);
                (text.what, text.to_do)
            }
        },
    }
}
