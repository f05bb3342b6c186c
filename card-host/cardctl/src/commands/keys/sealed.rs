//! Files with keys that are sealed for somebody (docs/keys.md): age, with an X25519 recipient, around lines of JSON.

use age::secrecy::{ExposeSecret as _, SecretString};
use age::x25519::{Identity, Recipient};
use card_core::id::{Company, Environment, MeterId, Scope};
use card_core::key::AesKey;
use card_core::role::KeyVersion;
use card_core::scp03::key_check_value;
use card_core::soft::SoftEngine;
use card_host::keystore::MeterKeys;
use serde::{Deserialize, Serialize};
use std::path::Path;
use zeroize::Zeroizing;

/// What the first line of a meters' file says that it is.
const METER_KEYS: &str = "egelec meter keys 1";
/// The same of a card maker's.
const INITIAL_KEY: &str = "egelec initial key 1";
/// The longest sealed file that is taken in, in bytes.
const LONGEST: u64 = 64 << 10;
/// The most meters of a file.
pub(super) const MOST: usize = 10_000;
/// About what a meter's line takes, so that what holds keys does not grow and leave copies.
const LINE: usize = 1024;

/// Why a sealed file, or what is to be sealed, cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealedError {
    #[error("{path}: {error}: name a file that this user can read", path = path.display())]
    Read { path: std::path::PathBuf, error: std::io::Error },
    #[error("{0:?} is no recipient: it is a text that begins with age1, from whoever gets the file")]
    Recipient(String),
    #[error("{} has no secret of a recipient: name what `cardctl keys recipient` wrote", .0.display())]
    Identity(std::path::PathBuf),
    #[error("{path} cannot be opened ({error}): it is damaged, or sealed for another recipient", path = path.display())]
    Opened { path: std::path::PathBuf, error: age::DecryptError },
    #[error("it could not be sealed: {0}")]
    Sealing(#[from] age::EncryptError),
    #[error("{} is longer than any such file: have it looked at by its maker", .0.display())]
    Long(std::path::PathBuf),
    #[error("{path} is opened, and has no card maker's key in it ({why}): have it made anew by its maker (docs/keys.md)", path = path.display())]
    Content { path: std::path::PathBuf, why: &'static str },
    #[error(
        "the key in the file has the check value {found}, and the maker says another: do not use it, and ask the maker"
    )]
    Check { found: String },
    #[error(
        "line {line} has no meter: write the number of one meter in each, in decimal digits, 1 to 10,000 of them, none twice"
    )]
    Meters { line: usize },
}

/// The first line of a meters' file.
#[derive(Serialize)]
struct Heading<'a> {
    format: &'a str,
    company: u16,
    environment: String,
    /// How many lines follow.
    meters: usize,
}

/// The line of a meter.
#[derive(Serialize)]
struct MeterLine {
    meter: String,
    credit: Versioned,
    parameter: Versioned,
    report: Versioned,
    base: Versioned,
    transport: Versioned,
}

/// Keys of a role: their key version number, and each with its check value.
#[derive(Serialize)]
struct Versioned {
    version: String,
    keys: Vec<Checked>,
}

#[derive(Serialize)]
struct Checked {
    key: Zeroizing<String>,
    check: String,
}

impl Versioned {
    fn new(version: KeyVersion, keys: &[&AesKey]) -> Self {
        let checked = |key: &&AesKey| Checked {
            key: Zeroizing::new(hex::encode(key.expose())),
            check: hex::encode(key_check_value(&mut SoftEngine, key)),
        };
        Self { version: version.to_string(), keys: keys.iter().map(checked).collect() }
    }
}

/// A card maker's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InitialKey<'a> {
    format: &'a str,
    environment: &'a str,
    key: &'a str,
}

/// A new recipient: its name, and the file of its secret.
pub(super) fn recipient() -> (String, SecretString) {
    let identity = Identity::generate();
    (identity.to_public().to_string(), identity.to_string())
}

/// What is written into the file of a recipient's secret.
pub(super) fn identity_file(name: &str, secret: &SecretString) -> Zeroizing<String> {
    Zeroizing::new(format!("# public key: {name}\n{}\n", secret.expose_secret()))
}

/// Who a text names.
pub(super) fn parse_recipient(text: &str) -> Result<Recipient, SealedError> {
    text.trim().parse().map_err(|_| SealedError::Recipient(text.chars().take(80).collect()))
}

