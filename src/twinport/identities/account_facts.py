"""Facts about an account: its alias, what it holds, and its quotas."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.catalog.partition import accounts
from twinport.catalog.partition.accounts import Holdings
from twinport.catalog.ports import Catalog
from twinport.identities.entities import Entities
from twinport.identities.managed_policies import MOST_CHARACTERS
from twinport.identities.principal_policies import INLINE_MOST
from twinport.identities.rules import (
    access_keys,
    aliases,
    groups,
    instance_profiles,
    managed_policies,
    principal_policies,
    roles,
    users,
)
from twinport.identities.trust_documents import MOST_CHARACTERS as MOST_TRUST
from twinport.model.entities import PrincipalType
from twinport.model.identities import Caller
from twinport.model.names import is_account_id
from twinport.refusals.identities import AliasIsAnAccount

# The most versions of all policies of an account together. AWS states this bound and does not raise it.
_VERSIONS_IN_USE_MOST = 10_000


@dataclass(frozen=True, slots=True)
class AccountFacts:
    catalog: Catalog
    entities: Entities

    async def alias(self, caller: Caller) -> str | None:
        """Return the alias of the caller's account."""
        await self.entities.ask_of_account(caller, "iam:ListAccountAliases")
        return await self.catalog.partition.read(lambda db: accounts.alias(db, caller.account))

    async def set_alias(self, caller: Caller, text: str) -> None:
        """Set or replace the account's alias. Raises AliasTaken, AliasIsAnAccount."""
        await self.entities.ask_of_account(caller, "iam:CreateAccountAlias")
        if is_account_id(text):
            raise AliasIsAnAccount(text)
        await self.catalog.partition.write(lambda db: aliases.put(db, caller.account, text))

    async def remove_alias(self, caller: Caller, text: str) -> None:
        """Remove the alias. Raises AliasNotFound."""
        await self.entities.ask_of_account(caller, "iam:DeleteAccountAlias")
        await self.catalog.partition.write(lambda db: aliases.remove(db, caller.account, text))

    async def allow_tokens_everywhere(self, caller: Caller) -> None:
        """Ask for session tokens that are valid in every Region. Here every session token is."""
        await self.entities.ask_of_account(caller, "iam:SetSecurityTokenServicePreferences")

    async def summary(self, caller: Caller) -> Mapping[str, int]:
        """Count what the account has and return its quotas, under IAM's names."""
        await self.entities.ask_of_account(caller, "iam:GetAccountSummary")
        held = await self.catalog.partition.read(lambda db: accounts.holdings(db, caller.account))
        return {**_counted(held), **_QUOTAS, **_LACKED}


def _counted(held: Holdings) -> Mapping[str, int]:
    return {
        "Users": held.users,
        "Groups": held.groups,
        "Roles": held.roles,
        "Policies": held.policies,
        "PolicyVersionsInUse": held.policy_versions,
        "InstanceProfiles": held.instance_profiles,
        "Providers": held.providers,
        "AccountAccessKeysPresent": int(held.root_keys > 0),
    }


_QUOTAS = {
    "UsersQuota": users.USERS_PER_ACCOUNT,
    "GroupsQuota": groups.GROUPS_PER_ACCOUNT,
    "RolesQuota": roles.ROLES_PER_ACCOUNT,
    "PoliciesQuota": managed_policies.POLICIES_PER_ACCOUNT,
    "PolicyVersionsInUseQuota": _VERSIONS_IN_USE_MOST,
    "InstanceProfilesQuota": instance_profiles.PROFILES_PER_ACCOUNT,
    "AccessKeysPerUserQuota": access_keys.KEYS_PER_USER,
    "GroupsPerUserQuota": groups.GROUPS_PER_USER,
    "AttachedPoliciesPerUserQuota": principal_policies.ATTACHED_MOST,
    "AttachedPoliciesPerGroupQuota": principal_policies.ATTACHED_MOST,
    "AttachedPoliciesPerRoleQuota": principal_policies.ATTACHED_MOST,
    "VersionsPerPolicyQuota": managed_policies.VERSIONS_PER_POLICY,
    "PolicySizeQuota": MOST_CHARACTERS,
    "UserPolicySizeQuota": INLINE_MOST[PrincipalType.USER],
    "GroupPolicySizeQuota": INLINE_MOST[PrincipalType.GROUP],
    "RolePolicySizeQuota": INLINE_MOST[PrincipalType.ROLE],
    "AssumeRolePolicySizeQuota": MOST_TRUST,
    # Session tokens are valid in every Region. AWS calls this version 2.
    "GlobalEndpointTokenVersion": 2,
}
# Always zero: twinport refuses the operations that would create these, and roots of accounts have no password.
_LACKED = dict.fromkeys(
    (
        *("MFADevices", "MFADevicesInUse", "AccountMFAEnabled", "ServerCertificates", "ServerCertificatesQuota"),
        *("SigningCertificatesPerUserQuota", "AccountSigningCertificatesPresent", "AccountPasswordPresent"),
    ),
    0,
)
