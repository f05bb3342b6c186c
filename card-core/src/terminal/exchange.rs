//! A meter and a card (specification, section 11): what is said, in consuming steps. What the meter decides and keeps is in
//! [`meter`](crate::meter), and [`meter::Visit`](crate::meter::Visit) does both in order.
//!
//! SELECT ([`select`](super::select)), INITIALIZE UPDATE and EXTERNAL AUTHENTICATE ([`session`](super::session), with [`KEYS`]
//! and [`LEVEL`]), then [`Reading`] → [`Facts`] → [`Settling`] → [`Settled`]. Between `Facts` and `Settling` the meter commits its own
//! memory. An exchange that was torn anywhere is repeated from its start.

use super::load::MailAnswer;
use super::session::Session;
use super::{Request, RequestError};
use crate::apdu::MAX_COMMAND;
use crate::bytes::{Buffer, Reader};
use crate::id::CardRef;
use crate::layout::{CertificateAnswer, Instruction};
use crate::message::{BindingCertificate, Envelope, Event, FORMAT, FormatError, MeterReceipt, Month};
use crate::platform::Engine;
use crate::role::{KeyVersion, Role};
use crate::scp03::SecurityLevel;
use crate::scp03::host::SessionError;

/// P1 of INITIALIZE UPDATE: the meter key set, of whatever version the card has.
pub const KEYS: KeyVersion = KeyVersion::new(Role::Meter, 0);

/// The level of the session: commands are authenticated and encrypted, answers authenticated.
pub const LEVEL: SecurityLevel = SecurityLevel::CMacCEncRMac;

/// Most events in one SETTLE.
pub const SETTLE_EVENTS: usize = 4;

/// Most events in one PUT EVENTS.
pub const EVENT_BATCH: usize = 13;

/// Most months in one PUT MONTHS.
pub const MONTH_BATCH: usize = 8;

/// More records than one command carries, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a command carries another number of records")]
pub struct WrongCount;

/// READ CERTIFICATE: what the card holds.
pub const fn read_certificate() -> Request<'static, CertificateAnswer> {
    Request::new(Instruction::ReadCertificate, [0, 0], &[], CertificateAnswer::parse)
}

/// READ CERTIFICATE with P1 = 01: the binding certificate.
pub const fn read_binding() -> Request<'static, BindingCertificate> {
    Request::new(Instruction::ReadCertificate, [1, 0], &[], BindingCertificate::parse)
}

/// What SETTLE tells the card.
#[derive(Debug, Clone)]
pub struct Settlement {
    bytes: Buffer<158>,
}

impl Settlement {
    /// With at most [`SETTLE_EVENTS`] events, their numbers rising.
    pub fn new(
        receipt: &MeterReceipt,
        present: &Month,
        events: impl IntoIterator<Item = Event>,
    ) -> Result<Self, WrongCount> {
        let mut list = Buffer::<{ SETTLE_EVENTS * Event::SIZE }>::new();
        let count = put_all(&mut list, events.into_iter().map(|event| event.emit()))?;
        let mut bytes = Buffer::new();
        let mut fill = || -> Result<(), crate::bytes::WrongLength> {
            bytes.u8(FORMAT)?.put(&receipt.emit())?.put(&present.emit())?;
            bytes.u8(count)?.put(list.as_slice()).map(|_| ())
        };
        fill().map_err(|_| WrongCount)?;
        Ok(Self { bytes })
    }

    /// SETTLE.
    pub fn request(&self) -> Request<'_, Stored> {
        Request::new(Instruction::Settle, [0, 0], self.bytes.as_slice(), |data| {
            let mut reader = Reader::new(data);
            let stored = Stored { last_month: reader.u16()?, last_event: reader.u32()? };
            reader.end()?;
            Ok(stored)
        })
    }
}

/// Up to where the card has the meter's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Index of the last closed month; [`Month::NO_INDEX`]: none.
    pub last_month: u16,
    /// Number of the last event; 0: none.
    pub last_event: u32,
}

