"""A proxy that loses answers: something is completed, and the client hears that it failed."""

import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

BLOB, MANIFEST = "blob", "manifest"
_SENT_ONCE = ("connection", "transfer-encoding", "content-length")


class Lossy(ThreadingHTTPServer):
    """Stands before the server at `port`. `lost` names the kinds of content whose first completion is not answered."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.target, self.lost = port, list[str]()
        self._lock = Lock()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def loses(self, kind: str) -> bool:
        """Tell whether the answer to a request of this kind is to be lost: the first one is."""
        with self._lock:
            is_first = kind not in self.lost
            if is_first:
                self.lost.append(kind)
            return is_first


@contextmanager
def lossy(port: int) -> Iterator[Lossy]:
    proxy = Lossy(port)
    serving = Thread(target=proxy.serve_forever)
    serving.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        serving.join()
        proxy.server_close()


class _Exchange(BaseHTTPRequestHandler):
    """One connection of a client; each of its requests goes on over a connection of its own."""

    protocol_version = "HTTP/1.1"
    server: Lossy

    def _carry(self) -> None:
        body = self._body()
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _SENT_ONCE}
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)) as onward:
            onward.request(self.command, self.path, body, {**headers, "Content-Length": str(len(body))})
            with onward.getresponse() as answer:
                status, headed, content = answer.status, answer.getheaders(), answer.read()
        if self.command == "PUT" and status == HTTPStatus.CREATED and self.server.loses(self._kind()):
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, [], b"")
        else:
            self._answer(status, headed, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _carry  # noqa: N815 — the base class finds them so

    def _kind(self) -> str:
        return MANIFEST if "/manifests/" in self.path else BLOB

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in _SENT_ONCE or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 — the base class's name
        """Say nothing: the test says what was lost."""
