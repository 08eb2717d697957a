"""Operations on lifecycle policies, their previews, and the storage class of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.catalog.regional.lifecycle import StoredPolicy
from twinport.catalog.regional.lifecycle_previews import Preview, PreviewResult, PreviewStatus
from twinport.ecr.requests import image_of, page_of, repository_of, whole
from twinport.model.images import NamedImage, TagStatus
from twinport.model.lifecycle_policies import ActionType, StorageClass
from twinport.registry.lifecycle import LifecyclePolicies, LifecyclePreviews, PreviewQuery
from twinport.registry.storage_classes import StorageClasses

# What ECR answers for a policy that was not applied yet.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LifecycleOperations:
    policies: LifecyclePolicies
    previews: LifecyclePreviews
    storage: StorageClasses

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "PutLifecyclePolicy": self.put,
            "GetLifecyclePolicy": self.get,
            "DeleteLifecyclePolicy": self.delete,
            "StartLifecyclePolicyPreview": self.start_preview,
            "GetLifecyclePolicyPreview": self.get_preview,
            "UpdateImageStorageClass": self.update_storage_class,
        }

    async def put(self, call: Call, request: ecr.PutLifecyclePolicyRequest) -> ecr.PutLifecyclePolicyResponse:
        repository = repository_of(call, request)
        text = await self.policies.put(call.caller, repository, request["lifecyclePolicyText"])
        return {"registryId": repository.account, "repositoryName": repository.name, "lifecyclePolicyText": text}

    async def get(self, call: Call, request: ecr.GetLifecyclePolicyRequest) -> ecr.GetLifecyclePolicyResponse:
        repository = repository_of(call, request)
        policy = await self.policies.get(call.caller, repository)
        return {"registryId": repository.account, "repositoryName": repository.name, **_shown_policy(policy)}

    async def delete(self, call: Call, request: ecr.DeleteLifecyclePolicyRequest) -> ecr.DeleteLifecyclePolicyResponse:
        repository = repository_of(call, request)
        policy = await self.policies.delete(call.caller, repository)
        return {"registryId": repository.account, "repositoryName": repository.name, **_shown_policy(policy)}

    async def start_preview(
        self, call: Call, request: ecr.StartLifecyclePolicyPreviewRequest
    ) -> ecr.StartLifecyclePolicyPreviewResponse:
        repository = repository_of(call, request)
        text = await self.previews.start(call.caller, repository, request.get("lifecyclePolicyText"))
        return {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "lifecyclePolicyText": text,
            "status": PreviewStatus.IN_PROGRESS.value,
        }

    async def get_preview(
        self, call: Call, request: ecr.GetLifecyclePolicyPreviewRequest
    ) -> ecr.GetLifecyclePolicyPreviewResponse:
        repository = repository_of(call, request)
        preview, page = await self.previews.get(call.caller, repository, _query(request))
        answer: ecr.GetLifecyclePolicyPreviewResponse = {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "lifecyclePolicyText": preview.text,
            "status": preview.status.value,
            "previewResults": [_shown_result(each) for each in page.items],
        }
        if page.token is not None:
            answer["nextToken"] = page.token
        if preview.status is PreviewStatus.COMPLETE:
            answer["summary"] = _shown_summary(preview)
        return answer

    async def update_storage_class(
        self, call: Call, request: ecr.UpdateImageStorageClassRequest
    ) -> ecr.UpdateImageStorageClassResponse:
        repository = repository_of(call, request)
        asked, target = image_of(request["imageId"]), StorageClass(request["targetStorageClass"])
        digest, status = await self.storage.update(call.caller, repository, asked, target)
        image: ecr.ImageIdentifier = {"imageDigest": str(digest)}
        if asked.tag is not None:
            image["imageTag"] = asked.tag
        return {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "imageId": image,
            "imageStatus": status.value,
        }


def _query(request: ecr.GetLifecyclePolicyPreviewRequest) -> PreviewQuery:
    tags, batch = TagStatus(request.get("filter", {}).get("tagStatus", "ANY")), request.get("imageIds")
    if batch is None:
        return PreviewQuery(tags, page_of(request))
    whole(request, "imageIds")
    named = tuple(NamedImage(each.get("imageDigest"), each.get("imageTag")) for each in batch)
    return PreviewQuery(tags, batch=named)


def _shown_policy(policy: StoredPolicy) -> ecr.GetLifecyclePolicyResponse:
    return {"lifecyclePolicyText": policy.text, "lastEvaluatedAt": policy.evaluated_at or _NEVER}


def _shown_result(result: PreviewResult) -> ecr.LifecyclePolicyPreviewResult:
    action: ecr.LifecyclePolicyRuleAction = {"type": result.action.value}
    if result.action is ActionType.TRANSITION:
        action["targetStorageClass"] = StorageClass.ARCHIVE.value
    shown: ecr.LifecyclePolicyPreviewResult = {
        "imageDigest": str(result.digest),
        "imagePushedAt": result.pushed_at,
        "action": action,
        "storageClass": result.storage.value,
    }
    if result.tags:
        shown["imageTags"] = list(result.tags)
    if result.priority is not None:
        shown["appliedRulePriority"] = result.priority
    return shown


def _shown_summary(preview: Preview) -> ecr.LifecyclePolicyPreviewSummary:
    summary: ecr.LifecyclePolicyPreviewSummary = {"expiringImageTotalCount": preview.expiring}
    if preview.archiving:
        moving: ecr.TransitioningImageTotalCount = {
            "targetStorageClass": StorageClass.ARCHIVE.value,
            "imageTotalCount": preview.archiving,
        }
        summary["transitioningImageTotalCounts"] = [moving]
    return summary
