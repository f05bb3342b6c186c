"""Plaintexts of mail (docs/meter.md, sections 7 to 10; docs/tariff.md, section 6): fields, bytes, and what is wrong with them."""
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from local_time import Calendar
from reference import MONTH_SIZE, be, num


class Wrong(Exception):
    """The name of the field that breaks a rule."""


class Reader:
    def __init__(self, data, form=1):
        self.data, self.at = data, 0
        self.need(self.take(1, "format") == form, "format")

    @staticmethod
    def need(condition, name):
        if not condition:
            raise Wrong(name)

    def take(self, size, name="length", signed=False):
        raw = self.data[self.at:self.at + size]
        self.need(len(raw) == size, "length")
        self.at += size
        return int.from_bytes(raw, "big", signed=signed)

    def end(self):
        self.need(self.at == len(self.data), "length")


# ---- tariff.md, section 6: slots 00 and 01 -------------------------------------------------------

HIGHEST_BOUND = 42949672
CREDIT, MOST, RANGE, MONTH, FIRST = 0x80, 0x40, 0x20, 0x10, 0x08


def number(value):
    """7 bits a byte, the highest first."""
    out = bytes([value & 0x7F])
    while value := value >> 7:
        out = bytes([value & 0x7F | 0x80]) + out
    return out


def take_number(r):
    value, size = 0, 0
    while True:
        byte = r.take(1)
        r.need((size, byte) != (0, 0x80), "number")
        value, size = value << 7 | byte & 0x7F, size + 1
        r.need(value < 2**32 and size <= 5, "number")
        if byte < 0x80:
            return value


def parse_tariff(data):
    Reader.need(len(data) <= 145, "length")
    r = Reader(data, 2)
    t = {"version": take_number(r)}
    r.need(t["version"], "version")
    t["start"], t["kind"], t["zero_consumption_fee"] = r.take(4), r.take(1), take_number(r)
    r.need(t["start"], "start")
    r.need(t["kind"] in (1, 2, 3), "kind")
    t["slabs"], below, fee = [], 0, t["zero_consumption_fee"]
    while True:
        r.need(len(t["slabs"]) < 16, "number of slabs")
        head = take_number(r)
        step, restart = head >> 2, bool(head & 2)
        r.need(below + step <= HIGHEST_BOUND, "bound")
        r.need(t["slabs"] or not restart, "restart")
        price, before = take_number(r), fee
        if head & 1:
            fee = take_number(r)
            r.need(fee != before, "fee")
        below += step
        t["slabs"].append({"restart": restart, "bound": below if step else 0, "price": price, "fee": fee})
        if step == 0:
            break
    charges = r.take(1)
    r.need(charges <= 12, "number of charges")
    t["charges"] = [parse_charge(r, n) for n in range(charges)]
    r.end()
    return t


def parse_charge(r, before):
    """A charge that has so many before it."""
    c = {"code": r.take(1)}
    r.need(c["code"], "code")
    form = r.take(1)
    c["basis"], c["credit"] = form & 7, bool(form & CREDIT)
    r.need(1 <= c["basis"] <= 5, "basis")
    r.need(not (form & CREDIT and c["basis"] == 5) and not (form & FIRST and c["basis"] != 2) and not (form & MOST and c["basis"] not in (2, 4)), "form")
    c["value"] = take_number(r)
    r.need(c["basis"] != 4 or c["value"] <= 10000, "value")
    c["of"] = take_number(r) if c["basis"] > 3 else 0
    r.need(c["basis"] <= 3 or 0 < c["of"] < 4 << before, "of")
    c["first"] = take_number(r) if form & FIRST else 0
    r.need(not form & FIRST or 0 < c["first"] <= HIGHEST_BOUND, "first")
    c["month"] = r.take(1) if form & MONTH else 0
    r.need(not form & MONTH or 1 <= c["month"] <= 12, "month")
    above, span = (take_number(r), take_number(r)) if form & RANGE else (0, 0)
    r.need(not form & RANGE or 0 < above + span <= HIGHEST_BOUND, "range")
    c["above"], c["up_to"] = above, above + span if span else 0
    c["most"] = take_number(r) if form & MOST else 0
    r.need(not form & MOST or c["most"], "most")
    return c


def encode_tariff(t):
    out = b"\x02" + number(t["version"]) + be(t["start"], 4) + bytes([t["kind"]]) + number(t["zero_consumption_fee"])
    below, fee = 0, t["zero_consumption_fee"]
    for s in t["slabs"]:
        step = s["bound"] - below if s["bound"] else 0
        out += number(step << 2 | s["restart"] << 1 | (s["fee"] != fee)) + number(s["price"])
        out += number(s["fee"]) if s["fee"] != fee else b""
        below, fee = s["bound"], s["fee"]
    return out + be(len(t["charges"]), 1) + b"".join(map(encode_charge, t["charges"]))


