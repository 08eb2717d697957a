"""Managed policies and their versions: AWS's are read-only, an account's own are also written."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from twinport.access.gate import NO_CONTEXT, Context
from twinport.catalog.partition import entities as rows
from twinport.catalog.partition import managed_policies
from twinport.catalog.partition.managed_policies import NewPolicy
from twinport.catalog.ports import Catalog, Connection
from twinport.clock import Clock
from twinport.errors import LimitReached
from twinport.identities import unique_ids
from twinport.identities.entities import Entities, check_path, check_tags, tag_context
from twinport.identities.rules import managed_policies as rules
from twinport.identities.rules import shared
from twinport.model.entities import ManagedPolicy, Page, PolicyUsage, PolicyUser, PolicyVersion, PrincipalType, Tag
from twinport.model.identities import Caller
from twinport.model.names import PARTITION, AccountId, policy_arn
from twinport.policies import documents
from twinport.policies.aws_managed import AwsPolicies, AwsPolicy, is_aws_policy
from twinport.policies.documents import PolicyKind
from twinport.refusals.identities import (
    ArnInvalid,
    PolicyNotAttachable,
    PolicyNotFound,
    PolicyNotThere,
    PolicyOutsideAccount,
    PolicyVersionNotFound,
)

MOST_CHARACTERS = 6144
_ARN = re.compile(rf"arn:{PARTITION}:iam::(aws|[0-9]{{12}}):policy/[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which policies a list shows: by owner, by path, and whether only policies in use."""

    of_aws: bool
    of_account: bool
    prefix: str = "/"
    only_attached: bool = False
    only_boundaries: bool = False


