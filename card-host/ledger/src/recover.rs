//! The way back of a contract that was opened, or whose card was replaced, after the copy that the ledger was restored from: by what its
//! card shows (docs/ledger.md, section 10).

use card_core::id::{Binding, CardId, CardRef};
use card_core::message::{BindingCertificate, Certificate};
use card_core::role::{KeyVersion, Role};
use card_core::units::Piastres;

use super::accounts::LedgerAccount;
use super::bindings::{card_head, new_record, superseded};
use super::counter::certified;
use super::entry::{Entry, Kind, Step};
use super::error::{LedgerError, Refusal};
use super::gap::{after_a_restore, recovered};
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::powers::Power;
use super::proof::Says;
use super::records::{BindingRecord, CardRecord, CardUse, Head, Status};
use super::sale::is_for;
use super::second::{Agreed, agreed, alone, asked, done};
use super::sell::about;
use super::sell::totals;
use super::store::{Context, Payee, Transaction};
use card_host::issuer::BindingAccount;
use card_host::keystore::KeyStoreError;

/// What a card shows of its contract. Whoever gives it here has authenticated the card: the certificates do not name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownCard {
    /// Card and generation.
    pub card: CardRef,
    /// Key version number of its load key.
    pub load_key: KeyVersion,
    /// Which contract it serves, and whose that is.
    pub binding: BindingCertificate,
    /// The newest certificate that it holds.
    pub certificate: Certificate,
}

/// A contract that was entered again, as it stood then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecoveredCard {
    /// Meter and number of the binding.
    pub binding: Binding,
    /// The customer's account.
    pub account: u64,
    /// The card, which serves the binding from then on.
    pub card: CardId,
    /// Sequence of the binding.
    pub sequence: u32,
    /// Total credit of the binding.
    pub total_credit: Piastres,
    /// Total debited of the binding.
    pub total_debited: Piastres,
    /// Credit that the ledger did not have.
    pub credit: Piastres,
    /// Debits that the ledger did not have.
    pub debited: Piastres,
}

impl RecoveredCard {
    /// What an entry says; the same at every repetition.
    fn of(entry: &Entry) -> Option<Self> {
        let sum = |debits: bool| {
            let own = entry.transfers.iter().filter(|transfer| {
                let against = if debits { &transfer.credit } else { &transfer.debit };
                *against == LedgerAccount::Recovered
            });
            own.fold(Piastres::ZERO, |sum, transfer| Piastres(sum.0.saturating_add(transfer.amount.0)))
        };
        Some(Self {
            binding: entry.binding?,
            account: entry.account,
            card: entry.card?,
            sequence: entry.sequence,
            total_credit: entry.total_credit,
            total_debited: entry.total_debited,
            credit: sum(false),
            debited: sum(true),
        })
    }
}

/// The binding as it is before the card's totals are entered, and what else stands differently.
struct Lost {
    record: BindingRecord,
    heads: Vec<Head>,
}

impl Office {
    /// After a restore: enters the contract of a card that the ledger has lost, with the totals that the card shows; or the card, where it
    /// replaced the one that the contract has here. Nothing is made of what the issuer has not signed. The next certificate is newer than all
    /// that was lost. It takes two people: asked for the first time it is entered and refused ([`Refusal::SecondPerson`]). The card behind a transport is read by [`recover_card`](Self::recover_card).
    pub fn recover(
        &self,
        who: &Who,
        id: &RequestId,
        shown: &ShownCard,
        reason: &str,
    ) -> Result<RecoveredCard, LedgerError> {
        let (request, who) = (self.companys(who, id, Power::Correct)?, &who.at_office()?);
        if !Entry::is_reason(reason) {
            return Err(Refusal::NoReason.into());
        }
        let says = self.authentic(shown)?;
        let (card, binding) = (shown.card, shown.binding.binding);
        let other = || LedgerError::from(Refusal::OtherRequest(id.clone()));
        let of = [&shown.card.id.0[..], &shown.binding.emit()[..], &shown.certificate.emit()[..]].concat();
        let payload = asked("recover-card", hex::encode(of));
        let out = self.step(|t| {
            alone(t)?;
            let payee = Payee::Meter(binding.meter);
            let (context, mut point, _) = self.context(t, who, &request, Some(payee))?;
            let agreed = match agreed(t, &request, &context.steps, &payload)? {
                // The card may have been loaded meanwhile: its certificate is another one, and the answer is the same.
                Agreed::Done(entry) => {
                    let same = entry.kind == Kind::Recover
                        && is_for(&entry, Payee::Card(card.id))
                        && is_for(&entry, Payee::Binding(binding));
                    let recovered = RecoveredCard::of(&entry).filter(|_| same);
                    return recovered.map(Some).ok_or_else(other);
                }
                Agreed::Yes => true,
                Agreed::No => false,
            };
            if context.epoch == 0 {
                return Err(Refusal::NothingRestored.into());
            }
            let newer =
                context.binding.as_ref().is_none_or(|newest| newest.binding().number < binding.number);
            let Lost { record, mut heads } =
                if newer { self.lost_contract(t, &context, shown)? } else { lost_card(t, &context, shown)? };
            if record.epoch < context.epoch {
                heads.extend(after_a_restore(t, binding)?);
            }
            let mut entry = draft(who, &request, Step::Settled, Kind::Recover, self.now()?);
            let held = self.recovered(t, &says, &record.held, entry.time, &mut entry.transfers)?;
            let record = BindingRecord {
                held,
                blocked: false,
                epoch: context.epoch,
                voucher: Vec::new(),
                card_sequence: shown.certificate.sequence,
                ..record
            };
            about(&mut entry, &held);
            totals(&mut entry, &held);
            reason.clone_into(&mut entry.reason);
            entry.amount = recovered(&entry);
            if !agreed {
                return self.ask(t, &mut point, entry, &payload).map(|()| None);
            }
            let keys = [held.load_key.byte(), held.parameter_keys.byte()];
            entry.payload = [&shown.binding.emit()[..], &shown.certificate.emit()[..], &keys].concat();
            heads.push(card_head(&record, CardUse::Customer));
            heads.push(Head::Binding(Box::new(record)));
            let entry = self.book(t, &mut point, entry, &heads)?;
            RecoveredCard::of(&entry).map(Some).ok_or_else(other)
        })?;
        done(out, &request)
    }

