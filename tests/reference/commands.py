"""The card's commands of sections 9 to 12: voucher, mail, meter exchange, personalisation."""
from reference import (BINDING, CERTIFICATE, ENVELOPE, EVENT, MESSAGES, METER_RECEIPT, MONTH, MONTH_SIZE, MOST_HISTORY, MOST_MONTHS,
                       MOST_SETTLED, be, cbc, check_value, decode, genuine, message, num, well_formed)

BLANK, PERSONALISED, ACTIVE, BLOCKED, TERMINATED = 1, 2, 3, 4, 5
ADMIN, VENDING, METER, HOLDER, LOAD, RECEIPT = 1, 2, 3, 4, 5, 6


class Refused(Exception):
    def __init__(self, sw):
        self.sw = bytes.fromhex(sw)


def check(condition, sw):
    if not condition:
        raise Refused(sw)


def totals(cert):
    return cert["total_credit"], cert["total_debited"]


class Commands:
    """State and the checks (6) to (8) are those of Card."""

    # ---- section 9 ------------------------------------------------------------------------------

    def for_this_card(self, kind, data):
        """Checks 1 to 6 of LOAD VOUCHER and PUT MAIL; the fields."""
        v = decode([f for f in MESSAGES[kind][0] if f[1]], data)
        check(well_formed(v), "6A80")
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
        self.length(data, 110)
        v = self.for_this_card("voucher", data)
        cert, own = decode(CERTIFICATE, v["certificate"]), decode(CERTIFICATE, self.certificate)
        check(well_formed(cert, 7), "6A80")
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
            amounts = b"".join(be(min(amount, 2**48 - 1), 6) for amount in (*rise, cert["total_credit"]))
            self.log[self.loads] = (be(self.loads, 4) + be(cert["issue_time"], 4) + be(v["channel"], 1) + v["reference"]
                                    + be(cert["sequence"], 4) + amounts)
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

    def store_mail(self, envelope, role, slots):
        e = decode(ENVELOPE, envelope)
        check(well_formed(e, role) and e["slot"] in slots, "6A80")
        own = decode(BINDING, self.binding)
        check(e["meter_id"] == own["meter_id"], "9404")
        lower = e["slot"] == 0x10 and e["binding"] < own["binding"]
        check(e["binding"] == own["binding"] or lower, "9405")
        old = decode(ENVELOPE, self.mail.get(e["slot"], bytes(19)))
        new, old = [(x["binding"], x["version"]) for x in (e, old)]      # in other slots the bindings are equal
        check(new >= old, "940A")
        outcome = 2
        if new > old:
            outcome, self.mail[e["slot"]] = 1, envelope
        return bytes([outcome, e["slot"]]) + be(e["version"], 4)

    def put_mail(self, p1, p2, data, ne):
        check(p1 == p2 == 0, "6A86")
        self.in_state(PERSONALISED, ACTIVE)
        self.length(data, *range(64, 210))
        self.for_this_card("mail delivery", data)
        return self.store_mail(data[13:-16], 8, range(0x00, 0x0C))

    def get_mail(self, p1, p2, data, ne):
        check(p2 == 0, "6A86")
        self.in_state(2, 3, 4, 5)
        self.length(data, 0)
        check(self.binding and p1 in self.mail, "6A88")
        return self.mail[p1]

    def put_meter_mail(self, p1, p2, data, ne):
        self.meter_command(p1, p2, 0x11)
        self.length(data, *range(35, 181))
        return self.store_mail(data, 9, range(0x10, 0x14))

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
        return (self.summary() + be(self.expiry, 4) + self.certificate + be(self.settled[0], 8) + be(self.settled[1], 8)
                + be(self.report(), 4) + self.directory() + month + event)

    def settle(self, p1, p2, data, ne):
        self.meter_command(p1, p2, 0x13)
        end = 69 + MONTH_SIZE
        check(len(data) > end and data[end] <= MOST_SETTLED and len(data) == end + 1 + 16 * data[end], "6700")
        new, month = decode(METER_RECEIPT, data[1:69]), decode(MONTH, data[69:end])
        events = [data[i:i + 16] for i in range(end + 1, len(data), 16)]
        own = decode(BINDING, self.binding)
        check(data[0] == 1 and well_formed(new, 9), "6A80")
        check(new["meter_id"] == own["meter_id"], "9404")
        check(new["binding"] == own["binding"], "9405")
        if new["report"] == self.report():
            check(data[1:69] == self.meter[:68], "940A")
        else:
            check(new["report"] > self.report(), "940A")
            applied = new["applied_credit"], new["applied_debited"]
            check(all(a >= s for a, s in zip(applied, self.settled)), "940C")
            check(well_formed(month), "6A80")
            numbers = [self.last_event] + [decode(EVENT, e)["number"] for e in events]
            check(all(a < b for a, b in zip(numbers, numbers[1:])), "6A80")
            self.meter, self.settled = data[1:end], applied
            for e in events:
                self.last_event = num(e[:4])
                self.events[self.last_event] = e
        return b"".join(self.last())

    def put_history(self, p1, p2, data, ne):
        self.meter_command(p1, p2, 0x13)
        check(1 < len(data) <= MOST_HISTORY and data[0] <= MOST_MONTHS, "6700")
        end = 1 + MONTH_SIZE * data[0]
        check(end <= len(data) and (len(data) - end) % 16 == 0, "6700")
        months = [data[i:i + MONTH_SIZE] for i in range(1, end, MONTH_SIZE)]
        events = [data[i:i + 16] for i in range(end, len(data), 16)]
        for form, records, size in ((MONTH, months, 2), (EVENT, events, 4)):
            check(all(well_formed(decode(form, r)) for r in records), "6A80")
            numbers = [num(r[:size]) for r in records]
            check(sorted(set(numbers)) == numbers, "6A80")
        for m in months:
            if num(m[:2]) > self.last_month:
                self.last_month = num(m[:2])
                self.months[self.last_month] = m
        for e in events:
            if num(e[:4]) > self.last_event:
                self.last_event = num(e[:4])
                self.events[self.last_event] = e
        return b"".join(self.last())

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
            check(len(head) == 3 and head[0] == 0x88, "6A80")
            inner = head[1] % 16
            size = head[2] if inner else head[1]
            check(size in sizes and head[1] == inner + -(-size // 16) * 16 and inner in (0, 1), "6A80")
            begin, end = at + 2 + inner, at + 2 + head[1]
            check(len(data) >= end + 4 and data[end] == 3, "6A80")
            key = cbc(self.session.dek, bytes(16), data[begin:end], decrypt=True)[:size]
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
        self.length(data, 172, 220)
        check(self.profile is not None, "6985")
        binding, certificate = data[:42], data[42:114]
        b, c = decode(BINDING, binding), decode(CERTIFICATE, certificate)
        check(well_formed(b, 7) and well_formed(c, 7), "6A80")
        check(b["meter_id"] == c["meter_id"], "9404")
        check(b["binding"] == c["binding"], "9405")
        check(c["generation"] == self.generation, "9406")
        kvn, blocks = data[114], data[115:]
        check(kvn >> 4 == METER and kvn & 15, "6A80")
        size = len(blocks) // 3
        blocks = [blocks[i:i + size] for i in range(0, 3 * size, size)]
        keys = kvn, [cbc(self.session.dek, bytes(16), b[:-3], decrypt=True) for b in blocks]
        check(all(check_value(key) == b[-3:] for key, b in zip(keys[1], blocks)), "6A80")
        if self.binding is not None and self.binding[2:10] == binding[2:10]:
            own = decode(BINDING, self.binding)["binding"]
            check(b["binding"] >= own, "9405")
            if b["binding"] == own:
                if (binding, certificate, keys) == (self.binding, self.certificate, self.keys[METER]):
                    return
                check(self.state == BLANK, "9405")
        self.binding, self.certificate, self.keys[METER] = binding, certificate, keys
        self.settled, self.meter, self.mail = (0, 0), bytes(68 + MONTH_SIZE), {}
        self.months, self.last_month, self.events, self.last_event = {}, -1, {}, 0
