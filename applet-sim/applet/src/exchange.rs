//! READ CERTIFICATE, SETTLE and PUT HISTORY: the meter's side of the card (specification, section 11).

use crate::card::{CardApplication, Reply};
use crate::checks::{ensure, no_data, of_binding, put};
use crate::memory_map as map;
use crate::persistent::Failed;
use crate::records::SettlementRecord;
use crate::request::Proof;
use card_core::apdu::StatusWord;
use card_core::bytes::{Reader, WrongLength};
use card_core::id::Binding;
use card_core::layout::{CertificateAnswer, status};
use card_core::message::{Certificate, Event, FORMAT, MeterReceipt, Month};
use card_core::platform::Platform;
use card_core::units::Piastres;
use core::cmp::Ordering;

/// Most events in one SETTLE.
const MOST_SETTLED: u8 = 6;
/// Most months in one PUT HISTORY.
const MOST_MONTHS: u8 = 5;
/// Longest data of PUT HISTORY: what fits at level 13, S16.
const LONGEST_HISTORY: usize = 223;

impl<P: Platform> CardApplication<P> {
    /// Totals that the meter had applied when it last settled in this binding.
    pub(crate) fn settled(&self) -> (Piastres, Piastres) {
        let settled = self.persistent.as_ref().and_then(|memory| memory.settlement().settled);
        settled.map_or((Piastres::ZERO, Piastres::ZERO), |(receipt, _)| {
            (receipt.applied_credit, receipt.applied_debited)
        })
    }

    pub(crate) fn read_certificate(
        &mut self,
        proof: Proof,
        data: &[u8],
        reply: &mut Reply,
    ) -> Result<StatusWord, StatusWord> {
        no_data(data)?;
        if proof == Proof::Binding {
            let binding = self.with_memory(|m, p| m.binding(p))?.ok_or(StatusWord::CONDITIONS_OF_USE)?;
            put(reply, &binding.emit())?;
            return Ok(StatusWord::OK);
        }
        let certificate = self.certificate()?;
        let memory = self.memory()?;
        let (settled_credit, settled_debited) = self.settled();
        let settlement = memory.settlement();
        let answer = CertificateAnswer {
            summary: memory.identity().summary(self.state()),
            expiry_time: memory.identity().expiry_time,
            certificate,
            settled_credit,
            settled_debited,
            report_number: settlement.settled.map_or(0, |(receipt, _)| receipt.number),
            mail: memory.mail_versions(),
            last_month: settlement.last_month(),
            last_event: settlement.last_event(),
        };
        put(reply, &answer.emit())?;
        Ok(StatusWord::OK)
    }

    pub(crate) fn settle(&mut self, data: &[u8], reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        let settlement = Settlement::parse(data)?;
        let own: Binding = self.certificate()?.binding;
        of_binding(settlement.receipt.binding, own)?;
        let record = self.memory()?.settlement().clone();
        let repeated = match &record.settled {
            Some((held, _)) => {
                let order = settlement.receipt.number.cmp(&held.number);
                let repeated = order == Ordering::Equal && settlement.receipt == *held;
                ensure(repeated || order == Ordering::Greater, status::STALE)?;
                repeated
            }
            None => false,
        };
        if !repeated {
            self.keep_settlement(&settlement, record)?;
        }
        self.put_last(reply)
    }

    /// Steps 5 to 7, then the update: events go to their places, and the record makes them count.
    fn keep_settlement(
        &mut self,
        settlement: &Settlement<'_>,
        mut record: SettlementRecord,
    ) -> Result<(), StatusWord> {
        let receipt = settlement.receipt;
        let (credit, debited) = self.settled();
        let lower = receipt.applied_credit < credit || receipt.applied_debited < debited;
        ensure(!lower, status::BELOW_SETTLED)?;
        let month = Month::parse(settlement.month).map_err(|_| StatusWord::WRONG_DATA)?;
        let mut last = record.last_event();
        for bytes in settlement.events {
            let event = Event::parse(bytes).map_err(|_| StatusWord::WRONG_DATA)?;
            ensure(event.number > last, StatusWord::WRONG_DATA)?;
            last = event.number;
        }
        record.settled = Some((receipt, month));
        self.with_memory(|m, p| {
            for bytes in settlement.events {
                let number = Event::parse(bytes).map_err(|_| Failed)?.number;
                let place = record.append_event(number).ok_or(Failed)?;
                m.write_history(p, map::EVENTS, place, bytes)?;
            }
            m.set_settlement(p, record)
        })
    }

