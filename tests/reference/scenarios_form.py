"""Transcripts (g) and (h) of tests/vectors/card.json: the form of messages, and a card with a private balance."""
from issuer import Issuer, Run, event, flip, history, month, settle
from reference import plain_key_block


def forms():
    """Every message here is right but for the one field that the step names, and has a right CMAC where the card has the key."""
    r = Run("g", "'Format' (section 5): one refused message for each field that the card checks", Issuer("g"))
    i = r.i
    r.select()
    r.open(0x10, 0x33)
    r.store_data()
    forms_of_bind(r)
    r.bind()
    r.complete()
    r.activate()
    forms_of_voucher(r)
    forms_of_delivery(r)
    r.open(0x31, 0x13)
    first = i.meter_receipt(1, 10000, 0)
    r.sec("SETTLE", "80480000", settle(first, month(70), event(1)))
    forms_of_meter(r)
    r.sec("none of these changed anything", "80460000")
    return r


def certificates(i):
    """Credit certificates with one field of wrong form."""
    yield "format 00", i.certificate(9, 20000, 0, format=0)
    yield "format 02", i.certificate(9, 20000, 0, format=2)
    for what, kvn in (("role 6", 0x61), ("version 0", 0x70)):
        yield what, i.certificate(9, 20000, 0, kvn=kvn)
    for field in ("binding", "generation", "issue_time"):
        yield field.replace("_", " ") + " 0", i.certificate(9, 20000, 0, **{field: 0})
    yield "sequence 0", i.certificate(0, 20000, 0)


def forms_of_bind(r):
    i, keys = r.i, r.i.keys(0x31)
    good_b, good_c = i.binding_certificate(), i.certificate(1, 0, 0)
    for what, b in (("format 00", i.binding_certificate(format=0)), ("role 6", i.binding_certificate(kvn=0x61)),
                    ("version 0 of the key", i.binding_certificate(kvn=0x70)), ("binding 0", i.binding_certificate(binding=0))):
        r.sec("BIND, binding certificate: " + what, "80520000", r.bind_data(b, good_c), "6A80")
    for what, c in certificates(i):
        r.sec("BIND, credit certificate: " + what, "80520000", r.bind_data(good_b, c), "6A80")
    block = plain_key_block(0x31, keys, r.session.dek)
    for what, bad in (("of role 2", b"\x21" + block[1:]), ("version 0", b"\x30" + block[1:]), ("first key", flip(block, 1)),
                      ("check value of the first key", flip(block, 33)), ("last check value", flip(block, 105))):
        r.sec("BIND, key set: " + what, "80520000", good_b + good_c + bad, "6A80")


def forms_of_voucher(r):
    i = r.i
    c = i.certificate(3, 20000, 0)
    for what, v in (("format 00", i.voucher(c, format=0)), ("environment 00", i.voucher(c, environment=0)),
                    ("environment 55", i.voucher(c, environment=0x55)), ("channel 00", i.voucher(c, channel=0)),
                    ("channel 06", i.voucher(c, channel=6))):
        r.load(what, v, "6A80")
    r.load("version 0 of the load key is another version than the card's", i.voucher(c, kvn=0x50), "9409")
    for what, c in certificates(i):
        r.load("certificate: " + what, i.voucher(c), "6A80")


def forms_of_delivery(r):
    i = r.i
    envelope = lambda **other: i.envelope(b"tariff", **{"slot": 0, "version": 1, **other})
    put = lambda what, data: r.cmd("PUT MAIL, " + what, "80420000", data, sw="6A80")
    for what, other in (("format 00", {"format": 0}), ("environment 00", {"environment": 0})):
        put(what, i.delivery(envelope(), **other))
    for what, other in (("format 00", {"format": 0}), ("role 9", {"kvn": 0x91}), ("version 0 of the key", {"kvn": 0x80}), ("binding 0", {"binding": 0}),
                        ("version 0", {"version": 0}), ("slot 0C", {"slot": 0x0C}), ("slot 10", {"slot": 0x10}),
                        ("slot FF", {"slot": 0xFF})):
        put("envelope: " + what, i.delivery(envelope(**other)))


