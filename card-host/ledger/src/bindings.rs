//! Bindings and their cards: opened, adopted from other books, replaced, blocked (docs/ledger.md, section 7).

use card_core::id::{Binding, CardId, CardRef, Channel, MeterId};
use card_core::message::{BindingCertificate, Certificate};
use card_core::role::{KeyVersion, Role};
use card_core::units::{CardTime, Piastres};
use serde_json::json;

use super::accounts::LedgerAccount;
use super::entry::{Entry, Kind, Step, Transfer};
use super::error::{LedgerError, Refusal};
use super::meter_keys::base_and_transport;
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::payload::Payload;
use super::policy::CardStep;
use super::powers::Power;
use super::records::{BindingRecord, CardRecord, CardUse, Head, NUMBERS_OF_A_RESTORE, Status};
use super::sale::{Certified, Steps, is_for};
use super::second::{Agreed, agreed, alone, asked, done};
use super::sell::{about, sellable, totals, unknown};
use super::standing::is_ahead;
use super::store::{Context, Payee, Transaction};
use super::words::FIRST_REFERENCE;
use card_host::issuer::{AccountError, BindingAccount};

/// A new binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    /// Who, and where.
    pub who: Who,
    /// The id of the request.
    pub id: RequestId,
    /// The meter.
    pub meter: MeterId,
    /// The customer's account.
    pub account: u64,
    /// A new card, of generation 1; or the customer's present card of another binding, which is superseded by this one.
    pub card: CardRef,
    /// Whether another customer's open binding of this meter is to be closed by this one.
    pub closes_former: bool,
}

impl Office {
    /// Opens a binding. Its first certificate, of nothing, has sequence 1: see [`certificates`](Self::certificates).
    pub fn open(&self, order: &OpenOrder) -> Result<BindingRecord, LedgerError> {
        self.open_for(order, false)
    }

    /// The same for a card that is made `ahead`: nothing is sold to it before it is handed over ([`activate`](Self::activate)), which is when the company's policy
    /// asks for papers and a fee.
    pub(super) fn open_for(&self, order: &OpenOrder, ahead: bool) -> Result<BindingRecord, LedgerError> {
        let (request, who) = (self.companys(&order.who, &order.id, Power::Sell)?, &order.who.at_office()?);
        self.step(|t| {
            let first = if order.closes_former { CardStep::MoveIn } else { CardStep::Issue };
            self.till(t, &order.who, first)?;
            self.till(t, &order.who, CardStep::NewMeter)?;
            alone(t)?;
            let payee = Payee::Meter(order.meter);
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            if !context.steps.is_empty() {
                return again(t, &context.steps, &order.id, |entry, record| {
                    entry.kind == Kind::Open
                        && record.binding().meter == order.meter
                        && (entry.account, entry.card) == (order.account, Some(order.card.id))
                });
            }
            // The time of its entry.
            let now = self.now()?;
            let opening_time = now.max(point.time);
            let (mut heads, mut step) = (Vec::new(), first);
            let number = next_number(&context)?;
            is_account(t, order.account)?;
            if let Some(former) = &context.binding {
                if former.status == Status::Open
                    && former.held.account != order.account
                    && !order.closes_former
                {
                    return Err(Refusal::MeterInUse { meter: order.meter, card: former.held.card.id }.into());
                }
                heads.extend(superseded(former));
            }
            if let Some(card) = t.card(order.card.id)? {
                let served = t.binding(Payee::Binding(card.binding))?;
                let own = served.filter(|served| {
                    card.used == CardUse::Customer
                        && card.card == order.card
                        && served.held.account == order.account
                        && served.binding().meter != order.meter
                });
                let own = own.ok_or(Refusal::CardInUse(order.card.id))?;
                heads.extend(superseded(&own));
                step = CardStep::NewMeter;
            }
            let (credit_key, parameter_keys, load_key) = {
                let keys = self.keys();
                let load_key = keys.current(Role::Load)?;
                match &context.binding {
                    Some(former) => (former.held.credit_key, former.held.parameter_keys, load_key),
                    None => (keys.current(Role::Credit)?, keys.current(Role::Parameter)?, load_key),
                }
            };
            let held = BindingAccount {
                scope: self.scope(),
                binding: Binding { meter: order.meter, number },
                account: order.account,
                card: order.card,
                load_key,
                credit_key,
                parameter_keys,
                sequence: 1,
                total_credit: Piastres::ZERO,
                total_debited: Piastres::ZERO,
                opening_time,
                applied_credit: Piastres::ZERO,
                applied_debited: Piastres::ZERO,
                moved: false,
            };
            let record = BindingRecord { blocked: ahead, ..new_record(held, context.epoch) };
            heads.push(card_head(&record, CardUse::Customer));
            heads.push(Head::Binding(Box::new(record.clone())));
            let mut entry = draft(who, &request, Step::First, Kind::Open, now);
            about(&mut entry, &record.held);
            entry.sequence = 1;
            // A meter that is new here has the keys of today.
            let keys = match &context.binding {
                Some(former) => base_and_transport(t, former.binding())?.unwrap_or_default(),
                None => {
                    let version = |role| self.keys().current(role).map(KeyVersion::master);
                    (version(Role::MeterBase)?, version(Role::Transport)?)
                }
            };
            entry.payload = Payload::opened_ahead(&record.held, keys, ahead).emit();
            let entry = self.book(t, &mut point, entry, &heads)?;
            if !ahead {
                self.serve(t, &order.who, &order.id, step, &entry)?;
            }
            Ok(record)
        })
    }

