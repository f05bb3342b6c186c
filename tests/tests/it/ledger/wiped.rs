//! A meter whose memory was wiped gets nothing twice, whoever brings its certificate (specification, section 11, step 6).

use card_host::card_core::id::{CardId, MeterId};
use card_host::card_core::message::{MeterFlags, MeterReceipt, Voucher};
use card_host::card_core::meter::{Reason, Verdict};
use card_host::card_core::soft::SoftEngine;
use card_host::card_core::units::{Balance, Energy, Piastres};
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_ledger::{
    Anew, Certified, Evidence, ExceptionKind, HandedIn, Payee, ReconcileOptions, Severity, reconcile,
};
use system_tests::world::{World, kiosk, load};

type Meter = SimulatedMeter<applet_sim::chip::FlashModel>;

const REGRESSED: Verdict = Verdict::Refuse(Reason::Regressed);

/// The meter of a customer as it comes from its maker, or as it is after somebody has wiped it.
fn new_meter(world: &World, number: u64) -> Meter {
    let id = MeterId::from(number);
    let keys = world.keys.meter_keys(world.scope(), id).unwrap();
    SimulatedMeter::in_memory(id, world.scope(), keys, &from_the_maker()).unwrap()
}

fn certified(sale: Certified) -> Voucher {
    Voucher::parse(&sale.voucher).unwrap()
}

/// 100 EGP are in the meter of customer 1, and the ledger has heard of it from the meter.
fn with_evidence(world: &World) -> Meter {
    let opened = world.customer(1);
    let mut card = world.card(&opened);
    let mut meter = new_meter(world, 1);
    let sale = world.office.sell(&world.order(world.boss(), 1, 10_000)).unwrap();
    let voucher = sale.certified.unwrap().voucher;
    assert_eq!(known(&Voucher::parse(&voucher).unwrap()), (0, 0));
    load(&mut card, &voucher);
    let now = world.office.now().unwrap();
    assert!(matches!(meter.tap(&mut card, now).unwrap().verdict, Some(Verdict::Apply { .. })));
    // What a card says that its meter has applied is no evidence.
    let receipt = Evidence::CardReceipt(world.receipt(&mut card));
    world.office.hand_in(&world.boss(), &receipt).unwrap();
    assert_eq!(world.record(1).held.applied_credit, Piastres::ZERO);
    world.office.take_from_card(&world.boss(), &mut card).unwrap();
    assert_eq!(world.record(1).held.applied_credit, Piastres(10_000));
    meter
}

const fn known(voucher: &Voucher) -> (u64, u64) {
    (voucher.certificate.known_credit.0, voucher.certificate.known_debited.0)
}

fn verdict(meter: &mut Meter, world: &World, voucher: &Voucher) -> Verdict {
    let (binding, _) = world.office.certificates(&world.record(1)).unwrap();
    let now = world.office.now().unwrap();
    meter.take_certificate(now, &voucher.certificate, Some(&binding)).unwrap().verdict
}

/// With a replacement card, which has settled nothing, as well as over the network.
pub(crate) fn a_wiped_meter_gets_nothing_twice(world: &World) {
    drop(with_evidence(world));
    let replaced = world
        .office
        .replace_card(&world.boss(), &world.id(), Payee::Card(CardId::from(1)), CardId::from(9), "lost")
        .unwrap();
    assert_eq!(known(&Voucher::parse(&replaced.voucher).unwrap()), (10_000, 0));
    let mut card = world.card(&replaced);
    let activates = world.office.refresh(&world.boss(), &world.id(), Payee::Card(CardId::from(9))).unwrap();
    let voucher = certified(activates);
    load(&mut card, &voucher.emit());
    let now = world.office.now().unwrap();
    let mut meter = new_meter(world, 1);
    assert_eq!(meter.tap(&mut card, now).unwrap().verdict, Some(REGRESSED));
    let mut meter_two = new_meter(world, 1);
    assert_eq!(verdict(&mut meter_two, world, &voucher), REGRESSED);
    for meter in [&meter, &meter_two] {
        let state = meter.state().unwrap();
        assert_eq!((state.binding, state.balance), (0, Balance(0)));
        assert!(state.regressed() && !state.supply.is_on());
    }
    // A new contract begins again.
    let opening = world.opening(1, 1, 10);
    let opened = world.office.open(&opening).unwrap();
    let mut card = world.card(&opened);
    let sale = world.office.sell(&world.order(world.boss(), 10, 5_000)).unwrap().certified.unwrap();
    assert_eq!(known(&Voucher::parse(&sale.voucher).unwrap()), (0, 0));
    load(&mut card, &sale.voucher);
    assert!(matches!(meter.tap(&mut card, now).unwrap().verdict, Some(Verdict::Apply { .. })));
    assert_eq!(meter.state().unwrap().balance, Balance(5_000));
    world.check();
}

