//! What files, data objects and READ CERTIFICATE hold, as values (specification, sections 6, 7.1, 7.4 and 11).

use crate::bytes::Reader;
use crate::id::{Binding, CardId, CardRef, Company, Environment, MeterId, Scope, State};
use crate::message::{Certificate, FormatError, MeterFlags, Slot};
use crate::units::{Balance, CardTime, Piastres};

/// The 15 bytes by which a card introduces itself in SELECT and READ CERTIFICATE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardSummary {
    /// The state; `None` where the card's memory has failed.
    pub state: Option<State>,
    /// Company and environment.
    pub scope: Scope,
    /// Card and generation.
    pub card: CardRef,
}

impl CardSummary {
    /// Bytes on the wire.
    pub const SIZE: usize = 15;

    /// From 15 bytes; another layout than ours is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let layout = reader.u8()?;
        let state = reader.u8()?;
        let environment = Environment::from_code(reader.u8()?);
        let company = Company(reader.u16()?);
        let card = CardRef { id: CardId(reader.array()?), generation: reader.u16()? };
        reader.end()?;
        let environment = environment.ok_or(FormatError::Field)?;
        let state = match state {
            0 => None,
            code => Some(State::from_code(code).ok_or(FormatError::Field)?),
        };
        if layout != crate::id::LAYOUT {
            return Err(FormatError::Field);
        }
        Ok(Self { state, scope: Scope { company, environment }, card })
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 15] {
        crate::message::fixed(|out| {
            out.u8(crate::id::LAYOUT)?.u8(self.state.map_or(0, State::code))?;
            out.u8(self.scope.environment.code())?.u16(self.scope.company.0)?;
            out.put(&self.card.emit()).map(|_| ())
        })
    }
}

/// The identity file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Card and generation.
    pub card: CardRef,
    /// Company and environment.
    pub scope: Scope,
    /// Parameter i of SCP03: 60 or 61.
    pub scp_i: u8,
    /// Bit 01: the balance is private.
    pub flags: u8,
    /// When the card was issued.
    pub issue_time: CardTime,
    /// When it expires; not set: never.
    pub expiry_time: CardTime,
}

impl Identity {
    /// Bytes in the file.
    pub const SIZE: usize = 32;
    /// Issuance flag: the balance is private.
    pub const BALANCE_PRIVATE: u8 = 0x01;

    /// From 32 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let layout = reader.u8()?;
        let card = CardRef { id: CardId(reader.array()?), generation: reader.u16()? };
        let company = Company(reader.u16()?);
        let environment = Environment::from_code(reader.u8()?);
        let identity = Self {
            card,
            scope: Scope { company, environment: environment.ok_or(FormatError::Field)? },
            scp_i: reader.u8()?,
            flags: reader.u8()?,
            issue_time: CardTime(reader.u32()?),
            expiry_time: CardTime(reader.u32()?),
        };
        reader.take(8)?;
        reader.end()?;
        if layout == crate::id::LAYOUT { Ok(identity) } else { Err(FormatError::Field) }
    }

    /// The bytes of the file.
    pub fn emit(&self) -> [u8; 32] {
        crate::message::fixed(|out| {
            out.u8(crate::id::LAYOUT)?.put(&self.card.emit())?.u16(self.scope.company.0)?;
            out.u8(self.scope.environment.code())?.u8(self.scp_i)?.u8(self.flags)?;
            out.u32(self.issue_time.0)?.u32(self.expiry_time.0)?.u64(0).map(|_| ())
        })
    }
}

/// The purse file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurseFile {
    /// The newest certificate that the card accepted.
    pub certificate: Certificate,
    /// Credit that the meter had applied when it last settled.
    pub settled_credit: Piastres,
    /// Corrections that the meter had applied when it last settled.
    pub settled_debited: Piastres,
    /// How many loads the card accepted.
    pub loads: u32,
    /// The card's state.
    pub state: State,
    /// Whether a first charge activated the card.
    pub activated: bool,
}

impl PurseFile {
    /// Bytes in the file.
    pub const SIZE: usize = 94;

    /// From 94 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let purse = Self {
            certificate: Certificate::parse(reader.take(Certificate::SIZE)?)?,
            settled_credit: Piastres(reader.u64()?),
            settled_debited: Piastres(reader.u64()?),
            loads: reader.u32()?,
            state: State::from_code(reader.u8()?).ok_or(FormatError::Field)?,
            activated: reader.u8()? & 1 != 0,
        };
        reader.end()?;
        Ok(purse)
    }

    /// The bytes of the file.
    pub fn emit(&self) -> [u8; 94] {
        crate::message::fixed(|out| {
            out.put(&self.certificate.emit())?.u64(self.settled_credit.0)?.u64(self.settled_debited.0)?;
            out.u32(self.loads)?.u8(self.state.code())?.u8(u8::from(self.activated)).map(|_| ())
        })
    }
}

/// Public status: what everybody may see of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicStatus {
    /// The card's state; `None` where its memory has failed.
    pub state: Option<State>,
    /// Balances, where they are public.
    pub balances: Option<PublicBalances>,
}

