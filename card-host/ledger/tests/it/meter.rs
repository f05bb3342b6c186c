//! Simulated meters, mail to them and back, and engineering cards: all of the library around the credit engine.

use applet_sim::chip::{Cut, FlashModel};
use card_core::id::{CardId, MeterId};
use card_core::key::KeyLength;
use card_core::message::{MeterFlags, Slot};
use card_core::meter::events::code;
use card_core::meter::{MailRefusal, Tampering, Verdict};
use card_core::parameters::Action;
use card_core::parameters::{Command, Limits};
use card_core::role::{KeyVersion, Role};
use card_core::terminal::load::MailAnswer;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use card_host::card_work::{
    CardChoice, CardWorkError, Collected, Mail, Order, Report, deliver, development_scope,
};
use card_host::keystore::SoftwareKeyStore;
use card_host::random::OsRandom;
use card_host::simulated_meter::{Profile, SimulatedMeter, SimulatedMeterError, from_the_maker};
use card_host::stage::Stage;
use card_host::tap::Tap;
use card_host::tariff_file;
use card_ledger::{
    Approved, BranchError, Development, Evidence, Found, LedgerError, Refusal, RequestKey, Who,
};
use std::path::Path;

use crate::bench::{Bench as Branch, CHOICE, refused};

const METER: u64 = 1;

struct Bench {
    branch: Branch,
    meter: SimulatedMeter<FlashModel>,
    card: CardId,
}

impl Bench {
    /// A customer's card, number 0 on the stage, whose 1000.00 EGP are in the meter.
    fn new() -> Self {
        let mut branch = Branch::new();
        let issued = branch.issue(METER, 7, CHOICE).unwrap();
        let meter = branch.meter(METER);
        let mut bench = Self { branch, meter, card: issued.account.card.id };
        bench.sell(100_000);
        assert!(matches!(bench.tap().verdict, Some(Verdict::Apply { .. })));
        bench
    }

    fn sell(&mut self, amount: u64) {
        self.branch.sell(self.card, amount).unwrap();
    }

    fn now(&self) -> CardTime {
        self.meter.clock(self.branch.company.office.now().unwrap()).unwrap()
    }

    fn tap(&mut self) -> Tap {
        let now = self.now();
        self.meter.tap(&mut self.branch.card(), now).unwrap()
    }

    fn run(&mut self, days: u64, profile: &Profile) -> card_host::simulated_meter::Summary {
        let now = self.now();
        self.meter.run(now, days * 24, profile, 1, &mut |_| {}).unwrap()
    }

    /// Sends a command by the card that is there, and taps.
    fn command(&mut self, carrier: CardId, order: Order) -> Tap {
        let (_, mail) = self.branch.command(carrier, &order);
        assert!(deliver(&mut self.branch.card(), &mail.delivery).unwrap().stored);
        self.tap()
    }

    /// Sends mail by the customer's card, which is there.
    fn send(&mut self, slot: Slot, plaintext: &[u8]) -> (Mail, MailAnswer) {
        let mail = self.branch.mail(self.card, slot, plaintext).unwrap();
        let answer = deliver(&mut self.branch.card(), &mail.delivery).unwrap();
        (mail, answer)
    }

    /// The mail of meters on the card that is there.
    fn collect(&mut self) -> Vec<Collected> {
        let Development { office, who, .. } = &self.branch.company;
        let brought = office.take_from_card(who, &mut self.branch.stage.card().unwrap()).unwrap();
        let mail = brought.into_iter().filter_map(|item| match item.found {
            Found::Mail(mail) => Some(mail),
            _ => None,
        });
        mail.collect()
    }

    fn change_keys(&mut self, role: Role) -> Result<(KeyVersion, Mail), LedgerError> {
        let Development { office, who, .. } = &self.branch.company;
        office.change_keys(who, &self.branch.company.id(), self.card, role)
    }

