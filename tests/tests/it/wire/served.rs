//! A server over a ledger in a file, on a port of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use card_channel::client::{Client, Timeouts};
use card_host::card_core::key::KeyLength;
use card_host::card_core::platform::{Random, RandomError};
use card_host::card_work::development_scope;
use card_host::keystore::SoftwareKeyStore;
use card_ledger::{Ledger, Office, Power, SqliteLedger};
use card_server::{Options, ServerError, Stop, serve};
use serde_json::Value;
use system_tests::HANG;

use system_tests::world::World;

/// Not random: two offices have the same keys.
struct Counting(u8);

impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        for byte in out {
            self.0 = self.0.wrapping_mul(5).wrapping_add(17);
            *byte = self.0;
        }
        Ok(())
    }
}

fn keys() -> SoftwareKeyStore {
    SoftwareKeyStore::generate(KeyLength::Aes256, &mut Counting(1)).unwrap()
}

/// A company over the ledger in this file.
pub(crate) fn company(file: &Path) -> World {
    let ledger = SqliteLedger::open_or_create(file, development_scope()).unwrap();
    World::with_keys(Arc::new(ledger), keys())
}

/// A second office over the same ledger with the same keys, as another program has it.
pub(crate) fn second_office(world: &World) -> Arc<Office> {
    let ledger: Arc<dyn Ledger> = Arc::clone(&world.ledger);
    Arc::new(Office::new(ledger, Arc::new(keys()), world.clock.clone()).unwrap())
}

pub(crate) struct Served {
    pub(crate) world: World,
    pub(crate) address: SocketAddr,
    pub(crate) fawry: String,
    pub(crate) cib: String,
    /// Of another person at Fawry, who may approve.
    pub(crate) second: String,
    stop: Stop,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
    _directory: tempfile::TempDir,
}

/// Longer than a computer with too much to do needs.
pub(crate) const PATIENCE: Duration = HANG;

/// Limits that no test meets by chance.
pub(crate) fn wide() -> Options {
    let much = NonZeroU32::new(1_000_000).unwrap();
    Options {
        address: "127.0.0.1:0".parse().unwrap(),
        rate: much,
        burst: much,
        read_timeout: PATIENCE,
        request_timeout: PATIENCE,
        grace: PATIENCE,
        signals: false,
        stop: Stop::new(),
        ..Options::default()
    }
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::with(wide())
    }

    pub(crate) fn with(options: Options) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let world = company(&directory.path().join("ledger.sqlite"));
        let token = |party: &str, actor: &str, power| {
            let party = party.parse().unwrap();
            world.office.add_token(&world.boss(), &world.id(), &party, actor, power).unwrap().to_string()
        };
        let fawry = token("fawry", "front", Power::Sell);
        let cib = token("cib", "app", Power::Sell);
        let second = token("fawry", "omar", Power::Approve);
        let (stop, office) = (options.stop.clone(), second_office(&world));
        let (said, address) = mpsc::channel();
        let thread =
            std::thread::spawn(move || serve(office, options, |address| said.send(address).unwrap()));
        let address = address.recv_timeout(HANG).expect("the server listens");
        Self { world, address, fawry, cib, second, stop, thread: Some(thread), _directory: directory }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn client(&self, token: &str) -> Client {
        self.impatient(token, PATIENCE)
    }

    pub(crate) fn impatient(&self, token: &str, total: Duration) -> Client {
        let timeouts = Timeouts { connect: PATIENCE, total };
        Client::with_timeouts(&self.base(), token, timeouts).unwrap()
    }

    /// Stops it and gives how it ended.
    pub(crate) fn stop(&mut self) -> Result<(), ServerError> {
        self.stop.stop();
        self.thread.take().expect("it was stopped before").join().expect("it does not panic")
    }

    pub(crate) fn ask(&self, method: &str, path: &str, token: &str, key: Option<&str>, body: &str) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n");
        if !token.is_empty() {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        if let Some(key) = key {
            head += &format!("Idempotency-Key: {key}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        self.raw(format!("{head}\r\n{body}").as_bytes())
    }

    /// Sends bytes and reads to the end.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(HANG)).unwrap();
        // One that has seen enough hangs up while we still write.
        let _ = stream.write_all(bytes);
        Answer::read(&mut stream)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &mut TcpStream) -> Self {
        let mut all = Vec::new();
        let mut buffer = [0; 4096];
        // A reset after the answer leaves what was read before it.
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            all.extend_from_slice(&buffer[..read]);
        }
        let end = all.windows(4).position(|part| part == b"\r\n\r\n");
        let Some(end) = end else { return Self { status: 0, head: String::new(), body: all } };
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, head: head.to_lowercase(), body: all[end + 4..].to_vec() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of a problem, whose form is checked.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{} {}", self.head, String::from_utf8_lossy(&self.body));
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        let problem = self.json();
        let code = problem["code"].as_str().unwrap().to_owned();
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("/problems/{code}"));
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        let again = matches!(status, 408 | 429 | 503);
        assert_eq!(problem["repeat"], again, "{problem}");
        assert_eq!(self.head.contains("retry-after: "), again, "{}", self.head);
        assert_eq!(self.head.contains("www-authenticate: bearer"), status == 401, "{}", self.head);
        code
    }
}

/// The body of a sale.
pub(crate) fn sale(point: &str, card: u64, amount: u64, payment: &str) -> String {
    format!(
        r#"{{"point":"{point}","payee":{{"card":"{card:016X}"}},"amount_piastres":{amount},"payment":"{payment}"}}"#
    )
}
