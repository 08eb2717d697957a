"""Bytes in, bytes out: how requests find their operation and what comes back, in both protocols."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twinport.aws import dispatch, shapes, sigv4
from twinport.aws.dispatch import Door, Handler, ServiceTable
from twinport.aws.protocols import Request, Response, WireError
from twinport.aws.sigv4 import Credentials, Message
from twinport.aws.types.ecr import DescribeRepositoriesRequest, DescribeRepositoriesResponse
from twinport.errors import AccessDenied, Refusal
from twinport.refusals.callers import (
    CredentialsMissing,
    CredentialsUnknown,
    SessionExpired,
    SignatureExpired,
    SignatureIncomplete,
    SignatureMismatch,
)
from twinport.refusals.images import RepositoryNotFound
from twinport.refusals.requests import ServerBusy
from twinport.refusals.storage import StorageUnavailable

ECR, IAM, STS = (shapes.load(service) for service in ("ecr", "iam", "sts"))
SERVICES = (ECR, IAM, STS)
ACCOUNT = "111111111111"


class RoleNotFound(Refusal):
    """A refusal of the IAM door of these tests."""


class BadPart(Refusal):
    """A refusal that has members on the wire."""


async def describe_repositories(account: str, request: DescribeRepositoriesRequest) -> DescribeRepositoriesResponse:
    names = request.get("repositoryNames", ["all"])
    return {"repositories": [{"repositoryName": name, "registryId": account} for name in names]}


async def delete_repository(account: str, request: Mapping[str, Any]) -> dict[str, object]:
    raise RepositoryNotFound(request["repositoryName"], account)


async def upload_layer_part(_: str, request: Mapping[str, Any]) -> dict[str, object]:
    raise BadPart(f"part of {len(request['layerPartBlob'])} bytes")


async def get_authorization_token(account: str, request: Mapping[str, Any]) -> dict[str, object]:
    raise ZeroDivisionError(f"secret of {account} {request}")


async def get_role(_: str, request: Mapping[str, Any]) -> dict[str, object]:
    if request["RoleName"] == "absent":
        raise RoleNotFound("The role with name absent cannot be found.")
    return {"Role": {"RoleName": request["RoleName"], "CreateDate": datetime(2026, 1, 2, tzinfo=UTC)}}


async def delete_role(_: str, request: Mapping[str, Any]) -> None:
    assert request["RoleName"]


async def refuse_unnamed(_: str, request: Mapping[str, Any]) -> None:
    raise Refusal(f"this has no code: {request}")


ECR_HANDLERS: Mapping[str, Handler[str]] = {
    "DescribeRepositories": describe_repositories,
    "DeleteRepository": delete_repository,
    "UploadLayerPart": upload_layer_part,
    "GetAuthorizationToken": get_authorization_token,
    "DescribeRegistry": refuse_unnamed,
}
IAM_HANDLERS: Mapping[str, Handler[str]] = {"GetRole": get_role, "DeleteRole": delete_role, "GetUser": refuse_unnamed}
ERRORS: Mapping[type[Refusal], WireError] = {
    RepositoryNotFound: WireError("RepositoryNotFoundException"),
    RoleNotFound: WireError("NoSuchEntity", 404),
    BadPart: WireError("InvalidLayerPartException", members=lambda it: {"lastValidByteReceived": len(str(it))}),
}


@dataclass
class Entrance:
    """Knows everyone who sends an authorization header, unless told what to refuse; keeps the defects."""

    refusal: Refusal | None = None
    defects: list[str] = field(default_factory=list)

    async def authenticate(self, request: Request) -> str:
        if self.refusal is not None:
            raise self.refusal
        if not request.message.values("authorization"):
            raise CredentialsMissing
        return ACCOUNT

    def report(self, request: Request, defect: Exception) -> None:
        self.defects.append(f"{request.id}: {defect!r}")

    def ecr(self, handlers: Mapping[str, Handler[str]] = ECR_HANDLERS) -> Door[Request, str]:
        return Door(ServiceTable(ECR, handlers, ERRORS), self.authenticate, self.report)

    def iam(self, handlers: Mapping[str, Handler[str]] = IAM_HANDLERS) -> Door[Request, str]:
        return Door(ServiceTable(IAM, handlers, ERRORS), self.authenticate, self.report)


@pytest.fixture
def entrance() -> Entrance:
    return Entrance()


def json_request(operation: str, body: bytes = b"{}", *, prefix: str = ECR.target_prefix) -> Request:
    headers = (("host", "h"), ("authorization", "x"), ("x-amz-target", f"{prefix}.{operation}"))
    return Request(Message("POST", "/", "", headers), body, "r-1")


def query_request(body: str, *, method: str = "POST", query: str = "") -> Request:
    return Request(Message(method, "/", query, (("host", "h"), ("authorization", "x"))), body.encode(), "r-1")


def iam_request(body: str) -> Request:
    return query_request(f"{body}&Version=2010-05-08")


def without(request: Request, name: str) -> Request:
    headers = tuple(it for it in request.message.headers if it[0] != name)
    return replace(request, message=replace(request.message, headers=headers))


def said(response: Response) -> tuple[int, str, str]:
    """Return the status, code and message of an error in either protocol."""
    if response.headers["content-type"] == "text/xml":
        text = response.body.decode()
        code, message = (re.search(f"<{it}>(.*)</{it}>", text, re.DOTALL) for it in ("Code", "Message"))
        assert code is not None
        assert message is not None
        return response.status, code[1], message[1]
    error = json.loads(response.body)
    return response.status, error["__type"], error["message"]


# --- a request finds its operation ------------------------------------------------------------------------


async def test_a_json_request_is_answered_in_json(entrance: Entrance) -> None:
    response = await entrance.ecr().answer(json_request("DescribeRepositories", b'{"repositoryNames":["team/api"]}'))
    assert (response.status, response.headers) == (
        200,
        {"content-type": "application/x-amz-json-1.1", "x-amzn-requestid": "r-1"},
    )
    assert response.body == b'{"repositories":[{"repositoryName":"team/api","registryId":"111111111111"}]}'


async def test_a_query_request_is_answered_in_xml(entrance: Entrance) -> None:
    response = await entrance.iam().answer(iam_request("Action=GetRole&RoleName=a"))
    assert (response.status, response.headers) == (200, {"content-type": "text/xml", "x-amzn-requestid": "r-1"})
    assert b"<GetRoleResult><Role><RoleName>a</RoleName>" in response.body


async def test_parameters_may_stand_in_the_query_string(entrance: Entrance) -> None:
    request = query_request("", method="GET", query="Action=GetRole&RoleName=a&Version=2010-05-08")
    assert (await entrance.iam().answer(request)).status == 200


async def test_the_fields_of_a_presigned_signature_are_no_parameters(entrance: Entrance) -> None:
    query = "Action=GetRole&RoleName=a&Version=2010-05-08&X-Amz-Signature=x&X-Amz-Date=y&X-Amz-Expires=60"
    assert (await entrance.iam().answer(query_request("", method="GET", query=query))).status == 200


async def test_the_fields_of_a_presigned_signature_mean_nothing_in_a_body(entrance: Entrance) -> None:
    response = await entrance.iam().answer(iam_request("Action=GetRole&RoleName=a&X-Amz-Date=y"))
    assert said(response)[:2] == (400, "ValidationError")


async def test_a_handler_without_output_answers_without_result(entrance: Entrance) -> None:
    response = await entrance.iam().answer(iam_request("Action=DeleteRole&RoleName=a"))
    assert (response.status, b"Result>" in response.body) == (200, False)


def scoped(service: str, message: Message) -> Message:
    added = sigv4.sign(
        message,
        Credentials("AKID", "s"),
        region="eu-west-1",
        service=service,
        now=datetime(2026, 1, 2, tzinfo=UTC),
        body_hash="",
    )
    return replace(message, headers=(*message.headers, *added.items()))


@pytest.mark.parametrize(
    ("request_", "service"),
    [
        (json_request("DescribeRepositories"), "ecr"),
        (query_request("Action=GetRole&Version=2010-05-08"), "iam"),
        (query_request("Action=GetCallerIdentity&Version=2011-06-15"), "sts"),
        (query_request("", query="Action=GetCallerIdentity&Version=2011-06-15"), "sts"),
        (json_request("X", prefix="Other"), "ecr"),
        (query_request("Action=GetRole"), "iam"),
        (query_request("%"), "iam"),
        (Request(Message("POST", "/", "", ()), b"\xff", "r"), "iam"),
        (Request(scoped("sts", Message("POST", "/", "", (("host", "h"),))), b"Action=X", "r"), "sts"),
        (Request(scoped("ecr", Message("POST", "/", "", (("host", "h"),))), b"{}", "r"), "ecr"),
        (Request(scoped("s3", Message("POST", "/", "", (("host", "h"),))), b"", "r"), "iam"),
    ],
)
def test_a_request_is_for_the_service_of_its_target_version_or_scope(request_: Request, service: str) -> None:
    assert dispatch.service_of(request_, SERVICES).name == service


def test_the_target_decides_before_the_scope_so_that_the_scope_is_checked_against_it() -> None:
    request = json_request("DescribeRepositories")
    request = replace(request, message=scoped("iam", without(request, "authorization").message))
    assert dispatch.service_of(request, SERVICES).name == "ecr"


# --- refusals ---------------------------------------------------------------------------------------------


async def test_a_refusal_has_the_code_of_the_door_s_table(entrance: Entrance) -> None:
    response = await entrance.ecr().answer(json_request("DeleteRepository", b'{"repositoryName":"ab"}'))
    message = "The repository with name 'ab' does not exist in the registry with id '111111111111'"
    assert said(response) == (400, "RepositoryNotFoundException", message)
    response = await entrance.iam().answer(iam_request("Action=GetRole&RoleName=absent"))
    assert said(response) == (404, "NoSuchEntity", "The role with name absent cannot be found.")


async def test_a_refusal_may_have_members_of_its_own(entrance: Entrance) -> None:
    part = {"repositoryName": "ab", "uploadId": "0" * 8 + "-0000-0000-0000-" + "0" * 12}
    body = json.dumps({**part, "partFirstByte": 0, "partLastByte": 1, "layerPartBlob": "aGk="}).encode()
    response = await entrance.ecr().answer(json_request("UploadLayerPart", body))
    assert json.loads(response.body) == {
        "__type": "InvalidLayerPartException",
        "message": "part of 2 bytes",
        "lastValidByteReceived": 15,
    }


SIGNATURE = "20260102T030405Z", "20260102T030405Z", "20260102T030405Z", "15 min"


@pytest.mark.parametrize(
    ("refusal", "in_json", "in_query"),
    [
        (CredentialsMissing(), (400, "MissingAuthenticationTokenException"), (403, "MissingAuthenticationToken")),
        (CredentialsUnknown(), (400, "UnrecognizedClientException"), (403, "InvalidClientTokenId")),
        (SessionExpired(), (400, "ExpiredTokenException"), (403, "ExpiredToken")),
        (SignatureIncomplete("x"), (400, "IncompleteSignatureException"), (400, "IncompleteSignature")),
        (SignatureMismatch(), (400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch")),
        (SignatureExpired(*SIGNATURE), (400, "InvalidSignatureException"), (403, "SignatureDoesNotMatch")),
        (AccessDenied("a", "b", "c"), (400, "AccessDeniedException"), (403, "AccessDenied")),
        (StorageUnavailable("full"), (500, "ServerException"), (503, "ServiceUnavailable")),
        (ServerBusy("messages"), (400, "ThrottlingException"), (400, "Throttling")),
    ],
)
async def test_what_any_request_may_hear_has_a_code_in_each_protocol(
    refusal: Refusal, in_json: tuple[int, str], in_query: tuple[int, str]
) -> None:
    entrance = Entrance(refusal)
    assert said(await entrance.ecr().answer(json_request("DescribeRepositories"))) == (*in_json, str(refusal))
    assert said(await entrance.iam().answer(iam_request("Action=GetRole"))) == (*in_query, str(refusal))


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]"])
async def test_who_calls_is_settled_before_the_body_is_read(entrance: Entrance, body: bytes) -> None:
    stranger = without(json_request("DescribeRepositories", body), "authorization")
    assert said(await entrance.ecr().answer(stranger))[1] == "MissingAuthenticationTokenException"
    known = json_request("DescribeRepositories", body)
    assert said(await entrance.ecr().answer(known))[1] == "SerializationException"


@pytest.mark.parametrize("operation", ["Bogus", "", "DescribeRepositories.x", "describerepositories"])
async def test_an_unknown_operation_is_unknown_to_those_who_may_ask(entrance: Entrance, operation: str) -> None:
    request = json_request(operation, b"{")
    assert said(await entrance.ecr().answer(request))[:2] == (400, "UnknownOperationException")
    stranger = without(request, "authorization")
    assert said(await entrance.ecr().answer(stranger))[1] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    "request_",
    [
        json_request("DescribeRepositories", prefix="Other"),
        without(json_request("DescribeRepositories"), "x-amz-target"),
        replace(json_request("X"), message=replace(json_request("DescribeRepositories").message, method="GET")),
        replace(
            json_request("X"),
            message=replace(
                json_request("X").message, headers=json_request("DescribeRepositories").message.headers * 2
            ),
        ),
    ],
)
async def test_a_json_operation_is_named_by_one_target_of_a_post(entrance: Entrance, request_: Request) -> None:
    assert said(await entrance.ecr().answer(request_))[:2] == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    "request_",
    [
        iam_request("Action=Bogus"),
        iam_request("RoleName=a"),
        query_request("Action=GetRole&RoleName=a"),
        query_request("Action=GetRole&RoleName=a&Version=2011-06-15"),
        query_request("", method="PUT", query="Action=GetRole&RoleName=a&Version=2010-05-08"),
    ],
)
async def test_a_query_operation_is_named_by_action_and_version(entrance: Entrance, request_: Request) -> None:
    assert said(await entrance.iam().answer(request_))[:2] == (400, "InvalidAction")


async def test_an_operation_without_handler_is_refused_by_name(entrance: Entrance) -> None:
    message = "not implemented by twinport: StartReplicationBackfill"
    response = await entrance.ecr().answer(json_request("StartReplicationBackfill"))
    assert said(response) == (400, "UnsupportedOperationException", message)
    response = await entrance.iam().answer(iam_request("Action=CreateGroup"))
    assert said(response) == (400, "UnsupportedOperation", "not implemented by twinport: CreateGroup")


async def test_parameters_that_cannot_be_read_are_malformed(entrance: Entrance) -> None:
    response = await entrance.iam().answer(iam_request("Action=GetRole&RoleName=a&RoleName=b"))
    assert said(response) == (400, "MalformedInput", "a parameter is given more than once")
    response = await entrance.iam().answer(replace(iam_request(""), body=b"\xff"))
    assert said(response)[:2] == (400, "MalformedInput")


# --- constraints, in AWS's words --------------------------------------------------------------------------

REPOSITORY_NAME = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"


@pytest.mark.parametrize(
    ("operation", "body", "frame"),
    [
        ("DeleteRepository", {}, "repositoryName|Member must not be null"),
        ("DeleteRepository", {"repositoryName": "a"}, "repositoryName|must have length greater than or equal to 2"),
        (
            "DeleteRepository",
            {"repositoryName": "A/B"},
            f"repositoryName|must satisfy regular expression '{REPOSITORY_NAME}'",
        ),
        ("DescribeRepositories", {"maxResults": 1001}, "maxResults|Member must have value less than or equal to 1000"),
        (
            "DescribeRepositories",
            {"repositoryNames": []},
            "repositoryNames|Member must have length greater than or equal to 1",
        ),
        ("DescribeRepositories", {"bogus": 1}, "bogus|Member must be one that twinport knows"),
    ],
)
async def test_ecr_names_the_first_problem(entrance: Entrance, operation: str, body: object, frame: str) -> None:
    path, constraint = frame.split("|", 1)
    response = await entrance.ecr().answer(json_request(operation, json.dumps(body).encode()))
    message = f"Invalid parameter at '{path}' failed to satisfy constraint: '{constraint}'"
    assert said(response) == (400, "InvalidParameterException", message)


async def test_ecr_lists_the_values_of_an_enum(entrance: Entrance) -> None:
    door = entrance.ecr({**ECR_HANDLERS, "PutImageTagMutability": refuse_unnamed})
    body = b'{"repositoryName":"ab","imageTagMutability":"X"}'
    _, _, message = said(await door.answer(json_request("PutImageTagMutability", body)))
    assert message == (
        "Invalid parameter at 'imageTagMutability' failed to satisfy constraint: 'Member must satisfy enum value set: "
        f"[{', '.join(ECR.operations['CreateRepository'].input.members['imageTagMutability'].enum)}]'"
    )


async def iam_says(entrance: Entrance, operation: str, parameters: str) -> str:
    door = entrance.iam({operation: refuse_unnamed})
    status, code, message = said(await door.answer(iam_request(f"Action={operation}&{parameters}")))
    assert (status, code) == (400, "ValidationError")
    return message


async def test_iam_says_the_value_and_the_path_in_lower_case(entrance: Entrance) -> None:
    assert await iam_says(entrance, "GetRole", "RoleName=a:b") == (
        "1 validation error detected: Value 'a:b' at 'roleName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]+"
    )


async def test_iam_says_every_problem(entrance: Entrance) -> None:
    message = await iam_says(entrance, "TagRole", "Tags.member.1.Key=a&RoleName=")
    assert message.startswith(
        "3 validation errors detected: "
        "Value '' at 'roleName' failed to satisfy constraint: Member must have length greater than or equal to 1; "
    )
    assert message.endswith(
        "; Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null"
    )


async def test_iam_does_not_list_the_values_of_an_enum(entrance: Entrance) -> None:
    message = await iam_says(entrance, "UpdateAccessKey", "AccessKeyId=AKIAAAAAAAAAAAAAAAAA&Status=Off")
    assert message == (
        "1 validation error detected: "
        "Value at 'status' failed to satisfy constraint: Member must satisfy enum value set"
    )


async def test_a_secret_is_not_echoed(entrance: Entrance) -> None:
    message = await iam_says(entrance, "ChangePassword", f"OldPassword=hunter%0A2&NewPassword={'x' * 200}")
    assert "hunter" not in message


async def test_a_long_value_is_not_echoed(entrance: Entrance) -> None:
    assert "xxx" not in await iam_says(entrance, "GetRole", f"RoleName={'x' * 300}")


async def test_an_unknown_member_is_refused_in_both_protocols(entrance: Entrance) -> None:
    assert "at 'color' failed" in await iam_says(entrance, "GetRole", "RoleName=a&Color=red")


# --- defects ----------------------------------------------------------------------------------------------


async def test_a_defect_is_told_by_its_request_id_alone(entrance: Entrance) -> None:
    response = await entrance.ecr().answer(json_request("GetAuthorizationToken"))
    message = "The request failed inside twinport. Its id is 'r-1'."
    assert said(response) == (500, "ServerException", message)
    assert entrance.defects == ["r-1: ZeroDivisionError('secret of 111111111111 {}')"]


async def test_a_refusal_that_no_table_names_is_a_defect(entrance: Entrance) -> None:
    assert said(await entrance.ecr().answer(json_request("DescribeRegistry")))[:2] == (500, "ServerException")
    assert said(await entrance.iam().answer(iam_request("Action=GetUser")))[:2] == (500, "ServiceFailure")
    assert len(entrance.defects) == 2


async def test_sts_calls_a_defect_an_internal_failure(entrance: Entrance) -> None:
    door = Door(ServiceTable(STS, {"GetCallerIdentity": refuse_unnamed}, {}), entrance.authenticate, entrance.report)
    response = await door.answer(query_request("Action=GetCallerIdentity&Version=2011-06-15"))
    assert said(response)[:2] == (500, "InternalFailure")


def test_a_door_has_no_handlers_of_operations_that_do_not_exist() -> None:
    with pytest.raises(ValueError, match="Bogus"):
        ServiceTable(ECR, {"Bogus": refuse_unnamed}, {})


def test_what_is_not_implemented_can_be_listed() -> None:
    missing = dispatch.unimplemented(ECR, ECR_HANDLERS)
    assert len(missing) == 62 - len(ECR_HANDLERS)
    assert missing == sorted(missing)
    assert "StartReplicationBackfill" in missing


NAMES = st.sampled_from(["authorization", "x-amz-target", "x-amz-date", "x-amz-security-token", "host"])
TARGETS = st.sampled_from([f"{ECR.target_prefix}.DeleteRepository", f"{ECR.target_prefix}.UploadLayerPart"])


@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    query=st.binary(max_size=30),
    headers=st.lists(st.tuples(NAMES, st.binary(max_size=20).map(lambda it: it.decode("latin-1")) | TARGETS)),
    body=st.binary() | st.just(b"Action=GetRole&Version=2010-05-08&RoleName=") | st.just(b"{}"),
)
async def test_noise_is_never_a_defect(method: str, query: bytes, headers: list[tuple[str, str]], body: bytes) -> None:
    entrance = Entrance()
    request = Request(Message(method, "/", query.decode("latin-1"), tuple(headers)), body, "r-1")
    door = {"ecr": entrance.ecr(), "iam": entrance.iam()}[dispatch.service_of(request, (ECR, IAM)).name]
    assert (await door.answer(request)).status < 500
    assert entrance.defects == []
