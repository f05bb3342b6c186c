//! A voucher in a file: JSON, so that a phone can carry it and a person can see what it is.

use card_core::message::Voucher;
use card_host::durable;
use serde::{Deserialize, Serialize};
use std::fs::{File, Permissions};
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
    permissions: Permissions,
    written: bool,
}

impl Taken {
    pub(crate) fn create(path: &Path) -> Result<Self, VoucherFileError> {
        let file = File::create_new(path);
        let permissions = file.and_then(|file| file.metadata()).map(|metadata| metadata.permissions());
        let permissions =
            permissions.map_err(|error| VoucherFileError::Create { path: path.to_owned(), error })?;
        Ok(Self { path: path.to_owned(), permissions, written: false })
    }

    pub(crate) fn write(mut self, voucher: &Voucher) -> Result<(), VoucherFileError> {
        replace(&self.path, voucher)?;
        self.written = true;
        // Whoever may read files of this user may read it, as any other that the user makes.
        std::fs::set_permissions(&self.path, self.permissions.clone())
            .map_err(|error| VoucherFileError::Write { path: self.path.clone(), error })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if !self.written {
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
    let error = |error| VoucherFileError::Read { path: path.to_owned(), error };
    let mut bytes = Vec::new();
    File::open(path).map_err(error)?.take(LONGEST).read_to_end(&mut bytes).map_err(error)?;
    parse(&bytes).ok_or_else(|| VoucherFileError::NotAVoucher(path.to_owned()))
}

fn parse(bytes: &[u8]) -> Option<Voucher> {
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    let voucher = Voucher::parse(&hex::decode(stored.voucher).ok()?).ok()?;
    (stored.r#type == TYPE && stored.card == voucher.card.to_string()).then_some(voucher)
}
