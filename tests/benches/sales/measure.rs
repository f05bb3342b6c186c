//! Turns, and what comes of them.

use std::sync::Barrier;
use std::time::{Duration, Instant};

/// The goal: what the ledger does at least, in thousandths of the bare limit.
pub(crate) const GOAL: u64 = 700;
/// A turn of one side, after some time of warming up.
const TURN: Duration = Duration::from_millis(1_500);
const WARM_UP: Duration = Duration::from_millis(150);
/// Turns of each side in a series.
const TURNS: usize = 7;

/// What was measured with so many clients.
pub(crate) struct Line {
    pub(crate) store: &'static str,
    pub(crate) clients: usize,
    pub(crate) turns: Vec<Turn>,
}

/// One turn of each side.
pub(crate) struct Turn {
    pub(crate) ledger: Speed,
    pub(crate) limit: Speed,
    /// Sales in a commit, in tenths, where several share one.
    pub(crate) group: Option<u64>,
}

impl Turn {
    fn ratio(&self) -> u64 {
        self.ledger.rate * 1000 / self.limit.rate.max(1)
    }
}

impl Line {
    /// Lets both sides take turns: `take` gets the number of the turn.
    pub(crate) fn measure(store: &'static str, clients: usize, take: impl FnMut(usize) -> Turn) -> Self {
        Self { store, clients, turns: (0..TURNS).map(take).collect() }
    }

    pub(crate) fn ledger(&self) -> Speed {
        Speed::median(self.turns.iter().map(|turn| turn.ledger))
    }

    pub(crate) fn limit(&self) -> Speed {
        Speed::median(self.turns.iter().map(|turn| turn.limit))
    }

    pub(crate) fn ratio(&self) -> u64 {
        median(self.ratios())
    }

    pub(crate) fn ratios(&self) -> Vec<u64> {
        self.turns.iter().map(Turn::ratio).collect()
    }

    pub(crate) fn group(&self) -> Option<u64> {
        let groups: Vec<_> = self.turns.iter().filter_map(|turn| turn.group).collect();
        (!groups.is_empty()).then(|| median(groups))
    }
}

impl Speed {
    fn median(speeds: impl Iterator<Item = Self> + Clone) -> Self {
        let (rate, work) =
            (median(speeds.clone().map(|speed| speed.rate)), median(speeds.map(|speed| speed.work)));
        Self { rate, work }
    }
}

fn median(numbers: impl IntoIterator<Item = u64>) -> u64 {
    let mut numbers: Vec<_> = numbers.into_iter().collect();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

/// What was sold in a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sold {
    /// All of it, with that of warming up.
    pub(crate) all: u64,
    pub(crate) speed: Speed,
}

/// How fast it was, and what it cost this program: a server's work is not in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    /// Sales in a second.
    pub(crate) rate: u64,
    /// Nanoseconds of processors for one sale.
    pub(crate) work: u64,
}

/// What one client did.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    warming_up: u64,
    sold: u64,
    took: Duration,
}

fn sell_for_a_turn(mut sell: impl FnMut() -> u64) -> Done {
    let mut sell_for = |time: Duration| {
        let (begin, mut sold) = (Instant::now(), 0);
        while begin.elapsed() < time {
            sold += sell();
        }
        (sold, begin.elapsed())
    };
    let (warming_up, _) = sell_for(WARM_UP);
    let (sold, took) = sell_for(TURN);
    Done { warming_up, sold, took }
}

/// For how long this program has had a processor, in nanoseconds.
fn worked() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

impl Sold {
    fn of(done: &[Done], work: u64) -> Self {
        let sum = |of: fn(&Done) -> u64| done.iter().map(of).sum::<u64>();
        let took = done.iter().map(|done| done.took).max().unwrap_or_default();
        let (sold, micros) = (sum(|done| done.sold), u64::try_from(took.as_micros()).unwrap());
        let all = sum(|done| done.warming_up) + sold;
        let speed = Speed { rate: sold * 1_000_000 / micros.max(1), work: work / all.max(1) };
        Self { all, speed }
    }
}

/// Sells in this thread. A call makes as many sales as it says.
pub(crate) fn turn_here(sell: impl FnMut() -> u64) -> Sold {
    let before = worked();
    let done = sell_for_a_turn(sell);
    Sold::of(&[done], worked() - before)
}

/// Lets all of these clients sell, each in a thread of its own.
pub(crate) fn turn<F: FnMut() -> u64 + Send>(clients: Vec<F>) -> Sold {
    let (barrier, before) = (Barrier::new(clients.len()), worked());
    let done: Vec<_> = std::thread::scope(|scope| {
        let sell = |client| {
            let barrier = &barrier;
            let thread = std::thread::Builder::new().name("client".to_owned());
            let run = move || {
                barrier.wait();
                sell_for_a_turn(client)
            };
            thread.spawn_scoped(scope, run).unwrap()
        };
        let threads: Vec<_> = clients.into_iter().map(sell).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    Sold::of(&done, worked() - before)
}
