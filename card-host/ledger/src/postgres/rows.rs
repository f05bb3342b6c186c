//! Between rows and records: each value is checked where it goes in and where it comes out.

use card_core::id::{Binding, CardId, CardRef, Channel, MeterId, Scope};
use card_core::message::{MeterFlags, Slot};
use card_core::role::KeyVersion;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::failure::Failure;
use crate::store::{Row as TableRow, Table};
use crate::{
    BindingRecord, CardRecord, CardUse, Customer, Entry, EntryId, Hash, Head, Kind, LedgerAccount, Link,
    MailRecord, Message, Party, PersonRecord, Point, PolicyRecord, Power, Reading, RequestKey, Secret,
    SignedHead, Staff, Status, Step, StepDone, Token, Transfer,
};
use card_host::issuer::BindingAccount;
use card_host::national_id::PersonRef;

/// The largest total of a binding.
const MOST_TOTAL: u64 = 1 << 62;

/// A number of at most 63 bits.
pub(super) fn number(value: u64, what: &str) -> Result<i64, Failure> {
    i64::try_from(value)
        .map_err(|_| Failure::invalid(format!("{what} {value} is larger than the ledger can hold")))
}

pub(super) fn amount(value: Piastres) -> Result<i64, Failure> {
    number(value.0, "the amount")
}

pub(super) fn total(value: Piastres) -> Result<i64, Failure> {
    if value.0 > MOST_TOTAL {
        return Err(Failure::invalid(format!("a total of {value} EGP is larger than the ledger can hold")));
    }
    number(value.0, "the total")
}

/// POSIX seconds; 0: not set.
pub(super) fn time(time: CardTime) -> i64 {
    if time == CardTime::UNSET { 0 } else { i64::try_from(time.to_unix()).unwrap_or_default() }
}

/// Reads the columns of a row from left to right.
pub(super) struct Columns<'r> {
    row: &'r Row,
    at: usize,
    table: &'static str,
}

impl<'r> Columns<'r> {
    pub(super) const fn of(row: &'r Row, table: &'static str) -> Self {
        Self { row, at: 0, table }
    }

    /// What follows are columns of this table.
    pub(super) const fn table(&mut self, table: &'static str) {
        self.table = table;
    }

    /// Passes over so many columns.
    pub(super) const fn skip(&mut self, columns: usize) {
        self.at = self.at.saturating_add(columns);
    }

    /// The record that follows, of so many columns; none where its first column, a key, is empty: an outer join without a row.
    pub(super) fn joined<T>(
        &mut self,
        columns: usize,
        read: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        let end = self.at.saturating_add(columns);
        // Of any type: only whether there is something counts.
        let there = self.row.try_get::<_, Option<Anything>>(self.at);
        let record = if there.map_err(|error| self.wrong(self.at, &error.to_string()))?.is_some() {
            Some(read(self)?)
        } else {
            None
        };
        self.at = end;
        Ok(record)
    }

    fn wrong(&self, at: usize, why: &str) -> Failure {
        let column = self.row.columns().get(at).map_or("?", |column| column.name());
        Failure::corrupt(format!("table {}, column {column}: {why}", self.table))
    }

