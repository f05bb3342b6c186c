//! Writing: the entry with what every sale changes in one exchange, and what else stands differently.

use super::absent::Absent;
use super::connection::Connection;
use super::failure::{Failure, FailureKind};
use super::rows::{amount, number, time, total};
use super::sql::{self, BINDING_COLUMNS, CUSTOMER_COLUMNS};
use super::values::Values;
use crate::{BindingRecord, Customer, Entry, Head, Kind, Point, PolicyRecord, SignedHead, Status, Step};
use card_core::calendar::utc_month;

/// The month of an entry, as its column has it.
pub(super) fn month(entry: &Entry) -> i32 {
    i32::try_from(utc_month(entry.time)).unwrap_or_default()
}

/// Writes an entry, and all heads.
pub(super) fn write(
    connection: &mut Connection,
    entry: &Entry,
    point: &Point,
    heads: &[Head],
    absent: &mut Absent,
) -> Result<(), Failure> {
    if entry.id.point != point.code || entry.id.number != point.number {
        let (id, last) = (&entry.id, point.number);
        let text =
            format!("entry {} of {} is not the last one, {last}, of {}", id.number, id.point, point.code);
        return Err(Failure::invalid(text));
    }
    if entry.transfers.len() > Entry::TRANSFERS {
        return Err(Failure::invalid(format!("an entry has at most {} transfers", Entry::TRANSFERS)));
    }
    // A card that goes from one binding to another must be free before the new one takes it.
    let mut ordered: Vec<&Head> = heads.iter().collect();
    ordered.sort_by_key(|head| matches!(head, Head::Binding(record) if record.status == Status::Open));
    let (mut binding, mut customer, mut others) = (None, None, Vec::new());
    for head in ordered {
        match (head, absent.take(head)) {
            (Head::Binding(record), false) if binding.is_none() => binding = Some(&**record),
            (Head::Customer(record), false) if customer.is_none() => customer = Some(record),
            (other, new) => others.push((other, new)),
        }
    }
    write_common(connection, entry, point, binding, customer)?;
    mark_waiting(connection, entry)?;
    others.into_iter().try_for_each(|(other, new)| write_head(connection, other, new))
}

/// Writes heads that need no entry.
pub(super) fn keep(connection: &mut Connection, heads: &[Head], absent: &mut Absent) -> Result<(), Failure> {
    if heads.iter().any(|head| !head.needs_no_entry()) {
        return Err(Failure::invalid("part of the books was to be written without an entry"));
    }
    heads.iter().try_for_each(|head| write_head(connection, head, absent.take(head)))
}

/// The values of an entry, its transfers, and the vending point after it: the first of [`sql::WRITE`].
fn entry_values<'a>(entry: &'a Entry, point: &'a Point) -> Result<Values<'a>, Failure> {
    let mut debits = Vec::with_capacity(entry.transfers.len());
    let mut credits = Vec::with_capacity(entry.transfers.len());
    let mut amounts = Vec::with_capacity(entry.transfers.len());
    for transfer in &entry.transfers {
        debits.push(transfer.debit.to_string());
        credits.push(transfer.credit.to_string());
        amounts.push(amount(transfer.amount)?);
    }
    let mut values = Values::with_room(64);
    values
        .add(entry.id.point.as_str())
        .add(number(entry.id.number, "the number of an entry")?)
        .add(month(entry))
        .add(time(entry.time))
        .add(entry.kind.code())
        .add(entry.request.party.as_str())
        .add(entry.request.id.as_str())
        .add(i16::from(entry.step.number()))
        .add(entry.actor.as_str())
        .add(entry.reason.as_str())
        .add(entry.binding.as_ref().map(|binding| binding.meter.0.as_slice()))
        .add(entry.binding.map(|binding| i64::from(binding.number)))
        .add(entry.card.as_ref().map(|card| card.0.as_slice()))
        .add(entry.account.cast_signed())
        .add(amount(entry.amount)?)
        .add(i64::from(entry.sequence))
        .add(total(entry.total_credit)?)
        .add(total(entry.total_debited)?)
        .add(i64::from(entry.policy))
        .add(entry.payload.as_slice())
        .add(entry.previous.as_slice())
        .add(entry.hash.as_slice())
        .add(debits)
        .add(credits)
        .add(amounts)
        .add_point(point)?;
    Ok(values)
}

