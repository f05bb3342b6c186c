//! Exports: entries with their transfers as JSON lines and CSV, with a manifest that the audit key signs (docs/ledger.md, section 9).

use card_core::units::CardTime;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::audit::{AuditKey, Progress};
use super::error::LedgerError;
use super::names::PointCode;
use super::store::Ledger;

/// What is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportOrder {
    /// These vending points; all of them where there are none.
    pub points: Vec<PointCode>,
    /// Entries from this time on.
    pub from: CardTime,
    /// And before this one.
    pub until: CardTime,
    /// When it is made.
    pub now: CardTime,
}

/// What an export contains: `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `EGLEDGER export v1`.
    pub format: String,
    /// The company.
    pub company: u16,
    /// `test` or `production`.
    pub environment: String,
    /// How often the ledger had been restored from a copy.
    pub epoch: u32,
    /// Entries from this time on, POSIX seconds.
    pub from: u64,
    /// And before this one.
    pub until: u64,
    /// When it was made, POSIX seconds.
    pub made: u64,
    /// Its files by name.
    pub files: BTreeMap<String, ExportFile>,
    /// Its vending points by code.
    pub points: BTreeMap<String, ExportPoint>,
    /// Sums by account, where `credit` and `debt` stand for all of theirs.
    pub accounts: BTreeMap<String, ExportSums>,
}

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ExportFile {
    /// SHA-256: 64 hexadecimal digits.
    pub sha256: String,
    /// Bytes.
    pub bytes: u64,
    /// Records: lines, in CSV without the first.
    pub records: u64,
}

/// A vending point's part of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportPoint {
    /// Number of the first entry.
    pub first: u64,
    /// Number of the last entry.
    pub last: u64,
    /// Hash of the entry before the first: 64 hexadecimal digits.
    pub before: String,
    /// Hash of the last entry: 64 hexadecimal digits.
    pub head: String,
}

/// Debits and credits of an account, in piastres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct ExportSums {
    /// Sum of what it received.
    pub debits: u64,
    /// Sum of what it gave.
    pub credits: u64,
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The folder is there already.
    #[error("{} exists already and is not replaced: choose another name", .0.display())]
    Exists(PathBuf),
    /// The operating system refuses.
    #[error("{}: {source}: see that the folder exists, has room, and this user may use it", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A sum that no export has.
    #[error("the sums of {0} are too large to be written: export a shorter time")]
    TooLarge(String),
}

/// Writes an export into a new folder, whole or not at all; with a `key`, its manifest is signed.
pub fn export(
    ledger: &dyn Ledger,
    key: Option<&AuditKey>,
    order: &ExportOrder,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Manifest, ExportError> {
    let _ = (ledger, key, order, folder, progress);
    Err(LedgerError::from(super::StoreError::Unavailable("exports are not built in yet".to_owned())).into())
}
