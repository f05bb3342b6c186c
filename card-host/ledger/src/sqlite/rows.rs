//! Values as they are stored, and rows as they are read. A row that is none of ours is found here.

use card_core::id::{Binding, CardId, CardRef, Channel, MeterId, Scope};
use card_core::message::{MeterFlags, Slot};
use card_core::role::KeyVersion;
use card_core::units::{Balance, CardTime, Energy, Piastres};
use rusqlite::types::ValueRef;
use rusqlite::{Error, Row};

use crate::entry::{Entry, EntryId, Kind, RequestKey, Step, Transfer};
use crate::records::{
    BindingRecord, CardRecord, CardUse, Customer, Head, Link, MailRecord, Message, Party, PersonRecord,
    Point, PolicyRecord, Reading, SignedHead, Staff, Status, StepDone, Token,
};
use crate::store::{Row as TableRow, Table};
use crate::{LedgerError, Power, Refusal, Secret, StoreError};
use card_host::issuer::BindingAccount;
use card_host::national_id::PersonRef;

/// A number that SQLite can hold: it has 63 bits and a sign.
pub(super) fn number(what: &str, value: u64) -> Result<i64, LedgerError> {
    i64::try_from(value)
        .map_err(|_| Refusal::Invalid(format!("{what} {value} is too large to be stored")).into())
}

/// An amount.
pub(super) fn amount(what: &str, value: Piastres) -> Result<i64, LedgerError> {
    number(what, value.0)
}

/// An account number: all 64 bits, as SQLite has them.
pub(super) const fn account(value: u64) -> i64 {
    value.cast_signed()
}

/// A time: POSIX seconds, and 0 where it is not set.
pub(super) fn time(value: CardTime) -> i64 {
    // A card time is 32 bits after 2020, so it fits.
    if value == CardTime::UNSET { 0 } else { value.to_unix().cast_signed() }
}

/// The columns of a row, one after the other in the order of the statement. Each is asked for by its name, so that an error has it.
pub(super) struct Columns<'row> {
    row: &'row Row<'row>,
    table: &'static str,
    next: usize,
}

impl<'row> Columns<'row> {
    pub(super) const fn new(row: &'row Row<'row>, table: &'static str) -> Self {
        Self { row, table, next: 0 }
    }

    /// Goes on with the columns of another table.
    pub(super) const fn of(&mut self, table: &'static str) -> &mut Self {
        self.table = table;
        self
    }

    /// Whether the next column is empty: where it is a key, an outer join has found no row.
    pub(super) fn is_null(&self) -> Result<bool, LedgerError> {
        Ok(matches!(self.row.get_ref(self.next).map_err(|error| self.strange("", &error))?, ValueRef::Null))
    }

    /// Leaves columns out.
    pub(super) const fn skip(&mut self, columns: usize) {
        self.next = self.next.saturating_add(columns);
    }

    fn strange(&self, column: &str, what: &dyn std::fmt::Display) -> LedgerError {
        StoreError::Corrupt(format!("table {}, column {column}: {what}", self.table)).into()
    }

