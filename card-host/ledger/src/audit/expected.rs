//! What every row must say, by the entries alone (docs/ledger.md, section 9). What has an order of its own is in the chain of the company's
//! own point, which is read first; all else only grows, or is told apart by sequences, so it follows from the entries in any order.

mod bindings;
mod desks;
mod office;
mod tally;

use card_core::calendar::{Calendar, utc_month};
use card_core::id::{Binding, CardId};
use card_core::message::{Direction, Envelope, Receipt, Slot};
use card_core::units::{CardTime, Piastres};
use std::collections::{BTreeMap, HashMap};

use self::bindings::Known;
use self::desks::Desks;
use self::office::Office;
use self::tally::{Keys, Reports, Tally};
use crate::accounts::LedgerAccount;
use crate::entry::{Entry, EntryId, Kind, RequestKey, Step, Transfer};
use crate::names::{OFFICE, PartyCode, PointCode};
use crate::payload::Payload;
use crate::policy::{Policy, WithoutPayment};
use crate::proof::reported;
use crate::records::{BindingRecord, Customer, Head, Link, Point, Status, StepDone};
use crate::store::Row;

/// How a row differs from the entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowFault {
    /// It is not there.
    Missing,
    /// No entry has made it.
    Added,
    /// It says something else.
    Changed,
}

/// What was sold at a vending point on its last day.
#[derive(Debug, Clone, Copy, Default)]
struct Day {
    day: u32,
    sold: Piastres,
}

/// The newest mail of a slot, and how many there were.
#[derive(Debug, Clone, Default)]
struct Newest {
    count: u32,
    version: u32,
    envelope: Vec<u8>,
}

/// What a vending point has said of a card and a customer, and when.
type Linked = (PointCode, Link, CardTime);

#[derive(Debug, Default)]
pub(super) struct Expected {
    keys: Keys,
    pub(super) entries: Tally,
    pub(super) transfers: Tally,
    pub(super) requests: Tally,
    /// Requests that wait, by the first steps and the last ones.
    waiting: HashMap<RequestKey, (i32, Option<(crate::EntryId, i64)>)>,
    reports: Reports,
    office: Office,
    bindings: HashMap<Binding, Known>,
    /// The highest sequence in a receipt of a card for a binding.
    receipts: HashMap<(Binding, CardId), u32>,
    mail: HashMap<(Binding, u8), Newest>,
    /// What each chain said last about a link.
    links: BTreeMap<(PartyCode, CardId), Vec<Linked>>,
    days: HashMap<PointCode, Day>,
    /// Moves that were proposed: what they close.
    proposed: HashMap<RequestKey, Binding>,
    /// Moves that a second person approved.
    approved: Vec<RequestKey>,
    persons: HashMap<RequestKey, Persons>,
    desks: Desks,
    /// Cash that one person gave back, or missed when a day was closed.
    singly: Vec<(EntryId, Kind, Piastres)>,
}

/// Who asked for something that takes two people, who agreed, and what came of it.
#[derive(Debug, Default)]
struct Persons {
    asked: Option<String>,
    agreed: Option<String>,
    done: Option<(EntryId, Kind)>,
}

/// How far clocks of sellers are apart.
const APART: u32 = crate::clock::APART;

impl Expected {
    /// Restores that the chain of a vending point has behind it before its first entry.
    pub(super) fn restores_before(&self, point: &PointCode) -> u32 {
        self.office.points.get(point).map_or(0, |held| held.restores)
    }

