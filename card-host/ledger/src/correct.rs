//! Corrections: debits, debts, and the second person (docs/ledger.md, section 5).

use card_core::id::Channel;
use card_core::message::{MeterReceipt, Verified};
use card_core::units::Piastres;

use super::accounts::LedgerAccount;
use super::entry::{Entry, Kind, RequestKey, Step, Transfer};
use super::error::{LedgerError, Refusal, StoreError};
use super::give_back::{GivenBack, given_alone};
use super::names::{COMPANY, PointCode, RequestId};
use super::office::{Office, Who, customer, draft};
use super::powers::{Power, Powers};
use super::proposal::{DebitTo, Proposal};
use super::records::{BindingRecord, Customer, Head, Point};
use super::sale::{Certified, Steps, is_for};
use super::second::{alone, same_person};
use super::sell::{about, sellable};
use super::signing::Signing;
use super::store::{Payee, Transaction, read};

/// A debit: takes credit back that was certified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebitOrder {
    /// Who, and where.
    pub who: Who,
    /// The id of the request.
    pub id: RequestId,
    /// Whose credit.
    pub payee: Payee,
    /// How much.
    pub amount: Piastres,
    /// Where it goes.
    pub to: DebitTo,
    /// Why, in words.
    pub reason: String,
}

/// What a second person has agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approved {
    /// A sale, which can be confirmed now.
    Sale,
    /// Something that is done by asking for it again, under the same id.
    Asked,
    /// A correction or a move, which has been certified by that.
    Certified(Certified),
    /// What was left in a contract has been given back by that.
    GivenBack(GivenBack),
    /// That the clock is right: this vending point goes on with its time.
    Time(PointCode),
}

impl Office {
    /// Takes credit back, by a voucher that the card takes to the meter. Above the limit in the rules it is refused: [`propose`](Self::propose) it.
    pub fn debit(&self, order: &DebitOrder) -> Result<Certified, LedgerError> {
        let request = self.companys(&order.who, &order.id, Power::Correct)?;
        self.signing_step(|t, signing| {
            let (context, mut point, _) = self.context(t, &order.who, &request, Some(order.payee))?;
            if !context.steps.is_empty() {
                let first = debited_before(&Steps::read(t, &context.steps)?, order, Kind::Debit)?;
                return Ok(Certified::of(&first));
            }
            let now = self.now()?;
            let above = self.policy_at(now, |_, policy| policy.correction_approval_above);
            let cash = context.binding.as_ref().filter(|_| order.to == DebitTo::Cash);
            let before = match cash {
                Some(record) => given_alone(t, record.binding(), now)?,
                None => Piastres::ZERO,
            };
            if order.amount.0.saturating_add(before.0) > above {
                return Err(Refusal::ApprovalNeeded { amount: order.amount }.into());
            }
            let mut entry = draft(&order.who, &request, Step::First, Kind::Debit, now);
            entry.reason.clone_from(&order.reason);
            let entry = self.debited(t, signing, &mut point, entry, order.payee, (order.amount, order.to))?;
            Ok(Certified::of(&entry))
        })
    }

    /// Proposes a debit to a second person, who [`approve`](Self::approve)s it.
    pub fn propose(&self, order: &DebitOrder) -> Result<(), LedgerError> {
        let request = self.companys(&order.who, &order.id, Power::Correct)?;
        let proposal = Proposal::Debit { to: order.to, amount: order.amount.0 };
        self.step(|t| {
            let (context, mut point, _) = self.context(t, &order.who, &request, Some(order.payee))?;
            if !context.steps.is_empty() {
                debited_before(&Steps::read(t, &context.steps)?, order, Kind::Propose)?;
                return Ok(());
            }
            let record = sellable(t, &context, order.payee)?;
            if order.to == DebitTo::Cash {
                let (amount, left) = (order.amount, left(t, &record)?);
                if amount > left {
                    return Err(Refusal::MoreThanLeft { amount, left }.into());
                }
            }
            let mut entry = draft(&order.who, &request, Step::First, Kind::Propose, self.now()?);
            about(&mut entry, &record.held);
            entry.amount = order.amount;
            entry.reason.clone_from(&order.reason);
            entry.payload = serde_json::to_vec(&proposal).unwrap_or_default();
            self.book(t, &mut point, entry, &[])?;
            Ok(())
        })
    }

