"""Scenarios of engine.json: each rise and fall of the balance has its event, and so have loans and power cuts."""
from calendar_vectors import at
from parameter_vectors import PUBLISHED
from scenarios_energy import CHARGES, begun, later

MONEY = lambda amount, kind=0: (amount % 2**40).to_bytes(5, "big").hex() + f"{kind:02x}"


def told(s, *expected):
    """The last events, as (code, data)."""
    found = [(event["code"], event["data"].hex()) for event in s.meter.events[-len(expected):]]
    assert found == list(expected), (s.name, len(s.steps), found)


def recorded(month, **expected):
    assert month | expected == month, month


def movements():
    s = begun("credit, a correction, fees by kind and instalments, each with its amount", 2025, 6, 20, 3, credit=50000, tariff=CHARGES)
    told(s, (0x0101, "000000010000"), (0x0304, MONEY(50000)), (0x0202, "00" * 6))
    s.credit(300, 700)
    told(s, (0x0304, MONEY(300)), (0x0305, MONEY(700)))
    s.credit(0, 50)
    told(s, (0x0202, "00" * 6), (0x0304, MONEY(300)), (0x0305, MONEY(700)), (0x0305, MONEY(50)))
    s.credit(0)
    told(s, (0x0305, MONEY(50)))
    s.set_debts((0x10007, 66, 2, 900, 900))
    s.pulse(2000)
    # 20 kWh: 10 for 33.333 and 10 for 66.667 piastres; fee 22, cleaning 2000, duty 1234 a kWh of 1e-5 EGP, 12.5 % of 1000.
    s.at(2025, 6, 30, 21).tick()
    told(s, (0x0306, MONEY(22)), (0x0306, MONEY(2000, 1)), (0x0306, MONEY(25, 2)), (0x0306, MONEY(125, 3)), (0x0306, MONEY(1000, 0xFF)),
         (0x0302, "000003840007"))
    recorded(s.meter.months[-1], energy_charge=1000, re_rating=0, service_fee=22, levies=2150, others=1000, instalments=0, tariff=4)
    assert s.meter.month_record()["instalments"] == 900
    s.at(2025, 7, 31, 21).tick()
    recorded(s.meter.months[-1], service_fee=77, levies=2000, others=0, instalments=900)
    yield s

    s = begun("what restarts have brought stands in the month's record", 2025, 6, 20, 3)
    s.pulse(10000)
    s.pulse(1)
    s.pulse(54999)
    s.pulse(1)
    assert s.meter.month_record()["re_rating"] == 2200 + 35750
    s.open(2, 5000, account=9)
    last = s.meter.final_report
    recorded(last["month"], flags=3, energy_charge=136502, re_rating=2200 + 35750, service_fee=2500, levies=2000, others=0, instalments=0, tariff=1)
    assert s.meter.month_record()["re_rating"] == 0
    yield s

    s = begun("the same customer's month goes on with what it had, and the final report has it so far", 2025, 6, 20, 3)
    s.set_debts((7, 0, 9, 900, 900))
    s.at(2025, 7, 1, 3).pulse(10000)
    s.pulse(1)
    s.open(2, 5000, account=7000001)
    recorded(s.meter.final_report["month"], flags=3, energy_charge=9501, re_rating=2200, service_fee=0, levies=0, instalments=900)
    assert s.meter.final_report["instalments_taken"] == 900
    s.at(2025, 7, 31, 21).tick()
    recorded(s.meter.months[-1], energy_charge=9501, re_rating=2200, service_fee=600, levies=2000, instalments=900)
    yield s

    s = begun("amounts that the event cannot hold", 2025, 6, 20, 3, credit=2**40)
    told(s, (0x0101, "000000010000"), (0x0304, "7fffffffff00"), (0x0202, "00" * 6))
    s.credit(2**39 - 1, 2**39)
    told(s, (0x0304, "7fffffffff00"), (0x0305, "7fffffffff00"))
    yield s


