//! Random lives of a card against a small model of its purse: whatever comes, in whatever order, and wherever power is lost, a
//! certificate changes the card at most once, nothing is half done, and nothing falls.
// Helpers of tests, which clippy does not take for tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use crate::common::*;
use applet_sim::chip::Cut;
use card_core::id::{Channel, State};
use card_core::message::Receipt;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::HashMap;

/// What the specification says that a card remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Purse {
    active: bool,
    sequence: u32,
    credit: u64,
    debited: u64,
    loads: u32,
    settled: (u64, u64),
    report: u32,
    month: u16,
    last_event: u32,
    mail: HashMap<u8, u32>,
}

/// A certificate as the ledger issued it: totals by sequence that never fall. A few are wrong.
fn ledger(seed: u64) -> Vec<(u64, u64)> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let (mut credit, mut debited) = (0, 0);
    let mut totals = vec![(0, 0), (0, 0)];
    for _ in 0..250 {
        match dice.u64(..4) {
            0 => {}
            1 => debited += dice.u64(..50),
            _ => credit += dice.u64(..100_000),
        }
        // A mistake of the issuer's that the card must notice.
        let wrong = if dice.u64(..12) == 0 { 1_000 } else { 0 };
        totals.push((u64::saturating_sub(credit, wrong), debited));
    }
    totals
}

#[derive(Debug, Clone)]
enum Happening {
    /// Sequence, and whether from a branch.
    Voucher(u32, bool),
    /// Slot and version.
    Mail(u8, u32),
    /// Report number, present month, events, and 0 for totals that fall.
    Settle(u32, u16, Vec<u32>, u8),
    PowerDown,
}

impl Happening {
    /// The numbers it was made with are counted from a little before what the card has.
    fn from(self, held: &Purse) -> Self {
        let near = |held: u32, step: u32| (held + step).saturating_sub(1).max(1);
        match self {
            Self::Voucher(step, branch) => Self::Voucher(near(held.sequence, step), branch),
            Self::Mail(slot, step) => {
                Self::Mail(slot, near(held.mail.get(&slot).copied().unwrap_or(0), step))
            }
            Self::Settle(step, month, events, less) => {
                let month = (held.month + month).saturating_sub(1);
                let events = events.into_iter().map(|step| held.last_event + step).collect();
                Self::Settle(near(held.report, step), month, events, less)
            }
            Self::PowerDown => self,
        }
    }
}

fn happening() -> impl Strategy<Value = (Happening, Option<(u64, u8, u64)>)> {
    let events = prop::collection::btree_set(prop_oneof![9 => 1..9_u32, 1 => 0..100_u32], 0..=4);
    let what = prop_oneof![
        5 => (0..5_u32, prop::bool::weighted(0.7)).prop_map(|(n, branch)| Happening::Voucher(n, branch)),
        2 => (0..3_u8, 0..4_u32).prop_map(|(slot, version)| Happening::Mail(slot, version)),
        3 => (0..4_u32, 0..3_u16, events, 0..6_u8)
            .prop_map(|(n, month, events, less)| Happening::Settle(n, month, events.into_iter().collect(), less)),
        1 => Just(Happening::PowerDown),
    ];
    let cut = prop::option::weighted(0.5, (0..7_u64, 0..6_u8, any::<u64>()));
    (what, cut)
}

