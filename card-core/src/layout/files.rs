//! Files and who may read them (specification, section 6).

use super::answers::{Identity, PurseFile};
use super::{Authority, Grant};
use crate::message::{BindingCertificate, Event, LoadRecord, MeterReceipt, Month, Slot};
use crate::role::Role;
use crate::scp03::SecurityLevel;

/// An elementary file, by its short EF identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum File {
    /// Card id, generation, company, environment; public.
    Identity = 1,
    /// The issuer's data on the customer; no name, no address.
    Profile = 2,
    /// Binding certificate.
    Binding = 3,
    /// Credit certificate and settled totals.
    Purse = 4,
    /// Accepted loads.
    LoadLog = 5,
    /// Last meter receipt and the month that runs.
    Meter = 6,
    /// Closed months.
    Months = 7,
    /// Events of the meter.
    Events = 8,
    /// Versions of all mail.
    MailDirectory = 9,
    /// Binding, purse and mail directory in one.
    Account = 10,
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// READ BINARY, this many bytes.
    Transparent(usize),
    /// READ RECORD, at most `count` records of `size` bytes, number 1 the newest.
    Cyclic {
        /// Bytes in a record.
        size: usize,
        /// Most records.
        count: u8,
    },
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Everybody, without a session.
    Everybody,
    /// Admin, vending and holder.
    Private,
    /// These, and the meter.
    PrivateAndMeter,
}

impl File {
    /// All files, in the order of their identifiers.
    pub const ALL: [Self; 10] = [
        Self::Identity,
        Self::Profile,
        Self::Binding,
        Self::Purse,
        Self::LoadLog,
        Self::Meter,
        Self::Months,
        Self::Events,
        Self::MailDirectory,
        Self::Account,
    ];

    /// The file with this short EF identifier.
    pub fn from_sfi(sfi: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|file| file.sfi() == sfi)
    }

    /// Short EF identifier.
    pub const fn sfi(self) -> u8 {
        self as u8
    }

    /// Form and size.
    pub const fn form(self) -> Form {
        match self {
            Self::Identity => Form::Transparent(Identity::SIZE),
            Self::Profile => Form::Transparent(PROFILE_SIZE),
            Self::Binding => Form::Transparent(BindingCertificate::SIZE),
            Self::Purse => Form::Transparent(PurseFile::SIZE),
            Self::LoadLog => Form::Cyclic { size: LoadRecord::SIZE, count: 32 },
            Self::Meter => Form::Transparent(MeterReceipt::SIZE + Month::SIZE),
            Self::Months => Form::Cyclic { size: Month::SIZE, count: 36 },
            Self::Events => Form::Cyclic { size: Event::SIZE, count: 64 },
            Self::MailDirectory => Form::Transparent(DIRECTORY_SIZE),
            Self::Account => Form::Transparent(BindingCertificate::SIZE + PurseFile::SIZE + DIRECTORY_SIZE),
        }
    }

    /// Who may read it.
    pub const fn readers(self) -> Readers {
        match self {
            Self::Identity => Readers::Everybody,
            Self::Binding | Self::MailDirectory => Readers::PrivateAndMeter,
            _ => Readers::Private,
        }
    }

    /// Whether a command with this authority may read it; `None` is a command without secure messaging.
    pub fn may_be_read_by(self, authority: Option<Authority>) -> bool {
        let private = Grant::any(&[Role::Admin, Role::Vending, Role::Holder], SecurityLevel::Full);
        let meter = Grant::any(&[Role::Meter], SecurityLevel::CMacRMac);
        match self.readers() {
            Readers::Everybody => true,
            Readers::Private => private.admits(authority),
            Readers::PrivateAndMeter => private.admits(authority) || meter.admits(authority),
        }
    }
}

/// Bytes in the mail directory.
pub const DIRECTORY_SIZE: usize = 4 * Slot::COUNT;
/// Bytes in the customer profile.
pub const PROFILE_SIZE: usize = 96;
