"""What a month costs (docs/tariff.md, sections 1 to 4), computed anew from all its energy."""
import calendar
from fractions import Fraction

# A month: history [(tariff, total when the next one came into force)], the tariff in force, and its total, all in 10 Wh.


def half_up(amount):
    """The nearest whole number; of two that are equally near to the higher one."""
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


def by_itself(history, tariff, start, end):
    """The rounded charge of the energy from position `start` to `end`, as that of a month that has no other."""
    amount, begin = Fraction(0), 0
    for in_force, until in (*history, (tariff, max(end, begin))):
        first, last = max(begin, start), min(end, until)
        if first < last:
            amount += cost(in_force, first - start, last - start, end - start)
        begin = until
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


def days_of(index):
    """Of the calendar month with this index: January 2020 is 0."""
    return calendar.monthrange(2020 + index // 12, index % 12 + 1)[1]


def is_due(charge, total, index):
    """Whether the month is one of those that a charge is for."""
    return (charge["month"] in (0, index % 12 + 1) and (charge["above"] == 0 or total > charge["above"] * 100)
            and (charge["up_to"] == 0 or total <= charge["up_to"] * 100))


def amount_of(charge, total, index, lines):
    """Piastres of a charge that is due. `lines`: what the energy, the service and each charge before this one cost."""
    value, energy = charge["value"], min(total, charge["first"] * 100) if charge["first"] else total
    base = sum(amount for n, amount in enumerate(lines) if charge["of"] >> n & 1)
    exact = {1: lambda: Fraction(value), 2: lambda: energy * Fraction(value, 100000), 3: lambda: Fraction(value * days_of(index)),
             4: lambda: base * Fraction(value, 10000), 5: lambda: Fraction(max(0, value - base))}[charge["basis"]]()
    amount = half_up(-exact if charge["credit"] else exact)
    return max(-charge["most"], min(charge["most"], amount)) if charge["most"] else amount


def bill(tariff, total, energy_charge, partial, index):
    """Service fee, and [(code, amount)] of the charges that are due, of the month `index` that ends."""
    if partial and total == 0:
        return 0, []
    service = tariff["slabs"][slab_reached(tariff, total)]["fee"] if total else tariff["zero_consumption_fee"]
    lines, due = [energy_charge, service], []
    for charge in tariff["charges"]:
        if is_due(charge, total, index):
            lines.append(amount_of(charge, total, index, lines))
            due.append((charge["code"], lines[-1]))
        else:
            lines.append(0)
    return service, due


def fees(tariff, total, energy_charge, partial, index):
    """Service fee and charges of a month that ends, in one sum; it can be below zero."""
    service, due = bill(tariff, total, energy_charge, partial, index)
    return service + sum(amount for _, amount in due)


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
    assert [half_up(Fraction(n, 2)) for n in (1, -1, -3, 3)] == [1, 0, -1, 2]
