"""Any order of pushes, mounts, deletions, damage and steps of garbage collection, cut off anywhere, loses nothing.

No row names missing bytes; a client that heard of a layer can push the image that names it; every image can be
pulled; and when everything has settled there are no bytes without a row, and no blob without an image.
"""

import asyncio
import tempfile
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, select

from tests.fakes import REGISTRY
from tests.registry.dump import API, ME, OTHER, REGION, Dump
from tests.registry.serving import path_of
from tests.scratch import in_memory
from tests.shelf import image_of
from twinport.blobs.throughput_limit import UNHURRIED
from twinport.catalog.embedded import EmbeddedCatalog
from twinport.catalog.regional import garbage, schema
from twinport.catalog.regional.verification import Scope
from twinport.clock import ManualClock
from twinport.model.content import Digest, Key
from twinport.model.names import RepositoryName
from twinport.refusals.images import LayersMissing
from twinport.settings.retention import Retention

pytestmark = pytest.mark.large

T = TypeVar("T")
LAYERS = tuple(f"layer {number}".encode() for number in range(4))
NAMES = (API, OTHER)
RETENTION = Retention(
    garbage_delay=timedelta(hours=8),
    upload_expiry=timedelta(hours=4),
    reader_grace=timedelta(minutes=10),
    orphan_age=timedelta(hours=6),
)