impl Purse {
    /// What the card must answer, and what it holds then.
    fn after(&self, happening: &Happening, ledger: &[(u64, u64)]) -> (Self, u16, Option<u8>) {
        let mut next = self.clone();
        let (status, outcome) = match happening {
            Happening::Voucher(sequence, branch) => {
                let (credit, debited) = ledger[*sequence as usize];
                if *sequence <= self.sequence {
                    (0x9000, Some(if *sequence == self.sequence { 2 } else { 3 }))
                } else if credit < self.credit || debited < self.debited {
                    (0x9407, None)
                } else if !self.active && !branch {
                    (0x940D, None)
                } else {
                    let same = (credit, debited) == (self.credit, self.debited);
                    (next.sequence, next.credit, next.debited) = (*sequence, credit, debited);
                    next.active = true;
                    next.loads += u32::from(!same);
                    (0x9000, Some(if same { 4 } else { 1 }))
                }
            }
            Happening::Mail(slot, version) => {
                let held = self.mail.get(slot).copied().unwrap_or(0);
                next.mail.insert(*slot, held.max(*version));
                match version.cmp(&held) {
                    std::cmp::Ordering::Less => (0x940A, None),
                    std::cmp::Ordering::Equal => (0x9000, Some(2)),
                    std::cmp::Ordering::Greater => (0x9000, Some(1)),
                }
            }
            Happening::Settle(number, month, events, less) => {
                let applied = settled_totals(*number, *less);
                let last = events.last().copied().unwrap_or(self.last_event);
                let ok = (0x9000, None);
                if *number <= self.report {
                    let same = *number == self.report && applied == self.settled;
                    if same { ok } else { (0x940A, None) }
                } else if applied.0 < self.settled.0 || applied.1 < self.settled.1 {
                    (0x940C, None)
                } else if events.first().is_some_and(|first| *first <= self.last_event) {
                    (0x6A80, None)
                } else {
                    (next.report, next.settled, next.month) = (*number, applied, *month);
                    next.last_event = last;
                    ok
                }
            }
            Happening::PowerDown => (0x9000, None),
        };
        (next, status, outcome)
    }

    /// As the card shows it.
    fn of(card: &mut Card) -> Self {
        let (data, status) = plain(card, [0, 0xCA, 0xDF, 0x22], &[]);
        assert_eq!(status, 0x9000);
        let receipt = Receipt::parse(&data[3..]).unwrap();
        let mut session = Session::open(card, key_set(0x11), FULL);
        let meter = session.send(card, [0, 0xB0, 0x86, 0], &[]).0;
        let directory = session.send(card, [0, 0xB0, 0x89, 0], &[]).0;
        let event = session.send(card, [0, 0xB2, 1, 0x44], &[]).0;
        let (newest, status) = session.send(card, [0, 0xB2, 1, 0x2C], &[]);
        assert_eq!(status == 0x9000, receipt.loads > 0, "the log and the number of loads");
        if status == 0x9000 {
            assert_eq!(newest[..4], receipt.loads.to_be_bytes());
            // The log's newest record is of the newest totals: a refresh does not change them.
            assert_eq!(newest[33..39], receipt.total_credit.0.to_be_bytes()[2..]);
        }
        let older = u8::try_from(receipt.loads + 1).unwrap();
        assert_eq!(session.send(card, [0, 0xB2, older, 0x2C], &[]).1, 0x6A83, "a load that does not count");
        let number = |bytes: Option<&[u8; 4]>| bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes));
        Self {
            active: receipt.state == State::Active,
            sequence: receipt.sequence,
            credit: receipt.total_credit.0,
            debited: receipt.total_debited.0,
            loads: receipt.loads,
            settled: (receipt.settled_credit.0, receipt.settled_debited.0),
            report: number(meter[14..].first_chunk()),
            month: u16::from_be_bytes([meter[68], meter[69]]),
            last_event: number(event.first_chunk()),
            mail: (0..3)
                .map(|slot: u8| (slot, number(directory[4 * usize::from(slot)..].first_chunk())))
                .filter(|(_, version)| *version > 0)
                .collect(),
        }
    }

    /// Nothing that only grows has fallen.
    fn is_not_below(&self, before: &Self) -> bool {
        self.sequence >= before.sequence
            && self.credit >= before.credit
            && self.debited >= before.debited
            && self.loads >= before.loads
            && self.active >= before.active
            && self.settled.0 >= before.settled.0
            && self.settled.1 >= before.settled.1
            && self.report >= before.report
            // A meter's clock can be set back, and a report says so once.
            && (self.month >= before.month || self.report > before.report)
            && self.last_event >= before.last_event
            && before.mail.iter().all(|(slot, version)| self.mail.get(slot) >= Some(version))
    }
}

/// What a meter says that it has applied, by report; sometimes less than before.
const fn settled_totals(number: u32, less: u8) -> (u64, u64) {
    let less = if less == 0 { 2_000 } else { 0 };
    ((number as u64 * 1_000).saturating_sub(less), number as u64 / 4)
}

