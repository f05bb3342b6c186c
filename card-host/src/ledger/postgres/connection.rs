//! Connections: how they are opened, what is asked of the server, and the statements that each has prepared.

use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Row, Statement};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::failure::{Failure, FailureKind};

/// The oldest PostgreSQL: 13.
const OLDEST: i32 = 130_000;
/// For a connection to be made, and for one that was idle to answer.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(2);
/// A connection that was used in the last moment is not asked whether it is still there: that would cost each sale an exchange.
const FRESH: Duration = Duration::from_secs(1);
/// When sent bytes are not acknowledged, or a silent peer does not answer, the connection is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);
const KEEPALIVE: Duration = Duration::from_secs(5);

/// How each session stands. Plans are made once: the statements are looked up by keys, and planning anew would cost more than running.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '3s'; \
    SET idle_in_transaction_session_timeout = '60s'; SET plan_cache_mode = force_generic_plan";

/// Makes connections, for the pool.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    config: Config,
    /// Counts the times that the server was found gone. What was connected before is then gone too.
    age: Arc<AtomicU64>,
}

impl Manager {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let not_understood = |error| {
            Failure::new(
                FailureKind::Other,
                format!("the address of the database is not understood: {error}"),
            )
        };
        let mut config: Config = url.parse().map_err(not_understood)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT);
        }
        if config.get_application_name().is_none() {
            config.application_name("ledger");
        }
        config.tcp_user_timeout(UNACKNOWLEDGED);
        config
            .keepalives(true)
            .keepalives_idle(KEEPALIVE)
            .keepalives_interval(KEEPALIVE)
            .keepalives_retries(2);
        Ok(Self { config, age: Arc::default() })
    }

    /// A connection, or an error after a time: a server that takes connections and then says nothing would keep us for ever.
    pub(super) fn connect_in_time(&self) -> Result<Connection, Failure> {
        let (manager, (send, receive)) = (self.clone(), mpsc::channel());
        let unavailable = |text: String| Failure::new(FailureKind::Unavailable, text);
        thread::Builder::new()
            .name("ledger-connect".to_owned())
            .spawn(move || {
                // Who asked may have given up.
                let _ = send.send(r2d2::ManageConnection::connect(&manager));
            })
            .map_err(|error| unavailable(format!("no thread to connect in: {error}")))?;
        let answer = receive.recv_timeout(CONNECT.saturating_mul(2));
        answer.unwrap_or_else(|_| {
            Err(unavailable("PostgreSQL takes connections and does not answer".to_owned()))
        })
    }

    /// The server was found gone: all connections up to now are thrown away.
    pub(super) fn gone(&self, connection: &mut Connection) {
        connection.broken = true;
        // Once for each time that it was gone, however many find it: those that were made after it are good.
        let _ = self.age.compare_exchange(
            connection.age,
            connection.age.saturating_add(1),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
    }

    /// Whether a connection can be used. One that cannot is thrown away when it is given back.
    pub(super) fn is_good(&self, connection: &mut Connection) -> bool {
        if connection.broken || connection.age != self.age.load(Ordering::Acquire) {
            connection.broken = true;
        } else if connection.used.elapsed() > FRESH && connection.is_valid().is_err() {
            self.gone(connection);
        }
        !connection.broken
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = Connection;
    type Error = Failure;

    fn connect(&self) -> Result<Connection, Failure> {
        let age = self.age.load(Ordering::Acquire);
        let mut client = self.config.connect(NoTls)?;
        check(&mut client)?;
        client.batch_execute(SESSION)?;
        Ok(Connection {
            client: Some(client),
            statements: HashMap::new(),
            age,
            broken: false,
            used: Instant::now(),
        })
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), Failure> {
        connection.is_valid()
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.broken || connection.client.as_ref().is_none_or(Client::is_closed)
    }
}

/// What a ledger needs of the server and of the session.
fn check(client: &mut Client) -> Result<(), Failure> {
    let row = client.query_one(
        "SELECT current_setting('server_version_num')::INTEGER, current_setting('fsync'), current_setting('synchronous_commit')",
        &[],
    )?;
    let (version, fsync, commit): (i32, &str, &str) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let unfit = |text: String| Err(Failure::new(FailureKind::Unavailable, text));
    if version < OLDEST {
        return unfit(format!("PostgreSQL 13 or newer is needed, and this is {}", version / 10_000));
    }
    for (name, value) in [("fsync", fsync), ("synchronous_commit", commit)] {
        if value == "off" {
            return unfit(format!(
                "PostgreSQL runs with {name}=off: a power cut would take sales back; turn it on"
            ));
        }
    }
    Ok(())
}

/// A connection with its prepared statements.
pub(super) struct Connection {
    /// Until its end.
    client: Option<Client>,
    statements: HashMap<&'static str, Statement>,
    /// The manager's when it was made.
    age: u64,
    /// Not to be used again: it is gone, or a transaction in it has not been ended (a panic).
    pub(super) broken: bool,
    pub(super) used: Instant,
}

impl Connection {
    pub(super) fn client(&mut self) -> Result<&mut Client, Failure> {
        self.client.as_mut().ok_or_else(|| Failure::new(FailureKind::Lost, "the connection was given up"))
    }

    fn is_valid(&mut self) -> Result<(), Failure> {
        Ok(self.client()?.is_valid(ANSWER)?)
    }

    /// Statements without values and without rows.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        Ok(self.client()?.batch_execute(sql)?)
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client()?.prepare(sql)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    pub(super) fn query(
        &mut self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let statement = self.prepared(sql)?;
        Ok(self.client()?.query(&statement, values)?)
    }

    /// The row, where there is one.
    pub(super) fn row(
        &mut self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Row>, Failure> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// How many rows it changed.
    pub(super) fn execute(
        &mut self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Failure> {
        let statement = self.prepared(sql)?;
        Ok(self.client()?.execute(&statement, values)?)
    }
}

impl Drop for Connection {
    /// The driver waits for answers that are still to come before it closes. From a server that went silent there are none, so
    /// that waiting is done aside; it ends when the network gives the connection up.
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|_| self.broken)
            && !client.is_closed()
        {
            // Where there is no thread to be had it is waited for here.
            let _ = thread::Builder::new().name("ledger-close".to_owned()).spawn(move || drop(client));
        }
    }
}
