"""Records what a meter is told, and how it stands after each step: scenarios of tests/vectors/engine.json."""
from dataclasses import replace

import parameters as p
from calendar_vectors import at
from engine_mail import FAULTS, MailMeter
from issuer import hx
from parameter_vectors import PUBLISHED
from reference import be

EARLY = at(2024)                                            # issue time where it does not matter, and no clock says what would not
CARDS = {name: be(0xC0FFEE0000000000 + n, 8) for n, name in enumerate(("customer", "technician", "stranger"))}
# Events that come with each charge, month, loan and power cut: hands count the others.
MOVEMENTS = (0x0304, 0x0305, 0x0306, 0x0208, 0x0209, 0x020A)
EARLIER = ("months", "events", "audits", "topups")


def span(seconds=0, minutes=0, hours=0, days=0):
    return seconds + 60 * minutes + 3600 * hours + 86400 * days


class Scenario:
    def __init__(self, name, tariff=PUBLISHED, state_every=1):
        self.name, self.tariff, self.every = name, p.encode_tariff(tariff), state_every
        self.meter, self.steps, self.reading, self.counter = MailMeter(tariff), [], 0, 0
        self.uptime, self.never_stopped, self.powered_up = 0, True, False
        self.listed, self.doubts = dict.fromkeys(EARLIER, 0), False         # whether the clock is meant to be doubtful

    # ---- time ------------------------------------------------------------------------------------

    def at(self, *utc):
        """It is then. Power was there all the time."""
        return self.go(at(*utc) - self.reading)

    def go(self, seconds=0, minutes=0, hours=0, days=0):
        passed = span(seconds, minutes, hours, days)
        self.reading += passed
        self.uptime += max(0, passed)
        return self

    def jump(self, seconds=0, **time):
        """The clock's reading, and no more."""
        self.reading += span(seconds, **time)
        return self

    def runs(self, seconds=0, **time):
        """Seconds that the clock does not show."""
        self.uptime += span(seconds, **time)
        return self

    def outage(self, never_stopped=True, seconds=0, **time):
        """Without power. What a clock that stopped shows after it is said by `jump`."""
        self.reading += span(seconds, **time) if never_stopped else 0
        self.uptime, self.never_stopped, self.powered_up = 5, never_stopped, True
        return self

    # ---- steps -----------------------------------------------------------------------------------

    def step(self, do, *arguments, state=True, **inputs):
        binding, before, events = self.meter.binding, self.meter.time, len(self.meter.events)
        if self.powered_up:
            self.meter.power_up()
        outcome = getattr(self.meter, do)((self.reading, self.uptime, self.never_stopped), *arguments)
        step = {"do": do, "reading": self.reading, "uptime": self.uptime, "never_stopped": self.never_stopped, "power_up": self.powered_up, **inputs}
        self.powered_up = False
        if outcome is not None:
            step["outcome"] = outcome if isinstance(outcome, str) else f"{outcome:02X}" if outcome else "taken"
        if self.meter.binding != binding:
            self.listed, events = dict.fromkeys(EARLIER, 0), 0
        self.check(before, events)
        if state and (len(self.steps) + 1) % self.every == 0:
            step["state"] = self.state()
        self.steps.append(step)
        return outcome

    def tick(self):
        self.step("tick")

    def pulse(self, energy):
        return self.step("pulse", energy, energy=energy)

    def demand(self, watts):
        self.step("demand", watts, watts=watts)

    def tamper(self, bit):
        self.step("tamper", bit, bit=bit)

    def early(self):
        """An issue time that does not matter: a card may be that late."""
        return max(EARLY, self.reading - 20 * 86400)

    def certificate(self, sequence, credit, debited, issue_time=None, generation=1, network=False):
        issue_time = issue_time or self.early()
        return self.step("certificate", sequence, credit, debited, issue_time, generation, network, sequence=sequence, total_credit=credit,
                         total_debited=debited, issue_time=issue_time, generation=generation, network=network)

    def credit(self, amount, debit=0, **more):
        """The next certificate, for so much more."""
        return self.certificate(self.meter.sequence + 1, self.meter.credit + amount, self.meter.debited + debit, **more)

    def card(self, generation=None, who="customer", mail=False):
        """A card with nothing to apply; `mail`: with newer mail in its directory."""
        generation = generation or max(1, self.meter.generation)
        return self.step("empty_card", generation, CARDS[who], mail, generation=generation, card=hx(CARDS[who]), mail=mail)

    def asks(self, **more):
        """The customer asks for a loan: the card comes twice."""
        self.card(**more)
        return self.card(**more)

    def ask_loan(self):
        return self.step("ask_loan")

    def rearm(self):
        self.step("rearm")

    def battery(self, low):
        self.step("battery", low, low=low)

    def relay_stuck_off(self):
        self.step("relay_stuck_off")

    def open(self, number=1, credit=0, debited=0, sequence=1, issue_time=None, generation=1, account=None):
        self.counter, issue_time, account = 0, issue_time or self.early(), account or 7000000 + number
        self.step("open_binding", number, account, sequence, credit, debited, issue_time, generation, number=number, account=account, sequence=sequence,
                  total_credit=credit, total_debited=debited, issue_time=issue_time, generation=generation)

    def mail(self, slot, plaintext, version=None, card=None, fault=None):
        assert slot != 0x0A and (fault is None or fault in FAULTS)
        version = self.meter.mail_versions[slot] + 1 if version is None else version
        card = CARDS.get(card, card)
        return self.step("mail", slot, version, plaintext, card, fault, slot=slot, version=version, plaintext=hx(plaintext),
                         card=card and hx(card), **({"fault": fault} if fault else {}))

    def set_tariff(self, tariff, slot=0, **more):
        return self.mail(slot, p.encode_tariff(tariff), **more)

    def set_limits(self, **changes):
        return self.mail(2, p.encode_limits({**self.meter.limits, **changes}))

    def set_calendar(self, **changes):
        return self.mail(3, p.encode_calendar(replace(self.meter.calendar, **changes)))

    def set_debts(self, *debts):
        """Each: id, first month, number, instalment, last instalment."""
        return self.mail(4, p.encode_debts([dict(zip(("id", "first_month", "number", "instalment", "last_instalment"), d), kind=1 + n % 3)
                                            for n, d in enumerate(debts)]))

    def set_notices(self, *notices):
        return self.mail(9, p.encode_notices([dict(zip(("template", "until", "value"), n)) for n in notices]))

    def bring(self, month, energy, paid, **more):
        return self.mail(11, p.encode_month_so_far({"month": month, "energy": energy, "paid": paid}), **more)

    def command(self, kind, value=0, counter=None, expiry=0, named=None, by=None, slot=None, **more):
        """`named` in the command, `by` the card that brings it (the named one unless said otherwise; None: the network)."""
        if counter is None:
            self.counter = counter = self.counter + 1
        command = {"counter": counter, "expiry": expiry, "card": CARDS[named] if named else bytes(8), "kind": kind, "value": value}
        return self.mail(slot or 5 + len(self.steps) % 4, p.encode_command(command), card=by or named, **more)

    # ---- what is seen ------------------------------------------------------------------------------

    def check(self, before, events):
        """Money of a binding adds up; time falls by a command only, and never below its floor."""
        m = self.meter
        assert m.credit - m.debited + m.brought == m.balance + m.charges + m.fees + m.debts_paid + m.energy_charge(), self.name
        assert m.charges == sum(r["energy_charge"] for r in m.months) and m.time >= m.floor
        assert self.doubts or not m.doubtful, (self.name, len(self.steps))
        assert m.time >= before or any(e["code"] == 0x0104 for e in m.events[events:])

    def other_events(self):
        return sum(event["code"] not in MOVEMENTS for event in self.meter.events)

    def expect(self, **values):
        """What the hand knows of the state."""
        state = {**self.state(peek=True), **{k: getattr(self.meter, k) for k in ("supply", "doubtful")}}
        state["other_events"] = self.other_events()
        state |= state["month"] | state["display"]
        for name, value in values.items():
            known = state[name] | value if isinstance(value, dict) else value
            assert state[name] == known, (self.name, len(self.steps), name, state[name], value)

    def new(self, name, peek):
        items = getattr(self.meter, name)[self.listed[name]:]
        if not peek:
            self.listed[name] += len(items)
        return items

    def state(self, peek=False):
        m = self.meter
        records, events, audits, charges = (self.new(name, peek) for name in EARLIER)
        bound, present = m.binding > 0, m.month_record()
        month = {"month": m.month, **({"month_flags": present["flags"], "slab": present["slab"], "energy": m.total, "energy_charge": m.energy_charge(),
                                       "peak": present["peak"]} if bound else {})}
        return {
            "time": m.time, "offset": m.offset, "floor": m.floor, "doubt": m.doubt, "binding": m.binding, "applied_credit": m.credit,
            "applied_debited": m.debited, "balance": m.balance, "lowest_generation": m.generation, "energy_register": m.register, "month": month,
            "reasons": m.reasons(), "flags": m.flags(), "tampering": m.tampering, "loan_end": m.loan_end, "overloads": m.overloads,
            "debts": [{"id": d["id"], "taken": d["taken"]} for d in m.debts], "debts_paid": m.debts_paid, "to_take": m.to_take(),
            "tariff": m.tariff["version"], "waiting": m.waiting["version"] if m.waiting else 0, "mail_versions": list(m.mail_versions),
            "highest_command": m.highest(), "audit_version": len(m.audits), "readings_version": m.readings_version, "last_event": len(m.events),
            "display": m.display(), "new_months": records, "new_charges": charges,
            "new_events": [{**e, "code": f"{e['code']:04X}", "data": hx(e["data"])} for e in events],
            "new_audits": [{**a, "card": hx(a["card"])} for a in audits],
            **({"final_report": m.final_report} if m.final_report else {})}

    def result(self):
        self.steps[-1].setdefault("state", self.state())
        end = {"readings": hx(self.meter.readings()), "audits": hx(self.meter.audit_mail())} if self.meter.binding else {}
        return {"name": self.name, "tariff": hx(self.tariff), "steps": self.steps, **end}
