//! A meter against the plain model, and against what it was before.

use std::collections::BTreeMap;

use card_core::message::{Event, Month, Slot};
use card_core::meter::events::Class;
use card_core::meter::{History, Meter, MeterState};
use card_core::units::Energy;

use super::board::Board;
use super::model::{Closed, Model};
use super::price;

/// What differs. Time and register are left to the caller where it allows for a cut.
pub fn differences(model: &Model, state: &MeterState, after_cut: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: &str, model: i128, meter: i128| {
        if model != meter {
            found.push(format!("{what}: plain {model}, meter {meter}"));
        }
    };
    if !after_cut {
        same("time", model.clock.time.into(), state.clock.time.0.into());
        same("register", model.register.into(), state.energy.0.into());
    }
    same("balance", model.balance(), state.balance.0.into());
    same("floor", model.clock.floor.into(), state.clock.floor.0.into());
    same("offset", model.clock.offset.into(), state.clock.offset.into());
    same("doubts of the clock", model.clock.doubt.into(), state.clock.doubt.into());
    same("month", model.month.into(), state.month_index.into());
    same("energy of the month", price::total(&model.parts).into(), state.running.total().0.into());
    same("partial month", model.partial.into(), state.running.is_partial().into());
    same("peak", model.peak.into(), state.peak.into());
    same("doubtful month", model.doubtful_month.into(), (state.month_doubt != 0).into());
    same("flags", model.flags.into(), state.flags.0.into());
    same("reasons of the cut", model.cut.into(), state.supply.cut.into());
    same("tampering", model.tampering.into(), state.supply.tampering.into());
    same("loan", model.loan_until.into(), state.supply.loan_until.0.into());
    same("balance of the loan", model.loan_from, state.supply.loan_from.0.into());
    let asked = state.supply.asked.map(|asked| (asked.card, asked.at.0));
    same("who asked for a loan", 1, i128::from(model.asked == asked));
    same("overloads", model.overloads.into(), state.supply.overloads.into());
    let contract = &model.contract;
    same("binding", contract.number.into(), state.binding.into());
    same("report", contract.report.into(), state.report_number.into());
    same("applied credit", contract.credit, state.applied_credit.0.into());
    same("applied debited", contract.debited, state.applied_debited.0.into());
    same("sequence", contract.sequence.into(), state.sequence.into());
    same("generation", contract.generation.into(), state.generation.into());
    same("instalments", contract.instalments, state.debts.paid.0.into());
    for (index, (debt, taken)) in contract.inbox.debts.iter().enumerate() {
        same("debt", debt.id.into(), state.debts.plan.debts().get(index).map_or(0, |debt| debt.id).into());
        same("instalments of a debt", (*taken).into(), state.debts.taken[index].into());
    }
    same("debts", contract.inbox.debts.len() as i128, state.debts.plan.debts().len() as i128);
    let versions = Slot::ALL.iter().zip(contract.inbox.versions);
    for (slot, version) in versions {
        same(&format!("mail {:02X}", slot.number()), version.into(), state.inbox.version(*slot).into());
    }
    same("newest command", contract.inbox.newest().into(), state.inbox.executed.newest().into());
    same("audit records", contract.inbox.audits.len() as i128, state.inbox.audit_count.into());
    let kept = contract
        .inbox
        .audits
        .iter()
        .rev()
        .zip(state.inbox.audits.records().collect::<Vec<_>>().iter().rev())
        .filter(|(plain, meter)| plain != *meter)
        .count();
    same("wrong audit records", 0, kept as i128);
    same("readings", contract.inbox.readings.into(), state.inbox.readings.into());
    same("notices", 1, i128::from(contract.inbox.notices == state.inbox.notices));
    same("tariff", model.tariff.version.into(), state.tables.active().version().into());
    let waiting = model.waiting.as_ref().map_or(0, |tariff| tariff.version);
    same("waiting tariff", waiting.into(), state.tables.standby().map_or(0, |next| next.version()).into());
    same("limits", 1, i128::from(model.limits == state.limits));
    same("calendar", 1, i128::from(model.local.calendar == state.calendar));
    let voucher = state.voucher.map(|voucher| voucher.certificate.sequence);
    same("voucher", model.voucher.map_or(-1, i128::from), voucher.map_or(-1, i128::from));
    let report =
        model.last_final.as_ref().map(|report| (report.contract.number, report.balance, report.report));
    let kept = state.final_report.as_ref().map(|last| &last.receipt);
    let kept = kept.map(|report| (report.binding.number, i128::from(report.balance.0), report.number));
    if report != kept {
        found.push(format!("final report: plain {report:?}, meter {kept:?}"));
    }
    found
}

