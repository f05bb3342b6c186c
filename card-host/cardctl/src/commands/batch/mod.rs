//! `cardctl batch issue`: a card for each row of a list. The ledger knows which card a row has, under an id that comes from the list; so a batch
//! that was killed anywhere goes on, and no row gets two cards.

pub(crate) mod results;
pub(crate) mod rows;
mod sources;
mod work;

use std::path::{Path, PathBuf};
use std::time::Instant;

use self::results::Results;
use self::work::Batch;
use super::Error;
use crate::context::Context;
use crate::view::batch::Issued;

/// Which cards, and in which readers.
pub(crate) struct Options {
    pub(crate) csv: PathBuf,
    pub(crate) out: PathBuf,
    /// Readers by their names; none: the one of the context.
    pub(crate) readers: Vec<String>,
    /// Simulated cards that are made at once.
    pub(crate) parallel: u16,
}

/// Issues what is left of the list.
pub(crate) fn issue(context: &Context, options: &Options) -> Result<Issued, Error> {
    let rows = rows::read(&options.csv)?;
    let results = Results::open(&options.out, &rows)?;
    let workplace = context.alone()?;
    let books = context.books(&workplace)?;
    let begun = Instant::now();
    let batch = Batch::new(&books, rows, results)?;
    let names: Vec<&str> = match options.readers.as_slice() {
        [] => vec![context.reader.as_str()],
        names => names.iter().map(String::as_str).collect(),
    };
    sources::serve(&batch, &workplace, &names, options.parallel)?;
    let (done, spent) = batch.finish()?;
    Ok(Issued::new(done, &spent, begun.elapsed(), display(&options.out)))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}
