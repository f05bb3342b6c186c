//! A voucher in a file: JSON, so that a phone can carry it and a person can see what it is.

use card_core::message::Voucher;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Longest file that is looked at.
const LONGEST: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub(crate) enum VoucherFileError {
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: std::io::Error },
    #[error("{} is not a voucher: use a file that `cardctl top-up --out` wrote", .0.display())]
    NotAVoucher(PathBuf),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    r#type: String,
    card: String,
    voucher: String,
}

const TYPE: &str = "prepaid electricity voucher";

pub(crate) fn write(path: &Path, voucher: &Voucher) -> Result<(), VoucherFileError> {
    let stored = Stored {
        r#type: TYPE.to_owned(),
        card: voucher.card.to_string(),
        voucher: hex::encode_upper(voucher.emit()),
    };
    let io = |error| VoucherFileError::Io { path: path.to_owned(), error };
    let text = serde_json::to_string_pretty(&stored).map_err(|error| io(error.into()))?;
    let mut file = std::fs::File::create_new(path).map_err(io)?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(io)
}

pub(crate) fn read(path: &Path) -> Result<Voucher, VoucherFileError> {
    let io = |error| VoucherFileError::Io { path: path.to_owned(), error };
    if std::fs::metadata(path).map_err(io)?.len() > LONGEST {
        return Err(VoucherFileError::NotAVoucher(path.to_owned()));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    parse(&bytes).ok_or_else(|| VoucherFileError::NotAVoucher(path.to_owned()))
}

fn parse(bytes: &[u8]) -> Option<Voucher> {
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    let voucher = Voucher::parse(&hex::decode(stored.voucher).ok()?).ok()?;
    (stored.r#type == TYPE && stored.card == voucher.card.to_string()).then_some(voucher)
}
