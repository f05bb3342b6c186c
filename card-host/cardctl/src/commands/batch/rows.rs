//! The list: which meter and which account each card is for. All of it is right before anything is done.

use card_core::id::MeterId;
use card_host::text_file;
use card_ledger::RequestId;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// One card that is to be issued.
#[derive(Clone)]
pub(super) struct Row {
    /// From 1; the line of names is none.
    pub(super) number: u32,
    pub(super) meter: MeterId,
    pub(super) account: u64,
    /// Under which the ledger issues it: the same whenever the same list is read.
    pub(super) id: RequestId,
}

/// A list cannot be used; nothing was done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowsError {
    #[error("{}: the list cannot be read: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}: the list is not in form ({error}): its first line is `meter,account`, and each row has two numbers", path.display())]
    Form { path: PathBuf, error: csv::Error },
    #[error("{}, row {row}: {what}", path.display())]
    Row { path: PathBuf, row: u32, what: String },
    #[error("{}: there is no row in this list", .0.display())]
    Empty(PathBuf),
}

/// Reads it.
pub(super) fn read(path: &Path) -> Result<Vec<Row>, RowsError> {
    let path = || path.to_owned();
    let text = text_file::read(&path()).map_err(|error| RowsError::Read { path: path(), error })?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let form = |error| RowsError::Form { path: path(), error };
    let mut pairs = Vec::new();
    let mut meters = BTreeMap::new();
    for (number, row) in (1_u32..).zip(reader.deserialize::<Given>()) {
        let row = row.map_err(form)?;
        let wrong = |what: String| RowsError::Row { path: path(), row: number, what };
        let meter: MeterId = row
            .meter
            .parse()
            .ok()
            .filter(|meter: &MeterId| meter.number() != 0)
            .ok_or_else(|| wrong(format!("{:?} is no meter number: the digits 0-9 only", row.meter)))?;
        let account = row.account.parse().ok().filter(|account| *account != 0);
        let account = account
            .ok_or_else(|| wrong(format!("{:?} is no account number: the digits 0-9 only", row.account)))?;
        if let Some(former) = meters.insert(meter.number(), number) {
            return Err(wrong(format!("row {former} is for the meter {meter} too: a meter has one card")));
        }
        pairs.push((number, meter, account));
    }
    if pairs.is_empty() {
        return Err(RowsError::Empty(path()));
    }
    let list = name(&pairs);
    let row = |(number, meter, account): (u32, MeterId, u64)| {
        let id = format!("batch-{list}-{number}").parse();
        let id =
            id.map_err(|error| RowsError::Row { path: path(), row: number, what: format!("{error}") })?;
        Ok(Row { number, meter, account, id })
    };
    pairs.into_iter().map(row).collect()
}

#[derive(serde::Deserialize)]
struct Given {
    meter: String,
    account: String,
}

/// The same for the same list, whatever its file is called and however it is written.
fn name(pairs: &[(u32, MeterId, u64)]) -> String {
    let mut hash = Sha256::new();
    for (_, meter, account) in pairs {
        hash.update(meter.0);
        hash.update(account.to_be_bytes());
    }
    hex::encode(hash.finalize().as_slice().get(..10).unwrap_or_default())
}
