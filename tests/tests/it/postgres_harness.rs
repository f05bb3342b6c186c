//! The private PostgreSQL server and the relay in front of it do what tests of a ledger rely on.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};
use system_tests::HANG;
use system_tests::cut_proxy::{Cut, CutProxy};
use system_tests::postgres::Postgres;

const WRITERS: i32 = 4;
/// Set in the process that is to die with a server running.
const DIES: &str = "POSTGRES_HARNESS_DIES";

fn client(url: &str) -> Client {
    Client::connect(url, NoTls).unwrap()
}

fn table(url: &str) {
    client(url).batch_execute("CREATE TABLE entry (number integer PRIMARY KEY)").unwrap();
}

fn numbers(url: &str) -> Vec<i32> {
    let rows = client(url).query("SELECT number FROM entry ORDER BY number", &[]).unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Inserts a number in a transaction of several statements.
fn insert(client: &mut Client, number: i32) -> Result<(), postgres::Error> {
    let mut transaction = client.transaction()?;
    transaction.execute("INSERT INTO entry VALUES ($1)", &[&number])?;
    transaction.commit()
}

/// A database of the shared server with the table, and a relay to it: its direct and its relayed connection string.
fn relayed(name: &str) -> (CutProxy, String, String) {
    let server = Postgres::shared();
    let direct = server.create_database(name).unwrap();
    table(&direct);
    let proxy = CutProxy::start(server.address()).unwrap();
    let through = server.url_at(proxy.address(), name);
    (proxy, direct, through)
}

#[test]
fn tests_share_a_server_but_no_database() {
    let urls: Vec<String> = thread::scope(|scope| {
        let make = |number| {
            scope.spawn(move || Postgres::shared().create_database(&format!("shared_{number}")).unwrap())
        };
        let making: Vec<_> = (0..4).map(make).collect();
        making.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    table(&urls[0]);
    assert!(numbers(&urls[0]).is_empty());
    let other = client(&urls[1]).query("SELECT * FROM entry", &[]);
    assert!(other.is_err(), "the table of another database");
    assert!(Postgres::shared().create_database("shared_0").is_err(), "there is one");
}

#[test]
fn the_server_listens_on_the_loopback_interface_and_keeps_what_it_acknowledges() {
    let server = Postgres::shared();
    let mut client = server.connect("postgres").unwrap();
    for (setting, value) in [
        ("listen_addresses", "127.0.0.1"),
        ("unix_socket_directories", ""),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("max_connections", "200"),
    ] {
        let shown: String = client.query_one(&format!("SHOW {setting}"), &[]).unwrap().get(0);
        assert_eq!(shown, value, "{setting}");
    }
    let without = server.url("postgres").replace("tester:", "tester:x");
    assert!(Client::connect(&without, NoTls).is_err(), "a wrong password");
}

#[test]
fn a_server_takes_other_settings_and_another_directory() {
    let directory = tempfile::tempdir_in("/var/tmp").unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o777)).unwrap();
    let server = Postgres::start_in(directory.path(), &[("shared_buffers", "1MB")]).unwrap();
    assert_eq!(server.directory().parent(), Some(directory.path()));
    let shown: String =
        server.connect("postgres").unwrap().query_one("SHOW shared_buffers", &[]).unwrap().get(0);
    assert_eq!(shown, "1MB");
}

#[test]
fn a_stopped_server_refuses_and_comes_back_with_everything() {
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("stopped").unwrap();
    table(&url);
    insert(&mut client(&url), 1).unwrap();
    let mut open = client(&url);
    server.stop().unwrap();
    assert!(Client::connect(&url, NoTls).is_err());
    assert!(open.execute("SELECT 1", &[]).is_err(), "a connection from before");
    assert!(server.stop().is_err() && server.kill().is_err(), "it does not run");
    server.restart().unwrap();
    assert!(server.restart().is_err(), "it runs");
    assert_eq!(numbers(&url), [1]);
    assert!(!server.log().contains("automatic recovery"), "it was stopped in order:\n{}", server.log());
}

#[test]
fn a_killed_server_recovers_all_that_it_acknowledged() {
    let mut server = Postgres::start().unwrap();
    let url = server.create_database("killed").unwrap();
    table(&url);
    let mut acknowledged = 0;
    for round in 0..3 {
        let (send, receive) = mpsc::channel();
        let acked: Vec<i32> = thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (url, send) = (&url, send.clone());
                scope.spawn(move || {
                    // On a busy machine, the server may be killed before all have connected.
                    let Ok(mut client) = Client::connect(url, NoTls) else { return };
                    for number in (round * 1_000_000 + writer..).step_by(WRITERS as usize) {
                        if insert(&mut client, number).is_err() {
                            return;
                        }
                        send.send(number).unwrap();
                    }
                });
            }
            drop(send);
            let mut acked: Vec<i32> = receive.iter().take(100).collect();
            server.kill().unwrap();
            acked.extend(receive.iter());
            acked
        });
        assert!(Client::connect(&url, NoTls).is_err(), "the server is gone");
        server.restart().unwrap();
        assert!(server.log().contains("automatic recovery"), "a crash:\n{}", server.log());
        let there = numbers(&url);
        assert!(
            acked.iter().all(|number| there.binary_search(number).is_ok()),
            "an acknowledged one is lost"
        );
        acknowledged += acked.len();
        // Each writer may have one more that was committed, but whose answer was lost with the server.
        let unknown = there.len() - acknowledged;
        assert!(unknown <= WRITERS as usize * (round as usize + 1), "{unknown} without an answer");
        acknowledged = there.len();
    }
}