def forms_of_meter(r):
    i = r.i
    second = i.meter_receipt(2, 10000, 0)
    for what, data in (
            ("format 00", b"\0" + settle(second, month(70))[1:]),
            ("receipt: format 00", settle(i.meter_receipt(2, 10000, 0, format=0), month(70))),
            ("receipt: role 8", settle(flip(second, 1, 0x10), month(70))),
            ("receipt: version 0 of the key", settle(i.meter_receipt(2, 10000, 0, kvn=0x90), month(70))),
            ("receipt: binding 0", settle(i.meter_receipt(2, 10000, 0, binding=0), month(70))),
            ("receipt: report number 0", settle(i.meter_receipt(0, 10000, 0), month(70))),
            ("present month FFFF", settle(second, month(0xFFFF))),
            ("event number 0", settle(second, month(70), event(0))),
            ("event number 0 after a right one", settle(second, month(70), event(2), event(0)))):
        r.sec("SETTLE, " + what, "80480000", data, "6A80")
    for what, months, events in (("index FFFF after a right one", (60, 0xFFFF), ()), ("index FFFF before a right event", (0xFFFF,), (2,)),
                                 ("number 0", (), (0,)), ("number 0 before a right one, after a right month", (60,), (0, 2))):
        r.sec("PUT HISTORY, " + what, "804A0000", history([*map(month, months)], [*map(event, events)]), "6A80")
    envelope = lambda **other: i.envelope(b"readings", **{"slot": 0x10, "version": 1, "kvn": 0x91, **other})
    for what, other in (("format 00", {"format": 0}), ("role 8", {"kvn": 0x81}), ("version 0 of the key", {"kvn": 0x90}), ("binding 0", {"binding": 0}),
                        ("version 0", {"version": 0}), ("slot 0F", {"slot": 0x0F}), ("slot 00", {"slot": 0}),
                        ("slot 14", {"slot": 0x14})):
        r.sec("PUT METER MAIL, " + what, "804E0000", envelope(**other), "6A80")


def private():
    r = Run("h", "A card with a private balance (issuance flag 01), S16; public status and receipt before BIND and after", Issuer("h", size=16))
    i = r.i

    def public(when, receipt="6982"):
        r.raw("public status " + when, "00CADF2100")
        r.raw("card receipt without session " + when, "00CADF2200", receipt)

    def in_session(what, sw="9000"):
        r.sec("card receipt in a session: " + what, "00CADF22", sw=sw)

    public("of a blank card", "6A88")
    r.open(0x00, 0x33, kvn=0x10)
    in_session("nothing is bound", "6A88")
    r.store_data(1, 0x20000000)
    r.raw("public status before BIND, private", "00CADF2100")
    r.raw("card receipt without session before BIND", "00CADF2200", "6982")
    in_session("before BIND", "6A88")
    r.power_up("power-up; S16 from now on")
    r.open(0x00, 0x33, kvn=0x10)
    r.bind()
    in_session("no key of role 6 yet", "6A88")
    r.complete()
    public("of an issued card")
    r.raw("identity", "00B0810000")
    r.activate(33000)
    public("of an active card")
    for p1, level in ((0x11, 0x01), (0x21, 0x03), (0x31, 0x11), (0x41, 0x33)):
        r.open(p1, level)
        in_session(f"role {p1 >> 4}, level {level:02X}")
        r.sec("public status in that session", "00CADF21")
        public("while that session is open")
    r.raw("card receipt without session, with data", "80CADF220100", "6982")
    r.sec("card receipt in a session, with data", "80CADF22", b"\0", "6700")
    r.open(0x30, 0x13, kvn=0x31)
    r.sec("READ CERTIFICATE shows the expiry time", "80460000")
    r.sec("SETTLE", "80480000", settle(i.meter_receipt(1, 33000, 0, 32000, flags=3), month(72)))
    public("after SETTLE")
    r.open(0x21, 0x33)
    r.sec("block", "80F00004")
    public("of a blocked card")
    in_session("of a blocked card")
    return r
