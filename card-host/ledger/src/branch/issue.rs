//! Issuing cards.

use card_core::id::{CardId, CardRef, MeterId, State};
use card_core::layout::CardSummary;

use super::super::adopt::Adoption;
use super::super::bindings::OpenOrder;
use super::super::entry::Kind;
use super::super::error::{LedgerError, Refusal};
use super::super::names::RequestId;
use super::super::office::{Office, Who};
use super::super::powers::Power;
use super::super::records::{BindingRecord, CardUse, Status};
use super::super::standing::ReplaceReason;
use super::super::store::{Payee, read};
use super::BranchError;
use card_host::card_work::{self, CardChoice, CardWorkError, Issued, Papers};
use card_host::issuer::BindingAccount;
use card_host::personalise::{self, Step};
use card_host::transport::Transport;

/// How many of a binding's newest entries are looked at for the card that was replaced last: the replacement is the newest or nearly so.
const LOOK_BACK: u32 = 64;

/// By which right a card is made.
pub(super) enum Ground<'a> {
    /// The first one of a contract.
    First,
    /// In the place of the present one.
    Replaces(ReplaceReason),
    /// The first one of a contract whose balance comes from elsewhere.
    Adopts(&'a Adoption),
}

impl Office {
    /// Issues the blank card behind `transport` to an account for a meter: the first card of a new binding. Where the account has a card for that
    /// meter, it is refused ([`Refusal::HasCard`]): [`replace`](Self::replace) it. To be repeated where it was torn, with the same card: as long as that
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
        self.make_card(who, id, transport, (meter, account), &Ground::First, choice, progress)
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
        self.make_card(who, id, transport, (meter, account), &Ground::Replaces(reason), choice, progress)
    }

    /// Issues the blank card behind `transport` to an account for a meter, whose contract begins with what an old card or meter had left. It takes two people: asked
    /// for the first time it is entered and refused ([`Refusal::SecondPerson`]); once another one has agreed, the same again does it, with any blank card.
    /// To be repeated where it was torn, like [`issue`](Self::issue).
    #[allow(clippy::too_many_arguments, reason = "who asks, for what, with which card")]
    pub fn adopt_card(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        (meter, account): (MeterId, u64),
        adoption: &Adoption,
        choice: CardChoice,
        progress: Option<&mut dyn FnMut(Step)>,
    ) -> Result<Issued, BranchError> {
        who.must(Power::Correct).map_err(LedgerError::from)?;
        self.make_card(who, id, transport, (meter, account), &Ground::Adopts(adoption), choice, progress)
    }

    #[allow(clippy::too_many_arguments, reason = "who asks, for what, with which card")]
    fn make_card(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        (meter, account): (MeterId, u64),
        ground: &Ground<'_>,
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
                let Ground::Replaces(reason) = ground else {
                    return Err(Refusal::HasCard { meter, card: former.id }.into());
                };
                self.require_new(&summary)?;
                let payee = Payee::Binding(serving.binding());
                let record = self.replace_card(who, id, payee, card, reason.code())?;
                (record, Some(former))
            }
            serving => {
                self.require_new(&summary)?;
                let card = CardRef { id: card, generation: 1 };
                let record = match (ground, serving) {
                    (Ground::Adopts(_), Some(serving)) => {
                        return Err(Refusal::MeterInUse { meter, card: serving.held.card.id }.into());
                    }
                    (Ground::Adopts(adoption), None) => {
                        self.adopt_new(who, id, (meter, account), card, adoption)?
                    }
                    _ => self.open(&OpenOrder {
                        who: who.clone(),
                        id: id.clone(),
                        meter,
                        account,
                        card,
                        closes_former: choice.closes_former,
                    })?,
                };
                (record, None)
            }
        };
        let (binding, certificate) = self.certificates(&record)?;
        let meter_key = self.meter_key(record.binding())?;
        let papers = Papers { binding, certificate, profile: account, issue_time: self.now()?, meter_key };
        let access = card_work::make(transport, self.keys(), &record.held, papers, choice, progress)?;
        Ok(Issued { account: record.held, access: Some(access), replaces })
    }

    /// The card that a request has issued before, a customer's or a technician's, where it is known.
    pub fn card_of(&self, who: &Who, id: &RequestId) -> Result<Option<CardId>, LedgerError> {
        let request = who.request(id);
        read(self.ledger(), |t| match t.steps(&request)?.pop() {
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
            let Some(done) = t.steps(&request)?.pop() else { return Ok(None) };
            let entry = t.entry(&done.entry)?;
            // A second person is asked, or has agreed; nothing was issued yet.
            if entry.as_ref().is_some_and(|entry| matches!(entry.kind, Kind::Propose | Kind::Approve)) {
                return Ok(None);
            }
            let entry = entry.filter(|entry| matches!(entry.kind, Kind::Open | Kind::Replace | Kind::Adopt));
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
}
