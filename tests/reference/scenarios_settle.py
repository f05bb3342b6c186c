"""Transcript (k) of tests/vectors/card.json: the order of the checks of SETTLE."""
from issuer import Issuer, Run, det, event, flip, month, settle


def settling():
    """`wrong` fails every check from the report number on; what it is given makes an earlier one fail too."""
    r = Run("k", "Order of checks of SETTLE", Issuer("k"))
    i = r.i
    r.personalise()
    r.activate()
    r.open(0x31, 0x13)
    first = i.meter_receipt(3, 10000, 20)
    send = lambda what, data, sw="9000": r.sec("SETTLE: " + what, "80480000", data, sw)
    wrong = lambda report=2, credit=9999, **other: settle(i.meter_receipt(report, credit, 20, **other), month(0xFFFF), event(0))
    meter, binding = {"meter_id": det("other", 8)}, {"binding": 9}
    send("first report", settle(first, month(70), event(5)))
    r.sec("READ CERTIFICATE", "80460000")
    send("length before the format of the message", b"\0" + wrong()[1:] + b"\0", "6700")
    send("format of the message", b"\0" + wrong(**meter, **binding)[1:], "6A80")
    send("format of the message, in a repetition", b"\0" + settle(first, month(70), event(5))[1:], "6A80")
    for what, other in (("format", {"format": 2}), ("version 0 of the key", {"kvn": 0x90}), ("binding 0", {"binding": 0}), ("report number 0", {"report": 0})):
        send(f"receipt: {what}, before meter id", wrong(**{**meter, **other}), "6A80")
    send("meter id before binding", wrong(**meter, **binding), "9404")
    send("binding before report number", wrong(**binding), "9405")
    send("report number lower, before applied totals and month", wrong(), "940A")
    send("report number equal, another receipt", wrong(3), "940A")
    send("report number equal, only the receipt's CMAC differs", settle(flip(first, 67), month(71)), "940A")
    send("applied totals before month and events", wrong(4), "940C")
    fourth = i.meter_receipt(4, 10000, 20)
    send("format of the month", settle(fourth, month(0xFFFF), event(6)), "6A80")
    send("events", settle(fourth, month(71), event(6), event(6)), "6A80")
    for what, data in (("equal month and event", settle(first, month(70), event(5))), ("month of wrong form, event 0", settle(first, month(0xFFFF), event(0))),
                       ("lower month, events not rising", settle(first, month(69), event(7), event(6))),
                       ("higher month and event", settle(first, month(71), event(6)))):
        send(f"a repetition; nothing is written: {what}", data)
    r.sec("READ CERTIFICATE, nothing changed", "80460000")
    r.open(0x21, 0x33)
    r.sec("meter file", "00B08600")
    r.sec("only event 5", "00B20144")
    r.sec("no event 4", "00B20244", sw="6A83")
    r.open(0x31, 0x13)
    send("a lower month: the meter's clock was set back", settle(fourth, month(69), event(6)))
    r.open(0x21, 0x33)
    r.sec("meter file, after it", "00B08600")
    return r
