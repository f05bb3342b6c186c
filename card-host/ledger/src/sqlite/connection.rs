//! Where a ledger's file is, and how it is opened: as a ledger, of this company, with nothing lost that was answered.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use card_core::id::{Company, Scope};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior};

use super::error::{failed, store};
use crate::{LedgerError, StoreError};
use card_host::durable;

mod embedded {
    #![allow(missing_docs, unreachable_pub, reason = "what a macro makes")]
    refinery::embed_migrations!("src/sqlite/migrations");
}

/// In the head of the file, so that one sees what it is: "EGLG".
const APPLICATION: i32 = 0x4547_4C47;
/// How long another program may hold the file before the answer is that it cannot be used now.
const BUSY: Duration = Duration::from_secs(10);
/// How long is waited between two tries.
const BREATH: Duration = Duration::from_millis(2);
/// More than there are statements.
const STATEMENTS: usize = 128;

/// Where the ledger is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file; none: in memory.
    pub(super) path: Option<PathBuf>,
    /// SQLite's file layer; none: the system's.
    pub(super) vfs: Option<String>,
    /// Whether the file is there and can only be read: on read-only media, or another user's.
    pub(super) reads: bool,
}

/// What is wanted of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A ledger that is there.
    Old,
    /// A new one.
    New,
    /// One or the other.
    Any,
}

/// What a file holds.
enum Found {
    /// Nothing, or a ledger whose making was interrupted.
    Nothing,
    /// A ledger.
    Ledger,
}

pub(super) fn other(message: String) -> LedgerError {
    StoreError::Other(message).into()
}

