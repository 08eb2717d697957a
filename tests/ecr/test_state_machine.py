"""Whatever is done in any order to two repositories, ECR's operations answer what a plain model beside them says.

The model knows repositories with their settings and tags, images by digest and tag, the archive, and referrers. The
verbs are the real ones, on either database.
"""

import asyncio
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Any, cast

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from tests import fakes
from tests.catalogs import ENGINES, opened
from tests.ecr.conftest import Ecr
from tests.ecr.pushing import OCI_MANIFEST, digest_of, index, manifest
from tests.fakes import REGION
from twinport.catalog.ports import WholeCatalog
from twinport.clock import ManualClock
from twinport.model.names import AccountId, Registry
from twinport.registry.storage_moves import StorageMoves

pytestmark = pytest.mark.large
CONFIG = b"{}"
PART, OTHER = (manifest(CONFIG, annotations={"number": number}) for number in ("1", "2"))
INDEX = index(PART)
SUBJECT = {"mediaType": OCI_MANIFEST, "digest": digest_of(PART.encode()), "size": len(PART)}
REFERRER = manifest(CONFIG, subject=SUBJECT, artifactType="application/vnd.example.signature")
MANIFESTS = {digest_of(text.encode()): text for text in (PART, OTHER, INDEX, REFERRER)}
PART_DIGEST, OTHER_DIGEST, INDEX_DIGEST, REFERRER_DIGEST = MANIFESTS
ACTIVE, ARCHIVED, ACTIVATING = "ACTIVE", "ARCHIVED", "ACTIVATING"
WILDCARD = "dev*"
POLICIES = [
    json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})
    for selection in (
        {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
        {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1},
    )
]
STEPS = 40

# One repository is there nearly always, so that most steps find something.
names = st.sampled_from(("team/api", "team/api", "team/api", "team/web"))
rarely_kept = st.sampled_from(("team/web", "team/web", "team/web", "team/api"))
digests = st.sampled_from((PART_DIGEST, OTHER_DIGEST, PART_DIGEST, INDEX_DIGEST, REFERRER_DIGEST))
tags = st.sampled_from(("latest", "dev-1"))
keys = st.sampled_from(("a", "b", "c"))
resource_tags = st.dictionaries(keys, st.sampled_from(("", "1", "2")), max_size=2)
pushes = st.lists(st.tuples(digests, tags | st.none()), min_size=1, max_size=4)
mutabilities = st.sampled_from(("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"))


