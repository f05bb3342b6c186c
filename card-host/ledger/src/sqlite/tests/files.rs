//! The file: what is opened as a ledger, and what is not.

use rusqlite::Connection;

use super::*;
use crate::{StoreError, read};

fn other(result: Result<SqliteLedger, LedgerError>, what: &str) {
    match result {
        Err(LedgerError::Store(StoreError::Other(text))) => assert!(text.contains(what), "{what}: {text}"),
        other => panic!("{what}: {other:?}"),
    }
}

fn codes(ledger: &SqliteLedger) -> Vec<String> {
    let points = read(ledger, |t| t.points(None, 99)).unwrap();
    points.into_iter().map(|point| point.code.to_string()).collect()
}

#[test]
fn created_once_and_opened_by_its_company() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    other(SqliteLedger::open(&path, SCOPE), "does not exist");
    assert!(!path.exists());
    let ledger = SqliteLedger::create(&path, SCOPE).unwrap();
    assert_eq!((ledger.path(), ledger.scope()), (Some(path.as_path()), SCOPE));
    put(&ledger, "1", &[]).unwrap();
    other(SqliteLedger::create(&path, SCOPE), "ledger already");
    drop(ledger);
    other(SqliteLedger::create(&path, SCOPE), "ledger already");
    let company = Scope { company: Company(9), ..SCOPE };
    other(SqliteLedger::open(&path, company), "not of company 9");
    other(SqliteLedger::open_or_create(&path, company), "not of company 9");
    let production = Scope { environment: Environment::Production, ..SCOPE };
    other(SqliteLedger::open(&path, production), "production: open the right one");
    for ledger in [SqliteLedger::open(&path, SCOPE), SqliteLedger::open_or_create(&path, SCOPE)] {
        assert_eq!(codes(&ledger.unwrap()), ["office"]);
    }
    SqliteLedger::open_or_create(&folder.path().join("another"), SCOPE).unwrap();
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let ledger = SqliteLedger::create(&path, SCOPE).unwrap();
    put(&ledger, "1", &[]).unwrap();
    ledger.backup(&folder.path().join("copy")).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "{files:?}");
    for file in files {
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn what_is_no_ledger_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "this is a text and no database, however long it goes on".repeat(100)).unwrap();
    let database = folder.path().join("database");
    Connection::open(&database)
        .unwrap()
        .execute_batch("CREATE TABLE entry (x); INSERT INTO entry VALUES (1)")
        .unwrap();
    for path in [&text, &database] {
        let before = std::fs::read(path).unwrap();
        for open in [SqliteLedger::open, SqliteLedger::create, SqliteLedger::open_or_create] {
            other(open(path, SCOPE), "is no ledger");
        }
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    other(SqliteLedger::open(&empty, SCOPE), "is empty");
    other(SqliteLedger::open(folder.path(), SCOPE), "is no ledger (it is a folder)");
    let nowhere = folder.path().join("no").join("folder");
    assert!(matches!(
        SqliteLedger::create(&nowhere, SCOPE),
        Err(LedgerError::Store(StoreError::Unavailable(_)))
    ));
}

/// Wherever the making of a ledger was interrupted, it goes on there.
#[test]
fn a_ledger_that_was_made_by_half_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    drop(SqliteLedger::create(&whole, SCOPE).unwrap());
    for (index, damage) in ["DELETE FROM meta", ""].into_iter().enumerate() {
        for open in [SqliteLedger::create, SqliteLedger::open_or_create] {
            let path = folder.path().join(format!("half-{index}"));
            let _ = std::fs::remove_file(&path);
            if damage.is_empty() {
                std::fs::write(&path, "").unwrap();
            } else {
                std::fs::copy(&whole, &path).unwrap();
                Connection::open(&path).unwrap().execute_batch(damage).unwrap();
            }
            other(SqliteLedger::open(&path, SCOPE), "is empty");
            let ledger = open(&path, SCOPE).unwrap();
            put(&ledger, "1", &[]).unwrap();
        }
    }
}

#[test]
fn tables_of_another_program_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    drop(SqliteLedger::create(&path, SCOPE).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        "INSERT INTO refinery_schema_history VALUES (99, 'later', '2030-01-01T00:00:00Z', '1')",
    )
    .unwrap();
    other(SqliteLedger::open(&path, SCOPE), "newer program (version 99)");
    raw.execute_batch("DELETE FROM refinery_schema_history WHERE version = 99").unwrap();
    SqliteLedger::open(&path, SCOPE).unwrap();
    raw.execute_batch("UPDATE refinery_schema_history SET checksum = '5'").unwrap();
    other(SqliteLedger::open(&path, SCOPE), "does not know (version 1)");
}

