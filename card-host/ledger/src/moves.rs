//! What was left in a binding goes to another one of the same customer, once: by its meter's final report, or by an estimate that two
//! people make (docs/ledger.md, section 7).

use card_core::id::{Binding, Channel, MeterId};
use card_core::message::{Envelope, FinalReport, MeterFlags, MeterReceipt, Slot, Verified};
use card_core::units::{Balance, Piastres};
use serde::{Deserialize, Serialize};

use super::accounts::LedgerAccount;
use super::entry::{Entry, Kind, RequestKey, Step, Transfer};
use super::error::{LedgerError, Refusal};
use super::gap::recovered_by;
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::payload::Payload;
use super::powers::{Power, Powers};
use super::proposal::Proposal;
use super::records::{BindingRecord, Head, Point, Reading, Status, is_since};
use super::sale::Certified;
use super::sell::{about, sellable};
use super::signing::Signing;
use super::store::{Payee, Transaction, read};
use card_host::issuer::AccountError;
use card_host::keystore::KeyStoreError;

/// Moves what was left in one binding to another one of the same customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveOrder {
    /// Meter and number of the closed binding.
    from: (u64, u32),
    /// Meter and number of the new one.
    to: (u64, u32),
    /// What is estimated to be left, in piastres; below zero it is a debt. `None`: by the final report.
    left: Option<i64>,
}

impl MoveOrder {
    /// By the meter's final report.
    pub fn by_report(from: Binding, to: Binding) -> Self {
        Self { from: numbers(from), to: numbers(to), left: None }
    }

    /// By an estimate, which a second person approves.
    pub fn estimated(from: Binding, to: Binding, left: i64) -> Self {
        Self { left: Some(left), ..Self::by_report(from, to) }
    }

    /// The closed binding.
    pub fn from(&self) -> Binding {
        Binding { meter: MeterId::from(self.from.0), number: self.from.1 }
    }

    /// The new one.
    pub fn to(&self) -> Binding {
        Binding { meter: MeterId::from(self.to.0), number: self.to.1 }
    }

    /// What is estimated to be left, in piastres; `None`: by the final report.
    pub const fn left(&self) -> Option<i64> {
        self.left
    }
}

fn numbers(binding: Binding) -> (u64, u32) {
    (binding.meter.number(), binding.number)
}

/// How many of a binding's newest entries are looked at for its final report: after the report come a few receipts.
const LOOK_BACK: u32 = 1000;