def charges():
    s = begun("what a charge was: credit, what of it was debt, corrections, the balance after it", 2025, 2, 3, 10, credit=100)
    s.pulse(200)
    s.credit(300, 20)
    s.credit(0, 500)
    s.credit(0)
    s.go(hours=1).credit(200)
    time = at(2025, 2, 3, 10)
    known = [dict(zip(("time", "credit", "debt", "correction", "balance"), charge)) for charge in
             ((time, 100, 0, 0, 100), (time, 300, 36, 20, 244), (time, 0, 0, 500, -256), (time + 3600, 200, 200, 0, -56))]
    assert s.meter.topups == known, s.meter.topups
    for amount in range(1, 13):
        s.go(minutes=1).credit(amount)
    s.open(2, 77, account=7000001)
    assert [charge["credit"] for charge in s.meter.topups] == [77]
    yield s


def news():
    s = begun("news are shown until a day after the newest", 2025, 6, 20, 3, tariff=CHARGES)
    s.pulse(1)
    s.set_debts((7, 0, 9, 900, 900))
    s.at(2025, 6, 30, 21).tick()
    s.expect(news=["B03", "B04"])
    s.set_tariff(later(PUBLISHED, 9, 2025, 7, 1, 20))
    s.at(2025, 7, 1, 19, 59, 59).tick()
    s.expect(news=["B03", "B04"])
    s.go(seconds=1).tick()
    s.expect(news=["B03", "B04", "B05"])
    s.go(hours=23, minutes=59, seconds=59).tick()
    s.expect(news=["B03", "B04", "B05"])
    s.go(seconds=1).tick()
    s.expect(news=[])
    s.pulse(10000)
    s.pulse(1)
    s.expect(news=["B01"])
    s.open(2, 1000, account=7000001)
    s.expect(news=[])
    yield s


def loans():
    """Monday morning: no friendly time. 48 hours, 200 EGP."""
    s = begun("a loan is over when it was repaid", 2025, 2, 3, 10, credit=100)
    s.pulse(200)
    s.ask_loan()
    s.pulse(100)
    s.credit(10)
    s.credit(10000)
    told(s, (0x0304, MONEY(10)), (0x0304, MONEY(10000)), (0x0208, MONEY(0, 1)))
    yield s

    s = begun("a loan is over when its hours are, once", 2025, 2, 3, 10, credit=100)
    s.pulse(200)
    s.ask_loan()
    s.go(hours=47).pulse(100)
    s.go(minutes=59, seconds=59).tick()
    s.go(seconds=1).tick()
    told(s, (0x0208, MONEY(68 * 2 + 68 - 100, 2)), (0x0201, "01" + "00" * 5))
    s.credit(10000)
    told(s, (0x0201, "01" + "00" * 5), (0x0304, MONEY(10000)), (0x0202, "00" * 6))
    yield s

    s = begun("a loan is over when its amount is used up, once", 2025, 2, 3, 10, credit=100)
    s.set_limits(loan_amount=500)
    s.pulse(200)
    s.ask_loan()
    s.go(hours=1).pulse(736)
    s.go(hours=1).pulse(1)
    told(s, (0x0208, MONEY(536, 3)), (0x0201, "01" + "00" * 5))
    s.credit(100)
    s.go(hours=1).pulse(147)
    s.go(hours=1).pulse(1)
    yield s


def power():
    s = begun("power goes and comes back: when it went, and for how long", 2025, 2, 3, 10)
    s.pulse(5)
    s.outage(minutes=45).tick()
    told(s, (0x0209, "00" * 6), (0x020A, "00000a8c0000"))
    assert [event["time"] for event in s.meter.events[-2:]] == [at(2025, 2, 3, 10), at(2025, 2, 3, 10, 45)]
    n = len(s.meter.events)
    s.outage(seconds=59).tick()
    assert len(s.meter.events) == n
    s.outage(seconds=60).tick()
    told(s, (0x0209, "00" * 6), (0x020A, "0000003c0000"))
    s.doubts = True
    s.outage(False, seconds=5000).tick()
    told(s, (0x0209, "00" * 6), (0x020A, "ffffffff0000"))
    n = len(s.meter.events)
    s.outage(False, seconds=5000).tick()
    assert len(s.meter.events) == n
    s.go(days=1).tick()
    s.outage(False, seconds=5000).tick()
    assert len(s.meter.events) == n + 2
    yield s


SCENARIOS = movements, charges, news, loans, power
