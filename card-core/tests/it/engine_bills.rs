//! Bills of the meter's engine against bills on paper: whatever is consumed, whenever the clock is read, whichever tariffs come, and
//! however often power fails, the meter takes what the rules of docs/tariff.md say of a list of energy and tariffs, to the piastre.
// Long: a second engine on paper, and what both are asked.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

use crate::support::paper::*;
use crate::support::*;
use card_core::calendar::{Calendar, Change, Zone};
use card_core::id::Binding;
use card_core::message::{Certificate, Envelope, FinalReport, MeterFlags, Month, Slot};
use card_core::meter::{MailRefusal, Meter, MeterState, Verdict};
use card_core::parameters::{Debt, DebtKind, DebtPlan};
use card_core::soft::SoftEngine;
use card_core::tariff::*;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use proptest::prelude::*;

const DAY: i64 = 86_400;
/// Greatest step of the clock in these tests, so that several months can pass between two readings.
const LONG: i64 = 100 * DAY;

// ---- the month on paper: a clock, a calendar of two columns, and a list of what was consumed under which tariff

/// The first second of a month in Cairo: UTC+2; UTC+3 where there is summer time, and it is May to October. (Summer begins before
/// the first of May, and ends before the first of November, or at its midnight, which then comes an hour later.)
fn begins(index: u16, summer: bool) -> i64 {
    let (years, month) = (i64::from(index / 12), usize::from(index % 12));
    let leap = years % 4 == 0 && years != 80;
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days: i64 = lengths[..month].iter().sum();
    let leap_days = (years + 3) / 4 - i64::from(years > 80) + i64::from(leap && month > 1);
    let midnight = (years * 365 + leap_days + days) * DAY;
    let offset = if summer && (4..10).contains(&month) { 3 } else { 2 };
    (midnight - offset * 3600).max(0)
}

/// The month that runs at a time.
fn month_at(time: i64, summer: bool) -> u16 {
    (0..).take_while(|index| begins(*index, summer) <= time).last().unwrap()
}

/// What must be true of the meter.
struct Paper {
    time: i64,
    floor: i64,
    offset: i64,
    doubtful: bool,
    expected: i64,
    rest: i64,
    /// The last reading since power-up.
    last: Option<i64>,
    summer: bool,
    tables: Vec<Vec<Row>>,
    tariff: Tariff,
    waiting: Option<Tariff>,
    register: u32,
    // Of the binding.
    binding: u32,
    balance: i128,
    closed: Vec<Month>,
    debt: Option<(Debt, u16)>,
    /// What was certified, and where it went: energy, fees, instalments.
    certified: i128,
    energy: i128,
    fees: i128,
    instalments: i128,
    // Of the month.
    index: u16,
    entries: Vec<(u128, usize)>,
    partial: bool,
    doubtful_month: bool,
    peak: u32,
    charged: i128,
}

impl Paper {
    fn new(tariff: Tariff, time: i64) -> Self {
        Self {
            time,
            floor: 0,
            offset: 0,
            doubtful: false,
            expected: 0,
            rest: 0,
            last: None,
            summer: true,
            tables: vec![rows(&tariff)],
            tariff,
            waiting: None,
            register: 0,
            binding: 0,
            balance: 0,
            closed: vec![],
            debt: None,
            certified: 0,
            energy: 0,
            fees: 0,
            instalments: 0,
            index: month_at(time, true),
            entries: vec![],
            partial: true,
            doubtful_month: false,
            peak: 0,
            charged: 0,
        }
    }

    fn total(&self) -> u128 {
        self.entries.iter().map(|(energy, _)| energy).sum()
    }

    /// The slab reached, and whether any of the energy is rated by another group than a tariff's first.
    fn slab(&self) -> (u8, bool) {
        let total = self.total();
        let above = self.tables.last().unwrap().iter().filter(|row| total > row.above).count();
        let slab = above.max(1) as u8;
        let restarted =
            |table: &usize| self.tables[*table].iter().any(|row| row.restart && total > row.above);
        (slab, self.entries.iter().any(|(_, table)| restarted(table)))
    }

