"""The page of the private registry: its settings and their current state."""

from dataclasses import dataclass

from twinport.console import commands
from twinport.console.routes import Route
from twinport.console.visits import Page, Visit
from twinport.errors import AccessDenied
from twinport.refusals.images import RegistryPolicyNotFound
from twinport.registry.policies import RegistryPolicies
from twinport.registry.replication import Replication


@dataclass(frozen=True, slots=True)
class PrivateRegistryPages:
    replication: Replication
    policies: RegistryPolicies

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/console/{region}/registry", self.show),)

    async def show(self, visit: Visit) -> Page:
        values = {
            "replication": await self._replication(visit),
            "permissions": await self._permissions(visit),
            "command": commands.ecr(visit).line("ecr describe-registry"),
        }
        return Page("registry.html", "Private registry", "registry", values)

    async def _replication(self, visit: Visit) -> str:
        try:
            rules = len((await self.replication.describe(visit.caller, visit.registry)).rules)
        except AccessDenied as refusal:
            return refusal.message
        return {0: "No rules: images are not replicated.", 1: "1 rule."}.get(rules, f"{rules} rules.")

    async def _permissions(self, visit: Visit) -> str:
        try:
            await self.policies.get(visit.caller, visit.registry)
        except RegistryPolicyNotFound:
            return "No policy: no other account may replicate into this registry."
        except AccessDenied as refusal:
            return refusal.message
        return "A policy allows other accounts."
