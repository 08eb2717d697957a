"""What /proc tells: memory and processor time of a server with all that it started, and what a disk is."""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def file_system(folder: Path) -> str:
    """Return the kind of the file system that a folder is on."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    inside = [(point, kind) for point, kind in mounts if folder.resolve().is_relative_to(point)]
    return max(inside, key=lambda each: len(each[0]))[1]


def family(process: int) -> list[int]:
    """Return a process and its descendants."""
    listed = Path(f"/proc/{process}/task")
    children = [int(each) for task in listed.iterdir() for each in (task / "children").read_text().split()]
    return [process, *(each for child in children for each in family(child))]


def memory_mb(process: int) -> float:
    """Return the proportional set size (PSS): a page that several processes share counts once."""
    return sum(_pss(each) for each in family(process)) / 1024


def processor_ms(process: int) -> float:
    """Return the processor time since the start."""
    return sum(_ticks(each) for each in family(process)) * 1000 / _TICKS


def _pss(process: int) -> int:
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
