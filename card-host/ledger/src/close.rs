//! Cash handed over, and days closed (docs/ledger.md, section 9).

use card_core::units::{Balance, CardTime, Piastres};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::accounts::LedgerAccount;
use super::audit::{AuditKey, sign_head};
use super::entry::{Entry, EntryId, Kind, RequestKey, Step, Transfer};
use super::error::{LedgerError, Refusal, StoreError};
use super::names::{COMPANY, PartyCode, PointCode, RequestId};
use super::office::{Office, Who, draft};
use super::powers::Power;
use super::records::Point;
use super::sale::Steps;
use super::second::{Agreed, agreed, asked, done};
use super::store::{Ask, Context, Transaction, read};

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

impl Office {
    /// A vending point hands over cash: its own party books it, or the company. Repeated, it gives the same entry.
    pub fn deposit(
        &self,
        who: &Who,
        id: &RequestId,
        point: &PointCode,
        amount: Piastres,
        reason: &str,
    ) -> Result<EntryId, LedgerError> {
        who.must(Power::Sell)?;
        let request = who.request(id);
        if amount == Piastres::ZERO {
            return Err(
                Refusal::Invalid("a deposit of nothing changes nothing: give an amount".to_owned()).into()
            );
        }
        self.step(|t| {
            let (context, mut held) = at_point(t, who, &request, point)?;
            if let Some(done) = context.steps.first() {
                let same = t.entry(&done.entry)?.filter(|entry| {
                    entry.kind == Kind::Deposit && entry.amount == amount && entry.id.point == *point
                });
                return Ok(same.ok_or_else(|| Refusal::OtherRequest(id.clone()))?.id);
            }
            if held.cash < Balance(signed(amount)?) {
                let (cash, text) = (held.cash, "close the day first, which books what was counted");
                return Err(Refusal::Invalid(format!(
                    "vending point {point} has {cash} EGP by the books and cannot hand over {amount} EGP: {text}"
                ))
                .into());
            }
            let mut entry = draft(who, &request, Step::First, Kind::Deposit, self.now()?);
            reason.clone_into(&mut entry.reason);
            entry.amount = amount;
            let (debit, credit) = (LedgerAccount::Bank, LedgerAccount::Cash(point.clone()));
            entry.transfers = vec![Transfer { debit, credit, amount }];
            Ok(self.book(t, &mut held, entry, &[])?.id)
        })
    }

