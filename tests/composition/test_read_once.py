"""What a request is parsed for: its signature once, its body once, and a signed body after its signer is known."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.deployment import ROOT, Keys, Process, begun
from tests.fakes import REGION
from tests.signed import VERSIONS
from twinport.aws import json11, query, sigv4

SIGNATURE, VERIFIED, FORM, JSON = "signature", "verified", "form", "json"
_FORM_TYPE = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
LARGE = {f"Tags.member.{n}.{part}": f"{n:0>60}" for n in range(1, 601) for part in ("Key", "Value")}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    process = begun(tmp_path / "data")
    yield process
    process.whole.close()


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list in which each parse, and each check of a signature, is noted."""
    noted: list[str] = []

    def note(module: ModuleType, function: str, step: str) -> None:
        real: Callable[..., object] = getattr(module, function)

        def noting(*given: object, **named: object) -> object:
            noted.append(step)
            return real(*given, **named)

        monkeypatch.setattr(module, function, noting)

    note(sigv4, "parse", SIGNATURE)
    note(sigv4, "verify", VERIFIED)
    note(query, "parameters", FORM)
    note(json11, "parse", JSON)
    return noted


@pytest.mark.parametrize(
    ("service", "operation", "members", "body"),
    [
        ("ecr", "DescribeRepositories", {}, JSON),
        ("ecr", "PutRegistryPolicy", {"policyText": json.dumps({"Statement": ["x" * 70_000]})}, JSON),
        ("iam", "ListUsers", {}, FORM),
        ("iam", "TagUser", {"UserName": "ci", **LARGE}, FORM),
        ("sts", "GetCallerIdentity", {}, FORM),
        ("sts", "GetCallerIdentity", LARGE, FORM),
    ],
)
async def test_a_signed_body_is_parsed_once_after_its_signature_is_verified(
    process: Process, steps: list[str], service: str, operation: str, members: dict[str, Any], body: str
) -> None:
    await process.aws(service, operation, members)
    assert steps == [SIGNATURE, VERIFIED, body]


@pytest.mark.parametrize(
    ("service", "operation"),
    [("ecr", "DescribeRepositories"), ("iam", "ListUsers"), ("sts", "AssumeRoleWithWebIdentity")],
)
async def test_a_body_whose_signature_is_false_is_not_parsed(
    process: Process, steps: list[str], service: str, operation: str
) -> None:
    reply = await process.aws(service, operation, {}, Keys(ROOT.id, "not its secret"))
    assert reply.status in (400, 403)
    assert steps == [SIGNATURE, VERIFIED]


@pytest.mark.parametrize("members", [{}, LARGE])
async def test_a_form_without_a_signature_is_parsed_once(
    process: Process, steps: list[str], members: Mapping[str, str]
) -> None:
    form = {"Action": "AssumeRoleWithWebIdentity", "Version": VERSIONS["sts"], **members}
    await process.ask("POST", "/", "&".join(f"{name}={value}" for name, value in form.items()).encode(), _FORM_TYPE)
    assert steps.count(FORM) == 1


async def test_a_large_form_that_is_malformed_is_parsed_once(process: Process, steps: list[str]) -> None:
    reply = await process.ask("POST", "/", b"Action=ListUsers&" + b"&" * (1 << 16), _FORM_TYPE)
    assert reply.status == 403
    assert steps.count(FORM) == 1


async def test_a_form_of_the_console_is_not_read_without_a_session(process: Process) -> None:
    # The cookies' names are those of the site.
    await process.whole.tasks.sessions.open()
    body = b"csrf=" + b"x" * (4 << 20)
    reply = await process.ask("POST", f"/console/{REGION}/repositories/create", body, _FORM_TYPE)
    assert (reply.status, reply.headers["location"]) == (303, "/console/sign-in")
