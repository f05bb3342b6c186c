//! A small database on a disk that fails: each operation in turn is the one that fails, or during which the power goes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what is wrong by failing")]

use std::path::Path;

use faulty_files::{Aftermath, Fault, FaultyFiles};
use rusqlite::{Connection, params};

const TRANSACTIONS: u32 = 12;
const ROWS: u32 = 5;
const SEEDS: u64 = 6;

fn open(files: FaultyFiles, path: &Path, synchronous: &str) -> rusqlite::Result<Connection> {
    let database = Connection::open(files.uri(path))?;
    // Not by `query_row` or `execute_batch`, which end with the answer: the change is committed after that, with the next
    // step. Where the commit fails and nobody sees it, the connection goes on with a rollback journal and says "wal".
    let mut change = database.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = change.query([])?;
    while rows.next()?.is_some() {}
    drop(rows);
    drop(change);
    let mode: String = database.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    // Checkpoints now and then, and a few at an end.
    database
        .execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 15;"))?;
    Ok(database)
}

fn create(database: &Connection) -> rusqlite::Result<()> {
    database.execute_batch(
        "BEGIN IMMEDIATE;
         CREATE TABLE entry (transaction_number INTEGER, row INTEGER, content BLOB);
         CREATE TABLE total (count INTEGER);
         INSERT INTO total VALUES (0);
         COMMIT;",
    )
}

/// One transaction of several pages.
fn transaction(database: &mut Connection, number: u32) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    for row in 0..ROWS {
        transaction
            .execute("INSERT INTO entry VALUES (?, ?, zeroblob(?))", params![number, row, 900 + 40 * row])?;
    }
    transaction.execute("UPDATE total SET count = count + 1", [])?;
    transaction.commit()
}

/// Runs transactions until one fails, and gives how many were acknowledged; none where there is no table for certain.
fn work(files: FaultyFiles, path: &Path, synchronous: &str) -> Option<u32> {
    let mut database = open(files, path, synchronous).ok()?;
    create(&database).ok()?;
    for number in 1..=TRANSACTIONS {
        if transaction(&mut database, number).is_err() {
            return Some(number - 1);
        }
        if number == TRANSACTIONS / 2 {
            let _ = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        }
    }
    Some(TRANSACTIONS)
}

/// How many transactions are in the database, each of them whole; none where there is no table.
fn there(path: &Path) -> rusqlite::Result<Option<u32>> {
    let database = Connection::open(path)?;
    // Only to look at it: no need to wait for the real disk.
    database.execute_batch("PRAGMA synchronous = OFF")?;
    let sound: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    assert_eq!(sound, "ok");
    let tables: u32 = database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(None);
    }
    let count: u32 = database.query_row("SELECT count FROM total", [], |row| row.get(0))?;
    let whole: (u32, u32, u32) = database.query_row(
        "SELECT count(*), count(DISTINCT transaction_number), coalesce(max(transaction_number), 0) FROM entry",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    assert_eq!(whole, (count * ROWS, count, count));
    Ok(Some(count))
}

fn assert_kept(path: &Path, acknowledged: Option<u32>, what: &str) {
    let there = there(path).map_err(|error| format!("{what}: {error}")).unwrap();
    let most = acknowledged.map_or(Some(0), |acknowledged| Some(acknowledged + 1));
    assert!(acknowledged <= there && there <= most, "{what}: {acknowledged:?} acknowledged, {there:?} there");
}

/// The operations of the whole work when nothing fails.
fn operations(files: FaultyFiles, synchronous: &str) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let before = files.operations();
    assert_eq!(work(files, &path, synchronous), Some(TRANSACTIONS));
    assert_eq!(files.after_power_cut(0).unwrap().survived, 0);
    assert_kept(&path, Some(if synchronous == "FULL" { TRANSACTIONS } else { 0 }), "nothing failed");
    files.operations() - before
}

#[test]
fn every_acknowledged_transaction_survives_a_power_cut_at_any_operation() {
    let files = FaultyFiles::register("power_cuts").unwrap();
    let count = operations(files, "FULL");
    assert!(count > 100, "{count} operations");
    let mut sum = Aftermath::default();
    for n in 1..=count {
        for seed in 0..SEEDS {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("database");
            files.cut_at(n);
            let acknowledged = work(files, &path, "FULL");
            assert!(files.faults() > 0, "the power went at operation {n}");
            let aftermath = files.after_power_cut(if seed < 2 { seed } else { n * SEEDS + seed }).unwrap();
            assert_kept(&path, acknowledged, &format!("operation {n}, seed {seed}, {aftermath:?}"));
            sum.unsynced += aftermath.unsynced;
            sum.survived += aftermath.survived;
            sum.torn += aftermath.torn;
            sum.renamed += aftermath.renamed;
        }
    }
    println!("{count} operations: {sum:?}");
    assert!(sum.torn > 100 && sum.renamed > 10 && sum.unsynced > sum.survived + sum.torn, "{sum:?}");
}

