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
//! Every call takes what firmware says of time, which nothing here believes blindly ([`Reading`], [`Clock`]). Values at this edge are plain and of
//! fixed size; only the hardware is a parameter.

mod charge;
mod clock;
mod credit;
pub mod decide;
mod errands;
pub mod events;
mod forecast;
mod happening;
mod inbox;
mod keys;
mod loan;
mod mail;
mod memory_map;
mod metering;
mod news;
mod record;
mod state;
mod status;
mod supply;
mod verdict;
mod visit;

pub use charge::Charge;
pub use clock::{Clock, Reading, doubt};
pub use events::History;
pub use inbox::{Executed, Inbox, MailRefusal, Received};
pub use keys::{MeterIdentity, MeterKeys, Pair, ReportKeys, Versioned, VersionedKey, WrongRole};
pub use memory_map::MEMORY_PAGES;
pub use metering::{Brought, DailyProfile, Debts};
pub use news::News;
pub use state::MeterState;
pub use status::{Buzzer, Situations, Status};
pub use supply::{Asked, Supply, Tampering, reason};
pub use verdict::{Decision, Reason, Verdict};
pub use visit::{CardCommand, Step, Visit, VisitError};

use zeroize::Zeroizing;

use crate::bytes::WrongLength;
use crate::message::{Event, FormatError, Month};
use crate::platform::{Engine, Memory, Random};
use crate::store::{Place, StoreError};
use crate::tariff::Deduction;
use crate::terminal::exchange::WrongCount;
use crate::units::{CardTime, Energy};
use clock::Expected;
use memory_map::{KEYS, STATE};
use record::Running;
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
    place: Option<Place>,
    /// Of the keys in memory.
    keys_epoch: u32,
    /// What consumption and time had made of the state when the last call ended: a call that fails goes back to it. All else of the
    /// state is between calls as it is in memory.
    rest: Running,
    /// The same of the state in memory.
    written: Running,
    /// What time should be by uptime; `None` before the first reading since power-up.
    expected: Option<Expected>,
}

impl<H: Hardware> Meter<H> {
    /// Installs a meter as [`Self::set_up`] does, and gives it away.
    pub fn install(
        hardware: H,
        identity: MeterIdentity,
        keys: MeterKeys,
        fresh: &MeterState,
    ) -> Result<Self, MeterError> {
        let mut meter = Self::off(hardware);
        meter.set_up(identity, keys, &mut |state| state.clone_from(fresh))?;
        Ok(meter)
    }

    /// Powers a meter up as [`Self::start`] does, and gives it away.
    pub fn power_up(hardware: H) -> Result<Self, MeterError> {
        let mut meter = Self::off(hardware);
        meter.start()?;
        Ok(meter)
    }

    /// A meter of which nothing is known yet: it is [set up](Self::set_up) or [started](Self::start) where it lies, for a meter is large
    /// and a stack small. Before that it refuses everything.
    #[inline(never)]
    pub fn off(hardware: H) -> Self {
        Self {
            hardware,
            identity: MeterIdentity::NOBODY,
            keys: MeterKeys::none(),
            // Any state: it is replaced by the one in memory, or by a fresh one.
            state: MeterState::new(crate::tariff::EGYPT_2024_08, Energy(0), CardTime::UNSET),
            place: None,
            keys_epoch: 0,
            rest: Running::default(),
            written: Running::default(),
            expected: None,
        }
    }

    /// Installs identity and keys in memory that has none, with the state that `fresh` makes of any other. A state that is there
    /// already stays: bindings outlive a factory reset (specification, section 2). Where power is cut, it is to be repeated.
    ///
    /// # Errors
    /// [`MeterError::Installed`] where the memory has keys.
    #[inline(never)]
    pub fn set_up(
        &mut self,
        identity: MeterIdentity,
        keys: MeterKeys,
        fresh: &mut dyn FnMut(&mut MeterState),
    ) -> Result<(), MeterError> {
        if self.find_keys()? {
            self.place = None;
            return Err(MeterError::Installed);
        }
        self.identity = identity;
        self.keys = keys;
        if !self.recover()? {
            fresh(&mut self.state);
            self.begin()?;
        }
        // Last: what has keys is installed.
        let place = self.place.take();
        self.write_keys(None)?;
        self.place = place;
        Ok(())
    }

