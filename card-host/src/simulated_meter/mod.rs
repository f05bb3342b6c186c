//! A simulated meter: the credit application of `card-core` on a simulated chip, with a memory of its own that can lose power. What
//! firmware would measure is told to it: consumption, demand, tampering, and the reading of its clock.

mod image;
mod profile;
mod run;

pub use profile::{Hour, Profile, ProfileError};
pub use run::Summary;

use applet_sim::chip::{Cut, FlashModel, ImageError, ImageMemory, Shared, SimulatedMemory};
use card_core::id::{CardId, MeterId, Scope};
use card_core::message::{BindingCertificate, Certificate, Envelope, Event, Month, Voucher};
use card_core::meter::{
    Charge, Decision, History, MEMORY_PAGES, Meter, MeterError, MeterIdentity, MeterState, Reading, Received,
    Tampering, WrongRole,
};
use card_core::platform::Parts;
use card_core::soft::SoftEngine;
use card_core::tariff::{Deduction, EGYPT_2024_08};
use card_core::units::{CardTime, Energy};
use std::path::Path;

use crate::keystore;
use crate::random::OsRandom;
use crate::tap::{Tap, TapError, tap};
use crate::transport::Transport;

/// A simulated meter. What is unwritten is stored when it is dropped, as firmware does that sees its power fail; power that is lost
/// without warning is [`cut_power_after`](Self::cut_power_after).
pub struct SimulatedMeter<M: SimulatedMemory> {
    /// `None` after its power was lost.
    meter: Option<Meter<Hardware<M>>>,
    memory: Shared<M>,
}

type Hardware<M> = Parts<SoftEngine, OsRandom, Shared<M>>;

fn hardware<M>(memory: &Shared<M>) -> Hardware<M> {
    Parts::new(SoftEngine, OsRandom, memory.clone())
}

