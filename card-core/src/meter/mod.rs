//! A meter's credit application: what it keeps, what it decides on a presented card, and how it settles (specification,
//! section 11).
//!
//! Credit is a running total, never a message. The meter keeps the totals that it has applied in its binding, and applies the
//! difference when a certificate of the issuer shows higher ones: once, whatever is repeated, torn or cloned. It believes the
//! issuer's codes and its own memory, and no card.
//!
//! - [`Meter`] owns keys and state; every change of the state is one atomic update of a [`Log`].
//! - [`decide`](decide::decide) says what a presented card would cause, and changes nothing; [`Meter::commit`] decides and stores
//!   it. There is no way to store a decision that was made on another state.
//! - [`Visit`] is a card's whole visit, sans-IO.
//!
//! Consumption comes in from outside, with its price: [`Meter::charge`].

pub mod decide;
pub mod events;
mod keys;
mod state;
mod visit;

pub use decide::{Decision, Reason, Verdict};
pub use keys::{MeterIdentity, MeterKeys, Pair, ReportKeys, Versioned, VersionedKey, WrongRole};
pub use state::MeterState;
pub use visit::{Agenda, Step, Visit, VisitError};

use zeroize::Zeroizing;

use crate::bytes::WrongLength;
use crate::id::CardRef;
use crate::layout::CertificateAnswer;
use crate::message::{Envelope, FormatError, MeterFlags, MeterReceipt, Slot};
use crate::platform::{Engine, Memory, Random};
use crate::scp03::KeySet;
use crate::store::{Log, StoreError};
use crate::terminal::exchange::{Presented, SETTLE_EVENTS, Settlement, WrongCount};
use crate::units::{CardTime, Energy, Piastres};

/// Everything that the credit application needs of its hardware.
pub trait Hardware: Engine + Random + Memory {}
impl<T: Engine + Random + Memory> Hardware for T {}

/// Identity and keys: written when the meter is installed.
const KEYS: Log = Log::new(0, 7, 2);
/// The state: four slots, for it changes with every charge.
const STATE: Log = Log::new(KEYS.end(), 6, 4);

/// Pages of memory that the credit application uses, from page 0 on.
pub const MEMORY_PAGES: u16 = STATE.end();

const _: () = assert!(MeterKeys::MOST <= KEYS.capacity(), "all keys fit their record");
const _: () = assert!(MeterState::MOST <= STATE.capacity(), "the longest state fits its record");

/// Slot of audit records: a meter whose memory has gone back reports there (specification, section 11, step 6).
const AUDIT: u8 = 0x12;

