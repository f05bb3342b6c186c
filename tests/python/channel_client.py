"""A channel's client from docs/channels.md alone, with Python's standard library: sells, repeats, works in steps, and is refused.

    channel_client.py BASE TOKEN POINT CARD

Prints one JSON object. It knows nothing of the company's programs."""

import json
import sys
import urllib.error
import urllib.request
import uuid

base, token, point, card = sys.argv[1:]


def ask(method, path, body=None, key=None):
    """Status, media type, headers and bytes of an answer."""
    headers = {"Authorization": "Bearer " + token, "Accept": "application/json"}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    if key is not None:
        headers["Idempotency-Key"] = key
    request = urllib.request.Request(base + path, data=data, method=method, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=600)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers.get_content_type(), answer.headers, answer.read()


def good(expected, answer):
    status, media, _, body = answer
    assert status == expected and media == "application/json", answer
    return json.loads(body)


def refused(expected, code, answer):
    status, media, _, body = answer
    problem = json.loads(body)
    assert status == expected and media == "application/problem+json", answer
    assert problem["status"] == expected and problem["code"] == code, problem
    assert problem["type"] == "/problems/" + code, problem
    assert isinstance(problem["repeat"], bool) and problem["detail"] and problem["title"], problem
    return problem


def sums(sale):
    charges = sum(charge["amount_piastres"] for charge in sale["charges"])
    assert sale["credit_piastres"] + sale["debt_piastres"] + charges == sale["amount_piastres"], sale


sold, repeated = 0, 0
status = good(200, ask("GET", "/v1/status"))
assert status["protocol"] == 1 and status["store"] is True, status
description = good(200, ask("GET", "/v1/openapi.json"))
assert description["openapi"].startswith("3.1") and "/v1/sales" in description["paths"], description["openapi"]

# Sold at once, to a card and to a meter; every repetition is the same to the byte.
order = {"point": point, "payee": {"card": card}, "amount_piastres": 10_000, "payment": "received"}
key = "py-" + uuid.uuid4().hex
first = ask("POST", "/v1/sales", order, key)
sale = good(201, first)
assert sale["state"] == "certified" and sale["card"] == card and sale["id"] == key, sale
assert len(bytes.fromhex(sale["certified"]["voucher"])) == 110, sale
assert sale["message"]["en"] and sale["message"]["ar"], sale
sums(sale)
sold += 1
for _ in range(3):
    again = ask("POST", "/v1/sales", order, key)
    assert (again[0], again[3]) == (201, first[3]), again
    repeated += 1
assert ask("GET", "/v1/sales/" + key)[3] == first[3]
repeated += 1
refused(409, "other-request", ask("POST", "/v1/sales", dict(order, amount_piastres=10_001), key))
to_meter = dict(order, payee={"meter": sale["meter"]})
sale = good(201, ask("POST", "/v1/sales", to_meter, "py-" + uuid.uuid4().hex))
assert sale["card"] is None and sale["certified"]["voucher"] is None, sale
assert len(bytes.fromhex(sale["certified"]["kept"])) == 126, sale
sums(sale)
sold += 1

# In steps.
key = "py-" + uuid.uuid4().hex
sale = good(201, ask("POST", "/v1/sales", dict(order, payment="pending"), key))
assert sale["state"] == "reserved" and sale["certified"] is None, sale
sums(sale)
done = ask("POST", f"/v1/sales/{key}/confirm", {"point": point})
sale = good(200, done)
assert sale["state"] == "certified", sale
assert ask("POST", f"/v1/sales/{key}/confirm", {"point": point})[3] == done[3]
repeated += 1
sold += 1
refused(409, "already-confirmed", ask("POST", f"/v1/sales/{key}/cancel", {"point": point}))
waiting = good(200, ask("GET", f"/v1/cards/{card}/pending"))
assert waiting["voucher"] == sale["certified"]["voucher"] and waiting["card"] == card, waiting

key = "py-" + uuid.uuid4().hex
good(201, ask("POST", "/v1/sales", dict(order, payment="pending"), key))
assert good(200, ask("POST", f"/v1/sales/{key}/cancel", {"point": point}))["state"] == "cancelled"
refused(409, "cancelled", ask("POST", f"/v1/sales/{key}/confirm", {"point": point}))

# Refused.
new = lambda: "py-" + uuid.uuid4().hex
problem = refused(422, "too-much", ask("POST", "/v1/sales", dict(order, amount_piastres=9_000_000), new()))
assert problem["message"]["en"] and problem["message"]["ar"], problem
refused(404, "unknown-card", ask("POST", "/v1/sales", dict(order, payee={"card": "F" * 16}), new()))
refused(403, "unknown-point", ask("POST", "/v1/sales", dict(order, point="nowhere"), new()))
refused(400, "malformed", ask("POST", "/v1/sales", order))
refused(400, "malformed", ask("POST", "/v1/sales", dict(order, tip=1), new()))
refused(422, "bad-evidence", ask("POST", "/v1/evidence", {"point": point, "kind": "meter-receipt", "data": "00" * 68}))
refused(422, "not-linked", ask("DELETE", f"/v1/cards/{card}/link?point={point}&customer=c-1", key=new()))
refused(404, "no-request", ask("GET", "/v1/sales/" + new()))
token = "wrong"
answer = ask("GET", "/v1/sales/" + new())
refused(401, "no-token", answer)
assert answer[2]["WWW-Authenticate"].startswith("Bearer"), answer

voucher = sale["certified"]["voucher"]
print(json.dumps({"sold": sold, "repeated": repeated, "voucher": voucher}))
