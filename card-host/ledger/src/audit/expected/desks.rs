//! What desks must have asked for, by the rules that held: documents, and fees.

use card_core::id::CardId;
use card_core::units::CardTime;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap, HashSet};

use crate::clock::APART;
use crate::entry::{Entry, EntryId, Kind, RequestKey, Step};
use crate::names::RequestId;
use crate::papers::taken;
use crate::policy::{CardPolicy, CardStep, FeePaid, Papers, Policy, StepRules};
use crate::records::{PersonRecord, PolicyRecord};

#[derive(Debug, Default)]
pub(super) struct Desks {
    /// What is asked for at desks, by version of the rules, and from when on.
    rules: Vec<(u32, CardTime, Option<CardPolicy>)>,
    /// Steps that had to have papers or a fee, by the request of these.
    due: HashMap<RequestKey, (EntryId, Kind, CardStep)>,
    /// Papers and fees that there are.
    seen: HashMap<RequestKey, (CardStep, u64)>,
    /// Fees that were given back.
    back: HashSet<RequestKey>,
    pub(super) persons: BTreeSet<PersonRecord>,
    wrong: Vec<(EntryId, Kind, String)>,
}

impl Desks {
    /// Rules that were entered.
    pub(super) fn learn(&mut self, policies: &[PolicyRecord]) {
        for record in policies.iter().skip(self.rules.len()) {
            let cards = Policy::from_json(&record.rules).ok().and_then(|rules| rules.cards);
            self.rules.push((record.version, record.from, cards));
        }
    }

    /// Goes on by an entry; `known` is whether its card was known before it.
    pub(super) fn add(&mut self, entry: &Entry, known: impl Fn(&CardId) -> bool) {
        if self.rules.iter().all(|(.., cards)| cards.is_none()) {
            return;
        }
        match entry.kind {
            Kind::Papers => self.papers(entry),
            Kind::Fee => self.fee(entry),
            Kind::FeeBack => {
                self.back.insert(entry.request.clone());
            }
            _ => {
                if let Some(step) = step_of(entry, known) {
                    self.step(entry, step);
                }
            }
        }
    }

    /// What is not as it has to be, once all entries have been read.
    pub(super) fn wrong(&mut self) -> Vec<(EntryId, Kind, String)> {
        let mut wrong = std::mem::take(&mut self.wrong);
        for (request, (entry, kind, step)) in std::mem::take(&mut self.due) {
            if !self.seen.contains_key(&request) {
                let what = format!("{step} without {}, which the rules ask for", request.id);
                wrong.push((entry, kind, what));
            }
        }
        wrong.sort();
        wrong
    }

    fn papers(&mut self, entry: &Entry) {
        let Some(papers) = Papers::parse(&entry.payload) else {
            return self.fault(entry, "papers that cannot be read");
        };
        if let Some(person) = papers.person() {
            self.persons.insert(PersonRecord { person, account: entry.account });
        }
        self.seen.insert(entry.request.clone(), (papers.step, entry.account));
        let held = self.of_version(entry.policy, papers.step);
        let whole = held.is_some_and(|rules| {
            papers.policy == entry.policy
                && rules.documents.iter().all(|document| papers.has(*document))
                && (rules.persons < 2 || entry.step == Step::Settled)
        });
        if !whole {
            self.fault(entry, "papers that are not those which the rules ask for");
        }
    }

    fn fee(&mut self, entry: &Entry) {
        let Some(fee) = taken(entry) else { return self.fault(entry, "a fee that cannot be read") };
        self.seen.insert(entry.request.clone(), (fee.step, entry.account));
        let held = self.of_version(entry.policy, fee.step).and_then(|rules| rules.fee.as_ref());
        if held.is_none_or(|held| (held.amount, held.paid) != (fee.amount.0, fee.paid)) {
            let paid = if fee.paid == FeePaid::Debt { "owed" } else { "in cash" };
            let what = format!("a fee of {} EGP {paid}, which the rules do not ask for", fee.amount);
            self.fault(entry, &what);
        }
    }

    fn step(&mut self, entry: &Entry, step: CardStep) {
        // Rules that began within the time that clocks are apart may have held already, or not yet.
        let early = CardTime(entry.time.0.saturating_sub(APART));
        let late = CardTime(entry.time.0.saturating_add(APART));
        let times = [early, entry.time, late];
        let held: Vec<_> = times.iter().map(|time| self.at(*time, step)).collect();
        let all = |is: fn(&StepRules) -> bool| held.iter().all(|rules| rules.is_some_and(is));
        let beside = |what| {
            let id: Result<RequestId, _> = entry.request.id.beside(what);
            id.map(|id| RequestKey { party: entry.request.party.clone(), id })
        };
        let mut due = Vec::new();
        if all(StepRules::has_papers) {
            due.extend(beside("papers"));
        }
        if all(|rules| rules.fee.is_some()) {
            due.extend(beside("fee"));
        }
        for request in due {
            self.due.insert(request, (entry.id.clone(), entry.kind, step));
        }
    }

    fn at(&self, time: CardTime, step: CardStep) -> Option<&StepRules> {
        let (.., cards) = self.rules.iter().rev().find(|(_, from, _)| *from <= time)?;
        cards.as_ref()?.of(step)
    }

    fn of_version(&self, version: u32, step: CardStep) -> Option<&StepRules> {
        let (.., cards) = self.rules.iter().find(|(held, ..)| *held == version)?;
        cards.as_ref()?.of(step)
    }

    fn fault(&mut self, entry: &Entry, what: &str) {
        self.wrong.push((entry.id.clone(), entry.kind, what.to_owned()));
    }
}

/// The step in the life of a card that an entry does.
fn step_of(entry: &Entry, known: impl Fn(&CardId) -> bool) -> Option<CardStep> {
    match entry.kind {
        Kind::Open => entry.card.filter(|card| !known(card)).map(|_| CardStep::Issue),
        Kind::Replace => Some(CardStep::replace(&entry.reason)),
        Kind::Block => {
            let document: Value = serde_json::from_slice(&entry.payload).ok()?;
            let blocked = document.get("blocked")?.as_bool()?;
            Some(CardStep::block(blocked, &entry.reason))
        }
        _ => None,
    }
}
