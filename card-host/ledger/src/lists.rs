//! Lists of sales, in pages; and what was sold, added up (docs/ledger.md, section 15).

use card_core::calendar::Calendar;
use card_core::id::{Binding, Channel};
use card_core::units::{CardTime, Piastres};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::accounts::LedgerAccount;
use super::entry::{Entry, EntryId, Kind, Step};
use super::error::{LedgerError, Refusal, StoreError};
use super::names::{PartyCode, PointCode};
use super::sale::{Sale, Steps};
use super::settle::moved;
use super::span::{each_entry, first_at};
use super::store::{Ledger, Transaction, read};

/// The most sales of one page.
pub const MOST_SALES: u32 = 100;

/// So many entries are looked at for one page; one that ends by that has fewer sales, perhaps none, and goes on all the same.
const LOOKED_AT: u32 = 2_000;

/// Which sales are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleList {
    /// At which vending point they were announced or made.
    pub point: PointCode,
    /// Whose point it is; none: whoever's.
    pub party: Option<PartyCode>,
    /// From when on.
    pub from: CardTime,
    /// Until when, and not then.
    pub until: CardTime,
    /// Those after this number of the point's chain.
    pub after: u64,
    /// At most so many, and no more than [`MOST_SALES`].
    pub most: u32,
}

/// A page of sales.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SalePage {
    /// In the order of their receipts, as they stand now.
    pub sales: Vec<Sale>,
    /// After which number the next page begins; none: this was the last.
    pub next: Option<u64>,
}

/// A page of the sales of a vending point.
pub fn list_sales(ledger: &dyn Ledger, list: &SaleList) -> Result<SalePage, LedgerError> {
    let most = usize::try_from(list.most.clamp(1, MOST_SALES)).unwrap_or(1);
    read(ledger, |t| {
        let point = t.point(&list.point)?;
        point
            .filter(|point| list.party.as_ref().is_none_or(|party| point.party == *party))
            .ok_or_else(|| Refusal::UnknownPoint(list.point.clone()))?;
        let first = first_at(t, &list.point, list.from)?;
        let after = list.after.max(first.saturating_sub(1));
        let entries = t.chain(&list.point, after, LOOKED_AT)?;
        let whole = u32::try_from(entries.len()).is_ok_and(|found| found < LOOKED_AT);
        let mut page = SalePage { sales: Vec::new(), next: None };
        let mut last = after;
        for entry in &entries {
            if entry.time >= list.until {
                return Ok(page);
            }
            if page.sales.len() == most {
                page.next = Some(last);
                return Ok(page);
            }
            page.sales.extend(sale_of(t, entry)?);
            last = entry.id.number;
        }
        page.next = (!whole).then_some(last);
        Ok(page)
    })
}

/// The newest sales to a contract, newest first; at most [`MOST_SALES`] of its newest entries are looked at.
pub fn sales_to(ledger: &dyn Ledger, binding: Binding) -> Result<Vec<Sale>, LedgerError> {
    read(ledger, |t| {
        let mut sales = Vec::new();
        for entry in t.history(binding, MOST_SALES)? {
            sales.extend(sale_of(t, &entry)?);
        }
        Ok(sales)
    })
}

/// The sale whose receipt has this number.
pub fn sale_by_receipt(ledger: &dyn Ledger, receipt: &EntryId) -> Result<Option<Sale>, LedgerError> {
    read(ledger, |t| match t.entry(receipt)? {
        Some(entry) => sale_of(t, &entry),
        None => Ok(None),
    })
}

/// The sale that an entry begins; none where it begins none.
fn sale_of(t: &mut dyn Transaction, entry: &Entry) -> Result<Option<Sale>, LedgerError> {
    if entry.step != Step::First || !matches!(entry.kind, Kind::Sale | Kind::Reserve) {
        return Ok(None);
    }
    let done = t.steps(&entry.request)?;
    Steps::read(t, &done)?.sale(&entry.request).map(Some)
}

/// By what sales are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// By day, in Cairo's time: days since 2020-01-01.
    Day,
    /// By kind of channel.
    Channel,
    /// By vending point.
    Point,
    /// By party.
    Party,
    /// All in one: the company.
    Company,
}

/// What was sold, added up. Amounts are in piastres.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sold {
    /// Payments.
    pub payments: u64,
    /// What customers paid.
    pub taken: u64,
    /// What was given back to them.
    pub given_back: u64,
    /// What was certified as credit.
    pub credit: u64,
    /// What paid debts.
    pub debts: u64,
    /// Fees, also those of desks that were paid in cash.
    pub fees: u64,
    /// Levies.
    pub levies: u64,
}

