//! The server in front of an office that stands still, fails, or does not exist.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod description;
mod requests;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use card_core::id::{Binding, CardId, Company, Environment, Scope};
use card_core::key::KeyLength;
use card_core::message::Slot;
use card_core::units::CardTime;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use card_host::issuer::Clock;
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_ledger::{
    AccountBalance, Ask, BindingRecord, CardRecord, Context, Customer, Entry, EntryId, Hash, Head, Ledger,
    LedgerError, Link, MailRecord, Message, Party, PartyCode, Payee, Point, PointCode, PolicyRecord, Power,
    Reading, RequestKey, Row, SignedHead, StepDone, StoreError, Table, Token, Transaction, Work,
};

/// After so long a test hangs, on any machine.
const HANG: Duration = Duration::from_secs(600);

/// Waits until something has happened.
fn until(mut happened: impl FnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !happened() {
        assert!(begun.elapsed() < HANG, "not yet");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Answers `status` as it is told to.
#[derive(Default)]
struct Fake {
    /// As long as this is set, nothing that was begun comes to its end.
    holds: AtomicBool,
    panics: AtomicBool,
    gone: AtomicBool,
    begun: AtomicU64,
    done: AtomicU64,
    looked_up: AtomicU64,
    /// As long as this is set, nothing is written.
    stands_still: AtomicBool,
    touched: AtomicU64,
    /// As long as this is set, what Fawry asks for is not done.
    holds_fawry: AtomicBool,
}

impl Fake {
    fn work(&self) -> Result<(), LedgerError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        until(|| !self.holds.load(Ordering::SeqCst));
        assert!(!self.panics.load(Ordering::SeqCst), "as it was told");
        self.done.fetch_add(1, Ordering::SeqCst);
        self.there()
    }

    fn there(&self) -> Result<(), LedgerError> {
        let gone = self.gone.load(Ordering::SeqCst);
        if gone { Err(StoreError::Unavailable("no disk".to_owned()).into()) } else { Ok(()) }
    }
}

/// The ledger of an office with a few tokens and without anything else.
struct FakeLedger(Arc<Fake>);

impl Ledger for FakeLedger {
    fn scope(&self) -> Scope {
        Scope { company: Company(1), environment: Environment::Test }
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        work(&mut FakeRows { fake: &self.0, writes: true })
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        work(&mut FakeRows { fake: &self.0, writes: false })
    }

    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.read(work)
    }
}

struct FakeRows<'a> {
    fake: &'a Fake,
    writes: bool,
}

/// What nobody asks for here.
macro_rules! never {
    ($($name:ident($($of:ty),*) -> $out:ty;)*) => {
        $(fn $name(&mut self, $(_: $of),*) -> Result<$out, LedgerError> {
            panic!(stringify!($name))
        })*
    };
}

