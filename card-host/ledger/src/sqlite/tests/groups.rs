//! Transactions at the same time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;

use rusqlite::Connection;

use super::*;
use crate::{Ask, Payee, Refusal, StoreError, read};

/// How many commits the log holds: the last page of each has the size of the database in its head. Independent of what the store says.
fn commits_in(log: &Path) -> usize {
    let bytes = std::fs::read(log).unwrap();
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let (page, salt) = (number(8) as usize, bytes[16..24].to_vec());
    let frames = (32..bytes.len() - 23).step_by(24 + page);
    frames.take_while(|at| bytes[at + 8..at + 16] == salt[..]).filter(|at| number(at + 4) != 0).count()
}

/// A sale as a channel makes it: looks, and then writes.
fn sell(ledger: &dyn Ledger, kiosk: u64, id: &str) -> Result<(), LedgerError> {
    let of = request(id);
    let code = format!("kiosk-{kiosk}").parse().unwrap();
    transact(ledger, |transaction| {
        let payee = Some(Payee::Card(CardId::from(kiosk)));
        let context = transaction.context(&Ask { request: &of, point: &code, payee })?;
        assert_eq!(context.steps.len(), 0);
        let (entry, point, held) = sale(&context.point.unwrap(), &context.binding.unwrap(), &of, 100);
        transaction.write(&entry, &point, &[Head::Binding(Box::new(held))])
    })
}

fn sold(ledger: &dyn Ledger, kiosk: u64) -> u64 {
    let code = format!("kiosk-{kiosk}").parse().unwrap();
    let (point, chain) = read(ledger, |t| Ok((t.point(&code)?.unwrap(), t.chain(&code, 0, 9999)?))).unwrap();
    assert_eq!(chain.len() as u64, point.number);
    assert!(chain.windows(2).all(|pair| pair[0].hash == pair[1].previous));
    assert_eq!(point.sold.0, point.number * 100);
    point.number
}

#[test]
fn many_share_a_commit() {
    const THREADS: u64 = 64;
    const SALES: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let ledger = SqliteLedger::create(&path, SCOPE).unwrap();
    furnish(&ledger, THREADS);
    let log = folder.path().join("ledger-wal");
    let (before, counted) = (commits_in(&log), ledger.commits());
    let start = Barrier::new(usize::try_from(THREADS).unwrap());
    std::thread::scope(|scope| {
        for kiosk in 0..THREADS {
            let (ledger, start) = (&ledger, &start);
            scope.spawn(move || {
                start.wait();
                for number in 0..SALES {
                    sell(ledger, kiosk, &format!("{kiosk}-{number}")).unwrap();
                }
            });
        }
    });
    for kiosk in 0..THREADS {
        assert_eq!(sold(&ledger, kiosk), SALES);
    }
    let commits = commits_in(&log) - before;
    println!("{} transactions in {commits} commits", THREADS * SALES);
    assert_eq!(commits as u64, ledger.commits() - counted, "the log, and what the store says");
    assert!((commits as u64) < THREADS * SALES / 4, "{commits} commits of {}", THREADS * SALES);
    assert!(commits as u64 >= SALES, "nobody can be in a group twice");
}

/// Several come into one group for certain: its first one holds it open until all others wait. One before it, which writes nothing, holds the
/// lock until the first one waits, which else would find that it is alone and take nobody in.
fn in_one_group(ledger: &SqliteLedger, others: Vec<Box<dyn FnOnce() + Send + '_>>) {
    let (begun, go_on) = channel();
    let count = others.len();
    let until_waiting = |count| {
        while ledger.groups.waiting() < count {
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (held, free) = channel();
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    transact(ledger, |_| {
                        held.send(()).unwrap();
                        until_waiting(1);
                        Ok(())
                    })
                    .unwrap();
                });
                free.recv().unwrap();
                let first = put_slowly(ledger, || {
                    begun.send(()).unwrap();
                    until_waiting(count);
                });
                first.unwrap();
            });
        });
        go_on.recv().unwrap();
        for other in others {
            scope.spawn(other);
        }
    });
}

fn put_slowly(ledger: &SqliteLedger, mut wait: impl FnMut() + Send) -> Result<(), LedgerError> {
    transact(ledger, |transaction| {
        let before = transaction.point(&"office".parse().unwrap())?.unwrap();
        let (entry, after) = next(&before, &request("slow"), before.time.0 + 1);
        transaction.write(&entry, &after, &[])?;
        wait();
        Ok(())
    })
}

