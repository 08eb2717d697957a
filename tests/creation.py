"""What creates repositories by templates, for tests of doors and of replication."""

from tests.fakes import OTHER_REGION, REGION
from twinport.access.gate import Gate
from twinport.access.policy_gate import PolicyGate
from twinport.access.policy_library import PolicyLibrary
from twinport.access.template_roles import TemplateRoles
from twinport.catalog.ports import Catalog
from twinport.clock import Clock
from twinport.policies.aws_managed import AwsPolicies
from twinport.registry.create_on_push import CreateOnPush


def template_roles(catalog: Catalog, gate: Gate) -> TemplateRoles:
    """Return roles that real policies trust, and that `gate` decides about."""
    return TemplateRoles(catalog, gate, PolicyGate(catalog, PolicyLibrary(catalog, AwsPolicies())))


def create_on_push(catalog: Catalog, gate: Gate, world: Clock) -> CreateOnPush:
    return CreateOnPush(gate, catalog, template_roles(catalog, gate), world, (REGION, OTHER_REGION))
