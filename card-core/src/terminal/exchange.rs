//! A meter and a card (specification, section 11): what is said. What the meter decides and keeps is in
//! [`meter`](crate::meter), and [`meter::Visit`](crate::meter::Visit) does both in order.
//!
//! SELECT ([`select`](super::select)), INITIALIZE UPDATE and EXTERNAL AUTHENTICATE ([`session`](super::session), with [`KEYS`]
//! and [`LEVEL`]); in a [`meter_session`] READ CERTIFICATE, whose answer is what the card has [`Presented`], and where its binding is
//! higher than the meter's own [`read_binding`]; then [`Settlement`]. Before that the meter commits its own memory. An exchange that was
//! torn anywhere is repeated from its start.

use super::load::MailAnswer;
use super::session::Session;
use super::{Request, RequestError};
use crate::bytes::{Buffer, Reader};
use crate::id::CardRef;
use crate::layout::{CertificateAnswer, Instruction};
use crate::message::{BindingCertificate, Event, FORMAT, FormatError, MeterReceipt, Month};
use crate::platform::Engine;
use crate::role::{KeyVersion, Role};
use crate::scp03::SecurityLevel;
use crate::scp03::host::SessionError;

/// P1 of INITIALIZE UPDATE: the meter key set, of whatever version the card has.
pub const KEYS: KeyVersion = KeyVersion::new(Role::Meter, 0);

/// The level of the session: commands are authenticated and encrypted, answers authenticated.
pub const LEVEL: SecurityLevel = SecurityLevel::CMacCEncRMac;

/// Most events in one SETTLE.
pub const SETTLE_EVENTS: usize = 6;

/// Most events in one PUT HISTORY, which has no months then.
pub const EVENT_BATCH: usize = 13;

/// Most months in one PUT HISTORY.
pub const MONTH_BATCH: usize = 5;

/// The longest data of PUT HISTORY: what fits a command at level 13 in S16.
const LONGEST_HISTORY: usize = 223;

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
    bytes: Buffer<{ 1 + MeterReceipt::SIZE + Month::SIZE + 1 + SETTLE_EVENTS * Event::SIZE }>,
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
        settle(self.bytes.as_slice())
    }
}

/// SETTLE with the bytes of a [`Settlement`]. To read its answer alone, none are needed.
pub const fn settle(settlement: &[u8]) -> Request<'_, Stored> {
    Request::new(Instruction::Settle, [0, 0], settlement, Stored::parse)
}

/// Up to where the card has the meter's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Index of the last closed month; [`Month::NO_INDEX`]: none.
    pub last_month: u16,
    /// Number of the last event; 0: none.
    pub last_event: u32,
}

impl Stored {
    /// Whether it is all that `other` has.
    pub fn covers(&self, other: &Self) -> bool {
        let month = |index| if index == Month::NO_INDEX { None } else { Some(index) };
        month(self.last_month) >= month(other.last_month) && self.last_event >= other.last_event
    }

    fn parse(data: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(data);
        let stored = Self { last_month: reader.u16()?, last_event: reader.u32()? };
        reader.end()?;
        Ok(stored)
    }
}

/// The data of PUT HISTORY: months, and behind them events.
#[derive(Debug, Clone)]
pub struct History {
    bytes: Buffer<LONGEST_HISTORY>,
    months: u8,
    reaches: Stored,
}

impl History {
    /// Nothing yet, for a card that has the history so far.
    pub fn after(stored: Stored) -> Self {
        let mut bytes = Buffer::new();
        // The count of months; it fits.
        let _ = bytes.u8(0);
        Self { bytes, months: 0, reaches: stored }
    }

    /// Adds a month, above those before it; before all events. `false`: it does not fit.
    pub fn add_month(&mut self, month: &Month) -> bool {
        let fits = usize::from(self.months) < MONTH_BATCH && self.bytes.put(&month.emit()).is_ok();
        if fits {
            self.months = self.months.saturating_add(1);
            self.reaches.last_month = month.index;
        }
        if let Some(count) = self.bytes.as_mut_slice().first_mut() {
            *count = self.months;
        }
        fits
    }

    /// Adds an event, above those before it. `false`: it does not fit.
    pub fn add_event(&mut self, event: &Event) -> bool {
        let fits = self.bytes.put(&event.emit()).is_ok();
        if fits {
            self.reaches.last_event = event.number;
        }
        fits
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.bytes.len() <= 1
    }

    /// Up to where a card has the history that takes all of it.
    pub const fn reaches(&self) -> Stored {
        self.reaches
    }

    /// PUT HISTORY.
    pub fn request(&self) -> Request<'_, Stored> {
        put_history(self.bytes.as_slice())
    }
}

/// PUT HISTORY with the bytes of a [`History`]. To read its answer alone, none are needed.
pub const fn put_history(history: &[u8]) -> Request<'_, Stored> {
    Request::new(Instruction::PutHistory, [0, 0], history, Stored::parse)
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

/// PUT METER MAIL with the bytes of an envelope. To read its answer alone, none are needed.
pub const fn put_meter_mail(envelope: &[u8]) -> Request<'_, MailAnswer> {
    Request::new(Instruction::PutMeterMail, [0, 0], envelope, MailAnswer::parse)
}

/// Whether a session is one with the meter key set, at [`LEVEL`] at the least.
pub fn meter_session(session: &Session) -> Result<(), ExchangeError> {
    let high = session.level().is_some_and(|level| level.includes(LEVEL));
    if session.role() == Some(Role::Meter) && high { Ok(()) } else { Err(ExchangeError::WrongSession) }
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

    /// What a card has answered to READ CERTIFICATE in its session.
    pub fn answered(
        session: &mut Session,
        engine: &mut impl Engine,
        response: &[u8],
    ) -> Result<Self, ExchangeError> {
        let answer = session.answer(engine, &read_certificate(), response)?;
        if answer.summary.card != session.card() {
            return Err(ExchangeError::OtherCard);
        }
        Ok(Self::from_parts(session.card(), session.key_version(), answer))
    }

    /// With the card's binding certificate.
    #[must_use]
    pub const fn with_binding(mut self, binding: BindingCertificate) -> Self {
        self.prove(binding);
        self
    }

    /// The card's binding certificate has come.
    pub const fn prove(&mut self, binding: BindingCertificate) {
        self.binding = Some(binding);
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
