"""The access log: one event for each request, where the operator asks for it (`access_log`).

An event has the method, the path and the AWS operation of a request. It never has the query, which may hold signatures
and tokens. If the log is off, no `Entry` is made, and a note costs one read of a variable.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter

from twinport.http.messages import Message, Receive, Request, Send
from twinport.logs import telemetry
from twinport.logs.telemetry import Event

ANONYMOUS = "anonymous"
# A client may send a head of 128 KiB, and each of its requests writes a line.
_LONGEST_PATH, _LONGEST_WORD = 1024, 128


@dataclass(slots=True)
class Entry:
    """The facts of a request so far. Its messages pass through `receive` and `send`, which count their bytes."""

    _receive: Receive
    _send: Send
    caller: str = ANONYMOUS
    operation: str | None = None
    status: int | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    _begun: float = field(default_factory=perf_counter)
    _answered: float | None = None
    _announced: int = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        match message["type"]:
            case "http.response.start":
                self.status = message["status"]
                self._announced = _length(message["headers"])
            case "http.response.pathsend":
                self.bytes_out = self._announced
            case _:
                self.bytes_out += len(message["body"])
        self._answered = perf_counter()

    def write(self, request: Request, source: str) -> None:
        """Write the line of a request that came from the address `source`. Its id is among the bound fields."""
        telemetry.event(
            Event.REQUEST_ANSWERED,
            method=_short(request.method, _LONGEST_WORD),
            path=_short(request.raw_path, _LONGEST_PATH),
            operation=None if self.operation is None else _short(self.operation, _LONGEST_WORD),
            status=self.status,
            caller=self.caller,
            source=source,
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            milliseconds=round(((self._answered or perf_counter()) - self._begun) * 1000, 1),
        )


_entry: ContextVar[Entry | None] = ContextVar("entry", default=None)


def begin(receive: Receive, send: Send) -> Entry:
    """Begin the entry of this task's request."""
    entry = Entry(receive, send)
    _entry.set(entry)
    return entry


def is_kept() -> bool:
    """Tell whether this task's request has an entry."""
    return _entry.get() is not None


def note_caller(arn: str) -> None:
    """Note which principal authentication has found for this task's request."""
    if (entry := _entry.get()) is not None:
        entry.caller = arn


def note_operation(name: str) -> None:
    """Note which operation of AWS this task's request asks for."""
    if (entry := _entry.get()) is not None:
        entry.operation = name


def _length(headers: list[tuple[bytes, bytes]]) -> int:
    return next((int(value) for name, value in headers if name == b"content-length"), 0)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
