"""The content of tests/vectors/parameters.json: plaintexts of mail, malformed ones, and changes of keys."""
import parameters as p
import reference as ref
from calendar_vectors import ZONES, at
from issuer import Issuer, det, flip, hx
from local_time import Calendar
from reference import be

U32 = 2**32 - 1


# ---- tariffs -------------------------------------------------------------------------------------

def tariff(version, slabs, charges=(), zero=0, start=0x089EC4D0, kind=1):
    """slabs: (bound, price, fee), with a fourth True where the month is rated again; charges: (code, basis, value), with a fourth where they say more."""
    return {"version": version, "start": start, "kind": kind, "zero_consumption_fee": zero,
            "slabs": [{"restart": len(s) > 3, "bound": s[0], "price": s[1], "fee": s[2]} for s in slabs],
            "charges": [charge(*c) for c in charges]}


def charge(code, basis, value, more=()):
    """Without more, a per cent is of the energy charge, and a minimum of energy charge and service fee."""
    return {"code": code, "basis": basis, "value": value, "of": {4: 1, 5: 3}.get(basis, 0), "credit": False, "first": 0, "month": 0, "above": 0, "up_to": 0,
            "most": 0, **dict(more)}


PUBLISHED = tariff(1, [(50, 68000, 100), (100, 78000, 200), (200, 95000, 600, True), (350, 155000, 1100), (650, 195000, 1500),
                       (1000, 210000, 2500, True), (0, 223000, 4000, True)], [(1, 1, 2000)], 900)
FLAT = tariff(1, [(0, 223000, 0)], kind=3)
# Sixteen slabs, each with a step of two bytes, a price of three and a fee of two: what tariff.md says that fits, to the last byte.
SIXTEEN = tariff(7, [(4095 * (n + 1), 2**21 - 1 - n, 16383 - n, True)[:4 if n % 3 == 2 else 3] for n in range(15)] + [(0, 2**21 - 77, 1)],
                 [(5, 4, 1400, {"of": 3}), (1, 1, 2000), (4, 2, 200, {"first": 45}), (2, 2, 3000), (0xFF, 1, 300, {"month": 7, "credit": True})], 0xFF)
# Everything that a charge can say, at the ends of its range.
U14 = 2**14 - 1
LARGEST = tariff(U32, [(1, U32, U32), (42949672, U32, 0, True), (0, U32, U32)],
                 [(1, 1, U32, {"month": 1, "above": 42949671, "up_to": 42949672, "credit": True}), (1, 2, U32, {"first": 42949672, "most": U32, "month": 12}),
                  (4, 3, U32, {"up_to": 1}), (0x7F, 4, 10000, {"of": 31, "most": 1, "credit": True}), (0x80, 5, U32, {"of": 63, "above": 42949672}),
                  (0xFF, 4, 0, {"of": 1}), (8, 2, 0, {"first": 1}), *((9, 1, n) for n in (0, 1, 127, 128)), (9, 4, 1, {"of": 2**13 - 1})], U32, U32, 2)
# What a household and a shop pay in several countries, all in one.
MIXED = tariff(3, [(50, 0, 0), (200, 50000, 0), (600, 100000, 150, True), (0, 200000, 300)],
               [(4, 2, 200, {"first": 45}), (6, 3, 120), (8, 1, 250, {"credit": True, "above": 50, "up_to": 200}),
                (8, 1, 200, {"credit": True, "above": 200, "up_to": 600}), (3, 1, 300, {"month": 7}), (5, 4, 1450, {"of": 0b1001111, "most": 5000}),
                (7, 5, 3000, {"of": 0b11111111})], 0)
HEAD = """02 01 089EC4D0 01 8704 8149 849320 64 8149 84E130 8148 8313 85E618 8458 8459 89BA78 884C 8931 8BF338 8B5C 8A7B 8CE850 9344 03 8DCE18 9F20
01 01 01 8F50"""


def altered(good, change):
    """The bytes of a tariff with one thing wrong."""
    t = {**good, "slabs": [dict(s) for s in good["slabs"]], "charges": [dict(c) for c in good["charges"]]}
    change(t)
    return p.encode_tariff(t)