/// What was sold in a time, added up. It sees one state of the ledger.
pub fn report(
    ledger: &dyn Ledger,
    from: CardTime,
    until: CardTime,
    by: By,
) -> Result<BTreeMap<String, Sold>, LedgerError> {
    read(ledger, |t| {
        let mut sums: BTreeMap<String, Sold> = BTreeMap::new();
        let mut channels: BTreeMap<PartyCode, Option<Channel>> = BTreeMap::new();
        let mut after: Option<PointCode> = None;
        loop {
            let page = t.points(after.as_ref(), 500)?;
            let Some(end) = page.last() else { return Ok(sums) };
            after = Some(end.code.clone());
            for point in &page {
                if !channels.contains_key(&point.party) {
                    let channel = t.party(&point.party)?.map(|party| party.channel);
                    channels.insert(point.party.clone(), channel);
                }
                let channel = channels.get(&point.party).copied().flatten();
                each_entry(t, &point.code, from, until, &mut |entry| {
                    let key = match by {
                        By::Day => Calendar::EGYPT.local(entry.time).day.to_string(),
                        By::Channel => channel.map_or_else(String::new, |channel| channel.to_string()),
                        By::Point => point.code.to_string(),
                        By::Party => point.party.to_string(),
                        By::Company => String::new(),
                    };
                    add(&mut sums, key, entry)
                })?;
            }
        }
    })
}

fn add(sums: &mut BTreeMap<String, Sold>, key: String, entry: &Entry) -> Result<(), LedgerError> {
    let moved = moved(entry);
    if matches!(entry.kind, Kind::Fee | Kind::FeeBack) {
        return at_desk(sums.entry(key).or_default(), entry);
    }
    if moved.is_none() && entry.kind != Kind::Certify {
        return Ok(());
    }
    let sum = sums.entry(key).or_default();
    let add = |to: &mut u64, amount: u64| {
        *to = to.checked_add(amount).ok_or_else(|| StoreError::Corrupt("a sum of sales".to_owned()))?;
        Ok::<_, LedgerError>(())
    };
    match moved {
        Some(moved) if moved < 0 => return add(&mut sum.given_back, moved.unsigned_abs()),
        Some(moved) => {
            add(&mut sum.payments, 1)?;
            add(&mut sum.taken, moved.unsigned_abs())?;
        }
        None => {}
    }
    for transfer in &entry.transfers {
        let Piastres(amount) = transfer.amount;
        match transfer.credit {
            LedgerAccount::Credit(_) => add(&mut sum.credit, amount)?,
            LedgerAccount::Debt(_) => add(&mut sum.debts, amount)?,
            LedgerAccount::Fee(_) => add(&mut sum.fees, amount)?,
            LedgerAccount::Levy(_) => add(&mut sum.levies, amount)?,
            _ => {}
        }
    }
    Ok(())
}

/// A fee of a desk, so far as it is cash: what is owed counts among the debts, once it is paid.
fn at_desk(sum: &mut Sold, entry: &Entry) -> Result<(), LedgerError> {
    let large = || StoreError::Corrupt("a sum of fees".to_owned());
    for transfer in &entry.transfers {
        let Piastres(amount) = transfer.amount;
        if transfer.debit.is_taken() {
            sum.taken = sum.taken.checked_add(amount).ok_or_else(large)?;
            sum.fees = sum.fees.checked_add(amount).ok_or_else(large)?;
        } else if transfer.credit.is_taken() {
            sum.given_back = sum.given_back.checked_add(amount).ok_or_else(large)?;
        }
    }
    Ok(())
}

/// From the first second of a local day to the first of the next; a day is counted from 2020-01-01.
pub fn times_of_day(calendar: &Calendar, day: u16) -> (CardTime, CardTime) {
    let begin = match day.checked_sub(1) {
        Some(before) => end_of_day(calendar, before),
        None => CardTime(1),
    };
    (begin, end_of_day(calendar, day))
}

/// The end of a local day.
pub fn end_of_day(calendar: &Calendar, day: u16) -> CardTime {
    let next = day.saturating_add(1);
    // Within half a day of midnight in UTC, wherever this is; what time is set forward or back within the hour does not matter here.
    let noon = u32::from(next).saturating_mul(86_400).saturating_sub(43_200);
    let begins = (0..=24).map(|hour| CardTime(noon.saturating_add(hour * 3600)));
    begins.into_iter().find(|time| calendar.local(*time).day >= next).unwrap_or(CardTime(u32::MAX))
}
