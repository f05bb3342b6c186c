//! `kill -9` of each part.

use std::sync::Mutex;
use std::time::Duration;

use system_tests::postgres::Postgres;

use super::company::{Asked, Company, Told};

fn rounds() -> usize {
    if std::env::var("CARD_TESTS").is_ok_and(|tests| tests == "long") { 20 } else { 2 }
}

#[test]
fn postgres_under_those_who_ask_once() {
    let mut database = Postgres::start().unwrap();
    let company = Company::new(Some(database.create_database("once").unwrap()));
    let server = company.serve();
    let address = Mutex::new(server.address.clone());
    let asked = company.ask_while(&address, |counts| {
        for _ in 0..rounds() {
            counts.more_done(200);
            database.kill().unwrap();
            counts.more_failed(64);
            database.restart().unwrap();
        }
        counts.more_done(64);
    });
    company.compare(&asked);
}

/// Kills the server, and starts another one.
fn server_killed(company: &Company) {
    let mut server = company.serve();
    let address = Mutex::new(server.address.clone());
    let asked = company.ask_while(&address, |counts| {
        for _ in 0..rounds() {
            counts.more_done(200);
            server.kill();
            counts.more_failed(64);
            server = company.serve();
            server.address.clone_into(&mut address.lock().unwrap());
        }
        counts.more_done(64);
    });
    company.compare(&asked);
}

#[test]
fn the_server_over_postgres() {
    let url = Postgres::shared().create_database("once_server").unwrap();
    server_killed(&Company::new(Some(url)));
}

#[test]
fn the_server_over_sqlite() {
    server_killed(&Company::new(None));
}

#[test]
fn the_program_over_sqlite() {
    program_killed(&Company::new(None));
}

#[test]
fn the_program_over_postgres() {
    let url = Postgres::shared().create_database("once_program").unwrap();
    program_killed(&Company::new(Some(url)));
}

/// Kills the program somewhere in a sale, again and again.
fn program_killed(company: &Company) {
    let mut asked = Vec::new();
    for _ in 0..rounds() * 10 {
        let id = company.new_id();
        let mut process = company
            .program()
            .args(["--request", &id, "top-up", "1"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(fastrand::u64(0..250)));
        let _ = process.kill();
        let told = match process.wait().unwrap().code() {
            Some(0) => Told::Done,
            None => Told::Unknown,
            other => panic!("{id}: {other:?}"),
        };
        asked.push(Asked { party: "company".to_owned(), id, told, words: String::new() });
    }
    company.compare(&asked);
}