def wrong_tariffs():
    good = p.encode_tariff(PUBLISHED)
    assert good[6:10] == b"\1\x87\4\x81" and good[-5] == 1
    slab = lambda n, **v: lambda t: t["slabs"][n].update(v)
    charges = lambda *c: altered(PUBLISHED, lambda t: t.update(charges=[charge(*one) for one in c]))
    one = lambda at, value: good[:at] + value + good[at + len(value):]
    put = lambda at, old, new: good[:at] + new + good[at + old:]
    n = p.number
    flat = lambda slabs, tail=b"\0": b"\2\1" + good[2:7] + b"\0" + slabs + tail       # without a fee
    lone = lambda *parts: flat(b"\0\1", b"\1\1" + b"".join(parts))                    # one slab, one charge with code 1
    return [(0, what, data) for what, data in [
        *lengths(good, 2), ("version", one(1, b"\0")), ("number", put(1, 1, b"\x80\1")),
        ("number", put(1, 1, b"\x90" + b"\x80" * 3 + b"\0")), ("number", put(1, 1, b"\x80" * 5 + b"\1")), ("start", one(2, bytes(4))), ("kind", one(6, b"\0")),
        ("kind", one(6, b"\4")), ("number", put(7, 2, b"\x80\7")), ("number of slabs", flat(b"\4\1" * 16 + b"\0\1")), ("restart", flat(b"\6\1\0\1")),
        ("restart", flat(b"\2\1")), ("fee", flat(b"\1\1\0")), ("fee", flat(b"\5\1\7\1\1\7")), ("bound", flat(n(42949673 * 4) + b"\1\0\1")),
        ("bound", flat(n(42949672 * 4) + b"\1\4\1\0\1")), ("bound", flat(n(U32) + b"\1\1\0\1")), ("length", flat(b"\4\1", b"")), ("length", flat(b"\0\1", b"")),
        ("number of charges", charges(*[(9, 1, 1)] * 13)), ("length", flat(b"\0\1", b"\2") + p.encode_charge(charge(1, 1, 5))),
        ("code", charges((0, 1, 5))), ("code", charges((1, 1, 5), (0, 1, 5))), *(("basis", lone(bytes([basis]), b"\5")) for basis in (0, 6, 7, 0x80)),
        ("form", lone(b"\x85", b"\5\1")), *(("form", lone(bytes([basis | 0x08]), b"\5\1\1")) for basis in (1, 3, 4, 5)),
        *(("form", lone(bytes([basis | 0x40]), b"\5\1\1")) for basis in (1, 3, 5)), ("value", charges((2, 4, 10001))),
        ("of", lone(b"\4\5\0")), ("of", lone(b"\4\5\4")), ("of", lone(b"\5\5\x88\0")), ("of", charges((1, 1, 1), (2, 4, 1, {"of": 8}))),
        ("of", charges(*[(9, 1, 1)] * 11, (2, 5, 1, {"of": 2**13}))), ("first", lone(b"\x0A\5\0")), ("first", lone(b"\x0A\5", n(42949673))),
        ("month", lone(b"\x11\5\0")), ("month", lone(b"\x11\5\x0D")), ("range", lone(b"\x21\5\0\0")), ("range", lone(b"\x21\5", n(42949673), b"\0")),
        ("range", lone(b"\x21\5\1", n(42949672))), ("range", lone(b"\x21\5", n(U32), n(U32))), ("most", lone(b"\x42\5\0"))]]


def too_long():
    """All right, but one byte too long for a mail."""
    t = {**SIXTEEN, "charges": SIXTEEN["charges"][:-1] + [charge(9, 1, 2**28, {"month": 1})]}
    data = p.encode_tariff(t)
    assert len(data) == 146 and p.parse_tariff(p.encode_tariff({**t, "charges": t["charges"][:-1]}))
    try:
        p.parse_tariff(data)
    except p.Wrong as wrong:
        return str(wrong) == "length"


def lengths(good, form=1):
    return [("length", b""), ("length", good[:1]), ("length", good[:-1]), ("length", good + b"\0"), ("format", b"\0" + good[1:]),
            ("format", bytes([form ^ 3]) + good[1:])]


