"""Builds what authenticates callers and decides what they may do."""

from dataclasses import dataclass

from twinport.access.authentication import Authenticator
from twinport.access.basic_keys import BasicKeys
from twinport.access.lane_sessions import LaneSessions
from twinport.access.organization_settings import organization
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.access.principals import Principals
from twinport.access.role_sessions import RoleSessions
from twinport.access.sessions import Sessions
from twinport.access.tokens import RegionKeys, RegistryTokens
from twinport.access.uses import Uses
from twinport.clock import WallClock
from twinport.composition.ground import Ground
from twinport.composition.late import LateTokens, issuer_keys
from twinport.identities.assumptions import Assumptions
from twinport.identities.authorization_messages import AuthorizationMessages, Decoding
from twinport.identities.key_owners import KeyOwners
from twinport.identities.own_sessions import OwnSessions
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.identities.web_identities import WebIdentities
from twinport.policies.aws_managed import AwsPolicies
from twinport.sts import door as sts


@dataclass(frozen=True, slots=True)
class Access:
    """The parts that authenticate callers and decide what they may do."""

    gate: PolicyGate
    principals: Principals
    uses: Uses
    authenticator: Authenticator
    sessions: Sessions
    lane_sessions: LaneSessions
    keys: RegionKeys
    tokens: RegistryTokens
    roles: ServiceLinkedRoles
    sts_verbs: sts.Verbs


def access_of(ground: Ground, gate_class: type[PolicyGate]) -> Access:
    """Build the parts that authenticate and decide. `gate_class` may be a gate that also records its calls."""
    library = PolicyLibrary(ground.catalog, AwsPolicies())
    messages = AuthorizationMessages(ground.sealer)
    gate = gate_class(ground.catalog, library, organization(ground.settings.organization), messages.encode)
    sessions = Sessions(ground.unguarded, ground.sealer, ground.world)
    principals = Principals(ground.catalog, ground.sealer, ground.world, ground.settings.opening)
    uses = Uses(ground.catalog)
    keys = RegionKeys(ground.unguarded, ground.sealer, ground.world, ground.regions)
    return Access(
        gate=gate,
        principals=principals,
        uses=uses,
        authenticator=Authenticator(principals, sessions, WallClock(), ground.regions),
        sessions=sessions,
        lane_sessions=LaneSessions(sessions, ground.world),
        keys=keys,
        tokens=RegistryTokens(keys, principals, ground.world, uses),
        roles=ServiceLinkedRoles(ground.catalog, gate, ground.world),
        sts_verbs=_sts_verbs(ground, gate, sessions, messages),
    )


def _sts_verbs(ground: Ground, gate: PolicyGate, sessions: Sessions, messages: AuthorizationMessages) -> sts.Verbs:
    catalog, world, wall = ground.catalog, ground.world, WallClock()
    of_roles = RoleSessions(gate.library, sessions, world)
    keys = issuer_keys(ground.settings, wall)
    return sts.Verbs(
        assumptions=Assumptions(gate, of_roles),
        web_identities=WebIdentities(catalog, keys, LateTokens(), gate, of_roles, wall),
        own_sessions=OwnSessions(gate, gate.library, sessions, world),
        key_owners=KeyOwners(catalog, gate),
        decoding=Decoding(gate, messages),
    )


def basic_credentials(ground: Ground, access: Access) -> RegistryTokens | BasicKeys:
    """Return what reads the credentials under `/v2/`: tokens, or access keys too where the operator allows it."""
    if not ground.settings.basic_access_keys:
        return access.tokens
    return BasicKeys(access.tokens, access.principals, access.gate, ground.home)
