"""What the suites of the package share: the wheel, and a Docker engine of its own with the container built in it."""

import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.commands import Program, find
from tests.journeys.engine import Engine
from tests.packaging.rootfs import rootfs

ROOT = Path(__file__).parents[2]
BASE = "twinport-base"
IMAGE = "twinport-tested"
POSTGRESQL = "twinport-postgresql"
BUILD_SECONDS = 600


@dataclass(frozen=True)
class Host:
    """A host with a Docker engine, on which the container is built."""

    docker: Program
    compose: Program


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=BUILD_SECONDS)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host whose engine has the container, built on Debian's Python, and an image like PostgreSQL's own."""
    root, folder = rootfs(), tmp_path_factory.mktemp("engine")
    hosts = folder / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    with Engine(folder, hosts) as engine:
        docker = engine.docker.lasting(BUILD_SECONDS)
        _import(docker, root, folder / "base.tar")
        build = ("build", "--network", "host", "--build-arg", f"BASE={BASE}")
        docker(*build, "--tag", IMAGE, str(ROOT))
        docker(*build, "--tag", POSTGRESQL, str(Path(__file__).parent / "postgresql"))
        environment = {**engine.docker.environment, "IMAGE": IMAGE, "POSTGRES_IMAGE": POSTGRESQL}
        yield Host(engine.docker, Program((find("docker-compose"),), environment).lasting(BUILD_SECONDS))


def _import(docker: Program, root: Path, archive: Path) -> None:
    with tarfile.open(archive, "w") as tar:
        tar.add(root, arcname=".", filter=_without_devices)
    docker("import", "--change", "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt", str(archive), BASE)
    archive.unlink()


def _without_devices(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.isdev() and not member.isfifo() else member
