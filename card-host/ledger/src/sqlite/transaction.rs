//! One transaction over the tables: what is read. What is written is in `write.rs`.
// Long: one trait, and each of its questions is a few lines.

use card_core::id::{Binding, CardId, Scope};
use card_core::message::Slot;
use card_core::units::CardTime;
use card_host::national_id::PersonRef;
use rusqlite::{Connection, Params, named_params, params};

use super::error::{failed, is_severe};
use super::group::touch;
use super::rows::{Columns, account};
use crate::entry::{Entry, EntryId, Hash, RequestKey};
use crate::names::{PartyCode, PointCode};
use crate::records::{
    BindingRecord, CardRecord, Customer, Head, Link, MailRecord, Message, Party, PersonRecord, Point,
    PolicyRecord, Reading, SignedHead, Staff, StepDone, Token,
};
use crate::store::{Access, AccountBalance, Ask, Context, Payee, Row, Table, Transaction, newest_first};
use crate::{LedgerError, Secret, StoreError};

macro_rules! entry {
    ($rest:expr) => {
        concat!(
            "SELECT e.point, e.number, e.time, e.kind, e.party, e.request, e.step, e.actor, e.reason, e.meter, e.binding, ",
            "e.card, e.account, e.amount, e.sequence, e.total_credit, e.total_debited, e.policy, e.payload, e.previous, ",
            "e.hash FROM entry e ",
            $rest
        )
    };
}

macro_rules! point {
    ($rest:literal) => {
        concat!(
            "SELECT code, party, open, number, head, time, cash, day, sold, most_cash, most_daily FROM point ",
            $rest
        )
    };
}

/// The binding and, where there is one, its customer.
macro_rules! binding {
    ($rest:literal) => {
        concat!(
            "SELECT b.meter, b.number, b.account, b.card, b.generation, b.load_key, b.credit_key, b.parameter_keys, ",
            "b.sequence, b.total_credit, b.total_debited, b.opening_time, b.status, b.blocked, b.epoch, b.voucher, ",
            "b.card_sequence, b.applied_credit, b.applied_debited, b.heard, ",
            "c.account, c.debt, c.phone, c.arabic FROM binding b LEFT JOIN customer c ON c.account = b.account ",
            $rest
        )
    };
}

const STEPS: &str = "SELECT step, point, number FROM request WHERE party = ? AND id = ? ORDER BY step";

/// One row always: `meta` has one.
const EPOCH_AND_POINT: &str = "SELECT m.epoch, p.code, p.party, p.open, p.number, p.head, p.time, p.cash, p.day, p.sold, \
     p.most_cash, p.most_daily, y.code, y.channel, y.open \
     FROM meta m LEFT JOIN point p ON p.code = ? LEFT JOIN party y ON y.code = p.party WHERE m.id = 1";

/// A card's open binding, found by the index that lets it be one.
const OPEN_OF_CARD: &str = binding!("WHERE b.card = ? AND b.status = 'open'");
/// The newest that it served, where none is open.
const OF_CARD: &str =
    binding!("WHERE b.card = ? ORDER BY b.opening_time DESC, b.meter DESC, b.number DESC LIMIT 1");
const OF_METER: &str = binding!("WHERE b.meter = ? ORDER BY b.number DESC LIMIT 1");
const BINDING: &str = binding!("WHERE b.meter = ? AND b.number = ?");

/// Of the request that the entry has: whoever asks for what comes after it must not be given it again. The table is looked through in the order of its key, or of its index where a vending point is given.
macro_rules! waiting {
    ($point:literal) => {
        entry!(concat!(
            "JOIN waiting w ON e.point = w.point AND e.number = w.number AND e.party = w.party AND e.request = w.id WHERE (w.party, w.id) > (:party, :request)",
            $point,
            " ORDER BY w.party, w.id LIMIT :most"
        ))
    };
}
const WAITING: &str = waiting!("");
const WAITING_AT: &str = waiting!(" AND w.point = :point");

/// How a transaction has gone so far.
#[derive(Debug, Default)]
pub(super) struct Course {
    /// Something was written.
    pub(super) wrote: bool,
    /// A write failed half way: whatever the work says, nothing of it may stay.
    pub(super) half_written: Option<String>,
    /// SQLite may have ended the transaction of the whole group.
    pub(super) broken: Option<String>,
}

/// A transaction, or one member's part of it.
pub(super) struct Rows<'c> {
    pub(super) connection: &'c Connection,
    pub(super) scope: Scope,
    pub(super) access: Access,
    pub(super) course: Course,
}

