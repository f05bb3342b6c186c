"""Transcripts (c), (d) and (f) of tests/vectors/card.json: reading, meter and mail, what goes wrong."""
from issuer import Issuer, Run, det, event, flip, history, month, settle
from reference import MONTH_SIZE, be, cbc


def encrypted(session, head, blocks):
    """A wrapped command whose plain blocks, with or without padding, are given."""
    head = bytes.fromhex(head)
    session.counter += 1
    return session.send(bytes([head[0] | 4]) + head[1:], cbc(session.enc, session.icv(), blocks), b"")


def check_size(data, count, size):
    assert len(data) == count * size, (len(data), count, size)


def vending():
    r = Run("c", "Vending reading: every file, records, short reads, refusals", Issuer("c"))
    i = r.i
    r.personalise()
    r.activate()
    for n in range(3, 37):
        r.load(f"number {n - 1}", i.voucher(i.certificate(n, 10000 * n, 10 * n), channel=n % 5 + 1, reference=be(n, 8)))
    r.open(0x31, 0x33)
    r.sec("SETTLE", "80480000", settle(i.meter_receipt(3, 300000, 300, -250, flags=0x83), month(76), event(1), event(2),
                                       event(5)))
    r.sec("PUT HISTORY", "804A0000", history([month(72), month(73), month(75)]))
    r.raw("public status: only low credit of the meter's flags 83", "00CADF2100")
    r.sec("meter may not read the purse", "00B08400", sw="6982")
    r.sec("meter reads the binding", "00B08300", le=b"\0")
    r.open(0x00, 0x33, kvn=0x21)
    for sfi in (1, 2, 3, 4, 6, 9, 10):
        r.sec(f"READ BINARY SFI {sfi:02X}, Le 00", f"00B0{0x80 + sfi:02X}00", le=b"\0")
    r.sec("READ BINARY SFI 04, no Le", "00B08400")
    r.sec("current file, offset 5D", "00B0005D", le=b"\0")
    r.sec("SFI 04, offset 50", "00B08450", le=b"\0")
    r.sec("offset at the end", "00B0845E", sw="6B00", le=b"\0")
    r.sec("offset beyond the end", "00B084FF", sw="6B00", le=b"\0")
    r.sec("Ne beyond the end", "00B08100", sw="6282", le=b"\x21")
    r.sec("Ne exact", "00B08100", le=b"\x20")
    r.sec("Ne short", "00B08100", le=b"\x10")
    for p1 in (1, 2, 32):
        r.sec(f"READ RECORD load log {p1}", f"00B2{p1:02X}2C", le=b"\0")
    r.sec("load log 33", "00B2212C", sw="6A83", le=b"\0")
    for p1, sw in ((1, "9000"), (2, "6A83"), (3, "9000"), (4, "9000"), (5, "6A83")):
        r.sec(f"READ RECORD months {p1}", f"00B2{p1:02X}3C", sw=sw, le=b"\0")
    for p1, sw in ((1, "9000"), (2, "6A83"), (4, "9000"), (5, "9000"), (6, "6A83"), (255, "6A83")):
        r.sec(f"READ RECORD events {p1}", f"00B2{p1:02X}44", sw=sw, le=b"\0")
    r.sec("record 00", "00B2002C", sw="6A86")
    for p2 in ("28", "29", "2A", "2B", "2E", "2F"):
        r.sec("low bits of P2", f"00B201{p2}", sw="6A86")
    every = lambda what, apdu, count, size, sw="9000": check_size(r.sec(f"all records from one on: {what}", apdu, sw=sw), count, size)
    for p1, count in ((1, 6), (7, 6), (27, 6), (28, 5), (32, 1)):
        every(f"load log {p1}", f"00B2{p1:02X}2D", count, 39)
    for p1, count in ((1, 3), (2, 2), (3, 2), (4, 1)):
        every(f"months {p1}, with a gap", f"00B2{p1:02X}3D", count, MONTH_SIZE)
    for p1, count in ((1, 3), (2, 2), (4, 2), (5, 1)):
        every(f"events {p1}, with a gap", f"00B2{p1:02X}45", count, 16)
    for apdu, sw in (("00B2002D", "6A86"), ("00B2212D", "6A83"), ("00B2FF2D", "6A83"), ("00B2053D", "6A83"), ("00B20645", "6A83"), ("00B20125", "6981"),
                     ("00B20155", "6981"), ("00B2015D", "6A82")):
        every("none", apdu, 0, 1, sw)
    assert len(r.sec("all records from one on, Ne 10: the wrapped answer is sent whole", "00B2012D", le=b"\x10")) == 234
    r.sec("with data", "00B2012D", b"\0", "6700")
    r.sec("READ RECORD of a transparent file", "00B20124", sw="6981")
    r.sec("READ RECORD of an unknown SFI", "00B2015C", sw="6A82")
    r.sec("READ BINARY of a file of records", "00B08500", sw="6981")
    r.sec("READ BINARY of an unknown SFI", "00B08B00", sw="6A82")
    r.sec("READ BINARY of SFI 00", "00B08000", sw="6A82")
    r.sec("READ CERTIFICATE is the meter's", "80460000", sw="6982")
    r.sec("SETTLE is the meter's, whatever its length", "80480000", b"\x01", "6982")
    r.sec("STORE DATA P2 = 00", "80E20000", bytes(111), "6982")
    r.sec("STORE DATA P2 = 01", "80E20001", be(i.account, 8) + bytes(88))
    r.sec("SET STATUS TERMINATED by vending", "80F00005", sw="6982")
    r.sec("PUT KEY by vending", "80D80001", bytes(40), "6982")
    r.raw("without secure messaging: purse", "00B0840000", "6982")
    r.raw("without secure messaging: identity", "00B0810000")
    r.raw("without secure messaging: all records from one on", "00B2012D00", "6982")
    r.sec("the session is still open", "00B08400")
    r.power_up()
    r.raw("no current file after power-up", "00B0000000", "6986")
    r.raw("identity", "00B0810818")
    r.raw("current file, offset 1F", "00B0001F00")
    r.raw("Ne short, without session", "00B0810004")
    r.raw("Ne beyond the end, without session", "00B0811811", "6282")
    r.open(0x21, 0x13)
    r.sec("purse at level 13", "00B08400", sw="6982")
    r.open(0x10, 0x33, kvn=0x11)
    r.sec("purse by admin", "00B08400")
    return r


