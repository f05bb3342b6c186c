//! Rows that a transaction has looked for and not found. Nobody can lock what is not there, and another transaction may make it meanwhile:
//! so whoever found none inserts, and is refused by the key where another one was first. Then the work is run again, and finds the row.

use card_core::id::{Binding, CardId, MeterId};
use std::collections::HashSet;

use crate::{Head, PartyCode, PointCode};

/// A row, by its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Point(PointCode),
    Customer(u64),
    /// Any binding of a meter.
    Meter(MeterId),
    Binding(Binding),
    Card(CardId),
    Link(PartyCode, CardId),
    Mail(Binding, u8),
    Message(String),
    /// Rules, by their version.
    Policy(u32),
}

/// What was not there.
#[derive(Debug, Default)]
pub(super) struct Absent(HashSet<Key>);

impl Absent {
    /// Remembers a row that was looked for, where it was not found.
    pub(super) fn note<T>(&mut self, key: impl FnOnce() -> Key, found: Option<&T>) {
        if found.is_none() {
            self.0.insert(key());
        }
    }

    /// Whether the row of a head was not there, and is now made: so the answer is yes once.
    pub(super) fn take(&mut self, head: &Head) -> bool {
        let key = match head {
            Head::Point(point) => Key::Point(point.code.clone()),
            Head::Customer(customer) => Key::Customer(customer.account),
            Head::Binding(record) => {
                let binding = record.binding();
                let none = self.0.remove(&Key::Meter(binding.meter));
                return self.0.remove(&Key::Binding(binding)) || none;
            }
            Head::Card(record) => Key::Card(record.card.id),
            Head::Link(link) => Key::Link(link.party.clone(), link.card),
            Head::Mail(mail) => Key::Mail(mail.binding, mail.slot.number()),
            Head::Message(message) => Key::Message(message.id.clone()),
            Head::Policy(policy) => Key::Policy(policy.version),
            // These are written whole, whatever stood there; or they only grow.
            Head::Party(_)
            | Head::Token(_)
            | Head::Staff(_)
            | Head::Person(_)
            | Head::Reading(_)
            | Head::Signed(_)
            | Head::Epoch(_) => return false,
        };
        self.0.remove(&key)
    }
}
