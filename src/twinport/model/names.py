"""The names of things: accounts, Regions, registries, repositories, tags, and their ARNs."""

import re
from dataclasses import dataclass
from typing import NewType

from twinport.refusals.requests import BadName, BadTag

AccountId = NewType("AccountId", str)
RegionName = NewType("RegionName", str)
RepositoryName = NewType("RepositoryName", str)
TagName = NewType("TagName", str)

PARTITION = "aws"

# Patterns of the service model (botocore 1.44.5, ecr 2015-09-21) and, for tags, of OCI Distribution 1.1.
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[0-9a-z-]{2,25}")
# One separator class per path segment, without nested repetition, so that a hostile name costs linear time.
_SEGMENT = re.compile(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True, order=True)
class Registry:
    """One account in one Region. A registry has one replication configuration and one registry policy."""

    account: AccountId
    region: RegionName

    def repository(self, name: RepositoryName) -> "RepositoryId":
        return RepositoryId(self, name)

    def repository_arn(self, name: str) -> str:
        return f"arn:{PARTITION}:ecr:{self.region}:{self.account}:repository/{name}"

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


@dataclass(frozen=True, slots=True, order=True)
class RepositoryId:
    """A repository as requests name it: its registry and its name. It may or may not exist."""

    registry: Registry
    name: RepositoryName

    @property
    def account(self) -> AccountId:
        return self.registry.account

    @property
    def region(self) -> RegionName:
        return self.registry.region

    @property
    def arn(self) -> str:
        return self.registry.repository_arn(self.name)

    def __str__(self) -> str:
        return f"{self.registry}/{self.name}"


def account_id(text: str) -> AccountId:
    if not _ACCOUNT.fullmatch(text):
        raise BadName(f"'{text[:64]}' is not an account id: twelve digits are needed")
    return AccountId(text)


def region_name(text: str) -> RegionName:
    if not _REGION.fullmatch(text):
        raise BadName(f"'{text[:64]}' is not a Region name: 2 to 25 lower-case letters, digits and dashes are needed")
    return RegionName(text)


def is_account_id(text: str) -> bool:
    return _ACCOUNT.fullmatch(text) is not None


def repository_name(text: str) -> RepositoryName:
    """Parse a full repository name, namespaces included (ECR: 2 to 256 characters)."""
    if not 2 <= len(text) <= 256 or not all(_SEGMENT.fullmatch(part) for part in text.split("/")):  # noqa: PLR2004
        raise BadName(
            f"'{text[:256]}' is not a repository name: 2 to 256 characters of lower-case letters and digits, "
            "separated by single '.', '_', '__', dashes or '/'"
        )
    return RepositoryName(text)


def tag_name(text: str) -> TagName:
    """Parse a tag of the OCI Distribution grammar (1 to 128 characters). Raises BadTag."""
    if not _TAG.fullmatch(text):
        raise BadTag(
            f"'{text[:128]}' is not a tag: 1 to 128 letters, digits, '_', '.', '-', not beginning with '.' or '-'"
        )
    return TagName(text)


def root_arn(account: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:root"


def user_arn(account: str, path: str, name: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:user{path}{name}"


def group_arn(account: str, path: str, name: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:group{path}{name}"


def role_arn(account: str, path: str, name: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:role{path}{name}"


def policy_arn(account: str, path: str, name: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:policy{path}{name}"


def instance_profile_arn(account: str, path: str, name: str) -> str:
    return f"arn:{PARTITION}:iam::{account}:instance-profile{path}{name}"


def session_arn(account: str, role: str, session: str) -> str:
    return f"arn:{PARTITION}:sts::{account}:assumed-role/{role}/{session}"


def federated_arn(account: str, name: str) -> str:
    return f"arn:{PARTITION}:sts::{account}:federated-user/{name}"
