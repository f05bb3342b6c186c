//! Traces of what goes to and from cards, in files.

use card_host::text_file;
use card_host::transport::{Exchange, Recording, RecordingError};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A trace cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TraceError {
    #[error("{}: the trace cannot be written ({error}), and nothing was done: name another file with --trace", path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("{}: the trace cannot be read: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{}: {error}", path.display())]
    Form { path: PathBuf, error: RecordingError },
    #[error("{}: there is no command in this trace", .0.display())]
    Empty(PathBuf),
}

/// Writes each exchange when it has happened: what is torn has its trace as well.
pub(crate) struct Tracer {
    /// Nothing for standard error.
    file: Option<File>,
    failed: bool,
}

impl Tracer {
    /// Behind what is in the file. "-" is standard error.
    pub(crate) fn open(path: &Path, reader: &str) -> Result<Self, TraceError> {
        let wrong = |error| TraceError::Write { path: path.to_owned(), error };
        let file = if path == Path::new("-") { None } else { Some(append(path).map_err(wrong)?) };
        let mut tracer = Self { file, failed: false };
        let reader = reader.replace(['\n', '\r'], " ");
        tracer.write(&format!("# card in {reader}\n")).map_err(wrong)?;
        Ok(tracer)
    }

    /// Without secrets.
    pub(crate) fn note(&mut self, exchange: Exchange) {
        if let Err(error) = self.write(&exchange.redacted().to_string())
            && !std::mem::replace(&mut self.failed, true)
        {
            // The work with the card goes on.
            let _ = writeln!(io::stderr(), "cardctl: the trace is not whole: {error}");
        }
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(text.as_bytes()),
            None => io::stderr().write_all(text.as_bytes()),
        }
    }
}

/// A trace tells who has which card: it is its owner's.
fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What is in a trace.
pub(crate) fn read(path: &Path) -> Result<Recording, TraceError> {
    let text = text_file::read(path).map_err(|error| TraceError::Read { path: path.to_owned(), error })?;
    let recording =
        Recording::parse(&text).map_err(|error| TraceError::Form { path: path.to_owned(), error })?;
    if recording.exchanges().next().is_none() {
        return Err(TraceError::Empty(path.to_owned()));
    }
    Ok(recording)
}