#[test]
fn a_database_that_does_not_sync_loses_acknowledged_transactions() {
    for synchronous in ["NORMAL", "OFF"] {
        let files = FaultyFiles::register(&format!("without_{synchronous}")).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        let mut database = open(files, &path, "FULL").unwrap();
        create(&database).unwrap();
        database
            .execute_batch(&format!("PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 0"))
            .unwrap();
        for number in 1..=3 {
            transaction(&mut database, number).unwrap();
        }
        assert!(files.after_power_cut(0).is_err(), "the database is open");
        files.cut();
        assert!(transaction(&mut database, 4).is_err());
        drop(database);
        files.after_power_cut(0).unwrap();
        assert_eq!(there(&path).unwrap(), Some(0), "{synchronous}: all three are lost");
    }
}

#[test]
fn no_acknowledged_transaction_is_lost_by_a_failing_disk() {
    let files = FaultyFiles::register("faults").unwrap();
    let count = operations(files, "FULL");
    for fault in [Fault::Broken, Fault::Full, Fault::ShortWrite, Fault::Sync, Fault::SyncForgets] {
        let mut seen = 0;
        for n in 1..=count {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("database");
            files.fail_at(n, fault);
            let acknowledged = work(files, &path, "FULL");
            if files.faults() > 0 {
                seen += 1;
            } else {
                assert_eq!(acknowledged, Some(TRANSACTIONS), "nothing failed");
            }
            files.heal();
            let what = format!("{fault:?} at operation {n}");
            // As it is for the programs that go on, and after a power cut on top.
            assert_kept(&path, acknowledged, &what);
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("database");
            files.fail_at(n, fault);
            let acknowledged = work(files, &path, "FULL");
            files.after_power_cut(if n % 2 == 0 { 0 } else { n }).unwrap();
            assert_kept(&path, acknowledged, &format!("{what}, and a power cut"));
        }
        println!("{fault:?}: {seen} of {count}");
        assert!(seen > 10, "{fault:?} happened {seen} times");
    }
}

/// The same connection goes on after the disk has room again.
#[test]
fn a_database_goes_on_after_the_disk_is_healed() {
    let files = FaultyFiles::register("healed").unwrap();
    for fault in [Fault::Broken, Fault::Full, Fault::ShortWrite, Fault::Sync, Fault::SyncForgets] {
        for n in 1..=20 {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("database");
            let mut database = open(files, &path, "FULL").unwrap();
            create(&database).unwrap();
            files.fail_from(n, fault);
            let mut acknowledged = 0;
            while acknowledged < 20 && transaction(&mut database, acknowledged + 1).is_ok() {
                acknowledged += 1;
            }
            assert!(acknowledged < 20 && files.faults() > 0, "{fault:?} from operation {n}");
            assert!(transaction(&mut database, acknowledged + 1).is_err(), "still");
            files.heal();
            for number in acknowledged + 1..=acknowledged + 3 {
                transaction(&mut database, number).unwrap();
            }
            files.cut();
            drop(database);
            files.after_power_cut(0).unwrap();
            assert_eq!(there(&path).unwrap(), Some(acknowledged + 3), "{fault:?} from operation {n}");
        }
    }
}

#[test]
fn errors_are_those_of_a_real_disk() {
    let files = FaultyFiles::register("errors").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data base?");
    let mut database = open(files, &path, "FULL").unwrap();
    create(&database).unwrap();
    let mut code = |n, fault| {
        files.fail_at(n, fault);
        let error = transaction(&mut database, 1).unwrap_err();
        assert_eq!(files.faults(), 1);
        error.sqlite_error().unwrap().extended_code
    };
    assert_eq!(code(1, Fault::Full), rusqlite::ffi::SQLITE_FULL);
    assert_eq!(code(1, Fault::ShortWrite), rusqlite::ffi::SQLITE_FULL);
    assert_eq!(code(1, Fault::Broken), rusqlite::ffi::SQLITE_IOERR_WRITE);
    // The sync comes after the writes, however many they are.
    files.fail_from(1, Fault::Sync);
    let error = transaction(&mut database, 1).unwrap_err();
    assert_eq!(error.sqlite_error().unwrap().extended_code, rusqlite::ffi::SQLITE_IOERR_FSYNC);
    files.heal();
    transaction(&mut database, 1).unwrap();
    assert!(path.exists(), "a name with what a URI must escape");
    assert!(FaultyFiles::register("errors").is_err(), "the name is taken");
    assert!(FaultyFiles::register("with\0zero").is_err());
}

/// Several connections, of which one writes, as in a service.
#[test]
fn connections_share_a_database_through_the_layer() {
    let files = FaultyFiles::register("shared").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    create(&open(files, &path, "FULL").unwrap()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut database = open(files, &path, "FULL").unwrap();
                database.busy_timeout(std::time::Duration::from_secs(600)).unwrap();
                for _ in 0..20 {
                    let transaction =
                        database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
                    transaction.execute("UPDATE total SET count = count + 1", []).unwrap();
                    transaction.commit().unwrap();
                }
            });
        }
    });
    files.after_power_cut(0).unwrap();
    let count: u32 =
        Connection::open(&path).unwrap().query_row("SELECT count FROM total", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 60);
}
