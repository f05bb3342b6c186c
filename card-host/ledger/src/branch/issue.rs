//! Issuing cards, and moving a customer to another meter.

use card_core::id::{Binding, CardId, CardRef, MeterId, State};
use card_core::layout::CardSummary;
use card_core::message::{MeterReceipt, Slot, Verified};
use card_core::parameters::MonthSoFar;

use super::super::bindings::OpenOrder;
use super::super::counter::Evidence;
use super::super::entry::Kind;
use super::super::error::{LedgerError, Refusal};
use super::super::moves::left_by;
use super::super::names::RequestId;
use super::super::office::{Office, Who};
use super::super::powers::{Power, Powers};
use super::super::records::{BindingRecord, CardUse, Status};
use super::super::standing::ReplaceReason;
use super::super::store::{Payee, read};
use super::{BranchError, further};
use card_host::card_work::{self, CardChoice, CardWorkError, Issued, Mail, Papers};
use card_host::issuer::BindingAccount;
use card_host::operate;
use card_host::personalise::{self, Step};
use card_host::random::OsRandom;
use card_host::transport::Transport;

/// How many of a binding's newest entries are looked at for the card that was replaced last: the replacement is the newest or nearly so.
const LOOK_BACK: u32 = 64;

impl Office {
    /// Issues the blank card behind `transport` to an account for a meter: the first card of a new binding. Where the account has a card for that
    /// meter, it is refused ([`Refusal::HasCard`]): [`replace`](Self::replace) it. The card carries what the month has had in a contract of the
    /// account that is over, where that is known: the id of the request has at most 58 characters then. To be repeated where it was torn, with the same card: as long as that
    /// is not in use, the answer has the access number, which is the same again; then not any more.
    #[allow(clippy::too_many_arguments, reason = "who asks, for what, with which card")]
    pub fn issue(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
        account: u64,
        choice: CardChoice,
        progress: Option<&mut dyn FnMut(Step)>,
    ) -> Result<Issued, BranchError> {
        self.make_card(who, id, transport, (meter, account), None, choice, progress)
    }

    /// Replaces the card of the contract that a meter serves by the blank one behind `transport`: the next generation, with the same totals. To be
    /// repeated where it was torn, like [`issue`](Self::issue).
    #[allow(clippy::too_many_arguments, reason = "who asks, for what, with which card")]
    pub fn replace(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
        reason: ReplaceReason,
        choice: CardChoice,
        progress: Option<&mut dyn FnMut(Step)>,
    ) -> Result<Issued, BranchError> {
        let account = self.serving(meter)?.held.account;
        self.make_card(who, id, transport, (meter, account), Some(reason), choice, progress)
    }

