//! The rules of selling, and where messages to customers go.

use card_host::text_file;
use card_ledger::{LedgerError, Policy};
use std::path::Path;

use crate::commands::{Error, given};
use crate::context::books::Books;
use crate::view::ledger::rules::{CustomerView, Entered, Rules};

pub(crate) fn show(books: &Books) -> Result<Rules, Error> {
    let (version, policy) = books.office.policy()?;
    Ok(Rules::new(version, &policy))
}

pub(crate) fn set(books: &Books, file: &Path) -> Result<Entered, Error> {
    let text = text_file::read(file)
        .map_err(|error| given(format!("{}: {error}: name a file that can be read", file.display())))?;
    let policy = Policy::from_json(&text).map_err(LedgerError::from)?;
    let version = books.office.set_policy(&books.who, books.id()?, None, &policy)?;
    Ok(Entered { request: books.id()?.clone(), version })
}

pub(crate) fn customer(
    books: &Books,
    account: u64,
    phone: &str,
    arabic: bool,
) -> Result<CustomerView, Error> {
    books.office.set_customer(&books.who, books.id()?, account, phone, arabic)?;
    Ok(CustomerView { request: books.id()?.clone(), account, phone: phone.to_owned(), arabic })
}