@dataclass(frozen=True, slots=True)
class ManagedPolicies:
    catalog: Catalog
    entities: Entities
    world: Clock
    aws: AwsPolicies

    async def create(
        self, caller: Caller, name: str, document: str, *, path: str, description: str | None, tags: Sequence[Tag]
    ) -> ManagedPolicy:
        """Create a policy with its first version. Raises PolicyExists, PolicyMalformed, LimitReached, InvalidInput."""
        arn = policy_arn(caller.account, path, name)
        await self.entities.ask_of(caller, "iam:CreatePolicy", arn, tag_context(tags))
        check_tags(tags)
        check_path(path)
        _check_document(document)
        now = self.world.now()
        made = ManagedPolicy(
            arn=arn,
            unique_id=unique_ids.policy(),
            name=name,
            path=path,
            default_version="v1",
            created_at=now,
            updated_at=now,
            description=description,
            tags=tuple(tags),
        )
        new = NewPolicy(caller.account, made, document)
        await self.catalog.partition.write(lambda db: rules.add(db, new))
        return made

    async def get(self, caller: Caller, arn: str) -> ManagedPolicy:
        """Return a policy. Raises ArnInvalid, PolicyNotFound, PolicyOutsideAccount."""
        await self._ask(caller, "iam:GetPolicy", arn)
        if not is_aws_policy(arn):
            check_own(caller, arn)
            return await self.catalog.partition.read(lambda db: rules.get(db, arn))
        known = self._of_aws(arn)
        return await self.catalog.partition.read(lambda db: shown_of_aws(db, caller.account, known))

    async def list(self, caller: Caller, selection: Selection, page: Page) -> list[ManagedPolicy]:
        """List policies ordered by ARN: one more than the page holds if there is one."""
        await self.entities.ask_of(caller, "iam:ListPolicies", policy_arn(caller.account, selection.prefix, ""))
        found = await self.catalog.partition.read_much(lambda db: self._selected(db, caller.account, selection, page))
        return list(found[: page.limit + 1])

    async def delete(self, caller: Caller, arn: str) -> None:
        """Delete an own policy. Raises ArnInvalid, PolicyNotFound, PolicyOutsideAccount, StillReferenced."""
        await self._ask(caller, "iam:DeletePolicy", arn)
        check_own(caller, arn)
        await self.catalog.partition.write(lambda db: rules.remove(db, arn))

    async def used_by(self, caller: Caller, arn: str, usage: PolicyUsage | None) -> Sequence[PolicyUser]:
        """List the account's entities that use a policy, by kind and name. Raises as `get` does."""
        await self._ask(caller, "iam:ListEntitiesForPolicy", arn)
        if is_aws_policy(arn):
            self._of_aws(arn)
        else:
            check_own(caller, arn)
            await self.catalog.partition.read(lambda db: rules.get(db, arn))
        return await self.catalog.partition.read_much(
            lambda db: managed_policies.entities(db, caller.account, arn, usage)
        )

    # --- tags ---------------------------------------------------------------------------------------------

    async def tag(self, caller: Caller, arn: str, tags: Sequence[Tag]) -> None:
        """Add tags, replacing those of the same keys. Raises as `delete` does, or InvalidInput, LimitReached."""
        await self._ask(caller, "iam:TagPolicy", arn, tag_context(tags))
        check_own(caller, arn)
        check_tags(tags)

        def store(db: Connection) -> None:
            rules.get(db, arn)
            shared.put_tags(db, arn, tags)

        await self.catalog.partition.write(store)

    async def untag(self, caller: Caller, arn: str, keys: Sequence[str]) -> None:
        """Remove tags. A key that does not exist is no error. Raises as `delete` does."""
        context: Context = {"aws:TagKeys": tuple(keys)}
        await self._ask(caller, "iam:UntagPolicy", arn, context)
        check_own(caller, arn)

        def remove(db: Connection) -> None:
            rules.get(db, arn)
            rows.remove_tags(db, arn, keys)

        await self.catalog.partition.write(remove)

    async def tags(self, caller: Caller, arn: str) -> tuple[Tag, ...]:
        """Return all tags, fifty at most, in the order of their keys. Raises as `get` does; AWS's have none."""
        await self._ask(caller, "iam:ListPolicyTags", arn)
        if is_aws_policy(arn):
            self._of_aws(arn)
            return ()
        check_own(caller, arn)
        return (await self.catalog.partition.read(lambda db: rules.get(db, arn))).tags

    # --- versions -----------------------------------------------------------------------------------------

    async def version(self, caller: Caller, arn: str, version_id: str) -> PolicyVersion:
        """Return a version with its text as it was sent. Raises as `get` does, or PolicyVersionNotFound."""
        await self._ask(caller, "iam:GetPolicyVersion", arn)
        if is_aws_policy(arn):
            known = self._of_aws(arn)
            if version_id != known.version:
                raise PolicyVersionNotFound(arn, version_id)
            return version_of_aws(known)
        check_own(caller, arn)
        return await self.catalog.partition.read(lambda db: rules.version(db, arn, version_id))

    async def versions(self, caller: Caller, arn: str) -> Sequence[PolicyVersion]:
        """List all versions, five at most, the newest first. Raises as `get` does."""
        await self._ask(caller, "iam:ListPolicyVersions", arn)
        if is_aws_policy(arn):
            return [version_of_aws(self._of_aws(arn))]
        check_own(caller, arn)
        return await self.catalog.partition.read(lambda db: rules.versions(db, arn))

    async def add_version(self, caller: Caller, arn: str, document: str, *, as_default: bool) -> PolicyVersion:
        """Add a version. Raises as `delete` does, or PolicyMalformed, LimitReached."""
        await self._ask(caller, "iam:CreatePolicyVersion", arn)
        check_own(caller, arn)
        _check_document(document)
        now = self.world.now()

        def store(db: Connection) -> PolicyVersion:
            added = rules.add_version(db, arn, document, now)
            if as_default:
                rules.set_default(db, arn, added.id, now)
            return replace(added, is_default=as_default)

        return await self.catalog.partition.write(store)

    async def set_default(self, caller: Caller, arn: str, version_id: str) -> None:
        """Make a version the default. Raises as `delete` does, or PolicyVersionNotFound."""
        await self._ask(caller, "iam:SetDefaultPolicyVersion", arn)
        check_own(caller, arn)
        now: datetime = self.world.now()
        await self.catalog.partition.write(lambda db: rules.set_default(db, arn, version_id, now))

    async def remove_version(self, caller: Caller, arn: str, version_id: str) -> None:
        """Delete a version that is not the default. Raises as `delete` does, or PolicyVersionNotFound."""
        await self._ask(caller, "iam:DeletePolicyVersion", arn)
        check_own(caller, arn)
        await self.catalog.partition.write(lambda db: rules.remove_version(db, arn, version_id))

    async def _ask(self, caller: Caller, action: str, arn: str, context: Context = NO_CONTEXT) -> None:
        """Ask the gate about a policy that the request names by its ARN."""
        await self.entities.ask_of(caller, action, arn, context, shown=f"policy {arn}")

    def _of_aws(self, arn: str) -> AwsPolicy:
        known = self.aws.find(arn)
        if known is None:
            raise PolicyNotFound(arn)
        return known

    def _selected(
        self, db: Connection, account: AccountId, selection: Selection, page: Page
    ) -> Sequence[ManagedPolicy]:
        """Select from all of an account's policies, at most 1,500, and from those of AWS."""
        found: list[ManagedPolicy] = []
        if selection.of_account:
            found += managed_policies.listed(db, account, selection.prefix, replace(page, limit=MOST_LISTED))
        if selection.of_aws:
            known = [each for each in self.aws.by_arn.values() if each.path.startswith(selection.prefix)]
            found += [shown_of_aws(db, account, each) for each in known]
        wanted = [each for each in found if each.arn > page.after]
        if selection.only_attached:
            wanted = [each for each in wanted if each.attachments]
        if selection.only_boundaries:
            wanted = [each for each in wanted if each.boundaries]
        return sorted(wanted, key=lambda each: each.arn)


