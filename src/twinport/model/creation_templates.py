"""Repository creation templates: settings of the repositories that ECR creates by itself, by prefixes of names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import TypeVar

from twinport.model.encryption import AES256, key_arn
from twinport.model.images import Mutability, NewRepository, TagRule
from twinport.model.names import Registry
from twinport.refusals.requests import InvalidParameter

T = TypeVar("T")
ROOT = "ROOT"


class AppliedFor(Enum):
    """What makes ECR create a repository (RCTAppliedFor of the service model)."""

    REPLICATION = "REPLICATION"
    PULL_THROUGH_CACHE = "PULL_THROUGH_CACHE"
    CREATE_ON_PUSH = "CREATE_ON_PUSH"


@dataclass(frozen=True, slots=True)
class Encryption:
    """The encryption of the repositories. `key` is the ARN of a key, or None for the type's own."""

    kind: str = AES256
    key: str | None = None


@dataclass(frozen=True, slots=True)
class CreationTemplate:
    """A template as a client gives it.

    `prefix` has the client's form: with a slash at its end, without one, or `ROOT`. `policy` and `lifecycle` are texts
    of policies; in a stored template the policy names users and roles by their unique ids. `role_arn` is the role that
    creates the repositories; without one it is the service-linked role.
    """

    prefix: str
    applied_for: tuple[AppliedFor, ...]
    description: str | None = None
    encryption: Encryption = Encryption()
    tags: Mapping[str, str] = field(default_factory=dict)
    tag_rule: TagRule = TagRule()  # noqa: RUF009 — frozen
    policy: str | None = None
    lifecycle: str | None = None
    role_arn: str | None = None

    @property
    def key(self) -> str:
        """The prefix in its one form: `prod` and `prod/` are the same template."""
        return key_of(self.prefix)


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """A template in its registry."""

    registry: Registry
    template: CreationTemplate
    created_at: datetime
    updated_at: datetime

    @property
    def new_repository(self) -> NewRepository:
        """The settings of a repository that the template creates, with the ARN of its key."""
        template, encryption = self.template, self.template.encryption
        return NewRepository(
            tag_rule=template.tag_rule,
            encryption=encryption.kind,
            kms_key=key_arn(self.registry, encryption.kind, encryption.key),
            tags=template.tags,
            policy=template.policy,
        )


@dataclass(frozen=True, slots=True)
class TemplateChanges:
    """What UpdateRepositoryCreationTemplate changes. None leaves a setting as it is; an empty text removes it."""

    applied_for: tuple[AppliedFor, ...] | None = None
    description: str | None = None
    encryption: Encryption | None = None
    tags: Mapping[str, str] | None = None
    mutability: str | None = None
    exclusions: Sequence[str] | None = None
    policy: str | None = None
    lifecycle: str | None = None
    role_arn: str | None = None

    @property
    def concern_role(self) -> bool:
        """Tell whether a change is of a kind that the template's role carries out."""
        return any(each is not None for each in (self.applied_for, self.tags, self.encryption))

    def widen_role(self, template: CreationTemplate) -> bool:
        """Tell whether the role of `template` would do what it does not do yet.

        It would create repositories for a further purpose, or with other tags or another key. Any other tags count,
        also fewer of them, since conditions of policies compare tags.
        """
        purposes = set(self.applied_for or ()) - set(template.applied_for)
        return bool(purposes) or self.tags is not None or self.encryption is not None

    def applied_to(self, template: CreationTemplate) -> CreationTemplate:
        """Return the changed template. Raises InvalidParameter for a mutability that its filters do not fit."""
        return replace(
            template,
            applied_for=_changed(self.applied_for, template.applied_for),
            description=_text(self.description, template.description),
            encryption=_changed(self.encryption, template.encryption),
            tags=_changed(self.tags, template.tags),
            tag_rule=self._tag_rule(template.tag_rule),
            policy=_text(self.policy, template.policy),
            lifecycle=_text(self.lifecycle, template.lifecycle),
            role_arn=_text(self.role_arn, template.role_arn),
        )

    def _tag_rule(self, current: TagRule) -> TagRule:
        """Return the rule of the changed template. Filters that are not given stay, where they fit."""
        mutability = self.mutability or current.mutability.value
        kept = current.exclusions if Mutability(mutability).has_exclusions else ()
        return TagRule.parse(mutability, kept if self.exclusions is None else self.exclusions)


def key_of(prefix: str) -> str:
    """Return a prefix without the slash that ECR assumes at its end."""
    return prefix.removesuffix("/")


def keys_for(name: str) -> list[str]:
    """Return the keys of all templates that match a repository's name, the most specific first."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)] + [ROOT]


def applied_for(values: Sequence[str]) -> tuple[AppliedFor, ...]:
    """Parse what a template is for. Raises InvalidParameter for nothing at all."""
    if not values:
        raise InvalidParameter("appliedFor", "Member must have length greater than or equal to 1")
    return tuple(AppliedFor(value) for value in dict.fromkeys(values))


def _changed(new: T | None, current: T) -> T:
    return current if new is None else new


def _text(new: str | None, current: str | None) -> str | None:
    return current if new is None else new or None
