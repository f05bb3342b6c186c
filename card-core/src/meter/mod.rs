//! A meter: what it keeps, what it decides on a presented card, how it charges consumption and decides on the supply (specification,
//! section 11, and docs/meter.md).
//!
//! Credit is a running total, never a message. The meter keeps the totals that it has applied in its binding, and applies the
//! difference when a certificate of the issuer shows higher ones: once, whatever is repeated, torn or cloned. It believes the
//! issuer's codes and its own memory, and no card.
//!
//! - [`Meter`] owns keys and state; every change of the state is one atomic update of a [`Log`]. Firmware calls
//!   [`Meter::tick`] at least once a minute, [`Meter::consume`] with what was measured, and sets its relay by [`MeterState::supply`].
//! - [`decide`](decide::decide) says what a presented card would cause, and changes nothing; [`Meter::commit`] decides and stores
//!   it. There is no way to store a decision that was made on another state.
//! - [`Visit`] is a card's whole visit, sans-IO. [`Meter::take_voucher`], [`Meter::take_certificate`] and [`Meter::receive`] are the
//!   same without a card, for a connected meter.
//!
//! Every call takes the reading of firmware's clock, which nothing here believes blindly ([`Clock`]). Values at this edge are plain and of
//! fixed size; only the hardware is a parameter.

mod clock;
pub mod decide;
pub mod events;
mod inbox;
mod keys;
mod metering;
mod record;
mod state;
mod status;
mod supply;
mod visit;

pub use clock::Clock;
pub use decide::{Decision, Reason, Verdict};
pub use events::History;
pub use inbox::{Executed, Inbox, MailRefusal, Received};
pub use keys::{MeterIdentity, MeterKeys, Pair, ReportKeys, Versioned, VersionedKey, WrongRole};
pub use metering::{DailyProfile, Debts};
pub use state::MeterState;
pub use status::Status;
pub use supply::{Supply, Tampering, reason};
pub use visit::{Step, Visit, VisitError};

use zeroize::Zeroizing;

use crate::bytes::WrongLength;
use crate::id::{CardId, CardRef};
use crate::layout::CertificateAnswer;
use crate::message::{
    BindingCertificate, Certificate, Envelope, Event, FormatError, MeterFlags, MeterReceipt, Month, Slot,
    Voucher,
};
use crate::parameters::{KeyChange, NewKeys};
use crate::platform::{Engine, Memory, Random};
use crate::scp03::{KeySet, Mode};
use crate::store::{Log, StoreError};
use crate::tariff::Deduction;
use crate::terminal::exchange::{Presented, SETTLE_EVENTS, Settlement, WrongCount};
use crate::units::{CardTime, Energy};
use state::OutOfRange;

/// Everything that a meter's software needs of its hardware.
pub trait Hardware: Engine + Random + Memory {}
impl<T: Engine + Random + Memory> Hardware for T {}

/// Identity and keys: written when the meter is installed, and when keys change.
const KEYS: Log = Log::new(0, 7, 2);
/// The state: four slots, for it changes with consumption.
const STATE: Log = Log::new(KEYS.end(), 26, 4);

