//! The entries of a vending point in a time: a chain is in the order of its times.

use card_core::units::CardTime;

use super::entry::{Entry, EntryId};
use super::error::LedgerError;
use super::names::PointCode;
use super::store::Transaction;

/// So many entries are read at once.
const PAGE: u32 = 500;

/// The entries of a vending point in a time, in their order.
pub(super) fn each_entry(
    t: &mut dyn Transaction,
    point: &PointCode,
    from: CardTime,
    until: CardTime,
    each: &mut dyn FnMut(&Entry) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let mut after = first_at(t, point, from)?.saturating_sub(1);
    loop {
        let page = t.chain(point, after, PAGE)?;
        for entry in &page {
            if entry.time >= until {
                return Ok(());
            }
            each(entry)?;
        }
        let Some(EntryId { number, .. }) = page.last().map(|entry| &entry.id) else { return Ok(()) };
        after = *number;
    }
}

/// Number of the first entry from a time on: entries of a chain are in the order of their times.
pub(super) fn first_at(
    t: &mut dyn Transaction,
    code: &PointCode,
    from: CardTime,
) -> Result<u64, LedgerError> {
    let last = t.point(code)?.map_or(0, |point| point.number);
    let (mut low, mut high) = (1_u64, last.saturating_add(1));
    while low < high {
        let middle = low.midpoint(high);
        let entry = t.entry(&EntryId { point: code.clone(), number: middle })?;
        if entry.is_some_and(|entry| entry.time < from) {
            low = middle.saturating_add(1);
        } else {
            high = middle;
        }
    }
    Ok(low)
}
