//! Connections: how they are opened, what is asked of the server, and the statements that each has prepared.
//!
//! The driver is asynchronous, and each connection has a small runtime of its own that runs only while somebody waits for an answer. So
//! every wait has an end, also where the server has gone silent, and BEGIN goes out together with the first question.

use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Socket, Statement};

use super::failure::{Failure, FailureKind, certainly_not_committed, said};
use super::tls::{self, Tls};

/// The oldest PostgreSQL: 13.
const OLDEST: i32 = 130_000;
/// For a connection to be made, and for one that was idle to answer.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(2);
/// For any other answer. A server that lives gives up a statement earlier, see [`SESSION`].
const PATIENCE: Duration = Duration::from_secs(15);
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
    /// Where the address asks for it.
    tls: Option<Tls>,
    /// Counts the times that the server was found gone. What was connected before is then gone too.
    age: Arc<AtomicU64>,
    /// Which server was found last, and which of its pasts.
    place: Arc<Mutex<Option<String>>>,
}

impl Manager {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let not_understood = |error: Error| {
            Failure::new(
                FailureKind::Unfit,
                format!("the address of the database is not understood: {}", said(&error)),
            )
        };
        let (address, authorities) = tls::parts(url);
        let mut config: Config = address.parse().map_err(not_understood)?;
        let tls = match config.get_ssl_mode() {
            SslMode::Require => Some(Tls::new(authorities.as_deref())?),
            _ => None,
        };
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
        Ok(Self { config, tls, age: Arc::default(), place: Arc::default() })
    }

    pub(super) fn place(&self) -> Option<String> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        } else if connection.used.elapsed() > FRESH && connection.answers().is_err() {
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
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Failure::new(FailureKind::Unavailable, format!("no runtime for a connection: {error}"))
        })?;
        let (client, wire) = runtime.block_on(async {
            match &self.tls {
                Some(tls) => connected(&self.config, tls.0.clone()).await,
                None => connected(&self.config, NoTls).await,
            }
        })?;
        let mut connection = Connection {
            client,
            wire: Some(wire),
            runtime,
            statements: HashMap::new(),
            words: Words::default(),
            state: State::Idle,
            claim: None,
            answered: false,
            patience: PATIENCE,
            age,
            broken: false,
            dead: false,
            used: Instant::now(),
        };
        connection.check()?;
        let place = connection.place()?;
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(place);
        connection.batch(SESSION)?;
        Ok(connection)
    }

    fn is_valid(&self, connection: &mut Connection) -> Result<(), Failure> {
        connection.answers()
    }

    fn has_broken(&self, connection: &mut Connection) -> bool {
        connection.broken || connection.dead || connection.client.is_closed()
    }
}

/// Connects, with TLS or without.
async fn connected<T>(config: &Config, tls: T) -> Result<(Client, Wire), Failure>
where
    T: MakeTlsConnect<Socket, Stream: Send + 'static, TlsConnect: TlsConnect<Socket, Future: Send>>,
{
    // The time of the configuration is for each address, and only until it accepts.
    let connecting = timeout(CONNECT.saturating_mul(2), config.connect(tls));
    let (client, wire) = connecting.await.map_err(|_| silent())?.map_err(Failure::connecting)?;
    Ok((client, Box::pin(wire)))
}

/// What a server that says nothing is told of.
fn silent() -> Failure {
    Failure::new(FailureKind::Silent, "PostgreSQL does not answer")
}

fn claiming(key: i64) -> String {
    format!("SELECT pg_advisory_xact_lock({key})")
}

/// A failure of what waits for nothing but the lock of a request.
fn undecided(failure: Failure) -> Failure {
    match failure.kind {
        FailureKind::Waited => {
            Failure::new(FailureKind::Undecided, "an earlier try of this request is not over")
        }
        _ => failure,
    }
}

/// Carries the bytes of a connection.
type Wire = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;
type Value<'a> = &'a (dyn ToSql + Sync);

/// Where a connection is in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    /// To be begun, by this, when there is something to ask.
    Wanted(&'static str),
    Begun,
}

/// How a commit ended.
pub(super) enum Committed {
    Done,
    /// The server has said that it did not.
    Not(Failure),
    /// Nobody has said anything.
    Unknown(Failure),
}

/// Which words have been written in a connection.
#[derive(Default)]
struct Words {
    known: HashSet<String>,
    /// By the transaction that is not over.
    new: Vec<String>,
}

/// Words that a connection remembers: more than there are people who sell in it.
const MOST_WORDS: usize = 1000;

