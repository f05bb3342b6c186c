//! The tables of a memory, and their rows.

use std::collections::BTreeMap;

use card_core::id::{Binding, Environment, MeterId, Scope};
use card_core::role::KeyVersion;
use card_core::units::{CardTime, Piastres};
use card_host::keystore::{Alarm, ChainEnd, Extent, Totals};
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use crate::rules::{Ceilings, Known, Spent};

/// In the head of the file, so that one sees what it is: "EGSG".
const APPLICATION: i32 = 0x4547_5347;
/// Of the tables.
const VERSION: i32 = 1;
const SECONDS: u64 = 3600;
const HOURS: u64 = 24;

const TABLES: &str = "
CREATE TABLE meta (id INTEGER PRIMARY KEY CHECK (id = 1), company INTEGER NOT NULL, environment INTEGER NOT NULL, adopts INTEGER NOT NULL,
    begins INTEGER NOT NULL, known INTEGER NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0, place TEXT) STRICT;
CREATE TABLE binding (meter BLOB NOT NULL, number INTEGER NOT NULL, generation INTEGER NOT NULL, sequence INTEGER NOT NULL, credit INTEGER NOT NULL,
    debited INTEGER NOT NULL, high_credit INTEGER NOT NULL, high_debited INTEGER NOT NULL, day INTEGER NOT NULL, spent INTEGER NOT NULL,
    held_generation INTEGER, held_sequence INTEGER, held_credit INTEGER, held_debited INTEGER, PRIMARY KEY (meter, number)) STRICT, WITHOUT ROWID;
CREATE TABLE chain (point TEXT PRIMARY KEY, number INTEGER NOT NULL, hash BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE spent (hour INTEGER PRIMARY KEY, amount INTEGER NOT NULL) STRICT;
CREATE TABLE ceiling (id INTEGER PRIMARY KEY CHECK (id = 1), certificate INTEGER NOT NULL, binding_day INTEGER NOT NULL, hour INTEGER NOT NULL,
    day INTEGER NOT NULL) STRICT;
CREATE TABLE validity (version INTEGER PRIMARY KEY, begin INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;
CREATE TABLE alarm (number INTEGER PRIMARY KEY, time INTEGER NOT NULL, what TEXT NOT NULL) STRICT;
";

/// When a key version may be used (POSIX seconds, the last one excluded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) begin: u64,
    pub(crate) until: u64,
}

/// What a memory is for, and how it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning<'a> {
    pub(crate) scope: Scope,
    pub(crate) ceilings: &'a Ceilings,
    /// Whether books that are there are taken as they are.
    pub(crate) adopts: bool,
    /// Whether books may be founded anew.
    pub(crate) begins: bool,
}

/// Makes the tables where there are none; says whether they are there now.
pub(crate) fn prepare(connection: &Connection, new: Option<Beginning<'_>>) -> Result<bool, Error> {
    let version: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == VERSION {
        return Ok(true);
    }
    let Some(Beginning { scope, ceilings, adopts, begins }) = new.filter(|_| version == 0) else {
        return Ok(false);
    };
    connection.execute_batch(TABLES)?;
    connection.execute(
        "INSERT INTO meta (id, company, environment, adopts, begins) VALUES (1, ?, ?, ?, ?)",
        params![scope.company.0, scope.environment.code(), adopts, begins],
    )?;
    set_ceilings(connection, ceilings)?;
    connection
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}"))?;
    Ok(true)
}

/// A number as SQLite keeps it. Totals end at 2^62, and numbers of entries with the years.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &Row<'_>, column: &str) -> Result<u64, Error> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(0, value))
}

fn amount(row: &Row<'_>, column: &str) -> Result<Piastres, Error> {
    number(row, column).map(Piastres)
}

/// Whose it is.
pub(crate) fn scope(connection: &Connection) -> Result<Option<Scope>, Error> {
    connection.prepare_cached("SELECT company, environment FROM meta")?.query_row([], |row| {
        let company = card_core::id::Company(row.get("company")?);
        Ok(Environment::from_code(row.get("environment")?).map(|environment| Scope { company, environment }))
    })
}