    /// After every power-up: finds keys and state again, and makes doubtful memory safe.
    ///
    /// # Errors
    /// [`MeterError::NotInstalled`] where there are no keys; [`MeterError::Store`] where the memory holds no intact record any
    /// more: such a meter must be replaced.
    pub fn start(&mut self) -> Result<(), MeterError> {
        (self.place, self.expected) = (None, None);
        if !self.find_keys()? {
            return Err(MeterError::NotInstalled);
        }
        if !self.recover()? {
            return Err(StoreError::Corrupt.into());
        }
        self.finish_key_change()
    }

    /// Finds identity and keys in memory. `false`: there are none.
    #[inline(never)]
    fn find_keys(&mut self) -> Result<bool, MeterError> {
        let mut bytes = Zeroizing::new([0; KEYS.capacity()]);
        let Some(record) = KEYS.recover(&mut self.hardware, bytes.as_mut_slice())? else { return Ok(false) };
        self.identity = self.keys.restore(bytes.get(..record.len).unwrap_or_default())?;
        self.keys_epoch = record.epoch;
        Ok(true)
    }

    /// Writes the very first state.
    #[inline(never)]
    fn begin(&mut self) -> Result<(), MeterError> {
        self.place = Some(STATE.keep(&mut self.hardware, None, &self.state)?);
        self.stands();
        Ok(())
    }

    /// Finds the state in memory. `false`: there is none.
    #[inline(never)]
    fn recover(&mut self) -> Result<bool, MeterError> {
        self.place = None;
        self.place = STATE.restore(&mut self.hardware, &mut self.state)?;
        self.stands();
        Ok(self.place.is_some())
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
        let result = self.at(reading).and_then(|()| self.keep());
        self.or_back(result)
    }

    /// Consumption was measured. `None` without a binding: then it is counted in the energy register only.
    ///
    /// # Errors
    /// [`MeterError::OutOfRange`], and nothing of it is counted, where a number would not fit.
    pub fn consume(&mut self, reading: Reading, energy: Energy) -> Result<Option<Deduction>, MeterError> {
        // What time has brought stays, also where the energy is refused.
        self.tick(reading)?;
        let mut deduction = None;
        let result = match self.state.consumed(energy) {
            Ok(taken) => {
                deduction = taken;
                self.conclude()
            }
            Err(error) => Err(error.into()),
        };
        self.or_back(result).map(|()| deduction)
    }

    /// Demand was measured, in W, averaged as the meter sees fit.
    pub fn demand(&mut self, reading: Reading, watts: u32) -> Result<(), MeterError> {
        self.told(reading, &mut |state| state.demanded(watts))
    }

    /// Tampering was seen. To be reported once or again, as is easier.
    pub fn tamper(&mut self, reading: Reading, kind: Tampering) -> Result<(), MeterError> {
        self.told(reading, &mut |state| state.tampered(kind))
    }

    /// The supply is on, and firmware measures that nothing comes through the relay (docs/meter.md, section 5.4).
    pub fn relay_stuck_off(&mut self, reading: Reading) -> Result<(), MeterError> {
        self.told(reading, &mut MeterState::relay_stuck_off)
    }

    /// How the battery is. To be reported when it changes or again, as is easier.
    pub fn battery(&mut self, reading: Reading, low: bool) -> Result<(), MeterError> {
        self.told(reading, &mut |state| state.battery(low))
    }

    // ---- buttons

    /// The button for an emergency loan was pressed (docs/meter.md, section 5.2). Whether one was given.
    pub fn ask_loan(&mut self, reading: Reading) -> Result<bool, MeterError> {
        let mut lent = false;
        self.told(reading, &mut |state| lent = state.asked_by_button())?;
        Ok(lent)
    }

    /// The button that restores the supply was pressed, where that waits for it ([`reason::WAITS`]).
    pub fn rearm(&mut self, reading: Reading) -> Result<(), MeterError> {
        self.told(reading, &mut MeterState::rearm)
    }

    /// Something has happened at the time of a reading.
    fn told(&mut self, reading: Reading, what: &mut dyn FnMut(&mut MeterState)) -> Result<(), MeterError> {
        let result = self.at(reading).and_then(|()| {
            what(&mut self.state);
            self.conclude()
        });
        self.or_back(result)
    }

    /// What a call has brought is done, and the call ends.
    #[inline(never)]
    fn conclude(&mut self) -> Result<(), MeterError> {
        self.state.conclude();
        self.keep()
    }

    /// Power is failing: writes what is unwritten. It costs one page, which is erased already.
    pub fn save(&mut self) -> Result<(), MeterError> {
        if self.rest == self.written { self.place().map(|_| ()) } else { self.grow() }
    }

