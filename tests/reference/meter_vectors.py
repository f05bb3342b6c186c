"""The content of tests/vectors/meter.json: the meter's key sets and its decisions."""
import reference as ref
from issuer import Issuer, det, flip, hx
from meter import decide
from reference import be


UNSETTLED = {"settled": (0, 0), "report": 0}
NEVER_BOUND = {"binding": 0, "generation": 0, "sequence": 0, "applied": (0, 0), "report": 0, "balance": 0}


def key_sets():
    i, keys = Issuer("meter"), []
    for card_id, generation in ((i.card_id, 1), (det("second card", 8), 2), (b"\xFF" * 8, 0xFFFF)):
        for version in (1, 2):
            parent = i.keys(0xA0 | version)[0]
            derived = ref.derive_role(parent, i.company, i.environment, 0x30 | version, card_id, generation, 256)
            keys.append({"meter_base_key": hx(parent), "base_key_version": f"A{version}", "company": hx(be(i.company, 2)),
                         "environment": hx(be(i.environment, 1)), "card_id": hx(card_id), "generation": hx(be(generation, 2)),
                         "key_version": f"3{version}", "bits": 256, "keys": [hx(k) for k in derived]})
    return keys


def decisions():
    i = Issuer("meter")
    start = dict(company=i.company, environment=i.environment, meter_id=i.meter_id, now=0, time=0x0C200000, binding=7, generation=1,
                 sequence=5, applied=(50000, 300), report=3, regressed=False, balance=20000, base_versions=[1, 2],
                 credit_keys={k: i.keys(k)[0] for k in (0x71, 0x72)})
    good = dict(summary=bytes([1, 3, i.environment]) + be(i.company, 2) + i.card_id + be(1, 2), expiry=0, session_kvn=0x31,
                session_generation=1, certificate=i.certificate(6, 60000, 400), settled=(50000, 300), report=3,
                binding_certificate=b"")
    return [decision(name, {**start, **meter}, {**good, **card})
            for name, meter, card in (*same_binding(i, good), *report_number(i), *known(i), *expiry(i), *balance(i), *form(i), *order(i, good),
                                      *other_bindings(i))]


def cert(i, *totals, **other):
    """What a card presents that was first charged in this generation."""
    generation = {"session_generation": other["generation"]} if "generation" in other else {}
    return {"certificate": i.certificate(*totals, **other), **generation}


def changed(good, at, value):
    """What a card presents whose summary differs."""
    return {"summary": good["summary"][:at] + value + good["summary"][at + len(value):]}


