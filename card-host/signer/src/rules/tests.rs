#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what is wrong by failing")]

use super::*;
use card_core::id::{Binding, MeterId};

const BINDING: Binding = Binding { meter: MeterId([1; 8]), number: 1 };
const FEW: Ceilings = Ceilings {
    certificate: Piastres(100),
    binding_day: Piastres(150),
    hour: Piastres(200),
    day: Piastres(300),
};

fn totals(sequence: u32, credit: u64) -> Totals {
    Totals { binding: BINDING, generation: 1, sequence, credit: Piastres(credit), debited: Piastres(0) }
}

fn known(verdict: Result<Verdict, Forbidden>) -> (Known, Spent) {
    match verdict {
        Ok(Verdict::New { known, spent, .. }) => (known, spent),
        other => panic!("{other:?}"),
    }
}

fn ceiling(verdict: Result<Verdict, Forbidden>) -> Ceiling {
    match verdict {
        Err(Forbidden::Ceiling { ceiling, .. }) => ceiling,
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_what_rises_is_signed() {
    let none = Spent::default();
    let (first, _) = known(decide(None, totals(5, 60), none, &FEW, 1));
    // The same again, whatever its sequence.
    for sequence in [5, 4] {
        assert_eq!(decide(Some(&first), totals(sequence, 60), none, &FEW, 1), Ok(Verdict::Again));
    }
    // Other contents: under the next number, where the books are not known to hold the first.
    for credit in [59, 61] {
        let taken = decide(Some(&first), totals(5, credit), none, &FEW, 1);
        assert_eq!(taken, Err(Forbidden::Taken { binding: BINDING, sequence: 5, next: 6 }));
    }
    known(decide(Some(&first), totals(6, 10), none, &FEW, 1));
    // Where they hold it, never.
    let held = first.held_by(totals(5, 60));
    for credit in [59, 61] {
        let behind = decide(Some(&held), totals(5, credit), none, &FEW, 1);
        assert_eq!(behind, Err(Forbidden::Behind { binding: BINDING, sequence: 5, last: 5 }));
    }
    assert_eq!(decide(Some(&held), totals(6, 59), none, &FEW, 1), Err(Forbidden::Falls(totals(5, 60))));
    let younger = Totals { generation: 0, ..totals(6, 60) };
    assert_eq!(decide(Some(&held), younger, none, &FEW, 1), Err(Forbidden::Falls(totals(5, 60))));
    // What was held stays so beside something newer that did not come to the books.
    let (newer, _) = known(decide(Some(&held), totals(6, 90), none, &FEW, 1));
    assert_eq!(decide(Some(&newer), totals(5, 60), none, &FEW, 1), Ok(Verdict::Again));
    assert!(matches!(
        decide(Some(&newer), totals(6, 70), none, &FEW, 1),
        Err(Forbidden::Taken { next: 7, .. })
    ));
}

#[test]
fn books_are_not_believed_to_hold_what_was_never_signed() {
    let (first, _) = known(decide(None, totals(5, 60), Spent::default(), &FEW, 1));
    assert_eq!(first.held_by(totals(6, 60)), first);
    assert_eq!(first.held_by(totals(5, 61)), first);
    let held = first.held_by(totals(5, 60));
    assert_eq!(held.held_by(totals(4, 1)), held);
}

/// What is counted is the most that was ever signed: who signs less in between gains nothing.
#[test]
fn ceilings_count_what_rises_above_all_before() {
    let (first, spent) = known(decide(None, totals(1, 100), Spent::default(), &FEW, 1));
    assert_eq!((first.spent, spent.hour, spent.day), (Piastres(100), Piastres(100), Piastres(100)));
    let (lower, spent) = known(decide(Some(&first), totals(2, 10), spent, &FEW, 1));
    let (again, spent) = known(decide(Some(&lower), totals(3, 100), spent, &FEW, 1));
    assert_eq!((again.spent, spent.day), (Piastres(100), Piastres(100)));
    assert_eq!(ceiling(decide(Some(&again), totals(4, 151), spent, &FEW, 1)), Ceiling::BindingDay);
    let (more, spent) = known(decide(Some(&again), totals(4, 150), spent, &FEW, 1));
    // On the next day the binding may have more; not in the same hour of the company, and never by one certificate.
    assert_eq!(ceiling(decide(Some(&more), totals(5, 251), Spent::default(), &FEW, 2)), Ceiling::Certificate);
    assert_eq!(ceiling(decide(Some(&more), totals(5, 250), spent, &FEW, 2)), Ceiling::Hour);
    let spent = Spent { hour: Piastres(0), day: Piastres(201) };
    assert_eq!(ceiling(decide(Some(&more), totals(5, 250), spent, &FEW, 2)), Ceiling::Day);
    let spent = Spent { hour: Piastres(0), day: Piastres(200) };
    assert_eq!(known(decide(Some(&more), totals(5, 250), spent, &FEW, 2)).1.day, Piastres(300));
    // What rises by nothing is below every ceiling.
    let full = Spent { hour: Piastres(200), day: Piastres(300) };
    known(decide(Some(&more), totals(5, 150), full, &FEW, 1));
    assert_eq!(decide(None, totals(1, u64::MAX), full, &FEW, 1), Err(Forbidden::TooHigh));
}

#[test]
fn four_fifths_of_a_ceiling_are_an_alarm_once() {
    let near = |verdict| match verdict {
        Ok(Verdict::New { near, .. }) => near.into_iter().map(|(ceiling, ..)| ceiling).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let day = |day| Spent { hour: Piastres(0), day: Piastres(day) };
    assert!(near(decide(None, totals(1, 39), day(200), &FEW, 1)).is_empty());
    assert_eq!(near(decide(None, totals(1, 40), day(200), &FEW, 1)), [Ceiling::Day]);
    assert!(near(decide(None, totals(1, 40), day(240), &FEW, 1)).is_empty());
    assert_eq!(near(decide(None, totals(1, 80), day(0), &FEW, 1)), [Ceiling::Certificate]);
}
