//! `cardctl receipt`, `cardctl slip` and `cardctl statement`: papers for customers.

use card_core::role::Role;
use card_core::tariff::EGYPT_2024_08;
use card_host::random::OsRandom;
use card_host::{durable, operate, tariff_file};
use card_ledger::RequestId;
use card_paper::{Look, NoPaper, PaperError, Receipt, Slip, Statement};
use std::path::{Path, PathBuf};

use super::Error;
use crate::context::Context;
use crate::view::paper::Written;

/// Why a paper was not written. What it tells of is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWritten {
    #[error("the page was not written to {}: {cause}; the sale is as it was: name another file", path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error(transparent)]
    Page(#[from] PaperError),
    #[error(transparent)]
    None(NoPaper),
}

impl From<NoPaper> for Error {
    fn from(error: NoPaper) -> Self {
        match error {
            NoPaper::Ledger(error) => Self::Ledger(error),
            error => NotWritten::None(error).into(),
        }
    }
}

/// The receipt of what was sold.
pub(crate) fn receipt(context: &Context, id: RequestId, out: &Path, look: Look) -> Result<Written, Error> {
    let workplace = context.shared()?;
    let books = context.books(&workplace)?;
    let receipt = Receipt::of(&books.office, &books.who.request(&id), &look)?;
    write(out, &receipt.page(look).map_err(NotWritten::from)?)
}

/// The slip of a step of a card's life.
pub(crate) fn slip(context: &Context, id: RequestId, out: &Path, look: Look) -> Result<Written, Error> {
    let workplace = context.shared()?;
    let books = context.books(&workplace)?;
    let slip = Slip::of(books.office.ledger(), &books.who.request(&id), &look)?;
    write(out, &slip.page(look))
}

/// How the holder of the card in the reader stands.
pub(crate) fn statement(
    context: &Context,
    out: &Path,
    tariff: Option<&Path>,
    look: Look,
) -> Result<Written, Error> {
    let tariff = tariff.map_or(Ok(EGYPT_2024_08), tariff_file::read)?;
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let reading = context.with_card(Some(&workplace), |card| {
        let session = operate::session(card, books.keys.store(), Role::Vending, &mut OsRandom);
        Ok::<_, Error>(operate::read_private(&mut session?)?)
    })?;
    let statement = Statement::of(&reading, Some(books.office.ledger()), &tariff, &look)?;
    write(out, &statement.page(look).map_err(NotWritten::from)?)
}

fn write(out: &Path, page: &str) -> Result<Written, Error> {
    let failed = |cause| NotWritten::File { path: out.to_owned(), cause };
    durable::create(out, page.as_bytes()).map_err(failed)?;
    Ok(Written::new(out))
}
