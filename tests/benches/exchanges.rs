//! What a top-up and a meter exchange cost: exchanges, bytes, records, AES blocks, memory operations, and modelled time, on
//! contacts and contactless. The counts are exact and the same on every machine; the times are those of the modelled chip
//! (specification, section 16). Ends with status 101 where a limit is passed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark says what is wrong by failing")]

use applet_sim::card::{Cost, Profile};
use applet_sim::chip::Link;
use card_core::id::{Channel, MeterId};
use card_core::key::KeyLength;
use card_core::meter::Verdict;
use card_core::scp03::Mode;
use card_core::terminal::load::LoadOutcome;
use card_core::units::{Energy, Piastres};
use card_host::desk::{CardChoice, Desk, development_scope, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::tour::{Stage, Table};
use card_host::transport::{Trace, Transport};

/// What a customer waits for at most, in microseconds.
const LIMIT: u64 = 120_000;

fn main() {
    println!(
        "{:<12} {:<8} {:<4} {:<28} {:>9} {:>6} {:>8} {:>11} {:>8} {:>8} {:>9}",
        "link",
        "keys",
        "mode",
        "what",
        "exchanges",
        "bytes",
        "records",
        "AES blocks",
        "erases",
        "programs",
        "time, ms"
    );
    for profile in [Profile::T1, Profile::Contactless] {
        for length in [KeyLength::Aes128, KeyLength::Aes256] {
            for mode in [Mode::S8, Mode::S16] {
                measure(profile, length, mode);
            }
        }
    }
}

fn measure(profile: Profile, length: KeyLength, mode: Mode) {
    let mut stage = Table::new(profile);
    let keys = SoftwareKeyStore::generate(length, &mut OsRandom).unwrap();
    let mut desk = Desk::new(keys, development_scope());
    let id = MeterId::from(1);
    let card = stage.new_card().unwrap();
    stage.insert(card).unwrap();
    let choice = CardChoice { mode, private_balance: false, closes_former: false };
    let row = |what: &str, cost: Cost| {
        let usage = cost.usage;
        let (link, bits) = (format!("{profile:?}"), length.bytes() * 8);
        let (ms, tenths) = (cost.time() / 1000, cost.time() % 1000 / 100);
        println!(
            "{link:<12} AES-{bits:<4} {:<4} {what:<28} {:>9} {:>6} {:>8} {:>11} {:>8} {:>8} {ms:>7}.{tenths}",
            format!("{mode:?}"),
            cost.exchanges,
            cost.bytes,
            cost.records,
            usage.aes_blocks,
            usage.pages_erased,
            usage.pages_programmed,
        );
    };

    let before = stage.cost();
    desk.issue(&mut stage.card().unwrap(), id, 1, choice, &mut |_| {}).unwrap();
    row("issue", stage.cost().since(&before));

    let number = operate::present(&mut stage.card().unwrap()).unwrap().id;
    // Enough of them that every slot of the card's logs has been used, so that each write has something to erase.
    for _ in 0..40 {
        let voucher = desk.sell(number, Piastres(100), Channel::Branch).unwrap();
        load(&mut stage.card().unwrap(), &voucher).unwrap();
    }
    let voucher = desk.sell(number, Piastres(5_000), Channel::Kiosk).unwrap();
    let before = stage.cost();
    let answer = load(&mut stage.card().unwrap(), &voucher).unwrap();
    let cost = stage.cost().since(&before);
    assert_eq!(answer.outcome, LoadOutcome::Loaded);
    row("top-up", cost);
    assert_eq!(cost.exchanges, 2, "SELECT and one more");
    assert!(cost.records <= 2, "at most two records");
    assert!(cost.time() < LIMIT, "a top-up takes {} us", cost.time());
    let repeated = desk.sell(number, Piastres(100), Channel::Kiosk).unwrap();
    let mut trace = Trace::new(stage.card().unwrap());
    load(&mut trace, &repeated).unwrap();
    slow(profile, length, mode, "top-up", trace, cost);

    let before = stage.cost();
    load(&mut stage.card().unwrap(), &voucher).unwrap();
    let cost = stage.cost().since(&before);
    row("the same voucher again", cost);
    assert_eq!(cost.records, 0);

    let scope = desk.scope();
    let keys = desk.keys_mut().meter_keys(scope, id).unwrap();
    let mut meter = SimulatedMeter::in_memory(id, scope, keys, &from_the_maker()).unwrap();
    let mut tap = |stage: &mut Table| {
        let before = stage.cost();
        let tap = meter.tap(&mut stage.card().unwrap(), desk.now()).unwrap();
        assert!(tap.settled);
        meter.consume(desk.now(), Energy(10)).unwrap();
        (tap.verdict, stage.cost().since(&before))
    };
    let (verdict, cost) = tap(&mut stage);
    assert!(matches!(verdict, Some(Verdict::Apply { .. })));
    row("meter exchange with credit", cost);
    for _ in 0..10 {
        tap(&mut stage);
    }
    let (verdict, cost) = tap(&mut stage);
    assert_eq!(verdict, Some(Verdict::Nothing));
    let mut trace = Trace::new(stage.card().unwrap());
    meter.tap(&mut trace, desk.now()).unwrap();
    slow(profile, length, mode, "meter exchange without news", trace, cost);
    row("meter exchange without news", cost);
    assert_eq!(cost.exchanges, 5, "five with SELECT: the meter remembers the card's mode");
    assert!(cost.time() < LIMIT, "a meter exchange takes {} us", cost.time());
}

/// For information: the same on a reader that stays at 9600 baud, as old ones do.
fn slow(
    profile: Profile,
    length: KeyLength,
    mode: Mode,
    what: &str,
    trace: Trace<Box<dyn Transport + '_>>,
    cost: Cost,
) {
    if (profile, length, mode) != (Profile::T1, KeyLength::Aes256, Mode::S8) {
        return;
    }
    let (_, recording) = trace.into_parts();
    let link = Link::ContactT1At9600;
    let exchanges = recording.exchanges().map(|seen| {
        let response = seen.response.as_ref().map_or(0, Vec::len);
        link.exchange(seen.command.len(), response)
    });
    let time = exchanges.sum::<u64>() + cost.card_time;
    println!("for information, at 9600 baud: {what} {}.{} ms", time / 1000, time % 1000 / 100);
}
