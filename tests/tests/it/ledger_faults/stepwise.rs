//! A ledger that stops between any two steps of its users.

use card_host::card_core::id::{Binding, CardId, Scope};
use card_host::card_core::message::Slot;
use card_host::card_core::units::CardTime;
use card_ledger::{
    AccountBalance, Ask, BindingRecord, CardRecord, Context, Customer, Entry, EntryId, Hash, Head, Ledger,
    LedgerError, Link, MailRecord, Message, Party, PartyCode, Payee, Point, PointCode, PolicyRecord, Reading,
    RequestKey, Row, SignedHead, StepDone, Table, Token, Transaction, Work,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls `stop` with the number of each boundary between two steps: before a transaction, around reading and writing in it, and after it.
pub(crate) struct Stepwise<F> {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) steps: AtomicU64,
    pub(crate) stop: F,
}

impl<F: Fn(u64) + Send + Sync> Stepwise<F> {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, stop: F) -> Self {
        Self { ledger, steps: AtomicU64::new(0), stop }
    }

    fn boundary(&self) {
        (self.stop)(self.steps.fetch_add(1, Ordering::SeqCst) + 1);
    }
}

impl<F: Fn(u64) + Send + Sync> Ledger for Stepwise<F> {
    fn scope(&self) -> Scope {
        self.ledger.scope()
    }

    fn transact(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.boundary();
        let boundary = || self.boundary();
        let result =
            self.ledger.transact(&mut |t| work(&mut Stepped { t, around: &boundary, before: &|| () }));
        self.boundary();
        result
    }

    fn read(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        self.ledger.read(work)
    }

    fn look(&self, work: &mut Work<'_>) -> Result<(), LedgerError> {
        let boundary = || self.boundary();
        self.ledger.look(&mut |t| work(&mut Stepped { t, around: &boundary, before: &|| () }))
    }
}

/// A transaction whose steps are told.
pub(crate) struct Stepped<'a> {
    pub(crate) t: &'a mut dyn Transaction,
    /// Around what every step of a request does: its context, and its write.
    pub(crate) around: &'a dyn Fn(),
    /// Before each call.
    pub(crate) before: &'a dyn Fn(),
}

macro_rules! pass_on {
    ($(fn $name:ident(&mut self $(, $argument:ident: $type:ty)*) -> $result:ty;)*) => {
        $(fn $name(&mut self $(, $argument: $type)*) -> Result<$result, LedgerError> {
            (self.before)();
            self.t.$name($($argument),*)
        })*
    };
}

impl Transaction for Stepped<'_> {
    fn context(&mut self, ask: &Ask<'_>) -> Result<Context, LedgerError> {
        (self.before)();
        (self.around)();
        let context = self.t.context(ask);
        (self.around)();
        context
    }

    fn write(&mut self, entry: &Entry, point: &Point, heads: &[Head]) -> Result<(), LedgerError> {
        (self.before)();
        (self.around)();
        let written = self.t.write(entry, point, heads);
        (self.around)();
        written
    }

    pass_on! {
        fn secret(&mut self) -> card_ledger::Secret;
        fn entry(&mut self, id: &EntryId) -> Option<Entry>;
        fn steps(&mut self, request: &RequestKey) -> Vec<StepDone>;
        fn chain(&mut self, point: &PointCode, after: u64, most: u32) -> Vec<Entry>;
        fn history(&mut self, binding: Binding, most: u32) -> Vec<Entry>;
        fn recovered(&mut self, after: Option<&EntryId>, most: u32) -> Vec<Entry>;
        fn point(&mut self, code: &PointCode) -> Option<Point>;
        fn points(&mut self, after: Option<&PointCode>, most: u32) -> Vec<Point>;
        fn party(&mut self, code: &PartyCode) -> Option<Party>;
        fn token(&mut self, hash: &Hash) -> Option<Token>;
        fn tokens(&mut self, party: &PartyCode) -> Vec<Token>;
        fn staff(&mut self) -> Vec<card_ledger::Staff>;
        fn persons(&mut self, person: &card_host::national_id::PersonRef) -> Vec<card_ledger::PersonRecord>;
        fn binding(&mut self, payee: Payee) -> Option<BindingRecord>;
        fn bindings(&mut self, after: Option<Binding>, most: u32) -> Vec<BindingRecord>;
        fn bindings_of(&mut self, account: u64) -> Vec<BindingRecord>;
        fn customer(&mut self, account: u64) -> Option<Customer>;
        fn debtors(&mut self, after: Option<u64>, most: u32) -> Vec<Customer>;
        fn card(&mut self, card: CardId) -> Option<CardRecord>;
        fn link(&mut self, party: &PartyCode, card: CardId) -> Option<Link>;
        fn mail(&mut self, binding: Binding) -> Vec<MailRecord>;
        fn mail_in(&mut self, binding: Binding, slot: Slot) -> Option<MailRecord>;
        fn readings(&mut self, bindings: &[Binding], most: u32) -> Vec<Reading>;
        fn latest(&mut self, bindings: &[Binding]) -> Vec<Reading>;
        fn policies(&mut self) -> Vec<PolicyRecord>;
        fn messages(&mut self, most: u32) -> Vec<Message>;
        fn message(&mut self, id: &str) -> Option<Message>;
        fn signed_head(&mut self, point: &PointCode, most: u64) -> Option<SignedHead>;
        fn keep(&mut self, heads: &[Head]) -> ();
        fn touch(&mut self) -> ();
        fn waiting(&mut self, point: Option<&PointCode>, after: Option<&RequestKey>, most: u32) -> Vec<Entry>;
        fn balances(&mut self) -> Vec<AccountBalance>;
        fn rows(&mut self, table: Table, each: &mut dyn FnMut(Row) -> Result<(), LedgerError>) -> ();
        fn epoch(&mut self) -> u32;
        fn last_time(&mut self) -> CardTime;
    }
}