# ---- the other slots -----------------------------------------------------------------------------

LIMITS = [p.LIMITS_AT_FIRST, {**dict.fromkeys(p.LIMITS_AT_FIRST, 0), "pause": 1, "greatest_step": 60},
          {**{name: 256**size - 1 for name, size, _ in p.LIMITS}, "second_from": 1439, "second_until": 1439, "greatest_step": 3600, "tampering_cuts": 0x1F, "policies": 1},
          {**p.LIMITS_AT_FIRST, "contracted_power": 5500, "second_threshold": 1000, "second_power": 3000, "second_from": 1020, "second_until": 1380,
           "power_on_loan": 1500, "ask_seconds": 90, "loan_amount": 5000, "policies": 1, "cut_power": 0, "restart_notice": 1500}]
DEBTS = [[], [{"id": 1, "kind": 1, "first_month": 0, "number": 1, "instalment": 0, "last_instalment": 1}],
         [{"id": 700 + n, "kind": 1 + n % 3, "first_month": 70 + n, "number": 12, "instalment": 5000, "last_instalment": 4711} for n in range(4)],
         [{"id": U32, "kind": 3, "first_month": 0xFFFE, "number": 65535, "instalment": U32, "last_instalment": U32}]]
NOTICES = [[], [{"template": 1, "until": 0, "value": 0}], [{"template": n, "until": 0x0C000000 + n, "value": n * 100} for n in range(8)],
           [{"template": 65535, "until": U32, "value": U32}] * 2]
MONTHS_SO_FAR = [dict(zip(("month", "energy", "paid"), m)) for m in ((0, 0, 0), (74, 13000, 12350), (0xFFFE, U32, 2**62))]
CARD = det("parameters card", 8)
COMMANDS = [{"counter": n, "expiry": expiry, "card": card, "kind": kind, "value": value} for n, expiry, card, kind, value in (
    (1, 0, bytes(8), 1, 0), (2, U32, bytes(8), 2, 0), (3, 0, CARD, 3, 0), (4, 2, CARD, 4, 1), (5, 0x0C000002, CARD, 4, 0x0C000001),
    (6, 1, CARD, 5, 0), (7, 0, bytes(8), 6, 0), (8, 0, bytes(8), 7, 65535), (9, 0x0C000002, CARD, 8, 0x0C000001), (U32, U32, b"\xFF" * 8, 4, U32 - 1))]
REFUSED_COMMANDS = [{"counter": 9, "expiry": expiry, "card": card, "kind": kind, "value": value} for expiry, card, kind, value in (
    (0, CARD, 0, 0), (0, CARD, 9, 0), (0, CARD, 255, 0), (0, bytes(8), 1, 1), (0, CARD, 2, 2**31), (0, CARD, 3, 1), (0, bytes(8), 3, 0),
    (9, bytes(8), 4, 5), (9, CARD, 4, 0), (0, CARD, 4, 5), (7, CARD, 4, 7), (7, CARD, 4, 8), (9, bytes(8), 8, 5), (9, CARD, 8, 0), (0, CARD, 8, 5), (7, CARD, 8, 7), (0, CARD, 5, 1), (0, CARD, 6, 256), (0, CARD, 7, 0), (0, CARD, 7, 65536))]


def plaintexts():
    """(slot, fields, bytes)"""
    for t in (PUBLISHED, FLAT, SIXTEEN, LARGEST, MIXED):
        yield 0, t, p.encode_tariff(t)
    yield 1, PUBLISHED, p.encode_tariff(PUBLISHED)
    yield from ((2, t, p.encode_limits(t)) for t in LIMITS)
    many = Calendar(holidays=tuple((n * 2000, 1 + n * 8) for n in range(32)))
    for c in (*ZONES.values(), many):
        yield 3, {"offset": c.offset, "summer": c.summer, "begins": c.begins, "ends": c.ends, "friendly_from": c.friendly_from,
                  "friendly_until": c.friendly_until, "rest_days": c.rest_days, "holidays": c.holidays}, p.encode_calendar(c)
    yield from ((4, {"debts": d}, p.encode_debts(d)) for d in DEBTS)
    yield from ((5 + n % 4, {**c, "card": hx(c["card"])}, p.encode_command(c)) for n, c in enumerate(COMMANDS))
    yield from ((9, {"notices": n}, p.encode_notices(n)) for n in NOTICES)
    yield from ((11, m, p.encode_month_so_far(m)) for m in MONTHS_SO_FAR)


