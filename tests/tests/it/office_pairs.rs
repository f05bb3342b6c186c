//! Pairs of office commands in each other's way, over both stores: one is held before each of its calls of the store in turn, and before
//! its commit, while the other one runs whole or until it waits for the first. What both were answered, and what the books hold then, must
//! be what comes of the two one after the other, in one order or the other.
//!
//! A new office command is one more line of [`commands::COMMANDS`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod commands;
mod held;
mod scene;

use self::commands::{COMMANDS, Command, RESTORES};
use self::held::{Gate, Held};
use self::scene::Scene;
use card_host::card_work::development_scope;
use card_ledger::{Kind, Ledger, LedgerError, Office, PostgresLedger, SqliteLedger};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use system_tests::HANG;
use system_tests::postgres::Postgres;
use system_tests::world::World;

/// Whether one of two commands waits for the other.
type Waits = Box<dyn FnMut(&Gate, &Gate) -> bool>;

/// Two programs over the same books.
struct Stage {
    world: World,
    programs: [Arc<dyn Ledger>; 2],
    /// Whether the second one waits for the first, which is held.
    waits: Waits,
}

impl Stage {
    fn over_sqlite(directory: &std::path::Path) -> Self {
        let path = directory.join("ledger.sqlite");
        let open = || Arc::new(SqliteLedger::open_or_create(&path, development_scope()).unwrap());
        let world = World::over(open());
        // Whoever writes has all of the file to itself.
        let waits = |first: &Gate, second: &Gate| first.has_begun() && second.begins();
        Self { world, programs: [open(), open()], waits: Box::new(waits) }
    }

    fn over_postgres(database: &str) -> Self {
        let server = Postgres::shared();
        // Who waits for each other is found soon.
        let url = server.create_database(database).unwrap() + "?options=-cdeadlock_timeout%3D50ms";
        let open = || Arc::new(PostgresLedger::connect(&url, development_scope(), 4).unwrap());
        let world = World::over(open());
        let mut client = server.connect(database).unwrap();
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let waits = move |_: &Gate, _: &Gate| client.query_one(waiting, &[]).unwrap().get::<_, i64>(0) > 0;
        Self { world, programs: [open(), open()], waits: Box::new(waits) }
    }

