//! The office: the ledger, the issuer's keys and the rules of selling together. All that changes the ledger goes through here.

use card_core::calendar::Calendar;
use card_core::id::Scope;
use card_core::units::{Balance, CardTime, Piastres};
use std::sync::{Arc, PoisonError, RwLock};

use super::accounts::LedgerAccount;
use super::anchor::{Anchor, Watch};
use super::entry::{Entry, EntryId, Kind, RequestKey, Step};
use super::error::{LedgerError, Refusal, StoreError};
use super::masters::DRAWN;
use super::names::{COMPANY, OFFICE, PartyCode, PointCode, RequestId, is_words};
use super::policy::Policy;
use super::powers::{Power, Powers};
use super::proof::EVIDENCE;
use super::records::{Customer, Head, Party, Point, PolicyRecord};
use super::secret::Secret;
use super::store::{Ask, Context, Ledger, Payee, Transaction, read};
use card_host::issuer::{Clock, Issuer};
use card_host::keystore::KeyStore;

/// Who asks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// The party.
    pub party: PartyCode,
    /// The vending point, which must be the party's.
    pub point: PointCode,
    /// The person or program.
    pub actor: String,
    /// What that one may do.
    pub may: Powers,
}

impl Who {
    /// The most characters of [`actor`](Self::actor).
    pub const ACTOR: usize = 64;

    /// Whether a text names a person or a program: some words that people can see, on one line, at most [`Who::ACTOR`] characters.
    pub fn is_actor(text: &str) -> bool {
        is_words(text, Self::ACTOR)
    }

    /// The same person at the company's own point. What is no sale and no cash is entered there, wherever it is asked for: one chain says in
    /// which order it happened (docs/ledger.md, section 3).
    pub(super) fn at_office(&self) -> Result<Self, LedgerError> {
        Ok(Self { point: OFFICE.parse()?, ..self.clone() })
    }

    /// The company's own work at its office, by whoever may do all.
    pub(super) fn company(actor: &str) -> Result<Self, LedgerError> {
        let (party, point) = (COMPANY.parse()?, OFFICE.parse()?);
        Ok(Self { party, point, actor: actor.to_owned(), may: Powers::ALL })
    }

    /// Refuses what this one may not do.
    pub fn must(&self, power: Power) -> Result<(), Refusal> {
        if self.may.has(power) {
            return Ok(());
        }
        Err(Refusal::NotAllowed { actor: self.actor.clone(), power })
    }

    /// The key of a request of this party.
    pub fn request(&self, id: &RequestId) -> RequestKey {
        RequestKey { party: self.party.clone(), id: id.clone() }
    }
}

/// The office. Shared by all threads of a program.
pub struct Office {
    ledger: Arc<dyn Ledger>,
    issuer: Issuer,
    policies: RwLock<Arc<[(PolicyRecord, Policy)]>>,
    calendar: Calendar,
    secret: Secret,
    anchor: Option<(Arc<Anchor>, Watch)>,
}

impl Office {
    /// An office over a ledger. `keys` and `clock` are those of the issuer. Where the keys remember how far the ledger had come, nothing is booked in one
    /// that is behind that.
    pub fn new(
        ledger: Arc<dyn Ledger>,
        keys: Arc<dyn KeyStore>,
        clock: impl Clock + 'static,
    ) -> Result<Self, LedgerError> {
        let policies = RwLock::new(load_policies(&*ledger)?);
        let secret = read(&*ledger, |t| t.secret())?;
        let issuer = Issuer::new(Arc::clone(&keys), clock);
        let mut office = Self { ledger, issuer, policies, calendar: Calendar::EGYPT, secret, anchor: None };
        office.know_masters()?;
        if let Some(anchor) = Anchor::open(keys, &*office.ledger)?.map(Arc::new) {
            let watch = Watch::new(Arc::clone(&anchor), Arc::clone(&office.ledger));
            office.anchor = Some((anchor, watch));
        }
        Ok(office)
    }

    /// What was booked is durable: the anchor learns of it.
    pub(super) fn booked(&self) {
        if let Some((anchor, _)) = &self.anchor {
            anchor.learn(&*self.ledger, false);
        }
    }