/// The data of PUT MONTHS or PUT EVENTS: 1 to [`MONTH_BATCH`] or [`EVENT_BATCH`] records.
#[derive(Debug, Clone)]
pub struct Batch {
    bytes: Buffer<LONGEST_BATCH>,
}

/// Events take more than months.
const LONGEST_BATCH: usize = 1 + EVENT_BATCH * Event::SIZE;

impl Batch {
    /// Months for [`Self::put_months`], their indices rising.
    pub fn months(months: impl IntoIterator<Item = Month>) -> Result<Self, WrongCount> {
        Self::new(MONTH_BATCH, months.into_iter().map(|month| month.emit()))
    }

    /// Events for [`Self::put_events`], their numbers rising.
    pub fn events(events: impl IntoIterator<Item = Event>) -> Result<Self, WrongCount> {
        Self::new(EVENT_BATCH, events.into_iter().map(|event| event.emit()))
    }

    fn new<const N: usize>(most: usize, records: impl Iterator<Item = [u8; N]>) -> Result<Self, WrongCount> {
        let mut list = Buffer::<{ LONGEST_BATCH - 1 }>::new();
        let count = put_all(&mut list, records)?;
        if !(1..=most).contains(&usize::from(count)) {
            return Err(WrongCount);
        }
        let mut bytes = Buffer::new();
        bytes.u8(count).and_then(|bytes| bytes.put(list.as_slice())).map_err(|_| WrongCount)?;
        Ok(Self { bytes })
    }

    /// PUT MONTHS: answers the index of the last closed month that the card has.
    pub fn put_months(&self) -> Request<'_, u16> {
        Request::new(Instruction::PutMonths, [0, 0], self.bytes.as_slice(), |data| {
            let mut reader = Reader::new(data);
            let last = reader.u16()?;
            reader.end()?;
            Ok(last)
        })
    }

    /// PUT EVENTS: answers the number of the last event that the card has.
    pub fn put_events(&self) -> Request<'_, u32> {
        Request::new(Instruction::PutEvents, [0, 0], self.bytes.as_slice(), |data| {
            let mut reader = Reader::new(data);
            let last = reader.u32()?;
            reader.end()?;
            Ok(last)
        })
    }
}

fn put_all<const N: usize, const M: usize>(
    out: &mut Buffer<N>,
    records: impl Iterator<Item = [u8; M]>,
) -> Result<u8, WrongCount> {
    let mut count = 0_u8;
    for record in records {
        out.put(&record).map_err(|_| WrongCount)?;
        count = count.checked_add(1).ok_or(WrongCount)?;
    }
    Ok(count)
}

/// PUT METER MAIL.
pub fn put_meter_mail(envelope: &Envelope) -> Request<'_, MailAnswer> {
    Request::new(Instruction::PutMeterMail, [0, 0], envelope.as_bytes(), MailAnswer::parse)
}

/// What a card, authenticated in its session, holds for the meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presented {
    card: CardRef,
    key_version: KeyVersion,
    answer: CertificateAnswer,
    binding: Option<BindingCertificate>,
}

impl Presented {
    /// From its parts: where the secure channel ends elsewhere (in a SAM), and for tests. The caller warrants that `card` and
    /// `key_version` are those of the session, and that `answer` came through it.
    pub const fn from_parts(card: CardRef, key_version: KeyVersion, answer: CertificateAnswer) -> Self {
        Self { card, key_version, answer, binding: None }
    }

    /// With the card's binding certificate.
    #[must_use]
    pub const fn with_binding(self, binding: BindingCertificate) -> Self {
        Self { binding: Some(binding), ..self }
    }

    /// Card and generation by the session's key diversification data.
    pub const fn card(&self) -> CardRef {
        self.card
    }

    /// Key version number of the session's keys, 3v.
    pub const fn key_version(&self) -> KeyVersion {
        self.key_version
    }

    /// The answer to READ CERTIFICATE.
    pub const fn answer(&self) -> &CertificateAnswer {
        &self.answer
    }

    /// The binding certificate, where it was read; its code is not checked here.
    pub const fn binding(&self) -> Option<&BindingCertificate> {
        self.binding.as_ref()
    }
}