    /// Section 2 of docs/meter.md.
    fn read(&mut self, reading: i64) {
        let near = |value: i64, expected: i64, most: i64| (-60..=most).contains(&(value - expected));
        let candidate = reading + self.offset;
        if self.time == 0 {
            self.time = reading;
            self.index = month_at(reading, self.summer);
            (self.expected, self.rest) = (reading, 0);
        } else if self.last.is_none() {
            // The clock never stops here, and never goes back.
            self.time = self.time.max(candidate);
            (self.expected, self.rest) = (self.time, 0);
        } else {
            let passed = reading - self.last.unwrap();
            (self.expected, self.rest) = (self.expected + passed, self.rest + passed);
            let itself = near(reading, self.expected, 60);
            assert!(itself || near(candidate, self.expected, 600), "the clock goes as uptime does");
            self.time = self.time.max(if itself { reading } else { candidate });
            self.offset = if itself { 0 } else { self.offset };
            let most = self.rest / 1000;
            self.rest %= 1000;
            self.expected += (self.time - self.expected).clamp(-most, most);
        }
        self.last = Some(reading);
        self.pass();
    }

    /// What time brings, until nothing is due.
    fn pass(&mut self) {
        loop {
            let end = begins(self.index + 1, self.summer);
            let start = self.waiting.map(|tariff| i64::from(tariff.start().0));
            // Under how many tariffs energy was consumed so far, and whether the one in force is among them.
            let full = self.entries.len() == 4 && self.entries[3].1 == self.tables.len() - 1;
            if start.is_some_and(|start| start <= self.time && start < end) && !full {
                self.switch();
            } else if end <= self.time {
                self.close(false);
                if start.is_some_and(|start| start <= end) {
                    self.switch();
                }
                self.index += 1;
                self.begin_month(self.binding == 0);
                self.take_instalment();
            } else {
                break;
            }
        }
    }

    fn switch(&mut self) {
        self.tariff = self.waiting.take().unwrap();
        self.tables.push(rows(&self.tariff));
    }

    fn begin_month(&mut self, partial: bool) {
        self.entries.clear();
        (self.partial, self.doubtful_month, self.peak, self.charged) = (partial, self.doubtful, 0, 0);
    }

    fn close(&mut self, partial: bool) {
        if self.binding == 0 {
            return;
        }
        let partial = partial || self.partial;
        let charge = charge_on_paper(&self.tables, &self.entries);
        let fees = fees_on_paper(&self.tariff, self.total(), charge, partial, self.index);
        self.balance -= fees;
        self.fees += fees;
        let due = self.total() != 0 || !partial;
        let charges = charges_on_paper(&self.tariff, self.total(), charge, partial, self.index);
        let of = |wanted: &dyn Fn(u8) -> bool| {
            let sum: i128 =
                charges.iter().filter(|(code, _)| due && wanted(*code)).map(|(_, amount)| amount).sum();
            sum.clamp(i32::MIN.into(), i32::MAX.into()) as i32
        };
        let (slab, re_rated) = self.slab();
        self.closed.push(Month {
            index: self.index,
            flags: u8::from(partial) + 2 * u8::from(re_rated) + 4 * u8::from(self.doubtful_month),
            slab,
            energy: Energy(self.total() as u32),
            energy_charge: Piastres(charge as u64),
            re_rating: 0,
            service_fee: if due { service_on_paper(&self.tariff, self.total()) as u32 } else { 0 },
            levies: of(&|code| code <= 5),
            others: of(&|code| code > 5),
            instalments: 0,
            doubt_cost: 0,
            tariff: self.tariff.version(),
            peak: self.peak.min(Month::MOST_24),
        });
    }

    fn take_instalment(&mut self) {
        if let Some((debt, taken)) = &mut self.debt
            && self.binding != 0
            && self.index >= debt.first_month
            && *taken < debt.count
        {
            *taken += 1;
            let amount = i128::from(if *taken == debt.count { debt.last } else { debt.amount });
            self.balance -= amount;
            self.instalments += amount;
        }
    }

