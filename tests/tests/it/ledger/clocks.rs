//! Clocks that are wrong, and the way back.

use card_host::card_core::id::MeterId;
use card_host::card_core::message::{MeterFlags, MeterReceipt};
use card_host::card_core::soft::SoftEngine;
use card_host::card_core::units::{Balance, CardTime, Energy, Piastres};
use card_host::issuer::{Clock, KeptRight};
use card_ledger::{
    Approved, AuditKey, ClockError, Evidence, Kind, LedgerError, Office, PointCode, Refusal, verify,
};
use std::sync::Arc;
use system_tests::world::{TestClock, World, kiosk, refused, wallet, who};

const DAY: u32 = 86_400;

fn disbelieved<T: std::fmt::Debug>(result: Result<T, LedgerError>) -> ClockError {
    match result {
        Err(LedgerError::Clock(error)) => error,
        other => panic!("{other:?}"),
    }
}

fn clean(world: &World) {
    let key = AuditKey::generate().unwrap();
    let report = verify(&*world.ledger, &key.public(), &[], &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    world.check();
}

/// The same company, in another program.
fn another(world: &World, clock: impl Clock + 'static) -> Office {
    Office::new(Arc::clone(&world.ledger), world.keys.clone(), clock).unwrap()
}

pub(crate) fn clocks_of_sellers_may_be_apart(world: &World) {
    world.customer(1);
    let now = world.office.now().unwrap();
    // One that is ahead sells once, at one vending point.
    world.clock.pass(2);
    let ahead = world.sell(1, 10_000).time;
    assert_eq!(ahead.0, now.0 + 2);
    for behind in [2, 300] {
        world.clock.set(CardTime(ahead.0 - behind));
        let again = another(world, world.clock.clone());
        for office in [&world.office, &again] {
            assert_eq!(office.now().unwrap().0, ahead.0 - behind);
            let sale = office.sell(&world.order(kiosk(), 1, 10_000)).unwrap();
            assert_eq!(sale.time, ahead, "the time of the entry before it");
        }
    }
    world.clock.set(CardTime(ahead.0 - 301));
    let entries = world.entries().len();
    let again = another(world, world.clock.clone());
    for office in [&world.office, &again] {
        let order = world.order(kiosk(), 1, 10_000);
        let error = disbelieved(office.sell(&order));
        let expected = ClockError::Behind { point: kiosk().point, now: CardTime(ahead.0 - 301), last: ahead };
        assert_eq!(error, expected);
        assert!(error.to_string().contains("cardctl ledger clock fawry-1"), "{error}");
    }
    assert_eq!(world.entries().len(), entries);
    // The others have their own last entries.
    let order = world.order(wallet(), 1, 4_000);
    world.office.reserve(&order).unwrap();
    world.office.policy().unwrap();
    clean(world);
}

pub(crate) fn a_time_that_ran_ahead_is_brought_back_by_two(world: &World) {
    world.customer(1);
    let right = world.office.now().unwrap();
    world.clock.pass(3_650 * DAY);
    world.sell(1, 10_000);
    world.clock.set(right);
    world.clock.pass(60);
    disbelieved(world.office.sell(&world.order(kiosk(), 1, 10_000)));
    let (point, id, why): (PointCode, _, _) = (kiosk().point, world.id(), "the till's battery was empty");
    let (office, mona, ali) = (&world.office, world.boss(), who("company", "office", "ali"));
    assert_eq!(refused(office.propose_time(&mona, &id, &point, "")), Refusal::NoReason);
    assert!(matches!(refused(office.propose_time(&kiosk(), &id, &point, why)), Refusal::Invalid(_)));
    // The clock is right for all others.
    let office_point = world.boss().point;
    assert!(matches!(
        refused(office.propose_time(&mona, &world.id(), &office_point, why)),
        Refusal::Invalid(_)
    ));
    let said = office.propose_time(&mona, &id, &point, why).unwrap();
    assert_eq!(office.propose_time(&mona, &id, &point, why).unwrap(), said);
    disbelieved(world.office.sell(&world.order(kiosk(), 1, 10_000)));
    let request = mona.request(&id);
    assert_eq!(
        refused(office.approve(&mona, &request)),
        Refusal::NotSecondPerson { actor: "mona".to_owned() }
    );
    // Whose clock shows another time agrees to nothing.
    world.clock.set(CardTime(said.0 - 301));
    assert!(matches!(refused(office.approve(&ali, &request)), Refusal::Invalid(_)));
    world.clock.set(CardTime(said.0 + DAY + 1));
    assert!(matches!(refused(office.approve(&ali, &request)), Refusal::Invalid(_)));
    world.clock.set(CardTime(said.0 + 30));
    for _ in 0..2 {
        assert_eq!(office.approve(&ali, &request).unwrap(), Approved::Time(point.clone()));
    }
    let sale = world.sell(1, 10_000);
    assert_eq!(sale.time, CardTime(said.0 + 30));
    let entries = world.entries();
    let clock: Vec<_> = entries.iter().filter(|entry| entry.kind == Kind::Clock).collect();
    assert_eq!(clock.len(), 1);
    assert_eq!((clock[0].actor.as_str(), clock[0].reason.as_str()), ("ali", why));
    clean(world);
}

pub(crate) fn the_office_itself_is_brought_back(world: &World) {
    let right = world.office.now().unwrap();
    world.clock.pass(20 * DAY);
    world.customer(1);
    world.clock.set(right);
    let (mona, ali) = (world.boss(), who("company", "office", "ali"));
    disbelieved(world.office.open(&world.opening(2, 2, 2)));
    let id = world.id();
    world.office.propose_time(&mona, &id, &mona.point, "set by hand").unwrap();
    world.office.approve(&ali, &mona.request(&id)).unwrap();
    world.customer(2);
    world.sell(2, 10_000);
    clean(world);
}

/// A machine's clock, and what is known of it.
struct Machine(TestClock, KeptRight);

impl Clock for Machine {
    fn now(&self) -> Option<CardTime> {
        self.0.now()
    }

    fn kept_right(&self) -> Option<KeptRight> {
        Some(self.1)
    }
}

pub(crate) fn what_is_far_after_the_newest_entry_is_not_signed(world: &World) {
    world.customer(1);
    let newest = world.office.now().unwrap();
    let states: [KeptRight; 3] = [|| None, || Some(false), || Some(true)];
    let machines = states.map(|kept| another(world, Machine(world.clock.clone(), kept)));
    world.clock.set(CardTime(newest.0 + 300));
    for machine in &machines {
        machine.sell(&world.order(kiosk(), 1, 10_000)).unwrap();
    }
    let newest = CardTime(newest.0 + 300);
    let far = CardTime(newest.0 + 3_650 * DAY);
    world.clock.set(far);
    let entries = world.entries().len();
    // A database has a clock of its own, and here it is right whatever this machine says.
    let own = card_ledger::read(&*world.ledger, |t| t.clock()).unwrap();
    let refusing = if own.is_some() { &machines[..] } else { &machines[..2] };
    for machine in refusing {
        let order = world.order(wallet(), 1, 10_000);
        for error in [disbelieved(machine.sell(&order)), disbelieved(machine.reserve(&order))] {
            assert!(
                matches!(error, ClockError::Ahead { now, newest: last, database }
                    if now == far && last == newest && database.is_some() == own.is_some()),
                "{error}"
            );
        }
    }
    assert_eq!(world.entries().len(), entries, "nothing is written, and nothing signed");
    let machine = &machines[0];
    if own.is_none() {
        // A time server keeps it right.
        machines[2].sell(&world.order(wallet(), 1, 10_000)).unwrap();
        world.clock.pass(10 * DAY);
    }
    // Two people say that it is right.
    disbelieved(machine.sell(&world.order(kiosk(), 1, 10_000)));
    let (mona, ali, id) = (world.boss(), who("company", "office", "ali"), world.id());
    machine.propose_time(&mona, &id, &mona.point, "the first day after the move").unwrap();
    machine.approve(&ali, &mona.request(&id)).unwrap();
    machine.sell(&world.order(kiosk(), 1, 10_000)).unwrap();
    clean(world);
}

pub(crate) fn a_meter_with_a_wrong_clock_is_heard_of_when_it_was(world: &World) {
    world.customer(1);
    let now = world.office.now().unwrap();
    let record = world.record(1);
    let keys = world.keys.meter_keys(world.scope(), MeterId::from(1)).unwrap();
    let receipt = MeterReceipt {
        key_version: keys.report.version,
        binding: record.binding(),
        number: 1,
        time: CardTime(now.0 + 3_650 * DAY),
        applied_credit: Piastres::ZERO,
        applied_debited: Piastres::ZERO,
        balance: Balance(0),
        energy: Energy(0),
        flags: MeterFlags(0),
        mac: [0; 16],
    };
    let evidence = receipt.sign(&mut SoftEngine, &keys.receipt, world.scope()).emit().to_vec();
    world.office.hand_in(&kiosk(), &Evidence::MeterReceipt(evidence)).unwrap();
    assert_eq!(world.record(1).heard, now);
}