    /// Takes a binding from other books, with its totals. Nothing else of it is known here. It takes two people: asked for the first time it is
    /// entered and refused ([`Refusal::SecondPerson`]); once another one has agreed, the same again does it.
    pub fn adopt(
        &self,
        who: &Who,
        id: &RequestId,
        held: &BindingAccount,
        reason: &str,
    ) -> Result<BindingRecord, LedgerError> {
        let referred = BindingAccount { account: self.secret().account(held.account), ..*held };
        self.adopt_as(who, id, held, reason, &asked("adopt", format!("{referred:?}")))
    }

    /// The same, where two people agree to `payload`.
    pub(super) fn adopt_as(
        &self,
        who: &Who,
        id: &RequestId,
        held: &BindingAccount,
        reason: &str,
        payload: &[u8],
    ) -> Result<BindingRecord, LedgerError> {
        let (desk, request, who) = (who, self.companys(who, id, Power::Correct)?, &who.at_office()?);
        let wrong = held.scope != self.scope()
            || held.moved
            || held.account == 0
            || held.sequence == 0
            || held.binding.number == 0
            // No meter has signed anything to this ledger yet.
            || (held.applied_credit, held.applied_debited) != (Piastres::ZERO, Piastres::ZERO)
            || held.total_credit > card_host::issuer::LAST_TOTAL
            || held.total_debited > card_host::issuer::LAST_TOTAL;
        if wrong {
            return Err(Refusal::Invalid(
                "this is no open binding of this company: look at the other books".to_owned(),
            )
            .into());
        }
        let out = self.step(|t| {
            self.till(t, desk, CardStep::Adopt)?;
            alone(t)?;
            let (context, mut point, _) =
                self.context(t, who, &request, Some(Payee::Meter(held.binding.meter)))?;
            let agreed = match agreed(t, &request, &context.steps, payload)? {
                Agreed::Done(entry) => {
                    let same = entry.kind == Kind::Adopt
                        && entry.binding == Some(held.binding)
                        && (entry.account, entry.card, entry.sequence)
                            == (held.account, Some(held.card.id), held.sequence)
                        && (entry.total_credit, entry.total_debited)
                            == (held.total_credit, held.total_debited);
                    let record = t.binding(Payee::Binding(held.binding))?.filter(|_| same);
                    return Ok(Some(record.ok_or_else(|| Refusal::OtherRequest(id.clone()))?));
                }
                Agreed::Yes => true,
                Agreed::No => false,
            };
            if context.binding.as_ref().is_some_and(|former| former.binding().number >= held.binding.number) {
                return Err(Refusal::Invalid(
                    "this ledger has this binding, or a newer one of its meter".to_owned(),
                )
                .into());
            }
            if t.card(held.card.id)?.is_some() {
                return Err(Refusal::CardInUse(held.card.id).into());
            }
            is_account(t, held.account)?;
            let amount = held.total_credit.saturating_sub(held.total_debited);
            let now = self.now()?;
            let most = self.policy_at(now, |_, policy| Piastres(policy.without_payment.adopt_most));
            if amount > most {
                return Err(Refusal::MoreThanAllowed { amount, most }.into());
            }
            let record = new_record(*held, context.epoch);
            let mut entry = draft(who, &request, Step::Settled, Kind::Adopt, now);
            reason.clone_into(&mut entry.reason);
            about(&mut entry, held);
            entry.amount = amount;
            if !agreed {
                return self.ask(t, &mut point, entry, payload).map(|()| None);
            }
            totals(&mut entry, held);
            entry.payload = Payload::opened(held, (0, 0)).emit();
            let (credit, opening) = (LedgerAccount::Credit(held.binding), LedgerAccount::Opening);
            let mut give = |debit: &LedgerAccount, credit: &LedgerAccount, amount: Piastres| {
                if amount > Piastres::ZERO {
                    entry.transfers.push(Transfer { debit: debit.clone(), credit: credit.clone(), amount });
                }
            };
            give(&opening, &credit, held.total_credit);
            give(&credit, &opening, held.total_debited);
            let mut heads: Vec<Head> = context.binding.as_ref().and_then(superseded).into_iter().collect();
            heads.extend([card_head(&record, CardUse::Customer), Head::Binding(Box::new(record.clone()))]);
            let entry = self.book(t, &mut point, entry, &heads)?;
            self.serve(t, desk, id, CardStep::Adopt, &entry)?;
            Ok(Some(record))
        })?;
        done(out, &request)
    }

