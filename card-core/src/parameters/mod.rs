//! What mail says: plaintexts of the issuer's mail to a meter, and of the meter's to the issuer (docs/meter.md, sections 7 to 10).
//!
//! A plaintext has exactly one encoding: what `parse` accepts is what `emit` gives back. The tariff (slots 00 and 01) is in
//! [`crate::tariff`], the calendar (slot 03) in [`crate::calendar`].

pub mod command;

mod audit;
mod debts;
mod key_change;
mod limits;
mod month_so_far;
mod notices;
mod readings;

pub use audit::{AuditRecord, AuditRecords};
pub use command::{Action, Command};
pub use debts::{Debt, DebtKind, DebtPlan, MAX_DEBTS};
pub use key_change::{KeyChange, NewKeys};
pub use limits::Limits;
pub use month_so_far::MonthSoFar;
pub use notices::{MAX_NOTICES, Notice, Notices};
pub use readings::{KeysInUse, Readings};

use crate::bytes::{Reader, WrongLength};
use crate::id::CardId;
use crate::message::{FORMAT, MAX_PLAINTEXT};

// The longest of each fits the longest mail.
const _: () = assert!(Limits::SIZE <= MAX_PLAINTEXT);
const _: () = assert!(DebtPlan::MAX <= MAX_PLAINTEXT);
const _: () = assert!(Notices::MAX <= MAX_PLAINTEXT);
const _: () = assert!(MonthSoFar::SIZE <= MAX_PLAINTEXT);
const _: () = assert!(Command::SIZE <= MAX_PLAINTEXT);
const _: () = assert!(KeyChange::MAX <= MAX_PLAINTEXT);
const _: () = assert!(Readings::SIZE <= MAX_PLAINTEXT);
const _: () = assert!(AuditRecords::MAX <= MAX_PLAINTEXT);

/// What is wrong with a plaintext, or with what it should be made of. Debts and notices are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The bytes end too early, or some are left over.
    #[error("the content of the mail has the wrong length")]
    Length,
    /// The first byte.
    #[error("format: this content is of a format that is not known here")]
    Format,
    /// The second threshold is above the first.
    #[error("second threshold: it is not above the first threshold of low credit")]
    Thresholds,
    /// A minute that no day has.
    #[error("second power, from and until: minutes of the day, 0 to 1439")]
    SecondPower,
    /// Overloads without a pause.
    #[error("pause after an overload: it is at least 1 second")]
    OverloadPause,
    /// The clock's step is below an hour.
    #[error("greatest step of the clock: it is 60 to 3600 seconds")]
    ClockStep,
    /// A bit that is no kind of tampering.
    #[error("kinds of tampering that cut: only the bits 01, 02, 04, 08 and 10 are known")]
    TamperCuts,
    /// A bit that is no policy.
    #[error("policies: only the bit 01 is known")]
    Policies,
    /// More than four debts.
    #[error("debts: a plan has at most {MAX_DEBTS}")]
    DebtCount,
    /// Id 0, or that of a debt before.
    #[error("id of debt {0}: it is not 0, and no other debt has the same")]
    DebtId(u8),
    /// A kind that is not known.
    #[error("kind of debt {0}: it is not known here")]
    DebtKind(u8),
    /// Month index FFFF.
    #[error("first month of debt {0}: a month must be given")]
    DebtMonth(u8),
    /// No instalments.
    #[error("number of instalments of debt {0}: it is at least 1")]
    DebtInstalments(u8),
    /// More than eight notices.
    #[error("notices: there are at most {MAX_NOTICES}")]
    NoticeCount,
    /// Counter 0.
    #[error("counter of the command: it counts from 1")]
    Counter,
    /// Not a key version number Bv, or version 0.
    #[error("key version number of the transport key: it is of role B, and its version is 1 to 15")]
    TransportVersion,
    /// Not a key version number of a meter's keys, or version 0.
    #[error("key version number of the new keys: it is of role 7, 8, 9, A or B, and its version is 1 to 15")]
    KeyVersion,
    /// Another number of keys than the role has, or a gap among them.
    #[error("number of keys: roles 7, A and B have one, role 8 has two, role 9 has three")]
    KeyCount,
    /// Keys of unequal length, or AES-192.
    #[error("length of the keys: all have 16 bytes, or all have 32")]
    KeyLength,
    /// The wrapped keys are not for this meter: altered, of another transport key, company or environment, or of no known form.
    #[error("wrapped keys: they were altered, or are for another transport key, company or environment")]
    Keys,
    /// The half byte after the versions of the keys in use.
    #[error("versions of the keys in use: what follows them is 0")]
    KeysInUse,
    /// Month index FFFF.
    #[error("present month: it has an index")]
    Month,
    /// More than 2^62 piastres.
    #[error("paid: at most 2^62 piastres")]
    Paid,
    /// More than eight audit records.
    #[error("audit records: there are at most {}", AuditRecords::KEPT)]
    AuditCount,
}

impl From<WrongLength> for ParameterError {
    fn from(_: WrongLength) -> Self {
        Self::Length
    }
}

/// Behind the format byte, where that is the only one so far.
fn formatted(bytes: &[u8]) -> Result<Reader<'_>, ParameterError> {
    let mut reader = Reader::new(bytes);
    if reader.u8()? == FORMAT { Ok(reader) } else { Err(ParameterError::Format) }
}

/// All 00: no card is named.
const NO_CARD: CardId = CardId([0; 8]);

fn named(card: CardId) -> Option<CardId> {
    (card != NO_CARD).then_some(card)
}