/// Pages of memory that a meter uses, from page 0 on.
pub const MEMORY_PAGES: u16 = events::END;

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
        let keys_epoch = KEYS.commit(&mut hardware, None, record.0.as_slice())?;
        let (epoch, unwritten) = (Some(epoch), Energy(0));
        Ok(Self { hardware, identity, keys, state, epoch, keys_epoch, unwritten, ahead: false })
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
        let keys_epoch = record.epoch;
        let (epoch, unwritten) = (Some(epoch), Energy(0));
        let mut meter = Self { hardware, identity, keys, state, epoch, keys_epoch, unwritten, ahead: false };
        meter.finish_key_change()?;
        Ok(meter)
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

    /// Its hardware: for the engine and the random numbers. Who writes to its memory breaks it.
    pub const fn hardware(&mut self) -> &mut H {
        &mut self.hardware
    }

    /// Gives the hardware back.
    pub fn into_hardware(self) -> H {
        self.hardware
    }

    // ---- metering

    /// Time passes: months are closed, tariffs come into force, the supply is decided. At least once a minute.
    pub fn tick(&mut self, reading: CardTime) -> Result<(), MeterError> {
        let next = self.at(reading)?;
        self.keep(next)
    }

    /// Consumption was measured. `None` without a binding: then it is counted in the energy register only.
    ///
    /// # Errors
    /// [`MeterError::OutOfRange`], and nothing of it is counted, where a number would not fit.
    pub fn consume(&mut self, reading: CardTime, energy: Energy) -> Result<Option<Deduction>, MeterError> {
        // What time has brought stays, also where the energy is refused.
        self.tick(reading)?;
        let mut next = self.state.clone();
        let deduction = next.consumed(energy)?;
        next.decide_supply();
        self.unwritten = Energy(self.unwritten.0.saturating_add(energy.0));
        self.keep(next)?;
        Ok(deduction)
    }

    /// Demand was measured, in W, averaged as the meter sees fit.
    pub fn demand(&mut self, reading: CardTime, watts: u32) -> Result<(), MeterError> {
        let mut next = self.at(reading)?;
        next.demanded(watts);
        next.decide_supply();
        self.keep(next)
    }

    /// Tampering was seen. To be reported once or again, as is easier.
    pub fn tamper(&mut self, reading: CardTime, kind: Tampering) -> Result<(), MeterError> {
        let mut next = self.at(reading)?;
        next.tampered(kind);
        next.decide_supply();
        self.keep(next)
    }

    /// Power is failing: writes what is unwritten.
    pub fn save(&mut self) -> Result<(), MeterError> {
        let state = self.state.clone();
        if self.ahead { self.store(state) } else { self.write(state) }
    }

    // ---- credit

    /// The key set of a card by what it answered to INITIALIZE UPDATE (section 11, step 1); `None` where the meter has no
    /// base key of that version.
    pub fn card_keys(&mut self, key_version: u8, card: CardRef) -> Option<KeySet> {
        self.keys.card_keys(&mut self.hardware, self.identity.scope, key_version, card)
    }

    /// What [`Self::commit`] would do with a presented card, were it presented now.
    pub fn decide(&mut self, presented: &Presented) -> Decision {
        decide::decide(&mut self.hardware, &self.identity, &self.keys, &self.state, presented)
    }

    /// Decides on a presented card and stores what follows, in one atomic update: binding, totals, balance, generation, clock
    /// and report number; or the event of a refusal.
    ///
    /// # Errors
    /// After [`MeterError::Store`] the old or the new state is in memory: the meter must be powered up again.
    pub fn commit(&mut self, reading: CardTime, presented: &Presented) -> Result<Decision, MeterError> {
        self.tick(reading)?;
        let decision = self.decide(presented);
        let from = (presented.card().generation, &presented.answer().certificate);
        let mut next = self.after(reading, from, &decision)?;
        if decision.verdict == Verdict::Nothing {
            next.lend();
        }
        self.apply(next)?;
        Ok(decision)
    }

    /// A certificate that came over the network (docs/meter.md, section 12). A binding that is not the meter's own needs its certificate.
    pub fn take_certificate(
        &mut self,
        reading: CardTime,
        certificate: &Certificate,
        binding: Option<&BindingCertificate>,
    ) -> Result<Decision, MeterError> {
        self.take_from_network(reading, certificate, binding, None)
    }

    /// A voucher that came over the network: its certificate is applied, and it is kept for its card.
    pub fn take_voucher(&mut self, reading: CardTime, voucher: &Voucher) -> Result<Decision, MeterError> {
        self.take_from_network(reading, &voucher.certificate, None, Some(voucher))
    }

    fn take_from_network(
        &mut self,
        reading: CardTime,
        certificate: &Certificate,
        binding: Option<&BindingCertificate>,
        voucher: Option<&Voucher>,
    ) -> Result<Decision, MeterError> {
        self.tick(reading)?;
        let Self { hardware, identity, keys, state, .. } = self;
        let decision = decide::decide_network(hardware, identity, keys, state, certificate, binding);
        let mut next = self.after(reading, (certificate.generation, certificate), &decision)?;
        if let (Verdict::Apply { .. }, Some(voucher)) = (decision.verdict, voucher) {
            next.voucher = Some(*voucher);
        }
        self.apply(next)?;
        Ok(decision)
    }

    fn after(
        &mut self,
        reading: CardTime,
        from: (u16, &Certificate),
        decision: &Decision,
    ) -> Result<MeterState, MeterError> {
        let Self { hardware, identity, keys, state, .. } = self;
        Ok(state.after(hardware, identity, keys.report(), reading, from, decision)?)
    }

    fn apply(&mut self, next: MeterState) -> Result<(), MeterError> {
        // The certificate may have brought time forward.
        let next = self.bring(next)?;
        self.write(next)
    }

    /// What SETTLE says after [`Self::commit`], and the first events after number `last_event`, which the card has.
    pub fn settlement(&mut self, last_event: u32) -> Result<Settlement, MeterError> {
        let receipt = self.receipt(MeterFlags::default());
        let events: [_; SETTLE_EVENTS] = self.events(last_event)?;
        Ok(Settlement::new(&receipt, &self.state.month(), events.into_iter().flatten())?)
    }

    /// The meter's receipt as it stands, of the last report number: what a connected meter answers over its network.
    pub fn report(&mut self) -> MeterReceipt {
        self.receipt(MeterFlags::default())
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

    // ---- mail

    /// Mail of the issuer has come, by a card or over the network (docs/meter.md, section 7).
    pub fn receive(
        &mut self,
        reading: CardTime,
        carrier: Option<CardId>,
        mail: &Envelope,
    ) -> Result<Received, MeterError> {
        self.tick(reading)?;
        let mut next = self.state.clone();
        let result = match self.open(mail) {
            Err(refusal) => Err(refusal),
            Ok(plaintext) if mail.slot == Slot::METER_KEYS => {
                self.take_keys(&mut next, mail.version, plaintext.as_slice())?
            }
            Ok(plaintext) => next.take_mail(reading, carrier, mail.slot, plaintext.as_slice()),
        };
        match result {
            Ok(()) => next.inbox.raise(mail.slot, mail.version),
            Err(refusal) => next.refuse_mail(mail.slot, mail.version, refusal),
        }
        let next = self.bring(next)?;
        self.write(next)?;
        Ok(Received { slot: mail.slot, version: mail.version, result })
    }

    fn open(&mut self, mail: &Envelope) -> Result<crate::message::Opened, MailRefusal> {
        if mail.binding.meter != self.identity.id {
            return Err(MailRefusal::OtherMeter);
        }
        if mail.binding.number != self.state.binding {
            return Err(MailRefusal::OtherBinding);
        }
        if mail.version <= self.state.inbox.version(mail.slot) {
            return Err(MailRefusal::Stale);
        }
        let keys = self.keys.parameter(mail.key_version).ok_or(MailRefusal::UnknownKeyVersion)?;
        mail.open(&mut self.hardware, keys, self.identity.scope).map_err(|_| MailRefusal::Altered)
    }

    /// New keys (docs/meter.md, section 9). They are stored first, with what mail brought them: where power is cut before that counts
    /// as taken, it does at the next power-up.
    fn take_keys(
        &mut self,
        next: &mut MeterState,
        mail: u32,
        plaintext: &[u8],
    ) -> Result<Result<(), MailRefusal>, MeterError> {
        let Ok(change) = KeyChange::parse(plaintext) else { return Ok(Err(MailRefusal::Malformed)) };
        let transport = self.keys.transport();
        let scope = self.identity.scope;
        let opened = (change.transport_version == transport.version)
            .then(|| change.open(&mut self.hardware, &transport.key, scope).ok())
            .flatten();
        let Some(new) = opened else { return Ok(Err(MailRefusal::UnusableKeys)) };
        let version = new.version();
        match self.rotate(new, mail)? {
            None => return Ok(Err(MailRefusal::UnusableKeys)),
            Some(false) => {}
            Some(true) => next.keys_changed(version),
        }
        Ok(Ok(()))
    }

    /// A power cut between new keys and the state: what is left to do.
    fn finish_key_change(&mut self) -> Result<(), MeterError> {
        let mail = self.keys.brought_by();
        let slot = Slot::METER_KEYS;
        if mail.binding != self.state.binding || mail.version <= self.state.inbox.version(slot) {
            return Ok(());
        }
        let mut next = self.state.clone();
        next.keys_changed(mail.keys);
        next.inbox.raise(slot, mail.version);
        self.write(next)
    }

    fn rotate(&mut self, new: NewKeys, mail: u32) -> Result<Option<bool>, MeterError> {
        let epoch = self.epoch.ok_or(MeterError::PowerUpFirst)?;
        let Ok(changed) = self.keys.rotate(new, (self.state.binding, mail)) else { return Ok(None) };
        if changed {
            // Until the new keys are stored, what is here is ahead of memory.
            self.epoch = None;
            let record = self.keys.emit::<{ KEYS.capacity() }>(&self.identity)?;
            self.keys_epoch = KEYS.commit(&mut self.hardware, Some(self.keys_epoch), record.0.as_slice())?;
            self.epoch = Some(epoch);
        }
        Ok(Some(changed))
    }

    /// The final report of the binding that was closed last, sealed for slot 10, where the card does not have it.
    ///
    /// The number of the closed binding is the version (section 11, step 4): it only grows, and the card's mail directory tells
    /// by it what it has.
    pub fn final_report(&mut self, card: &CertificateAnswer) -> Result<Option<Envelope>, MeterError> {
        let Some(report) = self.state.final_report else { return Ok(None) };
        let (slot, version) = (Slot::FINAL_REPORT, report.binding.number);
        if version_in(card, slot) >= version {
            return Ok(None);
        }
        let Self { hardware, identity, keys, .. } = self;
        let keys = &keys.report().mail;
        let envelope =
            Envelope::seal(hardware, keys, identity.scope, report.binding, slot, version, &report.emit())?;
        Ok(Some(envelope))
    }

    /// Readings, sealed for slot 11, where their version is above `version`.
    pub fn readings(&mut self, version: u32) -> Result<Option<Envelope>, MeterError> {
        let newest = self.state.inbox.readings;
        self.seal(Slot::READINGS, (newest > version).then_some(newest), &self.state.readings().emit())
    }

    /// Audit records, sealed for slot 13, where their version is above `version`.
    pub fn audit(&mut self, version: u32) -> Result<Option<Envelope>, MeterError> {
        let newest = self.state.inbox.audit_count;
        let records = self.state.inbox.audits.emit();
        self.seal(Slot::AUDIT, (newest > version).then_some(newest), records.as_slice())
    }

    fn seal(
        &mut self,
        slot: Slot,
        version: Option<u32>,
        bytes: &[u8],
    ) -> Result<Option<Envelope>, MeterError> {
        let Some(version) = version else { return Ok(None) };
        let Self { hardware, identity, keys, state, .. } = self;
        let binding = crate::id::Binding { meter: identity.id, number: state.binding };
        let keys = &keys.report().mail;
        Ok(Some(Envelope::seal(hardware, keys, identity.scope, binding, slot, version, bytes)?))
    }

    /// A meter receipt with flag 0020, sealed for slot 12, for a card that was refused with [`Reason::Regressed`]. It is about the
    /// card's binding; where the meter has lost that binding altogether, its totals are 0.
    pub fn regression_report(&mut self, card: &CertificateAnswer) -> Result<Option<Envelope>, MeterError> {
        let slot = Slot::REGRESSION;
        // The meter's own memory is what cannot be trusted, so the next version is by the card's directory.
        let Some(version) = version_in(card, slot).checked_add(1) else { return Ok(None) };
        let mut receipt = self.receipt(MeterFlags::REGRESSED);
        let binding = card.binding();
        if receipt.binding != binding {
            let lost = MeterState::new(*self.state.tables.active(), self.state.energy, self.state.clock.time);
            receipt = MeterReceipt {
                flags: self.state.flags,
                ..lost.receipt(&self.identity, 0, MeterFlags::default())
            };
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

    // ---- what a visit does besides

    /// The card has the voucher that waited for it, or does not want it.
    fn voucher_delivered(&mut self) -> Result<(), MeterError> {
        self.write(MeterState { voucher: None, ..self.state.clone() })
    }

    /// The mode of the card that is there, to be tried first next time. It is written with the next change.
    const fn remember_mode(&mut self, mode: Mode) {
        self.state.mode = mode;
    }

    fn receipt(&mut self, flags: MeterFlags) -> MeterReceipt {
        let Self { hardware, identity, keys, state, .. } = self;
        let receipt = state.receipt(identity, state.report_number, flags);
        state::sign(hardware, identity, keys.report(), receipt)
    }

    // ---- memory

    /// The state at a reading of the clock; what time has brought on the way to it is stored.
    fn at(&mut self, reading: CardTime) -> Result<MeterState, MeterError> {
        let mut next = self.state.clone();
        next.read_clock(reading);
        self.bring(next)
    }

    /// What time has brought is done, each thing stored before the next; the first one together with what `next` has already.
    fn bring(&mut self, mut next: MeterState) -> Result<MeterState, MeterError> {
        loop {
            let mut stepped = next.clone();
            if !stepped.step()? {
                break;
            }
            self.write(stepped)?;
            next = self.state.clone();
        }
        next.arrive();
        Ok(next)
    }

    /// Makes `next` the state; writes it, unless it differs only by time of the same day and by less consumption than may be unwritten.
    fn keep(&mut self, next: MeterState) -> Result<(), MeterError> {
        let same = next.flags == self.state.flags
            && next.supply == self.state.supply
            && next.clock.offset == self.state.clock.offset
            && next.clock.doubtful == self.state.clock.doubtful
            && next.days.day == self.state.days.day
            && next.peak == self.state.peak
            && !next.history.is_fresh();
        if same && self.unwritten < UNWRITTEN {
            self.epoch.ok_or(MeterError::PowerUpFirst)?;
            self.ahead |= next != self.state;
            self.state = next;
            return Ok(());
        }
        self.write(next)
    }

    /// Makes `next` the state, and writes it where it is another one.
    fn write(&mut self, next: MeterState) -> Result<(), MeterError> {
        if next == self.state && self.unwritten == Energy(0) {
            return self.epoch.map(|_| ()).ok_or(MeterError::PowerUpFirst);
        }
        self.store(next)
    }

    /// The only place where memory changes: histories first, then the state that makes them count.
    fn store(&mut self, mut next: MeterState) -> Result<(), MeterError> {
        let epoch = self.epoch.ok_or(MeterError::PowerUpFirst)?;
        let record = next.emit::<{ STATE.capacity() }>()?;
        self.epoch = None;
        events::write(&mut self.hardware, next.binding, &next.history)?;
        next.history.written();
        self.epoch = Some(STATE.commit(&mut self.hardware, Some(epoch), record.as_slice())?);
        self.state = next;
        self.unwritten = Energy(0);
        self.ahead = false;
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
