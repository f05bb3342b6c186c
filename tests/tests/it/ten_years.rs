//! Ten years of a household, simulated as a whole: issuer, card, meter, and everything that can go wrong with them, drawn from a seed. A
//! plain model, written from the texts, says what must come of it, to the piastre, after every step.
//!
//! `CARD_SEED=n` plays one seed again; `CARD_TESTS=long` plays all of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]
#![allow(unreachable_pub, clippy::indexing_slicing, reason = "the modules of one test")]

mod actions;
mod board;
mod books;
mod cards;
mod compare;
mod dice;
mod field_card;
mod finish;
mod loads;
mod loan;
mod local;
mod meter_side;
mod model;
mod moves;
mod orders;
mod price;
mod tally;
mod timekeeper;
mod visits;
mod world;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tally::{Diary, Tally};
use world::World;

const SEEDS: u64 = 200;
/// What continuous integration plays.
const SHARE: u64 = 24;

/// What the share alone must have seen: a simulation in which nothing happens proves nothing.
const MUST_HAPPEN: &[&str] = &[
    "a certificate's time agrees again",
    "a certificate's time disagrees with the clock",
    "a certificate's time is not believed, or below the floor",
    "a month comes a second time",
    "bindings opened",
    "battery low",
    "card replacements",
    "cards of another meter",
    "clock back",
    "clock back by a little",
    "clock fast or slow",
    "clock beyond the limit",
    "clock dead",
    "clock doubtful",
    "clock forward",
    "clock put right by command",
    "clock reset",
    "clock set below its floor by command",
    "commands with their audit records",
    "credit applied",
    "cut after an operation of the memory",
    "cut before an operation of the memory",
    "cut for want of credit",
    "cut in an operation of the memory",
    "cut: battery",
    "cut: bind",
    "cut: button for a loan",
    "cut: button for the supply",
    "cut: card's recovery",
    "cut: consumption",
    "cut: demand",
    "cut: keys",
    "cut: load",
    "cut: mail",
    "cut: mail to the card",
    "cut: month close",
    "cut: recovery",
    "cut: save",
    "cut: tampering",
    "cut: tap",
    "cut: tariff switch",
    "cut: voucher over the network",
    "debit below the balance",
    "debits applied",
    "energy lost by cuts",
    "engineering cards",
    "a fifth tariff waits",
    "final report carried",
    "final report collected",
    "four tariffs in a month",
    "instalments",
    "key changes",
    "load: AlreadyLoaded",
    "load: Loaded",
    "load: Older",
    "load: Refreshed",
    "loan used up",
    "loans by button",
    "loans by card",
    "long outages",
    "mail lost",
    "mail older than what the card has",
    "mail over the network",
    "mail refused: 07",
    "mail refused: 08",
    "mail refused: 09",
    "mail refused: 0A",
    "mail refused: 0B",
    "mail refused: 0C",
    "mail refused: 0E",
    "mail taken: slot 00",
    "mail taken: slot 01",
    "mail taken: slot 02",
    "mail taken: slot 03",
    "mail taken: slot 04",
    "mail taken: slot 05",
    "mail taken: slot 06",
    "mail taken: slot 07",
    "mail taken: slot 08",
    "mail taken: slot 09",
    "mail taken: slot 0A",
    "mail there already",
    "meter replacements",
    "month rated again",
    "month without consumption",
    "months closed",
    "nothing to apply",
    "old binding refused",
    "outages with warning",
    "outages without warning",
    "overload: a pause",
    "overload of a lower limit",
    "overload: locked",
    "readings collected",
    "refreshes applied",
    "regression noticed",
    "regression repaired",
    "replaced card refused",
    "reversals",
    "several months closed at once",
    "supply restored by itself",
    "supply waits for the button",
    "supply without credit, by loan",
    "supply without credit, in friendly time",
    "tampering",
    "tampering cleared",
    "taps",
    "tariff switch",
    "tariff switch within a month",
    "the card stays away",
    "the clock is wrong after an outage, and does not know it",
    "the clock stopped in an outage",
    "the issuer's clock is wrong",
    "time raised by a certificate",
    "torn taps",
    "vouchers late or again",
    "vouchers lost",
    "vouchers over the network",
];

#[test]
fn ten_years() {
    let chosen = std::env::var("CARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let long = std::env::var("CARD_TESTS").is_ok_and(|value| value == "long");
    let seeds = match chosen {
        Some(seed) => seed..seed + 1,
        None => 0..if long { SEEDS } else { SHARE },
    };
    let total = Mutex::new(Tally::default());
    let failed = Mutex::new(Vec::new());
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    match play(seed) {
                        Ok(tally) => total.lock().unwrap().merge(&tally),
                        Err(story) => {
                            println!("{story}");
                            failed.lock().unwrap().push(seed);
                        }
                    }
                }
            });
        }
    });
    let total = total.into_inner().unwrap();
    for (what, number) in &total.0 {
        println!("{number:>10}  {what}");
    }
    let failed = failed.into_inner().unwrap();
    if failed.is_empty() && chosen.is_none() {
        let missing: Vec<_> = MUST_HAPPEN.iter().filter(|what| total.get(what) == 0).collect();
        assert!(missing.is_empty(), "this did not happen in any seed: {missing:?}");
    }
    assert!(failed.is_empty(), "seeds {failed:?} failed: CARD_SEED={} plays one again", failed[0]);
}

/// Plays one seed; where it fails, tells what came before.
fn play(seed: u64) -> Result<Tally, String> {
    let diary = Rc::new(RefCell::new(Diary::default()));
    let of_world = Rc::clone(&diary);
    let played = catch_unwind(AssertUnwindSafe(move || {
        let mut world = World::new(seed, of_world);
        world.live();
        world.tally
    }));
    played.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        format!("seed {seed} failed after:\n{}{text}", diary.borrow().tell())
    })
}
