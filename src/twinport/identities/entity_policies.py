"""The policies of a user (including its groups' policies), of a group, or of a role, each with its text."""

from collections.abc import Sequence
from dataclasses import dataclass

from twinport.catalog import permissions
from twinport.catalog.partition import groups, principal_policies
from twinport.catalog.ports import Connection
from twinport.model.entities import PolicyOwner, User
from twinport.policies.aws_managed import AwsPolicies


@dataclass(frozen=True, slots=True)
class HeldPolicy:
    """A policy that is attached to `owner` or inline in it. An inline policy has no ARN."""

    owner: PolicyOwner
    name: str
    arn: str | None
    text: str


def held(db: Connection, aws: AwsPolicies, entity: PolicyOwner) -> list[HeldPolicy]:
    """List the policies of an entity: its inline ones, its managed ones, and then those of its groups."""
    own = groups.all_of_user(db, entity) if isinstance(entity, User) else []
    return [policy for owner in (entity, *own) for policy in _of_owner(db, aws, owner)]


def _of_owner(db: Connection, aws: AwsPolicies, owner: PolicyOwner) -> list[HeldPolicy]:
    inline = [HeldPolicy(owner, name, None, text) for name, text in principal_policies.inline_documents(db, owner)]
    attached = principal_policies.attached(db, owner)
    texts = documents(db, aws, attached)
    managed = [HeldPolicy(owner, arn.rpartition("/")[2], arn, texts[arn]) for arn in attached if arn in texts]
    return [*inline, *managed]


def documents(db: Connection, aws: AwsPolicies, arns: Sequence[str]) -> dict[str, str]:
    """Return the documents in force of managed policies, AWS's and customers', by ARN."""
    of_aws = {arn: known.document for arn in arns if (known := aws.find(arn))}
    return {**of_aws, **permissions.documents(db, arns)}