    /// Whether the ledger is one that something may be signed for.
    pub(super) fn anchored(&self) -> Result<(), LedgerError> {
        self.anchor.as_ref().map_or(Ok(()), |(anchor, _)| anchor.look(&*self.ledger))
    }

    /// The ledger.
    pub fn ledger(&self) -> &dyn Ledger {
        &*self.ledger
    }

    /// Company and environment.
    pub fn scope(&self) -> Scope {
        self.ledger.scope()
    }

    /// Reads the rules of selling anew, which another program may have changed.
    pub fn reload(&self) -> Result<(), LedgerError> {
        let policies = load_policies(&*self.ledger)?;
        *self.policies.write().unwrap_or_else(PoisonError::into_inner) = policies;
        Ok(())
    }

    /// The rules that hold now, with their version; those for nothing where none were entered.
    pub fn policy(&self) -> Result<(u32, Policy), LedgerError> {
        let now = self.now()?;
        Ok(self.policy_at(now, |version, policy| (version, policy.clone())))
    }

    pub(super) fn policy_at<T>(&self, now: CardTime, with: impl FnOnce(u32, &Policy) -> T) -> T {
        let policies = Arc::clone(&self.policies.read().unwrap_or_else(PoisonError::into_inner));
        let held = policies.iter().rev().find(|(record, _)| record.from <= now);
        match held {
            Some((record, policy)) => with(record.version, policy),
            None => with(0, &Policy::default()),
        }
    }

    /// The issuer's keys.
    pub fn keys(&self) -> &dyn KeyStore {
        self.issuer.keys()
    }

    /// The issuer.
    pub(super) const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The ledger's own secret.
    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The checked time.
    pub fn now(&self) -> Result<CardTime, LedgerError> {
        Ok(self.issuer().checked_time()?)
    }

    /// The calendar of its days.
    pub(super) const fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// The local day, in days since 2020-01-01.
    pub fn day(&self, time: CardTime) -> u32 {
        self.calendar.local(time).day.into()
    }

    /// What a step needs; vending point and binding are locked. The point is open and the party's.
    pub(super) fn context(
        &self,
        t: &mut dyn Transaction,
        who: &Who,
        request: &RequestKey,
        payee: Option<Payee>,
    ) -> Result<(Context, Point, Party), LedgerError> {
        let mut context = t.context(&Ask { request, point: &who.point, payee })?;
        let point = context.point.take().filter(|point| point.party == who.party);
        let point = point.ok_or_else(|| Refusal::UnknownPoint(who.point.clone()))?;
        let party = context.party.take().ok_or_else(|| Refusal::UnknownParty(who.party.clone()))?;
        Ok((context, point, party))
    }

    /// Writes `entry` as the next one of `point`: number, hashes, cash and the day's sales follow from it. All entries come through here, and
    /// each says who and why.
    pub(super) fn book(
        &self,
        t: &mut dyn Transaction,
        point: &mut Point,
        mut entry: Entry,
        heads: &[Head],
    ) -> Result<Entry, LedgerError> {
        let corrupt = |what: &str| StoreError::Corrupt(format!("{} of vending point {}", what, point.code));
        if !Who::is_actor(&entry.actor) {
            let text = format!(
                "name the person or program, in 1 to {} characters on one line, some of which can be seen",
                Who::ACTOR
            );
            return Err(Refusal::Invalid(text).into());
        }
        let unsaid = entry.reason.is_empty() && !entry.kind.has_reason();
        if !unsaid && !Entry::is_reason(&entry.reason) {
            return Err(Refusal::NoReason.into());
        }
        if let Some((anchor, _)) = &self.anchor {
            anchor.holds(t, self.ledger.place(), point, &entry)?;
        }
        reserved(&entry)?;
        entry.time = self.time_of(t, point, &entry)?;
        if entry.transfers.len() > Entry::TRANSFERS {
            return Err(
                Refusal::Invalid(format!("an entry has at most {} transfers", Entry::TRANSFERS)).into()
            );
        }
        let number = point.number.checked_add(1).ok_or_else(|| corrupt("the last entry"))?;
        entry.id = EntryId { point: point.code.clone(), number };
        entry.previous = point.head;
        let entry = entry.sealed();
        let cash = LedgerAccount::Cash(point.code.clone());
        for transfer in &entry.transfers {
            let (into, out) = (transfer.debit == cash, transfer.credit == cash);
            let received = if into { transfer.amount } else { Piastres::ZERO };
            let given = if out { transfer.amount } else { Piastres::ZERO };
            point.cash = point.cash.apply(received, given).ok_or_else(|| corrupt("the cash"))?;
        }
        if matches!(entry.kind, Kind::Sale | Kind::Confirm) {
            let today = self.day(entry.time);
            let before = if point.day == today { point.sold } else { Piastres::ZERO };
            point.sold = before.checked_add(entry.amount).ok_or_else(|| corrupt("the sales of a day"))?;
            point.day = today;
        }
        (point.number, point.head, point.time) = (number, entry.hash, entry.time);
        t.write(&entry, point, heads)?;
        Ok(entry)
    }

