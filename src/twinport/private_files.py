"""What twinport makes in a data folder is for the user it runs as: folders 0700, files 0600.

`keep` lets everything that a process makes from now on be so, SQLite's own files included. `close_folder` does it for
what earlier versions made. Blobs were always made so, and there may be millions of them: they are not looked at.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from twinport import telemetry
from twinport.telemetry import Event

_OTHERS = 0o077
_OURS = re.compile(
    r"sealing\.key|catalog\.identity|global\.db(-\w+)?|regions|processes|metrics|events\.log(\.\d+)?|lost\+found"
)


def keep() -> None:
    """Let other users read nothing that this process makes from now on, nor what its children make."""
    os.umask(os.umask(_OTHERS) | _OTHERS)


def close_folder(data: Path) -> None:
    """Take from other users what earlier versions let them read. What cannot be closed is told in one warning."""
    refused = [(path, reason) for path in _made_in(data) if (reason := _close(path)) is not None]
    if refused:
        path, reason = refused[0]
        telemetry.warning(Event.FOLDER_OPEN, path=str(path), reason=reason, paths=len(refused))


def _made_in(data: Path) -> Iterator[Path]:
    """Name what twinport made in a folder, but the blobs; and the folder, unless other things are in it too."""
    patterns = (
        "sealing.key",
        "catalog.identity",
        "global.db*",
        "events.log*",
        "processes",
        "processes/*",
        "metrics",
        "metrics/*",
        "regions",
    )
    for pattern in (*patterns, "regions/*", "regions/*/catalog.db*", "regions/*/blobs", "regions/*/blobs/owner*"):
        yield from data.glob(pattern)
    with suppress(OSError):
        if all(_OURS.fullmatch(each.name) for each in data.iterdir()):
            yield data


def _close(path: Path) -> str | None:
    """Take a file or folder from other users. Tell why that is refused. What is linked to is left alone."""
    try:
        status = path.lstat()
        if not status.st_mode & _OTHERS or not (stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)):
            return None
        # By a descriptor that follows no link, so that nothing is changed that was put in its place meanwhile.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror
    try:
        os.fchmod(handle, stat.S_IMODE(status.st_mode) & ~_OTHERS)
    except OSError as error:
        return error.strerror
    finally:
        os.close(handle)
    return None
