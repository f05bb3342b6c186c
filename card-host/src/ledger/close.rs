//! Cash handed over, and days closed (docs/ledger.md, section 9).

use card_core::units::Piastres;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::audit::AuditKey;
use super::entry::EntryId;
use super::error::{LedgerError, Refusal};
use super::names::{PartyCode, PointCode, RequestId};
use super::office::{Office, Who};
use crate::issuer::Clock;
use crate::keystore::KeyStore;

/// How many, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// How many entries.
    pub count: u64,
    /// What their amounts add up to, in piastres.
    pub amount: u64,
    /// What came into the cash by them, less what went out, in piastres.
    pub cash: i64,
}

/// A sale that waits at the end of a day: the company decides what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// Whose request.
    pub party: PartyCode,
    /// Its id.
    pub request: RequestId,
    /// Number of its first entry.
    pub number: u64,
    /// When it was announced, POSIX seconds.
    pub time: u64,
    /// In piastres.
    pub amount: u64,
    /// Whether it is paid.
    pub paid: bool,
}

/// What happened at a vending point since its last close. Kept in the entry that closes the day, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayStatement {
    /// The vending point.
    pub point: PointCode,
    /// Number of the first entry that it covers.
    pub first: u64,
    /// Number of the last one; below `first` where nothing happened.
    pub last: u64,
    /// Hash of the last one: 64 hexadecimal digits.
    pub head: String,
    /// When the day before was closed, POSIX seconds; 0: never.
    pub since: u64,
    /// When this one was closed, POSIX seconds.
    pub time: u64,
    /// By kind of entry.
    pub kinds: BTreeMap<String, Sums>,
    /// Cash at the beginning, in piastres.
    pub opening_cash: i64,
    /// Cash by the books, in piastres.
    pub booked_cash: i64,
    /// Cash as it was counted, in piastres.
    pub counted_cash: u64,
    /// Counted less booked, in piastres: booked as a difference.
    pub difference: i64,
    /// Sales that were announced, or paid, more than [`DayStatement::WAITS`] seconds ago and wait: the first [`DayStatement::MOST_WAITING`].
    pub waiting: Vec<Waiting>,
    /// How many more of them there are.
    pub more_waiting: u64,
}

impl DayStatement {
    /// From when on what waits is listed, in seconds: a day.
    pub const WAITS: u32 = 86_400;
    /// The most that are listed.
    pub const MOST_WAITING: usize = 50;

    /// Of one kind.
    pub fn of(&self, kind: super::Kind) -> Sums {
        self.kinds.get(kind.code()).copied().unwrap_or_default()
    }
}

impl<K: KeyStore, C: Clock> Office<K, C> {
    /// A vending point hands over cash: its own party books it, or the company. Repeated, it gives the same entry.
    pub fn deposit(
        &self,
        who: &Who,
        id: &RequestId,
        point: &PointCode,
        amount: Piastres,
        reason: &str,
    ) -> Result<EntryId, LedgerError> {
        let _ = (who, id, point, amount, reason);
        Err(Refusal::Invalid("deposits are not built in yet".to_owned()).into())
    }

    /// Closes the day of a vending point: its own party does it, or the company. What was counted becomes its cash, and what differs from the books is
    /// booked as that. With a `key` the head of the chain is signed after it. Repeated, it gives the same statement.
    pub fn close_day(
        &self,
        who: &Who,
        id: &RequestId,
        point: &PointCode,
        counted: Piastres,
        key: Option<&AuditKey>,
    ) -> Result<DayStatement, LedgerError> {
        let _ = (who, id, point, counted, key);
        Err(Refusal::Invalid("closing is not built in yet".to_owned()).into())
    }
}