impl Place {
    /// Not a name that SQLite takes for something else than a file, and the same wherever the program goes.
    pub(super) fn file(path: &Path, vfs: Option<&str>) -> Result<Self, LedgerError> {
        let path = std::path::absolute(path)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", path.display())))?;
        let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem];
        let opened = OpenOptions::new().write(true).open(&path);
        let reads =
            vfs.is_none() && opened.is_err_and(|error| kinds.contains(&error.kind())) && path.is_file();
        Ok(Self { path: Some(path), vfs: vfs.map(str::to_owned), reads })
    }

    pub(super) const fn memory() -> Self {
        Self { path: None, vfs: None, reads: false }
    }

    pub(super) const fn is_memory(&self) -> bool {
        self.path.is_none()
    }

    fn name(&self) -> String {
        self.path.as_ref().map_or_else(|| "memory".to_owned(), |path| path.display().to_string())
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection, Error> {
        // Each connection is used by one thread at a time, behind a lock of ours.
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let connection = match (&self.path, &self.vfs) {
            (None, _) => Connection::open_in_memory_with_flags(flags | OpenFlags::SQLITE_OPEN_READ_WRITE)?,
            (Some(path), None) if self.reads => {
                let (name, flag) = unchanging(path);
                Connection::open_with_flags(name, flags & !OpenFlags::SQLITE_OPEN_READ_WRITE | flag)?
            }
            (Some(path), None) => Connection::open_with_flags(path, flags)?,
            (Some(path), Some(vfs)) => Connection::open_with_flags_and_vfs(path, flags, vfs.as_str())?,
        };
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        // Nothing in the file may run code of its own or write around the tables.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Statements are planned once, and not anew for each value: that would cost more than to run them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "recursive_triggers", true)?;
        connection.pragma_update(None, "cell_size_check", true)?;
        // What is taken away is overwritten.
        connection.pragma_update(None, "secure_delete", true)?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -32_768)?;
        // A page that cannot be read is then an error of one statement, not a signal that ends the program.
        connection.pragma_update(None, "mmap_size", 0)?;
        Ok(connection)
    }

    /// Why nothing is written to a file that can only be read.
    pub(super) fn unwritable(&self) -> LedgerError {
        let what = "audit, reconcile and statements work; to sell, see to the rights of the file and its folder, or copy it";
        StoreError::Unfit(format!("{} can only be read here: {what}", self.name())).into()
    }

    /// Opens a file for reading only: it is a ledger of this program's version already, and stays as it is.
    fn first_to_read(&self, scope: Scope, wanted: Wanted) -> Result<Connection, LedgerError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY);
        let connection = connection.map_err(|error| self.strange(&error))?;
        let whole = matches!(self.look(&connection)?, Found::Ledger) && !is_older(&connection, &self.name())?;
        if wanted == Wanted::New || !whole {
            return Err(self.unwritable());
        }
        self.compare(&connection, scope)?;
        Ok(connection)
    }

    /// Opens the file for the first time, makes it what is wanted, and gives back the connection that writes.
    pub(super) fn first(&self, scope: Scope, wanted: Wanted) -> Result<Connection, LedgerError> {
        if self.reads {
            return self.first_to_read(scope, wanted);
        }
        if let Some(path) = &self.path {
            if path.is_dir() {
                return Err(self.none("it is a folder"));
            }
            self.touch(path, wanted)?;
        }
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE);
        let mut connection = connection.map_err(|error| self.strange(&error))?;
        let found = self.look(&connection)?;
        match (&found, wanted) {
            (Found::Ledger, Wanted::New) => {
                return Err(other(format!(
                    "{} is a ledger already: open it, or take another file",
                    self.name()
                )));
            }
            (Found::Nothing, Wanted::Old) => {
                return Err(other(format!("{} is empty: create a ledger, or look at the name", self.name())));
            }
            _ => {}
        }
        self.settle_modes(&connection)?;
        migrate(&mut connection, &self.name())?;
        if matches!(found, Found::Nothing) {
            // Once, whoever comes first; the line after this one compares.
            let sql = "INSERT INTO meta (id, company, environment, epoch) VALUES (1, ?, ?, 0) ON CONFLICT (id) DO NOTHING";
            connection
                .execute(sql, (scope.company.0, scope.environment.to_string()))
                .map_err(|error| failed(&self.name(), &error))?;
        }
        self.compare(&connection, scope)?;
        self.keep_name()?;
        self.take_in(&connection)?;
        Ok(connection)
    }

    /// The connection that writes, once more.
    pub(super) fn again(&self) -> Result<Connection, LedgerError> {
        let connection = self.connect(OpenFlags::SQLITE_OPEN_READ_WRITE);
        let connection = connection.map_err(|error| failed(&self.name(), &error))?;
        if !self.reads {
            self.settle_modes(&connection)?;
        }
        Ok(connection)
    }

    /// A connection that reads.
    pub(super) fn reader(&self) -> Result<Connection, LedgerError> {
        self.connect(OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| failed(&self.name(), &error))
    }

    /// Makes an empty file, readable by its owner only from the first moment on, where there may be a new one. SQLite gives its other
    /// files the same rights.
    fn touch(&self, path: &Path, wanted: Wanted) -> Result<(), LedgerError> {
        let unavailable = |error: io::Error| StoreError::Unavailable(format!("{}: {error}", self.name()));
        if wanted == Wanted::Old {
            return match path.try_exists().map_err(unavailable)? {
                true => Ok(()),
                false => Err(other(format!(
                    "{} does not exist: create a ledger, or look at the name",
                    self.name()
                ))),
            };
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(_) => Ok(()),
            // What it holds is seen later: perhaps nothing, after an interruption.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(unavailable(error).into()),
        }
    }

    fn none(&self, why: &str) -> LedgerError {
        other(format!("{} is no ledger ({why}): look at the name", self.name()))
    }

    /// Why a file that is opened for the first time cannot be read.
    fn strange(&self, error: &Error) -> LedgerError {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => self.none("it is no file of SQLite"),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                let what = "the folder must be writable too, for its -wal and -shm, or hold them both";
                StoreError::Unfit(format!("{}: {error}: {what}", self.name())).into()
            }
            _ => failed(&self.name(), error),
        }
    }

    /// Makes the name of a new file last.
    fn keep_name(&self) -> Result<(), LedgerError> {
        let Some(path) = &self.path else { return Ok(()) };
        durable::sync_folder(path)
            .map_err(|error| StoreError::Unavailable(format!("{}: {error}", self.name())).into())
    }

    /// What is in the file, before anything of it is changed.
    fn look(&self, connection: &Connection) -> Result<Found, LedgerError> {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        // A ledger whose making was interrupted has at most the list of versions.
        let sql = "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 'refinery_schema_history'";
        let tables = number(sql).map_err(|error| self.strange(&error))?;
        if tables == 0 {
            return Ok(Found::Nothing);
        }
        let application = number("PRAGMA application_id").map_err(|error| self.strange(&error))?;
        if application != i64::from(APPLICATION) {
            return Err(self.none("it is a database of something else"));
        }
        let rows = number("SELECT count(*) FROM meta").map_err(|error| self.strange(&error))?;
        Ok(if rows == 0 { Found::Nothing } else { Found::Ledger })
    }

    /// What keeps answered things over a power cut.
    fn settle_modes(&self, connection: &Connection) -> Result<(), LedgerError> {
        let name = self.name();
        let set = |pragma: &str, value: &dyn rusqlite::ToSql| {
            connection.pragma_update(None, pragma, value).map_err(|error| failed(&name, &error))
        };
        // Run to its end: the change is committed after the answer.
        patiently(|| run_through(connection, "PRAGMA journal_mode = WAL"))
            .map_err(|error| failed(&name, &error))?;
        let mode: String = connection
            .query_row("PRAGMA journal_mode", [], |row| row.get(0))
            .map_err(|error| failed(&name, &error))?;
        if mode != if self.is_memory() { "memory" } else { "wal" } {
            let why = "the file's disk does not let programs share memory: keep the ledger on a local disk";
            return Err(other(format!("{name} stays in the mode {mode}, {why}")));
        }
        set("synchronous", &"FULL")?;
        // On macOS a plain sync leaves data in the drive.
        set("fullfsync", &true)?;
        set("checkpoint_fullfsync", &true)?;
        // Moving what was written from the log to its place costs two syncs: not too often. Then the log is cut to this size.
        set("wal_autocheckpoint", &4_096)?;
        set("journal_size_limit", &67_108_864)
    }

    /// Moves what a former program left in the log to its place, as far as nobody else is at it. After a failed sync a system may show
    /// bytes that are not on the disk: what is built on now is written anew.
    fn take_in(&self, connection: &Connection) -> Result<(), LedgerError> {
        let taken = connection.busy_timeout(Duration::ZERO).and_then(|()| match checkpoint(connection) {
            Err(error) if is_busy(&error) => Ok(false),
            taken => taken,
        });
        taken.and_then(|_| connection.busy_timeout(BUSY)).map_err(|error| failed(&self.name(), &error))
    }

    /// Whose ledger it is; `None`: it is none yet.
    pub(super) fn scope(&self) -> Result<Option<Scope>, LedgerError> {
        let connection = self.connect(if self.reads {
            OpenFlags::SQLITE_OPEN_READ_ONLY
        } else {
            OpenFlags::SQLITE_OPEN_READ_WRITE
        });
        let connection = connection.map_err(|error| self.strange(&error))?;
        match self.look(&connection)? {
            Found::Nothing => Ok(None),
            Found::Ledger => {
                let (company, environment) = whose(&connection)?;
                let company = u16::try_from(company).ok().map(Company);
                let scope = company.zip(environment.parse().ok());
                let scope = scope.map(|(company, environment)| Scope { company, environment });
                scope.map(Some).ok_or_else(|| self.none("it says of no company that it is its own"))
            }
        }
    }

    /// Whether it is this company's.
    fn compare(&self, connection: &Connection, scope: Scope) -> Result<(), LedgerError> {
        let name = self.name();
        let (company, environment) = whose(connection)?;
        if company == i64::from(scope.company.0) && environment == scope.environment.to_string() {
            return Ok(());
        }
        let Scope { company: mine, environment: ours } = scope;
        let is = format!("{name} is the ledger of company {company}, {environment}");
        Err(other(format!("{is}, not of company {}, {ours}: open the right one", mine.0)))
    }
}

