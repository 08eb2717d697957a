"""The operation that lists the referrers of an image."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import paging, repository_of
from twinport.model.content import Digest
from twinport.model.images import ImageStatus, Referrer
from twinport.registry.paging import PageRequest
from twinport.registry.referrers import Referrers, WantedReferrers

# Fewer than the other lists of ECR have.
DEFAULT_LIMIT = 20


@dataclass(frozen=True, slots=True)
class ReferrerOperations:
    referrers: Referrers

    def table(self) -> Mapping[str, Handler[Call]]:
        return {"ListImageReferrers": self.list}

    async def list(self, call: Call, request: ecr.ListImageReferrersRequest) -> ecr.ListImageReferrersResponse:
        repository = repository_of(call, request)
        asked = request.get("filter", {})
        wanted = WantedReferrers(
            subject=Digest.parse(request["subjectId"]["imageDigest"]),
            types=tuple(asked.get("artifactTypes", [])),
            status=_status(asked.get("artifactStatus", ImageStatus.ACTIVE.value)),
        )
        part = PageRequest(request.get("maxResults", DEFAULT_LIMIT), request.get("nextToken"))
        page = await self.referrers.page(call.caller, repository, wanted, part)
        return {"referrers": [_shown(each) for each in page.items], **paging(page)}


def _status(text: str) -> ImageStatus | None:
    return None if text == "ANY" else ImageStatus(text)


def _shown(referrer: Referrer) -> ecr.ImageReferrer:
    shown: ecr.ImageReferrer = {
        "digest": str(referrer.digest),
        "mediaType": referrer.media_type,
        "size": referrer.size,
        "artifactStatus": referrer.status.value,
    }
    if referrer.artifact_type is not None:
        shown["artifactType"] = referrer.artifact_type
    if referrer.annotations:
        shown["annotations"] = dict(referrer.annotations)
    return shown