fn write_common(
    connection: &mut Connection,
    entry: &Entry,
    point: &Point,
    binding: Option<&BindingRecord>,
    customer: Option<&Customer>,
) -> Result<(), Failure> {
    let mut values = entry_values(entry, point)?;
    match binding {
        Some(record) => values.add_binding(record)?,
        None => values.add_nulls(BINDING_COLUMNS),
    };
    match customer {
        Some(record) => values.add_customer(record)?,
        None => values.add_nulls(CUSTOMER_COLUMNS),
    };
    let row = connection.write(sql::WRITE, &values.as_slice())?;
    let row = row.ok_or_else(|| Failure::corrupt("nothing was answered to a write"))?;
    let (old_point, old_binding, old_customer): (i64, i64, i64) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    // What was not there is new. Where another one has made it meanwhile, its key refuses this one, and the work is run again.
    if old_point == 0 {
        if entry.id.number != 1 {
            let text = format!("the chain of {} does not end before entry {}", point.code, entry.id.number);
            return Err(Failure::new(FailureKind::Contradicted, text));
        }
        new_point(connection, point)?;
    }
    if let Some(record) = binding.filter(|_| old_binding == 0) {
        new_binding(connection, record)?;
    }
    if let Some(record) = customer.filter(|_| old_customer == 0) {
        new_customer(connection, record)?;
    }
    Ok(())
}

/// Keeps the list of requests that wait for another step.
fn mark_waiting(connection: &mut Connection, entry: &Entry) -> Result<(), Failure> {
    let (party, id) = (entry.request.party.as_str(), entry.request.id.as_str());
    match (entry.step, entry.kind) {
        (Step::First, Kind::Reserve | Kind::Propose) => {
            let (point, number) =
                (entry.id.point.as_str(), number(entry.id.number, "the number of an entry")?);
            connection.execute(sql::NEW_WAITING, &[&party, &id, &point, &number, &month(entry)])?;
        }
        (Step::Decision, Kind::Cancel) | (Step::Settled, _) => {
            connection.execute(sql::NO_LONGER_WAITING, &[&party, &id])?;
        }
        _ => {}
    }
    Ok(())
}

fn new_point(connection: &mut Connection, point: &Point) -> Result<(), Failure> {
    let mut values = Values::default();
    values.add(point.code.as_str()).add_point(point)?;
    connection.execute(sql::NEW_POINT, &values.as_slice()).map(drop)
}

fn new_binding(connection: &mut Connection, record: &BindingRecord) -> Result<(), Failure> {
    let mut values = Values::default();
    values.add_binding(record)?;
    connection.execute(sql::NEW_BINDING, &values.as_slice()).map(drop)
}

fn new_customer(connection: &mut Connection, record: &Customer) -> Result<(), Failure> {
    let mut values = Values::default();
    values.add_customer(record)?;
    connection.execute(sql::NEW_CUSTOMER, &values.as_slice()).map(drop)
}

/// Writes a head; as a `new` row where it was looked for and not there.
fn write_head(connection: &mut Connection, head: &Head, new: bool) -> Result<(), Failure> {
    let mut values = Values::default();
    let change = match head {
        Head::Binding(record) => {
            values.add_binding(record)?;
            Some((sql::CHANGE_BINDING, sql::NEW_BINDING))
        }
        Head::Customer(record) => {
            values.add_customer(record)?;
            Some((sql::CHANGE_CUSTOMER, sql::NEW_CUSTOMER))
        }
        Head::Point(point) => {
            values.add(point.code.as_str()).add_point(point)?;
            Some((sql::CHANGE_POINT, sql::NEW_POINT))
        }
        _ => None,
    };
    if let Some((change, insert)) = change {
        if new || connection.execute(change, &values.as_slice())? == 0 {
            connection.execute(insert, &values.as_slice())?;
        }
        return Ok(());
    }
    let statement = add_plain(&mut values, head, new)?;
    let changed = connection.execute(statement, &values.as_slice())?;
    match head {
        Head::Policy(PolicyRecord { version, .. }) if changed == 0 && new => Err(Failure::new(
            FailureKind::Again,
            format!("rules of version {version} have been entered meanwhile"),
        )),
        Head::Policy(PolicyRecord { version, .. }) if changed == 0 => Err(Failure::invalid(format!(
            "there are rules of version {version} already: take the next number"
        ))),
        // Signed before: that stays, where it says the same.
        Head::Signed(SignedHead { id, head, .. }) if changed == 0 => {
            let point = id.point.as_str();
            let place = number(id.number, "the number of an entry")?;
            let same = connection.row(sql::SAME_SIGNED_HEAD, &[&point, &place, &head.as_slice()])?;
            let other = format!("entry {place} of {point} has been signed with another hash");
            if same.is_some() { Ok(()) } else { Err(Failure::corrupt(other)) }
        }
        Head::Epoch(epoch) if changed == 0 => Err(Failure::new(
            FailureKind::Contradicted,
            format!("the number of restores does not go back to {epoch}"),
        )),
        _ => Ok(()),
    }
}