    /// Goes on by an entry, in whose chain so many restores have been declared before.
    pub(super) fn add(&mut self, entry: &Entry, restores: u32) {
        let month = i64::from(utc_month(entry.time));
        self.entries.add(&self.keys, (entry.id.point.as_str(), entry.id.number, 0_u8, month));
        for (_, line) in entry.transfers.iter().zip(1_u8..) {
            self.transfers.add(&self.keys, (entry.id.point.as_str(), entry.id.number, line, month));
        }
        self.requests.step(
            &self.keys,
            &entry.request,
            &StepDone { step: entry.step, entry: entry.id.clone() },
            month,
        );
        self.waits(entry, month);
        if matches!(entry.kind, Kind::Sale | Kind::Confirm) {
            let day = u32::from(Calendar::EGYPT.local(entry.time).day);
            let held = self.days.entry(entry.id.point.clone()).or_default();
            let before = if held.day == day { held.sold } else { Piastres::ZERO };
            *held = Day { day, sold: Piastres(before.0.saturating_add(entry.amount.0)) };
        }
        let in_office = entry.id.point.as_str() == OFFICE;
        // Of the rules those that hold before it: what an entry asks for is not asked of itself.
        self.desks.learn(&self.office.policies);
        self.desks.add(entry, |card| self.office.cards.contains_key(card));
        let raised = in_office && self.office.add(entry);
        self.link(entry);
        self.moves(entry);
        self.persons(entry, raised);
        let Some(binding) = entry.binding else { return };
        let known = self.bindings.entry(binding).or_default();
        known.add(
            entry,
            if in_office { self.office.restores } else { restores },
            self.office.restores_at(entry.time),
        );
        match entry.kind {
            Kind::Mail => self.posted(&entry.payload),
            Kind::Evidence | Kind::Recover => {
                if let Ok(receipt) = Receipt::parse(&entry.payload) {
                    let seen = self.receipts.entry((binding, receipt.card.id)).or_default();
                    *seen = (*seen).max(receipt.sequence);
                }
                if let Some(reading) = reported(&entry.payload) {
                    known.heard(&reading, entry.time);
                    self.reports.add(&self.keys, &reading);
                }
            }
            _ => {}
        }
    }

    fn waits(&mut self, entry: &Entry, month: i64) {
        let (change, place) = match (entry.step, entry.kind) {
            (Step::First, Kind::Reserve | Kind::Propose) => (1, Some((entry.id.clone(), month))),
            (Step::Decision, Kind::Cancel) | (Step::Settled, _) => (-1, None),
            _ => return,
        };
        let held = self.waiting.entry(entry.request.clone()).or_default();
        held.0 = held.0.saturating_add(change);
        held.1 = place.or(held.1.take());
        if held.0 == 0 {
            self.waiting.remove(&entry.request);
        }
    }

    fn link(&mut self, entry: &Entry) {
        let (Kind::Link, Some(card)) = (entry.kind, entry.card) else { return };
        let Ok(said) = serde_json::from_slice::<serde_json::Value>(&entry.payload) else { return };
        let text = |name: &str| said.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        let (party, customer) = (entry.request.party.clone(), text("customer").unwrap_or_default());
        let since = if text("consent").is_some() { entry.time } else { CardTime::UNSET };
        let said = self.links.entry((party.clone(), card)).or_default();
        said.retain(|(point, ..)| *point != entry.id.point);
        said.push((entry.id.point.clone(), Link { party, card, customer, since }, entry.time));
    }

    fn moves(&mut self, entry: &Entry) {
        if entry.kind == Kind::Move {
            // Money goes out of the binding that it closes. Where there was none, the entry or its proposal names it.
            for account in entry.transfers.iter().flat_map(|transfer| [&transfer.debit, &transfer.credit]) {
                if let LedgerAccount::Credit(from) = account
                    && Some(*from) != entry.binding
                {
                    self.bindings.entry(*from).or_default().closed = true;
                }
            }
        }
        match entry.kind {
            Kind::Propose => {
                if let Some(from) = crate::proposal::moves_from(&entry.payload) {
                    self.proposed.insert(entry.request.clone(), from);
                }
            }
            Kind::GiveBack => {
                if let Some(of) = entry.binding {
                    self.bindings.entry(of).or_default().closed = true;
                }
            }
            Kind::Move if entry.step == Step::Settled => self.approved.push(entry.request.clone()),
            Kind::Move => {
                if let Some(from) = crate::moves::moved_from(&entry.reason) {
                    self.bindings.entry(from).or_default().closed = true;
                }
            }
            _ => {}
        }
    }

