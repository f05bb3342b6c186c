"""What a month's tariffs foretell (docs/meter.md, section 14): slab by slab, with exact fractions."""
from fractions import Fraction

import tariff_model as tariffs

FULL = 2**32 - 1                        # what a month holds, in 10 Wh


def ends(history, tariff, total):
    """Totals of the month at which a slab of any of its tariffs ends, from `total` on."""
    bounds = {s["bound"] * 100 for t in (*(t for t, _ in history), tariff) for s in t["slabs"][:-1]}
    return sorted(bound for bound in bounds if bound >= total)


def exact(history, tariff, total):
    """The charge of a month of `total` before it is rounded."""
    amount, start = Fraction(0), 0
    for in_force, until in (*history, (tariff, total)):
        amount += tariffs.cost(in_force, start, until, total)
        start = until
    return amount


def bracket(history, tariff, total):
    """(energy to its end, what crossing takes, price after it); None in the last one."""
    own = [s["bound"] * 100 for s in tariff["slabs"][:-1]]
    for end in ends(history, tariff, total):
        crossing = tariffs.pulse(history, tariff, end, end + 1)[1]
        if crossing or end in own:
            return end - total, crossing, tariff["slabs"][tariffs.slab_reached(tariff, end + 1)]["price"]
    return None


def buys(history, tariff, total, credit):
    """The most energy of which each 10 Wh leaves what is taken from now on at `credit` or below."""
    limit = tariffs.charge(history, tariff, total, total) + credit
    at = total
    for end in (*(e for e in ends(history, tariff, total) if e > total), FULL):
        if at == FULL:
            break
        first, price = exact(history, tariff, at + 1), tariffs_price(tariff, at + 1)
        room = limit + Fraction(1, 2) - first                   # the rounded charge is above the limit from here on
        if room <= 0:
            return at - total
        steps = end - at if price == 0 else min(end - at, 1 + (-(-room // Fraction(price, 100000)) - 1))
        at += int(steps)
        if at < end:
            return at - total
    return at - total


def tariffs_price(tariff, total):
    return tariff["slabs"][tariffs.slab_reached(tariff, total)]["price"]
