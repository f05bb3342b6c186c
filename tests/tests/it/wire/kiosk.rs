//! A kiosk with its journal: power cuts, lost lines, lost answers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use card_channel::client::{Client, ClientError, Journal, JournalError, Progress, Record, Stage, Timeouts};
use card_channel::wire::{Payee, Sale, SaleState};
use card_ledger::{Kind, PointLimits};

use super::served::{PATIENCE, Served};

fn payee() -> Payee {
    Payee::Card(format!("{:016X}", 7))
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder, "k1").unwrap()
}

fn records(journal: &Journal) -> Vec<Record> {
    journal.records().unwrap().into_iter().map(Result::unwrap).collect()
}

/// As if a time in the record of a request were two minutes ago.
fn two_minutes_later(folder: &Path, id: &str, stage: &str) {
    let path = folder.join(format!("{}.json", hex::encode(id)));
    let text = std::fs::read_to_string(&path).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&text).unwrap();
    let since = record["stage"][stage]["since"].as_u64().unwrap();
    record["stage"][stage]["since"] = (since - 121).into();
    std::fs::write(&path, record.to_string()).unwrap();
}

fn refusal(progress: Result<Progress, JournalError>) -> String {
    match progress {
        Err(JournalError::Client(ClientError::Refused(problem))) => problem.code,
        other => panic!("refused was expected: {other:?}"),
    }
}

fn sold(progress: Result<Progress, JournalError>) -> Sale {
    match progress {
        Ok(Progress::Sold(sale)) => *sale,
        other => panic!("sold was expected: {other:?}"),
    }
}

fn sales(served: &Served) -> usize {
    served.world.entries().iter().filter(|entry| matches!(entry.kind, Kind::Sale | Kind::Certify)).count()
}

/// Between client and server: lets requests through, and loses what it is told to.
struct Line {
    address: SocketAddr,
    lose: Arc<AtomicU32>,
}

const NOTHING: u32 = 0;
/// The request comes to the server, and the answer is lost.
const ANSWERS: u32 = 1;
/// The request is lost after it was sent.
const REQUESTS: u32 = 2;
/// Something in between answers in the server's place.
const FOREIGN: u32 = 3;

impl Line {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let lose = Arc::new(AtomicU32::new(NOTHING));
        let losing = Arc::clone(&lose);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), losing) = (stream, losing.load(Ordering::SeqCst)) else { return };
                std::thread::spawn(move || carry(stream, server, losing));
            }
        });
        Self { address, lose }
    }

    fn lose(&self, what: u32) {
        self.lose.store(what, Ordering::SeqCst);
    }

    fn client(&self, token: &str) -> Client {
        let timeouts = Timeouts { connect: PATIENCE, total: PATIENCE };
        Client::with_timeouts(&format!("http://{}", self.address), token, timeouts).unwrap()
    }
}

/// One message, request or answer: its head, and a body as long as that says.
fn message(stream: &mut TcpStream) -> Vec<u8> {
    let mut message = Vec::new();
    let mut byte = [0];
    while !message.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        message.extend(byte);
    }
    let head = String::from_utf8(message.clone()).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let begin = message.len();
    message.resize(begin + length.map_or(0, |length| length.parse().unwrap()), 0);
    stream.read_exact(&mut message[begin..]).unwrap();
    message
}

fn carry(mut client: TcpStream, server: SocketAddr, losing: u32) {
    let request = message(&mut client);
    if losing == FOREIGN {
        let _ = client.write_all(
            b"HTTP/1.1 403 Forbidden\r\nContent-Length: 18\r\nConnection: close\r\n\r\n<h1>Pay first</h1>",
        );
        return;
    }
    if losing == REQUESTS {
        return;
    }
    let Ok(mut upstream) = TcpStream::connect(server) else { return };
    upstream.write_all(&request).unwrap();
    let answer = message(&mut upstream);
    if losing == NOTHING {
        let _ = client.write_all(&answer);
    }
}

#[test]
fn offline_is_said_at_once_and_nothing_is_kept() {
    let mut served = Served::start();
    served.world.customer(7);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    let client = served.client(&served.fawry);
    served.stop().unwrap();
    let begun = std::time::Instant::now();
    let offline = journal.sell(&client, "fawry-1", &payee(), 5000);
    assert!(matches!(offline, Err(JournalError::Client(ClientError::Offline(_)))), "{offline:?}");
    println!("offline after {:?}", begun.elapsed());
    assert_eq!(records(&journal), []);
    // A name that nobody has, and a refused connection, are the same.
    let nowhere = Client::new("http://no-such-host.invalid:1", "x").unwrap();
    assert!(matches!(nowhere.server(), Err(ClientError::Offline(_))));
    assert!(matches!(Client::new("ftp://x", "x"), Err(ClientError::Invalid(_))));
    assert!(matches!(Client::new("http://x", "a b"), Err(ClientError::Invalid(_))));
}

