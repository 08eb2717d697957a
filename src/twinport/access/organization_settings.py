"""The organization of the settings file: read once at the start; every problem is reported together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twinport.errors import ConfigurationWrong
from twinport.model.names import AccountId, is_account_id
from twinport.policies.documents import Policy, PolicyKind, parse
from twinport.policies.organization import NO_ORGANIZATION, Organization, Place
from twinport.refusals.identities import PolicyMalformed
from twinport.settings.organization_table import OrganizationTable

# AWS attaches this policy to every root, unit and account from the start, until other policies replace it.
FULL_ACCESS = "FullAWSAccess"
_FULL_ACCESS = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_MOST_ATTACHED = 5
_DEEPEST = 5
_ID = re.compile(r"o-[a-z0-9]{10,32}")
_ROOT = re.compile(r"r-[0-9a-z]{4,32}")
_UNIT = re.compile(r"ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")
_ATTACHED = {"service_control", "resource_control"}
_MEMBERS = {"id", "management", "root", "unit", "account", *_ATTACHED}
_UNIT_MEMBERS = {"id", "parent", *_ATTACHED}
_ACCOUNT_MEMBERS = {"id", "unit", *_ATTACHED}


def organization(written: OrganizationTable | None) -> Organization:
    """Read the table `[organization]` and the documents that it refers to. Raises ConfigurationWrong."""
    if written is None:
        return NO_ORGANIZATION
    reading = _Reading(written.folder)
    found = reading.organization(written.table)
    if reading.problems:
        raise ConfigurationWrong(reading.problems)
    return found


@dataclass(frozen=True, slots=True)
class _Level:
    """The policies attached at one place, and the place above it (nothing is above the root)."""

    id: str
    parent: str | None
    service_control: tuple[Policy, ...]
    resource_control: tuple[Policy, ...]


@dataclass(slots=True)
class _Reading:
    """One reading of the table, and the problems found in it."""

    folder: Path
    problems: list[str] = field(default_factory=list)

    def organization(self, table: Mapping[str, object]) -> Organization:
        self._know(table, _MEMBERS, "organization")
        org = self._text(table, "id", _ID, "organization")
        management = self._text(table, "management", None, "organization")
        root = self._text({"root": "r-root", **table}, "root", _ROOT, "organization")
        levels = {root: self._level(table, root, None, "organization")}
        for unit in self._tables(table, "unit"):
            level = self._unit(unit, root)
            if level.id in levels:
                self.problems.append(f"'organization.unit' '{level.id}' is written twice")
            levels[level.id] = level
        places = self._places(table, org, root, levels)
        if not is_account_id(management):
            self.problems.append(f"'organization.management' is '{management[:64]}': twelve digits are needed")
        elif management not in places:
            places[AccountId(management)] = _place(org, [levels[root]])
        return Organization(org, AccountId(management), places)

    def _places(
        self, table: Mapping[str, object], org: str, root: str, levels: dict[str, _Level]
    ) -> dict[AccountId, Place]:
        above = {name: self._chain(name, levels) for name in levels}
        places: dict[AccountId, Place] = {}
        for account in self._tables(table, "account"):
            name = self._account(account)
            if name in places:
                self.problems.append(f"'organization.account' '{name}' is written twice")
            unit = self._text({"unit": root, **account}, "unit", None, f"organization.account {name}")
            if unit not in levels:
                self.problems.append(f"'organization.account' '{name}' is in '{unit[:64]}', which is no unit")
            own = self._level(account, name, unit, f"organization.account {name}")
            places[name] = _place(org, [*above.get(unit, []), own])
        return places

    def _chain(self, name: str, levels: dict[str, _Level]) -> list[_Level]:
        """Return a place with everything above it, root first."""
        chain: list[_Level] = []
        above: str | None = name
        while above is not None and len(chain) <= _DEEPEST:
            level = levels.get(above)
            if level is None:
                self.problems.append(f"'organization.unit' '{name}' is beneath '{above[:64]}', which is no unit")
                return []
            chain.insert(0, level)
            above = level.parent
        if above is not None:
            self.problems.append(f"'organization.unit' '{name}' is deeper than {_DEEPEST} units, or beneath itself")
        return chain

    def _unit(self, unit: Mapping[str, object], root: str) -> _Level:
        self._know(unit, _UNIT_MEMBERS, "organization.unit")
        name = self._text(unit, "id", _UNIT, "organization.unit")
        parent = self._text({"parent": root, **unit}, "parent", None, f"organization.unit {name}")
        return self._level(unit, name, parent, f"organization.unit {name}")

    def _account(self, account: Mapping[str, object]) -> AccountId:
        self._know(account, _ACCOUNT_MEMBERS, "organization.account")
        name = self._text(account, "id", None, "organization.account")
        if not is_account_id(name):
            self.problems.append(f"'organization.account.id' is '{name[:64]}': twelve digits are needed")
        return AccountId(name)

    def _level(self, table: Mapping[str, object], name: str, parent: str | None, where: str) -> _Level:
        return _Level(
            name,
            parent,
            self._policies({"service_control": [FULL_ACCESS], **table}, PolicyKind.SERVICE_CONTROL, where),
            self._policies({"resource_control": [], **table}, PolicyKind.RESOURCE_CONTROL, where),
        )

    def _policies(self, table: Mapping[str, object], kind: PolicyKind, where: str) -> tuple[Policy, ...]:
        member = kind.value.replace("-", "_")
        given = table[member]
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
            self.problems.append(f"'{where}.{member}': a list of files is needed, not {given!r}")
            return ()
        if len(given) > _MOST_ATTACHED:
            self.problems.append(f"'{where}.{member}': at most {_MOST_ATTACHED} policies may be attached at one place")
        found = [self._policy(each, kind, where) for each in given]
        return tuple(policy for policy in found if policy is not None)

    def _policy(self, name: str, kind: PolicyKind, where: str) -> Policy | None:
        if name == FULL_ACCESS and kind is PolicyKind.SERVICE_CONTROL:
            return parse(_FULL_ACCESS, kind)
        path = self.folder / name
        try:
            return parse(path.read_text("utf-8"), kind)
        except OSError as error:
            self.problems.append(f"'{where}': {path}: cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self.problems.append(f"'{where}': {path}: is not text")
        except PolicyMalformed as error:
            self.problems.append(f"'{where}': {path}: {error.message}")
        return None

    def _tables(self, table: Mapping[str, object], member: str) -> list[Mapping[str, object]]:
        given = table.get(member, [])
        if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
            self.problems.append(f"'organization.{member}': tables [[organization.{member}]] are needed")
            return []
        return given

    def _text(self, table: Mapping[str, object], member: str, form: re.Pattern[str] | None, where: str) -> str:
        given = table.get(member)
        if not isinstance(given, str) or not given:
            self.problems.append(f"'{where}.{member}' is needed, as text")
            return ""
        if form is not None and not form.fullmatch(given):
            self.problems.append(f"'{where}.{member}' is '{given[:64]}': it must be of the form {form.pattern}")
        return given

    def _know(self, table: Mapping[str, object], known: set[str], where: str) -> None:
        for name in sorted(table.keys() - known):
            self.problems.append(f"'{where}.{name}' is not a setting: use one of {', '.join(sorted(known))}")


def _place(org: str, levels: list[_Level]) -> Place:
    above = [level.id for level in levels if not is_account_id(level.id)]
    return Place(
        path="".join(f"{name}/" for name in (org, *above)),
        service_control=tuple(level.service_control for level in levels),
        resource_control=tuple(policy for level in levels for policy in level.resource_control),
    )
