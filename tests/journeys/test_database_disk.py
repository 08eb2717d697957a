"""PostgreSQL's own disk fills up: the client is told so, what is stored stays, and free space is the whole cure."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys import postgresql, replication
from tests.journeys.clients import AWAY, HOME, SOURCE, Owner
from tests.journeys.disks import fill, small_disk
from tests.journeys.images import small
from tests.journeys.postgresql import PostgreSQL
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_THE_OTHER_REGION
from tests.journeys.server import Server
from twinport.tour.image import Blob, Image

LAYERS_ARE_FILES = True

REPOSITORY = "team/api"
IMAGE, PLAIN = small("first"), small("second")
# What does not compress, so that the manifest needs more pages than its table has to spare.
_WORDS = {f"word.{number}": os.urandom(512).hex() for number in range(1500)}
_CONTENT = json.dumps({**json.loads(PLAIN.manifest.content), "annotations": _WORDS}).encode()
LARGE = Image(PLAIN.config, PLAIN.layers, Blob(PLAIN.manifest.media_type, _CONTENT))


def test_a_full_disk_of_the_database_is_said_and_room_is_all_that_it_takes(tmp_path: Path) -> None:
    with small_database() as postgres, Server(tmp_path, database=postgres.new_address()) as server:
        source, away = Owner(server, SOURCE, HOME), Owner(server, SOURCE, AWAY)
        source.boto("ecr").create_repository(repositoryName=REPOSITORY)
        replication.configure(source, TO_THE_OTHER_REGION)
        registry = Registry.of(source)
        assert registry.push(REPOSITORY, "1", IMAGE) == 201
        replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1"}, away)
        assert [registry.push_blob(REPOSITORY, blob) for blob in LARGE.blobs] == [201] * len(LARGE.blobs)

        fill(postgres.folder / "ballast")
        path = f"{REPOSITORY}/manifests/2"
        said = registry.ask("PUT", path, LARGE.manifest.content, media_type=LARGE.manifest.media_type)
        assert said.status == 503
        assert b"nothing was changed" in said.body
        assert registry.ask("GET", path).status == 404
        assert registry.has(REPOSITORY, IMAGE)

        (postgres.folder / "ballast").unlink()
        postgres.wait()
        assert registry.put_manifest(REPOSITORY, "2", LARGE) == 201
        replication.wait_for_copies(source, REPOSITORY, {"imageTag": "2"}, away)
        assert Registry.of(away).has(REPOSITORY, LARGE)


@contextmanager
def small_database() -> Iterator[PostgreSQL]:
    """PostgreSQL on a disk that holds it, and a few hundred megabytes less than it would like."""
    with tempfile.TemporaryDirectory(prefix="twinport-postgresql-") as folder:
        Path(folder).chmod(0o755)
        with small_disk(Path(folder) / "disk", size="240m") as disk:
            server = postgresql.made(disk)
            server.start()
            try:
                yield server
            finally:
                server.stop()