    fn persons(&mut self, entry: &Entry, raised: bool) {
        if takes_cash_singly(entry) {
            let paid = crate::GivenBack::of_entry(entry).map_or(entry.amount, |given| given.paid);
            self.singly.push((entry.id.clone(), entry.kind, paid));
        }
        let (asks, agrees) = (entry.kind == Kind::Propose, entry.kind == Kind::Approve);
        if !asks && !agrees && !raised && !takes_two(entry) {
            return;
        }
        let held = self.persons.entry(entry.request.clone()).or_default();
        if asks {
            held.asked = Some(entry.actor.clone());
        } else if agrees {
            held.agreed = Some(entry.actor.clone());
        } else {
            held.done = Some((entry.id.clone(), entry.kind));
        }
    }

    /// What takes two people, and was done by one; and what a desk has not asked for.
    pub(super) fn alone(&mut self) -> Vec<(EntryId, Kind, String)> {
        let all = std::mem::take(&mut self.persons).into_values();
        let by_one = all.filter_map(|Persons { asked, agreed, done }| {
            let two = asked.zip(agreed).is_some_and(|(asked, agreed)| !crate::same_person(&asked, &agreed));
            done.filter(|_| !two)
        });
        // By the rules that ever allowed most: an entry of these does not name its own.
        let rules = self.office.policies.iter().filter_map(|rules| Policy::from_json(&rules.rules).ok());
        let (back, short) = rules.fold((0, 0), |(back, short), rules| {
            let WithoutPayment { shortage_alone, .. } = rules.without_payment;
            (rules.correction_approval_above.max(back), shortage_alone.max(short))
        });
        let above = std::mem::take(&mut self.singly).into_iter().filter_map(|(entry, kind, amount)| {
            (amount.0 > if kind == Kind::Close { short } else { back }).then_some((entry, kind))
        });
        let why = "no second person has agreed to it";
        let alone = by_one.chain(above).map(|(entry, kind)| (entry, kind, why.to_owned()));
        alone.chain(self.desks.wrong()).collect()
    }

    fn posted(&mut self, payload: &[u8]) {
        let bytes = match Payload::parse(payload) {
            Some(Payload::Command { envelope, .. }) => envelope,
            _ => payload.to_vec(),
        };
        let Ok(Envelope { binding, slot, version, .. }) = Envelope::parse(&bytes) else { return };
        let held = self.mail.entry((binding, slot.number())).or_default();
        held.count = held.count.saturating_add(1);
        if version > held.version {
            (held.version, held.envelope) = (version, bytes);
        }
    }

    /// What is known of a binding by all entries, once they have been read.
    pub(super) fn finish(&mut self) {
        for request in std::mem::take(&mut self.approved) {
            if let Some(from) = self.proposed.get(&request) {
                self.bindings.entry(*from).or_default().closed = true;
            }
        }
        // Where numbers were left out, each slot has its row.
        let lost = self.bindings.iter().filter(|(_, known)| known.gaps() > 0).map(|(binding, _)| *binding);
        for binding in lost {
            for slot in Slot::ALL.into_iter().filter(|slot| slot.direction() == Direction::ToMeter) {
                self.mail.entry((binding, slot.number())).or_default();
            }
        }
        let mut meters: HashMap<_, u32> = HashMap::new();
        for binding in self.bindings.keys() {
            let newest = meters.entry(binding.meter).or_default();
            *newest = (*newest).max(binding.number);
        }
        for (binding, known) in &mut self.bindings {
            // The card of each binding is the one that it was opened with, or that has replaced it since.
            known.card = self.office.present.get(binding).copied();
            let elsewhere = known.card.and_then(|(card, _)| self.office.cards.get(&card.id));
            known.superseded = meters.get(&binding.meter).is_some_and(|newest| newest > &binding.number)
                || elsewhere.is_some_and(|card| card.binding != *binding)
                || known.is_nobodys();
            known.blocked = self.office.blocked.contains(binding);
            let seen = known.card.and_then(|(card, _)| self.receipts.get(&(*binding, card.id)));
            known.card_sequence = known.card_sequence.max(seen.copied().unwrap_or(0));
        }
    }

