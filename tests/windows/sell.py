#!/usr/bin/env python3
"""A sale by a channel's program: sell.py ADDRESS TOKEN ID METER PIASTRES prints the server's answer."""

import json
import sys
import urllib.request

address, token, request, meter, amount = sys.argv[1:]
body = {"point": "kiosk", "payee": {"meter": meter}, "amount_piastres": int(amount), "payment": "received"}
headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": request, "Content-Type": "application/json"}
asked = urllib.request.Request(f"http://{address}/v1/sales", json.dumps(body).encode(), headers)
with urllib.request.urlopen(asked, timeout=600) as answer:
    print(json.dumps(json.load(answer), ensure_ascii=False))
