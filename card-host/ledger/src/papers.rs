//! At a desk: what a customer shows for a step in the life of a card, and the fee of the step (docs/ledger.md, section 6).
//!
//! The clerk hands in first what was shown ([`Office::present`]); the step itself looks for that, and books its fee in the transaction that does it. So
//! a step that is repeated asks for nothing again.

use card_core::id::MeterId;
use card_core::role::{KeyVersion, Role};
use card_core::units::{CardTime, Piastres};
use card_host::keystore::KeyStoreError;
use card_host::national_id::NationalId;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use super::accounts::LedgerAccount;
use super::entry::{Entry, EntryId, Kind, RequestKey, Step, Transfer};
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::policy::{CardStep, Document, Documents, FeePaid, PaperRefusal, Papers, StepRules};
use super::powers::Power;
use super::records::{Customer, Head, PersonRecord};
use super::sale::Steps;
use super::second::{self, Agreed, agreed};
use super::store::{Transaction, read};

/// Seconds of a day.
const DAY: u32 = 86_400;

/// What a customer has shown, for which step.
#[derive(Debug, Clone, Copy)]
pub struct PapersOrder<'a> {
    /// Who has seen it, and where.
    pub who: &'a Who,
    /// The id of the request that does the step.
    pub id: &'a RequestId,
    /// The step.
    pub step: CardStep,
    /// For which account.
    pub account: u64,
    /// The meter that the account has, or gets.
    pub meter: Option<MeterId>,
    /// What was shown.
    pub documents: &'a Documents,
}

/// A fee that a step has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeeTaken {
    /// The step.
    pub step: CardStep,
    /// How much.
    pub amount: Piastres,
    /// How it is paid.
    pub paid: FeePaid,
    /// Its entry.
    pub entry: EntryId,
    /// The rules that it followed.
    pub policy: u32,
}

impl Office {
    /// What a step asks for now, with the version of the rules; `None`: nothing.
    pub fn asked_for(&self, step: CardStep) -> Result<Option<(u32, StepRules)>, LedgerError> {
        Ok(self.rules_of(step, self.now()?).map(|(version, _, rules)| (version, rules)))
    }

    fn rules_of(&self, step: CardStep, now: CardTime) -> Option<(u32, u16, StepRules)> {
        self.policy_at(now, |version, policy| {
            let cards = policy.cards.as_ref()?;
            Some((version, cards.receipt_days, cards.of(step)?.clone()))
        })
    }

