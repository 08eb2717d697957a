"""AWS IAM: a table from each operation to what it does."""

from collections.abc import Mapping
from dataclasses import dataclass

from twinport.access.calls import Call
from twinport.aws.dispatch import Handler
from twinport.iam.account import AccountOperations
from twinport.iam.boundaries import BoundaryOperations
from twinport.iam.context_keys import ContextKeyOperations
from twinport.iam.credential_reports import CredentialReportOperations
from twinport.iam.empty_lists import EmptyLists
from twinport.iam.groups import GroupOperations
from twinport.iam.instance_profiles import InstanceProfileOperations
from twinport.iam.login_profiles import LoginProfileOperations
from twinport.iam.oidc_providers import OidcProviderOperations
from twinport.iam.policies import AttachedPolicyOperations, InlinePolicyOperations, ManagedPolicyOperations
from twinport.iam.report import ReportOperations
from twinport.iam.roles import RoleOperations
from twinport.iam.service_access import ServiceAccessOperations
from twinport.iam.service_linked_roles import ServiceLinkedRoleOperations
from twinport.iam.simulation import SimulationOperations
from twinport.iam.users import AccessKeyOperations, UserOperations
from twinport.identities.access_keys import AccessKeys
from twinport.identities.account_facts import AccountFacts
from twinport.identities.account_report import AccountReport
from twinport.identities.boundaries import Boundaries
from twinport.identities.context_lookup import ContextLookup
from twinport.identities.credential_reports import CredentialReports
from twinport.identities.deletion import Deletions
from twinport.identities.groups import Groups
from twinport.identities.instance_profiles import InstanceProfiles
from twinport.identities.login_profiles import LoginProfiles
from twinport.identities.managed_policies import ManagedPolicies
from twinport.identities.oidc_providers import OidcProviders
from twinport.identities.principal_policies import PrincipalPolicies
from twinport.identities.roles import Roles
from twinport.identities.service_access import ServiceAccess
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.identities.simulations import Simulations
from twinport.identities.users import Users


@dataclass(frozen=True, slots=True)
class Verbs:
    """The verbs behind the door."""

    users: Users
    boundaries: Boundaries
    keys: AccessKeys
    login_profiles: LoginProfiles
    groups: Groups
    roles: Roles
    service_linked_roles: ServiceLinkedRoles
    deletions: Deletions
    managed_policies: ManagedPolicies
    principal_policies: PrincipalPolicies
    instance_profiles: InstanceProfiles
    oidc_providers: OidcProviders
    account: AccountFacts
    report: AccountReport
    context_lookup: ContextLookup
    credential_reports: CredentialReports
    service_access: ServiceAccess
    simulations: Simulations


def handlers(verbs: Verbs) -> Mapping[str, Handler[Call]]:
    """Return the implemented operations. Every other operation of the model is refused by name."""
    return {
        **UserOperations(verbs.users).table(),
        **BoundaryOperations(verbs.boundaries).table(),
        **AccessKeyOperations(verbs.keys).table(),
        **LoginProfileOperations(verbs.login_profiles).table(),
        **GroupOperations(verbs.groups).table(),
        **RoleOperations(verbs.roles).table(),
        **ServiceLinkedRoleOperations(verbs.service_linked_roles, verbs.deletions).table(),
        **ManagedPolicyOperations(verbs.managed_policies).table(),
        **InlinePolicyOperations(verbs.principal_policies).table(),
        **AttachedPolicyOperations(verbs.principal_policies).table(),
        **InstanceProfileOperations(verbs.instance_profiles).table(),
        **OidcProviderOperations(verbs.oidc_providers).table(),
        **AccountOperations(verbs.account).table(),
        **SimulationOperations(verbs.simulations).table(),
        **ReportOperations(verbs.report).table(),
        **ContextKeyOperations(verbs.context_lookup).table(),
        **CredentialReportOperations(verbs.credential_reports).table(),
        **ServiceAccessOperations(verbs.service_access).table(),
        **EmptyLists(verbs.users).table(),
    }
