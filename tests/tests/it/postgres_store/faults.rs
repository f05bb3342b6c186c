//! A server or a network that goes away.

use card_ledger::{LedgerError, PostgresLedger, StoreError, read, transact};
use std::thread;
use std::time::{Duration, Instant};
use system_tests::HANG;
use system_tests::cut_proxy::{Cut, CutProxy};
use system_tests::postgres::Postgres;

use super::support::{
    NOW, SCOPE, chain, code, connect, database, meter, open, request, sell, sold, total, with_customers,
};

/// Ends all sessions of a database but ours.
fn end_sessions(database: &str) {
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()";
    let mut client = Postgres::shared().connect("postgres").unwrap();
    assert!(client.query_one(end, &[&database]).unwrap().get::<_, i64>(0) > 0);
}

fn is_unavailable<T: std::fmt::Debug>(result: &Result<T, LedgerError>) -> bool {
    matches!(result, Err(LedgerError::Store(StoreError::Unavailable(_))))
}

#[test]
fn a_session_that_is_ended_before_it_commits() {
    let (_, ledger) = with_customers("ended", 1);
    for when in ["before the write", "after the write"] {
        let mut run = 0;
        let result = transact(&ledger, |t| {
            run += 1;
            let (request, till) = (request("1"), code("till"));
            let ask = card_ledger::Ask { request: &request, point: &till, payee: Some(meter(1)) };
            let context = t.context(&ask)?;
            if when == "before the write" {
                end_sessions("ended");
            }
            let (entry, point, heads) = sold(&context, "1", 100, NOW);
            t.write(&entry, &point, &heads)?;
            end_sessions("ended");
            // Whoever reads on learns of it.
            t.steps(&request).map(drop)
        });
        assert!(is_unavailable(&result), "{when}: {result:?}");
        assert_eq!(run, 1);
        assert_eq!((total(&ledger, 1), chain(&ledger, "till").len()), (0, 1), "{when}");
    }
    assert_eq!(sell(&ledger, "1", meter(1)).unwrap(), 2);
}

#[test]
fn idle_connections_that_are_gone_are_replaced() {
    let (_, ledger) = with_customers("gone", 8);
    for round in 0..3 {
        // As many as there are in the pool.
        thread::scope(|scope| {
            for number in 1..=8 {
                let ledger = &ledger;
                scope.spawn(move || sell(ledger, &format!("{round}-{number}"), meter(number)).unwrap());
            }
        });
        end_sessions("gone");
        // At once, and after they were idle for a while.
        thread::sleep(Duration::from_secs(round));
        sell(&ledger, &format!("{round}"), meter(1)).unwrap();
    }
    assert_eq!(chain(&ledger, "till").len(), 28);
}

#[test]
fn a_server_that_is_killed_and_started_again() {
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("ledger").unwrap();
    let ledger = connect(&url, 4);
    open(&ledger, 4);
    let mut expected = 1;
    for round in 0..3 {
        thread::scope(|scope| {
            for number in 1..=4 {
                let ledger = &ledger;
                scope.spawn(move || sell(ledger, &format!("{round}-{number}"), meter(number)).unwrap());
            }
        });
        expected += 4;
        server.kill().unwrap();
        if round == 1 {
            let begin = Instant::now();
            let result = sell(&ledger, "down", meter(1));
            assert!(is_unavailable(&result), "{result:?}");
            println!("down: said after {:?}", begin.elapsed());
            assert!(begin.elapsed() < HANG);
        }
        server.restart().unwrap();
        sell(&ledger, &format!("{round}"), meter(1)).unwrap();
        expected += 1;
        assert_eq!(chain(&ledger, "till").len(), expected);
    }
    // Also one that only reads.
    server.kill().unwrap();
    server.restart().unwrap();
    assert_eq!(read(&ledger, |t| t.epoch()).unwrap(), 0);
    assert_eq!(total(&ledger, 2), 300);
}

/// A ledger behind a relay, on the server that all share.
fn behind_relay(name: &str) -> (CutProxy, PostgresLedger) {
    open(&connect(&database(name), 1), 1);
    let server = Postgres::shared();
    let relay = CutProxy::start(server.address()).unwrap();
    let ledger = PostgresLedger::connect(&server.url_at(relay.address(), name), SCOPE, 4).unwrap();
    (relay, ledger)
}

