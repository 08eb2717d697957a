"""The compose files: alone with open accounts, and with PostgreSQL and closed ones; a push goes through both."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from tests.journeys.commands import Program, find
from tests.journeys.images import small, write_layout
from tests.journeys.waiting import until
from tests.packaging.conftest import ROOT, Host
from tests.ports import free_port

START_SECONDS = 120.0
PASSWORD = "compose-test-password"
REGION = "eu-west-1"


@contextmanager
def up(host: Host, name: str, port: int) -> Iterator[Program]:
    """Start a compose file, wait until all of it is healthy, and take it down with its volumes."""
    project = ("--project-name", f"twinport-{name}", "--file", str(ROOT / "deploy" / "compose" / f"{name}.yaml"))
    settings = {**host.compose.environment, "PORT": str(port), "POSTGRES_PASSWORD": PASSWORD}
    compose = Program((*host.compose.words, *project), settings).lasting(START_SECONDS)
    try:
        compose("up", "--detach", "--no-build")
        container = compose("ps", "--quiet", "twinport").strip()
        status = ("inspect", "--format", "{{.State.Health.Status}}", container)
        until("twinport is healthy", lambda: host.docker(*status).strip() == "healthy", seconds=START_SECONDS)
        yield compose
    finally:
        compose("down", "--volumes", "--timeout", "10")


def push(port: int, key: str, secret: str, folder: Path) -> list[str]:
    """Create a repository, push an image with skopeo and return the tags that ECR then describes."""
    names = {"aws_access_key_id": key, "aws_secret_access_key": secret, "region_name": REGION}
    url = f"http://127.0.0.1:{port}"
    ecr = boto3.client("ecr", endpoint_url=url, **names)
    account = boto3.client("sts", endpoint_url=url, **names).get_caller_identity()["Account"]
    ecr.create_repository(repositoryName="team/api")
    write_layout(folder, small(), tag="1.0")
    (token,) = ecr.get_authorization_token()["authorizationData"]
    copy = Program((find("skopeo"), "copy", "--dest-tls-verify=false", "--dest-creds"), {})
    copy(
        _password(token["authorizationToken"]),
        f"oci:{folder}:1.0",
        f"docker://127.0.0.1:{port}/{account}/{REGION}/team/api:1.0",
    )
    (image,) = ecr.describe_images(repositoryName="team/api")["imageDetails"]
    tags: list[str] = image["imageTags"]
    return tags


def _password(token: str) -> str:
    return base64.b64decode(token).decode()


def test_alone_it_takes_a_push_of_an_open_account(host: Host, tmp_path: Path) -> None:
    port = free_port()
    with up(host, "twinport", port):
        assert push(port, "111111111111", "test", tmp_path) == ["1.0"]


def test_with_postgresql_it_takes_a_push_of_its_first_administrator(host: Host, tmp_path: Path) -> None:
    port = free_port()
    with up(host, "postgresql", port) as compose:
        said = compose("exec", "-T", "twinport", "twinport", "account", "create", "acme")
        lines = {line.rsplit(None, 1)[0].strip(): line.split()[-1] for line in said.splitlines() if line.strip()}
        assert push(port, lines["access key id"], lines["secret"], tmp_path) == ["1.0"]
        assert PASSWORD not in compose("logs", "twinport")