#[test]
fn a_sale_whose_answer_was_lost_is_found_after_a_power_cut() {
    let served = Served::start();
    served.world.customer(7);
    let (line, folder) = (Line::to(served.address), tempfile::tempdir().unwrap());
    let client = line.client(&served.fawry);
    let mut journal = open(folder.path());
    for (lost, on_server) in [(ANSWERS, 1), (REQUESTS, 1), (FOREIGN, 2)] {
        line.lose(lost);
        let unknown = journal.sell(&client, "fawry-1", &payee(), 5000);
        assert!(matches!(unknown, Err(JournalError::Client(ClientError::Unknown(_)))), "{unknown:?}");
        assert_eq!(sales(&served), on_server);
        // The power is cut and comes back: the kiosk goes on with what is in its journal.
        drop(journal);
        journal = open(folder.path());
        let [record] = records(&journal).try_into().unwrap();
        assert_eq!(record.stage, Stage::Asked);
        let again = journal.go_on(&client, &record.id);
        assert!(matches!(again, Err(JournalError::Client(ClientError::Unknown(_)))), "{again:?}");
        line.lose(NOTHING);
        let sale = sold(journal.go_on(&client, &record.id));
        // The voucher is kept until it is on the card, over more power cuts.
        drop(journal);
        journal = open(folder.path());
        assert_eq!(records(&journal)[0].stage, Stage::Sold(Box::new(sale.clone())));
        assert_eq!(sold(journal.go_on(&client, &record.id)), sale);
        journal.loaded(&record.id).unwrap();
        assert!(matches!(journal.loaded(&record.id), Err(JournalError::NoRecord(_))));
        assert_eq!(records(&journal), []);
    }
    assert_eq!(sales(&served), 3);
    served.world.check();
}

#[test]
fn in_steps_with_cuts_between_them() {
    let served = Served::start();
    served.world.customer(7);
    let (line, folder) = (Line::to(served.address), tempfile::tempdir().unwrap());
    let client = line.client(&served.fawry);
    let mut journal = open(folder.path());
    let reserved = |journal: &mut Journal| match journal.reserve(&client, "fawry-1", &payee(), 5000) {
        Ok(Progress::Reserved(sale)) => sale.id,
        other => panic!("{other:?}"),
    };
    // Paid, and the confirmation's answer is lost.
    let id = reserved(&mut journal);
    assert!(matches!(journal.loaded(&id), Err(JournalError::OtherStage(_))));
    journal.paid(&id, None).unwrap();
    line.lose(ANSWERS);
    journal.go_on(&client, &id).unwrap_err();
    drop(journal);
    let mut journal = open(folder.path());
    line.lose(NOTHING);
    assert!(matches!(journal.give_up(&id), Err(JournalError::OtherStage(_))), "money was taken");
    sold(journal.go_on(&client, &id));
    journal.loaded(&id).unwrap();
    // Not paid.
    let id = reserved(&mut journal);
    journal.give_up(&id).unwrap();
    line.lose(REQUESTS);
    journal.go_on(&client, &id).unwrap_err();
    line.lose(NOTHING);
    assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Cancelled);
    // Asked for, never heard of, and given up: there may be a reservation or none.
    for lost in [ANSWERS, REQUESTS] {
        line.lose(lost);
        journal.reserve(&client, "fawry-1", &payee(), 5000).unwrap_err();
        line.lose(NOTHING);
        let id = records(&journal)[0].id.clone();
        journal.give_up(&id).unwrap();
        if lost == REQUESTS {
            // It may still come: there is none for sure after two minutes.
            for _ in 0..2 {
                assert_eq!(refusal(journal.go_on(&client, &id)), "no-request");
                journal.give_up(&id).unwrap();
            }
            two_minutes_later(folder.path(), &id, "not-there");
        }
        assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Cancelled);
        assert_eq!(records(&journal), []);
    }
    // Given up and not there yet; the first try comes late, and is cancelled.
    line.lose(REQUESTS);
    journal.reserve(&client, "fawry-1", &payee(), 5000).unwrap_err();
    line.lose(NOTHING);
    let id = records(&journal)[0].id.clone();
    journal.give_up(&id).unwrap();
    assert_eq!(refusal(journal.go_on(&client, &id)), "no-request");
    client.reserve(&id, "fawry-1", &payee(), 5000).unwrap();
    assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Cancelled);
    assert_eq!(client.status(&id).unwrap().state, SaleState::Cancelled);
    // Paid, and the card is blocked.
    let id = reserved(&mut journal);
    journal.paid(&id, None).unwrap();
    let world = &served.world;
    let on_card = card_ledger::Payee::Card(card_host::card_core::id::CardId::from(7));
    world.office.block(&world.boss(), &world.id(), on_card, true, "lost").unwrap();
    let Ok(Progress::Paid(paid)) = journal.go_on(&client, &id) else { panic!("paid was expected") };
    assert_eq!(paid.waits_for.unwrap().code, "card-blocked");
    journal.refund(&id, "card blocked").unwrap();
    line.lose(ANSWERS);
    journal.go_on(&client, &id).unwrap_err();
    line.lose(NOTHING);
    assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Refunded);
    assert_eq!(records(&journal), []);
    assert_eq!(sales(&served), 1);
    world.check();
}

