"""Transcript (l) of tests/vectors/card.json: T=0, where hosts fetch in class 00 or in the class of their command."""
from issuer import Issuer, Run, event, month, settle


class Characters(Run):
    """A host over T=0: no Le after data, and answers are fetched, in the class that `fetch` makes of the command's."""
    fetch = staticmethod(lambda cla: 0x00)

    def raw(self, description, apdu, sw="9000"):
        apdu = bytes.fromhex(apdu) if isinstance(apdu, str) else apdu
        if len(apdu) > 5:
            apdu = apdu[:5 + apdu[4]]
        response, data = self.exchange(description, apdu), b""
        if response[-2] == 0x6C:
            response = self.exchange(description + ", Le as told", apdu[:4] + response[-1:])
        while response[-2] == 0x61:
            cla = self.fetch(apdu[0])
            response = self.exchange(f"GET RESPONSE, class {cla:02X}", bytes([cla, 0xC0, 0, 0, response[-1]]))
            data += response[:-2]
        assert response[-2:].hex().upper() == sw, (self.title, description, "expected", sw, "got", response.hex())
        return data or response[:-2]


def characters():
    r = Characters("l", "T=0: answers are fetched in class 00, and in the class of the command", Issuer("l"), t0=True)
    i = r.i
    exactly = super(Characters, r).raw
    exactly("SELECT, nothing to fetch", "00A4040C08F04547454C454301")
    exactly("SELECT, Le after the data is ignored", "00A4040008F04547454C45430100", "6123")
    for what, apdu, sw in (("Le too small", "00C0000022", "6C23"), ("Le too great", "00C0000024", "6C23"), ("Le 00", "00C0000000", "6C23"),
                           ("class 80", "80C0000023", "6985"), ("class 84", "84C0000023", "6985"), ("P2", "00C0000123", "6A86")):
        exactly("GET RESPONSE, refused, keeps the rest: " + what, apdu, sw)
    exactly("GET RESPONSE", "00C0000023")
    exactly("nothing left", "00C0000023", "6985")
    exactly("GET DATA, Le 00", "80CA006600", "6C32")
    exactly("nothing is left of it", "80C0000032", "6985")
    exactly("GET DATA, Le as told", "80CA006632")
    exactly("SELECT without Le", "00A40400", "6C23")
    r.personalise()
    for name, fetch in (("class 00", lambda cla: 0x00), ("the command's class", lambda cla: cla)):
        r.fetch = fetch
        r.load(f"fetched in {name}", i.voucher(i.certificate(2 if name == "class 00" else 3, 10000, 0)))
        for role, level in ((0x31, 0x13), (0x21, 0x33), (0x41, 0x01)):
            r.open(role, level)
            r.sec(f"identity, level {level:02X}", "00B08100")
            r.sec("public status, proprietary class", "80CADF21")
            r.sec("an error leaves nothing", "80F00004" if role == 0x41 else "00B08B00", sw="6982" if role == 0x41 else "6A82")
            if role == 0x31:
                number = 1 if name == "class 00" else 2
                r.sec("SETTLE", "80480000", settle(i.meter_receipt(number, 10000, 0), month(70), event(number)))
    r.open(0x21, 0x33)
    wrapped = r.session.wrap(0, 0xB0, 0x84, 0)
    exactly("purse, wrapped", wrapped, "6168")
    for what, apdu, sw in (("class 80", "80C0000068", "6985"), ("class 84", "84C0000068", "6985"), ("with data", "04C0000001FF", "6700")):
        exactly("GET RESPONSE, refused, keeps rest and session: " + what, apdu, sw)
    r.session.unwrap(exactly("GET RESPONSE, class 04", "04C0000068") + b"\x90\0")
    r.sec("the session goes on", "00B08400")
    return r