impl<'c> Rows<'c> {
    pub(super) fn new(connection: &'c Connection, scope: Scope, access: Access) -> Self {
        Self { connection, scope, access, course: Course::default() }
    }

    /// Whether what is written is kept.
    fn keeps(&self) -> Result<bool, LedgerError> {
        match self.access {
            Access::Writes => Ok(true),
            Access::Reads => Err(StoreError::ReadOnly.into()),
            Access::Looks => Ok(false),
        }
    }

    pub(super) fn failed(&mut self, table: &str, error: &rusqlite::Error) -> LedgerError {
        if is_severe(error) {
            self.course.broken.get_or_insert_with(|| format!("{table}: {error}"));
        }
        failed(table, error)
    }

    /// Each row of a statement.
    fn each(
        &mut self,
        table: &'static str,
        sql: &str,
        params: impl Params,
        mut row: impl FnMut(&mut Columns<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let connection = self.connection;
        let mut statement = connection.prepare_cached(sql).map_err(|error| self.failed(table, &error))?;
        let mut rows = statement.query(params).map_err(|error| self.failed(table, &error))?;
        while let Some(found) = rows.next().map_err(|error| self.failed(table, &error))? {
            row(&mut Columns::new(found, table))?;
        }
        Ok(())
    }

    fn all<T>(
        &mut self,
        table: &'static str,
        sql: &str,
        params: impl Params,
        mut row: impl FnMut(&mut Columns<'_>) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        let mut out = Vec::new();
        self.each(table, sql, params, |columns| {
            out.push(row(columns)?);
            Ok(())
        })?;
        Ok(out)
    }

    /// The row of a statement that has one at most.
    pub(super) fn one<T>(
        &mut self,
        table: &'static str,
        sql: &str,
        params: impl Params,
        mut row: impl FnMut(&mut Columns<'_>) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        let mut out = None;
        self.each(table, sql, params, |columns| {
            out = Some(row(columns)?);
            Ok(())
        })?;
        Ok(out)
    }

    fn entries(&mut self, sql: &str, params: impl Params) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = self.all("entry", sql, params, |columns| columns.entry())?;
        for entry in &mut entries {
            entry.transfers = self.all(
                "transfer",
                "SELECT debit, credit, amount FROM transfer WHERE point = ? AND number = ? ORDER BY line",
                params![entry.id.point.as_str(), stored(entry.id.number)],
                |columns| columns.transfer(),
            )?;
        }
        Ok(entries)
    }

    fn payee(&mut self, payee: Payee) -> Result<Option<(BindingRecord, Option<Customer>)>, LedgerError> {
        let scope = self.scope;
        let row = |columns: &mut Columns<'_>| {
            let binding = columns.binding_record(scope)?;
            let customer = columns.of("customer");
            let customer = if customer.is_null()? { None } else { Some(customer.customer()?) };
            Ok((binding, customer))
        };
        match payee {
            Payee::Card(card) => match self.one("binding", OPEN_OF_CARD, [card.0], row)? {
                Some(open) => Ok(Some(open)),
                None => self.one("binding", OF_CARD, [card.0], row),
            },
            Payee::Meter(meter) => self.one("binding", OF_METER, [meter.0], row),
            Payee::Binding(binding) => {
                self.one("binding", BINDING, params![binding.meter.0, binding.number], row)
            }
        }
    }

    fn all_bindings(&mut self, sql: &str, params: impl Params) -> Result<Vec<BindingRecord>, LedgerError> {
        let scope = self.scope;
        self.all("binding", sql, params, |columns| columns.binding_record(scope))
    }
}

/// A number that is looked for: above what can be stored there is nothing.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

impl Transaction for Rows<'_> {
    fn context(&mut self, ask: &Ask<'_>) -> Result<Context, LedgerError> {
        let mut context = Context { steps: self.steps(ask.request)?, ..Context::default() };
        let found = self.one("meta", EPOCH_AND_POINT, [ask.point.as_str()], |columns| {
            context.epoch = columns.count("epoch")?;
            let columns = columns.of("point");
            if columns.is_null()? {
                return Ok(());
            }
            context.point = Some(columns.point()?);
            let columns = columns.of("party");
            context.party = if columns.is_null()? { None } else { Some(columns.party()?) };
            Ok(())
        })?;
        found.ok_or_else(|| StoreError::Corrupt("table meta has no row".to_owned()))?;
        if let Some(payee) = ask.payee
            && let Some((binding, customer)) = self.payee(payee)?
        {
            (context.binding, context.customer) = (Some(binding), customer);
        }
        Ok(context)
    }

