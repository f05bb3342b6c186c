"""A small model of the card: APDU bytes in, response bytes out, over T=1 (sections 3 and 6 to 12)."""
from reference import (BINDING, CERTIFICATE, DELIVERY, ENVELOPE, EVENT, MESSAGES, METER_RECEIPT, MONTH, VOUCHER,
                       be, cbc, check_value, decode, encode, genuine, message, num)
from scp03 import LEVELS, Session, WrongMac

BLANK, PERSONALISED, ACTIVE, BLOCKED, TERMINATED = 1, 2, 3, 4, 5
ADMIN, VENDING, METER, HOLDER, LOAD, RECEIPT = 1, 2, 3, 4, 5, 6
SESSION_STATES = {ADMIN: (1, 2, 3, 4, 5), VENDING: (2, 3, 4), METER: (3,), HOLDER: (2, 3, 4)}
AID = bytes.fromhex("F04547454C454301")
RECORDS = {5: 32, 7: 36, 8: 64}
READERS = [(ADMIN, 0x33), (VENDING, 0x33), (HOLDER, 0x33)]


class Refused(Exception):
    def __init__(self, sw):
        self.sw = bytes.fromhex(sw)


def check(condition, sw):
    if not condition:
        raise Refused(sw)


def totals(cert):
    return cert["total_credit"], cert["total_debited"]