/// Whether it takes books as they are, and lets them be founded anew.
pub(crate) fn allows(connection: &Connection) -> Result<(bool, bool), Error> {
    let mut ask = connection.prepare_cached("SELECT adopts, begins FROM meta")?;
    ask.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(crate) fn ceilings(connection: &Connection) -> Result<Ceilings, Error> {
    let mut ask =
        connection.prepare_cached("SELECT certificate, binding_day, hour, day FROM ceiling WHERE id = 1")?;
    ask.query_row([], |row| {
        Ok(Ceilings {
            certificate: amount(row, "certificate")?,
            binding_day: amount(row, "binding_day")?,
            hour: amount(row, "hour")?,
            day: amount(row, "day")?,
        })
    })
}

pub(crate) fn set_ceilings(connection: &Connection, to: &Ceilings) -> Result<(), Error> {
    let [certificate, binding_day, hour, day] =
        [to.certificate, to.binding_day, to.hour, to.day].map(|amount| stored(amount.0));
    connection.execute(
        "INSERT OR REPLACE INTO ceiling VALUES (1, ?, ?, ?, ?)",
        [certificate, binding_day, hour, day],
    )?;
    Ok(())
}

pub(crate) fn validity(connection: &Connection) -> Result<BTreeMap<u8, Validity>, Error> {
    let mut ask = connection.prepare_cached("SELECT version, begin, until FROM validity")?;
    let rows = ask.query_map([], |row| {
        Ok((row.get(0)?, Validity { begin: number(row, "begin")?, until: number(row, "until")? }))
    })?;
    rows.collect()
}

pub(crate) fn set_validity(connection: &Connection, of: KeyVersion, to: Validity) -> Result<(), Error> {
    connection.execute(
        "INSERT OR REPLACE INTO validity VALUES (?, ?, ?)",
        params![of.byte(), stored(to.begin), stored(to.until)],
    )?;
    Ok(())
}

/// What was certified in the hour and on the day of this time (POSIX seconds).
pub(crate) fn spent(connection: &Connection, time: u64) -> Result<Spent, Error> {
    let hour = time / SECONDS;
    let first = hour - hour % HOURS;
    let mut ask = connection.prepare_cached(
        "SELECT coalesce(sum(amount), 0) AS day, coalesce(sum(amount) FILTER (WHERE hour = ?3), 0) AS hour FROM spent WHERE hour BETWEEN ?1 AND ?2",
    )?;
    ask.query_row([stored(first), stored(first + HOURS - 1), stored(hour)], |row| {
        Ok(Spent { hour: amount(row, "hour")?, day: amount(row, "day")? })
    })
}

/// What was certified in an hour is so much now.
pub(crate) fn set_spent(connection: &Connection, time: u64, amount: Piastres) -> Result<(), Error> {
    let mut set = connection.prepare_cached("INSERT OR REPLACE INTO spent VALUES (?, ?)")?;
    set.execute([stored(time / SECONDS), stored(amount.0)])?;
    Ok(())
}

/// The day of a time, since 1970.
pub(crate) const fn day(time: u64) -> u64 {
    time / (SECONDS * HOURS)
}

pub(crate) fn binding(connection: &Connection, binding: Binding) -> Result<Option<Known>, Error> {
    let mut ask = connection.prepare_cached("SELECT * FROM binding WHERE meter = ? AND number = ?")?;
    ask.query_row(params![&binding.meter.0[..], binding.number], |row| known(row, binding)).optional()
}

fn known(row: &Row<'_>, binding: Binding) -> Result<Known, Error> {
    let last = Totals {
        binding,
        generation: row.get("generation")?,
        sequence: row.get("sequence")?,
        credit: amount(row, "credit")?,
        debited: amount(row, "debited")?,
    };
    let held = match row.get::<_, Option<u32>>("held_sequence")? {
        None => None,
        Some(sequence) => Some(Totals {
            binding,
            generation: row.get("held_generation")?,
            sequence,
            credit: amount(row, "held_credit")?,
            debited: amount(row, "held_debited")?,
        }),
    };
    Ok(Known {
        last,
        high_credit: amount(row, "high_credit")?,
        high_debited: amount(row, "high_debited")?,
        held,
        day: number(row, "day")?,
        spent: amount(row, "spent")?,
    })
}

pub(crate) fn set_binding(connection: &Connection, known: &Known) -> Result<(), Error> {
    let Known { last, high_credit, high_debited, held, day, spent } = known;
    let mut set = connection.prepare_cached(
        "INSERT OR REPLACE INTO binding (meter, number, generation, sequence, credit, debited, high_credit, high_debited, day, spent, held_generation, \
         held_sequence, held_credit, held_debited) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    set.execute(params![
        &last.binding.meter.0[..],
        last.binding.number,
        last.generation,
        last.sequence,
        stored(last.credit.0),
        stored(last.debited.0),
        stored(high_credit.0),
        stored(high_debited.0),
        stored(*day),
        stored(spent.0),
        held.map(|held| held.generation),
        held.map(|held| held.sequence),
        held.map(|held| stored(held.credit.0)),
        held.map(|held| stored(held.debited.0)),
    ])?;
    Ok(())
}

