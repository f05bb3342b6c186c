//! The engine's time, written from docs/meter.md, section 2.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timekeeper {
    pub time: u32,
    pub floor: u32,
    pub offset: i64,
    pub doubtful: bool,
    pub stopped: bool,
}

impl Timekeeper {
    /// Takes a reading. Says whether the time became known by it.
    pub fn read(&mut self, reading: u32, greatest_step: u32) -> bool {
        let (raw, time, step) = (i64::from(reading), i64::from(self.time), i64::from(greatest_step));
        let candidate = raw + self.offset;
        // 1
        if self.time == 0 {
            self.time = reading;
            return reading != 0;
        }
        // 0
        self.stopped = reading == 0;
        if self.stopped {
            self.doubtful = true;
            return false;
        }
        // 2, 3
        if candidate > time + step || candidate < time - 60 {
            self.offset = time - raw;
            self.doubtful = true;
        // 4
        } else if candidate < time {
            // 5
        } else if self.doubtful && raw >= time && raw <= time + step {
            (self.offset, self.time, self.doubtful) = (0, reading, false);
        // 6
        } else {
            self.time = u32::try_from(candidate).expect("card time");
        }
        false
    }

    pub fn raise_floor(&mut self, reading: u32, issued: u32) {
        self.floor = self.floor.max(issued);
        if self.floor > self.time {
            self.time = self.floor;
            self.hold(reading);
        }
    }

    /// A clock command: it is `value`, and not yet `expiry`.
    pub fn command(&mut self, reading: u32, value: u32, expiry: u32) {
        let right = reading >= value && reading < expiry;
        self.time = if right { reading } else { value }.max(self.floor);
        self.hold(reading);
        self.doubtful = self.stopped;
    }

    fn hold(&mut self, reading: u32) {
        if !self.stopped {
            self.offset = i64::from(self.time) - i64::from(reading);
        }
    }
}