    // ---- histories

    /// The first `N` events with a number above `number`, of those that are kept.
    pub fn events<const N: usize>(&mut self, number: u32) -> Result<[Option<Event>; N], MeterError> {
        let mut found = [None; N];
        events::events(&mut self.hardware, self.state.binding, &self.state.history, number, &mut found)?;
        Ok(found)
    }

    /// The first `N` closed months with an index from `first` on, of those that are kept.
    pub fn months<const N: usize>(&mut self, first: u16) -> Result<[Option<Month>; N], MeterError> {
        let mut found = [None; N];
        events::months(&mut self.hardware, self.state.binding, self.state.month_index, first, &mut found)?;
        Ok(found)
    }

    /// The last charges, the newest first.
    pub fn charges(&mut self) -> Result<[Option<Charge>; Charge::KEPT as usize], MeterError> {
        let mut found = [None; Charge::KEPT as usize];
        events::charges(&mut self.hardware, self.state.binding, &self.state.history, &mut found)?;
        Ok(found)
    }

    // ---- memory

    /// Brings the state to a reading of the clock; what time has brought on the way to it is stored.
    ///
    /// States are large, and stacks of meters small: everything works on the one state that there is, and what is in memory is what a
    /// call that fails goes back to.
    #[inline(never)]
    fn at(&mut self, reading: Reading) -> Result<(), MeterError> {
        self.state.read_clock(&mut self.expected, reading);
        self.bring()
    }

    /// What time has brought is done, each thing stored before the next; the first one together with what the call has done already.
    fn bring(&mut self) -> Result<(), MeterError> {
        while self.state.step()? {
            self.store()?;
        }
        self.state.arrive();
        Ok(())
    }

    /// Ends a call: writes the state, unless it differs only by time of the same day and by less consumption than may be unwritten.
    #[inline(never)]
    fn keep(&mut self) -> Result<(), MeterError> {
        let place = self.place()?;
        if self.state.history.is_fresh() || !STATE.is_grown(&mut self.hardware, place, &self.state)? {
            return self.store();
        }
        let (new, old) = (self.state.running_part(), &self.written);
        let day = |time| self.state.calendar.local(time).day;
        let energy = new.energy.0.wrapping_sub(old.energy.0);
        // The day of the daily profile can be ahead of the time, where that was set back.
        let waits = energy < UNWRITTEN.0
            && (energy != 0 || new.balance == old.balance)
            && new.peak == old.peak
            && day(new.time) == day(old.time);
        self.rest = new;
        if waits { Ok(()) } else { self.grow() }
    }

    /// Of the two places where memory changes, the one for consumption and time alone.
    #[inline(never)]
    fn grow(&mut self) -> Result<(), MeterError> {
        let place = self.place()?;
        self.place = None;
        self.place = Some(STATE.grow(&mut self.hardware, place, &self.state)?);
        self.stands();
        Ok(())
    }

    /// The other one: histories first, then the whole state that makes them count.
    #[inline(never)]
    fn store(&mut self) -> Result<(), MeterError> {
        let place = self.place()?;
        self.place = None;
        events::write(&mut self.hardware, self.state.binding, &self.state.history)?;
        self.state.history.written();
        self.place = Some(STATE.keep(&mut self.hardware, Some(place), &self.state)?);
        self.stands();
        Ok(())
    }

    /// The result of a call. Where it has failed, the state is again what it was: what the call has stored on the way stays.
    fn or_back<T>(&mut self, result: Result<T, MeterError>) -> Result<T, MeterError> {
        if result.is_err() {
            self.go_back()?;
        }
        result
    }

    #[inline(never)]
    fn go_back(&mut self) -> Result<(), MeterError> {
        if self.place.is_some() {
            let rest = self.rest;
            self.recover()?;
            self.state.set_running_part(rest);
            self.rest = rest;
        }
        Ok(())
    }

    /// The state is what is in memory.
    #[inline(never)]
    fn stands(&mut self) {
        self.written = self.state.running_part();
        self.rest = self.written;
    }

    fn place(&self) -> Result<Place, MeterError> {
        self.place.ok_or(MeterError::PowerUpFirst)
    }
}

/// Why the credit application could not do what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MeterError {
    /// The memory failed, or power did.
    #[error(transparent)]
    Store(StoreError),
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

impl From<StoreError> for MeterError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Format(error) => Self::Format(error),
            error => Self::Store(error),
        }
    }
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