    /// The energy charge of the month so far is due.
    fn charge(&mut self) {
        let owed = if self.binding == 0 { 0 } else { charge_on_paper(&self.tables, &self.entries) as i128 };
        self.balance -= owed - self.charged;
        self.energy += owed - self.charged;
        self.charged = owed;
    }

    fn consume(&mut self, energy: u32) {
        self.register = self.register.wrapping_add(energy);
        let table = self.tables.len() - 1;
        match self.entries.last_mut() {
            Some((sum, last)) if *last == table => *sum += u128::from(energy),
            _ if energy > 0 && self.binding != 0 => self.entries.push((energy.into(), table)),
            _ => {}
        }
        self.charge();
    }

    /// Power was cut: the last `lost` of it was not written down.
    fn lose(&mut self, lost: u32) {
        self.register = self.register.wrapping_sub(lost);
        if self.binding != 0 && lost > 0 {
            let (sum, _) = self.entries.last_mut().unwrap();
            *sum = sum.checked_sub(lost.into()).unwrap();
            if *sum == 0 {
                self.entries.pop();
            }
            self.charge();
        }
    }

    /// A certificate was applied, over the network; `late`: it does not open a binding.
    fn issued(&mut self, reading: i64, issued: i64, late: bool) {
        let ahead = issued - self.time;
        let believed = self.floor == 0 || ahead <= 2 * DAY;
        if believed {
            self.floor = self.floor.max(issued);
        }
        if (-DAY..=3600).contains(&ahead) {
            self.doubtful = false;
        }
        let oldest = if late { DAY } else { 31 * DAY };
        if !(-oldest..=3600).contains(&ahead) {
            (self.doubtful, self.doubtful_month) = (true, true);
        }
        if self.floor > self.time {
            (self.time, self.offset) = (self.floor, self.floor - reading);
            (self.expected, self.rest) = (self.time, 0);
        }
    }

    /// The old binding is closed, which gives its last balance, and a new one begins with nothing.
    fn open(&mut self, binding: u32) -> i128 {
        self.close(true);
        let left = self.balance;
        (self.binding, self.balance, self.debt) = (binding, 0, None);
        (self.certified, self.energy, self.fees, self.instalments) = (0, 0, 0, 0);
        self.closed.clear();
        self.begin_month(true);
        left
    }
}

// ---- the meter beside its paper

#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "a few of them, in a test")]
enum Step {
    Consume(u32),
    /// So many pulses of 10 Wh.
    Trickle(u32),
    Pass(Pass),
    Demand(u32),
    Tariff {
        tariff: Tariff,
        start: Start,
        newer: bool,
    },
    Summer(bool),
    Debt {
        id: u32,
        months: u16,
        count: u16,
        amount: u32,
        last: u32,
    },
    Credit {
        credit: u64,
        debit: u64,
        ahead: i64,
    },
    Bind {
        credit: u64,
        ahead: i64,
    },
    Restart {
        saved: bool,
    },
}

/// How the clock's reading moves.
#[derive(Debug, Clone)]
enum Pass {
    Seconds(i64),
    /// To the end of the month that runs, and so many seconds more.
    ToEnd(i64),
}

/// When a tariff is to begin.
#[derive(Debug, Clone)]
enum Start {
    InSeconds(i64),
    /// So many seconds after the end of the month that runs.
    AtEnd(i64),
}

struct Bench {
    chip: Chip,
    meter: Option<Meter<Chip>>,
    paper: Paper,
    reading: i64,
    bindings: u32,
    totals: (u32, u64, u64),
    mails: u32,
    /// What the meter said that pulses cost, in this binding.
    deducted: i128,
}

fn any_pass() -> impl Strategy<Value = Pass> {
    prop_oneof![
        3 => (0..=2 * DAY).prop_map(Pass::Seconds),
        2 => (0..=LONG).prop_map(Pass::Seconds),
        4 => (-1..=1_i64).prop_map(Pass::ToEnd),
        1 => (-3600..=3600_i64).prop_map(Pass::ToEnd),
    ]
}