    fn write(&mut self, entry: &Entry, point: &Point, heads: &[Head]) -> Result<(), LedgerError> {
        if !self.keeps()? {
            return Ok(());
        }
        self.course.wrote = true;
        let written = self.write_all(entry, point, heads);
        if let Err(error) = &written {
            self.course.half_written.get_or_insert_with(|| error.to_string());
        }
        written
    }

    fn keep(&mut self, heads: &[Head]) -> Result<(), LedgerError> {
        if !self.keeps()? {
            return Ok(());
        }
        self.course.wrote = true;
        let kept = self.keep_all(heads);
        if let Err(error) = &kept {
            self.course.half_written.get_or_insert_with(|| error.to_string());
        }
        kept
    }

    fn touch(&mut self) -> Result<(), LedgerError> {
        if !self.keeps()? {
            return Ok(());
        }
        self.course.wrote = true;
        touch(self.connection).map_err(|error| self.failed("meta", &error))
    }

    fn entry(&mut self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        let Ok(number) = i64::try_from(id.number) else { return Ok(None) };
        let sql = entry!("WHERE e.point = ? AND e.number = ?");
        Ok(self.entries(sql, params![id.point.as_str(), number])?.pop())
    }

    fn steps(&mut self, request: &RequestKey) -> Result<Vec<StepDone>, LedgerError> {
        self.all("request", STEPS, [request.party.as_str(), request.id.as_str()], |columns| {
            columns.step_done()
        })
    }

    fn chain(&mut self, point: &PointCode, after: u64, most: u32) -> Result<Vec<Entry>, LedgerError> {
        let sql = entry!("WHERE e.point = ? AND e.number > ? ORDER BY e.number LIMIT ?");
        self.entries(sql, params![point.as_str(), stored(after), most])
    }

    fn history(&mut self, binding: Binding, most: u32) -> Result<Vec<Entry>, LedgerError> {
        // All from the second on in which the last one wanted is: their order within a second is not the store's.
        let sql = entry!(
            "WHERE e.meter = ?1 AND e.binding = ?2 AND e.time >= coalesce((SELECT time FROM entry \
             WHERE meter = ?1 AND binding = ?2 ORDER BY time DESC LIMIT 1 OFFSET ?3), 0)"
        );
        let found = self.entries(sql, params![binding.meter.0, binding.number, most.saturating_sub(1)])?;
        Ok(newest_first(found, most))
    }

    fn recovered(&mut self, after: Option<&EntryId>, most: u32) -> Result<Vec<Entry>, LedgerError> {
        // No code is empty.
        let (point, number) = after.map_or(("", 0), |after| (after.point.as_str(), after.number));
        let sql = entry!(
            "INDEXED BY entry_recovered WHERE e.kind = 'recover' AND (e.point, e.number) > (?, ?) \
             ORDER BY e.point, e.number LIMIT ?"
        );
        self.entries(sql, params![point, stored(number), most])
    }

    fn point(&mut self, code: &PointCode) -> Result<Option<Point>, LedgerError> {
        self.one("point", point!("WHERE code = ?"), [code.as_str()], |columns| columns.point())
    }

    fn points(&mut self, after: Option<&PointCode>, most: u32) -> Result<Vec<Point>, LedgerError> {
        // No code is empty.
        let after = after.map_or("", PointCode::as_str);
        self.all("point", point!("WHERE code > ? ORDER BY code LIMIT ?"), params![after, most], |columns| {
            columns.point()
        })
    }

    fn party(&mut self, code: &PartyCode) -> Result<Option<Party>, LedgerError> {
        self.one(
            "party",
            "SELECT code, channel, open FROM party WHERE code = ?",
            [code.as_str()],
            |columns| columns.party(),
        )
    }

    fn token(&mut self, hash: &Hash) -> Result<Option<Token>, LedgerError> {
        let sql = "SELECT hash, party, actor, power, revoked FROM token WHERE hash = ?";
        self.one("token", sql, [hash], |columns| columns.token())
    }

    fn staff(&mut self) -> Result<Vec<Staff>, LedgerError> {
        let sql = "SELECT identity, name, may, secret, stopped FROM staff ORDER BY identity";
        self.all("staff", sql, [], |columns| columns.staff())
    }

    fn persons(&mut self, person: &PersonRef) -> Result<Vec<PersonRecord>, LedgerError> {
        let sql = "SELECT person, account FROM person WHERE person = ?";
        self.all("person", sql, [person.emit()], |columns| columns.person())
    }

    fn tokens(&mut self, party: &PartyCode) -> Result<Vec<Token>, LedgerError> {
        let sql = "SELECT hash, party, actor, power, revoked FROM token WHERE party = ? ORDER BY hash";
        self.all("token", sql, [party.as_str()], |columns| columns.token())
    }

