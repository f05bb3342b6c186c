"""What a month costs (docs/tariff.md, sections 1 to 4), computed anew from all its energy."""
from fractions import Fraction

# A month: history [(tariff, total when the next one came into force)], the tariff in force, and its total, all in 10 Wh.


def half_up(amount):
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


def slab_reached(tariff, total):
    """From 0: the first whose bound is not below the total."""
    slabs = tariff["slabs"]
    return next((n for n, s in enumerate(slabs[:-1]) if total <= s["bound"] * 100), len(slabs) - 1)


def group(tariff, total):
    """(first, last) slab of the group that the total has reached, from 0."""
    slabs, reached = tariff["slabs"], slab_reached(tariff, total)
    first = max(n for n in range(reached + 1) if n == 0 or slabs[n]["restart"])
    last = next((n - 1 for n in range(reached + 1, len(slabs)) if slabs[n]["restart"]), len(slabs) - 1)
    return first, last


def cost(tariff, start, end, total):
    """Piastres, exact: the energy from position `start` to `end` of a month that has reached `total`."""
    first, last = group(tariff, total)
    amount, below = Fraction(0), 0
    for n in range(first, last + 1):
        slab = tariff["slabs"][n]
        above = slab["bound"] * 100 if n < last else max(end, below)            # the group holds no energy above its last bound
        amount += max(0, min(end, above) - max(start, below)) * Fraction(slab["price"], 100000)
        below = above
    return amount


def charge(history, tariff, energy, total):
    """The rounded charge of the first `energy` of a month that has reached `total`."""
    amount, start = Fraction(0), 0
    for in_force, until in (*history, (tariff, energy)):
        amount += cost(in_force, start, min(energy, until), total)
        start = until
    return half_up(amount)


def pulse(history, tariff, before, after):
    """(energy cost, adjustment)"""
    again = charge(history, tariff, before, after)
    return charge(history, tariff, after, after) - again, again - charge(history, tariff, before, before)


def rerated(history, tariff, total):
    """Whether energy is rated by another group than its tariff's first one."""
    start, out = 0, False
    for in_force, until in (*history, (tariff, total)):
        out |= until > start and group(in_force, total)[0] > 0
        start = until
    return out


def fees(tariff, total, energy_charge, partial):
    """Service fee and charges of a month that ends."""
    if partial and total == 0:
        return 0
    service = tariff["slabs"][slab_reached(tariff, total)]["fee"] if total else tariff["zero_consumption_fee"]
    amounts = {1: lambda v: v, 2: lambda v: half_up(total * Fraction(v, 100000)), 3: lambda v: half_up(energy_charge * Fraction(v, 10000))}
    return service + sum(amounts[c["basis"]](c["value"]) for c in tariff["charges"])


def check(published, other):
    """The tables and examples of docs/tariff.md."""
    for kwh, egp in ((50, 34), (100, 73), (100.01, 95.01), (101, 95.95), (200, 190), (350, 422.5), (650, 1007.5), (651, 1367.1), (1000, 2100),
                     (1001, 2232.23)):
        total = round(kwh * 100)
        assert charge([], published, total, total) == round(egp * 100), kwh
    assert pulse([], published, 10000, 10001) == (1, 2200) and pulse([], published, 0, 10100) == (9595, 0)
    changed = [(published, 6000)]
    assert charge(changed, other, 10000, 10000) == 8180 and charge(changed, other, 10100, 10100) == 13900
    assert pulse(changed, other, 10000, 10100) == (200, 5520)
