"""The target of a route under `/v2/`, in the registry's terms and in the caller's form."""

from dataclasses import dataclass

from twinport.model.names import Registry, RepositoryName, repository_name
from twinport.refusals.requests import BadName


@dataclass(frozen=True, slots=True)
class Target:
    """A repository that may or may not exist, and the item in it that the path names.

    `prefix` is the repository's path as the caller wrote it: `/v2/team/api` or `/v2/111122223333/eu-west-1/team/api`.
    Every address in an answer begins with it. `reference` is as sent: a digest, an upload's id, a tag, or empty.
    """

    registry: Registry
    repository: RepositoryName
    prefix: str
    reference: str = ""

    def sibling(self, text: str) -> RepositoryName | None:
        """Return the repository of the same registry that `text` names in this caller's form, or None.

        If the caller's path includes the registry, `text` must include it too: without it, another registry may be
        meant.
        """
        registry = f"{self.registry.account}/{self.registry.region}/"
        form = registry if self.prefix.startswith(f"/v2/{registry}") else ""
        try:
            return repository_name(text.removeprefix(form)) if text.startswith(form) else None
        except BadName:
            return None