#[test]
fn a_refusal_is_final_only_where_no_other_try_can_be_under_way() {
    let served = Served::start();
    served.world.customer(7);
    let (line, folder) = (Line::to(served.address), tempfile::tempdir().unwrap());
    let client = line.client(&served.fawry);
    let mut journal = open(folder.path());
    // The first try.
    let refused = journal.sell(&client, "fawry-1", &payee(), 1);
    assert!(matches!(refused, Err(JournalError::Client(ClientError::Refused(_)))), "{refused:?}");
    assert_eq!(records(&journal), []);
    // A repetition, after one whose outcome is unknown: kept, and asked about.
    line.lose(REQUESTS);
    journal.sell(&client, "fawry-1", &payee(), 1).unwrap_err();
    line.lose(NOTHING);
    let id = records(&journal)[0].id.clone();
    for _ in 0..3 {
        let again = journal.go_on(&client, &id);
        assert!(matches!(again, Err(JournalError::Client(ClientError::Refused(_)))), "{again:?}");
        assert!(matches!(journal.record(&id).unwrap().stage, Stage::Refused { .. }));
    }
    // The first try comes late, after rules have changed in between, and sells: it is found.
    let (world, mut rules) = (&served.world, system_tests::world::rules());
    rules.channels.get_mut("kiosk").unwrap().least = 1;
    rules.channels.get_mut("kiosk").unwrap().charges.clear();
    world.office.set_policy(&world.boss(), &world.id(), None, &rules).unwrap();
    let order = card_ledger::SaleOrder {
        id: id.parse().unwrap(),
        who: system_tests::world::who("fawry", "fawry-1", "front"),
        ..world.order(system_tests::world::kiosk(), 7, 1)
    };
    world.office.sell(&order).unwrap();
    assert_eq!(sold(journal.go_on(&client, &id)).id, id);
    journal.loaded(&id).unwrap();
    // And one that is never heard of again ends after two minutes.
    line.lose(REQUESTS);
    journal.sell(&client, "fawry-1", &payee(), 99_999_999).unwrap_err();
    line.lose(NOTHING);
    let id = records(&journal)[0].id.clone();
    journal.go_on(&client, &id).unwrap_err();
    two_minutes_later(folder.path(), &id, "refused");
    let Ok(Progress::Nothing(problem)) = journal.go_on(&client, &id) else { panic!("nothing was expected") };
    assert_eq!(problem.code, "too-much");
    assert_eq!(records(&journal), []);
}

#[test]
fn a_revoked_token_says_nothing_about_an_earlier_try() {
    let served = Served::start();
    served.world.customer(7);
    let (line, folder) = (Line::to(served.address), tempfile::tempdir().unwrap());
    let mut journal = open(folder.path());
    line.lose(ANSWERS);
    journal.sell(&line.client(&served.fawry), "fawry-1", &payee(), 5000).unwrap_err();
    line.lose(NOTHING);
    let id = records(&journal)[0].id.clone();
    for _ in 0..2 {
        journal.go_on(&line.client("wrong"), &id).unwrap_err();
        assert_eq!(journal.record(&id).unwrap().stage, Stage::Asked);
    }
    // With a new token of the same party it is found.
    sold(journal.go_on(&line.client(&served.second), &id));
    assert_eq!(sales(&served), 1);
}

#[test]
fn a_journal_is_one_programs_and_says_where_it_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    assert!(matches!(Journal::open(folder.path(), "k1"), Err(JournalError::InUse(_))));
    // Drafts that a power cut left behind were never sent.
    std::fs::write(folder.path().join("6B.json.17.new"), "half").unwrap();
    assert_eq!(records(&journal), []);
    std::fs::write(folder.path().join("6B.json"), "half").unwrap();
    let [one] = journal.records().unwrap().try_into().unwrap();
    assert!(matches!(one, Err(JournalError::Damaged(..))), "{one:?}");
    drop(journal);
    assert!(Journal::open(folder.path(), "two words").is_err());
}

