//! Some customers, four channels, the program's server in front of a store, and those who ask it once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use card_host::card_core::id::{CardId, CardRef, Channel, MeterId};
use card_host::card_work::development_scope;
use card_host::issuer::SystemClock;
use card_host::keystore::SoftwareKeyStore;
use card_ledger::{
    Kind, Ledger, Office, OpenOrder, Party, PartyCode, PointLimits, PostgresLedger, Power, RequestKey,
    SqliteLedger, read,
};
use serde_json::Value;
use system_tests::HANG;
use system_tests::programs::{Said, Server, programs, run};
use system_tests::world::who;
use tempfile::TempDir;

/// Parties, each with as many vending points, and customers.
const PARTIES: u64 = 4;
/// Those who ask at the same time.
const CLIENTS: u64 = 64;

/// What one was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Done,
    /// Nothing was done.
    Refused,
    Unknown,
}

/// What was asked, and what was told.
pub(super) struct Asked {
    pub(super) party: String,
    pub(super) id: String,
    pub(super) told: Told,
    pub(super) words: String,
}

pub(super) struct Company {
    directory: TempDir,
    database: Option<String>,
    tokens: Vec<String>,
    cards: Vec<String>,
    ids: AtomicU64,
}

impl Company {
    /// With its books in this database, or else in a file.
    pub(super) fn new(database: Option<String>) -> Self {
        let directory = TempDir::new().unwrap();
        let mut company =
            Self { directory, database, tokens: Vec::new(), cards: Vec::new(), ids: AtomicU64::new(0) };
        // The program founds the company, and has a card in its reader.
        let issued = company.json(&["issue", "--meter", "1", "--account", "1"]);
        company.cards.push(issued["card"].as_str().unwrap().to_owned());
        let keys = SoftwareKeyStore::open(&company.data().join("development-keys.json")).unwrap();
        let office = Office::new(company.ledger().into(), Arc::new(keys), SystemClock).unwrap();
        let (boss, id) = (who("company", "office", "mona"), || company.new_id().parse().unwrap());
        let mut cards = Vec::new();
        for number in 2..=PARTIES {
            let card = CardRef { id: CardId::from(number), generation: 1 };
            let (who, meter) = (boss.clone(), MeterId::from(number));
            let order = OpenOrder { who, id: id(), meter, account: number, card, closes_former: false };
            office.open(&order).unwrap();
            cards.push(card.id.to_string());
        }
        let mut tokens = Vec::new();
        for number in 0..PARTIES {
            let code: PartyCode = format!("p{number}").parse().unwrap();
            let party = Party { code: code.clone(), channel: Channel::Kiosk, open: true };
            office.set_party(&boss, &id(), &party).unwrap();
            for point in 0..PARTIES {
                let point = format!("p{number}-{point}").parse().unwrap();
                office.add_point(&boss, &id(), &point, &code, PointLimits::default()).unwrap();
            }
            tokens.push(office.add_token(&boss, &id(), &code, "front", Power::Sell).unwrap());
        }
        drop(office);
        company.cards.extend(cards);
        company.tokens = tokens.into_iter().map(|token| token.to_string()).collect();
        company
    }

    pub(super) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn arguments(&self) -> Vec<String> {
        self.arguments_at(self.database.as_ref())
    }

    fn arguments_at(&self, database: Option<&String>) -> Vec<String> {
        let data = self.data();
        let mut words: Vec<String> =
            ["--reader", "sim", "--format", "json", "--data", data.to_str().unwrap()]
                .map(str::to_owned)
                .into();
        if let Some(url) = database {
            words.extend(["--database".to_owned(), url.clone()]);
        }
        words
    }

