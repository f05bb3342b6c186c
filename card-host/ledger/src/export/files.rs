//! The files of an export.

use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::line::{LineOfEntry, LineOfTransfer};
use super::{ExportError, ExportFile};
use crate::entry::Entry;

/// Digits that every table keeps in a number.
const DIGITS: usize = 15;

/// For tables, which run a text that begins like a formula, and make a number or a date of one that begins with a digit.
fn in_a_table(text: &str) -> Cow<'_, str> {
    let formula = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let begins = text.trim_start().chars().next().filter(|_| !is_plain_number(text));
    let changed = begins.is_some_and(|c| formula.contains(&c) || c.is_ascii_digit());
    if changed || text.starts_with(['\t', '\r', '\n']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

fn is_plain_number(text: &str) -> bool {
    let digits = (1..=DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text == "0" || !text.starts_with('0'))
}

/// The files of an export while they grow.
pub(super) struct Files {
    lines: Growing,
    entries: csv::Writer<Growing>,
    transfers: csv::Writer<Growing>,
    records: (u64, u64),
}

const ENTRIES: [&str; 20] = [
    "point",
    "number",
    "time",
    "kind",
    "party",
    "request",
    "step",
    "actor",
    "reason",
    "meter",
    "binding",
    "card",
    "account",
    "amount",
    "sequence",
    "total_credit",
    "total_debited",
    "policy",
    "previous",
    "hash",
];

impl Files {
    /// `bom` is whether the tables begin with a byte order mark.
    pub(super) fn create(folder: &Path, bom: bool) -> Result<Self, ExportError> {
        let lines = Growing::create(folder, "entries.jsonl")?;
        let table = |name| {
            let mut file = Growing::create(folder, name)?;
            if bom {
                file.write_all("\u{feff}".as_bytes()).map_err(failed)?;
            }
            // All texts: in many countries tables part fields at a semicolon.
            Ok::<_, ExportError>(
                csv::WriterBuilder::new().quote_style(csv::QuoteStyle::NonNumeric).from_writer(file),
            )
        };
        let (entries, transfers) = (table("entries.csv")?, table("transfers.csv")?);
        let mut files = Self { lines, entries, transfers, records: (0, 0) };
        files.entries.write_record(ENTRIES).map_err(failed)?;
        files
            .transfers
            .write_record(["point", "number", "line", "debit", "credit", "amount"])
            .map_err(failed)?;
        Ok(files)
    }

    pub(super) fn write(&mut self, entry: &Entry) -> Result<(), ExportError> {
        let line = LineOfEntry::of(entry);
        let mut text = serde_json::to_vec(&line).map_err(failed)?;
        text.push(b'\n');
        self.lines.write_all(&text).map_err(failed)?;
        let number = line.number.to_string();
        let numbers = [line.amount, line.sequence.into(), line.total_credit, line.total_debited];
        let [amount, sequence, total_credit, total_debited] = numbers.map(|number| number.to_string());
        let record: [&str; 20] = [
            &in_a_table(&line.point),
            &number,
            &line.time.to_string(),
            &line.kind,
            &in_a_table(&line.party),
            &in_a_table(&line.request),
            &line.step,
            &in_a_table(&line.actor),
            &in_a_table(&line.reason),
            &in_a_table(&line.meter),
            &line.binding.map(|binding| binding.to_string()).unwrap_or_default(),
            &in_a_table(&line.card),
            &in_a_table(&line.account),
            &amount,
            &sequence,
            &total_credit,
            &total_debited,
            &line.policy.to_string(),
            &in_a_table(&line.previous),
            &in_a_table(&line.hash),
        ];
        self.entries.write_record(record).map_err(failed)?;
        for (index, transfer) in (1_u32..).zip(&line.transfers) {
            let LineOfTransfer { debit, credit, amount } = transfer;
            let record: [&str; 6] =
                [&in_a_table(&line.point), &number, &index.to_string(), debit, credit, &amount.to_string()];
            self.transfers.write_record(record).map_err(failed)?;
        }
        let transfers = u64::try_from(line.transfers.len()).unwrap_or(u64::MAX);
        self.records = (self.records.0.saturating_add(1), self.records.1.saturating_add(transfers));
        Ok(())
    }

    pub(super) fn finish(self) -> Result<BTreeMap<String, ExportFile>, ExportError> {
        let (entries, transfers) = self.records;
        let inner =
            |writer: csv::Writer<Growing>| writer.into_inner().map_err(|error| failed(error.into_error()));
        let files =
            [(self.lines, entries), (inner(self.entries)?, entries), (inner(self.transfers)?, transfers)];
        files.into_iter().map(|(file, records)| file.finish(records)).collect()
    }
}

/// A file with its hash.
struct Growing {
    name: &'static str,
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Growing {
    fn create(folder: &Path, name: &'static str) -> Result<Self, ExportError> {
        let path = folder.join(name);
        let file = new_file(&path).map_err(|source| ExportError::Io { path, source })?;
        Ok(Self { name, file: BufWriter::new(file), hash: Sha256::new(), bytes: 0 })
    }

    fn finish(self, records: u64) -> Result<(String, ExportFile), ExportError> {
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        let sha256 = hex::encode(self.hash.finalize());
        Ok((self.name.to_owned(), ExportFile { sha256, bytes: self.bytes, records }))
    }
}

impl Write for Growing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        let written = bytes.get(..count).unwrap_or_default();
        self.hash.update(written);
        self.bytes = self.bytes.saturating_add(u64::try_from(written.len()).unwrap_or(u64::MAX));
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn failed(source: impl Into<io::Error>) -> ExportError {
    ExportError::Io { path: PathBuf::from("the export"), source: source.into() }
}

/// Whether it is there or not, a file of an export is its owner's only: it names customers.
fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A file with this content in the folder of an export.
pub(super) fn write(folder: &Path, name: &str, content: &[u8]) -> Result<(), ExportError> {
    let path = folder.join(name);
    let written = new_file(&path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(|source| ExportError::Io { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_changes_nothing() {
        for text in ["", "0", "4711", "999999999999999", "mona", "مكتب", "credit:5/1", "a;b"] {
            assert_eq!(in_a_table(text), text);
        }
        for text in [
            "=1+1",
            " =1+1",
            "＝1+1",
            "＋1",
            "－1",
            "＠x",
            "-1",
            "@x",
            "\tx",
            "00000000000001E1",
            "0000000000000017",
            "1-2",
            "1:30",
            "18446744073709551615",
        ] {
            assert_eq!(in_a_table(text), format!("'{text}"));
        }
    }
}