#[test]
fn a_damaged_file_hides_no_other_sale() {
    let served = Served::start();
    served.world.customer(7);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    std::fs::write(folder.path().join("6B.json"), "half").unwrap();
    let sale = sold(journal.sell(&served.client(&served.fawry), "fawry-1", &payee(), 5000));
    let [open, damaged] = journal.records().unwrap().try_into().unwrap();
    assert_eq!(open.unwrap().id, sale.id);
    assert!(matches!(damaged, Err(JournalError::Damaged(..))), "{damaged:?}");
}

#[test]
fn money_that_was_taken_is_never_stuck() {
    let served = Served::start();
    served.world.customer(7);
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(folder.path());
    let client = served.client(&served.fawry);
    let paid = |journal: &mut Journal, amount| match journal.reserve(&client, "fawry-1", &payee(), amount) {
        Ok(Progress::Reserved(sale)) => {
            journal.paid(&sale.id, None).unwrap();
            sale.id
        }
        other => panic!("{other:?}"),
    };
    // Above the limit, and nobody agrees: nothing is booked, and the sale ends with the money given back.
    let id = paid(&mut journal, 1_500_000);
    assert_eq!(refusal(journal.go_on(&client, &id)), "approval-needed");
    assert!(matches!(journal.give_up(&id), Err(JournalError::OtherStage(_))), "money was taken");
    journal.refund(&id, "nobody agreed").unwrap();
    assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Cancelled);
    assert_eq!(client.status(&id).unwrap().state, SaleState::Cancelled);
    assert_eq!(records(&journal), []);
    // To be given back, and cancelled elsewhere, also with the answer lost.
    let id = paid(&mut journal, 5000);
    journal.refund(&id, "changed her mind").unwrap();
    client.cancel(&id, "fawry-1").unwrap();
    assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Cancelled);
    // Paid, and cancelled elsewhere.
    let id = paid(&mut journal, 5000);
    client.cancel(&id, "fawry-1").unwrap();
    assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Cancelled);
    // To be given back, and certified elsewhere.
    let id = paid(&mut journal, 5000);
    journal.refund(&id, "changed her mind").unwrap();
    client.confirm(&id, "fawry-1", None).unwrap();
    sold(journal.go_on(&client, &id));
    journal.loaded(&id).unwrap();
    // Paid, and given back elsewhere.
    let id = paid(&mut journal, 5000);
    let world = &served.world;
    let on_card = card_ledger::Payee::Card(card_host::card_core::id::CardId::from(7));
    world.office.block(&world.boss(), &world.id(), on_card, true, "lost").unwrap();
    client.confirm(&id, "fawry-1", None).unwrap();
    client.refund(&id, "fawry-1", "card blocked").unwrap();
    assert_eq!(journal.go_on(&client, &id).unwrap(), Progress::Refunded);
    assert_eq!(records(&journal), []);
    world.check();
}

#[test]
fn a_closed_vending_point_ends_what_was_not_sold_and_no_sale() {
    let served = Served::start();
    served.world.customer(7);
    let (line, folder) = (Line::to(served.address), tempfile::tempdir().unwrap());
    let client = line.client(&served.fawry);
    let mut journal = open(folder.path());
    for lost in [ANSWERS, REQUESTS] {
        line.lose(lost);
        journal.sell(&client, "fawry-1", &payee(), 5000).unwrap_err();
    }
    line.lose(NOTHING);
    let world = &served.world;
    let point = "fawry-1".parse().unwrap();
    world.office.change_point(&world.boss(), &world.id(), &point, false, PointLimits::default()).unwrap();
    let ids: Vec<String> = records(&journal).into_iter().map(|record| record.id).collect();
    let mut sold = 0;
    for id in ids {
        match journal.go_on(&client, &id) {
            Ok(Progress::Sold(_)) => sold += 1,
            other => {
                assert_eq!(refusal(other), "point-closed");
                assert_eq!(refusal(journal.go_on(&client, &id)), "point-closed");
                two_minutes_later(folder.path(), &id, "refused");
                let Ok(Progress::Nothing(problem)) = journal.go_on(&client, &id) else {
                    panic!("nothing was expected")
                };
                assert_eq!(problem.code, "point-closed");
            }
        }
    }
    assert_eq!((sold, records(&journal).len()), (1, 1));
}