/// The part of the public status that issuance can make private.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PublicBalances {
    /// Credit on its way to the meter.
    pub pending_credit: Piastres,
    /// Corrections on their way to the meter.
    pub pending_debit: Piastres,
    /// What the meter last said; `None` where no meter has settled yet.
    pub at_meter: Option<AtMeter>,
}

/// What the meter last said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtMeter {
    /// Balance in the meter.
    pub balance: Balance,
    /// When.
    pub time: CardTime,
    /// Low-credit flags only.
    pub flags: MeterFlags,
}

impl PublicStatus {
    /// Bytes in the data object.
    pub const SIZE: usize = 32;
    const SHOWN: u8 = 0x01;
    const SETTLED: u8 = 0x02;

    /// From 32 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let layout = reader.u8()?;
        let state = State::from_code(reader.u8()?);
        let flags = reader.u8()?;
        let pending_credit = Piastres(reader.u64()?);
        let pending_debit = Piastres(reader.u64()?);
        let balance = Balance(i64::from_be_bytes(reader.array()?));
        let time = CardTime(reader.u32()?);
        let low = MeterFlags(u16::from(reader.u8()?));
        reader.end()?;
        if layout != crate::id::LAYOUT {
            return Err(FormatError::Field);
        }
        let at_meter = (flags & Self::SETTLED != 0).then_some(AtMeter { balance, time, flags: low });
        let balances = PublicBalances { pending_credit, pending_debit, at_meter };
        Ok(Self { state, balances: (flags & Self::SHOWN != 0).then_some(balances) })
    }

    /// The bytes of the data object's value.
    pub fn emit(&self) -> [u8; 32] {
        let zero =
            PublicBalances { pending_credit: Piastres::ZERO, pending_debit: Piastres::ZERO, at_meter: None };
        let shown = self.balances.unwrap_or(zero);
        let unsettled = AtMeter { balance: Balance(0), time: CardTime::UNSET, flags: MeterFlags(0) };
        let at_meter = shown.at_meter.unwrap_or(unsettled);
        let mut flags = if self.balances.is_some() { Self::SHOWN } else { 0 };
        if shown.at_meter.is_some() {
            flags |= Self::SETTLED;
        }
        let [_, low] = at_meter.flags.0.to_be_bytes();
        crate::message::fixed(|out| {
            out.u8(crate::id::LAYOUT)?.u8(self.state.map_or(0, State::code))?.u8(flags)?;
            out.u64(shown.pending_credit.0)?.u64(shown.pending_debit.0)?;
            out.put(&at_meter.balance.0.to_be_bytes())?.u32(at_meter.time.0)?.u8(low & 0x03).map(|_| ())
        })
    }
}

/// The answer to READ CERTIFICATE with P1 = 00.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CertificateAnswer {
    /// Who answers.
    pub summary: CardSummary,
    /// When the card expires; not set: never.
    pub expiry_time: CardTime,
    /// The newest certificate that the card accepted.
    pub certificate: Certificate,
    /// Credit that the meter had applied when it last settled.
    pub settled_credit: Piastres,
    /// Corrections that the meter had applied when it last settled.
    pub settled_debited: Piastres,
    /// Number of the meter receipt that settled last; 0: none.
    pub report_number: u32,
    /// Versions of all mail slots, by [`Slot::index`].
    pub mail: [u32; Slot::COUNT],
    /// Index of the last closed month that the card has; [`Month::NO_INDEX`](crate::message::Month::NO_INDEX): none.
    pub last_month: u16,
    /// Number of the last event that the card has; 0: none.
    pub last_event: u32,
}

impl CertificateAnswer {
    /// Bytes on the wire.
    pub const SIZE: usize = 181;

    /// From 181 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut reader = Reader::new(bytes);
        let summary = CardSummary::parse(reader.take(CardSummary::SIZE)?)?;
        let expiry_time = CardTime(reader.u32()?);
        let certificate = Certificate::parse(reader.take(Certificate::SIZE)?)?;
        let settled_credit = Piastres(reader.u64()?);
        let settled_debited = Piastres(reader.u64()?);
        let report_number = reader.u32()?;
        let mut mail = [0; Slot::COUNT];
        for version in &mut mail {
            *version = reader.u32()?;
        }
        let last_month = reader.u16()?;
        let last_event = reader.u32()?;
        reader.end()?;
        Ok(Self {
            summary,
            expiry_time,
            certificate,
            settled_credit,
            settled_debited,
            report_number,
            mail,
            last_month,
            last_event,
        })
    }

    /// The bytes on the wire.
    pub fn emit(&self) -> [u8; 181] {
        crate::message::fixed(|out| {
            out.put(&self.summary.emit())?.u32(self.expiry_time.0)?.put(&self.certificate.emit())?;
            out.u64(self.settled_credit.0)?.u64(self.settled_debited.0)?.u32(self.report_number)?;
            for version in self.mail {
                out.u32(version)?;
            }
            out.u16(self.last_month)?.u32(self.last_event).map(|_| ())
        })
    }

    /// The binding that the certificate is for.
    pub const fn binding(&self) -> Binding {
        self.certificate.binding
    }

    /// The meter that the card is for.
    pub const fn meter(&self) -> MeterId {
        self.certificate.binding.meter
    }
}
