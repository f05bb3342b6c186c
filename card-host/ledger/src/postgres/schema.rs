//! The tables: made, brought forward, and found to be those of the ledger that is meant.

use card_core::id::{Company, Scope};
use card_core::units::CardTime;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use card_core::calendar::utc_month;

mod embedded {
    #![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "the macro writes it so")]

    refinery::embed_migrations!("src/postgres/migrations");
}

/// Whoever changes tables holds this lock, so that two sellers can start at once.
const LOCK: i64 = 7_236_837_430_148_164_719;
/// For a migration: the readings of a country are copied.
const PATIENCE: Duration = Duration::from_secs(12 * 3600);
/// Tables are made for this month and as many after it.
const AHEAD: u32 = 2;
/// Makes the tables of a month.
pub(super) const MAKE_MONTH: &str = "SELECT ledger_month($1)";

/// Makes the tables where there are none, and brings older ones forward. The lock is the session's, which ends soon after.
pub(super) fn prepare(connection: &mut Connection, scope: Scope) -> Result<(), Failure> {
    if connection.only_reads()? {
        return match newest(connection)? {
            true => identify(connection, scope),
            false => Err(Failure::new(
                FailureKind::Unfit,
                "its tables are missing or older, and here it can only be read: open it once at the primary, by the owner of the tables",
            )),
        };
    }
    // Others may be at it, and an old ledger may take its time.
    connection.patience = PATIENCE;
    connection.batch("SET statement_timeout = '11h'; SET lock_timeout = '2min'")?;
    connection.execute("SELECT pg_advisory_lock($1)", &[&LOCK])?;
    migrate(connection)?;
    identify(connection, scope)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|now| now.as_secs()).unwrap_or_default();
    // A wrong clock makes the wrong tables; the right ones are then made when the first entry needs them.
    let now = utc_month(CardTime::from_unix(now).unwrap_or_default());
    for month in now..=now.saturating_add(AHEAD) {
        let month = i32::try_from(month).unwrap_or_default();
        let there = "SELECT to_regclass('entry_' || $1::INTEGER) IS NOT NULL AND to_regclass('transfer_' || $1::INTEGER) IS NOT NULL";
        if !connection.row(there, &[&month])?.is_some_and(|row| row.try_get(0).unwrap_or(false)) {
            connection.execute(MAKE_MONTH, &[&month])?;
        }
    }
    connection.execute("SELECT pg_advisory_unlock($1)", &[&LOCK])?;
    Ok(())
}

/// Whether the tables are those of this program; none where there are none.
fn newest(connection: &mut Connection) -> Result<bool, Failure> {
    let newest = embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()))
        .max()
        .unwrap_or_default();
    let there = connection.row("SELECT to_regclass('refinery_schema_history')::TEXT", &[])?;
    if there.map(|row| row.try_get::<_, Option<String>>(0)).transpose()?.flatten().is_some() {
        let sql = "SELECT coalesce(max(version), 0)::BIGINT FROM refinery_schema_history";
        let version = connection.row(sql, &[])?.map_or(Ok(0), |row| row.try_get::<_, i64>(0))?;
        if version > newest {
            let text = format!(
                "its tables have version {version}, and this program knows {newest}: take a newer program"
            );
            return Err(Failure::new(FailureKind::Other, text));
        }
        return Ok(version == newest);
    }
    Ok(false)
}

fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    // One who may not change tables can still sell.
    if newest(connection)? {
        return Ok(());
    }
    let runner = embedded::migrations::runner();
    // Each migration with its mark in one transaction: killed between, it is done again or not at all.
    let runner = runner.set_grouped(true);
    let mut refused = None;
    connection.wait(async |client| {
        refused = runner.run_async(client).await.err();
        Ok(())
    })?;
    let Some(error) = refused else { return Ok(()) };
    let mut text = error.to_string();
    if let refinery::error::Kind::Connection(_, cause) = error.kind()
        && let Some(cause) = cause.downcast_ref::<tokio_postgres::Error>()
    {
        text = cause.as_db_error().map_or_else(|| cause.to_string(), |cause| cause.message().to_owned());
    }
    Err(Failure::new(FailureKind::Other, format!("its tables could not be made: {text}")))
}

const WHOSE: &str = "SELECT company, environment FROM meta WHERE id = 1";

/// Whose ledger is there; `None`: nobody's yet.
pub(super) fn whose(connection: &mut Connection) -> Result<Option<Scope>, Failure> {
    let there = connection.row("SELECT to_regclass('meta')::TEXT", &[])?;
    if there.map(|row| row.try_get::<_, Option<String>>(0)).transpose()?.flatten().is_none() {
        return Ok(None);
    }
    let Some(row) = connection.row(WHOSE, &[])? else { return Ok(None) };
    let (company, environment): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    let company = u16::try_from(company).ok().map(Company);
    let scope = company.zip(environment.parse().ok());
    let scope = scope.map(|(company, environment)| Scope { company, environment });
    scope.map(Some).ok_or_else(|| Failure::corrupt("table meta names no company"))
}

/// Whose ledger it is: written once, compared ever after.
fn identify(connection: &mut Connection, scope: Scope) -> Result<(), Failure> {
    let (company, environment) = (i32::from(scope.company.0), scope.environment.to_string());
    let mut row = connection.row(WHOSE, &[])?;
    if row.is_none() {
        let sql =
            "INSERT INTO meta (id, company, environment, epoch) VALUES (1, $1, $2, 0) ON CONFLICT DO NOTHING";
        connection.execute(sql, &[&company, &environment])?;
        row = connection.row(WHOSE, &[])?;
    }
    let row = row.ok_or_else(|| Failure::corrupt("table meta is empty"))?;
    let (its_company, its_environment): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if (its_company, &its_environment) == (company, &environment) {
        return Ok(());
    }
    let text = format!(
        "it is that of company {its_company}, {its_environment}, and not of {company}, {environment}"
    );
    Err(Failure::new(FailureKind::Other, text))
}
