"""Plaintexts of mail (docs/meter.md, sections 7 to 10; docs/tariff.md, section 6): fields, bytes, and what is wrong with them."""
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from local_time import Calendar
from reference import be, num


class Wrong(Exception):
    """The name of the field that breaks a rule."""


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0
        self.need(self.take(1, "format") == 1, "format")

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

def parse_tariff(data):
    r = Reader(data)
    t = {"version": r.take(4), "start": r.take(4), "kind": r.take(1)}
    count, restarts = r.take(1), r.take(1)
    t["zero_consumption_fee"] = r.take(4)
    r.need(t["version"], "version")
    r.need(t["start"], "start")
    r.need(t["kind"] in (1, 2, 3), "kind")
    r.need(1 <= count <= 8, "number of slabs")
    r.need(restarts & 1 == 0 and restarts >> count == 0, "restarts")
    t["slabs"] = [{"restart": bool(restarts >> n & 1), "bound": r.take(4), "price": r.take(4), "fee": r.take(4)} for n in range(count)]
    bounds = [0] + [s["bound"] for s in t["slabs"][:-1]]
    r.need(all(a < b <= 42949672 for a, b in zip(bounds, bounds[1:])) and t["slabs"][-1]["bound"] == 0, "bound")
    charges = r.take(1)
    r.need(charges <= 5, "number of charges")
    t["charges"] = [{"code": r.take(1), "basis": r.take(1), "value": r.take(4)} for _ in range(charges)]
    codes = [c["code"] for c in t["charges"]]
    r.need(0 not in codes and len(set(codes)) == len(codes), "code")
    r.need(all(c["basis"] in (1, 2, 3) for c in t["charges"]), "basis")
    r.need(all(c["basis"] != 3 or c["value"] <= 10000 for c in t["charges"]), "value")
    r.end()
    return t


def encode_tariff(t):
    restarts = sum(s["restart"] << n for n, s in enumerate(t["slabs"]))
    return (b"\x01" + be(t["version"], 4) + be(t["start"], 4) + bytes([t["kind"], len(t["slabs"]), restarts]) + be(t["zero_consumption_fee"], 4)
            + b"".join(be(s[k], 4) for s in t["slabs"] for k in ("bound", "price", "fee")) + be(len(t["charges"]), 1)
            + b"".join(bytes([c["code"], c["basis"]]) + be(c["value"], 4) for c in t["charges"]))


# ---- section 7.1 to 7.4 --------------------------------------------------------------------------

LIMITS = [("first_threshold", 4, 1000), ("second_threshold", 4, 500), ("contracted_power", 4, 0), ("pause", 2, 300), ("pauses", 1, 3),
          ("reset_minutes", 2, 1440), ("loan_hours", 2, 48), ("greatest_step", 4, 2592000), ("tampering_cuts", 1, 0x1F)]
LIMITS_AT_FIRST = {name: first for name, _, first in LIMITS}


def parse_limits(data):
    r = Reader(data)
    t = {name: r.take(size) for name, size, _ in LIMITS}
    r.end()
    r.need(t["second_threshold"] <= t["first_threshold"], "second_threshold")
    r.need(t["pause"], "pause")
    r.need(t["greatest_step"] >= 3600, "greatest_step")
    r.need(t["tampering_cuts"] & ~0x1F == 0, "tampering_cuts")
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
    if kind in (3, 4) and card == bytes(8):
        return True
    return not {1: value == 0, 2: value == 0, 3: value == 0, 4: 0 < value < expiry, 5: value == 0, 6: value == 0,
                7: 1 <= value <= 0xFFFF}.get(kind, False)


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
            ("present_month", 24), ("flags", 2), ("reasons", 1), ("tampering", 1), ("loan_end", 4), ("instalments_to_take", 8),
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
