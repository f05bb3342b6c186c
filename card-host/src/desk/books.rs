//! What the desk knows: bindings, and cards that others have replaced. A plain value.

use card_core::id::{Binding, CardId, CardRef, MeterId};
use card_core::message::Slot;
use std::collections::BTreeMap;

use super::DeskError;
use crate::issuer::{AccountError, BindingAccount};

/// The desk's books.
#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    /// All bindings, in the order in which they were opened.
    pub(super) accounts: Vec<BindingAccount>,
    pub(super) replaced: Vec<Replaced>,
    /// Cards that technicians carry.
    pub(super) engineers: Vec<Engineer>,
    /// How many vouchers were made: their references.
    pub(super) sales: u64,
    /// The last number of what is counted.
    pub(super) counters: BTreeMap<Counter, u32>,
}

/// Meter, number of its binding, and what is counted.
pub(super) type Counter = ([u8; 8], u32, Counted);

/// What is counted in each binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counted {
    /// Versions of the mail in a slot.
    Slot(Slot),
    /// Commands.
    Command,
}

impl Counted {
    /// The number of a slot, or one that is none.
    const fn code(self) -> u8 {
        match self {
            Self::Slot(slot) => slot.number(),
            Self::Command => 0xFF,
        }
    }
}

impl Ord for Counted {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(&other.code())
    }
}

impl PartialOrd for Counted {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A card that a technician carries to one meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Engineer {
    pub(super) card: CardRef,
    pub(super) load_key: u8,
    /// The binding that it is for.
    pub(super) binding: Binding,
}

/// A card that another one has replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Replaced {
    pub(super) card: CardRef,
    /// The binding that it served.
    pub(super) binding: Binding,
}

impl Books {
    /// The open binding of a card.
    pub(super) fn account_of(&self, card: CardId) -> Result<&BindingAccount, DeskError> {
        self.index_of(card).and_then(|index| self.accounts.get(index)).ok_or_else(|| self.unknown(card))
    }

    /// The open binding of a card, to change it.
    pub(super) fn account_of_mut(&mut self, card: CardId) -> Result<&mut BindingAccount, DeskError> {
        let index = self.index_of(card).ok_or_else(|| self.unknown(card))?;
        self.accounts.get_mut(index).ok_or(DeskError::UnknownCard(card))
    }

    fn index_of(&self, card: CardId) -> Option<usize> {
        self.accounts.iter().rposition(|account| account.card.id == card && !account.moved)
    }

    /// Why a card has no open binding.
    fn unknown(&self, card: CardId) -> DeskError {
        if let Some(engineer) = self.engineer(card) {
            return DeskError::Engineering { card, meter: engineer.binding.meter };
        }
        let present = self.replacement(card).and_then(|replaced| self.holder(replaced.binding));
        present.map_or(DeskError::UnknownCard(card), |present| DeskError::Replaced(card, present.id))
    }

    fn replacement(&self, card: CardId) -> Option<&Replaced> {
        self.replaced.iter().rev().find(|replaced| replaced.card.id == card)
    }

    fn holder(&self, binding: Binding) -> Option<CardRef> {
        self.accounts.iter().rev().find(|account| account.binding == binding).map(|account| account.card)
    }

    /// A technician's card.
    pub(super) fn engineer(&self, card: CardId) -> Option<&Engineer> {
        self.engineers.iter().find(|engineer| engineer.card.id == card)
    }

    /// The meter that a card was issued for, also where the card has been replaced since.
    pub(super) fn meter_of(&self, card: CardId) -> Result<MeterId, DeskError> {
        if let Some(engineer) = self.engineer(card) {
            return Ok(engineer.binding.meter);
        }
        match (self.account_of(card), self.replacement(card)) {
            (Ok(account), _) => Ok(account.binding.meter),
            (Err(_), Some(replaced)) => Ok(replaced.binding.meter),
            (Err(error), None) => Err(error),
        }
    }

    /// The binding that a meter serves now.
    pub(super) fn serving(&self, meter: MeterId) -> Option<&BindingAccount> {
        let open =
            |held: &&BindingAccount| held.binding.meter == meter && !held.moved && !self.is_superseded(held);
        self.accounts.iter().find(open)
    }

    /// Whether the meter of this binding has a newer one.
    pub(super) fn is_superseded(&self, account: &BindingAccount) -> bool {
        account.binding.number < self.last_binding(account.binding.meter)
    }

    /// The number for the next binding of a meter.
    pub(super) fn next_binding(&self, meter: MeterId) -> Result<u32, AccountError> {
        self.last_binding(meter).checked_add(1).ok_or(AccountError::BindingExhausted)
    }

    fn last_binding(&self, meter: MeterId) -> u32 {
        let of_meter = self.accounts.iter().filter(|account| account.binding.meter == meter);
        of_meter.map(|account| account.binding.number).max().unwrap_or(0)
    }

    /// Replaces the account of a binding, or adds it.
    pub(super) fn put(&mut self, account: BindingAccount) {
        match self.accounts.iter_mut().find(|held| held.binding == account.binding) {
            Some(held) => *held = account,
            None => self.accounts.push(account),
        }
    }
}
