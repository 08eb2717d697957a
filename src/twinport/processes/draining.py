"""Whether this process drains: it takes on no background work, and tells balancers and clients to go elsewhere."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path

_DONE, _UNDER_WAY = "done", "under way"


@dataclass(slots=True)
class Draining:
    """The state of one process, which lasts until it is undone or the process ends. `requests` are under way now."""

    is_on: bool = False
    requests: int = 0


@dataclass(slots=True)
class DrainNote:
    """A file in the data folder that tells commands how far the process of that name has come."""

    folder: Path
    name: str
    _last: str | None = field(default=None, init=False)

    def write(self, *, is_done: bool) -> None:
        """Note that the process drains, and whether nothing is under way in it. Raises OSError."""
        word = _DONE if is_done else _UNDER_WAY
        if word != self._last:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            _replace(self.folder / self.name, word)
            self._last = word

    def remove(self) -> None:
        with contextlib.suppress(OSError):
            (self.folder / self.name).unlink(missing_ok=True)
        self._last = None


def notes_in(folder: Path) -> dict[str, bool]:
    """Return the processes that drain by their names, and whether nothing is under way in each."""
    try:
        return {each.name: each.read_text() == _DONE for each in folder.iterdir() if not each.name.startswith(".")}
    except OSError:
        return {}


def _replace(path: Path, content: str) -> None:
    own = path.with_name(f".{path.name}")
    handle = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, content.encode())
    finally:
        os.close(handle)
    own.replace(path)
