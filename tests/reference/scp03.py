"""GlobalPlatform SCP03 (Amendment D 1.2), both sides; random card challenge, S8 and S16."""
from reference import be, cbc, cmac, ecb

LEVELS = (0x01, 0x03, 0x11, 0x13, 0x33)
C_MAC, C_DEC, R_MAC, R_ENC = 0x01, 0x02, 0x10, 0x20


class WrongMac(Exception):
    pass


def kdf(key, constant, ctx, bits):
    """Amendment D 4.1.5: label 11 x 00 || constant, 00, L, i, context."""
    out = b""
    for i in range(1, (bits + 127) // 128 + 1):
        out += cmac(key, bytes(11) + be(constant, 1) + b"\0" + be(bits, 2) + be(i, 1) + ctx)
    return out[:bits // 8]


def pad(data):
    return data + b"\x80" + bytes(15 - len(data) % 16)


def unpad(data):
    stripped = data.rstrip(b"\0")
    if not stripped.endswith(b"\x80") or len(data) - len(stripped) > 15:
        raise WrongMac
    return stripped[:-1]


class Session:
    """One side of a session: `keys` are the static ENC, MAC, DEK; `size` is 8 (S8) or 16 (S16)."""

    def __init__(self, keys, host_challenge, card_challenge, size):
        self.size, self.dek, self.level = size, keys[2], 0
        ctx = host_challenge + card_challenge
        bits = 8 * len(keys[0])
        self.enc = kdf(keys[0], 0x04, ctx, bits)
        self.mac = kdf(keys[1], 0x06, ctx, bits)
        self.rmac = kdf(keys[1], 0x07, ctx, bits)
        self.card_cryptogram = kdf(self.mac, 0x00, ctx, 8 * size)
        self.host_cryptogram = kdf(self.mac, 0x01, ctx, 8 * size)
        self.chain, self.counter = bytes(16), 0

    # -- both sides: command MAC and ICVs
    def command_mac(self, head, body):
        """Full MAC over the header as sent; `body` is the data field without MAC. Not yet the chaining value."""
        return cmac(self.mac, self.chain + head + be(len(body) + self.size, 1) + body)

    def icv(self, response=False):
        return ecb(self.enc, (b"\x80" if response else b"\0") + be(self.counter, 15))

    # -- host
    def authenticate(self, level):
        """EXTERNAL AUTHENTICATE."""
        self.level = level
        return self.send(bytes([0x84, 0x82, level, 0]), self.host_cryptogram, b"")

    def send(self, head, body, le):
        self.chain = self.command_mac(head, body)
        return head + be(len(body) + self.size, 1) + body + self.chain[:self.size] + le

    def wrap(self, cla, ins, p1, p2, data=b"", le=b""):
        self.counter += 1
        if self.level & C_DEC and data:
            data = cbc(self.enc, self.icv(), pad(data))
        return self.send(bytes([cla | 4, ins, p1, p2]), data, le)

    def unwrap(self, response):
        """Plain data and status word of a response."""
        data, sw = response[:-2], response[-2:]
        if not self.level & R_MAC or not (sw == b"\x90\0" or sw[0] in (0x62, 0x63)):
            return data, sw
        if len(data) < self.size:
            raise WrongMac
        data, tag = data[:-self.size], data[-self.size:]
        if cmac(self.rmac, self.chain + data + sw)[:self.size] != tag:
            raise WrongMac
        if self.level & R_ENC and data:
            data = unpad(cbc(self.enc, self.icv(True), data, decrypt=True))
        return data, sw

    # -- card
    def accept(self, level, head, data):
        """EXTERNAL AUTHENTICATE on the card: True when cryptogram and MAC are right."""
        cryptogram, tag = data[:self.size], data[self.size:]
        full = self.command_mac(head, cryptogram)
        if cryptogram != self.host_cryptogram or full[:self.size] != tag:
            return False
        self.chain, self.level = full, level
        return True

    def open(self, head, data):
        """Plain data field of a wrapped command; WrongMac where it is not genuine."""
        if len(data) < self.size:
            raise WrongMac
        body, tag = data[:-self.size], data[-self.size:]
        full = self.command_mac(head, body)
        if full[:self.size] != tag:
            raise WrongMac
        self.chain = full
        self.counter += 1
        if self.level & C_DEC and body:
            if len(body) % 16:
                raise WrongMac
            body = unpad(cbc(self.enc, self.icv(), body, decrypt=True))
        return body

    def close(self, data, sw):
        """Response data as sent, for status words 9000, 62xx and 63xx."""
        if not self.level & R_MAC:
            return data
        if self.level & R_ENC and data:
            data = cbc(self.enc, self.icv(True), pad(data))
        return data + cmac(self.rmac, self.chain + data + sw)[:self.size]
