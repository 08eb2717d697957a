"""Refusals on the wire: every one has a status and a code of the standard."""

import json

import pytest

from twinport.errors import Refusal
from twinport.http import messages
from twinport.oci.errors import TABLE, refused, unexpected
from twinport.refusals import callers, images, requests

REST = "and cannot be overwritten because the repository is immutable."
CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
    # Of the reference implementation, beside the standard.
    "TAG_INVALID",
    "UNAVAILABLE",
    "UNKNOWN",
}


def every(kind: type[Refusal]) -> list[type[Refusal]]:
    return [kind, *(each for below in kind.__subclasses__() for each in every(below))]


@pytest.mark.parametrize("kind", sorted(set(every(Refusal)), key=str))
def test_every_refusal_has_a_form(kind: type[Refusal]) -> None:
    refusal = kind.__new__(kind)
    refusal.message = "so it is"
    if isinstance(refusal, requests.MethodUnsupported):
        refusal.allowed = ("GET",)
    answer = refused(refusal, "http://127.0.0.1/")
    assert 400 <= answer.status < 600
    assert answer.headers["docker-distribution-api-version"] == "registry/2.0"
    if kind is not callers.RegistryTokenMissing:
        (error,) = json.loads(answer.body)["errors"]
        assert error["code"] in CODES


def test_the_codes_are_those_of_the_standard() -> None:
    assert {wire.code for wire in TABLE.values()} <= CODES


def test_a_missing_credential_is_answered_with_the_bytes_of_ecr() -> None:
    answer = refused(callers.RegistryTokenMissing(), "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/")
    assert (answer.status, answer.body) == (401, b"Not Authorized\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["www-authenticate"] == (
        'Basic realm="https://111122223333.dkr.ecr.eu-west-1.amazonaws.com/",service="ecr.amazonaws.com"'
    )


@pytest.mark.parametrize(
    ("refusal", "status", "code", "message"),
    [
        (
            callers.RegistryTokenExpired(),
            403,
            "DENIED",
            "Your authorization token has expired. Reauthenticate and try again.",
        ),
        (images.ImageNotFound(None, "v1", "api", "1"), 404, "MANIFEST_UNKNOWN", "Requested image not found"),
        (
            images.RepositoryNotFound("api", "111122223333"),
            404,
            "NAME_UNKNOWN",
            "The repository with name 'api' does not exist in the registry with id '111122223333'",
        ),
        (
            images.TagImmutable("v1", "api"),
            400,
            "TAG_INVALID",
            f"The image tag 'v1' already exists in the 'api' repository {REST}",
        ),
        (
            messages.BodyTooLarge(4),
            413,
            "SIZE_INVALID",
            "the request's body is larger than the 4 bytes allowed here",
        ),
    ],
)
def test_what_docker_prints_is_what_ecr_says(refusal: Refusal, status: int, code: str, message: str) -> None:
    answer = refused(refusal, "http://127.0.0.1/")
    assert (answer.status, json.loads(answer.body)) == (status, {"errors": [{"code": code, "message": message}]})


def test_a_defect_shows_its_request_and_nothing_else() -> None:
    answer = unexpected("request-1")
    (error,) = json.loads(answer.body)["errors"]
    assert (answer.status, error["code"]) == (500, "UNKNOWN")
    assert "request-1" in error["message"]
