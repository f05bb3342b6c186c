//! A customer's month goes on at another meter, by what the former one has sealed (docs/ledger.md, section 7).

use card_host::card_core::id::{Binding, CardId, MeterId};
use card_host::card_core::parameters::Action;
use card_host::card_core::units::{Balance, CardTime, Energy, Piastres};
use card_host::card_work::{Order, deliver};
use card_host::simulated_meter::{SimulatedMeter, from_the_maker};
use card_ledger::{BindingRecord, Evidence, LedgerError, OpenOrder, Refusal};
use system_tests::world::{World, load};

type Meter = SimulatedMeter<applet_sim::chip::FlashModel>;

fn new_meter(world: &World, number: u64) -> Meter {
    let id = MeterId::from(number);
    let keys = world.keys.meter_keys(world.scope(), id).unwrap();
    SimulatedMeter::in_memory(id, world.scope(), keys, &from_the_maker()).unwrap()
}

/// The record of a contract, with 600 EGP in the meter that it is for.
macro_rules! home {
    ($world:ident, $opened:expr, $meter:ident, $card:ident, $number:literal) => {
        let opened: BindingRecord = $opened;
        let mut $card = $world.card(&opened);
        let mut $meter = new_meter($world, $number);
        let sale = $world.office.sell(&$world.order($world.boss(), $number, 60_000)).unwrap();
        load(&mut $card, &sale.certified.unwrap().voucher);
        let now = $world.office.now().unwrap();
        assert!($meter.tap(&mut $card, now).unwrap().settled);
    };
}

fn months(world: &World, from: Binding) -> Result<(Energy, Piastres), LedgerError> {
    let so_far = world.office.mail_month(&world.boss(), &world.id(), CardId::from(2), from)?.0;
    Ok((so_far.energy, so_far.paid))
}

/// 130 kWh at one meter and 100 at the next one cost what 230 cost; also where the former one has taken its fees.
pub(crate) fn a_month_goes_on_at_another_meter(world: &World) {
    home!(world, world.customer(1), meter, card, 1);
    let now = world.office.now().unwrap();
    meter.consume(now, Energy(10_000)).unwrap();
    let from = Binding { meter: MeterId::from(1), number: 1 };
    home!(world, world.office.open(&world.opening(2, 1, 2)).unwrap(), meter_two, card_two, 2);
    let unknown = months(world, from);
    assert!(
        matches!(unknown, Err(LedgerError::Refused(Refusal::MonthUnknown(of))) if of == from),
        "{unknown:?}"
    );
    // It is read out,
    let order = Order { action: Action::ReadOut, expiry: CardTime::UNSET, technician: None };
    let (_, mail) = world.office.command(&world.boss(), &world.id(), CardId::from(1), &order).unwrap();
    deliver(&mut card, &mail.delivery).unwrap();
    assert!(meter.tap(&mut card, now).unwrap().settled);
    world.office.take_from_card(&world.boss(), &mut card).unwrap();
    assert_eq!(months(world, from).unwrap(), (Energy(10_000), Piastres(7_300)));
    // uses more, as its next report says,
    meter.consume(now, Energy(3_000)).unwrap();
    assert!(meter.tap(&mut card, now).unwrap().settled);
    world.office.take_from_card(&world.boss(), &mut card).unwrap();
    assert_eq!(months(world, from).unwrap(), (Energy(13_000), Piastres(12_350)));
    // and is another customer's then, so that it takes the month's fees.
    let closing = OpenOrder { closes_former: true, ..world.opening(1, 3, 3) };
    let next = world.office.open(&closing).unwrap();
    let (binding, certificate) = world.office.certificates(&next).unwrap();
    meter.take_certificate(now, &certificate, Some(&binding)).unwrap();
    let report = meter.state().unwrap().final_report.unwrap().receipt;
    world.office.hand_in(&world.boss(), &Evidence::MeterReceipt(report.emit().to_vec())).unwrap();
    let fees = 600 + 2_000;
    assert_eq!(months(world, from).unwrap(), (Energy(13_000), Piastres(12_350 + fees)));
    let (_, mail) = world.office.mail_month(&world.boss(), &world.id(), CardId::from(2), from).unwrap();
    deliver(&mut card_two, &mail.delivery).unwrap();
    meter_two.tap(&mut card_two, now).unwrap();
    meter_two.consume(now, Energy(10_000)).unwrap();
    let state = meter_two.state().unwrap();
    assert_eq!((state.running.total(), state.energy), (Energy(23_000), Energy(10_000)));
    // Its fees, 31 EGP, are due when the month ends.
    let taken = 12_350 + fees as i64 + (60_000 - state.balance.0);
    let fees = state.running.close(state.month_index, false).fees();
    assert_eq!((taken, fees), (23_650, Balance(3_100)));
    // What another customer has used is nobody's.
    let refused = months(world, next.binding());
    assert!(matches!(refused, Err(LedgerError::Refused(Refusal::Invalid(_)))), "{refused:?}");
    let of_its_own = months(world, Binding { meter: MeterId::from(2), number: 1 });
    assert!(matches!(of_its_own, Err(LedgerError::Refused(Refusal::Invalid(_)))), "{of_its_own:?}");
    world.check();
}
