//! A meter: what it keeps, what it decides on a presented card, how it charges consumption and decides on the supply (specification,
//! section 11, and docs/meter.md).
//!
//! Credit is a running total, never a message. The meter keeps the totals that it has applied in its binding, and applies the
//! difference when a certificate of the issuer shows higher ones: once, whatever is repeated, torn or cloned. It believes the
//! issuer's codes and its own memory, and no card.
//!
//! - [`Meter`] owns keys and state; every change of the state is one atomic update of a [`Log`](crate::store::Log). Firmware calls
//!   [`Meter::tick`] at least once a minute, [`Meter::consume`] with what was measured, and sets its relay by [`MeterState::supply`].
//! - [`decide`](decide::decide) says what a presented card would cause, and changes nothing; [`Meter::commit`] decides and stores
//!   it. There is no way to store a decision that was made on another state.
//! - [`Visit`] is a card's whole visit, sans-IO. [`Meter::take_voucher`], [`Meter::take_certificate`] and [`Meter::receive`] are the
//!   same without a card, for a connected meter.
//!
//! Every call takes the reading of firmware's clock, which nothing here believes blindly ([`Clock`]). Values at this edge are plain and of
//! fixed size; only the hardware is a parameter.

mod clock;
mod credit;
pub mod decide;
pub mod events;
mod happening;
mod inbox;
mod keys;
mod mail;
mod memory_map;
mod metering;
mod record;
mod state;
mod status;
mod supply;
mod verdict;
mod visit;

pub use clock::{Clock, Reading};
pub use events::History;
pub use inbox::{Executed, Inbox, MailRefusal, Received};
pub use keys::{MeterIdentity, MeterKeys, Pair, ReportKeys, Versioned, VersionedKey, WrongRole};
pub use memory_map::MEMORY_PAGES;
pub use metering::{Brought, DailyProfile, Debts};
pub use state::MeterState;
pub use status::Status;
pub use supply::{Supply, Tampering, reason};
pub use verdict::{Decision, Reason, Verdict};
pub use visit::{Step, Visit, VisitError};

use zeroize::Zeroizing;

use crate::bytes::{Buffer, WrongLength};
use crate::message::{Event, FormatError, Month};
use crate::platform::{Engine, Memory, Random};
use crate::store::StoreError;
use crate::tariff::Deduction;
use crate::terminal::exchange::WrongCount;
use crate::units::{CardTime, Energy};
use memory_map::{KEYS, STATE};
use state::OutOfRange;

/// Everything that a meter's software needs of its hardware, best put together of [`Parts`](crate::platform::Parts).
pub trait Hardware: Engine + Random + Memory {}
impl<T: Engine + Random + Memory> Hardware for T {}

const _: () = assert!(MeterKeys::MOST <= KEYS.capacity(), "all keys fit their record");
const _: () = assert!(MeterState::MOST <= STATE.capacity(), "the longest state fits its record");

/// Consumption that may be unwritten, in 10 Wh: with this much it is written.
pub const UNWRITTEN: Energy = Energy(10);

/// A meter.
#[derive(Debug)]
pub struct Meter<H> {
    hardware: H,
    identity: MeterIdentity,
    keys: MeterKeys,
    state: MeterState,
    /// Of the state in memory; `None` after a write that failed, for then either state may be there.
    epoch: Option<u32>,
    /// Of the keys in memory.
    keys_epoch: u32,
    /// What the state here has consumed more than the one in memory.
    unwritten: Energy,
    /// Whether the state here is otherwise ahead of the one in memory: by time.
    ahead: bool,
    /// The last reading since power-up.
    last: Option<Reading>,
}

impl<H: Hardware> Meter<H> {
    /// Installs identity and keys in memory that has none. A state that is there already stays: bindings outlive a factory
    /// reset (specification, section 2). Where power is cut, it is to be repeated.
    ///
    /// # Errors
    /// [`MeterError::Installed`] where the memory has keys.
    pub fn install(
        mut hardware: H,
        identity: MeterIdentity,
        keys: MeterKeys,
        fresh: &MeterState,
    ) -> Result<Self, MeterError> {
        let mut bytes = Zeroizing::new([0; KEYS.capacity()]);
        if KEYS.recover(&mut hardware, bytes.as_mut_slice())?.is_some() {
            return Err(MeterError::Installed);
        }
        let mut meter = Self::with(hardware, identity, keys, fresh.clone());
        if !meter.recover()? {
            let mut record = Buffer::<{ STATE.capacity() }>::new();
            fresh.emit(&mut record)?;
            meter.epoch = Some(STATE.commit(&mut meter.hardware, None, record.as_slice())?);
        }
        // Last: what has keys is installed.
        let record = meter.keys.emit::<{ KEYS.capacity() }>(&identity)?;
        meter.keys_epoch = KEYS.commit(&mut meter.hardware, None, record.0.as_slice())?;
        Ok(meter)
    }

