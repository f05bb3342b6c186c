//! Where everything lies in memory: logs and rings, one behind the other (specification, section 13).

use card_core::message::Slot;
use card_core::store::{Log, Ring};

/// Identity and profile: 119 bytes.
pub(crate) const IDENTITY: Log = Log::new(0, 3, 2);
/// State, certificate, counters: 65 bytes; hot.
pub(crate) const PURSE: Log = Log::new(IDENTITY.end(), 2, 8);
/// What the meter last settled: 123 bytes; hot.
pub(crate) const SETTLEMENT: Log = Log::new(PURSE.end(), 3, 8);
/// Failed authentications: 8 bytes.
pub(crate) const FAILURES: Log = Log::new(SETTLEMENT.end(), 1, 8);
/// Binding and meter key set, twice: the purse says which one counts.
pub(crate) const BINDINGS: [Log; 2] = [Log::new(FAILURES.end(), 3, 2), Log::new(FAILURES.end() + 6, 3, 2)];
/// Key sets of admin, vending and holder: 98 bytes each.
pub(crate) const ADMIN_KEYS: Log = Log::new(BINDINGS[1].end(), 2, 2);
/// See [`ADMIN_KEYS`].
pub(crate) const VENDING_KEYS: Log = Log::new(ADMIN_KEYS.end(), 2, 2);
/// See [`ADMIN_KEYS`].
pub(crate) const HOLDER_KEYS: Log = Log::new(VENDING_KEYS.end(), 2, 2);
/// Load key: 34 bytes.
pub(crate) const LOAD_KEY: Log = Log::new(HOLDER_KEYS.end(), 1, 2);
/// Receipt key: 34 bytes.
pub(crate) const RECEIPT_KEY: Log = Log::new(LOAD_KEY.end(), 1, 2);
/// Accepted loads: 32, and one that is being written.
pub(crate) const LOADS: Ring = Ring::new(RECEIPT_KEY.end(), 33);
/// Closed months: 36, and up to 5 that are being written.
pub(crate) const MONTHS: Ring = Ring::new(LOADS.end(), 41);
/// Events: 64, and up to 13 that are being written.
pub(crate) const EVENTS: Ring = Ring::new(MONTHS.end(), 77);

const MAIL_PAGES: u8 = 3;
const MAIL: u16 = EVENTS.end();

/// The log of a mail slot: an envelope of up to 180 bytes and the binding's marker.
pub(crate) const fn mail(slot: Slot) -> Log {
    // At most 15 * 6, so nothing is cut off.
    Log::new(MAIL + slot.index() as u16 * (MAIL_PAGES as u16 * 2), MAIL_PAGES, 2)
}

/// Pages of memory that the application needs.
pub const PAGES: u16 = MAIL + Slot::COUNT as u16 * MAIL_PAGES as u16 * 2;
