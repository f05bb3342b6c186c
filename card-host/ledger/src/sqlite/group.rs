//! Transactions that come at the same time share a commit, because a commit waits for the disk.
//!
//! One thread writes, and all others give it their work. It opens a group's transaction where none is open and runs the work of each member
//! in a savepoint; when nobody waits, or the group is full, it commits. All are answered after the commit, also those whose work failed
//! or only read: they may have seen what others of the group wrote, and that may still be lost. So each of them goes to sleep and wakes up
//! once, which takes about as long as its work, and tables and statements stay in the cache of one processor.
//!
//! A member is answered when its turn returns, and its turn lasts until the group has ended. In between it lets the next one have its turn,
//! on the same stack: as deep as the group is large. Whoever finds that nobody else writes takes its turn on its own thread, and saves
//! two changes of threads.
//!
//! Where a commit fails, nobody knows what is in the log: it may be found there after a crash. So nothing is read or written
//! before a commit has succeeded that puts an end to it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use card_core::id::Scope;
use rayon::{ThreadPool, ThreadPoolBuilder, Yield};
use rusqlite::Connection;

use super::connection::{Place, checkpoint};
use super::transaction::{Course, Rows};
use crate::store::{Access, Work};
use crate::{LedgerError, StoreError};

/// The most transactions in one commit: what waits for it waits for all of them.
pub(super) const GROUP: u32 = 64;

/// How a group ended.
#[derive(Debug, Clone)]
enum Outcome {
    /// Durable.
    Kept,
    /// Nothing of it was written.
    Lost(String),
    /// It failed while it committed.
    Unknown(String),
}

/// What the members of a group wait for.
type Group = OnceLock<Outcome>;

/// A group whose transaction is open.
struct Open {
    group: Arc<Group>,
    members: u32,
    wrote: bool,
}

/// What the lock keeps.
struct Writer {
    /// None after a failure: it is opened again when it is needed.
    connection: Option<Connection>,
    open: Option<Open>,
    /// The last group had one member, and nobody waited when it ended.
    quiet: bool,
    /// When a transaction could not be begun the last time: whoever waited then is told the same, one after the other would wait anew.
    failed: Option<(Instant, String)>,
}

/// The one that writes.
pub(super) struct Groups {
    place: Place,
    scope: Scope,
    /// The thread that writes.
    thread: ThreadPool,
    /// Those who have come and have not had their turn.
    waiting: AtomicUsize,
    writer: Mutex<Writer>,
    /// A commit failed, and none has succeeded since.
    doubt: AtomicBool,
    /// Commits that wrote.
    commits: AtomicU64,
}

/// How the work of one member ended; where it panicked, with what it panicked.
type Ran = Result<Result<(), LedgerError>, Box<dyn Any + Send>>;

/// The lock, also after a panic: no panic happens while it is held, works are run behind [`catch_unwind`].
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable(reason: &str) -> LedgerError {
    StoreError::Unavailable(reason.to_owned()).into()
}

fn run(connection: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}

impl Groups {
    pub(super) fn new(place: Place, scope: Scope, connection: Connection) -> Result<Self, LedgerError> {
        let thread = ThreadPoolBuilder::new().num_threads(1).thread_name(|_| "ledger".to_owned()).build();
        let thread = thread.map_err(|error| unavailable(&format!("no thread that writes: {error}")))?;
        Ok(Self {
            place,
            scope,
            thread,
            waiting: AtomicUsize::new(0),
            writer: Mutex::new(Writer {
                connection: Some(connection),
                open: None,
                quiet: true,
                failed: None,
            }),
            doubt: AtomicBool::new(false),
            commits: AtomicU64::new(0),
        })
    }

