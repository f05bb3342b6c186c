//! `cardctl ledger erase` and `forget`: what names a person is taken away.

use crate::commands::Error;
use crate::context::books::Books;
use crate::view::ledger::persons::Erased;

pub(crate) fn erase(books: &Books, account: u64) -> Result<Erased, Error> {
    books.office.erase_customer(&books.who, books.id()?, account)?;
    Ok(Erased::new(books.id()?, books.office.reference_to(account)))
}

pub(crate) fn forget(books: &Books, name: &str) -> Result<Erased, Error> {
    books.office.forget_actor(&books.who, books.id()?, name)?;
    Ok(Erased::new(books.id()?, books.office.reference_to_actor(name)))
}