    fn learn_keys(&mut self) -> Vec<KeyVersion> {
        let Development { office, who, .. } = &self.branch.company;
        let brought = office.take_from_card(who, &mut self.branch.stage.card().unwrap()).unwrap();
        brought.iter().flat_map(|item| item.handed.keys).flatten().collect()
    }

    fn rotate(&mut self, role: Role) {
        self.branch.company.keys.rotate(role, &mut OsRandom).unwrap();
    }
}

fn order(action: Action) -> Order {
    Order { action, expiry: CardTime::UNSET, technician: None }
}

#[test]
fn months_are_closed_and_every_piastre_is_accounted_for() {
    let mut bench = Bench::new();
    let summary = bench.run(100, &Profile::Household);
    assert_eq!((summary.hours, summary.hours_off), (2400, 0));
    assert!(
        summary.months >= 3 && summary.energy > 50_000 && summary.adjustments > Balance(0),
        "{summary:?}"
    );
    let spent = summary.charged.0 + summary.fees.0;
    assert_eq!((summary.balance_before, summary.balance), (Balance(100_000), Balance(100_000 - spent)));
    let months = bench.meter.months().unwrap();
    assert_eq!(months.len(), usize::from(summary.months));
    let state = bench.meter.state().unwrap();
    let (running, register) = (state.month(), state.energy);
    let all = || months.iter().chain([&running]);
    assert_eq!(all().map(|month| month.energy.0).sum::<u32>(), register.0);
    assert_eq!(u64::from(register.0), summary.energy);
    let billed = all().map(|month| i64::try_from(month.energy_charge.0).unwrap() + month.fees().0);
    assert_eq!(billed.sum::<i64>(), spent);
    // The card that is tapped then takes all of it home, and the time has gone on.
    assert_eq!(bench.tap().verdict, Some(Verdict::Nothing));
    assert!(bench.meter.state().unwrap().clock.time >= summary.to);
    assert!(summary.to.0 - summary.from.0 > 99 * 86_400);
}

#[test]
fn without_credit_nothing_is_consumed_until_the_loan_or_a_charge() {
    let mut bench = Bench::new();
    let summary = bench.run(300, &Profile::Shop);
    assert!(summary.hours_off > 1000, "{summary:?}");
    let off = bench.run(3, &Profile::Shop);
    assert_eq!((off.hours_off, off.energy), (72, 0));
    assert!(!bench.meter.state().unwrap().supply.is_on());
    // The empty card is inserted twice.
    assert_eq!(bench.tap().verdict, Some(Verdict::Nothing));
    assert_eq!(bench.tap().verdict, Some(Verdict::Nothing));
    let lent = bench.run(1, &Profile::Shop);
    assert!(lent.hours_off == 0 && lent.energy > 0, "{lent:?}");
    assert!(bench.meter.state().unwrap().flags.has(MeterFlags::LOAN));
    let debt = lent.balance;
    bench.sell(500_000);
    assert!(matches!(bench.tap().verdict, Some(Verdict::Apply { credit: Piastres(500_000), .. })));
    let state = bench.meter.state().unwrap();
    assert!(state.balance == Balance(500_000 + debt.0) && state.supply.is_on());
}

#[test]
fn a_pause_after_an_overload_costs_its_minutes_only() {
    let mut bench = Bench::new();
    let limits = Limits { contracted_power: 900, overload_pauses: 200, ..Limits::DEFAULT };
    bench.send(Slot::new(2).unwrap(), &limits.emit());
    assert_eq!(bench.tap().received[0].result, Ok(()));
    // 1 kWh in each hour is a demand of 1000 W.
    let summary = bench.run(2, &Profile::Hours(vec![Energy(100)]));
    assert_eq!((bench.meter.state().unwrap().supply.overloads, summary.hours_off), (48, 0));
    let newest = bench.meter.events().unwrap().iter().map(|event| event.code).next_back();
    assert_eq!(newest, Some(code::SUPPLY_CUT), "it is in the last pause");
    // Of each hour but the first, five minutes are lost.
    assert!((4_300..4_500).contains(&summary.energy), "{summary:?}");
}

