"""The pages of a registry's replication: its rules, the wizard that adds a rule, and the removal of rules."""

import json
from collections.abc import Collection
from dataclasses import dataclass

from twinport.console import commands, regions, wizard
from twinport.console.pages import address, fingerprint, refused, require_confirmation, require_unchanged
from twinport.console.problems import problem_of
from twinport.console.routes import Route
from twinport.console.visits import Fields, Page, Redirect, Result, Visit
from twinport.console.wizard import Draft, Step
from twinport.errors import AccessDenied, Refusal
from twinport.identities.roles import Roles
from twinport.model.entities import Role
from twinport.model.identities import REPLICATION_ROLE
from twinport.model.names import RegionName, Registry
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.refusals.identities import EntityNotFound
from twinport.refusals.requests import PathUnknown
from twinport.registry.expected import Expected
from twinport.registry.replication import Replication

_SECTION = "registry"
_DONE = {
    "saved": "The rules are saved. They apply to images that are pushed from now on.",
    "created": f"The rules are saved, and the service-linked role {REPLICATION_ROLE} was created to replicate images.",
    "removed": "The rules were removed. Images that were copied before stay.",
}


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule on the page. `number` counts from one."""

    number: int
    destinations: tuple[tuple[str, str, bool], ...]
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplicationPages:
    replication: Replication
    roles: Roles
    known: Collection[RegionName]

    def routes(self) -> tuple[Route, ...]:
        base = "/console/{region}/replication"
        return (
            Route("GET", base, self.show),
            Route("GET", f"{base}/edit", self.edit),
            Route("GET", f"{base}/add", self.add),
            Route("POST", f"{base}/add", self.save),
            Route("GET", f"{base}/remove", self.ask_to_remove),
            Route("POST", f"{base}/remove", self.remove),
            Route("GET", f"{base}/delete-all", self.ask_to_delete_all),
            Route("POST", f"{base}/delete-all", self.delete_all),
        )

    async def show(self, visit: Visit) -> Page:
        return await self._overview(visit, "replication.html", "Replication configuration")

    async def edit(self, visit: Visit) -> Page:
        return await self._overview(visit, "replication_edit.html", "Edit replication configuration")

    async def _overview(self, visit: Visit, template: str, title: str) -> Page:
        configuration = await self.replication.describe(visit.caller, visit.registry)
        role, denied = await self._role(visit)
        values = {
            "rules": _rows(configuration, visit.registry),
            "can_add": len(configuration.rules) < wizard.MOST_RULES,
            "role": role,
            "role_denied": denied,
            "done": _DONE.get(visit.query.one("done"), ""),
            "problem": None,
            "json": json.dumps(commands.configuration_json(configuration), indent=2),
            "command": commands.ecr(visit).line("ecr describe-registry"),
        }
        return Page(template, title, _SECTION, values)

    # --- adding a rule ------------------------------------------------------------------------------------

    async def add(self, visit: Visit) -> Page:
        """Show the requested step, or the current step again if its input has problems."""
        draft, at = Draft.parse(visit.query), _step(visit.query.one("at"))
        wrong: list[str] = []
        match visit.query.one("go"):
            case "next":
                wrong = wizard.problems(draft, at, visit.registry, self.known)
                at = at if wrong else wizard.turn(draft, at, backwards=False)
            case "back":
                at = wizard.turn(draft, at, backwards=True)
            case _:
                pass
        if at is Step.REVIEW:
            return await self._review(visit, draft)
        return self._ask(visit, draft, at, wrong)

    async def save(self, visit: Visit) -> Result:
        draft = Draft.parse(visit.form)
        if (step := wizard.first_problem(draft, visit.registry, self.known)) is not None:
            return self._ask(visit, draft, step, wizard.problems(draft, step, visit.registry, self.known))
        before = await self.replication.describe(visit.caller, visit.registry)
        after = wizard.with_rule(before, draft.rule(visit.registry))
        try:
            require_unchanged(visit, _text(before))
            wizard.check_count(after)
            created = await self._put(visit, after, before)
        except Refusal as refusal:
            return refused(await self._review(visit, draft), refusal)
        return Redirect(address(f"{visit.home}/replication", done="created" if created else "saved"))

    def _ask(self, visit: Visit, draft: Draft, at: Step, wrong: list[str]) -> Page:
        ordered = regions.ordered(self.known)
        values = {
            "step": at.value,
            "progress": _progress(draft, at),
            "draft": draft,
            "hidden": draft.pairs(without=at),
            "wrong": wrong,
            "other_regions": [each for each in ordered if each.code != visit.region],
            "all_regions": ordered,
            "account_rows": _account_rows(draft, visit.query),
            "most_accounts": wizard.MOST_ACCOUNTS,
            "blank_filters": range(3 if not draft.filters else 1),
            "command": commands.ecr(visit).line(
                "ecr put-replication-configuration", replication_configuration="file://configuration.json"
            ),
        }
        status = 400 if wrong else 200
        return Page("replication_add.html", "Add replication rule", _SECTION, values, status)

    async def _review(self, visit: Visit, draft: Draft) -> Page:
        if (step := wizard.first_problem(draft, visit.registry, self.known)) is not None:
            return self._ask(visit, draft, step, wizard.problems(draft, step, visit.registry, self.known))
        before = await self.replication.describe(visit.caller, visit.registry)
        rule = draft.rule(visit.registry)
        after = wizard.with_rule(before, rule)
        values = {
            "progress": _progress(draft, Step.REVIEW),
            "hidden": draft.pairs(),
            "rule": _row(len(after.rules), rule, visit.registry),
            "existing": len(before.rules),
            "others": sorted({place.account for place in rule.destinations} - {visit.registry.account}),
            "seen": fingerprint(_text(before)),
            "json": json.dumps(commands.configuration_json(after), indent=2),
            "command": commands.put_replication(visit, after),
            "problem": None,
        }
        return Page("replication_review.html", "Review the replication rule", _SECTION, values)

    # --- removing rules -----------------------------------------------------------------------------------

    async def ask_to_remove(self, visit: Visit) -> Page:
        configuration = await self.replication.describe(visit.caller, visit.registry)
        number = _number(visit.query.one("rule"), configuration, visit)
        after = wizard.without_rule(configuration, number)
        values = {
            "rule": _row(number, configuration.rules[number - 1], visit.registry),
            "seen": fingerprint(_text(configuration)),
            "command": commands.put_replication(visit, after),
            "problem": None,
        }
        return Page("replication_remove.html", f"Remove rule {number}", _SECTION, values)

    async def remove(self, visit: Visit) -> Result:
        """Remove a rule; or show the rules again, since the number may be that of another one by now."""
        before = await self.replication.describe(visit.caller, visit.registry)
        try:
            require_unchanged(visit, _text(before))
            number = _number(visit.form.one("rule"), before, visit)
            after = wizard.without_rule(before, number)
            await self.replication.put(visit.caller, visit.registry, after, Expected(before))
        except Refusal as refusal:
            return refused(await self.edit(visit), refusal)
        return Redirect(address(f"{visit.home}/replication", done="removed"))

    async def ask_to_delete_all(self, visit: Visit) -> Page:
        configuration = await self.replication.describe(visit.caller, visit.registry)
        values = {
            "rules": _rows(configuration, visit.registry),
            "seen": fingerprint(_text(configuration)),
            "command": commands.put_replication(visit, ReplicationConfiguration()),
            "problem": None,
        }
        return Page("replication_delete_all.html", "Delete all replication rules", _SECTION, values)

    async def delete_all(self, visit: Visit) -> Result:
        try:
            require_confirmation(visit, visit.region)
            before = await self.replication.describe(visit.caller, visit.registry)
            require_unchanged(visit, _text(before))
            await self.replication.put(visit.caller, visit.registry, ReplicationConfiguration(), Expected(before))
        except Refusal as refusal:
            return refused(await self.ask_to_delete_all(visit), refusal)
        return Redirect(address(f"{visit.home}/replication", done="removed"))

    # --- the role -----------------------------------------------------------------------------------------

    async def _put(
        self, visit: Visit, configuration: ReplicationConfiguration, before: ReplicationConfiguration
    ) -> bool:
        """Save rules, and tell whether that created the role, if the visitor may see the role."""
        role, denied = await self._role(visit)
        await self.replication.put(visit.caller, visit.registry, configuration, Expected(before))
        return role is None and not denied

    async def _role(self, visit: Visit) -> tuple[Role | None, str]:
        """Return the role, or why it is not shown."""
        try:
            return await self.roles.get(visit.global_caller, REPLICATION_ROLE), ""
        except EntityNotFound:
            return None, ""
        except AccessDenied as refusal:
            return None, problem_of(refusal).message


def _step(text: str) -> Step:
    return next((step for step in Step if step.value == text), Step.TYPES)


def _progress(draft: Draft, at: Step) -> list[tuple[str, str]]:
    """Return the wizard's steps, each with its state: done, current or ahead."""
    order = list(Step)
    states = {-1: "done", 0: "current", 1: "ahead"}
    return [
        (_TITLES[step], states[(order.index(step) > order.index(at)) - (order.index(step) < order.index(at))])
        for step in wizard.steps(draft)
    ]


