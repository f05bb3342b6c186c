//! What a transaction writes.

use rusqlite::{Params, params};

use super::rows::{account, amount, number, time};
use super::transaction::Rows;
use crate::entry::{Entry, Hash, Kind, Step};
use crate::records::{
    BindingRecord, CardRecord, Customer, Head, Link, MailRecord, Message, Party, PersonRecord, Point,
    PolicyRecord, Reading, SignedHead, Staff, Status, Token,
};
use crate::{LedgerError, Refusal, StoreError};
use card_core::calendar::utc_month;

const ENTRY: &str = "INSERT INTO entry (point, number, month, time, kind, party, request, step, actor, reason, meter, binding, \
     card, account, amount, sequence, total_credit, total_debited, policy, payload, previous, hash) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const TRANSFER: &str =
    "INSERT INTO transfer (point, number, line, month, debit, credit, amount) VALUES (?, ?, ?, ?, ?, ?, ?)";
const REQUEST: &str = "INSERT INTO request (party, id, step, point, number, month) VALUES (?, ?, ?, ?, ?, ?)";

const WAITS: &str = "INSERT INTO waiting (party, id, point, number, month) VALUES (?, ?, ?, ?, ?)";
const WAITS_NO_MORE: &str = "DELETE FROM waiting WHERE party = ? AND id = ?";

/// Only onto the entry before: a chain has no gap, and none of its numbers twice.
const POINT_NEXT: &str = "UPDATE point SET party = ?3, open = ?4, number = ?2, head = ?5, time = ?6, cash = ?7, day = ?8, sold = ?9, \
     most_cash = ?10, most_daily = ?11 WHERE code = ?1 AND number = ?2 - 1";
const POINT_NEW: &str = "INSERT INTO point (code, number, party, open, head, time, cash, day, sold, most_cash, most_daily) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (code) DO NOTHING";
/// Of a point whose chain stays as it is.
const POINT_OTHER: &str = "INSERT INTO point (code, number, party, open, head, time, cash, day, sold, most_cash, most_daily) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (code) DO UPDATE SET party = excluded.party, \
     open = excluded.open, time = excluded.time, cash = excluded.cash, day = excluded.day, sold = excluded.sold, \
     most_cash = excluded.most_cash, most_daily = excluded.most_daily \
     WHERE number = excluded.number AND head = excluded.head";

/// What a sale changes. It leaves the columns of the indexes alone, which would be written anew even with the same values.
const BINDING_SOLD: &str = "UPDATE binding SET generation = ?6, load_key = ?7, credit_key = ?8, parameter_keys = ?9, sequence = ?10, \
     total_credit = ?11, total_debited = ?12, opening_time = ?13, blocked = ?14, epoch = ?15, voucher = ?16, \
     card_sequence = ?17, applied_credit = ?18, applied_debited = ?19, heard = ?20 \
     WHERE meter = ?1 AND number = ?2 AND account = ?3 AND card = ?4 AND status = ?5";
const BINDING: &str = "INSERT INTO binding (meter, number, account, card, status, generation, load_key, credit_key, parameter_keys, \
     sequence, total_credit, total_debited, opening_time, blocked, epoch, voucher, card_sequence, applied_credit, applied_debited, \
     heard) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
     ON CONFLICT (meter, number) DO UPDATE SET account = excluded.account, card = excluded.card, status = excluded.status, \
     generation = excluded.generation, load_key = excluded.load_key, credit_key = excluded.credit_key, \
     parameter_keys = excluded.parameter_keys, sequence = excluded.sequence, total_credit = excluded.total_credit, \
     total_debited = excluded.total_debited, opening_time = excluded.opening_time, blocked = excluded.blocked, \
     epoch = excluded.epoch, voucher = excluded.voucher, card_sequence = excluded.card_sequence, \
     applied_credit = excluded.applied_credit, applied_debited = excluded.applied_debited, heard = excluded.heard";

fn corrupt(what: String) -> LedgerError {
    StoreError::Corrupt(what).into()
}

