//! The running totals of a binding (specification, sections 1, 2 and 14): a plain value with checked operations.

use card_core::id::{Binding, CardId, CardRef, MeterId, Scope};
use card_core::message::{MeterFlags, MeterReceipt, Verified};
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};

/// No total is raised above this (specification, section 14): so no balance in a meter leaves its range.
pub const LAST_TOTAL: Piastres = Piastres(1 << 62);

/// The ledger's view of one binding: a customer's account on one meter, and the card that serves it.
///
/// Each operation takes the value and gives a new one, or an error and nothing: whoever fails still has what was before. The ledger
/// stores the new value before a certificate of it leaves the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindingAccount {
    /// Company and environment.
    pub scope: Scope,
    /// Meter and number of the binding.
    pub binding: Binding,
    /// The customer's account.
    pub account: u64,
    /// The customer's present card.
    pub card: CardRef,
    /// Key version number of the card's load key, 5v.
    pub load_key: KeyVersion,
    /// Key version number of the meter's credit key, 7v.
    pub credit_key: KeyVersion,
    /// Key version number of the meter's parameter keys, 8v.
    pub parameter_keys: KeyVersion,
    /// Sequence of the newest certificate; 0: none was made yet.
    pub sequence: u32,
    /// All credit ever certified.
    pub total_credit: Piastres,
    /// All corrections ever certified.
    pub total_debited: Piastres,
    /// Credit that the meter is known to have applied, by what it signed; only rises. A broken meter may have signed more than was certified.
    pub applied_credit: Piastres,
    /// Corrections that the meter is known to have applied, likewise.
    pub applied_debited: Piastres,
    /// Opening time of the binding.
    pub opening_time: CardTime,
    /// Whether what was left has been moved to another binding. Then this one is closed for ever.
    pub moved: bool,
}

/// Why a binding cannot be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// An amount of nothing.
    #[error("an amount of nothing changes nothing: give an amount, or make a refresh")]
    NoAmount,
    /// A total would pass its last value.
    #[error(
        "the total would pass the largest amount that can be written: refuse the sale and open a new binding"
    )]
    TotalExhausted,
    /// The sequence is at its last value.
    #[error("the last certificate of this binding has been made: open a new binding")]
    SequenceExhausted,
    /// The generation is at its last value.
    #[error("the last generation of this card has been issued: issue a card with another account")]
    GenerationExhausted,
    /// The binding number of the meter is at its last value.
    #[error("the last binding of this meter has been opened: replace the meter")]
    BindingExhausted,
    /// A binding number that is not above the last one of the meter, or 0.
    #[error("binding {number} of meter {meter:X} cannot be opened: its number must be above {last}")]
    BindingNotNew {
        /// The meter.
        meter: MeterId,
        /// What was asked for.
        number: u32,
        /// Its last known binding.
        last: u32,
    },
    /// The replacement is the same card.
    #[error("card {0} is the present card: replace it by another, or make a refresh")]
    SameCard(CardId),
    /// The binding is closed.
    #[error("this binding is closed, what was left has been moved: use the customer's new binding")]
    Closed,
    /// The report is of another binding, or customer and company of the two bindings differ.
    #[error(
        "these are not two bindings of one customer, or the final report is of another binding: look at the numbers of meters and bindings"
    )]
    OtherBinding,
    /// The report is not a final one.
    #[error("the meter's report is not a final one: wait for that, or have two people approve an estimate")]
    NotFinal,
    /// The report has applied more than was ever certified.
    #[error(
        "the meter reports more credit or debit than was ever certified: move nothing, and have it looked into"
    )]
    AboveCertified,
    /// The report has more left than was applied.
    #[error(
        "the meter reports that more is left than it has applied: move nothing by it, have the meter inspected, and let two people estimate"
    )]
    MoreThanApplied,
    /// More would be moved than was certified.
    #[error("more would be moved than the closed binding was ever certified: look at what the customer paid")]
    MoreThanCertified,
}

impl BindingAccount {
    /// One more certificate.
    fn next(self) -> Result<Self, AccountError> {
        if self.moved {
            return Err(AccountError::Closed);
        }
        let sequence = self.sequence.checked_add(1).ok_or(AccountError::SequenceExhausted)?;
        Ok(Self { sequence, ..self })
    }

    /// After a confirmed payment of `amount`.
    pub fn credit(self, amount: Piastres) -> Result<Self, AccountError> {
        let total_credit = raised(self.total_credit, amount)?;
        Ok(Self { total_credit, ..self.next()? })
    }