/// Whatever makes a certificate says what is known, and an honest meter takes each.
pub(crate) fn every_certificate_says_what_is_known(world: &World) {
    let mut meter = with_evidence(world);
    let now = world.office.now().unwrap();
    meter.consume(now, Energy(100)).unwrap();
    let payee = Payee::Card(CardId::from(1));
    let sold = certified(world.sell(1, 20_000).certified.unwrap());
    let refreshed = certified(world.office.refresh(&world.boss(), &world.id(), payee).unwrap());
    let (_, written) = world.office.certificates(&world.record(1)).unwrap();
    assert_eq!((written.known_credit, written.known_debited), (Piastres(10_000), Piastres(0)));
    for voucher in [&sold, &refreshed] {
        assert_eq!(known(voucher), (10_000, 0));
        assert!(matches!(verdict(&mut meter, world, voucher), Verdict::Apply { .. }));
        // And none that was wiped, not even of the certificate before.
        assert_eq!(verdict(&mut new_meter(world, 1), world, voucher), REGRESSED);
    }
    world.check();
}

/// A broken meter signs what it likes: never is more known than was certified.
pub(crate) fn no_more_is_known_than_was_certified(world: &World) {
    with_evidence(world);
    let record = world.record(1);
    let mut more = record.clone();
    more.held.total_credit = Piastres(1 << 40);
    let report = super::bindings::numbered(world, &more, 9, 1, 0);
    world.office.hand_in(&world.boss(), &Evidence::MeterReceipt(report)).unwrap();
    assert_eq!(world.record(1).held.applied_credit, Piastres(1 << 40));
    let (_, certificate) = world.office.certificates(&world.record(1)).unwrap();
    assert_eq!(certificate.known_credit, Piastres(10_000));
}

/// A report that is handed in when its meter writes it.
fn reported(world: &World, number: u32, energy: u32) -> HandedIn {
    let record = world.record(1);
    let keys = world.keys.meter_keys(world.scope(), record.binding().meter).unwrap();
    world.clock.pass(86_400);
    let receipt = MeterReceipt {
        key_version: keys.report.version,
        binding: record.binding(),
        number,
        time: world.office.now().unwrap(),
        applied_credit: record.held.total_credit,
        applied_debited: Piastres::ZERO,
        balance: Balance(i64::try_from(record.held.total_credit.0).unwrap() - 100),
        energy: Energy(energy),
        flags: MeterFlags(0),
        mac: [0; 16],
    };
    let receipt = receipt.sign(&mut SoftEngine, &keys.receipt, world.scope());
    world.office.hand_in(&kiosk(), &Evidence::MeterReceipt(receipt.emit().to_vec())).unwrap()
}

fn alarms(world: &World) -> Vec<ExceptionKind> {
    let options = ReconcileOptions::at(world.office.now().unwrap());
    let found = reconcile(&*world.ledger, None, &options, &mut |_| {}).unwrap().exceptions;
    let alarms = found.into_iter().filter(|exception| exception.severity == Severity::Alarm);
    alarms
        .inspect(|exception| assert!(exception.what.contains("report"), "{exception}"))
        .map(|it| it.kind)
        .collect()
}

/// Within a binding report number and register only go on, and the register over its end, too.
pub(crate) fn a_report_that_begins_anew_is_an_alarm(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    for (number, energy) in [(1, u32::MAX - 30), (70, u32::MAX - 20), (140, u32::MAX), (141, 10), (142, 20)] {
        assert_eq!(reported(world, number, energy).anew, None, "{number}");
    }
    assert_eq!(alarms(world), []);
    // One that was on the way for long.
    let late = reported(world, 143, 30);
    assert_eq!((late.anew, alarms(world)), (None, vec![]));
    // Somebody has wiped it: all of it begins anew, below all that is looked at first.
    assert_eq!(reported(world, 2, u32::MAX - 29).anew, Some(Anew::Number));
    assert_eq!(alarms(world), [ExceptionKind::BeganAnew]);
    // Its numbers pass those from before: then it is the register.
    for number in 3..150 {
        reported(world, number, number);
    }
    assert!(alarms(world).contains(&ExceptionKind::BeganAnew));
}

/// Or the register alone, or what was applied under one number.
pub(crate) fn a_register_that_begins_anew_is_an_alarm(world: &World) {
    world.customer(1);
    world.sell(1, 10_000);
    assert_eq!(reported(world, 1, 500).anew, None);
    assert_eq!(reported(world, 2, 499).anew, Some(Anew::Register));
    assert_eq!(alarms(world), [ExceptionKind::WentBack]);
    world.customer(2);
    world.sell(1, 10_000);
    assert_eq!(reported(world, 2, 600).anew, Some(Anew::Number));
    assert_eq!(alarms(world), [ExceptionKind::WentBack, ExceptionKind::BeganAnew]);
}
