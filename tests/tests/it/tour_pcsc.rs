//! The whole tour, from a blank card to a replaced meter, through a real pcscd.
#![cfg(target_os = "linux")]
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

use std::time::Instant;

use applet_sim::card::Profile;
use card_core::key::KeyLength;
use card_host::stage::{Stage, Table};
use cardctl::tour::{Line, Money, play};
use system_tests::pcscd::Pcscd;
use system_tests::stage::ReaderStage;

fn played(stage: &mut dyn Stage, length: KeyLength) -> (Money, Vec<Line>) {
    let mut lines = Vec::new();
    let money = play(stage, length, &mut |line| lines.push(line.clone()));
    let money = money.unwrap_or_else(|error| panic!("after {} steps: {error}", lines.len()));
    (money, lines)
}

fn passes_in(profile: Profile, length: KeyLength) {
    let (expected_money, expected) = played(&mut Table::new(profile), length);

    let pcscd = Pcscd::start();
    let begun = Instant::now();
    let mut stage = ReaderStage::new(&pcscd, profile);
    let (money, lines) = played(&mut stage, length);
    let (torn, connections, took) = (stage.torn(), stage.connections(), begun.elapsed());
    drop(stage);
    pcscd.wait_for_card(false);

    assert_eq!(money.difference(), 0, "{money:?}");
    assert_ne!(money.paid.0, 0);
    assert_eq!(
        format!("{money:?}"),
        format!("{expected_money:?}"),
        "the money, through pcscd and in process"
    );
    assert_eq!(lines.len(), expected.len());
    for (line, expected) in lines.iter().zip(&expected) {
        assert_eq!((line.number, line.title), (expected.number, expected.title));
        // The first tells the card's random number.
        if line.number > 1 {
            assert_eq!(line.outcome, expected.outcome);
        }
        // The same commands reach the card, neither more nor fewer.
        let cost = |line: &Line| (line.cost.exchanges, line.cost.bytes, line.cost.records);
        assert_eq!(cost(line), cost(expected), "{}: exchanges, bytes, records", line.title);
    }
    assert_eq!(torn, 2, "the card was to lose its power in two steps");
    let exchanges: u64 = lines.iter().map(|line| line.cost.exchanges).sum();
    println!(
        "{profile:?}: {} steps, {connections} connections, {exchanges} exchanges, {torn} power cuts in {took:?}; difference {}",
        lines.len(),
        money.difference()
    );
}

#[test]
fn in_blocks_over_contacts() {
    passes_in(Profile::T1, KeyLength::Aes256);
}

#[test]
fn by_characters_over_contacts() {
    passes_in(Profile::T0, KeyLength::Aes128);
}

#[test]
fn contactless() {
    passes_in(Profile::Contactless, KeyLength::Aes256);
}
