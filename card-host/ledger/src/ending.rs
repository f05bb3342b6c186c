//! A contract ends: its meter becomes nobody's (docs/ledger.md, section 7).

use card_core::id::{Binding, MeterId};
use card_core::units::Piastres;
use card_host::issuer::BindingAccount;

use super::bindings::{again, new_record, next_number, superseded};
use super::entry::{Kind, Step, codes};
use super::error::{LedgerError, Refusal, StoreError};
use super::meter_keys::base_and_transport;
use super::names::RequestId;
use super::office::{Office, Who, draft};
use super::payload::Payload;
use super::powers::Power;
use super::records::{BindingRecord, CardRecord, Head, NOBODY, Status};
use super::second::alone;
use super::sell::about;
use super::store::{Payee, Transaction, read};

codes! {
    /// Why a contract ends.
    EndReason {
        /// Its customer moves out.
        MovedOut = "moved-out",
        /// The company ends it.
        Terminated = "terminated",
        /// Its meter is taken down, and the customer has another one.
        Exchanged = "exchanged",
    }
}

impl EndReason {
    const fn power(self) -> Power {
        match self {
            Self::MovedOut | Self::Exchanged => Power::Sell,
            Self::Terminated => Power::Correct,
        }
    }

    /// What an entry `end` says.
    pub fn of(reason: &str) -> Option<Self> {
        Self::from_code(reason.split_once(':').map_or(reason, |(code, _)| code))
    }
}

/// A contract that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The contract.
    pub of: Binding,
    /// The customer's account.
    pub account: u64,
    /// Nobody's contract, which took its meter.
    pub nobodys: BindingRecord,
}

impl Office {
    /// Ends the contract that a meter serves, and gives nobody's contract, which takes the meter as soon as a card brings it there. Nothing is sold to
    /// the ended one any more. `words` say more of the reason, where there is more to say.
    pub fn end(
        &self,
        who: &Who,
        id: &RequestId,
        meter: MeterId,
        reason: EndReason,
        words: &str,
    ) -> Result<Ended, LedgerError> {
        let (request, who) = (self.companys(who, id, reason.power())?, &who.at_office()?);
        let reason =
            if words.is_empty() { reason.code().to_owned() } else { format!("{}: {words}", reason.code()) };
        self.step(|t| {
            alone(t)?;
            let (context, mut point, _) = self.context(t, who, &request, Some(Payee::Meter(meter)))?;
            if !context.steps.is_empty() {
                let nobodys = again(t, &context.steps, id, |entry, record| {
                    entry.kind == Kind::End && record.binding().meter == meter && entry.reason == reason
                })?;
                return before(t, nobodys);
            }
            let former = context.binding.as_ref().filter(|former| !former.is_nobodys());
            let former = former.ok_or(Refusal::UnknownMeter(meter))?;
            let now = self.now()?;
            let held = BindingAccount {
                binding: Binding { meter, number: next_number(&context)? },
                account: NOBODY,
                sequence: 1,
                total_credit: Piastres::ZERO,
                total_debited: Piastres::ZERO,
                opening_time: now.max(point.time),
                applied_credit: Piastres::ZERO,
                applied_debited: Piastres::ZERO,
                moved: false,
                ..former.held
            };
            let record = BindingRecord { status: Status::Superseded, ..new_record(held, context.epoch) };
            let mut heads: Vec<Head> = superseded(former).into_iter().collect();
            heads.extend(goes_along(t, &held)?.map(Head::Card));
            heads.push(Head::Binding(Box::new(record.clone())));
            let mut entry = draft(who, &request, Step::First, Kind::End, now);
            about(&mut entry, &held);
            (entry.account, entry.reason, entry.sequence) = (former.held.account, reason.clone(), 1);
            let keys = base_and_transport(t, former.binding())?.unwrap_or_default();
            entry.payload = Payload::opened(&held, keys).emit();
            self.book(t, &mut point, entry, &heads)?;
            Ok(Ended { of: former.binding(), account: former.held.account, nobodys: record })
        })
    }

    /// The contract of a meter that has ended, where the meter is nobody's now.
    pub fn ended(&self, meter: MeterId) -> Result<Option<Ended>, LedgerError> {
        read(self.ledger(), |t| match t.binding(Payee::Meter(meter))?.filter(BindingRecord::is_nobodys) {
            Some(nobodys) => before(t, nobodys).map(Some),
            None => Ok(None),
        })
    }
}

/// The contract before nobody's. After a restore, numbers are left out between them.
fn before(t: &mut dyn Transaction, nobodys: BindingRecord) -> Result<Ended, LedgerError> {
    let Binding { meter, number } = nobodys.binding();
    let history = t.history(nobodys.binding(), u32::MAX)?;
    let end = history.into_iter().find(|entry| entry.kind == Kind::End);
    let account = end.map_or(NOBODY, |end| end.account);
    let own = t.bindings_of(account)?.into_iter().map(|record| record.binding());
    let own = own.filter(|own| own.meter == meter && own.number < number).max();
    let lost = || StoreError::Corrupt(format!("the contract before {number} of meter {meter}"));
    Ok(Ended { of: own.ok_or_else(lost)?, account, nobodys })
}

/// The card of an ended contract serves nobody's now, where it still served that meter.
fn goes_along(t: &mut dyn Transaction, held: &BindingAccount) -> Result<Option<CardRecord>, LedgerError> {
    let card = t.card(held.card.id)?.filter(|card| card.binding.meter == held.binding.meter);
    Ok(card.map(|card| CardRecord { binding: held.binding, ..card }))
}
