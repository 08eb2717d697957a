"""What many operations have alike: whose registry, which repository, which image, pages, and the server's own fault.

Their names are read off the model, so that a new operation is tried too.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import pytest

from tests import exchanges
from tests.ecr import bounds
from tests.ecr.conftest import TARGET, Ecr
from tests.ecr.pushing import OCI_MANIFEST, digest_of, put_images
from tests.fakes import ACCOUNT, OTHER_ACCOUNT, REGION, caller
from twinport.access.calls import Call
from twinport.aws import dispatch, protocols, shapes
from twinport.aws.sigv4 import Message
from twinport.ecr import door
from twinport.ecr.errors import ERRORS

MODEL = shapes.load("ecr")
BUILT = sorted(door.handlers(door.Verbs(*[None] * len(fields(door.Verbs)))))  # type: ignore[arg-type]
REPOSITORY = "team/api"
NAMED = {"repositoryName": REPOSITORY}
# The parts of what is refused, as ECR words it.
NO_REPOSITORY = "The repository with name '{}' does not exist in the registry with id '{}'"


def honoring(operation: str, *names: str, **at: Any) -> Any:  # noqa: ANN401 — pytest's own
    """Return a case whose test honors these members and errors of an operation."""
    marks = pytest.mark.honors(*(f"{operation}.{name}" for name in names))
    return pytest.param(operation, *at.values(), marks=marks, id=operation)


def members_of(operation: str) -> Mapping[str, shapes.Shape]:
    return MODEL.operations[operation].input.members


# --- whose registry, which repository -----------------------------------------------------------------------


# A batch names the repository among its failures; the ones that create are tried for what they create.
_ELSEWHERE = {"BatchGetRepositoryScanningConfiguration", "DescribeRepositories", "CreateRepository"}


def in_a_repository() -> list[Any]:
    found = []
    for operation in BUILT:
        own = [name for name in ("registryId", "repositoryName") if name in members_of(operation)]
        if "repositoryName" in own and operation not in _ELSEWHERE:
            found.append(honoring(operation, *own, "RepositoryNotFoundException"))
    return found


@pytest.mark.parametrize("operation", in_a_repository())
async def test_the_repository_that_is_named_is_looked_for_in_the_registry_that_is_named(
    ecr: Ecr, operation: str
) -> None:
    for account in (ACCOUNT, OTHER_ACCOUNT):
        asked = {**bounds.plain(MODEL.operations[operation]), "repositoryName": "team/none", "registryId": account}
        assert await ecr.refusal(operation, **asked) == (
            "RepositoryNotFoundException",
            NO_REPOSITORY.format("team/none", account),
        )


@pytest.mark.honors(
    "CreateRepository.registryId",
    "CreateRepository.repositoryName",
    "DescribeRepositories.registryId",
    "DescribeRepositories.repositoryNames",
    "DescribeRepositories.RepositoryNotFoundException",
    "BatchGetRepositoryScanningConfiguration.repositoryNames",
)
async def test_a_repository_is_made_and_described_in_the_registry_that_is_named(ecr: Ecr) -> None:
    made = await ecr.do("CreateRepository", **NAMED, registryId=OTHER_ACCOUNT)
    there = {"registryId": OTHER_ACCOUNT, "repositoryNames": ["team/api"]}
    assert await ecr.do("DescribeRepositories", **there) == {"repositories": [made["repository"]]}
    assert await ecr.refusal("DescribeRepositories", **{**there, "registryId": ACCOUNT}) == (
        "RepositoryNotFoundException",
        NO_REPOSITORY.format("team/api", ACCOUNT),
    )
    batch = await ecr.do("BatchGetRepositoryScanningConfiguration", repositoryNames=["team/api"])
    assert [each["repositoryName"] for each in batch["failures"]] == ["team/api"]


@pytest.mark.parametrize(
    "operation",
    [
        honoring(each, "resourceArn", "RepositoryNotFoundException")
        for each in ("ListTagsForResource", "TagResource", "UntagResource")
    ],
)
async def test_the_repository_of_an_arn_is_looked_for_in_its_registry(ecr: Ecr, operation: str) -> None:
    arn = f"arn:aws:ecr:{REGION}:{OTHER_ACCOUNT}:repository/team/none"
    asked = {**bounds.plain(MODEL.operations[operation]), "resourceArn": arn}
    assert await ecr.refusal(operation, **asked) == (
        "RepositoryNotFoundException",
        NO_REPOSITORY.format("team/none", OTHER_ACCOUNT),
    )


# --- which image --------------------------------------------------------------------------------------------


def of_an_image() -> list[Any]:
    named = ("imageId.imageDigest", "imageId.imageTag", "ImageNotFoundException")
    return [honoring(operation, *named) for operation in BUILT if "imageId" in members_of(operation)]


@pytest.mark.parametrize("operation", of_an_image())
async def test_the_image_is_the_one_of_the_digest_or_tag_or_of_both(ecr: Ecr, operation: str) -> None:
    await ecr.do("CreateRepository", **NAMED)
    digest, other = await put_images(ecr, REPOSITORY, "one", "two")
    if operation == "DescribeImageScanFindings":
        for tag in ("one", "two"):
            await ecr.do("StartImageScan", **NAMED, imageId={"imageTag": tag})
    asked = {**bounds.plain(MODEL.operations[operation]), **NAMED}
    for number, image in enumerate(({"imageDigest": digest}, {"imageTag": "two"})):
        answer = await ecr.do(operation, **{**asked, "imageId": image})
        assert answer["imageId"]["imageDigest"] == (digest, other)[number]
    nowhere = digest_of(b"none")
    for image in ({"imageDigest": nowhere}, {"imageTag": "none"}, {"imageDigest": digest, "imageTag": "two"}):
        code, _ = await ecr.refusal(operation, **{**asked, "imageId": image})
        assert code == "ImageNotFoundException"


def in_batches() -> list[Any]:
    return [
        honoring(operation, "imageIds[].imageDigest", "imageIds[].imageTag")
        for operation in ("BatchDeleteImage", "BatchGetImage", "DescribeImages")
    ]


@pytest.mark.parametrize("operation", in_batches())
async def test_images_of_a_batch_are_those_of_their_digests_and_tags(ecr: Ecr, operation: str) -> None:
    await ecr.do("CreateRepository", **NAMED)
    first, second, _ = await put_images(ecr, REPOSITORY, "one", "two", "three")
    answer = await ecr.do(operation, **NAMED, imageIds=[{"imageDigest": first}, {"imageTag": "two"}])
    assert set(_digests(answer)) == {first, second}


def _digests(answer: Mapping[str, Any]) -> list[str]:
    images = answer.get("imageDetails", answer.get("imageIds", answer.get("images", ())))
    return [each.get("imageId", each)["imageDigest"] for each in images]


@pytest.mark.honors("DescribeImages.ImageNotFoundException")
async def test_an_image_that_is_not_there_is_not_described(ecr: Ecr) -> None:
    await ecr.do("CreateRepository", **NAMED)
    code, message = await ecr.refusal("DescribeImages", **NAMED, imageIds=[{"imageTag": "none"}])
    assert (code, "'none'" in message) == ("ImageNotFoundException", True)


# --- pages --------------------------------------------------------------------------------------------------


async def _repositories(ecr: Ecr) -> dict[str, Any]:
    for name in ("aa", "bb", "cc"):
        await ecr.do("CreateRepository", repositoryName=name)
    return {}


async def _images(ecr: Ecr) -> dict[str, Any]:
    await ecr.do("CreateRepository", **NAMED)
    await put_images(ecr, REPOSITORY, "one", "two", "three")
    return NAMED


async def _referrers(ecr: Ecr) -> dict[str, Any]:
    await ecr.do("CreateRepository", **NAMED)
    [digest] = await put_images(ecr, REPOSITORY, "subject")
    await put_images(
        ecr, REPOSITORY, "one", "two", "three", subject={"mediaType": OCI_MANIFEST, "digest": digest, "size": 1}
    )
    return {**NAMED, "subjectId": {"imageDigest": digest}}


async def _templates(ecr: Ecr) -> dict[str, Any]:
    for prefix in ("aa", "bb", "cc"):
        await ecr.do("CreateRepositoryCreationTemplate", prefix=prefix, appliedFor=["REPLICATION"])
    return {}


async def _exclusions(ecr: Ecr) -> dict[str, Any]:
    for name in ("aa", "bb", "cc"):
        await ecr.do("RegisterPullTimeUpdateExclusion", principalArn=f"arn:aws:iam::{ACCOUNT}:role/{name}")
    return {}


Filled = Callable[[Ecr], Awaitable[dict[str, Any]]]
PAGED: Mapping[str, tuple[str, Filled]] = {
    "DescribeImages": ("imageDetails", _images),
    "DescribeRepositories": ("repositories", _repositories),
    "DescribeRepositoryCreationTemplates": ("repositoryCreationTemplates", _templates),
    "ListImageReferrers": ("referrers", _referrers),
    "ListImages": ("imageIds", _images),
    "ListPullTimeUpdateExclusions": ("pullTimeUpdateExclusions", _exclusions),
}


@pytest.mark.parametrize("operation", [honoring(each, "maxResults", "nextToken") for each in PAGED])
async def test_pages_are_as_long_as_asked_and_hold_each_once(ecr: Ecr, operation: str) -> None:
    what, fill = PAGED[operation]
    asked = await fill(ecr)
    pages: list[Sequence[object]] = []
    more: dict[str, str] = {}
    while not pages or more:
        answer = await ecr.do(operation, **asked, **more, maxResults=2)
        pages.append(answer[what])
        more = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
    assert [len(page) for page in pages] == [2, 1]
    assert len({json.dumps(each) for page in pages for each in page}) == 3
    code, message = await ecr.refusal(operation, **asked, nextToken="none")
    assert (code, "'nextToken'" in message) == ("InvalidParameterException", True)


# --- the server's own fault ---------------------------------------------------------------------------------


class Broken:
    """Verbs that have a defect."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        async def fail(*_: object, **__: object) -> None:
            raise RuntimeError(name)

        return fail


@pytest.mark.parametrize("operation", [honoring(each, "ServerException") for each in BUILT])
async def test_a_defect_is_the_servers_fault_and_its_words_are_not_shown(operation: str) -> None:
    reported: list[Exception] = []

    async def authenticate(_: protocols.Request) -> Call:
        return Call(caller(), "127.0.0.1:4566", "http")

    verbs = door.Verbs(*[Broken()] * len(fields(door.Verbs)))  # type: ignore[arg-type]
    table = dispatch.ServiceTable(MODEL, door.handlers(verbs), ERRORS)
    served = dispatch.Door(table, authenticate, lambda _, defect: reported.append(defect))
    message = Message("POST", "/", "", (("host", "127.0.0.1"), ("x-amz-target", f"{TARGET}.{operation}")))
    body = json.dumps(bounds.plain(MODEL.operations[operation])).encode()
    response = await served.answer(protocols.Request(message, body, "request-1"))
    answer = json.loads(response.body)
    exchanges.answered(operation, answer["__type"])
    assert (response.status, answer["__type"], len(reported)) == (500, "ServerException", 1)
    assert answer["message"] == "The request failed inside twinport. Its id is 'request-1'."