    /// A second person agrees to what was announced or proposed: another actor than the first. Whether that one may is for the caller to know
    /// ([`Power::Approve`](super::Power::Approve)). Repeated, it gives what it gave the first time.
    pub fn approve(&self, who: &Who, request: &RequestKey) -> Result<Approved, LedgerError> {
        who.must(Power::Approve)?;
        if who.party != request.party && who.party.as_str() != COMPANY {
            return Err(Refusal::NoRequest(request.id.clone()).into());
        }
        if let Some(point) = self.approve_time(who, request)? {
            return Ok(Approved::Time(point));
        }
        let report = self.proposed_report(request)?;
        self.signing_step(|t, signing| {
            let (mut point, steps) = self.alone_with(t, who, request)?;
            let first = steps.first.as_ref().ok_or_else(|| Refusal::NoRequest(request.id.clone()))?;
            let asked = matches!(serde_json::from_slice(&first.payload), Ok(Proposal::Ask { .. }));
            if let (Some(settled), Kind::Propose, false) = (&steps.settled, first.kind, asked) {
                let given = GivenBack::of_entry(settled).map(Approved::GivenBack);
                return Ok(given.unwrap_or_else(|| Approved::Certified(Certified::of(settled))));
            }
            if steps.has(Kind::Cancel) {
                return Err(Refusal::Cancelled.into());
            }
            if same_person(&first.actor, &who.actor) {
                return Err(Refusal::NotSecondPerson { actor: who.actor.clone() }.into());
            }
            let now = self.now()?;
            if steps.approval.is_none() {
                let mut entry = draft(who, request, Step::Approval, Kind::Approve, now);
                (entry.binding, entry.card, entry.account) = (first.binding, first.card, first.account);
                self.book(t, &mut point, entry, &[])?;
            }
            match first.kind {
                Kind::Reserve => Ok(Approved::Sale),
                Kind::Propose if asked => Ok(Approved::Asked),
                Kind::Propose => {
                    let lost = |error| StoreError::Corrupt(format!("proposal {}: {error}", request.id));
                    let proposal = serde_json::from_slice(&first.payload).map_err(lost)?;
                    let binding = first.binding.ok_or_else(|| Refusal::WrongStep(request.id.clone()))?;
                    let mut entry = draft(who, request, Step::Settled, Kind::Debit, now);
                    entry.reason.clone_from(&first.reason);
                    let entry = match proposal {
                        _ if proposal.gives_cash() && first.id.point != point.code => {
                            let at = format!(
                                "approve it at vending point {}, whose cash is given out",
                                first.id.point
                            );
                            return Err(Refusal::Invalid(at).into());
                        }
                        Proposal::Debit { to, amount } => self.debited(
                            t,
                            signing,
                            &mut point,
                            entry,
                            Payee::Binding(binding),
                            (Piastres(amount), to),
                        )?,
                        Proposal::GiveBack(order) => {
                            let given = self.given_back(t, &mut point, entry, &order, report.as_ref())?;
                            return Ok(Approved::GivenBack(given));
                        }
                        Proposal::Move(order) => self.moved(t, signing, &mut point, entry, &order, None)?,
                        Proposal::Ask { .. } => return Ok(Approved::Asked),
                        Proposal::Time(_) => return Err(Refusal::WrongStep(request.id.clone()).into()),
                    };
                    Ok(Approved::Certified(Certified::of(&entry)))
                }
                _ => Err(Refusal::WrongStep(request.id.clone()).into()),
            }
        })
    }

