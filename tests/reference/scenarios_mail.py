"""Scenarios of engine.json: mail, commands."""
import parameters as p
from calendar_vectors import at
from engine_scenario import CARDS
from scenarios_energy import DOUBLE, begun, later

def mail():
    s = begun("mail refused: for whom, version, key, tag, form; events once; what raises the version", 2025, 3, 3, 9)
    good = p.encode_notices([])
    s.mail(9, good, version=5)
    s.mail(9, good, version=5)
    s.mail(9, good, version=4)
    s.mail(9, good, version=5, fault="tag")
    for fault in ("meter", "binding", "key", "key", "tag", "tag", "key"):
        s.mail(9, b"", version=6, fault=fault, card="customer")
        s.mail(9, b"", version=6, fault=fault)
    s.expect(mail_versions=[0] * 9 + [5, 0, 0], other_events=4)
    s.mail(9, b"\x01\x01", version=6)
    s.mail(9, b"\x01\x01", version=6)
    s.mail(9, b"\x01\x01", version=7)
    s.expect(mail_versions=[0] * 9 + [7, 0, 0], other_events=5)
    s.mail(9, good, version=8, fault="tag", card="customer")
    s.tamper(1)
    s.mail(9, good, version=8, fault="tag", card="customer")
    s.mail(9, good, version=9, fault="tag")
    s.mail(9, good, version=8)
    s.mail(0x0B, b"", version=1)
    s.mail(0x0B, good, version=2**32 - 1)
    s.mail(0x0B, good, version=2**32 - 1)
    for slot in range(9):
        s.mail(slot, b"\x02")
    s.expect(mail_versions=[1] * 9 + [8, 0, 2**32 - 1])
    s.mail(5, p.encode_command({"counter": 0, "expiry": 0, "card": bytes(8), "kind": 1, "value": 0}))
    s.expect(reasons=2, audit_version=0)
    yield s

    s = begun("each slot has versions of its own; notices until their end", 2025, 3, 3, 9)
    s.set_notices((5, 0, 1), (6, s.reading + 100, 2), (6, s.reading + 200, 3), (7, 1, 4))
    assert [n["value"] for n in s.meter.display()["notices"]] == [1, 2, 3]
    s.set_limits(first_threshold=2000000, second_threshold=1000001)
    s.expect(flags=3, mail_versions=[0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    s.go(seconds=99).tick()
    s.go(seconds=1).tick()
    assert [n["value"] for n in s.meter.display()["notices"]] == [1, 3]
    s.set_notices((9, 2**32 - 1, 2**32 - 1))
    s.set_calendar(rest_days=0)
    s.set_debts()
    s.set_tariff(later(DOUBLE, 6, 2026), slot=1)
    s.set_tariff(later(DOUBLE, 7, 2026), slot=0, version=77)
    s.expect(mail_versions=[77, 1, 1, 1, 1, 0, 0, 0, 0, 2, 0, 0], waiting=7)
    s.set_notices()
    yield s


def commands():
    s = begun("commands: cut and restore, read out, lowest generation; once each, in any order within 32", 2025, 3, 3, 9)
    s.command(1)
    s.expect(reasons=0x10, highest_command=1)
    s.command(1, counter=1)
    s.command(2, counter=10, slot=8)
    s.expect(reasons=0)
    s.command(1, counter=9, slot=8)
    s.expect(reasons=0, highest_command=10, audit_version=3)
    s.command(1, counter=9, slot=8)
    s.command(2, counter=3)
    s.expect(reasons=0)
    s.command(5, counter=42)
    s.expect(readings_version=1, highest_command=42)
    s.command(1, counter=10)
    s.command(1, counter=11, by="stranger")
    s.expect(reasons=0x10)
    s.command(2, counter=9)
    s.command(2, counter=8)
    s.expect(reasons=0x10)
    s.command(5, counter=43)
    s.command(2, counter=11)
    s.command(2, counter=12)
    s.expect(reasons=0)
    s.command(7, 4, counter=44)
    s.command(7, 3, counter=45)
    s.expect(lowest_generation=4, audit_version=10, readings_version=2)
    s.command(5, counter=76)
    s.command(1, counter=44)
    s.expect(reasons=0, audit_version=11)
    s.credit(10, generation=5)
    s.command(7, 65535, counter=2**32 - 1)
    s.expect(lowest_generation=65535, highest_command=2**32 - 1)
    s.command(1, counter=46)
    s.command(1, counter=2**32 - 33)
    s.command(2, counter=2**32 - 34)
    s.expect(reasons=0x10)
    yield s

    s = begun("commands that name a card; expiry", 2025, 3, 3, 9)
    s.command(1, counter=1, named="technician", by="customer", slot=5)
    s.command(1, counter=1, named="technician", by="customer", slot=5)
    s.expect(mail_versions=[0] * 12, other_events=3, audit_version=0)
    s.mail(5, p.encode_command({"counter": 1, "expiry": 0, "card": CARDS["technician"], "kind": 1, "value": 0}))
    s.expect(mail_versions=[0] * 12, other_events=3)
    s.command(1, counter=1, named="technician", slot=5)
    s.expect(reasons=0x10, audit_version=1)
    s.command(2, counter=2, expiry=s.reading)
    s.expect(reasons=0x10, audit_version=2, highest_command=2)
    s.command(2, counter=2)
    s.command(2, counter=3, expiry=s.reading + 1, by="stranger")
    s.expect(reasons=0, audit_version=3)
    s.command(1, counter=4, expiry=1, named="technician", by="customer", slot=5)
    s.expect(highest_command=3)
    s.go(days=20)
    s.command(1, counter=4, expiry=s.reading - 5, by="customer")
    s.command(5, 1, counter=5, expiry=1)
    s.expect(readings_version=0, audit_version=5)
    s.command(5, counter=5)
    s.expect(readings_version=0)
    yield s

    s = begun("commands that cannot be executed", 2025, 3, 3, 9)
    for kind, value, named in ((0, 0, None), (8, 0, "technician"), (255, 0, None), (1, 1, None), (2, 1, None), (3, 0, None), (3, 1, "technician"),
                               (4, s.reading + 5, None), (4, 0, "technician"), (5, 2**31, None), (6, 1, None), (7, 0, None), (7, 65536, None)):
        s.command(kind, value, named=named)
    s.command(4, s.reading + 500, named="technician", expiry=s.reading + 500)
    s.expect(audit_version=14, highest_command=14, reasons=0, time=s.reading, other_events=16)
    s.command(8, 0, named="technician", by="stranger")
    s.command(4, s.reading + 500, named="technician", expiry=s.reading + 501)
    s.expect(time=s.reading + 500, offset=500)
    s.command(5)
    s.expect(audit_version=16, readings_version=1)
    yield s


SCENARIOS = mail, commands
