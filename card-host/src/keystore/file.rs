//! The file of a software key store: JSON, readable by its owner only.

use crate::durable;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use card_core::key::{AesKey, KeyLength};
use card_core::platform::{Block, Engine};
use card_core::role::{Role, TEST_INITIAL_MASTER};
use card_core::soft::{ExpandedKey, SoftEngine};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::KeyStoreError;
use super::deriving::MASTERS;
use super::software::{ByVersion, Held, SoftwareKeyStore, SoftwareMasters};

/// Why the file of a key store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is one already.
    #[error("{} exists already and is not replaced: choose another name", .0.display())]
    Exists(PathBuf),
    /// Others can read it.
    #[error(
        "{} can be read by others (mode {mode:04o}): if they may have done so, its keys are no secret any more; \
         otherwise take their rights away: chmod 600",
        .path.display()
    )]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no file of a key store, or of another version.
    #[error("{} is not a key store of this program ({reason}): name the right file, or restore it", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; nothing of its content.
        reason: &'static str,
    },
    /// Something in it is not what was written.
    #[error("{} is not what this program wrote, a digit of a key or of a version is another: restore it from its copy", .0.display())]
    Changed(PathBuf),
    /// The operating system refuses.
    #[error("{}: {source}: see that the folder exists and this user may use it", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

const FORMAT: u32 = 2;
/// Of files without a check.
const FORMER: u32 = 1;
const NOTICE: &str = "Test keys. Never issue a real card with them. Whoever reads this file can make credit.";
/// More than any file of a key store; keeps the buffer from growing, which would leave copies.
const MAX_FILE: usize = 64 << 10;

/// The file. Texts are borrowed from a buffer that is wiped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<'a> {
    notice: &'a str,
    format: u32,
    environment: &'a str,
    key_bytes: usize,
    #[serde(borrow)]
    initial: &'a str,
    current: BTreeMap<&'a str, u8>,
    masters: BTreeMap<&'a str, BTreeMap<u8, &'a str>>,
    /// Of all that counts, see [`check`]; a file of the former format has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check: Option<&'a str>,
}

fn name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Vending => "vending",
        Role::Load => "load",
        Role::Receipt => "receipt",
        Role::Credit => "credit",
        Role::Parameter => "parameter",
        Role::Report => "report",
        Role::MeterBase => "meter_base",
        Role::Transport => "transport",
        Role::Meter | Role::Holder => "none",
    }
}

fn text(store: &SoftwareMasters) -> Zeroizing<Vec<u8>> {
    let held = store.held();
    let keys: BTreeMap<(u8, u8), Zeroizing<String>> =
        held.masters.iter().map(|(id, key)| (*id, Zeroizing::new(hex::encode(key.key().expose())))).collect();
    let get = |role: Role, version| keys.get(&(role as u8, version)).map_or("", |key| key.as_str());
    let masters = MASTERS
        .iter()
        .map(|role| {
            let versions = (1..=15).map(|version| (version, get(*role, version)));
            (name(*role), versions.filter(|(_, key)| !key.is_empty()).collect())
        })
        .collect();
    let current =
        MASTERS.iter().filter_map(|role| Some((name(*role), *held.current.get(&(*role as u8))?))).collect();
    let check = hex::encode(check(store.length, &held.masters, &held.current));
    let content = Content {
        notice: NOTICE,
        format: FORMAT,
        environment: "test",
        key_bytes: store.length.bytes(),
        initial: get(Role::Admin, 0),
        current,
        masters,
        check: Some(&check),
    };
    let mut out = Zeroizing::new(Vec::with_capacity(MAX_FILE));
    // Writing numbers and texts into memory does not fail.
    let _ = serde_json::to_writer_pretty(&mut *out, &content);
    out.push(b'\n');
    out
}