def malformed():
    """(slot, the field that is wrong, bytes): one thing each."""
    yield from wrong_tariffs()
    good = p.encode_limits(p.LIMITS_AT_FIRST)
    for what, data in lengths(good):
        yield 2, what, data
    for what, value in (("second_threshold", 1001), ("second_from", 1440), ("second_until", 1440), ("second_until", 65535), ("pause", 0),
                        ("greatest_step", 59), ("greatest_step", 3601), ("tampering_cuts", 0x20), ("tampering_cuts", 0x9F), ("policies", 2),
                        ("policies", 0x81)):
        yield 2, what, p.encode_limits({**p.LIMITS_AT_FIRST, what: value})
    yield from ((3, what, data) for what, data in wrong_calendars())
    debt = DEBTS[2][0]
    for what, data in lengths(p.encode_debts(DEBTS[2])):
        yield 4, what, data
    yield 4, "number of debts", p.encode_debts([{**debt, "id": n + 1} for n in range(5)])
    yield 4, "length", b"\x01\x02" + p.encode_debts([debt])[2:]
    yield 4, "id", p.encode_debts([debt, debt])
    for what, value in (("id", 0), ("kind", 0), ("kind", 4), ("first_month", 0xFFFF), ("number", 0)):
        yield 4, what, p.encode_debts([{**debt, what: value}])
    for slot in (5, 6, 7, 8):
        for what, data in lengths(p.encode_command(COMMANDS[0])):
            yield slot, what, data
        yield slot, "counter", p.encode_command({**COMMANDS[0], "counter": 0})
    for what, data in lengths(p.encode_notices(NOTICES[2])):
        yield 9, what, data
    yield 9, "number of notices", p.encode_notices(NOTICES[1] * 9)
    yield 9, "length", b"\x01\x01" + p.encode_notices(NOTICES[3])[2:]
    for what, data in lengths(p.encode_month_so_far(MONTHS_SO_FAR[1])):
        yield 11, what, data
    for what, value in (("month", 0xFFFF), ("paid", 2**62 + 1), ("paid", 2**64 - 1)):
        yield 11, what, p.encode_month_so_far({**MONTHS_SO_FAR[1], what: value})


def wrong_calendars():
    good = p.encode_calendar(Calendar(holidays=((10, 1), (12, 2))))
    yield from lengths(good)
    summers = (("begins", 4, 0), ("begins", 4, 13), ("begins", 5, 0), ("begins", 5, 6), ("begins", 6, 7), ("ends", 9, 0), ("ends", 9, 13),
               ("ends", 10, 0), ("ends", 10, 6), ("ends", 11, 7))
    for what, at_, value in (("summer", 3, 121), *summers, ("rest_days", 18, 0x80), ("number of holidays", 19, 33)):
        yield what, good[:at_] + bytes([value]) + good[at_ + 1:]
    for what, at_, value in (("offset", 1, 1441), ("offset", 1, 65536 - 1441), ("offset", 1, 0x8000), ("begins", 7, 10081), ("ends", 12, 10081),
                             ("friendly_from", 14, 1440), ("friendly_until", 16, 1440)):
        yield what, good[:at_] + be(value, 2) + good[at_ + 2:]
    yield "ends", p.encode_calendar(Calendar(ends=Calendar().begins))
    for at_ in (6, 12):                                             # summer offset 0, and a byte that is not
        yield ("begins", "ends")[at_ > 8], good[:3] + b"\0" + flip(bytes(14), at_ - 4)[:10] + good[14:]
    for holidays in (((10, 0),), ((10, 1), (10, 1)), ((12, 1), (10, 1))):
        yield "holidays", p.encode_calendar(Calendar(holidays=holidays))


# ---- changes of keys (section 9) -----------------------------------------------------------------

