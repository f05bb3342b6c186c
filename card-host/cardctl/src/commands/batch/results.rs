//! What became of each row, in a file that outlives a kill: a line each, written before the next card is asked for.

use card_core::id::CardId;
use card_host::{durable, text_file};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::rows::Row;

/// A line of the file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) row: u32,
    pub(super) meter: String,
    pub(super) account: String,
    /// The id of the row in the ledger.
    pub(super) request: String,
    /// "issued" or "refused".
    pub(super) outcome: String,
    pub(super) card: String,
    pub(super) access_number: String,
    /// Why it was refused.
    pub(super) why: String,
}

pub(super) const ISSUED: &str = "issued";
pub(super) const REFUSED: &str = "refused";

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResultsError {
    #[error("{}: the results cannot be read or written ({error}): name another file with --out", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{}: these are the results of another list: name another file with --out", .0.display())]
    OtherList(PathBuf),
    #[error("{}: this is no file of results: name another one with --out", .0.display())]
    Form(PathBuf),
}

/// The file, open for its next line.
pub(super) struct Results {
    path: PathBuf,
    file: File,
    /// The newest line of each row.
    lines: BTreeMap<u32, Line>,
}

impl Results {
    /// Opens or makes it. A line that a kill has cut off is taken away.
    pub(super) fn open(path: &Path, rows: &[Row]) -> Result<Self, ResultsError> {
        let io = |error| ResultsError::Io { path: path.to_owned(), error };
        if !path.exists() {
            durable::create(path, encoded(None).map_err(io)?.as_bytes()).map_err(io)?;
        }
        let text = text_file::read(path).map_err(io)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let kept = text.get(..whole).unwrap_or_default();
        let mut lines = BTreeMap::new();
        for line in csv::Reader::from_reader(kept.as_bytes()).deserialize::<Line>() {
            let line = line.map_err(|_| ResultsError::Form(path.to_owned()))?;
            let row = rows.iter().find(|row| row.number == line.row);
            if row.is_none_or(|row| row.id.to_string() != line.request) {
                return Err(ResultsError::OtherList(path.to_owned()));
            }
            lines.insert(line.row, line);
        }
        let mut file = OpenOptions::new().write(true).open(path).map_err(io)?;
        let length = u64::try_from(whole).unwrap_or_default();
        file.set_len(length).and_then(|()| file.seek(SeekFrom::End(0))).map_err(io)?;
        if whole == 0 {
            // Cut off in the line of names.
            file.write_all(encoded(None).map_err(io)?.as_bytes()).map_err(io)?;
        }
        Ok(Self { path: path.to_owned(), file, lines })
    }

    /// The card that a row has got.
    pub(super) fn card_of(&self, row: u32) -> Option<&str> {
        self.lines.get(&row).filter(|line| line.outcome == ISSUED).map(|line| line.card.as_str())
    }

    /// Writes what became of a row. It is on the disk then.
    pub(super) fn write(
        &mut self,
        row: &Row,
        outcome: Result<(CardId, String), String>,
    ) -> Result<(), ResultsError> {
        let (outcome, card, access_number, why) = match outcome {
            Ok((card, access)) => (ISSUED, card.to_string(), access, String::new()),
            Err(why) => (REFUSED, String::new(), String::new(), why),
        };
        let line = Line {
            row: row.number,
            meter: row.meter.to_string(),
            account: row.account.to_string(),
            request: row.id.to_string(),
            outcome: outcome.to_owned(),
            card,
            access_number,
            why,
        };
        let written = encoded(Some(&line)).and_then(|text| {
            self.file.write_all(text.as_bytes())?;
            self.file.sync_data()
        });
        written.map_err(|error| ResultsError::Io { path: self.path.clone(), error })?;
        self.lines.insert(line.row, line);
        Ok(())
    }

    /// Writes it anew: a line for each row, in their order.
    pub(super) fn finish(self) -> Result<BTreeMap<u32, Line>, ResultsError> {
        let io = |error| ResultsError::Io { path: self.path.clone(), error };
        let mut text = encoded(None).map_err(io)?;
        for line in self.lines.values() {
            text.push_str(&encoded(Some(line)).map_err(io)?);
        }
        durable::replace(&self.path, text.as_bytes()).map_err(io)?;
        Ok(self.lines)
    }
}

/// A line, or the line of names.
fn encoded(line: Option<&Line>) -> io::Result<String> {
    let names = ["row", "meter", "account", "request", "outcome", "card", "access_number", "why"];
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    match line {
        Some(line) => writer.serialize(line),
        None => writer.write_record(names),
    }
    .map_err(io::Error::other)?;
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
