"""The meter's credit engine (docs/meter.md, sections 1 to 6 and 14) as a plain model: no memory, no keys, no cards.

Every call takes what firmware knows of time, `now`: its clock's reading, seconds of uptime, whether the clock never stopped. `events`, `months` and
`audits` are all that the present binding has had.
"""
import parameters
import tariff_model as tariffs
from engine_clock import DAY, Timekeeper
from engine_display import Display
from local_time import CAIRO, LAST, friendly, local, month_begin, month_of, within
from reference import be, saturating, signed

NO_CREDIT, TAMPERING, PAUSE, LOCKED, COMMAND, UNBOUND, WAITS = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40
BUTTON = 0x01                                               # a policy


class Meter(Timekeeper, Display):
    def __init__(self, tariff):
        self.time = self.offset = self.floor = self.register = self.binding = self.tampering = 0
        self.doubt, self.uptime = 0, None
        self.tampering_cut = self.locked = self.commanded = False
        self.overloads = self.last_overload = self.pause_end = self.live_since = 0
        self.battery_low = False
        self.tariff, self.waiting = tariff, None
        self.limits, self.calendar = dict(parameters.LIMITS_AT_FIRST), CAIRO
        self.supply, self.final_report, self.month, self.refused_cards = False, None, 0, 0
        self.account = 0
        self.reset()
        self.begin_anew()

    def reset(self):
        """All that is the customer's (section 1)."""
        self.balance = self.credit = self.debited = self.sequence = self.generation = 0
        self.months, self.events, self.audits, self.topups, self.debts, self.notices, self.news = [], [], [], [], [], [], (set(), 0)
        self.mail_versions, self.executed, self.last_of_kind = [0] * 12, set(), {}
        self.readings_version = self.loan_end = self.loan_from = self.debts_paid = self.charges = self.fees = 0
        self.no_credit, self.waits, self.asked, self.told, self.brought, self.loan_told = False, False, (None, 0), (None, set()), 0, False

    def begin_anew(self):
        self.day, self.begun = local(self.calendar, self.time)
        self.today, self.profile = 0, []
        self.new_month(month_of(self.calendar, self.time), True)

    def new_month(self, index, partial):
        self.month, self.partial, self.history, self.total, self.peak = index, partial, [], 0, 0
        self.month_brought, self.re_rating, self.instalments_taken = (0, 0), 0, 0
        self.month_doubt, self.month_break, self.restart_told = self.doubt, 0, 0

    def event(self, code, *data, time=None):
        data = b"".join(be(value, size) for value, size in data)
        self.events.append({"number": len(self.events) + 1, "time": self.time if time is None else time, "code": code, "data": data + bytes(6 - len(data))})

    def money_event(self, code, amount, *data):
        """Not of 0."""
        if amount:
            self.event(code, (saturating(amount, 40), 5), *data)

    def event_of_the_day(self, code, cause, *data):
        """Of each cause one in a local day (section 13)."""
        day = local(self.calendar, self.time)[0]
        if self.told[0] != day:
            self.told = day, set()
        if (code, cause) not in self.told[1]:
            self.told[1].add((code, cause))
            self.refused_cards += code == 0x0102
            self.event(code, *data)
            return True
        return False

    def tell(self, text):
        """News (section 14)."""
        texts = self.news[0] if self.time - self.news[1] < DAY else set()
        self.news = texts | {text}, self.time

    def power_was_away(self, before, never_stopped):
        """Section 5.5: the first reading after a power-up was taken; `before`: the time until then."""
        if not self.binding or not before:
            return
        away = self.time - before
        if never_stopped and away >= 60:
            self.event(0x0209, time=before)
            self.event(0x020A, (away, 4))
        elif not never_stopped and self.event_of_the_day(0x0209, 0):
            self.event(0x020A, (2**32 - 1, 4))

    # ---- section 4 -------------------------------------------------------------------------------

    def call(self, now, action=lambda: None):
        self.clock(now)
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
        self.tell_of_restart()

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
        self.tell("B05")
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

    def doubt_cost(self):
        """What the month costs more than what was before its break and what came after it, each by itself (section 2)."""
        parts = [tariffs.by_itself(self.history, self.tariff, *part) for part in ((0, self.month_break), (self.month_break, self.total))]
        return min(2**24 - 1, max(0, self.energy_charge() - sum(parts)))

    def month_record(self, service=0, charges=()):
        return {"month": self.month, "flags": self.partial | tariffs.rerated(self.history, self.tariff, self.total) << 1 | (self.month_doubt != 0) << 2,
                "slab": tariffs.slab_reached(self.tariff, self.total) + 1, "energy": self.total, "energy_charge": self.energy_charge(),
                "re_rating": signed(self.re_rating), "service_fee": service,
                "levies": signed(sum(amount for code, amount in charges if code <= 5)),
                "others": signed(sum(amount for code, amount in charges if code > 5)),
                "instalments": min(2**32 - 1, self.instalments_taken), "doubt_cost": self.doubt_cost(), "tariff": self.tariff["version"], "peak": min(2**24 - 1, self.peak)}

    def close_month(self):
        fees = tariffs.fees(self.tariff, self.total, self.energy_charge(), self.partial, self.month)
        self.balance -= fees
        self.fees += fees
        service, charges = tariffs.bill(self.tariff, self.total, self.energy_charge(), self.partial, self.month)
        for kind, amount in [(0, service)] + charges:
            self.money_event(0x0306, amount, (kind, 1))
        if fees > 0:
            self.tell("B04")
        self.charges += self.energy_charge()
        self.months.append(self.month_record(service, charges))
        self.readings_version += 1

    def take_instalment(self, debt):
        if self.month < debt["first_month"] or debt["taken"] >= debt["number"]:
            return
        debt["taken"] += 1
        amount = debt["last_instalment"] if debt["taken"] == debt["number"] else debt["instalment"]
        self.balance -= amount
        self.debts_paid += amount
        self.instalments_taken += amount
        self.event(0x0302, (amount, 4), (debt["id"] & 0xFFFF, 2))
        self.tell("B03")

    def days_pass(self):
        day = local(self.calendar, self.time)[0]
        if self.binding and day > self.day:
            days = self.profile + [self.today] + [0] * min(7, day - self.day - 1)
            self.profile, self.begun = days[-7:], 0 if len(days) > 7 else self.begun
            self.day, self.today = day, 0

    def overload_ends(self):
        if self.time >= self.pause_end:
            self.pause_end = 0
        if self.time >= self.last_overload + self.limits["reset_minutes"] * 60:
            self.overloads = 0

    # ---- section 5 -------------------------------------------------------------------------------

    def loan_is_not_used_up(self):
        return self.limits["loan_amount"] == 0 or self.loan_from - self.balance < self.limits["loan_amount"]

    def loan_runs(self, time=None):
        return (self.time if time is None else time) < self.loan_end and self.loan_is_not_used_up()

    def loan_can_be_had(self):
        return self.binding > 0 and self.balance <= 0 and self.limits["loan_hours"] > 0 and not self.loan_end

    def lend(self):
        self.loan_end = min(LAST, self.time + self.limits["loan_hours"] * 3600)
        self.loan_from, self.asked, self.loan_told = self.balance, (None, 0), False
        self.event(0x0203, (self.loan_end, 4))

    def tell_of_loan(self):
        """Once, when it is over."""
        if self.loan_end and not self.loan_told and (self.balance > 0 or not self.loan_runs()):
            how = 1 if self.balance > 0 else 3 if not self.loan_is_not_used_up() else 2
            self.event(0x0208, (saturating(max(0, -self.balance), 40), 5), (how, 1))
            self.loan_told = True

    def decide_supply(self):
        before = self.no_credit
        self.tell_of_loan()
        if self.balance > 0:
            self.no_credit, self.loan_end = False, 0
        elif self.loan_runs():
            self.no_credit = False
        elif self.binding and not friendly(self.calendar, self.time):
            self.no_credit = True
        if self.no_credit or not self.limits["policies"] & BUTTON:
            self.waits = False
        elif before:
            self.waits = True
        on = self.reasons() == 0
        if on:
            self.live_since = 0
        if on != self.supply:
            self.supply = on
            self.event(0x0202) if on else self.event(0x0201, (self.reasons(), 1))

    def reasons(self):
        return (NO_CREDIT * self.no_credit | TAMPERING * self.tampering_cut | PAUSE * (self.pause_end > 0) | LOCKED * self.locked
                | COMMAND * self.commanded | UNBOUND * (self.binding == 0) | WAITS * self.waits)

    def flags(self):
        below = lambda name: self.binding > 0 and self.balance < self.limits[name]
        return (0x01 * below("first_threshold") | 0x02 * below("second_threshold") | 0x04 * (self.reasons() != 0) | 0x08 * (self.tampering != 0)
                | 0x10 * self.doubtful | 0x80 * (self.loan_end != 0) | 0x100 * self.battery_low)

    def power_limit(self):
        """0: none."""
        limits, minute = self.limits, local(self.calendar, self.time)[1]
        second = within(limits["second_from"], limits["second_until"], minute)
        powers = [limits["second_power" if second else "contracted_power"]]
        if self.balance <= 0 and self.loan_runs():
            powers.append(limits["power_on_loan"])
        return min((power for power in powers if power), default=0)

    # ---- calls -----------------------------------------------------------------------------------

    def tick(self, now):
        self.call(now)

    def pulse(self, now, energy):
        return self.call(now, lambda: self.consume(energy))

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
            self.re_rating += adjustment
            if adjustment:
                self.tell("B01" if adjustment > 0 else "B02")
                self.event(0x0301, (saturating(adjustment, 32), 4), (tariffs.slab_reached(self.tariff, self.total) + 1, 1))
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
        cost, adjustment = tariffs.pulse(self.history, self.tariff, self.total, self.total + more)
        taken = cost + adjustment - (paid - paid_before)
        if not -2**63 <= self.balance - taken < 2**63:
            return False
        self.total += more
        self.re_rating += adjustment
        self.balance -= taken
        self.brought += paid - paid_before
        self.month_brought = energy, paid
        self.event(0x0307, (saturating(taken, 40), 5))
        return True

    def demand(self, now, watts):
        def overload():
            self.peak = max(self.peak, watts)
            self.relay_that_does_not_open(watts)
            if self.supply and 0 < self.power_limit() < watts:
                if self.overloads >= self.limits["pauses"]:
                    self.locked = True
                else:
                    self.pause_end = min(LAST, self.time + self.limits["pause"])
                self.overloads, self.last_overload = min(255, self.overloads + 1), self.time
                self.event(0x0204, (watts, 4), (self.overloads, 1))
        self.call(now, overload)

    def relay_that_does_not_open(self, watts):
        if self.supply or not 0 < self.limits["cut_power"] < watts:
            self.live_since = 0
        elif not self.live_since:
            self.live_since = max(1, self.time)
        elif self.time - self.live_since >= 60:
            self.event_of_the_day(0x0206, 1, (1, 1), (0, 1), (watts, 4))

    def relay_stuck_off(self, now):
        def report():
            if self.supply:
                self.event_of_the_day(0x0206, 2, (2, 1))
        self.call(now, report)

    def battery(self, now, low):
        def report():
            if low and not self.battery_low:
                self.event_of_the_day(0x0207, 0)
            self.battery_low = low
        self.call(now, report)

    def rearm(self, now):
        def pressed():
            self.waits = False
        self.call(now, pressed)

    def ask_loan(self, now):
        """The button: 'loan' | 'nothing'"""
        def asked():
            if not self.loan_can_be_had():
                return "nothing"
            self.lend()
            self.no_credit = self.waits = False
            return "loan"
        return self.call(now, asked)

    def tamper(self, now, bit):
        def report():
            if not self.tampering & bit:
                self.tampering |= bit
                self.tampering_cut |= bool(self.limits["tampering_cuts"] & bit)
                self.event(0x0205, (bit, 1))
        self.call(now, report)

    def certificate(self, now, sequence, credit, debited, issue_time, generation=1, network=False):
        """A genuine certificate of the present binding: 'apply' | 'nothing' | 'refused'"""
        return self.call(now, lambda: self.apply(sequence, credit, debited, issue_time, generation, network))

    def apply(self, sequence, credit, debited, issue_time, generation, network=False):
        assert generation >= self.generation
        if sequence <= self.sequence:
            self.generation = generation
            return "nothing"
        before = self.credit, self.debited
        if not self.take(credit, debited):
            self.event_of_the_day(0x0102, 0x0F, (0x0F, 1), (0, 1), (generation, 2))
            return "refused"
        self.sequence, self.generation = sequence, generation
        told = self.issued(issue_time, DAY if network else 31 * DAY)
        self.tell_of_totals(*before)
        for tell in told:
            tell()
        return "apply"

    def tell_of_totals(self, credit, debited):
        """How far they have risen."""
        self.money_event(0x0304, self.credit - credit)
        self.money_event(0x0305, self.debited - debited)
        credit, correction = self.credit - credit, self.debited - debited
        if credit or correction:
            owed = max(0, credit - correction - self.balance)
            self.topups.append({"time": self.time, "credit": credit, "debt": min(credit, owed), "correction": correction, "balance": self.balance})

    def take(self, credit, debited):
        """The totals of a certificate; False where they are too high."""
        assert credit >= self.credit and debited >= self.debited
        balance = self.balance + (credit - self.credit) - (debited - self.debited)
        if max(credit, debited) > 2**62 or not -2**63 <= balance < 2**63:
            return False
        self.balance, self.credit, self.debited = balance, credit, debited
        return True

    def empty_card(self, now, generation, card, mail):
        """A card is accepted and has nothing to apply; `mail`: its directory shows newer one: 'loan' | 'nothing'"""
        def visit():
            assert self.binding and generation >= self.generation
            self.generation = generation
            technician = any(a["card"] == card and self.time - a["time"] < 3600 for a in self.audits[-8:])
            if mail or technician or not self.loan_can_be_had():
                return "nothing"
            who, when = self.asked
            if who == card and 0 <= self.time - when <= self.limits["ask_seconds"] and self.limits["ask_seconds"]:
                self.lend()
                return "loan"
            self.asked = card, self.time
            return "nothing"
        return self.call(now, visit)

    def open_binding(self, now, number, account, sequence, credit, debited, issue_time, generation=1):
        def opened():
            assert number > self.binding and account
            same = self.binding > 0 and account == self.account
            if self.binding:
                last = {**self.month_record(), "flags": self.month_record()["flags"] | 1}
                if not same:
                    self.partial = True
                    self.close_month()
                    last = self.months[-1]
                self.final_report = {"binding": self.binding, "applied_credit": self.credit, "applied_debited": self.debited,
                                     "balance": self.balance, "energy_register": self.register, "month": last, "instalments_taken": self.debts_paid}
            self.reset()
            self.binding, self.account = number, account
            self.sequence, self.generation = sequence, generation
            assert self.take(credit, debited)
            told = self.issued(issue_time, 31 * DAY)
            if same:
                self.brought = self.energy_charge()
                self.month_brought = self.total, self.brought
            else:
                self.begin_anew()
            self.event(0x0101, (number, 4))
            self.tell_of_totals(0, 0)
            for tell in told:
                tell()
        self.call(now, opened)
