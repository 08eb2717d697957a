"""The tour's plan: the source account, the image, and the destination registries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from twinport.aws.types.ecr import ReplicationRule
from twinport.model.names import AccountId, RegionName, Registry, RepositoryName

SOURCE = Registry(AccountId("111111111111"), RegionName("eu-west-1"))
OTHER_REGION = Registry(SOURCE.account, RegionName("us-east-1"))
OTHER_ACCOUNT = Registry(AccountId("222222222222"), RegionName("us-east-1"))
DESTINATIONS = (OTHER_REGION, OTHER_ACCOUNT)

PREFIX = "tour/"
REPOSITORY = RepositoryName(f"{PREFIX}hello")
STATEMENT_ID = "TheTour"

Statement = dict[str, object]


class Policy(TypedDict):
    """A registry policy as JSON. A policy of another author may hold one statement outside a list."""

    Version: str
    Statement: list[Statement] | Statement


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that the tour pulled: its content, and the server's record of its delivery."""

    destination: Registry
    digest: str
    bytes_carried: int
    seconds: float
    carried_by: str


def rule() -> ReplicationRule:
    """Return the rule that replicates the tour's repository to every destination."""
    return {
        "destinations": [{"region": place.region, "registryId": place.account} for place in DESTINATIONS],
        "repositoryFilters": [{"filter": PREFIX, "filterType": "PREFIX_MATCH"}],
    }


def with_rule(rules: Sequence[ReplicationRule]) -> list[ReplicationRule]:
    """Add the tour's rule to the existing rules: a tour must not undo a user's configuration."""
    return list(rules) if rule() in rules else [*rules, rule()]


def with_statement(policy: Policy | None) -> Policy:
    """Add to a registry policy the statement that lets the source replicate."""
    policy = policy or {"Version": "2012-10-17", "Statement": []}
    given = policy["Statement"]
    others = [each for each in (given if isinstance(given, list) else [given]) if each.get("Sid") != STATEMENT_ID]
    return {**policy, "Statement": [*others, _statement()]}


def next_tag(tags: Iterable[str]) -> str:
    """Return the number of this tour, after earlier tours on the same data."""
    return str(max((int(tag) for tag in tags if tag.isdecimal()), default=0) + 1)


def _statement() -> Statement:
    return {
        "Sid": STATEMENT_ID,
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{SOURCE.account}:root"},
        "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
        "Resource": OTHER_ACCOUNT.repository_arn(f"{PREFIX}*"),
    }
