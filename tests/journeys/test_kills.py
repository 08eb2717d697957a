"""SIGKILL of the real process just before each of its system calls: all that was acknowledged is there afterwards.

TWINPORT_KILLS says at how many points of each act it is done, or `all`; TWINPORT_SEED repeats a choice.
"""

import http.client
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from tests.journeys import replication
from tests.journeys.clients import AWAY, HOME, SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.kills import Point, chosen, killing, points_of
from tests.journeys.registry import Registry
from tests.journeys.server import Server
from tests.journeys.waiting import until
from twinport.tour.image import Blob, Image

LAYERS_ARE_FILES = True

REPOSITORY, TEMPORARY, OTHER = "team/api", "team/temporary", "team/other"
KILLS = os.environ.get("TWINPORT_KILLS", "5")
SEED = int(os.environ.get("TWINPORT_SEED") or random.randrange(1 << 32))
# What a client meets whose server dies.
DIED = (OSError, http.client.HTTPException, BotoCoreError)


@dataclass
class Witness:
    """Acts on a server, and remembers what it was promised."""

    server: Server
    folder: Path
    number: int = 0
    images: dict[str, Image] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home, self.away = Owner(self.server, SOURCE, HOME), Owner(self.server, SOURCE, AWAY)
        self.registry, self.far = Registry.of(self.home), Registry.of(self.away)

    @property
    def databases(self) -> list[Path]:
        regions = [self.folder / "regions" / region / "catalog.db" for region in (HOME, AWAY)]
        return [Path(f"{file}{end}") for file in regions for end in ("", "-wal")]

    # --- acts: each begins with a number of its own ---

    def push(self) -> None:
        """Push an image in every way: whole, in parts, and by mounting."""
        image = small(f"push-{self.number}")
        config, first, second = image.blobs
        assert self.registry.push_blob(REPOSITORY, config) == 201
        assert self.push_parts(first) == 201
        assert self.registry.push_blob(OTHER, second) == 201
        mount = f"{REPOSITORY}/blobs/uploads/?mount={second.digest}&from={SOURCE}/{HOME}/{OTHER}"
        assert self.registry.ask("POST", mount).status == 201
        self.put(f"push-{self.number}", image)

    def arrive(self) -> None:
        """Push an image, and wait until it has arrived in the other Region."""
        tag = f"arrival-{self.number}"
        self.push_whole(tag, small(tag))
        until(f"{tag} has arrived or the server is gone", lambda: self.has_arrived(tag), seconds=60)

    def furnish(self) -> None:
        """Push what `delete` deletes, and wait until it has arrived."""
        temporary = self.temporary()
        self.home.boto("ecr").create_repository(repositoryName=f"{TEMPORARY}-{self.number}")
        assert self.registry.push(f"{TEMPORARY}-{self.number}", "1", temporary) == 201
        assert self.registry.push(REPOSITORY, "deleted", temporary) == 201
        self.arrive()

    def delete(self) -> None:
        """Delete an image, and a repository with everything in it."""
        name, digest = f"{TEMPORARY}-{self.number}", self.temporary().manifest.digest
        assert self.registry.ask("DELETE", f"{REPOSITORY}/manifests/{digest}").status == 202
        self.deleted.append(f"{REPOSITORY}/manifests/{digest}")
        self.home.boto("ecr").delete_repository(repositoryName=name, force=True)
        self.deleted.append(f"{name}/manifests/{digest}")

    def nothing(self) -> None:
        """Prepare nothing."""

    def temporary(self) -> Image:
        return small(f"temporary-{self.number}")

    def push_whole(self, tag: str, image: Image) -> None:
        assert [self.registry.push_blob(REPOSITORY, blob) for blob in image.blobs] == [201] * len(image.blobs)
        self.put(tag, image)

    def put(self, tag: str, image: Image) -> None:
        assert self.registry.put_manifest(REPOSITORY, tag, image) == 201
        self.images[tag] = image

    def push_parts(self, blob: Blob) -> int:
        started = self.registry.ask("POST", f"{REPOSITORY}/blobs/uploads/")
        place = f"{REPOSITORY}/blobs/uploads/{started.headers['docker-upload-uuid']}"
        for part in (blob.content[:20], blob.content[20:]):
            assert self.registry.ask("PATCH", place, part).status == 202
        return self.registry.ask("PUT", f"{place}?digest={blob.digest}").status

    # --- what must be true ---

    def check(self) -> None:
        """Every promise is kept, whatever has a tag is whole, here and there, and no status is ahead."""
        for tag, image in list(self.images.items())[-3:]:
            assert self.registry.has(REPOSITORY, image), f"'{tag}' was acknowledged and is not whole"
            if self.has_arrived(tag):
                assert self.far.has(REPOSITORY, image), f"'{tag}' is said to be complete and is not"
        for place in self.deleted[-2:]:
            assert self.registry.ask("HEAD", place).status == 404, f"{place} was deleted and is back"
        for registry in (self.registry, self.far):
            self.check_tags(registry)

    def check_tags(self, registry: Registry) -> None:
        listed = registry.ask("GET", f"{REPOSITORY}/tags/list?n=1000")
        assert listed.status == 200
        for tag in json.loads(listed.body)["tags"][-3:]:
            manifest = json.loads(registry.ask("GET", f"{REPOSITORY}/manifests/{tag}").body)
            for part in (manifest["config"], *manifest["layers"]):
                said = registry.ask("GET", f"{REPOSITORY}/blobs/{part['digest']}")
                assert Blob("", said.body).digest == part["digest"], f"'{tag}' names an image that is not whole"

    def check_all(self) -> None:
        """In the end everything was carried."""
        for tag, image in self.images.items():
            until(f"{tag} has arrived", partial(self.has_arrived, tag), seconds=90)
            assert self.registry.has(REPOSITORY, image)
            assert self.far.has(REPOSITORY, image)

    def has_arrived(self, tag: str) -> bool:
        wanted = {(SOURCE, AWAY): "COMPLETE"}
        return replication.statuses(self.home, REPOSITORY, {"imageTag": tag}) == wanted