    /// The next column, as the driver reads it.
    pub(super) fn next<T: FromSql<'r>>(&mut self) -> Result<T, Failure> {
        let at = self.at;
        self.at = at.saturating_add(1);
        self.row.try_get(at).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            self.wrong(at, &cause.unwrap_or_else(|| error.to_string()))
        })
    }

    /// The next column as something narrower.
    fn narrow<F: FromSql<'r> + Copy + std::fmt::Display, T: TryFrom<F>>(&mut self) -> Result<T, Failure> {
        let value: F = self.next()?;
        T::try_from(value)
            .map_err(|_| self.wrong(self.at.saturating_sub(1), &format!("{value} is out of range")))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Failure> {
        self.narrow::<i64, _>()
    }

    pub(super) fn u32(&mut self) -> Result<u32, Failure> {
        self.narrow::<i64, _>()
    }

    fn u16(&mut self) -> Result<u16, Failure> {
        self.narrow::<i32, _>()
    }

    fn u8(&mut self) -> Result<u8, Failure> {
        self.narrow::<i16, _>()
    }

    fn flag(&mut self) -> Result<bool, Failure> {
        match self.next::<i16>()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.wrong(self.at.saturating_sub(1), &format!("{other} is neither 0 nor 1"))),
        }
    }

    /// A customer's account: all 64 bits.
    fn account(&mut self) -> Result<u64, Failure> {
        Ok(self.next::<i64>()?.cast_unsigned())
    }

    fn money(&mut self) -> Result<Piastres, Failure> {
        self.u64().map(Piastres)
    }

    fn most(&mut self) -> Result<Option<Piastres>, Failure> {
        let Some(value) = self.next::<Option<i64>>()? else { return Ok(None) };
        let wrong = |_| self.wrong(self.at.saturating_sub(1), &format!("{value} is out of range"));
        u64::try_from(value).map(|value| Some(Piastres(value))).map_err(wrong)
    }

    pub(super) fn time(&mut self) -> Result<CardTime, Failure> {
        let seconds = self.u64()?;
        if seconds == 0 {
            return Ok(CardTime::UNSET);
        }
        let wrong = || self.wrong(self.at.saturating_sub(1), &format!("{seconds} is no time from 2020 on"));
        CardTime::from_unix(seconds).ok_or_else(wrong)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let bytes: &[u8] = self.next()?;
        let wrong = |_| self.wrong(self.at.saturating_sub(1), &format!("{} bytes, and not {N}", bytes.len()));
        bytes.try_into().map_err(wrong)
    }

    /// The ledger's secret.
    pub(super) fn secret(&mut self) -> Result<Secret, Failure> {
        let bytes: &[u8] = self.next()?;
        Secret::parse(bytes).map_err(|error| self.wrong(self.at.saturating_sub(1), &error.to_string()))
    }

    fn hash(&mut self) -> Result<Hash, Failure> {
        self.bytes()
    }

    fn name<T: TryFrom<String, Error: std::fmt::Display>>(&mut self) -> Result<T, Failure> {
        let text: String = self.next()?;
        T::try_from(text).map_err(|error| self.wrong(self.at.saturating_sub(1), &error.to_string()))
    }

    fn code<T>(&mut self, from_code: impl FnOnce(&str) -> Option<T>) -> Result<T, Failure> {
        let code: &str = self.next()?;
        from_code(code).ok_or_else(|| self.wrong(self.at.saturating_sub(1), &format!("{code:?} is unknown")))
    }

    fn step(&mut self) -> Result<Step, Failure> {
        let number: i16 = self.next()?;
        Step::from_number(number.into())
            .ok_or_else(|| self.wrong(self.at.saturating_sub(1), &format!("{number} is no step")))
    }

    pub(super) fn meter(&mut self) -> Result<Binding, Failure> {
        Ok(Binding { meter: MeterId(self.bytes()?), number: self.u32()? })
    }

    pub(super) fn point(&mut self) -> Result<Point, Failure> {
        Ok(Point {
            code: self.name()?,
            party: self.name()?,
            open: self.flag()?,
            number: self.u64()?,
            head: self.hash()?,
            time: self.time()?,
            cash: Balance(self.next()?),
            day: self.u32()?,
            sold: self.money()?,
            most_cash: self.most()?,
            most_daily: self.most()?,
        })
    }

    pub(super) fn party(&mut self) -> Result<Party, Failure> {
        Ok(Party { code: self.name()?, channel: self.code(channel)?, open: self.flag()? })
    }

    pub(super) fn binding(&mut self, scope: Scope) -> Result<BindingRecord, Failure> {
        let mut held = BindingAccount {
            scope,
            binding: self.meter()?,
            account: self.account()?,
            card: CardRef { id: CardId(self.bytes()?), generation: self.u16()? },
            load_key: KeyVersion::from_byte(self.u8()?),
            credit_key: KeyVersion::from_byte(self.u8()?),
            parameter_keys: KeyVersion::from_byte(self.u8()?),
            sequence: self.u32()?,
            total_credit: self.money()?,
            total_debited: self.money()?,
            opening_time: self.time()?,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            moved: false,
        };
        let status = self.code(Status::from_code)?;
        held.moved = status == Status::Closed;
        Ok(BindingRecord {
            status,
            blocked: self.flag()?,
            epoch: self.u32()?,
            voucher: self.next()?,
            card_sequence: self.u32()?,
            // Columns in their order: fields are read as they stand here.
            held: BindingAccount { applied_credit: self.money()?, applied_debited: self.money()?, ..held },
            heard: self.time()?,
        })
    }

    pub(super) fn customer(&mut self) -> Result<Customer, Failure> {
        Ok(Customer {
            account: self.account()?,
            debt: self.money()?,
            phone: self.next()?,
            arabic: self.flag()?,
        })
    }

    /// A step of a request, and the month of its entry.
    pub(super) fn step_done(&mut self) -> Result<(StepDone, i32), Failure> {
        let step = self.step()?;
        let entry = EntryId { point: self.name()?, number: self.u64()? };
        Ok((StepDone { step, entry }, self.next()?))
    }

    /// An entry, with its transfers in three lists.
    pub(super) fn entry(&mut self) -> Result<Entry, Failure> {
        let id = EntryId { point: self.name()?, number: self.u64()? };
        let time = self.time()?;
        let kind = self.code(Kind::from_code)?;
        let request = RequestKey { party: self.name()?, id: self.name()? };
        let step = self.step()?;
        let (actor, reason) = (self.next()?, self.next()?);
        let binding = self.joined(2, Self::meter)?;
        let number = self.at.saturating_sub(1);
        let numbered = self.row.try_get::<_, Option<Anything>>(number);
        if binding.is_none() && numbered.is_ok_and(|numbered| numbered.is_some()) {
            return Err(self.wrong(number, "it has no meter"));
        }
        let card = self.joined(1, |columns| columns.bytes().map(CardId))?;
        Ok(Entry {
            id,
            time,
            kind,
            request,
            step,
            actor,
            reason,
            binding,
            card,
            account: self.account()?,
            amount: self.money()?,
            sequence: self.u32()?,
            total_credit: self.money()?,
            total_debited: self.money()?,
            policy: self.u32()?,
            payload: self.next()?,
            previous: self.hash()?,
            hash: self.hash()?,
            transfers: self.transfers()?,
        })
    }

    fn transfers(&mut self) -> Result<Vec<Transfer>, Failure> {
        self.table("transfer");
        let debits: Vec<&str> = self.next::<Option<_>>()?.unwrap_or_default();
        let credits: Vec<&str> = self.next::<Option<_>>()?.unwrap_or_default();
        let amounts: Vec<i64> = self.next::<Option<_>>()?.unwrap_or_default();
        let wrong = |why: String| Failure::corrupt(format!("table transfer: {why}"));
        let account = |text: &str| text.parse::<LedgerAccount>().map_err(|error| wrong(error.to_string()));
        let mut transfers = Vec::with_capacity(amounts.len());
        for ((debit, credit), amount) in debits.into_iter().zip(credits).zip(amounts) {
            let (debit, credit) = (account(debit)?, account(credit)?);
            let amount =
                u64::try_from(amount).map_err(|_| wrong(format!("amount {amount} is out of range")))?;
            transfers.push(Transfer { debit, credit, amount: Piastres(amount) });
        }
        Ok(transfers)
    }

    pub(super) fn card(&mut self) -> Result<CardRecord, Failure> {
        Ok(CardRecord {
            card: CardRef { id: CardId(self.bytes()?), generation: self.u16()? },
            binding: self.meter()?,
            load_key: KeyVersion::from_byte(self.u8()?),
            used: self.code(CardUse::from_code)?,
        })
    }

    pub(super) fn token(&mut self) -> Result<Token, Failure> {
        Ok(Token {
            hash: self.hash()?,
            party: self.name()?,
            actor: self.next()?,
            power: self.code(Power::from_code)?,
            revoked: self.flag()?,
        })
    }

    pub(super) fn person(&mut self) -> Result<PersonRecord, Failure> {
        Ok(PersonRecord { person: PersonRef::parse(&self.bytes()?), account: self.account()? })
    }

    pub(super) fn staff(&mut self) -> Result<Staff, Failure> {
        Ok(Staff {
            identity: self.next()?,
            name: self.next()?,
            may: self.code(|text| text.parse().ok())?,
            secret: self.next()?,
            stopped: self.flag()?,
        })
    }

    pub(super) fn link(&mut self) -> Result<Link, Failure> {
        Ok(Link {
            party: self.name()?,
            card: CardId(self.bytes()?),
            customer: self.next()?,
            since: self.time()?,
        })
    }

    pub(super) fn mail(&mut self) -> Result<MailRecord, Failure> {
        let binding = self.meter()?;
        let number = self.u8()?;
        let wrong = || self.wrong(self.at.saturating_sub(1), &format!("{number} is no slot"));
        let slot = Slot::new(number).ok_or_else(wrong)?;
        Ok(MailRecord { binding, slot, version: self.u32()?, envelope: self.next()? })
    }

    pub(super) fn reading(&mut self) -> Result<Reading, Failure> {
        Ok(Reading {
            binding: self.meter()?,
            number: self.u32()?,
            time: self.time()?,
            applied_credit: self.money()?,
            applied_debited: self.money()?,
            balance: Balance(self.next()?),
            energy: Energy(self.u32()?),
            flags: MeterFlags(self.u16()?),
            tampering: self.u8()?,
        })
    }

    pub(super) fn policy(&mut self) -> Result<PolicyRecord, Failure> {
        Ok(PolicyRecord { version: self.u32()?, from: self.time()?, rules: self.next()? })
    }

    pub(super) fn message(&mut self) -> Result<Message, Failure> {
        Ok(Message {
            id: self.next()?,
            time: self.time()?,
            phone: self.next()?,
            text: self.next()?,
            taken: self.time()?,
        })
    }

    /// A row of a table that is gone through.
    pub(super) fn any(&mut self, table: Table) -> Result<TableRow, Failure> {
        Ok(match table {
            Table::Entry | Table::Transfer => {
                let id = EntryId { point: self.name()?, number: self.u64()? };
                TableRow::Place(id, self.u8()?, self.next::<i32>()?.into())
            }
            Table::Request => {
                let request = RequestKey { party: self.name()?, id: self.name()? };
                let (done, month) = self.step_done()?;
                TableRow::Step(request, done, month.into())
            }
            Table::Waiting => {
                let request = RequestKey { party: self.name()?, id: self.name()? };
                let id = EntryId { point: self.name()?, number: self.u64()? };
                TableRow::Waits(request, id, self.next::<i32>()?.into())
            }
            Table::Party => TableRow::Head(Head::Party(self.party()?)),
            Table::Token => TableRow::Head(Head::Token(self.token()?)),
            Table::Staff => TableRow::Head(Head::Staff(self.staff()?)),
            Table::Person => TableRow::Head(Head::Person(self.person()?)),
            Table::Link => TableRow::Head(Head::Link(self.link()?)),
            Table::Card => TableRow::Head(Head::Card(self.card()?)),
            Table::Customer => TableRow::Head(Head::Customer(self.customer()?)),
            Table::Mail => TableRow::Head(Head::Mail(self.mail()?)),
            Table::Reading => TableRow::Head(Head::Reading(self.reading()?)),
        })
    }

    pub(super) fn signed_head(&mut self) -> Result<SignedHead, Failure> {
        Ok(SignedHead {
            id: EntryId { point: self.name()?, number: self.u64()? },
            head: self.hash()?,
            time: self.time()?,
            signature: self.bytes()?,
        })
    }
}

fn channel(code: &str) -> Option<Channel> {
    (1..=5).filter_map(Channel::from_code).find(|channel| channel.to_string() == code)
}

/// A value of whatever type.
struct Anything;

impl<'a> FromSql<'a> for Anything {
    fn from_sql(
        _: &tokio_postgres::types::Type,
        _: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self)
    }

    fn accepts(_: &tokio_postgres::types::Type) -> bool {
        true
    }
}
