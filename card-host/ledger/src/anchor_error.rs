//! Why nothing is booked: the ledger and its anchor do not fit.

use super::names::PointCode;
use card_host::keystore::MemoryError;

/// Why nothing is booked: the ledger and its anchor do not fit. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorError {
    /// The ledger is older than what was written to it.
    #[error(
        "this ledger is an older copy: entry {number} of vending point {point} was written, and it is not there{moved}, so nothing was done; put the \
         newest copy in its place, or declare it with `cardctl ledger restored`"
    )]
    Behind {
        /// The vending point.
        point: PointCode,
        /// The entry.
        number: u64,
        /// Where the ledger is now and where it was, in brackets; nothing where that is the same.
        moved: String,
    },
    /// What remembers how far it had come cannot be asked, or knows of other books.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}