def same_binding(i, good):
    c = lambda *a, **k: cert(i, *a, **k)
    return [
        ("new credit and debit", {}, {}), ("credit only", {}, c(6, 60000, 300)), ("debit only: the balance falls", {}, c(6, 50000, 400)),
        ("refresh: differences are 0", {}, c(6, 50000, 300)), ("refresh raises the lower bound of the clock", {}, c(6, 50000, 300, time=0x0C300000)),
        ("sequences skipped, greatest totals", {}, c(0xFFFFFFFF, 2**62, 2**62)), ("same sequence", {}, c(5, 50000, 300)),
        ("lower sequence", {}, c(4, 40000, 300)),
        ("issue time below the lower bound of the clock, which does not fall", {}, c(6, 60000, 400, time=1)),
        ("issue time at the lower bound of the clock", {}, c(6, 60000, 400, time=0x0C200000)),
        ("nothing to apply does not touch the clock", {}, c(5, 50000, 300, time=0x0C300000)),
        ("first credit of a binding", {"sequence": 0, "applied": (0, 0), "generation": 0, "report": 0, "balance": 0}, {**c(1, 100, 0), **UNSETTLED}),
        ("clock not set", {"time": 0}, {}),
        ("other company", {}, changed(good, 3, b"\x01\x03")), ("other environment", {}, changed(good, 2, b"\x50")),
        *((f"state {n:02X}", {}, changed(good, 1, bytes([n]))) for n in (1, 2, 4, 5)),
        ("previous base key version", {}, {"session_kvn": 0x32}), ("unknown base key version", {}, {"session_kvn": 0x33}),
        ("previous credit key", {}, c(6, 60000, 400, kvn=0x72)), ("unknown credit key", {}, c(6, 60000, 400, kvn=0x73)),
        ("altered total", {}, {"certificate": flip(good["certificate"], 27)}),
        ("altered CMAC", {}, {"certificate": flip(good["certificate"], 71)}),
        ("altered known total", {}, {"certificate": flip(good["certificate"], 43)}),
        ("another meter's", {}, c(6, 60000, 400, meter_id=det("o", 8))),
        ("certificate of another generation than the session", {}, {**c(6, 60000, 400, generation=2), "session_generation": 1}),
        ("replacement card", {}, {**c(6, 60000, 400, generation=2), **UNSETTLED}),
        ("replacement card, nothing to apply: its generation is recorded", {}, {**c(5, 50000, 300, generation=2), **UNSETTLED}),
        ("replacement card, lower sequence: its generation is recorded", {}, {**c(1, 0, 0, generation=0xFFFF), **UNSETTLED}),
        ("replaced card", {"generation": 2}, {}), ("replaced card, nothing to apply", {"generation": 2}, c(5, 50000, 300)),
        ("replaced card before regressed", {"generation": 2, "applied": (49999, 300)}, {}),
        ("settled credit above applied", {"applied": (49999, 300)}, {}), ("settled debited above applied", {"applied": (50000, 299)}, {}),
        ("settled above applied, nothing to apply", {"sequence": 6, "applied": (49999, 300)}, {}),
        ("replacement card, settled above applied: its generation is not recorded", {"applied": (49999, 300)}, c(6, 60000, 400, generation=2)),
        ("regressed before, settled is not above", {"regressed": True}, {}),
        ("regressed before, nothing to apply", {"regressed": True}, c(5, 50000, 300)),
        ("regressed before, replacement card", {"regressed": True}, {**c(6, 60000, 400, generation=2), **UNSETTLED}),
        ("credit falls", {"applied": (60001, 300)}, {}), ("debited falls", {"applied": (50000, 401)}, {}),
        ("replacement card, credit falls: its generation is not recorded", {"applied": (60001, 300)}, c(6, 60000, 400, generation=2)),
        ("totals fall, sequence does not rise", {"sequence": 6, "applied": (60001, 401)}, {}),
    ]


def report_number(i):
    """The meter's last receipt has number 3, as the card's unless the case says otherwise."""
    r = lambda value, **more: {"report": value, **more}
    replacement = cert(i, 6, 60000, 400, generation=2)
    return [
        ("report number: the card's one below the meter's (the last SETTLE did not arrive)", {}, r(2)),
        ("report number: the card has no receipt", {}, r(0)), ("report number: one above the meter's", {}, r(4)),
        ("report number: far above the meter's", {}, r(0xFFFFFFFF)), ("report number: above in the highest byte only", {}, r(0x01000000)),
        ("report number: the last, in both", r(0xFFFFFFFF), r(0xFFFFFFFF)), ("report number: one above, to the last", r(0xFFFFFFFE), r(0xFFFFFFFF)),
        ("report number: far below the meter's", r(0xFFFFFFFF), r(1)), ("report number: 1, the meter's is 0", r(0), r(1)),
        ("report number: both 0", r(0), r(0, settled=(0, 0))),
        ("report number: above, nothing settled", {}, r(4, settled=(0, 0))),
        ("report number: above, settled totals below applied", {}, r(4, settled=(49999, 299))),
        ("report number: above, same sequence", {}, {**cert(i, 5, 50000, 300), **r(4)}),
        ("report number: above, lower sequence", {}, {**cert(i, 4, 40000, 300), **r(4)}),
        ("report number: above, refresh", {}, {**cert(i, 6, 50000, 300), **r(4)}),
        ("report number: below, settled totals above applied", {"applied": (49999, 300)}, r(2)),
        ("report number: equal, regressed before", {"regressed": True}, r(3)),
        ("report number: above, regressed before", {"regressed": True}, r(4)),
        ("report number: replacement card without a receipt", {}, {**replacement, **UNSETTLED}),
        ("report number: above, replacement card: its generation is not recorded", {}, {**replacement, **r(4)}),
        ("report number: above, replacement card, nothing to apply: its generation is not recorded", {},
         {**cert(i, 5, 50000, 300, generation=2), **r(4)}),
    ]


