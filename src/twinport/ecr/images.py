"""Operations on images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import page_of, paging, repository_of, tag_of, whole
from twinport.ecr.scanning import shown_status, shown_summary
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import (
    ImageDetail,
    ImageFilter,
    ImageId,
    ImageStatus,
    NamedImage,
    StoredManifest,
    TagStatus,
)
from twinport.model.names import RepositoryId
from twinport.processes.pools import MESSAGES
from twinport.refusals.requests import InvalidParameter
from twinport.registry.create_on_push import CreateOnPush, pushed
from twinport.registry.images import PUT, Images
from twinport.registry.named_images import FailureCode, ImageFailure


@dataclass(frozen=True, slots=True)
class ImageOperations:
    images: Images
    creation: CreateOnPush

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "PutImage": self.put,
            "BatchGetImage": self.get,
            "ListImages": self.list,
            "DescribeImages": self.describe,
            "BatchDeleteImage": self.delete,
        }

    async def put(self, call: Call, request: ecr.PutImageRequest) -> ecr.PutImageResponse:
        repository = repository_of(call, request)
        tag, digest = request.get("imageTag"), request.get("imageDigest")
        push = Push(
            content=request["imageManifest"].encode(),
            media_type=request.get("imageManifestMediaType"),
            tags=() if tag is None else (tag_of(tag),),
            digest=None if digest is None else Digest.parse(digest),
            unchanged=Unchanged.REFUSE,
        )
        putting = partial(self.images.put, call.caller, repository, push)
        outcome = await pushed(self.creation, call.caller, repository, PUT, putting)
        stored = StoredManifest(push.content, outcome.digest, outcome.media_type, tag)
        return {"image": _shown_manifest(repository, stored)}

    async def get(self, call: Call, request: ecr.BatchGetImageRequest) -> ecr.BatchGetImageResponse:
        repository = repository_of(call, request)
        gotten = await self.images.get_many(call.caller, repository, _named(request["imageIds"]))
        accepted = request.get("acceptedMediaTypes")
        wanted = [each for each in gotten.found if accepted is None or each.media_type in accepted]
        unwanted = [_unwanted(each) for each in gotten.found if each not in wanted]
        return {
            # Up to a hundred images, each with a manifest of up to 4 MiB.
            "images": await MESSAGES.run(lambda: [_shown_manifest(repository, each) for each in wanted]),
            "failures": [*(_shown_failure(each) for each in gotten.failures), *unwanted],
        }

    async def list(self, call: Call, request: ecr.ListImagesRequest) -> ecr.ListImagesResponse:
        repository = repository_of(call, request)
        wanted = _filter(request.get("filter", {}))
        page = await self.images.list(call.caller, repository, wanted, page_of(request))
        return {"imageIds": [_shown_id(each) for each in page.items], **paging(page)}

    async def describe(self, call: Call, request: ecr.DescribeImagesRequest) -> ecr.DescribeImagesResponse:
        repository = repository_of(call, request)
        batch = request.get("imageIds")
        if batch is not None:
            whole(request, "imageIds")
            if "filter" in request:
                raise InvalidParameter("filter", "must be null when imageIds is given")
            found = await self.images.describe(call.caller, repository, _named(batch))
            return {"imageDetails": [_shown_detail(repository, each) for each in found]}
        wanted = _filter(request.get("filter", {}))
        page = await self.images.describe_all(call.caller, repository, wanted, page_of(request))
        return {"imageDetails": [_shown_detail(repository, each) for each in page.items], **paging(page)}

    async def delete(self, call: Call, request: ecr.BatchDeleteImageRequest) -> ecr.BatchDeleteImageResponse:
        repository = repository_of(call, request)
        removed = await self.images.delete(call.caller, repository, _named(request["imageIds"]))
        return {
            "imageIds": [_shown_id(each) for each in removed.removed],
            "failures": [_shown_failure(each) for each in removed.failures],
        }


def _named(identifiers: Sequence[ecr.ImageIdentifier]) -> list[NamedImage]:
    return [NamedImage(each.get("imageDigest"), each.get("imageTag")) for each in identifiers]


def _filter(given: ecr.ListImagesFilter | ecr.DescribeImagesFilter) -> ImageFilter:
    """Read a filter. ECR lists active images unless it is asked for others."""
    status = given.get("imageStatus", ImageStatus.ACTIVE.value)
    return ImageFilter(TagStatus(given.get("tagStatus", "ANY")), None if status == "ANY" else ImageStatus(status))


def _shown_id(image: ImageId) -> ecr.ImageIdentifier:
    shown: ecr.ImageIdentifier = {}
    if image.digest is not None:
        shown["imageDigest"] = str(image.digest)
    if image.tag is not None:
        shown["imageTag"] = image.tag
    return shown


def _shown_manifest(repository: RepositoryId, stored: StoredManifest) -> ecr.Image:
    return {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "imageId": _shown_id(ImageId(stored.digest, stored.tag)),
        "imageManifest": stored.content.decode(),
        "imageManifestMediaType": stored.media_type,
    }


def _shown_failure(failure: ImageFailure) -> ecr.ImageFailure:
    named: ecr.ImageIdentifier = {}
    if failure.named.digest is not None:
        named["imageDigest"] = failure.named.digest
    if failure.named.tag is not None:
        named["imageTag"] = failure.named.tag
    return {"imageId": named, "failureCode": failure.code.value, "failureReason": failure.reason}


def _unwanted(stored: StoredManifest) -> ecr.ImageFailure:
    """Return the failure for an image whose media type the client does not accept: nothing is converted."""
    return {
        "imageId": _shown_id(ImageId(stored.digest, stored.tag)),
        "failureCode": FailureCode.NOT_FOUND.value,
        "failureReason": f"Requested image is of media type {stored.media_type}, which is not among the accepted ones",
    }


def _shown_detail(repository: RepositoryId, detail: ImageDetail) -> ecr.ImageDetail:
    shown: ecr.ImageDetail = {
        "registryId": repository.account,
        "repositoryName": repository.name,
        "imageDigest": str(detail.digest),
        "imageSizeInBytes": detail.size,
        "imagePushedAt": detail.pushed_at,
        "imageManifestMediaType": detail.media_type,
        "imageStatus": detail.status.value,
    }
    _add_times(shown, detail)
    if detail.tags:
        shown["imageTags"] = list(detail.tags)
    if detail.artifact_type is not None:
        shown["artifactMediaType"] = detail.artifact_type
    if detail.subject is not None:
        shown["subjectManifestDigest"] = str(detail.subject)
    if detail.scan is not None:
        shown["imageScanStatus"] = shown_status(detail.scan)
        if detail.scan.has_result:
            shown["imageScanFindingsSummary"] = shown_summary(detail.scan)
    return shown


def _add_times(shown: ecr.ImageDetail, detail: ImageDetail) -> None:
    if detail.pulled_at is not None:
        shown["lastRecordedPullTime"] = detail.pulled_at
    if detail.archived_at is not None:
        shown["lastArchivedAt"] = detail.archived_at
    if detail.activated_at is not None:
        shown["lastActivatedAt"] = detail.activated_at
