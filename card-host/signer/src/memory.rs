//! The memory: a small SQLite file of the signer's own. Those who ask at the same time share a commit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use card_core::id::{Binding, Scope};
use card_core::role::KeyVersion;
use card_core::units::CardTime;
use card_host::keystore::{
    Alarm, Extent, Forbidden, KeyStoreError, Memory as Remembers, MemoryError, Totals,
};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, OpenFlags, TransactionBehavior};

use crate::rules::{Ceilings, Known, Verdict, decide};
use crate::table::{self, Beginning, Validity};

/// How long another program may hold the file.
const BUSY: Duration = Duration::from_secs(10);
/// So old may be what is known of the times of keys.
const FRESH: Duration = Duration::from_secs(1);

/// When something is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Before a signature leaves.
    Each,
    /// A killed program forgets nothing; a power cut what was signed a moment before. For development.
    Late,
}

/// What was signed, and how far the ledger has come. Several programs may open the same file.
pub struct Memory {
    path: PathBuf,
    vfs: Option<String>,
    durability: Durability,
    scope: Scope,
    waiting: Mutex<Vec<Arc<Asked>>>,
    connection: Mutex<Option<Connection>>,
    validity: Mutex<Option<(Instant, BTreeMap<u8, Validity>)>>,
}

/// Something that waits to be decided.
struct Asked {
    totals: Totals,
    version: KeyVersion,
    time: u64,
    answer: OnceLock<Result<(), Answer>>,
}

/// Why not.
#[derive(Debug, Clone)]
enum Answer {
    Forbidden(Forbidden),
    Store(String),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn failed(error: &Error) -> MemoryError {
    MemoryError::Store(error.to_string())
}

impl Memory {
    /// The memory in this file; where there is none yet, a new one that takes books as they are, and lets them be founded anew: for development.
    pub fn open_or_create(
        path: &Path,
        scope: Scope,
        durability: Durability,
        ceilings: &Ceilings,
    ) -> Result<Self, MemoryError> {
        Self::at(path, None, durability, Some(Beginning { scope, ceilings, adopts: true, begins: true }))
    }

    /// The memory in this file, which is there.
    pub fn open(path: &Path, durability: Durability) -> Result<Self, MemoryError> {
        Self::at(path, None, durability, None)
    }

    /// A new memory, where there is none: of a signer that begins with an empty ledger or, with `adopts`, takes the first that comes as it is.
    pub fn create(path: &Path, scope: Scope, ceilings: &Ceilings, adopts: bool) -> Result<Self, MemoryError> {
        if path.exists() {
            return Err(MemoryError::Knows);
        }
        let new = Beginning { scope, ceilings, adopts, begins: false };
        Self::at(path, None, Durability::Each, Some(new))
    }

    /// The first or the second through another file layer of SQLite, for tests with disks that fail.
    pub fn open_with_vfs(
        path: &Path,
        scope: Scope,
        ceilings: &Ceilings,
        vfs: &str,
    ) -> Result<Self, MemoryError> {
        let new = Beginning { scope, ceilings, adopts: true, begins: true };
        Self::at(path, Some(vfs.to_owned()), Durability::Each, Some(new))
    }

    fn at(
        path: &Path,
        vfs: Option<String>,
        durability: Durability,
        new: Option<Beginning<'_>>,
    ) -> Result<Self, MemoryError> {
        let other = || MemoryError::Other(path.display().to_string());
        let reads = vfs.is_none().then(|| only_reads(path)).flatten();
        let connection = match reads {
            Some(name) => Connection::open_with_flags(
                name,
                OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
            ),
            None => connect(path, vfs.as_deref(), durability, new.is_some()),
        };
        let connection = connection.map_err(|error| failed(&error))?;
        let there = if connection.is_readonly("main").map_err(|error| failed(&error))? {
            table::prepare(&connection, None).map_err(|error| failed(&error))?
        } else {
            begun(&connection, |connection| table::prepare(connection, new))?
        };
        let scope = if there { table::scope(&connection).map_err(|error| failed(&error))? } else { None };
        let scope = scope.ok_or_else(other)?;
        if new.is_some_and(|new| new.scope != scope) {
            return Err(other());
        }
        Ok(Self {
            path: path.to_owned(),
            vfs,
            durability,
            scope,
            waiting: Mutex::default(),
            connection: Mutex::new(Some(connection)),
            validity: Mutex::default(),
        })
    }

    /// Whose it is.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// What may be certified.
    pub fn ceilings(&self) -> Result<Ceilings, MemoryError> {
        self.with(table::ceilings)
    }

