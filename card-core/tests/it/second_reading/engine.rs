//! `engine.json`: what a meter does, call by call, and everything that can be seen of it after each (docs/meter.md).
// Long: reads one file of vectors, all of it.

use card_core::id::{Binding, CardId, CardRef, MeterId, State as CardState};
use card_core::layout::{CardSummary, CertificateAnswer};
use card_core::message::{BindingCertificate, Certificate, Envelope, Event, MeterFlags, Month, Slot};
use card_core::meter::events::Class;
use card_core::meter::{
    Charge, Decision, History, Meter, MeterError, MeterState, Reading, Tampering, UNWRITTEN, Verdict, doubt,
};
use card_core::parameters::{KeysInUse, Readings};
use card_core::role::KeyVersion;
use card_core::soft::SoftEngine;
use card_core::tariff::Tariff;
use card_core::terminal::exchange::Presented;
use card_core::text::Language;
use card_core::units::{CardTime, Energy, Piastres};
use serde::Deserialize;

use super::vectors::{Hex, read};
use crate::support::{self, Chip};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    name: String,
    tariff: Hex,
    steps: Vec<Step>,
    readings: Option<Hex>,
    audits: Option<Hex>,
}

#[derive(Deserialize)]
struct Step {
    reading: u32,
    uptime: u32,
    never_stopped: bool,
    /// Power was away before it.
    power_up: bool,
    outcome: Option<String>,
    #[serde(flatten)]
    call: Call,
    state: Option<State>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Call {
    Tick,
    Pulse {
        energy: u32,
    },
    Demand {
        watts: u32,
    },
    Tamper {
        bit: u8,
    },
    Certificate {
        #[serde(flatten)]
        totals: Totals,
        network: bool,
    },
    EmptyCard {
        generation: u16,
        card: Hex,
        mail: bool,
    },
    AskLoan,
    Rearm,
    RelayStuckOff,
    Battery {
        low: bool,
    },
    OpenBinding {
        number: u32,
        account: u64,
        #[serde(flatten)]
        totals: Totals,
    },
    Mail {
        slot: u8,
        version: u32,
        plaintext: Hex,
        card: Option<Hex>,
        fault: Option<Fault>,
    },
}

#[derive(Deserialize)]
struct Totals {
    sequence: u32,
    total_credit: u64,
    total_debited: u64,
    issue_time: u32,
    generation: u16,
}

/// What is wrong with an envelope.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Fault {
    Meter,
    Binding,
    Key,
    Tag,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct State {
    time: u32,
    offset: i64,
    floor: u32,
    doubt: u8,
    binding: u32,
    applied_credit: u64,
    applied_debited: u64,
    balance: i64,
    lowest_generation: u16,
    energy_register: u32,
    month: Present,
    reasons: u8,
    flags: u16,
    tampering: u8,
    loan_end: u32,
    overloads: u8,
    debts: Vec<Debt>,
    debts_paid: u64,
    to_take: u64,
    tariff: u32,
    waiting: u32,
    mail_versions: Vec<u32>,
    highest_command: u32,
    audit_version: u32,
    readings_version: u32,
    last_event: u32,
    display: Display,
    /// Those since the state before, of this binding.
    new_months: Vec<Closed>,
    new_events: Vec<Happened>,
    new_audits: Vec<Audit>,
    new_charges: Vec<Charged>,
    final_report: Option<FinalReport>,
}

/// The month that runs; without a binding only which one it is.
#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Present {
    month: u16,
    month_flags: Option<u8>,
    slab: Option<u8>,
    energy: Option<u32>,
    energy_charge: Option<u64>,
    peak: Option<u32>,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Debt {
    id: u32,
    taken: u16,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Display {
    credit_energy: Option<u64>,
    slab: u8,
    price: u32,
    days: Option<u64>,
    bracket: Option<NextBracket>,
    restart_near: bool,
    power_limit: u32,
    loan_offered: bool,
    news: Vec<String>,
    buzzer: u8,
    notices: Vec<Notice>,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct NextBracket {
    energy: u32,
    crossing: i64,
    price: u32,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Notice {
    template: u16,
    until: u32,
    value: u32,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Closed {
    month: u16,
    flags: u8,
    slab: u8,
    energy: u32,
    energy_charge: u64,
    re_rating: i32,
    service_fee: u32,
    levies: i32,
    others: i32,
    instalments: u32,
    doubt_cost: u32,
    tariff: u32,
    peak: u32,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Happened {
    number: u32,
    time: u32,
    code: Hex,
    data: Hex,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Audit {
    counter: u32,
    time: u32,
    kind: u8,
    outcome: u8,
    card: Hex,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct Charged {
    time: u32,
    credit: u64,
    debt: u64,
    correction: u64,
    balance: i64,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(deny_unknown_fields)]
struct FinalReport {
    binding: u32,
    applied_credit: u64,
    applied_debited: u64,
    balance: i64,
    energy_register: u32,
    month: Closed,
    instalments_taken: u64,
}

/// How many there were of each when the state was looked at last.
#[derive(Default)]
struct Seen {
    binding: u32,
    month: u16,
    event: u32,
    audits: u32,
    charges: u32,
}

/// A meter in a scenario.
struct Run {
    chip: Chip,
    meter: Meter<Chip>,
    seen: Seen,
    steps: u32,
}

impl Run {
    /// As it comes from its maker.
    fn begin(scenario: &Scenario) -> Self {
        let tariff = Tariff::parse(&scenario.tariff.0).unwrap();
        let state = MeterState::new(tariff, Energy(0), CardTime::UNSET);
        let (chip, keys) = (Chip::new(), support::meter_keys());
        let meter = Meter::install(chip.clone(), support::identity(), keys, &state).unwrap();
        Self { chip, meter, seen: Seen::default(), steps: 0 }
    }

    /// Makes the call of a step, and says what came of it in the words of the vectors.
    fn call(&mut self, step: &Step) -> Option<String> {
        if step.power_up {
            self.meter.save().unwrap();
            self.meter = support::again(&self.chip);
        }
        let reading = step.reading();
        let said = |text: &str| Some(text.to_owned());
        self.steps += 1;
        match &step.call {
            Call::Tick => {
                self.meter.tick(reading).unwrap();
                None
            }
            Call::Pulse { energy } => match self.meter.consume(reading, Energy(*energy)) {
                Ok(_) => said("taken"),
                Err(MeterError::OutOfRange) => said("refused"),
                Err(error) => panic!("{error}"),
            },
            Call::Demand { watts } => {
                self.meter.demand(reading, *watts).unwrap();
                None
            }
            Call::Tamper { bit } => {
                let kind = Tampering::ALL.into_iter().find(|kind| kind.bit() == *bit).unwrap();
                self.meter.tamper(reading, kind).unwrap();
                None
            }
            Call::Certificate { totals, network } => {
                let certificate = totals.certificate(self.meter.state().binding);
                // One with nothing to apply brings no loan over the network.
                let by_card = !network && step.outcome.as_deref() == Some("apply");
                let decision = if by_card {
                    self.present(reading, certificate, None, support::CARD.id, false)
                } else {
                    self.meter.take_certificate(reading, &certificate, None).unwrap()
                };
                assert!(decision.opens.is_none());
                said(verdict(&decision))
            }
            Call::AskLoan => {
                let given = self.meter.ask_loan(reading).unwrap();
                said(if given { "loan" } else { "nothing" })
            }
            Call::Rearm => {
                self.meter.rearm(reading).unwrap();
                None
            }
            Call::RelayStuckOff => {
                self.meter.relay_stuck_off(reading).unwrap();
                None
            }
            Call::Battery { low } => {
                self.meter.battery(reading, *low).unwrap();
                None
            }
            Call::EmptyCard { generation, card, mail } => {
                let state = self.meter.state();
                let totals = Totals {
                    sequence: state.sequence,
                    total_credit: state.applied_credit.0,
                    total_debited: state.applied_debited.0,
                    issue_time: 1,
                    generation: *generation,
                };
                let certificate = totals.certificate(state.binding);
                let loans = self.loans();
                let decision = self.present(reading, certificate, None, CardId(card.array()), *mail);
                assert_eq!(decision.verdict, Verdict::Nothing);
                said(if self.loans() > loans { "loan" } else { "nothing" })
            }
            Call::OpenBinding { number, account, totals } => {
                let certificate = totals.certificate(*number);
                let binding = support::binding_certificate_of(*number, *account);
                let decision = if self.steps.is_multiple_of(2) {
                    self.present(reading, certificate, Some(binding), support::CARD.id, false)
                } else {
                    self.meter.take_certificate(reading, &certificate, Some(&binding)).unwrap()
                };
                assert!(decision.opens.is_some());
                assert_eq!(verdict(&decision), "apply");
                None
            }
            Call::Mail { slot, version, plaintext, card, fault } => {
                let mail = self.seal(*slot, *version, &plaintext.0, fault.as_ref());
                let carrier = card.as_ref().map(|id| CardId(id.array()));
                let received = self.meter.receive(reading, carrier, &mail).unwrap();
                assert_eq!((received.slot.number(), received.version), (*slot, *version));
                Some(
                    received
                        .result
                        .map_or_else(|refusal| format!("{:02X}", refusal.code()), |()| "taken".to_owned()),
                )
            }
        }
    }

    /// A card comes with this certificate; with `mail` in one of the issuer's slots that is newer than what the meter has.
    fn present(
        &mut self,
        reading: Reading,
        certificate: Certificate,
        binding: Option<BindingCertificate>,
        id: CardId,
        newer: bool,
    ) -> Decision {
        let card = CardRef { generation: certificate.generation, id };
        let mut mail = [0; Slot::COUNT];
        let slots = Slot::ALL.iter().zip(&mut mail).take(12);
        for (number, (slot, version)) in (0..).zip(slots) {
            let held = self.meter.state().inbox.version(*slot);
            let newest = newer && number == self.steps % 12;
            *version = held.saturating_sub(1) + 2 * u32::from(newest);
        }
        let summary = CardSummary { state: Some(CardState::Active), scope: support::SCOPE, card };
        let answer = CertificateAnswer {
            summary,
            expiry_time: CardTime::UNSET,
            certificate,
            settled_credit: Piastres::ZERO,
            settled_debited: Piastres::ZERO,
            report_number: 0,
            mail,
            last_month: Month::NO_INDEX,
            last_event: 0,
        };
        let mut presented = Presented::from_parts(card, KeyVersion::from_byte(0x32), answer);
        if let Some(binding) = binding {
            presented = presented.with_binding(binding);
        }
        self.meter.commit(reading, &presented).unwrap()
    }

    fn seal(&mut self, slot: u8, version: u32, plaintext: &[u8], fault: Option<&Fault>) -> Envelope {
        let mut binding = Binding { meter: support::METER, number: self.meter.state().binding.max(1) };
        let mut keys = support::parameter_keys(2 - self.steps as u8 % 2);
        match fault {
            Some(Fault::Meter) => binding.meter = MeterId(*b"METER--2"),
            Some(Fault::Binding) => binding.number += 1,
            Some(Fault::Key) => keys.version = KeyVersion::from_byte(0x83),
            Some(Fault::Tag) | None => {}
        }
        let (slot, engine) = (Slot::new(slot).unwrap(), &mut SoftEngine);
        let sealed =
            Envelope::seal(engine, &keys, support::SCOPE, binding, slot, version, plaintext).unwrap();
        let mut bytes = sealed.as_bytes().to_vec();
        if let Some(Fault::Tag) = fault {
            *bytes.last_mut().unwrap() ^= 1;
        }
        Envelope::parse(&bytes).unwrap()
    }

    /// Number of the last event of a loan; 0: none.
    fn loans(&mut self) -> u32 {
        let events: [_; History::EVENTS as usize] = self.meter.events(0).unwrap();
        let loans = events.iter().flatten().filter(|event| event.code == 0x0203);
        loans.map(|event| event.number).max().unwrap_or(0)
    }

    /// What can be seen now; what is new is new since it was seen last.
    fn state(&mut self) -> State {
        let now = self.meter.state().clone();
        if now.binding != self.seen.binding {
            self.seen = Seen { binding: now.binding, ..Seen::default() };
        }
        // Where a command has set time back, months come a second time.
        self.seen.month = self.seen.month.min(now.month_index);
        let months: [_; History::MONTHS as usize] = self.meter.months(self.seen.month).unwrap();
        let events: [_; History::EVENTS as usize] = self.meter.events(self.seen.event).unwrap();
        let new_audits = (now.inbox.audit_count - self.seen.audits) as usize;
        let audits: Vec<_> = now.inbox.audits.records().collect();
        let audits = audits.get(audits.len().saturating_sub(new_audits)..).unwrap();
        let new_audits = audits
            .iter()
            .map(|record| Audit {
                counter: record.counter,
                time: record.time.0,
                kind: record.kind,
                outcome: record.outcome,
                card: Hex(record.card.map_or([0; 8], |card| card.0).to_vec()),
            })
            .collect();
        let new_months: Vec<_> = months.into_iter().flatten().map(Closed::from).collect();
        let new_events: Vec<_> = events.into_iter().flatten().map(Happened::from).collect();
        self.seen.month = new_months.last().map_or(self.seen.month, |month| month.month + 1);
        self.seen.event = now.history.last_event();
        self.seen.audits = now.inbox.audit_count;
        // The newest come first; those of an earlier binding are not among them.
        let new = (now.history.charges() - self.seen.charges) as usize;
        let mut new_charges: Vec<_> = self.meter.charges().unwrap().into_iter().flatten().take(new).collect();
        new_charges.reverse();
        let new_charges = new_charges.into_iter().map(Charged::from).collect();
        self.seen.charges = now.history.charges();

        let (month, status) = (now.month(), now.status());
        let bound = |value: u64| (now.binding != 0).then_some(value);
        let slots = (0..12).map(|slot| Slot::new(slot).unwrap());
        let debts = now.debts.plan.debts().iter().zip(now.debts.taken);
        State {
            time: now.clock.time.0,
            offset: now.clock.offset,
            floor: now.clock.floor.0,
            doubt: now.clock.doubt,
            binding: now.binding,
            applied_credit: now.applied_credit.0,
            applied_debited: now.applied_debited.0,
            balance: now.balance.0,
            lowest_generation: now.generation,
            energy_register: now.energy.0,
            month: Present {
                month: month.index,
                month_flags: bound(month.flags.into()).map(|flags| flags as u8),
                slab: bound(month.slab.into()).map(|slab| slab as u8),
                energy: bound(month.energy.0.into()).map(|energy| energy as u32),
                energy_charge: bound(month.energy_charge.0),
                peak: bound(month.peak.into()).map(|peak| peak as u32),
            },
            reasons: now.supply.cut,
            flags: now.flags.0,
            tampering: now.supply.tampering,
            loan_end: now.supply.loan_until.0,
            overloads: now.supply.overloads,
            debts: debts.map(|(debt, taken)| Debt { id: debt.id, taken }).collect(),
            debts_paid: now.debts.paid.0,
            to_take: now.debts.left().0,
            tariff: now.tables.active().version(),
            waiting: now.tables.standby().map_or(0, Tariff::version),
            mail_versions: slots.map(|slot| now.inbox.version(slot)).collect(),
            highest_command: now.inbox.executed.newest(),
            audit_version: now.inbox.audit_count,
            readings_version: now.inbox.readings,
            last_event: now.history.last_event(),
            display: Display {
                credit_energy: status.energy_left.map(|energy| energy.0.into()),
                slab: status.slab,
                price: status.price.0,
                days: status.days_left.map(u64::from),
                bracket: status.bracket.map(|bracket| NextBracket {
                    energy: bracket.energy.0,
                    crossing: bracket.crossing.0,
                    price: bracket.price.0,
                }),
                restart_near: status.restart_near,
                power_limit: status.power_limit,
                loan_offered: status.loan_offered,
                news: now
                    .situations()
                    .iter()
                    .map(|said| said.text(Language::English).code.to_owned())
                    .filter(|code| ("B01"..="B05").contains(&code.as_str()))
                    .collect(),
                buzzer: status.buzzer as u8,
                notices: now
                    .notices()
                    .map(|notice| Notice {
                        template: notice.template,
                        until: notice.until.0,
                        value: notice.value,
                    })
                    .collect(),
            },
            new_months,
            new_events,
            new_audits,
            new_charges,
            final_report: now.final_report.map(|last| {
                let report = last.receipt;
                assert!(report.flags.has(MeterFlags::CLOSED));
                FinalReport {
                    binding: report.binding.number,
                    applied_credit: report.applied_credit.0,
                    applied_debited: report.applied_debited.0,
                    balance: report.balance.0,
                    energy_register: report.energy.0,
                    month: last.month.into(),
                    instalments_taken: last.instalments.0,
                }
            }),
        }
    }

    /// Power fails, with a warning, and comes back.
    fn power_cycle(self) -> Self {
        let Self { chip, mut meter, seen, steps } = self;
        meter.save().unwrap();
        let before = meter.state().clone();
        let meter = Meter::power_up(meter.into_hardware()).unwrap();
        assert_eq!(*meter.state(), before);
        Self { chip, meter, seen, steps }
    }

    /// Had power failed here without a warning, nothing but less than 0.1 kWh were lost, to the register as to the bill, and time of
    /// the same day.
    fn check_cut(&self, at: &str) {
        let copy = Chip::new();
        copy.restore(self.chip.snapshot());
        let meter = Meter::power_up(copy).unwrap();
        let (now, mut then) = (self.meter.state(), meter.state().clone());
        let lost = now.energy.0.wrapping_sub(then.energy.0);
        assert!(lost < UNWRITTEN.0, "{at}: {lost}");
        let [charged, written] = [now, &then].map(|state| state.running.energy_charge().0.cast_signed());
        assert_eq!(then.balance.0 - now.balance.0, charged - written, "{at}");
        then.clock.time = now.clock.time;
        if now.clock.doubt & doubt::CLOCK != 0 {
            // That of a clock that does not go as it should need not be written.
            then.clock.offset = now.clock.offset;
        }
        if lost > 0 {
            let MeterState { balance, energy, running, .. } = now.clone();
            then = MeterState { balance, energy, running, ..then };
            then.days.today = now.days.today;
        }
        assert_eq!(then, *now, "{at}");
    }

    /// Mail to the issuer at the end. The engine of the vectors knows neither reports nor firmware.
    fn check_mail(&mut self, scenario: &Scenario) {
        let keys = support::report_keys().mail;
        if let Some(mail) = self.meter.readings(0).unwrap() {
            let opened = mail.open(&mut SoftEngine, &keys, support::SCOPE).unwrap();
            let readings = Readings::parse(opened.as_slice()).unwrap();
            assert_eq!(readings.report_number, self.meter.state().report_number);
            let known = Readings { report_number: 0, keys: KeysInUse::default(), ..readings }.emit();
            assert_eq!(Hex(known.to_vec()), *scenario.readings.as_ref().unwrap(), "{}", scenario.name);
        }
        match (self.meter.audit(0).unwrap(), &scenario.audits) {
            (Some(mail), audits) => {
                let opened = mail.open(&mut SoftEngine, &keys, support::SCOPE).unwrap();
                assert_eq!(Some(&Hex(opened.as_slice().to_vec())), audits.as_ref(), "{}", scenario.name);
            }
            (None, audits) => assert!(audits.as_ref().is_none_or(|audits| audits.0 == [1])),
        }
    }
}

impl Step {
    fn reading(&self) -> Reading {
        let Self { reading, uptime, never_stopped, .. } = *self;
        Reading { clock: CardTime(reading), uptime, never_stopped }
    }
}

impl Scenario {
    /// Whether the clock goes as uptime does, and never stops.
    fn clock_is_right(&self) -> bool {
        let goes = |[before, step]: [&Step; 2]| {
            let passed = step.uptime.checked_sub(before.uptime);
            step.power_up || passed.is_some_and(|passed| before.reading + passed == step.reading)
        };
        let pairs = self.steps.iter().zip(self.steps.iter().skip(1));
        self.steps.iter().all(|step| step.reading != 0 && step.never_stopped)
            && pairs.map(<[&Step; 2]>::from).all(goes)
    }
}

impl Totals {
    /// Signed, for this binding.
    fn certificate(&self, binding: u32) -> Certificate {
        support::signed(Certificate {
            key_version: KeyVersion::from_byte(0x72),
            binding: Binding { meter: support::METER, number: binding },
            generation: self.generation,
            sequence: self.sequence,
            total_credit: Piastres(self.total_credit),
            total_debited: Piastres(self.total_debited),
            known_credit: Piastres(0),
            known_debited: Piastres(0),
            issue_time: CardTime(self.issue_time),
            mac: [0; 16],
        })
    }
}

fn verdict(decision: &Decision) -> &'static str {
    match decision.verdict {
        Verdict::Apply { .. } => "apply",
        Verdict::Nothing => "nothing",
        Verdict::Refuse(_) => "refused",
    }
}

impl From<Month> for Closed {
    fn from(month: Month) -> Self {
        Self {
            month: month.index,
            flags: month.flags,
            slab: month.slab,
            energy: month.energy.0,
            energy_charge: month.energy_charge.0,
            re_rating: month.re_rating,
            service_fee: month.service_fee,
            levies: month.levies,
            others: month.others,
            instalments: month.instalments,
            doubt_cost: month.doubt_cost,
            tariff: month.tariff,
            peak: month.peak,
        }
    }
}

impl From<Charge> for Charged {
    fn from(charge: Charge) -> Self {
        let Charge { time, credit, debt, correction, balance } = charge;
        Self { time: time.0, credit: credit.0, debt: debt.0, correction: correction.0, balance: balance.0 }
    }
}

impl From<Event> for Happened {
    fn from(event: Event) -> Self {
        let Event { number, time, code, data } = event;
        Self { number, time: time.0, code: Hex(code.to_be_bytes().to_vec()), data: Hex(data.to_vec()) }
    }
}

/// The last `most` of these: what the meter keeps.
fn kept<T: Clone>(all: &[T], most: usize) -> Vec<T> {
    all[all.len().saturating_sub(most)..].to_vec()
}

/// The last ones of each class: what the meter keeps.
fn kept_of_each_class(all: &[Happened]) -> Vec<Happened> {
    let class = |event: &Happened| Class::of(u16::from_be_bytes([event.code.0[0], event.code.0[1]]));
    let of_class = |wanted: Class| {
        let these: Vec<_> = all.iter().filter(|event| class(event) == wanted).cloned().collect();
        kept(&these, wanted.kept().into())
    };
    let mut events: Vec<_> = Class::ALL.into_iter().flat_map(of_class).collect();
    events.sort_by_key(|event| event.number);
    events
}

/// What differs, line by line.
fn differences(expected: &State, found: &State) -> String {
    let [expected, found] = [expected, found].map(|state| format!("{state:#?}"));
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let only = |these: &[&str], those: &[&str], sign: &str| -> String {
        let lines = these.iter().filter(|line| !those.contains(line));
        lines.map(|line| format!("\n{sign} {line}")).collect()
    };
    only(&expected, &found, "expected") + &only(&found, &expected, "found")
}

/// What happens after each step.
#[derive(Clone, Copy)]
enum Power {
    Stays,
    /// It fails with a warning, and comes back.
    Fails,
    /// What were lost if it failed without a warning is looked at.
    Doubted,
}

fn run(scenario: &Scenario, power: Power) -> Result<(), String> {
    let mut run = Run::begin(scenario);
    for (number, step) in (1..).zip(&scenario.steps) {
        let at = format!("{}, step {number} at {}", scenario.name, step.reading);
        let outcome = run.call(step);
        match power {
            Power::Stays => {}
            Power::Fails if scenario.clock_is_right() => {
                run = run.power_cycle();
                run.meter.tick(step.reading()).unwrap();
            }
            Power::Fails => {}
            Power::Doubted => run.check_cut(&at),
        }
        let Some(state) = &step.state else { continue };
        let mut expected = state.clone();
        expected.new_months = kept(&state.new_months, History::MONTHS.into());
        expected.new_events = kept_of_each_class(&state.new_events);
        expected.new_audits = kept(&state.new_audits, 8);
        expected.new_charges = kept(&state.new_charges, Charge::KEPT.into());
        let found = run.state();
        if found != expected || outcome != step.outcome {
            let outcomes = format!("{:?}, {outcome:?}", step.outcome);
            return Err(format!("{at}: {outcomes}{}", differences(&expected, &found)));
        }
    }
    run.check_mail(scenario);
    Ok(())
}

fn run_all(power: Power) {
    let scenarios = read::<Vectors>("engine").scenarios;
    let failures: Vec<_> = scenarios.iter().filter_map(|scenario| run(scenario, power).err()).collect();
    assert!(failures.is_empty(), "{} scenarios\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn scenarios() {
    run_all(Power::Stays);
}

/// Where firmware warns of it nothing is lost, whenever power fails. But what time should be by uptime is: a wrong clock is believed then.
#[test]
fn scenarios_with_a_power_cut_after_each_step() {
    run_all(Power::Fails);
}

#[test]
fn scenarios_with_doubtful_power() {
    run_all(Power::Doubted);
}