    pub(super) fn binding(&self, record: &BindingRecord) -> Option<&'static str> {
        let Some(known) = self.bindings.get(&record.binding()) else { return Some("no entry has opened it") };
        known.differs(record)
    }

    /// What a vending point differs in.
    pub(super) fn point(&self, point: &Point) -> Option<&'static str> {
        let Some(held) = self.office.points.get(&point.code) else { return Some("no entry has made it") };
        let day = self.days.get(&point.code).copied().unwrap_or_default();
        [
            (held.party == point.party, "whose it is"),
            (held.open == point.open, "whether it is open"),
            ((held.most_cash, held.most_daily) == (point.most_cash, point.most_daily), "its limits"),
            ((day.day, day.sold) == (point.day, point.sold), "what it has sold in its last day"),
        ]
        .into_iter()
        .find_map(|(same, what)| (!same).then_some(what))
    }

    /// Compares a row, and forgets what it was compared with: what is left at the end has no row.
    pub(super) fn row(
        &mut self,
        row: &Row,
        debts: &HashMap<u64, i64>,
        seen: &mut Seen,
    ) -> Option<(String, RowFault)> {
        let compared = |what: String, same: Option<bool>| match same {
            None => Some((what, RowFault::Added)),
            Some(false) => Some((what, RowFault::Changed)),
            Some(true) => None,
        };
        match row {
            Row::Place(id, line, month) => {
                let tally = if *line == 0 { &mut seen.entries } else { &mut seen.transfers };
                tally.add(&self.keys, (id.point.as_str(), id.number, *line, *month));
                None
            }
            Row::Step(request, done, month) => {
                seen.requests.step(&self.keys, request, done, *month);
                None
            }
            Row::Waits(request, id, month) => {
                let same = self.waiting.remove(request);
                let same = same.map(|(_, place)| place.is_some_and(|held| held == (id.clone(), *month)));
                compared(format!("request {} of {}, which waits", request.id, request.party), same)
            }
            Row::Head(Head::Party(party)) => compared(
                format!("party {}", party.code),
                self.office.parties.remove(&party.code).map(|held| held == *party),
            ),
            Row::Head(Head::Token(token)) => {
                let name = format!("token of {:?} of {}", token.actor, token.party);
                compared(name, self.office.tokens.remove(&token.hash).map(|held| held == *token))
            }
            Row::Head(Head::Staff(member)) => compared(
                format!("member of staff {:?}", member.name),
                self.office.staff.remove(&member.identity).map(|held| held == *member),
            ),
            Row::Head(Head::Person(person)) => compared(
                format!("somebody at a desk for account {}", person.account),
                self.desks.persons.remove(person).then_some(true),
            ),
            Row::Head(Head::Card(card)) => compared(
                format!("card {}", card.card.id),
                self.office.cards.remove(&card.card.id).map(|held| held == *card),
            ),
            Row::Head(Head::Link(link)) => {
                let said = self.links.remove(&(link.party.clone(), link.card));
                compared(
                    format!("link of card {} at {}", link.card, link.party),
                    said.map(|said| one_of(&said, link)),
                )
            }
            Row::Head(Head::Customer(customer)) => {
                let Customer { account, phone, arabic, .. } = customer;
                let owes = debts.get(account).copied();
                let set = self.office.customers.remove(account);
                let same = (set.is_some() || owes.is_some())
                    .then(|| set.unwrap_or_default() == (!phone.is_empty(), *arabic));
                seen.customers.insert(*account);
                compared(format!("customer {account}"), same)
            }
            Row::Head(Head::Mail(mail)) => {
                let key = (mail.binding, mail.slot.number());
                let held = self.mail.remove(&key);
                let gaps = self.bindings.get(&mail.binding).map_or(0, Known::gaps);
                let name = format!("mail in slot {} of {}", mail.slot.number(), named(mail.binding));
                let sent = held.is_some() || gaps > 0;
                let held = held.unwrap_or_default();
                let version = held.count.saturating_add(gaps.saturating_mul(crate::SEQUENCE_GAP));
                compared(name, sent.then(|| (mail.version, &mail.envelope) == (version, &held.envelope)))
            }
            Row::Head(Head::Reading(reading)) => {
                let name = || format!("report {} of {}", reading.number, named(reading.binding));
                self.reports.row(&self.keys, reading).map(|fault| (name(), fault))
            }
            Row::Head(_) => None,
        }
    }

    /// What has no row.
    pub(super) fn left(&mut self) -> Vec<(String, RowFault)> {
        let mut names: Vec<String> = Vec::new();
        names.extend(
            self.waiting
                .keys()
                .map(|request| format!("request {} of {}, which waits", request.id, request.party)),
        );
        names.extend(self.office.parties.keys().map(|code| format!("party {code}")));
        names.extend(
            self.office.tokens.values().map(|token| format!("token of {:?} of {}", token.actor, token.party)),
        );
        names.extend(self.office.staff.values().map(|member| format!("member of staff {:?}", member.name)));
        names.extend(
            self.desks
                .persons
                .iter()
                .map(|person| format!("somebody at a desk for account {}", person.account)),
        );
        names.extend(self.office.cards.keys().map(|card| format!("card {card}")));
        names.extend(self.links.keys().map(|(party, card)| format!("link of card {card} at {party}")));
        names.extend(self.office.customers.keys().map(|account| format!("customer {account}")));
        names.extend(
            self.mail.keys().map(|(binding, slot)| format!("mail in slot {slot} of {}", named(*binding))),
        );
        if self.reports.left() > 0 {
            names.push(format!("reports of meters: {} of them", self.reports.left()));
        }
        names.sort_unstable();
        names.into_iter().map(|name| (name, RowFault::Missing)).collect()
    }

    /// Vending points that are not there any more.
    pub(super) fn points_without(&self, there: &[PointCode]) -> Vec<PointCode> {
        let gone = self.office.points.keys().filter(|code| !there.contains(code));
        gone.cloned().collect()
    }

    pub(super) fn policies(&self) -> &[crate::PolicyRecord] {
        &self.office.policies
    }
}

