//! The way of a reconciliation through bindings, waiting requests and vending points.

use card_core::id::Binding;
use card_core::message::MeterFlags;
use card_core::units::{CardTime, Piastres};
use card_host::keystore::Memory;

use super::signed::{Signed, alarms};
use super::{Exception, ExceptionKind as About, ReconcileOptions, Reconciliation, Severity};
use crate::alerts::cost;
use crate::audit::Progress;
use crate::entry::{Entry, EntryId, Kind, Step};
use crate::error::LedgerError;
use crate::export::first_at;
use crate::policy::Policy;
use crate::proof::{began_anew, by_time, fell};
use crate::records::{BindingRecord, Point, Reading, Status};
use crate::store::{Transaction, with_readings};

/// Rows of one page, and readings of a binding that are looked at.
const PAGE: u32 = 500;
const READINGS: u32 = 64;
pub(super) const DAY: u32 = 86_400;

pub(super) struct Run<'a> {
    options: &'a ReconcileOptions,
    epoch: u32,
    out: Reconciliation,
}

/// An exception about a binding, to be completed.
pub(super) fn about(record: &BindingRecord, kind: About, severity: Severity, what: String) -> Exception {
    Exception {
        severity,
        kind,
        binding: Some(record.binding()),
        point: None,
        request: None,
        account: record.held.account,
        amount: 0,
        since: record.heard,
        what,
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(options: &'a ReconcileOptions) -> Self {
        Self { options, epoch: 0, out: Reconciliation::default() }
    }

    pub(super) fn run(
        mut self,
        t: &mut dyn Transaction,
        memory: Option<&dyn Memory>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reconciliation, LedgerError> {
        self.epoch = t.epoch()?;
        let mut signed = memory.map(Signed::of);
        let mut after = None;
        loop {
            let page = t.bindings(after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.binding());
            let bindings: Vec<_> = page.iter().map(BindingRecord::binding).collect();
            let readings = t.readings(&bindings, READINGS)?;
            let latest = t.latest(&bindings)?;
            let latest = with_readings(&page, &latest).map(|(_, latest)| latest.first());
            for ((record, readings), latest) in with_readings(&page, &readings).zip(latest) {
                if let Some(signed) = &mut signed {
                    signed.up_to(Some(record))?.into_iter().for_each(|exception| self.add(exception));
                }
                self.began_anew(record, readings, latest);
                self.binding(t, record, readings)?;
                self.out.bindings = self.out.bindings.saturating_add(1);
            }
            progress(Progress { what: "bindings", done: self.out.bindings });
        }
        if let Some(signed) = &mut signed {
            signed.up_to(None)?.into_iter().for_each(|exception| self.add(exception));
        }
        if let Some(memory) = memory {
            alarms(memory, self.options)?.into_iter().for_each(|exception| self.add(exception));
        }
        self.requests(t)?;
        super::given::recovered(t, self.options, &mut |exception| self.add(exception))?;
        let rules = t.policies()?;
        let rules = rules.iter().rev().find(|rules| rules.from <= self.options.now);
        let rules = rules.and_then(|rules| Policy::from_json(&rules.rules).ok()).unwrap_or_default();
        let mut after = None;
        loop {
            let page = t.points(after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.code.clone());
            for point in &page {
                self.point(t, point, &rules)?;
                self.out.points = self.out.points.saturating_add(1);
            }
            progress(Progress { what: "points", done: self.out.points });
        }
        self.shorten(self.options.most);
        Ok(self.out)
    }

    fn add(&mut self, exception: Exception) {
        let sums = self.out.summary.entry(exception.kind).or_default();
        sums.count = sums.count.saturating_add(1);
        sums.amount = sums.amount.saturating_add(exception.amount);
        self.out.exceptions.push(exception);
        // Kept in memory are at most twice as many as are listed.
        let most = self.options.most;
        if self.out.exceptions.len() > most.saturating_mul(2).max(most.saturating_add(1)) {
            self.shorten(most);
        }
    }

    /// The worst first: by severity, kind, and amount.
    fn shorten(&mut self, most: usize) {
        self.out.exceptions.sort_by(|one, other| {
            let key = |exception: &Exception| (exception.severity, exception.kind);
            let place = |exception: &'_ Exception| {
                (exception.binding, exception.point.clone(), exception.request.clone())
            };
            let amounts = other.amount.unsigned_abs().cmp(&one.amount.unsigned_abs());
            key(one).cmp(&key(other)).then(amounts).then_with(|| place(one).cmp(&place(other)))
        });
        self.out.exceptions.truncate(most);
    }

    /// Whether something is so many days ago; not what never was.
    fn older(&self, time: CardTime, days: u32) -> bool {
        self.options.now.0.saturating_sub(time.0) > days.saturating_mul(DAY)
    }

    fn binding(
        &mut self,
        t: &mut dyn Transaction,
        record: &BindingRecord,
        readings: &[Reading],
    ) -> Result<(), LedgerError> {
        self.above(record);
        self.readings(record, readings);
        if record.status == Status::Open {
            if record.epoch < self.epoch {
                let what = format!("has not been seen since restore {}", self.epoch);
                self.add(about(record, About::EvidenceNeeded, Severity::Warning, what));
            }
            self.silent(record);
            self.not_carried(t, record)?;
        } else {
            self.superseded(t, record, readings)?;
        }
        Ok(())
    }

    /// More in the field than was certified.
    fn above(&mut self, record: &BindingRecord) {
        let held = &record.held;
        // A ledger that was restored and has seen no evidence yet is behind the field by itself.
        let severity = if record.epoch < self.epoch { Severity::Warning } else { Severity::Alarm };
        let totals = [
            ("credit", held.applied_credit, held.total_credit),
            ("debits", held.applied_debited, held.total_debited),
        ];
        for (name, applied, certified) in totals {
            if applied > certified {
                let what = format!(
                    "its meter has applied {applied} EGP of {name}, and {certified} EGP were certified"
                );
                let amount = i128::from(applied.saturating_sub(certified).0);
                self.add(Exception { amount, ..about(record, About::MeterAbove, severity, what) });
            }
        }
        if record.card_sequence > held.sequence {
            let (card, sequence) = (held.card.id, held.sequence);
            let what = format!(
                "card {card} holds certificate {}, and {sequence} was the last one",
                record.card_sequence
            );
            self.add(about(record, About::CardAbove, severity, what));
        }
    }

    /// A report is later than one with a higher number, or under the same number something else was applied. Reports after it may have passed
    /// what was known before.
    fn began_anew(&mut self, record: &BindingRecord, readings: &[Reading], latest: Option<&Reading>) {
        let highest = readings.iter().find(|reading| !reading.flags.has(MeterFlags::REGRESSED));
        let pair = highest.zip(latest).into_iter().chain(readings.iter().zip(readings.iter().skip(1)));
        let Some((one, other)) = pair.into_iter().find(|(one, other)| began_anew(one, other)) else { return };
        let (earlier, later) = by_time(one, other);
        let what = format!(
            "its meter wrote report {} after report {} of this contract",
            later.number, earlier.number
        );
        let exception = about(record, About::BeganAnew, Severity::Alarm, what);
        self.add(Exception { since: later.time, ..exception });
    }

    fn readings(&mut self, record: &BindingRecord, readings: &[Reading]) {
        // Once for a binding each, the newest of its kind.
        let (mut back, mut free) = (false, false);
        // More left than was applied, or than was left before and applied since.
        let mut above =
            readings.iter().find(|reading| reading.used() < 0).map(|reading| (reading, reading.used()));
        for (later, earlier) in readings.iter().zip(readings.iter().skip(1)) {
            let numbers = format!("between reports {} and {}", earlier.number, later.number);
            let lost = i128::from(earlier.applied_credit.saturating_sub(later.applied_credit).0)
                .max(i128::from(earlier.applied_debited.saturating_sub(later.applied_debited).0));
            if lost > 0 || fell(earlier.energy, later.energy) {
                if std::mem::replace(&mut back, true) {
                    continue;
                }
                let what = if lost > 0 {
                    format!("what its meter has applied went back {numbers}")
                } else {
                    format!(
                        "its meter's energy register went from {} to {} {numbers}",
                        earlier.energy, later.energy
                    )
                };
                let exception = about(record, About::WentBack, Severity::Alarm, what);
                self.add(Exception { amount: lost, since: later.time, ..exception });
                continue;
            }
            if cost(earlier, later) < 0 {
                above = above.or(Some((later, cost(earlier, later))));
            }
            let used = later.energy.0.wrapping_sub(earlier.energy.0);
            if used > self.options.free_energy && cost(earlier, later) == 0 && !free {
                free = true;
                let what = format!(
                    "{} were used {numbers}, and the balance paid nothing for it",
                    card_core::units::Energy(used)
                );
                self.add(Exception {
                    since: later.time,
                    ..about(record, About::FreeEnergy, Severity::Alarm, what)
                });
            }
        }
        if let Some((reading, amount)) = above {
            let what = format!(
                "its report {} says that {} EGP are left, {} piastres more than can be",
                reading.number,
                reading.balance,
                amount.unsigned_abs()
            );
            let exception = about(record, About::BalanceAbove, Severity::Alarm, what);
            self.add(Exception { amount: amount.saturating_neg(), since: reading.time, ..exception });
        }
        let Some(newest) = readings.first() else { return };
        if newest.flags.has(MeterFlags::REGRESSED) {
            let what = "its meter has seen that its own memory went back".to_owned();
            let exception = about(record, About::Regressed, Severity::Alarm, what);
            self.add(Exception { since: newest.time, ..exception });
        }
        if newest.flags.has(MeterFlags::TAMPER) || newest.tampering != 0 {
            let what = format!("its meter has seen tampering, bits {:02X}", newest.tampering);
            let exception = about(record, About::Tampering, Severity::Alarm, what);
            self.add(Exception { since: newest.time, ..exception });
        }
        let limit = i128::from(self.options.most_debt.0);
        if i128::from(newest.balance.0) < -limit && record.status == Status::Open {
            let what = format!("its meter stood at {} EGP", newest.balance);
            let exception = about(record, About::Debt, Severity::Warning, what);
            self.add(Exception { amount: newest.balance.0.into(), since: newest.time, ..exception });
        }
    }

    fn silent(&mut self, record: &BindingRecord) {
        let (since, what) = if record.heard == CardTime::UNSET {
            (record.held.opening_time, "has never been heard of")
        } else {
            (record.heard, "has not been heard of for long")
        };
        if self.older(since, self.options.silent_days) {
            let amount = i128::from(record.held.total_credit.0) - i128::from(record.held.applied_credit.0);
            let exception = about(record, About::Silent, Severity::Warning, what.to_owned());
            self.add(Exception { since, amount: amount.max(0), ..exception });
        }
    }

    fn not_carried(&mut self, t: &mut dyn Transaction, record: &BindingRecord) -> Result<(), LedgerError> {
        let held = &record.held;
        let applied = (record.held.applied_credit, record.held.applied_debited)
            == (held.total_credit, held.total_debited);
        if record.voucher.is_empty() || record.card_sequence >= held.sequence || applied {
            return Ok(());
        }
        // The time of the newest certificate; a binding has few entries that certify nothing.
        let history = t.history(record.binding(), READINGS)?;
        let newest =
            history.iter().find(|entry| entry.sequence == held.sequence && entry.payload == record.voucher);
        let Some(newest) = newest.filter(|newest| self.older(newest.time, self.options.carry_days)) else {
            return Ok(());
        };
        let what = format!("certificate {} has not reached card {}", held.sequence, held.card.id);
        let amount = i128::from(held.total_credit.0) - i128::from(record.held.applied_credit.0);
        let exception = about(record, About::NotCarried, Severity::Notice, what);
        self.add(Exception { since: newest.time, amount: amount.max(0), ..exception });
        Ok(())
    }

    /// A binding that a newer one has taken the place of.
    fn superseded(
        &mut self,
        t: &mut dyn Transaction,
        record: &BindingRecord,
        readings: &[Reading],
    ) -> Result<(), LedgerError> {
        let Some((since, by)) = superseded_by(t, record)? else { return Ok(()) };
        let used = readings.iter().zip(readings.iter().skip(1)).find(|(later, earlier)| {
            // Until the new card has come to its meter, use goes on; that is given as long as a voucher is.
            later.time.0.saturating_sub(since.0) > self.options.carry_days.saturating_mul(DAY)
                && later.energy != earlier.energy
                && !fell(earlier.energy, later.energy)
        });
        if let Some((later, earlier)) = used {
            let what = format!(
                "was superseded by binding {} of meter {}, and its meter went on to count from {} to {}",
                by.number, by.meter, earlier.energy, later.energy
            );
            let exception = about(record, About::SupersededUsed, Severity::Alarm, what);
            self.add(Exception { since: later.time, amount: cost(earlier, later), ..exception });
        }
        let held = &record.held;
        let certified = i128::from(held.total_credit.0) - i128::from(held.total_debited.0);
        let waits = record.status == Status::Superseded && certified != 0;
        if waits && self.older(since, self.options.carry_days) {
            let what = "what was left in it has not been moved".to_owned();
            let exception = about(record, About::NotMoved, Severity::Warning, what);
            self.add(Exception { since, amount: certified, ..exception });
        }
        Ok(())
    }

    fn requests(&mut self, t: &mut dyn Transaction) -> Result<(), LedgerError> {
        let mut after = None;
        loop {
            let page = t.waiting(None, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.request.clone());
            for first in page {
                self.request(t, first)?;
            }
        }
    }

    fn request(&mut self, t: &mut dyn Transaction, first: Entry) -> Result<(), LedgerError> {
        let steps = t.steps(&first.request)?;
        let decided = steps.iter().find(|done| done.step == Step::Decision);
        let (kind, severity, since, limit, what) = match decided {
            Some(done) => {
                let confirmed = t.entry(&done.entry)?.map_or(first.time, |entry| entry.time);
                let limit = self.options.paid_minutes.saturating_mul(60);
                (About::PaidWaits, Severity::Alarm, confirmed, limit, "was paid and is not certified")
            }
            None => {
                let limit = self.options.announced_hours.saturating_mul(3600);
                if first.kind == Kind::Propose {
                    let what = "was proposed, and nobody has approved or withdrawn it";
                    (About::ProposedWaits, Severity::Notice, first.time, limit, what)
                } else {
                    let what = "was announced, and is neither confirmed nor cancelled";
                    (About::AnnouncedWaits, Severity::Notice, first.time, limit, what)
                }
            }
        };
        if self.options.now.0.saturating_sub(since.0) > limit {
            self.add(Exception {
                severity,
                kind,
                binding: first.binding,
                point: Some(first.id.point),
                request: Some(first.request),
                account: first.account,
                amount: first.amount.0.into(),
                since,
                what: what.to_owned(),
            });
        }
        Ok(())
    }

    fn point(&mut self, t: &mut dyn Transaction, point: &Point, rules: &Policy) -> Result<(), LedgerError> {
        let exception = |kind, since, what| Exception {
            severity: Severity::Warning,
            kind,
            binding: None,
            point: Some(point.code.clone()),
            request: None,
            account: 0,
            amount: point.cash.0.into(),
            since,
            what,
        };
        let channel = t.party(&point.party)?.and_then(|party| rules.rules(party.channel).ok()?.most_cash);
        let most = point.most_cash.or(channel.map(Piastres));
        if let Some(most) = most.filter(|most| i128::from(point.cash.0) > i128::from(most.0)) {
            let what = format!("holds {} EGP, and may hold {most} EGP", point.cash);
            self.add(exception(About::CashAbove, point.time, what));
        }
        let mut given = super::given::of(t, point, self.options)?;
        given.drain(..).for_each(|exception| self.add(exception));
        if let Some(since) = self.not_closed(t, point)? {
            self.add(exception(About::NotClosed, since, "has not closed its day".to_owned()));
        }
        Ok(())
    }

    /// The time of an entry with money that no close has covered for too long. It reads the entries of those days, and few before them.
    fn not_closed(&self, t: &mut dyn Transaction, point: &Point) -> Result<Option<CardTime>, LedgerError> {
        let limit = CardTime(self.options.now.0.saturating_sub(self.options.close_days.saturating_mul(DAY)));
        let recent = first_at(t, &point.code, limit)?;
        let mut after = recent.saturating_sub(1);
        loop {
            let page = t.chain(&point.code, after, PAGE)?;
            let Some(last) = page.last() else { break };
            if page.iter().any(|entry| entry.kind == Kind::Close) {
                return Ok(None);
            }
            after = last.id.number;
        }
        let mut number = recent.saturating_sub(1);
        for _ in 0..PAGE {
            let Some(entry) = t.entry(&EntryId { point: point.code.clone(), number })? else { break };
            if entry.kind == Kind::Close {
                return Ok(None);
            }
            if !entry.transfers.is_empty() && moves_money(entry.kind) {
                return Ok(Some(entry.time));
            }
            number = number.saturating_sub(1);
        }
        Ok(None)
    }
}

/// Whether cash comes or goes with entries of this kind.
const fn moves_money(kind: Kind) -> bool {
    matches!(kind, Kind::Sale | Kind::Confirm | Kind::Refund | Kind::Debit | Kind::GiveBack | Kind::Deposit)
}

/// When a binding was superseded, and by which: the next one of its meter, or the one that its card has gone to.
fn superseded_by(
    t: &mut dyn Transaction,
    record: &BindingRecord,
) -> Result<Option<(CardTime, Binding)>, LedgerError> {
    let binding = record.binding();
    let next = t.bindings(Some(binding), 1)?.pop().filter(|next| next.binding().meter == binding.meter);
    let mut newer: Vec<BindingRecord> = next.into_iter().collect();
    // With the same card: it serves one meter at a time.
    newer.extend(t.bindings_of(record.held.account)?.into_iter().filter(|other| {
        other.binding() != binding
            && other.held.card.id == record.held.card.id
            && other.held.opening_time >= record.held.opening_time
    }));
    let first = newer.iter().min_by_key(|newer| newer.held.opening_time);
    Ok(first.map(|newer| (newer.held.opening_time, newer.binding())))
}