    /// The final report by which somebody has proposed to give something back.
    fn proposed_report(&self, request: &RequestKey) -> Result<Option<Verified<MeterReceipt>>, LedgerError> {
        let proposal = read(self.ledger(), |t| match t.steps(request)?.first() {
            Some(first) => t.entry(&first.entry),
            None => Ok(None),
        })?;
        match proposal.and_then(|entry| serde_json::from_slice(&entry.payload).ok()) {
            Some(Proposal::GiveBack(order)) if order.left().is_none() => self.final_report(order.of()),
            _ => Ok(None),
        }
    }

    /// The steps of a request, with its binding locked: approving and withdrawing have no step in common, and must not meet.
    fn alone_with(
        &self,
        t: &mut dyn Transaction,
        who: &Who,
        request: &RequestKey,
    ) -> Result<(Point, Steps), LedgerError> {
        let (context, point, _) = self.context(t, who, request, None)?;
        let steps = Steps::read(t, &context.steps)?;
        match steps.first.as_ref().and_then(|first| first.binding) {
            Some(binding) => t.binding(Payee::Binding(binding)).map(drop)?,
            // What two people do is done at the company's point.
            None => alone(t)?,
        }
        // What was read before the lock may have changed while it was waited for.
        let steps = t.steps(request)?;
        Ok((point, Steps::read(t, &steps)?))
    }

    /// Withdraws what was proposed.
    pub fn withdraw(&self, who: &Who, id: &RequestId) -> Result<(), LedgerError> {
        let request = self.companys(who, id, Power::Correct)?;
        self.step(|t| {
            let (mut point, steps) = self.alone_with(t, who, &request)?;
            let first = steps.first.as_ref().ok_or_else(|| Refusal::NoRequest(id.clone()))?;
            if first.kind != Kind::Propose || steps.settled.is_some() {
                return Err(Refusal::WrongStep(id.clone()).into());
            }
            if steps.decision.is_none() {
                let mut entry = draft(who, &request, Step::Decision, Kind::Cancel, self.now()?);
                (entry.binding, entry.card, entry.account) = (first.binding, first.card, first.account);
                self.book(t, &mut point, entry, &[])?;
            }
            Ok(())
        })
    }