impl Transaction for FakeRows<'_> {
    fn token(&mut self, hash: &Hash) -> Result<Option<Token>, LedgerError> {
        self.fake.looked_up.fetch_add(1, Ordering::SeqCst);
        let known = [("x", "fawry"), ("cib", "cib"), ("branch", "branch")].into_iter();
        let mut known = known.filter(|(secret, _)| *hash == <[u8; 32]>::from(Sha256::digest(secret)));
        let Some((_, party)) = known.next() else { return Ok(None) };
        let (party, actor) = (party.parse()?, "front".to_owned());
        Ok(Some(Token { hash: *hash, party, actor, power: Power::Sell, revoked: false }))
    }

    fn steps(&mut self, request: &RequestKey) -> Result<Vec<StepDone>, LedgerError> {
        // What is not read is asked for once more, by a transaction that could write it: the work is there.
        if !self.writes {
            return Ok(Vec::new());
        }
        until(|| request.party.as_str() != "fawry" || !self.fake.holds_fawry.load(Ordering::SeqCst));
        self.fake.work()?;
        Ok(Vec::new())
    }

    fn touch(&mut self) -> Result<(), LedgerError> {
        self.fake.touched.fetch_add(1, Ordering::SeqCst);
        until(|| !self.fake.stands_still.load(Ordering::SeqCst));
        self.fake.there()
    }

    fn policies(&mut self) -> Result<Vec<PolicyRecord>, LedgerError> {
        Ok(Vec::new())
    }

    fn messages(&mut self, _: u32) -> Result<Vec<Message>, LedgerError> {
        Ok(Vec::new())
    }

    fn point(&mut self, _: &PointCode) -> Result<Option<Point>, LedgerError> {
        Ok(None)
    }

    fn signed_head(&mut self, _: &PointCode, _: u64) -> Result<Option<SignedHead>, LedgerError> {
        Ok(None)
    }

    fn secret(&mut self) -> Result<card_ledger::Secret, LedgerError> {
        Ok(card_ledger::Secret::parse(&[0; 32])?)
    }

    fn last_time(&mut self) -> Result<CardTime, LedgerError> {
        Ok(CardTime::UNSET)
    }

    never! {
        context(&Ask<'_>) -> Context;
        write(&Entry, &Point, &[Head]) -> ();
        keep(&[Head]) -> ();
        entry(&EntryId) -> Option<Entry>;
        chain(&PointCode, u64, u32) -> Vec<Entry>;
        history(Binding, u32) -> Vec<Entry>; recovered(Option<&EntryId>, u32) -> Vec<Entry>;
        points(Option<&PointCode>, u32) -> Vec<Point>;
        party(&PartyCode) -> Option<Party>;
        tokens(&PartyCode) -> Vec<Token>; staff() -> Vec<card_ledger::Staff>;
        persons(&card_host::national_id::PersonRef) -> Vec<card_ledger::PersonRecord>;
        binding(Payee) -> Option<BindingRecord>;
        bindings(Option<Binding>, u32) -> Vec<BindingRecord>;
        bindings_of(u64) -> Vec<BindingRecord>;
        customer(u64) -> Option<Customer>;
        debtors(Option<u64>, u32) -> Vec<Customer>;
        card(CardId) -> Option<CardRecord>;
        link(&PartyCode, CardId) -> Option<Link>;
        mail(Binding) -> Vec<MailRecord>;
        mail_in(Binding, Slot) -> Option<MailRecord>;
        readings(&[Binding], u32) -> Vec<Reading>;
        latest(&[Binding]) -> Vec<Reading>;
        message(&str) -> Option<Message>;
        waiting(Option<&PointCode>, Option<&RequestKey>, u32) -> Vec<Entry>;
        balances() -> Vec<AccountBalance>;
        rows(Table, &mut dyn FnMut(Row) -> Result<(), LedgerError>) -> ();
        epoch() -> u32;
    }
}

/// An office that does not know the time.
fn office(fake: &Arc<Fake>) -> Arc<Office> {
    struct NoTime;
    impl Clock for NoTime {
        fn now(&self) -> Option<CardTime> {
            None
        }
    }
    let keys = SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap();
    let ledger = Arc::new(FakeLedger(Arc::clone(fake)));
    Arc::new(Office::new(ledger, Arc::new(keys), NoTime).unwrap())
}

struct Running {
    fake: Arc<Fake>,
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

fn options() -> Options {
    let much = NonZeroU32::new(100_000).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    Options {
        address,
        signals: false,
        rate: much,
        burst: much,
        // Limits that no test meets by chance.
        read_timeout: HANG,
        request_timeout: HANG,
        grace: HANG,
        ..Options::default()
    }
}

impl Running {
    fn start(options: Options) -> Self {
        let fake = Arc::new(Fake::default());
        let (office, stop) = (office(&fake), options.stop.clone());
        let (said, address) = mpsc::channel();
        let thread =
            std::thread::spawn(move || serve(office, options, |address| said.send(address).unwrap()));
        let address = address.recv_timeout(HANG).unwrap();
        Self { fake, address, stop, thread: Some(thread) }
    }