    fn binding(&mut self, payee: Payee) -> Result<Option<BindingRecord>, LedgerError> {
        Ok(self.payee(payee)?.map(|(binding, _)| binding))
    }

    fn bindings(&mut self, after: Option<Binding>, most: u32) -> Result<Vec<BindingRecord>, LedgerError> {
        match after {
            None => self.all_bindings(binding!("ORDER BY b.meter, b.number LIMIT ?"), [most]),
            Some(Binding { meter, number }) => self.all_bindings(
                binding!("WHERE (b.meter, b.number) > (?, ?) ORDER BY b.meter, b.number LIMIT ?"),
                params![meter.0, number, most],
            ),
        }
    }

    fn bindings_of(&mut self, of: u64) -> Result<Vec<BindingRecord>, LedgerError> {
        self.all_bindings(binding!("WHERE b.account = ? ORDER BY b.meter, b.number"), [account(of)])
    }

    fn customer(&mut self, of: u64) -> Result<Option<Customer>, LedgerError> {
        let sql = "SELECT account, debt, phone, arabic FROM customer WHERE account = ?";
        self.one("customer", sql, [account(of)], |columns| columns.customer())
    }

    fn debtors(&mut self, after: Option<u64>, most: u32) -> Result<Vec<Customer>, LedgerError> {
        let Some(from) = after.map_or(Some(i64::MIN), |after| account(after).checked_add(1)) else {
            return Ok(Vec::new());
        };
        let sql = "SELECT account, debt, phone, arabic FROM customer WHERE debt <> 0 AND account >= ? ORDER BY account LIMIT ?";
        self.all("customer", sql, params![from, most], |columns| columns.customer())
    }

    fn card(&mut self, card: CardId) -> Result<Option<CardRecord>, LedgerError> {
        let sql = "SELECT id, generation, meter, binding, load_key, used FROM card WHERE id = ?";
        self.one("card", sql, [card.0], |columns| columns.card())
    }

    fn link(&mut self, party: &PartyCode, card: CardId) -> Result<Option<Link>, LedgerError> {
        let sql = "SELECT party, card, customer, since FROM link WHERE party = ? AND card = ?";
        self.one("link", sql, params![party.as_str(), card.0], |columns| columns.link())
    }

    fn mail(&mut self, binding: Binding) -> Result<Vec<MailRecord>, LedgerError> {
        let sql = "SELECT meter, binding, slot, version, envelope FROM mail WHERE meter = ? AND binding = ? ORDER BY slot";
        self.all("mail", sql, params![binding.meter.0, binding.number], |columns| columns.mail())
    }

    fn mail_in(&mut self, binding: Binding, slot: Slot) -> Result<Option<MailRecord>, LedgerError> {
        let sql = "SELECT meter, binding, slot, version, envelope FROM mail WHERE meter = ? AND binding = ? AND slot = ?";
        self.one("mail", sql, params![binding.meter.0, binding.number, slot.number()], |columns| {
            columns.mail()
        })
    }

    fn readings(&mut self, bindings: &[Binding], most: u32) -> Result<Vec<Reading>, LedgerError> {
        let sql = "SELECT meter, binding, number, time, applied_credit, applied_debited, balance, energy, flags, tampering \
                   FROM reading WHERE meter = ? AND binding = ? \
                   ORDER BY regressed DESC, number DESC, energy DESC, time DESC, flags DESC, tampering DESC LIMIT ?";
        let mut out = Vec::new();
        for Binding { meter, number } in bindings {
            self.each("reading", sql, params![meter.0, number, most], |columns| {
                out.push(columns.reading()?);
                Ok(())
            })?;
        }
        Ok(out)
    }

    fn latest(&mut self, bindings: &[Binding]) -> Result<Vec<Reading>, LedgerError> {
        let sql = "SELECT meter, binding, number, time, applied_credit, applied_debited, balance, energy, flags, tampering \
                   FROM reading WHERE meter = ? AND binding = ? AND regressed = 0 \
                   ORDER BY time DESC, number DESC, energy DESC, flags DESC, tampering DESC LIMIT 1";
        let mut out = Vec::new();
        for Binding { meter, number } in bindings {
            self.each("reading", sql, params![meter.0, number], |columns| {
                out.push(columns.reading()?);
                Ok(())
            })?;
        }
        Ok(out)
    }

    fn policies(&mut self) -> Result<Vec<PolicyRecord>, LedgerError> {
        let sql = "SELECT version, from_time, rules FROM policy ORDER BY version";
        self.all("policy", sql, [], |columns| columns.policy())
    }