_TITLES = {
    Step.TYPES: "Destination types",
    Step.REGIONS: "Destination Regions",
    Step.ACCOUNTS: "Destination accounts",
    Step.FILTERS: "Filters",
    Step.REVIEW: "Review and submit",
}


def _account_rows(draft: Draft, query: Fields) -> list[wizard.AccountRow]:
    """Return a row for each given account, and a blank row if there is none or the visitor asked for one more."""
    blank = not draft.accounts or query.one("go") == "more"
    return [*draft.accounts, *([wizard.AccountRow("", ())] if blank else [])][: wizard.MOST_ACCOUNTS]


def _rows(configuration: ReplicationConfiguration, source: Registry) -> list[RuleRow]:
    return [_row(number, rule, source) for number, rule in enumerate(configuration.rules, 1)]


def _row(number: int, rule: ReplicationRule, source: Registry) -> RuleRow:
    places = tuple((place.region, place.account, place.account == source.account) for place in rule.destinations)
    return RuleRow(number, places, rule.prefixes)


def _number(text: str, configuration: ReplicationConfiguration, visit: Visit) -> int:
    number = int(text) if text.isdecimal() and len(text) < 4 else 0  # noqa: PLR2004 — there are ten rules at most
    if not 1 <= number <= len(configuration.rules):
        raise PathUnknown(visit.path)
    return number


def _text(configuration: ReplicationConfiguration) -> str:
    return json.dumps(commands.configuration_json(configuration))
