"""Transcripts (i) and (j) of tests/vectors/card.json: the order of checks, on a blank card and on an issued one."""
from issuer import Issuer, Run, det, flip
from reference import be, key_block


def blank():
    r = Run("i", "Order of checks on a blank card: class byte, GET RESPONSE, sessions, files, STORE DATA, BIND, PUT KEY, SET STATUS", Issuer("i"))
    classes(r)
    get_response(r)
    handshakes(r)
    r.open(0x00, 0x33, kvn=0x10)
    for apdu, sw in (("00B08500", "6981"), ("00B08300", "6A82"), ("00B2012C", "6A82"), ("00B20124", "6981")):
        r.sec("file that does not exist yet", apdu, sw=sw)
    store_data_and_bind(r)
    put_keys(r)
    another_generation(r)
    return r


def issued():
    r = Run("j", "Order of checks on an issued card: files, SET STATUS, roles and states", Issuer("j"))
    r.personalise()
    files(r)
    status(r)
    return r


def classes(r):
    """Check (2), the bits of the class byte in their order; A4 with data too short, which would be 6A82."""
    for cla, sw in (("FF", "6E00"), ("7F", "6881"), ("60", "6881"), ("C3", "6881"), ("DF", "6881"), ("FE", "6881"), ("3F", "6E00"),
                    ("23", "6E00"), ("B0", "6E00"), ("1B", "6881"), ("93", "6881"), ("05", "6881"), ("1C", "6882"), ("8C", "6882"),
                    ("14", "6884"), ("94", "6884")):
        r.raw(f"class {cla}", cla + "A4040001F0", sw)
    for apdu, sw in (("04A4040001F0", "6E00"), ("84A4040001F0", "6985"), ("04C0000000", "6985"), ("84C0000000", "6985"),
                     ("8450100000", "6E00"), ("0450100000", "6985"), ("04820000", "6985"), ("00820000", "6D00"), ("80820000", "6D00"),
                     ("04CA006600", "6985"), ("0082FFFF", "6D00")):
        r.raw("with the bit for secure messaging, or an INS of the other class", apdu, sw)


def get_response(r):
    r.raw("SELECT, Ne 10", "00A4040010", "6113")
    r.raw("GET RESPONSE, P1 wrong, keeps the rest", "00C0010000", "6A86")
    r.raw("GET RESPONSE with data keeps the rest", "00C000000100", "6700")
    r.raw("GET RESPONSE, Ne 05", "00C0000005", "610E")
    r.raw("GET RESPONSE, Ne above the rest", "00C00000FF")
    r.raw("GET RESPONSE, nothing left", "00C0000000", "6985")
    r.raw("GET RESPONSE, nothing left and P2 wrong", "00C0000100", "6A86")
    for what, apdu, sw in (("unknown", "0000000000", "6D00"), ("refused for its rights", "80460000", "6982"),
                           ("refused for its class", "01CA006600", "6881"), ("malformed", "00CA0066000000", "6700"),
                           ("that answers nothing", "00A4040C", "9000")):
        r.raw("SELECT, Ne 01", "00A4040001", "6122")
        r.raw("a command " + what, apdu, sw)
        r.raw("the rest is forgotten", "00C0000000", "6985")
    r.raw("SELECT, Ne 01", "00A4040001", "6122")
    for what, apdu, sw in (("in a class that left nothing", "80C0000000", "6985"), ("with the bit for secure messaging", "04C0000000", "6985"),
                           ("the same, proprietary", "84C0000000", "6985"), ("logical channel", "01C0000000", "6881"),
                           ("an unknown class", "A0C0000000", "6E00"), ("3 bytes", "00C000", "6700"), ("2 bytes", "00C0", "6700"),
                           ("Lc beyond the end", "00C000000200", "6700"), ("bytes after Le", "00C0000001000000", "6700"),
                           ("P1 before the class of the rest", "80C0010000", "6A86"), ("data before it", "80C000000100", "6700")):
        r.raw("GET RESPONSE, refused, keeps the rest: " + what, apdu, sw)
    r.raw("GET RESPONSE, the rest", "00C0000022")
    r.raw("GET DATA in class 80, Ne 02", "80CADF2102", "6121")
    r.raw("GET RESPONSE in its class, a part", "80C0000001", "6120")
    r.raw("in class 00, another", "00C0000002", "611E")
    r.raw("and in its class, the rest", "80C0000000")
    r.raw("READ BINARY, Ne 01, leaves no rest", "00B0810001")
    r.raw("GET RESPONSE", "00C0000000", "6985")