fn image(path: &Path) -> SimulatedMeter<applet_sim::chip::ImageMemory> {
    let (id, scope) = (MeterId::from(METER), development_scope());
    let store = SoftwareKeyStore::generate(KeyLength::Aes128, &mut OsRandom).unwrap();
    let keys = store.meter_keys(scope, id).unwrap();
    SimulatedMeter::create(path, id, scope, keys, &from_the_maker()).unwrap()
}

#[test]
fn what_is_unwritten_is_stored_at_an_orderly_end_and_lost_at_another() {
    const LITTLE: Energy = Energy(7);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("meter");
    let time = CardTime(200_000_000);
    let mut meter = image(&path);
    meter.tick(time).unwrap();
    assert_eq!(meter.consume(time, LITTLE).unwrap(), None, "without a contract nobody pays");
    drop(meter);
    let mut meter = SimulatedMeter::open(&path).unwrap();
    assert_eq!(meter.state().unwrap().energy, LITTLE);
    assert_eq!(meter.identity().unwrap().id, MeterId::from(METER));
    meter.consume(time, LITTLE).unwrap();
    meter.power_up().unwrap();
    assert_eq!(meter.state().unwrap().energy, LITTLE, "less than 0.1 kWh, without warning");
    // And with a write that is torn: it has no power until it is given some.
    meter.cut_power_after(0, Cut::Partly { seed: 3 });
    assert!(meter.consume(time, Energy(100)).is_err());
    assert!(matches!(meter.tick(time), Err(SimulatedMeterError::NoPower)));
    assert!(matches!(meter.state(), Err(SimulatedMeterError::NoPower)));
    drop(meter);
    assert_eq!(SimulatedMeter::open(&path).unwrap().state().unwrap().energy, LITTLE);
}

