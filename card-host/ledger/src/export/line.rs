//! An entry as a line of `entries.jsonl`: written, and read back by whoever checks it without the ledger.

use card_core::id::{Binding, CardId, MeterId};
use card_core::units::{CardTime, Piastres};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use crate::entry::{Entry, EntryId, Hash, Kind, RequestKey, Step, Transfer};

/// The fields of docs/ledger.md, section 3, under their names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineOfEntry<'a> {
    pub(super) point: Cow<'a, str>,
    pub(super) number: u64,
    pub(super) time: u64,
    pub(super) kind: Cow<'a, str>,
    pub(super) party: Cow<'a, str>,
    pub(super) request: Cow<'a, str>,
    pub(super) step: Cow<'a, str>,
    pub(super) actor: Cow<'a, str>,
    pub(super) reason: Cow<'a, str>,
    pub(super) meter: String,
    pub(super) binding: Option<u32>,
    pub(super) card: String,
    pub(super) account: String,
    pub(super) amount: u64,
    pub(super) sequence: u32,
    pub(super) total_credit: u64,
    pub(super) total_debited: u64,
    pub(super) policy: u32,
    payload: String,
    pub(super) transfers: Vec<LineOfTransfer>,
    pub(super) previous: String,
    pub(super) hash: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineOfTransfer {
    pub(super) debit: String,
    pub(super) credit: String,
    pub(super) amount: u64,
}

impl Entry {
    /// Of a line of `entries.jsonl`. Its hash is what the line says, see [`Entry::hashed`].
    ///
    /// # Errors
    /// What of the line cannot be read.
    pub fn of_line(line: &str) -> Result<Self, String> {
        let line: LineOfEntry<'_> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        line.entry().map_err(|field| format!("`{field}` cannot be read"))
    }
}

impl<'a> LineOfEntry<'a> {
    pub(super) fn of(entry: &'a Entry) -> Self {
        let transfers = entry.transfers.iter().map(|Transfer { debit, credit, amount }| LineOfTransfer {
            debit: entry.stored(debit),
            credit: entry.stored(credit),
            amount: amount.0,
        });
        Self {
            point: entry.id.point.as_str().into(),
            number: entry.id.number,
            time: entry.time.to_unix(),
            kind: entry.kind.code().into(),
            party: entry.request.party.as_str().into(),
            request: entry.request.id.as_str().into(),
            step: entry.step.code().into(),
            actor: entry.stored_actor().into(),
            reason: entry.stored_reason().into(),
            meter: entry.binding.map(|binding| format!("{:X}", binding.meter)).unwrap_or_default(),
            binding: entry.binding.map(|binding| binding.number),
            card: entry.card.map(|card| card.to_string()).unwrap_or_default(),
            account: entry.stored_account().to_string(),
            amount: entry.amount.0,
            sequence: entry.sequence,
            total_credit: entry.total_credit.0,
            total_debited: entry.total_debited.0,
            policy: entry.policy,
            payload: hex::encode(&entry.payload),
            transfers: transfers.collect(),
            previous: hex::encode(entry.previous),
            hash: hex::encode(entry.hash),
        }
    }

    /// The entry, or the name of the field that is none.
    fn entry(self) -> Result<Entry, &'static str> {
        let binding = match self.binding {
            Some(number) => Some(Binding { meter: MeterId(bytes(&self.meter).ok_or("meter")?), number }),
            None => None,
        };
        let card = match self.card.as_str() {
            "" => None,
            card => Some(CardId(bytes(card).ok_or("card")?)),
        };
        let transfers = self.transfers.iter().map(|line| {
            let debit = line.debit.parse().map_err(|_| "debit")?;
            let credit = line.credit.parse().map_err(|_| "credit")?;
            Ok(Transfer { debit, credit, amount: Piastres(line.amount) })
        });
        Ok(Entry {
            id: EntryId { point: self.point.parse().map_err(|_| "point")?, number: self.number },
            time: CardTime::from_unix(self.time).ok_or("time")?,
            kind: Kind::from_code(&self.kind).ok_or("kind")?,
            request: RequestKey {
                party: self.party.parse().map_err(|_| "party")?,
                id: self.request.parse().map_err(|_| "request")?,
            },
            step: Step::from_code(&self.step).ok_or("step")?,
            actor: self.actor.into_owned(),
            reason: self.reason.into_owned(),
            binding,
            card,
            account: self.account.parse().map_err(|_| "account")?,
            amount: Piastres(self.amount),
            sequence: self.sequence,
            total_credit: Piastres(self.total_credit),
            total_debited: Piastres(self.total_debited),
            policy: self.policy,
            payload: hex::decode(&self.payload).map_err(|_| "payload")?,
            transfers: transfers.collect::<Result<_, &'static str>>()?,
            references: None,
            previous: bytes::<32>(&self.previous).ok_or("previous")? as Hash,
            hash: bytes::<32>(&self.hash).ok_or("hash")? as Hash,
        })
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok().map(|()| bytes)
}