def encode_charge(c):
    ranged = c["above"] or c["up_to"]
    form = (c["basis"] | FIRST * (c["first"] > 0) | MONTH * (c["month"] > 0) | RANGE * (ranged > 0) | MOST * (c["most"] > 0) | CREDIT * c["credit"])
    return (bytes([c["code"], form]) + number(c["value"]) + (number(c["of"]) if c["basis"] > 3 else b"") + (number(c["first"]) if c["first"] else b"")
            + (bytes([c["month"]]) if c["month"] else b"") + (number(c["above"]) + number(c["up_to"] and c["up_to"] - c["above"]) if ranged else b"")
            + (number(c["most"]) if c["most"] else b""))


# ---- section 7.1 to 7.4 --------------------------------------------------------------------------

LIMITS = [("first_threshold", 4, 1000), ("second_threshold", 4, 500), ("contracted_power", 4, 0), ("second_power", 4, 0), ("second_from", 2, 0),
          ("second_until", 2, 0), ("power_on_loan", 4, 0), ("pause", 2, 300), ("pauses", 1, 3), ("reset_minutes", 2, 1440), ("loan_hours", 2, 48),
          ("loan_amount", 4, 20000), ("ask_seconds", 2, 60), ("greatest_step", 4, 600), ("tampering_cuts", 1, 0x1F), ("policies", 1, 0),
          ("cut_power", 2, 100), ("restart_notice", 4, 2000)]
LIMITS_AT_FIRST = {name: first for name, _, first in LIMITS}


def parse_limits(data):
    r = Reader(data)
    t = {name: r.take(size) for name, size, _ in LIMITS}
    r.end()
    r.need(t["second_threshold"] <= t["first_threshold"], "second_threshold")
    r.need(t["second_from"] <= 1439, "second_from")
    r.need(t["second_until"] <= 1439, "second_until")
    r.need(t["pause"], "pause")
    r.need(60 <= t["greatest_step"] <= 3600, "greatest_step")
    r.need(t["tampering_cuts"] & ~0x1F == 0, "tampering_cuts")
    r.need(t["policies"] & ~0x01 == 0, "policies")
    return t


def encode_limits(t):
    return b"\x01" + b"".join(be(t[name], size) for name, size, _ in LIMITS)


def parse_calendar(data):
    r = Reader(data)
    offset, summer = r.take(2, signed=True), r.take(1)
    change = lambda: (r.take(1), r.take(1), r.take(1), r.take(2))
    begins, ends = change(), change()
    since, until, rest, count = r.take(2), r.take(2), r.take(1), r.take(1)
    r.need(-1440 <= offset <= 1440, "offset")
    r.need(summer <= 120, "summer")
    for name, (month, week, weekday, minute) in (("begins", begins), ("ends", ends)):
        if summer:
            r.need(1 <= month <= 12 and 1 <= week <= 5 and weekday <= 6 and minute <= 10080, name)
        else:
            r.need((month, week, weekday, minute) == (0, 0, 0, 0), name)
    r.need(not summer or begins != ends, "ends")
    r.need(since <= 1439, "friendly_from")
    r.need(until <= 1439, "friendly_until")
    r.need(rest <= 0x7F, "rest_days")
    r.need(count <= 32, "number of holidays")
    holidays = [(r.take(2), r.take(1)) for _ in range(count)]
    r.end()
    r.need(all(days for _, days in holidays) and all(a[0] < b[0] for a, b in zip(holidays, holidays[1:])), "holidays")
    return Calendar(offset, summer, begins, ends, since, until, rest, tuple(holidays))


def encode_calendar(c):
    change = lambda rule: bytes(rule[:3]) + be(rule[3], 2)
    return (b"\x01" + be(c.offset % 65536, 2) + be(c.summer, 1) + change(c.begins) + change(c.ends) + be(c.friendly_from, 2)
            + be(c.friendly_until, 2) + bytes([c.rest_days, len(c.holidays)]) + b"".join(be(d, 2) + be(n, 1) for d, n in c.holidays))


DEBT = [("id", 4), ("kind", 1), ("first_month", 2), ("number", 2), ("instalment", 4), ("last_instalment", 4)]
NOTICE = [("template", 2), ("until", 4), ("value", 4)]


def parse_list(data, form, most, name):
    r = Reader(data)
    count = r.take(1)
    r.need(count <= most, name)
    items = [{field: r.take(size) for field, size in form} for _ in range(count)]
    r.end()
    return r, items


def encode_list(items, form):
    return bytes([1, len(items)]) + b"".join(be(item[field], size) for item in items for field, size in form)


def parse_debts(data):
    r, debts = parse_list(data, DEBT, 4, "number of debts")
    ids = [d["id"] for d in debts]
    r.need(0 not in ids and len(set(ids)) == len(ids), "id")
    for d in debts:
        r.need(d["kind"] in (1, 2, 3), "kind")
        r.need(d["first_month"] != 0xFFFF, "first_month")
        r.need(d["number"], "number")
    return debts


def encode_debts(debts):
    return encode_list(debts, DEBT)


def parse_notices(data):
    return parse_list(data, NOTICE, 8, "number of notices")[1]


def encode_notices(notices):
    return encode_list(notices, NOTICE)


MONTH_SO_FAR = [("month", 2), ("energy", 4), ("paid", 8)]


