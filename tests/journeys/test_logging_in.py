"""Logging in: the commands of docs/how-to/log-in.md, and skopeo with nothing but the credential helper."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.journeys.clients import SOURCE, Owner
from tests.journeys.commands import Program, find
from tests.journeys.documents import run_commands
from tests.journeys.images import small, write_layout
from tests.journeys.server import Server

KEYS = {"AWS_ACCESS_KEY_ID": SOURCE, "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}


@pytest.fixture
def skopeo() -> str:
    return find("skopeo")


@pytest.mark.usefixtures("skopeo")
def test_every_command_of_the_page_works(server: Server, tmp_path: Path) -> None:
    login = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")}
    said = run_commands("how-to/log-in.md", {"127.0.0.1:4566": server.address}, tmp_path, **login, **KEYS)
    assert "Login Succeeded!" in said
    assert '"Username": "AWS"' in said
    assert '"kind": "CredentialProviderResponse"' in said


def test_skopeo_pushes_and_pulls_with_the_credential_helper_alone(
    server: Server, source: Owner, tmp_path: Path, skopeo: str
) -> None:
    source.boto("ecr").create_repository(repositoryName="team/api")
    (tmp_path / "auth.json").write_text(json.dumps({"credHelpers": {server.address: "twinport"}}))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    helped = Program((skopeo,), {**KEYS, "PATH": path, "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")})
    write_layout(tmp_path / "image", small(), tag="1")
    reference = f"docker://{server.address}/team/api:1"
    helped("copy", "--dest-tls-verify=false", f"oci:{tmp_path / 'image'}:1", reference)
    assert json.loads(helped("inspect", "--tls-verify=false", reference))["RepoTags"] == ["1"]