    /// Closes the day of a vending point: its own party does it, or the company. What was counted becomes its cash, and what differs from the books is
    /// booked as that. Where cash is missing, a reason is given, and above the limit of the rules it takes two people: asked for the first time it is
    /// entered and refused ([`Refusal::SecondPerson`]). With a `key` the head of the chain is signed after it. Repeated, it gives the same statement.
    pub fn close_day(
        &self,
        who: &Who,
        id: &RequestId,
        point: &PointCode,
        counted: Piastres,
        reason: &str,
        key: Option<&AuditKey>,
    ) -> Result<DayStatement, LedgerError> {
        who.must(Power::Sell)?;
        let request = who.request(id);
        signed(counted)?;
        // The long way through the day is gone while others sell; only what they sell meanwhile is read with the point locked.
        let before = read(self.ledger(), |t| Tally::since_last_close(t, point))?;
        let asked = asked("close-day", format!("{point} {}", counted.0));
        let out = self.step(|t| {
            let (context, mut held) = at_point(t, who, &request, point)?;
            let steps = Steps::read(t, &context.steps)?;
            if let Some(entry) = [&steps.settled, &steps.first].into_iter().flatten().next()
                && entry.kind != Kind::Propose
            {
                let same = entry.kind == Kind::Close
                    && entry.id.point == *point
                    && statement(entry).is_ok_and(|statement| statement.counted_cash == counted.0);
                return if same {
                    Ok(Some(entry.clone()))
                } else {
                    Err(Refusal::OtherRequest(id.clone()).into())
                };
            }
            let agreed = match agreed(t, &request, &context.steps, &asked)? {
                Agreed::Yes => steps.first.map(|first| first.amount),
                Agreed::No | Agreed::Done(_) => None,
            };
            let mut tally = before.clone();
            tally.go_on(t, point, held.number)?;
            let now = self.now()?.max(held.time);
            let (waiting, more_waiting) = waiting(t, point, now)?;
            let overflow = || StoreError::Corrupt(format!("the cash of vending point {point}"));
            let booked = held.cash.0;
            let difference =
                i64::try_from(i128::from(counted.0) - i128::from(booked)).map_err(|_| overflow())?;
            let statement = DayStatement {
                point: point.clone(),
                first: tally.first,
                last: held.number,
                head: hex::encode(held.head),
                since: if tally.since == CardTime::UNSET { 0 } else { tally.since.to_unix() },
                time: now.to_unix(),
                opening_cash: booked.checked_sub(tally.cash).ok_or_else(overflow)?,
                kinds: tally.kinds,
                booked_cash: booked,
                counted_cash: counted.0,
                difference,
                waiting,
                more_waiting,
            };
            let step = if agreed.is_some() { Step::Settled } else { Step::First };
            let mut entry = draft(who, &request, step, Kind::Close, now);
            reason.clone_into(&mut entry.reason);
            entry.payload = serde_json::to_vec(&statement).unwrap_or_default();
            entry.amount = Piastres(difference.unsigned_abs());
            if difference < 0 {
                if !Entry::is_reason(reason) {
                    return Err(Refusal::NoReason.into());
                }
                let alone = self.policy_at(now, |_, policy| Piastres(policy.without_payment.shortage_alone));
                match agreed {
                    // More is missing than was agreed to.
                    Some(most) if entry.amount > most => {
                        return Err(Refusal::OtherRequest(id.clone()).into());
                    }
                    None if entry.amount.0.saturating_add(short_alone(t, point, tally.first, now)?)
                        > alone.0 =>
                    {
                        return self.ask(t, &mut held, entry, &asked).map(|()| None);
                    }
                    _ => {}
                }
            }
            let (cash, differences) =
                (LedgerAccount::Cash(point.clone()), LedgerAccount::Differences(point.clone()));
            if difference != 0 {
                let (debit, credit) = if difference > 0 { (cash, differences) } else { (differences, cash) };
                entry.transfers = vec![Transfer { debit, credit, amount: entry.amount }];
            }
            self.book(t, &mut held, entry, &[]).map(Some)
        })?;
        let entry = done(out, &request)?;
        if let Some(key) = key {
            sign_head(self.ledger(), key.sign_head(self.scope(), entry.id.clone(), entry.hash, entry.time))?;
        }
        statement(&entry)
    }
}

/// The first entry that a close covers; itself where it covers none.
pub(super) fn covers_from(entry: &Entry) -> Option<u64> {
    let closed = statement(entry).ok().filter(|_| entry.kind == Kind::Close)?;
    Some(closed.first.min(entry.id.number))
}

/// What was missing when one person closed days of this vending point in the last 24 hours, before the entry `first`: in parts, too, it takes
/// two above the limit.
fn short_alone(
    t: &mut dyn Transaction,
    point: &PointCode,
    mut first: u64,
    now: CardTime,
) -> Result<u64, LedgerError> {
    let since = CardTime(now.0.saturating_sub(86_400));
    let mut short = 0_u64;
    while let Some(number) = first.checked_sub(1).filter(|number| *number > 0) {
        let close = t.entry(&EntryId { point: point.clone(), number })?;
        let Some(close) = close.filter(|entry| entry.kind == Kind::Close && entry.time >= since) else {
            break;
        };
        let statement = statement(&close)?;
        if statement.difference < 0 && close.step == Step::First {
            short = short.saturating_add(close.amount.0);
        }
        first = statement.first.min(number);
    }
    Ok(short)
}

/// The statement in the entry that closed a day.
fn statement(entry: &Entry) -> Result<DayStatement, LedgerError> {
    let lost = |error| {
        StoreError::Corrupt(format!("statement in entry {} of {}: {error}", entry.id.number, entry.id.point))
    };
    Ok(serde_json::from_slice(&entry.payload).map_err(lost)?)
}

fn signed(amount: Piastres) -> Result<i64, LedgerError> {
    let fits = i64::try_from(amount.0).ok().filter(|_| amount <= card_host::issuer::LAST_TOTAL);
    Ok(fits.ok_or_else(|| Refusal::Invalid("the amount is too large to be written".to_owned()))?)
}

