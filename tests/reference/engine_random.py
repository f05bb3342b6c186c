"""Scenarios of engine.json from a seeded generator: inputs that a meter could meet, in no order that somebody thought of."""
from random import Random

import parameters as p
from calendar_vectors import ZONES, at
from engine_scenario import Scenario
from parameter_vectors import FLAT, PUBLISHED, malformed, tariff

DAY = 86400
CALENDARS = list(ZONES.values())
BAD = [(slot, data) for slot, _, data in malformed()]


def some_tariff(r, version, start):
    count = r.randint(1, r.choice((2, 6, 16)))
    bounds = sorted(r.sample(range(1, 400), count - 1)) + [0]
    slabs = [(b, r.choice((0, 1, 33333, 50001, r.randint(1000, 300000))) if n else r.randint(1, 100000), r.randint(0, 900),
              *([True] if n and r.random() < 0.5 else [])) for n, b in enumerate(bounds)]
    charges = [some_charge(r, before) for before in range(r.randint(0, r.choice((2, 4))))]
    return tariff(version, slabs, charges, r.randint(0, 900), start, r.randint(1, 3))


def some_charge(r, before):
    """One that has so many before it; it can say everything."""
    basis, more = r.randint(1, 5), {}
    if basis > 3:
        more["of"] = r.choice((1, 3, (4 << before) - 1, r.randint(1, (4 << before) - 1)))
    if basis < 5 and r.random() < 0.3:
        more["credit"] = True
    if basis == 2 and r.random() < 0.5:
        more["first"] = r.randint(1, 300)
    if r.random() < 0.3:
        more["month"] = r.randint(1, 12)
    if r.random() < 0.4:
        above = r.choice((0, r.randint(0, 200)))
        more.update(above=above, up_to=r.choice((0 if above else 50, above + r.randint(1, 200))))
    if basis in (2, 4) and r.random() < 0.4:
        more["most"] = r.choice((1, 100, r.randint(1, 3000)))
    return (r.choice((1, 2, 3, 4, 5, 6, 7, 8, 9, 200, 255)), basis, r.randint(0, 10000 if basis == 4 else 3000), more)


