//! What a branch does with the card in its reader, over the ledger: issues it, moves it to another meter, loads it, puts mail on it, and
//! takes what meters have put there (docs/ledger.md, section 7). Everything is written in the ledger before the card gets it, so that whatever is
//! torn can be repeated.

mod collect;
mod engineering;
mod issue;
mod life;
mod mail;
mod recover;
mod renew;

pub use collect::{Brought, Found};
pub use renew::Renewed;

use card_core::id::{CardId, CardRef, MeterId};
use card_core::terminal::load::Misfit;

use super::counter::binding_of;
use super::error::{LedgerError, Refusal};
use super::names::RequestId;
use super::office::Office;
use super::records::{BindingRecord, CardRecord, CardUse, Status};
use super::store::{Payee, Transaction, read};
use card_host::card::CardError;
use card_host::card_work::CardWorkError;
use card_host::issuer::BindingAccount;
use card_host::keystore::KeyStoreError;
use card_host::operate::OperateError;
use card_host::personalise::PersonaliseError;

/// Why a branch did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BranchError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The card in the reader, or what is done with it.
    #[error(transparent)]
    Card(#[from] CardWorkError),
    /// Another card than the one that is meant is there.
    #[error("this is card {}, and card {} is meant: use that one", .present.id, .expected.id)]
    OtherCard {
        /// The card that is meant.
        expected: CardRef,
        /// The card that is there.
        present: CardRef,
    },
}

macro_rules! through {
    ($inner:ident: $($error:ty),*) => {
        $(impl From<$error> for BranchError {
            fn from(error: $error) -> Self {
                Self::$inner(error.into())
            }
        })*
    };
}

through!(Ledger: Refusal);
through!(Card: CardError, OperateError, KeyStoreError, Misfit, PersonaliseError);

impl Office {
    /// The open binding that a meter serves now.
    pub fn serving(&self, meter: MeterId) -> Result<BindingRecord, LedgerError> {
        let record = read(self.ledger(), |t| binding_of(t, Payee::Meter(meter)))?;
        if record.status == Status::Open { Ok(record) } else { Err(Refusal::UnknownMeter(meter).into()) }
    }

    /// The newest binding of a meter that a technician's card can be for: the open one, or nobody's.
    fn tended(&self, meter: MeterId) -> Result<BindingRecord, LedgerError> {
        match self.ended(meter)? {
            Some(ended) => Ok(ended.nobodys),
            None => self.serving(meter),
        }
    }

    /// The binding that a card serves, as an account with that card: a customer's, or a technician's.
    pub fn carrier(&self, card: CardId) -> Result<BindingAccount, LedgerError> {
        read(self.ledger(), |t| {
            let (payee, engineer) = carried_by(t, card)?;
            Ok(held_by(&binding_of(t, payee)?, engineer.as_ref()))
        })
    }

    /// The meter that a card was issued for, also where the card has been replaced since.
    pub fn meter_of(&self, card: CardId) -> Result<MeterId, LedgerError> {
        let known = read(self.ledger(), |t| t.card(card))?;
        Ok(known.ok_or(Refusal::UnknownCard(card))?.binding.meter)
    }
}

/// Whose binding a card serves, and the card where it is a technician's.
fn carried_by(t: &mut dyn Transaction, card: CardId) -> Result<(Payee, Option<CardRecord>), LedgerError> {
    match t.card(card)? {
        None => Err(Refusal::UnknownCard(card).into()),
        Some(held) if held.used == CardUse::Engineering => Ok((Payee::Binding(held.binding), Some(held))),
        Some(_) => Ok((Payee::Card(card), None)),
    }
}

/// The account of a binding, with a technician's card in the customer's place where that is meant.
fn held_by(record: &BindingRecord, engineer: Option<&CardRecord>) -> BindingAccount {
    engineer.map_or(record.held, |engineer| BindingAccount {
        card: engineer.card,
        load_key: engineer.load_key,
        ..record.held
    })
}

/// The id of a further entry that one request leads to.
fn further(id: &RequestId, what: &str) -> Result<RequestId, LedgerError> {
    Ok(format!("{id}.{what}").parse()?)
}
