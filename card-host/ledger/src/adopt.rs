//! A balance that an old card or meter had left becomes the opening balance of a contract, by two people (docs/ledger.md, section 6).

use card_core::id::{Binding, CardRef, MeterId};
use card_core::role::Role;
use card_core::units::Piastres;
use card_host::issuer::BindingAccount;

use super::bindings::next_number;
use super::entry::codes;
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::{Office, Who};
use super::powers::Power;
use super::records::BindingRecord;
use super::second::asked;
use super::store::{Context, Payee, read};

codes! {
    /// What shows an old balance.
    AdoptFrom {
        /// The old card, as it was read.
        Card = "old-card",
        /// The old meter, as it showed it.
        Meter = "old-meter",
    }
}

/// An old balance, and how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// What was left, above 0.
    pub amount: Piastres,
    /// What has shown it.
    pub from: AdoptFrom,
    /// Its number, when it was read, by whom: what somebody else can look at again.
    pub evidence: String,
}

impl Adoption {
    /// As the entry says it.
    fn reason(&self) -> String {
        format!("{}: {}", self.from.code(), self.evidence)
    }
}

impl Office {
    /// Adopts it as the contract of a new card. Two people agree to meter, account, amount and evidence, whichever card it is.
    pub(super) fn adopt_new(
        &self,
        who: &Who,
        id: &RequestId,
        (meter, account): (MeterId, u64),
        card: CardRef,
        adoption: &Adoption,
    ) -> Result<BindingRecord, LedgerError> {
        self.companys(who, id, Power::Correct)?;
        if adoption.amount == Piastres::ZERO || adoption.evidence.trim().is_empty() {
            let text = "an old balance is above 0, and has evidence that somebody else can look at";
            return Err(Refusal::Invalid(text.to_owned()).into());
        }
        let (binding, keys) = read(self.ledger(), |t| {
            let former = t.binding(Payee::Meter(meter))?;
            let keys = former.as_ref().map(|former| (former.held.credit_key, former.held.parameter_keys));
            let context = Context { binding: former, epoch: t.epoch()?, ..Context::default() };
            Ok((Binding { meter, number: next_number(&context)? }, keys))
        })?;
        let (credit_key, parameter_keys) = match keys {
            Some(keys) => keys,
            None => (self.keys().current(Role::Credit)?, self.keys().current(Role::Parameter)?),
        };
        let held = BindingAccount {
            scope: self.scope(),
            binding,
            account,
            card,
            load_key: self.keys().current(Role::Load)?,
            credit_key,
            parameter_keys,
            sequence: 1,
            total_credit: adoption.amount,
            total_debited: Piastres::ZERO,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            opening_time: self.now()?,
            moved: false,
        };
        let reason = adoption.reason();
        let of = format!(
            "{meter}/{} {} {} {reason}",
            binding.number,
            self.secret().account(account),
            adoption.amount.0
        );
        self.adopt_as(who, id, &held, &reason, &asked("adopt-balance", of))
    }
}