    /// After every power-up: finds keys and state again, and makes doubtful memory safe.
    ///
    /// # Errors
    /// [`MeterError::NotInstalled`] where there are no keys; [`MeterError::Store`] where the memory holds no intact record any
    /// more: such a meter must be replaced.
    pub fn power_up(mut hardware: H) -> Result<Self, MeterError> {
        let mut bytes = Zeroizing::new([0; KEYS.capacity()]);
        let record = KEYS.recover(&mut hardware, bytes.as_mut_slice())?.ok_or(MeterError::NotInstalled)?;
        let (identity, keys) = MeterKeys::parse(bytes.get(..record.len).unwrap_or_default())?;
        // Any state: it is replaced at once by the one in memory.
        let any = MeterState::new(crate::tariff::EGYPT_2024_08, Energy(0), CardTime::UNSET);
        let mut meter = Self::with(hardware, identity, keys, any);
        meter.keys_epoch = record.epoch;
        if !meter.recover()? {
            return Err(StoreError::Corrupt.into());
        }
        meter.finish_key_change()?;
        Ok(meter)
    }

    const fn with(hardware: H, identity: MeterIdentity, keys: MeterKeys, state: MeterState) -> Self {
        Self {
            hardware,
            identity,
            keys,
            state,
            epoch: None,
            keys_epoch: 0,
            unwritten: Energy(0),
            ahead: false,
            last: None,
        }
    }

    /// Finds the state in memory. `false`: there is none.
    #[inline(never)]
    fn recover(&mut self) -> Result<bool, MeterError> {
        let mut bytes = [0; STATE.capacity()];
        let Some(record) = STATE.recover(&mut self.hardware, &mut bytes)? else { return Ok(false) };
        self.state.restore(bytes.get(..record.len).unwrap_or_default())?;
        self.epoch = Some(record.epoch);
        Ok(true)
    }

    /// Which meter this is.
    pub const fn identity(&self) -> &MeterIdentity {
        &self.identity
    }

    /// Its keys.
    pub const fn keys(&self) -> &MeterKeys {
        &self.keys
    }

    /// Its state. Consumption of less than [`UNWRITTEN`] may not be in memory yet.
    pub const fn state(&self) -> &MeterState {
        &self.state
    }

    /// Ends the meter, and gives its hardware back. As long as there is one, nobody else writes to its memory.
    pub fn into_hardware(self) -> H {
        self.hardware
    }

    // ---- metering

    /// Time passes: months are closed, tariffs come into force, the supply is decided. At least once a minute.
    #[inline(never)]
    pub fn tick(&mut self, reading: Reading) -> Result<(), MeterError> {
        let mut next = self.state.clone();
        self.at(&mut next, reading)?;
        self.keep(&mut next)
    }

    /// Consumption was measured. `None` without a binding: then it is counted in the energy register only.
    ///
    /// # Errors
    /// [`MeterError::OutOfRange`], and nothing of it is counted, where a number would not fit.
    pub fn consume(&mut self, reading: Reading, energy: Energy) -> Result<Option<Deduction>, MeterError> {
        // What time has brought stays, also where the energy is refused.
        self.tick(reading)?;
        let mut next = self.state.clone();
        let deduction = next.consumed(energy)?;
        next.decide_supply();
        self.unwritten = Energy(self.unwritten.0.saturating_add(energy.0));
        self.keep(&mut next)?;
        Ok(deduction)
    }

    /// Demand was measured, in W, averaged as the meter sees fit.
    pub fn demand(&mut self, reading: Reading, watts: u32) -> Result<(), MeterError> {
        let mut next = self.state.clone();
        self.at(&mut next, reading)?;
        next.demanded(watts);
        next.decide_supply();
        self.keep(&mut next)
    }

    /// Tampering was seen. To be reported once or again, as is easier.
    pub fn tamper(&mut self, reading: Reading, kind: Tampering) -> Result<(), MeterError> {
        let mut next = self.state.clone();
        self.at(&mut next, reading)?;
        next.tampered(kind);
        next.decide_supply();
        self.keep(&mut next)
    }

    /// Power is failing: writes what is unwritten.
    pub fn save(&mut self) -> Result<(), MeterError> {
        let mut state = self.state.clone();
        if self.ahead { self.store(&mut state) } else { self.write(&mut state) }
    }