/// A closed month as records say it.
pub fn month(closed: &Closed) -> Month {
    let total = price::total(&closed.parts);
    let (tariff, _) = closed.parts.last().expect("a tariff is in force");
    let lines = price::fee_lines(&closed.parts, closed.flags & 1 != 0, closed.index);
    let of = |wanted: &dyn Fn(u8) -> bool| {
        lines.iter().filter(|(code, _)| wanted(*code)).map(|(_, amount)| amount).sum::<i128>() as i32
    };
    Month {
        index: closed.index,
        flags: closed.flags,
        slab: tariff.reached(total) as u8 + 1,
        energy: Energy(total),
        energy_charge: card_core::units::Piastres(closed.charge as u64),
        re_rating: 0,
        service_fee: of(&|code| code == 0) as u32,
        levies: of(&|code| (1..=5).contains(&code)),
        others: of(&|code| code > 5),
        instalments: 0,
        doubt_cost: 0,
        tariff: tariff.version,
        peak: closed.peak,
    }
}

/// A record but for what depends on the pulses and the debt plan, which the model does not follow.
pub fn priced_afresh(month: Month) -> Month {
    Month { re_rating: 0, instalments: 0, doubt_cost: 0, ..month }
}

/// All closed months that the meter keeps are those of the plain model.
pub fn months(model: &Model, meter: &mut Meter<Board>) {
    let kept = meter.months::<{ History::MONTHS as usize }>(0).expect("the months");
    let kept: Vec<_> = kept.into_iter().flatten().map(priced_afresh).collect();
    let places = model.month.saturating_sub(History::MONTHS)..model.month;
    // The last one that was written to its place, if it is of this round.
    let last = |index: u16| {
        // One place more than are kept: the next one is written while all of those count.
        let of_place =
            |closed: &&Closed| closed.index % (History::MONTHS + 1) == index % (History::MONTHS + 1);
        model.contract.months.iter().rev().find(of_place).filter(|closed| closed.index == index)
    };
    let plain: Vec<_> = places.filter_map(last).map(month).collect();
    assert_eq!(kept, plain, "closed months");
}

/// All events that the meter keeps: as many as it keeps of each class, and of the newest ones none is missing.
pub fn events(meter: &mut Meter<Board>) -> Vec<Event> {
    let kept = meter.events::<{ History::EVENTS as usize }>(0).expect("the events");
    let kept: Vec<_> = kept.into_iter().flatten().collect();
    let last = meter.state().history.last_event();
    assert!(kept.is_sorted_by(|one, next| one.number < next.number), "events in the order of their numbers");
    for class in Class::ALL {
        let number = kept.iter().filter(|event| Class::of(event.code) == class).count();
        assert!(number <= class.kept().into(), "{number} events of {class:?}");
    }
    let least = Class::ALL.map(Class::kept).into_iter().min().map_or(0, u32::from);
    let newest = last.saturating_sub(least)..last;
    let numbers: Vec<_> = kept.iter().map(|event| event.number - 1).collect();
    assert!(numbers.ends_with(&newest.collect::<Vec<_>>()), "the newest events, up to {last}");
    kept
}

/// Place of the month that runs among the counters.
const MONTH: usize = 5;

/// The highest that was seen, and that must never fall, in a binding.
#[derive(Debug, Clone, Default)]
pub struct Watermarks {
    binding: u32,
    counters: [u64; 9],
    set_back: u32,
    versions: [u32; 16],
    months: BTreeMap<u16, Month>,
}

impl Watermarks {
    /// `set_back`: how often a command took the month back.
    pub fn check(&mut self, state: &MeterState, written_register: u32, set_back: u32) {
        assert!(state.binding >= self.binding, "the binding falls");
        if state.binding > self.binding {
            *self = Self { binding: state.binding, ..Self::default() };
        }
        if set_back != self.set_back {
            self.set_back = set_back;
            self.counters[MONTH] = 0;
            self.months.clear();
        }
        let counters = [
            state.applied_credit.0,
            state.applied_debited.0,
            state.sequence.into(),
            state.generation.into(),
            state.report_number.into(),
            state.month_index.into(),
            state.history.last_event().into(),
            state.refused_cards.into(),
            written_register.into(),
        ];
        for (index, (high, now)) in self.counters.iter_mut().zip(counters).enumerate() {
            assert!(now >= *high, "counter {index} falls from {high} to {now}");
            *high = now;
        }
        for (high, slot) in self.versions.iter_mut().zip(Slot::ALL) {
            let now = match slot.number() {
                0x11 => state.inbox.readings,
                0x13 => state.inbox.audit_count,
                _ => state.inbox.version(slot),
            };
            assert!(now >= *high, "the version of slot {:02X} falls", slot.number());
            *high = now;
        }
        assert!(state.clock.time >= state.clock.floor, "time is below the floor");
    }

    /// Closed months never change.
    pub fn months(&mut self, meter: &mut Meter<Board>) {
        let kept = meter.months::<{ History::MONTHS as usize }>(0).expect("the months");
        for month in kept.into_iter().flatten() {
            let before = self.months.insert(month.index, month);
            assert!(before.is_none_or(|before| before == month), "a closed month changed");
        }
    }
}
