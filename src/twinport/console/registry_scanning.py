"""The page of a registry's scanning configuration."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from twinport.console import bounds, commands
from twinport.console.pages import address, fingerprint, refused, require_unchanged
from twinport.console.routes import Route
from twinport.console.visits import Fields, Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.scanning import ScanFrequency, ScanningConfiguration, ScanningRule, ScanType
from twinport.registry.expected import Expected
from twinport.registry.scanning import Scanning

MOST_RULES = 2
_PUT = "PutRegistryScanningConfiguration"
_DONE = {"saved": "The configuration is saved. It applies to images that are pushed from now on."}
# Two rules with a hundred filters of the greatest length each fit.
_MOST_ECHOED = 28_000


@dataclass(frozen=True, slots=True)
class RuleFields:
    """A rule as typed: its frequency, and filters separated by blanks, commas or line ends."""

    frequency: str = ScanFrequency.SCAN_ON_PUSH.value
    filters: str = ""

    @classmethod
    def of(cls, rule: ScanningRule) -> "RuleFields":
        return cls(rule.frequency.value, "\n".join(rule.filters))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for each in re.split(r"[,\s]+", self.filters) if each))


@dataclass(frozen=True, slots=True)
class ScanningFields:
    scan_type: str
    rules: tuple[RuleFields, ...]

    @classmethod
    def of(cls, scanning: ScanningConfiguration) -> "ScanningFields":
        return cls(scanning.scan_type.value, tuple(RuleFields.of(rule) for rule in scanning.rules))

    @classmethod
    def parse(cls, form: Fields) -> "ScanningFields":
        numbers = range(1, MOST_RULES + 1)
        rules = [RuleFields(form.one(f"frequency{number}"), form.one(f"filters{number}")) for number in numbers]
        return cls(form.one("type"), tuple(rules))

    @property
    def shown(self) -> Sequence[RuleFields]:
        """Return the rules that the form has, with empty ones up to as many as there may be."""
        blanks = [RuleFields()] * (MOST_RULES - len(self.rules))
        return [RuleFields(each.frequency, bounds.cut(each.filters, _MOST_ECHOED)) for each in (*self.rules, *blanks)]

    def members(self) -> Mapping[str, Any]:
        """Return the input of the operation. A rule without filters would apply to nothing, and is left out."""
        return {
            "scanType": self.scan_type,
            "rules": [
                {
                    "scanFrequency": rule.frequency,
                    "repositoryFilters": [{"filter": each, "filterType": "WILDCARD"} for each in rule.names],
                }
                for rule in self.rules
                if rule.names
            ],
        }

    def configuration(self) -> ScanningConfiguration:
        """Return the configuration. The members must be ones that the operation takes."""
        rules = [ScanningRule(ScanFrequency(rule.frequency), rule.names) for rule in self.rules if rule.names]
        return ScanningConfiguration(ScanType(self.scan_type), tuple(rules))


@dataclass(frozen=True, slots=True)
class RegistryScanningPages:
    scanning: Scanning

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/scanning"
        return (Route("GET", base, self.show), Route("POST", base, self.save))

    async def show(self, visit: Visit) -> Page:
        fields = ScanningFields.of(await self.scanning.configuration(visit.caller, visit.registry))
        return _form(visit, fields, _mark(fields))

    async def save(self, visit: Visit) -> Result:
        typed = ScanningFields.parse(visit.form)
        try:
            before = await self.scanning.configuration(visit.caller, visit.registry)
            require_unchanged(visit, json.dumps(ScanningFields.of(before).members()))
            bounds.check(_PUT, typed.members())
            await self.scanning.put_configuration(visit.caller, visit.registry, typed.configuration(), Expected(before))
        except Refusal as refusal:
            return refused(_form(visit, typed, visit.form.one("seen")), refusal)
        return Redirect(address(f"{visit.home}/scanning", done="saved"))


def _form(visit: Visit, fields: ScanningFields, seen: str) -> Page:
    values = {
        "fields": fields,
        "seen": seen,
        "done": _DONE.get(visit.query.one("done"), ""),
        "problem": None,
        "command": commands.ecr(visit).line(
            "ecr put-registry-scanning-configuration", scan_type=fields.scan_type[:20], rules="file://rules.json"
        ),
    }
    return Page("scanning.html", "Scanning configuration", "registry", values)


def _mark(fields: ScanningFields) -> str:
    return fingerprint(json.dumps(fields.members()))