/// The most that was signed for bindings after this one.
pub(crate) fn signed(
    connection: &Connection,
    after: Option<Binding>,
    most: u32,
) -> Result<Vec<Totals>, Error> {
    let mut ask = connection.prepare_cached(
        "SELECT meter, number, generation, sequence, high_credit, high_debited FROM binding WHERE (meter, number) > (?, ?) ORDER BY meter, number LIMIT ?",
    )?;
    let (meter, number) = after.map_or((Vec::new(), 0), |after| (after.meter.0.to_vec(), after.number));
    let rows = ask.query_map(params![meter, number, most], |row| {
        Ok(Totals {
            binding: Binding { meter: MeterId(row.get("meter")?), number: row.get("number")? },
            generation: row.get("generation")?,
            sequence: row.get("sequence")?,
            credit: amount(row, "high_credit")?,
            debited: amount(row, "high_debited")?,
        })
    })?;
    rows.collect()
}

pub(crate) fn extent(connection: &Connection) -> Result<Option<Extent>, Error> {
    let mut ask = connection.prepare_cached("SELECT known, epoch, place FROM meta")?;
    let (known, epoch, place): (bool, u32, Option<String>) =
        ask.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if !known {
        return Ok(None);
    }
    let mut ask = connection.prepare_cached("SELECT point, number, hash FROM chain")?;
    let chains = ask.query_map([], |row| {
        Ok((row.get("point")?, ChainEnd { number: number(row, "number")?, hash: row.get("hash")? }))
    })?;
    Ok(Some(Extent { epoch, place, chains: chains.collect::<Result<_, _>>()? }))
}

/// Learns how far the books have come. Of a chain the furthest counts; a higher number of restores begins anew; a lower one teaches nothing, and
/// gives `false`.
pub(crate) fn learn(connection: &Connection, new: &Extent) -> Result<bool, Error> {
    let mut ask = connection.prepare_cached("SELECT epoch FROM meta")?;
    let before: u32 = ask.query_row([], |row| row.get(0))?;
    if new.epoch < before {
        return Ok(false);
    }
    if new.epoch > before {
        forget_books(connection)?;
    }
    connection
        .prepare_cached("UPDATE meta SET known = 1, epoch = ?, place = ?")?
        .execute(params![new.epoch, new.place])?;
    let mut set = connection.prepare_cached(
        "INSERT INTO chain VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = excluded.number, hash = excluded.hash WHERE excluded.number > number",
    )?;
    for (point, end) in &new.chains {
        set.execute(params![point, stored(end.number), &end.hash[..]])?;
    }
    Ok(true)
}

/// Forgets how far books had come and what they held, and nothing that was signed.
pub(crate) fn forget_books(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(
        "DELETE FROM chain; UPDATE meta SET known = 0;
         UPDATE binding SET held_generation = NULL, held_sequence = NULL, held_credit = NULL, held_debited = NULL WHERE held_sequence IS NOT NULL;",
    )
}

/// Forgets everything that was signed, too.
pub(crate) fn forget_all(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch(
        "DELETE FROM chain; DELETE FROM binding; UPDATE meta SET known = 0, epoch = 0, place = NULL;",
    )
}

/// Enters an alarm, where the same was not entered in the hour before.
pub(crate) fn alarm(connection: &Connection, time: u64, what: &str) -> Result<(), Error> {
    let mut set = connection.prepare_cached(
        "INSERT INTO alarm (time, what) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM alarm WHERE what = ?2 AND time > ?1 - 3600)",
    )?;
    set.execute(params![stored(time), what])?;
    Ok(())
}

pub(crate) fn alarms(connection: &Connection, since: u64) -> Result<Vec<Alarm>, Error> {
    let mut ask = connection
        .prepare_cached("SELECT time, what FROM alarm WHERE time >= ? ORDER BY number DESC LIMIT 100")?;
    let rows = ask.query_map([stored(since)], |row| {
        let time = CardTime::from_unix(number(row, "time")?).unwrap_or(CardTime::UNSET);
        Ok(Alarm { time, what: row.get("what")? })
    })?;
    rows.collect()
}
