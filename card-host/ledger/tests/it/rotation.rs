//! Every master rotates while cards and meters come by at random, cards are lost and meters are replaced: what is sold arrives all the time, to the
//! piastre, and in the end everything has the new keys. `CARD_TESTS=long` plays it with 1,000 households.

use super::bench::{Bench, CHOICE};
use applet_sim::chip::FlashModel;
use card_core::id::MeterId;
use card_core::role::{KeyVersion, Role};
use card_core::units::Piastres;
use card_host::card;
use card_host::keystore::MASTERS;
use card_host::operate;
use card_host::random::OsRandom;
use card_host::simulated_meter::SimulatedMeter;
use card_host::stage::Stage;
use card_ledger::{AuditKey, Development, Payee, Renewed, read, verify};

struct Household {
    number: u64,
    card: usize,
    meter: SimulatedMeter<FlashModel>,
    paid: u64,
}

struct Town {
    bench: Bench,
    households: Vec<Household>,
    rng: fastrand::Rng,
}

impl Town {
    fn new(count: u64) -> Self {
        let mut bench = Bench::new();
        let mut households = Vec::new();
        for number in 1..=count {
            let issued = bench.issue(number, number, CHOICE).unwrap();
            let card = households.len();
            bench.sell(issued.account.card.id, 100).unwrap();
            let mut meter = bench.meter(number);
            let _ = bench.tap(&mut meter);
            households.push(Household { number, card, meter, paid: 100 });
        }
        Self { bench, households, rng: fastrand::Rng::with_seed(4) }
    }

    /// A household comes to the branch, buys, and perhaps taps: what it has paid is in its meter then.
    fn visit(&mut self, which: usize, taps: bool) -> Renewed {
        let Self { bench, households, .. } = self;
        let household = &mut households[which];
        bench.stage.insert(household.card).unwrap();
        let renewed = {
            let Development { office, who, .. } = &bench.company;
            office.take_from_card(who, &mut bench.stage.card().unwrap()).unwrap();
            office.renew(who, &mut bench.stage.card().unwrap()).unwrap()
        };
        let present = operate::present(&mut bench.stage.card().unwrap()).unwrap().id;
        bench.sell(present, 100).unwrap();
        household.paid += 100;
        if taps {
            let _ = bench.tap(&mut household.meter);
            let applied = household.meter.state().unwrap().applied_credit;
            assert_eq!(applied, Piastres(household.paid), "household {}", household.number);
        }
        renewed
    }

    /// The card is lost, and another one issued in its place.
    fn lose(&mut self, which: usize, cards: &mut usize) {
        let number = self.households[which].number;
        self.bench.replace(number).unwrap();
        self.households[which].card = *cards;
        *cards += 1;
        self.visit(which, true);
    }

    /// The meter is replaced by one that its maker has given the keys of today: a new contract, with a new card.
    fn replace_meter(&mut self, which: usize, cards: &mut usize) {
        let Self { bench, households, .. } = self;
        let household = &mut households[which];
        let account = household.number % 10_000;
        household.number += 10_000;
        bench.issue(household.number, account, CHOICE).unwrap();
        (household.card, household.meter) = (*cards, bench.meter(household.number));
        (household.paid, *cards) = (0, *cards + 1);
        self.visit(which, true);
    }

    fn is_done(&mut self, which: usize) -> bool {
        let Self { bench, households, .. } = self;
        let (number, card) = (households[which].number, households[which].card);
        bench.stage.insert(card).unwrap();
        let present = card::key_information(&mut bench.stage.card().unwrap()).unwrap();
        let keys = bench.company.office.keys();
        let card = [Role::Admin, Role::Vending, Role::Load, Role::Receipt, Role::Meter]
            .into_iter()
            .all(|role| present.version(role) == keys.current(role).ok());
        let held = read(bench.company.office.ledger(), |t| t.binding(Payee::Meter(MeterId::from(number))));
        let held = held.unwrap().unwrap().held;
        let second = |version: KeyVersion| version.master() == 2;
        card && second(held.load_key) && second(held.credit_key) && second(held.parameter_keys)
    }
}

#[test]
fn every_master_rotates_in_the_field() {
    let count = if std::env::var("CARD_TESTS").is_ok_and(|tests| tests == "long") { 1_000 } else { 12 };
    let mut town = Town::new(count);
    let mut cards = town.households.len();
    for role in MASTERS {
        town.bench.company.keys.rotate(role, &mut OsRandom).unwrap();
        // Some come by before the next master rotates.
        for _ in 0..count {
            let which = town.rng.usize(..town.households.len());
            let taps = town.rng.u8(..4) > 0;
            town.visit(which, taps);
            match town.rng.u8(..16) {
                0 if taps => town.lose(which, &mut cards),
                1 => town.replace_meter(which, &mut cards),
                _ => {}
            }
        }
    }
    // A visit for the readings, then one for each key of the meter, and one that hears of the last; more where cards were lost on the way.
    for round in 0.. {
        assert!(round < 20, "it never ends");
        for which in 0..town.households.len() {
            town.visit(which, true);
        }
        if (0..town.households.len()).all(|which| town.is_done(which)) {
            break;
        }
    }
    for which in 0..town.households.len() {
        assert_eq!(town.visit(which, true), Renewed::default());
    }
    assert!(cards > town.households.len(), "some were lost");
    assert!(town.households.iter().any(|household| household.number > 10_000), "some meters were replaced");
    let auditor = AuditKey::generate().unwrap();
    let report = verify(town.bench.company.office.ledger(), &auditor.public(), &[], &mut |_| {}).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}
