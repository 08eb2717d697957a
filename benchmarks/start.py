"""How long from the start of a server to its first answer, how long to its end, and how much memory it takes idle.

python benchmarks/start.py [ROUNDS]

Beside us runs distribution's `docker-registry` (Debian's package), if it is here. Rounds alternate; medians and ratios
are printed, with every round, since machines have other things to do.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PORT = 14566


@dataclass(frozen=True)
class Contender:
    name: str
    command: Sequence[str]
    address: str


@dataclass(frozen=True)
class Round:
    start_ms: float
    stop_ms: float
    memory_mb: float


def twinport(folder: Path) -> Contender:
    command = [sys.executable, "-m", "twinport", "serve", "--data", str(folder / "ours"), "--listen"]
    return Contender("twinport", [*command, f"127.0.0.1:{PORT}"], f"http://127.0.0.1:{PORT}/_twinport/health")


def distribution(folder: Path) -> Contender:
    config = folder / "registry.yml"
    config.write_text(
        "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/theirs}}}}\nhttp: {{addr: 127.0.0.1:{PORT + 1}}}\n"
    )
    return Contender("distribution", ["docker-registry", "serve", str(config)], f"http://127.0.0.1:{PORT + 1}/v2/")


def measure(contender: Contender) -> Round:
    begun = time.perf_counter()
    with subprocess.Popen(contender.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for(contender.address)
        start = time.perf_counter() - begun
        memory = resident_mb(process.pid)
        begun = time.perf_counter()
        process.terminate()
        process.wait()
    return Round(start * 1000, (time.perf_counter() - begun) * 1000, memory)


def wait_for(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(address)


def resident_mb(pid: int) -> float:
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024


def show(name: str, rounds: Sequence[Round]) -> Round:
    middle = Round(*(statistics.median(getattr(each, field) for each in rounds) for field in Round.__annotations__))
    starts = " ".join(f"{each.start_ms:.0f}" for each in rounds)
    print(f"{name:<14}{middle.start_ms:8.0f} ms{middle.stop_ms:8.0f} ms{middle.memory_mb:8.0f} MB   starts: {starts}")
    return middle


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        contenders = [twinport(folder)]
        if shutil.which("docker-registry"):
            contenders.append(distribution(folder))
        else:
            print("docker-registry is not here: no peer to compare with")
        found: dict[str, list[Round]] = {contender.name: [] for contender in contenders}
        for _ in range(rounds):
            for contender in contenders:
                found[contender.name].append(measure(contender))
        print(f"{'':<14}{'start':>11}{'stop':>11}{'memory':>11}")
        medians = [show(contender, results) for contender, results in found.items()]
        if len(medians) > 1:
            ours, theirs = medians
            starts, memory = ours.start_ms / theirs.start_ms, ours.memory_mb / theirs.memory_mb
            print(f"ratio of starts {starts:.1f}, of memory {memory:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
