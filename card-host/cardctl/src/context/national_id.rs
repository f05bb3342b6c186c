//! A customer's national ID: from a file, from standard input, or typed unseen. It is no argument, since arguments are seen by every program.

use card_host::national_id::NationalId;
use card_ledger::{LedgerError, PaperRefusal};
use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use super::Error;

/// The longest that is read, in bytes.
const LONGEST: u64 = 256;

/// It cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}: name a file that has the 14 digits, or - for standard input", path.display())]
pub(crate) struct NoNationalId {
    path: PathBuf,
    error: std::io::Error,
}

/// From a file; "-" is standard input, where somebody may type it.
pub(crate) fn read(from: &Path) -> Result<NationalId, Error> {
    let failed = |error| NoNationalId { path: from.to_owned(), error };
    let mut text = Zeroizing::new(String::with_capacity(64));
    if from != Path::new("-") {
        File::open(from).and_then(|file| file.take(LONGEST).read_to_string(&mut text)).map_err(failed)?;
    } else if std::io::stdin().is_terminal() {
        text = Zeroizing::new(rpassword::prompt_password("National ID: ").map_err(failed)?);
    } else {
        std::io::stdin().take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    }
    let parsed = NationalId::parse(&text);
    Ok(parsed.map_err(|error| LedgerError::from(PaperRefusal::from(error)))?)
}