/// Why a simulated meter does not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatedMeterError {
    /// Its image file.
    #[error("the meter's image file: {0}")]
    Image(#[from] ImageError),
    /// Its credit application.
    #[error("the meter: {0}")]
    Meter(#[from] MeterError),
    /// Its keys.
    #[error("the meter's keys: {0}")]
    Keys(#[from] WrongRole),
    /// It has no power.
    #[error("the meter has no power: give it power again")]
    NoPower,
    /// The visit broke off.
    #[error(transparent)]
    Tap(#[from] TapError),
}

/// A meter as it comes from its maker, in Egypt: without a binding, its clock not set, with the published residential tariff.
pub fn from_the_maker() -> MeterState {
    MeterState::new(EGYPT_2024_08, Energy(0), CardTime::UNSET)
}

impl SimulatedMeter<FlashModel> {
    /// Installs a new meter in memory, with the state that it has from its maker.
    pub fn in_memory(
        id: MeterId,
        scope: Scope,
        keys: keystore::MeterKeys,
        fresh: &MeterState,
    ) -> Result<Self, SimulatedMeterError> {
        let memory = FlashModel::new(MEMORY_PAGES, id.number());
        Self::install(memory, id, scope, keys, fresh)
    }

    /// How often each page of its memory was erased.
    pub fn erases(&self) -> Vec<u32> {
        self.memory.get().flash().pages().iter().map(|page| page.wear).collect()
    }
}

impl SimulatedMeter<ImageMemory> {
    /// Installs a new meter in a new image file, with the state that it has from its maker.
    pub fn create(
        path: &Path,
        id: MeterId,
        scope: Scope,
        keys: keystore::MeterKeys,
        fresh: &MeterState,
    ) -> Result<Self, SimulatedMeterError> {
        let memory =
            ImageMemory::create_new(path, MEMORY_PAGES, [0; applet_sim::chip::METADATA], id.number())?;
        Self::install(memory, id, scope, keys, fresh)
    }

    /// Opens the meter in an image file.
    pub fn open(path: &Path) -> Result<Self, SimulatedMeterError> {
        Self::powered(ImageMemory::open(path, std::process::id().into())?)
    }
}

impl<M: SimulatedMemory> SimulatedMeter<M> {
    fn install(
        memory: M,
        id: MeterId,
        scope: Scope,
        keys: keystore::MeterKeys,
        fresh: &MeterState,
    ) -> Result<Self, SimulatedMeterError> {
        let memory = Shared::new(memory);
        let meter =
            Meter::install(hardware(&memory), MeterIdentity { id, scope }, keys.to_install()?, fresh)?;
        Ok(Self { meter: Some(meter), memory })
    }

    fn powered(memory: M) -> Result<Self, SimulatedMeterError> {
        let memory = Shared::new(memory);
        let meter = Meter::power_up(hardware(&memory))?;
        Ok(Self { meter: Some(meter), memory })
    }

    /// What the meter knows.
    pub fn state(&self) -> Result<&MeterState, SimulatedMeterError> {
        Ok(self.meter.as_ref().ok_or(SimulatedMeterError::NoPower)?.state())
    }

    /// Which meter this is.
    pub fn identity(&self) -> Result<&MeterIdentity, SimulatedMeterError> {
        Ok(self.meter.as_ref().ok_or(SimulatedMeterError::NoPower)?.identity())
    }

    /// Lets the meter act. Where its power is lost meanwhile, it has none from then on.
    fn act<T, E: Into<SimulatedMeterError>>(
        &mut self,
        act: impl FnOnce(&mut Meter<Hardware<M>>) -> Result<T, E>,
    ) -> Result<T, SimulatedMeterError> {
        let meter = self.meter.as_mut().ok_or(SimulatedMeterError::NoPower)?;
        let result = act(meter);
        if !self.memory.get().flash().is_powered() {
            self.meter = None;
        }
        result.map_err(Into::into)
    }

    // ---- what firmware tells it; a time alone is the reading of a clock that never stopped

    /// A card visits.
    pub fn tap(
        &mut self,
        transport: &mut impl Transport,
        reading: impl Into<Reading>,
    ) -> Result<Tap, SimulatedMeterError> {
        self.act(|meter| tap(meter, transport, reading.into()))
    }

    /// Time passes.
    pub fn tick(&mut self, reading: impl Into<Reading>) -> Result<(), SimulatedMeterError> {
        self.act(|meter| meter.tick(reading.into()))
    }

    /// Consumption was measured; `None` where the meter has no binding.
    pub fn consume(
        &mut self,
        reading: impl Into<Reading>,
        energy: Energy,
    ) -> Result<Option<Deduction>, SimulatedMeterError> {
        self.act(|meter| meter.consume(reading.into(), energy))
    }

    /// Demand was measured, in W.
    pub fn demand(&mut self, reading: impl Into<Reading>, watts: u32) -> Result<(), SimulatedMeterError> {
        self.act(|meter| meter.demand(reading.into(), watts))
    }

    /// Tampering was seen.
    pub fn tamper(
        &mut self,
        reading: impl Into<Reading>,
        kind: Tampering,
    ) -> Result<(), SimulatedMeterError> {
        self.act(|meter| meter.tamper(reading.into(), kind))
    }

    /// The battery is low, or good again.
    pub fn battery(&mut self, reading: impl Into<Reading>, low: bool) -> Result<(), SimulatedMeterError> {
        self.act(|meter| meter.battery(reading.into(), low))
    }

    /// The button for an emergency loan is pressed. Whether one was given.
    pub fn ask_loan(&mut self, reading: impl Into<Reading>) -> Result<bool, SimulatedMeterError> {
        self.act(|meter| meter.ask_loan(reading.into()))
    }

    /// The button that restores the supply is pressed, where that waits for it.
    pub fn rearm(&mut self, reading: impl Into<Reading>) -> Result<(), SimulatedMeterError> {
        self.act(|meter| meter.rearm(reading.into()))
    }

    /// Power is failing: what is unwritten is stored.
    pub fn save(&mut self) -> Result<(), SimulatedMeterError> {
        self.act(Meter::save)
    }

    // ---- what comes over a network

    /// A voucher comes without its card.
    pub fn take_voucher(
        &mut self,
        reading: impl Into<Reading>,
        voucher: &Voucher,
    ) -> Result<Decision, SimulatedMeterError> {
        self.act(|meter| meter.take_voucher(reading.into(), voucher))
    }

    /// A certificate comes without a card. A binding that is not the meter's own needs its certificate.
    pub fn take_certificate(
        &mut self,
        reading: impl Into<Reading>,
        certificate: &Certificate,
        binding: Option<&BindingCertificate>,
    ) -> Result<Decision, SimulatedMeterError> {
        self.act(|meter| meter.take_certificate(reading.into(), certificate, binding))
    }

    /// Mail comes, by a card or without one.
    pub fn receive(
        &mut self,
        reading: impl Into<Reading>,
        carrier: Option<CardId>,
        mail: &Envelope,
    ) -> Result<Received, SimulatedMeterError> {
        self.act(|meter| meter.receive(reading.into(), carrier, mail))
    }

    /// Its readings as mail, sealed, where their version is above `after`.
    pub fn readings(&mut self, after: u32) -> Result<Option<Envelope>, SimulatedMeterError> {
        self.act(|meter| meter.readings(after))
    }

    // ---- what it keeps

    /// All closed months that it keeps, oldest first.
    pub fn months(&mut self) -> Result<Vec<Month>, SimulatedMeterError> {
        let months = self.act(|meter| meter.months::<{ History::MONTHS as usize }>(0))?;
        Ok(months.into_iter().flatten().collect())
    }

    /// The last charges, the newest first.
    pub fn charges(&mut self) -> Result<Vec<Charge>, SimulatedMeterError> {
        Ok(self.act(Meter::charges)?.into_iter().flatten().collect())
    }

    /// All events that it keeps, oldest first.
    pub fn events(&mut self) -> Result<Vec<Event>, SimulatedMeterError> {
        let events = self.act(|meter| meter.events::<{ History::EVENTS as usize }>(0))?;
        Ok(events.into_iter().flatten().collect())
    }

    // ---- power

    /// Lets the power fail in the meter's memory after `operations` more erases and programs.
    pub fn cut_power_after(&mut self, operations: u64, how: Cut) {
        if self.meter.is_some() {
            self.memory.get_mut().flash_mut().cut_after(operations, how);
        }
    }

    /// Gives power again: the meter finds out which state it has. One that had power loses it first, without warning.
    pub fn power_up(&mut self) -> Result<(), SimulatedMeterError> {
        self.meter = None;
        self.memory.get_mut().flash_mut().power_up();
        self.meter = Some(Meter::power_up(hardware(&self.memory))?);
        Ok(())
    }
}

impl<M: SimulatedMemory> Drop for SimulatedMeter<M> {
    fn drop(&mut self) {
        // Without power there is nothing more that it could do.
        let _ = self.save();
    }
}
