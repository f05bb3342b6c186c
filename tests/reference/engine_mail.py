"""What mail does in the meter (docs/meter.md, sections 7 and 8), and its mail to the issuer (section 10)."""
import parameters
from engine import Meter
from engine_clock import HOUR, MOVED, NO_CLOCK
from local_time import local, month_of
from reference import MONTH, be, encode

EXECUTED, EXPIRED, EXECUTED_BEFORE, OTHER_CARD, NOT_POSSIBLE, SUPERSEDED = 0x01, 0x0A, 0x09, 0x0B, 0x0C, 0x0E
# Kinds of which the last command counts, whatever order they come in.
KINDS_OF_LAST = {1: "relay", 2: "relay", 4: "clock", 8: "clock"}
FAULTS = {"meter": 0x02, "binding": 0x03, "key": 0x05, "tag": 0x06}         # in the order of section 7; 04 stands between


class MailMeter(Meter):
    def mail(self, now, slot, version, plaintext, card=None, fault=None):
        """0 where it is taken, else the refusal. `card`: the one that brought it, None: the network. `fault`: of FAULTS, in the envelope."""
        return self.call(now, lambda: self.receive(slot, version, plaintext, card, fault))

    def receive(self, slot, version, plaintext, card, fault):
        refusal = self.handle(slot, version, plaintext, card, fault)
        if refusal not in (0x02, 0x03, 0x04, 0x05, 0x06, OTHER_CARD):
            self.mail_versions[slot] = version
        if refusal in (0x07, 0x08, OTHER_CARD) or card and refusal in (0x05, 0x06):
            self.event_of_the_day(0x0105, refusal, (slot, 1), (refusal, 1), (version, 4))
        return refusal

    def handle(self, slot, version, plaintext, card, fault):
        if fault == "meter":
            return 0x02
        if fault == "binding" or not self.binding:
            return 0x03
        if version <= self.mail_versions[slot]:
            return 0x04
        if fault:
            return FAULTS[fault]
        if slot not in parameters.PARSERS:
            return 0x07
        try:
            content = parameters.PARSERS[slot](plaintext)
        except parameters.Wrong:
            return 0x07
        if slot in (0, 1):
            if content["version"] <= (self.waiting or self.tariff)["version"]:
                return 0x08
            if self.waiting:
                self.event(0x0311, (self.waiting["version"], 4))
            self.waiting = content
        elif slot == 2:
            self.limits = content
        elif slot == 3:
            self.calendar = content
        elif slot == 4:
            taken = {debt["id"]: debt["taken"] for debt in self.debts}
            self.debts = [{**debt, "taken": taken.get(debt["id"], 0)} for debt in content]
        elif slot == 9:
            self.notices = content
        elif slot == 11:
            return 0 if self.bring_month(**content) else 0x07
        else:
            return self.command(content, card)
        return 0

    # ---- section 8 -------------------------------------------------------------------------------

    def highest(self):
        return max(self.executed, default=0)

    def command(self, c, card):
        if c["counter"] in self.executed or c["counter"] < self.highest() - 32:
            return EXECUTED_BEFORE
        if c["card"] not in (bytes(8), card):
            return OTHER_CARD
        outcome = EXECUTED
        if parameters.command_refused(c["kind"], c["value"], c["expiry"], c["card"]):
            outcome = NOT_POSSIBLE
        elif c["kind"] not in (4, 8) and c["expiry"] and self.time >= c["expiry"]:
            outcome = EXPIRED
        elif c["counter"] < self.last_of_kind.get(KINDS_OF_LAST.get(c["kind"], "any"), 0):
            outcome = SUPERSEDED
        else:
            if c["kind"] in KINDS_OF_LAST:
                self.last_of_kind[KINDS_OF_LAST[c["kind"]]] = c["counter"]
            self.execute(c["kind"], c["value"], c["expiry"])
        self.executed.add(c["counter"])
        self.event(0x0106, (c["counter"], 4), (c["kind"], 1), (outcome, 1))
        self.audits.append({"counter": c["counter"], "time": self.time, "kind": c["kind"], "outcome": outcome, "card": card or bytes(8)})
        return 0 if outcome == EXECUTED else outcome

    def execute(self, kind, value, expiry):
        if kind in (1, 2):
            self.commanded = kind == 1
        elif kind == 3:
            self.tampering, self.tampering_cut = 0, False
        elif kind in (4, 8):
            self.set_clock(value, expiry, kind == 8)
        elif kind == 5:
            self.readings_version += 1
        elif kind == 6:
            self.pause_end, self.locked, self.overloads = 0, False, 0
        elif kind == 7:
            self.generation = max(self.generation, value)

    def set_clock(self, value, expiry, below):
        before = self.time
        self.time = self.reading if value <= self.reading < expiry else value
        if below:
            self.floor = min(self.floor, self.time)
        self.time = max(self.floor, self.time)
        self.offset = self.time - self.reading if self.reading else 0
        self.doubt = 0 if self.reading else self.doubt & NO_CLOCK
        if self.time != before:
            self.expect_from_now()
        if abs(self.time - before) > HOUR:
            self.month_doubt, self.month_break = self.month_doubt | MOVED, self.total
        self.month = min(self.month, month_of(self.calendar, self.time) + 1)
        self.day = min(self.day, local(self.calendar, self.time)[0])
        back = max(0, before - self.time)
        self.pause_end, self.loan_end, self.last_overload, self.live_since = (
            max(1, at - back) if at else 0 for at in (self.pause_end, self.loan_end, self.last_overload, self.live_since))
        self.event(0x0104, (before, 4))

    # ---- section 10 ------------------------------------------------------------------------------

    def to_take(self):
        return sum(max(0, d["number"] - d["taken"] - 1) * d["instalment"] + d["last_instalment"] for d in self.debts if d["taken"] < d["number"])

    def readings(self):
        """With report number, firmware and versions of keys 0: they are not of the engine."""
        return parameters.encode_readings({
            "time": self.time, "report_number": 0, "applied_credit": self.credit, "applied_debited": self.debited, "balance": self.balance,
            "energy_register": self.register, "present_month": encode(MONTH, **self.month_record()), "flags": self.flags(),
            "reasons": self.reasons(), "tampering": self.tampering, "loan_end": self.loan_end, "instalments_to_take": self.to_take(),
            "instalments_taken": self.debts_paid, "tariff": self.tariff["version"], "waiting_tariff": self.waiting["version"] if self.waiting else 0,
            "refused_cards": self.refused_cards, "last_event": len(self.events), "highest_command": self.highest(), "clock_offset": self.offset, "firmware": 0, "key_versions": bytes(3)})

    def audit_mail(self):
        return parameters.encode_audit(self.audits)