    fn get(&self, path: &str) -> (u16, Value) {
        self.get_with(path, "x", "")
    }

    fn get_with(&self, path: &str, token: &str, more: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    fn problem(&self, path: &str) -> (u16, String, bool) {
        let (status, body) = self.get(path);
        (status, body["code"].as_str().unwrap().to_owned(), body["repeat"].as_bool().unwrap())
    }

    fn end(&mut self) -> Result<(), ServerError> {
        self.stop.stop();
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            let _ = self.end();
        }
    }
}

fn is(status: u16, code: &str, repeat: bool) -> (u16, String, bool) {
    (status, code.to_owned(), repeat)
}

const SALE: &str = "/v1/sales/a";

#[test]
fn work_that_takes_too_long_goes_on_to_its_end() {
    let mut running = Running::start(Options { request_timeout: Duration::from_millis(200), ..options() });
    running.fake.holds.store(true, Ordering::SeqCst);
    assert_eq!(running.problem(SALE), is(503, "outcome-unknown", true));
    assert_eq!(running.fake.done.load(Ordering::SeqCst), 0);
    // Stopping waits for it.
    running.stop.stop();
    until(|| TcpStream::connect(running.address).is_err());
    std::thread::sleep(Duration::from_millis(300));
    assert!(running.thread.as_ref().is_some_and(|thread| !thread.is_finished()));
    running.fake.holds.store(false, Ordering::SeqCst);
    running.end().unwrap();
    assert_eq!(running.fake.done.load(Ordering::SeqCst), 1);
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let mut running = Running::start(options());
    running.fake.holds.store(true, Ordering::SeqCst);
    let address = running.address;
    let asked: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                // The connection may be used again, and is ended all the same.
                let head = format!("GET {SALE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                text
            })
        })
        .collect();
    let idle = TcpStream::connect(address).unwrap();
    until(|| running.fake.begun.load(Ordering::SeqCst) == 4);
    running.stop.stop();
    until(|| TcpStream::connect(address).is_err());
    running.fake.holds.store(false, Ordering::SeqCst);
    let begun = std::time::Instant::now();
    running.end().unwrap();
    println!("ended after {:?}", begun.elapsed());
    assert!(begun.elapsed() < HANG, "less than its limits");
    for asked in asked {
        let text = asked.join().unwrap();
        assert!(text.starts_with("HTTP/1.1 404 ") && text.contains("no-request"), "{text}");
    }
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    drop(idle);
}

#[test]
fn what_does_not_end_is_cut_short_and_said() {
    let grace = Duration::from_millis(200);
    let mut running = Running::start(Options { request_timeout: grace, grace, ..options() });
    running.fake.holds.store(true, Ordering::SeqCst);
    assert_eq!(running.problem(SALE).0, 503);
    assert!(matches!(running.end(), Err(ServerError::CutShort)));
    running.fake.holds.store(false, Ordering::SeqCst);
}

#[test]
fn only_so_much_is_worked_on_at_once() {
    let running =
        Running::start(Options { work: 2, request_timeout: Duration::from_millis(500), ..options() });
    running.fake.holds.store(true, Ordering::SeqCst);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(|| running.problem(SALE))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let count = |answer| answers.iter().filter(|found| **found == answer).count();
    // One is the party's share; those that waited in vain were never begun.
    assert_eq!(count(is(503, "outcome-unknown", true)), 1, "{answers:?}");
    assert_eq!(count(is(503, "busy", true)), 11, "{answers:?}");
    assert_eq!(running.fake.begun.load(Ordering::SeqCst), 1);
    running.fake.holds.store(false, Ordering::SeqCst);
    until(|| running.problem(SALE) == is(404, "no-request", false));
}

