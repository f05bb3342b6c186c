//! `cardctl move-out`, `terminate` and `new-meter`: a contract ends.

use card_core::id::MeterId;
use card_ledger::{AtNewMeter, CardStep, Documents, EndReason, LedgerError, PapersOrder, Payee, Refusal};

use super::{Error, issue, policy};
use crate::context::Context;
use crate::context::books::Books;
use crate::view::life::{AtNewMeterView, EndedView};

/// Which contract ends, and what is said and shown for it.
pub(crate) struct Ending {
    pub(crate) meter: MeterId,
    /// What more there is to say of it.
    pub(crate) words: String,
    pub(crate) shown: Documents,
}

pub(crate) fn move_out(context: &Context, ending: &Ending, without_card: bool) -> Result<EndedView, Error> {
    if without_card {
        return end(&context.books(&context.shared()?)?, ending, EndReason::MovedOut, CardStep::MoveOut);
    }
    let Ending { meter, words, .. } = ending;
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    context.with_card(Some(&workplace), |card| {
        hand_in(&books, ending, CardStep::MoveOut)?;
        let ended = books.office.move_out(&books.who, books.id()?, card, *meter, words)?;
        Ok(EndedView::new(books.id()?, &ended, true, policy::fee(&books)?))
    })
}

pub(crate) fn terminate(context: &Context, ending: &Ending) -> Result<EndedView, Error> {
    let books = context.books(&context.shared()?)?;
    end(&books, ending, EndReason::Terminated, CardStep::Terminate)
}

fn end(books: &Books, ending: &Ending, reason: EndReason, step: CardStep) -> Result<EndedView, Error> {
    hand_in(books, ending, step)?;
    let ended = books.office.end(&books.who, books.id()?, ending.meter, reason, &ending.words)?;
    Ok(EndedView::new(books.id()?, &ended, false, policy::fee(books)?))
}

fn hand_in(books: &Books, Ending { meter, shown, .. }: &Ending, step: CardStep) -> Result<(), Error> {
    // Where it has ended before, whose it was; where the meter has none, the step itself says so.
    let account = match books.office.ended(*meter)? {
        Some(ended) => Some(ended.account),
        None => policy::about(books, Payee::Meter(*meter))?.map(|(account, _)| account),
    };
    account.map_or(Ok(()), |account| policy::hand_in(books, step, account, *meter, shown))
}

pub(crate) fn new_meter(
    context: &Context,
    meters: (MeterId, MeterId),
    documents: &Documents,
) -> Result<AtNewMeterView, Error> {
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let id = AtNewMeter::papers(books.id()?)?;
    let view = context.with_card(Some(&workplace), |card| {
        let account = [meters.0, meters.1].into_iter().find_map(|meter| books.office.serving(meter).ok());
        let account = account.ok_or_else(|| LedgerError::from(Refusal::UnknownMeter(meters.0)))?.held.account;
        let order = PapersOrder {
            who: &books.who,
            id: &id,
            step: CardStep::NewMeter,
            account,
            meter: Some(meters.0),
            documents,
        };
        books.office.present(&order)?;
        let done = books.office.new_meter(&books.who, books.id()?, card, meters)?;
        Ok::<_, Error>(AtNewMeterView::new(books.id()?, &done, policy::fee_of(&books, &id)?))
    })?;
    issue::see_to_meter(&workplace, &books, meters.1);
    Ok(view)
}
