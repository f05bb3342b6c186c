//! Why a time is not believed (docs/ledger.md, section 5).

use card_core::units::CardTime;

use super::names::PointCode;

/// Why a time is not believed. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// Before the last entry of the vending point.
    #[error(
        "this clock shows {} s before the last entry of vending point {point}, so one of the two is wrong, and nothing was done: where this clock is \
         wrong, set it; where it is right, two people bring the vending point back to it (`cardctl ledger clock {point}`)",
        .last.0.saturating_sub(.now.0)
    )]
    Behind {
        /// The vending point.
        point: PointCode,
        /// What the clock shows.
        now: CardTime,
        /// The time of the last entry.
        last: CardTime,
    },
    /// Far after the newest entry of all, and nothing says that it is right.
    #[error(
        "this clock shows {} s after the newest entry of the ledger, and {}, so nothing was done: where this clock is wrong, set it; where it is \
         right, two people say so (`cardctl ledger clock office`)",
        .now.0.saturating_sub(.newest.0), beside(*.now, *.database)
    )]
    Ahead {
        /// What the clock shows.
        now: CardTime,
        /// The time of the newest entry.
        newest: CardTime,
        /// What the database's clock shows, where that is another one.
        database: Option<CardTime>,
    },
}

fn beside(now: CardTime, database: Option<CardTime>) -> String {
    match database.filter(|database| now.0 > database.0) {
        Some(database) => format!("{} s after the clock of the database", now.0.saturating_sub(database.0)),
        None => "no time server is known to keep this machine's clock right".to_owned(),
    }
}
