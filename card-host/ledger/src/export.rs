//! Exports: entries with their transfers as JSON lines and CSV, with a manifest that the audit key signs (docs/ledger.md, section 9).

mod files;
mod line;

use card_core::id::Scope;
use card_core::units::CardTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::accounts::LedgerAccount;
use super::audit::{AuditKey, Progress, line_of};
use super::entry::{Entry, Transfer};
use super::error::{LedgerError, Refusal};
use super::names::PointCode;
use super::span::first_at;
use super::store::{Ledger, Transaction, read};
use card_host::durable::Draft;
use files::Files;

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
    /// Whether its tables begin with a byte order mark, by which spreadsheets know UTF-8.
    pub bom: bool,
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

/// The format that a manifest names.
pub const EXPORT_FORMAT: &str = "EGLEDGER export v1";
/// Entries of one page.
const PAGE: u32 = 500;

/// Writes an export into a new folder, whole or not at all; with a `key`, its manifest is signed. It sees one state of the ledger.
pub fn export(
    ledger: &dyn Ledger,
    key: Option<&AuditKey>,
    order: &ExportOrder,
    folder: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Manifest, ExportError> {
    if folder.exists() {
        return Err(ExportError::Exists(folder.to_owned()));
    }
    let io = |source| ExportError::Io { path: folder.to_owned(), source };
    let draft = Draft::folder(folder).map_err(io)?;
    // A store may run the work again from the start; what is outside of the ledger fails for good, and is kept beside it.
    let mut written = Err(ExportError::Exists(folder.to_owned()));
    read(ledger, |t| {
        written = write_all(t, ledger.scope(), order, draft.path(), progress);
        match &mut written {
            Err(ExportError::Ledger(error)) => Err(std::mem::replace(error, LedgerError::NotRun)),
            _ => Ok(()),
        }
    })?;
    let manifest = written?;
    let bytes = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
    files::write(draft.path(), "manifest.json", &bytes)?;
    if let Some(key) = key {
        let signature = key.sign(signed_text(&bytes).as_bytes());
        files::write(draft.path(), "manifest.sig", format!("{}\n", hex::encode(signature)).as_bytes())?;
    }
    // One that has appeared meanwhile is not replaced, where it holds anything.
    draft.replace().map_err(io)?;
    Ok(manifest)
}

/// What is signed of a manifest (docs/ledger.md, section 9).
fn signed_text(manifest: &[u8]) -> String {
    format!("EGLEDGER manifest v1\n{}\n", hex::encode(Sha256::digest(manifest)))
}

fn write_all(
    t: &mut dyn Transaction,
    scope: Scope,
    order: &ExportOrder,
    folder: &Path,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Manifest, ExportError> {
    let mut files = Files::create(folder, order.bom)?;
    let mut manifest = Manifest {
        format: EXPORT_FORMAT.to_owned(),
        company: scope.company.0,
        environment: scope.environment.to_string(),
        epoch: t.epoch()?,
        from: order.from.to_unix(),
        until: order.until.to_unix(),
        made: order.now.to_unix(),
        files: BTreeMap::new(),
        points: BTreeMap::new(),
        accounts: BTreeMap::new(),
    };
    let mut done = 0_u64;
    for code in points(t, order)? {
        let mut number = first_at(t, &code, order.from)?;
        let mut before = None;
        'chain: loop {
            let page = t.chain(&code, number.saturating_sub(1), PAGE)?;
            if page.is_empty() {
                break;
            }
            for entry in &page {
                if entry.time >= order.until {
                    break 'chain;
                }
                files.write(entry)?;
                sum(&mut manifest.accounts, entry)?;
                let before = before.get_or_insert((entry.id.number, entry.previous));
                let (first, before) = (before.0, hex::encode(before.1));
                let (last, head) = (entry.id.number, hex::encode(entry.hash));
                manifest.points.insert(code.to_string(), ExportPoint { first, last, before, head });
                number = entry.id.number.saturating_add(1);
                done = done.saturating_add(1);
            }
            progress(Progress { what: "entries", done });
        }
    }
    manifest.files = files.finish()?;
    Ok(manifest)
}

/// The vending points that are meant, in their order.
fn points(t: &mut dyn Transaction, order: &ExportOrder) -> Result<Vec<PointCode>, LedgerError> {
    if !order.points.is_empty() {
        let mut codes = order.points.clone();
        codes.sort_unstable();
        codes.dedup();
        for code in &codes {
            t.point(code)?.ok_or_else(|| Refusal::UnknownPoint(code.clone()))?;
        }
        return Ok(codes);
    }
    let mut codes: Vec<PointCode> = Vec::new();
    loop {
        let page = t.points(codes.last(), PAGE)?;
        if page.is_empty() {
            return Ok(codes);
        }
        codes.extend(page.into_iter().map(|point| point.code));
    }
}

fn sum(accounts: &mut BTreeMap<String, ExportSums>, entry: &Entry) -> Result<(), ExportError> {
    for Transfer { debit, credit, amount } in &entry.transfers {
        let mut add = |account: &LedgerAccount, amounts: (u64, u64)| {
            let line = line_of(account);
            let sums = accounts.entry(line.clone()).or_default();
            let (debits, credits) = (sums.debits.checked_add(amounts.0), sums.credits.checked_add(amounts.1));
            let (debits, credits) = debits.zip(credits).ok_or(ExportError::TooLarge(line))?;
            *sums = ExportSums { debits, credits };
            Ok::<_, ExportError>(())
        };
        add(debit, (amount.0, 0))?;
        add(credit, (0, amount.0))?;
    }
    Ok(())
}
