//! Records as the values of statements, in the order of their columns.

use std::error::Error;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::failure::Failure;
use super::rows::{amount, number, time, total};
use crate::{BindingRecord, Customer, Point};

/// The values of a statement.
#[derive(Default)]
pub(super) struct Values<'a>(Vec<Box<dyn ToSql + Sync + 'a>>);

impl<'a> Values<'a> {
    pub(super) fn with_room(room: usize) -> Self {
        Self(Vec::with_capacity(room))
    }

    pub(super) fn add(&mut self, value: impl ToSql + Sync + 'a) -> &mut Self {
        self.0.push(Box::new(value));
        self
    }

    /// As many NULLs, of whatever type.
    pub(super) fn add_nulls(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            self.add(Null);
        }
        self
    }

    pub(super) fn as_slice(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.0.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }

    /// Party, open, number, head, time, cash, day, sold, most cash, most a day.
    pub(super) fn add_point(&mut self, point: &'a Point) -> Result<&mut Self, Failure> {
        self.add(point.party.as_str())
            .add(i16::from(point.open))
            .add(number(point.number, "the number of an entry")?)
            .add(point.head.as_slice())
            .add(time(point.time))
            .add(point.cash.0)
            .add(i64::from(point.day))
            .add(amount(point.sold)?)
            .add(point.most_cash.map(amount).transpose()?)
            .add(point.most_daily.map(amount).transpose()?);
        Ok(self)
    }

    pub(super) fn add_binding(&mut self, record: &'a BindingRecord) -> Result<&mut Self, Failure> {
        let held = &record.held;
        self.add(held.binding.meter.0.as_slice())
            .add(i64::from(held.binding.number))
            .add(held.account.cast_signed())
            .add(held.card.id.0.as_slice())
            .add(i32::from(held.card.generation))
            .add(i16::from(held.load_key.byte()))
            .add(i16::from(held.credit_key.byte()))
            .add(i16::from(held.parameter_keys.byte()))
            .add(i64::from(held.sequence))
            .add(total(held.total_credit)?)
            .add(total(held.total_debited)?)
            .add(time(held.opening_time))
            .add(record.status.code())
            .add(i16::from(record.blocked))
            .add(i64::from(record.epoch))
            .add(record.voucher.as_slice())
            .add(i64::from(record.card_sequence))
            .add(amount(record.held.applied_credit)?)
            .add(amount(record.held.applied_debited)?)
            .add(time(record.heard));
        Ok(self)
    }

    pub(super) fn add_customer(&mut self, customer: &'a Customer) -> Result<&mut Self, Failure> {
        self.add(customer.account.cast_signed())
            .add(amount(customer.debt)?)
            .add(customer.phone.as_str())
            .add(i16::from(customer.arabic));
        Ok(self)
    }
}

/// NULL, of whatever type.
#[derive(Debug)]
struct Null;

impl ToSql for Null {
    fn to_sql(
        &self,
        _: &Type,
        _: &mut tokio_postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(IsNull::Yes)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
