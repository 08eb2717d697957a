"""Every client over TLS, at the name that ECR would give, with a private authority that it was told to believe."""

import base64
import os
import ssl
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.journeys.commands import CommandFailed
from tests.journeys.containerd import Containerd
from tests.journeys.engine import Engine
from tests.journeys.registry_clients import (
    EVERYBODY,
    RUNNERS,
    Access,
    ContainerdClient,
    CraneClient,
    DockerClient,
    Goods,
    OrasClient,
    PodmanClient,
    RegctlClient,
    RegistryClient,
    Runner,
    SkopeoClient,
    everybody,
)
from tests.journeys.server import COMMAND, START_SECONDS, STOP_SECONDS
from tests.journeys.waiting import until
from tests.ports import free_port

ACCOUNT, REGION, DOMAIN = "111111111111", "eu-west-1", "registry.test"
REPOSITORY = "team/api"
UNKNOWN_AUTHORITY = "x509|certificate"
WITH_A_FOLDER: Mapping[str, Callable[[Goods, Access, Path], RegistryClient]] = {
    "podman": PodmanClient,
    "skopeo": SkopeoClient,
    "crane": CraneClient,
    "oras": OrasClient,
    "regctl": RegctlClient,
}

Clients = Mapping[str, RegistryClient]


@dataclass(frozen=True)
class Secure:
    """A server whose name leads to the loopback address of IPv6: docker asks for no TLS at that of IPv4."""

    port: int
    authority: Path
    hosts: Path
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"https://[::1]:{self.port}"

    @property
    def host(self) -> str:
        return f"{ACCOUNT}.dkr.ecr.{REGION}.{DOMAIN}:{self.port}"

    def access(self, authority: Path | None = None) -> Access:
        """Return how to log in, for who believes this authority, or another."""
        token = self.ecr().get_authorization_token()["authorizationData"][0]["authorizationToken"]
        password = base64.b64decode(token).decode().partition(":")[2]
        return Access(self.host, password, authority or self.authority, self.hosts)

    def ecr(self) -> Any:  # noqa: ANN401 — boto3's clients have no types
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test"}
        return boto3.client("ecr", REGION, endpoint_url=self.url, verify=str(self.authority), **keys)

    def trusted_by_docker(self, folder: Path) -> Path:
        """Write into a folder what stands in /etc/docker/certs.d."""
        (folder / self.host).mkdir(parents=True)
        (folder / self.host / "ca.crt").write_bytes(self.authority.read_bytes())
        return folder

    def is_healthy(self) -> bool:
        assert self.process.poll() is None, "twinport ended by itself"
        try:
            trust = ssl.create_default_context(cafile=str(self.authority))
            with urllib.request.urlopen(f"{self.url}/_twinport/health", timeout=1, context=trust) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder, port = tmp_path_factory.mktemp("secure"), free_port()
    made = authority(folder)
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n::1 {ACCOUNT}.dkr.ecr.{REGION}.{DOMAIN}\n")
    shown = ("--tls-cert", str(folder / "tls/cert.pem"), "--tls-key", str(folder / "tls/key.pem"))
    command = [*COMMAND, "serve", "--open", "--data", str(folder / "data"), "--listen", f"[::1]:{port}", *shown]
    with (folder / "log").open("wb") as log:
        environment = {**os.environ, "TWINPORT_ALLOWED_HOSTS": f"*.{DOMAIN}"}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    secure = Secure(port, made, folder / "hosts", process)
    until("twinport answers over TLS", secure.is_healthy, seconds=START_SECONDS)
    secure.ecr().create_repository(repositoryName=REPOSITORY)
    yield secure
    process.terminate()
    assert process.wait(timeout=STOP_SECONDS) == 0


@pytest.fixture(scope="module")
def clients(
    secure: Secure, tmp_path_factory: pytest.TempPathFactory, new_folder: Callable[[str], Path]
) -> Iterator[Clients]:
    trusted = secure.trusted_by_docker(tmp_path_factory.mktemp("trusted"))
    with (
        Engine(tmp_path_factory.mktemp("engine"), secure.hosts, trusted) as engine,
        everybody(secure.access(), engine, new_folder) as clients,
    ):
        yield clients


@pytest.mark.parametrize("pusher", EVERYBODY)
def test_an_index_that_one_pushed_is_pulled_by_all_and_runs(secure: Secure, clients: Clients, pusher: str) -> None:
    reference = f"{secure.host}/{REPOSITORY}:{pusher}"
    clients[pusher].push_index(reference)
    [image] = secure.ecr().describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": pusher}])["imageDetails"]
    known = {name: client.pull(reference) for name, client in clients.items()}
    assert [name for name in EVERYBODY if image["imageDigest"] not in known[name]] == []
    for name in RUNNERS:
        runner: Runner = clients[name]  # type: ignore[assignment]
        assert "it runs" in runner.run(reference, "/bin/echo", "it runs")


@pytest.mark.parametrize("name", WITH_A_FOLDER)
def test_who_believes_another_authority_is_not_deceived(
    secure: Secure, tmp_path: Path, new_folder: Callable[[str], Path], name: str
) -> None:
    access, goods = secure.access(authority(tmp_path)), Goods.made(tmp_path / "goods")
    with pytest.raises(CommandFailed, match=UNKNOWN_AUTHORITY):
        WITH_A_FOLDER[name](goods, access, new_folder(name)).push_image(f"{secure.host}/{REPOSITORY}:deceived")


def test_containerd_that_believes_another_authority_is_not_deceived(secure: Secure, tmp_path: Path) -> None:
    access, goods = secure.access(authority(tmp_path)), Goods.made(tmp_path / "goods")
    with Containerd(tmp_path) as containerd, pytest.raises(CommandFailed, match=UNKNOWN_AUTHORITY):
        ContainerdClient(goods, access, containerd).push_image(f"{secure.host}/{REPOSITORY}:deceived")


def test_docker_that_was_told_of_no_authority_is_not_deceived(
    secure: Secure, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    goods, trusted = Goods.made(tmp_path / "goods"), tmp_path_factory.mktemp("nobody")
    with (
        # The path of a socket has at most 104 characters, and this test a long name.
        Engine(tmp_path_factory.mktemp("engine"), secure.hosts, trusted) as engine,
        pytest.raises(CommandFailed, match=UNKNOWN_AUTHORITY),
    ):
        DockerClient(goods, secure.access(), engine)


def authority(folder: Path) -> Path:
    """Make an authority and a certificate for the name, as an operator would; return the file that is for clients."""
    names = ("--domain", DOMAIN, "--region", REGION)
    subprocess.run([*COMMAND, "certificates", str(folder / "tls"), *names], check=True, stdout=subprocess.DEVNULL)
    believed = folder / "believed" / "ca.crt"
    believed.parent.mkdir()
    believed.write_bytes((folder / "tls" / "ca.pem").read_bytes())
    return believed
