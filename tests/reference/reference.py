"""Primitives and messages of the prepaid electricity card, from docs/card-specification.md alone.

Test keys only: nothing here is hardened, and nothing here is meant for a product.
"""
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC


# ---- primitives -------------------------------------------------------------------------------

def cmac(key, data):
    c = CMAC(algorithms.AES(key))
    c.update(data)
    return c.finalize()


def aes(key, mode, data, decrypt=False):
    c = Cipher(algorithms.AES(key), mode)
    c = c.decryptor() if decrypt else c.encryptor()
    return c.update(data) + c.finalize()


def ecb(key, block):
    return aes(key, modes.ECB(), block)


def cbc(key, iv, data, decrypt=False):
    return aes(key, modes.CBC(iv), data, decrypt)


def saturating(amount, bits):
    """As it stands in so many bits, with a sign."""
    return max(-2**(bits - 1), min(2**(bits - 1) - 1, amount)) % 2**bits


def signed(amount):
    """As a record has it."""
    return max(-2**31, min(2**31 - 1, amount))


def be(value, size):
    return value.to_bytes(size, "big")


def num(data):
    return int.from_bytes(data, "big")


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def double(block):
    v = num(block) << 1
    return be((v ^ 0x87 if v >> 128 else v) & (1 << 128) - 1, 16)


def s2v(key, associated, plain):
    """RFC 5297 section 2.4 with one string of associated data."""
    d = xor(double(cmac(key, bytes(16))), cmac(key, associated))
    if len(plain) >= 16:
        return cmac(key, plain[:-16] + xor(plain[-16:], d))
    return cmac(key, xor(double(d), plain + b"\x80" + bytes(15 - len(plain))))