def meter():
    r = Run("d", "Meter exchange and mail", Issuer("d"))
    i = r.i
    r.personalise()
    r.cmd("meter session before activation", "80503000", bytes(8), b"\0", "6985")
    r.activate(50000)
    r.raw("public status before the first SETTLE", "00CADF2100")
    r.open(0x30, 0x13, kvn=0x31)
    r.sec("READ CERTIFICATE", "80460000", le=b"\0")
    r.sec("READ CERTIFICATE, binding", "80460100", le=b"\0")
    r.sec("READ CERTIFICATE, P1 = 02", "80460200", sw="6A86")
    r.sec("READ CERTIFICATE with data", "80460000", b"\0", "6700")
    first = i.meter_receipt(1, 50000, 0, 50000, flags=0x0501)
    r.sec("SETTLE, no event", "80480000", settle(first, month(70)))
    r.sec("the same again", "80480000", settle(first, month(70)))
    r.sec("conflict: same number, other receipt", "80480000", settle(i.meter_receipt(1, 50000, 0, 49999), month(70)), "940A")
    for n in range(1, 7):
        r.sec(f"SETTLE, {n} events", "80480000", settle(i.meter_receipt(n + 1, 50000, 0, 50000 - n), month(70 + n),
                                                     *(event(10 * n + k) for k in range(n))))
    good = i.meter_receipt(9, 50000, 0, 100)
    r.sec("stale", "80480000", settle(i.meter_receipt(6, 50000, 0, 1), month(74)), "940A")
    r.sec("report number 0", "80480000", settle(i.meter_receipt(0, 50000, 0, 1), month(74)), "6A80")
    r.sec("format of the message", "80480000", flip(settle(good, month(74)), 0, 2), "6A80")
    r.sec("format of the receipt", "80480000", flip(settle(good, month(74)), 1, 2), "6A80")
    r.sec("other meter", "80480000", settle(flip(good, 2), month(74)), "9404")
    r.sec("other binding", "80480000", settle(flip(good, 13), month(74)), "9405")
    r.sec("applied credit falls", "80480000", settle(i.meter_receipt(9, 49999, 0), month(74)), "940C")
    r.sec("events not rising", "80480000", settle(good, month(74), event(72), event(72)), "6A80")
    r.sec("first event not above the last", "80480000", settle(good, month(74), event(65)), "6A80")
    r.sec("7 events", "80480000", settle(good, month(74), *(event(70 + n) for n in range(7))), "6700")
    r.sec("one byte more", "80480000", settle(good, month(74)) + b"\0", "6700")
    r.sec("one byte less", "80480000", settle(good, month(74))[:-1], "6700")
    put = lambda what, months=(), events=(), sw="9000": r.sec("PUT HISTORY, " + what, "804A0000",
                                                              history([*map(month, months)], [*map(event, events)]), sw)
    put("2 months", (70, 71))
    r.sec("PUT HISTORY, one month skipped", "804A0000", history([month(71, energy=9), month(72)]))
    put("all skipped", (70,), (65,))
    put("months not rising", (74, 73), sw="6A80")
    put("events not rising", (74,), (70, 70), "6A80")
    put("month FFFF", (0xFFFF,), sw="6A80")
    for what, data in (("nothing", b"\0"), ("empty", b""), ("6 months", b"\x06" + bytes(5 * MONTH_SIZE)), ("a month too few", b"\x02" + month(75)),
                       ("half an event", history([month(75)], [event(70)[:8]])), ("14 events", history([], [event(n) for n in range(70, 84)])),
                       ("5 months and an event", history([month(n) for n in range(73, 78)], [event(70)]))):
        r.sec("PUT HISTORY, " + what, "804A0000", data, "6700")
    put("8 events, some skipped", (), range(62, 70))
    put("2 months and 8 events, one of each skipped", (72, 73), range(69, 77))
    put("1 month and 11 events, all new", (74,), range(77, 88))
    put("13 events", (), range(88, 101))
    put("5 months", range(75, 80))
    put("the last number", (80,), (0xFFFFFFFF,))
    put("the last number again, with a new month", (81,), (0xFFFFFFFF,))
    r.open(0x41, 0x33)
    every = lambda what, apdu: r.sec("all records from one on, as far as they fit: " + what, apdu)
    every("events 1", "00B20145")
    every("months 1", "00B2013D")
    r.open(0x31, 0x13)
    r.sec("SETTLE with a further event", "80480000", settle(good, month(74), event(0xFFFFFFFF)), "6A80")
    # a meter's version is the number of the closed binding; the card compares the pair whatever the version is
    for binding, version, sw in ((5, 5, "9000"), (6, 6, "9000"), (6, 6, "9000"), (5, 5, "940A"), (6, 5, "940A"), (5, 9, "940A"),
                                 (7, 1, "9000"), (7, 1, "9000"), (6, 9, "940A"), (7, 2, "9000"), (8, 8, "9405")):
        r.sec(f"PUT METER MAIL slot 10 of binding {binding}, version {version}", "804E0000",
              i.envelope(first, 0x10, version, 0x91, binding=binding), sw)
    for slot, version, sw in ((0x11, 5, "9000"), (0x11, 5, "9000"), (0x11, 4, "940A"), (0x13, 0xFFFFFFFF, "9000"),
                              (0x12, 0, "6A80"), (0x00, 1, "6A80"), (0x14, 1, "6A80")):
        r.sec(f"PUT METER MAIL slot {slot:02X} version {version}", "804E0000", i.envelope(det("x", 20), slot, version, 0x91), sw)
    r.sec("slot 11 of a lower binding", "804E0000", i.envelope(first, 0x11, 6, 0x91, binding=6), "9405")
    r.sec("envelope of another meter", "804E0000", i.envelope(first, 0x10, 6, 0x91, meter_id=det("o", 8)), "9404")
    r.sec("envelope of the greatest size", "804E0000", i.envelope(det("y", 145), 0x12, 1, 0x91))
    r.sec("envelope of 181 bytes", "804E0000", bytes(181), "6700")
    r.sec("envelope of 34 bytes", "804E0000", bytes(34), "6700")
    r.sec("mail directory, by the meter", "00B08900")
    good = i.delivery(i.envelope(det("tariff", 100), 0, 3))
    put = lambda what, data, sw="9000": r.cmd("PUT MAIL: " + what, "80420000", data, sw=sw)
    put("tariff", good)
    put("again", good)
    put("older", i.delivery(i.envelope(b"", 0, 2)), "940A")
    put("empty, last slot", i.delivery(i.envelope(b"", 0x0B, 1)))
    put("format", flip(good, 0, 2), "6A80")
    put("company", i.delivery(good[13:-16], company=1), "9402")
    put("environment", i.delivery(good[13:-16], environment=0x50), "9403")
    put("card", i.delivery(good[13:-16], card_id=det("other", 8)), "9401")
    put("key version", i.delivery(good[13:-16], kvn=0x52), "9409")
    put("altered", flip(good, 60), "9408")
    put("format of the envelope", i.delivery(i.envelope(b"", 1, 1, format=2)), "6A80")
    put("slot 0C", i.delivery(i.envelope(b"", 0x0C, 1)), "6A80")
    put("version 0", i.delivery(i.envelope(b"", 1, 0)), "6A80")
    put("other meter", i.delivery(i.envelope(b"", 1, 1, meter_id=det("o", 8))), "9404")
    put("other binding", i.delivery(i.envelope(b"", 1, 1, binding=6)), "9405")
    put("63 bytes", bytes(63), "6700")
    put("210 bytes", bytes(210), "6700")
    for slot, sw in ((0x00, "9000"), (0x01, "6A88"), (0x0C, "6A88"), (0x10, "9000"), (0x12, "9000")):
        r.cmd(f"GET MAIL {slot:02X}", f"8044{slot:02X}00", le=b"\0", sw=sw)
    r.raw("public status", "00CADF2100")
    r.raw("card receipt", "00CADF2200")
    r.sec("READ CERTIFICATE at the end", "80460000", le=b"\0")
    r.sec("SETTLE, more applied than the card's totals", "80480000", settle(i.meter_receipt(9, 60000, 20, -1, flags=2), month(80)))
    r.raw("public status: nothing pending", "00CADF2100")
    r.sec("applied debited falls", "80480000", settle(i.meter_receipt(10, 60000, 19), month(80)), "940C")
    r.open(0x31, 0x11)
    r.sec("READ CERTIFICATE at level 11", "80460000", le=b"\0")
    r.sec("SETTLE at level 11", "80480000", settle(first, month(70)), "6982")
    r.open(0x31, 0x03)
    r.sec("READ CERTIFICATE at level 03", "80460000", sw="6982")
    return r


