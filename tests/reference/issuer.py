"""The other side of the card, for the transcripts: keys of a test company, messages, and a recorder of APDUs."""
from hashlib import shake_256

import scp03
from card import Card
from reference import (EVENT, MONTH, TEST_INITIAL_MASTER, access_parent, be, derive_role, encode, key_block,
                       message, num, plain_key_block, print_form, seal)

ROLE_NAMES = {1: "admin", 2: "vending", 3: "meter", 4: "holder", 5: "load", 6: "receipt", 7: "credit",
              8: "parameter", 9: "report", 10: "meter base", 11: "transport"}


def det(name, size):
    """Fixed bytes for a name: test data."""
    return shake_256(b"prepaid card test vectors: " + name.encode()).digest(size)


def hx(data):
    return data.hex().upper()


def flip(data, at, bit=1):
    return data[:at] + bytes([data[at] ^ bit]) + data[at + 1:]


class Issuer:
    """A company with its masters, one meter and one card."""

    def __init__(self, name, company=0x0102, environment=0x54, bits=256, size=8, generation=1):
        self.name, self.company, self.environment, self.bits = name, company, environment, bits
        self.size, self.generation = size, generation
        self.card_id, self.meter_id, self.binding = det(name + " card id", 8), det(name + " meter id", 8), 7
        self.account = num(det(name + " account", 8))
        self.access_number = det(name + " access number", 10)
        test = environment == 0x54
        self.initial_master = TEST_INITIAL_MASTER if test else det(name + " initial master", bits // 8)
        self.masters = {r: det(f"{name} {n} master", bits // 8) for r, n in ROLE_NAMES.items() if r not in (3, 4)}

    def keys(self, kvn, subject=None, generation=None):
        """All keys with this key version number; masters of other versions are derived by name."""
        role, version = kvn >> 4, kvn & 15
        if kvn == 0x10:
            return derive_role(self.initial_master, 0, self.environment, kvn, self.card_id, 0, self.bits)
        if role == 3:
            parent = self.keys(0xA0 | version)[0]
        elif role == 4:
            parent = access_parent(self.access_number)
        else:
            parent = self.masters[role] if version == 1 else det(f"{self.name} {role} master {version}",
                                                                self.bits // 8)
        subject = subject or (self.card_id if role <= 6 else self.meter_id)
        if generation is None:
            generation = self.generation if role <= 4 else 0
        return derive_role(parent, self.company, self.environment, kvn, subject, generation, self.bits)

    def listing(self):
        """Everything that an implementation needs to follow a transcript."""
        out = {"company": hx(be(self.company, 2)), "generation": hx(be(self.generation, 2)),
               "meter_id": hx(self.meter_id), "account": hx(be(self.account, 8)), "key_bits": self.bits,
               "access_number": hx(self.access_number), "access_number_print_form": print_form(self.access_number),
               "masters": {ROLE_NAMES[r]: hx(m) for r, m in self.masters.items()}}
        out["keys"] = {f"{kvn:02X}": [hx(k) for k in self.keys(kvn)]
                       for kvn in (0x10, 0x11, 0x21, 0x31, 0x41, 0x51, 0x61, 0x71, 0x81, 0x91, 0xA1, 0xB1)}
        return out

    # ---- messages; anything can be replaced by name
    def message(self, kind, key=0, **fields):
        return message(kind, self.environment, self.company, self.keys(fields["kvn"])[key], **fields)

    def certificate(self, sequence, credit, debited, time=0x0C000000, **other):
        v = dict(kvn=0x71, meter_id=self.meter_id, binding=self.binding, generation=self.generation, sequence=sequence,
                 total_credit=credit, total_debited=debited, known_credit=0, known_debited=0, issue_time=time)
        return self.message("credit certificate", **{**v, **other})

    def binding_certificate(self, **other):
        v = dict(kvn=0x71, meter_id=self.meter_id, binding=self.binding, account=self.account, opening_time=0x0BFFFF00)
        return self.message("binding certificate", **{**v, **other})

    def voucher(self, certificate, channel=1, reference=b"REF00001", kvn=0x51, **other):
        v = dict(company=self.company, environment=self.environment, card_id=self.card_id, channel=channel,
                 reference=reference, certificate=certificate)
        v.update(other)
        return message("voucher", v["environment"], v["company"], self.keys(kvn)[0], kvn=kvn, **v)

    def envelope(self, plain, slot, version, kvn=0x81, **other):
        k = self.keys(kvn)
        v = dict(kvn=kvn, meter_id=self.meter_id, binding=self.binding, slot=slot, version=version)
        return seal(self.environment, self.company, k[0], k[1], plain, **{**v, **other})

    def delivery(self, envelope, kvn=0x51, **other):
        v = dict(company=self.company, environment=self.environment, card_id=self.card_id, envelope=envelope)
        v.update(other)
        return message("mail delivery", v["environment"], v["company"], self.keys(kvn)[0], kvn=kvn, **v)

    def meter_receipt(self, report, credit, debited, balance=0, time=0x0C100000, energy=1000, flags=0, **other):
        v = dict(kvn=0x91, meter_id=self.meter_id, binding=self.binding, report=report, time=time, applied_credit=credit,
                 applied_debited=debited, balance=balance, energy=energy, flags=flags)
        return self.message("meter receipt", key=2, **{**v, **other})


def month(index, flags=0, energy=100):
    return encode(MONTH, month=index, flags=flags, slab=1, energy=energy, energy_charge=4800, re_rating=0, service_fee=500, levies=2000, others=-40,
                  instalments=900, doubt_cost=70, tariff=1, peak=3200)


def event(number, code=0x0101):
    return encode(EVENT, number=number, time=0x0C100000 + number % 1000, code=code, data=b"\0\0\0\0\0\1")


def history(months=(), events=()):
    """The data of PUT HISTORY."""
    return bytes([len(months)]) + b"".join(months) + b"".join(events)


def settle(receipt, present, *events):
    return b"\x01" + receipt + present + bytes([len(events)]) + b"".join(events)


class Run:
    """A card and the transcript of what is done to it. Every step names the status word that is expected."""

    def __init__(self, title, description, issuer, t0=False):
        self.i, self.title, self.description, self.steps, self.drawn = issuer, title, description, [], None
        self.card = Card(issuer.card_id, issuer.environment, issuer.keys(0x10), self.draw, t0)
        self.session, self.count = None, 0

    def draw(self, size):
        self.count += 1
        self.drawn = det(f"{self.title} card challenge {self.count}", size)
        return self.drawn

    def power_up(self, description="power-up"):
        self.card.power_up()
        self.steps.append({"description": description, "power_up": True})

    def raw(self, description, apdu, sw="9000"):
        response = self.exchange(description, apdu)
        assert hx(response[-2:]) == sw, (self.title, description, "expected", sw, "got", hx(response))
        return response[:-2]

    def exchange(self, description, apdu):
        apdu = bytes.fromhex(apdu) if isinstance(apdu, str) else apdu
        self.drawn = None
        response = self.card.apdu(apdu)
        step = {"description": description, "command": hx(apdu), "response": hx(response)}
        if self.drawn:
            step["card_challenge"] = hx(self.drawn)
        self.steps.append(step)
        return response

    def cmd(self, description, head, data=b"", le=b"", sw="9000"):
        head = bytes.fromhex(head)
        return self.raw(description, head + (be(len(data), 1) + data if data else b"") + le, sw)

    def begin(self, p1, kvn=None, keys=None):
        """INITIALIZE UPDATE; the host's side of the session to come."""
        kvn = kvn or p1
        host = det(f"{self.title} host challenge {self.count}", self.card.size)
        answer = self.cmd(f"INITIALIZE UPDATE {p1:02X}", f"8050{p1:02X}00", host, b"\0")
        s = scp03.Session(keys or self.i.keys(kvn), host, answer[13:13 + self.card.size], self.card.size)
        assert answer[10] == kvn and answer[13 + self.card.size:] == s.card_cryptogram
        return s

    def open(self, p1, level, kvn=None, keys=None):
        """INITIALIZE UPDATE and EXTERNAL AUTHENTICATE."""
        s = self.begin(p1, kvn, keys)
        self.raw(f"EXTERNAL AUTHENTICATE level {level:02X}", s.authenticate(level))
        self.session = s

    def sec(self, description, head, data=b"", sw="9000", le=b""):
        """A command wrapped in the open session."""
        h = bytes.fromhex(head)
        plain = h + (be(len(data), 1) + data if data else b"") + le
        answer = self.raw(description, self.session.wrap(*h, data, le), sw)
        data, sw = self.session.unwrap(answer + bytes.fromhex(sw))
        self.steps[-1].update(plain_command=hx(plain), plain_response=hx(data + sw))
        return data

    # ---- usual parts
    def select(self, sw="9000"):
        return self.raw("SELECT", "00A4040008F04547454C45430100", sw)

    def store_data(self, issuance=0, expiry=0):
        i = self.i
        profile = be(i.account, 8) + b"\x01\x00" + be(10000, 4) + bytes(82)
        data = (be(i.company, 2) + be(i.environment, 1) + be(i.generation, 2) + be(i.size, 1) + be(issuance, 1)
                + be(0x0C000000, 4) + be(expiry, 4) + profile)
        return self.sec("STORE DATA", "80E20000", data)

    def put_key(self, p1, kvn, sw="9000"):
        data = key_block(kvn, self.i.keys(kvn), self.session.dek)
        return self.sec(f"PUT KEY {p1:02X} to {kvn:02X}", f"80D8{p1:02X}{'81' if kvn < 0x50 else '01'}", data, sw)

    def bind_data(self, binding, certificate, kvn=0x31):
        return binding + certificate + plain_key_block(kvn, self.i.keys(kvn), self.session.dek)

    def bind(self, sw="9000"):
        data = self.bind_data(self.i.binding_certificate(), self.i.certificate(1, 0, 0))
        return self.sec("BIND", "80520000", data, sw)

    def personalise(self, issuance=0, expiry=0):
        self.select()
        self.open(0x10, 0x33)
        self.store_data(issuance, expiry)
        self.bind()
        self.complete()

    def complete(self):
        """What follows BIND."""
        for kvn in (0x21, 0x41, 0x51, 0x61):
            self.put_key(0, kvn)
        self.put_key(0x10, 0x11)
        self.sec("SET STATUS PERSONALISED", "80F00002")
        self.session = None

    def load(self, description, voucher, sw="9000"):
        return self.cmd("LOAD VOUCHER: " + description, "80400000", voucher, sw=sw)

    def activate(self, credit=10000):
        self.load("first charge at a branch", self.i.voucher(self.i.certificate(2, credit, 0)))

    def result(self):
        i = self.i
        return {"title": self.title, "description": self.description,
                "initial": {"card_id": hx(i.card_id), "environment": hx(be(i.environment, 1)),
                            "initial_master": hx(i.initial_master), "key_bits": i.bits,
                            **({"protocol": "T=0"} if self.card.t0 else {})},
                "issuer": i.listing(), "steps": self.steps}