impl Office {
    /// Moves what the final report of a closed binding says was left to a new binding of the same customer, once.
    pub fn move_credit(
        &self,
        who: &Who,
        id: &RequestId,
        to: Binding,
        report: &Verified<MeterReceipt>,
    ) -> Result<Certified, LedgerError> {
        let request = self.companys(who, id, Power::Sell)?;
        let order = MoveOrder::by_report(report.binding, to);
        self.signing_step(|t, signing| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some(done) = context.steps.first() {
                let same = t.entry(&done.entry)?.filter(|entry| {
                    entry.kind == Kind::Move && entry.binding == Some(to) && entry.reason == reason_of(&order)
                });
                return Ok(Certified::of(&same.ok_or_else(|| Refusal::OtherRequest(id.clone()))?));
            }
            let mut entry = draft(who, &request, Step::First, Kind::Move, self.now()?);
            entry.reason = reason_of(&order);
            Ok(Certified::of(&self.moved(t, signing, &mut point, entry, &order, Some(report))?))
        })
    }

    /// Proposes to a second person to move what is estimated to be left, where there is no final report.
    pub fn propose_move(
        &self,
        who: &Who,
        id: &RequestId,
        order: &MoveOrder,
        reason: &str,
    ) -> Result<(), LedgerError> {
        let request = self.companys(who, id, Power::Correct)?;
        let none = || Refusal::Invalid("an estimate says how much is left".to_owned());
        let left = order.left.ok_or_else(none)?;
        let payload = serde_json::to_vec(&Proposal::Move(order.clone())).unwrap_or_default();
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some(done) = context.steps.first() {
                let same = t.entry(&done.entry)?.is_some_and(|entry| entry.payload == payload);
                return if same { Ok(()) } else { Err(Refusal::OtherRequest(id.clone()).into()) };
            }
            let (old, new) = self.both(t, who, &request, order)?;
            // What can never be moved is not for a second person.
            let _ = new.held.move_estimate(old.held, left.into())?;
            self.within_bounds(left)?;
            let mut entry = draft(who, &request, Step::First, Kind::Propose, self.now()?);
            about(&mut entry, &new.held);
            entry.amount = Piastres(amount_of(left.into())?);
            reason.clone_into(&mut entry.reason);
            entry.payload.clone_from(&payload);
            self.book(t, &mut point, entry, &[])?;
            Ok(())
        })
    }

    /// Books a move into `entry`: the old binding is closed for ever, and its credit account is zero after it.
    pub(super) fn moved(
        &self,
        t: &mut dyn Transaction,
        signing: &mut Signing<'_>,
        point: &mut Point,
        mut entry: Entry,
        order: &MoveOrder,
        report: Option<&Verified<MeterReceipt>>,
    ) -> Result<Entry, LedgerError> {
        let who = Who {
            party: point.party.clone(),
            point: point.code.clone(),
            actor: entry.actor.clone(),
            may: Powers::ALL,
        };
        let (old, new) = self.both(t, &who, &entry.request, order)?;
        let left = match (report, order.left) {
            (Some(report), _) => {
                let left = left_by(t, &old, report)?;
                not_moved_before(t, order.from(), order.to())?;
                left
            }
            (None, Some(left)) => {
                self.within_bounds(left)?;
                i128::from(left)
            }
            (None, None) => return Err(AccountError::NotFinal.into()),
        };
        let (held, closed) = new.held.move_estimate(old.held, left)?;
        let (gone, come) = (LedgerAccount::Credit(order.from()), LedgerAccount::Credit(order.to()));
        // Never below zero: what is left is at most what was certified.
        let consumed = old.held.certified().checked_sub(left).ok_or(AccountError::TotalExhausted)?;
        entry.transfers = movements(&gone, &LedgerAccount::Moves, left)?;
        entry.transfers.extend(movements(&LedgerAccount::Moves, &come, left)?);
        entry.transfers.extend(movements(&gone, &LedgerAccount::Consumed, consumed)?);
        entry.kind = Kind::Move;
        entry.amount = Piastres(amount_of(left)?);
        let new = Self::certify(signing, &mut entry, new, held, Channel::Branch)?;
        let old = BindingRecord { held: closed, status: Status::Closed, ..old };
        let heads = [Head::Binding(Box::new(old)), Head::Binding(Box::new(new))];
        self.book(t, point, entry, &heads)
    }

    /// What is estimated to be left is not more than the rules allow; nor is a debt. That it was certified is seen when it is moved.
    pub(super) fn within_bounds(&self, left: i64) -> Result<(), LedgerError> {
        let most = self.policy_at(self.now()?, |_, policy| Piastres(policy.without_payment.estimate_most));
        let amount = Piastres(left.unsigned_abs());
        if amount > most { Err(Refusal::MoreThanAllowed { amount, most }.into()) } else { Ok(()) }
    }

    /// The old binding, which is not moved yet, and the new one, which can be sold to.
    fn both(
        &self,
        t: &mut dyn Transaction,
        who: &Who,
        request: &RequestKey,
        order: &MoveOrder,
    ) -> Result<(BindingRecord, BindingRecord), LedgerError> {
        // Both are locked, always in the same order.
        let (from, to) = (order.from(), order.to());
        let mut locked = [from, to];
        locked.sort_unstable();
        for binding in locked {
            t.binding(Payee::Binding(binding))?.ok_or(Refusal::UnknownBinding(binding))?;
        }
        let old = t.binding(Payee::Binding(from))?.ok_or(Refusal::UnknownBinding(from))?;
        let payee = Payee::Binding(to);
        let (context, ..) = self.context(t, who, request, Some(payee))?;
        let new = sellable(t, &context, payee)?;
        if old.status == Status::Closed {
            return Err(Refusal::Closed(from).into());
        }
        Ok((old, new))
    }

    /// The newest final report of a binding among the evidence about it: its meter's receipt, or its mail. `None` where nobody has handed one in.
    pub fn final_report(&self, of: Binding) -> Result<Option<Verified<MeterReceipt>>, LedgerError> {
        let history = read(self.ledger(), |t| {
            t.binding(Payee::Binding(of))?.ok_or(Refusal::UnknownBinding(of))?;
            t.history(of, LOOK_BACK)
        })?;
        for entry in history.iter().filter(|entry| matches!(entry.kind, Kind::Evidence | Kind::Recover)) {
            let report = self.reported(&entry.payload)?;
            if let Some(report) = report.filter(|report| report.flags.has(MeterFlags::CLOSED)) {
                return Ok(Some(report));
            }
        }
        Ok(None)
    }

    /// The meter's receipt in evidence, where it has one.
    fn reported(&self, payload: &[u8]) -> Result<Option<Verified<MeterReceipt>>, LedgerError> {
        let (scope, keys) = (self.scope(), self.keys());
        let mail = match Payload::parse(payload) {
            Some(Payload::Mail { envelope, .. }) => envelope,
            _ => Vec::new(),
        };
        let receipt = match Envelope::parse(&mail) {
            Ok(envelope) if envelope.slot == Slot::FINAL_REPORT => {
                let opened = authentic(keys.open_mail(scope, &envelope))?;
                opened
                    .and_then(|opened| FinalReport::parse(opened.as_slice()).ok())
                    .map(|report| report.receipt)
            }
            _ => MeterReceipt::parse(payload).ok(),
        };
        let Some(receipt) = receipt else { return Ok(None) };
        authentic(keys.verify_meter_receipt(scope, receipt))
    }
}