class Card:
    def __init__(self, card_id, environment, initial_keys, challenge):
        """`challenge(size)` draws the random card challenge."""
        self.card_id, self.environment, self.challenge = card_id, environment, challenge
        self.state, self.before, self.company, self.generation = BLANK, 0, 0, 0
        self.size, self.issuance, self.issued, self.expiry, self.profile = 8, 0, 0, 0, None
        self.keys = {ADMIN: (0x10, initial_keys)}
        self.binding = self.certificate = None
        self.loads, self.log, self.activated = 0, {}, 0
        self.power_up()

    def power_up(self):
        self.session = self.handshake = self.file = self.rest = None

    # ---- one APDU: checks (1) to (4), answer --------------------------------------------------

    def apdu(self, raw):
        rest, self.rest = self.rest, None
        self.secured = False
        try:
            head, data, ne = self.parse(raw)
            if head[:2] == b"\x00\xC0" and head[0] & 4 == 0:
                self.rest = rest
            out, sw = self.dispatch(head, data, ne)
        except Refused as e:
            return e.sw
        if self.secured:
            out = self.session.close(out, sw)
        if ne and ne < len(out) and head[1] != 0xB0:
            self.rest = out[ne:], sw
            return out[:ne] + bytes([0x61, len(out) - ne & 0xFF])
        return out + sw

    @staticmethod
    def parse(raw):
        """(1) header, data field, Ne (None: absent)."""
        check(len(raw) >= 4, "6700")
        head, body = raw[:4], raw[4:]
        if len(body) == 0:
            return head, b"", None
        if len(body) == 1:
            return head, b"", body[0] or 256
        check(body[0] and len(body) - 1 - body[0] in (0, 1), "6700")
        data, le = body[1:1 + body[0]], body[1 + body[0]:]
        return head, data, (le[0] or 256) if le else None

    def dispatch(self, head, data, ne):
        cla, ins, p1, p2 = head
        check(cla != 0xFF, "6E00")                                         # (2)
        check(not cla & 0x40, "6881")
        check(not cla & 0x20, "6E00")
        check(not cla & 0x03, "6881")
        check(not cla & 0x08, "6882")
        check(not cla & 0x10, "6884")
        plain = cla & ~4
        if cla & 4:
            check((plain, ins) not in ((0x00, 0xA4), (0x80, 0x50), (0x00, 0xC0)), "6E00")
        if (cla, ins) == (0x84, 0x82):
            return self.external_authenticate(head, p1, p2, data)
        if cla & 4:                                                        # (3)
            check(self.session, "6985")
            try:
                data = self.session.open(head, data)
            except WrongMac:
                self.session = None
                raise Refused("6988")
            self.secured = True
        command = self.COMMANDS.get((plain, ins))
        check(command, "6D00")                                             # (4)
        answer = command(self, p1, p2, data, ne)                           # (5) to (9)
        return answer if isinstance(answer, tuple) else (answer or b"", b"\x90\0")

    # ---- checks (6) to (8) ----------------------------------------------------------------------

    def need(self, *rights):
        """(6) one of the (role, level)."""
        s = self.session if self.secured else None
        check(s and any(s.role == r and s.level & l == l for r, l in rights), "6982")

    def in_state(self, *states):
        check(self.state in states, "6985")

    @staticmethod
    def length(data, *sizes):
        check(len(data) in sizes, "6700")

    # ---- section 7 ------------------------------------------------------------------------------

    def summary(self):
        return (bytes([1, self.state, self.environment]) + be(self.company, 2) + self.card_id
                + be(self.generation, 2))

    def select(self, p1, p2, data, ne):
        check(p1 == 4 and p2 in (0x00, 0x0C), "6A86")
        check(not data or 5 <= len(data) <= 8 and AID.startswith(data), "6A82")
        self.session = self.handshake = self.file = None
        if p2 == 0x00:
            inner = bytes.fromhex("9F6501FFC10F") + self.summary()
            return bytes.fromhex("6F218408") + AID + b"\xA5\x15" + inner

    def content(self, sfi):
        """A transparent file, or None where it does not exist yet."""
        if sfi == 1:
            return (b"\x01" + self.card_id + be(self.generation, 2) + be(self.company, 2)
                    + bytes([self.environment, self.mode_i(), self.issuance]) + be(self.issued, 4)
                    + be(self.expiry, 4) + bytes(8))
        if sfi == 2:
            return self.profile
        if self.binding is None:
            return None
        if sfi == 3:
            return self.binding
        if sfi == 4:
            return (self.certificate + be(self.settled[0], 8) + be(self.settled[1], 8) + be(self.loads, 4)
                    + bytes([self.state, self.activated]))
        return self.meter if sfi == 6 else self.directory()

    def readable(self, sfi):
        if sfi != 1:
            self.need(*READERS, *([(METER, 0x11)] if sfi in (3, 9) else []))

    def read_binary(self, p1, p2, data, ne):
        if p1 & 0x80:
            sfi, offset = p1 - 0x80, p2
            check(1 <= sfi <= 9, "6A82")
        else:
            check(self.file, "6986")
            sfi, offset = self.file, p1 << 8 | p2
        self.readable(sfi)
        self.length(data, 0)
        check(sfi in RECORDS or self.content(sfi) is not None, "6A82")
        check(sfi not in RECORDS, "6981")
        content = self.content(sfi)
        self.file = sfi
        check(offset < len(content), "6B00")
        out = content[offset:offset + (ne or 256)]
        return out, bytes.fromhex("6282" if ne and ne < 256 and len(out) < ne else "9000")

    def read_record(self, p1, p2, data, ne):
        sfi = p2 >> 3
        check(p2 & 7 == 4 and p1, "6A86")
        check(1 <= sfi <= 9, "6A82")
        self.readable(sfi)
        self.length(data, 0)
        check(sfi in RECORDS, "6981")
        check(self.binding is not None, "6A82")
        check(p1 <= RECORDS[sfi], "6A83")
        records, newest = {5: (self.log, self.loads), 7: (self.months, self.last_month),
                           8: (self.events, self.last_event)}[sfi]
        record = records.get(newest - p1 + 1)
        check(record, "6A83")
        return record

    def get_data(self, p1, p2, data, ne):
        tag = p1 << 8 | p2
        private = self.issuance & 1
        if tag == 0xDF22 and private:
            check(self.secured, "6982")
        self.length(data, 0)
        if tag == 0x0066:
            return bytes.fromhex("6630732E06072A864886FC6B01600B06092A864886FC6B02020363"
                                 "0906072A864886FC6B03640B06092A864886FC6B0403") + bytes([self.mode_i()])
        if tag == 0x00E0:
            out = b""
            for role in sorted(self.keys):
                kvn, keys = self.keys[role]
                for i, key in enumerate(keys):
                    out += bytes([0xC0, 4, i + 1, kvn, 0x88, len(key)])
            return bytes([0xE0, len(out)]) + out
        if tag == 0xDF21:
            return b"\xDF\x21\x20" + self.public_status(private)
        check(tag == 0xDF22 and self.binding and RECEIPT in self.keys, "6A88")
        return b"\xDF\x22\x51" + self.receipt()

    def public_status(self, private):
        settled_once = self.binding is not None and self.report() != 0
        flags = (0 if private else 1) | (2 if settled_once else 0)
        if private or not self.binding:
            return bytes([1, self.state, flags]) + bytes(29)
        cert = decode(CERTIFICATE, self.certificate)
        pending = [max(0, t - s) for t, s in zip(totals(cert), self.settled)]
        return (bytes([1, self.state, flags]) + be(pending[0], 8) + be(pending[1], 8) + self.meter[38:46]
                + self.meter[18:22] + bytes([self.meter[51] & 3]))

    def get_response(self, p1, p2, data, ne):
        check(p1 == p2 == 0, "6A86")
        self.length(data, 0)
        rest, self.rest = self.rest, None
        check(rest, "6985")
        return rest

    def set_status(self, p1, p2, data, ne):
        check(p1 == 0 and 2 <= p2 <= 5, "6A86")
        self.need((ADMIN, 0x11), *([(VENDING, 0x11)] if p2 == BLOCKED else []))
        if p2 != self.state:
            complete = len(self.keys) == 6 and self.keys[ADMIN][0] & 15 and self.binding is not None
            check({PERSONALISED: self.state == BLANK and complete or self.state == BLOCKED and self.before == p2,
                   ACTIVE: self.state == BLOCKED and self.before == p2,
                   BLOCKED: self.state in (PERSONALISED, ACTIVE), TERMINATED: True}[p2], "6985")
        self.length(data, 0)
        if p2 != self.state:
            self.state, self.before = p2, self.state

    # ---- section 8 ------------------------------------------------------------------------------

    def mode_i(self):
        return 0x60 if self.size == 8 else 0x61

    def initialize_update(self, p1, p2, data, ne):
        check(p2 == 0, "6A86")
        role = p1 >> 4 if p1 else VENDING if VENDING in self.keys else ADMIN
        check(role not in SESSION_STATES or self.state in SESSION_STATES[role], "6985")
        self.length(data, self.size)
        check(role in SESSION_STATES and role in self.keys, "6A88")
        kvn, keys = self.keys[role]
        check(p1 & 15 == 0 or p1 == kvn, "6A88")
        self.session = None
        challenge = self.challenge(self.size)
        self.handshake = Session(keys, data, challenge, self.size)
        self.handshake.role = role
        return (self.card_id + be(self.generation, 2) + bytes([kvn, 3, self.mode_i()]) + challenge
                + self.handshake.card_cryptogram)

    def external_authenticate(self, head, p1, p2, data):
        check(p1 in LEVELS and p2 == 0, "6A86")
        check(self.handshake, "6985")
        self.length(data, 2 * self.handshake.size)
        session, self.handshake = self.handshake, None
        check(session.accept(p1, head, data), "6300")
        self.session = session
        return b"", b"\x90\0"

    # ---- section 9 ------------------------------------------------------------------------------

    def for_this_card(self, kind, data):
        """Checks 1 to 6 of LOAD VOUCHER and PUT MAIL; the fields."""
        v = decode([f for f in MESSAGES[kind][0] if f[1]], data)
        check(data[0] == 1, "6A80")
        check(v["company"] == self.company, "9402")
        check(v["environment"] == self.environment, "9403")
        check(v["card_id"] == self.card_id, "9401")
        kvn, keys = self.keys[LOAD]
        check(v["kvn"] == kvn, "9409")
        check(genuine(kind, self.environment, self.company, keys[0], data), "9408")
        return v

    def load_voucher(self, p1, p2, data, ne):
        check(p1 == p2 == 0, "6A86")
        self.in_state(PERSONALISED, ACTIVE)
        self.length(data, 94)
        v = self.for_this_card("voucher", data)
        cert, own = decode(CERTIFICATE, v["certificate"]), decode(CERTIFICATE, self.certificate)
        check(cert["format"] == 1, "6A80")
        check(cert["meter_id"] == own["meter_id"], "9404")
        check(cert["binding"] == own["binding"], "9405")
        check(cert["generation"] == self.generation, "9406")
        if cert["sequence"] <= own["sequence"]:
            return bytes([2 if cert["sequence"] == own["sequence"] else 3]) + self.receipt()
        rise = [n - o for n, o in zip(totals(cert), totals(own))]
        check(min(rise) >= 0, "9407")
        check(self.state == ACTIVE or v["channel"] == 1, "940D")
        outcome = 4
        if any(rise):
            check(self.loads < 0xFFFFFFFF, "940B")
            outcome, self.loads = 1, self.loads + 1
            self.log[self.loads] = (be(self.loads, 4) + be(cert["issue_time"], 4) + be(v["channel"], 1) + b"\0"
                                    + v["reference"] + be(cert["sequence"], 4) + be(rise[0], 8) + be(rise[1], 8)
                                    + be(cert["total_credit"], 8) + bytes(2))
        self.certificate, self.state, self.activated = v["certificate"], ACTIVE, 1
        return bytes([outcome]) + self.receipt()

    def receipt(self):
        kvn, keys = self.keys[RECEIPT]
        cert = decode(CERTIFICATE, self.certificate)
        fields = {k: cert[k] for k in ("meter_id", "binding", "sequence", "total_credit", "total_debited")}
        return message("card receipt", self.environment, self.company, keys[0], kvn=kvn, card_id=self.card_id,
                       generation=self.generation, settled_credit=self.settled[0], settled_debited=self.settled[1],
                       loads=self.loads, state=self.state, **fields)

    # ---- section 10 -----------------------------------------------------------------------------

    def directory(self):
        slots = [*range(0x00, 0x0C), *range(0x10, 0x14)]
        return b"".join(self.mail[s][15:19] if s in self.mail else bytes(4) for s in slots)

    def store_mail(self, envelope, slots, any_lower=None):
        e = decode(ENVELOPE, envelope)
        check(e["format"] == 1 and e["slot"] in slots and e["version"], "6A80")
        own = decode(BINDING, self.binding)
        check(e["meter_id"] == own["meter_id"], "9404")
        lower = e["slot"] == any_lower and e["binding"] < own["binding"]
        check(e["binding"] == own["binding"] or lower, "9405")
        stored = num(self.mail[e["slot"]][15:19]) if e["slot"] in self.mail else 0
        check(e["version"] >= stored, "940A")
        outcome = 2
        if e["version"] > stored:
            outcome, self.mail[e["slot"]] = 1, envelope
        return bytes([outcome, e["slot"]]) + be(e["version"], 4)

    def put_mail(self, p1, p2, data, ne):
        check(p1 == p2 == 0, "6A86")
        self.in_state(PERSONALISED, ACTIVE)
        self.length(data, *range(64, 210))
        self.for_this_card("mail delivery", data)
        return self.store_mail(data[13:-16], range(0x00, 0x0C))

    def get_mail(self, p1, p2, data, ne):
        check(p2 == 0, "6A86")
        self.in_state(2, 3, 4, 5)
        self.length(data, 0)
        check(self.binding and p1 in self.mail, "6A88")
        return self.mail[p1]

    def put_meter_mail(self, p1, p2, data, ne):
        self.meter_command(p1, p2, 0x11)
        self.length(data, *range(35, 181))
        return self.store_mail(data, range(0x10, 0x14), any_lower=0x10)

    # ---- section 11 -----------------------------------------------------------------------------

    def meter_command(self, p1, p2, level, p1s=(0,)):
        check(p1 in p1s and p2 == 0, "6A86")
        self.need((METER, level))
        self.in_state(ACTIVE)

    def report(self):
        return decode(METER_RECEIPT, self.meter)["report"]

    def last(self):
        return be(self.last_month & 0xFFFF, 2), be(self.last_event, 4)

    def read_certificate(self, p1, p2, data, ne):
        self.meter_command(p1, p2, 0x11, (0, 1))
        self.length(data, 0)
        if p1 == 1:
            return self.binding
        month, event = self.last()
        return (self.summary() + self.certificate + be(self.settled[0], 8) + be(self.settled[1], 8)
                + be(self.report(), 4) + self.directory() + month + event)

    def settle(self, p1, p2, data, ne):
        self.meter_command(p1, p2, 0x13)
        check(len(data) >= 94 and data[93] <= 4 and len(data) == 94 + 16 * data[93], "6700")
        new, month = decode(METER_RECEIPT, data[1:69]), decode(MONTH, data[69:93])
        events = [data[i:i + 16] for i in range(94, len(data), 16)]
        own = decode(BINDING, self.binding)
        check(data[0] == 1 and new["format"] == 1, "6A80")
        check(new["meter_id"] == own["meter_id"], "9404")
        check(new["binding"] == own["binding"], "9405")
        check(new["report"], "6A80")
        if new["report"] == self.report():
            check(data[1:69] == self.meter[:68], "940A")
        else:
            check(new["report"] > self.report(), "940A")
            applied = new["applied_credit"], new["applied_debited"]
            check(all(a >= s for a, s in zip(applied, self.settled)), "940C")
            check(month["month"] >= num(self.meter[68:70]), "940A")
            numbers = [self.last_event] + [decode(EVENT, e)["number"] for e in events]
            check(all(a < b for a, b in zip(numbers, numbers[1:])), "6A80")
            self.meter, self.settled = data[1:93], applied
            for e in events:
                self.last_event = num(e[:4])
                self.events[self.last_event] = e
        return b"".join(self.last())

    def history(self, p1, p2, data, size):
        """PUT MONTHS, PUT EVENTS: the records of the message."""
        self.meter_command(p1, p2, 0x13)
        check(data and 1 <= data[0] <= 8 and len(data) == 1 + size * data[0], "6700")
        return [data[i:i + size] for i in range(1, len(data), size)]

    def put_months(self, p1, p2, data, ne):
        months = self.history(p1, p2, data, 24)
        numbers = [num(m[:2]) for m in months]
        check(0xFFFF not in numbers and sorted(set(numbers)) == numbers, "6A80")
        for n, m in zip(numbers, months):
            if n > self.last_month:
                self.last_month, self.months[n] = n, m
        return self.last()[0]

    def put_events(self, p1, p2, data, ne):
        events = self.history(p1, p2, data, 16)
        numbers = [num(e[:4]) for e in events]
        check(sorted(set(numbers)) == numbers, "6A80")
        for n, e in zip(numbers, events):
            if n > self.last_event:
                self.last_event, self.events[n] = n, e
        return self.last()[1]

    # ---- section 12 -----------------------------------------------------------------------------

    def store_data(self, p1, p2, data, ne):
        check(p1 == 0 and p2 in (0, 1), "6A86")
        self.need((ADMIN, 0x33), *([(VENDING, 0x33)] if p2 else []))
        self.in_state(*((2, 3, 4) if p2 else (1,)))
        self.length(data, 96 if p2 else 111)
        if p2:
            self.profile = data
            return
        company, generation = num(data[:2]), num(data[3:5])
        check(company not in (0, 0xFFFF), "6A80")
        check(data[2] == self.environment, "9403")
        check(generation, "6A80")
        check(data[5] in (8, 16), "6A80")
        self.company, self.generation, self.size, self.issuance = company, generation, data[5], data[6]
        self.issued, self.expiry, self.profile = num(data[7:11]), num(data[11:15]), data[15:]

    def unpack_keys(self, data, count, sizes):
        """Key version number and keys of PUT KEY's data; 6A80 where anything is wrong."""
        kvn, at, keys = data[0], 1, []
        while at < len(data):
            head = data[at:at + 3]
            check(len(head) == 3 and head[0] == 0x88 and head[2] in sizes, "6A80")
            padded = -(-head[2] // 16) * 16
            end = at + 3 + padded
            check(head[1] == 1 + padded and len(data) >= end + 4 and data[end] == 3, "6A80")
            key = cbc(self.session.dek, bytes(16), data[at + 3:end], decrypt=True)[:head[2]]
            check(check_value(key) == data[end + 1:end + 4], "6A80")
            keys.append(key)
            at = end + 4
        check(len(keys) == count and len(set(map(len, keys))) == 1, "6A80")
        return kvn, keys

    def put_key(self, p1, p2, data, ne):
        check(p2 in (0x81, 0x01), "6A86")
        self.need((ADMIN, 0x33))
        self.in_state(1, 2, 3, 4)
        check(data, "6A80")
        role, version = data[0] >> 4, data[0] & 15
        check(1 <= role <= 6 and version, "6A80")
        check(p2 == (0x81 if role <= 4 else 0x01), "6A80")
        kvn, keys = self.unpack_keys(data, *((3, (16, 24, 32)) if role <= 4 else (1, (16, 32))))
        check(role != METER or self.binding is not None, "6985")
        check(p1 == 0 or p1 >> 4 == role, "6A88")
        if self.keys.get(role) != (kvn, keys):
            check(p1 == self.keys.get(role, (0, None))[0], "6A88")
            self.keys[role] = kvn, keys
        return bytes([kvn]) + b"".join(check_value(k) for k in keys)

    def bind(self, p1, p2, data, ne):
        check(p1 == p2 == 0, "6A86")
        self.need((ADMIN, 0x33))
        self.in_state(1, 2, 3)
        self.length(data, 168, 216)
        check(self.profile is not None, "6985")
        binding, certificate = data[:42], data[42:98]
        b, c = decode(BINDING, binding), decode(CERTIFICATE, certificate)
        check(b["format"] == c["format"] == 1, "6A80")
        check(b["meter_id"] == c["meter_id"], "9404")
        check(b["binding"] == c["binding"] and b["binding"], "9405")
        check(c["generation"] == self.generation, "9406")
        key_data = data[98:]
        check(key_data[0] >> 4 == METER and key_data[0] & 15, "6A80")
        keys = self.unpack_keys(key_data, 3, (16, 24, 32))
        if self.binding is not None and self.binding[2:10] == binding[2:10]:
            own = decode(BINDING, self.binding)["binding"]
            check(b["binding"] >= own, "9405")
            if b["binding"] == own:
                if (binding, certificate, keys) == (self.binding, self.certificate, self.keys[METER]):
                    return
                check(self.state == BLANK, "9405")
        self.binding, self.certificate, self.keys[METER] = binding, certificate, keys
        self.settled, self.meter, self.mail = (0, 0), bytes(92), {}
        self.months, self.last_month, self.events, self.last_event = {}, -1, {}, 0

    COMMANDS = {
        (0x00, 0xA4): select, (0x00, 0xB0): read_binary, (0x00, 0xB2): read_record, (0x00, 0xCA): get_data,
        (0x80, 0xCA): get_data, (0x00, 0xC0): get_response, (0x80, 0x50): initialize_update,
        (0x80, 0x40): load_voucher, (0x80, 0x42): put_mail, (0x80, 0x44): get_mail, (0x80, 0x46): read_certificate,
        (0x80, 0x48): settle, (0x80, 0x4A): put_months, (0x80, 0x4C): put_events, (0x80, 0x4E): put_meter_mail,
        (0x80, 0x52): bind, (0x80, 0xE2): store_data, (0x80, 0xD8): put_key, (0x80, 0xF0): set_status,
    }
