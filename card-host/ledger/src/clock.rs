//! Which times are believed (docs/ledger.md, section 5): how far a vending point's entries may be apart, and what two people say where
//! that is not enough.

use card_core::units::CardTime;
use serde::{Deserialize, Serialize};

use super::entry::{Entry, Kind, RequestKey, Step};
use super::error::{ClockError, LedgerError, Refusal, StoreError};
use super::names::{PointCode, RequestId};
use super::office::{Office, Who, draft};
use super::powers::Power;
use super::proposal::Proposal;
use super::records::Point;
use super::sale::Steps;
use super::second::same_person;
use super::store::{Ask, Transaction, read};

/// How far the clocks of sellers, and that of a database, may be apart, in seconds.
pub(super) const APART: u32 = 300;
/// So long after the newest entry of all, a machine must be known to have the right time, in seconds: three days.
const FAR: u32 = 3 * DAY;
/// The second person agrees within a day.
const DAY: u32 = 86_400;

/// A time that two people are to say is right, as it is kept in the entry of the proposal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeOrder {
    point: PointCode,
    /// POSIX seconds: what the first one's clock showed.
    time: u64,
}

impl Office {
    /// The time of the next entry of a vending point: the clock's, or that of the last one where the clock is a little behind it.
    pub(super) fn time_of(
        &self,
        t: &mut dyn Transaction,
        point: &Point,
        entry: &Entry,
    ) -> Result<CardTime, LedgerError> {
        let (now, last) = (entry.time, point.time);
        if entry.kind == Kind::Clock {
            return Ok(now);
        }
        if last.0.saturating_sub(now.0) > APART {
            return Err(ClockError::Behind { point: point.code.clone(), now, last }.into());
        }
        if now.0 > last.0.saturating_add(APART) {
            self.not_far_ahead(t, now)?;
        }
        Ok(now.max(last))
    }

    /// Whether a time after all that is written is vouched for: by its own source, by the database's clock, by a time server.
    fn not_far_ahead(&self, t: &mut dyn Transaction, now: CardTime) -> Result<(), LedgerError> {
        let Some(kept_right) = self.issuer().kept_right() else { return Ok(()) };
        let newest = t.last_time()?;
        if now.0 <= newest.0.saturating_add(APART) {
            return Ok(());
        }
        let database = t.clock()?;
        let known = database.is_some_and(|database| now.0 <= database.0.saturating_add(APART));
        let far = newest != CardTime::UNSET && now.0 > newest.0.saturating_add(FAR);
        let kept = if far { kept_right() } else { Some(true) };
        let right = if database.is_some() { known && kept != Some(false) } else { kept == Some(true) };
        if right { Ok(()) } else { Err(ClockError::Ahead { now, newest, database }.into()) }
    }

    /// Proposes to a second person that this clock is right, and a vending point's next entry is to have its time: where the point's time ran
    /// ahead, or the clock shows far more than all that is written. The second person agrees by [`approve`](Self::approve). Gives the time.
    pub fn propose_time(
        &self,
        who: &Who,
        id: &RequestId,
        code: &PointCode,
        reason: &str,
    ) -> Result<CardTime, LedgerError> {
        let request = self.companys(who, id, Power::Settings)?;
        self.step(|t| {
            let (steps, mut point) = at(t, &request, code)?;
            if let Some(first) = &steps.first {
                let order = proposed(first).filter(|order| order.point == *code);
                return Ok(order
                    .and_then(|order| order.time())
                    .ok_or_else(|| Refusal::OtherRequest(id.clone()))?);
            }
            let now = self.now()?;
            if now.0.abs_diff(point.time.0) <= APART {
                let why = format!(
                    "the time of vending point {code} is that of this clock: there is nothing to put right"
                );
                return Err(Refusal::Invalid(why).into());
            }
            let mut entry = draft(who, &request, Step::First, Kind::Propose, point.time);
            reason.clone_into(&mut entry.reason);
            let order = Proposal::Time(TimeOrder { point: code.clone(), time: now.to_unix() });
            entry.payload = serde_json::to_vec(&order).unwrap_or_default();
            self.book(t, &mut point, entry, &[])?;
            Ok(now)
        })
    }

    /// The vending point whose time a request is about, where it is about one, once the second person has agreed to it.
    pub(super) fn approve_time(
        &self,
        who: &Who,
        request: &RequestKey,
    ) -> Result<Option<PointCode>, LedgerError> {
        let first = read(self.ledger(), |t| {
            let steps = t.steps(request)?;
            Ok(Steps::read(t, &steps)?.first)
        })?;
        let Some(order) = first.as_ref().and_then(proposed) else { return Ok(None) };
        self.companys(who, &request.id, Power::Approve)?;
        self.step(|t| {
            let (steps, mut point) = at(t, request, &order.point)?;
            let lost = || StoreError::Corrupt(format!("proposal {}", request.id));
            let first = steps.first.as_ref().ok_or_else(lost)?;
            if steps.settled.is_some() {
                return Ok(());
            }
            if steps.has(Kind::Cancel) {
                return Err(Refusal::Cancelled.into());
            }
            if same_person(&first.actor, &who.actor) {
                return Err(Refusal::NotSecondPerson { actor: who.actor.clone() }.into());
            }
            let (now, said) = (self.now()?, order.time().ok_or_else(lost)?);
            if now.0.saturating_add(APART) < said.0 || now.0 > said.0.saturating_add(DAY) {
                let why = "the clocks of the two people are apart, or a day has passed: look at both, and propose it anew";
                return Err(Refusal::Invalid(why.to_owned()).into());
            }
            if steps.approval.is_none() {
                let entry = draft(who, request, Step::Approval, Kind::Approve, point.time);
                self.book(t, &mut point, entry, &[])?;
            }
            let mut entry = draft(who, request, Step::Settled, Kind::Clock, now);
            entry.reason.clone_from(&first.reason);
            self.book(t, &mut point, entry, &[])?;
            Ok(())
        })?;
        Ok(Some(order.point))
    }
}

impl TimeOrder {
    fn time(&self) -> Option<CardTime> {
        CardTime::from_unix(self.time)
    }
}

/// What a proposal says about a time, where it is one.
pub(super) fn proposed(entry: &Entry) -> Option<TimeOrder> {
    match serde_json::from_slice(&entry.payload).ok().filter(|_| entry.kind == Kind::Propose)? {
        Proposal::Time(order) => Some(order),
        _ => None,
    }
}

/// The steps of a request, and the vending point, locked, which has an entry already.
fn at(
    t: &mut dyn Transaction,
    request: &RequestKey,
    code: &PointCode,
) -> Result<(Steps, Point), LedgerError> {
    let mut context = t.context(&Ask { request, point: code, payee: None })?;
    let point = context.point.take().filter(|point| point.number > 0);
    let point = point.ok_or_else(|| Refusal::UnknownPoint(code.clone()))?;
    Ok((Steps::read(t, &context.steps)?, point))
}
