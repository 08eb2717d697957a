"""A form of the console changes nothing when another writer comes between its comparison and its transaction."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar, cast

import pytest

from tests.catalogs import ENGINES, emptied
from tests.fakes import ACCOUNT, NOW, OTHER_REGION, REGION, REGISTRY, AllowAll, caller
from tests.registry.test_policies import OPEN, Foreseen
from twinport.catalog.ports import Connection, Database, PartitionDatabase, WholeCatalog
from twinport.clock import ManualClock
from twinport.console.account_settings import AccountSettingPages
from twinport.console.creation_templates import CreationTemplatePages
from twinport.console.lifecycle import LifecyclePages
from twinport.console.permissions import PermissionPages
from twinport.console.registry_scanning import RegistryScanningPages
from twinport.console.replication import ReplicationPages
from twinport.console.repository_policy import RepositoryPolicyPages
from twinport.console.repository_settings import RepositorySettingsPages
from twinport.console.signing import SigningPages
from twinport.console.visits import Fields, Page, Result, Visit
from twinport.errors import Refusal
from twinport.identities.explanations import Explanations
from twinport.identities.roles import Roles
from twinport.identities.service_linked_roles import ServiceLinkedRoles
from twinport.model.creation_templates import AppliedFor, CreationTemplate, TemplateChanges
from twinport.model.entities import Role
from twinport.model.identities import Caller
from twinport.model.images import Mutability, NewRepository, TagRule
from twinport.model.names import RegionName, Registry, RepositoryName
from twinport.model.replication import ReplicationConfiguration, ReplicationRule
from twinport.model.scanning import ScanFrequency, ScanningConfiguration, ScanningRule, ScanType
from twinport.model.signing import SigningConfiguration, SigningRule
from twinport.refusals.identities import EntityNotFound
from twinport.registry.account_settings import AccountSettings
from twinport.registry.creation_templates import CreationTemplates
from twinport.registry.lifecycle import LifecyclePolicies, LifecyclePreviews
from twinport.registry.paging import PageRequest
from twinport.registry.policies import Lockout, RegistryPolicies, RepositoryPolicies
from twinport.registry.replication import Replication
from twinport.registry.repositories import Repositories
from twinport.registry.scanning import Scanning
from twinport.registry.signing import Signing
from twinport.settings.storage import EncryptionAtRest

T = TypeVar("T")
Work = Callable[[], Awaitable[object]]
ME, API = caller(), RepositoryName("team/api")
PROFILE = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/"


@dataclass
class Meanwhile:
    """A catalog: before the next transaction in one of its Regions, another writer does its work."""

    catalog: WholeCatalog
    work: Work | None = None

    @property
    def partition(self) -> PartitionDatabase:
        return self.catalog.partition

    def region(self, name: RegionName) -> Database:
        return Between(self.catalog.region(name), self)

    async def regions(self) -> list[RegionName]:
        return await self.catalog.regions()

    def now(self, db: Connection) -> datetime:
        return self.catalog.now(db)


@dataclass(frozen=True)
class Between:
    database: Database
    meanwhile: Meanwhile

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        work, self.meanwhile.work = self.meanwhile.work, None
        if work is not None:
            await work()
        return await self.database.write(transaction)


@dataclass(frozen=True)
class Case:
    """A form: `first` writes what it shows, `second` is the other writer, and `now` reads the document."""

    first: Work
    second: Work
    now: Work
    ask: Callable[[Visit], Awaitable[Page]]
    send: Callable[[Visit], Awaitable[Result]]
    fields: Mapping[str, str] = field(default_factory=dict)
    mark: str = "seen"


class NoRoles:
    async def get(self, caller: Caller, name: str) -> Role:
        del caller
        raise EntityNotFound("role", name)


@dataclass(frozen=True)
class Place:
    """The verbs of the other writer on `catalog`, and those of the console on `slow`."""

    catalog: WholeCatalog
    slow: Meanwhile

    def registry_policy(self, send: str) -> Case:
        other = RegistryPolicies(AllowAll(), self.catalog)
        pages = PermissionPages(RegistryPolicies(AllowAll(), self.slow))
        ask, act = {
            "save": (pages.edit, pages.save),
            "delete": (pages.ask_to_delete, pages.delete),
            "add": (pages.generate, pages.add),
        }[send]
        fields = {"policy": _registry_policy("Third"), "confirmation": REGION, "sid": "Fourth"}
        return Case(
            lambda: other.put(ME, REGISTRY, _registry_policy("First")),
            lambda: other.put(ME, REGISTRY, _registry_policy("Second")),
            lambda: other.get(ME, REGISTRY),
            ask,
            act,
            {**fields, "accounts": "444455556666"},
        )

    def repository_policy(self, send: str) -> Case:
        other = RepositoryPolicies(AllowAll(), Foreseen(allowed=True), self.catalog)
        verbs = RepositoryPolicies(AllowAll(), Foreseen(allowed=True), self.slow)
        pages = RepositoryPolicyPages(verbs, cast("Explanations", None))
        ask, act = (pages.edit, pages.save) if send == "save" else (pages.ask_to_delete, pages.delete)
        first, second = OPEN, OPEN.replace("BatchGetImage", "PutImage")
        return Case(
            lambda: other.put(ME, REGISTRY.repository(API), first, Lockout.ACCEPTED),
            lambda: other.put(ME, REGISTRY.repository(API), second, Lockout.ACCEPTED),
            lambda: other.get(ME, REGISTRY.repository(API)),
            ask,
            act,
            {"repository": API, "policy": OPEN.replace("BatchGetImage", "ListImages"), "confirmation": API},
        )

    def lifecycle(self, send: str) -> Case:
        other = LifecyclePolicies(AllowAll(), self.catalog, lambda: None)
        verbs = LifecyclePolicies(AllowAll(), self.slow, lambda: None)
        pages = LifecyclePages(verbs, LifecyclePreviews(AllowAll(), self.slow, lambda: None))
        ask, act = (pages.edit, pages.save) if send == "save" else (pages.ask_to_delete, pages.delete)

        async def text() -> str:
            return (await other.get(ME, REGISTRY.repository(API))).text

        return Case(
            lambda: other.put(ME, REGISTRY.repository(API), _keeping(1)),
            lambda: other.put(ME, REGISTRY.repository(API), _keeping(2)),
            text,
            ask,
            act,
            {"repository": API, "policy": _keeping(3), "confirmation": API},
        )

    def signing(self, send: str) -> Case:
        other = Signing(AllowAll(), self.catalog)
        pages = SigningPages(Signing(AllowAll(), self.slow))
        ask, act = (pages.edit, pages.save) if send == "save" else (pages.ask_to_delete, pages.delete)

        def rules(name: str) -> SigningConfiguration:
            return SigningConfiguration((SigningRule(PROFILE + name, ("*",)),))

        return Case(
            lambda: other.put(ME, REGISTRY, rules("First")),
            lambda: other.put(ME, REGISTRY, rules("Second")),
            lambda: other.get(ME, REGISTRY),
            ask,
            act,
            {"profile": PROFILE + "Third", "filters": "*", "confirmation": REGION},
        )

    def scanning(self, _send: str) -> Case:
        other = Scanning(AllowAll(), self.catalog, lambda: None)
        pages = RegistryScanningPages(Scanning(AllowAll(), self.slow, lambda: None))

        def on(name: str) -> ScanningConfiguration:
            return ScanningConfiguration(ScanType.BASIC, (ScanningRule(ScanFrequency.SCAN_ON_PUSH, (name,)),))

        return Case(
            lambda: other.put_configuration(ME, REGISTRY, on("first")),
            lambda: other.put_configuration(ME, REGISTRY, on("second")),
            lambda: other.configuration(ME, REGISTRY),
            pages.show,
            pages.save,
            {"type": "BASIC", "frequency1": "SCAN_ON_PUSH", "filters1": "third"},
        )

    def account_setting(self, _send: str) -> Case:
        other = AccountSettings(AllowAll(), self.catalog)
        pages = AccountSettingPages(AccountSettings(AllowAll(), self.slow))
        name = "BLOB_MOUNTING"
        return Case(
            lambda: other.put(ME, REGISTRY, name, "ENABLED"),
            lambda: other.put(ME, REGISTRY, name, "DISABLED"),
            lambda: other.get(ME, REGISTRY, name),
            pages.edit,
            pages.save,
            {"name": name, "value": "DISABLED"},
        )

    def repository_settings(self, send: str) -> Case:
        rules, scans = _repositories(self.catalog), Scanning(AllowAll(), self.catalog, lambda: None)
        slow = _repositories(self.slow), Scanning(AllowAll(), self.slow, lambda: None)
        pages = RepositorySettingsPages(*slow, EncryptionAtRest.RECORD, None)

        async def put(mutability: Mutability, *, scan: bool) -> None:
            await rules.set_tag_rule(ME, REGISTRY.repository(API), TagRule(mutability))
            await scans.set_scan_on_push(ME, REGISTRY.repository(API), scan)

        fields = {"repository": API, "mutability": "MUTABLE", "filters": ""}
        return Case(
            lambda: put(Mutability.MUTABLE, scan=True),
            lambda: put(Mutability.IMMUTABLE, scan=False),
            lambda: rules.describe(ME, REGISTRY, [API]),
            pages.show,
            pages.set_mutability if send == "mutability" else pages.set_scanning,
            fields | ({"mutability": "MUTABLE_WITH_EXCLUSION", "filters": "v*"} if send == "mutability" else {}),
            "seen" if send == "mutability" else "seen_scans",
        )

    def template(self, send: str) -> Case:
        other, verbs = _templates(self.catalog), _templates(self.slow)
        pages = CreationTemplatePages(verbs, EncryptionAtRest.RECORD)
        ask, act = (pages.edit, pages.save) if send == "save" else (pages.ask_to_delete, pages.delete)
        fields = {"prefix": "prod", "applied": "REPLICATION", "encryption": "AES256", "mutability": "MUTABLE"}
        return Case(
            lambda: other.create(ME, REGISTRY, CreationTemplate("prod", (AppliedFor.REPLICATION,), policy=OPEN)),
            lambda: other.update(ME, REGISTRY, "prod", TemplateChanges(description="second")),
            lambda: other.list(ME, REGISTRY, None, PageRequest()),
            ask,
            act,
            {**fields, "description": "third", "confirmation": "prod"},
        )

    def replication(self, send: str) -> Case:
        other = _replication(self.catalog)
        pages = ReplicationPages(_replication(self.slow), cast("Roles", NoRoles()), (REGION, OTHER_REGION))
        ask, act = (
            (pages.ask_to_remove, pages.remove) if send == "remove" else (pages.ask_to_delete_all, pages.delete_all)
        )
        there = ReplicationRule((Registry(ACCOUNT, OTHER_REGION),))
        filtered = ReplicationRule((Registry(ACCOUNT, OTHER_REGION),), ("prod",))
        return Case(
            lambda: other.put(ME, REGISTRY, ReplicationConfiguration((there,))),
            lambda: other.put(ME, REGISTRY, ReplicationConfiguration((there, filtered))),
            lambda: other.describe(ME, REGISTRY),
            ask,
            act,
            {"rule": "1", "confirmation": REGION},
        )


def _repositories(catalog: WholeCatalog | Meanwhile) -> Repositories:
    return Repositories(AllowAll(), catalog, ManualClock(NOW), (REGION, OTHER_REGION))


def _templates(catalog: WholeCatalog | Meanwhile) -> CreationTemplates:
    roles = ServiceLinkedRoles(catalog, AllowAll(), ManualClock(NOW))
    return CreationTemplates(AllowAll(), catalog, roles, ManualClock(NOW), EncryptionAtRest.RECORD)


def _replication(catalog: WholeCatalog | Meanwhile) -> Replication:
    roles = ServiceLinkedRoles(catalog, AllowAll(), ManualClock(NOW))
    return Replication(AllowAll(), catalog, roles, (REGION, OTHER_REGION))


def _registry_policy(sid: str) -> str:
    return (
        f'{{"Version":"2012-10-17","Statement":[{{"Sid":"{sid}","Effect":"Allow","Principal":"*",'
        f'"Action":"ecr:ReplicateImage","Resource":"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"}}]}}'
    )


def _keeping(count: int) -> str:
    return (
        '{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","countType":"imageCountMoreThan",'
        f'"countNumber":{count}}},"action":{{"type":"expire"}}}}]}}'
    )


@pytest.fixture(params=ENGINES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    catalog = await emptied(request, tmp_path, ManualClock(NOW))
    await Repositories(AllowAll(), catalog, ManualClock(NOW), (REGION, OTHER_REGION)).create(
        ME, REGISTRY.repository(API), NewRepository()
    )
    yield Place(catalog, Meanwhile(catalog))
    catalog.close()


def visit(fields: Mapping[str, str]) -> Visit:
    given = Fields(tuple(fields.items()))
    return Visit("r-1", "/", REGION, {}, given, given, ME, "token", "http://localhost")


CASES = [
    (Place.registry_policy, "save"),
    (Place.registry_policy, "delete"),
    (Place.registry_policy, "add"),
    (Place.repository_policy, "save"),
    (Place.repository_policy, "delete"),
    (Place.lifecycle, "save"),
    (Place.lifecycle, "delete"),
    (Place.signing, "save"),
    (Place.signing, "delete"),
    (Place.scanning, "save"),
    (Place.account_setting, "save"),
    (Place.repository_settings, "mutability"),
    (Place.repository_settings, "scanning"),
    (Place.template, "save"),
    (Place.template, "delete"),
    (Place.replication, "remove"),
    (Place.replication, "delete all"),
]


@pytest.mark.parametrize(("make", "send"), CASES, ids=[f"{make.__name__}, {send}" for make, send in CASES])
async def test_a_writer_between_comparison_and_transaction_keeps_the_form_from_writing(
    place: Place, make: Callable[[Place, str], Case], send: str
) -> None:
    case = make(place, send)
    await case.first()
    seen = str((await case.ask(visit(case.fields))).values[case.mark])
    written = []

    async def second() -> None:
        await case.second()
        written.append(await case.now())

    place.slow.work = second
    answer = await case.send(visit({**case.fields, "seen": seen}))
    assert isinstance(answer, Page)
    assert answer.status == 409
    assert [await case.now()] == written


@pytest.mark.parametrize(("make", "send"), CASES, ids=[f"{make.__name__}, {send}" for make, send in CASES])
async def test_a_form_writes_when_no_writer_comes_between(
    place: Place, make: Callable[[Place, str], Case], send: str
) -> None:
    case = make(place, send)
    await case.first()
    seen = str((await case.ask(visit(case.fields))).values[case.mark])
    before = await case.now()
    answer = await case.send(visit({**case.fields, "seen": seen}))
    assert not isinstance(answer, Page), answer.values.get("problem")
    try:
        after = await case.now()
    except Refusal:
        after = None
    assert after != before