def parse_month_so_far(data):
    r = Reader(data)
    fields = {name: r.take(size) for name, size in MONTH_SO_FAR}
    r.end()
    r.need(fields["month"] != 0xFFFF, "month")
    r.need(fields["paid"] <= 2**62, "paid")
    return fields


def encode_month_so_far(fields):
    return b"\x01" + b"".join(be(fields[name], size) for name, size in MONTH_SO_FAR)


# ---- section 8 -----------------------------------------------------------------------------------

def parse_command(data):
    """Kind and value are looked at when the command is handled."""
    r = Reader(data)
    c = {"counter": r.take(4), "expiry": r.take(4), "card": be(r.take(8), 8), "kind": r.take(1), "value": r.take(4)}
    r.end()
    r.need(c["counter"], "counter")
    return c


def encode_command(c):
    return b"\x01" + be(c["counter"], 4) + be(c["expiry"], 4) + c["card"] + be(c["kind"], 1) + be(c["value"], 4)


def command_refused(kind, value, expiry, card):
    """Whether refusal 0C holds: unknown kind, no named card, value out of range."""
    if kind in (3, 4, 8) and card == bytes(8):
        return True
    return not {1: value == 0, 2: value == 0, 3: value == 0, 4: 0 < value < expiry, 5: value == 0, 6: value == 0,
                7: 1 <= value <= 0xFFFF, 8: 0 < value < expiry}.get(kind, False)


# ---- section 9 -----------------------------------------------------------------------------------

ROLE_KEYS = {7: 1, 8: 2, 9: 3, 10: 1, 11: 1}


def key_change(transport_kvn, transport_key, kvn, keys, company, environment, **other):
    """Plaintext of slot 0A. `other` replaces what an honest one says."""
    size = len(keys[0]) if keys else 16
    content = other.get("content") or (bytes([1, other.get("new", kvn), other.get("number", len(keys)), other.get("size", size)]) + be(company, 2)
                                       + bytes([environment, other.get("reserved", 0)]) + b"".join(keys))
    return bytes([other.get("format", 1), transport_kvn]) + aes_key_wrap(transport_key, content)


def change_keys(meter, data):
    """('taken' | '07' | '0D', the meter's keys after it). meter: company, environment, keys {role: [(kvn, keys), previous]}"""
    keys = {role: list(held) for role, held in meter["keys"].items()}
    if len(data) not in (34, 50, 66, 82, 114) or data[0] != 1 or data[1] >> 4 != 11 or data[1] & 15 == 0:
        return "07", keys
    refused = "0D", keys
    transport_kvn, (transport_key,) = keys[11][0]
    if data[1] != transport_kvn:
        return refused
    try:
        content = aes_key_unwrap(transport_key, data[2:])
    except InvalidUnwrap:
        return refused
    kvn, number, size = content[1:4]
    role = kvn >> 4
    if (content[0] != 1 or ROLE_KEYS.get(role) != number or kvn & 15 == 0 or size not in (16, 32) or len(content) != 8 + number * size
            or num(content[4:6]) != meter["company"] or content[6] != meter["environment"] or content[7] != 0):
        return refused
    new = kvn, [content[8 + n * size:8 + (n + 1) * size] for n in range(number)]
    if keys[role][0][0] == kvn:
        return ("taken", keys) if keys[role][0] == new else refused
    if kvn < keys[role][0][0]:
        return refused
    keys[role] = [new] + (keys[role][:1] if role in (7, 8, 10) else [])
    return "taken", keys


# ---- section 10 ----------------------------------------------------------------------------------

READINGS = [("time", 4), ("report_number", 4), ("applied_credit", 8), ("applied_debited", 8), ("balance", 8), ("energy_register", 4),
            ("present_month", MONTH_SIZE), ("flags", 2), ("reasons", 1), ("tampering", 1), ("loan_end", 4), ("instalments_to_take", 8),
            ("instalments_taken", 8), ("tariff", 4), ("waiting_tariff", 4), ("refused_cards", 4), ("last_event", 4),
            ("highest_command", 4), ("clock_offset", 8), ("firmware", 4), ("key_versions", 3)]
AUDIT = [("counter", 4), ("time", 4), ("kind", 1), ("outcome", 1), ("card", 8)]


def written(fields, form):
    return b"".join(fields[name] if isinstance(fields[name], bytes) else be(fields[name] % (1 << 8 * size), size) for name, size in form)


def key_versions(credit, parameter, report, base, transport):
    return bytes([credit << 4 | parameter, report << 4 | base, transport << 4])


def encode_readings(fields):
    return b"\x01" + written(fields, READINGS)


def encode_audit(records):
    """The last 8, oldest first."""
    return b"\x01" + b"".join(written(r, AUDIT) for r in records[-8:])


PARSERS = {0x00: parse_tariff, 0x01: parse_tariff, 0x02: parse_limits, 0x03: parse_calendar, 0x04: parse_debts, 0x09: parse_notices,
           0x0B: parse_month_so_far, **{slot: parse_command for slot in (5, 6, 7, 8)}}