    fn messages(&mut self, most: u32) -> Result<Vec<Message>, LedgerError> {
        let sql =
            "SELECT id, time, phone, text, taken FROM message WHERE taken = 0 ORDER BY time, id LIMIT ?";
        self.all("message", sql, [most], |columns| columns.message())
    }

    fn message(&mut self, id: &str) -> Result<Option<Message>, LedgerError> {
        let sql = "SELECT id, time, phone, text, taken FROM message WHERE id = ?";
        self.one("message", sql, [id], |columns| columns.message())
    }

    fn signed_head(&mut self, point: &PointCode, most: u64) -> Result<Option<SignedHead>, LedgerError> {
        let sql = "SELECT point, number, head, time, signature FROM signed_head WHERE point = ? AND number <= ? \
                   ORDER BY number DESC LIMIT 1";
        self.one("signed_head", sql, params![point.as_str(), stored(most)], |columns| columns.signed_head())
    }

    fn waiting(
        &mut self,
        point: Option<&PointCode>,
        after: Option<&RequestKey>,
        most: u32,
    ) -> Result<Vec<Entry>, LedgerError> {
        let (party, request) = after.map_or(("", ""), |after| (after.party.as_str(), after.id.as_str()));
        match point.map(PointCode::as_str) {
            None => {
                self.entries(WAITING, named_params! { ":party": party, ":request": request, ":most": most })
            }
            Some(point) => self.entries(
                WAITING_AT,
                named_params! { ":party": party, ":request": request, ":point": point, ":most": most },
            ),
        }
    }

    fn balances(&mut self) -> Result<Vec<AccountBalance>, LedgerError> {
        let sql = "SELECT account, sum(debit), sum(credit) FROM \
                   (SELECT debit AS account, amount AS debit, 0 AS credit FROM transfer \
                   UNION ALL SELECT credit, 0, amount FROM transfer) GROUP BY account ORDER BY account";
        self.all("transfer", sql, [], |columns| columns.account_balance())
    }

    fn rows(
        &mut self,
        table: Table,
        each: &mut dyn FnMut(Row) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let (name, sql) = match table {
            Table::Entry => ("entry", "SELECT point, number, 0, month FROM entry"),
            Table::Transfer => ("transfer", "SELECT point, number, line, month FROM transfer"),
            Table::Request => ("request", "SELECT party, id, step, point, number, month FROM request"),
            Table::Waiting => ("waiting", "SELECT party, id, point, number, month FROM waiting"),
            Table::Party => ("party", "SELECT code, channel, open FROM party"),
            Table::Token => ("token", "SELECT hash, party, actor, power, revoked FROM token"),
            Table::Staff => ("staff", "SELECT identity, name, may, secret, stopped FROM staff"),
            Table::Person => ("person", "SELECT person, account FROM person"),
            Table::Link => ("link", "SELECT party, card, customer, since FROM link"),
            Table::Card => ("card", "SELECT id, generation, meter, binding, load_key, used FROM card"),
            Table::Customer => ("customer", "SELECT account, debt, phone, arabic FROM customer"),
            Table::Mail => ("mail", "SELECT meter, binding, slot, version, envelope FROM mail"),
            Table::Reading => (
                "reading",
                "SELECT meter, binding, number, time, applied_credit, applied_debited, balance, energy, \
                 CASE regressed WHEN (flags >> 5) & 1 THEN flags ELSE -1 END, tampering FROM reading",
            ),
        };
        self.each(name, sql, [], |columns| each(columns.any(table)?))
    }

    fn secret(&mut self) -> Result<Secret, LedgerError> {
        let secret =
            self.one("secret", "SELECT bytes FROM secret WHERE id = 1", [], |columns| columns.secret())?;
        Ok(secret.ok_or_else(|| StoreError::Corrupt("table secret has no row".to_owned()))?)
    }

    fn epoch(&mut self) -> Result<u32, LedgerError> {
        let epoch =
            self.one("meta", "SELECT epoch FROM meta WHERE id = 1", [], |columns| columns.count("epoch"))?;
        Ok(epoch.ok_or_else(|| StoreError::Corrupt("table meta has no row".to_owned()))?)
    }

    fn last_time(&mut self) -> Result<CardTime, LedgerError> {
        // A vending point has the time of its last entry.
        let sql = "SELECT coalesce(max(time), 0) FROM point WHERE number > 0";
        let time = self.one("point", sql, [], |columns| columns.time("time"))?;
        Ok(time.unwrap_or(CardTime::UNSET))
    }
}