def siv(key, associated, plain):
    """AES-SIV; returns (synthetic iv, ciphertext). key = K1 || K2."""
    k1, k2 = key[:len(key) // 2], key[len(key) // 2:]
    v = s2v(k1, associated, plain)
    return v, siv_ctr(k2, v, plain)


def siv_ctr(k2, v, data):
    counter = be(num(v) & ~(1 << 63 | 1 << 31), 16)
    return aes(k2, modes.CTR(counter), data) if data else b""


def siv_open(key, associated, v, ciphertext):
    plain = siv_ctr(key[len(key) // 2:], v, ciphertext)
    return plain if s2v(key[:len(key) // 2], associated, plain) == v else None


# ---- keys (section 4) -------------------------------------------------------------------------

SETS = {1: "ADMN", 2: "VEND", 3: "METR", 4: "HOLD"}
LABELS = {
    **{r: [f"{s}-{k}" for k in ("ENC", "MAC", "DEK")] for r, s in SETS.items()},
    5: ["CARDLOAD"], 6: ["CARDRCPT"], 7: ["METRCRED"], 8: ["PARM-MAC", "PARM-ENC"],
    9: ["RPRT-MAC", "RPRT-ENC", "RPRT-RCP"], 10: ["METRBASE"], 11: ["METRTRSP"],
}


def context(company, environment, kvn, subject, generation):
    return be(company, 2) + be(environment, 1) + be(kvn, 1) + subject + be(generation, 2)


def prf_input(i, label, ctx, bits):
    return be(i, 4) + label.encode() + b"\0" + ctx + be(bits, 4)


def derive(parent, label, ctx, bits):
    out = b"".join(cmac(parent, prf_input(i, label, ctx, bits)) for i in (1, 2))
    return out[:bits // 8]


def derive_role(parent, company, environment, kvn, subject, generation, bits):
    """All keys of the role that the key version number names."""
    ctx = context(company, environment, kvn, subject, generation)
    return [derive(parent, label, ctx, bits) for label in LABELS[kvn >> 4]]


def luhn_digit(digits):
    total = 0
    for place, d in enumerate(reversed(digits)):
        d = int(d) * (2 if place % 2 == 0 else 1)
        total += d // 10 + d % 10
    return str(-total % 10)


def print_form(access_number):
    digits = f"{num(access_number):025d}"
    return digits + luhn_digit(digits)


def parse_print_form(text):
    """The access number, or None where it is not one."""
    if len(text) != 26 or not (text.isascii() and text.isdigit()) or luhn_digit(text[:25]) != text[25]:
        return None
    value = int(text[:25])
    return be(value, 10) if value < 1 << 80 else None


TEST_INITIAL_MASTER = bytes(range(0x40, 0x60))      # public; of test cards


def access_parent(access_number):
    return access_number + bytes(6)


# ---- messages (section 5) ---------------------------------------------------------------------

def header(tag, environment, company, kvn, length):
    return tag.encode() + b"\x01" + be(environment, 1) + be(company, 2) + be(kvn, 1) + b"\0" + be(length, 2)


def person(master, company, environment, kvn, bits, digits):
    """What stands for a person in the books (section 4.2)."""
    key = derive(master, "PERSONID", context(company, environment, kvn, bytes(8), 0), bits)
    return cmac(key, header("EGPERSON", environment, company, kvn, len(digits)) + digits.encode())


CERTIFICATE = [("format", 1), ("kvn", 1), ("meter_id", 8), ("binding", 4), ("generation", 2), ("sequence", 4),
               ("total_credit", 8), ("total_debited", 8), ("known_credit", 8), ("known_debited", 8), ("issue_time", 4)]
BINDING = [("format", 1), ("kvn", 1), ("meter_id", 8), ("binding", 4), ("account", 8), ("opening_time", 4)]
VOUCHER = [("format", 1), ("kvn", 1), ("company", 2), ("environment", 1), ("card_id", 8), ("channel", 1),
           ("reference", 8), ("certificate", 72)]
RECEIPT = [("format", 1), ("kvn", 1), ("card_id", 8), ("generation", 2), ("meter_id", 8), ("binding", 4),
           ("sequence", 4), ("total_credit", 8), ("total_debited", 8), ("settled_credit", 8),
           ("settled_debited", 8), ("loads", 4), ("state", 1)]
ENVELOPE = [("format", 1), ("kvn", 1), ("meter_id", 8), ("binding", 4), ("slot", 1), ("version", 4)]
DELIVERY = [("format", 1), ("kvn", 1), ("company", 2), ("environment", 1), ("card_id", 8), ("envelope", None)]
METER_RECEIPT = [("format", 1), ("kvn", 1), ("meter_id", 8), ("binding", 4), ("report", 4), ("time", 4),
                 ("applied_credit", 8), ("applied_debited", 8), ("balance", 8), ("energy", 4), ("flags", 2)]
MONTH = [("month", 2), ("flags", 1), ("slab", 1), ("energy", 4), ("energy_charge", 6), ("re_rating", 4), ("service_fee", 4), ("levies", 4), ("others", 4),
         ("instalments", 4), ("doubt_cost", 3), ("tariff", 4), ("peak", 3)]
MONTH_SIZE = sum(size for _, size in MONTH)
MOST_MONTHS, MOST_SETTLED, MOST_HISTORY = 5, 6, 223
EVENT = [("number", 4), ("time", 4), ("code", 2), ("data", 6)]

MESSAGES = {  # type: (form, tag)
    "credit certificate": (CERTIFICATE, "EGCREDIT"), "binding certificate": (BINDING, "EGBINDNG"),
    "voucher": (VOUCHER, "EGVOUCHR"), "card receipt": (RECEIPT, "EGRECEIP"),
    "mail delivery": (DELIVERY, "EGDELIVR"), "meter receipt": (METER_RECEIPT, "EGMTRRCP"),
}


NOT_ZERO = ("binding", "generation", "sequence", "version", "report", "number", "issue_time")
EXISTING = {"channel": range(1, 6), "state": range(1, 6), "environment": (0x54, 0x50),
            "slot": (*range(0x00, 0x0C), *range(0x10, 0x14)), "month": range(0xFFFF)}


def well_formed(fields, role=None):
    """"Format" of a message (section 5), but for its size; `role` is what its key version number must name."""
    return (fields.get("format", 1) == 1 and (role is None or fields["kvn"] >> 4 == role and fields["kvn"] & 15 != 0)
            and all(fields[n] != 0 for n in NOT_ZERO if n in fields)
            and all(fields[n] in values for n, values in EXISTING.items() if n in fields))


def encode(form, **values):
    """Fields in order; integers are written big-endian (negative: two's complement), bytes as they are."""
    values.setdefault("format", 1)
    out = b""
    for name, size in form:
        v = values[name]
        if isinstance(v, int):
            v = be(v % (1 << 8 * size), size)
        assert size is None or len(v) == size, name
        out += v
    return out


def decode(form, data):
    out, at = {}, 0
    for name, size in form:
        raw = data[at:at + size]
        out[name] = raw if name in ("meter_id", "card_id", "certificate", "reference", "data") else num(raw)
        at += size
    return out


def mac(kind_tag, environment, company, key, body):
    return cmac(key, header(kind_tag, environment, company, body[1], len(body)) + body)


def message(kind, environment, company, key, /, **values):
    form, tag = MESSAGES[kind]
    body = encode(form, **values)
    return body + mac(tag, environment, company, key, body)


def genuine(kind, environment, company, key, data):
    return mac(MESSAGES[kind][1], environment, company, key, data[:-16]) == data[-16:]


def mail_tag(kvn):
    return {8: "EGMAILTO", 9: "EGMAILFR"}[kvn >> 4]


def seal(environment, company, mac_key, enc_key, plain, /, **values):
    """A mail envelope."""
    clear = encode(ENVELOPE, **values)
    associated = header(mail_tag(clear[1]), environment, company, clear[1], 19) + clear
    v, ciphertext = siv(mac_key + enc_key, associated, plain)
    return clear + ciphertext + v


def unseal(environment, company, mac_key, enc_key, envelope):
    """The content of an envelope, or None where it is not genuine."""
    clear = envelope[:19]
    if clear[0] != 1 or clear[1] >> 4 not in (8, 9) or len(envelope) < 35:
        return None
    associated = header(mail_tag(clear[1]), environment, company, clear[1], 19) + clear
    return siv_open(mac_key + enc_key, associated, envelope[-16:], envelope[19:-16])


def check_value(key):
    return ecb(key, b"\x01" * 16)[:3]


def key_block(kvn, keys, dek, filler=b"\0", inner=True):
    """Data field of PUT KEY (section 12), with the inner length byte or without. 24-byte keys are padded with `filler`."""
    out = be(kvn, 1)
    for key in keys:
        padded = key + filler * (-len(key) % 16)
        cipher = (be(len(key), 1) if inner else b"") + cbc(dek, bytes(16), padded)
        out += b"\x88" + be(len(cipher), 1) + cipher + b"\x03" + check_value(key)
    return out


def plain_key_block(kvn, keys, dek):
    """The key set in BIND's data (section 12): without PUT KEY's types and lengths."""
    return be(kvn, 1) + b"".join(cbc(dek, bytes(16), key) + check_value(key) for key in keys)
