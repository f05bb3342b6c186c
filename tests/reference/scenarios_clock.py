"""Scenarios of engine.json: the clock (docs/meter.md, section 2)."""
from calendar_vectors import at
from engine_scenario import Scenario
from parameter_vectors import PUBLISHED, tariff
from scenarios_energy import begun, later

DAY = 86400


def doubtful(*arguments, **more):
    s = begun(*arguments, **more)
    s.doubts = True
    return s


def outages():
    s = begun("45 days without power, and the clock never stopped", 2025, 8, 20, 18, credit=100000)
    s.pulse(1000)
    s.outage(days=45, hours=-1).tick()
    s.expect(time=at(2025, 10, 4, 17), offset=0, doubt=0, month=69, month_flags=0, readings_version=2)
    s.pulse(1000)
    s.expect(energy=1000, energy_charge=680)
    s.credit(0, s.meter.balance)
    s.at(2025, 10, 4, 21, 59).tick()
    s.expect(balance=0, reasons=0)
    s.at(2025, 10, 5, 7, 0, 0).tick()
    s.expect(reasons=1)
    s.outage(days=4000).tick()
    s.expect(time=s.reading, doubt=0)
    yield s

    s = doubtful("an outage with a clock that stopped; what the certificate after it says is believed", 2025, 8, 20, 9)
    t = s.reading
    s.outage(never_stopped=False).jump(seconds=3).tick()
    s.expect(time=t, offset=-3, doubt=2, flags=0x10, month_flags=5, other_events=3)
    s.go(hours=1).pulse(10)
    s.expect(time=t + 3603, offset=0)
    s.credit(5, issue_time=at(2025, 10, 4))
    s.expect(time=at(2025, 10, 4), floor=at(2025, 10, 4), offset=at(2025, 10, 4) - s.reading, doubt=2, month=69, month_flags=4, readings_version=2)
    s.go(days=20).tick()
    s.credit(5, issue_time=at(2025, 12, 24))
    s.expect(time=at(2025, 12, 24), doubt=2)
    s.go(days=1).command(4, at(2025, 12, 26), named="technician", expiry=at(2025, 12, 27))
    s.expect(time=at(2025, 12, 26), doubt=0)
    s.credit(5, issue_time=at(2026, 2, 1))
    s.expect(time=at(2025, 12, 26), doubt=4)
    yield s

    s = doubtful("outages: no clock after it, one that went back, one with an offset, one that had lost its time before", 2025, 8, 20, 9)
    t = s.reading
    s.outage(days=1)
    s.reading = 0
    s.tick()
    s.expect(time=t, offset=0, doubt=3, other_events=4)
    s.runs(hours=2).tick()
    s.expect(time=t + 7200)
    s.reading = t + 7200
    s.runs(seconds=10).jump(seconds=10).tick()
    s.expect(time=t + 7210, doubt=2)
    s.command(4, s.reading, named="technician", expiry=s.reading + 1)
    s.expect(doubt=0)
    s.outage(days=1).jump(days=-1, seconds=-61).tick()
    s.expect(time=t + 7210, offset=61, doubt=2)
    s.outage(days=3).tick()
    s.expect(time=t + 7210 + 3 * DAY, offset=61, doubt=2)
    s.outage(days=3).jump(days=-3, seconds=-60).tick()
    s.expect(time=t + 7210 + 3 * DAY, offset=61, doubt=2)
    s.go(minutes=5).tick()
    s.expect(time=t + 7210 + 3 * DAY + 240, offset=61)
    yield s

    s = doubtful("an outage of a clock that had jumped before it", 2025, 8, 20, 9)
    t = s.reading
    s.jump(days=20).tick()
    s.expect(time=t, doubt=1)
    s.outage(hours=1).tick()
    s.expect(time=t, offset=-20 * DAY - 3600, doubt=3)
    yield s