/// The heads that one statement writes.
fn add_plain<'a>(values: &mut Values<'a>, head: &'a Head, new: bool) -> Result<&'static str, Failure> {
    match head {
        Head::Binding(_) | Head::Customer(_) | Head::Point(_) => {
            Err(Failure::corrupt("a head was written in another way"))
        }
        Head::Card(record) => {
            values
                .add(record.card.id.0.as_slice())
                .add(i32::from(record.card.generation))
                .add(record.binding.meter.0.as_slice())
                .add(i64::from(record.binding.number))
                .add(i16::from(record.load_key.byte()))
                .add(record.used.code());
            Ok(sql::CARD_ROW.sql(new))
        }
        Head::Party(party) => {
            values.add(party.code.as_str()).add(party.channel.to_string()).add(i16::from(party.open));
            Ok(sql::PARTY_ROW.sql(new))
        }
        Head::Token(token) => {
            values
                .add(token.hash.as_slice())
                .add(token.party.as_str())
                .add(token.actor.as_str())
                .add(token.power.code())
                .add(i16::from(token.revoked));
            Ok(sql::TOKEN_ROW.sql(new))
        }
        Head::Staff(member) => {
            values
                .add(member.identity.as_str())
                .add(member.name.as_str())
                .add(member.may.to_string())
                .add(member.secret.as_str())
                .add(i16::from(member.stopped));
            Ok(sql::STAFF_ROW.sql(new))
        }
        Head::Person(record) => {
            values.add(record.person.emit().to_vec()).add(record.account.cast_signed());
            Ok(sql::NEW_PERSON)
        }
        Head::Link(link) => {
            values
                .add(link.party.as_str())
                .add(link.card.0.as_slice())
                .add(link.customer.as_str())
                .add(time(link.since));
            Ok(sql::LINK_ROW.sql(new))
        }
        Head::Mail(mail) => {
            values
                .add(mail.binding.meter.0.as_slice())
                .add(i64::from(mail.binding.number))
                .add(i16::from(mail.slot.number()))
                .add(i64::from(mail.version))
                .add(mail.envelope.as_slice());
            Ok(sql::MAIL_ROW.sql(new))
        }
        Head::Reading(reading) => {
            values
                .add(reading.binding.meter.0.as_slice())
                .add(i64::from(reading.binding.number))
                .add(i64::from(reading.number))
                .add(time(reading.time))
                .add(amount(reading.applied_credit)?)
                .add(amount(reading.applied_debited)?)
                .add(reading.balance.0)
                .add(i64::from(reading.energy.0))
                .add(i32::from(reading.flags.0))
                .add(i16::from(reading.tampering));
            Ok(sql::NEW_READING)
        }
        Head::Policy(policy) => {
            values.add(i64::from(policy.version)).add(time(policy.from)).add(policy.rules.as_str());
            Ok(sql::NEW_POLICY)
        }
        Head::Message(message) => {
            values
                .add(message.id.as_str())
                .add(time(message.time))
                .add(message.phone.as_str())
                .add(message.text.as_str())
                .add(time(message.taken));
            Ok(sql::MESSAGE_ROW.sql(new))
        }
        Head::Signed(signed) => {
            values
                .add(signed.id.point.as_str())
                .add(number(signed.id.number, "the number of an entry")?)
                .add(signed.head.as_slice())
                .add(time(signed.time))
                .add(signed.signature.as_slice());
            Ok(sql::NEW_SIGNED_HEAD)
        }
        Head::Epoch(epoch) => {
            values.add(i64::from(*epoch));
            Ok(sql::SET_EPOCH)
        }
    }
}