fn whose(connection: &Connection) -> Result<(i64, String), LedgerError> {
    let sql = "SELECT company, environment FROM meta WHERE id = 1";
    let row = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    row.map_err(|error| failed("table meta", &error))
}

/// Moves all of the log to its place, and cuts it. Says whether nobody was in the way.
pub(super) fn checkpoint(connection: &Connection) -> Result<bool, Error> {
    Ok(run_through(connection, "PRAGMA wal_checkpoint(TRUNCATE)")? == Some(0))
}

/// How a file that can only be read is opened. Nobody changes it, so SQLite needs none of its other files, which it could not make; where the log
/// beside it holds something, it is read, too.
fn unchanging(path: &Path) -> (PathBuf, OpenFlags) {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    if cfg!(not(unix)) || std::fs::metadata(log).is_ok_and(|log| log.len() > 0) {
        return (path.to_owned(), OpenFlags::empty());
    }
    let mut name = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                name.push(char::from(*byte))
            }
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    (PathBuf::from(name + "?immutable=1"), OpenFlags::SQLITE_OPEN_URI)
}

/// Whether another connection has the file just now.
fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Does a step again while another program has the file: SQLite itself does not wait where it would have to give up a lock that it has,
/// as when several programs make the same file a ledger.
fn patiently<T>(mut step: impl FnMut() -> Result<T, Error>) -> Result<T, Error> {
    let begin = Instant::now();
    loop {
        match step() {
            Err(error) if is_busy(&error) && begin.elapsed() < BUSY => std::thread::sleep(BREATH),
            done => return done,
        }
    }
}