    /// Writes what is new of months and events to their places, then the record that makes them count; nothing where nothing is new.
    pub(crate) fn put_history(&mut self, data: &[u8], reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        let (months, events) = histories(data)?;
        let known = self.memory()?.settlement().clone();
        let (mut month, mut event) = (None, 0);
        for bytes in months {
            let index = Month::parse(bytes).map_err(|_| StatusWord::WRONG_DATA)?.index;
            ensure(month < Some(index), StatusWord::WRONG_DATA)?;
            month = Some(index);
        }
        for bytes in events {
            let number = Event::parse(bytes).map_err(|_| StatusWord::WRONG_DATA)?.number;
            ensure(event < number, StatusWord::WRONG_DATA)?;
            event = number;
        }
        let last_month = known.months.map(|(_, last)| last);
        if last_month < month || known.last_event() < event {
            let mut record = known.clone();
            self.with_memory(|m, p| {
                for bytes in months {
                    let index = Month::parse(bytes).map_err(|_| Failed)?.index;
                    if last_month < Some(index) {
                        let place = record.append_month(index).ok_or(Failed)?;
                        m.write_history(p, map::MONTHS, place, bytes)?;
                    }
                }
                for bytes in events {
                    let number = Event::parse(bytes).map_err(|_| Failed)?.number;
                    if known.last_event() < number {
                        let place = record.append_event(number).ok_or(Failed)?;
                        m.write_history(p, map::EVENTS, place, bytes)?;
                    }
                }
                m.set_settlement(p, record)
            })?;
        }
        self.put_last(reply)
    }

    /// Up to where the card has the history.
    fn put_last(&self, reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        let memory = self.memory()?.settlement();
        put(reply, &memory.last_month().to_be_bytes())?;
        put(reply, &memory.last_event().to_be_bytes())?;
        Ok(StatusWord::OK)
    }

    fn certificate(&self) -> Result<Certificate, StatusWord> {
        self.memory()?.purse().certificate.ok_or(StatusWord::CONDITIONS_OF_USE)
    }
}

/// The data of SETTLE: message and receipt are right in form, month and events have the right length.
struct Settlement<'a> {
    receipt: MeterReceipt,
    month: &'a [u8],
    events: &'a [[u8; Event::SIZE]],
}

impl<'a> Settlement<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, StatusWord> {
        let mut reader = Reader::new(data);
        let mut fields = || -> Result<_, WrongLength> {
            let format = reader.u8()?;
            let receipt = reader.take(MeterReceipt::SIZE)?;
            let month = reader.take(Month::SIZE)?;
            Ok((format, receipt, month, reader.u8()?, reader.rest()))
        };
        let (format, receipt, month, count, events) = fields().map_err(|_| StatusWord::WRONG_LENGTH)?;
        let right = count <= MOST_SETTLED && events.len() == usize::from(count) * Event::SIZE;
        ensure(right, StatusWord::WRONG_LENGTH)?;
        ensure(format == FORMAT, StatusWord::WRONG_DATA)?;
        let receipt = MeterReceipt::parse(receipt).map_err(|_| StatusWord::WRONG_DATA)?;
        Ok(Self { receipt, month, events: events.as_chunks().0 })
    }
}

/// Months and events of PUT HISTORY.
type Histories<'a> = (&'a [[u8; Month::SIZE]], &'a [[u8; Event::SIZE]]);

/// Their number and lengths are right.
fn histories(data: &[u8]) -> Result<Histories<'_>, StatusWord> {
    let (count, records) = data.split_first().ok_or(StatusWord::WRONG_LENGTH)?;
    ensure(*count <= MOST_MONTHS && data.len() <= LONGEST_HISTORY, StatusWord::WRONG_LENGTH)?;
    let months = usize::from(*count) * Month::SIZE;
    let (months, events) = records.split_at_checked(months).ok_or(StatusWord::WRONG_LENGTH)?;
    let (events, rest) = events.as_chunks();
    ensure(rest.is_empty() && !records.is_empty(), StatusWord::WRONG_LENGTH)?;
    Ok((months.as_chunks().0, events))
}