#[test]
fn a_killed_server_leaves_no_process_behind() {
    let mut server = Postgres::start().unwrap();
    let url = server.url("postgres");
    let mut idle = client(&url);
    let mut busy = client(&url);
    let mut processes = vec![i32::try_from(server.process_id().unwrap()).unwrap()];
    for client in [&mut idle, &mut busy] {
        processes.push(client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0));
    }
    // In case the test fails while the query runs.
    busy.batch_execute("SET statement_timeout = '15min'").unwrap();
    let directory = server.directory().to_owned();
    thread::scope(|scope| {
        // One that never looks whether the server is still there.
        let endless = "SELECT count(*) FROM (SELECT generate_series(1, 1000000000000)) AS endless";
        let works = scope.spawn(move || busy.query(endless, &[]).map(|_| ()));
        let active =
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%AS endless'";
        let deadline = Instant::now() + HANG;
        while idle.query_one(active, &[]).unwrap().get::<_, i64>(0) == 0 {
            assert!(Instant::now() < deadline && !works.is_finished(), "the query does not run");
            thread::sleep(Duration::from_millis(10));
        }
        server.kill().unwrap();
        for process in &processes {
            // One that waits for its parent to notice its end has no command line.
            let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
            assert!(line.is_empty(), "{process} lives: {}", String::from_utf8_lossy(&line));
        }
        assert!(works.join().unwrap().is_err());
    });
    assert_eq!(server.process_id(), None);
    drop(server);
    assert!(!directory.exists());
}