    /// After a correction by `amount`: a reversal, a recovered debt.
    pub fn debit(self, amount: Piastres) -> Result<Self, AccountError> {
        let total_debited = raised(self.total_debited, amount)?;
        Ok(Self { total_debited, ..self.next()? })
    }

    /// For another certificate of the same totals: a new time, or a new key.
    pub fn refresh(self) -> Result<Self, AccountError> {
        self.next()
    }

    /// With another card, of the next generation. Its load key is named separately.
    pub fn replace_card(self, card: CardId) -> Result<Self, AccountError> {
        if card == self.card.id {
            return Err(AccountError::SameCard(card));
        }
        let generation = self.card.generation.checked_add(1).ok_or(AccountError::GenerationExhausted)?;
        Ok(Self { card: CardRef { id: card, generation }, ..self.next()? })
    }

    /// A new binding of the same customer and card, from zero: on another meter, or on the same one. `number` is above all that
    /// the meter has had; the ledger knows them, here only this binding's own meter can be checked. Its first certificate has
    /// the sequence 1: call [`refresh`](Self::refresh), [`credit`](Self::credit) or [`move_from`](Self::move_from) before one is made.
    pub fn open_binding(
        self,
        meter: MeterId,
        number: u32,
        opening_time: CardTime,
    ) -> Result<Self, AccountError> {
        let last = if meter == self.binding.meter { self.binding.number } else { 0 };
        if last == u32::MAX {
            return Err(AccountError::BindingExhausted);
        }
        if number <= last {
            return Err(AccountError::BindingNotNew { meter, number, last });
        }
        Ok(Self {
            binding: Binding { meter, number },
            sequence: 0,
            total_credit: Piastres::ZERO,
            total_debited: Piastres::ZERO,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            opening_time,
            moved: false,
            ..self
        })
    }

    /// What was certified to it: credit less debits. More can never be left in it.
    pub fn certified(&self) -> i128 {
        i128::from(self.total_credit.0) - i128::from(self.total_debited.0)
    }

    /// What was left in a closed binding by its meter's final report: its balance there, and what was certified but never applied.
    /// Below zero it is a debt. A report that says more than was applied, or certified, is not believed.
    pub fn left_by(&self, report: &Verified<MeterReceipt>) -> Result<i128, AccountError> {
        if report.binding != self.binding {
            return Err(AccountError::OtherBinding);
        }
        if !report.flags.has(MeterFlags::CLOSED) {
            return Err(AccountError::NotFinal);
        }
        let credit = self.total_credit.checked_sub(report.applied_credit);
        let debited = self.total_debited.checked_sub(report.applied_debited);
        let (credit, debited) = credit.zip(debited).ok_or(AccountError::AboveCertified)?;
        if report.used() < 0 {
            return Err(AccountError::MoreThanApplied);
        }
        Ok(i128::from(report.balance.0) + i128::from(credit.0) - i128::from(debited.0))
    }

    /// Moves what was left in `closed` to this binding, once: gives back this binding with it, and `closed` as it must be stored in
    /// the same transaction, which refuses every further move and certificate. A debt that was left becomes a debit.
    pub fn move_from(
        self,
        closed: Self,
        report: &Verified<MeterReceipt>,
    ) -> Result<(Self, Self), AccountError> {
        let left = closed.left_by(report)?;
        self.move_estimate(closed, left)
    }

    /// Like [`move_from`](Self::move_from), where there is no final report: moves `left` piastres, as two people have estimated it,
    /// which is at most what was certified.
    pub fn move_estimate(self, closed: Self, left: i128) -> Result<(Self, Self), AccountError> {
        if closed.moved {
            return Err(AccountError::Closed);
        }
        let same = closed.account == self.account && closed.scope == self.scope;
        if !same || closed.binding == self.binding {
            return Err(AccountError::OtherBinding);
        }
        if left > closed.certified() {
            return Err(AccountError::MoreThanCertified);
        }
        let amount = u64::try_from(left.unsigned_abs()).map_err(|_| AccountError::TotalExhausted)?;
        let opened = match left {
            0 => self.refresh()?,
            1.. => self.credit(Piastres(amount))?,
            _ => self.debit(Piastres(amount))?,
        };
        Ok((opened, Self { moved: true, ..closed }))
    }
}

fn raised(total: Piastres, amount: Piastres) -> Result<Piastres, AccountError> {
    if amount == Piastres::ZERO {
        return Err(AccountError::NoAmount);
    }
    let raised = total.checked_add(amount).filter(|raised| *raised <= LAST_TOTAL);
    raised.ok_or(AccountError::TotalExhausted)
}