    /// What `point` has sold today.
    pub(super) fn sold_today(&self, point: &Point, now: CardTime) -> Piastres {
        if point.day == self.day(now) { point.sold } else { Piastres::ZERO }
    }

    /// Whether a point would hold more than it may, after `amount` more.
    pub(super) fn cash_above(point: &Point, amount: Piastres, most: Piastres) -> bool {
        point
            .cash
            .apply(amount, Piastres::ZERO)
            .is_none_or(|cash| cash > Balance(most.0.cast_signed().max(0)))
    }
}

/// Ids that the ledger makes itself: whoever took one for something else would have it said that this was done.
fn reserved(entry: &Entry) -> Result<(), Refusal> {
    let own = [
        (EVIDENCE, &[Kind::Evidence, Kind::Recover][..]),
        ("restored-", &[Kind::Restore]),
        ("chargeback-", &[Kind::Debt]),
        ("keys-", &[Kind::Settings]),
        (DRAWN, &[Kind::Settings]),
    ];
    let id = entry.request.id.as_str();
    match own.iter().find(|(front, _)| id.starts_with(front)) {
        Some((front, kinds)) if !kinds.contains(&entry.kind) => {
            let text = format!("ids of requests that begin with {front} are the ledger's own: take another");
            Err(Refusal::Invalid(text))
        }
        _ => Ok(()),
    }
}

/// The customer with this account, who has a contract or owes something.
pub(super) fn customer(t: &mut dyn Transaction, account: u64) -> Result<Customer, LedgerError> {
    match t.customer(account)? {
        Some(held) => Ok(held),
        None if t.bindings_of(account)?.is_empty() => Err(Refusal::UnknownAccount(account).into()),
        None => Ok(Customer { account, ..Customer::default() }),
    }
}

/// An entry of a request, to be filled; number and hashes come with [`Office::book`].
pub(super) fn draft(who: &Who, request: &RequestKey, step: Step, kind: Kind, time: CardTime) -> Entry {
    Entry {
        id: EntryId { point: who.point.clone(), number: 0 },
        time,
        kind,
        request: request.clone(),
        step,
        actor: who.actor.clone(),
        reason: String::new(),
        binding: None,
        card: None,
        account: 0,
        amount: Piastres::ZERO,
        sequence: 0,
        total_credit: Piastres::ZERO,
        total_debited: Piastres::ZERO,
        policy: 0,
        payload: Vec::new(),
        transfers: Vec::new(),
        previous: [0; 32],
        hash: [0; 32],
    }
}

fn load_policies(ledger: &dyn Ledger) -> Result<Arc<[(PolicyRecord, Policy)]>, LedgerError> {
    let records = read(ledger, |t| t.policies())?;
    let parsed = records.into_iter().map(|record| {
        let policy = Policy::from_json(&record.rules).map_err(|error| {
            StoreError::Corrupt(format!("rules of selling, version {}: {error}", record.version))
        })?;
        Ok::<_, LedgerError>((record, policy))
    });
    parsed.collect()
}