MOST_LISTED = rules.POLICIES_PER_ACCOUNT


def check_arn(arn: str) -> str:
    """Return the account in a policy's ARN, which is `aws` for AWS's. Raises ArnInvalid."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise ArnInvalid
    return found[1]


def check_own(caller: Caller, arn: str) -> None:
    """Raise ArnInvalid, or PolicyOutsideAccount for a policy of AWS or of another account."""
    if check_arn(arn) != caller.account:
        raise PolicyOutsideAccount


def expect_attachable(db: Connection, aws: AwsPolicies, account: AccountId, kind: PrincipalType, arn: str) -> None:
    """Raise ArnInvalid, PolicyNotThere or PolicyNotAttachable unless the account's principals may have the policy."""
    if is_aws_policy(arn):
        known = aws.find(arn)
        if known is None:
            raise PolicyNotThere(arn)
        if not known.is_attachable:
            raise PolicyNotAttachable(kind.value)
        return
    if check_arn(arn) != account:
        raise PolicyNotThere(arn)
    try:
        rules.get(db, arn)
    except PolicyNotFound as error:
        raise PolicyNotThere(arn) from error


def shown_of_aws(db: Connection, account: AccountId, known: AwsPolicy) -> ManagedPolicy:
    """Describe a policy of AWS for an account, with how many of the account's entities use it."""
    return ManagedPolicy(
        arn=known.arn,
        unique_id=unique_ids.of_aws_policy(known.arn),
        name=known.name,
        path=known.path,
        default_version=known.version,
        created_at=known.created_at,
        updated_at=known.updated_at,
        attachments=managed_policies.attachments(db, account, known.arn),
        boundaries=managed_policies.boundaries(db, account, known.arn),
    )


def version_of_aws(known: AwsPolicy) -> PolicyVersion:
    """Return the only known version of a policy of AWS."""
    return PolicyVersion(known.version, known.document, is_default=True, created_at=known.updated_at)


def _check_document(document: str) -> None:
    if len("".join(document.split())) > MOST_CHARACTERS:
        raise LimitReached(f"Cannot exceed quota for PolicySize: {MOST_CHARACTERS}")
    documents.parse_given(document, PolicyKind.IDENTITY)
