//! The ledger in an SQLite file: for the office of one company on one computer, for development, and for tests.

mod connection;
mod error;
mod group;
mod rows;
#[cfg(test)]
mod tests;
mod transaction;
mod write;

use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use card_core::id::Scope;
use rusqlite::Connection;

use self::connection::{Place, Wanted};
use self::error::failed;
use self::group::Groups;
use self::transaction::Rows;
use super::store::{Access, Ledger, Work};
use super::{LedgerError, StoreError};
use card_host::durable::Draft;

/// Connections that read and wait to be used again.
const READERS: usize = 8;

/// A ledger in an SQLite file (docs/ledger.md, section 4). Several programs may open the same file, on the same computer.
///
/// In a work of [`Ledger::transact`] the ledger itself must not be called: it would wait for itself.
pub struct SqliteLedger {
    scope: Scope,
    place: Place,
    groups: Groups,
    readers: Mutex<Vec<Connection>>,
}

impl SqliteLedger {
    /// A new ledger, on Unix readable by its owner only. Where there is one already, it is left alone, and that is an error.
    pub fn create(path: &Path, scope: Scope) -> Result<Self, LedgerError> {
        Self::at(Place::file(path, None)?, scope, Wanted::New)
    }

    /// A ledger that is there. Its tables are brought to the newest version. One of another company or environment, of a newer
    /// program, or a file that is no ledger, is left alone, and that is an error.
    pub fn open(path: &Path, scope: Scope) -> Result<Self, LedgerError> {
        Self::at(Place::file(path, None)?, scope, Wanted::Old)
    }

    /// Whose ledger is in this file; `None`: nobody's yet. Nothing is changed.
    pub fn scope_of(path: &Path) -> Result<Option<Scope>, LedgerError> {
        Place::file(path, None)?.scope()
    }

    /// A ledger that is there, or a new one.
    pub fn open_or_create(path: &Path, scope: Scope) -> Result<Self, LedgerError> {
        Self::at(Place::file(path, None)?, scope, Wanted::Any)
    }

    /// The same through another file layer of SQLite, which has been registered under this name: for tests with disks that fail.
    pub fn open_with_vfs(path: &Path, scope: Scope, vfs: &str) -> Result<Self, LedgerError> {
        Self::at(Place::file(path, Some(vfs))?, scope, Wanted::Any)
    }

    /// A ledger that is gone when it is dropped. Its readers wait for its writers.
    pub fn in_memory(scope: Scope) -> Result<Self, LedgerError> {
        Self::at(Place::memory(), scope, Wanted::New)
    }

    fn at(place: Place, scope: Scope, wanted: Wanted) -> Result<Self, LedgerError> {
        let connection = place.first(scope, wanted)?;
        let groups = Groups::new(place.clone(), scope, connection)?;
        Ok(Self { scope, place, groups, readers: Mutex::default() })
    }

    /// The file; `None`: in memory.
    pub fn path(&self) -> Option<&Path> {
        self.place.path.as_deref()
    }

    /// How many commits have written something since it was opened: fewer than transactions, where they came at the same time.
    pub fn commits(&self) -> u64 {
        self.groups.commits()
    }

    /// A copy as of now, under a name that is free: whole, or not there at all. Nobody has to wait for it.
    pub fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        let to = std::path::absolute(to).map_err(|error| copying(to, &error))?;
        if to.try_exists().map_err(|error| copying(&to, &error))? {
            return Err(StoreError::Exists(to).into());
        }
        let draft = Draft::file(&to).map_err(|error| copying(&to, &error))?;
        let copy = |connection: &Connection| {
            let name = draft.path().to_str().ok_or_else(|| {
                StoreError::Unavailable(format!(
                    "{}: the name of a copy is plain text",
                    draft.path().display()
                ))
            })?;
            let done = connection.execute("VACUUM INTO ?", [name]);
            done.map(|_| ()).map_err(|error| failed("the copy", &error))
        };
        if self.place.is_memory() {
            self.groups.alone(copy)?;
        } else {
            self.settled()?;
            copy(&self.place.reader()?)?;
        }
        draft.become_new().map_err(|error| copying(&to, &error).into())
    }

    /// Returns once no failed commit leaves open what is in the ledger.
    fn settled(&self) -> Result<(), LedgerError> {
        if self.groups.is_in_doubt() { self.groups.settle() } else { Ok(()) }
    }

    /// A connection on which a transaction that reads has begun.
    fn snapshot(&self) -> Result<Connection, LedgerError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.place.reader()?,
        };
        let begin = || -> Result<(), rusqlite::Error> {
            connection.prepare_cached("BEGIN DEFERRED")?.execute([])?;
            // The state that is read is that of the first row.
            connection.prepare_cached("SELECT id FROM meta")?.query_row([], |_| Ok(()))
        };
        begin().map_err(|error| failed("table meta", &error))?;
        Ok(connection)
    }

    /// Runs what does not write, on a connection of its own.
    fn beside(&self, access: Access, work: &mut Work<'_>) -> Result<(), LedgerError> {
        if self.place.is_memory() {
            return self.groups.join(access, work);
        }
        self.settled()?;
        let mut connection = self.snapshot()?;
        if self.groups.is_in_doubt() {
            // A commit failed in between: this state may be the one before it or the one after it.
            drop(connection);
            self.settled()?;
            connection = self.snapshot()?;
        }
        let mut rows = Rows::new(&connection, self.scope, access);
        let result = work(&mut rows);
        let whole = rows.course.broken.is_none();
        let ended = connection.prepare_cached("ROLLBACK").and_then(|mut end| end.execute([]));
        if whole && ended.is_ok() {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < READERS {
                readers.push(connection);
            }
        }
        result
    }
}

impl Ledger for SqliteLedger {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        if self.place.reads {
            return Err(self.place.unwritable());
        }
        self.groups.join(Access::Writes, work)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.beside(Access::Reads, work)
    }

    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.beside(Access::Looks, work)
    }
}

impl Drop for SqliteLedger {
    /// The connection that writes is closed last: whoever closes last moves the log to its place, which one that only reads cannot. So the file
    /// alone is the whole ledger once all programs have ended.
    fn drop(&mut self) {
        self.readers.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl std::fmt::Debug for SqliteLedger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteLedger")
            .field("scope", &self.scope)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

fn copying(to: &Path, error: &io::Error) -> StoreError {
    StoreError::Unavailable(format!("the copy {}: {error}", to.display()))
}
