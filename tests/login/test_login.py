"""The programs that log clients in: as processes, with the environment that docker and a kubelet give them."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.oci.test_served import Wire
from tests.ports import free_port
from tests.served import Served
from twinport import __version__

Environment = dict[str, str]
VERSION = "credentialprovider.kubelet.k8s.io/v1"


def ran(program: str, *arguments: str, given: str, environment: Environment) -> "subprocess.CompletedProcess[str]":
    source = str(Path(__file__).parent.parent.parent / "src")
    start = f"from twinport.login import {program} as it; it.main()"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        input=given,
        env={"PYTHONPATH": source, "HOME": "/nonexistent", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def keys(account: str) -> Environment:
    return {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "eu-west-1"}


def opens(server: Served, user: str, password: str, path: str) -> int:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Wire(server.port, token).ask("GET", path).status


@pytest.mark.parametrize("form", ["127.0.0.1:{}", "http://127.0.0.1:{}", "127.0.0.1:{}/v2/"])
def test_docker_is_given_a_token_that_opens_the_registry(server: Served, account: str, form: str) -> None:
    server.client("ecr", account).create_repository(repositoryName="team/api")
    ended = ran("docker", "get", given=f"{form.format(server.port)}\n", environment=keys(account))
    assert ended.returncode == 0, ended.stdout
    answer = json.loads(ended.stdout)
    assert (answer["ServerURL"], answer["Username"]) == (form.format(server.port), "AWS")
    assert opens(server, "AWS", answer["Secret"], "/v2/team/api/tags/list") == 200


def test_keys_may_stand_in_the_shared_files(server: Served, account: str, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(f"[ci]\naws_access_key_id = {account}\naws_secret_access_key = test\n")
    (tmp_path / "config").write_text("[profile ci]\nregion = ap-south-1\n")
    server.client("ecr", account, "ap-south-1").create_repository(repositoryName="team/api")
    environment = {
        "AWS_PROFILE": "ci",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }
    ended = ran("docker", "get", given=f"127.0.0.1:{server.port}", environment=environment)
    assert opens(server, "AWS", json.loads(ended.stdout)["Secret"], "/v2/team/api/tags/list") == 200


def test_the_registry_s_own_host_names_the_region(server: Served, account: str) -> None:
    host = f"{account}.dkr.ecr.ap-south-1.localhost:{server.port}"
    environment = {**keys(account), "TWINPORT_ENDPOINT": server.url}
    secret = json.loads(ran("docker", "get", given=host, environment=environment).stdout)["Secret"]
    server.client("ecr", account, "ap-south-1").create_repository(repositoryName="team/api")
    assert opens(server, "AWS", secret, "/v2/team/api/tags/list") == 200


def test_without_credentials_docker_is_told_where_they_are_looked_for(server: Served) -> None:
    ended = ran("docker", "get", given=f"127.0.0.1:{server.port}", environment={})
    assert ended.returncode == 1
    assert "no AWS credentials: set AWS_ACCESS_KEY_ID" in ended.stdout
    assert "/nonexistent/.aws/credentials" in ended.stdout


def test_a_refusal_of_the_registry_is_passed_on_without_the_secret(server: Served, account: str) -> None:
    wrong = {**keys(account), "AWS_SECRET_ACCESS_KEY": "a-marked-secret"}
    ended = ran("docker", "get", given=f"127.0.0.1:{server.port}", environment=wrong)
    assert ended.returncode == 1
    assert "InvalidSignatureException" in ended.stdout
    assert "a-marked-secret" not in ended.stdout + ended.stderr


def test_a_registry_that_is_not_there_is_said_to_be_unreachable(account: str) -> None:
    ended = ran("docker", "get", given=f"127.0.0.1:{free_port()}", environment=keys(account))
    assert ended.returncode == 1
    assert "Connection refused" in ended.stdout
    assert "TWINPORT_ENDPOINT" in ended.stdout


@pytest.mark.parametrize(
    ("verb", "given", "code", "says"),
    [
        ("list", "", 0, "{}\n"),
        ("store", '{"ServerURL":"a","Username":"b","Secret":"c"}', 0, ""),
        ("erase", "127.0.0.1", 0, ""),
        ("steal", "", 1, "usage: docker-credential-twinport get|list|store|erase|version\n"),
    ],
)
def test_the_other_verbs_keep_nothing(verb: str, given: str, code: int, says: str) -> None:
    ended = ran("docker", verb, given=given, environment={})
    assert (ended.returncode, ended.stdout) == (code, says)


def test_a_kubelet_is_given_credentials_for_the_image_s_registry(server: Served, account: str) -> None:
    server.client("ecr", account).create_repository(repositoryName="team/api")
    host = f"127.0.0.1:{server.port}"
    request = {"apiVersion": VERSION, "kind": "CredentialProviderRequest", "image": f"{host}/team/api"}
    ended = ran("kubelet", given=json.dumps(request), environment=keys(account))
    answer = json.loads(ended.stdout)
    assert {name: answer[name] for name in ("apiVersion", "kind", "cacheKeyType")} == {
        "apiVersion": VERSION,
        "kind": "CredentialProviderResponse",
        "cacheKeyType": "Registry",
    }
    assert 5 * 3600 < int(answer["cacheDuration"].removesuffix("s")) <= 6 * 3600
    assert opens(server, "AWS", answer["auth"][host]["password"], "/v2/team/api/tags/list") == 200


OTHER_KIND = '{"apiVersion":"v1","kind":"CredentialProviderRequest","image":"a/b"}'


@pytest.mark.parametrize("given", ["", "[]", "{}", OTHER_KIND])
def test_what_is_no_request_of_a_kubelet_is_refused(given: str) -> None:
    ended = ran("kubelet", given=given, environment={})
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "a CredentialProviderRequest with an 'image' is needed" in ended.stderr


@pytest.mark.parametrize("program", ["docker", "kubelet"])
def test_a_helper_tells_a_person_what_it_is_for(program: str) -> None:
    name = {"docker": "docker-credential-twinport", "kubelet": "twinport-kubelet-credentials"}[program]
    for word in ("-h", "--help"):
        shown = ran(program, word, given="", environment={})
        assert (shown.returncode, shown.stderr) == (0, "")
        assert shown.stdout.startswith(f"usage: {name}")
        assert "Exit codes" in shown.stdout
    assert ran(program, "--version", given="", environment={}).stdout == f"{name} {__version__}\n"
