"""The units, under a real systemd: started, used, killed and stopped."""

import base64
import os
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journeys.commands import CommandFailed, Program, find
from tests.journeys.waiting import until
from tests.packaging.conftest import ROOT
from tests.packaging.rootfs import rootfs
from tests.ports import free_port

START_SECONDS = 120.0
INSTALL_SECONDS = 300
# A machine of its own but for the network: it has its own mounts, processes, cgroups and host name.
_BOOT = """
mount -t tmpfs tmpfs {folder}
mkdir {folder}/upper {folder}/work {folder}/root
mount -t overlay -o lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work overlay {folder}/root
cd {folder}/root
mount -t proc proc proc
mount -t sysfs sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs tmpfs run
mount --rbind /dev dev
cp /etc/resolv.conf etc/resolv.conf
exec env -i container=other PATH=/usr/sbin:/usr/bin chroot . /lib/systemd/systemd --log-target=null
"""


@contextmanager
def booted(lower: Path) -> Iterator[Program]:
    """Boot systemd on a view of a root file system; yield what runs a program on that machine."""
    with tempfile.TemporaryDirectory(prefix="twinport-systemd-") as folder:
        # In a cgroup of its own, so that what systemd does to its root touches no other process.
        cgroup = Path(_hierarchy(), Path(folder).name)
        cgroup.mkdir()
        namespaces = ("--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--kill-child")
        joined = f'echo $$ > {cgroup}/cgroup.procs; exec "$@"'
        words = ("sh", "-ec", joined, "sh", find("unshare"), *namespaces)
        script = _BOOT.format(folder=folder, lower=lower)
        process = subprocess.Popen(
            [*words, "sh", "-ec", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _entered(process.pid)
        finally:
            process.kill()
            process.wait(timeout=START_SECONDS)
            until("the machine is gone", lambda: _removed(cgroup), seconds=START_SECONDS)


def _hierarchy() -> str:
    """Where the second version of control groups is mounted."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next(place for _, place, kind, *_ in mounts if kind == "cgroup2")


def _removed(cgroup: Path) -> bool:
    """Remove a group and all below it; that works once no process is in them."""
    try:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            Path(folder).rmdir()
    except OSError:
        return False
    return True


def _entered(unshared: int) -> Program:
    """Enter the namespaces and the root of the first process of the machine."""

    def first() -> int | None:
        children = Path(f"/proc/{unshared}/task/{unshared}/children").read_text().split()
        return int(children[0]) if children else None

    pid = until("the machine has a first process", first, seconds=START_SECONDS)
    words = (find("nsenter"), "--target", str(pid), "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--root", "--wd")
    inside = Program((*words, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"), {}).lasting(INSTALL_SECONDS)

    def has_booted() -> bool:
        try:
            return inside("systemctl", "is-system-running").strip() == "running"
        except CommandFailed as failure:
            return failure.said.strip() == "degraded"

    until("systemd has booted", has_booted, seconds=START_SECONDS)
    return inside


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def machine(wheel: Path, port: int) -> Iterator[Program]:
    """A machine on which the how-to was followed: the wheel, the user, the units, the settings."""
    if os.geteuid() != 0:
        pytest.skip("a machine with systemd needs root")
    with booted(rootfs()) as machine:
        for name, text in _files(port).items():
            _write(machine, name, text)
        machine("sh", "-c", "mkdir /wheel")
        machine.with_words("sh", "-c", f"base64 -d > /wheel/{wheel.name}")(stdin=_base64(wheel))
        machine("python3", "-m", "venv", "/opt/twinport")
        pip = machine.with_words(
            "env", "PIP_CERT=/etc/ssl/certs/ca-certificates.crt", "/opt/twinport/bin/pip", "install"
        )
        pip("--quiet", "--require-hashes", "--requirement", "/run.txt")
        pip("--quiet", "--no-deps", f"/wheel/{wheel.name}")
        machine("systemd-sysusers")
        machine("chown", "-R", "root:twinport", "/etc/twinport")
        machine("systemctl", "daemon-reload")
        yield machine


def _files(port: int) -> dict[str, str]:
    units = ROOT / "deploy" / "systemd"
    settings = f'listen = "127.0.0.1:{port}"\n'
    return {
        "/run.txt": (ROOT / "requirements" / "run.txt").read_text(),
        "/usr/lib/sysusers.d/twinport.conf": (units / "twinport.sysusers").read_text(),
        "/etc/systemd/system/twinport.service": (units / "twinport.service").read_text(),
        "/etc/systemd/system/twinport-worker.service": (units / "twinport-worker.service").read_text(),
        "/etc/twinport/twinport.toml": settings,
    }


def _write(machine: Program, name: str, text: str) -> None:
    machine.with_words("sh", "-c", f"mkdir -p {Path(name).parent} && cat > {name}")(stdin=text)


def _base64(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _state(machine: Program, unit: str) -> dict[str, str]:
    said = machine("systemctl", "show", "--property", "ActiveState,NRestarts,Result", unit)
    return dict(line.split("=", 1) for line in said.splitlines())


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_twinport/health/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_units_are_well_formed() -> None:
    units = [str(path) for path in sorted((ROOT / "deploy" / "systemd").glob("*.service"))]
    done = subprocess.run(
        [find("systemd-analyze"), "verify", "--man=no", *units], capture_output=True, text=True, check=False
    )
    said = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert not said


def test_the_wheel_takes_the_tour_on_debians_newer_python(machine: Program) -> None:
    assert "Python 3.13" in machine("/opt/twinport/bin/python", "--version")
    said = machine("/opt/twinport/bin/twinport", "demo")
    assert "every copy pulled back and every digest verified" in said


def test_the_service_runs_comes_back_and_stops(machine: Program, port: int) -> None:
    machine("systemctl", "start", "twinport", "twinport-worker")
    until("the service answers", lambda: _answers(port), seconds=START_SECONDS)
    made = machine(
        *("runuser", "-u", "twinport", "--", "/opt/twinport/bin/twinport", "account", "create", "acme"),
        *("--config", "/etc/twinport/twinport.toml", "--data", "/var/lib/twinport"),
    )
    assert "administrator" in made
    machine("systemctl", "kill", "--signal", "KILL", "twinport")
    until(
        "the service was started again", lambda: _state(machine, "twinport")["NRestarts"] == "1", seconds=START_SECONDS
    )
    until("the service answers again", lambda: _answers(port), seconds=START_SECONDS)
    worker = _state(machine, "twinport-worker")
    assert worker["ActiveState"] == "active"
    machine("systemctl", "stop", "twinport", "twinport-worker")
    for unit in ("twinport", "twinport-worker"):
        assert _state(machine, unit)["Result"] == "success"
    assert machine("stat", "--format", "%a %U", "/var/lib/twinport").split() == ["700", "twinport"]


def test_a_setting_that_is_wrong_is_not_tried_again(machine: Program) -> None:
    _write(machine, "/etc/twinport/twinport.toml", 'listn = "127.0.0.1:1"\n')
    machine("systemctl", "start", "twinport")
    failed = until("the service has failed", lambda: _failed(machine), seconds=START_SECONDS)
    assert failed["Result"] == "exit-code"
    assert failed["NRestarts"] == "0"


def _failed(machine: Program) -> dict[str, str] | None:
    state = _state(machine, "twinport")
    return state if state["ActiveState"] == "failed" else None