#[test]
fn a_connection_that_is_lost_in_its_commit() {
    let (relay, ledger) = behind_relay("lost_in_commit");
    let direct = connect(&Postgres::shared().url("lost_in_commit"), 1);
    let mut expected = 0;
    for round in 0..4 {
        for (cut, happened) in [(Cut::BeforeCommit, 0), (Cut::AfterCommit, 100)] {
            let id = format!("{round}-{cut:?}");
            relay.arm(cut);
            let error = sell(&ledger, &id, meter(1)).unwrap_err();
            assert!(error.is_unknown(), "{error}");
            expected += happened;
            assert_eq!(total(&direct, 1), expected, "{cut:?}");
            // Asked again it has happened once, and the same entry is told.
            let number = sell(&ledger, &id, meter(1)).unwrap();
            expected += 100 - happened;
            assert_eq!(total(&direct, 1), expected, "{cut:?}");
            assert_eq!(chain(&direct, "till").len() as u64, number);
            // Nothing is written by one who only asks: then nothing is unknown.
            relay.arm(cut);
            assert_eq!(sell(&ledger, &id, meter(1)).unwrap(), number);
            relay.disarm();
        }
    }
    assert_eq!(relay.cuts(), 8);
}

#[test]
fn connections_that_are_cut_at_each_statement() {
    let (relay, ledger) = behind_relay("cut_at_each");
    sell(&ledger, "0", meter(1)).unwrap();
    // A connection that is gone before anything was answered is replaced, and nobody sees it. What is asked first begins so.
    let mut number = 2;
    for statement in ["BEGIN", "WITH p"] {
        for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
            number += 1;
            relay.arm_at(statement, cut);
            assert_eq!(sell(&ledger, &format!("{number}"), meter(1)).unwrap(), number, "{statement} {cut:?}");
        }
    }
    relay.cut_all();
    assert_eq!(sell(&ledger, "7", meter(1)).unwrap(), 7);
    // What writes: nothing stays of it.
    for cut in [Cut::BeforeCommit, Cut::AfterCommit] {
        relay.arm_at("WITH e", cut);
        let result = sell(&ledger, "8", meter(1));
        assert!(is_unavailable(&result), "{result:?}");
        assert_eq!(total(&ledger, 1), 600);
    }
    assert_eq!(sell(&ledger, "8", meter(1)).unwrap(), 8);
    assert_eq!(relay.cuts(), 6);
}

#[test]
fn nobody_waits_for_ever() {
    let (relay, ledger) = behind_relay("nobody_waits");
    relay.refuse(true);
    relay.cut_all();
    let begin = Instant::now();
    let result = sell(&ledger, "1", meter(1));
    assert!(is_unavailable(&result), "{result:?}");
    println!("refused: said after {:?}", begin.elapsed());
    assert!(begin.elapsed() < HANG);
    relay.refuse(false);
    // The pool tries again after some time by itself.
    let begin = Instant::now();
    while sell(&ledger, "1", meter(1)).is_err() {
        assert!(begin.elapsed() < HANG);
    }
    // A connection that hears nothing any more and was idle is given up.
    thread::sleep(Duration::from_secs(2));
    relay.delay(Duration::from_secs(3600));
    let begin = Instant::now();
    let result = sell(&ledger, "2", meter(1));
    assert!(is_unavailable(&result), "{result:?}");
    println!("silent: said after {:?}", begin.elapsed());
    assert!(begin.elapsed() < HANG);

    // And one that falls silent in a commit: nobody knows, then.
    relay.delay(Duration::ZERO);
    while sell(&ledger, "2", meter(1)).is_err() {
        assert!(begin.elapsed() < HANG);
    }
    let begin = Instant::now();
    let (request, till) = (request("3"), code("till"));
    let result = transact(&ledger, |t| {
        let ask = card_ledger::Ask { request: &request, point: &till, payee: Some(meter(1)) };
        let context = t.context(&ask)?;
        let (entry, point, heads) = sold(&context, "3", 100, NOW);
        t.write(&entry, &point, &heads)?;
        relay.delay(Duration::from_secs(3600));
        Ok(())
    });
    assert!(result.as_ref().is_err_and(LedgerError::is_unknown), "{result:?}");
    let took = begin.elapsed();
    println!("silent in a commit: said after {took:?}, of 15 s");
    assert!(took > Duration::from_secs(12) && took < HANG, "{took:?}");
}
