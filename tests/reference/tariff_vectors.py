"""The content of tests/vectors/tariffs.json: bills of the shipped tariffs, and of random ones (docs/tariff.md, sections 1 to 5)."""
import json
import tomllib
from fractions import Fraction
from pathlib import Path
from random import Random

import parameters as p
import tariff_model as model
from calendar_vectors import at
from engine_random import some_tariff
from issuer import hx
from parameter_vectors import FLAT, LARGEST, MIXED, PUBLISHED, SIXTEEN, tariff

# ---- section 5: the file ---------------------------------------------------------------------------

NAMES = {"cleaning": 1, "stamp duty": 2, "levy": 3, "radio fee": 4, "VAT": 5, "standing charge": 6, "minimum bill": 7, "rebate": 8}
BASES = (("fixed_egp", 1, 100), ("per_kwh_piastre", 2, 1000), ("per_day_egp", 3, 100), ("per_cent", 4, 100), ("minimum_egp", 5, 100))
FOLDER = Path(__file__).resolve().parents[2] / "card-host" / "tariffs"


def whole(text, units):
    amount = Fraction(text) * units
    assert amount.denominator == 1, text
    return int(amount)


def of_file(text):
    t = tomllib.loads(text)
    start = int(t["start"].timestamp()) - 1577836800
    slabs = [(s.get("up_to_kwh", 0), whole(s["price_piastre"], 1000), whole(s["fee_egp"], 100), *([True] if s.get("restart") else [])) for s in t["slab"]]
    charges = [charge_of_file(c, n) for n, c in enumerate(t.get("charge", []))]
    kind = ("residential", "commercial", "coded").index(t["kind"]) + 1
    return tariff(t["version"], slabs, charges, whole(t["zero_consumption_fee_egp"], 100), start, kind)


def charge_of_file(c, before):
    (basis, value), = [(basis, whole(c[name], units)) for name, basis, units in BASES if name in c]
    bit = {"energy": 0, "service fee": 1, **{n: n + 1 for n in range(1, before + 1)}}
    of = c.get("of", {4: ["energy"], 5: ["energy", "service fee", *range(1, before + 1)]}.get(basis, []))
    more = {"of": sum(1 << bit[name] for name in of)}
    more.update(credit=c.get("credit", False), first=c.get("first_kwh", 0), month=c.get("month", 0), above=c.get("above_kwh", 0), up_to=c.get("up_to_kwh", 0),
                most=whole(c.get("at_most_egp", "0"), 100))
    return NAMES.get(c["what"], c["what"]), basis, value, more


# ---- bills -------------------------------------------------------------------------------------------

def month(history, t, total, partial, index):
    charge_so_far = model.charge(history, t, total, total)
    service, lines = model.bill(t, total, charge_so_far, partial, index)
    return {"month": index, "partial": partial, "total": total, "slab": model.slab_reached(t, total) + 1, "re_rated": model.rerated(history, t, total),
            "energy_charge": charge_so_far, "service_fee": service, "charges": [list(line) for line in lines],
            "fees": model.fees(t, total, charge_so_far, partial, index)}


def edges(t):
    """Around each bound and end of a range, and far above."""
    ends = {s["bound"] * 100 for s in t["slabs"]} | {c[name] * 100 for c in t["charges"] for name in ("above", "up_to", "first")}
    return sorted({0, 1, 5000, 10100, 2**32 - 1} | {n for end in ends for n in (end, end + 1, end + 100, end + 5000) if n < 2**32})


# By hand, from what was published. Whole bills without charges, in EGP (the example of Homelight in rand, Kerala in rupees, Jordan in dinars).
PUBLISHED_BILLS = {
    # The holding company's "compute your bill yourself", household and service fee.
    "egypt-2020-07.toml": {50: "20", 100: "45", 150: "103.5", 200: "136", 250: "189", 300: "237", 500: "466", 600: "584"},
    # By hand: 50 x 0.48 + 50 x 0.58 + 2; 200 x 0.77 + 150 x 1.06 + 11; 200 x 0.77 + 150 x 1.06 + 300 x 1.28 + 15; 651 x 1.28 + 25; 1001 x 1.45 + 40.
    "egypt-2021-07.toml": {50: "25", 100: "55", 200: "160", 350: "324", 650: "712", 651: "858.28", 1001: "1491.45"},
    # By hand: 50 x 0.58 + 1; + 50 x 0.68 + 2; 200 x 0.83 + 6; + 150 x 1.25 + 11; + 300 x 1.40 + 15; 1000 x 1.50 + 25; 1001 x 1.65 + 40.
    "egypt-2024-01.toml": {50: "30", 100: "65", 200: "172", 350: "364.5", 650: "788.5", 1000: "1525", 1001: "1691.65"},
    # Energy as the regulator published it, and the fees.
    "egypt-2024-08.toml": {50: "55", 100: "95", 101: "121.95", 200: "216", 350: "453.5", 650: "1042.5", 651: "1412.1", 1000: "2145", 1001: "2292.23"},
    # By hand: 100 x 0.85 + 5 + 100 x (0.03 + 0.002); 600 x 2.20 + 50 x 2.27 + 25 + 650 x 0.032.
    "egypt-2024-08-commercial.toml": {100: "93.2", 250: "443", 650: "1479.3", 1001: "2404.36"},
    "egypt-2024-08-coded.toml": {100: "223", 1001: "2232.23"},
    # By hand: 300 x 1.9028, and 15 %; then 147 x 2.1562 more.
    "example-homelight.toml": {50: "0", 350: "656.47", 497: "1020.97"},
    # What the regulator said a household pays.
    "example-jordan.toml": {50: "2.5", 100: "2.5", 200: "7.5", 300: "13", 400: "23", 500: "33", 600: "43", 601: "45.2"},
    # By hand: 50 x (3.30 + 4.15 + 5.25 + 7.10 + 8.35) x 1.1 + 145; 300 x 6.55 x 1.1 + 190; 501 x 9 x 1.1 + 290.
    "example-kerala.toml": {50: "226.5", 250: "1693.25", 251: "1998.46", 300: "2351.5", 500: "4692.5", 501: "5249.9"}}


