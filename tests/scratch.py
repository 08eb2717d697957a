"""Where tests keep their files: in memory, if there is room. They sync thousands of times, and none cuts the power."""

import os
from pathlib import Path

_MEMORY, _ELSEWHERE = Path("/dev/shm"), "PYTEST_DEBUG_TEMPROOT"
# Several times what a suite has there at once.
_ROOM = 2 << 30


def in_memory() -> Path | None:
    """Return a folder in memory, or None where there is none, it has little room, or no program may be run from it.

    None, too, where the environment says where pytest's folders are.
    """
    if os.environ.get(_ELSEWHERE, str(_MEMORY)) != str(_MEMORY):
        return None
    try:
        found = os.statvfs(_MEMORY)
    except OSError:
        return None
    has_room = found.f_bavail * found.f_frsize >= _ROOM
    return _MEMORY if has_room and not found.f_flag & os.ST_NOEXEC else None