    /// Sets it.
    pub fn set_ceilings(&self, to: &Ceilings) -> Result<(), MemoryError> {
        self.with(|connection| table::set_ceilings(connection, to))
    }

    /// A key version may be used from `begin` on, and until before `until` (POSIX seconds).
    pub fn set_validity(&self, version: KeyVersion, begin: u64, until: u64) -> Result<(), MemoryError> {
        self.with(|connection| table::set_validity(connection, version, Validity { begin, until }))?;
        *lock(&self.validity) = None;
        Ok(())
    }

    /// Whether a key version may be used at this time. A change is heeded within a second.
    pub fn valid(&self, version: KeyVersion, time: CardTime) -> Result<(), KeyStoreError> {
        let mut known = lock(&self.validity);
        let held = match known.take().filter(|(read, _)| read.elapsed() < FRESH) {
            Some(held) => held,
            None => (Instant::now(), self.with(table::validity)?),
        };
        let (_, times) = known.insert(held);
        Ok(within(times, version, time.to_unix())?)
    }

    /// Lets a certificate of these totals be signed, with a key of this version; it is remembered then.
    pub fn admit(&self, totals: Totals, version: KeyVersion, time: CardTime) -> Result<(), KeyStoreError> {
        let answer = OnceLock::new();
        let asked = Arc::new(Asked { totals, version, time: time.to_unix(), answer });
        lock(&self.waiting).push(Arc::clone(&asked));
        let mut held = lock(&self.connection);
        // Whoever had the connection has perhaps decided it along with its own.
        if asked.answer.get().is_none() {
            let group = std::mem::take(&mut *lock(&self.waiting));
            let done = self.transact(&mut held, |connection| {
                let mut answers = Vec::with_capacity(group.len());
                for asked in &group {
                    answers.push(decided(connection, asked)?);
                }
                Ok(answers)
            });
            match done {
                Ok(answers) => {
                    for (asked, answer) in group.iter().zip(answers) {
                        let _ = asked.answer.set(answer.map_err(Answer::Forbidden));
                    }
                }
                Err(error) => {
                    for asked in &group {
                        let _ = asked.answer.set(Err(Answer::Store(error.to_string())));
                    }
                }
            }
        }
        drop(held);
        match asked.answer.get() {
            Some(Ok(())) => Ok(()),
            Some(Err(Answer::Forbidden(forbidden))) => Err(forbidden.clone().into()),
            Some(Err(Answer::Store(error))) => Err(MemoryError::Store(error.clone()).into()),
            None => Err(MemoryError::Store("it was not asked".to_owned()).into()),
        }
    }

    /// In a transaction of its own.
    pub(crate) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, MemoryError> {
        self.transact(&mut lock(&self.connection), work).map_err(|error| failed(&error))
    }

    fn transact<T>(
        &self,
        held: &mut Option<Connection>,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut connection = match held.take() {
            Some(connection) => connection,
            None => connect(&self.path, self.vfs.as_deref(), self.durability, false)?,
        };
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let made = work(&transaction)?;
        transaction.commit()?;
        // One that has failed is not used again.
        *held = Some(connection);
        Ok(made)
    }
}

impl Remembers for Memory {
    fn extent(&self) -> Result<Option<Extent>, MemoryError> {
        self.with(table::extent)
    }

    fn learn(&self, extent: &Extent, held: &[Totals]) -> Result<(), MemoryError> {
        self.with(|connection| {
            if !table::learn(connection, extent)? {
                return Ok(());
            }
            for held in held {
                if let Some(known) = table::binding(connection, held.binding)? {
                    table::set_binding(connection, &known.held_by(*held))?;
                }
            }
            Ok(())
        })
    }

    fn adopt(&self, held: &[Totals]) -> Result<(), MemoryError> {
        let adopted = self.with(|connection| {
            if table::extent(connection)?.is_some() {
                return Ok(true);
            }
            if !held.is_empty() && !table::allows(connection)?.0 {
                return Ok(false);
            }
            for held in held {
                if table::binding(connection, held.binding)?.is_none() {
                    table::set_binding(connection, &Known::adopted(*held))?;
                }
            }
            Ok(true)
        })?;
        if adopted { Ok(()) } else { Err(MemoryError::Empty) }
    }

    fn begin(&self) -> Result<(), MemoryError> {
        let begun = self.with(|connection| {
            if table::extent(connection)?.is_none() {
                return Ok(true);
            }
            let begins = table::allows(connection)?.1;
            if begins {
                table::forget_all(connection)?;
            }
            Ok(begins)
        })?;
        if begun { Ok(()) } else { Err(MemoryError::Knows) }
    }

