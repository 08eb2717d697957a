"""The pages of a registry's signing configuration: its rules, the form that replaces them, and their deletion."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from twinport.console import bounds, commands, words
from twinport.console.pages import address, fingerprint, refused, require_confirmation, require_unchanged, verb
from twinport.console.routes import Route
from twinport.console.visits import Fields, Page, Redirect, Result, Visit
from twinport.errors import Refusal
from twinport.model.signing import SigningConfiguration, SigningRule
from twinport.refusals.images import SigningConfigurationNotFound
from twinport.registry.expected import Expected
from twinport.registry.signing import FAILURE_CODE, FAILURE_REASON, Signing

MOST_RULES = 10
_BLANKS = 2
_SECTION = "registry"
_FILTERS_SHOWN = 10
_DONE = {
    "saved": "The configuration is saved. It applies to images that are pushed from now on.",
    "deleted": "The configuration was deleted: no image has a signing status any more.",
}


@dataclass(frozen=True, slots=True)
class RuleFields:
    """A rule as typed: the ARN of a profile, and filters separated by blanks, commas or line ends."""

    profile: str = ""
    filters: str = ""

    @classmethod
    def of(cls, rule: SigningRule) -> "RuleFields":
        return cls(rule.profile, "\n".join(rule.filters))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each for each in re.split(r"[,\s]+", self.filters) if each))

    def members(self) -> Mapping[str, Any]:
        filters = [{"filter": each, "filterType": "WILDCARD_MATCH"} for each in self.names]
        return {"signingProfileArn": self.profile, **({"repositoryFilters": filters} if filters else {})}


@dataclass(frozen=True, slots=True)
class SigningFields:
    rules: tuple[RuleFields, ...] = ()

    @classmethod
    def of(cls, configuration: SigningConfiguration) -> "SigningFields":
        return cls(tuple(RuleFields.of(rule) for rule in configuration.rules))

    @classmethod
    def parse(cls, form: Fields) -> "SigningFields":
        """Read the rules, without empty ones."""
        pairs = zip(form.all("profile"), form.all("filters"), strict=False)
        return cls(tuple(RuleFields(*pair) for pair in pairs if any(pair)))

    @property
    def shown(self) -> Sequence[RuleFields]:
        """Return the rules that the form has, and some empty ones after them."""
        kept = self.rules[:MOST_RULES]
        return (*kept, *[RuleFields()] * min(_BLANKS, MOST_RULES - len(kept)))

    @property
    def fits_a_page(self) -> bool:
        return len(escape("".join(rule.profile + rule.filters for rule in self.rules))) <= bounds.MOST_ON_A_PAGE

    def members(self) -> Mapping[str, Any]:
        return {"rules": [rule.members() for rule in self.rules]}

    def configuration(self) -> SigningConfiguration:
        return SigningConfiguration(tuple(SigningRule(rule.profile, rule.names) for rule in self.rules))


@dataclass(frozen=True, slots=True)
class SigningPages:
    signing: Signing

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/signing"
        return (
            Route("GET", base, self.show),
            Route("GET", f"{base}/edit", self.edit),
            Route("POST", f"{base}/edit", self.save),
            Route("GET", f"{base}/delete", self.ask_to_delete),
            Route("POST", f"{base}/delete", self.delete),
        )

    async def show(self, visit: Visit) -> Page:
        found = await self._found(visit)
        values = {
            "exists": found is not None,
            "rules": _rows(found or SigningConfiguration()),
            "code": FAILURE_CODE,
            "reason": FAILURE_REASON,
            "done": _DONE.get(visit.query.one("done"), ""),
            "command": commands.ecr(visit).line("ecr get-signing-configuration"),
        }
        return Page("signing.html", "Signing configuration", _SECTION, values)

    async def edit(self, visit: Visit) -> Page:
        found = await self._found(visit)
        return _form(visit, SigningFields.of(found or SigningConfiguration()), fingerprint(_text(found)))

    async def save(self, visit: Visit) -> Result:
        typed, seen = SigningFields.parse(visit.form), visit.form.one("seen")
        if visit.form.one("go") == "more":
            return _form(visit, typed, seen)
        try:
            before = await self._found(visit)
            require_unchanged(visit, _text(before))
            bounds.check("PutSigningConfiguration", {"signingConfiguration": typed.members()})
            await self.signing.put(visit.caller, visit.registry, typed.configuration(), Expected(before))
        except Refusal as refusal:
            return refused(_form(visit, typed, seen), refusal)
        return Redirect(address(f"{visit.home}/signing", done="saved"))

    async def ask_to_delete(self, visit: Visit) -> Page:
        found = await self.signing.get(visit.caller, visit.registry)
        values = {
            "rules": _rows(found),
            "seen": fingerprint(_text(found)),
            "command": commands.ecr(visit).line("ecr delete-signing-configuration"),
            "problem": None,
        }
        return Page("signing_delete.html", "Delete signing configuration", _SECTION, values)

    async def delete(self, visit: Visit) -> Result:
        try:
            require_confirmation(visit, visit.region)
            before = await self._found(visit)
            require_unchanged(visit, _text(before))
            await self.signing.delete(visit.caller, visit.registry, Expected(before))
        except Refusal as refusal:
            return refused(await self.ask_to_delete(visit), refusal)
        return Redirect(address(f"{visit.home}/signing", done="deleted"))

    async def _found(self, visit: Visit) -> SigningConfiguration | None:
        try:
            return await self.signing.get(visit.caller, visit.registry)
        except SigningConfigurationNotFound:
            return None


def _form(visit: Visit, fields: SigningFields, seen: str) -> Page:
    fits = fields.fits_a_page
    values = {
        "rules": fields.shown if fits else (),
        "fits": fits,
        "can_grow": len(fields.rules) + _BLANKS <= MOST_RULES,
        "seen": seen,
        "verb": verb(seen),
        "problem": None,
        "command": commands.ecr(visit).line(
            "ecr put-signing-configuration", signing_configuration="file://configuration.json"
        ),
    }
    return Page("signing_edit.html", f"{verb(seen)} signing configuration", _SECTION, values)


def _rows(configuration: SigningConfiguration) -> list[tuple[str, tuple[str, ...], int, str]]:
    """Return for each rule its profile, the first filters, how many others there are, and since when it holds."""
    return [
        (
            rule.profile,
            rule.filters[:_FILTERS_SHOWN],
            max(0, len(rule.filters) - _FILTERS_SHOWN),
            words.time(rule.since),
        )
        for rule in configuration.rules
    ]


def _text(found: SigningConfiguration | None) -> str:
    return "" if found is None else json.dumps(SigningFields.of(found).members())
