"""Most of what the tester makes up is about cards and vending points that nobody has. Here part of it is turned to those that are there;
only what is well formed is exchanged, and for something that is well formed, too. And the first examples are sales of both kinds that
are certain to be made: that the rest is about something does not depend on luck."""

import os
import re

import schemathesis

POINT = os.environ["CONFORMANCE_POINT"]
CARD = os.environ["CONFORMANCE_CARD"]


def chosen(text):
    return sum(text.encode()) % 8 != 0


def there(value, pattern, real):
    return real if isinstance(value, str) and re.fullmatch(pattern, value) and chosen(value) else value


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict):
        if "point" in body:
            body["point"] = there(body["point"], "[a-z0-9._-]{1,32}", POINT)
        payee = body.get("payee")
        if isinstance(payee, dict) and list(payee) == ["card"]:
            payee["card"] = there(payee["card"], "[0-9A-Fa-f]{16}", CARD)
        amount = body.get("amount_piastres")
        if type(amount) is int and 2_000_000 < amount <= 10**12 and amount % 8:
            body["amount_piastres"] = 100 + amount % 1_000_000
    return body


@schemathesis.hook
def map_path_parameters(context, parameters):
    if parameters and "card" in parameters:
        parameters["card"] = there(parameters["card"], "[0-9A-Fa-f]{16}", CARD)
    return parameters


@schemathesis.hook
def map_query(context, query):
    if query and "point" in query:
        query["point"] = there(query["point"], "[a-z0-9._-]{1,32}", POINT)
    return query


@schemathesis.hook
def before_add_examples(context, examples):
    operation = context.operation
    if (operation.method.upper(), operation.path) != ("POST", "/v1/sales"):
        return
    for payment in ("received", "pending"):
        # The same id again, with the same body, is a repetition and answered in the same way.
        examples.append(operation.Case(
            headers={"Idempotency-Key": "conformance:" + payment},
            body={"point": POINT, "payee": {"card": CARD}, "amount_piastres": 5000, "payment": payment},
            media_type="application/json"))