#[test]
fn one_that_fails_or_panics_leaves_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    furnish(&ledger, 9);
    let commits = ledger.commits();
    let half = |kiosk: u64, id: &str, end: &(dyn Fn() -> Result<(), LedgerError> + Sync)| {
        let code: crate::PointCode = format!("kiosk-{kiosk}").parse().unwrap();
        transact(&ledger, |transaction| {
            let before = transaction.point(&code)?.unwrap();
            let (entry, after) = next(&before, &request(id), 5);
            transaction.write(&entry, &after, &[])?;
            end()
        })
    };
    let others: Vec<Box<dyn FnOnce() + Send + '_>> = vec![
        Box::new(|| sell(&ledger, 0, "a").unwrap()),
        Box::new(|| {
            let refused = half(1, "b", &|| Err(Refusal::NoPolicy.into())).unwrap_err();
            assert!(matches!(refused, LedgerError::Refused(Refusal::NoPolicy)), "its own error: {refused}");
        }),
        Box::new(|| {
            let panic = catch_unwind(AssertUnwindSafe(|| half(2, "c", &|| panic!("in a work")))).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"in a work"));
        }),
        Box::new(|| {
            // A rule of the tables is broken, and the work does not heed it.
            let unheeded = transact(&ledger, |transaction| {
                let before = transaction.point(&"kiosk-3".parse().unwrap())?.unwrap();
                let (entry, after) = next(&before, &request("furnish"), 5);
                transaction.write(&entry, &after, &[]).unwrap_err();
                Ok(())
            });
            assert!(matches!(unheeded, Err(LedgerError::Store(StoreError::Unavailable(_)))), "{unheeded:?}");
        }),
        Box::new(|| sell(&ledger, 4, "d").unwrap()),
        Box::new(|| {
            transact(&ledger, |transaction| transaction.point(&"kiosk-0".parse().unwrap())).unwrap();
        }),
    ];
    in_one_group(&ledger, others);
    assert_eq!(ledger.commits(), commits + 1, "it was one group");
    let all: Vec<_> = (0..9).map(|kiosk| sold_or_not(&ledger, kiosk)).collect();
    assert_eq!(all, [1, 0, 0, 0, 1, 0, 0, 0, 0]);
    sell(&ledger, 2, "c").unwrap();
}

fn sold_or_not(ledger: &dyn Ledger, kiosk: u64) -> u64 {
    let code = format!("kiosk-{kiosk}").parse().unwrap();
    read(ledger, |t| Ok(t.point(&code)?.unwrap().number)).unwrap()
}

/// All members see what those before them in the group wrote.
#[test]
fn members_of_a_group_see_each_other() {
    let ledger = SqliteLedger::in_memory(SCOPE).unwrap();
    furnish(&ledger, 1);
    let writes = AtomicU32::new(0);
    let others = (0..5).map(|_| {
        Box::new(|| {
            transact(&ledger, |transaction| {
                let steps = transaction.steps(&request("same"))?;
                if steps.is_empty() {
                    writes.fetch_add(1, Ordering::SeqCst);
                    let before = transaction.point(&"kiosk-0".parse().unwrap())?.unwrap();
                    let (entry, after) = next(&before, &request("same"), 5);
                    transaction.write(&entry, &after, &[])?;
                }
                Ok(())
            })
            .unwrap();
        }) as Box<dyn FnOnce() + Send + '_>
    });
    in_one_group(&ledger, others.collect());
    assert_eq!(writes.into_inner(), 1);
}

/// What SQLite ends with an error of its own ends for all: nobody is told that it was kept.
#[test]
fn a_transaction_that_the_store_ends_is_lost_for_all() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    furnish(&ledger, 3);
    // The database may not grow: SQLite then says that the disk is full, and ends the transaction.
    let limit = |pages: i64| {
        ledger
            .groups
            .alone(|connection| {
                connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
                Ok(())
            })
            .unwrap();
    };
    limit(1);
    let outcome = std::sync::Mutex::new(Vec::new());
    let others = (0..3).map(|kiosk| {
        let (ledger, outcome) = (&ledger, &outcome);
        Box::new(move || {
            let result = if kiosk == 1 {
                // Large, and it does not heed that it could not be written.
                transact(ledger, |transaction| {
                    let before = transaction.point(&"kiosk-1".parse().unwrap())?.unwrap();
                    let (entry, _) = next(&before, &request("large"), 5);
                    let (entry, after) = seal(Entry { payload: vec![1; 3_000_000], ..entry }, &before);
                    transaction.write(&entry, &after, &[]).unwrap_err();
                    Ok(())
                })
            } else {
                sell(ledger, kiosk, &format!("s{kiosk}"))
            };
            outcome.lock().unwrap().push((kiosk, result.map_err(|error| error.to_string())));
        }) as Box<dyn FnOnce() + Send + '_>
    });
    let panic = catch_unwind(AssertUnwindSafe(|| in_one_group(&ledger, others.collect())));
    // The connection was opened anew, without the limit.
    let kept: Vec<_> = (0..3).map(|kiosk| sold_or_not(&ledger, kiosk)).collect();
    let outcome = outcome.into_inner().unwrap();
    println!("{outcome:?}, the first: {}", panic.is_ok());
    for (kiosk, result) in &outcome {
        let kept = kept[usize::try_from(*kiosk).unwrap()] == 1;
        assert_eq!(result.is_ok(), kept, "kiosk {kiosk}: {result:?}");
    }
    assert!(panic.is_err(), "the first one of the group was told that it was lost");
    assert_eq!(kept[1], 0);
    let slow = read(&ledger, |t| t.steps(&request("slow"))).unwrap();
    assert_eq!(slow, []);
    sell(&ledger, 1, "after").unwrap();
}

