"""Scenarios of engine.json: who gets a loan, the button, power by time of day, relay, battery, buzzer."""
from calendar_vectors import at
from scenarios_energy import begun
from scenarios_supply import SUNDAY


def empty(name, *when, **limits):
    """Cut for want of credit, with a debt of 1 piastre, on a Sunday at noon unless said otherwise."""
    s = begun(name, *(when or (*SUNDAY, 10)), credit=67)
    s.set_limits(**limits)
    s.pulse(100)
    s.expect(balance=-1, reasons=1, loan_offered=limits.get("loan_hours", 1) > 0)
    return s


def asking():
    s = empty("a loan: the same card twice within the time, and not a second later")
    assert s.card() == "nothing"
    s.go(seconds=61)
    assert s.card() == "nothing"
    s.go(seconds=60)
    s.expect(reasons=1, loan_offered=True)
    assert s.card() == "loan"
    s.expect(reasons=0, loan_offered=False)
    yield s

    s = empty("a loan: another card between, a card that comes with mail, one that brought a command", ask_seconds=600)
    s.card()
    s.go(seconds=5).card(who="stranger")
    s.go(seconds=5).card()
    s.expect(reasons=1)
    s.go(seconds=5).card(mail=True)
    s.go(seconds=5).card(mail=True)
    s.expect(reasons=1)
    s.command(5, named="technician")
    s.go(seconds=5).asks(who="technician")
    s.go(seconds=3594).asks(who="technician")
    s.expect(reasons=1)
    s.go(seconds=1)
    assert s.card(who="technician") == "nothing"
    s.go(seconds=599)
    assert s.card(who="technician") == "loan"
    yield s

    s = empty("a loan: a read-out, a notice and credit that does not suffice are no request", ask_seconds=65535)
    s.card()
    s.command(5)
    s.set_notices((2, 0, 0))
    s.expect(reasons=1)
    s.go(minutes=1).credit(1)
    s.expect(balance=0, reasons=1)
    s.go(minutes=1)
    assert s.card() == "loan"
    yield s

    s = empty("a loan: by the button only, and not while there is credit", ask_seconds=0)
    s.asks()
    s.expect(reasons=1)
    assert s.ask_loan() == "loan"
    s.expect(reasons=0)
    assert s.ask_loan() == "nothing"
    s.credit(2)
    s.expect(loan_end=0)
    assert s.ask_loan() == "nothing"
    yield s

    s = empty("a loan of no hours", loan_hours=0)
    s.asks()
    assert s.ask_loan() == "nothing"
    s.expect(reasons=1, loan_end=0)
    yield s

    s = empty("a loan: its amount ends it; the limits of the time count", loan_amount=69)
    s.pulse(0)
    s.ask_loan()
    s.pulse(100)
    s.expect(balance=-69, reasons=0, buzzer=0)
    s.pulse(1)
    s.expect(balance=-70, reasons=1, flags=0x87, loan_offered=False)
    s.credit(1)
    s.expect(balance=-69, reasons=0)
    s.pulse(2)
    s.asks()
    assert s.ask_loan() == "nothing"
    s.expect(balance=-70, reasons=1)
    s.set_limits(loan_amount=71)
    s.expect(reasons=0)
    s.pulse(90000)
    s.expect(reasons=1)
    s.set_limits(loan_amount=0)
    s.expect(reasons=0)
    s.credit(-s.meter.balance + 1)
    s.pulse(10000)
    s.set_limits(loan_amount=300)
    s.expect(reasons=1, loan_offered=True)
    s.ask_loan()
    s.pulse(100)
    s.expect(reasons=0)
    yield s

    s = empty("a loan: who asked is forgotten with the binding, and when one is given", ask_seconds=65535)
    s.card()
    s.open(2, 0)
    s.expect(reasons=1)
    assert s.card() == "nothing" and s.card() == "loan"
    s.credit(1)
    s.pulse(2)
    assert s.card() == "nothing"
    yield s


def button():
    s = empty("the supply waits for the button: after credit, after a loan by card; not after one by button", policies=1)
    s.credit(1000)
    s.expect(reasons=0x40, flags=5, buzzer=0)
    s.demand(3000)
    s.go(hours=1).tick()
    s.expect(reasons=0x40)
    s.rearm()
    s.expect(reasons=0)
    s.rearm()
    s.pulse(3000)
    s.expect(reasons=1)
    s.asks()
    s.expect(reasons=0x40)
    s.tamper(1)
    s.rearm()
    s.expect(reasons=2)
    s.command(3, named="technician")
    s.expect(reasons=0)
    s.go(hours=48).tick()
    s.expect(reasons=1)
    s.credit(3000)
    s.expect(reasons=0x40)
    s.credit(0, 3000)
    s.expect(reasons=1)
    s.credit(3000)
    s.expect(reasons=0x40)
    s.set_limits(policies=0)
    s.expect(reasons=0)
    s.set_limits(policies=1)
    s.expect(reasons=0)
    s.pulse(5000)
    s.expect(reasons=1)
    s.ask_loan()
    s.expect(reasons=0)
    yield s

    s = empty("the button and a new binding; a friendly time ends nothing", policies=1)
    s.rearm()
    s.expect(reasons=1)
    s.credit(1)
    s.credit(100)
    s.expect(reasons=0x40)
    s.open(2, 0)
    s.expect(reasons=1)
    s.at(2025, 2, 2, 18).tick()
    s.expect(reasons=1)
    s.credit(5)
    s.open(3, 5)
    s.expect(reasons=0)
    yield s


