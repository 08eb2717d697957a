"""The AWS managed policies that matter to a registry: read-only, read from a file at first use."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.resources import files

from twinport.model.names import PARTITION

_SERVICE_ROLES = "/aws-service-role/"


@dataclass(frozen=True, slots=True)
class AwsPolicy:
    """A managed policy of AWS in its default version (`v3`), the only version that is known here."""

    name: str
    path: str
    version: str
    created_at: datetime
    updated_at: datetime
    document: str

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:iam::aws:policy{self.path}{self.name}"

    @property
    def is_attachable(self) -> bool:
        """Policies of service-linked roles attach to those roles alone (PolicyNotAttachable)."""
        return self.path != _SERVICE_ROLES


class AwsPolicies:
    """Every managed policy of AWS that is known, by ARN."""

    @cached_property
    def by_arn(self) -> dict[str, AwsPolicy]:
        text = files("twinport.policies").joinpath("managed_policies.json").read_text("utf-8")
        policies = [_policy(name, facts) for name, facts in json.loads(text).items()]
        return {policy.arn: policy for policy in policies}

    def find(self, arn: str) -> AwsPolicy | None:
        return self.by_arn.get(arn)


def is_aws_policy(arn: str) -> bool:
    return arn.startswith(f"arn:{PARTITION}:iam::aws:policy/")


def _policy(name: str, facts: dict[str, object]) -> AwsPolicy:
    return AwsPolicy(
        name=name,
        path=str(facts["path"]),
        version=str(facts["version"]),
        created_at=datetime.fromisoformat(str(facts["created_at"])),
        updated_at=datetime.fromisoformat(str(facts["updated_at"])),
        document=json.dumps(facts["document"], indent=4),
    )