/// A meter's credit application.
#[derive(Debug)]
pub struct Meter<H> {
    hardware: H,
    identity: MeterIdentity,
    keys: MeterKeys,
    state: MeterState,
    /// Of the state in memory; `None` after a write that failed, for then either state may be there.
    epoch: Option<u32>,
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
        let (state, epoch) = match recover_state(&mut hardware)? {
            Some(found) => found,
            None => {
                let record = fresh.emit::<{ STATE.capacity() }>()?;
                (fresh.clone(), STATE.commit(&mut hardware, None, record.as_slice())?)
            }
        };
        // Last: what has keys is installed.
        let record = keys.emit::<{ KEYS.capacity() }>(&identity)?;
        KEYS.commit(&mut hardware, None, record.0.as_slice())?;
        Ok(Self { hardware, identity, keys, state, epoch: Some(epoch) })
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
        let (state, epoch) = recover_state(&mut hardware)?.ok_or(StoreError::Corrupt)?;
        Ok(Self { hardware, identity, keys, state, epoch: Some(epoch) })
    }

    /// Which meter this is.
    pub const fn identity(&self) -> &MeterIdentity {
        &self.identity
    }

    /// Its keys.
    pub const fn keys(&self) -> &MeterKeys {
        &self.keys
    }

    /// Its state, as it is in memory.
    pub const fn state(&self) -> &MeterState {
        &self.state
    }

    /// Its hardware: for the engine and the random numbers. Who writes to its memory breaks it.
    pub const fn hardware(&mut self) -> &mut H {
        &mut self.hardware
    }

    /// Gives the hardware back.
    pub fn into_hardware(self) -> H {
        self.hardware
    }

    /// The key set of a card by what it answered to INITIALIZE UPDATE (section 11, step 1); `None` where the meter has no
    /// base key of that version.
    pub fn card_keys(&mut self, key_version: u8, card: CardRef) -> Option<KeySet> {
        self.keys.card_keys(&mut self.hardware, self.identity.scope, key_version, card)
    }

    /// What [`Self::commit`] would do with a presented card.
    pub fn decide(&mut self, now: CardTime, presented: &Presented) -> Decision {
        decide::decide(&mut self.hardware, &self.identity, &self.keys, &self.state, now, presented)
    }

    /// Decides on a presented card and stores what follows, in one atomic update: binding, totals, balance, generation, clock
    /// and report number; or the event of a refusal. `now` is the meter's clock.
    ///
    /// # Errors
    /// After [`MeterError::Store`] the old or the new state is in memory: the meter must be powered up again.
    pub fn commit(&mut self, now: CardTime, presented: &Presented) -> Result<Decision, MeterError> {
        let decision = self.decide(now, presented);
        let Self { hardware, identity, keys, state, .. } = self;
        let next = state.after(hardware, identity, keys.report(), now, presented, &decision);
        self.store(next)?;
        Ok(decision)
    }

    /// What SETTLE says after [`Self::commit`], and the first events after number `last_event`, which the card has.
    pub fn settlement(&mut self, now: CardTime, last_event: u32) -> Result<Settlement, MeterError> {
        let receipt = self.receipt(now, MeterFlags::default());
        let events = self.state.events.after(last_event).take(SETTLE_EVENTS);
        Ok(Settlement::new(&receipt, &self.state.month, events)?)
    }

    /// The final report of the binding that was closed last, sealed for slot 10, where the card does not have it.
    ///
    /// The number of the closed binding is the version (section 11, step 4): it only grows, and the card's mail directory tells
    /// by it what it has.
    pub fn final_report(&mut self, card: &CertificateAnswer) -> Result<Option<Envelope>, MeterError> {
        let Self { hardware, identity, keys, state, .. } = self;
        let Some(report) = &state.final_report else { return Ok(None) };
        let (slot, version) = (Slot::FINAL_REPORT, report.binding.number);
        if version_in(card, slot) >= version {
            return Ok(None);
        }
        let keys = &keys.report().mail;
        let envelope =
            Envelope::seal(hardware, keys, identity.scope, report.binding, slot, version, &report.emit())?;
        Ok(Some(envelope))
    }

    /// A meter receipt with flag 0020, sealed for slot 12, for a card that was refused with [`Reason::Regressed`]. It is about the
    /// card's binding; where the meter has lost that binding altogether, its totals are 0.
    pub fn regression_report(
        &mut self,
        now: CardTime,
        card: &CertificateAnswer,
    ) -> Result<Option<Envelope>, MeterError> {
        let Some(slot) = Slot::new(AUDIT) else { return Ok(None) };
        // The meter's own memory is what cannot be trusted, so the next version is by the card's directory.
        let Some(version) = version_in(card, slot).checked_add(1) else { return Ok(None) };
        let mut receipt = self.receipt(now, MeterFlags::REGRESSED);
        let binding = card.binding();
        if receipt.binding != binding {
            let lost = MeterState::new(self.state.energy, self.state.month.index);
            receipt = lost.receipt(&self.identity, 0, self.state.time(now), self.state.flags);
        }
        let Self { hardware, identity, keys, .. } = self;
        let receipt = MeterReceipt {
            binding,
            number: receipt.number.max(1),
            flags: receipt.flags.with(MeterFlags::REGRESSED),
            ..receipt
        };
        let receipt = state::sign(hardware, identity, keys.report(), receipt);
        let keys = &keys.report().mail;
        Ok(Some(Envelope::seal(hardware, keys, identity.scope, binding, slot, version, &receipt.emit())?))
    }

    /// Consumption of `energy`, or another charge, that costs `amount`. The balance may fall below zero: what follows is for the
    /// tariff to say.
    ///
    /// # Errors
    /// [`MeterError::OutOfRange`], and nothing is changed, where a number would not fit.
    pub fn charge(&mut self, amount: Piastres, energy: Energy) -> Result<(), MeterError> {
        let next = self.state.charged(amount, energy).ok_or(MeterError::OutOfRange)?;
        self.store(next)
    }

    /// Begins the month with this index. The one that ran is the caller's to keep: [`MeterState::month`].
    ///
    /// # Errors
    /// [`MeterError::OutOfRange`] where it is not later: a closed month is never opened again.
    pub fn begin_month(&mut self, index: u16) -> Result<(), MeterError> {
        let next = self.state.in_month(index).ok_or(MeterError::OutOfRange)?;
        self.store(next)
    }

    /// Sets or clears flags that other parts of the meter are responsible for; [`MeterFlags::REGRESSED`] and
    /// [`MeterFlags::CLOSED`] are not among them.
    pub fn set_flags(&mut self, flags: MeterFlags, on: bool) -> Result<(), MeterError> {
        let flags = flags.0 & !(MeterFlags::REGRESSED.0 | MeterFlags::CLOSED.0);
        let old = self.state.flags.0;
        let new = if on { old | flags } else { old & !flags };
        self.store(MeterState { flags: MeterFlags(new), ..self.state.clone() })
    }

    /// Adds an event of another part of the meter.
    pub fn record(&mut self, now: CardTime, code: u16, data: [u8; 6]) -> Result<(), MeterError> {
        let mut next = self.state.clone();
        next.events.add(self.state.time(now), code, data);
        self.store(next)
    }

    fn receipt(&mut self, now: CardTime, flags: MeterFlags) -> MeterReceipt {
        let Self { hardware, identity, keys, state, .. } = self;
        let receipt = state.receipt(identity, state.report_number, now, flags);
        state::sign(hardware, identity, keys.report(), receipt)
    }

    /// The only place where the state changes: in memory first.
    fn store(&mut self, next: MeterState) -> Result<(), MeterError> {
        let epoch = self.epoch.ok_or(MeterError::PowerUpFirst)?;
        if next == self.state {
            return Ok(());
        }
        let record = next.emit::<{ STATE.capacity() }>()?;
        self.epoch = None;
        self.epoch = Some(STATE.commit(&mut self.hardware, Some(epoch), record.as_slice())?);
        self.state = next;
        Ok(())
    }
}

fn recover_state(memory: &mut impl Memory) -> Result<Option<(MeterState, u32)>, MeterError> {
    let mut bytes = [0; STATE.capacity()];
    let Some(record) = STATE.recover(memory, &mut bytes)? else { return Ok(None) };
    let state = MeterState::parse(bytes.get(..record.len).unwrap_or_default())?;
    Ok(Some((state, record.epoch)))
}

fn version_in(card: &CertificateAnswer, slot: Slot) -> u32 {
    card.mail.get(slot.index()).copied().unwrap_or_default()
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
