//! Files for SQLite that fail on demand and forget what was not synced: disk errors, full disks, power cuts.
//!
//! [`FaultyFiles::register`] makes a file layer (a VFS, as SQLite calls it) around the ordinary one for Unix. A database that
//! is opened through it is an ordinary file and stays one. The layer counts the operations that touch the disk, and fails
//! those that a test names:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use faulty_files::{Fault, FaultyFiles};
//! use rusqlite::Connection;
//!
//! let directory = tempfile::tempdir()?;
//! let path = directory.path().join("ledger");
//! let files = FaultyFiles::register("example")?;
//! let database = Connection::open(files.uri(&path))?;
//! database.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE entry (number)")?;
//! files.fail_at(1, Fault::Full);
//! assert!(database.execute("INSERT INTO entry VALUES (1)", []).is_err());
//! files.cut_at(1);
//! assert!(database.execute("INSERT INTO entry VALUES (2)", []).is_err());
//! drop(database);
//! files.after_power_cut(7)?;
//! let count: u32 = Connection::open(&path)?.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))?;
//! assert!(count <= 1, "the second may have reached the disk");
//! # Ok(())
//! # }
//! ```
//!
//! The model of a disk. A write reaches it at the latest with the next successful sync of its file; before that, it may have
//! or not, independently of others, and in part: by sectors of 512 bytes. SQLite assumes of a disk that a sector outside of a
//! write is never damaged by it; so does this one. A new file has its name for certain when it was synced, a deleted one has
//! lost it when its directory was synced, which SQLite does with the first sync of a journal or of a write-ahead log.
//!
//! What it does not do: it knows of one process only. Nothing is really synced, since a process that ends takes nothing along:
//! killing one is therefore no power cut. Temporary files and shared memory (`-shm`, which SQLite makes anew after a power
//! cut) never fail. It keeps the content of open databases in memory, so they should be small.
#![cfg(unix)]

mod disk;
mod vfs;

use std::ffi::{CStr, CString};
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use disk::Aftermath;

use disk::{Disk, Operation, Which};

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk is broken: whatever the operation, it fails and does nothing (`SQLITE_IOERR_WRITE`, `SQLITE_IOERR_FSYNC`,
    /// `SQLITE_IOERR_TRUNCATE`, `SQLITE_IOERR_DELETE`, `SQLITE_CANTOPEN`).
    Broken,
    /// The disk is full: writes fail with `SQLITE_FULL`. Other operations succeed.
    Full,
    /// As [`Full`](Self::Full), after half of the write.
    ShortWrite,
    /// Syncs fail with `SQLITE_IOERR_FSYNC`. What was to be synced may be on the disk or not, and the next sync tries again.
    /// Other operations succeed.
    Sync,
    /// As [`Sync`](Self::Sync), but what was to be synced never gets to the disk, although reading still finds it, and the
    /// next sync knows nothing of it: what Linux makes of a disk's error.
    SyncForgets,
}

impl Fault {
    const fn concerns(self, operation: Operation) -> bool {
        match self {
            Self::Broken => true,
            Self::Full | Self::ShortWrite => matches!(operation, Operation::Write),
            Self::Sync | Self::SyncForgets => matches!(operation, Operation::Sync),
        }
    }
}

/// What one file layer knows. It is never freed, since SQLite may keep using it.
#[derive(Debug)]
struct Layer {
    name: CString,
    disk: Mutex<Disk>,
}

impl Layer {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file layer for SQLite. Copies are of the same one, which remains registered as long as the process runs.
#[derive(Debug, Clone, Copy)]
pub struct FaultyFiles {
    layer: &'static Layer,
}

impl FaultyFiles {
    /// Registers a file layer with SQLite. A test has one of its own, by a name of its own, since what is counted and what
    /// fails is the layer's.
    ///
    /// # Errors
    ///
    /// When there is one of that name, or SQLite does not take it.
    pub fn register(name: &str) -> io::Result<Self> {
        let layer = Layer { name: CString::new(name)?, disk: Mutex::new(Disk::default()) };
        let layer: &'static Layer = Box::leak(Box::new(layer));
        vfs::register(layer)?;
        Ok(Self { layer })
    }

    /// Its name: the last argument of `Connection::open_with_flags_and_vfs`.
    #[must_use]
    pub fn name(&self) -> &'static CStr {
        &self.layer.name
    }

    /// How to open a file through it where only a path can be said: `file:/path?vfs=name`.
    #[must_use]
    pub fn uri(&self, path: &Path) -> String {
        let escape = |byte: &u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                char::from(*byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        let path: String = path.as_os_str().as_encoded_bytes().iter().map(escape).collect();
        let name: String = self.layer.name.as_bytes().iter().map(escape).collect();
        format!("file:{path}?vfs={name}")
    }

    /// How many operations that touch the disk there were, those that failed included: opening databases, journals and
    /// write-ahead logs, and writing, truncating, syncing and deleting them.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.layer.disk().operations
    }

    /// How many operations failed since the last fault or power cut was ordered.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.layer.disk().faults
    }

    /// Fails the `n`-th operation from now on, if it is one that the fault concerns. The next is the first.
    pub fn fail_at(&self, n: u64, fault: Fault) {
        self.plan(n, Which::This, fault);
    }

    /// Fails the first operation that the fault concerns, from the `n`-th from now on.
    pub fn fail_first_from(&self, n: u64, fault: Fault) {
        self.plan(n, Which::First, fault);
    }

    /// Fails each operation that the fault concerns, from the `n`-th from now on, until [`heal`](Self::heal).
    pub fn fail_from(&self, n: u64, fault: Fault) {
        self.plan(n, Which::All, fault);
    }

    /// Cuts the power during the `n`-th operation from now on: that one and everything after it fails, reading too. A fault
    /// may come before that.
    pub fn cut_at(&self, n: u64) {
        let mut disk = self.layer.disk();
        disk.faults = 0;
        disk.cut = Some(disk.operations.saturating_add(n.max(1)));
    }

    /// Cuts the power now, between two operations.
    pub fn cut(&self) {
        let mut disk = self.layer.disk();
        disk.faults = 0;
        disk.cut = Some(disk.operations);
    }

    /// Nothing fails from now on. After a power cut, [`after_power_cut`](Self::after_power_cut) comes first.
    pub fn heal(&self) {
        let mut disk = self.layer.disk();
        disk.fault = None;
        disk.cut = None;
    }

    /// Makes the files what a power cut, now or [before](Self::cut_at), leaves of them; then there is power again. Of what
    /// was not synced, seed 0 loses everything and seed 1 nothing; any other loses some and tears some.
    ///
    /// # Errors
    ///
    /// When a database is still open, or a file cannot be written.
    pub fn after_power_cut(&self, seed: u64) -> io::Result<Aftermath> {
        let mut disk = self.layer.disk();
        if disk.in_use() {
            return Err(io::Error::other("a database is still open"));
        }
        let (files, aftermath) = disk.after_power_cut(seed);
        for (path, content) in files {
            // Where a test's directory has gone, its files have, too.
            if !path.parent().is_some_and(Path::exists) {
                continue;
            }
            match content {
                Some(content) => std::fs::write(&path, content)?,
                None if path.exists() => std::fs::remove_file(&path)?,
                None => {}
            }
        }
        Ok(aftermath)
    }

    fn plan(&self, n: u64, which: Which, fault: Fault) {
        let mut disk = self.layer.disk();
        disk.faults = 0;
        disk.fault = Some((disk.operations.saturating_add(n.max(1)), which, fault));
    }
}