def power():
    s = begun("power by time of day", *SUNDAY, 9)                                           # local time 11:00
    s.set_limits(contracted_power=5000, second_power=2000, second_from=1080, second_until=1320)
    s.expect(power_limit=5000)
    s.demand(4000)
    s.at(*SUNDAY, 15, 59, 59).demand(4000)
    s.expect(reasons=0)
    s.go(seconds=1).tick()
    s.expect(power_limit=2000)
    s.demand(2000)
    s.expect(reasons=0)
    s.demand(2001)
    s.expect(reasons=4)
    s.at(*SUNDAY, 20).tick()
    s.expect(reasons=0, power_limit=5000)
    s.set_limits(second_from=1320, second_until=1080, second_power=0)
    s.expect(power_limit=0)
    s.demand(10**6)
    s.set_limits(contracted_power=0, second_power=700)
    s.expect(power_limit=700)
    s.set_limits(second_until=1320)
    s.expect(power_limit=0)
    yield s

    s = empty("power on loan: the lower one, while the debt lasts")
    s.set_limits(contracted_power=3000, power_on_loan=1000)
    s.expect(power_limit=3000)
    s.ask_loan()
    s.expect(power_limit=1000)
    s.demand(1000)
    s.expect(reasons=0)
    s.demand(1001)
    s.expect(reasons=4)
    s.set_limits(contracted_power=800)
    s.expect(power_limit=800)
    s.set_limits(contracted_power=0)
    s.expect(power_limit=1000)
    s.credit(500)
    s.expect(power_limit=0)
    yield s


def parts():
    s = empty("a relay that does not open: after a minute, once a day; begins anew")
    s.demand(100)
    s.go(minutes=2).demand(100)
    s.expect(other_events=3)
    s.demand(101)
    s.go(seconds=59).demand(101)
    s.expect(other_events=3)
    s.demand(100)
    s.go(seconds=30).demand(200)
    s.go(seconds=60).demand(300)
    s.expect(other_events=4)
    s.go(minutes=5).demand(300)
    s.expect(other_events=4)
    s.at(2025, 2, 3, 10).demand(301)
    s.expect(other_events=5)
    s.credit(100)
    s.demand(4000)
    s.pulse(200)
    s.expect(reasons=1)
    n = s.other_events()
    s.at(2025, 2, 4, 10).demand(4000)
    s.go(seconds=59).demand(4000)
    s.expect(other_events=n)
    s.set_limits(cut_power=0)
    s.go(hours=1).demand(4000)
    s.expect(other_events=n)
    s.set_limits(cut_power=65535)
    s.go(hours=1).demand(65536)
    s.go(hours=1).demand(2**32 - 1)
    s.expect(other_events=n + 1)
    yield s

    s = begun("a relay that does not close; a low battery", *SUNDAY, 10)
    s.relay_stuck_off()
    s.expect(other_events=3)
    s.go(minutes=1).relay_stuck_off()
    s.expect(other_events=3)
    s.battery(False)
    s.expect(flags=0, other_events=3)
    s.battery(True)
    s.expect(flags=0x100, other_events=4)
    s.battery(True)
    s.go(days=1).battery(True)
    s.expect(flags=0x100, other_events=4)
    s.battery(False)
    s.expect(flags=0)
    s.battery(True)
    s.expect(other_events=5)
    s.battery(False)
    s.battery(True)
    s.expect(other_events=5, flags=0x100)
    s.command(1)
    s.go(days=1).relay_stuck_off()
    s.expect(other_events=7)
    s.open(2, 1000)
    s.expect(flags=0x104)
    yield s

    s = begun("the buzzer", 2025, 2, 2, 4, 59, credit=1000)                                # local time 06:59
    s.set_limits(second_threshold=400)
    s.pulse(900)
    s.expect(balance=388, buzzer=0)
    s.go(minutes=1).tick()
    s.expect(buzzer=1)
    s.go(seconds=59).tick()
    s.expect(buzzer=1)
    s.go(seconds=1).tick()
    s.expect(buzzer=0)
    s.credit(12)
    s.at(2025, 2, 2, 6).tick()
    s.expect(balance=400, buzzer=0)
    s.pulse(600)
    s.expect(balance=-8, buzzer=0, reasons=0)
    s.at(2025, 2, 2, 7, 44, 59).tick()
    s.expect(buzzer=0)
    s.go(seconds=1).tick()
    s.expect(buzzer=2)
    s.go(minutes=15).tick()
    s.expect(buzzer=0, reasons=1)
    s.set_limits(loan_hours=2)
    s.ask_loan()
    s.at(2025, 2, 2, 9, 45).tick()
    s.expect(buzzer=2, reasons=0)
    s.credit(100)
    s.at(2025, 2, 2, 19).tick()
    s.expect(buzzer=1)
    s.at(2025, 2, 2, 20).tick()
    s.expect(buzzer=0)
    yield s


SCENARIOS = asking, button, power, parts