def costs():
    """What a doubt has cost: the month's charge less those of what was before the break and after it."""
    cost = lambda s: (s.meter.months[-1] if s.meter.month_record()["energy"] == 0 else s.meter.month_record())["doubt_cost"]
    s = doubtful("time that stood in an outage: September's energy crosses August's restarts", 2025, 8, 20, 9, credit=500000)
    s.pulse(9000)
    s.outage(never_stopped=False).tick()
    assert cost(s) == 0
    s.pulse(9000)
    # 180 kWh at 95 instead of 50 x 68 + 40 x 78, twice.
    assert cost(s) == 17100 - 2 * 6520
    s.credit(5, issue_time=at(2025, 9, 19, 12))
    s.expect(month=68, energy=0, month_flags=4)
    assert cost(s) == 4060 and s.meter.months[-1]["flags"] & 4
    s.pulse(9000)
    assert cost(s) == 0, "the doubt was there before this month's first energy"
    s.command(4, s.reading + s.meter.offset + 7200, named="technician", expiry=s.reading + s.meter.offset + 9000)
    s.pulse(9000)
    assert cost(s) == 4060, "the command moved time by more than an hour"
    yield s

    s = doubtful("a clock that was set back by a command: what was before it may be another month's", 2025, 8, 20, 9, credit=10**9)
    s.pulse(60000)
    t = s.meter.time
    s.command(8, t - 3601, named="technician", expiry=t - 3500)
    s.pulse(10000)
    # 700 kWh at 210, and not 600 and 100 by themselves.
    assert cost(s) == 147000 - (200 * 95 + 150 * 155 + 250 * 195) - 7300
    s.jump(days=20).runs(minutes=1).pulse(100)
    # A new doubt is the last break: 701 kWh, and not 700 and 1.
    assert cost(s) == 210 - 68
    s.pulse(2**32 - 1 - 70100)
    assert cost(s) == 700 * (223 - 210)
    yield s

    s = doubtful("over a change of tariff, each part has its own prices and begins at the first slab", 2025, 8, 20, 9, credit=500000)
    s.pulse(5000)
    s.set_tariff(later(PUBLISHED, 2, 2025, 8, 21))
    s.jump(days=20).runs(minutes=1).pulse(3000)
    s.runs(days=1).pulse(3000)
    assert s.meter.tariff["version"] == 2 and cost(s) == 110 * 95 - 50 * 68 - (50 * 68 + 10 * 78)
    yield s

    cheap = tariff(2, [(10, 100000, 0), (0, 50000, 0, True)], start=at(2025))
    s = doubtful("a month that became cheaper has no cost", 2025, 8, 20, 9, tariff=cheap)
    s.pulse(1000)
    s.jump(days=20).runs(minutes=1).pulse(1000)
    assert cost(s) == 0 and s.meter.energy_charge() == 20 * 50
    yield s
    dear = tariff(2, [(10, 1, 0), (0, 2**32 - 1, 0, True)], start=at(2025))
    s = doubtful("the highest cost of doubt saturates", 2025, 8, 20, 9, tariff=dear, credit=10**12)
    s.pulse(1000)
    s.jump(days=20).runs(minutes=1).pulse(1000)
    assert s.meter.energy_charge() == 85899346 and cost(s) == 2**24 - 1
    yield s