    /// What the certificates say, where the issuer has signed both, for one contract and a card of this generation.
    fn authentic(&self, shown: &ShownCard) -> Result<Says, LedgerError> {
        let bad = |why: String| LedgerError::from(Refusal::BadEvidence(why));
        let scope = self.scope();
        let keys = self.keys();
        let says = certified(keys, scope, shown.certificate)?;
        keys.verify_binding(scope, &shown.binding).map_err(|error| match error {
            KeyStoreError::NotAuthentic(_) => bad("its binding certificate is not authentic".to_owned()),
            error => bad(error.to_string()),
        })?;
        if shown.binding.binding != shown.certificate.binding {
            return Err(bad("its certificates are of two contracts".to_owned()));
        }
        let (own, certified) = (shown.card.generation, shown.certificate.generation);
        if own != certified {
            return Err(bad(format!(
                "a card of generation {own} holds the certificate of generation {certified}"
            )));
        }
        Ok(says)
    }

    /// A contract that was opened after the copy. It has closed the meter's former one, and the one that the customer had with this card.
    fn lost_contract(
        &self,
        t: &mut dyn Transaction,
        context: &Context,
        shown: &ShownCard,
    ) -> Result<Lost, LedgerError> {
        let ShownCard { card, load_key, binding: opened, certificate } = *shown;
        let mut heads: Vec<Head> = context.binding.as_ref().and_then(superseded).into_iter().collect();
        if let Some(known) = t.card(card.id)? {
            let served = t.binding(Payee::Binding(known.binding))?;
            let own = served.filter(|served| {
                known.used == CardUse::Customer && known.card == card && served.held.account == opened.account
            });
            let own = own.ok_or_else(|| elsewhere(&known))?;
            if own.binding().meter != opened.binding.meter {
                heads.extend(superseded(&own));
            }
        }
        let parameter_keys = match &context.binding {
            Some(former) => former.held.parameter_keys,
            None => self.keys().current(Role::Parameter)?,
        };
        let held = BindingAccount {
            scope: self.scope(),
            binding: opened.binding,
            account: opened.account,
            card,
            load_key,
            credit_key: certificate.key_version,
            parameter_keys,
            sequence: 0,
            total_credit: Piastres::ZERO,
            total_debited: Piastres::ZERO,
            opening_time: opened.opening_time,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            moved: false,
        };
        // Not seen since the restore: mail may have been sent to it, too.
        Ok(Lost { record: new_record(held, 0), heads })
    }
}

/// A contract that is known, and a card that replaced the one that it has here.
fn lost_card(t: &mut dyn Transaction, context: &Context, shown: &ShownCard) -> Result<Lost, LedgerError> {
    let ShownCard { card, load_key, binding: opened, .. } = *shown;
    let Some(record) = t.binding(Payee::Binding(opened.binding))? else {
        let newest = context.binding.as_ref().map_or(0, |newest| newest.binding().number);
        return Err(Refusal::OlderContract { binding: opened.binding, newest }.into());
    };
    if record.status != Status::Open {
        return Err(Refusal::Closed(opened.binding).into());
    }
    // After two restores, a number may have been given to two contracts.
    if (record.held.account, record.held.opening_time) != (opened.account, opened.opening_time) {
        return Err(Refusal::OtherContract(opened.binding).into());
    }
    if let Some(known) = t.card(card.id)? {
        return Err(match known.used {
            CardUse::Customer if known.binding == opened.binding => Refusal::CardServes(card.id),
            CardUse::Replaced if known.binding == opened.binding => {
                Refusal::Replaced(card.id, record.held.card.id)
            }
            _ => elsewhere(&known),
        }
        .into());
    }
    let present = record.held.card;
    if card.generation <= present.generation {
        return Err(Refusal::NotNewer { card: card.id, present: present.id }.into());
    }
    let former = card_head(&record, CardUse::Replaced);
    let held = BindingAccount { card, load_key, ..record.held };
    Ok(Lost { record: BindingRecord { held, ..record }, heads: vec![former] })
}

fn elsewhere(known: &CardRecord) -> Refusal {
    match known.used {
        CardUse::Engineering => Refusal::Engineering(known.card.id),
        _ => Refusal::CardInUse(known.card.id),
    }
}
