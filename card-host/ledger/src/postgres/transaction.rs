//! One transaction: the trait that all stores provide, over statements.

use card_core::id::{Binding, CardId, MeterId, Scope};
use card_core::message::Slot;
use card_core::units::{CardTime, Piastres};
use card_host::national_id::PersonRef;
use std::collections::HashMap;
use std::time::Duration;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::absent::{Absent, Key};
use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::rows::Columns;
use super::sql::{self, BINDING_COLUMNS, CUSTOMER_COLUMNS, PARTY_COLUMNS, POINT_COLUMNS, STEP_COLUMNS};
use super::write;
use crate::sell::reference;
use crate::store::{Access, Row as TableRow, Table, newest_first};
use crate::{
    AccountBalance, Ask, BindingRecord, CardRecord, Context, Customer, Entry, EntryId, Hash, Head,
    LedgerAccount, LedgerError, Link, MailRecord, Message, Party, PartyCode, Payee, PersonRecord, Point,
    PointCode, PolicyRecord, Reading, RequestKey, Secret, SignedHead, Staff, Status, StepDone, Token,
    Transaction,
};

/// For what reads the whole ledger.
const LONG: Duration = Duration::from_secs(3_660);
/// How often a binding is looked for anew that others change meanwhile.
const LOOKS: u32 = 8;

/// A transaction that has begun.
pub(super) struct PostgresTransaction<'c> {
    connection: &'c mut Connection,
    scope: Scope,
    access: Access,
    /// Whether it has written.
    pub(super) wrote: bool,
    /// What went wrong. Whatever the work makes of it, the transaction is over: PostgreSQL has undone it.
    pub(super) failed: Option<Failure>,
    /// The month that it wrote in last.
    pub(super) month: Option<i32>,
    /// In which months the entries of steps are.
    months: HashMap<EntryId, i32>,
    /// What was looked for and is not there.
    absent: Absent,
}

impl<'c> PostgresTransaction<'c> {
    pub(super) fn new(connection: &'c mut Connection, scope: Scope, access: Access) -> Self {
        let (months, absent) = (HashMap::new(), Absent::default());
        Self { connection, scope, access, wrote: false, failed: None, month: None, months, absent }
    }

    /// Whether what is read is locked.
    fn locks(&self) -> bool {
        self.access == Access::Writes
    }

    /// Whether what is written is kept.
    fn writes(&self) -> Result<bool, Failure> {
        match self.access {
            Access::Writes => Ok(true),
            Access::Reads => Err(Failure::new(FailureKind::ReadOnly, "a transaction that reads")),
            Access::Looks => Ok(false),
        }
    }

