"""The engine's time (docs/meter.md, section 2)."""
from local_time import LAST

NO_CLOCK, STOOD, DISAGREES, MOVED = 0x01, 0x02, 0x04, 0x80     # doubts of the clock; in a month also: a command has moved time
HOUR, DAY = 3600, 86400


class Timekeeper:
    doubtful = property(lambda self: self.doubt != 0)

    def power_up(self):
        """Power was away; all was saved."""
        self.uptime = None

    def clock(self, now):
        self.reading, uptime, never_stopped = now
        first = self.uptime is None
        passed = 0 if first else max(0, uptime - self.uptime)
        self.uptime = uptime
        if self.time == 0:
            self.time = self.reading
            self.expect_from_now()
        elif first:
            self.first_reading(never_stopped)
        else:
            self.expected += passed
            self.rest += passed
            self.later_reading()

    def expect_from_now(self):
        self.expected, self.rest = self.time, 0

    def first_reading(self, never_stopped):
        candidate, before = self.reading + self.offset, self.time
        if self.reading and never_stopped and not self.doubt & NO_CLOCK and candidate >= self.time - 60:
            self.forward(candidate)
            self.power_was_away(before, True)
        else:
            self.offset = self.time - self.reading if self.reading else 0
            self.begin_doubt(STOOD)
            if not self.reading:
                self.begin_doubt(NO_CLOCK)
            self.power_was_away(before, False)
        self.expect_from_now()

    def later_reading(self):
        near = lambda value, most: -60 <= value - self.expected <= most
        step = self.limits["greatest_step"]
        if self.reading and near(self.reading, step if self.doubt & NO_CLOCK else 60):
            self.forward(self.reading)
            self.offset, self.doubt = 0, self.doubt & ~NO_CLOCK
        elif self.reading and near(self.reading + self.offset, step):
            self.forward(self.reading + self.offset)
        else:
            self.forward(self.expected)
            self.offset = self.time - self.reading if self.reading else 0
            self.begin_doubt(NO_CLOCK)
            return
        most, self.rest = divmod(self.rest, 1000)
        self.expected += max(-most, min(most, self.time - self.expected))

    def forward(self, time):
        self.time = max(self.time, min(LAST, time))

    def begin_doubt(self, bit):
        if not self.month_doubt & bit:
            self.event(0x0103, (self.reading, 4), (bit, 1))
        if not self.doubt:
            self.month_break = self.total
        self.doubt |= bit
        self.month_doubt |= bit

    def believes(self, issue_time):
        return self.doubt & STOOD or not self.floor or issue_time <= self.time + 2 * DAY

    def issued(self, issue_time, oldest):
        """A certificate of this issue time was applied. `oldest`: how old it may be. Gives what is told of it, at the time after it."""
        before, told = self.time, []
        if not self.believes(issue_time):
            return [lambda: self.begin_doubt(DISAGREES), lambda: self.event(0x0108, (issue_time, 4))]
        if before and before - DAY <= issue_time <= before + HOUR:
            self.doubt &= ~DISAGREES
        ahead = before and issue_time > before + HOUR
        if ahead and not self.doubt & STOOD or issue_time < before - oldest:
            told.append(lambda: self.begin_doubt(DISAGREES))
        self.floor = max(self.floor, issue_time)
        if self.floor > before:
            self.time = self.floor
            self.offset = self.time - self.reading if self.reading else 0
            self.expect_from_now()
            if ahead:
                told.append(lambda: self.event(0x0109, (before, 4)))
        return told
