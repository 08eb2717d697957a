"""What decides about a request to a repository on the repository's side."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.model.account_settings import PolicyScope


@dataclass(frozen=True, slots=True)
class RegistryPolicy:
    """The policy of a registry, and the scope in which it counts."""

    text: str
    scope: PolicyScope


@dataclass(frozen=True, slots=True)
class RepositoryFacts:
    """What decides about a repository on the resource's side; a missing repository has no policy and no tags."""

    registry: RegistryPolicy | None
    policy: str | None
    tags: Mapping[str, str]
