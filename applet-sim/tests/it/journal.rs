//! A journal against the simulated memory: power cut in every operation, in every way, again while recovering, with bits that read
//! differently each time; and its wear.
// Helpers of tests, which clippy does not take for tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use applet_sim::chip::{Cut, FlashModel};
use card_core::message::FormatError;
use card_core::platform::{MemoryError, PAGE};
use card_core::store::{Emit, Fields, Grows, Increment, Journal, Kept, Log, Place, Ring, StoreError, Writer};

const LOST: StoreError = StoreError::Memory(MemoryError::PowerLost);
const LOG: Log = Log::new(1, 3, 2);
const RING: Ring = Ring::new(LOG.end(), 3);
const JOURNAL: Journal = Journal::new(LOG, RING);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct State {
    large: Vec<u8>,
    small: [u8; 28],
}

impl State {
    /// Differs all over from one `large` and one `small` to the next.
    fn of(large: u32, small: u32) -> Self {
        let byte = |number: u32, i: u32| (number.wrapping_mul(97) ^ i.wrapping_mul(29)) as u8;
        Self {
            large: (0..40 + large % 3 * 50).map(|i| byte(large, i)).collect(),
            small: std::array::from_fn(|i| byte(small, i as u32)),
        }
    }
}

impl Emit for State {
    fn emit(&self, out: &mut Writer<'_>) {
        out.put(&self.large);
    }
}

impl Kept for State {
    fn restore(&mut self, from: &mut Fields<'_>) -> Result<(), FormatError> {
        self.large = vec![0; from.left()];
        from.fill(&mut self.large);
        from.end()
    }
}

impl Grows for State {
    fn increment(&self) -> Increment {
        let mut out = Increment::new();
        out.put(&self.small).unwrap();
        out
    }

    fn apply(&mut self, increment: &[u8]) -> Result<(), FormatError> {
        self.small = increment.try_into().map_err(|_| FormatError::Length)?;
        Ok(())
    }
}

fn restore(flash: &mut FlashModel) -> Result<Option<(Place, State)>, StoreError> {
    let mut state = State::default();
    Ok(JOURNAL.restore(flash, &mut state)?.map(|place| (place, state)))
}

/// Writes `new` in the way that suits, `old` being the state.
fn write(flash: &mut FlashModel, old: Option<&(Place, State)>, new: &State) -> Result<Place, StoreError> {
    match old {
        Some((place, old)) if old.large == new.large => JOURNAL.grow(flash, *place, new),
        old => JOURNAL.keep(flash, old.map(|(place, _)| *place), new),
    }
}

fn cuts(partly: u64, salt: u64) -> impl Iterator<Item = Cut> {
    let middle = (0..partly).map(move |i| Cut::Partly { seed: salt.wrapping_mul(1_000_003).wrapping_add(i) });
    [Cut::Before, Cut::After].into_iter().chain(middle)
}

/// What was answered once is answered always, and is no obstacle to what comes next.
fn check_firm(flash: &FlashModel, answer: Option<&State>, salt: u64) {
    let mut flash = flash.clone();
    let mut found = None;
    for time in 0..4 {
        flash.power_up();
        flash.reseed(salt.wrapping_add(time));
        found = restore(&mut flash).unwrap();
        assert_eq!(found.as_ref().map(|(_, state)| state), answer, "a changed mind");
    }
    for next in [State::of(1000, 1000), State::of(1000, 1001)] {
        let place = write(&mut flash, found.as_ref(), &next).unwrap();
        found = Some((place, next));
        let (_, known) = restore(&mut flash).unwrap().unwrap();
        assert_eq!(Some(&known), found.as_ref().map(|(_, state)| state));
    }
    assert_eq!(flash.counters().overwrites, 0);
}

/// Recovers after a cut: old or new, then always the same; and with further cuts in each operation of that, `depth` deep.
fn check(cut: &FlashModel, both: [Option<&State>; 2], depth: u32, partly: u64, salt: u64) {
    let fits = |answer: &Option<(Place, State)>| {
        let answer = answer.as_ref().map(|(_, state)| state);
        assert!(both.contains(&answer), "neither the old state nor the new one");
    };
    for operation in 0.. {
        let mut any = false;
        for how in cuts(partly, salt ^ operation) {
            let mut flash = cut.clone();
            flash.power_up();
            flash.reseed(salt.wrapping_mul(7) ^ operation);
            if depth > 0 {
                flash.cut_after(operation, how);
            }
            match restore(&mut flash) {
                Ok(answer) => {
                    fits(&answer);
                    check_firm(&flash, answer.as_ref().map(|(_, state)| state), salt);
                }
                Err(LOST) => {
                    any = true;
                    check(&flash, both, depth - 1, partly, salt.wrapping_mul(31) ^ operation);
                }
                Err(error) => panic!("{error}"),
            }
        }
        if !any {
            return;
        }
    }
}

/// Whole states and increments in turn: several of them, around the ring and over it.
fn story() -> impl Iterator<Item = State> {
    let steps =
        [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5), (2, 5), (2, 6), (3, 7), (4, 8), (4, 9), (4, 10), (4, 11)];
    steps.into_iter().map(|(large, small)| State::of(large, small))
}

