"""What a route under `/v2/` is about, in the terms of the registry and in those of the caller."""

from dataclasses import dataclass

from twinport.model.names import Registry, RepositoryName


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