/// What a final report proves to be left: not that of a meter whose memory went back, which has lost what was used since. An honest one
/// has applied no less than any report before it, and has used no less.
pub(super) fn left_by(
    t: &mut dyn Transaction,
    old: &BindingRecord,
    report: &Verified<MeterReceipt>,
) -> Result<i128, LedgerError> {
    let from = old.binding();
    let back = report.flags.has(MeterFlags::REGRESSED)
        || report.applied_credit < old.held.applied_credit
        || report.applied_debited < old.held.applied_debited;
    if back {
        return Err(Refusal::WentBack(from).into());
    }
    let left = old.held.left_by(report)?;
    // All that were ever handed in: whoever has the meter's keys can put any number of others after an honest one.
    let used = t.readings(&[from], u32::MAX)?.iter().map(Reading::used).max().unwrap_or(0);
    let expected = old.held.certified().saturating_sub(used);
    if left > expected {
        // Both are within what was certified; a debt may be larger than can be written, and is worded as the largest then.
        let [left, expected] = [left, expected].map(|left| Balance(i64::try_from(left).unwrap_or(i64::MIN)));
        return Err(Refusal::AboveExpectation { from, left, expected }.into());
    }
    Ok(left)
}

/// What was left in a contract that the copy had may have been moved in what was lost: to a contract that the copy does not know, and whose
/// card nobody has brought yet. Whatever a report says then, one person does not move it, nor what a contract has recovered: whoever has its
/// meter's keys can make that seem lost.
pub(super) fn not_moved_before(
    t: &mut dyn Transaction,
    from: Binding,
    to: Binding,
) -> Result<(), LedgerError> {
    let epoch = t.epoch()?;
    let may_be = epoch > 0 && (!is_since(from, epoch) || recovered_by(t, from)? > Piastres::ZERO);
    if may_be { Err(Refusal::MayBeMoved { from, to }.into()) } else { Ok(()) }
}

/// Something that was checked; `None` where it is not authentic, and so something else.
fn authentic<T>(checked: Result<T, KeyStoreError>) -> Result<Option<T>, LedgerError> {
    match checked {
        Ok(checked) => Ok(Some(checked)),
        Err(KeyStoreError::NotAuthentic(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// `amount` from one account to the other; the other way round where it is below zero; nothing where it is zero.
fn movements(from: &LedgerAccount, to: &LedgerAccount, amount: i128) -> Result<Vec<Transfer>, LedgerError> {
    let (debit, credit) = if amount < 0 { (to, from) } else { (from, to) };
    let amount = Piastres(amount_of(amount)?);
    let transfer = Transfer { debit: debit.clone(), credit: credit.clone(), amount };
    Ok(if amount == Piastres::ZERO { Vec::new() } else { vec![transfer] })
}

pub(super) fn amount_of(amount: i128) -> Result<u64, LedgerError> {
    let amount =
        u64::try_from(amount.unsigned_abs()).ok().filter(|amount| *amount <= card_host::issuer::LAST_TOTAL.0);
    Ok(amount.ok_or(AccountError::TotalExhausted)?)
}

/// Which binding was moved; the entry names the other one.
fn reason_of(order: &MoveOrder) -> String {
    let from = order.from();
    format!("from {:X}/{}", from.meter, from.number)
}

/// The same, read again.
pub(super) fn moved_from(reason: &str) -> Option<Binding> {
    let (meter, number) = reason.strip_prefix("from ")?.split_once('/')?;
    let mut id = [0; 8];
    hex::decode_to_slice(meter, &mut id).ok()?;
    Some(Binding { meter: MeterId(id), number: number.parse().ok()? })
}