/// A vending point for its own party or for the company; locked.
fn at_point(
    t: &mut dyn Transaction,
    who: &Who,
    request: &RequestKey,
    code: &PointCode,
) -> Result<(Context, Point), LedgerError> {
    let mut context = t.context(&Ask { request, point: code, payee: None })?;
    let may = |point: &Point| point.party == who.party || who.party.as_str() == COMPANY;
    let point = context.point.take().filter(may).ok_or_else(|| Refusal::UnknownPoint(code.clone()))?;
    Ok((context, point))
}

/// Sales that have waited for long, and how many more there are.
fn waiting(
    t: &mut dyn Transaction,
    point: &PointCode,
    now: CardTime,
) -> Result<(Vec<Waiting>, u64), LedgerError> {
    let (mut list, mut more, mut after) = (Vec::new(), 0_u64, None);
    loop {
        let page = t.waiting(Some(point), after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok((list, more)) };
        after = Some(last.request.clone());
        for Entry { id, kind, time, request, amount, .. } in page {
            if kind != Kind::Reserve || now.0.saturating_sub(time.0) < DayStatement::WAITS {
                continue;
            }
            if list.len() >= DayStatement::MOST_WAITING {
                more = more.saturating_add(1);
                continue;
            }
            let paid = t.steps(&request)?.iter().any(|done| done.step == Step::Decision);
            let (number, time, amount) = (id.number, time.to_unix(), amount.0);
            list.push(Waiting { party: request.party, request: request.id, number, time, amount, paid });
        }
    }
}

/// Entries of one page.
const PAGE: u32 = 500;

/// What entries of a vending point add up to, since its last close.
#[derive(Debug, Clone, Default)]
struct Tally {
    /// The first entry after the close.
    first: u64,
    /// The last entry that is counted.
    last: u64,
    /// When it was closed.
    since: CardTime,
    kinds: BTreeMap<String, Sums>,
    cash: i64,
}

impl Tally {
    /// Goes back from the end of the chain to the last close.
    fn since_last_close(t: &mut dyn Transaction, code: &PointCode) -> Result<Self, LedgerError> {
        let number = t.point(code)?.map_or(0, |point| point.number);
        let mut tally = Self { first: 1, last: number, ..Self::default() };
        let mut end = number;
        while end > 0 {
            let start = end.saturating_sub(PAGE.into());
            let length = u32::try_from(end.saturating_sub(start)).unwrap_or(PAGE);
            for entry in t.chain(code, start, length)?.iter().rev() {
                if entry.kind == Kind::Close {
                    (tally.first, tally.since) = (entry.id.number.saturating_add(1), entry.time);
                    return Ok(tally);
                }
                tally.add(entry)?;
            }
            end = start;
        }
        Ok(tally)
    }

    /// Goes on to the end of the chain.
    fn go_on(&mut self, t: &mut dyn Transaction, code: &PointCode, end: u64) -> Result<(), LedgerError> {
        while self.last < end {
            let page = t.chain(code, self.last, PAGE)?;
            let Some(last) = page.last() else { break };
            let number = last.id.number;
            for entry in &page {
                if entry.kind == Kind::Close {
                    let first = entry.id.number.saturating_add(1);
                    *self = Self { first, since: entry.time, ..Self::default() };
                } else {
                    self.add(entry)?;
                }
            }
            self.last = number;
        }
        Ok(())
    }

    fn add(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let overflow = || StoreError::Corrupt(format!("the sums of vending point {}", entry.id.point));
        let cash = LedgerAccount::Cash(entry.id.point.clone());
        let mut moved = 0_i64;
        for Transfer { debit, credit, amount } in &entry.transfers {
            let amount = i64::try_from(amount.0).map_err(|_| overflow())?;
            let came = if *debit == cash { amount } else { 0 };
            let went = if *credit == cash { amount } else { 0 };
            moved = moved.checked_add(came).and_then(|moved| moved.checked_sub(went)).ok_or_else(overflow)?;
        }
        let sums = self.kinds.entry(entry.kind.code().to_owned()).or_default();
        sums.count = sums.count.saturating_add(1);
        sums.amount = sums.amount.checked_add(entry.amount.0).ok_or_else(overflow)?;
        sums.cash = sums.cash.checked_add(moved).ok_or_else(overflow)?;
        self.cash = self.cash.checked_add(moved).ok_or_else(overflow)?;
        Ok(())
    }
}