/// A connection with its prepared statements.
pub(super) struct Connection {
    client: Client,
    /// Carries the bytes while somebody waits; none where it has ended.
    wire: Option<Wire>,
    runtime: Runtime,
    statements: HashMap<&'static str, Statement>,
    /// Words that are known to be there.
    words: Words,
    state: State,
    /// The lock that this transaction has, or takes as it begins: nobody else decides about the same request meanwhile.
    claim: Option<i64>,
    /// Whether anything of this transaction was answered. Before that, nobody can tell a dead connection from a transaction.
    answered: bool,
    /// How long an answer is waited for.
    pub(super) patience: Duration,
    /// The manager's when it was made.
    age: u64,
    /// Not to be used again: it is gone, or a transaction in it has not been ended (a panic).
    broken: bool,
    /// Gone, or silent.
    dead: bool,
    used: Instant,
}

impl Connection {
    /// Waits for an answer, as long as this connection's patience.
    pub(super) fn wait<T>(
        &mut self,
        ask: impl AsyncFnOnce(&mut Client) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        let (client, wire) = (&mut self.client, &mut self.wire);
        let both = async {
            let mut answer = pin!(ask(client));
            poll_fn(|context| {
                // The wire is looked at before and after: what is asked goes out, and what came in is an answer.
                for last in [false, true] {
                    if let Some(Poll::Ready(ended)) = wire.as_mut().map(|wire| wire.as_mut().poll(context)) {
                        *wire = None;
                        if let Err(error) = ended {
                            return Poll::Ready(Err(error));
                        }
                    }
                    if !last && let Poll::Ready(answer) = answer.as_mut().poll(context) {
                        return Poll::Ready(answer);
                    }
                }
                Poll::Pending
            })
            .await
        };
        let patience = self.patience;
        let result = match self.runtime.block_on(async { timeout(patience, both).await }) {
            Ok(result) => result.map_err(Failure::from),
            Err(_) => Err(silent()),
        };
        match &result {
            Ok(_) => {
                self.answered = true;
                self.used = Instant::now();
            }
            Err(failure) => self.dead |= matches!(failure.kind, FailureKind::Lost | FailureKind::Silent),
        }
        result
    }

    /// What a ledger needs of the server and of the session.
    fn check(&mut self) -> Result<(), Failure> {
        let settings = "SELECT current_setting('server_version_num')::INTEGER, current_setting('fsync'), \
            current_setting('synchronous_commit'), current_setting('synchronous_standby_names'), \
            current_setting('server_encoding')";
        let row = self.wait(async |client| client.query_one(settings, &[]).await)?;
        let (version, fsync): (i32, &str) = (row.try_get(0)?, row.try_get(1)?);
        let (commit, standbys): (&str, &str) = (row.try_get(2)?, row.try_get(3)?);
        let encoding: &str = row.try_get(4)?;
        let unfit = |text: String| Err(Failure::new(FailureKind::Unfit, text));
        if encoding != "UTF8" {
            let what = "make one in UTF-8: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0";
            return unfit(format!("the database is in {encoding}, which has no Arabic: {what}"));
        }
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
        // With `on` a commit waits for the standby: one that is promoted has all that was answered.
        if !standbys.trim().is_empty() && matches!(commit, "local" | "remote_write") {
            return unfit(format!(
                "PostgreSQL names standbys and runs with synchronous_commit={commit}: a standby that is promoted would not have the last \
                 sales; set it to on"
            ));
        }
        Ok(())
    }

    /// Whether nothing can be written: a standby, or a role or database that only reads.
    pub(super) fn only_reads(&mut self) -> Result<bool, Failure> {
        let sql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'";
        self.wait(async |client| client.query_one(sql, &[]).await)?.try_get(0).map_err(Failure::from)
    }

    /// The process of the server that answers.
    pub(super) fn process(&mut self) -> Result<i32, Failure> {
        self.wait(async |client| client.query_one("SELECT pg_backend_pid()", &[]).await)?
            .try_get(0)
            .map_err(Failure::from)
    }

    /// Which server this is, and which of its pasts: a standby that was promoted goes on with a timeline of its own, perhaps without the last
    /// entries.
    fn place(&mut self) -> Result<String, Failure> {
        let sql = "SELECT (SELECT system_identifier FROM pg_control_system())::TEXT, CASE WHEN pg_is_in_recovery() THEN 'standby' \
            ELSE (('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::BIT(32)::INTEGER)::TEXT END";
        let row = self.wait(async |client| client.query_one(sql, &[]).await)?;
        let (system, timeline): (&str, &str) = (row.try_get(0)?, row.try_get(1)?);
        Ok(format!("database system {system}, timeline {timeline}"))
    }

    fn answers(&mut self) -> Result<(), Failure> {
        let patience = std::mem::replace(&mut self.patience, ANSWER);
        let result = self.wait(async |client| client.simple_query("").await);
        self.patience = patience;
        result.map(drop)
    }

