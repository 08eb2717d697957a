"""How much of the processor one turn of an event loop takes, and on what.

A turn lies between two looks of the loop for what happened outside. The clock is that of its thread alone, so a machine
that is busy with other things makes no turn longer.
"""

import asyncio
import json
import selectors
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

# Shorter turns are not written down.
_SHORTEST = 0.005
_PAUSE = 0.002


@dataclass(frozen=True)
class Turn:
    """The seconds of CPU that a turn took, and the functions that a look into it met, most often met first."""

    seconds: float
    functions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.seconds * 1000:.0f} ms in {' < '.join(self.functions[:6]) or 'what no look has met'}"


class WatchedSelector(selectors.DefaultSelector):
    """Writes down each long turn of the loop that looks through it."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file.open("a", buffering=1)
        self._began = time.thread_time()
        self._sampler = _Sampler(threading.get_ident())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        seconds = time.thread_time() - self._began
        functions = self._sampler.pause()
        if seconds >= _SHORTEST:
            self._file.write(json.dumps({"seconds": seconds, "functions": functions}) + "\n")
        try:
            return super().select(timeout)
        finally:
            self._sampler.go_on()
            self._began = time.thread_time()

    def close(self) -> None:
        self._sampler.is_closed = True
        self._file.close()
        super().close()


@dataclass
class _Sampler:
    """Looks into a thread from another one, a few hundred times a second."""

    thread: int
    _met: "Counter[str]" = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _is_on: bool = False
    is_closed: bool = False

    def __post_init__(self) -> None:
        threading.Thread(target=self._run, name="sampler", daemon=True).start()

    def pause(self) -> list[str]:
        self._is_on = False
        with self._lock:
            met, self._met = self._met, Counter()
        return [name for name, _ in met.most_common(8)]

    def go_on(self) -> None:
        self._is_on = True

    def _run(self) -> None:
        while not self.is_closed:
            time.sleep(_PAUSE)
            if self._is_on and (frame := sys._current_frames().get(self.thread)):
                functions = _functions(frame)
                with self._lock:
                    self._met.update(functions)


def _functions(frame: FrameType | None) -> list[str]:
    found = []
    while frame is not None:
        if "twinport" in (module := str(frame.f_globals.get("__name__"))):
            found.append(f"{module}.{frame.f_code.co_qualname}")
        frame = frame.f_back
    return found


class WatchedPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes event loops whose turns are written to a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.SelectorEventLoop(WatchedSelector(self._file))


class Reader:
    """Reads the turns that a process wrote since the last time."""

    def __init__(self, file: Path) -> None:
        self._file, self._read = file, 0

    def longest(self) -> Turn:
        with self._file.open() as lines:
            lines.seek(self._read)
            turns = [json.loads(line) for line in lines.read().splitlines()]
            self._read = lines.tell()
        found = [Turn(turn["seconds"], tuple(turn["functions"])) for turn in turns]
        return max(found, key=lambda turn: turn.seconds, default=Turn(0.0, ()))
