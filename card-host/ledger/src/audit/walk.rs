//! The way of an audit through the whole ledger.

use card_core::id::Scope;
use card_core::units::CardTime;
use std::collections::{BTreeMap, HashMap, VecDeque};

use super::expected::{Expected, RowFault, Seen};
use super::kinds::misfit;
use super::sums::Sums;
use super::{AuditFinding, AuditPublicKey, AuditReport, LostBranch, Progress, RestoreMark};
use crate::accounts::LedgerAccount;
use crate::clock::proposed;
use crate::entry::{Entry, EntryId, Hash, Kind, RequestKey};
use crate::error::LedgerError;
use crate::names::{OFFICE, PointCode};
use crate::records::{BindingRecord, Customer, Point, Reading, SignedHead, Status, StepDone};
use crate::restore::epoch_of;
use crate::store::{Table, Transaction};

/// What is gone through row by row.
const TABLES: [Table; 13] = [
    Table::Entry,
    Table::Transfer,
    Table::Request,
    Table::Waiting,
    Table::Party,
    Table::Token,
    Table::Staff,
    Table::Person,
    Table::Link,
    Table::Card,
    Table::Customer,
    Table::Mail,
    Table::Reading,
];

/// Entries, bindings and points of one page.
const PAGE: u32 = 500;

/// A signed head that does not agree, until all restores are known.
struct Unresolved {
    head: SignedHead,
    /// What it is where no restore explains it.
    otherwise: AuditFinding,
    /// The first entry of the chain.
    first: Option<(EntryId, CardTime)>,
}

pub(super) struct Walk<'a> {
    scope: Scope,
    key: &'a AuditPublicKey,
    /// The auditor's heads by vending point, in the order of their numbers.
    heads: BTreeMap<PointCode, Vec<SignedHead>>,
    sums: Sums,
    expected: Expected,
    unresolved: Vec<Unresolved>,
    marks: BTreeMap<PointCode, Vec<RestoreMark>>,
    /// Where the company was asked for something that takes two people.
    asked: HashMap<RequestKey, EntryId>,
    report: AuditReport,
}

/// How far a chain has been walked.
struct Chain {
    expected: u64,
    hash: Hash,
    time: CardTime,
    first: Option<(EntryId, CardTime)>,
    heads: VecDeque<SignedHead>,
    /// What was proposed about its time, and by whom.
    proposed: BTreeMap<RequestKey, String>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(scope: Scope, key: &'a AuditPublicKey, given: &[SignedHead]) -> Self {
        let mut heads: BTreeMap<PointCode, Vec<SignedHead>> = BTreeMap::new();
        for head in given {
            heads.entry(head.id.point.clone()).or_default().push(head.clone());
        }
        let report = AuditReport {
            points: 0,
            entries: 0,
            bindings: 0,
            heads: 0,
            restores: Vec::new(),
            lost: Vec::new(),
            findings: Vec::new(),
            more: 0,
            balance: super::TrialBalance::default(),
            money: super::MoneyIdentity::default(),
        };
        let (sums, expected, unresolved, marks) =
            (Sums::default(), Expected::default(), Vec::new(), BTreeMap::new());
        Self { scope, key, heads, sums, expected, unresolved, marks, asked: HashMap::new(), report }
    }