class Walk:
    def __init__(self, number, steps):
        r = self.r = Random(f"engine {number}")
        self.clock_is_right = number % 3 == 0
        self.s = s = Scenario(f"random {number}", r.choice((PUBLISHED, PUBLISHED, FLAT, some_tariff(r, 1, at(2024)))), 10)
        s.doubts = True
        s.reading = at(r.randint(2024, 2027), r.randint(1, 12), r.randint(1, 28), r.randint(0, 23), r.randint(0, 59))
        if r.random() < 0.3:
            s.tick()
            s.pulse(r.randint(0, 100))
        s.open(r.randint(1, 9), r.choice((0, 100, 5000, 50000)))
        # Some walks stay within days and look at supply and clock, others pass months and look at bills.
        self.pace = r.choice((600, 7200, DAY, 4 * DAY))
        while len(s.steps) < steps:
            self.time_passes()
            self.something()

    def time_passes(self):
        """With a clock that is right, mostly; else one that jumps, stands, is fast or slow, or is none; with power or without."""
        r, s = self.r, self.s
        kind = r.random() * (0.9 if self.clock_is_right else 1)
        if kind < 0.9:
            s.go(self.some_time() if s.reading else 0)
            if not s.reading:
                s.runs(self.some_time())
        elif kind < 0.93:
            s.go(r.randint(0, 7200)).jump(r.choice((-61, -60, -r.randint(0, DAY), 60, 61, 600, r.randint(0, 900), r.randint(0, 60 * DAY))) if s.reading > 2 * DAY else 0)
        elif kind < 0.95:
            s.runs(r.choice((60, 61, r.randint(0, 3 * DAY))))
        elif kind < 0.96:
            s.jump(-s.reading) if s.reading else s.jump(s.meter.time + r.choice((0, 1, -30, 500, -10 * DAY)))
        elif kind < 0.985:
            s.outage(True, r.choice((r.randint(0, 3 * DAY), r.randint(0, 100 * DAY))))
        else:
            s.outage(False).jump(r.choice((0, 0, -min(s.reading, 40 * DAY), -s.reading)))

    def some_time(self):
        r = self.r
        kind = r.random()
        if kind < 0.9:
            return r.choice((0, r.randint(0, self.pace), r.randint(0, self.pace)))
        if kind < 0.94:                                     # to the last or first second before or after a month, or a friendly time
            m = self.s.meter
            edge = min(t for t in (m.month_end(), m.time - m.time % 3600 + 3600 * r.randint(1, 24)) if t > m.time or t == m.month_end())
            return max(0, edge - m.time + r.choice((-1, 0, 0, 1))) if edge - m.time < 45 * DAY else 1
        return r.choice((r.randint(0, 40 * DAY), 29 * DAY, r.randint(0, 3 * DAY)))

    def something(self):
        r, s = self.r, self.s
        act = r.choices((self.pulse, s.tick, self.demand, self.tamper, self.credit, self.card, self.command, self.mail, self.repeat, self.binding,
                         self.parts, self.button),
                        (40, 6, 9, 0.6, 12, 9, 11, 13, 3, 0.4, 2, 4))[0]
        act()

    def pulse(self):
        r = self.r
        self.s.pulse(r.choice((0, 1, r.randint(1, 50), r.randint(1, 500), r.randint(1, 2000), r.randint(1, 12000))))

    def demand(self):
        self.s.demand(self.r.choice((0, self.r.randint(0, 9000), 9000, self.s.meter.limits["contracted_power"] + self.r.randint(0, 1))))

    def tamper(self):
        self.s.tamper(1 << self.r.randint(0, 4))

    def card(self):
        """Once, or twice as by somebody who asks for a loan."""
        r, s = self.r, self.s
        who = r.choice(("customer", "customer", "customer", "technician"))
        for _ in range(r.randint(1, 2)):
            s.card(who=who, mail=r.random() < 0.15)
            s.reading += r.choice((5, 20, 60, 61))

    def parts(self):
        r, s = self.r, self.s
        r.choice((s.relay_stuck_off, lambda: s.battery(r.random() < 0.5), lambda: s.battery(r.random() < 0.5)))()

    def button(self):
        self.r.choice((self.s.ask_loan, self.s.rearm))()

    def credit(self):
        r, m = self.r, self.s.meter
        amount = r.choice((0, r.randint(1, 500), r.randint(1, 20000), max(0, -m.balance), max(0, -m.balance) + 1))
        issued = r.choice((at(2024), m.time, max(1, m.time - r.randint(0, 2 * DAY)), m.time + r.randint(0, DAY), m.time + r.randint(0, 4 * DAY),
                           *[m.time + r.randint(0, 400 * DAY)] * (r.random() < 0.2)))
        self.s.certificate(m.sequence + r.choice((0, 1, 1, 1, 1, 3)), m.credit + amount, m.debited + r.choice((0, 0, 0, r.randint(0, 3000))), issued,
                           max(1, m.generation), r.random() < 0.4)

    def command(self):
        r, s, m = self.r, self.s, self.s.meter
        kind = r.choice((1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 0, 8, 9))
        near = m.time + r.randint(-5 * DAY, 40 * DAY)
        value = {4: r.choice((s.reading - r.randint(0, 90), near)), 8: near, 7: r.randint(0, 3)}.get(kind, 0 if r.random() < 0.9 else 1)
        expiry = r.choice((0, 0, m.time + r.randint(-5, 5), near, s.reading + 100))
        counter = r.choice((None, None, None, None, max(1, s.counter - r.randint(0, 40)), s.counter + r.randint(1, 5)))
        s.counter = max(s.counter, counter or 0)
        named = r.choice((None, "technician")) if kind not in (3, 4, 8) else "technician"
        s.command(kind, max(0, value), counter, max(0, expiry), named, r.choice((None, None, None, "customer")))

    def mail(self):
        r, s, m = self.r, self.s, self.s.meter
        slot = r.choice((0, 0, 1, 2, 2, 3, 4, 4, 9, 0x0B, None))
        if slot is None:
            slot, data = r.choice(BAD)
        elif slot < 2:
            start = m.time + r.choice((0, -DAY, r.randint(-DAY, 40 * DAY), m.month_end() - m.time, r.randint(0, 2 * DAY)))
            data = p.encode_tariff(some_tariff(r, m.tariff["version"] + r.choice((0, 1, 1, 1, 2, 3)), start))
        elif slot == 2:
            first = r.randint(0, 5000)
            data = p.encode_limits({
                "first_threshold": first, "second_threshold": r.randint(0, first), "contracted_power": r.choice((0, 1000, 3000, r.randint(1, 9000))),
                "second_power": r.choice((0, 500, 6000)), "second_from": r.choice((0, 1020, 1439)), "second_until": r.choice((0, 300, 1380)),
                "power_on_loan": r.choice((0, 0, 800, 5000)), "ask_seconds": r.choice((0, 60, 3600, 65535)),
                "loan_amount": r.choice((0, 1, 2000, 20000)), "policies": r.choice((0, 0, 1)), "cut_power": r.choice((0, 100, 1000)),
                "restart_notice": r.choice((0, 1, 2000, 10000)),
                "pause": r.choice((1, 60, 300, r.randint(1, 65535))), "pauses": r.randint(0, 4), "reset_minutes": r.choice((0, 10, 1440, 20000)),
                "loan_hours": r.choice((0, 1, 12, 48, 500)), "greatest_step": r.choice((60, 600, r.randint(60, 3600), 3600)),
                "tampering_cuts": r.randint(0, 0x1F)})
        elif slot == 3:
            data = p.encode_calendar(r.choice(CALENDARS))
        elif slot == 4:
            ids = r.sample((7, 8, 9, 0x10008, 0xFFFFFFFF, 12), r.randint(0, 4))
            data = p.encode_debts([{"id": i, "kind": r.randint(1, 3), "first_month": max(0, m.month + r.randint(-1, 2)), "number": r.randint(1, 5),
                                    "instalment": r.randint(0, 900), "last_instalment": r.randint(0, 900)} for i in ids])
        elif slot == 9:
            data = p.encode_notices([{"template": r.randint(0, 9), "until": r.choice((0, m.time + r.randint(0, 5 * DAY))), "value": r.randint(0, 99)}
                                     for _ in range(r.randint(0, 3))])
        else:
            energy, paid = m.month_brought
            data = p.encode_month_so_far({"month": max(0, m.month + r.choice((-1, 0, 0, 0, 0, 1))), "energy": max(0, energy + r.randint(-500, 15000)),
                                          "paid": max(0, paid + r.randint(-500, 20000))})
        s.mail(slot, data, max(1, m.mail_versions[slot] + r.choice((1, 1, 1, 1, 1, 1, 2, 5, 0))), r.choice((None, "customer")),
               r.choice((*[None] * 14, "meter", "binding", "key", "tag")))

    def repeat(self):
        """The same mail once more."""
        mails = [step for step in self.s.steps if step["do"] == "mail"]
        if mails:
            old = self.r.choice(mails[-3:])
            self.s.mail(old["slot"], bytes.fromhex(old["plaintext"]), old["version"], old["card"] and bytes.fromhex(old["card"]))

    def binding(self):
        m = self.s.meter
        self.s.open(m.binding + self.r.randint(1, 3), self.r.randint(0, 20000), 0, self.r.randint(1, 4), m.time + self.r.choice((-DAY, 0, 5 * DAY)),
                    self.r.randint(1, 2), m.account if self.r.random() < 0.5 else None)


def walks():
    for number in range(60):
        yield Walk(number, 100 + number * 37 % 101).s


SCENARIOS = (walks,)
