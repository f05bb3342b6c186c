//! The engine's time (docs/meter.md, section 2): firmware's clock, kept from running back or jumping ahead.

use crate::units::CardTime;

/// How far firmware's clock may be from the expected time, in seconds.
const TOLERANCE: i64 = 60;
/// Seconds of uptime in which clocks may differ by one.
const PACE: u32 = 1000;
const DAY: u32 = 24 * 3600;
/// How far above time a certificate agrees with it, in seconds; a command that moves time further has made a difference.
const AGREES: u32 = 3600;
/// How far below time a certificate agrees with it, in seconds.
const RECENT: u32 = DAY;
/// How far below time one may be that a card carried, or that opens a binding, in seconds.
const CARRIED: u32 = 31 * DAY;
/// How far above time a certificate is believed where time has not stood, in seconds.
const BELIEVED: u32 = 2 * DAY;

/// What firmware says of time with every call.
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

/// Doubts of the clock, as bits.
pub mod doubt {
    /// The clock does not go as uptime does, or there is none.
    pub const CLOCK: u8 = 0x01;
    /// Time stood while there was no power, and may be far behind.
    pub const STOOD: u8 = 0x02;
    /// A certificate disagrees with the clock.
    pub const CERTIFICATE: u8 = 0x04;
    /// Of a month only: a command has moved time in it.
    pub const MOVED: u8 = 0x80;
}

/// What the engine makes of the readings of firmware's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// The engine's time; not set before the first reading.
    pub time: CardTime,
    /// The latest issue time of an applied certificate that was believed: time is never below it.
    pub floor: CardTime,
    /// Time less reading, in seconds.
    pub offset: i64,
    /// Why the clock needs to be set ([`doubt`]); 0: it does not.
    pub doubt: u8,
}

/// What time should be by uptime. It is known since the last power-up only, and is in no memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The last reading.
    pub(super) reading: Reading,
    time: CardTime,
    /// Seconds of uptime that have not moved it towards time yet.
    rest: u32,
    /// Time, as that reading left it: where it is another one, something else has moved it.
    left: CardTime,
}

/// What the issue time of an applied certificate has brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Issued {
    /// It disagrees with the clock.
    pub(super) disagrees: bool,
    /// It was believed.
    pub(super) believed: bool,
    /// The time before, where it has moved it by more than clocks may be apart.
    pub(super) moved: Option<CardTime>,
}

impl Clock {
    /// Whether the clock needs to be set.
    pub const fn is_doubtful(&self) -> bool {
        self.doubt != 0
    }

    /// Takes a reading; `step` is the greatest step forward in seconds. Gives the doubts that begin; that the time is known for the first
    /// time is seen by it.
    pub(super) fn read(&mut self, expected: &mut Option<Expected>, reading: Reading, step: u32) -> u8 {
        let before = expected.map(|before| {
            let moved = Expected { time: self.time, rest: 0, ..before };
            if before.left == self.time { before } else { moved }
        });
        let before = before.filter(|before| before.time != CardTime::UNSET);
        let (time, rest, doubts) = self.take(before, reading, step);
        *expected = Some(Expected { reading, time, rest, left: self.time });
        doubts
    }

    /// Takes a reading. Gives the expected time after it, and the seconds of uptime that have not moved that yet.
    fn take(&mut self, before: Option<Expected>, reading: Reading, step: u32) -> (CardTime, u32, u8) {
        let Some(before) = before else {
            let is_known = self.time != CardTime::UNSET;
            let doubts = if is_known { self.first(reading) } else { 0 };
            self.time = if is_known { self.time } else { reading.clock };
            return (self.time, 0, doubts);
        };
        let passed = reading.uptime.saturating_sub(before.reading.uptime);
        let time = CardTime(before.time.0.saturating_add(passed));
        let rest = before.rest.saturating_add(passed);
        if !self.next(time, reading, step.into()) {
            self.forward(time.0.into());
            self.hold(reading.clock);
            return (time, rest, doubt::CLOCK);
        }
        let most = rest / PACE;
        let nearest = self.time.0.max(time.0.saturating_sub(most));
        (CardTime(nearest.min(time.0.saturating_add(most))), rest % PACE, 0)
    }