def malformed():
    r = Run("f", "Malformed APDUs, classes, Ne, authentication and secure messaging gone wrong", Issuer("f"))
    i = r.i
    for what, apdu in (("3 bytes", "00A404"), ("Lc beyond the end", "00A4040008F045"), ("bytes after Le", "00A4040001F00000"),
                       ("extended length", "00A40400000008F04547454C454301"), ("Lc 00 and Le", "00CA00660000"), ("empty", "")):
        r.raw("form: " + what, apdu, "6700")
    for cla, sw in (("FF", "6E00"), ("20", "6E00"), ("A0", "6E00"), ("01", "6881"), ("83", "6881"), ("40", "6881"), ("09", "6881"),
                    ("08", "6882"), ("0C", "6882"), ("88", "6882"), ("18", "6882"), ("10", "6884"), ("90", "6884"),
                    ("C0", "6881")):
        r.raw(f"CLA {cla}", cla + "A4040C", sw)
    r.raw("form before CLA", "FFA404", "6700")
    for apdu, sw in (("0084000008", "6D00"), ("80B0810000", "6D00"), ("0046000000", "6D00"), ("8082330010" + "00" * 16, "6D00"),
                     ("80A4040C", "6D00"), ("0050000008" + "00" * 8, "6D00")):
        r.raw("INS not listed for that CLA", apdu, sw)
    for apdu in ("04A4040C", "8450000008" + "00" * 8):
        r.raw("not accepted with secure messaging", apdu, "6E00")
    r.raw("secure messaging without session", "04B0810008" + "00" * 8, "6985")
    r.raw("no session comes before an unknown INS", "8400000008" + "00" * 8, "6985")
    for apdu, sw in (("00A40000", "6A86"), ("00A40402", "6A86"), ("00A4040004F0454745", "6A82"), ("00A4040006F04547454C44", "6A82"),
                     ("00A4040009F04547454C45430101", "6A82"), ("00A40400", "9000"), ("00A4040C00", "9000"),
                     ("00A4040005F04547454C", "9000"), ("00A4040C08F04547454C454301", "9000")):
        r.raw("SELECT", apdu, sw)
    r.raw("GET DATA unknown tag", "00CA9F7F00", "6A88")
    r.raw("GET DATA with data", "00CA00660100", "6700")
    r.raw("READ BINARY with data", "00B081000100", "6700")
    r.raw("SELECT, Ne 0A", "00A404000A", "6119")
    r.raw("GET RESPONSE, Ne 05", "00C0000005", "6114")
    r.raw("GET RESPONSE, P2 wrong", "00C0000100", "6A86")
    r.raw("GET RESPONSE, the rest", "00C0000000")
    r.raw("GET RESPONSE, nothing left", "00C0000000", "6985")
    r.raw("SELECT, Ne 0A", "00A404000A", "6119")
    r.raw("another command forgets the rest", "00CA006600")
    r.raw("GET RESPONSE", "00C0000000", "6985")
    r.raw("GET DATA, Ne 02", "80CADF2102", "6121")
    r.raw("GET RESPONSE without Le", "00C00000")
    auth = lambda level="33", data=bytes(16): bytes.fromhex(f"8482{level}0010") + data
    r.raw("EXTERNAL AUTHENTICATE without INITIALIZE UPDATE", auth(), "6985")
    r.raw("INITIALIZE UPDATE, P2", "8050100108" + "00" * 8, "6A86")
    r.raw("INITIALIZE UPDATE, 7 bytes", "8050100007" + "00" * 7, "6700")
    r.raw("INITIALIZE UPDATE, unknown version", "8050110008" + "00" * 8, "6A88")
    r.raw("INITIALIZE UPDATE, load key", "8050500008" + "00" * 8, "6A88")
    r.cmd("INITIALIZE UPDATE", "80501000", bytes(8), b"\0")
    r.raw("level 02", auth("02"), "6A86")
    r.raw("level 32", auth("32"), "6A86")
    r.raw("failed authentication", auth(), "6300")
    r.raw("the handshake is forgotten", auth(), "6985")
    r.personalise()
    r.activate()
    r.open(0x21, 0x33)
    good = r.session
    r.sec("READ BINARY with Le", "00B08400", le=b"\0")
    r.sec("unknown INS in the session", "80000000", sw="6D00")
    r.sec("INS of the other class", "80B08400", sw="6D00")
    r.raw("plain command in the session", "00B0840000", "6982")
    r.raw("malformed in the session", "00B08400000001", "6700")
    r.raw("channel in the session", "01B0840000", "6881")
    r.raw("refused INITIALIZE UPDATE leaves the session", "8050110007" + "00" * 7, "6700")
    r.raw("refused SELECT leaves the session", "00A4040006F04547454C44", "6A82")
    r.raw("EXTERNAL AUTHENTICATE in the session", auth(), "6985")
    r.sec("the session is still open", "00B08400")
    assert len(r.sec("record with Ne 10: the wrapped answer is sent whole", "00B2012C", le=b"\x10")) == 39
    r.raw("GET RESPONSE: nothing is left of it", "00C0000000", "6985")
    assert len(r.sec("READ BINARY with Ne 10: the plain data is limited", "00B08400", le=b"\x10")) == 16
    wrapped = r.session.wrap(0, 0xB0, 0x84, 0)
    r.raw("wrong C-MAC ends the session", flip(wrapped, len(wrapped) - 1), "6988")
    r.raw("the right one comes too late", wrapped, "6985")
    r.open(0x21, 0x33)
    r.raw("too short for a C-MAC", "04B0840007" + "00" * 7, "6988")
    r.raw("the session has ended", "04B0840008" + "00" * 8, "6985")
    r.open(0x21, 0x01)
    r.sec("level 01: response without MAC", "00B08100", le=b"\0")
    r.sec("level 01 may not block", "80F00004", sw="6982")
    r.sec("level 01 does not read the purse", "00B08400", sw="6982")
    r.open(0x21, 0x33)
    r.raw("genuine C-MAC, no padding", encrypted(r.session, "80E20001", bytes(96)), "6988")
    r.raw("the session has ended", "04B0840008" + "00" * 8, "6985")
    r.open(0x21, 0x33)
    r.raw("genuine C-MAC, data field not a multiple of a block", r.session.send(bytes.fromhex("84E20001"), bytes(95), b""), "6988")
    r.open(0x21, 0x33)
    r.raw("empty data field sent as one block of padding", encrypted(r.session, "00B08400", b"\x80" + bytes(15)))
    r.sec("and the next one, really empty", "00B08400")
    r.open(0x21, 0x33)
    s = r.session
    old = s.wrap(0, 0xB0, 0x84, 0)
    r.raw("replay: first", old)
    r.raw("replay: again", old, "6988")
    r.open(0x21, 0x33)
    r.select()
    r.raw("SELECT ended the session", "04B0840008" + "00" * 8, "6985")
    r.open(0x21, 0x33)
    r.power_up()
    r.raw("power-up ended the session", "04B0840008" + "00" * 8, "6985")
    for role, p1 in ((2, 0x20), (1, 0x10), (4, 0x40), (3, 0x31)):
        r.cmd("INITIALIZE UPDATE", f"8050{p1:02X}00", bytes(8), b"\0")
        r.raw(f"failed authentication, role {role}", auth("13"), "6300")
        r.raw("the handshake has ended", auth("13"), "6985")
    r.power_up("power-up; after it every role authenticates as before")
    for p1 in (0x21, 0x11, 0x41, 0x31):
        r.open(p1, 0x33)
    return r