/// READ CERTIFICATE is on its way.
#[derive(Debug)]
pub struct Reading {
    session: Session,
    /// What is known already where the binding certificate is read, nothing where the credit certificate is.
    known: Option<Presented>,
}

impl Reading {
    /// Begins in a session with the meter key set, and gives READ CERTIFICATE.
    pub fn begin(
        mut session: Session,
        engine: &mut impl Engine,
    ) -> Result<(Self, Buffer<MAX_COMMAND>), ExchangeError> {
        if session.role() != Some(Role::Meter) || !session.level().is_some_and(|level| level.includes(LEVEL))
        {
            return Err(ExchangeError::WrongSession);
        }
        let command = session.ask(engine, &read_certificate())?;
        Ok((Self { session, known: None }, command))
    }

    /// Reads the response.
    pub fn facts(mut self, engine: &mut impl Engine, response: &[u8]) -> Result<Facts, ExchangeError> {
        let card = self.session.card();
        let session = &mut self.session;
        let presented = match self.known {
            None => {
                let answer = session.answer(engine, &read_certificate(), response)?;
                if answer.summary.card != card {
                    return Err(ExchangeError::OtherCard);
                }
                Presented::from_parts(card, session.key_version(), answer)
            }
            Some(presented) => presented.with_binding(session.answer(engine, &read_binding(), response)?),
        };
        Ok(Facts { session: self.session, presented })
    }
}

/// What the card presents is known. Now the meter decides and commits; or drops this, which ends the exchange.
#[derive(Debug)]
pub struct Facts {
    session: Session,
    presented: Presented,
}

impl Facts {
    /// What the card presents.
    pub const fn presented(&self) -> &Presented {
        &self.presented
    }

    /// READ CERTIFICATE with P1 = 01, where the certificate's binding is higher than the meter's own.
    pub fn ask_binding(
        mut self,
        engine: &mut impl Engine,
    ) -> Result<(Reading, Buffer<MAX_COMMAND>), ExchangeError> {
        let command = self.session.ask(engine, &read_binding())?;
        Ok((Reading { session: self.session, known: Some(self.presented) }, command))
    }

    /// Leaves the exchange with its session open: for mail of a meter that refuses the card.
    pub fn into_session(self) -> Session {
        self.session
    }

    /// SETTLE. The meter has committed what it will say in it.
    pub fn settle(
        mut self,
        engine: &mut impl Engine,
        settlement: Settlement,
    ) -> Result<(Settling, Buffer<MAX_COMMAND>), ExchangeError> {
        let command = self.session.ask(engine, &settlement.request())?;
        Ok((Settling { session: self.session, settlement }, command))
    }
}

/// SETTLE is on its way.
#[derive(Debug)]
pub struct Settling {
    session: Session,
    settlement: Settlement,
}

impl Settling {
    /// Reads the response to SETTLE. Where there is none, nothing is lost: the next exchange shows whether it was received.
    pub fn settled(mut self, engine: &mut impl Engine, response: &[u8]) -> Result<Settled, ExchangeError> {
        let stored = self.session.answer(engine, &self.settlement.request(), response)?;
        Ok(Settled { session: self.session, stored })
    }
}

/// The card has settled. Mail, months and events may follow in the session, each by itself.
#[derive(Debug)]
pub struct Settled {
    /// The open session, for [`put_meter_mail`], [`Batch`] and [`get_mail`](super::load::get_mail).
    pub session: Session,
    /// Up to where the card has the meter's history.
    pub stored: Stored,
}

/// Why an exchange ended. It can be repeated from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The session is not of the meter key set, or its level is too low.
    #[error("the session is not one of a meter, or its security level is too low")]
    WrongSession,
    /// The card names itself otherwise than its keys do.
    #[error("the card's data are those of another card or generation than its keys")]
    OtherCard,
    /// A command has no good answer.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl From<SessionError> for ExchangeError {
    fn from(error: SessionError) -> Self {
        Self::Request(RequestError::Session(error))
    }
}

impl From<FormatError> for ExchangeError {
    fn from(error: FormatError) -> Self {
        Self::Request(error.into())
    }
}
