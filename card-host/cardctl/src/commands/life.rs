//! `cardctl move-out` and `terminate`: a contract ends.

use card_core::id::MeterId;
use card_ledger::EndReason;

use super::Error;
use crate::context::Context;
use crate::context::books::Books;
use crate::view::life::EndedView;

pub(crate) fn move_out(
    context: &Context,
    meter: MeterId,
    words: &str,
    without_card: bool,
) -> Result<EndedView, Error> {
    if without_card {
        return end(&context.books(&context.shared()?)?, meter, EndReason::MovedOut, words);
    }
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    context.with_card(Some(&workplace), |card| {
        let ended = books.office.move_out(&books.who, books.id()?, card, meter, words)?;
        Ok(EndedView::new(books.id()?, &ended, true))
    })
}

pub(crate) fn terminate(context: &Context, meter: MeterId, words: &str) -> Result<EndedView, Error> {
    end(&context.books(&context.shared()?)?, meter, EndReason::Terminated, words)
}

fn end(books: &Books, meter: MeterId, reason: EndReason, words: &str) -> Result<EndedView, Error> {
    let ended = books.office.end(&books.who, books.id()?, meter, reason, words)?;
    Ok(EndedView::new(books.id()?, &ended, false))
}
