//! What was left in a contract that has ended is given back, once: by its meter's final report, or by an estimate that two people make
//! (docs/ledger.md, sections 6 and 7).

use card_core::id::Binding;
use card_core::message::{MeterReceipt, Verified};
use card_core::units::{CardTime, Piastres};
use card_host::issuer::{AccountError, BindingAccount};

use super::accounts::LedgerAccount;
use super::entry::{Entry, Kind, Step, Transfer};
use super::error::{LedgerError, Refusal};
use super::moves::{amount_of, left_by, not_moved_before};
use super::names::RequestId;
use super::office::{Office, Who, customer, draft};
use super::powers::Power;
use super::proposal::{GiveBack, GiveTo, Proposal};
use super::records::{BindingRecord, Customer, Head, Point, Status};
use super::sell::{about, totals};
use super::store::{Payee, Transaction, read};

/// What one person gives back in cash for a contract adds up over so many days.
const ALONE_DAYS: u32 = 30;

/// What was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenBack {
    /// The contract.
    pub of: Binding,
    /// The customer's account.
    pub account: u64,
    /// What the customer gets, as cash or by transfer.
    pub paid: Piastres,
    /// What of it has paid the customer's debt.
    pub debt: Piastres,
    /// What the customer owes from now on, where less than nothing was left.
    pub owed: Piastres,
}

impl GivenBack {
    /// As the entry has it.
    pub fn of_entry(entry: &Entry) -> Option<Self> {
        let of = entry.binding.filter(|_| entry.kind == Kind::GiveBack)?;
        let sum = |is: fn(&Transfer) -> bool| {
            let of = entry.transfers.iter().filter(|transfer| is(transfer));
            Piastres(of.fold(0, |sum, transfer| sum.saturating_add(transfer.amount.0)))
        };
        Some(Self {
            of,
            account: entry.account,
            paid: sum(pays_out),
            debt: sum(|transfer| matches!(transfer.credit, LedgerAccount::Debt(_))),
            owed: sum(|transfer| matches!(transfer.debit, LedgerAccount::Debt(_))),
        })
    }
}

/// Whether it gives money of the company for credit.
pub(super) fn pays_out(transfer: &Transfer) -> bool {
    matches!(transfer.debit, LedgerAccount::Credit(_))
        && (transfer.credit.is_taken() || transfer.credit == LedgerAccount::Bank)
}