#[test]
fn an_image_acts_in_memory_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("meter");
    drop(image(&path));
    let time = CardTime(200_000_000);
    let before = std::fs::read(&path).unwrap();
    let failed = SimulatedMeter::of_image(&path, |meter| {
        meter.consume(time, Energy(1000))?;
        Err::<(), _>(SimulatedMeterError::NoPower)
    });
    assert!(failed.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let energy = SimulatedMeter::of_image(&path, |meter| {
        meter.consume(time, Energy(1003))?;
        Ok(meter.state()?.energy)
    });
    assert_eq!(energy.unwrap(), Energy(1003));
    assert_eq!(SimulatedMeter::open(&path).unwrap().state().unwrap().energy, Energy(1003));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_new_tariff_comes_with_the_card_and_into_force_at_its_start() {
    let mut bench = Bench::new();
    let shipped = include_str!("../../../tariffs/egypt-2024-08.toml");
    let start = bench.now().to_unix() + 40 * 86_400;
    let start = jiff::Timestamp::from_second(start.try_into().unwrap()).unwrap();
    let later = shipped.replace("version = 1", "version = 2");
    let later = later.replace("2024-08-01T00:00:00+03:00", &start.to_string());
    let tariff = tariff_file::parse(&later).unwrap();
    let slot = Slot::new(0).unwrap();
    let (mail, answer) = bench.send(slot, tariff.as_bytes());
    assert_eq!((answer.stored, answer.version, mail.envelope.version), (true, 1, 1));
    let tap = bench.tap();
    assert_eq!((tap.received.len(), tap.received[0].slot, tap.received[0].result), (1, slot, Ok(())));
    assert!(bench.tap().received.is_empty(), "it is not brought again");
    assert_eq!(bench.meter.state().unwrap().tables.standby().map(|waiting| waiting.version()), Some(2));
    bench.run(30, &Profile::Household);
    assert_eq!(bench.meter.state().unwrap().tables.active().version(), 1);
    bench.run(11, &Profile::Household);
    let state = bench.meter.state().unwrap();
    assert_eq!((state.tables.active().version(), state.tables.standby()), (2, None));
    // The same again has a new version of the slot, and is no newer tariff: by the network too.
    let mail = bench.branch.mail(bench.card, slot, tariff.as_bytes()).unwrap();
    let now = bench.now();
    let received = bench.meter.receive(now, None, &mail.envelope).unwrap();
    assert_eq!((received.version, received.result), (2, Err(MailRefusal::TariffNotNewer)));
}

#[test]
fn an_engineering_card_brings_a_command_and_takes_the_record_home() {
    let mut bench = Bench::new();
    let now = bench.now();
    bench.meter.tamper(now, Tampering::Cover).unwrap();
    assert!(!bench.meter.state().unwrap().supply.is_on());

    bench.branch.new_card();
    let issued = bench.branch.issue_engineering(METER).unwrap();
    let engineer = issued.account.card.id;
    assert_eq!((issued.account.card.generation, issued.replaces), (1, None));
    let serving = bench.branch.company.office.serving(MeterId::from(METER)).unwrap();
    assert_eq!(serving.held.card.id, bench.card, "the customer's card is the customer's");
    let uncharged = refused(bench.branch.sell(engineer, 100));
    assert!(matches!(uncharged, Refusal::Engineering(_)), "{uncharged:?}");
    let again = bench.branch.issue_engineering(METER);
    assert!(matches!(again, Err(BranchError::Card(CardWorkError::AlreadyIssued { .. }))), "{again:?}");

    // Without a card that is named the meter does not know it; named, it must be that card.
    let tap = bench.command(engineer, order(Action::ClearTamper));
    assert_eq!(tap.received[0].result, Err(MailRefusal::UnknownCommand));
    let named = Order { technician: Some(engineer), ..order(Action::ClearTamper) };
    let tap = bench.command(engineer, named);
    assert_eq!((tap.received.len(), tap.received[0].result), (1, Ok(())));
    let state = bench.meter.state().unwrap();
    assert!(state.supply.is_on() && state.supply.tampering == 0 && state.balance == Balance(100_000));

    let collected = bench.collect();
    let Some(Report::Audit(records)) = collected.iter().map(|item| &item.report).next_back() else {
        panic!("{collected:?}")
    };
    let seen: Vec<_> =
        records.records().map(|record| (record.counter, record.outcome, record.card)).collect();
    assert_eq!(seen, [(1, 0x0C, Some(engineer)), (2, 0x01, Some(engineer))]);

    // The customer's card is as good as before.
    bench.branch.stage.insert(0).unwrap();
    bench.sell(5_000);
    let verdict = bench.tap().verdict;
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres(5_000), .. })), "{verdict:?}");
    // And what it brings is the desk's: a command for the technician's card is not executed with it.
    let named = Order { technician: Some(engineer), ..order(Action::ClearTamper) };
    let tap = bench.command(bench.card, named);
    assert_eq!(tap.received[0].result, Err(MailRefusal::OtherCard));
}

#[test]
fn an_engineering_card_is_bound_anew_for_the_next_meter() {
    let mut bench = Bench::new();
    let technician = bench.branch.new_card();
    let other = MeterId::from(2);
    let none = refused(bench.branch.issue_engineering(2));
    assert!(matches!(none, Refusal::UnknownMeter(meter) if meter == other), "{none:?}");
    let issued = bench.branch.issue_engineering(METER).unwrap();
    let engineer = issued.account.card.id;
    // A second customer, with another meter.
    bench.branch.issue(2, 8, CHOICE).unwrap();
    bench.branch.stage.insert(technician).unwrap();
    let bound = bench.branch.rebind_engineering(2).unwrap();
    assert_eq!((bound.card.id, bound.binding.meter), (engineer, other));
    assert_eq!(bench.branch.company.office.meter_of(engineer).unwrap(), other);
    // The meter that it was for refuses it now, the other one takes it.
    let now = bench.now();
    let unknown = bench.meter.tap(&mut bench.branch.card(), now);
    assert!(matches!(unknown, Err(SimulatedMeterError::Tap(_))), "its keys are another meter's: {unknown:?}");
    let mut meter = bench.branch.meter(2);
    let verdict = bench.branch.tap(&mut meter);
    assert!(matches!(verdict, Some(Verdict::Apply { credit: Piastres::ZERO, .. })), "{verdict:?}");
    // A customer who has had a replacement has cards of another generation.
    bench.branch.replace(METER).unwrap();
    bench.branch.stage.insert(technician).unwrap();
    let other_generation = refused(bench.branch.rebind_engineering(METER));
    assert!(
        matches!(&other_generation, Refusal::Invalid(text)
            if text.contains("is of generation 1, and the customer's card of 2")),
        "{other_generation:?}"
    );
}

