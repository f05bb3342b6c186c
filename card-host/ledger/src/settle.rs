//! Settlement: what a channel has taken in a day by the books, and how the channel's own file differs from it (docs/ledger.md,
//! section 14).

mod file;
mod matching;
mod office;

use self::office::charged_back;
pub use file::{Columns, SettlementError, Unit, Where, write_settlement};
pub use matching::{Difference, Matched, Stands, match_file};

use card_core::units::{CardTime, Piastres};
use serde::Serialize;
use std::collections::BTreeMap;

use super::entry::{Entry, EntryId, Kind};
use super::error::{LedgerError, Refusal};
use super::export::first_at;
use super::give_back::pays_out;
use super::names::{OFFICE, PartyCode, PointCode, RequestId};
use super::policy::{Commission, Policy};
use super::store::{Ledger, Transaction, read};

/// Entries of one page.
const PAGE: u32 = 500;

/// A day of a channel, as the books have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Settlement {
    /// Whose.
    pub party: PartyCode,
    /// From when on, POSIX seconds.
    pub from: u64,
    /// Until when, POSIX seconds; not with it.
    pub until: u64,
    /// What its customers paid, in piastres.
    pub taken: u64,
    /// What was given back to them, in piastres.
    pub given_back: u64,
    /// What the channel keeps of that by the rules, in piastres.
    pub commission: u64,
    /// What the channel hands over: taken less given back less commission, in piastres.
    pub due: i64,
    /// Each request that moved money, by its id.
    pub lines: BTreeMap<RequestId, SettledLine>,
}

/// What one request moved in the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettledLine {
    /// The number of the receipt: the vending point, and the first entry that moved money.
    pub point: PointCode,
    /// Its number there.
    pub number: u64,
    /// When, POSIX seconds.
    pub time: u64,
    /// Taken less given back, in piastres.
    pub amount: i64,
    /// What the channel keeps of it, in piastres.
    pub commission: u64,
}

/// What a channel has taken in a time by the books. It sees one state of the ledger.
pub fn settlement(
    ledger: &dyn Ledger,
    party: &PartyCode,
    from: CardTime,
    until: CardTime,
) -> Result<Settlement, LedgerError> {
    read(ledger, |t| {
        let channel = t.party(party)?.ok_or_else(|| Refusal::UnknownParty(party.clone()))?.channel;
        let mut versions = BTreeMap::new();
        for record in t.policies()? {
            let policy = Policy::from_json(&record.rules)?;
            versions.insert(record.version, policy.rules(channel).ok().and_then(|rules| rules.commission));
        }
        let mut settlement = Settlement {
            party: party.clone(),
            from: from.to_unix(),
            until: until.to_unix(),
            taken: 0,
            given_back: 0,
            commission: 0,
            due: 0,
            lines: BTreeMap::new(),
        };
        each_entry(t, &OFFICE.parse()?, from, until, &mut |entry| match charged_back(entry, party) {
            Some(request) => settlement.moved(entry, &request, signed(entry.amount)?.saturating_neg(), None),
            None => Ok(()),
        })?;
        for point in points_of(t, party)? {
            each_entry(t, &point, from, until, &mut |entry| {
                let commission = versions.get(&entry.policy).copied().flatten();
                match moved(entry) {
                    Some(moved) => settlement.moved(entry, &entry.request.id, moved, commission),
                    None => Ok(()),
                }
            })?;
        }
        settlement.finish()?;
        Ok(settlement)
    })
}

impl Settlement {
    fn moved(
        &mut self,
        entry: &Entry,
        request: &RequestId,
        moved: i64,
        commission: Option<Commission>,
    ) -> Result<(), LedgerError> {
        let sum = if moved > 0 { &mut self.taken } else { &mut self.given_back };
        *sum = sum.checked_add(moved.unsigned_abs()).ok_or_else(too_large)?;
        let kept = commission.filter(|_| moved > 0).map_or(0, |rule| rule.of(Piastres(moved.unsigned_abs())));
        let line = self.lines.entry(request.clone()).or_insert_with(|| SettledLine {
            point: entry.id.point.clone(),
            number: entry.id.number,
            time: entry.time.to_unix(),
            amount: 0,
            commission: 0,
        });
        line.amount = line.amount.checked_add(moved).ok_or_else(too_large)?;
        line.commission = if moved > 0 { line.commission.saturating_add(kept) } else { 0 };
        Ok(())
    }

    /// What moved nothing in sum is no line. Nothing is kept of what was given back.
    fn finish(&mut self) -> Result<(), LedgerError> {
        self.lines.retain(|_, line| line.amount != 0);
        for line in self.lines.values() {
            self.commission = self.commission.checked_add(line.commission).ok_or_else(too_large)?;
        }
        let due = i128::from(self.taken) - i128::from(self.given_back) - i128::from(self.commission);
        self.due = i64::try_from(due).map_err(|_| too_large())?;
        Ok(())
    }
}

fn signed(amount: Piastres) -> Result<i64, LedgerError> {
    i64::try_from(amount.0).map_err(|_| too_large())
}

fn too_large() -> LedgerError {
    Refusal::Invalid("the sum is too large to be written".to_owned()).into()
}

/// What an entry moved between a channel and its customers: what was taken, or below zero what was given back, in piastres.
pub(super) fn moved(entry: &Entry) -> Option<i64> {
    let amount = |of: u64| i64::try_from(of).ok();
    match entry.kind {
        Kind::Sale | Kind::Confirm => amount(entry.amount.0),
        Kind::Refund => amount(entry.amount.0).map(i64::saturating_neg),
        Kind::Debit | Kind::GiveBack => {
            let back = entry.transfers.iter().filter(|transfer| pays_out(transfer));
            let sum: u64 = back.map(|transfer| transfer.amount.0).sum();
            amount(sum).filter(|sum| *sum > 0).map(i64::saturating_neg)
        }
        _ => None,
    }
}

/// All vending points of a party.
fn points_of(t: &mut dyn Transaction, party: &PartyCode) -> Result<Vec<PointCode>, LedgerError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = t.points(after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.code.clone());
        found.extend(page.into_iter().filter(|point| point.party == *party).map(|point| point.code));
    }
}

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