#[test]
fn a_server_ends_with_the_process_of_its_test() {
    if std::env::var_os(DIES).is_some() {
        let server = Postgres::start().unwrap();
        println!("runs {} {}", server.process_id().unwrap(), server.directory().display());
        std::process::abort();
    }
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres_harness::a_server_ends_with_the_process_of_its_test", "--nocapture"])
        .env(DIES, "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let line = lines.find_map(|line| line.unwrap().split_once("runs ").map(|(_, rest)| rest.to_owned()));
    let line = line.expect("the server runs");
    let (id, directory) = line.split_once(' ').unwrap();
    process.wait().unwrap();
    let deadline = Instant::now() + HANG;
    let runs = || std::fs::read(format!("/proc/{id}/cmdline")).is_ok_and(|line| !line.is_empty());
    while runs() || Path::new(directory).exists() {
        assert!(
            Instant::now() < deadline,
            "server {id} outlives its test, or its directory {directory} does"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_commit_that_is_cut_before_the_server_has_it_does_not_happen() {
    let (proxy, direct, through) = relayed("cut_before");
    let mut open = client(&through);
    insert(&mut open, 1).unwrap();
    assert_eq!((proxy.commits(), proxy.cuts()), (1, 0));
    proxy.arm(Cut::BeforeCommit);
    assert!(insert(&mut open, 2).is_err());
    assert_eq!((proxy.commits(), proxy.cuts()), (2, 1));
    assert!(open.is_closed() || open.execute("SELECT 1", &[]).is_err());
    assert_eq!(numbers(&direct), [1]);
    // Once only.
    insert(&mut client(&through), 2).unwrap();
    assert_eq!(numbers(&direct), [1, 2]);
}

#[test]
fn a_commit_whose_answer_is_cut_has_happened() {
    let (proxy, direct, through) = relayed("cut_after");
    let mut open = client(&through);
    insert(&mut open, 1).unwrap();
    proxy.arm(Cut::AfterCommit);
    assert!(insert(&mut open, 2).is_err());
    assert_eq!((proxy.commits(), proxy.cuts()), (2, 1));
    assert_eq!(numbers(&direct), [1, 2], "already when the client knows nothing but the cut");
    insert(&mut client(&through), 3).unwrap();
    assert_eq!(numbers(&direct), [1, 2, 3]);
}

/// Inserts with a `COMMIT` that is sent as a prepared statement, or together with the insertion.
#[test]
fn a_commit_is_seen_however_it_is_sent() {
    let (proxy, direct, through) = relayed("cut_forms");
    let prepared = |number: i32| {
        let mut client = client(&through);
        let commit = client.prepare("commit").unwrap();
        client.batch_execute(&format!("BEGIN; INSERT INTO entry VALUES ({number})")).unwrap();
        client.execute(&commit, &[]).map(|_| ())
    };
    let together = |number: i32| {
        let statements = format!("BEGIN; INSERT INTO entry VALUES ({number}); COMMIT");
        client(&through).batch_execute(&statements)
    };
    let by_itself = |number: i32| client(&through).execute("INSERT INTO entry VALUES ($1)", &[&number]);
    prepared(1).unwrap();
    together(2).unwrap();
    by_itself(3).unwrap();
    assert_eq!((proxy.commits(), proxy.cuts()), (2, 0));
    proxy.arm(Cut::BeforeCommit);
    assert!(prepared(11).is_err());
    proxy.arm(Cut::BeforeCommit);
    assert!(together(12).is_err());
    proxy.arm_at("insert into entry", Cut::BeforeCommit);
    assert!(by_itself(13).is_err());
    assert_eq!(numbers(&direct), [1, 2, 3]);
    proxy.arm(Cut::AfterCommit);
    assert!(prepared(21).is_err());
    proxy.arm(Cut::AfterCommit);
    assert!(together(22).is_err());
    proxy.arm_at("insert into entry", Cut::AfterCommit);
    assert!(by_itself(23).is_err());
    assert_eq!(numbers(&direct), [1, 2, 3, 21, 22, 23]);
    assert_eq!(proxy.cuts(), 6);
}

#[test]
fn every_third_commit_is_cut() {
    let (proxy, direct, through) = relayed("cut_every");
    proxy.arm_every(Cut::AfterCommit, 3);
    let mut cut = Vec::new();
    let mut open = client(&through);
    for number in 1..=9 {
        if insert(&mut open, number).is_err() {
            cut.push(number);
            open = client(&through);
        }
    }
    assert_eq!(cut, [3, 6, 9]);
    assert_eq!(numbers(&direct), (1..=9).collect::<Vec<_>>());
    proxy.disarm();
    for number in 10..=15 {
        insert(&mut open, number).unwrap();
    }
    assert_eq!(proxy.cuts(), 3);
}

#[test]
fn a_relay_refuses_delays_and_cuts_whatever_is_under_way() {
    let (proxy, direct, through) = relayed("cut_refuse");
    let mut open = client(&through);
    proxy.refuse(true);
    assert!(Client::connect(&through, NoTls).is_err());
    insert(&mut open, 1).unwrap();
    proxy.refuse(false);

    proxy.delay(Duration::from_millis(100));
    let begin = Instant::now();
    insert(&mut open, 2).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(300), "begin, insert and commit: {:?}", begin.elapsed());

    // A network that swallows everything; then it works again.
    proxy.delay(Duration::from_secs(1_000_000));
    thread::scope(|scope| {
        let waits = scope.spawn(|| insert(&mut open, 3));
        thread::sleep(Duration::from_millis(300));
        assert!(!waits.is_finished());
        proxy.delay(Duration::ZERO);
        waits.join().unwrap().unwrap();
    });
    proxy.delay(Duration::from_secs(1_000_000));
    thread::scope(|scope| {
        let waits = scope.spawn(|| insert(&mut open, 4));
        thread::sleep(Duration::from_millis(100));
        proxy.cut_all();
        assert!(waits.join().unwrap().is_err());
    });
    proxy.delay(Duration::ZERO);
    assert_eq!(numbers(&direct), [1, 2, 3]);

    let mut open = client(&through);
    drop(proxy);
    assert!(open.execute("SELECT 1", &[]).is_err());
    // The port is anybody's now.
    assert!(Client::connect(&through, NoTls).is_err(), "nobody passes it on");
}

#[test]
fn a_request_for_encryption_is_passed_on() {
    let (proxy, _, _) = relayed("cut_ssl");
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    // The code of the request for SSL, which the server has not. The ordinary protocol goes on after that.
    stream.write_all(&[8_u32.to_be_bytes(), 80_877_103_u32.to_be_bytes()].concat()).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"N");
    let parameters = b"user\0tester\0database\0cut_ssl\0\0";
    let length = 8 + parameters.len() as u32;
    let start = [&length.to_be_bytes()[..], &0x0003_0000_u32.to_be_bytes(), parameters].concat();
    stream.write_all(&start).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"R", "the server asks for the password");
}

/// A message of PostgreSQL's protocol.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// With a server that does as little as possible: what of its answers a client gets that does not wait for the one before it
/// sends the next request.
#[test]
fn nothing_of_the_answer_passes_and_all_that_came_before_it_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = CutProxy::start(listener.local_addr().unwrap()).unwrap();
    let ready = message(b'Z', b"I");
    let start = [8_u32.to_be_bytes(), 0x0003_0000_u32.to_be_bytes()].concat();
    let requests = [message(b'Q', b"INSERT\0"), message(b'Q', b"COMMIT\0")].concat();
    let answers =
        [[message(b'C', b"INSERT 0 1\0"), ready.clone()], [message(b'C', b"COMMIT\0"), ready.clone()]];
    for (cut, passed, received) in [
        (None, answers.concat().concat(), &requests[..]),
        (Some(Cut::AfterCommit), answers[0].concat(), &requests[..]),
        // What the server has not answered yet when the connection is cut, nobody waits for.
        (Some(Cut::BeforeCommit), Vec::new(), &requests[..requests.len() / 2]),
    ] {
        if let Some(cut) = cut {
            proxy.arm(cut);
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut server = listener.accept().unwrap().0;
                server.read_exact(&mut vec![0; start.len()]).unwrap();
                server.write_all(&ready).unwrap();
                let mut requests = vec![0; received.len()];
                server.read_exact(&mut requests).unwrap();
                assert_eq!(requests, received);
                if cut != Some(Cut::BeforeCommit) {
                    server.write_all(&answers.concat().concat()).unwrap();
                }
                if cut.is_some() {
                    assert!(server.read(&mut [0]).is_ok_and(|count| count == 0), "nothing more comes");
                }
            });
            let mut client = TcpStream::connect(proxy.address()).unwrap();
            client.set_read_timeout(Some(HANG)).unwrap();
            client.write_all(&start).unwrap();
            client.read_exact(&mut vec![0; ready.len()]).unwrap();
            client.write_all(&requests).unwrap();
            let mut seen = Vec::new();
            client.read_to_end(&mut seen).unwrap();
            assert_eq!(seen, passed, "{cut:?}");
        });
    }
    assert_eq!((proxy.commits(), proxy.cuts()), (3, 2));
}
