//! What SQLite says, in the words of the ledger.

use rusqlite::{Error, ErrorCode};

use crate::{LedgerError, StoreError};

/// Where a statement failed.
pub(super) fn store(what: &str, error: &Error) -> StoreError {
    let said = format!("{what}: {error}");
    match error.sqlite_error_code() {
        Some(code) if passes(code) => StoreError::Unavailable(said),
        Some(ErrorCode::NotADatabase) => StoreError::Other(said),
        // A rule of the tables, a damaged page, a table that is not there, a row that is none of ours: what is above makes
        // no such statements, so the ledger is not what it was.
        _ => StoreError::Corrupt(said),
    }
}

/// The same as an error of the ledger.
pub(super) fn failed(what: &str, error: &Error) -> LedgerError {
    store(what, error).into()
}

/// Whether SQLite may have ended the whole transaction with this error, or has lost its footing: nothing more is asked of the
/// connection. A statement that only broke a rule of a table is undone alone.
pub(super) fn is_severe(error: &Error) -> bool {
    match error.sqlite_error_code() {
        Some(code) => passes(code) || matches!(code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase),
        None => false,
    }
}

/// Whether it is about the disk, the memory, or another program, rather than about what the ledger holds.
const fn passes(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::OutOfMemory
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::ReadOnly
            | ErrorCode::OperationInterrupted
            | ErrorCode::OperationAborted
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::InternalMalfunction
    )
}
