"""Scenarios of engine.json: consumption, tariffs, months and local time."""
from calendar_vectors import at
from engine_scenario import Scenario
from local_time import month_begin
from parameter_vectors import FLAT, PUBLISHED, tariff

# The example of docs/tariff.md, section 3; one that gives back; one with every kind of charge.
DOUBLE = tariff(2, [(100, 100000, 50), (0, 200000, 70, True)], start=at(2025, 1, 10))
GIVES_BACK = tariff(3, [(100, 90000, 100), (200, 120000, 200), (0, 80000, 300, True)], start=at(2024))
CHARGES = tariff(4, [(10, 33333, 11), (20, 66667, 22), (0, 99999, 33)], [(1, 1, 2000), (2, 2, 1234), (3, 4, 1250), (0x7F, 2, 1), (0xFF, 4, 10000)], 77,
                 start=at(2024))


def later(base, version, *start):
    """The same prices with another version and start."""
    return {**base, "version": version, "start": at(*start)}


def begun(name, *when, credit=1000000, tariff=PUBLISHED, number=1):
    """A meter with a binding, opened then, and credit for a long time."""
    s = Scenario(name, tariff).at(*when)
    s.open(number, credit)
    return s


def energy():
    s = Scenario("from the maker to the first bill")
    s.tick()
    s.expect(time=0, reasons=0x20, flags=4, supply=False)
    s.at(2025, 3, 10, 8).tick()
    s.go(minutes=5).pulse(7)
    s.expect(energy_register=7, balance=0, month=62)
    s.go(minutes=5).demand(3000)
    s.open(3, 20000)
    s.expect(reasons=0, balance=20000, other_events=2, binding=3)
    s.go(minutes=10).pulse(100)
    s.expect(balance=20000 - 68, energy_register=107)
    s.go(days=1).pulse(4000)
    s.at(2025, 3, 31, 21, 59, 59).pulse(900)
    s.expect(balance=20000 - 3400, month=62, month_flags=1, energy=5000, energy_charge=3400)
    s.go(seconds=1).pulse(1)
    s.expect(balance=20000 - 3400 - 100 - 2000 - 1, readings_version=1)
    yield s

    s = Scenario("a meter without a binding: only the register; what is the meter's stays").at(2025, 5, 31, 12)
    s.tick()
    s.go(hours=1).tamper(0x04)
    s.expect(reasons=0x22, flags=0x0C, other_events=1)
    s.go(hours=1).pulse(4294967295)
    s.go(hours=1).pulse(11)
    s.expect(energy_register=10)
    s.mail(2, b"")
    s.expect(mail_versions=[0] * 12, other_events=1)
    s.at(2025, 6, 2).tick()
    s.expect(month=65)
    s.doubts = True
    s.jump(days=40).tick()
    s.expect(doubtful=True, other_events=2, month=65)
    s.open(9, 500, issue_time=at(2025, 6, 20))
    s.expect(time=at(2025, 6, 20), other_events=3, reasons=2, tampering=4, month=65, month_flags=5)
    s.command(3, named="technician")
    s.expect(reasons=0, tampering=0)
    yield s

    s = begun("slabs, restarts and adjustments", 2025, 6, 1, 3)
    for n, amount in enumerate((0, 5000, 1, 4999, 1, 1, 9998, 1, 14999, 30000, 1, 34999, 1, 1)):
        s.go(hours=6).pulse(amount)
        if n == 4:
            s.expect(balance=1000000 - 9501)
    s.expect(month=65, month_flags=3, slab=7, energy=100002, energy_charge=223004)
    s.at(2025, 6, 30, 21).tick()
    s.expect(balance=1000000 - 223004 - 4000 - 2000)
    yield s

    s = begun("one pulse over several restarts brings no adjustment, but the month is rated again", 2025, 6, 1, 3)
    s.go(days=1).pulse(10100)
    s.expect(balance=1000000 - 9595, other_events=2, month=65, month_flags=3, slab=3, energy=10100, energy_charge=9595)
    s.go(days=1).pulse(90001)
    s.expect(other_events=3)
    yield s

    s = begun("a restart to lower prices gives back", 2025, 6, 20, 3, tariff=GIVES_BACK)
    s.pulse(20000)
    s.go(days=1).pulse(1)
    s.expect(balance=1000000 - 16001)
    yield s

    s = begun("fees: fixed, per kWh, per cent, rounded one by one", 2025, 6, 20, 3, tariff=CHARGES)
    s.pulse(1)
    s.go(days=12).pulse(999)
    for amount in (1, 1, 1, 1000, 1, 7):
        s.go(hours=1).pulse(amount)
    s.at(2025, 7, 25).tick()
    s.at(2025, 8, 2).tick()
    s.at(2025, 8, 29).pulse(1)
    s.at(2025, 9, 20).tick()
    s.at(2025, 9, 30, 21).tick()
    yield s

    s = begun("a partial month without consumption owes nothing, a whole one the fee for none", 2025, 6, 1, 3, credit=5000)
    s.at(2025, 6, 30, 22).tick()
    s.expect(balance=5000, readings_version=1)
    s.at(2025, 7, 29).tick()
    s.at(2025, 7, 31, 22).tick()
    s.expect(balance=5000 - 2900, readings_version=2)
    yield s

    s = begun("energy that does not fit a month, totals that a meter does not apply", 2025, 6, 2, 3, credit=1, tariff=FLAT)
    s.pulse(4294967295)
    s.expect(energy_register=4294967295)
    s.pulse(1)
    s.expect(energy_register=4294967295)
    s.credit(0, 2**62)
    lowest = 1 - 9577777068 - 2**62
    s.expect(balance=lowest, applied_debited=2**62, other_events=2)
    s.credit(0, 1)
    s.credit(2**62)
    s.expect(balance=lowest, applied_credit=1, other_events=3)
    s.go(days=1).credit(2**62, 1)
    s.credit(2**62 - 1)
    s.expect(balance=1 - 9577777068 - 1, applied_credit=2**62, other_events=4)
    s.at(2025, 6, 30, 22).pulse(44)
    s.pulse(0)
    yield s

    s = begun("more credit than the display has digits for", 2025, 6, 2, 3, credit=2**40)
    s.pulse(1)
    s.go(days=1).tick()
    s.expect(credit_energy=None, days=727)                  # until the end of May 2027, the 24th end of a month
    yield s


