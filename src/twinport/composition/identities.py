"""Builds the verbs of IAM."""

from functools import partial

from twinport.composition.access import Access
from twinport.composition.ground import Ground
from twinport.iam import door as iam
from twinport.identities.access_keys import AccessKeys
from twinport.identities.account_facts import AccountFacts
from twinport.identities.account_report import AccountReport
from twinport.identities.boundaries import Boundaries
from twinport.identities.context_lookup import ContextLookup
from twinport.identities.credential_reports import CredentialReports
from twinport.identities.deletion import Deletions
from twinport.identities.entities import Entities
from twinport.identities.groups import Groups
from twinport.identities.instance_profiles import InstanceProfiles
from twinport.identities.login_profiles import LoginProfiles
from twinport.identities.managed_policies import ManagedPolicies
from twinport.identities.oidc_providers import OidcProviders
from twinport.identities.principal_policies import PrincipalPolicies
from twinport.identities.roles import Roles
from twinport.identities.service_access import ServiceAccess
from twinport.identities.simulations import Simulations
from twinport.identities.users import Users
from twinport.policies.aws_managed import AwsPolicies
from twinport.processes.wakeups import Topic


def identity_verbs(ground: Ground, access: Access) -> iam.Verbs:
    """Build the verbs of IAM."""
    catalog, world, aws = ground.catalog, ground.world, AwsPolicies()
    entities = Entities(catalog, access.gate)
    boundaries = Boundaries(catalog, entities, aws)
    return iam.Verbs(
        users=Users(catalog, entities, boundaries, world),
        boundaries=boundaries,
        keys=AccessKeys(catalog, entities, world, ground.sealer, access.uses),
        login_profiles=LoginProfiles(catalog, entities),
        groups=Groups(catalog, entities, world),
        roles=Roles(catalog, entities, boundaries, world, access.uses),
        service_linked_roles=access.roles,
        deletions=Deletions(catalog, access.gate, partial(ground.wakeups.ring, Topic.DELETIONS)),
        managed_policies=ManagedPolicies(catalog, entities, world, aws),
        principal_policies=PrincipalPolicies(catalog, entities, world, aws),
        instance_profiles=InstanceProfiles(catalog, entities, world),
        oidc_providers=OidcProviders(catalog, entities, world),
        account=AccountFacts(catalog, entities),
        report=AccountReport(catalog, entities, aws, access.uses),
        context_lookup=ContextLookup(catalog, entities, aws),
        credential_reports=CredentialReports(catalog, entities, access.uses, world),
        service_access=ServiceAccess(catalog, entities, aws, access.uses, world),
        simulations=Simulations(catalog, entities, access.gate.library, access.gate.organization),
    )