def known(i):
    """50000 and 300 are applied; the certificate says what the issuer has evidence of."""
    k = lambda credit, debited, *totals, **other: cert(i, *(totals or (6, 60000, 400)), known_credit=credit, known_debited=debited, **other)
    new = {**UNSETTLED, "binding_certificate": i.binding_certificate(binding=8)}
    opening = lambda credit, debited: {**k(credit, debited, 4, 900, 20, binding=8), **new}
    replacement = lambda credit, debited, *totals: {**k(credit, debited, *totals, generation=2), **UNSETTLED}
    wiped = {**UNSETTLED, **k(50000, 300, binding=8), "binding_certificate": i.binding_certificate(binding=8)}
    return [
        ("known: all that is applied", {}, k(50000, 300)), ("known: less than is applied", {}, k(49999, 299)),
        ("known: more credit than is applied", {}, k(50001, 300)), ("known: more debited than is applied", {}, k(50000, 301)),
        ("known: more credit, less debited", {}, k(50001, 0)), ("known: in the highest byte only", {}, k(2**56, 0)),
        ("known: above, more than the card has settled", {"applied": (40000, 300)}, {**k(50000, 300), "settled": (40000, 300)}),
        ("known: above, nothing to apply", {}, k(50001, 300, 5, 50000, 300)), ("known: above, lower sequence", {}, k(50001, 300, 4, 40000, 300)),
        ("known: above, a refresh", {}, k(50001, 300, 6, 50000, 300)),
        ("known: above, replacement card: its generation is not recorded", {}, replacement(50001, 300)),
        ("known: equal, replacement card", {}, replacement(50000, 300)),
        ("known: equal, regressed before", {"regressed": True}, k(50000, 300)),
        ("known: 0, regressed before", {"regressed": True}, k(0, 0)),
        ("known: nothing of a higher binding", {}, opening(0, 0)), ("known: credit of a higher binding: the meter has lost it", {}, opening(1, 0)),
        ("known: a debit of a higher binding: the meter has lost it", {}, opening(0, 1)),
        ("known: credit of a higher binding, regressed in the old one", {"regressed": True}, opening(900, 20)),
        ("known: a wiped meter, replacement card", NEVER_BOUND, wiped),
        ("known: a wiped meter, older certificate that knows nothing", NEVER_BOUND, {**wiped, **k(0, 0, binding=8)}),
        ("known: generation before it", {"generation": 2}, k(50001, 300)), ("known: before falling credit", {"applied": (60001, 300)}, k(60002, 300)),
        ("known: before the range of the balance", {"balance": 2**63 - 1}, k(50001, 300)),
        ("known: above its own certificate's total, not above applied", {}, k(50000, 300, 5, 40000, 300)),
    ]


def expiry(i):
    """The lower bound of the meter's clock is 0C200000 and the clock shows nothing, the certificate is of 0C000000, unless the case says otherwise."""
    late = cert(i, 6, 60000, 400, time=0x0C300000)
    return [
        ("expiry one second after the lower bound of the clock", {}, {"expiry": 0x0C200001}),
        ("expiry at the lower bound of the clock", {}, {"expiry": 0x0C200000}),
        ("expiry between issue and the lower bound of the clock", {}, {"expiry": 0x0C100000}),
        ("expiry one second after the issue time", {}, {**late, "expiry": 0x0C300001}),
        ("expiry at the issue time", {}, {**late, "expiry": 0x0C300000}),
        ("expiry between the lower bound of the clock and issue", {}, {**late, "expiry": 0x0C280000}),
        ("clock not set, expiry after issue", {"time": 0}, {"expiry": 0x0C000001}),
        ("clock not set, expiry at issue", {"time": 0}, {"expiry": 0x0C000000}),
        ("latest expiry", {}, {"expiry": 0xFFFFFFFF}), ("expired long ago", {}, {"expiry": 1}),
        ("no expiry", {"time": 0xFFFFFFFF}, {"expiry": 0}),
        ("expired, nothing to apply", {"sequence": 6}, {"expiry": 0x0C200000}),
        *((f"clock: {what}", clock, {**(late if issued_late else {}), "expiry": end}) for what, clock, issued_late, end in (
            ("expiry one second later", {"now": 0x0C280000}, False, 0x0C280001), ("expiry now", {"now": 0x0C280000}, False, 0x0C280000),
            ("expiry between the lower bound and now", {"now": 0x0C280000}, False, 0x0C200001),
            ("below its lower bound, which counts: expiry at the bound", {"now": 0x0C100000}, False, 0x0C200000),
            ("below its lower bound, which counts: expiry between", {"now": 0x0C100000}, False, 0x0C180000),
            ("below its lower bound, expiry after the bound", {"now": 0x0C100000}, False, 0x0C200001),
            ("at its lower bound, expiry one second later", {"now": 0x0C200000}, False, 0x0C200001),
            ("no lower bound, expiry one second later", {"now": 0x0C280000, "time": 0}, False, 0x0C280001),
            ("no lower bound, expiry now", {"now": 0x0C280000, "time": 0}, False, 0x0C280000),
            ("before issue, expiry between", {"now": 0x0C280000}, True, 0x0C2C0000),
            ("before issue, expiry after issue", {"now": 0x0C280000}, True, 0x0C300001),
            ("latest, expiry latest", {"now": 0xFFFFFFFF}, False, 0xFFFFFFFF), ("latest, no expiry", {"now": 0xFFFFFFFF}, False, 0))),
    ]


