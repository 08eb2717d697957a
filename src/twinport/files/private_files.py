"""Only twinport's own user may read what it creates in a data folder: folders 0700, files 0600.

`keep` applies this to everything that the process creates from now on, including SQLite's own files. `close_folder`
applies it to the files of earlier versions. It does not check blobs: they always had this mode, and there may be
millions of them.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from twinport.logs import telemetry
from twinport.logs.telemetry import Event

_OTHERS = 0o077
# Each folder that twinport has used has one of these.
_MARKS = frozenset({"sealing.key", "catalog.identity"})
_OURS = re.compile(
    r"sealing\.key|catalog\.identity|global\.db(-\w+)?|regions|processes|metrics|listeners|events\.log(\.\d+)?|lost\+found"
)


def keep() -> None:
    """Make everything that this process and its children create from now on unreadable for other users."""
    os.umask(os.umask(_OTHERS) | _OTHERS)


def others_in(data: Path) -> list[str]:
    """Return the foreign names in a folder. Empty if twinport has used the folder before, or cannot read it."""
    try:
        names = sorted(each.name for each in data.iterdir())
    except OSError:
        return []
    is_used = not _MARKS.isdisjoint(names)
    return [] if is_used else [name for name in names if not _OURS.fullmatch(name)]


def words_of_others(data: Path, others: Sequence[str]) -> str:
    """Word the result of `others_in` for a person."""
    count = "1 other name" if len(others) == 1 else f"{len(others)} other names"
    return (
        f"the folder '{data}' already held {count}, such as '{others[0]}'; twinport keeps its files beside them: "
        "end it and choose another folder with --data DIR or TWINPORT_DATA if that was not meant"
    )


def tell_of_others(data: Path) -> None:
    """Warn, before anything is created in a folder, that it holds other files.

    This is no refusal: volumes contain `lost+found`, dotfiles, certificates and a settings file, and an operator that
    mounts a volume has no other folder to choose. Existing files are not changed; see `close_folder`.
    """
    if others := others_in(data):
        reason = words_of_others(data, others)
        telemetry.warning(Event.FOLDER_SHARED, path=str(data), reason=reason, paths=len(others))


def close_folder(data: Path) -> None:
    """Make files of earlier versions unreadable for other users. One warning reports files where this fails."""
    refused = [(path, reason) for path in _made_in(data) if (reason := _close(path)) is not None]
    if refused:
        path, reason = refused[0]
        telemetry.warning(Event.FOLDER_OPEN, path=str(path), reason=reason, paths=len(refused))


def _made_in(data: Path) -> Iterator[Path]:
    """Yield what twinport created in a folder, except blobs, and the folder itself unless it has other files too."""
    patterns = (
        "sealing.key",
        "catalog.identity",
        "global.db*",
        "events.log*",
        "processes",
        "processes/*",
        "metrics",
        "metrics/*",
        "listeners",
        "listeners/*",
        "regions",
    )
    for pattern in (*patterns, "regions/*", "regions/*/catalog.db*", "regions/*/blobs", "regions/*/blobs/owner*"):
        yield from data.glob(pattern)
    with suppress(OSError):
        if all(_OURS.fullmatch(each.name) for each in data.iterdir()):
            yield data


def _close(path: Path) -> str | None:
    """Remove other users' access to a file or folder. Returns why that failed, or None. Does not follow links.

    The file may be a database that this process has open. Closing any ordinary descriptor of it would end SQLite's
    locks on it (POSIX), and another process could then delete its log. Closing one made with O_PATH ends no lock.
    """
    try:
        handle = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror
    try:
        mode = os.fstat(handle).st_mode
        if mode & _OTHERS and (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            # The descriptor is of a file and of no link, so that a link swapped in meanwhile changes nothing.
            os.chmod(f"/proc/self/fd/{handle}", stat.S_IMODE(mode) & ~_OTHERS)  # noqa: PTH101 — this is no path
    except OSError as error:
        return error.strerror
    finally:
        os.close(handle)
    return None