def shipped():
    assert {path.name for path in FOLDER.glob("*.toml")} == set(PUBLISHED_BILLS)
    for name, bills in PUBLISHED_BILLS.items():
        t = of_file((FOLDER / name).read_text())
        for kwh, egp in bills.items():
            bill = month([], t, kwh * 100, False, 61)
            assert bill["energy_charge"] + bill["fees"] == whole(egp, 100), (name, kwh, bill)
        months = [month([], t, total, False, 61) for total in sorted({*edges(t), *(kwh * 100 for kwh in bills)})]
        yield {"file": name, "plaintext": hx(p.encode_tariff(t)), "published": [[kwh, whole(egp, 100)] for kwh, egp in bills.items()],
               "months": months + [month([], t, 30000, False, 66)]}
    # What the company says that a restart takes, in 2020/21 and since August 2024.
    for name, taken in (("egypt-2020-07.toml", (2200, 13900, 27000)), ("egypt-2024-08.toml", (2200, 35750, 13000))):
        t = of_file((FOLDER / name).read_text())
        assert tuple(model.pulse([], t, kwh * 100, kwh * 100 + 1)[1] for kwh in (100, 650, 1000)) == taken, name


def written_examples():
    """The fields and the bytes in the text."""
    text = (FOLDER.parents[1] / "docs" / "tariff.md").read_text()
    t = of_file(text.split("```toml\n")[1].split("```")[0])
    assert p.parse_tariff(p.encode_tariff(t)) == t and len(t["charges"]) == 7
    assert bytes.fromhex(text.split("The published tariff (61 bytes):\n\n```\n")[1].split("```")[0]) == p.encode_tariff(PUBLISHED)
    assert bytes.fromhex(text.split("The flat one of coded meters (13 bytes): `")[1].split("`")[0]) == p.encode_tariff(FLAT)


def random_bill(number):
    r = Random(f"bill {number}")
    pool = [lambda n: some_tariff(r, n, at(2024))] * 6 + [lambda n: MIXED, lambda n: SIXTEEN, lambda n: LARGEST, lambda n: FLAT]
    parts = [r.choice(pool)(n + 1) for n in range(r.choice((1, 1, 2, 3, 4)))]
    totals, most = [0], r.choice((30, 1000, 40000, 100000, 2**32 - 1))
    history = []
    for t in parts[:-1]:
        totals.append(r.randint(totals[-1] + 1, max(totals[-1] + 1, most // 4 * len(totals))))
        history.append((t, totals[-1]))
    t, pulses, total = parts[-1], [], totals[-1]
    for _ in range(r.randint(0, 5)):
        after = r.choice([n for n in edges(t) if n >= total] + [r.randint(total, max(total, most))])
        cost, adjustment = model.pulse(history, t, total, after)
        pulses.append([after, cost, adjustment])
        total = after
    bill = month(history, t, total, r.random() < 0.3, r.choice((49, r.randint(0, 200), r.randint(0, 0xFFFE))))
    return {"ended": [[hx(p.encode_tariff(t)), end] for t, end in history], "tariff": hx(p.encode_tariff(t)), "pulses": pulses, **bill}


def content():
    written_examples()
    return {"shipped": list(shipped()), "bills": [random_bill(n) for n in range(400)]}


def text(document):
    """One bill a line."""
    shipped = ",\n".join(json.dumps({k: v for k, v in s.items() if k != "months"})[:-1] + ', "months": [\n' + ",\n".join(map(json.dumps, s["months"])) + "\n]}"
                         for s in document["shipped"])
    head = {k: v for k, v in document.items() if k not in ("shipped", "bills")}
    return (json.dumps(head, indent=1)[:-2] + ',\n "shipped": [\n' + shipped + '\n],\n "bills": [\n' + ",\n".join(map(json.dumps, document["bills"])) + "\n]}\n")