def handshakes(r):
    eight = "08" + "00" * 8
    for what, apdu, sw in (
            ("P2 before state", "80503001" + eight, "6A86"), ("state before length", "8050300007" + "00" * 7, "6985"),
            ("state before version", "80503F00" + eight, "6985"), ("length before version", "8050110007" + "00" * 7, "6700"),
            ("S16 on an S8 card", "8050100010" + "00" * 16, "6700"), ("without data", "80501000", "6700"),
            ("role 0", "80500500" + eight, "6A88"), ("role 5", "80505000" + eight, "6A88"), ("role 7", "80507100" + eight, "6A88"),
            ("role F", "8050FF00" + eight, "6A88"), ("version 1 of role 1", "80501100" + eight, "6A88")):
        r.raw("INITIALIZE UPDATE: " + what, apdu, sw)
    r.raw("no handshake: P1 comes first", "8482020000", "6A86")
    r.raw("no handshake: P2 comes first", "8482330100", "6A86")
    r.raw("no handshake: before the length", "84823300", "6985")
    s = r.begin(0x00, 0x10)
    good = s.authenticate(0x33)
    for what, apdu, sw in (("15 bytes", good[:4] + b"\x0F" + good[5:20], "6700"), ("17 bytes", good[:4] + b"\x11" + good[5:] + b"\0", "6700"),
                           ("no data", good[:4], "6700"), ("32 bytes", good[:4] + b"\x20" + good[5:] * 2, "6700"),
                           ("P1", good[:2] + b"\x31" + good[3:], "6A86"), ("P2", good[:3] + b"\x01" + good[4:], "6A86"),
                           ("class 80", b"\x80" + good[1:], "6D00"), ("malformed", good + b"\0\0", "6700")):
        r.raw("EXTERNAL AUTHENTICATE, refused, keeps the handshake: " + what, apdu, sw)
    r.raw("a refused INITIALIZE UPDATE keeps it", "80501100" + eight, "6A88")
    r.raw("a refused SELECT keeps it", "00A4040001F0", "6A82")
    r.raw("other commands keep it", "00CA006600")
    r.raw("secure messaging, no session yet", "04B0810008" + "00" * 8, "6985")
    r.raw("EXTERNAL AUTHENTICATE, with Le", good + b"\0")
    r.raw("the handshake has ended", good, "6985")
    r.session = s
    r.sec("the session is open", "00B08100")
    for what, at in (("cryptogram", 5), ("C-MAC", 20)):
        s = r.begin(0x10)
        good = s.authenticate(0x33)
        r.raw(f"{what} wrong", flip(good, at), "6300")
        r.raw("the handshake has ended", good, "6985")
    s = r.begin(0x10)
    s.host_cryptogram = bytes(8)
    r.raw("cryptogram wrong under a right C-MAC", s.authenticate(0x33), "6300")
    for what, end in (("SELECT", lambda: r.select()), ("a later INITIALIZE UPDATE", lambda: r.begin(0x10)), ("power-up", r.power_up)):
        good = r.begin(0x10).authenticate(0x33)
        end()
        r.raw(f"{what} ended the handshake", good, "6300" if what.startswith("a later") else "6985")


