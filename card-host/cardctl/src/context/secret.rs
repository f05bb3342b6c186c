//! The secret of whoever works with the ledger: from a file that only its owner can read, from a file descriptor, or typed.

use crate::words::said;
use card_host::durable;
use card_ledger::{NoName, StaffName, StaffSecret};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest file, in bytes.
const LONGEST: u64 = 1024;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSecret {
    #[error("{}: {error}: name the file with your secret (--secret-file), or leave it out and type the secret", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("{}: {error}: name a file that does not exist, in a directory that you can write to", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[cfg(unix)]
    #[error("{} can be read by others: have the secret renewed, and keep it in a file that is yours alone (chmod 600)", .0.display())]
    Open(PathBuf),
    #[error(
        "{} has no secret: the name is on the first line and the digits on the second; of a member of staff, 32 digits may stand alone",
        .0.display()
    )]
    Malformed(PathBuf),
    #[error("this is no secret of a member of staff: it has 32 digits of 0-9 and a-f")]
    Typed,
    #[error(
        "this ledger has staff, and the secret of {name} cannot be asked for here ({error}): name the file with it (--secret-file)"
    )]
    NoTerminal { name: String, error: std::io::Error },
    #[error("{0} (say who you are with --actor)")]
    Name(#[from] NoName),
}

/// A name, where it stands there, and its secret.
#[derive(Clone)]
pub(crate) struct Credential {
    pub(crate) name: Option<StaffName>,
    pub(crate) secret: Arc<StaffSecret>,
}

/// From a file; a descriptor is one, such as /dev/fd/3.
pub(crate) fn read(path: &Path) -> Result<Credential, NoSecret> {
    let text = private(path)?;
    let none = || NoSecret::Malformed(path.to_owned());
    let text = text.trim();
    match text.split_once('\n') {
        Some((name, secret)) => {
            let secret = StaffSecret::parse(secret).ok_or_else(none)?;
            Ok(Credential { name: Some(name.parse::<StaffName>()?), secret: Arc::new(secret) })
        }
        None => Ok(Credential { name: None, secret: Arc::new(StaffSecret::parse(text).ok_or_else(none)?) }),
    }
}

/// A custodian's name, and the secret.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) secret: Zeroizing<String>,
}

/// A custodian's file: the name in the first line, the secret in the second.
pub(crate) fn person(path: &Path) -> Result<Person, NoSecret> {
    let text = private(path)?;
    match text.trim().split_once('\n') {
        Some((name, secret)) => {
            let secret = Zeroizing::new(secret.trim().to_owned());
            Ok(Person { name: name.trim().to_owned(), secret })
        }
        None => Err(NoSecret::Malformed(path.to_owned())),
    }
}

/// What is in a file that nobody else can read.
pub(crate) fn private(path: &Path) -> Result<Zeroizing<String>, NoSecret> {
    let failed = |error| NoSecret::Read { path: path.to_owned(), error };
    let file = File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        let about = file.metadata().map_err(failed)?;
        let mode = std::os::unix::fs::MetadataExt::mode(&about);
        if about.is_file() && mode & 0o077 != 0 {
            return Err(NoSecret::Open(path.to_owned()));
        }
    }
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
    file.take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Typed, without being seen.
pub(crate) fn ask(name: &StaffName) -> Result<Arc<StaffSecret>, NoSecret> {
    let typed = rpassword::prompt_password(said!(
        crate::say::language(),
        "Secret of {name}: ",
        "الكلمة السرية الخاصة بـ {name}: ",
        name
    ))
    .map(Zeroizing::new)
    .map_err(|error| NoSecret::NoTerminal { name: name.to_string(), error })?;
    StaffSecret::parse(&typed).map(Arc::new).ok_or(NoSecret::Typed)
}

/// A new secret, in a file where one is named. There it stays only once [`Draft::keep`] was called, so what is refused leaves no file.
pub(crate) struct Draft {
    pub(crate) secret: Arc<StaffSecret>,
    file: Option<PathBuf>,
}

impl Draft {
    /// `repeats` is whether the file may be there from the time before, with the secret that was made then.
    pub(crate) fn new(name: &StaffName, file: Option<&Path>, repeats: bool) -> Result<Self, super::Error> {
        if let Some(file) = file.filter(|file| repeats && file.exists()) {
            return Ok(Self { secret: read(file)?.secret, file: None });
        }
        let secret = Arc::new(StaffSecret::generate()?);
        if let Some(path) = file {
            let mut text = Zeroizing::new(Vec::with_capacity(128));
            // Writing to memory does not fail.
            let _ = write!(text, "{name}\n{}\n", secret.as_str());
            durable::create(path, &text).map_err(|error| NoSecret::Write { path: path.to_owned(), error })?;
        }
        Ok(Self { secret, file: file.map(Path::to_owned) })
    }

    /// It is entered in the ledger.
    pub(crate) fn keep(mut self) -> Arc<StaffSecret> {
        self.file = None;
        Arc::clone(&self.secret)
    }

    /// It may have been entered: the file stays, and the same again takes what is in it.
    pub(crate) fn leave(mut self) {
        self.file = None;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}
