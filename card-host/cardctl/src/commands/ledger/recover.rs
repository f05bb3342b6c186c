//! After a disaster: a card whose contract the restored ledger does not know.

use crate::commands::Error;
use crate::context::Context;
use crate::context::books::Books;
use crate::context::workplace::Workplace;
use crate::view::ledger::correct::RecoveredCard;

pub(crate) fn card(
    context: &Context,
    workplace: &Workplace,
    books: &Books,
    reason: &str,
) -> Result<RecoveredCard, Error> {
    let recovered = context.with_card(Some(workplace), |card| {
        Ok::<_, Error>(books.office.recover_card(&books.who, books.id()?, card, reason)?)
    })?;
    Ok(RecoveredCard::new(books.id()?.clone(), &recovered))
}