    pub(super) fn run(
        mut self,
        t: &mut dyn Transaction,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<AuditReport, LedgerError> {
        // The company's own chain says in which order settings were entered, and what vending points there are.
        let office = t.point(&OFFICE.parse()?)?;
        let (mut there, mut after): (Vec<PointCode>, Option<PointCode>) = (Vec::new(), None);
        if let Some(office) = &office {
            self.chain(t, office, progress)?;
        }
        loop {
            let page = t.points(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.code.clone());
            for point in &page {
                if office.as_ref().is_none_or(|office| office.code != point.code) {
                    self.chain(t, point, progress)?;
                }
                self.cash(t, point)?;
                if let Some(what) = self.expected.point(point) {
                    self.row(format!("vending point {}: {what}", point.code), RowFault::Changed);
                }
                there.push(point.code.clone());
                self.report.points = self.report.points.saturating_add(1);
            }
        }
        for code in self.expected.points_without(&there) {
            self.row(format!("vending point {code}"), RowFault::Missing);
        }
        self.expected.finish();
        for (entry, kind, what) in self.expected.alone() {
            self.find(AuditFinding::Misfit { entry, kind, what });
        }
        // Vending points that only the auditor knows any more.
        for head in std::mem::take(&mut self.heads).into_values().flatten() {
            if let Some(head) = self.signed(head) {
                let otherwise = AuditFinding::Truncated { head: head.id.clone(), last: 0 };
                self.unresolved.push(Unresolved { head, otherwise, first: None });
            }
        }
        self.restores(t)?;
        self.bindings(t, progress)?;
        self.rows(t, &there)?;
        self.customers(t)?;
        self.report.balance = self.sums.trial_balance();
        self.report.money = self.sums.money();
        let (received, accounted) = (self.report.money.received, self.report.money.accounted());
        if received != accounted {
            self.find(AuditFinding::Identity { received, accounted });
        }
        Ok(self.report)
    }

    fn row(&mut self, what: String, fault: RowFault) {
        self.find(AuditFinding::Row { what, fault });
    }

    /// All other rows, each against what the entries say.
    fn rows(&mut self, t: &mut dyn Transaction, points: &[PointCode]) -> Result<(), LedgerError> {
        let (mut seen, mut found) = (Seen::default(), Vec::new());
        for table in TABLES {
            let (expected, debts) = (&mut self.expected, &self.sums.debts);
            t.rows(table, &mut |row| {
                found.extend(expected.row(&row, debts, &mut seen));
                Ok(())
            })?;
        }
        found.extend(self.expected.left());
        let unseen = self.sums.debts.keys().filter(|account| !seen.customers.contains(account));
        found.extend(unseen.map(|account| (format!("customer {account}"), RowFault::Missing)));
        for (what, fault) in found {
            self.row(what, fault);
        }
        let Expected { entries, transfers, requests, .. } = &self.expected;
        let sums = [
            ("months or lines of entries", *entries, seen.entries),
            ("months or lines of transfers", *transfers, seen.transfers),
            ("steps of requests", *requests, seen.requests),
        ];
        for (what, entries, row) in sums {
            self.compare(|| format!("number of {what}"), entries.count, row.count);
            if entries.count == row.count && entries != row {
                self.row(what.to_owned(), RowFault::Changed);
            }
        }
        if self.expected.requests != seen.requests {
            self.requests(t, points)?;
        }
        let policies = t.policies()?;
        if policies != self.expected.policies() {
            self.row("rules of selling".to_owned(), RowFault::Changed);
        }
        Ok(())
    }

    /// Which entries have no step of a request, or a step that names another one.
    fn requests(&mut self, t: &mut dyn Transaction, points: &[PointCode]) -> Result<(), LedgerError> {
        for point in points {
            let mut after = 0;
            loop {
                let page = t.chain(point, after, PAGE)?;
                let Some(last) = page.last() else { break };
                after = last.id.number;
                for entry in page {
                    let done = StepDone { step: entry.step, entry: entry.id };
                    if !t.steps(&entry.request)?.contains(&done) {
                        let (step, request) = (done.step.code(), entry.request);
                        let what = format!("step {step} of request {} of {}", request.id, request.party);
                        self.row(what, RowFault::Missing);
                    }
                }
            }
        }
        Ok(())
    }

    fn find(&mut self, finding: AuditFinding) {
        if self.report.findings.len() < AuditReport::MOST {
            self.report.findings.push(finding);
        } else {
            self.report.more = self.report.more.saturating_add(1);
        }
    }

    fn compare(&mut self, what: impl FnOnce() -> String, entries: impl Into<i128>, row: impl Into<i128>) {
        let (entries, row) = (entries.into(), row.into());
        if entries != row {
            self.find(AuditFinding::Differs { what: what(), entries, row });
        }
    }

    /// A head whose signature is right.
    fn signed(&mut self, head: SignedHead) -> Option<SignedHead> {
        let right = self.key.signed_head(self.scope, &head);
        if !right {
            self.find(AuditFinding::BadSignature(head.id.clone()));
        }
        right.then_some(head)
    }

    /// All signed heads of a vending point, the auditor's and the ledger's, in the order of their numbers.
    fn heads_of(
        &mut self,
        t: &mut dyn Transaction,
        point: &PointCode,
    ) -> Result<VecDeque<SignedHead>, LedgerError> {
        let mut heads = self.heads.remove(point).unwrap_or_default();
        let mut most = u64::MAX;
        while let Some(head) = t.signed_head(point, most)? {
            let number = head.id.number;
            if !heads.contains(&head) {
                heads.push(head);
            }
            let Some(next) = number.checked_sub(1) else { break };
            most = next;
        }
        heads.sort_by_key(|head| (head.id.number, head.time));
        Ok(heads.into_iter().filter_map(|head| self.signed(head)).collect())
    }

    fn chain(
        &mut self,
        t: &mut dyn Transaction,
        point: &Point,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), LedgerError> {
        let heads = self.heads_of(t, &point.code)?;
        let (time, proposed) = (CardTime::UNSET, BTreeMap::new());
        let mut chain = Chain { expected: 1, hash: [0; 32], time, first: None, heads, proposed };
        loop {
            let page = t.chain(&point.code, chain.expected.saturating_sub(1), PAGE)?;
            if page.is_empty() {
                break;
            }
            for entry in &page {
                self.entry(&mut chain, entry);
            }
            progress(Progress { what: "entries", done: self.report.entries });
        }
        let last = chain.expected.saturating_sub(1);
        if last != point.number || chain.hash != point.head {
            let (point, expected) = (point.code.clone(), point.number);
            self.find(AuditFinding::PointHead { point, last, expected });
        }
        self.compare(|| format!("time of {}", point.code), chain.time.0, point.time.0);
        for head in chain.heads {
            let otherwise = AuditFinding::Truncated { head: head.id.clone(), last };
            self.unresolved.push(Unresolved { head, otherwise, first: chain.first.clone() });
        }
        Ok(())
    }

    fn entry(&mut self, chain: &mut Chain, entry: &Entry) {
        let id = &entry.id;
        if id.number != chain.expected {
            self.find(AuditFinding::Missing(EntryId { point: id.point.clone(), number: chain.expected }));
        } else if entry.previous != chain.hash {
            self.find(AuditFinding::Unchained(id.clone()));
        }
        if entry.hashed() != entry.hash {
            self.find(AuditFinding::Changed(id.clone()));
        }
        if !time_follows(&mut chain.proposed, chain.time, entry) {
            self.find(AuditFinding::TimeWentBack(id.clone()));
        }
        if let Some(what) = misfit(entry) {
            self.find(AuditFinding::Misfit { entry: id.clone(), kind: entry.kind, what });
        }
        if entry.kind == Kind::Propose && entry.id.point.as_str() == OFFICE {
            self.asked.insert(entry.request.clone(), id.clone());
        }
        if entry.kind == Kind::Restore {
            // The branches part where it was asked for: what came after is of the new one.
            let entry_id = self.asked.get(&entry.request).unwrap_or(id).clone();
            let (time, reason) = (entry.time, entry.reason.clone());
            let mark = RestoreMark { entry: entry_id, epoch: epoch_of(entry), time, reason };
            self.marks.entry(id.point.clone()).or_default().push(mark);
        }
        chain.first.get_or_insert_with(|| (id.clone(), entry.time));
        while chain.heads.front().is_some_and(|head| head.id.number <= id.number) {
            let Some(head) = chain.heads.pop_front() else { break };
            if head.id.number == id.number && head.head == entry.hash {
                self.report.heads = self.report.heads.saturating_add(1);
            } else {
                let otherwise = AuditFinding::Rewritten(head.id.clone());
                self.unresolved.push(Unresolved { head, otherwise, first: chain.first.clone() });
            }
        }
        self.sums.add(entry);
        let declared = self.marks.get(&id.point).and_then(|marks| marks.last());
        let restores = declared.map_or_else(|| self.expected.restores_before(&id.point), |mark| mark.epoch);
        self.expected.add(entry, restores);
        self.report.entries = self.report.entries.saturating_add(1);
        (chain.hash, chain.time) = (entry.hash, entry.time);
        chain.expected = id.number.saturating_add(1);
    }

    /// Heads that do not agree, now that all restores are known: lost with what came after the copy, or cut off, or rewritten.
    fn restores(&mut self, t: &mut dyn Transaction) -> Result<(), LedgerError> {
        let office = OFFICE.parse::<PointCode>()?;
        let all = self.marks.get(&office).cloned().unwrap_or_default();
        for Unresolved { head, otherwise, first } in std::mem::take(&mut self.unresolved) {
            match self.lost_in(&all, &head, first.as_ref()) {
                Some(restore) => {
                    self.report.lost.push(LostBranch { head: head.id, signed: head.time, restore });
                }
                None => self.find(otherwise),
            }
        }
        let epoch = all.iter().map(|mark| mark.epoch).max().unwrap_or(0);
        let stored = t.epoch()?;
        self.compare(|| "restores".to_owned(), epoch, stored);
        self.report.restores = all;
        Ok(())
    }

    /// The restore in which the branch of a head was lost: it was signed before the restore, and its entry stood after the end of the copy.
    fn lost_in(
        &self,
        all: &[RestoreMark],
        head: &SignedHead,
        first: Option<&(EntryId, CardTime)>,
    ) -> Option<EntryId> {
        let own = self.marks.get(&head.id.point).into_iter().flatten();
        let own = own.filter(|mark| mark.time > head.time && mark.entry.number <= head.id.number);
        if let Some(mark) = own.min_by_key(|mark| mark.entry.number) {
            return Some(mark.entry.clone());
        }
        // A vending point that the copy did not have at all: it is gone, or was entered again later.
        let later = all.iter().find(|mark| mark.time > head.time)?;
        first.is_none_or(|(_, time)| *time >= later.time).then(|| later.entry.clone())
    }

    fn cash(&mut self, t: &mut dyn Transaction, point: &Point) -> Result<(), LedgerError> {
        let code = &point.code;
        let cash = self.sums.received(&LedgerAccount::Cash(code.clone()));
        self.compare(|| format!("cash of {code}"), cash, point.cash.0);
        let (mut waiting, mut after) = (0_i128, None);
        loop {
            let page = t.waiting(Some(code), after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.request.clone());
            for first in page.iter().filter(|first| first.kind == Kind::Reserve) {
                let paid =
                    t.steps(&first.request)?.iter().any(|done| done.step == super::super::Step::Decision);
                if paid {
                    waiting = waiting.saturating_add(first.amount.0.into());
                }
            }
        }
        let paid = self.sums.received(&LedgerAccount::Paid(code.clone())).saturating_neg();
        self.compare(|| format!("paid at {code} and not certified"), paid, waiting);
        Ok(())
    }

    fn bindings(
        &mut self,
        t: &mut dyn Transaction,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(), LedgerError> {
        let mut after = None;
        loop {
            let page = t.bindings(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.binding());
            self.moves(t, &page)?;
            for record in &page {
                let (binding, held) = (record.binding(), &record.held);
                let of = self.sums.bindings.remove(&binding).unwrap_or_default();
                let name = |what: &str| format!("{what} of binding {:X}/{}", binding.meter, binding.number);
                let left = i128::from(held.total_credit.0) - i128::from(held.total_debited.0);
                let left = if record.status == Status::Closed { 0 } else { left };
                self.compare(|| name("certified credit"), of.credit, left);
                self.compare(|| name("sequence"), of.sequence, held.sequence);
                self.compare(|| name("total credit"), of.total_credit.0, held.total_credit.0);
                self.compare(|| name("total debited"), of.total_debited.0, held.total_debited.0);
                if let Some(what) = self.expected.binding(record) {
                    self.row(name(what), RowFault::Changed);
                }
                self.report.bindings = self.report.bindings.saturating_add(1);
            }
            progress(Progress { what: "bindings", done: self.report.bindings });
        }
        for (binding, of) in std::mem::take(&mut self.sums.bindings) {
            let what = format!("binding {:X}/{} has no row: its sequence", binding.meter, binding.number);
            self.find(AuditFinding::Differs { what, entries: of.sequence.into(), row: 0 });
        }
        Ok(())
    }

    /// What was moved by a final report against what the reports of the meter say was used.
    fn moves(&mut self, t: &mut dyn Transaction, page: &[BindingRecord]) -> Result<(), LedgerError> {
        let moved = |record: &BindingRecord| {
            let of = self.sums.bindings.get(&record.binding());
            of.map_or(0, |of| of.moved_by_report)
        };
        let closed: Vec<_> = page
            .iter()
            .filter(|record| moved(record) > 0)
            .map(|record| (record.clone(), moved(record)))
            .collect();
        for (record, moved) in closed {
            let from = record.binding();
            let used = t.readings(&[from], u32::MAX)?.iter().map(Reading::used).max().unwrap_or(0);
            let (moved, most) = (i128::from(moved), record.held.certified().saturating_sub(used.max(0)));
            if moved > most {
                self.find(AuditFinding::MovedAbove { from, moved, most });
            }
        }
        Ok(())
    }

    fn customers(&mut self, t: &mut dyn Transaction) -> Result<(), LedgerError> {
        let mut after = None;
        loop {
            let page = t.debtors(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.account);
            for Customer { account, debt, .. } in page {
                let entries = self.sums.debts.remove(&account).unwrap_or_default();
                self.compare(|| format!("debt of account {account}"), entries, debt.0);
            }
        }
        // The others owe nothing.
        for (account, debt) in std::mem::take(&mut self.sums.debts) {
            self.compare(|| format!("debt of account {account}"), debt, 0);
        }
        let moves = self.sums.received(&LedgerAccount::Moves);
        self.compare(|| "money between bindings".to_owned(), moves, 0);
        Ok(())
    }
}

/// Whether an entry is not older than the one before it, or two people have said that its time is right.
fn time_follows(proposals: &mut BTreeMap<RequestKey, String>, last: CardTime, entry: &Entry) -> bool {
    if proposed(entry).is_some() {
        proposals.insert(entry.request.clone(), entry.actor.clone());
    }
    match entry.kind {
        Kind::Clock => {
            proposals.get(&entry.request).is_some_and(|first| !crate::same_person(first, &entry.actor))
        }
        _ => entry.time >= last,
    }
}
