//! The ledger as its stores provide it: transactions over rows. What a sale is stands above it, once for all stores.

use card_core::id::{Binding, CardId, MeterId, Scope};
use card_core::message::Slot;
use card_core::units::{CardTime, Piastres};
use card_host::national_id::PersonRef;

use super::LedgerError;
use super::accounts::LedgerAccount;
use super::entry::{Entry, EntryId, Hash, RequestKey};
use super::names::{PartyCode, PointCode};
use super::records::{
    BindingRecord, CardRecord, Customer, Head, Link, MailRecord, Message, Party, PersonRecord, Point,
    PolicyRecord, Reading, SignedHead, Staff, StepDone, Token,
};
use super::secret::Secret;

/// What runs in a transaction. A store may run it in a thread of its own, and more than once, from the start, until a transaction
/// succeeds: what it gives to the outside counts only after [`Ledger::transact`] has returned.
pub type Work<'a> = dyn FnMut(&mut dyn Transaction) -> Result<(), LedgerError> + Send + 'a;

/// A ledger: append-only, with transactions. Shared by all threads of a program.
pub trait Ledger: Send + Sync {
    /// Company and environment that it belongs to; never changes.
    fn scope(&self) -> Scope;

    /// Where the ledger is, as far as that may change while it is open: which server, and which of its pasts. What is found elsewhere may be
    /// older. None: in one place.
    fn place(&self) -> Option<String> {
        None
    }

    /// Runs `work` in a transaction that reads and writes, and returns once its writes are durable. Where `work` fails, nothing of it
    /// stays. Transactions that were refused because of another one are run again, which no caller sees.
    ///
    /// Errors: that of `work`; [`StoreError::Unavailable`](super::StoreError::Unavailable), nothing was written;
    /// [`StoreError::OutcomeUnknown`](super::StoreError::OutcomeUnknown), it may have been.
    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError>;

    /// Runs `work` over one unchanging state of the ledger, without keeping anybody from writing. [`Transaction::write`] fails there.
    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError>;

    /// Runs `work` as a rehearsal of a transaction: nobody is kept from writing, and what it writes itself is forgotten. Each question may
    /// be answered by a newer state than the one before it, so what it comes to is a guess.
    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError>;
}

/// How a ledger is asked, for the stores.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// [`Ledger::transact`].
    Writes,
    /// [`Ledger::read`].
    Reads,
    /// [`Ledger::look`].
    Looks,
}

/// [`Ledger::transact`] with a result.
pub fn transact<T: Send>(
    ledger: &(impl Ledger + ?Sized),
    mut work: impl FnMut(&mut dyn Transaction) -> Result<T, LedgerError> + Send,
) -> Result<T, LedgerError> {
    let mut out = None;
    ledger.transact(&mut |transaction| {
        out = Some(work(transaction)?);
        Ok(())
    })?;
    out.ok_or(LedgerError::NotRun)
}

/// [`Ledger::read`] with a result.
pub fn read<T: Send>(
    ledger: &(impl Ledger + ?Sized),
    mut work: impl FnMut(&mut dyn Transaction) -> Result<T, LedgerError> + Send,
) -> Result<T, LedgerError> {
    let mut out = None;
    ledger.read(&mut |transaction| {
        out = Some(work(transaction)?);
        Ok(())
    })?;
    out.ok_or(LedgerError::NotRun)
}

/// Bindings, each with its own of the `readings` that [`Transaction::readings`] has given for them, in this order.
pub(super) fn with_readings<'a>(
    bindings: &'a [BindingRecord],
    readings: &'a [Reading],
) -> impl Iterator<Item = (&'a BindingRecord, &'a [Reading])> {
    let mut parts = readings.chunk_by(|one, next| one.binding == next.binding).peekable();
    bindings.iter().map(move |record| {
        let own = parts.next_if(|part| part.first().is_some_and(|first| first.binding == record.binding()));
        (record, own.unwrap_or_default())
    })
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
/// The newest of these entries about one binding, newest first. Those of one second are in the order of their chain; those of several chains,
/// in the order of what they certify.
pub(super) fn newest_first(mut entries: Vec<Entry>, most: u32) -> Vec<Entry> {
    entries.sort_by(|a, b| (a.time, &a.id.point, a.id.number).cmp(&(b.time, &b.id.point, b.id.number)));
    let mut placed: Vec<(u32, Entry)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let before =
            placed.last().filter(|(_, last)| (last.time, &last.id.point) == (entry.time, &entry.id.point));
        placed.push((before.map_or(0, |(certified, _)| *certified).max(entry.sequence), entry));
    }
    placed.sort_by(|(a, x), (b, y)| {
        (y.time, *b, &y.id.point, y.id.number).cmp(&(x.time, *a, &x.id.point, x.id.number))
    });
    placed.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    placed.into_iter().map(|(_, entry)| entry).collect()
}

