//! A first simulated meter: the credit application of `card-core` on a simulated chip, with a memory of its own that can lose
//! power. What it consumes is told to it; tariffs are not its business yet.

use applet_sim::chip::{Chip, Cut, Entropy, FlashModel, ImageError, ImageMemory, SimulatedMemory};
use card_core::id::{MeterId, Scope};
use card_core::meter::{
    Agenda, MEMORY_PAGES, Meter, MeterError, MeterIdentity, MeterKeys, MeterState, Pair, ReportKeys,
    VersionedKey, WrongRole,
};
use card_core::scp03::Mode;
use card_core::units::{CardTime, Energy, Piastres};
use std::path::Path;

use crate::keystore;
use crate::tap::{Tap, TapError, tap};
use crate::transport::Transport;

/// A simulated meter.
pub struct SimulatedMeter<M: SimulatedMemory> {
    meter: Option<Meter<Chip<M>>>,
    /// The chip after its power was lost.
    off: Option<Chip<M>>,
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

impl SimulatedMeter<FlashModel> {
    /// Installs a new meter in memory.
    pub fn in_memory(
        id: MeterId,
        scope: Scope,
        keys: keystore::MeterKeys,
        month: u16,
    ) -> Result<Self, SimulatedMeterError> {
        let memory = FlashModel::new(MEMORY_PAGES, u64::from_be_bytes(id.0));
        Self::install(memory, id, scope, keys, month)
    }
}

impl SimulatedMeter<ImageMemory> {
    /// Installs a new meter in a new image file.
    pub fn create(
        path: &Path,
        id: MeterId,
        scope: Scope,
        keys: keystore::MeterKeys,
        month: u16,
    ) -> Result<Self, SimulatedMeterError> {
        let memory = ImageMemory::create_new(
            path,
            MEMORY_PAGES,
            [0; applet_sim::chip::METADATA],
            u64::from_be_bytes(id.0),
        )?;
        Self::install(memory, id, scope, keys, month)
    }

    /// Opens the meter in an image file.
    pub fn open(path: &Path) -> Result<Self, SimulatedMeterError> {
        let memory = ImageMemory::open(path, std::process::id().into())?;
        let meter = Meter::power_up(Chip::new(memory, Entropy::System))?;
        Ok(Self { meter: Some(meter), off: None })
    }
}

impl<M: SimulatedMemory> SimulatedMeter<M> {
    fn install(
        memory: M,
        id: MeterId,
        scope: Scope,
        keys: keystore::MeterKeys,
        month: u16,
    ) -> Result<Self, SimulatedMeterError> {
        let versioned = |(version, key)| Pair::only(VersionedKey { version, key });
        let keys = MeterKeys::new(
            versioned(keys.base),
            versioned(keys.credit),
            Pair::only(keys.parameter),
            ReportKeys { mail: keys.report, receipt: keys.receipt },
        )?;
        let fresh = MeterState::new(Energy(0), month);
        let chip = Chip::new(memory, Entropy::System);
        let meter = Meter::install(chip, MeterIdentity { id, scope }, keys, &fresh)?;
        Ok(Self { meter: Some(meter), off: None })
    }

    /// What the meter has in its memory.
    pub fn state(&self) -> Result<&MeterState, SimulatedMeterError> {
        Ok(self.meter.as_ref().ok_or(SimulatedMeterError::NoPower)?.state())
    }

    /// Which meter this is.
    pub fn identity(&self) -> Result<&MeterIdentity, SimulatedMeterError> {
        Ok(self.meter.as_ref().ok_or(SimulatedMeterError::NoPower)?.identity())
    }

    /// A card visits.
    pub fn tap(&mut self, transport: &mut impl Transport, now: CardTime) -> Result<Tap, SimulatedMeterError> {
        let meter = self.meter.as_mut().ok_or(SimulatedMeterError::NoPower)?;
        let agenda = Agenda { now, mode: Mode::S8, months: &[], mail: [0; _] };
        let result = tap(meter, transport, agenda);
        if !meter.hardware().memory().flash().is_powered() {
            self.off = self.meter.take().map(Meter::into_hardware);
        }
        Ok(result?)
    }

    /// Consumption of `energy` that costs `amount`.
    pub fn consume(&mut self, amount: Piastres, energy: Energy) -> Result<(), SimulatedMeterError> {
        Ok(self.meter.as_mut().ok_or(SimulatedMeterError::NoPower)?.charge(amount, energy)?)
    }

    /// Lets the power fail in the meter's memory after `operations` more erases and programs.
    pub fn cut_power_after(&mut self, operations: u64, how: Cut) {
        if let Some(meter) = &mut self.meter {
            meter.hardware().memory_mut().flash_mut().cut_after(operations, how);
        }
    }

    /// Gives power again: the meter finds out which state it has.
    pub fn power_up(&mut self) -> Result<(), SimulatedMeterError> {
        let chip = self.meter.take().map(Meter::into_hardware).or_else(|| self.off.take());
        let mut chip = chip.ok_or(SimulatedMeterError::NoPower)?;
        chip.memory_mut().flash_mut().power_up();
        self.meter = Some(Meter::power_up(chip)?);
        Ok(())
    }
}