    /// Runs the program with the books at another place.
    pub(super) fn run_at(&self, database: &String, arguments: &[&str]) -> Said {
        let mut words = self.arguments_at(Some(database));
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        run(&programs().cardctl, &words, "")
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Said {
        let mut words = self.arguments();
        words.extend(arguments.iter().map(|word| (*word).to_owned()));
        run(&programs().cardctl, &words, "")
    }

    pub(super) fn json(&self, arguments: &[&str]) -> Value {
        self.run(arguments).json()
    }

    /// The program, to be started with more arguments.
    pub(super) fn program(&self) -> Command {
        let mut command = Command::new(&programs().cardctl);
        command.args(self.arguments()).stdin(Stdio::null());
        command
    }

    pub(super) fn serve(&self) -> Server {
        Server::start(self.program())
    }

    pub(super) fn new_id(&self) -> String {
        format!("once-{}", self.ids.fetch_add(1, Ordering::SeqCst))
    }

    /// Asks for a sale of 1.00 by a party at one of its vending points, once.
    pub(super) fn sell(&self, address: &str, id: &str, client: u64) -> (Told, String) {
        let body = self.body(client);
        let answer = http(address, "POST", "/v1/sales", &self.token(client), Some(id), &body);
        judged(answer)
    }

    pub(super) fn token(&self, client: u64) -> String {
        self.tokens[(client % PARTIES) as usize].clone()
    }

    pub(super) fn body(&self, client: u64) -> String {
        let (party, rest) = (client % PARTIES, client / PARTIES);
        let card = &self.cards[(rest % PARTIES) as usize];
        let point = (rest / PARTIES) % PARTIES;
        format!(
            r#"{{"point":"p{party}-{point}","payee":{{"card":"{card}"}},"amount_piastres":100,"payment":"received"}}"#
        )
    }

    /// Many ask, each of them for one sale after the other, while `disturb` is done; it is given how many were told each of the three.
    pub(super) fn ask_while(&self, address: &Mutex<String>, disturb: impl FnOnce(&Counts)) -> Vec<Asked> {
        let (counts, asked) = (Counts::default(), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (counts, asked) = (&counts, &asked);
                scope.spawn(move || {
                    while !counts.enough.load(Ordering::SeqCst) {
                        let id = self.new_id();
                        let at = address.lock().unwrap().clone();
                        let (told, words) = self.sell(&at, &id, client);
                        counts.of(told).fetch_add(1, Ordering::SeqCst);
                        let party = format!("p{}", client % PARTIES);
                        asked.lock().unwrap().push(Asked { party, id, told, words });
                        if told != Told::Done {
                            thread::sleep(Duration::from_millis(20));
                        }
                    }
                });
            }
            // Also where it fails, the clients end.
            let ends = Ends(&counts);
            disturb(&counts);
            drop(ends);
        });
        asked.into_inner().unwrap()
    }

    fn ledger(&self) -> Box<dyn Ledger> {
        match &self.database {
            Some(url) => Box::new(PostgresLedger::connect(url, development_scope(), 2).unwrap()),
            None => {
                let file = self.data().join("ledger.sqlite");
                Box::new(SqliteLedger::open(&file, development_scope()).unwrap())
            }
        }
    }

    /// Compares what was told with the books, and prints how often each was.
    pub(super) fn compare(&self, asked: &[Asked]) {
        let ledger = self.ledger();
        let mut table = std::collections::BTreeMap::new();
        let mut wrong = Vec::new();
        for Asked { party, id, told, words } in asked {
            let request = RequestKey { party: party.parse().unwrap(), id: id.parse().unwrap() };
            let kinds: Vec<Kind> = read(&*ledger, |t| {
                let steps = t.steps(&request)?;
                let entries = steps.iter().map(|done| Ok(t.entry(&done.entry)?.unwrap().kind));
                entries.collect::<Result<_, card_ledger::LedgerError>>()
            })
            .unwrap();
            let there = match kinds.as_slice() {
                [] => false,
                [Kind::Sale] => true,
                other => panic!("{id}: {other:?}"),
            };
            *table.entry(format!("{told:?}, in the books: {there}")).or_insert(0) += 1;
            if matches!((told, there), (Told::Done, false) | (Told::Refused, true)) {
                wrong.push(format!("{id} was told {told:?} ({words}), in the books: {there}"));
            }
        }
        println!("{table:#?}");
        assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), asked.len(), &wrong[..wrong.len().min(5)]);
        let balance = self.json(&["ledger", "trial-balance"]);
        assert_eq!(balance["debits"], balance["credits"]);
    }
}

/// How many were told what.
#[derive(Default)]
pub(super) struct Counts {
    done: AtomicU64,
    refused: AtomicU64,
    unknown: AtomicU64,
    enough: AtomicBool,
}

struct Ends<'a>(&'a Counts);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.enough.store(true, Ordering::SeqCst);
    }
}

impl Counts {
    fn of(&self, told: Told) -> &AtomicU64 {
        match told {
            Told::Done => &self.done,
            Told::Refused => &self.refused,
            Told::Unknown => &self.unknown,
        }
    }

    /// Waits until so many more are done.
    pub(super) fn more_done(&self, more: u64) {
        let until = self.done.load(Ordering::SeqCst) + more;
        wait_for(|| self.done.load(Ordering::SeqCst) >= until);
    }

    /// Waits until something was not done.
    pub(super) fn more_failed(&self, more: u64) {
        let failed = || self.refused.load(Ordering::SeqCst) + self.unknown.load(Ordering::SeqCst);
        let until = failed() + more;
        wait_for(|| failed() >= until);
    }
}

pub(super) fn wait_for(mut there: impl FnMut() -> bool) {
    let end = Instant::now() + HANG;
    while !there() {
        assert!(Instant::now() < end, "it does not come");
        thread::sleep(Duration::from_millis(5));
    }
}

/// An answer to a request that is sent once: nothing where there was no connection, and no status where there was no whole answer.
pub(super) fn http(
    address: &str,
    method: &str,
    path: &str,
    token: &str,
    id: Option<&str>,
    body: &str,
) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let key = id.map(|id| format!("Idempotency-Key: {id}\r\n")).unwrap_or_default();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{key}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut answer = String::new();
    let read = stream.write_all(text.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
    let _ = stream.shutdown(Shutdown::Both);
    let whole = read.ok().and_then(|_| {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, serde_json::from_str(body).ok()?))
    });
    Some(whole.unwrap_or((0, Value::Null)))
}

/// What an answer says, by docs/channels.md.
pub(super) fn judged(answer: Option<(u16, Value)>) -> (Told, String) {
    let Some((status, body)) = answer else { return (Told::Refused, "no connection".to_owned()) };
    let code = body["code"].as_str().unwrap_or_default();
    let told = match (status, code) {
        (200 | 201, _) if body["state"] == "certified" => Told::Done,
        (_, "busy" | "store-unavailable" | "cannot-sign") => Told::Refused,
        (400..500, _) if !code.is_empty() => Told::Refused,
        _ => Told::Unknown,
    };
    (told, format!("{status} {code}: {}", body["detail"].as_str().unwrap_or_default()))
}