    /// Issues another card to the customer of a binding: lost, damaged, upgraded. The former card is worth nothing from then on.
    pub fn replace_card(
        &self,
        who: &Who,
        id: &RequestId,
        payee: Payee,
        card: CardId,
        reason: &str,
    ) -> Result<BindingRecord, LedgerError> {
        let (desk, request, step) = (who, self.companys(who, id, Power::Sell)?, CardStep::replace(reason));
        let who = &who.at_office()?;
        self.signing_step(|t, signing| {
            self.till(t, desk, step)?;
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            if !context.steps.is_empty() {
                return again(t, &context.steps, id, |entry, record| {
                    entry.kind == Kind::Replace && entry.card == Some(card) && is_of(record, &context, payee)
                });
            }
            let Some(record) = context.binding.clone() else { return Err(unknown(t, payee)?) };
            if record.status != Status::Open {
                return Err(Refusal::Closed(record.binding()).into());
            }
            if record.epoch != context.epoch {
                return Err(Refusal::EvidenceNeeded(record.binding()).into());
            }
            if t.card(card)?.is_some() {
                return Err(Refusal::CardInUse(card).into());
            }
            let load_key = self.keys().current(Role::Load)?;
            let former = card_head(&record, CardUse::Replaced);
            let held = BindingAccount { load_key, ..record.held.replace_card(card)? };
            let record = BindingRecord { blocked: false, card_sequence: 0, ..record };
            let mut entry = draft(who, &request, Step::First, Kind::Replace, self.now()?);
            reason.clone_into(&mut entry.reason);
            let record = Self::certify(signing, &mut entry, record, held, Channel::Branch)?;
            let heads =
                [former, card_head(&record, CardUse::Customer), Head::Binding(Box::new(record.clone()))];
            let entry = self.book(t, &mut point, entry, &heads)?;
            self.serve(t, desk, id, step, &entry)?;
            Ok(record)
        })
    }

    /// Blocks or unblocks the present card of a binding. Nothing is sold to a blocked one.
    pub fn block(
        &self,
        who: &Who,
        id: &RequestId,
        payee: Payee,
        blocked: bool,
        reason: &str,
    ) -> Result<BindingRecord, LedgerError> {
        let (desk, request) = (who, self.companys(who, id, Power::Sell)?);
        let (who, step) = (&who.at_office()?, CardStep::block(blocked, reason));
        let payload = json!({ "blocked": blocked }).to_string().into_bytes();
        self.step(|t| {
            self.till(t, desk, step)?;
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            if !context.steps.is_empty() {
                return again(t, &context.steps, id, |entry, _| {
                    entry.kind == Kind::Block && entry.payload == payload && is_for(entry, payee)
                });
            }
            let Some(record) = context.binding.clone() else { return Err(unknown(t, payee)?) };
            if record.status != Status::Open {
                return Err(Refusal::Closed(record.binding()).into());
            }
            let waits = record.blocked && is_ahead(t, &record)?;
            if waits && !blocked && step != CardStep::Activate {
                return Err(Refusal::NotActivated(record.held.card.id).into());
            }
            let record = BindingRecord { blocked, ..record };
            let mut entry = draft(who, &request, Step::First, Kind::Block, self.now()?);
            about(&mut entry, &record.held);
            totals(&mut entry, &record.held);
            reason.clone_into(&mut entry.reason);
            entry.payload.clone_from(&payload);
            let entry = self.book(t, &mut point, entry, &[Head::Binding(Box::new(record.clone()))])?;
            self.serve(t, desk, id, step, &entry)?;
            Ok(record)
        })
    }

