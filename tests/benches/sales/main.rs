//! Sales per second on each store, against the bare limit of that store: a loop of prepared statements that writes the same rows
//! and makes them durable as often, and does nothing else. Both run in turns, in the same tables with a million bindings.
//!
//! Speeds of machines differ, and those of a busy one from second to second; so what is shown is the ratio of two turns that
//! follow each other, and of these the median, beside the [`GOAL`]. It fails nothing: what is asserted are the rows that were
//! written.
//!
//! For development, `CARD_BENCH_BINDINGS` loads fewer bindings, and words after `--` choose: `sqlite`, `postgresql`, `1`, `8`, `64`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark says what is wrong by failing"
)]

mod bare;
mod company;
mod disk;
mod measure;
mod postgres;
mod slow_keys;
mod sqlite;
mod walks;

use crate::company::Loaded;
use crate::measure::{GOAL, Line};
use std::time::Instant;

/// How many sell at the same time, each at a vending point of its own.
const CLIENTS: [usize; 3] = [1, 8, 64];
const BINDINGS: u64 = 1_000_000;

fn main() {
    let begin = Instant::now();
    let bindings = std::env::var("CARD_BENCH_BINDINGS").ok();
    let bindings = bindings.map_or(BINDINGS, |text| text.parse().expect("CARD_BENCH_BINDINGS is a number"));
    let home = disk::home();
    let directory = home.path();
    let wanted: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let clients = CLIENTS.into_iter().filter(|clients| is_wanted(&wanted, clients.to_string().as_str()));
    let loaded = Loaded { bindings, clients: clients.collect(), begin };
    loaded.say(&format!("{bindings} bindings in each store, in {}", directory.display()));
    let mut lines = Vec::new();
    if is_wanted(&wanted, "sqlite") {
        lines.extend(sqlite::run(&loaded, directory));
    }
    if is_wanted(&wanted, "postgresql") {
        lines.extend(postgres::run(&loaded, directory));
    }
    table(&lines);
    loaded.say("done");
}

/// Whether this part is to be measured: where no part of its sort, stores or numbers of clients, was named, all are.
fn is_wanted(wanted: &[String], part: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mut sort = wanted.iter().filter(|word| is_number(word) == is_number(part)).peekable();
    sort.peek().is_none() || sort.any(|word| word == part)
}

fn table(lines: &[Line]) {
    system_tests::say!();
    system_tests::say!("ratio of the ledger to its limit; the goal is at least {}", thousandths(GOAL));
    system_tests::say!(
        "                         sales in a second          sales in   us of work for a sale"
    );
    system_tests::say!(
        "store       clients    ledger    limit  ratio       a commit      ledger       limit   ratios of the turns"
    );
    for line in lines {
        let (ledger, limit) = (line.ledger(), line.limit());
        let (ratio, group) = (thousandths(line.ratio()), line.group().map_or("1.0".to_owned(), tenths));
        let turns = line.ratios().into_iter().map(thousandths).collect::<Vec<_>>().join(" ");
        system_tests::say!(
            "{:<11} {:>7}  {:>8} {:>8}  {ratio:>5}  {group:>13}  {:>10}  {:>10}   {turns}",
            line.store,
            line.clients,
            ledger.rate,
            limit.rate,
            ledger.work / 1000,
            limit.work / 1000,
        );
    }
}

fn thousandths(number: u64) -> String {
    format!("{}.{:03}", number / 1000, number % 1000)
}

fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}