/// What the rows add up to.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) entries: Tally,
    pub(super) transfers: Tally,
    pub(super) requests: Tally,
    pub(super) customers: std::collections::HashSet<u64>,
}

/// Whether a link is what was said last. Chains of one second cannot be told apart, nor those whose clocks were apart.
fn one_of(said: &[Linked], link: &Link) -> bool {
    let last = said.iter().map(|(.., time)| time.0).max().unwrap_or(0);
    said.iter().any(|(_, held, time)| held == link && time.0.saturating_add(APART) >= last)
}

/// Whether an entry gives cash back for credit, or has cash missing, by one person.
fn takes_cash_singly(entry: &Entry) -> bool {
    let of = |is: fn(&Transfer) -> bool| entry.step == Step::First && entry.transfers.iter().any(is);
    match entry.kind {
        Kind::Debit | Kind::GiveBack => of(crate::give_back::pays_out),
        Kind::Close => of(|transfer| matches!(transfer.debit, LedgerAccount::Differences(_))),
        _ => false,
    }
}

/// Whether an entry gives credit, or lets it be given, that nobody has paid for (docs/ledger.md, section 6).
fn takes_two(entry: &Entry) -> bool {
    match entry.kind {
        Kind::Adopt => true,
        Kind::Move | Kind::GiveBack | Kind::Close | Kind::Debit | Kind::Mail => entry.step == Step::Settled,
        Kind::Restore => entry.id.point.as_str() == OFFICE,
        Kind::Recover => entry.payload.len() == bindings::RECOVERED,
        _ => false,
    }
}

fn named(binding: Binding) -> String {
    format!("binding {:X}/{}", binding.meter, binding.number)
}

/// How a binding stands.
const fn status(closed: bool, superseded: bool) -> Status {
    match (closed, superseded) {
        (true, _) => Status::Closed,
        (false, true) => Status::Superseded,
        (false, false) => Status::Open,
    }
}
