"""Just enough HTTP/2 (RFC 9113) to send heads that no library sends: literal fields, one stream, no compression."""

import socket
import ssl
import struct
from collections.abc import Iterator, Sequence

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4


def answered(port: int, fields: Sequence[tuple[str, str]]) -> bytes | None:
    """Send a request of these fields over TLS, and return the body that is answered; None where it is reset."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    trust.set_alpn_protocols(["h2"])
    plain = socket.create_connection(("127.0.0.1", port), timeout=30)
    with trust.wrap_socket(plain, server_hostname="localhost") as connection:
        assert connection.selected_alpn_protocol() == "h2"
        head = b"".join(_field(name, value) for name, value in fields)
        connection.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
        connection.sendall(_frame(_HEADERS, _END_STREAM | _END_HEADERS, 1, head))
        return _body(connection)


def _body(connection: ssl.SSLSocket) -> bytes | None:
    body = b""
    for kind, flags, stream, content in _frames(connection):
        if kind in (_RESET, _GOAWAY):
            return None
        if stream == 1 and kind == _DATA:
            body += content
        if stream == 1 and flags & _END_STREAM:
            return body
    return None


def _frames(connection: ssl.SSLSocket) -> Iterator[tuple[int, int, int, bytes]]:
    with connection.makefile("rb") as stream:
        while head := stream.read(9):
            length = int.from_bytes(head[:3], "big")
            kind, flags, number = head[3], head[4], struct.unpack(">I", head[5:])[0] & 0x7FFFFFFF
            yield kind, flags, number, stream.read(length)


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + struct.pack(">I", stream) + content


def _field(name: str, value: str) -> bytes:
    """A literal field without indexing (RFC 7541 section 6.2.2); names and values are short."""
    return b"\x00" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))
