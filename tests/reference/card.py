"""A small model of the card: APDU bytes in, response bytes out, over T=1 and T=0 (sections 3, 6 to 12 and 16)."""
from commands import ACTIVE, ADMIN, BLANK, BLOCKED, HOLDER, METER, PERSONALISED, RECEIPT, TERMINATED, VENDING
from commands import Commands, Refused, check, totals
from reference import CERTIFICATE, be, decode
from scp03 import LEVELS, Session, WrongMac

SESSION_STATES = {ADMIN: (1, 2, 3, 4, 5), VENDING: (2, 3, 4), METER: (3,), HOLDER: (2, 3, 4)}
AID = bytes.fromhex("F04547454C454301")
RECORDS = {5: 32, 7: 36, 8: 64}
READERS = [(ADMIN, 0x33), (VENDING, 0x33), (HOLDER, 0x33)]


class Card(Commands):
    def __init__(self, card_id, environment, initial_keys, challenge, t0=False):
        """`challenge(size)` draws the random card challenge."""
        self.t0, self.card_id, self.environment, self.challenge = t0, card_id, environment, challenge
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
        fetches = raw[1:2] == b"\xC0"
        if not fetches:
            self.rest = None
        self.secured = False
        try:
            head, data, ne = self.parse(raw)
            out, sw = self.dispatch(head, data, ne)
        except Refused as e:
            return e.sw
        if self.secured:
            out = self.session.close(out, sw)
        if fetches or not out:
            return out + sw
        return self.leave(head, data, ne, out, sw)

    def leave(self, head, data, ne, out, sw):
        """What is answered at once, and what is left for GET RESPONSE."""
        if self.t0 and not data and ne != len(out):
            return bytes([0x6C, len(out) & 0xFF])
        now = 0 if self.t0 and data else len(out) if self.secured else min(ne or 256, len(out))
        if now < len(out):
            self.rest = head[0], out[now:], sw
            sw = bytes([0x61, len(out) - now & 0xFF])
        return out[:now] + sw

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
        self.head = head
        cla, ins, p1, p2 = head
        check(cla != 0xFF, "6E00")                                         # (2)
        check(not cla & 0x40, "6881")
        check(not cla & 0x20, "6E00")
        check(not cla & 0x03, "6881")
        check(not cla & 0x08, "6882")
        check(not cla & 0x10, "6884")
        check((cla, ins) not in ((0x04, 0xA4), (0x84, 0x50)), "6E00")
        if (cla, ins) == (0x84, 0x82):
            return self.external_authenticate(head, p1, p2, data)
        if cla & 4 and ins != 0xC0:                                        # (3)
            check(self.session, "6985")
            try:
                data = self.session.open(head, data)
            except WrongMac:
                self.session = None
                raise Refused("6988")
            self.secured = True
        command = self.COMMANDS.get((cla & ~4, ins))
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
        if sfi == 10:
            return b"".join(self.content(n) for n in (3, 4, 9))
        return self.meter if sfi == 6 else self.directory()

    def readable(self, sfi):
        if sfi != 1:
            self.need(*READERS, *([(METER, 0x11)] if sfi in (3, 9) else []))

    def read_binary(self, p1, p2, data, ne):
        if p1 & 0x80:
            sfi, offset = p1 - 0x80, p2
            check(1 <= sfi <= 10, "6A82")
        else:
            check(self.file, "6986")
            sfi, offset = self.file, p1 << 8 | p2
        self.readable(sfi)
        self.length(data, 0)
        check(sfi not in RECORDS, "6981")
        content = self.content(sfi)
        check(content is not None, "6A82")
        self.file = sfi
        check(offset < len(content), "6B00")
        out = content[offset:offset + (ne or 256)]
        return out, bytes.fromhex("6282" if ne and ne < 256 and len(out) < ne else "9000")

    def read_record(self, p1, p2, data, ne):
        sfi, every = p2 >> 3, p2 & 7 == 5
        check(p2 & 7 in (4, 5) and p1, "6A86")
        check(1 <= sfi <= 10, "6A82")
        self.readable(sfi)
        self.length(data, 0)
        check(sfi in RECORDS, "6981")
        check(self.binding is not None, "6A82")
        check(p1 <= RECORDS[sfi], "6A83")
        records, newest = {5: (self.log, self.loads), 7: (self.months, self.last_month),
                           8: (self.events, self.last_event)}[sfi]
        numbers = range(p1, RECORDS[sfi] + 1) if every else [p1]
        found = [records[newest - n + 1] for n in numbers if newest - n + 1 in records]
        check(found, "6A83")
        return b"".join(found[:239 // len(found[0])])

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
        if private or not self.binding:
            return bytes([1, self.state, 0 if private else 1]) + bytes(29)
        flags = 3 if self.report() else 1
        cert = decode(CERTIFICATE, self.certificate)
        pending = [max(0, t - s) for t, s in zip(totals(cert), self.settled)]
        return (bytes([1, self.state, flags]) + be(pending[0], 8) + be(pending[1], 8) + self.meter[38:46]
                + self.meter[18:22] + bytes([self.meter[51] & 3]))

    def get_response(self, p1, p2, data, ne):
        check(p1 == p2 == 0, "6A86")
        self.length(data, 0)
        check(self.rest and self.head[0] in (0x00, self.rest[0]), "6985")
        cla, out, sw = self.rest
        now = min(ne or len(out), len(out))
        check(not self.t0 or now == len(out) == (ne or now), f"6C{len(out) & 0xFF:02X}")
        self.rest = (cla, out[now:], sw) if now < len(out) else None
        return out[:now], bytes([0x61, len(out) - now & 0xFF]) if self.rest else sw

    def set_status(self, p1, p2, data, ne):
        check(p1 == 0 and 2 <= p2 <= 5, "6A86")
        self.need((ADMIN, 0x11), *([(VENDING, 0x11)] if p2 == BLOCKED else []))
        if p2 != self.state:
            complete = (len(self.keys) == 6 and self.keys[ADMIN][0] & 15 and self.binding is not None
                        and decode(CERTIFICATE, self.certificate)["generation"] == self.generation)
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
        vending = VENDING in self.keys and self.state in SESSION_STATES[VENDING]
        role = p1 >> 4 if p1 else VENDING if vending else ADMIN
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

    COMMANDS = {
        (0x00, 0xA4): select, (0x00, 0xB0): read_binary, (0x00, 0xB2): read_record, (0x00, 0xCA): get_data,
        (0x80, 0xCA): get_data, (0x00, 0xC0): get_response, (0x80, 0xC0): get_response, (0x80, 0x50): initialize_update,
        (0x80, 0x40): Commands.load_voucher, (0x80, 0x42): Commands.put_mail, (0x80, 0x44): Commands.get_mail, (0x80, 0x46): Commands.read_certificate,
        (0x80, 0x48): Commands.settle, (0x80, 0x4A): Commands.put_history, (0x80, 0x4E): Commands.put_meter_mail,
        (0x80, 0x52): Commands.bind, (0x80, 0xE2): Commands.store_data, (0x80, 0xD8): Commands.put_key, (0x80, 0xF0): set_status,
    }
