//! The store against the simulated memory: power cut in every operation, in every way, again while recovering, with
//! bits that read differently each time.
// Long: one structure under all faults that memory has.
// Helpers of tests, which clippy does not take for tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use applet_sim::chip::{Cut, FlashModel};
use card_core::platform::{Memory, MemoryError, PAGE};
use card_core::store::{Log, Record, Ring, StoreError};
use proptest::prelude::*;

const LOST: StoreError = StoreError::Memory(MemoryError::PowerLost);

/// A state as the caller knows it: epoch and payload.
type State = (u32, Vec<u8>);

fn recover(log: &Log, memory: &mut impl Memory) -> Result<Option<State>, StoreError> {
    let mut out = vec![0; log.capacity()];
    let found = log.recover(memory, &mut out)?;
    Ok(found.map(|Record { epoch, len }| (epoch, out[..len].to_vec())))
}

fn peek(log: &Log, memory: &mut impl Memory) -> Result<Option<State>, StoreError> {
    let mut out = vec![0; log.capacity()];
    let found = log.peek(memory, &mut out)?;
    Ok(found.map(|Record { epoch, len }| (epoch, out[..len].to_vec())))
}

/// Bytes that differ all over from one `number` to the next.
fn payload(number: u32, len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (number.wrapping_mul(97) ^ i.wrapping_mul(29)) as u8).collect()
}

/// Ways to cut, `partly` of them in the middle.
fn cuts(partly: u64, salt: u64) -> impl Iterator<Item = Cut> {
    let middle = (0..partly).map(move |i| Cut::Partly { seed: salt.wrapping_mul(1_000_003).wrapping_add(i) });
    [Cut::Before, Cut::After].into_iter().chain(middle)
}

/// What a cut commit was to replace, and by what.
struct Attempt<'a> {
    log: &'a Log,
    old: Option<State>,
    new: &'a [u8],
}

