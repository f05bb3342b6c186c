"""A client that is generated from the server's own description sells, repeats, is refused, and asks.

    generated_client.py BASE TOKEN POINT CARD

Prints one JSON object. Nothing of it is written by us but what is below."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

base, token, point, card = sys.argv[1:]

with tempfile.TemporaryDirectory() as place:
    generator = Path(sys.executable).with_name("openapi-python-client")
    environment = os.environ | {"PATH": f"{generator.parent}:{os.environ['PATH']}"}
    command = [generator, "generate", "--url", base + "/v1/openapi.json", "--meta", "none"]
    done = subprocess.run(
        command + ["--output-path", place + "/channel", "--fail-on-warning"],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, place)
    from channel.api.sales import sale as ask
    from channel.api.sales import sell
    from channel.api.server import status
    from channel.client import AuthenticatedClient, Client
    from channel.models import Payment, Problem, Sale, SaleRequest, ToCard

    assert status.sync(client=Client(base_url=base)).store is True
    client = AuthenticatedClient(base_url=base, token=token, timeout=600)
    order = SaleRequest(point=point, payee=ToCard(card=card), amount_piastres=5_000, payment=Payment.RECEIVED)
    answers = [sell.sync_detailed(client=client, body=order, idempotency_key="generated-1") for _ in range(3)]
    first = answers[0]
    assert first.status_code == 201 and isinstance(first.parsed, Sale), first
    assert len(bytes.fromhex(first.parsed.certified.voucher)) == 110, first.parsed
    assert all(answer.content == first.content for answer in answers)
    replayed = [answer.headers.get("Idempotent-Replayed") for answer in answers]
    assert replayed == [None, "true", "true"], replayed
    assert ask.sync(id="generated-1", client=client) == first.parsed
    other = SaleRequest(point=point, payee=ToCard(card=card), amount_piastres=5_001, payment=Payment.RECEIVED)
    refused = sell.sync(client=client, body=other, idempotency_key="generated-1")
    assert isinstance(refused, Problem) and refused.code == "other-request", refused
    print(json.dumps({"sold": 1, "repeated": 2, "voucher": first.parsed.certified.voucher}))