name = st.sampled_from(NAMES)
layer = st.sampled_from(LAYERS)
some_layers = st.lists(layer, min_size=1, max_size=3, unique=True).map(tuple)
Image = tuple[RepositoryName, tuple[bytes, ...]]


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=in_memory())
        self.runner = asyncio.Runner()
        # Near the time of the files, which is the wall's.
        self.clock = ManualClock(datetime.now(UTC) + timedelta(minutes=1))
        self.catalog = EmbeddedCatalog(Path(self.folder.name), self.clock)
        self.dump = Dump(self.catalog, Path(self.folder.name), self.clock, RETENTION)
        self.images: set[Image] = set()
        self.promises: dict[tuple[RepositoryName, bytes], datetime] = {}
        self.damaged: set[bytes] = set()
        self.noticed: set[bytes] = set()
        self.lost: set[str] = set()

    def do(self, work: Awaitable[T]) -> T:
        async def done() -> T:
            return await work

        return self.runner.run(done())

    @initialize()
    def begin(self) -> None:
        self.do(self.dump.make(*NAMES))

    # --- clients ---

    @rule(content=layer, name=name)
    def upload(self, content: bytes, name: RepositoryName) -> None:
        self.do(self.dump.upload(content, name))
        if content in self.noticed:
            self.damaged.discard(content)
            self.noticed.discard(content)

    @rule(contents=some_layers, name=name)
    def push(self, contents: tuple[bytes, ...], name: RepositoryName) -> None:
        """Push as clients do: ask, upload what is not there, then put the image. It always works."""
        for content in contents:
            if not self.do(self.dump.has(Digest.of(content), name)):
                self.upload(content, name)
        self.do(self.dump.put(*contents, name=name, tag=tag_of(contents)))
        self.images.add((name, contents))

    @rule(contents=some_layers, name=name)
    def push_slowly(self, contents: tuple[bytes, ...], name: RepositoryName) -> None:
        """As `push`, with as much time and garbage collection before the image is put as the answers allow."""
        for content in contents:
            if not self.do(self.dump.has(Digest.of(content), name)):
                self.upload(content, name)
        self.clock.advance(RETENTION.garbage_delay - RETENTION.promise - timedelta(minutes=1))
        self.do(self.dump.sweep())
        self.do(self.dump.put(*contents, name=name, tag=tag_of(contents)))
        self.images.add((name, contents))

    @rule(content=layer, name=name)
    def ask(self, content: bytes, name: RepositoryName) -> None:
        if self.do(self.dump.has(Digest.of(content), name)):
            self.promises[name, content] = self.clock.now() + RETENTION.garbage_delay - RETENTION.promise

    @rule(contents=some_layers, name=name)
    def put(self, contents: tuple[bytes, ...], name: RepositoryName) -> None:
        """Put an image without looking: it works if its layers were said to be there not too long ago."""
        try:
            self.do(self.dump.put(*contents, name=name, tag=tag_of(contents)))
        except LayersMissing:
            assert not all(self.promised(content, name) for content in contents)
        else:
            self.images.add((name, contents))

    @rule(content=layer, source=name)
    def mount(self, content: bytes, source: RepositoryName) -> None:
        target = OTHER if source == API else API
        mounted = self.do(self.dump.mount(Digest.of(content), source, target))
        assert mounted or not self.promised(content, source)

    @precondition(lambda self: self.images)
    @rule(choice=st.randoms(use_true_random=False))
    def delete(self, choice: Random) -> None:
        name, contents = image = choice.choice(sorted(self.images))
        self.do(self.dump.delete(Digest.of(image_of(*contents)), name))
        self.images.remove(image)

    @rule(name=name)
    def drop(self, name: RepositoryName) -> None:
        self.do(self.dump.drop(name))
        self.do(self.dump.make(name))
        self.images = {image for image in self.images if image[0] != name}
        self.promises = {key: until for key, until in self.promises.items() if key[0] != name}

    @rule(content=layer, name=name)
    def abandon_an_upload(self, content: bytes, name: RepositoryName) -> None:
        self.do(self.dump.begin(content, name))

    # --- time and trouble ---

    @rule(quarters=st.integers(1, 5))
    def wait(self, quarters: int) -> None:
        self.clock.advance(RETENTION.garbage_delay / 4 * quarters)

    @rule(content=layer)
    def die_between_bytes_and_row(self, content: bytes) -> None:
        self.do(self.dump.leave(content))

    @rule()
    def die_before_the_files_are_removed(self) -> None:
        self.lease()

    @rule()
    def die_before_the_notes_are_removed(self) -> None:
        for key in self.lease():
            self.do(self.dump.stores.region(REGION).remove(key))

    @rule(content=layer)
    def damage(self, content: bytes) -> None:
        key = self.do(self.dump.region.read(lambda db: key_of(db, content)))
        if key is not None:
            self.dump.stores.region(REGION).path(key).write_bytes(content.upper())
            self.lost.discard(key)
            self.damaged.add(content)
            self.noticed.discard(content)
            self.promises = {each: until for each, until in self.promises.items() if each[1] != content}

    @rule(content=layer)
    def lose(self, content: bytes) -> None:
        """A file goes, and the next upload takes its place, though verification has not noticed."""
        key = self.do(self.dump.region.read(lambda db: key_of(db, content)))
        if key is not None:
            self.dump.stores.region(REGION).path(key).unlink(missing_ok=True)
            self.lost.add(key)
            self.damaged.add(content)
            self.noticed.add(content)
            self.promises = {each: until for each, until in self.promises.items() if each[1] != content}

    # --- garbage, step by step ---

    @rule()
    def expire_uploads(self) -> None:
        self.do(self.dump.garbage.expire_uploads(REGION))

    @rule()
    def review_layers(self) -> None:
        self.do(self.dump.garbage.review_layers(REGION))

    @rule()
    def review_blobs(self) -> None:
        self.do(self.dump.garbage.review_blobs(REGION))

    @rule()
    def sweep_keys(self) -> None:
        self.do(self.dump.garbage.sweep_keys(REGION))

    @rule()
    def tidy(self) -> None:
        self.do(self.dump.tidy())

    @rule()
    def verify(self) -> None:
        async def all_of_it() -> None:
            async for _ in self.dump.verification.verify_all(REGION, Scope(), UNHURRIED):
                pass

        self.do(all_of_it())
        self.noticed |= self.damaged

    # --- what holds at all times ---

    @invariant()
    def no_row_names_missing_bytes(self) -> None:
        assert self.do(self.dump.keys()) - self.lost <= self.dump.files()

    @invariant()
    def every_image_can_be_pulled(self) -> None:
        for name, contents in self.images:
            for content in set(contents) - self.damaged:
                found = self.do(self.dump.layers.find(ME, REGISTRY.repository(name), Digest.of(content)))
                assert path_of(found).read_bytes() == content

    def teardown(self) -> None:
        try:
            if self.images or self.dump.files():
                self.everything_settles()
        finally:
            self.catalog.close()
            self.runner.close()
            self.folder.cleanup()

    def everything_settles(self) -> None:
        for _ in range(2):
            self.clock.advance(RETENTION.orphan_age * 2)
            self.do(self.dump.tidy())
            self.do(self.dump.settle())
        assert self.dump.files() == self.do(self.dump.keys()) - self.lost
        wanted = {str(Digest.of(content)) for _, contents in self.images for content in contents}
        assert self.do(self.dump.region.read(left)) == wanted

    def promised(self, content: bytes, name: RepositoryName) -> bool:
        return self.promises.get((name, content), datetime.min.replace(tzinfo=UTC)) > self.clock.now()

    def lease(self) -> list[Key]:
        now = self.clock.now()
        before = now - RETENTION.reader_grace
        return self.do(
            self.dump.region.write(lambda db: garbage.lease_discarded(db, before, now, now + timedelta(minutes=1), 100))
        )


def tag_of(contents: tuple[bytes, ...]) -> str:
    return Digest.of(image_of(*contents)).hex[:12]


def key_of(db: Connection, content: bytes) -> Key | None:
    found = db.execute(select(schema.blob.c.key).where(schema.blob.c.digest == str(Digest.of(content)))).scalar()
    return None if found is None else Key(found)


def left(db: Connection) -> set[str]:
    """Return what the rows still know of: blobs; and no notes at all."""
    for table in (schema.layer_review, schema.blob_review, schema.discarded_key, schema.upload):
        assert db.execute(select(table)).all() == []
    return set(db.execute(select(schema.blob.c.digest)).scalars())


TestGarbage = Machine.TestCase
TestGarbage.settings = settings(
    max_examples=settings().max_examples // 10,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
