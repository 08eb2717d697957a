"""Operations on repository creation templates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.aws.types import ecr
from twinport.ecr.requests import own_registry, page_of, paging
from twinport.model.creation_templates import (
    CreationTemplate,
    Encryption,
    StoredTemplate,
    TemplateChanges,
    applied_for,
)
from twinport.model.images import Mutability, TagRule
from twinport.model.tags import resource_tags
from twinport.refusals.requests import InvalidParameter, InvalidTag, TooManyTags
from twinport.registry.creation_templates import CreationTemplates


@dataclass(frozen=True, slots=True)
class TemplateOperations:
    templates: CreationTemplates

    def table(self) -> Mapping[str, Handler[Call]]:
        return {
            "CreateRepositoryCreationTemplate": self.create,
            "UpdateRepositoryCreationTemplate": self.update,
            "DeleteRepositoryCreationTemplate": self.delete,
            "DescribeRepositoryCreationTemplates": self.describe,
        }

    async def create(
        self, call: Call, request: ecr.CreateRepositoryCreationTemplateRequest
    ) -> ecr.CreateRepositoryCreationTemplateResponse:
        registry = own_registry(call)
        made = await self.templates.create(call.caller, registry, _template(request))
        return {"registryId": registry.account, "repositoryCreationTemplate": _shown(made)}

    async def update(
        self, call: Call, request: ecr.UpdateRepositoryCreationTemplateRequest
    ) -> ecr.UpdateRepositoryCreationTemplateResponse:
        registry = own_registry(call)
        changed = await self.templates.update(call.caller, registry, request["prefix"], _changes(request))
        return {"registryId": registry.account, "repositoryCreationTemplate": _shown(changed)}

    async def delete(
        self, call: Call, request: ecr.DeleteRepositoryCreationTemplateRequest
    ) -> ecr.DeleteRepositoryCreationTemplateResponse:
        registry = own_registry(call)
        gone = await self.templates.delete(call.caller, registry, request["prefix"])
        return {"registryId": registry.account, "repositoryCreationTemplate": _shown(gone)}

    async def describe(
        self, call: Call, request: ecr.DescribeRepositoryCreationTemplatesRequest
    ) -> ecr.DescribeRepositoryCreationTemplatesResponse:
        registry = own_registry(call)
        page = await self.templates.list(call.caller, registry, request.get("prefixes"), page_of(request))
        shown = [_shown(each) for each in page.items]
        return {"registryId": registry.account, "repositoryCreationTemplates": shown, **paging(page)}


def _template(request: ecr.CreateRepositoryCreationTemplateRequest) -> CreationTemplate:
    encryption = request.get("encryptionConfiguration")
    mutability = request.get("imageTagMutability", Mutability.MUTABLE.value)
    return CreationTemplate(
        prefix=request["prefix"],
        applied_for=applied_for(request["appliedFor"]),
        description=request.get("description") or None,
        encryption=Encryption() if encryption is None else _encryption(encryption),
        tags=_tags(request.get("resourceTags", [])),
        tag_rule=TagRule.parse(mutability, _patterns(request.get("imageTagMutabilityExclusionFilters", []))),
        policy=request.get("repositoryPolicy") or None,
        lifecycle=request.get("lifecyclePolicy") or None,
        role_arn=request.get("customRoleArn") or None,
    )


def _changes(request: ecr.UpdateRepositoryCreationTemplateRequest) -> TemplateChanges:
    purposes, tags = request.get("appliedFor"), request.get("resourceTags")
    encryption, filters = request.get("encryptionConfiguration"), request.get("imageTagMutabilityExclusionFilters")
    return TemplateChanges(
        applied_for=None if purposes is None else applied_for(purposes),
        description=request.get("description"),
        encryption=None if encryption is None else _encryption(encryption),
        tags=None if tags is None else _tags(tags),
        mutability=request.get("imageTagMutability"),
        exclusions=None if filters is None else _patterns(filters),
        policy=request.get("repositoryPolicy"),
        lifecycle=request.get("lifecyclePolicy"),
        role_arn=request.get("customRoleArn"),
    )


def _encryption(given: ecr.EncryptionConfigurationForRepositoryCreationTemplate) -> Encryption:
    return Encryption(given["encryptionType"], given.get("kmsKey") or None)


def _tags(tags: Sequence[ecr.Tag]) -> dict[str, str]:
    """Parse the tags of a template, whose operations have no errors of their own for tags."""
    try:
        return resource_tags((tag["Key"], tag["Value"]) for tag in tags)
    except (InvalidTag, TooManyTags) as refusal:
        raise InvalidParameter("resourceTags", refusal.message) from None


def _patterns(filters: Sequence[ecr.ImageTagMutabilityExclusionFilter]) -> list[str]:
    return [each["filter"] for each in filters]


def _shown(stored: StoredTemplate) -> ecr.RepositoryCreationTemplate:
    template = stored.template
    shown: ecr.RepositoryCreationTemplate = {
        "prefix": template.prefix,
        "appliedFor": [each.value for each in template.applied_for],
        "encryptionConfiguration": _shown_encryption(template.encryption),
        "imageTagMutability": template.tag_rule.mutability.value,
        "createdAt": stored.created_at,
        "updatedAt": stored.updated_at,
    }
    if template.tag_rule.exclusions:
        shown["imageTagMutabilityExclusionFilters"] = [
            {"filterType": "WILDCARD", "filter": pattern} for pattern in template.tag_rule.exclusions
        ]
    if template.tags:
        shown["resourceTags"] = [{"Key": key, "Value": value} for key, value in template.tags.items()]
    return _with_texts(shown, template)


def _with_texts(shown: ecr.RepositoryCreationTemplate, template: CreationTemplate) -> ecr.RepositoryCreationTemplate:
    """Add the texts that the template has."""
    if template.description is not None:
        shown["description"] = template.description
    if template.policy is not None:
        shown["repositoryPolicy"] = template.policy
    if template.lifecycle is not None:
        shown["lifecyclePolicy"] = template.lifecycle
    if template.role_arn is not None:
        shown["customRoleArn"] = template.role_arn
    return shown


def _shown_encryption(encryption: Encryption) -> ecr.EncryptionConfigurationForRepositoryCreationTemplate:
    shown: ecr.EncryptionConfigurationForRepositoryCreationTemplate = {"encryptionType": encryption.kind}
    if encryption.key is not None:
        shown["kmsKey"] = encryption.key
    return shown
