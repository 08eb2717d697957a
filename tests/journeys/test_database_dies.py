"""PostgreSQL dies, whole or in part, while twinport lives: what was acknowledged is there; no operator is needed."""

import pytest

from tests.catalogs import POSTGRESQL
from tests.journeys import replication
from tests.journeys.clients import SOURCE, Owner
from tests.journeys.images import small
from tests.journeys.postgresql import PostgreSQL
from tests.journeys.registry import Registry
from tests.journeys.replication import TO_BOTH

DATABASES = (POSTGRESQL,)
REPOSITORY = "team/api"
FIRST, SECOND = small("one"), small("two")


@pytest.fixture(autouse=True)
def _configured(source: Owner, other: Owner) -> None:
    source.boto("ecr").create_repository(repositoryName=REPOSITORY)
    replication.allow_replication(other, SOURCE)
    replication.configure(source, TO_BOTH)


def test_a_push_survives_the_end_of_the_whole_database(
    source: Owner, source_away: Owner, other: Owner, postgres: PostgreSQL
) -> None:
    registry = Registry.of(source)
    assert registry.push(REPOSITORY, "1", FIRST) == 201
    postgres.kill()
    assert registry.push_blob(REPOSITORY, SECOND.blobs[0]) == 503
    postgres.start()
    replication.wait_for_copies(source, REPOSITORY, {"imageTag": "1"}, source_away, other)
    assert all(Registry.of(owner).has(REPOSITORY, FIRST) for owner in (source, source_away, other))
    assert registry.push(REPOSITORY, "2", SECOND) == 201


def test_a_push_survives_the_end_of_one_connection_which_ends_all(
    source: Owner, source_away: Owner, other: Owner, postgres: PostgreSQL
) -> None:
    registry = Registry.of(source)
    for tag, image in (("1", FIRST), ("2", SECOND)):
        assert registry.push(REPOSITORY, tag, image) == 201
        postgres.kill_connection()
    for tag in ("1", "2"):
        replication.wait_for_copies(source, REPOSITORY, {"imageTag": tag}, source_away, other)
    assert all(Registry.of(owner).has(REPOSITORY, image) for owner in (source, other) for image in (FIRST, SECOND))