def running():
    s = doubtful("a false reading 20 days ahead while running: no month ends by it", 2025, 8, 20, 9)
    t = s.reading
    s.jump(days=20).runs(minutes=1).tick()
    s.expect(time=t + 60, offset=60 - 20 * DAY, doubt=1, flags=0x10, month_flags=5, other_events=3)
    s.go(minutes=1).pulse(10)
    s.expect(time=t + 120, offset=60 - 20 * DAY, doubt=1, month=67)
    s.jump(days=-20, minutes=1).runs(minutes=1).tick()
    s.expect(time=t + 120, offset=0, doubt=0)
    s.jump(minutes=1).go(minutes=1).tick()
    s.expect(doubt=0, time=s.reading)
    s.at(2025, 9, 1).tick()
    s.expect(month=68, month_flags=0, other_events=3)
    yield s

    s = doubtful("the greatest step, at it and beyond; a minute back, and more", 2025, 8, 20, 9)
    t = s.reading
    s.jump(seconds=600).tick()
    s.expect(time=t + 600, doubt=0)
    s.jump(seconds=1).tick()
    s.expect(time=t + 600, doubt=1, offset=-1)
    s.jump(seconds=-1).tick()
    s.expect(time=t + 600, doubt=0, offset=0)
    s.jump(seconds=-660).tick()
    s.expect(time=t + 600, doubt=0)
    s.jump(seconds=-1).tick()
    s.expect(time=t + 600, doubt=1, offset=661)
    s.set_limits(greatest_step=3600)
    s.jump(seconds=61 + 3600).tick()
    s.expect(time=t + 3600, doubt=0, offset=0)
    s.set_limits(greatest_step=60)
    s.jump(seconds=1).tick()
    s.expect(doubt=1, time=t + 3600)
    s.jump(seconds=-3601).runs(days=200).tick()
    s.expect(doubt=1, time=t + 200 * DAY)
    yield s

    s = doubtful("a clock that stands, one that is fast, one that is slow, and what clocks may differ", 2025, 8, 20, 9)
    t = s.reading
    for n in range(1, 5):
        s.runs(seconds=20).tick()
        s.expect(time=t + (80 if n == 4 else 0), doubt=n == 4)
    s.jump(seconds=80).tick()
    s.expect(doubt=0, offset=0)
    for _ in range(30):
        s.go(minutes=10).jump(seconds=21).pulse(1)
    s.expect(doubt=1)
    s.jump(seconds=s.meter.time - s.reading).tick()
    s.expect(doubt=0)
    for _ in range(30):
        s.go(minutes=10).jump(seconds=-3).pulse(1)
    s.expect(doubt=1)
    s.jump(seconds=s.meter.time - s.reading).tick()
    for n in range(60):
        s.go(days=1).jump(seconds=80 if n < 30 else -50).pulse(1)
        s.expect(doubt=0, time=s.reading)
    yield s

    s = doubtful("no clock for three months: each is one, with its own price", 2025, 6, 30, 21)
    s.every = 31
    t = s.reading
    s.reading = 0
    for _ in range(92):
        s.runs(hours=12).pulse(847)
        s.runs(hours=12).tick()
    s.expect(time=t + 92 * DAY, doubt=1, month=69, readings_version=3, month_flags=4, energy=0)
    assert [m["energy"] for m in s.meter.months[-2:]] == [31 * 847, 30 * 847]
    s.card()
    s.jump(seconds=t + 92 * DAY).tick()
    s.expect(doubt=0)
    yield s

    s = Scenario("never a clock: the first certificate is the time, and uptime goes on from there")
    s.doubts = True
    s.tick()
    s.expect(time=0, doubt=0)
    s.open(1, 700, issue_time=at(2025, 6, 29))
    s.expect(time=at(2025, 6, 29), offset=0, doubt=0, month=65)
    s.runs(hours=8, days=2).pulse(2000)
    s.expect(time=at(2025, 7, 1, 8), doubt=1, reasons=1)
    s.card()
    s.card()
    s.expect(reasons=0, loan_end=at(2025, 7, 3, 8))
    s.runs(hours=48).tick()
    s.expect(reasons=1)
    s.outage(days=1)
    s.reading = 0
    s.credit(100000, issue_time=at(2025, 9, 2))
    s.expect(time=at(2025, 9, 2), doubt=3, month=68, reasons=0)
    s.command(4, at(2025, 9, 3), named="technician", expiry=at(2025, 9, 9))
    s.expect(time=at(2025, 9, 3), offset=0, doubt=1)
    yield s