impl Attempt<'_> {
    fn is_old(&self, answer: Option<&State>) -> bool {
        answer == self.old.as_ref()
    }

    fn is_new(&self, answer: Option<&State>) -> bool {
        let before = self.old.as_ref().map_or(0, |(epoch, _)| *epoch);
        answer.is_some_and(|(epoch, payload)| payload == self.new && *epoch > before)
    }

    /// Recovers after a cut: old or new, the same at every later time, and the next commit succeeds. Then the same with
    /// further cuts, in each operation of the recovery, `depth` deep.
    fn check(&self, cut: &FlashModel, depth: u32, partly: u64, salt: u64) {
        let log = self.log;
        let mut flash = cut.clone();
        flash.power_up();
        flash.reseed(salt);
        let answer = recover(log, &mut flash).unwrap();
        assert!(self.is_old(answer.as_ref()) || self.is_new(answer.as_ref()), "{answer:?}");
        self.check_firm(&flash, answer.as_ref(), salt);

        if depth == 0 {
            return;
        }
        for operation in 0.. {
            let mut any = false;
            for how in cuts(partly, salt ^ operation) {
                let mut flash = cut.clone();
                flash.power_up();
                flash.reseed(salt.wrapping_mul(7) ^ operation);
                flash.cut_after(operation, how);
                match recover(log, &mut flash) {
                    Ok(answer) => {
                        assert!(self.is_old(answer.as_ref()) || self.is_new(answer.as_ref()), "{answer:?}");
                        self.check_firm(&flash, answer.as_ref(), salt);
                    }
                    Err(LOST) => {
                        any = true;
                        self.check(&flash, depth - 1, partly, salt.wrapping_mul(31) ^ operation);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            if !any {
                return;
            }
        }
    }

    /// What was answered once is answered always, and is no obstacle to what comes next.
    fn check_firm(&self, flash: &FlashModel, answer: Option<&State>, salt: u64) {
        let mut flash = flash.clone();
        let settled = flash.counters().operations();
        for time in 0..6 {
            flash.power_up();
            flash.reseed(salt.wrapping_add(time));
            assert_eq!(recover(self.log, &mut flash).unwrap().as_ref(), answer, "a changed mind");
        }
        assert_eq!(peek(self.log, &mut flash).unwrap().as_ref(), answer);
        // A half-erased older record may still have read as whole the first time, and have been left alone.
        assert!(flash.counters().operations() <= settled + 1, "recovery repeats itself");
        let next = b"next".to_vec();
        let epoch = self.log.commit(&mut flash, answer.map(|(epoch, _)| *epoch), &next).unwrap();
        assert_eq!(recover(self.log, &mut flash).unwrap(), Some((epoch, next)));
        assert_eq!(flash.counters().overwrites, 0);
    }
}

/// Cuts every operation of every commit in `lengths`.
fn cut_everywhere(log: &Log, lengths: &[usize], partly: u64, depth: u32) {
    let mut flash = FlashModel::new(log.end(), 1);
    let mut old: Option<State> = None;
    for (number, len) in (1_u32..).zip(lengths) {
        let new = payload(number, *len);
        let attempt = Attempt { log, old: old.clone(), new: &new };
        let epoch = old.as_ref().map(|(epoch, _)| *epoch);
        let mut whole = flash.clone();
        let committed = log.commit(&mut whole, epoch, &new).unwrap();
        let operations = whole.counters().operations() - flash.counters().operations();
        for operation in 0..operations {
            for (salt, how) in (u64::from(number) << 32..).zip(cuts(partly, operation)) {
                let mut cut = flash.clone();
                cut.cut_after(operation, how);
                assert_eq!(log.commit(&mut cut, epoch, &new), Err(LOST));
                attempt.check(&cut, depth, 3, salt ^ (operation << 16));
                if (operation == 0 && how == Cut::Before)
                    || (operation + 1 == operations && how == Cut::After)
                {
                    cut.power_up();
                    let answer = recover(log, &mut cut).unwrap();
                    assert_eq!(attempt.is_new(answer.as_ref()), how == Cut::After);
                }
            }
        }
        assert_eq!(whole.counters().refreshes, 0);
        flash = whole;
        old = Some((committed, new));
        assert_eq!(recover(log, &mut flash).unwrap(), old);
    }
}

/// Lengths around the page boundaries, up and down, more of them than there are slots.
fn lengths(log: &Log) -> Vec<usize> {
    let full = log.capacity();
    vec![full, 10.min(full), full, 0, full / 2, full - 1, full]
}

#[test]
fn cut_everywhere_two_slots() {
    for pages in 1..=3 {
        let log = Log::new(1, pages, 2);
        cut_everywhere(&log, &lengths(&log), 24, 1);
    }
}

#[test]
fn cut_everywhere_three_slots() {
    for pages in 1..=3 {
        let log = Log::new(0, pages, 3);
        cut_everywhere(&log, &lengths(&log), 24, 1);
    }
}

#[test]
fn cut_everywhere_four_slots() {
    for pages in 1..=3 {
        let log = Log::new(2, pages, 4);
        cut_everywhere(&log, &lengths(&log), 24, 1);
    }
}

#[test]
fn cut_again_and_again_while_recovering() {
    let log = Log::new(0, 2, 2);
    cut_everywhere(&log, &[100, 40, 110, 118], 12, 2);
    let log = Log::new(0, 1, 3);
    cut_everywhere(&log, &[50, 54, 3, 20, 21], 12, 2);
}

/// A long life of commits, cuts and recoveries, each a little dice.
fn live(log: &Log, seed: u64, steps: u32) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut roll = move |sides: u64| dice.u64(..sides);
    let mut flash = FlashModel::new(log.end(), seed);
    let mut known: Option<State> = None;
    for step in 0..steps {
        let new = payload(step, roll(log.capacity() as u64 + 1) as usize);
        if roll(2) == 0 {
            flash.cut_after(roll(8), Cut::Partly { seed: roll(u64::MAX) });
        }
        match log.commit(&mut flash, known.as_ref().map(|(epoch, _)| *epoch), &new) {
            Ok(epoch) => known = Some((epoch, new.clone())),
            Err(LOST) => {}
            Err(error) => panic!("{error}"),
        }
        let attempt = Attempt { log, old: known.clone(), new: &new };
        let mut answered: Option<Option<State>> = None;
        for _ in 0..roll(6) + 1 {
            flash.power_up();
            if roll(2) == 0 {
                flash.cut_after(roll(4), Cut::Partly { seed: roll(u64::MAX) });
            }
            match recover(log, &mut flash) {
                Ok(answer) => match &answered {
                    Some(before) => assert_eq!(&answer, before, "seed {seed}, step {step}: a changed mind"),
                    None => {
                        let fits = attempt.is_old(answer.as_ref()) || attempt.is_new(answer.as_ref());
                        assert!(fits, "seed {seed}, step {step}");
                        answered = Some(answer);
                    }
                },
                Err(LOST) => {}
                Err(error) => panic!("seed {seed}, step {step}: {error}"),
            }
        }
        flash.power_up();
        let answer = recover(log, &mut flash).unwrap();
        match &answered {
            Some(before) => assert_eq!(&answer, before, "seed {seed}, step {step}: a changed mind"),
            None => assert!(attempt.is_old(answer.as_ref()) || attempt.is_new(answer.as_ref())),
        }
        known = answer;
    }
    assert_eq!(flash.counters().overwrites, 0);
}

#[test]
fn long_lives() {
    for (pages, slots) in [(1, 2), (1, 3), (2, 2), (3, 2), (2, 4), (3, 3)] {
        for seed in 0..40 {
            live(&Log::new(0, pages, slots), seed, 100);
        }
    }
}

#[test]
fn first_commit_cut_short_is_nothing_and_decay_is_not() {
    for log in [Log::new(0, 1, 2), Log::new(0, 2, 2), Log::new(0, 1, 3)] {
        let mut flash = FlashModel::new(log.end(), 3);
        assert_eq!(recover(&log, &mut flash), Ok(None));
        assert_eq!(peek(&log, &mut flash), Ok(None));
        assert_eq!(flash.counters().operations(), 0);
        let mut epoch = None;
        for number in 0..7 {
            epoch = Some(log.commit(&mut flash, epoch, &payload(number, log.capacity())).unwrap());
            // All that is there decays, and a cut has even emptied the slot that the next record goes to.
            for cut in [false, true] {
                let mut flash = flash.clone();
                if cut {
                    flash.cut_after(0, Cut::After);
                    log.commit(&mut flash, epoch, b"").unwrap_err();
                    flash.power_up();
                    recover(&log, &mut flash).unwrap().unwrap();
                }
                for page in 0..log.end() {
                    if flash.pages()[usize::from(page)].data != [0xFF; PAGE] {
                        let mut mask = [0; PAGE];
                        mask[8] = 0x40;
                        flash.corrupt(page, &mask);
                    }
                }
                let operations = flash.counters().operations();
                assert_eq!(recover(&log, &mut flash), Err(StoreError::Corrupt), "{number} {cut}");
                assert_eq!(peek(&log, &mut flash), Err(StoreError::Corrupt));
                assert_eq!(flash.counters().operations(), operations, "evidence is left alone");
            }
        }
    }
}

#[test]
fn a_first_commit_that_recovery_completes_can_decay_too() {
    let log = Log::new(0, 1, 2);
    let mut flash = FlashModel::new(log.end(), 3);
    flash.cut_after(0, Cut::After);
    assert_eq!(log.commit(&mut flash, None, b"first"), Err(LOST));
    flash.power_up();
    assert_eq!(peek(&log, &mut flash), Ok(Some((1, b"first".to_vec()))));
    assert_eq!(recover(&log, &mut flash), Ok(Some((2, b"first".to_vec()))));
    let mut mask = [0; PAGE];
    mask[10] = 1;
    flash.corrupt(0, &mask);
    flash.corrupt(1, &mask);
    assert_eq!(recover(&log, &mut flash), Err(StoreError::Corrupt));
}

#[test]
fn an_old_record_that_claims_to_be_new_is_not_believed() {
    let log = Log::new(0, 1, 2);
    let mut flash = FlashModel::new(log.end(), 3);
    let epoch = log.commit(&mut flash, None, b"two").unwrap();
    let epoch = log.commit(&mut flash, Some(epoch), b"three").unwrap();
    let epoch = log.commit(&mut flash, Some(epoch), b"four").unwrap();
    assert_eq!(epoch, 4);
    // Epoch 3, inverted, now and then reads as epoch 259.
    let mut mask = [0; PAGE];
    mask[2] = 1;
    flash.weaken(1, &mask);
    for seed in 0..50 {
        flash.reseed(seed);
        assert_eq!(peek(&log, &mut flash), Ok(Some((4, b"four".to_vec()))));
    }
}

#[test]
fn decay_of_the_newest_falls_back() {
    let log = Log::new(0, 1, 3);
    let mut flash = FlashModel::new(log.end(), 3);
    let mut epoch = None;
    for number in 0..5 {
        epoch = Some(log.commit(&mut flash, epoch, &payload(number, 20)).unwrap());
    }
    assert_eq!(epoch, Some(6));
    flash.corrupt(0, &[1; PAGE]);
    assert_eq!(recover(&log, &mut flash), Ok(Some((5, payload(3, 20)))));
}

#[test]
fn doubtful_pages_are_rewritten_in_place() {
    let log = Log::new(0, 2, 2);
    let mut flash = FlashModel::new(log.end(), 3);
    let epoch = log.commit(&mut flash, None, &payload(1, 100)).unwrap();
    let epoch = log.commit(&mut flash, Some(epoch), &payload(2, 100)).unwrap();
    assert_eq!(epoch, 3);
    // In both pages of its slot, one bit that is 0.
    for page in [2, 3] {
        let data = flash.pages()[usize::from(page)].data;
        let mut mask = [0; PAGE];
        mask[20] = !data[20] & data[20].wrapping_add(1);
        assert_eq!(mask[20].count_ones(), 1);
        flash.weaken(page, &mask);
    }
    let seed = (0..100).find(|seed| {
        let mut flash = flash.clone();
        flash.reseed(*seed);
        peek(&log, &mut flash).unwrap().unwrap().0 == 3
    });
    flash.reseed(seed.unwrap());
    let before = flash.counters();
    assert_eq!(recover(&log, &mut flash), Ok(Some((3, payload(2, 100)))));
    let after = flash.counters();
    assert_eq!((after.erases - before.erases, after.programs - before.programs), (0, 2));
    assert_eq!((after.refreshes - before.refreshes, after.overwrites), (2, 0));
    for seed in 0..20 {
        flash.reseed(seed);
        assert_eq!(recover(&log, &mut flash), Ok(Some((3, payload(2, 100)))));
    }
    assert_eq!(flash.counters().operations(), after.operations());
}

#[test]
fn what_cannot_be_firmed_up_is_copied() {
    let log = Log::new(0, 1, 2);
    let mut flash = FlashModel::new(log.end(), 3);
    let epoch = log.commit(&mut flash, None, &payload(1, 9)).unwrap();
    let epoch = log.commit(&mut flash, Some(epoch), &[0xFF; 9]).unwrap();
    assert_eq!(epoch, 3);
    let mut mask = [0; PAGE];
    mask[12] = 1;
    flash.weaken(1, &mask);
    let mut copied = 0;
    for seed in 0..20 {
        let mut flash = flash.clone();
        flash.reseed(seed);
        let answer = recover(&log, &mut flash).unwrap();
        // The bit may read wrong, and then there is only the older record.
        let copy = answer == Some((4, vec![0xFF; 9]));
        assert!(copy || answer == Some((2, payload(1, 9))));
        copied += u32::from(copy);
        for seed in 0..20 {
            flash.reseed(seed);
            assert_eq!(recover(&log, &mut flash).unwrap(), answer);
        }
    }
    assert!(copied > 5);
}

/// A record made by hand.
fn craft(flash: &mut FlashModel, page: u16, epoch: u32, payload: &[u8]) {
    let mut bytes = (!epoch).to_be_bytes().to_vec();
    bytes.extend((payload.len() as u16).to_be_bytes());
    let check = crc32(&[&bytes, payload].concat());
    bytes.extend(check.to_be_bytes());
    bytes.extend(payload);
    let mut image = [0xFF; PAGE];
    image[..bytes.len()].copy_from_slice(&bytes);
    flash.program(page, &image).unwrap();
}

/// CRC-32 as in ISO/IEC 8802-3, written down once more.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

#[test]
fn the_last_epoch_is_terminal() {
    for slots in [2, 3, 4] {
        let log = Log::new(0, 1, slots);
        let last = u32::MAX;
        let mut flash = FlashModel::new(log.end(), 3);
        craft(&mut flash, ((last - 1) % u32::from(slots)) as u16, last - 1, b"last but one");
        assert_eq!(recover(&log, &mut flash), Ok(Some((last - 1, b"last but one".to_vec()))));
        assert_eq!(log.commit(&mut flash, Some(last - 1), b"last"), Ok(last));
        let operations = flash.counters().operations();
        assert_eq!(log.commit(&mut flash, Some(last), b"more"), Err(StoreError::Exhausted));
        assert_eq!(recover(&log, &mut flash), Ok(Some((last, b"last".to_vec()))));
        assert_eq!(flash.counters().operations(), operations);
    }
}

#[test]
fn records_are_taken_only_from_their_own_slot() {
    let log = Log::new(0, 1, 3);
    let mut flash = FlashModel::new(log.end(), 3);
    craft(&mut flash, 0, 3, b"three");
    craft(&mut flash, 1, 5, b"five, but not here");
    assert_eq!(recover(&log, &mut flash), Ok(Some((3, b"three".to_vec()))));
}

#[test]
fn limits_are_checked_before_anything_is_written() {
    let log = Log::new(0, 2, 2);
    assert_eq!((log.capacity(), log.pages(), log.end()), (118, 4, 4));
    let mut flash = FlashModel::new(log.end(), 3);
    assert_eq!(log.commit(&mut flash, None, &[0; 119]), Err(StoreError::TooLong));
    assert_eq!(log.commit(&mut flash, Some(7), &[0; 70_000]), Err(StoreError::TooLong));
    assert_eq!(log.recover(&mut flash, &mut [0; 117]), Err(StoreError::BufferTooSmall));
    assert_eq!(flash.counters().operations(), 0);
}

#[test]
fn wear_is_level() {
    for (pages, slots) in [(1, 2), (1, 4), (3, 3)] {
        let log = Log::new(0, pages, slots);
        let mut flash = FlashModel::new(log.end(), 3);
        let mut epoch = None;
        for number in 0..1_000 {
            epoch = Some(log.commit(&mut flash, epoch, &payload(number, log.capacity())).unwrap());
        }
        let (most, least) = flash.wear(0..log.end()).unwrap();
        assert!(most - least <= 1, "{most} {least}");
        assert!(most <= 1_000 / u32::from(slots) + 1);
    }
}

#[test]
fn a_commit_costs_no_more_than_it_must() {
    let log = Log::new(0, 4, 2);
    // Bytes, and the pages that they need with the header.
    for (len, pages) in [(0, 1), (48, 1), (54, 1), (55, 2), (118, 2), (119, 3), (182, 3), (246, 4)] {
        let mut flash = FlashModel::new(log.end(), 3);
        let mut epoch = None;
        let mut cost = |flash: &mut FlashModel, payload: &[u8]| {
            let before = flash.counters();
            epoch = Some(log.commit(flash, epoch, payload).unwrap());
            let after = flash.counters();
            (after.erases - before.erases, after.programs - before.programs, after.reads - before.reads)
        };
        // The first one is written twice, to erased pages; later ones over older ones.
        assert_eq!(cost(&mut flash, &payload(0, len)).1, 2 * pages);
        let (erases, programs, reads) = cost(&mut flash, &payload(1, len));
        assert_eq!((erases, programs), (pages, pages));
        assert!(reads <= 6 * pages, "{reads}");
        // Where only the first bytes change, the other pages are left alone.
        let mut same = payload(2, len);
        for number in 0..2 {
            if let Some(first) = same.first_mut() {
                *first = number;
            }
            cost(&mut flash, &same);
        }
        if let Some(first) = same.first_mut() {
            *first = 9;
        }
        let (erases, programs, _) = cost(&mut flash, &same);
        assert_eq!((erases, programs), (1, 1));
        // And a short one does not touch the pages it does not need.
        let (erases, programs, _) = cost(&mut flash, b"short");
        assert_eq!((erases, programs), (1, 1));
    }
}

/// Memory with a bit in a page that does not do as it is told.
struct Defective {
    flash: FlashModel,
    page: u16,
    /// It stays 1; or it becomes weak.
    weak: bool,
}

impl Memory for Defective {
    fn read(&mut self, page: u16, offset: usize, out: &mut [u8]) -> Result<(), MemoryError> {
        self.flash.read(page, offset, out)
    }

    fn erase(&mut self, page: u16) -> Result<(), MemoryError> {
        self.flash.erase(page)
    }

    fn program(&mut self, page: u16, data: &[u8; PAGE]) -> Result<(), MemoryError> {
        let mut data = *data;
        if page == self.page && !self.weak {
            data[20] |= 2;
        }
        self.flash.program(page, &data)?;
        if page == self.page && self.weak {
            let mut mask = [0; PAGE];
            mask[20] = 2;
            self.flash.weaken(page, &mask);
        }
        Ok(())
    }

    fn margin(&mut self, page: u16) -> Result<bool, MemoryError> {
        self.flash.margin(page)
    }
}

#[test]
fn what_does_not_verify_never_counts() {
    let log = Log::new(0, 2, 2);
    for (page, weak) in [(2, false), (2, true), (3, false), (3, true)] {
        let mut flash = FlashModel::new(log.end(), 3);
        let epoch = log.commit(&mut flash, None, &[4; 118]).unwrap();
        let mut memory = Defective { flash, page, weak };
        let error = StoreError::Unverified { page };
        assert_eq!(log.commit(&mut memory, Some(epoch), &[0; 118]), Err(error));
        assert_eq!(memory.flash.counters().overwrites, 0);
        for seed in 0..20 {
            let mut flash = memory.flash.clone();
            flash.reseed(seed);
            assert_eq!(recover(&log, &mut flash), Ok(Some((epoch, vec![4; 118]))));
        }
    }
}

#[test]
fn wear_out_is_reported_and_leaves_the_state() {
    let log = Log::new(0, 1, 2);
    let mut flash = FlashModel::new(log.end(), 3);
    flash.set_wear_limit(Some(10));
    let mut known = None;
    let error = loop {
        let new = payload(known.as_ref().map_or(0, |(epoch, _)| *epoch), 30);
        match log.commit(&mut flash, known.as_ref().map(|(epoch, _)| *epoch), &new) {
            Ok(epoch) => known = Some((epoch, new)),
            Err(error) => break error,
        }
    };
    assert_eq!(error, StoreError::Memory(MemoryError::WornOut));
    assert_eq!(peek(&log, &mut flash), Ok(known.clone()));
    assert!(known.unwrap().0 >= 20);
}

#[test]
fn ring_holds_the_newest() {
    const RING: Ring = Ring::new(3, 4);
    assert_eq!((RING.pages(), RING.end(), Ring::CAPACITY), (4, 7, 55));
    let mut flash = FlashModel::new(RING.end(), 3);
    let mut out = [0; 55];
    assert_eq!(RING.read(&mut flash, 0, &mut out), Ok(None));
    for number in 0..10 {
        RING.write(&mut flash, number, &payload(number, 48)).unwrap();
        for back in 0..10 {
            let expected = (back <= number && back + 4 > number).then_some(48);
            assert_eq!(RING.read(&mut flash, back, &mut out).unwrap(), expected, "{number} {back}");
            assert!(expected.is_none() || out[..48] == payload(back, 48));
        }
    }
    let before = flash.counters();
    RING.write(&mut flash, 9, &payload(9, 48)).unwrap();
    assert_eq!(flash.counters().operations(), before.operations());
    assert_eq!(RING.write(&mut flash, 10, &[0; 56]), Err(StoreError::TooLong));
    assert_eq!(RING.read(&mut flash, 9, &mut [0; 47]), Err(StoreError::BufferTooSmall));
    RING.write(&mut flash, u32::MAX, &[0; 55]).unwrap();
    assert_eq!(RING.read(&mut flash, u32::MAX, &mut out), Ok(Some(55)));
    for byte in 0..PAGE {
        let mut flash = flash.clone();
        let mut mask = [0; PAGE];
        mask[byte] = 2;
        flash.corrupt(6, &mask);
        assert_eq!(RING.read(&mut flash, u32::MAX, &mut out), Ok(None), "{byte}");
    }
    assert_eq!(flash.counters().overwrites, 0);
}

/// History first, then the state whose index makes it count: whatever the state says, the history has.
#[test]
fn ring_and_log_agree_after_every_cut() {
    const RING: Ring = Ring::new(0, 3);
    const LOG: Log = Log::new(RING.end(), 1, 2);
    let agree = |flash: &mut FlashModel| {
        let state = recover(&LOG, flash).unwrap();
        let Some((_, state)) = &state else { return 0 };
        let count = u32::from(state[0]);
        // One slot is the one that the next record goes to.
        for number in count.saturating_sub(2)..count {
            let mut out = [0; 55];
            assert_eq!(RING.read(flash, number, &mut out), Ok(Some(48)), "{number} of {count}");
            assert_eq!(out[..48], payload(number, 48));
        }
        count
    };
    let step = |flash: &mut FlashModel| {
        let state = recover(&LOG, flash)?;
        let count = state.as_ref().map_or(0, |(_, state)| u32::from(state[0]));
        RING.write(flash, count, &payload(count, 48))?;
        LOG.commit(flash, state.map(|(epoch, _)| epoch), &[count as u8 + 1])
    };
    let mut flash = FlashModel::new(LOG.end(), 3);
    for count in 0..8 {
        for operation in 0..6 {
            for how in cuts(40, u64::from(count * 8 + operation)) {
                let mut cut = flash.clone();
                cut.cut_after(operation.into(), how);
                let done = step(&mut cut).is_ok();
                cut.power_up();
                let counted = agree(&mut cut);
                assert!(counted == count + 1 || (counted == count && !done));
                assert_eq!(agree(&mut cut), counted);
                step(&mut cut).unwrap();
                assert_eq!(agree(&mut cut), counted + 1);
                assert_eq!(cut.counters().overwrites, 0);
            }
        }
        step(&mut flash).unwrap();
    }
}

proptest! {
    #[test]
    fn any_states_come_back(
        pages in 1_u8..5,
        slots in 2_u8..9,
        first in 0_u16..9,
        states in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..12),
    ) {
        let log = Log::new(first, pages, slots);
        let mut flash = FlashModel::new(log.end(), 0);
        let mut known = None;
        for mut state in states {
            state.truncate(log.capacity());
            let epoch = log.commit(&mut flash, known, &state).unwrap();
            prop_assert_eq!(epoch, known.map_or(2, |known| known + 1));
            prop_assert_eq!(recover(&log, &mut flash), Ok(Some((epoch, state))));
            known = Some(epoch);
        }
        prop_assert!(flash.pages()[..usize::from(first)].iter().all(|page| page.wear == 0));
        prop_assert_eq!(flash.counters().overwrites + flash.counters().refreshes, 0);
    }

    #[test]
    fn any_garbage_is_refused(
        bytes in prop::collection::vec(any::<[u8; PAGE]>(), 6),
        weak in prop::collection::vec(any::<[u8; PAGE]>(), 6),
        number: u32,
    ) {
        let mut flash = FlashModel::new(6, 0);
        for page in 0..6 {
            flash.program(page, &bytes[usize::from(page)]).unwrap();
            flash.weaken(page, &weak[usize::from(page)]);
        }
        for log in [Log::new(0, 1, 6), Log::new(0, 3, 2), Log::new(0, 2, 3)] {
            prop_assert_eq!(recover(&log, &mut flash), Err(StoreError::Corrupt));
        }
        prop_assert_eq!(Ring::new(0, 6).read(&mut flash, number, &mut [0; 55]), Ok(None));
    }

    #[test]
    fn any_history_comes_back(
        slots in 1_u16..9,
        number: u32,
        record in prop::collection::vec(any::<u8>(), 0..=Ring::CAPACITY),
    ) {
        let ring = Ring::new(0, slots);
        let mut flash = FlashModel::new(ring.end(), 0);
        ring.write(&mut flash, number, &record).unwrap();
        let mut out = [0; Ring::CAPACITY];
        let len = ring.read(&mut flash, number, &mut out).unwrap();
        prop_assert_eq!(len.map(|len| &out[..len]), Some(&record[..]));
        let other = number.wrapping_add(u32::from(slots));
        prop_assert_eq!(ring.read(&mut flash, other, &mut out), Ok(None));
    }
}