    #[allow(clippy::too_many_arguments, reason = "who asks, for what, with which card")]
    fn make_card(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        (meter, account): (MeterId, u64),
        reason: Option<ReplaceReason>,
        choice: CardChoice,
        progress: Option<&mut dyn FnMut(Step)>,
    ) -> Result<Issued, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let summary = personalise::select(transport)?;
        let card = summary.card.id;
        let before = self.issued(who, id, meter, account)?;
        if let Some((account, replaces)) = before.filter(|(held, _)| held.card.id == card)
            && summary.state.is_some_and(|state| !matches!(state, State::Blank | State::Personalised))
        {
            return Ok(Issued { account, access: None, replaces });
        }
        let serving = read(self.ledger(), |t| t.binding(Payee::Meter(meter)))?
            .filter(|serving| serving.status == Status::Open);
        let (record, replaces) = match serving {
            // The same card again: an issue that was torn.
            Some(serving) if serving.held.account == account && serving.held.card.id == card => {
                card_work::unused(&summary, &serving.held)?;
                let former = self.replaced(&serving)?;
                (serving, former)
            }
            Some(serving) if serving.held.account == account => {
                let former = serving.held.card;
                let Some(reason) = reason else {
                    return Err(Refusal::HasCard { meter, card: former.id }.into());
                };
                self.require_new(&summary)?;
                let payee = Payee::Binding(serving.binding());
                let record = self.replace_card(who, id, payee, card, reason.code())?;
                (record, Some(former))
            }
            _ => {
                self.require_new(&summary)?;
                let order = OpenOrder {
                    who: who.clone(),
                    id: id.clone(),
                    meter,
                    account,
                    card: CardRef { id: card, generation: 1 },
                    closes_former: choice.closes_former,
                };
                (self.open(&order)?, None)
            }
        };
        let brought = if reason.is_none() { self.month_of_former(&record)? } else { None };
        let brought = brought.map(|month| self.seal_month(who, id, card, &month)).transpose()?;
        let (binding, certificate) = self.certificates(&record)?;
        let meter_key = self.meter_key(record.binding())?;
        let papers = Papers { binding, certificate, profile: account, issue_time: self.now()?, meter_key };
        let access = card_work::make(transport, self.keys(), &record.held, papers, choice, progress)?;
        if let Some(mail) = brought {
            card_work::deliver(transport, &mail.delivery)?;
        }
        Ok(Issued { account: record.held, access: Some(access), replaces })
    }

    /// The card that a request has issued before, a customer's or a technician's, where it is known.
    pub fn card_of(&self, who: &Who, id: &RequestId) -> Result<Option<CardId>, LedgerError> {
        let request = who.request(id);
        read(self.ledger(), |t| match t.steps(&request)?.into_iter().next() {
            Some(done) => Ok(t.entry(&done.entry)?.and_then(|entry| entry.card)),
            None => Ok(None),
        })
    }

    /// What a request has issued before: the contract as it is with that card, and the card that this one has replaced.
    fn issued(
        &self,
        who: &Who,
        id: &RequestId,
        meter: MeterId,
        account: u64,
    ) -> Result<Option<(BindingAccount, Option<CardRef>)>, LedgerError> {
        let request = who.request(id);
        let found = read(self.ledger(), |t| {
            let Some(done) = t.steps(&request)?.into_iter().next() else { return Ok(None) };
            let entry =
                t.entry(&done.entry)?.filter(|entry| matches!(entry.kind, Kind::Open | Kind::Replace));
            let record = match entry.as_ref().and_then(|entry| entry.binding) {
                Some(binding) => t.binding(Payee::Binding(binding))?,
                None => None,
            };
            let same =
                record.filter(|record| (record.binding().meter, record.held.account) == (meter, account));
            let record = same.ok_or_else(|| Refusal::OtherRequest(request.id.clone()))?;
            match entry.and_then(|entry| entry.card) {
                Some(then) if then != record.held.card.id => {
                    Err(Refusal::Replaced(then, record.held.card.id).into())
                }
                _ => Ok(Some(record)),
            }
        })?;
        let Some(record) = found else { return Ok(None) };
        let replaced = self.replaced(&record)?;
        Ok(Some((record.held, replaced)))
    }

    /// The card that the present one of a binding has replaced.
    fn replaced(&self, record: &BindingRecord) -> Result<Option<CardRef>, LedgerError> {
        let present = record.held.card;
        if present.generation <= 1 {
            return Ok(None);
        }
        read(self.ledger(), |t| {
            for entry in t.history(record.binding(), LOOK_BACK)? {
                let Some(id) = entry.card.filter(|id| *id != present.id) else { continue };
                let held = t.card(id)?.filter(|held| held.used == CardUse::Replaced);
                if let Some(held) = held.filter(|held| held.card.generation + 1 == present.generation) {
                    return Ok(Some(held.card));
                }
            }
            Ok(None)
        })
    }

    /// A blank card that is promised to nobody, not even by an issue that was torn.
    pub(super) fn require_new(&self, summary: &CardSummary) -> Result<(), BranchError> {
        let card = summary.card.id;
        if let Some(known) = read(self.ledger(), |t| t.card(card))? {
            return Err(CardWorkError::AlreadyIssued { card, meter: known.binding.meter }.into());
        }
        Ok(card_work::blank(self.scope(), summary)?)
    }

    /// Opens a binding on another meter for the customer of `report`'s binding, and moves to it what that final report says was left,
    /// once. The customer's card, which must be the one behind `transport`, is bound to it, and carries what the month has had so far, where that
    /// is known. To be repeated where it was torn. The id of the request has at most 58 characters.
    pub fn move_to_meter(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
        report: &Verified<MeterReceipt>,
    ) -> Result<BindingAccount, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let present = operate::present(transport)?;
        // It is evidence, too: after a restore, nothing is moved without.
        self.hand_in(who, &Evidence::MeterReceipt(report.emit().to_vec()))?;
        let closed = self.bound(report.binding)?;
        let serving = read(self.ledger(), |t| t.binding(Payee::Meter(meter)))?
            .filter(|serving| serving.status == Status::Open);
        // Where it was begun before, the customer's card serves the new binding already.
        let opened = serving.filter(|serving| {
            serving.held.account == closed.held.account && serving.binding() != report.binding
        });
        let holder = opened.as_ref().unwrap_or(&closed).held.card;
        if present != holder {
            return Err(BranchError::OtherCard { expected: holder, present });
        }
        if closed.status != Status::Closed {
            // Where it proves nothing, nothing is begun either.
            read(self.ledger(), |t| left_by(t, &closed, report))?;
        }
        let to = match opened {
            Some(opened) => opened.binding(),
            None => {
                let order = OpenOrder {
                    who: who.clone(),
                    id: further(id, "open")?,
                    meter,
                    account: closed.held.account,
                    card: present,
                    closes_former: false,
                };
                self.open(&order)?.binding()
            }
        };
        if closed.status != Status::Closed {
            self.move_credit(who, id, to, report)?;
        }
        let record = self.bound(to)?;
        let (binding, certificate) = self.certificates(&record)?;
        let meter_key = self.meter_key(to)?;
        operate::rebind(transport, self.keys(), meter_key, &binding, &certificate, &mut OsRandom)?;
        if let Some(so_far) = self.month_so_far(report.binding)? {
            let mail = self.seal_month(who, id, present.id, &so_far)?;
            card_work::deliver(transport, &mail.delivery)?;
        }
        Ok(record.held)
    }

    /// Mail with what the month has had in another contract. It follows from an issue or a move, and is nobody's own message to the meter.
    fn seal_month(
        &self,
        who: &Who,
        id: &RequestId,
        carrier: CardId,
        month: &MonthSoFar,
    ) -> Result<Mail, LedgerError> {
        let mover = Who { may: Powers::ALL, ..who.clone() };
        self.mail(&mover, &further(id, "month")?, carrier, Slot::MONTH_SO_FAR, &month.emit())
    }

    fn bound(&self, binding: Binding) -> Result<BindingRecord, LedgerError> {
        read(self.ledger(), |t| super::binding_of(t, Payee::Binding(binding)))
    }
}
