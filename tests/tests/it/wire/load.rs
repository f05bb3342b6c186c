//! Many at once, who hang up, time out and repeat: sums hold, and what was acknowledged was certified once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use card_channel::client::{Client, ClientError, Timeouts};
use card_channel::wire::{Payee, Sale, SaleState, UnlinkQuery};
use card_ledger::{Kind, Power};
use card_server::{Options, log_to_stderr, serve};
use fastrand::Rng;

use system_tests::HANG;

use super::served::{PATIENCE, Served, company, sale, second_office, wide};
use system_tests::world::World;

const CLIENTS: u64 = 16;
const CARDS: u64 = 5;

fn payee(number: u64) -> Payee {
    Payee::Card(format!("{number:016X}"))
}

/// Hangs up somewhere in a request, or before its answer.
fn hang_up(served: &Served, dice: &mut Rng, id: &str, body: &str) {
    let request = format!(
        "POST /v1/sales HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nIdempotency-Key: {id}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        served.fawry,
        body.len()
    );
    let mut stream = TcpStream::connect(served.address).unwrap();
    let most = request.len() as u64 + 40;
    let part = usize::try_from(dice.u64(..most)).unwrap().min(request.len());
    stream.write_all(&request.as_bytes()[..part]).unwrap();
    if dice.u64(..2) == 0 {
        std::thread::sleep(Duration::from_millis(dice.u64(..4)));
    }
}

/// Every acknowledged sale is there once, with that voucher, and all sums hold.
fn compare(world: &World, acknowledged: &BTreeMap<String, Sale>) {
    world.check();
    let mut certified = BTreeMap::new();
    for entry in world.entries() {
        if matches!(entry.kind, Kind::Sale | Kind::Certify) {
            let id = entry.request.id.to_string();
            assert!(certified.insert(id.clone(), entry).is_none(), "{id} twice");
        }
    }
    for (id, sale) in acknowledged {
        let entry = certified.get(id).unwrap_or_else(|| panic!("{id} was acknowledged and is not there"));
        let held = sale.certified.as_ref().unwrap();
        assert_eq!(Some(hex::encode_upper(&entry.payload)), held.voucher, "{id}");
        assert_eq!(entry.amount.0, sale.amount_piastres);
    }
}

