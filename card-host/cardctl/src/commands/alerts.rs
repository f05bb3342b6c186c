//! `cardctl alerts`: who runs out of credit soon, and the queue for the gateway that tells them.

use super::Error;
use crate::context::Context;
use crate::view::alerts::{Queued, Taken, Waiting};

pub(crate) fn queue(context: &Context, days: u32) -> Result<Queued, Error> {
    let books = context.books(&context.shared()?)?;
    let queued = books.office.queue_alerts(&books.who, days)?;
    Ok(Queued {
        looked_at: queued.looked_at,
        low: queued.low,
        queued: queued.queued,
        without_phone: queued.without_phone,
        days,
    })
}

pub(crate) fn list(context: &Context, most: u32) -> Result<Waiting, Error> {
    let books = context.books(&context.shared()?)?;
    Ok(books.office.messages(most)?.into())
}

pub(crate) fn taken(context: &Context, ids: &[String]) -> Result<Taken, Error> {
    let books = context.books(&context.shared()?)?;
    Ok(Taken { taken: books.office.taken(&books.who, ids)? })
}