#[test]
fn readings_are_collected_from_the_card() {
    let mut bench = Bench::new();
    assert!(bench.collect().is_empty());
    let tap = bench.command(bench.card, order(Action::ReadOut));
    assert_eq!(tap.received[0].result, Ok(()));
    let collected = bench.collect();
    assert_eq!(collected.iter().map(|item| item.slot).collect::<Vec<_>>(), [Slot::READINGS, Slot::AUDIT]);
    let Report::Readings(readings) = &collected[0].report else { panic!("{collected:?}") };
    assert_eq!((readings.applied_credit, readings.balance), (Piastres(100_000), Balance(100_000)));
    assert_eq!((readings.last_command, collected[0].version), (1, 1));
}

#[test]
fn versions_and_counters_are_those_of_the_binding_whoever_carries() {
    let mut branch = Branch::new();
    let issued = branch.issue(METER, 7, CHOICE).unwrap();
    branch.new_card();
    let engineer = branch.issue_engineering(METER).unwrap();
    let limits = Slot::new(2).unwrap();
    for carrier in [issued.account.card.id, engineer.account.card.id] {
        let _ = branch.mail(carrier, limits, &Limits::DEFAULT.emit()).unwrap();
        let _ = branch.command(carrier, &order(Action::ReadOut));
    }
    let mail = branch.mail(issued.account.card.id, limits, &Limits::DEFAULT.emit()).unwrap();
    let (command, sent) = branch.command(issued.account.card.id, &order(Action::Cut));
    assert_eq!((mail.envelope.version, command.counter), (3, 3));
    assert_eq!((sent.envelope.slot.number(), sent.envelope.version), (7, 1));
    let parsed = Command::parse(&command.emit()).unwrap();
    assert_eq!(parsed, command);
    assert_eq!(branch.company.office.meter_of(engineer.account.card.id).unwrap(), MeterId::from(METER));
    // Mail of the meter's slots is not the desk's to send.
    assert!(branch.mail(issued.account.card.id, Slot::AUDIT, &[1]).is_err());
}