def store_data_and_bind(r):
    i = r.i
    head = lambda company=0x0102, environment=0x54, generation=1, mode=8: (
        be(company, 2) + be(environment, 1) + be(generation, 2) + be(mode, 1) + bytes(105))
    for what, data, sw in (("company 0000 before environment", head(0, 0x50), "6A80"), ("environment before generation", head(1, 0x50, 0), "9403"),
                           ("environment that does not exist", head(1, 0), "9403"), ("generation 0", head(1, 0x54, 0), "6A80"),
                           ("mode 00", head(mode=0), "6A80")):
        r.sec("STORE DATA: " + what, "80E20000", data, sw)
    bind = lambda what, data, sw="9000": r.sec("BIND: " + what, "80520000", data, sw)
    b, c = i.binding_certificate(), i.certificate(1, 0, 0)
    good = r.bind_data(b, c)
    bind("length before STORE DATA", good[:-1], "6700")
    bind("STORE DATA before form", bytes(220), "6985")
    meter_set = key_block(0x31, i.keys(0x31), r.session.dek)
    r.sec("PUT KEY, role 3 before BIND: form comes first", "80D80081", flip(meter_set, 37), "6A80")
    r.sec("PUT KEY, role 3 before BIND: before P1", "80D82181", meter_set, "6985")
    r.store_data()
    r.raw("public status before BIND", "00CADF2100")
    bad_keys = flip(good, 219)[114:]
    other = dict(meter_id=det("other", 8))
    bind("one byte more", good + b"\0", "6700")
    bind("lengths of AES-128 and AES-256 only", good[:-16], "6700")
    bind("form before meter id", flip(b, 0) + i.certificate(1, 0, 0, binding=9, generation=9, **other) + bad_keys, "6A80")
    bind("meter id before binding", b + i.certificate(1, 0, 0, binding=9, generation=9, **other) + bad_keys, "9404")
    bind("binding before generation", b + i.certificate(1, 0, 0, binding=9, generation=9) + bad_keys, "9405")
    bind("generation before key set", b + i.certificate(1, 0, 0, generation=9) + bad_keys, "9406")
    bind("right", good)
    bind("key set before a lower binding", i.binding_certificate(binding=6) + i.certificate(1, 0, 0, binding=6) + bad_keys, "6A80")
    bind("a lower binding", r.bind_data(i.binding_certificate(binding=6), i.certificate(1, 0, 0, binding=6)), "9405")
    bind("the same binding, another certificate, still blank", r.bind_data(b, i.certificate(2, 500, 0)))
    r.sec("purse", "00B08400")
    bind("another meter, any binding", r.bind_data(i.binding_certificate(binding=3, **other), i.certificate(1, 0, 0, binding=3, **other)))
    bind("back again", good)


