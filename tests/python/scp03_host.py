"""The SCP03 host of yubikey-manager against our card: authenticates at level 33 and reads private files.

Arguments: reader name, key version number, ENC, MAC, DEK (hexadecimal). Prints one JSON object: what each command answered.
"""

import json
import sys

from smartcard.System import readers
from ykman.pcsc import ScardSmartCardConnection
from yubikit.core.smartcard import ApduError, SmartCardProtocol
from yubikit.core.smartcard.scp import KeyRef, Scp03KeyParams, StaticKeys

AID = bytes.fromhex("F04547454C454301")


class Connection(ScardSmartCardConnection):
    """Knows T=0, which yubikey-manager does not: 6Cxx is answered by the same command with the right length."""

    def send_and_receive(self, apdu):
        data, sw = super().send_and_receive(apdu)
        if sw >> 8 == 0x6C and len(apdu) <= 5:
            data, sw = super().send_and_receive(apdu[:4] + bytes([sw & 0xFF]))
        return data, sw


def main(reader_name, version, enc, mac, dek):
    reader = next(reader for reader in readers() if str(reader) == reader_name)
    connection = reader.createConnection()
    connection.connect()
    protocol = SmartCardProtocol(Connection(connection))
    answers = {"select": protocol.select(AID).hex()}
    keys = StaticKeys(bytes.fromhex(enc), bytes.fromhex(mac), bytes.fromhex(dek))
    protocol.init_scp(Scp03KeyParams(KeyRef(0, int(version, 16)), keys))
    answers["profile"] = protocol.send_apdu(0x00, 0xB0, 0x82, 0x00).hex()
    answers["purse"] = protocol.send_apdu(0x00, 0xB0, 0x84, 0x00).hex()
    answers["load"] = protocol.send_apdu(0x00, 0xB2, 0x01, 0x2C).hex()
    answers["receipt"] = protocol.send_apdu(0x00, 0xCA, 0xDF, 0x22).hex()
    try:
        protocol.send_apdu(0x80, 0x46, 0x00, 0x00)
        answers["certificate"] = "answered"
    except ApduError as error:
        answers["certificate"] = f"{error.sw:04X}"
    # The session goes on after an error, with the right counters.
    answers["again"] = protocol.send_apdu(0x00, 0xB0, 0x84, 0x00).hex()
    connection.disconnect()
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