@dataclass(frozen=True)
class Act:
    """What is killed in its course, after something else was done in peace."""

    run: Callable[[Witness], None]
    prepare: Callable[[Witness], None] = Witness.nothing


@pytest.fixture
def witness(server: Server, tmp_path: Path) -> Witness:
    # Each point costs a start, on a machine that may have much to do.
    server.patience = 60.0
    witness = Witness(server, tmp_path / "data")
    for name in (REPOSITORY, OTHER):
        witness.home.boto("ecr").create_repository(repositoryName=name)
    replication.configure(witness.home, replication.TO_THE_OTHER_REGION)
    witness.arrive()
    return witness


@pytest.mark.parametrize(
    "act",
    [Act(Witness.push), Act(Witness.arrive), Act(Witness.delete, Witness.furnish)],
    ids=lambda act: act.run.__name__,
)
def test_wherever_the_process_is_killed_nothing_acknowledged_is_lost(
    witness: Witness, act: Act, tmp_path: Path
) -> None:
    act.prepare(witness)
    points = points_of(witness.server.pid, lambda: act.run(witness), tmp_path, witness.databases)
    some = chosen(points, KILLS, SEED)
    print(f"{act.run.__name__}: {len(some)} of {len(points)} points, TWINPORT_SEED={SEED}")
    died = [kill(witness, act, point) for point in some]
    witness.check_all()
    assert any(died)


def kill(witness: Witness, act: Act, point: Point) -> bool:
    """Act until the process is killed at a point, if it comes to it, and check what is there after a restart."""
    witness.number += 1
    act.prepare(witness)
    died = False
    with killing(witness.server.pid, point):
        try:
            act.run(witness)
        except DIED:
            died = True
    if died:
        witness.server.kill()
        witness.server.start()
    print(f"{'killed' if died else 'alive'} {point}")
    witness.check()
    return died
