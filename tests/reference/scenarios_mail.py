"""Scenarios of engine.json: clock, mail, commands."""
import parameters as p
from calendar_vectors import at
from engine_scenario import CARDS, Scenario
from parameter_vectors import PUBLISHED
from scenarios_energy import DOUBLE, begun, later

DAY = 86400


def doubtful(*arguments, **more):
    s = begun(*arguments, **more)
    s.doubts = True
    return s


def clock():
    s = doubtful("a step forward within the limit, at it and beyond; a certificate; the doubt ends", 2025, 3, 3, 9)
    s.go(days=30).tick()
    s.expect(time=s.reading, doubtful=False)
    t = s.reading
    s.go(days=30, seconds=1).pulse(10)
    s.expect(time=t, offset=-30 * DAY - 1, doubtful=True, flags=0x10, month_flags=4)
    s.go(seconds=7).tick()
    s.expect(time=t + 7, offset=-30 * DAY - 1, doubtful=True, last_event=3)
    s.credit(5, issue_time=t + 10 * DAY)
    s.expect(time=t + 10 * DAY, offset=-20 * DAY - 8, doubtful=True)
    s.tick()
    s.expect(time=s.reading, offset=0, doubtful=False, month=64, readings_version=2)
    s.credit(5, issue_time=s.reading + 1)
    s.expect(time=s.reading + 1, offset=1, doubtful=False)
    s.go(seconds=5).credit(0, issue_time=s.reading)
    s.expect(time=s.reading + 1, offset=1)
    s.certificate(1, 0, 0, issue_time=2**32 - 1)
    s.expect(time=s.reading + 1)
    yield s

    s = doubtful("a step forward beyond the limit, until the clock is put right", 2025, 3, 3, 9)
    t = s.reading
    s.go(days=4000).tick()
    s.go(minutes=1).pulse(10)
    s.expect(time=t + 60)
    s.reading = t + 120
    s.tick()
    s.expect(time=t + 60, offset=-60, doubtful=True, last_event=3)
    s.go(seconds=1).tick()
    s.expect(time=t + 121, offset=0, doubtful=False)
    s.set_limits(greatest_step=3600)
    s.go(hours=1).tick()
    s.expect(doubtful=False)
    s.go(hours=1, seconds=1).tick()
    s.expect(doubtful=True)
    s.go(hours=1).tick()
    s.expect(doubtful=True, offset=-3601)
    s.set_limits(greatest_step=3601)
    s.tick()
    s.expect(doubtful=False, time=s.reading)
    yield s

    s = doubtful("a step forward beyond the limit, and the command that allows it; months are closed, doubtful", 2025, 3, 3, 9)
    t = s.reading
    s.go(days=45).pulse(10)
    s.command(4, s.reading, named="technician", expiry=s.reading)
    s.expect(doubtful=True, audit_version=1, time=t)
    s.command(4, s.reading - 100, named="technician", expiry=s.reading + 1)
    s.expect(doubtful=False, time=s.reading, offset=0, month=63, readings_version=1)
    s.go(days=13).tick()
    s.expect(month_flags=0)
    s.go(days=2).tick()
    yield s

    s = doubtful("a clock that goes backwards: by a minute, by more, by years; and comes back", 2025, 5, 20, 9)
    t = s.reading
    s.go(seconds=-60).tick()
    s.expect(time=t, offset=0, doubtful=False)
    s.go(seconds=-1).pulse(9)
    s.expect(time=t, offset=61, doubtful=True, last_event=3)
    s.go(seconds=5).tick()
    s.expect(time=t + 5, offset=61)
    s.reading = t + 5
    s.pulse(9)
    s.expect(time=t + 5, offset=0, doubtful=False)
    s.reading = at(2020, 1, 1, 0, 0, 10)
    s.tick()
    s.expect(time=t + 5, offset=t - 5)
    s.go(days=20).tick()
    s.expect(time=t + 5 + 20 * DAY, month=65)
    s.go(days=-20).tick()
    s.expect(time=t + 5 + 20 * DAY, last_event=3)
    s.at(2025, 6, 20).tick()
    s.expect(doubtful=True, time=t + 5 + 20 * DAY, last_event=3)
    s.go(seconds=3).tick()
    s.expect(doubtful=False, time=s.reading, offset=0)
    yield s

    s = Scenario("firmware without a clock: the reading is 0; certificates carry the time on")
    s.doubts = True
    s.tick()
    s.open(1, 50000, issue_time=at(2025, 6, 29))
    s.expect(time=at(2025, 6, 29), offset=at(2025, 6, 29), doubtful=False, month=65)
    for n in range(3):
        s.pulse(1000)
    s.expect(time=at(2025, 6, 29))
    s.credit(1000, issue_time=at(2025, 7, 2))
    s.expect(month=66, readings_version=1)
    s.go(seconds=70).tick()
    s.expect(time=at(2025, 7, 2), offset=at(2025, 7, 2) - 70)
    s.reading = 0
    s.tick()
    s.expect(time=at(2025, 7, 2), doubtful=True)
    s.command(4, at(2025, 7, 3), named="technician", expiry=at(2025, 7, 9))
    s.expect(time=at(2025, 7, 3), offset=at(2025, 7, 2) - 70, doubtful=True)
    s.reading = at(2025, 7, 3, 1)
    s.tick()
    s.expect(time=at(2025, 7, 3), doubtful=True)
    s.tick()
    s.expect(time=s.reading, offset=0, doubtful=False)
    yield s

    s = doubtful("the clock command sets time back, not below the floor; a closed month stays closed", 2025, 6, 20, 9, tariff=later(PUBLISHED, 1, 2025, 1, 1))
    s.credit(5, issue_time=at(2025, 6, 25))
    s.go(days=3).pulse(3000)
    s.expect(time=at(2025, 6, 28))
    s.at(2025, 7, 5).pulse(500)
    s.expect(month=66, time=at(2025, 7, 9, 15))
    s.command(4, at(2025, 6, 26), named="technician", expiry=at(2025, 6, 27))
    s.expect(time=at(2025, 6, 26), offset=-9 * DAY, month=66, readings_version=1)
    s.pulse(700)
    s.go(days=5).pulse(700)
    s.expect(month=66, readings_version=1, energy=1900)
    s.command(4, 1, named="technician", expiry=2)
    s.expect(time=at(2025, 6, 25), month=66)
    s.go(days=36).tick()
    s.expect(doubtful=True)
    s.command(4, at(2025, 8, 14), named="technician", expiry=at(2025, 8, 20))
    s.expect(doubtful=False, time=s.reading, month=67, offset=0)
    s.go(seconds=-61).tick()
    s.expect(doubtful=True)
    s.command(4, at(2025, 8, 14), named="technician", expiry=at(2025, 8, 20))
    s.expect(time=at(2025, 8, 14, 23, 58, 59), doubtful=False)
    yield s


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
    s.expect(mail_versions=[0] * 9 + [5, 0, 0], last_event=4)
    s.mail(9, b"\x01\x01", version=6)
    s.mail(9, b"\x01\x01", version=6)
    s.mail(9, b"\x01\x01", version=7)
    s.expect(mail_versions=[0] * 9 + [7, 0, 0], last_event=5)
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
    s.expect(mail_versions=[0] * 12, last_event=3, audit_version=0)
    s.mail(5, p.encode_command({"counter": 1, "expiry": 0, "card": CARDS["technician"], "kind": 1, "value": 0}))
    s.expect(mail_versions=[0] * 12, last_event=3)
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
    s.expect(audit_version=14, highest_command=14, reasons=0, time=s.reading, last_event=16)
    s.command(8, 0, named="technician", by="stranger")
    s.command(4, s.reading + 500, named="technician", expiry=s.reading + 501)
    s.expect(time=s.reading + 500, offset=500)
    s.command(5)
    s.expect(audit_version=16, readings_version=1)
    yield s


SCENARIOS = clock, mail, commands