    /// Hands in what a customer has shown for a step, under the id of the request that will do the step. Where the step asks for nothing, nothing is looked at,
    /// and nothing is kept. Repeated, it changes nothing; then the documents may be left out.
    ///
    /// Where the step takes two persons, it is entered and refused the first time ([`Refusal::SecondPerson`]); once another one has agreed, the same again
    /// does it.
    pub fn present(&self, order: &PapersOrder<'_>) -> Result<(), LedgerError> {
        let PapersOrder { who, id, step, account, meter, documents } = *order;
        let own = id.beside("papers")?;
        let request = self.companys(who, &own, Power::Sell)?;
        let before = read(self.ledger(), |t| handed_in(t, &request))?;
        if before.is_none() && self.asked_for(step)?.is_none_or(|(_, rules)| !rules.has_papers()) {
            return Ok(());
        }
        let person = match &documents.national_id {
            Some(national_id) => {
                let version = match before.as_ref().and_then(|(_, papers)| papers.person()) {
                    Some(person) => person.version,
                    None => self.keys().current(Role::Vending)?,
                };
                Some(self.keys().person(self.scope(), version, national_id)?)
            }
            None => None,
        };
        let out = self.step(|t| {
            let (context, mut point, _) = self.context(t, who, &request, None)?;
            if let Some((entry, papers)) = handed_in(t, &request)? {
                is_for(&entry, &papers, step, account)?;
                let same = person.is_none() || papers.person().is_none() || papers.person() == person;
                return if same { Ok(Some(())) } else { Err(Refusal::OtherRequest(own.clone()).into()) };
            }
            let now = self.now()?;
            let Some((version, days, rules)) = self.rules_of(step, now) else { return Ok(Some(())) };
            who.must(rules.may)?;
            documents.check(&rules, self.date(now), meter)?;
            if let Some(receipt) = documents.receipt.as_ref().filter(|_| documents.meter.is_none())
                && rules.documents.contains(&Document::MeterOrReceipt)
            {
                is_receipt(t, receipt, account, now, days)?;
            }
            let person = person.filter(|_| rules.documents.contains(&Document::NationalId));
            let papers = documents.kept(step, &rules, version, person);
            let mut entry = draft(who, &request, Step::First, Kind::Papers, now);
            (entry.account, entry.policy) = (account, version);
            if rules.persons > 1 {
                let text = String::from_utf8(papers.emit()).unwrap_or_default();
                let payload = second::asked("papers", text);
                step.code().clone_into(&mut entry.reason);
                match agreed(t, &request, &context.steps, &payload)? {
                    Agreed::No => return self.ask(t, &mut point, entry, &payload).map(|()| None),
                    Agreed::Yes | Agreed::Done(_) => entry.step = Step::Settled,
                }
            }
            entry.payload = papers.emit();
            let heads = person.map(|person| Head::Person(PersonRecord { person, account }));
            self.book(t, &mut point, entry, heads.as_slice())?;
            Ok(Some(()))
        })?;
        second::done(out, &request)
    }

    /// Before a step is done: the till that takes its fee is locked first, as selling does.
    pub(super) fn till(&self, t: &mut dyn Transaction, who: &Who, step: CardStep) -> Result<(), LedgerError> {
        if self.asked_for(step)?.is_some_and(|(_, rules)| rules.fee.is_some()) {
            t.point(&who.point)?;
        }
        Ok(())
    }

    /// In the transaction that does a step under `id`, after its entry `of` is booked: looks for what was handed in, and books the fee at the desk of `who`. Where
    /// something is not there, the step is refused as a whole.
    pub(super) fn serve(
        &self,
        t: &mut dyn Transaction,
        who: &Who,
        id: &RequestId,
        step: CardStep,
        of: &Entry,
    ) -> Result<(), LedgerError> {
        let now = self.now()?;
        let Some((version, _, rules)) = self.rules_of(step, now) else { return Ok(()) };
        who.must(rules.may)?;
        if rules.has_papers() {
            let papers = handed_in(t, &who.request(&id.beside("papers")?))?;
            let (entry, papers) = papers.ok_or(PaperRefusal::Needed(step))?;
            is_for(&entry, &papers, step, of.account)?;
        }
        let Some(fee) = &rules.fee else { return Ok(()) };
        let own = id.beside("fee")?;
        let request = who.request(&own);
        let (context, mut point, party) = self.context(t, who, &request, None)?;
        if !context.steps.is_empty() {
            return Err(Refusal::OtherRequest(own).into());
        }
        if !point.open {
            return Err(Refusal::PointClosed(point.code).into());
        }
        let amount = Piastres(fee.amount);
        let mut entry = draft(who, &request, Step::First, Kind::Fee, now);
        (entry.binding, entry.card, entry.account) = (of.binding, of.card, of.account);
        (entry.amount, entry.policy) = (amount, version);
        entry.payload = json!({ "step": step.code(), "request": id }).to_string().into_bytes();
        let (debit, head) = match fee.paid {
            FeePaid::Cash => {
                self.policy_at(now, |_, policy| match policy.rules(party.channel) {
                    Ok(rules) => Self::cash_limit(rules, &point, amount),
                    Err(_) => Ok(()),
                })?;
                (LedgerAccount::taken_at(&point, &party), None)
            }
            FeePaid::Debt => {
                let held = t.customer(of.account)?;
                let held = held.unwrap_or_else(|| Customer { account: of.account, ..Customer::default() });
                let debt = held.debt.checked_add(amount);
                let debt = debt.filter(|debt| *debt <= card_host::issuer::LAST_TOTAL);
                let debt =
                    debt.ok_or_else(|| Refusal::Invalid("the debt is too large to be written".to_owned()))?;
                (LedgerAccount::Debt(of.account), Some(Head::Customer(Customer { debt, ..held })))
            }
        };
        entry.transfers = vec![Transfer { debit, credit: step.income()?, amount }];
        self.book(t, &mut point, entry, head.as_slice())?;
        Ok(())
    }