def held(keys):
    return {f"{role:X}": [{"key_version": f"{kvn:02X}", "keys": [hx(k) for k in parts]} for kvn, parts in sets] for role, sets in keys.items()}


def key_changes():
    i = Issuer("parameters")
    start = {role: [(role << 4 | 1, i.keys(role << 4 | 1))] for role in p.ROLE_KEYS}
    rotated = {role: [(role << 4 | 2, i.keys(role << 4 | 2))] + (start[role] if role in (7, 8, 10) else []) for role in start}
    make = lambda kvn, transport=0xB1, keys=None, company=i.company, environment=i.environment, **other: p.key_change(
        transport, i.keys(transport)[0], kvn, i.keys(kvn) if keys is None else keys, company, environment, **other)
    small = lambda role: [det(f"small {role} {n}", 16) for n in range(p.ROLE_KEYS[role])]
    good = make(0x72)
    wrapped = lambda size: p.aes_key_wrap(i.keys(0xB1)[0], bytes(size))
    cases = [(f"role {role:X}: {what}", start, make(role << 4 | version, keys=keys(role))) for role in p.ROLE_KEYS for what, version, keys in (
        ("the next version", 2, lambda role: None), ("eight versions ahead", 9, lambda role: None), ("the last version", 15, lambda role: None),
        ("AES-128", 3, small),
        ("the current version again, with its keys", 1, lambda role: None), ("the current version, with other keys", 1, small))]
    cases += [(f"role {role:X}: {what}", rotated, make(role << 4 | version, 0xB2)) for role in p.ROLE_KEYS for what, version in (
        ("a third version: the first one is forgotten", 3), ("the version before the current one", 1), ("the current version again", 2))]
    late = {role: [(role << 4 | 15 if role != 11 else 0xB2, i.keys(role << 4 | 15 if role != 11 else 0xB2))] for role in p.ROLE_KEYS}
    cases += [(f"role {role:X}: after the last version none before the current one, {version}", late, make(role << 4 | version, 0xB2))
              for role in (7, 8, 9, 10) for version in (1, 3, 14)]
    cases += [(f"refused: {what}", start, data) for what, data in (
        ("empty", b""), ("format 00", b"\0" + good[1:]), ("format 02", b"\2" + good[1:]), ("nothing wrapped", good[:2]), ("one byte less", good[:-1]),
        ("one byte more", good + b"\0"), ("wrapped to 16 bytes fewer than there are", good[:34]), ("form: eight bytes more", make(0x92)[:98] + bytes(8)),
        ("transport key of another role", make(0x72)[:1] + b"\xA1" + good[2:]), ("transport key of version 0", good[:1] + b"\xB0" + good[2:]),
        ("unknown transport key", make(0x72, 0xB2)), ("another transport key under this number", good[:1] + b"\xB1" + make(0x72, 0xB2)[2:]),
        *((f"altered byte {n}", flip(good, n, 1 << n % 8)) for n in (2, 9, 10, 33, len(good) - 1)),
        ("content format 02", make(0x72, content=b"\2\x72\1\x20" + be(i.company, 2) + bytes([i.environment, 0]) + i.keys(0x72)[0])),
        ("number of keys too high", make(0x72, number=2)), ("number of keys too low", make(0x82, number=1)), ("too few keys", make(0x82, keys=i.keys(0x82)[:1])),
        ("too many keys", make(0x72, keys=i.keys(0x82))), ("no keys, though the form fits", make(0x72, number=0)), ("length of a key 18", make(0x72, size=24)),
        ("length of a key 10 for 20", make(0x72, size=16)), ("length of a key 20 for 10", make(0x72, keys=small(7), size=32)),
        ("two short keys in place of a long one", make(0x72, keys=small(8))), ("another company", make(0x72, company=i.company ^ 1)),
        ("another environment", make(0x72, environment=i.environment ^ 4)), ("reserved byte", make(0x72, reserved=1)),
        ("version 0", make(0x72, new=0x70)), ("role 6", make(0x72, new=0x62)), ("role 3", make(0x92, new=0x32)), ("role C", make(0x72, new=0xC2)),
        ("all zero", b"\x01\xB1" + wrapped(40)))]
    out = []
    for what, keys, data in cases:
        outcome, after = p.change_keys({"company": i.company, "environment": i.environment, "keys": keys}, data)
        back = any(reason in what for reason in ("with other keys", "before the current one"))
        assert (outcome == "taken") == (not what.startswith("refused") and not back) or "current version again" in what, what
        out.append({"description": what, "company": hx(be(i.company, 2)), "environment": hx(be(i.environment, 1)), "keys": held(keys),
                    "plaintext": hx(data), "outcome": outcome, "after": held(after)})
    return out