impl Rows<'_> {
    fn run(&mut self, table: &str, sql: &str, params: impl Params) -> Result<usize, LedgerError> {
        let connection = self.connection;
        let done = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(params));
        done.map_err(|error| self.failed(table, &error))
    }

    /// All that [`Transaction::write`](crate::Transaction::write) does. Where it fails, something may be written already.
    pub(super) fn write_all(
        &mut self,
        entry: &Entry,
        point: &Point,
        heads: &[Head],
    ) -> Result<(), LedgerError> {
        let id = &entry.id;
        if id.point != point.code || id.number != point.number || entry.hash != point.head {
            let message =
                format!("entry {} of {} is not the last one of its vending point", id.number, id.point);
            return Err(Refusal::Invalid(message).into());
        }
        if entry.transfers.len() > Entry::TRANSFERS {
            return Err(
                Refusal::Invalid(format!("an entry has at most {} transfers", Entry::TRANSFERS)).into()
            );
        }
        self.next_of_point(point)?;
        self.one_entry(entry)?;
        // A binding gives its card away before another one takes it.
        let (first, then): (Vec<_>, Vec<_>) = heads
            .iter()
            .partition(|head| matches!(head, Head::Binding(binding) if binding.status != Status::Open));
        first.into_iter().chain(then).try_for_each(|head| self.head(head))
    }

    /// All that [`Transaction::keep`](crate::Transaction::keep) does.
    pub(super) fn keep_all(&mut self, heads: &[Head]) -> Result<(), LedgerError> {
        if heads.iter().any(|head| !head.needs_no_entry()) {
            return Err(corrupt("part of the books was to be written without an entry".to_owned()));
        }
        heads.iter().try_for_each(|head| self.head(head))
    }

    fn one_entry(&mut self, entry: &Entry) -> Result<(), LedgerError> {
        let (point, month) = (entry.id.point.as_str(), utc_month(entry.time));
        let place = number("number of an entry", entry.id.number)?;
        let (party, request) = (entry.request.party.as_str(), entry.request.id.as_str());
        let step = entry.step.number();
        self.run(
            "entry",
            ENTRY,
            params![
                point,
                place,
                month,
                time(entry.time),
                entry.kind.code(),
                party,
                request,
                step,
                entry.actor,
                entry.reason,
                entry.binding.map(|binding| binding.meter.0),
                entry.binding.map(|binding| binding.number),
                entry.card.map(|card| card.0),
                account(entry.account),
                amount("amount", entry.amount)?,
                entry.sequence,
                amount("total credit", entry.total_credit)?,
                amount("total debited", entry.total_debited)?,
                entry.policy,
                entry.payload,
                entry.previous,
                entry.hash,
            ],
        )?;
        for (line, transfer) in (1..).zip(&entry.transfers) {
            let line: u8 = line;
            let moved = amount("amount of a transfer", transfer.amount)?;
            let (debit, credit) = (transfer.debit.to_string(), transfer.credit.to_string());
            self.run("transfer", TRANSFER, params![point, place, line, month, debit, credit, moved])?;
        }
        self.run("request", REQUEST, params![party, request, step, point, place, month])?;
        match (entry.step, entry.kind) {
            (Step::First, Kind::Reserve | Kind::Propose) => {
                self.run("waiting", WAITS, params![party, request, point, place, month]).map(|_| ())
            }
            (Step::Decision, Kind::Cancel) | (Step::Settled, _) => {
                self.run("waiting", WAITS_NO_MORE, [party, request]).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    fn with_point(&mut self, sql: &str, point: &Point) -> Result<usize, LedgerError> {
        let limit = |limit: Option<_>| limit.map(|limit| amount("limit", limit)).transpose();
        let params = params![
            point.code.as_str(),
            number("number of an entry", point.number)?,
            point.party.as_str(),
            point.open,
            point.head,
            time(point.time),
            point.cash.0,
            point.day,
            amount("amount sold", point.sold)?,
            limit(point.most_cash)?,
            limit(point.most_daily)?,
        ];
        self.run("point", sql, params)
    }

    fn next_of_point(&mut self, point: &Point) -> Result<(), LedgerError> {
        if self.with_point(POINT_NEXT, point)? == 1 || self.with_point(POINT_NEW, point)? == 1 {
            return Ok(());
        }
        Err(corrupt(format!("entry {} does not follow the last one of {}", point.number, point.code)))
    }

    fn head(&mut self, head: &Head) -> Result<(), LedgerError> {
        match head {
            Head::Binding(binding) => self.binding_head(binding),
            Head::Customer(customer) => self.customer_head(customer),
            Head::Card(card) => self.card_head(card),
            Head::Point(point) => match self.with_point(POINT_OTHER, point)? {
                1 => Ok(()),
                _ => Err(corrupt(format!("the chain of {} goes on with its own entries only", point.code))),
            },
            Head::Party(party) => self.party_head(party),
            Head::Token(token) => self.token_head(token),
            Head::Staff(member) => self.staff_head(member),
            Head::Person(record) => self.person_head(record),
            Head::Link(link) => self.link_head(link),
            Head::Mail(mail) => self.mail_head(mail),
            Head::Reading(reading) => self.reading_head(reading),
            Head::Policy(policy) => self.policy_head(policy),
            Head::Message(message) => self.message_head(message),
            Head::Signed(signed) => self.signed_head_once(signed),
            Head::Epoch(epoch) => {
                match self.run("meta", "UPDATE meta SET epoch = ?1 WHERE id = 1 AND epoch <= ?1", [epoch])? {
                    1 => Ok(()),
                    _ => Err(corrupt(format!("the number of restores does not go back to {epoch}"))),
                }
            }
        }
    }

    fn binding_head(&mut self, binding: &BindingRecord) -> Result<(), LedgerError> {
        let held = &binding.held;
        if held.scope != self.scope {
            return Err(corrupt("a binding of another company or environment".to_owned()));
        }
        if held.moved != (binding.status == Status::Closed) {
            return Err(corrupt(
                "a binding is closed where what was left has been moved, and only there".to_owned(),
            ));
        }
        let params = params![
            held.binding.meter.0,
            held.binding.number,
            account(held.account),
            held.card.id.0,
            binding.status.code(),
            held.card.generation,
            held.load_key.byte(),
            held.credit_key.byte(),
            held.parameter_keys.byte(),
            held.sequence,
            amount("total credit", held.total_credit)?,
            amount("total debited", held.total_debited)?,
            time(held.opening_time),
            binding.blocked,
            binding.epoch,
            binding.voucher,
            binding.card_sequence,
            amount("credit applied", binding.held.applied_credit)?,
            amount("debits applied", binding.held.applied_debited)?,
            time(binding.heard),
        ];
        if self.run("binding", BINDING_SOLD, params)? == 0 {
            self.run("binding", BINDING, params)?;
        }
        Ok(())
    }

    fn customer_head(&mut self, customer: &Customer) -> Result<(), LedgerError> {
        let sql = "INSERT INTO customer (account, debt, phone, arabic) VALUES (?, ?, ?, ?) ON CONFLICT (account) DO UPDATE \
                   SET debt = excluded.debt, phone = excluded.phone, arabic = excluded.arabic";
        let debt = amount("debt", customer.debt)?;
        self.run("customer", sql, params![account(customer.account), debt, customer.phone, customer.arabic])?;
        Ok(())
    }

    fn card_head(&mut self, record: &CardRecord) -> Result<(), LedgerError> {
        let sql = "INSERT INTO card (id, generation, meter, binding, load_key, used) VALUES (?, ?, ?, ?, ?, ?) \
                   ON CONFLICT (id) DO UPDATE SET generation = excluded.generation, meter = excluded.meter, \
                   binding = excluded.binding, load_key = excluded.load_key, used = excluded.used";
        let (card, binding) = (record.card, record.binding);
        let params = params![
            card.id.0,
            card.generation,
            binding.meter.0,
            binding.number,
            record.load_key.byte(),
            record.used.code()
        ];
        self.run("card", sql, params)?;
        Ok(())
    }

    fn party_head(&mut self, party: &Party) -> Result<(), LedgerError> {
        let sql = "INSERT INTO party (code, channel, open) VALUES (?, ?, ?) ON CONFLICT (code) DO UPDATE \
                   SET channel = excluded.channel, open = excluded.open";
        self.run("party", sql, params![party.code.as_str(), party.channel.to_string(), party.open])?;
        Ok(())
    }

    fn token_head(&mut self, token: &Token) -> Result<(), LedgerError> {
        let sql = "INSERT INTO token (hash, party, actor, power, revoked) VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash) DO UPDATE \
                   SET party = excluded.party, actor = excluded.actor, power = excluded.power, revoked = excluded.revoked";
        let Token { hash, party, actor, power, revoked } = token;
        self.run("token", sql, params![hash, party.as_str(), actor, power.code(), revoked])?;
        Ok(())
    }

    fn staff_head(&mut self, member: &Staff) -> Result<(), LedgerError> {
        let sql = "INSERT INTO staff (identity, name, may, secret, stopped) VALUES (?, ?, ?, ?, ?) ON CONFLICT (identity) DO UPDATE \
                   SET name = excluded.name, may = excluded.may, secret = excluded.secret, stopped = excluded.stopped";
        let Staff { identity, name, may, secret, stopped } = member;
        self.run("staff", sql, params![identity, name, may.to_string(), secret, stopped])?;
        Ok(())
    }

    fn person_head(&mut self, record: &PersonRecord) -> Result<(), LedgerError> {
        let sql = "INSERT INTO person (person, account) VALUES (?, ?) ON CONFLICT DO NOTHING";
        self.run("person", sql, params![record.person.emit(), account(record.account)])?;
        Ok(())
    }

    fn link_head(&mut self, link: &Link) -> Result<(), LedgerError> {
        let sql = "INSERT INTO link (party, card, customer, since) VALUES (?, ?, ?, ?) ON CONFLICT (party, card) DO UPDATE \
                   SET customer = excluded.customer, since = excluded.since";
        self.run("link", sql, params![link.party.as_str(), link.card.0, link.customer, time(link.since)])?;
        Ok(())
    }

    fn mail_head(&mut self, mail: &MailRecord) -> Result<(), LedgerError> {
        let sql = "INSERT INTO mail (meter, binding, slot, version, envelope) VALUES (?, ?, ?, ?, ?) \
                   ON CONFLICT (meter, binding, slot) DO UPDATE SET version = excluded.version, envelope = excluded.envelope";
        let (binding, slot) = (mail.binding, mail.slot.number());
        self.run("mail", sql, params![binding.meter.0, binding.number, slot, mail.version, mail.envelope])?;
        Ok(())
    }

    fn reading_head(&mut self, reading: &Reading) -> Result<(), LedgerError> {
        let sql = "INSERT INTO reading (meter, binding, number, time, applied_credit, applied_debited, balance, energy, flags, \
                   tampering, regressed) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, (?9 >> 5) & 1 \
                   WHERE NOT EXISTS (SELECT 1 FROM reading WHERE meter = ?1 AND binding = ?2 AND regressed = (?9 >> 5) & 1 \
                   AND number = ?3 AND energy = ?8 AND time = ?4 AND flags = ?9 AND tampering = ?10)";
        let params = params![
            reading.binding.meter.0,
            reading.binding.number,
            reading.number,
            time(reading.time),
            amount("credit applied", reading.applied_credit)?,
            amount("debits applied", reading.applied_debited)?,
            reading.balance.0,
            reading.energy.0,
            reading.flags.0,
            reading.tampering,
        ];
        self.run("reading", sql, params)?;
        Ok(())
    }

    fn policy_head(&mut self, policy: &PolicyRecord) -> Result<(), LedgerError> {
        let sql = "INSERT INTO policy (version, from_time, rules) SELECT ?1, ?2, ?3 \
                   WHERE NOT EXISTS (SELECT 1 FROM policy WHERE version = ?1)";
        match self.run("policy", sql, params![policy.version, time(policy.from), policy.rules])? {
            1 => Ok(()),
            _ => {
                let message =
                    format!("rules of selling {} are there already: take the next version", policy.version);
                Err(Refusal::Invalid(message).into())
            }
        }
    }

    fn message_head(&mut self, message: &Message) -> Result<(), LedgerError> {
        // What a gateway has taken is not sent again.
        let sql = "INSERT INTO message (id, time, phone, text, taken) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE \
                   SET taken = excluded.taken WHERE excluded.taken <> 0";
        let Message { id, time: queued, phone, text, taken } = message;
        self.run("message", sql, params![id, time(*queued), phone, text, time(*taken)])?;
        Ok(())
    }

    fn signed_head_once(&mut self, signed: &SignedHead) -> Result<(), LedgerError> {
        let sql = "INSERT INTO signed_head (point, number, head, time, signature) SELECT ?1, ?2, ?3, ?4, ?5 \
                   WHERE NOT EXISTS (SELECT 1 FROM signed_head WHERE point = ?1 AND number = ?2)";
        let (point, place) = (signed.id.point.as_str(), number("number of an entry", signed.id.number)?);
        let params = params![point, place, signed.head, time(signed.time), signed.signature];
        if self.run("signed_head", sql, params)? == 1 {
            return Ok(());
        }
        // Signed before: that stays, where it says the same.
        let sql = "SELECT head = ?3 FROM signed_head WHERE point = ?1 AND number = ?2";
        let head: &Hash = &signed.head;
        match self.one("signed_head", sql, params![point, place, head], |columns| columns.count("head"))? {
            Some(1) => Ok(()),
            _ => Err(corrupt(format!("entry {place} of {point} has been signed with another hash"))),
        }
    }
}
