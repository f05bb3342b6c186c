//! The audit key: signs heads of chains and manifests of exports. It is the company's, and no issuer's: who has it can sign no credit.

use card_core::id::Scope;
use card_core::platform::Random;
use card_core::units::CardTime;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

use crate::entry::{EntryId, Hash};
use crate::records::SignedHead;
use card_host::durable;
use card_host::random::OsRandom;

/// Why a file with an audit key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditKeyError {
    /// There is one already.
    #[error("{} exists already and is not replaced: choose another name", .0.display())]
    Exists(PathBuf),
    /// Others can read it.
    #[error("{} can be read by others (mode {mode:04o}): make a new audit key, or take their rights away: chmod 600", .path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds no Ed25519 key.
    #[error("{what} is not an Ed25519 key in PEM: name the file that `cardctl audit` made")]
    Malformed {
        /// Which.
        what: String,
    },
    /// The operating system refuses.
    #[error("{}: {source}: see that the folder exists and this user may use it", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No random numbers.
    #[error("{0}: the operating system's random number source must work")]
    Random(#[from] card_core::platform::RandomError),
}

/// More than any file of a key.
const MAX_FILE: usize = 4096;

/// The secret audit key, Ed25519. Never shown, and wiped when it is dropped.
pub struct AuditKey(SigningKey);

/// The public audit key: what the auditor has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPublicKey(VerifyingKey);

impl AuditKey {
    /// A new key.
    pub fn generate() -> Result<Self, AuditKeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        OsRandom.fill(&mut *seed)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// From a file in PKCS#8 (PEM), as [`create`](Self::create) or `openssl genpkey -algorithm ed25519` makes it. Refuses a file that anyone but its
    /// owner can read (on Unix).
    pub fn open(path: &Path) -> Result<Self, AuditKeyError> {
        let text = Zeroizing::new(read_file(path, true)?);
        SigningKey::from_pkcs8_pem(&text).map(Self).map_err(|_| malformed(path))
    }

    /// Makes a new file with the key in PKCS#8 (PEM), readable by its owner only from the first moment on (on Unix). A file that exists is never
    /// replaced.
    pub fn create(&self, path: &Path) -> Result<(), AuditKeyError> {
        let text = self.0.to_pkcs8_pem(LineEnding::LF).map_err(|_| malformed(path))?;
        durable::create(path, text.as_bytes()).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => AuditKeyError::Exists(path.to_owned()),
            _ => AuditKeyError::Io { path: path.to_owned(), source },
        })
    }

    /// The public key.
    pub fn public(&self) -> AuditPublicKey {
        AuditPublicKey(self.0.verifying_key())
    }

    /// Signs the head of a chain.
    pub fn sign_head(&self, scope: Scope, id: EntryId, head: Hash, time: CardTime) -> SignedHead {
        let signature = self.sign(head_text(scope, &id, &head, time).as_bytes());
        SignedHead { id, head, time, signature }
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }
}

impl fmt::Debug for AuditKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditKey(redacted)")
    }
}

impl AuditPublicKey {
    /// From PEM (SubjectPublicKeyInfo).
    pub fn from_pem(text: &str) -> Result<Self, AuditKeyError> {
        let malformed = |_| AuditKeyError::Malformed { what: "the text".to_owned() };
        VerifyingKey::from_public_key_pem(text).map(Self).map_err(malformed)
    }

    /// As PEM (SubjectPublicKeyInfo), for the auditor.
    pub fn to_pem(&self) -> String {
        // An Ed25519 key always has this form.
        self.0.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// From a file in PEM.
    pub fn open(path: &Path) -> Result<Self, AuditKeyError> {
        Self::from_pem(&read_file(path, false)?).map_err(|_| malformed(path))
    }

    /// Makes a file with it in PEM; one that exists is not replaced.
    pub fn create(&self, path: &Path) -> Result<(), AuditKeyError> {
        durable::create(path, self.to_pem().as_bytes()).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => AuditKeyError::Exists(path.to_owned()),
            _ => AuditKeyError::Io { path: path.to_owned(), source },
        })
    }

    /// Whether a head was signed by the key of this one.
    pub fn signed_head(&self, scope: Scope, head: &SignedHead) -> bool {
        self.signed(head_text(scope, &head.id, &head.head, head.time).as_bytes(), &head.signature)
    }

    pub(crate) fn signed(&self, bytes: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok()
    }
}

/// What is signed of a head (docs/ledger.md, section 3).
fn head_text(scope: Scope, id: &EntryId, head: &Hash, time: CardTime) -> String {
    format!(
        "EGLEDGER head v1\n{}\n{}\n{}\n{}\n{}\n{}\n",
        scope.company.0,
        scope.environment,
        id.point,
        id.number,
        hex::encode(head),
        time.to_unix()
    )
}

fn malformed(path: &Path) -> AuditKeyError {
    AuditKeyError::Malformed { what: path.display().to_string() }
}

fn read_file(path: &Path, secret: bool) -> Result<String, AuditKeyError> {
    let io = |source| AuditKeyError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    #[cfg(unix)]
    if secret {
        use std::os::unix::fs::PermissionsExt;
        // Of the file that is open, whatever its name leads to meanwhile.
        let mode = file.metadata().map_err(io)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(AuditKeyError::Readable { path: path.to_owned(), mode });
        }
    }
    #[cfg(not(unix))]
    let _ = secret;
    // As large as it may become, so that it is not moved and leaves no copies.
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE));
    let limit = u64::try_from(MAX_FILE).unwrap_or(u64::MAX);
    file.by_ref().take(limit).read_to_string(&mut text).map_err(io)?;
    Ok(std::mem::take(&mut *text))
}
