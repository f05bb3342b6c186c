//! The tariff in force and the one that waits for its time.

use super::{MonthMeter, Tariff, TooManySwitches};
use crate::units::CardTime;

/// The tariff in force and, where the issuer has sent one, the next. Both survive power cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tables {
    active: Tariff,
    standby: Option<Tariff>,
}

/// A tariff whose version is not above that of the one in force and of the one that waits. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tariff is not newer than the one in force and the one that waits")]
pub struct NotNewer;

impl Tables {
    /// Only a tariff in force.
    pub const fn new(active: Tariff) -> Self {
        Self { active, standby: None }
    }

    /// The tables as they were when they were written down.
    pub fn restore(active: Tariff, standby: Option<Tariff>) -> Result<Self, NotNewer> {
        let mut tables = Self::new(active);
        if let Some(tariff) = standby {
            tables.offer(tariff)?;
        }
        Ok(tables)
    }

    /// The tariff in force.
    pub const fn active(&self) -> &Tariff {
        &self.active
    }

    /// The one that waits for its start.
    pub const fn standby(&self) -> Option<&Tariff> {
        self.standby.as_ref()
    }

    /// Takes a tariff from the issuer, and gives the one that waited, in whose place it is; it comes into force at its start, or at the
    /// next [`Tables::switch`] where that is past. Energy that was consumed before is never rated by it.
    pub fn offer(&mut self, tariff: Tariff) -> Result<Option<Tariff>, NotNewer> {
        let newest = self.standby.as_ref().unwrap_or(&self.active);
        if tariff.version() <= newest.version() {
            return Err(NotNewer);
        }
        Ok(self.standby.replace(tariff))
    }

    /// Within a month: the waiting tariff comes into force where its start has come. Says whether it did. Where the month
    /// refuses it, it goes on waiting, and [`Tables::begin_month`] brings it into force.
    pub fn switch(&mut self, now: CardTime, month: &mut MonthMeter) -> Result<bool, TooManySwitches> {
        let Some(next) = self.due(now) else { return Ok(false) };
        month.switch(next)?;
        self.activate(next);
        Ok(true)
    }

    /// The next month, under the tariff whose start has come. The month before has been closed.
    pub fn begin_month(&mut self, now: CardTime, partial: bool) -> MonthMeter {
        if let Some(next) = self.due(now) {
            self.activate(next);
        }
        MonthMeter::begin(self.active, partial)
    }

    fn due(&self, now: CardTime) -> Option<Tariff> {
        self.standby.filter(|next| next.start() <= now)
    }

    fn activate(&mut self, tariff: Tariff) {
        self.active = tariff;
        self.standby = None;
    }
}
