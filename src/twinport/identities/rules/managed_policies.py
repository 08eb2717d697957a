"""Rules of customers' managed policies and their versions."""

from datetime import datetime

from twinport.catalog.partition import managed_policies
from twinport.catalog.partition.managed_policies import NewPolicy
from twinport.catalog.ports import Connection
from twinport.errors import LimitReached
from twinport.identities.rules.shared import require_few_tags, require_quota
from twinport.model.entities import ManagedPolicy, PolicyVersion
from twinport.refusals.identities import PolicyExists, PolicyNotFound, PolicyVersionNotFound, StillReferenced

POLICIES_PER_ACCOUNT = 1500
VERSIONS_PER_POLICY = 5


def add(db: Connection, new: NewPolicy) -> None:
    """Store a policy with its first version and its tags. Raises PolicyExists, or LimitReached."""
    if managed_policies.is_name_taken(db, new.account, new.policy.name):
        raise PolicyExists(new.policy.name)
    require_quota(managed_policies.count(db, new.account), "PoliciesPerAccount", POLICIES_PER_ACCOUNT)
    managed_policies.insert_policy(db, new)
    require_few_tags(db, new.policy.arn)


def get(db: Connection, arn: str) -> ManagedPolicy:
    """Return a policy with its tags. Raises PolicyNotFound."""
    found = managed_policies.find(db, arn)
    if found is None:
        raise PolicyNotFound(arn)
    return found


def remove(db: Connection, arn: str) -> None:
    """Delete a policy that no entity uses and that has one version. Raises PolicyNotFound, StillReferenced."""
    found = versions(db, arn)
    if managed_policies.is_attached(db, arn):
        raise StillReferenced("Cannot delete a policy attached to entities.")
    if managed_policies.is_a_boundary(db, arn):
        raise StillReferenced("Cannot delete a policy that is used as a permissions boundary.")
    if len(found) > 1:
        raise StillReferenced(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy."
        )
    managed_policies.remove(db, arn)


def versions(db: Connection, arn: str) -> list[PolicyVersion]:
    """List a policy's versions, the newest first. Raises PolicyNotFound."""
    found = managed_policies.versions(db, arn)
    if not found:
        raise PolicyNotFound(arn)
    return found


def version(db: Connection, arn: str, version_id: str) -> PolicyVersion:
    """Return one version. Raises PolicyNotFound, PolicyVersionNotFound."""
    found = [each for each in versions(db, arn) if each.id == version_id]
    if not found:
        raise PolicyVersionNotFound(arn, version_id)
    return found[0]


def add_version(db: Connection, arn: str, document: str, now: datetime) -> PolicyVersion:
    """Add a version, not yet the default. Raises PolicyNotFound, or LimitReached past five."""
    if len(versions(db, arn)) >= VERSIONS_PER_POLICY:
        raise LimitReached(
            f"A managed policy can have up to {VERSIONS_PER_POLICY} versions. Before you create a new version, you "
            "must delete an existing version."
        )
    return managed_policies.add_version(db, arn, document, now)


def set_default(db: Connection, arn: str, version_id: str, now: datetime) -> None:
    """Make a version the default, which is in force. Raises PolicyNotFound, PolicyVersionNotFound."""
    managed_policies.set_default(db, arn, version(db, arn, version_id), now)


def remove_version(db: Connection, arn: str, version_id: str) -> None:
    """Delete a version that is not the default. Raises PolicyNotFound, PolicyVersionNotFound, StillReferenced."""
    found = version(db, arn, version_id)
    if found.is_default:
        raise StillReferenced("Cannot delete the default version of a policy.")
    managed_policies.remove_version(db, arn, found)
