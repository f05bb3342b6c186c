//! The ledger in PostgreSQL: for fleets, with many sellers at once (docs/ledger.md, section 4).
//!
//! A sale takes four exchanges: a look at what it is about, after which it is signed; BEGIN with what it needs to know (and its locks), all
//! that it writes, COMMIT.

mod absent;
mod connection;
mod failure;
mod rows;
mod schema;
mod sql;
mod tls;
mod transaction;
mod values;
mod write;

use card_core::id::Scope;
use card_core::platform::Random;
use r2d2::{ManageConnection, Pool, PooledConnection};
use std::thread;
use std::time::{Duration, Instant};

use self::connection::{Committed, Connection, Manager};
use self::failure::{Failure, FailureKind};
use self::transaction::PostgresTransaction;
use super::store::{Access, Connections};
use super::{Ledger, LedgerError, StoreError, Work};
use card_host::random::OsRandom;

/// How long a caller waits for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// How often a transaction is run that others are in the way of, and for how long in all.
const TRIES: u32 = 10;
const PATIENCE: Duration = Duration::from_secs(15);

/// A ledger in a PostgreSQL database, 13 or newer.
///
/// Connections are encrypted where the address says `sslmode=require`; the server's certificate is then verified, against `sslrootcert=FILE` or
/// the system's authorities. A pooler between must give a session to one client at a time, not a transaction: statements are prepared once for each connection. One that
/// does not is refused where it is seen.
///
/// No caller waits for ever: for a free connection at most 5 s, for a lock 3 s (and then again, 15 s in all), for an answer 15 s. Only
/// [`balances`](super::Transaction::balances), which reads all there is, may take an hour.
///
/// It waits in the thread that calls it, and must not be called in an asynchronous one.
#[derive(Debug)]
pub struct PostgresLedger {
    pool: Pool<Manager>,
    manager: Manager,
    scope: Scope,
}

/// How one run of a transaction ended.
enum Ended {
    /// For good.
    Done(Result<(), LedgerError>),
    /// Before it began: the connection had been gone.
    Gone(Failure),
    /// Others were in the way.
    Again(Failure, Option<i32>),
}

impl PostgresLedger {
    /// Opens the ledger of this company and environment, over at most so many connections. An empty database becomes one, and
    /// tables of an older version are brought forward.
    ///
    /// A standby, or a role that only reads, is opened for reading.
    ///
    /// Errors: [`StoreError::Other`], it is another company's or environment's ledger, a newer one, or none;
    /// [`StoreError::Unfit`], something is to be set otherwise in the address, for the user, in the database or in the server;
    /// [`StoreError::Unavailable`], it does not answer.
    pub fn connect(url: &str, scope: Scope, connections: u32) -> Result<Self, LedgerError> {
        let error = |failure: Failure| failure.error();
        let manager = Manager::new(url).map_err(error)?;
        // On a connection of its own: it holds the lock of those who change tables, and ends with it whatever happens.
        let mut connection = manager.connect().map_err(error)?;
        keeps_sessions(&manager, &mut connection).map_err(error)?;
        schema::prepare(&mut connection, scope).map_err(error)?;
        drop(connection);
        let pool = Pool::builder()
            .max_size(connections.max(1))
            .min_idle(Some(0))
            .connection_timeout(WAIT)
            // A connection that was idle is asked when it is taken, see `take`.
            .test_on_check_out(false)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(manager.clone());
        Ok(Self { pool, manager, scope })
    }

    /// Whose ledger is in this database; `None`: nobody's yet. Nothing is changed.
    ///
    /// Errors: as [`connect`](Self::connect).
    pub fn scope_of(url: &str) -> Result<Option<Scope>, LedgerError> {
        let found = || schema::whose(&mut Manager::new(url)?.connect()?);
        found().map_err(|failure: Failure| failure.error())
    }