fn any_start() -> impl Strategy<Value = Start> {
    prop_oneof![
        2 => (-60 * DAY..=1).prop_map(Start::InSeconds),
        2 => (0..=60 * DAY).prop_map(Start::InSeconds),
        3 => (-1..=1_i64).prop_map(Start::AtEnd),
    ]
}

fn any_tables() -> impl Strategy<Value = Tariff> {
    prop_oneof![any_tariff(1..=6, 300_000), any_tariff(1..=300, 300_000), Just(EGYPT_2024_08)]
}

fn any_step() -> impl Strategy<Value = Step> {
    let ahead = || prop_oneof![Just(-DAY), -1..=1_i64, 0..=40 * DAY];
    prop_oneof![
        3 => (0..=8_u32).prop_map(|kwh| Step::Consume(kwh * 100)),
        3 => (0..=30_000_u32).prop_map(Step::Consume),
        3 => (1..=30_u32).prop_map(Step::Trickle),
        8 => any_pass().prop_map(Step::Pass),
        1 => any::<u32>().prop_map(Step::Demand),
        4 => (any_tables(), any_start(), prop::bool::weighted(0.9))
            .prop_map(|(tariff, start, newer)| Step::Tariff { tariff, start, newer }),
        1 => any::<bool>().prop_map(Step::Summer),
        1 => (1..=2_u32, 0..=2_u16, 1..=3_u16, any::<u32>(), any::<u32>())
            .prop_map(|(id, months, count, amount, last)| Step::Debt { id, months, count, amount, last }),
        2 => (0..=1_000_000_u64, 0..=10_000_u64, ahead())
            .prop_map(|(credit, debit, ahead)| Step::Credit { credit, debit, ahead }),
        1 => (0..=1_000_000_u64, ahead()).prop_map(|(credit, ahead)| Step::Bind { credit, ahead }),
        2 => any::<bool>().prop_map(|saved| Step::Restart { saved }),
    ]
}

impl Bench {
    /// A meter without a binding, whose clock has this reading; it may never have been read.
    fn new(tariff: Tariff, reading: i64, known: bool) -> Self {
        let chip = Chip::new();
        let time = if known { reading } else { 0 };
        let state = MeterState::new(tariff, Energy(0), CardTime(time as u32));
        let meter = Meter::install(chip.clone(), identity(), meter_keys(), &state).unwrap();
        Self {
            chip,
            meter: Some(meter),
            paper: Paper::new(tariff, time),
            reading,
            bindings: 0,
            totals: (0, 0, 0),
            mails: 0,
            deducted: 0,
        }
    }

    fn meter(&mut self) -> &mut Meter<Chip> {
        self.meter.as_mut().unwrap()
    }

    fn clock(&self) -> CardTime {
        CardTime(self.reading as u32)
    }

    fn mail(&mut self, slot: u8, plaintext: &[u8]) -> Result<(), MailRefusal> {
        self.mails += 1;
        let binding = Binding { meter: METER, number: self.paper.binding };
        let slot = Slot::new(slot).unwrap();
        let keys = parameter_keys(2);
        let mail =
            Envelope::seal(&mut SoftEngine, &keys, SCOPE, binding, slot, self.mails, plaintext).unwrap();
        let reading = self.clock();
        self.meter().receive(shows(reading), None, &mail).unwrap().result
    }

    fn certificate(&mut self, credit: u64, debit: u64, ahead: i64) -> Certificate {
        let (sequence, total_credit, total_debited) = &mut self.totals;
        (*sequence, *total_credit, *total_debited) =
            (*sequence + 1, *total_credit + credit, *total_debited + debit);
        let plain = certificate_of(self.bindings, 1, *sequence, *total_credit, *total_debited);
        let issue_time = CardTime((self.paper.time + ahead).max(1) as u32);
        signed(Certificate { issue_time, ..plain })
    }

    fn consume(&mut self, energy: u32) {
        let reading = self.clock();
        let deduction = self.meter().consume(shows(reading), Energy(energy)).unwrap();
        self.paper.read(self.reading);
        self.paper.consume(energy);
        assert_eq!(deduction.is_some(), self.paper.binding != 0);
        if let Some(deduction) = deduction {
            self.deducted += i128::from(deduction.total().0);
            assert_eq!(deduction.slab, self.paper.slab().0);
        }
    }

