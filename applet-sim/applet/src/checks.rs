//! Checks that several commands share, each with the status word that it answers.

use crate::card::Reply;
use crate::records::IdentityRecord;
use card_core::apdu::StatusWord;
use card_core::bytes::WrongLength;
use card_core::id::{Binding, CardId, Scope};
use card_core::layout::status;

pub(crate) fn no_data(data: &[u8]) -> Result<(), StatusWord> {
    if data.is_empty() { Ok(()) } else { Err(StatusWord::WRONG_LENGTH) }
}

/// Appends to the answer; what does not fit would be a mistake of ours.
pub(crate) fn put(reply: &mut Reply, bytes: &[u8]) -> Result<(), StatusWord> {
    reply.put(bytes).map(|_| ()).map_err(|WrongLength| StatusWord::UNKNOWN)
}

/// A check that answers with a status word where it fails.
pub(crate) fn ensure(condition: bool, otherwise: StatusWord) -> Result<(), StatusWord> {
    if condition { Ok(()) } else { Err(otherwise) }
}

/// Checks that voucher and mail share: company, environment, card (specification, sections 9 and 10).
pub(crate) fn addressed_to(record: &IdentityRecord, scope: Scope, card: CardId) -> Result<(), StatusWord> {
    ensure(scope.company == record.scope.company, status::OTHER_COMPANY)?;
    ensure(scope.environment == record.scope.environment, status::OTHER_ENVIRONMENT)?;
    ensure(card == record.card.id, status::OTHER_CARD)
}

/// Checks that certificate, mail and receipt share: meter and number of the binding.
pub(crate) fn of_binding(given: Binding, own: Binding) -> Result<(), StatusWord> {
    ensure(given.meter == own.meter, status::OTHER_METER)?;
    ensure(given.number == own.number, status::OTHER_BINDING)
}
