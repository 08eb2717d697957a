"""What twinport makes in a data folder is for the user it runs as: folders 0700, files 0600.

`keep` lets everything that a process makes from now on be so, SQLite's own files included. `close_folder` does it for
what earlier versions made. Blobs were always made so, and there may be millions of them: they are not looked at.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from twinport import telemetry
from twinport.telemetry import Event

_OTHERS = 0o077
_OURS = re.compile(
    r"sealing\.key|catalog\.identity|global\.db(-\w+)?|regions|processes|metrics|listeners|events\.log(\.\d+)?|lost\+found"
)


def keep() -> None:
    """Let other users read nothing that this process makes from now on, nor what its children make."""
    os.umask(os.umask(_OTHERS) | _OTHERS)


def others_in(data: Path) -> list[str]:
    """Name what a folder holds that is not ours; nothing if twinport began in it before, or it cannot be read."""
    try:
        names = sorted(each.name for each in data.iterdir())
    except OSError:
        return []
    return [] if "sealing.key" in names else [name for name in names if not _OURS.fullmatch(name)]


def words_of_others(data: Path, others: Sequence[str]) -> str:
    """Word what `others_in` found, for a person."""
    count = "1 other name" if len(others) == 1 else f"{len(others)} other names"
    return (
        f"the folder '{data}' already held {count}, such as '{others[0]}'; twinport keeps its files beside them: "
        "end it and choose another folder with --data DIR or TWINPORT_DATA if that was not meant"
    )


def tell_of_others(data: Path) -> None:
    """Tell, before anything is begun in a folder, that it holds things of others.

    It is no refusal: volumes come with `lost+found`, dotfiles, certificates and a settings file, and an operator who
    mounts one has no other folder to choose. Nothing that is there is changed; see `close_folder`.
    """
    if others := others_in(data):
        reason = words_of_others(data, others)
        telemetry.warning(Event.FOLDER_SHARED, path=str(data), reason=reason, paths=len(others))


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
