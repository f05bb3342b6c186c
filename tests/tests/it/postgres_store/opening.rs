//! A ledger is opened: by two at once, by the wrong company, on a server that would lose it.

use card_core::id::{Company, Environment, Scope};
use card_ledger::{Ledger, LedgerError, PostgresLedger, StoreError, read};
use std::thread;
use std::time::Instant;
use system_tests::HANG;
use system_tests::postgres::Postgres;

use super::support::{SCOPE, binding, connect, database, meter, open, sell, total};

fn store_error(url: &str, scope: Scope) -> StoreError {
    match PostgresLedger::connect(url, scope, 2) {
        Err(LedgerError::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_open_an_empty_database_at_once() {
    for round in 0..3 {
        let url = database(&format!("at_once_{round}"));
        thread::scope(|scope| {
            let tries = [(); 4].map(|()| scope.spawn(|| connect(&url, 2).scope()));
            for one in tries {
                assert_eq!(one.join().unwrap(), SCOPE);
            }
        });
    }
}

#[test]
fn another_companys_ledger_is_refused() {
    let url = database("another_company");
    let ledger = connect(&url, 2);
    assert_eq!(ledger.scope(), SCOPE);
    for scope in
        [Scope { company: Company(8), ..SCOPE }, Scope { environment: Environment::Production, ..SCOPE }]
    {
        let error = store_error(&url, scope);
        assert!(matches!(error, StoreError::Other(_)), "{error}");
        assert!(error.to_string().contains("company 7, test"), "{error}");
    }
    // And stays who it is.
    assert_eq!(read(&connect(&url, 2), |t| t.epoch()).unwrap(), 0);
}

#[test]
fn newer_and_foreign_databases_are_refused() {
    let url = database("newer");
    connect(&url, 1);
    let mut client = Postgres::shared().connect("newer").unwrap();
    let newer = "INSERT INTO refinery_schema_history VALUES (1000, 'later', '2030-01-01T00:00:00Z', '1')";
    client.batch_execute(newer).unwrap();
    let error = store_error(&url, SCOPE);
    assert!(matches!(error, StoreError::Other(_)), "{error}");
    assert!(error.to_string().contains("version 1000"), "{error}");

    let url = database("foreign");
    let mut client = Postgres::shared().connect("foreign").unwrap();
    client.batch_execute("CREATE TABLE entry (id INTEGER)").unwrap();
    let error = store_error(&url, SCOPE);
    assert!(matches!(error, StoreError::Other(_)), "{error}");
    assert!(error.to_string().contains("\"entry\" already exists"), "{error}");
    // What was begun was undone.
    let count = "SELECT count(*) FROM pg_tables WHERE tablename IN ('meta', 'request', 'point')";
    assert_eq!(client.query_one(count, &[]).unwrap().get::<_, i64>(0), 0);
}

/// What a meter reports after its memory went back (flag 0020) is newer, whatever its numbers say; and what was reported stays.
#[test]
fn readings_are_in_order_and_stay() {
    let url = database("readings");
    let ledger = connect(&url, 1);
    let mut client = Postgres::shared().connect("readings").unwrap();
    let binding = binding(1, 2).binding();
    for (number, flags) in [(4_i64, 0), (5, 1), (3, 0x20)] {
        let sql = "INSERT INTO reading VALUES ($1, 2, $2, 1577836810, 11, 12, -13, 14, $3, 15)";
        client.execute(sql, &[&binding.meter.0.as_slice(), &number, &flags]).unwrap();
    }
    let readings = read(&ledger, |t| t.readings(&[binding], 9)).unwrap();
    let numbers: Vec<_> = readings.iter().map(|reading| (reading.number, reading.flags.0)).collect();
    assert_eq!(numbers, [(3, 0x20), (5, 1), (4, 0)]);
    let [.., last] = readings[..] else { panic!() };
    assert_eq!((last.time.0, last.applied_credit.0, last.applied_debited.0), (10, 11, 12));
    assert_eq!((last.balance.0, last.energy.0, last.tampering), (-13, 14, 15));
    for change in ["DELETE FROM reading", "UPDATE reading SET balance = 0", "TRUNCATE reading"] {
        assert!(client.batch_execute(change).is_err(), "{change}");
    }
}

#[test]
fn one_who_may_not_change_tables_can_sell() {
    let url = database("seller_role");
    open(&connect(&url, 1), 1);
    let mut client = Postgres::shared().connect("seller_role").unwrap();
    client
        .batch_execute(
            "CREATE ROLE seller LOGIN PASSWORD 'seller'; REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO seller",
        )
        .unwrap();
    let address = Postgres::shared().address();
    let ledger = connect(&format!("postgresql://seller:seller@{address}/seller_role"), 2);
    sell(&ledger, "1", meter(1)).unwrap();
    assert_eq!(total(&ledger, 1), 100);
}

#[test]
fn servers_that_lose_what_was_answered_are_refused() {
    for setting in ["fsync", "synchronous_commit"] {
        let server = Postgres::start_with(&[(setting, "off")]).unwrap();
        let error = store_error(&server.create_database("lossy").unwrap(), SCOPE);
        assert!(matches!(error, StoreError::Unfit(_)), "{error}");
        assert!(error.to_string().contains(&format!("{setting}=off")), "{error}");
    }
}

#[test]
fn addresses_where_nothing_is() {
    let begin = Instant::now();
    let error = store_error("postgresql://nobody@127.0.0.1:1/none", SCOPE);
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let error = store_error(&Postgres::shared().url("not_there"), SCOPE);
    assert!(error.to_string().contains("\"not_there\" does not exist"), "{error}");
    let error = store_error("nonsense", SCOPE);
    assert!(matches!(error, StoreError::Unfit(_)), "{error}");
    // A host that says nothing: TEST-NET-1 (RFC 5737).
    let error = store_error("postgresql://nobody@192.0.2.1:5432/none", SCOPE);
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    println!("four addresses in {:?}", begin.elapsed());
    assert!(begin.elapsed() < HANG);
}

#[test]
fn which_past_of_which_server_it_is() {
    let url = database("place");
    let place = connect(&url, 1).place().unwrap();
    assert!(place.starts_with("database system ") && place.ends_with(", timeline 1"), "{place}");
}

#[test]
fn a_standby_that_may_miss_the_last_sales_is_refused() {
    let server = Postgres::start_with(&[("synchronous_standby_names", "nearby")]).unwrap();
    for commit in ["local", "remote_write"] {
        let url = format!("{}?options=-c%20synchronous_commit%3D{commit}", server.url("postgres"));
        let error = store_error(&url, SCOPE);
        assert!(matches!(error, StoreError::Unfit(_)), "{error}");
        let text = error.to_string();
        assert!(
            text.contains(&format!("synchronous_commit={commit}")) && text.contains("set it to on"),
            "{text}"
        );
    }
}

/// Those who watch see how many connections there are; none more than are allowed.
#[test]
fn connections_are_counted() {
    let ledger = connect(&database("counted"), 3);
    let before = ledger.connections().unwrap();
    assert_eq!((before.there, before.idle, before.most), (0, 0, 3));
    open(&ledger, 1);
    let used = ledger.connections().unwrap();
    assert!((1..=3).contains(&used.there), "{used:?}");
}
