"""Ceph's object gateway, a real S3-compatible store, with one monitor and one disk in a folder."""

import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import boto3
from botocore.config import Config

from tests.journeys.commands import find
from tests.journeys.waiting import until
from tests.ports import free_port

ACCESS_KEY, SECRET = "testkey", "testsecret123"
REGION = "us-east-1"
_START_SECONDS, _STOP_SECONDS = 120.0, 60.0
PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "ceph-authtool", "monmaptool")
# Nagle's algorithm would delay each small answer by 40 ms. Objects go into a sparse file.
_CONFIGURATION = """[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{monitor}/0
public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
ms bind port min = {first}
ms bind port max = {last}
run dir = {folder}/run
admin socket = {folder}/run/$name.$pid.asok
pid file = {folder}/run/$name.pid
log file = {folder}/log/$name.log
crash dir = {folder}/log
keyring = {folder}/keyring
[mon]
mon data = {folder}/mon
[osd]
osd data = {folder}/osd$id
osd objectstore = bluestore
bluestore block size = 21474836480
bluestore cache autotune = false
bluestore cache size = 134217728
osd memory target = 939524096
[client.rgw]
keyring = {folder}/keyring
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw dns name = localhost
rgw thread pool size = 64
rgw crypt require ssl = false
"""


class Radosgw:
    """The gateway and what stands behind it. Whatever it acknowledged is there after it was killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._configuration = folder / "ceph.conf"
        self._numbers = count(1)
        self._buckets: list[str] = []
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def make(self) -> None:
        """Write the keys, the monitor and the disk, and add a user."""
        folder, monitor = self.folder, free_port()
        for name in ("mon", "osd0", "run", "log", "rgw"):
            (folder / name).mkdir()
        fsid, disk = str(uuid.uuid4()), str(uuid.uuid4())
        self._configuration.write_text(
            _CONFIGURATION.format(fsid=fsid, monitor=monitor, first=20000, last=20999, folder=folder, port=self.port)
        )
        self._make_keys()
        monitors = ["--create", "--clobber", "--enable-all-features", "--addv", "a", f"[v2:127.0.0.1:{monitor}]"]
        _run("monmaptool", *monitors, "--fsid", fsid, str(folder / "monmap"))
        made = ["--mkfs", "--monmap", str(folder / "monmap"), "--keyring", str(folder / "keyring")]
        self._ceph("ceph-mon", "-i", "a", *made)
        self._start("ceph-mon", "-i", "a")
        self._ceph("ceph", "osd", "new", disk)
        self._ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self._start("ceph-osd", "-i", "0")
        self.start()
        user = ["--uid=test", "--display-name=test", f"--access-key={ACCESS_KEY}", f"--secret={SECRET}"]
        self._ceph("radosgw-admin", "-n", "client.rgw", "user", "create", *user)

    def start(self) -> None:
        """Start the gateway alone."""
        self._start("radosgw", "-n", "client.rgw")
        until("radosgw answers", self._answers, seconds=_START_SECONDS)

    def kill(self) -> None:
        """End the gateway without a chance to say goodbye."""
        self._end("radosgw", signal.SIGKILL)

    def restart(self) -> None:
        self.kill()
        self.start()

    def pause(self) -> None:
        """Let it hold every request and every connection."""
        self._processes["radosgw"].send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._processes["radosgw"].send_signal(signal.SIGCONT)

    def stop(self) -> None:
        # A gateway whose monitor is gone does not stop.
        for name in ("radosgw", "ceph-osd", "ceph-mon"):
            if name in self._processes:
                self._end(name, signal.SIGKILL)

    def new_bucket(self) -> str:
        """Return the name of an empty bucket. Making one takes half a minute after the gateway was killed."""
        if not self._buckets:
            self._buckets = [f"twinport-{next(self._numbers)}" for _ in range(40)]
            for name in self._buckets:
                self.client().create_bucket(Bucket=name)
        return self._buckets.pop()

    def settings(self) -> dict[str, str]:
        """Return the settings of a deployment with its layers in an empty bucket, as the environment has them."""
        return {
            "TWINPORT_OBJECT_STORE": f"s3://{self.new_bucket()}/deployment",
            "TWINPORT_OBJECT_STORE_ENDPOINT": self.url,
            "TWINPORT_OBJECT_STORE_KEY": ACCESS_KEY,
            "TWINPORT_OBJECT_STORE_SECRET": SECRET,
        }

    def client(self) -> "boto3.client":
        """Return a client of boto3, which is no client of ours."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, retries={"max_attempts": 5}),
        )

    def _make_keys(self) -> None:
        keyring = str(self.folder / "keyring")
        _run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        everything = ("--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
        for name, caps in (
            ("client.admin", everything),
            ("client.rgw", ("--cap", "mon", "allow rw", "--cap", "osd", "allow rwx")),
            ("osd.0", ("--cap", "mon", "allow profile osd", "--cap", "osd", "allow *")),
        ):
            _run("ceph-authtool", keyring, "--gen-key", "-n", name, *caps)

    def _ceph(self, program: str, *words: str) -> None:
        _run(program, "-c", str(self._configuration), *words)

    def _start(self, program: str, *words: str) -> None:
        with (self.folder / "log" / f"{program}.out").open("ab") as log:
            self._processes[program] = subprocess.Popen(
                [find(program), "-c", str(self._configuration), "-f", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def _end(self, program: str, number: signal.Signals) -> None:
        process = self._processes.pop(program)
        process.send_signal(number)
        process.wait(timeout=_STOP_SECONDS)

    def _answers(self) -> bool:
        assert self._processes["radosgw"].poll() is None, f"radosgw ended by itself: {self.folder / 'log'}"
        try:
            self.client().list_buckets()
        except Exception as error:  # noqa: BLE001 — whatever it is, it is not there yet
            return "InvalidAccessKeyId" in str(error)
        return True


def _run(program: str, *words: str) -> None:
    done = subprocess.run([find(program), *words], capture_output=True, text=True, check=False, timeout=_START_SECONDS)
    assert done.returncode == 0, f"{program} {' '.join(words)}\n{done.stdout}{done.stderr}"


@contextmanager
def running() -> Iterator[Radosgw]:
    """Run a new gateway in a folder of its own, and forget it. Skip where Ceph is not installed."""
    for name in PROGRAMS:
        find(name)
    folder = Path(tempfile.mkdtemp(prefix="twinport-radosgw-"))
    server = Radosgw(folder)
    try:
        server.make()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