    fn signed(&self, after: Option<Binding>, most: u32) -> Result<Vec<Totals>, MemoryError> {
        self.with(|connection| table::signed(connection, after, most))
    }

    fn alarms(&self, since: CardTime) -> Result<Vec<Alarm>, MemoryError> {
        self.with(|connection| table::alarms(connection, since.to_unix()))
    }
}

fn within(times: &BTreeMap<u8, Validity>, version: KeyVersion, time: u64) -> Result<(), Forbidden> {
    match times.get(&version.byte()) {
        Some(held) if time < held.begin || time >= held.until => Err(Forbidden::Validity(version)),
        _ => Ok(()),
    }
}

/// Decides one of a group, and remembers it. An alarm is remembered with it.
fn decided(connection: &Connection, asked: &Asked) -> Result<Result<(), Forbidden>, Error> {
    let Asked { totals, version, time, .. } = asked;
    let verdict = match within(&table::validity(connection)?, *version, *time) {
        Err(forbidden) => Err(forbidden),
        Ok(()) => {
            let known = table::binding(connection, totals.binding)?;
            let spent = table::spent(connection, *time)?;
            let ceilings = table::ceilings(connection)?;
            decide(known.as_ref(), *totals, spent, &ceilings, table::day(*time))
        }
    };
    match verdict {
        Ok(Verdict::Again) => Ok(Ok(())),
        Ok(Verdict::New { known, spent, rise, near }) => {
            table::set_binding(connection, &known)?;
            if rise.0 > 0 {
                table::set_spent(connection, *time, spent.hour)?;
            }
            for (ceiling, most, amount) in near {
                let what = format!("{amount} EGP of the ceiling {ceiling}, {most} EGP, are certified");
                table::alarm(connection, *time, &what)?;
            }
            Ok(Ok(()))
        }
        // What two sellers do at the same time is no alarm.
        Err(forbidden @ Forbidden::Taken { .. }) => Ok(Err(forbidden)),
        Err(forbidden) => {
            table::alarm(connection, *time, &format!("refused: {forbidden}"))?;
            Ok(Err(forbidden))
        }
    }
}

fn begun<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, Error>,
) -> Result<T, MemoryError> {
    let all = || {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let made = work(connection)?;
        connection.execute_batch("COMMIT")?;
        Ok(made)
    };
    all().map_err(|error| failed(&error))
}

/// The name of a file that is there and can only be read, such as one on read-only media: nothing is signed then, and what only reads the
/// books goes on.
#[cfg(unix)]
fn only_reads(path: &Path) -> Option<String> {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::path::absolute(path).ok().filter(|path| path.is_file())?;
    let error = std::fs::OpenOptions::new().write(true).open(&path).err()?;
    let kinds = [std::io::ErrorKind::PermissionDenied, std::io::ErrorKind::ReadOnlyFilesystem];
    let mut name = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                name.push(char::from(*byte))
            }
            _ => drop(write!(name, "%{byte:02X}")),
        }
    }
    kinds.contains(&error.kind()).then(|| name + "?immutable=1")
}

#[cfg(not(unix))]
fn only_reads(_: &Path) -> Option<String> {
    None
}

fn connect(path: &Path, vfs: Option<&str>, durability: Durability, new: bool) -> Result<Connection, Error> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if new {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    #[cfg(unix)]
    if new && vfs.is_none() && !path.exists() {
        // Its owner's only, from the first moment on.
        let mut options = std::fs::OpenOptions::new();
        std::os::unix::fs::OpenOptionsExt::mode(options.write(true).create(true), 0o600);
        drop(options.open(path));
    }
    let connection = match vfs {
        None => Connection::open_with_flags(path, flags)?,
        Some(vfs) => Connection::open_with_flags_and_vfs(path, flags, vfs)?,
    };
    connection.busy_timeout(BUSY)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Run to its end: the change is committed after the answer. Where it stays in another mode, a commit is told before it is durable.
    let mut change = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut answers = change.query([])?;
    while answers.next()?.is_some() {}
    drop(answers);
    drop(change);
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode != "wal" {
        let why = format!("{} stays in the mode {mode}: keep it on a local disk", path.display());
        return Err(Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
            Some(why),
        ));
    }
    let synchronous = match durability {
        Durability::Each => "FULL",
        Durability::Late => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // On macOS a plain sync leaves data in the drive.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    Ok(connection)
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory").field("path", &self.path).field("scope", &self.scope).finish_non_exhaustive()
    }
}
