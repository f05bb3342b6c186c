//! A voucher in a file: JSON, so that a phone can carry it and a person can see what it is.

use card_core::message::Voucher;
use card_host::{durable, text_file};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Longest file that is looked at.
const LONGEST: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum VoucherFileError {
    #[error("{}: {error}: name a file that can be read", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{}: {error}: nothing was sold; name a file that does not exist yet, in a directory that can be written", path.display())]
    Create { path: PathBuf, error: std::io::Error },
    #[error("{}: {error}: the sale is booked; `cardctl refresh` brings it to the card", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[error("{} is not a voucher: use a file that `cardctl top-up --out` wrote", .0.display())]
    NotAVoucher(PathBuf),
    #[error("{} has another voucher and is not replaced: the sale is booked; repeat it with the same --request and another file", .0.display())]
    OtherVoucher(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    r#type: String,
    card: String,
    voucher: String,
}

const TYPE: &str = "prepaid electricity voucher";

/// A name that was taken for a voucher which is not sold yet; free again where none is written.
pub(crate) struct Taken {
    path: PathBuf,
    /// What the file had: whoever repeats what was asked for finds the voucher there already.
    before: Option<Vec<u8>>,
    written: bool,
}

impl Taken {
    /// `repeats` is whether the voucher may be in the file from the time before.
    pub(crate) fn create(path: &Path, repeats: bool) -> Result<Self, VoucherFileError> {
        let failed = |error| VoucherFileError::Create { path: path.to_owned(), error };
        let before = match durable::create(path, &[]) {
            Ok(()) => None,
            Err(error) if repeats && error.kind() == std::io::ErrorKind::AlreadyExists => {
                Some(content(path).map_err(failed)?)
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { path: path.to_owned(), before, written: false })
    }

    pub(crate) fn write(mut self, voucher: &Voucher) -> Result<(), VoucherFileError> {
        if self.before.as_ref().is_some_and(|before| !before.is_empty() && parse(before) != Some(*voucher)) {
            return Err(VoucherFileError::OtherVoucher(self.path.clone()));
        }
        replace(&self.path, voucher)?;
        self.written = true;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.written && self.before.is_none() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes a voucher over whatever is there: after a power cut that is there still, or the voucher.
pub(crate) fn replace(path: &Path, voucher: &Voucher) -> Result<(), VoucherFileError> {
    let error = |error| VoucherFileError::Write { path: path.to_owned(), error };
    durable::replace(path, &text(voucher).map_err(error)?).map_err(error)
}

fn text(voucher: &Voucher) -> std::io::Result<Vec<u8>> {
    let stored = Stored {
        r#type: TYPE.to_owned(),
        card: voucher.card.to_string(),
        voucher: hex::encode_upper(voucher.emit()),
    };
    let mut text = serde_json::to_vec_pretty(&stored)?;
    text.push(b'\n');
    Ok(text)
}

pub(crate) fn read(path: &Path) -> Result<Voucher, VoucherFileError> {
    let bytes = content(path).map_err(|error| VoucherFileError::Read { path: path.to_owned(), error })?;
    parse(&bytes).ok_or_else(|| VoucherFileError::NotAVoucher(path.to_owned()))
}

fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse(bytes: &[u8]) -> Option<Voucher> {
    let stored: Stored = serde_json::from_str(&text_file::decoded(bytes.to_vec()).ok()?).ok()?;
    let voucher = Voucher::parse(&hex::decode(stored.voucher).ok()?).ok()?;
    (stored.r#type == TYPE && stored.card == voucher.card.to_string()).then_some(voucher)
}
