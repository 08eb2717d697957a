"""The page of the private registry: its settings and their current state."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from twinport.console import commands
from twinport.console.account_settings import SETTINGS
from twinport.console.routes import Route
from twinport.console.visits import Page, Visit
from twinport.errors import AccessDenied
from twinport.model.scanning import ScanType
from twinport.refusals.images import RegistryPolicyNotFound, SigningConfigurationNotFound
from twinport.registry.account_settings import AccountSettings
from twinport.registry.creation_templates import CreationTemplates
from twinport.registry.paging import PageRequest
from twinport.registry.policies import RegistryPolicies
from twinport.registry.pull_time_exclusions import MOST_EXCLUSIONS, PullTimeExclusions
from twinport.registry.replication import Replication
from twinport.registry.scanning import Scanning
from twinport.registry.signing import Signing

_MOST_COUNTED = 10
# Each page that a card leads to, with its title and what it is for.
_CARDS = (
    (
        "replication",
        "Replication configuration",
        "The Regions and accounts to which images are replicated when they are pushed here.",
    ),
    ("replication/activity", "Replication activity", "Copies that wait or failed, with the reasons."),
    ("permissions", "Registry permissions", "The other accounts that may replicate into this registry."),
    (
        "templates",
        "Repository creation templates",
        "The settings of repositories that a push or a copy creates.",
    ),
    (
        "scanning",
        "Scanning configuration",
        "Which images are scanned, when, and how: basic or enhanced scanning.",
    ),
    (
        "signing",
        "Signing configuration",
        "The rules of managed signing, which are stored and sign nothing here.",
    ),
    (
        "account-settings",
        "Account settings",
        "Blob mounting, the scope of the registry policy, and the type of basic scans.",
    ),
    (
        "pull-time-exclusions",
        "Pull-time update exclusions",
        "The users and roles whose pulls do not count as use of an image.",
    ),
)


@dataclass(frozen=True, slots=True)
class Card:
    """A setting of the registry: the path of its page, what it is for, and its state in words, if it has one."""

    path: str
    title: str
    purpose: str
    state: str


@dataclass(frozen=True, slots=True)
class PrivateRegistryPages:
    replication: Replication
    policies: RegistryPolicies
    scanning: Scanning
    settings: AccountSettings
    exclusions: PullTimeExclusions
    signing: Signing
    templates: CreationTemplates

    def routes(self) -> tuple[Route, ...]:
        return (Route("GET", "/console/{region}/registry", self.show),)

    async def show(self, visit: Visit) -> Page:
        values = {
            "cards": await self._cards(visit),
            "command": commands.ecr(visit).line("ecr describe-registry"),
        }
        return Page("registry.html", "Private registry", "registry", values)

    async def _cards(self, visit: Visit) -> list[Card]:
        states = {
            "replication": self._replication,
            "permissions": self._permissions,
            "templates": self._templates,
            "scanning": self._scanning,
            "signing": self._signing,
            "account-settings": self._settings,
            "pull-time-exclusions": self._exclusions,
        }
        return [
            Card(path, title, purpose, await _state(states[path], visit) if path in states else "")
            for path, title, purpose in _CARDS
        ]

    async def _replication(self, visit: Visit) -> str:
        rules = len((await self.replication.describe(visit.caller, visit.registry)).rules)
        return {0: "No rules: images are not replicated.", 1: "1 rule."}.get(rules, f"{rules} rules.")

    async def _permissions(self, visit: Visit) -> str:
        try:
            await self.policies.get(visit.caller, visit.registry)
        except RegistryPolicyNotFound:
            return "No policy: no other account may replicate into this registry."
        return "A policy allows other accounts."

    async def _templates(self, visit: Visit) -> str:
        page = await self.templates.list(visit.caller, visit.registry, None, PageRequest(_MOST_COUNTED))
        count = f"{len(page.items)}{' or more' if page.token else ''}"
        return {"0": "No templates.", "1": "1 template."}.get(count, f"{count} templates.")

    async def _scanning(self, visit: Visit) -> str:
        found = await self.scanning.configuration(visit.caller, visit.registry)
        kind = "Enhanced" if found.scan_type is ScanType.ENHANCED else "Basic"
        return f"{kind} scanning, {_rules(len(found.rules))}."

    async def _signing(self, visit: Visit) -> str:
        try:
            found = await self.signing.get(visit.caller, visit.registry)
        except SigningConfigurationNotFound:
            return "No configuration."
        return f"{_rules(len(found.rules)).capitalize()}."

    async def _settings(self, visit: Visit) -> str:
        found = [
            f"{each.name}: {await self.settings.get(visit.caller, visit.registry, each.code)}" for each in SETTINGS
        ]
        return f"{'; '.join(found)}."

    async def _exclusions(self, visit: Visit) -> str:
        page = await self.exclusions.list(visit.caller, visit.registry, PageRequest(MOST_EXCLUSIONS))
        return {0: "No exclusions.", 1: "1 exclusion."}.get(len(page.items), f"{len(page.items)} exclusions.")


async def _state(words: Callable[[Visit], Awaitable[str]], visit: Visit) -> str:
    """Word the state of a setting, or say why the visitor may not see it."""
    try:
        return await words(visit)
    except AccessDenied as refusal:
        return refusal.message


def _rules(count: int) -> str:
    return {0: "no rules", 1: "1 rule"}.get(count, f"{count} rules")
