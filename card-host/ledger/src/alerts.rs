//! Who runs out of credit soon, and what is said to them (docs/ledger.md, section 11).

use card_core::id::Binding;
use card_core::text::Language;
use card_core::units::CardTime;

use super::error::LedgerError;
use super::office::{Office, Who};
use super::powers::Power;
use super::records::{BindingRecord, Customer, Head, Message, Reading, Status};
use super::store::{Transaction, read, with_readings};
use super::texts;

/// What was queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueuedAlerts {
    /// Open bindings that were looked at.
    pub looked_at: u64,
    /// Of them, those that run out within the days.
    pub low: u64,
    /// Of them, those whose customer has no telephone number.
    pub without_phone: u64,
    /// Messages that were queued now; the others had been before.
    pub queued: u64,
}

/// Bindings of one page, and readings of a binding that are looked at.
const PAGE: u32 = 200;
const READINGS: u32 = 32;
const DAY: u32 = 86_400;
/// The recent rate is that of at most so long before the newest report, and of at least a day.
const RECENT: u32 = 30 * DAY;

/// How long a binding's credit lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outlook {
    /// The report that it follows from.
    pub(super) report: u32,
    /// Days until the credit in the meter is used up, from now; 0: within a day.
    pub(super) meter: u32,
    /// Days until that and what waits to be carried there is used up.
    pub(super) all: u32,
}

/// By the newest report and the recent rate: what the meter took from the balance in the time before it. None where there are no two
/// reports a day apart, or nothing is used: then nobody can say.
pub(super) fn outlook(record: &BindingRecord, readings: &[Reading], now: CardTime) -> Option<Outlook> {
    let newest = readings.first().filter(|newest| newest.time != CardTime::UNSET)?;
    let age = |reading: &&Reading| newest.time.0.saturating_sub(reading.time.0);
    let recent = readings.iter().filter(|reading| reading.time != CardTime::UNSET);
    let earlier = recent.filter(|reading| (DAY..=RECENT).contains(&age(reading))).max_by_key(age)?;
    let used = cost(earlier, newest);
    let seconds = i128::from(age(&earlier));
    if used <= 0 || seconds <= 0 {
        return None;
    }
    let since = i128::from(now.0.saturating_sub(newest.time.0));
    let days = |left: i128| {
        // left / (used / seconds), less the time that has passed since the report.
        let lasts = left.max(0).saturating_mul(seconds) / used;
        u32::try_from(lasts.saturating_sub(since).max(0) / i128::from(DAY)).unwrap_or(u32::MAX)
    };
    let at_meter = i128::from(newest.balance.0);
    let held = &record.held;
    let certified = i128::from(held.total_credit.0) - i128::from(held.total_debited.0);
    let applied = i128::from(newest.applied_credit.0) - i128::from(newest.applied_debited.0);
    let waits = certified.saturating_sub(applied);
    Some(Outlook { report: newest.number, meter: days(at_meter), all: days(at_meter.saturating_add(waits)) })
}

/// What a meter took for energy, fees and instalments between two of its reports: what was applied, less what the balance grew by.
pub(super) fn cost(earlier: &Reading, later: &Reading) -> i128 {
    later.used() - earlier.used()
}

impl Office {
    /// Queues a message to every customer who runs out of credit within `days`, as far as reports show: once for each report.
    pub fn queue_alerts(&self, who: &Who, days: u32) -> Result<QueuedAlerts, LedgerError> {
        self.companys(who, &"alerts".parse()?, Power::Settings)?;
        let now = self.now()?;
        let (mut sum, mut after) = (QueuedAlerts::default(), None);
        loop {
            let page = read(self.ledger(), |t| t.bindings(after, PAGE))?;
            let Some(last) = page.last() else { return Ok(sum) };
            after = Some(last.binding());
            let open: Vec<_> = page.into_iter().filter(|record| record.status == Status::Open).collect();
            sum.looked_at = sum.looked_at.saturating_add(open.len() as u64);
            let due = read(self.ledger(), |t| alerts(t, &open, days, now))?;
            sum.low = sum.low.saturating_add(due.len() as u64);
            let (messages, without): (Vec<_>, Vec<_>) =
                due.into_iter().partition(|message| !message.phone.is_empty());
            sum.without_phone = sum.without_phone.saturating_add(without.len() as u64);
            if messages.is_empty() {
                continue;
            }
            let queued = self.step(|t| {
                let mut queued = 0_u64;
                for message in &messages {
                    // One that was queued before stays as it is, taken or not.
                    if t.message(&message.id)?.is_none() {
                        t.keep(&[Head::Message(message.clone())])?;
                        queued = queued.saturating_add(1);
                    }
                }
                Ok(queued)
            })?;
            sum.queued = sum.queued.saturating_add(queued);
        }
    }

    /// Messages that wait, oldest first. A gateway sends them and says that it has [`taken`](Self::taken) them; one that dies between the two gets them
    /// again, with the same ids.
    pub fn messages(&self, most: u32) -> Result<Vec<Message>, LedgerError> {
        read(self.ledger(), |t| t.messages(most))
    }

    /// A gateway has taken these messages. Gives how many of them had been waiting; others are left as they are.
    pub fn taken(&self, who: &Who, ids: &[String]) -> Result<usize, LedgerError> {
        self.companys(who, &"alerts".parse()?, Power::Settings)?;
        let now = self.now()?;
        self.step(|t| {
            let mut count = 0_usize;
            for id in ids {
                let waits = t.message(id)?.filter(|message| message.taken == CardTime::UNSET);
                if let Some(message) = waits {
                    t.keep(&[Head::Message(Message { taken: now, ..message })])?;
                    count = count.saturating_add(1);
                }
            }
            Ok(count)
        })
    }
}

/// The messages about these bindings that are due; without a telephone number where there is none.
fn alerts(
    t: &mut dyn Transaction,
    records: &[BindingRecord],
    days: u32,
    now: CardTime,
) -> Result<Vec<Message>, LedgerError> {
    let bindings: Vec<_> = records.iter().map(BindingRecord::binding).collect();
    let readings = t.readings(&bindings, READINGS)?;
    let mut messages = Vec::new();
    for (record, readings) in with_readings(records, &readings) {
        let low = outlook(record, readings, now).filter(|outlook| outlook.meter <= days);
        if let Some(outlook) = low {
            let customer = t.customer(record.held.account)?.unwrap_or_default();
            messages.push(message(record.binding(), customer, &outlook, days, now));
        }
    }
    Ok(messages)
}

fn message(binding: Binding, customer: Customer, outlook: &Outlook, days: u32, now: CardTime) -> Message {
    let Customer { phone, arabic, .. } = customer;
    let language = if arabic { Language::Arabic } else { Language::English };
    let meter = binding.meter;
    // Whoever has charged the card needs no charge, but a way to the meter.
    let (about, text) = if outlook.all > days {
        ("carry", texts::carry(language, meter))
    } else {
        ("low", texts::low(language, meter, outlook.all))
    };
    let id = format!("{about}/{meter:X}/{}/{}", binding.number, outlook.report);
    Message { id, time: now, phone, text, taken: CardTime::UNSET }
}

#[cfg(test)]
mod tests;