#[test]
fn new_keys_are_used_once_the_meter_has_them() {
    let mut bench = Bench::new();
    for role in [Role::Credit, Role::Parameter, Role::Report] {
        bench.rotate(role);
        let (version, mail) = bench.change_keys(role).unwrap();
        assert_eq!(version, KeyVersion::new(role, 2));
        deliver(&mut bench.branch.card(), &mail.delivery).unwrap();
        if role == Role::Credit {
            // The meter does not know them yet: what is sold meanwhile is certified with the old ones.
            assert!(bench.learn_keys().is_empty());
            bench.sell(100);
            // Nor does a newer master change what the meter is to get next.
            bench.rotate(role);
            assert_eq!(bench.change_keys(role).unwrap().0, version);
        }
        let tap = bench.tap();
        assert_eq!(tap.received[0].result, Ok(()), "{role}");
        assert!(matches!(tap.verdict, Some(verdict) if !matches!(verdict, Verdict::Refuse(_))), "{role}");
        let learnt = bench.learn_keys();
        let wanted = if role == Role::Report { vec![] } else { vec![version] };
        assert_eq!(learnt, wanted);
    }
    let account = bench.branch.company.office.serving(MeterId::from(METER)).unwrap().held;
    assert_eq!((account.credit_key.byte(), account.parameter_keys.byte()), (0x72, 0x82));
    // With all of the new ones; and from the meter with its own.
    bench.sell(200);
    assert!(matches!(bench.tap().verdict, Some(Verdict::Apply { credit: Piastres(200), .. })));
    assert_eq!(bench.command(bench.card, order(Action::ReadOut)).received[0].result, Ok(()));
    assert_eq!(bench.collect().len(), 2);
    // The third version of the credit keys comes now, over the network.
    let (version, mail) = bench.change_keys(Role::Credit).unwrap();
    assert_eq!(version, KeyVersion::from_byte(0x73));
    let now = bench.now();
    assert_eq!(bench.meter.receive(now, None, &mail.envelope).unwrap().result, Ok(()));
    let readings = bench.meter.readings(0).unwrap().unwrap();
    let Development { office, who, .. } = &bench.branch.company;
    let handed = office.hand_in(who, &Evidence::MeterMail(readings.as_bytes().to_vec())).unwrap();
    assert_eq!(handed.keys, [Some(version), None]);
    bench.sell(300);
    assert!(matches!(bench.tap().verdict, Some(Verdict::Apply { credit: Piastres(300), .. })));
    assert!(bench.change_keys(Role::Load).is_err());
    // A new contract of the meter begins with the keys that it has.
    let closing = CardChoice { closes_former: true, ..CHOICE };
    let issued = bench.branch.issue(METER, 8, closing).unwrap();
    assert_eq!(issued.account.credit_key, KeyVersion::from_byte(0x73));
}

#[test]
fn a_meters_clock_is_set_behind_certificates_by_two_people() {
    let mut bench = Bench::new();
    bench.branch.new_card();
    let engineer = bench.branch.issue_engineering(METER).unwrap().account.card.id;
    let Development { office, who, .. } = &bench.branch.company;
    let id = bench.branch.company.id();
    let now = office.now().unwrap();
    let named = |value: u32| Order {
        action: Action::SetClockBack(CardTime(value)),
        expiry: CardTime(now.0 + 3_600),
        technician: Some(engineer),
    };
    let right = named(now.0 - 60);
    let seal = |order: &Order| match office.command(who, &id, engineer, order) {
        Ok(sealed) => Ok(sealed),
        Err(LedgerError::Refused(refusal)) => Err(refusal),
        Err(error) => panic!("{error}"),
    };
    // Asked for, nothing is sealed before another person agrees.
    for _ in 0..2 {
        assert!(matches!(seal(&right), Err(Refusal::SecondPerson(_))));
    }
    let request = RequestKey { party: who.party.clone(), id: id.clone() };
    let alone = office.approve(who, &request);
    assert!(matches!(alone, Err(LedgerError::Refused(Refusal::NotSecondPerson { .. }))), "{alone:?}");
    let second = Who { actor: "Tarek Farouk".to_owned(), ..who.clone() };
    assert!(matches!(office.approve(&second, &request), Ok(Approved::Asked)));
    // They agree to this meter and this card, at the time that it is.
    for wrong in [named(now.0 - 90_000), named(now.0 + 600)] {
        assert!(matches!(seal(&wrong), Err(Refusal::Invalid(_))));
    }
    assert!(matches!(seal(&Order { technician: None, ..right }), Err(Refusal::OtherRequest(_))));
    let (command, mail) = seal(&right).unwrap();
    assert_eq!(command.action, right.action);
    assert_eq!(seal(&right).unwrap().1.envelope.as_bytes(), mail.envelope.as_bytes());
    // The meter lives a year ahead, and is put back.
    let ahead = CardTime(now.0 + 365 * 86_400);
    bench.meter.tick(ahead).unwrap();
    assert!(deliver(&mut bench.branch.card(), &mail.delivery).unwrap().stored);
    let tap = bench.meter.tap(&mut bench.branch.card(), ahead).unwrap();
    assert_eq!((tap.received.len(), tap.received[0].result), (1, Ok(())));
    assert_eq!(bench.meter.state().unwrap().clock.time, CardTime(now.0 - 60));
}
