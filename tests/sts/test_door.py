"""The STS door: forms in, XML out, read back with botocore's own parser."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import botocore.parsers
import botocore.session
import pytest

from tests import fakes
from twinport.access.calls import Call
from twinport.access.role_sessions import AssumedRole
from twinport.access.session_policies import SessionPolicies
from twinport.access.sessions import Credentials
from twinport.access.trust import RoleName
from twinport.aws import shapes
from twinport.aws.dispatch import Door, ServiceTable
from twinport.aws.protocols import Request, Response
from twinport.aws.sigv4 import Message
from twinport.errors import AccessDenied, Refusal
from twinport.identities.assumptions import Wish
from twinport.identities.own_sessions import FederatedUser, FederationWish
from twinport.identities.web_identities import AssumedByWeb, WebWish
from twinport.model.entities import Tag
from twinport.model.identities import Caller, Origin, PrincipalKind
from twinport.model.names import AccountId
from twinport.refusals.identities import (
    PolicyMalformed,
    PolicyNotThere,
    RootMayNotAssume,
    SessionPoliciesTooLarge,
    SessionTooLong,
)
from twinport.sts import door

STS = shapes.load("sts")
MODEL = botocore.session.Session().get_service_model("sts")
ROLE = "arn:aws:iam::111122223333:role/ci/builder"
ASKED = {"Action": "AssumeRole", "RoleArn": ROLE, "RoleSessionName": "build"}


@dataclass
class RecordingAssumptions:
    """Grants every wish, or refuses all of them, and remembers them."""

    refusal: Refusal | None = None
    wishes: list[Wish] = field(default_factory=list)

    async def assume(self, caller: Caller, wish: Wish) -> AssumedRole:
        del caller
        self.wishes.append(wish)
        if self.refusal:
            raise self.refusal
        credentials = Credentials("ASIAEXAMPLE", "secret", "token", fakes.NOW + timedelta(hours=1))
        return AssumedRole(credentials, "arn:aws:sts::111122223333:assumed-role/builder/build", "AROAX:build")


class NoWeb:
    async def assume(self, origin: Origin, wish: WebWish) -> AssumedByWeb:
        raise NotImplementedError


class Elsewhere:
    """Verbs that are tested by the public door."""

    async def begin(self, caller: Caller, length: timedelta | None) -> Credentials:
        raise NotImplementedError

    async def federate(self, caller: Caller, wish: FederationWish) -> FederatedUser:
        raise NotImplementedError

    async def account_of(self, caller: Caller, access_key_id: str) -> AccountId:
        raise NotImplementedError

    async def decode(self, caller: Caller, encoded: str) -> str:
        raise NotImplementedError


def _report(_: Request, defect: Exception) -> None:
    raise defect


async def answer(
    fields: Mapping[str, str], assumptions: RecordingAssumptions | None = None, caller: Caller | None = None
) -> Response:
    async def authenticate(_: Request) -> Call:
        return Call(caller or fakes.caller(), "127.0.0.1:4566", "http")

    verbs = door.Verbs(assumptions or RecordingAssumptions(), NoWeb(), Elsewhere(), Elsewhere(), Elsewhere())
    made = Door(ServiceTable(STS, door.handlers(verbs), door.ERRORS), authenticate, _report)
    body = urlencode({"Version": STS.api_version, **fields}).encode()
    return await made.answer(Request(Message("POST", "/", "", ()), body, "id-1"))


def read(operation: str, response: Response) -> dict[str, Any]:
    parser = botocore.parsers.create_parser("query")
    raw = {"status_code": response.status, "headers": response.headers, "body": response.body}
    parsed: dict[str, Any] = parser.parse(raw, MODEL.operation_model(operation).output_shape)
    return parsed


@pytest.mark.parametrize("kind", list(PrincipalKind))
async def test_everybody_may_ask_who_they_are(kind: PrincipalKind) -> None:
    caller = fakes.caller(kind=kind)
    parsed = read("GetCallerIdentity", await answer({"Action": "GetCallerIdentity"}, caller=caller))
    assert (parsed["UserId"], parsed["Account"], parsed["Arn"]) == (caller.user_id, caller.account, caller.arn)


async def test_an_assumed_role_comes_with_credentials() -> None:
    parsed = read("AssumeRole", await answer(ASKED))
    assert parsed["Credentials"] == {
        "AccessKeyId": "ASIAEXAMPLE",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": fakes.NOW + timedelta(hours=1),
    }
    assert parsed["AssumedRoleUser"] == {
        "AssumedRoleId": "AROAX:build",
        "Arn": "arn:aws:sts::111122223333:assumed-role/builder/build",
    }


async def test_the_packed_size_is_told_only_where_there_is_something_to_pack() -> None:
    assert "PackedPolicySize" not in read("AssumeRole", await answer(ASKED))
    assert read("AssumeRole", await answer({**ASKED, "Policy": "x" * 1024}))["PackedPolicySize"] == 50


async def test_every_member_that_is_honored_reaches_the_verb() -> None:
    assumptions = RecordingAssumptions()
    more = {"DurationSeconds": "900", "Policy": "{}", "ExternalId": "blue", "PolicyArns.member.1.arn": "a" * 20}
    tags = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "red", "TransitiveTagKeys.member.1": "team"}
    await answer({**ASKED, **more, **tags, "SourceIdentity": "alice"}, assumptions)
    expected = Wish(
        role=RoleName.parse(ROLE),
        session="build",
        length=timedelta(seconds=900),
        policies=SessionPolicies("{}", ("a" * 20,)),
        external_id="blue",
        tags=(Tag("team", "red"),),
        transitive=("team",),
        source_identity="alice",
    )
    assert assumptions.wishes == [expected]


@pytest.mark.parametrize(
    "more",
    [
        {"SerialNumber": "arn:aws:iam::111122223333:mfa/a"},
        {"TokenCode": "123456"},
        {"ProvidedContexts.member.1.ContextAssertion": "abcd"},
    ],
)
async def test_a_member_that_is_not_honored_is_refused(more: dict[str, str]) -> None:
    assumptions = RecordingAssumptions()
    response = await answer({**ASKED, **more}, assumptions)
    assert (response.status, read("AssumeRole", response)["Error"]["Code"]) == (400, "UnsupportedOperation")
    assert assumptions.wishes == []


async def test_a_session_name_outside_its_pattern_is_refused_in_the_words_of_aws() -> None:
    response = await answer({**ASKED, "RoleSessionName": "Session1:2"})
    assert read("AssumeRole", response)["Error"] == {
        "Type": "Sender",
        "Code": "ValidationError",
        "Message": "1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*",
    }


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (AccessDenied("me", "sts:AssumeRole", ROLE), 403, "AccessDenied"),
        (RootMayNotAssume(), 403, "AccessDenied"),
        (SessionTooLong("too long"), 400, "ValidationError"),
        (PolicyMalformed("Syntax errors in policy."), 400, "MalformedPolicyDocument"),
        (PolicyNotThere("arn"), 400, "ValidationError"),
        (SessionPoliciesTooLarge(120), 400, "PackedPolicyTooLarge"),
    ],
)
async def test_each_refusal_has_its_code(refusal: Refusal, status: int, code: str) -> None:
    response = await answer(ASKED, RecordingAssumptions(refusal))
    error = read("AssumeRole", response)["Error"]
    assert (response.status, error["Code"], error["Message"]) == (status, code, refusal.message)


async def test_what_is_not_the_arn_of_a_role_is_a_validation_error() -> None:
    response = await answer({**ASKED, "RoleArn": "arn:a:::something/test-role"})
    assert read("AssumeRole", response)["Error"]["Message"] == "arn:a:::something/test-role is invalid"


async def test_an_operation_that_is_not_built_is_refused_by_name() -> None:
    response = await answer({"Action": "AssumeRoot"})
    assert read("AssumeRoot", response)["Error"]["Message"] == "not implemented by twinport: AssumeRoot"
