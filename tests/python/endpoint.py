"""Tests a card at a port, without pcscd and without any of our code: `endpoint.py 127.0.0.1:PORT` prints one JSON object.

`applet-sim serve --format json` prints where its cards are.
"""

import json
import socket
import struct
import sys
import urllib.request

SELECT = "00A4040008F04547454C45430100"
STATUS = "00CADF2100"


def post(address, path, body=None):
    """Over HTTP: to /apdu, /insert, /remove, /reset, /cut-power."""
    data = b"" if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"http://{address}{path}", data, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class Reader:
    """Over TCP: a length of two bytes, big endian, and so many bytes. One byte is a control: 01 on, 02 reset, 04 answer to reset."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=60)
        self.send(b"\x01")
        self.atr = self.exchange(b"\x04")

    def send(self, message):
        self.socket.sendall(struct.pack(">H", len(message)) + message)

    def exchange(self, message):
        self.send(message)
        (length,) = struct.unpack(">H", self.receive(2))
        return self.receive(length)

    def receive(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise ConnectionError("there is no card in the reader, or it was taken out")
            data += part
        return data


def main(address):
    over_http = [post(address, "/apdu", {"apdu": apdu})["response"] for apdu in (SELECT, STATUS)]
    reader = Reader(address)
    over_tcp = [reader.exchange(bytes.fromhex(apdu)).hex().upper() for apdu in (SELECT, STATUS)]
    post(address, "/remove")
    try:
        reader.exchange(bytes.fromhex(SELECT))
        gone = False
    except ConnectionError:
        gone = True
    state = post(address, "/insert")
    print(json.dumps({"http": over_http, "tcp": over_tcp, "atr": reader.atr.hex().upper(), "gone": gone, "state": state}))


if __name__ == "__main__":
    main(*sys.argv[1:])