/// Runs a statement that answers to its end, and gives the number in its first column, if it is one.
fn run_through(connection: &Connection, sql: &str) -> Result<Option<i64>, Error> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut answer = None;
    while let Some(row) = rows.next()? {
        answer = row.get(0).ok();
    }
    Ok(answer)
}

/// Brings the tables to the newest version. A ledger of a newer program is left alone.
fn migrate(connection: &mut Connection, name: &str) -> Result<(), LedgerError> {
    // Another program may be doing the same: then it is done the next time.
    let mut last = None;
    for _ in 0..3 {
        if !is_older(connection, name)? {
            return Ok(());
        }
        // Refinery begins its transactions in the way that is set here; one for all, so that no version is there by half.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        match embedded::migrations::runner().set_grouped(true).run(connection) {
            Ok(_) => return Ok(()),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => StoreError::Unavailable(format!("{name}: {}", chain(&error))).into(),
        None => StoreError::Unavailable(name.to_owned()).into(),
    })
}

/// An error with its causes: that of Refinery says only which step failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

/// Whether versions are missing; an error where there are others than this program knows.
fn is_older(connection: &Connection, name: &str) -> Result<bool, LedgerError> {
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations();
    let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'refinery_schema_history'";
    let there = connection.query_row(sql, [], |_| Ok(())).optional();
    if there.map_err(|error| store(name, &error))?.is_none() {
        return Ok(true);
    }
    let mut statement = connection
        .prepare("SELECT version, checksum FROM refinery_schema_history ORDER BY version")
        .map_err(|error| store(name, &error))?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
    let rows = rows.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| store(name, &error))?;
    let newest = known.iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0);
    for (version, checksum) in &rows {
        if *version > newest {
            return Err(other(format!(
                "{name} was written by a newer program (version {version}): use that one"
            )));
        }
        let same = known.iter().any(|migration| {
            i64::from(migration.version()) == *version && migration.checksum().to_string() == *checksum
        });
        if !same {
            let what = "has tables that this program does not know";
            return Err(other(format!("{name} {what} (version {version}): use the program that made it")));
        }
    }
    Ok(rows.len() < known.len())
}