    // ---- histories

    /// The first `N` events with a number above `number`, of those that are kept.
    pub fn events<const N: usize>(&mut self, number: u32) -> Result<[Option<Event>; N], MeterError> {
        Ok(events::events(&mut self.hardware, self.state.binding, &self.state.history, number)?)
    }

    /// The first `N` closed months with an index from `first` on, of those that are kept.
    pub fn months<const N: usize>(&mut self, first: u16) -> Result<[Option<Month>; N], MeterError> {
        Ok(events::months(&mut self.hardware, self.state.binding, self.state.month_index, first)?)
    }

    // ---- memory

    /// Brings `next`, which is the state, to a reading of the clock; what time has brought on the way to it is stored.
    ///
    /// States are large, and stacks of meters small: a change has one copy of the state, and everything works on that in place.
    #[inline(never)]
    fn at(&mut self, next: &mut MeterState, reading: Reading) -> Result<(), MeterError> {
        next.read_clock(reading);
        self.last = Some(reading);
        self.bring(next)
    }

    /// What time has brought is done, each thing stored before the next; the first one together with what `next` has already.
    fn bring(&mut self, next: &mut MeterState) -> Result<(), MeterError> {
        while next.step()? {
            self.store(next)?;
        }
        next.arrive();
        Ok(())
    }

    /// Makes `next` the state; writes it, unless it differs only by time of the same day and by less consumption than may be unwritten.
    fn keep(&mut self, next: &mut MeterState) -> Result<(), MeterError> {
        // The day of the daily profile can be ahead of the time, where that was set back.
        let day = |state: &MeterState| state.calendar.local(state.clock.time).day;
        let same = next.flags == self.state.flags
            && next.supply == self.state.supply
            && next.clock.offset == self.state.clock.offset
            && next.clock.doubtful == self.state.clock.doubtful
            && next.clock.stopped == self.state.clock.stopped
            && next.days.day == self.state.days.day
            && day(next) == day(&self.state)
            && next.peak == self.state.peak
            && !next.history.is_fresh();
        if same && self.unwritten < UNWRITTEN {
            self.epoch.ok_or(MeterError::PowerUpFirst)?;
            self.ahead |= *next != self.state;
            self.state.clone_from(next);
            return Ok(());
        }
        self.write(next)
    }

    /// Makes `next` the state, and writes it where it is another one.
    fn write(&mut self, next: &mut MeterState) -> Result<(), MeterError> {
        if *next == self.state && self.unwritten == Energy(0) {
            return self.epoch.map(|_| ()).ok_or(MeterError::PowerUpFirst);
        }
        self.store(next)
    }

    /// The only place where memory changes: histories first, then the state that makes them count.
    #[inline(never)]
    fn store(&mut self, next: &mut MeterState) -> Result<(), MeterError> {
        let epoch = self.epoch.ok_or(MeterError::PowerUpFirst)?;
        let mut record = Buffer::<{ STATE.capacity() }>::new();
        next.emit(&mut record)?;
        self.epoch = None;
        events::write(&mut self.hardware, next.binding, &next.history)?;
        next.history.written();
        self.epoch = Some(STATE.commit(&mut self.hardware, Some(epoch), record.as_slice())?);
        self.state.clone_from(next);
        self.unwritten = Energy(0);
        self.ahead = false;
        Ok(())
    }
}

/// Why the credit application could not do what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MeterError {
    /// The memory failed, or power did.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There are keys already.
    #[error("the meter is installed already")]
    Installed,
    /// There are no keys.
    #[error("the meter is not installed")]
    NotInstalled,
    /// A write failed before: which state is in memory is found out at power-up.
    #[error("the meter's memory failed before; it must be powered up again")]
    PowerUpFirst,
    /// A number would not fit, or a month would be opened again.
    #[error("a number would be out of its range")]
    OutOfRange,
    /// An intact record in memory does not have this program's form.
    #[error("the memory holds a record of another version of this program")]
    Format(#[from] FormatError),
    /// A length that is fixed did not fit: an error in this module.
    #[error("internal error of the credit application")]
    Internal,
}

impl From<OutOfRange> for MeterError {
    fn from(OutOfRange: OutOfRange) -> Self {
        Self::OutOfRange
    }
}

impl From<WrongLength> for MeterError {
    fn from(WrongLength: WrongLength) -> Self {
        Self::Internal
    }
}

impl From<WrongCount> for MeterError {
    fn from(WrongCount: WrongCount) -> Self {
        Self::Internal
    }
}
