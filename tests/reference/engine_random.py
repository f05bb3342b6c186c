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
    count = r.randint(1, 6)
    bounds = sorted(r.sample(range(1, 400), count - 1)) + [0]
    slabs = [(b, r.choice((0, 1, 33333, 50001, r.randint(1000, 300000))) if n else r.randint(1, 100000), r.randint(0, 900),
              *([True] if n and r.random() < 0.5 else [])) for n, b in enumerate(bounds)]
    charges = [(code, basis, r.randint(0, 10000) if basis == 3 else r.randint(0, 3000))
               for code in r.sample((1, 2, 3, 9, 200, 255), r.randint(0, 3)) for basis in [r.randint(1, 3)]]
    return tariff(version, slabs, charges, r.randint(0, 900), start, r.randint(1, 3))


class Walk:
    def __init__(self, number, steps):
        r = self.r = Random(f"engine {number}")
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
            s.reading += self.some_time()
            self.something()

    def some_time(self):
        r = self.r
        kind = r.random()
        if kind < 0.9:
            return r.choice((0, r.randint(0, self.pace), r.randint(0, self.pace)))
        if kind < 0.94:                                     # to the last or first second before or after a month, or a friendly time
            m = self.s.meter
            edge = min(t for t in (m.month_end(), m.time - m.time % 3600 + 3600 * r.randint(1, 24)) if t > m.time or t == m.month_end())
            return max(0, edge - m.offset - self.s.reading + r.choice((-1, 0, 0, 1))) if edge - m.time < 45 * DAY else 1
        if kind < 0.98:
            return r.choice((r.randint(0, 40 * DAY), 29 * DAY, r.randint(0, 3 * DAY)))
        return r.choice((-1, -60, -61, -r.randint(1, 5 * DAY), r.randint(31 * DAY, 90 * DAY), -30 * DAY)) if self.s.reading > 60 * DAY else 0

    def something(self):
        r, s = self.r, self.s
        act = r.choices((self.pulse, s.tick, self.demand, self.tamper, self.credit, s.card, self.command, self.mail, self.repeat, self.binding),
                        (40, 6, 9, 0.6, 12, 6, 11, 13, 3, 0.4))[0]
        act()

    def pulse(self):
        r = self.r
        self.s.pulse(r.choice((0, 1, r.randint(1, 50), r.randint(1, 500), r.randint(1, 2000), r.randint(1, 12000))))

    def demand(self):
        self.s.demand(self.r.choice((0, self.r.randint(0, 9000), 9000, self.s.meter.limits["contracted_power"] + self.r.randint(0, 1))))

    def tamper(self):
        self.s.tamper(1 << self.r.randint(0, 4))

    def credit(self):
        r, m = self.r, self.s.meter
        amount = r.choice((0, r.randint(1, 500), r.randint(1, 20000), max(0, -m.balance), max(0, -m.balance) + 1))
        issued = r.choice((at(2024), m.time, max(1, m.time - r.randint(0, 2 * DAY)), m.time + r.randint(0, DAY)))
        self.s.certificate(m.sequence + r.choice((0, 1, 1, 1, 1, 3)), m.credit + amount, m.debited + r.choice((0, 0, 0, r.randint(0, 3000))), issued,
                           max(1, m.generation))

    def command(self):
        r, s, m = self.r, self.s, self.s.meter
        kind = r.choice((1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 6, 7, 0, 8))
        near = m.time + r.randint(-5 * DAY, 40 * DAY)
        value = {4: r.choice((s.reading - r.randint(0, 90), near)), 7: r.randint(0, 3)}.get(kind, 0 if r.random() < 0.9 else 1)
        expiry = r.choice((0, 0, m.time + r.randint(-5, 5), near, s.reading + 100))
        counter = r.choice((None, None, None, None, max(1, s.counter - r.randint(0, 40)), s.counter + r.randint(1, 5)))
        s.counter = max(s.counter, counter or 0)
        named = r.choice((None, "technician")) if kind not in (3, 4) else "technician"
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
                "pause": r.choice((1, 60, 300, r.randint(1, 65535))), "pauses": r.randint(0, 4), "reset_minutes": r.choice((0, 10, 1440, 20000)),
                "loan_hours": r.choice((0, 1, 12, 48, 500)), "greatest_step": r.choice((3600, 5 * DAY, 30 * DAY, 45 * DAY, 2**32 - 1)),
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