#[test]
fn a_group_that_wrote_nothing_costs_no_commit() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    furnish(&ledger, 1);
    let log = folder.path().join("ledger-wal");
    let before = std::fs::read(&log).unwrap();
    for _ in 0..10 {
        transact(&ledger, |transaction| transaction.points(None, 9)).unwrap();
        let refused = transact(&ledger, |transaction| {
            let before = transaction.point(&"kiosk-0".parse().unwrap())?.unwrap();
            let (entry, after) = next(&before, &request("b"), 5);
            transaction.write(&entry, &after, &[])?;
            Err::<(), _>(Refusal::NoPolicy.into())
        });
        refused.unwrap_err();
    }
    assert_eq!(std::fs::read(&log).unwrap(), before);
}

#[test]
fn a_reader_sees_one_state_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteLedger::create(&folder.path().join("ledger"), SCOPE).unwrap();
    furnish(&file, 1);
    read(&file, |transaction| {
        let before = transaction.point(&"kiosk-0".parse().unwrap())?;
        // Written and durable while this one reads.
        std::thread::scope(|scope| scope.spawn(|| sell(&file, 0, "a").unwrap()).join().unwrap());
        assert_eq!(transaction.point(&"kiosk-0".parse().unwrap())?, before);
        assert_eq!(transaction.steps(&request("a"))?, []);
        Ok(())
    })
    .unwrap();
    assert_eq!(sold(&file, 0), 1);
    // Not by what is not durable yet, either.
    let (begun, wait) = channel();
    let (done, end) = channel();
    std::thread::scope(|scope| {
        let file = &file;
        let writer = scope.spawn(move || {
            put_slowly(file, move || {
                begun.send(()).unwrap();
                end.recv().unwrap();
            })
        });
        wait.recv().unwrap();
        assert_eq!(read(file, |t| t.steps(&request("slow"))).unwrap(), []);
        done.send(()).unwrap();
        writer.join().unwrap().unwrap();
    });
    let memory = SqliteLedger::in_memory(SCOPE).unwrap();
    furnish(&memory, 1);
    for ledger in [&file, &memory] {
        let error = read(ledger, |transaction| {
            let before = transaction.point(&"kiosk-0".parse().unwrap())?.unwrap();
            let (entry, after) = next(&before, &request("r"), 5);
            transaction.write(&entry, &after, &[])
        });
        assert!(matches!(error, Err(LedgerError::Store(StoreError::ReadOnly))), "{error:?}");
        assert_eq!(read(ledger, |t| t.steps(&request("r"))).unwrap(), []);
    }
    sell(&memory, 0, "a").unwrap();
    assert_eq!(sold(&memory, 0), 1);
}

/// Two programs with the same file: what one has been told is there for the other, and chains go on.
#[test]
fn two_with_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let ledgers = [SqliteLedger::create(&path, SCOPE).unwrap(), SqliteLedger::open(&path, SCOPE).unwrap()];
    furnish(&ledgers[0], 1);
    std::thread::scope(|scope| {
        for (index, ledger) in ledgers.iter().enumerate() {
            for thread in 0..4 {
                scope.spawn(move || {
                    for number in 0..25 {
                        sell(ledger, 0, &format!("{index}-{thread}-{number}")).unwrap();
                    }
                });
            }
        }
    });
    for ledger in &ledgers {
        assert_eq!(sold(ledger, 0), 200);
    }
}

/// Another program that keeps the file too long: nobody waits for it one after the other.
#[test]
fn a_file_that_another_program_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger");
    let ledger = SqliteLedger::create(&path, SCOPE).unwrap();
    furnish(&ledger, 8);
    ledger
        .groups
        .alone(|connection| {
            connection.busy_timeout(std::time::Duration::from_millis(300)).unwrap();
            Ok(())
        })
        .unwrap();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for kiosk in 0..8 {
            let ledger = &ledger;
            scope.spawn(move || {
                let error = sell(ledger, kiosk, &format!("{kiosk}")).unwrap_err();
                assert!(matches!(error, LedgerError::Store(StoreError::Unavailable(_))), "{error}");
                assert!(error.is_passing());
            });
        }
    });
    println!("all refused after {:?}; one after the other that were 2.4 s", begun.elapsed());
    read(&ledger, |t| t.points(None, 9)).unwrap();
    raw.execute_batch("ROLLBACK").unwrap();
    sell(&ledger, 0, "0").unwrap();
}