    /// The fee that a request has taken.
    pub fn fee_of(&self, who: &Who, id: &RequestId) -> Result<Option<FeeTaken>, LedgerError> {
        let request = who.request(&id.beside("fee")?);
        Ok(read(self.ledger(), |t| fee_entry(t, &request))?.and_then(|entry| taken(&entry)))
    }

    /// Gives back the fee that a request has taken, once: it is owed no more, and what of it was paid is given back in cash. Above the limit of corrections it
    /// takes two people, like [`present`](Self::present).
    pub fn give_back_fee(&self, who: &Who, id: &RequestId, reason: &str) -> Result<FeeTaken, LedgerError> {
        let fee = who.request(&id.beside("fee")?);
        let own = fee.id.beside("back")?;
        let request = self.companys(who, &own, Power::Correct)?;
        let payload = second::asked("fee-back", id.to_string());
        let out = self.step(|t| {
            let (context, mut point, party) = self.context(t, who, &request, None)?;
            let none = || PaperRefusal::NoFee(id.to_string());
            let taken_by = fee_entry(t, &fee)?.ok_or_else(none)?;
            let fee = taken(&taken_by).ok_or_else(none)?;
            let done = match context.steps.first() {
                Some(done) => t.entry(&done.entry)?.filter(|entry| entry.kind == Kind::FeeBack),
                None => None,
            };
            let agreed = match done {
                Some(entry) => Agreed::Done(Box::new(entry)),
                None => agreed(t, &request, &context.steps, &payload)?,
            };
            if matches!(agreed, Agreed::Done(_)) {
                return Ok(Some(fee));
            }
            let now = self.now()?;
            let mut entry = draft(who, &request, Step::First, Kind::FeeBack, now);
            (entry.binding, entry.card, entry.account) = (taken_by.binding, taken_by.card, taken_by.account);
            (entry.amount, entry.policy) = (fee.amount, fee.policy);
            reason.clone_into(&mut entry.reason);
            let above = self.policy_at(now, |_, policy| policy.correction_approval_above);
            if fee.amount.0 > above {
                if matches!(agreed, Agreed::No) {
                    return self.ask(t, &mut point, entry, &payload).map(|()| None);
                }
                entry.step = Step::Settled;
            }
            let owed = t.customer(taken_by.account)?.filter(|_| fee.paid == FeePaid::Debt);
            let debt = owed.as_ref().map_or(Piastres::ZERO, |owed| owed.debt.min(fee.amount));
            let (income, cash) = (fee.step.income()?, LedgerAccount::taken_at(&point, &party));
            let mut give = |credit: LedgerAccount, amount: Piastres| {
                if amount > Piastres::ZERO {
                    entry.transfers.push(Transfer { debit: income.clone(), credit, amount });
                }
            };
            give(LedgerAccount::Debt(taken_by.account), debt);
            give(cash, fee.amount.saturating_sub(debt));
            entry.payload = json!({ "step": fee.step.code(), "request": id }).to_string().into_bytes();
            let heads = owed.filter(|_| debt > Piastres::ZERO).map(|owed| {
                let left = owed.debt.saturating_sub(debt);
                Head::Customer(Customer { debt: left, ..owed })
            });
            self.book(t, &mut point, entry, heads.as_slice())?;
            Ok(Some(fee))
        })?;
        second::done(out, &request)
    }

