//! Engineering cards: what a technician carries to one meter (docs/meter.md, section 8).

use card_core::id::{CardId, CardRef, Channel, MeterId, State};
use card_core::message::Voucher;
use card_core::role::Role;

use super::super::entry::{Kind, Step as RequestStep};
use super::super::error::{LedgerError, Refusal, StoreError};
use super::super::names::RequestId;
use super::super::office::{Office, Who, draft};
use super::super::payload::Payload;
use super::super::powers::Power;
use super::super::records::{BindingRecord, CardRecord, CardUse, Head, Status};
use super::super::sell::{reference, unknown};
use super::super::store::{Payee, read};
use super::{BranchError, held_by};
use card_host::card_work::{self, CardChoice, Issued, Papers};
use card_host::issuer::BindingAccount;
use card_host::operate;
use card_host::personalise::{self, Step};
use card_host::random::OsRandom;
use card_host::transport::Transport;

/// A technician's card as it was entered.
struct Entered {
    /// The binding with the technician's card in the customer's place, as it was before: its certificate goes on the card at its issue.
    before: BindingAccount,
    /// Certified for it by the entry: activates the card.
    voucher: Vec<u8>,
    /// The binding as it stands.
    record: BindingRecord,
    card: CardRecord,
}

impl Office {
    /// Makes the blank card behind `transport` an engineering card for the present binding of `meter`, and activates it: bound like the
    /// customer's card, with its generation and certificate, and no replacement of it. It has no authority of its own: commands name it.
    /// To be repeated where it was torn, with the same card; once it is in use, the same id gives the first answer without its access number.
    pub fn issue_engineering(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
        choice: CardChoice,
        progress: Option<&mut dyn FnMut(Step)>,
    ) -> Result<Issued, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let summary = personalise::select(transport)?;
        let serving = self.tended(meter)?;
        let in_use = |state| !matches!(state, State::Blank | State::Personalised);
        let request = who.request(id);
        let (made, known) =
            read(self.ledger(), |t| Ok((!t.steps(&request)?.is_empty(), t.card(summary.card.id)?)))?;
        match known {
            // This one, once more.
            Some(known)
                if made && known.used == CardUse::Engineering && summary.state.is_some_and(in_use) =>
            {
                let Entered { record, card, .. } =
                    self.enter_engineer(who, id, meter, summary.card.id, false)?;
                return Ok(Issued { account: held_by(&record, Some(&card)), access: None, replaces: None });
            }
            // An issue that was torn.
            Some(known)
                if known.used == CardUse::Engineering
                    && known.binding == serving.binding()
                    && known.card.generation == serving.held.card.generation =>
            {
                card_work::unused(&summary, &serving.held)?;
            }
            _ => self.require_new(&summary)?,
        }
        let entered = self.enter_engineer(who, id, meter, summary.card.id, false)?;
        let before = entered.before;
        let voucher = Voucher::parse(&entered.voucher)
            .map_err(|_| StoreError::Corrupt(format!("the voucher of request {id}")))
            .map_err(LedgerError::from)?;
        let papers = {
            let issuer = self.issuer();
            Papers {
                binding: issuer.binding_certificate(&before).map_err(LedgerError::from)?,
                certificate: issuer.certificate(&before).map_err(LedgerError::from)?,
                // Nothing of the customer.
                profile: 0,
                issue_time: issuer.checked_time().map_err(LedgerError::from)?,
                meter_key: self.meter_key(before.binding)?,
            }
        };
        let keys = self.keys();
        let access = card_work::make(transport, keys, &before, papers, choice, progress)?;
        card_work::load_checked(transport, keys, self.scope(), &voucher)?;
        let account = held_by(&entered.record, Some(&entered.card));
        Ok(Issued { account, access: Some(access), replaces: None })
    }

    /// Binds the engineering card behind `transport` anew, for the present binding of another meter. Its generation must be that of the
    /// customer's card there: a card keeps its own. To be repeated where it was torn.
    pub fn rebind_engineering(
        &self,
        who: &Who,
        id: &RequestId,
        transport: &mut impl Transport,
        meter: MeterId,
    ) -> Result<BindingAccount, BranchError> {
        who.must(Power::Sell).map_err(LedgerError::from)?;
        let present = operate::present(transport)?.id;
        let entered = self.enter_engineer(who, id, meter, present, true)?;
        let own = held_by(&entered.record, Some(&entered.card));
        let (binding, certificate) = {
            let issuer = self.issuer();
            let binding = issuer.binding_certificate(&own).map_err(LedgerError::from)?;
            (binding, issuer.certificate(&own).map_err(LedgerError::from)?)
        };
        let meter_key = self.meter_key(own.binding)?;
        operate::rebind(transport, self.keys(), meter_key, &binding, &certificate, &mut OsRandom)?;
        Ok(own)
    }

    /// Enters a technician's card for the present binding of a meter, or with `rebind` one that is there for another binding, and certifies
    /// the binding's totals once more: one entry, whose voucher is for that card. The customer's card gets a voucher of the same totals.
    fn enter_engineer(
        &self,
        who: &Who,
        id: &RequestId,
        meter: MeterId,
        engineer: CardId,
        rebind: bool,
    ) -> Result<Entered, LedgerError> {
        let (request, who) = (self.companys(who, id, Power::Sell)?, &who.at_office()?);
        let payee = Payee::Meter(meter);
        self.signing_step(|t, signing| {
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            if let Some(done) = context.steps.first() {
                let other = || Refusal::OtherRequest(id.clone());
                let entry = t.entry(&done.entry)?.filter(|entry| {
                    entry.kind == Kind::Refresh
                        && entry.card == Some(engineer)
                        && entry.binding.is_some_and(|binding| binding.meter == meter)
                });
                let entry = entry.ok_or_else(other)?;
                let card = t.card(engineer)?.ok_or_else(other)?;
                let record = t.binding(Payee::Binding(card.binding))?.ok_or_else(other)?;
                let before = BindingAccount {
                    sequence: entry.sequence.saturating_sub(1),
                    total_credit: entry.total_credit,
                    total_debited: entry.total_debited,
                    ..held_by(&record, Some(&card))
                };
                let Some(Payload::Technician { voucher, .. }) = Payload::parse(&entry.payload) else {
                    return Err(other().into());
                };
                return Ok(Entered { before, voucher, record, card });
            }
            let Some(record) = context.binding.clone() else { return Err(unknown(t, payee)?) };
            if record.status != Status::Open && !record.is_nobodys() {
                return Err(Refusal::Closed(record.binding()).into());
            }
            if record.epoch != context.epoch {
                return Err(Refusal::EvidenceNeeded(record.binding()).into());
            }
            let generation = record.held.card.generation;
            let known = t.card(engineer)?.filter(|known| known.used == CardUse::Engineering);
            let card = match known {
                None if rebind => return Err(Refusal::UnknownCard(engineer).into()),
                None if t.card(engineer)?.is_some() => return Err(Refusal::CardInUse(engineer).into()),
                None => CardRecord {
                    card: CardRef { id: engineer, generation },
                    binding: record.binding(),
                    load_key: self.keys().current(Role::Load)?,
                    used: CardUse::Engineering,
                },
                Some(known) if known.card.generation != generation => {
                    let wrong = format!(
                        "engineering card {engineer} is of generation {}, and the customer's card of {generation}: \
                         make a blank card an engineering card",
                        known.card.generation
                    );
                    return Err(Refusal::Invalid(wrong).into());
                }
                Some(known) if !rebind && known.binding != record.binding() => {
                    return Err(Refusal::CardInUse(engineer).into());
                }
                Some(known) => CardRecord { binding: record.binding(), ..known },
            };
            let before = held_by(&record, Some(&card));
            let held = record.held.refresh()?;
            let mut entry = draft(who, &request, RequestStep::First, Kind::Refresh, self.now()?);
            "engineering card".clone_into(&mut entry.reason);
            let record = Self::certify(signing, &mut entry, record, held, Channel::Branch)?;
            let own = held_by(&record, Some(&card));
            let (_, voucher) = signing.voucher(own, Channel::Branch, reference(&request))?;
            entry.card = Some(engineer);
            let waiting = record.voucher.clone();
            let (of, load_key) = (card.card, card.load_key);
            entry.payload =
                Payload::Technician { card: of, load_key, voucher: voucher.clone(), waiting }.emit();
            let heads = [Head::Card(card), Head::Binding(Box::new(record.clone()))];
            self.book(t, &mut point, entry, &heads)?;
            Ok(Entered { before, voucher, record, card })
        })
    }
}
