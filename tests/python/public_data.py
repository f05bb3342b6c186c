"""pyscard against our card: the public data, without any of our code.

Argument: reader name. Prints one JSON object.
"""

import json
import sys

from smartcard.System import readers
from smartcard.util import toHexString


def main(reader_name):
    reader = next(reader for reader in readers() if str(reader) == reader_name)
    connection = reader.createConnection()
    connection.connect()

    def send(hexadecimal):
        data, sw1, sw2 = connection.transmit(list(bytes.fromhex(hexadecimal)))
        whole = bytes(data)
        if sw1 == 0x6C:
            data, sw1, sw2 = connection.transmit(list(bytes.fromhex(hexadecimal)[:-1]) + [sw2])
            whole = bytes(data)
        while sw1 == 0x61:
            data, sw1, sw2 = connection.transmit([0x00, 0xC0, 0x00, 0x00, sw2])
            whole += bytes(data)
        return f"{whole.hex().upper()}{sw1:02X}{sw2:02X}"

    answers = {
        "atr": toHexString(connection.getATR()).replace(" ", ""),
        "select": send("00A4040008F04547454C45430100"),
        "identity": send("00B0810000"),
        "recognition": send("00CA006600"),
        "keys": send("00CA00E000"),
        "status": send("00CADF2100"),
        "private": send("00B0840000"),
    }
    connection.disconnect()
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
