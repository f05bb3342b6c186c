//! READ CERTIFICATE, SETTLE, PUT MONTHS and PUT EVENTS: the meter's side of the card (specification, section 11).

use crate::card::{CardApplication, Reply};
use crate::checks::{ensure, no_data, of_binding, put};
use crate::memory_map as map;
use crate::persistent::Failed;
use crate::records::SettlementRecord;
use crate::request::Proof;
use card_core::apdu::StatusWord;
use card_core::bytes::{Buffer, Reader, WrongLength};
use card_core::id::Binding;
use card_core::layout::{CertificateAnswer, status};
use card_core::message::{Certificate, Event, FORMAT, MeterReceipt, Month};
use card_core::platform::Platform;
use card_core::store::Ring;
use card_core::units::Piastres;
use core::cmp::Ordering;

/// Most events in one SETTLE.
const MOST_SETTLED: u8 = 4;
/// Most months in one PUT MONTHS.
const MOST_MONTHS: u8 = 5;
/// Most events in one PUT EVENTS.
const MOST_EVENTS: u8 = 13;

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
        let memory = self.memory()?.settlement();
        let (month, event) = (memory.last_month(), memory.last_event());
        put(reply, &month.to_be_bytes())?;
        put(reply, &event.to_be_bytes())?;
        Ok(StatusWord::OK)
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

    pub(crate) fn put_months(&mut self, data: &[u8], reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        let records = records::<{ Month::SIZE }>(data, MOST_MONTHS)?;
        let known = self.memory()?.settlement().months.map(|(_, last)| last);
        let mut new = Buffer::<{ Month::SIZE * MOST_MONTHS as usize }>::new();
        let mut previous = None;
        for bytes in records {
            let month = Month::parse(bytes).map_err(|_| StatusWord::WRONG_DATA)?;
            ensure(previous < Some(month.index), StatusWord::WRONG_DATA)?;
            previous = Some(month.index);
            if known < Some(month.index) {
                new.put(bytes).map_err(|WrongLength| StatusWord::WRONG_LENGTH)?;
            }
        }
        self.extend_history(&new, map::MONTHS, |record, bytes: &[u8; Month::SIZE]| {
            record.append_month(Month::parse(bytes).ok()?.index)
        })?;
        put(reply, &self.memory()?.settlement().last_month().to_be_bytes())?;
        Ok(StatusWord::OK)
    }

    pub(crate) fn put_events(&mut self, data: &[u8], reply: &mut Reply) -> Result<StatusWord, StatusWord> {
        let records = records::<{ Event::SIZE }>(data, MOST_EVENTS)?;
        let known = self.memory()?.settlement().last_event();
        let mut new = Buffer::<{ Event::SIZE * MOST_EVENTS as usize }>::new();
        let mut previous = 0;
        for bytes in records {
            let event = Event::parse(bytes).map_err(|_| StatusWord::WRONG_DATA)?;
            ensure(event.number > previous, StatusWord::WRONG_DATA)?;
            previous = event.number;
            if event.number > known {
                new.put(bytes).map_err(|WrongLength| StatusWord::WRONG_LENGTH)?;
            }
        }
        self.extend_history(&new, map::EVENTS, |record, bytes: &[u8; Event::SIZE]| {
            record.append_event(Event::parse(bytes).ok()?.number)
        })?;
        put(reply, &self.memory()?.settlement().last_event().to_be_bytes())?;
        Ok(StatusWord::OK)
    }

    /// Writes history records to their places, then the record that makes them count; nothing where nothing is new.
    fn extend_history<const SIZE: usize, const N: usize>(
        &mut self,
        new: &Buffer<N>,
        ring: Ring,
        append: impl Fn(&mut SettlementRecord, &[u8; SIZE]) -> Option<u32>,
    ) -> Result<(), StatusWord> {
        if new.is_empty() {
            return Ok(());
        }
        let mut record = self.memory()?.settlement().clone();
        self.with_memory(|m, p| {
            for bytes in new.as_slice().as_chunks::<SIZE>().0 {
                let place = append(&mut record, bytes).ok_or(Failed)?;
                m.write_history(p, ring, place, bytes)?;
            }
            m.set_settlement(p, record)
        })
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

/// A count from 1 to `most`, and that many records of `SIZE` bytes.
fn records<const SIZE: usize>(data: &[u8], most: u8) -> Result<&[[u8; SIZE]], StatusWord> {
    let (count, records) = data.split_first().ok_or(StatusWord::WRONG_LENGTH)?;
    let (records, rest) = records.as_chunks();
    let right = (1..=most).contains(count) && records.len() == usize::from(*count) && rest.is_empty();
    if right { Ok(records) } else { Err(StatusWord::WRONG_LENGTH) }
}
