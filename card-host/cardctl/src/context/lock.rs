//! Who works alone in a data directory. Others wait some seconds, and are told who it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::say;
use crate::words::said;

/// How long others wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// Who works in the directory, as that program has written it.
#[derive(Debug, Serialize, Deserialize)]
struct Holder {
    process: u32,
    /// In POSIX seconds.
    since: i64,
}

impl Holder {
    fn time(&self) -> String {
        let time =
            Timestamp::from_second(self.since).map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string());
        time.unwrap_or_default()
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} since {} UTC", self.process, self.time())
    }
}

/// Another program works there.
#[derive(Debug, thiserror::Error)]
#[error("{} is in use by another program{}: wait for it to end", path.display(), holder.as_ref().map_or_else(String::new, |holder| format!(", {holder}")))]
pub(crate) struct InUse {
    pub(crate) path: PathBuf,
    holder: Option<Holder>,
}

impl InUse {
    /// The process that holds it, and since when in UTC, where they are known.
    pub(crate) fn holder(&self) -> Option<(u32, String)> {
        let holder = self.holder.as_ref()?;
        Some((holder.process, holder.time()))
    }
}

/// Keeps other programs out of the directory as long as the file is there.
pub(crate) fn alone(directory: &Path) -> std::io::Result<Result<File, InUse>> {
    let lock = File::create(directory.join("lock"))?;
    // Beside the lock: on Windows nobody else can read that.
    let name = directory.join("lock-holder.json");
    let (begun, mut told) = (Instant::now(), false);
    loop {
        match lock.try_lock() {
            Ok(()) => {
                let holder = Holder { process: std::process::id(), since: Timestamp::now().as_second() };
                // It is only told to others: the lock holds without it.
                let _ = std::fs::write(&name, serde_json::to_vec(&holder).unwrap_or_default());
                return Ok(Ok(lock));
            }
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        let holder = || serde_json::from_slice(&std::fs::read(&name).ok()?).ok();
        let in_use = || InUse { path: directory.to_owned(), holder: holder() };
        if begun.elapsed() >= PATIENCE {
            return Ok(Err(in_use()));
        }
        if !told && begun.elapsed() >= PAUSE * 4 {
            told = true;
            say::remark(said!(
                say::language(),
                "{in_use}; waiting {seconds} s for it",
                "مجلد البيانات يستخدمه برنامج آخر ({in_use})، والانتظار {seconds} ثوانٍ",
                in_use = in_use(),
                seconds = PATIENCE.as_secs(),
            ));
        }
        std::thread::sleep(PAUSE);
    }
}
