//! The engine's time, written from docs/meter.md, section 2.

use card_core::meter::Reading;

use super::world::{DAY, HOUR};

/// Doubts.
pub const NO_CLOCK: u8 = 0x01;
pub const STOOD: u8 = 0x02;
pub const DISAGREES: u8 = 0x04;

/// What time should be by uptime. No memory has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    time: i64,
    uptime: u32,
    /// Uptime that has not moved it yet.
    rest: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timekeeper {
    pub time: u32,
    pub floor: u32,
    pub offset: i64,
    pub doubt: u8,
    pub expected: Option<Expected>,
}

impl Timekeeper {
    pub const fn is_doubtful(&self) -> bool {
        self.doubt != 0
    }

    /// Takes what firmware says. Gives the doubts that begin.
    pub fn read(&mut self, said: Reading, greatest_step: u32) -> u8 {
        let (reading, uptime) = (said.clock.0, said.uptime);
        let (itself, time) = (i64::from(reading), i64::from(self.time));
        // 1
        if self.time == 0 {
            self.time = reading;
            self.expect(uptime);
            return 0;
        }
        let candidate = itself + self.offset;
        let Some(Expected { time: expected, uptime: last, rest }) = self.expected else {
            // 2
            let right = self.doubt & NO_CLOCK == 0;
            if reading != 0 && said.never_stopped && right && candidate >= time - 60 {
                self.go(candidate);
                self.expect(uptime);
                return 0;
            }
            // 3
            self.hold(reading);
            self.expect(uptime);
            return self.begins(if reading == 0 { STOOD | NO_CLOCK } else { STOOD });
        };
        let passed = i64::from(uptime.saturating_sub(last));
        let (mut expected, rest) = (expected + passed, rest + passed);
        let near = |value: i64, above: u32| (expected - 60..=expected + i64::from(above)).contains(&value);
        let doubted = self.doubt & NO_CLOCK != 0;
        if reading != 0 && near(itself, if doubted { greatest_step } else { 60 }) {
            // 5
            self.go(itself);
            self.offset = 0;
            self.doubt &= !NO_CLOCK;
        } else if reading != 0 && near(candidate, greatest_step) {
            // 6
            self.go(candidate);
        } else {
            // 4, 7
            self.go(expected);
            self.hold(reading);
            self.expected = Some(Expected { time: expected, uptime, rest });
            return self.begins(NO_CLOCK);
        }
        let most = rest / 1000;
        expected += (i64::from(self.time) - expected).clamp(-most, most);
        self.expected = Some(Expected { time: expected, uptime, rest: rest % 1000 });
        0
    }

    /// A certificate of this issue time was applied, which may be so old without a doubt. Gives the doubt that begins.
    pub fn issued(&mut self, reading: u32, issued: u32, oldest: u32) -> u8 {
        let (time, issue) = (i64::from(self.time), i64::from(issued));
        let stood = self.doubt & STOOD != 0;
        if issue > time + i64::from(2 * DAY) && self.floor != 0 && !stood {
            return self.begins(DISAGREES);
        }
        let known = self.time != 0;
        let ahead = known && issue > time + i64::from(HOUR);
        if known && !ahead && issue >= time - i64::from(DAY) {
            self.doubt &= !DISAGREES;
        }
        self.floor = self.floor.max(issued);
        if self.floor > self.time {
            self.time = self.floor;
            self.hold(reading);
            self.moved();
        }
        let wrong = ahead && !stood || issue < time - i64::from(oldest);
        self.begins(if wrong { DISAGREES } else { 0 })
    }

    /// Command 04: it is `value`, and not yet `expiry`; 08: also where that is below the floor.
    pub fn command(&mut self, reading: u32, value: u32, expiry: u32, below: bool) {
        let before = self.time;
        let right = reading >= value && reading < expiry;
        let time = if right { reading } else { value };
        self.floor = if below { self.floor.min(time) } else { self.floor };
        self.time = time.max(self.floor);
        self.hold(reading);
        self.doubt &= if reading == 0 { NO_CLOCK } else { 0 };
        if self.time != before {
            self.moved();
        }
    }

    fn begins(&mut self, doubts: u8) -> u8 {
        self.doubt |= doubts;
        doubts
    }

    fn go(&mut self, time: i64) {
        self.time = self.time.max(u32::try_from(time.max(0)).expect("card time"));
    }

    fn hold(&mut self, reading: u32) {
        self.offset = if reading == 0 { 0 } else { i64::from(self.time) - i64::from(reading) };
    }

    fn expect(&mut self, uptime: u32) {
        self.expected = Some(Expected { time: self.time.into(), uptime, rest: 0 });
    }

    fn moved(&mut self) {
        if let Some(expected) = self.expected {
            self.expect(expected.uptime);
        }
    }
}