def balance(i):
    """50000 and 300 are applied; the balance must stay from -2^63 to 2^63 - 1."""
    b = lambda value: {"balance": value}
    c = lambda *totals: cert(i, 6, *totals)
    return [
        ("balance reaches 2^63 - 1", b(2**63 - 101), c(50100, 300)), ("balance would pass 2^63 - 1", b(2**63 - 100), c(50100, 300)),
        ("balance reaches -2^63", b(100 - 2**63), c(50000, 400)), ("balance would pass -2^63", b(99 - 2**63), c(50000, 400)),
        ("both differences in one sum: the balance stays", b(2**63 - 1), c(50100, 400)),
        ("balance would pass 2^63 - 1 by the difference alone", b(0), c(50000 + 2**63, 300)),
        ("credit of 2^62, on a negative balance", b(-1), c(2**62, 300)), ("credit of 2^62 + 1", b(-1), c(2**62 + 1, 300)),
        ("debited 2^62", b(0), c(50000, 2**62)), ("debited 2^62 + 1", b(0), c(50000, 2**62 + 1)), ("both 2^64 - 1", b(0), c(2**64 - 1, 2**64 - 1)),
        ("balance would leave the range, replacement card: its generation is not recorded", b(2**63 - 1), cert(i, 6, 50001, 300, generation=2)),
        ("nothing to apply, though the totals would pass 2^63 - 1", b(2**63 - 1), cert(i, 5, 60000, 300)),
    ]


def form(i):
    """Certificates of wrong form, with a CMAC under the key that they name."""
    return [(f"form of the certificate: {what}", meter, cert(i, *totals, **other)) for what, meter, totals, other in (
        ("format 02", {}, (6, 60000, 400), {"format": 2}), ("role 6", {}, (6, 60000, 400), {"kvn": 0x61}),
        ("version 0", {}, (6, 60000, 400), {"kvn": 0x70}), ("generation 0", {}, (6, 60000, 400), {"generation": 0}),
        ("sequence 0", {}, (0, 60000, 400), {}), ("issue time 0", {}, (6, 60000, 400), {"time": 0}),
        ("binding 0", {}, (6, 60000, 400), {"binding": 0}),
        ("binding 0, on a new meter", NEVER_BOUND, (3, 900, 20), {"binding": 0}))]


