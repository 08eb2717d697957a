"""What a route under `/v2/` is about, in the terms of the registry and in those of the caller."""

from dataclasses import dataclass

from twinport.model.names import Registry, RepositoryName, repository_name
from twinport.refusals.requests import BadName


@dataclass(frozen=True, slots=True)
class Target:
    """A repository that may or may not exist, and what the path names in it.

    `prefix` is the caller's way of writing the repository, `/v2/team/api` or `/v2/111122223333/eu-west-1/team/api`;
    every address that is answered begins with it. `reference` is as sent: a digest, an upload's id, a tag, or empty.
    """

    registry: Registry
    repository: RepositoryName
    prefix: str
    reference: str = ""

    def sibling(self, text: str) -> RepositoryName | None:
        """Return the repository of the same registry that this caller writes as `text`, if it is one.

        A caller who spells the registry out here must do so there too: without it, another one may be meant.
        """
        registry = f"{self.registry.account}/{self.registry.region}/"
        form = registry if self.prefix.startswith(f"/v2/{registry}") else ""
        try:
            return repository_name(text.removeprefix(form)) if text.startswith(form) else None
        except BadName:
            return None
