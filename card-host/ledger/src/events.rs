//! What has happened at a vending point, to be read again and again from where one has come to (docs/ledger.md, section 15).

use card_core::units::{CardTime, Piastres};

use super::entry::{EntryId, Kind, RequestKey};
use super::error::{LedgerError, Refusal};
use super::names::{PartyCode, PointCode};
use super::store::{Ledger, read};

/// The most entries that one page goes through.
pub const MOST_EVENTS: u32 = 500;

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its entry.
    pub entry: EntryId,
    /// When.
    pub time: CardTime,
    /// What, as [`Event::WHAT`] says it.
    pub what: &'static str,
    /// Of which request.
    pub request: RequestKey,
    /// What was paid, given back, taken back or handed over.
    pub amount: Piastres,
}

impl Event {
    /// What an event may say.
    pub const WHAT: [&'static str; 9] = [
        "announced",
        "approved",
        "paid",
        "certified",
        "cancelled",
        "refunded",
        "corrected",
        "handed-over",
        "closed",
    ];

    const fn what(kind: Kind) -> Option<&'static str> {
        Some(match kind {
            Kind::Reserve => "announced",
            Kind::Approve => "approved",
            Kind::Confirm => "paid",
            Kind::Sale | Kind::Certify => "certified",
            Kind::Cancel => "cancelled",
            Kind::Refund => "refunded",
            Kind::Debit => "corrected",
            Kind::Deposit => "handed-over",
            Kind::Close => "closed",
            _ => return None,
        })
    }
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// In the order of the chain.
    pub events: Vec<Event>,
    /// After which number the next page begins.
    pub next: u64,
    /// Whether there is more already.
    pub more: bool,
}

/// What has happened at a vending point of this party after an entry of its chain. A chain has no gap and is written in its order, one commit
/// after the other: so nothing comes before `next` later, and nothing comes twice, whoever sells meanwhile.
///
/// # Errors
/// A refusal where it is not the party's vending point.
pub fn events(
    ledger: &dyn Ledger,
    party: &PartyCode,
    code: &PointCode,
    after: u64,
    most: u32,
) -> Result<Events, LedgerError> {
    let most = most.clamp(1, MOST_EVENTS);
    read(ledger, |t| {
        let point = t.point(code)?.filter(|point| point.party == *party);
        let point = point.ok_or_else(|| Refusal::UnknownPoint(code.clone()))?;
        let entries = t.chain(code, after, most)?;
        let next = entries.last().map_or(after, |last| last.id.number);
        let events = entries.into_iter().filter_map(|entry| {
            let what = Event::what(entry.kind)?;
            Some(Event {
                entry: entry.id,
                time: entry.time,
                what,
                request: entry.request,
                amount: entry.amount,
            })
        });
        Ok(Events { events: events.collect(), next, more: next < point.number })
    })
}