/// Over everything that counts in a file: against a digit that has changed, not against somebody who changes it, who has the keys anyway.
fn check(length: KeyLength, masters: &ByVersion, current: &BTreeMap<u8, u8>) -> Block {
    let mut message = Zeroizing::new(vec![u8::try_from(length.bytes()).unwrap_or(0)]);
    message.reserve(MAX_FILE);
    for ((role, version), key) in masters {
        message.extend([*role, *version]);
        message.extend(key.key().expose());
    }
    for (role, version) in current {
        message.extend([*role, *version]);
    }
    AesKey::new(&TEST_INITIAL_MASTER).map_or_else(Block::default, |key| SoftEngine.cmac(&key, &[&message]))
}

/// Makes a file that does not exist yet, whole or not at all.
pub(super) fn create(store: &SoftwareMasters, path: &Path) -> Result<(), FileError> {
    durable::create(path, &text(store)).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
        _ => FileError::Io { path: path.to_owned(), source },
    })
}

/// Replaces a file, whole or not at all.
pub(super) fn replace(store: &SoftwareMasters, path: &Path) -> Result<(), FileError> {
    durable::replace(path, &text(store)).map_err(|source| FileError::Io { path: path.to_owned(), source })
}

pub(super) fn open(path: &Path) -> Result<SoftwareKeyStore, KeyStoreError> {
    let io = |source| FileError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Of the file that is open, whatever its name leads to meanwhile.
        let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(FileError::Readable { path: path.to_owned(), mode }.into());
        }
    }
    let mut buffer = Zeroizing::new(vec![0; MAX_FILE]);
    let mut length = 0;
    while let Some(free) = buffer.get_mut(length..).filter(|free| !free.is_empty()) {
        match file.read(free) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io(error).into()),
        }
    }
    parse(buffer.get(..length).unwrap_or_default(), path)
}

fn parse(bytes: &[u8], path: &Path) -> Result<SoftwareKeyStore, KeyStoreError> {
    let malformed = |reason| FileError::Malformed { path: path.to_owned(), reason };
    // The reason that JSON gives may quote the content, so it is not passed on.
    let content: Content<'_> = serde_json::from_slice(bytes).map_err(|_| malformed("not in its form"))?;
    if !matches!((content.format, content.check), (FORMAT, Some(_)) | (FORMER, None)) {
        return Err(malformed("of another version").into());
    }
    match content.environment {
        "test" => {}
        "production" => return Err(KeyStoreError::Production),
        _ => return Err(malformed("of an unknown environment").into()),
    }
    let length = match content.key_bytes {
        16 => KeyLength::Aes128,
        32 => KeyLength::Aes256,
        _ => return Err(malformed("with a wrong length of keys").into()),
    };
    let key = |text: &str| {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, &mut *bytes).ok()?;
        AesKey::new(&*bytes).map(ExpandedKey::new).map(Arc::new)
    };
    let mut masters = ByVersion::new();
    let wrong_key = || malformed("with a key that is not 32 bytes in hexadecimal");
    masters.insert((Role::Admin as u8, 0), key(content.initial).ok_or_else(wrong_key)?);
    let mut current = BTreeMap::new();
    for role in MASTERS {
        for (version, text) in content.masters.get(name(role)).into_iter().flatten() {
            if !(1..=15).contains(version) {
                return Err(malformed("with a version that is not 1 to 15").into());
            }
            masters.insert((role as u8, *version), key(text).ok_or_else(wrong_key)?);
        }
        let version =
            content.current.get(name(role)).ok_or_else(|| malformed("without a current version"))?;
        if *version == 0 || !masters.contains_key(&(role as u8, *version)) {
            return Err(malformed("without the master of a current version").into());
        }
        current.insert(role as u8, *version);
    }
    if content.masters.len() != MASTERS.len() || content.current.len() != MASTERS.len() {
        return Err(malformed("with an unknown role").into());
    }
    if content.check.is_some_and(|written| written != hex::encode(check(length, &masters, &current))) {
        return Err(FileError::Changed(path.to_owned()).into());
    }
    Ok(SoftwareKeyStore::from_parts(length, Held { masters, current }))
}