/// What a meter reports after its memory went back (flag 0020) is newer, whatever its numbers say; and what was reported stays.
#[test]
fn readings_are_in_order_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let ledger = SqliteLedger::create(&path, SCOPE).unwrap();
    let raw = Connection::open(&path).unwrap();
    let binding = binding(1, 2, 3).binding();
    for (number, flags) in [(4, 0), (5, 1), (3, 0x20)] {
        let sql = "INSERT INTO reading (meter, binding, regressed, number, time, applied_credit, applied_debited, balance, energy, flags, \
                   tampering) VALUES (?1, 2, ?3 >> 5, ?2, 1577836810, 11, 12, -13, 14, ?3, 15)";
        raw.execute(sql, rusqlite::params![binding.meter.0, number, flags]).unwrap();
    }
    let readings = read(&ledger, |t| t.readings(&[binding], 9)).unwrap();
    let numbers: Vec<_> = readings.iter().map(|reading| (reading.number, reading.flags.0)).collect();
    assert_eq!(numbers, [(3, 0x20), (5, 1), (4, 0)]);
    let [.., last] = readings[..] else { panic!() };
    assert_eq!((last.time.0, last.applied_credit.0, last.applied_debited.0), (10, 11, 12));
    assert_eq!((last.balance.0, last.energy.0, last.tampering), (-13, 14, 15));
    for change in [
        "DELETE FROM reading",
        "UPDATE reading SET balance = 0",
        "REPLACE INTO reading SELECT * FROM reading",
    ] {
        let refused = raw.execute(change, []).unwrap_err();
        assert!(refused.to_string().contains("reading"), "{change}: {refused}");
    }
}

/// Whoever opens it has the modes on which everything rests.
#[test]
fn the_modes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let ledger = SqliteLedger::create(&path, SCOPE).unwrap();
    let modes = |connection: &Connection| {
        let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).unwrap();
        let text = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(text("PRAGMA journal_mode"), "wal");
        assert_eq!(number("PRAGMA synchronous"), 2);
        assert_eq!(number("PRAGMA foreign_keys"), 1);
        assert_eq!(number("PRAGMA trusted_schema"), 0);
        assert_eq!(number("PRAGMA fullfsync"), 1);
        assert_eq!(number("PRAGMA busy_timeout"), 10_000);
    };
    ledger
        .groups
        .alone(|connection| {
            modes(connection);
            Ok(())
        })
        .unwrap();
    modes(&ledger.place.again().unwrap());
    let reader = ledger.place.reader().unwrap();
    let error = reader.execute("DELETE FROM meta", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    // Rows that point to no entry are refused.
    let raw = ledger.place.again().unwrap();
    raw.execute("INSERT INTO request VALUES ('fawry', 'x', 1, 'nowhere', 1, 1)", []).unwrap_err();
}

#[test]
fn a_copy_is_whole_and_a_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let ledger = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    furnish(&ledger, 2);
    ledger.backup(&copy).unwrap();
    let error = ledger.backup(&copy).unwrap_err();
    assert!(
        error.to_string().ends_with("copy exists already and is not replaced: choose another name"),
        "{error}"
    );
    put(&ledger, "later", &[Head::Point(point("later"))]).unwrap();
    let restored = SqliteLedger::open(&copy, SCOPE).unwrap();
    assert_eq!(codes(&restored), ["kiosk-0", "kiosk-1", "office"]);
    put(&restored, "sale", &[]).unwrap();
    let memory = SqliteLedger::in_memory(SCOPE).unwrap();
    furnish(&memory, 1);
    let copy = folder.path().join("of memory");
    memory.backup(&copy).unwrap();
    assert_eq!(codes(&SqliteLedger::open(&copy, SCOPE).unwrap()), ["kiosk-0", "office"]);
    let nowhere = folder.path().join("no").join("folder");
    assert!(matches!(memory.backup(&nowhere), Err(LedgerError::Store(StoreError::Unavailable(_)))));
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains(".new")), "{names:?}");
}

/// A copy while others write is of one moment: all chains in it end where their vending points say.
#[test]
fn a_copy_while_others_write() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 0..60 {
                put(&ledger, &format!("w{number}"), &[Head::Point(point(&format!("p{number}")))]).unwrap();
            }
        });
        for number in 0..5 {
            let copy = folder.path().join(format!("copy-{number}"));
            ledger.backup(&copy).unwrap();
            let copy = SqliteLedger::open(&copy, SCOPE).unwrap();
            let (points, chain) = read(&copy, |transaction| {
                let points = transaction.points(None, 99)?;
                let office = transaction.point(&"office".parse().unwrap())?;
                let chain = transaction.chain(&"office".parse().unwrap(), 0, 999)?;
                assert_eq!(chain.last().map(|entry| entry.hash), office.map(|office| office.head));
                Ok((points.len(), chain.len()))
            })
            .unwrap();
            assert_eq!(points, if chain == 0 { 0 } else { chain + 1 });
        }
        writer.join().unwrap();
    });
}

#[test]
fn created_by_many_at_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        std::thread::scope(|scope| {
            for thread in 0..6 {
                let path = &path;
                scope.spawn(move || {
                    let ledger = SqliteLedger::open_or_create(path, SCOPE).unwrap();
                    put(&ledger, &format!("t{thread}"), &[]).unwrap();
                });
            }
        });
        let ledger = SqliteLedger::open(&path, SCOPE).unwrap();
        let office = read(&ledger, |t| t.point(&"office".parse().unwrap())).unwrap().unwrap();
        assert_eq!(office.number, 6);
    }
}
