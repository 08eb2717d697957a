"""Requests that are nearly right, at the doors of the whole application: none is answered by a 500, none hangs."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import hypothesis
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.catalogs import ENGINES, POSTGRESQL
from tests.fuzz import strategies
from tests.fuzz.doors import HOST, Doors
from tests.fuzz.targets import ECR, IAM, STS, RegistryDoor, ServiceDoor, seeds_of, unexpected
from twinport.settings.loading import Settings
from twinport.settings.open_accounts import OpenAccounts

pytestmark = pytest.mark.large

EXAMPLES = int(os.environ.get("TWINPORT_FUZZ_EXAMPLES", "25"))
LIKE_ECR = "like ECR"
BRIEF = hypothesis.settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module", params=[*ENGINES, LIKE_ECR])
def doors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    settings = Settings(data=tmp_path_factory.mktemp("doors") / "data", open_accounts=OpenAccounts.LOCAL)
    if request.param == POSTGRESQL:
        settings = replace(settings, database=request.getfixturevalue("postgres").new_address())
    if request.param == LIKE_ECR:
        settings = replace(settings, fidelity="ecr", basic_access_keys=True)
    doors = Doors(settings)
    yield doors
    doors.close()


@BRIEF
@given(strategies.METHODS, strategies.targets(), strategies.headers(), st.lists(strategies.BODIES, max_size=2))
def test_whatever_is_asked_of_the_registry_is_answered_and_not_with_a_defect(
    doors: Doors, method: str, target: str, headers: list[tuple[str, str]], pieces: list[bytes]
) -> None:
    target = target.replace(strategies.UPLOAD, doors.upload)
    unexpected(doors.registry(method, target, headers, pieces))


@BRIEF
@given(strategies.BODIES)
def test_whatever_is_pushed_as_a_manifest_is_answered_and_not_with_a_defect(doors: Doors, body: bytes) -> None:
    unexpected(doors.registry("PUT", "/v2/team/api/manifests/pushed", (), (body,)))


@BRIEF
@given(st.data())
def test_whatever_is_asked_of_ecr_is_answered_and_not_with_a_defect(doors: Doors, data: st.DataObject) -> None:
    operation = data.draw(st.sampled_from(list(ECR.operations.values())))
    body = json.dumps(data.draw(strategies.inputs(operation.input))).encode()
    unexpected(doors.json(operation.name, body))


@BRIEF
@given(st.data())
def test_whatever_is_asked_of_iam_and_sts_is_answered_and_not_with_a_defect(doors: Doors, data: st.DataObject) -> None:
    service = data.draw(st.sampled_from((IAM, STS)))
    operation = data.draw(st.sampled_from(list(service.operations.values())))
    parameters = strategies.form(data.draw(strategies.inputs(operation.input)))
    named = [("Action", operation.name), ("Version", service.api_version), *parameters]
    unexpected(doors.query(service.name, urlencode(named, errors="replace").encode()))


@BRIEF
@given(strategies.METHODS, strategies.claims(), st.lists(strategies.BODIES, max_size=2))
def test_a_client_that_claims_a_signature_is_answered_and_not_with_a_defect(
    doors: Doors, method: str, claim: tuple[str, list[tuple[str, str]]], pieces: list[bytes]
) -> None:
    query, headers = claim
    answer = doors.ask(method, f"/?{query}", headers, pieces)
    unexpected(answer)
    assert method not in ("POST", "PUT") or answer.status >= 400


@BRIEF
@given(strategies.passwords())
def test_whatever_is_given_for_a_password_is_answered_and_not_with_a_defect(doors: Doors, authorization: str) -> None:
    answer = doors.registry("GET", "/v2/", [("authorization", authorization)])
    unexpected(answer)
    assert answer.status in (401, 403)


@BRIEF
@given(strategies.METHODS, strategies.presigned_layers(), strategies.headers())
def test_a_made_up_address_of_a_layer_is_refused(
    doors: Doors, method: str, target: str, headers: list[tuple[str, str]]
) -> None:
    answer = doors.ask(method, target, [*headers, ("host", HOST)])
    unexpected(answer)
    assert answer.status >= 400


@pytest.mark.parametrize(("name", "kind"), [("registry-door", RegistryDoor), ("service-door", ServiceDoor)])
def test_a_door_bears_its_seeds(doors: Doors, name: str, kind: type[RegistryDoor] | type[ServiceDoor]) -> None:
    for seed in seeds_of(name):
        kind(doors)(seed)


# --- what was found -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["5, 5", "-5", "0x5", "\u00b2", "9" * 30])
def test_a_length_that_is_no_number_of_bytes_is_refused(doors: Doors, said: str) -> None:
    upload = f"/v2/team/api/blobs/uploads/{doors.upload}"
    assert doors.registry("PATCH", upload, [("content-length", said)], (b"abcde",)).status == 400
