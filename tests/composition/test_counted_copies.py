"""How much a copy asks of the databases, from the claim of its delivery to its settling: counted over a batch."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogs import ENGINES, POSTGRESQL, emptied_address
from tests.deployment import ROOT, Process, begun
from tests.fakes import ACCOUNT, OTHER_REGION
from tests.statements import Sent, commits, sent_by_new_connections

_IMAGES = 100


@pytest.fixture(params=ENGINES)
async def counted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Process, Sent]]:
    """A process with a rule, a repository whose copy is there, and what it sends."""
    database = emptied_address(request) if request.param == POSTGRESQL else None
    with sent_by_new_connections() as sent:
        process = begun(tmp_path / "data", database)
        try:
            destinations = [{"region": OTHER_REGION, "registryId": ACCOUNT}]
            rules = {"replicationConfiguration": {"rules": [{"destinations": destinations}]}}
            await process.done("ecr", "PutReplicationConfiguration", rules)
            await process.done("ecr", "CreateRepository", {"repositoryName": "team/api"})
            await process.push("team/api", "first", await process.login(ROOT))
            assert await process.whole.tasks.couriers.deliver_what_is_due() == 1
            yield process, sent
        finally:
            process.whole.close()


async def test_a_copy_in_a_batch_of_a_hundred_takes_few_statements(counted: tuple[Process, Sent]) -> None:
    process, sent = counted
    auth = await process.login(ROOT)
    for number in range(_IMAGES):
        await process.push("team/api", f"v{number}", auth)
    sent.taken()
    assert await process.whole.tasks.couriers.deliver_what_is_due() == _IMAGES
    statements = sent.taken()
    assert len(statements) <= 15 * _IMAGES
    assert commits(statements) <= _IMAGES / 3
