//! `cardctl block`, `unblock` and `found`: cards that are not here.

use card_core::id::CardId;
use card_ledger::{CardStep, Documents, LedgerError, Payee, Refusal, Standing, standing};

use super::{Error, given, policy};
use crate::context::Context;
use crate::context::books::Books;
use crate::view::block::Blocked;

pub(crate) fn run(
    context: &Context,
    of: Payee,
    blocked: bool,
    reason: &str,
    shown: &Documents,
) -> Result<Blocked, Error> {
    block(&context.books(&context.shared()?)?, of, blocked, reason, shown)
}

fn block(books: &Books, of: Payee, blocked: bool, reason: &str, shown: &Documents) -> Result<Blocked, Error> {
    if let Some((account, meter)) = policy::about(books, of)? {
        policy::hand_in(books, CardStep::block(blocked, reason), account, meter, shown)?;
    }
    let record = books.office.block(&books.who, books.id()?, of, blocked, reason)?;
    Ok(Blocked {
        request: books.id()?.clone(),
        card: record.held.card.id.to_string(),
        blocked,
        fee: policy::fee(books)?,
    })
}

/// A blocked card is unblocked; of any other it is said how it stands.
pub(crate) fn found(context: &Context, card: CardId, shown: &Documents) -> Result<Blocked, Error> {
    let books = context.books(&context.shared()?)?;
    let held = standing(books.office.ledger(), card)?;
    match (held.standing, held.by) {
        (Standing::Blocked, _) => block(&books, Payee::Card(card), false, "found", shown),
        (Standing::Unknown, _) => Err(LedgerError::from(Refusal::UnknownCard(card)).into()),
        (Standing::Replaced, Some(by)) => Err(given(format!(
            "card {card} was replaced by card {by} ({}): take it in; nothing on it is lost, since card {by} has the same credit",
            held.reason
        ))),
        // The same again under its id.
        (Standing::InUse, _) if books.repeats() => block(&books, Payee::Card(card), false, "found", shown),
        _ => Err(given(format!("card {card} is not blocked: give it back to its customer"))),
    }
}