def order(i, good):
    """Each card fails in two steps, or in two places of one; the first gives the reason."""
    c = lambda **k: cert(i, 6, 60000, 400, **k)
    key, expired = {"session_kvn": 0x33}, {"expiry": 1}
    company, environment, state = (changed(good, at, value) for at, value in ((3, b"\x01\x03"), (2, b"\x50"), (1, b"\4")))
    new = {**c(binding=8), "settled": (1, 0), "report": 0, "binding_certificate": i.binding_certificate(binding=9)}
    other = dict(meter_id=det("o", 8))
    return [(f"order: {what}", meter, card) for what, meter, card in (
        ("base key before company", {}, {**key, **company}), ("base key before environment", {}, {**key, **environment}),
        ("base key before state", {}, {**key, **state}), ("base key before expiry", {}, {**key, **expired}),
        ("company before environment and state", {}, changed(good, 1, b"\4\x50\x01\x03")),
        ("environment before state", {}, changed(good, 1, b"\4\x50")), ("state before expiry", {}, {**state, **expired}),
        ("expiry before the certificate's key", {}, {**expired, **c(kvn=0x73)}),
        ("expiry before its CMAC", {}, {**expired, "certificate": flip(good["certificate"], 71)}),
        ("form before the certificate's key", {}, c(kvn=0x73, binding=0)), ("key before meter id", {}, c(kvn=0x73, **other)),
        ("CMAC before meter id", {}, {"certificate": flip(c(**other)["certificate"], 71)}),
        ("meter id before generation", {}, {**c(generation=2, **other), "session_generation": 1}),
        ("generation of the session before binding", {}, {**c(generation=2, binding=6), "session_generation": 1}),
        ("binding before generation", {"generation": 2}, c(binding=6)), ("binding certificate before settled totals", {}, new),
        ("settled totals before falling ones", {"applied": (49999, 401)}, {}),
        ("expiry before report number", {}, {**expired, "report": 4}), ("CMAC before report number", {}, {
            "certificate": flip(good["certificate"], 71), "report": 4}),
        ("binding before report number", {}, {**c(binding=6), "report": 4}),
        ("binding certificate before report number", {}, {**new, "settled": (0, 0), "report": 1}),
        ("generation before report number", {"generation": 2}, {"report": 4}),
        ("generation before report number, regressed before", {"generation": 2, "regressed": True}, {"report": 4}),
        ("report number before falling credit", {"applied": (60001, 300)}, {"report": 4}),
        ("report number before falling debited", {"applied": (50000, 401)}, {"report": 4}),
        ("report number before the range of the balance", {"balance": 2**63 - 1}, {"report": 4}))]


def other_bindings(i):
    new = dict(binding=8)
    c = lambda *a, **k: {**cert(i, *a, **{**new, **k}), **UNSETTLED, "binding_certificate": i.binding_certificate(**new)}
    opening, unbound = c(1, 700, 0), NEVER_BOUND
    r = lambda number, **more: {**opening, "report": number, **more}
    first = {**cert(i, 3, 900, 20, binding=1), **UNSETTLED, "binding_certificate": i.binding_certificate(binding=1)}
    return [
        ("old binding", {}, cert(i, 6, 60000, 400, binding=6)),
        ("old binding, though everything else is higher", {"regressed": True}, cert(i, 99, 2**40, 2**40, binding=6, generation=9)),
        ("higher binding", {}, opening), ("higher binding, nothing charged yet, sequence 1", {}, c(1, 0, 0)),
        ("higher binding, more debited than credited", {}, c(2, 100, 350)),
        ("higher binding, clock raised", {}, c(1, 700, 0, time=0x0C300000)),
        ("higher binding, binding certificate altered", {}, {**opening, "binding_certificate": flip(opening["binding_certificate"], 15)}),
        ("higher binding, binding certificate of another binding", {}, {**opening, "binding_certificate": i.binding_certificate(binding=9)}),
        ("higher binding, binding certificate of another meter", {}, {
            **opening, "binding_certificate": i.binding_certificate(binding=8, meter_id=det("o", 8))}),
        ("higher binding, regressed in the old one", {"regressed": True}, opening),
        ("higher binding, lower generation than in the old one", {"generation": 9}, opening),
        ("higher binding, lower sequence and totals than in the old one", {"sequence": 9}, c(2, 1, 1)),
        ("higher binding, something settled in it already: the meter has lost it", {}, {**c(4, 900, 0), "settled": (700, 0)}),
        ("higher binding, only a debit settled in it already", {}, {**c(4, 900, 10), "settled": (0, 1)}),
        ("higher binding, report number 1, not above that of the old one: the meter has lost the new one", {}, r(1)),
        ("higher binding, report number equal to that of the old one", {}, r(3)),
        ("higher binding, report number one above that of the old one", {}, r(4)), ("higher binding, last report number", {}, r(0xFFFFFFFF)),
        ("higher binding, report number 1, something settled", {}, r(1, settled=(700, 0))),
        ("higher binding, report number 1, regressed in the old one", {"regressed": True}, r(1)),
        ("higher binding, report number 1, its credit passes the range", {}, {**c(1, 2**63, 0), "report": 1}),
        ("higher binding, report number 1, generation lower than in the old one", {"generation": 9}, r(1)),
        ("higher binding, report number 0, the old one's is the last", {"report": 0xFFFFFFFF}, opening),
        ("higher binding, report number 1, the old one's is the last", {"report": 0xFFFFFFFF}, r(1)),
        ("a meter without a binding, report number 1", unbound, {**first, "report": 1}),
        ("a meter without a binding, flag 0020 set, report number 1", {**unbound, "regressed": True}, {**first, "report": 1}),
        ("higher binding, expired by the clock", {"now": 0x0C280000}, {**opening, "expiry": 0x0C280000}),
        ("higher binding, expiry one second after the clock", {"now": 0x0C280000}, {**opening, "expiry": 0x0C280001}),
        ("higher binding, expired", {}, {**opening, "expiry": 0x0C200000}),
        ("first binding of a new meter", unbound, first),
        ("first binding of a new meter, higher than 1", unbound, opening),
        ("a meter without a binding, settled already", unbound, {**first, "settled": (900, 20)}),
        ("a meter without a binding, flag 0020 set: opening a binding clears it", {**unbound, "regressed": True}, first),
        ("higher binding, regressed in the old one, settled already", {"regressed": True}, {**c(4, 900, 0), "settled": (700, 0)}),
        *((f"higher binding, binding certificate: {what}", {}, {**opening, "binding_certificate": i.binding_certificate(**{**new, **other})})
          for what, other in (("previous credit key", {"kvn": 0x72}), ("unknown credit key", {"kvn": 0x73}), ("version 0", {"kvn": 0x70}),
                              ("role 6", {"kvn": 0x61}), ("format 02", {"format": 2}))),
        ("higher binding, issue time below the lower bound of the clock", {}, c(1, 700, 0, time=1)),
        ("higher binding, its balance would pass 2^63 - 1", {}, c(1, 2**63, 0)),
        ("higher binding, its balance starts at 0, whatever the old one", {"balance": 2**63 - 1}, c(1, 2**62, 0)),
    ]


