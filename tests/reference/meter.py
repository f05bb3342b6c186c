"""The meter's decision on a presented card (section 11, steps 1 to 7)."""
from reference import CERTIFICATE, BINDING, decode, genuine, num


def decide(meter, card):
    """('apply', credit, debited) | ('nothing',) | ('refused', reason), and whether a new binding was opened.

    meter: company, environment, meter_id, time (0: clock not set), binding, generation, sequence, applied (credit,
           debited), regressed, base_versions, credit_keys {key version number: key}
    card:  summary, expiry, session_kvn, session_generation, certificate, settled (credit, debited),
           binding_certificate
    """
    summary = card["summary"]
    if num(summary[3:5]) != meter["company"]:                                              # 1
        return ("refused", "company"), False
    if summary[2] != meter["environment"]:
        return ("refused", "environment"), False
    if summary[1] != 3:
        return ("refused", "state"), False
    if card["expiry"] and meter["time"] >= card["expiry"]:
        return ("refused", "expired"), False
    if card["session_kvn"] & 15 not in meter["base_versions"]:                             # 2
        return ("refused", "key version"), False
    cert, own = decode(CERTIFICATE, card["certificate"]), dict(meter)                      # 3
    right = signed("credit certificate", meter, card["certificate"])
    if right is None:
        return ("refused", "key version"), False
    if not right:
        return ("refused", "altered"), False
    if cert["meter_id"] != meter["meter_id"]:
        return ("refused", "other meter"), False
    if cert["generation"] != card["session_generation"]:
        return ("refused", "other generation"), False
    if cert["binding"] < meter["binding"]:                                                 # 4
        return ("refused", "old binding"), False
    opened = cert["binding"] > meter["binding"]
    if opened:
        b = decode(BINDING, card["binding_certificate"])
        if not signed("binding certificate", meter, card["binding_certificate"]) or \
                (b["meter_id"], b["binding"]) != (cert["meter_id"], cert["binding"]):
            return ("refused", "binding certificate"), False
        own.update(generation=0, sequence=0, applied=(0, 0), regressed=False)
    if cert["generation"] < own["generation"]:                                             # 5
        return ("refused", "replaced card"), opened
    if own["regressed"] or any(s > a for s, a in zip(card["settled"], own["applied"])):    # 6
        return ("refused", "regressed"), opened
    if cert["sequence"] <= own["sequence"]:                                                # 7
        return ("nothing",), opened
    rise = [t - a for t, a in zip((cert["total_credit"], cert["total_debited"]), own["applied"])]
    if min(rise) < 0:
        return ("refused", "inconsistent"), opened
    return ("apply", *rise), opened


def signed(kind, meter, data):
    """Whether the message is genuine; None where its key version is not known."""
    if data[0] != 1 or data[1] not in meter["credit_keys"]:
        return None
    return genuine(kind, meter["environment"], meter["company"], meter["credit_keys"][data[1]], data)