# ---- mail to the issuer (section 10) ----------------------------------------------------------------

def to_issuer():
    month = ref.encode([f for f in ref.MONTH], month=69, flags=5, slab=3, energy=15050, energy_charge=14297, re_rating=2200, service_fee=0, levies=0, others=0,
                       instalments=900, doubt_cost=12, tariff=7, peak=4100)
    top = {name: (1 << 8 * size) - 1 for name, size in p.READINGS}
    readings = [
        {**{name: 0 for name in top}, "present_month": bytes(ref.MONTH_SIZE), "key_versions": p.key_versions(1, 2, 3, 4, 5)},
        {**top, "present_month": b"\xFF\xFE" + b"\xFF" * (ref.MONTH_SIZE - 2), "balance": -2**63, "clock_offset": -1,
         "key_versions": p.key_versions(15, 15, 15, 15, 15)},
        {"time": 0x0B000001, "report_number": 12, "applied_credit": 50000, "applied_debited": 300, "balance": -1234, "energy_register": 765432,
         "present_month": month, "flags": 0x9F, "reasons": 0x15, "tampering": 0x12, "loan_end": 0x0B100000, "instalments_to_take": 2**40 + 3,
         "instalments_taken": 15000, "tariff": 7, "waiting_tariff": 8, "refused_cards": 3, "last_event": 99, "highest_command": 41,
         "clock_offset": -86400 * 3, "firmware": 0x00010203, "key_versions": p.key_versions(2, 1, 1, 15, 1)}]
    audits = [[{"counter": n + 1, "time": 0x0B000000 + n, "kind": 1 + n % 7, "outcome": (1, 0x0A, 0x0C)[n % 3], "card": CARD if n % 2 else bytes(8)}
               for n in range(number)] for number in (0, 1, 3, 8, 11)]
    shown = lambda fields: {k: hx(v) if isinstance(v, bytes) else v for k, v in fields.items()}
    return ([{"fields": shown(r), "plaintext": hx(p.encode_readings(r))} for r in readings],
            [{"records": [shown(r) for r in a], "plaintext": hx(p.encode_audit(a))} for a in audits])


def content():
    assert p.encode_tariff(PUBLISHED) == bytes.fromhex(HEAD) and len(p.encode_tariff(PUBLISHED)) == 61 and len(p.encode_tariff(SIXTEEN)) <= 145 and PUBLISHED["start"] == at(2024, 7, 31, 21)
    assert too_long()
    good, bad = [], []
    for slot, fields, data in plaintexts():
        p.PARSERS[slot](data)
        good.append({"slot": f"{slot:02X}", "fields": fields, "plaintext": hx(data)})
    for slot, what, data in malformed():
        try:
            p.PARSERS[slot](data)
        except p.Wrong as wrong:
            assert str(wrong) == what, (slot, what, str(wrong), hx(data))
        else:
            raise AssertionError((slot, what, hx(data)))
        bad.append({"slot": f"{slot:02X}", "wrong": what, "plaintext": hx(data)})
    refused = [{"plaintext": hx(p.encode_command(c))} for c in REFUSED_COMMANDS]
    assert all(p.command_refused(c["kind"], c["value"], c["expiry"], c["card"]) for c in REFUSED_COMMANDS)
    assert not any(p.command_refused(c["kind"], c["value"], c["expiry"], c["card"]) for c in COMMANDS)
    readings, audits = to_issuer()
    return {"plaintexts": good, "malformed": bad, "refused_commands": refused, "key_changes": key_changes(), "readings": readings, "audits": audits}