def certificates():
    s = doubtful("an issuer's server in 2036: credit is applied, time stays; the next certificate that agrees ends the doubt", 2025, 8, 20, 9)
    t = s.reading
    s.credit(500, issue_time=at(2036, 8, 20))
    s.expect(balance=1000500, time=t, floor=t - 20 * DAY, doubt=4, month=67, other_events=4)
    s.credit(500, issue_time=at(2036, 8, 20))
    s.expect(balance=1001000, time=t, other_events=5)
    s.credit(1, issue_time=t - DAY - 1)
    s.expect(doubt=4, floor=t - DAY - 1)
    s.credit(1, issue_time=t - DAY)
    s.expect(doubt=0, floor=t - DAY)
    s.credit(1, issue_time=t + 2 * DAY + 1)
    s.expect(doubt=4, time=t)
    s.credit(1, issue_time=t + 3600)
    s.expect(doubt=0, time=t + 3600)
    s.credit(1, issue_time=at(2036, 8, 20))
    s.expect(doubt=4, time=t + 3600, month_flags=5)
    s.open(2, 100, issue_time=t)
    s.expect(doubt=0, time=t + 3600, month_flags=1)
    s.open(3, 100, issue_time=t - 40 * DAY)
    s.expect(doubt=4, month_flags=5)
    yield s

    s = doubtful("an issuer's server in 2036 after a clock that stopped: the way back, with debts and a loan", 2025, 8, 20, 9, credit=20)
    s.set_debts((5, 0, 12, 1000, 1000))
    s.outage(never_stopped=False).tick()
    s.expect(doubt=2)
    s.credit(500, issue_time=at(2036, 8, 20))
    s.expect(time=at(2036, 8, 20), month=199, readings_version=132)
    s.card()
    s.command(4, at(2025, 8, 20, 10), named="technician", expiry=at(2025, 8, 21))
    s.expect(time=at(2036, 8, 20), floor=at(2036, 8, 20), doubt=0)
    s.command(8, at(2025, 8, 20, 10), named=None, expiry=at(2025, 8, 21))
    s.go(hours=1).command(8, at(2025, 8, 20, 9), named="technician", expiry=at(2025, 8, 21))
    s.expect(time=at(2025, 8, 20, 10), floor=at(2025, 8, 20, 10), offset=0, doubt=0, month=68, readings_version=132, month_flags=4)
    s.go(hours=1).pulse(100)
    s.at(2025, 8, 31, 22).tick()
    s.expect(month=68, readings_version=132, energy=100)
    s.at(2025, 9, 30, 21).tick()
    s.expect(month=69, readings_version=133)
    s.credit(10, issue_time=s.reading)
    yield s

    s = doubtful("a slow clock is seen by a certificate, and a fast one: where a card is a month late, and a network a day", 2025, 8, 20, 9)
    t = s.reading
    s.credit(1, issue_time=t + 3600)
    s.expect(time=t + 3600, offset=3600, doubt=0, other_events=2)
    s.credit(1, issue_time=t + 7201)
    s.expect(time=t + 7201, offset=7201, doubt=4, other_events=4)
    s.credit(1, issue_time=t + 7201 - DAY - 1)
    s.expect(doubt=4)
    s.credit(1, issue_time=t + 7201)
    s.expect(doubt=0, offset=7201)
    s.jump(seconds=7201).tick()
    s.expect(doubt=0, offset=0, time=s.reading)
    t = s.reading
    s.credit(1, issue_time=t - 31 * DAY)
    s.expect(doubt=0)
    s.credit(1, issue_time=t - 31 * DAY - 1)
    s.expect(doubt=4)
    s.credit(1, issue_time=t - DAY, network=True)
    s.expect(doubt=0)
    s.credit(1, issue_time=t - DAY - 1, network=True)
    s.expect(doubt=4, time=t)
    s.go(days=3).command(4, t + 3601, named="technician", expiry=t + 7200)
    s.expect(doubt=0, time=t + 3601, offset=3601 - 3 * DAY)
    yield s


def commands():
    s = doubtful("a command sets time back, not below the floor; a closed month stays closed", 2025, 6, 20, 9, tariff=later(PUBLISHED, 1, 2025, 1, 1))
    s.credit(5, issue_time=at(2025, 6, 22))
    s.expect(time=at(2025, 6, 22), doubt=4)
    s.go(days=3).pulse(3000)
    s.at(2025, 7, 2).pulse(500)
    s.expect(month=66, time=at(2025, 7, 3, 15))
    s.command(4, at(2025, 6, 26), named="technician", expiry=at(2025, 6, 27))
    s.expect(time=at(2025, 6, 26), offset=-6 * DAY, month=66, readings_version=1, month_flags=4, doubt=0)
    s.pulse(700)
    s.go(days=4).pulse(700)
    s.expect(month=66, readings_version=1, energy=1900, time=at(2025, 6, 30))
    s.command(4, 1, named="technician", expiry=2)
    s.expect(time=at(2025, 6, 22), month=66)
    s.go(days=36).tick()
    s.expect(doubt=0)
    s.command(4, at(2025, 8, 10), named="technician", expiry=at(2025, 8, 20))
    s.expect(doubt=0, time=s.reading, month=67, offset=0)
    s.jump(seconds=-61).tick()
    s.expect(doubt=1)
    s.command(4, at(2025, 8, 10), named="technician", expiry=s.reading + 1)
    s.expect(time=s.reading, doubt=0)
    yield s

    s = doubtful("a clock that lied about having stopped: the years that it closed stay closed, and no month is ten years long", 2025, 8, 20, 9)
    s.pulse(50)
    s.outage(days=400).tick()
    s.expect(month=80, doubt=0, readings_version=13)
    s.jump(days=-400)
    s.command(4, s.reading, named="technician", expiry=s.reading + 1)
    s.expect(time=at(2025, 8, 20, 9), month=68, days=None, readings_version=13)
    s.at(2025, 8, 31, 22).pulse(60)
    s.at(2025, 9, 30, 20, 59, 59).pulse(70)
    s.expect(month=68, energy=130)
    s.go(seconds=1).tick()
    s.expect(month=69, readings_version=14)
    yield s


SCENARIOS = outages, costs, running, certificates, commands
