"""The composition root of `twinport why`: opens the databases of the settings, and asks the gate for the reason."""

from dataclasses import dataclass

from twinport.access.authorization_requests import AuthorizationRequests, mistakes
from twinport.access.gate import Context
from twinport.access.organization_settings import organization
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.clock import WallClock, WorldClock
from twinport.composition.databases import join_catalog
from twinport.model.names import RegionName, region_name
from twinport.model.regions import DEFAULT_REGIONS
from twinport.policies.aws_managed import AwsPolicies
from twinport.policies.explanation import Explanation
from twinport.refusals.identities import PrincipalNotAsked
from twinport.settings.loading import Settings

__all__ = ["Asked", "mistakes", "why"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question by the names of its principal and resource. Without `region`, it is about the first served Region."""

    principal: str
    action: str
    resource: str
    context: Context
    region: str | None = None


async def why(settings: Settings, asked: Asked) -> Explanation:
    """Explain the gate's current decision. Writes nothing.

    Raises what `join_catalog` does, PrincipalNotAsked, ResourceNotAsked, PolicyMalformed.
    """
    world = WorldClock(WallClock())
    catalog = join_catalog(settings, world)
    try:
        gate = PolicyGate(catalog, PolicyLibrary(catalog, AwsPolicies()), organization(settings.organization))
        requests = AuthorizationRequests(catalog, world)
        caller = await requests.caller(asked.principal, _region(settings, asked), secure=_is_secure(settings))
        resource = await requests.resource(asked.action, asked.resource, caller)
        found = await gate.explain(caller, asked.action, resource, asked.context)
    finally:
        catalog.close()
    if found is None:
        raise PrincipalNotAsked(asked.principal, "does not exist any more")
    return found


def _region(settings: Settings, asked: Asked) -> RegionName:
    """Return the Region of the question: the named one, the resource's, or the first."""
    parts = asked.resource.split(":")
    of_resource = parts[3] if asked.resource.startswith("arn:") and len(parts) > 3 else ""  # noqa: PLR2004
    return region_name(asked.region or of_resource or (*settings.regions, *DEFAULT_REGIONS)[0])


def _is_secure(settings: Settings) -> bool:
    return settings.has_tls or (settings.public_url or "").startswith("https://")