#[test]
fn clients_that_time_out_hang_up_and_repeat() {
    let long = std::env::var("CARD_TESTS").is_ok_and(|value| value == "long");
    let each = if long { 400 } else { 40 };
    let served = Served::start();
    for number in 1..=CARDS {
        served.world.customer(number);
    }
    let (unknown, hung_up) = (AtomicU64::new(0), AtomicU64::new(0));
    let begun = Instant::now();
    let acknowledged: BTreeMap<String, Sale> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (served, unknown, hung_up) = (&served, &unknown, &hung_up);
                scope.spawn(move || {
                    let mut dice = Rng::with_seed(client + 1);
                    let patient = served.client(&served.fawry);
                    let mut done = Vec::new();
                    for number in 0..each {
                        let (id, card) = (format!("c{client}-{number}"), 1 + dice.u64(..CARDS));
                        let (point, amount) = (format!("fawry-{}", 1 + client % 2), 500 + dice.u64(..10_000));
                        let body = sale(&point, card, amount, "received");
                        while dice.u64(..3) == 0 {
                            hang_up(served, &mut dice, &id, &body);
                            hung_up.fetch_add(1, Ordering::Relaxed);
                        }
                        let limit = Duration::from_micros(500 + dice.u64(..20_000));
                        let impatient = served.impatient(&served.fawry, limit);
                        let mut tries = 0;
                        let sold = loop {
                            tries += 1;
                            let client = if tries > 5 { &patient } else { &impatient };
                            match client.sell(&id, &point, &payee(card), amount) {
                                Ok(sale) => break sale,
                                Err(ClientError::Unknown(_) | ClientError::Offline(_)) => {
                                    unknown.fetch_add(1, Ordering::Relaxed);
                                }
                                Err(other) => panic!("{id}: {other:?}"),
                            }
                        };
                        assert_eq!(sold.amount_piastres, amount);
                        // A last repetition has the same answer.
                        assert_eq!(patient.sell(&id, &point, &payee(card), amount).unwrap(), sold);
                        done.push((id, sold));
                    }
                    done
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(acknowledged.len() as u64, CLIENTS * each);
    let (unknown, hung_up) = (unknown.into_inner(), hung_up.into_inner());
    println!(
        "{} sales by {CLIENTS} clients in {:?}, {unknown} times without an answer, {hung_up} times hung up",
        acknowledged.len(),
        begun.elapsed()
    );
    assert!(hung_up > CLIENTS, "the dice are the same everywhere");
    compare(&served.world, &acknowledged);
    // All that was sold was acknowledged in the end, so there is nothing else.
    let sold = served.world.entries().iter().filter(|entry| entry.kind == Kind::Sale).count();
    assert_eq!(sold, acknowledged.len());
}

#[test]
fn confirmed_cancelled_and_hung_up_on() {
    let served = Served::start();
    for number in 1..=CARDS {
        served.world.customer(number);
    }
    let ends: Vec<SaleState> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let served = &served;
                scope.spawn(move || {
                    let mut dice = Rng::with_seed(100 + number);
                    let mut ends = Vec::new();
                    for sale in 0..8 {
                        // Pairs of clients work on the same sales.
                        let id = format!("p{}-{sale}", number / 2);
                        let (client, payee) = (served.client(&served.fawry), payee(1 + number / 2 % CARDS));
                        let limit = Duration::from_micros(300 + dice.u64(..5_000));
                        let impatient = served.impatient(&served.fawry, limit);
                        client.reserve(&id, "fawry-1", &payee, 5000).unwrap();
                        if dice.u64(..2) == 0 {
                            let _ = impatient.confirm(&id, "fawry-1", None);
                            let _ = client.confirm(&id, "fawry-1", None);
                        } else {
                            let _ = impatient.cancel(&id, "fawry-1");
                            let _ = client.cancel(&id, "fawry-1");
                        }
                        ends.push(client.status(&id).unwrap().state);
                    }
                    ends
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let kinds: BTreeSet<_> = ends.iter().map(|state| format!("{state:?}")).collect();
    let both = ["Cancelled", "Certified"].map(str::to_owned);
    assert_eq!(kinds, both.into_iter().collect());
    served.world.check();
}

#[test]
fn a_stop_in_the_middle_loses_nothing_that_was_acknowledged() {
    for round in 0..3 {
        let mut served = Served::start();
        for number in 1..=CARDS {
            served.world.customer(number);
        }
        let (base, token) = (served.base(), served.fawry.clone());
        let threads = sellers(&base, &token, round);
        let begun = Instant::now();
        served.stop().unwrap();
        let took = begun.elapsed();
        let (acknowledged, offline) = joined(threads);
        println!("stopped in {took:?} after {} sales", acknowledged.len());
        assert!(took < HANG);
        assert!(!acknowledged.is_empty() && offline > 0, "{} {offline}", acknowledged.len());
        compare(&served.world, &acknowledged);
    }
}

type Sellers = Vec<std::thread::JoinHandle<(BTreeMap<String, Sale>, bool)>>;

/// Threads that sell until nobody listens any more. What is unknown is not repeated: it is there or not.
///
/// Returns once some have been sold, however slow this computer is.
fn sellers(base: &str, token: &str, round: u64) -> Sellers {
    let count = Arc::new(AtomicU64::new(0));
    let sellers = (0..CLIENTS)
        .map(|number| {
            let (base, token, count) = (base.to_owned(), token.to_owned(), Arc::clone(&count));
            std::thread::spawn(move || {
                let mut dice = Rng::with_seed(1000 * round + number);
                let patient = Timeouts { connect: PATIENCE, total: PATIENCE };
                let client = Client::with_timeouts(&base, &token, patient).unwrap();
                let mut done = BTreeMap::new();
                for sale in 0.. {
                    let id = format!("s{number}-{sale}");
                    let point = format!("fawry-{}", 1 + number % 2);
                    match client.sell(&id, &point, &payee(1 + dice.u64(..CARDS)), 1000 + sale) {
                        Ok(sold) => {
                            count.fetch_add(1, Ordering::Relaxed);
                            assert!(done.insert(id, sold).is_none());
                        }
                        Err(ClientError::Offline(_)) => return (done, true),
                        Err(ClientError::Unknown(_)) => return (done, false),
                        Err(other) => panic!("{other:?}"),
                    }
                }
                unreachable!()
            })
        })
        .collect();
    let begun = Instant::now();
    while count.load(Ordering::Relaxed) < 20 + 30 * round {
        assert!(begun.elapsed() < HANG, "nothing is sold");
        std::thread::sleep(Duration::from_millis(1));
    }
    sellers
}

fn joined(sellers: Sellers) -> (BTreeMap<String, Sale>, usize) {
    let mut all = BTreeMap::new();
    let mut offline = 0;
    for seller in sellers {
        let (done, was_offline) = seller.join().unwrap();
        offline += usize::from(was_offline);
        all.extend(done);
    }
    (all, offline)
}

/// Not a test: the server in a process of its own, for those that end it with signals.
#[test]
#[ignore = "it is the process that other tests start"]
fn served_in_a_process() {
    let Some(directory) = std::env::var_os("WIRE_SERVED") else { return };
    let world = company(&std::path::Path::new(&directory).join("ledger.sqlite"));
    for number in 1..=CARDS {
        world.customer(number);
    }
    let party = "fawry".parse().unwrap();
    let token = world.office.add_token(&world.boss(), &world.id(), &party, "front", Power::Sell).unwrap();
    let log = log_to_stderr();
    let options = Options { signals: true, ..wide() };
    serve(second_office(&world), options, |address| println!("\nserving {address} {}", &*token)).unwrap();
    drop(log);
    println!("ended well");
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ended_by(signal: rustix::process::Signal) {
    let directory = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "wire::load::served_in_a_process"])
        .env("WIRE_SERVED", directory.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut process = Process(child);
    let log = process.0.stderr.take().unwrap();
    let log =
        std::thread::spawn(move || BufReader::new(log).lines().map_while(Result::ok).collect::<Vec<_>>());
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let said = lines.find_map(|line| line.unwrap().strip_prefix("serving ").map(str::to_owned));
    let said = said.expect("it says where it listens");
    let (address, token) = said.split_once(' ').unwrap();
    let base = format!("http://{address}");
    // A path with a card and an argument in it.
    let client = Client::new(&base, token).unwrap();
    client.pending("0000000000000001").unwrap();
    let asked = UnlinkQuery { point: "fawry-1".to_owned(), customer: "c-83311".to_owned() };
    client.unlink("u-1", "0000000000000001", &asked).unwrap_err();
    let threads = sellers(&base, token, 3);
    rustix::process::kill_process(rustix::process::Pid::from_child(&process.0), signal).unwrap();
    let (acknowledged, _) = joined(threads);
    let status = process.0.wait().unwrap();
    let killed = signal == rustix::process::Signal::KILL;
    assert_eq!(status.code(), if killed { None } else { Some(0) }, "{status}");
    assert_eq!(lines.any(|line| line.unwrap() == "ended well"), !killed);
    let log = log.join().unwrap();
    let sales = log.iter().filter(|line| line.contains("method=POST path=/v1/sales status=201")).count();
    println!("{} sales acknowledged, {sales} in the log", acknowledged.len());
    assert!(!acknowledged.is_empty());
    let pending = "method=GET path=/v1/cards/{card}/pending status=200";
    assert!(log.iter().any(|line| line.contains(pending)), "its line is missing");
    let whose = "party=fawry point=fawry-2 request=s1-0";
    assert!(log.iter().any(|line| line.contains(whose)), "who asked for what, and where");
    if !killed {
        assert!(sales >= acknowledged.len(), "every sale has its line");
        assert!(log.iter().any(|line| line.contains("stopped=true connections-ended=true work-ended=true")));
    }
    for line in &log {
        let secret = [token, "0000000000000001", "c-83311"].iter().any(|secret| line.contains(secret));
        assert!(!secret, "{line}");
    }
    compare(&company(&directory.path().join("ledger.sqlite")), &acknowledged);
}

#[test]
fn ended_by_a_service_manager() {
    ended_by(rustix::process::Signal::TERM);
}

#[test]
fn ended_from_a_terminal() {
    ended_by(rustix::process::Signal::INT);
}

#[test]
fn killed() {
    ended_by(rustix::process::Signal::KILL);
}

#[test]
fn rules_are_read_anew() {
    let served = Served::start();
    served.world.customer(7);
    let client = served.client(&served.fawry);
    client.sell("a", "fawry-1", &payee(7), 5000).unwrap();
    let (world, mut rules) = (&served.world, system_tests::world::rules());
    rules.channels.get_mut("kiosk").unwrap().least = 6000;
    world.office.set_policy(&world.boss(), &world.id(), None, &rules).unwrap();
    let begun = Instant::now();
    let refused =
        (0..).map(|number| client.sell(&format!("b{number}"), "fawry-1", &payee(7), 5000)).find_map(|sold| {
            std::thread::sleep(Duration::from_millis(500));
            assert!(begun.elapsed() < HANG);
            sold.err()
        });
    let Some(ClientError::Refused(problem)) = refused else { panic!("{refused:?}") };
    assert_eq!(problem.code, "too-little");
}