/// The meters of a list.
pub(super) fn meters(text: &str) -> Result<Vec<MeterId>, SealedError> {
    let (mut found, mut seen) = (Vec::new(), std::collections::BTreeSet::new());
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = SealedError::Meters { line: at + 1 };
        let Ok(meter) = line.trim().parse::<MeterId>() else { return Err(wrong) };
        if !seen.insert(meter.0) || found.len() == MOST {
            return Err(wrong);
        }
        found.push(meter);
    }
    if found.is_empty() { Err(SealedError::Meters { line: 1 }) } else { Ok(found) }
}

/// Keys of meters, sealed for their factory.
pub(super) fn seal_meters(
    to: &Recipient,
    scope: Scope,
    keys: &[(MeterId, MeterKeys)],
) -> Result<Vec<u8>, SealedError> {
    let mut plain = Zeroizing::new(Vec::with_capacity((keys.len() + 1) * LINE));
    let environment = scope.environment.to_string();
    let heading = Heading { format: METER_KEYS, company: scope.company.0, environment, meters: keys.len() };
    line(&mut plain, &heading);
    for (meter, keys) in keys {
        let MeterKeys { credit, parameter, report, receipt, base, transport } = keys;
        line(
            &mut plain,
            &MeterLine {
                meter: meter.number().to_string(),
                credit: Versioned::new(credit.0, &[&credit.1]),
                parameter: Versioned::new(parameter.version, &[&parameter.mac, &parameter.enc]),
                report: Versioned::new(report.version, &[&report.mac, &report.enc, receipt]),
                base: Versioned::new(base.0, &[&base.1]),
                transport: Versioned::new(transport.0, &[&transport.1]),
            },
        );
    }
    Ok(age::encrypt(to, &plain)?)
}

fn line(to: &mut Vec<u8>, what: &impl Serialize) {
    // Writing texts and numbers to memory does not fail.
    let _ = serde_json::to_writer(&mut *to, what);
    to.push(b'\n');
}

/// The master of a maker's blank cards, from a sealed file.
pub(super) fn open_initial(
    path: &Path,
    identity: (&Path, &str),
    environment: Environment,
) -> Result<AesKey, SealedError> {
    let secrets = identity.1.lines().map(str::trim).filter(|line| !line.starts_with('#') && !line.is_empty());
    let [secret] = secrets.collect::<Vec<_>>()[..] else {
        return Err(SealedError::Identity(identity.0.to_owned()));
    };
    let identity: Identity = secret.parse().map_err(|_| SealedError::Identity(identity.0.to_owned()))?;
    let read = |error| SealedError::Read { path: path.to_owned(), error };
    let mut sealed = Vec::new();
    let file = std::fs::File::open(path).map_err(read)?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, LONGEST + 1), &mut sealed).map_err(read)?;
    if sealed.len() as u64 > LONGEST {
        return Err(SealedError::Long(path.to_owned()));
    }
    let opened = age::decrypt(&identity, &sealed);
    let plain = Zeroizing::new(opened.map_err(|error| SealedError::Opened { path: path.to_owned(), error })?);
    let content = |why| SealedError::Content { path: path.to_owned(), why };
    // What JSON says of it may quote the key.
    let key: InitialKey<'_> = serde_json::from_slice(&plain).map_err(|_| content("not in its form"))?;
    if key.format != INITIAL_KEY {
        return Err(content("of another format"));
    }
    if key.environment != environment.to_string() {
        return Err(content("for the other environment"));
    }
    let bytes = hex::decode(key.key)
        .map(Zeroizing::new)
        .map_err(|_| content("with a key that is not hexadecimal"))?;
    if bytes.len() != 32 {
        return Err(content("with a key that has not 32 bytes"));
    }
    AesKey::new(&bytes).ok_or_else(|| content("with a key that has not 32 bytes"))
}

/// The check value of a master of blank cards: no company's.
pub(super) fn check_of_initial(environment: Environment, key: &AesKey) -> String {
    let scope = Scope { company: Company::NONE, environment };
    let length = card_core::key::KeyLength::Aes256;
    let version = card_core::role::INITIAL_ADMIN;
    hex::encode(card_core::role::Derivation::check_value(scope, version, length, &mut SoftEngine, key))
}
