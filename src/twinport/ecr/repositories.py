"""Operations on repositories, their tags and their policies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import name_of, page_of, paging, registry_of, repository_of, resource_of, whole
from twinport.model.addresses import repository_uri
from twinport.model.images import Mutability, NewRepository, Repository, TagRule
from twinport.model.tags import resource_tags
from twinport.registry.policies import Lockout, RepositoryPolicies
from twinport.registry.repositories import Contents, Repositories, RepositoryTags


@dataclass(frozen=True, slots=True)
class RepositoryOperations:
    repositories: Repositories
    tags: RepositoryTags
    policies: RepositoryPolicies
    public_url: str | None

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateRepository": self.create,
            "DescribeRepositories": self.describe,
            "DeleteRepository": self.delete,
            "PutImageTagMutability": self.set_tag_rule,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
            "SetRepositoryPolicy": self.set_policy,
            "GetRepositoryPolicy": self.get_policy,
            "DeleteRepositoryPolicy": self.delete_policy,
        }

    async def create(self, call: Call, request: ecr.CreateRepositoryRequest) -> ecr.CreateRepositoryResponse:
        repository = repository_of(call, request)
        made = await self.repositories.create(call.caller, repository, _new_repository(request))
        return {"repository": self._shown(call, made)}

    async def describe(self, call: Call, request: ecr.DescribeRepositoriesRequest) -> ecr.DescribeRepositoriesResponse:
        registry = registry_of(call, request.get("registryId"))
        names = request.get("repositoryNames")
        if names is not None:
            whole(request, "repositoryNames")
            found = await self.repositories.describe(call.caller, registry, [name_of(name) for name in names])
            return {"repositories": [self._shown(call, each) for each in found]}
        page = await self.repositories.list(call.caller, registry, page_of(request))
        return {"repositories": [self._shown(call, each) for each in page.items], **paging(page)}

    async def delete(self, call: Call, request: ecr.DeleteRepositoryRequest) -> ecr.DeleteRepositoryResponse:
        repository = repository_of(call, request)
        images = Contents.DELETED if request.get("force") else Contents.SPARED
        gone = await self.repositories.delete(call.caller, repository, images)
        return {"repository": self._shown(call, gone)}

    async def set_tag_rule(
        self, call: Call, request: ecr.PutImageTagMutabilityRequest
    ) -> ecr.PutImageTagMutabilityResponse:
        repository = repository_of(call, request)
        rule = _tag_rule(request["imageTagMutability"], request.get("imageTagMutabilityExclusionFilters", []))
        await self.repositories.set_tag_rule(call.caller, repository, rule)
        answer: ecr.PutImageTagMutabilityResponse = {
            "registryId": repository.account,
            "repositoryName": repository.name,
            "imageTagMutability": rule.mutability.value,
        }
        if rule.exclusions:
            answer["imageTagMutabilityExclusionFilters"] = _shown_filters(rule)
        return answer

    async def tag(self, call: Call, request: ecr.TagResourceRequest) -> ecr.TagResourceResponse:
        repository = resource_of(call, request["resourceArn"])
        await self.tags.put(call.caller, repository, _tags(request["tags"]))
        return {}

    async def untag(self, call: Call, request: ecr.UntagResourceRequest) -> ecr.UntagResourceResponse:
        repository = resource_of(call, request["resourceArn"])
        await self.tags.remove(call.caller, repository, request["tagKeys"])
        return {}

    async def list_tags(self, call: Call, request: ecr.ListTagsForResourceRequest) -> ecr.ListTagsForResourceResponse:
        repository = resource_of(call, request["resourceArn"])
        tags = await self.tags.list(call.caller, repository)
        return {"tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    async def set_policy(self, call: Call, request: ecr.SetRepositoryPolicyRequest) -> ecr.SetRepositoryPolicyResponse:
        repository = repository_of(call, request)
        lockout = Lockout.ACCEPTED if request.get("force") else Lockout.REFUSED
        text = await self.policies.put(call.caller, repository, request["policyText"], lockout)
        return {"registryId": repository.account, "repositoryName": repository.name, "policyText": text}

    async def get_policy(self, call: Call, request: ecr.GetRepositoryPolicyRequest) -> ecr.GetRepositoryPolicyResponse:
        repository = repository_of(call, request)
        text = await self.policies.get(call.caller, repository)
        return {"registryId": repository.account, "repositoryName": repository.name, "policyText": text}

    async def delete_policy(
        self, call: Call, request: ecr.DeleteRepositoryPolicyRequest
    ) -> ecr.DeleteRepositoryPolicyResponse:
        repository = repository_of(call, request)
        text = await self.policies.delete(call.caller, repository)
        return {"registryId": repository.account, "repositoryName": repository.name, "policyText": text}

    def _shown(self, call: Call, repository: Repository) -> ecr.Repository:
        shown: ecr.Repository = {
            "repositoryArn": repository.arn,
            "registryId": repository.registry.account,
            "repositoryName": repository.name,
            "repositoryUri": repository_uri(repository.identity, call.host, self.public_url),
            "createdAt": repository.created_at,
            "imageTagMutability": repository.tag_rule.mutability.value,
            "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
            "encryptionConfiguration": _shown_encryption(repository),
        }
        if repository.tag_rule.exclusions:
            shown["imageTagMutabilityExclusionFilters"] = _shown_filters(repository.tag_rule)
        return shown


def _new_repository(request: ecr.CreateRepositoryRequest) -> NewRepository:
    plain = NewRepository()
    mutability = request.get("imageTagMutability", Mutability.MUTABLE.value)
    encryption = request.get("encryptionConfiguration")
    return NewRepository(
        tag_rule=_tag_rule(mutability, request.get("imageTagMutabilityExclusionFilters", [])),
        scan_on_push=request.get("imageScanningConfiguration", {}).get("scanOnPush", plain.scan_on_push),
        encryption=encryption["encryptionType"] if encryption else plain.encryption,
        kms_key=encryption.get("kmsKey") if encryption else None,
        tags=_tags(request.get("tags", [])),
    )


def _shown_encryption(repository: Repository) -> ecr.EncryptionConfiguration:
    shown: ecr.EncryptionConfiguration = {"encryptionType": repository.encryption}
    if repository.kms_key is not None:
        shown["kmsKey"] = repository.kms_key
    return shown


def _tag_rule(mutability: str, filters: Sequence[ecr.ImageTagMutabilityExclusionFilter]) -> TagRule:
    return TagRule.parse(mutability, [each["filter"] for each in filters])


def _shown_filters(rule: TagRule) -> list[ecr.ImageTagMutabilityExclusionFilter]:
    return [{"filterType": "WILDCARD", "filter": pattern} for pattern in rule.exclusions]


def _tags(tags: Sequence[ecr.Tag]) -> dict[str, str]:
    return resource_tags((tag["Key"], tag["Value"]) for tag in tags)