@dataclass
class Repository:
    """What a repository should be."""

    mutability: str
    is_scanned: bool
    tags: dict[str, str]
    lifecycle: str | None = None
    images: set[str] = field(default_factory=set)
    tagged: dict[str, str] = field(default_factory=dict)
    # Of images that are not active.
    statuses: dict[str, str] = field(default_factory=dict)
    # Whether the referrer is still to be moved to where its subject lies.
    is_owed: bool = False

    def keeps(self, tag: str) -> bool:
        """Tell whether a tag must stay where it is."""
        return self.mutability.startswith("IMMUTABLE") != (
            self.mutability.endswith("EXCLUSION") and fnmatchcase(tag, WILDCARD)
        )

    def tags_of(self, digest: str) -> list[str]:
        return sorted(tag for tag, named in self.tagged.items() if named == digest)

    def push(self, digest: str, tag: str | None) -> str:
        """Return the code of the refusal, or take the image."""
        is_there = digest == self.tagged.get(tag) if tag else digest in self.images
        if is_there and digest not in self.statuses:
            return "ImageAlreadyExistsException"
        if not is_there and tag in self.tagged and self.keeps(tag or ""):
            return "ImageTagAlreadyExistsException"
        if digest == INDEX_DIGEST and PART_DIGEST not in self.images:
            return "ReferencedImagesNotFoundException"
        self.images.add(digest)
        if tag:
            self.tagged[tag] = digest
        self.activate(digest)
        return ""

    def status(self, digest: str) -> str:
        return self.statuses.get(digest, ACTIVE)

    def activate(self, digest: str) -> None:
        """Take an image out of the archive, and what it contains."""
        for each in (digest, PART_DIGEST) if digest == INDEX_DIGEST else (digest,):
            if self.statuses.pop(each, None) is not None:
                self.owe(each)

    def owe(self, subject: str) -> None:
        """Note that the referrer of an image that was moved is to follow."""
        self.is_owed |= subject == PART_DIGEST and REFERRER_DIGEST in self.images

    def follow(self) -> None:
        """Move the referrer to where its subject lies, if that is owed and both are there."""
        if self.is_owed and self.images >= {PART_DIGEST, REFERRER_DIGEST}:
            is_archived = self.status(REFERRER_DIGEST) == ARCHIVED
            if is_archived != (self.status(PART_DIGEST) == ARCHIVED):
                self.statuses[REFERRER_DIGEST] = ACTIVATING if is_archived else ARCHIVED
        self.is_owed = False

    def store(self, digest: str | None, tag: str | None, target: str) -> str:
        """Return the code of the refusal, or archive an image, or begin to restore it."""
        found, failure = self.find(digest, tag)
        if failure:
            return "ImageNotFoundException"
        status = self.status(found)
        if target == "STANDARD":
            self.statuses |= {found: ACTIVATING} if status == ARCHIVED else {}
            return ""
        is_in_use = found == PART_DIGEST and INDEX_DIGEST in self.images and self.status(INDEX_DIGEST) != ARCHIVED
        if status == ACTIVATING or (status == ACTIVE and is_in_use):
            return "ImageStorageClassUpdateNotSupportedException"
        self.statuses[found] = ARCHIVED
        self.owe(found)
        self.follow()
        return ""

    def find(self, digest: str | None, tag: str | None) -> tuple[str, str]:
        """Return an image's digest, or the code of the failure."""
        if tag is None:
            found = digest or ""
            return (found, "") if found in self.images else ("", "ImageNotFound")
        if tag not in self.tagged:
            return "", "ImageNotFound"
        found = self.tagged[tag]
        return ("", "ImageTagDoesNotMatchDigest") if digest not in (None, found) else (found, "")

    def delete(self, digest: str | None, tag: str | None) -> str:
        """Return the code of the failure, or remove a tag, or an image with its last tag or with all of them."""
        found, failure = self.find(digest, tag)
        if failure:
            return failure
        is_whole = tag is None or self.tags_of(found) == [tag]
        if is_whole and found == PART_DIGEST and INDEX_DIGEST in self.images:
            return "ImageReferencedByManifestList"
        for gone in self.tags_of(found) if tag is None else [tag]:
            del self.tagged[gone]
        if is_whole:
            self.images.remove(found)
            self.statuses.pop(found, None)
        return ""

    def entries(self, *statuses: str) -> list[tuple[str, str | None]]:
        """Return an entry for each tag, and one for each image without any; of images in these statuses, or of all."""
        tagged = [(digest, tag) for tag, digest in self.tagged.items()]
        untagged = [(digest, None) for digest in self.images - set(self.tagged.values())]
        every = sorted([*tagged, *untagged], key=lambda entry: (entry[0], entry[1] or ""))
        return [entry for entry in every if not statuses or self.status(entry[0]) in statuses]


def exclusions(mutability: str) -> dict[str, Any]:
    filters = [{"filterType": "WILDCARD", "filter": WILDCARD}]
    return {"imageTagMutabilityExclusionFilters": filters} if mutability.endswith("EXCLUSION") else {}


def image(digest: str | None, tag: str | None) -> dict[str, str]:
    named = {"imageDigest": digest, "imageTag": tag}
    return {name: value for name, value in named.items() if value is not None}