def put_keys(r):
    i, dek = r.i, r.session.dek
    put = lambda what, p1, p2, data, sw="9000": r.sec("PUT KEY: " + what, f"80D8{p1:02X}{p2:02X}", data, sw)
    vending, load = key_block(0x21, i.keys(0x21), dek), key_block(0x51, i.keys(0x51), dek)
    for what, p1, p2, data in (
            ("no data", 0, 0x81, b""), ("role 0", 0, 0x81, b"\x01" + vending[1:]), ("role 7, P1 of another role", 0x21, 0x01, b"\x71" + load[1:]),
            ("version 0", 0, 0x81, b"\x20" + vending[1:]), ("P2 of the other form, three keys", 0, 0x01, vending),
            ("P2 of the other form, one key", 0, 0x81, load), ("key type", 0, 0x81, flip(vending, 1)),
            ("length of what follows", 0, 0x81, flip(vending, 2)), ("key length", 0, 0x81, flip(vending, 3)),
            ("length of a check value", 0, 0x81, flip(vending, 36)), ("check value", 0, 0x81, flip(vending, 37)),
            ("last check value", 0, 0x81, flip(vending, len(vending) - 1)), ("one byte more", 0, 0x81, vending + b"\0"),
            ("one byte less", 0, 0x81, vending[:-1]), ("number only", 0, 0x81, vending[:1]),
            ("check value before P1", 0x41, 0x81, flip(vending, 37))):
        put(what, p1, p2, data, "6A80")
    put("P2 = 82 before everything", 0x41, 0x82, b"", "6A86")
    r.raw("P2 before rights", "80D80002", "6A86")
    r.raw("rights before form", "80D80081", "6982")
    put("P1 of another role", 0x41, 0x81, vending, "6A88")
    put("P1 of a set that is not there", 0x21, 0x81, vending, "6A88")
    put("P1 is no key version number of a role", 0x02, 0x81, vending, "6A88")
    put("right", 0x00, 0x81, vending)
    put("the very set, P1 = 00", 0x00, 0x81, vending)
    put("the very set, P1 = its number", 0x21, 0x81, vending)
    put("the very set, P1 = another version", 0x2F, 0x81, vending)
    put("the very set, P1 of another role", 0x41, 0x81, vending, "6A88")
    changed = key_block(0x21, [det(f"changed {n}", 32) for n in range(3)], dek)
    put("same number, other keys, P1 = 00", 0x00, 0x81, changed, "6A88")
    put("same number, other keys, P1 = another version", 0x22, 0x81, changed, "6A88")
    put("same number, other keys", 0x21, 0x81, changed)
    put("and back", 0x21, 0x81, vending)
    alone = lambda kvn, keys: key_block(kvn, keys, dek, inner=False)
    put("the very set, keys without inner length", 0x21, 0x81, alone(0x21, i.keys(0x21)))
    put("another set, keys without inner length", 0x21, 0x81, alone(0x21, [det(f"alone {n}", 16) for n in range(3)]))
    put("and back, keys without inner length", 0x21, 0x81, alone(0x21, i.keys(0x21)))
    put("both forms in one set", 0x21, 0x81, vending[:79] + alone(0x21, i.keys(0x21)[2:])[1:])
    short = alone(0x21, [det(f"alone {n}", 16) for n in range(3)])
    for what, at, bit in (("length 11 without inner length", 2, 1), ("length 00", 2, 0x10), ("length 30", 2, 0x20), ("length 12", 2, 2),
                          ("check value", 20, 1), ("length of a check value", 19, 1)):
        put("keys without inner length: " + what, 0x21, 0x81, flip(short, at, bit), "6A80")
    put("keys without inner length: one byte less", 0x21, 0x81, short[:-1], "6A80")
    put("the same keys with another number, P1 = 00", 0x00, 0x81, b"\x22" + vending[1:], "6A88")
    put("a load key of 16 bytes", 0x00, 0x01, key_block(0x51, [det("short", 16)], dek))
    put("the very key without inner length", 0x00, 0x01, alone(0x51, [det("short", 16)]))
    put("replaced by one of 32 bytes", 0x51, 0x01, load)
    r.sec("key information", "00CA00E0")
    r.select()
    r.open(0x00, 0x33, kvn=0x10)                    # vending keys are there, but the state does not allow them


def another_generation(r):
    i = r.i
    for kvn in (0x41, 0x61):
        r.put_key(0, kvn)
    r.put_key(0x10, 0x11)
    i.generation = 2
    r.store_data()
    r.sec("SET STATUS: the certificate's generation is not the card's", "80F00002", sw="6985")
    r.sec("BIND: the old certificate", "80520000", r.bind_data(i.binding_certificate(), i.certificate(1, 0, 0, generation=1)), "9406")
    r.bind()
    for kvn in (0x11, 0x21, 0x41):
        r.put_key(kvn, kvn)
    r.sec("SET STATUS with data: a transition that exists", "80F00002", b"\0", "6700")
    r.sec("SET STATUS PERSONALISED", "80F00002")
    r.open(0x00, 0x33, kvn=0x21)
    r.sec("identity", "00B08100")
    r.raw("card receipt", "00CADF2200")