/// Whose binding is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payee {
    /// That of a card.
    Card(CardId),
    /// The one that a meter serves now: its highest.
    Meter(MeterId),
    /// One binding.
    Binding(Binding),
}

/// What [`Transaction::context`] is asked.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The request whose steps are wanted.
    pub request: &'a RequestKey,
    /// The vending point, which is locked.
    pub point: &'a PointCode,
    /// The binding, which is locked.
    pub payee: Option<Payee>,
}

/// What one step needs to know. Vending point and binding are locked until the transaction ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Context {
    /// The steps of this request that have been made, in their order.
    pub steps: Vec<StepDone>,
    /// The vending point.
    pub point: Option<Point>,
    /// The party that runs it.
    pub party: Option<Party>,
    /// The binding. Of a card: the one whose present card it is.
    pub binding: Option<BindingRecord>,
    /// The binding's customer, where there is a row: debts, phone.
    pub customer: Option<Customer>,
    /// How often the ledger has been restored from a copy. A binding with a lower one sells only after evidence.
    pub epoch: u32,
}

/// One transaction. Reads of rows that a step changes lock them ([`Ledger::transact`]) until it ends.
pub trait Transaction {
    /// All that a step needs, in as few exchanges as the store can. In a transaction that writes, no other one decides about the same
    /// request until this one is over: [`StoreError::OutcomeUnknown`](super::StoreError::OutcomeUnknown) where one does, and does not end.
    fn context(&mut self, ask: &Ask<'_>) -> Result<Context, LedgerError>;

    /// Writes an entry with its transfers and the step of its request, the vending point after it, and what stands differently. A step
    /// that was made already is a conflict that the store resolves by running the transaction again.
    fn write(&mut self, entry: &Entry, point: &Point, heads: &[Head]) -> Result<(), LedgerError>;

    /// Writes messages and signed heads, which are no part of the books and have no entry. Other heads are refused: they change only
    /// with an entry.
    fn keep(&mut self, heads: &[Head]) -> Result<(), LedgerError>;

    /// Writes something that is nothing of the ledger: whether it can be written at all is known when the transaction has ended well.
    fn touch(&mut self) -> Result<(), LedgerError>;

    /// An entry with its transfers.
    fn entry(&mut self, id: &EntryId) -> Result<Option<Entry>, LedgerError>;

    /// The steps of a request, in their order; with other transactions as in [`context`](Self::context). So what is not there in a transaction
    /// that writes is not being decided either.
    fn steps(&mut self, request: &RequestKey) -> Result<Vec<StepDone>, LedgerError>;

    /// The entries of a vending point with numbers above `after`, in their order, at most `most`.
    fn chain(&mut self, point: &PointCode, after: u64, most: u32) -> Result<Vec<Entry>, LedgerError>;

    /// The newest entries about a binding, newest first, at most `most`; those of one second in the order of their chain.
    fn history(&mut self, binding: Binding, most: u32) -> Result<Vec<Entry>, LedgerError>;

    /// Entries that recovered something after a restore, wherever it was handed in: by vending point and number, after this one, at most `most`.
    fn recovered(&mut self, after: Option<&EntryId>, most: u32) -> Result<Vec<Entry>, LedgerError>;

    /// A vending point; locked.
    fn point(&mut self, code: &PointCode) -> Result<Option<Point>, LedgerError>;

    /// Vending points with codes after this one, in their order, at most `most`.
    fn points(&mut self, after: Option<&PointCode>, most: u32) -> Result<Vec<Point>, LedgerError>;

    /// A party.
    fn party(&mut self, code: &PartyCode) -> Result<Option<Party>, LedgerError>;

    /// A token by its hash.
    fn token(&mut self, hash: &Hash) -> Result<Option<Token>, LedgerError>;

    /// All tokens of a party.
    fn tokens(&mut self, party: &PartyCode) -> Result<Vec<Token>, LedgerError>;

    /// All members of staff, by their identities.
    fn staff(&mut self) -> Result<Vec<Staff>, LedgerError>;

    /// A binding, also one that is closed; locked.
    fn binding(&mut self, payee: Payee) -> Result<Option<BindingRecord>, LedgerError>;

    /// Bindings after this one, in the order of [`Binding`], at most `most`.
    fn bindings(&mut self, after: Option<Binding>, most: u32) -> Result<Vec<BindingRecord>, LedgerError>;

    /// The bindings of a customer's account, in the order of meter and number.
    fn bindings_of(&mut self, account: u64) -> Result<Vec<BindingRecord>, LedgerError>;

    /// A customer; locked.
    fn customer(&mut self, account: u64) -> Result<Option<Customer>, LedgerError>;

    /// Customers who owe something, in pages, in an order of the store's own.
    fn debtors(&mut self, after: Option<u64>, most: u32) -> Result<Vec<Customer>, LedgerError>;

    /// A card that was ever issued.
    fn card(&mut self, card: CardId) -> Result<Option<CardRecord>, LedgerError>;

    /// A link.
    fn link(&mut self, party: &PartyCode, card: CardId) -> Result<Option<Link>, LedgerError>;

    /// The newest mail in each slot of a binding.
    fn mail(&mut self, binding: Binding) -> Result<Vec<MailRecord>, LedgerError>;

    /// The newest mail in a slot; locked.
    fn mail_in(&mut self, binding: Binding, slot: Slot) -> Result<Option<MailRecord>, LedgerError>;

    /// The newest readings of these bindings: one binding after the other as they are named, of each at most `most`, newest first: by the
    /// number of the report, and among reports of one number by the energy register. Those after the meter's memory went back (flag 0020,
    /// which stays until the binding is closed) are newer than those before, whatever their numbers say.
    fn readings(&mut self, bindings: &[Binding], most: u32) -> Result<Vec<Reading>, LedgerError>;

    /// The report of these bindings that has the latest time, whatever its number, without flag 0020: one binding after the other as they are
    /// named, those that have one.
    fn latest(&mut self, bindings: &[Binding]) -> Result<Vec<Reading>, LedgerError>;

    /// For which accounts somebody was at a desk.
    fn persons(&mut self, person: &PersonRef) -> Result<Vec<PersonRecord>, LedgerError>;

    /// All rules of selling, by version.
    fn policies(&mut self) -> Result<Vec<PolicyRecord>, LedgerError>;

    /// Messages that wait to be taken, oldest first, at most `most`.
    fn messages(&mut self, most: u32) -> Result<Vec<Message>, LedgerError>;

    /// The message with this id.
    fn message(&mut self, id: &str) -> Result<Option<Message>, LedgerError>;

    /// The newest signed head of a vending point that covers at most entry `most`.
    fn signed_head(&mut self, point: &PointCode, most: u64) -> Result<Option<SignedHead>, LedgerError>;

    /// The first steps of requests that wait: announced (or proposed) and neither confirmed nor cancelled, or confirmed and neither
    /// certified nor refunded; after this one, at most `most`. Of one vending point or of all.
    fn waiting(
        &mut self,
        point: Option<&PointCode>,
        after: Option<&RequestKey>,
        most: u32,
    ) -> Result<Vec<Entry>, LedgerError>;

    /// Sum of debits and sum of credits of every account, in the order of their texts. It reads the whole ledger.
    fn balances(&mut self) -> Result<Vec<AccountBalance>, LedgerError>;

    /// Every row of a table, in no order. It reads the whole table.
    fn rows(
        &mut self,
        table: Table,
        each: &mut dyn FnMut(Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError>;

    /// The ledger's own secret.
    fn secret(&mut self) -> Result<Secret, LedgerError>;

    /// How often the ledger has been restored from a copy.
    fn epoch(&mut self) -> Result<u32, LedgerError>;

    /// The newest time of a vending point: that of its last entry; not set where there is no entry.
    fn last_time(&mut self) -> Result<CardTime, LedgerError>;

    /// What the store's own clock shows; none where it has none but this machine's.
    fn clock(&mut self) -> Result<Option<CardTime>, LedgerError> {
        Ok(None)
    }
}

/// A table that an audit goes through row by row. Bindings, points and rules of selling have questions of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Where entries are.
    Entry,
    /// Where their transfers are.
    Transfer,
    /// The steps of requests.
    Request,
    /// Requests that wait.
    Waiting,
    /// Parties.
    Party,
    /// Tokens.
    Token,
    /// Members of staff.
    Staff,
    /// Links.
    Link,
    /// Cards.
    Card,
    /// Customers.
    Customer,
    /// The newest mail of each slot.
    Mail,
    /// Reports of meters.
    Reading,
    /// Who was at a desk, and for which accounts.
    Person,
}

/// A row of one of these tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// An entry's place, or that of one of its transfers: line from 1, or 0; and the month under which it is stored.
    Place(EntryId, u8, i64),
    /// A step of a request, and its entry with its month.
    Step(RequestKey, StepDone, i64),
    /// A request that waits, and its first entry with its month.
    Waits(RequestKey, EntryId, i64),
    /// Something that stands differently after an entry.
    Head(Head),
}

/// The movements of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: LedgerAccount,
    /// Sum of what it received.
    pub debits: Piastres,
    /// Sum of what it gave.
    pub credits: Piastres,
}