def listed(given: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


class Machine(RuleBasedStateMachine):
    """One registry, which is another in each example. A refusal is as much an answer as a success is."""

    def __init__(self, ecr: Ecr, catalog: WholeCatalog, runner: asyncio.Runner, account: str) -> None:
        super().__init__()
        self.ecr, self.runner = ecr, runner
        self.loop = StorageMoves(catalog, "the loop", asyncio.Event(), owed=lambda: None)
        self.registry = Registry(AccountId(account), REGION)
        self.repositories: dict[str, Repository] = {}

    def ask(self, operation: str, refusal: str = "", /, **members: Any) -> dict[str, Any]:  # noqa: ANN401 — as JSON has it
        """Ask for an operation, which must succeed or be refused with the code, and return the answer."""
        caller = fakes.caller(account=self.registry.account)
        status, body = self.runner.run(self.ecr.ask(operation, caller=caller, **members))
        assert (status, body.get("__type", "")) == ((400, refusal) if refusal else (200, "")), (operation, body)
        return body

    def missing(self, name: str) -> str:
        return "" if name in self.repositories else "RepositoryNotFoundException"

    def arn(self, name: str) -> str:
        return self.registry.repository_arn(name)

    # --- repositories and their settings ---

    @initialize(mutability=mutabilities, pushes=pushes)
    def begin(self, mutability: str, pushes: list[tuple[str, str | None]]) -> None:
        self.create(name="team/api", mutability=mutability, is_scanned=False, tags={})
        self.push("team/api", pushes)

    @rule(name=names, mutability=mutabilities, is_scanned=st.booleans(), tags=resource_tags)
    def create(self, *, name: str, mutability: str, is_scanned: bool, tags: dict[str, str]) -> None:
        refusal = "RepositoryAlreadyExistsException" if name in self.repositories else ""
        settings = {"imageTagMutability": mutability, **exclusions(mutability)}
        scanning = {"scanOnPush": is_scanned}
        given = {**settings, "imageScanningConfiguration": scanning, "tags": listed(tags)}
        self.ask("CreateRepository", refusal, repositoryName=name, **given)
        if not refusal:
            self.repositories[name] = Repository(mutability, is_scanned, dict(tags))
            self.upload(name)

    def upload(self, name: str) -> None:
        """Upload what every image of the repository consists of."""
        where = {"repositoryName": name, "uploadId": self.ask("InitiateLayerUpload", repositoryName=name)["uploadId"]}
        self.ask("UploadLayerPart", **where, partFirstByte=0, partLastByte=1, layerPartBlob="e30=")
        self.ask("CompleteLayerUpload", **where, layerDigests=[digest_of(CONFIG)])

    @rule(name=rarely_kept, force=st.booleans())
    def drop(self, *, name: str, force: bool) -> None:
        refusal = self.missing(name)
        if not refusal and self.repositories[name].images and not force:
            refusal = "RepositoryNotEmptyException"
        self.ask("DeleteRepository", refusal, repositoryName=name, force=force)
        if not refusal:
            del self.repositories[name]

    @rule(name=names, mutability=mutabilities)
    def set_mutability(self, name: str, mutability: str) -> None:
        settings = {"imageTagMutability": mutability, **exclusions(mutability)}
        self.ask("PutImageTagMutability", self.missing(name), repositoryName=name, **settings)
        if name in self.repositories:
            self.repositories[name].mutability = mutability

    @rule(name=names, is_scanned=st.booleans())
    def set_scanning(self, *, name: str, is_scanned: bool) -> None:
        scanning = {"scanOnPush": is_scanned}
        refusal = self.missing(name)
        self.ask("PutImageScanningConfiguration", refusal, repositoryName=name, imageScanningConfiguration=scanning)
        if not refusal:
            self.repositories[name].is_scanned = is_scanned

    @rule(name=names, text=st.sampled_from(POLICIES))
    def put_lifecycle(self, name: str, text: str) -> None:
        answer = self.ask("PutLifecyclePolicy", self.missing(name), repositoryName=name, lifecyclePolicyText=text)
        if name in self.repositories:
            assert json.loads(answer["lifecyclePolicyText"]) == json.loads(text)
            self.repositories[name].lifecycle = text

    @rule(name=names)
    def delete_lifecycle(self, name: str) -> None:
        self.ask("DeleteLifecyclePolicy", self.without_lifecycle(name), repositoryName=name)
        if name in self.repositories:
            self.repositories[name].lifecycle = None

    def without_lifecycle(self, name: str) -> str:
        none = name in self.repositories and self.repositories[name].lifecycle is None
        return "LifecyclePolicyNotFoundException" if none else self.missing(name)

    @rule(name=names, tags=resource_tags)
    def tag(self, name: str, tags: dict[str, str]) -> None:
        self.ask("TagResource", self.missing(name), resourceArn=self.arn(name), tags=listed(tags))
        if name in self.repositories:
            self.repositories[name].tags |= tags

    @rule(name=names, keys=st.lists(keys, max_size=2))
    def untag(self, name: str, keys: list[str]) -> None:
        self.ask("UntagResource", self.missing(name), resourceArn=self.arn(name), tagKeys=keys)
        if name in self.repositories:
            kept = self.repositories[name].tags
            self.repositories[name].tags = {key: value for key, value in kept.items() if key not in keys}

    # --- images ---

    @rule(name=names, pushes=pushes)
    def push(self, name: str, pushes: list[tuple[str, str | None]]) -> None:
        for digest, tag in pushes:
            refusal = self.missing(name) or self.repositories[name].push(digest, tag)
            named = image(None, tag)
            answer = self.ask("PutImage", refusal, repositoryName=name, imageManifest=MANIFESTS[digest], **named)
            assert refusal or answer["image"]["imageId"] == image(digest, tag)

    @rule(name=names, batch=st.lists(st.tuples(digests, tags | st.none()), min_size=1, max_size=3))
    def delete(self, name: str, batch: list[tuple[str | None, str | None]]) -> None:
        refusal = self.missing(name)
        answer = self.ask("BatchDeleteImage", refusal, repositoryName=name, imageIds=[image(*each) for each in batch])
        if not refusal:
            before = self.repositories[name].entries()
            codes = [self.repositories[name].delete(*each) for each in batch]
            assert [each["failureCode"] for each in answer["failures"]] == [code for code in codes if code]
            gone = {(each["imageDigest"], each.get("imageTag")) for each in answer["imageIds"]}
            assert gone == set(before) - set(self.repositories[name].entries())
            assert len(gone) == len(answer["imageIds"])

    @precondition(lambda self: self.images())
    @rule(choice=st.randoms(use_true_random=False), size=st.integers(1, 2))
    def delete_some(self, choice: Random, size: int) -> None:
        """Delete what is there: by digest, by tag, or by both."""
        name, _, _ = choice.choice(self.images())
        there = [(digest, tag) for owner, digest, tag in self.images() if owner == name]
        batch = [
            choice.choice([(digest, None), (None, tag) if tag else (digest, tag), (digest, tag)])
            for digest, tag in choice.choices(there, k=size)
        ]
        self.delete(name=name, batch=batch)

    def images(self) -> list[tuple[str, str, str | None]]:
        return [(name, *entry) for name, each in sorted(self.repositories.items()) for entry in each.entries()]

    @rule(name=names, digest=digests | st.none(), tag=tags)
    def pull(self, name: str, digest: str | None, tag: str) -> None:
        refusal = self.missing(name)
        answer = self.ask("BatchGetImage", refusal, repositoryName=name, imageIds=[image(digest, tag)])
        if not refusal:
            found, failure = self.repositories[name].find(digest, tag)
            failure = failure or ("ImageNotFound" if found in self.repositories[name].statuses else "")
            assert [each["imageManifest"] for each in answer["images"]] == ([] if failure else [MANIFESTS[found]])
            assert [each["failureCode"] for each in answer["failures"]] == ([failure] if failure else [])

    # --- the archive ---

    @rule(name=names, digest=digests, wanted=st.sampled_from(("ARCHIVE", "ARCHIVE", "STANDARD")))
    def store(self, name: str, digest: str, wanted: str) -> None:
        refusal = self.missing(name) or self.repositories[name].store(digest, None, wanted)
        answer = self.ask(
            "UpdateImageStorageClass",
            refusal,
            repositoryName=name,
            imageId={"imageDigest": digest},
            targetStorageClass=wanted,
        )
        assert refusal or answer["imageStatus"] == self.repositories[name].status(digest)

    @rule(name=names, is_restored=st.booleans())
    def store_an_index(self, *, name: str, is_restored: bool) -> None:
        """Archive an index before its part, and restore it or push it again."""
        for digest in (INDEX_DIGEST, PART_DIGEST):
            self.store(name=name, digest=digest, wanted="ARCHIVE")
        if is_restored:
            self.store(name=name, digest=INDEX_DIGEST, wanted="STANDARD")
            self.end_restores()
        else:
            self.push(name=name, pushes=[(INDEX_DIGEST, None)])

    @rule(name=names, tag=tags)
    def restore(self, name: str, tag: str) -> None:
        """Restore an image that is named by a tag, and wait until it is there."""
        refusal = self.missing(name) or self.repositories[name].store(None, tag, "STANDARD")
        named = {"imageId": {"imageTag": tag}, "targetStorageClass": "STANDARD"}
        self.ask("UpdateImageStorageClass", refusal, repositoryName=name, **named)
        self.end_restores()

    @rule()
    def end_restores(self) -> None:
        self.runner.run(self.loop.end_restores(REGION))
        for repository in self.repositories.values():
            for digest in [each for each, status in repository.statuses.items() if status == ACTIVATING]:
                repository.activate(digest)

    @rule()
    def move_referrers(self) -> None:
        self.runner.run(self.loop.move_referrers(REGION))
        for repository in self.repositories.values():
            repository.follow()

    # --- what is there ---

    @rule(name=names, limit=st.integers(1, 3))
    def look(self, name: str, limit: int) -> None:
        """Compare all that is shown of a repository."""
        refusal = self.missing(name)
        shown = self.ask("DescribeRepositories", refusal, repositoryNames=[name])
        tags = self.ask("ListTagsForResource", refusal, resourceArn=self.arn(name))
        policy = self.ask("GetLifecyclePolicy", self.without_lifecycle(name), repositoryName=name)
        if refusal:
            self.ask("DescribeImages", refusal, repositoryName=name)
            self.ask("ListImages", refusal, repositoryName=name)
            return
        repository = self.repositories[name]
        assert {each["Key"]: each["Value"] for each in tags["tags"]} == repository.tags
        if repository.lifecycle is not None:
            assert json.loads(policy["lifecyclePolicyText"]) == json.loads(repository.lifecycle)
        (found,) = shown["repositories"]
        assert found["imageTagMutability"] == repository.mutability
        assert found["imageScanningConfiguration"] == {"scanOnPush": repository.is_scanned}
        self.look_at_images(name, repository, limit)

    def look_at_images(self, name: str, repository: Repository, limit: int) -> None:
        for wanted in (ACTIVE, ARCHIVED, ACTIVATING):
            asked = {"repositoryName": name, "maxResults": limit, "filter": {"imageStatus": wanted}}
            details = [
                (each["imageDigest"], each.get("imageTags", []), each["imageStatus"])
                for page in self.pages("DescribeImages", **asked)
                for each in page["imageDetails"]
            ]
            there = [digest for digest in sorted(repository.images) if repository.status(digest) == wanted]
            assert details == [(digest, repository.tags_of(digest), wanted) for digest in there]
        referrers = self.ask("ListImageReferrers", repositoryName=name, subjectId={"imageDigest": PART_DIGEST})
        is_there = REFERRER_DIGEST in repository.images and repository.status(REFERRER_DIGEST) == ACTIVE
        assert [each["digest"] for each in referrers["referrers"]] == ([REFERRER_DIGEST] if is_there else [])
        for status, is_meant in (("ANY", {True, False}), ("TAGGED", {True}), ("UNTAGGED", {False})):
            asked = {"repositoryName": name, "maxResults": limit, "filter": {"tagStatus": status}}
            entries = [
                (each["imageDigest"], each.get("imageTag"))
                for page in self.pages("ListImages", **asked)
                for each in page["imageIds"]
            ]
            assert entries == [entry for entry in repository.entries(ACTIVE) if (entry[1] is not None) in is_meant]

    def pages(self, operation: str, **members: object) -> Iterator[dict[str, Any]]:
        answer = self.ask(operation, **members)
        yield answer
        while "nextToken" in answer:
            answer = self.ask(operation, **members, nextToken=answer["nextToken"])
            yield answer

    def teardown(self) -> None:
        shown = [each for page in self.pages("DescribeRepositories", maxResults=1) for each in page["repositories"]]
        assert [each["repositoryName"] for each in shown] == sorted(self.repositories)
        for name in self.repositories:
            self.look(name, 2)


@pytest.fixture(params=ENGINES)
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WholeCatalog]:
    catalog = opened(request, tmp_path, ManualClock(fakes.NOW))
    yield catalog
    catalog.close()


def test_each_answer_is_that_of_the_model(ecr: Ecr, catalog: WholeCatalog) -> None:
    accounts = itertools.count(10**11)
    with asyncio.Runner() as runner:
        # It makes its machines by a call, of a class or of this.
        made = cast("type[Machine]", lambda: Machine(ecr, catalog, runner, str(next(accounts))))
        run_state_machine_as_test(made, settings=hypothesis.settings(stateful_step_count=STEPS))