    /// Certifies the totals of a binding once more, for its card: a new time, or a new key.
    pub fn refresh(&self, who: &Who, id: &RequestId, payee: Payee) -> Result<Certified, LedgerError> {
        let request = self.companys(who, id, Power::Sell)?;
        self.signing_step(|t, signing| {
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            if let Some(done) = context.steps.first() {
                let same = |entry: &Entry| entry.kind == Kind::Refresh && is_for(entry, payee);
                let entry = t.entry(&done.entry)?.filter(same);
                let entry = entry.ok_or_else(|| Refusal::OtherRequest(id.clone()))?;
                return Ok(Certified::of(&entry));
            }
            let record = sellable(t, &context, payee)?;
            let held = record.held.refresh()?;
            let mut entry = draft(who, &request, Step::First, Kind::Refresh, self.now()?);
            let record = Self::certify(signing, &mut entry, record, held, Channel::Branch)?;
            Ok(Certified::of(&self.book(t, &mut point, entry, &[Head::Binding(Box::new(record))])?))
        })
    }

    /// The binding certificate and the credit certificate of a binding as it stands, for personalisation and for binding a card anew.
    pub fn certificates(
        &self,
        record: &BindingRecord,
    ) -> Result<(BindingCertificate, Certificate), LedgerError> {
        let issuer = self.issuer();
        Ok((issuer.binding_certificate(&record.held)?, issuer.certificate(&record.held)?))
    }
}

/// The number of the next binding of the meter in `context`. After a restore, numbers that were lost may be in the field: also where something older
/// of the meter has been seen since.
pub(super) fn next_number(context: &Context) -> Result<u32, AccountError> {
    let last = context.binding.as_ref().map_or(0, |former| former.binding().number);
    let first = context.epoch.checked_mul(NUMBERS_OF_A_RESTORE).ok_or(AccountError::BindingExhausted)?;
    Ok(last.checked_add(1).ok_or(AccountError::BindingExhausted)?.max(first))
}

/// The former binding as it stands once a newer one is opened; what was left in it waits to be moved.
pub(super) fn superseded(former: &BindingRecord) -> Option<Head> {
    let open = former.status == Status::Open;
    open.then(|| Head::Binding(Box::new(BindingRecord { status: Status::Superseded, ..former.clone() })))
}

/// Whether a contract may be of this account: above [`FIRST_REFERENCE`] are references, to those whose words were taken away.
fn is_account(t: &mut dyn Transaction, account: u64) -> Result<(), LedgerError> {
    if account < FIRST_REFERENCE || !t.bindings_of(account)?.is_empty() {
        return Ok(());
    }
    let most = FIRST_REFERENCE.saturating_sub(1);
    Err(Refusal::Invalid(format!("an account has a number up to {most}: give it another one")).into())
}

pub(super) fn new_record(held: BindingAccount, epoch: u32) -> BindingRecord {
    BindingRecord {
        held,
        status: Status::Open,
        blocked: false,
        epoch,
        voucher: Vec::new(),
        card_sequence: 0,
        heard: CardTime::UNSET,
    }
}

pub(super) fn card_head(record: &BindingRecord, used: CardUse) -> Head {
    let BindingAccount { card, binding, load_key, .. } = record.held;
    Head::Card(CardRecord { card, binding, load_key, used })
}

/// Whether a payee is this binding: also by a card that it has had.
fn is_of(record: &BindingRecord, context: &Context, payee: Payee) -> bool {
    let found = context.binding.as_ref().map(BindingRecord::binding);
    match payee {
        Payee::Binding(binding) => binding == record.binding(),
        Payee::Meter(meter) => meter == record.binding().meter,
        Payee::Card(_) => found.is_none_or(|found| found == record.binding()),
    }
}

/// What was done once, asked for again: the binding as it stands.
pub(super) fn again(
    t: &mut dyn Transaction,
    steps: &[super::records::StepDone],
    id: &RequestId,
    same: impl Fn(&Entry, &BindingRecord) -> bool,
) -> Result<BindingRecord, LedgerError> {
    let other = || Refusal::OtherRequest(id.clone());
    let first = Steps::read(t, steps)?.first.ok_or_else(other)?;
    let binding = first.binding.ok_or_else(other)?;
    let record = t.binding(Payee::Binding(binding))?.ok_or_else(other)?;
    if same(&first, &record) { Ok(record) } else { Err(other().into()) }
}
