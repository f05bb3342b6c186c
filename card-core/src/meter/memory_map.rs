//! Where a meter keeps what it knows: logs and rings, one behind the other (docs/meter.md, section 1).

use super::happening::Class;
use crate::store::{Journal, Log, Ring};

/// Identity and keys: written when the meter is installed, and when keys change.
pub(super) const KEYS: Log = Log::new(0, 7, 2);
/// Pages that consumption is written to in turn: 1000 kWh a month are 120,000 increments a year, so 2,300 erases of each.
const INCREMENTS: Ring = Ring::new(KEYS.end(), 52);
const STATES: Log = Log::new(INCREMENTS.end(), 28, 2);
/// The state.
pub(super) const STATE: Journal = Journal::new(STATES, INCREMENTS);

/// Most events that one update of the state adds: a certificate with doubts that opens a binding, and the end of a month with all fees,
/// another tariff and four instalments.
pub(super) const MOST_FRESH: usize = 24;
/// Months that are kept for cards.
pub(super) const KEPT_MONTHS: u16 = 36;

// An update may write all its events and be cut before it counts: then none of those that count must have lost its place.
/// Closed months.
pub(super) const MONTHS: Ring = Ring::new(STATES.end(), KEPT_MONTHS + 1);
// What one update adds of each class: credit, a correction, 13 fees, a tariff and 4 instalments; an outage, a loan that begins and is over,
// a change of the supply, an overload and a relay; and so on.
const MONEY: Ring = Ring::new(MONTHS.end(), Class::Money.kept() + 20);
const SUPPLY: Ring = Ring::new(MONEY.end(), Class::Supply.kept() + 8);
const TAMPERING: Ring = Ring::new(SUPPLY.end(), Class::Tampering.kept() + 2);
const OTHERS: Ring = Ring::new(TAMPERING.end(), Class::State.kept() + 8);

/// The events of a class.
pub(super) const fn events(class: Class) -> Ring {
    match class {
        Class::Money => MONEY,
        Class::Supply => SUPPLY,
        Class::Tampering => TAMPERING,
        Class::State => OTHERS,
    }
}

/// Charges that are kept.
pub(super) const KEPT_CHARGES: u16 = 10;
/// The last charges.
pub(super) const CHARGES: Ring = Ring::new(OTHERS.end(), KEPT_CHARGES + 1);

/// Pages of memory that a meter uses, from page 0 on.
pub const MEMORY_PAGES: u16 = CHARGES.end();