def memory(m):
    return {"binding": hx(be(m["binding"], 4)), "lowest_generation": hx(be(m["generation"], 2)), "sequence": hx(be(m["sequence"], 4)),
            "applied_credit": hx(be(m["applied"][0], 8)), "applied_debited": hx(be(m["applied"][1], 8)),
            "report_number": hx(be(m["report"], 4)), "regressed": m["regressed"], "time": hx(be(m["time"], 4))}


def decision(name, m, p):
    outcome, after = decide(m, p)
    difference = outcome[1] - outcome[2] if outcome[0] == "apply" else 0
    opens = after["binding"] != m["binding"]
    return {"description": name,
            "meter": {"company": hx(be(m["company"], 2)), "environment": hx(be(m["environment"], 1)), "meter_id": hx(m["meter_id"]),
                      **memory(m), "now": hx(be(m["now"], 4)), "balance": hx(be(m["balance"] % 2**64, 8)), "base_key_versions": m["base_versions"],
                      "credit_keys": {f"{k:02X}": hx(v) for k, v in m["credit_keys"].items()}},
            "card": {"summary": hx(p["summary"]), "expiry": hx(be(p["expiry"], 4)), "session_key_version": f"{p['session_kvn']:02X}",
                     "session_generation": hx(be(p["session_generation"], 2)), "certificate": hx(p["certificate"]),
                     "settled_credit": hx(be(p["settled"][0], 8)), "settled_debited": hx(be(p["settled"][1], 8)),
                     "report_number": hx(be(p["report"], 4)),
                     "binding_certificate": hx(p["binding_certificate"])},
            "opens_binding": opens, **({"final_report_version": hx(be(m["binding"], 4))} if opens and m["binding"] else {}),
            "decision": outcome[0],
            **({"reason": outcome[1]} if outcome[0] == "refused" else {}),
            **({"credit": hx(be(outcome[1], 8)), "debited": hx(be(outcome[2], 8))} if outcome[0] == "apply" else {}),
            "after": {**memory(after), "balance_difference": hx(be(difference % 2**64, 8))}}
