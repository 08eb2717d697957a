"""Scans are owed by pushes and requests, run beside them, and are found until their image goes."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import func, select

from tests.catalogs import TimedCatalog
from tests.fakes import OTHER_ACCOUNT, REGISTRY, AllowAll
from tests.registry.dump import API, ME, OTHER, REGION, TICK, Dump
from twinport.catalog.ports import Connection, Database, WholeCatalog
from twinport.catalog.regional import repositories, schema
from twinport.catalog.regional import scans as scans_of
from twinport.landing.pushes import Push, Unchanged
from twinport.model.content import Digest
from twinport.model.images import ImageDetail, ImageFilter, ImageId, NamedImage, NewRepository
from twinport.model.names import RegionName, Registry, RepositoryName, TagName
from twinport.model.scanning import (
    SCAN_INTERVAL,
    Findings,
    ScanFrequency,
    ScannedImage,
    ScanningConfiguration,
    ScanningRule,
    ScanState,
    ScanType,
    Severity,
)
from twinport.refusals.requests import InvalidParameter, ServerBusy
from twinport.refusals.scanning import (
    ImageTypeUnsupported,
    ScanFeatureDisabled,
    ScanImpossible,
    ScanNotFound,
    ScanQuotaExceeded,
)
from twinport.refusals.storage import StorageUnavailable
from twinport.registry import scan_runs
from twinport.registry.paging import PageRequest
from twinport.registry.scan_runs import DEFECTIVE, ScanRuns
from twinport.registry.scanning import FoundScan, Scanning

T = TypeVar("T")
LAYER = b"a layer"
ONE = Findings([{"name": "CVE-1", "severity": "HIGH"}], {Severity.HIGH: 1})
Answer = Callable[[ScannedImage], Findings]


def one_finding(image: ScannedImage) -> Findings:
    del image
    return ONE


def no_document(image: ScannedImage) -> Findings:
    raise ScanImpossible(f"there is no document for {image.repository.name}")


def many(count: int) -> Answer:
    entries: list[Mapping[str, Any]] = [{"name": f"CVE-{number}", "severity": "LOW"} for number in range(count)]
    return lambda _: Findings(entries, {Severity.LOW: count})


@dataclass
class FakeScanner:
    """Answers as a test says, and remembers what it was asked. While `gate` is closed, it does not answer."""

    answer: Answer = one_finding
    asked: list[tuple[Digest, ScanType]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Queue[Digest] = field(default_factory=asyncio.Queue)
    running: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def scan(self, image: ScannedImage, scan_type: ScanType) -> Findings:
        self.asked.append((image.digest, scan_type))
        self.running += 1
        self.most = max(self.most, self.running)
        self.begun.put_nowait(image.digest)
        try:
            await self.gate.wait()
            return self.answer(image)
        finally:
            self.running -= 1


class Scans:
    """A registry with images, the verbs of scanning, and the loop behind them."""

    def __init__(self, dump: Dump) -> None:
        self.dump, self.scanner = dump, FakeScanner()
        self.verbs = Scanning(AllowAll(), dump.catalog, requested=lambda: None)

    def runs(self, holder: str = "ann") -> ScanRuns:
        return ScanRuns(self.dump.catalog, self.scanner, holder, asyncio.Event())

    async def run(self) -> int:
        return await self.runs().scan_due(REGION)

    async def start(self, digest: Digest, name: RepositoryName = API) -> Digest:
        return await self.verbs.start(ME, REGISTRY.repository(name), ImageId(digest, None))

    async def find(self, digest: Digest, page: PageRequest | None = None, name: RepositoryName = API) -> FoundScan:
        return await self.verbs.find(ME, REGISTRY.repository(name), ImageId(digest, None), page or PageRequest())

    async def state(self, digest: Digest) -> tuple[ScanState, str | None]:
        found = await self.find(digest)
        return found.scan.state, found.scan.description

    async def set_rule(self, frequency: ScanFrequency, *filters: str, scan_type: ScanType = ScanType.BASIC) -> None:
        rules = (ScanningRule(frequency, filters),) if filters else ()
        await self.verbs.put_configuration(ME, REGISTRY, ScanningConfiguration(scan_type, rules))

    async def detail(self, digest: Digest) -> ImageDetail:
        [detail] = await self.dump.images.describe(ME, REGISTRY.repository(API), [NamedImage(str(digest))])
        return detail

    async def rows(self) -> tuple[int, int]:
        """Count the rows of scans, and of findings."""
        return await self.dump.region.read(
            lambda db: (
                db.execute(select(func.count()).select_from(schema.scan)).scalar_one(),
                db.execute(select(func.count()).select_from(schema.scan_findings)).scalar_one(),
            )
        )


@pytest.fixture
async def scans(catalog: WholeCatalog, tmp_path: Path) -> Scans:
    dump = Dump(catalog, tmp_path)
    await dump.make()
    return Scans(dump)


# --- what owes a scan -------------------------------------------------------------------------------------


async def test_a_push_is_scanned_if_its_repository_says_so_and_not_otherwise(scans: Scans) -> None:
    await scans.verbs.set_scan_on_push(ME, REGISTRY.repository(API), value=True)
    digest = await scans.dump.push(LAYER)
    other = await scans.dump.push(LAYER, name=OTHER)
    assert await scans.state(digest) == (ScanState.IN_PROGRESS, None)
    assert await scans.run() == 1
    assert scans.scanner.asked == [(digest, ScanType.BASIC)]
    found = await scans.find(digest)
    assert (found.scan.state, found.findings.items) == (ScanState.COMPLETE, tuple(ONE.entries))
    with pytest.raises(ScanNotFound):
        await scans.find(other, name=OTHER)


async def test_a_push_is_scanned_if_a_rule_of_the_registry_matches_its_repository(scans: Scans) -> None:
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*api")
    digest = await scans.dump.push(LAYER)
    await scans.dump.push(LAYER, name=OTHER)
    assert await scans.run() == 1
    assert scans.scanner.asked == [(digest, ScanType.BASIC)]


async def test_a_manual_rule_and_a_changed_mind_owe_no_scan(scans: Scans) -> None:
    await scans.set_rule(ScanFrequency.MANUAL, "*")
    await scans.verbs.set_scan_on_push(ME, REGISTRY.repository(API), value=True)
    await scans.verbs.set_scan_on_push(ME, REGISTRY.repository(API), value=False)
    await scans.dump.push(LAYER)
    assert await scans.run() == 0


async def test_a_new_tag_of_a_known_image_owes_no_scan(scans: Scans) -> None:
    await scans.dump.push(LAYER)
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*")
    await scans.dump.put(LAYER, tag="another")
    assert await scans.run() == 0


async def test_enhanced_scans_follow_the_rules_alone_and_are_never_started_by_request(scans: Scans) -> None:
    await scans.verbs.set_scan_on_push(ME, REGISTRY.repository(OTHER), value=True)
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*api", scan_type=ScanType.ENHANCED)
    digest = await scans.dump.push(LAYER)
    await scans.dump.push(LAYER, name=OTHER)
    assert await scans.run() == 1
    assert scans.scanner.asked == [(digest, ScanType.ENHANCED)]
    assert (await scans.find(digest)).scan_type is ScanType.ENHANCED
    with pytest.raises(ScanFeatureDisabled, match="This feature is disabled"):
        await scans.start(digest)


async def test_scans_of_the_other_type_are_away_and_come_back_with_the_type(scans: Scans) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.run()
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*", scan_type=ScanType.ENHANCED)
    with pytest.raises(ScanNotFound):
        await scans.find(digest)
    assert (await scans.detail(digest)).scan is None
    await scans.set_rule(ScanFrequency.MANUAL)
    assert (await scans.find(digest)).scan.state is ScanState.COMPLETE


async def test_what_is_no_image_is_not_scanned(scans: Scans) -> None:
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*")
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": str(Digest.of(LAYER)), "size": len(LAYER)}
    manifest_type = "application/vnd.oci.image.manifest.v1+json"
    artifact = {"schemaVersion": 2, "mediaType": manifest_type, "config": empty, "layers": []}
    await scans.dump.upload(LAYER)
    push = Push(json.dumps(artifact).encode(), None, (TagName("sbom"),), None, Unchanged.ACCEPT)
    digest = (await scans.dump.images.put(ME, REGISTRY.repository(API), push)).digest
    assert await scans.run() == 0
    with pytest.raises(ImageTypeUnsupported, match="is of a type that cannot be scanned"):
        await scans.start(digest)


# --- the quota --------------------------------------------------------------------------------------------


async def test_an_image_is_scanned_once_in_24_hours_by_whatever_cause(scans: Scans) -> None:
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*")
    digest = await scans.dump.push(LAYER)
    with pytest.raises(ScanQuotaExceeded, match="The scan quota per image has been exceeded"):
        await scans.start(digest)
    await scans.run()
    scans.dump.world.advance(SCAN_INTERVAL - TICK)
    with pytest.raises(ScanQuotaExceeded):
        await scans.start(digest)
    scans.dump.world.advance(TICK)
    await scans.start(digest)
    assert await scans.run() == 1


async def test_a_scan_that_failed_does_not_count(scans: Scans) -> None:
    scans.scanner.answer = no_document
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.run()
    assert await scans.state(digest) == (ScanState.FAILED, f"there is no document for {API}")
    scans.scanner.answer = one_finding
    await scans.start(digest)
    await scans.run()
    assert (await scans.find(digest)).scan.state is ScanState.COMPLETE


# --- results ----------------------------------------------------------------------------------------------


async def test_the_last_result_stays_while_another_scan_runs_and_goes_when_that_fails(scans: Scans) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.run()
    scans.dump.world.advance(SCAN_INTERVAL)
    scans.scanner.answer = no_document
    await scans.start(digest)
    during = await scans.find(digest)
    assert (during.scan.state, during.findings.items) == (ScanState.IN_PROGRESS, tuple(ONE.entries))
    await scans.run()
    after = await scans.find(digest)
    assert (after.scan.state, after.scan.has_result, after.findings.items) == (ScanState.FAILED, False, ())
    assert await scans.rows() == (1, 0)


async def test_descriptions_of_images_have_their_scans_and_counts(scans: Scans) -> None:
    digest = await scans.dump.push(LAYER)
    assert (await scans.detail(digest)).scan is None
    await scans.start(digest)
    await scans.run()
    scan = (await scans.detail(digest)).scan
    assert scan is not None
    assert (scan.state, scan.counts) == (ScanState.COMPLETE, {Severity.HIGH: 1})
    page = await scans.dump.images.describe_all(ME, REGISTRY.repository(API), ImageFilter(), PageRequest())
    assert [each.scan for each in page.items] == [scan]


@pytest.mark.parametrize("limit", [1, 99, 100, 101, 249, 250, 1000])
async def test_pages_hold_every_finding_once_and_in_order(scans: Scans, limit: int) -> None:
    scans.scanner.answer = many(250)
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.run()
    found, token = [], None
    for _ in range(2 + 250 // limit):
        page = (await scans.find(digest, PageRequest(limit, token))).findings
        assert len(page.items) <= limit
        found += [each["name"] for each in page.items]
        if (token := page.token) is None:
            break
    assert found == [f"CVE-{number}" for number in range(250)]


async def test_a_page_of_another_scan_is_not_continued(scans: Scans) -> None:
    scans.scanner.answer = many(3)
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.run()
    token = (await scans.find(digest, PageRequest(1))).findings.token
    scans.dump.world.advance(SCAN_INTERVAL)
    await scans.start(digest)
    await scans.run()
    with pytest.raises(InvalidParameter, match="nextToken"):
        await scans.find(digest, PageRequest(1, token))


async def test_an_image_scanned_continuously_is_scanned_again_each_day_while_the_rule_stands(scans: Scans) -> None:
    await scans.set_rule(ScanFrequency.CONTINUOUS_SCAN, "*", scan_type=ScanType.ENHANCED)
    digest = await scans.dump.push(LAYER)
    await scans.run()
    assert await scans.state(digest) == (ScanState.ACTIVE, "Continuous scan is selected for image.")
    scans.dump.world.advance(SCAN_INTERVAL - TICK)
    assert await scans.run() == 0
    scans.dump.world.advance(TICK)
    assert await scans.run() == 1
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*", scan_type=ScanType.ENHANCED)
    scans.dump.world.advance(SCAN_INTERVAL)
    assert await scans.run() == 1
    assert (await scans.find(digest)).scan.state is ScanState.COMPLETE
    scans.dump.world.advance(SCAN_INTERVAL)
    assert await scans.run() == 0


# --- deletion ---------------------------------------------------------------------------------------------


async def test_an_images_scan_goes_with_it(scans: Scans) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.run()
    assert await scans.rows() == (1, 1)
    await scans.dump.delete(digest)
    assert await scans.rows() == (0, 0)
    await scans.dump.push(LAYER)
    with pytest.raises(ScanNotFound):
        await scans.find(digest)


async def test_the_end_of_a_scan_stores_nothing_for_an_image_that_went_meanwhile(scans: Scans) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    scans.scanner.gate.clear()
    async with asyncio.TaskGroup() as group:
        group.create_task(scans.run())
        await scans.scanner.begun.get()
        await scans.dump.delete(digest)
        scans.scanner.gate.set()
    assert await scans.rows() == (0, 0)


async def test_a_deleted_repositorys_scans_are_not_run_and_go(scans: Scans) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.dump.drop()
    assert await scans.run() == 0
    await scans.dump.settle()
    assert await scans.rows() == (0, 0)


# --- the loop ---------------------------------------------------------------------------------------------


async def test_a_scan_whose_process_died_is_run_by_another_once_the_lease_has_lapsed(scans: Scans) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    scans.scanner.gate.clear()
    dying = asyncio.create_task(scans.run())
    await scans.scanner.begun.get()
    dying.cancel()
    await asyncio.wait({dying})
    scans.scanner.gate.set()
    bob = scans.runs("bob")
    assert await bob.scan_due(REGION) == 0
    assert (await scans.find(digest)).scan.state is ScanState.IN_PROGRESS
    scans.dump.world.advance(timedelta(minutes=3))
    assert await bob.scan_due(REGION) == 1
    assert (await scans.find(digest)).scan.state is ScanState.COMPLETE


async def test_few_scans_run_at_once(scans: Scans) -> None:
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*")
    for number in range(20):
        await scans.dump.push(f"layer {number}".encode(), tag=f"t{number}")
    scans.scanner.gate.clear()
    running = asyncio.create_task(scans.run())
    for _ in range(4):
        await scans.scanner.begun.get()
    scans.scanner.gate.set()
    assert await running == 20
    assert scans.scanner.most == 4


async def test_a_region_with_many_scans_lets_others_have_their_turn(
    scans: Scans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan_runs, "_BATCH", 1)
    monkeypatch.setattr(scan_runs, "_BATCHES", 2)
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*")
    for number in range(3):
        await scans.dump.push(f"layer {number}".encode(), tag=f"t{number}")
    runs = scans.runs()
    assert (await runs.scan_due(REGION), runs.requested.is_set()) == (2, True)
    runs.requested.clear()
    assert (await runs.scan_due(REGION), runs.requested.is_set()) == (1, False)


async def test_registries_take_turns_however_long_the_queue_of_one_is(scans: Scans) -> None:
    await scans.set_rule(ScanFrequency.SCAN_ON_PUSH, "*")
    early = [await scans.dump.push(f"layer {number}".encode(), tag=f"t{number}") for number in range(40)]
    scans.dump.world.advance(TICK)
    late = [await owed_by_another(scans, number) for number in range(2)]
    await scans.run()
    asked = [digest for digest, _ in scans.scanner.asked]
    assert sorted(map(str, asked)) == sorted(map(str, [*early, *late]))
    # Two registries take turns: each scan of the second comes after one more of the first than before it.
    assert [asked.index(digest) for digest in late] == [1, 3]


async def owed_by_another(scans: Scans, number: int) -> Digest:
    """Owe a scan to a registry of another account."""
    name, digest = RepositoryName(f"other/{number}"), Digest.of(f"other {number}".encode())
    now = scans.dump.world.now()

    def owe(db: Connection) -> None:
        repository = repositories.insert(db, Registry(OTHER_ACCOUNT, REGION).repository(name), NewRepository(), now)
        scans_of.request(db, repository.id, digest, ScanType.BASIC, now)

    await scans.dump.region.write(owe)
    return digest


async def test_a_defect_of_the_scanner_fails_one_scan_and_no_other(
    scans: Scans, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = await scans.dump.push(b"first"), await scans.dump.push(b"second", tag="2")

    def defective(image: ScannedImage) -> Findings:
        if image.digest == first:
            raise ZeroDivisionError
        return ONE

    scans.scanner.answer = defective
    await scans.start(first)
    await scans.start(second)
    await scans.run()
    assert await scans.state(first) == (ScanState.FAILED, DEFECTIVE)
    assert (await scans.find(second)).scan.state is ScanState.COMPLETE
    assert "ZeroDivisionError" in capfd.readouterr().err


async def test_a_scanner_that_is_busy_is_asked_again_a_moment_later(scans: Scans) -> None:
    def busy(image: ScannedImage) -> Findings:
        raise ServerBusy(f"scan of {image.repository.name}")

    scans.scanner.answer = busy
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    assert await scans.run() == 1
    assert (await scans.find(digest)).scan.state is ScanState.IN_PROGRESS
    assert await scans.run() == 0
    scans.scanner.answer = one_finding
    scans.dump.world.advance(timedelta(seconds=11))
    assert await scans.run() == 1
    assert (await scans.find(digest)).scan.state is ScanState.COMPLETE


async def test_the_end_of_a_scan_is_told(scans: Scans, capfd: pytest.CaptureFixture[str]) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    await scans.run()
    [told] = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "scan.ended" in line]
    assert (told["digest"], told["state"], told["findings"], told["scan_type"]) == (str(digest), "COMPLETE", 1, "BASIC")


@dataclass
class FailingOnce:
    """A Region's database that refuses one write: that of the end of a scan."""

    database: Database
    writes: int = 0

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read(query)

    async def read_much(self, query: Callable[[Connection], T]) -> T:
        return await self.database.read_much(query)

    async def write(self, transaction: Callable[[Connection], T]) -> T:
        self.writes += 1
        if self.writes == len(("the lease", "the end")):
            raise StorageUnavailable("the disk is full")
        return await self.database.write(transaction)


class FailingCatalog(TimedCatalog):
    """A catalog with such a database."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.failing = FailingOnce(self.catalog.region(REGION))

    def region(self, name: RegionName) -> Database:
        del name
        return self.failing


async def test_a_database_that_refuses_the_end_of_a_scan_does_not_end_the_loop(
    scans: Scans, capfd: pytest.CaptureFixture[str]
) -> None:
    digest = await scans.dump.push(LAYER)
    await scans.start(digest)
    requested = asyncio.Event()
    catalog = FailingCatalog(scans.dump.catalog, scans.dump.world)
    loop = asyncio.create_task(ScanRuns(catalog, scans.scanner, "ann", requested).run())
    for _ in range(2):
        await scans.scanner.begun.get()
        requested.set()
    while (await scans.find(digest)).scan.state is ScanState.IN_PROGRESS:  # noqa: ASYNC110 — another task's row
        await asyncio.sleep(0.01)
    assert not loop.done()
    loop.cancel()
    assert "the disk is full" in capfd.readouterr().err