impl Office {
    /// Gives back what the final report of a contract that has ended says was left. Above what one person may give back it is refused: a second one is
    /// needed ([`propose_give_back`](Self::propose_give_back)).
    pub fn give_back(
        &self,
        who: &Who,
        id: &RequestId,
        order: &GiveBack,
        reason: &str,
    ) -> Result<GivenBack, LedgerError> {
        let request = self.companys(who, id, Power::Correct)?;
        if order.left().is_some() {
            return Err(Refusal::Invalid("an estimate takes two people: propose it".to_owned()).into());
        }
        let report = self.final_report(order.of())?;
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some(done) = context.steps.first() {
                let entry = t.entry(&done.entry)?;
                let same = entry
                    .filter(|entry| entry.reason == reason && entry.id.point == who.point)
                    .filter(|entry| pays(entry, order.to()))
                    .and_then(|entry| GivenBack::of_entry(&entry))
                    .filter(|given| given.of == order.of());
                return Ok(same.ok_or_else(|| Refusal::OtherRequest(id.clone()))?);
            }
            let mut entry = draft(who, &request, Step::First, Kind::GiveBack, self.now()?);
            reason.clone_into(&mut entry.reason);
            self.given_back(t, &mut point, entry, order, report.as_ref())
        })
    }

    /// Proposes to a second person to give back what is left: what is above what one may, or an estimate.
    pub fn propose_give_back(
        &self,
        who: &Who,
        id: &RequestId,
        order: &GiveBack,
        reason: &str,
    ) -> Result<(), LedgerError> {
        let request = self.companys(who, id, Power::Correct)?;
        let report = self.final_report(order.of())?;
        let payload = serde_json::to_vec(&Proposal::GiveBack(order.clone())).unwrap_or_default();
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some(done) = context.steps.first() {
                let same = t.entry(&done.entry)?.is_some_and(|entry| {
                    (&entry.payload, entry.reason.as_str(), &entry.id.point) == (&payload, reason, &who.point)
                });
                return if same { Ok(()) } else { Err(Refusal::OtherRequest(id.clone()).into()) };
            }
            let old = ended(t, order.of())?;
            // What can never be given back is not for a second person.
            let left = self.left_of(t, &old, order, report.as_ref())?;
            let mut entry = draft(who, &request, Step::First, Kind::Propose, self.now()?);
            about(&mut entry, &old.held);
            entry.amount = Piastres(amount_of(left)?);
            reason.clone_into(&mut entry.reason);
            entry.payload.clone_from(&payload);
            self.book(t, &mut point, entry, &[])?;
            Ok(())
        })
    }

    /// What [`approve`](Self::approve) does with it.
    pub(super) fn given_back(
        &self,
        t: &mut dyn Transaction,
        point: &mut Point,
        mut entry: Entry,
        order: &GiveBack,
        report: Option<&Verified<MeterReceipt>>,
    ) -> Result<GivenBack, LedgerError> {
        let old = ended(t, order.of())?;
        let left = self.left_of(t, &old, order, report)?;
        let account = old.held.account;
        let held = customer(t, account)?;
        let rest = Piastres(if left > 0 { amount_of(left)? } else { 0 });
        let paid_debt = rest.min(held.debt);
        let paid = rest.saturating_sub(paid_debt);
        if entry.step == Step::First {
            let before = given_alone(t, order.of(), entry.time)?;
            let above = self.policy_at(entry.time, |_, policy| policy.correction_approval_above);
            if paid.0.saturating_add(before.0) > above {
                return Err(Refusal::ApprovalNeeded { amount: paid }.into());
            }
        }
        let owed = Piastres(if left < 0 { amount_of(left)? } else { 0 });
        let consumed = old.held.certified().checked_sub(left).ok_or(AccountError::TotalExhausted)?;
        let too_large = || Refusal::Invalid("the debt is too large to be written".to_owned());
        let debt = held.debt.saturating_sub(paid_debt).checked_add(owed);
        let debt = debt.filter(|debt| *debt <= card_host::issuer::LAST_TOTAL).ok_or_else(too_large)?;
        let (gone, owes) = (LedgerAccount::Credit(order.of()), LedgerAccount::Debt(account));
        let to = match order.to() {
            GiveTo::Cash => LedgerAccount::Cash(point.code.clone()),
            GiveTo::Transfer => LedgerAccount::Bank,
        };
        let transfers = [
            (&owes, &gone, owed),
            (&gone, &owes, paid_debt),
            (&gone, &to, paid),
            (&gone, &LedgerAccount::Consumed, Piastres(amount_of(consumed)?)),
        ];
        entry.transfers = transfers
            .into_iter()
            .filter(|(.., amount)| *amount > Piastres::ZERO)
            .map(|(debit, credit, amount)| Transfer { debit: debit.clone(), credit: credit.clone(), amount })
            .collect();
        about(&mut entry, &old.held);
        totals(&mut entry, &old.held);
        (entry.kind, entry.amount) = (Kind::GiveBack, Piastres(amount_of(left)?));
        let mut heads = Vec::with_capacity(2);
        if debt != held.debt {
            heads.push(Head::Customer(Customer { debt, ..held }));
        }
        let closed = BindingAccount { moved: true, ..old.held };
        heads.push(Head::Binding(Box::new(BindingRecord { held: closed, status: Status::Closed, ..old })));
        self.book(t, point, entry, &heads)?;
        Ok(GivenBack { of: order.of(), account, paid, debt: paid_debt, owed })
    }

    fn left_of(
        &self,
        t: &mut dyn Transaction,
        old: &BindingRecord,
        order: &GiveBack,
        report: Option<&Verified<MeterReceipt>>,
    ) -> Result<i128, LedgerError> {
        let left = match order.left() {
            Some(left) => {
                self.within_bounds(left)?;
                i128::from(left)
            }
            None => {
                not_moved_before(t, order.of(), order.of())?;
                left_by(t, old, report.ok_or(AccountError::NotFinal)?)?
            }
        };
        if left > old.held.certified() { Err(AccountError::MoreThanCertified.into()) } else { Ok(left) }
    }

    /// What was given back under a request, where it was.
    pub fn given_back_by(&self, who: &Who, id: &RequestId) -> Result<Option<GivenBack>, LedgerError> {
        let request = who.request(id);
        read(self.ledger(), |t| {
            let Some(done) = t.steps(&request)?.into_iter().next_back() else { return Ok(None) };
            Ok(t.entry(&done.entry)?.as_ref().and_then(GivenBack::of_entry))
        })
    }
}

/// The cash that one person alone has given back for a contract in the last days: in parts, too, it takes two above the limit.
pub(super) fn given_alone(
    t: &mut dyn Transaction,
    binding: Binding,
    now: CardTime,
) -> Result<Piastres, LedgerError> {
    let since = now.0.saturating_sub(ALONE_DAYS.saturating_mul(86_400));
    let history = t.history(binding, u32::MAX)?;
    let recent = history.iter().take_while(|entry| entry.time.0 >= since);
    let alone = recent.filter(|entry| entry.kind == Kind::Debit && entry.step == Step::First);
    let cash = alone.flat_map(|entry| &entry.transfers).filter(|transfer| pays_out(transfer));
    Ok(Piastres(cash.fold(0, |sum, transfer| sum.saturating_add(transfer.amount.0))))
}

/// A contract that has ended, and of which nothing was moved or given back; locked.
fn ended(t: &mut dyn Transaction, of: Binding) -> Result<BindingRecord, LedgerError> {
    let record = t.binding(Payee::Binding(of))?.ok_or(Refusal::UnknownBinding(of))?;
    match record.status {
        Status::Open => Err(Refusal::NotEnded(of).into()),
        Status::Superseded if !record.is_nobodys() => Ok(record),
        _ => Err(Refusal::Closed(of).into()),
    }
}

/// Whether an entry gave money back this way, or none at all.
fn pays(entry: &Entry, to: GiveTo) -> bool {
    let mut out = entry.transfers.iter().filter(|transfer| pays_out(transfer));
    out.all(|transfer| (transfer.credit == LedgerAccount::Bank) == (to == GiveTo::Transfer))
}