    fn value(&mut self, column: &str) -> Result<ValueRef<'row>, LedgerError> {
        let value = self.row.get_ref(self.next).map_err(|error: Error| self.strange(column, &error))?;
        self.next = self.next.saturating_add(1);
        Ok(value)
    }

    fn unexpected(&self, column: &str, value: ValueRef<'_>) -> LedgerError {
        self.strange(column, &format_args!("{} is not expected here", value.data_type()))
    }

    fn signed(&mut self, column: &str) -> Result<i64, LedgerError> {
        match self.value(column)? {
            ValueRef::Integer(value) => Ok(value),
            other => Err(self.unexpected(column, other)),
        }
    }

    fn unsigned<T: TryFrom<i64>>(&mut self, column: &str) -> Result<T, LedgerError> {
        let value = self.signed(column)?;
        T::try_from(value).map_err(|_| self.strange(column, &format_args!("{value} is out of its range")))
    }

    fn amount(&mut self, column: &str) -> Result<Piastres, LedgerError> {
        Ok(Piastres(self.unsigned(column)?))
    }

    fn optional_amount(&mut self, column: &str) -> Result<Option<Piastres>, LedgerError> {
        if self.is_null()? {
            self.skip(1);
            return Ok(None);
        }
        self.amount(column).map(Some)
    }

    fn account(&mut self, column: &str) -> Result<u64, LedgerError> {
        Ok(self.signed(column)?.cast_unsigned())
    }

    fn flag(&mut self, column: &str) -> Result<bool, LedgerError> {
        match self.signed(column)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.strange(column, &format_args!("{other} is neither 0 nor 1"))),
        }
    }

    pub(super) fn time(&mut self, column: &str) -> Result<CardTime, LedgerError> {
        let value: u64 = self.unsigned(column)?;
        if value == 0 {
            return Ok(CardTime::UNSET);
        }
        CardTime::from_unix(value)
            .ok_or_else(|| self.strange(column, &format_args!("{value} is no time of a ledger")))
    }

    /// The ledger's secret.
    pub(super) fn secret(&mut self) -> Result<Secret, LedgerError> {
        Ok(Secret::parse(self.bytes("bytes")?)?)
    }

    fn text(&mut self, column: &str) -> Result<&'row str, LedgerError> {
        match self.value(column)? {
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map_err(|error| self.strange(column, &error)),
            other => Err(self.unexpected(column, other)),
        }
    }

    pub(super) fn parsed<T>(&mut self, column: &str) -> Result<T, LedgerError>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        self.text(column)?.parse().map_err(|error| self.strange(column, &error))
    }

    fn code<T>(&mut self, column: &str, from: impl FnOnce(&str) -> Option<T>) -> Result<T, LedgerError> {
        let text = self.text(column)?;
        from(text).ok_or_else(|| self.strange(column, &format_args!("{text:?} is not known")))
    }

    fn bytes(&mut self, column: &str) -> Result<&'row [u8], LedgerError> {
        match self.value(column)? {
            ValueRef::Blob(bytes) => Ok(bytes),
            other => Err(self.unexpected(column, other)),
        }
    }

    fn array<const N: usize>(&mut self, column: &str) -> Result<[u8; N], LedgerError> {
        let bytes = self.bytes(column)?;
        bytes.try_into().map_err(|_| self.strange(column, &format_args!("{} bytes, not {N}", bytes.len())))
    }

    fn step(&mut self) -> Result<Step, LedgerError> {
        let number = self.signed("step")?;
        Step::from_number(number).ok_or_else(|| self.strange("step", &format_args!("{number} is not known")))
    }

    fn binding(&mut self, number: &str) -> Result<Binding, LedgerError> {
        Ok(Binding { meter: MeterId(self.array("meter")?), number: self.unsigned(number)? })
    }

    pub(super) fn count(&mut self, column: &str) -> Result<u32, LedgerError> {
        self.unsigned(column)
    }

    /// The columns of `ENTRY`; the transfers are read apart.
    pub(super) fn entry(&mut self) -> Result<Entry, LedgerError> {
        let id = EntryId { point: self.parsed("point")?, number: self.unsigned("number")? };
        let time = self.time("time")?;
        let kind = self.code("kind", Kind::from_code)?;
        let request = RequestKey { party: self.parsed("party")?, id: self.parsed("request")? };
        let step = self.step()?;
        let (actor, reason) = (self.text("actor")?.to_owned(), self.text("reason")?.to_owned());
        let binding = if self.is_null()? {
            self.skip(1);
            if !self.is_null()? {
                return Err(self.strange("binding", &"it has no meter"));
            }
            self.skip(1);
            None
        } else {
            Some(self.binding("binding")?)
        };
        let card = if self.is_null()? {
            self.skip(1);
            None
        } else {
            Some(CardId(self.array("card")?))
        };
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
            account: self.account("account")?,
            amount: self.amount("amount")?,
            sequence: self.unsigned("sequence")?,
            total_credit: self.amount("total_credit")?,
            total_debited: self.amount("total_debited")?,
            policy: self.unsigned("policy")?,
            payload: self.bytes("payload")?.to_vec(),
            transfers: Vec::new(),
            previous: self.array("previous")?,
            hash: self.array("hash")?,
        })
    }

    pub(super) fn transfer(&mut self) -> Result<Transfer, LedgerError> {
        Ok(Transfer {
            debit: self.parsed("debit")?,
            credit: self.parsed("credit")?,
            amount: self.amount("amount")?,
        })
    }

    pub(super) fn step_done(&mut self) -> Result<StepDone, LedgerError> {
        let step = self.step()?;
        Ok(StepDone {
            step,
            entry: EntryId { point: self.parsed("point")?, number: self.unsigned("number")? },
        })
    }

    pub(super) fn point(&mut self) -> Result<Point, LedgerError> {
        Ok(Point {
            code: self.parsed("code")?,
            party: self.parsed("party")?,
            open: self.flag("open")?,
            number: self.unsigned("number")?,
            head: self.array("head")?,
            time: self.time("time")?,
            cash: Balance(self.signed("cash")?),
            day: self.unsigned("day")?,
            sold: self.amount("sold")?,
            most_cash: self.optional_amount("most_cash")?,
            most_daily: self.optional_amount("most_daily")?,
        })
    }

    pub(super) fn party(&mut self) -> Result<Party, LedgerError> {
        let code = self.parsed("code")?;
        let channel = self.code("channel", |text| match text {
            "branch" => Some(Channel::Branch),
            "kiosk" => Some(Channel::Kiosk),
            "bank" => Some(Channel::Bank),
            "wallet" => Some(Channel::Wallet),
            "network" => Some(Channel::Network),
            _ => None,
        })?;
        Ok(Party { code, channel, open: self.flag("open")? })
    }

    pub(super) fn token(&mut self) -> Result<Token, LedgerError> {
        Ok(Token {
            hash: self.array("hash")?,
            party: self.parsed("party")?,
            actor: self.text("actor")?.to_owned(),
            power: self.code("power", Power::from_code)?,
            revoked: self.flag("revoked")?,
        })
    }

    pub(super) fn person(&mut self) -> Result<PersonRecord, LedgerError> {
        Ok(PersonRecord {
            person: PersonRef::parse(&self.array("person")?),
            account: self.account("account")?,
        })
    }

    pub(super) fn staff(&mut self) -> Result<Staff, LedgerError> {
        Ok(Staff {
            identity: self.text("identity")?.to_owned(),
            name: self.text("name")?.to_owned(),
            may: self.code("may", |text| text.parse().ok())?,
            secret: self.text("secret")?.to_owned(),
            stopped: self.flag("stopped")?,
        })
    }

    pub(super) fn binding_record(&mut self, scope: Scope) -> Result<BindingRecord, LedgerError> {
        let held = BindingAccount {
            scope,
            binding: self.binding("number")?,
            account: self.account("account")?,
            card: self.card_ref("card")?,
            load_key: KeyVersion::from_byte(self.unsigned("load_key")?),
            credit_key: KeyVersion::from_byte(self.unsigned("credit_key")?),
            parameter_keys: KeyVersion::from_byte(self.unsigned("parameter_keys")?),
            sequence: self.unsigned("sequence")?,
            total_credit: self.amount("total_credit")?,
            total_debited: self.amount("total_debited")?,
            opening_time: self.time("opening_time")?,
            applied_credit: Piastres::ZERO,
            applied_debited: Piastres::ZERO,
            moved: false,
        };
        let status = self.code("status", Status::from_code)?;
        Ok(BindingRecord {
            status,
            blocked: self.flag("blocked")?,
            epoch: self.unsigned("epoch")?,
            voucher: self.bytes("voucher")?.to_vec(),
            card_sequence: self.unsigned("card_sequence")?,
            // Columns in their order: fields are read as they stand here.
            held: BindingAccount {
                moved: status == Status::Closed,
                applied_credit: self.amount("applied_credit")?,
                applied_debited: self.amount("applied_debited")?,
                ..held
            },
            heard: self.time("heard")?,
        })
    }

    fn card_ref(&mut self, column: &str) -> Result<CardRef, LedgerError> {
        Ok(CardRef { id: CardId(self.array(column)?), generation: self.unsigned("generation")? })
    }

    pub(super) fn customer(&mut self) -> Result<Customer, LedgerError> {
        Ok(Customer {
            account: self.account("account")?,
            debt: self.amount("debt")?,
            phone: self.text("phone")?.to_owned(),
            arabic: self.flag("arabic")?,
        })
    }

    pub(super) fn card(&mut self) -> Result<CardRecord, LedgerError> {
        Ok(CardRecord {
            card: self.card_ref("id")?,
            binding: self.binding("binding")?,
            load_key: KeyVersion::from_byte(self.unsigned("load_key")?),
            used: self.code("used", CardUse::from_code)?,
        })
    }

    pub(super) fn link(&mut self) -> Result<Link, LedgerError> {
        Ok(Link {
            party: self.parsed("party")?,
            card: CardId(self.array("card")?),
            customer: self.text("customer")?.to_owned(),
            since: self.time("since")?,
        })
    }

    pub(super) fn mail(&mut self) -> Result<MailRecord, LedgerError> {
        let binding = self.binding("binding")?;
        let slot: u8 = self.unsigned("slot")?;
        let slot =
            Slot::new(slot).ok_or_else(|| self.strange("slot", &format_args!("{slot} is not known")))?;
        Ok(MailRecord {
            binding,
            slot,
            version: self.unsigned("version")?,
            envelope: self.bytes("envelope")?.to_vec(),
        })
    }

    pub(super) fn reading(&mut self) -> Result<Reading, LedgerError> {
        Ok(Reading {
            binding: self.binding("binding")?,
            number: self.unsigned("number")?,
            time: self.time("time")?,
            applied_credit: self.amount("applied_credit")?,
            applied_debited: self.amount("applied_debited")?,
            balance: Balance(self.signed("balance")?),
            energy: Energy(self.unsigned("energy")?),
            flags: MeterFlags(self.unsigned("flags")?),
            tampering: self.unsigned("tampering")?,
        })
    }

    pub(super) fn policy(&mut self) -> Result<PolicyRecord, LedgerError> {
        Ok(PolicyRecord {
            version: self.unsigned("version")?,
            from: self.time("from_time")?,
            rules: self.text("rules")?.to_owned(),
        })
    }

    pub(super) fn message(&mut self) -> Result<Message, LedgerError> {
        Ok(Message {
            id: self.text("id")?.to_owned(),
            time: self.time("time")?,
            phone: self.text("phone")?.to_owned(),
            text: self.text("text")?.to_owned(),
            taken: self.time("taken")?,
        })
    }

    pub(super) fn signed_head(&mut self) -> Result<SignedHead, LedgerError> {
        Ok(SignedHead {
            id: EntryId { point: self.parsed("point")?, number: self.unsigned("number")? },
            head: self.array("head")?,
            time: self.time("time")?,
            signature: self.array("signature")?,
        })
    }

    /// A row of a table that is gone through.
    pub(super) fn any(&mut self, table: Table) -> Result<TableRow, LedgerError> {
        Ok(match table {
            Table::Entry | Table::Transfer => {
                let id = EntryId { point: self.parsed("point")?, number: self.unsigned("number")? };
                TableRow::Place(id, self.unsigned("line")?, self.signed("month")?)
            }
            Table::Request => {
                let request = RequestKey { party: self.parsed("party")?, id: self.parsed("id")? };
                TableRow::Step(request, self.step_done()?, self.signed("month")?)
            }
            Table::Waiting => {
                let request = RequestKey { party: self.parsed("party")?, id: self.parsed("id")? };
                let id = EntryId { point: self.parsed("point")?, number: self.unsigned("number")? };
                TableRow::Waits(request, id, self.signed("month")?)
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

    pub(super) fn account_balance(&mut self) -> Result<crate::AccountBalance, LedgerError> {
        Ok(crate::AccountBalance {
            account: self.parsed("debit or credit")?,
            debits: self.amount("amount")?,
            credits: self.amount("amount")?,
        })
    }
}
