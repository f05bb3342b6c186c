//! Commands, who may use them, and in which states (specification, sections 3 and 7).

use super::Grant;
use crate::id::State;
use crate::role::Role;
use crate::scp03::SecurityLevel;

/// A command of the card, by its instruction byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Instruction {
    /// ISO/IEC 7816-4, 7.1.1.
    Select = 0xA4,
    /// ISO/IEC 7816-4, 7.2.3.
    ReadBinary = 0xB0,
    /// ISO/IEC 7816-4, 7.3.3.
    ReadRecord = 0xB2,
    /// ISO/IEC 7816-4, 7.4.2.
    GetData = 0xCA,
    /// ISO/IEC 7816-4, 7.6.1.
    GetResponse = 0xC0,
    /// SCP03, 7.1.1.
    InitializeUpdate = 0x50,
    /// SCP03, 7.1.2.
    ExternalAuthenticate = 0x82,
    /// Specification, section 9.
    LoadVoucher = 0x40,
    /// Specification, section 10.
    PutMail = 0x42,
    /// Specification, section 10.
    GetMail = 0x44,
    /// Specification, section 11.
    ReadCertificate = 0x46,
    /// Specification, section 11.
    Settle = 0x48,
    /// Specification, section 11.
    PutHistory = 0x4A,
    /// Specification, section 10.
    PutMeterMail = 0x4E,
    /// Specification, section 12.
    Bind = 0x52,
    /// Specification, section 12.
    StoreData = 0xE2,
    /// GP 11.8; specification, section 12.
    PutKey = 0xD8,
    /// Specification, 7.6.
    SetStatus = 0xF0,
}

/// Which class bytes a command is known under, without the secure messaging bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Interindustry,
    Proprietary,
    Both,
}

impl Instruction {
    const ALL: [Self; 18] = [
        Self::Select,
        Self::ReadBinary,
        Self::ReadRecord,
        Self::GetData,
        Self::GetResponse,
        Self::InitializeUpdate,
        Self::ExternalAuthenticate,
        Self::LoadVoucher,
        Self::PutMail,
        Self::GetMail,
        Self::ReadCertificate,
        Self::Settle,
        Self::PutHistory,
        Self::PutMeterMail,
        Self::Bind,
        Self::StoreData,
        Self::PutKey,
        Self::SetStatus,
    ];

    const fn class(self) -> Class {
        match self {
            Self::Select | Self::ReadBinary | Self::ReadRecord => Class::Interindustry,
            Self::GetData | Self::GetResponse => Class::Both,
            _ => Class::Proprietary,
        }
    }

    /// The command with this class (00 or 80, without the secure messaging bit) and instruction byte.
    pub fn known(cla: u8, ins: u8) -> Option<Self> {
        let found = Self::ALL.into_iter().find(|instruction| *instruction as u8 == ins)?;
        match (found.class(), cla) {
            (Class::Interindustry | Class::Both, 0x00) | (Class::Proprietary | Class::Both, 0x80) => {
                Some(found)
            }
            _ => None,
        }
    }

    /// The class byte that terminals use, without secure messaging.
    pub const fn cla(self) -> u8 {
        match self.class() {
            Class::Interindustry | Class::Both => 0x00,
            Class::Proprietary => 0x80,
        }
    }

    /// Who may use it, at which level. STORE DATA and SET STATUS are narrower, by P2.
    pub const fn grant(self) -> Grant {
        use SecurityLevel::{CMacCEncRMac, CMacRMac, Full};
        match self {
            Self::ReadCertificate | Self::PutMeterMail => Grant::any(&[Role::Meter], CMacRMac),
            Self::Settle | Self::PutHistory => Grant::any(&[Role::Meter], CMacCEncRMac),
            Self::Bind | Self::PutKey => Grant::any(&[Role::Admin], Full),
            Self::StoreData => Grant::any(&[Role::Admin, Role::Vending], Full),
            Self::SetStatus => Grant::any(&[Role::Admin, Role::Vending], CMacRMac),
            _ => Grant::PUBLIC,
        }
    }

    /// Whether the card accepts it in this state. A session's role is limited by [`session_allowed`].
    pub const fn allowed_in(self, state: State) -> bool {
        use State::{Active, Blank, Personalised, Terminated};
        match self {
            Self::LoadVoucher | Self::PutMail => matches!(state, Personalised | Active),
            Self::GetMail => !matches!(state, Blank),
            Self::ReadCertificate | Self::Settle | Self::PutHistory | Self::PutMeterMail => {
                matches!(state, Active)
            }
            Self::Bind => matches!(state, Blank | Personalised | Active),
            Self::StoreData | Self::PutKey => !matches!(state, Terminated),
            _ => true,
        }
    }
}

/// Whether a session of `role` may be opened in `state`.
pub const fn session_allowed(role: Role, state: State) -> bool {
    match role {
        Role::Admin => true,
        Role::Vending | Role::Holder => !matches!(state, State::Blank | State::Terminated),
        Role::Meter => matches!(state, State::Active),
        _ => false,
    }
}
