//! A store that a power cut cannot tear, over the small memory trait in [`crate::platform`].
//!
//! [`Log`] keeps one state that changes as a whole: after a cut at any moment, also during recovery, it answers with
//! the old state or with the new one, and with the same one ever after. [`Ring`] keeps numbered history records;
//! they are written first, and a state in a `Log` that names their number makes them count. [`Journal`] is a `Log` for
//! a state of which a small part changes often: that part is written to a `Ring` beside it, which spreads the wear.
//!
//! What is assumed of the memory:
//! - it is erased before its first use;
//! - a cut harms the page being erased or programmed, and no other;
//! - a bit is left in doubt only where it was to change, and [`Memory::margin`](crate::platform::Memory::margin)
//!   finds such bits; programming a page again firms up every bit that is 0 in it, erasing it every bit.
//!
//! Torn data is told from whole data by a CRC-32, which guards against accidents, not against forgers.

mod journal;
mod kept;
mod log;
mod page;
mod ring;

pub use journal::{Journal, Place};
pub use kept::{Emit, Fields, Grows, INCREMENT, Increment, Kept, Writer};
pub use log::{Log, Record};
pub use ring::Ring;

use crate::message::FormatError;
use crate::platform::MemoryError;

/// Why the store could not do what it was asked to.
///
/// It fits a register, for it goes through everything that a meter does. After an error from a write, what it was to replace may be there, or its replacement: [`Log::recover`] says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The memory refused.
    #[error("the memory failed: {0}")]
    Memory(#[from] MemoryError),
    /// The log holds something, but no record in it is intact.
    #[error("the log has been used, but holds no intact record")]
    Corrupt,
    /// An intact record is none of what it was to be read into.
    #[error("a record is intact, but of another form: {0}")]
    Format(#[from] FormatError),
    /// The last epoch has been used. The newest record stays readable for ever.
    #[error("the log has used its last epoch and cannot change any more")]
    Exhausted,
    /// The payload does not fit into one slot.
    #[error("a payload does not fit into its place in memory")]
    TooLong,
    /// The caller's buffer cannot hold what may have to be put into it.
    #[error("the buffer is too small for what the memory holds")]
    BufferTooSmall,
    /// The page did not read back as it was written.
    #[error("page {page} does not hold what was written to it")]
    Unverified {
        /// Which page.
        page: u16,
    },
}