    /// Runs an operation; the first one that fails is the last one that is run.
    fn run<T>(&mut self, operation: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, LedgerError> {
        if let Some(failure) = &self.failed {
            return Err(failure.error());
        }
        operation(self).map_err(|failure| {
            let error = failure.error();
            self.failed = Some(failure);
            error
        })
    }

    /// A row that is read into a record.
    fn one<T>(
        &mut self,
        statement: &'static str,
        values: &[&(dyn ToSql + Sync)],
        table: &'static str,
        read: impl FnOnce(&mut Columns<'_>) -> Result<T, Failure>,
    ) -> Result<Option<T>, LedgerError> {
        self.run(|t| {
            let row = t.connection.row(statement, values)?;
            row.map(|row| read(&mut Columns::of(&row, table))).transpose()
        })
    }

    /// Rows that are read into records.
    fn many<T>(
        &mut self,
        statement: &'static str,
        values: &[&(dyn ToSql + Sync)],
        table: &'static str,
        read: impl Fn(&mut Columns<'_>) -> Result<T, Failure>,
    ) -> Result<Vec<T>, LedgerError> {
        self.run(|t| {
            let rows = t.connection.query(statement, values)?;
            rows.iter().map(|row| read(&mut Columns::of(row, table))).collect()
        })
    }

    /// Nobody else decides about this request until a transaction that writes is over.
    fn claim(&mut self, request: &RequestKey) -> Result<(), Failure> {
        if self.locks() { self.connection.claim(i64::from_be_bytes(reference(request).0)) } else { Ok(()) }
    }

    fn steps_of(&mut self, request: &RequestKey) -> Result<Vec<StepDone>, Failure> {
        self.claim(request)?;
        let rows = self.connection.query(sql::STEPS, &[&request.party.as_str(), &request.id.as_str()])?;
        rows.iter()
            .map(|row| Columns::of(row, "request").step_done().map(|done| self.remembered(done)))
            .collect()
    }

    fn remembered(&mut self, (done, month): (StepDone, i32)) -> StepDone {
        self.months.insert(done.entry.clone(), month);
        done
    }

    fn context_rows(&mut self, ask: &Ask<'_>) -> Result<Vec<Row>, Failure> {
        let point = ask.point.as_str();
        let (party, id) = (ask.request.party.as_str(), ask.request.id.as_str());
        self.claim(ask.request)?;
        let lock = self.locks();
        let connection = &mut self.connection;
        match &ask.payee {
            None => connection.query(sql::CONTEXT.sql(lock), &[&point, &party, &id]),
            Some(Payee::Card(CardId(card))) => {
                connection.query(sql::CONTEXT_CARD.sql(lock), &[&point, &party, &id, &card.as_slice()])
            }
            Some(Payee::Meter(MeterId(meter))) => {
                connection.query(sql::CONTEXT_METER.sql(lock), &[&point, &party, &id, &meter.as_slice()])
            }
            Some(Payee::Binding(binding)) => {
                let (meter, number) = (binding.meter.0.as_slice(), i64::from(binding.number));
                connection.query(sql::CONTEXT_BINDING.sql(lock), &[&point, &party, &id, &meter, &number])
            }
        }
    }

    fn context_of(&mut self, ask: &Ask<'_>) -> Result<Context, Failure> {
        let rows = self.context_rows(ask)?;
        let mut context = Context::default();
        let Some(first) = rows.first() else { return Err(Failure::corrupt("table meta is empty")) };
        for (index, row) in rows.iter().enumerate() {
            let mut columns = Columns::of(row, "meta");
            if index == 0 {
                let scope = self.scope;
                context.epoch = columns.u32()?;
                columns.table("point");
                context.point = columns.joined(POINT_COLUMNS, Columns::point)?;
                columns.table("party");
                context.party = columns.joined(PARTY_COLUMNS, Columns::party)?;
                columns.table("binding");
                context.binding = columns.joined(BINDING_COLUMNS, |columns| columns.binding(scope))?;
                columns.table("customer");
                context.customer = columns.joined(CUSTOMER_COLUMNS, Columns::customer)?;
            } else {
                columns.skip(first.len().saturating_sub(STEP_COLUMNS));
            }
            columns.table("request");
            let step = columns.joined(STEP_COLUMNS, Columns::step_done)?;
            context.steps.extend(step.map(|done| self.remembered(done)));
        }
        self.absent.note(|| Key::Point(ask.point.clone()), context.point.as_ref());
        if let Some(record) = &context.binding {
            self.absent.note(|| Key::Customer(record.held.account), context.customer.as_ref());
        } else if let Some(Payee::Binding(binding)) = ask.payee {
            self.absent.note(|| Key::Binding(binding), context.binding.as_ref());
        }
        let open = context.binding.as_ref().is_some_and(|record| record.status == Status::Open);
        if let Some(payee @ (Payee::Card(_) | Payee::Meter(_))) = ask.payee.filter(|_| !open) {
            // There is none that sells, or it was replaced while this one waited for its lock: looked for in peace.
            context.binding = self.find(payee)?;
            let account = context.binding.as_ref().map(|record| record.held.account);
            context.customer = account.map(|account| self.customer_of(account)).transpose()?.flatten();
        }
        Ok(context)
    }

    fn customer_of(&mut self, account: u64) -> Result<Option<Customer>, Failure> {
        let row = self.connection.row(sql::CUSTOMER.sql(self.locks()), &[&account.cast_signed()])?;
        let customer = row.map(|row| Columns::of(&row, "customer").customer()).transpose()?;
        self.absent.note(|| Key::Customer(account), customer.as_ref());
        Ok(customer)
    }

    fn choose(&mut self, payee: Payee) -> Result<Option<Binding>, Failure> {
        let row = match payee {
            Payee::Binding(binding) => return Ok(Some(binding)),
            Payee::Card(card) => self.connection.row(sql::CHOOSE_CARD, &[&card.0.as_slice()])?,
            Payee::Meter(meter) => self.connection.row(sql::CHOOSE_METER, &[&meter.0.as_slice()])?,
        };
        row.map(|row| Columns::of(&row, "binding").meter()).transpose()
    }

    /// The binding that is meant, locked: the choice is looked at again when the lock is there, since it may have been another one
    /// before the wait.
    fn find(&mut self, payee: Payee) -> Result<Option<BindingRecord>, Failure> {
        let mut chosen = self.choose(payee)?;
        for _ in 0..LOOKS {
            let Some(binding) = chosen else {
                if let Payee::Meter(meter) = payee {
                    self.absent.note(|| Key::Meter(meter), chosen.as_ref());
                }
                return Ok(None);
            };
            let values: [&(dyn ToSql + Sync); 2] = [&binding.meter.0.as_slice(), &i64::from(binding.number)];
            let row = self.connection.row(sql::BINDING.sql(self.locks()), &values)?;
            let record = row.map(|row| Columns::of(&row, "binding").binding(self.scope)).transpose()?;
            if !self.locks() || matches!(payee, Payee::Binding(_)) {
                self.absent.note(|| Key::Binding(binding), record.as_ref());
                return Ok(record);
            }
            chosen = self.choose(payee)?;
            if chosen == Some(binding) {
                return Ok(record);
            }
        }
        Err(Failure::new(FailureKind::Again, "others change this binding again and again"))
    }
}

/// A count of rows, as LIMIT takes it.
fn limit(most: u32) -> i64 {
    i64::from(most)
}

/// The number of an entry to compare with: larger ones than can be stored are not there.
fn bound(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Transaction for PostgresTransaction<'_> {
    fn context(&mut self, ask: &Ask<'_>) -> Result<Context, LedgerError> {
        self.run(|t| t.context_of(ask))
    }

    fn write(&mut self, entry: &Entry, point: &Point, heads: &[Head]) -> Result<(), LedgerError> {
        self.run(|t| {
            if !t.writes()? {
                return Ok(());
            }
            t.month = Some(write::month(entry));
            t.wrote = true;
            write::write(t.connection, entry, point, heads, &mut t.absent)
        })
    }

    fn keep(&mut self, heads: &[Head]) -> Result<(), LedgerError> {
        self.run(|t| {
            if !t.writes()? {
                return Ok(());
            }
            t.wrote = true;
            write::keep(t.connection, heads, &mut t.absent)
        })
    }

    fn touch(&mut self) -> Result<(), LedgerError> {
        self.run(|t| {
            if t.writes()? {
                t.wrote = true;
                t.connection.execute(sql::TOUCH, &[])?;
            }
            Ok(())
        })
    }

    fn entry(&mut self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        let (point, number) = (id.point.as_str(), bound(id.number));
        match self.months.get(id).copied() {
            Some(month) => {
                self.one(sql::ENTRY_OF_MONTH, &[&point, &number, &month], "entry", |columns| columns.entry())
            }
            None => self.one(sql::ENTRY, &[&point, &number], "entry", |columns| columns.entry()),
        }
    }

    fn steps(&mut self, request: &RequestKey) -> Result<Vec<StepDone>, LedgerError> {
        self.run(|t| t.steps_of(request))
    }

    fn chain(&mut self, point: &PointCode, after: u64, most: u32) -> Result<Vec<Entry>, LedgerError> {
        let values: [&(dyn ToSql + Sync); 3] = [&point.as_str(), &bound(after), &limit(most)];
        self.many(sql::CHAIN, &values, "entry", |columns| columns.entry())
    }

    fn history(&mut self, binding: Binding, most: u32) -> Result<Vec<Entry>, LedgerError> {
        let (meter, number) = (binding.meter.0.as_slice(), i64::from(binding.number));
        let last = limit(most.saturating_sub(1));
        let found = self.many(sql::HISTORY, &[&meter, &number, &last], "entry", |columns| columns.entry())?;
        Ok(newest_first(found, most))
    }

    fn recovered(&mut self, after: Option<&EntryId>, most: u32) -> Result<Vec<Entry>, LedgerError> {
        // No code is empty.
        let (point, number) = after.map_or(("", 0), |after| (after.point.as_str(), after.number));
        let values: [&(dyn ToSql + Sync); 3] = [&point, &bound(number), &limit(most)];
        self.many(sql::RECOVERED, &values, "entry", |columns| columns.entry())
    }

    fn point(&mut self, code: &PointCode) -> Result<Option<Point>, LedgerError> {
        let point =
            self.one(sql::POINT.sql(self.locks()), &[&code.as_str()], "point", |columns| columns.point())?;
        self.absent.note(|| Key::Point(code.clone()), point.as_ref());
        Ok(point)
    }

    fn points(&mut self, after: Option<&PointCode>, most: u32) -> Result<Vec<Point>, LedgerError> {
        let after = after.map_or("", PointCode::as_str);
        self.many(sql::POINTS, &[&after, &limit(most)], "point", |columns| columns.point())
    }

    fn party(&mut self, code: &PartyCode) -> Result<Option<Party>, LedgerError> {
        self.one(sql::PARTY, &[&code.as_str()], "party", |columns| columns.party())
    }

    fn token(&mut self, hash: &Hash) -> Result<Option<Token>, LedgerError> {
        self.one(sql::TOKEN, &[&hash.as_slice()], "token", |columns| columns.token())
    }

    fn staff(&mut self) -> Result<Vec<Staff>, LedgerError> {
        self.many(sql::STAFF, &[], "staff", |columns| columns.staff())
    }

    fn persons(&mut self, person: &PersonRef) -> Result<Vec<PersonRecord>, LedgerError> {
        self.many(sql::PERSONS, &[&person.emit().as_slice()], "person", |columns| columns.person())
    }

    fn tokens(&mut self, party: &PartyCode) -> Result<Vec<Token>, LedgerError> {
        self.many(sql::TOKENS.sql(self.locks()), &[&party.as_str()], "token", |columns| columns.token())
    }

    fn binding(&mut self, payee: Payee) -> Result<Option<BindingRecord>, LedgerError> {
        self.run(|t| t.find(payee))
    }

    fn bindings(&mut self, after: Option<Binding>, most: u32) -> Result<Vec<BindingRecord>, LedgerError> {
        let meter = after.as_ref().map(|binding| binding.meter.0.as_slice()).unwrap_or_default();
        let number = after.map(|binding| i64::from(binding.number)).unwrap_or_default();
        let scope = self.scope;
        let values: [&(dyn ToSql + Sync); 3] = [&meter, &number, &limit(most)];
        self.many(sql::BINDINGS, &values, "binding", |columns| columns.binding(scope))
    }

    fn bindings_of(&mut self, account: u64) -> Result<Vec<BindingRecord>, LedgerError> {
        let scope = self.scope;
        self.many(sql::BINDINGS_OF, &[&account.cast_signed()], "binding", |columns| columns.binding(scope))
    }

    fn customer(&mut self, account: u64) -> Result<Option<Customer>, LedgerError> {
        self.run(|t| t.customer_of(account))
    }

    fn debtors(&mut self, after: Option<u64>, most: u32) -> Result<Vec<Customer>, LedgerError> {
        let Some(from) = after.map_or(Some(i64::MIN), |after| after.cast_signed().checked_add(1)) else {
            return Ok(Vec::new());
        };
        self.many(sql::DEBTORS, &[&from, &limit(most)], "customer", |columns| columns.customer())
    }

    fn card(&mut self, card: CardId) -> Result<Option<CardRecord>, LedgerError> {
        let record =
            self.one(sql::CARD.sql(self.locks()), &[&card.0.as_slice()], "card", |columns| columns.card())?;
        self.absent.note(|| Key::Card(card), record.as_ref());
        Ok(record)
    }

    fn link(&mut self, party: &PartyCode, card: CardId) -> Result<Option<Link>, LedgerError> {
        let values: [&(dyn ToSql + Sync); 2] = [&party.as_str(), &card.0.as_slice()];
        let link = self.one(sql::LINK, &values, "link", |columns| columns.link())?;
        self.absent.note(|| Key::Link(party.clone(), card), link.as_ref());
        Ok(link)
    }

    fn mail(&mut self, binding: Binding) -> Result<Vec<MailRecord>, LedgerError> {
        let (meter, number) = (binding.meter.0.as_slice(), i64::from(binding.number));
        self.many(sql::MAIL, &[&meter, &number], "mail", |columns| columns.mail())
    }

    fn mail_in(&mut self, binding: Binding, slot: Slot) -> Result<Option<MailRecord>, LedgerError> {
        let (meter, number) = (binding.meter.0.as_slice(), i64::from(binding.number));
        let values: [&(dyn ToSql + Sync); 3] = [&meter, &number, &i16::from(slot.number())];
        let mail = self.one(sql::MAIL_IN.sql(self.locks()), &values, "mail", |columns| columns.mail())?;
        self.absent.note(|| Key::Mail(binding, slot.number()), mail.as_ref());
        Ok(mail)
    }

    fn readings(&mut self, bindings: &[Binding], most: u32) -> Result<Vec<Reading>, LedgerError> {
        let meters: Vec<_> = bindings.iter().map(|binding| binding.meter.0.as_slice()).collect();
        let numbers: Vec<_> = bindings.iter().map(|binding| i64::from(binding.number)).collect();
        self.many(sql::READINGS, &[&meters, &numbers, &limit(most)], "reading", |columns| columns.reading())
    }

    fn latest(&mut self, bindings: &[Binding]) -> Result<Vec<Reading>, LedgerError> {
        let meters: Vec<_> = bindings.iter().map(|binding| binding.meter.0.as_slice()).collect();
        let numbers: Vec<_> = bindings.iter().map(|binding| i64::from(binding.number)).collect();
        self.many(sql::LATEST, &[&meters, &numbers], "reading", |columns| columns.reading())
    }

    fn policies(&mut self) -> Result<Vec<PolicyRecord>, LedgerError> {
        let policies = self.many(sql::POLICIES, &[], "policy", |columns| columns.policy())?;
        let next = policies.last().map_or(1, |last| last.version.saturating_add(1));
        self.absent.note(|| Key::Policy(next), None::<&()>);
        Ok(policies)
    }

    fn messages(&mut self, most: u32) -> Result<Vec<Message>, LedgerError> {
        self.many(sql::MESSAGES, &[&limit(most)], "message", |columns| columns.message())
    }

    fn message(&mut self, id: &str) -> Result<Option<Message>, LedgerError> {
        let message =
            self.one(sql::MESSAGE.sql(self.locks()), &[&id], "message", |columns| columns.message())?;
        self.absent.note(|| Key::Message(id.to_owned()), message.as_ref());
        Ok(message)
    }

    fn signed_head(&mut self, point: &PointCode, most: u64) -> Result<Option<SignedHead>, LedgerError> {
        let values: [&(dyn ToSql + Sync); 2] = [&point.as_str(), &bound(most)];
        self.one(sql::SIGNED_HEAD, &values, "signed_head", |columns| columns.signed_head())
    }

    fn waiting(
        &mut self,
        point: Option<&PointCode>,
        after: Option<&RequestKey>,
        most: u32,
    ) -> Result<Vec<Entry>, LedgerError> {
        let party = after.map_or("", |after| after.party.as_str());
        let id = after.map_or("", |after| after.id.as_str());
        match point.map(PointCode::as_str) {
            None => self.many(sql::WAITING, &[&party, &id, &limit(most)], "entry", |columns| columns.entry()),
            Some(point) => {
                self.many(sql::WAITING_AT, &[&party, &id, &limit(most), &point], "entry", |columns| {
                    columns.entry()
                })
            }
        }
    }

    fn balances(&mut self) -> Result<Vec<AccountBalance>, LedgerError> {
        // Over all that was ever sold: that takes the time it takes.
        self.run(|t| {
            t.connection.patience = LONG;
            t.connection.batch("SET LOCAL statement_timeout = '1h'")
        })?;
        self.many(sql::BALANCES, &[], "transfer", |columns| {
            let wrong = |error: &dyn std::fmt::Display| Failure::corrupt(format!("table transfer: {error}"));
            let account = columns.next::<&str>()?.parse::<LedgerAccount>().map_err(|error| wrong(&error))?;
            let mut sum = || columns.next::<&str>()?.parse().map(Piastres).map_err(|error| wrong(&error));
            Ok(AccountBalance { account, debits: sum()?, credits: sum()? })
        })
    }

    fn rows(
        &mut self,
        table: Table,
        each: &mut dyn FnMut(TableRow) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let (name, [declare, fetch, close]) = sql::rows(table);
        self.run(|t| t.connection.batch(declare))?;
        loop {
            // A cursor gives what it has left, so no more than a page is held here.
            let page = self.many(fetch, &[], name, |columns| columns.any(table))?;
            if page.is_empty() {
                return self.run(|t| t.connection.batch(close));
            }
            page.into_iter().try_for_each(&mut *each)?;
        }
    }

    fn secret(&mut self) -> Result<Secret, LedgerError> {
        let secret = self.one(sql::SECRET, &[], "secret", |columns| columns.secret())?;
        self.run(|_| secret.ok_or_else(|| Failure::corrupt("table secret is empty")))
    }

    fn epoch(&mut self) -> Result<u32, LedgerError> {
        let epoch = self.one(sql::EPOCH, &[], "meta", |columns| columns.u32())?;
        self.run(|_| epoch.ok_or_else(|| Failure::corrupt("table meta is empty")))
    }

    fn last_time(&mut self) -> Result<CardTime, LedgerError> {
        Ok(self.one(sql::LAST_TIME, &[], "point", |columns| columns.time())?.unwrap_or_default())
    }

    fn clock(&mut self) -> Result<Option<CardTime>, LedgerError> {
        let seconds = self.one(sql::CLOCK, &[], "the clock", |columns| columns.u64())?;
        // One that shows a time before 2020 vouches for none.
        Ok(seconds.map(|seconds| CardTime::from_unix(seconds).unwrap_or_default()))
    }
}