    /// The first reading after a power-up.
    fn first(&mut self, reading: Reading) -> u8 {
        let candidate = self.candidate(reading.clock);
        let has_clock = reading.clock != CardTime::UNSET;
        let behind = candidate < i64::from(self.time.0).saturating_sub(TOLERANCE);
        if has_clock && reading.never_stopped && !behind && self.doubt & doubt::CLOCK == 0 {
            self.forward(candidate);
            return 0;
        }
        self.hold(reading.clock);
        if has_clock { doubt::STOOD } else { doubt::STOOD | doubt::CLOCK }
    }

    /// A later one. Says whether the clock is as it should be.
    fn next(&mut self, expected: CardTime, reading: Reading, step: i64) -> bool {
        let near = |value: i64, most: i64| {
            let ahead = value.saturating_sub(expected.0.into());
            (-TOLERANCE..=most).contains(&ahead)
        };
        if reading.clock == CardTime::UNSET {
            return false;
        }
        let itself = i64::from(reading.clock.0);
        if near(itself, if self.doubt & doubt::CLOCK == 0 { TOLERANCE } else { step }) {
            self.forward(itself);
            self.offset = 0;
            self.doubt &= !doubt::CLOCK;
            return true;
        }
        let candidate = self.candidate(reading.clock);
        let goes = near(candidate, step);
        if goes {
            self.forward(candidate);
        }
        goes
    }

    fn candidate(&self, reading: CardTime) -> i64 {
        i64::from(reading.0).saturating_add(self.offset)
    }

    fn forward(&mut self, time: i64) {
        self.time = self.time.max(CardTime(u32::try_from(time.max(0)).unwrap_or(u32::MAX)));
    }

    /// Whether a certificate of this issue time may move time.
    pub(super) fn believes(&self, issued: CardTime) -> bool {
        self.doubt & doubt::STOOD != 0
            || self.floor == CardTime::UNSET
            || issued.0 <= self.time.0.saturating_add(BELIEVED)
    }

    /// A certificate of this issue time was applied; `network`: one of the present binding that a network brought.
    pub(super) fn issued(&mut self, reading: CardTime, issued: CardTime, network: bool) -> Issued {
        if !self.believes(issued) {
            return Issued { disagrees: true, believed: false, moved: None };
        }
        let before = self.time;
        let was_set = before != CardTime::UNSET;
        let ahead = was_set && issued.0 > before.0.saturating_add(AGREES);
        let behind = |most| issued.0 < before.0.saturating_sub(most);
        if was_set && !ahead && !behind(RECENT) {
            self.doubt &= !doubt::CERTIFICATE;
        }
        let slow = ahead && self.doubt & doubt::STOOD == 0;
        let disagrees = slow || behind(if network { RECENT } else { CARRIED });
        self.floor = self.floor.max(issued);
        if self.floor > before {
            self.time = self.floor;
            self.hold(reading);
        }
        Issued { disagrees, believed: true, moved: ahead.then_some(before) }
    }

    /// A command: it is `time`, and the doubt ends. Not below the floor, or (`below`) the floor falls to it.
    pub(super) fn set(&mut self, reading: CardTime, time: CardTime, below: bool) {
        if below {
            self.floor = self.floor.min(time);
        }
        self.time = time.max(self.floor);
        self.hold(reading);
        self.doubt = if reading == CardTime::UNSET { self.doubt & doubt::CLOCK } else { 0 };
    }

    /// Whether a command that has moved time from `before` has made a difference to the month.
    pub(super) const fn has_moved_from(&self, before: CardTime) -> bool {
        self.time.0.abs_diff(before.0) > AGREES
    }

    /// Whatever the reading is, it means the present time. None means nothing.
    fn hold(&mut self, reading: CardTime) {
        let none = reading == CardTime::UNSET;
        self.offset = if none { 0 } else { i64::from(self.time.0).saturating_sub(reading.0.into()) };
    }
}