#[test]
fn one_party_takes_no_more_than_its_share() {
    let running = Running::start(Options { work: 8, ..options() });
    running.fake.holds_fawry.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| running.get(SALE));
        }
        until(|| running.fake.looked_up.load(Ordering::SeqCst) == 20);
        // Fawry's stand still, and others go on.
        let answer = running.get_with(SALE, "cib", "");
        let done = running.fake.done.load(Ordering::SeqCst);
        running.fake.holds_fawry.store(false, Ordering::SeqCst);
        assert_eq!((answer.0, done), (404, 1));
    });
    assert_eq!(running.fake.done.load(Ordering::SeqCst), 21, "in the end all is done");
}

#[test]
fn wrong_tokens_keep_out_only_those_where_they_come_from() {
    // One in a minute: whoever takes longer than that for the few requests of this test hangs.
    let running = Running::start(Options { failures: NonZeroU32::MIN, ..options() });
    let ask = |token: &str, from: &str| running.get_with(SALE, token, &format!("X-Real-IP: {from}\r\n")).0;
    let wrong: Vec<u16> = (0..4).map(|_| ask("wrong", "192.0.2.7")).collect();
    assert_eq!(wrong, [401, 401, 429, 429]);
    assert_eq!(ask("cib", "192.0.2.8"), 404, "another kiosk behind the same proxy");
    assert_eq!(ask("branch", "192.0.2.7"), 429);
}

#[test]
fn who_asks_too_often_is_not_looked_up() {
    let few = NonZeroU32::new(2).unwrap();
    let running = Running::start(Options { rate: NonZeroU32::MIN, burst: few, ..options() });
    let begun = std::time::Instant::now();
    let mut answers = Vec::new();
    until(|| {
        answers.push(running.get(SALE).0);
        answers.len() >= 20 && answers.contains(&429)
    });
    let most = 2 + begun.elapsed().as_secs() + 1;
    let looked_up = running.fake.looked_up.load(Ordering::SeqCst);
    assert!(looked_up <= most, "{looked_up} look-ups for {answers:?}");
}

#[test]
fn a_store_that_is_gone_and_a_mistake_of_ours() {
    let running = Running::start(options());
    let (_, status) = running.get("/v1/status");
    assert_eq!(
        (&status["store"], &status["time"], &status["protocol"]),
        (&true.into(), &Value::Null, &1.into())
    );
    running.fake.gone.store(true, Ordering::SeqCst);
    assert_eq!(running.problem(SALE), is(503, "store-unavailable", true));
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(running.get("/v1/status").1["store"], false);
    // What a thread that panicked has done is not known.
    running.fake.panics.store(true, Ordering::SeqCst);
    assert_eq!(running.problem(SALE), is(503, "outcome-unknown", true));
    running.fake.panics.store(false, Ordering::SeqCst);
    running.fake.gone.store(false, Ordering::SeqCst);
    assert_eq!(running.problem(SALE), is(404, "no-request", false));
}

#[test]
fn a_store_that_stands_still_is_not_well_and_is_not_asked_again() {
    let running = Running::start(options());
    let healthy = || running.get("/v1/status").1["store"].as_bool().unwrap();
    assert!(healthy());
    let before = running.fake.touched.load(Ordering::SeqCst);
    running.fake.stands_still.store(true, Ordering::SeqCst);
    until(|| !healthy());
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(1100));
        assert!(!healthy());
    }
    assert!(running.fake.touched.load(Ordering::SeqCst) <= before + 1, "one at a time");
    running.fake.stands_still.store(false, Ordering::SeqCst);
    until(healthy);
}

#[test]
fn an_address_that_is_taken() {
    let running = Running::start(options());
    let office = office(&running.fake);
    let taken = serve(Arc::clone(&office), Options { address: running.address, ..options() }, |_| {});
    assert!(matches!(taken, Err(ServerError::Address(..))));
    let none = serve(office, Options { work: 0, ..options() }, |_| {});
    assert!(matches!(none, Err(ServerError::Limits)));
    assert!(ADDRESS.ip().is_loopback() && Options::default().address == ADDRESS);
}
