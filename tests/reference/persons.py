"""References to persons in the ledger, from docs/ledger.md, section 4, alone. Prints those of the test in card-ledger."""

import hashlib
import hmac


def code(secret: bytes, label: str, text: str) -> bytes:
    return hmac.new(secret, label.encode() + b"\0" + text.encode(), hashlib.sha256).digest()


def name(secret: bytes, kind: str, text: str) -> str:
    return "~" + code(secret, f"EGLEDGER {kind} v1", text)[:12].hex() if text else ""


def reason(secret: bytes, point: str, number: int, text: str) -> str:
    return name(secret, "reason", f"{point}/{number}\0{text}") if text else ""


def account(secret: bytes, number: int) -> int:
    return int.from_bytes(code(secret, "EGLEDGER account v1", str(number))[:8], "big") | 1 << 63 if number else 0


if __name__ == "__main__":
    secret = bytes([7]) * 32
    print(name(secret, "actor", "mona"), name(secret, "customer", "c-1"), account(secret, 4711))
    print(reason(secret, "office", 3, "lost"))
