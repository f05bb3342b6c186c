"""PUT KEY as yubikey-manager sends it: replaces a key set of our card in a session of its admin keys.

Arguments: reader name, admin key version number, ENC, MAC, DEK, replaced version, new version, new ENC, MAC, DEK (hexadecimal).
"""

import sys

from smartcard.System import readers
from yubikit.core.smartcard import SmartCardProtocol
from yubikit.core.smartcard.scp import KeyRef, Scp03KeyParams, StaticKeys
from yubikit.securitydomain import SecurityDomainSession

from scp03_host import AID, Connection

KEY_SET = 0x01


def key_set(enc, mac, dek):
    return StaticKeys(bytes.fromhex(enc), bytes.fromhex(mac), bytes.fromhex(dek))


def main(reader_name, version, enc, mac, dek, replaced, new_version, *new_keys):
    reader = next(reader for reader in readers() if str(reader) == reader_name)
    connection = reader.createConnection()
    connection.connect()
    # A session with a security domain, but for its selection: our application is its own.
    session = object.__new__(SecurityDomainSession)
    session.protocol = SmartCardProtocol(Connection(connection))
    session.protocol.select(AID)
    session.authenticate(Scp03KeyParams(KeyRef(0, int(version, 16)), key_set(enc, mac, dek)))
    session.put_key(KeyRef(KEY_SET, int(new_version, 16)), key_set(*new_keys), int(replaced, 16))
    connection.disconnect()


if __name__ == "__main__":
    main(*sys.argv[1:])
