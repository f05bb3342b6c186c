//! Readers and cards that come and go, as a stream of events, through a real pcscd.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use applet_sim::card::{Profile, SimulatedCard};
use applet_sim::vpcd::VirtualCard;
use card_host::pcsc::{Event, Watch};
use card_host::transport::Link;
use serde_json::Value;
use system_tests::HANG;
use system_tests::pcscd::Pcscd;
use system_tests::programs::{Cardctl, programs};

use super::host_pcsc::{Inserted, PlainCard, until};

fn next(watch: &Watch) -> Event {
    let event = watch.next_within(HANG).unwrap().expect("an event");
    println!("{event:?}");
    event
}

/// How things are when the watch begins: the events before `Watching`.
fn begin() -> (Watch, Vec<Event>) {
    let watch = card_host::pcsc::watch().unwrap();
    let mut initial = Vec::new();
    loop {
        match next(&watch) {
            Event::Watching => return (watch, initial),
            event => initial.push(event),
        }
    }
}

fn attached(pcscd: &Pcscd) -> [Event; 2] {
    [0, 1].map(|slot| Event::ReaderAttached { reader: pcscd.slot_reader_name(slot) })
}

#[test]
fn how_things_are_is_told_and_then_what_happens_in_each_reader() {
    let pcscd = Pcscd::start();
    let atr = PlainCard::new().atr().to_vec();
    let [first, second] = [0, 1].map(|slot| pcscd.slot_reader_name(slot));
    let card = Inserted::new(pcscd.slot_address(1), PlainCard::new());
    pcscd.wait_for_card_in(1, true);
    let (watch, initial) = begin();
    let [first_attached, second_attached] = attached(&pcscd);
    let inserted = |reader: &String| Event::CardInserted { reader: reader.clone(), atr: atr.clone() };
    assert_eq!(initial, [Event::ServiceRuns, first_attached, second_attached, inserted(&second)]);
    let other = Inserted::new(pcscd.slot_address(0), PlainCard::new());
    assert_eq!(next(&watch), inserted(&first));
    drop(card);
    assert_eq!(next(&watch), Event::CardRemoved { reader: second.clone() });
    drop(other);
    assert_eq!(next(&watch), Event::CardRemoved { reader: first });
    assert_eq!(watch.next_within(Duration::ZERO).unwrap(), None);
}

#[test]
fn a_watch_begins_without_a_service_and_outlives_its_restarts() {
    let mut pcscd = Pcscd::start();
    pcscd.stop();
    let (watch, initial) = begin();
    assert!(matches!(initial.as_slice(), [Event::ServiceLost(_)]), "{initial:?}");
    for kill in [true, false] {
        pcscd.restart();
        assert_eq!(next(&watch), Event::ServiceRuns);
        // The second slot may be seen a moment later; that each is told once is what counts.
        assert_eq!([next(&watch), next(&watch)], attached(&pcscd));
        let card = Inserted::new(pcscd.vpcd_address(), PlainCard::new());
        assert!(matches!(next(&watch), Event::CardInserted { .. }));
        if kill {
            pcscd.kill();
        } else {
            pcscd.stop();
        }
        let told = [next(&watch), next(&watch), next(&watch), next(&watch)];
        let reader = || pcscd.reader_name();
        assert_eq!(told[0], Event::CardRemoved { reader: reader() }, "{told:?}");
        assert_eq!(told[1], Event::ReaderDetached { reader: reader() }, "{told:?}");
        assert!(matches!(told[3], Event::ServiceLost(_)), "{told:?}");
        drop(card);
    }
}

#[test]
fn a_program_that_hangs_in_one_reader_hides_nothing_of_the_other() {
    let pcscd = Pcscd::start();
    let card = PlainCard::new();
    let _inserted = Inserted::new(pcscd.vpcd_address(), card.clone());
    pcscd.wait_for_card(true);
    let (watch, _) = begin();
    card.hold(true);
    let reader = pcscd.reader_name();
    let hanging =
        thread::spawn(move || card_host::pcsc::connect(&reader).unwrap().transmit(&[0, 0xA4, 4, 0]));
    until("the command is with the card", || card.commands() > 0);
    let other = Inserted::new(pcscd.slot_address(1), PlainCard::new());
    let second = pcscd.slot_reader_name(1);
    assert!(matches!(next(&watch), Event::CardInserted { reader, .. } if reader == second));
    drop(other);
    assert_eq!(next(&watch), Event::CardRemoved { reader: second });
    card.hold(false);
    // The command took as long as it liked, or was given up; both end.
    let _ = hanging.join().unwrap();
}

#[test]
fn of_several_readers_the_one_with_a_card_is_meant_and_cardctl_waits_for_it() {
    let pcscd = Pcscd::start();
    let directory = tempfile::tempdir().unwrap();
    let cardctl = Cardctl::new("any", directory.path());
    let said = cardctl.run(&["info"]);
    assert!(said.status == Some(7) && said.err.contains("not exactly one of them has a card"), "{said}");
    let said = cardctl.run(&["--wait", "1", "info"]);
    assert!(said.status == Some(7) && said.err.contains("there is no card in the reader"), "{said}");
    let address = pcscd.slot_address(1);
    let inserting = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        Inserted::new(address, SimulatedCard::fresh(Profile::T1).unwrap())
    });
    let info = cardctl.json(&["--wait", "600", "info"]);
    assert_eq!(info["state"], "blank");
    let _inserted = inserting.join().unwrap();
    // Chosen by itself, by any part of both names.
    assert_eq!(cardctl.json(&["info"])["card"], info["card"]);
    let virtual_ones = Cardctl::new("Virtual", directory.path());
    assert_eq!(virtual_ones.json(&["info"])["card"], info["card"]);
    let _other = Inserted::new(pcscd.slot_address(0), SimulatedCard::fresh(Profile::T1).unwrap());
    pcscd.wait_for_card(true);
    let said = cardctl.run(&["info"]);
    assert!(said.status == Some(7) && said.err.contains("say which of"), "{said}");
}

#[test]
fn cardctl_watch_prints_an_object_for_each_event() {
    let pcscd = Pcscd::start();
    let mut process = Command::new(&programs().cardctl)
        .args(["--format", "json", "--reader", "00 01", "watch"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["event"], "service_runs");
    let reader = next();
    assert_eq!((&reader["event"], &reader["initial"]), (&"reader_attached".into(), &true.into()));
    assert_eq!(reader["reader"], pcscd.slot_reader_name(1).as_str());
    assert_eq!(next()["event"], "watching");
    let card = Inserted::new(pcscd.slot_address(1), SimulatedCard::fresh(Profile::T1).unwrap());
    let inserted = next();
    assert_eq!((&inserted["event"], &inserted["ours"]), (&"card_inserted".into(), &true.into()));
    drop(card);
    assert_eq!(next()["event"], "card_removed");
    process.kill().unwrap();
    process.wait().unwrap();
}
