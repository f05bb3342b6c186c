//! The engine's time (docs/meter.md, section 2): firmware's clock, kept from running back or jumping ahead.

use crate::units::CardTime;

/// How far a clock may fall behind the engine's time without a doubt, in seconds.
const TOLERANCE: u32 = 60;

/// What firmware says of time with every call (docs/meter.md, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// What its clock shows; not set where it has none now.
    pub clock: CardTime,
    /// Seconds on a counter that runs while power is on. Where it begins does not matter; at power-up it may begin anew.
    pub uptime: u32,
    /// Whether the clock ran all the time while there was no power: what firmware knows at power-up, and says until the next one.
    pub never_stopped: bool,
}

impl From<CardTime> for Reading {
    /// Of a clock that never stopped, and is the counter of seconds as well.
    fn from(clock: CardTime) -> Self {
        Self { clock, uptime: clock.0, never_stopped: clock != CardTime::UNSET }
    }
}

/// What the engine makes of the readings of firmware's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// The engine's time; not set before the first reading.
    pub time: CardTime,
    /// The latest issue time of an applied certificate: time is never below it.
    pub floor: CardTime,
    /// Time less reading, in seconds.
    pub offset: i64,
    /// Whether the clock needs to be set.
    pub doubtful: bool,
    /// Whether firmware has no clock now: time stands. The clock is doubtful then.
    pub stopped: bool,
}

/// What a reading has brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// Time goes on.
    Usual,
    /// The time is known for the first time.
    First,
    /// The clock is doubtful from now on.
    Doubtful,
}

impl Clock {
    /// Takes a reading; `step` is the greatest step forward in seconds.
    pub fn read(&mut self, reading: CardTime, step: u32) -> Tick {
        if reading == CardTime::UNSET && self.time == CardTime::UNSET {
            return Tick::Usual;
        }
        if self.time == CardTime::UNSET {
            self.time = reading;
            return Tick::First;
        }
        self.stopped = reading == CardTime::UNSET;
        if self.stopped {
            self.doubtful = true;
            return Tick::Doubtful;
        }
        let time = i64::from(self.time.0);
        let candidate = i64::from(reading.0).saturating_add(self.offset);
        if candidate > time.saturating_add(step.into()) || candidate < time.saturating_sub(TOLERANCE.into()) {
            self.hold(reading);
            self.doubtful = true;
            return Tick::Doubtful;
        }
        let raw = i64::from(reading.0);
        if candidate < time {
            // Within the tolerance: time stays.
        } else if self.doubtful && raw >= time && raw <= time.saturating_add(step.into()) {
            self.set(reading, reading);
        } else {
            self.time = CardTime(u32::try_from(candidate).unwrap_or(u32::MAX));
        }
        Tick::Usual
    }

    /// A certificate of this issue time was applied.
    pub fn raise_floor(&mut self, reading: CardTime, issued: CardTime) {
        self.floor = self.floor.max(issued);
        if self.floor > self.time {
            self.time = self.floor;
            self.hold(reading);
        }
    }

    /// A clock command: it is `time`, and the doubt ends. Not below the floor.
    pub fn set(&mut self, reading: CardTime, time: CardTime) {
        self.time = time.max(self.floor);
        self.hold(reading);
        self.doubtful = self.stopped;
    }

    /// Whatever the reading is, it means the present time. None means nothing.
    fn hold(&mut self, reading: CardTime) {
        if !self.stopped {
            self.offset = i64::from(self.time.0).saturating_sub(reading.0.into());
        }
    }
}