    fn step(&mut self, step: Step) {
        let reading = self.clock();
        match step {
            Step::Consume(energy) => self.consume(energy),
            Step::Trickle(pulses) => (0..pulses).for_each(|_| self.consume(1)),
            Step::Pass(pass) => {
                let end = begins(self.paper.index + 1, self.paper.summer) - self.paper.offset;
                self.reading = match pass {
                    Pass::Seconds(seconds) => self.reading + seconds,
                    Pass::ToEnd(after) => (end + after).max(self.reading),
                };
                let reading = self.clock();
                self.meter().tick(shows(reading)).unwrap();
                self.paper.read(self.reading);
            }
            Step::Demand(watts) => {
                self.meter().demand(shows(reading), watts).unwrap();
                self.paper.read(self.reading);
                self.paper.peak = self.paper.peak.max(watts);
            }
            Step::Tariff { tariff, start, newer } if self.paper.binding != 0 => {
                self.paper.read(self.reading);
                let start = match start {
                    Start::InSeconds(after) => self.paper.time + after,
                    Start::AtEnd(after) => begins(self.paper.index + 1, self.paper.summer) + after,
                };
                let start = CardTime(start.max(1) as u32);
                let newest = self.paper.waiting.as_ref().unwrap_or(&self.paper.tariff);
                let version = newest.version() + u32::from(newer);
                let head = Head { version, start, kind: tariff.kind(), zero_fee: tariff.zero_fee() };
                let (slabs, charges): (Vec<_>, Vec<_>) =
                    (tariff.slabs().collect(), tariff.charges().collect());
                let Ok(tariff) = Tariff::new(head, &slabs, &charges) else { return };
                let taken = self.mail(0x00, tariff.as_bytes());
                assert_eq!(taken, if newer { Ok(()) } else { Err(MailRefusal::TariffNotNewer) });
                if newer {
                    self.paper.waiting = Some(tariff);
                }
                self.paper.pass();
            }
            Step::Summer(summer) if self.paper.binding != 0 => {
                let none = Change { month: 0, week: 0, weekday: 0, minute: 0 };
                let without = Zone { standard: 120, summer: 0, begin: none, end: none };
                let zone = if summer { *Calendar::EGYPT.zone() } else { without };
                let calendar = Calendar::new(zone, 0, 0, 0, &[]).unwrap();
                self.paper.read(self.reading);
                self.mail(0x03, calendar.emit().as_slice()).unwrap();
                self.paper.summer = summer;
                self.paper.pass();
            }
            Step::Debt { id, months, count, amount, last } if self.paper.binding != 0 => {
                self.paper.read(self.reading);
                let first_month = self.paper.index + months;
                let debt = Debt { id, kind: DebtKind::Arrears, first_month, count, amount, last };
                self.mail(0x04, DebtPlan::new(&[debt]).unwrap().emit().as_slice()).unwrap();
                let taken = self.paper.debt.filter(|(known, _)| known.id == id).map_or(0, |(_, taken)| taken);
                self.paper.debt = Some((debt, taken));
            }
            Step::Credit { credit, debit, ahead } if self.paper.binding != 0 => {
                self.paper.read(self.reading);
                let certificate = self.certificate(credit, debit, ahead);
                let decision = self.meter().take_certificate(shows(reading), &certificate, None).unwrap();
                assert!(matches!(decision.verdict, Verdict::Apply { .. }));
                let difference = i128::from(credit) - i128::from(debit);
                self.paper.balance += difference;
                self.paper.certified += difference;
                self.paper.issued(self.reading, certificate.issue_time.0.into(), true);
                self.paper.pass();
            }
            Step::Bind { credit, ahead } => {
                self.paper.read(self.reading);
                self.bindings += 1;
                self.totals = (0, 0, 0);
                self.bind(credit, ahead);
            }
            Step::Restart { saved } => self.restart(saved),
            Step::Tariff { .. } | Step::Summer(_) | Step::Debt { .. } | Step::Credit { .. } => {}
        }
    }