    /// A connection that answered just now.
    fn take(&self) -> Result<PooledConnection<Manager>, Failure> {
        let end = Instant::now() + WAIT;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut connection = self.pool.get_timeout(left).map_err(|error| {
                let text = format!("PostgreSQL gave no connection within {WAIT:?}: {error}");
                Failure::new(FailureKind::Unavailable, text)
            })?;
            // One that is not good is thrown away as it goes, and another one made.
            if self.manager.is_good(&mut connection) {
                return Ok(connection);
            }
        }
    }

    fn run(&self, access: Access, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let begin = Instant::now();
        let mut tries = 0;
        let mut gone = false;
        loop {
            let mut connection = self.take().map_err(|failure| failure.error())?;
            tries += 1;
            let (failure, month) = match self.once(&mut connection, access, work) {
                Ended::Done(result) => return result,
                // After a restart of the server every connection is gone. What follows is a new one, or an error.
                Ended::Gone(failure) if gone => return Err(failure.error()),
                Ended::Gone(_) => {
                    gone = true;
                    self.manager.gone(&mut connection);
                    continue;
                }
                Ended::Again(failure, month) => (failure, month),
            };
            if tries >= TRIES || begin.elapsed() > PATIENCE {
                return Err(failure.error());
            }
            if let Some(month) = month.filter(|_| failure.kind == FailureKind::Month) {
                match connection.execute(schema::MAKE_MONTH, &[&month]) {
                    Ok(_) => continue,
                    Err(failure) if failure.passes() => {}
                    Err(failure) => return Err(failure.error()),
                }
            }
            // Others need it meanwhile.
            drop(connection);
            thread::sleep(pause(tries));
        }
    }

    fn once(&self, connection: &mut Connection, access: Access, work: &mut Work<'_>) -> Ended {
        connection.begin(match access {
            Access::Writes => Some("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"),
            Access::Reads => Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
            // No transaction: each statement sees what is there when it is asked.
            Access::Looks => None,
        });
        let mut transaction = PostgresTransaction::new(connection, self.scope, access);
        let result = work(&mut transaction);
        let (failed, wrote, month) = (transaction.failed.take(), transaction.wrote, transaction.month);
        match (failed, result) {
            (Some(failure), _) if failure.kind == FailureKind::Lost && connection.was_gone() => {
                Ended::Gone(failure)
            }
            (Some(failure), _) if failure.passes() => {
                connection.roll_back();
                Ended::Again(failure, month)
            }
            // Also where the work makes nothing of the error: nothing of it is there any more.
            (Some(failure), result) => {
                connection.roll_back();
                if failure.kind == FailureKind::Silent {
                    self.manager.gone(connection);
                }
                Ended::Done(Err(result.err().unwrap_or_else(|| failure.error())))
            }
            (None, Err(error)) => {
                connection.roll_back();
                Ended::Done(Err(error))
            }
            // Nothing to make durable: what it read was committed by others, and is so whatever becomes of this connection.
            (None, Ok(())) if !wrote => {
                connection.roll_back();
                Ended::Done(Ok(()))
            }
            (None, Ok(())) => match connection.commit() {
                Committed::Done => Ended::Done(Ok(())),
                Committed::Not(failure) if failure.passes() => Ended::Again(failure, None),
                Committed::Not(failure) => Ended::Done(Err(failure.error())),
                Committed::Unknown(failure) => {
                    Ended::Done(Err(StoreError::OutcomeUnknown(failure.text).into()))
                }
            },
        }
    }
}

impl Ledger for PostgresLedger {
    fn scope(&self) -> Scope {
        self.scope
    }

    fn place(&self) -> Option<String> {
        self.manager.place()
    }

    fn connections(&self) -> Option<Connections> {
        let state = self.pool.state();
        let (there, idle, most) = (state.connections, state.idle_connections, self.pool.max_size());
        Some(Connections { there, idle, most })
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.run(Access::Writes, work)
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.run(Access::Reads, work)
    }

    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.run(Access::Looks, work)
    }
}

/// Two connections at the same time have two processes of the server, unless a pooler between gives them to one transaction at a time:
/// then settings, locks and prepared statements of a session are anybody's.
fn keeps_sessions(manager: &Manager, connection: &mut Connection) -> Result<(), Failure> {
    if connection.process()? == manager.connect()?.process()? {
        let text = format!("two connections are one session{}", failure::POOLER);
        return Err(Failure::new(FailureKind::Unfit, text));
    }
    Ok(())
}

/// Before the next try: longer each time, and not the same for those who were in each other's way.
fn pause(tries: u32) -> Duration {
    let mut random = [0; 2];
    // Without random numbers they wait the same time, and the lock still lets one of them through.
    let _ = OsRandom.fill(&mut random);
    let most = 1_000_u64 << tries.min(6);
    Duration::from_micros(most / 4 + u64::from(u16::from_be_bytes(random)) % most)
}