    /// Enters a debt of a customer, which sales pay by the rules of their channel.
    pub fn debt(
        &self,
        who: &Who,
        id: &RequestId,
        account: u64,
        amount: Piastres,
        reason: &str,
    ) -> Result<(), LedgerError> {
        let request = self.companys(who, id, Power::Correct)?;
        if amount == Piastres::ZERO || account == 0 {
            return Err(Refusal::Invalid("a debt has an account and an amount".to_owned()).into());
        }
        self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some(done) = context.steps.first() {
                let same = t.entry(&done.entry)?.is_some_and(|entry| {
                    (entry.kind, entry.account, entry.amount) == (Kind::Debt, account, amount)
                });
                return if same { Ok(()) } else { Err(Refusal::OtherRequest(id.clone()).into()) };
            }
            let held = customer(t, account)?;
            let debt = held.debt.checked_add(amount).filter(|debt| *debt <= card_host::issuer::LAST_TOTAL);
            let debt =
                debt.ok_or_else(|| Refusal::Invalid("the debt is too large to be written".to_owned()))?;
            let mut entry = draft(who, &request, Step::First, Kind::Debt, self.now()?);
            (entry.account, entry.amount) = (account, amount);
            reason.clone_into(&mut entry.reason);
            entry.transfers = vec![Transfer {
                debit: LedgerAccount::Debt(account),
                credit: LedgerAccount::Opening,
                amount,
            }];
            self.book(t, &mut point, entry, &[Head::Customer(Customer { debt, ..held })])?;
            Ok(())
        })
    }

    /// Books a debit into `entry`.
    fn debited(
        &self,
        t: &mut dyn Transaction,
        signing: &mut Signing<'_>,
        point: &mut Point,
        mut entry: Entry,
        payee: Payee,
        (amount, to): (Piastres, DebitTo),
    ) -> Result<Entry, LedgerError> {
        let who = Who {
            party: point.party.clone(),
            point: point.code.clone(),
            actor: entry.actor.clone(),
            may: Powers::ALL,
        };
        let (context, ..) = self.context(t, &who, &entry.request, Some(payee))?;
        let record = sellable(t, &context, payee)?;
        let certified = record.held.total_credit.saturating_sub(record.held.total_debited);
        if amount > certified {
            return Err(Refusal::MoreThanCertified { amount, certified }.into());
        }
        if to == DebitTo::Cash {
            let left = left(t, &record)?;
            if amount > left {
                return Err(Refusal::MoreThanLeft { amount, left }.into());
            }
        }
        let mut heads = Vec::new();
        let account = record.held.account;
        let credit = match to {
            DebitTo::Cash => LedgerAccount::Cash(point.code.clone()),
            DebitTo::Correction => LedgerAccount::Corrections,
            DebitTo::Debt => {
                let customer = context.customer.as_ref().filter(|customer| customer.debt >= amount);
                let customer = customer.ok_or_else(|| {
                    Refusal::Invalid("the customer does not owe so much: look at the debt first".to_owned())
                })?;
                let debt = customer.debt.saturating_sub(amount);
                heads.push(Head::Customer(Customer { debt, ..customer.clone() }));
                LedgerAccount::Debt(account)
            }
        };
        entry.amount = amount;
        entry.transfers = vec![Transfer { debit: LedgerAccount::Credit(record.binding()), credit, amount }];
        let held = record.held.debit(amount)?;
        heads.push(Head::Binding(Box::new(Self::certify(
            signing,
            &mut entry,
            record,
            held,
            Channel::Branch,
        )?)));
        self.book(t, point, entry, &heads)
    }
}

/// What is left of a customer's credit, as far as the ledger knows: what the meter has not applied yet, and its balance by the newest report.
fn left(t: &mut dyn Transaction, record: &BindingRecord) -> Result<Piastres, LedgerError> {
    let newest = t.readings(&[record.binding()], 1)?.pop();
    let (applied, debited, balance) = newest
        .map_or((0, 0, 0), |newest| (newest.applied_credit.0, newest.applied_debited.0, newest.balance.0));
    let waits = i128::from(record.held.total_credit.0) - i128::from(applied);
    let taken = i128::from(record.held.total_debited.0) - i128::from(debited);
    let left = waits.saturating_sub(taken).saturating_add(balance.into()).max(0);
    Ok(Piastres(u64::try_from(left).unwrap_or(u64::MAX)))
}

/// The first entry of a debit that was asked for before, where it was the same.
fn debited_before(steps: &Steps, order: &DebitOrder, kind: Kind) -> Result<Entry, LedgerError> {
    let same_way = |first: &Entry| match kind {
        Kind::Propose => {
            let proposal = Proposal::Debit { to: order.to, amount: order.amount.0 };
            serde_json::to_vec(&proposal).is_ok_and(|payload| payload == first.payload)
        }
        _ => first.transfers.iter().any(|transfer| {
            matches!(
                (&transfer.credit, order.to),
                (LedgerAccount::Cash(_), DebitTo::Cash)
                    | (LedgerAccount::Debt(_), DebitTo::Debt)
                    | (LedgerAccount::Corrections, DebitTo::Correction)
            )
        }),
    };
    let same = steps.first.as_ref().filter(|first| {
        first.kind == kind
            && first.amount == order.amount
            && first.id.point == order.who.point
            && is_for(first, order.payee)
            && same_way(first)
    });
    Ok(same.cloned().ok_or_else(|| Refusal::OtherRequest(order.id.clone()))?)
}