    fn bind(&mut self, credit: u64, ahead: i64) {
        let before = self.paper.binding;
        let applied = self.meter().state().applied_credit;
        let certificate = self.certificate(credit, 0, ahead);
        let opening = binding_certificate(self.bindings);
        let reading = self.clock();
        let decision = self.meter().take_certificate(shows(reading), &certificate, Some(&opening)).unwrap();
        assert!(decision.opens.is_some());
        let time = self.paper.time;
        let left = self.paper.open(self.bindings);
        let register = self.paper.register;
        match self.meter().state().final_report {
            None => assert_eq!(before, 0),
            Some(FinalReport { receipt: report, .. }) => {
                assert_eq!(report.binding.number, before);
                assert_eq!(i128::from(report.balance.0), left);
                assert_eq!((report.applied_credit, report.energy.0), (applied, register));
                assert_eq!(i64::from(report.time.0), time);
                assert!(report.flags.has(MeterFlags::CLOSED));
            }
        }
        self.deducted = 0;
        let paper = &mut self.paper;
        (paper.balance, paper.certified) = (credit.into(), credit.into());
        paper.issued(self.reading, certificate.issue_time.0.into(), false);
        paper.doubtful_month = paper.doubtful;
        paper.index = month_at(paper.time, paper.summer);
        paper.pass();
    }

    /// Power fails, with a warning that lets the meter save, or without.
    fn restart(&mut self, saved: bool) {
        if saved {
            self.meter().save().unwrap();
        }
        self.meter = None;
        let meter = Meter::power_up(self.chip.clone()).unwrap();
        let (state, paper) = (meter.state(), &mut self.paper);
        let lost = paper.register.wrapping_sub(state.energy.0);
        assert!(lost < if saved { 1 } else { 10 }, "{lost} units of 10 Wh are lost");
        let before = paper.energy;
        paper.lose(lost);
        self.deducted -= before - paper.energy;
        // What else is not written at once is how far time has come.
        let time = i64::from(state.clock.time.0);
        assert!(if saved { time == paper.time } else { time <= paper.time });
        (paper.time, paper.last) = (time, None);
        if paper.time == 0 {
            paper.index = 0;
        }
        self.meter = Some(meter);
    }