fn step(happening: &Happening, ledger: &[(u64, u64)]) -> Option<Step> {
    Some(match happening {
        Happening::Voucher(sequence, branch) => {
            let (credit, debited) = ledger[*sequence as usize];
            let channel = if *branch { Channel::Branch } else { Channel::Wallet };
            Step::load(&voucher_with(certificate(*sequence, credit, debited), channel))
        }
        Happening::Mail(slot, version) => {
            let mail = envelope_of(BINDING, *slot, *version, &vec![*version as u8; 60 * usize::from(*slot)]);
            Step::Plain([0x80, 0x42, 0, 0], delivery(&mail))
        }
        Happening::Settle(number, month, events, less) => {
            let (credit, debited) = settled_totals(*number, *less);
            let data = settle_data(&meter_receipt(*number, credit, debited), *month, events);
            Step::meter([0x80, 0x48, 0, 0], data)
        }
        Happening::PowerDown => return None,
    })
}

#[test]
fn random_lives() {
    let seed = 0xE6;
    println!("seed {seed:02X}");
    let cases = if long() { 5_000 } else { 120 };
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]));
    let strategy = (any::<u64>(), prop::collection::vec(happening(), 1..60));
    let mut fates = [0_u32; 3];
    let counted = std::cell::RefCell::new(&mut fates);
    runner
        .run(&strategy, |(seed, happenings)| {
            let ledger = ledger(seed);
            let mut card = card(State::Personalised);
            let mut model = Purse::of(&mut card);
            let mut ever: HashMap<u32, u32> = HashMap::new();
            for (number, (happening, cut)) in (0..).zip(&happenings) {
                let happening = &happening.clone().from(&model);
                let Some(step) = step(happening, &ledger) else {
                    card.chip_mut().unwrap().memory.reseed(seed ^ number);
                    card.power_up();
                    prop_assert_eq!(Purse::of(&mut card), model.clone());
                    continue;
                };
                if matches!(happening, Happening::Settle(..)) && !model.active {
                    continue;
                }
                let (next, status, outcome) = model.after(happening, &ledger);
                let prepared = step.prepare(&mut card);
                if let Some((operation, how, cut_seed)) = cut {
                    let how = match how {
                        0 => Cut::Before,
                        1 => Cut::After,
                        _ => Cut::Partly { seed: *cut_seed },
                    };
                    card.chip_mut().unwrap().memory.cut_after(*operation, how);
                }
                let answer = prepared.send(&mut card);
                let before = model.clone();
                if let Some((data, found)) = answer {
                    prop_assert_eq!(found, status, "{:?} {:?}", happening, model);
                    if let Some(outcome) = outcome {
                        prop_assert_eq!(data[0], outcome);
                    }
                    model = next;
                    counted.borrow_mut()[0] += 1;
                    // The plan may still stand: it is forgotten with the next power-up.
                    card.power_up();
                } else {
                    card.chip_mut().unwrap().memory.reseed(seed.wrapping_add(number));
                    card.power_up();
                    let found = Purse::of(&mut card);
                    prop_assert!(found == model || found == next, "{:?}\n{:?}\n{:?}", found, model, next);
                    counted.borrow_mut()[if found == model { 1 } else { 2 }] += 1;
                    model = found;
                }
                let shown = Purse::of(&mut card);
                prop_assert_eq!(&shown, &model);
                prop_assert!(shown.is_not_below(&before));
                if let (Happening::Voucher(sequence, _), true) = (happening, shown.loads > before.loads) {
                    let times = ever.entry(*sequence).or_default();
                    *times += 1;
                    prop_assert_eq!((*times, shown.loads), (1, before.loads + 1), "loaded twice");
                }
                prop_assert_eq!(card.chip().unwrap().memory.counters().overwrites, 0);
            }
            // What was last certified arrives in the end, whatever happened before.
            let (credit, debited) = (model.credit + 7, model.debited);
            let last = Step::load(&voucher(100_000, credit, debited));
            prop_assert_eq!(last.run(&mut card).0[0], 1);
            prop_assert_eq!(last.run(&mut card).0[0], 2);
            prop_assert_eq!(Purse::of(&mut card).credit, credit);
            Ok(())
        })
        .unwrap();
    println!("answered {}, cut with the old state {}, with the new {}", fates[0], fates[1], fates[2]);
    assert!(fates.iter().all(|count| *count > 50), "{fates:?}");
}