def months():
    s = begun("several months without power; a tariff that began meanwhile; each month by itself", 2025, 7, 20, 3)
    s.pulse(12000)
    s.set_debts((5, 67, 3, 1000, 700))
    s.set_tariff(later(DOUBLE, 2, 2025, 9, 10))
    s.expect(waiting=2)
    s.at(2025, 11, 15, 6).tick()
    s.expect(readings_version=4, tariff=2, waiting=0, debts_paid=2700, month=70)
    s.pulse(5000)
    s.expect(balance=1000000 - 11400 - 600 - 2000 - 2900 - 2700 - 5000)
    yield s

    s = begun("a month ends in friendly hours: the balance falls below 0, and the supply is cut in the morning", 2025, 8, 31, 19, credit=1300)
    s.pulse(100)
    s.demand(2222)
    s.at(2025, 8, 31, 20, 59, 59).tick()
    s.at(2025, 8, 31, 21).tick()
    s.expect(balance=1300 - 68 - 2100, reasons=0)
    s.at(2025, 9, 1, 6, 59, 59).pulse(3)
    s.expect(reasons=0)
    s.go(seconds=1).tick()
    s.expect(reasons=1)
    s.at(2025, 9, 1, 14).tick()
    s.expect(reasons=1)
    s.credit(870)
    s.expect(reasons=1, balance=0)
    s.credit(1)
    s.expect(reasons=0)
    yield s

    s = begun("summer ends on 30 October 2025 at 24:00", 2025, 10, 30, 12)
    for minutes in (59, 61, 59, 1, 1, 59, 1, 59, 1):
        s.go(minutes=minutes).pulse(500)
    s.at(2025, 10, 30, 20, 59, 59).pulse(10)
    s.go(seconds=1).pulse(10)
    s.at(2025, 10, 30, 21, 59, 59).pulse(10)
    s.go(seconds=1).pulse(10)
    s.at(2025, 10, 31, 20, 59, 59).pulse(10)
    s.at(2025, 10, 31, 21, 59, 59).pulse(10)
    s.expect(month=69, month_flags=1, energy=4560, energy_charge=3101)
    s.go(seconds=1).pulse(10)
    s.expect(readings_version=1)
    yield s

    s = begun("the end of summer brings back the last hour of a month, which begins once (2024)", 2024, 10, 31, 19)
    s.pulse(100)
    s.at(2024, 10, 31, 20, 59, 59).pulse(100)
    s.go(seconds=1).pulse(100)
    s.expect(month=57, month_flags=1, energy=300, energy_charge=204)
    s.at(2024, 10, 31, 21, 59, 59).pulse(100)
    s.go(seconds=1).pulse(100)
    s.expect(month=58, energy=100, energy_charge=68)
    yield s

    s = begun("summer begins on 24 April 2026 at 00:00, and friendly hours an hour earlier", 2026, 4, 22, 7, credit=68)
    s.pulse(50)
    s.set_calendar(rest_days=0)
    s.at(2026, 4, 22, 15).pulse(50)
    s.expect(balance=0, reasons=0)
    s.at(2026, 4, 23, 7, 59, 59).tick()
    s.expect(reasons=0)
    s.go(seconds=1).tick()
    s.expect(reasons=1)
    s.credit(1)
    s.at(2026, 4, 23, 15).pulse(5)
    s.at(2026, 4, 23, 21, 59, 59).tick()
    s.go(seconds=1).tick()
    s.at(2026, 4, 24, 6, 59, 59).tick()
    s.expect(reasons=0)
    s.go(seconds=1).tick()
    s.expect(reasons=1)
    s.credit(10)
    s.at(2026, 4, 24, 13, 59, 59).pulse(12)
    s.expect(reasons=1)
    s.credit(3)
    s.go(seconds=1).pulse(10)
    s.expect(reasons=0, balance=-4)
    s.at(2026, 4, 30, 20, 59, 59).tick()
    s.go(seconds=1).tick()
    yield s

    s = begun("another calendar: months end at other instants, also at once", 2025, 9, 30, 20)
    s.pulse(300)
    s.set_calendar(offset=240)
    s.expect(month=69, readings_version=1)
    s.set_calendar(offset=-300)
    s.expect(month=69)
    s.at(2025, 10, 20).pulse(20)
    s.at(2025, 10, 31, 21).pulse(20)
    s.at(2025, 11, 1, 4, 59, 59).pulse(20)
    s.expect(readings_version=1)
    s.go(seconds=1).pulse(20)
    s.expect(readings_version=2)
    s.set_calendar(offset=600, begins=(10, 1, 0, 120), ends=(4, 1, 0, 180), holidays=((2145, 3), (2146, 1)))
    assert s.meter.month_end() == month_begin(s.meter.calendar, 71) == at(2025, 11, 30, 13)
    for hour in range(9, 14):
        s.at(2025, 11, 30, hour).pulse(5)
    yield s

    s = begun("days: the profile, days without power, the greatest day", 2025, 3, 3, 20, credit=100000)
    s.pulse(500)
    # 422.50 for 350 kWh and 1.95 for each further one: 1000 EGP are 646.15 kWh.
    s.expect(credit_energy=64615 - 500, slab=1, price=68000, days=None, bracket={"energy": 4500, "crossing": 0, "price": 78000}, restart_near=False,
             power_limit=0, loan_offered=False, buzzer=0, notices=[])
    s.at(2025, 3, 3, 20, 59, 59).pulse(100)
    s.expect(days=None)                                     # 59 minutes are no rate
    s.at(2025, 3, 3, 21).tick()
    s.expect(days=4)                                        # 6 kWh in an hour: 640.15 kWh in 106.7 hours
    s.at(2025, 3, 3, 22).tick()
    assert s.meter.profile == [600]
    s.expect(days=8)                                        # 6 kWh in two hours
    s.pulse(300)
    s.go(days=1).pulse(200)
    s.go(days=3).pulse(7000)
    assert s.meter.profile == [600, 300, 200, 0, 0] and s.meter.begun == 1320
    s.go(days=1).tick()
    s.go(days=7).pulse(30000)
    assert s.meter.profile == [0] * 7 and s.meter.begun == 0
    s.go(days=6, hours=23).pulse(40000)
    s.go(hours=1).tick()
    assert s.meter.profile == [30000, 0, 0, 0, 0, 0, 40000]
    s.pulse(65534)
    s.pulse(3)
    s.credit(10**8)
    s.go(days=1).pulse(0)
    assert s.meter.profile[-1] == 65535
    s.credit(0, 10**8)
    s.go(days=8).tick()
    s.expect(days=None)
    s.credit(0, 2000000)
    s.pulse(4)
    s.go(days=1).tick()
    s.expect(days=0, credit_energy=0)
    yield s

    for used, energy in ((63700, 1300), (64900, 100)):
        s = begun("a shop before a restart, with 350 EGP", 2025, 6, 1, 0, credit=35000 + 98215 + (used - 63700) * 195 // 100)
        s.set_limits(restart_notice=2800)
        for _ in range(22):                                 # 29 kWh a day
            s.go(days=1).pulse(2900 if s.meter.total + 2900 < 60000 else 0)
        s.pulse(used - s.meter.total)
        s.expect(balance=35000, credit_energy=energy, days=1, restart_near=True, price=195000,
                 bracket={"energy": 65000 - used, "crossing": 35750, "price": 210000})
        s.go(hours=1).pulse(energy)
        s.expect(balance=35000 - energy * 195 // 100, credit_energy=0, days=1)
        s.go(hours=1).pulse(1)
        assert s.meter.balance < 0
        s.expect(credit_energy=0, days=0, restart_near=False)
        yield s

    s = begun("the first day counts as the part that it is", 2025, 6, 1, 15, 40, credit=120500 + 446, tariff=FLAT)
    s.at(2025, 6, 1, 20).pulse(200)
    s.at(2025, 6, 1, 21).tick()
    s.expect(balance=120500, days=60, credit_energy=54036)
    yield s

    s = begun("the month ends before the credit does: fees and instalments are set aside", 2025, 6, 27, 21, credit=10000)
    s.set_debts((1, 66, 2, 1500, 500))
    s.pulse(0)
    s.at(2025, 6, 28, 21).pulse(200)
    s.at(2025, 6, 29, 21).pulse(200)
    # 2 kWh a day until the end of June in a day: 6 kWh, service 1 EGP, cleaning 20, instalment 15.
    # 61.28 EGP and the 2.72 already charged are 88.46 kWh; July is paid to its end, but not its fees.
    s.expect(balance=10000 - 272, days=32, credit_energy=8446, bracket={"energy": 4600, "crossing": 0, "price": 78000})
    s.at(2025, 6, 30, 20, 59, 59).pulse(200)
    s.go(seconds=1).tick()
    s.expect(balance=10000 - 408 - 3600, month=66)
    yield s

    s = begun("the credit ends with the month: what will be used until then is not less", 2025, 6, 27, 21, credit=2200)
    s.at(2025, 6, 28, 21).pulse(200)
    s.at(2025, 6, 29, 21).pulse(200)
    s.expect(balance=2200 - 272, days=1, credit_energy=200)
    yield s

    s = begun("a rebate at the end of the month buys nothing before it, but is there after it", 2025, 6, 27, 21, credit=2000,
              tariff=tariff(1, [(0, 100000, 0)], [(8, 1, 1000, {"credit": True})], zero=0))
    s.at(2025, 6, 28, 21).pulse(200)
    s.at(2025, 6, 29, 21).pulse(200)
    # 16 EGP are 16 kWh now; in a day 14 of them are left, and 10 more: 12 days.
    s.expect(balance=1600, credit_energy=1600, days=13)
    s.at(2025, 6, 30, 21).pulse(0)
    s.expect(balance=2600, month=66)
    yield s

    s = begun("a restart is told of once, before each; not where it gives back, nor where it is jumped over", 2025, 6, 2, 3)
    s.pulse(7999)
    s.expect(other_events=2)
    s.pulse(1)
    s.expect(other_events=3, restart_near=True)
    s.pulse(1999)
    s.expect(other_events=3, restart_near=True, bracket={"energy": 1, "crossing": 2200, "price": 95000})
    s.pulse(1)
    s.expect(other_events=3, bracket={"energy": 0, "crossing": 2200, "price": 95000})
    s.pulse(1)
    s.expect(other_events=4, restart_near=False, bracket={"energy": 9999, "crossing": 0, "price": 155000})
    s.set_limits(restart_notice=0)
    s.pulse(64000 - s.meter.total)
    s.expect(other_events=4)
    s.set_limits(restart_notice=10000)
    s.expect(other_events=5)
    s.pulse(100100 - s.meter.total)
    s.expect(other_events=6, bracket=None)
    s.at(2025, 6, 25).tick()
    s.at(2025, 7, 3).pulse(9000)
    s.expect(other_events=7)
    s.set_tariff(later(GIVES_BACK, 3, 2025, 7, 4))
    s.at(2025, 7, 5).pulse(8000)
    s.pulse(2900)
    s.expect(tariff=3, slab=2, bracket={"energy": 100, "crossing": -4100, "price": 80000}, restart_near=False)
    yield s

    s = begun("another tariff of the month ends the bracket; many restarts, and the 24th end of a month", 2025, 6, 2, 3, credit=10**7)
    s.pulse(9000)
    s.set_tariff(later(tariff(2, [(200, 50000, 0), (0, 60000, 0)]), 2, 2025, 6, 3))
    s.at(2025, 6, 4).pulse(500)
    s.expect(tariff=2, bracket={"energy": 500, "crossing": 90 * 95 * 100 // 100 - 50 * 68 - 40 * 78, "price": 50000}, restart_near=True)
    s.pulse(600)
    s.expect(bracket={"energy": 9900, "crossing": 0, "price": 60000})
    yield s


def tariffs():
    s = begun("a tariff in the middle of a month (the example of tariff.md)", 2025, 1, 2)
    s.set_tariff(DOUBLE, slot=1)
    s.pulse(6000)
    s.at(2025, 1, 9, 23, 59, 59).tick()
    s.expect(tariff=1, waiting=2)
    s.go(seconds=1).pulse(4000)
    s.expect(tariff=2, waiting=0, balance=1000000 - 8180)
    s.go(hours=1).pulse(100)
    s.expect(balance=1000000 - 13900)
    s.at(2025, 2, 1).tick()
    s.expect(balance=1000000 - 13900 - 70)
    yield s

    for name, seconds, tariff_in_force, fees in (("a second before", -1, 2, 50), ("at", 0, 1, 2900), ("a second after", 1, 1, 2900)):
        s = begun(f"a tariff starts {name} the end of a month: the fees are those in force at the end", 2025, 6, 3)
        s.at(2025, 6, 30, 21).tick()
        s.set_tariff({**DOUBLE, "start": at(2025, 7, 31, 21) + seconds, "zero_consumption_fee": 50})
        s.at(2025, 7, 15).tick()
        s.at(2025, 7, 31, 21).jump(seconds=-2).tick()
        s.expect(tariff=1)
        s.go(seconds=1).tick()
        s.expect(tariff=tariff_in_force)
        s.go(seconds=1).tick()
        s.expect(balance=1000000 - fees)
        s.go(seconds=1).tick()
        s.expect(tariff=2)
        s.pulse(100)
        yield s

    s = begun("four tariffs in a month; a fifth waits for its end; one without consumption does not count", 2025, 5, 2)
    s.pulse(3000)
    for n in range(2, 8):
        s.set_tariff(later(tariff(n, [(50, 60000 + 1000 * n, n), (100, 70000 + 777 * n, 2 * n), (0, 90000 + 333 * n, 3 * n, True)], zero=n), n, 2025, 5, n))
        s.at(2025, 5, n, 12).pulse(0 if n == 3 else 2500)
        s.go(hours=1).tick()
    s.expect(tariff=5, waiting=7)
    s.go(days=1).pulse(500)
    s.go(days=1).pulse(9000)
    s.at(2025, 5, 31, 21).pulse(100)
    s.expect(tariff=7, waiting=0)
    yield s

    s = begun("mail with tariffs: versions, one that waits is replaced, a start that is past", 2025, 5, 2)
    s.set_tariff(PUBLISHED)
    s.expect(mail_versions=[1] + [0] * 11, other_events=3)
    s.set_tariff(later(DOUBLE, 9, 2025, 6, 10), slot=1)
    s.set_tariff(later(FLAT, 5, 2025, 6, 20))
    s.set_tariff(later(FLAT, 9, 2025, 6, 20))
    s.expect(waiting=9)
    n = s.other_events()
    s.set_tariff(later(DOUBLE, 10, 2025, 6, 15))
    s.expect(waiting=10, tariff=1, other_events=n + 1)
    s.set_tariff(later(GIVES_BACK, 11, 2020, 2, 1))
    s.expect(waiting=0, tariff=11)
    s.set_tariff(later(GIVES_BACK, 11, 2020, 2, 1))
    s.set_tariff(later(DOUBLE, 3, 2025, 5, 1), slot=1)
    s.set_tariff(later(DOUBLE, 2**32 - 1, 2025, 5, 1), slot=1)
    s.pulse(10001)
    s.set_tariff(later(FLAT, 2**32 - 1, 2025, 5, 1), version=2**32 - 1)
    s.set_tariff(later(FLAT, 2**32 - 1, 2025, 5, 1), version=2**32 - 1)
    yield s

    s = begun("a restart reached after a change rates earlier energy again, at its own tariff's prices", 2025, 1, 2)
    s.pulse(9000)
    s.set_tariff(later(tariff(2, [(95, 50000, 0), (200, 60000, 0), (300, 70000, 9, True), (0, 10000, 0, True)]), 2, 2025, 1, 1))
    for amount in (400, 100, 400, 100, 101, 10000, 9899, 1, 5000):
        s.go(hours=5).pulse(amount)
    s.set_tariff(later(FLAT, 3, 2025, 1, 20))
    s.at(2025, 1, 20).pulse(30101)
    s.go(days=1).pulse(35000)
    s.go(days=1).pulse(5000)
    s.at(2025, 2, 1).tick()
    yield s

    s = begun("a month without re-rated energy under the new tariff", 2025, 1, 2)
    s.pulse(15000)
    s.set_tariff(later(tariff(2, [(500, 50000, 7), (0, 60000, 8, True)]), 2, 2025, 1, 1))
    s.go(days=1).pulse(1000)
    s.at(2025, 2, 1).pulse(15000)
    s.set_tariff(later(tariff(3, [(100, 50000, 7), (0, 60000, 8, True)]), 3, 2025, 1, 1))
    s.expect(tariff=3, month=61, slab=2, energy=15000, energy_charge=7500)
    s.at(2025, 3, 1).tick()
    s.expect(readings_version=2)
    yield s


SCENARIOS = energy, months, tariffs