    fn compare(&mut self) {
        // What pulses, doubts and the debt plan have made of a month is looked at elsewhere.
        let months = self.meter().months::<36>(0).unwrap().into_iter().flatten();
        let months: Vec<_> =
            months.map(|month| Month { re_rating: 0, instalments: 0, doubt_cost: 0, ..month }).collect();
        let (state, paper) = (self.meter.as_ref().unwrap().state(), &self.paper);
        let clock = &state.clock;
        let time = (i64::from(clock.time.0), i64::from(clock.floor.0), clock.offset, clock.is_doubtful());
        assert_eq!(time, (paper.time, paper.floor, paper.offset, paper.doubtful));
        assert_eq!((state.binding, state.month_index), (paper.binding, paper.index));
        assert_eq!((state.peak, state.month_doubt != 0), (paper.peak, paper.doubtful_month));
        assert_eq!(state.energy.0, paper.register);
        assert_eq!(u128::from(state.running.total().0), paper.total());
        assert_eq!((state.tables.active(), state.tables.standby()), (&paper.tariff, paper.waiting.as_ref()));
        assert_eq!(i128::from(state.balance.0), paper.balance);
        // The card is shown the month that runs without its fees, and all closed ones.
        let present = state.month();
        let (slab, re_rated) = paper.slab();
        assert_eq!((present.index, present.slab, present.fees()), (paper.index, slab, Balance(0)));
        assert_eq!(present.flags & 2 != 0, re_rated);
        assert_eq!(i128::from(present.energy_charge.0), paper.charged);
        assert_eq!(months, paper.closed[paper.closed.len().saturating_sub(36)..]);
        // Where all money of the binding has gone.
        assert_eq!(self.deducted, paper.energy);
        assert_eq!(i128::from(state.debts.paid.0), paper.instalments);
        let certified = i128::from(state.applied_credit.0) - i128::from(state.applied_debited.0);
        assert_eq!(certified, paper.certified);
        assert_eq!(certified, paper.balance + paper.energy + paper.fees + paper.instalments);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_meter_takes_what_paper_says(
        first in prop_oneof![any_tariff(1..=6, 300_000), Just(EGYPT_2024_08)],
        since in 0..5 * 365 * DAY,
        (known, bound) in (any::<bool>(), prop::bool::weighted(0.9)),
        steps in prop::collection::vec(any_step(), 1..50),
    ) {
        let mut bench = Bench::new(first, i64::from(NOW.0) + since, known);
        if bound {
            bench.step(Step::Bind { credit: 1_000_000, ahead: -DAY });
        }
        for step in steps {
            bench.step(step);
            bench.compare();
        }
        // The month ends, and the binding does.
        bench.step(Step::Pass(Pass::ToEnd(0)));
        bench.compare();
        bench.step(Step::Bind { credit: 0, ahead: 0 });
        bench.compare();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// More tariffs in one month than it has room for: the fifth waits for its end.
    #[test]
    fn a_month_of_many_tariffs_is_what_paper_says(
        steps in prop::collection::vec(prop_oneof![
            4 => (any_tables(), any_start(), Just(true))
                .prop_map(|(tariff, start, newer)| Step::Tariff { tariff, start, newer }),
            3 => (1..=8_u32).prop_map(|kwh| Step::Consume(kwh * 100)),
            2 => (0..=30_000_u32).prop_map(Step::Consume),
            2 => (1..=30_u32).prop_map(Step::Trickle),
            2 => (0..=DAY).prop_map(|seconds| Step::Pass(Pass::Seconds(seconds))),
            1 => any::<bool>().prop_map(|saved| Step::Restart { saved }),
        ], 8..40),
    ) {
        let mut bench = Bench::new(EGYPT_2024_08, begins(77, true), true);
        bench.step(Step::Bind { credit: 1_000_000, ahead: 0 });
        for step in steps {
            bench.step(step);
            bench.compare();
        }
        bench.step(Step::Pass(Pass::ToEnd(0)));
        bench.compare();
    }
}

// ---- the published bills

/// Energy in kWh, energy charge in piastres and service fee in EGP of the published residential tariff; the cleaning fee of 20 EGP
/// comes on top.
const PUBLISHED: [(u32, u64, u32); 10] = [
    (0, 0, 9),
    (50, 3_400, 1),
    (100, 7_300, 2),
    (101, 9_595, 6),
    (200, 19_000, 6),
    (350, 42_250, 11),
    (650, 100_750, 15),
    (651, 136_710, 25),
    (1000, 210_000, 25),
    (1001, 223_223, 40),
];
const CLEANING: u32 = 20;
/// 10 Wh in a kWh.
const KWH: u32 = 100;
const CREDIT: u64 = 1_000_000;

/// August 2026 ends in summer, November 2026 in winter, and October has both.
const MONTHS: [u16; 3] = [79, 81, 82];

/// A meter with a binding and credit, in the first second of a month that it will see to its end.
fn at_the_beginning_of(tariff: Tariff, index: u16) -> (Chip, Meter<Chip>) {
    let chip = Chip::new();
    let first = begins(index, true) as u32;
    let fresh = MeterState::new(tariff, Energy(0), CardTime(first - 60));
    let mut meter = Meter::install(chip.clone(), identity(), meter_keys(), &fresh).unwrap();
    let credit = certificate(1, CREDIT, 0);
    meter.take_certificate(shows(CardTime(first - 60)), &credit, Some(&binding_certificate(1))).unwrap();
    meter.tick(shows(CardTime(first))).unwrap();
    assert_eq!((meter.state().month_index, meter.state().running.total()), (index, Energy(0)));
    // The minute before was free: a partial month without consumption.
    assert_eq!(meter.state().balance, Balance(CREDIT as i64));
    (chip, meter)
}

/// Closes the month by local time: not a second before midnight.
fn close(meter: &mut Meter<Chip>, index: u16, kwh: u32, charge: u64, fees: i32) {
    let case = format!("{kwh} kWh in month {index}");
    let (now, end) = (meter.state().clock.time.0, begins(index + 1, true) as u32);
    let left = CREDIT as i64 - charge as i64;
    // By steps that the clock is believed.
    for time in (now..end - 1).step_by(20 * DAY as usize).chain([end - 1]) {
        meter.tick(shows(CardTime(time))).unwrap();
    }
    assert_eq!((meter.state().month_index, meter.state().balance), (index, Balance(left)), "{case}");
    meter.tick(shows(CardTime(end))).unwrap();
    let [month, more]: [Option<Month>; 2] = meter.months(index).unwrap();
    let month = month.unwrap();
    assert_eq!((month.index, month.energy, more), (index, Energy(kwh * KWH), None), "{case}");
    assert_eq!((month.energy_charge, month.fees()), (Piastres(charge), Balance(fees.into())), "{case}");
    assert_eq!(meter.state().balance, Balance(left - i64::from(fees)), "{case}");
    assert_eq!(meter.state().running.total(), Energy(0), "{case}");
}

#[test]
fn published_bills_of_a_month_in_one_gulp() {
    for index in MONTHS {
        for (kwh, charge, fee) in PUBLISHED {
            let (_, mut meter) = at_the_beginning_of(EGYPT_2024_08, index);
            meter.consume(shows(CardTime(begins(index, true) as u32)), Energy(kwh * KWH)).unwrap();
            close(&mut meter, index, kwh, charge, (fee + CLEANING) as i32 * 100);
        }
    }
}

/// One month of 1001 kWh, in pulses of this size: at each published amount a copy of the meter has its month closed there.
fn published_bills_in_pulses(pulse: u32) {
    let index = MONTHS[0];
    let (chip, mut meter) = at_the_beginning_of(EGYPT_2024_08, index);
    let time = CardTime(begins(index, true) as u32);
    let mut taken = 0;
    for (kwh, charge, fee) in PUBLISHED {
        while meter.state().running.total() < Energy(kwh * KWH) {
            taken += meter.consume(shows(time), Energy(pulse)).unwrap().unwrap().total().0;
        }
        assert_eq!(taken, charge as i64, "{kwh} kWh");
        meter.save().unwrap();
        let copy = Chip::new();
        copy.restore(chip.snapshot());
        close(&mut Meter::power_up(copy).unwrap(), index, kwh, charge, (fee + CLEANING) as i32 * 100);
    }
}

#[test]
fn published_bills_of_a_month_in_pulses_of_10_wh() {
    published_bills_in_pulses(1);
}

#[test]
fn published_bills_of_a_month_in_pulses_of_1_kwh() {
    published_bills_in_pulses(KWH);
}

#[test]
fn published_bills_of_coded_meters_are_flat_and_without_fees() {
    let index = MONTHS[0];
    for (kwh, _, _) in PUBLISHED {
        for pulse in [KWH, kwh.max(1) * KWH] {
            let (_, mut meter) = at_the_beginning_of(EGYPT_2024_08_CODED, index);
            for _ in 0..kwh * KWH / pulse {
                meter.consume(shows(CardTime(begins(index, true) as u32)), Energy(pulse)).unwrap();
            }
            close(&mut meter, index, kwh, u64::from(kwh) * 223, 0);
        }
    }
}

#[test]
fn months_on_paper_begin_at_midnight_in_cairo() {
    for (index, utc) in [
        (0, 0),
        (79, 207_694_800), // 2026-08-01 at 00:00+03:00
        (80, 210_373_200), // 2026-09-01 at 00:00+03:00
        (82, 215_647_200), // 2026-11-01 at 00:00+02:00
        (83, 218_239_200), // 2026-12-01 at 00:00+02:00
        (98, 257_637_600), // 2028-03-01 at 00:00+02:00
    ] {
        assert_eq!(begins(index, true), utc, "{index}");
    }
}