    /// Both, one after the other: the second one first where they are `turned`.
    fn one_by_one(&self, pair: [&Command; 2], turned: bool) -> String {
        let scene = Scene::prepared(&self.world, pair);
        let [first, second] = [0, 1]
            .map(|turn| move |scene: &Scene<'_>| pair[turn].answer(&scene.desk(&scene.world.office, turn)));
        let answers = if turned {
            let answer = second(&scene);
            [first(&scene), answer]
        } else {
            [first(&scene), second(&scene)]
        };
        scene.outcome(&answers)
    }

    /// The first one is held before its step `at`. `None`: it has no such step.
    fn held_at(&mut self, pair: [&Command; 2], at: u64) -> Option<String> {
        let scene = Scene::prepared(&self.world, pair);
        let gates = [Gate::new(at), Gate::new(0)].map(Arc::new);
        let offices = [0, 1].map(|turn| -> Office {
            let ledger = Held { ledger: Arc::clone(&self.programs[turn]), gate: Arc::clone(&gates[turn]) };
            let (keys, clock) = (Arc::clone(&self.world.keys), self.world.clock.clone());
            World::again(Arc::new(ledger), keys, clock).office
        });
        let waits = &mut self.waits;
        let (answers, was_held) = thread::scope(|scope| {
            let run = |turn: usize| {
                let (scene, office) = (&scene, &offices[turn]);
                move || pair[turn].answer(&scene.desk(office, turn))
            };
            gates[0].arm();
            let first = scope.spawn(run(0));
            until("the first command stops or ends", || first.is_finished() || gates[0].holds());
            let was_held = gates[0].holds();
            let second = scope.spawn(run(1));
            until("the second command waits or ends", || {
                second.is_finished() || (was_held && waits(&gates[0], &gates[1]))
            });
            gates[0].open();
            ([first.join().unwrap(), second.join().unwrap()], was_held)
        });
        was_held.then(|| scene.outcome(&answers))
    }

    /// Every pair of these. Gives the kinds of entries that they made.
    fn play(&mut self, commands: &[Command]) -> BTreeSet<Kind> {
        let long = std::env::var_os("CARD_TESTS").is_some_and(|tests| tests == "long");
        let (mut pairs, mut plays, mut wrong) = (0, 0, Vec::new());
        for first in commands {
            for second in commands {
                let pair = [first, second];
                if !long && !first.about.iter().any(|thing| second.about.contains(thing)) {
                    continue;
                }
                let right = [false, true].map(|turned| self.one_by_one(pair, turned));
                pairs += 1;
                for at in 1.. {
                    let Some(outcome) = self.held_at(pair, at) else { break };
                    plays += 1;
                    if !right.contains(&outcome) {
                        let names = format!("{} held at step {at}, {} meanwhile", first.name, second.name);
                        wrong.push(format!(
                            "{names}:\n{outcome}\none by one:\n{}\nor\n{}",
                            right[0], right[1]
                        ));
                    }
                }
            }
        }
        println!("{pairs} pairs, {plays} plays");
        self.world.check();
        let entered: BTreeSet<Kind> = self.world.entries().iter().map(|entry| entry.kind).collect();
        assert!(wrong.is_empty(), "{} of {plays} plays:\n{}", wrong.len(), wrong.join("\n\n"));
        entered
    }
}

/// Waits for something that comes.
fn until(what: &str, mut come: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !come() {
        assert!(begin.elapsed() < HANG, "{what}: in vain");
        thread::sleep(Duration::from_micros(200));
    }
}

/// An answer, without what is never the same twice.
fn told(answer: Result<String, LedgerError>) -> String {
    answer.unwrap_or_else(|error| {
        let text = format!("{error:?}");
        let name: String = text.splitn(3, ['(', ' ']).take(2).collect::<Vec<_>>().join(" ");
        format!("refused: {name}")
    })
}

/// Kinds of entries that no pair makes, and what plays them.
const ELSEWHERE: [(Kind, &str); 7] = [
    (Kind::Refund, "confirmed and refunded: the tests of faults, step by step"),
    (Kind::Recover, "after a restore only: the ledger's own tests, from many branches at once"),
    (Kind::Clock, "of a clock that ran ahead, which all of a play's programs share"),
    (Kind::Papers, "where the rules ask for them: the ledger's own tests"),
    (Kind::Fee, "in the transaction of a step: the ledger's own tests, from two sides at once"),
    (Kind::FeeBack, "likewise"),
    (Kind::Restore, "changes what holds for everybody: in books of its own"),
];

/// A command that is forgotten here is noticed by the kind of its entries.
fn all_kinds(entered: &BTreeSet<Kind>) {
    for kind in Kind::ALL {
        let elsewhere = ELSEWHERE.iter().any(|(of, _)| of == kind);
        assert!(entered.contains(kind) != elsewhere, "{}: is it played?", kind.code());
    }
}

fn on_sqlite(commands: &[Command]) -> BTreeSet<Kind> {
    // In memory where there is some: what a power cut would take is no matter here.
    let memory = std::path::Path::new("/dev/shm");
    let directory = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap();
    Stage::over_sqlite(directory.path()).play(commands)
}

#[test]
fn over_sqlite() {
    all_kinds(&on_sqlite(&COMMANDS));
}

#[test]
fn over_postgres() {
    all_kinds(&Stage::over_postgres("office_pairs").play(&COMMANDS));
}

#[test]
fn restores_over_sqlite() {
    assert!(on_sqlite(&RESTORES).contains(&Kind::Restore));
}

#[test]
fn restores_over_postgres() {
    assert!(Stage::over_postgres("office_restores").play(&RESTORES).contains(&Kind::Restore));
}
