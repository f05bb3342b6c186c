//! A whole meter exchange between the real card application and the real credit application, with the power cut at every memory
//! operation of the meter, and of the card, before, in the middle of and after it: repeated, it completes, and the credit counts once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what is wrong by failing")]

use applet_sim::card::Profile;
use applet_sim::chip::{Cut, FlashModel};
use card_core::id::{Channel, MeterId};
use card_core::key::KeyLength;
use card_core::meter::Verdict;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use card_host::card_work::{CardChoice, load};
use card_host::keystore::SoftwareKeyStore;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_host::stage::{Stage, Table};
use card_ledger::Development;

const METER: u64 = 77;
const CREDIT: u64 = 12_345;
/// What was consumed of the 10.00 EGP before: 1 kWh, in the first slab 0.68 EGP.
const CONSUMED: Energy = Energy(100);
const LEFT: i64 = 1_000 - 68;

struct Bench {
    stage: Table,
    company: Development,
    meter: SimulatedMeter<FlashModel>,
}

/// An active card that has been at its meter once, and has news for it.
fn bench() -> Bench {
    let mut stage = Table::new(Profile::T1);
    let keys = SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap();
    let company = Development::new(keys).unwrap();
    let Development { office, who, .. } = &company;
    let (id, scope) = (MeterId::from(METER), office.scope());
    let card = stage.new_card().unwrap();
    stage.insert(card).unwrap();
    let choice = CardChoice::default();
    office.issue(who, &company.id(), &mut stage.card().unwrap(), id, 1, choice, None).unwrap();
    let keys = company.keys.meter_keys(scope, id).unwrap();
    let meter = SimulatedMeter::in_memory(id, scope, keys, &from_the_maker()).unwrap();
    let mut bench = Bench { stage, company, meter };
    bench.charge(1_000);
    // As often as it takes to use every slot of both memories once, so that what is cut erases as well as programs.
    for _ in 0..9 {
        bench.tap().unwrap();
    }
    bench.meter.consume(bench.now(), CONSUMED).unwrap();
    bench.charge(CREDIT);
    bench
}

impl Bench {
    fn charge(&mut self, amount: u64) {
        let card = operate::present(&mut self.stage.card().unwrap()).unwrap();
        let voucher = self.company.sell(card.id, Piastres(amount), Channel::Branch).unwrap();
        load(&mut self.stage.card().unwrap(), &voucher).unwrap();
    }

    fn now(&self) -> CardTime {
        self.company.office.now().unwrap()
    }

    fn tap(&mut self) -> Option<Option<Verdict>> {
        let now = self.now();
        let tap = self.meter.tap(&mut self.stage.card().unwrap(), now);
        tap.ok().filter(|tap| tap.settled).map(|tap| tap.verdict)
    }

    /// Repeats what was torn, and says how the money stands: in the meter, and as the card knows it.
    fn repair(&mut self) {
        self.stage.insert(0).unwrap();
        self.meter.power_up().unwrap();
        let before = self.meter.state().unwrap().balance;
        let (old, new) = (Balance(LEFT), Balance(LEFT + CREDIT as i64));
        assert!(before == old || before == new, "a third state: {before:?}");
        let verdict = self.tap().expect("the repeated exchange completes");
        match verdict {
            Some(Verdict::Apply { credit, .. }) => assert_eq!((before, credit.0), (old, CREDIT)),
            verdict => assert_eq!((before, verdict), (new, Some(Verdict::Nothing))),
        }
        assert_eq!(self.meter.state().unwrap().balance, new);
        let public = operate::read_public(&mut self.stage.card().unwrap()).unwrap();
        let balances = public.status.balances.unwrap();
        assert_eq!((balances.pending_credit.0, balances.at_meter.unwrap().balance), (0, new));
        // And nothing more ever comes of it.
        assert_eq!(self.tap(), Some(Some(Verdict::Nothing)));
        assert_eq!(self.meter.state().unwrap().balance, new);
    }
}

/// Each way in which an operation can be cut.
const CUTS: [Cut; 4] = [Cut::Before, Cut::Partly { seed: 1 }, Cut::Partly { seed: 2 }, Cut::After];

#[test]
fn the_meter_loses_power_at_every_memory_operation() {
    let mut torn = 0;
    for cut in CUTS {
        for operation in 0_u64.. {
            let mut bench = bench();
            bench.meter.cut_power_after(operation, cut);
            if bench.tap().is_some() {
                break;
            }
            torn += 1;
            bench.repair();
        }
    }
    println!("{torn} torn exchanges repaired");
    assert!(torn >= 4 * 4, "only {torn} cuts hit the exchange");
}

#[test]
fn the_card_loses_power_at_every_memory_operation() {
    let mut torn = 0;
    for cut in CUTS {
        for operation in 0_u64.. {
            let mut bench = bench();
            bench.stage.tear_how(operation, cut).unwrap();
            if bench.tap().is_some() {
                break;
            }
            torn += 1;
            bench.repair();
        }
    }
    println!("{torn} torn exchanges repaired");
    assert!(torn >= 4 * 3, "only {torn} cuts hit the exchange");
}
