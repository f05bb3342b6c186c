"""The meter's decision on a presented card (section 11, steps 1 to 7), and its memory after it."""
from reference import BINDING, CERTIFICATE, decode, genuine, num, well_formed

MEMORY = ("binding", "generation", "sequence", "applied", "report", "regressed", "time")


def decide(meter, card):
    """('apply', credit, debited) | ('nothing',) | ('refused', reason); and the meter's memory after it.

    meter: company, environment, meter_id, base_versions, credit_keys {key version number: key}, balance, now (what its clock
           shows, 0: nothing; the clock is never below its lower bound), and its memory: time (that bound, 0: none), binding (0: never
           had one), generation, sequence, applied (credit, debited), report (number of its last receipt, 0: none), regressed
    card:  summary, expiry, session_kvn, session_generation, certificate, settled (credit, debited), report, binding_certificate
    """
    after = {k: meter[k] for k in MEMORY}
    refused = lambda reason: (("refused", reason), after)
    summary, cert = card["summary"], decode(CERTIFICATE, card["certificate"])
    if card["session_kvn"] & 15 not in meter["base_versions"]:                             # 1
        return refused("key version")
    if num(summary[3:5]) != meter["company"]:                                              # 2
        return refused("company")
    if summary[2] != meter["environment"]:
        return refused("environment")
    if summary[1] != 3:
        return refused("state")
    issued = cert["issue_time"] if believed(meter, cert["issue_time"]) else 0
    if card["expiry"] and card["expiry"] <= max(issued, meter["now"], meter["time"]):
        return refused("expired")
    if not well_formed(cert, 7):                                                           # 3
        return refused("altered")
    if cert["kvn"] not in meter["credit_keys"]:
        return refused("key version")
    if not signed("credit certificate", meter, card["certificate"]):
        return refused("altered")
    if cert["meter_id"] != meter["meter_id"]:
        return refused("other meter")
    if cert["generation"] != card["session_generation"]:
        return refused("other generation")
    if cert["binding"] < meter["binding"]:                                                 # 4
        return refused("old binding")
    own, balance = dict(after), meter["balance"]
    if cert["binding"] > meter["binding"]:
        b = decode(BINDING, card["binding_certificate"])
        if not (well_formed(b, 7) and signed("binding certificate", meter, card["binding_certificate"])
                and (b["meter_id"], b["binding"]) == (cert["meter_id"], cert["binding"])):
            return refused("binding certificate")
        balance = 0
        own.update(binding=cert["binding"], generation=0, sequence=0, applied=(0, 0), report=0, regressed=False)
    if cert["generation"] < own["generation"]:                                             # 5
        return refused("replaced card")
    known = cert["known_credit"], cert["known_debited"]
    above = any(max(s, k) > a for s, k, a in zip(card["settled"], known, own["applied"])) or card["report"] > own["report"]
    if own["regressed"] or above:                                                          # 6
        after["regressed"] = True                                                          # stored with the present binding
        return refused("regressed")
    if cert["sequence"] <= own["sequence"]:                                                # 7
        return ("nothing",), {**own, "generation": cert["generation"]}
    totals = cert["total_credit"], cert["total_debited"]
    rise = [t - a for t, a in zip(totals, own["applied"])]
    if min(rise) < 0 or max(totals) > 2**62 or not -2**63 <= balance + rise[0] - rise[1] < 2**63:
        return refused("inconsistent")
    return ("apply", *rise), {**own, "generation": cert["generation"], "sequence": cert["sequence"], "applied": totals,
                              "time": max(own["time"], issued)}


def believed(meter, issue_time):
    """docs/meter.md, section 2, where `now` is the first reading after a power-up, of a clock that never stopped."""
    stood = meter["now"] == 0 or meter["now"] < meter["time"] - 60
    return meter["time"] == 0 or stood or issue_time <= max(meter["now"], meter["time"]) + 2 * 86400


def signed(kind, meter, data):
    key = meter["credit_keys"].get(data[1])
    return key is not None and genuine(kind, meter["environment"], meter["company"], key, data)