#[test]
fn cut_everywhere() {
    let mut flash = FlashModel::new(RING.end(), 1);
    let mut old: Option<(Place, State)> = None;
    for (number, new) in (1_u64..).zip(story()) {
        let mut whole = flash.clone();
        let place = write(&mut whole, old.as_ref(), &new).unwrap();
        let operations = whole.counters().operations() - flash.counters().operations();
        for operation in 0..operations {
            for (salt, how) in (number << 32..).zip(cuts(24, operation)) {
                let mut cut = flash.clone();
                cut.cut_after(operation, how);
                assert_eq!(write(&mut cut, old.as_ref(), &new), Err(LOST));
                let both = [old.as_ref().map(|(_, state)| state), Some(&new)];
                check(&cut, both, 1, 4, salt ^ (operation << 16));
            }
        }
        assert_eq!(whole.counters().refreshes + whole.counters().overwrites, 0);
        flash = whole;
        old = Some((place, new));
        assert_eq!(restore(&mut flash).unwrap(), old);
    }
}

#[test]
fn long_lives() {
    for seed in 0..60 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut flash = FlashModel::new(RING.end(), seed);
        let mut known: Option<(Place, State)> = None;
        let mut large = 0;
        for step in 0..120 {
            large += u32::from(dice.u8(..4) == 0);
            let new = State::of(large, step);
            if dice.bool() {
                flash.cut_after(dice.u64(..8), Cut::Partly { seed: dice.u64(..) });
            }
            let old = known.clone();
            match write(&mut flash, known.as_ref(), &new) {
                Ok(place) => known = Some((place, new.clone())),
                Err(LOST) => {}
                Err(error) => panic!("{error}"),
            }
            let mut answered: Option<Option<State>> = None;
            for last in [false, false, true] {
                flash.power_up();
                if !last && dice.bool() {
                    flash.cut_after(dice.u64(..4), Cut::Partly { seed: dice.u64(..) });
                }
                let Ok(answer) = restore(&mut flash) else { continue };
                let state = answer.as_ref().map(|(_, state)| state.clone());
                match &answered {
                    Some(before) => assert_eq!(&state, before, "seed {seed}, step {step}: a changed mind"),
                    None => {
                        let old = old.as_ref().map(|(_, state)| state.clone());
                        let done = known.as_ref().is_some_and(|(_, state)| *state == new);
                        assert!(state.as_ref() == Some(&new) || (!done && state == old), "{seed} {step}");
                        answered = Some(state);
                    }
                }
                known = answer;
            }
        }
        assert_eq!(flash.counters().overwrites, 0);
    }
}

/// Turns over a bit of what the pages hold, firmly.
fn decay(flash: &mut FlashModel, pages: impl IntoIterator<Item = u16>) {
    let mut mask = [0; PAGE];
    mask[12] = 0x10;
    pages.into_iter().for_each(|page| flash.corrupt(page, &mask));
}

#[test]
fn decay_falls_back_and_mixes_nothing() {
    let mut flash = FlashModel::new(RING.end(), 1);
    let first = State::of(1, 1);
    let mut place = JOURNAL.keep(&mut flash, None, &first).unwrap();
    for small in 2..4 {
        place = JOURNAL.grow(&mut flash, place, &State::of(1, small)).unwrap();
    }
    // The newest increment: the one before it counts. Numbers begin with 1, so this is number 2.
    let mut decayed = flash.clone();
    decay(&mut decayed, [RING.end() - 1]);
    assert_eq!(restore(&mut decayed).unwrap().unwrap().1, State::of(1, 2));

    // The newest whole state, which has increments: the state before it, with its own increments and none of the lost one's.
    let grown = JOURNAL.keep(&mut flash, Some(place), &State::of(2, 20)).unwrap();
    JOURNAL.grow(&mut flash, grown, &State::of(2, 21)).unwrap();
    // Epochs 1 and 2 are the first state's, 3 is this one's: the second slot.
    decay(&mut flash, [4]);
    let (place, state) = restore(&mut flash).unwrap().unwrap();
    assert_eq!(state.large, first.large);
    assert!(state == State::of(1, 3) || state == State::of(1, 1));
    // The next whole state has the epoch of the lost one, and none of its increments.
    let new = State::of(5, 50);
    JOURNAL.keep(&mut flash, Some(place), &new).unwrap();
    assert_eq!(restore(&mut flash).unwrap().unwrap().1, new);
}

#[test]
fn increments_cost_one_program_and_wear_all_pages_alike() {
    const WIDE: Journal = Journal::new(LOG, Ring::new(LOG.end(), 20));
    let mut flash = FlashModel::new(LOG.end() + 20, 1);
    let mut place = WIDE.keep(&mut flash, None, &State::of(1, 0)).unwrap();
    for small in 0..2_000 {
        let before = flash.counters();
        place = WIDE.grow(&mut flash, place, &State::of(1, small)).unwrap();
        let after = flash.counters();
        // The page was erased before, and the next one is now.
        assert_eq!(after.programs - before.programs, 1);
        assert_eq!(after.erases - before.erases, u64::from(small >= 19));
    }
    let (most, least) = flash.wear(LOG.end()..LOG.end() + 20).unwrap();
    assert!(most - least <= 1 && most <= 100, "{most} {least}");
    assert_eq!(flash.wear(0..LOG.end()).unwrap().0, 0);
    // Power-ups alone wear nothing.
    let worn = flash.counters().operations();
    for _ in 0..10 {
        WIDE.restore(&mut flash, &mut State::default()).unwrap().unwrap();
    }
    assert_eq!(flash.counters().operations(), worn);
}
