//! The records in memory: what changes together stands in one.

use card_core::bytes::{Reader, WrongLength};
use card_core::id::{CardId, CardRef, Company, Environment, Scope, State};
use card_core::layout::{CardSummary, Identity, PROFILE_SIZE};
use card_core::message::{Certificate, MeterReceipt, Month};
use card_core::scp03::Mode;
use card_core::units::CardTime;

type Bytes<const N: usize> = card_core::bytes::Buffer<N>;

/// Identity and profile: changed by STORE DATA.
#[derive(Clone)]
pub(crate) struct IdentityRecord {
    pub(crate) card: CardRef,
    pub(crate) scope: Scope,
    pub(crate) mode: Mode,
    pub(crate) flags: u8,
    pub(crate) issue_time: CardTime,
    pub(crate) expiry_time: CardTime,
    pub(crate) profile: [u8; PROFILE_SIZE],
}

impl IdentityRecord {
    pub(crate) const SIZE: usize = 119;

    pub(crate) fn blank(card: CardId, environment: Environment) -> Self {
        Self {
            card: CardRef { id: card, generation: 0 },
            scope: Scope { company: Company::NONE, environment },
            mode: Mode::S8,
            flags: 0,
            issue_time: CardTime::UNSET,
            expiry_time: CardTime::UNSET,
            profile: [0; PROFILE_SIZE],
        }
    }

    /// Whether STORE DATA has been done.
    pub(crate) fn is_stored(&self) -> bool {
        self.scope.company.is_valid()
    }

    pub(crate) fn emit(&self) -> Result<Bytes<{ Self::SIZE }>, WrongLength> {
        let mut out = Bytes::new();
        out.put(&self.card.emit())?.u16(self.scope.company.0)?.u8(self.scope.environment.code())?;
        out.u8(self.mode.i())?.u8(self.flags)?.u32(self.issue_time.0)?.u32(self.expiry_time.0)?;
        out.put(&self.profile)?;
        Ok(out)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let record = Self {
            card: CardRef::parse(&reader.array().ok()?),
            scope: Scope {
                company: Company(reader.u16().ok()?),
                environment: Environment::from_code(reader.u8().ok()?)?,
            },
            mode: if reader.u8().ok()? == Mode::S16.i() { Mode::S16 } else { Mode::S8 },
            flags: reader.u8().ok()?,
            issue_time: CardTime(reader.u32().ok()?),
            expiry_time: CardTime(reader.u32().ok()?),
            profile: reader.array().ok()?,
        };
        reader.end().ok()?;
        Some(record)
    }

    pub(crate) fn file(&self) -> Identity {
        Identity {
            card: self.card,
            scope: self.scope,
            scp_i: self.mode.i(),
            flags: self.flags,
            issue_time: self.issue_time,
            expiry_time: self.expiry_time,
        }
    }

    pub(crate) fn summary(&self, state: Option<State>) -> CardSummary {
        CardSummary { state, scope: self.scope, card: self.card }
    }
}

/// State, binding and certificate: changed by LOAD VOUCHER, BIND and SET STATUS.
#[derive(Clone)]
pub(crate) struct PurseRecord {
    pub(crate) state: State,
    pub(crate) activated: bool,
    /// Which of the two binding logs counts.
    pub(crate) binding_log: u8,
    /// How many BINDs there were: settlement and mail that carry another number are of an earlier binding.
    pub(crate) binding_marker: u16,
    pub(crate) loads: u32,
    /// None before BIND.
    pub(crate) certificate: Option<Certificate>,
}

impl PurseRecord {
    pub(crate) const SIZE: usize = 9 + Certificate::SIZE;

    pub(crate) fn blank() -> Self {
        Self {
            state: State::Blank,
            activated: false,
            binding_log: 0,
            binding_marker: 0,
            loads: 0,
            certificate: None,
        }
    }

