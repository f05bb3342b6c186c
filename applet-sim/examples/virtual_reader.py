"""Reads the public data of the card in a PC/SC reader with pyscard, the virtual reader's for example, without any of our code.

`/usr/bin/python3 applet-sim/examples/virtual_reader.py ["Virtual PCD 00 00"]` prints one JSON object: what the card answered.
"""

import json
import sys

from smartcard.System import readers
from smartcard.util import toHexString

COMMANDS = {
    "select": "00A4040008F04547454C45430100",
    "identity": "00B0810000",
    "recognition": "00CA006600",
    "keys": "00CA00E000",
    "status": "00CADF2100",
    # The purse, which is for those with keys: 6982.
    "private": "00B0840000",
}


def send(connection, hexadecimal):
    """The whole answer, also over T=0: 6Cxx asks for the right length, 61xx says that there is more."""
    command = list(bytes.fromhex(hexadecimal))
    data, sw1, sw2 = connection.transmit(command)
    whole = bytes(data)
    if sw1 == 0x6C:
        data, sw1, sw2 = connection.transmit(command[:-1] + [sw2])
        whole = bytes(data)
    while sw1 == 0x61:
        data, sw1, sw2 = connection.transmit([0x00, 0xC0, 0x00, 0x00, sw2])
        whole += bytes(data)
    return f"{whole.hex().upper()}{sw1:02X}{sw2:02X}"


def main(name=""):
    reader = next((reader for reader in readers() if name in str(reader)), None)
    if reader is None:
        sys.exit("no such reader: is pcscd running?")
    connection = reader.createConnection()
    connection.connect()
    answers = {"atr": toHexString(connection.getATR()).replace(" ", "")}
    answers |= {what: send(connection, command) for what, command in COMMANDS.items()}
    connection.disconnect()
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
