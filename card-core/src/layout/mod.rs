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
pub use files::{DIRECTORY_SIZE, File, Form, PROFILE_SIZE, Readers};

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