    /// How many commits have written something.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How many wait for their turn.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// Whether a commit failed and what it left has not been settled.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt.load(Ordering::SeqCst)
    }

    /// Puts an end to what a failed commit may have left.
    pub(super) fn settle(&self) -> Result<(), LedgerError> {
        let arrived = Instant::now();
        let mut writer = lock(&self.writer);
        if writer.open.is_some() {
            // A group is open only where nothing is in doubt.
            return Ok(());
        }
        self.ready(&mut writer, arrived).map(|_| ())
    }

    /// Runs something with the connection while no group is open.
    pub(super) fn alone<T>(
        &self,
        with: impl FnOnce(&Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let arrived = Instant::now();
        let mut writer = lock(&self.writer);
        if writer.open.is_some() {
            self.close(&mut writer);
        }
        with(self.ready(&mut writer, arrived)?)
    }

    /// Runs a work as a member of a group, and returns once the group's outcome is known.
    pub(super) fn join(&self, access: Access, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let arrived = Instant::now();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let quiet = self.writer.try_lock().ok().filter(|writer| writer.quiet && writer.open.is_none());
        let (ran, outcome) = match quiet {
            Some(writer) => self.turn(writer, true, arrived, access, work),
            None => self.thread.install(|| self.turn(lock(&self.writer), false, arrived, access, work)),
        }?;
        match (ran, outcome) {
            (Err(panic), _) => resume_unwind(panic),
            (Ok(result), Outcome::Kept) => result,
            // What this one met itself says more.
            (Ok(Err(error @ LedgerError::Store(_))), Outcome::Lost(_)) => Err(error),
            (Ok(_), Outcome::Lost(reason)) => Err(unavailable(&reason)),
            (Ok(_), Outcome::Unknown(reason)) => Err(StoreError::OutcomeUnknown(reason).into()),
        }
    }

    /// The turn of one member, on the thread that writes or, `alone`, on its own: then nobody else is in the group.
    fn turn<'g>(
        &'g self,
        mut writer: MutexGuard<'g, Writer>,
        alone: bool,
        arrived: Instant,
        access: Access,
        work: &mut Work<'_>,
    ) -> Result<(Ran, Outcome), LedgerError> {
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if writer.open.is_none() {
            self.begin(&mut writer, arrived)?;
        }
        let Some(group) = writer.open.as_ref().map(|open| Arc::clone(&open.group)) else {
            return Err(LedgerError::NotRun);
        };
        let ran = self.member(&mut writer, access, work);
        loop {
            if let Some(outcome) = group.get() {
                return Ok((ran, outcome.clone()));
            }
            let full = writer.open.as_ref().is_some_and(|open| open.members >= GROUP);
            if alone || full || self.waiting.load(Ordering::SeqCst) == 0 {
                self.close(&mut writer);
                continue;
            }
            drop(writer);
            // One that is counted and not there yet is on its way.
            if rayon::yield_now() != Some(Yield::Executed) {
                std::thread::yield_now();
            }
            writer = lock(&self.writer);
        }
    }

    /// A connection with no transaction on it, and nothing in doubt.
    fn ready<'w>(&self, writer: &'w mut Writer, arrived: Instant) -> Result<&'w Connection, LedgerError> {
        if let Some((when, reason)) = &writer.failed
            && arrived < *when
        {
            return Err(unavailable(reason));
        }
        let connection = match writer.connection.take() {
            Some(connection) => Ok(connection),
            None => self.place.again(),
        };
        let settled = connection.and_then(|connection| {
            if self.is_in_doubt() {
                end_doubt(&connection, self.place.is_memory())?;
                self.doubt.store(false, Ordering::SeqCst);
            }
            Ok(connection)
        });
        match settled {
            Ok(connection) => {
                writer.failed = None;
                Ok(writer.connection.insert(connection))
            }
            Err(error) => {
                writer.failed = Some((Instant::now(), error.to_string()));
                Err(match error {
                    LedgerError::Store(StoreError::OutcomeUnknown(reason)) => unavailable(&reason),
                    other => other,
                })
            }
        }
    }

    /// Opens a group.
    fn begin(&self, writer: &mut Writer, arrived: Instant) -> Result<(), LedgerError> {
        let connection = self.ready(writer, arrived)?;
        if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
            let reason = format!("no transaction can be begun: {error}");
            self.drop_connection(writer);
            writer.failed = Some((Instant::now(), reason.clone()));
            return Err(unavailable(&reason));
        }
        writer.open = Some(Open { group: Arc::default(), members: 0, wrote: false });
        Ok(())
    }

    /// Runs the work of one member in a savepoint. Afterwards the group is open, and whole, or it is lost.
    fn member(&self, writer: &mut Writer, access: Access, work: &mut Work<'_>) -> Ran {
        let Some(connection) = writer.connection.as_ref() else { return Ok(Err(LedgerError::NotRun)) };
        if let Err(error) = run(connection, "SAVEPOINT member") {
            return self.lose(writer, &format!("no savepoint: {error}"), Ok(Ok(())));
        }
        let mut rows = Rows::new(connection, self.scope, access);
        let mut ran = catch_unwind(AssertUnwindSafe(|| work(&mut rows)));
        let Course { wrote, half_written, broken } = rows.course;
        // After some errors SQLite has ended the transaction, and with it what the others wrote: nobody of this group may be told that
        // it is kept. After others it only may have: the same is done.
        if let Some(reason) = broken {
            return self.lose(writer, &reason, ran);
        }
        if connection.is_autocommit() {
            return self.lose(writer, "the store ended the transaction", ran);
        }
        if let (Ok(Ok(())), Some(reason)) = (&ran, half_written) {
            ran = Ok(Err(unavailable(&format!(
                "something could not be written, and that was not heeded: {reason}"
            ))));
        }
        let kept = matches!(ran, Ok(Ok(())));
        let ended = if kept { Ok(()) } else { run(connection, "ROLLBACK TO member") };
        if let Err(error) = ended.and_then(|()| run(connection, "RELEASE member")) {
            return self.lose(writer, &format!("a savepoint could not be ended: {error}"), ran);
        }
        if let Some(open) = &mut writer.open {
            open.members = open.members.saturating_add(1);
            open.wrote |= kept && wrote;
        }
        ran
    }

    /// Ends the group without a commit: nothing of it was written.
    fn lose(&self, writer: &mut Writer, reason: &str, ran: Ran) -> Ran {
        if let Some(connection) = &writer.connection
            && !connection.is_autocommit()
        {
            // Where this fails, closing the connection does the same.
            let _ = run(connection, "ROLLBACK");
        }
        self.drop_connection(writer);
        if let Some(open) = writer.open.take() {
            let _ = open.group.set(Outcome::Lost(reason.to_owned()));
        }
        match ran {
            Ok(Err(error @ LedgerError::Store(_))) => Ok(Err(error)),
            Ok(_) => Ok(Err(unavailable(reason))),
            Err(panic) => Err(panic),
        }
    }

    /// Ends the group with a commit.
    fn close(&self, writer: &mut Writer) {
        let Some(open) = writer.open.take() else { return };
        let Some(connection) = writer.connection.as_ref() else {
            let _ = open.group.set(Outcome::Lost("the store was closed".to_owned()));
            return;
        };
        writer.quiet = open.members == 1 && self.waiting.load(Ordering::SeqCst) == 0;
        if !open.wrote {
            // Nothing to keep, nothing to wait for.
            let outcome = match run(connection, "ROLLBACK") {
                Ok(()) => Outcome::Kept,
                Err(error) => {
                    self.drop_connection(writer);
                    Outcome::Lost(format!("a transaction could not be ended: {error}"))
                }
            };
            let _ = open.group.set(outcome);
            return;
        }
        let outcome = match run(connection, "COMMIT") {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
                Outcome::Kept
            }
            Err(error) => {
                if !connection.is_autocommit() {
                    let _ = run(connection, "ROLLBACK");
                }
                // The mark of the commit may be in the log, even where writing it failed.
                self.doubt.store(true, Ordering::SeqCst);
                self.drop_connection(writer);
                Outcome::Unknown(error.to_string())
            }
        };
        let _ = open.group.set(outcome);
    }

    /// A connection that has failed is not used again; one to memory is all that there is.
    fn drop_connection(&self, writer: &mut Writer) {
        if !self.place.is_memory() {
            writer.connection = None;
        }
    }
}

/// Makes an end of what a failed commit left in the log. What the log held before is moved to its place, and synced there; the log
/// is cut; and a commit that changes nothing of the ledger begins it anew. Then what was left is in the ledger, or gone for ever.
fn end_doubt(connection: &Connection, memory: bool) -> Result<(), LedgerError> {
    let failed = |error: rusqlite::Error| unavailable(&format!("after a commit that failed: {error}"));
    if !memory && !checkpoint(connection).map_err(failed)? {
        return Err(unavailable("after a commit that failed: another program is reading"));
    }
    run(connection, "BEGIN IMMEDIATE").map_err(failed)?;
    touch(connection).and_then(|()| run(connection, "COMMIT")).map_err(failed)
}

/// Writes what is nothing of the ledger: a number that SQLite keeps for programs, in the first page. A row with the same values would not
/// be written.
pub(super) fn touch(connection: &Connection) -> Result<(), rusqlite::Error> {
    let number: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    connection.execute_batch(&format!("PRAGMA user_version = {}", number.wrapping_add(1)))
}
