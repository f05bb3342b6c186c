//! Where a meter keeps what it knows: logs and rings, one behind the other (docs/meter.md, section 1).

use crate::store::{Journal, Log, Ring};

/// Identity and keys: written when the meter is installed, and when keys change.
pub(super) const KEYS: Log = Log::new(0, 7, 2);
/// Pages that consumption is written to in turn: 1000 kWh a month are 120,000 increments a year, so 2,300 erases of each.
const INCREMENTS: Ring = Ring::new(KEYS.end(), 52);
const STATES: Log = Log::new(INCREMENTS.end(), 27, 2);
/// The state.
pub(super) const STATE: Journal = Journal::new(STATES, INCREMENTS);

/// Most events that one update of the state adds.
pub(super) const MOST_FRESH: usize = 12;
/// Events that are kept for cards.
pub(super) const KEPT_EVENTS: u16 = 64;
/// Months that are kept for cards.
pub(super) const KEPT_MONTHS: u16 = 36;

// An update may write all its events and be cut before it counts: then none of those that count must have lost its place.
/// Closed months.
pub(super) const MONTHS: Ring = Ring::new(STATES.end(), KEPT_MONTHS + 1);
/// Events.
pub(super) const EVENTS: Ring = Ring::new(MONTHS.end(), KEPT_EVENTS + MOST_FRESH as u16);

/// Pages of memory that a meter uses, from page 0 on.
pub const MEMORY_PAGES: u16 = EVENTS.end();