    /// The accounts for which the person with this national ID has been at a desk, whichever master was in use then.
    pub fn accounts_of(&self, who: &Who, national_id: &NationalId) -> Result<BTreeSet<u64>, LedgerError> {
        self.companys(who, &RequestId::from(0), Power::Correct)?;
        let mut persons = Vec::new();
        for master in 1..=self.keys().current(Role::Vending)?.master() {
            match self.keys().person(self.scope(), KeyVersion::new(Role::Vending, master), national_id) {
                Ok(person) => persons.push(person),
                Err(KeyStoreError::NoMaster { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        read(self.ledger(), |t| {
            let mut accounts = BTreeSet::new();
            for person in &persons {
                accounts.extend(t.persons(person)?.into_iter().map(|record| record.account));
            }
            Ok(accounts)
        })
    }

    fn date(&self, now: CardTime) -> card_core::calendar::Date {
        self.calendar().local(now).date()
    }
}

/// What was handed in by a request, once it holds.
fn handed_in(t: &mut dyn Transaction, request: &RequestKey) -> Result<Option<(Entry, Papers)>, LedgerError> {
    let Some(last) = t.steps(request)?.pop() else { return Ok(None) };
    let entry = t.entry(&last.entry)?.filter(|entry| entry.kind == Kind::Papers);
    Ok(entry.and_then(|entry| {
        let papers = Papers::parse(&entry.payload)?;
        Some((entry, papers))
    }))
}

fn is_for(entry: &Entry, papers: &Papers, step: CardStep, account: u64) -> Result<(), PaperRefusal> {
    if (papers.step, entry.account) == (step, account) {
        return Ok(());
    }
    Err(PaperRefusal::ForOther { step: papers.step, account: entry.account })
}

/// Whether it is a receipt of the account, and not too old.
fn is_receipt(
    t: &mut dyn Transaction,
    receipt: &EntryId,
    account: u64,
    now: CardTime,
    days: u16,
) -> Result<(), LedgerError> {
    let other = || PaperRefusal::OtherReceipt(receipt.clone());
    let entry = t.entry(receipt)?.filter(|entry| entry.account == account).ok_or_else(other)?;
    let paid = match entry.kind {
        Kind::Sale => true,
        // An announced sale has the number of its announcement.
        Kind::Reserve => {
            let steps = t.steps(&entry.request)?;
            let sale = Steps::read(t, &steps)?;
            sale.has(Kind::Confirm) && !sale.has(Kind::Refund)
        }
        _ => false,
    };
    if !paid {
        return Err(other().into());
    }
    if now.0.saturating_sub(entry.time.0) > u32::from(days).saturating_mul(DAY) {
        return Err(PaperRefusal::OldReceipt { receipt: receipt.clone(), days }.into());
    }
    Ok(())
}

fn fee_entry(t: &mut dyn Transaction, request: &RequestKey) -> Result<Option<Entry>, LedgerError> {
    let Some(done) = t.steps(request)?.into_iter().next() else { return Ok(None) };
    Ok(t.entry(&done.entry)?.filter(|entry| entry.kind == Kind::Fee))
}

/// What the entry of a fee says.
pub(super) fn taken(entry: &Entry) -> Option<FeeTaken> {
    let said: Value = serde_json::from_slice(&entry.payload).ok()?;
    let step = CardStep::from_code(said.get("step")?.as_str()?)?;
    let owed = entry.transfers.iter().any(|transfer| matches!(transfer.debit, LedgerAccount::Debt(_)));
    let paid = if owed { FeePaid::Debt } else { FeePaid::Cash };
    Some(FeeTaken { step, amount: entry.amount, paid, entry: entry.id.clone(), policy: entry.policy })
}
