"""Writes tests/vectors/*.json.   python3 make_vectors.py [DIR] [--check]

With --check nothing is written: the files present are compared, and the exit status is 1 where one differs.
"""
import json
import sys
from pathlib import Path

import engine_vectors
import parameter_vectors
import reference as ref
import scp03
import tariff_vectors
from calendar_vectors import zones
from issuer import det, event, flip, hx, month
from meter_vectors import decisions, key_sets
from reference import be
from scenarios_characters import characters
from scenarios_form import forms, private
from scenarios_issue import life, small_keys, voucher_life
from scenarios_order import blank, issued
from scenarios_settle import settling
from scenarios_use import malformed, vending
from scenarios_use import meter as meter_exchange

SOURCE = "docs/card-specification.md, section "


def document(section, description, **content):
    return {"source": SOURCE + section, "description": description, **content}


# ---- derivation.json ----------------------------------------------------------------------------

def derivation():
    single, admin, holders = [], [], []
    ids = [(0x0102, 0x54, det("id 1", 8), 1), (0xFFFE, 0x50, b"\xFF" * 8, 0xFFFF), (1, 0x54, bytes(7) + b"\x01", 0x0100)]
    for n, (company, environment, subject, generation) in enumerate(ids):
        for size in (16, 24, 32):
            parent = det(f"parent {n} {size}", size)
            for role, labels in ref.LABELS.items():
                kvn = role << 4 | (1, 15, 7)[n]
                gen = generation if role <= 4 else 0
                for label in labels:
                    for bits in (128, 192, 256) if role <= 4 else (128, 256):
                        ctx = ref.context(company, environment, kvn, subject, gen)
                        single.append({"parent": hx(parent), "label": label, "company": hx(be(company, 2)),
                                       "environment": hx(be(environment, 1)), "key_version": f"{kvn:02X}",
                                       "subject_id": hx(subject), "generation": hx(be(gen, 2)), "bits": bits,
                                       "prf_input_1": hx(ref.prf_input(1, label, ctx, bits)),
                                       "key": hx(ref.derive(parent, label, ctx, bits))})
    for n, access in enumerate((bytes(10), b"\xFF" * 10, be(1, 10), det("access 1", 10), det("access 2", 10))):
        company, environment, subject, generation = ids[n % 3]
        printed = ref.print_form(access)
        assert ref.parse_print_form(printed) == access
        wrong = [printed[:-1] + str((int(printed[-1]) + 1) % 10), str((int(printed[0]) + 1) % 10) + printed[1:], printed[:25]]
        holders.append({"access_number": hx(access), "print_form": printed, "refused_print_forms": wrong,
                        "parent": hx(ref.access_parent(access)), "company": hx(be(company, 2)),
                        "environment": hx(be(environment, 1)), "key_version": "41", "subject_id": hx(subject),
                        "generation": hx(be(generation, 2)),
                        "keys": {str(b): [hx(k) for k in ref.derive_role(ref.access_parent(access), company, environment,
                                                                         0x41, subject, generation, b)]
                                 for b in (128, 192, 256)}})
    over = f"{1 << 80:025d}"
    holders[1]["refused_print_forms"].append(over + ref.luhn_digit(over))
    for bits in (128, 192, 256):
        for environment in (0x54, 0x50):
            master, card_id = det(f"maker {bits}", bits // 8), det(f"blank {bits}", 8)
            master = ref.TEST_INITIAL_MASTER if environment == 0x54 else master
            admin.append({"initial_master": hx(master), "environment": hx(be(environment, 1)), "card_id": hx(card_id),
                          "bits": bits, "keys": [hx(k) for k in ref.derive_role(master, 0, environment, 0x10, card_id, 0, bits)]})
    checks = []
    for n, (company, environment, _, _) in enumerate(ids):
        for bits in (128, 256):
            master, kvn = det(f"checked master {n}", 32), (0x11, 0x7F, 0xA7)[n]
            ctx = ref.context(company, environment, kvn, bytes(8), 0)
            checks.append({"master": hx(master), "company": hx(be(company, 2)), "environment": hx(be(environment, 1)),
                           "key_version": f"{kvn:02X}", "bits": bits,
                           "check_value": hx(ref.derive(master, "KEYCHECK", ctx, bits)[:8])})
    persons = []
    for n, (company, environment, _, _) in enumerate(ids):
        for bits in (128, 256):
            master, kvn = det(f"vending master {n}", 32), (0x21, 0x2F, 0x27)[n]
            digits = ("29001011234567", "30412318812345", "28002290100000")[n]
            persons.append({"master": hx(master), "company": hx(be(company, 2)), "environment": hx(be(environment, 1)),
                            "key_version": f"{kvn:02X}", "bits": bits, "digits": digits,
                            "person": hx(ref.person(master, company, environment, kvn, bits, digits))})
    derived = []
    for n, (company, environment, _, _) in enumerate(ids):
        for bits in (128, 256):
            dek, card_id = det(f"vending DEK {n} {bits}", bits // 8), det(f"card of access {n}", 8)
            kvn, generation = (0x21, 0x2F, 0x27)[n], (1, 2, 0xFFFF)[n]
            ctx = ref.context(company, environment, kvn, card_id, generation)
            derived.append({"dek": hx(dek), "company": hx(be(company, 2)), "environment": hx(be(environment, 1)),
                            "key_version": f"{kvn:02X}", "card_id": hx(card_id), "generation": generation,
                            "access_number": hx(ref.derive(dek, "ACCESSNO", ctx, 128)[:10])})
    return document("4.2", "Key derivation, access numbers with the holder's keys, initial admin key sets, check values of masters, persons.",
                    keys=single, check_values=checks, persons=persons, access_numbers=holders, derived_access_numbers=derived,
                    initial_admin_key_sets=admin)


# ---- messages.json ------------------------------------------------------------------------------

TOP = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFFFFFF, 8: 2**64 - 1}


def fields_of(form, data):
    out, at = {}, 0
    for name, size in form:
        size = size if size is not None else len(data) - at
        out[name] = hx(data[at:at + size])
        at += size
    return out


def messages():
    out = []
    for size in (16, 32):
        for kind, (form, tag) in ref.MESSAGES.items():
            role = {"voucher": 5, "mail delivery": 5, "card receipt": 6, "meter receipt": 9}.get(kind, 7)
            for n, (company, environment) in enumerate(((0x0102, 0x54), (0xFFFE, 0x50), (1, 0x54))):
                key, values = det(f"{kind} {n} {size}", size), {}
                for name, width in form:
                    plain = det(f"{kind} {name} {size}", width or 0)
                    values[name] = plain if n == 0 else TOP.get(width, b"\xFF" * (width or 0)) if n == 1 else be(0, width or 0)
                values.update(format=1, kvn=role << 4 | (1, 15, 2)[n])
                if "company" in values:
                    values.update(company=company, environment=environment)
                values.update({k: v[n] for k, v in {"channel": (3, 5, 1), "state": (3, 5, 1)}.items() if k in values})
                if n == 2:  # lowest values that are permitted
                    values.update({k: 1 for k in ("binding", "generation", "sequence", "report", "issue_time") if k in values})
                if "certificate" in values:
                    values["certificate"] = bytes.fromhex(out[0]["encoded"])
                if "envelope" in values:
                    values["envelope"] = ref.seal(environment, company, det("MAC", size), det("ENC", size), det("text", (0, 65, 145)[n]),
                                                  kvn=0x81, meter_id=det("meter", 8), binding=7, slot=n, version=n + 1)
                if kind == "meter receipt":
                    values["balance"] = (-1, -2**63, 2**63 - 1)[n]
                    values["flags"] = (0x0041, 0x00FF, 0)[n]
                data = ref.message(kind, environment, company, key, **values)
                out.append({"type": kind, "tag": tag, "environment": hx(be(environment, 1)), "company": hx(be(company, 2)),
                            "key": hx(key), "fields": fields_of(form, data[:-16]),
                            "mac_input": hx(ref.header(tag, environment, company, data[1], len(data) - 16) + data[:-16]),
                            "encoded": hx(data), "altered": altered(kind, form, data, environment, company, key),
                            "ill_formed": ill_formed(kind, environment, company, key, values)})
    plain = []
    for kind, form, values in (
            ("month", ref.MONTH, [{name: 0 for name, _ in ref.MONTH},
                                  dict(month=77, flags=5, slab=7, energy=35050, energy_charge=68100, re_rating=2200, service_fee=950, levies=2000,
                                       others=2**32 - 300, instalments=5000, doubt_cost=831, tariff=9, peak=7400),
                                  {name: (1 << 8 * size) - 1 - (name == "month") for name, size in ref.MONTH}]),
            ("event", ref.EVENT, [dict(number=1, time=0, code=0, data=bytes(6)),
                                  dict(number=2**32 - 1, time=2**32 - 1, code=0xFFFF, data=b"\xFF" * 6),
                                  dict(number=258, time=0x0C100000, code=0x0203, data=bytes(range(6)))])):
        for v in values:
            data = b"".join(be(v[k], s) if isinstance(v[k], int) else v[k] for k, s in form)
            plain.append({"type": kind, "fields": fields_of(form, data), "encoded": hx(data)})
            assert ref.well_formed(ref.decode(form, data))
    refused = [{"type": "month", "field": "month", "encoded": hx(month(0xFFFF))}, {"type": "event", "field": "number", "encoded": hx(event(0))}]
    return document("5.1 to 5.8", "Messages: fields, CMAC input, encoding; altered and ill-formed ones must be refused.", messages=out,
                    records=plain, ill_formed_records=refused)


def ill_formed(kind, environment, company, key, values):
    """One field of wrong form (section 5, "Form"), each value once, under a right CMAC."""
    form, out = ref.MESSAGES[kind][0], []
    role = None if kind in ("voucher", "mail delivery") else values["kvn"] >> 4
    wrong = {"format": (0, 2), "kvn": (values["kvn"] ^ 0xF0, role << 4) if role else (), "channel": (0, 6), "state": (0, 6), "environment": (0, 0x55),
             **{name: (0,) for name in ref.NOT_ZERO}}
    for name, _ in form:
        for value in wrong.get(name, ()):
            fields = {**values, name: value}
            data = ref.message(kind, fields.get("environment", environment), company, key, **fields)
            assert not ref.well_formed(ref.decode([f for f in form if f[1]], data), role)
            out.append({"field": name, "encoded": hx(data)})
    assert ref.well_formed(values, role)
    return out


def altered(kind, form, data, environment, company, key):
    """One flipped bit in each field and in the CMAC; also the right bytes under another company or environment."""
    out, at = [], 0
    for n, (name, size) in enumerate(form + [("cmac", 16)]):
        size = size if size is not None else len(data) - 16 - at
        bad = flip(data, at + (7 * n) % size, 1 << n % 8)
        at += size
        assert not ref.genuine(kind, environment, company, key, bad)
        out.append({"field": name, "encoded": hx(bad)})
    for name, e, c in (("header: environment", environment ^ 4, company), ("header: company", environment, company ^ 1)):
        assert not ref.genuine(kind, e, c, key, data)
        out.append({"field": name, "encoded": hx(data), "environment": hx(be(e, 1)), "company": hx(be(c, 2))})
    return out


# ---- mail.json ----------------------------------------------------------------------------------

def mail():
    out = []
    for size in (16, 32):
        mac_key, enc_key, load_key = (det(f"mail {k} {size}", size) for k in ("MAC", "ENC", "load"))
        for kvn in (0x81, 0x9F):
            for n, length in enumerate((0, 1, 15, 16, 17, 68, 145)):
                company, environment = ((0x0102, 0x54), (0xFFFE, 0x50))[n % 2]
                values = dict(kvn=kvn, meter_id=det("mail meter", 8), binding=(1, 0xFFFFFFFF, 7)[n % 3],
                              slot=n if kvn < 0x90 else 0x10 + (n + 3) % 4, version=(1, 0xFFFFFFFF)[n % 2])
                if values["slot"] == 0x10:
                    values["version"] = values["binding"]
                plain, card_id = det(f"content {length}", length), det("mail card", 8)
                e = ref.seal(environment, company, mac_key, enc_key, plain, **values)
                assert ref.unseal(environment, company, mac_key, enc_key, e) == plain
                parts = [("format", 0, 2), ("kvn", 1, 1), ("meter_id", 5, 1), ("binding", 13, 1), ("slot", 14, 1),
                         ("version", 18, 2), ("tag", len(e) - 16, 128)] + ([("ciphertext", 19, 4)] if length else [])
                bad = [{"field": name, "envelope": hx(flip(e, at, bit))} for name, at, bit in parts]
                bad.append({"field": "one byte less", "envelope": hx(e[:-1])})
                assert all(ref.unseal(environment, company, mac_key, enc_key, bytes.fromhex(b["envelope"])) is None for b in bad)
                item = {"tag": ref.mail_tag(kvn), "environment": hx(be(environment, 1)), "company": hx(be(company, 2)),
                        "mac_key": hx(mac_key), "enc_key": hx(enc_key), "fields": fields_of(ref.ENVELOPE, e[:19]),
                        "associated_data": hx(ref.header(ref.mail_tag(kvn), environment, company, kvn, 19) + e[:19]),
                        "plain": hx(plain), "envelope": hx(e), "altered": bad}
                if kvn < 0x90:
                    item["delivery"] = {"load_key": hx(load_key), "load_key_version": "52", "card_id": hx(card_id),
                                        "data": hx(ref.message("mail delivery", environment, company, load_key, kvn=0x52,
                                                               company=company, environment=environment, card_id=card_id,
                                                               envelope=e))}
                out.append(item)
    return document("5.5 and 5.6", "Mail envelopes in both directions (AES-SIV) and the data field of PUT MAIL.", envelopes=out)


# ---- scp03.json ---------------------------------------------------------------------------------

def exchanges(level, size):
    greatest = (255 - size) // 16 * 16 - 1 if level & scp03.C_DEC else 255 - size
    for n, (length, answer, sw) in enumerate((
            (0, 0, "9000"), (1, 16, "9000"), (15, 100, "9000"), (16, 0, "6A80"), (17, 1, "9000"), (100, 15, "6282"),
            (greatest, 0, "9000"), (0, 0, "6A82"), (0, 17, "9000"), (48, 223 if size == 16 else 231, "9000"))):
        yield (0x00, 0x80)[n % 2], 0xB0 + n, n, 0x80 - n, det(f"command {n}", length), det(f"answer {n}", answer), sw


def secure_channel():
    sessions = []
    for bits in (128, 192, 256):
        for size in (8, 16):
            for level in scp03.LEVELS:
                name = f"scp03 {bits} {size} {level}"
                keys = [det(f"{name} key {k}", bits // 8) for k in range(3)]
                host_challenge, card_challenge = det(name + " host", size), det(name + " card", size)
                kvn, diversification = 0x20 + level % 15 + 1, det(name + " diversification", 10)
                host, card = (scp03.Session(keys, host_challenge, card_challenge, size) for _ in "12")
                external = host.authenticate(level)
                assert card.accept(level, external[:4], external[5:])
                steps = []
                for cla, ins, p1, p2, data, answer, sw in exchanges(level, size):
                    wrapped, sw = host.wrap(cla, ins, p1, p2, data), bytes.fromhex(sw)
                    assert len(wrapped) <= 260 and card.open(wrapped[:4], wrapped[5:]) == data
                    protected = (b"" if sw[0] == 0x6A else card.close(answer, sw)) + sw
                    assert len(protected) <= 258 and host.unwrap(protected) == (answer, sw)
                    steps.append({"command": hx(bytes([cla, ins, p1, p2]) + (be(len(data), 1) + data if data else b"")),
                                  "wrapped_command": hx(wrapped), "response": hx(answer + sw),
                                  "wrapped_response": hx(protected)})
                sessions.append({
                    "level": f"{level:02X}", "mode": f"S{size}", "key_bits": bits, "static_keys": [hx(k) for k in keys],
                    "host_challenge": hx(host_challenge), "card_challenge": hx(card_challenge),
                    "diversification_data": hx(diversification), "key_version": f"{kvn:02X}",
                    "session_keys": {"enc": hx(host.enc), "mac": hx(host.mac), "rmac": hx(host.rmac)},
                    "initialize_update": hx(bytes([0x80, 0x50, kvn, 0, size]) + host_challenge + b"\0"),
                    "initialize_update_response": hx(diversification + bytes([kvn, 3, 0x60 if size == 8 else 0x61])
                                                     + card_challenge + card.card_cryptogram + b"\x90\0"),
                    "external_authenticate": hx(external), "external_authenticate_response": "9000", "commands": steps})
    return document("8", "SCP03 sessions, both sides (static_keys: ENC, MAC, DEK).", sessions=sessions)


# ---- card.json, meter.json ----------------------------------------------------------------------

def card():
    return document("7 to 12", "Transcripts from a blank card.", transcripts=[f().result() for f in
                              (voucher_life, small_keys, vending, meter_exchange, life, malformed, forms, private, blank, issued, settling, characters)])


def meter():
    return document("4 and 11", "The meter's keys for a card, and its decision on a presented card.", meter_key_sets=key_sets(),
                    decisions=decisions())


# ---- calendar.json, parameters.json, engine.json --------------------------------------------------

def calendar():
    return {"source": "docs/meter.md, sections 3 and 7.2", "description": "Local time, months and friendly times in several zones.",
            "zones": zones()}


def parameters():
    return {"source": "docs/meter.md, sections 7 to 10; docs/tariff.md, section 6",
            "description": "Plaintexts of mail, malformed ones, changes of keys.", **parameter_vectors.content()}


def engine():
    return {"source": "docs/meter.md; docs/tariff.md", "description": "Scenarios: what a meter is told, and how it stands afterwards.",
            "scenarios": engine_vectors.scenarios()}


def tariffs():
    return {"source": "docs/tariff.md", "description": "Bills of the shipped tariffs, and of random ones.", **tariff_vectors.content()}


FILES = {"derivation": derivation, "messages": messages, "mail": mail, "scp03": secure_channel, "card": card, "meter": meter,
         "calendar": calendar, "parameters": parameters, "tariffs": tariffs, "engine": engine}
TEXTS = {"engine": engine_vectors.text, "tariffs": tariff_vectors.text}


def main():
    args = [a for a in sys.argv[1:] if a != "--check"]
    folder = Path(args[0]) if args else Path(__file__).resolve().parent.parent / "vectors"
    differ = 0
    for name, make in FILES.items():
        path, text = folder / f"{name}.json", TEXTS.get(name, lambda document: json.dumps(document, indent=1) + "\n")(make())
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path} differs")
            differ = 1
    sys.exit(differ)


if __name__ == "__main__":
    main()