def files(r):
    r.select()
    for what, apdu, sw in (
            ("no current file", "00B00000", "6986"), ("no current file, with data", "00B000000100", "6986"),
            ("unknown SFI before rights", "00B08B00", "6A82"), ("SFI 00", "00B08000", "6A82"), ("SFI 7F", "00B0FF00", "6A82"),
            ("rights before the form of the file", "00B08500", "6982"), ("rights before data", "00B084000100", "6982"),
            ("public file with data", "00B081000100", "6700")):
        r.raw("READ BINARY: " + what, apdu, sw)
    r.raw("none of these set the current file", "00B00000", "6986")
    for what, apdu, sw in (("P1 = 00 before an unknown SFI", "00B2005C", "6A86"), ("low bits before an unknown SFI", "00B2015E", "6A86"),
                           ("P2 = 00", "00B20100", "6A86"), ("unknown SFI before rights", "00B2015C", "6A82"), ("SFI 00", "00B20104", "6A82"),
                           ("SFI 1F", "00B201FC", "6A82"), ("rights before the form of the file", "00B20124", "6982"),
                           ("a public file that has no records", "00B2010C", "6981"), ("rights before data", "00B2012C0100", "6982")):
        r.raw("READ RECORD: " + what, apdu, sw)
    r.raw("identity becomes the current file, though the offset is wrong", "00B08120", "6B00")
    r.raw("current file", "00B0001C")
    r.open(0x21, 0x33)
    r.sec("sessions do not touch the current file", "00B0001C")
    for apdu, sw in (("00B08500", "6981"), ("00B08B00", "6A82"), ("00B2012C", "6A83"), ("00B20124", "6981")):
        r.sec("not read", apdu, sw=sw)
        r.sec("identity is still the current file", "00B0001C")
    r.sec("data before the form of the file", "00B08500", b"\0", "6700")
    r.sec("data before the form of the file, READ RECORD", "00B20124", b"\0", "6700")
    for apdu, sw in (("00B2213C", "6A83"), ("00B2FF3C", "6A83"), ("00B20144", "6A83")):
        r.sec("no such record", apdu, sw=sw)
    r.sec("purse becomes the current file", "00B08400")
    r.raw("current file, without the right to it", "00B00000", "6982")
    r.sec("offset 7FFF", "00B07FFF", sw="6B00")
    r.raw("SELECT refused", "00A4040001F0", "6A82")
    r.sec("current file", "00B00040")
    r.select()
    r.raw("no current file after SELECT", "00B00000", "6986")


def status(r):
    for what, apdu, sw in (("P1 before rights", "80F00104", "6A86"), ("state 00", "80F00000", "6A86"), ("without session", "80F00004", "6982"),
                           ("without session, with data", "80F000040100", "6982")):
        r.raw("SET STATUS: " + what, apdu, sw)
    r.open(0x21, 0x11)
    for state in (2, 3, 5):
        r.sec(f"vending may not bring about {state:02X}", f"80F000{state:02X}", b"\0", "6982")
    r.sec("vending may block; with data", "80F00004", b"\0", "6700")
    r.open(0x41, 0x33)
    r.sec("the holder may not block", "80F00004", sw="6982")
    r.open(0x11, 0x11)
    r.sec("the present state succeeds", "80F00002")
    r.sec("state before data", "80F00003", b"\0", "6985")
    r.sec("READ CERTIFICATE: P2 before rights", "80460001", sw="6A86")
    r.sec("READ CERTIFICATE: rights before state", "80460000", b"\0", "6982")
    r.sec("PUT KEY needs level 33", "80D80081", sw="6982")
    r.sec("BIND needs level 33", "80520000", bytes(3), "6982")
    r.open(0x11, 0x33)
    r.sec("STORE DATA: state before length", "80E20000", bytes(3), "6985")
    r.sec("STORE DATA, P2 = 02", "80E20002", bytes(3), "6A86")
    r.sec("block", "80F00004")
    r.sec("BIND: state before length", "80520000", bytes(3), "6985")
    r.sec("unblock", "80F00002")
