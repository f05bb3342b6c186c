"""The meter's credit engine (docs/meter.md, sections 1 to 6 and 14) as a plain model: no memory, no keys, no cards.

Every call takes the reading of firmware's clock. `events`, `months` and `audits` are all that the present binding has had.
"""
import parameters
import tariff_model as tariffs
from local_time import CAIRO, LAST, friendly, local, month_begin, month_of
from reference import be

NO_CREDIT, TAMPERING, PAUSE, LOCKED, COMMAND, UNBOUND = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20


class Meter:
    def __init__(self, tariff):
        self.time = self.offset = self.floor = self.register = self.binding = self.tampering = 0
        self.stopped = self.doubtful = self.tampering_cut = self.locked = self.commanded = False
        self.overloads = self.last_overload = self.pause_end = 0
        self.tariff, self.waiting = tariff, None
        self.limits, self.calendar = dict(parameters.LIMITS_AT_FIRST), CAIRO
        self.supply, self.final_report, self.month, self.refused_cards = False, None, 0, 0
        self.account = 0
        self.reset()
        self.begin_anew()

    def reset(self):
        """All that is the customer's (section 1)."""
        self.balance = self.credit = self.debited = self.sequence = self.generation = 0
        self.months, self.events, self.audits, self.debts, self.notices = [], [], [], [], []
        self.mail_versions, self.executed, self.last_of_kind = [0] * 12, set(), {}
        self.readings_version = self.loan_end = self.debts_paid = self.charges = self.fees = 0
        self.no_credit, self.told, self.brought = False, (None, set()), 0

    def begin_anew(self):
        self.day, self.today, self.profile = local(self.calendar, self.time)[0], 0, []
        self.new_month(month_of(self.calendar, self.time), True)

    def new_month(self, index, partial):
        self.month, self.partial, self.history, self.total, self.peak = index, partial, [], 0, 0
        self.month_brought = 0, 0
        self.month_doubtful = self.doubtful

    def event(self, code, *data):
        data = b"".join(be(value, size) for value, size in data)
        self.events.append({"number": len(self.events) + 1, "time": self.time, "code": code, "data": data + bytes(6 - len(data))})

    def event_of_the_day(self, code, cause, *data):
        """Of each cause one in a local day (section 13)."""
        day = local(self.calendar, self.time)[0]
        if self.told[0] != day:
            self.told = day, set()
        if (code, cause) not in self.told[1]:
            self.told[1].add((code, cause))
            self.refused_cards += code == 0x0102
            self.event(code, *data)

    # ---- section 2 -------------------------------------------------------------------------------

    def clock(self, reading):
        candidate, step = reading + self.offset, self.limits["greatest_step"]
        self.stopped = reading == 0 and self.time != 0
        if self.time == 0:
            self.time = reading
        elif self.stopped:
            self.doubt(reading)
        elif candidate > self.time + step or candidate < self.time - 60:
            self.offset = self.time - reading
            self.doubt(reading)
        elif candidate < self.time:
            pass
        elif self.doubtful and self.time <= reading <= self.time + step:
            self.time, self.offset, self.doubtful = reading, 0, False
        else:
            self.time = candidate

    def doubt(self, reading):
        if not self.month_doubtful:
            self.event(0x0103, (reading, 4))
        self.doubtful = self.month_doubtful = True

    def raise_floor(self, reading, issue_time):
        self.floor = max(self.floor, issue_time)
        if self.floor > self.time:
            self.time = self.floor
            if not self.stopped:
                self.offset = self.floor - reading

    # ---- section 4 -------------------------------------------------------------------------------

    def call(self, reading, action=lambda: None):
        self.clock(reading)
        self.what_time_brings()
        outcome = action()
        self.what_time_brings()
        return outcome

    def month_end(self):
        end = month_begin(self.calendar, self.month + 1)
        return LAST + 1 if end is None else end

    def what_time_brings(self):
        while self.tariff_begins() or self.month_ends():
            pass
        if not self.binding:
            self.month = month_of(self.calendar, self.time)
        self.days_pass()
        self.overload_ends()
        self.decide_supply()

    def tariff_begins(self):
        due = self.waiting and self.waiting["start"] <= self.time and (not self.binding or self.waiting["start"] < self.month_end())
        return due and self.change_tariff()

    def change_tariff(self):
        """False where the month has seen four tariffs with energy, and goes on with the last."""
        if self.total > (self.history[-1][1] if self.history else 0):
            if len(self.history) == 3:
                return False
            self.history.append((self.tariff, self.total))
        self.tariff, self.waiting = self.waiting, None
        self.event(0x0303, (self.tariff["version"], 4))
        return True

    def month_ends(self):
        end = self.month_end()
        if not self.binding or self.time < end:
            return False
        self.close_month()
        self.new_month(self.month + 1, False)
        if self.waiting and self.waiting["start"] <= end:
            self.change_tariff()
        for debt in self.debts:
            self.take_instalment(debt)
        return True

    def energy_charge(self):
        return tariffs.charge(self.history, self.tariff, self.total, self.total)

    def month_record(self, fees):
        return {"month": self.month, "flags": self.partial | tariffs.rerated(self.history, self.tariff, self.total) << 1 | self.month_doubtful << 2,
                "slab": tariffs.slab_reached(self.tariff, self.total) + 1, "energy": self.total, "energy_charge": self.energy_charge(),
                "fees": min(fees, 2**32 - 1), "peak": self.peak}

    def close_month(self):
        fees = tariffs.fees(self.tariff, self.total, self.energy_charge(), self.partial)
        self.balance -= fees
        self.fees += fees
        self.charges += self.energy_charge()
        self.months.append(self.month_record(fees))
        self.readings_version += 1

    def take_instalment(self, debt):
        if self.month < debt["first_month"] or debt["taken"] >= debt["number"]:
            return
        debt["taken"] += 1
        amount = debt["last_instalment"] if debt["taken"] == debt["number"] else debt["instalment"]
        self.balance -= amount
        self.debts_paid += amount
        self.event(0x0302, (amount, 4), (debt["id"] & 0xFFFF, 2))

    def days_pass(self):
        day = local(self.calendar, self.time)[0]
        if self.binding and day > self.day:
            self.profile = (self.profile + [self.today] + [0] * min(7, day - self.day - 1))[-7:]
            self.day, self.today = day, 0

    def overload_ends(self):
        if self.time >= self.pause_end:
            self.pause_end = 0
        if self.time >= self.last_overload + self.limits["reset_minutes"] * 60:
            self.overloads = 0

    # ---- section 5 -------------------------------------------------------------------------------

    def loan_runs(self):
        return self.time < self.loan_end and not self.stopped

    def decide_supply(self):
        if self.balance > 0:
            self.no_credit, self.loan_end = False, 0
        elif self.loan_runs():
            self.no_credit = False
        elif self.binding and (self.stopped or not friendly(self.calendar, self.time)):
            self.no_credit = True
        on = self.reasons() == 0
        if on != self.supply:
            self.supply = on
            self.event(0x0202) if on else self.event(0x0201, (self.reasons(), 1))

    def reasons(self):
        return (NO_CREDIT * self.no_credit | TAMPERING * self.tampering_cut | PAUSE * (self.pause_end > 0) | LOCKED * self.locked
                | COMMAND * self.commanded | UNBOUND * (self.binding == 0))

    def flags(self):
        below = lambda name: self.binding > 0 and self.balance < self.limits[name]
        return (0x01 * below("first_threshold") | 0x02 * below("second_threshold") | 0x04 * (self.reasons() != 0) | 0x08 * (self.tampering != 0)
                | 0x10 * self.doubtful | 0x80 * (self.loan_end != 0))

    # ---- calls -----------------------------------------------------------------------------------

    def tick(self, reading):
        self.call(reading)

    def pulse(self, reading, energy):
        return self.call(reading, lambda: self.consume(energy))

    def consume(self, energy):
        """'taken' | 'refused'"""
        if self.binding:
            if self.total + energy > 2**32 - 1:
                return "refused"
            cost, adjustment = tariffs.pulse(self.history, self.tariff, self.total, self.total + energy)
            if not -2**63 <= self.balance - cost - adjustment < 2**63:
                return "refused"
            self.total += energy
            self.balance -= cost + adjustment
            self.today = min(65535, self.today + energy)
            if adjustment:
                event = max(-2**31, min(2**31 - 1, adjustment)) % 2**32
                self.event(0x0301, (event, 4), (tariffs.slab_reached(self.tariff, self.total) + 1, 1))
        self.register = (self.register + energy) % 2**32
        return "taken"

    def bring_month(self, month, energy, paid):
        """Section 7.5. False where it does not fit."""
        energy_before, paid_before = self.month_brought
        more = energy - energy_before
        if month != self.month or more <= 0:
            return True
        if self.total + more > 2**32 - 1:
            return False
        taken = sum(tariffs.pulse(self.history, self.tariff, self.total, self.total + more)) - (paid - paid_before)
        if not -2**63 <= self.balance - taken < 2**63:
            return False
        self.total += more
        self.balance -= taken
        self.brought += paid - paid_before
        self.month_brought = energy, paid
        self.event(0x0307, (max(-2**39, min(2**39 - 1, taken)) % 2**40, 5))
        return True

    def demand(self, reading, watts):
        def overload():
            self.peak = max(self.peak, watts)
            if self.supply and 0 < self.limits["contracted_power"] < watts:
                if self.overloads >= self.limits["pauses"]:
                    self.locked = True
                else:
                    self.pause_end = min(LAST, self.time + self.limits["pause"])
                self.overloads, self.last_overload = min(255, self.overloads + 1), self.time
                self.event(0x0204, (watts, 4), (self.overloads, 1))
        self.call(reading, overload)

    def tamper(self, reading, bit):
        def report():
            if not self.tampering & bit:
                self.tampering |= bit
                self.tampering_cut |= bool(self.limits["tampering_cuts"] & bit)
                self.event(0x0205, (bit, 1))
        self.call(reading, report)

    def certificate(self, reading, sequence, credit, debited, issue_time, generation=1):
        """A genuine certificate of the present binding: 'apply' | 'nothing' | 'refused'"""
        return self.call(reading, lambda: self.apply(reading, sequence, credit, debited, issue_time, generation))

    def apply(self, reading, sequence, credit, debited, issue_time, generation):
        assert generation >= self.generation
        if sequence <= self.sequence:
            self.generation = generation
            return "nothing"
        assert credit >= self.credit and debited >= self.debited
        balance = self.balance + (credit - self.credit) - (debited - self.debited)
        if max(credit, debited) > 2**62 or not -2**63 <= balance < 2**63:
            self.event_of_the_day(0x0102, 0x0F, (0x0F, 1), (0, 1), (generation, 2))
            return "refused"
        self.balance, self.generation = balance, generation
        self.credit, self.debited, self.sequence = credit, debited, sequence
        self.raise_floor(reading, issue_time)
        return "apply"

    def empty_card(self, reading, generation=1):
        """A card is accepted and has nothing to apply: 'loan' | 'nothing'"""
        def lend():
            assert self.binding and generation >= self.generation
            self.generation = generation
            if self.balance > 0 or self.loan_end or self.stopped or not self.limits["loan_hours"]:
                return "nothing"
            self.loan_end = min(LAST, self.time + self.limits["loan_hours"] * 3600)
            self.event(0x0203, (self.loan_end, 4))
            return "loan"
        return self.call(reading, lend)

    def open_binding(self, reading, number, account, sequence, credit, debited, issue_time, generation=1):
        def opened():
            assert number > self.binding and account
            same = self.binding > 0 and account == self.account
            if self.binding:
                if not same:
                    self.partial = True
                    self.close_month()
                self.final_report = {"binding": self.binding, "applied_credit": self.credit, "applied_debited": self.debited,
                                     "balance": self.balance, "energy_register": self.register}
            self.reset()
            self.binding, self.account = number, account
            assert self.apply(reading, sequence, credit, debited, issue_time, generation) == "apply"
            if same:
                self.brought = self.energy_charge()
                self.month_brought = self.total, self.brought
            else:
                self.begin_anew()
            self.event(0x0101, (number, 4))
        self.call(reading, opened)

    # ---- section 14 ------------------------------------------------------------------------------

    def display(self):
        slab = tariffs.slab_reached(self.tariff, self.total)
        price, used = self.tariff["slabs"][slab]["price"], sum(self.profile)
        credit = max(0, self.balance) * 100000
        return {"credit_energy": min(LAST, credit // price) if price else None, "slab": slab + 1, "price": price,
                "days": min(LAST, credit * len(self.profile) // (used * price)) if used and price else None,
                "notices": [n for n in self.notices if n["until"] == 0 or self.time < n["until"]]}