    /// Whether the transaction that was lost had told nobody anything: the connection had been gone before.
    pub(super) const fn was_gone(&self) -> bool {
        self.dead && !self.answered
    }

    /// Begins a transaction, where one is wanted: with the first question. Until it ends, this connection is nobody else's, also where it
    /// is left by a panic.
    pub(super) fn begin(&mut self, sql: Option<&'static str>) {
        let state = sql.map_or(State::Idle, State::Wanted);
        (self.state, self.answered, self.patience, self.broken) = (state, false, PATIENCE, true);
        self.claim = None;
        self.words.new.clear();
    }

    /// Ends a transaction without its writes. Where the server does not answer to that, it does so by itself.
    pub(super) fn roll_back(&mut self) {
        let ended = match self.state {
            State::Begun => !self.dead && self.batch("ROLLBACK").is_ok(),
            State::Idle | State::Wanted(_) => true,
        };
        (self.state, self.broken) = (State::Idle, !ended);
    }

    /// Keeps words. Who sells is the same from one sale to the next: that is not said again in the same connection.
    pub(super) fn keep_words(&mut self, words: Vec<(String, String)>) -> Result<(), Failure> {
        for (reference, text) in words {
            if !self.words.known.contains(&reference) {
                self.execute(super::sql::NEW_WORD, &[&reference, &text])?;
                if self.words.known.len() < MOST_WORDS {
                    self.words.new.push(reference);
                }
            }
        }
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Committed {
        let mut not = false;
        let result = self.wait(async |client| {
            let result = client.batch_execute("COMMIT").await;
            not = result.as_ref().is_err_and(certainly_not_committed);
            result
        });
        match result {
            Ok(()) => {
                (self.state, self.broken) = (State::Idle, false);
                self.words.known.extend(self.words.new.drain(..));
                Committed::Done
            }
            Err(failure) if not => {
                self.roll_back();
                Committed::Not(failure)
            }
            Err(failure) => Committed::Unknown(failure),
        }
    }

    /// Begins what is to be begun, in an exchange of its own: before writes. A BEGIN that fails must never leave a write behind it
    /// that is a transaction by itself.
    fn begin_now(&mut self) -> Result<(), Failure> {
        let Some(begin) = self.beginning() else { return Ok(()) };
        self.wait(async |client| client.batch_execute(&begin).await).map_err(undecided)
    }

    /// What begins this transaction, where that is still to be done: its own lock is taken with it.
    fn beginning(&mut self) -> Option<String> {
        let State::Wanted(begin) = self.state else { return None };
        self.state = State::Begun;
        let claim = self.claim.map(|key| format!("; {}", claiming(key)));
        Some(format!("{begin}{}", claim.unwrap_or_default()))
    }

    /// Keeps all others from deciding about the request with this key until this transaction is over, which is when its commit is: also one
    /// that waits for a standby, and that nobody can see. What is asked after this sees what they have decided.
    pub(super) fn claim(&mut self, key: i64) -> Result<(), Failure> {
        if self.claim == Some(key) {
            return Ok(());
        }
        self.claim = Some(key);
        // It goes out with the first question.
        if matches!(self.state, State::Wanted(_)) {
            return Ok(());
        }
        self.wait(async |client| client.batch_execute(&claiming(key)).await).map_err(undecided)
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(async |client| client.prepare(sql).await)?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Rows of a statement that writes nothing, though it may lock: BEGIN goes out with it.
    pub(super) fn query(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Vec<Row>, Failure> {
        let statement = self.prepared(sql)?;
        let Some(begin) = self.beginning() else {
            return self.wait(async |client| client.query(&statement, values).await);
        };
        let mut begins = true;
        let rows = self.wait(async |client| {
            let (begun, rows) =
                tokio::join!(biased; client.batch_execute(&begin), client.query(&statement, values));
            begins = begun.is_err();
            begun.and(rows)
        });
        rows.map_err(|failure| if begins { undecided(failure) } else { failure })
    }

    /// The row of a statement that writes nothing, where there is one.
    pub(super) fn row(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, Failure> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// The row of a statement that writes.
    pub(super) fn write(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<Option<Row>, Failure> {
        self.begin_now()?;
        self.row(sql, values)
    }

    /// How many rows a statement has changed.
    pub(super) fn execute(&mut self, sql: &'static str, values: &[Value<'_>]) -> Result<u64, Failure> {
        self.begin_now()?;
        let statement = self.prepared(sql)?;
        self.wait(async |client| client.execute(&statement, values).await)
    }

    /// Statements without values and without rows.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Failure> {
        self.begin_now()?;
        self.wait(async |client| client.batch_execute(sql).await)
    }
}
