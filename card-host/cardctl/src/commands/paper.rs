//! `cardctl receipt`, `cardctl slip` and `cardctl statement`: papers for customers.

use card_core::role::Role;
use card_core::tariff::EGYPT_2024_08;
use card_host::random::OsRandom;
use card_host::{durable, operate, tariff_file};
use card_ledger::RequestId;
use card_paper::{Format, Look, NoPaper, PaperError, Receipt, Slip, Statement};
use std::path::{Path, PathBuf};

use super::Error;
use crate::context::Context;
use crate::view::paper::Written;

/// Why a paper was not written. What it tells of is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWritten {
    #[error("the page was not written to {}: {cause}; the sale is as it was: name another file", path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error("the protocol was not written to {}: {cause}; what it tells of is done: `cardctl keys list` has its check values", path.display())]
    Protocol { path: PathBuf, cause: std::io::Error },
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

/// Where a paper is written to, and how.
pub(crate) struct To {
    pub(crate) out: PathBuf,
    pub(crate) look: Look,
    /// Of a PDF, which a file is that is named so.
    pub(crate) format: Format,
}

/// The receipt of what was sold.
pub(crate) fn receipt(context: &Context, id: RequestId, to: &To) -> Result<Written, Error> {
    let workplace = context.shared()?;
    let books = context.books(&workplace)?;
    let receipt = Receipt::of(&books.office, &books.who.request(&id), &to.look)?;
    to.write(|| receipt.page(to.look), || receipt.pdf(to.look, to.format))
}

/// The slip of a step of a card's life.
pub(crate) fn slip(context: &Context, id: RequestId, to: &To) -> Result<Written, Error> {
    let workplace = context.shared()?;
    let books = context.books(&workplace)?;
    let slip = Slip::of(books.office.ledger(), &books.who.request(&id), &to.look)?;
    to.write(|| slip.page(to.look), || slip.pdf(to.look, to.format))
}

/// How the holder of the card in the reader stands.
pub(crate) fn statement(context: &Context, tariff: Option<&Path>, to: &To) -> Result<Written, Error> {
    let tariff = tariff.map_or(Ok(EGYPT_2024_08), tariff_file::read)?;
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let reading = context.with_card(Some(&workplace), |card| {
        let session = operate::session(card, books.keys.store(), Role::Vending, &mut OsRandom);
        Ok::<_, Error>(operate::read_private(&mut session?)?)
    })?;
    let statement = Statement::of(&reading, Some(books.office.ledger()), &tariff, &to.look)?;
    to.write(|| statement.page(to.look), || statement.pdf(to.look, to.format))
}

impl To {
    fn write(
        &self,
        page: impl FnOnce() -> Result<String, PaperError>,
        pdf: impl FnOnce() -> Result<Vec<u8>, PaperError>,
    ) -> Result<Written, Error> {
        let is_pdf = self.out.extension().is_some_and(|end| end.eq_ignore_ascii_case("pdf"));
        let made = if is_pdf { pdf() } else { page().map(String::into_bytes) };
        let failed = |cause| NotWritten::File { path: self.out.clone(), cause };
        durable::create(&self.out, &made.map_err(NotWritten::from)?).map_err(failed)?;
        Ok(Written::new(&self.out))
    }
}
