"""What this machine can do at most: hashing, making files durable, and copying through the loopback."""

from benchmarks.figures import Found, Row
from benchmarks.fleet import CEILING
from benchmarks.peers.running import Server
from benchmarks.works.work import MIB, Run, Sizes, Work


def works(_sizes: Sizes) -> list[Work]:
    """Return the work, which the generator does alone."""
    rows = [
        Row("SHA-256, one thread", "MB/s"),
        Row("new files of 1 MiB with fsync, one thread"),
        Row("new files of 200 bytes with fsync"),
        Row("loopback, one connection", "MB/s"),
    ]
    return [Work("limits", rows, (CEILING,), _measure)]


def _measure(run: Run, _server: Server) -> list[Found]:
    duration, folder = run.sizes.duration, run.fleet.folder
    hashed = run.generator.run("hash", duration=duration)
    large, small = (run.generator.run("sync", duration=duration, file=folder, size=size) for size in (MIB, 200))
    copied = run.generator.run("loopback", duration=duration)
    return [
        Found(hashed["megabytes_per_second"]),
        Found(large["rate"]),
        Found(small["rate"]),
        Found(copied["megabytes_per_second"]),
    ]
