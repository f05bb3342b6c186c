//! Numbers that may have been given out after a copy of the ledger was made: after a restore they are left out. And what was recovered then.

use card_core::id::Binding;
use card_core::message::{Direction, Slot};
use card_core::units::Piastres;

use super::accounts::LedgerAccount;
use super::entry::{Entry, Kind};
use super::error::LedgerError;
use super::records::{Head, MailRecord};
use super::store::Transaction;
use card_host::issuer::{AccountError, BindingAccount};

/// Sequences that are left out after a restore, so that what is certified then is newer than what was lost.
pub const SEQUENCE_GAP: u32 = 1000;

/// A binding after a restore: its next certificate is newer than all that may have been made up to `last`, and lost.
pub(super) fn gone_on(held: BindingAccount, last: u32) -> Result<BindingAccount, AccountError> {
    let sequence = last.checked_add(SEQUENCE_GAP).ok_or(AccountError::SequenceExhausted)?;
    Ok(BindingAccount { sequence, ..held })
}

/// The mail of a binding after a restore: versions that may have been given out since the copy was made are left out, in every slot.
pub(super) fn after_a_restore(t: &mut dyn Transaction, binding: Binding) -> Result<Vec<Head>, LedgerError> {
    let sent = t.mail(binding)?;
    let to_meter = Slot::ALL.into_iter().filter(|slot| slot.direction() == Direction::ToMeter);
    let heads = to_meter.map(|slot| {
        let held = sent.iter().find(|mail| mail.slot == slot);
        let version = held.map_or(0, |mail| mail.version).checked_add(SEQUENCE_GAP);
        let version = version.ok_or(AccountError::SequenceExhausted)?;
        let envelope = held.map(|mail| mail.envelope.clone()).unwrap_or_default();
        Ok(Head::Mail(MailRecord { binding, slot, version, envelope }))
    });
    heads.collect()
}

/// Credit that a binding has recovered, in all.
pub(super) fn recovered_by(t: &mut dyn Transaction, binding: Binding) -> Result<Piastres, LedgerError> {
    let history = t.history(binding, u32::MAX)?;
    let own = history.iter().filter(|entry| entry.kind == Kind::Recover);
    Ok(Piastres(own.fold(0, |sum, entry| sum.saturating_add(recovered(entry).0))))
}

/// Credit that an entry recovers.
pub(super) fn recovered(entry: &Entry) -> Piastres {
    let own = entry.transfers.iter().filter(|transfer| transfer.debit == LedgerAccount::Recovered);
    own.fold(Piastres::ZERO, |sum, transfer| Piastres(sum.0.saturating_add(transfer.amount.0)))
}