    pub(crate) fn emit(&self) -> Result<Bytes<{ Self::SIZE }>, WrongLength> {
        let mut out = Bytes::new();
        out.u8(self.state.code())?.u8(u8::from(self.activated))?.u8(self.binding_log)?;
        out.u16(self.binding_marker)?.u32(self.loads)?;
        out.put(&self.certificate.map_or([0; Certificate::SIZE], |certificate| certificate.emit()))?;
        Ok(out)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let state = State::from_code(reader.u8().ok()?)?;
        let activated = reader.u8().ok()? != 0;
        let binding_log = reader.u8().ok()? & 1;
        let binding_marker = reader.u16().ok()?;
        let loads = reader.u32().ok()?;
        let certificate = reader.take(Certificate::SIZE).ok()?;
        reader.end().ok()?;
        let certificate = match binding_marker {
            0 => None,
            _ => Some(Certificate::parse(certificate).ok()?),
        };
        Some(Self { state, activated, binding_log, binding_marker, loads, certificate })
    }
}

/// What the meter brought: changed by SETTLE and PUT HISTORY.
#[derive(Clone)]
pub(crate) struct SettlementRecord {
    /// The binding it belongs to, see [`PurseRecord::binding_marker`].
    pub(crate) binding_marker: u16,
    /// None before the first SETTLE.
    pub(crate) settled: Option<(MeterReceipt, Month)>,
    /// How many closed months were written in this binding, and the last one's index.
    pub(crate) months: Option<(u16, u16)>,
    /// How many events were written in this binding, and the last one's number.
    pub(crate) events: Option<(u32, u32)>,
}

impl SettlementRecord {
    pub(crate) const SIZE: usize = 2 + 4 + 8 + MeterReceipt::SIZE + Month::SIZE;

    pub(crate) fn none(binding_marker: u16) -> Self {
        Self { binding_marker, settled: None, months: None, events: None }
    }

    pub(crate) fn emit(&self) -> Result<Bytes<{ Self::SIZE }>, WrongLength> {
        let (receipt, month) = self
            .settled
            .map_or(([0; 68], [0; Month::SIZE]), |(receipt, month)| (receipt.emit(), month.emit()));
        let (months, last_month) = self.months.unwrap_or((0, Month::NO_INDEX));
        let (events, last_event) = self.events.unwrap_or((0, 0));
        let mut out = Bytes::new();
        out.u16(self.binding_marker)?.u16(months)?.u16(last_month)?;
        out.u32(events)?.u32(last_event)?.put(&receipt)?.put(&month)?;
        Ok(out)
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let binding_marker = reader.u16().ok()?;
        let months = (reader.u16().ok()?, reader.u16().ok()?);
        let events = (reader.u32().ok()?, reader.u32().ok()?);
        let receipt = reader.take(MeterReceipt::SIZE).ok()?;
        let month = reader.take(Month::SIZE).ok()?;
        reader.end().ok()?;
        let settled = match receipt.first()? {
            0 => None,
            _ => Some((MeterReceipt::parse(receipt).ok()?, Month::parse(month).ok()?)),
        };
        Some(Self {
            binding_marker,
            settled,
            months: (months.1 != Month::NO_INDEX).then_some(months),
            events: (events.1 != 0).then_some(events),
        })
    }

    /// Appends a closed month, and returns its place in the history.
    pub(crate) fn append_month(&mut self, index: u16) -> Option<u32> {
        let place = self.months.map_or(0, |(count, _)| count);
        self.months = Some((place.checked_add(1)?, index));
        Some(place.into())
    }

    /// Appends an event, and returns its place in the history.
    pub(crate) fn append_event(&mut self, number: u32) -> Option<u32> {
        let place = self.events.map_or(0, |(count, _)| count);
        self.events = Some((place.checked_add(1)?, number));
        Some(place)
    }

    /// Index of the last closed month, or FFFF.
    pub(crate) fn last_month(&self) -> u16 {
        self.months.map_or(Month::NO_INDEX, |(_, last)| last)
    }

    /// Number of the last event, or 0.
    pub(crate) fn last_event(&self) -> u32 {
        self.events.map_or(0, |(_, last)| last)
    }
}

/// Size of the record of failure counters, one u16 for each role with a key set.
pub(crate) const FAILURES_SIZE: usize = 8;
